package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/service"
)

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func content(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = r.Read(b)
	return b
}

// hostileNames never reach a path or a request.
var hostileNames = []string{
	"", "a", strings.Repeat("a", 63), strings.Repeat("a", 65), strings.Repeat("A", 64), strings.Repeat("g", 64), "../" + strings.Repeat("a", 61), strings.Repeat("a", 62) + "/.",
	strings.Repeat("a", 63) + "\x00", strings.Repeat("../", 21) + "a", strings.Repeat("é", 32), strings.Repeat("%2e", 21) + "a", strings.Repeat(" ", 64), "ready",
}

// conformance is what every service.Blobs keeps to. spoil changes a stored file behind its
// back, most is the bound of one file.
func conformance(t *testing.T, b service.Blobs, most int, spoil func(t *testing.T, digest string, to []byte)) {
	ctx := context.Background()
	get := func(digest string) ([]byte, int64, error) {
		r, size, err := b.Get(ctx, digest)
		if err != nil {
			return nil, 0, err
		}
		defer r.Close()
		out, err := io.ReadAll(r)
		return out, size, err
	}
	t.Run("sizes", func(t *testing.T) {
		for _, n := range []int{0, 1, 4095, 64 << 10, 1<<20 - 1, 1 << 20, 1<<20 + 1, most} {
			data := content(n)
			for range 2 {
				digest, size, err := b.Put(ctx, iotest.HalfReader(bytes.NewReader(data)))
				if err != nil || digest != sum(data) || size != int64(n) {
					t.Fatalf("%d: %s, %d, %v", n, digest, size, err)
				}
			}
			got, size, err := get(sum(data))
			if err != nil || size != int64(n) || !bytes.Equal(got, data) {
				t.Fatalf("%d: %d bytes, %d, %v", n, len(got), size, err)
			}
			if ok, err := b.Has(ctx, sum(data)); !ok || err != nil {
				t.Fatalf("%d: %v, %v", n, ok, err)
			}
		}
	})
	t.Run("reading in pieces", func(t *testing.T) {
		data := content(1000)
		digest, _, err := b.Put(ctx, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		r, _, err := b.Get(ctx, digest)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := iotest.TestReader(r, data); err != nil {
			t.Error(err)
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("after the end: %d, %v", n, err)
		}
	})
	t.Run("nothing there", func(t *testing.T) {
		none := sum([]byte("never stored"))
		if _, _, err := get(none); !errors.Is(err, service.ErrNotFound) || errors.Is(err, service.ErrUnavailable) {
			t.Error(err)
		}
		if ok, err := b.Has(ctx, none); ok || err != nil {
			t.Error(ok, err)
		}
		if err := b.Delete(ctx, none); err != nil {
			t.Error(err)
		}
	})
	t.Run("delete", func(t *testing.T) {
		digest, _, err := b.Put(ctx, strings.NewReader("to be deleted"))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := b.Delete(ctx, digest); err != nil {
				t.Error(err)
			}
		}
		if _, _, err := get(digest); !errors.Is(err, service.ErrNotFound) {
			t.Error(err)
		}
	})
	t.Run("hostile names", func(t *testing.T) {
		for _, name := range hostileNames {
			if _, _, err := b.Get(ctx, name); !errors.Is(err, ErrDigest) {
				t.Errorf("Get %q: %v", name, err)
			}
			if _, err := b.Has(ctx, name); !errors.Is(err, ErrDigest) {
				t.Errorf("Has %q: %v", name, err)
			}
			if err := b.Delete(ctx, name); !errors.Is(err, ErrDigest) {
				t.Errorf("Delete %q: %v", name, err)
			}
		}
	})
	t.Run("the reader fails", func(t *testing.T) {
		fail := errors.New("the upload broke off")
		for _, n := range []int{0, 10, 2 << 20} {
			data := content(n)
			_, _, err := b.Put(ctx, io.MultiReader(bytes.NewReader(data), iotest.ErrReader(fail)))
			if !errors.Is(err, fail) || errors.Is(err, service.ErrUnavailable) {
				t.Errorf("%d: %v", n, err)
			}
			if ok, _ := b.Has(ctx, sum(data)); ok && n == 10 {
				t.Errorf("%d: half a file is there", n)
			}
		}
	})
	t.Run("too large", func(t *testing.T) {
		if _, _, err := b.Put(ctx, io.LimitReader(zeros{}, int64(most)+1)); !errors.Is(err, ErrTooLarge) {
			t.Error(err)
		}
		if _, _, err := b.Put(ctx, zeros{}); !errors.Is(err, ErrTooLarge) {
			t.Error("endless: ", err)
		}
	})
	t.Run("the caller has stopped", func(t *testing.T) {
		stopped, cancel := context.WithCancel(ctx)
		cancel()
		if _, _, err := b.Put(stopped, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if _, _, err := b.Get(stopped, sum(nil)); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := b.Ready(stopped); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Run("spoilt", func(t *testing.T) {
		data := content(100_000)
		for name, to := range map[string][]byte{
			"a bit": append([]byte{data[0] ^ 1}, data[1:]...), "shorter": data[:99_999], "longer": append(bytes.Clone(data), 0), "empty": {}, "another": content(100_001)[:100_000],
		} {
			digest, _, err := b.Put(ctx, bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			spoil(t, digest, to)
			if _, _, err := get(digest); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: %v", name, err)
			}
			// Who stops at the size that he was told sees it too.
			r, size, err := b.Get(ctx, digest)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(r, make([]byte, size)); size > 0 && !errors.Is(err, ErrCorrupt) && err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %v", name, err)
			}
			r.Close()
			if err := b.Delete(ctx, digest); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("many at once", func(t *testing.T) {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for k := range 4 {
					data := content(1000 + (i+k)%4)
					digest, _, err := b.Put(ctx, bytes.NewReader(data))
					if err != nil {
						t.Error(err)
						return
					}
					if got, _, err := get(digest); err != nil || !bytes.Equal(got, data) {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
	})
	t.Run("ready", func(t *testing.T) {
		if err := b.Ready(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Run("any bytes", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			data := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data")
			digest, _, err := b.Put(ctx, bytes.NewReader(data))
			if err != nil || digest != sum(data) {
				t.Fatal(digest, err)
			}
			if got, _, err := get(digest); err != nil || !bytes.Equal(got, data) {
				t.Fatal(err)
			}
		})
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

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
	conformance(t, d, testMost, func(t *testing.T, digest string, to []byte) {
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

// TestDirHeals: storing a spoilt file again makes it whole.
func TestDirHeals(t *testing.T) {
	d, _ := dir(t)
	digest, _, err := d.Put(context.Background(), strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.file(digest), []byte("y"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Put(context.Background(), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	r, _, err := d.Get(context.Background(), digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || string(b) != "x" {
		t.Error(string(b), err)
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
