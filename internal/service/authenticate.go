package service

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"
	"sync"
	"time"
)

// keysFresh is how long a key's record is believed without being read again: revoking is
// seen at once by the process that does it, and within this time by others.
const keysFresh = time.Second

// keyCache keeps records of keys that were used lately.
type keyCache struct {
	mu    sync.Mutex
	keys  map[string]cachedKey
	drops uint64 // how often a key was changed here
}

type cachedKey struct {
	scope Scope
	key   StoredKey
	read  time.Time
}

const maxCachedKeys = 10_000

func (c *keyCache) init() { c.keys = map[string]cachedKey{} }

func (c *keyCache) get(id string, now time.Time) (cachedKey, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.keys[id]
	return k, ok && now.Sub(k.read) < keysFresh && !now.Before(k.read)
}

// changes is what put compares: a record that was read before a change is not kept after it.
func (c *keyCache) changes() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.drops
}

func (c *keyCache) put(id string, k cachedKey, changes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops != changes {
		return
	}
	if len(c.keys) >= maxCachedKeys {
		clear(c.keys)
	}
	c.keys[id] = k
}

func (c *keyCache) drop(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.keys, id)
	c.drops++
}

var errKey = &Error{Code: CodeKey, Detail: "the API key or token is not valid"}

// Authenticate implements Keys.
func (s *Service) Authenticate(ctx context.Context, token string) (Caller, error) {
	if strings.HasPrefix(token, "sk_") {
		return s.authenticateKey(ctx, token)
	}
	return s.authenticateToken(ctx, token)
}

func (s *Service) authenticateKey(ctx context.Context, text string) (Caller, error) {
	env, id, secret, ok := parseKey(text)
	if !ok {
		return Caller{}, errKey
	}
	k, err := s.key(ctx, id)
	if err != nil {
		return Caller{}, err
	}
	sum := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(sum[:], k.key.Hash) != 1 || k.scope.Environment != env {
		return Caller{}, errKey
	}
	if err := s.usable(k); err != nil {
		return Caller{}, err
	}
	s.seen.note(k.scope, id, s.now())
	return Caller{Scope: k.scope, Actor: "key:" + id, Permissions: k.key.Scopes}, nil
}

// key returns a key's record, not older than keysFresh.
func (s *Service) key(ctx context.Context, id string) (cachedKey, error) {
	now := s.now()
	if k, ok := s.keys.get(id, now); ok {
		return k, nil
	}
	k, changes := cachedKey{read: now}, s.keys.changes()
	err := s.view(ctx, func(tx Tx) error {
		scope, r, err := tx.Find(ctx, KindKey, id)
		if err != nil {
			return err
		}
		k.scope, k.key = scope, StoredKey{}
		return decode(r.Body, &k.key)
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return k, errKey
	case err != nil:
		return k, err
	}
	s.keys.put(id, k, changes)
	return k, nil
}

// usable reports why a key that is known and proven does not count.
func (s *Service) usable(k cachedKey) error {
	switch {
	case !k.key.Enabled, k.key.Revoked != nil, !s.offers(k.scope.Environment):
		return errKey
	case k.key.Expires != nil && !s.now().Before(*k.key.Expires):
		return &Error{Code: CodeTokenExpired, Detail: "the API key has expired"}
	}
	return nil
}
