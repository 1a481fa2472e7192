// Package words holds what the public pages say, in every language they speak: texts
// from message files, dates, numbers and sizes as the language writes them, and plain
// explanations of every check and Reason of package verifier.
//
// Take a Language with For or Match, then ask it. Values put into a text are isolated
// where their direction of writing differs, so that a name in one script never reorders
// a sentence in another; they are not escaped, which is for the template to do.
//
// The package needs nothing but package verifier and builds for WebAssembly.
package words

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/chancery-dev/chancery/verifier"
	"github.com/go-json-experiment/json"
)

//go:embed messages/*.json
var files embed.FS

// codes are the languages in the order in which they are offered; the first is used
// where no other fits.
var codes = []string{"en", "de", "ar"}

// messages are the texts by language, advice the key of an advice by Reason. The files
// are part of the program: that one cannot be read is a fault of the build.
var messages, advice = func() (map[string]map[string]string, map[string]string) {
	read := func(name string) map[string]string {
		b, err := files.ReadFile("messages/" + name + ".json")
		if err != nil {
			panic(fmt.Sprintf("words: embedded file: %v", err))
		}
		m := map[string]string{}
		if err := json.Unmarshal(b, &m); err != nil {
			panic(fmt.Sprintf("words: embedded file %s: %v", name, err))
		}
		return m
	}
	all := map[string]map[string]string{}
	for _, c := range codes {
		all[c] = read(c)
	}
	return all, read("advice")
}()

// Codes returns the languages there are, as BCP 47 codes.
func Codes() []string { return append([]string(nil), codes...) }

// Language is a language that pages are written in. Take one from For or Match.
type Language struct{ code string }

// For returns the language of a BCP 47 tag such as "de-AT", and whether there is one;
// English where there is not.
func For(tag string) (Language, bool) {
	primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	for _, c := range codes {
		if c == primary {
			return Language{c}, true
		}
	}
	return Language{codes[0]}, false
}

// maxRanges bounds how many ranges of an Accept-Language header are looked at.
const maxRanges = 32

// Match returns the language that an Accept-Language header (RFC 9110, 12.5.4) likes
// best. What cannot be read of it is passed over.
func Match(header string) Language {
	best, bestQ := Language{codes[0]}, 0.0
	for i, part := range strings.Split(header, ",") {
		if i == maxRanges {
			break
		}
		tag, params, _ := strings.Cut(part, ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			parsed, err := strconv.ParseFloat(v, 64)
			if err != nil {
				continue
			}
			q = parsed
		}
		if l, ok := For(tag); ok && q > bestQ && q <= 1 {
			best, bestQ = l, q
		}
	}
	return best
}

// Code is the language's BCP 47 code.
func (l Language) Code() string {
	if l.code == "" {
		return codes[0]
	}
	return l.code
}

// RTL reports whether it is written from right to left.
func (l Language) RTL() bool { return l.Code() == "ar" }

// Direction is "ltr" or "rtl".
func (l Language) Direction() string {
	if l.RTL() {
		return "rtl"
	}
	return "ltr"
}

// Text returns the text of a key, with {name} replaced by the value that follows the
// name in pairs. Of a key that is not there it returns the key.
func (l Language) Text(key string, pairs ...string) string {
	text, ok := messages[l.Code()][key]
	if !ok {
		return key
	}
	if len(pairs) == 0 {
		return text
	}
	replacements := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		replacements = append(replacements, "{"+pairs[i]+"}", l.isolate(pairs[i+1]))
	}
	return strings.NewReplacer(replacements...).Replace(text)
}

// Has reports whether there is a text of that key.
func (l Language) Has(key string) bool {
	_, ok := messages[l.Code()][key]
	return ok
}

// isolate puts a value that has letters of the other direction between FIRST STRONG
// ISOLATE and POP DIRECTIONAL ISOLATE (Unicode Standard Annex 9, 2.4).
func (l Language) isolate(s string) string {
	for _, r := range s {
		if unicode.IsLetter(r) && rightToLeft(r) != l.RTL() {
			return "\u2068" + s + "\u2069"
		}
	}
	return s
}

func rightToLeft(r rune) bool {
	return unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Adlam)
}

// Number writes a decimal number, given with a point, in the language's digits.
func (l Language) Number(s string) string {
	digits := []rune(l.Text("digits"))
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(digits[r-'0'])
		case r == '.':
			b.WriteString(l.Text("decimal"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Date writes the day of a time in UTC, "" of the zero time.
func (l Language) Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	return l.Text("date", "day", l.Number(strconv.Itoa(t.Day())), "month", l.Text("month."+strconv.Itoa(int(t.Month()))), "year", l.Number(strconv.Itoa(t.Year())))
}

// DateTime writes day and minute of a time in UTC, "" of the zero time.
func (l Language) DateTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return l.Text("datetime", "date", l.Date(t), "time", l.Number(t.UTC().Format("15:04")))
}

// Size writes a number of bytes, to three digits.
func (l Language) Size(n int64) string {
	switch {
	case n < 1000:
		return l.Text("size.B", "n", l.Number(strconv.FormatInt(n, 10)))
	case n < 1000*1000:
		return l.Text("size.kB", "n", l.Number(short(float64(n)/1000)))
	}
	return l.Text("size.MB", "n", l.Number(short(float64(n)/1e6)))
}

func short(f float64) string {
	if f < 9.95 {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}

// Explanation is a check in plain words.
type Explanation struct {
	Title  string // the question that the check answers
	Result string // word for how it came out
	Text   string // what that means
	Advice string // what the reader can do, "" where nothing needs doing
}

// Explain puts a check into plain words.
func (l Language) Explain(c verifier.Check) Explanation {
	id := c.ID
	if !l.Has("check." + id + ".title") {
		id = "unknown"
	}
	e := Explanation{Title: l.Text("check." + id + ".title"), Result: l.Text("result." + c.Result.String())}
	switch {
	case c.Result == verifier.Pass && id == verifier.CheckAnchor && onlyListed(c.Evidence):
		e.Text = l.Text("check.anchor.listed")
	case c.Result == verifier.Pass:
		e.Text = l.Text("check." + id + ".pass")
	case c.Reason != "" && l.Has("reason."+string(c.Reason)):
		e.Text, e.Advice = l.Reason(c.Reason), l.Advice(c.Reason)
	case c.Result == verifier.Skipped && c.Required:
		e.Text = l.Text("check.skipped.required")
	case c.Result == verifier.Skipped:
		e.Text = l.Text("check.skipped")
	default:
		e.Text = l.Text("check.nopass")
	}
	return e
}

// onlyListed reports whether the facts of an anchor are those of a batch that no chain
// confirms.
func onlyListed(facts []verifier.Fact) bool {
	listed := false
	for _, f := range facts {
		if f.Name == "chain" {
			return false
		}
		listed = listed || f.Name == "batchDigest"
	}
	return listed
}

// Reason is a Reason in one plain sentence; "" of none, and of an unknown one the
// sentence that something was missing.
func (l Language) Reason(r verifier.Reason) string {
	if r == "" {
		return ""
	}
	if key := "reason." + string(r); l.Has(key) {
		return l.Text(key)
	}
	return l.Text("noreason")
}

// Advice says what a reader can do about a Reason.
func (l Language) Advice(r verifier.Reason) string {
	if a, ok := advice[string(r)]; ok {
		return l.Text("advice." + a)
	}
	return ""
}

// maxMarks is how many marks may stand on one letter. No script needs as many; in their
// hundreds they reach over what is written above and below.
const maxMarks = 8

// Clean makes one line for display of text by strangers: characters that are not seen
// or that turn the direction of writing are taken out, and marks piled on one letter
// beyond what any script does; white space is one space, and what is longer than max
// runes is cut. It does not escape.
func Clean(s string, max int) string {
	var b strings.Builder
	count, marks, space := 0, 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case r == unicode.ReplacementChar, unicode.IsControl(r), unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d', unicode.In(r, unicode.Co, unicode.Cs):
			continue
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > maxMarks {
				continue
			}
		case r != '\u200c' && r != '\u200d': // which part no mark from its letter
			marks = 0
		}
		if count >= max {
			b.WriteRune('…')
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
			count++
		}
		b.WriteRune(r)
		count++
	}
	return b.String()
}
