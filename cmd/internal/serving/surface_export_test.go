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

// TestExportIsOnesOwn: an export holds nothing of another institution or environment, also
// where both have the same files, and no secret.
func TestExportIsOnesOwn(t *testing.T) {
	f := newFort(t)
	secrets := map[string][]string{}
	for who := range f.keys {
		name := strings.NewReplacer("/", "", "north", "Nora", "south", "Sora").Replace(who)
		c := f.ok(who, "POST", "/v1/credentials", aina(map[string]any{"recipient": map[string]any{"name": name + " Quill", "email": name + "@example.com"}, "private": map[string]any{"number": "pin-" + name}}))
		hook := f.ok(who, "POST", "/v1/webhooks", map[string]any{"url": "https://" + strings.ToLower(name) + ".example.com/", "events": []string{"*"}})
		key := f.ok(who, "POST", "/v1/api-keys", map[string]any{"name": "key of " + name, "scopes": []string{"read"}})
		f.upload(who, "/v1/documents", []byte("the same text everywhere"))
		f.ok(who, "POST", "/v1/batches", map[string]any{"type": "training", "name": "batch of " + name, "items": []any{map[string]any{"recipient": map[string]any{"name": name + " Row"}}}})
		f.ok(who, "PUT", "/v1/portfolios/p-"+strings.ToLower(name), map[string]any{"title": name, "subjectId": c.text("recipient", "id"), "public": true, "items": []any{}})
		f.ok("", "GET", "/v1/verify/"+c.text("publicId"), nil)
		secrets[who] = []string{key.text("secret")[20:], hook.text("signingSecret")[6:], f.keys[who][20:], "pin-" + name}
		if who != "north/live" {
			secrets["of others"] = append(secrets["of others"], name, strings.ToLower(name), c.text("id"), c.text("publicId"), c.text("recipient", "id"), key.text("id"), hook.text("id"), f.ok(who, "GET", "/v1/issuers/academy", nil).text("did"))
		}
	}
	own := 0
	for name, b := range unzipped(t, f.ok("north/live", "GET", "/v1/export", nil).body) {
		for whose, list := range secrets {
			for _, secret := range list {
				if strings.Contains(name, secret) || bytes.Contains(b, []byte(secret)) {
					t.Errorf("%s holds what is of %s: %q", name, whose, secret)
				}
			}
		}
		own += bytes.Count(b, []byte("Noralive"))
	}
	if own < 4 {
		t.Errorf("the institution's own data is there %d times", own)
	}
}
