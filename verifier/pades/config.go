package pades

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/chain"
)

// Anchor is a certificate at which a chain may end, and the time it is trusted for.
type Anchor = chain.Anchor

// AlgorithmPolicy says until when algorithms and key sizes are acceptable.
type AlgorithmPolicy = algo.Policy

// Config is everything a file is judged by.
type Config struct {
	// Roots are the certificates at which signers' chains may end. Empty: no signer is
	// trusted, and no signature passes.
	Roots []Anchor

	// TSARoots are the certificates at which the chains of timestamping authorities may
	// end. They are apart from Roots: who may sign a diploma may not say when. Empty: no
	// timestamp counts, and the time is now.
	TSARoots []Anchor

	// Clock gives the time to judge at. Required. It is read once.
	Clock func() time.Time

	// Password opens encrypted files, UTF-8. Empty: the empty password.
	Password string

	// Revocation finds revocation data that the file lacks. Nil: only what is in the file.
	Revocation RevocationSource

	// Algorithms is the policy on algorithms. Nil: the built-in table, after ETSI TS 119 312.
	Algorithms *AlgorithmPolicy

	// SigningEKU are the extended key usages, dotted, any of which a signer's certificate
	// may have. Empty: document signing (RFC 9336), its predecessors by Microsoft and
	// Adobe, emailProtection and anyExtendedKeyUsage.
	SigningEKU []string

	// RequireEKU refuses signers' certificates without extended key usage. False takes
	// its absence for any purpose (RFC 5280, 4.2.1.12).
	RequireEKU bool

	// Fresh demands revocation data no older than this at the time a certificate is
	// judged at, whatever its nextUpdate says. Zero goes by nextUpdate.
	Fresh time.Duration

	// ClockSkew is how far in the future the time may lie that a signature claims, where no
	// timestamp proves that it existed. Zero: five minutes. A time without a zone may lie 14
	// hours further.
	ClockSkew time.Duration

	// InsecureNoRevocation leaves the status of certificates unchecked. Zero checks every
	// certificate below an anchor, of signers and of authorities.
	InsecureNoRevocation bool

	// Known is the length in bytes of an earlier form of the file that the caller has at
	// hand, and has seen to be its beginning. What follows it is then judged as what follows
	// a signature, without one: see Result.Since. 0: only what follows signatures is.
	Known int64

	// InsecureNoCertReference accepts signatures that do not say which certificate their
	// signer meant, as adbe.pkcs7.detached ones often do. Zero makes them indeterminate.
	InsecureNoCertReference bool
}

// RevocationSource finds revocation data. Implementations may dial; they return what
// they have in DER, and an error only where there is nothing. What they return is
// verified before it is used. They give up when ctx ends.
type RevocationSource interface {
	Revocation(ctx context.Context, cert, issuer *x509.Certificate) (ocsp, crls [][]byte, err error)
}

// ErrNoClock is what Validate answers without a clock.
var ErrNoClock = errors.New("pades: expected a clock")

// ErrConfig is wrapped by what Validate answers for a Config it cannot use.
var ErrConfig = errors.New("pades: bad configuration")

// insecure lists the switches in force that weaken a check.
func (c *Config) insecure() []string {
	var out []string
	if c.InsecureNoRevocation {
		out = append(out, "InsecureNoRevocation")
	}
	if c.InsecureNoCertReference {
		out = append(out, "InsecureNoCertReference")
	}
	return out
}
