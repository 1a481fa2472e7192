package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/storetest"
	"github.com/chancery-dev/chancery/internal/store/sqlite"
)

// TestMain runs the children of the crash tests.
func TestMain(m *testing.M) {
	mode, path := os.Getenv("STORETEST_CHILD"), os.Getenv("STORETEST_PATH")
	if mode == "" {
		os.Exit(m.Run())
	}
	ctx := context.Background()
	s, err := sqlite.Open(ctx, sqlite.Config{Path: path, Now: time.Now})
	if err == nil && mode == "write" {
		var first int
		if first, err = strconv.Atoi(os.Getenv("STORETEST_FIRST")); err == nil {
			err = storetest.CrashChild(ctx, s, first, os.Stdout)
		}
	} else if err == nil {
		err = storetest.WorkChild(ctx, s, os.Stdout)
	}
	fmt.Fprintln(os.Stderr, "child:", err)
	os.Exit(1)
}

func child(t *testing.T, mode, path string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "STORETEST_CHILD="+mode, "STORETEST_PATH="+path)
	return cmd
}

func TestKilledWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	storetest.CrashParent(t, 5, func() *exec.Cmd { return child(t, "write", path) }, func() service.Store { return open(t, path) })
}

func TestKilledWorking(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	storetest.WorkParent(t, child(t, "work", path), func() service.Store { return open(t, path) })
}

// TestTwoProcesses: while one does jobs, another waits for its end, and may write.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	a, b := open(t, path), open(t, path)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan string, 10)
	handlers := func(name string) service.WorkConfig {
		return service.WorkConfig{Handlers: map[string]service.JobHandler{"job": func(context.Context, service.Run) error { ran <- name; return nil }}}
	}
	enqueue := func() {
		if err := b.Update(t.Context(), func(tx service.Tx) error { return tx.Enqueue(t.Context(), service.Job{Kind: "job"}) }); err != nil {
			t.Error(err)
		}
	}
	ended := make(chan error, 2)
	go func() { ended <- a.Work(ctx, handlers("a")) }()
	enqueue()
	if got := <-ran; got != "a" {
		t.Fatalf("found %q", got)
	}
	second, stopSecond := context.WithCancel(t.Context())
	go func() { ended <- b.Work(second, handlers("b")) }()
	for range 3 {
		enqueue()
		if got := <-ran; got != "a" {
			t.Fatalf("found %q", got)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	enqueue()
	if got := <-ran; got != "b" {
		t.Fatalf("found %q", got)
	}
	stopSecond()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestDiskFull(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "a.db"))
	pages, err := s.Pages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(pages)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.LimitPages(t.Context(), strconv.Itoa(n+20)); err != nil {
		t.Fatal(err)
	}
	put := func(id string, size int) error {
		return s.Update(t.Context(), func(tx service.Tx) error {
			r := service.Record{Kind: service.KindStamp, ID: id, Created: time.Unix(1, 0), Body: []byte(`"` + strings.Repeat("x", size) + `"`)}
			return tx.Put(t.Context(), service.Scope{Tenant: "t"}, r)
		})
	}
	written := 0
	for ; written < 100; written++ {
		if err = put(fmt.Sprint(written), 4000); err != nil {
			break
		}
	}
	if !errors.Is(err, service.ErrUnavailable) {
		t.Fatalf("expected %v, found %v", service.ErrUnavailable, err)
	}
	if err := s.LimitPages(t.Context(), "100000"); err != nil { // there is room again
		t.Fatal(err)
	}
	if err := put("after", 4000); err != nil {
		t.Fatal(err)
	}
	err = s.View(t.Context(), func(tx service.Tx) error {
		l, err := tx.List(t.Context(), service.Scope{Tenant: "t"}, service.KindStamp, nil, service.Page{Limit: 1, WithTotal: true})
		if err == nil && l.Total != int64(written)+1 {
			t.Errorf("expected %d, found %d", written+1, l.Total)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBackup(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "a.db"))
	put := func(id string) {
		if err := s.Update(t.Context(), func(tx service.Tx) error {
			return tx.Put(t.Context(), service.Scope{}, service.Record{Kind: service.KindTenant, ID: id, Body: []byte("{}")})
		}); err != nil {
			t.Fatal(err)
		}
	}
	put("before")
	copied := filepath.Join(dir, "it's a copy.db")
	if err := s.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	put("after")
	if err := s.Backup(t.Context(), copied); err == nil {
		t.Fatal("a backup overwrites a file")
	}
	b := open(t, copied)
	err := b.View(t.Context(), func(tx service.Tx) error {
		if _, err := tx.Get(t.Context(), service.Scope{}, service.KindTenant, "before"); err != nil {
			return err
		}
		if _, err := tx.Get(t.Context(), service.Scope{}, service.KindTenant, "after"); !errors.Is(err, service.ErrNotFound) {
			t.Errorf("found %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenFaults(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]sqlite.Config{
		"no path":        {Now: time.Now},
		"no clock":       {Path: filepath.Join(dir, "a.db")},
		"no directory":   {Path: filepath.Join(dir, "none", "a.db"), Now: time.Now},
		"not a database": {Path: filepath.Join(dir, "text"), Now: time.Now},
	} {
		if err := os.WriteFile(filepath.Join(dir, "text"), []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := sqlite.Open(t.Context(), c); err == nil {
			t.Errorf("%s: it opens", name)
			s.Close() //nolint:errcheck // the test has failed
		}
	}
}
