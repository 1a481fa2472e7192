package httpapi

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// maxProviderAnswer bounds what a provider answers: documents of a few kilobytes.
const maxProviderAnswer = 1 << 20

var (
	errTooMuch   = fmt.Errorf("expected at most %d bytes", maxProviderAnswer)
	errElsewhere = errors.New("a redirect that leaves https is not followed")
)

// mayLead reports whether an address that a provider names may be asked: one over https
// leads over https, one on loopback to others there, too.
func mayLead(from, to string) bool {
	return strings.HasPrefix(to, "https://") && safeURL(to) || strings.HasPrefix(from, "http://") && safeURL(to)
}

// providerClient is a client that takes no more than it must.
func providerClient(c *http.Client) *http.Client {
	out := *c
	if out.Transport == nil {
		out.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10}
	}
	out.Transport = boundedAnswers{out.Transport}
	out.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) > 3 || !mayLead(via[0].URL.String(), r.URL.String()) {
			return errElsewhere
		}
		if c.CheckRedirect != nil {
			return c.CheckRedirect(r, via)
		}
		return nil
	}
	return &out
}

type boundedAnswers struct{ http.RoundTripper }

func (b boundedAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = &boundedBody{res.Body, maxProviderAnswer}
	}
	return res, err
}

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errTooMuch
	}
	return n, err
}

// providerError is what is wrong with a provider.
type providerError struct {
	issuer string
	away   bool // it may pass: no answer, or a 5xx; else something is set wrongly
	err    error
}

func (e *providerError) Error() string { return "httpapi: OIDC: " + e.issuer + ": " + e.err.Error() }
func (e *providerError) Unwrap() error { return e.err }

// statusFirst is how oidc.NewProvider tells of an answer other than 200: the status line, and
// then the body, which may be of any length and is not repeated.
var statusFirst = regexp.MustCompile(`^([1-5][0-9][0-9])[ :]`)

// fault tells what is wrong from an error of oidc.NewProvider.
func (i *OIDCIssuer) fault(err error) *providerError {
	out := &providerError{issuer: i.Issuer}
	var dial *url.Error
	var another *oidc.IssuerMismatchError
	status := statusFirst.FindStringSubmatch(err.Error())
	switch {
	case errors.As(err, &dial):
		out.away = !errors.Is(err, errElsewhere)
		out.err = fmt.Errorf("the discovery document cannot be had: %w", dial.Err)
	case errors.As(err, &another):
		out.err = fmt.Errorf("expected a discovery document of this issuer, to the letter, found that of %q", shortened(another.Discovered))
	case status != nil:
		out.away = status[1][0] == '5' || status[1] == "429"
		out.err = fmt.Errorf("the discovery document cannot be had: the provider answers %s", status[1])
	case strings.HasPrefix(err.Error(), "unable to read response body") && !strings.Contains(err.Error(), errTooMuch.Error()):
		out.away = true
		out.err = errors.New("the discovery document cannot be had: the answer breaks off")
	default:
		out.err = errors.New("the discovery document is malformed")
	}
	return out
}

// shortened bounds what a provider says and we repeat.
func shortened(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

// Check asks each provider for its discovery document and its keys, as NewOIDC and tokens
// do, and reports which cannot be reached, is another issuer, or has no key that a token
// could be signed with. The error joins those of all providers and holds nothing else of
// what they answer.
func (c OIDCConfig) Check(ctx context.Context) error {
	v, err := c.verifier(ctx)
	if err != nil {
		return err
	}
	errs := make([]error, len(c.Issuers))
	asked := map[string]bool{} // one issuer may stand there with several audiences
	var wg sync.WaitGroup
	for k, i := range c.Issuers {
		if errs[k] = i.check(); errs[k] != nil || asked[i.Issuer+" "+i.JWKS] {
			continue
		}
		asked[i.Issuer+" "+i.JWKS] = true
		wg.Go(func() { errs[k] = v.try(ctx, &oidcIssuer{OIDCIssuer: i}) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// try discovers an issuer and fetches its keys.
func (v *oidcVerifier) try(ctx context.Context, i *oidcIssuer) error {
	address, err := v.jwks(ctx, i)
	if err != nil {
		return err
	}
	wrong := func(format string, args ...any) error {
		return &providerError{issuer: i.Issuer, err: fmt.Errorf("its keys (%s) "+format, append([]any{shortened(address)}, args...)...)}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return wrong("cannot be asked for")
	}
	res, err := v.client.Do(r)
	if err != nil {
		var dial *url.Error
		if errors.As(err, &dial) {
			err = dial.Err // without the address
		}
		return wrong("cannot be had: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return wrong("cannot be had: the provider answers %d", res.StatusCode)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return wrong("cannot be had: %w", err)
	}
	found, usable, err := keysIn(text, i.Algorithms)
	switch {
	case err != nil:
		return wrong("are malformed: %w", err)
	case usable == 0:
		return wrong("hold none that a token may be signed with: expected a public key for one of %s, found %d others", strings.Join(i.Algorithms, ", "), found)
	}
	return nil
}

// keysIn counts the keys of a JSON Web Key Set, and those that signatures can be judged by.
func keysIn(text []byte, algorithms []string) (found, usable int, err error) {
	d, err := strictjson.Parse(text, strictjson.Limits{Bytes: maxProviderAnswer, Depth: 16})
	if err != nil {
		return 0, 0, errors.New("expected a JSON Web Key Set")
	}
	keys := d.Get(0, "keys")
	if d.Kind(0) != strictjson.Object || d.Kind(keys) != strictjson.Array {
		return 0, 0, errors.New("expected a JSON Web Key Set")
	}
	d.Each(keys, func(n strictjson.Node) bool {
		found++
		var k jose.JSONWebKey
		if k.UnmarshalJSON([]byte(d.Raw(n))) == nil && k.Valid() && k.IsPublic() && (k.Use == "" || k.Use == "sig") &&
			slices.ContainsFunc(algorithms, func(a string) bool { return (k.Algorithm == "" || k.Algorithm == a) && signs(k.Key, a) }) {
			usable++
		}
		return true
	})
	return found, usable, nil
}

// signs reports whether a key is of the type that an algorithm of RFC 7518 or RFC 8037 takes.
func signs(key any, algorithm string) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case *ecdsa.PublicKey:
		return map[string]int{"ES256": 256, "ES384": 384, "ES512": 521}[algorithm] == k.Curve.Params().BitSize
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}
