package pades

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/chancery-dev/chancery/internal/cms/revocation"
	"github.com/chancery-dev/chancery/verifier"
)

// pathStatus is what is known of the certificates of a path.
type pathStatus struct {
	reason    verifier.Reason // "" where none was revoked
	sub       SubIndication
	detail    string
	revokedAt time.Time
	code      int
	fromFile  bool // all answers came from the file
	// older is the oldest answer that was given before the time in question, zero where
	// none was: fresh by its own nextUpdate (EN 319 102-1, 5.2.5.4), but blind to a
	// revocation in between.
	older time.Time
}

// CRL reasons (RFC 5280, 5.3.1) that say nothing against what was signed before.
var benign = map[int]bool{3: true, 4: true, 5: true}

const reasonHold = 6

// status asks for each certificate below the anchor whether it was revoked at a time.
// poe is when what the path signed is proven to have existed: a compromise that became
// known before it counts, whenever the revocation is dated.
func (v *validation) status(path []*x509.Certificate, at, poe time.Time) pathStatus {
	all := pathStatus{fromFile: true}
	for i := 0; i+1 < len(path); i++ {
		ans, fromFile := v.certStatus(path[i], path[i+1], at, poe)
		all.fromFile = all.fromFile && fromFile
		what := "the certificate"
		if i > 0 {
			what = fmt.Sprintf("issuing certificate %d", i)
		}
		revoked := ans.Status == revocation.Revoked
		if ans.Status == revocation.Good && !ans.RevokedAt.IsZero() && !ans.RevokedAt.After(poe) && !benign[ans.Code] {
			revoked = true
		}
		if !ans.InvalidSince.IsZero() && !ans.InvalidSince.After(at) && !benign[ans.Code] {
			revoked = true // later, but the key was in other hands already (RFC 5280, 5.3.2)
		}
		switch {
		case revoked && ans.Code == reasonHold:
			return pathStatus{reason: verifier.RevocationUnknown, sub: TryLater, detail: what + " is on hold"}
		case revoked:
			sub := RevokedNoPOE
			if i > 0 {
				sub = RevokedCANoPOE
			}
			return pathStatus{reason: verifier.SignerRevokedNoPOE, sub: sub, revokedAt: ans.RevokedAt, code: ans.Code,
				detail: fmt.Sprintf("%s was revoked on %s", what, ans.RevokedAt.UTC().Format(time.RFC3339))}
		case ans.Status != revocation.Good:
			return pathStatus{reason: verifier.RevocationUnknown, sub: unknownSub(ans.Reason),
				detail: fmt.Sprintf("%s (serial %s): %s", what, path[i].SerialNumber, string(ans.Reason))}
		case v.c.Fresh > 0 && at.Sub(ans.ThisUpdate) > v.c.Fresh:
			return pathStatus{reason: verifier.RevocationUnknown, sub: TryLater,
				detail: fmt.Sprintf("%s: the data at hand are of %s", what, ans.ThisUpdate.UTC().Format(time.RFC3339))}
		case ans.BeforeAt && (all.older.IsZero() || ans.ThisUpdate.Before(all.older)):
			all.older = ans.ThisUpdate
		}
	}
	return all
}

func unknownSub(r revocation.Reason) SubIndication {
	if s := r.SubIndication(); s != "" {
		return SubIndication(s)
	}
	return TryLater
}

// certStatus asks the data of the file, then the caller's source: where the file has no
// answer, for what nothing but the present proves, and where the file's data are older
// than the time in question, so that they could not know of a revocation before it.
func (v *validation) certStatus(cert, issuer *x509.Certificate, at, poe time.Time) (revocation.Answer, bool) {
	best := revocation.Answer{Reason: revocation.NoData}
	for i := range v.store.revs {
		r := &v.store.revs[i]
		known, _ := v.existed(r.rev, true)
		best = better(best, r.data.Check(revocation.Query{Certificate: cert, Issuer: issuer, At: at, Known: known, Policy: v.c.Algorithms}))
	}
	if v.c.Revocation == nil || best.Status == revocation.Revoked || best.Status == revocation.Good && !best.BeforeAt && poe.Before(v.now) {
		return best, true
	}
	data := v.fetch(cert, issuer)
	if data == nil {
		return best, true
	}
	online := data.Check(revocation.Query{Certificate: cert, Issuer: issuer, At: at, Known: v.now, Policy: v.c.Algorithms})
	fromFile := best.Status == revocation.Good
	return better(best, online), fromFile
}

// fetch asks the caller's source, once for each certificate.
func (v *validation) fetch(cert, issuer *x509.Certificate) *revocation.Store {
	key := string(cert.Raw) + string(issuer.Raw)
	if data, ok := v.fetched[key]; ok {
		return data
	}
	var data *revocation.Store
	ocsp, crls, err := v.c.Revocation.Revocation(v.ctx, cert, issuer)
	if err == nil && v.ctx.Err() == nil {
		if data, err = revocation.NewStore(ocsp, crls); err != nil {
			data = nil
		}
	}
	if v.fetched == nil {
		v.fetched = map[string]*revocation.Store{}
	}
	v.fetched[key] = data
	return data
}

// better prefers a revocation to a clearance, a clearance that knows of a later
// revocation to one that does not, and anything to ignorance.
func better(a, b revocation.Answer) revocation.Answer {
	switch {
	case a.Status == revocation.Revoked && b.Status == revocation.Revoked:
		if b.RevokedAt.Before(a.RevokedAt) {
			return b
		}
		return a
	case a.Status == revocation.Revoked:
		return a
	case b.Status == revocation.Revoked:
		return b
	case a.Status == revocation.Good && b.Status == revocation.Good:
		if a.RevokedAt.IsZero() && (!b.RevokedAt.IsZero() || b.ThisUpdate.After(a.ThisUpdate)) {
			return b
		}
		return a
	case a.Status == revocation.Good:
		return a
	case b.Status == revocation.Good || a.Reason == revocation.NoData:
		return b
	}
	return a
}

// judgeRevocation decides about the signer's path, and tells whether the file alone
// gave the answers.
func (v *validation) judgeRevocation(it *item, path *chain.Path, at time.Time) bool {
	if v.c.InsecureNoRevocation {
		it.sig.Checks = append(it.sig.Checks, verifier.Check{ID: verifier.CheckStatus, Result: verifier.Skipped, Detail: "InsecureNoRevocation"})
		return false
	}
	st := v.status(path.Certificates, at, at)
	switch {
	case st.reason == "":
		detail := "no certificate below the anchor was revoked at " + at.Format(time.RFC3339)
		if !st.older.IsZero() {
			detail += ", by data of " + st.older.UTC().Format(time.RFC3339) + " that were still in force, and cannot know of what happened since"
		}
		it.sig.pass(verifier.CheckStatus, detail)
		return st.fromFile
	case st.sub == RevokedNoPOE && !it.sig.Claimed.IsZero() && !it.sig.claimedSince.Before(st.revokedAt):
		// The signature itself says that it was made afterwards: nothing can make it older.
		it.sig.fail(verifier.CheckStatus, Revoked, verifier.SignerRevoked, st.detail+", before the time the signature claims")
	default:
		it.sig.fail(verifier.CheckStatus, st.sub, st.reason, st.detail)
	}
	return false
}
