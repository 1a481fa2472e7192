package httpapi

import (
	"context"
	"fmt"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
)

// allFiles answers every artefact in the media type that the service gives it.
type allFiles struct{ *fake }

var mediaOfArtifacts = map[string]string{
	"vc": chancery.MediaVC, "vc.jwt": chancery.MediaJWT, "pdf": chancery.MediaPDF, "png": chancery.MediaPNG, "svg": chancery.MediaSVG, "evidence": chancery.MediaEvidence,
}

func (f allFiles) Artifact(_ context.Context, c service.Caller, id, name string) (service.File, error) {
	return own(c, "artifact", testFile("c", mediaOfArtifacts[name], "x"))
}

func (f allFiles) PublicArtifact(_ context.Context, id, name string) (service.File, error) {
	return testFile("c", mediaOfArtifacts[name], "x"), nil
}

// TestArtifactTypes: each artefact is had under its own media type, which the document
// names, and under no other's.
func TestArtifactTypes(t *testing.T) {
	a, _ := start(t, func(c *Config) {
		files := allFiles{c.Credentials.(*fake)}
		c.Credentials, c.Public = files, files
	})
	c := contractOf(t, a)
	private, public := c.find(t, "GET", "/v1/credentials/{id}/artifacts/{name}"), c.find(t, "GET", "/c/{publicId}/{name}")
	for name, own := range mediaOfArtifacts {
		for _, accept := range append([]string{"application/json", "*/*", cborType, "text/html"}, sortedKeys(map[string]int{"application/vc": 0, "application/jwt": 0, "application/pdf": 0, "image/png": 0, "image/svg+xml": 0, chancery.MediaEvidence: 0})...) {
			want := "406 " + problemType
			switch {
			case accept == own || accept == "*/*" || accept == "application/json":
				want = "200 " + own
			case name == "evidence" && accept == cborType: // as the proof of a stamp
				want = "200 " + cborType
			}
			params := map[string]string{"id": "x", "publicId": "x", "name": name}
			w := ask(a, "GET", private.fill(params), "", bearerA("Accept", accept)...)
			if got := fmt.Sprint(w.Code, " ", w.Header().Get("Content-Type")); got != want {
				t.Errorf("%s for %q: expected %s, found %s", name, accept, want, got)
			}
			c.check(t, private, w)
			w = ask(a, "GET", public.fill(params), "", "Accept", accept)
			if got := fmt.Sprint(w.Code, " ", w.Header().Get("Content-Type")); got != want {
				t.Errorf("public %s for %q: expected %s, found %s", name, accept, want, got)
			}
			c.check(t, public, w)
		}
	}
}

// TestReasonNeedNotBeGiven: what changes a status takes no body, an empty one, or a reason.
func TestReasonNeedNotBeGiven(t *testing.T) {
	a, f := start(t)
	c := contractOf(t, a)
	for _, action := range []string{"revoke", "suspend", "reinstate"} {
		o := c.find(t, "POST", "/v1/credentials/{id}/"+action)
		for body, headers := range map[string][]string{"": bearerA(), "{}": jsonA(), `{"reason":null}`: jsonA()} {
			w := ask(a, "POST", o.fill(nil), body, headers...)
			c.check(t, o, w)
			if w.Code != 200 || f.last != "" {
				t.Errorf("%s with body %q: %d, reason %v", action, body, w.Code, f.last)
			}
		}
	}
}
