package verify_test

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestVerdicts(t *testing.T) {
	ctx := tab(t)
	f := open(t, ctx, "?lang=en")
	for _, c := range []struct {
		files []string
		want  string
	}{
		{[]string{"valid.json"}, "valid valid"},
		{[]string{"tampered.json"}, "invalid invalid signature_invalid"},
		{[]string{"revoked.json"}, "revoked invalid revoked"},
		{[]string{"badge.png"}, "valid valid"},
		{[]string{"diploma.pdf"}, "valid valid"},
		{[]string{"changed.pdf"}, "invalid invalid cms_digest"},
		{[]string{"evidence.cbor", "thesis.txt"}, "valid valid"},
		{[]string{"other.txt", "evidence.cbor"}, "invalid invalid evidence_document_mismatch"},
		{[]string{"evidence.cbor"}, "undecided indeterminate evidence_document_missing"},
		{[]string{"thesis.txt"}, "invalid invalid unknown_content"},
	} {
		var paths []string
		for _, n := range c.files {
			paths = append(paths, f.path(n))
		}
		got := judge(t, ctx, "#files", paths...)
		if len(got) != 1 || got[0].String() != c.want {
			t.Errorf("%v: expected %s, found %v", c.files, c.want, got)
		}
		t.Log(c.files, got[0].Sentence)
	}
}

func TestShots(t *testing.T) {
	dir := os.Getenv("SHOTS")
	if dir == "" {
		t.Skip("SHOTS is not set")
	}
	ctx := tab(t)
	for _, lang := range []string{"en", "de", "ar"} {
		f := open(t, ctx, "?lang="+lang)
		for _, theme := range []string{"light", "dark"} {
			for _, w := range []int64{360, 768, 1440} {
				for _, name := range []string{"", "valid.json", "revoked.json", "changed.pdf", "diploma.pdf", "evidence.cbor"} {
					if lang != "ar" && w == 768 && name != "" || lang == "de" && theme == "dark" {
						continue
					}
					dress(t, ctx, w, theme)
					eval[bool](t, ctx, `document.getElementById('clear').click() ?? true`)
					if name != "" {
						judge(t, ctx, "#files", f.path(name))
					}
					b, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
					if err != nil {
						t.Fatal(err)
					}
					if name == "" {
						name = "start"
					}
					os.WriteFile(dir+"/"+lang+"-"+theme+"-"+map[int64]string{360: "0360", 768: "0768", 1440: "1440"}[w]+"-"+name+".png", b, 0o644)
				}
			}
		}
	}
}
