// Package cms reads, verifies and writes CMS SignedData (RFC 5652) as PAdES, CAdES and RFC 3161 use it.
//
// Reading: Parse, then SignedData.Verify with a VerifyConfig. Verify chooses the certificate by the
// SignerInfo's signer identifier, confirms it with the ESS signing-certificate attribute, and checks
// digest and signature. It does not decide trust: pass Verified.Certificate to package chain with
// your anchors, and package revocation with your revocation data. Certificates inside the message
// were put there by whoever made it; they are candidates and nothing more.
//
// Writing: NewSigner, then Signer.Sign, or Signer.Prepare and Prepared.Embed when the key is elsewhere.
//
// DER is read as it stands. BER is accepted only in the forms that package der converts
// unambiguously, and reported. Nothing is repaired.
package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"math/big"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/der"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// OID is an object identifier.
type OID = algo.OID

// Content types and attributes this package knows by name.
var (
	OIDData                   = algo.NewOID(1, 2, 840, 113549, 1, 7, 1)
	OIDSignedData             = algo.NewOID(1, 2, 840, 113549, 1, 7, 2)
	OIDTSTInfo                = algo.NewOID(1, 2, 840, 113549, 1, 9, 16, 1, 4)
	OIDContentType            = algo.NewOID(1, 2, 840, 113549, 1, 9, 3)
	OIDMessageDigest          = algo.NewOID(1, 2, 840, 113549, 1, 9, 4)
	OIDSigningTime            = algo.NewOID(1, 2, 840, 113549, 1, 9, 5)
	OIDSigningCertificate     = algo.NewOID(1, 2, 840, 113549, 1, 9, 16, 2, 12) // ESS v1, SHA-1
	OIDSigningCertificateV2   = algo.NewOID(1, 2, 840, 113549, 1, 9, 16, 2, 47)
	OIDSignatureTimestamp     = algo.NewOID(1, 2, 840, 113549, 1, 9, 16, 2, 14)
	OIDSignaturePolicy        = algo.NewOID(1, 2, 840, 113549, 1, 9, 16, 2, 15)
	OIDCommitmentType         = algo.NewOID(1, 2, 840, 113549, 1, 9, 16, 2, 16)
	OIDAlgorithmProtection    = algo.NewOID(1, 2, 840, 113549, 1, 9, 52)
	OIDAdobeRevocationArchive = algo.NewOID(1, 2, 840, 113583, 1, 1, 8)
	OIDOCSPResponse           = algo.NewOID(1, 3, 6, 1, 5, 5, 7, 16, 2) // id-ri-ocsp-response, RFC 5940
	OIDOCSPBasic              = algo.NewOID(1, 3, 6, 1, 5, 5, 7, 48, 1, 1)
)

// ParseConfig bounds parsing. The zero value is what most callers want.
type ParseConfig struct {
	MaxSize   int  // largest input in bytes, padding included; 0 means MaxSize of this package
	StrictDER bool // refuse BER instead of converting it; false converts and reports
}

// SignedData is a parsed message. Nothing in it is verified.
type SignedData struct {
	DER         []byte // the whole ContentInfo in DER; aliases the input unless BER is true
	BER         bool   // the input was BER and has been converted
	ZeroPadding int    // zero bytes that followed the message
	Version     int

	DigestAlgorithms []algo.Identifier // as listed for one-pass readers; not used to verify
	ContentType      OID
	Content          []byte // the encapsulated content; nil when Detached
	Detached         bool

	Certificates [][]byte // X.509 certificates, DER, in the message's order; not trusted, not even parsed
	OtherCerts   int      // number of certificate choices of other kinds, which are ignored
	CRLs         [][]byte // DER
	OCSP         [][]byte // DER of OCSPResponse elements (RFC 5940)
	OtherRevInfo int      // number of other revocation formats, which are ignored
	Signers      []*SignerInfo
}

// SignerInfo is one signer's part. Nothing in it is verified.
type SignerInfo struct {
	Version   int
	Issuer    []byte   // signer identifier: DER of the issuer's Name, nil when by key identifier
	Serial    *big.Int // with Issuer
	SubjectID []byte   // signer identifier: subject key identifier, nil when by issuer and serial

	Digest          algo.Identifier
	Scheme          algo.Identifier
	SignedAttrs     []Attribute // nil when absent
	SignedAttrsDER  []byte      // as signed: re-tagged as SET OF; nil when absent
	SignedAttrsSort bool        // the set is in DER order; signers that get this wrong exist and are accepted, whether their signature covers the bytes as sent or as DER orders them
	UnsignedAttrs   []Attribute
	Signature       []byte
}

// Attribute is an attribute as received.
type Attribute struct {
	Type   OID
	Values [][]byte // DER elements
}

// Parse reads one SignedData message. Zero bytes after it (the padding of a PDF's /Contents) are
// allowed and counted; other trailing bytes are refused. Errors are *Error.
func Parse(b []byte, c ParseConfig) (*SignedData, error) {
	limit := c.MaxSize
	if limit <= 0 {
		limit = MaxSize
	}
	if len(b) > limit {
		return nil, fail(TooLarge, "%d bytes, at most %d", len(b), limit)
	}
	canon, err := der.Canonical(b)
	switch {
	case errors.Is(err, der.ErrTrailing):
		return nil, &Error{Reason: TrailingBytes, Err: err}
	case errors.Is(err, der.ErrLimit):
		return nil, &Error{Reason: TooLarge, Err: err}
	case errors.Is(err, der.ErrUnsupported):
		return nil, &Error{Reason: UnsupportedEncoding, Err: err}
	case err != nil:
		return nil, &Error{Reason: Malformed, Err: err}
	case canon.BER && c.StrictDER:
		return nil, fail(UnsupportedEncoding, "BER where DER is required")
	}
	sd := &SignedData{DER: canon.DER, BER: canon.BER, ZeroPadding: canon.Padding}
	in := cryptobyte.String(canon.DER)
	var ci, wrapped, body cryptobyte.String
	if !in.ReadASN1(&ci, asn1.SEQUENCE) {
		return nil, fail(Malformed, "ContentInfo is not a SEQUENCE")
	}
	typ, ok := algo.ReadOID(&ci)
	if !ok {
		return nil, fail(Malformed, "contentType")
	}
	if typ != OIDSignedData {
		return nil, fail(UnsupportedContent, "content type %s, expected SignedData", typ)
	}
	if !ci.ReadASN1(&wrapped, explicit(0)) || !ci.Empty() || !wrapped.ReadASN1(&body, asn1.SEQUENCE) || !wrapped.Empty() {
		return nil, fail(Malformed, "ContentInfo")
	}
	if e := sd.parseBody(body); e != nil {
		return nil, e
	}
	return sd, nil
}

func explicit(n uint8) asn1.Tag  { return asn1.Tag(n).ContextSpecific().Constructed() }
func primitive(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific() }

// parseBody follows the ASN.1 of RFC 5652, section 5.1, field by field.
func (sd *SignedData) parseBody(s cryptobyte.String) *Error {
	if !s.ReadASN1Integer(&sd.Version) || sd.Version < 1 || sd.Version > 5 || sd.Version == 2 {
		return fail(Malformed, "SignedData version")
	}
	var set, encap cryptobyte.String
	if !s.ReadASN1(&set, asn1.SET) {
		return fail(Malformed, "digestAlgorithms")
	}
	for !set.Empty() {
		id, ok := algo.ReadIdentifier(&set)
		if !ok {
			return fail(Malformed, "digestAlgorithms")
		}
		if sd.DigestAlgorithms = append(sd.DigestAlgorithms, id); len(sd.DigestAlgorithms) > MaxSigners {
			return fail(TooLarge, "more than %d digest algorithms", MaxSigners)
		}
	}
	if !s.ReadASN1(&encap, asn1.SEQUENCE) {
		return fail(Malformed, "encapContentInfo")
	}
	var ok, present bool
	if sd.ContentType, ok = algo.ReadOID(&encap); !ok {
		return fail(Malformed, "eContentType")
	}
	if encap.Empty() {
		sd.Detached = true
	} else {
		var wrapped, content cryptobyte.String
		if !encap.ReadASN1(&wrapped, explicit(0)) || !encap.Empty() ||
			!wrapped.ReadASN1(&content, asn1.OCTET_STRING) || !wrapped.Empty() {
			return fail(Malformed, "eContent is not an OCTET STRING")
		}
		sd.Content = content[:len(content):len(content)]
		if sd.Content == nil {
			sd.Content = []byte{}
		}
	}
	if !s.ReadOptionalASN1(&set, &present, explicit(0)) {
		return fail(Malformed, "certificates")
	}
	if present {
		if e := sd.parseCertificates(set); e != nil {
			return e
		}
	}
	if !s.ReadOptionalASN1(&set, &present, explicit(1)) {
		return fail(Malformed, "crls")
	}
	if present {
		if e := sd.parseRevocation(set); e != nil {
			return e
		}
	}
	if !s.ReadASN1(&set, asn1.SET) || !s.Empty() {
		return fail(Malformed, "signerInfos")
	}
	for !set.Empty() {
		var body cryptobyte.String
		if !set.ReadASN1(&body, asn1.SEQUENCE) {
			return fail(Malformed, "signerInfos")
		}
		if len(sd.Signers) == MaxSigners {
			return fail(TooLarge, "more than %d signers", MaxSigners)
		}
		si, e := parseSigner(body)
		if e != nil {
			return e
		}
		sd.Signers = append(sd.Signers, si)
	}
	return nil
}

func (sd *SignedData) parseCertificates(s cryptobyte.String) *Error {
	for n := 0; !s.Empty(); n++ {
		var el cryptobyte.String
		var tag asn1.Tag
		if !s.ReadAnyASN1Element(&el, &tag) {
			return fail(Malformed, "certificates")
		}
		if n == MaxCertificates {
			return fail(TooLarge, "more than %d certificates", MaxCertificates)
		}
		switch tag {
		case asn1.SEQUENCE:
			sd.Certificates = append(sd.Certificates, el)
		case explicit(0), explicit(1), explicit(2), explicit(3): // obsolete, attribute certificates, other
			sd.OtherCerts++
		default:
			return fail(Malformed, "certificate choice with tag 0x%02x", uint8(tag))
		}
	}
	return nil
}

func (sd *SignedData) parseRevocation(s cryptobyte.String) *Error {
	for n := 0; !s.Empty(); n++ {
		var el cryptobyte.String
		var tag asn1.Tag
		if !s.ReadAnyASN1Element(&el, &tag) {
			return fail(Malformed, "crls")
		}
		if n == MaxCRLs {
			return fail(TooLarge, "more than %d revocation elements", MaxCRLs)
		}
		switch tag {
		case asn1.SEQUENCE:
			sd.CRLs = append(sd.CRLs, el)
		case explicit(1):
			var other, info cryptobyte.String
			if !el.ReadASN1(&other, tag) {
				return fail(Malformed, "other revocation information")
			}
			typ, ok := algo.ReadOID(&other)
			if !ok || !other.ReadAnyASN1Element(&info, &tag) || !other.Empty() {
				return fail(Malformed, "other revocation information")
			}
			if typ == OIDOCSPResponse {
				sd.OCSP = append(sd.OCSP, info)
			} else {
				sd.OtherRevInfo++
			}
		default:
			return fail(Malformed, "revocation choice with tag 0x%02x", uint8(tag))
		}
	}
	return nil
}

// Signer returns the only SignerInfo, or SignerCount when there is not exactly one.
func (sd *SignedData) Signer() (*SignerInfo, error) {
	if len(sd.Signers) != 1 {
		return nil, fail(SignerCount, "%d signers, expected exactly one", len(sd.Signers))
	}
	return sd.Signers[0], nil
}

// Hash returns the digest algorithm: what the content has to be hashed with.
func (si *SignerInfo) Hash() (crypto.Hash, error) {
	h, err := algo.ParseDigest(si.Digest)
	if err != nil {
		return 0, algorithmError(err)
	}
	return h, nil
}

func algorithmError(err error) *Error {
	if errors.Is(err, algo.ErrUnsupported) {
		return &Error{Reason: UnsupportedAlgorithm, Err: err}
	}
	return &Error{Reason: AlgorithmMismatch, Err: err}
}

// Candidates parses the certificates of the message for use as chain candidates. Those that do not
// parse are left out: nothing depends on a certificate nobody can read.
func (sd *SignedData) Candidates() []*x509.Certificate {
	out := make([]*x509.Certificate, 0, len(sd.Certificates))
	for _, raw := range sd.Certificates {
		if c, err := x509.ParseCertificate(raw); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// attribute returns the attribute of a type, or nil.
func attribute(attrs []Attribute, typ OID) *Attribute {
	for i := range attrs {
		if attrs[i].Type == typ {
			return &attrs[i]
		}
	}
	return nil
}

// Signed returns the signed attribute of a type, or nil. There is at most one.
func (si *SignerInfo) Signed(typ OID) *Attribute { return attribute(si.SignedAttrs, typ) }

// Unsigned returns all values of the unsigned attributes of a type.
func (si *SignerInfo) Unsigned(typ OID) [][]byte {
	var out [][]byte
	for _, a := range si.UnsignedAttrs {
		if a.Type == typ {
			out = append(out, a.Values...)
		}
	}
	return out
}

// Timestamps returns the signature timestamp tokens (RFC 3161, appendix A), each a ContentInfo.
func (si *SignerInfo) Timestamps() [][]byte { return si.Unsigned(OIDSignatureTimestamp) }

// sorted reports whether elements are in the order DER demands of a SET OF.
func sorted(elems [][]byte) bool {
	for i := 1; i < len(elems); i++ {
		if bytes.Compare(elems[i-1], elems[i]) > 0 {
			return false
		}
	}
	return true
}
