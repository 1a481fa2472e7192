package service_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

func all(t *service.NewType) { t.Outputs = []string{"vc", "vc.jwt", "pdf", "badge"} }

// TestIssueEverything: D3, D7, C4, C8, V8: one call makes every artefact, and each verifies
// alone, by upload, by id and by hash.
func TestIssueEverything(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	got := w.issue(c, func(in *service.NewCredential) { in.ID = "CX-CLIENT-0001" })
	if got.ID != "CX-CLIENT-0001" || got.State != service.StateIssued || got.Version != 1 || got.VerificationURL != base+"/c/"+got.PublicID || len(got.PublicID) != 22 {
		t.Errorf("unexpected answer %+v", got)
	}
	if len(got.PrivateFields) != 1 || got.PrivateFields[0] != "identificationNo" || got.Claims["trainerName"] != "Dr. Weir" {
		t.Errorf("unexpected fields %v %v", got.Claims, got.PrivateFields)
	}
	if want := time.Date(2027, 5, 10, 8, 0, 0, 0, time.UTC); got.ValidUntil == nil || !got.ValidUntil.Equal(want) {
		t.Errorf("expected the type's validity, found %v", got.ValidUntil)
	}
	if len(got.Artifacts) != 5 {
		t.Fatalf("expected five artefacts, found %v", got.Artifacts)
	}
	for name, a := range got.Artifacts {
		b := w.file(c, got.ID, name)
		if a.Size != int64(len(b)) || !strings.HasPrefix(a.URL, base+"/c/"+got.PublicID+"/"+name) || a.ExpiresIn != 0 {
			t.Errorf("%s: unexpected description %+v", name, a)
		}
		expect(t, name, w.verify(b), "valid", "", "*")
		byHash := must(w.s.VerifyHash(w.ctx, "sha-256", sum(b), "api"))(t)
		expect(t, name+" by hash", byHash, "valid", "", service.StateIssued)
	}
	v := w.verifyID(got.PublicID)
	expect(t, "by id", v, "valid", "", service.StateIssued)
	if v.Subject.Name != "Aina Rahman" || v.Issuer.Name != "Academy of north" || !v.Report.Offline {
		t.Errorf("unexpected verdict %+v", v)
	}
}

// TestContent: what is signed holds public and disclosed fields, and nothing that is
// private or an address.
func TestContent(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	got := w.issue(c)
	vc := w.file(c, got.ID, "vc")
	for _, absent := range []string{"aina@example.com", "900101"} {
		for name := range got.Artifacts {
			if bytes.Contains(w.file(c, got.ID, name), []byte(absent)) {
				t.Errorf("%s holds %s", name, absent)
			}
		}
	}
	doc, err := strictjson.Parse(vc, strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range badge.Check(doc, badge.Strict) {
		if f.Grade != badge.Note {
			t.Errorf("the badge breaks a rule: %v", f)
		}
	}
	view := badge.Read(doc, 0)
	values := map[string]string{}
	for _, r := range view.Results {
		for _, d := range view.Achievements[0].ResultDescriptions {
			if d.ID == r.Description {
				values[d.Name] = r.Value
			}
		}
	}
	if values["Trainer"] != "Dr. Weir" || values["Room"] != "B 12" || !strings.HasPrefix(values["Identification No. (salted SHA-256)"], "sha256$") {
		t.Errorf("unexpected results %v", values)
	}
	if !badge.MatchIdentity(doc, doc.Get(0, "credentialSubject"), "emailAddress", "aina@example.com") {
		t.Error("the recipient cannot prove the address")
	}
	credential, err := chancery.Parse(vc)
	if err != nil {
		t.Fatal(err)
	}
	if status := credential.Status(); len(status) != 1 || status[0].Purpose != "revocation" {
		t.Errorf("unexpected status %v", status)
	}
}

// TestIssueRefused: nothing is stored for a bad request, and its fields are named.
func TestIssueRefused(t *testing.T) {
	w := newWorld(t, func(c *service.Config) { c.Mailer = nil })
	c := w.school("north")
	other := w.tenant("south", service.Test)
	must(w.s.CreateIssuer(w.ctx, other, service.NewIssuer{Name: "South"}, service.Idempotency{}))(t)
	foreign := must(w.s.CreateType(w.ctx, other, service.NewType{Key: "theirs", DisplayName: "Theirs"}, service.Idempotency{}))(t).Value
	long := strings.Repeat("x", 1001)
	early := w.clock().Add(-time.Hour)
	for _, test := range []struct {
		name   string
		change func(*service.NewCredential)
		fields []string
	}{
		{"no type", func(in *service.NewCredential) { in.Type = "" }, []string{"type"}},
		{"unknown type", func(in *service.NewCredential) { in.Type = "nothing" }, []string{"type"}},
		{"type of another tenant", func(in *service.NewCredential) { in.Type = foreign.ID }, []string{"type"}},
		{"starter", func(in *service.NewCredential) { in.Type = "starter/classic" }, []string{"type"}},
		{"no name", func(in *service.NewCredential) { in.Recipient.Name = "" }, []string{"recipient.name"}},
		{"control character in name", func(in *service.NewCredential) { in.Recipient.Name = "a\x00b" }, []string{"recipient.name"}},
		{"direction mark in name", func(in *service.NewCredential) { in.Recipient.Name = "a\u202eb" }, []string{"recipient.name"}},
		{"bad UTF-8 in name", func(in *service.NewCredential) { in.Recipient.Name = "a\xff" }, []string{"recipient.name"}},
		{"address", func(in *service.NewCredential) { in.Recipient.Email = "Aina <aina@example.com>" }, []string{"recipient.email"}},
		{"address with line end", func(in *service.NewCredential) { in.Recipient.Email = "a@example.com\r\nBcc: x@y.z" }, []string{"recipient.email"}},
		{"DID", func(in *service.NewCredential) { in.Recipient.DID = "https://example.com" }, []string{"recipient.did"}},
		{"unknown recipient", func(in *service.NewCredential) { in.Recipient.ID = "nobody" }, []string{"recipient.id"}},
		{"unknown document", func(in *service.NewCredential) { in.DocumentID = "nothing" }, []string{"documentId"}},
		{"required field", func(in *service.NewCredential) { in.Claims = nil }, []string{"claims.trainerName"}},
		{"empty required field", func(in *service.NewCredential) { in.Claims["trainerName"] = "" }, []string{"claims.trainerName"}},
		{"wrong kind of value", func(in *service.NewCredential) { in.Claims["trainerName"] = 7.0 }, []string{"claims.trainerName"}},
		{"long value", func(in *service.NewCredential) { in.Claims["trainerName"] = long }, []string{"claims.trainerName"}},
		{"unknown field", func(in *service.NewCredential) { in.Claims["more"] = "x" }, []string{"claims.more"}},
		{"name that is no field name", func(in *service.NewCredential) { in.Claims["<b>"] = "x" }, []string{"claims"}},
		{"private field among claims", func(in *service.NewCredential) { in.Claims["identificationNo"] = "x" }, []string{"claims.identificationNo"}},
		{"claim among private", func(in *service.NewCredential) { in.Private["room"] = "x" }, []string{"private.room"}},
		{"end before begin", func(in *service.NewCredential) { in.ValidUntil = &early }, []string{"validUntil"}},
		{"visibility", func(in *service.NewCredential) { in.Visibility = "secret" }, []string{"visibility"}},
		{"id", func(in *service.NewCredential) { in.ID = "a/b" }, []string{"id"}},
		{"long id", func(in *service.NewCredential) { in.ID = strings.Repeat("a", 129) }, []string{"id"}},
		{"output", func(in *service.NewCredential) { in.Outputs = []string{"docx"} }, []string{"outputs[0]"}},
		{"badge of a type without", func(in *service.NewCredential) { in.Outputs = []string{"badge"} }, []string{"outputs"}},
		{"anchor without chain", func(in *service.NewCredential) { yes := true; in.Anchor = &yes }, []string{"anchor"}},
		{"mail without mailer", func(in *service.NewCredential) { in.Notify = true }, []string{"notify"}},
		{"two at once", func(in *service.NewCredential) { in.Claims, in.Recipient.Name = nil, "" }, []string{"claims.trainerName", "recipient.name"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := aina()
			test.change(&in)
			_, err := w.s.Issue(w.ctx, c, in, service.Idempotency{Key: "k", Route: "POST /v1/credentials"})
			refused(t, test.name, err, service.CodeValidation, test.fields...)
			if strings.Contains(fmt.Sprint(err), "Aina") || strings.Contains(fmt.Sprint(err), "900101") {
				t.Errorf("the error repeats what was sent: %v", err)
			}
		})
	}
	none := must(w.s.ListCredentials(w.ctx, c, service.CredentialFilter{}, service.Page{WithTotal: true}))(t)
	if none.Total != 0 || len(none.Items) != 0 {
		t.Errorf("bad requests stored %d credentials", none.Total)
	}
}

// TestValidateAgrees: V6: validate and issue say the same.
func TestValidateAgrees(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	bad := service.ItemInput{Claims: map[string]any{"more": "x"}}
	got := must(w.s.Validate(w.ctx, c, "safety-training", bad))(t)
	_, err := w.s.Issue(w.ctx, c, service.NewCredential{Type: "safety-training", ItemInput: bad}, service.Idempotency{})
	refused(t, "issue", err, service.CodeValidation, "claims.more", "claims.trainerName", "recipient.name")
	if got.Valid || len(got.Errors) != 3 {
		t.Errorf("unexpected validation %+v", got)
	}
	fields := must(w.s.InputFields(w.ctx, c, "safety-training"))(t)
	if ok := must(w.s.Validate(w.ctx, c, "safety-training", fields.Example))(t); !ok.Valid || ok.Errors != nil {
		t.Errorf("V5: the example is refused: %v", ok.Errors)
	}
	for _, starter := range []string{"starter/classic", "starter/diploma", "starter/transcript", "starter/badge"} {
		fields := must(w.s.InputFields(w.ctx, c, starter))(t)
		if ok := must(w.s.Validate(w.ctx, c, starter, fields.Example))(t); !ok.Valid {
			t.Errorf("%s: the example is refused: %v", starter, ok.Errors)
		}
		made := must(w.s.CreateType(w.ctx, c, service.NewType{Key: strings.TrimPrefix(starter, "starter/"), From: starter}, service.Idempotency{}))(t).Value
		in := service.NewCredential{Type: made.ID, ItemInput: fields.Example}
		issued := must(w.s.Issue(w.ctx, c, in, service.Idempotency{}))(t).Value
		expect(t, starter, w.verifyID(issued.PublicID), "valid", "", service.StateIssued)
	}
}

// TestSameID: a client's id is the natural key.
func TestSameID(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	in := aina()
	in.ID = "CX-1"
	first := must(w.s.Issue(w.ctx, c, in, service.Idempotency{}))(t)
	w.pass(time.Minute)
	second := must(w.s.Issue(w.ctx, c, in, service.Idempotency{}))(t)
	if !first.Created || second.Created || second.Value.PublicID != first.Value.PublicID {
		t.Errorf("the same content made another credential: %+v", second)
	}
	for name, change := range map[string]func(*service.NewCredential){
		"claim":   func(in *service.NewCredential) { in.Claims["trainerName"] = "Else" },
		"private": func(in *service.NewCredential) { in.Private["identificationNo"] = "Else" },
		"name":    func(in *service.NewCredential) { in.Recipient.Name = "Else" },
		"draft":   func(in *service.NewCredential) { no := false; in.Publish = &no },
	} {
		in := aina()
		in.ID = "CX-1"
		change(&in)
		_, err := w.s.Issue(w.ctx, c, in, service.Idempotency{})
		refused(t, name, err, service.CodeDuplicate)
	}
	live := service.System(service.Scope{Tenant: "north", Environment: service.Live})
	w.issuer(live)
	w.newType(live)
	if other := must(w.s.Issue(w.ctx, live, in, service.Idempotency{}))(t); !other.Created {
		t.Error("test and live share ids")
	}
}

// TestHundredAtOnce: D37: a hundred identical calls with one key make one credential.
func TestHundredAtOnce(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	i := service.Idempotency{Key: "once", Route: "POST /v1/credentials", Digest: [32]byte{1}}
	ids := make([]string, 100)
	created := make([]bool, 100)
	var wait sync.WaitGroup
	for n := range ids {
		wait.Go(func() {
			out, err := w.s.Issue(w.ctx, c, aina(), i)
			if err != nil {
				t.Error(err)
			}
			ids[n], created[n] = out.Value.ID, out.Created && !out.Replayed
		})
	}
	wait.Wait()
	made := 0
	for n := range ids {
		if ids[n] != ids[0] {
			t.Errorf("call %d made another credential", n)
		}
		if created[n] {
			made++
		}
	}
	if list := must(w.s.ListCredentials(w.ctx, c, service.CredentialFilter{}, service.Page{WithTotal: true}))(t); list.Total != 1 || made != 1 {
		t.Errorf("expected one credential made once, found %d, made %d times", list.Total, made)
	}
	_, err := w.s.Issue(w.ctx, c, aina(), service.Idempotency{Key: "once", Route: "POST /v1/credentials", Digest: [32]byte{2}})
	refused(t, "the same key with another body", err, service.CodeMismatch)
}

// TestForeign: D21: what belongs to others is not found.
func TestForeign(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	mine := w.issue(c)
	draft := w.issue(c, draft)
	issuer := must(w.s.ListIssuers(w.ctx, c, service.Page{}))(t).Items[0]
	typ := must(w.s.GetType(w.ctx, c, "safety-training"))(t)
	south := w.tenant("south", service.Test)
	live := service.System(service.Scope{Tenant: "north", Environment: service.Live})
	none := service.Idempotency{}
	for _, who := range []service.Caller{south, live} {
		for name, call := range map[string]func() error{
			"get":        func() error { _, err := w.s.GetCredential(w.ctx, who, mine.ID); return err },
			"artifact":   func() error { _, err := w.s.Artifact(w.ctx, who, mine.ID, "vc"); return err },
			"revoke":     func() error { _, err := w.s.Revoke(w.ctx, who, mine.ID, "x", none); return err },
			"suspend":    func() error { _, err := w.s.Suspend(w.ctx, who, mine.ID, "x", none); return err },
			"reinstate":  func() error { _, err := w.s.Reinstate(w.ctx, who, mine.ID, "x", none); return err },
			"expiry":     func() error { _, err := w.s.SetExpiry(w.ctx, who, mine.ID, nil, none); return err },
			"supersede":  func() error { _, err := w.s.Supersede(w.ctx, who, mine.ID, aina(), none); return err },
			"send":       func() error { _, err := w.s.Send(w.ctx, who, mine.ID, none); return err },
			"publish":    func() error { _, err := w.s.Publish(w.ctx, who, draft.ID, none); return err },
			"change":     func() error { _, err := w.s.ChangeDraft(w.ctx, who, draft.ID, service.DraftChange{}); return err },
			"delete":     func() error { return w.s.DeleteDraft(w.ctx, who, draft.ID) },
			"issuer":     func() error { _, err := w.s.GetIssuer(w.ctx, who, issuer.ID); return err },
			"rotate":     func() error { _, err := w.s.RotateKey(w.ctx, who, issuer.ID, service.RotateKey{}, none); return err },
			"type":       func() error { _, err := w.s.GetType(w.ctx, who, typ.ID); return err },
			"type key":   func() error { _, err := w.s.GetType(w.ctx, who, typ.Key); return err },
			"set type":   func() error { _, err := w.s.ChangeType(w.ctx, who, typ.ID, service.NewType{Kind: "badge"}); return err },
			"fields":     func() error { _, err := w.s.InputFields(w.ctx, who, typ.ID); return err },
			"validate":   func() error { _, err := w.s.Validate(w.ctx, who, typ.ID, service.ItemInput{}); return err },
			"preview":    func() error { _, err := w.s.Preview(w.ctx, who, typ.ID, service.ItemInput{}); return err },
			"load":       func() error { _, err := w.s.LoadVersion(w.ctx, who, typ.ID, 1); return err },
			"key":        func() error { _, _, err := w.s.SigningKey(w.ctx, who.Scope, issuer.ID); return err },
			"change key": func() error { _, err := w.s.ChangeKey(w.ctx, who, "abc", service.KeyChange{}); return err },
			"revoke key": func() error { return w.s.RevokeKey(w.ctx, who, "abc") },
			"get key":    func() error { _, err := w.s.GetKey(w.ctx, who, "abc"); return err },
		} {
			if err := call(); !service.IsNotFound(err) {
				t.Errorf("%s/%s: %s: expected not found, found %v", who.Tenant, who.Environment, name, err)
			}
		}
		if list := must(w.s.ListCredentials(w.ctx, who, service.CredentialFilter{}, service.Page{}))(t); len(list.Items) != 0 {
			t.Errorf("%s/%s sees foreign credentials", who.Tenant, who.Environment)
		}
		_, err := w.s.CreateType(w.ctx, who, service.NewType{Key: "x", DisplayName: "X", Issuer: issuer.ID}, none)
		refused(t, "type with a foreign issuer", err, service.CodeValidation, "issuer")
	}
	expect(t, "after all that", w.verifyID(mine.PublicID), "valid", "", service.StateIssued)
}

// TestPermissions: every call asks for its scope.
func TestPermissions(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	got := w.issue(c)
	none := service.Idempotency{}
	for need, calls := range map[service.Permission][]func(context.Context, service.Caller) error{
		service.MayIssue: {
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.Issue(ctx, c, aina(), none)
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.Publish(ctx, c, got.ID, none)
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.SetExpiry(ctx, c, got.ID, nil, none)
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.Send(ctx, c, got.ID, none)
				return err
			},
			func(ctx context.Context, c service.Caller) error { return w.s.DeleteDraft(ctx, c, got.ID) },
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.ChangeDraft(ctx, c, got.ID, service.DraftChange{})
				return err
			},
		},
		service.MayRead: {
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.GetCredential(ctx, c, got.ID)
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.Artifact(ctx, c, got.ID, "vc")
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.ListCredentials(ctx, c, service.CredentialFilter{}, service.Page{})
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.ListIssuers(ctx, c, service.Page{})
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.ListTypes(ctx, c, service.Page{})
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.Verifications(ctx, c, service.Page{})
				return err
			},
		},
		service.MayStatus: {
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.Revoke(ctx, c, got.ID, "x", none)
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.Suspend(ctx, c, got.ID, "x", none)
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.Reinstate(ctx, c, got.ID, "x", none)
				return err
			},
		},
		service.MayTypes: {
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.CreateType(ctx, c, safety(), none)
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.ChangeType(ctx, c, "safety-training", service.NewType{})
				return err
			},
		},
		service.MayKeys: {
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.CreateIssuer(ctx, c, service.NewIssuer{Name: "x"}, none)
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.RotateKey(ctx, c, "x", service.RotateKey{}, none)
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.CreateKey(ctx, c, service.NewKey{}, none)
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.ListKeys(ctx, c, service.Page{})
				return err
			},
			func(ctx context.Context, c service.Caller) error {
				_, err := w.s.GetKey(ctx, c, "x")
				return err
			},
			func(ctx context.Context, c service.Caller) error { return w.s.RevokeKey(ctx, c, "x") },
		},
	} {
		weak := c
		weak.Permissions = nil
		for _, p := range service.Permissions() {
			if p != need {
				weak.Permissions = append(weak.Permissions, p)
			}
		}
		for n, call := range calls {
			if err := call(w.ctx, weak); code(err) != service.CodeScope {
				t.Errorf("%s, call %d: expected a scope to be asked for, found %v", need, n, err)
			}
		}
	}
}
