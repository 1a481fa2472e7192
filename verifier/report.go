package verifier

import (
	"fmt"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/badge"
)

// Report is what Verify found, complete: the outcome, how each check came out, and
// what was used to decide. The members that describe the document (ID to ValidUntil)
// are what it says of itself, and are to be believed only where Outcome is Valid.
type Report struct {
	Outcome   Outcome
	Reason    Reason    // of the first check that decided, "" where Valid
	Lifecycle Lifecycle // "" where not known
	Profile   string    // name of the profile that was applied

	MediaType string // of the document as it was given
	Digest    string // "sha-256:" and hex, of the bytes as they were given
	Model     string // "VC 2.0", "VC 1.1", "Open Badges 2.0", "" where not known

	ID         string
	Types      []string
	Subject    Party
	Issuer     Party // of a presentation: the holder
	ValidFrom  time.Time
	ValidUntil time.Time

	Binding  Binding // the strongest link between a proof that verified and the issuer
	Checks   []Check
	Findings []Finding
	Proofs   []ProofReport
	Contexts []ContextUse
	Sub      []SubReport

	EvaluatedAt time.Time
	Offline     bool     // no source that could dial was configured
	TrustInputs []string // digests of the keys, documents and lists that were used; same inputs, same verdict
	Insecure    []string // every switch in force that weakens a check
}

// Party is who a document speaks of, as it says itself.
type Party struct {
	ID   string
	Name string
	Type string // of a subject: the name of what was achieved
}

// Check is one step of the decision.
type Check struct {
	ID       string // one of the Check… constants
	Result   Result
	Required bool   // whether the outcome hangs on it
	Reason   Reason // why it did not pass, "" where it did
	Detail   string
	Evidence []Fact // what was used, in a fixed order
}

// Fact is a name and a value.
type Fact struct{ Name, Value string }

// The identifiers of checks, in the order in which they are made.
const (
	CheckDocument        = "document"        // it can be read, and is of a kind that is known
	CheckModel           = "model"           // the rules of the data model
	CheckContext         = "context"         // JSON-LD contexts are pinned, every member is covered
	CheckRelatedResource = "relatedResource" // digests of related resources
	CheckSignature       = "signature"       // all proofs verify
	CheckIssuerBinding   = "issuerBinding"   // the key is the issuer's
	CheckIssuerTrust     = "issuerTrust"     // the issuer is one the trust file names
	CheckHolder          = "holder"          // the presentation is by its holder
	CheckValidity        = "validity"        // validFrom, validUntil
	CheckStatus          = "status"          // revocation and suspension
	CheckSchema          = "schema"          // schemas the credential names
	CheckBadge           = "badge"           // rules of Open Badges and CLR
	CheckRecipient       = "recipient"       // the credential is for whom the policy names
	CheckInner           = "inner"           // credentials inside a presentation or CLR
	CheckEndorsement     = "endorsement"     // endorsements inside; never required
	CheckHosted          = "hosted"          // an Open Badges 2.0 assertion is the one its issuer hosts

	// Made by packages that register a Handler.
	CheckAnchor       = "anchor"
	CheckTimestamp    = "timestamp"
	CheckPDFIntegrity = "pdfIntegrity"
	CheckBadgeBinding = "badgeBinding"
)

// Grade says how much a Finding weighs: GradeError goes with a check that failed.
type Grade = badge.Grade

// The grades. The zero value is GradeError.
const (
	GradeError   = badge.Error
	GradeWarning = badge.Warning
	GradeNote    = badge.Note
)

// Finding is something the reader of a report should know about the document.
type Finding = badge.Finding

// ProofReport is the verdict on one proof, judged by itself.
type ProofReport struct {
	Index        int
	Pointer      string // of the proof in the document; "" for a JWT
	Type         string // of the proof, or "JWS"
	Suite        string // cryptosuite, or the JWS algorithm
	Method       string // verification method as the proof names it
	Purpose      string
	Created      time.Time // as the proof claims
	Result       Result
	Reason       Reason
	Detail       string
	Controller   string // whose the key is
	Binding      Binding
	IsIssuer     bool     // the key is the issuer's (of a presentation: the holder's)
	Key          string   // "sha-256:" and hex, of the key's SubjectPublicKeyInfo
	DocumentHash string   // hex digest of the canonical document, where there is one
	Previous     []string // identifiers of the proofs it builds on
}

// ContextUse names the bytes that stood behind a context URL.
type ContextUse struct {
	URL       string
	Version   string // short name
	SHA256    string // of the published bytes, or of the JCS form where those are not known; hex
	JCSSHA256 string // of the JCS form, which gives the meaning; hex
}

// SubReport is the report on a document within the document.
type SubReport struct {
	Relation string // "credential", "endorsement", "statusList", "achievement", …
	Pointer  string // JSON pointer of the place
	Report   *Report
}

// Error is what Verify answers for every document that is not valid.
type Error struct {
	Reason Reason
	Report *Report // never nil
}

func (e *Error) Error() string {
	if e.Report == nil { // only in one that this package did not make
		return "verifier: " + e.Reason.Text()
	}
	for _, c := range e.Report.Checks {
		if c.Reason == e.Reason && c.Detail != "" {
			return fmt.Sprintf("verifier: %s: %s (%s)", e.Report.Outcome, e.Reason.Text(), c.Detail)
		}
	}
	return fmt.Sprintf("verifier: %s: %s", e.Report.Outcome, e.Reason.Text())
}

// Unwrap gives the Reason, so that errors.Is finds it.
func (e *Error) Unwrap() error { return e.Reason }

// Add appends a check. A Reason decides its Result: Fail where the table says
// Invalid, else Undecided; without one the Result stands as it is given.
func (r *Report) Add(c Check) {
	if c.Reason != "" {
		c.Result = Undecided
		if c.Reason.Outcome() == Invalid {
			c.Result = Fail
		}
	}
	if r.Checks == nil {
		r.Checks = make([]Check, 0, 8) // as many as most documents have
	}
	r.Checks = append(r.Checks, c)
}

// Check returns the first check with an identifier.
func (r *Report) Check(id string) (Check, bool) {
	for _, c := range r.Checks {
		if c.ID == id {
			return c, true
		}
	}
	return Check{}, false
}

// Decide sets Outcome and Reason from the checks: one required check that failed
// makes Invalid; none failed but one undecided or skipped, or no required check at
// all, Indeterminate; all passed, Valid.
func (r *Report) Decide() {
	r.Outcome, r.Reason = Indeterminate, ""
	required := 0
	undecided := Reason("")
	open := false
	for _, c := range r.Checks {
		if !c.Required {
			continue
		}
		required++
		switch c.Result {
		case Pass:
		case Fail:
			r.Outcome, r.Reason = Invalid, c.Reason
			return
		default:
			if undecided == "" {
				undecided = c.Reason
			}
			open = true
		}
	}
	if required > 0 && !open {
		r.Outcome = Valid
		return
	}
	r.Reason = undecided
}

// NewNotFound is the report on an identifier that is not known.
func NewNotFound(at time.Time) *Report {
	return &Report{Outcome: Indeterminate, Reason: NotFound, EvaluatedAt: at}
}

// find appends a finding, once.
func (r *Report) find(g Grade, code, pointer, message string) {
	f := Finding{Grade: g, Code: code, Pointer: pointer, Message: clip(message)}
	if len(r.Findings) < maxFindings && !slices.Contains(r.Findings, f) {
		r.Findings = append(r.Findings, f)
	}
}

// maxFindings bounds what one report lists.
const maxFindings = 400

// input records the digest of something that was used to decide.
func (r *Report) input(digest string) {
	if digest != "" && !slices.Contains(r.TrustInputs, digest) {
		r.TrustInputs = append(r.TrustInputs, digest)
	}
}
