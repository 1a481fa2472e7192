package layout

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const fontDir = "/usr/share/fonts"

// withFonts returns a Renderer that knows the system's fonts, and skips where the families
// that set the scripts below are not installed.
func withFonts(t testing.TB) *Renderer {
	t.Helper()
	for _, f := range []string{"truetype/noto/NotoNaskhArabic-Regular.ttf", "truetype/noto/NotoSerifDevanagari-Regular.ttf", "opentype/noto/NotoSerifCJK-Regular.ttc"} {
		if _, err := os.Stat(filepath.Join(fontDir, f)); err != nil {
			t.Skipf("font not installed: %s (packages fonts-noto-core, fonts-noto-cjk)", f)
		}
	}
	r, err := New(Config{FontDirs: []string{fontDir}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var names = map[string]string{
	"latin":      "Þórunn Nguyễn-Łukaszewicz",
	"greek":      "Ἀριστοτέλης Παπαδόπουλος",
	"cyrillic":   "Олександра Ґалаґан",
	"arabic":     "محمد بن سلام العلايلي",
	"arabicmark": "مُحَمَّد الله",
	"persian":    "پریسا حق‌شناس",
	"devanagari": "क्षितिज श्रीवास्तव ऋत्विक्",
	"sc":         "王小明",
	"tc":         "臺灣大學 陳怡君",
	"jp":         "山田 花子さん",
	"kr":         "김민수 교수",
	"mixed":      "Dr. محمد سلام (PhD) 123",
	"hebrew":     "דוד בן־גוריון",
	"thai":       "สมชาย ใจดี",
	"ligature":   "Offizier Schaffner fjord",
}

// TestExtract makes pages with names in many scripts and asks other programs what they
// read there. mutool does not put right-to-left text in order, and poppler takes brackets
// beside Arabic for Arabic, so these are asked for less.
func TestExtract(t *testing.T) {
	r := withFonts(t)
	dir := t.TempDir()
	if d := os.Getenv("LAYOUT_SAMPLES"); d != "" {
		dir = d
	}
	tm := builtin(t, Certificate, "A4-landscape")
	for key, name := range names {
		t.Run(key, func(t *testing.T) {
			f := testFields()
			f.Text["recipient"], f.Text["description"] = name, ""
			b, err := r.Render(context.Background(), tm, f, testOptions())
			if err != nil {
				t.Fatal(err)
			}
			if len(b) > 150<<10 {
				t.Errorf("expected less than 150 KB, found %d", len(b))
			}
			file := filepath.Join(dir, "name-"+key+".pdf")
			if err := os.WriteFile(file, b, 0o644); err != nil {
				t.Fatal(err)
			}
			want := []string{name}
			if key == "mixed" {
				want = []string{"Dr.", "محمد سلام", "PhD", "123"}
			}
			expectText(t, want, "pdftotext", file, "-")
			if !rightToLeft[key] {
				expectText(t, want, "mutool", "draw", "-q", "-F", "txt", file)
			}
		})
	}
}

var rightToLeft = map[string]bool{"arabic": true, "arabicmark": true, "persian": true, "hebrew": true, "mixed": true}

func expectText(t *testing.T, want []string, tool string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Logf("%s not installed", tool)
		return
	}
	out, err := exec.Command(path, args...).Output()
	if err != nil {
		t.Errorf("%s: %v", tool, err)
	}
	got := strings.NewReplacer("\u202a", "", "\u202b", "", "\u202c", "").Replace(string(out))
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%s: expected %q in what it reads, found %q", tool, w, got)
		}
	}
}

// TestClusters puts the text of all glyphs in the order of reading: nothing is lost, added
// or changed on the way through shaping, in any script.
func TestClusters(t *testing.T) {
	r := withFonts(t)
	s := r.pool.Get().(*shaper)
	for key, name := range names {
		for _, font := range []string{"serif", "serif-italic", "sans", "sans-bold", "mono"} {
			line, err := s.line([]rune(name), textStyle{chain: r.chains[font], lang: "en", base: -1})
			if err != nil {
				t.Fatal(err)
			}
			slices.SortStableFunc(line.glyphs, func(a, b placed) int { return a.from - b.from })
			var got strings.Builder
			for _, g := range line.glyphs {
				got.WriteString(g.text)
			}
			if got.String() != name {
				t.Errorf("%s in %s: expected %q, found %q", key, font, name, got.String())
			}
			if line.rtl != (rightToLeft[key] && key != "mixed") {
				t.Errorf("%s: direction of the paragraph", key)
			}
		}
	}
}
