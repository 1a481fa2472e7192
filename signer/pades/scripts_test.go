package pades_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/signer/pades"
)

// TestScripts signs visibly in scripts the built-in font lacks, with fonts of the system, and has
// pdftotext read the lines back.
func TestScripts(t *testing.T) {
	w := newWorld(t, p256)
	const dir = "/usr/share/fonts/truetype/"
	for name, c := range map[string]struct{ font, text string }{
		"arabic":     {"noto/NotoSansArabic-Regular.ttf", "جامعة المثال"},
		"hebrew":     {"dejavu/DejaVuSans.ttf", "אוניברסיטה"},
		"devanagari": {"noto/NotoSansDevanagari-Regular.ttf", "विश्वविद्यालय"},
		"thai":       {"noto/NotoSansThai-Regular.ttf", "มหาวิทยาลัย"},
	} {
		t.Run(name, func(t *testing.T) {
			ttf, err := os.ReadFile(dir + c.font)
			if err != nil {
				t.Skipf("%s not present", c.font)
			}
			font, err := pades.ParseFont(ttf)
			check(t, err)
			out, _ := sign(t, w.Pades(pades.LevelB, p256), sample{}.Build(t), pades.Request{Visible: &pades.Appearance{Rect: box, Lines: []string{c.text, "Universität"}, Fonts: []*pades.Font{font}}})
			w.signatures(t, out, "")
			if keep := os.Getenv("CHANCERY_KEEP"); keep != "" {
				check(t, os.WriteFile(filepath.Join(keep, "script-"+name+".pdf"), out, 0o600))
			}
			if _, err := exec.LookPath("pdftotext"); err != nil {
				t.Skip("pdftotext not present")
			}
			cmd := exec.Command("pdftotext", "-", "-")
			cmd.Stdin = bytes.NewReader(out)
			got, err := cmd.Output()
			check(t, err)
			// Marks of direction are how pdftotext shows right-to-left text.
			clean := strings.NewReplacer("\u202a", "", "\u202b", "", "\u202c", "", "\u200e", "", "\u200f", "").Replace(string(got))
			if !strings.Contains(clean, c.text) || !strings.Contains(clean, "Universität") {
				t.Fatalf("%q is not in the text %q", c.text, clean)
			}
		})
	}
}
