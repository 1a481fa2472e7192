package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/online"
)

type verifyFlags struct {
	trust, at, profile           string
	online, json, verbose        bool
	domain, challenge            string
	recipient, recipientType     string
	timeout                      time.Duration
	insecureStale, insecureNoSts bool
}

func (c *cli) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify --trust FILE|any FILE...",
		Short: "Judge credentials, presentations and badges",
		Long: `Judges each FILE ("-" for standard input): a credential or presentation as JSON
or JWT, or a PNG or SVG with one baked in. What a file is, is told by its content.

The network is not used unless --online is given. --trust names a trust file
(docs/formats/trust.md), or is the word "any", which accepts every issuer whose
key is its own and says so in the report.

Exit status: 0 all valid, 1 one is invalid, 3 none is invalid but one could not be
decided.`,
		Example: `  chancery verify --trust trust.json diploma.png transcript.json
  chancery verify --trust any --json credential.json
  chancery verify --trust trust.json --at 2030-01-01T00:00:00Z --online badge.svg`,
		Args: atLeast(1, "one or more files"),
		RunE: func(cmd *cobra.Command, files []string) error {
			v, err := c.newVerifier(f)
			if err != nil {
				return err
			}
			return c.verifyFiles(cmd.Context(), v, f, files)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.trust, "trust", "", `trust file, or "any" (required)`)
	fl.StringVar(&f.at, "at", "", "judge as of this time (RFC 3339); default: now")
	fl.StringVar(&f.profile, "profile", "strict", "rules: strict, 1edtech or conformance")
	fl.BoolVar(&f.online, "online", false, "allow fetching DID documents, key sets and status lists")
	fl.DurationVar(&f.timeout, "timeout", 30*time.Second, "how long to wait in all, with --online")
	fl.BoolVar(&f.json, "json", false, "print reports as JSON: one object, or one a line for several files")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "also print skipped checks and notes")
	fl.StringVar(&f.domain, "domain", "", "expect proofs made for this domain")
	fl.StringVar(&f.challenge, "challenge", "", "expect proofs that answer this challenge")
	fl.StringVar(&f.recipient, "recipient", "", "expect a credential for this person (an e-mail address or other identifier)")
	fl.StringVar(&f.recipientType, "recipient-type", "", "identityType of --recipient; default: every one")
	fl.BoolVar(&f.insecureStale, "insecure-accept-stale-status", false, "believe status lists that are too old, and say so")
	fl.BoolVar(&f.insecureNoSts, "insecure-no-status", false, "leave revocation unchecked, and say so")
	return cmd
}

func (c *cli) newVerifier(f verifyFlags) (*verifier.Verifier, error) {
	if f.trust == "" {
		return nil, hintError{usagef("expected --trust"), `write a trust file (docs/formats/trust.md), or say "--trust any" to accept every issuer`}
	}
	trust := verifier.TrustAny()
	if f.trust != "any" {
		b, err := c.readDocument(f.trust)
		if err != nil {
			return nil, err
		}
		if trust, err = verifier.ParseTrust(b); err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", f.trust, err)}
		}
	}
	profile, err := verifier.ParseProfile(f.profile)
	if err != nil {
		return nil, usageError{err}
	}
	clock := c.now
	if f.at != "" {
		at, err := time.Parse(time.RFC3339, f.at)
		if err != nil {
			return nil, usagef("--at: expected a time such as 2026-11-22T10:00:00Z, found %q", f.at)
		}
		clock = func() time.Time { return at }
	}
	config := verifier.Config{
		Trust: trust,
		Clock: clock,
		Policy: verifier.Policy{
			Profile: profile,
			Expect: verifier.Expect{
				Domain: f.domain, Challenge: f.challenge,
				Recipient: verifier.Recipient{Identity: f.recipient, Type: f.recipientType},
			},
			InsecureAcceptStaleStatus: f.insecureStale,
			InsecureNoStatus:          f.insecureNoSts,
		},
	}
	if f.online {
		source, err := online.New(online.Config{Clock: c.now})
		if err != nil {
			return nil, err
		}
		config.Keys, config.Status, config.Documents = source, source, source
	}
	v, err := verifier.New(config)
	if err != nil {
		return nil, usageError{err}
	}
	return v, nil
}

func (c *cli) verifyFiles(ctx context.Context, v *verifier.Verifier, f verifyFlags, files []string) error {
	if f.online {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	for i, name := range files {
		report, err := c.verifyFile(ctx, v, name)
		if err != nil {
			return err
		}
		c.status = worse(c.status, exitOf(report.Outcome))
		if f.json {
			if err := c.printJSON(report, name, len(files) > 1); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(c.stdout)
		}
		c.render(c.stdout, name, report, f.verbose)
	}
	return nil
}

// verifyFile returns the report on one file; the error is a fault in reading it.
func (c *cli) verifyFile(ctx context.Context, v *verifier.Verifier, name string) (*verifier.Report, error) {
	b, err := c.readDocument(name)
	if err != nil {
		return nil, err
	}
	secured, err := chancery.Detect(b)
	if err != nil {
		secured = chancery.Secured{Bytes: b} // the verifier says why
	}
	verified, err := v.Verify(ctx, secured)
	if err == nil {
		return verified.Report(), nil
	}
	var rejected *verifier.Error
	if errors.As(err, &rejected) {
		return rejected.Report, nil
	}
	return nil, err
}

// printJSON writes one report: indented when alone, on one line with the file's name
// when one of several.
func (c *cli) printJSON(r *verifier.Report, name string, several bool) error {
	b, err := r.MarshalJSON()
	if err != nil {
		return err
	}
	v := jsontext.Value(b)
	if several {
		quoted, err := jsontext.AppendQuote(nil, name)
		if err != nil {
			quoted = []byte(`"?"`) // a file name that is not UTF-8
		}
		_, err = fmt.Fprintf(c.stdout, "{\"file\":%s,\"report\":%s}\n", quoted, bytes.TrimSpace(b))
		return err
	}
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stdout, "%s\n", v)
	return err
}
