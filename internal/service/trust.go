package service

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/did"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/verifier"
	evidencehandler "github.com/chancery-dev/chancery/verifier/evidence"
	"github.com/chancery-dev/chancery/verifier/foreign"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// listFresh is how long a published list, and what is known of an issuer of our own, is
// believed without being read again: a revocation is seen at once by the process that does
// it, and within this time by others.
const listFresh = time.Second

// trustCache holds what verifications go by: the configured trust, with the issuers of this
// installation that were met lately. It learns an issuer when a document names him.
type trustCache struct {
	state atomic.Pointer[trustState]
	mu    sync.Mutex // of changes to state

	listMu     sync.Mutex
	lists      map[string]verifier.Document // by URL
	generation uint64                       // of lists, counts what this process changed

	strangers   sync.Map // ids that are not ours: id → time.Time of asking
	strangerNum atomic.Int64
}

// trustState is immutable, but for when its issuers were read.
type trustState struct {
	verifier *verifier.Verifier
	config   verifier.Config // without handlers
	handlers map[string]verifier.Handler
	issuers  map[string]*knownIssuer // by DID
}

// knownIssuer is an issuer of our own.
type knownIssuer struct {
	issuer   StoredIssuer
	document []byte
	seals    map[string]bool // digests of the keys that PDFs are sealed with
	read     atomic.Int64    // unix nanoseconds
}

const (
	maxKnown     = 4096 // issuers
	maxLists     = 1024
	maxStrangers = 10_000
)

func (c *trustCache) init(s *Service) error {
	c.lists = map[string]verifier.Document{}
	state, err := s.newTrust(map[string]*knownIssuer{})
	c.state.Store(state)
	return err
}

// newTrust makes a verifier that trusts the configured issuers and those given.
func (s *Service) newTrust(issuers map[string]*knownIssuer) (*trustState, error) {
	trust := &verifier.Trust{}
	if s.c.Trust != nil {
		copied := *s.c.Trust
		trust = &copied
	}
	trust.Issuers, trust.Roots = slices.Clone(trust.Issuers), slices.Clone(trust.Roots)
	// Nothing that is configured is newer than the lists that are published here.
	trust.Documents = slices.DeleteFunc(slices.Clone(trust.Documents), func(d verifier.PinnedDocument) bool {
		_, ours := s.ownList(d.URL)
		return ours && d.Kind == verifier.KindStatusList
	})
	configured := map[string]int{}
	for n, i := range trust.Issuers {
		configured[i.ID] = n
	}
	ids := slices.Sorted(maps.Keys(issuers))
	for _, id := range ids {
		known := issuers[id]
		// One that the configuration names too may be there with keys, or a copy of his
		// document, of before a key was compromised.
		at, ok := configured[id]
		if !ok {
			at, trust.Issuers = len(trust.Issuers), append(trust.Issuers, verifier.TrustedIssuer{ID: id, Name: known.issuer.Name})
		}
		if err := pinCompromised(&trust.Issuers[at], known.issuer); err != nil {
			return nil, err
		}
		for _, cert := range known.issuer.Certs {
			// The certificate itself is trusted, never the authority that issued it, whose
			// other certificates are strangers'.
			x, err := x509.ParseCertificate(cert.Chain[0])
			if err != nil {
				return nil, fmt.Errorf("service: certificate of an issuer: %w", err)
			}
			trust.Roots = append(trust.Roots, x)
		}
	}
	trust.TSARoots = append(slices.Clone(trust.TSARoots), s.c.TSARoots...)
	own := s.webDID("") // the installation itself
	if _, ok := configured[own]; !ok {
		trust.Issuers = append(trust.Issuers, verifier.TrustedIssuer{ID: own})
	}
	source := sources{s}
	config := verifier.Config{Trust: trust, Clock: s.c.Clock, Keys: source, Status: source, Documents: source}
	handlers := (&foreign.Handler{}).All()
	handlers[chancery.MediaEvidence] = &evidencehandler.Handler{Revocation: s.c.SignerRevocation}
	handlers[chancery.MediaPDF] = pades.Handler{Config: pades.Config{Revocation: s.c.SignerRevocation}}
	withHandlers := config
	withHandlers.Handlers = handlers
	v, err := verifier.New(withHandlers)
	return &trustState{verifier: v, config: config, handlers: handlers, issuers: issuers}, err
}

// pinCompromised names the keys that are not believed any more, so that a verdict says why.
func pinCompromised(to *verifier.TrustedIssuer, i StoredIssuer) error {
	to.Keys = slices.Clone(to.Keys) // those of the configuration are not ours
	for _, k := range i.Keys {
		if k.Compromised == nil {
			continue
		}
		key, err := multikey.Parse(k.Multibase)
		if err != nil {
			return err
		}
		to.Keys = append(to.Keys, verifier.TrustedKey{Method: k.Method, From: k.From, Revoked: *k.Compromised, Key: key})
	}
	return nil
}

// learn makes sure that the issuers of our own among ids are known as they are now. It
// reports whether anything changed, so that what was judged before is to be judged again.
func (s *Service) learn(ctx context.Context, ids []string) (bool, error) {
	now := s.now()
	state := s.trust.state.Load()
	var ask []string
	for _, id := range ids {
		if id == "" || len(id) > 512 || slices.Contains(ask, id) || len(ask) >= 64 {
			continue
		}
		if known := state.issuers[id]; known != nil {
			if age := now.UnixNano() - known.read.Load(); age < 0 || age >= int64(listFresh) {
				ask = append(ask, id)
			}
		} else if at, ok := s.trust.strangers.Load(id); !ok || now.Sub(at.(time.Time)) >= listFresh {
			ask = append(ask, id)
		}
	}
	if len(ask) == 0 {
		return false, nil
	}
	found, err := s.findIssuers(ctx, ask)
	if err != nil {
		return false, err
	}
	return s.remember(ask, found, now)
}

func (s *Service) findIssuers(ctx context.Context, dids []string) (map[string]StoredIssuer, error) {
	found := map[string]StoredIssuer{}
	err := s.view(ctx, func(tx Tx) error {
		clear(found)
		for _, id := range dids {
			scope, r, err := tx.Find(ctx, KindIssuer, id)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if found[id], err = readIssuer(scope, r); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

// remember brings what was found into the state.
func (s *Service) remember(asked []string, found map[string]StoredIssuer, now time.Time) (bool, error) {
	c := &s.trust
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.state.Load()
	issuers, changed := maps.Clone(state.issuers), false
	if len(issuers)+len(found) > maxKnown {
		clear(issuers)
	}
	for _, id := range asked {
		i, ok := found[id]
		known := state.issuers[id]
		switch {
		case !ok:
			if c.strangerNum.Add(1) > maxStrangers {
				c.strangers.Clear()
				c.strangerNum.Store(1)
			}
			c.strangers.Store(id, now)
			if known != nil {
				delete(issuers, id)
				changed = true
			}
		case known != nil && known.issuer.Revision == i.Revision && issuers[id] != nil:
			known.read.Store(now.UnixNano())
		default:
			fresh, err := newKnown(i, now)
			if err != nil {
				return false, err
			}
			issuers[id], changed = fresh, true
		}
	}
	if !changed {
		return false, nil
	}
	next, err := s.newTrust(issuers)
	if err != nil {
		return false, err
	}
	c.state.Store(next)
	return true, nil
}

func newKnown(i StoredIssuer, now time.Time) (*knownIssuer, error) {
	k := &knownIssuer{issuer: i, seals: map[string]bool{}}
	k.read.Store(now.UnixNano())
	for _, cert := range i.Certs {
		x, err := x509.ParseCertificate(cert.Chain[0])
		if err != nil {
			return nil, fmt.Errorf("service: certificate of an issuer: %w", err)
		}
		sum := sha256.Sum256(x.RawSubjectPublicKeyInfo)
		k.seals["sha-256:"+hexOf(sum[:])] = true
	}
	var err error
	k.document, err = issuerDocument(i)
	return k, err
}

// issuerDocument is the DID document: every key, past ones included, but those that are
// compromised. nil for a did:key, which needs none.
func issuerDocument(i StoredIssuer) ([]byte, error) {
	if i.Method == "did:key" {
		return nil, nil
	}
	var keys []crypto.PublicKey
	for n := len(i.Keys) - 1; n >= 0; n-- { // the present one first
		if i.Keys[n].Compromised != nil {
			continue
		}
		key, err := multikey.Parse(i.Keys[n].Multibase)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	doc, err := did.NewDocument(i.DID, keys...)
	if err != nil {
		return nil, err
	}
	return doc.Encode()
}

// forget has an issuer read again by the next verification.
func (c *trustCache) forget(id string) {
	if known := c.state.Load().issuers[id]; known != nil {
		known.read.Store(0)
	}
	c.strangers.Delete(id)
	c.dropLists()
}

// readApart is how long one reading of an issuer is after another, where documents name keys
// that it does not have: nobody is to have the store asked for each of many.
const readApart = listFresh / 100

// outdate has issuers read again that were last read before a document was judged. Of one that
// was read just before, it says how long to wait: the key may have been added in between.
func (c *trustCache) outdate(ids []string, judged, now time.Time) (wait time.Duration) {
	issuers := c.state.Load().issuers
	for _, id := range ids {
		known := issuers[id]
		if known == nil || !judged.IsZero() && known.read.Load() > judged.UnixNano() {
			continue
		}
		if left := readApart - now.Sub(time.Unix(0, known.read.Load())); left > 0 && left <= readApart {
			wait = max(wait, left)
		} else {
			known.read.Store(0)
		}
	}
	return wait
}

// dropLists has published lists read again.
func (c *trustCache) dropLists() {
	c.listMu.Lock()
	defer c.listMu.Unlock()
	clear(c.lists)
	c.generation++
}

// dropList has one published list read again.
func (c *trustCache) dropList(url string) {
	c.listMu.Lock()
	defer c.listMu.Unlock()
	delete(c.lists, url)
	c.generation++
}

// sources answers from the store first, and asks the online client for what is not ours.
type sources struct{ s *Service }

var (
	errElsewhere = fmt.Errorf("%w: it is not kept here, and this installation fetches nothing", verifier.ErrNotHeld)
	errNotServed = fmt.Errorf("%w: it is of this installation, which does not have it", verifier.ErrUnreachable)
)

// Controller implements verifier.KeyResolver.
func (q sources) Controller(ctx context.Context, id string) (verifier.Document, error) {
	s := q.s
	if strings.HasPrefix(id, s.webBase()) {
		if b, err := s.ownDocument(ctx, id); err == nil {
			return verifier.Document{URL: id, MediaType: "application/did", Bytes: b, FetchedAt: s.now()}, nil
		} else if !IsNotFound(err) {
			return verifier.Document{}, fmt.Errorf("%w: %w", verifier.ErrUnreachable, err)
		}
	}
	if s.c.Online == nil {
		return verifier.Document{}, errElsewhere
	}
	return s.c.Online.Controller(ctx, id)
}

// ownDocument is the DID document of an issuer of our own, or of the installation.
func (s *Service) ownDocument(ctx context.Context, id string) ([]byte, error) {
	if id == s.webDID("") {
		in, err := s.installation(ctx)
		if err != nil {
			return nil, err
		}
		doc, err := did.NewDocument(id, in.key.Public())
		if err != nil {
			return nil, err
		}
		return doc.Encode()
	}
	now := s.now()
	if known := s.trust.state.Load().issuers[id]; known != nil && known.document != nil {
		if age := now.UnixNano() - known.read.Load(); age >= 0 && age < int64(listFresh) {
			return known.document, nil
		}
	}
	return s.storedDocument(ctx, id)
}

// publishedDocument is the DID document that others are given. It is never one of a moment
// ago: another process may have signed with a key that is not in that.
func (s *Service) publishedDocument(ctx context.Context, id string) ([]byte, error) {
	if id == s.webDID("") {
		return s.ownDocument(ctx, id)
	}
	return s.storedDocument(ctx, id)
}

func (s *Service) storedDocument(ctx context.Context, id string) ([]byte, error) {
	found, err := s.findIssuers(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	i, ok := found[id]
	if !ok || i.Method == "did:key" {
		return nil, NotFound("did document")
	}
	return issuerDocument(i)
}

// JWKS implements verifier.KeyResolver.
func (q sources) JWKS(ctx context.Context, authority string) (verifier.Document, error) {
	if q.s.c.Online == nil {
		return verifier.Document{}, errElsewhere
	}
	return q.s.c.Online.JWKS(ctx, authority)
}

// StatusList implements verifier.StatusSource.
func (q sources) StatusList(ctx context.Context, url string) (verifier.Document, error) {
	s := q.s
	path, ours := s.ownList(url)
	if !ours {
		if s.c.Online == nil {
			return verifier.Document{}, errElsewhere
		}
		return s.c.Online.StatusList(ctx, url)
	}
	now := s.now()
	c := &s.trust
	c.listMu.Lock()
	doc, ok := c.lists[url]
	generation := c.generation
	c.listMu.Unlock()
	if age := now.Sub(doc.FetchedAt); ok && age >= 0 && age < listFresh {
		return doc, nil
	}
	p, err := s.published(ctx, path)
	if err != nil {
		return verifier.Document{}, fmt.Errorf("%w: %w", verifier.ErrUnreachable, err)
	}
	doc = verifier.Document{URL: url, MediaType: p.MediaType, Bytes: p.Bytes, FetchedAt: now}
	c.listMu.Lock()
	defer c.listMu.Unlock()
	if c.generation == generation { // nothing was published since the list was read
		if len(c.lists) >= maxLists {
			clear(c.lists)
		}
		c.lists[url] = doc
	}
	return doc, nil
}

// ownList is the path of a URL at which lists of our own are published.
func (s *Service) ownList(url string) (path string, ours bool) {
	path, ours = strings.CutPrefix(url, s.baseURL+"/")
	return path, ours && (strings.HasPrefix(path, "status/") || strings.HasPrefix(path, planePath))
}

// published reads a list by the path of its address, without a slash at its beginning.
func (s *Service) published(ctx context.Context, path string) (Publication, error) {
	var out Publication
	err := s.view(ctx, func(tx Tx) error {
		for _, l := range listsAt(path) {
			var err error
			if out, err = tx.Published(ctx, l.ID, l.Purpose); !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		return NotFound("status list")
	})
	return out, err
}

// Document implements verifier.DocumentSource.
func (q sources) Document(ctx context.Context, url string) (verifier.Document, error) {
	if q.s.c.Online == nil {
		return verifier.Document{}, errElsewhere
	}
	if strings.HasPrefix(url, q.s.baseURL+"/") { // not asked over the network for what is here
		return verifier.Document{}, errNotServed
	}
	return q.s.c.Online.Document(ctx, url)
}
