package httpapi

import (
	"mime"
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/internal/service"
)

const (
	jsonType      = "application/json"
	problemType   = "application/problem+json"
	ndjsonType    = "application/x-ndjson"
	csvType       = "text/csv"
	multipartType = "multipart/form-data"
	formType      = "application/x-www-form-urlencoded"
	cborType      = "application/cbor"
	zipType       = "application/zip"
)

// accepts reports whether an Accept header allows a media type (RFC 9110, 12.5.1). An
// absent header allows everything; what cannot be read allows nothing.
func accepts(header []string, mediaType string) bool { return quality(header, mediaType) > 0 }

// quality is the weight that Accept gives a type, in thousandths: that of the most
// specific range that covers it.
func quality(header []string, mediaType string) int {
	if len(header) == 0 || len(header) == 1 && (header[0] == "*/*" || header[0] == mediaType || header[0] == "") {
		return 1000
	}
	mediaType, _, _ = strings.Cut(mediaType, ";")
	kind, _, _ := strings.Cut(mediaType, "/")
	best, q := -1, 0
	for _, line := range header {
		for part := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(part, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			specific := -1
			switch name {
			case mediaType:
				specific = 2
			case kind + "/*":
				specific = 1
			case "*/*":
				specific = 0
			}
			if specific > best {
				best, q = specific, weight(params)
			}
		}
	}
	return q
}

func weight(params string) int {
	for p := range strings.SplitSeq(params, ";") {
		name, value, ok := strings.Cut(strings.TrimSpace(p), "=")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		value = strings.TrimSpace(value)
		if value == "" || len(value) > 5 || value[0] != '0' && value[0] != '1' || len(value) > 1 && value[1] != '.' {
			return 0
		}
		n := int(value[0]-'0') * 1000
		if len(value) > 2 {
			scale := 100
			for _, d := range value[2:] {
				if d < '0' || d > '9' {
					return 0
				}
				n += int(d-'0') * scale
				scale /= 10
			}
		}
		return min(n, 1000)
	}
	return 1000
}

// onlyPlainJSON reports whether Accept names application/json and leaves no room for
// application/problem+json.
func onlyPlainJSON(header []string) bool {
	return len(header) > 0 && accepts(header, jsonType) && !accepts(header, problemType)
}

// contentType reads the Content-Type of a request: the type in lower case, and its
// boundary where it is multipart. JSON and text are UTF-8 or refused.
func contentType(r *http.Request) (mediaType, boundary string, err error) {
	values := r.Header["Content-Type"]
	switch coding, ok := r.Header["Content-Encoding"]; {
	case ok && (len(coding) != 1 || !strings.EqualFold(coding[0], "identity")): // RFC 9110, 8.4
		return "", "", &service.Error{Code: service.CodeMedia, Detail: "expected no Content-Encoding"}
	case len(values) == 0 || values[0] == "":
		return "", "", &service.Error{Code: service.CodeMedia, Detail: "expected a Content-Type"}
	case len(values) > 1:
		return "", "", &service.Error{Code: service.CodeMedia, Detail: "expected one Content-Type"}
	case values[0] == jsonType:
		return jsonType, "", nil
	}
	mediaType, params, err := mime.ParseMediaType(values[0])
	if err != nil {
		return "", "", &service.Error{Code: service.CodeMedia, Detail: "the Content-Type cannot be read"}
	}
	if cs, ok := params["charset"]; ok && !strings.EqualFold(cs, "utf-8") {
		return "", "", &service.Error{Code: service.CodeMedia, Detail: "expected UTF-8"}
	}
	return mediaType, params["boundary"], nil
}
