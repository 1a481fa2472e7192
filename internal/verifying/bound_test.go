package verifying

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
)

// TestBoundDocument: a document that a credential beside it names is judged by that, whatever
// the order; but for a signature of its own that does not hold.
func TestBoundDocument(t *testing.T) {
	r := newRegistrar(t)
	bind := func(document []byte) []byte {
		sum := sha256.Sum256(document)
		draft := chancery.Draft{
			ID: "https://registry.example.edu/c/2", Issuer: r.deskDID, ValidFrom: r.w.Now, Subject: map[string]any{"id": "did:example:holder", "name": "Aina"},
			Members: map[string]any{"relatedResource": map[string]any{"id": "https://registry.example.edu/documents/1", "mediaType": chancery.MediaPDF, "digestSRI": "sha256-" + base64.StdEncoding.EncodeToString(sum[:])}},
		}
		credential, err := draft.Build()
		if err != nil {
			t.Fatal(err)
		}
		return r.sign(credential)
	}
	plain := padestest.Sample{}.Build(t)
	signed := r.pdf(plain)
	broken := bytes.Replace(signed, []byte("/MediaBox"), []byte("/Mediabox"), 1)
	if bytes.Equal(broken, signed) {
		t.Fatal("nothing was changed")
	}
	r.w.Now = r.w.Now.Add(time.Hour)
	for name, c := range map[string]struct {
		document []byte
		want     verifier.Outcome
	}{
		"without a signature":             {plain, verifier.Valid},
		"signed":                          {signed, verifier.Valid},
		"with a signature that is broken": {broken, verifier.Invalid},
	} {
		credential := bind(c.document)
		for _, files := range [][]entry{
			{{name: "a", content: credential, store: true}, {name: "b", content: c.document, store: true}},
			{{name: "a", content: c.document, store: true}, {name: "b", content: credential, store: true}},
		} {
			if out := r.together(files...); out.Outcome != c.want {
				t.Errorf("%s: expected %s, found %s %s", name, c.want, out.Outcome, string(out.Reason))
			}
		}
	}
}
