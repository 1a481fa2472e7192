package serving_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
)

// TestManySlowReceivers: one institution with many endpoints, all of them slow, holds up no
// other institution's events, and gets its own.
func TestManySlowReceivers(t *testing.T) {
	f := newFort(t, func(p *serving.Parts) {
		p.InsecureLoopback, p.WebhookTimeout = true, 5*time.Second
	})
	release := make(chan struct{})
	var slow, good arrivals
	const endpoints, events = 12, 8 // more of both than are attempted at once
	for range endpoints {
		f.receiver(func(_ http.ResponseWriter, r *http.Request) {
			slow.begin(r)
			defer slow.end()
			select {
			case <-release:
			case <-time.After(4 * time.Second):
			}
		})
	}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { good.begin(r); good.end() }))
	t.Cleanup(server.Close)
	f.ok("south/test", "POST", "/v1/webhooks", map[string]any{"url": server.URL, "events": []string{"credential.issued"}})
	for range events {
		f.ok("north/test", "POST", "/v1/credentials", aina(nil))
	}
	for range events {
		f.ok("south/test", "POST", "/v1/credentials", aina(nil))
	}
	start(t, f.s)
	began := time.Now()
	until(t, "the other institution's events", 30*time.Second, func() bool { n, _, _ := good.events(); return n == events })
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the other institution waited %v", took)
	}
	close(release)
	until(t, "the events of the slow receivers", 30*time.Second, func() bool { n, _, _ := slow.events(); return n == endpoints*events })
	if n, attempts, _ := slow.events(); attempts != n {
		t.Errorf("%d events in %d attempts", n, attempts)
	}
}
