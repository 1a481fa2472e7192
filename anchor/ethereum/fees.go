package ethereum

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/chancery-dev/chancery/anchor"
)

type fees struct{ tip, feeCap *big.Int }

// fees returns what to offer: twice the base fee and the tip, so that a transaction stays
// acceptable while the base fee doubles (EIP-1559 lets it grow by an eighth a block).
// One that replaces another offers at least a tenth more of both, as nodes ask.
func (c *Chain) fees(ctx context.Context, old *types.Transaction) (fees, error) {
	base, err := agreedBig(ctx, c, "the base fee", func(ctx context.Context, r RPC) (*big.Int, error) {
		h, err := r.HeaderByNumber(ctx, nil)
		if err != nil {
			return nil, err
		}
		if h.BaseFee == nil {
			return nil, fmt.Errorf("ethereum: block %v has no base fee", h.Number)
		}
		return h.BaseFee, nil
	})
	if err != nil {
		return fees{}, err
	}
	tip := c.c.Tip
	if tip == nil {
		suggested, err := agreedBig(ctx, c, "the tip", func(ctx context.Context, r RPC) (*big.Int, error) { return r.SuggestGasTipCap(ctx) })
		if err != nil {
			return fees{}, err
		}
		tip = minBig(suggested, c.c.MaxTip)
	}
	return offer(base, tip, c.c.MaxFee, c.c.MaxTip, old)
}

// offer is the arithmetic of fees.
func offer(base, tip, maxFee, maxTip *big.Int, old *types.Transaction) (fees, error) {
	if old != nil {
		tip = maxBig(tip, tenthMore(old.GasTipCap()))
	}
	if tip.Cmp(maxTip) > 0 {
		return fees{}, fmt.Errorf("%w: a tip of %v wei is needed, the maximum is %v", anchor.ErrFees, tip, maxTip)
	}
	need := new(big.Int).Add(base, tip) // less cannot be mined in the next block
	feeCap := new(big.Int).Add(new(big.Int).Lsh(base, 1), tip)
	if old != nil {
		least := tenthMore(old.GasFeeCap())
		need, feeCap = maxBig(need, least), maxBig(feeCap, least)
	}
	if need.Cmp(maxFee) > 0 {
		return fees{}, fmt.Errorf("%w: %v wei per gas is needed, the maximum is %v", anchor.ErrFees, need, maxFee)
	}
	return fees{tip: tip, feeCap: minBig(feeCap, maxFee)}, nil
}

// tenthMore rounds up, and is more than v also for 0.
func tenthMore(v *big.Int) *big.Int {
	out := new(big.Int).Mul(v, big.NewInt(11))
	out.Add(out, big.NewInt(9)).Div(out, big.NewInt(10))
	if out.Cmp(v) <= 0 {
		out.Add(v, big.NewInt(1))
	}
	return out
}

func minBig(a, b *big.Int) *big.Int {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

func maxBig(a, b *big.Int) *big.Int {
	if a.Cmp(b) > 0 {
		return a
	}
	return b
}
