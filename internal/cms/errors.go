package cms

import "fmt"

// Reason is a short code for why a message was refused. A Reason is an error, so
// errors.Is(err, cms.DigestMismatch) works on everything this package returns.
type Reason string

// The closed set of reasons. In brackets the EN 319 102-1 sub-indication a report usually maps it to.
const (
	Malformed                  Reason = "malformed"                    // not CMS, or broken ASN.1 [FORMAT_FAILURE]
	TooLarge                   Reason = "too_large"                    // over a limit on bytes, depth or counts [FORMAT_FAILURE]
	TrailingBytes              Reason = "trailing_bytes"               // bytes other than zero padding after the message [FORMAT_FAILURE]
	UnsupportedEncoding        Reason = "unsupported_encoding"         // a form of BER that is not converted [FORMAT_FAILURE]
	UnsupportedContent         Reason = "unsupported_content"          // a ContentInfo that is not SignedData [FORMAT_FAILURE]
	SignerCount                Reason = "signer_count"                 // not exactly one SignerInfo [FORMAT_FAILURE]
	ContentPresent             Reason = "content_present"              // content inside where it must be detached [FORMAT_FAILURE]
	ContentAbsent              Reason = "content_absent"               // no content inside where there must be [FORMAT_FAILURE]
	NoSignedAttributes         Reason = "no_signed_attributes"         // [FORMAT_FAILURE]
	DuplicateAttribute         Reason = "duplicate_attribute"          // [FORMAT_FAILURE]
	MissingAttribute           Reason = "missing_attribute"            // content-type or message-digest [FORMAT_FAILURE]
	ContentTypeMismatch        Reason = "content_type_mismatch"        // [FORMAT_FAILURE]
	DigestMismatch             Reason = "digest_mismatch"              // [HASH_FAILURE]
	SignatureInvalid           Reason = "signature_invalid"            // [SIG_CRYPTO_FAILURE]
	UnsupportedAlgorithm       Reason = "unsupported_algorithm"        // [CRYPTO_CONSTRAINTS_FAILURE]
	AlgorithmMismatch          Reason = "algorithm_mismatch"           // identifiers contradict each other, or key and scheme do [FORMAT_FAILURE]
	WeakAlgorithm              Reason = "weak_algorithm"               // not acceptable at the given time [CRYPTO_CONSTRAINTS_FAILURE]
	NoSigningCertificate       Reason = "no_signing_certificate"       // none of the candidates has the signer's identifier [NO_SIGNING_CERTIFICATE_FOUND]
	AmbiguousCertificate       Reason = "ambiguous_certificate"        // several have, and nothing tells them apart [NO_SIGNING_CERTIFICATE_FOUND]
	NoCertificateReference     Reason = "no_certificate_reference"     // no ESS signing-certificate attribute [SIG_CONSTRAINTS_FAILURE]
	SigningCertificateMismatch Reason = "signing_certificate_mismatch" // the ESS reference names another certificate [SIG_CONSTRAINTS_FAILURE]
)

// Error makes a Reason usable with errors.Is.
func (r Reason) Error() string { return "cms: " + string(r) }

// Error is what this package's functions return.
type Error struct {
	Reason Reason
	Detail string // what was expected and what was found
	Err    error  // cause, may be nil
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
