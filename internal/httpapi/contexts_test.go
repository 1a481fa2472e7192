package httpapi

import (
	"context"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

func (f *fake) Contexts(context.Context) (service.File, error) {
	return service.File{MediaType: jsonType, Digest: exampleDigest, Bytes: []byte(`{"contexts": []}`)}, nil
}

func (f *fake) Context(_ context.Context, digest string) (service.File, error) {
	if digest != exampleDigest {
		return service.File{}, service.NotFound("context")
	}
	return service.File{Name: digest + ".jsonld", MediaType: "application/ld+json", Digest: digest, Bytes: []byte(`{"@context": {}}`)}, nil
}

func TestContexts(t *testing.T) {
	a, _ := start(t)
	for path, want := range map[string]string{"/contexts": "public, max-age=300", "/contexts/" + exampleDigest: "public, max-age=31536000, immutable"} {
		w := ask(a, "GET", path, "", "Origin", "https://a.example")
		if w.Code != 200 || w.Header().Get("Cache-Control") != want || w.Header().Get("ETag") != `"`+exampleDigest+`"` || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if w := ask(a, "GET", path, "", "If-None-Match", `"`+exampleDigest+`"`); w.Code != 304 {
			t.Errorf("%s again: %d", path, w.Code)
		}
	}
	for accept, want := range map[string]string{"application/ld+json": "application/ld+json", "application/json": "application/json", "*/*": "application/ld+json"} {
		if w := ask(a, "GET", "/contexts/"+exampleDigest, "", "Accept", accept); w.Code != 200 || w.Header().Get("Content-Type") != want {
			t.Errorf("Accept %s: %d %v", accept, w.Code, w.Header())
		}
	}
	if w := ask(a, "GET", "/contexts/x", ""); w.Code != 404 || w.Header().Get("Content-Type") != problemType {
		t.Errorf("unknown: %d %v", w.Code, w.Header())
	}
}
