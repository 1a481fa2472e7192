package memstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/keyset"
)

func copyAudit(e service.AuditEntry) service.AuditEntry {
	e.Detail, e.Hash = slices.Clone(e.Detail), slices.Clone(e.Hash)
	return e
}

// AddAudit implements service.LogTx.
func (t *tx) AddAudit(ctx context.Context, s service.Scope, e service.AuditEntry) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	m := inner(t.d.audit, s)
	if _, ok := m[e.ID]; ok {
		return t.poison(service.ErrExists)
	}
	e = copyAudit(e)
	e.At, e.Seq, e.Hash = micro(e.At), 0, nil
	set(t, m, e.ID, e)
	set(t, inner(t.d.unchained, s), e.ID, true)
	return nil
}

// Unchained implements service.LogTx.
func (t *tx) Unchained(ctx context.Context, s service.Scope, n int) ([]service.AuditEntry, error) {
	if err := t.reading(ctx); err != nil {
		return nil, err
	}
	var out []service.AuditEntry
	for id := range t.d.unchained[s] {
		out = append(out, t.d.audit[s][id])
	}
	slices.SortFunc(out, func(a, b service.AuditEntry) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	out = out[:min(n, len(out))]
	for i := range out {
		out[i] = copyAudit(out[i])
	}
	return out, nil
}

// UnchainedScopes implements service.LogTx.
func (t *tx) UnchainedScopes(ctx context.Context) ([]service.Scope, error) {
	if err := t.reading(ctx); err != nil {
		return nil, err
	}
	var out []service.Scope
	for s, m := range t.d.unchained {
		if len(m) > 0 {
			out = append(out, s)
		}
	}
	return sortScopes(out), nil
}

// ChainAudit implements service.LogTx.
func (t *tx) ChainAudit(ctx context.Context, s service.Scope, entries []service.AuditEntry) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	chain := inner(t.d.chain, s)
	for _, e := range entries {
		_, taken := chain[e.Seq]
		if !t.d.unchained[s][e.ID] || taken || e.Seq < 1 {
			return t.poison(service.ErrConflict)
		}
		old := t.d.audit[s][e.ID]
		old.Seq, old.Hash = e.Seq, slices.Clone(e.Hash)
		set(t, t.d.audit[s], e.ID, old)
		set(t, chain, e.Seq, e.ID)
		remove(t, t.d.unchained[s], e.ID)
		if e.Seq > t.d.lastSeq[s] {
			set(t, t.d.lastSeq, s, e.Seq)
		}
	}
	return nil
}

// LastAudit implements service.LogTx.
func (t *tx) LastAudit(ctx context.Context, s service.Scope) (service.AuditEntry, error) {
	if err := t.reading(ctx); err != nil {
		return service.AuditEntry{}, err
	}
	id, ok := t.d.chain[s][t.d.lastSeq[s]]
	if !ok {
		return service.AuditEntry{}, service.ErrNotFound
	}
	return copyAudit(t.d.audit[s][id]), nil
}

// Audit implements service.LogTx.
func (t *tx) Audit(ctx context.Context, s service.Scope, p service.Page) (service.List[service.AuditEntry], error) {
	if err := t.reading(ctx); err != nil {
		return service.List[service.AuditEntry]{}, err
	}
	var all []service.AuditEntry
	for _, id := range t.d.chain[s] {
		all = append(all, t.d.audit[s][id])
	}
	out, err := page(all, func(e service.AuditEntry) keyset.Place { return keyset.Place{At: e.Seq} }, false, p, keyset.Audit(s)...)
	for i := range out.Items {
		out.Items[i] = copyAudit(out.Items[i])
	}
	return out, err
}

// AuditFrom implements service.LogTx.
func (t *tx) AuditFrom(ctx context.Context, s service.Scope, from int64, n int) ([]service.AuditEntry, error) {
	if err := t.reading(ctx); err != nil {
		return nil, err
	}
	var out []service.AuditEntry
	for _, seq := range slices.Sorted(maps.Keys(t.d.chain[s])) {
		if seq >= from && len(out) < n {
			out = append(out, copyAudit(t.d.audit[s][t.d.chain[s][seq]]))
		}
	}
	return out, nil
}

// AddVerifications implements service.LogTx.
func (t *tx) AddVerifications(ctx context.Context, s service.Scope, entries []service.LogEntry) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	m := inner(t.d.verifications, s)
	for _, e := range entries {
		if _, ok := m[e.ID]; ok {
			return t.poison(service.ErrExists)
		}
		e.At = micro(e.At)
		set(t, m, e.ID, e)
	}
	return nil
}

// Verifications implements service.LogTx.
func (t *tx) Verifications(ctx context.Context, s service.Scope, p service.Page) (service.List[service.LogEntry], error) {
	if err := t.reading(ctx); err != nil {
		return service.List[service.LogEntry]{}, err
	}
	all := slices.Collect(maps.Values(t.d.verifications[s]))
	return page(all, func(e service.LogEntry) keyset.Place { return place(e.At, e.ID) }, false, p, keyset.Verifications(s)...)
}

// ForgetVerifications implements service.LogTx.
func (t *tx) ForgetVerifications(ctx context.Context, before time.Time, n int) (int, error) {
	if err := t.writing(ctx); err != nil {
		return 0, err
	}
	count := 0
	for _, lines := range t.d.verifications {
		for id, e := range lines {
			if count == n {
				return count, nil
			}
			if e.At.Before(before) {
				remove(t, lines, id)
				count++
			}
		}
	}
	return count, nil
}

// Count implements service.LogTx.
func (t *tx) Count(ctx context.Context, s service.Scope, name string, add int64) (int64, error) {
	if err := t.writing(ctx); err != nil {
		return 0, err
	}
	at := scopeID{s, name}
	n := t.d.counters[at] + add
	set(t, t.d.counters, at, n)
	return n, nil
}
