// Package algo names the cryptographic algorithms of CMS, RFC 3161, OCSP and CRLs, reads their
// AlgorithmIdentifiers strictly, verifies and makes signatures with them, and judges them by date.
//
// Use ParseDigest and ParseSignature on identifiers read from a message, Scheme.Verify to check a
// signature, and Policy.Check to decide whether what was used was still acceptable at a proven time.
//
// Recognising an algorithm is not approving it: SHA-1 is recognised so that a report can name it,
// and only Policy says when it stopped being acceptable. MD5 and older are not recognised at all.
package algo

import (
	"strconv"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// OID is an object identifier, held as the content octets of its DER encoding, so that comparing and
// using it as a map key cost nothing. String gives the dotted form.
type OID string

// NewOID makes an OID from its arcs. Arcs beyond 32 bits do not occur in the formats handled here.
func NewOID(arcs ...uint32) OID {
	var b []byte
	for i, a := range arcs {
		switch i {
		case 0:
			continue
		case 1:
			a += arcs[0] * 40
		}
		var tmp [5]byte
		n := len(tmp) - 1
		tmp[n] = byte(a & 0x7f)
		for a >>= 7; a > 0; a >>= 7 {
			n--
			tmp[n] = byte(a&0x7f) | 0x80
		}
		b = append(b, tmp[n:]...)
	}
	return OID(b)
}

// ParseOID reads the dotted form ("1.2.840"). It reports false for anything else, and for arcs beyond 32 bits.
func ParseOID(s string) (OID, bool) {
	parts := strings.Split(s, ".")
	if len(parts) < 2 || len(parts) > 64 {
		return "", false
	}
	arcs := make([]uint32, len(parts))
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 32)
		if err != nil || (len(p) > 1 && p[0] == '0') || p[0] == '+' {
			return "", false
		}
		arcs[i] = uint32(v)
	}
	if arcs[0] > 2 || (arcs[0] < 2 && arcs[1] > 39) || arcs[1] > 1<<31 {
		return "", false
	}
	return NewOID(arcs...), true
}

// String returns the dotted form; arcs that do not fit 64 bits are shown as "?".
func (o OID) String() string {
	if o == "" {
		return "(none)"
	}
	var sb strings.Builder
	var v uint64
	over, first := false, true
	for i := 0; i < len(o); i++ {
		if v > 1<<56 {
			over = true
		}
		v = v<<7 | uint64(o[i]&0x7f)
		if o[i]&0x80 != 0 {
			continue
		}
		if first {
			lead := min(v/40, 2)
			sb.WriteString(strconv.FormatUint(lead, 10))
			v -= lead * 40
			first = false
		}
		sb.WriteByte('.')
		if over {
			sb.WriteByte('?')
		} else {
			sb.WriteString(strconv.FormatUint(v, 10))
		}
		v, over = 0, false
	}
	return sb.String()
}

// Add appends the OID as a DER element.
func (o OID) Add(b *cryptobyte.Builder) {
	b.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes([]byte(o)) })
}

// ReadOID reads an OBJECT IDENTIFIER in DER: minimal arcs, complete, at most 64 octets.
func ReadOID(s *cryptobyte.String) (OID, bool) {
	var v cryptobyte.String
	if !s.ReadASN1(&v, asn1.OBJECT_IDENTIFIER) || len(v) == 0 || len(v) > 64 || v[len(v)-1]&0x80 != 0 {
		return "", false
	}
	for i, c := range v {
		if c == 0x80 && (i == 0 || v[i-1]&0x80 == 0) {
			return "", false
		}
	}
	return OID(v), true
}

// Digest algorithms.
var (
	OIDSHA1   = NewOID(1, 3, 14, 3, 2, 26)
	OIDSHA256 = NewOID(2, 16, 840, 1, 101, 3, 4, 2, 1)
	OIDSHA384 = NewOID(2, 16, 840, 1, 101, 3, 4, 2, 2)
	OIDSHA512 = NewOID(2, 16, 840, 1, 101, 3, 4, 2, 3)

	// SHA-3 (RFC 9688) is for the imprints of timestamps: ImprintHash.
	OIDSHA3_256 = NewOID(2, 16, 840, 1, 101, 3, 4, 2, 8)
	OIDSHA3_384 = NewOID(2, 16, 840, 1, 101, 3, 4, 2, 9)
	OIDSHA3_512 = NewOID(2, 16, 840, 1, 101, 3, 4, 2, 10)
)

// Signature algorithms and keys.
var (
	OIDRSA             = NewOID(1, 2, 840, 113549, 1, 1, 1)
	OIDMGF1            = NewOID(1, 2, 840, 113549, 1, 1, 8)
	OIDRSAPSS          = NewOID(1, 2, 840, 113549, 1, 1, 10)
	OIDSHA1WithRSA     = NewOID(1, 2, 840, 113549, 1, 1, 5)
	OIDSHA256WithRSA   = NewOID(1, 2, 840, 113549, 1, 1, 11)
	OIDSHA384WithRSA   = NewOID(1, 2, 840, 113549, 1, 1, 12)
	OIDSHA512WithRSA   = NewOID(1, 2, 840, 113549, 1, 1, 13)
	OIDECDSAWithSHA1   = NewOID(1, 2, 840, 10045, 4, 1)
	OIDECDSAWithSHA256 = NewOID(1, 2, 840, 10045, 4, 3, 2)
	OIDECDSAWithSHA384 = NewOID(1, 2, 840, 10045, 4, 3, 3)
	OIDECDSAWithSHA512 = NewOID(1, 2, 840, 10045, 4, 3, 4)
	OIDEd25519         = NewOID(1, 3, 101, 112)
)
