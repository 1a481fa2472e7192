package badge

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encoding is how an SVG was written, so that baking gives back the same.
type encoding struct {
	order binary.ByteOrder // nil for UTF-8
	bom   bool
}

// declared finds the encoding that an XML declaration names.
var declared = regexp.MustCompile(`^<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,40})["'][^>]{0,200}\?>`)

// svgText returns the text of an SVG as UTF-8 without byte-order mark. Encodings other
// than UTF-8 and UTF-16 are refused, unless the text is ASCII all the same.
func svgText(b []byte) ([]byte, encoding, error) {
	var enc encoding
	if len(b) > maxSVGBytes {
		return nil, enc, imageError("image_too_large", maxSVGBytes, fmt.Sprintf("expected an SVG of at most %d bytes", maxSVGBytes))
	}
	text := b
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		enc.bom, text = true, b[3:]
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		enc = encoding{binary.LittleEndian, true}
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		enc = encoding{binary.BigEndian, true}
	}
	if enc.order != nil {
		var ok bool
		if text, ok = decodeUTF16(b[2:], enc.order); !ok {
			return nil, enc, svgError("svg_encoding", 0, "expected well-formed UTF-16")
		}
	}
	if !utf8.Valid(text) {
		return nil, enc, svgError("svg_encoding", 0, "expected UTF-8, or UTF-16 with a byte-order mark")
	}
	if m := declared.FindSubmatch(text[:min(len(text), 512)]); m != nil {
		name := strings.ToLower(string(m[1]))
		wide := strings.HasPrefix(name, "utf-16")
		ascii := bytes.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
		if wide != (enc.order != nil) || name != "utf-8" && !wide && !ascii {
			return nil, enc, svgError("svg_encoding", 0, "expected the encoding that the XML declaration names, UTF-8 or UTF-16")
		}
	}
	return text, enc, nil
}

func decodeUTF16(b []byte, order binary.ByteOrder) ([]byte, bool) {
	if len(b)%2 != 0 {
		return nil, false
	}
	out := make([]byte, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		r := rune(order.Uint16(b[i:]))
		if utf16.IsSurrogate(r) {
			if i += 2; i >= len(b) {
				return nil, false
			}
			if r = utf16.DecodeRune(r, rune(order.Uint16(b[i:]))); r == utf8.RuneError {
				return nil, false
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out, true
}

// encode writes UTF-8 text the way the image came.
func (e encoding) encode(text []byte) []byte {
	switch {
	case e.order == nil && !e.bom:
		return text
	case e.order == nil:
		return append([]byte("\xef\xbb\xbf"), text...)
	}
	out := make([]byte, 2, 2*len(text)+2)
	e.order.PutUint16(out, 0xfeff)
	var two [2]byte
	for _, r := range string(text) {
		units := utf16.AppendRune(nil, r)
		for _, u := range units {
			e.order.PutUint16(two[:], u)
			out = append(out, two[:]...)
		}
	}
	return out
}
