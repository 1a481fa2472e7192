package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
)

// marker stands for personal data in requests: no answer may repeat it.
const marker = "Zq9Xv7Marker"

// attack is one way to misuse an operation.
type attack struct {
	name    string
	body    string
	headers []string
	query   string
	want    []int // nil: anything below 500
}

func jsonAttacks(t *testing.T, example string) []attack {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(example), &members); err != nil {
		t.Fatal(err)
	}
	ct := []string{"Content-Type", jsonType}
	bad := []int{400}
	out := []attack{
		{"broken off", `{"a": "` + marker, ct, "", bad},
		{"no JSON", marker, ct, "", bad},
		{"duplicate name", `{"` + "x" + `": "` + marker + `", "x": "` + marker + `"}`, ct, "", bad},
		{"trailing data", example + ` "` + marker + `"`, ct, "", bad},
		{"bad UTF-8", `{"a": "` + marker + "\xff\"}", ct, "", bad},
		{"byte order mark", "\xef\xbb\xbf" + example, ct, "", bad},
		{"lone surrogate", `{"a": "\ud800` + marker + `"}`, ct, "", bad},
		{"deep", `{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, ct, "", bad},
		{"huge number", `{"a": 1e999}`, ct, "", bad},
		{"a string", `"` + marker + `"`, ct, "", bad},
		{"a number", `1`, ct, "", bad},
		{"null", `null`, ct, "", bad},
		{"unknown member", `{"unknownMember": "` + marker + `"}`, ct, "", []int{422}},
		{"text/plain", example, []string{"Content-Type", "text/plain"}, "", []int{415}},
		{"no content type", example, nil, "", []int{415}},
		{"packed", example, []string{"Content-Type", jsonType, "Content-Encoding", "gzip"}, "", []int{415}},
		{"latin-1", example, []string{"Content-Type", "application/json; charset=iso-8859-1"}, "", []int{415}},
		{"bad content type", example, []string{"Content-Type", "application/json; ;;=" + marker}, "", []int{415}},
		{"chunked garbage", strings.Repeat(marker, 1000), ct, "", bad},
		{"html only", example, []string{"Content-Type", jsonType, "Accept", "text/html"}, "", []int{406}},
		{"bad idempotency key", example, []string{"Content-Type", jsonType, "Idempotency-Key", marker + "\x01"}, "", nil},
		{"unknown parameter", example, ct, "?" + marker + "=" + marker, bad},
		{"malformed query", example, ct, "?x=%zz" + marker, bad},
	}
	for name, was := range members {
		for _, v := range []any{marker, 1.5, true, []any{marker}, map[string]any{marker: marker}, nil, []any{map[string]any{"x": []any{marker}}}, strings.Repeat(marker, 500), -1e300} {
			m := map[string]any{}
			for k, w := range members {
				m[k] = w
			}
			m[name] = v
			b, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, attack{fmt.Sprintf("%s: %T for %T", name, v, was), string(b), ct, "", nil})
		}
	}
	return out
}

func TestHostileBodies(t *testing.T) {
	a, _ := start(t)
	c := contractOf(t, a)
	tried := 0
	for _, o := range c.operations() {
		if _, ok := o.bodies()[jsonType]; !ok {
			continue
		}
		example, _ := o.example(t, jsonType)
		if o.path == "/v1/batches" || o.path == "/v1/verify" {
			continue // they have tests of their own
		}
		for _, at := range jsonAttacks(t, example) {
			tried++
			c.attack(t, a, o, at)
		}
	}
	if tried < 1000 {
		t.Errorf("only %d attacks", tried)
	}
}

func TestHostileVerifyAndBatch(t *testing.T) {
	a, _ := start(t)
	c := contractOf(t, a)
	for _, path := range []string{"/v1/batches", "/v1/verify"} {
		o := c.find(t, "POST", path)
		example, _ := o.example(t, jsonType)
		for _, at := range jsonAttacks(t, example) {
			if strings.HasPrefix(at.name, "credential: ") || strings.HasPrefix(at.name, "deep") && path == "/v1/batches" {
				at.want = nil
			}
			c.attack(t, a, o, at)
		}
	}
	o := c.find(t, "POST", "/v1/verify")
	for name, body := range map[string]string{
		"two members":    `{"credential": {}, "jwt": "` + marker + `"}`,
		"none":           `{}`,
		"jwt a number":   `{"jwt": 7}`,
		"jwt empty":      `{"jwt": ""}`,
		"hash a string":  `{"hash": "` + marker + `"}`,
		"hash alg":       `{"hash": {"alg": "` + marker + `", "value": "00"}}`,
		"hash short":     `{"hash": {"alg": "sha-256", "value": "00"}}`,
		"hash no hex":    `{"hash": {"alg": "sha-256", "value": "` + strings.Repeat("zz", 32) + `"}}`,
		"hash more":      `{"hash": {"alg": "sha-256", "value": "00", "more": "` + marker + `"}}`,
		"a null":         `{"credential": null}`,
		"credential str": `{"credential": "` + marker + `"}`,
	} {
		c.attack(t, a, o, attack{name, body, []string{"Content-Type", jsonType}, "", []int{422}})
	}
}

func (c *contract) attack(t *testing.T, a *api, o op, at attack) {
	t.Helper()
	headers := at.headers
	if !o.public() {
		headers = append([]string{"Authorization", "Bearer " + keyA}, headers...)
	}
	w := ask(a, o.method, o.fill(good)+at.query, at.body, headers...)
	c.harmless(t, o, at.name, w)
	if at.want == nil {
		return
	}
	want := at.want[0]
	if o.id() == "validateInput" && want == 422 { // it answers what it found
		want = 200
	}
	if w.Code != want {
		t.Errorf("%s, %s: %d, want %d: %s", o.name(), at.name, w.Code, want, w.Body)
	}
}

// harmless fails for a 5xx, an echo, or an answer that the document does not describe.
func (c *contract) harmless(t *testing.T, o op, name string, w *httptest.ResponseRecorder) {
	t.Helper()
	c.check(t, o, w)
	if w.Code >= 500 {
		t.Errorf("%s, %s: %d %s", o.name(), name, w.Code, w.Body)
	}
	body := w.Body.String()
	if i := strings.Index(body, marker); i >= 0 && !echoesName(w) {
		t.Errorf("%s, %s: the answer repeats what was sent: %s", o.name(), name, body)
	}
	for k, v := range w.Header() {
		if strings.Contains(strings.Join(v, " "), marker) {
			t.Errorf("%s, %s: header %s repeats what was sent", o.name(), name, k)
		}
	}
}

// echoesName reports whether the marker is in names of members only: these are named, as
// API.md, 3 asks for.
func echoesName(w *httptest.ResponseRecorder) bool {
	var p struct {
		Status int
		Errors map[string][]string
		Data   service.Validation // of validateInput
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p, json.MatchCaseInsensitiveNames(true)); err != nil || p.Status != 422 && p.Data.Errors == nil {
		return false
	}
	if p.Data.Errors != nil {
		p.Errors = p.Data.Errors
	}
	for path, messages := range p.Errors {
		if strings.Contains(strings.Join(messages, " "), marker) {
			return false
		}
		if strings.Contains(path, marker) && !strings.Contains(path, "."+marker) {
			return false
		}
	}
	return true
}

func TestTooLarge(t *testing.T) {
	a, _ := start(t, func(c *Config) { c.MaxBody, c.MaxBatch = 20_000, 30_000 })
	c := contractOf(t, a)
	for _, o := range c.operations() {
		for mt := range o.bodies() {
			body, ct := o.example(t, mt)
			big := body + strings.Repeat(" ", 40_000)
			if mt == multipartType {
				big = strings.Replace(body, "%PDF", strings.Repeat("P", 40_000), 1)
			}
			for _, announced := range []bool{true, false} {
				r := httptest.NewRequest(o.method, o.fill(good), strings.NewReader(big))
				if !announced {
					r.ContentLength = -1
				}
				r.Header.Set("Content-Type", ct)
				r.Header.Set("Authorization", "Bearer "+keyA)
				w := httptest.NewRecorder()
				a.ServeHTTP(w, r)
				c.check(t, o, w)
				if w.Code != http.StatusRequestEntityTooLarge {
					t.Errorf("%s %s: %d %s", o.name(), mt, w.Code, w.Body)
				}
			}
		}
	}
}

func TestHostilePathsAndQueries(t *testing.T) {
	a, _ := start(t)
	c := contractOf(t, a)
	for _, o := range c.operations() {
		if !strings.Contains(o.path, "{") {
			continue
		}
		params := map[string]string{}
		for _, v := range []string{"%00", "%FF%FE", strings.Repeat("x", 5000), "..%2f..", "%2e%2e", "a%20b%40" + marker, "'%22%3Cscript%3E"} {
			for _, p := range []string{"id", "publicId", "name", "number", "slug", "signature", "token", "list"} {
				params[p] = v
			}
			headers := []string{"Authorization", "Bearer " + keyA, "Content-Type", jsonType}
			body := ""
			if _, ok := o.bodies()[jsonType]; ok {
				body, _ = o.example(t, jsonType)
			}
			w := ask(a, o.method, o.fill(params), body, headers...)
			if w.Code >= 500 {
				t.Errorf("%s with %q: %d", o.name(), v, w.Code)
			}
			if strings.Contains(w.Body.String(), marker) {
				t.Errorf("%s with %q repeats it: %s", o.name(), v, w.Body)
			}
		}
	}
	for _, o := range c.operations() {
		if o.method != "GET" {
			continue
		}
		for _, q := range []string{"limit=0", "limit=", "pageSize=", "limit=%2B5", "limit=5%20", "limit=1001", "limit=" + marker, "limit=-1", "limit=1&limit=2", "withTotal=" + marker, "limit=1&pageSize=1", "cursor=" + strings.Repeat("x", 2000),
			"state=" + marker, "issuedAfter=2026-05-10T08:00:00", "issuedAfter=" + marker, "sort=" + marker, "cursor=%00", "%ff=1", "claim.=1", "claim.a=1&claim.b=2", "report=" + marker} {
			w := ask(a, o.method, o.fill(good)+"?"+q, "", bearerA()...)
			c.harmless(t, o, q, w)
			if w.Code != 400 {
				t.Errorf("%s?%s: %d", o.name(), q, w.Code)
			}
		}
	}
}
