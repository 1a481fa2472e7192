package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/online"
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
or JWT, a PNG or SVG with one baked in, a signed PDF, an evidence bundle, or a ZIP
of such. What a file is, is told by its content.

Evidence, or another detached proof, is judged together with the document that it is
about: of the files given, in any order, the one with the digest that it names, or
the only one; or that of --document. A document that says by itself who made it, such
as a credential or a signed PDF, is judged as well, and the result is valid only if
both are.

A ZIP gets one verdict on all that is in it, valid only if everything is. A file in it
that holds nothing to judge, such as the table in a batch's results.zip, is listed as
not judged and leaves the ZIP indeterminate: nothing is said of what it contains.

The network is not used unless --online is given. --trust names a trust file
(docs/formats/trust.md), or is the word "any", which accepts every issuer whose
key is its own and says so in the report.

Exit status: 0 all valid, 1 one is invalid, 3 none is invalid but one could not be
decided, 2 the command was called wrongly, 4 a file could not be read.`,
		Example: `  chancery verify --trust trust.json diploma.png transcript.json
  chancery verify --trust any --json credential.json
  chancery verify --trust trust.json --at 2030-01-01T00:00:00Z --online badge.svg
  chancery verify --roots ca.pem --tsa-roots tsa.pem signed.pdf
  chancery verify --trust trust.json evidence.cbor thesis.pdf
  chancery verify --trust trust.json results.zip`,
		Args: atLeast(1, "one or more files"),
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := readOnce(append(files, f.trust, f.document, f.passwordFile)...); err != nil {
				return err
			}
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

// readOnce refuses names of which more than one is standard input: the second would be read
// as an empty file.
func readOnce(names ...string) error {
	seen := false
	for _, name := range names {
		if seen && name == "-" {
			return usagef(`expected one file at most on standard input ("-"), found several`)
		}
		seen = seen || name == "-"
	}
	return nil
}

// noTrustFile says what was given as a trust file, where that is told easily.
func noTrustFile(name string, b []byte, err error) error {
	hint := "write one with 'chancery trust'; docs/formats/trust.md describes it"
	found := ""
	text := strings.TrimSpace(string(b[:min(len(b), 4096)]))
	s, detected := chancery.Detect(b)
	switch {
	case text == "":
		found = "an empty file"
	case strings.HasPrefix(text, "did:") && !strings.ContainsAny(text, " \n{"):
		found, hint = "an issuer's identifier", "make a trust file of it: chancery trust --issuer-file "+name+" -o trust.json"
	case strings.HasPrefix(text, "-----BEGIN CERTIFICATE"):
		found, hint = "certificates", "give them with --roots, or make a trust file of them: chancery trust --root "+name+" -o trust.json"
	case detected == nil && s.MediaType != chancery.MediaJSON:
		found = "a document of type " + s.MediaType
	default:
		return hintError{usageError{fmt.Errorf("%s: expected a trust file: %w", name, err)}, hint}
	}
	return hintError{usagef("%s: expected a trust file (JSON), found %s", name, found), hint}
}

func (c *cli) readTrust(f verifyFlags) (*verifier.Trust, error) {
	trust := &verifier.Trust{}
	switch {
	case f.trust == "any":
		trust = verifier.TrustAny()
	case f.trust != "":
		b, err := c.read(f.trust, 64<<20)
		if errors.Is(err, fs.ErrNotExist) && strings.Contains(f.trust, ":") {
			return nil, hintError{err, "--trust takes a file: write one with 'chancery trust --issuer " + f.trust + " -o trust.json'"}
		}
		if err != nil {
			return nil, err
		}
		if trust, err = verifier.ParseTrust(b); err != nil {
			return nil, noTrustFile(f.trust, b, err)
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
