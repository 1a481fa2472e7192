// Package revocation answers whether a certificate was revoked at a time, from OCSP responses
// (RFC 6960) and CRLs (RFC 5280) the caller has, without asking anyone.
//
// NewStore once for all the data at hand, then Check for each certificate of a path that package chain
// accepted. Good needs data that is signed by the certificate's issuer or its delegate, issued for this
// very certificate, and covers the time. Missing, stale, unsigned or foreign data is Unknown with the
// reason for each piece, never Good.
//
// Indirect CRLs and responders trusted by local configuration are not supported: they yield Unknown.
// CRLs for some reasons only and delta CRLs can show a certificate revoked, and never good.
package revocation

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/algo"
)

// Limits on revocation data.
const (
	MaxOCSPSize  = 1 << 20  // bytes of a response
	MaxCRLSize   = 64 << 20 // bytes of a CRL; the largest in public use have some tens of megabytes
	MaxResponses = 1024     // single responses in one OCSP response
	MaxCerts     = 32       // certificates in one OCSP response
	MaxItems     = 1024     // pieces of data in a store

	// maxWork bounds one Check: bytes hashed, with each signature counted as signatureWork bytes, about
	// the time one takes. Four CRLs of the largest size, or some two thousand OCSP responses.
	maxWork       = 4 * MaxCRLSize
	signatureWork = 100_000
)

// Status is what is known about a certificate. The zero Status is Unknown.
type Status int

// The three outcomes.
const (
	Unknown Status = iota
	Good
	Revoked
)

// String returns the outcome's name.
func (s Status) String() string { return [...]string{"unknown", "good", "revoked"}[min(max(s, 0), 2)] }

// Reason is a short code for why a piece of data was not used. A Reason is an error for errors.Is.
type Reason string

// The closed set of reasons.
const (
	NoData           Reason = "no_data"           // nothing at hand for this certificate
	Malformed        Reason = "malformed"         // broken ASN.1
	TooLarge         Reason = "too_large"         // over a limit
	NotSuccessful    Reason = "not_successful"    // an OCSP error instead of an answer
	OtherCertificate Reason = "other_certificate" // about other certificates, or from another issuer
	OutOfScope       Reason = "out_of_scope"      // a CRL that does not cover this kind of certificate
	Unsupported      Reason = "unsupported"       // indirect CRL, one that covers a part only, unknown critical extension
	BadSignature     Reason = "bad_signature"     // not signed by the issuer or its delegate
	BadResponder     Reason = "bad_responder"     // the signer may not answer for the issuer
	ResponderRevoked Reason = "responder_revoked" // or its own status is not known
	SignerExpired    Reason = "signer_expired"    // the signer's certificate had ended before the data is proven to exist [REVOCATION_OUT_OF_BOUNDS_NO_POE]
	WeakAlgorithm    Reason = "weak_algorithm"    // signed with something the policy refuses
	NotYet           Reason = "not_yet"           // issued after the time it is judged at
	Stale            Reason = "stale"             // too old to say anything about the time
	Forgotten        Reason = "forgotten"         // issued after the certificate ended, when issuers no longer list it
	NotKnown         Reason = "not_known"         // the responder does not know the certificate
	BadConfig        Reason = "bad_config"        // the query lacks something
)

// Error makes a Reason usable with errors.Is.
func (r Reason) Error() string { return "revocation: " + string(r) }

// SubIndication returns the EN 319 102-1 word for a certificate whose status stays unknown for the reason.
func (r Reason) SubIndication() string {
	switch r {
	case SignerExpired:
		return "REVOCATION_OUT_OF_BOUNDS_NO_POE"
	case WeakAlgorithm:
		return "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"
	case BadConfig:
		return "CERTIFICATE_CHAIN_GENERAL_FAILURE"
	}
	return "TRY_LATER"
}

// Error is what parsing and the single checks return.
type Error struct {
	Reason Reason
	Detail string
	Err    error
}

// Error joins reason, detail and cause.
func (e *Error) Error() string {
	s := e.Reason.Error()
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Is reports whether target is the Reason of e.
func (e *Error) Is(target error) bool { r, ok := target.(Reason); return ok && r == e.Reason }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func fail(r Reason, format string, args ...any) *Error {
	return &Error{Reason: r, Detail: fmt.Sprintf(format, args...)}
}

// Kind tells pieces of data apart.
type Kind string

// Kinds of data.
const (
	OCSP Kind = "ocsp"
	CRL  Kind = "crl"
)

// Source names a piece of data in a store.
type Source struct {
	Kind  Kind
	Index int // in the list NewStore was given
}

// Rejection is a piece of data that was not used, and why.
type Rejection struct {
	Source Source
	Reason Reason
	Err    error
}

// Query is a question about one certificate.
type Query struct {
	// Certificate and Issuer are neighbours in a path that has been accepted. Required.
	Certificate, Issuer *x509.Certificate
	// At is the time the status matters at: when the signature provably existed. Required.
	At time.Time
	// Known is a time at which the revocation data provably existed: that of a timestamp over it, or
	// now. Data may be newer than At. Zero means At.
	Known time.Time
	// MaxAge accepts data that is older than At by no more than this, whatever its nextUpdate says, for
	// responders that state none. Zero goes by nextUpdate alone.
	MaxAge time.Duration
	// OnlyAfter refuses Good from data issued before At, however fresh: only data that could already
	// know of a revocation up to At counts.
	OnlyAfter bool
	// Skew is the difference between clocks that is forgiven. Zero means one minute.
	Skew time.Duration
	// Policy is the table of acceptable algorithms, applied at Known. Nil means algo.DefaultPolicy.
	Policy *algo.Policy
	// InsecureUncheckedResponder accepts delegated responders without id-pkix-ocsp-nocheck whose own
	// status is not known.
	InsecureUncheckedResponder bool
	// InsecureExpiredSigner accepts data whose signer's certificate had ended by Known. Whoever finds
	// an old key could have made such data later.
	InsecureExpiredSigner bool

	work *int // what is left of maxWork
}

// Answer is what is known.
type Answer struct {
	Status Status
	Reason Reason // for Unknown: the most telling reason among Rejected, or NoData
	Source Source // for Good and Revoked

	ThisUpdate, NextUpdate time.Time // of the source; NextUpdate zero when not stated
	ProducedAt             time.Time // OCSP only
	BeforeAt               bool      // Good from data issued before At: fresh, but blind to a revocation in between

	RevokedAt time.Time // zero when never revoked; with Good, a revocation after At
	Code      int       // CRLReason, 0 when not stated
	// InvalidSince is the invalidityDate of the revocation: since when the key is suspected. Zero when
	// not stated. It does not change Status.
	InvalidSince time.Time

	Signer   *x509.Certificate // who signed the source
	Rejected []Rejection
}

// Check answers a query. It never returns Good or Revoked without verified data. Pieces about other
// certificates are passed over in silence.
func (s *Store) Check(q Query) Answer {
	work := maxWork
	q.work = &work
	return s.check(q, 0)
}

// check looks at every piece: a revocation anywhere counts, and among the good the newest is told.
func (s *Store) check(q Query, depth int) Answer {
	ans := Answer{Reason: NoData}
	if q.Certificate == nil || q.Issuer == nil || q.At.IsZero() {
		ans.Reason = BadConfig
		return ans
	}
	if q.Known.IsZero() {
		q.Known = q.At
	}
	if q.Skew == 0 {
		q.Skew = time.Minute
	}
	if q.Policy == nil {
		q.Policy = algo.DefaultPolicy()
	}
	var best, held, doubt *finding
	for i := range s.items {
		it := &s.items[i]
		f, e := it.find(s, q, depth)
		if e == nil {
			e = f.judge(q)
			if e != nil && e.Reason != NotYet && f.status == Revoked && (doubt == nil || f.thisUpdate.After(doubt.thisUpdate)) {
				doubt = f // a hold that may still be on
			}
		}
		if e != nil {
			if e.Reason != OtherCertificate {
				ans.Rejected = append(ans.Rejected, Rejection{it.source, e.Reason, e})
				ans.Reason = telling(ans.Reason, e.Reason)
			}
			continue
		}
		f.source = it.source
		if f.status == Revoked && f.code == reasonHold {
			if held == nil || f.thisUpdate.After(held.thisUpdate) {
				held = f
			}
			continue
		}
		if best == nil || f.beats(best) {
			best = f
		}
	}
	// A hold can be lifted: the newest data decides between it and Good.
	if held != nil && (best == nil || best.status == Good && !best.thisUpdate.After(held.thisUpdate)) {
		best = held
	}
	// Nothing older than a hold can lift it, also where the hold is too old to be relied on.
	if best != nil && best.status == Good && doubt != nil && doubt.thisUpdate.After(best.thisUpdate) {
		best = nil
	}
	if best != nil {
		best.answer(&ans, q)
	}
	return ans
}

// telling keeps the reason that says most about why nothing was usable.
func telling(have, found Reason) Reason {
	rank := map[Reason]int{NoData: 0, Malformed: 1, TooLarge: 1, NotSuccessful: 2, OutOfScope: 3, Unsupported: 4,
		BadSignature: 5, BadResponder: 5, ResponderRevoked: 6, WeakAlgorithm: 6, NotKnown: 6, Forgotten: 7, NotYet: 7,
		Stale: 8, SignerExpired: 9}
	if rank[found] > rank[have] {
		return found
	}
	return have
}

const (
	reasonHold   = 6
	reasonRemove = 8
)

// finding is what one verified piece says about the certificate.
type finding struct {
	source                             Source
	status                             Status
	thisUpdate, nextUpdate, producedAt time.Time
	revokedAt, invalidSince            time.Time
	code                               int
	keeps                              time.Time // certificates that ended at this time or later are still listed; zero: not stated
	partial                            bool      // a CRL for some reasons only, or of changes: can revoke, cannot clear
	signer                             *x509.Certificate
}

// judge applies the times. What it lets through is conclusive at q.At.
func (f *finding) judge(q Query) *Error {
	if f.thisUpdate.After(q.Known.Add(q.Skew)) || f.producedAt.After(q.Known.Add(q.Skew)) {
		return fail(NotYet, "issued at %s, judged at %s", f.thisUpdate.Format(time.RFC3339), q.Known.UTC().Format(time.RFC3339))
	}
	if f.status == Revoked {
		if f.code != reasonHold && !f.revokedAt.After(q.At) {
			return nil // final, however old the data
		}
		if f.revokedAt.After(q.At) {
			if f.partial {
				return fail(Unsupported, "a CRL for some reasons only, or of changes, cannot show the certificate good")
			}
			f.status = Good // at q.At; the later revocation is told with the answer
			return nil
		}
	}
	if f.partial {
		return fail(Unsupported, "a CRL for some reasons only, or of changes, cannot show the certificate good")
	}
	if !f.thisUpdate.Before(q.At) {
		if end := q.Certificate.NotAfter; f.thisUpdate.After(end) && (f.keeps.IsZero() || f.keeps.After(end)) {
			return fail(Forgotten, "issued at %s, after the certificate ended", f.thisUpdate.Format(time.RFC3339))
		}
		return nil
	}
	if q.OnlyAfter {
		return fail(Stale, "issued at %s, before %s", f.thisUpdate.Format(time.RFC3339), q.At.UTC().Format(time.RFC3339))
	}
	fresh := !f.nextUpdate.IsZero() && !q.At.After(f.nextUpdate) || q.MaxAge > 0 && q.At.Sub(f.thisUpdate) <= q.MaxAge
	if !fresh {
		return fail(Stale, "issued at %s, next update %s, needed at %s", f.thisUpdate.Format(time.RFC3339),
			f.nextUpdate.Format(time.RFC3339), q.At.UTC().Format(time.RFC3339))
	}
	return nil
}

// beats orders findings: revoked before good, the earlier revocation, the newer data.
func (f *finding) beats(g *finding) bool {
	switch {
	case f.status != g.status:
		return f.status == Revoked
	case f.status == Revoked:
		return f.revokedAt.Before(g.revokedAt)
	}
	return f.thisUpdate.After(g.thisUpdate)
}

func (f *finding) answer(a *Answer, q Query) {
	a.Status, a.Reason, a.Source = f.status, "", f.source
	a.ThisUpdate, a.NextUpdate, a.ProducedAt = f.thisUpdate, f.nextUpdate, f.producedAt
	a.RevokedAt, a.Code, a.InvalidSince, a.Signer = f.revokedAt, f.code, f.invalidSince, f.signer
	a.BeforeAt = f.status == Good && f.thisUpdate.Before(q.At)
}

// Store holds parsed revocation data. It may be used by several goroutines at once.
type Store struct{ items []item }

type item struct {
	source Source
	ocsp   *Response
	crl    *List
	err    *Error
}

// NewStore parses revocation data: OCSPResponse and CertificateList elements in DER. Pieces that do
// not parse are kept as such and show up in Answer.Rejected. The data is not copied.
func NewStore(ocsp, crls [][]byte) (*Store, error) {
	if len(ocsp)+len(crls) > MaxItems {
		return nil, fail(TooLarge, "%d pieces of revocation data, at most %d", len(ocsp)+len(crls), MaxItems)
	}
	s := &Store{}
	for i, b := range ocsp {
		it := item{source: Source{OCSP, i}}
		it.ocsp, it.err = parseResponse(b)
		s.items = append(s.items, it)
	}
	for i, b := range crls {
		it := item{source: Source{CRL, i}}
		it.crl, it.err = parseList(b)
		s.items = append(s.items, it)
	}
	return s, nil
}

// find returns what a piece says about the certificate after verifying its signature.
func (it *item) find(s *Store, q Query, depth int) (*finding, *Error) {
	switch {
	case it.err != nil:
		return nil, it.err
	case it.ocsp != nil:
		return it.ocsp.find(s, q, depth)
	}
	return it.crl.find(q)
}

// CheckPath answers for each certificate of a path but the last, which is trusted by itself.
func (s *Store) CheckPath(path []*x509.Certificate, q Query) []Answer {
	var out []Answer
	for i := 0; i+1 < len(path); i++ {
		q.Certificate, q.Issuer = path[i], path[i+1]
		out = append(out, s.Check(q))
	}
	return out
}

// live checks that the signer's certificate had not ended when the data is known to exist.
func live(signer *x509.Certificate, q Query) *Error {
	if q.Known.After(signer.NotAfter) && !q.InsecureExpiredSigner {
		return fail(SignerExpired, "the signer's certificate ended on %s, the data is proven to exist only at %s",
			signer.NotAfter.UTC().Format(time.DateOnly), q.Known.UTC().Format(time.DateOnly))
	}
	return nil
}

// verify checks a signature of the signer over tbs and judges the algorithms.
func verify(id algo.Identifier, signer *x509.Certificate, tbs, sig []byte, role string, q Query) *Error {
	if *q.work -= len(tbs) + signatureWork; *q.work < 0 {
		return fail(TooLarge, "too much revocation data for one certificate")
	}
	scheme, err := algo.ParseSignature(id, 0)
	if err != nil {
		return &Error{Reason: BadSignature, Err: err}
	}
	pub, err := algo.PublicKey(signer)
	if err != nil {
		return &Error{Reason: BadSignature, Err: err}
	}
	if err := algo.Permits(signer, scheme); err != nil {
		return &Error{Reason: BadSignature, Err: err}
	}
	if err := scheme.Verify(pub, tbs, sig); err != nil {
		return &Error{Reason: BadSignature, Err: err}
	}
	if err := q.Policy.Check(q.Known, algo.SignatureUse(role, scheme, pub)); err != nil {
		return &Error{Reason: WeakAlgorithm, Err: err}
	}
	return nil
}
