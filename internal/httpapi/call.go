package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// call is one request to an operation, checked as far as the operation asks for.
type call struct {
	a      *api
	op     *operation
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context
	x      *exchange
	caller service.Caller
	query  url.Values
	media  string // of the body, "" where there is none
	limit  string // boundary of a multipart body
	body   []byte // of operations that take JSON or a form
	doc    *strictjson.Doc
	digest [32]byte // of a body that is not in body
}

// id is a part of the path.
func (c *call) id(name string) string { return c.r.PathValue(name) }

// idempotency is what makes this call repeatable: the digest covers the path, the query
// and the body (API.md, 5).
func (c *call) idempotency() service.Idempotency {
	key := c.r.Header.Get("Idempotency-Key")
	if key == "" {
		return service.Idempotency{}
	}
	h := sha256.New()
	for _, part := range []string{c.r.URL.EscapedPath(), c.r.URL.RawQuery, c.media} {
		sized(h, len(part))
		io.WriteString(h, part)
	}
	if c.body != nil {
		h.Write(c.body)
	} else {
		h.Write(c.digest[:])
	}
	i := service.Idempotency{Key: key, Route: c.op.Method + " " + c.op.Path}
	h.Sum(i.Digest[:0])
	return i
}

// checkKey refuses an Idempotency-Key that is malformed before anything is read, and waits
// for another call with it to end.
func (c *call) checkKey() error {
	values, ok := c.r.Header["Idempotency-Key"]
	if !ok || !c.op.Creates {
		return nil
	}
	if len(values) != 1 || values[0] == "" {
		return badParameter("Idempotency-Key: expected 1 to 255 printable ASCII characters")
	}
	if err := (service.Idempotency{Key: values[0]}).Check(); err != nil {
		return err
	}
	return c.alone(values[0])
}

// sized writes a length before what it is of, so that parts cannot be shifted.
func sized(w io.Writer, n int) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	w.Write(b[:])
}

// page reads limit and cursor, by both of their names.
func (c *call) page() (service.Page, error) {
	var p service.Page
	limit, err := c.either("limit", "pageSize")
	if err != nil {
		return p, err
	}
	if c.query.Has("limit") || c.query.Has("pageSize") {
		n, err := strconv.Atoi(limit)
		if err != nil || limit[0] == '+' || n < 1 || n > service.MaxLimit {
			return p, badParameter("limit: expected 1 to " + strconv.Itoa(service.MaxLimit))
		}
		p.Limit = n
	}
	if p.Cursor, err = c.either("cursor", "pageToken"); err != nil {
		return p, err
	}
	if p.Cursor == "0" {
		p.Cursor = ""
	}
	if len(p.Cursor) > 1000 {
		return p, badParameter("cursor: expected one of an earlier answer")
	}
	p.WithTotal, err = c.boolean("withTotal")
	return p, err
}

func (c *call) either(name, other string) (string, error) {
	if c.query.Has(name) && c.query.Has(other) {
		return "", badParameter(name + " and " + other + " are the same: expected one of them")
	}
	if c.query.Has(other) {
		return c.query.Get(other), nil
	}
	return c.query.Get(name), nil
}

func (c *call) boolean(name string) (bool, error) {
	v, err := c.optional(name)
	return v != nil && *v, err
}

func (c *call) optional(name string) (*bool, error) {
	if !c.query.Has(name) {
		return nil, nil
	}
	var v bool
	switch c.query.Get(name) {
	case "true":
		v = true
	case "false":
	default:
		return nil, badParameter(name + ": expected true or false")
	}
	return &v, nil
}

func (c *call) time(name string) (time.Time, error) {
	if !c.query.Has(name) {
		return time.Time{}, nil
	}
	t, ok := strictjson.ParseTime(c.query.Get(name))
	if !ok {
		return time.Time{}, badParameter(name + ": expected a date and time with zone (RFC 3339)")
	}
	return t.UTC(), nil
}

// oneOf reads a parameter that has few values.
func (c *call) oneOf(name string, values ...string) (string, error) {
	s := c.query.Get(name)
	if !c.query.Has(name) {
		return "", nil
	}
	for _, v := range values {
		if s == v {
			return s, nil
		}
	}
	return "", badParameter(name + ": expected one of " + strings.Join(values, ", "))
}

func badParameter(detail string) error {
	return &service.Error{Code: service.CodeParameter, Detail: detail}
}

// parseQuery reads the query and refuses parameters that the operation does not have: a
// misspelt filter would answer everything. Each may be given once.
func (c *call) parseQuery() error {
	raw := c.r.URL.RawQuery
	if raw == "" {
		return nil
	}
	q, err := url.ParseQuery(raw)
	if err != nil || len(q) > maxParameters {
		return badParameter("the query cannot be read")
	}
	for name, values := range q {
		if !c.op.takes(name) {
			return badParameter("the query has a parameter that is not known here; known are: " + c.op.known)
		}
		if len(values) > 1 {
			return badParameter("a parameter is given more than once")
		}
		if strings.ContainsFunc(values[0], func(r rune) bool { return r < 0x20 || r == 0xfffd || r == 0x7f }) {
			return badParameter("a parameter holds control characters or is not UTF-8")
		}
	}
	c.query = q
	return nil
}
