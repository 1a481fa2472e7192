//go:build pkcs11

package pkcs11_test

import (
	"bytes"
	"context"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/ThalesGroup/crypto11"
	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/signer/pkcs11"
)

const pin = "123456"

var fileOutput = func(name string, args ...string) ([]byte, error) { return exec.Command(name, args...).CombinedOutput() }

// softHSM makes a token in a folder of the test with an RSA-2048 and a P-256 key, and returns the library.
func softHSM(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("softhsm2-util"); err != nil {
		t.Skip("softhsm2-util not present")
	}
	module := ""
	for _, p := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so",
		"/opt/homebrew/lib/softhsm/libsofthsm2.so"} {
		if _, err := os.Stat(p); err == nil {
			module = p
			break
		}
	}
	if module == "" {
		t.Skip("libsofthsm2.so not present")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	check(t, os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600))
	t.Setenv("SOFTHSM2_CONF", conf)
	if out, err := fileOutput("softhsm2-util", "--init-token", "--free", "--label", "university", "--so-pin", "12345678", "--pin", pin); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, err := crypto11.Configure(&crypto11.Config{Path: module, TokenLabel: "university", Pin: pin})
	check(t, err)
	_, err = ctx.GenerateRSAKeyPairWithLabel([]byte{1}, []byte("rsa"), 2048)
	check(t, err)
	_, err = ctx.GenerateECDSAKeyPairWithLabel([]byte{2}, []byte("p256"), elliptic.P256())
	check(t, err)
	check(t, ctx.Close())
	return module
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSoftHSM(t *testing.T) {
	module := softHSM(t)
	if _, err := pkcs11.Open(pkcs11.Config{Module: module, Token: "university", PIN: "000000"}); err == nil {
		t.Fatal("opened with a wrong PIN")
	}
	if _, err := pkcs11.Open(pkcs11.Config{Module: module, Token: "another", PIN: pin}); err == nil {
		t.Fatal("opened a token that does not exist")
	}
	token, err := pkcs11.Open(pkcs11.Config{Module: module, Token: "university", PIN: pin})
	check(t, err)
	defer func() { check(t, token.Close()) }()
	if _, err := token.Key("nobody"); !errors.Is(err, pkcs11.ErrNotFound) {
		t.Fatalf("got %v", err)
	}
	if _, err := token.Certificate("nobody"); !errors.Is(err, pkcs11.ErrNotFound) {
		t.Fatalf("got %v", err)
	}
	w := padestest.New(t, padestest.P256)
	in := padestest.Sample{}.Build(t)
	for _, c := range []struct {
		label string
		pss   bool
	}{{"rsa", false}, {"rsa", true}, {"p256", false}} {
		key, err := token.Key(c.label)
		check(t, err)
		leaf, err := w.Issuing.Issue(testca.Request{Profile: testca.DocumentSigning, Subject: pkix.Name{CommonName: "Registrar"}, Public: key.Public()})
		check(t, err)
		chain := append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...)
		s := &pades.Signer{Remote: key, Chain: chain, Level: pades.LevelLTA, PSS: c.pss, TSA: w.TSA, Revocation: w, Clock: w.Clock}
		verify(t, s, in)
		s.Remote, s.Key = nil, key
		verify(t, s, in)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := key.SignDigest(ended, make([]byte, 32), s.Hash); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		// Another key's certificate is refused before the token is asked.
		s.Chain = w.Chain()
		if _, err := s.Sign(t.Context(), bytes.NewReader(in), int64(len(in)), &bytes.Buffer{}, pades.Request{}); !errors.Is(err, pades.BadConfig) {
			t.Fatalf("got %v", err)
		}
	}
}

// verify signs and checks the signature of the result.
func verify(t *testing.T, s *pades.Signer, in []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	r, err := s.Sign(ctx, bytes.NewReader(in), int64(len(in)), &out, pades.Request{})
	check(t, err)
	b := out.Bytes()
	doc, err := pdf.Open(bytes.NewReader(b), int64(len(b)), pdf.Options{})
	check(t, err)
	fields, err := doc.Latest().Fields()
	check(t, err)
	o, err := doc.Latest().Resolve(fields[0].V)
	check(t, err)
	sd, err := cms.Parse(o.(*pdf.Dict).Get("Contents").(pdf.String).Value, cms.ParseConfig{})
	check(t, err)
	si, err := sd.Signer()
	check(t, err)
	h, err := si.Hash()
	check(t, err)
	covered := append(bytes.Clone(b[:r.ByteRange[1]]), b[r.ByteRange[2]:r.ByteRange[2]+r.ByteRange[3]]...)
	_, err = sd.Verify(cms.VerifyConfig{ContentDigest: algo.Sum(h, covered), At: s.Clock()})
	check(t, err)
}
