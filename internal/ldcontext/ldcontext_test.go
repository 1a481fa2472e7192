package ldcontext

import (
	"bufio"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/testvectors"
)

// TestEmbedded holds every row of the table to its file, and every file to a row.
func TestEmbedded(t *testing.T) {
	set := Default()
	rows, used := 0, map[string]bool{}
	for line := range strings.Lines(sources) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		rows++
		v, file, ok := parseRow(strings.TrimSuffix(line, "\n"))
		if !ok {
			t.Fatalf("unreadable row %q", line)
		}
		used[file+".json"] = true
		b, err := contexts.ReadFile("contexts/" + file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if got := Digest(sha256.Sum256(b)); got != v.JCS {
			t.Errorf("%s: expected SHA-256 %s, found %s", file, v.JCS, got)
		}
		canon, err := strictjson.Canonicalize(b)
		if err != nil || string(canon) != string(b) {
			t.Errorf("%s is not in its JCS form (%v)", file, err)
		}
		if v.Source == "" || v.Licence == "" || v.Name == "" || !strings.HasPrefix(v.URL, "https://") {
			t.Errorf("%s: incomplete row", file)
		}
	}
	known := 0
	for _, url := range set.URLs() {
		for _, v := range set.Versions(url) {
			known++
			if v.URL != url || v.Doc.Kind(v.Doc.Get(0, "@context")) != strictjson.Object && v.Doc.Kind(v.Doc.Get(0, "@context")) != strictjson.Array {
				t.Errorf("%s %s: not a context document", url, v.Name)
			}
		}
	}
	if known != rows {
		t.Errorf("expected %d versions, found %d", rows, known)
	}
	files, err := contexts.ReadDir("contexts")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !used[f.Name()] {
			t.Errorf("%s is in no row", f.Name())
		}
	}
}

// TestAgainstPublished compares with the files as others published them, byte digest
// and meaning alike.
func TestAgainstPublished(t *testing.T) {
	dir := testvectors.Shared(t, "contexts")
	byJCS, byBytes := map[Digest]*Version{}, map[Digest]*Version{}
	for _, url := range Default().URLs() {
		for _, v := range Default().Versions(url) {
			byJCS[v.JCS], byBytes[v.Published] = v, v
		}
	}
	sums, err := os.Open(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	defer sums.Close()
	n := 0
	for lines := bufio.NewScanner(sums); lines.Scan(); n++ {
		_, name, _ := strings.Cut(lines.Text(), "  ")
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		canon, err := strictjson.Canonicalize(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		v := byJCS[sha256.Sum256(canon)]
		if v == nil {
			t.Errorf("%s: no version has its meaning", name)
			continue
		}
		if w := byBytes[sha256.Sum256(b)]; w == nil || w.JCS != v.JCS {
			t.Errorf("%s: expected the published digest %s at %s %s", name, Digest(sha256.Sum256(b)), v.URL, v.Name)
		}
	}
	if n < 30 {
		t.Errorf("expected at least 30 files, found %d", n)
	}
}

func TestNewestFirst(t *testing.T) {
	for url, want := range map[string]string{
		"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json":  "3.0.3 of 2026-06-29|3.0.3 of 2025-11-06|3.0.3 of 2024-08-27|3.0.3 of 2024-02-19",
		"https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json": "2.0.1 of 2025-03-24|2.0.1 of 2024-02-19",
		"https://w3id.org/openbadges/v2":                              "2.0|2.0, copy beside the specification",
		"https://www.w3.org/ns/credentials/v2":                        "2.0",
		"https://www.w3.org/ns/credentials/v2/":                       "",
		"http://www.w3.org/ns/credentials/v2":                         "",
	} {
		var names []string
		for _, v := range Default().Versions(url) {
			names = append(names, v.Name)
		}
		if got := strings.Join(names, "|"); got != want {
			t.Errorf("%s: expected %q, found %q", url, want, got)
		}
	}
}

// TestClosed: no embedded context refers to one that is not embedded.
func TestClosed(t *testing.T) {
	for _, url := range Default().URLs() {
		for _, v := range Default().Versions(url) {
			d := v.Doc
			for n := range strictjson.Node(d.Size()) {
				name := d.Name(n)
				if name == "@import" {
					t.Errorf("%s %s: @import", url, v.Name)
				}
				if name != "@context" {
					continue
				}
				d.Each(n, func(c strictjson.Node) bool {
					if ref, ok := d.Str(c); ok && Default().Versions(ref) == nil {
						t.Errorf("%s %s refers to %s, which is not known", url, v.Name, ref)
					}
					return true
				})
			}
		}
	}
}

func TestDefaultIsShared(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if Default() != defaultSet() || len(Default().URLs()) < 25 {
				t.Error("expected one set")
			}
		})
	}
	wg.Wait()
}

func TestNewVersionAndWith(t *testing.T) {
	const url = "https://w3id.org/openbadges/v2"
	doc := []byte(`{ "@context": {"a": "https://example.org/a"} }`)
	if _, err := NewVersion(url, doc, Digest{1}); err == nil {
		t.Error("accepted a document under another's digest")
	}
	if _, err := NewVersion(url, []byte(`{"@context":{},"@context":{}}`), Digest{}); err == nil {
		t.Error("accepted duplicate names")
	}
	canon, err := strictjson.Canonicalize(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, pin := range []Digest{sha256.Sum256(doc), sha256.Sum256(canon)} {
		v, err := NewVersion(url, doc, pin)
		if err != nil {
			t.Fatal(err)
		}
		before := len(Default().Versions(url))
		set := Default().With(v)
		if got := set.Versions(url); len(got) != before+1 || got[0] != v {
			t.Error("expected the added version first")
		}
		if len(Default().Versions(url)) != before {
			t.Error("With changed the shared set")
		}
	}
}

func BenchmarkDefault(b *testing.B) {
	for b.Loop() {
		for line := range strings.Lines(sources) {
			if _, file, ok := parseRow(strings.TrimSuffix(line, "\n")); ok {
				text, _ := contexts.ReadFile("contexts/" + file + ".json")
				if _, err := strictjson.Parse(text, strictjson.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}
