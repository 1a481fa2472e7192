package ethereum

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/ethereum/go-ethereum/trie"
	"github.com/ethereum/go-ethereum/triedb"
	"github.com/holiman/uint256"

	"github.com/chancery-dev/chancery/testvectors"
)

func newTrie(tb testing.TB) *trie.Trie {
	tb.Helper()
	return trie.NewEmpty(triedb.NewDatabase(rawdb.NewMemoryDatabase(), nil))
}

// nodeList collects proof nodes in the order in which the trie gives them.
type nodeList struct{ nodes [][]byte }

func (l *nodeList) Put(_, value []byte) error {
	l.nodes = append(l.nodes, bytes.Clone(value))
	return nil
}
func (l *nodeList) Delete([]byte) error { return errors.New("not used") }

// block makes n signed transactions of every type and the trie over them.
func block(tb testing.TB, n int) (root common.Hash, txs []*types.Transaction, key *ecdsa.PrivateKey, prove func(i int) [][]byte) {
	tb.Helper()
	key, err := crypto.HexToECDSA("45a915e4d060149eb4365960e6a7a45f334393093061116b197e3240065ff2d8")
	if err != nil {
		tb.Fatal(err)
	}
	signer := types.NewPragueSigner(big.NewInt(1337))
	to := common.Address{1, 2, 3}
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range n {
		data := make([]byte, rng.IntN(300))
		for j := range data {
			data[j] = byte(rng.Uint32())
		}
		var inner types.TxData
		switch i % 6 {
		case 0:
			inner = &types.LegacyTx{Nonce: uint64(i), To: &to, Gas: 21000, GasPrice: big.NewInt(7), Data: data, Value: big.NewInt(int64(i))}
		case 1:
			inner = &types.AccessListTx{ChainID: big.NewInt(1337), Nonce: uint64(i), To: &to, Data: data, GasPrice: big.NewInt(3), AccessList: types.AccessList{{Address: to, StorageKeys: []common.Hash{{1}}}}}
		case 2:
			inner = &types.DynamicFeeTx{ChainID: big.NewInt(1337), Nonce: uint64(i), To: &to, Data: data, GasFeeCap: big.NewInt(1e9), GasTipCap: big.NewInt(2)}
		case 3:
			inner = &types.BlobTx{ChainID: uint256.NewInt(1337), Nonce: uint64(i), To: to, Data: data, BlobHashes: []common.Hash{{1}}, BlobFeeCap: uint256.NewInt(1)}
		case 4:
			inner = &types.SetCodeTx{ChainID: uint256.NewInt(1337), Nonce: uint64(i), To: to, Data: data, AuthList: []types.SetCodeAuthorization{{Address: to}}}
		case 5:
			inner = &types.DynamicFeeTx{ChainID: big.NewInt(1337), Nonce: uint64(i), Data: data} // creates a contract
		}
		tx, err := types.SignNewTx(key, signer, inner)
		if err != nil {
			tb.Fatal(err)
		}
		txs = append(txs, tx)
	}
	t := newTrie(tb)
	for i, tx := range txs {
		raw, err := tx.MarshalBinary()
		if err != nil {
			tb.Fatal(err)
		}
		k, _ := rlp.EncodeToBytes(uint64(i))
		if err := t.Update(k, raw); err != nil {
			tb.Fatal(err)
		}
	}
	return t.Hash(), txs, key, func(i int) [][]byte {
		k, _ := rlp.EncodeToBytes(uint64(i))
		var l nodeList
		if err := t.Prove(k, &l); err != nil {
			tb.Fatal(err)
		}
		return l.nodes
	}
}

func TestTransactionsAgreeWithGoEthereum(t *testing.T) {
	for _, n := range []int{1, 2, 10, 150, 400} {
		root, txs, key, prove := block(t, n)
		if want := types.DeriveSha(types.Transactions(txs), trie.NewStackTrie(nil)); want != root {
			t.Fatal("the test's own trie is wrong")
		}
		for i, tx := range txs {
			raw, err := ProveTransaction(Hash(root), uint64(i), prove(i))
			if err != nil {
				t.Fatalf("%d of %d: %v", i, n, err)
			}
			got, err := ParseTransaction(raw)
			if err != nil {
				t.Fatalf("%d of %d (type %d): %v", i, n, tx.Type(), err)
			}
			sender, err := got.Sender()
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case got.Hash != Hash(tx.Hash()), got.ChainID != 1337, got.Nonce != tx.Nonce(), got.Type != tx.Type(),
				!bytes.Equal(got.Data, tx.Data()), (got.To == nil) != (tx.To() == nil),
				got.To != nil && common.Address(*got.To) != *tx.To(), sender != Address(crypto.PubkeyToAddress(key.PublicKey)):
				t.Fatalf("%d of %d (type %d) decoded differently", i, n, tx.Type())
			}
			if _, err := ProveTransaction(Hash(root), uint64(i+1), prove(i)); err == nil && n > 1 {
				t.Fatal("a proof holds for another index")
			}
		}
	}
}

// TestUnprotectedLegacy: a transaction from before EIP-155 names no chain.
func TestUnprotectedLegacy(t *testing.T) {
	key, _ := crypto.GenerateKey()
	tx, err := types.SignNewTx(key, types.HomesteadSigner{}, &types.LegacyTx{To: &common.Address{}, GasPrice: big.NewInt(1)})
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tx.MarshalBinary()
	got, err := ParseTransaction(raw)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := got.Sender()
	if err != nil || got.ChainID != 0 || sender != Address(crypto.PubkeyToAddress(key.PublicKey)) {
		t.Fatalf("chain %d, sender %x, %v", got.ChainID, sender, err)
	}
}

// TestEveryBitCounts flips each bit of the proofs of several blocks.
func TestEveryBitCounts(t *testing.T) {
	flips := 0
	for _, n := range []int{1, 10, 150} {
		root, _, _, prove := block(t, n)
		for _, i := range []int{0, n / 2, n - 1} {
			nodes := prove(i)
			for _, node := range nodes {
				for bit := range len(node) * 8 {
					node[bit/8] ^= 1 << (bit % 8)
					if _, err := ProveTransaction(Hash(root), uint64(i), nodes); err == nil {
						t.Fatalf("accepted with bit %d flipped", bit)
					}
					node[bit/8] ^= 1 << (bit % 8)
					flips++
				}
			}
		}
	}
	t.Logf("%d flips, 0 accepted", flips)
}

func TestTrieRefuses(t *testing.T) {
	root, _, _, prove := block(t, 150)
	nodes := prove(77)
	for name, forged := range map[string][][]byte{
		"none":          nil,
		"cut":           nodes[:len(nodes)-1],
		"one twice":     append(append([][]byte{}, nodes[0]), nodes...),
		"one more":      append(append([][]byte{}, nodes...), nodes[0]),
		"another order": {nodes[1], nodes[0]},
		"too many":      make([][]byte, MaxTrieNodes+1),
		"not RLP":       {[]byte("hello")},
	} {
		if _, err := ProveTransaction(Hash(root), 77, forged); !errors.Is(err, ErrProof) {
			t.Errorf("%s: expected ErrProof, found %v", name, err)
		}
	}
}

// TestRandomTries: whatever go-ethereum proves, ours finds the same value, small nodes
// inside others included.
func TestRandomTries(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 200 {
		tr := newTrie(t)
		want := map[string]string{}
		for range 1 + rng.IntN(60) {
			key := make([]byte, 2)
			key[0], key[1] = byte(rng.Uint32()&0x13), byte(rng.Uint32())
			value := make([]byte, 1+rng.IntN(40))
			value[0] = 1
			want[string(key)] = string(value)
			tr.MustUpdate(key, value)
		}
		root := tr.Hash()
		for key, value := range want {
			var l nodeList
			if err := tr.Prove([]byte(key), &l); err != nil {
				t.Fatal(err)
			}
			got, err := ProveTrie(Hash(root), []byte(key), l.nodes)
			if err != nil || string(got) != value {
				t.Fatalf("%x: %v", key, err)
			}
			absent := []byte{key[0] ^ 0x20, key[1]}
			l = nodeList{}
			if err := tr.Prove(absent, &l); err != nil {
				t.Fatal(err)
			}
			if _, err := ProveTrie(Hash(root), absent, l.nodes); err == nil {
				t.Fatal("found a value that is not there")
			}
		}
	}
}

func TestHistory(t *testing.T) {
	storage := newTrie(t)
	old := Keccak256([]byte("an older block"))
	slot := HistorySlot(20_000_000 - 8000)
	key := Keccak256(slot[:])
	word, _ := rlp.EncodeToBytes(old[:])
	storage.MustUpdate(key[:], word)
	for i := range 50 {
		k := Keccak256([]byte{byte(i)})
		storage.MustUpdate(k[:], word)
	}
	state := newTrie(t)
	for i := range 50 {
		k := Keccak256([]byte{9, byte(i)})
		state.MustUpdate(k[:], word)
	}
	account, err := rlp.EncodeToBytes(&types.StateAccount{Nonce: 1, Balance: uint256.NewInt(0), Root: storage.Hash(), CodeHash: crypto.Keccak256(nil)})
	if err != nil {
		t.Fatal(err)
	}
	at := Keccak256(HistoryContract[:])
	state.MustUpdate(at[:], account)
	var accountProof, storageProof nodeList
	root := state.Hash()
	if err := state.Prove(at[:], &accountProof); err != nil {
		t.Fatal(err)
	}
	if err := storage.Prove(key[:], &storageProof); err != nil {
		t.Fatal(err)
	}
	newer := Header{Number: 20_000_000, StateRoot: Hash(root)}
	got, err := ProveHistory(newer, 20_000_000-8000, accountProof.nodes, storageProof.nodes)
	if err != nil || got != old {
		t.Fatalf("found %x, %v", got, err)
	}
	for _, number := range []uint64{20_000_000, 20_000_001, 20_000_000 - 8001, 20_000_000 - 8192, 1} {
		if _, err := ProveHistory(newer, number, accountProof.nodes, storageProof.nodes); err == nil {
			t.Errorf("block %d: accepted", number)
		}
	}
}

func TestHeadersAgreeWithGoEthereum(t *testing.T) {
	zero := uint64(0)
	for i, h := range []*types.Header{
		{Number: big.NewInt(1), Difficulty: big.NewInt(131072), GasLimit: 1, Time: 5},
		{Number: big.NewInt(1), Difficulty: new(big.Int), BaseFee: big.NewInt(7)},
		{Number: big.NewInt(1e9), Difficulty: new(big.Int), BaseFee: big.NewInt(7), WithdrawalsHash: &common.Hash{1}, Extra: []byte("extra")},
		{Number: big.NewInt(22), Difficulty: new(big.Int), BaseFee: big.NewInt(7), WithdrawalsHash: &common.Hash{1}, BlobGasUsed: &zero, ExcessBlobGas: &zero, ParentBeaconRoot: &common.Hash{2}, RequestsHash: &common.Hash{3}, Root: common.Hash{4}, TxHash: common.Hash{5}, ParentHash: common.Hash{6}, ReceiptHash: common.Hash{7}, Time: 1 << 40},
	} {
		raw, err := rlp.EncodeToBytes(h)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseHeader(raw)
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if got.Hash != Hash(h.Hash()) || got.Number != h.Number.Uint64() || got.Time != h.Time || got.StateRoot != Hash(h.Root) ||
			got.TransactionsRoot != Hash(h.TxHash) || got.ParentHash != Hash(h.ParentHash) || got.ReceiptsRoot != Hash(h.ReceiptHash) ||
			h.ParentBeaconRoot != nil && got.BeaconRoot != Hash(*h.ParentBeaconRoot) {
			t.Errorf("%d: decoded differently: %+v", i, got)
		}
		for cut := range raw {
			if _, err := ParseHeader(raw[:cut]); err == nil {
				t.Fatalf("%d: accepted %d bytes", i, cut)
			}
		}
	}
}

func TestParseChain(t *testing.T) {
	var chain [][]byte
	parent := common.Hash{}
	for i := range 5 {
		h := &types.Header{Number: big.NewInt(int64(100 + i)), Difficulty: new(big.Int), ParentHash: parent}
		raw, _ := rlp.EncodeToBytes(h)
		chain = append(chain, raw)
		parent = h.Hash()
	}
	if _, err := ParseChain(chain); err != nil {
		t.Fatal(err)
	}
	for name, forged := range map[string][][]byte{
		"gap":     {chain[0], chain[2]},
		"reverse": {chain[1], chain[0]},
		"twice":   {chain[1], chain[1]},
	} {
		if _, err := ParseChain(forged); !errors.Is(err, ErrHeader) {
			t.Errorf("%s: expected ErrHeader, found %v", name, err)
		}
	}
}

// TestMainnetBlock proves every transaction of a real block against the root that its
// header commits to.
func TestMainnetBlock(t *testing.T) {
	text := testvectors.ReadShared(t, "anchor", "helios-mainnet-capella", "block-7109344.json")
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	raws := transactionsOf(doc)
	if len(raws) != 167 {
		t.Fatalf("expected the 167 transactions of block 17923026, found %d", len(raws))
	}
	tr := newTrie(t)
	txs := make([]*types.Transaction, len(raws))
	for i, raw := range raws {
		txs[i] = new(types.Transaction)
		if err := txs[i].UnmarshalBinary(raw); err != nil {
			t.Fatal(err)
		}
		k, _ := rlp.EncodeToBytes(uint64(i))
		tr.MustUpdate(k, raw)
	}
	root := tr.Hash()
	signer := types.LatestSignerForChainID(big.NewInt(1))
	size, largest := 0, 0
	for i, raw := range raws {
		k, _ := rlp.EncodeToBytes(uint64(i))
		var l nodeList
		if err := tr.Prove(k, &l); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, node := range l.nodes {
			n += len(node)
		}
		size, largest = size+n, max(largest, n)
		got, err := ProveTransaction(Hash(root), uint64(i), l.nodes)
		if err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("transaction %d: %v", i, err)
		}
		tx, err := ParseTransaction(got)
		if err != nil {
			t.Fatalf("transaction %d: %v", i, err)
		}
		want, err := types.Sender(signer, txs[i])
		if err != nil {
			t.Fatal(err)
		}
		if sender, err := tx.Sender(); err != nil || sender != Address(want) || tx.Hash != Hash(txs[i].Hash()) {
			t.Fatalf("transaction %d: sender %x, %v", i, sender, err)
		}
	}
	t.Logf("%d proofs, mean %d bytes, largest %d", len(raws), size/len(raws), largest)
}

// transactionsOf finds the list of hex transactions wherever the block's JSON has it.
func transactionsOf(v any) [][]byte {
	switch v := v.(type) {
	case map[string]any:
		if list, ok := v["transactions"].([]any); ok {
			var out [][]byte
			for _, x := range list {
				b, err := hex.DecodeString(x.(string)[2:])
				if err == nil {
					out = append(out, b)
				}
			}
			return out
		}
		for _, x := range v {
			if out := transactionsOf(x); out != nil {
				return out
			}
		}
	}
	return nil
}

func TestRLPRefuses(t *testing.T) {
	for _, s := range []string{
		"", "8100", "817f", "b800", "b837" + "00", "b90001", "c1", "c28100", "f800", "f80100", "bfffffffffffffffff", "ffffffffffffffffff", "c0c0",
	} {
		b, _ := hex.DecodeString(s)
		if _, err := decodeList(b); !errors.Is(err, ErrRLP) {
			t.Errorf("%s: expected ErrRLP, found %v", s, err)
		}
	}
	many := appendList(nil, bytes.Repeat([]byte{1}, maxItems+1))
	if _, err := decodeList(many); !errors.Is(err, ErrRLP) {
		t.Errorf("too many items: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	root, txs, _, prove := block(f, 12)
	for i, tx := range txs {
		raw, _ := tx.MarshalBinary()
		f.Add(raw)
		f.Add(prove(i)[0])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if tx, err := ParseTransaction(b); err == nil {
			sender, serr := tx.Sender()
			var want types.Transaction
			// go-ethereum's signer panics on chain 0.
			if err := want.UnmarshalBinary(b); err == nil && want.Hash() == common.Hash(tx.Hash) && (want.ChainId().Sign() > 0 || !want.Protected()) {
				var signer types.Signer = types.HomesteadSigner{}
				if want.Protected() {
					signer = types.LatestSignerForChainID(want.ChainId())
				}
				from, werr := types.Sender(signer, &want)
				if serr == nil && werr == nil && Address(from) != sender {
					t.Fatalf("senders differ")
				}
			}
		}
		if h, err := ParseHeader(b); err == nil && h.Hash != Keccak256(b) {
			t.Fatal("hash differs")
		}
		if _, err := ProveTrie(Hash(root), []byte{1}, [][]byte{b}); err == nil && Keccak256(b) != Hash(root) {
			t.Fatal("proof with another root")
		}
	})
}

// BenchmarkInclusion: one transaction of a block of 150, proof and sender.
func BenchmarkInclusion(b *testing.B) {
	root, _, _, prove := block(b, 150)
	nodes := prove(75)
	for _, sender := range []bool{false, true} {
		b.Run(fmt.Sprintf("sender=%v", sender), func(b *testing.B) {
			b.ReportAllocs()
			start := time.Now()
			for b.Loop() {
				raw, err := ProveTransaction(Hash(root), 75, nodes)
				if err != nil {
					b.Fatal(err)
				}
				tx, err := ParseTransaction(raw)
				if err != nil {
					b.Fatal(err)
				}
				if sender {
					if _, err := tx.Sender(); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(time.Since(start).Microseconds())/float64(b.N), "µs")
		})
	}
}
