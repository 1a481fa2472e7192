package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/config"
)

// leftOut names what an installation needs beside its database.
func leftOut(conf *config.Config) []string {
	key := "the master key: " + filepath.Join(conf.Data, "master.key")
	if conf.MasterKey.Set() {
		key = "the master key: where the setting masterKey has it from"
	}
	files := "the files, copied after the database: "
	switch {
	case conf.Blobs.Kind == "s3":
		files += "bucket " + conf.Blobs.S3.Bucket
	case conf.Blobs.Dir != "":
		files += conf.Blobs.Dir
	default:
		files += filepath.Join(conf.Data, "blobs")
	}
	out := []string{key, files}
	if conf.TSA.URL == "dev" {
		out = append(out, "the timestamp authority to try out: "+filepath.Join(conf.Data, "dev-tsa.pem"))
	}
	return append(out, "the configuration, and the files that it names")
}

func (c *cli) backupCommand() *cobra.Command {
	var f configFlags
	var out string
	cmd := &cobra.Command{
		Use:   "backup -o FILE [--data DIR]",
		Short: "Copy the service's SQLite database, while it runs",
		Long: `Writes a consistent copy of the database in the data directory to a new file. The
service may run meanwhile. The copy alone is not enough to begin again: the master key
and the files (blobs) belong to it, and are named when the copy is made. Copy the files
after the database, so that every file that the copy names is among them. PostgreSQL has
pg_dump.`,
		Example: `  chancery backup --config /etc/chancery/chancery.toml -o /backup/chancery.db
  chancery backup --data chancery-data -o chancery.db`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" || out == "-" {
				return usagef("expected -o FILE, a file that is not there yet")
			}
			if _, err := os.Lstat(out); !errors.Is(err, fs.ErrNotExist) {
				if err == nil {
					err = fmt.Errorf("%s: expected a file that is not there yet", out)
				}
				return err
			}
			conf, err := f.load(c)
			if err != nil {
				return err
			}
			if conf.Database.Postgres.Set() {
				return hintError{usagef("expected an installation on SQLite, found PostgreSQL"), "pg_dump copies its database"}
			}
			database := filepath.Join(conf.Data, "chancery.db")
			if _, err := os.Stat(database); err != nil { // opening would make a new one
				return fileError(err)
			}
			store, err := serving.OpenSQLite(cmd.Context(), serving.SQLiteConfig{Path: database, Now: c.now, Alone: serving.Unserved(conf.Data), Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				return err
			}
			// The copy holds personal data: nobody else may read it. It has its name only when
			// all of it is there: half a copy must not be taken for one.
			err = c.create(out, 0o600, func(w io.Writer) error {
				file, ok := w.(*os.File)
				if info, err := os.Lstat(out); !ok || err == nil && !info.Mode().IsRegular() {
					return fmt.Errorf("%s: expected a file on a disk", out)
				}
				return store.Backup(cmd.Context(), file.Name())
			})
			if err := errors.Join(err, store.Close()); err != nil {
				return err
			}
			fmt.Fprintf(c.stderr, "The database is in %s. Not in it, and needed to begin again:\n", out)
			for _, left := range leftOut(conf) {
				fmt.Fprintln(c.stderr, "  "+left)
			}
			return nil
		},
	}
	f.add(cmd)
	cmd.Flags().StringVarP(&out, "output", "o", "", "the new file")
	return cmd
}

func (c *cli) restoredCommand() *cobra.Command {
	var f configFlags
	cmd := &cobra.Command{
		Use:   "restored [--config FILE]",
		Short: "Have a restored service go on safely, before it is started",
		Long: `Has every issuer begin a new status list with its next credential. A database that was
restored to an earlier moment does not know which places in the lists were given out
since: given out again, two credentials would share one, and be revoked together. Copies
made by 'chancery backup' do so by themselves; after pg_restore, or any other copy, run
this once, before the service is started. To run it again does no harm. Files that were made
since are removed by 'chancery sweep --ours'.`,
		Example: `  chancery restored --config /etc/chancery/chancery.toml`,
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withInstallation(cmd.Context(), f, func(in *serving.Installation) error {
				n, err := in.Core.Restored(cmd.Context())
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.stdout, "%d status lists ended; issuers begin new ones\n", n)
				return err
			})
		},
	}
	f.add(cmd)
	return cmd
}
