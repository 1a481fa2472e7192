package sqlite

import (
	"context"
	"database/sql"
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

	tx       *sql.Tx
	jobs     *river.Client[*sql.Tx]
	enqueued bool // a job, which may have been rolled back
}

func (q *querier) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	st := q.stmts[text]
	if st != nil {
		return st, nil
	}
	st, err := q.prepare(ctx, text)
	if err != nil {
		return nil, mapError(err)
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
	res, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, mapError(err)
	}
	return res.RowsAffected()
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
type rows struct{ *sql.Rows }

func (r rows) Err() error { return mapError(r.Rows.Err()) }

// Query implements store.Querier.
func (q *querier) Query(ctx context.Context, text string, args ...any) (store.Rows, error) {
	ctx = context.WithoutCancel(ctx)
	st, err := q.stmt(ctx, text)
	if err != nil {
		return nil, err
	}
	r, err := st.QueryContext(ctx, args...)
	if err != nil {
		return nil, mapError(err)
	}
	return rows{r}, nil
}

// Enqueue implements store.Querier.
func (q *querier) Enqueue(ctx context.Context, j store.Job) error {
	q.enqueued = true
	_, err := q.jobs.InsertTx(context.WithoutCancel(ctx), q.tx, j.Args, j.Options())
	return mapError(err)
}
