package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/internal/cms/tsp"
	"github.com/chancery-dev/chancery/signer/pades"
)

type signFlags struct {
	key, level, tsa, certify, out, field string
	reason, location, contact, name      string
	visible, image, qr, password         string
	chain, tsaRoots                      []string
	pss                                  bool
	pass                                 passphraseFlags
	timeout                              time.Duration
}

func (c *cli) signCommand() *cobra.Command {
	var f signFlags
	cmd := &cobra.Command{
		Use:   "sign --key KEY.pem --cert CHAIN.pem IN.pdf -o OUT.pdf",
		Short: "Sign a PDF as an institution (PAdES)",
		Long: `Signs IN.pdf at a PAdES baseline level (ETSI EN 319 142-1) and writes OUT.pdf, which
is IN.pdf with one or more updates at its end. B-T and above need a timestamping
authority (--tsa); B-LT and B-LTA also fetch revocation data from where the
certificates say, so that the file verifies without the network for years.

CHAIN.pem holds the signer's certificate first, then its issuers up to the root.`,
		Example: `  chancery sign --key seal/key.pem --cert chain.pem --level B-LTA --tsa https://tsa.example --tsa-roots tsa.pem diploma.pdf -o signed.pdf
  chancery sign --key seal/key.pem --cert cert.pem --certify no-changes --visible 1,20,20,90,30 diploma.pdf -o signed.pdf`,
		Args: exactly(1, "a PDF file"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.signPDF(cmd.Context(), f, args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.key, "key", "", "private key file (required)")
	f.pass.add(cmd)
	fl.StringArrayVar(&f.chain, "cert", nil, "PEM file with the signer's certificate and its issuers (required); may be repeated")
	fl.StringVar(&f.level, "level", "B-B", "B-B, B-T, B-LT or B-LTA")
	fl.StringVar(&f.tsa, "tsa", "", "URL of the timestamping authority")
	fl.StringArrayVar(&f.tsaRoots, "tsa-roots", nil, "PEM file with the roots its tokens must lead to; default: whatever root it sends, with a warning")
	fl.StringVar(&f.certify, "certify", "", "make a certification signature that allows: no-changes, form-filling or annotations")
	fl.StringVar(&f.field, "field", "", "name of the signature field to fill or make")
	fl.StringVar(&f.reason, "reason", "", "why, as a claim shown by readers")
	fl.StringVar(&f.location, "location", "", "where, as a claim")
	fl.StringVar(&f.contact, "contact", "", "how to reach the signer, as a claim")
	fl.StringVar(&f.name, "name", "", "who, as a claim; default: the certificate's common name")
	fl.StringVar(&f.visible, "visible", "", "show the signature: PAGE,LEFT,BOTTOM,WIDTH,HEIGHT in mm (pages count from 1)")
	fl.StringVar(&f.image, "image", "", "PNG or JPEG to show in the visible signature")
	fl.StringVar(&f.qr, "qr", "", "text of a QR code in the visible signature")
	fl.StringVar(&f.password, "password-file", "", "file with the password of an encrypted PDF")
	fl.BoolVar(&f.pss, "pss", false, "sign with RSASSA-PSS")
	fl.DurationVar(&f.timeout, "timeout", time.Minute, "how long to wait for timestamps and revocation data in all")
	c.outputFlag(cmd, &f.out, "file to write (required)")
	return cmd
}

func (c *cli) signPDF(ctx context.Context, f signFlags, name string) error {
	if f.out == "" || f.out == "-" {
		return usagef("expected -o OUT.pdf")
	}
	if len(f.chain) == 0 {
		return hintError{usagef("expected --cert"), "make a self-signed certificate for trying out with 'chancery certificate --self-signed'"}
	}
	level, ok := pades.ParseLevel(f.level)
	if !ok {
		if level, ok = pades.ParseLevel("PAdES-" + f.level); !ok {
			return usagef("--level: expected B-B, B-T, B-LT or B-LTA, found %q", f.level)
		}
	}
	permission, ok := map[string]pades.Permission{"": 0, "no-changes": pades.NoChanges, "form-filling": pades.FormFilling, "annotations": pades.Annotations}[f.certify]
	if !ok {
		return usagef("--certify: expected no-changes, form-filling or annotations, found %q", f.certify)
	}
	request := pades.Request{Field: f.field, Certify: permission, Reason: f.reason, Location: f.location, Contact: f.contact, Name: f.name}
	var err error
	if request.Visible, err = c.appearance(f); err != nil {
		return err
	}
	if request.Password, err = c.passwordFile(f.password); err != nil {
		return err
	}
	chain, err := c.readCertificates(f.chain...)
	if err != nil {
		return err
	}
	key, err := c.readKey(f.key, f.pass)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	s := &pades.Signer{Key: key, Chain: chain, Level: level, PSS: f.pss, Clock: c.now}
	if level != pades.LevelB {
		if s.TSA, err = c.timestamper(ctx, f.tsa, f.tsaRoots); err != nil {
			return err
		}
	}
	if level >= pades.LevelLT {
		s.Revocation = &pades.Fetcher{HTTP: c.httpClient(), Clock: c.now, KeepFor: time.Minute}
	}
	return c.transformPDF(name, f.out, func(in io.ReaderAt, size int64, out io.Writer) error {
		result, err := s.Sign(ctx, in, size, out, request)
		if err == nil && c.tty {
			fmt.Fprintf(c.stderr, "signed as %s in the field %q, %d bytes\n", result.Level, result.Field, result.Size)
		}
		return err
	})
}

func (c *cli) renewCommand() *cobra.Command {
	var f signFlags
	var roots []string
	cmd := &cobra.Command{
		Use:   "renew --tsa URL IN.pdf -o OUT.pdf",
		Short: "Extend the life of a signed PDF, without a key",
		Long: `Adds fresh revocation data and a new document timestamp to a signed PDF, whoever
signed it, so that it verifies after certificates have expired. Renew before the
last timestamp's certificate ends.`,
		Example: "  chancery renew --tsa https://tsa.example --tsa-roots tsa.pem signed.pdf -o renewed.pdf",
		Args:    exactly(1, "a PDF file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.out == "" || f.out == "-" {
				return usagef("expected -o OUT.pdf")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), f.timeout)
			defer cancel()
			tsa, err := c.timestamper(ctx, f.tsa, f.tsaRoots)
			if err != nil {
				return err
			}
			anchors, err := c.readCertificates(roots...)
			if err != nil {
				return err
			}
			password, err := c.passwordFile(f.password)
			if err != nil {
				return err
			}
			r := &pades.Renewal{TSA: tsa, Clock: c.now, Anchors: anchors, Password: password, Revocation: &pades.Fetcher{HTTP: c.httpClient(), Clock: c.now, KeepFor: time.Minute}}
			return c.transformPDF(args[0], f.out, func(in io.ReaderAt, size int64, out io.Writer) error {
				_, err := r.Renew(ctx, in, size, out)
				return err
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.tsa, "tsa", "", "URL of the timestamping authority (required)")
	fl.StringArrayVar(&f.tsaRoots, "tsa-roots", nil, "PEM file with the roots its tokens must lead to; default: whatever root it sends, with a warning")
	fl.StringArrayVar(&roots, "roots", nil, "PEM file with the roots of signers and authorities in the file; default: any self-signed certificate")
	fl.StringVar(&f.password, "password-file", "", "file with the password of an encrypted PDF")
	fl.DurationVar(&f.timeout, "timeout", time.Minute, "how long to wait in all")
	c.outputFlag(cmd, &f.out, "file to write (required)")
	return cmd
}

// transformPDF runs f from one file into another that appears only when all went well.
func (c *cli) transformPDF(in, out string, f func(io.ReaderAt, int64, io.Writer) error) error {
	from, err := os.Open(in)
	if err != nil {
		return fileError(err)
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return fileError(err)
	}
	return c.create(out, 0o644, func(w io.Writer) error {
		err := f(from, info.Size(), w)
		var refused *pades.Error
		if errors.As(err, &refused) {
			return padesError(in, refused)
		}
		return err
	})
}

// padesError gives a refusal its exit status: what is wrong with the file is invalid
// input, what is wrong with the call is usage, the rest is a fault.
func padesError(name string, err *pades.Error) error {
	wrapped := fmt.Errorf("%s: %w", name, err)
	switch err.Reason {
	case pades.BadInput, pades.BadForm, pades.NotPermitted, pades.SeedValue, pades.CannotCertify, pades.FieldSigned, pades.NothingToRenew:
		return invalidError{wrapped}
	case pades.BadConfig, pades.FieldNotFound, pades.FieldKind, pades.BadChain, pades.BadAppearance:
		return usageError{wrapped}
	}
	return wrapped
}

// appearance reads --visible PAGE,LEFT,BOTTOM,WIDTH,HEIGHT.
func (c *cli) appearance(f signFlags) (*pades.Appearance, error) {
	if f.visible == "" {
		if f.image != "" || f.qr != "" {
			return nil, usagef("expected --visible with --image and --qr")
		}
		return nil, nil
	}
	parts := strings.Split(f.visible, ",")
	var n [5]float64
	if len(parts) != len(n) {
		return nil, usagef("--visible: expected PAGE,LEFT,BOTTOM,WIDTH,HEIGHT, found %q", f.visible)
	}
	for i, p := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil || v < 0 || v > 10_000 {
			return nil, usagef("--visible: expected numbers of 0 or more, found %q", p)
		}
		n[i] = v
	}
	const mm = 72 / 25.4
	a := &pades.Appearance{Page: int(n[0]) - 1, Rect: [4]float64{n[1] * mm, n[2] * mm, (n[1] + n[3]) * mm, (n[2] + n[4]) * mm}, QR: f.qr}
	if f.image != "" {
		var err error
		if a.Image, err = c.readDocument(f.image); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (c *cli) passwordFile(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	b, err := passphraseFlags{file: name}.read(c, "")
	return string(b), err
}

// httpClient is for addresses that the user, or his own certificates, name.
func (c *cli) httpClient() *http.Client {
	return &http.Client{
		Timeout: 30 * time.Second,
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) >= 3 {
				return errors.New("too many redirects")
			}
			return nil
		},
	}
}

// timestamper prepares the client of an authority.
func (c *cli) timestamper(ctx context.Context, url string, rootFiles []string) (pades.Timestamper, error) {
	if url == "" {
		return nil, hintError{usagef("expected --tsa"), "for development: chancery devtsa --out DIR, then --tsa http://127.0.0.1:3180"}
	}
	roots, err := c.readCertificates(rootFiles...)
	if err != nil {
		return nil, err
	}
	if len(roots) == 0 {
		if roots, err = c.discoverRoots(ctx, url); err != nil {
			return nil, err
		}
	}
	return &pades.TSAClient{URL: url, HTTP: c.httpClient(), Anchors: roots, Clock: c.now}, nil
}

// discoverRoots asks an authority for a token and takes the top of the chain it sends
// for its root. That checks nothing about who the authority is: verifiers do, by the
// roots they are given.
func (c *cli) discoverRoots(ctx context.Context, url string) ([]*x509.Certificate, error) {
	digest := sha256.Sum256([]byte("chancery"))
	query := &tsp.Request{Hash: crypto.SHA256, Digest: digest[:], Certificates: true}
	text, err := query.Marshal()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return nil, usageError{err}
	}
	request.Header.Set("Content-Type", "application/timestamp-query")
	response, err := c.httpClient().Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(io.LimitReader(response.Body, 256<<10))
	if err != nil {
		return nil, err
	}
	answer, err := tsp.ParseResponse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	token, err := answer.Token(query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	var certs []*x509.Certificate
	for _, der := range token.Signed.Certificates {
		if cert, err := x509.ParseCertificate(der); err == nil {
			certs = append(certs, cert)
		}
	}
	var top []*x509.Certificate
	for _, cert := range certs {
		issued := false
		for _, other := range certs {
			issued = issued || !other.Equal(cert) && string(other.RawSubject) == string(cert.RawIssuer)
		}
		if !issued {
			top = append(top, cert)
		}
	}
	if len(top) == 0 {
		return nil, hintError{usagef("%s sends no certificates", url), "add --tsa-roots FILE"}
	}
	fmt.Fprintf(c.stderr, "warning: the timestamping authority is taken at its word; add --tsa-roots to check that it is %q\n", plain(top[0].Subject.String()))
	return top, nil
}
