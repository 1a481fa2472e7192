package main

import (
	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/internal/web/verify"
)

func (c *cli) verifierPageCommand() *cobra.Command {
	var out, trust, lang string
	cmd := &cobra.Command{
		Use:   "verifier-page -o PAGE.html",
		Short: "Save the verifier as one HTML file, for an archive",
		Long: `Saves the page on which documents are checked as one HTML file that holds
everything, the verifier too. It opens in a browser from a disk, needs no network and
can send nothing anywhere.

The trust file given with --trust is saved into the page, and shown there. Without one
no issuer counts as known until the reader chooses a trust file of their own. The same
options give the same bytes.`,
		Example: `  chancery verifier-page --trust trust.json -o verify.html`,
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var b []byte
			if trust != "" {
				var err error
				if b, err = c.read(trust, 64<<20); err != nil {
					return err
				}
			}
			page, err := verify.File(verify.FileConfig{Trust: b, Lang: lang})
			if err != nil {
				return usageError{err}
			}
			if out == "" && c.outTTY {
				return hintError{usagef("expected a file for the page, found a terminal"), "add -o FILE, or redirect standard output"}
			}
			return c.write(out, page, 0o644)
		},
	}
	fl := cmd.Flags()
	c.outputFlag(cmd, &out, "file to write; default: standard output")
	fl.StringVar(&trust, "trust", "", "trust file to save into the page; default: none")
	fl.StringVar(&lang, "lang", "", "language that the page opens in: en, de or ar; default: that of the browser")
	return cmd
}
