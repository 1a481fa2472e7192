package postgres_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/storetest"
	"github.com/chancery-dev/chancery/internal/store/postgres"
)

func runChild(mode string) error {
	ctx := context.Background()
	s, err := postgres.Open(ctx, postgres.Config{DSN: os.Getenv("STORETEST_DSN"), Now: time.Now})
	if err != nil {
		return err
	}
	if mode == "work" {
		return storetest.WorkChild(ctx, s, os.Stdout)
	}
	first, err := strconv.Atoi(os.Getenv("STORETEST_FIRST"))
	if err != nil {
		return err
	}
	return storetest.CrashChild(ctx, s, first, os.Stdout)
}

func child(t *testing.T, mode, dsn string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "STORETEST_CHILD="+mode, "STORETEST_DSN="+dsn)
	return cmd
}

func TestKilledWriting(t *testing.T) {
	dsn := database(t)
	storetest.CrashParent(t, 2, func() *exec.Cmd { return child(t, "write", dsn) }, func() service.Store { return open(t, dsn) })
}

func TestKilledWorking(t *testing.T) {
	dsn := database(t)
	storetest.WorkParent(t, child(t, "work", dsn), func() service.Store { return open(t, dsn) })
}

// TestTwoProcesses: two stores share the jobs, each of which runs once.
func TestTwoProcesses(t *testing.T) {
	dsn := database(t)
	stores := []*postgres.Store{open(t, dsn), open(t, dsn)}
	const n = 200
	var ran [2]atomic.Int64
	done := make(chan bool, 2*n)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() {
			err := s.Work(ctx, service.WorkConfig{Concurrency: 4, Handlers: map[string]service.JobHandler{"job": func(context.Context, service.Run) error {
				time.Sleep(2 * time.Millisecond)
				ran[i].Add(1)
				done <- true
				return nil
			}}})
			if err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	err := stores[0].Update(t.Context(), func(tx service.Tx) error {
		for range n {
			if err := tx.Enqueue(t.Context(), service.Job{Kind: "job"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatalf("only %d and %d jobs ran", ran[0].Load(), ran[1].Load())
		}
	}
	stop()
	wg.Wait()
	if a, b := ran[0].Load(), ran[1].Load(); a+b != n || a == 0 || b == 0 {
		t.Fatalf("%d and %d jobs ran", a, b)
	}
}

// TestAway: while the server is away, calls fail in time and say so; then all goes on, with
// all that was acknowledged.
func TestAway(t *testing.T) {
	s := open(t, database(t))
	put := func(id string) error {
		return s.Update(t.Context(), func(tx service.Tx) error {
			return tx.Put(t.Context(), service.Scope{}, service.Record{Kind: service.KindTenant, ID: id, Body: []byte("{}")})
		})
	}
	if err := put("before"); err != nil {
		t.Fatal(err)
	}
	server.Crash(t)
	for range 3 {
		if err := put("away"); !errors.Is(err, service.ErrUnavailable) {
			t.Fatalf("expected %v, found %v", service.ErrUnavailable, err)
		}
		if err := s.Ready(t.Context()); !errors.Is(err, service.ErrUnavailable) {
			t.Fatalf("expected %v, found %v", service.ErrUnavailable, err)
		}
	}
	server.Resume(t)
	if err := put("after"); err != nil {
		t.Fatal(err)
	}
	err := s.View(t.Context(), func(tx service.Tx) error {
		l, err := tx.List(t.Context(), service.Scope{}, service.KindTenant, nil, service.Page{})
		if err == nil && (len(l.Items) != 2) {
			t.Errorf("found %+v", l.Items)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenFaults(t *testing.T) {
	dsn := database(t)
	for name, c := range map[string]struct {
		config postgres.Config
		away   bool
	}{
		"no clock":     {postgres.Config{DSN: dsn}, false},
		"malformed":    {postgres.Config{DSN: "postgres://user:geheim@host:port/", Now: time.Now}, false},
		"nobody there": {postgres.Config{DSN: "host=127.0.0.1 port=1 user=u password=geheim connect_timeout=1", Now: time.Now}, true},
		"no socket":    {postgres.Config{DSN: "host=" + t.TempDir() + " user=u password=geheim", Now: time.Now}, true},
	} {
		s, err := postgres.Open(t.Context(), c.config)
		if err == nil {
			t.Errorf("%s: it opens", name)
			s.Close() //nolint:errcheck // the test has failed
			continue
		}
		if errors.Is(err, service.ErrUnavailable) != c.away {
			t.Errorf("%s: found %v", name, err)
		}
		if containsSecret(err) {
			t.Errorf("%s: the error holds the password", name)
		}
	}
}

func containsSecret(err error) bool {
	for i, text := 0, err.Error(); i+6 <= len(text); i++ {
		if text[i:i+6] == "geheim" {
			return true
		}
	}
	return false
}

// TestOpenAtOnce: many open a new database at once, and one migrates it.
func TestOpenAtOnce(t *testing.T) {
	dsn := server.Database(t, "", nil)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			s, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, Now: time.Now, Connections: 4})
			if err != nil {
				t.Error(err)
				return
			}
			if err := errors.Join(s.Ready(t.Context()), s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
