package serving_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// unzipped are the files of an archive.
func unzipped(t *testing.T, b []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, there := out[f.Name]; there {
			t.Errorf("%s is there twice", f.Name)
		}
		out[f.Name] = content
	}
	return out
}

// TestNamesInArchives: what an institution takes with it can be unpacked on systems for
// which names are the same whatever the case of letters, and some are devices. Nothing takes
// the place of anything else.
func TestNamesInArchives(t *testing.T) {
	f := newFort(t)
	start(t, f.s)
	ids := []string{"CX-1", "cx-1", "Cx-1", "CON", "con", "aux.2026", "a", "a.", "A..", ".hidden", "..x", "LPT1", "plain"}
	rows := []any{}
	for _, id := range ids {
		rows = append(rows, map[string]any{"id": id, "recipient": map[string]any{"name": "Person " + id}})
	}
	batch := f.ok("north/test", "POST", "/v1/batches", map[string]any{"type": "training", "items": rows}).text("id")
	eventually(t, "the batch", func() error {
		if a := f.ok("north/test", "GET", "/v1/batches/"+batch, nil); a.text("state") != "done" {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
	export := unzipped(t, f.ok("north/test", "GET", "/v1/export", nil).body)
	results := unzipped(t, f.ok("north/test", "GET", "/v1/batches/"+batch+"/results", nil).body)
	for _, files := range []map[string][]byte{export, results} {
		seen := map[string]string{}
		for name := range files {
			for at, part := range strings.Split(name, "/") {
				first, _, _ := strings.Cut(strings.ToLower(part), ".")
				if first == "con" || first == "aux" || first == "lpt1" || first == "" || strings.HasSuffix(part, ".") {
					t.Errorf("%s: a name that not every system has", name)
				}
				key := strings.ToLower(strings.Join(strings.Split(name, "/")[:at+1], "/"))
				whole := name[:len(key)]
				if other, there := seen[key]; there && other != whole {
					t.Errorf("%s and %s are one", whole, other)
				}
				seen[key] = whole
			}
		}
	}
	found := map[string]bool{}
	for name, b := range export {
		if !strings.HasPrefix(name, "credentials/") || !strings.HasSuffix(name, "/register.json") {
			continue
		}
		var r struct {
			ID    string            `json:"id"`
			Files map[string]string `json:"files"`
		}
		if err := json.Unmarshal(b, &r); err != nil {
			t.Fatal(err)
		}
		found[r.ID] = true
		vc := export[r.Files["vc/1"]]
		public := f.ok("north/test", "GET", "/v1/credentials/"+r.ID, nil).text("publicId")
		if !bytes.Contains(vc, []byte("/c/"+public)) || !strings.HasPrefix(r.Files["vc/1"], strings.TrimSuffix(name, "register.json")) {
			t.Errorf("%s: its file is another's", r.ID)
		}
	}
	if len(found) != len(ids) {
		t.Errorf("found %v", found)
	}
	if n := len(results); n != len(ids)+1 {
		t.Errorf("%d files of the batch", n)
	}
}
