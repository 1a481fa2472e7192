package signer_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/signer"
)

func passphrase(s string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(s), nil }
}

func TestKeyFiles(t *testing.T) {
	for _, a := range []signer.Algorithm{signer.Ed25519, signer.P256, signer.P384, signer.RSA2048} {
		k := key(t, a).Signer
		file, err := signer.KeyFile{Passphrase: []byte("correct horse"), WorkFactor: 4}.Write(k)
		if err != nil {
			t.Fatal(err)
		}
		if !signer.Encrypted(file) || bytes.Contains(file, []byte("PRIVATE")) {
			t.Errorf("%s: not encrypted", a)
		}
		back, err := signer.ReadKey(file, passphrase("correct horse"))
		if err != nil || !multikey.Equal(back.Public(), k.Public()) {
			t.Errorf("%s: %v", a, err)
		}
		plain, err := signer.InsecureWriteKey(k)
		if err != nil {
			t.Fatal(err)
		}
		called := false
		back, err = signer.ReadKey(plain, func() ([]byte, error) { called = true; return nil, nil })
		if err != nil || called || signer.Encrypted(plain) || !multikey.Equal(back.Public(), k.Public()) {
			t.Errorf("%s: insecure: %v", a, err)
		}
		// The file is what any age program opens, and holds what any other program reads.
		id, err := age.NewScryptIdentity("correct horse")
		if err != nil {
			t.Fatal(err)
		}
		r, err := age.Decrypt(armor.NewReader(bytes.NewReader(file)), id)
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if _, err := text.ReadFrom(r); err != nil || text.String() != string(plain) {
			t.Errorf("%s: age reads %d bytes, %v", a, text.Len(), err)
		}
	}
}

func TestKeyFilesRefused(t *testing.T) {
	k := key(t, signer.Ed25519).Signer
	good, err := signer.KeyFile{Passphrase: []byte("p"), WorkFactor: 4}.Write(k)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := signer.InsecureWriteKey(k)
	if err != nil {
		t.Fatal(err)
	}
	asked := errors.New("no terminal")
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	for name, v := range map[string]struct {
		file []byte
		pass func() ([]byte, error)
		want error
	}{
		"no passphrase":    {good, nil, signer.ErrPassphrase},
		"wrong passphrase": {good, passphrase("q"), signer.ErrPassphrase},
		"empty passphrase": {good, passphrase(""), signer.ErrPassphrase},
		"passphrase fails": {good, func() ([]byte, error) { return nil, asked }, asked},
		"changed":          {flipped, passphrase("p"), nil},
		"cut":              {good[:len(good)/2], passphrase("p"), signer.ErrKeyFile},
		"empty":            {nil, passphrase("p"), signer.ErrKeyFile},
		"two blocks":       {append(bytes.Clone(plain), plain...), nil, signer.ErrKeyFile},
		"text behind":      {append(bytes.Clone(plain), "x"...), nil, signer.ErrKeyFile},
		"certificate":      {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1}}), nil, signer.ErrKeyFile},
		"public key":       {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte{1}}), nil, signer.ErrKeyFile},
		"not PKCS#8":       {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}}), nil, signer.ErrKeyFile},
		"small RSA":        {pkcs8(small), nil, signer.ErrKey},
		"P-224":            {pkcs8(p224), nil, signer.ErrKey},
		"public JWK":       {[]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`), nil, signer.ErrKeyFile},
		"huge":             {bytes.Repeat([]byte{'a'}, 2<<20), nil, signer.ErrKeyFile},
	} {
		if _, err := signer.ReadKey(v.file, v.pass); err == nil || v.want != nil && !errors.Is(err, v.want) {
			t.Errorf("%s: got %v, want %v", name, err, v.want)
		}
	}
	for name, f := range map[string]signer.KeyFile{"no passphrase": {}, "work": {Passphrase: []byte("p"), WorkFactor: 30}, "negative work": {Passphrase: []byte("p"), WorkFactor: -1}} {
		if _, err := f.Write(k); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := signer.InsecureWriteKey(nil); err == nil {
		t.Error("no key was written")
	}
	if _, err := signer.InsecureWriteKey(broken{Signer: k}); !errors.Is(err, signer.ErrKey) {
		t.Errorf("a key that is not in memory: %v", err)
	}
}

// A file that asks for more work than is reasonable is refused before the work.
func TestKeyFileWork(t *testing.T) {
	var out bytes.Buffer
	a := armor.NewWriter(&out)
	if _, err := a.Write([]byte("age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw 30\n" + strings.Repeat("A", 43) + "\n--- " + strings.Repeat("A", 43) + "\n")); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := signer.ReadKey(out.Bytes(), passphrase("p")); err == nil {
		t.Error("taken")
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestReadJWK(t *testing.T) {
	// RFC 8037, appendix A.1
	k, err := signer.ReadKey([]byte(` {"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"} `), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, method, err := signer.Identifier(k.Public()); err != nil || !strings.HasPrefix(method, "did:key:z6Mk") {
		t.Errorf("%s, %v", method, err)
	}
}

func TestImportPKCS12(t *testing.T) {
	for _, a := range []signer.Algorithm{signer.P256, signer.RSA2048} {
		k := key(t, a).Signer
		cert := selfSigned(t, k, k.Public())
		file, err := pkcs12.Modern.Encode(k, cert, nil, "secret")
		if err != nil {
			t.Fatal(err)
		}
		back, chain, err := signer.ImportPKCS12(file, "secret")
		if err != nil || len(chain) != 1 || !multikey.Equal(back.Public(), k.Public()) {
			t.Errorf("%s: %v", a, err)
		}
		if _, _, err := signer.ImportPKCS12(file, "other"); !errors.Is(err, signer.ErrPassphrase) {
			t.Errorf("%s: wrong password: %v", a, err)
		}
		if _, _, err := signer.ImportPKCS12(file[:len(file)/2], "secret"); !errors.Is(err, signer.ErrKeyFile) {
			t.Errorf("%s: cut: %v", a, err)
		}
		other, err := pkcs12.Modern.Encode(key(t, signer.P384).Signer, cert, nil, "secret")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := signer.ImportPKCS12(other, "secret"); !errors.Is(err, signer.ErrKeyFile) {
			t.Errorf("%s: certificate of another key: %v", a, err)
		}
	}
}

func selfSigned(t *testing.T, k crypto.Signer, public crypto.PublicKey) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: at, NotAfter: at.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, k)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
