package serving_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/memstore"
)

// fort is a whole installation in the process, with two institutions in it.
type fort struct {
	t    testing.TB
	url  string
	s    *serving.Service
	keys map[string]string // by tenant and environment, such as north/test
	log  *ledger
}

// ledger is what is logged.
type ledger struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *ledger) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *ledger) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

func newFort(t testing.TB, change ...func(*serving.Parts)) *fort {
	t.Helper()
	files, err := blob.OpenDir(blob.DirConfig{Path: t.TempDir(), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := service.NewKeyRing(service.GenerateMasterKey())
	if err != nil {
		t.Fatal(err)
	}
	f := &fort{t: t, keys: map[string]string{}, log: &ledger{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.s.Handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	f.url = server.URL
	parts := serving.Parts{Store: memstore.New(time.Now), Blobs: files, Sealer: ring, BaseURL: server.URL, Clock: time.Now, Logger: slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, c := range change {
		c(&parts)
	}
	if f.s, err = serving.New(parts); err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"north", "south"} {
		if _, err := f.s.Core.CreateTenant(context.Background(), tenant, "Institution "+tenant); err != nil {
			t.Fatal(err)
		}
		for _, e := range []service.Environment{service.Test, service.Live} {
			key, err := f.s.Core.CreateFirstKey(context.Background(), service.Scope{Tenant: tenant, Environment: e}, service.NewKey{Name: "k", Scopes: service.Permissions()})
			if err != nil {
				t.Fatal(err)
			}
			who := tenant + "/" + string(e)
			f.keys[who] = key.Secret
			f.ok(who, "POST", "/v1/issuers", map[string]any{"name": "Academy of " + tenant, "key": "academy"})
			f.ok(who, "POST", "/v1/credential-types", training())
		}
	}
	return f
}

func training() map[string]any {
	return map[string]any{
		"key": "training", "displayName": "Training", "outputs": []string{"vc"},
		"fields": []any{
			map[string]any{"key": "trainer", "type": "text"},
			map[string]any{"key": "number", "type": "text", "visibility": "private"},
		},
	}
}

func aina(more map[string]any) map[string]any {
	out := map[string]any{
		"type": "training", "recipient": map[string]any{"name": "Aina Rahman", "email": "aina@example.com"},
		"claims": map[string]any{"trainer": "Dr. Weir"}, "private": map[string]any{"number": "900101-14"},
	}
	for k, v := range more {
		out[k] = v
	}
	return out
}

// answer is an answer of the service.
type answer struct {
	status int
	header http.Header
	body   []byte
	data   map[string]any
}

// call sends a request. who is a name of fort.keys, a token, or "".
func (f *fort) call(who, method, path string, body any, headers ...string) answer {
	f.t.Helper()
	var b []byte
	kind := "application/json"
	switch v := body.(type) {
	case nil:
		kind = ""
	case []byte:
		b = v
	default:
		b, _ = json.Marshal(v)
	}
	r, err := http.NewRequest(method, f.url+path, bytes.NewReader(b))
	if err != nil {
		f.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if key, ok := f.keys[who]; ok {
		who = key
	}
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	out := answer{status: res.StatusCode, header: res.Header}
	if out.body, err = io.ReadAll(res.Body); err != nil {
		f.t.Fatal(err)
	}
	var e struct {
		Data map[string]any `json:"data"`
	}
	if json.Unmarshal(out.body, &e) == nil {
		out.data = e.Data
	}
	return out
}

// ok is a call that has to succeed.
func (f *fort) ok(who, method, path string, body any, headers ...string) answer {
	f.t.Helper()
	a := f.call(who, method, path, body, headers...)
	if a.status >= 300 {
		f.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	return a
}

// upload sends files to an operation.
func (f *fort) upload(who, path string, files ...[]byte) answer {
	f.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i, content := range files {
		part, err := w.CreateFormFile("file", fmt.Sprintf("file-%d", i))
		if err != nil {
			f.t.Fatal(err)
		}
		part.Write(content)
	}
	w.Close()
	return f.call(who, "POST", path, b.Bytes(), "Content-Type", w.FormDataContentType())
}

func (a answer) text(path ...string) string {
	var at any = a.data
	for _, p := range path {
		m, _ := at.(map[string]any)
		at = m[p]
	}
	s, _ := at.(string)
	return s
}
