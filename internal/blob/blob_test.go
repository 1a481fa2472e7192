package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/chancery-dev/chancery/internal/blob/blobtest"
	"github.com/chancery-dev/chancery/internal/service"
)

var sum, content = blobtest.Sum, blobtest.Content

func conformance(t *testing.T, b service.Blobs, spoil func(t *testing.T, digest string, to []byte)) {
	t.Helper()
	blobtest.Run(t, b, blobtest.Driver{Most: testMost, Spoil: spoil, Corrupt: ErrCorrupt, Digest: ErrDigest, TooLarge: ErrTooLarge})
}

const testMost = 3 << 20

func dir(t testing.TB) (*Dir, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "blobs")
	d, err := OpenDir(DirConfig{Path: path, MaxBytes: testMost, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return d, path
}

func files(t testing.TB, path string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(path, func(p string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out = append(out, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDir(t *testing.T) {
	d, path := dir(t)
	conformance(t, d, func(t *testing.T, digest string, to []byte) {
		if err := os.WriteFile(d.file(digest), to, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if left, _ := os.ReadDir(filepath.Join(path, partDir)); len(left) != 0 {
		t.Errorf("%d unfinished files are left", len(left))
	}
	for _, f := range files(t, path) {
		rel, _ := filepath.Rel(path, f)
		digest := filepath.Base(f)
		if checkDigest(digest) != nil || rel != filepath.Join(digest[:2], digest[2:4], digest) {
			t.Errorf("a file at %s", rel)
		}
		if info, _ := os.Stat(f); info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
	}
}

func TestSweep(t *testing.T) {
	_, path := dir(t)
	parts := filepath.Join(path, partDir)
	now := time.Now()
	for name, age := range map[string]time.Duration{"put-old": 2 * time.Hour, "put-new": time.Minute, "foreign": 9 * time.Hour} {
		p := filepath.Join(parts, name)
		if err := os.WriteFile(p, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(p, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenDir(DirConfig{Path: path, Clock: time.Now}); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, f := range files(t, parts) {
		left = append(left, filepath.Base(f))
	}
	if strings.Join(left, " ") != "foreign put-new" {
		t.Errorf("left: %v", left)
	}
}

// faulty is a file on a disk that fails.
type faulty struct {
	*os.File
	write, sync, closing error
	room                 int
}

func (f *faulty) Write(p []byte) (int, error) {
	if f.write != nil && len(p) > f.room {
		n, _ := f.File.Write(p[:f.room])
		f.room = 0
		return n, f.write
	}
	f.room -= len(p)
	return f.File.Write(p)
}

func (f *faulty) Sync() error {
	if f.sync != nil {
		return f.sync
	}
	return f.File.Sync()
}

func (f *faulty) Close() error { return first(f.closing, f.File.Close()) }

func TestDirFaults(t *testing.T) {
	ctx := context.Background()
	for name, make := range map[string]func(*os.File) *faulty{
		"disk full at once": func(f *os.File) *faulty { return &faulty{File: f, write: syscall.ENOSPC} },
		"disk full later":   func(f *os.File) *faulty { return &faulty{File: f, write: syscall.ENOSPC, room: 70_000} },
		"quota":             func(f *os.File) *faulty { return &faulty{File: f, write: syscall.EDQUOT} },
		"fsync fails":       func(f *os.File) *faulty { return &faulty{File: f, sync: syscall.EIO} },
		"close fails":       func(f *os.File) *faulty { return &faulty{File: f, closing: syscall.EIO} },
	} {
		d, path := dir(t)
		plain := d.create
		d.create = func(dir string) (partFile, error) {
			f, err := plain(dir)
			if err != nil {
				return nil, err
			}
			return make(f.(*os.File)), nil
		}
		if _, _, err := d.Put(ctx, bytes.NewReader(content(200_000))); !errors.Is(err, service.ErrUnavailable) || strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if left := files(t, path); len(left) != 0 {
			t.Errorf("%s: %v", name, left)
		}
		if name == "disk full at once" {
			if err := d.Ready(ctx); !errors.Is(err, service.ErrUnavailable) {
				t.Error(err)
			}
		}
		d.create = plain
		if _, _, err := d.Put(ctx, bytes.NewReader(content(200_000))); err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
	}
	d, path := dir(t)
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Put(ctx, strings.NewReader("x")); !errors.Is(err, service.ErrUnavailable) {
		t.Error(err)
	}
	if err := d.Ready(ctx); !errors.Is(err, service.ErrUnavailable) {
		t.Error(err)
	}
	// Something else lies where a file should.
	d, _ = dir(t)
	if err := os.MkdirAll(d.file(sum(nil)), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Get(ctx, sum(nil)); !errors.Is(err, service.ErrUnavailable) {
		t.Error(err)
	}
	if _, _, err := d.Put(ctx, strings.NewReader("")); !errors.Is(err, service.ErrUnavailable) {
		t.Error(err)
	}
	for name, c := range map[string]DirConfig{"no path": {Clock: time.Now}, "no clock": {Path: "x"}, "bound": {Path: "x", Clock: time.Now, MaxBytes: -1}} {
		if _, err := OpenDir(c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := OpenDir(DirConfig{Path: "/dev/null/x", Clock: time.Now}); !errors.Is(err, service.ErrUnavailable) {
		t.Error(err)
	}
}

// TestNeverHalf: while files are being written and writing is broken off at any place,
// whoever looks sees whole files or none.
func TestNeverHalf(t *testing.T) {
	d, path := dir(t)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for i := range 3 {
		writers.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-stop:
					return
				default:
				}
				var r io.Reader = bytes.NewReader(content(100_000 + i))
				if k%2 == 1 {
					r = io.MultiReader(io.LimitReader(r, int64(k%100_000)), iotest.ErrReader(io.ErrUnexpectedEOF))
				}
				_, _, _ = d.Put(context.Background(), r)
			}
		})
	}
	for range 200 {
		for i := range 3 {
			digest := sum(content(100_000 + i))
			b, err := os.ReadFile(d.file(digest))
			if err == nil && sum(b) != digest {
				t.Fatal("half a file was seen")
			}
		}
	}
	close(stop)
	writers.Wait()
	if left, _ := os.ReadDir(filepath.Join(path, partDir)); len(left) != 0 {
		t.Errorf("%d unfinished files are left", len(left))
	}
}
