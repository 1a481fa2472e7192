package anchor_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// fakeChain is a chain in memory, of one account. Blocks are made, forgotten and replaced
// as a test says.
type fakeChain struct {
	mu      sync.Mutex
	clock   func() time.Time
	blocks  []fakeBlock
	pool    map[uint64][]byte // what waits, by nonce
	final   int               // number of blocks that are final
	salt    int               // makes the blocks of each fork differ
	minFee  uint64            // less is not mined
	maxFee  uint64            // Sign refuses more; 0: no maximum
	sent    map[string]bool
	funds   bool
	skipTo  uint64 // what NextNonce answers at least: a lying node
	stored  func(raw []byte) bool
	failure string // an invariant that was broken
}

type fakeBlock struct {
	hash [32]byte
	txs  [][]byte
}

// A fake transaction is nonce, fee, digest; a foreign one has a digest of its own.
func fakeTx(nonce, fee uint64, digest [32]byte) []byte {
	b := binary.BigEndian.AppendUint64(nil, nonce)
	return append(binary.BigEndian.AppendUint64(b, fee), digest[:]...)
}

func nonceOf(raw []byte) uint64 { return binary.BigEndian.Uint64(raw) }
func feeOf(raw []byte) uint64   { return binary.BigEndian.Uint64(raw[8:]) }

func newFakeChain(clock func() time.Time) *fakeChain {
	return &fakeChain{clock: clock, pool: map[uint64][]byte{}, sent: map[string]bool{}, funds: true, minFee: 1}
}

var fakeAccount = anchor.Account{ChainID: 31337, Genesis: [32]byte{1}, Address: [20]byte{2}}

func (c *fakeChain) Account() anchor.Account { return fakeAccount }

// next is the account's nonce. The lock is held.
func (c *fakeChain) next() uint64 {
	n := uint64(0)
	for _, b := range c.blocks {
		n += uint64(len(b.txs))
	}
	return n
}

func (c *fakeChain) NextNonce(ctx context.Context) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.next()
	for c.pool[n] != nil {
		n++
	}
	return max(n, c.skipTo), ctx.Err()
}

func (c *fakeChain) Sign(ctx context.Context, r anchor.SignRequest) (anchor.Tx, uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fee := uint64(10)
	if r.Replace != nil {
		fee = feeOf(r.Replace)*11/10 + 1
	}
	if c.maxFee > 0 && fee > c.maxFee {
		return anchor.Tx{}, 0, anchor.ErrFees
	}
	digest := r.Digest
	if r.Filler {
		digest = [32]byte{}
	}
	raw := fakeTx(r.Nonce, fee, digest)
	return anchor.Tx{Hash: sha256.Sum256(raw), Raw: raw}, uint64(max(0, len(c.blocks)-64)), ctx.Err()
}

func (c *fakeChain) Broadcast(ctx context.Context, raw []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stored != nil && !c.stored(raw) {
		c.failure = "a transaction was broadcast that is not stored"
	}
	c.sent[string(raw)] = true
	old := c.pool[nonceOf(raw)]
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !c.funds:
		return anchor.ErrFunds
	case nonceOf(raw) < c.next():
		return anchor.ErrNonceUsed
	case old != nil && !bytes.Equal(old, raw) && feeOf(raw) < feeOf(old)*11/10:
		return anchor.ErrUnderpriced
	}
	c.pool[nonceOf(raw)] = raw
	return nil
}

func (c *fakeChain) Find(ctx context.Context, q anchor.Query) (anchor.Sighting, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := anchor.Sighting{Next: c.next()}
	for i, b := range c.blocks {
		for j, raw := range b.txs {
			if nonceOf(raw) != q.Nonce {
				continue
			}
			k := slices.IndexFunc(q.Txs, func(t anchor.Tx) bool { return t.Hash == sha256.Sum256(raw) })
			if k < 0 {
				s.Taken, s.TakenFinal = true, i < c.final
				continue
			}
			if uint64(i) < q.From {
				return s, errors.New("the transaction is below the height it was signed at")
			}
			s.Place = &anchor.Place{Tx: uint64(k), Block: evidence.Block{Number: uint64(i), Hash: b.hash}, TxIndex: uint64(j), Time: time.Unix(int64(i), 0).UTC()}
			s.Final = i < c.final
		}
	}
	return s, ctx.Err()
}

func (c *fakeChain) Prove(ctx context.Context, p anchor.Place, tx anchor.Tx) (*anchor.Proof, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := int(p.Block.Number)
	switch {
	case n >= len(c.blocks) || c.blocks[n].hash != p.Block.Hash:
		return nil, anchor.ErrReorganised
	case n >= c.final:
		return nil, anchor.ErrPending
	}
	return &anchor.Proof{Eth: &evidence.Eth{ChainID: 31337, GenesisHash: [32]byte{1}, Tx: evidence.NewPart(slices.Concat(p.Block.Hash[:], tx.Raw))}, Final: p.Block, RestsOn: "a test"}, ctx.Err()
}

// mine makes a block of what waits and pays enough.
func (c *fakeChain) mine() {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := fakeBlock{}
	for n := c.next(); c.pool[n] != nil && feeOf(c.pool[n]) >= c.minFee; n++ {
		b.txs = append(b.txs, c.pool[n])
		delete(c.pool, n)
	}
	c.salt++
	b.hash = sha256.Sum256(fmt.Appendf(nil, "block %d %d", len(c.blocks), c.salt))
	c.blocks = append(c.blocks, b)
}

// reorg takes blocks that are not final away; their transactions wait again, where keep.
func (c *fakeChain) reorg(depth int, keep bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ; depth > 0 && len(c.blocks) > c.final; depth-- {
		last := c.blocks[len(c.blocks)-1]
		c.blocks = c.blocks[:len(c.blocks)-1]
		for _, raw := range last.txs {
			if keep {
				c.pool[nonceOf(raw)] = raw
			}
		}
	}
}

func (c *fakeChain) finalize() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.final = len(c.blocks)
}

// forget empties the pool.
func (c *fakeChain) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pool = map[uint64][]byte{}
}

// gossip brings back transactions that some node still holds: whatever was ever sent may
// be mined as long as its nonce is free.
func (c *fakeChain) gossip() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for raw := range c.sent {
		n := nonceOf([]byte(raw))
		if old := c.pool[n]; n >= c.next() && (old == nil || feeOf(old) < feeOf([]byte(raw))) {
			c.pool[n] = []byte(raw)
		}
	}
}

// foreign has somebody else with the account's key send a transaction.
func (c *fakeChain) foreign(id byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.next()
	c.pool[n] = fakeTx(n, 1_000_000, [32]byte{0xff, id})
}

// count returns how many transactions of the chain hold a digest.
func (c *fakeChain) count(digest [32]byte) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, b := range c.blocks {
		for _, raw := range b.txs {
			if bytes.Equal(raw[16:], digest[:]) {
				n++
			}
		}
	}
	return n
}

// testClock is a clock that is set.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *testClock { return &testClock{now: time.Date(2026, 4, 1, 8, 0, 0, 0, time.UTC)} }

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// errCrash ends everything that the process does.
var errCrash = errors.New("crashed")

// crasher ends a process at one of its calls: before or after the call is made.
type crasher struct {
	mu    sync.Mutex
	at    int // counts down with each point; 0: never
	dead  bool
	point string
}

func (c *crasher) pass(point string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return errCrash
	}
	if c.at > 0 {
		if c.at--; c.at == 0 {
			c.dead, c.point = true, point
			return errCrash
		}
	}
	return nil
}

func (c *crasher) done() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

// crashStore and crashChain pass calls on, and end the process around one of them.
type crashStore struct {
	anchor.Store
	c *crasher
}

func around(c *crasher, name string, call func() error) error {
	if err := c.pass("before " + name); err != nil {
		return err
	}
	err := call()
	if crash := c.pass("after " + name); crash != nil {
		return crash
	}
	return err
}

func (s crashStore) Add(ctx context.Context, items []anchor.Item) (out []anchor.Item, err error) {
	err = around(s.c, "Add", func() error { out, err = s.Store.Add(ctx, items); return err })
	return out, err
}

func (s crashStore) Seal(ctx context.Context, r *anchor.Record, leaves [][]byte) error {
	return around(s.c, "Seal", func() error { return s.Store.Seal(ctx, r, leaves) })
}

func (s crashStore) Update(ctx context.Context, r *anchor.Record) error {
	return around(s.c, "Update "+r.State.String(), func() error { return s.Store.Update(ctx, r) })
}

func (s crashStore) Reserve(ctx context.Context, r *anchor.Record, a anchor.Account, floor uint64) (out *anchor.Record, err error) {
	err = around(s.c, "Reserve", func() error { out, err = s.Store.Reserve(ctx, r, a, floor); return err })
	return out, err
}

type crashChain struct {
	anchor.Chain
	c *crasher
}

func (s crashChain) NextNonce(ctx context.Context) (n uint64, err error) {
	err = around(s.c, "NextNonce", func() error { n, err = s.Chain.NextNonce(ctx); return err })
	return n, err
}

func (s crashChain) Sign(ctx context.Context, r anchor.SignRequest) (tx anchor.Tx, h uint64, err error) {
	err = around(s.c, "Sign", func() error { tx, h, err = s.Chain.Sign(ctx, r); return err })
	return tx, h, err
}

func (s crashChain) Broadcast(ctx context.Context, raw []byte) error {
	return around(s.c, "Broadcast", func() error { return s.Chain.Broadcast(ctx, raw) })
}

func (s crashChain) Find(ctx context.Context, q anchor.Query) (out anchor.Sighting, err error) {
	err = around(s.c, "Find", func() error { out, err = s.Chain.Find(ctx, q); return err })
	return out, err
}

func (s crashChain) Prove(ctx context.Context, p anchor.Place, tx anchor.Tx) (out *anchor.Proof, err error) {
	err = around(s.c, "Prove", func() error { out, err = s.Chain.Prove(ctx, p, tx); return err })
	return out, err
}
