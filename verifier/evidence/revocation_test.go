package evidence_test

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
	proofs "github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/proof/merkle"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/evidence"
)

// told is an evidence.RevocationSource.
type told func(cert, issuer *x509.Certificate) ([]byte, error)

func (f told) Revocation(_ context.Context, cert, issuer *x509.Certificate) (ocsp, crls [][]byte, err error) {
	b, err := f(cert, issuer)
	return [][]byte{b}, nil, err
}

// TestAuthorityRevoked: the report says whether the status of a timestamping authority was looked
// into, and what the handler's source knows takes the timestamp's word away.
func TestAuthorityRevoked(t *testing.T) {
	clock := func() time.Time { return sealed.Add(-time.Hour) }
	root, err := testca.NewRoot(testca.Config{Clock: clock, Subject: pkix.Name{CommonName: "Time Root"}})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Time"}, NotAfter: now.AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	tsa, err := tsp.NewAuthority(tsp.AuthorityConfig{Certificate: leaf.Certificate, Key: cms.KeySigner(leaf.Key), Clock: func() time.Time { return mined }, Policy: "\x2a\x03\x04"})
	if err != nil {
		t.Fatal(err)
	}
	document := []byte("a deed")
	d, salt := sha256.Sum256(document), make([]byte, 32)
	subject := proofs.Subject{Type: proofs.SubjectStamp, DigestAlg: "sha-256", Digest: d[:]}
	tree, err := merkle.Build(merkle.SHA256, 1, func(int) []byte {
		leaf, err := proofs.LeafData(merkle.SHA256, subject, salt, nil)
		if err != nil {
			t.Fatal(err)
		}
		return leaf
	})
	if err != nil {
		t.Fatal(err)
	}
	h := proofs.Header{Issuer: issuer, Size: 1, Roots: []proofs.Root{{Alg: "sha-256", Root: tree.Root()}}, Time: sealed, Promise: []string{proofs.PromiseTimestamp}}
	in, err := h.SigningInput()
	if err != nil {
		t.Fatal(err)
	}
	value, err := batch.Sign(nil, in, crypto.Hash(0))
	if err != nil {
		t.Fatal(err)
	}
	b := &proofs.Batch{SignedHeader: proofs.SignedHeader{Header: h, Signature: proofs.Signature{Alg: "Ed25519", Method: batchKeyID, Value: value}}, Trees: []*merkle.Tree{tree}}
	digest, err := b.Digest()
	if err != nil {
		t.Fatal(err)
	}
	token, err := tsa.Token(t.Context(), &tsp.Request{Hash: crypto.SHA256, Digest: digest[:], Nonce: big.NewInt(1 << 62), Certificates: true})
	if err != nil {
		t.Fatal(err)
	}
	b.Anchors = []proofs.Anchor{{Type: proofs.AnchorTimestamp, Timestamp: &proofs.Timestamp{Token: proofs.NewPart(token)}}}
	made, err := b.Bundle(proofs.Item{Subject: subject, Salt: salt})
	if err != nil {
		t.Fatal(err)
	}
	file, err := made.Encode()
	if err != nil {
		t.Fatal(err)
	}
	answer := func(cert, _ *x509.Certificate) ([]byte, error) {
		return root.OCSP(testca.OCSPConfig{ThisUpdate: now.Add(-time.Hour)}, cert)
	}
	for _, c := range []struct {
		name   string
		source evidence.RevocationSource
		before func()
		want   verifier.Reason
		fact   string
	}{
		{"no source", nil, nil, "", "whether the authority's certificate was revoked was not checked"},
		{"nobody answers", told(func(_, _ *x509.Certificate) ([]byte, error) { return nil, errors.New("away") }), nil, "", "was not checked"},
		{"good", told(answer), nil, "", "no certificate of the authority was revoked, as of " + now.Add(-time.Hour).Format(time.RFC3339)},
		{"revoked", told(answer), func() { root.Revoke(leaf.Certificate.SerialNumber, mined.Add(time.Hour), 1) }, verifier.EvidenceAnchorMissing, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.before != nil {
				c.before()
			}
			trust := &verifier.Trust{TSARoots: []*x509.Certificate{root.Certificate}, Issuers: []verifier.TrustedIssuer{{ID: issuer, Keys: []verifier.TrustedKey{{Method: batchKeyID, Key: batch.Public()}}}}}
			r := judge(t, trust, &evidence.Handler{Document: document, Revocation: c.source}, file, verifier.Expect{})
			if r.Reason != c.want || r.Outcome != map[bool]verifier.Outcome{true: verifier.Valid, false: verifier.Indeterminate}[c.want == ""] {
				t.Fatalf("expected %q, found %s %s", string(c.want), r.Outcome, string(r.Reason))
			}
			check, _ := r.Check(verifier.CheckTimestamp)
			if c.want != "" {
				if check.Reason != verifier.TimestampUntrusted || !strings.Contains(check.Detail, "was revoked on") || len(check.Evidence) > 0 {
					t.Fatalf("found %q, %v", check.Detail, check.Evidence)
				}
				return
			}
			for _, f := range check.Evidence {
				if f.Name == "revocation" && strings.Contains(f.Value, c.fact) {
					return
				}
			}
			t.Fatalf("expected %q among %v", c.fact, check.Evidence)
		})
	}
}
