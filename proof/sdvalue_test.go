package proof

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// sdSample is a value of each kind, made by hand: 0x58 0x40 begins 64 bytes, 0x58 0x23 35.
func sdSample() (derived, base []byte) {
	sig := append([]byte{0x58, 0x40}, bytes.Repeat([]byte{0xaa}, 64)...)
	key := append([]byte{0x58, 0x23, 0x80, 0x24}, bytes.Repeat([]byte{2}, 33)...)
	label := func(b byte) []byte { return append([]byte{0x58, 0x20}, bytes.Repeat([]byte{b}, 32)...) }
	derived = slices.Concat([]byte{0xd9, 0x5d, 0x01, 0x85}, sig, key, []byte{0x81}, sig, []byte{0xa2, 0x00}, label(1), []byte{0x01}, label(2), []byte{0x82, 0x00, 0x18, 0x40})
	base = slices.Concat([]byte{0xd9, 0x5d, 0x00, 0x85}, sig, key, label(3), []byte{0x81}, sig, []byte{0x81, 0x67}, []byte("/issuer"))
	return derived, base
}

func TestSDValues(t *testing.T) {
	derived, base := sdSample()
	d, err := parseSDDerived(multikey.EncodeMultibase64(derived))
	if err != nil || len(d.signatures) != 1 || len(d.labels) != 2 || d.labels[1][0] != 2 || !slices.Equal(d.mandatory, []int{0, 64}) || d.encode() != multikey.EncodeMultibase64(derived) {
		t.Errorf("%+v %v", d, err)
	}
	b, err := parseSDBase(multikey.EncodeMultibase64(base))
	if err != nil || len(b.signatures) != 1 || b.hmacKey[0] != 3 || !slices.Equal(b.pointers, []string{"/issuer"}) || b.encode() != multikey.EncodeMultibase64(base) {
		t.Errorf("%+v %v", b, err)
	}
	// Maps need not be sorted: RFC 8949 asks that of deterministic encodings only.
	sorted := bytes.Index(derived, []byte{0xa2, 0x00}) + 1
	swapped := slices.Concat(derived[:sorted], derived[sorted+35:sorted+70], derived[sorted:sorted+35], derived[sorted+70:])
	if d, err := parseSDDerived(multikey.EncodeMultibase64(swapped)); err != nil || d.labels[1][0] != 2 {
		t.Errorf("a map in another order: %v", err)
	}
	if _, err := parseSDDerived(multikey.EncodeMultibase64(base)); !errors.Is(err, ErrBaseProof) {
		t.Errorf("a base proof: %v", err)
	}
	if _, err := parseSDBase(multikey.EncodeMultibase64(derived)); !errors.Is(err, ErrProofValue) || errors.Is(err, ErrBaseProof) {
		t.Errorf("a derived proof: %v", err)
	}
}

func TestSDValuesRefused(t *testing.T) {
	derived, base := sdSample()
	change := func(b []byte, old, new string) []byte {
		out := bytes.Replace(b, []byte(old), []byte(new), 1)
		if bytes.Equal(out, b) {
			t.Fatalf("% x is not in % x", old, b)
		}
		return out
	}
	text := multikey.EncodeMultibase64
	long := append([]byte{0x84}, bytes.Repeat([]byte{0x40}, 4)...)
	many := sdDerivedValue{baseSignature: make([]byte, 64), publicKey: make([]byte, 35), signatures: slices.Repeat([][]byte{make([]byte, 64)}, limits.SDStatements+1)}
	for name, s := range map[string]string{
		"empty":                 "",
		"nothing":               "u",
		"base58":                multikey.EncodeMultibase58(derived),
		"no prefix":             text(derived)[1:],
		"padded":                text(derived) + "=",
		"a line end":            text(derived) + "\n",
		"standard base64":       strings.Replace(text(derived), "_", "/", 1) + "/",
		"too long":              "u" + strings.Repeat("A", sdMaxText),
		"header alone":          text(derived[:3]),
		"another suite":         text(change(derived, "\xd9\x5d\x01", "\xd9\x5d\x03")),
		"another tag":           text(change(derived, "\xd9\x5d\x01", "\xd9\x5e\x01")),
		"tag of four bytes":     text(change(derived, "\xd9\x5d\x01", "\xda\x00\x00\x5d\x01")),
		"cut":                   text(derived[:len(derived)-1]),
		"trailing":              text(append(slices.Clone(derived), 0)),
		"four items":            text(change(derived, "\x85", "\x84")),
		"six items":             text(append(change(derived, "\x85", "\x86"), 0)),
		"an object":             text(slices.Concat(derived[:3], []byte{0xa0})),
		"lists of nothing":      text(slices.Concat(derived[:3], long)),
		"indefinite list":       text(append(change(derived, "\x85", "\x9f"), 0xff)),
		"indefinite signatures": text(change(derived, "\x02\x81\x58", "\x02\x9f\x58")),
		"length not shortest":   text(change(derived, "\x85\x58\x40", "\x85\x59\x00\x40")),
		"number not shortest":   text(change(derived, "\x82\x00", "\x82\x18\x00")),
		"count not shortest":    text(change(derived, "\x81\x58\x40", "\x98\x01\x58\x40")),
		"a tagged item":         text(change(derived, "\x85\x58\x40", "\x85\xc2\x58\x40")),
		"a text for bytes":      text(change(derived, "\x85\x58\x40"+strings.Repeat("\xaa", 64), "\x85\x78\x40"+strings.Repeat("a", 64))),
		"a short signature":     text(change(derived, "\x85\x58\x40\xaa", "\x85\x58\x3f")),
		"a long key":            text(change(derived, "\x58\x23\x80\x24", "\x58\x24\x80\x24\x02")),
		"a short label":         text(change(derived, "\x58\x20\x01", "\x58\x1f")),
		"a label twice":         text(change(derived, strings.Repeat("\x02", 32)+"\x82", strings.Repeat("\x01", 32)+"\x82")),
		"a label's key twice":   text(change(derived, "\x01\x58\x20\x02", "\x00\x58\x20\x02")),
		"a label's key too far": text(change(derived, "\x01\x58\x20\x02", "\x02\x58\x20\x02")),
		"a negative key":        text(change(derived, "\x01\x58\x20\x02", "\x20\x58\x20\x02")),
		"a text as key":         text(change(derived, "\x01\x58\x20\x02", "\x61\x31\x58\x20\x02")),
		"labels as a list":      text(change(derived, "\xa2\x00\x58", "\x84\x00\x58")),
		"negative index":        text(change(derived, "\x82\x00", "\x82\x20")),
		"indexes descending":    text(change(derived, "\x82\x00\x18\x40", "\x82\x18\x40\x00")),
		"an index twice":        text(change(derived, "\x82\x00\x18\x40", "\x82\x00\x00")),
		"an index as float":     text(change(derived, "\x82\x00\x18\x40", "\x82\x00\xf9\x40\x00")),
		"a huge index":          text(change(derived, "\x18\x40", "\x1b\x7f\xff\xff\xff\xff\xff\xff\xff")),
		"indexes as a map":      text(change(derived, "\x82\x00\x18\x40", "\xa1\x00\x18\x40")),
		"a list of huge size":   text(change(derived, "\x02\x81\x58", "\x02\x9a\xff\xff\xff\xff\x58")),
		"too many signatures":   many.encode(),
	} {
		if v, err := parseSDDerived(s); !errors.Is(err, ErrProofValue) {
			t.Errorf("%s: %+v %v", name, v, err)
		}
	}
	pointers := slices.Concat(base[:len(base)-9], []byte{0x99, 0x04, 0x00}, bytes.Repeat([]byte{0x60}, 0x400))
	for name, s := range map[string]string{
		"derived": text(derived), "trailing": text(append(slices.Clone(base), 0)), "cut": text(base[:len(base)-1]),
		"a short HMAC key": text(change(base, "\x58\x20\x03", "\x58\x1f")), "a pointer as bytes": text(change(base, "\x67/", "\x47/")),
		"a pointer not UTF-8": text(change(base, "\x67/", "\x67\xff")), "pointers as text": text(change(base, "\x81\x67/", "\x67/")), "too many pointers": text(pointers),
	} {
		if v, err := parseSDBase(s); !errors.Is(err, ErrProofValue) {
			t.Errorf("%s: %+v %v", name, v, err)
		}
	}
	for name, key := range map[string][]byte{"P-384": {0x81, 0x24}, "Ed25519": {0xed, 0x01}, "no point": {0x80, 0x24, 2, 0xff}, "not compressed": {0x80, 0x24, 4}, "secret": {0x86, 0x26}} {
		b := make([]byte, 35)
		copy(b, key)
		if name == "no point" {
			b = append(key[:3:3], bytes.Repeat([]byte{0xff}, 32)...)
		}
		if _, err := sdKey(b); !errors.Is(err, ErrProofValue) {
			t.Errorf("key %s: %v", name, err)
		}
	}
}

func TestPointerNames(t *testing.T) {
	for pointer, want := range map[string][]string{"": nil, "/": {""}, "/a/b": {"a", "b"}, "/a~1b/c~0d": {"a/b", "c~d"}, "/~01": {"~1"}, "//": {"", ""}, "/ä": {"ä"}} {
		if got, err := pointerNames(pointer); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q %v", pointer, got, err)
		}
	}
	for _, pointer := range []string{"a", " /a", "#/a", "/~", "/a~2", "/a~/b", strings.Repeat("/", 65)} {
		if got, err := pointerNames(pointer); !errors.Is(err, ErrPointer) {
			t.Errorf("%q: %q %v", pointer, got, err)
		}
	}
}

// TestSelectionsAreOfTheDocument: each selected value is the value of the original that
// it is said to come from, and every pointer of a document finds its value.
func TestSelectionsAreOfTheDocument(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := parseText(t, drawJSON(rt))
		var all []string
		for n := range strictjson.Node(d.Size()) {
			if !behindList(d, n) {
				all = append(all, d.Pointer(n))
			} else if _, err := selectPointers(d, 0, []string{d.Pointer(n)}); !errors.Is(err, ErrPointer) {
				rt.Fatalf("%s: %v", d.Pointer(n), err)
			}
		}
		pointers := rapid.SliceOfN(rapid.SampledFrom(all), 1, 5).Draw(rt, "pointers")
		s, err := selectPointers(d, 0, pointers)
		if err != nil {
			rt.Fatal(err)
		}
		part, err := strictjson.Parse(s.text, strictjson.Limits{})
		if err != nil || part.Size() != len(s.from) {
			rt.Fatalf("%v: %s has %d values, expected %d", err, s.text, part.Size(), len(s.from))
		}
		shown := map[strictjson.Node]bool{}
		for n := range strictjson.Node(part.Size()) {
			from := s.from[n]
			shown[from] = true
			if part.Kind(n) != d.Kind(from) || part.Name(n) != d.Name(from) || n > 0 && s.from[part.Parent(n)] != d.Parent(from) {
				rt.Fatalf("%s is not %s", part.Pointer(n), d.Pointer(from))
			}
			if k := d.Kind(from); k != strictjson.Object && k != strictjson.Array && part.Raw(n) != d.Raw(from) {
				rt.Fatalf("%s changed", part.Pointer(n))
			}
		}
		for n := range strictjson.Node(d.Size()) {
			p := d.Pointer(n)
			if slices.ContainsFunc(pointers, func(q string) bool { return p == q || strings.HasPrefix(p, q+"/") }) && !shown[n] {
				rt.Fatalf("%s is not in %s", p, s.text)
			}
		}
	})
}

// behindList tells whether the way to a value counts past a list within a list, or into one.
func behindList(d *strictjson.Doc, n strictjson.Node) bool {
	for ; d.Parent(n) != strictjson.None; n = d.Parent(n) {
		if d.Kind(d.Parent(n)) != strictjson.Array {
			continue
		}
		for c := d.First(d.Parent(n)); c != d.Next(n); c = d.Next(c) {
			if d.Kind(c) == strictjson.Array {
				return true
			}
		}
	}
	return false
}

// TestPointersIntoFlattenedLists: what others would take for a pointer to another value is
// refused before it is signed; the list as a whole, and what lies before the inner one, is
// not.
func TestPointersIntoFlattenedLists(t *testing.T) {
	d := parseText(t, `{"s":[{"a":1},["x","y",{"b":2}],"z"],"t":["x"],"u":{"v":[[]]}}`)
	for pointer, good := range map[string]bool{
		"/s": true, "/s/0": true, "/s/0/a": true, "/t/0": true, "/u": true, "/u/v": true,
		"/s/1": false, "/s/1/0": false, "/s/1/2/b": false, "/s/2": false, "/u/v/0": false,
	} {
		if _, err := selectPointers(d, 0, []string{pointer}); (err == nil) != good || err != nil && !errors.Is(err, ErrPointer) {
			t.Errorf("%s: %v", pointer, err)
		}
	}
}

// drawJSON makes an object with odd names.
func drawJSON(rt *rapid.T) string {
	names := []string{"a", "b", "a/b", "m~n", "0", "type", "id", "@context", "ä", "\"", "~1"}
	var value func(depth int) string
	value = func(depth int) string {
		switch k := rapid.IntRange(0, 5).Draw(rt, "kind"); {
		case k < 2 && depth > 0:
			var members []string
			for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 4, rapid.ID).Draw(rt, "names") {
				members = append(members, strictjson.Quote(n)+":"+value(depth-1))
			}
			return "{" + strings.Join(members, ",") + "}"
		case k == 2 && depth > 0:
			var list []string
			for range rapid.IntRange(0, 12).Draw(rt, "length") {
				list = append(list, value(depth-1))
			}
			return "[" + strings.Join(list, " , ") + "]"
		case k == 3:
			return "-1.50"
		}
		return `"\u0041/~"`
	}
	return `{"x":` + value(3) + `,"y":` + value(3) + `}`
}

// FuzzSDValue: no proofValue makes the parsers fail otherwise than with their error, and
// what is read is written as it was, but for the order of labels.
func FuzzSDValue(f *testing.F) {
	derived, base := sdSample()
	f.Add(derived)
	f.Add(base)
	f.Fuzz(func(t *testing.T, b []byte) {
		text := multikey.EncodeMultibase64(b)
		d, err := parseSDDerived(text)
		if err == nil {
			again, err := parseSDDerived(d.encode())
			if err != nil || again.encode() != d.encode() || len(d.encode()) != len(text) {
				t.Errorf("% x: %v", b, err)
			}
		} else if !errors.Is(err, ErrProofValue) {
			t.Error(err)
		}
		if v, err := parseSDBase(text); err == nil && v.encode() != text || err != nil && !errors.Is(err, ErrProofValue) {
			t.Errorf("% x: %v", b, err)
		}
	})
}

// FuzzSDPointers: whatever pointers a holder or issuer names, there is an error or a
// disclosure that verifies.
func FuzzSDPointers(f *testing.F) {
	base := issueBase(f, diploma("Aina Rahman", "BSc"), sdIssuer(), "/issuer")
	config, err := ParseConfig([]byte(sdConfig))
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range []string{"", "/", "/issuer", "/credentialSubject/degree/name", "/evidence/0", "/evidence/-", "/evidence/00", "/proof", "/@context/0", "/type/1", "/~1", "/credentialSubject/~"} {
		f.Add(p, "/evidence")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if _, err := NewSDBase(Input{Doc: parseText(t, diploma("Aina Rahman", "BSc")), Proof: config}, make([]byte, 32), []string{a, b}); err != nil && !errors.Is(err, ErrPointer) {
			t.Error(err)
		}
		out, err := DeriveSD(sdInput(t, base), []string{a, b})
		if err != nil {
			if !errors.Is(err, ErrPointer) {
				t.Error(err)
			}
			return
		}
		if err := verifyText(string(out), sdIssuer().Public()); err != nil {
			t.Errorf("%q %q: %v\n%s", a, b, err, out)
		}
	})
}
