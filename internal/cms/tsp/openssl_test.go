package tsp_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
)

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

func write(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func writePEM(t *testing.T, dir, name, typ string, b []byte) {
	t.Helper()
	write(t, dir, name, pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: b}))
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const tsConf = `[ts]
default_tsa = tsa
[tsa]
serial = serial
crypto_device = builtin
signer_digest = sha384
default_policy = 1.3.6.1.4.1.99999.2
digests = sha256, sha384, sha512, sha3-256, sha3-384, sha3-512
accuracy = secs:1, millisecs:500, microsecs:100
ordering = yes
tsa_name = yes
ess_cert_id_chain = yes
ess_cert_id_alg = sha256
clock_precision_digits = 3
`

func TestOpenSSL(t *testing.T) {
	a := newTSA(t, nil, nil)
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(a.leaf.Key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, dir, "root.pem", "CERTIFICATE", a.root.Certificate.Raw)
	writePEM(t, dir, "inter.pem", "CERTIFICATE", a.inter.Certificate.Raw)
	writePEM(t, dir, "tsa.pem", "CERTIFICATE", a.leaf.Certificate.Raw)
	writePEM(t, dir, "key.pem", "PRIVATE KEY", key)
	write(t, dir, "data", data)
	write(t, dir, "serial", []byte("01\n"))
	write(t, dir, "ts.cnf", []byte(tsConf))

	for name, h := range map[string]crypto.Hash{"sha256": crypto.SHA256, "sha512": crypto.SHA512, "sha3-256": crypto.SHA3_256, "sha3-384": crypto.SHA3_384, "sha3-512": crypto.SHA3_512} {
		t.Run(name, func(t *testing.T) { crossCheck(t, a, dir, name, h) })
	}
}

// crossCheck has each side answer the other's request and judge the other's token.
func crossCheck(t *testing.T, a *tsa, dir, name string, h crypto.Hash) {
	// Their request, our answer, their verdict.
	if out, err := openssl(t, dir, "ts", "-query", "-data", "data", "-"+name, "-cert", "-out", "req.tsq"); err != nil {
		t.Fatalf("openssl: %s", out)
	}
	query := read(t, dir, "req.tsq")
	answer, err := a.auth.Respond(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "ours.tsr", answer)
	verify := []string{"ts", "-verify", "-queryfile", "req.tsq", "-in", "ours.tsr", "-CAfile", "root.pem", "-untrusted", "inter.pem", "-attime", "1772366400"}
	if out, err := openssl(t, dir, verify...); err != nil {
		t.Fatalf("openssl refuses our token: %s", out)
	}
	answer[len(answer)-3] ^= 1
	write(t, dir, "ours.tsr", answer)
	if out, err := openssl(t, dir, verify...); err == nil {
		t.Fatalf("openssl accepts a changed token: %s", out)
	}

	// Their answer, our verdict. Their clock is the real one, so the judgement is made at their time.
	out, err := openssl(t, dir, "ts", "-reply", "-config", "ts.cnf", "-section", "tsa", "-queryfile", "req.tsq",
		"-signer", "tsa.pem", "-inkey", "key.pem", "-chain", "inter.pem", "-out", "theirs.tsr")
	if err != nil {
		t.Fatalf("openssl: %s", out)
	}
	r, err := tsp.ParseResponse(read(t, dir, "theirs.tsr"))
	if err != nil {
		t.Fatal(err)
	}
	req, err := tsp.ParseRequest(query)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := r.Token(req)
	if err != nil {
		t.Fatal(err)
	}
	vc := tsp.VerifyConfig{Imprint: algo.Sum(h, data), Anchors: []chain.Anchor{{Certificate: a.root.Certificate}}, At: tok.Info.GenTime}
	v, err := tok.Verify(vc)
	if err != nil {
		t.Fatal(err)
	}
	if v.Signature.Hash != crypto.SHA384 || tok.Info.Hash != h || !tok.Info.Ordering || tok.Info.Accuracy.Microseconds() != 1500100 || len(v.Notes) != 1 { // openssl adds a signing-time
		t.Fatalf("%+v, notes %v", tok.Info, v.Notes)
	}
}
