package serving_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
)

// trouble is what a balky server does with a request instead of answering it.
type trouble string

const (
	none    trouble = ""
	refuse  trouble = "refuse"  // closes the connection at once
	hang    trouble = "hang"    // never answers
	lost    trouble = "lost"    // does what is asked, and closes the connection without an answer
	half    trouble = "half"    // closes it in the middle of the answer
	trickle trouble = "trickle" // answers a byte at a time, without end
	slow    trouble = "slow"    // answers late
	garbage trouble = "garbage" // answers something else
	broken  trouble = "500"
	busy    trouble = "429"
)

// balky is a proxy before a server, or before nothing.
type balky struct {
	*httptest.Server
	next  func(*http.Request, []byte) (status int, kind string, body []byte)
	words string        // of answers that are troubles
	delay time.Duration // of slow
	end   chan struct{} // closed with the test

	mu    sync.Mutex
	rule  func(*http.Request, []byte) trouble
	count int
}

func newBalky(t testing.TB, next func(*http.Request, []byte) (int, string, []byte)) *balky {
	t.Helper()
	b := &balky{next: next, words: "<html>no</html>", delay: 200 * time.Millisecond, end: make(chan struct{})}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	t.Cleanup(b.CloseClientConnections)
	t.Cleanup(func() { close(b.end) })
	return b
}

// passTo passes requests to a server.
func passTo(url string) func(*http.Request, []byte) (int, string, []byte) {
	return func(r *http.Request, body []byte) (int, string, []byte) {
		out, err := http.NewRequest(r.Method, url, bytes.NewReader(body))
		if err != nil {
			return 502, "text/plain", nil
		}
		out.Header = r.Header.Clone()
		out.Header.Del("Accept-Encoding")
		res, err := http.DefaultClient.Do(out)
		if err != nil {
			return 502, "text/plain", nil
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			return 502, "text/plain", nil
		}
		return res.StatusCode, res.Header.Get("Content-Type"), answer
	}
}

// always is a rule.
func always(what trouble) func(*http.Request, []byte) trouble {
	return func(*http.Request, []byte) trouble { return what }
}

// set gives the rule by which requests get into trouble. nil: none does.
func (b *balky) set(rule func(*http.Request, []byte) trouble) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rule = rule
}

// calls is how many requests have come.
func (b *balky) calls() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}

func (b *balky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	b.mu.Lock()
	rule := b.rule
	b.count++
	b.mu.Unlock()
	what := none
	if rule != nil {
		what = rule(r, body)
	}
	switch what {
	case refuse:
		panic(http.ErrAbortHandler)
	case hang:
		select {
		case <-b.end:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case trickle:
		b.trickle(w, r)
	case garbage:
		io.WriteString(w, b.words)
		return
	case broken, busy:
		status, _ := strconv.Atoi(string(what))
		w.WriteHeader(status)
		io.WriteString(w, b.words)
		return
	case slow:
		select {
		case <-time.After(b.delay):
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	status, kind, answer := b.next(r, body)
	if what == lost {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	w.WriteHeader(status)
	if what == half {
		w.Write(answer[:len(answer)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(answer)
}

func (b *balky) trickle(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(200)
	for {
		if _, err := io.WriteString(w, " "); err != nil {
			panic(http.ErrAbortHandler)
		}
		w.(http.Flusher).Flush()
		select {
		case <-time.After(20 * time.Millisecond):
		case <-b.end:
			panic(http.ErrAbortHandler)
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}
