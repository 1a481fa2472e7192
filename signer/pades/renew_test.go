package pades_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/signer/pades"
)

func (w *world) renewal() *pades.Renewal {
	return &pades.Renewal{TSA: w.TSA, Revocation: w, Clock: w.Clock, Anchors: []*x509.Certificate{w.Root.Certificate, w.TSARoot.Certificate}}
}

func renew(t testing.TB, r *pades.Renewal, in []byte) ([]byte, pades.RenewResult) {
	t.Helper()
	var out bytes.Buffer
	res, err := r.Renew(t.Context(), bytes.NewReader(in), int64(len(in)), &out)
	check(t, err)
	if !bytes.HasPrefix(out.Bytes(), in) || res.Size != int64(out.Len()) {
		t.Fatal("the input is not a prefix, or the size is wrong")
	}
	return out.Bytes(), res
}

// storeItems counts what the document security store holds and checks that VRI names every signature.
func storeItems(t testing.TB, w *world, file []byte, password string) map[pdf.Name]int {
	t.Helper()
	rev := opened(t, file, password).Latest()
	cat, err := rev.Catalog()
	check(t, err)
	dss, err := rev.DictAt(cat, "DSS")
	check(t, err)
	n := map[pdf.Name]int{}
	for _, key := range []pdf.Name{"Certs", "OCSPs", "CRLs"} {
		a, err := rev.ArrayAt(dss, key)
		check(t, err)
		if a != nil {
			n[key] = a.Len()
		}
	}
	vri, err := rev.DictAt(dss, "VRI")
	check(t, err)
	n["VRI"] = vri.Len()
	for k := range vri.All() {
		if len(k) != 40 || strings.ToUpper(string(k)) != string(k) {
			t.Fatalf("VRI key %s", k)
		}
	}
	return n
}

func TestRenew(t *testing.T) {
	for level := pades.LevelB; level <= pades.LevelLTA; level++ {
		t.Run(level.String(), func(t *testing.T) {
			w := newWorld(t, p256)
			for _, in := range w.Inputs(t) {
				file, _ := sign(t, w.Pades(level, p256), in.Bytes, pades.Request{Password: in.Password})
				r := w.renewal()
				r.Password = in.Password
				had := len(w.signatures(t, file, in.Password))
				out, res := renew(t, r, file)
				if got := len(w.signatures(t, out, in.Password)); got != had+1 || res.Signatures+res.Timestamps != had {
					t.Fatalf("%s: %d signatures after renewal of %d", in.Name, got, had)
				}
				if n := storeItems(t, w, out, in.Password); n["VRI"] != had || n["Certs"] < 4 || n["OCSPs"] == 0 || n["CRLs"] == 0 {
					t.Fatalf("%s: store holds %v for %d signatures", in.Name, n, had)
				}
			}
		})
	}
}

// TestRenewYears renews a file twice, past the end of the first authority's certificate.
func TestRenewYears(t *testing.T) {
	w := newWorld(t, rsa2048)
	file, _ := sign(t, w.Pades(pades.LevelT, rsa2048), sample{Streams: true, Form: "direct"}.Build(t), pades.Request{Certify: pades.NoChanges})
	file, _ = renew(t, w.renewal(), file)
	before := storeItems(t, w, file, "")
	old := w.TSALeaf
	for year := range 3 {
		w.Now = w.Now.AddDate(1, 0, 0)
		leaf, err := w.TSARoot.Issue(testca.Request{Profile: testca.Timestamping, Subject: old.Certificate.Subject, NotBefore: w.Now.Add(-time.Hour), NotAfter: w.Now.AddDate(3, 0, 0)})
		check(t, err)
		w.TSA, err = pades.NewLocalTSA(pades.LocalTSAConfig{Key: leaf.Key, Chain: append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...), Clock: w.Clock})
		check(t, err)
		// Nobody answers for the signer any more; what the file holds must do.
		r := w.renewal()
		r.Revocation = onlyTSA{w}
		var res pades.RenewResult
		file, res = renew(t, r, file)
		if res.Timestamps != year+1 || res.Signatures != 1 {
			t.Fatalf("%+v", res)
		}
	}
	if !w.Now.After(old.Certificate.NotAfter) {
		t.Fatal("the first authority's certificate has not ended: nothing was shown")
	}
	after := storeItems(t, w, file, "")
	if after["VRI"] != 4 || after["Certs"] <= before["Certs"] || after["CRLs"] <= before["CRLs"] || after["OCSPs"] != before["OCSPs"] {
		t.Fatalf("store held %v, holds %v", before, after)
	}
}

type onlyTSA struct{ *world }

func (o onlyTSA) Revocation(ctx context.Context, cert, issuer *x509.Certificate) (pades.Revocation, error) {
	if !issuer.Equal(o.TSARoot.Certificate) {
		return pades.Revocation{}, errors.New("retired")
	}
	return o.world.Revocation(ctx, cert, issuer)
}

func TestRenewRefused(t *testing.T) {
	w := newWorld(t, p256)
	plain := sample{}.Build(t)
	signed, _ := sign(t, w.Pades(pades.LevelT, p256), plain, pades.Request{})
	other := newWorld(t, p256)
	for name, c := range map[string]struct {
		in     []byte
		change func(*pades.Renewal)
		reason pades.Reason
	}{
		"no signature":   {plain, func(*pades.Renewal) {}, pades.NothingToRenew},
		"no TSA":         {signed, func(r *pades.Renewal) { r.TSA = nil }, pades.BadConfig},
		"no revocation":  {signed, func(r *pades.Renewal) { r.Revocation = nil }, pades.BadConfig},
		"no clock":       {signed, func(r *pades.Renewal) { r.Clock = nil }, pades.BadConfig},
		"other anchors":  {signed, func(r *pades.Renewal) { r.Anchors = []*x509.Certificate{other.Root.Certificate} }, pades.BadChain},
		"nobody answers": {signed, func(r *pades.Renewal) { r.Revocation = other }, pades.NoRevocation},
		"broken file":    {signed[:len(signed)-40], func(*pades.Renewal) {}, pades.BadInput},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.renewal()
			c.change(r)
			var out bytes.Buffer
			_, err := r.Renew(t.Context(), bytes.NewReader(c.in), int64(len(c.in)), &out)
			if !errors.Is(err, c.reason) || out.Len() > 0 {
				t.Fatalf("got %v and %d bytes, expected %s", err, out.Len(), c.reason)
			}
		})
	}
	w.Issuing.Revoke(w.Signer.Certificate.SerialNumber, w.Now.Add(-time.Hour), 1)
	if _, err := w.renewal().Renew(t.Context(), bytes.NewReader(signed), int64(len(signed)), io.Discard); !errors.Is(err, pades.Revoked) {
		t.Fatalf("got %v", err)
	}
}

// web answers OCSP, CRL and issuer requests of the world's certificates.
type web struct {
	*world
	ocsp, crl  int
	brokenOCSP bool
}

func (h *web) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	switch {
	case r.URL.Host == "ocsp.example" && r.Method == http.MethodPost:
		h.ocsp++
		body, _ := io.ReadAll(r.Body)
		resp, err := h.Issuing.RespondOCSP(body, testca.OCSPConfig{Responder: h.Responder, ThisUpdate: h.Now})
		if err != nil || h.brokenOCSP {
			rec.WriteHeader(http.StatusInternalServerError)
			break
		}
		rec.Header().Set("Content-Type", "application/ocsp-response")
		_, _ = rec.Write(resp)
	case r.URL.Host == "crl.example":
		h.crl++
		crl, err := h.Issuing.CRL(testca.CRLConfig{ThisUpdate: h.Now})
		if err != nil {
			return nil, err
		}
		_, _ = rec.Write(crl)
	default:
		rec.WriteHeader(http.StatusNotFound)
	}
	return rec.Result(), nil
}

func TestFetcher(t *testing.T) {
	w := newWorld(t, p256)
	h := &web{world: w}
	f := &pades.Fetcher{HTTP: &http.Client{Transport: h}, Clock: w.Clock, KeepFor: time.Minute}
	leaf, issuer := w.Signer.Certificate, w.Issuing.Certificate
	for range 3 {
		rev, err := f.Revocation(t.Context(), leaf, issuer)
		check(t, err)
		if len(rev.OCSP) != 1 {
			t.Fatal("no OCSP response")
		}
	}
	if h.ocsp != 1 || h.crl != 0 {
		t.Fatalf("%d OCSP and %d CRL requests, expected one", h.ocsp, h.crl)
	}
	w.Now = w.Now.Add(time.Hour)
	h.brokenOCSP = true
	rev, err := f.Revocation(t.Context(), leaf, issuer)
	check(t, err)
	if len(rev.CRLs) != 1 {
		t.Fatal("no fall back to the CRL")
	}
	for name, c := range map[string]struct {
		f            *pades.Fetcher
		cert, issuer *x509.Certificate
		reason       pades.Reason
	}{
		"no client":       {&pades.Fetcher{Clock: w.Clock}, leaf, issuer, pades.BadConfig},
		"no clock":        {&pades.Fetcher{HTTP: f.HTTP}, leaf, issuer, pades.BadConfig},
		"no address":      {f, w.TSALeaf.Certificate, w.TSARoot.Certificate, pades.NoRevocation},
		"another issuer":  {&pades.Fetcher{HTTP: f.HTTP, Clock: w.Clock}, leaf, w.TSARoot.Certificate, pades.NoRevocation},
		"CRL over limit":  {&pades.Fetcher{HTTP: f.HTTP, Clock: w.Clock, MaxCRL: 10}, leaf, issuer, pades.NoRevocation},
		"stale":           {&pades.Fetcher{HTTP: f.HTTP, Clock: func() time.Time { return w.Now.AddDate(0, 2, 0) }}, leaf, issuer, pades.NoRevocation},
		"issued just now": {&pades.Fetcher{HTTP: f.HTTP, Clock: func() time.Time { return w.Now.AddDate(0, 0, -2) }}, leaf, issuer, pades.NoRevocation},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.f.Revocation(t.Context(), c.cert, c.issuer)
			var e *pades.Error
			if !errors.As(err, &e) || !errors.Is(err, c.reason) && !errors.Is(err, pades.TooLarge) {
				t.Fatalf("got %v, expected %s", err, c.reason)
			}
		})
	}
	// The whole way: a file at B-LT with what was fetched.
	h.brokenOCSP = false
	s := w.Pades(pades.LevelLT, p256)
	s.Revocation = both{f, w}
	w.signatures(t, first(sign(t, s, sample{}.Build(t), pades.Request{})), "")
}

// both asks the web for what has addresses, and the world for the rest.
type both struct {
	f *pades.Fetcher
	w *world
}

func (b both) Revocation(ctx context.Context, cert, issuer *x509.Certificate) (pades.Revocation, error) {
	if len(cert.OCSPServer) > 0 {
		return b.f.Revocation(ctx, cert, issuer)
	}
	return b.w.Revocation(ctx, cert, issuer)
}
