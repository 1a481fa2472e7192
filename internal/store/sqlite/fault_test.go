package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store/sqlite"
)

// scrubbed waits until the -wal file of a store is empty.
func scrubbed(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		f, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		if f.Size() == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("expected an empty -wal file, found %d bytes", f.Size())
		}
	}
}

// TestPagesAway takes away pages from beneath readers that look at the file through a
// mapping, as a disk does that fails: the kernel then sends a signal that ends processes.
// What needs them fails, and what does not goes on; when they are back, all does.
func TestPagesAway(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file is cut short there while it is mapped")
	}
	path := filepath.Join(t.TempDir(), "a.db")
	var log bytes.Buffer
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Now: time.Now, Readers: 3, Logger: logger(&log)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	scope := service.Scope{Tenant: "t"}
	const n = 200
	put := func(id string) {
		t.Helper()
		if err := s.Update(t.Context(), func(tx service.Tx) error {
			return tx.Put(t.Context(), scope, service.Record{Kind: service.KindStamp, ID: id, Body: append(bytes.Repeat([]byte("x"), 8000), id...)})
		}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		put(fmt.Sprint("r", i))
	}
	s.Scrub()
	scrubbed(t, path)
	// find returns how many records are read, and fails where one is wrong or not there.
	find := func() (good int) {
		t.Helper()
		for i := range n {
			id := fmt.Sprint("r", i)
			err := s.View(t.Context(), func(tx service.Tx) error {
				r, err := tx.Get(t.Context(), scope, service.KindStamp, id)
				if err == nil && !bytes.HasSuffix(r.Body, []byte("x"+id)) {
					t.Errorf("%s: found %d other bytes", id, len(r.Body))
				}
				return err
			})
			if err == nil {
				good++
			} else if !errors.Is(err, service.ErrUnavailable) {
				t.Fatalf("%s: %v", id, err)
			}
		}
		return good
	}
	if good := find(); good != n {
		t.Fatalf("read %d of %d", good, n)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Three quarters are kept: what the readers meet first are their leaves.
	if err := os.Truncate(path, int64(len(whole)*3/4/4096*4096)); err != nil {
		t.Fatal(err)
	}
	if good := find(); good == 0 || good == n {
		t.Errorf("read %d of %d without the last pages", good, n)
	}
	if !bytes.Contains(log.Bytes(), []byte("could not be read")) {
		t.Errorf("no reader has met a fault: %s", log.Bytes())
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	put("after") // also so that no reader trusts what it has read before
	if good := find(); good != n {
		t.Errorf("read %d of %d again", good, n)
	}
	// All at once, none waits for a lock that was left behind.
	errs := make(chan error)
	for range 12 {
		go func() {
			errs <- s.View(t.Context(), func(tx service.Tx) error {
				_, err := tx.List(t.Context(), scope, service.KindStamp, nil, service.Page{Limit: n})
				return err
			})
		}()
	}
	for range 12 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if err := s.Backup(t.Context(), path+".copy"); err != nil {
		t.Error(err)
	}
}
