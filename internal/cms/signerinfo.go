package cms

import (
	"bytes"
	"math/big"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// parseSigner follows the ASN.1 of RFC 5652, section 5.3, field by field.
func parseSigner(s cryptobyte.String) (*SignerInfo, *Error) {
	si := &SignerInfo{}
	if !s.ReadASN1Integer(&si.Version) || si.Version != 1 && si.Version != 3 {
		return nil, fail(Malformed, "SignerInfo version is neither 1 nor 3")
	}
	var sid, raw, sig cryptobyte.String
	switch {
	case s.PeekASN1Tag(asn1.SEQUENCE):
		si.Serial = new(big.Int)
		if !s.ReadASN1(&sid, asn1.SEQUENCE) || !sid.ReadASN1Element(&raw, asn1.SEQUENCE) ||
			!sid.ReadASN1Integer(si.Serial) || !sid.Empty() {
			return nil, fail(Malformed, "issuerAndSerialNumber")
		}
		si.Issuer = raw
	case s.PeekASN1Tag(primitive(0)):
		if !s.ReadASN1(&sid, primitive(0)) || len(sid) == 0 {
			return nil, fail(Malformed, "subjectKeyIdentifier")
		}
		si.SubjectID = sid
	default:
		return nil, fail(Malformed, "signer identifier is neither issuer and serial nor key identifier")
	}
	var ok, present bool
	if si.Digest, ok = algo.ReadIdentifier(&s); !ok {
		return nil, fail(Malformed, "digestAlgorithm")
	}
	if s.PeekASN1Tag(explicit(0)) {
		var el, set cryptobyte.String
		if !s.ReadASN1Element(&el, explicit(0)) {
			return nil, fail(Malformed, "signedAttrs")
		}
		// The signature covers the attributes tagged as SET OF, not as [0] (RFC 5652, section 5.4).
		si.SignedAttrsDER = append([]byte{byte(asn1.SET)}, el[1:]...)
		if !el.ReadASN1(&set, explicit(0)) || set.Empty() {
			return nil, fail(Malformed, "signedAttrs must hold at least one attribute")
		}
		var e *Error
		if si.SignedAttrs, si.SignedAttrsSort, e = parseAttributes(set, "signed", false); e != nil {
			return nil, e
		}
	}
	if si.Scheme, ok = algo.ReadIdentifier(&s); !ok {
		return nil, fail(Malformed, "signatureAlgorithm")
	}
	if !s.ReadASN1(&sig, asn1.OCTET_STRING) || len(sig) == 0 {
		return nil, fail(Malformed, "signature")
	}
	si.Signature = sig
	var set cryptobyte.String
	if !s.ReadOptionalASN1(&set, &present, explicit(1)) || !s.Empty() {
		return nil, fail(Malformed, "end of SignerInfo")
	}
	if present {
		var e *Error
		// Types may occur several times: signature timestamps (EN 319 122-1, section 5.3) and
		// countersignatures (RFC 5652, section 11.4) do, and what no signature covers anyone can add.
		if si.UnsignedAttrs, _, e = parseAttributes(set, "unsigned", true); e != nil {
			return nil, e
		}
	}
	return si, nil
}

// parseAttributes reads a SET OF Attribute. An attribute type that occurs twice is refused unless
// repeatable: two readers could each see another one.
func parseAttributes(s cryptobyte.String, which string, repeatable bool) ([]Attribute, bool, *Error) {
	var attrs []Attribute
	inOrder := true
	var last cryptobyte.String
	for !s.Empty() {
		var el, body, values cryptobyte.String
		if !s.ReadASN1Element(&el, asn1.SEQUENCE) {
			return nil, false, fail(Malformed, "%s attribute", which)
		}
		if last != nil && bytes.Compare(last, el) > 0 {
			inOrder = false
		}
		last = el
		if !el.ReadASN1(&body, asn1.SEQUENCE) {
			return nil, false, fail(Malformed, "%s attribute", which)
		}
		typ, ok := algo.ReadOID(&body)
		if !ok || !body.ReadASN1(&values, asn1.SET) || !body.Empty() || values.Empty() {
			return nil, false, fail(Malformed, "%s attribute %s", which, typ)
		}
		if attribute(attrs, typ) != nil && !repeatable {
			return nil, false, fail(DuplicateAttribute, "%s attribute %s occurs twice", which, typ)
		}
		if len(attrs) == MaxAttributes {
			return nil, false, fail(TooLarge, "more than %d %s attributes", MaxAttributes, which)
		}
		a := Attribute{Type: typ}
		for !values.Empty() {
			var v cryptobyte.String
			var tag asn1.Tag
			if !values.ReadAnyASN1Element(&v, &tag) {
				return nil, false, fail(Malformed, "%s attribute %s", which, typ)
			}
			if len(a.Values) == MaxValues {
				return nil, false, fail(TooLarge, "more than %d values of attribute %s", MaxValues, typ)
			}
			a.Values = append(a.Values, v)
		}
		attrs = append(attrs, a)
	}
	return attrs, inOrder, nil
}

// single returns the only value of the signed attribute of a type, or nil when it is absent.
func (si *SignerInfo) single(typ OID, name string) (cryptobyte.String, *Error) {
	a := si.Signed(typ)
	if a == nil {
		return nil, nil
	}
	if len(a.Values) != 1 {
		return nil, fail(Malformed, "%s has %d values, expected one", name, len(a.Values))
	}
	return a.Values[0], nil
}

// SigningTime returns the time the signer claims. It is a claim and proves nothing. The second result
// says whether the attribute is there at all: PAdES forbids it.
func (si *SignerInfo) SigningTime() (t time.Time, present bool, err error) {
	v, e := si.single(OIDSigningTime, "signing-time")
	if e != nil {
		return t, true, e
	}
	if v == nil {
		return t, false, nil
	}
	if v.PeekASN1Tag(asn1.UTCTime) {
		if !v.ReadASN1UTCTime(&t) || !v.Empty() {
			return time.Time{}, true, fail(Malformed, "signing-time")
		}
	} else if !v.ReadASN1GeneralizedTime(&t) || !v.Empty() {
		return time.Time{}, true, fail(Malformed, "signing-time")
	}
	return t.UTC(), true, nil
}
