package revocation

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"math/big"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidBasic         = algo.NewOID(1, 3, 6, 1, 5, 5, 7, 48, 1, 1)
	oidNonce         = algo.NewOID(1, 3, 6, 1, 5, 5, 7, 48, 1, 2)
	oidArchiveCutoff = algo.NewOID(1, 3, 6, 1, 5, 5, 7, 48, 1, 6)
	oidCertHash      = algo.NewOID(1, 3, 36, 8, 3, 13) // a statement that the responder has seen the certificate
	oidInvalidity    = algo.NewOID(2, 5, 29, 24)
)

func explicit(n uint8) asn1.Tag  { return asn1.Tag(n).ContextSpecific().Constructed() }
func primitive(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific() }

// Response is a parsed OCSP response (RFC 6960, section 4.2.1). Nothing in it is verified.
type Response struct {
	ProducedAt time.Time
	Nonce      []byte // content of the nonce extension; nil when absent
	Singles    []Single

	byName, byKey []byte // responderID, one of them
	tbs, sig      []byte
	alg           algo.Identifier
	certs         [][]byte
}

// Single is the answer about one certificate.
type Single struct {
	Hash              crypto.Hash
	NameHash, KeyHash []byte
	Serial            *big.Int
	Status            Status // Good and Revoked as the responder says; Unknown when it does not know
	ThisUpdate        time.Time
	NextUpdate        time.Time // zero when not stated
	RevokedAt         time.Time
	Code              int
	ArchiveCutoff     time.Time // zero when not stated

	certHashAlg crypto.Hash
	certHash    []byte
	critical    bool // an unknown critical extension
}

// ParseResponse reads an OCSPResponse in DER. Errors are *Error.
func ParseResponse(b []byte) (*Response, error) {
	r, e := parseResponse(b)
	if e != nil {
		return nil, e
	}
	return r, nil
}

func parseResponse(b []byte) (*Response, *Error) {
	if len(b) > MaxOCSPSize {
		return nil, fail(TooLarge, "OCSP response of %d bytes, at most %d", len(b), MaxOCSPSize)
	}
	in := cryptobyte.String(b)
	var s, wrapped, bytesSeq, basic cryptobyte.String
	var status int
	if !in.ReadASN1(&s, asn1.SEQUENCE) || !in.Empty() || !s.ReadASN1Enum(&status) {
		return nil, fail(Malformed, "OCSPResponse")
	}
	if status != 0 {
		return nil, fail(NotSuccessful, "OCSP status %d", status)
	}
	if !s.ReadASN1(&wrapped, explicit(0)) || !s.Empty() || !wrapped.ReadASN1(&bytesSeq, asn1.SEQUENCE) || !wrapped.Empty() {
		return nil, fail(Malformed, "responseBytes")
	}
	typ, ok := algo.ReadOID(&bytesSeq)
	if !ok || !bytesSeq.ReadASN1(&basic, asn1.OCTET_STRING) || !bytesSeq.Empty() {
		return nil, fail(Malformed, "responseBytes")
	}
	if typ != oidBasic {
		return nil, fail(Unsupported, "OCSP response type %s", typ)
	}
	return parseBasic(basic)
}

func parseBasic(b cryptobyte.String) (*Response, *Error) {
	r := &Response{}
	var s, tbs, certs cryptobyte.String
	var present, ok bool
	if !b.ReadASN1(&s, asn1.SEQUENCE) || !b.Empty() || !s.ReadASN1Element(&tbs, asn1.SEQUENCE) {
		return nil, fail(Malformed, "BasicOCSPResponse")
	}
	r.tbs = tbs
	if r.alg, ok = algo.ReadIdentifier(&s); !ok || !s.ReadASN1BitStringAsBytes(&r.sig) {
		return nil, fail(Malformed, "OCSP signature")
	}
	if !s.ReadOptionalASN1(&certs, &present, explicit(0)) || !s.Empty() {
		return nil, fail(Malformed, "end of BasicOCSPResponse")
	}
	if present {
		var list cryptobyte.String
		if !certs.ReadASN1(&list, asn1.SEQUENCE) || !certs.Empty() {
			return nil, fail(Malformed, "OCSP certificates")
		}
		for !list.Empty() {
			var c cryptobyte.String
			if !list.ReadASN1Element(&c, asn1.SEQUENCE) {
				return nil, fail(Malformed, "OCSP certificates")
			}
			if len(r.certs) == MaxCerts {
				return nil, fail(TooLarge, "more than %d certificates in an OCSP response", MaxCerts)
			}
			r.certs = append(r.certs, c)
		}
	}
	return r, r.parseData(tbs)
}

// parseData follows the ASN.1 of ResponseData field by field.
func (r *Response) parseData(tbs cryptobyte.String) *Error {
	var s, id, list, exts cryptobyte.String
	version, present := 0, false
	if !tbs.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadOptionalASN1Integer(&version, explicit(0), 0) || version != 0 {
		return fail(Malformed, "ResponseData version")
	}
	switch {
	case s.PeekASN1Tag(explicit(1)):
		var name cryptobyte.String
		if !s.ReadASN1(&id, explicit(1)) || !id.ReadASN1Element(&name, asn1.SEQUENCE) || !id.Empty() {
			return fail(Malformed, "responderID byName")
		}
		r.byName = name
	case s.PeekASN1Tag(explicit(2)):
		var key cryptobyte.String
		if !s.ReadASN1(&id, explicit(2)) || !id.ReadASN1(&key, asn1.OCTET_STRING) || !id.Empty() || len(key) != sha1.Size {
			return fail(Malformed, "responderID byKey")
		}
		r.byKey = key
	default:
		return fail(Malformed, "responderID")
	}
	if !s.ReadASN1GeneralizedTime(&r.ProducedAt) || !s.ReadASN1(&list, asn1.SEQUENCE) {
		return fail(Malformed, "ResponseData")
	}
	for !list.Empty() {
		if len(r.Singles) == MaxResponses {
			return fail(TooLarge, "more than %d answers in an OCSP response", MaxResponses)
		}
		one, e := parseSingle(&list)
		if e != nil {
			return e
		}
		r.Singles = append(r.Singles, one)
	}
	if !s.ReadOptionalASN1(&exts, &present, explicit(1)) || !s.Empty() {
		return fail(Malformed, "end of ResponseData")
	}
	if !present {
		return nil
	}
	return eachExtension(exts, func(typ algo.OID, critical bool, value cryptobyte.String) *Error {
		if typ == oidNonce {
			r.Nonce = value
			return nil
		}
		if critical {
			return fail(Unsupported, "critical OCSP extension %s", typ)
		}
		return nil
	})
}

// eachExtension reads Extensions and refuses a type that occurs twice.
func eachExtension(s cryptobyte.String, f func(typ algo.OID, critical bool, value cryptobyte.String) *Error) *Error {
	var list cryptobyte.String
	if !s.ReadASN1(&list, asn1.SEQUENCE) || !s.Empty() {
		return fail(Malformed, "extensions")
	}
	seen := map[algo.OID]bool{}
	for !list.Empty() {
		typ, critical, value, ok := algo.ReadExtension(&list)
		if !ok || seen[typ] || len(seen) == 64 {
			return fail(Malformed, "extension %s", typ)
		}
		seen[typ] = true
		if e := f(typ, critical, value); e != nil {
			return e
		}
	}
	return nil
}

func parseSingle(list *cryptobyte.String) (Single, *Error) {
	one := Single{Serial: new(big.Int)}
	var s, id, name, key, st, next, exts cryptobyte.String
	if !list.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadASN1(&id, asn1.SEQUENCE) {
		return one, fail(Malformed, "SingleResponse")
	}
	alg, ok := algo.ReadIdentifier(&id)
	if !ok || !id.ReadASN1(&name, asn1.OCTET_STRING) || !id.ReadASN1(&key, asn1.OCTET_STRING) ||
		!id.ReadASN1Integer(one.Serial) || !id.Empty() {
		return one, fail(Malformed, "CertID")
	}
	// The hash only identifies; an answer under one that is not known is about no certificate of ours.
	if h, err := algo.ParseDigest(alg); err == nil {
		one.Hash = h
	}
	one.NameHash, one.KeyHash = name, key
	var tag asn1.Tag
	if !s.ReadAnyASN1(&st, &tag) {
		return one, fail(Malformed, "certStatus")
	}
	switch {
	case tag == primitive(0) && st.Empty():
		one.Status = Good
	case tag == explicit(1):
		one.Status = Revoked
		var reason cryptobyte.String
		var present bool
		if !st.ReadASN1GeneralizedTime(&one.RevokedAt) || !st.ReadOptionalASN1(&reason, &present, explicit(0)) || !st.Empty() ||
			present && (!reason.ReadASN1Enum(&one.Code) || !reason.Empty()) {
			return one, fail(Malformed, "RevokedInfo")
		}
	case tag == primitive(2) && st.Empty():
	default:
		return one, fail(Malformed, "certStatus")
	}
	var present bool
	if !s.ReadASN1GeneralizedTime(&one.ThisUpdate) || !s.ReadOptionalASN1(&next, &present, explicit(0)) ||
		present && (!next.ReadASN1GeneralizedTime(&one.NextUpdate) || !next.Empty()) ||
		!s.ReadOptionalASN1(&exts, &present, explicit(1)) || !s.Empty() {
		return one, fail(Malformed, "SingleResponse")
	}
	if !present {
		return one, nil
	}
	return one, eachExtension(exts, one.extension)
}

func (one *Single) extension(typ algo.OID, critical bool, v cryptobyte.String) *Error {
	switch typ {
	case oidArchiveCutoff:
		if !v.ReadASN1GeneralizedTime(&one.ArchiveCutoff) || !v.Empty() {
			return fail(Malformed, "archive cutoff")
		}
	case oidCertHash:
		var s, hash cryptobyte.String
		if !v.ReadASN1(&s, asn1.SEQUENCE) || !v.Empty() {
			return fail(Malformed, "certHash")
		}
		alg, ok := algo.ReadIdentifier(&s)
		if !ok || !s.ReadASN1(&hash, asn1.OCTET_STRING) || !s.Empty() {
			return fail(Malformed, "certHash")
		}
		h, err := algo.ParseDigest(alg)
		if err != nil {
			return &Error{Reason: Unsupported, Err: err}
		}
		one.certHashAlg, one.certHash = h, hash
	default:
		one.critical = one.critical || critical
	}
	return nil
}

// covers reports whether the answer is about the certificate (RFC 6960, section 4.1.1).
func (one *Single) covers(cert, issuer *x509.Certificate) bool {
	if one.Hash == 0 || one.Serial.Cmp(cert.SerialNumber) != 0 {
		return false
	}
	key, ok := keyOctets(issuer)
	return ok && bytes.Equal(one.NameHash, algo.Sum(one.Hash, cert.RawIssuer)) && bytes.Equal(one.KeyHash, algo.Sum(one.Hash, key))
}

// keyOctets returns the content of the subjectPublicKey bit string.
func keyOctets(c *x509.Certificate) ([]byte, bool) {
	in := cryptobyte.String(c.RawSubjectPublicKeyInfo)
	var s cryptobyte.String
	var bits []byte
	ok := in.ReadASN1(&s, asn1.SEQUENCE) && s.SkipASN1(asn1.SEQUENCE) && s.ReadASN1BitStringAsBytes(&bits)
	return bits, ok
}

// find verifies the response and returns what it says about the certificate. Several answers about it
// in one response: a revocation counts, else the newest.
func (r *Response) find(s *Store, q Query, depth int) (*finding, *Error) {
	var f *finding
	var e *Error
	for i := range r.Singles {
		one := &r.Singles[i]
		if !one.covers(q.Certificate, q.Issuer) {
			continue
		}
		g, ge := r.single(one, q)
		switch {
		case ge != nil:
			e = ge
		case f == nil || g.beats(f):
			f = g
		}
	}
	if f == nil && e == nil {
		return nil, fail(OtherCertificate, "no answer about the certificate")
	}
	if f == nil || e != nil && f.status != Revoked {
		return nil, e
	}
	signer, e := r.authorised(s, q, depth)
	if e != nil {
		return nil, e
	}
	f.signer = signer
	return f, nil
}

func (r *Response) single(one *Single, q Query) (*finding, *Error) {
	switch {
	case one.critical:
		return nil, fail(Unsupported, "critical extension in an OCSP answer")
	case one.Status == Unknown:
		return nil, fail(NotKnown, "the responder does not know the certificate")
	case one.certHash != nil && !bytes.Equal(one.certHash, algo.Sum(one.certHashAlg, q.Certificate.Raw)):
		return nil, fail(OtherCertificate, "the responder's certHash is another certificate's")
	case one.ThisUpdate.After(r.ProducedAt.Add(q.Skew)):
		return nil, fail(Malformed, "thisUpdate after producedAt")
	case !one.NextUpdate.IsZero() && one.NextUpdate.Before(one.ThisUpdate):
		return nil, fail(Malformed, "nextUpdate before thisUpdate")
	}
	return &finding{
		status: one.Status, thisUpdate: one.ThisUpdate, nextUpdate: one.NextUpdate, producedAt: r.ProducedAt,
		revokedAt: one.RevokedAt, code: one.Code, keeps: one.ArchiveCutoff,
	}, nil
}

func (r *Response) isResponder(c *x509.Certificate) bool {
	if r.byName != nil {
		return bytes.Equal(r.byName, c.RawSubject)
	}
	key, ok := keyOctets(c)
	if !ok {
		return false
	}
	sum := sha1.Sum(key) // RFC 6960, section 4.2.1: KeyHash is SHA-1; it only identifies
	return bytes.Equal(r.byKey, sum[:])
}

// authorised returns the certificate whose key signed the response: the issuer's own, or one that the
// issuer made for answering (RFC 6960, section 4.2.2.2).
func (r *Response) authorised(s *Store, q Query, depth int) (*x509.Certificate, *Error) {
	last := fail(BadResponder, "neither the issuer nor a certificate in the response has the responder's identifier")
	if r.isResponder(q.Issuer) {
		e := verify(r.alg, q.Issuer, r.tbs, r.sig, "OCSP response", q)
		if e == nil {
			e = live(q.Issuer, q)
		}
		if e == nil {
			return q.Issuer, nil
		}
		last = e
	}
	for _, raw := range r.certs {
		c, err := x509.ParseCertificate(raw)
		if err != nil || algo.CheckCertificate(raw) != nil || !r.isResponder(c) || bytes.Equal(c.Raw, q.Issuer.Raw) {
			continue
		}
		if e := verify(r.alg, c, r.tbs, r.sig, "OCSP response", q); e != nil {
			last = e
			continue
		}
		if e := r.delegated(s, c, q, depth); e != nil {
			last = e
			continue
		}
		return c, nil
	}
	return nil, last
}

// delegated checks that the issuer let a responder answer for it.
func (r *Response) delegated(s *Store, c *x509.Certificate, q Query, depth int) *Error {
	if !bytes.Equal(c.RawIssuer, q.Issuer.RawSubject) {
		return fail(BadResponder, "not certified by the issuer itself")
	}
	if err := c.CheckSignatureFrom(q.Issuer); err != nil {
		return &Error{Reason: BadResponder, Detail: "not certified by the issuer itself", Err: err}
	}
	if scheme, err := algo.CertificateScheme(c); err != nil {
		return &Error{Reason: BadResponder, Err: err}
	} else if pub, err := algo.PublicKey(q.Issuer); err != nil {
		return &Error{Reason: BadResponder, Err: err}
	} else if err := q.Policy.Check(q.Known, algo.SignatureUse("OCSP responder certificate", scheme, pub)); err != nil {
		return &Error{Reason: WeakAlgorithm, Err: err}
	}
	ekus, _, present, ok := chain.EKUs(c)
	purpose := false
	for _, o := range ekus {
		purpose = purpose || o == chain.EKUOCSPSigning
	}
	switch {
	case !ok || !present || !purpose:
		return fail(BadResponder, "the responder's certificate lacks the extended key usage OCSPSigning")
	case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return fail(BadResponder, "the responder's key is not for signatures")
	case len(c.UnhandledCriticalExtensions) > 0:
		return fail(Unsupported, "critical extension in the responder's certificate")
	case r.ProducedAt.Before(c.NotBefore) || r.ProducedAt.After(c.NotAfter):
		return fail(BadResponder, "the responder's certificate was not valid when it answered")
	}
	if e := live(c, q); e != nil {
		return e
	}
	for _, x := range c.Extensions {
		if x.Id.Equal([]int{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}) { // id-pkix-ocsp-nocheck
			return nil
		}
	}
	if depth > 0 {
		return fail(ResponderRevoked, "the status of a responder's responder is not looked into")
	}
	rq := q
	rq.Certificate, rq.At = c, r.ProducedAt
	switch a := s.check(rq, depth+1); {
	case a.Status == Good, a.Status == Unknown && q.InsecureUncheckedResponder:
		return nil
	case a.Status == Revoked:
		return fail(ResponderRevoked, "the responder's certificate is revoked")
	}
	return fail(ResponderRevoked, "the responder's certificate has no id-pkix-ocsp-nocheck and its own status is not known")
}
