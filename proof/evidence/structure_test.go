package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/proof/beacon"
)

// A place is a data item within another.
type place struct {
	path string // without indexes, so that equal members of different lists have the same
	name string
	kind byte
	set  func(root *value, v *value) // nil: takes the item away
	twin func(root *value)           // doubles it
	get  func(root *value) *value
}

// places lists every item of a bundle, also within its parts, which are CBOR themselves.
func places(v *value, path string, get func(*value) *value) []place {
	var out []place
	for i := range v.list {
		name, sub := "", path+"[]"
		if v.kind == kindMap {
			name, sub = v.keys[i], path+"."+v.keys[i]
		}
		at := func(root *value) *value { return &get(root).list[i] }
		out = append(out, place{path: sub, name: name, kind: v.list[i].kind, get: at,
			set: func(root *value, with *value) {
				p := get(root)
				if with != nil {
					p.list[i] = *with
					return
				}
				if p.list = slices.Delete(slices.Clone(p.list), i, i+1); p.kind == kindMap {
					p.keys = slices.Delete(slices.Clone(p.keys), i, i+1)
				}
			},
			twin: func(root *value) {
				p := get(root)
				if p.kind == kindArray {
					p.list = slices.Insert(slices.Clone(p.list), i, p.list[i])
				}
			}})
		out = append(out, places(&v.list[i], sub, at)...)
	}
	return out
}

// copyOf copies a data item, as deep as it goes.
func (v *value) copyOf() value {
	out := *v
	out.keys, out.list = slices.Clone(v.keys), make([]value, len(v.list))
	for i := range v.list {
		out.list[i] = v.list[i].copyOf()
	}
	return out
}

// opened is a bundle as data items, with the parts that are CBOR opened into them.
func opened(tb testing.TB, b *Bundle) value {
	tb.Helper()
	enc, err := b.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	v, err := parseCBOR(enc[len(selfDescribed):])
	if err != nil {
		tb.Fatal(err)
	}
	open(&v)
	return v
}

const openKey = "bytes"

func open(v *value) {
	for i := range v.list {
		if v.kind == kindMap && v.keys[i] == openKey && v.list[i].kind == kindBytes {
			if inner, err := parseCBOR(v.list[i].b); err == nil && inner.kind == kindMap {
				v.list[i] = inner
			}
			continue
		}
		open(&v.list[i])
	}
}

// closed encodes what was opened, and makes the digests of the parts anew.
func closed(v *value) []byte {
	c := v.copyOf()
	shut(&c)
	return c.appendCBOR(bytes.Clone(selfDescribed))
}

func shut(v *value) {
	for i := range v.list {
		shut(&v.list[i])
	}
	if v.kind != kindMap {
		return
	}
	at, digest := slices.Index(v.keys, openKey), slices.Index(v.keys, "sha256")
	if at < 0 || digest < 0 || slices.Contains(v.keys, "kind") {
		return
	}
	if v.list[at].kind == kindMap {
		v.list[at] = value{kind: kindBytes, b: v.list[at].appendCBOR(nil)}
	}
	if v.list[digest].kind == kindBytes && len(v.list[digest].b) == 32 && v.list[at].kind == kindBytes {
		sum := NewPart(v.list[at].b).SHA256
		v.list[digest].b = sum[:]
	}
}

// changesOf are other values for an item.
func changesOf(v *value) []*value {
	var out []*value
	add := func(w value) { out = append(out, &w) }
	blob := func(b []byte) { add(value{kind: v.kind, b: b}) }
	switch v.kind {
	case kindUint:
		for _, n := range []uint64{0, 1, v.n - 1, v.n + 1, v.n * 2, v.n / 2, v.n ^ 1<<8, v.n + 1<<32, 1 << 40, maxUint, maxUint + 1, math.MaxUint64} {
			if n != v.n {
				add(value{kind: kindUint, n: n})
			}
		}
		add(value{kind: kindText, b: fmt.Append(nil, v.n)})
		add(value{kind: kindBytes, b: binary.BigEndian.AppendUint64(nil, v.n)})
	case kindBytes, kindText:
		blob(nil)
		blob(append(bytes.Clone(v.b), 0))
		add(value{kind: kindBytes + kindText - v.kind, b: v.b})
		if n := len(v.b); n > 0 {
			blob(v.b[:n-1])
			blob(v.b[1:])
			blob(append(bytes.Clone(v.b), v.b...))
			for _, i := range []int{0, n / 2, n - 1} {
				c := bytes.Clone(v.b)
				c[i] ^= 0x20
				blob(c)
			}
			c := bytes.Clone(v.b)
			slices.Reverse(c)
			blob(c)
			blob(make([]byte, n))
		}
	case kindArray:
		for _, change := range []func(l []value) []value{
			func(l []value) []value { slices.Reverse(l); return l },
			func(l []value) []value { return append(l[1:], l[0]) },
			func(l []value) []value { return append(l, l...) },
			func(l []value) []value { return l[:0] },
			func(l []value) []value { return l[:len(l)-1] },
			func(l []value) []value { return l[1:] },
			func(l []value) []value { return append(l, value{kind: kindBytes, b: make([]byte, 32)}) },
		} {
			if len(v.list) > 0 {
				add(value{kind: kindArray, list: change(slices.Clone(v.list))})
			}
		}
		add(value{kind: kindMap})
	case kindMap:
		add(value{kind: kindMap})
		add(value{kind: kindArray, list: []value{*v}})
	}
	return out
}

// sameFacts tells whether a mutated bundle claims no more than the original one does. What it
// may do is show less: fewer anchors, trees or renewals.
func sameFacts(got, want *Result) error {
	if got.Digest != want.Digest {
		return errors.New("another batch")
	}
	in, was := got.Facts.Included, want.Facts.Included
	if in.Index != was.Index || in.Size != was.Size || in.Seq != was.Seq {
		return fmt.Errorf("included at %+v", in)
	}
	if !reflect.DeepEqual(got.Facts.Signed, want.Facts.Signed) {
		return fmt.Errorf("signed %+v", got.Facts.Signed)
	}
	for _, c := range got.Facts.OnChain {
		if !slices.ContainsFunc(want.Facts.OnChain, func(o OnChain) bool {
			return c.ChainID == o.ChainID && c.Network == o.Network && c.BlockNumber == o.BlockNumber && c.BlockHash == o.BlockHash && c.BlockTime.Equal(o.BlockTime) && c.TxHash == o.TxHash && c.TxIndex == o.TxIndex && c.Sender == o.Sender && c.GenesisHash == o.GenesisHash
		}) {
			return fmt.Errorf("on chain %+v", c)
		}
	}
	known := func(t time.Time) bool {
		return slices.ContainsFunc(want.Facts.Existed, func(o Existence) bool { return o.Time.Equal(t) })
	}
	for _, e := range got.Facts.Existed {
		if !known(e.Time) {
			return fmt.Errorf("existed %+v", e)
		}
	}
	if got.Facts.Proven.Before(want.Facts.Proven) || !known(got.Facts.Proven) {
		return fmt.Errorf("proven by %s", got.Facts.Proven)
	}
	for _, l := range got.Facts.Listed {
		if !slices.Contains(want.Facts.Listed, l) {
			return fmt.Errorf("listed %+v", l)
		}
	}
	return nil
}

// donors are bundles of other batches, blocks, chains and issuers: their members are put in the
// places of the others'. Two are of the same batches, in later blocks.
func donors(tb testing.TB) []*Bundle {
	w := smallWorld()
	later := worldTime.Add(30 * time.Minute)
	other := *w
	other.network, other.committee = &beacon.Network{}, newCommittee(3, w.network.Preset.CommitteeSize)
	*other.network = *w.network
	other.network.GenesisValidatorsRoot = beacon.Root{9}
	foreign := w.bundle(tb, plan{n: 100, index: 34, tenant: saltOf(6), seq: 1, prev: saltOf(1), log: saltOf(2), kind: SubjectPDF, content: true, alg: "sha-512", second: true,
		change: func(h *Header) { h.Issuer, h.Time = "did:web:other.example", worldTime.Add(time.Minute) }},
		w.ethAnchor(tb, ethPlan{txs: 9, index: 5, headers: 2, at: later, chainID: 1}), w.tsaAnchor(tb))
	foreign.Anchors[0].Eth.ChainID, foreign.Anchors[0].Eth.GenesisHash = 1, [32]byte{1}
	return []*Bundle{
		w.bundle(tb, plan{n: 100, index: 34, tenant: saltOf(5)}, w.ethAnchor(tb, ethPlan{txs: 9, index: 4, headers: 3, at: later})),
		w.bundle(tb, plan{n: 21, index: 19, second: true, alg: "sha-512"}, w.ethAnchor(tb, ethPlan{txs: 3, index: 1, history: true, at: later}), w.tsaAnchor(tb)),
		renewed(tb, w, foreign, document(34)),
		w.bundle(tb, plan{n: 9, index: 7}, other.ethAnchor(tb, ethPlan{txs: 1, headers: 1})),
	}
}

// TestEveryStructure changes these files in every place of their structure, and makes what only
// has to fit itself anew: whatever is still valid says what the original does.
func TestEveryStructure(t *testing.T) {
	w := smallWorld()
	var given []value
	var also []*Result // what is true of the donors is, where it is about the same batch
	trust := w.trust()
	trust.Chains[0].Beacon.Cache = &beacon.CommitteeCache{}
	for _, d := range donors(t) {
		r, _ := d.Verify(Input{Document: document(int(d.Tree.Index))}, trust)
		given, also = append(given, opened(t, d)), append(also, r)
	}
	for name, b := range flipBundles(t) {
		in := Input{Document: document(int(b.Tree.Index))}
		base, err := b.Verify(in, trust)
		if err != nil {
			t.Fatal(describe(base))
		}
		for _, r := range also {
			if r.Digest == base.Digest {
				base.Facts.OnChain = append(base.Facts.OnChain, r.Facts.OnChain...)
				base.Facts.Existed = append(base.Facts.Existed, r.Facts.Existed...)
			}
		}
		root := opened(t, b)
		whole := closed(&root)
		if enc, _ := b.Encode(); !bytes.Equal(whole, enc) {
			t.Fatal("what was opened is not closed as it was")
		}
		n, read, valid := 0, 0, 0
		try := func(what string, change func(*value)) {
			v := root.copyOf()
			change(&v)
			enc := closed(&v)
			if bytes.Equal(enc, whole) {
				return
			}
			n++
			p, err := Parse(enc)
			if err != nil {
				return
			}
			read++
			r, err := p.Verify(in, trust)
			if (err == nil) != (r.Outcome == Valid) {
				t.Errorf("%s: %s: outcome %s, error %v", name, what, r.Outcome, err)
			}
			if err != nil {
				return
			}
			valid++
			if err := sameFacts(r, base); err != nil {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		all := places(&root, "", func(v *value) *value { return v })
		index := map[string]int{}
		for _, p := range all {
			try(p.path+" taken away", func(v *value) { p.set(v, nil) })
			try(p.path+" doubled", p.twin)
			for i, c := range changesOf(p.get(&root)) {
				try(fmt.Sprintf("%s changed, %d", p.path, i), func(v *value) { p.set(v, c) })
			}
			index[p.path]++
			for i := range given {
				for _, q := range places(&given[i], "", func(v *value) *value { return v }) {
					if q.path == p.path && (index[p.path] < 4 || p.kind == kindMap) {
						with := q.get(&given[i])
						try(fmt.Sprintf("%s of donor %d", p.path, i), func(v *value) { p.set(v, with) })
					}
				}
			}
		}
		// Two members of one kind change places.
		for i, p := range all {
			for _, q := range all[i+1:] {
				if p.kind == q.kind && p.path != q.path && p.kind != kindArray && len(p.path) > len(".x") && len(p.get(&root).b) == len(q.get(&root).b) && (p.kind == kindMap || p.kind == kindUint || len(p.get(&root).b) == 32) {
					x, y := p.get(&root).copyOf(), q.get(&root).copyOf()
					try(p.path+" for "+q.path, func(v *value) {
						if len(q.path) < len(p.path) && q.kind == kindMap || len(p.path) < len(q.path) && p.kind == kindMap {
							return
						}
						p.set(v, &y)
						q.set(v, &x)
					})
				}
			}
		}
		if t.Logf("%s: %d changes, %d of them read, %d valid", name, n, read, valid); read < 300 || valid == 0 || valid > 30 {
			t.Errorf("%s: expected many files that are read, and a few that show less and hold", name)
		}
	}
}

// unknowns are members of every kind that no reader of this version knows.
func unknowns() []value {
	return []value{
		{kind: kindUint, n: 1}, {kind: kindBytes, b: []byte{1}}, {kind: kindText, b: []byte("x")}, {kind: kindArray}, {kind: kindMap},
		{kind: kindOther, b: []byte{0x20}}, {kind: kindOther, b: []byte{0xf5}}, {kind: kindOther, b: []byte{0xf6}},
		{kind: kindOther, b: []byte{0xf9, 0x3e, 0x00}}, {kind: kindOther, b: []byte{0xf9, 0, 0}}, {kind: kindOther, b: []byte{0x1b, 0xff, 0, 0, 0, 0, 0, 0, 0}},
		{kind: kindArray, list: []value{{kind: kindOther, b: []byte{0xf4}}}},
	}
}

// TestUnknownIsOpen: what a later version may bring is never called wrong, wherever it stands:
// members of every kind, types and algorithms with values of any length, versions.
func TestUnknownIsOpen(t *testing.T) {
	w := smallWorld()
	b := flipBundles(t)["everything"]
	unrenewed := *b // renewals cover the parts of the bundle: where those change they cannot hold
	unrenewed.Renewals = nil
	in := Input{Document: document(int(b.Tree.Index))}
	whole, bare := opened(t, b), opened(t, &unrenewed)
	root := &whole
	n := 0
	try := func(what string, change func(*value)) {
		n++
		v := root.copyOf()
		change(&v)
		p, err := Parse(closed(&v))
		if err != nil {
			if !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s: %v", what, err)
			}
			return
		}
		if r, err := p.Verify(in, w.trust()); err == nil || r.Outcome != Indeterminate || r.Code != Unsupported {
			t.Errorf("%s: %s", what, describe(r))
		}
	}
	for _, p := range append(places(root, "", func(v *value) *value { return v }), place{path: "the bundle", kind: kindMap, get: func(v *value) *value { return v }}) {
		if p.kind != kindMap {
			continue
		}
		if root = &whole; strings.Contains(p.path, "."+openKey) {
			root = &bare
		}
		for i, u := range unknowns() {
			try(fmt.Sprintf("%s with an unknown member, %d", p.path, i), func(v *value) { p.get(v).put("zz", u) })
		}
		for _, name := range []string{"alg", "digestAlg", "type", "kind"} {
			m := p.get(root)
			if slices.Index(m.keys, name) < 0 {
				continue
			}
			try(p.path+" with another "+name, func(v *value) {
				m := p.get(v)
				m.list[slices.Index(m.keys, name)].b = []byte("ml-dsa-87")
			})
			if name == "type" || name == "kind" {
				continue
			}
			try(p.path+" with another "+name+", and a value of its length", func(v *value) {
				m := p.get(v)
				m.list[slices.Index(m.keys, name)].b = []byte("ml-dsa-87")
				for _, of := range []string{"value", "digest"} {
					if i := slices.Index(m.keys, of); i >= 0 {
						m.list[i].b = make([]byte, 4627)
					}
				}
			})
		}
		if m := p.get(root); slices.Index(m.keys, "version") >= 0 {
			try(p.path+" of another version", func(v *value) {
				m := p.get(v)
				m.list[slices.Index(m.keys, "version")].n = 2
				m.put("zz", unknowns()[6])
			})
		}
	}
	t.Logf("%d changes", n)

	// The JSON view has the same rules.
	view, err := b.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{"null", "true", "-1", "1.5", "1e30", "[false]", "{}", `"x"`} {
		if _, err := FromJSON(append(bytes.Clone(view[:len(view)-1]), `,"zz":`+member+`}`...)); !errors.Is(err, ErrUnsupported) {
			t.Errorf("an unknown member %s in JSON: %v", member, err)
		}
	}

	// A transaction of a type that came later, in its block; and one that begins as none does.
	for first, want := range map[byte]Outcome{0: Indeterminate, 5: Indeterminate, 0x7f: Indeterminate, 0x80: Invalid, 0xbf: Invalid} {
		later := w.bundle(t, plan{}, w.ethAnchor(t, ethPlan{raw: func(tx []byte) []byte { return append([]byte{first}, tx[1:]...) }}))
		if r, err := later.Verify(Input{Document: document(0)}, w.trust()); err == nil || r.Outcome != want || (want == Indeterminate) != (r.Code == Unsupported) {
			t.Errorf("transaction of type %d: %s", first, describe(r))
		}
	}

	// An OpenTimestamps file of a later version proves as little as any.
	ots := w.bundle(t, plan{}, w.ethAnchor(t, ethPlan{}), func(d [32]byte, _ []byte) Anchor {
		return Anchor{Type: AnchorOTS, OTS: &OTS{NewPart(append([]byte(otsFile+"\x02\x08"), d[:]...))}}
	})
	if r, err := ots.Verify(Input{Document: document(0)}, w.trust()); err != nil {
		t.Errorf("a later version of OpenTimestamps: %s", describe(r))
	}
}
