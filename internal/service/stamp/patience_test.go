package stamp_test

import (
	"context"
	"crypto"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/stamp"
)

// silent is a chain whose nodes never answer.
type silent struct {
	anchor.Chain
	calls atomic.Int32
}

const silence = 100 * time.Millisecond

func (c *silent) wait(ctx context.Context) error {
	c.calls.Add(1)
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	<-ctx.Done()
	return fmt.Errorf("silent: %w", ctx.Err())
}

func (c *silent) Account() anchor.Account { return anchor.Account{ChainID: 1337} }

func (c *silent) NextNonce(ctx context.Context) (uint64, error) { return 0, c.wait(ctx) }

// TestPatience: servers that do not answer are waited for once in a run, not once for each
// batch, and what others give comes all the same.
func TestPatience(t *testing.T) {
	chain := &silent{}
	var asked atomic.Int32
	var away atomic.Bool
	f := setUp(t, func(f *fixture, c *stamp.Config) {
		c.Chain, c.MaxItems = chain, 1
		authority := c.Timestamper
		c.Timestamper = anchor.TimestamperFunc(func(ctx context.Context, hash crypto.Hash, digest []byte) ([]byte, error) {
			asked.Add(1)
			if away.Load() {
				ctx, cancel := context.WithTimeout(ctx, silence)
				defer cancel()
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return authority.Timestamp(ctx, hash, digest)
		})
	})
	handlers, _ := f.stamps.Jobs()
	args, _ := service.EncodeArgs(service.ScopedID{Tenant: scope.Tenant, Environment: scope.Environment})
	run := func(kind string) time.Duration {
		t.Helper()
		began := time.Now()
		if err := handlers[kind](t.Context(), service.Run{Kind: kind, Args: args, Attempt: 1, Attempts: 25}); err != nil {
			t.Fatal(err)
		}
		return time.Since(began)
	}
	const n = 20
	for i := range n {
		f.create(service.NewStamp{Alg: "sha-256", Value: sum(fmt.Sprint(i))})
	}
	run(stamp.JobAdd)
	away.Store(true)
	if took := run(stamp.JobRun); took > n*silence/2 {
		t.Errorf("with both silent a run took %v", took)
	}
	if chain.calls.Load() != 1 || asked.Load() != 1 {
		t.Errorf("the chain was asked %d times, the authority %d times", chain.calls.Load(), asked.Load())
	}
	away.Store(false)
	if took := run(stamp.JobRun); took > n*silence/2 {
		t.Errorf("with the chain silent a run took %v", took)
	}
	for i := range int64(n) {
		a, err := f.stamps.GetAnchor(t.Context(), f.caller, i)
		if err != nil || !a.Timestamped || a.State != "sealed" || a.Problem != string(anchor.ProblemUnreachable) {
			t.Errorf("batch %d: %+v, %v", i, a, err)
		}
		r, err := f.store.Anchors(scope).Record(t.Context(), uint64(i))
		if err != nil || !strings.Contains(r.Detail, "silent: ") {
			t.Errorf("batch %d: %+v, %v", i, r, err)
		}
	}
}
