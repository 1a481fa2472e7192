package jsonld

import (
	"crypto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/testvectors"
)

// TestSpecificationVectors compares the canonical documents and proof configurations
// of the Data Integrity specifications, byte for byte.
func TestSpecificationVectors(t *testing.T) {
	for _, tt := range []struct {
		folder, signed, document, proof string
		hash                            crypto.Hash
	}{
		{"vc-di-eddsa/TestVectors/eddsa-rdfc-2022", "signedDataInt.json", "canonDocDataInt.txt", "proofCanonDataInt.txt", crypto.SHA256},
		{"vc-di-eddsa/TestVectors/Ed25519Signature2020", "signedEdSig.json", "canonDocEdSig.txt", "proofCanonEdSig.txt", crypto.SHA256},
		{"vc-di-ecdsa/TestVectors/ecdsa-rdfc-2019-p256", "signedECDSAP256.json", "canonDocECDSAP256.txt", "proofCanonECDSAP256.txt", crypto.SHA256},
		{"vc-di-ecdsa/TestVectors/ecdsa-rdfc-2019-p384", "signedECDSAP384.json", "canonDocECDSAP384.txt", "proofCanonECDSAP384.txt", crypto.SHA384},
	} {
		t.Run(filepath.Base(tt.folder), func(t *testing.T) {
			dir := testvectors.Shared(t, "w3c/"+tt.folder)
			read := func(name string) string {
				b, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				return string(b)
			}
			d, err := strictjson.Parse([]byte(read(tt.signed)), strictjson.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			compare := func(name string, ds *rdfc.Dataset, err error) {
				if err != nil {
					t.Fatal(err)
				}
				c, err := rdfc.Canonicalize(ds, rdfc.Options{Hash: tt.hash})
				if err != nil {
					t.Fatal(err)
				}
				if want := strings.TrimRight(read(name), "\n") + "\n"; want != string(c.NQuads) {
					t.Errorf("%s: expected\n%sfound\n%s", name, want, c.NQuads)
				}
			}
			ds := rdfc.NewDataset(8)
			_, err = ToQuads(d, 0, Options{Contexts: newest, DropRoot: []string{"proof"}}, ds)
			compare(tt.document, ds, err)
			ds = rdfc.NewDataset(8)
			err = ProofToQuads(d, 0, d.Get(0, "proof"), Options{Contexts: newest, DropRoot: []string{"proofValue"}}, ds)
			compare(tt.proof, ds, err)
		})
	}
}
