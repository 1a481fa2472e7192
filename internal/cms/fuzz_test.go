package cms_test

import (
	"bytes"
	"crypto"
	"errors"
	"testing"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/der"
)

// FuzzParse: no panic, typed errors, converting is idempotent, and nothing verifies over content
// that was not signed.
func FuzzParse(f *testing.F) {
	p := newPKI(f, nil)
	good := p.sign(f, cms.SignerConfig{}, content)
	f.Add(good)
	f.Add(append(append([]byte{0x30, 0x80}, good[4:]...), 0, 0, 0))
	fg := newForge(p.leaf, content)
	fg.inside, fg.unsigned = true, [][]byte{attr(f, cms.OIDSignatureTimestamp, []byte{0x30, 0})}
	f.Add(fg.build(f))
	f.Add([]byte{0x30, 0x80, 0x24, 0x80, 0x04, 1, 7, 0x24, 2, 4, 0, 0, 0, 0, 0})
	other := algo.Sum(crypto.SHA256, []byte("content nobody signed"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := der.Canonical(b); err == nil {
			again, err := der.Canonical(r.DER)
			if err != nil || again.BER || again.Padding != 0 || !bytes.Equal(again.DER, r.DER) {
				t.Fatalf("converting is not idempotent: %v", err)
			}
		}
		sd, err := cms.Parse(b, cms.ParseConfig{})
		var e *cms.Error
		if err != nil {
			if !errors.As(err, &e) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		sd.Candidates()
		for _, c := range []cms.VerifyConfig{{ContentDigest: other, At: now}, {At: now}} {
			c.InsecureNoCertReference = true
			v, err := sd.Verify(c)
			if err == nil && c.ContentDigest != nil {
				t.Fatalf("verifies over other content: %v", v.Scheme)
			}
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("untyped error %v", err)
			}
		}
		for _, si := range sd.Signers {
			_, _ = si.CertReference()
			_, _, _ = si.SigningTime()
		}
	})
}
