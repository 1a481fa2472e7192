package pades

import (
	"fmt"
)

// Reason is a short code for why something was refused. A Reason is an error for errors.Is. Errors
// also answer errors.Is for the codes of the cause, such as those of internal/pdf.
type Reason string

// The closed set of reasons.
const (
	BadConfig      Reason = "bad_config"      // the Signer or Request lacks something or contradicts itself
	BadInput       Reason = "bad_input"       // the file is broken, ambiguous, or encrypted without the right password; see the cause
	BadForm        Reason = "bad_form"        // the form or page structures needed are not as ISO 32000-2 wants them
	FieldNotFound  Reason = "field_not_found" // no signature field of that name
	FieldSigned    Reason = "field_signed"    // the field holds a signature already
	FieldKind      Reason = "field_kind"      // the field is no signature field, or its name is taken by another kind of node
	NotPermitted   Reason = "not_permitted"   // a certification or lock of an earlier signature forbids it
	SeedValue      Reason = "seed_value"      // a constraint the field's author requires is not met
	CannotCertify  Reason = "cannot_certify"  // a certification must be the first signature
	BadChain       Reason = "bad_chain"       // certificates that do not form a path
	Revoked        Reason = "revoked"         // a certificate is revoked
	NoRevocation   Reason = "no_revocation"   // usable revocation data could not be had
	BadTimestamp   Reason = "bad_timestamp"   // the authority's answer was refused, or there was none
	TooLarge       Reason = "too_large"       // the message does not fit the room reserved, or an answer is over its limit
	SigningFailed  Reason = "signing_failed"  // the key did not sign
	BadSignature   Reason = "bad_signature"   // the signature given to Embed is not one by the certificate's key
	InputChanged   Reason = "input_changed"   // between Prepare and Embed
	BadState       Reason = "bad_state"       // stored state that does not parse
	BadAppearance  Reason = "bad_appearance"  // the visible signature cannot be drawn
	NothingToRenew Reason = "nothing_to_renew"
	WriteFailed    Reason = "write_failed"
)

// Error makes a Reason usable with errors.Is.
func (r Reason) Error() string { return string(r) }

// Error is what this package's functions return.
type Error struct {
	Reason Reason
	Detail string // what was expected and what was found
	Err    error  // cause, may be nil
}

// Error joins reason, detail and cause.
func (e *Error) Error() string {
	s := "pades: " + string(e.Reason)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Is reports whether target is the Reason of e.
func (e *Error) Is(target error) bool { r, ok := target.(Reason); return ok && r == e.Reason }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func fail(r Reason, format string, args ...any) *Error {
	return &Error{Reason: r, Detail: fmt.Sprintf(format, args...)}
}

func wrap(r Reason, err error, detail string) *Error {
	return &Error{Reason: r, Detail: detail, Err: err}
}
