package jsonld

import (
	"errors"
	"strconv"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Code says what is wrong with a document or context.
type Code string

// The codes of Error.
const (
	UndefinedTerm    Code = "jsonld_undefined_term"   // a member name that no context defines
	UndefinedType    Code = "jsonld_undefined_type"   // a type that no context defines
	RelativeIRI      Code = "jsonld_relative_iri"     // an identifier that is not absolute: there is no base
	InvalidIRI       Code = "jsonld_invalid_iri"      // an IRI with characters that IRIs exclude
	InvalidLanguage  Code = "jsonld_invalid_language" // not a language tag (BCP 47)
	BlankPredicate   Code = "jsonld_blank_predicate"  // a property that is a blank node
	KeywordLike      Code = "jsonld_keyword_like"     // a name of the form of a keyword that is none
	NullValue        Code = "jsonld_null_value"       // null where JSON-LD would leave it out
	DroppedValue     Code = "jsonld_dropped_value"    // a value that hangs on nothing and would vanish
	InexactNumber    Code = "jsonld_inexact_number"   // a double that its canonical form does not hold
	UnsupportedThing Code = "jsonld_unsupported"      // a feature that is refused by name; see Feature
	UnknownContext   Code = "jsonld_unknown_context"  // a context URL that is not in the closed table
	InvalidContext   Code = "jsonld_invalid_context"  // a context that the specification refuses
	ProtectedTerm    Code = "jsonld_protected_term"   // a context that changes a protected term
	InvalidDocument  Code = "jsonld_invalid_document" // a document that the specification refuses
	LimitExceeded    Code = "jsonld_limit"            // more work than Limits allows
)

// ErrUnsupported is matched (errors.Is) by every error with code UnsupportedThing.
var ErrUnsupported = errors.New("jsonld: not supported")

// Error says what is wrong and where. It holds names and context URLs, but no values
// of the document.
type Error struct {
	Code    Code
	Context string // URL of the context that Pointer leads into; "" for the document
	Pointer string // JSON pointer (RFC 6901)
	Feature string // for UnsupportedThing: which feature
	Detail  string
}

func (e *Error) Error() string {
	where := "at " + strconv.Quote(clip(e.Pointer))
	if e.Context != "" {
		where += " of context " + strconv.Quote(clip(e.Context))
	}
	return "jsonld: " + e.Detail + " " + where
}

// Is makes errors.Is(err, ErrUnsupported) work.
func (e *Error) Is(target error) bool {
	return target == ErrUnsupported && e.Code == UnsupportedThing
}

// clip bounds what a message repeats.
func clip(s string) string {
	const most = 256
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// fail reports a fault at a node of the document.
func (r *run) fail(code Code, n strictjson.Node, detail string) error {
	return &Error{Code: code, Pointer: r.doc.Pointer(n), Detail: detail}
}

// unsupported reports a feature at a node of the document.
func (r *run) unsupported(n strictjson.Node, feature string) error {
	return &Error{Code: UnsupportedThing, Pointer: r.doc.Pointer(n), Feature: feature, Detail: feature + " is not supported"}
}
