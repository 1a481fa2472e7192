// Package cputime measures what tests and benchmarks cost by the processor time of their
// process, which does not grow while the machine is busy with something else. It counts
// all that the process does meanwhile, the collector's work too.
//
//	began := cputime.Now()
//	…
//	took := cputime.Since(began)
package cputime

import "time"

// Since is the processor time that the process has used since Now returned began.
func Since(began time.Duration) time.Duration { return Now() - began }
