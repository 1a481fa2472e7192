package service

import (
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// The visibilities of fields.
const (
	visiblePublic    = "public"
	visibleDisclosed = "disclosed"
	visiblePrivate   = "private"
)

const (
	maxFields      = 100
	maxFieldLength = 1000 // characters, where the field says nothing
	maxEnumValues  = 500
	maxPattern     = 500 // bytes
	// maxMatching bounds the steps that the patterns of one type may take on one input, at
	// most: instructions times characters. Some are expanded to tens of thousands of them.
	maxMatching = 4_000_000
)

var (
	fieldPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)
	fieldTypes   = []string{"text", "number", "boolean", "date", "email", "url", "enum"}
)

// fieldRule checks the values of one field.
type fieldRule struct {
	Field
	pattern *regexp.Regexp // nil: any
	result  string         // JSON of a Result up to its value
	about   string         // JSON of its ResultDescription
}

// checkFields checks the definitions of fields and fills in what they leave open.
func checkFields(bad *Invalid, fields []Field) []Field {
	if len(fields) > maxFields {
		bad.Add("fields", fmt.Sprintf("must be at most %d", maxFields))
		return nil
	}
	out := slices.Clone(fields)
	seen := map[string]bool{}
	steps := 0
	for i := range out {
		f, at := &out[i], path("fields", i)
		if !fieldPattern.MatchString(f.Key) {
			bad.Add(at+".key", "must be 1 to 64 of A-Z a-z 0-9 _, and begin with a letter")
		}
		if seen[f.Key] {
			bad.Add(at+".key", "must be unique")
		}
		seen[f.Key] = true
		if f.Label == "" {
			f.Label = f.Key
		}
		checkName(bad, at+".label", f.Label, true)
		switch f.Visibility {
		case "":
			f.Visibility = visiblePublic
		case visiblePublic, visibleDisclosed, visiblePrivate:
		default:
			bad.Add(at+".visibility", "must be public, disclosed or private")
		}
		checkFieldType(bad, at, f)
		if steps += matching(f); steps > maxMatching {
			bad.Add(at+".pattern", "must be simpler, or of shorter values: the patterns of the type take too long")
			return out
		}
	}
	return out
}

// matching is how many steps a field's pattern may take on a value.
func matching(f *Field) int {
	tree, err := syntax.Parse(f.Pattern, syntax.Perl)
	if f.Pattern == "" || len(f.Pattern) > maxPattern || err != nil {
		return 0
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return 0
	}
	return len(program.Inst) * orElse(f.MaxLength, maxFieldLength)
}

func checkFieldType(bad *Invalid, at string, f *Field) {
	if !slices.Contains(fieldTypes, f.Type) {
		bad.Add(at+".type", "must be one of "+strings.Join(fieldTypes, ", "))
		return
	}
	switch {
	case f.Type == "enum" && (len(f.Values) == 0 || len(f.Values) > maxEnumValues):
		bad.Add(at+".values", fmt.Sprintf("must be 1 to %d", maxEnumValues))
	case f.Type != "enum" && len(f.Values) != 0:
		bad.Add(at+".values", "are for the type enum only")
	}
	for n, v := range f.Values {
		checkName(bad, path(at+".values", n), v, true)
		if slices.Contains(f.Values[:n], v) {
			bad.Add(path(at+".values", n), "must be unique")
		}
	}
	if (f.Minimum != nil || f.Maximum != nil) && f.Type != "number" {
		bad.Add(at+".minimum", "and maximum are for the type number only")
	}
	if f.Minimum != nil && f.Maximum != nil && *f.Minimum > *f.Maximum {
		bad.Add(at+".maximum", "must not be below minimum")
	}
	if f.MaxLength < 0 || f.MaxLength > maxText || f.MaxLength != 0 && f.Type != "text" {
		bad.Add(at+".maxLength", fmt.Sprintf("is for the type text, and at most %d", maxText))
	}
	if f.Pattern != "" {
		if f.Type != "text" {
			bad.Add(at+".pattern", "is for the type text only")
		} else if _, err := compilePattern(f.Pattern); err != nil || !lone(f.Pattern) {
			bad.Add(at+".pattern", "must be a regular expression (RE2)")
		}
	}
}

// compilePattern makes a pattern match whole values, as JSON Schema authors tend to
// expect, and as an anchored one does anyway.
func compilePattern(p string) (*regexp.Regexp, error) {
	if len(p) > maxPattern {
		return nil, fmt.Errorf("service: pattern of more than %d bytes", maxPattern)
	}
	return regexp.Compile(`^(?:` + p + `)$`)
}

// lone tells whether a pattern is one by itself: "a)|(?:b" is none, and would leave the
// parentheses that compilePattern puts it in.
func lone(p string) bool {
	_, err := syntax.Parse(p, syntax.Perl)
	return err == nil
}

// value checks a value and returns it as it is kept, and as text. ok is false for a value
// that is absent; a message says what is wrong.
func (f *fieldRule) value(v any) (kept any, text string, ok bool, message string) {
	if s, isText := v.(string); v == nil || isText && s == "" {
		return nil, "", false, ""
	}
	switch f.Type {
	case "number":
		return f.number(v)
	case "boolean":
		return boolean(v)
	}
	s, isText := v.(string)
	if !isText {
		return nil, "", true, "must be text"
	}
	if message := f.text(s); message != "" {
		return nil, "", true, message
	}
	return s, s, true, ""
}

func (f *fieldRule) number(v any) (any, string, bool, string) {
	var n float64
	switch x := v.(type) {
	case float64:
		n = x
	case int:
		n = float64(x)
	case int64:
		n = float64(x)
	case string: // of CSV
		var err error
		if n, err = strconv.ParseFloat(x, 64); err != nil || strings.ContainsAny(x, "xXpP_nN") {
			return nil, "", true, "must be a number"
		}
		if _, ok := ParseNumber(x); !ok {
			return nil, "", true, "must be a number of fewer digits: a double cannot hold it as it is written"
		}
	default:
		return nil, "", true, "must be a number"
	}
	switch {
	case math.IsNaN(n) || math.IsInf(n, 0) || math.Abs(n) > 1e15:
		return nil, "", true, "must be a number of at most 1e15"
	case n == 0:
		n = 0 // not the negative one
	case math.Abs(n) < 1e-15:
		return nil, "", true, "must be 0, or a number of at least 1e-15"
	}
	switch {
	case f.Minimum != nil && n < *f.Minimum:
		return nil, "", true, "must be at least " + plainNumber(*f.Minimum)
	case f.Maximum != nil && n > *f.Maximum:
		return nil, "", true, "must be at most " + plainNumber(*f.Maximum)
	}
	return n, plainNumber(n), true, ""
}

// ParseNumber reads a decimal number as programs for tables write it, with plus signs and
// zeros before it too. As in JSON, one that a double would turn into another is none.
func ParseNumber(text string) (n float64, ok bool) {
	sign, rest := "", strings.TrimPrefix(text, "+")
	if len(rest) == len(text) && strings.HasPrefix(text, "-") {
		sign, rest = "-", text[1:]
	}
	mantissa, exponent := rest, ""
	if at := strings.IndexAny(rest, "eE"); at >= 0 {
		mantissa, exponent = rest[:at], rest[at:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if digits := whole + fraction; digits == "" || strings.Trim(digits, "0123456789") != "" || strings.ContainsAny(exponent, " \t\r\n") {
		return 0, false
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	d, err := strictjson.Parse([]byte(sign+whole+fraction+exponent), strictjson.Limits{})
	if err != nil || d.Kind(0) != strictjson.Number {
		return 0, false
	}
	return d.Float(0)
}

func plainNumber(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func boolean(v any) (any, string, bool, string) {
	switch x := v.(type) {
	case bool:
		return x, strconv.FormatBool(x), true, ""
	case string: // of CSV
		if x == "true" || x == "false" {
			return x == "true", x, true, ""
		}
	}
	return nil, "", true, "must be true or false"
}

// text checks a value of the types that are written as text, "" where nothing is wrong.
func (f *fieldRule) text(s string) string {
	most := maxFieldLength
	if f.MaxLength > 0 {
		most = f.MaxLength
	}
	switch {
	case utf8.RuneCountInString(s) > most:
		return fmt.Sprintf("must have at most %d characters", most)
	case unwritable(s, true):
		return "must be plain text"
	}
	switch f.Type {
	case "date":
		if _, err := time.Parse(time.DateOnly, s); err != nil {
			return "must be a date such as 2026-05-10"
		}
	case "email":
		if !checkEmail(s) {
			return "must be an e-mail address"
		}
	case "url":
		if !checkLink(s) {
			return "must be a web address"
		}
	case "enum":
		if !slices.Contains(f.Values, s) {
			if all := strings.Join(f.Values, ", "); len(all) <= 200 {
				return "must be one of " + all
			}
			return "must be one of the values of the field"
		}
	default:
		if invisible(s) {
			return "must not be blank"
		}
		if f.pattern != nil && !f.pattern.MatchString(s) {
			return "must have the form of the field"
		}
	}
	return ""
}

// invisible tells whether a text shows nothing: white space, and characters that only
// change how others look.
func invisible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.In(r, unicode.Z, unicode.M) })
}

// schema is the JSON Schema of a field's values.
func (f *fieldRule) schema() map[string]any {
	out := map[string]any{"title": f.Label}
	switch f.Type {
	case "number":
		out["type"] = "number"
		if f.Minimum != nil {
			out["minimum"] = *f.Minimum
		}
		if f.Maximum != nil {
			out["maximum"] = *f.Maximum
		}
	case "boolean":
		out["type"] = "boolean"
	case "enum":
		out["enum"] = f.Values
	default:
		out["type"], out["minLength"], out["maxLength"] = "string", 1, maxFieldLength
		if f.MaxLength > 0 {
			out["maxLength"] = f.MaxLength
		}
		switch f.Type {
		case "date":
			out["format"] = "date"
		case "email":
			out["format"] = "email"
		case "url":
			out["format"] = "uri"
		}
		if f.Pattern != "" {
			out["pattern"] = "^(?:" + f.Pattern + ")$"
		}
	}
	return out
}

// example is a value that the field takes.
func (f *fieldRule) example() any {
	switch f.Type {
	case "number":
		switch {
		case f.Minimum != nil:
			return *f.Minimum
		case f.Maximum != nil && *f.Maximum < 1:
			return *f.Maximum
		}
		return 1
	case "boolean":
		return true
	case "date":
		return "2026-05-10"
	case "email":
		return "someone@example.com"
	case "url":
		return "https://example.com/"
	case "enum":
		return f.Values[0]
	}
	text := clipRunes("text", max(1, orElse(f.MaxLength, 4)))
	if f.text(text) == "" {
		return text
	}
	if tree, err := syntax.Parse(f.Pattern, syntax.Perl); err == nil {
		for _, more := range []int{0, 1} { // the shortest, or one that is not empty
			var b strings.Builder
			if fulfil(&b, tree.Simplify(), more); f.text(b.String()) == "" {
				return b.String()
			}
		}
	}
	return text
}

// fulfil writes a text that fits a pattern, as far as patterns say by themselves what fits:
// where they look around or at ends, what is written need not. more is how often what may be
// left out is written.
func fulfil(b *strings.Builder, e *syntax.Regexp, more int) {
	if b.Len() > maxText {
		return
	}
	times := 1
	switch e.Op {
	case syntax.OpLiteral:
		b.WriteString(string(e.Rune))
		return
	case syntax.OpCharClass:
		b.WriteRune(plainRune(e.Rune))
		return
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('a')
		return
	case syntax.OpStar, syntax.OpQuest:
		times = more
	case syntax.OpRepeat:
		times = max(e.Min, min(more, e.Max))
	case syntax.OpAlternate:
		fulfil(b, e.Sub[0], more)
		return
	}
	for range times {
		for _, sub := range e.Sub {
			fulfil(b, sub, more)
		}
	}
}

// plainRune chooses a character of a class, given as pairs of ends: one that people write.
func plainRune(class []rune) rune {
	for _, want := range "aA1-_ " {
		for i := 0; i+1 < len(class); i += 2 {
			if class[i] <= want && want <= class[i+1] {
				return want
			}
		}
	}
	for i := 0; i+1 < len(class); i += 2 {
		if r := max(class[i], '!'); r <= class[i+1] {
			return r
		}
	}
	return 'a'
}

func orElse[T int | time.Duration](v, other T) T {
	if v == 0 {
		return other
	}
	return v
}
