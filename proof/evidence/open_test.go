package evidence

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
)

// TestTokensLeftOpen: a token whose algorithms grew weak, or whose certificate is not at
// hand, is not a wrong one.
func TestTokensLeftOpen(t *testing.T) {
	w := smallWorld()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return worldTime }
	root, err := testca.NewRoot(testca.Config{Clock: clock, Subject: pkix.Name{CommonName: "Time Root"}})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Time"}, Key: key, NotAfter: worldTime.AddDate(8, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	tsa, err := tsp.NewAuthority(tsp.AuthorityConfig{Certificate: leaf.Certificate, Key: cms.KeySigner(leaf.Key), Clock: clock, Policy: "\x2a\x03\x04", Accuracy: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	stamped := func(certificates bool) *Bundle {
		return w.bundle(t, plan{}, func(_ [32]byte, statement []byte) Anchor {
			token, err := tsa.Token(context.Background(), &tsp.Request{Hash: crypto.SHA256, Digest: imprintOf(crypto.SHA256, statement), Nonce: big.NewInt(1 << 62), Certificates: certificates})
			if err != nil {
				t.Fatal(err)
			}
			return Anchor{Type: AnchorTimestamp, Timestamp: &Timestamp{NewPart(token)}}
		})
	}
	whole, bare := stamped(true), stamped(false)
	for _, c := range []struct {
		name string
		b    *Bundle
		year int
		want Outcome
		code Code
	}{
		{"as made", whole, 2027, Valid, ""},
		{"RSA of 2048 bits, out of favour", whole, 2029, Indeterminate, TimestampOpen},
		{"certificate ended too", whole, 2056, Indeterminate, TimestampOpen},
		{"without the authority's certificate", bare, 2027, Indeterminate, TimestampOpen},
	} {
		trust := w.trust()
		trust.Timestamping, trust.Now = []*x509.Certificate{root.Certificate}, time.Date(c.year, 6, 1, 0, 0, 0, 0, time.UTC)
		if r, _ := c.b.Verify(Input{Digest: c.b.Subject.Digest}, trust); r.Outcome != c.want || r.Code != c.code {
			t.Errorf("%s: expected %s %q, found %s", c.name, c.want, string(c.code), describe(r))
		}
	}
}
