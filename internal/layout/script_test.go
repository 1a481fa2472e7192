package layout

import (
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
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
	"persian":    "پریسا حق\u200cشناس",
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

// TestAnyText shapes text of random characters, of one script and of many: either a font is
// missing, or every character comes out again, and each glyph has a place.
func TestAnyText(t *testing.T) {
	r := withFonts(t)
	s := r.pool.Get().(*shaper)
	blocks := [][2]rune{{0x20, 0x7E}, {0xA0, 0x24F}, {0x300, 0x36F}, {0x370, 0x52F}, {0x590, 0x5FF}, {0x600, 0x6FF}, {0x900, 0x97F}, {0xE00, 0xE7F}, {0x1E00, 0x1FFF},
		{0x200B, 0x200F}, {0x202A, 0x202E}, {0x2066, 0x2069}, {0x3000, 0x30FF}, {0x4E00, 0x4FFF}, {0xAC00, 0xACFF}, {0xFB50, 0xFBFF}, {0xFE00, 0xFE0F}, {0xFF00, 0xFFEF}, {0x1F600, 0x1F64F}}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "blocks")
		var from []*rapid.Generator[rune]
		for range n {
			b := rapid.SampledFrom(blocks).Draw(t, "block")
			from = append(from, rapid.Int32Range(b[0], b[1]))
		}
		text := rapid.SliceOfN(rapid.OneOf(from...), 1, 16).Draw(t, "text")
		line, err := s.line(text, textStyle{chain: r.chains["serif"], lang: "en", base: -1})
		if err != nil {
			var me *MissingFontError
			if !errors.As(err, &me) {
				t.Fatalf("%U: %v", text, err)
			}
			return
		}
		slices.SortStableFunc(line.glyphs, func(a, b placed) int { return a.from - b.from })
		var got strings.Builder
		for _, g := range line.glyphs {
			got.WriteString(g.text)
			if math.IsNaN(g.x) || math.Abs(g.x) > 1e6 || g.width < 0 {
				t.Fatalf("%U: a glyph at %g, %g wide", text, g.x, g.width)
			}
		}
		if got.String() != string(text) {
			t.Fatalf("%U: found %U", text, []rune(got.String()))
		}
	})
}
