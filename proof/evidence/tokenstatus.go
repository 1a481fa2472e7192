package evidence

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/revocation"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
)

// What a token may bring along about its authority's certificates: anybody can add to it, and
// looking at a piece costs a signature each.
const (
	maxStatusItems = 16       // in one token
	maxStatusAll   = 256      // in all tokens
	maxStatusBytes = 64 << 20 // in all tokens, each time that it is looked through
)

// Reasons (RFC 5280, 5.3.1) for which a certificate is given up without its key being in other
// hands: affiliationChanged, superseded, cessationOfOperation. Tokens from before stay good
// (RFC 3161, section 4). One that is not stated is none of them.
var benignReasons = map[int]bool{3: true, 4: true, 5: true}

const reasonHold = 6

// authorityStatus tells whether the certificates of a token's authority were revoked, at a time at
// which the token, with the data in it, provably existed: what is known of it in words, and if
// the token must not count, why.
func (v *run) authorityStatus(ok *tsp.Verified, at time.Time) (known, refused string) {
	path := ok.Path.Certificates
	if len(path) < 2 {
		return "the authority's certificate is itself in the trust", ""
	}
	own := v.ownStatus(ok.Token)
	var oldest time.Time
	for i := range path[:len(path)-1] {
		answers, refused := v.certificateStatus(own, path[i], path[i+1], ok.Time, at)
		what := "the authority's certificate"
		if i > 0 {
			what = fmt.Sprintf("issuing certificate %d of the authority", i)
		}
		if refused != "" {
			return "", what + refused
		}
		best := revocation.Answer{Reason: revocation.NoData}
		for _, a := range answers {
			if a.Status == revocation.Good && (best.Status != revocation.Good || a.ThisUpdate.After(best.ThisUpdate)) || best.Reason == revocation.NoData && a.Reason != "" {
				best = a
			}
		}
		if best.Status != revocation.Good {
			return fmt.Sprintf("whether %s was revoked was not checked: %s", what, unknownStatus(best.Reason)), ""
		}
		if oldest.IsZero() || best.ThisUpdate.Before(oldest) {
			oldest = best.ThisUpdate
		}
	}
	return "no certificate of the authority was revoked, as of " + stamp(oldest), ""
}

func unknownStatus(r revocation.Reason) string {
	if r == revocation.NoData {
		return "nobody's word on it is at hand"
	}
	return "what is at hand does not tell (" + string(r) + ")"
}

// certificateStatus asks the data in the token, then the reader's source: where the token's data
// are no answer, where nothing but the present proves the token, and where they are older than
// the token. refused says that a certificate was revoked, or may be.
func (v *run) certificateStatus(own *revocation.Store, cert, issuer *x509.Certificate, made, at time.Time) (answers []revocation.Answer, refused string) {
	q := revocation.Query{Certificate: cert, Issuer: issuer, At: made}
	if own != nil {
		q.Known = at
		a := own.Check(q)
		if refused = revoked(a, made, at); refused != "" {
			return nil, refused
		}
		answers = append(answers, a)
		if a.Status == revocation.Good && !a.BeforeAt && at.Before(v.t.Now) {
			return answers, ""
		}
	}
	if source := v.readerStatus(cert, issuer); source != nil {
		q.Known = v.t.Now
		a := source.Check(q)
		if refused = revoked(a, made, at); refused != "" {
			return nil, refused
		}
		answers = append(answers, a)
	}
	return answers, ""
}

// revoked applies RFC 3161, section 4, and ETSI EN 319 102-1, 5.2.5, to an answer: a token made
// before a revocation counts where the key stayed in its owner's hands, or where the token is proven
// to be older than the revocation.
func revoked(a revocation.Answer, made, at time.Time) string {
	switch {
	case a.Status == revocation.Unknown:
		return ""
	case a.Status == revocation.Revoked && a.Code == reasonHold:
		return " is on hold"
	case a.Status == revocation.Revoked,
		!a.RevokedAt.IsZero() && !a.RevokedAt.After(at) && !benignReasons[a.Code]:
		return " was revoked on " + stamp(a.RevokedAt)
	case !a.InvalidSince.IsZero() && !a.InvalidSince.After(made) && !benignReasons[a.Code]:
		return " was revoked on " + stamp(a.RevokedAt) + ", its key being suspected since " + stamp(a.InvalidSince)
	}
	return ""
}

// ownStatus reads the revocation data in a token; nil: there is none, or too much of it.
func (v *run) ownStatus(token *tsp.Token) *revocation.Store {
	ocsp, crls := token.Signed.RevocationValues()
	n, size := len(ocsp)+len(crls), 0
	for _, b := range append(ocsp[:len(ocsp):len(ocsp)], crls...) {
		size += len(b)
	}
	v.statusItems += n
	v.statusBytes += size
	if n == 0 || n > maxStatusItems || v.statusItems > maxStatusAll || v.statusBytes > maxStatusBytes {
		return nil
	}
	s, err := revocation.NewStore(ocsp, crls)
	if err != nil {
		return nil
	}
	return s
}

// readerStatus asks the reader's source, once for each certificate.
func (v *run) readerStatus(cert, issuer *x509.Certificate) *revocation.Store {
	if v.t.Revocation == nil {
		return nil
	}
	key := string(cert.Raw) + string(issuer.Raw)
	if s, ok := v.asked[key]; ok {
		return s
	}
	var s *revocation.Store
	if ocsp, crls := v.t.Revocation(cert, issuer); len(ocsp)+len(crls) > 0 {
		if made, err := revocation.NewStore(ocsp, crls); err == nil {
			s = made
		}
	}
	if v.asked == nil {
		v.asked = map[string]*revocation.Store{}
	}
	v.asked[key] = s
	return s
}
