package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

const (
	// askAgain is how long a provider is left alone once it was asked because of a key that
	// is not known, or did not answer: no flood of tokens makes the service ask more often.
	askAgain = 5 * time.Second
	// keysFresh is how long keys are believed without asking again: a key that its provider
	// takes away is refused from then on.
	keysFresh = 10 * time.Minute
	// keysHold is how long they are believed while the provider cannot be asked, and
	// askStale how often it is asked meanwhile.
	keysHold = time.Hour
	askStale = 30 * time.Second
	// fetchWithin bounds one asking.
	fetchWithin = 10 * time.Second
	// maxProviderKeys bounds a key set: a token without kid is tried with each.
	maxProviderKeys = 256
)

// providerKeys are the keys of a provider as it was asked last.
type providerKeys struct {
	issuer  string
	address string // of the keys; "": by discovery
	client  *http.Client
	clock   func() time.Time
	later   func(string, error)

	mu     sync.Mutex
	keys   []multikey.JWK
	got    time.Time // when those were asked for; zero: never
	tried  time.Time // when the last asking ended
	missed time.Time // when the last one for a key that is not known did
	fault  error     // of that
	flight *flight
}

// flight is one asking, which all wait for that need it.
type flight struct {
	done   chan struct{}
	missed bool // for a key that is not known; under mu
	err    error
}

// errKeysAway is that it cannot be said whose a token is.
var errKeysAway = errors.New("httpapi: OIDC: the provider cannot be asked")

var errSignature = errors.New("httpapi: OIDC: the signature is by no key of the issuer")

// verify checks a signature. Keys that are not known are asked for, so that a provider can
// change its keys as it likes (OpenID Connect Core 1.0, 10.1.1).
func (p *providerKeys) verify(ctx context.Context, t *proof.JWS, algs []proof.Alg) error {
	if !slices.Contains(algs, t.Alg) {
		return errors.New("httpapi: OIDC: the algorithm is not taken")
	}
	keys, err := p.current(ctx)
	if err != nil {
		return err
	}
	if signedBy(t, algs, keys) {
		return nil
	}
	if keys, err = p.newer(ctx); err != nil {
		return err
	}
	if signedBy(t, algs, keys) {
		return nil
	}
	return errSignature
}

func signedBy(t *proof.JWS, algs []proof.Alg, keys []multikey.JWK) bool {
	return slices.ContainsFunc(keys, func(k multikey.JWK) bool {
		return (t.KeyID == "" || t.KeyID == k.ID) && serves(k, t.Alg) && t.Verify(k.Key, algs) == nil
	})
}

// serves reports whether a key may have made signatures of an algorithm, by its type and by
// what its provider says of it (RFC 7517, 4.2 to 4.4).
func serves(k multikey.JWK, a proof.Alg) bool {
	said := k.Alg == "" || k.Alg == string(a) || fits25519(k.Alg) && fits25519(string(a))
	return said && (k.Use == "" || k.Use == "sig") && (k.Ops == nil || slices.Contains(k.Ops, "verify")) && slices.Contains(proof.AlgsOf(k.Key), a)
}

func fits25519(alg string) bool { return alg == string(proof.EdDSA) || alg == string(proof.Ed25519) }

// current returns keys that may be believed now.
func (p *providerKeys) current(ctx context.Context) ([]multikey.JWK, error) {
	p.mu.Lock()
	now := p.clock()
	if within(now, p.got, keysFresh) {
		defer p.mu.Unlock()
		return p.keys, nil
	}
	hold := within(now, p.got, keysHold)
	every := askAgain
	if hold {
		every = askStale
	}
	// Those who can do with the keys that are there do not wait for what another asked for.
	if p.flight != nil && hold || p.flight == nil && within(now, p.tried, every) {
		defer p.mu.Unlock()
		if hold {
			return p.keys, nil
		}
		return nil, fmt.Errorf("%w: %w", errKeysAway, p.fault)
	}
	err := p.wait(ctx, false)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil && !within(p.clock(), p.got, keysHold) {
		return nil, err
	}
	return p.keys, nil
}

// newer returns the keys as they are now, or were a moment ago.
func (p *providerKeys) newer(ctx context.Context) ([]multikey.JWK, error) {
	p.mu.Lock()
	now := p.clock()
	switch {
	case p.flight == nil && p.fault != nil && within(now, p.tried, askAgain):
		defer p.mu.Unlock()
		return nil, fmt.Errorf("%w: %w", errKeysAway, p.fault)
	case p.flight == nil && within(now, p.missed, askAgain):
		defer p.mu.Unlock()
		return p.keys, nil
	}
	if err := p.wait(ctx, true); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys, nil
}

// first asks for the keys for the first time.
func (p *providerKeys) first(ctx context.Context) error {
	p.mu.Lock()
	if !p.tried.IsZero() { // for another audience
		defer p.mu.Unlock()
		return p.fault
	}
	return p.wait(ctx, false)
}

// wait waits for an asking, which it begins where there is none. It is called with mu held
// and gives it free. What the caller's context ends is the waiting: others may need the keys.
func (p *providerKeys) wait(ctx context.Context, missed bool) error {
	f := p.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		p.flight = f
		go p.ask(f)
	}
	f.missed = f.missed || missed
	p.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errKeysAway, ctx.Err())
	}
	if f.err != nil {
		return fmt.Errorf("%w: %w", errKeysAway, f.err)
	}
	return nil
}

func (p *providerKeys) ask(f *flight) {
	ctx, end := context.WithTimeout(context.Background(), fetchWithin)
	defer end()
	began := p.clock()
	set, err := p.fetch(ctx)
	if err != nil && p.later != nil {
		p.later(p.issuer, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.keys, p.got = set.keys, began
	}
	p.tried, p.fault, p.flight = p.clock(), err, nil
	if f.missed {
		p.missed = p.tried
	}
	f.err = err
	close(f.done)
}

// within reports whether at was less than d ago. A clock that was set back makes nothing new.
func within(now, at time.Time, d time.Duration) bool {
	return !at.IsZero() && !now.Before(at) && now.Sub(at) < d
}

// keySet is what a provider answers when it is asked for its keys.
type keySet struct {
	address string
	keys    []multikey.JWK
	others  int // keys that are not taken
}

// fetch asks a provider for its keys, and where they are. What is wrong with it is a
// *providerError, which holds nothing of what it answers but for what is named here.
func (p *providerKeys) fetch(ctx context.Context) (keySet, error) {
	out := keySet{address: p.address}
	if out.address == "" {
		text, err := askFor(ctx, p.client, strings.TrimSuffix(p.issuer, "/")+"/.well-known/openid-configuration")
		if err != nil {
			return out, &providerError{issuer: p.issuer, away: away(err), err: fmt.Errorf("the discovery document cannot be had: %w", err)}
		}
		if out.address, err = discovered(text, p.issuer); err != nil {
			return out, &providerError{issuer: p.issuer, err: err}
		}
	}
	// What is wrong with its keys may pass, while it changes them: it is no reason not to start.
	wrong := func(err error) error {
		return &providerError{issuer: p.issuer, away: true, err: fmt.Errorf("its keys (%s) %w", shortened(out.address), err)}
	}
	text, err := askFor(ctx, p.client, out.address)
	if err != nil {
		return out, wrong(fmt.Errorf("cannot be had: %w", err))
	}
	if out.keys, out.others, err = keysIn(text); err != nil {
		return out, wrong(fmt.Errorf("are malformed: %w", err))
	}
	return out, nil
}

// discovered finds where the keys are (OpenID Connect Discovery 1.0, 4.3).
func discovered(text []byte, issuer string) (string, error) {
	d, err := strictjson.Parse(text, strictjson.Limits{Bytes: maxProviderAnswer, Depth: 16})
	if err != nil || d.Kind(0) != strictjson.Object {
		return "", errors.New("the discovery document is malformed")
	}
	if found := d.String(d.Get(0, "issuer")); found != issuer {
		return "", fmt.Errorf("expected a discovery document of this issuer, to the letter, found that of %q", shortened(found))
	}
	address := d.String(d.Get(0, "jwks_uri"))
	if !mayLead(issuer, address) {
		return "", errors.New("expected an https jwks_uri in the discovery document")
	}
	return address, nil
}

// keysIn reads a JSON Web Key Set: the public keys of types that are taken, and how many
// there are that are not (RFC 7517, 5: those are passed over).
func keysIn(text []byte) (keys []multikey.JWK, others int, err error) {
	d, err := strictjson.Parse(text, strictjson.Limits{Bytes: maxProviderAnswer, Depth: 16})
	if err != nil {
		return nil, 0, errors.New("expected a JSON Web Key Set")
	}
	list := d.Get(0, "keys")
	if d.Kind(0) != strictjson.Object || d.Kind(list) != strictjson.Array {
		return nil, 0, errors.New("expected a JSON Web Key Set")
	}
	if n := d.Len(list); n > maxProviderKeys {
		return nil, 0, fmt.Errorf("expected at most %d keys, found %d", maxProviderKeys, n)
	}
	d.Each(list, func(n strictjson.Node) bool {
		if k, err := multikey.ParsePublicJWK(d, n); err == nil && len(proof.AlgsOf(k.Key)) != 0 {
			keys = append(keys, k)
		} else {
			others++
		}
		return true
	})
	return keys, others, nil
}
