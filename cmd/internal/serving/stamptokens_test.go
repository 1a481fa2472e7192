package serving_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/signer/pades"
)

// TestStampTokens: evidence carries whether its timestamping authority was revoked; where nobody
// says so, it is made all the same, and nobody is asked again and again; where the authority is
// revoked, nothing is anchored by it.
func TestStampTokens(t *testing.T) {
	var root *testca.Authority
	var away atomic.Bool
	var asked atomic.Int32
	hung := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if asked.Add(1); err != nil || away.Load() {
			<-hung
			return
		}
		answer, err := root.RespondOCSP(body, testca.OCSPConfig{})
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/ocsp-response")
		w.Write(answer)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hung) })
	root = must[*testca.Authority](t)(testca.NewRoot(testca.Config{Clock: time.Now, Subject: pkix.Name{CommonName: "Timestamping root"}, OCSPURL: server.URL}))
	signs := must[*testca.Leaf](t)(root.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Timestamping authority"}}))
	tsa := must[*pades.LocalTSA](t)(pades.NewLocalTSA(pades.LocalTSAConfig{Key: signs.Key, Chain: append([]*x509.Certificate{signs.Certificate}, signs.Chain...), Clock: time.Now}))
	f := newFort(t, func(p *serving.Parts) {
		p.TSA, p.TSARoots = tsa, []*x509.Certificate{root.Certificate}
		p.Revocation = &pades.Fetcher{HTTP: &http.Client{}, Clock: time.Now}
		p.BatchAge, p.BatchEvery = 20*time.Millisecond, 30*time.Millisecond
	})
	start(t, f.s)
	anchored := func(text string) int {
		t.Helper()
		id := f.stamp(text)
		until(t, text+" is anchored", 30*time.Second, func() bool { return f.stampState(id) == "anchored" })
		bundle := must[*evidence.Bundle](t)(evidence.Parse(f.ok("north/test", "GET", "/v1/stamps/"+id+"/proof", nil, "Accept", "application/cbor").body))
		token := must[*tsp.Token](t)(tsp.ParseToken(bundle.Anchors[0].Timestamp.Token.Bytes))
		ocsp, crls := token.Signed.RevocationValues()
		return len(ocsp) + len(crls)
	}
	if n := anchored("first"); n != 1 {
		t.Errorf("expected one answer in the token, found %d", n)
	}
	sum := sha256.Sum256([]byte("first"))
	if got := f.ok("", "POST", "/v1/verify", map[string]any{"hash": map[string]any{"alg": "sha-256", "value": hex.EncodeToString(sum[:])}}); got.text("outcome") != "valid" || !bytes.Contains(got.body, []byte("no certificate of the authority was revoked, as of ")) {
		t.Errorf("found %s", got.body)
	}
	away.Store(true)
	before := asked.Load()
	for _, text := range []string{"second", "third"} {
		if n := anchored(text); n != 0 {
			t.Errorf("expected no answer in the token, found %d", n)
		}
	}
	if n := asked.Load() - before; n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// TestStampTokensRevoked: of a timestamping authority that is revoked nothing is taken.
func TestStampTokensRevoked(t *testing.T) {
	var root *testca.Authority
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		answer, err := root.RespondOCSP(body, testca.OCSPConfig{})
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/ocsp-response")
		w.Write(answer)
	}))
	t.Cleanup(server.Close)
	root = must[*testca.Authority](t)(testca.NewRoot(testca.Config{Clock: time.Now, Subject: pkix.Name{CommonName: "Timestamping root"}, OCSPURL: server.URL}))
	signs := must[*testca.Leaf](t)(root.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Timestamping authority"}}))
	root.Revoke(signs.Certificate.SerialNumber, time.Now().Add(-time.Second), 1)
	tsa := must[*pades.LocalTSA](t)(pades.NewLocalTSA(pades.LocalTSAConfig{Key: signs.Key, Chain: append([]*x509.Certificate{signs.Certificate}, signs.Chain...), Clock: time.Now}))
	f := newFort(t, func(p *serving.Parts) {
		p.TSA, p.TSARoots = tsa, []*x509.Certificate{root.Certificate}
		p.Revocation = &pades.Fetcher{HTTP: &http.Client{}, Clock: time.Now}
		p.BatchAge, p.BatchEvery = 20*time.Millisecond, 30*time.Millisecond
	})
	start(t, f.s)
	id := f.stamp("first")
	until(t, "words in the log", 15*time.Second, func() bool { return bytes.Contains(f.log.bytes(), []byte("timestamping authority was revoked on")) })
	if got := f.stampState(id); got == "anchored" {
		t.Errorf("found %s", got)
	}
	// It is written down after the log says it.
	until(t, "the problem of the batch", 15*time.Second, func() bool {
		return f.ok("north/test", "GET", "/v1/anchors/0", nil).text("problem") == "timestamp"
	})
}
