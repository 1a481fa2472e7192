package pades_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cputime"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/digitorus/pdfsign"
	"github.com/digitorus/pdfsign/revocation"
)

// medians runs the functions alternately in short rounds and returns the medians of
// the processor time of one call, in ns.
func medians(rounds int, least time.Duration, fs ...func()) []float64 {
	times := make([][]float64, len(fs))
	for range rounds {
		for i, f := range fs {
			start, cpu, n := time.Now(), cputime.Now(), 0
			for time.Since(start) < least || n == 0 {
				f()
				n++
			}
			times[i] = append(times[i], float64(cputime.Now()-cpu)/float64(n))
		}
	}
	out := make([]float64, len(fs))
	for i := range times {
		slices.Sort(times[i])
		out[i] = times[i][rounds/2]
	}
	return out
}

// rawSign is what no signer can do without: hash the file, sign once.
func rawSign(b *testing.B, key crypto.Signer, in io.ReaderAt, size int64) {
	h := sha256.New()
	buf := make([]byte, 64<<10)
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{io.NewSectionReader(in, 0, size)}, buf); err != nil {
		b.Fatal(err)
	}
	if _, err := key.Sign(rand.Reader, h.Sum(nil), crypto.SHA256); err != nil {
		b.Fatal(err)
	}
}

func benchSign(b *testing.B, kind keyKind, in io.ReaderAt, size int64, limit float64, rounds int, least time.Duration) {
	w := newWorld(b, kind)
	s := w.Pades(pades.LevelB, kind)
	raw := func() { rawSign(b, s.Key, in, size) }
	ours := func() {
		if _, err := s.Sign(b.Context(), in, size, io.Discard, pades.Request{}); err != nil {
			b.Fatal(err)
		}
	}
	peer := func() {
		doc, err := pdfsign.Open(in, size)
		if err != nil {
			b.Fatal(err)
		}
		doc.Sign(s.Key, s.Chain[0], s.Chain[1:]...).Type(pdfsign.ApprovalSignature).
			RevocationFunction(func(_, _ *x509.Certificate, _ *revocation.InfoArchival) error { return nil }) // it would dial
		if _, err := doc.Write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		m := medians(rounds, least, raw, ours, peer)
		b.ReportMetric(m[1]/m[0], "x_raw")
		b.ReportMetric(limit, "x_limit")
		b.ReportMetric(m[2]/m[0], "x_peer")
		b.ReportMetric((m[1]-m[0])/1000, "us_over")
	}
}

func BenchmarkTargetSign100KB(b *testing.B) {
	in := sample{Bulk: 100 << 10}.Build(b)
	for _, c := range []struct {
		kind  keyKind
		limit float64
	}{{rsa2048, 1.2}, {p256, 3}} {
		b.Run(string(c.kind), func(b *testing.B) {
			benchSign(b, c.kind, bytes.NewReader(in), int64(len(in)), c.limit, 31, 15*time.Millisecond)
		})
	}
}

func bigFile(b testing.TB) string {
	b.Helper()
	name := filepath.Join(b.TempDir(), "big.pdf")
	check(b, os.WriteFile(name, sample{Bulk: 50 << 20}.Build(b), 0o600))
	return name
}

func BenchmarkTargetSign50MB(b *testing.B) {
	name := bigFile(b)
	f, err := os.Open(name)
	check(b, err)
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	check(b, err)
	b.Run("time", func(b *testing.B) { benchSign(b, rsa2048, f, info.Size(), 1.15, 9, time.Millisecond) })
	b.Run("memory", func(b *testing.B) {
		w := newWorld(b, rsa2048)
		s := w.Pades(pades.LevelLTA, rsa2048)
		for b.Loop() {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := s.Sign(b.Context(), f, info.Size(), io.Discard, pades.Request{}); err != nil {
				b.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/1e3, "kB_op")
			b.ReportMetric(32e3, "kB_limit")
		}
	})
	b.Run("resident", func(b *testing.B) {
		if runtime.GOOS != "linux" {
			b.Skip("resident memory is read from /proc")
		}
		self, err := os.Executable()
		check(b, err)
		for b.Loop() {
			cmd := exec.Command(self, "-test.run=^TestResident$", "-test.v")
			cmd.Env = append(os.Environ(), "CHANCERY_RESIDENT="+name)
			out, err := cmd.CombinedOutput()
			check(b, err)
			_, rest, ok := strings.Cut(string(out), "resident kB: ")
			if !ok {
				b.Fatalf("no figure in %s", out)
			}
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			check(b, err)
			b.ReportMetric(float64(kb), "kB_resident")
			b.ReportMetric(32e3, "kB_limit")
		}
	})
}

// TestResident signs one file in a process of its own, started by the benchmark, and tells how much memory was
// resident at most.
func TestResident(t *testing.T) {
	name := os.Getenv("CHANCERY_RESIDENT")
	if name == "" {
		t.Skip("runs in a process of BenchmarkTargetSign50MB")
	}
	f, err := os.Open(name)
	check(t, err)
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	check(t, err)
	w := newWorld(t, p256)
	_, err = w.Pades(pades.LevelB, p256).Sign(t.Context(), f, info.Size(), io.Discard, pades.Request{})
	check(t, err)
	status, err := os.ReadFile("/proc/self/status")
	check(t, err)
	_, rest, ok := strings.Cut(string(status), "VmHWM:")
	if !ok {
		t.Fatal("no VmHWM")
	}
	t.Log("resident kB: " + strings.Fields(rest)[0])
}
