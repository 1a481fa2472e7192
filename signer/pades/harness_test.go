package pades_test

import (
	"bytes"
	"crypto"
	"errors"
	"math"
	"testing"

	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

type (
	sample  = padestest.Sample
	keyKind = padestest.KeyKind
)

const (
	rsa2048 = padestest.RSA2048
	pss2048 = padestest.PSS2048
	p256    = padestest.P256
	p384    = padestest.P384
	ed      = padestest.Ed25519
)

type world struct{ *padestest.World }

func newWorld(t testing.TB, kind keyKind) *world { return &world{padestest.New(t, kind)} }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sign signs bytes in memory.
func sign(t testing.TB, s *pades.Signer, in []byte, req pades.Request) ([]byte, pades.Result) {
	t.Helper()
	var out bytes.Buffer
	r, err := s.Sign(t.Context(), bytes.NewReader(in), int64(len(in)), &out, req)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(out.Bytes(), in) {
		t.Fatal("the input is not a prefix of the output")
	}
	if r.Size != int64(out.Len()) {
		t.Fatalf("Result.Size %d, wrote %d", r.Size, out.Len())
	}
	return out.Bytes(), r
}

func nan() float64 { return math.NaN() }

// refused checks that signing fails for a reason, before a byte is written.
func refused(t testing.TB, s *pades.Signer, in []byte, req pades.Request, reason pades.Reason) {
	t.Helper()
	var out bytes.Buffer
	_, err := s.Sign(t.Context(), bytes.NewReader(in), int64(len(in)), &out, req)
	if !errors.Is(err, reason) {
		t.Fatalf("got %v, expected %s", err, reason)
	}
	if out.Len() > 0 {
		t.Fatalf("%d bytes were written before it was refused", out.Len())
	}
}

func newKeyOf(t testing.TB) crypto.Signer { return padestest.NewKey(t, p256) }

func newRSA(t testing.TB) crypto.Signer { return padestest.NewKey(t, rsa2048) }
