package httpapi

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/service"
)

func TestCORS(t *testing.T) {
	a, _ := start(t, func(c *Config) { c.Origins = []string{"https://portal.example"} })
	for _, c := range []struct {
		path, origin, want string
	}{
		{"/v1/verify/" + examplePublic, "https://any.example", "*"}, {"/status/7", "https://any.example", "*"}, {"/.well-known/did.json", "https://any.example", "*"}, {"/openapi.json", "null", "*"},
		{"/v1/me", "https://any.example", ""}, {"/v1/me", "https://portal.example", "https://portal.example"}, {"/v1/me", "https://portal.example.evil.example", ""}, {"/v1/me", "null", ""},
		{"/v1/verifications", "https://any.example", ""}, {"/vc/x/credentials/issue", "https://any.example", ""},
	} {
		w := ask(a, "GET", c.path, "", bearerA("Origin", c.origin)...)
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != c.want || w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s from %s: %q", c.path, c.origin, got)
		}
		w = ask(a, "OPTIONS", c.path, "", "Origin", c.origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
		if got := w.Header().Get("Access-Control-Allow-Origin"); w.Code != 204 || got != c.want || (w.Header().Get("Access-Control-Allow-Headers") != "") != (c.want != "") {
			t.Errorf("preflight of %s from %s: %d %q", c.path, c.origin, w.Code, got)
		}
		if c.want != "*" && !strings.Contains(w.Header().Get("Vary"), "Origin") {
			t.Errorf("%s: no Vary", c.path)
		}
	}
}

func TestPublished(t *testing.T) {
	a, f := start(t)
	for path, cache := range map[string]string{
		"/status/7": "public, max-age=90", "/status/7/suspension": "public, max-age=90", "/.well-known/did.json": "public, max-age=300", "/.well-known/jwks.json": "public, max-age=300",
		"/i/academy/did.json": "public, max-age=300", "/i/academy/jwks.json": "public, max-age=300", "/schemas/x": "public, max-age=86400", "/c/" + examplePublic + "/vc": "public, no-cache",
		"/openapi.json": "public, max-age=300", "/docs": "public, max-age=300",
	} {
		w := ask(a, "GET", path, "")
		etag := w.Header().Get("ETag")
		if w.Code != 200 || w.Header().Get("Cache-Control") != cache || len(etag) != 66 {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		for _, v := range []string{etag, "W/" + etag, `"x", ` + etag, "*"} {
			if w := ask(a, "GET", path, "", "If-None-Match", v); w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("ETag") != etag {
				t.Errorf("%s with %s: %d", path, v, w.Code)
			}
		}
		if w := ask(a, "GET", path, "", "If-None-Match", `"other"`); w.Code != 200 {
			t.Errorf("%s changed: %d", path, w.Code)
		}
		if w := ask(a, "HEAD", path, ""); w.Code != 200 {
			t.Errorf("HEAD %s: %d", path, w.Code)
		}
	}
	if w := ask(a, "GET", "/c/"+examplePublic+"/vc", ""); w.Body.String() != `{"a":  1}` || w.Header().Get("Content-Type") != "application/vc" {
		t.Errorf("an artefact is not written as it is stored: %s", w.Body)
	}
	if w := ask(a, "GET", "/c/"+examplePublic+"/svg", ""); !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("svg: %v", w.Header())
	}
	// Libraries that take documents apart only where their type is JSON get it by that name.
	for accept, want := range map[string]string{"application/ld+json, application/json": "application/json", "application/json, */*;q=0.1": "application/vc", "application/vc, application/json": "application/vc"} {
		if w := ask(a, "GET", "/status/7", "", "Accept", accept); w.Code != 200 || w.Header().Get("Content-Type") != want || w.Header().Get("Vary") != "Accept" {
			t.Errorf("status list with Accept %s: %d %v", accept, w.Code, w.Header())
		}
	}
	for path, names := range map[string][]string{"/status/7": {"application/vc+ld+json", "application/ld+json"}, "/i/academy/did.json": {"application/did+ld+json", "application/ld+json"}} {
		for _, name := range names {
			if w := ask(a, "GET", path, "", "Accept", name); w.Code != 200 || w.Header().Get("Content-Type") != name {
				t.Errorf("%s with Accept %s: %d %v", path, name, w.Code, w.Header())
			}
		}
		if w := ask(a, "GET", path, "", "Accept", "application/vc+jwt"); w.Code != 406 {
			t.Errorf("%s as a JWT: %d", path, w.Code)
		}
	}
	for _, number := range []string{"00", "01", "+1", "-1", "-0", "1.0", "x"} {
		if w := ask(a, "GET", "/v1/anchors/"+number, "", bearerA()...); w.Code != 404 {
			t.Errorf("anchor %s: %d", number, w.Code)
		}
	}
	ask(a, "GET", "/i/academy/did.json", "")
	if f.last != "i/academy" {
		t.Errorf("path %v", f.last)
	}
	for _, path := range []string{"/status/9", "/i/none/did.json", "/c/x/vc", "/problems/none"} {
		if w := ask(a, "GET", path, ""); w.Code != 404 || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("ETag") != "" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	if w := ask(a, "GET", "/v1/stamps/pending/proof", "", bearerA()...); w.Code != 409 || w.Header().Get("Retry-After") != "90" {
		t.Errorf("a proof that is not there yet: %d %v", w.Code, w.Header())
	}
}

func TestMounts(t *testing.T) {
	say := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, s, " ", r.URL.Path, " ", RequestID(r.Context()) != "", " ", Source(r.Context()))
		})
	}
	a, _ := start(t, func(c *Config) { c.Web, c.VCALM = say("web"), say("vc") })
	for path, want := range map[string]string{"/": "web / true 192.0.2.0/24", "/c/abc": "web /c/abc true 192.0.2.0/24", "/p/x": "web /p/x true 192.0.2.0/24", "/vc": "vc /vc true 192.0.2.0/24", "/vc/i/credentials/issue": "vc /vc/i/credentials/issue true 192.0.2.0/24", "/interactions/1": "vc /interactions/1 true 192.0.2.0/24"} {
		if w := ask(a, "GET", path, ""); w.Body.String() != want || w.Header().Get("Content-Type") == problemType {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	if w := ask(a, "GET", "/v1/nope", ""); w.Code != 404 || w.Header().Get("Content-Type") != problemType {
		t.Errorf("/v1/nope: %d %s", w.Code, w.Body)
	}
}

func TestToken(t *testing.T) {
	a, f := start(t)
	form := "grant_type=client_credentials&client_id=k7Q2x9AbCd&client_secret=s3cret"
	ct := []string{"Content-Type", formType}
	w := ask(a, "POST", "/v1/oauth/token", form+"&scope=issue+read", ct...)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"access_token": "eyJ"`) || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Pragma") != "no-cache" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if fmt.Sprint(f.last) != "[issue read]" {
		t.Errorf("scopes %v", f.last)
	}
	basic := append(ct, "Authorization", "Basic azdRMng5QWJDZDpzM2NyZXQ=")
	for _, c := range []struct {
		body    string
		headers []string
		status  int
		code    string
	}{
		{"grant_type=client_credentials", basic, 200, ""},
		{"", ct, 400, "invalid_request"}, {"grant_type=password", ct, 400, "unsupported_grant_type"}, {form + "&client_id=x", ct, 400, "invalid_request"}, {"%zz", ct, 400, "invalid_request"},
		{form, basic, 400, "invalid_request"}, {"grant_type=client_credentials&client_id=other", basic, 400, "invalid_request"},
		{"grant_type=client_credentials&client_id=k&client_secret=" + marker, ct, 401, "invalid_client"}, {form + "&scope=everything", ct, 400, "invalid_scope"},
		{"grant_type=client_credentials", append(ct, "Authorization", "Basic "+marker), 401, "invalid_client"},
		{"grant_type=client_credentials", append(ct, "Authorization", "Bearer "+marker), 401, "invalid_client"},
		{form, append(ct, "Authorization", "Bearer "+marker), 400, "invalid_request"},
		{"grant_type=client_credentials", append(ct, "Authorization", "Basic azp4"), 401, "invalid_client"},
	} {
		w := ask(a, "POST", "/v1/oauth/token", c.body, c.headers...)
		var e oauthError
		if c.code != "" {
			if err := json.Unmarshal(w.Body.Bytes(), &e, json.RejectUnknownMembers(true)); err != nil {
				t.Errorf("%s: %s", c.body, w.Body)
			}
		}
		if w.Code != c.status || e.Error != c.code || strings.Contains(w.Body.String(), marker) {
			t.Errorf("%s %v: %d %s", c.body, c.headers, w.Code, w.Body)
		}
		if w.Code == 401 && !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic") {
			t.Errorf("%s: %v", c.body, w.Header())
		}
	}
	if w := ask(a, "POST", "/v1/oauth/token", `{}`, "Content-Type", jsonType); w.Code != 415 {
		t.Errorf("JSON: %d", w.Code)
	}
}

func TestVerifyGetsExactBytes(t *testing.T) {
	a, f := start(t)
	credential := "{ \"@context\" : [ ],\t\"ü\": 1.50 , \"z\":{\"a\":\"\\u00e9\"}  }"
	for _, c := range []struct{ body, mediaType, want string }{
		{"{\n \"credential\" : " + credential + " }", jsonType, credential},
		{credential, "application/vc", credential}, {credential, "application/vc+ld+json; charset=UTF-8", credential},
		{`{"jwt":"eyJ.e30.AA"}`, jsonType, "eyJ.e30.AA"},
	} {
		w := ask(a, "POST", "/v1/verify", c.body, "Content-Type", c.mediaType)
		if w.Code != 200 || len(f.verified) != 1 || string(f.verified[0].Bytes) != c.want {
			t.Errorf("%s: %d %q", c.body, w.Code, f.verified)
		}
	}
	for value, want := range map[string]bool{strings.Repeat("ab", 32): true, strings.Repeat("AB", 32): true, strings.Repeat("q6ur", 10) + "q6s=": true, strings.Repeat("q6ur", 10) + "q6s": true, "ab": false} {
		w := ask(a, "POST", "/v1/verify", `{"hash":{"alg":"sha-256","value":"`+value+`"}}`, "Content-Type", jsonType)
		if (w.Code == 200) != want || want && f.last != "sha-256 "+strings.Repeat("ab", 32) {
			t.Errorf("hash %s: %d %v", value, w.Code, f.last)
		}
	}
	w := ask(a, "GET", "/v1/verify/unknown", "")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"reason": "not_found"`) || !strings.Contains(w.Body.String(), `"lifecycle": null`) || !strings.Contains(w.Body.String(), `"checks": []`) {
		t.Errorf("unknown: %d %s", w.Code, w.Body)
	}
	w = ask(a, "GET", "/v1/verify/"+examplePublic+"?report=true", "")
	if !strings.Contains(w.Body.String(), `"report": {`) || strings.Contains(w.Body.String(), "@example.com") {
		t.Errorf("with a report: %s", w.Body)
	}
	f.hidden = true
	for _, q := range []string{"", "?report=true"} {
		if w = ask(a, "GET", "/v1/verify/"+examplePublic+q, ""); strings.Contains(w.Body.String(), "Aina") || !strings.Contains(w.Body.String(), `"subject": null`) {
			t.Errorf("hidden: %s", w.Body)
		}
	}
}

// form makes a multipart body of name, file name and content.
func form(t *testing.T, parts ...[3]string) (string, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		part, err := w.CreateFormFile(p[0], p[1])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(part, p[2])
	}
	w.Close()
	return b.String(), w.FormDataContentType()
}

func TestUploads(t *testing.T) {
	a, f := start(t)
	body, ct := form(t, [3]string{"file", `C:\x\..\my diploma.pdf`, "%PDF\r\n--x"}, [3]string{"files[]", "../../etc/passwd", "second"})
	w := ask(a, "POST", "/v1/verify", body, "Content-Type", ct)
	if w.Code != 200 || len(f.verified) != 2 || f.verified[0].Name != "my diploma.pdf" || string(f.verified[0].Bytes) != "%PDF\r\n--x" || f.verified[1].Name != "passwd" {
		t.Errorf("%d %+v", w.Code, f.verified)
	}
	digests := map[[32]byte]bool{}
	for range 2 { // the boundary differs, the digest does not
		body, ct = form(t, [3]string{"file", "d.pdf", "%PDF"})
		w = ask(a, "POST", "/v1/documents", body, bearerA("Content-Type", ct, "Idempotency-Key", "k")...)
		if w.Code != 201 || !strings.Contains(w.Body.String(), `"data": [`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		digests[f.idem.Digest] = true
	}
	body, ct = form(t, [3]string{"file", "d.pdf", "%PDG"})
	ask(a, "POST", "/v1/documents", body, bearerA("Content-Type", ct, "Idempotency-Key", "k")...)
	if digests[f.idem.Digest] = true; len(digests) != 2 {
		t.Errorf("%d digests", len(digests))
	}
	many := make([][3]string, maxFiles+1)
	for i := range many {
		many[i] = [3]string{"files[]", "x", "y"}
	}
	for name, c := range map[string]struct {
		parts [][3]string
		want  int
	}{"other name": {[][3]string{{marker, "x", "y"}}, 422}, "no part": {nil, 422}, "too many": {many, 413}} {
		body, ct := form(t, c.parts...)
		if w := ask(a, "POST", "/v1/verify", body, "Content-Type", ct); w.Code != c.want && !(name == "no part" && w.Code == 400) || strings.Contains(w.Body.String(), marker) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	for _, c := range [][2]string{{"--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nbroken " + marker, "; boundary=b"}, {body, ""}, {body, "; boundary=" + strings.Repeat("x", 100)}} {
		if w := ask(a, "POST", "/v1/verify", c[0], "Content-Type", multipartType+c[1]); w.Code != 400 && w.Code != 415 || strings.Contains(w.Body.String(), marker) {
			t.Errorf("%s: %d %s", c[1], w.Code, w.Body)
		}
	}
}

// TestUploadSize: files of 10 MB together are taken, whatever the form around them, and not
// one byte more; the answer says which part is too large.
func TestUploadSize(t *testing.T) {
	a, f := start(t)
	large := strings.Repeat("x", limits.DocumentBytes)
	long := strings.Repeat("n", 190)
	many := make([][3]string, maxFiles)
	for i := range many {
		many[i] = [3]string{"files[]", long, large[:limits.DocumentBytes/maxFiles]}
	}
	over := slices.Clone(many)
	over[maxFiles-1][2] += "x"
	for name, c := range map[string]struct {
		parts [][3]string
		want  int
		says  string
	}{
		"the limit":               {[][3]string{{"file", long, large}}, 200, ""},
		"the limit, in parts":     {many, 200, ""},
		"one byte more":           {[][3]string{{"file", "a", large + "x"}}, 413, "file has more than 10485760 bytes"},
		"the second is too much":  {[][3]string{{"file", "a", "x"}, {"files[]", "b", large}}, 413, "files[1] has more than 10485760 bytes together with those before it"},
		"one byte more, in parts": {over, 413, "files[63] has more than 10485760 bytes"},
		"much more":               {[][3]string{{"file", "a", large + large[:1<<20]}}, 413, "more than 10485760 bytes"},
	} {
		f.verified = nil
		body, ct := form(t, c.parts...)
		for _, length := range []string{"known", "unknown"} {
			r := httptest.NewRequest("POST", "/v1/verify", strings.NewReader(body))
			r.Header.Set("Content-Type", ct)
			if length == "unknown" {
				r.ContentLength = -1
			}
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			if w.Code != c.want || !strings.Contains(w.Body.String(), c.says) || c.want == 413 && !strings.Contains(w.Body.String(), "PAYLOAD_TOO_LARGE") {
				t.Errorf("%s, length %s: %d %.300s", name, length, w.Code, w.Body)
			}
			if got := len(f.verified); c.want == 200 && got != len(c.parts) || c.want != 200 && got != 0 {
				t.Errorf("%s, length %s: %d files reach the service", name, length, got)
			}
		}
	}
	// Without a form around it the limit is that of the body.
	if w := ask(a, "POST", "/v1/verify", large+"x", "Content-Type", "application/vc"); w.Code != 413 {
		t.Errorf("a credential: %d", w.Code)
	}
}

func TestBrokenDownload(t *testing.T) {
	a, f := start(t)
	f.err = errors.New("the disk is gone")
	s := httptest.NewServer(a)
	defer s.Close()
	r, _ := http.NewRequest("GET", s.URL+"/v1/batches/x/results", nil)
	r.Header.Set("Authorization", "Bearer "+keyA)
	res, err := s.Client().Do(r)
	if err == nil {
		if _, err = io.ReadAll(res.Body); err == nil {
			t.Error("a part of a file looks like the whole")
		}
		res.Body.Close()
	}
	if w := ask(a, "GET", "/v1/batches/x/results", "", "Authorization", "Bearer "+keyB); w.Code != 404 {
		t.Errorf("foreign: %d", w.Code)
	}
}

func TestOperation(t *testing.T) {
	sick := errors.New(marker)
	reg := prometheus.NewRegistry()
	var fault error
	a, _ := start(t, func(c *Config) {
		c.Ready = map[string]func(context.Context) error{"database": func(context.Context) error { return fault }}
		c.Metrics, c.ServeMetrics = reg, true
	})
	if w := ask(a, "GET", "/readyz", ""); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
	fault = sick
	if w := ask(a, "GET", "/readyz", ""); w.Code != 503 || strings.Contains(w.Body.String(), marker) || !strings.Contains(w.Body.String(), "database") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	ask(a, "GET", "/v1/credentials/"+marker, "", bearerA()...)
	ask(a, "GET", "/"+marker, "")
	ask(a, marker, "/v1/me", "")
	w := ask(a, "GET", "/metrics", "")
	text := w.Body.String()
	if strings.Contains(text, marker) || !strings.Contains(text, `chancery_http_requests_total{method="GET",route="/v1/credentials/{id}",status="200"} 1`) || !strings.Contains(text, `method="OTHER"`) || !strings.Contains(text, "chancery_http_requests_in_flight 1") {
		t.Errorf("%s", text)
	}
}

func TestServerFinishesRequests(t *testing.T) {
	f := &fake{calls: map[string]int{}, block: make(chan struct{})}
	h, err := New(fakeConfig(f))
	if err != nil {
		t.Fatal(err)
	}
	s := Server(Config{}, h)
	if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 || s.TLSConfig.MinVersion == 0 {
		t.Error("a bound is missing")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	status := make(chan int)
	go func() {
		r, _ := http.NewRequest("POST", "http://"+l.Addr().String()+"/v1/credentials", strings.NewReader(`{"type":"x"}`))
		r.Header.Set("Authorization", "Bearer "+keyA)
		r.Header.Set("Content-Type", jsonType)
		res, err := (&http.Client{Transport: &http.Transport{}}).Do(r)
		if err != nil {
			status <- 0
			return
		}
		res.Body.Close()
		status <- res.StatusCode
	}()
	for range 200 {
		f.mu.Lock()
		there := f.last != nil
		f.mu.Unlock()
		if there {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	done := make(chan error)
	go func() { done <- s.Shutdown(context.Background()) }()
	time.Sleep(20 * time.Millisecond)
	close(f.block)
	if got := <-status; got != 201 {
		t.Errorf("the request in flight: %d", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	f := &fake{}
	clock := func() time.Time { return clockTime }
	for name, c := range map[string]Config{
		"no clock": {BaseURL: exampleHost}, "no base": {Clock: clock}, "base without scheme": {BaseURL: "chancery.example", Clock: clock}, "base with a query": {BaseURL: exampleHost + "?x", Clock: clock},
		"origin with a path": {BaseURL: exampleHost, Clock: clock, Origins: []string{"https://x.example/y"}}, "no keys": {BaseURL: exampleHost, Clock: clock, Types: f},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	h, err := New(Config{BaseURL: exampleHost, Clock: clock, Public: f})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/v1/me": 404, "/v1/credentials": 404, "/v1/verify/x": 404, "/status/7": 200, "/livez": 200} {
		if w := ask(h, "GET", path, ""); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

var update = flag.Bool("update", false, "write the goldens anew")

// TestGoldens holds the bodies of API.md, 7, as they go over the wire.
func TestGoldens(t *testing.T) {
	a, _ := start(t)
	c := contractOf(t, a)
	for _, id := range []string{"createApiKey", "createType", "getInputFields", "validateInput", "issueCredential", "revokeCredential", "createBatch", "verifyById", "createStamps", "createWebhook", "putPortfolio", "listCredentials"} {
		var o op
		for _, x := range c.operations() {
			if x.id() == id {
				o = x
			}
		}
		w := c.call(t, a, o, map[bool]string{true: "", false: keyA}[o.public()], good)
		if id == "validateInput" {
			w = ask(a, "POST", "/v1/credential-types/x/validate", `{"claims":{}}`, jsonA()...)
		}
		got := fmt.Sprintf("%d\n%s", w.Code, w.Body)
		name := filepath.Join("testdata", id+".golden")
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s:\n%s\nwant\n%s", id, got, want)
		}
		if !jsontext.Value(w.Body.Bytes()).IsValid() || !strings.HasPrefix(w.Body.String(), "{\n  \"data\":") || !strings.HasSuffix(w.Body.String(), "}\n") {
			t.Errorf("%s is not pretty", id)
		}
	}
}

var _ = service.Test
