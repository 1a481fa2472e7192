package pdf

import (
	"errors"
	"fmt"
)

// Code says which rule a file broke. A Code is an error, so
// errors.Is(err, pdf.CodeXref) works on every error of this package.
type Code string

// The closed list of codes.
const (
	CodeIO         Code = "io"            // the ReaderAt or Writer failed
	CodeHeader     Code = "header"        // no %PDF-M.m at offset 0, or a version that does not exist
	CodeStartxref  Code = "startxref"     // missing, misplaced or pointing at something else
	CodeEOF        Code = "eof_marker"    // %%EOF missing where a revision must end
	CodeXref       Code = "xref"          // malformed cross-reference section
	CodeXrefEntry  Code = "xref_entry"    // an entry does not lead to the object of its number and generation
	CodeXrefChain  Code = "xref_chain"    // /Prev or /XRefStm loops, overlaps or points forward
	CodeAmbiguous  Code = "ambiguous"     // readers that follow the rules may come to different objects
	CodeDuplicate  Code = "duplicate"     // an object twice in a revision, or a key twice in a dictionary
	CodeTrailer    Code = "trailer"       // trailer keys missing or of the wrong type
	CodeSyntax     Code = "syntax"        // malformed token or object
	CodeNumber     Code = "number"        // malformed or overflowing number
	CodeStream     Code = "stream"        // stream keyword, /Length and endstream disagree
	CodeObjStm     Code = "object_stream" // malformed object stream
	CodeFilter     Code = "filter"        // stream data do not decode
	CodeFilterKind Code = "filter_kind"   // a filter this package leaves opaque (images) or does not know
	CodeLoop       Code = "loop"          // references that lead back to themselves
	CodeLimit      Code = "limit"         // a bound of Limits was exceeded
	CodeType       Code = "type"          // an object of another type than the key requires
	CodePageTree   Code = "page_tree"     // page tree not a tree
	CodeField      Code = "field_tree"    // form field tree not a tree
	CodeEncryption Code = "encryption"    // malformed encryption dictionary or data
	CodeHandler    Code = "handler"       // a security handler or algorithm that is not supported
	CodeNoPassword Code = "no_password"   // encrypted, and the empty password does not open it
	CodePassword   Code = "password"      // encrypted, and the given password does not open it
	CodeTrailing   Code = "trailing"      // bytes after the last %%EOF where none may be
	CodeUpdate     Code = "update"        // an update that would not be well formed
	CodeOverlap    Code = "overlap"       // objects share bytes
)

// Error implements error.
func (c Code) Error() string { return "pdf: " + string(c) }

// Error is the only error type this package returns.
type Error struct {
	Code   Code
	Offset int64  // byte offset in the file, -1 where the place is not one byte of the file
	Object Ref    // the indirect object concerned, zero if none
	Msg    string // what was expected and what was found; never document content beyond a short token
	Err    error  // cause, if another package reported one
}

// Error implements error.
func (e *Error) Error() string {
	s := "pdf: " + string(e.Code)
	if e.Object.Num != 0 {
		s += fmt.Sprintf(": object %d %d", e.Object.Num, e.Object.Gen)
	}
	if e.Offset >= 0 {
		s += fmt.Sprintf(": at byte %d", e.Offset)
	}
	s += ": " + e.Msg
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is this error's Code.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

func errAt(code Code, off int64, format string, args ...any) *Error {
	return &Error{Code: code, Offset: off, Msg: fmt.Sprintf(format, args...)}
}

// inObject names the object an error belongs to, unless a nearer one is named already.
func inObject(err error, ref Ref) error {
	var e *Error
	if errors.As(err, &e) && e.Object.Num == 0 {
		c := *e
		c.Object = ref
		return &c
	}
	return err
}

// withoutOffset is for errors found inside decoded data, where offsets are not those of the file.
func withoutOffset(err error, where string) error {
	var e *Error
	if errors.As(err, &e) && e.Offset >= 0 {
		c := *e
		c.Msg = fmt.Sprintf("%s, decoded byte %d: %s", where, c.Offset, c.Msg)
		c.Offset = -1
		return &c
	}
	return err
}
