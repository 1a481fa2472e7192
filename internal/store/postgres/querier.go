package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"

	"github.com/chancery-dev/chancery/internal/store"
)

// querier is a store.Querier in a transaction that begins with its first statement.
type querier struct {
	conn  *pgx.Conn
	begin string // "": plain begin
	plain bool   // statements run once and are not prepared
	open  bool
	batch pgx.Batch // waits for the next round trip
	jobs  *river.Client[pgx.Tx]
}

// send sends what waits and returns the results from which the last is to be read.
func (q *querier) send(ctx context.Context, last func(*pgx.Batch)) (pgx.BatchResults, error) {
	var b pgx.Batch
	begin := q.begin
	if begin == "" {
		begin = "begin"
	}
	skip := len(q.batch.QueuedQueries)
	if !q.open {
		b.Queue(begin)
		skip++
	}
	b.QueuedQueries = append(b.QueuedQueries, q.batch.QueuedQueries...)
	q.batch = pgx.Batch{}
	if last != nil {
		last(&b)
	}
	if len(b.QueuedQueries) == 0 {
		return nil, nil
	}
	q.open = true
	r := q.conn.SendBatch(ctx, &b)
	for range skip {
		if _, err := r.Exec(); err != nil {
			r.Close() //nolint:errcheck // the first error is the one
			return nil, mapError(err)
		}
	}
	return r, nil
}

// flush sends what waits.
func (q *querier) flush(ctx context.Context) error {
	if q.open && len(q.batch.QueuedQueries) == 0 {
		return nil
	}
	r, err := q.send(ctx, nil)
	if err != nil || r == nil {
		return err
	}
	return mapError(r.Close())
}

// Exec implements store.Querier.
func (q *querier) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	n, err := q.ExecMany(ctx, sql, [][]any{args})
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

// part bounds how many statements are sent at once.
const part = 500

// ExecMany implements store.Querier.
func (q *querier) ExecMany(ctx context.Context, sql string, args [][]any) ([]int64, error) {
	if q.plain {
		return q.execPlain(ctx, sql, args)
	}
	out := make([]int64, 0, len(args))
	for len(args) > 0 {
		now := args[:min(part, len(args))]
		args = args[len(now):]
		r, err := q.send(ctx, func(b *pgx.Batch) {
			for _, a := range now {
				b.Queue(sql, a...)
			}
		})
		if err != nil {
			return nil, err
		}
		for range now {
			tag, err := r.Exec()
			if err != nil {
				r.Close() //nolint:errcheck // the first error is the one
				return nil, mapError(err)
			}
			out = append(out, tag.RowsAffected())
		}
		if err := r.Close(); err != nil {
			return nil, mapError(err)
		}
	}
	return out, nil
}

func (q *querier) execPlain(ctx context.Context, sql string, args [][]any) ([]int64, error) {
	var out []int64
	if err := q.flush(ctx); err != nil {
		return nil, err
	}
	for _, a := range args {
		tag, err := q.conn.Exec(ctx, sql, append([]any{pgx.QueryExecModeExec}, a...)...)
		if err != nil {
			return nil, mapError(err)
		}
		out = append(out, tag.RowsAffected())
	}
	return out, nil
}

// Later implements store.Querier.
func (q *querier) Later(ctx context.Context, sql string, args ...any) error {
	q.batch.Queue(sql, args...)
	if len(q.batch.QueuedQueries) >= part {
		return q.flush(ctx)
	}
	return nil
}

// rows are rows at the end of a batch.
type rows struct {
	pgx.Rows
	batch pgx.BatchResults
}

func (r *rows) Err() error { return mapError(r.Rows.Err()) }

func (r *rows) Close() error {
	r.Rows.Close()
	return mapError(errors.Join(r.Rows.Err(), r.batch.Close()))
}

// Query implements store.Querier.
func (q *querier) Query(ctx context.Context, sql string, args ...any) (store.Rows, error) {
	r, err := q.send(ctx, func(b *pgx.Batch) { b.Queue(sql, args...) })
	if err != nil {
		return nil, err
	}
	all, err := r.Query()
	if err != nil {
		return nil, errors.Join(mapError(err), r.Close())
	}
	return &rows{all, r}, nil
}

// commit sends what waits and COMMIT in one round trip: where something fails, the server
// does not come to the COMMIT.
func (q *querier) commit(ctx context.Context) error {
	if !q.open && len(q.batch.QueuedQueries) == 0 {
		return nil
	}
	r, err := q.send(ctx, func(b *pgx.Batch) { b.Queue("commit") })
	if err != nil {
		return err
	}
	tag, err := r.Exec()
	if err == nil && tag.String() != "COMMIT" {
		err = errors.New("the transaction was rolled back")
	}
	return mapError(errors.Join(err, r.Close()))
}

// rollback takes back what was written. The connection is closed where that is not known.
func (q *querier) rollback(ctx context.Context) error {
	q.batch = pgx.Batch{}
	if q.conn.IsClosed() || q.conn.PgConn().TxStatus() == 'I' {
		return nil
	}
	_, err := q.conn.Exec(ctx, "rollback")
	return mapError(err)
}

// Enqueue implements store.Querier.
func (q *querier) Enqueue(ctx context.Context, j store.Job) error {
	_, err := q.jobs.InsertTx(ctx, &riverTx{q: q}, j.Args, j.Options())
	return mapError(err)
}

// riverTx shows River the transaction: what waits goes before what River sends. Of the
// methods of pgx.Tx, River uses these.
type riverTx struct {
	pgx.Tx
	q *querier
}

func (t *riverTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := t.q.flush(ctx); err != nil {
		return pgconn.CommandTag{}, err
	}
	return t.q.conn.Exec(ctx, sql, args...)
}

func (t *riverTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := t.q.flush(ctx); err != nil {
		return nil, err
	}
	return t.q.conn.Query(ctx, sql, args...)
}

func (t *riverTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := t.q.flush(ctx); err != nil {
		return failedRow{err}
	}
	return t.q.conn.QueryRow(ctx, sql, args...)
}

func (t *riverTx) Conn() *pgx.Conn { return t.q.conn }

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }
