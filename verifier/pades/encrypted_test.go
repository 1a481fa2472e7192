package pades_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
)

// TestEncrypted: a file that was encrypted by qpdf before it was signed is valid to whoever can
// open it, with either password, and undecided to others; so it is where the encryption is not
// one that is known. What was changed in it afterwards makes it invalid, encryption and all.
func TestEncrypted(t *testing.T) {
	bin, err := exec.LookPath("qpdf")
	if err != nil {
		t.Skip("qpdf is not installed")
	}
	w := newWorld(t)
	dir := t.TempDir()
	plain, out := filepath.Join(dir, "plain.pdf"), filepath.Join(dir, "out.pdf")
	if err := os.WriteFile(plain, padestest.Sample{}.Build(t), 0o600); err != nil {
		t.Fatal(err)
	}
	const locked = verifier.PDFLocked
	for name, c := range map[string]struct {
		user string
		args []string
	}{
		"owner alone, AES 256":  {"", []string{"--encrypt", "", "owner", "256", "--modify=none", "--"}},
		"owner alone, R5":       {"", []string{"--encrypt", "", "owner", "256", "--force-R5", "--"}},
		"owner alone, AES 128":  {"", []string{"--encrypt", "", "owner", "128", "--use-aes=y", "--"}},
		"owner alone, RC4":      {"", []string{"--encrypt", "", "owner", "128", "--use-aes=n", "--"}},
		"both, AES 256":         {"user", []string{"--encrypt", "user", "owner", "256", "--"}},
		"both, object streams":  {"user", []string{"--object-streams=generate", "--encrypt", "user", "owner", "256", "--cleartext-metadata", "--"}},
		"both, AES 128":         {"user", []string{"--encrypt", "user", "owner", "128", "--use-aes=y", "--"}},
		"both, RC4 of 40 bits":  {"user", []string{"--encrypt", "user", "owner", "40", "--"}},
		"both, linearised file": {"user", []string{"--linearize", "--encrypt", "user", "owner", "256", "--"}},
	} {
		if b, err := exec.Command(bin, append(append([]string{"--allow-weak-crypto"}, c.args...), plain, out)...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %s", name, b)
		}
		in, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		b := w.sign(sign.LevelLTA, in, sign.Request{Password: "owner"})
		for password, want := range map[string]verifier.Reason{"": locked, c.user: "", "owner": "", "wrong": locked} {
			conf := w.config()
			conf.Password = password
			r := validate(t, b, conf)
			if r.Reason != want || (r.Outcome == verifier.Valid) != (want == "") || r.Outcome == verifier.Invalid || r.Encrypted != (want == "") {
				t.Errorf("%s, password %q: expected %q, encrypted %t: %s", name, password, want, r.Encrypted, explain(r))
			}
		}
		conf := w.config()
		conf.Password = c.user
		for _, s := range [][2]string{{"/Filter /Standard", "/Filter /Standbrd"}, {"/V 5", "/V 6"}, {"/R 6", "/R 7"}, {"/CFM /AESV3", "/CFM /AESV4"}} {
			if unknown := bytes.Replace(b, []byte(s[0]), []byte(s[1]), 1); !bytes.Equal(unknown, b) {
				if r := validate(t, unknown, conf); r.Outcome != verifier.Indeterminate || r.Reason != locked {
					t.Errorf("%s, %s: %s", name, s[1], explain(r))
				}
			}
		}
		for _, s := range [][2]string{{"/StmF /StdCF", "/StmF /Ident"}, {"/EncryptMetadata false", "/EncryptMetadata true "}, {"/P -", "/P +"}} {
			if changed := bytes.Replace(b, []byte(s[0]), []byte(s[1]), 1); !bytes.Equal(changed, b) {
				if r := validate(t, changed, conf); r.Outcome == verifier.Valid {
					t.Errorf("%s, %s: %s", name, s[1], explain(r))
				}
			}
		}
	}
}
