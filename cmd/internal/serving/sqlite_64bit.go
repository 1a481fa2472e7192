//go:build !(386 || arm || mips || mipsle)

package serving

import (
	"context"

	"github.com/chancery-dev/chancery/internal/store/sqlite"
)

// OpenSQLite opens the store in one file.
func OpenSQLite(ctx context.Context, c SQLiteConfig) (SQLite, error) {
	st, err := sqlite.Open(ctx, sqlite.Config{Path: c.Path, Now: c.Now, Alone: c.Alone, Logger: c.Logger})
	if err != nil {
		return nil, err
	}
	return st, nil
}
