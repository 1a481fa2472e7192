package register_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/batch"
	"github.com/chancery-dev/chancery/internal/service/document"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/internal/service/portfolio"
	"github.com/chancery-dev/chancery/internal/service/register"
	"github.com/chancery-dev/chancery/internal/service/stamp"
	"github.com/chancery-dev/chancery/internal/verifying"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
)

const base = "https://chancery.example"

var start = time.Date(2026, 6, 30, 8, 15, 0, 0, time.UTC)

// house is a whole installation in memory, that anchors by timestamps.
type house struct {
	*testing.T
	now      atomic.Int64
	tsa      *padestest.World
	store    *memstore.Store
	files    *blob.Memory
	core     *service.Service
	stamps   *stamp.Stamps
	batches  *batch.Batches
	docs     *document.Documents
	register *register.Register
	shelves  *portfolio.Portfolios
	caller   service.Caller
	handlers map[string]service.JobHandler
}

func (h *house) clock() time.Time { return time.UnixMicro(h.now.Load()).UTC() }

// late finds the signer of batches when there is a core.
type late struct{ h *house }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, files: blob.NewMemory(0), tsa: padestest.New(t, padestest.P256)}
	h.now.Store(start.UnixMicro())
	h.store = memstore.New(h.clock)
	ring, err := service.NewKeyRing(service.GenerateMasterKey())
	check(t, err)
	timestamper := anchor.TimestamperFunc(func(ctx context.Context, hash crypto.Hash, digest []byte) ([]byte, error) {
		ts, err := h.tsa.TSA.Timestamp(ctx, hash, digest)
		if err != nil {
			return nil, err
		}
		return ts.Token, nil
	})
	signers := &late{h}
	h.stamps, err = stamp.New(stamp.Config{Store: h.store, Signers: signers, Timestamper: timestamper, Clock: h.clock, MaxAge: time.Minute, Every: time.Second})
	check(t, err)
	h.core, err = service.New(service.Config{Store: h.store, Blobs: h.files, Sealer: ring, Clock: h.clock, BaseURL: base, Stamper: h.stamps})
	check(t, err)
	h.batches, err = batch.New(batch.Config{Store: h.store, Blobs: h.files, Sealer: ring, Issuing: h.core, Clock: h.clock})
	check(t, err)
	h.docs, err = document.New(document.Config{Store: h.store, Blobs: h.files, Sealer: ring, Signing: h.core, BaseURL: base, Clock: h.clock, Mailer: noMail{}})
	check(t, err)
	h.shelves, err = portfolio.New(portfolio.Config{Store: h.store, BaseURL: base, Clock: h.clock})
	check(t, err)
	h.register, err = register.New(register.Config{
		Store: h.store, Blobs: h.files, Schemas: h.core, Rows: h.batches, Signers: h.docs, Stamper: h.stamps, BaseURL: base, Clock: h.clock,
		TSARoots: h.tsa.TSARoot.Chain(),
	})
	check(t, err)
	_, err = h.core.CreateTenant(t.Context(), "academy", "Academy")
	check(t, err)
	h.caller = service.System(service.Scope{Tenant: "academy", Environment: service.Live})
	h.handlers = map[string]service.JobHandler{}
	for _, jobs := range []func() (map[string]service.JobHandler, map[string]time.Duration){h.stamps.Jobs, h.batches.Jobs, h.docs.Jobs, h.register.Jobs, h.core.Jobs} {
		handlers, _ := jobs()
		for kind, f := range handlers {
			h.handlers[kind] = f
		}
	}
	return h
}

// run does the jobs that are due, for a moment.
func (h *house) run(d time.Duration) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), d)
	defer cancel()
	check(h.T, h.store.Work(ctx, service.WorkConfig{Handlers: h.handlers, OnError: func(r service.Run, err error, _ bool) {
		if ctx.Err() == nil {
			h.Errorf("%s: %v", r.Kind, err)
		}
	}}))
}

func (h *house) pass(d time.Duration) {
	h.now.Add(d.Microseconds())
	h.tsa.Now = h.clock()
}

func (h *house) issuer(method string) service.Issuer {
	h.Helper()
	i, err := h.core.CreateIssuer(h.Context(), h.caller, service.NewIssuer{Key: "academy" + method[4:], Name: "Academy", Method: method}, service.Idempotency{})
	check(h.T, err)
	return i.Value
}

func (h *house) courseOf(issuer string) {
	h.Helper()
	yes := true
	_, err := h.core.CreateType(h.Context(), h.caller, service.NewType{
		Key: "course", DisplayName: "Course", Kind: "certificate", Issuer: issuer, Outputs: []string{"vc", "pdf", "badge"}, Anchor: &yes,
		Fields: []service.Field{{Key: "trainer", Label: "Trainer", Type: "text", Visibility: "public"}, {Key: "number", Label: "Number", Type: "text", Visibility: "private"}},
	}, service.Idempotency{})
	check(h.T, err)
}

func (h *house) issue(id, name, email string) service.Credential {
	h.Helper()
	res, err := h.core.Issue(h.Context(), h.caller, wish(id, name, email), service.Idempotency{})
	check(h.T, err)
	return res.Value
}

func wish(id, name, email string) service.NewCredential {
	return service.NewCredential{Type: "course", ItemInput: service.ItemInput{
		ID: id, Recipient: service.Recipient{Name: name, Email: email},
		Claims: map[string]any{"trainer": "Unforgettable Trainer"}, Private: map[string]any{"number": "900101-14-1234"},
	}}
}

// export unpacks an export.
func (h *house) export() map[string][]byte {
	h.Helper()
	var out bytes.Buffer
	check(h.T, h.register.Export(h.Context(), h.caller, &out))
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	check(h.T, err)
	all := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		check(h.T, err)
		all[f.Name], err = io.ReadAll(r)
		check(h.T, err)
		if strings.Contains(f.Name, "..") || strings.HasPrefix(f.Name, "/") {
			h.Errorf("a file leads out of the archive: %s", f.Name)
		}
	}
	return all
}

func (h *house) judge(trust *verifier.Trust, name string, b, about []byte) *verifier.Report {
	h.Helper()
	in := verifying.Input{File: verifying.Bytes(name, b)}
	if about != nil {
		f := verifying.Bytes("about", about)
		in.Document = &f
	}
	r, err := verifying.Judge(h.Context(), verifier.Config{Trust: trust, Clock: h.clock}, in)
	check(h.T, err)
	return r
}

// TestExport: what is in an export is judged by its trust file alone, without a network:
// valid, or revoked. It holds no secrets.
func TestExport(t *testing.T) {
	for _, method := range []string{"did:web", "did:key"} {
		t.Run(method, func(t *testing.T) {
			h := newHouse(t)
			i := h.issuer(method)
			h.courseOf(i.ID)
			h.issue("CX-1", "Aina Rahman", "aina@example.com")
			h.issue("CX-2", "Bo Chen", "bo@example.com")
			if method == "did:web" {
				_, err := h.core.RotateKey(t.Context(), h.caller, i.ID, service.RotateKey{}, service.Idempotency{})
				check(t, err)
			}
			rows := 0
			res, err := h.batches.CreateBatch(t.Context(), h.caller, service.NewBatch{Type: "course"}, func() (service.ItemInput, error) {
				if rows++; rows > 3 {
					return service.ItemInput{}, io.EOF
				}
				return service.ItemInput{ID: fmt.Sprintf("ROW-%d", rows), Recipient: service.Recipient{Name: fmt.Sprintf("Person %d", rows)}, Claims: map[string]any{"trainer": "T"}}, nil
			}, service.Idempotency{})
			check(t, err)
			_, err = h.core.Revoke(t.Context(), h.caller, "CX-2", "an error", service.Idempotency{})
			check(t, err)
			doc, err := h.docs.AddDocument(t.Context(), h.caller, service.Upload{Name: "thesis.pdf", Bytes: padestest.Sample{Pages: 1}.Build(t)}, service.Idempotency{})
			check(t, err)
			_, err = h.docs.AddSignature(t.Context(), h.caller, doc.Value.ID, service.NewSignature{Kind: "institutional"}, service.Idempotency{})
			check(t, err)
			_, err = h.core.CreateFirstKey(t.Context(), h.caller.Scope, service.NewKey{Name: "export test", Scopes: service.Permissions()})
			check(t, err)
			h.run(700 * time.Millisecond)
			if b, err := h.batches.GetBatch(t.Context(), h.caller, res.Value.ID); err != nil || b.Counts.Issued != 3 {
				t.Fatalf("found %+v, %v", b, err)
			}
			h.pass(2 * time.Minute)
			h.run(300 * time.Millisecond)

			all := h.export()
			for _, line := range strings.Split(strings.TrimSpace(string(all["MANIFEST"])), "\n") {
				digest, name, _ := strings.Cut(line, "  ")
				if sum := sha256.Sum256(all[name]); hex.EncodeToString(sum[:]) != digest {
					t.Errorf("%s is not as the manifest says", name)
				}
			}
			if n := strings.Count(string(all["MANIFEST"]), "\n"); n != len(all)-1 {
				t.Errorf("expected %d files in the manifest, found %d", len(all)-1, n)
			}
			for name, b := range all {
				for _, secret := range []string{"PRIVATE KEY", `"sealed"`, "sk_live", "whsec_", "900101-14-1234"} {
					if bytes.Contains(b, []byte(secret)) {
						t.Errorf("%s holds %s", name, secret)
					}
				}
			}
			trust, err := verifier.ParseTrust(all["trust.json"])
			check(t, err)
			text, err := h.register.InstallationTrust(t.Context())
			check(t, err)
			page, err := verifier.ParseTrust(text)
			check(t, err)
			seen := map[string]int{}
			for name, b := range all {
				var about []byte
				want := verifier.Valid
				switch {
				case strings.HasPrefix(name, "credentials/") && strings.HasSuffix(name, "/1.evidence.cbor"):
					about = all[strings.TrimSuffix(name, ".evidence.cbor")+".json"]
				case strings.HasPrefix(name, "documents/") && strings.HasSuffix(name, "/signed.pdf"):
				case strings.HasPrefix(name, "credentials/") && !strings.HasSuffix(name, "register.json"):
					if strings.Contains(name, "CX-2") {
						want = verifier.Invalid
					}
				default:
					continue
				}
				seen[name[strings.LastIndexByte(name, '/')+1:]]++
				r := h.judge(trust, name, b, about)
				if r.Outcome != want && !(about != nil && strings.Contains(name, "CX-2")) {
					t.Errorf("%s: expected %s, found %s, %s", name, want, r.Outcome, r.Reason)
					for _, c := range r.Checks {
						if c.Result != verifier.Pass {
							t.Logf("  %s %v %s %s", c.ID, c.Result, c.Reason, c.Detail)
						}
					}
				}
				if p := h.judge(page, name, b, about); p.Outcome != r.Outcome || p.Reason != r.Reason {
					t.Errorf("%s: the verify page finds %s, %s, the export's trust file %s, %s", name, p.Outcome, p.Reason, r.Outcome, r.Reason)
				}
				// Without the trust file nothing is valid.
				empty := &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: "did:web:elsewhere.example"}}}
				if r := h.judge(empty, name, b, about); r.Outcome == verifier.Valid {
					t.Errorf("%s is valid without trust", name)
				}
			}
			t.Logf("judged %v", seen)
			if seen["1.json"] != 5 || seen["1.pdf"] != 5 || seen["1.evidence.cbor"] != 5 || seen["1.png"] != 5 || seen["signed.pdf"] != 1 {
				t.Errorf("files are missing: %v", seen)
			}
			var denied bytes.Buffer
			nobody := h.caller
			nobody.Permissions = []service.Permission{service.MayRead}
			if err := h.register.Export(t.Context(), nobody, &denied); err == nil || denied.Len() != 0 {
				t.Error("an export without the scope")
			}
		})
	}
}

// TestExportRest: what an institution keeps beside credentials is in its export, too, with
// the lists of an issuer that no credential kept here names, and without any secret. Its
// manifest is in the audit log.
func TestExportRest(t *testing.T) {
	h := newHouse(t)
	i := h.issuer("did:web")
	place, err := h.core.TakeStatus(t.Context(), h.caller.Scope, i.ID) // as the W3C plane does
	check(t, err)
	all := h.export()
	trust, err := verifier.ParseTrust(all["trust.json"])
	check(t, err)
	found := false
	for _, d := range trust.Documents {
		found = found || strings.HasSuffix(d.URL, "/status/"+place.List)
	}
	if all["status/"+place.List+".json"] == nil || !found {
		t.Error("the list of what was issued on the W3C plane is missing")
	}

	h.courseOf(i.ID)
	cred := h.issue("CX-1", "Aina Rahman", "aina@example.com")
	_, err = h.shelves.PutPortfolio(t.Context(), h.caller, "aina", service.PortfolioInput{Title: "Aina R.", SubjectID: cred.Recipient.ID, Public: true, Items: []service.PortfolioItem{{Credential: "CX-1", Visible: true}}})
	check(t, err)
	rows := 0
	_, err = h.batches.CreateBatch(t.Context(), h.caller, service.NewBatch{Type: "course", Name: "June", Mode: "partial"}, func() (service.ItemInput, error) {
		if rows++; rows > 2 {
			return service.ItemInput{}, io.EOF
		}
		return service.ItemInput{Recipient: service.Recipient{Name: []string{"", "Bo Chen"}[rows-1]}, Claims: map[string]any{"trainer": "T"}}, nil
	}, service.Idempotency{})
	check(t, err)
	key, err := h.core.CreateFirstKey(t.Context(), h.caller.Scope, service.NewKey{Name: "registry server", Scopes: service.Permissions()})
	check(t, err)
	doc, err := h.docs.AddDocument(t.Context(), h.caller, service.Upload{Name: "thesis.pdf", Bytes: padestest.Sample{Pages: 1}.Build(t)}, service.Idempotency{})
	check(t, err)
	for range 2 {
		_, err = h.docs.AddSignature(t.Context(), h.caller, doc.Value.ID, service.NewSignature{Kind: "institutional"}, service.Idempotency{})
		check(t, err)
	}
	_, err = h.docs.AddSignature(t.Context(), h.caller, doc.Value.ID, service.NewSignature{Kind: "thirdParty", Signer: &service.Signer{Name: "Cy", Email: "cy@example.com"}}, service.Idempotency{})
	check(t, err)
	check(t, h.store.Update(t.Context(), func(tx service.Tx) error {
		w := service.StoredWebhook{URL: "https://client.example.com/hook", Events: []string{"*"}, Active: true, Algorithm: "v1", Secret: []byte("sealed secret"), Old: []byte("old secret")}
		if err := service.Put(t.Context(), tx, h.caller.Scope, service.Record{Kind: service.KindWebhook, ID: "hook-1", Created: h.clock()}, w); err != nil {
			return err
		}
		return tx.AddVerifications(t.Context(), h.caller.Scope, []service.LogEntry{{ID: "1", At: h.clock(), Subject: "CX-1", Method: "id", Outcome: "valid", Source: "web"}})
	}))
	h.run(500 * time.Millisecond)
	all = h.export()
	for name, want := range map[string]string{
		"portfolios/aina.json": `"title": "Aina R."`, "recipients.jsonl": `"email":"aina@example.com"`, "webhooks/hook-1.json": `"url": "https://client.example.com/hook"`,
		"api-keys.jsonl": `"name":"registry server"`, "verifications.jsonl": `"outcome":"valid"`,
		"documents/" + doc.Value.ID + "/register.json": `"email": "cy@example.com"`, "documents/" + doc.Value.ID + "/signed.1.pdf": "%PDF-",
	} {
		if !bytes.Contains(all[name], []byte(want)) {
			t.Errorf("%s: expected %s, found %q", name, want, all[name])
		}
	}
	batches, pictures := "", 0
	for name, b := range all {
		if strings.HasPrefix(name, "batches/") {
			batches += string(b)
		}
		if digest, ext, ok := strings.Cut(strings.TrimPrefix(name, "pictures/"), "."); ok && strings.HasPrefix(name, "pictures/") {
			pictures++
			if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != digest || ext != "png" && ext != "svg" {
				t.Errorf("%s is another picture", name)
			}
		}
		for _, secret := range []string{"sealed secret", "old secret", "c2VhbGVkIHNlY3JldA", key.Secret, `"hash": "`, `"token"`, "900101-14-1234"} {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds %s", name, secret)
			}
		}
	}
	if pictures != 2 {
		t.Errorf("expected the badge as PNG and SVG, found %d", pictures)
	}
	for _, want := range []string{`"name": "June"`, `"index":0,"state":"failed"`, `"recipient.name":["is required"]`, `"index":1,"state":"issued"`} {
		if !strings.Contains(batches, want) {
			t.Errorf("the batch lacks %s: %s", want, batches)
		}
	}
	// What is lost is said to be missing.
	lost := cred.Artifacts["pdf"].Digest
	check(t, h.files.Delete(t.Context(), lost))
	check(t, h.files.Delete(t.Context(), doc.Value.Digest.Value))
	all = h.export()
	if r := all["credentials/CX-1/register.json"]; !bytes.Contains(r, []byte(`"missing": [`)) || !bytes.Contains(r, []byte(`"pdf/1"`)) || bytes.Contains(r, []byte(`"pdf/1":`)) || all["credentials/CX-1/1.pdf"] != nil {
		t.Errorf("a lost file is not said to be missing: %s", r)
	}
	if r := all["documents/"+doc.Value.ID+"/register.json"]; !bytes.Contains(r, []byte(`"uploaded"`)) {
		t.Errorf("a lost document is not said to be missing: %s", r)
	}
	sum := sha256.Sum256(all["MANIFEST"])
	h.run(200 * time.Millisecond) // every 5 s in life: here an export chains the lines before it
	after := h.export()
	if !bytes.Contains(after["audit.jsonl"], []byte(`"tenant.exported","academy"`)) || !bytes.Contains(after["audit.jsonl"], []byte(hex.EncodeToString(sum[:]))) {
		t.Error("the audit log does not hold the manifest's digest")
	}
}

func (l *late) AnchorKey(ctx context.Context, s service.Scope, did string) (key signer.Key, issuer string, err error) {
	return l.h.core.AnchorKey(ctx, s, did)
}

func (noMail) Send(context.Context, service.Mail) error { return nil }

// TestAudit: a chain without faults verifies; of each line each change is found.
func TestAudit(t *testing.T) {
	h := newHouse(t)
	s := h.caller.Scope
	for n := range 1202 { // and the one of the tenant
		check(t, h.store.Update(t.Context(), func(tx service.Tx) error {
			return service.WriteAudit(t.Context(), tx, h.caller, start.Add(time.Duration(n%7)*time.Second), "test.line", fmt.Sprintf("thing-%d", n), map[string]any{"n": n})
		}))
	}
	handlers, _ := h.register.Jobs()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := handlers[register.JobChain](t.Context(), service.Run{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n, headHash, err := h.register.VerifyAudit(t.Context(), s)
	if err != nil || n != 1203 || len(headHash) != 32 {
		t.Fatalf("found %d lines, %v", n, err)
	}
	list, err := h.register.Audit(t.Context(), h.caller, service.Page{Limit: 10, WithTotal: true})
	if err != nil || len(list.Items) != 10 || list.Items[0].Seq != 1203 || list.Items[0].Hash != hex.EncodeToString(headHash) || list.Items[0].Detail["n"] == nil {
		t.Fatalf("found %+v, %v", list.Items, err)
	}
	var lines []service.AuditEntry
	check(t, h.store.View(t.Context(), func(tx service.Tx) (err error) { lines, err = tx.AuditFrom(t.Context(), s, 1, 50); return err }))
	previous := []byte(nil)
	for _, e := range lines {
		want, err := register.HashLine(s, e, previous)
		if err != nil || !bytes.Equal(want, e.Hash) {
			t.Fatalf("line %d: %v", e.Seq, err)
		}
		for name, change := range map[string]func(*service.AuditEntry){
			"id": func(e *service.AuditEntry) { e.ID += "x" }, "time": func(e *service.AuditEntry) { e.At = e.At.Add(time.Microsecond) },
			"actor": func(e *service.AuditEntry) { e.Actor = "key:other" }, "action": func(e *service.AuditEntry) { e.Action = "other" },
			"subject": func(e *service.AuditEntry) { e.Subject = "" }, "source": func(e *service.AuditEntry) { e.Source = "x" },
			"request": func(e *service.AuditEntry) { e.Request = "x" }, "detail": func(e *service.AuditEntry) { e.Detail = []byte(`{"x":1}`) },
			"number": func(e *service.AuditEntry) { e.Seq++ },
			"moved":  func(e *service.AuditEntry) { e.Actor += "\",\"" },
		} {
			other := e
			change(&other)
			if got, err := register.HashLine(s, other, previous); err != nil || bytes.Equal(got, e.Hash) {
				t.Errorf("%s changed, and the hash is the same (%v)", name, err)
			}
		}
		if got, _ := register.HashLine(service.Scope{Tenant: "other", Environment: s.Environment}, e, previous); bytes.Equal(got, e.Hash) {
			t.Error("the hash does not say whose line it is")
		}
		previous = e.Hash
	}
	stranger := service.System(service.Scope{Tenant: "other", Environment: service.Live})
	if l, err := h.register.Audit(t.Context(), stranger, service.Page{}); err != nil || len(l.Items) != 0 {
		t.Errorf("a stranger reads %d lines (%v)", len(l.Items), err)
	}
	reader := h.caller
	reader.Permissions = []service.Permission{service.MayRead}
	if _, err := h.register.Audit(t.Context(), reader, service.Page{}); err == nil {
		t.Error("reading without the scope")
	}
}

// changed is a store in which the log was changed by hand.
type changed struct {
	*memstore.Store
	edit func([]service.AuditEntry) []service.AuditEntry
}

type changedTx struct {
	service.Tx
	edit func([]service.AuditEntry) []service.AuditEntry
}

func (c *changed) View(ctx context.Context, f func(service.Tx) error) error {
	return c.Store.View(ctx, func(tx service.Tx) error { return f(&changedTx{tx, c.edit}) })
}

func (c *changedTx) AuditFrom(ctx context.Context, s service.Scope, from int64, n int) ([]service.AuditEntry, error) {
	all, err := c.Tx.AuditFrom(ctx, s, 1, 1000)
	var out []service.AuditEntry
	for _, e := range c.edit(all) {
		if e.Seq >= from && len(out) < n {
			out = append(out, e)
		}
	}
	return out, err
}

func TestAuditChanged(t *testing.T) {
	h := newHouse(t)
	h.issuer("did:web")
	for n := range 20 {
		check(t, h.store.Update(t.Context(), func(tx service.Tx) error {
			return service.WriteAudit(t.Context(), tx, h.caller, start, "test.line", fmt.Sprintf("thing-%d", n), nil)
		}))
	}
	handlers, _ := h.register.Jobs()
	check(t, handlers[register.JobAnchor](t.Context(), service.Run{}))
	check(t, handlers[register.JobAnchor](t.Context(), service.Run{})) // nothing new: no second stamp
	if err := h.store.View(t.Context(), func(tx service.Tx) error {
		l, err := tx.List(t.Context(), h.caller.Scope, service.KindStamp, nil, service.Page{})
		if len(l.Items) != 1 {
			t.Errorf("expected one stamp of the head, found %d", len(l.Items))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func([]service.AuditEntry) []service.AuditEntry{
		"a line taken out": func(a []service.AuditEntry) []service.AuditEntry { return append(a[:5:5], a[6:]...) },
		"first taken out":  func(a []service.AuditEntry) []service.AuditEntry { return a[1:] },
		"last taken out":   func(a []service.AuditEntry) []service.AuditEntry { return a[:len(a)-1] },
		"all taken out":    func(a []service.AuditEntry) []service.AuditEntry { return nil },
		"a line changed":   func(a []service.AuditEntry) []service.AuditEntry { a[3].Action = "nothing"; return a },
		"two lines changed": func(a []service.AuditEntry) []service.AuditEntry {
			a[3].Subject, a[4].Subject = a[4].Subject, a[3].Subject
			return a
		},
		"a hash changed": func(a []service.AuditEntry) []service.AuditEntry { a[3].Hash = bytes.Repeat([]byte{1}, 32); return a },
		"all hashes made anew": func(a []service.AuditEntry) []service.AuditEntry {
			a[3].Actor = "key:somebody else"
			var previous []byte
			for n := range a {
				previous, _ = register.HashLine(h.caller.Scope, a[n], previous)
				a[n].Hash = previous
			}
			return a
		},
		"a hash taken out": func(a []service.AuditEntry) []service.AuditEntry { a[3].Hash = nil; return a },
	} {
		g, err := register.New(register.Config{Store: &changed{h.store, edit}, Blobs: h.files, Schemas: h.core, Rows: h.batches, Signers: h.docs, BaseURL: base, Clock: h.clock})
		check(t, err)
		if _, _, err := g.VerifyAudit(t.Context(), h.caller.Scope); !errors.Is(err, register.ErrAudit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := h.register.VerifyAudit(t.Context(), h.caller.Scope); err != nil {
		t.Error(err)
	}
}
