package httpapi

import (
	"strings"
	"testing"
	"time"
)

var rowsC = []row{
	{"C1", func(t *testing.T, f *featured) { // one host, two environments that share nothing
		id := f.issue(t, "").text("id")
		f.ask(t, f.live, "GET /v1/credentials/"+id, "", 404)
		f.ask(t, f.live, "GET /v1/me", "", 200).is("environment", "live", "tenant.id", "tenant-a")
	}},
	{"C2", func(t *testing.T, f *featured) {
		if !strings.HasPrefix(f.test, "sk_test_") || !strings.HasPrefix(f.live, "sk_live_") {
			t.Error("the prefix does not tell the environment")
		}
		f.ask(t, strings.Replace(f.test, "sk_test_", "sk_live_", 1), "GET /v1/me", "", 401)
	}},
	{"C3", func(t *testing.T, f *featured) { // no script of a page may use a key
		w := f.ask(t, f.test, "GET /v1/me", "", 200, "Origin", "https://elsewhere.example")
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("found %q", got)
		}
		if got := f.ask(t, "", "GET /v1/verify/none", "", 200, "Origin", "https://elsewhere.example").Header().Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("found %q", got)
		}
	}},
	{"C4", func(t *testing.T, f *featured) { // one call: signed, rendered, hashed, published
		a := f.issue(t, `"outputs":["vc","pdf"]`)
		a.is("state", "issued", "digest.alg", "sha-256")
		for _, p := range []string{"verificationUrl", "artifacts.pdf.digest", "digest.value"} {
			a.text(p)
		}
	}},
	{"C5", func(t *testing.T, f *featured) { // an id of the client's own
		body := `{"id":"CX-5","type":"safety","recipient":{"name":"A"},"claims":{"trainerName":"x"}}`
		f.ask(t, f.test, "POST /v1/credentials", body, 201).is("id", "CX-5")
		f.ask(t, f.test, "POST /v1/credentials", body, 200).is("id", "CX-5")
		if a := f.ask(t, f.test, "POST /v1/credentials", strings.Replace(body, `"A"`, `"B"`, 1), 409); a.member("code") != "DUPLICATE_ID" {
			t.Errorf("found %s", a.Body)
		}
	}},
	{"C6", func(t *testing.T, f *featured) {
		f.issue(t, `"validFrom":"2026-01-01T00:00:00Z","validUntil":"2099-01-01T00:00:00Z"`).is("validFrom", "2026-01-01T00:00:00Z", "validUntil", "2099-01-01T00:00:00Z")
	}},
	{"C7", func(t *testing.T, f *featured) { // private values never come back
		a := f.issue(t, `"private":{"idNo":"900101-14-1234"}`)
		a.is("privateFields.0", "idNo")
		a.hasNot("900101-14-1234")
		f.ask(t, f.test, "GET /v1/credentials/"+a.text("id")+"/artifacts/vc", "", 200).hasNot("900101-14-1234")
		f.ask(t, "", "GET /c/"+a.text("publicId"), "", 200).hasNot("900101-14-1234")
	}},
	{"C8", func(t *testing.T, f *featured) {
		a := f.issue(t, `"anchor":true`)
		a.is("environment", "test", "state", "issued", "anchor.state", "pending")
		if len(a.text("digest.value")) != 64 || a.text("id") == a.text("publicId") {
			t.Errorf("found %s", a.Body)
		}
	}},
	{"C9", func(t *testing.T, f *featured) { // a signed URL that lives an hour
		a := f.issue(t, `"visibility":"private","outputs":["vc","pdf"]`)
		a.is("artifacts.pdf.expiresIn", 3600.0)
		f.ask(t, "", "GET "+strings.TrimPrefix(a.text("artifacts.pdf.url"), exampleHost), "", 200, "Accept", "*/*")
		path, _, _ := strings.Cut(strings.TrimPrefix(a.text("artifacts.pdf.url"), exampleHost), "?")
		f.ask(t, "", "GET "+path, "", 404, "Accept", "*/*")
	}},
	{"C10", func(t *testing.T, f *featured) {
		f.ask(t, f.test, "POST /v1/batches", `{"name":"May","type":"safety","items":[{"recipient":{"name":"A"},"claims":{"trainerName":"x"}}]}`, 202).is("name", "May", "environment", "test", "counts.total", 1.0)
		f.ask(t, f.test, "POST /v1/batches", `{"name":"May","type":"safety","items":[]}`, 422)
		a := f.ask(t, f.test, "POST /v1/batches", `{"type":"safety","items":[{"recipient":{"name":"A"},"claims":{"trainerName":"x"}},{"recipient":{"name":"B"}}]}`, 422)
		a.has(`"items[1].claims.trainerName"`)
	}},
	{"C11", func(t *testing.T, f *featured) {
		id := f.issue(t, `"private":{"idNo":"secret-c11"}`).text("id")
		a := f.ask(t, f.test, "GET /v1/credentials/"+id, "", 200)
		a.is("state", "issued", "claims.trainerName", "Academy")
		a.hasNot("secret-c11")
	}},
	{"C12", func(t *testing.T, f *featured) { // the second time
		one := "/v1/credentials/" + f.issue(t, "").text("id") + "/revoke"
		f.ask(t, f.test, "POST "+one, `{"reason":"a mistake"}`, 200).text("revokedAt")
		f.ask(t, f.test, "POST "+one, `{"reason":"a mistake"}`, 200).is("reason", "a mistake")
		if a := f.ask(t, f.test, "POST "+one, `{"reason":"another"}`, 409); a.member("code") != "CREDENTIAL_REVOKED" {
			t.Errorf("found %s", a.Body)
		}
	}},
	{"C13", func(t *testing.T, f *featured) { // no key, and a line in the log
		a := f.issue(t, "")
		f.ask(t, "", "GET /v1/verify/"+a.text("publicId"), "", 200)
		f.until(t, "line", func() bool {
			log := f.ask(t, f.test, "GET /v1/verifications?limit=1000", "", 200)
			log.hasNot("192.0.2.1", "@example.com")
			return strings.Contains(log.Body.String(), a.text("id"))
		})
	}},
	{"C14", func(t *testing.T, f *featured) { // outcome apart from lifecycle
		a := f.issue(t, "")
		f.ask(t, f.test, "POST /v1/credentials/"+a.text("id")+"/suspend", `{"reason":"x"}`, 200)
		v := f.ask(t, "", "GET /v1/verify/"+a.text("publicId"), "", 200)
		v.is("outcome", "invalid", "lifecycle", "suspended")
		v.hasNot("@example.com")
	}},
	{"C15", func(t *testing.T, f *featured) {
		f.ask(t, "", "GET /v1/verify/unknown", "", 200).is("outcome", "indeterminate", "reason", "not_found", "lifecycle", nil)
	}},
	{"C16", func(t *testing.T, f *featured) { // own types and starters
		f.ask(t, f.test, "GET /v1/credential-types?limit=1000", "", 200).has(`"safety"`, `"starter/classic"`, `"starter": true`, `"active"`, `"updatedAt"`)
	}},
	{"C17", func(t *testing.T, f *featured) {
		f.ask(t, f.test, "GET /v1/credential-types/safety", "", 200).is("fields.0.key", "trainerName", "fields.0.label", "Trainer", "fields.0.type", "text", "fields.0.visibility", "public", "fields.1.visibility", "private")
	}},
	{"C18", func(t *testing.T, f *featured) { // secret once, events
		made := f.ask(t, f.test, "POST /v1/webhooks", `{"url":"https://client.example.com/c18","description":"d","events":["credential.issued","credential.revoked"]}`, 201)
		if !strings.HasPrefix(made.text("signingSecret"), "whsec_") {
			t.Errorf("found %s", made.Body)
		}
		f.ask(t, f.test, "GET /v1/webhooks/"+made.text("id"), "", 200).hasNot(made.text("signingSecret"))
		id := f.issue(t, "").text("id")
		f.event(t, "credential.issued", id)
		f.ask(t, f.test, "POST /v1/credentials/"+id+"/revoke", `{"reason":"x"}`, 200)
		f.event(t, "credential.revoked", id)
	}},
	{"C19", func(t *testing.T, f *featured) { // codes
		for what, want := range map[string]string{"GET /v1/credentials/none": "CREDENTIAL_NOT_FOUND", "GET /v1/me?x=1": "MALFORMED_PARAMETER"} {
			status := 404
			if want == "MALFORMED_PARAMETER" {
				status = 400
			}
			if a := f.ask(t, f.test, what, "", status); a.member("code") != want {
				t.Errorf("found %s", a.Body)
			}
		}
		if a := f.ask(t, "sk_test_no", "GET /v1/me", "", 401); a.member("code") != "INVALID_API_KEY" {
			t.Errorf("found %s", a.Body)
		}
		if a := f.ask(t, f.test, "POST /v1/credentials", `{"type":"safety","recipient":{"name":""}}`, 422); a.member("code") != "VALIDATION_ERROR" {
			t.Errorf("found %s", a.Body)
		}
	}},
	{"C20", func(t *testing.T, f *featured) { // live has a quota of ten here, test has none
		body := `{"type":"safety","recipient":{"name":"A"},"claims":{"trainerName":"x"}}`
		for range 12 {
			f.issue(t, "")
		}
		for range 10 {
			f.ask(t, f.live, "POST /v1/credentials", body, 201)
		}
		if a := f.ask(t, f.live, "POST /v1/credentials", body, 402); a.member("code") != "QUOTA_EXCEEDED" {
			t.Errorf("found %s", a.Body)
		}
		if list := f.ask(t, f.live, "GET /v1/credentials?withTotal=true", "", 200); list.member("meta.total") != 10.0 {
			t.Errorf("the refused one is stored: %v", list.member("meta.total"))
		}
	}},
	{"C21", func(t *testing.T, f *featured) { // limits are told; TestRates shows 429
		h := f.ask(t, f.test, "GET /v1/me", "", 200).Header()
		if h.Get("RateLimit") == "" || h.Get("RateLimit-Policy") == "" {
			t.Errorf("found %v", h)
		}
	}},
	{"C22", func(t *testing.T, f *featured) { // the member tells what has happened
		a := f.issue(t, `"anchor":true`)
		f.anchored(t, a.text("id"))
		f.ask(t, "", "GET /v1/verify/"+a.text("publicId"), "", 200).has(`"anchor"`)
		f.issue(t, "").is("anchor", nil)
	}},
}

var rowsH = []row{
	{"H1", func(t *testing.T, f *featured) { f.issue(t, `"publish":true`).is("state", "issued") }},
	{"H3", func(t *testing.T, f *featured) { f.ask(t, f.test, "GET /v1/credentials", "", 200) }},
	{"H4", func(t *testing.T, f *featured) { // the type by key or id
		id := f.ask(t, f.test, "GET /v1/credential-types/safety", "", 200).text("id")
		f.ask(t, f.test, "POST /v1/credentials", `{"type":"`+id+`","recipient":{"name":"A","email":"a@example.com"},"claims":{"trainerName":"x"}}`, 201).is("type.key", "safety", "recipient.email", "a@example.com")
	}},
	{"H5", func(t *testing.T, f *featured) { // only fields of the type
		f.ask(t, f.test, "POST /v1/credentials", `{"type":"safety","recipient":{"name":"A"},"claims":{"trainerName":"x","other":"y"}}`, 422).has(`"claims.other"`)
	}},
	{"H6", func(t *testing.T, f *featured) {
		a := f.issue(t, "")
		for _, p := range []string{"id", "state", "verificationUrl", "recipient.id"} {
			a.text(p)
		}
	}},
	{"H7", func(t *testing.T, f *featured) {
		a := f.issue(t, "")
		a.is("type.key", "safety", "type.displayName", "Safety Training")
		a.text("type.id")
	}},
	{"H8", func(t *testing.T, f *featured) { // null: for ever
		a := f.issue(t, "")
		a.text("issuedAt")
		a.text("validUntil") // by the type, a year
		f.ask(t, f.test, "POST /v1/credentials/"+a.text("id")+"/expiry", `{"validUntil":null}`, 200).is("validUntil", nil)
	}},
	{"H9", func(t *testing.T, f *featured) { f.issue(t, "").is("claims.trainerName", "Academy") }},
	{"H10", func(t *testing.T, f *featured) { // verdict and issuer without the subject
		a := f.issue(t, `"visibility":"private"`)
		a.is("visibility", "private")
		v := f.ask(t, "", "GET /v1/verify/"+a.text("publicId"), "", 200)
		v.is("outcome", "valid", "issuer.name", "Academy")
		v.hasNot("Aina")
		f.ask(t, "", "GET /c/"+a.text("publicId"), "", 200).hasNot("Aina")
	}},
	{"H12", func(t *testing.T, f *featured) {
		one := "/v1/credentials/" + f.issue(t, `"publish":false`).text("id")
		f.ask(t, f.test, "PATCH "+one, `{"claims":{"trainerName":"Changed"}}`, 200).is("claims.trainerName", "Changed", "state", "draft")
		f.ask(t, f.test, "POST "+one+"/publish", "", 200).is("state", "issued", "claims.trainerName", "Changed")
		f.ask(t, f.test, "PATCH "+one, `{"claims":{"trainerName":"Again"}}`, 409)
	}},
	{"H13", func(t *testing.T, f *featured) { // signed again; the first version is not valid any more
		a := f.issue(t, "")
		one := "/v1/credentials/" + a.text("id")
		before := f.ask(t, f.test, "GET "+one+"/artifacts/vc", "", 200).Body.String()
		f.ask(t, f.test, "POST "+one+"/expiry", `{"validUntil":"`+soon()+`"}`, 200).is("version", 2.0, "publicId", a.text("publicId"))
		f.ask(t, "", "GET /v1/verify/"+a.text("publicId"), "", 200).is("outcome", "valid")
		f.ask(t, "", "POST /v1/verify", before, 200, "Content-Type", "application/vc").is("outcome", "invalid")
	}},
	{"H14", func(t *testing.T, f *featured) { // expired follows from the clock
		a := f.issue(t, `"validFrom":"2020-01-01T00:00:00Z","validUntil":"`+time.Now().Add(2*time.Second).UTC().Format(time.RFC3339)+`"`)
		f.until(t, "end of validity", func() bool {
			return f.ask(t, f.test, "GET /v1/credentials/"+a.text("id"), "", 200).at("state") == "expired"
		})
		f.ask(t, "", "GET /v1/verify/"+a.text("publicId"), "", 200).is("outcome", "invalid", "lifecycle", "expired")
	}},
	{"H15", func(t *testing.T, f *featured) {
		id := f.ask(t, f.test, "POST /v1/credentials", `{"type":"safety","recipient":{"name":"Search Me","email":"h15@example.com"},"claims":{"trainerName":"Rare"}}`, 201).text("id")
		for _, q := range []string{"recipientName=Search+Me", "recipientEmail=h15@example.com", "claim.trainerName=Rare"} {
			f.ask(t, f.test, "GET /v1/credentials?type=safety&"+q, "", 200).is("0.id", id)
		}
	}},
	{"H16", func(t *testing.T, f *featured) { // what a group sets is the type's
		f.ask(t, f.test, "POST /v1/credential-types", `{"key":"h16","displayName":"H","kind":"badge","outputs":["vc","badge"],"validity":{"years":2},"anchor":true,"achievement":{"description":"D"}}`, 201).is("anchor", true, "validity.years", 2.0, "outputs.1", "badge")
		a := f.ask(t, f.test, "POST /v1/credentials", `{"type":"h16","recipient":{"name":"A"}}`, 201)
		a.is("anchor.state", "pending")
		a.text("validUntil")
		a.text("artifacts.png.url")
	}},
	{"H17", func(t *testing.T, f *featured) {
		f.ask(t, f.test, "GET /v1/me", "", 200).is("tenant.id", "tenant-a", "environment", "test")
	}},
	{"H18", func(t *testing.T, f *featured) { // many endpoints
		for _, path := range []string{"one", "two"} {
			f.ask(t, f.test, "POST /v1/webhooks", `{"url":"https://client.example.com/`+path+`","events":["*"]}`, 201)
		}
		id := f.issue(t, "").text("id")
		f.until(t, "both messages", func() bool {
			f.inbox.mu.Lock()
			defer f.inbox.mu.Unlock()
			told := map[string]bool{}
			for _, m := range f.inbox.hooks {
				if strings.Contains(string(m.Body), id) {
					told[m.URL] = true
				}
			}
			return told["https://client.example.com/one"] && told["https://client.example.com/two"]
		})
	}},
	{"H19", func(t *testing.T, f *featured) {
		one := "/v1/credentials/" + f.issue(t, "").text("id")
		f.ask(t, f.test, "POST "+one+"/suspend", `{"reason":"x"}`, 200).is("state", "suspended")
		f.ask(t, f.test, "POST "+one+"/revoke", `{"reason":"y"}`, 200).is("state", "revoked")
	}},
}
