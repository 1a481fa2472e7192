package main

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

// scriptReadlink makes a link, or tells where it leads: readlink LINK TARGET.
func scriptReadlink(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: readlink LINK TARGET")
	}
	name := ts.MkAbs(args[0])
	if _, err := os.Lstat(name); os.IsNotExist(err) {
		ts.Check(os.Symlink(args[1], name))
		return
	}
	to, err := os.Readlink(name)
	ts.Check(err)
	if to != args[1] && to != ts.MkAbs(args[1]) {
		ts.Fatalf("%s leads to %s", args[0], to)
	}
}

// scriptFull runs a command whose standard output is a full disk: full COMMAND...
func scriptFull(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: full COMMAND...")
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	ts.Check(err)
	defer full.Close()
	var told bytes.Buffer
	if status := runIn(ts, full, &told, args); status != exitFault || !strings.Contains(told.String(), "no space left") {
		ts.Fatalf("%v: exit status %d: %s", args, status, &told)
	}
}

// scriptMute runs a command with arguments quoted as in Go, which must tell a fault in
// lines of its own, without control characters: mute STATUS COMMAND...
func scriptMute(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mute STATUS COMMAND...")
	}
	for i := range args {
		s, err := strconv.Unquote(`"` + args[i] + `"`)
		ts.Check(err)
		args[i] = s
	}
	var out, told bytes.Buffer
	if status := runIn(ts, &out, &told, args[1:]); strconv.Itoa(status) != args[0] {
		ts.Fatalf("%q: exit status %d: %s", args, status, &told)
	}
	for line := range strings.Lines(out.String() + told.String()) {
		if strings.HasPrefix(line, "chancery: valid") || strings.Contains(line, "\x1b") {
			ts.Fatalf("%q: %q", args, line)
		}
	}
}

func runIn(ts *testscript.TestScript, out, told io.Writer, args []string) int {
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), out, told
	err = cmd.Run()
	if cmd.ProcessState == nil {
		ts.Fatalf("%v", err)
	}
	return cmd.ProcessState.ExitCode()
}

// scriptForEachOutput calls every command that has --output with a file that is there:
// each refuses it before it looks at anything else.
func scriptForEachOutput(ts *testscript.TestScript, neg bool, args []string) {
	var told bytes.Buffer
	c := &cli{stdin: strings.NewReader(""), stdout: &told, stderr: &told, now: time.Now}
	n := 0
	var walk func(*cobra.Command, []string)
	walk = func(cmd *cobra.Command, path []string) {
		for _, sub := range cmd.Commands() {
			walk(sub, append(path[:len(path):len(path)], sub.Name()))
		}
		if cmd.Flags().Lookup("output") == nil || len(path) == 2 && path[1] == "publish" {
			return
		}
		n++
		for _, count := range []int{0, 1, 2} { // as many arguments as it takes
			told.Reset()
			call := append([]string{}, path...)
			for range count {
				call = append(call, "missing")
			}
			status := runIn(ts, io.Discard, &told, append([]string{"chancery"}, append(call, "-o", "c.json")...))
			if cmd.Args(cmd, make([]string, count)) == nil && (status == exitValid || !strings.Contains(told.String(), "not there yet")) {
				ts.Fatalf("%v: exit status %d: %s", call, status, &told)
			}
		}
	}
	walk(c.rootCommand(), nil)
	if n < 15 {
		ts.Fatalf("%d commands have --output", n)
	}
}

// TestUmask: a file is no more open to others than the umask has it.
func TestUmask(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no umask")
	}
	binary, err := chanceryBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if out, err := exec.Command("sh", "-c", "umask 077 && cd "+dir+" && "+binary+" keygen --out k --insecure-no-passphrase && "+binary+" trust --issuer-file k/did.txt -o t.json").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(filepath.Join(dir, "t.json"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// TestInterrupted: a command that waits for standard input, or for a pipe, ends when it is
// told to, and leaves nothing.
func TestInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals")
	}
	binary, err := chanceryBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if out, err := exec.Command("mkfifo", filepath.Join(dir, "pipe")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, args := range [][]string{{"verify", "--trust", "any", "-"}, {"verify", "--trust", "any", "pipe"}, {"trust", "--issuer-file", "pipe", "-o", "out"}} {
		for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary, args...)
			cmd.Dir = dir
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			var told bytes.Buffer
			cmd.Stderr = &told
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(300 * time.Millisecond)
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			if cmd.ProcessState.ExitCode() != exitFault || told.String() != "chancery: interrupted\n" {
				t.Errorf("%v: %v: %q", args, cmd.ProcessState, &told)
			}
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v %v", left, err)
	}
}

// TestGivenUp: what is not finished when a command is given up is removed.
func TestGivenUp(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	c := &cli{stderr: &bytes.Buffer{}, interrupted: &interruption{}}
	started, never := make(chan bool), make(chan bool)
	go c.create(filepath.Join(dir, "out"), 0o644, func(w io.Writer) error {
		_, err := w.Write([]byte("half"))
		close(started)
		<-never
		return err
	})
	<-started
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Fatalf("%v", left)
	}
	cancel()
	<-ctx.Done()
	c.interrupted.giveUp(-1)
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// TestOpenKeys: a key without a passphrase that others can read is used, with a warning; so
// is a file with a passphrase. Others say nothing.
func TestOpenKeys(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permissions")
	}
	binary, err := chanceryBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(args ...string) string {
		cmd := exec.Command(binary, args...)
		cmd.Dir = dir
		var told bytes.Buffer
		cmd.Stderr = &told
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %v %s", args, err, &told)
		}
		return told.String()
	}
	for name, text := range map[string]string{"pass": "correct horse\n", "draft.json": `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"credentialSubject":{"id":"did:example:ada"}}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run("keygen", "--out", "plain", "--insecure-no-passphrase")
	run("keygen", "--out", "sealed", "--passphrase-file", "pass")
	for _, c := range []struct {
		key, pass fs.FileMode
		warned    []string
	}{
		{0o600, 0o600, nil},
		{0o640, 0o600, []string{"plain/key.pem"}},
		{0o604, 0o644, []string{"plain/key.pem", "pass"}},
	} {
		for name, mode := range map[string]fs.FileMode{"plain/key.pem": c.key, "sealed/key.pem": c.key, "pass": c.pass} {
			if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
				t.Fatal(err)
			}
		}
		told := run("issue", "--key", "plain/key.pem", "draft.json") + run("issue", "--key", "sealed/key.pem", "--passphrase-file", "pass", "draft.json")
		want := ""
		for _, name := range c.warned {
			want += "warning: " + name + " can be read by other users of this machine: chmod 600\n"
		}
		if told != want {
			t.Errorf("%v: %q", c, told)
		}
	}
}
