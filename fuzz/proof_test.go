package fuzz

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/proof/beacon"
	"github.com/chancery-dev/chancery/proof/ethereum"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/signer"
)

// strangers are keys that signed nothing.
func strangers(tb testing.TB) []crypto.PublicKey {
	tb.Helper()
	seed := sha256.Sum256([]byte("a key that signs nothing"))
	out := []crypto.PublicKey{ed25519.NewKeyFromSeed(seed[:]).Public()}
	for _, c := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, k.Public())
	}
	return out
}

// FuzzProofs: proofs are read or refused, hashed or refused, and never good under the
// key of someone who signed nothing.
func FuzzProofs(f *testing.F) {
	addVectors(f, false)
	addHostile(f)
	for _, b := range courtOf(f).texts {
		f.Add(b)
	}
	keys := strangers(f)
	contexts := proof.Newest(nil)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := strictjson.Parse(b, strictjson.Limits{})
		if err != nil {
			return
		}
		inTime(t, func() {
			all, err := proof.Proofs(d)
			if err == nil && len(all) == 0 {
				t.Fatal("no proof, and no error")
			}
			for _, p := range all[:min(len(all), 4)] {
				suite, ok := proof.SuiteByName(p.Type, p.Cryptosuite)
				previous, err := proof.Previous(p, all)
				if !ok || err != nil {
					continue
				}
				for _, key := range keys {
					if suite.KeyAllowed(key) != nil {
						continue
					}
					h, err := suite.Hash(proof.Input{Doc: d, Proof: p, Previous: previous, Key: key, Contexts: contexts})
					if err != nil {
						continue
					}
					if suite.Verify(key, h, p.ProofValue) == nil {
						t.Fatal("a signature that nobody made")
					}
					canonical, err := h.CanonicalDocument()
					if err != nil || len(canonical.Text) == 0 {
						t.Fatalf("hashed, and without canonical form: %v", err)
					}
				}
			}
		})
	})
}

// FuzzParseJWS: a token is read or refused; its parts are those of the text; no
// stranger's key verifies it; and its payload is read as every kind of token.
func FuzzParseJWS(f *testing.F) {
	addVectors(f, false)
	addHostile(f)
	for _, b := range courtOf(f).texts {
		f.Add(b)
	}
	keys := strangers(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		inTime(t, func() {
			jws, err := proof.ParseJWS(b)
			if (jws == nil) == (err == nil) {
				t.Fatal("both or neither")
			}
			if err != nil {
				return
			}
			if bytes.Count(b, []byte(".")) != 2 || jws.Header == nil {
				t.Fatal("not three parts")
			}
			for _, key := range keys {
				if jws.Verify(key, proof.AlgsOf(key)) == nil {
					t.Fatal("a signature that nobody made")
				}
			}
			for _, kind := range []proof.TokenKind{proof.TokenVC, proof.TokenVP, proof.TokenJWT} {
				readClaims(t, kind, jws.Payload)
			}
		})
	})
}

func readClaims(t *testing.T, kind proof.TokenKind, payload []byte) {
	t.Helper()
	claims, err := proof.ReadClaims(kind, payload)
	if (claims == nil) == (err == nil) {
		t.Fatal("both or neither")
	}
	if err != nil {
		return
	}
	_ = claims.Disagreements()
	if _, err := strictjson.Parse(claims.Text(), strictjson.Limits{}); err != nil {
		t.Fatalf("%v: the document in a token is not JSON: %v", kind, err)
	}
}

// FuzzReadClaims: payloads by themselves.
func FuzzReadClaims(f *testing.F) {
	for _, v := range allVectors(f) {
		b := v.bytes()
		if jws, err := proof.ParseJWS(b); err == nil {
			b = jws.Payload
		}
		for kind := range uint8(4) {
			f.Add(kind, b)
		}
	}
	f.Add(uint8(3), []byte(`{"iss":"did:example:1","nbf":1e9,"exp":-1.5,"aud":["a"],"vc":{"type":"VerifiableCredential"}}`))
	f.Fuzz(func(t *testing.T, kind uint8, payload []byte) {
		inTime(t, func() { readClaims(t, proof.TokenKind(kind), payload) })
	})
}

// FuzzEvidence: whatever bundle is read has one encoding and one view, and proves
// nothing to someone who trusts nobody.
func FuzzEvidence(f *testing.F) {
	one := bytes.Repeat([]byte{1}, 64)
	bundle := &evidence.Bundle{
		Subject: evidence.Subject{Type: evidence.SubjectStamp, DigestAlg: "sha-256", Digest: one[:32]}, Salt: one[:32],
		Tree:      evidence.TreeProof{Alg: "sha-256", Size: 1, Root: one[:32]},
		Header:    evidence.Header{Issuer: "did:web:x.example", Size: 1, Roots: []evidence.Root{{Alg: "sha-256", Root: one[:32]}}, Time: now},
		Signature: evidence.Signature{Alg: "Ed25519", Method: "did:web:x.example#k", Value: one},
	}
	b, err := bundle.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	view, err := bundle.JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(view)
	for _, s := range []string{"d9d9f7a0", "d9d9f7", "a0", "d9d9f7bfff", "d9d9f79b7fffffffffffffff", "d9d9f75bffffffffffffffff", "d9d9f7a16161a16161a16161a0"} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		inTime(t, func() {
			if p, err := evidence.ParseParts(in); err == nil {
				if out, err := evidence.EncodeParts(p); err != nil || !bytes.Equal(out, in) {
					t.Fatalf("parts: %v", err)
				}
			}
			if p, err := evidence.ParseTxProof(in); err == nil {
				if out, err := p.Encode(); err != nil || !bytes.Equal(out, in) {
					t.Fatalf("transaction: %v", err)
				}
			}
			if l, err := evidence.ParseLink(in); err == nil {
				if out, err := l.Encode(); err != nil || !bytes.Equal(out, in) {
					t.Fatalf("link: %v", err)
				}
			}
			if b, err := evidence.FromJSON(in); err == nil {
				if _, err := b.Encode(); err != nil {
					t.Fatalf("read from JSON, and cannot be encoded: %v", err)
				}
			}
			b, err := evidence.Parse(in)
			if (b == nil) == (err == nil) {
				t.Fatal("both or neither")
			}
			if err != nil {
				return
			}
			out, err := b.Encode()
			if err != nil || !bytes.Equal(out, in) {
				t.Fatalf("encodes differently: %v", err)
			}
			result, err := b.Verify(evidence.Input{}, &evidence.Trust{Now: now})
			if err == nil && result != nil && result.Outcome == evidence.Valid {
				t.Fatal("valid, and nobody is trusted")
			}
		})
	})
}

// FuzzBeaconPack: whatever pack is read encodes to the same bytes, and proves nothing
// to someone who trusts no checkpoint.
func FuzzBeaconPack(f *testing.F) {
	f.Add([]byte("CFP\x01"))
	f.Add(append([]byte("CFP\x01"), make([]byte, 2000)...))
	pack := beacon.Pack{ForkVersion: beacon.Mainnet().Forks[len(beacon.Mainnet().Forks)-1].Version}
	pack.Finality.Finalized.Execution = &beacon.ExecutionHeader{Blobs: true}
	pack.Committee.Pubkeys = make([][48]byte, 8)
	pack.Finality.Aggregate.Bits = make([]byte, 1)
	if b, err := pack.Encode(); err != nil {
		f.Fatal(err)
	} else if _, err := beacon.ParsePack(b); err != nil {
		f.Fatal(err)
	} else {
		f.Add(b)
	}
	trust := &beacon.Trust{Network: beacon.Mainnet()}
	f.Fuzz(func(t *testing.T, in []byte) {
		inTime(t, func() {
			p, err := beacon.ParsePack(in)
			if (p == nil) == (err == nil) {
				t.Fatal("both or neither")
			}
			if err != nil {
				return
			}
			if out, err := p.Encode(); err != nil || !bytes.Equal(out, in) {
				t.Fatalf("encodes differently: %v", err)
			}
			if _, err := beacon.Verify(p, trust); err == nil {
				t.Fatal("proved to someone who trusts nothing")
			}
		})
	})
}

// FuzzEthereum: what is decoded is bound by its hash, and a proof leads only to what
// its root commits to.
func FuzzEthereum(f *testing.F) {
	for _, s := range []string{ // the first is the example of EIP-155
		"f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
		"c0", "f86c", "02f8", "f9021a", "bfffffffffffffffff", "c88363617483646f67", "f8ffffffffffffffffff"} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, b, []byte{1})
	}
	f.Fuzz(func(t *testing.T, a, b, key []byte) {
		inTime(t, func() {
			if tx, err := ethereum.ParseTransaction(a); err == nil {
				if tx.Hash != ethereum.Keccak256(a) {
					t.Fatal("another hash")
				}
				_, _ = tx.Sender()
			}
			if h, err := ethereum.ParseHeader(a); err == nil && h.Hash != ethereum.Keccak256(a) {
				t.Fatal("another hash")
			}
			if headers, err := ethereum.ParseChain([][]byte{a, b}); err == nil && len(headers) != 2 {
				t.Fatal("headers were lost")
			}
			nodes := [][]byte{a, b}
			if _, err := ethereum.ProveTrie(ethereum.Hash{1}, key, nodes); err == nil {
				t.Fatal("proved under a root that nothing has")
			}
			root := ethereum.Keccak256(a)
			_, _ = ethereum.ProveTrie(root, key, nodes)
			_, _ = ethereum.ProveTransaction(root, uint64(len(key)), nodes)
			_, _ = ethereum.ProveAccount(root, ethereum.Address{}, nodes)
			_, _ = ethereum.ProveStorage(root, [32]byte{}, nodes)
		})
	})
}

// FuzzReadKey: a key file is read or refused, and what is read signs. No passphrase is
// given: what scrypt may cost is bounded elsewhere.
func FuzzReadKey(f *testing.F) {
	for _, alg := range []signer.Algorithm{signer.Ed25519, signer.P256, signer.P384, signer.RSA2048} {
		key, err := signer.Generate(alg)
		if err != nil {
			f.Fatal(err)
		}
		for _, write := range []func(crypto.Signer) ([]byte, error){signer.InsecureWriteKey, signer.KeyFile{Passphrase: []byte("x"), WorkFactor: 1}.Write} {
			b, err := write(key)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Add([]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}`))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		inTime(t, func() {
			key, err := signer.ReadKey(b, nil)
			if (key == nil) == (err == nil) {
				t.Fatal("both or neither")
			}
			if err != nil {
				return
			}
			id, method, err := signer.Identifier(key.Public())
			if err != nil || id == "" || method == "" {
				t.Fatalf("a key that has no name: %v", err)
			}
			if _, rsa := key.(interface{ Size() int }); rsa {
				return
			}
			c, err := chancery.Parse([]byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"` + id + `","credentialSubject":{"id":"did:example:subject"}}`))
			if err != nil {
				t.Fatal(err)
			}
			s, err := (&signer.JOSE{Key: signer.Key{Signer: key, Method: method}}).Sign(t.Context(), c)
			if err != nil {
				t.Fatalf("a key that cannot sign: %v", err)
			}
			jws, err := proof.ParseJWS(s.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if err := jws.Verify(key.Public(), proof.AlgsOf(key.Public())); err != nil {
				t.Fatalf("signed, and does not verify: %v", err)
			}
		})
	})
}
