package der_test

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"testing"

	"github.com/chancery-dev/chancery/internal/cms/der"
	"pgregory.net/rapid"
)

// node is a tree that can be written in DER and in any BER der converts.
type node struct {
	tag      byte
	content  []byte
	children []node
}

func genNode(t *rapid.T, depth int) node {
	if depth == 0 || rapid.Bool().Draw(t, "leaf") {
		tag := rapid.SampledFrom([]byte{2, 4, 4, 4, 5, 6, 0x0c, 0x80, 0x81}).Draw(t, "tag")
		return node{tag: tag, content: rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "content")}
	}
	n := node{tag: rapid.SampledFrom([]byte{0x30, 0x31, 0xa0, 0xa1}).Draw(t, "tag")}
	for range rapid.IntRange(0, 4).Draw(t, "children") {
		n.children = append(n.children, genNode(t, depth-1))
	}
	return n
}

func (n node) body(f func(node) []byte) []byte {
	if n.tag&0x20 == 0 {
		return n.content
	}
	var b []byte
	for _, c := range n.children {
		b = append(b, f(c)...)
	}
	return b
}

func tlv(tag byte, content []byte) []byte {
	raw := asn1.RawValue{Class: int(tag >> 6), Tag: int(tag & 0x1f), IsCompound: tag&0x20 != 0, Bytes: content}
	b, _ := asn1.Marshal(raw)
	return b
}

func (n node) der() []byte { return tlv(n.tag, n.body(node.der)) }

// ber writes the tree with random freedoms.
func (n node) ber(t *rapid.T) []byte {
	body := n.body(func(c node) []byte { return c.ber(t) })
	tag := n.tag
	if tag == 4 && rapid.Bool().Draw(t, "segments") {
		cut := rapid.IntRange(0, len(body)).Draw(t, "cut")
		first, second := tlv(4, body[:cut]), tlv(4, body[cut:])
		tag = 0x24
		body = append(first, second...)
		if rapid.Bool().Draw(t, "nested") {
			body = append([]byte{0x24, 0x80}, append(body, 0, 0)...)
		}
	}
	switch {
	case tag&0x20 != 0 && rapid.Bool().Draw(t, "indefinite"):
		return append(append([]byte{tag, 0x80}, body...), 0, 0)
	case rapid.Bool().Draw(t, "long"):
		return append([]byte{tag, 0x84, 0, 0, byte(len(body) >> 8), byte(len(body))}, body...)
	}
	return tlv(tag, body)
}

// Every BER form of a tree converts to its one DER form.
func TestConvert(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := genNode(t, 4)
		want := n.der()
		if len(want) > 60_000 {
			t.Skip("too long for the two-octet lengths written here")
		}
		r, err := der.Canonical(want)
		if err != nil || r.BER || !bytes.Equal(r.DER, want) {
			t.Fatalf("DER changed: %v", err)
		}
		b := n.ber(t)
		pad := rapid.IntRange(0, 9).Draw(t, "padding")
		r, err = der.Canonical(append(bytes.Clone(b), make([]byte, pad)...))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.DER, want) || r.Padding != pad || r.BER == bytes.Equal(b, want) {
			t.Fatalf("%x became %x, want %x", b, r.DER, want)
		}
	})
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"empty": {nil, der.ErrSyntax}, "tag only": {[]byte{0x30}, der.ErrSyntax}, "end of contents": {[]byte{0, 0}, der.ErrSyntax},
		"length over the end":        {[]byte{0x30, 3, 2, 1}, der.ErrSyntax},
		"child over its parent":      {[]byte{0x30, 3, 2, 5, 1, 1, 1, 1, 1}, der.ErrSyntax},
		"indefinite primitive":       {[]byte{4, 0x80, 0, 0}, der.ErrSyntax},
		"indefinite without end":     {[]byte{0x30, 0x80, 2, 1, 1}, der.ErrSyntax},
		"end inside definite":        {[]byte{0x30, 2, 0, 0}, der.ErrSyntax},
		"segment that is no segment": {[]byte{0x24, 3, 2, 1, 1}, der.ErrSyntax},
		"reserved length octet":      {append([]byte{0x30, 0xff}, make([]byte, 200)...), der.ErrSyntax},
		"trailing":                   {[]byte{5, 0, 1}, der.ErrTrailing},
		"constructed INTEGER":        {[]byte{0x22, 3, 2, 1, 1}, der.ErrUnsupported},
		"constructed BIT STRING":     {[]byte{0x23, 4, 3, 2, 0, 1}, der.ErrUnsupported},
		"deep":                       {append(bytes.Repeat([]byte{0x30, 0x80}, der.MaxDepth+2), make([]byte, 200)...), der.ErrLimit},
		"many":                       {tlv(0x30, bytes.Repeat([]byte{5, 0}, der.MaxElements+1)), der.ErrLimit},
	} {
		if _, err := der.Canonical(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}
