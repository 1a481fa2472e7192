package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"

	"github.com/chancery-dev/chancery/internal/service"
)

// Result codes (sqlite.org/rescode.html). The low byte is the primary one.
const (
	codeBusy, codeLocked, codeNoMem, codeReadOnly, codeInterrupt = 5, 6, 7, 8, 9
	codeIOErr, codeCorrupt, codeFull, codeCantOpen, codeProtocol = 10, 11, 13, 14, 15
	codeNotADB                                                   = 26
	codePrimaryKey, codeUnique, codeRowID                        = 1555, 2067, 2579
)

// mapError puts an error in the words of package service.
func mapError(err error) error {
	var e *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		switch e.Code() {
		case codePrimaryKey, codeUnique, codeRowID:
			return fmt.Errorf("sqlite: %w", service.ErrExists)
		}
		switch e.Code() & 0xff {
		case codeBusy, codeLocked, codeNoMem, codeReadOnly, codeInterrupt, codeIOErr, codeCorrupt, codeFull, codeCantOpen, codeProtocol, codeNotADB:
			return fmt.Errorf("sqlite: %w: %w", service.ErrUnavailable, err)
		}
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone):
		return fmt.Errorf("sqlite: %w: %w", service.ErrUnavailable, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fmt.Errorf("sqlite: %w", err)
}
