//go:build race

package verifier_test

// raceEnabled: the race detector makes everything several times slower.
const raceEnabled = true
