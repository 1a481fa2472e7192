package anchor_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/anchor/storetest"
)

func openStore(t *testing.T, dir string) *anchor.FileStore {
	t.Helper()
	s, err := anchor.OpenFileStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// filled returns the directory of a store with two batches, and items that wait.
func filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := openStore(t, dir)
	for _, p := range []string{"a", "b", "c"} {
		if _, err := s.Add(t.Context(), storetest.Items(p, 10)); err != nil {
			t.Fatal(err)
		}
	}
	for seq, first := range []uint64{0, 12} {
		r, leaves := storetest.Record(t, uint64(seq), first, 12)
		if err := s.Seal(t.Context(), r, leaves); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	if _, err := anchor.OpenFileStore(dir); !errors.Is(err, anchor.ErrLocked) {
		t.Fatalf("expected ErrLocked, found %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openStore(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTorn cuts the items file at every byte of its last frame: the frames before stay,
// and the store goes on. Zeros in place of what is cut, as some file systems leave them,
// change nothing.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	path := filepath.Join(dir, "items", "0000000000000000.items")
	if _, err := s.Add(t.Context(), storetest.Items("a", 3)); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(t.Context(), storetest.Items("b", 2)); err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadFile(path)
	if err != nil || s.Close() != nil {
		t.Fatal(err)
	}
	for cut := len(kept); cut < len(all); cut++ {
		torn := append([]byte(nil), all[:cut]...)
		if cut%2 == 1 && cut > len(kept)+8 {
			torn = append(torn, make([]byte, len(all)-cut)...)
			if string(torn) == string(all) {
				continue
			}
		}
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		s := openStore(t, dir)
		q, err := s.Queue(t.Context())
		if err != nil || q.Size != 3 {
			t.Fatalf("cut at %d: expected 3 items, found %d, %v", cut, q.Size, err)
		}
		if _, err := s.Add(t.Context(), storetest.Items("c", 1)); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, dir)
		if q, err := s.Queue(t.Context()); err != nil || q.Size != 4 {
			t.Fatalf("cut at %d: expected 4 items, found %d, %v", cut, q.Size, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamage changes files: the store says so, and does not go on with less than it had.
func TestDamage(t *testing.T) {
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 0x40; return b }
	}
	for name, c := range map[string]struct {
		file   string
		change func([]byte) []byte // nil: removed
		open   bool                // found on opening
	}{
		"first frame":      {"items/0000000000000000.items", flip(20), true},
		"first length":     {"items/0000000000000000.items", flip(2), true},
		"items gone":       {"items/0000000000000000.items", nil, true},
		"items cut":        {"items/0000000000000000.items", func(b []byte) []byte { return b[:len(b)/3] }, true},
		"record bit":       {"batches/0000000000.record", flip(60), true},
		"record cut":       {"batches/0000000000.record", func(b []byte) []byte { return b[:len(b)-1] }, true},
		"record longer":    {"batches/0000000001.record", func(b []byte) []byte { return append(b, 0) }, true},
		"record empty":     {"batches/0000000001.record", func([]byte) []byte { return nil }, true},
		"first batch gone": {"batches/0000000000.record", nil, true},
		"leaves cut":       {"batches/0000000001.leaves", func(b []byte) []byte { return b[:len(b)-1] }, false},
		"leaves longer":    {"batches/0000000001.leaves", func(b []byte) []byte { return append(b, 0) }, false},
		"leaves count":     {"batches/0000000001.leaves", func(b []byte) []byte { b[0] = 200; return b }, false},
		"leaves bit":       {"batches/0000000001.leaves", flip(30), false},
	} {
		dir := filled(t)
		path := filepath.Join(dir, filepath.FromSlash(c.file))
		if c.change == nil {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		} else {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.change(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := anchor.OpenFileStore(dir)
		if c.open {
			if !errors.Is(err, anchor.ErrCorrupt) {
				t.Errorf("%s: expected ErrCorrupt, found %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r, err := s.Record(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := anchor.Trees(t.Context(), s, r); err == nil {
			t.Errorf("%s: trees are built from damaged leaves", name)
		}
		s.Close()
	}
	// What a crash leaves behind is no damage.
	dir := filled(t)
	for _, f := range []string{"batches/0000000002.record.tmp", "batches/0000000002.leaves", "items/0000000000000000.items.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(f)), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := openStore(t, dir)
	defer s.Close()
	r, leaves := storetest.Record(t, 2, 24, 6)
	if err := s.Seal(t.Context(), r, leaves); err != nil {
		t.Fatal(err)
	}
}

// FuzzRecord reads records that anyone may have written to the store's directory.
func FuzzRecord(f *testing.F) {
	r, _ := storetest.Record(&testing.T{}, 0, 0, 3)
	b, err := r.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := anchor.ParseRecord(b)
		if err != nil {
			return
		}
		again, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := anchor.ParseRecord(again); err != nil {
			t.Fatal(err)
		}
	})
}
