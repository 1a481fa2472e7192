package httpapi

import (
	"bytes"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/chancery-dev/chancery/internal/httpapi/verdict"
	"github.com/chancery-dev/chancery/internal/service"
)

// answerJSON is how resources, lists and errors are written: two spaces, members with
// omitempty left out where they are zero, times in UTC, maps in the order of their names.
var answerJSON = json.JoinOptions(
	jsontext.WithIndent("  "),
	plainJSON,
)

// plainJSON is the same without spaces.
var plainJSON = json.JoinOptions(
	json.Deterministic(true),
	json.FormatNilMapAsNull(true),
	jsonv1.OmitEmptyWithLegacySemantics(true),
	jsontext.AllowInvalidUTF8(true),
	json.WithMarshalers(json.MarshalToFunc(func(e *jsontext.Encoder, t time.Time) error {
		var b [40]byte
		v := append(b[:0], '"')
		v = t.UTC().AppendFormat(v, time.RFC3339Nano)
		return e.WriteValue(append(v, '"'))
	})),
)

var (
	noStore    = []string{"no-store"}
	revalidate = []string{"private, no-cache"}
)

// envelope is the shape of every answer of the product plane.
type envelope[T any] struct {
	Data T    `json:"data"`
	Meta meta `json:"meta"`
}

// meta is empty but for lists.
type meta struct {
	NextCursor *string `json:"nextCursor,omitempty"`
	Total      *int64  `json:"total,omitempty"`
}

// listMeta always names the next cursor: null is the end.
type listMeta struct {
	NextCursor *string `json:"nextCursor" doc:"cursor of the next page; null: the end"`
	Total      *int64  `json:"total,omitempty" doc:"number of all, if asked for by withTotal"`
}

type listEnvelope[T any] struct {
	Data []T      `json:"data"`
	Meta listMeta `json:"meta"`
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// writeJSON writes a body that is no signed thing.
func (a *api) writeJSON(w http.ResponseWriter, r *http.Request, status int, mediaType string, v any) {
	buf := takeBuffer()
	defer freeBuffer(buf)
	if err := json.MarshalWrite(buf, v, answerJSON); err != nil {
		if _, ok := v.(Problem); ok {
			panic(err) // a body of strings and numbers can always be written
		}
		a.fail(w, r, err)
		return
	}
	buf.WriteByte('\n')
	send(w, status, []string{mediaType}, buf)
}

func takeBuffer() *bytes.Buffer {
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	return buf
}

func freeBuffer(buf *bytes.Buffer) {
	if buf.Cap() < 1<<20 {
		buffers.Put(buf)
	}
}

func send(w http.ResponseWriter, status int, mediaType []string, buf *bytes.Buffer) {
	h := w.Header()
	h["Content-Type"] = mediaType
	h["Content-Length"] = []string{strconv.Itoa(buf.Len())}
	w.WriteHeader(status)
	w.Write(buf.Bytes())
}

// data answers a resource.
func data[T any](c *call, status int, v T) error {
	if v, ok := any(v).(verdict.Verdict); ok && v.Report == nil {
		writeVerdict(c.w, status, &v)
		return nil
	}
	c.a.writeJSON(c.w, c.r, status, jsonType, envelope[T]{Data: v})
	return nil
}

// page answers a part of a list.
func page[T any](c *call, l service.List[T]) error {
	out := listEnvelope[T]{Data: l.Items}
	if l.Next != "" {
		out.Meta.NextCursor = &l.Next
	}
	if l.Total >= 0 && c.query.Get("withTotal") == "true" {
		out.Meta.Total = &l.Total
	}
	c.a.writeJSON(c.w, c.r, http.StatusOK, jsonType, out)
	return nil
}

// file answers exact bytes, with an ETag; 304 where the caller has them.
func (c *call) file(f service.File, cache []string) error {
	h := c.w.Header()
	h["Cache-Control"] = cache
	if f.Digest != "" {
		etag := `"` + f.Digest + `"`
		h["Etag"] = []string{etag}
		if matches(c.r.Header["If-None-Match"], etag) {
			c.w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	h["Content-Type"] = []string{f.MediaType}
	h["Content-Length"] = []string{strconv.Itoa(len(f.Bytes))}
	if f.Name != "" {
		kind := "attachment"
		if strings.HasPrefix(f.MediaType, "image/png") {
			kind = "inline"
		}
		if d := mime.FormatMediaType(kind, map[string]string{"filename": f.Name}); d != "" {
			h["Content-Disposition"] = []string{d}
		}
	}
	c.w.WriteHeader(http.StatusOK)
	c.w.Write(f.Bytes)
	return nil
}

// matches compares If-None-Match weakly (RFC 9110, 13.1.2).
func matches(header []string, etag string) bool {
	for _, line := range header {
		for v := range strings.SplitSeq(line, ",") {
			v = strings.TrimSpace(v)
			if v == "*" || strings.TrimPrefix(v, "W/") == etag {
				return true
			}
		}
	}
	return false
}

// maxAge is the Cache-Control of what anybody may keep for a while.
func maxAge(d time.Duration) []string {
	return []string{"public, max-age=" + strconv.FormatInt(max(int64(d/time.Second), 0), 10)}
}
