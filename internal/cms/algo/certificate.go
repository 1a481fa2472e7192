package algo

import (
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// ErrCertificate: a certificate has elements that its ASN.1 (RFC 5280, section 4.1) has no room for.
var ErrCertificate = errors.New("algo: certificate with elements that do not belong there")

// CheckCertificate looks at the outline of a certificate in DER that crypto/x509 could parse: it skips
// what follows in a SEQUENCE after what it knows, so that an extension whose critical flag is in the
// wrong place, or a second key, is one thing to it and another to other readers. The error is
// ErrCertificate.
func CheckCertificate(der []byte) error {
	in := cryptobyte.String(der)
	var cert, tbs cryptobyte.String
	if !in.ReadASN1(&cert, asn1.SEQUENCE) || !in.Empty() || !cert.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!checkIdentifier(&cert) || !cert.SkipASN1(asn1.BIT_STRING) || !cert.Empty() || !checkTBS(tbs) {
		return ErrCertificate
	}
	return nil
}

func checkTBS(s cryptobyte.String) bool {
	tag := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific() }
	var version, validity, key, extensions cryptobyte.String
	var versioned, extended bool
	if !s.ReadOptionalASN1(&version, &versioned, tag(0).Constructed()) || versioned && (!version.SkipASN1(asn1.INTEGER) || !version.Empty()) {
		return false
	}
	if !s.SkipASN1(asn1.INTEGER) || !checkIdentifier(&s) || !checkName(&s) ||
		!s.ReadASN1(&validity, asn1.SEQUENCE) || !checkTime(&validity) || !checkTime(&validity) || !validity.Empty() || !checkName(&s) {
		return false
	}
	if !s.ReadASN1(&key, asn1.SEQUENCE) || !checkIdentifier(&key) || !key.SkipASN1(asn1.BIT_STRING) || !key.Empty() {
		return false
	}
	if !s.SkipOptionalASN1(tag(1)) || !s.SkipOptionalASN1(tag(2)) || !s.ReadOptionalASN1(&extensions, &extended, tag(3).Constructed()) || !s.Empty() {
		return false
	}
	// Extensions belong to version 3, which is never the default.
	return !extended || versioned && checkExtensions(extensions)
}

func checkIdentifier(s *cryptobyte.String) bool {
	_, ok := ReadIdentifier(s)
	return ok
}

func checkTime(s *cryptobyte.String) bool {
	return s.PeekASN1Tag(asn1.UTCTime) && s.SkipASN1(asn1.UTCTime) || s.SkipASN1(asn1.GeneralizedTime)
}

// checkName looks for a type and a value, and nothing more, in each attribute.
func checkName(s *cryptobyte.String) bool {
	var name, set, attribute, value cryptobyte.String
	var tag asn1.Tag
	if !s.ReadASN1(&name, asn1.SEQUENCE) {
		return false
	}
	for !name.Empty() {
		if !name.ReadASN1(&set, asn1.SET) {
			return false
		}
		for !set.Empty() {
			if !set.ReadASN1(&attribute, asn1.SEQUENCE) || !attribute.SkipASN1(asn1.OBJECT_IDENTIFIER) || !attribute.ReadAnyASN1(&value, &tag) || !attribute.Empty() {
				return false
			}
		}
	}
	return true
}

func checkExtensions(s cryptobyte.String) bool {
	var list, x cryptobyte.String
	if !s.ReadASN1(&list, asn1.SEQUENCE) || !s.Empty() {
		return false
	}
	for !list.Empty() {
		if !list.ReadASN1(&x, asn1.SEQUENCE) || !x.SkipASN1(asn1.OBJECT_IDENTIFIER) || !x.SkipOptionalASN1(asn1.BOOLEAN) || !x.SkipASN1(asn1.OCTET_STRING) || !x.Empty() {
			return false
		}
	}
	return true
}
