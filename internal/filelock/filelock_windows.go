package filelock

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// Take opens a file, which is made where it is not there, with a lock (LockFileEx) that ends
// when it is closed or the process ends. It does not wait: a lock that is taken is ErrHeld.
// Other errors are those of package os.
func Take(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	// Whoever has not the lock may not even read what is locked. One byte is, where no file
	// reaches: what the holder wrote about itself can be read.
	at := windows.Overlapped{Offset: math.MaxUint32, OffsetHigh: math.MaxInt32 - 1}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if err != nil {
		if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			err = ErrHeld
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
