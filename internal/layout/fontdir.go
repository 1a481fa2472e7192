package layout

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/language"
)

// fontIndex knows the fonts of the given directories by family. Fonts are read when first
// needed and kept.
type fontIndex struct {
	byFamily map[string][]*indexedFont // key normalised by font.NormalizeFamily
	all      []*indexedFont            // by path and number
}

// indexedFont is one font of a file.
type indexedFont struct {
	path   string
	number int // within a collection
	family string
	bold   bool
	italic bool
	weight font.Weight

	once sync.Once
	face *face
	err  error
}

// indexFonts walks the directories. Files that are no fonts are passed over: system
// directories hold all sorts. A directory that cannot be read is an error.
func indexFonts(dirs []string) (*fontIndex, error) {
	ix := &fontIndex{byFamily: map[string][]*indexedFont{}}
	seen := map[string]bool{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			switch strings.ToLower(filepath.Ext(path)) {
			case ".ttf", ".otf", ".ttc", ".otc":
			default:
				return nil
			}
			if seen[path] || d.IsDir() {
				return nil
			}
			seen[path] = true
			if len(ix.all) >= maxIndexedFonts {
				return fmt.Errorf("expected at most %d fonts", maxIndexedFonts)
			}
			ix.add(path)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("layout: font directory: %w", err)
		}
	}
	slices.SortStableFunc(ix.all, func(a, b *indexedFont) int {
		return cmp.Or(strings.Compare(a.path, b.path), cmp.Compare(a.number, b.number))
	})
	for _, f := range ix.all {
		key := font.NormalizeFamily(f.family)
		ix.byFamily[key] = append(ix.byFamily[key], f)
	}
	return ix, nil
}

func (ix *fontIndex) add(path string) {
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close()
	if st, err := file.Stat(); err != nil || !st.Mode().IsRegular() || st.Size() > maxFontBytes {
		return
	}
	loaders, err := opentype.NewLoaders(file)
	if err != nil {
		return
	}
	var buf []byte
	for i, ld := range loaders {
		var d font.Description
		d, buf = font.Describe(ld, buf)
		if d.Family == "" || ld.HasTable(opentype.MustNewTag("fvar")) {
			continue // variable fonts: their default weight is whatever the maker chose
		}
		ix.all = append(ix.all, &indexedFont{path: path, number: i, family: d.Family,
			bold: d.Aspect.Weight >= 600, italic: d.Aspect.Style == font.StyleItalic, weight: d.Aspect.Weight})
	}
}

// load reads the font on first use.
func (f *indexedFont) load() (*face, error) {
	f.once.Do(func() {
		file, err := os.Open(f.path)
		if err != nil {
			f.err = fmt.Errorf("layout: font: %w", err)
			return
		}
		defer file.Close()
		loaders, err := opentype.NewLoaders(file)
		if err != nil || f.number >= len(loaders) {
			f.err = fmt.Errorf("layout: font %s: expected the font file indexed before, found another", filepath.Base(f.path))
			return
		}
		style := "Regular"
		if f.bold {
			style = "Bold"
		}
		f.face, f.err = newFace(postScriptName(f.family, style), loaders[f.number])
		if f.err == nil {
			f.face.bold, f.face.italic = f.bold, f.italic
			f.face.serif = strings.Contains(strings.ToLower(f.family), "serif")
		}
	})
	return f.face, f.err
}

// pick finds the font of a family nearest to the wanted weight, upright.
func (ix *fontIndex) pick(family string, bold bool) *indexedFont {
	want := font.Weight(400)
	if bold {
		want = 700
	}
	var best *indexedFont
	far := func(f *indexedFont) font.Weight {
		if f.weight > want {
			return f.weight - want
		}
		return want - f.weight
	}
	for _, f := range ix.byFamily[font.NormalizeFamily(family)] {
		if f.italic {
			continue
		}
		if best == nil || far(f) < far(best) {
			best = f
		}
	}
	return best
}

// find returns the first font that covers the characters: of the script's families, else
// of any family. Fonts that cannot be read are passed over.
func (ix *fontIndex) find(info scriptInfo, like *face, covers func(*face) bool) *face {
	if ix == nil {
		return nil
	}
	families := append(slices.Clone(info.sans), info.serif...)
	if like.serif {
		families = append(slices.Clone(info.serif), info.sans...)
	}
	for _, family := range families {
		if f := ix.pick(family, like.bold); f != nil {
			if fc, err := f.load(); err == nil && covers(fc) {
				return fc
			}
		}
	}
	return nil
}

// findAny tries every upright font of the directories, for scripts without a known family.
func (ix *fontIndex) findAny(s language.Script, like *face, covers func(*face) bool) *face {
	if ix == nil || !s.Strong() {
		return nil
	}
	for i, f := range ix.all {
		if i >= maxTriedFonts {
			break
		}
		if f.italic || f.bold != like.bold {
			continue
		}
		if fc, err := f.load(); err == nil && covers(fc) {
			return fc
		}
	}
	return nil
}
