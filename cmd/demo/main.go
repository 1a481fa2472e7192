// Command demo is the one-command tour: it founds an institution, issues a class of
// diplomas as badges, pictures and sealed PDFs, anchors them on a simulated chain, revokes
// one, tampers with copies, and verifies everything offline. Then the service does the
// same over HTTP, with mail, for the same class.
//
// It leaves its files in ./demo-out (or --out DIR), with a trust file, so that
// "chancery verify --trust demo-out/trust.json FILE" gives each its verdict. The exit
// status says whether every expectation held.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"
)

func main() {
	out := flag.String("out", "demo-out", "directory for the files")
	serve := flag.Bool("serve", false, "leave the service and its pages running")
	listen := flag.String("listen", "", "address of the service (default: a free port; with --serve 127.0.0.1:8080)")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: go run ./cmd/demo [--out DIR] [--serve] [--listen ADDRESS]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *listen == "" {
		*listen = "127.0.0.1:0"
		if *serve {
			*listen = "127.0.0.1:8080"
		}
	}
	t := &tour{
		ctx: ctx, dir: *out, listen: *listen, serve: *serve, started: time.Now(), now: time.Now().UTC().Truncate(time.Second),
		colour: term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
	t.linger = func() error {
		<-ctx.Done()
		return nil
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
	listen  string // address of the service
	serve   bool   // leave it running, while linger does not return
	linger  func() error

	office      *office
	institution institution
	seal        seal
	anchored    anchored
	students    []student
	expected    []expectation
	failed      int
}

func (t *tour) run() (err error) {
	defer func() { err = errors.Join(err, t.close()) }()
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return err
	}
	if err := t.steps([]step{
		{"An institution: a signing key and a status list", t.found},
		{"A class of diplomas from class.csv, as Open Badges 3.0", t.issue},
		{"The same badges baked into pictures, PNG and SVG", t.bake},
		{"A certificate page for each: PDF/A-3 with the badge inside, sealed at PAdES B-LTA", t.pages},
		{"All of them anchored by one transaction on a chain, and by a timestamp", t.anchor},
		{"One is revoked, and the status list is published", t.revoke},
		{"Copies are tampered with", t.tamper},
		{"A trust file, so that anyone can verify without us", t.trust},
	}); err != nil {
		return err
	}
	t.say("")
	t.say("%s", t.paint("1", "Everything is verified offline, against trust.json:"))
	if err := t.verify(); err != nil {
		return err
	}
	t.say("")
	if err := t.steps([]step{
		{"The service: SQLite, files, a mail server, a chain and a timestamping authority, all embedded", t.open},
		{"The same class over HTTP: class.csv as one batch, each as badge, JWT, page and pictures", t.order},
		{"Anchored, mailed to each; one revoked; the files, and an export of everything", t.settle},
	}); err != nil {
		return err
	}
	t.say("")
	t.say("%s", t.paint("1", "The service verifies them, by their pages and by upload:"))
	if err := t.ask(); err != nil {
		return err
	}
	t.summary()
	if t.serve {
		return t.linger()
	}
	return nil
}

// step is a part of the tour.
type step struct {
	title string
	do    func() error
}

func (t *tour) steps(steps []step) error {
	for _, s := range steps {
		start := time.Now()
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
		t.say("%s %s", t.paint("1", "• "+s.title), t.paint("2", fmt.Sprintf("(%v)", time.Since(start).Round(time.Millisecond))))
	}
	return nil
}

// summary says where everything is.
func (t *tour) summary() {
	t.say("")
	t.say("%d files in %s, %v in all. Now try:", t.count(), t.dir, time.Since(t.started).Round(time.Millisecond))
	t.say("  go run ./cmd/chancery verify --trust %s %s", filepath.Join(t.dir, "trust.json"), filepath.Join(t.dir, "diploma-1.png"))
	t.say("  go run ./cmd/chancery verify --trust %s %s", filepath.Join(t.dir, "service", "trust.json"), filepath.Join(t.dir, "service", "diploma-1.pdf"))
	if t.serve {
		t.say("")
		t.say("The service runs until you press Ctrl-C:")
		t.say("  a diploma      %s", t.office.credentials[0].VerificationURL)
		t.say("  a revoked one  %s", t.office.credentials[len(t.office.credentials)-1].VerificationURL)
		t.say("  verify a file  %s/verify", t.office.url)
		t.say("  the API        %s/docs  with the key %s", t.office.url, t.office.key)
	} else {
		t.say("  go run ./cmd/demo --serve       # and leave the service and its pages running")
	}
	if t.failed > 0 {
		t.say("%s", t.paint("31", fmt.Sprintf("%d expectations did not hold", t.failed)))
	}
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

// count counts the files, but for those that the service works with.
func (t *tour) count() int {
	n := 0
	_ = filepath.WalkDir(t.dir, func(name string, e fs.DirEntry, err error) error { // what cannot be read is not counted
		switch {
		case err != nil:
		case e.IsDir() && e.Name() == "blobs":
			return filepath.SkipDir
		case !e.IsDir() && !strings.Contains(e.Name(), ".db"):
			n++
		}
		return nil
	})
	return n
}
