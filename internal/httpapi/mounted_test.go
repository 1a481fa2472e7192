package httpapi

import (
	"net/http"
	"testing"
	"time"
)

// TestMountedIsBounded: a handler that is mounted is told when the time of its work is over,
// and knows its request and its limits all the same.
func TestMountedIsBounded(t *testing.T) {
	a, _ := start(t, func(c *Config) {
		c.Timeout = 20 * time.Millisecond
		c.VCALM = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := Admit(w.Header(), r, false); err != nil {
				t.Error(err)
			}
			select {
			case <-r.Context().Done():
				w.WriteHeader(http.StatusServiceUnavailable)
			case <-time.After(5 * time.Second):
			}
		})
	})
	for _, path := range []string{"/vc", "/vc/x/credentials/issue", "/interactions/x"} {
		w := ask(a, "GET", path, "", bearerA()...)
		if w.Code != 503 || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
}
