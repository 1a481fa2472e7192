package pdf

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// kind is a way a test document is built.
type kind struct {
	name    string
	streams bool
}

var kinds = []kind{{"table", false}, {"stream", true}}

// sample builds a document of n pages with a form of one text field.
func sample(t testing.TB, k kind, n int) []byte {
	t.Helper()
	b := &Builder{Streams: k.streams}
	pages := b.Alloc()
	kids := NewArray()
	font := b.Add(NewDict(Name("Type"), Name("Font"), Name("Subtype"), Name("Type1"), Name("BaseFont"), Name("Helvetica")))
	var first Ref
	for i := range n {
		content := b.Add(NewStream(NewDict(Name("Filter"), Name("FlateDecode")),
			Deflate([]byte(fmt.Sprintf("BT /F1 24 Tf 72 700 Td (Page %d) Tj ET\n", i+1)))))
		page := b.Add(NewDict(Name("Type"), Name("Page"), Name("Parent"), pages, Name("Contents"), content,
			Name("Resources"), NewDict(Name("Font"), NewDict(Name("F1"), font))))
		if i == 0 {
			first = page
		}
		kids.Append(page)
	}
	b.Set(pages, NewDict(Name("Type"), Name("Pages"), Name("Kids"), kids, Name("Count"), Integer(n),
		Name("MediaBox"), NewArray(Integer(0), Integer(0), Real(595.276), Real(841.89))))
	field := b.Add(NewDict(Name("FT"), Name("Tx"), Name("T"), EncodeText("Näme"), Name("V"), EncodeText("x (y) \\ z"),
		Name("Type"), Name("Annot"), Name("Subtype"), Name("Widget"), Name("Rect"), NewArray(Integer(0), Integer(0), Integer(0), Integer(0)),
		Name("P"), first))
	form := b.Add(NewDict(Name("Fields"), NewArray(field), Name("DA"), String{Value: []byte("/Helv 0 Tf")}))
	cat := b.Add(NewDict(Name("Type"), Name("Catalog"), Name("Pages"), pages, Name("AcroForm"), form,
		Name("PageLayout"), Name("A name/with (odd) bytes")))
	b.Trailer().Set("Root", cat)
	b.Trailer().Set("ID", NewArray(String{Value: []byte("0123456789abcdef"), Hex: true}, String{Value: []byte("0123456789abcdef"), Hex: true}))
	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func mustOpen(t testing.TB, b []byte) *Document {
	t.Helper()
	return mustOpenWith(t, b, Options{})
}

func mustOpenWith(t testing.TB, b []byte, o Options) *Document {
	t.Helper()
	d, err := Open(bytes.NewReader(b), int64(len(b)), o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// finish writes an update and returns the file.
func finish(t testing.TB, u *Update) []byte {
	t.Helper()
	tail, err := u.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := tail.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// external runs the checkers of others that are installed on a file.
func external(t *testing.T, b []byte, args ...string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.pdf")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	ran := false
	for _, cmd := range [][]string{append([]string{"qpdf", "--check"}, args...), {"mutool", "info"}, {"pdfinfo"}} {
		if len(args) > 0 && cmd[0] != "qpdf" {
			continue
		}
		if _, err := exec.LookPath(cmd[0]); err != nil {
			t.Logf("%s is not installed: not checked with it", cmd[0])
			continue
		}
		ran = true
		out, err := exec.Command(cmd[0], append(cmd[1:], path)...).CombinedOutput()
		if s := strings.ToLower(string(out)); err != nil || strings.Contains(s, "warning") || strings.Contains(s, "error") && !strings.Contains(s, "no syntax or stream encoding errors") {
			t.Errorf("%v: %v\n%s", cmd, err, out)
		}
	}
	if !ran {
		t.Skip("none of qpdf, mutool, pdfinfo is installed")
	}
}

func TestBuilderOutputIsSound(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			b := sample(t, k, 3)
			d := mustOpen(t, b)
			if n, err := d.Latest().PageCount(); n != 3 || err != nil {
				t.Errorf("pages: %d, %v", n, err)
			}
			fs, err := d.Latest().Fields()
			if err != nil || len(fs) != 1 || fs[0].Name != "Näme" || TextString(fs[0].V.(String)) != `x (y) \ z` {
				t.Errorf("fields: %+v, %v", fs, err)
			}
			external(t, b)
		})
	}
}
