package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/config"
	"github.com/chancery-dev/chancery/internal/httpapi"
)

// configFlags are the flags of every command that reads the service's configuration.
type configFlags struct {
	file, listen, data, role, logLevel string
}

func (f *configFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.file, "config", "", "configuration file, TOML or YAML (see 'chancery config example'; default $CHANCERY_CONFIG)")
	fl.StringVar(&f.data, "data", "", "directory for the database, files and keys (default chancery-data)")
	fl.StringVar(&f.logLevel, "log-level", "", "debug, info, warn or error (default info)")
}

// load reads the configuration: file, then variables, then flags. Without a file, what is
// needed for trying out is switched on.
func (f *configFlags) load(c *cli) (*config.Config, error) {
	settings := map[string]string{}
	for name, value := range map[string]string{"listen": f.listen, "data": f.data, "role": f.role, "log.level": f.logLevel} {
		if value != "" {
			settings[name] = value
		}
	}
	source := config.Source{Environ: os.Environ(), Settings: settings, Read: os.ReadFile, Ignore: []string{"CHANCERY_CONFIG", "CHANCERY_INTEROP", "CHANCERY_AXE", "CHANCERY_WASM", "CHANCERY_POSTGRES", "CHANCERY_BULK_ROWS"}}
	if f.file == "" {
		f.file = os.Getenv("CHANCERY_CONFIG")
	}
	if f.file != "" {
		text, err := c.read(f.file, 1<<20)
		if err != nil {
			return nil, err
		}
		source.Name, source.File = f.file, text
	} else {
		source.Name, source.File = "defaults.toml", []byte(trying)
	}
	out, err := config.Load(source)
	if err != nil {
		return nil, hintError{usageError{err}, "'chancery config example' shows every setting"}
	}
	return out, nil
}

// trying is the configuration where none is given: mail goes into files, and a timestamp
// authority of one's own stands in for a real one.
const trying = "[tsa]\nurl = \"dev\"\n[mail]\nkind = \"files\"\nfrom = \"chancery@localhost\"\nfromName = \"Chancery\"\n[webhooks]\ninsecureLoopback = true\n"

func (c *cli) serveCommand() *cobra.Command {
	var f configFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the service: issue and verify over HTTP",
		Long: `Runs the service. Without a configuration it is there for trying out, on loopback:
SQLite and files in a directory, an institution with an issuer, and an API key that is
printed once. With one it uses PostgreSQL, S3, SMTP, an Ethereum node, a timestamp
authority, a PKCS#11 token and TLS, as far as they are set.

SIGTERM ends it gracefully: /readyz answers 503, requests in flight are finished.`,
		Example: `  chancery serve
  chancery serve --config /etc/chancery/chancery.toml
  chancery serve --config chancery.toml --role worker`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.serve(cmd.Context(), f) },
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.listen, "listen", "", "address and port, or unix: and the path of a socket (default 127.0.0.1:8080)")
	cmd.Flags().StringVar(&f.role, "role", "", "all, api or worker (default all)")
	return cmd
}

// open opens what a configuration names; serve: for the process that serves.
func (c *cli) open(ctx context.Context, conf *config.Config, serve bool) (*serving.Installation, error) {
	in, err := serving.Open(ctx, conf, serving.Options{Now: c.now, Version: version(), Stderr: c.stderr, Serve: serve})
	return in, hinted(err)
}

// hinted has what an error of serving advises printed.
func hinted(err error) error {
	var hint *serving.HintError
	if errors.As(err, &hint) {
		return hintError{err, hint.Hint}
	}
	return err
}

func (c *cli) serve(ctx context.Context, f configFlags) (err error) {
	conf, err := f.load(c)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		// What lives is small against what a second's requests allocate: collecting less
		// often saves a tenth of the processor time, for some tens of megabytes.
		debug.SetGCPercent(300)
	}
	c.graceful.Store(true) // requests and jobs in flight are finished
	in, err := c.open(ctx, conf, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	var listener net.Listener
	if in.Handler != nil { // first: a key that is shown once is shown by a process that serves
		if listener, err = serving.Listen(ctx, conf); err != nil {
			return hinted(err)
		}
		defer listener.Close() // also done by whoever serves on it
	}
	if f.file == "" {
		secret, err := in.FirstKey(ctx)
		if err != nil {
			return err
		}
		if secret != "" {
			fmt.Fprintf(c.stdout, "An institution to try out was made. Its API key, shown once:\n\n  %s\n\n", secret)
		}
	}
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var wg sync.WaitGroup
	failed := make(chan error, 3)
	run := func(f func() error) {
		wg.Go(func() {
			if err := f(); err != nil {
				failed <- err
			}
		})
	}
	serveCtx, stopServing := context.WithCancel(ctx)
	defer stopServing()
	run(func() error { return in.Run(work) })
	if listener != nil {
		on := serving.BaseURL(conf)
		if _, socket := conf.Socket(); socket {
			on = conf.Listen + " for " + on
		}
		fmt.Fprintf(c.stdout, "Serving on %s\n", on)
		run(func() error {
			defer stopWork()
			return in.Serve(serveCtx, listener, in.Certificates, 200*time.Millisecond)
		})
		if conf.Metrics.Listen != "" {
			run(func() error { return serveMetrics(serveCtx, conf.Metrics.Listen, httpapi.MetricsHandler(in.Metrics)) })
		}
	} else {
		fmt.Fprintln(c.stdout, "Working")
		context.AfterFunc(ctx, stopWork)
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case err = <-failed:
		stopServing()
		stopWork()
		<-done
	case <-done:
		select {
		case err = <-failed:
		default:
		}
	}
	return err
}

func serveMetrics(ctx context.Context, listen string, h http.Handler) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", h)
	server := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// openTime bounds 'config check --open' as a whole.
const openTime = 2 * time.Minute

func (c *cli) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check the service's configuration, or show an example",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return hintError{usagef("unknown command %q for config", args[0]), "run 'chancery config --help' for the commands"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	var f configFlags
	var dial bool
	check := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Check a configuration, and with --open what it names",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			conf, err := f.load(c)
			if err != nil {
				return err
			}
			if dial {
				ctx, cancel := context.WithTimeout(cmd.Context(), openTime)
				defer cancel()
				in, err := c.open(ctx, conf, false)
				if err != nil {
					return err
				}
				defer in.Close()
				if err := in.Try(ctx); err != nil {
					return err
				}
			}
			fmt.Fprintln(c.stdout, "The configuration is in order.")
			return nil
		},
	}
	f.add(check)
	check.Flags().BoolVar(&dial, "open", false, "open the database, files and keys too, and try them and the servers that are named")
	example := &cobra.Command{
		Use:   "example",
		Short: "Print a configuration file with every setting, its meaning and its default",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := fmt.Fprint(c.stdout, config.Example())
			return err
		},
	}
	cmd.AddCommand(check, example)
	return cmd
}
