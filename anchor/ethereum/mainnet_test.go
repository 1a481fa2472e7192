package ethereum_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	geth "github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/trie"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/anchor/ethereum"
	"github.com/chancery-dev/chancery/proof/beacon"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/testvectors"
)

// mainnetNode serves two blocks of the main network: the genesis block and the one that
// is final.
type mainnetNode struct {
	hostile
	genesis *types.Header
	block   *types.Block
	older   *types.Block // nil: none
}

func (m *mainnetNode) ChainID(context.Context) (*big.Int, error) { return big.NewInt(1), nil }

func (m *mainnetNode) HeaderByNumber(_ context.Context, n *big.Int) (*types.Header, error) {
	switch {
	case n == nil || n.Sign() < 0 || n.Cmp(m.block.Number()) == 0:
		return m.block.Header(), nil
	case n.Sign() == 0:
		return m.genesis, nil
	case m.older != nil && n.Cmp(m.older.Number()) == 0:
		return m.older.Header(), nil
	}
	return nil, geth.NotFound
}

func (m *mainnetNode) BlockByHash(_ context.Context, h common.Hash) (*types.Block, error) {
	switch {
	case h == m.block.Hash():
		return m.block, nil
	case m.older != nil && h == m.older.Hash():
		return m.older, nil
	}
	return nil, geth.NotFound
}

func mainnetFile(t *testing.T, name string) []byte {
	return testvectors.ReadShared(t, "anchor", "helios-mainnet-capella", name)
}

// mainnetBlock makes execution block 17923026 of the beacon block that holds it.
func mainnetBlock(t *testing.T) *types.Block {
	t.Helper()
	var file struct {
		Data struct {
			Message struct {
				Body struct {
					Payload struct {
						ParentHash    common.Hash     `json:"parent_hash"`
						FeeRecipient  common.Address  `json:"fee_recipient"`
						StateRoot     common.Hash     `json:"state_root"`
						ReceiptsRoot  common.Hash     `json:"receipts_root"`
						LogsBloom     hexutil.Bytes   `json:"logs_bloom"`
						PrevRandao    common.Hash     `json:"prev_randao"`
						BlockNumber   string          `json:"block_number"`
						GasLimit      string          `json:"gas_limit"`
						GasUsed       string          `json:"gas_used"`
						Timestamp     string          `json:"timestamp"`
						ExtraData     hexutil.Bytes   `json:"extra_data"`
						BaseFeePerGas string          `json:"base_fee_per_gas"`
						Transactions  []hexutil.Bytes `json:"transactions"`
						Withdrawals   []struct {
							Index          string         `json:"index"`
							ValidatorIndex string         `json:"validator_index"`
							Address        common.Address `json:"address"`
							Amount         string         `json:"amount"`
						} `json:"withdrawals"`
					} `json:"execution_payload"`
				} `json:"body"`
			} `json:"message"`
		} `json:"data"`
	}
	if err := json.Unmarshal(mainnetFile(t, "block-7109344.json"), &file); err != nil {
		t.Fatal(err)
	}
	p := file.Data.Message.Body.Payload
	u := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var txs types.Transactions
	for _, raw := range p.Transactions {
		tx := new(types.Transaction)
		if err := tx.UnmarshalBinary(raw); err != nil {
			t.Fatal(err)
		}
		txs = append(txs, tx)
	}
	var ws types.Withdrawals
	for _, w := range p.Withdrawals {
		ws = append(ws, &types.Withdrawal{Index: u(w.Index), Validator: u(w.ValidatorIndex), Address: w.Address, Amount: u(w.Amount)})
	}
	wroot := types.DeriveSha(ws, trie.NewStackTrie(nil))
	h := &types.Header{
		ParentHash: p.ParentHash, UncleHash: types.EmptyUncleHash, Coinbase: p.FeeRecipient, Root: p.StateRoot,
		TxHash: types.DeriveSha(txs, trie.NewStackTrie(nil)), ReceiptHash: p.ReceiptsRoot, Bloom: types.BytesToBloom(p.LogsBloom),
		Difficulty: new(big.Int), Number: new(big.Int).SetUint64(u(p.BlockNumber)), GasLimit: u(p.GasLimit), GasUsed: u(p.GasUsed),
		Time: u(p.Timestamp), Extra: p.ExtraData, MixDigest: p.PrevRandao, BaseFee: new(big.Int).SetUint64(u(p.BaseFeePerGas)), WithdrawalsHash: &wroot,
	}
	b := types.NewBlockWithHeader(h).WithBody(types.Body{Transactions: txs, Withdrawals: ws})
	if want := common.HexToHash("bc8499537876e5406c7a65e25f99063f1cd85a17014a3aa5ade38271b1fbf64f"); b.Hash() != want {
		t.Fatalf("expected block %s, found %s", want, b.Hash())
	}
	return b
}

// beaconNode serves the main network's data of August 2023 as a beacon node does.
func beaconNode(t *testing.T, change func(path string, body []byte) (int, []byte)) string {
	t.Helper()
	finality := mainnetFile(t, "finality.json")
	var updates []json.RawMessage
	if err := json.Unmarshal(mainnetFile(t, "updates.json"), &updates); err != nil {
		t.Fatal(err)
	}
	const first = 862 // period of the first update
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, status := finality, http.StatusOK
		if strings.HasSuffix(r.URL.Path, "/updates") {
			period, err := strconv.Atoi(r.URL.Query().Get("start_period"))
			if err != nil || r.URL.Query().Get("count") != "1" || period < first || period >= first+len(updates) {
				http.Error(w, "no such period", http.StatusNotFound)
				return
			}
			body = fmt.Appendf(nil, "[%s]", updates[period-first])
		} else if r.URL.Path != "/eth/v1/beacon/light_client/finality_update" {
			http.NotFound(w, r)
			return
		}
		if change != nil {
			status, body = change(r.URL.Path, body)
		}
		w.WriteHeader(status)
		w.Write(body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestMainnet proves a transaction of the main network with a finality pack, all made of
// what nodes serve, and has the verifying side check both.
func TestMainnet(t *testing.T) {
	block := mainnetBlock(t)
	genesis := core.DefaultGenesisBlock().ToBlock().Header()
	node := &mainnetNode{genesis: genesis, block: block}
	now := time.Unix(int64(block.Time()), 0).Add(20 * time.Minute)
	config := func(url string) ethereum.Config {
		return ethereum.Config{
			ChainID: 1, Genesis: genesis.Hash(), Key: testKey(t, 1), Clock: func() time.Time { return now },
			Endpoints: []ethereum.Endpoint{{Name: "node", RPC: node}},
			Beacon:    &ethereum.Beacon{URL: url, HTTP: &http.Client{}, Network: beacon.Mainnet()},
		}
	}
	chain, err := ethereum.New(config(beaconNode(t, nil)))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := block.Transactions()[100].MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	place := anchor.Place{TxIndex: 100, Block: evidence.Block{Number: block.NumberU64(), Hash: block.Hash()}}
	tx := anchor.Tx{Hash: block.Transactions()[100].Hash(), Raw: raw}
	p, err := chain.Prove(t.Context(), place, tx)
	if err != nil {
		t.Fatal(err)
	}
	if p.Eth.Link != nil || p.Eth.Pack == nil || p.Final != place.Block {
		t.Fatalf("found %+v", p)
	}
	pack, err := beacon.ParsePack(p.Eth.Pack.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	final, err := beacon.Verify(pack, &beacon.Trust{Network: beacon.Mainnet(), Committees: map[uint64]beacon.Root{867: pack.Committee.Root()}})
	if err != nil || final.BlockHash != beacon.Root(block.Hash()) {
		t.Fatalf("found %+v, %v", final, err)
	}
	t.Logf("pack of %d bytes; %s", len(p.Eth.Pack.Bytes), p.RestsOn)
	// Another transaction than the one asked about is not proven.
	other := tx
	other.Raw = append([]byte(nil), raw...)
	other.Raw[40] ^= 1
	if _, err := chain.Prove(t.Context(), place, other); err == nil {
		t.Error("a transaction that is not in the block is proven")
	}
	gone := place
	gone.Block.Hash[0] ^= 1
	if _, err := chain.Prove(t.Context(), gone, tx); !errors.Is(err, anchor.ErrReorganised) {
		t.Errorf("expected ErrReorganised, found %v", err)
	}
	for name, change := range map[string]func(string, []byte) (int, []byte){
		"status":   func(_ string, b []byte) (int, []byte) { return 500, b },
		"empty":    func(string, []byte) (int, []byte) { return 200, nil },
		"not JSON": func(string, []byte) (int, []byte) { return 200, []byte("<html>") },
		"huge":     func(string, []byte) (int, []byte) { return 200, make([]byte, 9<<20) },
		"cut":      func(_ string, b []byte) (int, []byte) { return 200, b[:len(b)-5] },
		"no updates": func(p string, b []byte) (int, []byte) {
			if strings.HasSuffix(p, "updates") {
				b = []byte("[]")
			}
			return 200, b
		},
		"other slot": func(_ string, b []byte) (int, []byte) {
			return 200, []byte(strings.Replace(string(b), "7109344", "7109343", 1))
		},
		"signature": func(_ string, b []byte) (int, []byte) {
			at := strings.Index(string(b), "sync_committee_signature")
			at += strings.Index(string(b[at:]), "0x") + 100
			out := append([]byte(nil), b...)
			out[at] = "10"[out[at]&1] // another digit
			return 200, out
		},
	} {
		bad, err := ethereum.New(config(beaconNode(t, change)))
		if err != nil {
			t.Fatal(err)
		}
		if p, err := bad.Prove(t.Context(), place, tx); err == nil {
			t.Errorf("%s: a proof is built: %s", name, p.RestsOn)
		}
	}
}

// TestLate: a block that became final while nobody looked, more than a day ago, is too old for a
// link to what a beacon node shows now. It is proven on the word of the endpoints.
func TestLate(t *testing.T) {
	block := mainnetBlock(t)
	genesis := core.DefaultGenesisBlock().ToBlock().Header()
	h := block.Header()
	h.Number = new(big.Int).Sub(h.Number, big.NewInt(8192))
	node := &mainnetNode{genesis: genesis, block: block, older: types.NewBlockWithHeader(h).WithBody(*block.Body())}
	chain, err := ethereum.New(ethereum.Config{
		ChainID: 1, Genesis: genesis.Hash(), Key: testKey(t, 1), Clock: func() time.Time { return time.Unix(int64(block.Time()), 0).Add(20 * time.Minute) },
		Endpoints: []ethereum.Endpoint{{Name: "node", RPC: node}},
		Beacon:    &ethereum.Beacon{URL: beaconNode(t, nil), HTTP: &http.Client{}, Network: beacon.Mainnet()},
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := block.Transactions()[100].MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	place := anchor.Place{TxIndex: 100, Block: evidence.Block{Number: h.Number.Uint64(), Hash: node.older.Hash()}}
	p, err := chain.Prove(t.Context(), place, anchor.Tx{Hash: block.Transactions()[100].Hash(), Raw: raw})
	if err != nil {
		t.Fatal(err)
	}
	if p.Eth.Link != nil || p.Eth.Pack != nil || p.Final != place.Block || !strings.Contains(p.RestsOn, "endpoints") {
		t.Fatalf("found %+v", p)
	}
}
