package ethereum

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	geth "github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/ethclient/gethclient"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/chancery-dev/chancery/anchor"
)

// RPC is what is asked of a node: methods of go-ethereum's ethclient and gethclient.
// Negative block numbers are those of go-ethereum's package rpc.
type RPC interface {
	ChainID(ctx context.Context) (*big.Int, error)
	HeaderByNumber(ctx context.Context, number *big.Int) (*types.Header, error)
	BlockByHash(ctx context.Context, hash common.Hash) (*types.Block, error)
	TransactionReceipt(ctx context.Context, hash common.Hash) (*types.Receipt, error)
	NonceAt(ctx context.Context, account common.Address, number *big.Int) (uint64, error)
	PendingNonceAt(ctx context.Context, account common.Address) (uint64, error)
	SuggestGasTipCap(ctx context.Context) (*big.Int, error)
	SendTransaction(ctx context.Context, tx *types.Transaction) error
	GetProof(ctx context.Context, account common.Address, keys []string, number *big.Int) (*gethclient.AccountResult, error)
}

type client struct {
	*ethclient.Client
	geth *gethclient.Client
}

func (c client) GetProof(ctx context.Context, account common.Address, keys []string, number *big.Int) (*gethclient.AccountResult, error) {
	return c.geth.GetProof(ctx, account, keys, number)
}

// NewRPC makes an RPC of go-ethereum's client.
func NewRPC(c *rpc.Client) RPC { return client{ethclient.NewClient(c), gethclient.New(c)} }

// maxAnswer bounds an answer in bytes: a full block as JSON is about 1 to 4 MB.
const maxAnswer = 64 << 20

// Dial returns the RPC at an http or https URL. It makes no call yet. hc is required and
// left as it is; its answers are bounded. A nil hc.Transport uses no proxy.
func Dial(url string, hc *http.Client) (RPC, error) {
	if hc == nil {
		return nil, fmt.Errorf("%w: expected an HTTP client", anchor.ErrConfig)
	}
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return nil, fmt.Errorf("%w: expected an http or https URL", anchor.ErrConfig)
	}
	bound := *hc
	next := hc.Transport
	if next == nil {
		next = &http.Transport{ForceAttemptHTTP2: true, IdleConnTimeout: 30 * time.Second}
	}
	bound.Transport = boundTransport{next}
	c, err := rpc.DialOptions(context.Background(), url, rpc.WithHTTPClient(&bound))
	if err != nil {
		return nil, fmt.Errorf("%w: the endpoint's URL", anchor.ErrConfig) // the URL may hold a key
	}
	return NewRPC(c), nil
}

type boundTransport struct{ next http.RoundTripper }

func (t boundTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// Identify returns what Config needs to know of the chain that an endpoint serves. It is
// for setting up, where the result is compared with what is known from elsewhere.
func Identify(ctx context.Context, r RPC) (chainID uint64, genesis [32]byte, err error) {
	id, err := r.ChainID(ctx)
	if err != nil {
		return 0, genesis, fmt.Errorf("ethereum: chain ID: %w", err)
	}
	h, err := r.HeaderByNumber(ctx, new(big.Int))
	if err != nil {
		return 0, genesis, fmt.Errorf("ethereum: genesis block: %w", err)
	}
	if h.Number == nil || h.Number.Sign() != 0 || !id.IsUint64() {
		return 0, genesis, errors.New("ethereum: the endpoint answered with another block, or no chain ID")
	}
	return id.Uint64(), h.Hash(), nil
}

// node is an endpoint and what is known of it.
type node struct {
	Endpoint
	mu    sync.Mutex
	known bool      // it serves the right chain
	rest  time.Time // left out until then
}

// errForeign: the endpoint serves another chain.
var errForeign = fmt.Errorf("%w: wrong chain ID or genesis block", anchor.ErrWrongChain)

// identify checks once, and again after failures, which chain the node serves.
func (n *node) identify(ctx context.Context, c *Chain) error {
	n.mu.Lock()
	known := n.known
	n.mu.Unlock()
	if known {
		return nil
	}
	id, genesis, err := Identify(ctx, n.RPC)
	if err != nil {
		return err
	}
	if id != c.c.ChainID || genesis != c.c.Genesis {
		return errForeign
	}
	n.mu.Lock()
	n.known = true
	n.mu.Unlock()
	return nil
}

// answer is what one node said.
type answer[T any] struct {
	node *node
	v    T
	err  error
}

// notFound tells an answer "there is none" from a failure. That a page is not found, or a
// host, is a failure.
func notFound(err error) bool {
	var asked rpc.Error
	return err != nil && (errors.Is(err, geth.NotFound) || err.Error() == geth.NotFound.Error() || errors.As(err, &asked) && strings.Contains(asked.Error(), "not found"))
}

// ask calls f for all nodes that are not resting, at the same time. A node that neither
// answers nor notices that its time is over is not waited for.
func ask[T any](ctx context.Context, c *Chain, f func(context.Context, RPC) (T, error)) []answer[T] {
	nodes := c.awake()
	ctx, cancel := context.WithTimeout(ctx, c.c.Timeout)
	defer cancel()
	answers := make(chan answer[T], len(nodes))
	for _, n := range nodes {
		go func() {
			a := answer[T]{node: n}
			if a.err = n.identify(ctx, c); a.err == nil {
				a.v, a.err = f(ctx, n.RPC)
			}
			a.err = tell(a.err)
			answers <- a
		}()
	}
	var out []answer[T]
	for range nodes {
		select {
		case a := <-answers:
			out = append(out, a)
		case <-ctx.Done():
			// Take what has arrived, and count the others as failed.
			for len(answers) > 0 {
				out = append(out, <-answers)
			}
			for _, n := range nodes {
				if !slices.ContainsFunc(out, func(a answer[T]) bool { return a.node == n }) {
					out = append(out, answer[T]{node: n, err: tell(ctx.Err())})
				}
			}
			c.judge(outcomes(out))
			return out
		}
	}
	c.judge(outcomes(out))
	return out
}

// outcome is an answer without its value.
type outcome struct {
	node *node
	err  error
}

func outcomes[T any](in []answer[T]) []outcome {
	out := make([]outcome, len(in))
	for i, a := range in {
		out[i] = outcome{a.node, a.err}
	}
	return out
}

// judge lets nodes that failed rest.
func (c *Chain) judge(answers []outcome) {
	now := c.c.Clock()
	for _, a := range answers {
		a.node.mu.Lock()
		var asked rpc.Error // the node answered, with an error of its own
		switch {
		case a.err == nil || notFound(a.err):
			a.node.rest = time.Time{}
		case errors.As(a.err, &asked):
		default:
			a.node.known, a.node.rest = false, now.Add(c.c.Rest)
		}
		a.node.mu.Unlock()
	}
}

// awake returns the nodes that do not rest, or all where too few would remain.
func (c *Chain) awake() []*node {
	now := c.c.Clock()
	var out []*node
	for _, n := range c.nodes {
		n.mu.Lock()
		if !now.Before(n.rest) {
			out = append(out, n)
		}
		n.mu.Unlock()
	}
	if len(out) < c.c.Agree {
		return c.nodes
	}
	return out
}

// tooFew says why not enough nodes answered.
func (c *Chain) tooFew(what string, answers []outcome) error {
	err := fmt.Errorf("ethereum: expected %d of %d endpoints to agree on %s", c.c.Agree, len(c.nodes), what)
	foreign := 0
	for _, a := range answers {
		if a.err != nil {
			err = fmt.Errorf("%w; %s: %w", err, a.node.Name, a.err)
		}
		if errors.Is(a.err, anchor.ErrWrongChain) {
			foreign++
		}
	}
	if foreign > 0 && foreign < len(c.nodes) {
		// Some are right: it is not the chain that is wrong.
		return errors.New(err.Error())
	}
	return err
}

// agreedBy returns the value v such that Agree nodes say v or more: one node that lies
// high or lags behind moves it no more than to another honest node's value.
func agreedBy[T any](ctx context.Context, c *Chain, what string, compare func(a, b T) int, f func(context.Context, RPC) (T, error)) (T, error) {
	answers := ask(ctx, c, f)
	var values []T
	for _, a := range answers {
		if a.err == nil {
			values = append(values, a.v)
		}
	}
	if len(values) < c.c.Agree {
		var zero T
		return zero, c.tooFew(what, outcomes(answers))
	}
	slices.SortFunc(values, func(a, b T) int { return compare(b, a) })
	return values[c.c.Agree-1], nil
}

func agreed(ctx context.Context, c *Chain, what string, f func(context.Context, RPC) (uint64, error)) (uint64, error) {
	return agreedBy(ctx, c, what, func(a, b uint64) int {
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	}, f)
}

func agreedBig(ctx context.Context, c *Chain, what string, f func(context.Context, RPC) (*big.Int, error)) (*big.Int, error) {
	return agreedBy(ctx, c, what, (*big.Int).Cmp, func(ctx context.Context, r RPC) (*big.Int, error) {
		v, err := f(ctx, r)
		if err == nil && (v == nil || v.Sign() < 0 || v.BitLen() > 128) {
			err = errors.New("ethereum: a number out of range")
		}
		return v, err
	})
}
