package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/verifying"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/online"
	"github.com/chancery-dev/chancery/verifier/pades"
)

type verifyFlags struct {
	trust, at, profile           string
	online, json, verbose        bool
	domain, challenge            string
	recipient, recipientType     string
	document, passwordFile       string
	parts                        []string
	roots, tsaRoots              []string
	timeout                      time.Duration
	insecureStale, insecureNoSts bool
}

func (c *cli) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify --trust FILE|any FILE...",
		Short: "Judge credentials, presentations, badges, signed PDFs and evidence",
		Long: `Judges each FILE ("-" for standard input): a credential or presentation as JSON
or JWT, a PNG or SVG with one baked in, a signed PDF, or an evidence bundle. What a
file is, is told by its content. An evidence bundle followed by one other file is
judged together with that file: the document that it is about. A document that says
by itself who made it, such as a credential or a signed PDF, is judged as well, and
the result is valid only if both are.

The network is not used unless --online is given. --trust names a trust file
(docs/formats/trust.md), or is the word "any", which accepts every issuer whose
key is its own and says so in the report.

Exit status: 0 all valid, 1 one is invalid, 3 none is invalid but one could not be
decided.`,
		Example: `  chancery verify --trust trust.json diploma.png transcript.json
  chancery verify --trust any --json credential.json
  chancery verify --trust trust.json --at 2030-01-01T00:00:00Z --online badge.svg
  chancery verify --roots ca.pem --tsa-roots tsa.pem signed.pdf
  chancery verify --trust trust.json evidence.cbor thesis.pdf`,
		Args: atLeast(1, "one or more files"),
		RunE: func(cmd *cobra.Command, files []string) error {
			config, err := c.verifierConfig(f)
			if err != nil {
				return err
			}
			return c.verifyFiles(cmd.Context(), config, f, files)
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
	fl.StringArrayVar(&f.roots, "roots", nil, "PEM file with certificates at which PDF signatures may end, beside those of --trust")
	fl.StringArrayVar(&f.tsaRoots, "tsa-roots", nil, "PEM file with certificates at which timestamps may end, beside those of --trust")
	fl.StringVar(&f.document, "document", "", "the document that an evidence bundle is about")
	fl.StringVar(&f.passwordFile, "password-file", "", "file with the password of encrypted PDFs")
	fl.StringArrayVar(&f.parts, "parts", nil, "file with detached parts of evidence bundles, such as a batch's finality pack")
	fl.BoolVar(&f.insecureStale, "insecure-accept-stale-status", false, "believe status lists that are too old, and say so")
	fl.BoolVar(&f.insecureNoSts, "insecure-no-status", false, "leave revocation unchecked, and say so")
	return cmd
}

// verifierConfig reads what a verification needs beside the files.
func (c *cli) verifierConfig(f verifyFlags) (verifier.Config, error) {
	trust, err := c.readTrust(f)
	if err != nil {
		return verifier.Config{}, err
	}
	profile, err := verifier.ParseProfile(f.profile)
	if err != nil {
		return verifier.Config{}, usageError{err}
	}
	clock := c.now
	if f.at != "" {
		at, err := time.Parse(time.RFC3339, f.at)
		if err != nil {
			return verifier.Config{}, usagef("--at: expected a time such as 2026-11-22T10:00:00Z, found %q", f.at)
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
			return verifier.Config{}, err
		}
		config.Keys, config.Status, config.Documents = source, source, source
	}
	if _, err := verifier.New(config); err != nil {
		return verifier.Config{}, usageError{err}
	}
	return config, nil
}

func (c *cli) readTrust(f verifyFlags) (*verifier.Trust, error) {
	trust := &verifier.Trust{}
	switch {
	case f.trust == "any":
		trust = verifier.TrustAny()
	case f.trust != "":
		b, err := c.read(f.trust, 64<<20)
		if err != nil {
			return nil, err
		}
		if trust, err = verifier.ParseTrust(b); err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", f.trust, err)}
		}
	case len(f.roots) == 0:
		return nil, hintError{usagef("expected --trust"), `write a trust file with 'chancery trust', or say "--trust any" to accept every issuer`}
	}
	roots, err := c.readCertificates(f.roots...)
	if err != nil {
		return nil, err
	}
	tsaRoots, err := c.readCertificates(f.tsaRoots...)
	if err != nil {
		return nil, err
	}
	trust.Roots, trust.TSARoots = append(trust.Roots, roots...), append(trust.TSARoots, tsaRoots...)
	return trust, nil
}

// subject is a file to judge, and the document beside it where it is evidence.
type subject struct {
	name     string
	document string
}

// subjects pairs an evidence bundle with the one other file given, so that
// "verify evidence.cbor FILE" judges them together.
func (c *cli) subjects(f verifyFlags, files []string) ([]subject, map[string][]byte, error) {
	var out []subject
	content := map[string][]byte{}
	for _, name := range files {
		if large(name) {
			out = append(out, subject{name, f.document})
			continue
		}
		b, err := c.readDocument(name)
		if err != nil && len(files) > 1 {
			if err := c.unread(f, name, err); err != nil {
				return nil, nil, err
			}
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		content[name] = b
		out = append(out, subject{name, f.document})
	}
	if f.document != "" && !large(f.document) {
		b, err := c.readDocument(f.document)
		if err != nil {
			return nil, nil, err
		}
		content[f.document] = b
	} else if len(files) == 2 && len(out) == 2 && verifying.IsProof(content[files[0]]) && !verifying.IsProof(content[files[1]]) {
		out = []subject{{files[0], files[1]}}
	}
	return out, content, nil
}

// unread says that one file of several could not be read. The others are judged all the
// same; the exit status is that of the fault.
func (c *cli) unread(f verifyFlags, name string, fault error) error {
	c.status = worse(c.status, c.complain(fault))
	if !f.json {
		return nil
	}
	quotedName, err := jsontext.AppendQuote(nil, name)
	if err != nil {
		quotedName = []byte(`"?"`)
	}
	message, err := jsontext.AppendQuote(nil, fault.Error())
	if err != nil {
		message = []byte(`"?"`)
	}
	_, err = fmt.Fprintf(c.stdout, "{\"file\":%s,\"error\":%s}\n", quotedName, message)
	return err
}

func (c *cli) verifyFiles(ctx context.Context, config verifier.Config, f verifyFlags, files []string) error {
	if f.online {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	parts, err := c.readParts(f.parts)
	if err != nil {
		return err
	}
	password, err := c.passwordFile(f.passwordFile)
	if err != nil {
		return err
	}
	subjects, content, err := c.subjects(f, files)
	if err != nil {
		return err
	}
	several := len(files) > 1 && (len(subjects) != 1 || subjects[0].document == "")
	for i, s := range subjects {
		report, err := c.judge(ctx, config, s, content, parts, password)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		c.status = worse(c.status, exitOf(report.Outcome))
		if f.json {
			if err := c.printJSON(report, s.name, several); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(c.stdout)
		}
		c.render(c.stdout, s.name, report, f.verbose)
	}
	return nil
}

// readParts reads detached parts of evidence bundles.
func (c *cli) readParts(files []string) ([][]byte, error) {
	var out [][]byte
	for _, name := range files {
		b, err := c.read(name, 64<<20)
		if err != nil {
			return nil, err
		}
		parts, err := evidence.ParseParts(b)
		if err != nil {
			return nil, invalidError{fmt.Errorf("%s: %w", name, err)}
		}
		out = append(out, parts...)
	}
	return out, nil
}

// large tells whether a file is too large to be held as a document. Such a file is read
// as it is needed: a PDF to be judged, or the document that evidence is about.
func large(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular() && info.Size() > limits.DocumentBytes
}

// judge returns the report on one file; the error is a fault on our side.
func (c *cli) judge(ctx context.Context, config verifier.Config, s subject, content map[string][]byte, parts [][]byte, password string) (*verifier.Report, error) {
	in := verifying.Input{Parts: parts, Password: password}
	if source, ok := config.Keys.(pades.RevocationSource); ok { // with --online
		in.Revocation = source
	}
	file, closeFile, err := openSubject(s.name, content)
	if err != nil {
		return nil, err
	}
	defer closeFile()
	in.File = file
	if s.document != "" {
		document, closeDocument, err := openSubject(s.document, content)
		if err != nil {
			return nil, err
		}
		defer closeDocument()
		in.Document = &document
	}
	return verifying.Judge(ctx, config, in)
}

// openSubject returns a file that was read already, or opens a large one, to be read as
// it is needed.
func openSubject(name string, content map[string][]byte) (verifying.File, func() error, error) {
	if b, held := content[name]; held {
		return verifying.Bytes(name, b), func() error { return nil }, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return verifying.File{}, nil, fileError(err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return verifying.File{}, nil, fileError(err)
	}
	return verifying.File{Name: name, At: f, Size: info.Size()}, f.Close, nil
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
