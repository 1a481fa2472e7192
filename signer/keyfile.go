package signer

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/chancery-dev/chancery/internal/multikey"
)

// Errors of key files, for errors.Is.
var (
	// ErrPassphrase: a passphrase is needed and was not given, or is wrong.
	ErrPassphrase = errors.New("signer: passphrase needed or wrong")
	// ErrKeyFile: not a key file of a kind that is read.
	ErrKeyFile = errors.New("signer: malformed key file")
)

const (
	pemKey = "PRIVATE KEY" // PKCS#8, RFC 5958

	// defaultWork is the base-2 logarithm of scrypt's N: about a second and 256 MB.
	defaultWork = 18
	// maxWork bounds what reading a file may cost: files that ask for more are refused.
	maxWork = 20

	maxKeyFile = 1 << 20
)

// KeyFile says how a private key is written.
//
// The format of an encrypted key file is an age file (age-encryption.org/v1) with one
// scrypt recipient, in age's ASCII armor, that begins with the line
//
//	-----BEGIN AGE ENCRYPTED FILE-----
//
// Its content is the key in PKCS#8 (RFC 5958) as one PEM block PRIVATE KEY. So
// "age -d key.pem" with the passphrase gives a key that any other tool reads, whether
// or not this program still exists.
type KeyFile struct {
	// Passphrase encrypts the key. Required.
	Passphrase []byte

	// WorkFactor is the base-2 logarithm of scrypt's work: each step doubles time and
	// memory, for us as well as for an attacker. Zero: 18, about a second.
	WorkFactor int
}

// Write returns the text of an encrypted key file.
func (f KeyFile) Write(key crypto.Signer) ([]byte, error) {
	if len(f.Passphrase) == 0 {
		return nil, fmt.Errorf("%w: expected one that is not empty", ErrPassphrase)
	}
	work := f.WorkFactor
	if work == 0 {
		work = defaultWork
	}
	if work < 1 || work > maxWork {
		return nil, fmt.Errorf("%w: expected a work factor from 1 to %d, found %d", ErrConfig, maxWork, work)
	}
	plain, err := InsecureWriteKey(key)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	to, err := age.NewScryptRecipient(string(f.Passphrase))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	to.SetWorkFactor(work)
	var out bytes.Buffer
	text := armor.NewWriter(&out)
	w, err := age.Encrypt(text, to)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = text.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("signer: encrypting a key: %w", err)
	}
	return append(out.Bytes(), '\n'), nil
}

// WriteKey returns the text of a key file encrypted with a passphrase: KeyFile.Write
// with the default work.
func WriteKey(key crypto.Signer, passphrase []byte) ([]byte, error) {
	return KeyFile{Passphrase: passphrase}.Write(key)
}

// InsecureWriteKey returns a key in PKCS#8 as PEM, without encryption: whoever reads
// the file can sign. For tests, and for storage that is encrypted by other means.
func InsecureWriteKey(key crypto.Signer) ([]byte, error) {
	if key == nil {
		return nil, fmt.Errorf("%w: expected a key", ErrConfig)
	}
	if err := checkPublic(key.Public()); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: expected a private key in memory, found %T", ErrKey, key)
	}
	defer clear(der)
	return pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der}), nil
}

// Encrypted tells whether a key file asks for a passphrase: an age file or PKCS#12.
func Encrypted(file []byte) bool {
	return bytes.HasPrefix(trimmed(file), []byte(armor.Header)) || bytes.HasPrefix(file, []byte{0x30})
}

// trimmed is the text of a file, without the byte order mark that editors put before it.
func trimmed(file []byte) []byte { return bytes.TrimSpace(bytes.TrimPrefix(file, []byte("\ufeff"))) }

// ReadKey reads a private key: an encrypted key file (see KeyFile), PKCS#8, SEC 1 or PKCS#1
// in PEM, or a private JWK (RFC 7517). passphrase is called once, and only for an encrypted file;
// nil stands for one that has none to give. Errors wrap ErrPassphrase, ErrKeyFile or
// ErrKey, and say nothing about the key.
func ReadKey(file []byte, passphrase func() ([]byte, error)) (crypto.Signer, error) {
	if len(file) > maxKeyFile {
		return nil, fmt.Errorf("%w: expected at most %d bytes", ErrKeyFile, maxKeyFile)
	}
	text := trimmed(file)
	if bytes.HasPrefix(text, []byte("{")) {
		key, jwk, err := multikey.ParsePrivateJWK(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKeyFile, err)
		}
		if jwk.Use != "" && jwk.Use != "sig" || jwk.Ops != nil && !slices.Contains(jwk.Ops, "sign") { // RFC 7517 4.2, 4.3
			return nil, fmt.Errorf("%w: expected a key whose use or key_ops let it sign", ErrKey)
		}
		return usable(key)
	}
	if bytes.HasPrefix(text, []byte(armor.Header)) {
		if passphrase == nil {
			return nil, fmt.Errorf("%w: the key file is encrypted", ErrPassphrase)
		}
		secret, err := passphrase()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
		}
		if text, err = decrypt(text, secret); err != nil {
			return nil, err
		}
		defer clear(text)
	}
	block, rest := pem.Decode(text)
	if block != nil && block.Type == "EC PARAMETERS" { // which OpenSSL writes before the key
		block, rest = pem.Decode(rest)
	}
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%w: expected one PEM block %s, an age file or a JWK", ErrKeyFile, pemKey)
	}
	defer clear(block.Bytes)
	key, err := parsePEM(block)
	if err != nil {
		return nil, err
	}
	return usable(key)
}

// parsePEM reads a private key in PKCS#8, in SEC 1 (RFC 5915) or in PKCS#1 (RFC 8017).
func parsePEM(block *pem.Block) (key any, err error) {
	encrypted := block.Headers["DEK-Info"] != "" || block.Type == "ENCRYPTED PRIVATE KEY"
	switch {
	case encrypted:
		return nil, fmt.Errorf("%w: it is encrypted by another program: openssl pkcs8 -topk8 -nocrypt makes a file that is read", ErrKeyFile)
	case block.Type == pemKey:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case block.Type == "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("%w: expected a PEM block %s", ErrKeyFile, pemKey)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: expected a private key as %s", ErrKeyFile, block.Type)
	}
	return key, nil
}

func decrypt(text, secret []byte) ([]byte, error) {
	if len(secret) == 0 {
		return nil, fmt.Errorf("%w: expected one that is not empty", ErrPassphrase)
	}
	id, err := age.NewScryptIdentity(string(secret))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	id.SetMaxWorkFactor(maxWork)
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(text)), id)
	if err != nil {
		var no *age.NoIdentityMatchError
		if errors.As(err, &no) {
			return nil, fmt.Errorf("%w: it does not open the key file", ErrPassphrase)
		}
		return nil, fmt.Errorf("%w: age: %w", ErrKeyFile, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("%w: age: %w", ErrKeyFile, err)
	}
	return plain, nil
}

func usable(key any) (crypto.Signer, error) {
	s, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: expected a key that signs, found %T", ErrKey, key)
	}
	if err := checkPublic(s.Public()); err != nil {
		return nil, err
	}
	return s, nil
}
