package pdf

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func scanContent(r io.Reader, lim Limits) (string, error) {
	s := NewContentScanner(r, lim)
	var out []string
	for {
		op, err := s.Next()
		if err == io.EOF {
			return strings.Join(out, ";"), nil
		}
		if err != nil {
			return strings.Join(out, ";"), err
		}
		e := newEncoder(0, nil)
		for _, o := range op.Operands {
			if err := e.object(o); err != nil {
				return "", err
			}
			e.text(" ")
		}
		out = append(out, string(e.buf)+op.Operator+string(op.Image))
	}
}

func TestContentScanner(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"q 1 0 0 1 10.5 -20 cm Q", "q;1 0 0 1 10.5 -20 cm;Q"},
		{"BT/F1 12 Tf(a\\)b)Tj<41 4>' ET", "BT;/F1 12 Tf;(a\\)b) Tj;<4140> ';ET"},
		{"[(A)-120(B)]TJ", "[(A) -120 (B)] TJ"},
		{"/OC<</A[1 2]/B true>>BDC % comment ET\nEMC", "/OC <</A [1 2]/B true>> BDC;EMC"},
		{"1 0 R 2 g", "1 0 R;2 g"}, // no references in content: R is an operator
		{"true false null sc", "true false null sc"},
		{"BI /W 2/H 2/BPC 8 ID \x01\x02EI\x03\x04 EI Q", "<</W 2/H 2/BPC 8>> BI\x01\x02EI\x03\x04;Q"},
		{"BI ID EI", "<<>> BI"},
		{"f* B* \"", "f*;B*;\""},
		{strings.Repeat("0 0 m ", 9000), strings.TrimSuffix(strings.Repeat("0 0 m;", 9000), ";")},
	}
	for i, tt := range tests {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(tt.in), "byte by byte": iotest.OneByteReader(strings.NewReader(tt.in))} {
			got, err := scanContent(r, Limits{})
			if err != nil || got != tt.want {
				t.Errorf("%d, %s: got %.100q, %v", i, name, got, err)
			}
		}
	}
}

func TestContentScannerRefuses(t *testing.T) {
	tests := []struct {
		in   string
		code Code
	}{
		{"1 2", CodeSyntax},
		{"(abc", CodeSyntax},
		{"[1 2 Tj", CodeSyntax},
		{"<</A 1/A 2>> DP", CodeDuplicate},
		{"1..2 g", CodeNumber},
		{"} g", CodeSyntax},
		{"BI /W 1 ID abc", CodeSyntax},
		{"BI /W 1 /W 2 ID a EI", CodeDuplicate},
		{"BI 1 ID a EI", CodeSyntax},
		{"1 BI ID a EI", CodeSyntax},
		{"BI ID " + strings.Repeat("a", 2<<20), CodeLimit},
		{strings.Repeat("1 ", 9000) + "g", CodeLimit},
		{strings.Repeat("[", 100), CodeLimit},
		{"(" + strings.Repeat("a", 20<<20) + ") Tj", CodeLimit},
	}
	for i, tt := range tests {
		if got, err := scanContent(strings.NewReader(tt.in), Limits{}); !errors.Is(err, tt.code) {
			t.Errorf("%d (%.20q): got %.50q, %v", i, tt.in, got, err)
		} else if e := err.(*Error); e.Offset != -1 {
			t.Errorf("%d: offset %d is not one of the file", i, e.Offset)
		}
	}
	if _, err := scanContent(iotest.ErrReader(errors.New("boom")), Limits{}); !errors.Is(err, CodeIO) {
		t.Errorf("reader error: %v", err)
	}
}

func TestPageContentJoined(t *testing.T) {
	a := newAsm().obj(1, "<</Type/Catalog/Pages 2 0 R>>").obj(2, "<</Type/Pages/Kids[3 0 R]/Count 1>>").
		obj(3, "<</Type/Page/Parent 2 0 R/Contents[4 0 R 5 0 R]>>").stream(4, "", "q 1").stream(5, "", "w Q").table("")
	d := mustOpen(t, a.Bytes())
	var page *Dict
	if err := d.Latest().Pages(func(p *Page) bool { page = p.Dict; return true }); err != nil {
		t.Fatal(err)
	}
	r, err := d.Latest().Content(page, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := scanContent(r, Limits{}); err != nil || got != "q;1 w;Q" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTextStrings(t *testing.T) {
	for _, s := range []string{"", "plain ASCII", "Näme", "学位记", "🎓 €", "a\x01b"} {
		if got := TextString(EncodeText(s)); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	for in, want := range map[string]string{"\x80\x9e\xa0": "•ž€", "\xef\xbb\xbfü": "ü", "\xfe\xff\x00a\x00": "a\ufffd", "\x18": "˘"} {
		if got := TextString(String{Value: []byte(in)}); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
