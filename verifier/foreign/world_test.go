package foreign_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/proof/bitcoin"
	"github.com/chancery-dev/chancery/proof/blockcerts"
	"github.com/chancery-dev/chancery/proof/ethereum"
	"github.com/chancery-dev/chancery/proof/opentimestamps"
	"github.com/chancery-dev/chancery/proof/truestamp"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/foreign"
)

const (
	genesisHeader   = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
	genesisCoinbase = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// scene is a proof with all that it takes to find it valid.
type scene struct {
	file  []byte
	h     foreign.Handler
	trust verifier.Trust
	at    time.Time // zero: now
}

func (s scene) judge(tb testing.TB) *verifier.Report {
	tb.Helper()
	found, ok := foreign.Detect(s.file)
	if !ok {
		tb.Fatalf("not detected: %.60q", s.file)
	}
	return s.judgeAs(tb, found, verifier.Expect{})
}

func (s scene) judgeAs(tb testing.TB, as chancery.Secured, e verifier.Expect) *verifier.Report {
	tb.Helper()
	text, _ := s.judgeOnly(tb, as, e).MarshalJSON()
	back, err := verifier.ParseReport(text) // all that is looked at here is in it
	if err != nil {
		tb.Fatal(err)
	}
	return back
}

func (s scene) judgeOnly(tb testing.TB, as chancery.Secured, e verifier.Expect) *verifier.Report {
	tb.Helper()
	trust := s.trust
	if !trust.Any && len(trust.Issuers) == 0 && len(trust.Documents) == 0 {
		// A Verifier needs someone to trust: here someone who has nothing to do with it.
		trust.Issuers = []verifier.TrustedIssuer{{ID: "https://nobody.example"}}
	}
	at := now
	if !s.at.IsZero() {
		at = s.at
	}
	v, err := verifier.New(verifier.Config{Trust: &trust, Clock: func() time.Time { return at }, Handlers: s.h.All()})
	if err != nil {
		tb.Fatal(err)
	}
	verified, err := v.VerifyExpecting(context.Background(), as, e)
	var bad *verifier.Error
	switch {
	case err == nil:
		return verified.Report()
	case errors.As(err, &bad):
		return bad.Report
	}
	tb.Fatal(err)
	return nil
}

func explain(r *verifier.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Outcome, string(r.Reason))
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "  %s %s %s %s %v\n", c.ID, c.Result, string(c.Reason), c.Detail, c.Evidence)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  finding %s: %s\n", f.Code, f.Message)
	}
	return b.String()
}

func pin(kind, url string, document []byte) verifier.PinnedDocument {
	return verifier.PinnedDocument{Kind: kind, URL: url, Document: document}
}

func pinGenesis() verifier.PinnedDocument {
	return pin(verifier.KindBitcoinHeader, "bitcoin:0", []byte(genesisHeader))
}

// otsScene is a proof of the first block, about 32 bytes of its transaction.
func otsScene(tb testing.TB) scene {
	tb.Helper()
	tx := unhex(tb, genesisCoinbase)
	a, _ := opentimestamps.NewBlockAttestation(opentimestamps.Bitcoin, 0)
	n := &opentimestamps.Node{Branches: []opentimestamps.Branch{{Attestation: a}}}
	for _, b := range []opentimestamps.Branch{{Op: opentimestamps.SHA256}, {Op: opentimestamps.SHA256}, {Op: opentimestamps.Append, Arg: tx[92:]}, {Op: opentimestamps.Prepend, Arg: tx[:60]}} {
		b.Next = n
		n = &opentimestamps.Node{Branches: []opentimestamps.Branch{b}}
	}
	f := &opentimestamps.File{HashOp: opentimestamps.SHA256, Digest: tx[60:92], Root: n}
	b, err := f.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return scene{file: b, h: foreign.Handler{Digests: map[string][]byte{"sha-256": tx[60:92]}}, trust: verifier.Trust{Documents: []verifier.PinnedDocument{pinGenesis()}}}
}

func chainpointScene(tb testing.TB) scene {
	tb.Helper()
	tx := genesisCoinbase
	text := fmt.Sprintf(`{"@context":"https://w3id.org/chainpoint/v4","type":"Chainpoint","hash":%q,"proof_id":"x","hash_received":"2009-01-01T00:00:00Z","branches":[{"ops":[{"anchors":[{"type":"cal","anchor_id":"c","uris":["https://calendar.example/c"]}]},{"l":%q},{"r":%q},{"op":"sha-256-x2"},{"anchors":[{"type":"btc","anchor_id":"0"}]}]}]}`, tx[120:184], tx[:120], tx[184:])
	return scene{file: []byte(text), h: foreign.Handler{Digests: map[string][]byte{"sha-256": unhex(tb, tx[120:184])}}, trust: verifier.Trust{Documents: []verifier.PinnedDocument{pinGenesis()}}}
}

// spend makes a Bitcoin transaction that spends an output and holds data.
func spend(previous bitcoin.Hash, data []byte, extra ...[]byte) []byte {
	b := append([]byte{1, 0, 0, 0, 1}, previous[:]...)
	b = append(b, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, byte(1+len(extra)))
	for _, d := range append([][]byte{data}, extra...) {
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, byte(2+len(d)), 0x6a, byte(len(d)))
		b = append(b, d...)
	}
	return append(b, 0, 0, 0, 0)
}

// pay makes a transaction whose output a key hash guards.
func pay(hash []byte) []byte {
	b := append([]byte{1, 0, 0, 0, 1}, make([]byte, 36)...)
	b = append(b, 0, 0xff, 0xff, 0xff, 0xff, 1, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0x76, 0xa9, 20)
	b = append(b, hash...)
	return append(b, 0x88, 0xac, 0, 0, 0, 0)
}

// mined puts a transaction into a block of the private test network: the header, and
// the proof of the transaction in it.
func mined(tb testing.TB, raw []byte) (header, proof []byte) {
	tb.Helper()
	tx, err := bitcoin.ParseTransaction(raw)
	if err != nil {
		tb.Fatal(err)
	}
	header = append(append([]byte{2, 0, 0, 0}, make([]byte, 32)...), tx.ID[:]...)
	header = binary.LittleEndian.AppendUint32(header, 1_700_000_000)
	header = append(header, 0xff, 0xff, 0x7f, 0x20, 0, 0, 0, 0)
	for nonce := range uint32(1000) {
		binary.LittleEndian.PutUint32(header[76:], nonce)
		if h, _ := bitcoin.ParseHeader(header); h.CheckWork(bitcoin.Regtest) == nil {
			proof = append(append([]byte{}, header...), 1, 0, 0, 0, 1)
			return header, append(append(proof, tx.ID[:]...), 1, 1)
		}
	}
	tb.Fatal("no nonce found")
	return nil, nil
}

func pinRegtest(height int, header []byte) verifier.PinnedDocument {
	return pin(verifier.KindBitcoinHeader, fmt.Sprintf("bitcoin-regtest:%d", height), []byte(hex.EncodeToString(header)))
}

// tsKey signs the Truestamp bundles made here.
var tsKey = ed25519.NewKeyFromSeed([]byte("seed of a key that signs bundles"))

// tsDocument is the document that they are about.
var tsDocument = []byte("a document")

// tsBundle makes a bundle with a Bitcoin commitment in a block of the private test
// network, signed by a key. depth0 makes paths of no length.
func tsBundle(tb testing.TB, key ed25519.PrivateKey, depth0 bool, change func(map[string]string)) (file, header []byte) {
	tb.Helper()
	public := key.Public().(ed25519.PublicKey)
	id := truestamp.KeyID(public)
	sum := sha256.Sum256(tsDocument)
	path := base64.RawURLEncoding.EncodeToString(append([]byte{1, 1}, make([]byte, 32)...))
	if depth0 {
		path = "AA"
	}
	zero := strings.Repeat("00", 32)
	p := map[string]string{"kid": hex.EncodeToString(id[:]), "pk": base64.StdEncoding.EncodeToString(public), "sig": base64.StdEncoding.EncodeToString(make([]byte, 64)),
		"hash": hex.EncodeToString(sum[:]), "mr": zero, "op": zero, "tx": zero, "rtx": "00", "txp": "00", "bmr": zero, "ip": path, "ep": path,
		"ts": "2026-04-22T23:38:56Z", "net": "regtest", "h": "12834", "cxts": "2026-04-22T20:00:02Z", "ulid": "01KPVAP639RSVPZCW2CBS51CTV", "uuid": "019db6b9-72c4-71ed-9a32-7cf51a77b161"}
	write := func(p map[string]string) []byte {
		return fmt.Appendf(nil, `{"v":1,"t":20,"ts":%q,"pk":%q,"sig":%q,"ip":%q,"s":{"id":%q,"d":{"hash":%q,"hash_type":"sha256"},"mh":%q,"kid":%q},"b":{"id":%q,"ph":%q,"mr":%q,"mh":%q,"kid":%q},"cx":[{"t":41,"net":%q,"ep":%q,"tx":%q,"op":%q,"rtx":%q,"txp":%q,"bmr":%q,"h":%s,"ts":%q}]}`,
			p["ts"], p["pk"], p["sig"], p["ip"], p["ulid"], p["hash"], zero, p["kid"], p["uuid"], zero, p["mr"], zero, p["kid"], p["net"], p["ep"], p["tx"], p["op"], p["rtx"], p["txp"], p["bmr"], p["h"], p["cxts"])
	}
	parsed := func() *truestamp.Bundle {
		b, err := truestamp.Parse(write(p))
		if err != nil {
			tb.Fatal(err)
		}
		return b
	}
	b := parsed()
	root := b.Path.Root(b.SubjectHash())
	p["mr"] = hex.EncodeToString(root[:])
	b = parsed()
	epoch := b.Commitments[0].Path.Root(b.BlockHash())
	p["op"] = hex.EncodeToString(epoch[:])
	raw := spend(bitcoin.Hash{1}, epoch[:])
	header, txp := mined(tb, raw)
	tx, _ := bitcoin.ParseTransaction(raw)
	p["rtx"], p["txp"], p["tx"], p["bmr"] = hex.EncodeToString(raw), hex.EncodeToString(txp), tx.ID.String(), tx.ID.String()
	signed := parsed().Signed()
	p["sig"] = base64.StdEncoding.EncodeToString(ed25519.Sign(key, signed[:]))
	if change != nil {
		change(p)
	}
	return write(p), header
}

func pinnedIssuer(id string, key any) []verifier.TrustedIssuer {
	return []verifier.TrustedIssuer{{ID: id, Name: "Stamper", Keys: []verifier.TrustedKey{{Key: key}}}}
}

func truestampScene(tb testing.TB, change func(map[string]string)) scene {
	tb.Helper()
	file, header := tsBundle(tb, tsKey, false, change)
	return scene{file: file, h: foreign.Handler{Document: tsDocument}, trust: verifier.Trust{
		Issuers: pinnedIssuer("https://stamper.example", tsKey.Public()), Documents: []verifier.PinnedDocument{pinRegtest(12834, header)}}}
}

// rlp writes a byte string, rlpList a list.
func rlp(b []byte) []byte {
	if len(b) == 1 && b[0] < 0x80 {
		return b
	}
	return append(rlpHead(0x80, len(b)), b...)
}

func rlpList(items ...[]byte) []byte {
	var body []byte
	for _, i := range items {
		body = append(body, i...)
	}
	return append(rlpHead(0xc0, len(body)), body...)
}

func rlpHead(base byte, n int) []byte {
	if n < 56 {
		return []byte{base + byte(n)}
	}
	size := strings.TrimLeft(fmt.Sprintf("%06x", n), "0")
	if len(size)%2 == 1 {
		size = "0" + size
	}
	b, _ := hex.DecodeString(size)
	return append([]byte{base + 55 + byte(len(b))}, b...)
}

func rlpInt(n uint64) []byte {
	b := binary.BigEndian.AppendUint64(nil, n)
	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	return rlp(b)
}

// ethKey sends the transactions made here.
var ethKey = secp256k1.PrivKeyFromBytes([]byte("the key that sends transactions!"))

func ethSender() string {
	a := ethereum.AddressOf(ethKey.PubKey())
	return "0x" + hex.EncodeToString(a[:])
}

// ethBlock makes a block with one transaction: its header, its proof, its identifier.
func ethBlock(tb testing.TB, chainID, number uint64, data []byte) (header []byte, tx blockcerts.EthereumTransaction, id [32]byte) {
	tb.Helper()
	fields := [][]byte{rlpInt(chainID), rlpInt(7), rlpInt(1), rlpInt(2), rlpInt(30000), rlp(make([]byte, 20)), rlpInt(0), rlp(data), rlpList()}
	signing := ethereum.Keccak256([]byte{2}, rlpList(fields...))
	sig := ecdsa.SignCompact(ethKey, signing[:], false)
	trim := func(b []byte) []byte { return []byte(strings.TrimLeft(string(b), "\x00")) }
	raw := append([]byte{2}, rlpList(append(fields, rlpInt(uint64(sig[0]-27)), rlp(trim(sig[1:33])), rlp(trim(sig[33:])))...)...)
	id = ethereum.Keccak256(raw)
	leaf := rlpList(rlp([]byte{0x20, 0x80}), rlp(raw)) // the key is the RLP of 0
	root := ethereum.Keccak256(leaf)
	zero := make([]byte, 32)
	header = rlpList(rlp(zero), rlp(zero), rlp(make([]byte, 20)), rlp(zero), rlp(root[:]), rlp(zero), rlp(make([]byte, 256)),
		rlpInt(0), rlpInt(number), rlpInt(30_000_000), rlpInt(21000), rlpInt(1_700_000_000), rlp(nil), rlp(zero), rlp(make([]byte, 8)), rlpInt(7))
	return header, blockcerts.EthereumTransaction{ChainID: chainID, Block: number, Nodes: [][]byte{leaf}}, id
}

func pinEth(chainID, number uint64, header []byte) verifier.PinnedDocument {
	return pin(verifier.KindEthereumHeader, fmt.Sprintf("eip155:%d:%d", chainID, number), []byte("0x"+hex.EncodeToString(header)))
}

const certIssuer = "https://academy.example/issuer.json"

// cert3 is a certificate of version 3 without its proof.
const cert3 = `{"@context":["https://www.w3.org/2018/credentials/v1","https://w3id.org/blockcerts/v3.1"],"id":"urn:uuid:bbba8553-8ec1-445f-82c9-a57251dd731c","type":["VerifiableCredential","BlockcertsCredential"],"issuer":"` + certIssuer + `","issuanceDate":"2023-01-01T00:00:00Z","credentialSubject":{"id":"did:example:ebfeb1f712ebc6f1c276e12ec21"}`

// digestOf computes a certificate's digest by putting a proof there that says nothing.
func digestOf(tb testing.TB, text string, with func(*blockcerts.Receipt) string) [32]byte {
	tb.Helper()
	c, err := blockcerts.Parse([]byte(with(&blockcerts.Receipt{Anchors: []blockcerts.Anchor{{Chain: "eth", Network: "sepolia"}}})))
	if err != nil {
		tb.Fatal(err)
	}
	d, err := c.Digest(0, contexts)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// blockcertsScene is a certificate on Ethereum, with all that confirms it.
func blockcertsScene(tb testing.TB, e blockcerts.Encoding, change func(*blockcerts.Receipt)) scene {
	tb.Helper()
	const chainID, number = 11155111, 5_000_000
	with := func(r *blockcerts.Receipt) string {
		value, err := r.ProofValue(e)
		if err != nil {
			tb.Fatal(err)
		}
		return cert3 + `,"proof":{"type":"MerkleProof2019","created":"2023-01-01T00:00:00","proofValue":"` + value + `","proofPurpose":"assertionMethod","verificationMethod":"` + certIssuer + `#key"}}`
	}
	r := &blockcerts.Receipt{TargetHash: digestOf(tb, cert3, with), Path: []blockcerts.Step{{Left: true, Sibling: [32]byte{1}}, {Sibling: [32]byte{2}}}}
	r.MerkleRoot = r.Root()
	header, tx, id := ethBlock(tb, chainID, number, r.MerkleRoot[:])
	r.Anchors = []blockcerts.Anchor{{Chain: "eth", Network: "sepolia", TxID: id}}
	if change != nil {
		change(r)
	}
	profile := `{"id":"` + certIssuer + `","type":"Profile","publicKey":[{"id":"ecdsa-koblitz-pubkey:` + ethSender() + `","created":"2020-01-01T00:00:00Z"}]}`
	return scene{file: []byte(with(r)), h: foreign.Handler{EthereumTransactions: []blockcerts.EthereumTransaction{tx}}, trust: verifier.Trust{
		Issuers:   []verifier.TrustedIssuer{{ID: certIssuer, Name: "Academy"}},
		Documents: []verifier.PinnedDocument{pinEth(chainID, number, header), pin(verifier.KindBadge, certIssuer, []byte(profile))}}}
}

// blockcerts2Scene is a certificate of version 2 on Bitcoin's private test network.
func blockcerts2Scene(tb testing.TB) scene {
	tb.Helper()
	body := `{"@context":["https://w3id.org/openbadges/v2","https://w3id.org/blockcerts/v2.1"],"type":"Assertion","id":"urn:uuid:1e10c8e5-6a8e-4a83-9d06-a2d1b0a7e2d3","issuedOn":"2023-01-01T00:00:00Z","badge":{"type":"BadgeClass","id":"urn:uuid:82a4c9f2-3588-457b-80ea-da695571b8fc","name":"x","issuer":{"type":"Profile","id":"` + certIssuer + `","name":"Academy"}}`
	with := func(r *blockcerts.Receipt, tx string) string {
		return fmt.Sprintf(`%s,"signature":{"type":["MerkleProof2017","Extension"],"merkleRoot":"%x","targetHash":"%x","proof":[{"right":"%x"}],"anchors":[{"sourceId":%q,"type":"BTCOpReturn","chain":"bitcoinRegtest"}]}}`, body, r.MerkleRoot, r.TargetHash, [32]byte{4}, tx)
	}
	zero := strings.Repeat("0", 64)
	r := &blockcerts.Receipt{TargetHash: digestOf(tb, body, func(r *blockcerts.Receipt) string { return with(r, zero) }), Path: []blockcerts.Step{{Sibling: [32]byte{4}}}}
	r.MerkleRoot = r.Root()
	keyHash := unhex(tb, "7fda5ea4a18f7af4a12b95b5d4d0d1d6ad9d0e29")
	previous := pay(keyHash)
	before, err := bitcoin.ParseTransaction(previous)
	if err != nil {
		tb.Fatal(err)
	}
	raw := spend(before.ID, r.MerkleRoot[:])
	tx, err := bitcoin.ParseTransaction(raw)
	if err != nil {
		tb.Fatal(err)
	}
	header, proof := mined(tb, raw)
	profile := `{"id":"` + certIssuer + `","type":"Profile","publicKey":[{"id":"ecdsa-koblitz-pubkey:` + address(keyHash) + `","created":"2020-01-01T00:00:00Z"}]}`
	return scene{file: []byte(with(r, tx.ID.String())), h: foreign.Handler{BitcoinTransactions: []blockcerts.BitcoinTransaction{{Raw: raw, TxOutProof: proof, Previous: previous}}}, trust: verifier.Trust{
		Issuers:   []verifier.TrustedIssuer{{ID: certIssuer}},
		Documents: []verifier.PinnedDocument{pinRegtest(9, header), pin(verifier.KindBadge, certIssuer, []byte(profile))}}}
}

// address writes a key hash of a test network.
func address(hash []byte) string {
	b := append([]byte{111}, hash...)
	once := sha256.Sum256(b)
	twice := sha256.Sum256(once[:])
	return base58(append(b, twice[:4]...))
}

func base58(b []byte) string {
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	var out string
	for len(b) > 0 {
		rest, next := 0, []byte{}
		for _, c := range b {
			rest = rest<<8 | int(c)
			if q := rest / 58; q > 0 || len(next) > 0 {
				next = append(next, byte(q))
			}
			rest %= 58
		}
		out = string(alphabet[rest]) + out
		b = next
	}
	return out
}

func without(docs []verifier.PinnedDocument, kind string) []verifier.PinnedDocument {
	var out []verifier.PinnedDocument
	for _, d := range docs {
		if d.Kind != kind {
			out = append(out, d)
		}
	}
	return out
}

func cloned(m map[string][]byte) map[string][]byte { return maps.Clone(m) }
