//go:build 386 || arm || mips || mipsle

package serving

import (
	"context"
	"errors"
)

// OpenSQLite is refused: the queue of jobs that the store builds on does not compile where an
// int has 32 bits. All else does, so that documents can be verified there.
func OpenSQLite(context.Context, SQLiteConfig) (SQLite, error) {
	return nil, &HintError{errors.New("expected a processor of 64 bits for the service on SQLite, found one of 32"),
		"use PostgreSQL (database.postgres), or another machine; everything but the service works here"}
}
