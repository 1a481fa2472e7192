package evidence_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
	ethcrypto "github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/multikey"
	proofs "github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/proof/merkle"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/evidence"
)

// A university signs credentials with one key and batches with another, and anchors them
// with an account of its own. Its did:web document is not to be had any more.
const (
	issuer     = "did:web:registry.example.edu"
	batchKeyID = issuer + "#batch"
	listURL    = "https://registry.example.edu/status/1"
	chainID    = 31337
)

var (
	issued  = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	sealed  = issued.Add(time.Hour)
	mined   = sealed.Add(10 * time.Minute)
	now     = issued.Add(400 * 24 * time.Hour)
	genesis = sha256.Sum256([]byte("genesis"))
	batch   = seedKey("batch")
	account = ethcrypto.ToECDSAUnsafe(bytes.Repeat([]byte{9}, 32))
)

func seedKey(s string) ed25519.PrivateKey {
	sum := sha256.Sum256([]byte(s))
	return ed25519.NewKeyFromSeed(sum[:])
}

func multibase(key ed25519.PrivateKey) string {
	s, err := multikey.Encode(key.Public())
	if err != nil {
		panic(err)
	}
	return s
}

// controllerOf is a DID document with one key for assertions, whose method is its last word.
func controllerOf(id string, key ed25519.PrivateKey) []byte {
	return []byte(`{"@context":["https://www.w3.org/ns/did/v1"],"id":"` + id + `","verificationMethod":[{"id":"` + id + `#vc","type":"Multikey","controller":"` + id +
		`","publicKeyMultibase":"` + multibase(key) + `"}],"assertionMethod":["` + id + `#vc"]}`)
}

type world struct {
	credential []byte
	list       *signer.StatusList
	index      int
	vcKey      ed25519.PrivateKey
}

func sign(tb testing.TB, key ed25519.PrivateKey, method string, c *chancery.Credential) []byte {
	tb.Helper()
	s := &signer.DataIntegrity{Key: signer.Key{Signer: key, Method: method}, Created: issued}
	out, err := s.Sign(context.Background(), c)
	if err != nil {
		tb.Fatal(err)
	}
	return out.Bytes
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{vcKey: seedKey("credentials")}
	var err error
	if w.list, err = signer.NewStatusList(signer.StatusConfig{ID: listURL, Purpose: "revocation"}); err != nil {
		tb.Fatal(err)
	}
	if w.index, err = w.list.Allocate(); err != nil {
		tb.Fatal(err)
	}
	entry, err := w.list.Entry(w.index)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := chancery.Draft{ID: "https://registry.example.edu/c/1", Issuer: issuer, Name: "Diploma", ValidFrom: issued,
		Subject: map[string]any{"id": "did:example:holder", "name": "Aina Rahman"}, Status: []chancery.StatusEntry{entry}}.Build()
	if err != nil {
		tb.Fatal(err)
	}
	w.credential = sign(tb, w.vcKey, issuer+"#vc", c)
	return w
}

// statusList publishes the list as it is, by an issuer.
func (w *world) statusList(tb testing.TB, by string, key ed25519.PrivateKey) []byte {
	tb.Helper()
	c, err := w.list.Credential(signer.StatusPublication{Issuer: by, ValidFrom: issued, ValidUntil: now.Add(24 * time.Hour)})
	if err != nil {
		tb.Fatal(err)
	}
	return sign(tb, key, by+"#vc", c)
}

type bundlePlan struct {
	kind     string
	document []byte
	inside   bool
	material []proofs.Material
	listed   bool // the batch header lists the material
}

func (w *world) bundle(tb testing.TB, p bundlePlan) []byte {
	tb.Helper()
	d := sha256.Sum256(p.document)
	subject, salt := proofs.Subject{Type: p.kind, DigestAlg: "sha-256", Digest: d[:]}, bytes.Repeat([]byte{3}, 32)
	tree, err := merkle.Build(merkle.SHA256, 3, func(i int) []byte {
		leaf, err := proofs.LeafData(merkle.SHA256, subject, salt, nil)
		if err != nil {
			tb.Fatal(err)
		}
		if i != 1 {
			leaf = append(leaf, byte(i))
		}
		return leaf
	})
	if err != nil {
		tb.Fatal(err)
	}
	h := proofs.Header{Issuer: issuer, Size: 3, Roots: []proofs.Root{{Alg: "sha-256", Root: tree.Root()}}, Time: sealed, Promise: []string{proofs.PromiseChain(chainID)}}
	if p.listed {
		for _, m := range p.material {
			h.Material = append(h.Material, m.SHA256[:])
		}
		slices.SortFunc(h.Material, bytes.Compare)
	}
	in, err := h.SigningInput()
	if err != nil {
		tb.Fatal(err)
	}
	b := &proofs.Batch{SignedHeader: proofs.SignedHeader{Header: h, Signature: proofs.Signature{Alg: "Ed25519", Method: batchKeyID, Value: ed25519.Sign(batch, in)}},
		Trees: []*merkle.Tree{tree}, Material: p.material}
	digest, err := b.Digest()
	if err != nil {
		tb.Fatal(err)
	}
	eth, _ := transaction(tb, digest[:])
	b.Anchors = []proofs.Anchor{{Type: proofs.AnchorEth, Eth: eth}}
	it := proofs.Item{Index: 1, Subject: subject, Salt: salt}
	if p.inside {
		it.Content = p.document
	}
	out, err := b.Bundle(it)
	if err != nil {
		tb.Fatal(err)
	}
	enc, err := out.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return enc
}

// transaction is the only one of a block.
func transaction(tb testing.TB, data []byte) (*proofs.Eth, *types.Header) {
	tb.Helper()
	self := ethcrypto.PubkeyToAddress(account.PublicKey)
	tx, err := types.SignNewTx(account, types.NewPragueSigner(big.NewInt(chainID)), &types.DynamicFeeTx{ChainID: big.NewInt(chainID), To: &self, Gas: 30000, GasFeeCap: big.NewInt(2e9), GasTipCap: big.NewInt(1e9), Data: data})
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := tx.MarshalBinary()
	if err != nil {
		tb.Fatal(err)
	}
	// The trie over one transaction is one leaf: the nibbles 8 and 0 of RLP(0), even.
	node, err := rlp.EncodeToBytes([][]byte{{0x20, 0x80}, raw})
	if err != nil {
		tb.Fatal(err)
	}
	head := &types.Header{Number: big.NewInt(7), Difficulty: new(big.Int), Time: uint64(mined.Unix()), BaseFee: big.NewInt(1), TxHash: ethcrypto.Keccak256Hash(node)}
	enc, err := rlp.EncodeToBytes(head)
	if err != nil {
		tb.Fatal(err)
	}
	mined, err := (&proofs.TxProof{Nodes: [][]byte{node}, Header: enc}).Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return &proofs.Eth{ChainID: chainID, GenesisHash: genesis, Tx: proofs.NewPart(mined)}, head
}

// finalBlock finds the block of a bundle: the auditor of these tests knows it.
func finalBlock(tb testing.TB, enc []byte) [32]byte {
	tb.Helper()
	b, err := proofs.Parse(enc)
	if err != nil {
		tb.Fatal(err)
	}
	mined, err := proofs.ParseTxProof(b.Anchors[0].Eth.Tx.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	return [32]byte(ethcrypto.Keccak256(mined.Header))
}

// trustFile is the auditor's. extra goes into the issuer's keys.
func trustFile(tb testing.TB, block [32]byte, extra string) *verifier.Trust {
	tb.Helper()
	sender := ethcrypto.PubkeyToAddress(account.PublicKey)
	text := `{"version":1,"issuers":[{"id":"` + issuer + `","name":"Example University","keys":[{"method":"` + batchKeyID + `","publicKeyMultibase":"` + multibase(batch) + `"}` + extra + `]}],
	"anchoring":{"chains":[{"chainId":31337,"name":"testnet","genesisHash":"0x` + hex.EncodeToString(genesis[:]) + `","senders":["0x` + hex.EncodeToString(sender[:]) + `"],
	"beacon":{"genesisValidatorsRoot":"0x` + strings.Repeat("11", 32) + `","preset":"minimal","forks":[{"name":"fulu","epoch":0,"version":"0x06000001"}],"knownUntil":1000}}],
	"checkpoints":[{"chainId":31337,"number":7,"hash":"0x` + hex.EncodeToString(block[:]) + `"}],
	"beaconCheckpoints":[{"chainId":31337,"root":"0x` + strings.Repeat("22", 32) + `"}],"committeesName":"table 1"}}`
	t, err := verifier.ParseTrust([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func judge(tb testing.TB, trust *verifier.Trust, h *evidence.Handler, b []byte, e verifier.Expect) *verifier.Report {
	tb.Helper()
	text, _ := judgeOnly(tb, trust, h, b, e).MarshalJSON()
	back, err := verifier.ParseReport(text) // all that is looked at here is in it
	if err != nil {
		tb.Fatal(err)
	}
	return back
}

func judgeOnly(tb testing.TB, trust *verifier.Trust, h *evidence.Handler, b []byte, e verifier.Expect) *verifier.Report {
	tb.Helper()
	v, err := verifier.New(verifier.Config{Trust: trust, Clock: func() time.Time { return now }, Handlers: map[string]verifier.Handler{chancery.MediaEvidence: h}})
	if err != nil {
		tb.Fatal(err)
	}
	found, err := v.VerifyExpecting(context.Background(), chancery.Secured{Bytes: b}, e)
	if err == nil {
		return found.Report()
	}
	var refused *verifier.Error
	if !errors.As(err, &refused) {
		tb.Fatal(err)
	}
	return refused.Report
}

func describe(r *verifier.Report) string {
	s := fmt.Sprintf("%s %s", r.Outcome, r.Reason)
	for _, c := range r.Checks {
		s += fmt.Sprintf("\n  %s %s required=%t %s: %s", c.ID, c.Result, c.Required, c.Reason, c.Detail)
	}
	for _, sub := range r.Sub {
		s += "\n" + sub.Relation + ": " + describe(sub.Report)
	}
	return s
}

func (w *world) material(tb testing.TB) []proofs.Material {
	return []proofs.Material{
		proofs.NewMaterial("controller", issuer, controllerOf(issuer, w.vcKey)),
		proofs.NewMaterial("statusList", listURL, w.statusList(tb, issuer, w.vcKey)),
	}
}

// TestCredentialInside: one file and a trust file with one key of the issuer are enough.
func TestCredentialInside(t *testing.T) {
	w := newWorld(t)
	enc := w.bundle(t, bundlePlan{kind: "credential", document: w.credential, inside: true, material: w.material(t), listed: true})
	r := judge(t, trustFile(t, finalBlock(t, enc), ""), &evidence.Handler{}, enc, verifier.Expect{})
	if r.Outcome != verifier.Valid {
		t.Fatal(describe(r))
	}
	anchor, _ := r.Check(verifier.CheckAnchor)
	text := fmt.Sprint(anchor.Evidence)
	for _, want := range []string{"index 1 of 3", "chain id 31337", "block 7 of the trust", mined.Format(time.RFC3339)} {
		if !strings.Contains(text, want) {
			t.Errorf("expected %q among the facts, found %s", want, text)
		}
	}
	if r.ID != "https://registry.example.edu/c/1" || len(r.Sub) != 1 || !r.Offline || r.MediaType != chancery.MediaEvidence {
		t.Errorf("found %+v", r)
	}
	if _, err := r.MarshalJSON(); err != nil {
		t.Error(err)
	}
}

// TestDocumentBeside: the same with the credential in a file of its own.
func TestDocumentBeside(t *testing.T) {
	w := newWorld(t)
	enc := w.bundle(t, bundlePlan{kind: "credential", document: w.credential, material: w.material(t), listed: true})
	trust := trustFile(t, finalBlock(t, enc), "")
	if r := judge(t, trust, &evidence.Handler{Document: w.credential}, enc, verifier.Expect{}); r.Outcome != verifier.Valid {
		t.Error(describe(r))
	}
	other := bytes.Replace(w.credential, []byte("Aina"), []byte("Anna"), 1)
	if r := judge(t, trust, &evidence.Handler{Document: other}, enc, verifier.Expect{}); r.Outcome != verifier.Invalid || r.Reason != verifier.EvidenceDocumentMismatch || len(r.Sub) > 0 {
		t.Error(describe(r))
	}
	if r := judge(t, trust, &evidence.Handler{}, enc, verifier.Expect{}); r.Outcome != verifier.Indeterminate || r.Reason != verifier.EvidenceDocumentMissing {
		t.Error(describe(r))
	}
}

// TestRevokedKey: a key that was revoked after the anchor still counts with the evidence,
// and not without; a key that was revoked before does not.
func TestRevokedKey(t *testing.T) {
	w := newWorld(t)
	pin := func(revoked time.Time) string {
		return `,{"method":"` + issuer + `#vc","publicKeyMultibase":"` + multibase(w.vcKey) + `","revoked":"` + revoked.Format(time.RFC3339) + `"}`
	}
	c, err := chancery.Draft{ID: "https://registry.example.edu/c/2", Issuer: issuer, ValidFrom: issued, Subject: map[string]any{"id": "did:example:holder"}}.Build()
	if err != nil {
		t.Fatal(err)
	}
	credential := sign(t, w.vcKey, issuer+"#vc", c)
	enc := w.bundle(t, bundlePlan{kind: "credential", document: credential, inside: true})
	late := trustFile(t, finalBlock(t, enc), pin(mined.Add(time.Minute)))
	if r := judge(t, late, &evidence.Handler{}, enc, verifier.Expect{}); r.Outcome != verifier.Valid {
		t.Error(describe(r))
	}
	if r := judge(t, late, &evidence.Handler{}, credential, verifier.Expect{}); r.Outcome != verifier.Indeterminate || r.Reason != verifier.KeyRevoked {
		t.Error(describe(r))
	}
	early := trustFile(t, finalBlock(t, enc), pin(mined.Add(-time.Minute)))
	if r := judge(t, early, &evidence.Handler{}, enc, verifier.Expect{}); r.Outcome != verifier.Indeterminate || r.Reason != verifier.InnerIndeterminate {
		t.Error(describe(r))
	}
	b, err := proofs.Parse(enc)
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Trust: late, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if at := evidence.ProvenTime(context.Background(), v, b, nil, nil); !at.Equal(mined) {
		t.Errorf("proven by %v", at)
	}
	b.Salt = bytes.Repeat([]byte{4}, 32)
	if at := evidence.ProvenTime(context.Background(), v, b, nil, nil); !at.IsZero() {
		t.Errorf("invalid evidence proves %v", at)
	}
}

// TestRefused: what must not pass, with documents in the bundle of every kind of forger.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	material := w.material(t)
	forger := seedKey("forger")
	clean := w.statusList(t, issuer, w.vcKey)
	if err := w.list.Set(w.index, 1); err != nil {
		t.Fatal(err)
	}
	dirty := w.statusList(t, issuer, w.vcKey)
	if err := w.list.Set(w.index, 0); err != nil {
		t.Fatal(err)
	}
	with := func(kind string, listed bool, m ...proofs.Material) bundlePlan {
		return bundlePlan{kind: kind, document: w.credential, inside: true, material: m, listed: listed}
	}
	controller := material[0]
	list := func(b []byte) proofs.Material { return proofs.NewMaterial("statusList", listURL, b) }
	for _, c := range []struct {
		name   string
		plan   bundlePlan
		want   verifier.Outcome
		reason verifier.Reason
		trust  func(t *verifier.Trust)
		expect verifier.Expect
	}{
		{"revoked, as the list inside says", with("credential", true, controller, list(dirty)), verifier.Invalid, verifier.InnerInvalid, nil, verifier.Expect{}},
		{"status list by someone else", with("credential", true, controller, list(w.statusList(t, "did:web:forger.example", forger))), verifier.Indeterminate, verifier.InnerIndeterminate, nil, verifier.Expect{}},
		{"status list signed by a forger in the issuer's name", with("credential", true, controller, list(w.statusList(t, issuer, forger))), verifier.Indeterminate, verifier.InnerIndeterminate, nil, verifier.Expect{}},
		{"status list changed", with("credential", true, controller, list(bytes.Replace(clean, []byte(`"encodedList":"u`), []byte(`"encodedList":"uA`), 1))), verifier.Indeterminate, verifier.InnerIndeterminate, nil, verifier.Expect{}},
		{"status list left out", with("credential", true, controller), verifier.Indeterminate, verifier.InnerIndeterminate, nil, verifier.Expect{}},
		{"status list for another address", with("credential", true, controller, proofs.NewMaterial("statusList", listURL+"0", clean)), verifier.Indeterminate, verifier.InnerIndeterminate, nil, verifier.Expect{}},
		{"controller document that the issuer did not sign for", with("credential", false, controller, list(clean)), verifier.Indeterminate, verifier.InnerIndeterminate, nil, verifier.Expect{}},
		{"controller document left out", with("credential", true, list(clean)), verifier.Indeterminate, verifier.InnerIndeterminate, nil, verifier.Expect{}},
		{"credential passed off as a PDF", with("pdf", true, controller, list(clean)), verifier.Invalid, verifier.EvidenceDocumentMismatch, nil, verifier.Expect{}},
		{"credential passed off as a presentation", with("presentation", true, controller, list(clean)), verifier.Invalid, verifier.EvidenceDocumentMismatch, nil, verifier.Expect{}},
		{"issuer that is not trusted", with("credential", true, controller, list(clean)), verifier.Indeterminate, "", func(t *verifier.Trust) { t.Issuers[0].ID = "did:web:other.example" }, verifier.Expect{}},
		{"key that is another's", with("credential", true, controller, list(clean)), verifier.Invalid, verifier.SignatureInvalid, func(t *verifier.Trust) { t.Issuers[0].Keys[0].Key = forger.Public() }, verifier.Expect{}},
		{"no chain", with("credential", true, controller, list(clean)), verifier.Indeterminate, verifier.EvidenceChainUnknown, func(t *verifier.Trust) { t.Anchoring.Chains = nil }, verifier.Expect{}},
		{"other genesis", with("credential", true, controller, list(clean)), verifier.Invalid, verifier.EvidenceChainMismatch, func(t *verifier.Trust) { t.Anchoring.Chains[0].GenesisHash[0] ^= 1 }, verifier.Expect{}},
		{"no sender", with("credential", true, controller, list(clean)), verifier.Indeterminate, verifier.EvidenceSenderUnknown, func(t *verifier.Trust) { t.Anchoring.Chains[0].Senders = nil }, verifier.Expect{}},
		{"other sender", with("credential", true, controller, list(clean)), verifier.Invalid, verifier.EvidenceSender, func(t *verifier.Trust) { t.Anchoring.Chains[0].Senders[0][0] ^= 1 }, verifier.Expect{}},
		{"block not known", with("credential", true, controller, list(clean)), verifier.Indeterminate, verifier.EvidenceFinalityUndecided, func(t *verifier.Trust) { t.Anchoring.Checkpoints = nil }, verifier.Expect{}},
		{"a challenge expected of a bare digest", with("stamp", true), verifier.Invalid, verifier.ChallengeMismatch, nil, verifier.Expect{Challenge: "abc"}},
		{"a domain expected of a bare digest", with("stamp", true), verifier.Invalid, verifier.DomainMismatch, nil, verifier.Expect{Domain: "abc"}},
		{"a recipient expected of a bare digest", with("stamp", true), verifier.Invalid, verifier.RecipientMismatch, nil, verifier.Expect{Recipient: verifier.Recipient{Identity: "a@example.com"}}},
		{"a recipient expected who is someone else", with("credential", true, controller, list(clean)), verifier.Invalid, verifier.InnerInvalid, nil, verifier.Expect{Recipient: verifier.Recipient{Identity: "a@example.com"}}},
	} {
		enc := w.bundle(t, c.plan)
		trust := trustFile(t, finalBlock(t, enc), "")
		if c.trust != nil {
			c.trust(trust)
		}
		r := judge(t, trust, &evidence.Handler{}, enc, c.expect)
		if r.Outcome != c.want || c.reason != "" && r.Reason != c.reason {
			t.Errorf("%s: expected %s %s, found %s", c.name, c.want, c.reason, describe(r))
		}
	}
	text := with("stamp", true)
	text.document = []byte("a text that says nothing of who made it")
	stamp := w.bundle(t, text)
	if r := judge(t, trustFile(t, finalBlock(t, stamp), ""), &evidence.Handler{}, stamp, verifier.Expect{}); r.Outcome != verifier.Valid || len(r.Sub) != 0 {
		t.Errorf("stamp of a text: %s", describe(r))
	}
	// A credential is judged as it is by itself: what came with the stamp says nothing of it.
	stamp = w.bundle(t, with("stamp", true))
	if r := judge(t, trustFile(t, finalBlock(t, stamp), ""), &evidence.Handler{}, stamp, verifier.Expect{}); r.Outcome != verifier.Indeterminate || r.Reason != verifier.KeyUnavailable || len(r.Sub) != 1 {
		t.Errorf("stamp of a credential: %s", describe(r))
	}
	if r := judge(t, trustFile(t, finalBlock(t, stamp), ""), &evidence.Handler{Require: []string{proofs.PromiseTimestamp}}, stamp, verifier.Expect{}); r.Outcome != verifier.Indeterminate || r.Reason != verifier.EvidenceAnchorMissing {
		t.Errorf("timestamp required: %s", describe(r))
	}
	for name, b := range map[string][]byte{"cut": stamp[:50], "tag alone": stamp[:3]} {
		if r := judge(t, trustFile(t, [32]byte{}, ""), &evidence.Handler{}, b, verifier.Expect{}); r.Outcome != verifier.Invalid || r.Reason != verifier.EvidenceMalformed {
			t.Errorf("%s: %s", name, describe(r))
		}
	}
}

// TestEveryCodeIsAReason: what package proof/evidence says has a row in the table of
// Reasons, of the same gravity.
func TestEveryCodeIsAReason(t *testing.T) {
	for _, c := range proofs.Codes() {
		info := verifier.Reason(c).Info()
		if info.Text == "" || (info.Outcome == verifier.Indeterminate) != c.Open() {
			t.Errorf("%s: %+v", c, info)
		}
	}
}
