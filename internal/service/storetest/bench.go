package storetest

import (
	"fmt"
	"runtime"
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
	b.Log(fmt.Sprintf("%.0f Updates a second, %.0f wanted", rate, least))
}
