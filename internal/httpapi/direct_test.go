package httpapi

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestFoundDirectly: what is found by method and path alone is what the mux finds, and
// paths in other forms are left to the mux.
func TestFoundDirectly(t *testing.T) {
	a, _ := start(t)
	if len(a.direct) < 20 {
		t.Fatalf("expected many operations, found %d", len(a.direct))
	}
	for e, o := range a.direct {
		r := httptest.NewRequest(e.method, e.path, nil)
		if _, pattern := a.mux.Handler(r); pattern != o.pattern || a.find(r) != o {
			t.Errorf("%v: the mux finds %q, expected %q", e, pattern, o.pattern)
		}
	}
	for _, c := range []struct{ method, path string }{
		{"POST", "/v1/verify/"}, {"POST", "/v1//verify"}, {"POST", "/v1/./verify"}, {"POST", "/v1%2Fverify"}, {"POST", "/v1/%76erify"}, {"post", "/v1/verify"},
		{"DELETE", "/v1/verify"}, {"GET", "/v1/verify/x"}, {"HEAD", "/v1/types"}, {"POST", "/V1/verify"},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		if o := a.find(r); o != nil {
			t.Errorf("%v: found %s", c, o.pattern)
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if _, pattern := a.mux.Handler(r); pattern == "" && w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%v: answered %d", c, w.Code)
		}
	}
}

func TestDates(t *testing.T) {
	var d dates
	at := time.Date(2026, 5, 10, 23, 59, 59, 5, time.FixedZone("", 7200))
	for _, c := range []struct {
		after time.Duration
		want  string
	}{{0, "Sun, 10 May 2026 21:59:59 GMT"}, {time.Second - 6, "Sun, 10 May 2026 21:59:59 GMT"}, {time.Second, "Sun, 10 May 2026 22:00:00 GMT"}, {0, "Sun, 10 May 2026 21:59:59 GMT"}} {
		if got := d.at(at.Add(c.after)); len(got) != 1 || got[0] != c.want {
			t.Errorf("after %v: expected %s, found %v", c.after, c.want, got)
		}
	}
}
