package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
)

func (c *cli) deriveCommand() *cobra.Command {
	var disclosure signer.Disclosure
	var out string
	cmd := &cobra.Command{
		Use:   "derive --select POINTER... CREDENTIAL",
		Short: "Disclose a part of a credential, as its holder",
		Long: `Makes from CREDENTIAL ("-" for standard input), which was issued with the suite
ecdsa-sd-2023, the document to show to others: it holds what the issuer made mandatory
and what is selected, under a proof that verifies without the rest. CREDENTIAL itself
is for its holder alone, and verifiers refuse it.

A pointer (RFC 6901) names a member, such as /credentialSubject/achievement/name; an
object on the way is shown with its id and type. "" selects everything. Several
documents derived from one credential can be recognised as such.`,
		Example: `  chancery derive --select /credentialSubject/achievement credential.json -o shown.json
  chancery derive --select '' credential.json | chancery verify --trust trust.json -   # is it good?`,
		Args: exactly(1, "a credential"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := c.readDocument(args[0])
			if err != nil {
				return err
			}
			in, err := chancery.Detect(text)
			if err != nil {
				return invalidError{fmt.Errorf("%s: %w", args[0], err)}
			}
			shown, err := disclosure.Derive(cmd.Context(), in)
			switch {
			case errors.Is(err, signer.ErrNoBaseProof), errors.Is(err, signer.ErrConfig):
				return hintError{invalidError{fmt.Errorf("%s: %w", args[0], err)}, "credentials for this are issued with 'chancery issue --suite " + proof.ECDSASD2023 + "'"}
			case err != nil:
				return invalidError{fmt.Errorf("%s: %w", args[0], err)}
			}
			if credential, err := chancery.Parse(shown.Bytes); err != nil {
				return invalidError{fmt.Errorf("%s: %w", args[0], err)}
			} else if err := checkBadge(credential); err != nil {
				fmt.Fprintf(c.stderr, "warning: verifiers will refuse this badge, in which too much is left out: %v\n", err)
			}
			return c.write(out, line(shown.Bytes), 0o644)
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&disclosure.Pointers, "select", nil, "JSON pointer to what is shown beside what is mandatory; may be repeated")
	c.outputFlag(cmd, &out, "file to write; default: standard output")
	return cmd
}
