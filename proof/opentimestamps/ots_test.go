package opentimestamps

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/proof/bitcoin"
	"github.com/chancery-dev/chancery/proof/ethereum"
	"github.com/chancery-dev/chancery/testvectors"
)

const genesisHeader = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
const genesisCoinbase = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// samples lists what each published file holds: attestations as kind:height with the
// value they speak of where the kind is of a blockchain.
var samples = map[string][]string{
	"bad-stamp.txt.ots":                {"bitcoin:358391:921f81b9147c9aebe712d7805d810cf0f762479967e4c26008178277b89db41b"},
	"different-blockchains.txt.ots":    {"pending", "ethereum:3283713:c0909480bbefeca8c607fd169df2f57c7ec95e4c53484f24d73130c428fb208c", "pending", "bitcoin:455605:9ae69a8ba5bb6eadb6feaa4c9b58495819623a9bb616a5eebab10ff02c19192a"},
	"empty.ots":                        {"bitcoin:129405:715b7e36276a66d842e56dd102c9d9eddfe4d9f2dfa908ae31157ac2c2fd29db"},
	"hello-world.txt.eth.ots":          {"pending", "ethereum:3283690:512b90d3836f63d930d1fff92d8355ea82769c27771ceb9b2d2e27f3cc2a73b8"},
	"hello-world.txt.ots":              {"bitcoin:358391:007ee445d23ad061af4a36b809501fab1ac4f2d7e7a739817dd0cbb7ec661b8a"},
	"incomplete.txt.ots":               {"pending"},
	"known-and-unknown-notary.txt.ots": {"pending", "unknown"},
	"merkle1.txt.ots":                  {"pending", "pending"},
	"merkle2.txt.ots":                  {"pending", "pending"},
	"merkle3.txt.ots":                  {"pending", "pending"},
	"osdsp.txt.ots":                    {"pending", "pending", "pending", "bitcoin:523364:39780753a0e7785eea0fabafa8fbef1ef2539d26f6cbf3beac738a1de0e74f3c", "pending"},
	"two-calendars.txt.ots":            {"pending", "pending"},
	"unknown-notary.txt.ots":           {"unknown"},
}

// TestSamples reads every published file: attestations, values, and the same bytes
// again. Without headers nothing is decided.
func TestSamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testvectors.Shared(t, "anchor/ots"), "*.ots"))
	if err != nil || len(files) != len(samples) {
		t.Fatalf("expected %d files, found %d (%v)", len(samples), len(files), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		b := testvectors.ReadShared(t, "anchor/ots", name)
		f, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, j := range f.Check(Blocks{}) {
			text := j.Kind.String()
			if j.Height > 0 {
				text += fmt.Sprintf(":%d:%x", j.Height, j.Value)
			}
			got = append(got, text)
			if j.Verdict != Undecided || !j.Time.IsZero() || j.Weak {
				t.Errorf("%s: %s decided without headers", name, text)
			}
		}
		if !slices.Equal(got, samples[name]) {
			t.Errorf("%s: found %q", name, got)
		}
		if out, err := f.Encode(); err != nil || !bytes.Equal(out, b) {
			t.Errorf("%s: expected the same bytes, %v", name, err)
		}
	}
}

// genesis is a proof of a real block: the digest is 32 bytes of its only transaction.
func genesis(tb testing.TB) *File {
	tb.Helper()
	tx := unhex(tb, genesisCoinbase)
	a, _ := NewBlockAttestation(Bitcoin, 0)
	end := &Node{Branches: []Branch{{Attestation: a}}}
	ops := []Branch{{Op: Prepend, Arg: tx[:60]}, {Op: Append, Arg: tx[92:]}, {Op: SHA256}, {Op: SHA256}}
	return &File{HashOp: SHA256, Digest: tx[60:92], Root: chain(end, ops...)}
}

// chain puts operations before a node.
func chain(end *Node, ops ...Branch) *Node {
	for _, op := range slices.Backward(ops) {
		op.Next = end
		end = &Node{Branches: []Branch{op}}
	}
	return end
}

func known(tb testing.TB) *bitcoin.Known {
	tb.Helper()
	k := bitcoin.NewKnown()
	if _, err := k.Add(bitcoin.Mainnet, 0, unhex(tb, genesisHeader)); err != nil {
		tb.Fatal(err)
	}
	return k
}

func TestConfirmed(t *testing.T) {
	b, err := genesis(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	j := f.Check(Blocks{Bitcoin: known(t)})
	if len(j) != 1 || j[0].Verdict != Confirmed || j[0].Time.Unix() != 1231006505 || j[0].Weak || !j[0].Bound {
		t.Fatalf("found %+v", j)
	}
	// Every bit of digest and operands counts.
	for i := range 8 * len(b) {
		c := slices.Clone(b)
		c[i/8] ^= 1 << (i % 8)
		f, err := Parse(c)
		if err != nil {
			continue
		}
		for _, j := range f.Check(Blocks{Bitcoin: known(t)}) {
			if j.Verdict == Confirmed && bytes.Equal(f.Digest, genesis(t).Digest) && f.HashOp == SHA256 {
				t.Errorf("bit %d changes nothing", i)
			}
		}
	}
}

// TestEthereum: an attestation of a block on Ethereum holds against the transactions
// root of the header pinned at its number, and no other.
func TestEthereum(t *testing.T) {
	f, err := Parse(testvectors.ReadShared(t, "anchor/ots", "hello-world.txt.eth.ots"))
	if err != nil {
		t.Fatal(err)
	}
	var root ethereum.Hash
	copy(root[:], unhex(t, "512b90d3836f63d930d1fff92d8355ea82769c27771ceb9b2d2e27f3cc2a73b8"))
	for name, c := range map[string]struct {
		at   uint64
		h    ethereum.Header
		want Verdict
	}{
		"pinned":         {3283690, ethereum.Header{Number: 3283690, TransactionsRoot: root, Time: 1488632423}, Confirmed},
		"another root":   {3283690, ethereum.Header{Number: 3283690, Time: 1488632423}, Refuted},
		"state root":     {3283690, ethereum.Header{Number: 3283690, StateRoot: root}, Refuted},
		"another number": {3283691, ethereum.Header{Number: 3283691, TransactionsRoot: root}, Undecided},
		"mislabelled":    {3283690, ethereum.Header{Number: 3283691, TransactionsRoot: root}, Undecided},
		"time overflow":  {3283690, ethereum.Header{Number: 3283690, TransactionsRoot: root, Time: 1 << 62}, Undecided},
	} {
		j := f.Check(Blocks{Ethereum: map[uint64]ethereum.Header{c.at: c.h}})[1]
		if j.Verdict != c.want || (c.want == Confirmed) != !j.Time.IsZero() {
			t.Errorf("%s: expected %v, found %v (%s)", name, c.want, j.Verdict, j.Detail)
		}
	}
}

// TestJudged: verdicts on proofs made by hand.
func TestJudged(t *testing.T) {
	tx := unhex(t, genesisCoinbase)
	root := bitcoin.DoubleSHA256(tx)
	at := func(k Kind, height uint64) *Node {
		a, ok := NewBlockAttestation(k, height)
		if !ok {
			t.Fatal("no attestation")
		}
		return &Node{Branches: []Branch{{Attestation: a}}}
	}
	good := genesis(t)
	longer := slices.Clone(good.Digest)
	longer[0] ^= 1
	for name, c := range map[string]struct {
		f    *File
		want Verdict
	}{
		"genuine":                     {good, Confirmed},
		"another digest":              {&File{HashOp: SHA256, Digest: longer, Root: good.Root}, Refuted},
		"digest is the root itself":   {&File{HashOp: SHA256, Digest: root[:], Root: at(Bitcoin, 0)}, Undecided},
		"root turned round twice":     {&File{HashOp: SHA256, Digest: root[:], Root: chain(at(Bitcoin, 0), Branch{Op: Reverse}, Branch{Op: Reverse})}, Undecided},
		"another height":              {&File{HashOp: SHA256, Digest: good.Digest, Root: chain(at(Bitcoin, 1), Branch{Op: SHA256})}, Undecided},
		"another chain, same height":  {&File{HashOp: SHA256, Digest: good.Digest, Root: chain(at(Litecoin, 0), Branch{Op: SHA256})}, Undecided},
		"Ethereum at the same height": {&File{HashOp: SHA256, Digest: good.Digest, Root: chain(at(Ethereum, 0), Branch{Op: SHA256})}, Undecided},
		"one hash too few":            {&File{HashOp: SHA256, Digest: good.Digest, Root: chain(at(Bitcoin, 0), Branch{Op: Prepend, Arg: tx[:60]}, Branch{Op: Append, Arg: tx[92:]}, Branch{Op: SHA256})}, Refuted},
	} {
		b, err := c.f.Encode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f, err := Parse(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if j := f.Check(Blocks{Bitcoin: known(t)}); len(j) != 1 || j[0].Verdict != c.want {
			t.Errorf("%s: expected %v, found %+v", name, c.want, j)
		}
	}
	weak := &File{HashOp: SHA1, Digest: make([]byte, 20), Root: chain(at(Bitcoin, 0), Branch{Op: SHA256})}
	if !weak.Attestations()[0].Weak {
		t.Error("a SHA-1 digest is not reported")
	}
	if f := (&File{HashOp: SHA256, Digest: make([]byte, 32), Root: chain(at(Bitcoin, 0), Branch{Op: SHA1})}); !f.Attestations()[0].Weak {
		t.Error("a SHA-1 step is not reported")
	}
	if f := (&File{HashOp: SHA256, Digest: make([]byte, 32), Root: chain(at(Bitcoin, 0), Branch{Op: RIPEMD160})}); !f.Attestations()[0].Short {
		t.Error("a RIPEMD-160 step is not reported")
	}
}

// TestRefused: what Parse does not read, and by which error.
func TestRefused(t *testing.T) {
	head := Magic + "\x01\x08" + strings.Repeat("d", 32)
	pending := "\x00\x83\xdf\xe3\x0d\x2e\xf9\x0c\x8e"
	block := "\x00\x05\x88\x96\x0d\x73\xd7\x19\x01"
	end := block + "\x01\x07"
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":                   {"", ErrMalformed},
		"magic only":              {Magic, ErrMalformed},
		"another magic":           {"X" + head[1:] + end, ErrMalformed},
		"version 2":               {Magic + "\x02\x08" + strings.Repeat("d", 32) + end, ErrUnsupported},
		"version overlong":        {Magic + "\x81\x00\x08" + strings.Repeat("d", 32) + end, ErrMalformed},
		"file digest by append":   {Magic + "\x01\xf0" + strings.Repeat("d", 32) + end, ErrUnsupported},
		"digest short":            {Magic + "\x01\x08ddd", ErrMalformed},
		"no attestation":          {head, ErrMalformed},
		"data after the end":      {head + end + "\x00", ErrMalformed},
		"operation not known":     {head + "\x42" + end, ErrUnsupported},
		"fork without branch":     {head + "\xff" + end, ErrMalformed},
		"fork of a fork":          {head + "\xff\xff" + end, ErrMalformed},
		"empty operand":           {head + "\xf0\x00" + end, ErrMalformed},
		"operand beyond 4096":     {head + "\xf0\x81\x20" + strings.Repeat("x", 4097) + end, ErrMalformed},
		"result beyond 4096":      {head + "\xf0\x80\x20" + strings.Repeat("x", 4096) + end, ErrMalformed},
		"operand cut off":         {head + "\xf0\x10xx", ErrMalformed},
		"length overlong":         {head + "\xf0\x81\x00x" + end, ErrMalformed},
		"length of 65 bits":       {head + "\xf0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02x" + end, ErrMalformed},
		"payload beyond 8192":     {head + "\x00unknownX\x81\x40" + strings.Repeat("x", 8193), ErrMalformed},
		"height overlong":         {head + block + "\x02\x81\x00", ErrMalformed},
		"height and more":         {head + block + "\x02\x07\x07", ErrMalformed},
		"height missing":          {head + block + "\x00", ErrMalformed},
		"URI with a query":        {head + pending + "\x0a\x09https://?", ErrMalformed},
		"URI with a line feed":    {head + pending + "\x03\x02a\n", ErrMalformed},
		"URI longer than payload": {head + pending + "\x02\x09a", ErrMalformed},
		"too deep":                {head + strings.Repeat("\x08", MaxDepth) + end, ErrTooLarge},
		"hexlify grows":           {head + strings.Repeat("\xf3", 8) + end, ErrMalformed},
		"too many steps":          {head + strings.Repeat("\xff"+end, MaxSteps) + end, ErrTooLarge},
		"too many bytes":          {head + strings.Repeat("\x08", MaxBytes), ErrTooLarge},
	} {
		if _, err := Parse([]byte(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%s: expected %v, found %v", name, c.want, err)
		}
	}
	if _, err := Parse([]byte(head + end)); err != nil {
		t.Errorf("the base of these cases: %v", err)
	}
	if _, err := Parse([]byte(head + strings.Repeat("\x08", MaxDepth-1) + end)); err != nil {
		t.Errorf("as deep as allowed: %v", err)
	}
	for _, f := range []*File{{}, {HashOp: SHA256, Digest: make([]byte, 32)}, {HashOp: SHA256, Digest: make([]byte, 32), Root: &Node{}}, {HashOp: SHA256, Digest: make([]byte, 31), Root: genesis(t).Root}} {
		if _, err := f.Encode(); err == nil {
			t.Errorf("expected %+v not to be written", f)
		}
	}
}

// TestTruncated: no prefix of a file is a file.
func TestTruncated(t *testing.T) {
	b := testvectors.ReadShared(t, "anchor/ots", "different-blockchains.txt.ots")
	for n := range b {
		if _, err := Parse(b[:n]); err == nil {
			t.Errorf("%d of %d bytes were read", n, len(b))
		}
	}
}

// TestRoundTrip: random proofs come back as they were.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		left := 40
		var node func(depth int) *Node
		node = func(depth int) *Node {
			n := &Node{}
			for range rapid.IntRange(1, 3).Draw(rt, "branches") {
				left--
				if left < 0 || depth > 6 || rapid.Bool().Draw(rt, "leaf") {
					a, _ := NewBlockAttestation(rapid.SampledFrom([]Kind{Bitcoin, Litecoin, Ethereum}).Draw(rt, "kind"), rapid.Uint64().Draw(rt, "height"))
					n.Branches = append(n.Branches, Branch{Attestation: a})
					continue
				}
				op := rapid.SampledFrom([]Op{SHA1, RIPEMD160, SHA256, Keccak256, Append, Prepend, Reverse}).Draw(rt, "op")
				b := Branch{Op: op, Next: node(depth + 1)}
				if op == Append || op == Prepend {
					b.Arg = rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(rt, "arg")
				}
				n.Branches = append(n.Branches, b)
			}
			return n
		}
		f := &File{HashOp: SHA256, Digest: bytes.Repeat([]byte{5}, 32), Root: node(0)}
		b, err := f.Encode()
		if err != nil {
			rt.Fatal(err)
		}
		g, err := Parse(b)
		if err != nil {
			rt.Fatal(err)
		}
		if again, err := g.Encode(); err != nil || !bytes.Equal(again, b) || len(g.Attestations()) != len(f.Attestations()) {
			rt.Fatalf("expected the same proof, %v", err)
		}
	})
}

func FuzzParse(f *testing.F) {
	b, err := genesis(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		if out, err := p.Encode(); err != nil || !bytes.Equal(out, b) {
			t.Fatalf("expected the same bytes, %v", err)
		}
		for _, j := range p.Check(Blocks{}) {
			if j.Verdict != Undecided {
				t.Error("decided without headers")
			}
		}
	})
}
