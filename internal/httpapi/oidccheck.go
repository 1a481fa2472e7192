package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/proof"
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

// statusError is an answer other than 200.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("the provider answers %d", int(e)) }

// away reports whether what askFor tells may pass: no answer, one that breaks off, a 5xx or 429.
func away(err error) bool {
	var status statusError
	if errors.As(err, &status) {
		return status >= 500 || status == http.StatusTooManyRequests
	}
	return !errors.Is(err, errElsewhere) && !errors.Is(err, errTooMuch)
}

// askFor asks for a document. Its errors hold neither the address nor anything of the answer.
func askFor(ctx context.Context, c *http.Client, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("the address cannot be asked")
	}
	r.Header.Set("Accept", "application/json, application/jwk-set+json;q=0.9, */*;q=0.1")
	res, err := c.Do(r)
	if err != nil {
		var dial *url.Error
		if errors.As(err, &dial) {
			err = dial.Err // without the address
		}
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, statusError(res.StatusCode)
	}
	text, err := io.ReadAll(res.Body)
	switch {
	case errors.Is(err, errTooMuch):
		return nil, errTooMuch
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, errors.New("the answer breaks off")
	}
	return text, nil
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
	errs := make([]error, len(c.Issuers), len(c.Issuers)+1)
	asked := map[[2]string]bool{} // one issuer may stand there with several audiences
	var wg sync.WaitGroup
	for k, i := range c.Issuers {
		alone := c // what is wrong with one is no reason not to ask the others
		alone.Issuers = []OIDCIssuer{i}
		v, err := alone.verifier()
		if at := [2]string{i.Issuer, i.JWKS}; err != nil {
			errs[k] = err
		} else if !asked[at] {
			asked[at] = true
			wg.Go(func() { errs[k] = v.issuers[i.Issuer][0].try(ctx) })
		}
	}
	wg.Wait()
	if errors.Join(errs...) == nil {
		_, err := c.verifier() // what is wrong with all of them together
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// try asks for the keys of an issuer and reports whether tokens could be signed with one.
func (i *oidcIssuer) try(ctx context.Context) error {
	set, err := i.keys.fetch(ctx)
	if err != nil {
		return err
	}
	usable := slices.ContainsFunc(set.keys, func(k multikey.JWK) bool {
		return slices.ContainsFunc(i.algs, func(a proof.Alg) bool { return serves(k, a) })
	})
	if !usable {
		var names []string
		for _, a := range i.algs {
			names = append(names, string(a))
		}
		return &providerError{issuer: i.Issuer, err: fmt.Errorf("its keys (%s) hold none that a token may be signed with: expected a public key for one of %s, found %d others",
			shortened(set.address), strings.Join(names, ", "), len(set.keys)+set.others)}
	}
	return nil
}
