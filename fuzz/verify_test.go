package fuzz

import (
	"bytes"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/verifier"
)

// mediaTypes are what a caller can say that a document is; "" is found by content.
var mediaTypes = []string{"", chancery.MediaVC, chancery.MediaVP, chancery.MediaVCJWT, chancery.MediaVPJWT, chancery.MediaJWT, chancery.MediaPNG, chancery.MediaSVG,
	chancery.MediaPDF, chancery.MediaEvidence, "text/plain"}

// TestSeeds: the seeds that are valid are many, of every kind, and no other vector's
// document joins them unseen.
func TestSeeds(t *testing.T) {
	c := courtOf(t)
	kinds := map[string]int{}
	for _, b := range c.texts {
		s, err := chancery.Detect(b)
		if err != nil {
			t.Fatal(err)
		}
		kinds[s.MediaType]++
		c.judge(t, chancery.Secured{Bytes: b})
	}
	for _, kind := range []string{chancery.MediaVC, chancery.MediaVP, chancery.MediaPNG, chancery.MediaSVG} {
		if kinds[kind] == 0 {
			t.Errorf("no valid seed of type %s: %v", kind, kinds)
		}
	}
	if len(c.texts) < 20 {
		t.Errorf("only %d valid seeds", len(c.texts))
	}
}

// TestMeaningsMatter: what judge compares tells a changed document from its seed; a
// comparison that takes everything would hide what the targets look for.
func TestMeaningsMatter(t *testing.T) {
	c := courtOf(t)
	empty := newMeanings(false)
	for _, b := range c.texts {
		ok, err := verify(c.strict.Trust(), verifier.ProfileStrict, b)
		if err != nil {
			t.Fatal(err)
		}
		if !c.meanings.has(ok) || !c.lax.has(ok) || empty.has(ok) {
			t.Errorf("a seed is not told apart: %s", b)
		}
	}
}

// FuzzVerify: any bytes, under any media type.
func FuzzVerify(f *testing.F) {
	c := courtOf(f)
	for _, b := range c.texts {
		f.Add(uint8(0), b)
		for i, m := range mediaTypes {
			if s, err := chancery.Detect(b); err == nil && s.MediaType == m {
				f.Add(uint8(i), b)
			}
		}
	}
	for _, v := range allVectors(f) {
		f.Add(uint8(0), v.bytes())
	}
	f.Fuzz(func(t *testing.T, media uint8, b []byte) {
		c.judge(t, chancery.Secured{MediaType: mediaTypes[int(media)%len(mediaTypes)], Bytes: b})
	})
}

// FuzzMutate: a valid document with one value changed, left out, added, doubled,
// exchanged or taken from another valid document. Bytes at random rarely leave a
// document whose proof is even looked at; these always do.
func FuzzMutate(f *testing.F) {
	c := courtOf(f)
	var docs []*strictjson.Doc
	for _, b := range c.texts {
		if d, err := strictjson.Parse(b, strictjson.Limits{}); err == nil && d.Kind(0) == strictjson.Object {
			docs = append(docs, d)
		}
	}
	for i := range docs {
		for op := range uint8(operations) {
			f.Add(uint8(i), uint16(7*i+3), op, uint16(11), `"name"`)
			f.Add(uint8(i), uint16(i), op, uint16(2), "id")
		}
	}
	f.Add(uint8(0), uint16(0), uint8(opInsert), uint16(0), "https://example.org/undefined")
	f.Add(uint8(0), uint16(5), uint8(opReplace), uint16(0), `{"@value":"x","@language":"de"}`)
	f.Fuzz(func(t *testing.T, which uint8, at uint16, op uint8, other uint16, arg string) {
		d := docs[int(which)%len(docs)]
		n := strictjson.Node(int(at) % d.Size())
		from := docs[int(other)%len(docs)]
		b := mutate(d, n, op%operations, from, strictjson.Node(int(other)/len(docs)%from.Size()), arg)
		c.judge(t, chancery.Secured{Bytes: b})
	})
}

const (
	opReplace = iota // the value by arg as JSON, or as a string
	opAppend         // arg to a string
	opLeaveOut
	opInsert // a member, or an element, arg
	opRename
	opDouble   // an element, or the member under the name arg
	opSwap     // with the next sibling
	opTake     // a value of another document
	opAddProof // of another document
	operations
)

// mutate returns the text of d with one thing changed at n. What cannot be changed so
// is left as it is.
func mutate(d *strictjson.Doc, n strictjson.Node, op uint8, from *strictjson.Doc, m strictjson.Node, arg string) []byte {
	text, at := d.Text(), d.Offset(n)
	end := at + len(d.Raw(n))
	put := func(value string) []byte { return []byte(text[:at] + value + text[end:]) }
	parent := d.Parent(n)
	value := arg
	if _, err := strictjson.Canonicalize([]byte(arg)); err != nil {
		value = strictjson.Quote(arg)
	}
	inParent := func(set []strictjson.Member, drop ...string) []byte {
		start := d.Offset(parent)
		return []byte(text[:start] + string(d.Rewrite(parent, set, drop...)) + text[start+len(d.Raw(parent)):])
	}
	inObject := n != 0 && d.Kind(parent) == strictjson.Object
	switch op {
	case opReplace:
		return put(value)
	case opAppend:
		if s, ok := d.Str(n); ok {
			return put(strictjson.Quote(s + arg))
		}
	case opLeaveOut:
		if inObject {
			return inParent(nil, d.Name(n))
		}
		if next := d.Next(n); n != 0 && next != strictjson.None {
			return []byte(text[:at] + text[d.Offset(next):])
		}
	case opInsert:
		raw := d.Raw(n)
		if d.Kind(n) == strictjson.Object {
			return put(string(d.Rewrite(n, []strictjson.Member{{Name: arg, Value: `"x"`}})))
		}
		if d.Kind(n) == strictjson.Array && d.Len(n) > 0 {
			return put(raw[:len(raw)-1] + "," + value + "]")
		}
	case opRename:
		if inObject {
			return inParent([]strictjson.Member{{Name: arg, Value: d.Raw(n)}}, d.Name(n))
		}
	case opDouble:
		if inObject {
			return inParent([]strictjson.Member{{Name: arg, Value: d.Raw(n)}})
		}
		if n != 0 {
			return put(d.Raw(n) + "," + d.Raw(n))
		}
	case opSwap:
		if next := d.Next(n); n != 0 && next != strictjson.None && !inObject {
			stop := d.Offset(next) + len(d.Raw(next))
			return []byte(text[:at] + d.Raw(next) + "," + d.Raw(n) + text[stop:])
		} else if next != strictjson.None && n != 0 {
			return inParent([]strictjson.Member{{Name: d.Name(n), Value: d.Raw(next)}, {Name: d.Name(next), Value: d.Raw(n)}})
		}
	case opTake:
		return put(from.Raw(m))
	case opAddProof:
		all := []string{}
		for _, x := range []*strictjson.Doc{d, from} {
			if p := x.Get(0, "proof"); x.Kind(p) == strictjson.Array {
				all = append(all, x.Raw(p)[1:len(x.Raw(p))-1])
			} else if p != strictjson.None {
				all = append(all, x.Raw(p))
			}
		}
		return d.Rewrite(0, []strictjson.Member{{Name: "proof", Value: "[" + string(bytes.Join(byteSlices(all), []byte(","))) + "]"}})
	}
	return []byte(text)
}

func byteSlices(in []string) (out [][]byte) {
	for _, s := range in {
		out = append(out, []byte(s))
	}
	return out
}

// FuzzBakedImage: a baked image with bytes changed is not valid, unless the badge in
// it is the one that was baked.
func FuzzBakedImage(f *testing.F) {
	c := courtOf(f)
	for _, b := range c.texts {
		if baked, err := badge.Unbake(bytes.NewReader(b)); err == nil {
			f.Add(b, uint16(40), []byte{0})
			f.Add(b, uint16(len(b)/2), baked.Payload.Bytes[:20])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint16, patch []byte) {
		if len(b) > 0 {
			b = bytes.Clone(b)
			copy(b[int(at)%len(b):], patch)
		}
		c.judge(t, chancery.Secured{Bytes: b})
	})
}

// FuzzParseTrust: a trust file is read or refused, and what is read makes a verifier
// or is refused there.
func FuzzParseTrust(f *testing.F) {
	for _, v := range allVectors(f) {
		f.Add([]byte(v.Trust))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		inTime(t, func() {
			trust, err := verifier.ParseTrust(b)
			if (trust == nil) == (err == nil) {
				t.Fatal("both or neither")
			}
			if err != nil {
				return
			}
			if v, err := newVerifier(trust, verifier.ProfileStrict); (v == nil) == (err == nil) {
				t.Fatal("both or neither")
			}
		})
	})
}
