package signer_test

import (
	"bytes"
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

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/signer"
)

// certified makes a key and a certificate below another one; nil: its own root.
func certified(t *testing.T, name string, above *x509.Certificate, by *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Unix(1_700_000_000, 0), NotAfter: time.Unix(1_900_000_000, 0),
		BasicConstraintsValid: true, IsCA: name != "leaf",
	}
	if above == nil {
		above, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, above, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

// TestPKCS12Order: certificates are found in whatever order a program has written them.
func TestPKCS12Order(t *testing.T) {
	rootKey, root := certified(t, "root", nil, nil)
	middleKey, middle := certified(t, "middle", root, rootKey)
	key, leaf := certified(t, "leaf", middle, middleKey)
	_, other := certified(t, "other", nil, nil)
	for _, order := range [][]*x509.Certificate{{leaf, middle, root, other}, {root, middle, leaf, other}, {other, root, leaf, middle}, {middle, other, leaf, root}} {
		file, err := pkcs12.Modern.WithIterations(10).Encode(key, order[0], order[1:], "abc")
		if err != nil {
			t.Fatal(err)
		}
		s, chain, err := signer.ImportPKCS12(file, "abc")
		if err != nil || !multikey.Equal(s.Public(), key.Public()) || len(chain) != 4 || !chain[0].Equal(leaf) || !chain[1].Equal(middle) || !chain[2].Equal(root) {
			t.Errorf("%v", err)
		}
	}
	file, err := pkcs12.Modern.WithIterations(10).Encode(key, middle, []*x509.Certificate{root}, "abc")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := signer.ImportPKCS12(file, "abc"); !errors.Is(err, signer.ErrKeyFile) {
		t.Errorf("without the key's certificate: %v", err)
	}
}

// TestPKCS12Work: a file that asks for hours of work is refused before any is done.
func TestPKCS12Work(t *testing.T) {
	key, leaf := certified(t, "leaf", nil, nil)
	for name, e := range map[string]*pkcs12.Encoder{"PBES2": pkcs12.Modern2023, "PBMAC1": pkcs12.Modern2026, "PBES1": pkcs12.LegacyDES} {
		file, err := e.WithIterations(70_000).Encode(key, leaf, nil, "abc")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := signer.ImportPKCS12(file, "abc"); err != nil {
			t.Fatal(name, err)
		}
		if _, _, err := signer.ImportPKCS12(file, "abd"); !errors.Is(err, signer.ErrPassphrase) {
			t.Fatal(name, err)
		}
		asked := []byte{0x02, 0x03, 0x01, 0x11, 0x70} // 70,000
		n := bytes.Count(file, asked)
		if n < 3 {
			t.Fatalf("%s: found %d counts, expected those of MAC, certificates and key", name, n)
		}
		for i := range n {
			hostile := bytes.Clone(file)
			at := 0
			for range i {
				at += bytes.Index(hostile[at:], asked) + len(asked)
			}
			at += bytes.Index(hostile[at:], asked)
			copy(hostile[at+2:], []byte{0x7f, 0xff, 0xff}) // eight millions, and as well two billions
			_, _, err := signer.ImportPKCS12(hostile, "abc")
			if !errors.Is(err, signer.ErrKeyFile) || !strings.Contains(err.Error(), "iterations") {
				t.Errorf("%s, count %d: got %v", name, i, err)
			}
		}
	}
	key2, leaf2 := certified(t, "leaf", nil, nil)
	file, err := pkcs12.Modern.WithIterations(1).Encode(key2, leaf2, nil, "abc")
	if err != nil {
		t.Fatal(err)
	}
	for i := range file { // never a panic
		damaged := bytes.Clone(file)
		damaged[i] ^= 0x41
		_, _, _ = signer.ImportPKCS12(damaged, "abc")
		_, _, _ = signer.ImportPKCS12(file[:i], "abc")
	}
}

// TestKeysOfOthers: private keys as other programs write them.
func TestKeysOfOthers(t *testing.T) {
	made, err := signer.Generate(signer.P384)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := signer.Generate(signer.RSA2048)
	if err != nil {
		t.Fatal(err)
	}
	ec := made.(*ecdsa.PrivateKey)
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	small, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tiny, err := x509.MarshalECPrivateKey(small)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := signer.InsecureWriteKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PrivateKey(rsaKeyOf(t, rsaKey))
	block := func(kind string, der []byte, headers ...string) []byte {
		b := &pem.Block{Type: kind, Bytes: der}
		if len(headers) > 0 {
			b.Headers = map[string]string{headers[0]: headers[1]}
		}
		return pem.EncodeToMemory(b)
	}
	parameters := block("EC PARAMETERS", []byte{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22})
	crlf := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }
	// The scalars 0 and the order of P-256 (SEC 1, 3.2.1: 1 to n-1).
	scalar := func(hex string) []byte {
		d, _ := new(big.Int).SetString(hex, 16)
		der := append([]byte{0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20}, d.FillBytes(make([]byte, 32))...)
		return append(der, 0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07)
	}
	for name, tt := range map[string]struct {
		file []byte
		want error
	}{
		"SEC 1":                   {block("EC PRIVATE KEY", sec1), nil},
		"SEC 1, parameters":       {append(bytes.Clone(parameters), block("EC PRIVATE KEY", sec1)...), nil},
		"SEC 1, lines of Windows": {crlf(append(bytes.Clone(parameters), block("EC PRIVATE KEY", sec1)...)), nil},
		"PKCS#1":                  {block("RSA PRIVATE KEY", pkcs1), nil},
		"PKCS#8, byte order mark": {append([]byte("\ufeff"), crlf(pkcs8)...), nil},
		"PKCS#8, attributes":      {append([]byte("Bag Attributes\n    localKeyID: 01\n"), pkcs8...), nil},
		"scalar 1":                {block("EC PRIVATE KEY", scalar("1")), nil},
		"scalar 0":                {block("EC PRIVATE KEY", scalar("0")), signer.ErrKeyFile},
		"scalar n":                {block("EC PRIVATE KEY", scalar("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")), signer.ErrKeyFile},
		"scalar above n":          {block("EC PRIVATE KEY", scalar("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")), signer.ErrKeyFile},
		"P-224":                   {block("EC PRIVATE KEY", tiny), signer.ErrKey},
		"two keys":                {append(bytes.Clone(pkcs8), pkcs8...), signer.ErrKeyFile},
		"parameters alone":        {parameters, signer.ErrKeyFile},
		"parameters twice":        {append(append(bytes.Clone(parameters), parameters...), pkcs8...), signer.ErrKeyFile},
		"PKCS#1 as SEC 1":         {block("EC PRIVATE KEY", pkcs1), signer.ErrKeyFile},
		"SEC 1 as PKCS#8":         {block("PRIVATE KEY", sec1), signer.ErrKeyFile},
		"encrypted PKCS#8":        {block("ENCRYPTED PRIVATE KEY", sec1), signer.ErrKeyFile},
		"encrypted SEC 1":         {block("EC PRIVATE KEY", sec1, "DEK-Info", "AES-256-CBC,00"), signer.ErrKeyFile},
		"a public key":            {block("PUBLIC KEY", sec1), signer.ErrKeyFile},
		"a certificate":           {block("CERTIFICATE", sec1), signer.ErrKeyFile},
	} {
		key, err := signer.ReadKey(tt.file, nil)
		if !errors.Is(err, tt.want) || (err == nil) != (key != nil) || err != nil && strings.Contains(err.Error(), "asn1") {
			t.Errorf("%s: got %v, expected %v", name, err, tt.want)
		}
	}
}

// TestKeyFileAfterMark: an encrypted key file that an editor has saved.
func TestKeyFileAfterMark(t *testing.T) {
	key, err := signer.Generate(signer.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	file, err := signer.KeyFile{Passphrase: []byte("abc"), WorkFactor: 1}.Write(key)
	if err != nil {
		t.Fatal(err)
	}
	file = append([]byte("\ufeff"), bytes.ReplaceAll(file, []byte("\n"), []byte("\r\n"))...)
	if !signer.Encrypted(file) {
		t.Error("not taken for encrypted")
	}
	got, err := signer.ReadKey(file, func() ([]byte, error) { return []byte("abc"), nil })
	if err != nil || !multikey.Equal(got.Public(), key.Public()) {
		t.Errorf("got %v", err)
	}
}

// TestPurposeOfJWK: a key that its file has for something else does not sign.
func TestPurposeOfJWK(t *testing.T) {
	const key = `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"` // RFC 8037 A.1
	for more, want := range map[string]error{
		``: nil, `,"use":"sig"`: nil, `,"key_ops":["sign"]`: nil, `,"key_ops":["verify","sign"],"use":"sig"`: nil,
		`,"use":"enc"`: signer.ErrKey, `,"key_ops":["verify"]`: signer.ErrKey, `,"key_ops":[]`: signer.ErrKey, `,"use":"sig","key_ops":["decrypt"]`: signer.ErrKey,
	} {
		if _, err := signer.ReadKey([]byte(key+more+"}"), nil); !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("%s: got %v, expected %v", more, err, want)
		}
	}
}

// TestKeyFileEveryByte: a key file of which one byte was changed gives the same key or none.
func TestKeyFileEveryByte(t *testing.T) {
	key, err := signer.Generate(signer.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	file, err := signer.KeyFile{Passphrase: []byte("abc"), WorkFactor: 1}.Write(key)
	if err != nil {
		t.Fatal(err)
	}
	for i := range file {
		for _, damaged := range [][]byte{append(append(bytes.Clone(file[:i]), file[i]^1), file[i+1:]...), file[:i]} {
			got, err := signer.ReadKey(damaged, func() ([]byte, error) { return []byte("abc"), nil })
			if err == nil && !multikey.Equal(got.Public(), key.Public()) {
				t.Fatalf("byte %d: another key", i)
			}
			if err != nil && !errors.Is(err, signer.ErrKeyFile) && !errors.Is(err, signer.ErrPassphrase) {
				t.Errorf("byte %d: %v", i, err)
			}
		}
	}
}

func rsaKeyOf(t *testing.T, key any) *rsa.PrivateKey {
	t.Helper()
	out, ok := key.(*rsa.PrivateKey)
	if !ok {
		t.Fatalf("expected an RSA key, found %T", key)
	}
	return out
}
