package layout

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"strings"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
)

// The embedded fonts hold Latin, Greek and Cyrillic. fonts/generate.sh makes them from
// packages at pinned versions; their licences lie beside them.
//
//go:embed fonts/*.gz
var fontFiles embed.FS

// builtinFonts maps the names templates use to the embedded files, and to the names of
// fonts that stand in, in order, for a character the first does not have.
var builtinFonts = []struct {
	name, file, postScript string
	serif, italic, bold    bool
	fallback               []string
}{
	{"serif", "EBGaramond-Regular.otf.gz", "EBGaramond-Regular", true, false, false, []string{"sans"}},
	{"serif-italic", "EBGaramond-Italic.otf.gz", "EBGaramond-Italic", true, true, false, []string{"serif", "sans"}},
	{"sans", "Inter-Regular.otf.gz", "Inter-Regular", false, false, false, []string{"serif"}},
	{"sans-bold", "Inter-SemiBold.otf.gz", "Inter-SemiBold", false, false, true, []string{"sans", "serif"}},
	{"mono", "JetBrainsMono-Regular.ttf.gz", "JetBrainsMono-Regular", false, false, false, []string{"sans"}},
}

// face is a font ready for use. It is immutable and safe for concurrent use.
type face struct {
	name   string // for the PDF, without subset tag
	font   *font.Font
	serif  bool
	italic bool
	bold   bool
	// ascent and descent are in ems, descent positive.
	ascent, descent float64
}

func (f *face) upem() float64 { return float64(f.font.Upem()) }

func (f *face) has(r rune) bool {
	_, ok := f.font.NominalGlyph(r)
	return ok
}

func newFace(name string, ld *opentype.Loader) (*face, error) {
	ft, err := font.NewFont(ld)
	if err != nil {
		return nil, fmt.Errorf("layout: font %s: %w", name, err)
	}
	if ft.Upem() == 0 {
		return nil, fmt.Errorf("layout: font %s: expected a size of the em, found 0", name)
	}
	f := &face{name: name, font: ft, ascent: 0.8, descent: 0.25}
	if ext, ok := font.NewFace(ft).FontHExtents(); ok {
		f.ascent, f.descent = float64(ext.Ascender)/f.upem(), -float64(ext.Descender)/f.upem()
	}
	return f, nil
}

func loadBuiltin() (map[string][]*face, error) {
	byName := map[string]*face{}
	for _, b := range builtinFonts {
		packed, err := fontFiles.ReadFile("fonts/" + b.file)
		if err != nil {
			return nil, fmt.Errorf("layout: embedded font: %w", err)
		}
		zr, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, fmt.Errorf("layout: embedded font %s: %w", b.file, err)
		}
		data, err := io.ReadAll(zr)
		if err != nil {
			return nil, fmt.Errorf("layout: embedded font %s: %w", b.file, err)
		}
		ld, err := opentype.NewLoader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("layout: embedded font %s: %w", b.file, err)
		}
		f, err := newFace(b.postScript, ld)
		if err != nil {
			return nil, err
		}
		f.serif, f.italic, f.bold = b.serif, b.italic, b.bold
		byName[b.name] = f
	}
	chains := map[string][]*face{}
	for _, b := range builtinFonts {
		chains[b.name] = []*face{byName[b.name]}
		for _, other := range b.fallback {
			chains[b.name] = append(chains[b.name], byName[other])
		}
	}
	return chains, nil
}

// isFont reports whether templates may name a font so.
func isFont(name string) bool {
	for _, b := range builtinFonts {
		if b.name == name {
			return true
		}
	}
	return false
}

// postScriptName keeps what a PDF font name may hold everywhere.
func postScriptName(family, style string) string {
	var b strings.Builder
	for _, r := range family + "-" + style {
		if r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			b.WriteRune(r)
		}
	}
	return b.String()
}
