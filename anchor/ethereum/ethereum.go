// Package ethereum anchors batches on an EVM chain: it is an anchor.Chain whose
// transactions go from the institution's account to itself, with the digest of a batch
// as calldata. No contract is needed.
//
//	key, err := ethereum.ParseKeystore(file, passphrase)            // or ethereum.NewKey(signer)
//	rpc, err := ethereum.Dial(url, httpClient)                      // one or several
//	chain, err := ethereum.New(ethereum.Config{ChainID: 1, Genesis: …, Key: key, Endpoints: …, Clock: time.Now})
//
// No endpoint is believed by itself. Blocks are recomputed: the header's hash from its
// RLP, the transactions root from the transactions. That a block is in the chain, or
// final, has to be said by Config.Agree endpoints; an endpoint of another chain, one that
// stalls or one that answers wrongly is left out. Proofs are checked with package
// proof/ethereum, as a verifier does, before they are handed out.
//
// Caveats. Without Config.Beacon a proof holds no finality pack: that its last block is
// final is then for the verifier's trust to say, which has to name it. With one endpoint
// alone, what is in the chain rests on that endpoint's word until a pack is checked.
package ethereum

import (
	"context"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/chancery-dev/chancery/anchor"
)

// Config says which chain, account and endpoints to use, and what may be paid.
type Config struct {
	// ChainID and Genesis, the hash of block 0, say which chain is meant. Both are
	// required: development chains share IDs. See Identify.
	ChainID uint64
	Genesis [32]byte
	// Key is the account's. Required.
	Key *Key
	// Endpoints are asked. At least one.
	Endpoints []Endpoint
	// Agree is how many endpoints must say the same about the chain. 0: more than half.
	Agree int
	// Clock tells the time. Required.
	Clock func() time.Time
	// Timeout bounds one call to an endpoint. 0: 10 seconds.
	Timeout time.Duration
	// Rest is for how long an endpoint that failed is left out, while enough others
	// remain. 0: 30 seconds.
	Rest time.Duration

	// MaxFee is the highest fee cap per gas in wei, tip included. Nil: 100 gwei.
	MaxFee *big.Int
	// MaxTip is the highest tip per gas in wei. Nil: 10 gwei.
	MaxTip *big.Int
	// Tip is the tip per gas of a first transaction in wei. Nil: what the endpoints
	// suggest, at most MaxTip.
	Tip *big.Int
	// GasLimit of transactions, which use 22,280. 0: 30,000.
	GasLimit uint64

	// Beacon is where finality packs come from. Nil: proofs have none.
	Beacon *Beacon
}

// Endpoint is a node that is asked.
type Endpoint struct {
	Name string // for reports; must hold no credentials
	RPC  RPC
}

// Chain implements anchor.Chain. It is safe for concurrent use.
type Chain struct {
	c       Config
	account anchor.Account
	address common.Address
	chainID *big.Int
	nodes   []*node

	packs sync.Mutex // guards pack
	pack  *finalityPack

	scans sync.Mutex        // guards scan
	scan  map[uint64]uint64 // the height at which the search for a nonce's user goes on
}

const gwei = 1_000_000_000

// New checks the configuration. It dials nothing. Errors wrap anchor.ErrConfig.
func New(c Config) (*Chain, error) {
	if c.Agree == 0 {
		c.Agree = len(c.Endpoints)/2 + 1
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Rest == 0 {
		c.Rest = 30 * time.Second
	}
	if c.MaxFee == nil {
		c.MaxFee = big.NewInt(100 * gwei)
	}
	if c.MaxTip == nil {
		c.MaxTip = big.NewInt(10 * gwei)
	}
	if c.GasLimit == 0 {
		c.GasLimit = 30_000
	}
	switch {
	case c.ChainID == 0 || c.Genesis == [32]byte{}:
		return nil, fmt.Errorf("%w: expected a chain ID and the hash of the genesis block", anchor.ErrConfig)
	case c.Key == nil || c.Clock == nil || len(c.Endpoints) == 0:
		return nil, fmt.Errorf("%w: expected a key, a clock and an endpoint", anchor.ErrConfig)
	case c.Agree < 1 || c.Agree > len(c.Endpoints):
		return nil, fmt.Errorf("%w: expected 1 to %d endpoints to agree, found %d", anchor.ErrConfig, len(c.Endpoints), c.Agree)
	case c.MaxFee.Sign() <= 0 || c.MaxTip.Sign() < 0 || c.Tip != nil && (c.Tip.Sign() < 0 || c.Tip.Cmp(c.MaxTip) > 0):
		return nil, fmt.Errorf("%w: expected a positive fee, and a tip up to the maximum", anchor.ErrConfig)
	case c.Beacon != nil && c.Beacon.Network == nil:
		return nil, fmt.Errorf("%w: expected the beacon chain's network", anchor.ErrConfig)
	case c.Beacon != nil && c.Beacon.Network.ChainID != 0 && (c.Beacon.Network.ChainID != c.ChainID || c.Beacon.Network.GenesisHash != c.Genesis):
		return nil, fmt.Errorf("%w: the beacon chain is that of another chain", anchor.ErrConfig)
	}
	a := anchor.Account{ChainID: c.ChainID, Genesis: c.Genesis, Address: c.Key.Address()}
	out := &Chain{c: c, account: a, address: common.Address(a.Address), chainID: new(big.Int).SetUint64(c.ChainID)}
	for i, e := range c.Endpoints {
		if e.RPC == nil {
			return nil, fmt.Errorf("%w: endpoint %d has no RPC", anchor.ErrConfig, i)
		}
		out.nodes = append(out.nodes, &node{Endpoint: e})
	}
	return out, nil
}

// Account implements anchor.Chain.
func (c *Chain) Account() anchor.Account { return c.account }

// maxWaiting is how many transactions of an account can be waiting: nodes keep far fewer.
const maxWaiting = 4096

// NextNonce implements anchor.Chain. It is the larger of the nonces after the latest
// block and after the waiting transactions, each as Agree endpoints say at least. Nonces
// are reserved for good: one far beyond what can be waiting would never be reached.
func (c *Chain) NextNonce(ctx context.Context) (uint64, error) {
	mined, err := c.minedNonce(ctx)
	if err != nil {
		return 0, err
	}
	waiting, err := agreed(ctx, c, "the waiting nonce", func(ctx context.Context, r RPC) (uint64, error) {
		return r.PendingNonceAt(ctx, c.address)
	})
	if err == nil && waiting > mined && waiting-mined > maxWaiting {
		return 0, fmt.Errorf("ethereum: expected at most %d waiting transactions of the account, found %d", maxWaiting, waiting-mined)
	}
	return max(mined, waiting), err
}

func (c *Chain) minedNonce(ctx context.Context) (uint64, error) {
	return agreed(ctx, c, "the nonce", func(ctx context.Context, r RPC) (uint64, error) {
		return r.NonceAt(ctx, c.address, nil)
	})
}

// reorgDepth is how far below the height at which a transaction was signed it might be
// mined, after a reorganisation.
const reorgDepth = 64

// Sign implements anchor.Chain.
func (c *Chain) Sign(ctx context.Context, r anchor.SignRequest) (anchor.Tx, uint64, error) {
	height, err := agreed(ctx, c, "the height", func(ctx context.Context, r RPC) (uint64, error) {
		h, err := r.HeaderByNumber(ctx, nil)
		if err != nil {
			return 0, err
		}
		return h.Number.Uint64(), nil
	})
	if err != nil {
		return anchor.Tx{}, 0, err
	}
	var old *types.Transaction
	if r.Replace != nil {
		old = new(types.Transaction)
		if err := old.UnmarshalBinary(r.Replace); err != nil {
			return anchor.Tx{}, 0, fmt.Errorf("ethereum: the transaction to replace: %w", err)
		}
	}
	f, err := c.fees(ctx, old)
	if err != nil {
		return anchor.Tx{}, 0, err
	}
	data := r.Digest[:]
	if r.Filler {
		data = nil
	}
	tx := types.NewTx(&types.DynamicFeeTx{
		ChainID: c.chainID, Nonce: r.Nonce, GasTipCap: f.tip, GasFeeCap: f.feeCap,
		Gas: c.c.GasLimit, To: &c.address, Value: new(big.Int), Data: data,
	})
	signer := types.LatestSignerForChainID(c.chainID)
	sig, err := c.c.Key.sign(signer.Hash(tx))
	if err != nil {
		return anchor.Tx{}, 0, err
	}
	if tx, err = tx.WithSignature(signer, sig); err != nil {
		return anchor.Tx{}, 0, err
	}
	raw, err := tx.MarshalBinary()
	return anchor.Tx{Hash: tx.Hash(), Raw: raw}, height - min(height, reorgDepth), err
}
