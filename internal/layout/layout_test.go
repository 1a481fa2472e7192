package layout

import (
	"context"
	"os"
	"path/filepath"
	"strings"
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
	}, Facts: []Fact{{Label: "Issued", Value: "30 June 2026"}, {Label: "Study programme", Value: "Computational Physics (M.Sc.)"}, {Label: "Credits", Value: "120 ECTS"}, {Label: "Grade", Value: "1.3 (very good)"}, {Label: "Language", Value: "English, German"}}}
}

func testOptions() Options {
	return Options{Credential: []byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"]}`), CredentialMediaType: "application/vc",
		VerifyURL: "https://verify.example.edu/c/7Q2MXK4D9F3HTB6N", ID: "7Q2MXK4D9F3HTB6N", Created: created, Title: "Master of Science, Ada Maria Lovelace", Author: "Universität Grünau"}
}

// TestSamples writes pages for people to look at, where LAYOUT_SAMPLES names a folder.
func TestSamples(t *testing.T) {
	dir := os.Getenv("LAYOUT_SAMPLES")
	if dir == "" {
		t.Skip("LAYOUT_SAMPLES does not name a folder")
	}
	r := withFonts(t)
	save := func(name string, tm *Template, f Fields, o Options) {
		t.Helper()
		b, err := r.Render(context.Background(), tm, f, o)
		if err != nil {
			t.Fatal(name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".pdf"), b, 0o644); err != nil {
			t.Fatal(err)
		}
		if b, err = r.Preview(context.Background(), tm, f, o, PreviewOptions{}); err != nil {
			t.Fatal(name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".png"), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	long := "Maximiliana-Theodora Alexandrowna Konstantinopolitanska von Hohenlohe-S"
	everyBuiltin(t, func(t *testing.T, tm *Template) {
		name := strings.ReplaceAll(t.Name(), "/", "-")
		save(name, tm, testFields(), testOptions())
		f, o := testFields(), testOptions()
		o.TestWatermark, o.SignatureField = true, "Signature1"
		f.Text["recipient"] = long
		f.Text["achievement"] = "Master of Science in Computational Physics and the Philosophy of the Natural Sciences"
		f.Images = map[string]Image{"arms": {Data: []byte(armsSVG), Alt: "Arms"}}
		f.Facts = append(f.Facts, Fact{Label: "Learning outcomes", Value: "Models physical systems numerically, judges errors and limits of such models, and writes about them clearly"}, Fact{Label: "Accredited by", Value: "Agency for Quality in Higher Education, 2024"})
		save(name+"-long", tm, f, o)
		f, o = testFields(), testOptions()
		f.Text["recipient"], f.Text["institution"], f.Text["achievement"] = names["arabic"], "جامعة النيلين", "ماجستير العلوم في الفيزياء الحاسوبية"
		f.Text["description"], o.Lang = "क्षितिज श्रीवास्तव · 王小明 · 山田花子 · 김민수", "ar"
		save(name+"-scripts", tm, f, o)
	})
}
