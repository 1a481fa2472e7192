//go:build race

package rdfc

// raceEnabled: the race detector multiplies times and adds allocations, so bounds on
// them are checked without it.
const raceEnabled = true
