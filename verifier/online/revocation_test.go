package online_test

import (
	"bytes"
	"context"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/revocation"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/online"
)

// TestRevocation asks a real responder and a real distribution point over HTTP, and
// takes what is wrong with either for unknown.
func TestRevocation(t *testing.T) {
	clock := func() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }
	var ca *testca.Authority
	broken := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case broken == "both" || broken == r.URL.Path:
			http.Error(w, "no", http.StatusServiceUnavailable)
		case broken == "endless":
			_, _ = w.Write(bytes.Repeat([]byte{0}, 40<<20))
		case broken == "redirect":
			http.Redirect(w, r, "/ocsp", http.StatusFound)
		case r.URL.Path == "/ocsp":
			query, _ := io.ReadAll(r.Body)
			b, err := ca.RespondOCSP(query, testca.OCSPConfig{})
			if err != nil {
				http.Error(w, "bad", http.StatusBadRequest)
				return
			}
			_, _ = w.Write(b)
		default:
			b, err := ca.CRL(testca.CRLConfig{})
			if err != nil {
				t.Error(err)
			}
			_, _ = w.Write(b)
		}
	}))
	defer server.Close()
	var err error
	ca, err = testca.NewRoot(testca.Config{Clock: clock, Subject: pkix.Name{CommonName: "Root"}, OCSPURL: server.URL + "/ocsp", CRLURL: server.URL + "/crl"})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Issue(testca.Request{Subject: pkix.Name{CommonName: "Registrar"}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := online.New(online.Config{Clock: clock, InsecureAllowLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	good := func(ocsp, crls [][]byte) {
		t.Helper()
		store, err := revocation.NewStore(ocsp, crls)
		if err != nil {
			t.Fatal(err)
		}
		if a := store.Check(revocation.Query{Certificate: leaf.Certificate, Issuer: ca.Certificate, At: clock(), Known: clock()}); a.Status != revocation.Good {
			t.Errorf("expected good, found %+v", a)
		}
	}
	ocsp, crls, err := client.Revocation(context.Background(), leaf.Certificate, ca.Certificate)
	if err != nil || len(ocsp) != 1 || len(crls) != 0 {
		t.Fatalf("%d, %d, %v", len(ocsp), len(crls), err)
	}
	good(ocsp, crls)
	broken = "/ocsp"
	if ocsp, crls, err = client.Revocation(context.Background(), leaf.Certificate, ca.Certificate); err != nil || len(crls) != 1 {
		t.Fatalf("%d, %d, %v", len(ocsp), len(crls), err)
	}
	good(ocsp, crls)
	for _, broken = range []string{"both", "endless", "redirect"} {
		if _, _, err := client.Revocation(context.Background(), leaf.Certificate, ca.Certificate); !errors.Is(err, verifier.ErrUnreachable) {
			t.Errorf("%s: expected ErrUnreachable, found %v", broken, err)
		}
	}
	// Without leave, loopback is not dialled.
	broken = ""
	guarded, err := online.New(online.Config{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := guarded.Revocation(context.Background(), leaf.Certificate, ca.Certificate); !errors.Is(err, verifier.ErrUnreachable) {
		t.Errorf("expected loopback to be refused, found %v", err)
	}
}
