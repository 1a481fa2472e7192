package pades_test

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"io"
	"math/big"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// TestFixedSize: an ECDSA signature as r and s of fixed size is the same signature as in DER, and
// nothing else of that length is.
func TestFixedSize(t *testing.T) {
	for _, kind := range []padestest.KeyKind{padestest.P256, padestest.P384} {
		w := newWorld(t, kind)
		s := w.Pades(pades.LevelB, kind)
		in := sample{}.Build(t)
		p, err := s.Prepare(t.Context(), bytes.NewReader(in), int64(len(in)), pades.Request{})
		check(t, err)
		der, err := w.Signer.Key.Sign(nil, p.ToSign(), p.Options())
		check(t, err)
		size := (w.Signer.Key.Public().(*ecdsa.PublicKey).Params().BitSize + 7) / 8
		var a, b big.Int
		var inner cryptobyte.String
		text := cryptobyte.String(der)
		if !text.ReadASN1(&inner, asn1.SEQUENCE) || !inner.ReadASN1Integer(&a) || !inner.ReadASN1Integer(&b) {
			t.Fatal("no ECDSA signature")
		}
		raw := append(a.FillBytes(make([]byte, size)), b.FillBytes(make([]byte, size))...)
		check(t, p.Check(der))
		check(t, p.Check(raw))
		var one, other bytes.Buffer
		if _, err := s.Embed(t.Context(), bytes.NewReader(in), &one, p, der); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Embed(t.Context(), bytes.NewReader(in), &other, p, raw); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one.Bytes(), other.Bytes()) {
			t.Error("two forms of a signature give two files")
		}
		wrong := bytes.Clone(raw)
		wrong[size] ^= 1
		for name, value := range map[string][]byte{
			"changed": wrong, "short": raw[:len(raw)-1], "shorter": raw[:len(raw)-2], "zeros": make([]byte, 2*size), "exchanged": append(bytes.Clone(raw[size:]), raw[:size]...),
			"of P-521's length": make([]byte, 132), "padded": append(make([]byte, 2), raw...),
		} {
			if _, err := s.Embed(t.Context(), bytes.NewReader(in), io.Discard, p, value); !errors.Is(err, pades.BadSignature) {
				t.Errorf("%s: %v", name, err)
			}
			if err := p.Check(value); !errors.Is(err, pades.BadSignature) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
