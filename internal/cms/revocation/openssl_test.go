package revocation_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/revocation"
	"github.com/chancery-dev/chancery/internal/cms/testca"
)

func openssl(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	bin, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed: differential test skipped")
	}
	cmd := exec.Command(bin, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func write(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func certPEM(certs ...*x509.Certificate) []byte {
	var buf bytes.Buffer
	for _, c := range certs {
		_ = pem.Encode(&buf, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return buf.Bytes()
}

// opensslDir holds the files of an authority for openssl.
func (e *env) opensslDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(e.inter.Key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	write(t, dir, "inter.pem", certPEM(e.inter.Certificate))
	write(t, dir, "root.pem", certPEM(e.root.Certificate))
	write(t, dir, "leaf.pem", certPEM(e.leaf.Certificate))
	write(t, dir, "second.pem", certPEM(e.second.Certificate))
	return dir
}

// Our responses, openssl's verdict; openssl's responses and CRLs, our verdict.
func TestOpenSSL(t *testing.T) {
	e := newEnv(t)
	dir := e.opensslDir(t)
	revokedAt := now.Add(time.Minute)
	e.inter.Revoke(e.second.Certificate.SerialNumber, revokedAt, 1)
	real := time.Now().Truncate(time.Second) // openssl compares thisUpdate with the machine's clock
	for _, c := range []testca.OCSPConfig{{}, {Responder: e.responder}, {Responder: e.responder, ByName: true}} {
		c.ThisUpdate = real
		write(t, dir, "ours.der", e.ocsp(e.inter, c, e.leaf.Certificate, e.second.Certificate))
		out, err := openssl(t, dir, "ocsp", "-respin", "ours.der", "-issuer", "inter.pem", "-cert", "leaf.pem", "-cert", "second.pem",
			"-CAfile", "root.pem", "-verify_other", "inter.pem", "-no_nonce")
		if err != nil || !strings.Contains(out, "Response verify OK") || !strings.Contains(out, "leaf.pem: good") || !strings.Contains(out, "second.pem: revoked") {
			t.Fatalf("openssl: %v %s", err, out)
		}
	}

	serial := func(n *big.Int) string { return fmt.Sprintf("%02X", n) }
	end := "490101000000Z"
	index := "V\t" + end + "\t\t" + serial(e.leaf.Certificate.SerialNumber) + "\tunknown\t/CN=Subject\n" +
		"R\t" + end + "\t" + revokedAt.Format("060102150405Z") + ",keyCompromise\t" + serial(e.second.Certificate.SerialNumber) + "\tunknown\t/CN=Subject2\n"
	write(t, dir, "index.txt", []byte(index))
	write(t, dir, "index.txt.attr", []byte("unique_subject = no\n"))
	write(t, dir, "ca.cnf", []byte("[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ndefault_md=sha256\ncrlnumber=num\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n"))
	write(t, dir, "num", []byte("01\n"))
	if out, err := openssl(t, dir, "ocsp", "-index", "index.txt", "-CA", "inter.pem", "-rsigner", "inter.pem", "-rkey", "key.pem",
		"-issuer", "inter.pem", "-cert", "leaf.pem", "-cert", "second.pem", "-ndays", "2", "-respout", "theirs.der", "-no_nonce"); err != nil {
		t.Fatalf("openssl: %s", out)
	}
	if out, err := openssl(t, dir, "ca", "-config", "ca.cnf", "-gencrl", "-cert", "inter.pem", "-keyfile", "key.pem", "-crldays", "3", "-out", "crl.pem"); err != nil {
		t.Fatalf("openssl: %s", out)
	}
	block, _ := pem.Decode(read(t, dir, "crl.pem"))
	if block == nil {
		t.Fatal("no CRL")
	}
	for name, s := range map[string][2][][]byte{"ocsp": {one(read(t, dir, "theirs.der")), nil}, "crl": {nil, one(block.Bytes)}} {
		q := e.query()
		q.At = time.Now()
		if a := check(t, q, s[0], s[1]); a.Status != revocation.Good {
			t.Fatalf("%s: %+v", name, a)
		}
		q.Certificate = e.second.Certificate
		if a := check(t, q, s[0], s[1]); a.Status != revocation.Revoked || a.Code != 1 || !a.RevokedAt.Equal(revokedAt) {
			t.Fatalf("%s: %+v", name, a)
		}
	}
}
