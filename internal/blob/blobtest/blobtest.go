// Package blobtest is what every driver of service.Blobs keeps to. Run it against each:
//
//	blobtest.Run(t, blobs, blobtest.Driver{Most: 3 << 20, Spoil: spoil, Corrupt: blob.ErrCorrupt, Digest: blob.ErrDigest, TooLarge: blob.ErrTooLarge})
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/service"
)

// Driver is what Run must know of a driver.
type Driver struct {
	// Most is the bound of one file, in bytes: at least 2 MiB.
	Most int
	// Spoil changes a stored file behind the driver's back.
	Spoil func(t *testing.T, digest string, to []byte)
	// Corrupt, Digest and TooLarge are its errors for a file that is not what its name says,
	// for what is no digest, and for a file above Most.
	Corrupt, Digest, TooLarge error
}

// Content is n bytes that are the same every time.
func Content(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = r.Read(b)
	return b
}

// Sum is the digest that a file is stored under.
func Sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// hostileNames never reach a path or a request.
var hostileNames = []string{
	"", "a", strings.Repeat("a", 63), strings.Repeat("a", 65), strings.Repeat("A", 64), strings.Repeat("g", 64), "../" + strings.Repeat("a", 61), strings.Repeat("a", 62) + "/.",
	strings.Repeat("a", 63) + "\x00", strings.Repeat("../", 21) + "a", strings.Repeat("é", 32), strings.Repeat("%2e", 21) + "a", strings.Repeat(" ", 64), "ready",
}

// Run tests a driver that keeps none of the files that the tests store.
func Run(t *testing.T, b service.Blobs, d Driver) {
	s := &suite{Blobs: b, Driver: d}
	for _, part := range []struct {
		name string
		test func(t *testing.T)
	}{
		{"sizes", s.sizes},
		{"reading in pieces", s.pieces},
		{"nothing there", s.nothing},
		{"delete", s.remove},
		{"hostile names", s.names},
		{"the reader fails", s.reader},
		{"too large", s.tooLarge},
		{"the caller has stopped", s.stopped},
		{"spoilt", s.spoilt},
		{"many at once", s.many},
		{"ready", s.ready},
		{"any bytes", s.anyBytes},
	} {
		t.Run(part.name, part.test)
	}
}

type suite struct {
	service.Blobs
	Driver
}

func (s *suite) get(digest string) ([]byte, int64, error) {
	r, size, err := s.Get(context.Background(), digest)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	out, err := io.ReadAll(r)
	return out, size, err
}

func (s *suite) sizes(t *testing.T) {
	for _, n := range []int{0, 1, 4095, 64 << 10, 1<<20 - 1, 1 << 20, 1<<20 + 1, s.Most} {
		data := Content(n)
		for range 2 {
			digest, size, err := s.Put(t.Context(), iotest.HalfReader(bytes.NewReader(data)))
			if err != nil || digest != Sum(data) || size != int64(n) {
				t.Fatalf("%d: %s, %d, %v", n, digest, size, err)
			}
		}
		got, size, err := s.get(Sum(data))
		if err != nil || size != int64(n) || !bytes.Equal(got, data) {
			t.Fatalf("%d: %d bytes, %d, %v", n, len(got), size, err)
		}
		if ok, err := s.Has(t.Context(), Sum(data)); !ok || err != nil {
			t.Fatalf("%d: %v, %v", n, ok, err)
		}
	}
}

func (s *suite) pieces(t *testing.T) {
	data := Content(1000)
	digest, _, err := s.Put(t.Context(), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := s.Get(t.Context(), digest)
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
}

func (s *suite) nothing(t *testing.T) {
	none := Sum([]byte("never stored"))
	if _, _, err := s.get(none); !errors.Is(err, service.ErrNotFound) || errors.Is(err, service.ErrUnavailable) {
		t.Error(err)
	}
	if ok, err := s.Has(t.Context(), none); ok || err != nil {
		t.Error(ok, err)
	}
	if err := s.Delete(t.Context(), none); err != nil {
		t.Error(err)
	}
}

func (s *suite) remove(t *testing.T) {
	digest, _, err := s.Put(t.Context(), strings.NewReader("to be deleted"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Delete(t.Context(), digest); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := s.get(digest); !errors.Is(err, service.ErrNotFound) {
		t.Error(err)
	}
}

func (s *suite) names(t *testing.T) {
	for _, name := range hostileNames {
		if _, _, err := s.Get(t.Context(), name); !errors.Is(err, s.Digest) {
			t.Errorf("Get %q: %v", name, err)
		}
		if _, err := s.Has(t.Context(), name); !errors.Is(err, s.Digest) {
			t.Errorf("Has %q: %v", name, err)
		}
		if err := s.Delete(t.Context(), name); !errors.Is(err, s.Digest) {
			t.Errorf("Delete %q: %v", name, err)
		}
	}
}

func (s *suite) reader(t *testing.T) {
	fail := errors.New("the upload broke off")
	for _, n := range []int{0, 10, 2 << 20} {
		data := Content(n)
		_, _, err := s.Put(t.Context(), io.MultiReader(bytes.NewReader(data), iotest.ErrReader(fail)))
		if !errors.Is(err, fail) || errors.Is(err, service.ErrUnavailable) {
			t.Errorf("%d: %v", n, err)
		}
		if ok, _ := s.Has(t.Context(), Sum(data)); ok && n != 0 {
			t.Errorf("%d: half a file is there", n)
		}
	}
}

func (s *suite) tooLarge(t *testing.T) {
	if _, _, err := s.Put(t.Context(), io.LimitReader(zeros{}, int64(s.Most)+1)); !errors.Is(err, s.TooLarge) {
		t.Error(err)
	}
	if _, _, err := s.Put(t.Context(), zeros{}); !errors.Is(err, s.TooLarge) {
		t.Error("endless: ", err)
	}
}

func (s *suite) stopped(t *testing.T) {
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Put(stopped, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, _, err := s.Get(stopped, Sum(nil)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := s.Ready(stopped); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func (s *suite) spoilt(t *testing.T) {
	data := Content(100_000)
	for name, to := range map[string][]byte{
		"a bit": append([]byte{data[0] ^ 1}, data[1:]...), "shorter": data[:99_999], "longer": append(bytes.Clone(data), 0), "empty": {}, "another": Content(100_001)[:100_000],
	} {
		digest, _, err := s.Put(t.Context(), bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		s.Spoil(t, digest, to)
		if _, _, err := s.get(digest); !errors.Is(err, s.Corrupt) {
			t.Errorf("%s: %v", name, err)
		}
		// Who stops at the size that he was told sees it too.
		r, size, err := s.Get(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		for left, buf := size, make([]byte, 4096); left > 0 && err == nil; {
			var n int
			n, err = r.Read(buf[:min(left, int64(len(buf)))])
			left -= int64(n)
		}
		if size > 0 && !errors.Is(err, s.Corrupt) {
			t.Errorf("%s: %v", name, err)
		}
		r.Close()
		// Storing it again makes it whole.
		if _, _, err := s.Put(t.Context(), bytes.NewReader(data)); err != nil {
			t.Error(err)
		}
		if got, _, err := s.get(digest); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: stored again: %v", name, err)
		}
		if err := s.Delete(t.Context(), digest); err != nil {
			t.Error(err)
		}
	}
}

func (s *suite) many(t *testing.T) {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for k := range 4 {
				data := Content(1000 + (i+k)%4)
				digest, _, err := s.Put(t.Context(), bytes.NewReader(data))
				if err != nil {
					t.Error(err)
					return
				}
				if got, _, err := s.get(digest); err != nil || !bytes.Equal(got, data) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func (s *suite) ready(t *testing.T) {
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func (s *suite) anyBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data")
		digest, _, err := s.Put(t.Context(), bytes.NewReader(data))
		if err != nil || digest != Sum(data) {
			t.Fatal(digest, err)
		}
		if got, _, err := s.get(digest); err != nil || !bytes.Equal(got, data) {
			t.Fatal(err)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
