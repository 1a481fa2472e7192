package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/internal/did"
	"github.com/chancery-dev/chancery/verifier/online"
)

func (c *cli) didCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "did",
		Short: "Show, resolve and write DID documents",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return hintError{usagef("unknown command %q for did", args[0]), "run 'chancery did --help' for the commands"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.didKeyCommand(), c.didResolveCommand(), c.didDocumentCommand())
	return cmd
}

func (c *cli) didKeyCommand() *cobra.Command {
	var pass passphraseFlags
	var form string
	var asJSON *bool
	cmd := &cobra.Command{
		Use:   "key KEY.pem",
		Short: "Print the DID of a key",
		Long: `Prints the did:key (or with --form jwk the did:jwk) of a private or public key
file. Only the public half is read into the answer.`,
		Args: exactly(1, "a key file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			public, err := c.readPublic(args[0], pass)
			if err != nil {
				return err
			}
			of := map[string]func(crypto.PublicKey) (string, string, error){"key": did.FromKey, "jwk": did.FromJWK}[form]
			if of == nil {
				return usagef("--form: expected key or jwk, found %q", form)
			}
			id, method, err := of(public)
			if err != nil {
				return usageError{err}
			}
			if *asJSON {
				var o object
				o.text("did", id)
				o.text("method", method)
				return c.printIndented([]byte(o.String()))
			}
			_, err = fmt.Fprintln(c.stdout, id)
			return err
		},
	}
	pass.add(cmd)
	asJSON = jsonFlag(cmd, "print DID and verification method as JSON")
	cmd.Flags().StringVar(&form, "form", "key", "key (did:key) or jwk (did:jwk)")
	return cmd
}

func (c *cli) didResolveCommand() *cobra.Command {
	var dial bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "resolve DID",
		Short: "Print the document behind a DID",
		Long: `Prints the document behind a did:key or did:jwk, which need no network, or with
--online that behind a did:web. It is printed as received, to be read and then
pinned in a trust file.`,
		Example: "  chancery did resolve --online did:web:university.example",
		Args:    exactly(1, "a DID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := args[0]
			if did.IsPure(id) {
				doc, err := did.ResolvePure(id)
				if err != nil {
					return invalidError{err}
				}
				b, err := doc.Encode()
				if err != nil {
					return err
				}
				return c.printIndented(b)
			}
			if !dial {
				return hintError{usagef("%s has to be fetched", plain(id)), "add --online to allow that"}
			}
			source, err := online.New(online.Config{Clock: c.now})
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			found, err := source.Controller(ctx, id)
			if err != nil {
				return err
			}
			if _, err := did.ParseDocument(found.Bytes, id); err != nil {
				return invalidError{err}
			}
			return c.write("", found.Bytes, 0)
		},
	}
	cmd.Flags().BoolVar(&dial, "online", false, "allow fetching")
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait")
	return cmd
}

func (c *cli) didDocumentCommand() *cobra.Command {
	var pass passphraseFlags
	var id, out string
	cmd := &cobra.Command{
		Use:   "document --id DID KEY.pem...",
		Short: "Write a DID document to publish",
		Long: `Writes the document that lists the public halves of the keys, to be published
where a did:web or https identifier says.`,
		Example: "  chancery did document --id did:web:university.example key/key.pem -o .well-known/did.json",
		Args:    atLeast(1, "one or more key files"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if id == "" {
				return usagef("expected --id")
			}
			var keys []crypto.PublicKey
			for _, name := range args {
				key, err := c.readPublic(name, pass)
				if err != nil {
					return err
				}
				keys = append(keys, key)
			}
			doc, err := did.NewDocument(id, keys...)
			if err != nil {
				return usageError{err}
			}
			b, err := doc.Encode()
			if err != nil {
				return err
			}
			v := jsontext.Value(b)
			if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
				return err
			}
			if err := c.write(out, append(v, '\n'), 0o644); err != nil {
				return err
			}
			if strings.HasPrefix(id, "did:web:") && c.tty {
				if url, err := did.WebURL(id); err == nil {
					fmt.Fprintln(c.stderr, "publish it at "+url)
				} else if !errors.Is(err, did.ErrUnsupported) {
					return usageError{err}
				}
			}
			return nil
		},
	}
	pass.add(cmd)
	cmd.Flags().StringVar(&id, "id", "", "the document's identifier: a did:web or an https URL (required)")
	c.outputFlag(cmd, &out, "file to write; default: standard output")
	return cmd
}

// printIndented writes JSON text with two spaces a level.
func (c *cli) printIndented(b []byte) error {
	v := jsontext.Value(b)
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.stdout, "%s\n", v)
	return err
}
