package pades

import (
	"crypto/x509"
	"time"

	"github.com/chancery-dev/chancery/verifier"
)

// Indication is the verdict on a signature (EN 319 102-1, 5.1.3). The zero value is
// not used in results.
type Indication string

// The indications.
const (
	TotalPassed   Indication = "TOTAL-PASSED"
	TotalFailed   Indication = "TOTAL-FAILED"
	Indeterminate Indication = "INDETERMINATE"
)

// SubIndication tells why a signature did not pass (EN 319 102-1, 5.1.3).
type SubIndication string

// The sub-indications in use.
const (
	FormatFailure              SubIndication = "FORMAT_FAILURE"
	HashFailure                SubIndication = "HASH_FAILURE"
	SigCryptoFailure           SubIndication = "SIG_CRYPTO_FAILURE"
	Revoked                    SubIndication = "REVOKED"
	NotYetValid                SubIndication = "NOT_YET_VALID"
	SigConstraintsFailure      SubIndication = "SIG_CONSTRAINTS_FAILURE"
	ChainConstraintsFailure    SubIndication = "CHAIN_CONSTRAINTS_FAILURE"
	CertificateChainFailure    SubIndication = "CERTIFICATE_CHAIN_GENERAL_FAILURE"
	CryptoConstraintsFailure   SubIndication = "CRYPTO_CONSTRAINTS_FAILURE"
	CryptoConstraintsNoPOE     SubIndication = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"
	Expired                    SubIndication = "EXPIRED"
	NoSigningCertificate       SubIndication = "NO_SIGNING_CERTIFICATE_FOUND"
	NoCertificateChain         SubIndication = "NO_CERTIFICATE_CHAIN_FOUND"
	RevokedNoPOE               SubIndication = "REVOKED_NO_POE"
	RevokedCANoPOE             SubIndication = "REVOKED_CA_NO_POE"
	OutOfBoundsNoPOE           SubIndication = "OUT_OF_BOUNDS_NO_POE"
	RevocationOutOfBoundsNoPOE SubIndication = "REVOCATION_OUT_OF_BOUNDS_NO_POE"
	TryLater                   SubIndication = "TRY_LATER"
	Generic                    SubIndication = "GENERIC"
)

// Coverage says how much of the file a signature covers.
type Coverage string

// The coverages. The empty one is that of a file whose signatures were not looked at.
const (
	CoverageUnclear    Coverage = "UNCLEAR"                     // its ByteRange is not what it has to be
	CoverageContiguous Coverage = "CONTIGUOUS_BLOCK_FROM_START" // from the first byte, but not to the end of a revision
	CoverageRevision   Coverage = "ENTIRE_REVISION"             // all of the document as it was then
	CoverageFile       Coverage = "ENTIRE_FILE"                 // all of it
)

// ChangeLevel is how far what follows a signature goes. Levels are ordered.
type ChangeLevel int

// The levels of change.
const (
	ChangesNone        ChangeLevel = iota // nothing follows
	ChangesLTA                            // validation data and document timestamps
	ChangesForm                           // form fields filled in, further signatures
	ChangesAnnotations                    // annotations: allowed only by a certification with P=3
	ChangesOther                          // anything else: never allowed
)

func (l ChangeLevel) String() string {
	names := [...]string{"NONE", "LTA_UPDATES", "FORM_FILLING", "ANNOTATIONS", "OTHER"}
	if l < 0 || int(l) >= len(names) {
		return "OTHER"
	}
	return names[l]
}

// Change is one thing that was done after a signature.
type Change struct {
	Revision int // that made it, from 0
	Level    ChangeLevel
	Reason   verifier.Reason // "" where the change is allowed by itself
	Field    string          // fully qualified name of the form field concerned, "" if none
	Page     int             // from 1; 0 if none
	Detail   string
}

// Overlap is something added or changed after a signature that lies over page
// content or annotations.
type Overlap struct {
	Revision int
	Page     int    // from 1
	Field    string // of the form field, "" for an annotation
	Over     string // "text", "image" or "annotation"
	// Rect is the place in default user space: left, bottom, right, top.
	Rect [4]float64
}

// Result is what Validate found.
type Result struct {
	// Outcome is the verdict on the document: valid only if there is a signature, all of
	// them passed, and all that follows each of them is allowed.
	Outcome verifier.Outcome
	// Reason is that of the first check that decided, "" where valid.
	Reason verifier.Reason
	// Checks are those on the document; each signature has its own beside them.
	Checks []verifier.Check

	Signatures []Signature // signatures and document timestamps, oldest first
	Revisions  int
	Encrypted  bool
	// Coverage is that of the newest signature or document timestamp, and Changes the
	// most that follows any signature.
	Coverage Coverage
	Changes  ChangeLevel
	Overlaps []Overlap
	// Since is what was done after the bytes that Config.Known names, in order, at most 200
	// changes.
	Since []Change
	// Certified is the permission of the certification (1 to 3), 0 without one.
	Certified int

	Attachments []Attachment
	Findings    []verifier.Finding
	EvaluatedAt time.Time
	Insecure    []string
}

// Signature is the verdict on one signature field's value.
type Signature struct {
	Field     string // fully qualified name
	Index     int    // among the signatures, oldest first
	Timestamp bool   // a document timestamp
	SubFilter string
	// Level is what the signature reaches by its parts: "PAdES-BASELINE-B", -T, -LT,
	// -LTA, "PKCS7-B", "PKCS7-T", or "" where it is neither.
	Level string

	Indication    Indication
	SubIndication SubIndication // "" where passed
	Reason        verifier.Reason
	Checks        []verifier.Check

	Revision   int // that it covers, from 0
	Coverage   Coverage
	ByteRange  [4]int64
	Permission int // of its certification, 1 to 3; 0 for none

	Changes    ChangeLevel // what follows it
	ChangeList []Change

	Certificate *x509.Certificate   // of the signer, nil where not found
	Path        []*x509.Certificate // to the anchor, nil where there is none
	Claimed     time.Time           // /M: what the document says, never evidence
	// Proven is a time at which the signature existed for certain: that of the earliest
	// timestamp that counts, or the time of judging. For a document timestamp it is its own.
	Proven   time.Time
	ProvenBy string // "" where nothing proves an earlier time than now

	// claimedSince is the earliest that Claimed can mean: it may lack its zone.
	claimedSince time.Time

	Algorithm string // of the signature
	Tokens    []Token
	// Claims as the signature dictionary has them: never evidence.
	SignerName, Place, Purpose string
}

// Token is a signature timestamp.
type Token struct {
	Time   time.Time
	Reason verifier.Reason // why it does not count, "" where it does
	Detail string
}

// Attachment is a file embedded in the signed document that looks like a credential.
type Attachment struct {
	Name         string
	MediaType    string // as the file says, "" where it does not
	Relationship string // /AFRelationship
	Associated   bool   // the document's /AF leads to it
	Signed       bool   // covered by every signature that passed
	Bytes        []byte
	Digest       string           // "sha-256:" and hex
	Report       *verifier.Report // by Handler; nil from Validate
	Reason       verifier.Reason  // why it does not belong to the document, "" where it does
}

// fail records why a signature did not pass. The first failure decides, a TOTAL-FAILED
// over an INDETERMINATE one.
func (s *Signature) fail(check string, sub SubIndication, reason verifier.Reason, detail string) {
	s.Checks = append(s.Checks, checkOf(check, true, reason, detail))
	ind := Indeterminate
	if reason.Outcome() == verifier.Invalid {
		ind = TotalFailed
	}
	if s.Indication == "" || s.Indication == Indeterminate && ind == TotalFailed {
		s.Indication, s.SubIndication, s.Reason = ind, sub, reason
	}
}

func (s *Signature) pass(check, detail string, facts ...verifier.Fact) {
	s.Checks = append(s.Checks, verifier.Check{ID: check, Result: verifier.Pass, Required: true, Detail: clip(detail), Evidence: facts})
}

// note records a check that does not decide.
func (s *Signature) note(check string, reason verifier.Reason, detail string) {
	s.Checks = append(s.Checks, checkOf(check, false, reason, detail))
}

func (s *Signature) failed() bool { return s.Indication == TotalFailed }

// checkOf makes a check whose Result follows from its Reason, as verifier.Report.Add does.
func checkOf(id string, required bool, reason verifier.Reason, detail string) verifier.Check {
	c := verifier.Check{ID: id, Required: required, Reason: reason, Detail: clip(detail)}
	switch {
	case reason == "":
		c.Result = verifier.Pass
	case reason.Outcome() == verifier.Invalid:
		c.Result = verifier.Fail
	}
	return c
}

// clip bounds what a report repeats of messages.
func clip(s string) string {
	const most = 600
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && s[cut]&0xc0 == 0x80 {
		cut--
	}
	return s[:cut] + "…"
}
