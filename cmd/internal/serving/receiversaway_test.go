package serving_test

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
)

// arrivals counts events by their ids.
type arrivals struct {
	mu  sync.Mutex
	ids map[string]int
	now int // attempts that are being answered
	top int
}

func (a *arrivals) begin(r *http.Request) {
	io.Copy(io.Discard, r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ids == nil {
		a.ids = map[string]int{}
	}
	a.ids[r.Header.Get("webhook-id")]++
	a.now++
	a.top = max(a.top, a.now)
}

func (a *arrivals) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now--
}

// events is how many came, and how many attempts there were.
func (a *arrivals) events() (events, attempts, top int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range a.ids {
		attempts += n
	}
	return len(a.ids), attempts, a.top
}

// TestReceiversSlow: receivers that are slow, or never answer, hold up nobody else's events.
// What a slow one takes it gets once.
func TestReceiversSlow(t *testing.T) {
	f := newFort(t, func(p *serving.Parts) {
		p.InsecureLoopback, p.WebhookTimeout = true, 3*time.Second
	})
	var good, slow, deaf arrivals
	release := make(chan struct{})
	f.receiver(func(_ http.ResponseWriter, r *http.Request) { good.begin(r); good.end() })
	f.receiver(func(_ http.ResponseWriter, r *http.Request) {
		slow.begin(r)
		defer slow.end()
		select {
		case <-release:
		case <-time.After(2500 * time.Millisecond):
		}
	})
	f.receiver(func(_ http.ResponseWriter, r *http.Request) {
		deaf.begin(r)
		defer deaf.end()
		<-r.Context().Done()
	})
	const events = 60
	for range events {
		f.ok("north/test", "POST", "/v1/credentials", aina(nil))
	}
	start(t, f.s) // now there is more to deliver than there are workers
	began := time.Now()
	until(t, "the events of the good receiver", 20*time.Second, func() bool { n, _, _ := good.events(); return n == events })
	took := time.Since(began)
	t.Logf("the good receiver had all after %v", took)
	if took > 2500*time.Millisecond {
		t.Errorf("the good receiver waited %v for the others", took)
	}
	close(release)
	until(t, "the events of the slow receiver", 20*time.Second, func() bool { n, _, _ := slow.events(); return n == events })
	for name, a := range map[string]*arrivals{"good": &good, "slow": &slow} {
		if n, attempts, top := a.events(); attempts != n || top > 4 {
			t.Errorf("%s: %d events in %d attempts, %d at once", name, n, attempts, top)
		}
	}
	if _, attempts, top := deaf.events(); attempts == 0 || top > 4 {
		t.Errorf("deaf: %d attempts, %d at once", attempts, top)
	}
}
