package proof_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/testvectors"
)

// base58Bytes is a slow, independent decoder for keys in vectors.
func base58Bytes(tb testing.TB, s string) []byte {
	tb.Helper()
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	n := new(big.Int)
	for _, c := range s {
		i := strings.IndexRune(alphabet, c)
		if i < 0 {
			tb.Fatalf("not base58: %q", s)
		}
		n.Add(n.Mul(n, big.NewInt(58)), big.NewInt(int64(i)))
	}
	zeros := len(s) - len(strings.TrimLeft(s, "1"))
	return append(make([]byte, zeros), n.Bytes()...)
}

// keyOf reads the public key of a did:key URL or Multikey.
func keyOf(tb testing.TB, s string) crypto.PublicKey {
	tb.Helper()
	if i := strings.LastIndexByte(s, '#'); i >= 0 {
		s = s[i+1:]
	}
	s = strings.TrimPrefix(s, "did:key:")
	b := base58Bytes(tb, s[1:])
	switch {
	case bytes.HasPrefix(b, []byte{0xed, 0x01}):
		return ed25519.PublicKey(b[2:])
	case bytes.HasPrefix(b, []byte{0x80, 0x24}):
		return uncompressed(tb, elliptic.P256(), b[2:])
	case bytes.HasPrefix(b, []byte{0x81, 0x24}):
		return uncompressed(tb, elliptic.P384(), b[2:])
	}
	tb.Fatalf("unknown key %q", s)
	return nil
}

func uncompressed(tb testing.TB, curve elliptic.Curve, b []byte) *ecdsa.PublicKey {
	tb.Helper()
	x, y := elliptic.UnmarshalCompressed(curve, b)
	if x == nil {
		tb.Fatal("not a point")
	}
	n := len(b) - 1
	text := append([]byte{4}, make([]byte, 2*n)...)
	x.FillBytes(text[1 : 1+n])
	y.FillBytes(text[1+n:])
	k, err := ecdsa.ParseUncompressedPublicKey(curve, text)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func parse(tb testing.TB, b []byte) *strictjson.Doc {
	tb.Helper()
	d, err := strictjson.Parse(b, strictjson.Limits{})
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// check verifies every proof of a document with the keys named in it.
func check(tb testing.TB, b []byte) error {
	d, err := strictjson.Parse(b, strictjson.Limits{})
	if err != nil {
		return err
	}
	all, err := proof.Proofs(d)
	if err != nil {
		return err
	}
	for _, p := range all {
		if _, err := checkOne(tb, d, p, all, keyOf(tb, p.VerificationMethod)); err != nil {
			return err
		}
	}
	return nil
}

func checkOne(tb testing.TB, d *strictjson.Doc, p proof.Proof, all []proof.Proof, key crypto.PublicKey) (proof.Hashed, error) {
	s, ok := proof.SuiteByName(p.Type, p.Cryptosuite)
	if !ok {
		return proof.Hashed{}, proof.ErrSuite
	}
	prev, err := proof.Previous(p, all)
	if err != nil {
		return proof.Hashed{}, err
	}
	h, err := s.Hash(proof.Input{Doc: d, Proof: p, Previous: prev, Key: key, Contexts: contexts(tb)})
	if err != nil {
		return h, err
	}
	return h, s.Verify(key, h, p.ProofValue)
}

type suiteVector struct{ dir, suffix string }

func TestSpecificationVectors(t *testing.T) {
	for _, v := range []suiteVector{
		{"vc-di-eddsa/TestVectors/eddsa-rdfc-2022", "DataInt"},
		{"vc-di-eddsa/TestVectors/eddsa-rdfc-2022/employ", "DataInt"},
		{"vc-di-eddsa/TestVectors/eddsa-jcs-2022", "JCS"},
		{"vc-di-eddsa/TestVectors/Ed25519Signature2020", "EdSig"},
		{"vc-di-ecdsa/TestVectors/ecdsa-rdfc-2019-p256", "ECDSAP256"},
		{"vc-di-ecdsa/TestVectors/ecdsa-rdfc-2019-p256/employ", "ECDSAP256"},
		{"vc-di-ecdsa/TestVectors/ecdsa-rdfc-2019-p384", "ECDSAP384"},
		{"vc-di-ecdsa/TestVectors/ecdsa-rdfc-2019-p384/employ", "ECDSAP384"},
		{"vc-di-ecdsa/TestVectors/ecdsa-jcs-2019-p256", "JCSECDSAP256"},
		{"vc-di-ecdsa/TestVectors/ecdsa-jcs-2019-p384", "JCSECDSAP384"},
	} {
		t.Run(v.dir, func(t *testing.T) { checkVector(t, v) })
	}
}

func checkVector(t *testing.T, v suiteVector) {
	read := func(name string) string {
		return string(testvectors.ReadShared(t, "w3c", v.dir, name))
	}
	signed := []byte(read("signed" + v.suffix + ".json"))
	d := parse(t, signed)
	all, err := proof.Proofs(d)
	if err != nil {
		t.Fatal(err)
	}
	p := all[0]
	key := keyOf(t, p.VerificationMethod)
	s, ok := proof.SuiteByName(p.Type, p.Cryptosuite)
	if !ok {
		t.Fatal("suite unknown")
	}
	config, err := proof.ParseConfig([]byte(read("proofConfig" + v.suffix + ".json")))
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]proof.Proof{"signed document": p, "configuration": config} {
		h, err := s.Hash(proof.Input{Doc: d, Proof: q, Key: key, Contexts: contexts(t)})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		doc, err := h.CanonicalDocument()
		if err != nil {
			t.Fatal(err)
		}
		conf, err := h.CanonicalProof()
		if err != nil {
			t.Fatal(err)
		}
		for file, got := range map[string]string{
			"canonDoc":     string(doc.Text),
			"proofCanon":   string(conf.Text),
			"docHash":      hex.EncodeToString(h.Document),
			"proofHash":    hex.EncodeToString(h.ProofConfig),
			"combinedHash": hex.EncodeToString(h.Data),
		} {
			if want := strings.TrimSpace(read(file + v.suffix + ".txt")); strings.TrimSpace(got) != want {
				t.Errorf("%s: %s: got\n%s\nwant\n%s", name, file, got, want)
			}
		}
		if err := s.Verify(key, h, strings.TrimSpace(read("sigBTC58"+v.suffix+".txt"))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		raw, err := hex.DecodeString(strings.TrimSpace(read("sigHex" + v.suffix + ".txt")))
		if err != nil {
			t.Fatal(err)
		}
		if pv, err := s.ProofValue(key, raw); err != nil || pv != p.ProofValue {
			t.Errorf("%s: proofValue %q, %v", name, pv, err)
		}
	}
}
