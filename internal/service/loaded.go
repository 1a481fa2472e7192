package service

import (
	"context"
	"errors"
	"sync"
	"time"
)

// typeFresh is how long the number of a type's newest version is believed without being
// read again. Versions themselves never change.
const typeFresh = time.Second

// typeCache keeps versions of types that were used lately.
type typeCache struct {
	mu       sync.Mutex
	heads    map[typeRef]typeHead
	versions map[versionRef]*LoadedType
	pixels   int // of all the versions' templates
}

type typeRef struct {
	scope Scope
	ref   string
}

type typeHead struct {
	id      string
	version int
	active  bool
	created time.Time
	read    time.Time
}

type versionRef struct {
	scope   Scope
	id      string
	version int
}

const (
	maxCachedTypes  = 4096
	maxCachedPixels = 64 << 20 // of up to eight bytes each
)

func (c *typeCache) init() {
	c.heads, c.versions = map[typeRef]typeHead{}, map[versionRef]*LoadedType{}
}

func (c *typeCache) drop(scope Scope, refs ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ref := range refs {
		delete(c.heads, typeRef{scope, ref})
	}
}

// LoadType loads the newest version of a type of the caller's, by id or key. A starter is
// not one. It is the caller of this who asks for permissions.
func (s *Service) LoadType(ctx context.Context, c Caller, ref string) (*LoadedType, error) {
	now := s.now()
	s.types.mu.Lock()
	head, ok := s.types.heads[typeRef{c.Scope, ref}]
	s.types.mu.Unlock()
	if !ok || now.Sub(head.read) >= typeFresh || now.Before(head.read) {
		err := s.view(ctx, func(tx Tx) error {
			r, err := findType(ctx, tx, c.Scope, ref)
			if err != nil {
				return err
			}
			var stored StoredTypeHead
			if err := decode(r.Body, &stored); err != nil {
				return err
			}
			head = typeHead{id: r.ID, version: stored.Version, active: stored.Active, created: r.Created, read: now}
			return nil
		})
		if err != nil {
			return nil, err
		}
		s.types.mu.Lock()
		if len(s.types.heads) >= maxCachedTypes {
			clear(s.types.heads)
		}
		s.types.heads[typeRef{c.Scope, ref}] = head
		s.types.mu.Unlock()
	}
	t, err := s.LoadVersion(ctx, c, head.id, head.version)
	if err != nil || t.Type.Active == head.active {
		return t, err
	}
	other := *t
	other.Type.Active = head.active
	return &other, nil
}

// LoadVersion loads one version of a type of the caller's.
func (s *Service) LoadVersion(ctx context.Context, c Caller, id string, version int) (*LoadedType, error) {
	ref := versionRef{c.Scope, id, version}
	s.types.mu.Lock()
	t := s.types.versions[ref]
	s.types.mu.Unlock()
	if t != nil {
		return t, nil
	}
	var stored StoredType
	var issuer StoredIssuer
	err := s.view(ctx, func(tx Tx) error {
		_, v, err := Get[StoredType](ctx, tx, c.Scope, KindVersion, versionID(id, version))
		if errors.Is(err, ErrNotFound) {
			return NotFound("credential type")
		}
		if err != nil {
			return err
		}
		stored = v
		_, issuer, err = findIssuer(ctx, tx, c.Scope, v.Issuer)
		return err
	})
	if err != nil {
		return nil, err
	}
	if t, err = s.load(c.Scope, stored, issuer); err != nil {
		return nil, err
	}
	s.types.mu.Lock()
	defer s.types.mu.Unlock()
	s.types.keep(ref, t)
	return t, nil
}

// keep remembers a version, and forgets others where they are many or have large pictures.
func (c *typeCache) keep(ref versionRef, t *LoadedType) {
	if len(c.versions) >= maxCachedTypes {
		clear(c.versions)
		c.pixels = 0
	}
	if before := c.versions[ref]; before != nil {
		c.pixels -= before.template.Pixels()
	}
	c.versions[ref] = t
	c.pixels += t.template.Pixels()
	for other, v := range c.versions {
		if c.pixels <= maxCachedPixels {
			return
		}
		if n := v.template.Pixels(); n > 0 && other != ref {
			delete(c.versions, other)
			c.pixels -= n
		}
	}
}

// drafts are the definitions with a template of their own that are checked at once: the
// pictures of one may take hundreds of megabytes unpacked.
var drafts = make(chan struct{}, 2)

// drafting waits for a turn to check a definition, where one is needed. free ends it.
func drafting(ctx context.Context, in NewType) (free func(), err error) {
	if in.Layout == nil || in.Layout.Template == nil {
		return func() {}, nil
	}
	select {
	case drafts <- struct{}{}:
		return func() { <-drafts }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// draft checks a new definition, and its page.
func (s *Service) draft(ctx context.Context, c Caller, bad *Invalid, in NewType) (StoredType, StoredIssuer, error) {
	free, err := drafting(ctx, in)
	if err != nil {
		return StoredType{}, StoredIssuer{}, err
	}
	defer free()
	stored, issuer, err := s.checkType(ctx, c, bad, in)
	if err == nil {
		err = s.tryPage(ctx, c.Scope, stored, issuer)
	}
	return stored, issuer, err
}

// load makes a version ready to issue with.
func (s *Service) load(scope Scope, v StoredType, issuer StoredIssuer) (*LoadedType, error) {
	t := &LoadedType{Type: typeView(scope, v, issuer.ID, true, v.At), Scope: scope, issuer: issuer, version: v, fields: map[string]*fieldRule{}}
	for _, f := range v.Fields {
		rule := &fieldRule{Field: f}
		if f.Pattern != "" {
			var err error
			if rule.pattern, err = compilePattern(f.Pattern); err != nil {
				return nil, err
			}
		}
		t.fields[f.Key] = rule
	}
	var err error
	if t.template, err = pageTemplate(v.NewType); err != nil {
		return nil, err
	}
	t.static = s.writeStatic(t)
	return t, nil
}

// starterType loads a starter, to be looked at.
func (s *Service) starterType(scope Scope, t Type) (*LoadedType, error) {
	v := StoredType{Type: t.ID, Version: t.Version, NewType: definition(t), At: t.CreatedAt}
	v.Key = t.Key
	out, err := s.load(scope, v, StoredIssuer{ID: "issuer", Name: "Your institution", DID: s.webDID("example"), Scope: scope})
	if err == nil {
		t.Environment = scope.Environment
		out.Type = t
	}
	return out, err
}

// look loads a type or a starter for a caller who reads.
func (s *Service) look(ctx context.Context, c Caller, id string) (*LoadedType, error) {
	if t, ok := starter(id); ok {
		return s.starterType(c.Scope, t)
	}
	return s.LoadType(ctx, c, id)
}
