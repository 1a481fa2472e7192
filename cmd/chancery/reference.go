package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/chancery-dev/chancery/verifier"
)

func (c *cli) reasonsCommand() *cobra.Command {
	var asJSON *bool
	cmd := &cobra.Command{
		Use:   "reasons [CODE]",
		Short: "Explain the reasons that verdicts give",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("expected at most one reason code, found %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			var codes []string
			for _, r := range verifier.Reasons() {
				codes = append(codes, string(r.Code))
			}
			return codes, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			found := false
			for _, r := range verifier.Reasons() {
				if len(args) == 1 && string(r.Code) != args[0] {
					continue
				}
				found = true
				if *asJSON {
					if err := c.printLine(reasonObject(r)); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(c.stdout, "%-28s %-13s %s\n", r.Code, r.Outcome, r.Text)
				if len(args) == 1 {
					if r.Hint != "" {
						fmt.Fprintln(c.stdout, "hint: "+r.Hint)
					}
					if r.Section != "" {
						fmt.Fprintln(c.stdout, "see: "+r.Section)
					}
				}
			}
			if !found {
				return hintError{usagef("unknown reason %q", args[0]), "run 'chancery reasons' for all of them"}
			}
			return nil
		},
	}
	asJSON = jsonFlag(cmd, "print one JSON object a line")
	return cmd
}

func (c *cli) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages",
		Args:  exactly(1, "a directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fileError(err)
			}
			date := c.now()
			return doc.GenManTree(cmd.Root(), &doc.GenManHeader{Title: "CHANCERY", Section: "1", Source: "Chancery " + version(), Date: &date}, args[0])
		},
	}
}
