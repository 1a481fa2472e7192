package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// target is one limit of a benchmark.
type target struct {
	metric  string
	value   float64
	limit   float64
	atLeast bool
}

func (t target) met() bool {
	if t.atLeast {
		return t.value >= t.limit
	}
	return t.value <= t.limit
}

// targets pairs every limit of a benchmark with what is measured against it: of the
// metrics in its unit, a speed-up before what the operation takes, and that before its
// ratio to another. missing names limits that nothing is measured against.
func (b *benchmark) targets() (found []target, missing []string) {
	for _, metric := range b.metrics {
		unit, ok := strings.CutSuffix(metric, "_limit")
		if !ok {
			continue
		}
		limit, _ := b.median(metric)
		name := b.measured(unit)
		value, ok := b.median(name)
		if !ok {
			missing = append(missing, metric)
			continue
		}
		found = append(found, target{name, value, limit, strings.HasSuffix(name, "_speedup")})
	}
	return found, missing
}

func (b *benchmark) measured(unit string) string {
	candidates := []string{unit + "_speedup", unit + "_op", unit + "_raw", unit + "/op"}
	for _, m := range b.metrics { // live_MB, kB_resident: whatever else has the unit
		if strings.HasSuffix(m, "_"+unit) || strings.HasPrefix(m, unit+"_") && !strings.HasSuffix(m, "_limit") && !strings.HasPrefix(m, unit+"_raw_") {
			candidates = append(candidates, m)
		}
	}
	for _, c := range candidates {
		if len(b.values[c]) > 0 {
			return c
		}
	}
	return ""
}

const head = `# Performance

Written by ` + "`go test -run '^$' -bench Target -count 5 ./... | go run ./internal/performance > docs/performance.md`" + `.

A target is a ratio to a raw operation measured in the same run (` + "`x_raw`" + `), a speed-up, a time, or
memory; of several runs the median counts. The machine these were taken on is shared and
noisy: ratios move by a third from run to run, absolute times by more. Nothing is refused
for being slow; a number past its limit is printed as it is.

`

// page writes the table.
func (r *report) page() string {
	var out strings.Builder
	out.WriteString(head)
	least, most := math.MaxInt, 0
	for _, b := range r.benchmarks {
		least, most = min(least, b.runs), max(most, b.runs)
	}
	runs := strconv.Itoa(least)
	if most > least {
		runs += " to " + strconv.Itoa(most)
	}
	fmt.Fprintf(&out, "Taken on: %s. Runs of each: %s.\n\n", strings.Join(r.machine, ", "), runs)
	var rows, notes []string
	met, total := 0, 0
	for _, b := range r.sorted() {
		found, missing := b.targets()
		used := map[string]bool{}
		for _, t := range found {
			used[t.metric] = true
			used["ns/op"] = true // of a round that holds raw and ours, and often setup
		}
		for _, t := range found {
			total++
			verdict := "**no**"
			if t.met() {
				met++
				verdict = "yes"
			}
			sign := "≤"
			if t.atLeast {
				sign = "≥"
			}
			rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s %s | %s | %s |", b.title(), t.metric, number(t.value), sign, number(t.limit), verdict, b.rest(used)))
		}
		for _, m := range missing {
			notes = append(notes, fmt.Sprintf("- %s has a limit `%s` and nothing measured against it", b.title(), m))
		}
		if len(found) == 0 && len(missing) == 0 {
			notes = append(notes, fmt.Sprintf("- %s, without a limit: %s", b.title(), b.rest(used)))
		}
	}
	fmt.Fprintf(&out, "%d of %d targets met.\n\n| target | metric | median | limit | met | also |\n|---|---|---|---|---|---|\n%s\n", met, total, strings.Join(rows, "\n"))
	if len(notes) > 0 {
		fmt.Fprintf(&out, "\n%s\n", strings.Join(notes, "\n"))
	}
	out.WriteString("\n## To repeat one\n\n")
	for _, b := range r.sorted() {
		top, _, _ := strings.Cut(b.name, "/")
		line := fmt.Sprintf("    go test -run '^$' -bench '^%s$' -count 5 %s\n", top, b.folder())
		if !strings.Contains(out.String(), line) {
			out.WriteString(line)
		}
	}
	return out.String()
}

// sorted orders by package and keeps the order within it.
func (r *report) sorted() []*benchmark {
	return slices.SortedStableFunc(slices.Values(r.benchmarks), func(a, b *benchmark) int { return strings.Compare(a.pkg, b.pkg) })
}

// folder is the package as a path from the module's root.
func (b *benchmark) folder() string {
	parts := strings.SplitN(b.pkg, "/", 4) // host, owner, module, rest
	if len(parts) < 4 {
		return "."
	}
	return "./" + parts[3]
}

func (b *benchmark) title() string {
	return "`" + strings.TrimPrefix(b.folder(), "./") + "` " + strings.TrimPrefix(strings.TrimPrefix(b.name, "Benchmark"), "Target")
}

// rest lists the metrics that are no limits and not in the row already.
func (b *benchmark) rest(used map[string]bool) string {
	var out []string
	for _, m := range b.metrics {
		if v, ok := b.median(m); ok && !used[m] && !strings.HasSuffix(m, "_limit") {
			out = append(out, number(v)+" "+m)
		}
	}
	return strings.Join(out, ", ")
}

// number writes three significant digits.
func number(v float64) string {
	if v == 0 || math.Abs(v) >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	s := strconv.FormatFloat(v, 'f', min(digits, 6), 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}
