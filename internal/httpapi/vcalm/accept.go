package vcalm

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/internal/service"
)

// codeAcceptable is the code of a 406.
const codeAcceptable service.Code = "NOT_ACCEPTABLE"

// quality is the weight that Accept gives a media type, that of the most specific range
// which covers it (RFC 9110, 12.5.1). Without the header it is 1.
func quality(r *http.Request, mediaType string) float64 {
	lines := r.Header["Accept"]
	if len(lines) == 0 {
		return 1
	}
	kind, _, _ := strings.Cut(mediaType, "/")
	best, q := -1, 0.0
	for part := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		specific := -1
		switch strings.ToLower(strings.TrimSpace(name)) {
		case mediaType:
			specific = 2
		case kind + "/*":
			specific = 1
		case "*/*", "":
			specific = 0
		}
		if specific > best {
			best, q = specific, weight(params)
		}
	}
	return q
}

func weight(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0) { // not a number
			return 0
		}
		return min(q, 1)
	}
	return 1
}

// acceptJSON are the names by which clients ask for what is answered as application/json.
var acceptJSON = []string{"application/json", "application/ld+json", "application/vc", "application/vp", "application/vc+ld+json", "application/problem+json"}

// takesJSON is the best weight that Accept gives JSON under one of its names.
func takesJSON(r *http.Request) (best float64) {
	for _, name := range acceptJSON {
		best = max(best, quality(r, name))
	}
	return best
}

// wantsPage reports whether Accept asks for a page rather than for JSON: browsers do.
func wantsPage(r *http.Request) bool {
	json := takesJSON(r)
	return json == 0 || quality(r, "text/html") > json
}
