package evidence

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	ethcrypto "github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/ethereum/go-ethereum/trie"
	"github.com/ethereum/go-ethereum/triedb"
	"github.com/holiman/uint256"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
	"github.com/chancery-dev/chancery/proof/beacon"
	"github.com/chancery-dev/chancery/proof/ethereum"
	"github.com/chancery-dev/chancery/proof/merkle"
)

// The world of the tests: an institution, a chain with its beacon committee, and a
// timestamping authority. All keys are the tests', so that each check can be broken
// alone with everything else, signatures included, in order.
const (
	worldIssuer = "did:web:registry.example.edu"
	worldMethod = worldIssuer + "#batch-2026"
	worldChain  = 424242
)

var (
	worldGenesis = sha256.Sum256([]byte("genesis"))
	worldTime    = time.Date(2026, 5, 10, 8, 0, 0, 0, time.UTC) // of batches
	worldNow     = worldTime.Add(90 * 24 * time.Hour)
)

type world struct {
	issuer    ed25519.PrivateKey
	sender    *ecdsa.PrivateKey
	tsa       *tsp.Authority
	tsaRoot   *x509.Certificate
	clock     time.Time // of the timestamping authority
	committee *committee
	network   *beacon.Network
}

var (
	theWorld   = sync.OnceValue(func() *world { return newWorld(beacon.MainnetPreset()) })
	smallWorld = sync.OnceValue(func() *world { return newWorld(beacon.MinimalPreset()) }) // its packs are of 3 KB
)

func newWorld(preset beacon.Preset) *world {
	w := &world{issuer: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), clock: worldTime.Add(time.Minute)}
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var err error
	w.sender, err = ethcrypto.ToECDSA(bytes.Repeat([]byte{9}, 32))
	must(err)
	now := func() time.Time { return w.clock }
	root, err := testca.NewRoot(testca.Config{Clock: now, Subject: pkix.Name{CommonName: "Test TSA Root"}})
	must(err)
	leaf, err := root.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Test TSA"}})
	must(err)
	w.tsaRoot = root.Certificate
	w.tsa, err = tsp.NewAuthority(tsp.AuthorityConfig{Certificate: leaf.Certificate, Key: cms.KeySigner(leaf.Key), Clock: now, Policy: "\x2a\x03\x04", Accuracy: time.Second})
	must(err)
	w.network = &beacon.Network{Name: "testnet", Preset: preset, ChainID: worldChain, GenesisHash: worldGenesis,
		GenesisValidatorsRoot: sha256.Sum256([]byte("validators")),
		Forks:                 []beacon.Fork{{Name: "altair", Epoch: 0, Version: [4]byte{1, 9}}, {Name: "fulu", Epoch: 2, Version: [4]byte{6, 9}}, {Name: "gloas", Epoch: 10_000, Version: [4]byte{7, 9}}}}
	w.committee = newCommittee(512, preset.CommitteeSize)
	return w
}

// slot is one of the slots of a period.
func (w *world) slot(period, i uint64) uint64 {
	return period*w.network.Preset.SlotsPerEpoch*w.network.Preset.EpochsPerPeriod + i
}

// trust is all that the auditor needs.
func (w *world) trust() *Trust {
	return &Trust{
		Now:  worldNow,
		Keys: PinnedKeys{{Issuer: worldIssuer, Method: worldMethod, Name: "Example University", Key: w.issuer.Public(), From: worldTime.Add(-1000 * time.Hour)}},
		Chains: []Chain{{ChainID: worldChain, GenesisHash: worldGenesis, Name: "testnet", Senders: [][20]byte{ethcrypto.PubkeyToAddress(w.sender.PublicKey)},
			Beacon: &beacon.Trust{Network: w.network, Committees: map[uint64]beacon.Root{worldPeriod: w.committee.public.Root()}, TableName: "table 1 of the test"}}},
		Timestamping: []*x509.Certificate{w.tsaRoot},
	}
}

// documents are the batch's.
func document(i int) []byte { return fmt.Appendf(nil, "document %d", i) }

func saltOf(i int) []byte {
	s := sha256.Sum256(fmt.Appendf(nil, "salt %d", i))
	return s[:]
}

// plan says what a batch is made of.
type plan struct {
	n       int    // documents; 0: 5
	index   int    // of the document in question
	kind    string // "": stamp
	alg     string // of the digest; "": sha-256
	second  bool   // a second tree with SHA3-256
	tenant  []byte
	seq     uint64
	prev    []byte
	log     []byte
	promise []string
	content bool
	mat     []Material
	change  func(h *Header) // before it is signed
	sign    func(h *Header) Signature
}

func (w *world) sign(tb testing.TB, h *Header) Signature {
	in, err := h.SigningInput()
	if err != nil {
		tb.Fatal(err)
	}
	return Signature{Alg: "Ed25519", Method: worldMethod, Value: ed25519.Sign(w.issuer, in)}
}

func (p *plan) subject(tb testing.TB, i int) Subject {
	alg := p.alg
	if alg == "" {
		alg = "sha-256"
	}
	d, err := SumDigest(alg, document(i))
	if err != nil {
		tb.Fatal(err)
	}
	kind := p.kind
	if kind == "" {
		kind = SubjectStamp
	}
	return Subject{kind, alg, d}
}

// batch seals a batch without anchors.
func (w *world) batch(tb testing.TB, p *plan) *Batch {
	tb.Helper()
	if p.n == 0 {
		p.n = 5
	}
	b := &Batch{Material: p.mat}
	hashes := []merkle.Hash{merkle.SHA256}
	if p.second {
		hashes = append(hashes, merkle.SHA3_256)
	}
	h := Header{Issuer: worldIssuer, Tenant: p.tenant, Seq: p.seq, Size: uint64(p.n), Time: worldTime, Prev: p.prev, Log: p.log, Promise: p.promise}
	for _, hash := range hashes {
		t, err := merkle.Build(hash, p.n, func(i int) []byte {
			leaf, err := LeafData(hash, p.subject(tb, i), saltOf(i), p.tenant)
			if err != nil {
				tb.Fatal(err)
			}
			return leaf
		})
		if err != nil {
			tb.Fatal(err)
		}
		b.Trees = append(b.Trees, t)
		h.Roots = append(h.Roots, Root{hash.String(), t.Root()})
	}
	if p.change != nil {
		p.change(&h)
	}
	b.Header = h
	if p.sign != nil {
		b.Signature = p.sign(&h)
	} else {
		b.Signature = w.sign(tb, &h)
	}
	return b
}

// bundle makes the bundle of the plan's document, with these anchors.
func (w *world) bundle(tb testing.TB, p plan, anchors ...func(d [32]byte, statement []byte) Anchor) *Bundle {
	tb.Helper()
	b := w.batch(tb, &p)
	statement, err := b.Statement()
	if err != nil {
		tb.Fatal(err)
	}
	for _, a := range anchors {
		b.Anchors = append(b.Anchors, a(sha256.Sum256(statement), statement))
	}
	it := Item{Index: p.index, Subject: p.subject(tb, p.index), Salt: saltOf(p.index)}
	if p.content {
		it.Content = document(p.index)
	}
	out, err := b.Bundle(it)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// token makes a timestamp at a time.
func (w *world) token(tb testing.TB, at time.Time, h crypto.Hash, message []byte) []byte {
	tb.Helper()
	w.clock = at
	defer func() { w.clock = worldTime.Add(time.Minute) }()
	b, err := w.tsa.Token(context.Background(), &tsp.Request{Hash: h, Digest: imprintOf(h, message), Nonce: big.NewInt(1 << 62), Certificates: true})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func (w *world) tsaAnchor(tb testing.TB) func([32]byte, []byte) Anchor {
	return func(_ [32]byte, statement []byte) Anchor {
		return Anchor{Type: AnchorTimestamp, Timestamp: &Timestamp{NewPart(w.token(tb, worldTime.Add(2*time.Minute), crypto.SHA256, statement))}}
	}
}

// ethPlan says how a transaction gets into a final block.
type ethPlan struct {
	chainID uint64 // in the transaction; 0: the world's
	txs     int    // in the block; 0: 40
	index   int
	shown   int                     // how far from index the transaction is that is shown
	data    func(d [32]byte) []byte // nil: the digest
	create  bool                    // the transaction creates a contract
	raw     func(tx []byte) []byte  // changes the signed transaction before it gets into the block
	key     *ecdsa.PrivateKey       // nil: the world's sender
	headers int                     // how many lead to the final block
	history bool                    // the history contract leads there
	deep    bool                    // its proofs are as deep as mainnet's
	noPack  bool
	at      time.Time // of the block; zero: ten minutes after the batch
	forge   func(f *finalPlan)
}

// finalPlan is what a forger may change before the committee signs.
type finalPlan struct {
	final     *types.Header // the execution block
	attested  uint64        // slots
	finalized uint64
	version   [4]byte
	signers   int
	committee *committee
}

func (w *world) ethAnchor(tb testing.TB, p ethPlan) func([32]byte, []byte) Anchor {
	tb.Helper()
	return func(d [32]byte, _ []byte) Anchor {
		e, final := w.transaction(tb, p, d)
		if !p.noPack {
			part := NewPart(w.pack(tb, final, p.forge))
			e.Pack = &part
		}
		return Anchor{Type: AnchorEth, Eth: e}
	}
}

type nodeList struct{ nodes [][]byte }

func (l *nodeList) Put(_, value []byte) error {
	l.nodes = append(l.nodes, bytes.Clone(value))
	return nil
}
func (l *nodeList) Delete([]byte) error { return errors.New("not used") }

func newTrie() *trie.Trie {
	return trie.NewEmpty(triedb.NewDatabase(rawdb.NewMemoryDatabase(), nil))
}

func prove(tb testing.TB, t *trie.Trie, key []byte) [][]byte {
	var l nodeList
	t.Hash()
	if err := t.Prove(key, &l); err != nil {
		tb.Fatal(err)
	}
	return l.nodes
}

// transaction puts the digest into a block, and leads to a final one.
func (w *world) transaction(tb testing.TB, p ethPlan, d [32]byte) (*Eth, *types.Header) {
	tb.Helper()
	if p.txs == 0 {
		p.txs, p.index = 40, 11
	}
	if p.chainID == 0 {
		p.chainID = worldChain
	}
	if p.key == nil {
		p.key = w.sender
	}
	if p.at.IsZero() {
		p.at = worldTime.Add(10 * time.Minute)
	}
	data := d[:]
	if p.data != nil {
		data = p.data(d)
	}
	self := ethcrypto.PubkeyToAddress(p.key.PublicKey)
	txTrie := newTrie()
	for i := range p.txs {
		inner := &types.DynamicFeeTx{ChainID: new(big.Int).SetUint64(p.chainID), Nonce: uint64(i), To: &self, Gas: 30_000, GasFeeCap: big.NewInt(2e9), GasTipCap: big.NewInt(1e9), Data: bytes.Repeat([]byte{byte(i)}, 4+i*3)}
		if i == p.index {
			inner.Data = data
			if p.create {
				inner.To = nil
			}
		}
		tx, err := types.SignNewTx(p.key, types.NewPragueSigner(new(big.Int).SetUint64(p.chainID)), inner)
		if err != nil {
			tb.Fatal(err)
		}
		raw, err := tx.MarshalBinary()
		if err != nil {
			tb.Fatal(err)
		}
		if i == p.index && p.raw != nil {
			raw = p.raw(raw)
		}
		key, _ := rlp.EncodeToBytes(uint64(i))
		txTrie.MustUpdate(key, raw)
	}
	zero := uint64(0)
	block := &types.Header{Number: big.NewInt(20_000_000), Difficulty: new(big.Int), GasLimit: 36e6, GasUsed: 22_280, Time: uint64(p.at.Unix()), BaseFee: big.NewInt(7e8),
		TxHash: txTrie.Hash(), WithdrawalsHash: &common.Hash{1}, BlobGasUsed: &zero, ExcessBlobGas: &zero, ParentBeaconRoot: &common.Hash{2}, RequestsHash: &common.Hash{3}, Extra: []byte("test")}
	shown := uint64(p.index + p.shown)
	key, _ := rlp.EncodeToBytes(shown)
	tx := &TxProof{Index: shown, Nodes: prove(tb, txTrie, key), Header: encodeHeader(tb, block)}
	e := &Eth{ChainID: worldChain, GenesisHash: worldGenesis, Tx: *partOf(tb, tx)}
	final := block
	var link Link
	for i := range p.headers {
		next := types.CopyHeader(block)
		next.ParentHash, next.Number, next.Time = final.Hash(), new(big.Int).Add(final.Number, big.NewInt(1)), final.Time+12
		next.Extra = fmt.Appendf(nil, "block %d", i)
		link.Headers = append(link.Headers, encodeHeader(tb, next))
		final = next
	}
	if p.history {
		final, link.History = history(tb, block, p.deep)
	}
	if p.headers > 0 || p.history {
		e.Link = partOf(tb, &link)
	}
	return e, final
}

// partOf makes a part of what has an encoding.
func partOf(tb testing.TB, x interface{ Encode() ([]byte, error) }) *Part {
	tb.Helper()
	b, err := x.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	p := NewPart(b)
	return &p
}

// minedIn reads the transaction of a bundle's first anchor.
func minedIn(tb testing.TB, b *Bundle) *TxProof {
	tb.Helper()
	p, err := ParseTxProof(b.Anchors[0].Eth.Tx.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func encodeHeader(tb testing.TB, h *types.Header) []byte {
	b, err := rlp.EncodeToBytes(h)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// history makes a block 5000 later whose state remembers the older one.
func history(tb testing.TB, old *types.Header, deep bool) (*types.Header, *History) {
	storage, state := newTrie(), newTrie()
	word, _ := rlp.EncodeToBytes(old.Hash().Bytes())
	number := old.Number.Uint64()
	for i := uint64(0); i < 400; i++ {
		slot := ethereum.HistorySlot(number + i)
		storage.MustUpdate(ethcrypto.Keccak256(slot[:]), word)
	}
	for i := range 2000 {
		state.MustUpdate(ethcrypto.Keccak256([]byte{byte(i), byte(i >> 8)}), word)
	}
	account, err := rlp.EncodeToBytes(&types.StateAccount{Nonce: 1, Balance: uint256.NewInt(0), Root: storage.Hash(), CodeHash: ethcrypto.Keccak256(nil)})
	if err != nil {
		tb.Fatal(err)
	}
	at := ethcrypto.Keccak256(ethereum.HistoryContract[:])
	state.MustUpdate(at, account)
	final := types.CopyHeader(old)
	final.Root, final.Number, final.Time = state.Hash(), new(big.Int).SetUint64(number+5000), old.Time+60_000
	slot := ethereum.HistorySlot(number)
	if deep {
		deepen(state, at, 7)
		deepen(storage, ethcrypto.Keccak256(slot[:]), 3)
		account, err = rlp.EncodeToBytes(&types.StateAccount{Nonce: 1, Balance: uint256.NewInt(0), Root: storage.Hash(), CodeHash: ethcrypto.Keccak256(nil)})
		if err != nil {
			tb.Fatal(err)
		}
		state.MustUpdate(at, account)
		final.Root = state.Hash()
	}
	return final, &History{Header: encodeHeader(tb, final), AccountProof: prove(tb, state, at), StorageProof: prove(tb, storage, ethcrypto.Keccak256(slot[:]))}
}

// deepen makes the nodes on the way to a key branches with all 16 children, down to a
// level; the next is a branch with two, and below it is the key's leaf.
func deepen(t *trie.Trie, key []byte, full int) {
	for level := range full + 1 {
		shift := 4 - level%2*4
		own := key[level/2] >> shift & 15
		for nibble := range byte(16) {
			if nibble == own || level == full && nibble != own^1 {
				continue
			}
			k := bytes.Clone(key)
			k[level/2] = k[level/2]&^(15<<shift) | nibble<<shift
			k[31] ^= 1
			t.MustUpdate(k, bytes.Repeat([]byte{1}, 40))
		}
	}
}
