package main

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServeStoppedWorker: a process that does jobs is asked to end amid a batch. It finishes
// what it has begun and ends by itself; another one does the rest, and every row is there
// once. The process that answers requests does no jobs.
func TestServeStoppedWorker(t *testing.T) {
	const rows = 4000
	dir, env := t.TempDir(), postgresEnv(t)
	s := startServiceWith(t, env, "--data", dir, "--role", "api")
	kind := s.trainingType("vc")
	batch := s.startBatch(kind, rows)
	time.Sleep(500 * time.Millisecond)
	if issued, _ := batch(); issued != 0 {
		t.Errorf("the process that answers requests has done %v rows", issued)
	}
	first := startWorker(t, env, "--data", dir)
	for issued, done := batch(); issued < 500; issued, done = batch() {
		if done {
			t.Fatal("the batch was over too soon")
		}
		time.Sleep(5 * time.Millisecond)
	}
	first.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-first.done:
	case <-time.After(40 * time.Second):
		t.Fatalf("the worker does not end\n%s", first.log)
	}
	if code := first.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d\n%s", code, first.log)
	}
	left, done := batch()
	if done {
		t.Error("the batch was not interrupted")
	}
	time.Sleep(300 * time.Millisecond)
	if now, _ := batch(); now != left {
		t.Errorf("after its end %v rows became %v", left, now)
	}
	second := startWorker(t, env, "--data", dir)
	for began := time.Now(); !done; _, done = batch() {
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("the batch does not end\n%s", second.log)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if issued, _ := batch(); issued != rows {
		t.Errorf("expected %d rows, found %v", rows, issued)
	}
	s.checkRows(rows)
	if strings.Contains(first.log.String()+second.log.String()+s.log.String(), "level=ERROR") {
		t.Errorf("something went wrong:\n%s%s%s", first.log, second.log, s.log)
	}
	second.stop()
	s.stop()
}

// TestServeOtherKey: a process with another master key than that of the database that it
// shares is refused, before it has written anything; so is one without any.
func TestServeOtherKey(t *testing.T) {
	env := postgresEnv(t)
	s := startServiceWith(t, env, "--data", t.TempDir())
	id, public := s.issue(s.trainingType("vc"), "Aina Rahman")
	key := make([]byte, 32)
	rand.Read(key)
	other := *s
	for what, c := range map[string]struct{ key, want string }{
		"another": {base64.StdEncoding.EncodeToString(key), "masterKey: expected key"}, "none": {"", "masterKey: expected a key"},
	} {
		other.env = slices.Concat(env[:1], []string{"CHANCERY_MASTER_KEY=" + c.key})
		for _, args := range [][]string{{"serve", "--listen", freePort(t)}, {"serve", "--role", "worker"}, {"tenants", "create", "X"}} {
			if out, err := other.chancery(append(args, "--data", t.TempDir())...); err == nil || !strings.Contains(out, c.want) {
				t.Errorf("%s, %v: %v: %s", what, args, err, out)
			}
		}
	}
	s.verifies(public, "valid", "")
	s.data("POST", "/v1/credentials/"+id+"/revoke", map[string]any{"reason": "test"}, 200)
	s.stop()
}
