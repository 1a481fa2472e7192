//go:build !unix

package sqlite

import (
	"errors"
	"os"
)

var errLocked = errors.New("sqlite: another process does jobs")

// lockFile locks nothing here: where several processes do jobs on one file, some run twice.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
