//go:build unix

package cputime

import (
	"syscall"
	"time"
)

// Now is the processor time that the process has used, of user and system.
func Now() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // with these arguments it cannot fail
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
