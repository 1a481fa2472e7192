package beacon

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/sha3"

	"github.com/chancery-dev/chancery/testvectors"
)

func hexRoot(tb testing.TB, s string) Root {
	tb.Helper()
	return Root(hexBytes(tb, s, 32))
}

func hexBytes(tb testing.TB, s string, size int) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(s, "0x"))
	if err != nil || size >= 0 && len(b) != size {
		tb.Fatalf("bad hexadecimal %.80q", s)
	}
	return b
}

// The real data reach from this checkpoint, slot 7069376 in period 862, over five
// period updates to this execution block, finalized in period 867.
const (
	checkpoint = "5afc212a7924789b2bc86acad3ab3a6ffb1f6e97253ea50bee7f4f51422c9275"
	finalBlock = "bc8499537876e5406c7a65e25f99063f1cd85a17014a3aa5ade38271b1fbf64f"
)

func mainnetFile(tb testing.TB, name string) []byte {
	return testvectors.ReadShared(tb, "anchor", "helios-mainnet-capella", name)
}

func mainnetSource(tb testing.TB) Source {
	tb.Helper()
	n := Mainnet()
	boot, err := n.ParseBootstrap(mainnetFile(tb, "bootstrap.json"))
	if err != nil {
		tb.Fatal(err)
	}
	updates, err := n.ParseUpdates(mainnetFile(tb, "updates.json"))
	if err != nil {
		tb.Fatal(err)
	}
	final, err := n.ParseFinalityUpdate(mainnetFile(tb, "finality.json"))
	if err != nil {
		tb.Fatal(err)
	}
	return Source{Finality: final, Bootstrap: boot, Updates: updates}
}

// mainnetPack gives the encoded pack of one period, and trust in its committee.
func mainnetPack(tb testing.TB) ([]byte, *Trust) {
	tb.Helper()
	s := mainnetSource(tb)
	s.Bootstrap = nil
	p, err := Mainnet().BuildPack(s)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := p.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return b, &Trust{Network: Mainnet(), Committees: map[uint64]Root{867: p.Committee.Root()}, TableName: "table of the test"}
}

func TestMainnetFromCheckpoint(t *testing.T) {
	s := mainnetSource(t)
	p, err := Mainnet().BuildPack(s)
	if err != nil {
		t.Fatal(err)
	}
	p = clonePack(t, p)
	for _, every := range []bool{false, true} {
		got, err := Verify(p, &Trust{Network: Mainnet(), Checkpoints: []Root{hexRoot(t, checkpoint)}, CheckEveryKey: every})
		if err != nil {
			t.Fatal(err)
		}
		want := Finalized{
			BlockHash: hexRoot(t, finalBlock), BlockNumber: 17923026, Timestamp: 1692136151,
			ParentHash:   hexRoot(t, "b6b3931e49bd93ebe1e6d9fbd42ccaf44586be87a2186ddee34419d2b85789db"),
			StateRoot:    hexRoot(t, "226f5ff47ab3725b5a4a3afc74b1e79e4aa3a29704561eccce590e58900baec3"),
			ReceiptsRoot: hexRoot(t, "a71c4101ece61ca0fc624efdb54dc382be561a8c047a19cf5f10e530378e0b9c"),
			Slot:         7109344, AttestedSlot: 7109430, Fork: "capella",
			Period: 867, Signers: 512, CommitteeSize: 512, WeakestSigners: 510,
			Network: "mainnet", ChainID: 1, GenesisHash: Mainnet().GenesisHash,
			Trust:      "checkpoint 0x" + checkpoint + ", slot 7069376",
			BeaconRoot: s.Finality.Finalized.Beacon.Root(), CommitteeRoot: got.CommitteeRoot, Committees: got.Committees,
		}
		a, b := *got, want
		a.Committees, b.Committees = nil, nil
		if !equalFinalized(&a, &b) || len(got.Committees) != 6 || got.Committees[867] != got.CommitteeRoot {
			t.Errorf("found %+v", got)
		}

		// The table that a checkpoint yields proves the same block from one committee.
		b1, trust := mainnetPack(t)
		one, err := ParsePack(b1)
		if err != nil {
			t.Fatal(err)
		}
		if len(b1) > 27_000 {
			t.Errorf("pack of one period has %d bytes", len(b1))
		}
		trust.Committees = got.Committees
		single, err := p.Single().Encode()
		if err != nil || !bytes.Equal(single, b1) {
			t.Errorf("the last step of the chain is not the pack of one period: %v", err)
		}
		fromTable, err := Verify(one, trust)
		if err != nil || fromTable.BlockHash != want.BlockHash || fromTable.Trust != "table of the test, period 867" {
			t.Errorf("by table: %+v, %v", fromTable, err)
		}
	}
}

func equalFinalized(a, b *Finalized) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// TestMainnetRefused damages real data through the builder's eyes.
func TestMainnetRefused(t *testing.T) {
	n := Mainnet()
	cases := map[string]struct {
		change func(s *Source)
		reason Reason
	}{
		"no finality":                  {func(s *Source) { s.Finality = nil }, ErrMalformed},
		"signed too early":             {func(s *Source) { s.Finality.SignatureSlot-- }, ErrOrder},
		"update missing":               {func(s *Source) { s.Updates = s.Updates[1:] }, ErrWrongPeriod},
		"no updates":                   {func(s *Source) { s.Updates = nil }, ErrWrongPeriod},
		"neither":                      {func(s *Source) { s.Updates, s.Bootstrap = nil, nil }, ErrWrongPeriod},
		"attested execution":           {func(s *Source) { s.Finality.Attested.Execution.GasUsed++ }, ErrExecutionBranch},
		"attested branch":              {func(s *Source) { s.Finality.Attested.ExecutionBranch[0][0] ^= 1 }, ErrExecutionBranch},
		"finalized execution":          {func(s *Source) { s.Finality.Finalized.Execution.GasUsed++ }, ErrExecutionBranch},
		"future":                       {func(s *Source) { s.Finality.SignatureSlot += 1 << 30 }, ErrWrongPeriod},
		"bootstrap after":              {func(s *Source) { s.Bootstrap.Header.Beacon.Slot += 1 << 20 }, ErrWrongPeriod},
		"foreign bootstrap":            {func(s *Source) { s.Bootstrap.Committee = s.Updates[0].NextCommittee }, ErrCommitteeBranch},
		"committee without sum":        {func(s *Source) { s.Bootstrap = nil; s.Updates[4].NextCommittee.AggregatePubkey[47] ^= 1 }, ErrKey},
		"committee of a period before": {func(s *Source) { s.Bootstrap = nil; s.Committee = s.Updates[3].NextCommittee }, ErrSignature},
	}
	for name, c := range cases {
		s := mainnetSource(t)
		c.change(&s)
		if p, err := n.BuildPack(s); !errors.Is(err, c.reason) || p != nil {
			t.Errorf("%s: expected %v, found %v", name, c.reason, err)
		}
	}
}

type testBlock struct {
	Data struct {
		Message struct {
			Body struct {
				Payload map[string]json.RawMessage `json:"execution_payload"`
			}
		}
	}
}

// TestMainnetBlock recomputes the execution header that the pack proves from the block's
// own transactions and withdrawals: in the beacon chain's SSZ form, and as the execution
// chain hashes it.
func TestMainnetBlock(t *testing.T) {
	var block testBlock
	if err := json.Unmarshal(mainnetFile(t, "block-7109344.json"), &block); err != nil {
		t.Fatal(err)
	}
	payload := block.Data.Message.Body.Payload
	var txs []string
	var withdrawals []map[string]string
	if json.Unmarshal(payload["transactions"], &txs) != nil || json.Unmarshal(payload["withdrawals"], &withdrawals) != nil || len(txs) != 167 {
		t.Fatal("unexpected block")
	}
	var rawTxs, rawWithdrawals [][]byte
	var txRoots, withdrawalRoots []Root
	for _, tx := range txs {
		raw := hexBytes(t, tx, -1)
		rawTxs = append(rawTxs, raw)
		txRoots = append(txRoots, listRoot(chunksOf(raw), 25, len(raw)))
	}
	for _, w := range withdrawals {
		addr := hexBytes(t, w["address"], 20)
		index, validator, amount := number(t, w["index"]), number(t, w["validator_index"]), number(t, w["amount"])
		withdrawalRoots = append(withdrawalRoots, merkleize([]Root{uintChunk(index), uintChunk(validator), chunksOf(addr)[0], uintChunk(amount)}))
		rawWithdrawals = append(rawWithdrawals, rlpList(rlpUint(index), rlpUint(validator), rlpString(addr), rlpUint(amount)))
	}

	e := mainnetSource(t).Finality.Finalized.Execution
	if got := listRoot(txRoots, 20, len(txs)); got != e.TransactionsRoot {
		t.Errorf("transactions root %x", got)
	}
	if got := listRoot(withdrawalRoots, 4, len(withdrawals)); got != e.WithdrawalsRoot {
		t.Errorf("withdrawals root %x", got)
	}
	baseFee := slices.Clone(e.BaseFeePerGas[:])
	slices.Reverse(baseFee)
	ommers := keccak(rlpList())
	txTrie, withdrawalTrie := trieRoot(rawTxs), trieRoot(rawWithdrawals)
	header := rlpList(rlpString(e.ParentHash[:]), rlpString(ommers[:]), rlpString(e.FeeRecipient[:]), rlpString(e.StateRoot[:]),
		rlpString(txTrie[:]), rlpString(e.ReceiptsRoot[:]), rlpString(e.LogsBloom[:]), rlpUint(0), rlpUint(e.BlockNumber),
		rlpUint(e.GasLimit), rlpUint(e.GasUsed), rlpUint(e.Timestamp), rlpString(e.ExtraData), rlpString(e.PrevRandao[:]),
		rlpString(make([]byte, 8)), rlpString(bytes.TrimLeft(baseFee, "\x00")), rlpString(withdrawalTrie[:]))
	if got := keccak(header); got != hexRoot(t, finalBlock) {
		t.Errorf("block hash %x", got)
	}
}

func number(t *testing.T, s string) uint64 {
	t.Helper()
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func chunksOf(b []byte) (out []Root) {
	for ; len(b) > 0; b = b[min(32, len(b)):] {
		var c Root
		copy(c[:], b)
		out = append(out, c)
	}
	return out
}

// listRoot is the root of an SSZ list whose limit is 2^depth chunks.
func listRoot(chunks []Root, depth, length int) Root {
	var zero Root
	if len(chunks) == 0 {
		chunks = []Root{zero}
	}
	root, have := merkleize(chunks), 0
	for 1<<have < len(chunks) {
		have++
	}
	for level := range depth {
		if level >= have {
			root = hashPair(&root, &zero)
		}
		zero = hashPair(&zero, &zero)
	}
	n := uintChunk(uint64(length))
	return hashPair(&root, &n)
}

func keccak(b []byte) (out Root) {
	h := sha3.NewLegacyKeccak256()
	h.Write(b)
	h.Sum(out[:0])
	return out
}

func rlpHeader(offset byte, size int) []byte {
	if size < 56 {
		return []byte{offset + byte(size)}
	}
	length := big.NewInt(int64(size)).Bytes()
	return append([]byte{offset + 55 + byte(len(length))}, length...)
}

func rlpString(b []byte) []byte {
	if len(b) == 1 && b[0] < 0x80 {
		return b
	}
	return append(rlpHeader(0x80, len(b)), b...)
}

func rlpUint(v uint64) []byte { return rlpString(new(big.Int).SetUint64(v).Bytes()) }

func rlpList(items ...[]byte) []byte {
	body := bytes.Join(items, nil)
	return append(rlpHeader(0xc0, len(body)), body...)
}

type trieItem struct{ key, value []byte }

// trieRoot is the root of a Merkle-Patricia trie of values by RLP(index).
func trieRoot(values [][]byte) Root {
	var items []trieItem
	for i, v := range values {
		var nibbles []byte
		for _, b := range rlpUint(uint64(i)) {
			nibbles = append(nibbles, b>>4, b&15)
		}
		items = append(items, trieItem{nibbles, v})
	}
	return keccak(trieNode(items))
}

func trieNode(items []trieItem) []byte {
	if len(items) == 1 {
		return rlpList(rlpString(hexPrefix(items[0].key, 2)), rlpString(items[0].value))
	}
	shared := len(items[0].key)
	for _, it := range items[1:] {
		n := 0
		for n < shared && n < len(it.key) && it.key[n] == items[0].key[n] {
			n++
		}
		shared = n
	}
	if shared > 0 {
		prefix := items[0].key[:shared]
		for i := range items {
			items[i].key = items[i].key[shared:]
		}
		return rlpList(rlpString(hexPrefix(prefix, 0)), trieRef(items))
	}
	var children [17][]byte
	for n := range 16 {
		var below []trieItem
		for _, it := range items {
			if len(it.key) > 0 && it.key[0] == byte(n) {
				below = append(below, trieItem{it.key[1:], it.value})
			}
		}
		children[n] = []byte{0x80}
		if below != nil {
			children[n] = trieRef(below)
		}
	}
	children[16] = []byte{0x80} // no RLP(index) is a prefix of another
	return rlpList(children[:]...)
}

func trieRef(items []trieItem) []byte {
	node := trieNode(items)
	if len(node) < 32 {
		return node
	}
	h := keccak(node)
	return rlpString(h[:])
}

func hexPrefix(nibbles []byte, flag byte) []byte {
	if len(nibbles)%2 == 1 {
		nibbles = append([]byte{flag + 1}, nibbles...)
	} else {
		nibbles = append([]byte{flag, 0}, nibbles...)
	}
	var out []byte
	for i := 0; i < len(nibbles); i += 2 {
		out = append(out, nibbles[i]<<4|nibbles[i+1])
	}
	return out
}

// TestMainnetSSZ: the containers survive SSZ, and the sizes are those of the network.
func TestMainnetSSZ(t *testing.T) {
	n, s := Mainnet(), mainnetSource(t)
	b := s.Bootstrap.AppendSSZ([]byte("before"))[6:]
	boot, err := n.DecodeBootstrap("capella", b)
	if err != nil || len(b) != 25613 || boot.Header.Beacon.Root() != hexRoot(t, checkpoint) || !bytes.Equal(boot.AppendSSZ(nil), b) {
		t.Errorf("bootstrap of %d bytes: %v", len(b), err)
	}
	b = s.Updates[0].AppendSSZ(nil)
	if u, err := n.DecodeUpdate("capella", b); err != nil || !bytes.Equal(u.AppendSSZ(nil), b) {
		t.Errorf("update of %d bytes: %v", len(b), err)
	}
	b = s.Finality.AppendSSZ(nil)
	f, err := n.DecodeFinalityUpdate("capella", b)
	if err != nil || len(b) != 2026 || !bytes.Equal(f.AppendSSZ(nil), b) {
		t.Errorf("finality update of %d bytes: %v", len(b), err)
	}
	for i := range b {
		if _, err := n.DecodeFinalityUpdate("capella", b[:i]); i < 1900 && !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	for _, fork := range []string{"altair", "deneb", "electra"} {
		if _, err := n.DecodeFinalityUpdate(fork, b); !errors.Is(err, ErrMalformed) {
			t.Errorf("read as %s: %v", fork, err)
		}
	}
	for at := range 4 { // the first offset
		bad := bytes.Clone(b)
		bad[at] ^= 1
		if _, err := n.DecodeFinalityUpdate("capella", bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("offset changed: %v", err)
		}
	}
}
