package serving_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// registrar is an authority that tells over HTTP what is revoked, and a certificate of it
// that an institution seals with.
type registrar struct {
	*balky
	ca   *testca.Authority
	leaf *testca.Leaf
}

func newRegistrar(t *testing.T) *registrar {
	t.Helper()
	r := &registrar{}
	r.balky = newBalky(t, func(q *http.Request, body []byte) (int, string, []byte) {
		if q.URL.Path == "/crl" {
			crl, err := r.ca.CRL(testca.CRLConfig{})
			if err != nil {
				return 500, "text/plain", nil
			}
			return 200, "application/pkix-crl", crl
		}
		answer, err := r.ca.RespondOCSP(body, testca.OCSPConfig{})
		if err != nil {
			return 400, "text/plain", nil
		}
		return 200, "application/ocsp-response", answer
	})
	r.ca = must[*testca.Authority](t)(testca.NewRoot(testca.Config{Clock: time.Now, Subject: pkix.Name{CommonName: "National root"}, OCSPURL: r.URL + "/ocsp", CRLURL: r.URL + "/crl"}))
	r.leaf = must[*testca.Leaf](t)(r.ca.Issue(testca.Request{Profile: testca.DocumentSigning, Subject: pkix.Name{CommonName: "Registrar"}}))
	return r
}

func (r *registrar) chain() []*x509.Certificate {
	return append([]*x509.Certificate{r.leaf.Certificate}, r.leaf.Chain...)
}

// newSealed is a fort whose institution north seals with the registrar's certificate, at the
// level that keeps.
func newSealed(t *testing.T, r *registrar) *fort {
	t.Helper()
	root := must[*testca.Authority](t)(testca.NewRoot(testca.Config{Clock: time.Now, Subject: pkix.Name{CommonName: "Timestamping root"}, OCSPURL: r.URL + "/tsa"}))
	tsaRoot := root
	signs := must[*testca.Leaf](t)(root.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Timestamping authority"}}))
	next := r.next
	r.next = func(q *http.Request, body []byte) (int, string, []byte) {
		if q.URL.Path != "/tsa" {
			return next(q, body)
		}
		answer, err := tsaRoot.RespondOCSP(body, testca.OCSPConfig{})
		if err != nil {
			return 400, "text/plain", nil
		}
		return 200, "application/ocsp-response", answer
	}
	tsa := must[*pades.LocalTSA](t)(pades.NewLocalTSA(pades.LocalTSAConfig{Key: signs.Key, Chain: append([]*x509.Certificate{signs.Certificate}, signs.Chain...), Clock: time.Now}))
	f := newFort(t, func(p *serving.Parts) {
		p.TSA, p.TSARoots = tsa, []*x509.Certificate{root.Certificate}
		p.Revocation = &pades.Fetcher{HTTP: &http.Client{}, Clock: time.Now, Timeout: 200 * time.Millisecond}
	})
	c := service.System(service.Scope{Tenant: "north", Environment: service.Test})
	issuers := must[service.List[service.Issuer]](t)(f.s.Core.ListIssuers(t.Context(), c, service.Page{}))
	if _, err := f.s.Core.SetSeal(t.Context(), c, issuers.Items[0].ID, service.Seal{Key: r.leaf.Key, Chain: r.chain()}); err != nil {
		t.Fatal(err)
	}
	return f
}

// detail checks that a problem's detail holds some words.
func (a answer) detail(t *testing.T, what, words string) {
	t.Helper()
	var p struct {
		Detail string `json:"detail"`
	}
	if err := json.Unmarshal(a.body, &p); err != nil || !strings.Contains(p.Detail, words) {
		t.Errorf("%s: expected %q in the detail, found %s", what, words, a.body)
	}
}

// TestRevocationAway: where an authority does not tell whether a certificate is revoked, no
// seal is made that lacks its word, and callers are told to try again.
func TestRevocationAway(t *testing.T) {
	r := newRegistrar(t)
	f := newSealed(t, r)
	withPDF := aina(map[string]any{"outputs": []string{"vc", "pdf"}})
	first := f.ok("north/test", "POST", "/v1/credentials", withPDF)
	pdf := f.ok("north/test", "GET", "/v1/credentials/"+first.text("id")+"/artifacts/pdf", nil)
	added := f.upload("north/test", "/v1/documents", padestest.Sample{}.Build(t))
	var documents struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(added.body, &documents); err != nil || len(documents.Data) != 1 {
		t.Fatalf("found %d %s", added.status, added.body)
	}
	document := "/v1/documents/" + documents.Data[0].ID
	signatures := document + "/signatures"
	sign := map[string]any{"kind": "institutional", "level": "B-LTA"}
	wanted := 1
	for _, what := range []trouble{refuse, hang, half, trickle, garbage, broken, busy} {
		for _, where := range []string{"/", "/tsa"} {
			name := string(what) + " at " + where
			r.set(func(q *http.Request, _ []byte) trouble {
				if strings.HasPrefix(q.URL.Path, where) {
					return what
				}
				return none
			})
			began := time.Now()
			got := f.call("north/test", "POST", "/v1/credentials", withPDF, "Idempotency-Key", strings.ReplaceAll(name, " ", "-"))
			got.unavailable(t, name+": issue")
			got.detail(t, name+": issue", "is revoked; try again")
			got = f.call("north/test", "POST", signatures, sign, "Idempotency-Key", strings.ReplaceAll(name, " ", "-"))
			got.unavailable(t, name+": sign")
			got.detail(t, name+": sign", "is revoked; try again")
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("%s: refused after %v", name, took)
			}
			if total := f.total(); total != wanted {
				t.Errorf("%s: expected %d credentials, found %d", name, wanted, total)
			}
		}
	}
	if got := f.ok("north/test", "GET", document, nil); strings.Contains(string(got.body), "institutional") {
		t.Errorf("signatures were stored: %s", got.body)
	}
	r.set(always(broken))
	f.ok("north/test", "POST", "/v1/credentials", aina(nil)) // needs no seal
	f.ready(200)
	r.set(nil)
	// The same calls, under the same keys, now go well, once each.
	before := f.total()
	a := f.ok("north/test", "POST", "/v1/credentials", withPDF, "Idempotency-Key", "hang-at-/")
	b := f.ok("north/test", "POST", "/v1/credentials", withPDF, "Idempotency-Key", "hang-at-/")
	if a.text("id") != b.text("id") || f.total() != before+1 {
		t.Error("the call that was repeated made another credential")
	}
	f.ok("north/test", "POST", signatures, sign, "Idempotency-Key", "hang-at-/")
	if got := f.upload("", "/v1/verify", pdf.body); got.status != 200 || got.text("outcome") != "valid" {
		t.Errorf("found %d %s", got.status, got.body)
	}
	// An answer that it is revoked is one that no other attempt changes.
	r.ca.Revoke(r.leaf.Certificate.SerialNumber, time.Now().Add(-time.Minute), 1)
	for _, call := range []answer{f.call("north/test", "POST", "/v1/credentials", withPDF), f.call("north/test", "POST", signatures, sign)} {
		if call.status != 409 {
			t.Errorf("expected 409, found %d %s", call.status, call.body)
		}
		call.detail(t, "revoked", "is revoked")
	}
}

// TestStrangersCertificates: the addresses that a caller's own certificate names are asked
// only where they are public ones.
func TestStrangersCertificates(t *testing.T) {
	inside := newRegistrar(t)
	f := newSealed(t, newRegistrar(t))
	added := f.upload("north/test", "/v1/documents", padestest.Sample{}.Build(t))
	_, rest, _ := strings.Cut(string(added.body), `"id":`)
	id := strings.Trim(strings.TrimSpace(strings.Split(rest, ",")[0]), `"`)
	var chain strings.Builder
	for _, c := range inside.chain() {
		pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	got := f.call("north/test", "POST", "/v1/documents/"+id+"/signatures", map[string]any{"kind": "remote", "level": "B-LT", "certificate": chain.String()})
	got.unavailable(t, "a certificate that names an address inside")
	if n := inside.calls(); n != 0 {
		t.Errorf("an address inside was asked %d times", n)
	}
}
