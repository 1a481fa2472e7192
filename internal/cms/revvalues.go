package cms

import (
	"errors"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// OIDRevocationValues is the unsigned attribute revocation-values (RFC 5126, section 6.3.4, and ETSI
// EN 319 122-1, annex A).
var OIDRevocationValues = algo.NewOID(1, 2, 840, 113549, 1, 9, 16, 2, 24)

// RevocationValues returns the revocation data that the message carries, CertificateList and
// OCSPResponse elements in DER: what is in SignedData.crls (RFC 5652, section 5.1, and RFC 5940) and
// in the signers' revocation-values. No signature covers any of it. Values that cannot be read are
// left out: nothing depends on data that nobody can read.
func (sd *SignedData) RevocationValues() (ocsp, crls [][]byte) {
	ocsp, crls = append(ocsp, sd.OCSP...), append(crls, sd.CRLs...)
	for _, si := range sd.Signers {
		for _, v := range si.Unsigned(OIDRevocationValues) {
			basic, lists, ok := readRevocationValues(v)
			if !ok {
				continue
			}
			crls = append(crls, lists...)
			for _, b := range basic {
				if r, err := ocspResponse(b); err == nil {
					ocsp = append(ocsp, r)
				}
			}
		}
	}
	return ocsp, crls
}

// readRevocationValues follows the ASN.1 of RFC 5126, section 6.3.4. The module has explicit tags.
func readRevocationValues(b []byte) (basic, crls [][]byte, ok bool) {
	in := cryptobyte.String(b)
	var s cryptobyte.String
	if !in.ReadASN1(&s, asn1.SEQUENCE) || !in.Empty() {
		return nil, nil, false
	}
	for n, to := range []*[][]byte{&crls, &basic} {
		var wrapped, list cryptobyte.String
		var present bool
		if !s.ReadOptionalASN1(&wrapped, &present, explicit(uint8(n))) {
			return nil, nil, false
		}
		if !present {
			continue
		}
		if !wrapped.ReadASN1(&list, asn1.SEQUENCE) || !wrapped.Empty() {
			return nil, nil, false
		}
		for !list.Empty() {
			var el cryptobyte.String
			if !list.ReadASN1Element(&el, asn1.SEQUENCE) || len(*to) == MaxCRLs {
				return nil, nil, false
			}
			*to = append(*to, el)
		}
	}
	return basic, crls, true // others than CRLs and OCSP are ignored
}

// ocspResponse wraps a BasicOCSPResponse into an OCSPResponse (RFC 6960, section 4.2.1).
func ocspResponse(basic []byte) ([]byte, error) {
	b := cryptobyte.NewBuilder(make([]byte, 0, len(basic)+32))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(0)
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				OIDOCSPBasic.Add(b)
				b.AddASN1OctetString(basic)
			})
		})
	})
	return b.Bytes()
}

// basicOCSP is the inverse.
func basicOCSP(response []byte) ([]byte, bool) {
	in := cryptobyte.String(response)
	var s, wrapped, inner, basic cryptobyte.String
	var status int
	if !in.ReadASN1(&s, asn1.SEQUENCE) || !in.Empty() || !s.ReadASN1Enum(&status) || status != 0 ||
		!s.ReadASN1(&wrapped, explicit(0)) || !wrapped.ReadASN1(&inner, asn1.SEQUENCE) {
		return nil, false
	}
	typ, ok := algo.ReadOID(&inner)
	if !ok || typ != OIDOCSPBasic || !inner.ReadASN1(&basic, asn1.OCTET_STRING) || !inner.Empty() {
		return nil, false
	}
	return basic, true
}

var errRevocationValues = errors.New("cms: expected DER with one signer, OCSPResponse and CertificateList elements")

// AddRevocationValues returns a message in DER, which has one signer, with revocation data added to
// the signer's unsigned attribute revocation-values. What is signed stays as it is. OCSP answers go
// there and not into SignedData.crls, which programs that know PKCS #7 alone could not read then.
func AddRevocationValues(message []byte, ocsp, crls [][]byte) ([]byte, error) {
	sd, err := Parse(message, ParseConfig{StrictDER: true})
	if err != nil {
		return nil, err
	}
	si, err := sd.Signer()
	if err != nil || sd.ZeroPadding > 0 {
		return nil, errRevocationValues
	}
	var basic, lists [][]byte
	var others []Attribute
	for _, a := range si.UnsignedAttrs {
		if a.Type != OIDRevocationValues {
			others = append(others, a)
			continue
		}
		for _, v := range a.Values {
			b, c, ok := readRevocationValues(v)
			if !ok {
				return nil, errRevocationValues
			}
			basic, lists = append(basic, b...), append(lists, c...)
		}
	}
	for _, r := range ocsp {
		b, ok := basicOCSP(r)
		if !ok {
			return nil, errRevocationValues
		}
		basic = append(basic, b)
	}
	value, err := revocationValues(basic, append(lists, crls...))
	if err != nil {
		return nil, err
	}
	return withUnsigned(sd.DER, append(others, Attribute{Type: OIDRevocationValues, Values: [][]byte{value}}))
}

func revocationValues(basic, crls [][]byte) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for n, list := range [][][]byte{crls, basic} {
			if len(list) == 0 {
				continue
			}
			b.AddASN1(explicit(uint8(n)), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					for _, el := range list {
						b.AddBytes(el)
					}
				})
			})
		}
	})
	return b.Bytes()
}

// elements splits a constructed value's content.
func elements(s cryptobyte.String) (out [][]byte, ok bool) {
	for !s.Empty() {
		var el cryptobyte.String
		var tag asn1.Tag
		if !s.ReadAnyASN1Element(&el, &tag) {
			return nil, false
		}
		out = append(out, el)
	}
	return out, len(out) > 0
}

// withUnsigned replaces the unsigned attributes of the only signer of a message that was parsed.
func withUnsigned(message []byte, attrs []Attribute) ([]byte, error) {
	in := cryptobyte.String(message)
	var ci, wrapped, body, set, signer cryptobyte.String
	if !in.ReadASN1(&ci, asn1.SEQUENCE) || !ci.SkipASN1(asn1.OBJECT_IDENTIFIER) || !ci.ReadASN1(&wrapped, explicit(0)) || !wrapped.ReadASN1(&body, asn1.SEQUENCE) {
		return nil, errRevocationValues
	}
	head, ok := elements(body)
	if !ok {
		return nil, errRevocationValues
	}
	last := cryptobyte.String(head[len(head)-1]) // signerInfos
	if !last.ReadASN1(&set, asn1.SET) || !set.ReadASN1(&signer, asn1.SEQUENCE) || !set.Empty() {
		return nil, errRevocationValues
	}
	parts, ok := elements(signer)
	if !ok {
		return nil, errRevocationValues
	}
	if parts[len(parts)-1][0] == byte(explicit(1)) {
		parts = parts[:len(parts)-1]
	}
	encoded := make([][]byte, len(attrs))
	for i, a := range attrs {
		var err error
		if encoded[i], err = encodeAttribute(a); err != nil {
			return nil, err
		}
	}
	unsigned, err := encodeSet(explicit(1), encoded)
	if err != nil {
		return nil, err
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, len(message)+len(unsigned)+32))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		OIDSignedData.Add(b)
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				for _, el := range head[:len(head)-1] {
					b.AddBytes(el)
				}
				b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						for _, el := range append(parts, unsigned) {
							b.AddBytes(el)
						}
					})
				})
			})
		})
	})
	return b.Bytes()
}
