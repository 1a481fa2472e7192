package signer

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/chancery-dev/chancery/internal/multikey"
)

const (
	// maxIterations bounds what the passwords of a PKCS#12 file may cost in all: some seconds.
	// Files in use ask for 1 to a million, three times.
	maxIterations = 5_000_000

	maxPKCS12Depth = 32
)

// ImportPKCS12 reads a private key and its certificates, the key's own first and then each
// one's issuer, from a PKCS#12 file (.p12, .pfx).
func ImportPKCS12(file []byte, password string) (crypto.Signer, []*x509.Certificate, error) {
	if len(file) > maxKeyFile {
		return nil, nil, fmt.Errorf("%w: expected at most %d bytes", ErrKeyFile, maxKeyFile)
	}
	if iterations(file, 0) > maxIterations {
		return nil, nil, fmt.Errorf("%w: PKCS#12: expected at most %d iterations for its password", ErrKeyFile, maxIterations)
	}
	key, cert, chain, err := pkcs12.DecodeChain(file, password)
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, nil, fmt.Errorf("%w: it does not open the PKCS#12 file", ErrPassphrase)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: PKCS#12: %w", ErrKeyFile, err)
	}
	s, err := usable(key)
	if err != nil {
		return nil, nil, err
	}
	certs := append([]*x509.Certificate{cert}, chain...)
	own := slices.IndexFunc(certs, func(x *x509.Certificate) bool { return multikey.Equal(s.Public(), x.PublicKey) })
	if own < 0 {
		return nil, nil, fmt.Errorf("%w: the certificate is of another key", ErrKeyFile)
	}
	return s, upwards(certs, own), nil
}

// upwards orders certificates: that at own, its issuer's and so on, then all others. Files
// hold them in any order.
func upwards(certs []*x509.Certificate, own int) []*x509.Certificate {
	rest := slices.Clone(certs)
	out := make([]*x509.Certificate, 0, len(certs))
	for at := own; at >= 0; {
		last := rest[at]
		out, rest = append(out, last), slices.Delete(rest, at, at+1)
		at = slices.IndexFunc(rest, func(x *x509.Certificate) bool { return last.CheckSignatureFrom(x) == nil })
	}
	return append(out, rest...)
}

// iterations adds up what a PKCS#12 file asks for where that is not encrypted: an integer
// that follows a salt, in MacData (RFC 7292 4), pkcs-12PbeParams (appendix C) and
// PBKDF2-params (RFC 8018 A.2). What is inside what the password opens is not seen here.
func iterations(der cryptobyte.String, depth int) int64 {
	var sum int64
	salt := false
	for depth < maxPKCS12Depth && !der.Empty() {
		var value cryptobyte.String
		var tag asn1.Tag
		if !der.ReadAnyASN1(&value, &tag) {
			return sum
		}
		if tag == asn1.INTEGER && salt {
			n := new(big.Int).SetBytes(value)
			if n.BitLen() > 40 {
				return maxIterations + 1
			}
			sum += n.Int64()
		}
		salt = tag == asn1.OCTET_STRING
		if tag != asn1.INTEGER { // values may be DER themselves
			sum += iterations(value, depth+1)
		}
	}
	return sum
}
