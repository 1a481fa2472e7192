package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// runningWait is how long a call waits for another one with its Idempotency-Key to end,
// whose answer it then has. Most end sooner; after it, it is told to come again.
const runningWait = 5 * time.Second

// running are the calls with an Idempotency-Key that this process is at. What several
// processes do at once the store decides: one effect, one answer.
type running struct {
	wait time.Duration
	mu   sync.Mutex
	ends map[runningKey]chan struct{}
}

type runningKey struct {
	scope      service.Scope
	route, key string
}

// begin waits for its turn. end, which may be called more than once, lets the next one in.
func (r *running) begin(ctx context.Context, k runningKey) (end func(), err error) {
	late := time.NewTimer(r.wait)
	defer late.Stop()
	for {
		r.mu.Lock()
		before := r.ends[k]
		if before == nil {
			ended := make(chan struct{})
			r.ends[k] = ended
			r.mu.Unlock()
			return sync.OnceFunc(func() {
				r.mu.Lock()
				delete(r.ends, k)
				r.mu.Unlock()
				close(ended)
			}), nil
		}
		r.mu.Unlock()
		select {
		case <-before:
		case <-late.C:
			return nil, &service.Error{Code: service.CodeInProgress, Detail: "a request with this Idempotency-Key is still running; ask again for its answer", RetryAfter: time.Second}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// alone has the call be the only one with its Idempotency-Key until it answers: before
// the first byte leaves, so that whoever has the answer can ask again at once.
func (c *call) alone(key string) error {
	end, err := c.a.running.begin(c.ctx, runningKey{c.caller.Scope, c.op.Method + " " + c.op.Path, key})
	if err != nil {
		return err
	}
	context.AfterFunc(c.r.Context(), end) // whatever happens
	c.x.end = end
	c.w = &lastWord{c.w, end}
	return nil
}

// lastWord tells when an answer begins.
type lastWord struct {
	http.ResponseWriter
	end func()
}

func (w *lastWord) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *lastWord) WriteHeader(status int) {
	w.end()
	w.ResponseWriter.WriteHeader(status)
}
