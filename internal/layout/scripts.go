package layout

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/go-text/typesetting/language"
)

// scriptInfo says which fonts of a directory set a script, best first, and which package
// of Debian has one of them. The families of serif type come first when the text asks for
// a serif.
type scriptInfo struct {
	name    string
	serif   []string
	sans    []string
	debPack string
}

const (
	packCore = "fonts-noto-core"
	packCJK  = "fonts-noto-cjk"
	// packPictographs has outlines of one colour; fonts with pictures cannot be embedded.
	packPictographs = "fonts-symbola"
)

// scripts holds what needs more than "Noto Serif X" and "Noto Sans X".
var scripts = map[language.Script]scriptInfo{
	language.Arabic:     {"Arabic", []string{"Noto Naskh Arabic", "Amiri", "Scheherazade New"}, []string{"Noto Sans Arabic", "Noto Naskh Arabic UI"}, packCore},
	language.Devanagari: {"Devanagari", []string{"Noto Serif Devanagari", "Annapurna SIL"}, []string{"Noto Sans Devanagari", "Lohit Devanagari"}, packCore},
	language.Latin:      {"Latin", []string{"Noto Serif", "DejaVu Serif"}, []string{"Noto Sans", "DejaVu Sans"}, packCore},
	language.Greek:      {"Greek", []string{"Noto Serif", "DejaVu Serif"}, []string{"Noto Sans", "DejaVu Sans"}, packCore},
	language.Cyrillic:   {"Cyrillic", []string{"Noto Serif", "DejaVu Serif"}, []string{"Noto Sans", "DejaVu Sans"}, packCore},
	language.Common:     {"symbols", []string{"Noto Sans Symbols2", "Noto Sans Symbols", "Noto Sans Math", "Noto Serif"}, []string{"Noto Sans", "DejaVu Sans", "Symbola"}, packCore},
	language.Nko:        {"N'Ko", nil, []string{"Noto Sans NKo"}, packCore},
	language.Syriac:     {"Syriac", nil, []string{"Noto Sans Syriac"}, packCore},
	language.Thaana:     {"Thaana", nil, []string{"Noto Sans Thaana"}, packCore},
}

// noto names the families of scripts that follow the rule.
var noto = map[language.Script]string{
	language.Hebrew: "Hebrew", language.Thai: "Thai", language.Lao: "Lao", language.Khmer: "Khmer", language.Myanmar: "Myanmar",
	language.Bengali: "Bengali", language.Gurmukhi: "Gurmukhi", language.Gujarati: "Gujarati", language.Oriya: "Oriya",
	language.Tamil: "Tamil", language.Telugu: "Telugu", language.Kannada: "Kannada", language.Malayalam: "Malayalam",
	language.Sinhala: "Sinhala", language.Tibetan: "Tibetan", language.Georgian: "Georgian", language.Armenian: "Armenian",
	language.Ethiopic: "Ethiopic", language.Cherokee: "Cherokee", language.Mongolian: "Mongolian",
	language.Canadian_Aboriginal: "Canadian Aboriginal", language.Javanese: "Javanese", language.Tifinagh: "Tifinagh",
	language.Yi: "Yi", language.Adlam: "Adlam",
}

// cjk are the scripts set in Chinese, Japanese and Korean fonts.
func isCJK(s language.Script) bool {
	switch s {
	case language.Han, language.Hiragana, language.Katakana, language.Hangul, language.Bopomofo:
		return true
	}
	return false
}

// infoOf returns what is known about a script; region is one of SC, TC, HK, JP, KR and
// matters for the scripts of East Asia.
func infoOf(s language.Script, region string) scriptInfo {
	if isCJK(s) {
		han := map[string]string{"SC": "", "TC": " TC", "HK": " HC", "JP": " JP", "KR": " K"}
		serif := []string{"Noto Serif CJK " + region, "Source Han Serif" + han[region]}
		sans := []string{"Noto Sans CJK " + region, "Source Han Sans" + han[region]}
		for _, other := range []string{"SC", "JP", "TC", "KR"} {
			if other != region {
				serif, sans = append(serif, "Noto Serif CJK "+other), append(sans, "Noto Sans CJK "+other)
			}
		}
		return scriptInfo{scriptName(s), serif, sans, packCJK}
	}
	if info, ok := scripts[s]; ok {
		return info
	}
	if name, ok := noto[s]; ok {
		return scriptInfo{name, []string{"Noto Serif " + name}, []string{"Noto Sans " + name}, packCore}
	}
	return scriptInfo{scriptName(s), nil, nil, "fonts-noto-extra"}
}

func scriptName(s language.Script) string {
	switch s {
	case language.Han:
		return "Han (Chinese, Japanese, Korean)"
	case language.Hiragana, language.Katakana:
		return "Kana (Japanese)"
	case language.Hangul:
		return "Hangul (Korean)"
	case language.Bopomofo:
		return "Bopomofo (Chinese)"
	}
	return s.String()
}

// regionOf chooses whose forms of Han characters to draw: the text's own script tells
// where it can, else its language.
func regionOf(text []rune, lang string) string {
	for _, r := range text {
		switch language.LookupScript(r) {
		case language.Hiragana, language.Katakana:
			return "JP"
		case language.Hangul:
			return "KR"
		case language.Bopomofo:
			return "TC"
		}
	}
	l := strings.ToLower(lang)
	switch {
	case hasSubtag(l, "ja"):
		return "JP"
	case hasSubtag(l, "ko"):
		return "KR"
	case hasSubtag(l, "zh") && (strings.Contains(l, "-hk") || strings.Contains(l, "-mo")), hasSubtag(l, "yue"):
		return "HK"
	case hasSubtag(l, "zh") && (strings.Contains(l, "-hant") || strings.Contains(l, "-tw")):
		return "TC"
	}
	return "SC"
}

func hasSubtag(lang, primary string) bool {
	return lang == primary || strings.HasPrefix(lang, primary+"-")
}

// scriptsOf gives each character its script: common and inherited ones take that of the
// strong character before them, those at the beginning that of the first.
func scriptsOf(text []rune) []language.Script {
	out := make([]language.Script, len(text))
	cur := language.Common
	for i, r := range text {
		s := language.LookupScript(r)
		switch {
		case r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFFEF && !s.Strong():
			if !isCJK(cur) {
				s = language.Han
			} else {
				s = cur
			}
			out[i] = s
			continue
		case s.Strong():
			if cur == language.Common {
				for j := range i {
					if out[j] == language.Common {
						out[j] = s
					}
				}
			}
			cur = s
		}
		out[i] = cur
	}
	return out
}

// invisible reports characters that need no ink and no glyph: white space, joiners, marks
// of direction, variation selectors.
func invisible(r rune) bool {
	return unicode.IsSpace(r) || r == 0x00AD || r == 0x034F || r == 0x061C || r >= 0x180B && r <= 0x180F || r >= 0x200B && r <= 0x200F ||
		r >= 0x202A && r <= 0x202E || r >= 0x2060 && r <= 0x206F || r >= 0xFE00 && r <= 0xFE0F || r == 0xFEFF || r >= 0xE0100 && r <= 0xE01EF
}

// MissingFontError says that no font at hand has a character.
type MissingFontError struct {
	Script  string // "Devanagari", "Hangul (Korean)", …
	Package string // a Debian package with fonts for the script
	Char    rune   // the first character without a glyph
}

func (e *MissingFontError) Error() string {
	return fmt.Sprintf("layout: no font for the script %s: expected a glyph for U+%04X, found none in the embedded fonts and the font directories (Debian package %s has one for this script)", e.Script, e.Char, e.Package)
}
