package pades_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"runtime"
	"slices"
	"testing"
	"time"

	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// signedFile is a signed file with n bytes of content, by an RSA-2048 key, B-LT.
func signedFile(b *testing.B, n int) (*world, []byte) {
	w := &world{padestest.New(b, padestest.RSA2048), b}
	return w, w.sign(sign.LevelLT, padestest.Sample{Form: "indirect", Streams: true, Pages: 3, Bulk: n}.Build(b), sign.Request{})
}

func once(b *testing.B, file []byte, c pades.Config) {
	r, err := pades.Validate(context.Background(), bytes.NewReader(file), int64(len(file)), c)
	if err != nil || r.Outcome != verifier.Valid {
		b.Fatal(err, r)
	}
}

// BenchmarkTargetVerify100KB judges a file of 100 KB with signature, timestamp and
// validation data.
func BenchmarkTargetVerify100KB(b *testing.B) {
	w, file := signedFile(b, 100<<10)
	c := w.offline()
	once(b, file, c)
	var rounds []time.Duration
	for b.Loop() {
		start := time.Now()
		once(b, file, c)
		rounds = append(rounds, time.Since(start))
	}
	// The best round: what the work takes where nobody else uses the processor.
	b.ReportMetric(float64(slices.Min(rounds))/float64(time.Millisecond), "ms_op")
	b.ReportMetric(3, "ms_limit")
}

// BenchmarkTargetVerify50MB compares judging a file of 50 MB with hashing it.
func BenchmarkTargetVerify50MB(b *testing.B) {
	w, file := signedFile(b, 50<<20)
	c := w.offline()
	once(b, file, c)
	var raws, ours []time.Duration
	var sink byte
	for b.Loop() {
		start := time.Now()
		sum := sha256.Sum256(file)
		raws = append(raws, time.Since(start))
		sink ^= sum[0]
		start = time.Now()
		once(b, file, c)
		ours = append(ours, time.Since(start))
	}
	runtime.KeepAlive(sink)
	b.ReportMetric(float64(slices.Min(ours))/float64(slices.Min(raws)), "x_raw")
	b.ReportMetric(1.3, "x_limit")
}
