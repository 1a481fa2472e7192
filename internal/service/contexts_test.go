package service_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/service"
)

// TestContexts: every context that is known is published under the digest of what is
// answered, those that credentials here name among them.
func TestContexts(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	var list struct {
		Contexts []struct {
			URL      string `json:"url"`
			JCS      string `json:"jcsSha256"`
			SHA256   string `json:"sha256"`
			Document string `json:"document"`
		} `json:"contexts"`
	}
	index := must(w.s.Contexts(w.ctx))(t)
	if err := json.Unmarshal(index.Bytes, &list); err != nil || len(list.Contexts) < 30 {
		t.Fatalf("%d contexts: %v", len(list.Contexts), err)
	}
	at := map[string][]byte{}
	for _, one := range list.Contexts {
		digest, ok := strings.CutPrefix(one.Document, base+"/contexts/")
		if !ok || digest != one.JCS {
			t.Errorf("%s: found at %s", one.URL, one.Document)
		}
		f := must(w.s.Context(w.ctx, digest))(t)
		sum := sha256.Sum256(f.Bytes)
		if hex.EncodeToString(sum[:]) != digest || f.Digest != digest || f.MediaType != "application/ld+json" {
			t.Errorf("%s: the answer is not that of its address", one.URL)
		}
		pinned, err := hex.DecodeString(one.JCS)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := ldcontext.NewVersion(one.URL, f.Bytes, ldcontext.Digest(pinned)); err != nil || v.JCS.String() != digest {
			t.Errorf("%s cannot be pinned: %v", one.URL, err)
		}
		if at[one.URL] == nil { // the newest first
			at[one.URL] = f.Bytes
		}
	}
	var vc struct {
		Context []string `json:"@context"`
	}
	if err := json.Unmarshal(w.file(c, w.issue(c).ID, "vc"), &vc); err != nil || len(vc.Context) == 0 {
		t.Fatal(err)
	}
	for _, url := range vc.Context {
		if len(at[url]) == 0 {
			t.Errorf("%s is named by credentials and not published", url)
		}
	}
	for _, digest := range []string{"", "x", strings.Repeat("0", 64), strings.ToUpper(list.Contexts[0].JCS)} {
		if _, err := w.s.Context(w.ctx, digest); !service.IsNotFound(err) {
			t.Errorf("%q: %v", digest, err)
		}
	}
}
