package main

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/signer"
)

const maxKeyFile = 1 << 20

// passphraseFlags says where the passphrase of a key file comes from; never from an
// argument, where other users of the machine could read it.
type passphraseFlags struct{ file string }

func (p *passphraseFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.file, "passphrase-file", "", "file with the key's passphrase; default: ask on the terminal")
}

// read returns the passphrase, from the file or by asking.
func (p passphraseFlags) read(c *cli, prompt string) ([]byte, error) {
	if p.file != "" {
		b, err := c.read(p.file, 4096)
		if err != nil {
			return nil, err
		}
		if b = bytes.TrimRight(b, "\r\n"); len(b) == 0 {
			return nil, usagef("%s: expected a passphrase, found an empty file", p.file)
		}
		c.warnOpen(p.file)
		return b, nil
	}
	stdin, ok := c.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(stdin.Fd())) {
		return nil, hintError{usagef("expected a passphrase"), "add --passphrase-file FILE"}
	}
	fmt.Fprint(c.stderr, prompt)
	b, err := c.interrupted.silently(int(stdin.Fd()), func() ([]byte, error) { return term.ReadPassword(int(stdin.Fd())) })
	fmt.Fprintln(c.stderr)
	if err != nil {
		return nil, fmt.Errorf("reading the passphrase: %w", err)
	}
	if len(b) == 0 {
		return nil, usagef("expected a passphrase, found none")
	}
	return b, nil
}

// warnOpen says that a secret can be read by other users of the machine. It is no error:
// secrets of containers are often mounted so.
func (c *cli) warnOpen(name string) {
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && info.Mode()&0o044 != 0 && runtime.GOOS != "windows" {
		fmt.Fprintln(c.stderr, "warning: "+plain(name)+" can be read by other users of this machine: chmod 600")
	}
}

// readKey opens a private key file.
func (c *cli) readKey(name string, p passphraseFlags) (crypto.Signer, error) {
	if name == "" {
		return nil, hintError{usagef("expected --key"), "make one with 'chancery keygen'"}
	}
	b, err := c.read(name, maxKeyFile)
	if err != nil {
		return nil, err
	}
	if !signer.Encrypted(b) {
		c.warnOpen(name)
	}
	key, err := signer.ReadKey(b, func() ([]byte, error) { return p.read(c, "Passphrase of "+name+": ") })
	var usage usageError
	switch {
	case errors.As(err, &usage):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}

// readPublic returns the public key of a private key file, of a PEM with a public key
// or certificate, or of a did.txt or Multikey as text.
func (c *cli) readPublic(name string, p passphraseFlags) (crypto.PublicKey, error) {
	b, err := c.read(name, maxKeyFile)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(b); block != nil {
		switch block.Type {
		case "PUBLIC KEY":
			key, err := x509.ParsePKIXPublicKey(block.Bytes)
			if err != nil {
				return nil, invalidError{fmt.Errorf("%s: expected a public key", name)}
			}
			return key, nil
		case "CERTIFICATE":
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, invalidError{fmt.Errorf("%s: expected a certificate", name)}
			}
			return cert.PublicKey, nil
		}
	}
	if text := string(bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(b), []byte("did:key:")))); len(text) < 1024 {
		if key, err := multikey.Parse(text); err == nil {
			return key, nil
		}
	}
	key, err := signer.ReadKey(b, func() ([]byte, error) { return p.read(c, "Passphrase of "+name+": ") })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return key.Public(), nil
}

func (c *cli) keygenCommand() *cobra.Command {
	var alg, dir, p12 string
	var pass, p12pass passphraseFlags
	var insecure bool
	var asJSON *bool
	cmd := &cobra.Command{
		Use:   "keygen --out DIR",
		Short: "Make a signing key",
		Long: `Makes a private key and writes DIR/key.pem, encrypted with a passphrase, and
DIR/did.txt, the DID by which others know it. Existing files are not overwritten.

key.pem is an age file: "age -d key.pem" gives plain PKCS#8.`,
		Example: `  chancery keygen --alg Ed25519 --out key
  chancery keygen --from-pkcs12 seal.p12 --pkcs12-password-file p12.txt --out seal`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" {
				return usagef("expected --out")
			}
			if insecure && pass.file != "" {
				return usagef("expected one of --passphrase-file and --insecure-no-passphrase, found both")
			}
			return c.keygen(alg, dir, p12, p12pass, pass, insecure, *asJSON)
		},
	}
	f := cmd.Flags()
	asJSON = jsonFlag(cmd, "print DID, verification method and files as JSON")
	f.StringVar(&alg, "alg", string(signer.Ed25519), fmt.Sprintf("algorithm, one of %v", signer.Algorithms()))
	f.StringVar(&dir, "out", "", "directory for key.pem and did.txt (required)")
	pass.add(cmd)
	f.BoolVar(&insecure, "insecure-no-passphrase", false, "write the key without encryption, for tests")
	f.StringVar(&p12, "from-pkcs12", "", "take the key from a PKCS#12 file instead of making one")
	f.StringVar(&p12pass.file, "pkcs12-password-file", "", "file with the password of the PKCS#12 file; default: ask on the terminal")
	return cmd
}

func (c *cli) keygen(alg, dir, p12 string, p12pass, pass passphraseFlags, insecure, asJSON bool) error {
	keyFile, didFile, certFile := filepath.Join(dir, "key.pem"), filepath.Join(dir, "did.txt"), filepath.Join(dir, "chain.pem")
	for _, name := range []string{keyFile, didFile, certFile} {
		if err := mustBeNew(name); err != nil {
			return err
		}
	}
	key, chain, err := c.newKey(alg, p12, p12pass)
	if err != nil {
		return err
	}
	id, method, err := signer.Identifier(key.Public())
	if err != nil {
		return usageError{err}
	}
	var text []byte
	if insecure {
		text, err = signer.InsecureWriteKey(key)
	} else {
		var phrase []byte
		if phrase, err = pass.read(c, "New passphrase: "); err != nil {
			return err
		}
		if pass.file == "" {
			again, err := pass.read(c, "Again: ")
			if err != nil {
				return err
			}
			if !bytes.Equal(phrase, again) {
				return usagef("the two passphrases differ")
			}
		}
		text, err = signer.WriteKey(key, phrase)
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fileError(err)
	}
	if err := c.write(keyFile, text, 0o600); err != nil {
		return err
	}
	if len(chain) > 0 {
		if err := c.write(certFile, certificatesPEM(chain...), 0o644); err != nil {
			return err
		}
	}
	if err := c.write(didFile, []byte(id+"\n"), 0o644); err != nil {
		return err
	}
	if insecure {
		fmt.Fprintln(c.stderr, "warning: "+keyFile+" is not encrypted")
	}
	if !asJSON {
		_, err = fmt.Fprintln(c.stdout, id)
		return err
	}
	var o object
	o.text("did", id)
	o.text("method", method)
	o.text("key", keyFile)
	o.text("didFile", didFile)
	if len(chain) > 0 {
		o.text("chain", certFile)
	}
	return c.printIndented([]byte(o.String()))
}

func (c *cli) newKey(alg, p12 string, p12pass passphraseFlags) (crypto.Signer, []*x509.Certificate, error) {
	if p12 == "" {
		key, err := signer.Generate(signer.Algorithm(alg))
		if err != nil {
			return nil, nil, usageError{err}
		}
		return key, nil, nil
	}
	b, err := c.read(p12, maxKeyFile)
	if err != nil {
		return nil, nil, err
	}
	phrase, err := p12pass.read(c, "Password of "+p12+": ")
	if err != nil {
		return nil, nil, err
	}
	key, chain, err := signer.ImportPKCS12(b, string(phrase))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", p12, err)
	}
	return key, chain, nil
}
