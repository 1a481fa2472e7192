package tsp

import "fmt"

// Reason is a short code for why a request, response or token was refused. A Reason is an error for
// errors.Is. Errors also answer errors.Is for the Reasons of packages cms and chain where those are
// the cause.
type Reason string

// The closed set of reasons.
const (
	BadConfig       Reason = "bad_config"       // the verifier was not told what it needs
	Malformed       Reason = "malformed"        // broken ASN.1, wrong version
	TooLarge        Reason = "too_large"        // over MaxSize
	Rejected        Reason = "rejected"         // the authority refused the request
	NotTimestamp    Reason = "not_timestamp"    // signed data of another content type
	ImprintMismatch Reason = "imprint_mismatch" // the token is over other data [HASH_FAILURE]
	NonceMismatch   Reason = "nonce_mismatch"   // the token answers another request
	PolicyMismatch  Reason = "policy_mismatch"  // issued under a policy that was not asked for or is not accepted
	Unsupported     Reason = "unsupported"      // an unknown critical extension, an unknown hash
	BadSignature    Reason = "bad_signature"    // package cms refuses the token; see the cause
	Untrusted       Reason = "untrusted"        // package chain finds no acceptable path; see the cause
	FromFuture      Reason = "from_future"      // its time is after the time it is judged at
	ExpiredNoPOE    Reason = "expired_no_poe"   // the authority's certificates had ended by the time the token is proven to exist [OUT_OF_BOUNDS_NO_POE]
	NoCertificate   Reason = "no_certificate"   // certificates were asked for and are missing
	UnexpectedToken Reason = "unexpected_token" // a token beside a refusal
)

// Error makes a Reason usable with errors.Is.
func (r Reason) Error() string { return "tsp: " + string(r) }

// Error is what this package's functions return.
type Error struct {
	Reason Reason
	Detail string
	Err    error
}

// Error joins reason, detail and cause.
func (e *Error) Error() string {
	s := e.Reason.Error()
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
