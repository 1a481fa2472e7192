//go:build !unix

package pades_test

import "time"

var began = time.Now()

// cpuTime is the time that passed, where processor time is not to be had.
func cpuTime() time.Duration { return time.Since(began) }
