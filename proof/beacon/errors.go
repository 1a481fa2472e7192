package beacon

import (
	"errors"
	"fmt"
)

// Reason is a short, stable code for why evidence was not accepted. It is an error,
// so that errors.Is(err, beacon.ErrUnknownFork) works.
type Reason string

// Reasons that leave the question open: with other trust the answer may be yes.
const (
	// ErrNoTrust: Trust is nil, empty or contradicts itself.
	ErrNoTrust Reason = "no_trust"
	// ErrUnknownFork: the fork table does not know the fork, or says nothing about its time.
	ErrUnknownFork Reason = "unknown_fork"
	// ErrUnknownVersion: the pack is in a format this package does not know.
	ErrUnknownVersion Reason = "unknown_version"
	// ErrUnknownCommittee: the table of committee roots has no entry for the period.
	ErrUnknownCommittee Reason = "unknown_committee"
	// ErrUnknownCheckpoint: the pack starts at a checkpoint that is not trusted.
	ErrUnknownCheckpoint Reason = "unknown_checkpoint"
	// ErrNoExecution: the finalized beacon block is older than Capella, where light-client
	// headers do not reach the execution block.
	ErrNoExecution Reason = "no_execution"
)

// Reasons that make the evidence invalid.
const (
	// ErrMalformed: the bytes are not the one encoding of a pack or container.
	ErrMalformed Reason = "malformed"
	// ErrWrongNetwork: the genesis validators root or committee size is another network's.
	ErrWrongNetwork Reason = "wrong_network"
	// ErrWrongFork: the fork named or the form of a container is not the one of its slot.
	ErrWrongFork Reason = "wrong_fork"
	// ErrWrongPeriod: a header or signature lies in another sync committee period.
	ErrWrongPeriod Reason = "wrong_period"
	// ErrOrder: signature slot > attested slot >= finalized slot does not hold, or the
	// signature slot is not written in its canonical form.
	ErrOrder Reason = "slot_order"
	// ErrWrongCommittee: the committee is not the trusted one of its period.
	ErrWrongCommittee Reason = "wrong_committee"
	// ErrCommitteeBranch: the committee is not in the state of the header that names it.
	ErrCommitteeBranch Reason = "committee_branch"
	// ErrKey: a public key is not a canonical, finite point of the right group.
	ErrKey Reason = "bad_key"
	// ErrParticipation: fewer than two thirds of the committee signed.
	ErrParticipation Reason = "participation"
	// ErrSignature: the aggregate signature does not verify.
	ErrSignature Reason = "bad_signature"
	// ErrFinalityBranch: the finalized header is not in the attested state.
	ErrFinalityBranch Reason = "finality_branch"
	// ErrExecutionBranch: the execution header is not in the beacon block's body.
	ErrExecutionBranch Reason = "execution_branch"
)

// Indeterminate says whether the reason leaves the question open.
func (r Reason) Indeterminate() bool {
	switch r {
	case ErrNoTrust, ErrUnknownFork, ErrUnknownVersion, ErrUnknownCommittee, ErrUnknownCheckpoint, ErrNoExecution:
		return true
	}
	return false
}

func (r Reason) Error() string { return "beacon: " + string(r) }

// Error is what every function of this package returns: a Reason and what was expected
// and found. It holds no key material beyond public roots and slots.
type Error struct {
	Reason Reason
	Detail string
}

func (e *Error) Error() string { return "beacon: " + e.Detail }

// Unwrap gives the Reason, for errors.Is.
func (e *Error) Unwrap() error { return e.Reason }

func fail(r Reason, format string, args ...any) error {
	return &Error{Reason: r, Detail: fmt.Sprintf(format, args...)}
}

// Indeterminate says whether err, which came from this package, leaves the question
// open. It is false for nil and for invalid evidence.
func Indeterminate(err error) bool {
	var r Reason
	return errors.As(err, &r) && r.Indeterminate()
}
