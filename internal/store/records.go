package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/keyset"
)

const recordColumns = `kind, id, parent, lookup, created, updated, version, body`

func scanRecord(r Rows, v *service.Record) error {
	return r.Scan(&v.Kind, &v.ID, &v.Parent, &v.Lookup, scanTime{&v.Created}, scanTime{&v.Updated}, &v.Version, &v.Body)
}

// owned is something with its scope.
type owned[T any] struct {
	service.Scope
	v T
}

func scanOwnedRecord(r Rows, o *owned[service.Record]) error {
	v := &o.v
	return r.Scan(&o.Tenant, &o.Environment, &v.Kind, &v.ID, &v.Parent, &v.Lookup, scanTime{&v.Created}, scanTime{&v.Updated}, &v.Version, &v.Body)
}

// Get implements service.Records.
func (t *Tx) Get(ctx context.Context, s service.Scope, k service.Kind, id string) (service.Record, error) {
	return row(ctx, t, false, scanRecord, `SELECT `+recordColumns+` FROM record WHERE tenant = $1 AND environment = $2 AND kind = $3 AND id = $4`,
		s.Tenant, string(s.Environment), string(k), id)
}

// Find implements service.Records.
func (t *Tx) Find(ctx context.Context, k service.Kind, lookup string) (service.Scope, service.Record, error) {
	o, err := row(ctx, t, false, scanOwnedRecord, `SELECT tenant, environment, `+recordColumns+` FROM record WHERE kind = $1 AND lookup = $2 AND lookup <> ''`,
		string(k), lookup)
	return o.Scope, o.v, err
}

const insertRecord = `INSERT INTO record (tenant, environment, ` + recordColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9) ON CONFLICT DO NOTHING`

// Put implements service.Records.
func (t *Tx) Put(ctx context.Context, s service.Scope, r service.Record) error {
	if r.Version == 0 {
		return t.add(ctx, insertRecord, s.Tenant, string(s.Environment), string(r.Kind), r.ID, r.Parent, r.Lookup, micro(r.Created), micro(r.Updated), string(r.Body))
	}
	n, err := t.exec(ctx, `UPDATE record SET parent = $1, lookup = $2, updated = $3, version = version + 1, body = $4
		WHERE tenant = $5 AND environment = $6 AND kind = $7 AND id = $8 AND version = $9`,
		r.Parent, r.Lookup, micro(r.Updated), string(r.Body), s.Tenant, string(s.Environment), string(r.Kind), r.ID, r.Version)
	if err != nil || n == 1 {
		return err
	}
	if _, err := t.Get(ctx, s, r.Kind, r.ID); err != nil {
		return err
	}
	return service.ErrConflict
}

// PutNew implements service.Records.
func (t *Tx) PutNew(ctx context.Context, s service.Scope, r service.Record) error {
	return t.later(ctx, insertRecord, s.Tenant, string(s.Environment), string(r.Kind), r.ID, r.Parent, r.Lookup, micro(r.Created), micro(r.Updated), string(r.Body))
}

// Delete implements service.Records.
func (t *Tx) Delete(ctx context.Context, s service.Scope, k service.Kind, id string) error {
	n, err := t.exec(ctx, `DELETE FROM record WHERE tenant = $1 AND environment = $2 AND kind = $3 AND id = $4`, s.Tenant, string(s.Environment), string(k), id)
	if err == nil && n == 0 {
		err = service.ErrNotFound
	}
	return err
}

// List implements service.Records.
func (t *Tx) List(ctx context.Context, s service.Scope, k service.Kind, parent *string, p service.Page) (service.List[service.Record], error) {
	var w where
	w.add(`tenant = ? AND environment = ? AND kind = ?`, s.Tenant, string(s.Environment), string(k))
	if parent != nil {
		if *parent != "" {
			w.add(`parent <> ''`) // so that the index of those that have one can be used
		}
		w.add(`parent = ?`, *parent)
	}
	return list(ctx, t, listing[service.Record]{
		table: "record", columns: recordColumns, at: "created", id: "id", scan: scanRecord, name: keyset.Records(s, k, parent),
		place: func(r service.Record) keyset.Place { return keyset.Place{At: micro(r.Created), ID: r.ID} },
	}, &w, p)
}

// GetList implements service.Records.
func (t *Tx) GetList(ctx context.Context, s service.Scope, k service.Kind, id string, listed service.Kind) (service.Record, []service.Record, error) {
	all, err := rows(ctx, t, false, scanRecord, `SELECT `+recordColumns+` FROM record WHERE tenant = $1 AND environment = $2 AND kind = $3 AND id = $4
		UNION ALL SELECT `+recordColumns+` FROM (SELECT `+recordColumns+` FROM record WHERE tenant = $5 AND environment = $6 AND kind = $7 ORDER BY created DESC, id DESC LIMIT $8) AS newest`,
		s.Tenant, string(s.Environment), string(k), id, s.Tenant, string(s.Environment), string(listed), int64(service.MaxLimit))
	if err != nil {
		return service.Record{}, nil, err
	}
	for i, r := range all {
		if r.Kind == k && r.ID == id {
			return r, slices.Delete(all, i, i+1), nil
		}
	}
	return service.Record{}, nil, service.ErrNotFound
}

// Scopes implements service.Records.
func (t *Tx) Scopes(ctx context.Context, k service.Kind) ([]service.Scope, error) {
	return rows(ctx, t, false, scanScope, `SELECT DISTINCT tenant, environment FROM record WHERE kind = $1 ORDER BY tenant, environment`, string(k))
}

// listing describes a list that is read by pages.
type listing[T any] struct {
	table, columns string
	at, id         string // columns of the order, id "" where at is unique
	oldest         bool   // first
	scan           func(Rows, *T) error
	place          func(T) keyset.Place
	name           []string
}

func list[T any](ctx context.Context, t *Tx, l listing[T], w *where, p service.Page) (service.List[T], error) {
	out := service.List[T]{Items: []T{}, Total: -1}
	after, ok, err := keyset.Decode(p.Cursor, l.name...)
	if err != nil {
		return out, err
	}
	if p.WithTotal {
		n, err := row(ctx, t, false, scanInt, `SELECT count(*) FROM `+l.table+` WHERE `+w.sql.String(), w.args...)
		if err != nil && !errors.Is(err, service.ErrNotFound) {
			return out, err
		}
		out.Total = n
	}
	sign, order := "<", "DESC"
	if l.oldest {
		sign, order = ">", "ASC"
	}
	switch {
	case ok && l.id != "":
		w.add(fmt.Sprintf(`(%s, %s) %s (?, ?)`, l.at, l.id, sign), after.At, after.ID)
	case ok:
		w.add(fmt.Sprintf(`%s %s ?`, l.at, sign), after.At)
	}
	w.put(` ORDER BY ` + l.at + ` ` + order)
	if l.id != "" {
		w.put(`, ` + l.id + ` ` + order)
	}
	w.put(` LIMIT ?`, int64(p.Size()+1))
	items, err := rows(ctx, t, false, l.scan, `SELECT `+l.columns+` FROM `+l.table+` WHERE `+w.sql.String(), w.args...)
	if err != nil {
		return out, err
	}
	if n := p.Size(); len(items) > n {
		items = items[:n]
		out.Next = keyset.Encode(l.place(items[n-1]), l.name...)
	}
	out.Items = append(out.Items, items...)
	return out, nil
}

func scanAnswer(r Rows, a *service.Answer) error {
	var digest string
	if err := r.Scan(&digest, &a.Body, scanTime{&a.Expires}); err != nil {
		return err
	}
	b, err := unb64(digest)
	if err == nil && len(b) != len(a.Digest) {
		err = fmt.Errorf("expected a digest of %d bytes, found %d", len(a.Digest), len(b))
	}
	copy(a.Digest[:], b)
	return err
}

// Recall implements service.Tx.
func (t *Tx) Recall(ctx context.Context, s service.Scope, route, key string, now time.Time) (service.Answer, error) {
	return row(ctx, t, false, scanAnswer, `SELECT digest, body, expires FROM answer WHERE tenant = $1 AND environment = $2 AND route = $3 AND idempotency_key = $4 AND expires > $5`,
		s.Tenant, string(s.Environment), route, key, micro(now))
}

// Remember implements service.Tx.
func (t *Tx) Remember(ctx context.Context, s service.Scope, route, key string, a service.Answer, now time.Time) error {
	return t.add(ctx, `INSERT INTO answer (tenant, environment, route, idempotency_key, digest, body, expires) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant, environment, route, idempotency_key) DO UPDATE SET digest = excluded.digest, body = excluded.body, expires = excluded.expires
		WHERE answer.expires <= $8`,
		s.Tenant, string(s.Environment), route, key, b64(a.Digest[:]), string(a.Body), micro(a.Expires), micro(now))
}

// Forget implements service.Tx.
func (t *Tx) Forget(ctx context.Context, now time.Time, n int) (int, error) {
	count, err := t.exec(ctx, `DELETE FROM answer WHERE (tenant, environment, route, idempotency_key) IN
		(SELECT tenant, environment, route, idempotency_key FROM answer WHERE expires <= $1 ORDER BY expires LIMIT $2)`, micro(now), int64(n))
	return int(count), err
}
