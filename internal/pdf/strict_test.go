package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func replaced(b []byte, old, new string) []byte {
	if !bytes.Contains(b, []byte(old)) {
		panic("test file does not hold " + old)
	}
	return bytes.Replace(b, []byte(old), []byte(new), 1)
}

func TestSoundFileIsAccepted(t *testing.T) {
	if err := everything(newAsm().doc().table("").Bytes(), Options{}); err != nil {
		t.Fatal(err)
	}
}

// One flaw per file. The offset is that of the marked bytes where at is given.
func TestRefused(t *testing.T) {
	sound := func() []byte { return newAsm().doc().table("").Bytes() }
	withObj := func(body string) []byte { return newAsm().doc().obj(4, body).table("").Bytes() }
	tests := []struct {
		name string
		file []byte
		code Code
		at   string // offset of the first occurrence of this text
	}{
		{"empty", nil, CodeHeader, ""},
		{"no header", replaced(sound(), "%PDF", "%PDX"), CodeHeader, "%PDX"},
		{"junk before header", append([]byte("\n"), sound()...), CodeHeader, ""},
		{"version 1.9", replaced(sound(), "%PDF-1.7", "%PDF-1.9"), CodeHeader, ""},
		{"no startxref", replaced(sound(), "startxref", "startxxxx"), CodeStartxref, ""},
		{"no EOF", replaced(sound(), "%%EOF", "%%EOX"), CodeEOF, "%%EOX"},
		{"startxref one too small", newShifted(-1), CodeStartxref, ""},
		{"startxref one too large", newShifted(+1), CodeStartxref, ""},
		{"startxref beyond the file", newShifted(1 << 20), CodeStartxref, ""},
		{"entry one off", newAsm().doc().entry(3, "0000000016 00000 n \n").table("").Bytes(), CodeXrefEntry, ""},
		{"entry of another object", newAsm().doc().obj(4, "1").entryAt(4, 3).table("").Bytes(), CodeOverlap, ""},
		{"entry of another generation", replaced(newAsm().doc().obj(4, "1").table("").Bytes(), "4 0 obj", "4 1 obj"), CodeXrefEntry, "4 1 obj"},
		{"entry beyond the revision", newAsm().doc().entry(4, "0000009999 00000 n \n").sized(5).table("").Bytes(), CodeXrefEntry, ""},
		{"entry without its second end byte", replaced(sound(), "65535 f \n", "65535 f\n"), CodeXref, ""},
		{"entry of 9 digits", replaced(sound(), "0000000000 65535 f \n", "000000000 65535 f  \n"), CodeXref, ""},
		{"entry neither n nor f", replaced(sound(), "65535 f", "65535 x"), CodeXref, ""},
		{"object 0 in use", replaced(sound(), "65535 f", "65535 n"), CodeXref, ""},
		{"object number beyond Size", replaced(sound(), "/Size 4", "/Size 3"), CodeXref, "xref"},
		{"object twice in a section", newAsm().doc().raw("3 1\n0000000015 00000 n \n").table("").Bytes(), CodeDuplicate, ""},
		{"no Root", replaced(sound(), "/Root", "/Rxxt"), CodeTrailer, ""},
		{"Root not in use", replaced(sound(), "/Root 1 0 R", "/Root 9 0 R"), CodeTrailer, ""},
		{"Root no reference", replaced(sound(), "/Root 1 0 R", "/Root (abc)"), CodeTrailer, ""},
		{"no Size", replaced(sound(), "/Size", "/Sxxe"), CodeTrailer, ""},
		{"trailer key twice", newAsm().doc().table("/Root 1 0 R").Bytes(), CodeDuplicate, ""},
		{"Prev to itself", newAsm().doc().table("/Prev 0000").selfPrev(), CodeXrefChain, ""},
		{"Prev no integer", newAsm().doc().table("/Prev 1.5").Bytes(), CodeTrailer, "1.5"},
		{"Prev to an object", newAsm().doc().table("/Prev 15").Bytes(), CodeXref, ""},
		{"Prev out of the file", newAsm().doc().table("/Prev 99999999").Bytes(), CodeStartxref, ""},
		{"second startxref after the end", append(sound(), "startxref\n15\n%%EOF\n"...), CodeXref, ""},
		{"two startxref, same offset", append(sound(), lastStartxref(sound())...), CodeStartxref, ""},
		{"key twice", withObj("<</A 1/A 2>>"), CodeDuplicate, "/A 2"},
		{"key twice by escape", withObj("<</A 1/#41 2>>"), CodeDuplicate, "/#41"},
		{"key twice in a large dictionary", withObj("<</A 1/B 1/C 1/D 1/E 1/F 1/G 1/H 1/I 1/J 1/K 1/L 1/M 1/N 1/M 2>>"), CodeDuplicate, "/M 2"},
		{"value missing", withObj("<</A>>"), CodeSyntax, ""},
		{"dictionary open", withObj("<</A 1"), CodeSyntax, ""},
		{"array open", withObj("[1 2"), CodeSyntax, ""},
		{"string open", withObj("(abc"), CodeSyntax, "(abc"},
		{"hex string with another letter", withObj("<12x4>"), CodeSyntax, "<12x4"},
		{"number with two points", withObj("1.2.3"), CodeNumber, "1.2.3"},
		{"number with two signs", withObj("--1"), CodeNumber, "--1"},
		{"number with inner sign", withObj("1-2"), CodeNumber, "1-2"},
		{"number with exponent", withObj("1e5"), CodeNumber, "1e5"},
		{"lone sign", withObj("-"), CodeNumber, ""},
		{"integer beyond 64 bits", withObj("99999999999999999999"), CodeNumber, ""},
		{"number of 100 digits", withObj(strings.Repeat("1", 100)), CodeNumber, ""},
		{"unknown word", withObj("maybe"), CodeSyntax, "maybe"},
		{"name with zero byte", withObj("/a#00"), CodeSyntax, "/a#00"},
		{"name with half an escape", withObj("/a#4"), CodeSyntax, "/a#4"},
		{"name too long", withObj("/" + strings.Repeat("n", 5000)), CodeLimit, ""},
		{"reference to object 0", withObj("[0 0 R]"), CodeSyntax, "0 0 R]"},
		{"no endobj", replaced(withObj("true"), "true\nendobj", "true\nendob "), CodeSyntax, "endob "},
		{"two values in one object", withObj("1 2"), CodeSyntax, ""},
		{"nested too deeply", withObj(strings.Repeat("[", 100) + strings.Repeat("]", 100)), CodeLimit, ""},
		{"nested dictionaries too deep", withObj(strings.Repeat("<</A ", 100) + "1" + strings.Repeat(">>", 100)), CodeLimit, ""},
		{"stream too short", replaced(newAsm().doc().stream(4, "", "12345").table("").Bytes(), "Length 5", "Length 4"), CodeStream, "5\nendstream"},
		{"stream too long", replaced(newAsm().doc().stream(4, "", "12345").table("").Bytes(), "Length 5", "Length 7"), CodeStream, ""},
		{"stream beyond the file", withObj("<</Length 500000>>\nstream\n12345\nendstream"), CodeStream, ""},
		{"stream without length", withObj("<<>>\nstream\n\nendstream"), CodeStream, ""},
		{"stream after lone CR", withObj("<</Length 2>>\nstream\rab\nendstream"), CodeStream, ""},
		{"stream without end of line", withObj("<</Length 2>>\nstreamab\nendstream"), CodeSyntax, ""},
		{"stream of an array", withObj("[]\nstream\nab\nendstream"), CodeStream, ""},
		{"stream length leads to itself", newAsm().doc().obj(4, "<</Length 4 0 R>>\nstream\nab\nendstream").table("").Bytes(), CodeLoop, ""},
		{"stream length is a name", newAsm().doc().obj(4, "<</Length 5 0 R>>\nstream\nab\nendstream").obj(5, "/x").table("").Bytes(), CodeStream, ""},
		{"stream length of another generation", newAsm().doc().obj(4, "<</Length 5 1 R>>\nstream\nab\nendstream").obj(5, "2").table("").Bytes(), CodeAmbiguous, ""},
		{"object begins in another", newAsm().doc().obj(4, "<</A (\n5 0 obj\n1\nendobj\n)>>").entryOf(5, "5 0 obj").sized(6).table("").Bytes(), CodeOverlap, ""},
		{"object begins in the trailer", newAsm().doc().table("/X(\n5 0 obj\n1\nendobj\n)").inTrailer(), CodeOverlap, ""},
		{"page tree loop", newAsm().obj(1, "<</Type/Catalog/Pages 2 0 R>>").obj(2, "<</Type/Pages/Kids[2 0 R]/Count 1>>").table("").Bytes(), CodePageTree, ""},
		{"page tree with one page twice", newAsm().obj(1, "<</Type/Catalog/Pages 2 0 R>>").obj(2, "<</Type/Pages/Kids[3 0 R 3 0 R]/Count 2>>").obj(3, "<</Type/Page/Parent 2 0 R>>").table("").Bytes(), CodePageTree, ""},
		{"page tree count", newAsm().obj(1, "<</Type/Catalog/Pages 2 0 R>>").obj(2, "<</Type/Pages/Kids[3 0 R]/Count 2>>").obj(3, "<</Type/Page/Parent 2 0 R>>").table("").Bytes(), CodePageTree, ""},
		{"page direct", newAsm().obj(1, "<</Type/Catalog/Pages 2 0 R>>").obj(2, "<</Type/Pages/Kids[<</Type/Page/Parent 2 0 R>>]/Count 1>>").table("").Bytes(), CodePageTree, ""},
		{"page of another parent", newAsm().obj(1, "<</Type/Catalog/Pages 2 0 R>>").obj(2, "<</Type/Pages/Kids[3 0 R]/Count 1>>").obj(3, "<</Type/Page/Parent 1 0 R>>").table("").Bytes(), CodePageTree, ""},
		{"page tree missing", newAsm().obj(1, "<</Type/Catalog>>").table("").Bytes(), CodePageTree, ""},
		{"catalog of another type", newAsm().obj(1, "<</Type/Page>>").table("").Bytes(), CodeType, ""},
		{"catalog an array", newAsm().obj(1, "[]").table("").Bytes(), CodeType, ""},
		{"references only", newAsm().obj(1, "2 0 R").obj(2, "1 0 R").table("").Bytes(), CodeLoop, ""},
		{"field tree loop", form("[5 0 R]").obj(5, "<</T(a)/Kids[6 0 R]>>").obj(6, "<</T(b)/Parent 5 0 R/Kids[5 0 R]>>").table("").Bytes(), CodeField, ""},
		{"field twice", form("[5 0 R 5 0 R]").obj(5, "<</T(a)>>").table("").Bytes(), CodeField, ""},
		{"field of another parent", form("[5 0 R]").obj(5, "<</T(a)/Kids[6 0 R]>>").obj(6, "<</T(b)/Parent 3 0 R>>").table("").Bytes(), CodeField, ""},
		{"field name no string", form("[5 0 R]").obj(5, "<</T/a>>").table("").Bytes(), CodeType, "/a"},
		{"fields no array", form("7").table("").Bytes(), CodeType, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := wantCode(t, tt.file, tt.code)
			if tt.at != "" {
				if want := bytes.Index(tt.file, []byte(tt.at)); int64(want) != e.Offset {
					t.Errorf("offset %d, want %d: %v", e.Offset, want, e)
				}
			}
			if !errors.Is(e, tt.code) || !strings.HasPrefix(e.Error(), "pdf: "+string(tt.code)) {
				t.Errorf("error %q", e)
			}
		})
	}
}

func (a *asm) entry(num int, text string) *asm { a.extra[num] = text; return a }

func (a *asm) entryAt(num, other int) *asm {
	return a.entry(num, fmt.Sprintf("%010d 00000 n \n", a.at[other]))
}

func (a *asm) entryOf(num int, text string) *asm {
	return a.entry(num, fmt.Sprintf("%010d 00000 n \n", bytes.Index(a.Bytes(), []byte(text))))
}

func (a *asm) sized(n int) *asm { a.size = n; return a }

// raw puts literal lines at the end of the subsections.
func (a *asm) raw(text string) *asm { a.extra[1<<20] = ""; a.at[1<<20] = -1; return a.rawLines(text) }

func (a *asm) rawLines(text string) *asm {
	delete(a.extra, 1<<20)
	delete(a.at, 1<<20)
	a.extra[3] = fmt.Sprintf("%010d 00000 n \n%s", a.at[3], text)
	return a
}

func (a *asm) selfPrev() []byte {
	return replaced(a.Bytes(), "/Prev 0000", fmt.Sprintf("/Prev %04d", a.prev))
}

// inTrailer adds an entry for an object written inside the trailer.
func (a *asm) inTrailer() []byte {
	b := a.Bytes()
	at := bytes.Index(b, []byte("5 0 obj"))
	b = replaced(b, "trailer\n", fmt.Sprintf("5 1\n%010d 00000 n \ntrailer\n", at+24))
	return replaced(b, "/Size 4", "/Size 6")
}

func newShifted(by int) []byte {
	a := newAsm().doc().table("")
	return replaced(a.Bytes(), fmt.Sprintf("startxref\n%d", a.prev), fmt.Sprintf("startxref\n%d", a.prev+by))
}

func lastStartxref(b []byte) []byte { return b[bytes.LastIndex(b, []byte("startxref")):] }

func form(fields string) *asm {
	return newAsm().obj(1, "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields "+fields+">>>>").obj(2, "<</Type/Pages/Kids[3 0 R]/Count 1>>").
		obj(3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>")
}

func TestTrailingBytes(t *testing.T) {
	sound := newAsm().doc().table("").Bytes()
	for _, tail := range []string{"", "\n", "\r\n\x00", "% comment", "9 0 obj 1 endobj"} {
		b := append(bytes.Clone(sound), tail...)
		d := mustOpen(t, b)
		if got := d.TrailingBytes(); got.Len() != int64(len(tail)) || got.End != int64(len(b)) {
			t.Errorf("%q: %v", tail, got)
		}
		rest := strings.TrimLeft(tail, "\r\n\x00")
		want := int64(len(b) - len(rest))
		if rest == "" {
			want = -1
		}
		if at, err := d.TrailingContent(); err != nil || at != want {
			t.Errorf("%q: expected content at %d, found %d %v", tail, want, at, err)
		}
		_, err := d.NewUpdate()
		if white := strings.Trim(tail, "\r\n\x00") == ""; (err == nil) != white || err != nil && !errors.Is(err, CodeTrailing) {
			t.Errorf("%q: update: %v", tail, err)
		}
	}
	if _, err := Open(bytes.NewReader(append(bytes.Clone(sound), make([]byte, 100<<10)...)), int64(len(sound)+100<<10), Options{}); !errors.Is(err, CodeStartxref) && !errors.Is(err, CodeIO) {
		t.Errorf("too many trailing bytes: %v", err)
	}
}
