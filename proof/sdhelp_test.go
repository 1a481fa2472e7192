package proof

import (
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	"testing"
)

func sum256(b []byte) [32]byte { return sha256.Sum256(b) }

// fixed turns an ASN.1 signature of P-256 into r and s.
func fixed(tb testing.TB, der []byte) []byte {
	tb.Helper()
	var s struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		tb.Fatal(err)
	}
	out := make([]byte, 64)
	s.R.FillBytes(out[:32])
	s.S.FillBytes(out[32:])
	return out
}
