package pdf

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// TextString decodes a text string (ISO 32000-2, 7.9.2.2): UTF-16BE or UTF-8 with a
// byte order mark, else PDFDocEncoding. What does not decode becomes U+FFFD.
func TextString(s String) string {
	b := s.Value
	switch {
	case len(b) >= 2 && b[0] == 0xfe && b[1] == 0xff:
		u := make([]uint16, 0, len(b)/2)
		for i := 2; i+1 < len(b); i += 2 {
			u = append(u, uint16(b[i])<<8|uint16(b[i+1]))
		}
		out := string(utf16.Decode(u))
		if len(b)%2 == 1 {
			out += string(utf8.RuneError)
		}
		return out
	case len(b) >= 3 && b[0] == 0xef && b[1] == 0xbb && b[2] == 0xbf:
		return strings.ToValidUTF8(string(b[3:]), string(utf8.RuneError))
	}
	var out strings.Builder
	for _, c := range b {
		out.WriteRune(docEncoding[c])
	}
	return out.String()
}

// EncodeText makes a text string: PDFDocEncoding where the text is ASCII, UTF-16BE otherwise.
func EncodeText(s string) String {
	for _, r := range s {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r > '~' {
			b := []byte{0xfe, 0xff}
			for _, u := range utf16.Encode([]rune(s)) {
				b = append(b, byte(u>>8), byte(u))
			}
			return String{Value: b, Hex: true}
		}
	}
	return String{Value: []byte(s)}
}

// docEncoding is PDFDocEncoding (ISO 32000-2, annex D.3).
var docEncoding = func() (t [256]rune) {
	for i := range t {
		t[i] = rune(i)
	}
	for i, r := range []rune{0x02d8, 0x02c7, 0x02c6, 0x02d9, 0x02dd, 0x02db, 0x02da, 0x02dc} {
		t[0x18+i] = r
	}
	for i, r := range []rune{
		0x2022, 0x2020, 0x2021, 0x2026, 0x2014, 0x2013, 0x0192, 0x2044, 0x2039, 0x203a, 0x2212,
		0x2030, 0x201e, 0x201c, 0x201d, 0x2018, 0x2019, 0x201a, 0x2122, 0xfb01, 0xfb02, 0x0141,
		0x0152, 0x0160, 0x0178, 0x017d, 0x0131, 0x0142, 0x0153, 0x0161, 0x017e, utf8.RuneError, 0x20ac,
	} {
		t[0x80+i] = r
	}
	t[0x7f], t[0xad] = utf8.RuneError, utf8.RuneError
	return t
}()
