//go:build unix

package pades_test

import (
	"syscall"
	"time"
)

// cpuTime is the processor time the process has used, which other processes do not disturb.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
