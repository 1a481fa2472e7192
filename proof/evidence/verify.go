package evidence

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/revocation"
	"github.com/chancery-dev/chancery/proof/merkle"
)

// maxClaimAhead is how far batchHeader.time may lie after the time by which the batch
// provably existed: clocks of block producers and authorities differ.
const maxClaimAhead = time.Hour

// run is one verification.
type run struct {
	b      *Bundle
	in     Input
	t      *Trust
	r      *Result
	signed SignedHeader
	head   []byte // encoding of the header
	state  []byte // batch statement
	tokens []tokenState

	asked                    map[string]*revocation.Store // of the reader's source, by certificate and issuer
	statusItems, statusBytes int                          // revocation data of tokens so far
}

// Verify checks the bundle by the steps of docs/formats/evidence.md, section 5. The
// error is nil when the evidence is valid under the trust given, and only then;
// otherwise it is an *Error. The Result is never nil. Neither b, in nor t is changed.
func (b *Bundle) Verify(in Input, t *Trust) (*Result, error) {
	v := &run{b: b, in: in, t: t, r: &Result{}}
	if t == nil || t.Now.IsZero() {
		v.open("1", "trust", -1, IssuerUnknown, "expected trust with the time to judge at")
		v.r.decide()
		return v.r, &Error{v.r}
	}
	v.steps()
	v.r.decide()
	if v.r.Outcome != Valid {
		return v.r, &Error{v.r}
	}
	return v.r, nil
}

// failed tells whether a step has failed: nothing that follows could change the verdict,
// and hostile evidence is not worth the work.
func (v *run) failed() bool {
	return slices.ContainsFunc(v.r.Steps, func(s Step) bool { return s.Result == Fail })
}

// steps follows the document.
func (v *run) steps() {
	// 1. Decode. Parse did it for bundles from outside; one made in code must have a form too.
	if err := check(v.b); err != nil {
		v.fail("1", "decode", -1, Malformed, err.Error())
		return
	}
	v.pass("1", "decode", -1, fmt.Sprintf("version %d", Version))
	// 2. Parts.
	if len(v.in.Parts) > 0 {
		v.b = v.b.Attach(v.in.Parts)
	}
	if v.checkParts(); v.failed() {
		return
	}
	// 3. Subject.
	if v.checkSubject(); v.failed() {
		return
	}
	// 4. Inclusion.
	if v.checkInclusion(); v.failed() {
		return
	}
	// 5. Batch digest.
	head, err := v.b.Header.Encode()
	if err != nil {
		v.fail("5", "digest", -1, Malformed, err.Error())
		return
	}
	v.head = head
	v.signed = SignedHeader{v.b.Header, v.b.Signature}
	v.state = v.signed.statement(v.head)
	v.r.Digest = sha256.Sum256(v.state)
	v.pass("5", "digest", -1, fmt.Sprintf("0x%x", v.r.Digest))
	// 10 is made before 6 to 9, since it says at what time tokens are judged.
	if v.checkRenewals(); v.failed() {
		return
	}
	passed := map[string]bool{}
	for i := range v.b.Anchors {
		switch a := &v.b.Anchors[i]; a.Type {
		case AnchorEth: // 6
			if v.checkEth(i, a.Eth) {
				passed[PromiseChain(a.Eth.ChainID)] = true
			}
		case AnchorTimestamp: // 7
			if v.checkTimestamp(i, a.Timestamp) {
				passed[PromiseTimestamp] = true
			}
		case AnchorCheckpoint: // 8
			v.checkCheckpoint(i, a.Checkpoint)
		case AnchorOTS: // 9
			v.checkOTS(i, a.OTS)
		}
		if v.failed() {
			return
		}
	}
	v.checkRequired(passed) // 11
	v.checkSignature()      // 12
	// 13. Times.
	if p, claimed := v.r.Facts.Proven, v.b.Header.Time; !p.IsZero() && claimed.After(p.Add(maxClaimAhead)) {
		v.fail("13", "time", -1, TimeWrong, fmt.Sprintf("the batch claims %s and existed by %s", stamp(claimed), stamp(p)))
	} else if v.later(claimed) {
		v.fail("13", "time", -1, TimeWrong, "the batch claims a time in the future")
	} else if !p.IsZero() {
		v.pass("13", "time", -1, "claimed "+stamp(claimed))
	}
	v.checkKnown() // 14
}

// later tells whether a time lies after the one to judge at, so that nobody could have known
// of it then.
func (v *run) later(t time.Time) bool { return t.After(v.t.Now.Add(maxClaimAhead)) }

func (v *run) add(s Step) { v.r.Steps = append(v.r.Steps, s) }

func (v *run) pass(number, name string, anchor int, detail string) {
	v.add(Step{Number: number, Name: name, Anchor: anchor, Result: Pass, Required: true, Detail: detail})
}

func (v *run) fail(number, name string, anchor int, code Code, detail string) {
	v.add(Step{Number: number, Name: name, Anchor: anchor, Result: Fail, Required: true, Code: code, Detail: detail})
}

// open adds a step that could not be decided. Whether it is required depends on the
// anchors that are.
func (v *run) open(number, name string, anchor int, code Code, detail string) {
	required := anchor < 0 || v.needs(v.b.Anchors[anchor])
	v.add(Step{Number: number, Name: name, Anchor: anchor, Result: Undecided, Required: required, Code: code, Detail: detail})
}

// refuse adds what code says: failed or open.
func (v *run) refuse(number, name string, anchor int, code Code, detail string) {
	if code.Open() {
		v.open(number, name, anchor, code, detail)
	} else {
		v.fail(number, name, anchor, code, detail)
	}
}

// needs tells whether an anchor has to pass.
func (v *run) needs(a Anchor) bool {
	switch {
	case a.Type == AnchorOTS:
		return false
	case v.t == nil || v.t.Require == nil:
		return true
	case a.Type == AnchorTimestamp:
		return slices.Contains(v.t.Require, PromiseTimestamp)
	case a.Type == AnchorEth:
		return slices.Contains(v.t.Require, PromiseChain(a.Eth.ChainID))
	}
	return false
}

func stamp(t time.Time) string { return t.UTC().Format(timeLayout) }

// checkParts is step 2.
func (v *run) checkParts() {
	held, away := 0, 0
	for _, p := range v.b.parts() {
		if p.Bytes == nil {
			away++
			continue
		}
		if sha256.Sum256(p.Bytes) != p.SHA256 {
			v.fail("2", "parts", -1, PartMismatch, "a part does not have its digest")
			return
		}
		held++
	}
	for _, m := range v.b.Material {
		if m.Bytes == nil {
			away++
			continue
		}
		if MaterialDigest(m.Kind, m.URL, m.Bytes) != m.SHA256 {
			v.fail("2", "parts", -1, PartMismatch, "material does not have its digest")
			return
		}
		held++
	}
	// A part that is away is missed where it is needed.
	v.pass("2", "parts", -1, fmt.Sprintf("%d at hand, %d detached", held, away))
}

// checkSubject is step 3.
func (v *run) checkSubject() {
	s := &v.b.Subject
	if v.b.Content != nil && !s.matches(v.b.Content) {
		v.fail("3", "subject", -1, DocumentMismatch, "the content does not have the subject's digest")
		return
	}
	switch {
	case v.in.Digest != nil && !bytes.Equal(v.in.Digest, s.Digest):
		v.fail("3", "subject", -1, DocumentMismatch, "the evidence is about another digest")
	case v.in.Document != nil && !s.matches(v.in.Document):
		v.fail("3", "subject", -1, DocumentMismatch, "the evidence is about another document")
	case v.in.Digest == nil && v.in.Document == nil && v.b.Content == nil:
		v.open("3", "subject", -1, DocumentMissing, "expected the document, or a digest to ask about")
	default:
		v.pass("3", "subject", -1, s.Type+", "+s.DigestAlg)
	}
}

// checkInclusion is step 4.
func (v *run) checkInclusion() {
	proofs := []*TreeProof{&v.b.Tree}
	if v.b.Second != nil {
		proofs = append(proofs, v.b.Second)
	}
	facts := &Included{Index: v.b.Tree.Index, Size: v.b.Tree.Size, Seq: v.b.Header.Seq}
	for i, p := range proofs {
		if why := v.inclusion(i, p); why != "" {
			v.fail("4", "inclusion", -1, NotIncluded, why)
			return
		}
		facts.Trees = append(facts.Trees, p.Alg)
	}
	if v.b.Second != nil && v.b.Second.Index != v.b.Tree.Index {
		v.fail("4", "inclusion", -1, NotIncluded, "the two trees hold the document at different places")
		return
	}
	v.r.Facts.Included = facts
	v.pass("4", "inclusion", -1, fmt.Sprintf("index %d of %d", facts.Index, facts.Size))
}

func (v *run) inclusion(i int, p *TreeProof) string {
	h, err := merkle.ParseHash(p.Alg)
	if err != nil {
		return err.Error()
	}
	var buf [256]byte
	leaf, err := appendLeafData(buf[:0], h, v.b.Subject, v.b.Salt, v.b.Header.Tenant)
	if err != nil {
		return err.Error()
	}
	header := &v.b.Header
	switch {
	case i >= len(header.Roots) || header.Roots[i].Alg != p.Alg:
		return "the batch header has no root of a tree with this hash"
	case p.Size != header.Size:
		return "the batch header speaks of another number of documents"
	case !bytes.Equal(p.Root, header.Roots[i].Root):
		return "the batch header has another root"
	}
	if err := (merkle.Inclusion{Hash: h, Size: p.Size, Index: p.Index, Path: p.Path}).Verify(h.LeafHash(leaf), p.Root); err != nil {
		return err.Error()
	}
	return ""
}

// checkRequired is step 11.
func (v *run) checkRequired(passed map[string]bool) {
	require := v.t.Require
	if require == nil {
		require = v.b.Header.Promise
	}
	for _, r := range require {
		if !passed[r] {
			v.open("11", "anchors", -1, AnchorMissing, "expected an anchor "+r+" that holds")
			return
		}
	}
	if len(passed) == 0 {
		v.open("11", "anchors", -1, AnchorMissing, "no anchor that holds")
		return
	}
	v.pass("11", "anchors", -1, fmt.Sprintf("%d kinds hold", len(passed)))
}

// checkSignature is step 12.
func (v *run) checkSignature() {
	q := KeyQuery{Issuer: v.b.Header.Issuer, Method: v.b.Signature.Method, Claimed: v.b.Header.Time, Proven: v.r.Facts.Proven, Now: v.t.Now}
	key, detail := v.judgeSignature(&v.signed, v.head, q)
	if key.Code != "" {
		v.judged("12", "signature", -1, key, detail)
		return
	}
	v.r.Facts.Signed = &Signed{Issuer: q.Issuer, Name: key.Name, Method: q.Method, Alg: v.b.Signature.Alg, Claimed: q.Claimed, Binding: key.Binding}
	v.pass("12", "signature", -1, v.b.Signature.Alg+" by "+q.Issuer)
}

// judged adds what a key that does not count, or a signature that does not hold, means.
func (v *run) judged(number, name string, anchor int, key Key, detail string) {
	if key.Open {
		v.open(number, name, anchor, key.Code, detail)
	} else {
		v.fail(number, name, anchor, key.Code, detail)
	}
}

// judgeSignature finds a key that counts and under which the signature holds. Without
// one, the Code of the key that is returned says why.
func (v *run) judgeSignature(s *SignedHeader, head []byte, q KeyQuery) (Key, string) {
	if v.t.Keys == nil {
		return Key{Code: IssuerUnknown, Open: true}, "the trust holds no keys"
	}
	keys, none, why := v.t.Keys.Keys(q)
	if len(keys) == 0 {
		if none == "" {
			none = IssuerUnknown
		}
		return Key{Code: none, Open: true}, why
	}
	message := append([]byte(signingPrefix), head...)
	worst, detail := Key{Code: SignatureWrong}, "the signature does not fit the batch header and the issuer's key"
	for _, k := range keys {
		if !verifySignature(k.Key, &s.Signature, message) {
			continue
		}
		if k.Code == "" {
			return k, ""
		}
		// A key that is listed for two periods counts in either.
		if worst.Code == SignatureWrong || k.Open {
			worst, detail = k, k.Detail
		}
	}
	return worst, detail
}

// checkKnown is step 14.
func (v *run) checkKnown() {
	h := &v.b.Header
	for _, k := range v.t.Known {
		if k.Issuer != h.Issuer || k.Seq != h.Seq || !bytes.Equal(k.Tenant, h.Tenant) {
			continue
		}
		if k.Digest != v.r.Digest {
			v.fail("14", "history", -1, SplitHistory, fmt.Sprintf("another batch %d of this issuer is known", h.Seq))
			return
		}
		v.pass("14", "history", -1, fmt.Sprintf("batch %d is the one that is known", h.Seq))
	}
}
