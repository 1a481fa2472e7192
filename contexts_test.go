package chancery_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
)

const courseContext = `{"@context": {"@protected": true, "course": "https://academy.example/terms#course"}}`

// TestContexts: an issuer with terms of its own signs with them, and only verifiers that
// have the same context pinned can tell what it has signed.
func TestContexts(t *testing.T) {
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	key, err := signer.NewKey(private)
	if err != nil {
		t.Fatal(err)
	}
	issuer, _, err := signer.Identifier(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	const url = "https://academy.example/terms/v1"
	file := chancery.ContextFile{URL: url, Document: []byte(courseContext), SHA256: sha256.Sum256([]byte(courseContext))}
	set, err := chancery.Contexts(file)
	if err != nil {
		t.Fatal(err)
	}
	credential, err := chancery.Draft{Issuer: issuer, Contexts: []string{url}, Subject: map[string]any{"id": "did:example:holder", "course": "Welding"}}.Build()
	if err != nil {
		t.Fatal(err)
	}
	sum := hex.EncodeToString(file.SHA256[:])
	trust, err := verifier.ParseTrust([]byte(`{"version": 1, "issuers": [{"id": "` + issuer + `"}], "contexts": [{"url": "` + url + `", "sha256": "` + sum + `", "text": ` + quote(t, courseContext) + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	bare, err := verifier.ParseTrust([]byte(`{"version": 1, "issuers": [{"id": "` + issuer + `"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, sign := range map[string]func(*chancery.ContextSet) (chancery.Secured, error){
		"rdfc": func(s *chancery.ContextSet) (chancery.Secured, error) {
			return (&signer.DataIntegrity{Key: key, Suite: proof.EdDSARDFC2022, Clock: time.Now, Contexts: s}).Sign(t.Context(), credential)
		},
		"jcs": func(s *chancery.ContextSet) (chancery.Secured, error) {
			return (&signer.DataIntegrity{Key: key, Suite: proof.EdDSAJCS2022, Clock: time.Now, Contexts: s}).Sign(t.Context(), credential)
		},
		"jwt": func(s *chancery.ContextSet) (chancery.Secured, error) {
			return (&signer.JOSE{Key: key, Contexts: s}).Sign(t.Context(), credential)
		},
	} {
		var unknown *proof.JSONLDError
		if _, err := sign(nil); !errors.As(err, &unknown) || unknown.Context == "" && !strings.Contains(unknown.Error(), url) {
			t.Errorf("%s without the context: %v", name, err)
		}
		secured, err := sign(set)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for config, want := range map[*verifier.Config]verifier.Reason{
			{Trust: trust, Clock: time.Now}:               "",
			{Trust: bare, Clock: time.Now, Contexts: set}: "",
			{Trust: bare, Clock: time.Now}:                verifier.UnknownContext,
		} {
			v, err := verifier.New(*config)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := v.Verify(t.Context(), secured); want == "" && err != nil || want != "" && !errors.Is(err, want) {
				t.Errorf("%s: expected %q, found %v", name, string(want), err)
			}
		}
	}
	var fault *chancery.JSONError
	for name, bad := range map[string]chancery.ContextFile{
		"another digest": {URL: url, Document: []byte(courseContext)},
		"no URL":         {Document: file.Document, SHA256: file.SHA256},
		"no JSON":        {URL: url, Document: []byte("{"), SHA256: sha256.Sum256([]byte("{"))},
	} {
		if _, err := chancery.Contexts(bad); err == nil || errors.As(err, &fault) != (name == "no JSON") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func quote(t *testing.T, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Terms that no embedded context defines are signed with a context of the issuer's own.
func ExampleContexts() {
	file := []byte(`{"@context": {"course": "https://academy.example/terms#course"}}`)
	set, err := chancery.Contexts(chancery.ContextFile{URL: "https://academy.example/terms/v1", Document: file, SHA256: sha256.Sum256(file)})
	if err != nil {
		fmt.Println(err)
		return
	}
	private := ed25519.NewKeyFromSeed([]byte("32 bytes that everybody can read"))
	key, err := signer.NewKey(private)
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer, _, err := signer.Identifier(private.Public())
	if err != nil {
		fmt.Println(err)
		return
	}
	credential, err := chancery.Draft{
		Contexts: []string{"https://academy.example/terms/v1"}, Issuer: issuer,
		Subject: map[string]any{"id": "did:example:holder", "course": "Welding"},
	}.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	secured, err := (&signer.DataIntegrity{Key: key, Clock: time.Now, Contexts: set}).Sign(context.Background(), credential)
	fmt.Println(secured.MediaType, err)
	// Output:
	// application/vc <nil>
}
