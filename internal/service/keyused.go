package service

import (
	"context"
	"errors"
	"sync"
	"time"
)

// lastUsed remembers when keys were used, until Run writes it down.
type lastUsed struct {
	mu   sync.Mutex
	keys map[string]usedKey
}

type usedKey struct {
	scope Scope
	at    time.Time
	dirty bool
}

func (l *lastUsed) init() { l.keys = map[string]usedKey{} }

func (l *lastUsed) note(scope Scope, id string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.keys) >= maxCachedKeys {
		clear(l.keys)
	}
	l.keys[id] = usedKey{scope: scope, at: now.Truncate(time.Second), dirty: true}
}

func (l *lastUsed) last(id string) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.keys[id]
	return k.at, ok
}

// take returns what is not written yet.
func (l *lastUsed) take() map[string]usedKey {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]usedKey{}
	for id, k := range l.keys {
		if k.dirty {
			out[id] = k
			k.dirty = false
			l.keys[id] = k
		}
	}
	return out
}

func usedRecord(id string) string { return "key-used/" + id }

// writeLastUsed writes down when keys were used.
func (s *Service) writeLastUsed(ctx context.Context) error {
	used := s.seen.take()
	if len(used) == 0 {
		return nil
	}
	write := func(tx Tx) error {
		for id, k := range used {
			r, old, err := Get[StoredLastUse](ctx, tx, k.scope, KindSetting, usedRecord(id))
			if errors.Is(err, ErrNotFound) {
				r = Record{Kind: KindSetting, ID: usedRecord(id), Created: k.at}
			} else if err != nil {
				return err
			}
			if !k.at.After(old.At) {
				continue
			}
			r.Updated = k.at
			if err := Put(ctx, tx, k.scope, r, StoredLastUse{At: k.at}); err != nil {
				return err
			}
		}
		return nil
	}
	err := s.update(ctx, write)
	if errors.Is(err, ErrExists) { // another process has just written one for the first time
		err = s.update(ctx, write)
	}
	return err
}
