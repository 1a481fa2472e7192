package httpapi

import (
	"hash/maphash"
	"sync"
)

// maxKnown bounds how many tokens are remembered as good.
const maxKnown = 10_000

// known remembers tokens that were good when they were shown last, by hashes that mean
// nothing outside of this process. It lets nobody in: such a token is looked at also where
// its address has tried too many bad ones, so that one program with an old key does not shut
// out all others behind the same address.
type known struct {
	seed   maphash.Seed
	mu     sync.RWMutex
	tokens map[uint64]struct{}
}

func newKnown() *known { return &known{seed: maphash.MakeSeed(), tokens: map[uint64]struct{}{}} }

func (k *known) has(token string) bool {
	n := maphash.String(k.seed, token)
	k.mu.RLock()
	defer k.mu.RUnlock()
	_, ok := k.tokens[n]
	return ok
}

func (k *known) note(token string) {
	if k.has(token) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.tokens) >= maxKnown {
		clear(k.tokens)
	}
	k.tokens[maphash.String(k.seed, token)] = struct{}{}
}

func (k *known) forget(token string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.tokens, maphash.String(k.seed, token))
}
