package httpapi

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// row is a row of docs/features.md.
type row struct {
	name string
	show func(t *testing.T, f *featured)
}

// TestFeatures shows what the rows say over HTTP.
func TestFeatures(t *testing.T) {
	if testing.Short() {
		t.Skip("issues and verifies")
	}
	f := startFeatured(t)
	for _, rows := range [][]row{rowsD, rowsT, rowsV, rowsC, rowsH} {
		for _, r := range rows {
			t.Run(r.name, func(t *testing.T) { r.show(t, f) })
		}
	}
}

var rowsD = []row{
	{"D1", func(t *testing.T, f *featured) { // tenants: the key decides
		id := f.issue(t, "").text("id")
		f.ask(t, f.other, "GET /v1/credentials/"+id, "", 404)
		f.ask(t, f.other, "GET /v1/credentials", "", 200).hasNot(id)
	}},
	{"D2", func(t *testing.T, f *featured) { // four kinds
		for _, kind := range []string{"diploma", "transcript", "certificate", "badge"} {
			f.ask(t, f.test, "POST /v1/credential-types", `{"key":"kind-`+kind+`","displayName":"K","kind":"`+kind+`"}`, 201).is("kind", kind)
		}
		f.ask(t, f.test, "POST /v1/credential-types", `{"key":"kind-other","displayName":"K","kind":"licence"}`, 422)
	}},
	{"D3", func(t *testing.T, f *featured) { // recipient, course and signed PDF in one credential; an existing PDF too
		made := f.issue(t, `"outputs":["vc","pdf"]`)
		made.has(`"pdf"`)
		page := f.ask(t, f.test, "GET /v1/credentials/"+made.text("id")+"/artifacts/pdf", "", 200, "Accept", "application/pdf")
		if !bytes.HasPrefix(page.Body.Bytes(), []byte("%PDF-")) {
			t.Error("no PDF")
		}
		f.upload(t, "", "POST /v1/verify", "file", page.Body.Bytes(), 200).is("outcome", "valid")
		document := f.upload(t, f.test, "POST /v1/documents", "file", page.Body.Bytes(), 201).text("0.id")
		bound := f.issue(t, `"documentId":"`+document+`"`)
		bound.is("documentId", document)
	}},
	{"D4", func(t *testing.T, f *featured) { // third parties are invited by a link
		document := f.page(t)
		f.ask(t, f.test, "POST /v1/documents/"+document+"/signatures", `{"kind":"thirdParty","signer":{"name":"Dean","email":"dean@example.com"}}`, 201).is("state", "invited", "signer", "Dean")
		if m := f.mailTo(t, "dean@example.com"); !strings.Contains(m.Text, exampleHost+"/sign/") {
			t.Errorf("no link in %s", m.Text)
		}
	}},
	{"D5", func(t *testing.T, f *featured) { // the institution signs
		document := f.page(t)
		f.ask(t, f.test, "POST /v1/documents/"+document+"/signatures", `{"kind":"institutional","level":"B-T"}`, 201).is("state", "signed", "level", "B-T")
		file := f.ask(t, f.test, "GET /v1/documents/"+document+"/file", "", 200, "Accept", "application/pdf")
		f.upload(t, "", "POST /v1/verify", "file", file.Body.Bytes(), 200).is("outcome", "valid")
	}},
	{"D6", func(t *testing.T, f *featured) { // one public URL
		made := f.issue(t, "")
		page := f.ask(t, "", "GET "+strings.TrimPrefix(made.text("verificationUrl"), exampleHost), "", 200)
		page.has("Safety Training", "Aina Rahman")
		f.ask(t, "", "GET /v1/verify/"+made.text("publicId"), "", 200).is("outcome", "valid")
	}},
	{"D7", func(t *testing.T, f *featured) { // Open Badges 3.0
		f.ask(t, f.test, "POST /v1/credential-types", `{"key":"d7","displayName":"Safety Training","kind":"badge","issuer":"academy","outputs":["vc","badge"]}`, 201)
		made := f.ask(t, f.test, "POST /v1/credentials", `{"type":"d7","recipient":{"name":"A"}}`, 201)
		f.ask(t, f.test, "GET /v1/credentials/"+made.text("id")+"/artifacts/vc", "", 200).has("OpenBadgeCredential", `"achievement"`, "Safety Training")
		for _, name := range []string{"png", "svg"} {
			baked := f.ask(t, f.test, "GET /v1/credentials/"+made.text("id")+"/artifacts/"+name, "", 200, "Accept", "*/*")
			f.upload(t, "", "POST /v1/verify", "file", baked.Body.Bytes(), 200).is("outcome", "valid")
		}
	}},
	{"D8", func(t *testing.T, f *featured) { f.portfolio(t, "aina-d8") }},
	{"D9", func(t *testing.T, f *featured) { // draft, issued, suspended, revoked, expiry
		one := "/v1/credentials/" + f.issue(t, `"publish":false`).text("id")
		f.ask(t, f.test, "GET "+one, "", 200).is("state", "draft")
		f.ask(t, f.test, "POST "+one+"/publish", "", 200).is("state", "issued")
		f.ask(t, f.test, "POST "+one+"/suspend", `{"reason":"asked"}`, 200).is("state", "suspended")
		f.ask(t, f.test, "POST "+one+"/reinstate", `{"reason":"settled"}`, 200).is("state", "issued")
		f.ask(t, f.test, "POST "+one+"/expiry", `{"validUntil":"2099-01-01T00:00:00Z"}`, 200).is("validUntil", "2099-01-01T00:00:00Z", "version", 2.0)
		f.ask(t, f.test, "POST "+one+"/revoke", `{"reason":"wrong"}`, 200).is("state", "revoked")
		f.ask(t, f.test, "POST "+one+"/reinstate", `{"reason":"no"}`, 409)
	}},
	{"D10", func(t *testing.T, f *featured) { // issuer, type, credential: no other order
		f.ask(t, f.other, "POST /v1/credential-types", `{"key":"x","displayName":"X","kind":"badge"}`, 422)
		f.ask(t, f.other, "POST /v1/issuers", `{"name":"Other"}`, 201)
		f.ask(t, f.other, "POST /v1/credential-types", `{"key":"x","displayName":"X","kind":"badge"}`, 201)
		f.ask(t, f.other, "POST /v1/credentials", `{"type":"x","recipient":{"name":"B"}}`, 201).is("state", "issued")
	}},
	{"D13", func(t *testing.T, f *featured) { // one host
		f.issue(t, "").has(`"` + exampleHost + `/c/`)
	}},
	{"D16", func(t *testing.T, f *featured) { // X-Tenant only asserts
		f.ask(t, f.test, "GET /v1/me", "", 200, "X-Tenant", "tenant-a").is("tenant.id", "tenant-a")
		f.ask(t, f.test, "GET /v1/me", "", 404, "X-Tenant", "tenant-b")
	}},
	{"D17", func(t *testing.T, f *featured) {
		a := f.ask(t, f.test, "GET /v1/me", "", 200)
		if _, ok := a.member("data").(map[string]any); !ok {
			t.Error("no data")
		}
		if _, ok := a.member("meta").(map[string]any); !ok {
			t.Error("no meta")
		}
	}},
	{"D18", func(t *testing.T, f *featured) { f.pages(t, "limit", "cursor") }},
	{"D19", func(t *testing.T, f *featured) {
		a := f.ask(t, f.test, "POST /v1/credentials", `{"type":"safety","recipient":{"name":"A"},"claims":{}}`, 422)
		if a.member("message") != a.member("detail") || !strings.Contains(a.Body.String(), `"claims.trainerName"`) {
			t.Errorf("found %s", a.Body)
		}
	}},
	{"D20", func(t *testing.T, f *featured) {
		if a := f.ask(t, f.test, "GET /v1/credentials/none", "", 404); a.member("requestId") != a.Header().Get("X-Request-Id") || a.Header().Get("X-Request-Id") == "" {
			t.Errorf("found %s", a.Body)
		}
	}},
	{"D21", func(t *testing.T, f *featured) { // foreign: 404; referred to in a body: 422
		id := f.issue(t, "").text("id")
		f.ask(t, f.other, "POST /v1/credentials/"+id+"/revoke", `{"reason":"x"}`, 404)
		f.ask(t, f.other, "POST /v1/credentials", `{"type":"safety","recipient":{"name":"x"}}`, 422)
	}},
	{"D24", func(t *testing.T, f *featured) { // cohort and module are claims
		f.ask(t, f.test, "POST /v1/credential-types", `{"key":"course","displayName":"Course","kind":"certificate","fields":[{"key":"cohort","type":"text"},{"key":"module","type":"text"}]}`, 201)
		f.ask(t, f.test, "POST /v1/credentials", `{"type":"course","recipient":{"name":"A"},"claims":{"cohort":"2026","module":"M1"}}`, 201).is("claims.cohort", "2026", "claims.module", "M1")
	}},
	{"D25", func(t *testing.T, f *featured) { // publish:false leaves a draft
		draft := f.issue(t, `"publish":false`)
		draft.is("state", "draft", "digest", nil)
		f.ask(t, "", "GET /v1/verify/"+draft.text("publicId"), "", 200).is("reason", "not_found")
		f.issue(t, "").is("state", "issued")
	}},
	{"D26", func(t *testing.T, f *featured) { // signs, renders and tells
		a := f.ask(t, f.test, "POST /v1/credentials", `{"type":"safety","recipient":{"name":"D","email":"d26@example.com"},"claims":{"trainerName":"x"},"outputs":["vc","pdf"],"notify":true}`, 201)
		a.is("notify.state", "queued", "artifacts.pdf.mediaType", "application/pdf")
		if m := f.mailTo(t, "d26@example.com"); !strings.Contains(m.Text, a.text("verificationUrl")) {
			t.Errorf("no link in %s", m.Text)
		}
	}},
	{"D27", func(t *testing.T, f *featured) { // what the object tells
		one := f.issue(t, `"anchor":true`).text("id")
		f.anchored(t, one)
		a := f.ask(t, f.test, "POST /v1/credentials/"+one+"/revoke", `{"reason":"wrong"}`, 200)
		a.is("state", "revoked", "reason", "wrong", "type.key", "safety", "issuer.name", "Academy", "recipient.name", "Aina Rahman", "anchor.state", "anchored")
		for _, p := range []string{"issuedAt", "revokedAt", "verificationUrl", "artifacts.vc.url", "artifacts.evidence.url"} {
			a.text(p)
		}
	}},
	{"D28", func(t *testing.T, f *featured) { // one-way; the page stays
		a := f.issue(t, "")
		f.ask(t, f.test, "POST /v1/credentials/"+a.text("id")+"/revoke", `{"reason":"secret reason"}`, 200)
		page := f.ask(t, "", "GET /c/"+a.text("publicId"), "", 200)
		page.has("evoked")
		page.hasNot("secret reason")
	}},
	{"D29", func(t *testing.T, f *featured) { // the signed bytes are the snapshot
		first := f.issue(t, "")
		before := f.ask(t, f.test, "GET /v1/credentials/"+first.text("id")+"/artifacts/vc", "", 200).Body.String()
		f.ask(t, f.test, "POST /v1/credentials", `{"type":"safety","recipient":{"id":"`+first.text("recipient.id")+`","name":"Aina Other","email":"aina@example.com"},"claims":{"trainerName":"x"}}`, 201)
		if after := f.ask(t, f.test, "GET /v1/credentials/"+first.text("id")+"/artifacts/vc", "", 200).Body.String(); after != before || !strings.Contains(after, "Aina Rahman") {
			t.Error("the credential has changed")
		}
	}},
	{"D30", func(t *testing.T, f *featured) { // filters and order
		one := f.ask(t, f.test, "POST /v1/credentials", `{"type":"safety","recipient":{"name":"Filter Me","email":"filter@example.com"},"claims":{"trainerName":"Unique"}}`, 201).text("id")
		for _, q := range []string{"recipientEmail=filter@example.com", "recipientName=" + url.QueryEscape("Filter Me"), "claim.trainerName=Unique", "claim.trainerName=Unique&state=issued&type=safety&sort=issuedAt"} {
			a := f.ask(t, f.test, "GET /v1/credentials?"+q, "", 200)
			if a.at("0.id") != one || a.at("1") != nil {
				t.Errorf("%s: found %s", q, a.Body)
			}
		}
		f.ask(t, f.test, "GET /v1/credentials?recipientEmail=filter@example.com&state=revoked", "", 200).hasNot(one)
		f.ask(t, f.test, "GET /v1/credentials?state=none", "", 400)
	}},
	{"D31", func(t *testing.T, f *featured) { // the same content is the same document
		first := f.upload(t, f.test, "POST /v1/documents", "files[]", plainPDF("the same"), 201).text("0.id")
		if again := f.upload(t, f.test, "POST /v1/documents", "files[]", plainPDF("the same"), 200).text("0.id"); again != first {
			t.Error("another document")
		}
	}},
	{"D32", func(t *testing.T, f *featured) { // many at once; only drafts are deleted
		f.batch(t, `[{"recipient":{"name":"A"},"claims":{"trainerName":"x"}},{"recipient":{"name":"B"},"claims":{"trainerName":"x"}}]`, jsonType, 2)
		draft, issued := f.issue(t, `"publish":false`).text("id"), f.issue(t, "").text("id")
		f.ask(t, f.test, "DELETE /v1/credentials/"+draft, "", 204)
		f.ask(t, f.test, "DELETE /v1/credentials/"+issued, "", 409)
	}},
	{"D33", func(t *testing.T, f *featured) { // fields with rules
		f.ask(t, f.test, "POST /v1/credential-types", `{"key":"ruled","displayName":"R","kind":"certificate","fields":[{"key":"cpf","type":"text","pattern":"^[0-9]{11}$","required":true},{"key":"mail","type":"email"}]}`, 201)
		a := f.ask(t, f.test, "POST /v1/credential-types/ruled/validate", `{"recipient":{"name":"A"},"claims":{"cpf":"1","mail":"no"}}`, 200)
		a.is("valid", false)
		a.has(`"claims.cpf"`, `"claims.mail"`)
		f.ask(t, f.test, "POST /v1/credential-types/ruled/validate", `{"recipient":{"name":"A"},"claims":{"cpf":"12345678901","mail":"a@example.com"}}`, 200).is("valid", true, "errors", nil)
	}},
	{"D34", func(t *testing.T, f *featured) { // who, what, when, from where
		id := f.issue(t, "").text("id")
		var a answer
		f.until(t, "line", func() bool {
			a = f.ask(t, f.test, "GET /v1/audit?limit=1000", "", 200)
			return strings.Contains(a.Body.String(), id)
		})
		a.has(id, `"actor": "key:`, `"source"`, `"at"`, `"hash"`)
		a.hasNot("aina@example.com")
	}},
	{"D36", func(t *testing.T, f *featured) { // order, hidden items, unique slug
		f.portfolio(t, "aina-d36")
		f.ask(t, f.other, "PUT /v1/portfolios/aina-d36", `{"title":"x","subjectId":"x","public":true,"items":[]}`, 409, "Accept", "*/*")
	}},
	{"D37", func(t *testing.T, f *featured) { // Idempotency-Key
		body := `{"type":"safety","recipient":{"name":"Once"},"claims":{"trainerName":"x"}}`
		first := f.ask(t, f.test, "POST /v1/credentials", body, 201, "Idempotency-Key", "d37")
		again := f.ask(t, f.test, "POST /v1/credentials", body, 201, "Idempotency-Key", "d37")
		if first.Body.String() != again.Body.String() || again.Header().Get("Idempotency-Replayed") != "true" {
			t.Errorf("found %s", again.Body)
		}
		f.ask(t, f.test, "POST /v1/credentials", strings.Replace(body, "Once", "Twice", 1), 422, "Idempotency-Key", "d37")
	}},
}

// page stores a PDF to be signed.
func (f *featured) page(t *testing.T) string {
	t.Helper()
	return f.upload(t, f.test, "POST /v1/documents", "file", plainPDF(time.Now().String()), 201).text("0.id")
}

// plainPDF is an empty page that nobody has signed.
func plainPDF(title string) []byte {
	var b bytes.Buffer
	var at []int
	b.WriteString("%PDF-1.7\n")
	for i, object := range []string{"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Resources<<>>>>", "<</Title(" + title + ")>>"} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R/Info 4 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}

// portfolio shows one credential of two.
func (f *featured) portfolio(t *testing.T, slug string) {
	t.Helper()
	one, two := f.issue(t, ""), f.issue(t, "")
	if one.text("recipient.id") != two.text("recipient.id") {
		t.Fatal("two recipients of one address")
	}
	put := func(public string) {
		f.ask(t, f.test, "PUT /v1/portfolios/"+slug, `{"title":"Aina's","subjectId":"`+one.text("recipient.id")+`","public":`+public+`,"items":[{"credential":"`+two.text("id")+`","visible":false},{"credential":"`+one.text("id")+`","visible":true}]}`, 200).is("items.0.credential", two.text("id"), "items.1.visible", true)
	}
	put("false")
	f.ask(t, "", "GET /p/"+slug, "", 404)
	put("true")
	page := f.ask(t, "", "GET /p/"+slug, "", 200)
	page.has(one.text("publicId"))
	page.hasNot(two.text("publicId"))
}

// pages reads a list by pages of two: all of it, nothing twice.
func (f *featured) pages(t *testing.T, limit, cursor string) {
	t.Helper()
	for range 5 {
		f.issue(t, "")
	}
	seen, next, total := map[string]bool{}, "", 0.0
	for {
		query := "?" + limit + "=2&withTotal=true"
		if next != "" {
			query += "&" + cursor + "=" + url.QueryEscape(next)
		}
		a := f.ask(t, f.test, "GET /v1/credentials"+query, "", 200)
		total, _ = a.member("meta.total").(float64)
		for _, v := range a.member("data").([]any) {
			id := v.(map[string]any)["id"].(string)
			if seen[id] {
				t.Fatal("one is on two pages")
			}
			seen[id] = true
		}
		s, ok := a.member("meta.nextCursor").(string)
		if !ok {
			break
		}
		next = s
	}
	if len(seen) != int(total) || total < 5 {
		t.Errorf("expected %v, found %d", total, len(seen))
	}
}

// anchored waits until a credential is anchored.
func (f *featured) anchored(t *testing.T, id string) {
	t.Helper()
	f.until(t, "anchor", func() bool {
		return f.ask(t, f.test, "GET /v1/credentials/"+id, "", 200).at("anchor.state") == "anchored"
	})
}

// batch issues rows and waits for them.
func (f *featured) batch(t *testing.T, rows, media string, n float64) string {
	t.Helper()
	made := f.ask(t, f.test, "POST /v1/batches?type=safety&name=rows", rows, 202, "Content-Type", media)
	id := made.text("id")
	f.until(t, "end of the batch", func() bool { return f.ask(t, f.test, "GET /v1/batches/"+id, "", 200).at("done") == true })
	f.ask(t, f.test, "GET /v1/batches/"+id, "", 200).is("counts.issued", n, "counts.failed", 0.0, "state", "done")
	return id
}

// soon is a time to come.
func soon() string { return time.Now().Add(time.Hour).UTC().Format(time.RFC3339) }
