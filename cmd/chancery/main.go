// Command chancery issues credentials and verifies them offline.
//
// Exit status: 0 valid (or done), 1 invalid, 2 usage, 3 indeterminate, 4 input,
// output or internal fault.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Exit statuses.
const (
	exitValid         = 0
	exitInvalid       = 1
	exitUsage         = 2
	exitIndeterminate = 3
	exitFault         = 4
)

// cli is what the commands see of the world.
type cli struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	now    func() time.Time
	colour bool // stdout is a terminal and NO_COLOR is not set
	tty    bool // stderr is a terminal: progress may be shown
	outTTY bool // stdout is a terminal: binary output is refused
	status int  // exit status of a command that ended without an error
	force  bool // outputs replace files that are there
	args   []string

	outFile     *os.File      // standard output, where it is a file
	graceful    *atomic.Bool  // the command ends by itself after a signal, however long that takes
	interrupted *interruption // what to do where it does not
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	outTTY := term.IsTerminal(int(os.Stdout.Fd()))
	c := &cli{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, now: time.Now,
		colour: outTTY && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		tty:    term.IsTerminal(int(os.Stderr.Fd())),
		outTTY: outTTY, outFile: os.Stdout,
	}
	status := c.run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}

// usageError is a fault in how the command was called.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// invalidError is bad input: a draft that must not be signed, an image that cannot
// be read, a credential that is not one.
type invalidError struct{ err error }

func (e invalidError) Error() string { return e.err.Error() }
func (e invalidError) Unwrap() error { return e.err }

// hintError adds advice on a line of its own.
type hintError struct {
	err  error
	hint string
}

func (e hintError) Error() string { return e.err.Error() }
func (e hintError) Unwrap() error { return e.err }

// run executes one command line and returns the exit status.
func (c *cli) run(ctx context.Context, args []string) int {
	c.graceful, c.interrupted = new(atomic.Bool), new(interruption)
	out := &telling{w: c.stdout}
	c.stdout = out
	c.args = args
	root := c.rootCommand()
	root.SetArgs(args)
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	done := make(chan error, 1)
	go func() { done <- root.ExecuteContext(ctx) }()
	err := c.await(ctx, done)
	if err == nil && out.failed() != nil {
		err = fmt.Errorf("standard output: %w", out.failed())
	}
	if err == nil {
		return c.status
	}
	return c.complain(err)
}

// await waits for a command. After a signal it has a moment to end, unless it is one that
// takes its time.
func (c *cli) await(ctx context.Context, done chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	for {
		select {
		case err := <-done:
			if errors.Is(err, context.Canceled) {
				return errInterrupted
			}
			return err
		case <-time.After(patience):
			if !c.graceful.Load() {
				c.interrupted.giveUp(int(os.Stdin.Fd()))
				return errInterrupted
			}
		}
	}
}

// shown is the text of an error, in which arguments with control characters, such as
// names of files, stand without them.
func (c *cli) shown(err error) string {
	text := err.Error()
	for _, arg := range c.args {
		if p := plain(arg); p != arg {
			text = strings.ReplaceAll(text, arg, p)
		}
	}
	return text
}

// complain prints an error and returns the exit status that goes with it.
func (c *cli) complain(err error) int {
	lines := strings.Split(c.shown(err), "\n") // some list several faults
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	message := strings.Join(lines, "\n")
	if !strings.HasPrefix(message, "chancery: ") {
		message = "chancery: " + message
	}
	fmt.Fprintln(c.stderr, message)
	var hint hintError
	if errors.As(err, &hint) {
		fmt.Fprintln(c.stderr, "hint: "+plain(hint.hint))
	}
	var usage usageError
	var invalid invalidError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &invalid):
		return exitInvalid
	}
	return exitFault
}

func (c *cli) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "chancery",
		Short: "Issue credentials, and verify them offline",
		Long: `Chancery issues W3C Verifiable Credentials and Open Badges and verifies them
without the network, against trust that you give as a file.

Exit status: 0 valid, 1 invalid, 2 usage, 3 indeterminate, 4 input, output or
internal fault. "-" is standard input or output. Colours are for terminals, and
NO_COLOR=1 switches them off.`,
		Example: `  chancery keygen --alg Ed25519 --out key --passphrase-file pass.txt
  chancery issue --key key/key.pem --suite eddsa-rdfc-2022 draft.json > credential.json
  chancery bake badge.png credential.json -o diploma.png
  chancery verify --trust trust.json diploma.png`,
		SuggestionsMinimumDistance: 2,
		SilenceUsage:               true,
		SilenceErrors:              true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				hint := "run 'chancery --help' for the commands"
				if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
					hint = "did you mean " + strings.Join(like, " or ") + "?"
				} else if _, err := os.Stat(args[0]); err == nil {
					hint = "to judge a file: chancery verify --trust trust.json " + args[0]
				}
				return hintError{usagef("unknown command %q", args[0]), hint}
			}
			return nil
		},
		RunE:    func(cmd *cobra.Command, args []string) error { return cmd.Help() },
		Version: version(),
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hintError{usageError{err}, "run '" + cmd.CommandPath() + " --help' for its flags"}
	})
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(
		c.keygenCommand(), c.issueCommand(), c.deriveCommand(), c.presentCommand(), c.verifyCommand(), c.inspectCommand(),
		c.bakeCommand(), c.unbakeCommand(), c.statusCommand(), c.didCommand(), c.trustCommand(), c.certificateCommand(), c.devtsaCommand(), c.signCommand(), c.renewCommand(), c.renderCommand(),
		c.stampCommand(), c.anchorCommand(), c.proveCommand(), c.convertCommand(), c.treeCommand(),
		c.serveCommand(), c.configCommand(), c.tenantsCommand(), c.keysCommand(), c.issuersCommand(), c.auditCommand(), c.backupCommand(), c.restoredCommand(), c.sweepCommand(),
		c.verifierPageCommand(), c.reasonsCommand(), c.manCommand(),
	)
	onlyOnce(root)
	return root
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// exactly is cobra.ExactArgs with an error that counts as usage.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return hintError{usagef("expected %s, found %d arguments", what, len(args)), "usage: " + cmd.UseLine()}
		}
		return nil
	}
}

// atLeast is cobra.MinimumNArgs with an error that counts as usage.
func atLeast(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return hintError{usagef("expected %s, found %d arguments", what, len(args)), "usage: " + cmd.UseLine()}
		}
		return nil
	}
}
