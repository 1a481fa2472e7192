package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/evidence"
)

const defaultStore = "anchors"

func (c *cli) stampCommand() *cobra.Command {
	var store, alg, kind string
	var digests []string
	var asJSON *bool
	cmd := &cobra.Command{
		Use:   "stamp [FILE...]",
		Short: "Put documents, or digests of them, into the next batch",
		Long: `Adds the digest of each FILE to the store, to be anchored with the next batch, and
prints its item id. The files themselves are not kept: only their digests, each with a
random salt that keeps the batch from telling anything about them.

--digest takes digests made elsewhere, so that the document never leaves its owner.`,
		Example: `  chancery stamp thesis.pdf credential.json
  chancery stamp --digest sha-256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  chancery anchor submit --key key/key.pem --rpc https://rpc.example --keystore account.json …`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if len(files)+len(digests) == 0 {
				return hintError{usagef("expected files or --digest"), "usage: " + cmd.UseLine()}
			}
			if kind != "" && !slices.Contains(anchor.Kinds(), kind) {
				return usagef("--kind: expected one of %v, found %q", anchor.Kinds(), kind)
			}
			if !slices.Contains(evidence.DigestAlgs(), alg) {
				return usagef("--hash: expected one of %v, found %q", evidence.DigestAlgs(), alg)
			}
			var subjects []evidence.Subject
			for _, name := range files {
				s, err := c.digestFile(name, kind, alg)
				if err != nil {
					return err
				}
				subjects = append(subjects, s)
			}
			for _, d := range digests {
				s, err := bareDigest(d, kind)
				if err != nil {
					return err
				}
				subjects = append(subjects, s)
			}
			return c.stamp(cmd.Context(), store, append(files, digests...), subjects, *asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&store, "store", defaultStore, "directory that keeps items and batches")
	f.StringVar(&alg, "hash", "sha-256", "hash of the documents: "+strings.Join(evidence.DigestAlgs(), ", "))
	f.StringVar(&kind, "kind", "", "what the documents are: "+strings.Join(anchor.Kinds(), ", ")+"; default: told by content")
	asJSON = jsonFlag(cmd, "print one JSON object a line for each item")
	f.StringArrayVar(&digests, "digest", nil, "a digest as HASH:HEX; may be repeated")
	return cmd
}

// digestFile reads a file of any size once.
func (c *cli) digestFile(name, kind, alg string) (evidence.Subject, error) {
	var in io.Reader = c.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return evidence.Subject{}, fileError(err)
		}
		defer f.Close()
		in = f
	}
	if kind == "" { // told by the beginning; a document that is too long to be one is a stamp
		head, err := io.ReadAll(io.LimitReader(in, 1<<20))
		if err != nil {
			return evidence.Subject{}, fileError(err)
		}
		kind = kindOfDocument(head)
		in = io.MultiReader(bytes.NewReader(head), in)
	}
	s, err := anchor.Digest(in, kind, alg)
	if err != nil {
		return s, fileError(err)
	}
	return s, nil
}

func kindOfDocument(b []byte) string {
	s, err := chancery.Detect(b)
	if err != nil {
		return evidence.SubjectStamp
	}
	switch s.MediaType {
	case chancery.MediaPDF:
		return evidence.SubjectPDF
	case chancery.MediaPNG, chancery.MediaSVG:
		return evidence.SubjectBadge
	case chancery.MediaVC, chancery.MediaJWT, chancery.MediaVCJWT:
		return evidence.SubjectCredential
	case chancery.MediaVP, chancery.MediaVPJWT:
		return evidence.SubjectPresentation
	}
	return evidence.SubjectStamp
}

func bareDigest(s, kind string) (evidence.Subject, error) {
	alg, text, _ := strings.Cut(s, ":")
	digest, err := hex.DecodeString(text)
	if err != nil || len(digest) == 0 {
		return evidence.Subject{}, usagef("--digest: expected HASH:HEX such as sha-256:9f86…, found %q", s)
	}
	subject, err := anchor.Stamp(kind, alg, digest)
	if err != nil {
		return evidence.Subject{}, usageError{err}
	}
	return subject, nil
}

func (c *cli) stamp(ctx context.Context, dir string, names []string, subjects []evidence.Subject, asJSON bool) error {
	store, err := openStore(dir)
	if err != nil {
		return err
	}
	defer store.Close()
	// Adding needs no key: who signs the batch is said when it is sealed. The id is random
	// and the salt secret, so that a batch tells nothing about its items.
	items := make([]anchor.Item, len(subjects))
	for i, s := range subjects {
		draw := make([]byte, evidence.SaltSize+16)
		if _, err := rand.Read(draw); err != nil {
			return err
		}
		items[i] = anchor.Item{ID: hex.EncodeToString(draw[evidence.SaltSize:]), Subject: s, Salt: draw[:evidence.SaltSize], Added: c.now().UTC()}
	}
	added, err := store.Add(ctx, items)
	if err != nil {
		return err
	}
	for i, item := range added {
		if asJSON {
			var o object
			o.text("item", item.ID)
			o.text("name", names[i])
			o.text("kind", item.Subject.Type)
			o.text("alg", item.Subject.DigestAlg)
			o.text("digest", hex.EncodeToString(item.Subject.Digest))
			if err := c.printLine(o); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(c.stdout, "%s  %s\n", item.ID, plain(names[i]))
	}
	return nil
}

func openStore(dir string) (*anchor.FileStore, error) {
	store, err := anchor.OpenFileStore(dir)
	if err != nil {
		if errors.Is(err, anchor.ErrLocked) {
			return nil, hintError{err, "another chancery works on it; wait until it is done"}
		}
		return nil, err
	}
	return store, nil
}

// openExisting opens a store that is there: a look into the wrong directory makes none.
func openExisting(dir string) (*anchor.FileStore, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, hintError{usagef("%s: expected a directory that 'chancery stamp' made, found none", dir), "name it with --store, or change to the directory that it is in"}
	}
	return openStore(dir)
}

func (c *cli) proveCommand() *cobra.Command {
	var store, out, content, parts string
	cmd := &cobra.Command{
		Use:   "prove ITEM -o EVIDENCE.cbor",
		Short: "Hand out the evidence of an item",
		Long: `Writes the evidence of an item whose batch is anchored: one file that verifies alone,
against trust that the reader has (docs/formats/evidence.md).

--content puts the document itself inside. --parts writes what the whole batch shares,
such as the finality pack, to a file of its own, so that each evidence stays small.`,
		Example: "  chancery prove 0d5e… --content credential.json -o evidence.cbor\n  chancery verify --trust trust.json evidence.cbor",
		Args:    exactly(1, "an item id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openExisting(store)
			if err != nil {
				return err
			}
			defer s.Close()
			var inside []byte
			if content != "" {
				if inside, err = c.readDocument(content); err != nil {
					return err
				}
			}
			bundle, err := (&anchor.Prover{Store: s}).Bundle(cmd.Context(), args[0], inside)
			switch {
			case errors.Is(err, anchor.ErrPending):
				return hintError{err, "run 'chancery anchor submit', then 'chancery anchor wait'"}
			case errors.Is(err, anchor.ErrNotFound), errors.Is(err, anchor.ErrItem):
				return usageError{err}
			case err != nil:
				return err
			}
			if parts != "" {
				small, detached := bundle.Detach()
				b, err := evidence.EncodeParts(detached)
				if err != nil {
					return err
				}
				if err := c.write(parts, b, 0o644); err != nil {
					return err
				}
				bundle = small
			}
			b, err := bundle.Encode()
			if err != nil {
				return err
			}
			return c.write(out, b, 0o644)
		},
	}
	f := cmd.Flags()
	f.StringVar(&store, "store", defaultStore, "directory that keeps items and batches")
	f.StringVar(&content, "content", "", "the document, to be put inside")
	f.StringVar(&parts, "parts", "", "file for what the whole batch shares; default: inside each evidence")
	c.outputFlag(cmd, &out, "file to write; default: standard output")
	return cmd
}

func (c *cli) convertCommand() *cobra.Command {
	var to, out string
	cmd := &cobra.Command{
		Use:   "convert EVIDENCE --to json|cbor",
		Short: "Convert evidence between its file form and its JSON view",
		Long:  `Converts evidence from CBOR to its JSON view (docs/formats/evidence.md) or back. Nothing is verified.`,
		Args:  exactly(1, "an evidence file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := c.readDocument(args[0])
			if err != nil {
				return err
			}
			var bundle *evidence.Bundle
			if text := bytes.TrimSpace(b); len(text) > 0 && text[0] == '{' {
				bundle, err = evidence.FromJSON(text)
			} else {
				bundle, err = evidence.Parse(b)
			}
			if err != nil {
				return invalidError{fmt.Errorf("%s: %w", args[0], err)}
			}
			switch to {
			case "json":
				b, err = bundle.JSON()
			case "cbor":
				b, err = bundle.Encode()
			default:
				return usagef("--to: expected json or cbor, found %q", to)
			}
			if err != nil {
				return err
			}
			return c.write(out, b, 0o644)
		},
	}
	cmd.Flags().StringVar(&to, "to", "json", "json or cbor")
	c.outputFlag(cmd, &out, "file to write; default: standard output")
	return cmd
}
