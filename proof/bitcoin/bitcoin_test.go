package bitcoin

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The first block and its one transaction.
const (
	genesisHeader   = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
	genesisCoinbase = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
)

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestGenesis(t *testing.T) {
	k := NewKnown()
	h, err := k.Add(Mainnet, 0, unhex(t, genesisHeader))
	if err != nil {
		t.Fatal(err)
	}
	if h.Hash.String() != "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f" || h.Time.Unix() != 1231006505 {
		t.Errorf("found block %s of %v", h.Hash, h.Time)
	}
	tx, err := ParseTransaction(unhex(t, genesisCoinbase))
	if err != nil || tx.ID != h.MerkleRoot || len(tx.OpReturn()) != 0 {
		t.Fatalf("coinbase: %v, %v", tx, err)
	}
	root, err := BranchRoot(tx.ID, 0, nil)
	if err != nil || root != h.MerkleRoot {
		t.Errorf("root %v, %v", root, err)
	}
	if n, height, ok := k.Find(h.Hash); !ok || n != Mainnet || height != 0 {
		t.Error("expected to find the block by its hash")
	}
	if _, ok := k.At(Testnet, 0); ok {
		t.Error("found on another network")
	}
	var none *Known
	if _, ok := none.At(Mainnet, 0); ok {
		t.Error("a nil Known knows a block")
	}
	if back, err := ParseHash(h.Hash.String()); err != nil || back != h.Hash {
		t.Error("expected ParseHash to undo String")
	}
}

// TestHeadersRefused: headers without work, beyond their network's limit, or that
// contradict others.
func TestHeadersRefused(t *testing.T) {
	good := unhex(t, genesisHeader)
	change := func(at int, b ...byte) []byte {
		out := slices.Clone(good)
		copy(out[at:], b)
		return out
	}
	for name, b := range map[string][]byte{
		"short": good[:79], "long": append(slices.Clone(good), 0), "nonce": change(76, 0), "time": change(68, 0),
		"root": change(36, 0), "easier target": change(72, 0xff, 0xff, 0x7f, 0x20), "negative target": change(72, 0, 0, 0x80, 0x1d),
		"zero target": change(72, 0, 0, 0, 0x1d), "huge target": change(72, 0xff, 0xff, 0xff, 0xff), "empty": nil,
	} {
		if _, err := NewKnown().Add(Mainnet, 0, b); !errors.Is(err, ErrHeader) {
			t.Errorf("%s: expected ErrHeader, found %v", name, err)
		}
	}
	if _, err := NewKnown().Add(0, 0, good); !errors.Is(err, ErrHeader) {
		t.Error("a network that is none was taken")
	}
	if _, err := NewKnown().Add(Litecoin, 0, good); !errors.Is(err, ErrHeader) {
		t.Error("Bitcoin's work counts on Litecoin")
	}
	k := NewKnown()
	a, b := mine(t, Hash{}, Hash{1}), mine(t, Hash{9}, Hash{2})
	if _, err := k.Add(Regtest, 5, a); err != nil {
		t.Fatal(err)
	}
	for name, height := range map[string]uint64{"another at the same height": 5, "one that does not follow": 6, "one that does not precede": 4} {
		if _, err := k.Add(Regtest, height, b); !errors.Is(err, ErrHeader) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.Add(Regtest, 8, a); !errors.Is(err, ErrHeader) {
		t.Error("one header at two heights")
	}
	first, _ := ParseHeader(a)
	if _, err := k.Add(Regtest, 6, mine(t, first.Hash, Hash{3})); err != nil {
		t.Errorf("one that follows: %v", err)
	}
}

// mine makes a header of the test network.
func mine(tb testing.TB, previous, root Hash) []byte {
	tb.Helper()
	b := make([]byte, 0, HeaderSize)
	b = append(append(append(b, 2, 0, 0, 0), previous[:]...), root[:]...)
	b = binary.LittleEndian.AppendUint32(b, 1_700_000_000)
	b = binary.LittleEndian.AppendUint32(b, 0x207fffff)
	b = append(b, 0, 0, 0, 0)
	for nonce := range uint32(1000) {
		binary.LittleEndian.PutUint32(b[76:], nonce)
		if h, _ := ParseHeader(b); h.CheckWork(Regtest) == nil {
			return b
		}
	}
	tb.Fatal("no nonce found")
	return nil
}

// TestTransactions: every truncation, extension and bit flip is refused or gives
// another identifier.
func TestTransactions(t *testing.T) {
	good := unhex(t, genesisCoinbase)
	tx, err := ParseTransaction(good)
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, err := ParseTransaction(good[:n]); !errors.Is(err, ErrTransaction) {
			t.Errorf("truncated to %d: %v", n, err)
		}
	}
	if _, err := ParseTransaction(append(slices.Clone(good), 0)); !errors.Is(err, ErrTransaction) {
		t.Error("data after the end")
	}
	for i := range 8 * len(good) {
		b := slices.Clone(good)
		b[i/8] ^= 1 << (i % 8)
		if other, err := ParseTransaction(b); err == nil && other.ID == tx.ID {
			t.Errorf("bit %d changes nothing", i)
		}
	}
	// A stripped size of 64 bytes: could be an inner node.
	small := make([]byte, 64)
	copy(small, []byte{1, 0, 0, 0, 1})
	small[41] = 4 // script of the input
	small[50] = 1 // outputs: at 5+36+1+4+4
	small[59] = 0
	if _, err := ParseTransaction(small); !errors.Is(err, ErrTransaction) {
		t.Errorf("64 bytes: %v", err)
	}
}

func TestOpReturn(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   string
	}{
		"push":              {"6a0401020304", "01020304"},
		"pushdata1":         {"6a4c50" + hex.EncodeToString(bytes.Repeat([]byte{7}, 80)), hex.EncodeToString(bytes.Repeat([]byte{7}, 80))},
		"pushdata1 short":   {"6a4c0101", ""},
		"two pushes":        {"6a01010102", ""},
		"not filled":        {"6a0501020304", ""},
		"spendable before":  {"516a0401020304", ""},
		"only the operator": {"6a", ""},
	} {
		tx := &Transaction{Outputs: []Output{{Script: unhex(t, c.script)}}}
		got := tx.OpReturn()
		if c.want == "" && len(got) != 0 || c.want != "" && (len(got) != 1 || hex.EncodeToString(got[0]) != c.want) {
			t.Errorf("%s: found %x", name, got)
		}
	}
}

// tree makes the levels of a block's tree, doubling the last of odd ones.
func tree(ids []Hash) [][]Hash {
	levels := [][]Hash{ids}
	for at := ids; len(at) > 1; {
		var up []Hash
		for i := 0; i < len(at); i += 2 {
			up = append(up, parent(at[i], at[min(i+1, len(at)-1)]))
		}
		levels = append(levels, up)
		at = up
	}
	return levels
}

// prove writes a proof as BIP 37 says, by a recursion of its own.
func prove(tb testing.TB, ids []Hash, match map[int]bool) []byte {
	levels := tree(ids)
	var flags []bool
	var hashes []byte
	var walk func(level, pos int)
	walk = func(level, pos int) {
		holds := false
		for i := pos << level; i < min((pos+1)<<level, len(ids)); i++ {
			holds = holds || match[i]
		}
		flags = append(flags, holds)
		if level == 0 || !holds {
			hashes = append(hashes, levels[level][pos][:]...)
			return
		}
		walk(level-1, 2*pos)
		if 2*pos+1 < len(levels[level-1]) {
			walk(level-1, 2*pos+1)
		}
	}
	walk(len(levels)-1, 0)
	b := binary.LittleEndian.AppendUint32(mine(tb, Hash{}, levels[len(levels)-1][0]), uint32(len(ids)))
	b = append(b, byte(len(hashes)/32))
	b = append(b, hashes...)
	packed := make([]byte, (len(flags)+7)/8)
	for i, f := range flags {
		if f {
			packed[i/8] |= 1 << (i % 8)
		}
	}
	return append(append(b, byte(len(packed))), packed...)
}

// TestTxOutProof: proofs over blocks of every size name what they were made for, and
// no bit can be changed but those of the header beside its root.
func TestTxOutProof(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(rt, "transactions")
		ids := make([]Hash, n)
		for i := range ids {
			ids[i] = DoubleSHA256([]byte{byte(i)})
		}
		i := rapid.IntRange(0, n-1).Draw(rt, "index")
		b := prove(t, ids, map[int]bool{i: true})
		p, err := ParseTxOutProof(b)
		if err != nil || len(p.Matches) != 1 || p.Matches[0] != ids[i] {
			rt.Fatalf("%d of %d: %v %v", i, n, p, err)
		}
		// Every bit counts. That of a neighbour, whose hash is there anyway, says that it is asked for too.
		bit := rapid.IntRange(36*8, len(b)*8-1).Draw(rt, "bit")
		if bit >= 68*8 && bit < 80*8 {
			return // time, target and nonce: proof of work covers them
		}
		c := slices.Clone(b)
		c[bit/8] ^= 1 << (bit % 8)
		if q, err := ParseTxOutProof(c); err == nil && slices.Equal(q.Matches, p.Matches) && q.Header.MerkleRoot == p.Header.MerkleRoot && q.Transactions == p.Transactions {
			rt.Fatalf("bit %d changes nothing", bit)
		}
	})
}

// TestBranch: the branch of every leaf leads to the root, and of no other index.
func TestBranch(t *testing.T) {
	ids := make([]Hash, 8)
	for i := range ids {
		ids[i] = DoubleSHA256([]byte{byte(i)})
	}
	levels := tree(ids)
	for i := range ids {
		var branch []Hash
		for l, at := 0, i; l < 3; l, at = l+1, at/2 {
			branch = append(branch, levels[l][at^1])
		}
		for index := range uint32(16) {
			root, err := BranchRoot(ids[i], index, branch)
			if ok := err == nil && root == levels[3][0]; ok != (int(index) == i) {
				t.Errorf("leaf %d as %d: %v", i, index, ok)
			}
		}
	}
	if _, err := BranchRoot(ids[0], 1, []Hash{ids[0]}); !errors.Is(err, ErrBranch) {
		t.Error("a doubled child was taken")
	}
	if _, err := BranchRoot(ids[0], 0, make([]Hash, MaxBranch+1)); !errors.Is(err, ErrBranch) {
		t.Error("a branch that is too long was taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(unhex(f, genesisCoinbase))
	f.Add(prove(f, []Hash{{1}, {2}, {3}}, map[int]bool{1: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if tx, err := ParseTransaction(b); err == nil && (len(tx.Inputs) == 0 || len(tx.Outputs) == 0) {
			t.Error("a transaction without inputs or outputs")
		}
		if p, err := ParseTxOutProof(b); err == nil && len(p.Matches) > int(p.Transactions) {
			t.Error("more matches than transactions")
		}
	})
}
