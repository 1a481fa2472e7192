// Package webhook delivers events to addresses that customers have given (Standard
// Webhooks; API.md, section 8).
//
// Make a Sender with New, check an address with CheckURL when it is given, and make one
// attempt with Send; what to do about a failed one is the caller's business. Signing and
// verifying are in package signature.
//
// The addresses come from strangers and the requests leave from inside our network. Only
// https is dialled, on the ports that the configuration lists; every address that a name
// resolves to is checked at the moment of connecting (package netguard); there are no
// redirects, no proxies, no cookies, no compressed answers; bytes and time are bounded.
// What is told of a failure is one of a few sentences: it holds no address and nothing of
// what our network looks like.
package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chancery-dev/chancery/internal/netguard"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/hook"
	"github.com/chancery-dev/chancery/internal/webhook/signature"
)

// Bounds.
const (
	MaxBody     = 20 << 10       // bytes of a body (API.md, 8)
	maxURL      = 2048           // characters of an address
	maxAnswer   = 512            // bytes of an answer that are kept
	maxDrain    = 16 << 10       // bytes of an answer that are read so that the connection can be used again
	maxWait     = 24 * time.Hour // of Retry-After
	headerBytes = 16 << 10
)

// ErrURL: an address that is never dialled. Its message says what was expected, without
// the address.
var ErrURL = errors.New("webhook: address refused")

// Config says how a Sender sends.
type Config struct {
	// Clock gives the time of an attempt. Required.
	Clock func() time.Time
	// Timeout bounds one attempt, from the look-up of the name to the last byte. 0: 15
	// seconds.
	Timeout time.Duration
	// Ports are the TCP ports that may be dialled. Nil: 443 and 8443.
	Ports []int
	// RootCAs verify servers. Nil: those of the system.
	RootCAs *x509.CertPool
	// UserAgent is sent. "": chancery.
	UserAgent string
	// InsecureLoopback lets loopback addresses be dialled, on any port and with http too.
	// For tests and development against receivers on the same machine.
	InsecureLoopback bool
}

// Sender makes attempts: it is a hook.Sender. It is safe for concurrent use.
type Sender struct {
	cfg    Config
	secure *http.Client
	plain  *http.Client // http to loopback; nil without InsecureLoopback
}

var _ hook.Sender = (*Sender)(nil)

// New makes a Sender. It answers an error for a configuration without a clock or with
// impossible bounds.
func New(c Config) (*Sender, error) {
	if c.Clock == nil {
		return nil, errors.New("webhook: expected a clock")
	}
	if c.Timeout < 0 {
		return nil, errors.New("webhook: expected a timeout of 0 or more")
	}
	if c.Timeout == 0 {
		c.Timeout = 15 * time.Second
	}
	if c.Ports == nil {
		c.Ports = []int{443, 8443}
	}
	for _, p := range c.Ports {
		if p < 1 || p > 65535 {
			return nil, fmt.Errorf("webhook: expected ports of 1 to 65535, found %d", p)
		}
	}
	c.Ports = slices.Clone(c.Ports)
	if c.UserAgent == "" {
		c.UserAgent = "chancery"
	}
	s := &Sender{cfg: c, secure: client(c, netguard.Guard{Ports: c.Ports, InsecureLoopback: c.InsecureLoopback})}
	if c.InsecureLoopback {
		s.plain = client(c, netguard.Guard{InsecureLoopback: true})
	}
	return s, nil
}

func client(c Config, guard netguard.Guard) *http.Client {
	return &http.Client{
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		// HTTP/1.1 alone: one POST at a time needs no more, and it is less to attack.
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            guard.Dialer(c.Timeout).DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    c.Timeout,
			ResponseHeaderTimeout:  c.Timeout,
			MaxResponseHeaderBytes: headerBytes,
			DisableCompression:     true,
			MaxIdleConns:           64,
			MaxIdleConnsPerHost:    4, // as many attempts as run at one endpoint
			IdleConnTimeout:        30 * time.Second,
		},
	}
}

// Close gives up connections that are kept open.
func (s *Sender) Close() {
	s.secure.CloseIdleConnections()
	if s.plain != nil {
		s.plain.CloseIdleConnections()
	}
}

// CheckURL reports whether an address may be given as an endpoint: an error that matches
// ErrURL says what was expected. That it passes does not say that it is dialled: where its
// name leads to is seen then.
func (s *Sender) CheckURL(address string) error {
	_, err := s.parse(address)
	return err
}

func (s *Sender) parse(address string) (*url.URL, error) {
	refuse := func(format string, args ...any) (*url.URL, error) {
		return nil, fmt.Errorf("%w: "+format, append([]any{ErrURL}, args...)...)
	}
	if len(address) > maxURL {
		return refuse("expected at most %d characters", maxURL)
	}
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return refuse("expected an https URL with a host")
	}
	loopback := s.cfg.InsecureLoopback && isLoopback(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return refuse("expected https")
	}
	if u.User != nil {
		return refuse("expected no user and no password")
	}
	if u.Fragment != "" || strings.Contains(address, "#") {
		return refuse("expected no fragment")
	}
	if strings.ContainsFunc(u.Hostname(), func(r rune) bool { return r <= ' ' || r > '~' || r == '%' }) {
		return refuse("expected a host in ASCII, without a zone")
	}
	port := 443
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return refuse("expected a port of 1 to 65535")
		}
	}
	if loopback {
		return u, nil
	}
	if !slices.Contains(s.cfg.Ports, port) {
		return refuse("expected one of the ports %v", s.cfg.Ports)
	}
	// Only what is seen without asking: it saves the customer a failed delivery.
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !netguard.Public(ip) || isLoopback(u.Hostname()) {
		return refuse("expected a public address")
	}
	return u, nil
}

func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Send implements hook.Sender: it makes one attempt. An address that is never dialled is
// an attempt with a problem, as every other fault of the endpoint is; an error is a fault
// on our side: ctx has ended, or the message cannot be signed.
func (s *Sender) Send(ctx context.Context, m hook.Message) (hook.Sent, error) {
	start := s.cfg.Clock()
	sent := hook.Sent{Attempt: service.Attempt{At: start.UTC()}}
	done := func(problem string) (hook.Sent, error) {
		sent.Attempt.Problem = problem
		sent.Attempt.LatencyMS = max(s.cfg.Clock().Sub(start).Milliseconds(), 0)
		return sent, nil
	}
	req, err := s.request(ctx, m)
	if errors.Is(err, ErrURL) {
		return done(strings.TrimPrefix(err.Error(), "webhook: "))
	}
	if err != nil {
		return hook.Sent{}, err
	}
	c := s.secure
	if req.URL.Scheme == "http" {
		c = s.plain
	}
	res, err := c.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return hook.Sent{}, fmt.Errorf("webhook: stopped before there was an answer: %w", ctx.Err())
		}
		return done(problem(err))
	}
	defer res.Body.Close()
	sent.Attempt.Status = res.StatusCode
	sent.Attempt.Answer = answer(res.Body)
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		sent.Delivered = true
		return done("")
	case res.StatusCode == http.StatusGone:
		sent.Gone = true
		return done("the receiver wants no more")
	}
	sent.RetryAfter = retryAfter(res.Header.Get("Retry-After"), start)
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		return done("the receiver redirects, which is not followed")
	}
	return done(fmt.Sprintf("the receiver answers %d", res.StatusCode))
}

// request makes the request of a message, signed.
func (s *Sender) request(ctx context.Context, m hook.Message) (*http.Request, error) {
	u, err := s.parse(m.URL)
	if err != nil {
		return nil, err
	}
	if len(m.Body) > MaxBody {
		return nil, fmt.Errorf("webhook: expected a body of at most %d bytes, found %d", MaxBody, len(m.Body))
	}
	secrets := make([]signature.Secret, len(m.Secrets))
	for i, text := range m.Secrets {
		if secrets[i], err = signature.ParseSecret(text); err != nil {
			return nil, fmt.Errorf("webhook: %w", err)
		}
	}
	sign, err := signature.Sign(m.ID, m.At, m.Body, secrets...)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(m.Body))
	if err != nil {
		return nil, fmt.Errorf("%w: expected a URL that can be requested", ErrURL)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.cfg.UserAgent)
	req.Header.Set(signature.HeaderID, m.ID)
	req.Header.Set(signature.HeaderTimestamp, strconv.FormatInt(m.At.Unix(), 10))
	req.Header.Set(signature.HeaderSignature, sign)
	return req, nil
}

// answer reads the start of an answer: printable text on one line. It reads a little more,
// so that the connection of a short answer can be used again.
func answer(body io.Reader) string {
	buf, _ := io.ReadAll(io.LimitReader(body, maxDrain)) // a broken-off answer is still an answer
	text := strings.ToValidUTF8(string(buf[:min(len(buf), maxAnswer)]), "\uFFFD")
	text = strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069':
			return ' '
		}
		return r
	}, text)
	if len(text) > maxAnswer { // replacements are longer than what they replace
		text = text[:maxAnswer]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	return text
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3). What is malformed or past is 0.
func retryAfter(v string, now time.Time) time.Duration {
	if v == "" {
		return 0
	}
	if strings.Trim(v, "0123456789") == "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n > int64(maxWait/time.Second) {
			return maxWait
		}
		return time.Duration(n) * time.Second
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return min(max(t.Sub(now), 0), maxWait)
}

// problem says what went wrong in one of a few sentences.
func problem(err error) string {
	var (
		name      *net.DNSError
		timeout   net.Error
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		expired   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		alert     tls.AlertError
	)
	switch {
	case errors.Is(err, netguard.ErrAddress), errors.Is(err, netguard.ErrPort):
		return "the address is not a public one"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &name):
		return "the name of the host is not found"
	case errors.As(err, &authority), errors.As(err, &host), errors.As(err, &expired), errors.As(err, &verify):
		return "the certificate is not accepted"
	case errors.As(err, &record), errors.As(err, &alert):
		return "TLS fails"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection broke off"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return "no connection"
	}
	return "the answer is malformed"
}
