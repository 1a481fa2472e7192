package httpapi

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var rowsT = []row{
	{"T4", func(t *testing.T, f *featured) { // only the hash is sent
		f.stamp(t, strings.Repeat("04", 32)).is("0.state", "pending", "0.alg", "sha-256")
		f.ask(t, f.test, "POST /v1/stamps", `{"document":"text"}`, 422)
	}},
	{"T6", func(t *testing.T, f *featured) { // version in the path
		f.ask(t, f.test, "GET /credentials", "", 404)
		f.ask(t, f.test, "GET /v1/credentials", "", 200)
	}},
	{"T7", func(t *testing.T, f *featured) { // methods
		w := f.ask(t, f.test, "DELETE /v1/credentials", "", 405)
		if allow := w.Header().Get("Allow"); !strings.Contains(allow, "POST") || !strings.Contains(allow, "GET") {
			t.Errorf("Allow is %q", allow)
		}
	}},
	{"T9", func(t *testing.T, f *featured) { // key and JWT in the same header
		f.ask(t, f.token(t), "GET /v1/me", "", 200).is("tenant.id", "tenant-a", "environment", "test")
	}},
	{"T11", func(t *testing.T, f *featured) { // expiry, and an end at once
		made := f.ask(t, f.test, "POST /v1/api-keys", `{"name":"t11","scopes":["read"],"expiresAt":"`+soon()+`"}`, 201)
		made.text("expiresAt")
		f.ask(t, made.text("secret"), "GET /v1/credentials", "", 200)
		f.ask(t, made.text("secret"), "POST /v1/credentials", `{"type":"safety","recipient":{"name":"x"}}`, 403)
		f.ask(t, f.test, "DELETE /v1/api-keys/"+made.text("id"), "", 204)
		f.ask(t, made.text("secret"), "GET /v1/credentials", "", 401)
	}},
	{"T13", func(t *testing.T, f *featured) { // one space, no quotes
		for _, h := range []string{"Bearer  " + f.test, `Bearer "` + f.test + `"`, "Bearer\t" + f.test, f.test, "Basic " + f.test} {
			f.ask(t, "", "GET /v1/me", "", 401, "Authorization", h)
		}
	}},
	{"T14", func(t *testing.T, f *featured) {
		for _, key := range []string{"", "sk_test_none"} {
			if w := f.ask(t, key, "GET /v1/me", "", 401); !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("found %v", w.Header())
			}
		}
	}},
	{"T15", func(t *testing.T, f *featured) { // a reference without outside scripts
		page := f.ask(t, "", "GET /docs", "", 200, "Accept", "text/html")
		page.has("/v1/credentials")
		if m := regexp.MustCompile(`(?:src|href)="(?:https?:)?//[^"]*"`).FindString(page.Body.String()); m != "" {
			t.Errorf("an outside file: %s", m)
		}
	}},
	{"T16", func(t *testing.T, f *featured) {
		f.ask(t, f.test, "GET /v1/me", "", 200, "Accept", "*/*")
		f.ask(t, f.test, "GET /v1/me", "", 200, "Accept", jsonType)
		f.ask(t, f.test, "GET /v1/me", "", 406, "Accept", "text/html")
	}},
	{"T17", func(t *testing.T, f *featured) {
		f.ask(t, f.test, "POST /v1/issuers", `{"name":"x"}`, 415, "Content-Type", "text/plain")
		f.ask(t, f.test, "POST /v1/issuers", `{"name":"x"}`, 415, "Content-Type", "")
	}},
	{"T18", func(t *testing.T, f *featured) { // one object of the documented shape
		for body, want := range map[string]int{`[]`: 400, `{"name":"x"} {}`: 400, `{"name":"x","name":"y"}`: 400, `{"nom":"x"}`: 422, `{`: 400} {
			f.ask(t, f.test, "POST /v1/issuers", body, want)
		}
	}},
	{"T20", func(t *testing.T, f *featured) { // problems as application/json where only that is wanted
		for accept, want := range map[string]string{jsonType: jsonType, "*/*": problemType} {
			if got := f.ask(t, f.test, "GET /v1/credentials/none", "", 404, "Accept", accept).Header().Get("Content-Type"); got != want {
				t.Errorf("Accept %s: found %s", accept, got)
			}
		}
	}},
	{"T21", func(t *testing.T, f *featured) { // pretty, but never what is signed
		f.ask(t, f.test, "GET /v1/me", "", 200).has("{\n  \"data\": {\n    ")
		vc := f.ask(t, f.test, "GET /v1/credentials/"+f.issue(t, "").text("id")+"/artifacts/vc", "", 200)
		f.ask(t, "", "POST /v1/verify", vc.Body.String(), 200, "Content-Type", "application/vc").is("outcome", "valid")
	}},
	{"T22", func(t *testing.T, f *featured) {
		for what, want := range map[string]int{"GET /v1/credentials/none": 404, "GET /v1/nothing": 404, "POST /v1/me": 405, "GET /v1/credentials?limit=x": 400} {
			if m, _ := f.ask(t, f.test, what, "", want).member("message").(string); m == "" {
				t.Errorf("%s: no message", what)
			}
		}
	}},
	{"T24", func(t *testing.T, f *featured) { // 202, committed later; hex or base64
		made := f.stamp(t, strings.Repeat("24", 32))
		id := made.text("0.id")
		f.ask(t, f.test, "POST /v1/stamps", `{"hashes":[{"alg":"sha-256","value":"JCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQ="}]}`, 202).is("0.value", strings.Repeat("24", 32))
		f.until(t, "proof", func() bool { return f.ask(t, f.test, "GET /v1/stamps/"+id, "", 200).at("state") == "anchored" })
	}},
	{"T25", func(t *testing.T, f *featured) { // proof and anchor of a stamp
		id := f.stamp(t, strings.Repeat("25", 32)).text("0.id")
		var number string
		f.until(t, "proof", func() bool {
			a := f.ask(t, f.test, "GET /v1/stamps/"+id, "", 200)
			if a.at("state") != "anchored" {
				return false
			}
			number = fmt.Sprint(a.at("anchor.batch"))
			return true
		})
		f.ask(t, f.test, "GET /v1/anchors/"+number, "", 200).is("state", "anchored", "timestamped", true)
		f.ask(t, f.test, "GET /v1/stamps/"+id+"/proof", "", 200, "Accept", jsonType).has(`"tree"`)
		proof := f.ask(t, f.test, "GET /v1/stamps/"+id+"/proof", "", 200, "Accept", cborType)
		if proof.Header().Get("Content-Type") != cborType || proof.Body.Len() < 100 {
			t.Errorf("found %d bytes of %s", proof.Body.Len(), proof.Header().Get("Content-Type"))
		}
	}},
	{"T26", func(t *testing.T, f *featured) {
		f.ask(t, f.test, "POST /v1/stamps", `{"hashes":[{"alg":"sha-256","value":"`+strings.Repeat("26", 32)+`","meta":{"name":"contract","url":"https://a.example"}}]}`, 202).is("0.meta.name", "contract")
	}},
}

var rowsV = []row{
	{"V1", func(t *testing.T, f *featured) { // the secret once
		made := f.ask(t, f.test, "POST /v1/api-keys", `{"name":"v1","scopes":["read"]}`, 201)
		f.ask(t, f.test, "GET /v1/api-keys", "", 200).hasNot(made.text("secret"), `"secret"`)
	}},
	{"V2", func(t *testing.T, f *featured) { // begin from a starter
		f.ask(t, f.test, "POST /v1/credential-types", `{"key":"v2","displayName":"Mine","from":"starter/diploma","issuer":"academy"}`, 201).is("displayName", "Mine", "kind", "diploma", "fields.0.key", "programme")
	}},
	{"V3", func(t *testing.T, f *featured) { // both names of the parameters
		f.pages(t, "pageSize", "pageToken")
		f.ask(t, f.test, "GET /v1/credential-types?pageSize=1&pageToken=0", "", 200).text("0.displayName")
	}},
	{"V4", func(t *testing.T, f *featured) {
		if list, ok := f.ask(t, f.live, "GET /v1/batches", "", 200).member("data").([]any); !ok || len(list) != 0 {
			t.Error("expected an empty list")
		}
	}},
	{"V5", func(t *testing.T, f *featured) { // the example can be issued as it is
		a := f.ask(t, f.test, "GET /v1/credential-types/safety/input-fields", "", 200)
		a.text("example.claims.trainerName")
		a.has(`"$schema"`)
	}},
	{"V6", func(t *testing.T, f *featured) { // issues nothing
		before := f.ask(t, f.test, "GET /v1/credentials?limit=1&withTotal=true", "", 200).member("meta.total")
		f.ask(t, f.test, "POST /v1/credential-types/safety/validate", `{"recipient":{"name":"A"},"claims":{"trainerName":"x"}}`, 200).is("valid", true, "errors", nil)
		f.ask(t, f.test, "POST /v1/credential-types/safety/validate", `{"claims":{}}`, 200).has(`"claims.trainerName"`, `"recipient.name"`)
		if after := f.ask(t, f.test, "GET /v1/credentials?limit=1&withTotal=true", "", 200).member("meta.total"); after != before {
			t.Errorf("expected %v, found %v", before, after)
		}
	}},
	{"V7", func(t *testing.T, f *featured) { // one or many
		f.batch(t, "recipient.name,claims.trainerName\nA,x\nB,y\nC,z\n", csvType, 3)
		f.batch(t, `{"recipient":{"name":"A"},"claims":{"trainerName":"x"}}`+"\n", ndjsonType, 1)
	}},
	{"V8", func(t *testing.T, f *featured) { // each is mailed by itself
		f.ask(t, f.test, "POST /v1/batches?type=safety&notify=true", "recipient.name,recipient.email,claims.trainerName\nA,v8a@example.com,x\nB,v8b@example.com,y\n", 202, "Content-Type", csvType)
		if a, b := f.mailTo(t, "v8a@example.com"), f.mailTo(t, "v8b@example.com"); a.MessageID == b.MessageID || a.Text == b.Text {
			t.Error("one mail for two")
		}
	}},
	{"V9", func(t *testing.T, f *featured) { // one is answered when it is done, a batch before
		f.issue(t, "").is("state", "issued")
		f.ask(t, f.test, "POST /v1/batches", `{"type":"safety","items":[{"recipient":{"name":"A"},"claims":{"trainerName":"x"}}]}`, 202).text("id")
	}},
	{"V10", func(t *testing.T, f *featured) {
		f.ask(t, "", "GET /c/"+f.issue(t, "").text("publicId"), "", 200, "Accept", "text/html").has("Valid")
	}},
	{"V11", func(t *testing.T, f *featured) {
		if got := f.ask(t, f.test, "GET /v1/me", "", 200, "Accept", jsonType).Header().Get("Content-Type"); got != jsonType {
			t.Errorf("found %s", got)
		}
	}},
	{"V12", func(t *testing.T, f *featured) {
		f.issue(t, `"outputs":["vc","pdf"]`).is("artifacts.pdf.mediaType", "application/pdf")
	}},
	{"V15", func(t *testing.T, f *featured) { // named, disabled, enabled, deleted
		made := f.ask(t, f.test, "POST /v1/api-keys", `{"name":"v15","scopes":["read"]}`, 201)
		one, secret := "/v1/api-keys/"+made.text("id"), made.text("secret")
		f.ask(t, f.test, "PATCH "+one, `{"name":"renamed","enabled":false}`, 200).is("name", "renamed", "enabled", false)
		f.ask(t, secret, "GET /v1/me", "", 401)
		f.ask(t, f.test, "PATCH "+one, `{"enabled":true}`, 200)
		f.ask(t, secret, "GET /v1/me", "", 200)
	}},
}

// stamp stamps a hash.
func (f *featured) stamp(t *testing.T, value string) answer {
	t.Helper()
	return f.ask(t, f.test, "POST /v1/stamps", `{"hashes":[{"alg":"sha-256","value":"`+value+`"}]}`, 202)
}

// token gets an access token for a new key.
func (f *featured) token(t *testing.T) string {
	t.Helper()
	made := f.ask(t, f.test, "POST /v1/api-keys", `{"name":"client","scopes":["read"]}`, 201)
	a := f.ask(t, "", "POST /v1/oauth/token", "grant_type=client_credentials&client_id="+made.text("id")+"&client_secret="+made.text("secret"), 200, "Content-Type", formType)
	if a.member("token_type") != "Bearer" || a.member("expires_in") != 3600.0 {
		t.Errorf("found %s", a.Body)
	}
	return a.member("access_token").(string)
}

// event waits for a webhook message of a type about a thing.
func (f *featured) event(t *testing.T, kind, id string) {
	t.Helper()
	f.until(t, kind, func() bool {
		f.inbox.mu.Lock()
		defer f.inbox.mu.Unlock()
		for _, m := range f.inbox.hooks {
			if strings.Contains(string(m.Body), `"type":"`+kind+`"`) && strings.Contains(string(m.Body), id) {
				return len(m.Secrets) == 1 && strings.HasPrefix(m.Secrets[0], "whsec_") && m.ID != "" && !strings.Contains(string(m.Body), "@example.com")
			}
		}
		return false
	})
}
