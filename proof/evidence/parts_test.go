package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"
)

// partForgeries are forgeries of the part that shows the transaction in its block, inside
// the bundle and beside it.
func partForgeries(t testing.TB, w *world) []forgery {
	eth := func(p ethPlan) *Bundle {
		p.headers = 2
		return w.bundle(t, plan{n: 9, index: 4}, w.ethAnchor(t, p))
	}
	in := &Input{Document: document(4)}
	good := eth(ethPlan{})
	tx := good.Anchors[0].Eth.Tx.Bytes
	other := eth(ethPlan{shown: 1}).Anchors[0].Eth.Tx.Bytes                       // same block
	foreign := eth(ethPlan{at: worldTime.Add(time.Hour)}).Anchors[0].Eth.Tx.Bytes // same batch, another block
	stranger := w.bundle(t, plan{n: 8, index: 3}, w.ethAnchor(t, ethPlan{at: worldTime.Add(time.Hour)})).Anchors[0].Eth.Tx.Bytes
	flipped := func(at int) []byte {
		b := bytes.Clone(tx)
		b[at] ^= 4
		return b
	}
	with := func(p Part) func() *Bundle {
		return func() *Bundle {
			b := good.clone()
			b.Anchors[0].Eth.Tx = p
			return b
		}
	}
	anew := func(b []byte) func() *Bundle { return with(NewPart(b)) }
	// detached is the good bundle without any parts; beside it lie these, and its others.
	small, parts := good.Detach()
	detached := func() *Bundle { return small }
	beside := func(instead ...[]byte) *Input {
		rest := slices.DeleteFunc(slices.Clone(parts), func(p []byte) bool { return bytes.Equal(p, tx) })
		return &Input{Document: document(4), Parts: append(rest, instead...)}
	}
	// form changes the encoding of the part: its map begins with index and nodes.
	form := func(old, new string) []byte {
		if bytes.Count(tx, []byte(old)) != 1 {
			t.Fatalf("%q is not once in the part", old)
		}
		return bytes.Replace(tx, []byte(old), []byte(new), 1)
	}
	changed := func(change func(p *TxProof)) func() *Bundle {
		return func() *Bundle {
			p := *minedIn(t, good)
			p.Nodes = slices.Clone(p.Nodes)
			change(&p)
			b := good.clone()
			b.Anchors[0].Eth.Tx = *partOf(t, &p)
			return b
		}
	}
	return []forgery{
		{"transaction part missing", Indeterminate, PartMissing, with(Part{SHA256: NewPart(tx).SHA256}), nil, in},
		{"transaction part of another transaction of the block", Invalid, TransactionWrong, anew(other), nil, in},
		{"transaction part of the same batch in a foreign block", Invalid, LinkWrong, anew(foreign), nil, in},
		{"transaction part of another batch", Invalid, TransactionWrong, anew(stranger), nil, in},
		{"transaction part of another transaction under the right digest", Invalid, PartMismatch, with(Part{NewPart(tx).SHA256, other}), nil, in},
		{"transaction part of a foreign block under the right digest", Invalid, PartMismatch, with(Part{NewPart(tx).SHA256, foreign}), nil, in},
		{"transaction part with a flipped byte", Invalid, PartMismatch, with(Part{NewPart(tx).SHA256, flipped(len(tx) / 2)}), nil, in},
		{"transaction part with a flipped byte and a digest made anew", Invalid, TransactionWrong, anew(flipped(30)), nil, in},
		{"transaction part whose digest is of nothing", Indeterminate, PartMissing, with(Part{SHA256: [32]byte{1}}), nil, in},
		{"link given as transaction part", Invalid, TransactionWrong, func() *Bundle {
			b := good.clone()
			b.Anchors[0].Eth.Tx = *b.Anchors[0].Eth.Link
			return b
		}, nil, in},
		{"transaction part cut", Invalid, TransactionWrong, anew(tx[:len(tx)-1]), nil, in},
		{"transaction part with a byte after it", Invalid, TransactionWrong, anew(append(bytes.Clone(tx), 0)), nil, in},
		{"transaction part with a number not in its shortest form", Invalid, TransactionWrong, anew(form("eindex\x0b", "eindex\x18\x0b")), nil, in},
		{"transaction part with an index that is a text", Invalid, TransactionWrong, anew(form("eindex\x0b", "eindex\x61b")), nil, in},
		{"transaction part without an index", Invalid, TransactionWrong, anew(form("\xa3eindex\x0b", "\xa2")), nil, in},
		{"transaction part with a member that is not known", Indeterminate, Unsupported, anew(form("\xa3eindex\x0b", "\xa4einder\x0beindex\x0b")), nil, in},
		{"transaction part with its index twice", Invalid, TransactionWrong, anew(form("\xa3eindex\x0b", "\xa4eindex\x0beindex\x0b")), nil, in},
		{"transaction part with a foreign header", Invalid, TransactionWrong, changed(func(p *TxProof) {
			q, err := ParseTxProof(stranger)
			if err != nil {
				t.Fatal(err)
			}
			p.Header = q.Header
		}), nil, in},
		{"transaction part with two nodes in the wrong order", Invalid, TransactionWrong, changed(func(p *TxProof) { slices.Reverse(p.Nodes) }), nil, in},
		{"transaction twice", Invalid, Malformed, func() *Bundle {
			b := good.clone()
			b.Anchors = append(b.Anchors, b.Anchors[0])
			return b
		}, nil, in},
		{"transaction twice, once detached", Invalid, Malformed, func() *Bundle {
			b := good.clone()
			b.Anchors = append(b.Anchors, small.Anchors[0])
			return b
		}, nil, in},

		{"beside: no transaction part", Indeterminate, PartMissing, detached, nil, beside()},
		{"beside: part of another transaction of the block", Indeterminate, PartMissing, detached, nil, beside(other)},
		{"beside: part of a foreign block", Indeterminate, PartMissing, detached, nil, beside(foreign, stranger)},
		{"beside: part with a flipped byte", Indeterminate, PartMissing, detached, nil, beside(flipped(len(tx) / 2))},
		{"beside: parts that nothing names", Indeterminate, PartMissing, detached, nil, &Input{Document: document(4), Parts: [][]byte{other, []byte("note")}}},
		{"beside: the right part for a wrong one inside", Invalid, PartMismatch, with(Part{NewPart(tx).SHA256, other}), nil, beside(tx)},
		{"beside: the right part for another digest", Indeterminate, PartMissing, with(Part{SHA256: NewPart(other).SHA256}), nil, beside(tx)},
	}
}

// TestPartsBeside: parts that nothing names, and parts that are there already, change
// nothing; neither does their order.
func TestPartsBeside(t *testing.T) {
	w := smallWorld()
	b := w.bundle(t, plan{}, w.ethAnchor(t, ethPlan{headers: 2}), w.tsaAnchor(t))
	small, parts := b.Detach()
	if len(parts) != 4 || !bytes.Equal(parts[0], b.Anchors[0].Eth.Tx.Bytes) {
		t.Fatalf("found %d parts", len(parts))
	}
	base, err := b.Verify(Input{Document: document(0)}, w.trust())
	if err != nil {
		t.Fatal(describe(base))
	}
	back := slices.Clone(parts)
	slices.Reverse(back)
	for name, c := range map[string]struct {
		b     *Bundle
		parts [][]byte
	}{
		"detached":       {small, parts},
		"in any order":   {small, back},
		"each twice":     {small, append(back, parts...)},
		"more than all":  {small, append([][]byte{[]byte("note"), nil}, parts...)},
		"there already":  {b, parts},
		"nothing needed": {b, [][]byte{[]byte("note")}},
	} {
		r, err := c.b.Verify(Input{Document: document(0), Parts: c.parts}, w.trust())
		if err != nil || !reflect.DeepEqual(r.Facts, base.Facts) {
			t.Errorf("%s: %s", name, describe(r))
		}
	}
	// Each of them is needed.
	for i := range parts {
		r, err := small.Verify(Input{Document: document(0), Parts: slices.Delete(slices.Clone(parts), i, i+1)}, w.trust())
		if err == nil || r.Outcome != Indeterminate || r.Code != PartMissing {
			t.Errorf("without part %d: %s", i, describe(r))
		}
	}
}

// TestPartsFile: a file of parts has one form, and holds each part once.
func TestPartsFile(t *testing.T) {
	a, b := []byte("a"), []byte("bb")
	good, err := EncodeParts([][]byte{a, b})
	if err != nil {
		t.Fatal(err)
	}
	if parts, err := ParseParts(good); err != nil || len(parts) != 2 {
		t.Fatal(err)
	}
	many := make([][]byte, MaxParts+1)
	for i := range many {
		many[i] = []byte{byte(i)}
	}
	for name, c := range map[string]struct {
		parts [][]byte
		want  error
	}{
		"twice": {[][]byte{a, b, a}, ErrMalformed}, "empty": {[][]byte{a, {}}, ErrMalformed}, "too many": {many, ErrTooLarge},
		"too large": {[][]byte{make([]byte, maxPart+1)}, ErrMalformed},
	} {
		if _, err := EncodeParts(c.parts); !errors.Is(err, c.want) {
			t.Errorf("%s: found %v", name, err)
		}
	}
	tag := "\xd9\xd9\xf7"
	for name, c := range map[string]struct {
		file string
		want error
	}{
		"a part twice":             {tag + "\x83\x6echancery-parts\x01\x82\x41a\x41a", ErrMalformed},
		"an empty part":            {tag + "\x83\x6echancery-parts\x01\x81\x40", ErrMalformed},
		"a part that is a text":    {tag + "\x83\x6echancery-parts\x01\x81\x61a", ErrMalformed},
		"version 2":                {tag + "\x83\x6echancery-parts\x02\x81\x41a", ErrUnsupported},
		"something more":           {tag + "\x84\x6echancery-parts\x01\x81\x41a\x01", ErrMalformed},
		"a byte after it":          {tag + "\x83\x6echancery-parts\x01\x81\x41a\x00", ErrMalformed},
		"without the tag":          {"\x83\x6echancery-parts\x01\x81\x41a", ErrMalformed},
		"another name":             {tag + "\x83\x6echancery-pants\x01\x81\x41a", ErrMalformed},
		"a length in two bytes":    {tag + "\x83\x6echancery-parts\x01\x81\x58\x01a", ErrMalformed},
		"an array without its end": {tag + "\x83\x6echancery-parts\x01\x9f\x41a\xff", ErrMalformed},
		"a bundle":                 {tag + "\xa0", ErrMalformed},
	} {
		if _, err := ParseParts([]byte(c.file)); !errors.Is(err, c.want) {
			t.Errorf("%s: found %v", name, err)
		}
	}
}

// TestEveryBitFlipOfParts: no bit of the transaction in a batch's parts file can change
// without being noticed, and no byte of the rest.
func TestEveryBitFlipOfParts(t *testing.T) {
	w := smallWorld()
	small, parts := w.bundle(t, plan{n: 100, index: 33}, w.ethAnchor(t, ethPlan{txs: 9, index: 4})).Detach()
	file, err := EncodeParts(parts)
	if err != nil {
		t.Fatal(err)
	}
	trust, flips, read := w.trust(), 0, 0
	for i := range len(file) * 8 {
		if i/8 > len(parts[0])+50 && i%8 != i/8%8 {
			continue
		}
		flips++
		file[i/8] ^= 1 << (i % 8)
		if parts, err := ParseParts(file); err == nil {
			read++
			if r, err := small.Verify(Input{Document: document(33), Parts: parts}, trust); err == nil || r.Outcome != Indeterminate {
				t.Errorf("bit %d of byte %d: %s", i%8, i/8, describe(r))
			}
		}
		file[i/8] ^= 1 << (i % 8)
	}
	t.Logf("%d bytes, %d flips, %d of them read, none accepted", len(file), flips, read)
}

// TestMaterialAmongMany: all material is found among as many parts as a file holds, also where two
// pieces have the same bytes, and what fits nothing costs no more than a bound.
func TestMaterialAmongMany(t *testing.T) {
	const each = 300 << 10
	big := func(i int) []byte {
		b := make([]byte, each)
		binary.BigEndian.PutUint64(b, uint64(i))
		return b
	}
	whole, strange := &Bundle{}, &Bundle{}
	var junk [][]byte
	for i := range MaxParts {
		n := i
		if i == MaxParts-1 {
			n = 0 // the bytes of the first, for another address
		}
		m := NewMaterial("statusList", fmt.Sprintf("https://a.example/%d", i), big(n))
		whole.Material = append(whole.Material, m)
		m.Bytes = nil
		strange.Material = append(strange.Material, m)
		junk = append(junk, big(1000+i))
	}
	small, parts := whole.Detach()
	if len(parts) != MaxParts-1 {
		t.Fatalf("expected %d parts, found %d", MaxParts-1, len(parts))
	}
	for i, m := range small.Attach(parts).Material {
		if !bytes.Equal(m.Bytes, whole.Material[i].Bytes) {
			t.Fatalf("material %d was not found", i)
		}
	}
	left := maxMaterialWork
	for i := range strange.Material {
		strange.Material[i].find(junk, make([]bool, len(junk)), &left)
	}
	if left < 0 || left >= each {
		t.Fatalf("%d bytes were hashed, expected to stop at %d", maxMaterialWork-left, maxMaterialWork)
	}
	for _, m := range strange.Attach(junk).Material {
		if m.Bytes != nil {
			t.Fatal("junk is material")
		}
	}
}
