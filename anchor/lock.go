package anchor

import (
	"errors"
	"fmt"
	"os"

	"github.com/chancery-dev/chancery/internal/filelock"
)

// lockFile takes a lock that ends when the file is closed or the process ends.
func lockFile(path string) (*os.File, error) {
	f, err := filelock.Take(path)
	if errors.Is(err, filelock.ErrHeld) {
		err = fmt.Errorf("%w: %s", ErrLocked, path)
	}
	return f, err
}
