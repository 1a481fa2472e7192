package signer_test

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
)

// TestNothing: what is missing is an error that can be told, and never a panic.
func TestNothing(t *testing.T) {
	key, id := exampleKey()
	di, jose := &signer.DataIntegrity{Key: key}, &signer.JOSE{Key: key}
	for name, f := range map[string]func() error{
		"no credential":              func() error { _, err := di.Sign(t.Context(), nil); return err },
		"zero credential":            func() error { _, err := di.Sign(t.Context(), &chancery.Credential{}); return err },
		"no presentation":            func() error { _, err := di.SignPresentation(t.Context(), nil); return err },
		"zero presentation":          func() error { _, err := di.SignPresentation(t.Context(), &chancery.Presentation{}); return err },
		"no credential as JWT":       func() error { _, err := jose.Sign(t.Context(), nil); return err },
		"zero credential as JWT":     func() error { _, err := jose.Sign(t.Context(), &chancery.Credential{}); return err },
		"no presentation as JWT":     func() error { _, err := jose.SignPresentation(t.Context(), nil); return err },
		"zero presentation as JWT":   func() error { _, err := jose.SignPresentation(t.Context(), &chancery.Presentation{}); return err },
		"another proof to nothing":   func() error { _, err := di.Add(t.Context(), chancery.Secured{Bytes: []byte("{}")}); return err },
		"an envelope around nothing": func() error { _, err := signer.Envelop(chancery.Secured{}); return err },
	} {
		err := f()
		if name == "another proof to nothing" {
			if !errors.Is(err, proof.ErrNoProof) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, signer.ErrConfig) {
			t.Errorf("%s: expected ErrConfig, found %v", name, err)
		}
	}
	if _, err := signer.NewKey(nil); !errors.Is(err, signer.ErrKey) {
		t.Errorf("no key: %v", err)
	}
	// A key of another kind than the suite's is one that cannot be used for it.
	if _, ok := key.Signer.Public().(ed25519.PublicKey); !ok {
		t.Fatal("expected an Ed25519 key")
	}
	credential, err := chancery.Draft{Issuer: id, Subject: map[string]any{"id": "did:example:holder"}}.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, suite := range []string{proof.ECDSARDFC2019, proof.ECDSAJCS2019, proof.ECDSASD2023} {
		_, err := (&signer.DataIntegrity{Key: key, Suite: suite}).Sign(t.Context(), credential)
		if !errors.Is(err, signer.ErrKey) || !errors.Is(err, proof.ErrKeyType) {
			t.Errorf("%s with Ed25519: %v", suite, err)
		}
	}
}
