package httpapi

import (
	"errors"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// shapeError says where a value is not of the shape that a schema asks for: every place
// at once, by dotted path. cause is the decoder's error, which knows only the first one.
// It is made only when decoding has failed, so it may take its time.
func (a *api) shapeError(d *strictjson.Doc, n strictjson.Node, prefix string, schema *huma.Schema, cause error) error {
	var bad service.Invalid
	if schema != nil {
		var res huma.ValidateResult
		huma.Validate(a.registry, schema, huma.NewPathBuffer(make([]byte, 0, 64), 0), huma.ModeWriteToServer, d.Any(n), &res)
		for _, err := range res.Errors {
			var detail *huma.ErrorDetail
			if errors.As(err, &detail) {
				path, message := shapeMessage(detail.Location, detail.Message)
				bad.Add(clipPath(prefix+path), message)
			}
		}
	}
	if bad.Fields() == nil {
		bad.Add(clipPath(prefix+pointerPath(cause)), "has the wrong type or form")
	}
	err := bad.Err()
	var e *service.Error
	if errors.As(err, &e) {
		e.Err = nil
	}
	return err
}

// shapeMessage turns huma's texts into ours. They hold names and limits of the schema;
// those that would hold a value are cut.
func shapeMessage(path, message string) (string, string) {
	if rest, ok := strings.CutPrefix(message, "expected required property "); ok {
		name := strings.TrimSuffix(rest, " to be present")
		if path != "" {
			name = path + "." + name
		}
		return name, "is required"
	}
	switch message {
	case "unexpected property":
		return path, "is not known"
	case "expected string":
		return path, "must be a string"
	case "expected number":
		return path, "must be a number"
	case "expected integer":
		return path, "must be an integer"
	case "expected boolean":
		return path, "must be true or false"
	case "expected array":
		return path, "must be an array"
	case "expected object":
		return path, "must be an object"
	case "expected string to be RFC 3339 date-time":
		return path, "must be a date and time with zone (RFC 3339)"
	}
	if rest, ok := strings.CutPrefix(message, "expected value to be one of "); ok {
		return path, "must be one of " + rest
	}
	if rest, ok := strings.CutPrefix(message, "expected "); ok {
		rest, _, _ = strings.Cut(rest, ":")
		return path, "must be " + rest
	}
	return path, "has the wrong type or form"
}

// pointerPath is the place of a decoder's error as a dotted path.
func pointerPath(err error) string {
	var e *json.SemanticError
	if !errors.As(err, &e) {
		return "body"
	}
	var b strings.Builder
	for token := range e.JSONPointer.Tokens() {
		if _, err := strconv.Atoi(token); err == nil {
			b.WriteString("[" + token + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(token)
	}
	if b.Len() == 0 {
		return "body"
	}
	return b.String()
}

// clipPath bounds a path: names of members that are not known are the caller's.
func clipPath(p string) string {
	const most = 120
	if len(p) > most {
		return strings.ToValidUTF8(p[:most], "") + "…"
	}
	return p
}
