package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/riverqueue/river"

	"github.com/chancery-dev/chancery/internal/store"
)

// querier is a store.Querier on one connection. Statements are prepared once for each
// connection. The context goes no further: the driver would start a goroutine for each
// statement to interrupt it, which would end the whole group's transaction.
type querier struct {
	prepare func(context.Context, string) (*sql.Stmt, error)
	stmts   map[string]*sql.Stmt
	missed  func(string) // told of statements that were not prepared yet

	mapped, lost bool // see guard

	tx       *sql.Tx
	jobs     *river.Client[*sql.Tx]
	enqueued map[string]struct{} // queues of jobs, which may have been rolled back
}

func (q *querier) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	st := q.stmts[text]
	if st != nil {
		return st, nil
	}
	err := q.guard(func() (err error) {
		st, err = q.prepare(ctx, text)
		return err
	})
	if err != nil {
		return nil, err
	}
	q.stmts[text] = st
	if q.missed != nil {
		q.missed(text)
	}
	return st, nil
}

// preparing prepares statements on a connection or in a transaction.
func preparing(on interface {
	PrepareContext(context.Context, string) (*sql.Stmt, error)
}) func(context.Context, string) (*sql.Stmt, error) {
	return func(ctx context.Context, text string) (*sql.Stmt, error) {
		return on.PrepareContext(ctx, positional(text))
	}
}

// positional writes ? for $1, $2 and so on, where they stand in this order, each once. To
// SQLite $1 is a name, which it looks up among all of a statement's for each value that is
// bound: of a statement with some hundred values that took most of the time.
func positional(text string) string {
	var b strings.Builder
	rest := text
	for n := 1; ; n++ {
		i := strings.IndexByte(rest, '$')
		if i < 0 {
			return b.String() + rest
		}
		name := rest[i:]
		if end := strings.IndexFunc(name[1:], func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			name = name[:end+1]
		}
		if name != "$"+strconv.Itoa(n) {
			return text
		}
		b.WriteString(rest[:i])
		b.WriteByte('?')
		rest = rest[i+len(name):]
	}
}

// Exec implements store.Querier.
func (q *querier) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	ctx = context.WithoutCancel(ctx)
	st, err := q.stmt(ctx, text)
	if err != nil {
		return 0, err
	}
	var n int64
	err = q.guard(func() error {
		res, err := st.ExecContext(ctx, args...)
		if err == nil {
			n, err = res.RowsAffected()
		}
		return err
	})
	return n, err
}

// ExecMany implements store.Querier.
func (q *querier) ExecMany(ctx context.Context, text string, args [][]any) ([]int64, error) {
	out := make([]int64, len(args))
	for i := range args {
		var err error
		if out[i], err = q.Exec(ctx, text, args[i]...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Later implements store.Querier.
func (q *querier) Later(ctx context.Context, text string, args ...any) error {
	_, err := q.Exec(ctx, text, args...)
	return err
}

// rows are rows whose errors are in our words.
type rows struct {
	*sql.Rows
	q    *querier
	lost error
}

func (r *rows) Next() (more bool) {
	r.lost = r.q.guard(func() error {
		more = r.Rows.Next()
		return nil
	})
	return more && r.lost == nil
}

func (r *rows) Err() error {
	if r.lost != nil {
		return r.lost
	}
	return mapError(r.Rows.Err())
}

func (r *rows) Close() error { return r.q.guard(r.Rows.Close) }

// Query implements store.Querier.
func (q *querier) Query(ctx context.Context, text string, args ...any) (store.Rows, error) {
	ctx = context.WithoutCancel(ctx)
	st, err := q.stmt(ctx, text)
	if err != nil {
		return nil, err
	}
	r := &rows{q: q}
	err = q.guard(func() (err error) {
		r.Rows, err = st.QueryContext(ctx, args...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// pragma runs a PRAGMA that answers with a row.
func (q *querier) pragma(ctx context.Context, text string) error {
	r, err := q.Query(ctx, text)
	if err != nil {
		return err
	}
	r.Next()
	return errors.Join(r.Err(), r.Close())
}

// Enqueue implements store.Querier.
func (q *querier) Enqueue(ctx context.Context, j store.Job) error {
	r, err := q.jobs.InsertTx(context.WithoutCancel(ctx), q.tx, j.Args, j.Options())
	if err != nil {
		return mapError(err)
	}
	if q.enqueued == nil {
		q.enqueued = map[string]struct{}{}
	}
	q.enqueued[r.Job.Queue] = struct{}{}
	return nil
}
