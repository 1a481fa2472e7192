package service

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// Code says what is wrong with a request, as the problem body names it (API.md, 4).
type Code string

// The codes. That of something not found is made by NotFound: <RESOURCE>_NOT_FOUND.
const (
	CodeBody         Code = "MALFORMED_BODY"
	CodeParameter    Code = "MALFORMED_PARAMETER"
	CodeKey          Code = "INVALID_API_KEY"
	CodeTokenExpired Code = "TOKEN_EXPIRED"
	CodeScope        Code = "INSUFFICIENT_SCOPE"
	CodeQuota        Code = "QUOTA_EXCEEDED"
	CodeRevoked      Code = "CREDENTIAL_REVOKED"
	CodeState        Code = "INVALID_STATE"
	CodeDuplicate    Code = "DUPLICATE_ID"
	CodeInProgress   Code = "IDEMPOTENCY_IN_PROGRESS"
	CodeMismatch     Code = "IDEMPOTENCY_MISMATCH"
	CodeTooLarge     Code = "PAYLOAD_TOO_LARGE"
	CodeMedia        Code = "UNSUPPORTED_MEDIA_TYPE"
	CodeValidation   Code = "VALIDATION_ERROR"
	CodeRate         Code = "RATE_LIMITED"
	CodeInternal     Code = "INTERNAL_ERROR"
	CodeUnavailable  Code = "UNAVAILABLE"
)

// Error is what a caller did wrong, or what is not available. Every other error is an
// internal one, of which callers learn nothing.
type Error struct {
	Code Code
	// Detail is for people: what was expected. It holds no submitted value and no
	// personal data.
	Detail string
	// Fields are the messages by field, for CodeValidation: dotted paths, rows as
	// items[3].recipient.email.
	Fields map[string][]string
	// RetryAfter says when to come again. 0: not said.
	RetryAfter time.Duration
	// Err is the cause, for logs. It may be nil.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "service: %s: %s", e.Code, e.Detail)
	paths := make([]string, 0, len(e.Fields))
	for p := range e.Fields {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	for _, p := range paths {
		fmt.Fprintf(&b, "; %s %s", p, strings.Join(e.Fields[p], ", "))
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// NotFound is the error for a resource that is not there or not the caller's, such as
// NotFound("credential").
func NotFound(resource string) *Error {
	name := strings.ToUpper(strings.NewReplacer("-", "_", " ", "_").Replace(resource))
	return &Error{Code: Code(name + "_NOT_FOUND"), Detail: "no such " + resource, Err: ErrNotFound}
}

// IsNotFound reports whether an error says that something is not there.
func IsNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// Invalid collects messages about fields. The zero value is ready.
type Invalid struct{ fields map[string][]string }

// Add says what is wrong with a field, once. More than 1,000 fields are not collected.
func (v *Invalid) Add(path, message string) {
	if v.fields == nil {
		v.fields = map[string][]string{}
	}
	if (len(v.fields) < 1000 || v.fields[path] != nil) && !slices.Contains(v.fields[path], message) {
		v.fields[path] = append(v.fields[path], message)
	}
}

// Fields returns the messages, nil where there is none.
func (v *Invalid) Fields() map[string][]string { return v.fields }

// Err returns a CodeValidation error, nil where nothing was added.
func (v *Invalid) Err() error {
	if len(v.fields) == 0 {
		return nil
	}
	first := ""
	for p := range v.fields {
		if first == "" || p < first {
			first = p
		}
	}
	return &Error{Code: CodeValidation, Detail: first + " " + v.fields[first][0], Fields: v.fields}
}
