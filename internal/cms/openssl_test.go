package cms_test

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/digitorus/pkcs7"
)

// openssl runs the openssl binary in dir and returns its output.
func openssl(t *testing.T, dir string, args ...string) ([]byte, error) {
	t.Helper()
	bin, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed: differential test skipped")
	}
	cmd := exec.Command(bin, args...)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}

func writePEM(t *testing.T, dir, name, typ string, ders ...[]byte) {
	t.Helper()
	var buf bytes.Buffer
	for _, d := range ders {
		if err := pem.Encode(&buf, &pem.Block{Type: typ, Bytes: d}); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, name, buf.Bytes())
}

func write(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// files writes root, intermediate, signer and key of a PKI for openssl.
func (p *pki) files(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(p.leaf.Key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, dir, "root.pem", "CERTIFICATE", p.root.Certificate.Raw)
	writePEM(t, dir, "inter.pem", "CERTIFICATE", p.inter.Certificate.Raw)
	writePEM(t, dir, "leaf.pem", "CERTIFICATE", p.leaf.Certificate.Raw)
	writePEM(t, dir, "key.pem", "PRIVATE KEY", key)
	write(t, dir, "content", content)
	return dir
}

// What we write, openssl accepts, also CAdES-wise; what is changed, it does not.
func TestOpenSSLVerifiesOurs(t *testing.T) {
	for name, v := range variants(t) {
		if name == "ed25519" {
			continue // OpenSSL 3.0 cannot verify Ed25519 with signed attributes (RFC 8419)
		}
		t.Run(name, func(t *testing.T) {
			p := newPKI(t, v.key)
			dir := p.files(t)
			write(t, dir, "sig.der", p.sign(t, v.config, content))
			args := []string{"cms", "-verify", "-binary", "-inform", "DER", "-in", "sig.der", "-content", "content", "-cades",
				"-CAfile", "root.pem", "-purpose", "any", "-attime", "1772366400", "-out", "out"}
			if out, err := openssl(t, dir, args...); err != nil {
				t.Fatalf("openssl: %s", out)
			}
			write(t, dir, "content", append([]byte("x"), content...))
			if out, err := openssl(t, dir, args...); err == nil {
				t.Fatalf("openssl accepts other content: %s", out)
			}
		})
	}
}

// What openssl writes, we accept, and we agree on the signer; BER from -stream included.
func TestWeVerifyOpenSSLs(t *testing.T) {
	keys := map[string]crypto.Signer{"rsa": rsaKey(), "p256": ecKey(t, elliptic.P256()), "p384": ecKey(t, elliptic.P384())}
	for name, c := range map[string]struct {
		key  string
		args []string
		ber  bool
		want cms.Reason
	}{
		"rsa":                {key: "rsa", args: []string{"-cades"}},
		"rsa-pss":            {key: "rsa", args: []string{"-cades", "-keyopt", "rsa_padding_mode:pss"}},
		"rsa-pss-sha512":     {key: "rsa", args: []string{"-cades", "-md", "sha512", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:64"}},
		"p256":               {key: "p256", args: []string{"-cades"}},
		"p384-sha384":        {key: "p384", args: []string{"-cades", "-md", "sha384"}},
		"sid by key id":      {key: "p256", args: []string{"-cades", "-keyid"}},
		"streamed BER":       {key: "p256", args: []string{"-cades", "-nodetach", "-stream"}, ber: true},
		"without ESS":        {key: "p256", want: cms.NoCertificateReference},
		"without attributes": {key: "rsa", args: []string{"-noattr"}, want: cms.NoSignedAttributes},
		"sha1":               {key: "rsa", args: []string{"-md", "sha1", "-cades"}, want: cms.WeakAlgorithm},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPKI(t, keys[c.key])
			dir := p.files(t)
			args := append([]string{"cms", "-sign", "-binary", "-in", "content", "-signer", "leaf.pem", "-inkey", "key.pem",
				"-certfile", "inter.pem", "-outform", "DER", "-out", "sig.der"}, c.args...)
			if out, err := openssl(t, dir, args...); err != nil {
				t.Fatalf("openssl: %s", out)
			}
			b, err := os.ReadFile(filepath.Join(dir, "sig.der"))
			if err != nil {
				t.Fatal(err)
			}
			sd := parse(t, b)
			if sd.BER != c.ber {
				t.Fatalf("BER %v", sd.BER)
			}
			vc := cms.VerifyConfig{At: now}
			if sd.Detached {
				h, err := sd.Signers[0].Hash()
				if err != nil {
					t.Fatal(err)
				}
				vc.ContentDigest = algo.Sum(h, content)
			} else if !bytes.Equal(sd.Content, content) {
				t.Fatal("content changed")
			}
			v, err := sd.Verify(vc)
			if c.want != "" {
				wantReason(t, err, c.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !v.Certificate.Equal(p.leaf.Certificate) {
				t.Fatal("another certificate")
			}
		})
	}
}

// A peer in Go reads what we write.
func TestPKCS7VerifiesOurs(t *testing.T) {
	for _, name := range []string{"rsa", "p256", "p384"} {
		v := variants(t)[name]
		p := newPKI(t, v.key)
		p7, err := pkcs7.Parse(p.sign(t, v.config, content))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p7.Content = content
		pool := x509.NewCertPool()
		pool.AddCert(p.root.Certificate)
		if err := p7.VerifyWithChainAtTime(pool, now); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p7.Content = []byte("other")
		if p7.VerifyWithChainAtTime(pool, now) == nil {
			t.Fatalf("%s: the peer accepts other content", name)
		}
	}
}

// A key that its certificate restricts to RSASSA-PSS, which crypto/x509 does not read.
func TestPSSOnlyKey(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "content", content)
	for _, args := range [][]string{
		{"genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "key.pem"},
		{"req", "-x509", "-new", "-key", "key.pem", "-subj", "/CN=PSS", "-days", "3650", "-outform", "DER", "-out", "cert.der",
			"-addext", "keyUsage=digitalSignature"},
		{"x509", "-inform", "DER", "-in", "cert.der", "-out", "cert.pem"},
		{"cms", "-sign", "-binary", "-cades", "-in", "content", "-signer", "cert.pem", "-inkey", "key.pem", "-keyopt", "rsa_padding_mode:pss",
			"-outform", "DER", "-out", "sig.der"},
	} {
		if out, err := openssl(t, dir, args...); err != nil {
			t.Fatalf("openssl %s: %s", args[0], out)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "sig.der"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify(b, content)
	if err != nil {
		t.Fatal(err)
	}
	if v.Certificate.PublicKey != nil || !algo.PSSOnly(v.Certificate) || v.Scheme.Kind != algo.RSAPSS {
		t.Fatalf("scheme %v", v.Scheme)
	}
	p, err := chain.Build(v.Certificate, chain.Config{
		Anchors: []chain.Anchor{{Certificate: v.Certificate}}, At: v.Certificate.NotBefore.Add(time.Hour), Purpose: chain.Signing,
	})
	if err != nil || len(p.Certificates) != 1 {
		t.Fatalf("pinned certificate: %v", err)
	}
}
