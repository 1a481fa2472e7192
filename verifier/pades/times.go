package pades

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
	"github.com/chancery-dev/chancery/verifier"
)

// existed returns the earliest time at which what lies in the given revision is proven
// to have existed by document timestamps judged so far: those after it, or with own
// also one that ends it. Without any the time is now.
func (v *validation) existed(rev int, own bool) (time.Time, string) {
	at, by := v.now, ""
	for _, it := range v.items {
		if it.counts && (it.rev.Index > rev || own && it.rev.Index == rev) && (by == "" || it.proven.Before(at)) {
			at, by = it.proven, it.sig.Field
		}
	}
	return at, by
}

// judgeTimes walks the document timestamps from the outermost inwards, each judged at
// the time that the next one out proves for it (EN 319 102-1, 5.6.2), then judges the
// signatures.
func (v *validation) judgeTimes() error {
	if err := v.finishStore(); err != nil {
		return err
	}
	for _, it := range slices.Backward(v.items) {
		if it.sig.Timestamp && it.token != nil {
			v.judgeStamp(it)
		}
	}
	for _, it := range v.items {
		if !it.sig.Timestamp && it.verified != nil {
			v.judgeSignature(it)
		}
	}
	return v.ctx.Err()
}

// judgeStamp decides whether the time of a document timestamp counts.
func (v *validation) judgeStamp(it *item) {
	poe, _ := v.existed(it.rev.Index, false)
	ok, sub, detail := v.trustToken(it.token, it.token.Info.Imprint, poe)
	if detail != "" {
		it.sig.fail(verifier.CheckTimestamp, sub, verifier.TimestampUntrusted, detail)
		v.find(verifier.GradeWarning, "timestamp_ignored", it.sig.Field+": the document timestamp does not count: "+detail)
		return
	}
	it.counts, it.proven = true, earlier(ok.Token.Info.Latest(), v.now)
	it.sig.Certificate, it.sig.Path, it.sig.Algorithm = ok.Signature.Certificate, ok.Path.Certificates, ok.Signature.Scheme.String()
	it.sig.Proven, it.sig.ProvenBy = it.proven, it.sig.Field
	it.sig.pass(verifier.CheckTimestamp, "by a trusted authority at "+it.proven.Format(time.RFC3339))
	it.sig.Indication = TotalPassed
}

// trustToken decides whether a token that is sound counts (EN 319 102-1, 5.4): its
// authority leads to a TSA anchor, at its own time and until the token is proven to
// exist, and none of its certificates was revoked.
func (v *validation) trustToken(tok *tsp.Token, imprint []byte, poe time.Time) (*tsp.Verified, SubIndication, string) {
	if len(v.c.TSARoots) == 0 {
		return nil, NoCertificateChain, "no timestamping authority is trusted"
	}
	ok, err := tok.Verify(tsp.VerifyConfig{Imprint: imprint, Anchors: v.c.TSARoots, Candidates: v.store.certs.list, At: poe, Algorithms: v.c.Algorithms})
	if err != nil {
		return nil, tokenSub(err), err.Error()
	}
	if v.c.InsecureNoRevocation {
		return ok, "", ""
	}
	st := v.status(ok.Path.Certificates, ok.Time, poe)
	if st.reason != "" {
		return nil, st.sub, "its authority: " + st.detail
	}
	return ok, "", ""
}

// earlier bounds a time by another: a clock that is a little ahead proves nothing about
// the future.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// tokenSub maps an error of package tsp.
func tokenSub(err error) SubIndication {
	var ce *chain.Error
	switch {
	case errors.Is(err, tsp.ExpiredNoPOE):
		return OutOfBoundsNoPOE
	case errors.As(err, &ce):
		return SubIndication(ce.Reason.SubIndication())
	case errors.Is(err, cms.WeakAlgorithm), errors.Is(err, cms.UnsupportedAlgorithm):
		return CryptoConstraintsFailure
	case errors.Is(err, tsp.ImprintMismatch):
		return HashFailure
	}
	return Generic
}

// judgeSignature decides about a signature whose bytes and value are right.
func (v *validation) judgeSignature(it *item) {
	// 1. When it existed for certain: the earliest of the timestamps on it that count.
	at, by := v.existed(it.rev.Index, false)
	lasting := by != ""
	if t, ok := v.signatureTokens(it, at); ok && (by == "" || t.Before(at)) {
		at, by = t, "signature timestamp"
	}
	it.sig.Proven, it.sig.ProvenBy = at, by
	// 2. Its chain to an anchor, at that time (EN 319 102-1, 5.2.6).
	path := v.judgeChain(it, at, by != "")
	v.judgeClaim(it, by != "")
	// 3. Algorithms, at that time (5.2.8).
	v.judgeAlgorithms(it, at, by != "")
	if path == nil {
		return
	}
	// 4. Revocation, at that time (5.2.5, 5.5).
	fromFile := v.judgeRevocation(it, path, at)
	if it.sig.Indication != "" {
		return
	}
	it.sig.Indication = TotalPassed
	it.sig.Level = levelOf(it.sig.Level, by == "signature timestamp" || v.hasToken(it), fromFile, lasting)
}

// judgeClaim lets a signature fail that says it is made later than now. Where a timestamp
// proves that it exists, its maker's clock was wrong, and nothing hangs on it.
func (v *validation) judgeClaim(it *item, proven bool) {
	skew := v.c.ClockSkew
	if skew <= 0 {
		skew = 5 * time.Minute
	}
	switch late := it.sig.claimedSince.Sub(v.now); {
	case late <= skew:
	case proven:
		v.find(verifier.GradeWarning, "pdf_claimed_time", it.sig.Field+": the time that the signature claims is later than it is proven to exist")
	default:
		it.sig.fail(verifier.CheckSignature, NotYetValid, verifier.ProofCreatedInFuture,
			fmt.Sprintf("claims %s, which is later than %s by more than %v", it.sig.Claimed.Format(time.RFC3339), v.now.Format(time.RFC3339), skew))
	}
}

func (v *validation) hasToken(it *item) bool {
	return slices.ContainsFunc(it.sig.Tokens, func(t Token) bool { return t.Reason == "" })
}

// levelOf raises B to what its parts reach.
func levelOf(base string, stamped, validated, lasting bool) string {
	if len(base) == 0 || !stamped {
		return base
	}
	stem := base[:len(base)-1]
	switch {
	case stem == "PKCS7-" || !validated:
		return stem + "T"
	case !lasting:
		return stem + "LT"
	}
	return stem + "LTA"
}

// signatureTokens judges the timestamps the signature carries (RFC 3161, appendix A),
// and returns the earliest time of those that count.
func (v *validation) signatureTokens(it *item, poe time.Time) (earliest time.Time, found bool) {
	tokens := it.verified.Signer.Timestamps()
	for i, der := range tokens {
		if i == maxTokens {
			v.find(verifier.GradeWarning, "timestamp_ignored", fmt.Sprintf("%s: %d timestamps, of which %d are looked at", it.sig.Field, len(tokens), maxTokens))
			break
		}
		t := v.signatureToken(it, der, poe)
		it.sig.Tokens = append(it.sig.Tokens, t)
		if t.Reason != "" {
			it.sig.note(verifier.CheckTimestamp, t.Reason, t.Detail)
			v.find(verifier.GradeWarning, "timestamp_ignored", it.sig.Field+": a signature timestamp does not count: "+t.Detail)
			continue
		}
		it.sig.Checks = append(it.sig.Checks, verifier.Check{ID: verifier.CheckTimestamp, Result: verifier.Pass, Detail: "by a trusted authority at " + t.Time.Format(time.RFC3339)})
		if !found || t.Time.Before(earliest) {
			earliest, found = t.Time, true
		}
	}
	return earliest, found
}

func (v *validation) signatureToken(it *item, der []byte, poe time.Time) Token {
	tok, err := tsp.ParseToken(der)
	if err != nil {
		return Token{Reason: verifier.TimestampBroken, Detail: err.Error()}
	}
	imprint := algo.Sum(tok.Info.Hash, it.verified.Signer.Signature)
	if !slices.Equal(imprint, tok.Info.Imprint) {
		return Token{Reason: verifier.TimestampBroken, Detail: "the timestamp is over another signature"}
	}
	if _, err := v.tokenSound(tok); err != nil {
		return Token{Reason: verifier.TimestampBroken, Detail: err.Error()}
	}
	ok, _, detail := v.trustToken(tok, imprint, poe)
	if detail != "" {
		return Token{Reason: verifier.TimestampUntrusted, Detail: detail}
	}
	return Token{Time: earlier(ok.Token.Info.Latest(), v.now)}
}

// judgeChain builds the signer's path.
func (v *validation) judgeChain(it *item, at time.Time, proven bool) *chain.Path {
	if len(v.c.Roots) == 0 {
		it.sig.fail(verifier.CheckIssuerTrust, NoCertificateChain, verifier.SignerUntrusted, "no roots are trusted")
		return nil
	}
	var pool certs
	pool.add(it.message.Candidates()...)
	pool.add(v.store.certs.list...)
	if len(pool.list) > chain.MaxCandidates {
		pool.list = pool.list[:chain.MaxCandidates]
	}
	path, err := chain.Build(it.verified.Certificate, chain.Config{
		Anchors: v.c.Roots, Candidates: pool.list, At: at, Purpose: chain.Signing,
		SigningEKU: v.eku, RequireEKU: v.c.RequireEKU, Policy: v.c.Algorithms, AlgorithmsAt: at,
	})
	if err == nil {
		it.sig.Path = path.Certificates
		it.sig.pass(verifier.CheckIssuerTrust, fmt.Sprintf("a path of %d certificates to an anchor at %s", len(path.Certificates), at.Format(time.RFC3339)))
		return path
	}
	sub, reason := chainReason(err, proven)
	it.sig.fail(verifier.CheckIssuerTrust, sub, reason, err.Error())
	return nil
}

// chainReason maps an error of package chain (EN 319 102-1, 5.2.6 and 5.3).
func chainReason(err error, proven bool) (SubIndication, verifier.Reason) {
	is := func(r chain.Reason) bool { return errors.Is(err, r) }
	switch {
	case is(chain.Expired) && proven:
		return Expired, verifier.SignerOutOfBounds
	case is(chain.Expired):
		return OutOfBoundsNoPOE, verifier.SignerOutOfBounds
	case is(chain.NotYetValid):
		return NotYetValid, verifier.SignerNotYetValid
	case is(chain.IssuerNotValid), is(chain.AnchorNotValid):
		return OutOfBoundsNoPOE, verifier.SignerOutOfBounds
	case is(chain.WeakAlgorithm):
		return CryptoConstraintsFailure, verifier.WeakAlgorithm
	case is(chain.NoChain):
		return NoCertificateChain, verifier.SignerUntrusted
	case is(chain.BadConfig):
		return CertificateChainFailure, verifier.SignerConstraints
	}
	return ChainConstraintsFailure, verifier.SignerConstraints
}

// judgeAlgorithms applies the policy to the signature itself.
func (v *validation) judgeAlgorithms(it *item, at time.Time, proven bool) {
	pol := v.c.Algorithms
	if pol == nil {
		pol = algo.DefaultPolicy()
	}
	err := pol.Check(at, it.verified.Uses...)
	if err == nil {
		return
	}
	var bad *algo.Violation
	sub := CryptoConstraintsFailure
	if !proven && errors.As(err, &bad) && !bad.Until.IsZero() {
		sub = CryptoConstraintsNoPOE
	}
	it.sig.fail(verifier.CheckSignature, sub, verifier.WeakAlgorithm, err.Error())
}
