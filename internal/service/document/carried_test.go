package document_test

import (
	"errors"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/layout"
	"github.com/chancery-dev/chancery/internal/service"
)

// TestNoSealAroundACredential: the institution signs no page that holds a credential, which
// somebody may have put around the credential of somebody else.
func TestNoSealAroundACredential(t *testing.T) {
	f := setUp(t, nil)
	r, err := layout.New(layout.Config{})
	if err != nil {
		t.Fatal(err)
	}
	template, err := layout.Builtin(layout.Certificate, "A4")
	if err != nil {
		t.Fatal(err)
	}
	page := func(media, content string) []byte {
		o := layout.Options{VerifyURL: "https://chancery.example/c/x", ID: "x", Created: f.world.Clock()}
		if content != "" {
			o.Credential, o.CredentialMediaType = []byte(content), media
		}
		b, err := r.Render(t.Context(), template, layout.Fields{Text: map[string]string{"institution": "A", "recipient": "Mallory", "achievement": "Everything", "date": "today"}}, o)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, c := range map[string]struct {
		media, content string
		refused        bool
	}{
		"none":             {"", "", false},
		"other JSON":       {"application/json", `{"total": 12.5}`, false},
		"a credential":     {chancery.MediaVC, `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"credentialSubject":{}}`, true},
		"under other name": {"application/json", `{"type":"VerifiableCredential","credentialSubject":{"id":"did:example:a"}}`, true},
		"what is no JSON":  {"application/json", `{"type":"VerifiableCredential",`, true},
		"a JWT":            {chancery.MediaJWT, "eyJhbGciOiJFZERTQSJ9.e30.AAAA", true},
	} {
		doc := f.add(page(c.media, c.content))
		_, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, service.NewSignature{Kind: "institutional"}, service.Idempotency{})
		var e *service.Error
		if c.refused != (errors.As(err, &e) && e.Code == service.CodeState) || !c.refused && err != nil {
			t.Errorf("%s: found %v", name, err)
		}
	}
}
