package main

import (
	"bytes"
	"strings"
	"testing"
)

const output = `goos: linux
goarch: amd64
pkg: github.com/chancery-dev/chancery/proof
cpu: A Processor
BenchmarkTargetVerify-2         	     200	    186000 ns/op	        60.00 kB_limit	        40.10 kB_op	         4.000 x_limit	         3.100 x_raw
BenchmarkTargetVerify-2         	     200	    186000 ns/op	        60.00 kB_limit	        40.30 kB_op	         4.000 x_limit	         9.900 x_raw
BenchmarkTargetVerify-2         	     200	    186000 ns/op	        60.00 kB_limit	        40.20 kB_op	         4.000 x_limit	         3.300 x_raw
PASS
ok  	github.com/chancery-dev/chancery/proof	1.2s
pkg: github.com/chancery-dev/chancery/internal/pdf
BenchmarkTargetUpdate/50MB-2    	       3	 120000000 ns/op	       100.0 ms_limit	       120.0 ms_op	        30.00 ms_raw
BenchmarkTargetBuild            	       1	 120000000 ns/op	        80.00 MB_limit	        79.00 live_MB
BenchmarkTargetLogs-2
    x_test.go:3: a line of a log
BenchmarkTargetLogs-2           	      10	      1000 ns/op	        20.00 µs_limit	        20.00 µs_op
BenchmarkTargetLost-2           	      10	      1000 ns/op	        20.00 kB_limit
BenchmarkTargetFree-2           	      10	      1000 ns/op	       0.01230 x_raw
pkg: github.com/chancery-dev/chancery
BenchmarkTargetAll-2            	       1	      1000 ns/op	         1.800 x_limit	         1.790 x_speedup	         2.000 x_raw
`

func TestPage(t *testing.T) {
	var out bytes.Buffer
	if err := run(strings.NewReader(output), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Taken on: goos linux, goarch amd64, cpu A Processor. Runs of each: 1 to 3.",
		"4 of 6 targets met.",
		"| `proof` Verify | x_raw | 3.3 | ≤ 4 | yes |",
		"| `proof` Verify | kB_op | 40.2 | ≤ 60 | yes |  |",
		"| `internal/pdf` Update/50MB | ms_op | 120 | ≤ 100 | **no** |",
		"| `internal/pdf` Build | live_MB | 79 | ≤ 80 | yes |",
		"| `internal/pdf` Logs | µs_op | 20 | ≤ 20 | yes |",
		"| `.` All | x_speedup | 1.79 | ≥ 1.8 | **no** |",
		"- `internal/pdf` Lost has a limit `kB_limit` and nothing measured against it",
		"- `internal/pdf` Free, without a limit: 1000 ns/op, 0.0123 x_raw",
		"    go test -run '^$' -bench '^BenchmarkTargetUpdate$' -count 5 ./internal/pdf\n",
		"    go test -run '^$' -bench '^BenchmarkTargetAll$' -count 5 .\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("expected %q in\n%s", want, out.String())
		}
	}
}

func TestRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":           "",
		"no benchmark":      "ok  \tx\t0.1s\n",
		"a failed one":      output + "--- FAIL: BenchmarkTargetX\n    x_test.go:1: no\nFAIL\n",
		"a panic":           "BenchmarkX 1 2 ns/op\npanic: no\n",
		"a failed build":    "BenchmarkX 1 2 ns/op\nFAIL\tx [build failed]\n",
		"values only":       "BenchmarkX 1 2\n",
		"a count in words":  "BenchmarkX one 2 ns/op\n",
		"a value in words":  "BenchmarkX 1 two ns/op\n",
		"an odd one in the": "BenchmarkX 1 2 ns/op 3\n",
	} {
		var out bytes.Buffer
		if err := run(strings.NewReader(in), &out); err == nil || out.Len() > 0 {
			t.Errorf("%s: accepted, or half a page: %v", name, err)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 3.0999: "3.1", 12.345: "12.3", 123.9: "124", 0.01234: "0.0123", 186000: "186000", 60: "60", -2.5: "-2.5", 0.0000001: "0"} {
		if got := number(v); got != want {
			t.Errorf("%v: expected %s, found %s", v, want, got)
		}
	}
}
