package cms_test

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// TestPSSVariants: of what openssl signs with RSASSA-PSS, in messages and in certificates, that
// is found right whose parameters are declared in full and strong; the rest is left open with the
// reason, and nothing that openssl refuses is found right.
func TestPSSVariants(t *testing.T) {
	p := newPKI(t, rsaKey()) // 2048 bits
	dir := p.files(t)
	for _, args := range [][]string{
		{"req", "-x509", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-subj", "/CN=CA", "-days", "3650", "-out", "ca.pem", "-addext", "keyUsage=keyCertSign"},
		{"req", "-new", "-key", "key.pem", "-subj", "/CN=Signer", "-out", "csr.pem"},
	} {
		if out, err := openssl(t, dir, args...); err != nil {
			t.Fatalf("openssl %s: %s", args[0], out)
		}
	}
	write(t, dir, "ext.cnf", []byte("keyUsage=digitalSignature\nbasicConstraints=CA:false\n"))
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		md, salt, mgf string
		message       cms.Reason   // "": right
		path          chain.Reason // "": right
	}{
		{"sha256", "32", "", "", ""},
		{"sha256", "20", "", "", chain.WeakAlgorithm},
		{"sha256", "64", "", "", chain.WeakAlgorithm},
		{"sha256", "222", "", "", chain.WeakAlgorithm}, // as long as the key allows
		{"sha256", "1", "", "", chain.WeakAlgorithm},
		{"sha256", "0", "", cms.UnsupportedAlgorithm, chain.WeakAlgorithm},
		{"sha384", "48", "", "", ""},
		{"sha512", "64", "", "", ""},
		{"sha512", "20", "", "", chain.WeakAlgorithm},
		{"sha512", "190", "", "", chain.WeakAlgorithm},
		{"sha256", "32", "sha1", cms.UnsupportedAlgorithm, chain.WeakAlgorithm},
		{"sha256", "32", "sha512", cms.UnsupportedAlgorithm, chain.WeakAlgorithm},
		{"sha512", "64", "sha256", cms.UnsupportedAlgorithm, chain.WeakAlgorithm},
		{"sha1", "20", "", cms.WeakAlgorithm, chain.WeakAlgorithm}, // all of it default, so that the parameters are empty
		{"sha1", "64", "", cms.WeakAlgorithm, chain.WeakAlgorithm},
		{"sha224", "28", "", cms.UnsupportedAlgorithm, chain.WeakAlgorithm},
	} {
		name := c.md + " salt " + c.salt + " mask " + c.mgf
		opts := func(flag string) []string {
			out := []string{flag, "rsa_padding_mode:pss", flag, "rsa_pss_saltlen:" + c.salt}
			if c.mgf != "" {
				out = append(out, flag, "rsa_mgf1_md:"+c.mgf)
			}
			return out
		}
		args := append([]string{"cms", "-sign", "-binary", "-cades", "-in", "content", "-signer", "leaf.pem", "-inkey", "key.pem", "-certfile", "inter.pem",
			"-md", c.md, "-outform", "DER", "-out", "sig.der"}, opts("-keyopt")...)
		if out, err := openssl(t, dir, args...); err != nil {
			t.Errorf("%s: openssl cannot sign: %s", name, out)
			continue
		}
		_, err := verify(read("sig.der"), content)
		out, peer := openssl(t, dir, "cms", "-verify", "-binary", "-inform", "DER", "-in", "sig.der", "-content", "content", "-CAfile", "root.pem", "-purpose", "any", "-attime", "1772366400", "-out", "out")
		if peer != nil && c.message == "" {
			t.Logf("%s: openssl %s", name, out)
		}
		if (err == nil) != (c.message == "") || err != nil && !errors.Is(err, c.message) || err == nil && peer != nil {
			t.Errorf("%s: expected %q, found %v (openssl: %v)", name, c.message, err, peer)
		}
		args = append([]string{"x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "ext.cnf", "-days", "365",
			"-" + c.md, "-outform", "DER", "-out", "cert.der"}, opts("-sigopt")...)
		if out, err := openssl(t, dir, args...); err != nil {
			t.Errorf("%s: openssl cannot certify: %s", name, out)
			continue
		}
		cert, err := x509.ParseCertificate(read("cert.der"))
		if err != nil {
			t.Logf("%s: certificate %v", name, err)
			continue
		}
		block, _ := pem.Decode(read("ca.pem"))
		ca, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		_, err = chain.Build(cert, chain.Config{Anchors: []chain.Anchor{{Certificate: ca}}, At: time.Now(), Purpose: chain.Signing})
		var found *chain.Error
		if (err == nil) != (c.path == "") || err != nil && (!errors.As(err, &found) || found.Reason != c.path) {
			t.Errorf("%s: certificate: expected %q, found %v", name, c.path, err)
		}
	}
}

// TestPSSKeyRestricted: a certificate that restricts its key to a hash and a salt is not one for
// other signatures by the same key.
func TestPSSKeyRestricted(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "content", content)
	for _, args := range [][]string{
		{"genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_pss_keygen_md:sha384", "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha384",
			"-pkeyopt", "rsa_pss_keygen_saltlen:40", "-outform", "DER", "-out", "key.der"},
		{"req", "-x509", "-new", "-keyform", "DER", "-key", "key.der", "-subj", "/CN=PSS", "-days", "3650", "-outform", "DER", "-out", "cert.der", "-addext", "keyUsage=digitalSignature"},
	} {
		if out, err := openssl(t, dir, args...); err != nil {
			t.Fatalf("openssl %s: %s", args[0], out)
		}
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// PKCS #8 of the restricted key: its octets are those of any RSA key.
	in := cryptobyte.String(read("key.der"))
	var info, octets cryptobyte.String
	var version int
	if !in.ReadASN1(&info, asn1.SEQUENCE) || !info.ReadASN1Integer(&version) || !info.SkipASN1(asn1.SEQUENCE) || !info.ReadASN1(&octets, asn1.OCTET_STRING) {
		t.Fatal("another key than was expected")
	}
	key, err := x509.ParsePKCS1PrivateKey(octets)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(read("cert.der"))
	if err != nil {
		t.Fatal(err)
	}
	f := newForge(&testca.Leaf{Certificate: cert, Key: key}, content)
	for _, c := range []struct {
		name   string
		hash   crypto.Hash
		scheme algo.Scheme
		want   cms.Reason
	}{
		{"as the key says", crypto.SHA384, algo.Scheme{Kind: algo.RSAPSS, Hash: crypto.SHA384, Salt: 40}, ""},
		{"a longer salt", crypto.SHA384, algo.Scheme{Kind: algo.RSAPSS, Hash: crypto.SHA384, Salt: 48}, ""},
		{"a shorter salt", crypto.SHA384, algo.Scheme{Kind: algo.RSAPSS, Hash: crypto.SHA384, Salt: 39}, cms.AlgorithmMismatch},
		{"another hash", crypto.SHA256, algo.Scheme{Kind: algo.RSAPSS, Hash: crypto.SHA256, Salt: 40}, cms.AlgorithmMismatch},
		{"a longer hash", crypto.SHA512, algo.Scheme{Kind: algo.RSAPSS, Hash: crypto.SHA512, Salt: 64}, cms.AlgorithmMismatch},
		{"PKCS #1", crypto.SHA384, algo.Scheme{Kind: algo.RSAPKCS1, Hash: crypto.SHA384}, cms.AlgorithmMismatch},
	} {
		f.digest, f.scheme = c.hash, c.scheme
		_, err := verify(f.build(t), content)
		if (err == nil) != (c.want == "") || err != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: expected %q, found %v", c.name, c.want, err)
		}
		write(t, dir, "sig.der", f.build(t))
		out, peer := openssl(t, dir, "cms", "-verify", "-binary", "-inform", "DER", "-in", "sig.der", "-content", "content", "-noverify", "-out", "out")
		if err == nil && peer != nil {
			t.Errorf("%s: openssl refuses it: %s", c.name, out)
		}
	}
}
