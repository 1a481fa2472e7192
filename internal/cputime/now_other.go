//go:build !unix

package cputime

import "time"

var began = time.Now()

// Now is the time that has passed, where processor time is not to be had.
func Now() time.Duration { return time.Since(began) }
