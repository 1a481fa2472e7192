package serving_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient/simulated"
	gethlog "github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/node"

	"github.com/chancery-dev/chancery/anchor/ethereum"
	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/store/sqlite"
)

// nodeSecret is in the node's address, as providers have it.
const nodeSecret = "0123456789abcdef0123456789abcdef"

// nodeTimeout bounds one call to the node. It is long against what a request may take.
const nodeTimeout = 1500 * time.Millisecond

// ledgerNode is a chain, a node in front of it that is reached through a proxy, and what
// was broadcast there.
type ledgerNode struct {
	*balky
	chain   *simulated.Backend
	key     *ethereum.Key
	genesis [32]byte

	mu  sync.Mutex
	raw []string // of eth_sendRawTransaction, as they came
}

var quietNode = sync.OnceFunc(func() { gethlog.SetDefault(gethlog.NewLogger(gethlog.DiscardHandler())) })

// newNode starts a chain that makes a block every 10 milliseconds.
func newNode(t testing.TB) *ledgerNode {
	t.Helper()
	quietNode()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	secret := sha256.Sum256([]byte("an account"))
	n := &ledgerNode{key: must[*ethereum.Key](t)(ethereum.SoftKey(secret[:]))}
	alloc := types.GenesisAlloc{common.Address(n.key.Address()): {Balance: new(big.Int).Exp(big.NewInt(10), big.NewInt(20), nil)}}
	n.chain = simulated.NewBackend(alloc, func(nc *node.Config, ec *ethconfig.Config) {
		rules := *ec.Genesis.Config
		rules.BogotaTime = nil
		ec.Genesis.Config = &rules
		nc.HTTPHost, nc.HTTPPort, nc.HTTPModules = "127.0.0.1", port, []string{"eth"}
	})
	n.balky = newBalky(t, passTo(fmt.Sprintf("http://127.0.0.1:%d", port)))
	n.words = "project " + nodeSecret + " is over its limit"
	direct := must[ethereum.RPC](t)(ethereum.Dial(n.URL, &http.Client{}))
	if _, n.genesis, err = ethereum.Identify(t.Context(), direct); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				n.chain.Commit()
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped; n.chain.Close() })
	return n
}

// when gives calls of a method trouble, "": all calls.
func (n *ledgerNode) when(method string, what trouble) {
	n.set(func(_ *http.Request, body []byte) trouble {
		var call struct {
			Method string   `json:"method"`
			Params []string `json:"params"`
		}
		json.Unmarshal(body, &call)
		if call.Method == sendTransaction {
			n.mu.Lock()
			n.raw = append(n.raw, call.Params[0])
			n.mu.Unlock()
		}
		if method == "" || method == call.Method {
			return what
		}
		return none
	})
}

const sendTransaction = "eth_sendRawTransaction"

// sent are the transactions that were broadcast, each with how often.
func (n *ledgerNode) sent() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := map[string]int{}
	for _, raw := range n.raw {
		out[raw]++
	}
	return out
}

func (n *ledgerNode) open(t testing.TB) *ethereum.Chain {
	t.Helper()
	rpc := must[ethereum.RPC](t)(ethereum.Dial(n.URL+"/v3/"+nodeSecret, &http.Client{}))
	return must[*ethereum.Chain](t)(ethereum.New(ethereum.Config{
		ChainID: 1337, Genesis: n.genesis, Key: n.key, Clock: time.Now, Timeout: nodeTimeout, Rest: 10 * time.Millisecond,
		Endpoints: []ethereum.Endpoint{{Name: "rpc[0]", RPC: rpc}},
	}))
}

// stamp has a hash stamped, which must not take long, and returns the stamp's id.
func (f *fort) stamp(text string) string {
	f.t.Helper()
	began := time.Now()
	sum := sha256.Sum256([]byte(text))
	got := f.ok("north/test", "POST", "/v1/stamps", map[string]any{"hashes": []any{map[string]any{"alg": "sha-256", "value": hex.EncodeToString(sum[:])}}})
	f.quick(began, "stamp")
	var e struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(got.body, &e); err != nil || len(e.Data) != 1 {
		f.t.Fatalf("found %s", got.body)
	}
	return e.Data[0].ID
}

// quick checks that a request did not wait for the node.
func (f *fort) quick(began time.Time, what string) {
	f.t.Helper()
	if took := time.Since(began); took > nodeTimeout*2/3 {
		f.t.Errorf("%s took %v", what, took)
	}
}

func (f *fort) stampState(id string) string {
	return f.ok("north/test", "GET", "/v1/stamps/"+id, nil).text("state")
}

// until waits for something.
func until(t testing.TB, what string, limit time.Duration, f func() bool) {
	t.Helper()
	for began := time.Now(); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > limit {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// onDisk is a store in SQLite.
func onDisk(t testing.TB) *sqlite.Store {
	t.Helper()
	st := must[*sqlite.Store](t)(sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "a.db"), Now: time.Now}))
	t.Cleanup(func() { st.Close() })
	return st
}

// start does the background work of a service until stop is called, or the test ends.
func start(t testing.TB, s *serving.Service) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// metric is the sum of a metric's values.
func (f *fort) metric(name string) (sum float64) {
	f.t.Helper()
	families, err := f.s.Metrics.Gather()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			for _, m := range family.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// reached tells whether a stamp has come as far as a state.
func reached(state, wanted string) bool {
	states := []string{"pending", "batched", "submitted", "anchored"}
	return slices.Index(states, state) >= slices.Index(states, wanted)
}

// batches counts the batches of all scopes, and tells whether all are anchored.
func (f *fort) batches() (n int, done bool) {
	f.t.Helper()
	done = true
	for who := range f.keys {
		for number := 0; ; number++ {
			got := f.call(who, "GET", fmt.Sprint("/v1/anchors/", number), nil)
			if got.status == 404 {
				break
			}
			done = done && got.text("state") == "anchored"
			n++
		}
	}
	return n, done
}

// TestChainAway: while the node is away, slow or wrong, everything else goes on; when it is
// back, every stamp is anchored, by one transaction for each batch.
func TestChainAway(t *testing.T) {
	for _, test := range []struct {
		name    string
		method  string
		what    trouble
		state   string // of the stamp meanwhile
		words   string // of the log; "": it says nothing
		restart bool
		disk    bool
	}{
		{name: "away", what: refuse, state: "batched", words: "the connection broke off"},
		{name: "hangs", what: hang, state: "batched", words: "no answer in time"},
		{name: "trickles", what: trickle, state: "batched", words: "no answer in time"},
		{name: "faults", what: broken, state: "batched", words: "the node answers with HTTP status 500"},
		{name: "limits", what: busy, state: "batched", words: "the node answers with HTTP status 429"},
		{name: "garbage", what: garbage, state: "batched", words: "the answer is malformed"},
		{name: "hangs at the transaction", method: sendTransaction, what: hang, state: "submitted", words: "no answer in time"},
		{name: "loses its answer to the transaction", method: sendTransaction, what: lost, state: "anchored"},
		{name: "breaks off its answer to the transaction", method: sendTransaction, what: half, state: "anchored"},
		{name: "refuses the transaction", method: sendTransaction, what: broken, state: "submitted", words: "the node answers with HTTP status 500", restart: true},
		{name: "hangs before a restart", method: sendTransaction, what: hang, state: "submitted", words: "no answer in time", restart: true},
		{name: "loses its answer before a restart", method: sendTransaction, what: lost, state: "submitted", restart: true, disk: true},
		{name: "slow", what: slow, state: "anchored"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			var parts serving.Parts
			f := newFort(t, func(p *serving.Parts) {
				if test.disk {
					p.Store = onDisk(t)
				}
				p.Chain, p.BatchAge, p.BatchEvery = n.open(t), 20*time.Millisecond, 30*time.Millisecond
				parts = *p
			})
			n.when(test.method, test.what)
			stop := start(t, f.s)
			id := f.stamp("first")
			until(t, "state "+test.state, 15*time.Second, func() bool { return reached(f.stampState(id), test.state) })
			if test.words != "" {
				until(t, "words in the log", 10*time.Second, func() bool { return bytes.Contains(f.log.bytes(), []byte("rpc[0]: "+test.words)) })
				if f.metric("chancery_anchoring_failures_total") == 0 {
					t.Error("no metric tells of it")
				}
			}
			for i := range 3 {
				f.stamp(fmt.Sprint("meanwhile ", i))
				began := time.Now()
				made := f.ok("north/test", "POST", "/v1/credentials", aina(map[string]any{"anchor": true}))
				f.quick(began, "issue")
				began = time.Now()
				if got := f.ok("", "GET", "/v1/verify/"+made.text("publicId"), nil); got.text("outcome") != "valid" {
					t.Errorf("found %s", got.body)
				}
				f.quick(began, "verify")
				began = time.Now()
				f.ready(200)
				f.quick(began, "/readyz")
			}
			if test.restart {
				stop()
				log := f.log.bytes()
				parts.Chain = n.open(t)
				f.s = must[*serving.Service](t)(serving.New(parts))
				if f.log.Write(log); len(n.sent()) == 0 {
					t.Error("nothing was sent before the restart")
				}
				start(t, f.s)
			}
			last := f.stamp("last")
			n.when("", none)
			until(t, "the first is anchored", 20*time.Second, func() bool { return f.stampState(id) == "anchored" })
			until(t, "the last is anchored", 20*time.Second, func() bool { return f.stampState(last) == "anchored" })
			var batches int
			until(t, "every batch is anchored", 20*time.Second, func() (done bool) { batches, done = f.batches(); return done })
			sent := n.sent()
			nonce := must[uint64](t)(n.chain.Client().NonceAt(t.Context(), common.Address(n.key.Address()), nil))
			if len(sent) != batches || nonce != uint64(batches) {
				t.Errorf("%d batches: %d transactions were sent, %d are in the chain", batches, len(sent), nonce)
			}
			if bytes.Contains(f.log.bytes(), []byte(nodeSecret)) {
				t.Errorf("the log holds the node's key: %s", f.log.bytes())
			}
		})
	}
}
