package verifier

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Verified is a document that was found valid. Only a Verifier makes one.
type Verified struct {
	report       *Report
	secured      chancery.Secured
	credential   *chancery.Credential
	presentation *chancery.Presentation
}

// Report returns the report on the document.
func (v *Verified) Report() *Report { return v.report }

// Secured returns the document as it was given.
func (v *Verified) Secured() chancery.Secured { return v.secured }

// Credential returns the credential whose bytes were verified; nil for a
// presentation or an Open Badges 2.0 assertion.
func (v *Verified) Credential() *chancery.Credential { return v.credential }

// Presentation returns the presentation whose bytes were verified, or nil.
func (v *Verified) Presentation() *chancery.Presentation { return v.presentation }

// Verify judges one document. The error is nil when the outcome is valid, and only
// then; otherwise it is an *Error with the Reason and the Report. A MediaType "" is
// found by content (chancery.Detect). Documents of more than 10 MB are TooLarge; for larger
// PDFs see pades.Handler.ExamineFile. When ctx ends, the Reason is Canceled: the error
// matches that, and not ctx.Err.
func (v *Verifier) Verify(ctx context.Context, s chancery.Secured) (*Verified, error) {
	return v.VerifyExpecting(ctx, s, v.Policy().Expect)
}

// VerifyExpecting is Verify with what is expected of this one document, in place of
// Policy.Expect.
func (v *Verifier) VerifyExpecting(ctx context.Context, s chancery.Secured, e Expect) (*Verified, error) {
	if !v.made() {
		r := &Report{MediaType: s.MediaType, Digest: digestOf(s.Bytes), Profile: ProfileStrict.String(), Offline: true}
		r.Add(Check{ID: CheckIssuerTrust, Required: true, Reason: IssuerNotTrusted, Detail: ErrNoTrust.Error()})
		r.Decide()
		return nil, &Error{Reason: r.Reason, Report: r}
	}
	c := v.newRun(ctx, s, v.cfg.Clock())
	c.expect = e
	c.work = newWork()
	c.judge(s)
	if c.r.Outcome != Valid {
		return nil, &Error{Reason: c.r.Reason, Report: c.r}
	}
	return &Verified{report: c.r, secured: s, credential: c.cred, presentation: c.pres}, nil
}

// role says why a document is judged.
type role uint8

const (
	roleTop role = iota
	roleInner
	roleEndorsement
	roleStatusList
)

// maxDepth bounds documents within documents: a presentation holds a CLR, which holds
// badges, which hold endorsements.
const maxDepth = 5

// work is what may still be done for one document and all that is in it.
type work struct {
	documents int // documents within that may still be judged
	fetches   int // sources that may still be asked
	hashed    int // bytes that may still be hashed for proofs
	retried   int // bytes that may still be hashed under older contexts
	read      int // bytes of documents from elsewhere that may still be parsed
	lists     listsHeld
	schemas   map[string]*heldSchema
}

func newWork() *work {
	return &work{documents: limits.Credentials, fetches: maxFetches, hashed: maxHashed, retried: maxRetried, read: maxRead}
}

// maxHashed bounds the text that is canonicalised for the proofs of a document and of
// what is in it, once for each proof; maxRetried that which is canonicalised over
// again under older versions of contexts. Both leave room for the largest document,
// and bound the time of a hostile one to about a second.
const (
	maxHashed  = 5 * limits.DocumentBytes / 2
	maxRetried = limits.DocumentBytes
)

// run judges one document.
type run struct {
	v      *Verifier
	ctx    context.Context
	r      *Report
	at     time.Time
	expect Expect
	role   role
	depth  int
	work   *work // shared with the runs on documents within

	doc   *strictjson.Doc // what was read and is displayed
	cred  *chancery.Credential
	pres  *chancery.Presentation
	token *token // the JWT around it, nil without

}

func (v *Verifier) newRun(ctx context.Context, s chancery.Secured, at time.Time) *run {
	r := &Report{
		EvaluatedAt: at, Profile: v.policy.Profile.String(), MediaType: s.MediaType,
		Digest: digestOf(s.Bytes), Insecure: slices.Clone(v.insecure), Offline: v.offline(),
	}
	r.input(v.cfg.Trust.digest)
	return &run{v: v, ctx: ctx, r: r, at: at}
}

// within makes the run on a document inside this one.
func (c *run) within(s chancery.Secured, as role) *run {
	in := c.v.newRun(c.ctx, s, c.at)
	in.role, in.depth, in.work = as, c.depth+1, c.work
	if as != roleStatusList { // a list comes from elsewhere
		in.expect.ExistedAt = c.expect.ExistedAt // what proves the whole proves its parts
	}
	return in
}

// judge fills the report. Its order is that of the specification: what it is (this
// function and open), the data model and its contexts, the proofs, whose key it is,
// when it holds, whether it was revoked, and what the badge rules ask.
func (c *run) judge(s chancery.Secured) {
	defer c.r.Decide()
	switch {
	case c.ctx.Err() != nil:
		c.fail(CheckDocument, Canceled, "")
	case len(s.Bytes) > limits.DocumentBytes:
		c.fail(CheckDocument, TooLarge, "")
	default:
		c.open(s, 0)
	}
	if c.ctx.Err() != nil {
		c.fail(CheckDocument, Canceled, "")
	}
}

// fail adds a required check that did not pass.
func (c *run) fail(id string, reason Reason, detail string) {
	c.r.Add(Check{ID: id, Required: true, Reason: reason, Detail: clip(detail)})
}

func (c *run) pass(id, detail string, evidence ...Fact) {
	c.r.Add(Check{ID: id, Result: Pass, Required: true, Detail: clip(detail), Evidence: evidence})
}

// skip adds a check that there was no need for.
func (c *run) skip(id, detail string) {
	c.r.Add(Check{ID: id, Result: Skipped, Detail: clip(detail)})
}

// strict tells whether a rule that published samples break is enforced.
func (c *run) lenient() bool { return c.v.policy.Profile == Profile1EdTech }

// credential judges the credential in c.cred, whose text is c.doc.
func (c *run) credential() {
	c.describeCredential()
	// VC Data Model 2.0, section 4: the data model, where every rule that a signature
	// cannot express is looked at before any of it is believed.
	if !c.checkModel() {
		return
	}
	// Sections 4.3 and 5.2: contexts pinned, no member outside of the signature, none
	// with another meaning than its reader expects.
	if !c.checkContexts() {
		return
	}
	// Section 5.3: integrity of related resources.
	c.checkRelatedResources()
	// Section 4.12; VC Data Integrity 1.0, 4.4 to 4.6; VC-JOSE-COSE, 3: all proofs.
	proofs := c.checkProofs()
	// VC Data Integrity 1.0, 4.4; Controlled Identifiers 1.0, 3.3; Open Badges 3.0,
	// 9.2: the key is the issuer's, and the issuer one who is trusted.
	c.checkBinding(proofs, c.cred.Issuer())
	if c.role != roleStatusList {
		c.checkTrust(c.cred.Issuer())
	}
	// Section 4.9.
	c.checkValidity()
	if c.role == roleStatusList {
		return
	}
	// Section 4.10.
	c.checkStatus()
	// Section 4.11.
	c.checkSchema()
	c.reportExtensions()
	// Open Badges 3.0 and CLR 2.0.
	c.checkBadge()
	c.checkRecipient()
	c.checkClr()
	c.checkEndorsements()
}

// presentation judges the presentation in c.pres, whose text is c.doc.
func (c *run) presentation() {
	c.r.ID, c.r.Types = c.pres.ID(), stringList(c.doc, c.doc.Get(0, "type"))
	c.r.Issuer.ID = c.pres.Holder()
	c.r.Model = "VC " + c.pres.Model().String()
	if !c.checkPresentationModel() || !c.checkContexts() {
		return
	}
	proofs := c.checkProofs()
	// VC Data Model 2.0, section 4.13: the holder secures the presentation.
	c.checkHolder(proofs)
	if c.token != nil {
		c.checkValidity()
	}
	c.checkInner()
}

// stopped answers whether judging was given up, so that long work ends soon.
func (c *run) stopped() bool { return c.ctx.Err() != nil }

// clip bounds what a report repeats of messages, on one line. Characters that a
// terminal or a page acts upon (controls, text direction) are replaced: a document
// must not write into the reader's log.
func clip(s string) string {
	const most = 600
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s)
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && s[cut]&0xc0 == 0x80 {
		cut--
	}
	return s[:cut] + "…"
}

func stringList(doc *strictjson.Doc, n strictjson.Node) []string {
	var out []string
	doc.Each(n, func(e strictjson.Node) bool {
		if s, ok := doc.Str(e); ok {
			out = append(out, s)
		}
		return true
	})
	return out
}

// jsonFault tells whether an error is about the JSON text, and how it is reported.
func jsonFault(err error) (Reason, string, bool) {
	var je *strictjson.Error
	if !errors.As(err, &je) {
		return "", "", false
	}
	if je.Code == strictjson.TooLarge {
		return TooLarge, string(je.Code), true
	}
	return MalformedJSON, string(je.Code) + ": " + je.Error(), true
}
