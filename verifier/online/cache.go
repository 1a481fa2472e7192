package online

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/verifier"
)

// maxCached bounds the entries of the cache, and maxCachedBytes their documents.
const (
	maxCached      = 1_000
	maxCachedBytes = 64 << 20
)

// failureTTL is how long a failed fetch is not tried again: one dead server would else
// cost its timeout for every credential of a batch.
const failureTTL = 10 * time.Second

// cache keeps documents for a while, and makes those who ask for the same one at the
// same time wait for one fetch.
type cache struct {
	mu      sync.Mutex
	entries map[string]*cached
	bytes   int
}

type cached struct {
	done  chan struct{} // closed when doc and err are there
	doc   verifier.Document
	err   error
	until time.Time
}

func (c *cache) do(ctx context.Context, key string, clock func() time.Time, ttl time.Duration, fetch func() (verifier.Document, error)) (verifier.Document, error) {
	if ttl < 0 {
		return fetch()
	}
	for {
		c.mu.Lock()
		e := c.entries[key]
		if e == nil {
			break
		}
		select {
		case <-e.done:
			if clock().Before(e.until) {
				c.mu.Unlock()
				return e.doc, e.err
			}
			c.remove(key)
			c.mu.Unlock()
			continue
		default:
		}
		c.mu.Unlock()
		select {
		case <-e.done:
			if e.err == nil || e.until.After(clock()) {
				return e.doc, e.err
			}
			// The one who fetched gave up, perhaps because his time was over: ask again.
		case <-ctx.Done():
			return verifier.Document{}, fmt.Errorf("%w: %w", verifier.ErrUnreachable, ctx.Err())
		}
	}
	e := &cached{done: make(chan struct{})}
	if c.entries == nil {
		c.entries = make(map[string]*cached)
	}
	if len(c.entries) >= maxCached {
		c.forget()
	}
	c.entries[key] = e
	c.mu.Unlock()

	doc, err := fetch()

	c.mu.Lock()
	defer c.mu.Unlock()
	e.doc, e.err = doc, err
	switch {
	case err == nil:
		e.until = clock().Add(ttl)
	case ctx.Err() == nil:
		e.until = clock().Add(min(ttl, failureTTL))
	}
	close(e.done)
	c.bytes += len(doc.Bytes)
	switch {
	case e.until.IsZero():
		c.remove(key)
	case c.bytes > maxCachedBytes:
		c.forget()
	}
	return doc, err
}

// remove takes out one entry. The caller holds the lock.
func (c *cache) remove(key string) {
	if e := c.entries[key]; e != nil {
		select {
		case <-e.done:
			c.bytes -= len(e.doc.Bytes)
		default:
		}
		delete(c.entries, key)
	}
}

// forget takes out every entry that is complete. The caller holds the lock.
func (c *cache) forget() {
	for key, e := range c.entries {
		select {
		case <-e.done:
			c.remove(key)
		default:
		}
	}
}
