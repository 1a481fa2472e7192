package ethereum_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient/simulated"
	gethlog "github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/node"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/anchor/ethereum"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// sim is a development chain and an account on it.
type sim struct {
	*simulated.Backend
	rpc     ethereum.RPC
	url     string
	key     *ethereum.Key
	genesis [32]byte
	now     time.Time
}

func testKey(t testing.TB, n byte) *ethereum.Key {
	t.Helper()
	secret := sha256.Sum256([]byte{n})
	k, err := ethereum.SoftKey(secret[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newSim starts a chain with the rules of Osaka: go-ethereum's development rules price
// storage by a fork that is not out yet.
func newSim(t testing.TB) *sim {
	t.Helper()
	port := freePort(t)
	gethlog.SetDefault(gethlog.NewLogger(gethlog.DiscardHandler()))
	s := &sim{key: testKey(t, 1), now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
	ether := new(big.Int).Exp(big.NewInt(10), big.NewInt(20), nil)
	s.Backend = simulated.NewBackend(types.GenesisAlloc{common.Address(s.key.Address()): {Balance: ether}}, func(nc *node.Config, ec *ethconfig.Config) {
		rules := *ec.Genesis.Config
		rules.BogotaTime = nil
		ec.Genesis.Config = &rules
		nc.HTTPHost, nc.HTTPPort, nc.HTTPModules = "127.0.0.1", port, []string{"eth"}
	})
	t.Cleanup(func() { s.Backend.Close() })
	var err error
	s.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	if s.rpc, err = ethereum.Dial(s.url, &http.Client{}); err != nil {
		t.Fatal(err)
	}
	_, genesis, err := ethereum.Identify(context.Background(), s.rpc)
	if err != nil {
		t.Fatal(err)
	}
	s.genesis = genesis
	return s
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *sim) clock() time.Time { return s.now }

func (s *sim) chain(t testing.TB, change func(*ethereum.Config)) *ethereum.Chain {
	t.Helper()
	c := ethereum.Config{ChainID: 1337, Genesis: s.genesis, Key: s.key, Clock: s.clock, Endpoints: []ethereum.Endpoint{{Name: "sim", RPC: s.rpc}}}
	if change != nil {
		change(&c)
	}
	chain, err := ethereum.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// commit makes n blocks.
func (s *sim) commit(n int) (last common.Hash) {
	for range n {
		last = s.Commit()
	}
	return last
}

// finalize makes blocks until the one at a height is final: the chain holds multiples of
// 32 to be.
func (s *sim) finalize(t testing.TB, number uint64) {
	t.Helper()
	for {
		h, err := s.Client().HeaderByNumber(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if h.Number.Uint64() >= (number+31)/32*32 {
			return
		}
		s.Commit()
	}
}

const issuer = "did:web:university.example"

var issuerKey = ed25519.NewKeyFromSeed(make([]byte, 32))

func newBatcher(t testing.TB, store anchor.Store, clock func() time.Time) *anchor.Batcher {
	t.Helper()
	b, err := anchor.NewBatcher(anchor.BatcherConfig{
		Store: store, Issuer: issuer, Key: issuerKey, Method: issuer + "#batches", Clock: clock,
		Promise: []string{evidence.PromiseChain(1337)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sealed adds n items and seals them.
func sealed(t testing.TB, b *anchor.Batcher, prefix string, n int) *anchor.Record {
	t.Helper()
	items := make([]anchor.Item, n)
	for i := range items {
		items[i].ID = fmt.Sprintf("%s-%d", prefix, i)
		digest := sha256.Sum256(document(items[i].ID))
		s, err := anchor.Stamp([]string{"stamp", "credential", "pdf", "badge"}[i%4], "sha-256", digest[:])
		if err != nil {
			t.Fatal(err)
		}
		items[i].Subject = s
	}
	if _, err := b.Add(t.Context(), items...); err != nil {
		t.Fatal(err)
	}
	r, err := b.Seal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func document(id string) []byte { return []byte("the document " + id) }

func newAnchorer(t testing.TB, store anchor.Store, chain anchor.Chain, clock func() time.Time) *anchor.Anchorer {
	t.Helper()
	a, err := anchor.NewAnchorer(anchor.AnchorerConfig{Store: store, Chain: chain, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func record(t testing.TB, store anchor.Store, seq uint64) *anchor.Record {
	t.Helper()
	r, err := store.Record(t.Context(), seq)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func step(t testing.TB, a *anchor.Anchorer) {
	t.Helper()
	if err := a.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// trust is that of an auditor who knows the issuer's key, the account, and which blocks
// are final. He judges on the day after. The chain's blocks have the time of the machine, whatever
// the clock of the test says.
func (s *sim) trust(final ...evidence.Block) *evidence.Trust {
	now := s.now
	if real := time.Now(); real.After(now) {
		now = real
	}
	return &evidence.Trust{
		Now:  now.Add(24 * time.Hour),
		Keys: evidence.PinnedKeys{{Issuer: issuer, Key: issuerKey.Public(), Name: "University", Method: issuer + "#batches"}},
		Chains: []evidence.Chain{{
			ChainID: 1337, GenesisHash: s.genesis, Name: "development chain", Senders: [][20]byte{s.key.Address()}, Final: final,
		}},
	}
}

// onChain counts the transactions of the account that hold a digest.
func (s *sim) onChain(t testing.TB, digest [32]byte) int {
	t.Helper()
	head, err := s.Client().BlockNumber(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := uint64(0); i <= head; i++ {
		b, err := s.Client().BlockByNumber(t.Context(), new(big.Int).SetUint64(i))
		if err != nil {
			t.Fatal(err)
		}
		for _, tx := range b.Transactions() {
			if string(tx.Data()) == string(digest[:]) {
				n++
			}
		}
	}
	return n
}
