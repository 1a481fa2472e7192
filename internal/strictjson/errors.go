package strictjson

import "fmt"

// Code says what is wrong with a document.
type Code string

// The codes of Error.
const (
	Syntax        Code = "json_syntax"
	DuplicateName Code = "json_duplicate_name"
	InvalidUTF8   Code = "json_invalid_utf8"
	LoneSurrogate Code = "json_lone_surrogate"
	TrailingData  Code = "json_trailing_data"
	NumberRange   Code = "json_number_range"
	TooLarge      Code = "json_too_large"
	TooDeep       Code = "json_too_deep"
	TooMany       Code = "json_too_many_values"
	WrongType     Code = "json_wrong_type"
)

// Error says what is wrong and where. It never holds values of the document.
type Error struct {
	Code    Code
	Pointer string // JSON pointer (RFC 6901) of the place, as near as it is known
	Offset  int64  // bytes from the start of the text
	Detail  string
}

func (e *Error) Error() string {
	at := e.Pointer
	if len(at) > 256 {
		at = at[:256] + "…"
	}
	return fmt.Sprintf("strictjson: %s at %q, byte %d", e.Detail, at, e.Offset)
}
