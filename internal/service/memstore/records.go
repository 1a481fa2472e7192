package memstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/keyset"
)

func copyRecord(r service.Record) service.Record {
	r.Body = slices.Clone(r.Body)
	return r
}

// Get implements service.Records.
func (t *tx) Get(ctx context.Context, s service.Scope, k service.Kind, id string) (service.Record, error) {
	if err := t.reading(ctx); err != nil {
		return service.Record{}, err
	}
	r, ok := t.d.records[scopeKind{s, k}][id]
	if !ok {
		return service.Record{}, service.ErrNotFound
	}
	return copyRecord(r), nil
}

// Find implements service.Records.
func (t *tx) Find(ctx context.Context, k service.Kind, lookup string) (service.Scope, service.Record, error) {
	if err := t.reading(ctx); err != nil {
		return service.Scope{}, service.Record{}, err
	}
	at, ok := t.d.lookups[kindLookup{k, lookup}]
	if !ok {
		return service.Scope{}, service.Record{}, service.ErrNotFound
	}
	return at.Scope, copyRecord(t.d.records[scopeKind{at.Scope, k}][at.id]), nil
}

// Put implements service.Records.
func (t *tx) Put(ctx context.Context, s service.Scope, r service.Record) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	m := inner(t.d.records, scopeKind{s, r.Kind})
	old, ok := m[r.ID]
	switch {
	case r.Version == 0 && ok:
		return service.ErrExists
	case r.Version != 0 && !ok:
		return service.ErrNotFound
	case r.Version != old.Version:
		return service.ErrConflict
	}
	if at, taken := t.d.lookups[kindLookup{r.Kind, r.Lookup}]; r.Lookup != "" && taken && at != (scopeID{s, r.ID}) {
		if r.Version == 0 {
			return service.ErrExists
		}
		return t.poison(service.ErrExists)
	}
	r = copyRecord(r)
	r.Version++
	r.Created, r.Updated = micro(r.Created), micro(r.Updated)
	if ok {
		r.Created = old.Created
	}
	if old.Lookup != r.Lookup && old.Lookup != "" {
		remove(t, t.d.lookups, kindLookup{r.Kind, old.Lookup})
	}
	if r.Lookup != "" {
		set(t, t.d.lookups, kindLookup{r.Kind, r.Lookup}, scopeID{s, r.ID})
	}
	set(t, m, r.ID, r)
	return nil
}

// PutNew implements service.Records.
func (t *tx) PutNew(ctx context.Context, s service.Scope, r service.Record) error {
	r.Version = 0
	if err := t.Put(ctx, s, r); !errors.Is(err, service.ErrExists) {
		return err
	}
	return nil
}

// Delete implements service.Records.
func (t *tx) Delete(ctx context.Context, s service.Scope, k service.Kind, id string) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	m := t.d.records[scopeKind{s, k}]
	r, ok := m[id]
	if !ok {
		return service.ErrNotFound
	}
	if r.Lookup != "" {
		remove(t, t.d.lookups, kindLookup{k, r.Lookup})
	}
	remove(t, m, id)
	return nil
}

// List implements service.Records.
func (t *tx) List(ctx context.Context, s service.Scope, k service.Kind, parent *string, p service.Page) (service.List[service.Record], error) {
	if err := t.reading(ctx); err != nil {
		return service.List[service.Record]{}, err
	}
	var all []service.Record
	for _, r := range t.d.records[scopeKind{s, k}] {
		if parent == nil || r.Parent == *parent {
			all = append(all, r)
		}
	}
	out, err := page(all, func(r service.Record) keyset.Place { return place(r.Created, r.ID) }, false, p, keyset.Records(s, k, parent)...)
	for i := range out.Items {
		out.Items[i] = copyRecord(out.Items[i])
	}
	return out, err
}

// GetList implements service.Records.
func (t *tx) GetList(ctx context.Context, s service.Scope, k service.Kind, id string, listed service.Kind) (service.Record, []service.Record, error) {
	r, err := t.Get(ctx, s, k, id)
	if err != nil {
		return r, nil, err
	}
	list, err := t.List(ctx, s, listed, nil, service.Page{Limit: service.MaxLimit})
	return r, list.Items, err
}

// Scopes implements service.Records.
func (t *tx) Scopes(ctx context.Context, k service.Kind) ([]service.Scope, error) {
	if err := t.reading(ctx); err != nil {
		return nil, err
	}
	var out []service.Scope
	for at, m := range t.d.records {
		if at.kind == k && len(m) > 0 {
			out = append(out, at.Scope)
		}
	}
	return sortScopes(out), nil
}

// Recall implements service.Tx.
func (t *tx) Recall(ctx context.Context, s service.Scope, route, key string, now time.Time) (service.Answer, error) {
	if err := t.reading(ctx); err != nil {
		return service.Answer{}, err
	}
	a, ok := t.d.answers[answerKey{s, route, key}]
	if !ok || !now.Before(a.Expires) {
		return service.Answer{}, service.ErrNotFound
	}
	a.Body = slices.Clone(a.Body)
	return a, nil
}

// Remember implements service.Tx.
func (t *tx) Remember(ctx context.Context, s service.Scope, route, key string, a service.Answer, now time.Time) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	k := answerKey{s, route, key}
	if old, ok := t.d.answers[k]; ok && now.Before(old.Expires) {
		return service.ErrExists
	}
	a.Body, a.Expires = slices.Clone(a.Body), micro(a.Expires)
	set(t, t.d.answers, k, a)
	return nil
}

// Forget implements service.Tx.
func (t *tx) Forget(ctx context.Context, now time.Time, n int) (int, error) {
	if err := t.writing(ctx); err != nil {
		return 0, err
	}
	count := 0
	for k, a := range t.d.answers {
		if count == n {
			break
		}
		if !now.Before(a.Expires) {
			remove(t, t.d.answers, k)
			count++
		}
	}
	return count, nil
}
