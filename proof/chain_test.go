package proof_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/testvectors"
)

const setChain = "w3c/vc-di-eddsa/TestVectors/proof-set-chain"

func secretOf(tb testing.TB, multibase string) ed25519.PrivateKey {
	tb.Helper()
	s, err := multikey.ParseSecret(multibase)
	if err != nil {
		tb.Fatal(err)
	}
	return s.(ed25519.PrivateKey)
}

func TestProofSetsAndChains(t *testing.T) {
	for _, name := range []string{"signedProofSet1", "signedProofSet2", "signedProofChain1", "signedProofChain2"} {
		if err := check(t, testvectors.ReadShared(t, setChain, name+".json")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each configuration of the vectors, signed anew over the document it was made for,
// gives the proof value that the vectors print.
func TestProofSetsAndChainsSignedAnew(t *testing.T) {
	keys := parse(t, testvectors.ReadShared(t, setChain, "multiKeyPairs.json"))
	for _, v := range []struct {
		config, document string
		key              string
	}{
		{"proofSetConfig1", "unsigned", "keyPair1"},
		{"proofSetConfig2", "signedProofSet1", "keyPair2"},
		{"proofChainConfig1", "signedProofSet2", "keyPair3"},
		{"proofChainConfig2", "signedProofChain1", "keyPair4"},
	} {
		t.Run(v.config, func(t *testing.T) {
			d := parse(t, testvectors.ReadShared(t, setChain, v.document+".json"))
			config, err := proof.ParseConfig(testvectors.ReadShared(t, setChain, v.config+".json"))
			if err != nil {
				t.Fatal(err)
			}
			all, err := proof.Proofs(d)
			if err != nil && !errors.Is(err, proof.ErrNoProof) {
				t.Fatal(err)
			}
			prev, err := proof.Previous(config, all)
			if err != nil {
				t.Fatal(err)
			}
			s, _ := proof.SuiteByName(config.Type, config.Cryptosuite)
			h, err := s.Hash(proof.Input{Doc: d, Proof: config, Previous: prev, Contexts: contexts(t)})
			if err != nil {
				t.Fatal(err)
			}
			key := secretOf(t, keys.String(keys.Path(0, v.key, "privateKeyMultibase")))
			got, err := s.ProofValue(key.Public(), ed25519.Sign(key, h.Data))
			if err != nil {
				t.Fatal(err)
			}
			signed := parse(t, testvectors.ReadShared(t, setChain, strings.Replace(v.config, "Config", "ConfigSigned", 1)+".json"))
			if want := signed.String(signed.Get(0, "proofValue")); got != want {
				t.Errorf("proofValue %s, want %s", got, want)
			}
		})
	}
}

// What is taken out of a chain or put into it shows.
func TestChainTampering(t *testing.T) {
	chain := string(testvectors.ReadShared(t, setChain, "signedProofChain2.json"))
	d := parse(t, []byte(chain))
	proofs := d.Get(0, "proof")
	without := func(i int) string {
		var keep []string
		for j := range d.Len(proofs) {
			if j != i {
				keep = append(keep, d.Raw(d.Index(proofs, j)))
			}
		}
		return string(d.Rewrite(0, []strictjson.Member{{Name: "proof", Value: "[" + strings.Join(keep, ",") + "]"}}))
	}
	replace := func(old, to string) string {
		if !strings.Contains(chain, old) {
			t.Fatalf("the vector does not hold %q", old)
		}
		return strings.Replace(chain, old, to, 1)
	}
	const edge = `"previousProof": "urn:uuid:d94f792a-c546-4d06-b38a-da070ab56c23",`
	for name, v := range map[string]struct {
		text string
		want error
	}{
		"first proof dropped":  {without(0), proof.ErrPreviousProof},
		"second proof dropped": {without(1), proof.ErrPreviousProof},
		"third proof dropped":  {without(2), proof.ErrPreviousProof},
		"edge dropped":         {replace(edge, ""), proof.ErrSignature},
		"edge redirected":      {replace(edge, `"previousProof": "urn:uuid:26329423-bec9-4b2e-88cb-a7c7d9dc4544",`), proof.ErrSignature},
		"edge to nowhere":      {replace(edge, `"previousProof": "urn:uuid:00000000-0000-4000-8000-000000000000",`), proof.ErrPreviousProof},
		"one of two edges":     {replace(`"urn:uuid:8cc9022b-6b14-4cf3-8571-74972c5feb54"`+"\n      ]", `"urn:uuid:d94f792a-c546-4d06-b38a-da070ab56c23"]`), proof.ErrPreviousProof},
		"previous value":       {replace("z66vWyqwAghu52", "z66vWyqwAghu53"), proof.ErrSignature},
		"id used twice":        {replace("urn:uuid:8cc9022b-6b14-4cf3-8571-74972c5feb54", "urn:uuid:26329423-bec9-4b2e-88cb-a7c7d9dc4544"), proof.ErrShape},
	} {
		if err := check(t, []byte(v.text)); !errors.Is(err, v.want) {
			t.Errorf("%s: got %v, want %v", name, err, v.want)
		}
	}
	// Dropping the last proof leaves a chain that verifies by itself: that somebody
	// cut it off can only be seen by policy.
	if err := check(t, []byte(without(3))); err != nil {
		t.Errorf("shorter chain: %v", err)
	}
}

func TestPreviousCircle(t *testing.T) {
	one := func(id, prev string) string {
		return `{"id":"` + id + `","type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","verificationMethod":"did:key:z","proofPurpose":"assertionMethod","proofValue":"z1","previousProof":"` + prev + `"}`
	}
	d := parse(t, []byte(`{"proof":[`+one("urn:a", "urn:b")+","+one("urn:b", "urn:c")+","+one("urn:c", "urn:a")+","+one("urn:d", "urn:d")+`]}`))
	all, err := proof.Proofs(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if _, err := proof.Previous(p, all); !errors.Is(err, proof.ErrPreviousProof) {
			t.Errorf("%s: got %v", p.ID, err)
		}
	}
}

// Both documents that 1EdTech publishes with every intermediate.
func TestBadgeVectors(t *testing.T) {
	for _, v := range []struct{ name, document, proof, hash, proofHash string }{
		{"ob", "ob/document-canon.txt", "ob/proof-canon.txt",
			"87f65a76d40146205e3b3e06cb0fbd153f97f9ce70372390f52566bb7f9e0773",
			"d34009cea0dbc1ca941e09dc01c8c9d3e3ce3c5b853f67ee44698dcea10f5d19"},
		{"clr", "clr/document-canon.txt", "clr/proof-canon.txt", "", ""},
	} {
		t.Run(v.name, func(t *testing.T) {
			dir := testvectors.Shared(t, "badges", "spec-vectors")
			d := parse(t, testvectors.ReadShared(t, "badges", "spec-vectors", v.name+"-signed.json"))
			all, err := proof.Proofs(d)
			if err != nil {
				t.Fatal(err)
			}
			h, err := checkOne(t, d, all[0], all, keyOf(t, all[0].VerificationMethod))
			if err != nil {
				t.Fatal(err)
			}
			doc, err := h.CanonicalDocument()
			if err != nil {
				t.Fatal(err)
			}
			conf, err := h.CanonicalProof()
			if err != nil {
				t.Fatal(err)
			}
			for file, got := range map[string][]byte{v.document: doc.Text, v.proof: conf.Text} {
				want, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil {
					t.Fatal(err)
				}
				if strings.TrimSpace(string(got)) != strings.TrimSpace(string(want)) {
					t.Errorf("%s differs:\n%s", file, got)
				}
			}
			if v.hash != "" && (hex.EncodeToString(h.Document) != v.hash || hex.EncodeToString(h.ProofConfig) != v.proofHash) {
				t.Errorf("hashes %x %x", h.Document, h.ProofConfig)
			}
		})
	}
}
