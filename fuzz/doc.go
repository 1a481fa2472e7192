// Package fuzz holds the fuzz targets over what the module exports: its parsers, and
// the verifier. Nothing is exported here. Each target runs by itself:
//
//	go test -fuzz '^FuzzMutate$' -fuzzminimizetime=1x ./fuzz
//
// Seeds are the project's vectors (testvectors.FS), documents issued anew from fixed
// keys, and the files under testdata/fuzz, which plain go test runs as well. What every
// target holds: no panic, no input that takes a second; and, for those that verify,
// that nothing is found valid under a trust file that names the issuers of the seeds
// except what means the same as a seed (meaning_test.go says when that is so).
//
// Internal packages have targets of their own beside them.
package fuzz
