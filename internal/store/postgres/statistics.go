package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// outgrown are tables with more than three times the rows that the planner knows of. In a new
// database, or one that was restored, they are tables that it takes for nearly empty: every
// index serves as well as another then, so that it finds a record by its id by reading all
// records of a kind, and connections keep that plan. The server's own look at statistics comes
// after a minute or more, in which a batch that tells some webhooks adds tens of thousands.
const outgrown = `SELECT quote_ident(s.schemaname) || '.' || quote_ident(s.relname) FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
	WHERE s.schemaname = current_schema() AND s.n_live_tup > $1 AND s.n_live_tup > 3 * greatest(c.reltuples, 0) ORDER BY 1`

const (
	fewRows     = 300 // with which no plan is a bad one
	analyzeTime = time.Minute
)

// gatherStatistics has the server look at tables that have outgrown its statistics. Nothing
// waits for it, and another process that does the same is not waited for. A role that does
// not own the tables leaves it to the server.
func (w *watch) gatherStatistics(ctx context.Context) error {
	ctx, end := context.WithTimeout(ctx, analyzeTime)
	defer end()
	found, err := w.s.pool.Query(ctx, outgrown, fewRows)
	if err != nil {
		return mapError(err)
	}
	tables, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return mapError(err)
	}
	var faults error
	for _, t := range tables {
		if _, err := w.s.pool.Exec(ctx, "ANALYZE (SKIP_LOCKED) "+t); err != nil {
			faults = errors.Join(faults, mapError(err))
		}
	}
	return faults
}
