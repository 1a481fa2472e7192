package verify_test

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"
	"testing"
)

// pack writes a ZIP of the fixture's files, or of others by content.
func (f *fixture) pack(t *testing.T, name string, files map[string][]byte, names ...string) {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, n := range names {
		content, ok := files[n]
		if !ok {
			content = f.files[n]
		}
		if content == nil {
			t.Fatalf("no file %s", n)
		}
		entry, err := w.Create(n)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f.write(t, name, out.Bytes())
}

// TestArchives: a ZIP is opened in the browser, and judged as the service and the command do.
func TestArchives(t *testing.T) {
	ctx := tab(t)
	f := open(t, ctx, "?lang=en")
	const odd = `<img src=x onerror=alert(1)>.csv`
	others := map[string][]byte{
		"results.csv": []byte("index,state,id,url,errors\n0,issued,CX-1,,\n"), odd: []byte("a,b\n"), "zeros": make([]byte, 9<<20),
	}
	f.pack(t, "good.zip", nil, "valid.json", "badge.png", "thesis.txt", "evidence.cbor")
	f.pack(t, "results.zip", others, "results.csv", "valid.json", "badge.png")
	f.pack(t, "revoked.zip", others, odd, "valid.json", "revoked.json")
	f.pack(t, "single.zip", nil, "valid.json")
	f.pack(t, "nested.zip", nil, "single.zip", "valid.json")
	f.pack(t, "bomb.zip", others, "zeros", "valid.json")
	f.pack(t, "empty.zip", nil)
	for _, c := range []struct {
		files  []string
		want   []string
		inside []string // what the page says of the files, in its order
	}{
		{[]string{"good.zip"}, []string{"valid valid"}, []string{"evidence.cbor: Valid", "valid.json: Valid", "badge.png: Valid"}},
		{[]string{"results.zip"}, []string{"undecided indeterminate not_judged"}, []string{"results.csv: ", "valid.json: Valid", "badge.png: Valid"}},
		{[]string{"revoked.zip"}, []string{"revoked invalid inner_invalid"}, []string{odd + ": ", "valid.json: Valid", "revoked.json: Revoked"}},
		{[]string{"single.zip"}, []string{"valid valid"}, nil},
		{[]string{"nested.zip"}, []string{"undecided indeterminate not_judged"}, []string{"single.zip: ", "valid.json: Valid"}},
		{[]string{"empty.zip"}, []string{"invalid invalid unknown_content"}, nil},
		{[]string{"bomb.zip"}, []string{"unread"}, nil},
		{[]string{"bomb.zip", "valid.json", "single.zip"}, []string{"unread", "valid valid", "valid valid"}, nil},
	} {
		var paths []string
		for _, n := range c.files {
			paths = append(paths, f.path(n))
		}
		var got []string
		for _, v := range judge(t, ctx, "#files", paths...) {
			got = append(got, v.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: expected %q, found %q", c.files, c.want, got)
		}
		inside := eval[[]string](t, ctx, `[...document.querySelectorAll('#cards > article > details.sub > summary')].map((s) => s.textContent)`)
		if len(c.inside) != len(inside) && c.inside != nil {
			t.Errorf("%v: expected of the files %q, found %q", c.files, c.inside, inside)
			continue
		}
		for i, want := range c.inside {
			if !strings.HasPrefix(inside[i], want) || inside[i] == want {
				t.Errorf("%v: expected %q, found %q", c.files, want, inside[i])
			}
		}
	}
	if n := eval[int](t, ctx, `document.querySelectorAll('#cards img').length`); n != 0 {
		t.Errorf("a name of a file became %d elements", n)
	}
	judge(t, ctx, "#files", f.path("good.zip"))
	if s := verdicts(t, ctx)[0].Sentence; !strings.Contains(s, "Each file in the archive was checked") {
		t.Errorf("found %q", s)
	}
}
