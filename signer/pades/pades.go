package pades

import (
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
)

// Level is a PAdES baseline level. The zero Level is refused: which one to make is for the caller to say.
type Level int

// The levels of ETSI EN 319 142-1, section 6.
const (
	LevelB   Level = iota + 1 // B-B: the signature
	LevelT                    // B-T: with a timestamp over it
	LevelLT                   // B-LT: with certificates and revocation data of signer and authority
	LevelLTA                  // B-LTA: with a timestamp over the document and those data
)

// String returns the level as the standard writes it.
func (l Level) String() string {
	switch l {
	case LevelB:
		return "B-B"
	case LevelT:
		return "B-T"
	case LevelLT:
		return "B-LT"
	case LevelLTA:
		return "B-LTA"
	}
	return "unknown level"
}

// ParseLevel reads what String writes.
func ParseLevel(s string) (Level, bool) {
	for l := LevelB; l <= LevelLTA; l++ {
		if s == l.String() {
			return l, true
		}
	}
	return 0, false
}

// RemoteKey is a private key behind a call that can be cancelled. SignDigest signs a digest computed
// with opts.HashFunc(), or, when that is 0 (Ed25519), the message itself; opts is *rsa.PSSOptions for
// RSA-PSS. ECDSA signatures are in ASN.1 DER. It must return when ctx ends.
type RemoteKey interface {
	Public() crypto.PublicKey
	SignDigest(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

// BatchKey is a RemoteKey that signs many digests in one call. The result has one signature for each
// digest, in order, or an error and nothing.
type BatchKey interface {
	RemoteKey
	SignDigests(ctx context.Context, digests [][]byte, opts crypto.SignerOpts) ([][]byte, error)
}

// Signer says with what signatures are made. It is not changed by its methods and may be used by
// several goroutines at once if its parts may.
type Signer struct {
	// Key signs; it must be that of Chain[0]. Nil: Remote is used, or the two phases Prepare and Embed.
	Key crypto.Signer
	// Remote is used instead of Key where it is not nil.
	Remote RemoteKey
	// Chain is the signer's certificate, its issuer's and so on; required. For B-LT and B-LTA it must
	// end at the root (or at whatever certificate validators are to trust), which is not put into the
	// signature itself.
	Chain []*x509.Certificate
	// Level to reach; required.
	Level Level
	// Hash is the digest of document and attributes; 0 chooses by key: SHA-256, SHA-384 for P-384,
	// SHA-512 for Ed25519.
	Hash crypto.Hash
	// PSS signs with RSASSA-PSS instead of PKCS#1 v1.5; needs an RSA key.
	PSS bool
	// TSA gives timestamps; required for all levels but B-B.
	TSA Timestamper
	// ArchiveTSA gives the document timestamp of B-LTA; nil: TSA.
	ArchiveTSA Timestamper
	// Revocation gives revocation data; required for B-LT and B-LTA. With lower levels and Revocation
	// set, the signer's certificate is still checked before signing.
	Revocation RevocationSource
	// Clock gives the claimed time of signing (/M, in the clock's zone) and the time revocation data
	// are judged at; required.
	Clock func() time.Time
}

// Permission is what a certification allows to happen to the document afterwards.
type Permission int

// The permissions of DocMDP (ISO 32000-2, table 257).
const (
	NoChanges   Permission = 1 // nothing but document timestamps and validation data
	FormFilling Permission = 2 // filling in forms and signing
	Annotations Permission = 3 // and annotating
)

// Request says what is to be signed and how it shows.
type Request struct {
	// Password opens an encrypted input. Empty: the empty password.
	Password string
	// Field is the fully qualified name of the signature field to fill, or of the one to make if there
	// is none of that name (then without full stops). Empty: a new field with an unused name.
	Field string
	// MustExist refuses to make a field.
	MustExist bool
	// Certify makes a certification signature with the given permission; 0: an approval signature.
	Certify Permission
	// Lock locks form fields from now on; nil: the lock the field's author asked for, if any.
	Lock *Lock
	// Reason, Location, Contact and Name are written as claims; empty ones are left out. An empty Name
	// is the common name of the certificate.
	Reason, Location, Contact, Name string
	// Visible shows the signature on a page; nil: invisible.
	Visible *Appearance
}

// LockAction says which fields a Lock means.
type LockAction string

// The actions of ISO 32000-2, table 236.
const (
	LockAll     LockAction = "All"
	LockInclude LockAction = "Include" // those in Fields
	LockExclude LockAction = "Exclude" // all but those in Fields
)

// Lock names form fields that must not change after the signature.
type Lock struct {
	Action LockAction
	Fields []string // fully qualified names; a name stands for the fields below it too
}

// Result tells what was made.
type Result struct {
	Field string    // name of the signature field
	Level Level     // reached
	Time  time.Time // claimed time of signing
	Size  int64     // of the output in bytes
	// ByteRange is that of the signature.
	ByteRange [4]int64
	// Reserved and Used are the bytes of the signature's /Contents and of the message in it.
	Reserved, Used int
	// Timestamp is the time of the signature timestamp; zero for B-B.
	Timestamp time.Time
	// ArchiveField and ArchiveTime are those of the document timestamp; empty and zero below B-LTA.
	ArchiveField string
	ArchiveTime  time.Time
	// Certificates, OCSPs and CRLs count what was added to the document security store.
	Certificates, OCSPs, CRLs int
}

// signerKey returns the key as package cms wants it, or nil.
func (s *Signer) signerKey() cms.DigestSigner {
	switch {
	case s.Remote != nil:
		return s.Remote
	case s.Key != nil:
		return cms.KeySigner(s.Key)
	}
	return nil
}

func (s *Signer) archiveTSA() Timestamper {
	if s.ArchiveTSA != nil {
		return s.ArchiveTSA
	}
	return s.TSA
}

// check refuses a Signer that cannot do what it is asked.
func (s *Signer) check() error {
	switch {
	case s.Level < LevelB || s.Level > LevelLTA:
		return fail(BadConfig, "Signer.Level %d is no level", s.Level)
	case len(s.Chain) == 0:
		return fail(BadConfig, "Signer.Chain is empty, the signer's certificate is needed")
	case len(s.Chain) > maxChain:
		return fail(BadConfig, "Signer.Chain of %d certificates, at most %d are taken", len(s.Chain), maxChain)
	case s.Clock == nil:
		return fail(BadConfig, "Signer.Clock is nil")
	case s.Level >= LevelT && s.TSA == nil:
		return fail(BadConfig, "level %s needs Signer.TSA", s.Level)
	case s.Level >= LevelLT && s.Revocation == nil:
		return fail(BadConfig, "level %s needs Signer.Revocation", s.Level)
	}
	for _, c := range s.Chain {
		if c == nil {
			return fail(BadConfig, "Signer.Chain holds a nil certificate")
		}
	}
	if err := checkLeaf(s.Chain[0], s.Clock()); err != nil {
		return err
	}
	return checkLinks(s.Chain)
}

// checkLeaf refuses a certificate with which no verifier takes a signature, whomever it trusts.
func checkLeaf(c *x509.Certificate, now time.Time) error {
	const signs = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	hasUsage := slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 15}) })
	switch {
	case hasUsage && c.KeyUsage&signs == 0:
		return fail(BadChain, "the certificate's key usage excludes signing")
	case len(c.UnhandledCriticalExtensions) > 0:
		return fail(BadChain, "the certificate has a critical extension that is not understood")
	case now.Before(c.NotBefore) || now.After(c.NotAfter):
		return fail(BadChain, "the certificate is not valid at %s", now.UTC().Format(time.RFC3339))
	}
	return nil
}

// cmsSigner makes the CMS signer. The root is left out of the message: who trusts it has it.
func (s *Signer) cmsSigner() (*cms.Signer, error) {
	rest := s.Chain[1:]
	if n := len(rest); n > 0 && selfIssued(rest[n-1]) {
		rest = rest[:n-1]
	}
	c, err := cms.NewSigner(cms.SignerConfig{Certificate: s.Chain[0], Chain: rest, Hash: s.Hash, PSS: s.PSS})
	if err != nil {
		return nil, wrap(BadConfig, err, "certificate, hash and scheme")
	}
	return c, nil
}
