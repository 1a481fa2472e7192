//go:build !race

package rdfc

const raceEnabled = false
