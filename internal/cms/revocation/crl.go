package revocation

import (
	"bytes"
	"crypto/x509"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidCRLNumber    = algo.NewOID(2, 5, 29, 20)
	oidReasonCode   = algo.NewOID(2, 5, 29, 21)
	oidDelta        = algo.NewOID(2, 5, 29, 27)
	oidIDP          = algo.NewOID(2, 5, 29, 28)
	oidCertIssuer   = algo.NewOID(2, 5, 29, 29)
	oidExpiredCerts = algo.NewOID(2, 5, 29, 60) // expiredCertsOnCRL, X.509
)

// List is a parsed CRL (RFC 5280, section 5). Its entries are read only when asked for. Nothing in it
// is verified.
type List struct {
	Issuer      []byte // DER of the Name
	ThisUpdate  time.Time
	NextUpdate  time.Time // zero when not stated
	ExpiredFrom time.Time // expiredCertsOnCRL; zero when not stated

	tbs, sig []byte
	alg      algo.Identifier
	entries  cryptobyte.String
	scope    scope
	err      *Error // why it cannot be used, although it parses
}

// scope is an IssuingDistributionPoint.
type scope struct {
	present, userOnly, caOnly, someReasons bool
	delta                                  bool     // only what changed since another CRL (section 5.2.4)
	names                                  [][]byte // full name, DER GeneralNames; nil when absent
}

// ParseList reads a CertificateList in DER. Errors are *Error.
func ParseList(b []byte) (*List, error) {
	l, e := parseList(b)
	if e != nil {
		return nil, e
	}
	return l, nil
}

func parseList(b []byte) (*List, *Error) {
	if len(b) > MaxCRLSize {
		return nil, fail(TooLarge, "CRL of %d bytes, at most %d", len(b), MaxCRLSize)
	}
	l := &List{}
	in := cryptobyte.String(b)
	var s, tbs cryptobyte.String
	var ok bool
	if !in.ReadASN1(&s, asn1.SEQUENCE) || !in.Empty() || !s.ReadASN1Element(&tbs, asn1.SEQUENCE) {
		return nil, fail(Malformed, "CertificateList")
	}
	l.tbs = tbs
	if l.alg, ok = algo.ReadIdentifier(&s); !ok || !s.ReadASN1BitStringAsBytes(&l.sig) || !s.Empty() {
		return nil, fail(Malformed, "signature of CertificateList")
	}
	return l, l.parseTBS(tbs)
}

// parseTBS follows the ASN.1 of TBSCertList field by field.
func (l *List) parseTBS(tbs cryptobyte.String) *Error {
	var s, issuer, exts cryptobyte.String
	if !tbs.ReadASN1(&s, asn1.SEQUENCE) {
		return fail(Malformed, "TBSCertList")
	}
	version := 0
	if s.PeekASN1Tag(asn1.INTEGER) && (!s.ReadASN1Integer(&version) || version != 1) {
		return fail(Malformed, "version of TBSCertList")
	}
	inner, ok := algo.ReadIdentifier(&s)
	if !ok || !bytes.Equal(inner.Raw, l.alg.Raw) {
		return fail(Malformed, "the two signature algorithms of the CRL differ")
	}
	if !s.ReadASN1Element(&issuer, asn1.SEQUENCE) || !readTime(&s, &l.ThisUpdate) {
		return fail(Malformed, "TBSCertList")
	}
	l.Issuer = issuer
	if (s.PeekASN1Tag(asn1.UTCTime) || s.PeekASN1Tag(asn1.GeneralizedTime)) && !readTime(&s, &l.NextUpdate) {
		return fail(Malformed, "nextUpdate")
	}
	var present bool
	if !s.ReadOptionalASN1(&l.entries, &present, asn1.SEQUENCE) ||
		!s.ReadOptionalASN1(&exts, &present, explicit(0)) || !s.Empty() {
		return fail(Malformed, "TBSCertList")
	}
	if !present {
		return nil
	}
	return eachExtension(exts, l.extension)
}

// readTime reads a Time: UTCTime or GeneralizedTime.
func readTime(s *cryptobyte.String, t *time.Time) bool {
	if s.PeekASN1Tag(asn1.UTCTime) {
		return s.ReadASN1UTCTime(t)
	}
	return s.ReadASN1GeneralizedTime(t)
}

func (l *List) extension(typ algo.OID, critical bool, v cryptobyte.String) *Error {
	switch typ {
	case oidIDP:
		return l.parseIDP(v)
	case oidDelta:
		l.scope.delta = true
	case oidExpiredCerts:
		if !v.ReadASN1GeneralizedTime(&l.ExpiredFrom) || !v.Empty() {
			return fail(Malformed, "expiredCertsOnCRL")
		}
	case oidCRLNumber:
	default:
		if critical {
			l.err = fail(Unsupported, "critical CRL extension %s", typ)
		}
	}
	return nil
}

// parseIDP reads IssuingDistributionPoint (RFC 5280, section 5.2.5).
func (l *List) parseIDP(v cryptobyte.String) *Error {
	bad := fail(Malformed, "issuingDistributionPoint")
	var s, dp, full cryptobyte.String
	var present, indirect, attrOnly bool
	if !v.ReadASN1(&s, asn1.SEQUENCE) || !v.Empty() || !s.ReadOptionalASN1(&dp, &present, explicit(0)) {
		return bad
	}
	l.scope.present = true
	if present {
		if !dp.ReadASN1(&full, explicit(0)) || !dp.Empty() {
			l.err = fail(Unsupported, "distribution point named relative to the issuer")
		}
		l.scope.names = [][]byte{}
		for !full.Empty() {
			var n cryptobyte.String
			var t asn1.Tag
			if !full.ReadAnyASN1Element(&n, &t) || len(l.scope.names) == 64 {
				return bad
			}
			l.scope.names = append(l.scope.names, n)
		}
	}
	var reasons cryptobyte.String
	if !readFlag(&s, 1, &l.scope.userOnly) || !readFlag(&s, 2, &l.scope.caOnly) ||
		!s.ReadOptionalASN1(&reasons, &l.scope.someReasons, primitive(3)) ||
		!readFlag(&s, 4, &indirect) || !readFlag(&s, 5, &attrOnly) || !s.Empty() {
		return bad
	}
	if indirect {
		l.err = fail(Unsupported, "indirect CRL")
	}
	if attrOnly {
		l.err = fail(OutOfScope, "a CRL for attribute certificates")
	}
	return nil
}

// readFlag reads an implicitly tagged BOOLEAN DEFAULT FALSE.
func readFlag(s *cryptobyte.String, n uint8, out *bool) bool {
	var v cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&v, &present, primitive(n)) {
		return false
	}
	if present {
		if len(v) != 1 || v[0] != 0 && v[0] != 0xff {
			return false
		}
		*out = v[0] == 0xff
	}
	return true
}

// find verifies the CRL and returns what it says about the certificate.
func (l *List) find(q Query) (*finding, *Error) {
	if !bytes.Equal(l.Issuer, q.Certificate.RawIssuer) || !bytes.Equal(l.Issuer, q.Issuer.RawSubject) {
		return nil, fail(OtherCertificate, "a CRL of another issuer")
	}
	if l.err != nil {
		return nil, l.err
	}
	if e := l.inScope(q.Certificate); e != nil {
		return nil, e
	}
	if q.Issuer.KeyUsage != 0 && q.Issuer.KeyUsage&x509.KeyUsageCRLSign == 0 {
		return nil, fail(BadResponder, "the issuer's key is not for CRLs")
	}
	if !l.NextUpdate.IsZero() && l.NextUpdate.Before(l.ThisUpdate) {
		return nil, fail(Malformed, "nextUpdate before thisUpdate")
	}
	if e := verify(l.alg, q.Issuer, l.tbs, l.sig, "CRL", q); e != nil {
		return nil, e
	}
	if e := live(q.Issuer, q); e != nil {
		return nil, e
	}
	f := &finding{
		status: Good, thisUpdate: l.ThisUpdate, nextUpdate: l.NextUpdate, keeps: l.ExpiredFrom,
		partial: l.scope.someReasons || l.scope.delta, signer: q.Issuer,
	}
	return f, l.lookup(q.Certificate, f)
}

func (l *List) inScope(cert *x509.Certificate) *Error {
	ca := cert.BasicConstraintsValid && cert.IsCA
	switch {
	case l.scope.userOnly && ca:
		return fail(OutOfScope, "a CRL for end users, the certificate is an authority's")
	case l.scope.caOnly && !ca:
		return fail(OutOfScope, "a CRL for authorities, the certificate is an end user's")
	case l.scope.names == nil:
		return nil
	}
	for _, n := range l.scope.names {
		s := cryptobyte.String(n)
		var uri cryptobyte.String
		if !s.ReadASN1(&uri, primitive(6)) {
			continue
		}
		for _, dp := range cert.CRLDistributionPoints {
			if dp == string(uri) {
				return nil
			}
		}
	}
	return fail(OutOfScope, "a CRL for a distribution point the certificate does not name")
}

// lookup reads all entries: a critical extension that is not known, on any of them, makes the whole
// list unusable (RFC 5280, section 5.3).
func (l *List) lookup(cert *x509.Certificate, f *finding) *Error {
	want := cert.SerialNumber.Bytes()
	for s := l.entries; !s.Empty(); {
		var entry, serial, exts cryptobyte.String
		var at time.Time
		if !s.ReadASN1(&entry, asn1.SEQUENCE) || !entry.ReadASN1(&serial, asn1.INTEGER) || !readTime(&entry, &at) {
			return fail(Malformed, "entry of a CRL")
		}
		match := bytes.Equal(bytes.TrimLeft(serial, "\x00"), want) && len(serial) > 0 && serial[0]&0x80 == 0
		code, since := 0, time.Time{}
		if !entry.Empty() {
			if !entry.ReadASN1Element(&exts, asn1.SEQUENCE) || !entry.Empty() {
				return fail(Malformed, "entry of a CRL")
			}
			if e := entryExtensions(exts, match, &code, &since); e != nil {
				return e
			}
		}
		if !match {
			continue
		}
		if code == reasonRemove {
			return fail(Unsupported, "removeFromCRL: what the certificate was before is not known")
		}
		if f.status == Good || at.Before(f.revokedAt) {
			f.status, f.revokedAt, f.code, f.invalidSince = Revoked, at, code, since
		}
	}
	return nil
}

// entryExtensions looks for what makes the list unusable, and on the matching entry for its values.
func entryExtensions(s cryptobyte.String, match bool, code *int, since *time.Time) *Error {
	if match {
		return eachExtension(s, func(typ algo.OID, critical bool, v cryptobyte.String) *Error {
			switch {
			case typ == oidReasonCode:
				if !v.ReadASN1Enum(code) || !v.Empty() {
					return fail(Malformed, "reason code")
				}
			case typ == oidInvalidity:
				if !v.ReadASN1GeneralizedTime(since) || !v.Empty() {
					return fail(Malformed, "invalidity date")
				}
			case typ == oidCertIssuer:
				return fail(Unsupported, "entry of an indirect CRL")
			case critical:
				return fail(Unsupported, "critical entry extension %s", typ)
			}
			return nil
		})
	}
	var list cryptobyte.String
	if !s.ReadASN1(&list, asn1.SEQUENCE) {
		return fail(Malformed, "entry extensions")
	}
	for !list.Empty() {
		typ, critical, _, ok := algo.ReadExtension(&list)
		if !ok {
			return fail(Malformed, "entry extensions")
		}
		if typ == oidCertIssuer || critical && typ != oidReasonCode && typ != oidInvalidity {
			return fail(Unsupported, "critical entry extension")
		}
	}
	return nil
}
