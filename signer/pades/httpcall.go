package pades

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"time"
)

// httpCall is one bounded request. The client it uses decides about addresses, proxies and redirects.
type httpCall struct {
	client         *http.Client
	url            string
	body           []byte // nil: GET
	contentType    string // of body
	accept         string // media type asked for
	limit          int64
	timeout        time.Duration
	user, password string
	reason         Reason // of failures
	anyType        bool   // servers label CRLs and certificates in all ways
}

func (h *httpCall) do(ctx context.Context) ([]byte, error) {
	timeout := h.timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	method, body := http.MethodGet, io.Reader(nil)
	if h.body != nil {
		method, body = http.MethodPost, bytes.NewReader(h.body)
	}
	req, err := http.NewRequestWithContext(ctx, method, h.url, body)
	if err != nil {
		return nil, fail(BadConfig, "malformed URL")
	}
	if h.body != nil {
		req.Header.Set("Content-Type", h.contentType)
	}
	if h.accept != "" {
		req.Header.Set("Accept", h.accept)
	}
	if h.user != "" {
		req.SetBasicAuth(h.user, h.password)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return nil, wrap(h.reason, err, "request failed")
	}
	defer func() { _ = resp.Body.Close() }() // nothing is left to learn from closing what was read
	if resp.StatusCode != http.StatusOK {
		return nil, fail(h.reason, "HTTP status %d, expected 200", resp.StatusCode)
	}
	if !h.anyType {
		if got, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || got != h.accept {
			return nil, fail(h.reason, "answer is not of type %s", h.accept)
		}
	}
	if resp.ContentLength > h.limit {
		return nil, fail(TooLarge, "answer of %d bytes, at most %d are taken", resp.ContentLength, h.limit)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, h.limit+1))
	if err != nil {
		return nil, wrap(h.reason, err, "reading the answer")
	}
	if int64(len(b)) > h.limit {
		return nil, fail(TooLarge, "answer of more than %d bytes", h.limit)
	}
	return b, nil
}
