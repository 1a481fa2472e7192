package main

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/signer/pades"
)

func (c *cli) devtsaCommand() *cobra.Command {
	var listen, dir string
	cmd := &cobra.Command{
		Use:   "devtsa --out DIR",
		Short: "Run a timestamping authority for development",
		Long: `Runs an RFC 3161 timestamping authority over HTTP with a key of its own, made anew
at each start, and writes its root certificate to DIR/tsa-root.pem. For development
and tests: nobody else has reason to trust its clock.`,
		Example: `  chancery devtsa --out tsa &
  chancery sign --key seal/key.pem --cert cert.pem --level B-T --tsa http://127.0.0.1:3180 --tsa-roots tsa/tsa-root.pem in.pdf -o out.pdf`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" {
				return usagef("expected --out")
			}
			return c.devtsa(cmd.Context(), listen, dir)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:3180", "address to listen on")
	cmd.Flags().StringVar(&dir, "out", "", "directory for tsa-root.pem (required)")
	return cmd
}

func (c *cli) devtsa(ctx context.Context, listen, dir string) error {
	c.graceful.Store(true)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	base := "http://" + listener.Addr().String()
	handler, root, err := c.devAuthority(base)
	if err != nil {
		listener.Close()
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		listener.Close()
		return fileError(err)
	}
	if err := c.replace(filepath.Join(dir, "tsa-root.pem"), certificatesPEM(root), 0o644); err != nil {
		listener.Close()
		return err
	}
	fmt.Fprintf(c.stdout, "listening on %s\n", base)
	server := &http.Server{Handler: handler, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(stop); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// devAuthority makes a root, a timestamping authority below it, and a handler that
// answers for both: timestamps at the base address, revocation at /ocsp and /crl, so that
// signatures with long-term data can be made.
func (c *cli) devAuthority(base string) (http.Handler, *x509.Certificate, error) {
	root, err := testca.NewRoot(testca.Config{
		Clock: c.now, OCSPURL: base + "/ocsp", CRLURL: base + "/crl",
		Subject: pkix.Name{CommonName: "Development timestamping root", Organization: []string{"Chancery"}},
	})
	if err != nil {
		return nil, nil, err
	}
	leaf, err := root.Issue(testca.Request{
		Profile: testca.Timestamping, NotAfter: c.now().AddDate(5, 0, 0),
		Subject: pkix.Name{CommonName: "Development timestamping authority", Organization: []string{"Chancery"}},
	})
	if err != nil {
		return nil, nil, err
	}
	tsa, err := pades.NewLocalTSA(pades.LocalTSAConfig{Key: leaf.Key, Chain: append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...), Clock: c.now, Accuracy: time.Second})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /{$}", tsa)
	mux.HandleFunc("GET /crl", func(w http.ResponseWriter, _ *http.Request) {
		list, err := root.CRL(testca.CRLConfig{})
		answer(w, "application/pkix-crl", list, err)
	})
	mux.HandleFunc("POST /ocsp", func(w http.ResponseWriter, r *http.Request) {
		query, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
		if err != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		response, err := root.RespondOCSP(query, testca.OCSPConfig{})
		answer(w, "application/ocsp-response", response, err)
	})
	return mux, root.Certificate, nil
}

func answer(w http.ResponseWriter, mediaType string, b []byte, err error) {
	if err != nil {
		http.Error(w, "refused", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	_, _ = w.Write(b) // the client has gone away otherwise
}
