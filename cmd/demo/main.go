// Command demo is the one-command tour: it founds an institution, issues a class of
// diplomas as badges, pictures and sealed PDFs, anchors them on a simulated chain, revokes
// one, tampers with copies, and verifies everything offline.
//
// It leaves its files in ./demo-out (or --out DIR), with a trust file, so that
// "chancery verify --trust demo-out/trust.json FILE" gives each its verdict. The exit
// status says whether every expectation held.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/term"
)

func main() {
	out := flag.String("out", "demo-out", "directory for the files")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: go run ./cmd/demo [--out DIR]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	t := &tour{
		ctx: ctx, dir: *out, started: time.Now(), now: time.Now().UTC().Truncate(time.Second),
		colour: term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
	if err := t.run(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	if t.failed > 0 {
		os.Exit(1)
	}
}

// tour is the state that one step hands to the next.
type tour struct {
	ctx     context.Context
	dir     string
	now     time.Time
	started time.Time
	colour  bool

	institution institution
	seal        seal
	anchored    anchored
	students    []student
	expected    []expectation
	failed      int
}

func (t *tour) run() error {
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return err
	}
	for _, step := range []struct {
		title string
		do    func() error
	}{
		{"An institution: a signing key and a status list", t.found},
		{"A class of diplomas from class.csv, as Open Badges 3.0", t.issue},
		{"The same badges baked into pictures, PNG and SVG", t.bake},
		{"A certificate page for each: PDF/A-3 with the badge inside, sealed at PAdES B-LTA", t.pages},
		{"All of them anchored by one transaction on a chain, and by a timestamp", t.anchor},
		{"One is revoked, and the status list is published", t.revoke},
		{"Copies are tampered with", t.tamper},
		{"A trust file, so that anyone can verify without us", t.trust},
	} {
		start := time.Now()
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.title, err)
		}
		t.say("%s %s", t.paint("1", "• "+step.title), t.paint("2", fmt.Sprintf("(%v)", time.Since(start).Round(time.Millisecond))))
	}
	t.say("")
	t.say("%s", t.paint("1", "Everything is verified offline, against trust.json:"))
	if err := t.verify(); err != nil {
		return err
	}
	t.say("")
	t.say("%d files in %s, %v in all. Now try:", t.count(), t.dir, time.Since(t.started).Round(time.Millisecond))
	t.say("  go run ./cmd/chancery verify --trust %s %s", filepath.Join(t.dir, "trust.json"), filepath.Join(t.dir, "diploma-1.png"))
	if t.failed > 0 {
		t.say("%s", t.paint("31", fmt.Sprintf("%d expectations did not hold", t.failed)))
	}
	return nil
}

func (t *tour) say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func (t *tour) paint(code, s string) string {
	if !t.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// write puts a file into the output directory.
func (t *tour) write(name string, b []byte) error {
	return os.WriteFile(filepath.Join(t.dir, name), b, 0o644)
}

func (t *tour) count() int {
	entries, err := os.ReadDir(t.dir)
	if err != nil {
		return 0
	}
	return len(entries)
}
