package service_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
)

// listFault is a store that serves another status list than the one that was published.
type listFault struct {
	service.Store
	fault func(service.Publication) (service.Publication, error)
}

type listFaultTx struct {
	service.Tx
	fault func(service.Publication) (service.Publication, error)
}

func (s *listFault) View(ctx context.Context, f func(service.Tx) error) error {
	return s.Store.View(ctx, func(tx service.Tx) error { return f(listFaultTx{tx, s.fault}) })
}

func (t listFaultTx) Published(ctx context.Context, id, purpose string) (service.Publication, error) {
	p, err := t.Tx.Published(ctx, id, purpose)
	if err == nil && t.fault != nil {
		return t.fault(p)
	}
	return p, err
}

// TestListFaults: the eight failures of a status list are never valid, by id, upload or hash.
func TestListFaults(t *testing.T) {
	fault := &listFault{}
	w := newWorld(t, func(c *service.Config) { fault.Store = c.Store; c.Store = fault })
	c := w.school("north")
	got := w.issue(c)
	vc := w.file(c, got.ID, "vc")
	key, did, err := w.s.SigningKey(w.ctx, c.Scope, must(w.s.ListIssuers(w.ctx, c, service.Page{}))(t).Items[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	stranger := must(signer.NewKey(must(signer.Generate(signer.Ed25519))(t)))(t)
	strangerDID, _, _ := signer.Identifier(stranger.Signer.Public())
	list := must(chancery.Parse(vc))(t).Status()[0].ListCredential
	build := func(k signer.Key, change func(*chancery.Draft, map[string]any)) func(service.Publication) (service.Publication, error) {
		return func(p service.Publication) (service.Publication, error) {
			subject := map[string]any{"id": list + "#list", "type": "BitstringStatusList", "statusPurpose": "revocation", "encodedList": encoded(131072 / 8)}
			d := chancery.Draft{ID: list, Types: []string{"BitstringStatusListCredential"}, Issuer: did, ValidFrom: w.clock().Add(-time.Hour), ValidUntil: w.clock().Add(time.Hour), Subject: subject}
			change(&d, subject)
			credential, err := d.Build()
			if err != nil {
				return p, err
			}
			signed, err := (&signer.DataIntegrity{Key: k, Created: w.clock()}).Sign(w.ctx, credential)
			p.Bytes = signed.Bytes
			return p, err
		}
	}
	for _, test := range []struct {
		name, outcome, reason string
		fault                 func(service.Publication) (service.Publication, error)
	}{
		{"fine", "valid", "", build(key, func(*chancery.Draft, map[string]any) {})},
		{"gone", "indeterminate", "status_unreachable", func(p service.Publication) (service.Publication, error) { return p, service.ErrNotFound }},
		{"store down", "indeterminate", "status_unreachable", func(p service.Publication) (service.Publication, error) { return p, service.ErrUnavailable }},
		{"expired", "indeterminate", "status_list_expired", build(key, func(d *chancery.Draft, _ map[string]any) { d.ValidUntil = w.clock().Add(-time.Minute) })},
		{"not yet", "indeterminate", "status_list_not_yet_valid", build(key, func(d *chancery.Draft, _ map[string]any) { d.ValidFrom = w.clock().Add(time.Minute) })},
		{"bad signature", "*", "status_list_signature", func(p service.Publication) (service.Publication, error) {
			p.Bytes = bytes.Replace(p.Bytes, []byte(`#list"`), []byte(`#lost"`), 1)
			return p, nil
		}},
		{"wrong issuer", "*", "status_list_issuer", build(stranger, func(d *chancery.Draft, _ map[string]any) { d.Issuer = strangerDID })},
		{"key of another", "*", "status_list_signature", build(stranger, func(*chancery.Draft, map[string]any) {})},
		{"wrong purpose", "*", "status_purpose_mismatch", build(key, func(_ *chancery.Draft, s map[string]any) { s["statusPurpose"] = "suspension" })},
		{"too short", "*", "status_list_too_short", build(key, func(_ *chancery.Draft, s map[string]any) { s["encodedList"] = encoded(10) })},
		{"another list", "*", "status_list_type", build(key, func(d *chancery.Draft, _ map[string]any) { d.ID = base + "/status/other" })},
		{"not a list", "*", "status_list_type", build(key, func(d *chancery.Draft, _ map[string]any) { d.Types = nil })},
		{"no JSON", "*", "*", func(p service.Publication) (service.Publication, error) { p.Bytes = []byte("{"); return p, nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			fault.fault = test.fault
			w.pass(2 * time.Second) // what was read before is read again
			for what, v := range map[string]service.Verdict{
				"by id": w.verifyID(got.PublicID), "upload": w.verify(vc), "hash": must(w.s.VerifyHash(w.ctx, "sha-256", sum(vc), "api"))(t),
			} {
				if test.outcome == "*" {
					if v.Report.Outcome == verifier.Valid || test.reason != "*" && string(v.Report.Reason) != test.reason {
						t.Errorf("%s: found %s %s", what, v.Report.Outcome, v.Report.Reason)
					}
					continue
				}
				expect(t, what, v, test.outcome, test.reason, "*")
			}
		})
	}
}

func encoded(n int) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(make([]byte, n))
	w.Close()
	return "u" + base64.RawURLEncoding.EncodeToString(b.Bytes())
}

// TestOtherProcess: a revocation is seen at once where it was made, and within a second in
// other processes.
func TestOtherProcess(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	got := w.issue(c)
	other := w.again()
	vc := []service.Upload{{Bytes: w.file(c, got.ID, "vc")}}
	expect(t, "before", must(other.VerifyFiles(w.ctx, vc, "api"))(t), "valid", "", "*")
	must(w.s.Revoke(w.ctx, c, got.ID, "x", once))(t)
	expect(t, "here", must(w.s.VerifyFiles(w.ctx, vc, "api"))(t), "invalid", "revoked", "*")
	w.pass(time.Second)
	expect(t, "there", must(other.VerifyFiles(w.ctx, vc, "api"))(t), "invalid", "revoked", "*")
	// A new issuer of another process is known at once.
	south := w.school("south")
	second := w.issue(south)
	expect(t, "new issuer", must(other.VerifyFiles(w.ctx, []service.Upload{{Bytes: w.file(south, second.ID, "vc")}}, "api"))(t), "valid", "", "*")
}

// TestRenewal: lists are published anew before they end.
func TestRenewal(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	got := w.issue(c)
	revoked := w.issue(c)
	must(w.s.Revoke(w.ctx, c, revoked.ID, "x", once))(t)
	w.pass(8 * 24 * time.Hour)
	expect(t, "an old list", w.verifyID(got.PublicID), "indeterminate", "status_list_expired", service.StateIssued)
	w.do(service.JobRenew)
	w.pass(time.Second)
	expect(t, "renewed", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
	expect(t, "renewed", w.verifyID(revoked.PublicID), "invalid", "revoked", service.StateRevoked)
}

// TestRenewalOfLater: lists that were published while the clock was ahead are believed by
// nobody when it is right, and are published anew then.
func TestRenewalOfLater(t *testing.T) {
	const years = 10 * 365 * 24 * time.Hour
	w := newWorld(t)
	c := w.school("north", func(t *service.NewType) { t.Validity = nil })
	got, revoked := w.issue(c), w.issue(c)
	w.pass(years)
	must(w.s.Revoke(w.ctx, c, revoked.ID, "x", once))(t)
	w.do(service.JobRenew)
	w.pass(-years + time.Hour)
	expect(t, "a list of later", w.verifyID(got.PublicID), "indeterminate", "status_list_signature", service.StateIssued)
	w.do(service.JobRenew)
	w.pass(time.Second)
	expect(t, "published anew", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
	expect(t, "published anew", w.verifyID(revoked.PublicID), "invalid", "revoked", service.StateRevoked)
}

// TestRenewalOfOthers: an issuer whose key cannot be had does not keep the lists of others
// from being renewed, however many it has, and the job says what failed.
func TestRenewalOfOthers(t *testing.T) {
	w := newWorld(t)
	broken, c := w.school("aaa"), w.school("north")
	lost := w.issue(broken)
	id := must(w.s.ListIssuers(w.ctx, broken, service.Page{}))(t).Items[0].ID
	for range 30 { // more lists than are looked at once
		if err := w.store.Update(w.ctx, func(tx service.Tx) error {
			_, _, err := w.s.AddStatusList(w.ctx, tx, broken.Scope, service.NewStatusList{Issuer: id, Purpose: "revocation"})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.pass(time.Hour)
	got := w.issue(c)
	err := w.store.Update(w.ctx, func(tx service.Tx) error {
		_, r, err := tx.Find(w.ctx, service.KindIssuer, lost.Issuer.ID)
		if err != nil {
			return err
		}
		var issuer service.StoredIssuer
		if err := json.Unmarshal(r.Body, &issuer); err != nil {
			return err
		}
		issuer.Keys[0].Sealed = []byte("of a ring that is gone")
		return service.Put(w.ctx, tx, broken.Scope, r, issuer)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.s = w.again()
	w.pass(8 * 24 * time.Hour)
	handlers, _ := w.s.Jobs()
	if err := handlers[service.JobRenew](w.ctx, service.Run{Kind: service.JobRenew, Attempt: 1}); !errors.Is(err, service.ErrSealed) {
		t.Errorf("expected the job to say what failed, found %v", err)
	}
	expect(t, "of an issuer in order", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
	expect(t, "of one whose key is lost", w.verifyID(lost.PublicID), "indeterminate", "status_list_expired", service.StateIssued)
}

// TestRevokedElsewhere: a process that has read a list lately sees by the register that
// another one has published it anew.
func TestRevokedElsewhere(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	got := w.issue(c)
	expect(t, "issued", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
	other := w.again()
	must(other.Suspend(w.ctx, c, got.ID, "x", once))(t)
	expect(t, "suspended elsewhere", w.verifyID(got.PublicID), "invalid", "suspended", service.StateSuspended)
	must(other.Reinstate(w.ctx, c, got.ID, "x", once))(t)
	expect(t, "reinstated elsewhere", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
	must(other.Revoke(w.ctx, c, got.ID, "x", once))(t)
	expect(t, "revoked elsewhere", w.verifyID(got.PublicID), "invalid", "revoked", service.StateRevoked)
	expect(t, "uploaded", w.verify(w.file(c, got.ID, "vc")), "invalid", "revoked", service.StateRevoked)
}

// TestRotatedElsewhere: what is signed with a key that another process has made is not
// invalid where the issuer was read a moment before, in any form.
func TestRotatedElsewhere(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	expect(t, "issued", w.verifyID(w.issue(c).PublicID), "valid", "", service.StateIssued)
	here, other := w.s, w.again()
	issuer := must(here.ListIssuers(w.ctx, c, service.Page{}))(t).Items[0]
	for _, compromised := range []bool{false, true} {
		w.pass(100 * time.Millisecond)
		must(other.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{Compromised: compromised}, once))(t)
		w.s = other
		got := w.issue(c)
		files := map[string][]byte{}
		for name := range got.Artifacts {
			files[name] = w.file(c, got.ID, name)
		}
		w.s = here
		for name, b := range files {
			expect(t, "signed elsewhere, uploaded as "+name, w.verify(b), "valid", "", service.StateIssued)
			w.pass(20 * time.Millisecond)
		}
		expect(t, "signed elsewhere, by id", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
	}
}

// TestRotatedJustNow: where the issuer was read in the same moment as the key was added, by
// one who waits or many, that is waited for and looked at again.
func TestRotatedJustNow(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	here, other := w.s, w.again()
	issuer := must(here.ListIssuers(w.ctx, c, service.Page{}))(t).Items[0]
	for range 3 {
		w.s = here
		expect(t, "read", w.verifyID(w.issue(c).PublicID), "valid", "", service.StateIssued)
		must(other.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{}, once))(t)
		w.s = other
		b := w.file(c, w.issue(c).ID, "vc")
		w.s = here
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				expect(t, "signed in the same moment", w.verify(b), "valid", "", service.StateIssued)
			})
		}
		wg.Wait()
	}
	ctx, cancel := context.WithCancel(w.ctx)
	must(other.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{}, once))(t)
	w.s = other
	b := w.file(c, w.issue(c).ID, "vc")
	cancel()
	if v, err := here.VerifyFiles(ctx, []service.Upload{{Bytes: b}}, "api"); err == nil {
		t.Errorf("expected a call that has ended to be no verdict, found %v", v.Report.Outcome)
	}
}

// TestDistrustedLists: lists that a key has signed which is found out later to be known to
// others are signed anew at once, so that what they speak of stays decided.
func TestDistrustedLists(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	old := w.issue(c)
	issuer := must(w.s.ListIssuers(w.ctx, c, service.Page{}))(t).Items[0]
	w.pass(time.Hour)
	must(w.s.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{}, once))(t)
	got, revoked := w.issue(c), w.issue(c)
	must(w.s.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{Compromised: true, Key: issuer.Keys[0].ID}, once))(t)
	expect(t, "by a key in order", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
	expect(t, "by the distrusted key", w.verifyID(old.PublicID), "indeterminate", "key_revoked", service.StateIssued)
	must(w.s.Revoke(w.ctx, c, revoked.ID, "x", once))(t)
	expect(t, "revoked", w.verifyID(revoked.PublicID), "invalid", "revoked", service.StateRevoked)
	for _, suffix := range []string{"", "-s"} {
		f, _, err := w.s.StatusList(w.ctx, strings.TrimPrefix(got.StatusList, base+"/status/")+suffix)
		if err != nil || bytes.Contains(f.Bytes, []byte(issuer.Keys[0].ID)) {
			t.Errorf("list%s is still as the distrusted key signed it: %v", suffix, err)
		}
	}
}

// TestPublished: stable addresses answer with what credentials name.
func TestPublished(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	got := w.issue(c)
	vc := string(w.file(c, got.ID, "vc"))
	name := strings.TrimPrefix(got.StatusList, base+"/status/")
	for _, id := range []string{name, name + "-s"} {
		f, age, err := w.s.StatusList(w.ctx, id)
		if err != nil || age <= 0 || f.MediaType != chancery.MediaVC || !bytes.Contains(f.Bytes, []byte(base+"/status/"+id)) {
			t.Errorf("%s: %v %v", id, f.MediaType, err)
		}
	}
	at := strings.Index(vc, base+"/schemas/")
	schema := vc[at+len(base+"/schemas/"):]
	schema = schema[:strings.IndexByte(schema, '#')]
	if f := must(w.s.Schema(w.ctx, schema))(t); !bytes.Contains(f.Bytes, []byte("trainerName")) {
		t.Errorf("unexpected schema %s", f.Bytes)
	}
	at = strings.Index(vc, base+"/pictures/")
	picture := vc[at+len(base+"/pictures/"):]
	picture = picture[:strings.IndexByte(picture, '"')]
	if f := must(w.s.Picture(w.ctx, picture))(t); f.MediaType != chancery.MediaPNG {
		t.Errorf("unexpected picture %+v", f.MediaType)
	}
	for what, err := range map[string]error{
		"page as picture": second(w.s.Picture(w.ctx, got.Artifacts["pdf"].Digest+".png")),
		"badge as such":   second(w.s.Picture(w.ctx, got.Artifacts["png"].Digest+".png")),
		"picture":         second(w.s.Picture(w.ctx, "../x.png")),
		"schema":          second(w.s.Schema(w.ctx, "x.1")),
		"document":        second(w.s.DIDDocument(w.ctx, "i/nothing")),
		"keys":            second(w.s.JWKS(w.ctx, "i/nothing")),
		"artefact":        second(w.s.PublicArtifact(w.ctx, got.PublicID, "docx")),
		"evidence":        second(w.s.PublicArtifact(w.ctx, got.PublicID, "evidence")),
		"portfolio":       second(w.s.PublicPortfolio(w.ctx, "nothing")),
	} {
		if !service.IsNotFound(err) {
			t.Errorf("%s: expected not found, found %v", what, err)
		}
	}
	for _, path := range []string{"", "i/" + strings.TrimPrefix(strings.Split(got.Issuer.ID, ":i:")[1], "")} {
		if f := must(w.s.JWKS(w.ctx, path))(t); !bytes.Contains(f.Bytes, []byte(`"kid"`)) {
			t.Errorf("unexpected keys %s", f.Bytes)
		}
	}
	if _, err := w.s.Preview(w.ctx, c, "safety-training", service.ItemInput{}); err != nil {
		t.Error(err)
	}
}
