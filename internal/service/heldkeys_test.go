package service_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io"
	"testing"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// unplugged is a key of a token that is not there any more.
type unplugged struct{ crypto.Signer }

func (unplugged) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("token not present")
}

// onToken is a key that is no key of the standard library.
type onToken struct{ crypto.Signer }

// TestHeldKeyReplaced: a key provider that has another key under the name of an issuer's signs
// nothing: nobody would know the key.
func TestHeldKeyReplaced(t *testing.T) {
	for name, other := range map[string]crypto.Signer{
		"another key":     must(signer.Generate(signer.P256))(t),
		"of another type": must(signer.Generate(signer.Ed25519))(t),
	} {
		t.Run(name, func(t *testing.T) {
			keys := hsm{"north/one": must(signer.Generate(signer.P256))(t)}
			w := newWorld(t, func(c *service.Config) { c.KeyProvider = keys })
			c := w.tenant("north", service.Test)
			w.issuer(c, func(in *service.NewIssuer) { in.KeyRef = "north/one" })
			w.newType(c)
			expect(t, "by the key", w.verifyID(w.issue(c).PublicID), "valid", "", service.StateIssued)
			good := keys["north/one"]
			keys["north/one"] = other
			w.s = w.again()
			_, err := w.s.Issue(w.ctx, c, aina(), once)
			refused(t, "another key", err, service.CodeUnavailable)
			keys["north/one"] = good
			expect(t, "by the key again", w.verifyID(w.issue(c).PublicID), "valid", "", service.StateIssued)
		})
	}
}

// TestKeyPublishedOtherwise: where the store says that an issuer's key is another one than is kept,
// nothing is signed.
func TestKeyPublishedOtherwise(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	i := must(w.s.ListIssuers(w.ctx, c, service.Page{Limit: 1}))(t).Items[0]
	other := must(multikey.Encode(must(signer.Generate(signer.Ed25519))(t).Public()))(t)
	err := w.store.Update(w.ctx, func(tx service.Tx) error {
		r, stored, err := service.Get[service.StoredIssuer](w.ctx, tx, c.Scope, service.KindIssuer, i.ID)
		if err != nil {
			return err
		}
		stored.Keys[0].Multibase = other
		return service.Put(w.ctx, tx, c.Scope, r, stored)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.s = w.again()
	if _, err := w.s.Issue(w.ctx, c, aina(), once); !errors.Is(err, service.ErrSealed) {
		t.Errorf("expected ErrSealed, found %v", err)
	}
}

// TestHeldKeyAway: a token that is away is told as something to wait for, and nothing is left
// of the credential.
func TestHeldKeyAway(t *testing.T) {
	key := must(signer.Generate(signer.P256))(t)
	keys := hsm{"north/one": onToken{key}}
	w := newWorld(t, func(c *service.Config) { c.KeyProvider = keys })
	c := w.tenant("north", service.Test)
	w.issuer(c, func(in *service.NewIssuer) { in.KeyRef = "north/one" })
	w.newType(c)
	w.issue(c)
	delete(keys, "north/one")
	w.s = w.again()
	_, err := w.s.Issue(w.ctx, c, aina(), once)
	refused(t, "gone when opened", err, service.CodeUnavailable)
	keys["north/one"] = unplugged{key}
	w.s = w.again()
	_, err = w.s.Issue(w.ctx, c, aina(), once)
	refused(t, "gone when signing", err, service.CodeUnavailable)
	keys["north/one"] = onToken{key}
	w.s = w.again()
	expect(t, "back again", w.verifyID(w.issue(c).PublicID), "valid", "", service.StateIssued)
	if n := len(must(w.s.ListCredentials(w.ctx, c, service.CredentialFilter{}, service.Page{Limit: 10}))(t).Items); n != 2 {
		t.Errorf("expected 2 credentials, found %d", n)
	}
}

// TestHeldKeyRotated: the successor of a key that is held elsewhere is held there too, unless
// the caller says that it is not to be.
func TestHeldKeyRotated(t *testing.T) {
	keys := hsm{"north/one": must(signer.Generate(signer.P256))(t), "north/two": must(signer.Generate(signer.P384))(t), "south/one": must(signer.Generate(signer.P256))(t)}
	w := newWorld(t, func(c *service.Config) { c.KeyProvider = keys })
	c := w.tenant("north", service.Test)
	i := w.issuer(c, func(in *service.NewIssuer) { in.KeyRef = "north/one" })
	w.newType(c)
	first := w.issue(c)
	rotate := func(in service.RotateKey) (service.Issuer, error) {
		out, err := w.s.RotateKey(w.ctx, c, i.ID, in, once)
		return out.Value, err
	}
	_, err := rotate(service.RotateKey{})
	refused(t, "not said where", err, service.CodeValidation, "keyRef")
	_, err = rotate(service.RotateKey{KeyRef: "south/one"})
	refused(t, "another institution's", err, service.CodeValidation, "keyRef")
	_, err = rotate(service.RotateKey{KeyRef: "north/one"})
	refused(t, "the same key", err, service.CodeValidation, "keyRef")
	_, err = rotate(service.RotateKey{KeyRef: "north/two", KeyType: "P-256"})
	refused(t, "of another type", err, service.CodeValidation, "keyType")
	_, err = rotate(service.RotateKey{KeyRef: "north/two", Compromised: true, Key: i.Keys[0].ID + "x"})
	refused(t, "no such key", err, service.CodeValidation, "key")
	got, err := rotate(service.RotateKey{KeyRef: "north/two"})
	if err != nil || got.Keys[1].PublicKey == got.Keys[0].PublicKey || got.Keys[1].Type != "P-384" {
		t.Fatalf("%+v, %v", got.Keys, err)
	}
	_, err = rotate(service.RotateKey{KeyRef: "north/one"})
	refused(t, "a key of before", err, service.CodeValidation, "keyRef")
	expect(t, "by the first", w.verifyID(first.PublicID), "valid", "", service.StateIssued)
	expect(t, "by the second", w.verifyID(w.issue(c).PublicID), "valid", "", service.StateIssued)
	if _, err := rotate(service.RotateKey{KeyType: "Ed25519"}); err != nil {
		t.Fatal(err)
	}
	expect(t, "by one of ours", w.verifyID(w.issue(c).PublicID), "valid", "", service.StateIssued)
	if _, err := rotate(service.RotateKey{}); err != nil {
		t.Fatal(err)
	}
}

// TestHeldKeyOfOneIssuer: no two issuers, and so no two environments, sign with one key.
func TestHeldKeyOfOneIssuer(t *testing.T) {
	keys := hsm{"north/one": must(signer.Generate(signer.P256))(t), "north/two": must(signer.Generate(signer.P256))(t)}
	keys["north/same"] = keys["north/one"]
	w := newWorld(t, func(c *service.Config) { c.KeyProvider = keys })
	live, test := w.tenant("north", service.Live), w.tenant("north", service.Test)
	w.issuer(live, func(in *service.NewIssuer) { in.KeyRef = "north/one" })
	for _, c := range []service.Caller{live, test} {
		for _, ref := range []string{"north/one", "north/same"} {
			_, err := w.s.CreateIssuer(w.ctx, c, service.NewIssuer{Name: "Another", KeyRef: ref}, once)
			refused(t, string(c.Environment)+" "+ref, err, service.CodeValidation, "keyRef")
		}
	}
	i := w.issuer(test)
	_, err := w.s.RotateKey(w.ctx, test, i.ID, service.RotateKey{KeyRef: "north/one"}, once)
	refused(t, "rotated to it", err, service.CodeValidation, "keyRef")
	if _, err := w.s.RotateKey(w.ctx, test, i.ID, service.RotateKey{KeyRef: "north/two"}, once); err != nil {
		t.Fatal(err)
	}
	_, err = w.s.CreateIssuer(w.ctx, live, service.NewIssuer{Name: "Another", KeyRef: "north/two"}, once)
	refused(t, "one that was rotated to", err, service.CodeValidation, "keyRef")
}

// TestSealOfOneEnvironment: what is sealed to try things out does not bear the seal of what
// counts.
func TestSealOfOneEnvironment(t *testing.T) {
	p := padestest.New(t, padestest.P256)
	seal := service.Seal{Key: p.Signer.Key, Chain: p.Chain()}
	for _, order := range [][]service.Environment{{service.Live, service.Test}, {service.Test, service.Live}} {
		w := newWorld(t, func(c *service.Config) { c.Clock = p.Clock })
		first, second := w.tenant("north", order[0]), w.tenant("north", order[1])
		a, b := w.issuer(first), w.issuer(second)
		if _, err := w.s.SetSeal(w.ctx, first, a.ID, seal); err != nil {
			t.Fatal(err)
		}
		if _, err := w.s.SetSeal(w.ctx, first, a.ID, seal); err != nil {
			t.Fatal("again:", err)
		}
		_, err := w.s.SetSeal(w.ctx, second, b.ID, seal)
		refused(t, string(order[1]), err, service.CodeValidation, "chain")
	}
}

// TestSealKeyReplaced: a provider's key that is not that of the certificate seals nothing.
func TestSealKeyReplaced(t *testing.T) {
	p := padestest.New(t, padestest.P256)
	keys := hsm{"north/seal": p.Signer.Key}
	w := newWorld(t, func(c *service.Config) { c.KeyProvider, c.Clock = keys, p.Clock })
	c := w.tenant("north", service.Test)
	i := w.issuer(c)
	if _, err := w.s.SetSeal(w.ctx, c, i.ID, service.Seal{KeyRef: "north/seal", Chain: p.Chain()}); err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys["north/seal"] = other
	w.s = w.again()
	_, err = w.s.PDFSigner(w.ctx, c.Scope, "", "B-B")
	refused(t, "another key", err, service.CodeUnavailable)
	delete(keys, "north/seal")
	w.s = w.again()
	_, err = w.s.PDFSigner(w.ctx, c.Scope, "", "B-B")
	refused(t, "no key", err, service.CodeUnavailable)
	w.config.KeyProvider = nil
	w.s = w.again()
	_, err = w.s.PDFSigner(w.ctx, c.Scope, "", "B-B")
	refused(t, "no provider", err, service.CodeUnavailable)
	w.config.KeyProvider = hsm{"north/seal": onToken{p.Signer.Key}}
	w.s = w.again()
	plain := w.pdf("Aina")
	var sealed bytes.Buffer
	s := must(w.s.PDFSigner(w.ctx, c.Scope, "", "B-B"))(t)
	if _, err := s.Sign(context.Background(), bytes.NewReader(plain), int64(len(plain)), &sealed, pades.Request{}); err != nil {
		t.Fatal(err)
	}
	expect(t, "sealed", w.verify(sealed.Bytes()), "valid", "", "*")
	if _, err := x509.MarshalPKIXPublicKey(s.Key.Public()); err != nil {
		t.Fatal(err)
	}
}
