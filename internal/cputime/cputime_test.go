package cputime

import (
	"runtime"
	"testing"
	"time"
)

// TestSince: work counts, waiting does not.
func TestSince(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "js" {
		t.Skip("no processor time is to be had on " + runtime.GOOS)
	}
	began := Now()
	time.Sleep(200 * time.Millisecond)
	if took := Since(began); took > 100*time.Millisecond {
		t.Errorf("waiting took %v", took)
	}
	began = Now()
	for at := time.Now(); Since(began) < 20*time.Millisecond; {
		if time.Since(at) > time.Minute {
			t.Fatalf("a minute of work took %v", Since(began))
		}
	}
}
