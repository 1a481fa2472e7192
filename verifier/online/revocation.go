package online

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/revocation"
	"github.com/chancery-dev/chancery/internal/netguard"
	"github.com/chancery-dev/chancery/verifier"
)

// Bounds on what authorities answer: an OCSP response is a few kilobytes, a CRL of a
// large authority several megabytes.
const (
	maxOCSP = 256 << 10
	maxCRL  = 32 << 20
	maxAsk  = 4 // addresses of each kind
)

// revocationClient is a second client: authorities publish at http addresses, since
// their answers are signed, so port 80 is open to it. Addresses are guarded alike.
func (c *Client) revocationClient() *http.Client {
	guard := netguard.Guard{Ports: append(slices.Clone(c.cfg.Ports), 80), InsecureLoopback: c.cfg.InsecureAllowLoopback}
	return &http.Client{
		Timeout:       c.cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: guard.Dialer(c.cfg.Timeout).DialContext, TLSClientConfig: &tls.Config{RootCAs: c.cfg.RootCAs, MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: c.cfg.Timeout, ResponseHeaderTimeout: c.cfg.Timeout,
			MaxResponseHeaderBytes: 64 << 10, DisableCompression: true, DisableKeepAlives: true,
		},
	}
}

// Revocation asks the OCSP responders that a certificate names (RFC 6960, appendix A),
// and where none answers, its CRL distribution points (RFC 5280, 4.2.1.13). What it
// returns is not verified: verifier/pades does that. The error matches
// verifier.ErrUnreachable.
func (c *Client) Revocation(ctx context.Context, cert, issuer *x509.Certificate) (ocsp, crls [][]byte, err error) {
	if c.http == nil || cert == nil || issuer == nil {
		return nil, nil, fmt.Errorf("%w: expected a client of New, a certificate and its issuer's", verifier.ErrUnreachable)
	}
	client := c.revocationClient()
	defer client.CloseIdleConnections()
	var problems []error
	query, err := revocation.NewRequest(cert, issuer, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", verifier.ErrUnreachable, err)
	}
	for _, address := range first(cert.OCSPServer, maxAsk) {
		b, err := c.ask(ctx, client, http.MethodPost, address, "application/ocsp-request", query, maxOCSP)
		if err == nil {
			return [][]byte{b}, nil, nil
		}
		problems = append(problems, err)
	}
	for _, address := range first(cert.CRLDistributionPoints, maxAsk) {
		b, err := c.ask(ctx, client, http.MethodGet, address, "", nil, maxCRL)
		if err == nil {
			return nil, [][]byte{b}, nil
		}
		problems = append(problems, err)
	}
	if problems == nil {
		problems = append(problems, errors.New("the certificate names no address to ask"))
	}
	return nil, nil, fmt.Errorf("%w: %w", verifier.ErrUnreachable, errors.Join(problems...))
}

func first(list []string, n int) []string { return list[:min(len(list), n)] }

// ask makes one request to an authority.
func (c *Client) ask(ctx context.Context, client *http.Client, method, address, contentType string, body []byte, most int64) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
		return nil, errors.New("expected an http or https address without a user")
	}
	port := map[string]int{"http": 80, "https": 443}[u.Scheme]
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil {
			return nil, errors.New("expected a port number")
		}
	}
	if port != 80 && !slices.Contains(c.cfg.Ports, port) && !c.cfg.InsecureAllowLoopback {
		return nil, fmt.Errorf("expected port 80 or one of %v, found %d", c.cfg.Ports, port)
	}
	ctx, cancel := context.WithTimeout(ctx, max(c.cfg.Timeout, time.Second))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the request cannot be made")
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("User-Agent", "chancery")
	res, err := client.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %d", res.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil {
		return nil, errors.New("the answer broke off")
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("expected at most %d bytes", most)
	}
	return b, nil
}
