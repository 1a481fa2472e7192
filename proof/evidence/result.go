package evidence

import (
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/proof/beacon"
)

// Outcome is the verdict on evidence. The zero value claims nothing.
type Outcome uint8

// The outcomes.
const (
	Indeterminate Outcome = iota
	Valid
	Invalid
)

func (o Outcome) String() string { return [...]string{"indeterminate", "valid", "invalid"}[o%3] }

// StepResult is what one step of the verification came to. The zero value claims nothing.
type StepResult uint8

// The results of steps.
const (
	Undecided StepResult = iota
	Pass
	Fail
	Skipped
)

func (r StepResult) String() string {
	return [...]string{"indeterminate", "pass", "fail", "skipped"}[r%4]
}

// Code says why a step did not pass. Package verifier has a Reason of the same name for
// each.
type Code string

// The codes. Those in the first group make evidence invalid, those in the second leave
// the question open.
const (
	Malformed        Code = "evidence_malformed"         // not of the form of a bundle
	PartMismatch     Code = "evidence_part_mismatch"     // a part does not have its digest
	DocumentMismatch Code = "evidence_document_mismatch" // the document is another one
	NotIncluded      Code = "evidence_not_included"      // the leaf is not in the signed tree
	ChainMismatch    Code = "evidence_chain_mismatch"    // another chain with the same id
	TransactionWrong Code = "evidence_transaction"       // the transaction is not in the block, or does not hold the digest
	SenderWrong      Code = "evidence_sender"            // someone else sent it
	LinkWrong        Code = "evidence_link"              // the block does not lead to the final one
	FinalityWrong    Code = "evidence_finality"          // the finality pack is wrong, or about another block
	TimestampWrong   Code = "timestamp_broken"           // the token is over something else, or not rightly signed
	CheckpointWrong  Code = "evidence_checkpoint"        // the later batch does not list this one
	OTSWrong         Code = "evidence_ots"               // the OpenTimestamps file is over something else
	RenewalWrong     Code = "evidence_renewal"           // a renewal does not cover what it should
	SignatureWrong   Code = "signature_invalid"          // the batch header's signature does not verify
	KeyOutside       Code = "key_outside_validity"       // signed at a time at which the key was not the issuer's
	TimeWrong        Code = "evidence_time"              // the header claims a time after it was anchored
	SplitHistory     Code = "evidence_split"             // the issuer signed another batch with this number

	Unsupported       Code = "evidence_unsupported"        // a part holds something that this package does not know
	PartMissing       Code = "evidence_part_missing"       // a detached part was not given
	DocumentMissing   Code = "evidence_document_missing"   // there is nothing to compare the digest with
	ChainUnknown      Code = "evidence_chain_unknown"      // the trust does not name the chain
	SenderUnknown     Code = "evidence_sender_unknown"     // the trust names no senders
	FinalityUndecided Code = "evidence_finality_undecided" // no pack, or one that the trust cannot judge
	TimestampOpen     Code = "timestamp_untrusted"         // no path to a trusted authority
	AnchorMissing     Code = "evidence_anchor_missing"     // an anchor that has to be there is not
	IssuerUnknown     Code = "issuer_not_trusted"          // the trust has no key for the issuer
	KeyTimeUnproven   Code = "key_time_unproven"           // the key is out of use, the signature not proven older
	KeyRevoked        Code = "key_revoked"                 // the key was revoked, the signature not proven older
)

var openCodes = map[Code]bool{
	Unsupported: true, PartMissing: true, DocumentMissing: true, ChainUnknown: true, SenderUnknown: true, FinalityUndecided: true, TimestampOpen: true,
	AnchorMissing: true, IssuerUnknown: true, KeyTimeUnproven: true, KeyRevoked: true,
}

// Codes returns every code of this package.
func Codes() []Code {
	return []Code{Malformed, PartMismatch, DocumentMismatch, NotIncluded, ChainMismatch, TransactionWrong, SenderWrong, LinkWrong, FinalityWrong,
		TimestampWrong, CheckpointWrong, OTSWrong, RenewalWrong, SignatureWrong, KeyOutside, TimeWrong, SplitHistory,
		Unsupported, PartMissing, DocumentMissing, ChainUnknown, SenderUnknown, FinalityUndecided, TimestampOpen, AnchorMissing, IssuerUnknown, KeyTimeUnproven, KeyRevoked}
}

// Open tells whether the code leaves the question open: with other trust or more parts
// the answer may be yes.
func (c Code) Open() bool { return openCodes[c] }

// Step is one step of docs/formats/evidence.md, section 5.
type Step struct {
	Number   string // as in the document: "4", "6.2"
	Name     string // "inclusion", "transaction", …
	Anchor   int    // index of the anchor or renewal it is about, -1 for none
	Result   StepResult
	Required bool // an undecided step that is not required does not stand in the way of Valid
	Code     Code // why it did not pass, "" where it did
	Detail   string
}

// Facts is what verified bytes say. A member is filled in only where every step that
// it rests on has passed; all are empty where the evidence is invalid.
type Facts struct {
	Included *Included
	Existed  []Existence // each upper bound on when the document came into being
	Proven   time.Time   // the earliest of those by anchors, zero for none
	OnChain  []OnChain
	Signed   *Signed
	Listed   []Listed
}

// Included says where the document stands in its batch. Source: the signed header.
type Included struct {
	Index, Size uint64
	Trees       []string // the hashes of the trees that show it
	Seq         uint64
}

// Existence is a time by which the batch, its signature and so the document existed.
type Existence struct {
	Time    time.Time
	Source  string // "block", "rfc3161" or "renewal"
	RestsOn string // whose word it is, for people
	Anchor  int    // index in Anchors or, for "renewal", in Renewals
	// Authority says, for people, what is known of whether certificates of the timestamping
	// authority were revoked. "" for a block.
	Authority string
}

// OnChain is a final transaction that holds the batch digest.
type OnChain struct {
	ChainID     uint64
	Network     string // as the trust names it
	GenesisHash [32]byte
	BlockNumber uint64
	BlockHash   [32]byte
	BlockTime   time.Time
	TxHash      [32]byte
	TxIndex     uint64
	Sender      [20]byte
	// Final is what the finality pack proved. Nil: the final block is one that the trust
	// names.
	Final *beacon.Finalized
	Trust string // what finality rests on
}

// Signed says who signed the batch.
type Signed struct {
	Issuer  string
	Name    string // as the trust names the issuer
	Method  string
	Alg     string
	Claimed time.Time // batchHeader.time: the issuer's word
	Binding string    // how the key is tied to the issuer, as the KeySource says
}

// Listed says that a later batch of the issuer lists this one.
type Listed struct {
	Seq  uint64 // of the later batch
	Time time.Time
}

// Result is what Verify found.
type Result struct {
	Outcome Outcome
	Code    Code // of the step that decided, "" where Valid
	Steps   []Step
	Facts   Facts
	Digest  [32]byte // batch digest
}

// Step returns the first step with a name, and whether there is one.
func (r *Result) Step(name string) (Step, bool) {
	for _, s := range r.Steps {
		if s.Name == name {
			return s, true
		}
	}
	return Step{}, false
}

// Error is what Verify answers for evidence that is not valid.
type Error struct{ Result *Result }

func (e *Error) Error() string {
	if e.Result == nil { // only in one that Verify did not make
		return "evidence: " + Indeterminate.String()
	}
	for _, s := range e.Result.Steps {
		if s.Code == e.Result.Code {
			return fmt.Sprintf("evidence: %s: step %s, %s: %s: %s", e.Result.Outcome, s.Number, s.Name, s.Code, s.Detail)
		}
	}
	return "evidence: " + e.Result.Outcome.String()
}

func (r *Result) decide() {
	var open, fail *Step
	for i := range r.Steps {
		s := &r.Steps[i]
		switch {
		case s.Result == Fail && fail == nil:
			fail = s
		case s.Required && (s.Result == Undecided || s.Result == Skipped) && open == nil:
			open = s
		}
	}
	switch {
	case fail != nil:
		r.Outcome, r.Code, r.Facts = Invalid, fail.Code, Facts{}
	case open != nil:
		r.Outcome, r.Code = Indeterminate, open.Code
	default:
		r.Outcome, r.Code = Valid, ""
	}
}
