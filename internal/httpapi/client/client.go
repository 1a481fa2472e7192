// Package client calls the product and public planes of a Chancery installation from Go,
// with the service's own resource types.
//
//	c := &client.Client{BaseURL: "https://chancery.example", Token: key, HTTP: &http.Client{Timeout: 30 * time.Second}}
//	credential, err := c.Issue(ctx, service.NewCredential{…}, client.Key("order-4711"))
//
// A refusal is an *Error, which holds the problem that was answered; errors.Is finds
// service.ErrNotFound in it. Creating calls take a Key, with which they may be repeated
// after a fault of the network. A verdict is no error: look at its Outcome.
//
// The W3C plane is left out on purpose: its shapes are VCALM's, so that any client of
// VCALM fits, and this one would add nothing but names.
//
// Caveat: nothing is repeated by itself, and redirects are not followed with a token.
package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/chancery-dev/chancery/internal/service"
)

// Client calls one installation. It is safe for concurrent use if HTTP is.
type Client struct {
	// BaseURL is the installation's, such as https://chancery.example. Required.
	BaseURL string
	// Token is an API key or access token. "": only what is public can be called.
	Token string
	// Tenant is sent as an assertion: a key of another tenant is refused. "": none.
	Tenant string
	// HTTP sends requests. Required; give it a timeout.
	HTTP *http.Client
	// MaxAnswer bounds answers in bytes, but for downloads to a writer. 0: 64 MB.
	MaxAnswer int64
}

// Key is an Idempotency-Key: the same key and request make one thing, however often they
// are sent within a day. "": none.
type Key string

// Error is a refusal: the problem that was answered.
type Error struct {
	Status     int
	Code       service.Code
	Title      string
	Detail     string
	Fields     map[string][]string // of 422: messages by dotted path
	RequestID  string
	RetryAfter time.Duration // 0: not said
}

func (e *Error) Error() string {
	return fmt.Sprintf("client: %d %s: %s (request %s)", e.Status, e.Code, e.Detail, e.RequestID)
}

// Is reports 404 as service.ErrNotFound and 503 as service.ErrUnavailable.
func (e *Error) Is(target error) bool {
	return target == service.ErrNotFound && e.Status == http.StatusNotFound || target == service.ErrUnavailable && e.Status == http.StatusServiceUnavailable
}

const defaultMaxAnswer = 64 << 20

// body is what is sent.
type body struct {
	mediaType string
	r         io.Reader
}

// bodyJSON are the options that leave absent members out, as the service reads them.
var bodyJSON = json.JoinOptions(jsonv1.OmitEmptyWithLegacySemantics(true), json.Deterministic(true))

func jsonBody(v any) (*body, error) {
	b, err := json.Marshal(v, bodyJSON)
	if err != nil {
		return nil, fmt.Errorf("client: the request cannot be written: %w", err)
	}
	return &body{"application/json", bytes.NewReader(b)}, nil
}

// send makes a request and answers the response where it is a good one.
func (c *Client) send(ctx context.Context, method, path string, q url.Values, b *body, key Key, accept string) (*http.Response, error) {
	if c.HTTP == nil || c.BaseURL == "" {
		return nil, errors.New("client: expected BaseURL and HTTP")
	}
	address := strings.TrimRight(c.BaseURL, "/") + path
	if len(q) > 0 {
		address += "?" + q.Encode()
	}
	var r io.Reader
	if b != nil {
		r = b.r
	}
	req, err := http.NewRequestWithContext(ctx, method, address, r)
	if err != nil {
		return nil, errors.New("client: the address cannot be used")
	}
	h := req.Header
	h.Set("Accept", accept)
	if b != nil {
		h.Set("Content-Type", b.mediaType)
	}
	if c.Token != "" {
		h.Set("Authorization", "Bearer "+c.Token)
	}
	if c.Tenant != "" {
		h.Set("X-Tenant", c.Tenant)
	}
	if key != "" {
		h.Set("Idempotency-Key", string(key))
	}
	httpClient := *c.HTTP
	httpClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := httpClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if res.StatusCode >= 300 {
		defer res.Body.Close()
		return nil, problem(res)
	}
	return res, nil
}

func problem(res *http.Response) error {
	e := &Error{Status: res.StatusCode, RequestID: res.Header.Get("X-Request-Id"), Detail: "no problem was given"}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return e
	}
	var p struct {
		Code   service.Code        `json:"code"`
		Title  string              `json:"title"`
		Detail string              `json:"detail"`
		Errors map[string][]string `json:"errors"`
		OAuth  string              `json:"error"`
		Why    string              `json:"error_description"`
	}
	if json.Unmarshal(b, &p) != nil {
		return e
	}
	e.Code, e.Title, e.Fields = p.Code, p.Title, p.Errors
	if p.Detail != "" {
		e.Detail = p.Detail
	}
	if p.OAuth != "" {
		e.Code, e.Detail = service.Code(p.OAuth), p.Why
	}
	return e
}

func (c *Client) limit() int64 {
	if c.MaxAnswer > 0 {
		return c.MaxAnswer
	}
	return defaultMaxAnswer
}

func (c *Client) read(res *http.Response) ([]byte, error) {
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, c.limit()+1))
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if int64(len(b)) > c.limit() {
		return nil, fmt.Errorf("client: the answer has more than %d bytes", c.limit())
	}
	return b, nil
}

// bare reads an answer that is in no envelope.
func bare[T any](ctx context.Context, c *Client, method, path string, q url.Values, b *body, key Key) (T, *http.Response, error) {
	var v T
	res, err := c.send(ctx, method, path, q, b, key, "application/json")
	if err != nil {
		return v, nil, err
	}
	text, err := c.read(res)
	if err != nil {
		return v, nil, err
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return v, nil, fmt.Errorf("client: the answer of %s %d is not as expected", method, res.StatusCode)
	}
	return v, res, nil
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	e, _, err := bare[envelope[T]](ctx, c, http.MethodGet, path, nil, nil, "")
	return e.Data, err
}

// sendJSON sends a body, nil for none, and reads the resource that is answered.
func sendJSON[T any](ctx context.Context, c *Client, method, path string, in any, key Key) (T, error) {
	var b *body
	var zero T
	if in != nil {
		var err error
		if b, err = jsonBody(in); err != nil {
			return zero, err
		}
	}
	e, _, err := bare[envelope[T]](ctx, c, method, path, nil, b, key)
	return e.Data, err
}

func list[T any](ctx context.Context, c *Client, path string, q url.Values, p service.Page) (service.List[T], error) {
	if q == nil {
		q = url.Values{}
	}
	if p.Limit > 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	if p.Cursor != "" {
		q.Set("cursor", p.Cursor)
	}
	if p.WithTotal {
		q.Set("withTotal", "true")
	}
	e, _, err := bare[listEnvelope[T]](ctx, c, http.MethodGet, path, q, nil, "")
	l := service.List[T]{Items: e.Data, Next: e.Meta.NextCursor, Total: -1}
	if e.Meta.Total != nil {
		l.Total = *e.Meta.Total
	}
	return l, err
}

func (c *Client) none(ctx context.Context, method, path string, in any) error {
	var b *body
	if in != nil {
		var err error
		if b, err = jsonBody(in); err != nil {
			return err
		}
	}
	res, err := c.send(ctx, method, path, nil, b, "", "application/json")
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// file reads exact bytes.
func (c *Client) file(ctx context.Context, path, accept string) (service.File, error) {
	res, err := c.send(ctx, http.MethodGet, path, nil, nil, "", accept)
	if err != nil {
		return service.File{}, err
	}
	b, err := c.read(res)
	return service.File{MediaType: res.Header.Get("Content-Type"), Digest: strings.Trim(res.Header.Get("ETag"), `"`), Bytes: b}, err
}

// download copies an answer of any size.
func (c *Client) download(ctx context.Context, path string, w io.Writer) error {
	res, err := c.send(ctx, http.MethodGet, path, nil, nil, "", "*/*")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("client: the answer was broken off: %w", err)
	}
	return nil
}

type envelope[T any] struct {
	Data T              `json:"data"`
	Meta jsontext.Value `json:"meta"`
}

type listEnvelope[T any] struct {
	Data []T `json:"data"`
	Meta struct {
		NextCursor string `json:"nextCursor"`
		Total      *int64 `json:"total"`
	} `json:"meta"`
}

// at joins parts of a path, each escaped.
func at(parts ...string) string {
	var b strings.Builder
	b.WriteString("/v1")
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(p))
	}
	return b.String()
}
