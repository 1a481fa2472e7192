// Command performance turns the output of benchmarks into docs/performance.md:
//
//	go test -run '^$' -bench Target -count 5 ./... | go run ./internal/performance > docs/performance.md
//
// A benchmark that proves a target reports what it measured and the limit in one unit:
// x_raw and x_limit (times the raw operation in the same run), ms_op and ms_limit, µs_op
// and µs_limit, kB_op and kB_limit, live_MB and MB_limit, x_speedup and x_limit, where more
// is better. Of several runs the median counts. It exits with 1 when the input holds a
// failed benchmark, and with 0 whether or not targets are met: timing never gates.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	r, err := read(in)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, r.page())
	return err
}

// benchmark is one benchmark with every value of every metric, in the order in which
// metrics were first seen.
type benchmark struct {
	pkg, name string
	runs      int
	metrics   []string
	values    map[string][]float64
}

type report struct {
	machine    []string // goos, goarch, cpu
	benchmarks []*benchmark
}

// read parses the text of go test -bench (golang.org/design/14313-benchmark-format).
func read(in io.Reader) (*report, error) {
	r := &report{}
	index := map[string]*benchmark{}
	pkg := ""
	var failed []string
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		key, value, _ := strings.Cut(line, ": ")
		switch {
		case key == "pkg":
			pkg = value
		case key == "goos" || key == "goarch" || key == "cpu":
			if entry := key + " " + value; !slices.Contains(r.machine, entry) {
				r.machine = append(r.machine, entry)
			}
		case strings.HasPrefix(line, "--- FAIL") || strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "panic:"):
			failed = append(failed, strings.TrimSpace(line))
		case strings.HasPrefix(line, "Benchmark"):
			name, values, ok := parseLine(line)
			if !ok {
				continue // the name alone, before its benchmark logs
			}
			b := index[pkg+" "+name]
			if b == nil {
				b = &benchmark{pkg: pkg, name: name, values: map[string][]float64{}}
				index[pkg+" "+name], r.benchmarks = b, append(r.benchmarks, b)
			}
			b.runs++
			for _, v := range values {
				if b.values[v.unit] == nil {
					b.metrics = append(b.metrics, v.unit)
				}
				b.values[v.unit] = append(b.values[v.unit], v.value)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("performance: %w", err)
	}
	if len(failed) > 0 {
		return nil, fmt.Errorf("performance: expected benchmarks that pass, found %s", strings.Join(failed, "; "))
	}
	if len(r.benchmarks) == 0 {
		return nil, fmt.Errorf("performance: expected the output of go test -bench on standard input, found no benchmark in it")
	}
	return r, nil
}

type measure struct {
	value float64
	unit  string
}

// parseLine reads "BenchmarkX-2 100 12 ns/op 3.1 x_raw". The number of processors is
// cut from the name.
func parseLine(line string) (name string, values []measure, ok bool) {
	f := strings.Fields(line)
	if len(f) < 4 || len(f)%2 != 0 {
		return "", nil, false
	}
	if _, err := strconv.Atoi(f[1]); err != nil {
		return "", nil, false
	}
	name = f[0]
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		if _, err := strconv.Atoi(name[i+1:]); err == nil {
			name = name[:i]
		}
	}
	for i := 2; i < len(f); i += 2 {
		v, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			return "", nil, false
		}
		values = append(values, measure{v, f[i+1]})
	}
	return name, values, true
}

// median of the values of a metric; ok is false where there are none.
func (b *benchmark) median(unit string) (m float64, ok bool) {
	v := slices.Sorted(slices.Values(b.values[unit]))
	switch n := len(v); {
	case n == 0:
		return 0, false
	case n%2 == 1:
		return v[n/2], true
	default:
		return (v[n/2-1] + v[n/2]) / 2, true
	}
}
