//go:build !unix

package anchor

import (
	"errors"
	"fmt"
	"os"
)

// lockFile makes a file that must not exist yet. After a crash it has to be removed by
// hand, as the error says.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%w: remove %s if no such process runs", ErrLocked, path)
	}
	return f, err
}

func unlockFile(f *os.File) error {
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
