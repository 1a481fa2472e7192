package ethereum

import (
	"errors"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/chancery-dev/chancery/anchor"
)

func TestOffer(t *testing.T) {
	old := func(tip, feeCap int64) *types.Transaction {
		return types.NewTx(&types.DynamicFeeTx{GasTipCap: big.NewInt(tip), GasFeeCap: big.NewInt(feeCap)})
	}
	for _, c := range []struct {
		name                   string
		base, tip, fee, maxTip int64
		old                    *types.Transaction
		wantTip, wantCap       int64
		refused                bool
	}{
		{"first", 100, 10, 1000, 50, nil, 10, 210, false},
		{"capped", 100, 10, 150, 50, nil, 10, 150, false},
		{"just enough", 100, 10, 110, 50, nil, 10, 110, false},
		{"too dear", 100, 10, 109, 50, nil, 0, 0, true},
		{"tip too dear", 100, 51, 1000, 50, nil, 0, 0, true},
		{"no base fee", 0, 0, 1000, 50, nil, 0, 0, false},
		{"tenth more", 100, 10, 1000, 50, old(10, 210), 11, 231, false},
		{"rounded up", 100, 10, 1000, 50, old(11, 211), 13, 233, false},
		{"of nothing", 0, 0, 1000, 50, old(0, 0), 1, 1, false},
		{"risen", 400, 30, 1000, 50, old(10, 210), 30, 830, false},
		{"fallen", 10, 1, 1000, 50, old(10, 210), 11, 231, false},
		{"tip at its end", 100, 10, 1000, 50, old(46, 210), 0, 0, true},
		{"cap at its end", 100, 10, 1000, 50, old(10, 950), 0, 0, true},
	} {
		f, err := offer(big.NewInt(c.base), big.NewInt(c.tip), big.NewInt(c.fee), big.NewInt(c.maxTip), c.old)
		if c.refused {
			if !errors.Is(err, anchor.ErrFees) {
				t.Errorf("%s: expected ErrFees, found %+v, %v", c.name, f, err)
			}
			continue
		}
		if err != nil || f.tip.Int64() != c.wantTip || f.feeCap.Int64() != c.wantCap {
			t.Errorf("%s: expected tip %d and cap %d, found %+v, %v", c.name, c.wantTip, c.wantCap, f, err)
		}
	}
}
