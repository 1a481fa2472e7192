package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store/postgres"
)

// hall carries connections to the server, and can swallow what they carry.
type hall struct {
	mu     sync.Mutex
	conns  map[net.Conn]bool // whether it leads to the server
	silent map[net.Conn]bool // what comes from it is swallowed
}

// throughHall returns a data source name by which a database is reached through a hall.
func throughHall(t *testing.T, dsn string) (string, *hall) {
	t.Helper()
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	network, target := "tcp", fmt.Sprintf("%s:%d", c.Host, c.Port)
	if strings.HasPrefix(c.Host, "/") {
		network, target = "unix", filepath.Join(c.Host, fmt.Sprintf(".s.PGSQL.%d", c.Port))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{conns: map[net.Conn]bool{}, silent: map[net.Conn]bool{}}
	t.Cleanup(func() {
		l.Close()
		h.mu.Lock()
		defer h.mu.Unlock()
		for c := range h.conns {
			c.Close()
		}
	})
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial(network, target)
			if err != nil {
				from.Close()
				continue
			}
			h.mu.Lock()
			h.conns[from], h.conns[to] = false, true
			h.mu.Unlock()
			go h.carry(to, from)
			go h.carry(from, to)
		}
	}()
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s password='%s' dbname=%s sslmode=disable", l.Addr().(*net.TCPAddr).Port, c.User, c.Password, c.Database), h
}

func (h *hall) carry(to, from net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		h.mu.Lock()
		silent := h.silent[from]
		h.mu.Unlock()
		if silent && err == nil {
			continue
		}
		if _, werr := to.Write(b[:n]); err != nil || werr != nil {
			to.Close()
			return
		}
	}
}

// silence swallows for ever what comes on the connections of now, or only what the server
// answers on them.
func (h *hall) silence(answersAlone bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c, server := range h.conns {
		if server || !answersAlone {
			h.silent[c] = true
		}
	}
}

func enqueue(t *testing.T, st service.Store, kind string, n int) {
	t.Helper()
	err := st.Update(t.Context(), func(tx service.Tx) error {
		for range n {
			if err := tx.Enqueue(t.Context(), service.Job{Kind: kind}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestJobsAfterSilence: jobs go on, each of them, when connections have died without a word:
// in both directions, or such that the server hears and is not heard, and so gives out jobs
// to a process that does not know of them.
func TestJobsAfterSilence(t *testing.T) {
	for name, answersAlone := range map[string]bool{"both ways": false, "answers": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := database(t)
			beside := open(t, dsn)
			through, h := throughHall(t, dsn)
			s, err := postgres.Open(t.Context(), postgres.Config{DSN: through, Now: time.Now, RoundTrip: 500 * time.Millisecond, Connections: 6})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() }) //nolint:errcheck // its connections are dead
			ran := make(chan string, 100)
			began, goOn := make(chan bool, 10), make(chan bool)
			job := func(kind string, first func()) service.JobHandler {
				return func(ctx context.Context, r service.Run) error {
					err := s.Update(ctx, func(tx service.Tx) error {
						if _, err := tx.Count(ctx, service.Scope{}, kind, 1); err != nil {
							return err
						}
						if r.Attempt == 1 {
							first()
						}
						_, err := tx.Count(ctx, service.Scope{}, kind, 1)
						return err
					})
					if err == nil {
						ran <- kind
					}
					return err
				}
			}
			handlers := map[string]service.JobHandler{"quick": job("quick", func() {}), "slow": job("slow", func() { began <- true; <-goOn })}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				ended <- s.Work(ctx, service.WorkConfig{Handlers: handlers, Concurrency: 4, Wait: func(string, int) time.Duration { return 100 * time.Millisecond }})
			}()
			wait := func(what string, n int) {
				t.Helper()
				for after := time.After(20 * time.Second); n > 0; n-- {
					select {
					case got := <-ran:
						if got != what {
							t.Errorf("expected %s, found %s", what, got)
						}
					case <-after:
						t.Fatalf("%d of the jobs %q do not run", n, what)
					}
				}
			}
			enqueue(t, beside, "slow", 1)
			<-began
			h.silence(answersAlone)
			close(goOn)
			wait("slow", 1)
			for range 2 {
				enqueue(t, beside, "quick", 5) // so that statements are prepared
				wait("quick", 5)
				time.Sleep(300 * time.Millisecond)
				h.silence(answersAlone)
				enqueue(t, beside, "quick", 20)
				wait("quick", 20)
			}
			stop()
			select {
			case err := <-ended:
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			case <-time.After(20 * time.Second):
				t.Error("the work does not end")
			}
		})
	}
}
