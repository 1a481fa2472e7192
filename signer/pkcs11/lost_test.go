//go:build pkcs11

package pkcs11_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ThalesGroup/crypto11"
	raw "github.com/miekg/pkcs11"

	"github.com/chancery-dev/chancery/signer/pkcs11"
)

// signs signs with a key and checks the signature.
func signs(t testing.TB, key *pkcs11.Key) error {
	t.Helper()
	digest := sha256.Sum256([]byte("Registrar"))
	sig, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return err
	}
	switch public := key.Public().(type) {
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(public, digest[:], sig) {
			t.Error("a signature that does not verify was given out")
		}
	case *rsa.PublicKey:
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], sig); err != nil {
			t.Error("a signature that does not verify was given out")
		}
	}
	return nil
}

// drop closes all sessions of the process with the token, as the module does when it is pulled out.
func drop(t testing.TB, module string) {
	t.Helper()
	m := raw.New(module)
	slots, err := m.GetSlotList(true)
	check(t, err)
	for _, slot := range slots {
		check(t, m.CloseAllSessions(slot))
	}
}

func open(t testing.TB, module string) *pkcs11.Token {
	t.Helper()
	token, err := pkcs11.Open(pkcs11.Config{Module: module, Token: "university", PIN: pin})
	check(t, err)
	t.Cleanup(func() { check(t, token.Close()) })
	return token
}

func key(t testing.TB, token *pkcs11.Token, label string) *pkcs11.Key {
	t.Helper()
	k, err := token.Key(label)
	check(t, err)
	return k
}

// TestSessionsLost: keys and tokens go on when their sessions are gone, and so is the login.
func TestSessionsLost(t *testing.T) {
	module := softHSM(t)
	token := open(t, module)
	keys := []*pkcs11.Key{key(t, token, "rsa"), key(t, token, "p256")}
	for range 3 {
		for _, k := range keys {
			check(t, signs(t, k))
		}
		drop(t, module)
		for _, k := range keys {
			check(t, signs(t, k))
		}
		drop(t, module)
		check(t, signs(t, key(t, token, "rsa")))
		drop(t, module)
		if _, err := token.Key("nobody"); !errors.Is(err, pkcs11.ErrNotFound) {
			t.Fatal(err)
		}
		check(t, signs(t, keys[0]))
		opened := token.Opened()
		for range 3 {
			if _, err := token.Key("nobody"); !errors.Is(err, pkcs11.ErrNotFound) {
				t.Fatal(err)
			}
		}
		if n := token.Opened(); n != opened {
			t.Fatalf("the token was opened %d times for a key that is not there", n-opened)
		}
		if _, err := token.Certificate("nobody"); !errors.Is(err, pkcs11.ErrNotFound) {
			t.Fatal(err)
		}
	}
}

// TestManyAtOnce: 64 goroutines with two keys and few sessions. All of them find out at once that
// the token was pulled out, and it is opened once for all of them.
func TestManyAtOnce(t *testing.T) {
	module := softHSM(t)
	token, err := pkcs11.Open(pkcs11.Config{Module: module, Token: "university", PIN: pin, MaxSessions: 8})
	check(t, err)
	defer func() { check(t, token.Close()) }()
	keys := []*pkcs11.Key{key(t, token, "rsa"), key(t, token, "p256")}
	for range 3 {
		var wait sync.WaitGroup
		for i := range 64 {
			wait.Go(func() {
				for range 3 {
					if err := signs(t, keys[i%2]); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		drop(t, module) // SoftHSM itself does not survive that while it signs
	}
	if n := token.Opened(); n != 3 {
		t.Errorf("expected the token to be opened 3 times, found %d", n)
	}
}

// TestTokenReturns: what is pulled out fails, and signs again when it is back; with other keys under
// the names it signs nothing.
func TestTokenReturns(t *testing.T) {
	module := softHSM(t)
	dir := tokenFolder(t)
	token := open(t, module)
	k := key(t, token, "p256")
	check(t, signs(t, k))
	away := filepath.Join(t.TempDir(), "token")
	check(t, os.Rename(dir, away))
	drop(t, module)
	if err := signs(t, k); err == nil {
		t.Fatal("a token that is away signed")
	} else if strings.Contains(err.Error(), pin) {
		t.Fatal(err)
	}
	if _, err := token.Key("p256"); err == nil || errors.Is(err, pkcs11.ErrNotFound) {
		t.Fatalf("a token that is away is no token without the key: %v", err)
	}
	check(t, os.Rename(away, dir))
	check(t, signs(t, k))
	check(t, signs(t, key(t, token, "p256")))

	ctx, err := crypto11.Configure(&crypto11.Config{Path: module, TokenLabel: "university", Pin: pin})
	check(t, err)
	old, err := ctx.FindKeyPair(nil, []byte("p256"))
	check(t, err)
	check(t, old.Delete())
	_, err = ctx.GenerateECDSAKeyPairWithLabel([]byte{2}, []byte("p256"), elliptic.P256())
	check(t, err)
	check(t, ctx.Close())
	drop(t, module)
	if err := signs(t, k); err == nil || !errors.Is(err, pkcs11.ErrReplaced) {
		t.Fatalf("another key under the name: %v", err)
	}
}

// TestWrongPIN: a PIN that the token refuses is not tried again: it would lock the token.
func TestWrongPIN(t *testing.T) {
	module := softHSM(t)
	token := open(t, module)
	k := key(t, token, "rsa")
	check(t, signs(t, k))
	if out, err := fileOutput("softhsm2-util", "--init-token", "--token", "university", "--label", "university", "--so-pin", "12345678", "--pin", "999999"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	drop(t, module)
	first := signs(t, k)
	if first == nil || strings.Contains(first.Error(), pin) {
		t.Fatalf("got %v", first)
	}
	for range 20 {
		if err := signs(t, k); err == nil {
			t.Fatal("signed with a PIN that is wrong")
		}
	}
	if n := token.Opened(); n != 2 {
		t.Errorf("expected the PIN to be tried twice in all, found %d times", n)
	}
}

// TestPublicOfAnother: a key whose public half on the token is that of another one signs nothing.
func TestPublicOfAnother(t *testing.T) {
	module := softHSM(t)
	ctx, err := crypto11.Configure(&crypto11.Config{Path: module, TokenLabel: "university", Pin: pin})
	check(t, err)
	a, err := ctx.GenerateECDSAKeyPairWithLabel([]byte{7}, []byte("mixed"), elliptic.P256())
	check(t, err)
	_, err = ctx.GenerateECDSAKeyPairWithLabel([]byte{8}, []byte("twice"), elliptic.P256())
	check(t, err)
	_, err = ctx.GenerateECDSAKeyPairWithLabel([]byte{9}, []byte("twice"), elliptic.P256())
	check(t, err)
	public, err := crypto11.NewAttributeSetWithIDAndLabel([]byte{10}, []byte("mute"))
	check(t, err)
	private := public.Copy()
	check(t, private.Set(crypto11.CkaSign, false))
	_, err = ctx.GenerateECDSAKeyPairWithAttributes(public, private, elliptic.P256())
	check(t, err)
	check(t, ctx.Close())

	token := open(t, module)
	if _, err := token.Key("twice"); err == nil || errors.Is(err, pkcs11.ErrNotFound) {
		t.Fatalf("two keys under one name: %v", err)
	}
	opened := token.Opened()
	for range 3 {
		if err := signs(t, key(t, token, "mute")); err == nil {
			t.Fatal("a key that may not sign signed")
		}
	}
	if token.Opened() != opened {
		t.Error("the token was opened anew for a key that may not sign")
	}
	k := key(t, token, "mixed")
	check(t, signs(t, k))
	if !k.Public().(*ecdsa.PublicKey).Equal(a.Public()) {
		t.Fatal("another key")
	}

	// The public half is exchanged for another key's, under the same name.
	m := raw.New(module)
	slots, err := m.GetSlotList(true)
	check(t, err)
	session, err := m.OpenSession(slots[0], raw.CKF_SERIAL_SESSION|raw.CKF_RW_SESSION)
	check(t, err)
	check(t, m.FindObjectsInit(session, []*raw.Attribute{raw.NewAttribute(raw.CKA_CLASS, raw.CKO_PUBLIC_KEY), raw.NewAttribute(raw.CKA_LABEL, "mixed")}))
	found, _, err := m.FindObjects(session, 2)
	check(t, err)
	check(t, m.FindObjectsFinal(session))
	check(t, m.DestroyObject(session, found[0]))
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	point, err := other.PublicKey.Bytes()
	check(t, err)
	p256 := []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}
	_, err = m.CreateObject(session, []*raw.Attribute{
		raw.NewAttribute(raw.CKA_CLASS, raw.CKO_PUBLIC_KEY), raw.NewAttribute(raw.CKA_KEY_TYPE, raw.CKK_EC), raw.NewAttribute(raw.CKA_TOKEN, true),
		raw.NewAttribute(raw.CKA_ID, []byte{7}), raw.NewAttribute(raw.CKA_LABEL, "mixed"), raw.NewAttribute(raw.CKA_EC_PARAMS, p256),
		raw.NewAttribute(raw.CKA_EC_POINT, append([]byte{0x04, byte(len(point))}, point...)),
	})
	check(t, err)
	digest := sha256.Sum256([]byte("Registrar"))
	if sig, err := key(t, token, "mixed").Sign(rand.Reader, digest[:], crypto.SHA256); !errors.Is(err, pkcs11.ErrReplaced) || sig != nil {
		t.Fatalf("a signature by another key was given out: %v", err)
	}
}

// tokenFolder is where softHSM has put the token.
func tokenFolder(t testing.TB) string {
	t.Helper()
	conf, err := os.ReadFile(os.Getenv("SOFTHSM2_CONF"))
	check(t, err)
	_, rest, _ := bytes.Cut(conf, []byte("directories.tokendir = "))
	dir, _, _ := bytes.Cut(rest, []byte("\n"))
	found, err := filepath.Glob(filepath.Join(string(dir), "*-*"))
	check(t, err)
	if len(found) != 1 {
		t.Fatalf("expected one token, found %v", found)
	}
	return found[0]
}
