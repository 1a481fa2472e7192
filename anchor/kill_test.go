//go:build unix

package anchor_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/anchor"
)

// The tests below run this test binary as a child that anchors items in a directory,
// and kill it with SIGKILL at every step of its writes and around each call to the chain,
// which lives on in the parent.

const childEnv = "CHANCERY_ANCHOR_CHILD" // directory, address, step to die at

func TestMain(m *testing.M) {
	if arg := os.Getenv(childEnv); arg != "" {
		if err := child(strings.Split(arg, "|")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child anchors the items a to d, whatever was done before.
func child(args []string) error {
	at, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	count := 0
	die := func(step string) {
		if count++; count == at {
			fmt.Println("died at", step)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
	}
	conn, err := rpc.Dial("tcp", args[1])
	if err != nil {
		return err
	}
	chain := &remoteChain{conn, die}
	store, err := anchor.OpenFileStoreHook(args[0], die)
	if err != nil {
		return err
	}
	clock := func() time.Time { return time.Date(2026, 4, 1, 8, 0, 0, 0, time.UTC) }
	b, err := anchor.NewBatcher(batcherConfig(store, clock))
	if err != nil {
		return err
	}
	a, err := anchor.NewAnchorer(anchor.AnchorerConfig{Store: store, Chain: chain, Clock: clock})
	if err != nil {
		return err
	}
	ctx := context.Background()
	for _, ids := range [][]string{{"a", "b"}, {"c", "d"}} {
		if _, err := b.Add(ctx, stamp(ids[0]), stamp(ids[1])); err != nil {
			return err
		}
		fmt.Println("kept", ids[0], ids[1])
		if _, err := b.Seal(ctx); err != nil && !errors.Is(err, anchor.ErrEmpty) {
			return err
		}
		if err := a.Step(ctx); err != nil {
			return err
		}
	}
	for range 50 {
		if err := a.Step(ctx); err != nil {
			return err
		}
		if open, err := store.Open(ctx); err != nil || len(open) == 0 {
			if err == nil {
				err = store.Erase(ctx, "b")
			}
			return errors.Join(err, store.Close())
		}
		if err := conn.Call("Remote.Mine", 0, new(int)); err != nil {
			return err
		}
	}
	return errors.New("batches are still open")
}

// remoteChain is the parent's chain. Errors lose their identity on the way, but for the
// ones that matter here.
type remoteChain struct {
	c   *rpc.Client
	die func(string)
}

func (r *remoteChain) call(method string, args, reply any) error {
	r.die("before " + method)
	err := r.c.Call("Remote."+method, args, reply)
	r.die("after " + method)
	for _, known := range []error{anchor.ErrNonceUsed, anchor.ErrReorganised, anchor.ErrPending, anchor.ErrUnderpriced} {
		if err != nil && err.Error() == known.Error() {
			return known
		}
	}
	return err
}

// ProveArgs are the arguments of Remote.Prove.
type ProveArgs struct {
	Place anchor.Place
	Tx    anchor.Tx
}

func (r *remoteChain) Account() anchor.Account { return fakeAccount }

func (r *remoteChain) NextNonce(context.Context) (n uint64, err error) {
	return n, r.call("NextNonce", 0, &n)
}

func (r *remoteChain) Sign(_ context.Context, q anchor.SignRequest) (tx anchor.Tx, h uint64, err error) {
	err = r.call("Sign", q, &tx)
	return tx, 0, err
}

func (r *remoteChain) Broadcast(_ context.Context, raw []byte) error {
	return r.call("Broadcast", raw, new(int))
}

func (r *remoteChain) Find(_ context.Context, q anchor.Query) (s anchor.Sighting, err error) {
	return s, r.call("Find", q, &s)
}

func (r *remoteChain) Prove(_ context.Context, p anchor.Place, tx anchor.Tx) (*anchor.Proof, error) {
	out := &anchor.Proof{}
	err := r.call("Prove", ProveArgs{p, tx}, out)
	return out, err
}

// Remote is the parent's side.
type Remote struct{ c *fakeChain }

func (r *Remote) NextNonce(_ int, n *uint64) (err error) {
	*n, err = r.c.NextNonce(context.Background())
	return err
}

func (r *Remote) Sign(q anchor.SignRequest, tx *anchor.Tx) (err error) {
	*tx, _, err = r.c.Sign(context.Background(), q)
	return err
}

func (r *Remote) Broadcast(raw []byte, _ *int) error {
	return r.c.Broadcast(context.Background(), raw)
}

func (r *Remote) Find(q anchor.Query, s *anchor.Sighting) (err error) {
	*s, err = r.c.Find(context.Background(), q)
	return err
}

func (r *Remote) Prove(a ProveArgs, out *anchor.Proof) error {
	p, err := r.c.Prove(context.Background(), a.Place, a.Tx)
	if err == nil {
		*out = *p
	}
	return err
}

func (r *Remote) Mine(int, *int) error {
	r.c.mine()
	r.c.finalize()
	return nil
}

func TestKill(t *testing.T) {
	var mu sync.Mutex
	steps := map[string]bool{}
	next, finished := 0, false
	// The children wait for the disk most of the time.
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				mu.Lock()
				next++
				at, done := next, finished
				mu.Unlock()
				if done || t.Failed() {
					return
				}
				step, err := killAt(t, at)
				mu.Lock()
				if err != nil {
					t.Errorf("step %d, %s: %v", at, step, err)
				} else if step == "" {
					finished = true
				} else {
					steps[step] = true
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("killed at %d steps of %d kinds", next, len(steps))
	if len(steps) < 20 {
		t.Errorf("expected at least 20 kinds of steps, found %v", steps)
	}
}

// killAt runs a child that is killed at a step, another that is not, and looks at what
// they leave. It returns "" where there was no such step.
func killAt(t *testing.T, at int) (step string, err error) {
	c := newFakeChain(newClock().Now)
	server := rpc.NewServer()
	if err := server.Register(&Remote{c}); err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			go server.ServeConn(conn)
		}
	}()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		return "", err
	}
	run := func(at int) (string, error) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%d", childEnv, dir, l.Addr(), at))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run(at)
	var exit *exec.ExitError
	killed := errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	if err != nil && !killed {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	if killed {
		_, step, _ = strings.Cut(strings.TrimSpace(out), "died at ")
		if again, err := run(0); err != nil {
			return step, fmt.Errorf("started again: %w\n%s", err, again)
		}
	}
	return step, checkKilled(t, dir, c)
}

// checkKilled looks at what the two runs left behind.
func checkKilled(t *testing.T, dir string, c *fakeChain) error {
	store, err := anchor.OpenFileStore(dir)
	if err != nil {
		return err
	}
	defer store.Close()
	for _, id := range []string{"a", "b", "c", "d"} {
		st, err := anchor.Lookup(t.Context(), store, id)
		if err != nil {
			return fmt.Errorf("item %s: %w", id, err)
		}
		if st.Batch == nil || !st.Batch.Done || st.Batch.State != anchor.Final || c.count(st.Batch.Digest) != 1 {
			return fmt.Errorf("item %s is not anchored once", id)
		}
		_, err = (&anchor.Prover{Store: store}).Bundle(t.Context(), id, nil)
		if erased := errors.Is(err, anchor.ErrErased); erased != (id == "b") || err != nil && !erased {
			return fmt.Errorf("item %s: %w", id, err)
		}
	}
	digests, err := store.Digests(t.Context(), 0)
	if err != nil {
		return err
	}
	for i := 1; i < len(digests); i++ {
		r, err := store.Record(t.Context(), uint64(i))
		if err != nil || string(r.Signed.Header.Prev) != string(digests[i-1][:]) {
			return fmt.Errorf("batch %d does not name the one before, %w", i, err)
		}
	}
	return nil
}
