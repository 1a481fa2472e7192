package pades_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// TestLeafRefused: with a certificate that is not for signing, or not now, nothing is signed:
// every verifier would refuse it.
func TestLeafRefused(t *testing.T) {
	now := padestest.Start
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	make := func(edit func(c *x509.Certificate)) *x509.Certificate {
		c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
		edit(c)
		der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
		check(t, err)
		out, err := x509.ParseCertificate(der)
		check(t, err)
		return out
	}
	in := padestest.Sample{}.Build(t)
	for name, c := range map[string]struct {
		edit func(c *x509.Certificate)
		want bool
	}{
		"no usage stated": {func(*x509.Certificate) {}, true},
		"for signing":     {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }, true},
		"for statements":  {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageContentCommitment }, true},
		"for encryption":  {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, false},
		"for certificates": {func(c *x509.Certificate) {
			c.KeyUsage, c.IsCA, c.BasicConstraintsValid = x509.KeyUsageCertSign, true, true
		}, false},
		"ended":     {func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) }, false},
		"not begun": {func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) }, false},
		"something that binds": {func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
		}, false},
	} {
		s := &pades.Signer{Key: key, Chain: []*x509.Certificate{make(c.edit)}, Level: pades.LevelB, Clock: func() time.Time { return now }}
		var out bytes.Buffer
		_, err := s.Sign(t.Context(), bytes.NewReader(in), int64(len(in)), &out, pades.Request{})
		_, perr := s.Prepare(t.Context(), bytes.NewReader(in), int64(len(in)), pades.Request{})
		if c.want && (err != nil || perr != nil) || !c.want && (!errors.Is(err, pades.BadChain) || !errors.Is(perr, pades.BadChain) || out.Len() > 0) {
			t.Errorf("%s: %v, prepared %v", name, err, perr)
		}
	}
}
