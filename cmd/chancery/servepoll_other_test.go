//go:build !unix

package main

import (
	"testing"
	"time"
)

// poll is load where connections cannot be looked at without waiting.
func poll(t testing.TB, addr string, callers int, d time.Duration, request []byte) int {
	_, took := load(t, addr, callers, d, 0, 200, func(int64) []byte { return request })
	return len(took)
}
