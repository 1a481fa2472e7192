package serving_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store/sqlite"
)

// TestSecretsStayInside: of a private credential, and of one that was erased, no public
// path says whom it is about.
func TestSecretsStayInside(t *testing.T) {
	f := newFort(t)
	private := f.ok("north/live", "POST", "/v1/credentials", aina(map[string]any{"visibility": "private"}))
	public := f.ok("north/live", "POST", "/v1/credentials", aina(map[string]any{"recipient": map[string]any{"name": "Aina Rahman", "email": "other@example.com"}}))
	vcs := map[string][]byte{}
	for name, a := range map[string]answer{"private": private, "erased": public} {
		vcs[name] = f.ok("north/live", "GET", "/v1/credentials/"+a.text("id")+"/artifacts/vc", nil).body
	}
	f.ok("north/live", "PUT", "/v1/portfolios/aina-rahman-1", map[string]any{"title": "P", "subjectId": public.text("recipient", "id"), "public": true, "items": []any{map[string]any{"credential": public.text("id"), "visible": true}}})
	f.ok("north/live", "PUT", "/v1/portfolios/private-one", map[string]any{"title": "P", "subjectId": private.text("recipient", "id"), "public": true, "items": []any{map[string]any{"credential": private.text("id"), "visible": true}}})
	f.ok("north/live", "POST", "/v1/credentials/"+public.text("id")+"/revoke", map[string]any{"reason": "Aina Rahman has left"})
	f.ok("north/live", "DELETE", "/v1/subjects/"+public.text("recipient", "id"), nil)
	for name, a := range map[string]answer{"private": private, "erased": public} {
		id := a.text("publicId")
		hash := a.text("digest", "value")
		answers := map[string]answer{
			"hash": f.call("", "POST", "/v1/verify?report=true", map[string]any{"hash": map[string]any{"alg": "sha-256", "value": hash}}),
		}
		for _, path := range []string{
			"/c/" + id, "/c/" + id + "/embed", "/c/" + id + "?lang=de", "/v1/verify/" + id, "/v1/verify/" + id + "?report=true", "/c/" + id + "/vc", "/c/" + id + "/evidence",
			"/c/" + id + "/vc?signature=x&expires=1", "/interactions/" + id + "?iuv=1", "/p/private-one", "/p/aina-rahman-1", "/verify?id=" + id, "/c?id=" + id,
		} {
			answers[path] = f.call("", "GET", path, nil)
		}
		for what, got := range answers {
			if got.status >= 500 {
				t.Errorf("%s: %s: %d", name, what, got.status)
			}
			for _, secret := range []string{"Aina", "Rahman", "aina@", "Weir", "900101", "has left"} {
				if bytes.Contains(got.body, []byte(secret)) || strings.Contains(fmt.Sprint(got.header), secret) {
					if strings.Contains(what, "lang=") && bytes.Contains(got.body, []byte("aina-rahman-1")) {
						continue
					}
					t.Errorf("%s: %s (%d) tells %q: %s", name, what, got.status, secret, around(got.body, secret))
				}
			}
		}
		// Who has the bytes may have them judged.
		if got := f.upload("", "/v1/verify", vcs[name]); got.status != 200 || got.text("outcome") == "indeterminate" {
			t.Errorf("%s: the bytes themselves: %d %s", name, got.status, got.body)
		}
	}
	// The institution does not keep it either.
	for _, path := range []string{"/v1/credentials/" + public.text("id"), "/v1/audit", "/v1/verifications", "/v1/credentials?recipientName=Aina&state=revoked"} {
		got := f.call("north/live", "GET", path, nil)
		for _, secret := range []string{"Aina Rahman", "other@example.com", "has left"} {
			if bytes.Contains(got.body, []byte(secret)) {
				t.Errorf("erased: %s tells %q: %s", path, secret, around(got.body, secret))
			}
		}
	}
}

// TestLogsNameNobody: neither requests that are answered nor those that fail leave persons,
// secrets or capabilities in the log.
func TestLogsNameNobody(t *testing.T) {
	f := newFort(t)
	a := f.ok("north/live", "POST", "/v1/credentials", aina(nil))
	f.call("", "GET", "/c/"+a.text("publicId"), nil)
	f.call("", "GET", "/c/"+a.text("publicId")+"/vc?expires=1&signature=secret-signature", nil)
	f.call("", "GET", "/sign/secret-token", nil)
	f.call("", "GET", "/v1/invitations/secret-token", nil)
	f.call("", "GET", "/interactions/secret-exchange?iuv=1", nil)
	f.call("", "POST", "/vc/x/workflows/claim/exchanges/secret-exchange", []byte("{}"))
	f.call("north/live", "GET", "/v1/credentials?recipientEmail=aina@example.com&recipientName=Aina", nil)
	f.call("north/live", "POST", "/v1/credentials", aina(map[string]any{"recipient": map[string]any{"name": "Aina Rahman", "email": "not-an-address-of-aina"}}))
	f.call("north/live", "POST", "/v1/credentials", []byte(`{"Aina Rahman":`))
	f.call("sk_live_secretsecret", "GET", "/v1/me", nil)
	f.call("north/live", "GET", "/Aina", nil)
	f.call("", "POST", "/v1/oauth/token", []byte("grant_type=client_credentials&client_id=x&client_secret=secret-client"), "Content-Type", "application/x-www-form-urlencoded")
	text := f.log.bytes()
	for _, secret := range []string{"Aina", "aina", "Rahman", "Weir", "900101", "secret-", "secretsecret", strings.Split(f.keys["north/live"], "_")[3], a.text("publicId")} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the log tells %q: %s", secret, around(text, secret))
		}
	}
	if len(text) == 0 {
		t.Error("nothing was logged")
	}
}

func around(b []byte, s string) string {
	i := bytes.Index(b, []byte(s))
	if i < 0 {
		return ""
	}
	return string(b[max(0, i-80):min(len(b), i+80)])
}

// TestForgedTokens: nothing but a token of this installation's own key is one.
func TestForgedTokens(t *testing.T) {
	f, other := newFort(t), newFort(t)
	id := strings.Split(f.keys["north/live"], "_")[2]
	form := []byte("grant_type=client_credentials&client_id=" + id + "&client_secret=" + f.keys["north/live"])
	var token struct {
		AccessToken string `json:"access_token"`
	}
	a := f.call("", "POST", "/v1/oauth/token", form, "Content-Type", "application/x-www-form-urlencoded")
	if err := json.Unmarshal(a.body, &token); err != nil || token.AccessToken == "" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	f.ok(token.AccessToken, "GET", "/v1/me", nil)
	parts := strings.Split(token.AccessToken, ".")
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	enc := base64.RawURLEncoding.EncodeToString
	jwks := f.ok("", "GET", "/.well-known/jwks.json", nil).body
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	signed := func(head string, body []byte) string {
		text := enc([]byte(head)) + "." + enc(body)
		return text + "." + enc(ed25519.Sign(key, []byte(text)))
	}
	south := bytes.Replace(claims, []byte("north"), []byte("south"), 1)
	forged := map[string]string{
		"none":                  enc([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + ".",
		"none, with signature":  enc([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + "." + parts[2],
		"hmac with public key":  enc([]byte(`{"alg":"HS256","typ":"at+jwt"}`)) + "." + parts[1] + "." + enc(jwks[:32]),
		"own key":               signed(`{"alg":"EdDSA","typ":"at+jwt"}`, claims),
		"own key, same head":    func() string { h, _ := base64.RawURLEncoding.DecodeString(parts[0]); return signed(string(h), claims) }(),
		"own key in the head":   signed(`{"alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"`+enc(key.Public().(ed25519.PublicKey))+`"}}`, claims),
		"other claims":          parts[0] + "." + enc(south) + "." + parts[2],
		"no signature":          parts[0] + "." + parts[1] + ".",
		"two parts":             parts[0] + "." + parts[1],
		"four parts":            token.AccessToken + ".x",
		"padded":                token.AccessToken + "=",
		"key of another":        other.keys["north/live"],
		"key, other secret":     strings.Replace(f.keys["north/live"], "_live_", "_test_", 1),
		"id alone":              id,
		"installation's digest": strings.Repeat("a", 64),
	}
	for name, text := range forged {
		if got := f.call(text, "GET", "/v1/me", nil); got.status != 401 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		if got := f.call(text, "GET", "/vc/academy/status-lists/x", nil); got.status == 200 {
			t.Errorf("%s on the W3C plane: %d", name, got.status)
		}
		if got := f.call(text, "POST", "/vc/academy/challenges", []byte{}); got.status != 401 {
			t.Errorf("%s on the W3C plane: %d %s", name, got.status, got.body)
		}
	}
	if got := other.call(token.AccessToken, "GET", "/v1/me", nil); got.status != 401 {
		t.Errorf("a token of another installation: %d", got.status)
	}
	f.ok("north/live", "DELETE", "/v1/api-keys/"+id, nil)
	if got := f.call(token.AccessToken, "GET", "/v1/me", nil); got.status != 401 {
		t.Errorf("a token of a revoked key: %d", got.status)
	}
}

// TestStrangeRequests: what is not as it should be is refused, and told to nobody else.
func TestStrangeRequests(t *testing.T) {
	f := newFort(t)
	a := f.ok("north/live", "POST", "/v1/credentials", aina(map[string]any{"id": "CX-1"}))
	id := a.text("publicId")
	for _, path := range []string{
		"/v1/credentials/..%2f..%2fcredentials%2fCX-1", "/v1/credentials/%2e%2e/CX-1", "/v1//credentials/CX-1", "/v1/credentials/CX-1/../CX-1", "/V1/credentials/CX-1",
		"/c/" + id + "%2fvc", "/c//" + id, "/c/./" + id, "/c/" + id + "/..%2fvc", "/c/" + id + "/vc%00", "//evil.example/c/" + id, "/i/..%2fdid.json/did.json", "/status/..%2f..%2fx", "/pictures/..%2f..%2fmaster.key", "/assets/..%2fx",
	} {
		got := f.call("north/live", "GET", path, nil)
		if got.status == 200 || got.status >= 500 || got.status >= 300 && got.status < 400 && !strings.HasPrefix(got.header.Get("Location"), "/") && got.header.Get("Location") != "" {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
	}
	// Neither the Host nor an override says where we are or what is asked.
	for _, header := range [][]string{{"Host", "evil.example"}, {"X-Forwarded-Host", "evil.example"}, {"X-Forwarded-Proto", "gopher"}, {"Forwarded", "host=evil.example"}, {"Origin", "https://evil.example"}} {
		for _, path := range []string{"/c/" + id, "/v1/verify/" + id, "/openapi.json", "/.well-known/did.json", "/c?id=" + id, "/interactions/" + id + "?iuv=1"} {
			got := f.call("", "GET", path, nil, header...)
			if bytes.Contains(got.body, []byte("evil.example")) || strings.Contains(fmt.Sprint(got.header), "evil.example") {
				t.Errorf("%v %s: repeats it", header, path)
			}
		}
		created := f.call("north/live", "POST", "/v1/credentials", aina(nil), header...)
		if strings.Contains(fmt.Sprint(created.header), "evil.example") || bytes.Contains(created.body, []byte("evil.example")) {
			t.Errorf("%v: a Location elsewhere: %v", header, created.header)
		}
	}
	for _, header := range []string{"X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"} {
		f.call("north/live", "GET", "/v1/credentials/CX-1", nil, header, "DELETE")
		f.call("north/live", "POST", "/v1/verify/"+id, nil, header, "GET")
	}
	f.ok("north/live", "GET", "/v1/credentials/CX-1", nil)
	for _, origin := range []string{"null", "https://evil.example", f.url} {
		got := f.call("north/live", "GET", "/v1/credentials/CX-1", nil, "Origin", origin)
		if got.header.Get("Access-Control-Allow-Origin") != "" || got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("Origin %s: %v", origin, got.header)
		}
	}
	if got := f.call("north/live", "GET", "/v1/credentials?"+strings.Repeat("claim.a=b&", 5000), nil); got.status < 400 || got.status >= 500 {
		t.Errorf("five thousand parameters: %d", got.status)
	}
	if got := f.call("north/live", "POST", "/v1/credentials", []byte("\x1f\x8b\x08\x00"), "Content-Encoding", "gzip"); got.status < 400 || got.status >= 500 {
		t.Errorf("a packed body: %d", got.status)
	}
	for _, tenant := range []string{"south", "", "north,south", "NORTH"} {
		if got := f.call("north/live", "GET", "/v1/me", nil, "X-Tenant", tenant); got.status != 404 {
			t.Errorf("X-Tenant %q: %d", tenant, got.status)
		}
	}
	if got := f.call("", "POST", "/sign/"+strings.Repeat("A", 43), []byte("x=y"), "Content-Type", "application/x-www-form-urlencoded", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); got.status != 403 {
		t.Errorf("a form of another site: %d", got.status)
	}
}

// TestOtherScopes: keys, ids and cursors mean nothing in another tenant or environment.
func TestOtherScopes(t *testing.T) {
	f := newFort(t)
	body := aina(map[string]any{"id": "CX-1"})
	ids := map[string]bool{}
	for who := range f.keys {
		a := f.ok(who, "POST", "/v1/credentials", body, "Idempotency-Key", "same")
		if a.status != 201 || a.header.Get("Idempotency-Replayed") != "" || ids[a.text("publicId")] {
			t.Errorf("%s: %d %v", who, a.status, a.header)
		}
		ids[a.text("publicId")] = true
		again := f.ok(who, "POST", "/v1/credentials", body, "Idempotency-Key", "same")
		if again.text("publicId") != a.text("publicId") || again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: not replayed", who)
		}
	}
	// One key on another route, or on another resource of the same route, repeats nothing.
	f.ok("north/live", "POST", "/v1/credentials", aina(map[string]any{"id": "CX-2"}))
	f.ok("north/live", "POST", "/v1/credentials/CX-1/suspend", map[string]any{"reason": "x"}, "Idempotency-Key", "same")
	if got := f.call("north/live", "POST", "/v1/credentials/CX-2/suspend", map[string]any{"reason": "x"}, "Idempotency-Key", "same"); got.status != 422 {
		t.Errorf("the key of another credential: %d %s", got.status, got.body)
	}
	for i := range 3 {
		f.ok("north/live", "POST", "/v1/credentials", aina(map[string]any{"id": fmt.Sprintf("CX-N%d", i)}))
	}
	var page struct {
		Meta struct{ NextCursor string }
		Data []struct{ ID, PublicID string }
	}
	json.Unmarshal(f.ok("north/live", "GET", "/v1/credentials?limit=2", nil).body, &page)
	if page.Meta.NextCursor == "" {
		t.Fatal("no cursor")
	}
	if got := f.call("south/live", "GET", "/v1/credentials?limit=2&cursor="+page.Meta.NextCursor, nil); got.status == 200 && bytes.Contains(got.body, []byte("CX-N")) {
		t.Errorf("a cursor of another tenant: %s", got.body)
	}
	// What a body refers to.
	issuer := f.ok("north/live", "GET", "/v1/issuers/academy", nil).text("id")
	typ := f.ok("north/live", "GET", "/v1/credential-types/training", nil).text("id")
	recipient := f.ok("north/live", "GET", "/v1/credentials/CX-1", nil).text("recipient", "id")
	for _, who := range []string{"south/live", "north/test", "south/test"} {
		for name, c := range map[string]struct {
			path string
			body any
		}{
			"issuer":    {"/v1/credential-types", map[string]any{"key": "x", "displayName": "X", "issuer": issuer}},
			"from":      {"/v1/credential-types", map[string]any{"key": "x", "displayName": "X", "from": typ}},
			"type":      {"/v1/credentials", aina(map[string]any{"type": typ})},
			"recipient": {"/v1/credentials", aina(map[string]any{"recipient": map[string]any{"id": recipient, "name": "x"}})},
			"batch":     {"/v1/batches", map[string]any{"type": typ, "items": []any{map[string]any{"recipient": map[string]any{"name": "x"}}}}},
		} {
			if got := f.call(who, "POST", c.path, c.body); got.status != 422 && got.status != 404 {
				t.Errorf("%s: %s: %d %s", who, name, got.status, got.body)
			}
		}
		if got := f.call(who, "PUT", "/v1/portfolios/foreign-one", map[string]any{"title": "P", "subjectId": recipient, "public": true, "items": []any{map[string]any{"credential": "CX-1", "visible": true}}}); got.status != 422 {
			t.Errorf("%s: portfolio: %d %s", who, got.status, got.body)
		}
		if got := f.call(who, "DELETE", "/v1/subjects/"+recipient, nil); got.status != 404 {
			t.Errorf("%s: erased a subject of another: %d %s", who, got.status, got.body)
		}
		if got := f.call(who, "GET", "/vc/"+issuer+"/workflows/claim/exchanges/x", nil); got.status != 404 {
			t.Errorf("%s: instance of another: %d", who, got.status)
		}
		if got := f.call(who, "POST", "/vc/"+issuer+"/credentials/issue", map[string]any{"credential": map[string]any{}}); got.status != 404 {
			t.Errorf("%s: issues as another: %d", who, got.status)
		}
	}
	if got := f.ok("north/live", "GET", "/v1/credentials/CX-1", nil); got.text("recipient", "name") != "Aina Rahman" {
		t.Error("something was changed from outside")
	}
}

// overSQLite keeps the data of a fort in a file, whose updates are grouped.
func overSQLite(t *testing.T) func(*serving.Parts) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "a.db"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return func(p *serving.Parts) { p.Store = store }
}

// TestRaces: a credential that two callers change at once ends in one state, which its
// status list agrees with; and the quota is not exceeded.
func TestRaces(t *testing.T) {
	f := newFort(t, overSQLite(t))
	for n := range 12 {
		id := fmt.Sprintf("CX-%d", n)
		f.ok("north/live", "POST", "/v1/credentials", aina(map[string]any{"id": id}))
		f.ok("north/live", "POST", "/v1/credentials/"+id+"/suspend", map[string]any{"reason": "s"})
		var wg sync.WaitGroup
		for _, c := range []struct {
			path string
			body any
		}{
			{"reinstate", map[string]any{"reason": "r"}}, {"revoke", map[string]any{"reason": "v"}}, {"expiry", map[string]any{"validUntil": "2090-01-01T00:00:00Z"}},
			{"reinstate", map[string]any{"reason": "q"}}, {"supersede", aina(map[string]any{"id": id + "-new"})}, {"suspend", map[string]any{"reason": "again"}},
		} {
			wg.Go(func() {
				if got := f.call("north/live", "POST", "/v1/credentials/"+id+"/"+c.path, c.body); got.status >= 500 {
					t.Errorf("%s: %d %s", c.path, got.status, got.body)
				}
			})
		}
		wg.Wait()
		a := f.ok("north/live", "GET", "/v1/credentials/"+id, nil)
		v := f.ok("", "GET", "/v1/verify/"+a.text("publicId"), nil)
		want := map[string]string{"issued": "valid", "suspended": "invalid", "revoked": "invalid", "superseded": "invalid"}[a.text("state")]
		if v.text("outcome") != want {
			t.Errorf("%s is %s and %s (%s)", id, a.text("state"), v.text("outcome"), v.text("reason"))
		}
		successor := f.call("north/live", "GET", "/v1/credentials/"+id+"-new", nil)
		if (a.text("state") == "superseded") != (successor.status == 200) {
			t.Errorf("%s is %s, and its successor %d", id, a.text("state"), successor.status)
		}
	}
}

// counted is a quota of so many live credentials.
type counted struct{ live int64 }

func (q counted) Take(ctx context.Context, tx service.Tx, s service.Scope, n int64) error {
	used, err := tx.Count(ctx, s, "quota", n)
	if err == nil && used > q.live {
		err = &service.Error{Code: service.CodeQuota, Detail: "used up"}
	}
	return err
}

func (q counted) Left(context.Context, service.Scope) (*int64, error) { return &q.live, nil }

// TestQuotaOnEveryPath: no way of issuing gives more live credentials than the quota: alone,
// by publishing, in place of another, in batches, or on the W3C plane, all at once.
func TestQuotaOnEveryPath(t *testing.T) {
	const limit = 12
	f := newFort(t, overSQLite(t), func(p *serving.Parts) { p.Quota = counted{limit} })
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go f.s.Run(ctx)
	did := f.ok("north/live", "GET", "/v1/issuers/academy", nil)
	bare := map[string]any{"credential": map[string]any{
		"@context": []string{"https://www.w3.org/ns/credentials/v2"}, "type": []string{"VerifiableCredential"}, "issuer": did.text("did"),
		"credentialSubject": map[string]any{"id": "did:example:1"},
	}}
	f.ok("north/test", "POST", "/v1/credentials", aina(nil)) // not counted
	f.ok("north/live", "POST", "/v1/credentials", aina(map[string]any{"id": "OLD"}))
	for n := range 5 {
		f.ok("north/live", "POST", "/v1/credentials", aina(map[string]any{"id": fmt.Sprintf("DRAFT-%d", n), "publish": false}))
	}
	var items []any
	for range 4 {
		items = append(items, map[string]any{"recipient": map[string]any{"name": "Aina Rahman"}})
	}
	var mu sync.Mutex
	plane := 0
	var batches []string
	var wg sync.WaitGroup
	for n := range 5 {
		wg.Go(func() { f.call("north/live", "POST", "/v1/credentials", aina(nil)) })
		wg.Go(func() { f.call("north/live", "POST", fmt.Sprintf("/v1/credentials/DRAFT-%d/publish", n), nil) })
		wg.Go(func() { f.call("north/live", "POST", "/v1/credentials/OLD/supersede", aina(nil)) })
		wg.Go(func() {
			if a := f.call("north/live", "POST", "/vc/academy/credentials/issue", bare); a.status == 201 {
				mu.Lock()
				plane++
				mu.Unlock()
			} else if a.status != 402 {
				t.Errorf("W3C plane: %d %s", a.status, a.body)
			}
		})
	}
	for range 3 {
		wg.Go(func() {
			a := f.call("north/live", "POST", "/v1/batches", map[string]any{"type": "training", "items": items})
			mu.Lock()
			batches = append(batches, a.text("id"))
			mu.Unlock()
		})
	}
	wg.Wait()
	for _, id := range batches { // until each is done or halted
		for range 200 {
			a := f.call("north/live", "GET", "/v1/batches/"+id, nil)
			if s := a.text("state"); s == "done" || s == "halted" {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	// What is left goes one by one, on both planes.
	for range limit {
		if f.call("north/live", "POST", "/v1/credentials", aina(nil)).status != 201 {
			break
		}
	}
	var page struct{ Data []struct{ State string } }
	json.Unmarshal(f.ok("north/live", "GET", "/v1/credentials?limit=200", nil).body, &page)
	issued := 0
	for _, c := range page.Data {
		if c.State != "draft" {
			issued++
		}
	}
	if issued+plane != limit {
		t.Errorf("expected %d live credentials, found %d and %d on the W3C plane", limit, issued, plane)
	}
	if a := f.call("north/live", "POST", "/vc/academy/credentials/issue", bare); a.status != 402 {
		t.Errorf("W3C plane, beyond the quota: %d", a.status)
	}
}

// TestListForgedByIssuing: who may issue and not change statuses signs no status list.
func TestListForgedByIssuing(t *testing.T) {
	f := newFort(t)
	key := f.ok("north/live", "POST", "/v1/api-keys", map[string]any{"name": "issues", "scopes": []string{"issue"}}).text("secret")
	did := f.ok("north/live", "GET", "/v1/issuers/academy", nil).text("did")
	a := f.ok("north/live", "POST", "/v1/credentials", aina(nil))
	list := map[string]any{"credential": map[string]any{
		"@context": []string{"https://www.w3.org/ns/credentials/v2"}, "id": a.text("statusList"), "type": []string{"VerifiableCredential", "BitstringStatusListCredential"}, "issuer": did,
		"credentialSubject": map[string]any{"id": a.text("statusList") + "#list", "type": "BitstringStatusList", "statusPurpose": "revocation", "encodedList": "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA"},
	}}
	if got := f.call(key, "POST", "/vc/academy/credentials/issue", list); got.status != 403 {
		t.Errorf("expected 403, found %d %s", got.status, got.body)
	}
}

// TestPicturesAlone: the pictures that credentials name are had at their addresses; a
// document of an institution is not, though its digest be known. What a picture brings along
// is not run.
func TestPicturesAlone(t *testing.T) {
	f := newFort(t)
	script := []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>`)
	f.ok("north/live", "POST", "/v1/credential-types", map[string]any{"key": "badge", "displayName": "Badge", "outputs": []string{"vc", "badge"},
		"achievement": map[string]any{"image": "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(script)}})
	a := f.ok("north/live", "POST", "/v1/credentials", aina(map[string]any{"type": "badge", "claims": nil, "private": nil}))
	vc := string(f.ok("", "GET", "/c/"+a.text("publicId")+"/vc", nil).body)
	_, rest, _ := strings.Cut(vc, f.url+"/pictures/")
	name, _, _ := strings.Cut(rest, `"`)
	got := f.ok("", "GET", "/pictures/"+name, nil)
	if !bytes.Equal(got.body, script) || !strings.Contains(got.header.Get("Content-Security-Policy"), "sandbox") || got.header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("unexpected picture %v", got.header)
	}
	private := []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><title>Secret of the north</title></svg>`)
	if up := f.upload("north/live", "/v1/documents", private); up.status != 201 {
		t.Fatalf("%d %s", up.status, up.body)
	}
	sum := sha256.Sum256(private)
	for _, name := range []string{hex.EncodeToString(sum[:]) + ".svg", hex.EncodeToString(sum[:]) + ".png", a.text("artifacts", "svg", "digest") + ".svg", "..", "x.svg"} {
		if got := f.call("", "GET", "/pictures/"+name, nil); got.status != 404 || bytes.Contains(got.body, []byte("Secret")) {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	// Another institution that has the same file learns nothing of this one's.
	if up := f.upload("south/live", "/v1/documents", private); up.status != 201 {
		t.Errorf("a file that another institution has too: %d %s", up.status, up.body)
	}
}
