package memstore

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

func copyList(l service.StoredList) service.StoredList {
	l.Sealed = slices.Clone(l.Sealed)
	return l
}

// AddList implements service.StatusTx.
func (t *tx) AddList(ctx context.Context, s service.Scope, l service.StoredList) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	if _, ok := t.d.lists[l.ID]; ok {
		return service.ErrExists
	}
	l = copyList(l)
	l.Created, l.Version = micro(l.Created), max(l.Version, 1)
	set(t, t.d.lists, l.ID, ownList{s, l})
	by := scopeID{s, l.IssuerID}
	if old := t.d.lists[t.d.open[by]]; cmp.Or(l.Created.Compare(old.Created), cmp.Compare(l.ID, old.ID)) > 0 {
		set(t, t.d.open, by, l.ID)
	}
	return nil
}

// StatusList implements service.StatusTx.
func (t *tx) StatusList(ctx context.Context, id string) (service.Scope, service.StoredList, error) {
	if err := t.reading(ctx); err != nil {
		return service.Scope{}, service.StoredList{}, err
	}
	l, ok := t.d.lists[id]
	if !ok {
		return service.Scope{}, service.StoredList{}, service.ErrNotFound
	}
	return l.scope, copyList(l.StoredList), nil
}

// OpenList implements service.StatusTx.
func (t *tx) OpenList(ctx context.Context, s service.Scope, issuer string) (service.StoredList, error) {
	if err := t.reading(ctx); err != nil {
		return service.StoredList{}, err
	}
	id, ok := t.d.open[scopeID{s, issuer}]
	if !ok {
		return service.StoredList{}, service.ErrNotFound
	}
	return copyList(t.d.lists[id].StoredList), nil
}

func (t *tx) list(ctx context.Context, s service.Scope, id string) (ownList, error) {
	l, ok := t.d.lists[id]
	if err := t.writing(ctx); err != nil {
		return l, err
	}
	if !ok || l.scope != s {
		return l, service.ErrNotFound
	}
	return l, nil
}

// Take implements service.StatusTx.
func (t *tx) Take(ctx context.Context, s service.Scope, id string, n int64) (first, count int64, err error) {
	l, err := t.list(ctx, s, id)
	if err != nil {
		return 0, 0, err
	}
	first, count = l.Next, max(min(n, l.Entries-l.Next), 0)
	l.Next += count
	set(t, t.d.lists, id, l)
	return first, count, nil
}

// SetBit implements service.StatusTx.
func (t *tx) SetBit(ctx context.Context, s service.Scope, id, purpose string, index int64, value bool) error {
	l, err := t.list(ctx, s, id)
	if err != nil {
		return err
	}
	m := inner(t.d.bits, listPurpose{id, purpose})
	if value {
		set(t, m, index, true)
	} else {
		remove(t, m, index)
	}
	l.Version++
	set(t, t.d.lists, id, l)
	return nil
}

// LockList implements service.StatusTx.
func (t *tx) LockList(ctx context.Context, s service.Scope, id string) (service.StoredList, error) {
	l, err := t.list(ctx, s, id)
	if err != nil {
		return service.StoredList{}, err
	}
	return copyList(l.StoredList), nil
}

// Bits implements service.StatusTx.
func (t *tx) Bits(ctx context.Context, s service.Scope, id, purpose string) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		if err := t.reading(ctx); err != nil {
			yield(0, err)
			return
		}
		if t.d.lists[id].scope != s {
			return
		}
		for _, i := range slices.Sorted(maps.Keys(t.d.bits[listPurpose{id, purpose}])) {
			if !yield(i, nil) {
				return
			}
		}
	}
}

// Publish implements service.StatusTx.
func (t *tx) Publish(ctx context.Context, s service.Scope, id, purpose string, p service.Publication) error {
	if _, err := t.list(ctx, s, id); err != nil {
		return err
	}
	p.Bytes, p.Issued, p.Ends = slices.Clone(p.Bytes), micro(p.Issued), micro(p.Ends)
	set(t, t.d.published, listPurpose{id, purpose}, p)
	return nil
}

// Published implements service.StatusTx.
func (t *tx) Published(ctx context.Context, id, purpose string) (service.Publication, error) {
	if err := t.reading(ctx); err != nil {
		return service.Publication{}, err
	}
	p, ok := t.d.published[listPurpose{id, purpose}]
	if !ok {
		return service.Publication{}, service.ErrNotFound
	}
	p.Bytes = slices.Clone(p.Bytes)
	return p, nil
}

// Stale implements service.StatusTx.
func (t *tx) Stale(ctx context.Context, before, after time.Time, n int) ([]service.StaleList, error) {
	if err := t.reading(ctx); err != nil {
		return nil, err
	}
	var all []listPurpose
	for at, p := range t.d.published {
		if p.Ends.Before(before) || p.Ends.After(after) {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, func(a, b listPurpose) int {
		return cmp.Or(t.d.published[a].Ends.Compare(t.d.published[b].Ends), cmp.Compare(a.id, b.id), cmp.Compare(a.purpose, b.purpose))
	})
	var out []service.StaleList
	for _, at := range all[:min(n, len(all))] {
		out = append(out, service.StaleList{Scope: t.d.lists[at.id].scope, ID: at.id, Purpose: at.purpose})
	}
	return out, nil
}
