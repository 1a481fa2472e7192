package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/chancery-dev/chancery/internal/pdf"
)

func TestMain(m *testing.M) {
	testscript.Main(program{m}, map[string]func(){"chancery": main})
}

// program runs the tests, and ends what several of them share.
type program struct{ m *testing.M }

func (p program) Run() int {
	code := p.m.Run()
	if err := errors.Join(pgServer.Stop(), os.RemoveAll(binaryDir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}

// TestScripts runs the scripts of testdata against the real command. Each checks exit
// statuses with "status N COMMAND".
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			for _, name := range []string{"TSA", "RPC"} { // addresses for servers that a script starts
				listener, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					return err
				}
				env.Setenv(name, listener.Addr().String())
				listener.Close()
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": scriptStatus,
			"swap":   scriptSwap,
			"png":    scriptPNG,
			"await":  scriptAwait,
			"items":  scriptItems,
			"grow":   scriptGrow,
			"fill":   scriptFill,
			"zip":    scriptZip,

			"readlink":        scriptReadlink,
			"full":            scriptFull,
			"mute":            scriptMute,
			"for_each_output": scriptForEachOutput,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// scriptStatus runs a command and checks its exit status: status 3 chancery verify …
func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		exit, ok := err.(interface{ ExitCode() int })
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if want := args[0]; want != string(rune('0'+got)) {
		ts.Fatalf("expected exit status %s, found %d", want, got)
	}
}

// scriptSwap replaces the only place where OLD stands in FILE: swap OLD NEW FILE OUT.
func scriptSwap(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: swap OLD NEW FILE OUT")
	}
	text := []byte(ts.ReadFile(args[2]))
	if n := bytes.Count(text, []byte(args[0])); n != 1 {
		ts.Fatalf("%s: expected %q once, found it %d times", args[2], args[0], n)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), bytes.Replace(text, []byte(args[0]), []byte(args[1]), 1), 0o644))
}

// scriptZip packs files: zip OUT FILE... With NAME=FILE the file has another name inside.
func scriptZip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: zip OUT FILE...")
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, arg := range args[1:] {
		name, file, ok := strings.Cut(arg, "=")
		if !ok {
			file = name
		}
		f, err := w.Create(name)
		ts.Check(err)
		_, err = f.Write([]byte(ts.ReadFile(file)))
		ts.Check(err)
	}
	ts.Check(w.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), out.Bytes(), 0o644))
}

// scriptAwait waits until a server listens and a file is there: await ADDRESS [FILE].
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: await ADDRESS [FILE]")
	}
	for range 400 {
		conn, err := net.Dial("tcp", args[0])
		if err == nil {
			conn.Close()
			if len(args) == 1 {
				return
			}
			if _, err := os.Stat(ts.MkAbs(args[1])); err == nil {
				return
			}
		}
		time.Sleep(25 * time.Millisecond)
	}
	ts.Fatalf("nobody listens on %s", args[0])
}

// scriptGrow adds a stream of some megabytes to a PDF: grow IN OUT MEGABYTES.
func scriptGrow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: grow IN OUT MEGABYTES")
	}
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	text := []byte(ts.ReadFile(args[0]))
	doc, err := pdf.Open(bytes.NewReader(text), int64(len(text)), pdf.Options{})
	ts.Check(err)
	u, err := doc.NewUpdate()
	ts.Check(err)
	root, err := doc.Latest().CatalogRef()
	ts.Check(err)
	catalog, err := u.Edit(root)
	ts.Check(err)
	catalog.Set("Bulk", u.Add(pdf.NewStream(pdf.NewDict(), bytes.Repeat([]byte{'x'}, n<<20))))
	tail, err := u.Prepare()
	ts.Check(err)
	var b bytes.Buffer
	_, err = tail.WriteTo(&b)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b.Bytes(), 0o644))
}

// scriptFill writes a file of some megabytes: fill FILE MEGABYTES.
func scriptFill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fill FILE MEGABYTES")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Repeat([]byte("chancery"), n<<17), 0o644))
}

// scriptItems puts the item ids that "stamp" printed into $ITEM1, $ITEM2, …: items FILE.
func scriptItems(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: items FILE")
	}
	for i, line := range strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n") {
		id, _, _ := strings.Cut(line, " ")
		ts.Setenv(fmt.Sprintf("ITEM%d", i+1), id)
	}
}

// scriptPNG writes a small picture: png FILE.
func scriptPNG(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: png FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), testPNG(ts), 0o644))
}

// TestHelpMentionsEverything: every command has a short text, an example or children,
// and prints help without an error.
func TestHelpMentionsEverything(t *testing.T) {
	c := &cli{stdin: bytes.NewReader(nil), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, now: time.Now}
	for _, cmd := range c.rootCommand().Commands() {
		if cmd.Short == "" {
			t.Errorf("%s has no short text", cmd.Name())
		}
		out := &bytes.Buffer{}
		c := &cli{stdin: bytes.NewReader(nil), stdout: out, stderr: out, now: time.Now}
		if status := c.run(context.Background(), []string{cmd.Name(), "--help"}); status != 0 || out.Len() == 0 {
			t.Errorf("%s --help: exit status %d", cmd.Name(), status)
		}
	}
}

// TestManualPages: man writes a page for every command, completion scripts are made
// for four shells.
func TestManualPages(t *testing.T) {
	dir := t.TempDir()
	out := &bytes.Buffer{}
	c := &cli{stdin: bytes.NewReader(nil), stdout: out, stderr: out, now: time.Now}
	if status := c.run(context.Background(), []string{"man", dir}); status != 0 {
		t.Fatalf("man: exit status %d: %s", status, out)
	}
	for _, name := range []string{"chancery.1", "chancery-verify.1", "chancery-status-publish.1"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		out.Reset()
		if status := c.run(context.Background(), []string{"completion", shell}); status != 0 || out.Len() < 1000 {
			t.Errorf("completion %s: exit status %d, %d bytes", shell, status, out.Len())
		}
	}
}

// TestPlain: text of a document cannot rewrite the reader's screen.
func TestPlain(t *testing.T) {
	for _, s := range []string{"a\x1b[2Kb", "a\rb", "a\nb", "a\u202eb", "a\u2066b", "a\u0085b", "a\u2028b"} {
		if got := plain(s); got == s {
			t.Errorf("%q is printed as it is", s)
		}
	}
	if got := plain("Zoë Ångström 数学 محمد"); got != "Zoë Ångström 数学 محمد" {
		t.Errorf("found %q", got)
	}
}
