package evidence

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
)

// parts returns the shared parts of the bundle, in order.
func (b *Bundle) parts() []*Part {
	var out []*Part
	for i := range b.Anchors {
		a := &b.Anchors[i]
		switch {
		case a.Eth != nil:
			for _, p := range []*Part{&a.Eth.Tx, a.Eth.Link, a.Eth.Pack} {
				if p != nil {
					out = append(out, p)
				}
			}
		case a.Timestamp != nil:
			out = append(out, &a.Timestamp.Token)
		case a.OTS != nil:
			out = append(out, &a.OTS.Proof)
		}
	}
	for i := range b.Renewals {
		out = append(out, &b.Renewals[i].Token)
	}
	return out
}

// clone copies the bundle as deep as parts and material are, so that those can be
// attached and detached.
func (b *Bundle) clone() *Bundle {
	out := *b
	out.Anchors = slices.Clone(b.Anchors)
	for i := range out.Anchors {
		a := &out.Anchors[i]
		switch {
		case a.Eth != nil:
			e := *a.Eth
			for _, p := range []**Part{&e.Link, &e.Pack} {
				if *p != nil {
					part := **p
					*p = &part
				}
			}
			a.Eth = &e
		case a.Timestamp != nil:
			t := *a.Timestamp
			a.Timestamp = &t
		case a.OTS != nil:
			o := *a.OTS
			a.OTS = &o
		}
	}
	out.Renewals = slices.Clone(b.Renewals)
	out.Material = slices.Clone(b.Material)
	return &out
}

// Detach returns the bundle without the bytes that its whole batch shares (transactions
// with their blocks, links, packs, tokens, material), and those bytes, each once. Attach puts them back.
func (b *Bundle) Detach() (small *Bundle, parts [][]byte) {
	out := b.clone()
	take := func(p []byte) {
		if p != nil && !slices.ContainsFunc(parts, func(q []byte) bool { return bytes.Equal(p, q) }) {
			parts = append(parts, p)
		}
	}
	for _, p := range out.parts() {
		take(p.Bytes)
		p.Bytes = nil
	}
	for i := range out.Material {
		take(out.Material[i].Bytes)
		out.Material[i].Bytes = nil
	}
	return out, parts
}

// Attach returns the bundle with those of its detached parts filled in that are among
// parts. Others stay detached, and parts that it does not name are not used.
func (b *Bundle) Attach(parts [][]byte) *Bundle {
	out := b.clone()
	pool := make(map[[32]byte]int, len(parts))
	for i, p := range parts {
		pool[sha256.Sum256(p)] = i
	}
	used := make([]bool, len(parts))
	for _, p := range out.parts() {
		if i, ok := pool[p.SHA256]; ok && p.Bytes == nil {
			p.Bytes, used[i] = parts[i], true
		}
	}
	work := maxMaterialWork
	for i := range out.Material {
		if out.Material[i].Bytes == nil {
			out.Material[i].find(parts, used, &work)
		}
	}
	return out
}

// find looks for the document among parts. Its digest depends on what it is, so that each part
// has to be hashed anew for each: those that are nothing else come first, which in the order that
// Detach leaves finds all at once.
func (m *Material) find(parts [][]byte, used []bool, work *int) {
	for _, again := range []bool{false, true} {
		for i, p := range parts {
			if used[i] != again || len(p) > MaxContent {
				continue
			}
			if *work < len(p) {
				return
			}
			*work -= len(p)
			if MaterialDigest(m.Kind, m.URL, p) == m.SHA256 {
				m.Bytes, used[i] = p, true
				return
			}
		}
	}
}

// encodePart returns the deterministic CBOR of a part.
func encodePart(x visitor) ([]byte, error) {
	v, err := write(x)
	if err != nil {
		return nil, err
	}
	return v.appendCBOR(nil), nil
}

// parsePart reads exactly what encodePart writes.
func parsePart(x visitor, b []byte) error {
	if len(b) > maxPart {
		return ErrTooLarge
	}
	v, err := parseCBOR(b)
	if err != nil {
		return err
	}
	if err := read(x, &v, false); err != nil {
		return err
	}
	again, err := encodePart(x)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, b) {
		return malformed("expected the one encoding of the part")
	}
	return nil
}

// partsPrefix begins every file of parts; its version follows.
var partsPrefix = appendText(appendHead(bytes.Clone(selfDescribed), kindArray, 3), "chancery-parts")

// EncodeParts returns a file that holds the shared parts of a batch, each once: the CBOR
// array ["chancery-parts", 1, [part, …]] after the tag 55799.
func EncodeParts(parts [][]byte) ([]byte, error) {
	if err := checkPartList(parts); err != nil {
		return nil, err
	}
	b := appendHead(appendHead(bytes.Clone(partsPrefix), kindUint, 1), kindArray, uint64(len(parts)))
	for _, p := range parts {
		b = appendBytes(b, p)
	}
	if len(b) > MaxBytes {
		return nil, ErrTooLarge
	}
	return b, nil
}

// ParseParts reads what EncodeParts wrote. Errors are as those of Parse.
func ParseParts(b []byte) ([][]byte, error) {
	if len(b) > MaxBytes {
		return nil, ErrTooLarge
	}
	if !bytes.HasPrefix(b, selfDescribed) {
		return nil, malformed("expected the tag 55799 of self-described CBOR")
	}
	v, err := parseCBOR(b[len(selfDescribed):])
	if err != nil {
		return nil, err
	}
	if v.kind != kindArray || len(v.list) != 3 || v.list[0].kind != kindText || string(v.list[0].b) != "chancery-parts" || v.list[1].kind != kindUint || v.list[2].kind != kindArray {
		return nil, malformed("expected the array of a parts file")
	}
	if v.list[1].n != 1 {
		return nil, unsupported("expected version 1 of a parts file, found %d", v.list[1].n)
	}
	out := make([][]byte, len(v.list[2].list))
	for i, p := range v.list[2].list {
		if p.kind != kindBytes {
			return nil, malformed("expected parts that are byte strings")
		}
		out[i] = p.b
	}
	if err := checkPartList(out); err != nil {
		return nil, err
	}
	return out, nil
}

// checkPartList refuses what is not a list of parts: too many, an empty one, one twice.
func checkPartList(parts [][]byte) error {
	if len(parts) > MaxParts {
		return fmt.Errorf("%w: expected at most %d parts", ErrTooLarge, MaxParts)
	}
	for i, p := range parts {
		if len(p) == 0 || len(p) > maxPart {
			return malformed("expected parts of 1 to %d bytes, found %d", maxPart, len(p))
		}
		if slices.ContainsFunc(parts[:i], func(q []byte) bool { return bytes.Equal(p, q) }) {
			return malformed("expected each part once")
		}
	}
	return nil
}
