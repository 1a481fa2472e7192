package storetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// Each Update of the child writes under one number a credential with two artefacts, an
// entry of the audit log, a job and a count. It says so when it has returned.

// CrashChild writes to a store until its process is killed. It is called in a process of
// its own, whose standard output is read by CrashParent.
func CrashChild(ctx context.Context, st service.Store, first int, out io.Writer) error {
	var mu sync.Mutex
	next := first
	errs := make(chan error)
	for range 8 {
		go func() {
			for {
				mu.Lock()
				n := next
				next++
				mu.Unlock()
				if err := st.Update(ctx, func(tx service.Tx) error { return crashWrite(ctx, tx, n) }); err != nil {
					errs <- err
					return
				}
				mu.Lock()
				_, err := fmt.Fprintf(out, "ack %d\n", n)
				mu.Unlock()
				if err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	return <-errs
}

func crashWrite(ctx context.Context, tx service.Tx, n int) error {
	id := fmt.Sprint(n)
	if err := tx.AddCredential(ctx, ScopeA, credential(id)); err != nil {
		return err
	}
	for issue := range 2 {
		a := artifact("vc", issue+1)
		a.Digest = digest(fmt.Sprint(id, " ", issue))
		if err := tx.AddArtifact(ctx, ScopeA, id, a); err != nil {
			return err
		}
	}
	if err := tx.AddAudit(ctx, ScopeA, audit(id)); err != nil {
		return err
	}
	if _, err := tx.Count(ctx, ScopeA, "n", 1); err != nil {
		return err
	}
	return tx.Enqueue(ctx, service.Job{Kind: "after", Args: fmt.Appendf(nil, `{"n":%d}`, n), Key: id})
}

// CrashParent runs children that call CrashChild with the number in the environment
// variable STORETEST_FIRST, kills each in the middle of its work, and checks after each
// that all that was acknowledged is there and nothing is there by half. Then all jobs
// that were enqueued run.
func CrashParent(t *testing.T, rounds int, child func() *exec.Cmd, reopen func() service.Store) {
	acknowledged := map[int]bool{}
	first := 0
	for range rounds {
		cmd := child()
		cmd.Env = append(cmd.Environ(), fmt.Sprintf("STORETEST_FIRST=%d", first))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for before := len(acknowledged); lines.Scan(); {
			var n int
			if _, err := fmt.Sscanf(lines.Text(), "ack %d", &n); err == nil {
				acknowledged[n] = true
				first = max(first, n+100)
			}
			if len(acknowledged) == before+40 {
				check(t, cmd.Process.Kill())
			}
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("expected the child to be killed, found %v", err)
		}
		st := reopen()
		crashCheck(t, st, acknowledged)
		check(t, st.Close())
	}
	crashJobs(t, reopen(), acknowledged)
}

func crashCheck(t *testing.T, st service.Store, acknowledged map[int]bool) {
	t.Helper()
	var found, counted int64
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		for n := range acknowledged {
			if _, err := tx.Credential(ctx, ScopeA, fmt.Sprint(n)); err != nil {
				t.Fatalf("%d was acknowledged: %v", n, err)
			}
		}
		l, err := tx.Credentials(ctx, ScopeA, service.CredentialQuery{}, service.Page{Limit: service.MaxLimit})
		check(t, err)
		found = int64(len(l.Items))
		for _, c := range l.Items {
			all, err := tx.Artifacts(ctx, ScopeA, c.ID, 0)
			check(t, err)
			equal(t, "artefacts of "+c.ID, len(all), 2)
		}
		entries, err := tx.Unchained(ctx, ScopeA, service.MaxLimit)
		check(t, err)
		equal(t, "entries", int64(len(entries)), found)
		counted, err = tx.Count(ctx, ScopeA, "n", 0)
		return err
	})
	equal(t, "counted", counted, found)
}

func crashJobs(t *testing.T, st service.Store, acknowledged map[int]bool) {
	t.Helper()
	var mu sync.Mutex
	ran := map[string]bool{}
	stop := work(t, st, service.WorkConfig{Concurrency: 16, Handlers: map[string]service.JobHandler{"after": func(_ context.Context, r service.Run) error {
		mu.Lock()
		defer mu.Unlock()
		ran[string(r.Args)] = true
		return nil
	}}})
	eventually(t, "all jobs of what was acknowledged", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for n := range acknowledged {
			if !ran[fmt.Sprintf(`{"n":%d}`, n)] {
				return false
			}
		}
		return true
	})
	stop()
}

// WorkChild says when its job has begun, and never ends it.
func WorkChild(ctx context.Context, st service.Store, out io.Writer) error {
	err := st.Update(ctx, func(tx service.Tx) error { return tx.Enqueue(ctx, service.Job{Kind: "killed", Key: "k", Attempts: 1}) })
	if err != nil {
		return err
	}
	return st.Work(ctx, service.WorkConfig{Handlers: map[string]service.JobHandler{"killed": func(context.Context, service.Run) error {
		if _, err := fmt.Fprintln(out, "begun"); err != nil {
			return err
		}
		select {}
	}}})
}

// WorkParent kills a child that calls WorkChild while its job runs: the job runs again, in
// another process.
func WorkParent(t *testing.T, child *exec.Cmd, reopen func() service.Store) {
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	check(t, err)
	check(t, child.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "begun" {
	}
	check(t, child.Process.Kill())
	if err := child.Wait(); err == nil {
		t.Fatal("expected the child to be killed")
	}
	st := reopen()
	ran := make(chan service.Run, 2)
	work(t, st, service.WorkConfig{Handlers: map[string]service.JobHandler{"killed": func(_ context.Context, r service.Run) error {
		ran <- r
		return nil
	}}})
	equal(t, "attempts", recv(t, "the job of the child", ran).Attempts, 1)
	// Its key is free.
	enqueue(t, st, service.Job{Kind: "killed", Key: "k"})
	recv(t, "another job with the key", ran)
	select {
	case r := <-ran:
		t.Fatalf("a third job ran: %+v", r)
	case <-time.After(100 * time.Millisecond):
	}
}

// BenchmarkJobs runs jobs that do nothing and reports how many a second, against the least
// that is wanted.
func BenchmarkJobs(b *testing.B, st service.Store, least float64) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	const n = 2000
	var rates float64
	for b.Loop() {
		for i := 0; i < n; i += 500 {
			err := st.Update(ctx, func(tx service.Tx) error {
				for range 500 {
					if err := tx.Enqueue(ctx, service.Job{Kind: "nothing"}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		working, stop := context.WithCancel(ctx)
		done, ended := make(chan bool, n), make(chan error, 1)
		before := b.Elapsed()
		go func() {
			ended <- st.Work(working, service.WorkConfig{Concurrency: 100, Handlers: map[string]service.JobHandler{"nothing": func(context.Context, service.Run) error {
				done <- true
				return nil
			}}})
		}()
		for range n {
			<-done
		}
		rates += n / (b.Elapsed() - before).Seconds()
		stop()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
	rate := rates / float64(b.N)
	b.ReportMetric(rate, "jobs/s")
	b.ReportMetric(least/rate, "x_raw")
	b.ReportMetric(1, "x_limit")
}
