package words

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/verifier"
)

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// TestComplete: every text is in every language, with the same placeholders, and no
// language holds the text of another by mistake.
func TestComplete(t *testing.T) {
	for _, code := range codes {
		for key, english := range messages["en"] {
			text, ok := messages[code][key]
			if !ok {
				t.Errorf("%s lacks %s", code, key)
				continue
			}
			want, got := placeholder.FindAllString(english, -1), placeholder.FindAllString(text, -1)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("%s: %s has placeholders %v, expected %v", code, key, got, want)
			}
			if code != "en" && (strings.HasPrefix(key, "reason.") || strings.HasPrefix(key, "check.")) && text == english {
				t.Errorf("%s: %s is not translated", code, key)
			}
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", code, key)
			}
		}
		if len(messages[code]) != len(messages["en"]) {
			t.Errorf("%s has %d texts, English %d", code, len(messages[code]), len(messages["en"]))
		}
		if n := len([]rune(messages[code]["digits"])); n != 10 {
			t.Errorf("%s has %d digits", code, n)
		}
	}
}

// checkIDs reads the identifiers of checks from package verifier's source, so that a
// new one without an explanation is seen.
func checkIDs(t *testing.T) []string {
	t.Helper()
	var ids []string
	f, err := parser.ParseFile(token.NewFileSet(), "../../../verifier/report.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Check") {
			return true
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok {
			id, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		return true
	})
	if len(ids) < 20 {
		t.Fatalf("found %d checks only: %v", len(ids), ids)
	}
	return ids
}

// TestExplained: every check and every Reason has a plain explanation in each language.
func TestExplained(t *testing.T) {
	ids := checkIDs(t)
	for _, code := range codes {
		l, _ := For(code)
		for _, id := range ids {
			for _, part := range []string{".title", ".pass"} {
				if !l.Has("check." + id + part) {
					t.Errorf("%s lacks check.%s%s", code, id, part)
				}
			}
		}
		for _, r := range verifier.Reasons() {
			if !l.Has("reason." + string(r.Code)) {
				t.Errorf("%s lacks reason.%s", code, r.Code)
			}
			if l.Advice(r.Code) == "" || strings.HasPrefix(l.Advice(r.Code), "advice.") {
				t.Errorf("%s: no advice for %s", code, r.Code)
			}
		}
	}
	known := map[string]bool{}
	for _, r := range verifier.Reasons() {
		known[string(r.Code)] = true
	}
	for key := range messages["en"] {
		if code, ok := strings.CutPrefix(key, "reason."); ok && !known[code] {
			t.Errorf("%s explains a Reason that is not in the table", key)
		}
	}
	for code := range advice {
		if !known[code] {
			t.Errorf("advice for %s, which is not in the table", code)
		}
	}
}

func TestExplain(t *testing.T) {
	en, _ := For("en")
	for _, c := range []struct {
		in     verifier.Check
		text   string
		advice bool
	}{
		{verifier.Check{ID: "signature", Result: verifier.Pass}, "check.signature.pass", false},
		{verifier.Check{ID: "signature", Result: verifier.Fail, Reason: verifier.SignatureInvalid}, "reason.signature_invalid", true},
		{verifier.Check{ID: "status", Result: verifier.Undecided, Reason: verifier.StatusUnreachable}, "reason.status_unreachable", true},
		{verifier.Check{ID: "anchor", Result: verifier.Skipped}, "check.skipped", false},
		{verifier.Check{ID: "anchor", Result: verifier.Pass}, "check.anchor.pass", false},
		{verifier.Check{ID: "anchor", Result: verifier.Pass, Evidence: []verifier.Fact{{Name: "batchDigest", Value: "0x00"}, {Name: "included", Value: "x"}}}, "check.anchor.listed", false},
		{verifier.Check{ID: "anchor", Result: verifier.Pass, Evidence: []verifier.Fact{{Name: "batchDigest", Value: "0x00"}, {Name: "chain", Value: "mainnet"}}}, "check.anchor.pass", false},
		{verifier.Check{ID: "anchor", Result: verifier.Pass, Evidence: []verifier.Fact{{Name: "network", Value: "bitcoin"}}}, "check.anchor.pass", false},
		{verifier.Check{ID: "status", Result: verifier.Skipped, Required: true}, "check.skipped.required", false},
		{verifier.Check{ID: "status"}, "check.nopass", false},
		{verifier.Check{ID: "fromTheFuture", Result: verifier.Pass}, "check.unknown.pass", false},
		{verifier.Check{ID: "fromTheFuture", Result: verifier.Fail, Reason: "new_reason"}, "check.nopass", false},
	} {
		e := en.Explain(c.in)
		if e.Text != en.Text(c.text) || !en.Has(c.text) || e.Title == "" || (e.Advice != "") != c.advice {
			t.Errorf("%+v: got %+v, expected %s", c.in, e, c.text)
		}
		if c.in.Result != verifier.Pass && strings.HasSuffix(c.text, ".pass") && c.in.Result.String() != "pass" {
			t.Errorf("%+v reads as passed", c.in)
		}
	}
}

func TestMatch(t *testing.T) {
	for header, want := range map[string]string{
		"": "en", "de": "de", "de-AT,en;q=0.5": "de", "fr,ar;q=0.4,de;q=0.3": "ar", "fr": "en", "en;q=0.1, de;q=0.9": "de",
		"de;q=0": "en", "de;q=nan": "en", "de;q=2": "en", "*": "en", "AR-eg": "ar", ";;,,=": "en", "de;q=x,ar": "ar",
		strings.Repeat("fr,", 100) + "de": "en",
	} {
		if got := Match(header).Code(); got != want {
			t.Errorf("%q: %s, expected %s", header, got, want)
		}
	}
	if l, ok := For("fr"); ok || l.Code() != "en" || (Language{}).Code() != "en" {
		t.Error("another language than those there are")
	}
}

func TestDatesAndNumbers(t *testing.T) {
	at := time.Date(2026, 6, 30, 23, 30, 0, 0, time.FixedZone("", 2*3600))
	for code, want := range map[string][4]string{
		"en": {"30 June 2026", "30 June 2026, 21:30 UTC", "12 kB", "1.5 MB"},
		"de": {"30. Juni 2026", "30. Juni 2026, 21:30 Uhr (UTC)", "12 kB", "1,5 MB"},
		"ar": {"٣٠ يونيو ٢٠٢٦", "٣٠ يونيو ٢٠٢٦، ٢١:٣٠ (UTC)", "١٢ ك.بايت", "١٫٥ م.بايت"},
	} {
		l, _ := For(code)
		if got := [4]string{l.Date(at), l.DateTime(at), l.Size(12345), l.Size(1_500_000)}; got != want {
			t.Errorf("%s: %q, expected %q", code, got, want)
		}
		if l.Date(time.Time{}) != "" || l.DateTime(time.Time{}) != "" {
			t.Errorf("%s: the zero time is written", code)
		}
	}
	en, _ := For("en")
	for n, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1000: "1.0 kB", 9949: "9.9 kB", 9951: "10 kB", 10_000_000: "10 MB"} {
		if got := en.Size(n); got != want {
			t.Errorf("%d: %s, expected %s", n, got, want)
		}
	}
}

// TestIsolated: a value never reorders the sentence it stands in, nor fills in the
// placeholders of another.
func TestIsolated(t *testing.T) {
	en, _ := For("en")
	ar, _ := For("ar")
	if got := en.Text("page.title", "type", "{issuer}", "issuer", "جامعة"); got != "{issuer} – \u2068جامعة\u2069" {
		t.Errorf("%q", got)
	}
	if got := ar.Text("page.title", "type", "BSc", "issuer", "جامعة"); got != "\u2068BSc\u2069 – جامعة" {
		t.Errorf("%q", got)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"  a \n\t b  ":           "a b",
		"a\u202eb\u2066c\u2069d": "abcd",
		"a\x00b\u200bc":          "abc",
		"نه\u200cها":             "نه\u200cها",
		"abcdefghijkl":           "abcdefghij…",
		"a\xffb":                 "ab",
		"":                       "",
		"Zoë Ångström":           "Zoë Ångstr…",
		"<b>&'":                  "<b>&'",
		"e" + strings.Repeat("\u0301\u200b", 50) + "x": "e" + strings.Repeat("\u0301", 8) + "x",
		"e" + strings.Repeat("\u200d\u0489", 9):        "e" + strings.Repeat("\u200d\u0489", 4) + "\u200d…",
		"e\u0302\u0323 o\u0308":                        "e\u0302\u0323 o\u0308",
	} {
		if got := Clean(in, 10); got != want {
			t.Errorf("%q: %q, expected %q", in, got, want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("de-AT,en;q=0.5")
	f.Fuzz(func(t *testing.T, header string) {
		if l := Match(header); !slices.Contains(codes, l.Code()) {
			t.Errorf("%q: %s", header, l.Code())
		}
	})
}
