package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chancery-dev/chancery/internal/service"
)

// Codes of PostgreSQL (appendix A of its documentation).
const (
	codeUnique        = "23505"
	codeSerialization = "40001"
	codeDeadlock      = "40P01"
)

// classes are those of which another attempt may go well: the connection, resources (a
// full disk), an operator who stops the server, the system, and what the server does when
// it waits too long or has become a standby.
var classes = []string{"08", "53", "57", "58", "55P03", "25P03", "25006"}

// mapError puts an error in the words of package service. A statement's text and values
// are not in it.
func mapError(err error) error {
	if err == nil {
		return nil
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		if errors.Is(err, context.Canceled) {
			return err
		}
		return fmt.Errorf("postgres: %w: %w", service.ErrUnavailable, err)
	}
	if e.Code == codeUnique {
		return fmt.Errorf("postgres: %w", service.ErrExists)
	}
	for _, c := range classes {
		if strings.HasPrefix(e.Code, c) {
			return fmt.Errorf("postgres: %w: %s (%s)", service.ErrUnavailable, e.Message, e.Code)
		}
	}
	if e.Code == codeSerialization || e.Code == codeDeadlock {
		return errAgain
	}
	return fmt.Errorf("postgres: %s (%s)", e.Message, e.Code)
}

// errAgain is a transaction that met another one and is run again; that it does so every
// time is a conflict.
var errAgain = fmt.Errorf("postgres: met another transaction: %w", service.ErrConflict)

func again(err error) bool { return errors.Is(err, errAgain) }

// hasPoolSize reports whether a data source name says how many connections there are.
func hasPoolSize(dsn string) bool { return strings.Contains(dsn, "pool_max_conns") }
