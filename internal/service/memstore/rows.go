package memstore

import (
	"context"
	"maps"
	"slices"

	"github.com/chancery-dev/chancery/internal/service"
)

func copyRow(r service.Row) service.Row {
	r.Body, r.Errors = slices.Clone(r.Body), slices.Clone(r.Errors)
	return r
}

func count(c service.RowCounts, state string, by int64) service.RowCounts {
	switch state {
	case "queued":
		c.Queued += by
	case "issued":
		c.Issued += by
	case "failed":
		c.Failed += by
	}
	return c
}

// AddRows implements service.RowTx.
func (t *tx) AddRows(ctx context.Context, s service.Scope, batch string, rows []service.Row) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	at := scopeID{s, batch}
	m, counts := inner(t.d.rows, at), t.d.counts[at]
	for _, r := range rows {
		_, taken := m[r.Index]
		_, keyed := t.d.rowKeys[rowKey{at, r.Key}]
		if taken || keyed && r.Key != "" {
			return t.poison(service.ErrExists)
		}
		if r.Key != "" {
			set(t, t.d.rowKeys, rowKey{at, r.Key}, r.Index)
		}
		set(t, m, r.Index, copyRow(r))
		counts.Total++
		counts = count(counts, r.State, 1)
	}
	set(t, t.d.counts, at, counts)
	return nil
}

// Rows implements service.RowTx.
func (t *tx) Rows(ctx context.Context, s service.Scope, batch, state string, from int64, n int) ([]service.Row, error) {
	if err := t.reading(ctx); err != nil {
		return nil, err
	}
	var out []service.Row
	m := t.d.rows[scopeID{s, batch}]
	for _, i := range slices.Sorted(maps.Keys(m)) {
		if r := m[i]; i >= from && len(out) < n && (state == "" || r.State == state) {
			out = append(out, copyRow(r))
		}
	}
	return out, nil
}

// SetRows implements service.RowTx.
func (t *tx) SetRows(ctx context.Context, s service.Scope, batch string, rows []service.Row) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	at := scopeID{s, batch}
	m, counts := t.d.rows[at], t.d.counts[at]
	for _, r := range rows {
		if m[r.Index].State != "queued" {
			return t.poison(service.ErrConflict)
		}
		old := m[r.Index]
		old.State, old.Body, old.Errors = r.State, slices.Clone(r.Body), slices.Clone(r.Errors)
		set(t, m, r.Index, old)
		counts = count(count(counts, "queued", -1), r.State, 1)
	}
	set(t, t.d.counts, at, counts)
	return nil
}

// CountRows implements service.RowTx.
func (t *tx) CountRows(ctx context.Context, s service.Scope, batch string) (service.RowCounts, error) {
	if err := t.reading(ctx); err != nil {
		return service.RowCounts{}, err
	}
	return t.d.counts[scopeID{s, batch}], nil
}

// DeleteRows implements service.RowTx.
func (t *tx) DeleteRows(ctx context.Context, s service.Scope, batch string) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	at := scopeID{s, batch}
	for i, r := range maps.Clone(t.d.rows[at]) {
		if r.Key != "" {
			remove(t, t.d.rowKeys, rowKey{at, r.Key})
		}
		remove(t, t.d.rows[at], i)
	}
	remove(t, t.d.counts, at)
	return nil
}
