package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
)

func (c *cli) sweepCommand() *cobra.Command {
	var f configFlags
	var ours, asJSON bool
	cmd := &cobra.Command{
		Use:   "sweep [--ours] [--config FILE]",
		Short: "Remove files of the service that belong to nobody, now",
		Long: `Looks for files that no credential, document or badge of the database needs: a process
that was killed between storing a file and writing down whose it is leaves one, and so
does a restore to an earlier moment. They may name people whom no erasure finds. Files that are
more than a day old are set aside, where they are still found; those that have been aside for
a day are removed. The service does the same by itself, twice a day; it may run meanwhile.

It stops where another database has been seen to use the same files (a copy of this one that
runs elsewhere, or the one from before a restore), and where too many of them belong to
nobody. Say --ours once you are sure that no other service uses these files, and that the
database has all that it should have: after a restore, when it is to stay.`,
		Example: `  chancery sweep --config /etc/chancery/chancery.toml
  chancery sweep --ours --config /etc/chancery/chancery.toml   # after a restore`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withInstallation(cmd.Context(), f, func(in *serving.Installation) error {
				n, err := in.Core.Sweep(cmd.Context(), ours)
				if err != nil {
					return err
				}
				if asJSON {
					err = json.NewEncoder(c.stdout).Encode(n)
				} else {
					_, err = fmt.Fprintf(c.stdout, "%d files; set aside %d, put back %d, removed %d\n", n.Files, n.Aside, n.Back, n.Dropped)
				}
				if err == nil && n.Halted != "" {
					err = hintError{fmt.Errorf("stopped: %s", n.Halted), "chancery sweep --help says when --ours is right"}
				}
				return err
			})
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&ours, "ours", false, "the files are this database's alone, and it is the one that stays")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return cmd
}
