package cms_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
)

// ratio runs raw and ours alternately in short rounds and returns the medians of their times.
func ratio(b *testing.B, raw, ours func()) (rawNS, oursNS float64) {
	b.Helper()
	const rounds = 31
	round := func(f func()) float64 {
		start, n := time.Now(), 0
		for time.Since(start) < 4*time.Millisecond || n == 0 {
			f()
			n++
		}
		return float64(time.Since(start).Nanoseconds()) / float64(n)
	}
	var r, o []float64
	for range rounds {
		r = append(r, round(raw))
		o = append(o, round(ours))
	}
	slices.Sort(r)
	slices.Sort(o)
	return r[rounds/2], o[rounds/2]
}

func report(b *testing.B, raw, ours func(), limit float64) {
	b.Helper()
	for b.Loop() {
		r, o := ratio(b, raw, ours)
		b.ReportMetric(o/r, "x_raw")
		b.ReportMetric(limit, "x_limit")
		b.ReportMetric((o-r)/1000, "us_over")
	}
}

func benchKeys(b *testing.B) map[string]crypto.Signer {
	return map[string]crypto.Signer{"RSA2048": rsaKey(), "P256": ecKey(b, elliptic.P256())}
}

// Verifying means: parse the message, find and bind the certificate, check digest and signature,
// judge the algorithms. Raw is the signature check alone. x_limit allows 1.5 times raw and 30 µs,
// counted in raw verifications.
func BenchmarkTargetVerify(b *testing.B) {
	for name, key := range benchKeys(b) {
		b.Run(name, func(b *testing.B) {
			p := newPKI(b, key)
			msg := p.sign(b, cms.SignerConfig{}, content)
			sd := parse(b, msg)
			digest := algo.Sum(crypto.SHA256, content)
			attrs := algo.Sum(crypto.SHA256, sd.Signers[0].SignedAttrsDER)
			sig := sd.Signers[0].Signature
			raw := func() {
				ok := false
				switch k := key.Public().(type) {
				case *rsa.PublicKey:
					ok = rsa.VerifyPKCS1v15(k, crypto.SHA256, attrs, sig) == nil
				case *ecdsa.PublicKey:
					ok = ecdsa.VerifyASN1(k, attrs, sig)
				}
				if !ok {
					b.Fatal("raw")
				}
			}
			start := time.Now()
			for range 200 {
				raw()
			}
			rawUS := float64(time.Since(start).Microseconds()) / 200
			report(b, raw, func() {
				sd, err := cms.Parse(msg, cms.ParseConfig{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := sd.Verify(cms.VerifyConfig{ContentDigest: digest, At: now}); err != nil {
					b.Fatal(err)
				}
			}, 1.5+30/rawUS)
		})
	}
}

// Signing means: signed attributes, signature, message. Raw is the signature alone.
func BenchmarkTargetSign(b *testing.B) {
	limits := map[string]float64{"RSA2048": 1.1, "P256": 2}
	for name, key := range benchKeys(b) {
		b.Run(name, func(b *testing.B) {
			p := newPKI(b, key)
			s := p.signer(b, cms.SignerConfig{})
			digest := algo.Sum(crypto.SHA256, content)
			k := cms.KeySigner(key)
			report(b, func() {
				if _, err := key.Sign(rand.Reader, digest, crypto.SHA256); err != nil {
					b.Fatal(err)
				}
			}, func() {
				if _, err := s.Sign(context.Background(), k, digest); err != nil {
					b.Fatal(err)
				}
			}, limits[name])
		})
	}
}
