package verifier

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// Proof purposes (VC Data Integrity 1.0, 2.1; Controlled Identifiers 1.0, 2.3).
const (
	purposeAssertion      = "assertionMethod"
	purposeAuthentication = "authentication"
)

var knownPurposes = []string{purposeAssertion, purposeAuthentication, "capabilityInvocation", "capabilityDelegation"}

// owner is who should have made the proofs: the issuer, or the holder.
func (c *run) owner() string {
	if c.cred != nil {
		return c.cred.Issuer()
	}
	return c.pres.Holder()
}

// purpose is what the proofs of this document must be made for.
func (c *run) purpose() string {
	if c.pres != nil {
		return purposeAuthentication
	}
	return purposeAssertion
}

// checkProofs judges every proof by itself, on fresh inputs, and then all of them
// together: every proof must verify (VC Data Model 2.0, 4.12; VC Data Integrity 1.0,
// 4.5). It answers the reports of those that did.
func (c *run) checkProofs() []*ProofReport {
	if c.token != nil {
		c.r.Proofs = append(c.r.Proofs, c.judgeToken())
	}
	if c.token == nil || c.doc.Get(0, "proof") != strictjson.None {
		proofs, err := proof.Proofs(c.doc)
		switch {
		case errors.Is(err, proof.ErrNoProof) && c.token != nil: // an empty list beside a JWS
		case errors.Is(err, proof.ErrNoProof):
			c.fail(CheckSignature, NoProof, "")
			return nil
		case err != nil:
			c.fail(CheckSignature, ProofMalformed, err.Error())
			return nil
		}
		hasher := &hasher{c: c}
		for i := range proofs {
			c.r.Proofs = append(c.r.Proofs, c.judgeProof(hasher, proofs, i))
		}
		hasher.report(c.r.Proofs)
	}
	return c.sumUp()
}

// sumUp makes the check of all signatures from the verdicts on each.
func (c *run) sumUp() []*ProofReport {
	var good []*ProofReport
	var failed, open *ProofReport
	for i := range c.r.Proofs {
		p := &c.r.Proofs[i]
		switch p.Result {
		case Pass:
			good = append(good, p)
		case Fail:
			failed = first(failed, p)
		default:
			open = first(open, p)
		}
	}
	bad := first(failed, open)
	byIssuer := slices.ContainsFunc(good, func(p *ProofReport) bool { return p.IsIssuer })
	switch {
	case bad == nil:
		c.pass(CheckSignature, c.proofSummary(good))
	case c.v.policy.InsecureAnyProof && len(good) > 0 && (byIssuer || c.v.policy.InsecureNoIssuerBinding):
		c.r.find(GradeWarning, "proof_not_verified", bad.Pointer, "one of several proofs did not verify: "+bad.Reason.Text())
		c.pass(CheckSignature, c.proofSummary(good)+fmt.Sprintf("; %d others do not verify", len(c.r.Proofs)-len(good)))
	default:
		c.fail(CheckSignature, bad.Reason, bad.Detail)
	}
	return good
}

func first(a, b *ProofReport) *ProofReport {
	if a != nil {
		return a
	}
	return b
}

func (c *run) proofSummary(good []*ProofReport) string {
	var s []string
	for _, p := range good {
		s = append(s, p.Suite+" by "+p.Method)
	}
	return strings.Join(s, "; ")
}

// judgeProof judges one Data Integrity proof (VC Data Integrity 1.0, 4.4).
func (c *run) judgeProof(h *hasher, all []proof.Proof, i int) ProofReport {
	p := all[i]
	r := ProofReport{
		Index: len(c.r.Proofs), Pointer: p.Pointer, Type: p.Type, Suite: p.Cryptosuite, Method: p.VerificationMethod,
		Purpose: p.ProofPurpose, Previous: p.PreviousProof,
	}
	if r.Suite == "" {
		r.Suite = p.Type
	}
	if p.HasCreated {
		r.Created = p.Created.UTC()
	}
	suite, ok := proof.SuiteByName(p.Type, p.Cryptosuite)
	if reason, detail := c.proofRules(p); reason != "" && (ok || !silent(p, reason)) {
		return r.refuse(reason, detail)
	}
	if !ok {
		return r.refuse(ProofTypeUnknown, fmt.Sprintf("type %s, cryptosuite %s", p.Type, p.Cryptosuite))
	}
	previous, err := proof.Previous(p, all)
	if err != nil {
		if strings.Contains(err.Error(), "circle") {
			return r.refuse(PreviousProofCycle, err.Error())
		}
		return r.refuse(PreviousProofMissing, err.Error())
	}
	q := keyQuery{owner: c.owner(), method: p.VerificationMethod, purpose: p.ProofPurpose, claimed: p.Created}
	if !p.HasCreated {
		q.claimed, q.derived = c.documentTime(), true
	}
	var hashed ProofReport
	out := c.tryKeys(r, q, func(key crypto.PublicKey) (Reason, string) {
		return h.verify(suite, p, previous, key, &hashed)
	})
	out.DocumentHash = hashed.DocumentHash
	return out
}

// proofRules judges what a proof says beside its signature.
func (c *run) proofRules(p proof.Proof) (Reason, string) {
	skew := c.v.policy.ClockSkew
	switch {
	case p.ProofPurpose != "" && p.ProofPurpose != c.purpose() && !c.otherPurpose(p):
		return ProofPurposeMismatch, "expected " + c.purpose() + ", found " + p.ProofPurpose
	case p.HasCreated && p.Created.After(c.at.Add(skew)):
		return ProofCreatedInFuture, "created " + stamp(p.Created)
	case p.HasExpires && !c.at.Add(-skew).Before(p.Expires):
		return ProofExpired, "expired " + stamp(p.Expires)
	case c.expect.Domain != "" && !slices.Contains(p.Domain, c.expect.Domain):
		return DomainMismatch, fmt.Sprintf("%d domains in the proof", len(p.Domain))
	case c.expect.Challenge != "" && p.Challenge != c.expect.Challenge:
		return ChallengeMismatch, ""
	}
	if c.expect.Domain == "" && len(p.Domain) > 0 {
		c.r.find(GradeWarning, "domain_not_checked", p.Pointer, "the proof is for a domain, and none was expected")
	}
	if c.expect.Challenge == "" && p.Challenge != "" {
		c.r.find(GradeWarning, "challenge_not_checked", p.Pointer, "the proof answers a challenge, and none was expected: it may be a replay")
	}
	return "", ""
}

// silent tells whether a proof fails a rule by saying nothing. One of a kind that is not
// known may say elsewhere for whom it is, and in answer to what.
func silent(p proof.Proof, failed Reason) bool {
	return failed == DomainMismatch && len(p.Domain) == 0 || failed == ChallengeMismatch && p.Challenge == ""
}

// otherPurpose lets presentations in the conformance profile be made for assertion,
// as documents of the test suites are, and says so.
func (c *run) otherPurpose(p proof.Proof) bool {
	if c.v.policy.Profile != ProfileConformance || c.pres == nil || p.ProofPurpose != purposeAssertion {
		return false
	}
	c.r.find(GradeWarning, "presentation_purpose", p.Pointer, "a presentation made for assertionMethod in place of authentication")
	return true
}

func (r ProofReport) refuse(reason Reason, detail string) ProofReport {
	r.Reason, r.Detail, r.Result = reason, clip(detail), Undecided
	if reason.Outcome() == Invalid {
		r.Result = Fail
	}
	return r
}

// tryKeys checks the signature with each key that may be meant, and fills in whose
// the one that fits is. A key that must not be used is tried too: a signature that is
// wrong is wrong whatever the key.
func (c *run) tryKeys(r ProofReport, q keyQuery, verify func(crypto.PublicKey) (Reason, string)) ProofReport {
	candidates, missing, why := c.keys(q)
	return c.tryCandidates(r, candidates, missing, why, verify)
}

func (c *run) tryCandidates(r ProofReport, candidates []candidate, missing Reason, why string, verify func(crypto.PublicKey) (Reason, string)) ProofReport {
	var worst ProofReport
	for i, k := range candidates {
		reason, detail := verify(k.key)
		if reason == "" {
			r.Key, r.Controller, r.Binding, r.IsIssuer = k.digest, k.controller, k.binding, k.isOwner
			c.r.input(k.digest)
			for _, d := range k.inputs {
				c.r.input(d)
			}
			if k.reason != "" {
				return r.refuse(k.reason, k.detail)
			}
			r.Result, r.Reason, r.Detail = Pass, "", k.detail
			return r
		}
		if reason == WorkLimit { // one of the keys that were not tried may be the right one
			return r.refuse(reason, detail)
		}
		// That a key is of another kind says least of why a proof is bad.
		if i == 0 || worst.Reason == KeyTypeMismatch {
			worst = r.refuse(reason, detail)
		}
	}
	if missing != "" && (len(candidates) == 0 || worst.Reason == SignatureInvalid || worst.Reason == KeyTypeMismatch) {
		return r.refuse(missing, why)
	}
	return worst
}

// hasher hashes the document for its proofs, under one choice of context versions
// after the other, and remembers which was right.
type hasher struct {
	c       *run
	choices []proof.Resolver
	known   int // the choice under which a proof verified, tried first
	used    []*ldcontext.Version
	rdf     bool
	old     bool
	doc     *strictjson.Doc // what is hashed where it is not c.doc: see readUnsigned
	tried   map[hashID]hashTried
}

// hashID says what was hashed: for a key of any other curve it is hashed otherwise.
type hashID struct {
	pointer string // of the proof
	choice  int    // of context versions
	curve   elliptic.Curve
}

// hashTried is what was hashed for a key whose signature it was not, for the next one.
type hashTried struct {
	hashed proof.Hashed
	err    error
}

func idOf(p proof.Proof, choice int, key crypto.PublicKey) hashID {
	id := hashID{pointer: p.Pointer, choice: choice}
	if k, ok := key.(*ecdsa.PublicKey); ok {
		id.curve = k.Curve
	}
	return id
}

// has tells whether nothing needs to be hashed.
func (h *hasher) has(id hashID) bool {
	_, ok := h.tried[id]
	return ok
}

func (h *hasher) keep(suite proof.Suite, id hashID, hashed proof.Hashed, err error) {
	if suite.Name() == proof.ECDSASD2023 || id.pointer == "" { // the former is hashed with the key itself
		return
	}
	if h.tried == nil {
		h.tried = map[hashID]hashTried{}
	}
	h.tried[id] = hashTried{hashed, err}
}

// verify checks one proof with one key (steps 4 to 6 of each suite's verification).
func (h *hasher) verify(suite proof.Suite, p proof.Proof, previous []proof.Proof, key crypto.PublicKey, r *ProofReport) (Reason, string) {
	if err := suite.KeyAllowed(key); err != nil {
		return KeyTypeMismatch, err.Error()
	}
	in := proof.Input{Doc: h.c.doc, Proof: p, Previous: previous, Key: key,
		InsecureContextSuffix: h.c.v.policy.Profile == ProfileConformance}
	id := idOf(p, h.known, key)
	if !h.has(id) && !h.mayHash(in) {
		return WorkLimit, "too many proofs for a document of this size"
	}
	if suite.Canonicalization() != proof.RDFC {
		return h.once(suite, in, p.ProofValue, r, id)
	}
	h.rdf = true
	if h.choices == nil {
		h.choices = []proof.Resolver{h.c.newest()}
	}
	in.Contexts = h.choices[h.known]
	reason, detail := h.once(suite, in, p.ProofValue, r, id)
	if reason == "" || h.known != 0 || !worthRetry(reason) {
		return reason, detail
	}
	if r2, d2, ok := h.unsigned(suite, in, p, r, reason); ok {
		return r2, d2
	}
	if len(h.choices) == 1 {
		h.choices = h.c.choices()
	}
	for i := 1; i < len(h.choices) && !h.c.stopped(); i++ {
		if id.choice = i; !h.has(id) && !h.mayRetry(p) {
			return WorkLimit, "too large to be tried under every version of its contexts"
		}
		in.Contexts = h.choices[i]
		if again, _ := h.once(suite, in, p.ProofValue, r, id); again == "" {
			h.known, h.old = i, true
			return "", ""
		}
	}
	return reason, detail
}

// checkCost is what trying one more key counts: a signature takes about as long to check as
// 2 kB to hash.
const checkCost = 2000

// mayHash counts the document against the bound on hashing: its text, what sorting and
// naming its values costs, and that once more where previous proofs are put back.
func (h *hasher) mayHash(in proof.Input) bool {
	cost := len(in.Doc.Text())
	if cost > 64<<10 { // a share of the work that counts
		cost += 16 * in.Doc.Size()
	}
	if len(in.Previous) > 0 {
		cost *= 2
	}
	cost += statementCost(in.Proof)
	h.c.work.hashed -= cost
	return h.c.work.hashed >= 0
}

// statementCost is what the signatures of single statements add: some 90 characters are
// one, and to check it takes as long as to hash 2 kB.
func statementCost(p proof.Proof) int {
	if p.Cryptosuite != proof.ECDSASD2023 {
		return 0
	}
	return 20 * len(p.ProofValue)
}

// mayRetry counts the document against the bound on hashing it over again.
func (h *hasher) mayRetry(p proof.Proof) bool {
	h.c.work.retried -= len(h.c.doc.Text()) + statementCost(p)
	return h.c.work.retried >= 0
}

// worthRetry tells whether other bytes behind a context URL could change a verdict.
func worthRetry(r Reason) bool {
	return r == SignatureInvalid || r == UndefinedTerm || r == ContextRedefinition || r == ModelInvalid
}

func (h *hasher) once(suite proof.Suite, in proof.Input, value string, r *ProofReport, id hashID) (Reason, string) {
	before, known := h.tried[id]
	hashed, err := before.hashed, before.err
	if !known {
		hashed, err = suite.Hash(in)
	} else if h.c.work.hashed -= checkCost; h.c.work.hashed < 0 {
		return WorkLimit, "too many keys for the proofs of a document"
	}
	if err != nil {
		h.keep(suite, id, hashed, err)
		return hashReason(err)
	}
	if err := suite.Verify(in.Key, hashed, value); err != nil {
		h.keep(suite, id, hashed, nil)
		return signatureReason(err), err.Error()
	}
	r.DocumentHash = hex.EncodeToString(hashed.Document)
	if h.used == nil {
		h.used = hashed.Contexts
	}
	return "", ""
}

// signatureReason says which Reason an error of checking a signature is.
func signatureReason(err error) Reason {
	switch {
	case errors.Is(err, proof.ErrKeyType):
		return KeyTypeMismatch
	case errors.Is(err, proof.ErrProofValue), errors.Is(err, proof.ErrShape):
		return ProofMalformed
	case errors.Is(err, proof.ErrAlgorithm):
		return JOSEAlgorithm
	}
	return SignatureInvalid
}

// report makes the check of contexts, where proofs cover the RDF of the document.
func (h *hasher) report(proofs []ProofReport) {
	c := h.c
	if !h.rdf {
		if c.needsRDF() {
			c.r.Add(Check{ID: CheckContext, Required: true, Detail: "no proof was hashed"})
		}
		return
	}
	for _, p := range proofs {
		if isContextReason(p.Reason) {
			c.fail(CheckContext, p.Reason, p.Detail)
			return
		}
	}
	if h.used == nil {
		c.r.Add(Check{ID: CheckContext, Result: Pass, Detail: "every member defined"})
		return
	}
	c.useContexts(h.used)
	if h.old {
		c.r.find(GradeNote, "older_context", "/@context", "signed under an older version of a context that was edited in place")
	}
	c.pass(CheckContext, contextDetail(h.used))
}
