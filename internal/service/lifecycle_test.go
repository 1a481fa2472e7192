package service_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/verifier"
)

var once = service.Idempotency{}

// TestRevoke: D9, D28, C12, H19, g: the answer comes when the list is published, and every
// artefact falls with it.
func TestRevoke(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	got, other := w.issue(c), w.issue(c)
	files := map[string][]byte{}
	for name := range got.Artifacts {
		files[name] = w.file(c, got.ID, name)
		expect(t, name+" before", w.verify(files[name]), "valid", "", "*")
	}
	w.pass(time.Minute)
	revoked := must(w.s.Revoke(w.ctx, c, got.ID, "wrong recipient", once))(t).Value
	if revoked.State != service.StateRevoked || revoked.RevokedAt == nil || revoked.Reason != "wrong recipient" || !strings.HasPrefix(revoked.StatusList, base+"/status/") {
		t.Errorf("unexpected answer %+v", revoked)
	}
	expect(t, "by id", w.verifyID(got.PublicID), "invalid", "revoked", service.StateRevoked)
	for name, b := range files {
		reason := "revoked"
		if name == "pdf" {
			reason = "inner_invalid"
		}
		expect(t, name, w.verify(b), "invalid", reason, "*")
		expect(t, name+" by hash", must(w.s.VerifyHash(w.ctx, "sha-256", sum(b), "api"))(t), "invalid", "revoked", service.StateRevoked)
	}
	expect(t, "the other one", w.verifyID(other.PublicID), "valid", "", service.StateIssued)
	// Once more, for the same reason and for another.
	w.pass(time.Minute)
	again := must(w.s.Revoke(w.ctx, c, got.ID, "wrong recipient", once))(t)
	if again.Created || !again.Value.RevokedAt.Equal(*revoked.RevokedAt) {
		t.Errorf("the second revocation changed something: %+v", again)
	}
	_, err := w.s.Revoke(w.ctx, c, got.ID, "another reason", once)
	refused(t, "another reason", err, service.CodeRevoked)
	for name, call := range map[string]func() error{
		"suspend":   func() error { _, err := w.s.Suspend(w.ctx, c, got.ID, "x", once); return err },
		"reinstate": func() error { _, err := w.s.Reinstate(w.ctx, c, got.ID, "x", once); return err },
		"publish":   func() error { _, err := w.s.Publish(w.ctx, c, got.ID, once); return err },
		"expiry":    func() error { _, err := w.s.SetExpiry(w.ctx, c, got.ID, nil, once); return err },
		"supersede": func() error { _, err := w.s.Supersede(w.ctx, c, got.ID, aina(), once); return err },
		"change":    func() error { _, err := w.s.ChangeDraft(w.ctx, c, got.ID, service.DraftChange{}); return err },
		"delete":    func() error { return w.s.DeleteDraft(w.ctx, c, got.ID) },
		"send":      func() error { _, err := w.s.Send(w.ctx, c, got.ID, once); return err },
	} {
		refused(t, name, call(), service.CodeState)
	}
	// The page stays and says so, without the reason.
	page := must(w.s.PublicCredential(w.ctx, got.PublicID))(t)
	if !page.RevokedAt.Equal(*revoked.RevokedAt) || page.Verdict.Lifecycle != service.StateRevoked {
		t.Errorf("unexpected page %+v", page)
	}
}

// TestRevokeReplay: a repetition under one key answers as the first call did, although the
// reason would be refused now.
func TestRevokeReplay(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	got := w.issue(c)
	i := service.Idempotency{Key: "r", Route: "revoke", Digest: [32]byte{7}}
	first := must(w.s.Revoke(w.ctx, c, got.ID, "a", i))(t)
	second := must(w.s.Revoke(w.ctx, c, got.ID, "a", i))(t)
	if first.Replayed || !second.Replayed || second.Value.Reason != "a" {
		t.Errorf("unexpected %+v %+v", first, second)
	}
}

// TestSuspend: H14: suspended is invalid and reversible.
func TestSuspend(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	got := w.issue(c)
	vc := w.file(c, got.ID, "vc")
	must(w.s.Suspend(w.ctx, c, got.ID, "inquiry", once))(t)
	expect(t, "suspended, by id", w.verifyID(got.PublicID), "invalid", "suspended", service.StateSuspended)
	for name := range got.Artifacts {
		reason := "suspended"
		if name == "pdf" {
			reason = "inner_invalid"
		}
		v := w.verify(w.file(c, got.ID, name))
		expect(t, "suspended, uploaded as "+name, v, "invalid", reason, service.StateSuspended)
		if v.Report.Lifecycle != verifier.Suspended {
			t.Errorf("%s: the report says %q", name, v.Report.Lifecycle)
		}
	}
	if again := must(w.s.Suspend(w.ctx, c, got.ID, "inquiry", once))(t); again.Created {
		t.Error("suspended twice")
	}
	_, err := w.s.Suspend(w.ctx, c, got.ID, "other", once)
	refused(t, "suspend again", err, service.CodeState)
	must(w.s.Reinstate(w.ctx, c, got.ID, "cleared", once))(t)
	expect(t, "reinstated, by id", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
	expect(t, "reinstated, uploaded", w.verify(vc), "valid", "", service.StateIssued)
	if shown := w.get(c, got.ID); shown.State != service.StateIssued || shown.ReinstatedAt == nil || shown.SuspendedAt == nil {
		t.Errorf("unexpected %+v", shown)
	}
	must(w.s.Suspend(w.ctx, c, got.ID, "again", once))(t)
	must(w.s.Revoke(w.ctx, c, got.ID, "guilty", once))(t)
	expect(t, "revoked", w.verifyID(got.PublicID), "invalid", "revoked", service.StateRevoked)
	_, err = w.s.Reinstate(w.ctx, c, got.ID, "x", once)
	refused(t, "reinstate the revoked", err, service.CodeState)
}

// TestExpiry: H13: an issued credential is signed again; what was signed before does not
// hold any more.
func TestExpiry(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	got := w.issue(c)
	old := map[string][]byte{}
	for name := range got.Artifacts {
		old[name] = w.file(c, got.ID, name)
	}
	w.pass(time.Hour)
	until := w.clock().AddDate(5, 0, 0)
	changed := must(w.s.SetExpiry(w.ctx, c, got.ID, &until, once))(t).Value
	if changed.Version != 2 || changed.PublicID != got.PublicID || !changed.ValidUntil.Equal(until) || changed.Digest.Value == got.Digest.Value || !changed.IssuedAt.Equal(*got.IssuedAt) {
		t.Errorf("unexpected answer %+v", changed)
	}
	expect(t, "by id", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
	for name := range changed.Artifacts {
		expect(t, "new "+name, w.verify(w.file(c, got.ID, name)), "valid", "", "*")
		expect(t, "old "+name, w.verify(old[name]), "invalid", "*", "*")
		expect(t, "old "+name+" by hash", must(w.s.VerifyHash(w.ctx, "sha-256", sum(old[name]), "api"))(t), "invalid", "revoked", service.StateRevoked)
	}
	if same := must(w.s.SetExpiry(w.ctx, c, got.ID, &until, once))(t); same.Value.Version != 2 {
		t.Error("the same expiry signed again")
	}
	early := w.clock().AddDate(-1, 0, 0)
	_, err := w.s.SetExpiry(w.ctx, c, got.ID, &early, once)
	refused(t, "before the beginning", err, service.CodeValidation, "validUntil")
	// nil: for ever. And revoking concerns the newest form.
	forever := must(w.s.SetExpiry(w.ctx, c, got.ID, nil, once))(t).Value
	if forever.ValidUntil != nil || forever.Version != 3 {
		t.Errorf("unexpected %+v", forever)
	}
	must(w.s.Revoke(w.ctx, c, got.ID, "x", once))(t)
	expect(t, "revoked", w.verifyID(got.PublicID), "invalid", "revoked", service.StateRevoked)
}

// TestExpired: the clock expires, a later end revives.
func TestExpired(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	got := w.issue(c)
	w.pass(366 * 24 * time.Hour)
	w.do(service.JobRenew)
	if shown := w.get(c, got.ID); shown.State != service.StateExpired {
		t.Errorf("expected expired, found %s", shown.State)
	}
	expect(t, "expired", w.verifyID(got.PublicID), "invalid", "expired", service.StateExpired)
	_, err := w.s.Suspend(w.ctx, c, got.ID, "x", once)
	refused(t, "suspend the expired", err, service.CodeState)
	until := w.clock().AddDate(1, 0, 0)
	must(w.s.SetExpiry(w.ctx, c, got.ID, &until, once))(t)
	expect(t, "revived", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
}

// TestDraft: H12, D25: a draft has no page, no status entry and no mail, and becomes what an
// issue makes.
func TestDraft(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	got := w.issue(c, draft, func(in *service.NewCredential) { in.Notify = true; in.ID = "D-1" })
	if got.State != service.StateDraft || got.VerificationURL != "" || len(got.Artifacts) != 0 || got.IssuedAt != nil || got.StatusList != "" || got.Digest != nil || got.Notify != nil {
		t.Errorf("unexpected draft %+v", got)
	}
	expect(t, "the page of a draft", w.verifyID(got.PublicID), "indeterminate", "not_found", "")
	if _, err := w.s.PublicCredential(w.ctx, got.PublicID); !service.IsNotFound(err) {
		t.Errorf("a draft has a page: %v", err)
	}
	for name, call := range map[string]func() error{
		"revoke":    func() error { _, err := w.s.Revoke(w.ctx, c, got.ID, "x", once); return err },
		"suspend":   func() error { _, err := w.s.Suspend(w.ctx, c, got.ID, "x", once); return err },
		"supersede": func() error { _, err := w.s.Supersede(w.ctx, c, got.ID, aina(), once); return err },
		"send":      func() error { _, err := w.s.Send(w.ctx, c, got.ID, once); return err },
	} {
		refused(t, name+" a draft", call(), service.CodeState)
	}
	_, err := w.s.ChangeDraft(w.ctx, c, got.ID, service.DraftChange{Claims: map[string]any{}})
	refused(t, "a bad change", err, service.CodeValidation, "claims.trainerName")
	changed := must(w.s.ChangeDraft(w.ctx, c, got.ID, service.DraftChange{Claims: map[string]any{"trainerName": "Another"}}))(t)
	if changed.Claims["trainerName"] != "Another" || changed.Recipient.Name != "Aina Rahman" || len(changed.PrivateFields) != 1 {
		t.Errorf("unexpected %+v", changed)
	}
	w.pass(24 * time.Hour)
	w.work(service.JobMail)
	if len(w.post.sent) != 0 {
		t.Error("a draft was mailed")
	}
	issued := must(w.s.Publish(w.ctx, c, got.ID, once))(t).Value
	if issued.State != service.StateIssued || issued.Version != 1 || len(issued.Artifacts) != 5 || !issued.ValidFrom.Equal(w.clock()) || issued.Notify == nil {
		t.Errorf("unexpected %+v", issued)
	}
	expect(t, "published", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
	if !bytes.Contains(w.file(c, got.ID, "vc"), []byte("Another")) {
		t.Error("the change is not in the credential")
	}
	_, err = w.s.Publish(w.ctx, c, got.ID, once)
	refused(t, "publish twice", err, service.CodeState)
	second := w.issue(c, draft)
	if err := w.s.DeleteDraft(w.ctx, c, second.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.GetCredential(w.ctx, c, second.ID); !service.IsNotFound(err) {
		t.Errorf("the draft is still there: %v", err)
	}
}

// TestPublishAtOnce: of several calls one publishes.
func TestPublishAtOnce(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	got := w.issue(c, draft)
	var wait sync.WaitGroup
	var mu sync.Mutex
	published := 0
	for range 8 {
		wait.Go(func() {
			_, err := w.s.Publish(w.ctx, c, got.ID, once)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				published++
			} else if code(err) != service.CodeState && !errors.Is(err, service.ErrConflict) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if published != 1 {
		t.Errorf("published %d times", published)
	}
}

// TestSupersede: the new one holds, the old one does not, and each names the other.
func TestSupersede(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	old := w.issue(c)
	in := aina()
	in.Claims["trainerName"] = "Corrected"
	got := must(w.s.Supersede(w.ctx, c, old.ID, in, once))(t).Value
	expect(t, "the new one", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
	expect(t, "the old one", w.verifyID(old.PublicID), "invalid", "revoked", service.StateSuperseded)
	if shown := w.get(c, old.ID); shown.SupersededBy != got.ID || got.Supersedes != old.ID {
		t.Errorf("unexpected %+v", shown)
	}
	if page := must(w.s.PublicCredential(w.ctx, old.PublicID))(t); page.SupersededBy != got.PublicID {
		t.Errorf("the page does not lead to the new one: %+v", page)
	}
	_, err := w.s.Supersede(w.ctx, c, old.ID, in, once)
	refused(t, "supersede twice", err, service.CodeState)
	in.Publish = new(bool)
	_, err = w.s.Supersede(w.ctx, c, got.ID, in, once)
	refused(t, "by a draft", err, service.CodeValidation, "publish")
}

// TestIndices: f: status indices are unique and do not follow the order of issue.
func TestIndices(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	seen := map[string]bool{}
	rising := 0
	last := ""
	const n = 300
	services := []*service.Service{w.s, w.again(), w.again()}
	for k := range n {
		in := aina()
		got := must(services[k%3].Issue(w.ctx, c, in, once))(t).Value
		credential := must(chancery.Parse(w.file(c, got.ID, "vc")))(t)
		at := credential.Status()[0].ID
		if seen[at] {
			t.Fatalf("index %s twice", at)
		}
		seen[at] = true
		if number(at) > number(last) {
			rising++
		}
		last = at
	}
	if rising < n*4/10 || rising > n*6/10 {
		t.Errorf("indices are not in random order: %d of %d rise", rising, n)
	}
}

func number(id string) int {
	_, text, _ := strings.Cut(id, "#")
	n := 0
	for _, d := range text {
		n = n*10 + int(d-'0')
	}
	return n
}

// TestMail: V8, D26: one mail, with a fixed Message-ID, that says the same twice.
func TestMail(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", func(in *service.NewType) {
		in.Mail = &service.MailText{Subject: "For {{recipient.name}}", Text: "Trained by {{claims.trainerName}} <b>\n\n{{url}}"}
	})
	got := w.issue(c, func(in *service.NewCredential) { in.Notify = true })
	if got.Notify == nil || got.Notify.State != "queued" {
		t.Fatalf("unexpected %+v", got.Notify)
	}
	w.post.err = errors.New("down")
	w.work(service.JobMail)
	w.post.err = nil
	w.pass(time.Hour)
	w.work(service.JobMail)
	w.work(service.JobMail)
	if len(w.post.sent) != 1 {
		t.Fatalf("expected one mail, found %d", len(w.post.sent))
	}
	m := w.post.sent[0]
	if m.To != "aina@example.com" || m.Subject != "[TEST] For Aina Rahman" || !strings.Contains(m.Text, "Dr. Weir") || !strings.Contains(m.Text, got.VerificationURL) || strings.Contains(m.Text, "900101") {
		t.Errorf("unexpected mail %+v", m)
	}
	if !strings.Contains(m.HTML, "Dr. Weir &lt;b&gt;") || !strings.Contains(m.HTML, got.VerificationURL) || strings.Contains(m.HTML, "<img") || !strings.HasSuffix(m.MessageID, "@chancery.example>") {
		t.Errorf("unexpected mail %s %s", m.MessageID, m.HTML)
	}
	if shown := w.get(c, got.ID); shown.Notify.State != "sent" || shown.Notify.At == nil {
		t.Errorf("unexpected %+v", shown.Notify)
	}
	must(w.s.Send(w.ctx, c, got.ID, once))(t)
	w.post.err = service.ErrMailRefused
	w.work(service.JobMail)
	if shown := w.get(c, got.ID); shown.Notify.State != "failed" || shown.Notify.Problem != "refused" {
		t.Errorf("unexpected %+v", shown.Notify)
	}
	anonymous := w.issue(c, func(in *service.NewCredential) { in.Recipient.Email = "" })
	_, err := w.s.Send(w.ctx, c, anonymous.ID, once)
	refused(t, "without an address", err, service.CodeValidation, "recipient.email")
}

// TestExpiredEvent: the end of validity is told once.
func TestExpiredEvent(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	hook := service.StoredWebhook{URL: "https://example.com", Events: []string{"*"}, Active: true}
	err := w.store.Update(w.ctx, func(tx service.Tx) error {
		return service.Put(w.ctx, tx, c.Scope, service.Record{Kind: service.KindWebhook, ID: "hook", Created: w.clock(), Updated: w.clock()}, hook)
	})
	if err != nil {
		t.Fatal(err)
	}
	got := w.issue(c)
	w.pass(366 * 24 * time.Hour)
	w.work(service.JobExpire)
	w.work(service.JobExpire)
	events := map[string]int{}
	err = w.store.View(w.ctx, func(tx service.Tx) error {
		list, err := tx.List(w.ctx, c.Scope, service.KindDelivery, nil, service.Page{Limit: 100})
		for _, r := range list.Items {
			var d service.StoredDelivery
			_, d, err = service.Get[service.StoredDelivery](w.ctx, tx, c.Scope, service.KindDelivery, r.ID)
			if err != nil {
				return err
			}
			if !strings.Contains(d.Body, got.ID) || strings.Contains(d.Body, "Aina") {
				t.Errorf("unexpected event %s", d.Body)
			}
			events[d.Event]++
		}
		return err
	})
	if err != nil || events[service.EventExpired] != 1 || events[service.EventIssued] != 1 || events[service.EventPublished] != 1 {
		t.Errorf("unexpected events %v %v", events, err)
	}
}
