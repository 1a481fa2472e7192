package pades_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
	"github.com/chancery-dev/chancery/signer/pades"
)

// authority is a TSA over HTTP whose requests or answers a test may falsify.
type authority struct {
	*world
	query func(*tsp.Request)  // changes what the authority sees
	reply func([]byte) []byte // changes what it answers
	delay time.Duration
	typ   string
	calls int
}

func (a *authority) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	a.calls++
	body, _ := io.ReadAll(r.Body)
	if a.query != nil {
		q, err := tsp.ParseRequest(body)
		if err != nil {
			http.Error(rw, "", http.StatusBadRequest)
			return
		}
		a.query(q)
		body, _ = q.Marshal()
	}
	if a.delay > 0 {
		select {
		case <-time.After(a.delay):
		case <-r.Context().Done():
		}
	}
	inner := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	inner.Header.Set("Content-Type", "application/timestamp-query")
	rec := httptest.NewRecorder()
	a.TSA.ServeHTTP(rec, inner)
	out := rec.Body.Bytes()
	if a.reply != nil {
		out = a.reply(out)
	}
	typ := "application/timestamp-reply"
	if a.typ != "" {
		typ = a.typ
	}
	rw.Header().Set("Content-Type", typ)
	_, _ = rw.Write(out)
}

func (w *world) client(url string) *pades.TSAClient {
	return &pades.TSAClient{URL: url, HTTP: &http.Client{}, Anchors: []*x509.Certificate{w.TSARoot.Certificate}, Clock: w.Clock, Timeout: 20 * time.Second}
}

func TestTSAClient(t *testing.T) {
	w := newWorld(t, p256)
	a := &authority{world: w}
	srv := httptest.NewServer(a)
	defer srv.Close()
	s := w.Pades(pades.LevelLTA, p256)
	s.TSA = w.client(srv.URL)
	in := sample{}.Build(t)
	for range 2 {
		w.signatures(t, first(sign(t, s, in, pades.Request{})), "")
	}
	if a.calls != 5 { // one to learn the size, then two for each file
		t.Fatalf("%d requests", a.calls)
	}
	digest := sha256.Sum256([]byte("x"))
	other := newWorld(t, p256)
	for name, c := range map[string]struct {
		a      authority
		client func(*pades.TSAClient)
		reason pades.Reason
	}{
		"wrong nonce":       {authority{query: func(q *tsp.Request) { q.Nonce = big.NewInt(7) }}, nil, pades.BadTimestamp},
		"no nonce":          {authority{query: func(q *tsp.Request) { q.Nonce = nil }}, nil, pades.BadTimestamp},
		"wrong imprint":     {authority{query: func(q *tsp.Request) { q.Digest[0] ^= 1 }}, nil, pades.BadTimestamp},
		"other hash":        {authority{query: func(q *tsp.Request) { q.Hash, q.Digest = crypto.SHA384, make([]byte, 48) }}, nil, pades.BadTimestamp},
		"no certificates":   {authority{query: func(q *tsp.Request) { q.Certificates = false }}, nil, pades.BadTimestamp},
		"oversized":         {authority{reply: func(b []byte) []byte { return append(b, make([]byte, 300<<10)...) }}, nil, pades.TooLarge},
		"over own limit":    {authority{}, func(c *pades.TSAClient) { c.MaxBytes = 100 }, pades.TooLarge},
		"slow":              {authority{delay: 5 * time.Second}, func(c *pades.TSAClient) { c.Timeout = 30 * time.Millisecond }, pades.BadTimestamp},
		"empty":             {authority{reply: func([]byte) []byte { return nil }}, nil, pades.BadTimestamp},
		"garbage":           {authority{reply: func(b []byte) []byte { b[len(b)/2] ^= 0xff; return b }}, nil, pades.BadTimestamp},
		"broken signature":  {authority{reply: func(b []byte) []byte { b[len(b)-3] ^= 1; return b }}, nil, pades.BadTimestamp},
		"HTML":              {authority{typ: "text/html"}, nil, pades.BadTimestamp},
		"other policy":      {authority{}, func(c *pades.TSAClient) { c.Policy = "1.2.3.4" }, pades.BadTimestamp},
		"untrusted":         {authority{}, func(c *pades.TSAClient) { c.Anchors = []*x509.Certificate{other.TSARoot.Certificate} }, pades.BadTimestamp},
		"clock far off":     {authority{}, func(c *pades.TSAClient) { c.Clock = func() time.Time { return w.Now.Add(time.Hour) } }, pades.BadTimestamp},
		"clock behind":      {authority{}, func(c *pades.TSAClient) { c.Clock = func() time.Time { return w.Now.Add(-time.Hour) } }, pades.BadTimestamp},
		"no anchors":        {authority{}, func(c *pades.TSAClient) { c.Anchors = nil }, pades.BadConfig},
		"no client":         {authority{}, func(c *pades.TSAClient) { c.HTTP = nil }, pades.BadConfig},
		"no clock":          {authority{}, func(c *pades.TSAClient) { c.Clock = nil }, pades.BadConfig},
		"file URL":          {authority{}, func(c *pades.TSAClient) { c.URL = "file:///etc/passwd" }, pades.BadConfig},
		"malformed policy":  {authority{}, func(c *pades.TSAClient) { c.Policy = "one.two" }, pades.BadConfig},
		"no randomness":     {authority{}, func(c *pades.TSAClient) { c.Random = strings.NewReader("short") }, pades.BadConfig},
		"nobody there":      {authority{}, func(c *pades.TSAClient) { c.URL = "http://127.0.0.1:1/" }, pades.BadTimestamp},
		"status not served": {authority{}, func(c *pades.TSAClient) { c.URL += "?missing" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.a
			a.world = w
			srv := httptest.NewServer(&a)
			defer srv.Close()
			client := w.client(srv.URL)
			if c.client != nil {
				c.client(client)
			}
			_, err := client.Timestamp(t.Context(), crypto.SHA256, digest[:])
			if c.reason == "" && err != nil || c.reason != "" && !errors.Is(err, c.reason) {
				t.Fatalf("got %v, expected %q", err, c.reason)
			}
		})
	}
}

// growing returns tokens longer than its sample.
type growing struct {
	small, large *pades.LocalTSA
}

func (g growing) Timestamp(ctx context.Context, h crypto.Hash, d []byte) (*pades.Timestamp, error) {
	return g.large.Timestamp(ctx, h, d)
}

func (g growing) Sample(ctx context.Context, h crypto.Hash) (*pades.Timestamp, error) {
	return g.small.Sample(ctx, h)
}

// lying returns a token over something else.
type lying struct{ *pades.LocalTSA }

func (l lying) Timestamp(ctx context.Context, h crypto.Hash, d []byte) (*pades.Timestamp, error) {
	return l.LocalTSA.Timestamp(ctx, h, make([]byte, len(d)))
}

func TestTimestampers(t *testing.T) {
	w := newWorld(t, p256)
	in := sample{}.Build(t)
	leaf, err := w.TSARoot.Issue(testca.Request{Profile: testca.Timestamping, Subject: w.TSALeaf.Certificate.Subject, Key: newRSA(t)})
	check(t, err)
	large, err := pades.NewLocalTSA(pades.LocalTSAConfig{Key: leaf.Key, Chain: append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...), Clock: w.Clock})
	check(t, err)
	s := w.Pades(pades.LevelLTA, p256)
	s.TSA = growing{w.TSA, large}
	w.signatures(t, first(sign(t, s, in, pades.Request{})), "") // there is a second attempt
	p, err := s.Prepare(t.Context(), bytes.NewReader(in), int64(len(in)), pades.Request{})
	check(t, err)
	sigs, err := pades.SignBatch(t.Context(), &batchKey{Signer: w.Signer.Key}, []*pades.Prepared{p})
	check(t, err)
	_, err = s.Embed(t.Context(), bytes.NewReader(in), io.Discard, p, sigs[0]) // and here there cannot be
	if !errors.Is(err, pades.TooLarge) {
		t.Fatalf("got %v", err)
	}
	s.TSA = lying{w.TSA}
	_, err = s.Sign(t.Context(), bytes.NewReader(in), int64(len(in)), io.Discard, pades.Request{})
	if !errors.Is(err, pades.BadTimestamp) {
		t.Fatalf("got %v", err)
	}
}

func TestTSAServer(t *testing.T) {
	w := newWorld(t, p256)
	for name, c := range map[string]struct {
		method, typ, body string
		status            int
	}{
		"get":        {http.MethodGet, "", "", http.StatusMethodNotAllowed},
		"other type": {http.MethodPost, "text/plain", "x", http.StatusUnsupportedMediaType},
		"too large":  {http.MethodPost, "application/timestamp-query", strings.Repeat("x", 1<<20), http.StatusBadRequest},
		"garbage":    {http.MethodPost, "application/timestamp-query", "x", http.StatusOK}, // with a rejection inside
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, "/", strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.typ)
			rec := httptest.NewRecorder()
			w.TSA.ServeHTTP(rec, r)
			if rec.Code != c.status {
				t.Fatalf("status %d", rec.Code)
			}
			if c.status != http.StatusOK {
				return
			}
			resp, err := tsp.ParseResponse(rec.Body.Bytes())
			check(t, err)
			if resp.Status != tsp.Rejection {
				t.Fatalf("status %d in the reply", resp.Status)
			}
		})
	}
}
