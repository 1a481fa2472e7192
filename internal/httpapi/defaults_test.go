package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// Each default of huma that is unsafe for credentials has a test: on operations of ours,
// and on one registered with huma.Register, as other packages may do with NewAPI.

type humaInput struct {
	Body struct {
		Name  string `json:"name" maxLength:"5"`
		Count int    `json:"count,omitempty"`
	}
}

type humaOutput struct {
	Body struct {
		Name string `json:"name"`
	}
}

func humaHandler() http.Handler {
	mux := http.NewServeMux()
	api := NewAPI(mux, "x", "1")
	huma.Register(api, huma.Operation{OperationID: "x", Method: "POST", Path: "/x"}, func(_ context.Context, in *humaInput) (*humaOutput, error) {
		out := &humaOutput{}
		out.Body.Name = in.Body.Name
		return out, nil
	})
	return mux
}

func TestDefaultSchemaMember(t *testing.T) {
	a, _ := start(t)
	for name, h := range map[string]http.Handler{"/v1/me": a, "/x": humaHandler()} {
		r := httptest.NewRequest("GET", name, nil)
		if name == "/x" {
			r = httptest.NewRequest("POST", name, strings.NewReader(`{"name":"a"}`))
			r.Header.Set("Content-Type", jsonType)
		}
		r.Host = "evil.example"
		r.Header.Set("Authorization", "Bearer "+keyA)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 || strings.Contains(w.Body.String(), "$schema") || strings.Contains(w.Body.String(), "evil") || w.Header().Get("Link") != "" {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
	}
	for _, path := range []string{"/v1/credentials", "/openapi.json", "/docs", "/nothing"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "evil.example"
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if strings.Contains(w.Body.String(), "evil") {
			t.Errorf("%s repeats the Host header", path)
		}
	}
}

func TestDefaultEchoOfValues(t *testing.T) {
	for _, body := range []string{`{"name":"` + marker + `"}`, `{"name":"a","more":"` + marker + `"}`, `{"name":["` + marker + `"]}`, `{"name":"a","count":"` + marker + `"}`, `{"name":"` + marker} {
		w := ask(humaHandler(), "POST", "/x", body, "Content-Type", jsonType)
		if w.Code != 422 && w.Code != 400 || strings.Contains(w.Body.String(), marker) || !strings.Contains(w.Body.String(), `"code"`) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

func TestDefaultTextErrors(t *testing.T) {
	a, _ := start(t)
	for target, want := range map[string]int{"GET /nothing": 404, "GET /v1": 404, "DELETE /v1/me": 405, "GET /v1/./me": 404, "GET /v1/../v1/me": 404, "POST /livez": 405} {
		method, path, _ := strings.Cut(target, " ")
		w := ask(a, method, path, "")
		if w.Code != want || w.Header().Get("Content-Type") != problemType || !strings.Contains(w.Body.String(), `"requestId"`) {
			t.Errorf("%s: %d %s %s", target, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if want == 405 && w.Header().Get("Allow") == "" {
			t.Errorf("%s: no Allow", target)
		}
	}
}

func TestDefaultOutsideScripts(t *testing.T) {
	a, _ := start(t)
	w := ask(a, "GET", "/docs", "")
	body := w.Body.String()
	if w.Code != 200 || !strings.Contains(body, "issueCredential") || !strings.Contains(body, "/docs/try.js") {
		t.Fatalf("%d %.200s", w.Code, body)
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("policy %q", policy)
	}
	for _, src := range []string{`src="http`, `src="//`, `href="http`, "<style", "javascript:", " onclick="} {
		if strings.Contains(strings.ReplaceAll(body, `href="`+exampleHost, ""), src) {
			t.Errorf("the page has %s", src)
		}
	}
	for _, path := range []string{"/docs/try.js", "/docs/reference.css", "/problems/validation-error", "/problems/not-found"} {
		w := ask(a, "GET", path, "")
		if text := strings.ReplaceAll(w.Body.String(), exampleHost, ""); w.Code != 200 || strings.Contains(text, "http://") || strings.Contains(text, "https://") {
			t.Errorf("%s: %d %s", path, w.Code, text)
		}
	}
	// huma's own routes are not there.
	for _, path := range []string{"/openapi.yaml", "/openapi-3.0.json", "/schemas/Problem.json"} {
		h, err := New(Config{BaseURL: exampleHost, Clock: a.Clock})
		if err != nil {
			t.Fatal(err)
		}
		if w := ask(h, "GET", path, ""); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestDefaultDuplicateNames(t *testing.T) {
	a, f := start(t)
	w := ask(a, "POST", "/v1/credentials", `{"type":"a","type":"b"}`, jsonA()...)
	if w.Code != 400 || f.last != nil {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(humaHandler(), "POST", "/x", `{"name":"a","name":"b"}`, "Content-Type", jsonType); w.Code != 400 {
		t.Errorf("huma.Register: %d %s", w.Code, w.Body)
	}
}
