package storetest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// IssueUpdate is the Update that issuing a credential makes, with its signed form of the
// usual size.
func IssueUpdate(n int64) (c service.StoredCredential, a service.StoredArtifact, e service.AuditEntry) {
	id := service.NewID()
	c = credential(id)
	c.PublicID, c.ListID, c.Index = service.PublicID(), "list", n
	c.Created = base.Add(time.Duration(n) * time.Millisecond)
	c.IssuedAt = c.Created
	a = artifact("vc", 1)
	a.Digest, a.Bytes = digest(id), []byte(`{"vc":"`+strings.Repeat("x", 1500)+`"}`)
	c.Digest = a.Digest
	e = audit(service.NewID())
	e.At, e.Subject = c.Created, id
	return c, a, e
}

// BenchmarkIssue runs such Updates from many writers and reports the rate, how it compares
// to the least that is wanted, and the allocations.
func BenchmarkIssue(b *testing.B, st service.Store, least float64) {
	var n atomic.Int64
	issue := func() error {
		c, a, e := IssueUpdate(n.Add(1))
		return st.Update(b.Context(), func(tx service.Tx) error {
			if err := tx.AddCredential(b.Context(), ScopeA, c); err != nil {
				return err
			}
			if err := tx.AddArtifact(b.Context(), ScopeA, c.ID, a); err != nil {
				return err
			}
			return tx.AddAudit(b.Context(), ScopeA, e)
		})
	}
	for range 50 { // statements are prepared
		if err := issue(); err != nil {
			b.Fatal(err)
		}
	}
	b.SetParallelism(max(1, 64/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := issue(); err != nil {
				b.Error(err)
				return
			}
		}
	})
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "updates/s")
	// Of what is wanted, how much is missing: 1 is just enough.
	b.ReportMetric(least/rate, "x_raw")
	b.ReportMetric(1, "x_limit")
	b.Logf("%.0f Updates a second, %.0f wanted", rate, least)
}

// LookupSize is how many credentials a large store has.
func LookupSize() int64 {
	if testing.Short() {
		return 100_000
	}
	return 1_000_000
}

// BenchmarkLookup finds credentials by id, public id and digest in turn, in two stores that
// store.Fill has filled, and reports how the 99th percentiles compare. Rounds alternate, so
// that what else the machine does meets both.
func BenchmarkLookup(b *testing.B, small service.Store, smallSize int64, large service.Store, largeSize int64) {
	const rounds, each = 15, 2000
	find := func(st service.Store, n, size int64) error {
		i := (max(n, -n)*2654435761 + 12345) % size
		return st.View(b.Context(), func(tx service.Tx) error {
			var err error
			switch max(n, -n) % 3 {
			case 0:
				_, err = tx.Credential(b.Context(), ScopeA, fmt.Sprint("fill-", i))
			case 1:
				_, _, err = tx.PublicCredential(b.Context(), fmt.Sprint("public-fill-", i))
			default:
				_, _, err = tx.DigestCredential(b.Context(), fmt.Sprint("digest-", i))
			}
			return err
		})
	}
	p99 := func(st service.Store, first, size int64) time.Duration {
		times := make([]time.Duration, each)
		for i := range times {
			before := b.Elapsed()
			if err := find(st, first+int64(i), size); err != nil {
				b.Fatal(err)
			}
			times[i] = b.Elapsed() - before
		}
		slices.Sort(times)
		return times[each*99/100]
	}
	for r := range int64(5) { // what filling has left to do is done, and caches are warm
		p99(small, -r*each, smallSize)
		p99(large, -r*each, largeSize)
	}
	b.ResetTimer()
	for b.Loop() {
		var smalls, larges []time.Duration
		for r := range int64(rounds) {
			smalls = append(smalls, p99(small, r*each, smallSize))
			larges = append(larges, p99(large, r*each, largeSize))
		}
		s, l := slices.Min(smalls), slices.Min(larges) // of the round that others disturbed least
		b.ReportMetric(float64(s.Microseconds()), "us_small")
		b.ReportMetric(float64(l.Microseconds()), "us_large")
		b.ReportMetric(float64(l)/float64(s), "x_raw")
		b.ReportMetric(1.5, "x_limit")
	}
}
