package main

import (
	"archive/zip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/service/register"
	"github.com/chancery-dev/chancery/internal/verifying"
	"github.com/chancery-dev/chancery/verifier"
)

// maxEvidence bounds the evidence files of a log, each in bytes.
const maxEvidence = 16 << 20

// maxHeads bounds how many lines with evidence are held.
const maxHeads = 20_000

func (c *cli) auditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "The audit log of the service", Args: exactly(0, "a command"), RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() }}
	cmd.AddCommand(c.auditVerifyCommand())
	return cmd
}

// auditResult is what is found out about a log.
type auditResult struct {
	Tenant      string           `json:"tenant"`
	Environment string           `json:"environment"`
	Lines       int64            `json:"lines"`
	Head        string           `json:"head"`
	Anchored    []anchoredResult `json:"anchored,omitempty"`
	Outcome     outcome          `json:"outcome"`
	Detail      string           `json:"detail"`
}

// outcome is a verdict that is written as its name.
type outcome struct{ verifier.Outcome }

func (o outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// anchoredResult is the verdict on the evidence of one line.
type anchoredResult struct {
	Line    int64   `json:"line"`
	Outcome outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"`
}

func (c *cli) auditVerifyCommand() *cobra.Command {
	var f keysFlags
	var v verifyFlags
	cmd := &cobra.Command{
		Use:   "verify EXPORT --trust FILE | --tenant ID",
		Short: "Find out whether an audit log was changed",
		Long: `Checks the chain of hashes of an audit log, and the evidence that lines were there at
a time. EXPORT is an export of the service, as ZIP or unpacked: no network and no service
are needed, and --trust says whom to believe, as for 'chancery verify'. With --tenant the
log in the service's own database is checked against the hashes that were anchored.

A chain alone shows little: who may write the database can make all of it anew. What is
evidence of a line is evidence of all lines before it.

Exit status: 0 the log is whole and a line of it is proven, 1 it was changed, 3 it is
whole, but nothing is proven of it.`,
		Example: `  chancery audit verify export.zip --trust trust.json
  chancery audit verify --tenant gruenau --environment live --config /etc/chancery/chancery.toml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 == (f.tenant != "") {
				return hintError{usagef("expected either an export or --tenant"), "usage: " + cmd.UseLine()}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var out auditResult
			var err error
			if len(args) == 0 {
				out, err = c.auditOfTenant(cmd.Context(), f)
			} else {
				out, err = c.auditOfExport(cmd.Context(), args[0], v)
			}
			if err != nil {
				return err
			}
			c.status = exitOf(out.Outcome.Outcome)
			if f.asJSON {
				return json.NewEncoder(c.stdout).Encode(out)
			}
			return c.tellAudit(out)
		},
	}
	f.addTo(cmd)
	cmd.Flags().Lookup("tenant").Usage = "id of the institution whose log is in the database"
	fl := cmd.Flags()
	v.profile = "strict"
	fl.StringVar(&v.trust, "trust", "", "trust file (of an export: required)")
	fl.StringVar(&v.at, "at", "", "judge as of this time (RFC 3339); default: now")
	fl.StringArrayVar(&v.tsaRoots, "tsa-roots", nil, "PEM file with certificates at which timestamps may end, beside those of --trust")
	return cmd
}

func (c *cli) tellAudit(a auditResult) error {
	if a.Lines > 0 {
		fmt.Fprintf(c.stdout, "%s (%s): %d lines, the last has %s\n", plain(a.Tenant), plain(a.Environment), a.Lines, a.Head)
	}
	for _, h := range a.Anchored {
		look := resultLook[map[verifier.Outcome]verifier.Result{verifier.Valid: verifier.Pass, verifier.Invalid: verifier.Fail, verifier.Indeterminate: verifier.Undecided}[h.Outcome.Outcome]]
		fmt.Fprintf(c.stdout, "  %s evidence of line %d: %s %s\n", c.paint(look.colour, look.symbol), h.Line, h.Outcome, h.Reason)
	}
	_, err := fmt.Fprintln(c.stdout, a.Detail)
	return err
}

// auditOfTenant checks the log in the database.
func (c *cli) auditOfTenant(ctx context.Context, f keysFlags) (out auditResult, err error) {
	scope, err := f.scope()
	if err != nil {
		return out, err
	}
	out = auditResult{Tenant: scope.Tenant, Environment: string(scope.Environment)}
	err = c.withInstallation(ctx, f.configFlags, func(in *serving.Installation) error {
		if _, err := in.Core.Tenant(ctx, scope.Tenant); err != nil {
			return requestError(err)
		}
		lines, head, proven, err := in.Register.CheckAudit(ctx, scope)
		out.Lines, out.Head = lines, hex.EncodeToString(head)
		switch {
		case errors.Is(err, register.ErrAudit):
			out.Outcome, out.Detail = outcome{verifier.Invalid}, "changed: "+err.Error()
		case err != nil:
			return err
		case proven == 0:
			out.Outcome, out.Detail = outcome{verifier.Indeterminate}, "whole, but no line is anchored yet: nothing shows that it was not made anew"
		default:
			out.Outcome, out.Detail = outcome{verifier.Valid}, fmt.Sprintf("whole; the hash of line %d is as it was anchored. Evidence that others can judge is in an export", proven)
		}
		return nil
	})
	return out, err
}

// auditOfExport checks the log of an export, and judges its evidence.
func (c *cli) auditOfExport(ctx context.Context, name string, v verifyFlags) (out auditResult, err error) {
	config, err := c.verifierConfig(v)
	if err != nil {
		return out, err
	}
	files, done, err := openExport(name)
	if err != nil {
		return out, err
	}
	defer done()
	heads, err := auditHeads(files)
	if err != nil {
		return out, err
	}
	in, err := files.Open("audit.jsonl")
	if err != nil {
		return out, fmt.Errorf("%s: expected an export with audit.jsonl, found none", name)
	}
	defer in.Close()
	lines := make(map[int64][]byte, len(heads))
	wanted := make(map[int64]bool, len(heads))
	for _, seq := range heads {
		wanted[seq] = true
	}
	log, err := register.ReadAudit(in, func(seq int64, line []byte) error {
		if wanted[seq] {
			lines[seq] = slices.Clone(line)
		}
		return nil
	})
	out = auditResult{Tenant: log.Scope.Tenant, Environment: string(log.Scope.Environment), Lines: log.Lines, Head: hex.EncodeToString(log.Head)}
	if errors.Is(err, register.ErrAudit) {
		out.Outcome, out.Detail = outcome{verifier.Invalid}, "changed: "+err.Error()
		return out, nil
	}
	if err != nil {
		return out, err
	}
	return out, c.judgeHeads(ctx, config, files, heads, lines, &out)
}

// judgeHeads judges the evidence of lines, and decides.
func (c *cli) judgeHeads(ctx context.Context, config verifier.Config, files fs.FS, heads []int64, lines map[int64][]byte, out *auditResult) error {
	proven := int64(0)
	for _, seq := range heads {
		line, ok := lines[seq]
		if !ok {
			out.Outcome, out.Detail = outcome{verifier.Invalid}, fmt.Sprintf("changed: there is evidence of line %d, and no such line", seq)
			return nil
		}
		evidence, err := readEntry(files, headName(seq), maxEvidence)
		if err != nil {
			return err
		}
		document := verifying.Bytes("line", line)
		report, err := verifying.Judge(ctx, config, verifying.Input{File: verifying.Bytes(headName(seq), evidence), Document: &document})
		if err != nil {
			return err
		}
		one := anchoredResult{Line: seq, Outcome: outcome{report.Outcome}, Reason: string(report.Reason)}
		out.Anchored = append(out.Anchored, one)
		switch report.Outcome {
		case verifier.Valid:
			proven = seq
		case verifier.Invalid:
			out.Outcome, out.Detail = outcome{verifier.Invalid}, fmt.Sprintf("the evidence of line %d is not valid for it", seq)
		}
	}
	switch {
	case out.Outcome.Outcome == verifier.Invalid:
	case proven > 0:
		out.Outcome, out.Detail = outcome{verifier.Valid}, fmt.Sprintf("whole, and proven up to line %d", proven)
	case len(heads) > 0:
		out.Outcome, out.Detail = outcome{verifier.Indeterminate}, "whole, but the evidence could not be decided: nothing shows that it was not made anew"
	default:
		out.Outcome, out.Detail = outcome{verifier.Indeterminate}, "whole, but without evidence of a line: nothing shows that it was not made anew"
	}
	return nil
}

func headName(seq int64) string { return "audit/" + strconv.FormatInt(seq, 10) + ".cbor" }

// auditHeads are the numbers of the lines that an export has evidence of, in order.
func auditHeads(files fs.FS) ([]int64, error) {
	names, err := fs.Glob(files, "audit/*.cbor")
	if err != nil {
		return nil, err
	}
	var out []int64
	for _, name := range names {
		seq, err := strconv.ParseInt(strings.TrimSuffix(path.Base(name), ".cbor"), 10, 64)
		if err != nil || seq < 1 || headName(seq) != name {
			return nil, invalidError{fmt.Errorf("%s: expected audit/N.cbor", name)}
		}
		out = append(out, seq)
	}
	if len(out) > maxHeads {
		return nil, invalidError{fmt.Errorf("expected evidence of at most %d lines, found %d", maxHeads, len(out))}
	}
	slices.Sort(out)
	return out, nil
}

// openExport opens a ZIP, or a directory that one was unpacked into.
func openExport(name string) (fs.FS, func() error, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, fileError(err)
	}
	if info.IsDir() {
		return os.DirFS(name), func() error { return nil }, nil
	}
	z, err := zip.OpenReader(name)
	if err != nil {
		return nil, nil, invalidError{fmt.Errorf("%s: expected an export: a ZIP file or a directory", name)}
	}
	return z, z.Close, nil
}

func readEntry(files fs.FS, name string, max int64) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, fileError(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, fileError(err)
	}
	if int64(len(b)) > max {
		return nil, invalidError{fmt.Errorf("%s: expected at most %d bytes", name, max)}
	}
	return b, nil
}
