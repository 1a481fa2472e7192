package evidence

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// drawBundle draws a bundle of the right form, whatever it says.
func drawBundle(t *rapid.T) *Bundle {
	b32 := rapid.SliceOfN(rapid.Byte(), 32, 32)
	some := rapid.SliceOfN(rapid.Byte(), 1, 40)
	hash := func() (h [32]byte) { copy(h[:], b32.Draw(t, "h")); return h }
	part := func() Part {
		if rapid.Bool().Draw(t, "detached") {
			return Part{SHA256: hash()}
		}
		return NewPart(some.Draw(t, "part"))
	}
	tree := func(alg string, size int) TreeProof {
		n := rapid.Uint64Range(1, 1<<40).Draw(t, "size")
		return TreeProof{Alg: alg, Size: n, Index: rapid.Uint64Range(0, n-1).Draw(t, "index"),
			Path: bytes.Repeat(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "node"), rapid.IntRange(0, 40).Draw(t, "depth")),
			Root: rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "root")}
	}
	header := func() Header {
		h := Header{Issuer: "did:web:" + rapid.StringMatching(`[a-z]{1,20}`).Draw(t, "issuer"), Seq: rapid.Uint64Range(0, 3).Draw(t, "seq"),
			Size: rapid.Uint64Range(1, 1<<40).Draw(t, "n"), Time: time.Unix(rapid.Int64Range(1e9, 4e9).Draw(t, "time"), 0).UTC(),
			Roots: []Root{{"sha-256", b32.Draw(t, "r")}}}
		if h.Seq > 0 {
			h.Prev, h.Log = b32.Draw(t, "prev"), b32.Draw(t, "log")
		}
		if rapid.Bool().Draw(t, "tenant") {
			h.Tenant = b32.Draw(t, "tenant")
			h.Promise = []string{"eip155:1", "rfc3161"}
			h.Roots = append(h.Roots, Root{"sha-512", append(b32.Draw(t, "r"), b32.Draw(t, "r")...)})
		}
		return h
	}
	signature := func() Signature {
		return Signature{"Ed25519", "did:web:x.example#k", append(b32.Draw(t, "s"), b32.Draw(t, "s")...)}
	}
	b := &Bundle{Subject: Subject{rapid.SampledFrom(subjectTypes).Draw(t, "type"), "sha-256", b32.Draw(t, "digest")},
		Salt: b32.Draw(t, "salt"), Tree: tree("sha-256", 32), Header: header(), Signature: signature()}
	if rapid.Bool().Draw(t, "second") {
		s := tree("sha-512", 64)
		b.Second = &s
		b.Content = some.Draw(t, "content")
		b.Ignored = []Extension{{"x-a", rapid.StringMatching(`[ -~äß"\\]{1,20}`).Draw(t, "ext")}, {"x-aa", "1"}}
	}
	for range rapid.IntRange(0, 5).Draw(t, "anchors") {
		var a Anchor
		switch a.Type = rapid.SampledFrom([]string{AnchorEth, AnchorTimestamp, AnchorOTS, AnchorCheckpoint}).Draw(t, "anchor"); a.Type {
		case AnchorEth:
			a.Eth = &Eth{ChainID: rapid.Uint64Range(0, maxUint).Draw(t, "chain"), GenesisHash: hash(), Tx: part()}
			if rapid.Bool().Draw(t, "linked") {
				p, q := part(), part()
				a.Eth.Link, a.Eth.Pack = &p, &q
			}
		case AnchorTimestamp:
			a.Timestamp = &Timestamp{part()}
		case AnchorOTS:
			a.OTS = &OTS{part()}
		case AnchorCheckpoint:
			a.Checkpoint = &Checkpoint{SignedHeader{header(), signature()}, bytes.Repeat(b32.Draw(t, "node"), rapid.IntRange(0, 3).Draw(t, "depth"))}
		}
		if name := a.names(); name == nil || !slices.ContainsFunc(b.Anchors, func(o Anchor) bool { n := o.names(); return n != nil && *n == *name }) {
			b.Anchors = append(b.Anchors, a)
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "renewals") {
		if rapid.Bool().Draw(t, "bundle") {
			b.Renewals = append(b.Renewals, Renewal{Type: RenewBundle, Token: part(), Alg: "sha-256", Digest: b32.Draw(t, "digest")})
		} else {
			b.Renewals = append(b.Renewals, Renewal{Type: RenewTimestamp, Token: part(), Anchor: rapid.Uint64Range(0, 9).Draw(t, "of")})
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "material") {
		b.Material = append(b.Material, NewMaterial("controller", "https://x.example/", some.Draw(t, "document")))
	}
	return b
}

// TestViewsAreInverse: CBOR and JSON hold the same, byte for byte in both directions,
// and the CBOR is what another library calls deterministic.
func TestViewsAreInverse(t *testing.T) {
	det, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		b := drawBundle(t)
		enc, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(enc)
		if err != nil {
			t.Fatal(err)
		}
		view, err := back.JSON()
		if err != nil {
			t.Fatal(err)
		}
		canonical, err := strictjson.Canonicalize(view)
		if err != nil || !bytes.Equal(canonical, view) {
			t.Fatalf("the JSON view is not JCS: %v", err)
		}
		fromView, err := FromJSON(view)
		if err != nil {
			t.Fatal(err)
		}
		again, err := fromView.Encode()
		if err != nil || !bytes.Equal(again, enc) {
			t.Fatalf("the way through JSON changes the bundle: %v", err)
		}
		var generic any
		if err := cbor.Unmarshal(enc[3:], &generic); err != nil {
			t.Fatal(err)
		}
		other, err := det.Marshal(generic)
		if err != nil || !bytes.Equal(other, enc[3:]) {
			t.Fatalf("another library encodes it otherwise: %v", err)
		}
		small, parts := back.Detach()
		whole, err := small.Attach(parts).Encode()
		if err != nil || len(small.parts()) == 0 && !bytes.Equal(whole, enc) {
			t.Fatalf("detaching and attaching changes the bundle: %v", err)
		}
		file, err := EncodeParts(parts)
		if err != nil {
			t.Fatal(err)
		}
		read, err := ParseParts(file)
		if err != nil || len(read) != len(parts) {
			t.Fatalf("parts file: %v", err)
		}
	})
}

// fixedBundle is one bundle of the right form.
func fixedBundle(tb testing.TB) *Bundle {
	one := bytes.Repeat([]byte{1}, 64)
	return &Bundle{
		Subject: Subject{SubjectStamp, "sha-256", one[:32]}, Salt: one[:32],
		Tree:      TreeProof{"sha-256", 1, 0, nil, one[:32]},
		Header:    Header{Issuer: "did:web:x.example", Size: 1, Roots: []Root{{"sha-256", one[:32]}}, Time: time.Unix(1.7e9, 0)},
		Signature: Signature{"Ed25519", "did:web:x.example#k", one},
	}
}

// TestParseRefuses: each flaw in the encoding is refused.
func TestParseRefuses(t *testing.T) {
	enc := func(change func(m map[string]any)) []byte {
		b, err := fixedBundle(t).Encode()
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := cbor.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		det, _ := cbor.CoreDetEncOptions().EncMode()
		out, err := det.Marshal(cbor.Tag{Number: 55799, Content: m})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	sub := func(m map[string]any, name string) map[any]any { return m[name].(map[any]any) }
	good := enc(func(map[string]any) {})
	if _, err := Parse(good); err != nil {
		t.Fatal(err)
	}
	if b, err := Parse(enc(func(m map[string]any) { m["x-note"] = "kept" })); err != nil || len(b.Ignored) != 1 {
		t.Fatalf("an extension that may be ignored: %v", err)
	}
	long := bytes.Replace(good, []byte("\x67version\x01"), []byte("\x67version\x18\x01"), 1)
	indefinite := append(append([]byte{0xd9, 0xd9, 0xf7, 0xbf}, good[4:]...), 0xff)
	unordered := bytes.Replace(bytes.Replace(good, []byte("\x64salt"), []byte("\x64tree"), 1), []byte("\x64tree\xa5"), []byte("\x64salt\xa5"), 1)
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"empty", nil, ErrMalformed},
		{"tag alone", good[:3], ErrMalformed},
		{"no tag", good[3:], ErrMalformed},
		{"trailing byte", append(bytes.Clone(good), 0), ErrMalformed},
		{"cut", good[:len(good)-1], ErrMalformed},
		{"number not in its shortest form", long, ErrMalformed},
		{"indefinite length", indefinite, ErrMalformed},
		{"members out of order", unordered, ErrMalformed},
		{"member twice", append(append([]byte{0xd9, 0xd9, 0xf7, good[3] + 1}, good[4:]...), good[len(good)-20:]...), ErrMalformed},
		{"unknown critical member", enc(func(m map[string]any) { m["extra"] = "1" }), ErrUnsupported},
		{"unknown critical member in the header", enc(func(m map[string]any) { sub(m, "batchHeader")["extra"] = "1" }), ErrUnsupported},
		{"extension in the header", enc(func(m map[string]any) { sub(m, "batchHeader")["x-extra"] = "1" }), ErrUnsupported},
		{"extension in the subject", enc(func(m map[string]any) { sub(m, "subject")["x-extra"] = "1" }), ErrUnsupported},
		{"extension that is a number", enc(func(m map[string]any) { m["x-note"] = 1 }), ErrMalformed},
		{"extension with a bad name", enc(func(m map[string]any) { m["x-Note"] = "1" }), ErrMalformed},
		{"version 2", enc(func(m map[string]any) { m["version"] = 2 }), ErrUnsupported},
		{"version of the header 2", enc(func(m map[string]any) { sub(m, "batchHeader")["version"] = 2 }), ErrUnsupported},
		{"version missing", enc(func(m map[string]any) { delete(m, "version") }), ErrMalformed},
		{"salt missing", enc(func(m map[string]any) { delete(m, "salt") }), ErrMalformed},
		{"salt too short", enc(func(m map[string]any) { m["salt"] = make([]byte, 31) }), ErrMalformed},
		{"salt a text", enc(func(m map[string]any) { m["salt"] = "text" }), ErrMalformed},
		{"unknown subject type", enc(func(m map[string]any) { sub(m, "subject")["type"] = "node" }), ErrUnsupported},
		{"unknown digest", enc(func(m map[string]any) { sub(m, "subject")["digestAlg"] = "md5" }), ErrUnsupported},
		{"digest of another length", enc(func(m map[string]any) { sub(m, "subject")["digestAlg"] = "sha-512" }), ErrMalformed},
		{"unknown tree hash", enc(func(m map[string]any) { sub(m, "tree")["alg"] = "sha-1" }), ErrUnsupported},
		{"index beyond size", enc(func(m map[string]any) { sub(m, "tree")["index"] = 1 }), ErrMalformed},
		{"size 0", enc(func(m map[string]any) { sub(m, "tree")["size"] = 0 }), ErrMalformed},
		{"negative size", enc(func(m map[string]any) { sub(m, "tree")["size"] = -1 }), ErrMalformed},
		{"size a float", enc(func(m map[string]any) { sub(m, "tree")["size"] = 1.5 }), ErrMalformed},
		{"number over 2^53", enc(func(m map[string]any) { sub(m, "batchHeader")["seq"] = uint64(1 << 53) }), ErrMalformed},
		{"path too long", enc(func(m map[string]any) {
			path := make([]any, 65)
			for i := range path {
				path[i] = make([]byte, 32)
			}
			sub(m, "tree")["path"] = path
		}), ErrTooLarge},
		{"path node of another length", enc(func(m map[string]any) { sub(m, "tree")["path"] = []any{make([]byte, 31)} }), ErrMalformed},
		{"no root in the header", enc(func(m map[string]any) { sub(m, "batchHeader")["roots"] = []any{} }), ErrMalformed},
		{"local time", enc(func(m map[string]any) { sub(m, "batchHeader")["time"] = "2026-05-10T08:00:00+01:00" }), ErrMalformed},
		{"fractions of a second", enc(func(m map[string]any) { sub(m, "batchHeader")["time"] = "2026-05-10T08:00:00.5Z" }), ErrMalformed},
		{"batch 1 that names none before", enc(func(m map[string]any) { sub(m, "batchHeader")["seq"] = 1 }), ErrMalformed},
		{"batch 0 that names one before", enc(func(m map[string]any) { sub(m, "batchHeader")["prev"] = make([]byte, 32) }), ErrMalformed},
		{"unknown promise", enc(func(m map[string]any) { sub(m, "batchHeader")["promise"] = []any{"bitcoin"} }), ErrUnsupported},
		{"chain id with zeros before", enc(func(m map[string]any) { sub(m, "batchHeader")["promise"] = []any{"eip155:01"} }), ErrUnsupported},
		{"unknown signature algorithm", enc(func(m map[string]any) { sub(m, "signature")["alg"] = "none" }), ErrUnsupported},
		{"empty list of anchors", enc(func(m map[string]any) { m["anchors"] = []any{} }), ErrMalformed},
		{"unknown anchor", enc(func(m map[string]any) { m["anchors"] = []any{map[string]any{"type": "stellar"}} }), ErrUnsupported},
		{"anchor with another's members", enc(func(m map[string]any) {
			m["anchors"] = []any{map[string]any{"type": "rfc3161", "token": map[string]any{"sha256": make([]byte, 32)}, "chainId": 1}}
		}), ErrUnsupported},
		{"17 anchors", enc(func(m map[string]any) { m["anchors"] = make([]any, 17) }), ErrTooLarge},
		{"anchors that are null", enc(func(m map[string]any) { m["anchors"] = make([]any, 16) }), ErrMalformed},
		{"control character in a name", enc(func(m map[string]any) { sub(m, "batchHeader")["issuer"] = "did:web:x\n" }), ErrMalformed},
		{"tag inside", append(append([]byte{}, good[:3]...), append([]byte{0xd9, 0xd9, 0xf7}, good[3:]...)...), ErrMalformed},
		{"null", append(bytes.Clone(selfDescribed), 0xf6), ErrMalformed},
		{"array of arrays", append(bytes.Clone(selfDescribed), bytes.Repeat([]byte{0x81}, 100)...), ErrTooLarge},
		{"array that claims to be huge", append(bytes.Clone(selfDescribed), 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), ErrMalformed},
	} {
		_, err := Parse(c.b)
		if !errors.Is(err, c.want) && !(errors.Is(c.want, ErrMalformed) && errors.Is(err, ErrTooLarge) && c.name == "null") {
			t.Errorf("%s: found %v", c.name, err)
		}
	}
}

// FuzzParse: no input panics, and whatever is accepted has one encoding and one view.
func FuzzParse(f *testing.F) {
	b, err := fixedBundle(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	w := smallWorld()
	whole := w.bundle(f, plan{n: 2}, w.ethAnchor(f, ethPlan{txs: 3, index: 1, headers: 1}))
	small, parts := whole.Detach()
	file, err := EncodeParts(parts)
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range []*Bundle{whole, small} {
		enc, err := b.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(enc)
	}
	for _, b := range append(parts, file) {
		f.Add(b)
	}
	trust := w.trust()
	f.Fuzz(func(t *testing.T, in []byte) {
		// Whatever the bytes are, as a part they prove nothing else than what they did.
		forged := small.clone()
		forged.Anchors[0].Eth.Tx = NewPart(in)
		if r, err := forged.Verify(Input{Document: document(0), Parts: parts}, trust); err == nil && !bytes.Equal(in, parts[0]) {
			t.Fatalf("another part is accepted: %s", describe(r))
		}
		if p, err := ParseTxProof(in); err == nil {
			if out, err := p.Encode(); err != nil || !bytes.Equal(out, in) {
				t.Fatalf("transaction: %v", err)
			}
		}
		if l, err := ParseLink(in); err == nil {
			if out, err := l.Encode(); err != nil || !bytes.Equal(out, in) {
				t.Fatalf("link: %v", err)
			}
		}
		if p, err := ParseParts(in); err == nil {
			if out, err := EncodeParts(p); err != nil || !bytes.Equal(out, in) {
				t.Fatalf("parts: %v", err)
			}
		}
		b, err := Parse(in)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		view, err := b.JSON()
		if err != nil {
			t.Fatal(err)
		}
		back, err := FromJSON(view)
		if err != nil {
			t.Fatal(err)
		}
		out, err := back.Encode()
		if err != nil || !bytes.Equal(out, in) {
			t.Fatalf("the views differ: %v", err)
		}
	})
}
