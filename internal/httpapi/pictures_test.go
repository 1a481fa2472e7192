package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

func (f *fake) Picture(_ context.Context, name string) (service.File, error) {
	switch name {
	case exampleDigest + ".png":
		return testFile(name, "image/png", "PNG"), nil
	case exampleDigest + ".svg":
		return testFile(name, "image/svg+xml", "<svg/>"), nil
	}
	return service.File{}, service.NotFound("picture")
}

// withoutPictures is a Public that has no pictures.
type withoutPictures struct{ service.Public }

func TestPictures(t *testing.T) {
	a, _ := start(t)
	for ext, want := range map[string]struct{ mediaType, content string }{"png": {"image/png", "PNG"}, "svg": {"image/svg+xml", "<svg/>"}} {
		path := "/pictures/" + exampleDigest + "." + ext
		w := ask(a, "GET", path, "", "Origin", "https://any.example", "Accept", "image/avif,image/webp,image/*,*/*;q=0.8")
		h := w.Header()
		sum := sha256.Sum256([]byte(want.content))
		etag := `"` + hex.EncodeToString(sum[:]) + `"`
		if w.Code != 200 || w.Body.String() != want.content || h.Get("Content-Type") != want.mediaType || h.Get("ETag") != etag {
			t.Errorf("%s: %d %v %s", ext, w.Code, h, w.Body)
		}
		if h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
			t.Errorf("%s: %v", ext, h)
		}
		if policy := h.Get("Content-Security-Policy"); ext == "svg" && (!strings.Contains(policy, "sandbox") || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src")) {
			t.Errorf("an SVG can do: %q", policy)
		}
		if w := ask(a, "GET", path, "", "If-None-Match", etag); w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("ETag") != etag {
			t.Errorf("%s unchanged: %d", ext, w.Code)
		}
		if w := ask(a, "HEAD", path, ""); w.Code != 200 || w.Header().Get("ETag") != etag {
			t.Errorf("HEAD %s: %d", ext, w.Code)
		}
		if w := ask(a, "GET", path, "", "Accept", "text/plain"); w.Code != 406 {
			t.Errorf("%s as text: %d", ext, w.Code)
		}
		if w := ask(a, "POST", path, "{}", "Content-Type", jsonType); w.Code != 405 {
			t.Errorf("POST %s: %d", ext, w.Code)
		}
	}
	for _, path := range []string{
		"/pictures", "/pictures/", "/pictures/x", "/pictures/" + exampleDigest, "/pictures/" + exampleDigest + ".gif", "/pictures/" + strings.Repeat("0", 64) + ".png",
		"/pictures/" + exampleDigest + ".png/x", "/pictures/..%2fx.png", "/pictures/" + strings.ToUpper(exampleDigest) + ".png",
	} {
		w := ask(a, "GET", path, "")
		if w.Code != 404 || w.Header().Get("Content-Type") != problemType || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("ETag") != "" || w.Header().Get("Content-Security-Policy") != "" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	none, _ := start(t, func(c *Config) { c.Public = withoutPictures{c.Public} })
	if w := ask(none, "GET", "/pictures/"+exampleDigest+".png", ""); w.Code != 404 {
		t.Errorf("without pictures: %d", w.Code)
	}
	if strings.Contains(string(none.openAPI.Bytes), "getPicture") || !strings.Contains(string(a.openAPI.Bytes), "getPicture") {
		t.Error("the document does not say what is there")
	}
}
