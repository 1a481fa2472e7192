package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// receiver takes webhooks, slowly.
type receiver struct {
	mu     sync.Mutex
	server *httptest.Server
	ids    map[string]map[string]bool // by what they are about, the ids of the messages
	strays []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{ids: map[string]map[string]bool{}}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var event struct {
			Type string
			Data struct{ ID string }
		}
		body, err := io.ReadAll(q.Body)
		time.Sleep(20 * time.Millisecond)
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil || json.Unmarshal(body, &event) != nil || event.Type != "credential.revoked" {
			r.strays = append(r.strays, string(body))
			return
		}
		if r.ids[event.Data.ID] == nil {
			r.ids[event.Data.ID] = map[string]bool{}
		}
		r.ids[event.Data.ID][q.Header.Get("Webhook-Id")] = true
	}))
	t.Cleanup(r.server.Close)
	return r
}

func (r *receiver) told() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ids)
}

// issuers issue and revoke, each one credential after the other, until the service is gone.
type issuers struct {
	s    *served
	kind string
	mu   sync.Mutex
	// tried are the public ids by id; "": it was not answered.
	tried map[string]string
}

func (l *issuers) body(id string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"type":%q,"recipient":{"name":"P","email":"p@example.com"},"claims":{"trainerName":"T"}}`, id, l.kind)
}

// once issues and revokes one. An error is one of the connection.
func (l *issuers) once(id string) (public string, err error) {
	status, answer, _, err := l.s.try("POST", "/v1/credentials", "application/json", l.body(id), "Idempotency-Key", id)
	if err != nil {
		return "", err
	}
	var out struct{ Data struct{ PublicID string } }
	if err := json.Unmarshal(answer, &out); err != nil || status != 201 && status != 200 {
		l.s.t.Errorf("%s: %d %s", id, status, answer)
	}
	status, answer, _, err = l.s.try("POST", "/v1/credentials/"+id+"/revoke", "application/json", []byte(`{"reason":"test"}`), "Idempotency-Key", "revoke-"+id)
	if err == nil && status != 200 {
		l.s.t.Errorf("revoke %s: %d %s", id, status, answer)
	}
	return out.Data.PublicID, err
}

func (l *issuers) run(worker int) {
	for n := 0; ; n++ {
		id := fmt.Sprintf("LOAD-%d-%d", worker, n)
		public, err := l.once(id)
		l.mu.Lock()
		l.tried[id] = public
		l.mu.Unlock()
		if err != nil { // nobody listens, or nobody knows whether it was read
			return
		}
	}
}

// TestServeStopped: a process is asked to end while it issues, takes a slow upload, works on
// a batch and delivers webhooks. It says so at /readyz, answers what it has taken, ends by
// itself; after the next start everything is there, and once.
func TestServeStopped(t *testing.T) {
	const rows = 4000
	hooks := newReceiver(t)
	s := startService(t, "--data", t.TempDir())
	kind := s.trainingType("vc")
	s.data("POST", "/v1/webhooks", map[string]any{"url": hooks.server.URL + "/hook", "events": []string{"credential.revoked"}}, 201)
	batch := s.startBatch(kind, rows)
	load := &issuers{s: s, kind: kind, tried: map[string]string{}}
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() { load.run(worker) })
	}
	slow := newSlowRequest(s, load.body("SLOW"))
	for issued, done := batch(); issued < 200 || hooks.told() < 3; issued, done = batch() {
		if done {
			t.Fatalf("the batch was over too soon: %v issued, %d told of, %d tried", issued, hooks.told(), len(load.tried))
		}
		time.Sleep(5 * time.Millisecond)
	}

	began := time.Now()
	s.cmd.Process.Signal(syscall.SIGTERM)
	if seen := s.readiness(); !slices.Contains(seen, 503) || slices.Contains(seen, 500) {
		t.Errorf("/readyz answered %v before the listener was closed", seen)
	}
	time.Sleep(300 * time.Millisecond)
	if err := slow.finish(); err != nil {
		t.Error("the request in flight:", err)
	}
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not end\n%s", s.log)
	}
	t.Logf("ended after %v, with %d issued alone and %d told of", time.Since(began).Round(time.Millisecond), len(load.tried), hooks.told())
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d\n%s", code, s.log)
	}
	wg.Wait()

	s.start()
	if issued, _ := batch(); issued < 200 {
		t.Errorf("of 200 rows and more, %v are left", issued)
	}
	for id, before := range load.tried { // what was not answered is asked for again
		now, err := load.once(id)
		if err != nil {
			t.Fatal(err)
		}
		if before != "" && now != before {
			t.Errorf("%s was answered and is gone", id)
		}
	}
	issued, done := batch()
	for began := time.Now(); !done || hooks.told() < len(load.tried); issued, done = batch() {
		if time.Since(began) > time.Minute {
			t.Fatalf("%v rows, %d of %d told of\n%s", issued, hooks.told(), len(load.tried), s.log)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if issued != rows {
		t.Errorf("expected %d rows, found %v", rows, issued)
	}
	all := "/v1/credentials?limit=1&withTotal=true"
	_, answer, _ := s.call("GET", all, "", nil)
	var list struct{ Meta struct{ Total int } }
	if err := json.Unmarshal(answer, &list); err != nil || list.Meta.Total != rows+len(load.tried)+1 {
		t.Errorf("expected %d credentials, found %d, %v", rows+len(load.tried)+1, list.Meta.Total, err)
	}
	hooks.once(t, len(load.tried))
	s.stop()
}

// once checks that each of n things was told of in one message, however often sent.
func (r *receiver) once(t *testing.T, n int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ids) != n || len(r.strays) != 0 {
		t.Errorf("expected to be told of %d, found %d and %v", n, len(r.ids), r.strays)
	}
	for about, ids := range r.ids {
		if len(ids) != 1 || ids[""] {
			t.Errorf("%s: told of in messages %v", about, ids)
		}
	}
}

// readiness asks /readyz, each time on a new connection, until nobody listens.
func (s *served) readiness() (seen []int) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(2 * time.Millisecond) {
		answer, err := client.Get(s.base + "/readyz")
		var op *net.OpError
		if errors.As(err, &op) {
			return seen
		}
		if err == nil {
			answer.Body.Close()
			if len(seen) == 0 || seen[len(seen)-1] != answer.StatusCode {
				seen = append(seen, answer.StatusCode)
			}
		}
	}
	return append(seen, 0)
}

// slowRequest is one whose body comes in two parts.
type slowRequest struct {
	feed     *io.PipeWriter
	rest     []byte
	answered chan error
}

func newSlowRequest(s *served, body []byte) *slowRequest {
	read, feed := io.Pipe()
	out := &slowRequest{feed: feed, rest: body[10:], answered: make(chan error, 1)}
	r, err := http.NewRequest("POST", s.base+"/v1/credentials", read)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.key)
	r.Header.Set("Content-Type", "application/json")
	go func() {
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode != 201 {
				err = errors.New(answer.Status)
			}
		}
		out.answered <- err
	}()
	feed.Write(body[:10])
	return out
}

func (r *slowRequest) finish() error {
	r.feed.Write(r.rest)
	r.feed.Close()
	return <-r.answered
}

// startBatch hands a batch of so many rows in, and returns how far it is.
func (s *served) startBatch(kind string, rows int) func() (issued float64, done bool) {
	s.t.Helper()
	var b bytes.Buffer
	for i := range rows {
		fmt.Fprintf(&b, `{"id":"ROW-%05d","recipient":{"name":"P","email":"p%d@example.com"},"claims":{"trainerName":"T"}}`+"\n", i, i)
	}
	status, answer, header := s.call("POST", "/v1/batches?type="+kind, "application/x-ndjson", b.Bytes())
	if status != 202 {
		s.t.Fatalf("batch: %d %s", status, answer)
	}
	at, err := url.Parse(header.Get("Location"))
	if err != nil {
		s.t.Fatal(err)
	}
	return func() (issued float64, done bool) {
		d := s.data("GET", at.Path, nil, 200)
		return d["counts"].(map[string]any)["issued"].(float64), d["done"].(bool)
	}
}
