package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chancery-dev/chancery/internal/service"
)

// Querier runs SQL in one transaction. Its errors are already those of package service:
// ErrExists for a unique key, ErrUnavailable where the database cannot be reached or is
// full. Arguments are string, int64 and nil.
type Querier interface {
	// Exec runs a statement and returns how many rows it touched.
	Exec(ctx context.Context, sql string, args ...any) (int64, error)
	// ExecMany runs a statement with several rows of arguments.
	ExecMany(ctx context.Context, sql string, args [][]any) ([]int64, error)
	// Later runs a statement now or at any time before what is called next returns or the
	// transaction commits. That it fails may be seen by the whole transaction alone.
	Later(ctx context.Context, sql string, args ...any) error
	// Query runs a statement that returns rows. They are closed before the next call.
	Query(ctx context.Context, sql string, args ...any) (Rows, error)
	// Enqueue adds a River job in the transaction.
	Enqueue(ctx context.Context, j Job) error
}

// Rows are the rows of a result.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// Tx is a service.Tx over a Querier. It is not safe for concurrent use.
type Tx struct {
	q      Querier
	write  bool
	dead   bool
	failed error
}

var _ service.Tx = (*Tx)(nil)

// NewTx begins. Writing is refused where write is false.
func NewTx(q Querier, write bool) *Tx { return &Tx{q: q, write: write} }

// End ends the use of t. It returns an error of which f may know and yet have returned
// nil, but after which nothing can be committed.
func (t *Tx) End() error {
	t.dead = true
	return t.failed
}

var (
	errDead  = errors.New("store: the transaction has ended")
	errWrite = errors.New("store: writing in a View")
)

// fail remembers an error that leaves the transaction half done.
func (t *Tx) fail(err error) error {
	if err != nil && t.failed == nil {
		t.failed = err
	}
	return err
}

func (t *Tx) ready(ctx context.Context, write bool, args []any) error {
	switch {
	case t.dead:
		return errDead
	case write && !t.write:
		return errWrite
	case t.failed != nil:
		return t.failed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if write && !storable(args) {
		return &service.Error{Code: service.CodeParameter, Detail: "text: expected UTF-8 without NUL"}
	}
	return nil
}

// storable reports whether all text can be stored by both engines.
func storable(args []any) bool {
	for _, a := range args {
		if s, ok := a.(string); ok && (strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s)) {
			return false
		}
	}
	return true
}

// exec, later and many are for statements of which a unique key is no failure (ON
// CONFLICT): any error ends the transaction.
func (t *Tx) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	if err := t.ready(ctx, true, args); err != nil {
		return 0, err
	}
	n, err := t.q.Exec(ctx, sql, args...)
	return n, t.fail(err)
}

func (t *Tx) later(ctx context.Context, sql string, args ...any) error {
	if err := t.ready(ctx, true, args); err != nil {
		return err
	}
	return t.fail(t.q.Later(ctx, sql, args...))
}

func (t *Tx) execMany(ctx context.Context, sql string, args [][]any) ([]int64, error) {
	if len(args) == 0 {
		return nil, nil
	}
	for _, a := range args {
		if err := t.ready(ctx, true, a); err != nil {
			return nil, err
		}
	}
	n, err := t.q.ExecMany(ctx, sql, args)
	return n, t.fail(err)
}

// add runs an INSERT … ON CONFLICT DO NOTHING: ErrExists where nothing was added, after
// which the transaction may go on.
func (t *Tx) add(ctx context.Context, sql string, args ...any) error {
	n, err := t.exec(ctx, sql, args...)
	if err == nil && n == 0 {
		err = service.ErrExists
	}
	return err
}

// rows runs a query and reads every row. write says that it changes something.
func rows[T any](ctx context.Context, t *Tx, write bool, scan func(Rows, *T) error, sql string, args ...any) ([]T, error) {
	if err := t.ready(ctx, write, args); err != nil {
		return nil, err
	}
	if !storable(args) {
		return nil, nil // no stored text is like that
	}
	out, err := read(ctx, t.q, scan, sql, args)
	return out, t.fail(err)
}

func read[T any](ctx context.Context, q Querier, scan func(Rows, *T) error, sql string, args []any) ([]T, error) {
	r, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	var out []T
	for r.Next() {
		var v T
		if err := scan(r, &v); err != nil {
			return nil, errors.Join(fmt.Errorf("store: reading a row: %w", err), r.Close())
		}
		out = append(out, v)
	}
	err = r.Err()
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return out, err
}

// row reads one row, ErrNotFound where there is none.
func row[T any](ctx context.Context, t *Tx, write bool, scan func(Rows, *T) error, sql string, args ...any) (T, error) {
	all, err := rows(ctx, t, write, scan, sql, args...)
	if err == nil && len(all) == 0 {
		err = service.ErrNotFound
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return all[0], nil
}

func scanInt(r Rows, n *int64) error { return r.Scan(n) }

func scanScope(r Rows, s *service.Scope) error { return r.Scan(&s.Tenant, &s.Environment) }

// where collects conditions. In them, ? is the next argument.
type where struct {
	sql  strings.Builder
	args []any
}

func (w *where) add(cond string, args ...any) {
	if w.sql.Len() > 0 {
		w.sql.WriteString(" AND ")
	}
	w.put(cond, args...)
}

func (w *where) put(text string, args ...any) {
	for _, a := range args {
		before, after, _ := strings.Cut(text, "?")
		w.args = append(w.args, a)
		w.sql.WriteString(before + "$" + strconv.Itoa(len(w.args)))
		text = after
	}
	w.sql.WriteString(text)
}

func micro(t time.Time) int64 { return t.UnixMicro() }

func fromMicro(n int64) time.Time { return time.UnixMicro(n).UTC() }

// scanTime scans microseconds.
type scanTime struct{ t *time.Time }

func (s scanTime) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("store: expected a time, found %T", v)
	}
	*s.t = fromMicro(n)
	return nil
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func unb64(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(s) }

// optional is NULL for nil.
func optional(b []byte) any {
	if b == nil {
		return nil
	}
	return string(b)
}

func fromOptional(s *string) []byte {
	if s == nil {
		return nil
	}
	return []byte(*s)
}
