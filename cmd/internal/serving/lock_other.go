//go:build !unix

package serving

import (
	"errors"
	"os"
)

var errLocked = errors.New("another process holds it")

// lockFile locks nothing here: that one process serves from a directory is the operator's care.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
