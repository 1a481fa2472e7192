package algo_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"golang.org/x/crypto/cryptobyte"
	"pgregory.net/rapid"
)

// OIDs agree with encoding/asn1, in both directions.
func TestOID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		arcs := []uint32{rapid.Uint32Range(0, 2).Draw(t, "first"), rapid.Uint32Range(0, 39).Draw(t, "second")}
		arcs = append(arcs, rapid.SliceOfN(rapid.Uint32Range(0, 1<<31-1), 0, 12).Draw(t, "rest")...)
		id := make(asn1.ObjectIdentifier, len(arcs))
		for i, a := range arcs {
			id[i] = int(a)
		}
		want, err := asn1.Marshal(id)
		if err != nil {
			t.Fatal(err)
		}
		o := algo.NewOID(arcs...)
		b := cryptobyte.NewBuilder(nil)
		o.Add(b)
		if got := b.BytesOrPanic(); string(got) != string(want) {
			t.Fatalf("%x, encoding/asn1 %x", got, want)
		}
		s := cryptobyte.String(want)
		back, ok := algo.ReadOID(&s)
		if !ok || back != o || back.String() != id.String() {
			t.Fatalf("read back %v as %v", id, back)
		}
		if parsed, ok := algo.ParseOID(id.String()); !ok || parsed != o {
			t.Fatalf("parsed %v as %v", id, parsed)
		}
	})
	for _, bad := range []string{"", "1", "3.1", "1.40", "1.2.", "1.02", "1.-2", "1.2.4294967296", "a.b"} {
		if _, ok := algo.ParseOID(bad); ok {
			t.Errorf("%q accepted", bad)
		}
	}
	for _, bad := range [][]byte{{6, 0}, {6, 2, 0x80, 1}, {6, 2, 0x2a, 0x80}, {6, 3, 0x2a, 0x80, 1}, {5, 0}, {6, 2, 1}} {
		s := cryptobyte.String(bad)
		if _, ok := algo.ReadOID(&s); ok {
			t.Errorf("%x accepted", bad)
		}
	}
	long := append([]byte{6, 11}, 0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)
	s := cryptobyte.String(long)
	if o, ok := algo.ReadOID(&s); !ok || o.String() != "1.2.?" {
		t.Errorf("large arc: %v", o)
	}
}

func TestMaxSignature(t *testing.T) {
	for c, want := range map[elliptic.Curve]int{elliptic.P256(): 72, elliptic.P384(): 104, elliptic.P521(): 139} {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if got := algo.MaxSignature(k.Public()); got != want {
			t.Errorf("%s: %d, want %d", c.Params().Name, got, want)
		}
		for range 50 {
			sig, err := k.Sign(rand.Reader, make([]byte, 32), crypto.SHA256)
			if err != nil || len(sig) > want {
				t.Fatalf("%d bytes, %v", len(sig), err)
			}
		}
	}
	if algo.MaxSignature("no key") != 0 || algo.KeyBits("no key") != 0 {
		t.Error("sizes of an unknown key")
	}
	if _, _, err := algo.SchemeFor("no key", 0, false); !errors.Is(err, algo.ErrKey) {
		t.Error(err)
	}
	if err := (algo.Scheme{Kind: algo.ECDSA, Hash: crypto.SHA256}).Verify("no key", nil, nil); !errors.Is(err, algo.ErrKey) {
		t.Error(err)
	}
	k, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := k.Sign(rand.Reader, algo.Sum(crypto.SHA256, nil), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if err := (algo.Scheme{Kind: algo.ECDSA, Hash: crypto.SHA256}).Verify(k.Public(), nil, sig); !errors.Is(err, algo.ErrKey) {
		t.Errorf("P-224: %v", err)
	}
}

// SHA-3 is a hash of imprints only: neither signatures nor their digests may use it.
func TestImprint(t *testing.T) {
	for oid, want := range map[algo.OID]crypto.Hash{algo.OIDSHA3_256: crypto.SHA3_256, algo.OIDSHA3_384: crypto.SHA3_384, algo.OIDSHA3_512: crypto.SHA3_512} {
		for _, params := range [][]byte{nil, {5, 0}} {
			if h, err := algo.ParseImprint(algo.Identifier{OID: oid, Params: params}); err != nil || h != want {
				t.Errorf("%v: found %v, %v", oid, h, err)
			}
		}
		if _, err := algo.ParseImprint(algo.Identifier{OID: oid, Params: []byte{4, 0}}); !errors.Is(err, algo.ErrParameters) {
			t.Errorf("%v with parameters: found %v", oid, err)
		}
		if _, err := algo.ParseDigest(algo.Identifier{OID: oid}); !errors.Is(err, algo.ErrUnsupported) {
			t.Errorf("%v as digest: found %v", oid, err)
		}
		if algo.ImprintOID(want) != oid || algo.DigestOID(want) != "" {
			t.Errorf("%v: written otherwise than read", oid)
		}
	}
	if h, err := algo.ParseImprint(algo.Identifier{OID: algo.OIDSHA256}); err != nil || h != crypto.SHA256 {
		t.Errorf("found %v, %v", h, err)
	}
	if algo.ImprintOID(crypto.SHA1) != "" || algo.ImprintOID(crypto.SHA3_224) != "" {
		t.Error("a hash that imprints must not have")
	}
}

// Keys that crypto/rsa refuses to work with say nothing about the signature.
func TestShortRSA(t *testing.T) {
	n := new(big.Int).Lsh(big.NewInt(1), 767)
	pub := &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537}
	for _, s := range []algo.Scheme{{Kind: algo.RSAPKCS1, Hash: crypto.SHA256}, {Kind: algo.RSAPSS, Hash: crypto.SHA256, Salt: 32}} {
		if err := s.Verify(pub, []byte("message"), make([]byte, 96)); !errors.Is(err, algo.ErrUnsupported) {
			t.Errorf("%v: expected %v, found %v", s, algo.ErrUnsupported, err)
		}
	}
}
