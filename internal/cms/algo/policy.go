package algo

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Use is one use of algorithms in something verified, for a policy to judge.
type Use struct {
	Role string      // where: "signature", "message digest", "certificate" …
	Kind Kind        // 0 where only a hash is used
	Bits int         // key size; 0 where no key is used
	Hash crypto.Hash // 0 where the scheme hashes by itself
}

// String names role and algorithms.
func (u Use) String() string {
	switch {
	case u.Kind == 0:
		return fmt.Sprintf("%s: %v", u.Role, u.Hash)
	case u.Hash == 0:
		return fmt.Sprintf("%s: %v", u.Role, u.Kind)
	}
	return fmt.Sprintf("%s: %v %d bits with %v", u.Role, u.Kind, u.Bits, u.Hash)
}

// HashRule says until when a hash is acceptable.
type HashRule struct {
	Hash  crypto.Hash
	Until time.Time // exclusive; the zero time means no end is known
}

// KeyRule says until when keys of at least MinBits are acceptable for a family.
type KeyRule struct {
	Kind    Kind
	MinBits int
	Until   time.Time // exclusive; the zero time means no end is known
}

// Policy is a table of algorithms with end dates, in the manner of ETSI TS 119 312. What the table
// does not list is never acceptable. A policy is applied at a proven time: what was acceptable when
// the signature provably existed stays acceptable.
type Policy struct {
	Name   string // shown in reports
	Hashes []HashRule
	Keys   []KeyRule // several rules may name one family; the one with the largest MinBits that fits counts
}

// Violation is a Use a policy does not accept at a time.
type Violation struct {
	Use    Use
	At     time.Time
	Until  time.Time // when it ended; zero when it was never acceptable
	Policy string
}

// Error names the use, the time and the end date.
func (v *Violation) Error() string {
	if v.Until.IsZero() {
		return fmt.Sprintf("algo: %v is not acceptable under policy %q", v.Use, v.Policy)
	}
	return fmt.Sprintf("algo: %v was acceptable until %s under policy %q, judged at %s",
		v.Use, v.Until.Format(time.DateOnly), v.Policy, v.At.Format(time.DateOnly))
}

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// DefaultPolicy returns the built-in table. The end dates follow ETSI TS 119 312 and its predecessors
// as validators in Europe apply them: SHA-1 ended in 2012, RSA below 1900 bits in 2019, and RSA of
// 1900 to 2999 bits ends with 2028. Callers with another view pass their own table.
func DefaultPolicy() *Policy {
	return &Policy{
		Name: "chancery-ts119312-2026",
		Hashes: []HashRule{
			{crypto.SHA1, day(2012, time.August, 1)},
			{Hash: crypto.SHA256}, {Hash: crypto.SHA384}, {Hash: crypto.SHA512},
			{Hash: crypto.SHA3_256}, {Hash: crypto.SHA3_384}, {Hash: crypto.SHA3_512},
		},
		Keys: []KeyRule{
			{RSAPKCS1, 1024, day(2010, time.August, 1)}, {RSAPSS, 1024, day(2010, time.August, 1)},
			{RSAPKCS1, 1536, day(2019, time.October, 1)}, {RSAPSS, 1536, day(2019, time.October, 1)},
			{RSAPKCS1, 1900, day(2029, time.January, 1)}, {RSAPSS, 1900, day(2029, time.January, 1)},
			{Kind: RSAPKCS1, MinBits: 3000}, {Kind: RSAPSS, MinBits: 3000},
			{Kind: ECDSA, MinBits: 256}, {Kind: Ed25519, MinBits: 256},
		},
	}
}

// Check returns a *Violation for the first use that is not acceptable at the given time, or nil.
// A zero time is refused: judging algorithms needs a time.
func (p *Policy) Check(at time.Time, uses ...Use) error {
	if at.IsZero() {
		return fmt.Errorf("algo: no time given to judge algorithms at")
	}
	for _, u := range uses {
		if until, ok := p.hashUntil(u.Hash); u.Hash != 0 && (!ok || ended(until, at)) {
			return &Violation{Use: u, At: at, Until: until, Policy: p.Name}
		}
		if until, ok := p.keyUntil(u.Kind, u.Bits); u.Kind != 0 && (!ok || ended(until, at)) {
			return &Violation{Use: u, At: at, Until: until, Policy: p.Name}
		}
		if u.Kind == 0 && u.Hash == 0 {
			return &Violation{Use: u, At: at, Policy: p.Name}
		}
	}
	return nil
}

func ended(until, at time.Time) bool { return !until.IsZero() && !at.Before(until) }

func (p *Policy) hashUntil(h crypto.Hash) (time.Time, bool) {
	for _, r := range p.Hashes {
		if r.Hash == h {
			return r.Until, true
		}
	}
	return time.Time{}, false
}

func (p *Policy) keyUntil(k Kind, bits int) (until time.Time, ok bool) {
	best := -1
	for _, r := range p.Keys {
		if r.Kind == k && bits >= r.MinBits && r.MinBits > best {
			best, until, ok = r.MinBits, r.Until, true
		}
	}
	return until, ok
}

// SignatureUse returns the use a scheme and key make of algorithms.
func SignatureUse(role string, s Scheme, pub crypto.PublicKey) Use {
	return Use{Role: role, Kind: s.Kind, Bits: KeyBits(pub), Hash: s.Hash}
}

// CertificateScheme returns the scheme a certificate is signed with, read from the certificate itself.
func CertificateScheme(c *x509.Certificate) (Scheme, error) {
	in := cryptobyte.String(c.Raw)
	var cert cryptobyte.String
	if !in.ReadASN1(&cert, asn1.SEQUENCE) || !cert.SkipASN1(asn1.SEQUENCE) {
		return Scheme{}, fmt.Errorf("%w: malformed certificate", ErrParameters)
	}
	id, ok := ReadIdentifier(&cert)
	if !ok {
		return Scheme{}, fmt.Errorf("%w: malformed certificate", ErrParameters)
	}
	return ParseSignature(id, 0)
}
