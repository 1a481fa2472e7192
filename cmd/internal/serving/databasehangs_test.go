package serving_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
)

// TestDatabaseHangs: while the database's connections carry nothing, calls end with 503 in
// bounded time; afterwards the same process works, and each key has made one credential.
func TestDatabaseHangs(t *testing.T) {
	st, w := behindWire(t)
	f := newFort(t, func(p *serving.Parts) { p.Store, p.RequestTimeout = st, 1500*time.Millisecond })
	first := f.ok("north/test", "POST", "/v1/credentials", aina(nil))
	w.freeze(true)
	began := time.Now()
	var wg sync.WaitGroup
	const calls = 12 // more than there are connections
	for n := range calls {
		wg.Go(func() {
			f.call("north/test", "POST", "/v1/credentials", aina(nil), "Idempotency-Key", fmt.Sprint("k", n)).unavailable(t, "issue")
		})
	}
	wg.Go(func() {
		f.call("", "GET", "/v1/verify/"+first.text("publicId"), nil).unavailable(t, "verify")
	})
	wg.Go(func() { f.ready(503) })
	wg.Go(func() {
		if got := f.call("", "GET", "/livez", nil); got.status != http.StatusOK {
			t.Errorf("/livez: %d", got.status)
		}
	})
	wg.Wait()
	t.Logf("refused after %v", time.Since(began))
	w.freeze(false)
	began = time.Now()
	f.ready(200)
	t.Logf("ready after %v", time.Since(began))
	for n := range calls {
		f.ok("north/test", "POST", "/v1/credentials", aina(nil), "Idempotency-Key", fmt.Sprint("k", n))
	}
	if total := f.total(); total != calls+1 {
		t.Errorf("expected %d credentials, found %d", calls+1, total)
	}
}

// TestConnectionsForsaken: connections that have died without a word are replaced.
func TestConnectionsForsaken(t *testing.T) {
	st, w := behindWire(t)
	f := newFort(t, func(p *serving.Parts) { p.Store, p.RequestTimeout = st, 15*time.Second })
	f.concurrently(8, func(int) { f.ok("north/test", "POST", "/v1/credentials", aina(nil)) })
	time.Sleep(1100 * time.Millisecond) // as long as connections are believed unseen
	w.forsake()
	began := time.Now()
	f.concurrently(8, func(n int) {
		f.ok("north/test", "POST", "/v1/credentials", aina(nil), "Idempotency-Key", fmt.Sprint("k", n))
	})
	took := time.Since(began)
	t.Logf("issued after %v", took)
	if took > 6*time.Second {
		t.Errorf("issued after %v", took)
	}
	if total := f.total(); total != 16 {
		t.Errorf("expected 16 credentials, found %d", total)
	}
}

func (f *fort) concurrently(n int, call func(int)) {
	f.t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { call(i) })
	}
	wg.Wait()
}
