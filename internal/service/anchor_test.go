package service_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/hex"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/stamp"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
)

// later is a service that is made after who needs it.
type later struct{ s *service.Service }

func (l *later) AnchorKey(ctx context.Context, s service.Scope, did string) (signer.Key, string, error) {
	return l.s.AnchorKey(ctx, s, did)
}

// TestAnchored: C22, T30, j, b: a credential's evidence holds it, proves nothing of another
// one, and keeps it valid when its key is compromised later.
func TestAnchored(t *testing.T) {
	tsa := padestest.New(t, padestest.P256)
	signers := &later{}
	var stamps *stamp.Stamps
	w := newWorld(t, func(c *service.Config) {
		clock := func() time.Time { return tsa.Now }
		c.Clock = clock
		var err error
		stamps, err = stamp.New(stamp.Config{
			Store: c.Store, Signers: signers, Clock: clock, MaxAge: time.Minute, Every: time.Second,
			Timestamper: anchor.TimestamperFunc(func(ctx context.Context, h crypto.Hash, d []byte) ([]byte, error) {
				ts, err := tsa.TSA.Timestamp(ctx, h, d)
				if err != nil {
					return nil, err
				}
				return ts.Token, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Stamper = stamps
		c.Trust = &verifier.Trust{TSARoots: tsa.TSARoot.Chain(), Any: false, Issuers: []verifier.TrustedIssuer{{ID: "did:example:x"}}}
	})
	signers.s = w.s
	c := w.school("north", all, func(in *service.NewType) { yes := true; in.Anchor = &yes })
	a, b := w.issue(c), w.issue(c)
	if a.Anchor == nil || a.Anchor.State != "pending" {
		t.Errorf("unexpected anchor %+v", a.Anchor)
	}
	_, err := w.s.Artifact(w.ctx, c, a.ID, "evidence")
	refused(t, "evidence before it is there", err, service.CodeState)
	handlers, _ := stamps.Jobs()
	args, _ := service.EncodeArgs(service.ScopedID{Tenant: c.Tenant, Environment: c.Environment})
	for range 6 {
		for _, kind := range []string{stamp.JobAdd, stamp.JobRun} {
			if err := handlers[kind](w.ctx, service.Run{Kind: kind, Args: args, Attempt: 1, Attempts: 25}); err != nil {
				t.Log(kind, err) // "later"
			}
		}
		tsa.Now = tsa.Now.Add(time.Minute)
	}
	if shown := w.get(c, a.ID); shown.Anchor.State != "anchored" {
		t.Fatalf("not anchored: %+v", shown.Anchor)
	}
	proof := w.file(c, a.ID, "evidence")
	if told := w.get(c, a.ID).Artifacts["evidence"]; told.Digest != hex.EncodeToString(sum(proof)) || told.Size != int64(len(proof)) || told.URL == "" {
		t.Errorf("the evidence is told of as %+v", told)
	}
	expect(t, "evidence", w.verify(proof), "valid", "", "*")
	expect(t, "evidence and its credential", w.verify(proof, w.file(c, a.ID, "vc")), "valid", "", "*")
	if v := w.verify(proof, w.file(c, b.ID, "pdf")); v.Report.Outcome == verifier.Valid && len(v.Report.Sub) < 2 {
		t.Error("the evidence of A passes for a document of B")
	}
	swapped := bytes.Replace(proof, w.file(c, a.ID, "vc"), w.file(c, b.ID, "vc"), 1)
	if bytes.Equal(swapped, proof) {
		t.Error("the evidence does not hold the credential")
	}
	if v := w.verify(swapped); v.Report.Outcome == verifier.Valid {
		t.Error("the evidence of A around the credential of B is valid")
	}
	v := w.verifyID(a.PublicID)
	expect(t, "by id", v, "valid", "", service.StateIssued)
	if check, ok := v.Report.Check(verifier.CheckTimestamp); !ok || check.Result != verifier.Pass {
		t.Errorf("the timestamp is not shown: %+v", check)
	}
	issuer := must(w.s.ListIssuers(w.ctx, c, service.Page{}))(t).Items[0]
	tsa.Now = tsa.Now.Add(time.Hour)
	must(w.s.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{Compromised: true}, once))(t)
	expect(t, "older than the compromise", w.verifyID(a.PublicID), "valid", "", service.StateIssued)
	must(w.s.Revoke(w.ctx, c, b.ID, "x", once))(t)
	expect(t, "revoked all the same", w.verifyID(b.PublicID), "invalid", "revoked", service.StateRevoked)
}

// TestStampByHash: the verdict on a hash says of which environment its stamp is, and one that
// was made for trying out stands in nobody's way.
func TestStampByHash(t *testing.T) {
	s := newStamping(t)
	test := s.school("north")
	live := service.System(service.Scope{Tenant: "north", Environment: service.Live})
	s.issuer(live)
	for _, alg := range evidence.DigestAlgs() {
		digest := must(evidence.SumDigest(alg, []byte("a thesis")))(t)
		stamp := func(c service.Caller) {
			must(s.stamps.CreateStamps(s.ctx, c, []service.NewStamp{{Alg: alg, Value: hex.EncodeToString(digest)}}, once))(t)
		}
		told := func(what, outcome, reason string, e service.Environment) {
			t.Helper()
			v := must(s.s.VerifyHash(s.ctx, alg, digest, "api"))(t)
			expect(t, alg+": "+what, v, outcome, reason, "")
			if v.Environment != e {
				t.Errorf("%s: %s: expected %q, found %q", alg, what, e, v.Environment)
			}
		}
		told("unknown", "indeterminate", "not_found", "")
		stamp(test)
		told("stamped in test", "indeterminate", "evidence_anchor_missing", service.Test)
		s.settle(test)
		told("anchored in test", "valid", "", service.Test)
		stamp(live)
		told("stamped", "indeterminate", "evidence_anchor_missing", service.Live)
		s.settle(live)
		told("anchored", "valid", "", service.Live)
	}
}
