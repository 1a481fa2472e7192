package layout

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var created = time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC)

func testFields() Fields {
	return Fields{Text: map[string]string{
		"institution": "Universität Grünau", "achievement": "Master of Science in Computational Physics", "recipient": "Ada Maria Lovelace",
		"description": "with distinction, after four semesters and a thesis on\nthe numerical weather of small planets", "date": "Grünau, 30 June 2026",
		"signatory1.name": "Prof. Dr. Mária Szőke", "signatory1.title": "President", "signatory2.name": "Dr. Øystein Ærø", "signatory2.title": "Dean of the Faculty of Natural Sciences",
		"seal": "G",
	}, Facts: []Fact{{"Issued", "30 June 2026"}, {"Study programme", "Computational Physics (M.Sc.)"}, {"Credits", "120 ECTS"}, {"Grade", "1.3 (very good)"}, {"Language", "English, German"}}}
}

func testOptions() Options {
	return Options{Credential: []byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"]}`), CredentialMediaType: "application/vc",
		VerifyURL: "https://verify.example.edu/c/7Q2MXK4D9F3HTB6N", ID: "7Q2MXK4D9F3HTB6N", Created: created, Title: "Master of Science, Ada Maria Lovelace", Author: "Universität Grünau"}
}

func TestWriteSamples(t *testing.T) {
	dir := os.Getenv("LAYOUT_SAMPLES")
	if dir == "" {
		t.Skip("LAYOUT_SAMPLES not set")
	}
	r, err := New(Config{FontDirs: []string{"/usr/share/fonts"}})
	if err != nil {
		t.Fatal(err)
	}
	names, sizes := BuiltinNames()
	for _, n := range names {
		for _, s := range sizes {
			tm, err := Builtin(n, s)
			if err != nil {
				t.Fatal(err)
			}
			b, err := r.Render(context.Background(), tm, testFields(), testOptions())
			if err != nil {
				t.Fatal(err)
			}
			os.WriteFile(filepath.Join(dir, n+"-"+s+".pdf"), b, 0o644)
			b, err = r.Preview(context.Background(), tm, testFields(), testOptions(), PreviewOptions{})
			if err != nil {
				t.Fatal(err)
			}
			os.WriteFile(filepath.Join(dir, n+"-"+s+".png"), b, 0o644)
		}
	}
}
