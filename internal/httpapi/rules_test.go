package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/internal/service"
)

func problemIn(t testing.TB, w *httptest.ResponseRecorder) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if p.Status != w.Code || p.Message != p.Detail || p.RequestID != w.Header().Get("X-Request-Id") || !strings.HasPrefix(p.Type, exampleHost+"/problems/") {
		t.Errorf("problem %+v with status %d", p, w.Code)
	}
	return p
}

func TestBearer(t *testing.T) {
	a, _ := start(t)
	for header, want := range map[string]int{
		"Bearer " + keyA: 200, "bearer " + keyA: 200, "BEARER " + keyA: 200,
		"Bearer  " + keyA: 401, `Bearer "` + keyA + `"`: 401, "Bearer '" + keyA + "'": 401, "Bearer": 401, "Bearer ": 401, keyA: 401, "Basic " + keyA: 401,
		"Bearer " + keyA + " ": 401, "Bearer " + keyA + ", Bearer x": 401, "Bearer\t" + keyA: 401, "Bearer expired": 401, "Bearer " + strings.Repeat("a", 9000): 401,
	} {
		r := httptest.NewRequest("GET", "/v1/me", nil)
		r.Header["Authorization"] = []string{header}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d", header, w.Code)
		}
		if want == 401 {
			p := problemIn(t, w)
			if header == "Bearer expired" && (p.Code != service.CodeTokenExpired || !strings.Contains(w.Header().Get("WWW-Authenticate"), "invalid_token")) {
				t.Errorf("%q: %s %q", header, p.Code, w.Header().Get("WWW-Authenticate"))
			}
		}
	}
	for header, want := range map[string]string{ // RFC 6750, 3.1
		"": `Bearer realm="chancery"`, "Basic eA==": `Bearer realm="chancery"`, "Bearer guess": `Bearer realm="chancery", error="invalid_token"`, `Bearer "guess"`: `Bearer realm="chancery", error="invalid_token"`,
		"Bearer " + keyNone: `Bearer realm="chancery", error="insufficient_scope", scope="keys"`,
	} {
		r := httptest.NewRequest("GET", "/v1/api-keys", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		w := httptest.NewRecorder()
		if a.ServeHTTP(w, r); w.Header().Get("WWW-Authenticate") != want {
			t.Errorf("%q: %d %q", header, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
	r := httptest.NewRequest("GET", "/v1/me", nil)
	r.Header["Authorization"] = []string{"Bearer " + keyA, "Bearer " + keyB}
	w := httptest.NewRecorder()
	if a.ServeHTTP(w, r); w.Code != 401 {
		t.Errorf("two headers: %d", w.Code)
	}
}

func TestTenantAssertion(t *testing.T) {
	a, _ := start(t)
	if w := ask(a, "GET", "/v1/me", "", bearerA("X-Tenant", "tenant-a")...); w.Code != 200 {
		t.Errorf("own tenant: %d", w.Code)
	}
	if w := ask(a, "GET", "/v1/me", "", bearerA("X-Tenant", "tenant-b")...); w.Code != 404 {
		t.Errorf("other tenant: %d", w.Code)
	}
	r := httptest.NewRequest("GET", "/v1/me", nil)
	r.Header["Authorization"], r.Header["X-Tenant"] = []string{"Bearer " + keyA}, []string{"tenant-a", "tenant-b"}
	w := httptest.NewRecorder()
	if a.ServeHTTP(w, r); w.Code != 404 {
		t.Errorf("two tenants: %d", w.Code)
	}
}

func TestAccept(t *testing.T) {
	a, _ := start(t)
	for accept, want := range map[string]int{
		"*/*": 200, "application/json": 200, "application/*": 200, "text/html, application/json;q=0.1": 200, "text/html,*/*;q=0.8": 200, "APPLICATION/JSON": 200,
		"text/html": 406, "application/xml": 406, "application/json;q=0": 406, "*/*;q=0": 406, "*/*, application/json;q=0.000": 406, "application/json;q=banana": 406,
	} {
		if w := ask(a, "GET", "/v1/me", "", bearerA("Accept", accept)...); w.Code != want {
			t.Errorf("%q: %d", accept, w.Code)
		}
	}
	for accept, want := range map[string]string{"": problemType, "*/*": problemType, "application/json": jsonType, "application/problem+json": problemType, "application/json, application/problem+json": problemType, "application/*": problemType} {
		w := ask(a, "GET", "/v1/nope", "", bearerA("Accept", accept)...)
		if got := w.Header().Get("Content-Type"); got != want {
			t.Errorf("problem for %q: %s", accept, got)
		}
		problemIn(t, w)
	}
	for accept, want := range map[string]string{"application/pdf": "200 application/pdf", "application/json": "200 application/pdf", "image/png": "406 application/problem+json"} {
		w := ask(a, "GET", "/v1/credentials/x/artifacts/pdf", "", bearerA("Accept", accept)...)
		if got := fmt.Sprint(w.Code, " ", w.Header().Get("Content-Type")); got != want {
			t.Errorf("pdf for %q: %s", accept, got)
		}
	}
	for accept, want := range map[string]string{"": jsonType, "*/*": cborType, "application/cbor": cborType, "application/json": jsonType, "application/cbor;q=0.5, application/json": jsonType} {
		if w := ask(a, "GET", "/v1/stamps/x/proof", "", bearerA("Accept", accept)...); w.Header().Get("Content-Type") != want {
			t.Errorf("proof for %q: %s", accept, w.Header().Get("Content-Type"))
		}
	}
}

func TestFieldErrors(t *testing.T) {
	a, _ := start(t)
	body := `{"type":"x","recipient":{"name":7,"emial":"` + marker + `"},"validFrom":"2026-05-10","publish":"yes","outputs":"pdf","extra":1}`
	w := ask(a, "POST", "/v1/credentials", body, jsonA()...)
	p := problemIn(t, w)
	want := map[string][]string{
		"recipient.name": {"must be a string"}, "recipient.emial": {"is not known"}, "validFrom": {"must be a date and time with zone (RFC 3339)"},
		"publish": {"must be true or false"}, "outputs": {"must be an array"}, "extra": {"is not known"},
	}
	if w.Code != 422 || !reflect.DeepEqual(p.Errors, want) {
		t.Errorf("%d %v", w.Code, p.Errors)
	}
	w = ask(a, "POST", "/v1/credentials", `{"type":"x","recipient":{},"validFrom":"2026-05-10T08:00:00"}`, jsonA()...)
	if p := problemIn(t, w); w.Code != 422 || p.Errors["validFrom"] == nil || p.Errors["recipient.name"][0] != "is required" {
		t.Errorf("a time without zone: %d %v", w.Code, p.Errors)
	}
	w = ask(a, "POST", "/v1/credentials/x/publish", `{"reason":"x"}`, jsonA()...)
	if p := problemIn(t, w); w.Code != 422 || p.Errors["reason"] == nil {
		t.Errorf("a body where none belongs: %d %s", w.Code, w.Body)
	}
	for _, body := range []string{"", "{}"} {
		headers := bearerA()
		if body != "" {
			headers = jsonA()
		}
		if w = ask(a, "POST", "/v1/credentials/x/publish", body, headers...); w.Code != 200 {
			t.Errorf("publish with %q: %d %s", body, w.Code, w.Body)
		}
	}
	for body, want := range map[string]int{`{"validUntil":null}`: 200, `{"validUntil":"2027-01-01T00:00:00Z"}`: 200, `{}`: 422} {
		if w = ask(a, "POST", "/v1/credentials/x/expiry", body, jsonA()...); w.Code != want {
			t.Errorf("expiry %s: %d", body, w.Code)
		}
	}
}

func TestCreated(t *testing.T) {
	a, _ := start(t)
	body := `{"type":"x","recipient":{"name":"Aina"}}`
	w := ask(a, "POST", "/v1/credentials", body, jsonA()...)
	if w.Code != 201 || w.Header().Get("Location") != exampleHost+"/v1/credentials/"+exampleID || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w = ask(a, "POST", "/v1/credentials", `{"type":"x","id":"existing","recipient":{"name":"Aina"}}`, jsonA()...); w.Code != 200 {
		t.Errorf("existing: %d", w.Code)
	}
	if w = ask(a, "DELETE", "/v1/webhooks/x", "", bearerA()...); w.Code != 204 || w.Body.Len() != 0 {
		t.Errorf("deleted: %d", w.Code)
	}
}

func TestIdempotencyDigest(t *testing.T) {
	a, f := start(t)
	digest := func(path, body, key string) service.Idempotency {
		w := ask(a, "POST", path, body, jsonA("Idempotency-Key", key)...)
		if w.Code >= 300 {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return f.idem
	}
	one := digest("/v1/credentials", `{"type":"x"}`, "k")
	if one.Key != "k" || one.Route != "POST /v1/credentials" || one.Digest != digest("/v1/credentials", `{"type":"x"}`, "k").Digest {
		t.Errorf("%+v", one)
	}
	if one.Digest == digest("/v1/credentials", `{"type": "x"}`, "k").Digest {
		t.Error("another body has the same digest")
	}
	r1, r2 := digest("/v1/credentials/a/revoke", `{}`, "k"), digest("/v1/credentials/b/revoke", `{}`, "k")
	if r1.Digest == r2.Digest || r1.Route != r2.Route || r1.Route != "POST /v1/credentials/{id}/revoke" {
		t.Errorf("%+v %+v", r1, r2)
	}
	w := ask(a, "POST", "/v1/credentials", `{"type":"x"}`, jsonA("Idempotency-Key", strings.Repeat("k", 256))...)
	if w.Code != 400 || problemIn(t, w).Code != service.CodeParameter {
		t.Errorf("too long a key: %d", w.Code)
	}
	d1 := digest("/v1/batches", `{"type":"x","items":[]}`, "k")
	d2 := digest("/v1/batches", `{"type":"x","items":[{"recipient":{"name":"A"}}]}`, "k")
	if d1.Digest == d2.Digest {
		t.Error("batches with other rows have the same digest")
	}
}

func TestConcurrentIdenticalPosts(t *testing.T) {
	a, f := start(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]int{}
	for range 100 {
		wg.Go(func() {
			w := ask(a, "POST", "/v1/credentials", `{"type":"x","recipient":{"name":"Aina"}}`, jsonA("Idempotency-Key", "one")...)
			mu.Lock()
			defer mu.Unlock()
			seen[fmt.Sprint(w.Code, w.Header().Get("Idempotency-Replayed"), w.Body)]++
		})
	}
	wg.Wait()
	if f.calls["issued"] != 1 || len(seen) != 2 {
		t.Errorf("%d issued, answers %v", f.calls["issued"], seen)
	}
}

func TestPaging(t *testing.T) {
	a, f := start(t)
	for q, want := range map[string]service.Page{
		"": {}, "limit=7&cursor=abc": {Limit: 7, Cursor: "abc"}, "pageSize=7&pageToken=abc": {Limit: 7, Cursor: "abc"}, "pageToken=0": {}, "withTotal=true": {WithTotal: true}, "limit=1000": {Limit: 1000},
	} {
		w := ask(a, "GET", "/v1/api-keys?"+q, "", bearerA()...)
		if w.Code != 200 || f.last != want {
			t.Errorf("%s: %d %+v", q, w.Code, f.last)
		}
		if strings.Contains(w.Body.String(), `"total"`) != want.WithTotal || !strings.Contains(w.Body.String(), `"nextCursor": "next"`) {
			t.Errorf("%s: %s", q, w.Body)
		}
	}
	if w := ask(a, "GET", "/v1/api-keys", "", "Authorization", "Bearer "+keyB); !strings.Contains(w.Body.String(), `"data": []`) || !strings.Contains(w.Body.String(), `"nextCursor": null`) {
		t.Errorf("an empty list: %s", w.Body)
	}
	w := ask(a, "GET", "/v1/credentials?type=t&state=revoked&recipientEmail=a%40b.example&claim.trainerName=X&issuedAfter=2026-05-10T08:00:00%2B02:00&sort=issuedAt&batchId=b", "", bearerA()...)
	want := []any{service.CredentialFilter{Type: "t", State: "revoked", RecipientEmail: "a@b.example", ClaimKey: "trainerName", ClaimValue: "X", IssuedAfter: *at("2026-05-10T06:00:00Z"), Oldest: true, BatchID: "b"}, service.Page{}}
	if w.Code != 200 || !reflect.DeepEqual(f.last, want) {
		t.Errorf("%d %+v", w.Code, f.last)
	}
}

func TestErrorsBecomeProblems(t *testing.T) {
	secret := errors.New("dial tcp 10.0.0.1: " + marker)
	for _, c := range []struct {
		err    error
		status int
		code   service.Code
	}{
		{&service.Error{Code: service.CodeQuota, Detail: "used up"}, 402, service.CodeQuota},
		{&service.Error{Code: service.CodeDuplicate, Detail: "taken"}, 409, service.CodeDuplicate},
		{&service.Error{Code: service.CodeRevoked, Detail: "x"}, 409, service.CodeRevoked},
		{&service.Error{Code: service.CodeInProgress, Detail: "x"}, 409, service.CodeInProgress},
		{&service.Error{Code: service.CodeMismatch, Detail: "x"}, 422, service.CodeMismatch},
		{fmt.Errorf("wrapped: %w", service.NotFound("credential")), 404, "CREDENTIAL_NOT_FOUND"},
		{service.ErrNotFound, 404, codeNotFound}, {service.ErrConflict, 409, service.CodeState},
		{errors.Join(service.ErrUnavailable, secret), 503, service.CodeUnavailable},
		{context.DeadlineExceeded, 503, service.CodeUnavailable},
		{&service.Error{Code: "MADE_UP", Detail: marker}, 500, service.CodeInternal},
		{secret, 500, service.CodeInternal},
	} {
		a, f := start(t)
		f.err = c.err
		w := ask(a, "POST", "/v1/credentials", `{"type":"x"}`, jsonA()...)
		if p := problemIn(t, w); p.Status != c.status || p.Code != c.code || strings.Contains(w.Body.String(), marker) {
			t.Errorf("%v: %d %s", c.err, p.Status, w.Body)
		}
	}
}

func TestPanicIsAProblem(t *testing.T) {
	var log bytes.Buffer
	a, f := start(t, func(c *Config) { c.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
	f.panics = true
	w := ask(a, "POST", "/v1/credentials?", `{"type":"x","recipient":{"name":"Z"}}`, jsonA()...)
	if p := problemIn(t, w); p.Code != service.CodeInternal || strings.Contains(w.Body.String(), "boom") {
		t.Errorf("%s", w.Body)
	}
	if !strings.Contains(log.String(), "boom") || !strings.Contains(log.String(), `"level":"ERROR"`) {
		t.Errorf("log: %s", log.String())
	}
}

func TestLogHoldsNoPersonalData(t *testing.T) {
	var log bytes.Buffer
	a, _ := start(t, func(c *Config) { c.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
	for _, target := range []string{"/v1/credentials?recipientEmail=" + marker, "/v1/invitations/" + marker, "/" + marker, "/v1/" + marker, "/v1/portfolios/" + marker} {
		w := ask(a, "GET", target, "", bearerA("User-Agent", marker, "Referer", marker, "X-Tenant", "tenant-a")...)
		if strings.Contains(w.Body.String(), marker) && !strings.HasPrefix(target, "/v1/portfolios") {
			t.Errorf("%s: %s", target, w.Body)
		}
	}
	text := log.String()
	for _, word := range []string{marker, keyA, "192.0.2.1"} { // the address httptest gives requests
		if strings.Contains(text, word) {
			t.Errorf("the log has %s: %s", word, text)
		}
	}
	if strings.Count(text, `"requestId":"`) != 5 || !strings.Contains(text, `"source":"192.0.2.0/24"`) || !strings.Contains(text, `"route":"/v1/invitations/{token}"`) || !strings.Contains(text, `"tenant":"tenant-a"`) {
		t.Errorf("log: %s", text)
	}
}

func TestAddresses(t *testing.T) {
	a, _ := start(t, func(c *Config) { c.Trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	for _, c := range []struct{ peer, forwarded, want string }{
		{"203.0.113.9:1", "198.51.100.1", "203.0.113.9"}, // not a proxy: what it says is not believed
		{"10.0.0.1:1", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:1", "1.2.3.4, 198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1"},
		{"10.0.0.1:1", "garbage", "10.0.0.1"}, {"10.0.0.1:1", "", "10.0.0.1"},
		{"[::ffff:203.0.113.9]:1", "", "203.0.113.9"}, {"[2001:db8::1]:1", "", "2001:db8::1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := a.address(r).String(); got != c.want {
			t.Errorf("%s for %s: %s", c.peer, c.forwarded, got)
		}
	}
	// Through a Unix socket: whatever the peer has bound its own end to.
	for _, c := range []struct{ peer, forwarded, want string }{
		{"@", "198.51.100.1", "198.51.100.1"}, {"@", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1"}, {"@", "10.0.0.2", "10.0.0.2"},
		{"@", "", "invalid IP"}, {"@", "garbage", "invalid IP"}, {"203.0.113.9:1", "", "invalid IP"}, {"203.0.113.9:1", "198.51.100.1", "198.51.100.1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.UnixAddr{Name: "/run/x", Net: "unix"})))
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := a.address(r).String(); got != c.want {
			t.Errorf("socket, %s for %s: %s", c.peer, c.forwarded, got)
		}
		if a.inTheClear(r) {
			t.Errorf("socket, %s: taken for a stranger without TLS", c.peer)
		}
	}
	if got := byAddress(netip.MustParseAddr("2001:db8:1:2:3::1")).network.String(); got != "2001:db8:1:2::/64" {
		t.Error(got)
	}
}

func TestRates(t *testing.T) {
	now := clockTime
	a, _ := start(t, func(c *Config) {
		c.KeyRate, c.AddressRate = Rate{PerSecond: 2, Burst: 3}, Rate{PerSecond: 1, Burst: 2}
		c.Clock = func() time.Time { return now }
	})
	get := func(path, key string) *httptest.ResponseRecorder {
		if key == "" {
			return ask(a, "GET", path, "")
		}
		return ask(a, "GET", path, "", "Authorization", "Bearer "+key)
	}
	for i := range 4 {
		w := get("/v1/me", keyA)
		if want := map[bool]int{true: 200, false: 429}[i < 3]; w.Code != want {
			t.Fatalf("call %d: %d", i, w.Code)
		}
		if w.Header().Get("RateLimit-Policy") != `"key";q=3;w=2` || !strings.HasPrefix(w.Header().Get("RateLimit"), fmt.Sprintf(`"key";r=%d;t=`, max(2-i, 0))) {
			t.Errorf("call %d: %v", i, w.Header())
		}
		if i == 3 && (w.Header().Get("Retry-After") != "1" || problemIn(t, w).Code != service.CodeRate) {
			t.Errorf("%v", w.Header())
		}
	}
	if w := get("/v1/me", keyB); w.Code != 200 {
		t.Errorf("another key: %d", w.Code)
	}
	now = now.Add(time.Second)
	if w := get("/v1/me", keyA); w.Code != 200 {
		t.Errorf("after a second: %d", w.Code)
	}
	for i, want := range []int{200, 200, 429} {
		if w := get("/v1/verify/x", ""); w.Code != want {
			t.Errorf("public call %d: %d", i, w.Code)
		}
	}
	for i, want := range []int{401, 401, 429, 429} { // guessing keys
		if w := get("/v1/me", "guess"); w.Code != want {
			t.Errorf("guess %d: %d", i, w.Code)
		}
	}
	for range 10 {
		if w := get("/livez", ""); w.Code != 200 {
			t.Errorf("probes are not limited: %d", w.Code)
		}
	}
}

func TestRequestID(t *testing.T) {
	seen := map[string]bool{}
	for range 10_000 {
		id := service.QuickID(clockTime)
		u, err := uuid.Parse(id)
		if err != nil || u.Version() != 7 || u.Variant() != uuid.RFC4122 || seen[id] || u.String() != id {
			t.Fatalf("%s: %v", id, err)
		}
		if sec, _ := u.Time().UnixTime(); sec != clockTime.Unix() {
			t.Fatalf("%s says %d", id, sec)
		}
		seen[id] = true
	}
}

func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter("x", Rate{PerSecond: 1, Burst: 1})
	for i := range maxBuckets + 500 {
		l.take(http.Header{}, bucketKey{actor: fmt.Sprint(i)}, clockTime)
	}
	if len(l.byKey) != maxBuckets || l.order.Len() != maxBuckets {
		t.Errorf("%d buckets", len(l.byKey))
	}
	if _, ok := l.take(http.Header{}, bucketKey{actor: fmt.Sprint(maxBuckets + 499)}, clockTime); ok {
		t.Error("the latest was forgotten")
	}
}
