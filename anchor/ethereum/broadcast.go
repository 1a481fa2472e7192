package ethereum

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/chancery-dev/chancery/anchor"
)

// Broadcast implements anchor.Chain: the transaction goes to every endpoint, and one that
// takes it is enough.
func (c *Chain) Broadcast(ctx context.Context, raw []byte) error {
	tx := new(types.Transaction)
	if err := tx.UnmarshalBinary(raw); err != nil {
		return fmt.Errorf("%w: %w", anchor.ErrRejected, err)
	}
	answers := ask(ctx, c, func(ctx context.Context, r RPC) (struct{}, error) {
		err := r.SendTransaction(ctx, tx)
		if err != nil && strings.Contains(err.Error(), "already known") {
			err = nil
		}
		return struct{}{}, err
	})
	var errs []error
	var worst error
	for _, a := range answers {
		if a.err == nil {
			return nil
		}
		if kind := refusal(a.err); worst == nil || errors.Is(kind, anchor.ErrNonceUsed) {
			worst = kind
		}
		errs = append(errs, fmt.Errorf("%s: %w", a.node.Name, a.err))
	}
	if worst != nil {
		return fmt.Errorf("%w: %w", worst, errors.Join(errs...))
	}
	return fmt.Errorf("ethereum: no endpoint took the transaction: %w", errors.Join(errs...))
}

// refusals are words of nodes' answers (go-ethereum, Nethermind, Besu, Erigon, Reth).
// What is not among them counts as a failure that may pass.
var refusals = []struct {
	words string
	kind  error
}{
	{"nonce too low", anchor.ErrNonceUsed}, {"oldnonce", anchor.ErrNonceUsed}, {"nonce is too low", anchor.ErrNonceUsed},
	{"underpriced", anchor.ErrUnderpriced}, {"replacement", anchor.ErrUnderpriced}, {"feetoolowtocompete", anchor.ErrUnderpriced},
	{"insufficient funds", anchor.ErrFunds}, {"insufficientfunds", anchor.ErrFunds}, {"upfront cost exceeds", anchor.ErrFunds},
	{"intrinsic gas", anchor.ErrRejected}, {"floor data gas", anchor.ErrRejected}, {"exceeds block gas limit", anchor.ErrRejected},
	{"not supported", anchor.ErrRejected}, {"invalid", anchor.ErrRejected}, {"exceeds the configured cap", anchor.ErrRejected},
}

func refusal(err error) error {
	var answered rpc.Error
	if !errors.As(err, &answered) {
		return nil
	}
	text := strings.ToLower(answered.Error())
	for _, r := range refusals {
		if strings.Contains(text, r.words) {
			return r.kind
		}
	}
	return nil
}
