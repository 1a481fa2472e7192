package service_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/stamp"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
)

// stamping is an installation that timestamps what is stamped.
type stamping struct {
	*world
	tsa    *padestest.World
	stamps *stamp.Stamps
}

func newStamping(t *testing.T) *stamping {
	t.Helper()
	s := &stamping{tsa: padestest.New(t, padestest.P256)}
	signers := &later{}
	s.world = newWorld(t, func(c *service.Config) {
		clock := func() time.Time { return s.tsa.Now }
		c.Clock = clock
		var err error
		s.stamps, err = stamp.New(stamp.Config{
			Store: c.Store, Signers: signers, Clock: clock, MaxAge: time.Minute, Every: time.Second,
			Timestamper: anchor.TimestamperFunc(func(ctx context.Context, h crypto.Hash, d []byte) ([]byte, error) {
				ts, err := s.tsa.TSA.Timestamp(ctx, h, d)
				if err != nil {
					return nil, err
				}
				return ts.Token, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Stamper = s.stamps
		c.Trust = &verifier.Trust{TSARoots: s.tsa.TSARoot.Chain(), Issuers: []verifier.TrustedIssuer{{ID: "did:example:x"}}}
	})
	signers.s = s.s
	return s
}

// settle anchors what waits.
func (s *stamping) settle(c service.Caller) {
	s.t.Helper()
	handlers, _ := s.stamps.Jobs()
	args, err := service.EncodeArgs(service.ScopedID{Tenant: c.Tenant, Environment: c.Environment})
	if err != nil {
		s.t.Fatal(err)
	}
	for range 6 {
		for _, kind := range []string{stamp.JobAdd, stamp.JobRun} {
			if err := handlers[kind](s.ctx, service.Run{Kind: kind, Args: args, Attempt: 1, Attempts: 25}); err != nil {
				s.t.Log(kind, err) // "later"
			}
		}
		s.tsa.Now = s.tsa.Now.Add(time.Minute)
	}
}

// stamped is the proof that a file existed.
func (s *stamping) stamped(c service.Caller, b []byte) []byte {
	s.t.Helper()
	digest := sha256.Sum256(b)
	got := must(s.stamps.CreateStamps(s.ctx, c, []service.NewStamp{{Alg: "sha-256", Value: hex.EncodeToString(digest[:])}}, service.Idempotency{}))(s.t).Value
	s.settle(c)
	return must(s.stamps.StampProof(s.ctx, c, got[0].ID, false))(s.t).Bytes
}

// TestStampedFiles: a stamp of its bytes makes no file better than it is by itself.
func TestStampedFiles(t *testing.T) {
	w := newStamping(t)
	c := w.school("north", all)
	a := w.issue(c)
	text, vc, page, picture := []byte("a text"), w.file(c, a.ID, "vc"), w.file(c, a.ID, "pdf"), w.file(c, a.ID, "png")
	files := map[string][]byte{"text": text, "credential": vc, "page": page, "picture": picture}
	proofs := map[string][]byte{}
	for name, b := range files {
		proofs[name] = w.stamped(c, b)
		v := w.verify(proofs[name], b)
		expect(t, name, v, "valid", "", "*")
		if said := len(v.Report.Sub) == 1 && v.Report.Sub[0].Relation == "document"; said != (name != "text") || v.Environment != service.Test {
			t.Errorf("%s: %q, reports %+v", name, v.Environment, v.Report.Sub)
		}
	}
	changed := bytes.Replace(vc, []byte("Aina"), []byte("Anna"), 1)
	expect(t, "changed", w.verify(changed, w.stamped(c, changed)), "invalid", "signature_invalid", "*")
	bare := bytes.Replace(page, []byte("%PDF-"), []byte("%PDF-"), 1)
	bare = append(bare, "\n1 0 obj\n<</Type/Catalog>>\nendobj\n"...)
	expect(t, "appended to", w.verify(bare, w.stamped(c, bare)), "invalid", "*", "*")
	must(w.s.Suspend(w.ctx, c, a.ID, "x", once))(t)
	expect(t, "suspended", w.verify(proofs["credential"], vc), "invalid", "suspended", service.StateSuspended)
	must(w.s.Reinstate(w.ctx, c, a.ID, "x", once))(t)
	expect(t, "reinstated", w.verify(proofs["credential"], vc), "valid", "", "*")
	must(w.s.Revoke(w.ctx, c, a.ID, "x", once))(t)
	for name, reason := range map[string]string{"credential": "revoked", "page": "inner_invalid", "picture": "revoked"} {
		expect(t, "revoked "+name, w.verify(files[name], proofs[name]), "invalid", reason, "*")
		expect(t, "revoked "+name+" in a ZIP", w.verify(zipped(t, map[string][]byte{"a": proofs[name], "b": files[name], "c": text})), "invalid", "inner_invalid", "*")
	}
	expect(t, "the text all the same", w.verify(proofs["text"], text), "valid", "", "*")
}

// TestStampedOtherProcess: one that has not heard of the issuer yet comes to the same.
func TestStampedOtherProcess(t *testing.T) {
	w := newStamping(t)
	c, other := w.school("north", all), w.school("south", all)
	page := w.file(c, w.issue(c).ID, "pdf")
	proof := w.stamped(other, page)
	process := w.again()
	v, err := process.VerifyFiles(w.ctx, []service.Upload{{Bytes: page}, {Bytes: proof}}, "api")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "a page stamped by others", v, "valid", "", "*")
}

// TestStampedBeforeCompromise: what a key signed before it was compromised holds with a
// proof of that time, and a proof of a later one changes nothing.
func TestStampedBeforeCompromise(t *testing.T) {
	w := newStamping(t)
	c := w.school("north", all, func(in *service.NewType) { yes := true; in.Anchor = &yes })
	a := w.issue(c)
	w.settle(c)
	vc := w.file(c, a.ID, "vc")
	evidence, early := w.file(c, a.ID, "evidence"), w.stamped(c, vc)
	issuer := must(w.s.ListIssuers(w.ctx, c, service.Page{}))(t).Items[0]
	w.tsa.Now = w.tsa.Now.Add(time.Hour)
	must(w.s.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{Compromised: true}, once))(t)
	expect(t, "by itself", w.verify(vc), "indeterminate", "key_revoked", "*")
	expect(t, "with its evidence", w.verify(evidence, vc), "valid", "", "*")
	expect(t, "with a stamp", w.verify(early, vc), "valid", "", "*")
	expect(t, "with a late stamp", w.verify(w.stamped(c, vc), vc), "indeterminate", "key_revoked", "*")
}
