package register_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/internal/verifying"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
)

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

// TestExportLargeTypes: a type is exported whatever the size of its texts and pictures.
func TestExportLargeTypes(t *testing.T) {
	h := newHouse(t)
	i := h.issuer("did:web")
	noise := rand.NewChaCha8([32]byte{1})
	for n, size := range []int{10, 3_000, 40_000, 47_000, 54_000, 61_000, 120_000} {
		picture := image.NewGray(image.Rect(0, 0, 100, max(1, size/100)))
		_, _ = noise.Read(picture.Pix)
		var b bytes.Buffer
		check(t, png.Encode(&b, picture))
		_, err := h.core.CreateType(t.Context(), h.caller, service.NewType{
			Key: fmt.Sprintf("large-%d", n), DisplayName: "Large", Kind: "badge", Issuer: i.ID, Outputs: []string{"vc", "badge"},
			Achievement: &service.Achievement{
				Type: "Badge", Description: strings.Repeat("d", size%4000), Criteria: "c",
				Image: "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()),
			},
		}, service.Idempotency{})
		check(t, err)
	}
	types, pictures := 0, 0
	for name, b := range h.export() {
		switch {
		case strings.HasPrefix(name, "types/"):
			types++
			if _, err := strictjson.Canonicalize(b); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case strings.HasPrefix(name, "pictures/"):
			pictures++
		}
	}
	if types != 7 || pictures != 7 {
		t.Errorf("expected 7 types and pictures, found %d and %d", types, pictures)
	}
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
