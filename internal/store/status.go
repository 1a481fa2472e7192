package store

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

const listColumns = `tenant, environment, id, issuer_id, entries, taken, sealed, version, created`

func scanList(r Rows, o *owned[service.StoredList]) error {
	var sealed string
	l := &o.v
	if err := r.Scan(&o.Tenant, &o.Environment, &l.ID, &l.IssuerID, &l.Entries, &l.Next, &sealed, &l.Version, scanTime{&l.Created}); err != nil {
		return err
	}
	var err error
	l.Sealed, err = unb64(sealed)
	return err
}

// AddList implements service.StatusTx.
func (t *Tx) AddList(ctx context.Context, s service.Scope, l service.StoredList) error {
	return t.add(ctx, `INSERT INTO status_list (`+listColumns+`, before) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0) ON CONFLICT DO NOTHING`,
		s.Tenant, string(s.Environment), l.ID, l.IssuerID, l.Entries, l.Next, b64(l.Sealed), max(l.Version, 1), micro(l.Created))
}

// StatusList implements service.StatusTx.
func (t *Tx) StatusList(ctx context.Context, id string) (service.Scope, service.StoredList, error) {
	o, err := row(ctx, t, false, scanList, `SELECT `+listColumns+` FROM status_list WHERE id = $1`, id)
	return o.Scope, o.v, err
}

// OpenList implements service.StatusTx.
func (t *Tx) OpenList(ctx context.Context, s service.Scope, issuer string) (service.StoredList, error) {
	o, err := row(ctx, t, false, scanList, `SELECT `+listColumns+` FROM status_list WHERE tenant = $1 AND environment = $2 AND issuer_id = $3 ORDER BY created DESC, id DESC LIMIT 1`,
		s.Tenant, string(s.Environment), issuer)
	return o.v, err
}

type span struct{ first, end int64 }

func scanSpan(r Rows, v *span) error { return r.Scan(&v.first, &v.end) }

// Take implements service.StatusTx. The column before holds what taken was, since
// RETURNING tells only of what is.
func (t *Tx) Take(ctx context.Context, s service.Scope, id string, n int64) (first, count int64, err error) {
	v, err := row(ctx, t, true, scanSpan, `UPDATE status_list SET before = taken, taken = taken + CASE WHEN entries - taken < $1 THEN entries - taken ELSE $1 END
		WHERE tenant = $2 AND environment = $3 AND id = $4 RETURNING before, taken`, max(n, 0), s.Tenant, string(s.Environment), id)
	return v.first, v.end - v.first, err
}

// SetBit implements service.StatusTx.
func (t *Tx) SetBit(ctx context.Context, s service.Scope, id, purpose string, index int64, value bool) error {
	n, err := t.exec(ctx, `UPDATE status_list SET version = version + 1 WHERE tenant = $1 AND environment = $2 AND id = $3`, s.Tenant, string(s.Environment), id)
	if err == nil && n == 0 {
		err = service.ErrNotFound
	}
	if err != nil {
		return err
	}
	sql := `INSERT INTO status_bit (list_id, purpose, place) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	if !value {
		sql = `DELETE FROM status_bit WHERE list_id = $1 AND purpose = $2 AND place = $3`
	}
	return t.later(ctx, sql, id, purpose, index)
}

// LockList implements service.StatusTx.
func (t *Tx) LockList(ctx context.Context, s service.Scope, id string) (service.StoredList, error) {
	o, err := row(ctx, t, true, scanList, `UPDATE status_list SET version = version WHERE tenant = $1 AND environment = $2 AND id = $3 RETURNING `+listColumns,
		s.Tenant, string(s.Environment), id)
	return o.v, err
}

// Bits implements service.StatusTx. They are read before the first is yielded, so that
// others can be asked for in between; a list has at most some hundred thousand.
func (t *Tx) Bits(ctx context.Context, s service.Scope, id, purpose string) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		all, err := rows(ctx, t, false, scanInt, `SELECT b.place FROM status_bit b JOIN status_list l ON l.id = b.list_id
			WHERE b.list_id = $1 AND b.purpose = $2 AND l.tenant = $3 AND l.environment = $4 ORDER BY b.place`, id, purpose, s.Tenant, string(s.Environment))
		if err != nil {
			yield(0, err)
			return
		}
		for _, i := range all {
			if !yield(i, nil) {
				return
			}
		}
	}
}

// Publish implements service.StatusTx.
func (t *Tx) Publish(ctx context.Context, s service.Scope, id, purpose string, p service.Publication) error {
	n, err := t.exec(ctx, `INSERT INTO publication (list_id, purpose, tenant, environment, content, media_type, issued, ends)
		SELECT id, $1, tenant, environment, $2, $3, $4, $5 FROM status_list WHERE tenant = $6 AND environment = $7 AND id = $8
		ON CONFLICT (list_id, purpose) DO UPDATE SET content = excluded.content, media_type = excluded.media_type, issued = excluded.issued, ends = excluded.ends`,
		purpose, string(p.Bytes), p.MediaType, micro(p.Issued), micro(p.Ends), s.Tenant, string(s.Environment), id)
	if err == nil && n == 0 {
		err = service.ErrNotFound
	}
	return err
}

func scanPublication(r Rows, p *service.Publication) error {
	return r.Scan(&p.Bytes, &p.MediaType, scanTime{&p.Issued}, scanTime{&p.Ends})
}

// Published implements service.StatusTx.
func (t *Tx) Published(ctx context.Context, id, purpose string) (service.Publication, error) {
	return row(ctx, t, false, scanPublication, `SELECT content, media_type, issued, ends FROM publication WHERE list_id = $1 AND purpose = $2`, id, purpose)
}

func scanStale(r Rows, v *service.StaleList) error {
	return r.Scan(&v.Tenant, &v.Environment, &v.ID, &v.Purpose)
}

// Stale implements service.StatusTx.
func (t *Tx) Stale(ctx context.Context, before, after time.Time, n int) ([]service.StaleList, error) {
	return rows(ctx, t, false, scanStale, `SELECT tenant, environment, list_id, purpose FROM publication WHERE ends < $1 OR ends > $2 ORDER BY ends, list_id, purpose LIMIT $3`, micro(before), micro(after), int64(n))
}

// AddRows implements service.RowTx.
func (t *Tx) AddRows(ctx context.Context, s service.Scope, batch string, all []service.Row) error {
	args := make([][]any, len(all))
	counts := service.RowCounts{Total: int64(len(all))}
	for i, r := range all {
		args[i] = []any{s.Tenant, string(s.Environment), batch, r.Index, r.State, r.Key, r.CredentialID, r.PublicID, string(r.Body), optional(r.Errors)}
		counts = countRow(counts, r.State, 1)
	}
	n, err := t.execMany(ctx, `INSERT INTO batch_row (tenant, environment, batch, place, state, row_key, credential_id, public_id, body, errors)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`, args)
	if err != nil {
		return err
	}
	for _, n := range n {
		if n == 0 {
			return t.fail(service.ErrExists)
		}
	}
	return t.count(ctx, s, batch, counts)
}

func countRow(c service.RowCounts, state string, by int64) service.RowCounts {
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

func (t *Tx) count(ctx context.Context, s service.Scope, batch string, c service.RowCounts) error {
	return t.later(ctx, `INSERT INTO batch_count (tenant, environment, batch, total, queued, issued, failed) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant, environment, batch) DO UPDATE SET total = batch_count.total + excluded.total, queued = batch_count.queued + excluded.queued,
		issued = batch_count.issued + excluded.issued, failed = batch_count.failed + excluded.failed`,
		s.Tenant, string(s.Environment), batch, c.Total, c.Queued, c.Issued, c.Failed)
}

func scanBatchRow(r Rows, v *service.Row) error {
	var errs *string
	err := r.Scan(&v.Index, &v.State, &v.Key, &v.CredentialID, &v.PublicID, &v.Body, &errs)
	v.Errors = fromOptional(errs)
	return err
}

// Rows implements service.RowTx.
func (t *Tx) Rows(ctx context.Context, s service.Scope, batch, state string, from int64, n int) ([]service.Row, error) {
	var w where
	w.add(`tenant = ? AND environment = ? AND batch = ?`, s.Tenant, string(s.Environment), batch)
	if state != "" {
		w.add(`state = ?`, state)
	}
	w.add(`place >= ?`, from)
	w.put(` ORDER BY place LIMIT ?`, int64(n))
	return rows(ctx, t, false, scanBatchRow, `SELECT place, state, row_key, credential_id, public_id, body, errors FROM batch_row WHERE `+w.sql.String(), w.args...)
}

// SetRows implements service.RowTx.
func (t *Tx) SetRows(ctx context.Context, s service.Scope, batch string, all []service.Row) error {
	args := make([][]any, len(all))
	var counts service.RowCounts
	for i, r := range all {
		args[i] = []any{r.State, string(r.Body), optional(r.Errors), s.Tenant, string(s.Environment), batch, r.Index}
		counts = countRow(countRow(counts, "queued", -1), r.State, 1)
	}
	n, err := t.execMany(ctx, `UPDATE batch_row SET state = $1, body = $2, errors = $3 WHERE tenant = $4 AND environment = $5 AND batch = $6 AND place = $7 AND state = 'queued'`, args)
	if err != nil {
		return err
	}
	for _, n := range n {
		if n == 0 {
			return t.fail(service.ErrConflict)
		}
	}
	return t.count(ctx, s, batch, counts)
}

func scanCounts(r Rows, c *service.RowCounts) error {
	return r.Scan(&c.Total, &c.Queued, &c.Issued, &c.Failed)
}

// CountRows implements service.RowTx.
func (t *Tx) CountRows(ctx context.Context, s service.Scope, batch string) (service.RowCounts, error) {
	c, err := row(ctx, t, false, scanCounts, `SELECT total, queued, issued, failed FROM batch_count WHERE tenant = $1 AND environment = $2 AND batch = $3`,
		s.Tenant, string(s.Environment), batch)
	if errors.Is(err, service.ErrNotFound) {
		err = nil
	}
	return c, err
}

// DeleteRows implements service.RowTx.
func (t *Tx) DeleteRows(ctx context.Context, s service.Scope, batch string) error {
	for _, table := range []string{"batch_row", "batch_count"} {
		if err := t.later(ctx, `DELETE FROM `+table+` WHERE tenant = $1 AND environment = $2 AND batch = $3`, s.Tenant, string(s.Environment), batch); err != nil {
			return err
		}
	}
	return nil
}
