package httpapi

import (
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// maxDepth bounds how deep JSON may be nested; credentials are the deepest.
const maxDepth = 64

// readJSON refuses bodies that are of another type, too large, or not exactly one JSON
// object; an operation without a body takes none, or {}.
func (c *call) readJSON() error {
	c.body = []byte{}
	if c.r.ContentLength == 0 || c.r.Body == nil || c.r.Body == http.NoBody {
		if c.op.emptyBody {
			return nil
		}
		if _, _, err := c.mediaType(); err != nil {
			return err
		}
		return badBody("expected a JSON object, found no body")
	}
	var err error
	if c.media, c.limit, err = c.mediaType(); err != nil {
		return err
	}
	if c.body, err = c.readAll(c.op.MaxBody); err != nil {
		return err
	}
	if c.media == formType {
		return nil
	}
	if len(c.body) == 0 && c.op.emptyBody {
		return nil
	}
	return c.parseJSON()
}

// parseJSON indexes the body that was read.
func (c *call) parseJSON() error {
	var err error
	if c.doc, err = parse(c.body, c.op.MaxBody); err != nil {
		return err
	}
	if c.doc.Kind(0) != strictjson.Object {
		return badBody("expected a JSON object")
	}
	if c.op.emptyBody && c.op.in == nil && c.doc.Len(0) != 0 {
		return &service.Error{Code: service.CodeValidation, Detail: "expected no members", Fields: map[string][]string{clipPath(c.doc.Name(c.doc.First(0))): {"is not known"}}}
	}
	return nil
}

// mediaType reads the Content-Type and compares it with what the operation takes.
func (c *call) mediaType() (string, string, error) {
	media, boundary, err := contentType(c.r)
	if err != nil {
		return "", "", err
	}
	if !slices.Contains(c.op.Consumes, media) {
		return "", "", &service.Error{Code: service.CodeMedia, Detail: "expected " + c.op.consumes}
	}
	if media == multipartType && (boundary == "" || len(boundary) > 70) {
		return "", "", &service.Error{Code: service.CodeMedia, Detail: "multipart/form-data: expected a boundary"}
	}
	return media, boundary, nil
}

// readAll reads the body up to a limit. Memory is taken as bytes arrive, not as the
// client announces them.
func (c *call) readAll(limit int64) ([]byte, error) {
	n := c.r.ContentLength
	if n > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	if n < 0 || n > 64<<10 {
		n = 64 << 10
	}
	body := http.MaxBytesReader(c.w, c.r.Body, limit)
	b := make([]byte, 0, n+1)
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		k, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+k]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, bodyFault(err)
		}
	}
}

// bodyFault tells a body that is too large, or was broken off, from a fault of ours.
func bodyFault(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return &service.Error{Code: service.CodeBody, Detail: "the body could not be read to its end", Err: err}
}

func badBody(detail string) error { return &service.Error{Code: service.CodeBody, Detail: detail} }

// parse indexes one JSON text, or says what is wrong with it.
func parse(b []byte, limit int64) (*strictjson.Doc, error) {
	d, err := strictjson.Parse(b, strictjson.Limits{Bytes: int(limit), Depth: maxDepth})
	if err != nil {
		return nil, jsonFault(err)
	}
	return d, nil
}

// jsonFault names the fault and where it is, in bytes: names of members may be personal.
func jsonFault(err error) error {
	var e *strictjson.Error
	if !errors.As(err, &e) {
		return badBody("the body is not JSON")
	}
	what := map[strictjson.Code]string{
		strictjson.DuplicateName: "a name stands twice in an object",
		strictjson.InvalidUTF8:   "invalid UTF-8",
		strictjson.LoneSurrogate: "half a surrogate pair",
		strictjson.TrailingData:  "data after the end",
		strictjson.NumberRange:   "a number that a double cannot hold",
		strictjson.TooLarge:      "too large",
		strictjson.TooDeep:       "nested too deep",
		strictjson.TooMany:       "too many values",
	}[e.Code]
	if what == "" {
		what = "a syntax error"
	}
	return badBody("the body is not JSON as expected: " + what + ", at or before byte " + itoa(e.Offset))
}

// decodeJSON is how bodies that were parsed become values: members that are not known
// are refused, null is the same as absent.
var decodeJSON = json.JoinOptions(
	json.RejectUnknownMembers(true),
	jsontext.AllowDuplicateNames(true), // parse has refused them, in a bounded way
)

// decode makes a value of the body.
func decode[T any](c *call) (T, error) {
	var v T
	if len(c.body) == 0 {
		return v, nil
	}
	if err := json.Unmarshal(c.body, &v, decodeJSON); err != nil {
		var zero T
		return zero, c.a.shapeError(c.doc, 0, "", c.op.in, err)
	}
	return v, nil
}
