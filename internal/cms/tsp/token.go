package tsp

import (
	"bytes"
	"crypto"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Info is a TSTInfo (RFC 3161, section 2.4.2).
type Info struct {
	Policy      OID
	Hash        crypto.Hash
	Imprint     []byte
	Serial      *big.Int
	GenTime     time.Time     // UTC, with fractions as given
	Accuracy    time.Duration // 0 when not stated
	HasAccuracy bool
	Ordering    bool     // tokens of this authority are ordered by GenTime alone
	Nonce       *big.Int // nil when absent
	TSA         []byte   // DER of the GeneralName; nil when absent
	Extensions  []OID    // all non-critical
}

// Earliest and Latest bound the moment the token was made.
func (i *Info) Earliest() time.Time { return i.GenTime.Add(-i.Accuracy) }

// Latest is the last moment the token can have been made: its data existed by then.
func (i *Info) Latest() time.Time { return i.GenTime.Add(i.Accuracy) }

// CertainlyBefore reports whether the token was made before another (RFC 3161, section 2.4.2,
// "ordering"). sameTSA says that both are by one authority.
func (i *Info) CertainlyBefore(j *Info, sameTSA bool) bool {
	if sameTSA && i.Ordering && j.Ordering {
		return i.GenTime.Before(j.GenTime)
	}
	return i.Latest().Before(j.Earliest())
}

// Token is a parsed timestamp token. Nothing in it is verified.
type Token struct {
	Signed *cms.SignedData
	Info   Info
}

// DER returns the token's encoding without padding.
func (t *Token) DER() []byte { return t.Signed.DER }

// ParseToken reads a token: SignedData with exactly one signer and a TSTInfo inside. Zero padding
// after it is allowed, as in the /Contents of a PDF. Errors are *Error.
func ParseToken(b []byte) (*Token, error) {
	sd, err := cms.Parse(b, cms.ParseConfig{MaxSize: MaxSize})
	switch {
	case errors.Is(err, cms.TooLarge):
		return nil, &Error{Reason: TooLarge, Err: err}
	case err != nil:
		return nil, &Error{Reason: Malformed, Err: err}
	case sd.ContentType != cms.OIDTSTInfo:
		return nil, fail(NotTimestamp, "content type %s, expected TSTInfo", sd.ContentType)
	case sd.Detached:
		return nil, fail(Malformed, "no TSTInfo inside")
	}
	if _, err := sd.Signer(); err != nil {
		return nil, &Error{Reason: Malformed, Err: err}
	}
	t := &Token{Signed: sd}
	if e := t.Info.parse(sd.Content); e != nil {
		return nil, e
	}
	return t, nil
}

// parse follows the ASN.1 of TSTInfo field by field.
func (i *Info) parse(b []byte) *Error {
	in := cryptobyte.String(b)
	var s cryptobyte.String
	var version int
	if !in.ReadASN1(&s, asn1.SEQUENCE) || !in.Empty() || !s.ReadASN1Integer(&version) || version != 1 {
		return fail(Malformed, "TSTInfo of version 1 expected")
	}
	var ok bool
	var e *Error
	if i.Policy, ok = algo.ReadOID(&s); !ok {
		return fail(Malformed, "policy")
	}
	if i.Hash, i.Imprint, e = readImprint(&s); e != nil {
		return e
	}
	i.Serial = new(big.Int)
	if !s.ReadASN1Integer(i.Serial) || i.Serial.BitLen() > 512 {
		return fail(Malformed, "serialNumber")
	}
	var gt cryptobyte.String
	if !s.ReadASN1(&gt, asn1.GeneralizedTime) {
		return fail(Malformed, "genTime")
	}
	if i.GenTime, ok = parseGenTime(string(gt)); !ok {
		return fail(Malformed, "genTime is not YYYYMMDDhhmmss[.f]Z")
	}
	if s.PeekASN1Tag(asn1.SEQUENCE) {
		if i.Accuracy, ok = readAccuracy(&s); !ok {
			return fail(Malformed, "accuracy")
		}
		i.HasAccuracy = true
	}
	if s.PeekASN1Tag(asn1.BOOLEAN) && !s.ReadASN1Boolean(&i.Ordering) {
		return fail(Malformed, "ordering")
	}
	if s.PeekASN1Tag(asn1.INTEGER) {
		if i.Nonce = readNonce(&s); i.Nonce == nil {
			return fail(Malformed, "nonce")
		}
	}
	var present bool
	var tsa, exts cryptobyte.String
	if !s.ReadOptionalASN1(&tsa, &present, implicit(0)) || present && !oneElement(tsa) {
		return fail(Malformed, "tsa")
	}
	if present {
		i.TSA = tsa
	}
	if !s.ReadOptionalASN1(&exts, &present, implicit(1)) || !s.Empty() || present && exts.Empty() {
		return fail(Malformed, "end of TSTInfo")
	}
	return i.parseExtensions(exts)
}

func oneElement(s cryptobyte.String) bool {
	var v cryptobyte.String
	var t asn1.Tag
	return s.ReadAnyASN1Element(&v, &t) && s.Empty()
}

func (i *Info) parseExtensions(s cryptobyte.String) *Error {
	for !s.Empty() {
		typ, critical, _, ok := algo.ReadExtension(&s)
		if !ok {
			return fail(Malformed, "extensions")
		}
		if critical {
			return fail(Unsupported, "critical extension %s", typ)
		}
		if slices.Contains(i.Extensions, typ) || len(i.Extensions) == 32 {
			return fail(Malformed, "extension %s twice, or more than 32", typ)
		}
		i.Extensions = append(i.Extensions, typ)
	}
	return nil
}

// parseGenTime reads the one form RFC 3161 allows: seconds always, a fraction without trailing
// zeros, Z. Fractions finer than a nanosecond are cut.
func parseGenTime(s string) (time.Time, bool) {
	if len(s) < 15 || len(s) > 40 || s[len(s)-1] != 'Z' {
		return time.Time{}, false
	}
	base, frac := s[:14], s[14:len(s)-1]
	t, err := time.Parse("20060102150405", base)
	if err != nil || t.Format("20060102150405") != base {
		return time.Time{}, false
	}
	if frac == "" {
		return t, true
	}
	if frac[0] != '.' || len(frac) < 2 || frac[len(frac)-1] == '0' {
		return time.Time{}, false
	}
	ns, scale := 0, 100_000_000
	for _, c := range []byte(frac[1:]) {
		if c < '0' || c > '9' {
			return time.Time{}, false
		}
		ns += int(c-'0') * scale
		scale /= 10
	}
	return t.Add(time.Duration(ns)), true
}

func readAccuracy(s *cryptobyte.String) (time.Duration, bool) {
	var seq cryptobyte.String
	if !s.ReadASN1(&seq, asn1.SEQUENCE) {
		return 0, false
	}
	var sec int64
	if seq.PeekASN1Tag(asn1.INTEGER) && (!seq.ReadASN1Integer(&sec) || sec < 0 || sec > 366*24*3600) {
		return 0, false
	}
	d := time.Duration(sec) * time.Second
	for n, unit := range []time.Duration{time.Millisecond, time.Microsecond} {
		tag := asn1.Tag(n).ContextSpecific()
		if !seq.PeekASN1Tag(tag) {
			continue
		}
		var v int64
		if !seq.ReadASN1Int64WithTag(&v, tag) || v < 1 || v > 999 {
			return 0, false
		}
		d += time.Duration(v) * unit
	}
	return d, seq.Empty()
}

// VerifyConfig says what a token is checked against. The zero value refuses.
type VerifyConfig struct {
	// Imprint is the digest of the data under Token.Info.Hash, computed by the caller. Required.
	Imprint []byte
	// Anchors are the certificates timestamping authorities may start from. Required.
	Anchors []chain.Anchor
	// Candidates are further certificates for the path; those in the token are used anyway.
	Candidates []*x509.Certificate
	// At is a time at which the token provably existed: the time of the timestamp that covers it, or
	// now. Algorithms are judged at it, and the authority's certificates must not have ended before
	// it, for a key may leak once its owner no longer guards it. Required.
	At time.Time
	// Skew is how far GenTime may lie after At. Zero means one minute.
	Skew time.Duration
	// Policies are the accepted TSA policies. Nil accepts any.
	Policies []OID
	// Algorithms is the policy for algorithms. Nil means algo.DefaultPolicy.
	Algorithms *algo.Policy
	// InsecureExpired accepts tokens of authorities whose certificates ended between GenTime and At.
	InsecureExpired bool
}

// Verified is a token with a right signature by a trusted authority over the given imprint. Whether
// the authority's certificates were revoked is not known yet: check Path with package revocation.
type Verified struct {
	Token     *Token
	Time      time.Time // GenTime
	Signature *cms.Verified
	Path      *chain.Path
	Notes     []string
}

// Verify checks the token (RFC 3161, section 2.2 and 2.3). Err is nil only when everything holds.
// Errors are *Error.
func (t *Token) Verify(c VerifyConfig) (*Verified, error) {
	switch {
	case len(c.Imprint) == 0:
		return nil, fail(BadConfig, "no imprint")
	case len(c.Anchors) == 0:
		return nil, fail(BadConfig, "no anchors")
	case c.At.IsZero():
		return nil, fail(BadConfig, "no time")
	}
	if c.Skew == 0 {
		c.Skew = time.Minute
	}
	// 1. The token is over the data.
	if subtle.ConstantTimeCompare(c.Imprint, t.Info.Imprint) != 1 {
		return nil, fail(ImprintMismatch, "the token is over other data")
	}
	// 2. Signature: exactly one signer, ESS reference, content inside, algorithms acceptable. The
	// imprint's hash is one more algorithm that must still be strong.
	cands := slices.Clone(c.Candidates)
	var extra [][]byte
	for _, x := range cands {
		extra = append(extra, x.Raw)
	}
	sig, err := t.Signed.Verify(cms.VerifyConfig{ContentType: cms.OIDTSTInfo, At: c.At, Policy: c.Algorithms, Extra: extra})
	if err != nil {
		return nil, &Error{Reason: BadSignature, Err: err}
	}
	pol := c.Algorithms
	if pol == nil {
		pol = algo.DefaultPolicy()
	}
	if err := pol.Check(c.At, algo.Use{Role: "message imprint", Hash: t.Info.Hash}); err != nil {
		return nil, &Error{Reason: BadSignature, Err: &cms.Error{Reason: cms.WeakAlgorithm, Err: err}}
	}
	// 3. Time and policy.
	if t.Info.GenTime.After(c.At.Add(c.Skew)) {
		return nil, fail(FromFuture, "made at %s, judged at %s", t.Info.GenTime.Format(time.RFC3339), c.At.UTC().Format(time.RFC3339))
	}
	if c.Policies != nil && !slices.Contains(c.Policies, t.Info.Policy) {
		return nil, fail(PolicyMismatch, "policy %s is not accepted", t.Info.Policy)
	}
	// 4. The authority: path to an anchor at the token's time, for timestamping only.
	path, err := chain.Build(sig.Certificate, chain.Config{
		Anchors: c.Anchors, Candidates: append(cands, t.Signed.Candidates()...), At: t.Info.GenTime,
		Purpose: chain.Timestamping, Policy: c.Algorithms, AlgorithmsAt: c.At,
	})
	if err != nil {
		return nil, &Error{Reason: Untrusted, Err: err}
	}
	for _, x := range path.Certificates[:max(1, len(path.Certificates)-1)] {
		if c.At.After(x.NotAfter) && !c.InsecureExpired {
			return nil, fail(ExpiredNoPOE, "the authority's certificates ended on %s, the token is proven to exist only at %s",
				x.NotAfter.UTC().Format(time.DateOnly), c.At.UTC().Format(time.DateOnly))
		}
	}
	v := &Verified{Token: t, Time: t.Info.GenTime, Signature: sig, Path: path, Notes: slices.Clone(sig.Notes)}
	if t.Info.TSA != nil && !tsaFits(t.Info.TSA, sig.Certificate) {
		v.Notes = append(v.Notes, "the tsa field is not a name of the signing certificate")
	}
	return v, nil
}

// tsaFits reports whether the tsa field is the certificate's subject or one of its alternative names.
func tsaFits(tsa []byte, cert *x509.Certificate) bool {
	in := cryptobyte.String(tsa)
	var dn cryptobyte.String
	if in.ReadASN1(&dn, implicit(4)) && bytes.Equal(dn, cert.RawSubject) {
		return true
	}
	for _, x := range cert.Extensions {
		if !x.Id.Equal([]int{2, 5, 29, 17}) {
			continue
		}
		s := cryptobyte.String(x.Value)
		var names cryptobyte.String
		if !s.ReadASN1(&names, asn1.SEQUENCE) {
			return false
		}
		for !names.Empty() {
			var n cryptobyte.String
			var t asn1.Tag
			if !names.ReadAnyASN1Element(&n, &t) {
				return false
			}
			if bytes.Equal(n, tsa) {
				return true
			}
		}
	}
	return false
}
