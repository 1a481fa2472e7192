package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"
)

func TestParseRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, tt := range []struct {
		name, text string
		code       Code
		pointer    string
	}{
		{"empty", "", Syntax, ""},
		{"cut", `{"a":`, Syntax, ""},
		{"duplicate", `{"a":{"b":1,"b":2}}`, DuplicateName, "/a/b"},
		{"duplicate through escape", `{"a":1,"\u0061":2}`, DuplicateName, "/a"},
		{"byte order mark", "\ufeff{}", Syntax, ""},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", InvalidUTF8, "/a"},
		{"invalid UTF-8 in name", "{\"\xff\":1}", InvalidUTF8, ""},
		{"lone high surrogate", `{"a":"\ud800"}`, LoneSurrogate, "/a"},
		{"lone low surrogate", `{"a":["x","\udc00"]}`, LoneSurrogate, "/a/1"},
		{"trailing value", `{} {}`, TrailingData, ""},
		{"trailing junk", `{}x`, TrailingData, ""},
		{"trailing NUL", "{}\x00", TrailingData, ""},
		{"integer 2^53", `{"n":9007199254740992}`, NumberRange, "/n"},
		{"integer 2^53+1", `{"n":9007199254740993}`, NumberRange, "/n"},
		{"integer -2^53", `[-9007199254740992]`, NumberRange, "/0"},
		{"integer with exponent", `[1e17]`, NumberRange, "/0"},
		{"integer of nineteen digits", `[-9223372036854775808]`, NumberRange, "/0"},
		{"just below 1e21", `[999999999999999900000]`, NumberRange, "/0"},
		{"above 1e21, too precise", `[1000000000000000000001]`, NumberRange, "/0"},
		{"as many digits as it takes to be another number", `[6.0221407600000000001e23]`, NumberRange, "/0"},
		{"huge", `[1e400]`, NumberRange, "/0"},
		{"vanishing", `[1e-400]`, NumberRange, "/0"},
		{"huge exponent", `[0e99999999999999999999]`, NumberRange, "/0"},
		{"too precise", `[0.10000000000000000555]`, NumberRange, "/0"},
		{"integer and a bit", `[9007199254740990.9999]`, NumberRange, "/0"},
		{"leading zero", `[01]`, Syntax, ""},
		{"NaN", `[NaN]`, Syntax, ""},
		{"comment", `[1/*x*/]`, Syntax, ""},
		{"single quotes", `{'a':1}`, Syntax, ""},
		{"too deep", deep(65), TooDeep, ""},
		{"too many", "[" + strings.Repeat("0,", 500_000) + "0]", TooMany, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			d, err := Parse([]byte(tt.text), Limits{})
			var e *Error
			if d != nil || !errors.As(err, &e) {
				t.Fatalf("expected a refusal, found %v", err)
			}
			if e.Code != tt.code {
				t.Errorf("expected code %s, found %v", tt.code, e)
			}
			if tt.pointer != "" && e.Pointer != tt.pointer {
				t.Errorf("expected pointer %q, found %q", tt.pointer, e.Pointer)
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("refusal took %v", took)
			}
		})
	}
}

// TestTooMany: the count before parsing is the parser's own, whatever the white space,
// the brackets and the strings.
func TestTooMany(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		space := rapid.SampledFrom([]string{"", " ", "\n\t "})
		var text func(depth int) string
		text = func(depth int) string {
			s := space.Draw(rt, "space")
			var parts []string
			switch k := rapid.IntRange(0, 4).Draw(rt, "kind"); {
			case k == 0 && depth < 4:
				for range rapid.IntRange(0, 4).Draw(rt, "len") {
					parts = append(parts, text(depth+1))
				}
				return s + "[" + s + strings.Join(parts, ",") + s + "]" + s
			case k == 1 && depth < 4:
				for i := range rapid.IntRange(0, 4).Draw(rt, "len") {
					parts = append(parts, s+`"`+strconv.Itoa(i)+`,[{"`+":"+text(depth+1))
				}
				return s + "{" + s + strings.Join(parts, ",") + s + "}" + s
			case k == 2:
				return s + `"a,[{\\\",b"`
			}
			return s + "1" + s
		}
		b := []byte(text(0))
		d, err := Parse(b, Limits{})
		if err != nil {
			rt.Fatalf("%s: %v", b, err)
		}
		// Room for all of them is enough, and for one less is not.
		if at := tooMany(append(b, bytes.Repeat([]byte{' '}, 2*d.Size())...), d.Size()); at >= 0 {
			rt.Fatalf("%s: refused at %d with room for %d values", b, at, d.Size())
		}
		if at := tooMany(append(b, bytes.Repeat([]byte{' '}, 2*d.Size())...), d.Size()-1); d.Size() > 1 && at < 0 {
			rt.Fatalf("%s: accepted with room for %d values", b, d.Size()-1)
		}
	})
}

func TestParseAccepts(t *testing.T) {
	for _, text := range []string{
		`0`, `-0`, `"x"`, `null`, ` true `, `[]`, `{}`, "\n{\"a\" : [1, 2.5, 1e3, -1.5E-3]}\n",
		`9007199254740991`, `-9007199254740991`, `0.1`, `1.0`, `5e-324`, `1.7976931348623157e-300`, `1e21`, `-6.02214076e23`, `1000000000000000000000`, `1.7976931348623157e308`,
		`{"a":"\ud83d\ude00","b":"\u0000","\u00e9":1}`, `[0.30000000000000004]`, `[100e-2]`,
	} {
		d, err := Parse([]byte(text), Limits{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var want any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if got := d.Any(0); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: expected %v, found %v", text, want, got)
		}
	}
}

func TestDoc(t *testing.T) {
	const text = `{"a":{"b":[10,{"c\/d":"x\ny"},true,null]},"~":"2026-01-02T03:04:05Z","e":[]}`
	d, err := Parse([]byte(text), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b := d.Path(0, "a", "b")
	c := d.Get(d.Index(b, 1), "c/d")
	if got := d.String(c); got != "x\ny" {
		t.Errorf("found %q", got)
	}
	if got := d.Pointer(c); got != "/a/b/1/c~1d" {
		t.Errorf("pointer %q", got)
	}
	if d.Lookup("/a/b/1/c~1d") != c || d.Lookup("/a/b/01") != None || d.Lookup("/a/x") != None || d.Lookup("a") != None || d.Lookup("") != 0 {
		t.Error("Lookup disagrees")
	}
	if n, ok := d.Int(d.Index(b, 0)); n != 10 || !ok {
		t.Errorf("found %d", n)
	}
	if v, ok := d.Bool(d.Index(b, 2)); !v || !ok {
		t.Error("expected true")
	}
	if d.Kind(d.Index(b, 3)) != Null || d.Kind(d.Index(b, 4)) != Invalid || d.First(d.Get(0, "e")) != None {
		t.Error("kinds disagree")
	}
	if at, ok := d.Time(d.Get(0, "~")); !ok || at.Unix() != 1767323045 {
		t.Errorf("found %v", at)
	}
	if d.Raw(b) != `[10,{"c\/d":"x\ny"},true,null]` {
		t.Errorf("raw %s", d.Raw(b))
	}
	got := string(d.Rewrite(0, []Member{{"e", "1"}, {"z", `"q"`}}, "a"))
	if want := `{"~":"2026-01-02T03:04:05Z","e":1,"z":"q"}`; got != want {
		t.Errorf("expected %s, found %s", want, got)
	}
	if got := string(d.Rewrite(0, nil, "a", "~", "e")); got != "{}" {
		t.Errorf("found %s", got)
	}
}

// TestNumbersKeepTheirValue: whatever is accepted means the same before and after a
// double, and every double in its shortest form is accepted.
func TestNumbersKeepTheirValue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := math.Float64frombits(rapid.Uint64().Draw(rt, "bits"))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return
		}
		_, err := Parse(strconv.AppendFloat(nil, f, 'g', -1, 64), Limits{})
		unsafe := math.Abs(f) > maxSafe
		if (err == nil) == unsafe {
			rt.Fatalf("%v: %v", f, err)
		}
		// One more digit makes another number, unless it falls together with the old one.
		if _, err := Parse([]byte(strconv.FormatFloat(0.1+f/math.MaxFloat64, 'f', 25, 64)+"1"), Limits{}); err == nil {
			rt.Fatal("accepted more digits than a double holds")
		}
	})
}

func TestCanonicalizeAgreesWithPeer(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var gen func(depth int) any
		gen = func(depth int) any {
			switch k := rapid.IntRange(0, 5).Draw(rt, "kind"); {
			case k == 0 && depth < 4:
				m := map[string]any{}
				for _, name := range rapid.SliceOfN(rapid.String(), 0, 5).Draw(rt, "names") {
					m[name] = gen(depth + 1)
				}
				return m
			case k == 1 && depth < 4:
				a := []any{}
				for range rapid.IntRange(0, 4).Draw(rt, "len") {
					a = append(a, gen(depth+1))
				}
				return a
			case k == 2:
				return rapid.String().Draw(rt, "string")
			case k == 3:
				return float64(rapid.Int32().Draw(rt, "int")) / 8
			case k == 4:
				return rapid.Bool().Draw(rt, "bool")
			}
			return nil
		}
		text, err := json.Marshal([]any{gen(0)})
		if err != nil {
			rt.Fatal(err)
		}
		d, err := Parse(text, Limits{})
		if err != nil {
			rt.Fatalf("%s: %v", text, err)
		}
		got, err := d.CanonicalizeNode(0)
		if err != nil {
			rt.Fatal(err)
		}
		want, err := jcs.Transform(text)
		if err != nil {
			rt.Fatal(err)
		}
		if string(got) != string(want) {
			rt.Fatalf("expected %s, found %s", want, got)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,"x",null,true]}`, `[1e5,-0.5]`, `"\ud83d\ude00"`, `{"\u0061":{}}`, `[[[]]]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse(b, Limits{})
		if err != nil {
			return
		}
		var want any
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		if !reflect.DeepEqual(d.Any(0), want) {
			t.Fatalf("expected %v, found %v", want, d.Any(0))
		}
		for n := range Node(d.Size()) {
			if d.Lookup(d.Pointer(n)) != n {
				t.Fatalf("pointer %q does not lead back", d.Pointer(n))
			}
		}
		canon, err := d.CanonicalizeNode(0)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(canon, Limits{})
		if err != nil || !reflect.DeepEqual(again.Any(0), want) {
			t.Fatalf("canonical form means something else: %v", err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := []byte(`{"list":[` + strings.Repeat(`{"id":"urn:x:1","type":["A","B"],"name":"some words here","n":12},`, 45) + `0]}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestParseTime(t *testing.T) {
	for s, want := range map[string]bool{
		"2024-02-29T23:59:59Z": true, "2024-02-29T23:59:59.123456789Z": true, "2024-02-29T23:59:59+23:59": true, "2024-02-29T23:59:59-00:00": true,
		"": false, "2024-02-29": false, "2023-02-29T23:59:59Z": false, "2024-02-29T23:59:60Z": false, "2024-02-29T24:00:00Z": false,
		"2024-02-29T1:59:59Z": false, "2024-02-29T11:59:59,5Z": false, "2024-02-29T11:59:59": false, "2024-02-29T11:59:59+24:00": false,
		"2024-02-29T11:59:59+00:60": false, "2024-02-29t11:59:59Z": false, "2024-02-29T11:59:59z": false, "2024-02-29 11:59:59Z": false,
		"2024-02-29T11:59:59.Z": false, "2024-02-29T11:59:59+0100": false, "02024-02-29T11:59:59Z": false, "2024-02-29T11:59:59Z ": false,
	} {
		if _, ok := ParseTime(s); ok != want {
			t.Errorf("%q: %v", s, ok)
		}
	}
}
