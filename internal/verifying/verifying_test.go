package verifying

import (
	"bytes"
	"context"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/testvectors"
	"github.com/chancery-dev/chancery/verifier"
)

func config(t *testing.T) verifier.Config {
	t.Helper()
	return verifier.Config{Trust: verifier.TrustAny(), Clock: func() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) }}
}

// TestJudge: whatever is handed over gets a report, never an error, and the same one
// however it is held.
func TestJudge(t *testing.T) {
	ran := 0
	err := fs.WalkDir(testvectors.FS, "vectors", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := testvectors.FS.ReadFile(path)
		if err != nil {
			return err
		}
		doc, err := strictjson.Parse(b, strictjson.Limits{})
		if err != nil {
			return err
		}
		text, ok := doc.Str(doc.Get(doc.Get(0, "input"), "text"))
		if !ok {
			return nil
		}
		held, err := Judge(t.Context(), config(t), Input{File: Bytes("a", []byte(text))})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		read, err := Judge(t.Context(), config(t), Input{File: File{Name: "b", At: strings.NewReader(text), Size: int64(len(text))}})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		one, _ := held.MarshalJSON()
		other, _ := read.MarshalJSON()
		if !bytes.Equal(one, other) {
			t.Errorf("%s: two reports on the same bytes", path)
		}
		ran++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if ran < 80 {
		t.Errorf("ran %d vectors only", ran)
	}
}

// TestLarge: what is too large to be held gets a verdict from its head.
func TestLarge(t *testing.T) {
	for name, c := range map[string]struct {
		head string
		want verifier.Reason
	}{
		"a PDF":         {"%PDF-1.7\n", verifier.PDFMalformed},
		"anything else": {"{\"a\":", verifier.TooLarge},
	} {
		size := int64(limits.DocumentBytes + 1000)
		r, err := Judge(t.Context(), config(t), Input{File: File{At: zeros(c.head), Size: size}})
		if err != nil {
			t.Fatal(err)
		}
		if r.Outcome != verifier.Invalid || r.Reason != c.want {
			t.Errorf("%s: expected %s, found %s %s", name, c.want, r.Outcome, r.Reason)
		}
	}
	f := File{At: zeros("x"), Size: limits.DocumentBytes + 1}
	if _, err := f.Content(); err == nil {
		t.Error("a large file was held")
	}
}

// zeros reads as its text, and zeros after that.
type zeros string

func (z zeros) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(z)) {
		copy(p, z[off:])
	}
	return len(p), nil
}

// TestFaults: what cannot be read is an error, never a verdict.
func TestFaults(t *testing.T) {
	short := File{At: strings.NewReader("{}"), Size: 10}
	if r, err := Judge(t.Context(), config(t), Input{File: short}); err == nil {
		t.Errorf("a file that is shorter than it says: %s", r.Outcome)
	}
	if r, err := Judge(t.Context(), config(t), Input{File: Bytes("", []byte("{}")), Document: &short}); err == nil {
		t.Errorf("a document that is shorter than it says: %s", r.Outcome)
	}
	if r, err := Judge(t.Context(), verifier.Config{}, Input{File: Bytes("", nil)}); err == nil {
		t.Errorf("no trust: %s", r.Outcome)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := Judge(ctx, config(t), Input{File: Bytes("", []byte("{}"))}); err == nil && r.Outcome != verifier.Indeterminate && r.Outcome != verifier.Invalid {
		t.Errorf("a context that ended: %s", r.Outcome)
	}
}

// TestArrange: what belongs together goes together, told by content.
func TestArrange(t *testing.T) {
	parts, err := evidence.EncodeParts([][]byte{[]byte("part")})
	if err != nil {
		t.Fatal(err)
	}
	ots := append([]byte("\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08"), bytes.Repeat([]byte{1}, 40)...)
	document, other := []byte("a document"), []byte("another")
	for name, c := range map[string]struct {
		files [][]byte
		want  []Case
	}{
		"nothing":              {nil, nil},
		"one document":         {[][]byte{document}, []Case{{File: 0, Document: -1}}},
		"two documents":        {[][]byte{document, other}, []Case{{File: 0, Document: -1}, {File: 1, Document: -1}}},
		"parts alone":          {[][]byte{parts}, []Case{{File: 0, Document: -1}}},
		"a proof and its file": {[][]byte{document, ots}, []Case{{File: 1, Document: 0}}},
		"a proof, two files":   {[][]byte{document, ots, other}, []Case{{File: 1, Document: -1, Lost: true}, {File: 0, Document: -1}, {File: 2, Document: -1}}},
		"parts with a file":    {[][]byte{parts, document}, []Case{{File: 1, Document: -1, Parts: []int{0}}}},
	} {
		var files []File
		for _, b := range c.files {
			files = append(files, Bytes("", b))
		}
		got := Arrange(files)
		if len(got) != len(c.want) {
			t.Errorf("%s: expected %v, found %v", name, c.want, got)
			continue
		}
		for i, w := range c.want {
			if got[i].File != w.File || got[i].Document != w.Document || got[i].Lost != w.Lost || len(got[i].Parts) != len(w.Parts) {
				t.Errorf("%s: expected %v, found %v", name, c.want, got)
			}
		}
	}
	files := []File{Bytes("", parts), Bytes("", document)}
	if got := (Case{Parts: []int{0, 1}}).PartsOf(files); len(got) != 1 || string(got[0]) != "part" {
		t.Errorf("parts: %q", got)
	}
}
