package truestamp

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/proof/bitcoin"
)

// The one-byte prefixes that keep the uses of SHA-256 apart.
const (
	domainLeaf        = 0x00
	domainNode        = 0x01
	domainClaims      = 0x11
	domainItem        = 0x13
	domainEntropy     = 0x21
	domainObservation = 0x23
	domainBlock       = 0x32
	domainKeyID       = 0x51
	domainProof       = 0x61
)

func domain(prefix byte, parts ...[]byte) [32]byte {
	h := sha256.New()
	h.Write([]byte{prefix})
	for _, p := range parts {
		h.Write(p)
	}
	return [32]byte(h.Sum(nil))
}

// lengths writes each part after its length in 4 bytes.
func lengths(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(p))), p...)
	}
	return out
}

// KeyID is the 4-byte identifier of a key. It does not identify a key: another with
// the same one is found in seconds.
func KeyID(key ed25519.PublicKey) (id [4]byte) {
	sum := domain(domainKeyID, key)
	return [4]byte(sum[:4])
}

// Root walks the path from the hash of a leaf's content.
func (p Path) Root(content [32]byte) [32]byte {
	at := domain(domainLeaf, content[:])
	for i := range p.Depth {
		sibling := p.nodes[32*i : 32*i+32]
		if p.right[i/8]>>(i%8)&1 == 1 {
			at = domain(domainNode, at[:], sibling)
		} else {
			at = domain(domainNode, sibling, at[:])
		}
	}
	return at
}

// SubjectHash is the hash of what the bundle is about; a block's is its own.
func (b *Bundle) SubjectHash() [32]byte {
	if b.Subject == nil {
		return b.BlockHash()
	}
	s := b.Subject
	content, whole := byte(domainClaims), byte(domainItem)
	if b.Type != Item {
		content, whole = domainEntropy, domainObservation
	}
	claims := domain(content, s.Claims)
	return domain(whole, lengths([]byte(s.ID), claims[:], s.MetadataHash[:], s.KeyID[:]))
}

// BlockHash is the hash of Truestamp's block.
func (b *Bundle) BlockHash() [32]byte {
	k := b.Block
	return domain(domainBlock, lengths([]byte(k.ID), k.Previous[:], k.MerkleRoot[:], k.MetadataHash[:], k.KeyID[:]))
}

// Signed is the 32 bytes that the signature covers: a hash of version, type, key id,
// time in milliseconds, subject hash, block hash and the commitments' roots.
func (b *Bundle) Signed() [32]byte {
	subject, block, id := b.SubjectHash(), b.BlockHash(), KeyID(b.PublicKey)
	p := binary.BigEndian.AppendUint16([]byte{bundleVersion}, uint16(b.Type))
	p = append(p, id[:]...)
	p = binary.BigEndian.AppendUint64(p, uint64(b.Time.UnixMilli()))
	p = append(append(p, subject[:]...), block[:]...)
	p = binary.BigEndian.AppendUint16(p, uint16(len(b.Commitments)))
	for _, c := range b.Commitments {
		p = append(p, c.Root[:]...)
	}
	return domain(domainProof, p)
}

// Trust is what the caller knows. The zero value knows nothing, and then nothing is
// confirmed.
type Trust struct {
	// Keys are the signing keys believed. Empty: none, and the signature counts for
	// nothing.
	Keys []ed25519.PublicKey
	// Bitcoin are the headers that Bitcoin commitments are compared with. Nil: none.
	Bitcoin *bitcoin.Known
}

// Verdict is what became of a commitment.
type Verdict uint8

// The verdicts. The zero value claims nothing.
const (
	Undecided Verdict = iota
	Confirmed         // the root is in a transaction of a pinned block
	Refuted           // the commitment contradicts itself or the pinned block
)

func (v Verdict) String() string { return [...]string{"undecided", "confirmed", "refuted"}[v%3] }

// Committed is a commitment and what became of it.
type Committed struct {
	Commitment
	Verdict   Verdict
	Detail    string
	BlockHash string    // of Bitcoin, as people write it; "" where there is none
	Time      time.Time // of the pinned block, where Confirmed
	Height    uint64    // of the pinned block, where Confirmed
	Chain     string    // its network, where Confirmed
}

// Result is what Check found.
type Result struct {
	KeyID       string   // of the bundle's key, hex
	KeyPinned   bool     // the key is one of Trust.Keys
	Signature   bool     // the signature fits the bundle's own key
	Problems    []string // where hashes, paths and times within the bundle contradict each other
	Commitments []Committed
	// SubjectTime and BlockTime stand in the identifiers, which are hashed and signed:
	// they are what the service says. Zero where an identifier holds none.
	SubjectTime, BlockTime time.Time
	// Unbound names what stands in the bundle but is covered by nothing that was
	// checked, and must not be shown as fact.
	Unbound []string
}

// Sound tells whether nothing in the bundle contradicts the rest. A bundle made from
// nothing is sound, too: it takes KeyPinned to count.
func (r *Result) Sound() bool {
	refuted := func(c Committed) bool { return c.Verdict == Refuted }
	return r.Signature && len(r.Problems) == 0 && !slices.ContainsFunc(r.Commitments, refuted)
}

// Check recomputes every hash and judges the bundle.
func (b *Bundle) Check(t Trust) *Result {
	id := KeyID(b.PublicKey)
	r := &Result{KeyID: hex.EncodeToString(id[:])}
	problem := func(format string, args ...any) { r.Problems = append(r.Problems, fmt.Sprintf(format, args...)) }
	// 1. The key: the whole of it is pinned, or it is nobody's.
	r.KeyPinned = slices.ContainsFunc(t.Keys, func(k ed25519.PublicKey) bool { return bytes.Equal(k, b.PublicKey) })
	// 2. The subject is in the block's tree.
	if b.Subject != nil {
		if root := b.Path.Root(b.SubjectHash()); root != b.Block.MerkleRoot {
			problem("the subject is not under the block's Merkle root")
		}
		if b.Path.Depth == 0 {
			r.Unbound = append(r.Unbound, "size of the block's tree (the path is empty)")
		}
	}
	// 3. The block is under each commitment's root, which is signed.
	block := b.BlockHash()
	for i, c := range b.Commitments {
		if c.Path.Root(block) != c.Root {
			problem("the block is not under the root of commitment %d", i)
		}
	}
	// 4. The signature.
	signed := b.Signed()
	r.Signature = len(b.PublicKey) == ed25519.PublicKeySize && ed25519.Verify(b.PublicKey, signed[:], b.Signature)
	// 5. What the service says of time, in its identifiers.
	r.BlockTime, _ = uuidTime(b.Block.ID)
	if b.Subject != nil {
		var ok bool
		if r.SubjectTime, ok = ulidTime(b.Subject.ID); !ok || b.Type != Item {
			r.SubjectTime, _ = uuidTime(b.Subject.ID)
		}
		if !r.SubjectTime.IsZero() && !r.BlockTime.IsZero() && r.SubjectTime.After(r.BlockTime) {
			problem("the subject is younger than the block that holds it")
		}
	}
	// 6. The commitments, one by one.
	for i, c := range b.Commitments {
		j := judge(c, t.Bitcoin)
		r.Commitments = append(r.Commitments, j)
		r.Unbound = append(r.Unbound, unbound(i, j)...)
	}
	return r
}

// unbound lists what nothing covers in a commitment.
func unbound(i int, j Committed) []string {
	name := func(s string) string { return fmt.Sprintf("commitment %d: %s", i, s) }
	if j.Type == StellarCommit {
		return []string{name("network"), name("transaction"), name("ledger"), name("time")}
	}
	var out []string
	if j.Time.IsZero() {
		out = append(out, name("network"), name("height"), name("block"))
	}
	if j.Commitment.Time != "" {
		out = append(out, name("time"))
	}
	return out
}

func judge(c Commitment, known *bitcoin.Known) Committed {
	j := Committed{Commitment: c}
	if c.Type == StellarCommit {
		j.Detail = "nothing in the bundle shows the transaction; it cannot be checked offline"
		return j
	}
	refute := func(detail string) Committed {
		j.Verdict, j.Detail = Refuted, detail
		return j
	}
	tx, err := bitcoin.ParseTransaction(c.RawTx)
	if err != nil {
		return refute("the raw transaction cannot be read")
	}
	if tx.ID.String() != hex.EncodeToString(c.Tx[:]) {
		return refute("the raw transaction has another identifier")
	}
	if !slices.ContainsFunc(tx.OpReturn(), func(d []byte) bool { return bytes.Equal(d, c.Root[:]) }) {
		return refute("no OP_RETURN output is the root")
	}
	p, err := bitcoin.ParseTxOutProof(c.TxOutProof)
	if err != nil {
		return refute("the proof of the transaction in its block does not hold")
	}
	if !slices.Contains(p.Matches, tx.ID) || p.Header.MerkleRoot.String() != hex.EncodeToString(c.BlockMerkleRoot[:]) {
		return refute("the proof is of another transaction or block")
	}
	j.BlockHash = p.Header.Hash.String()
	network, height, ok := known.Find(p.Header.Hash)
	switch {
	case !ok:
		j.Detail = "the block's header is not pinned"
	case chainName(c.Network) != network.String():
		return refute("the pinned block is of another network")
	case c.Height != 0 && uint64(c.Height) != height:
		return refute("the pinned block has another height")
	default:
		j.Verdict, j.Detail = Confirmed, "the root is in a transaction of the pinned block"
		j.Time, j.Height, j.Chain = p.Header.Time, height, network.String()
	}
	return j
}

func chainName(net string) string {
	switch net {
	case "mainnet":
		return bitcoin.Mainnet.String()
	case "testnet":
		return bitcoin.Testnet.String()
	case "regtest":
		return bitcoin.Regtest.String()
	}
	return ""
}

// uuidTime reads the time in a UUID of version 7 (RFC 9562, 5.7).
func uuidTime(s string) (time.Time, bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' || s[14] != '7' {
		return time.Time{}, false
	}
	b, err := hex.DecodeString(s[:8] + s[9:13])
	if err != nil || s != strings.ToLower(s) {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(append([]byte{0, 0}, b...)))).UTC(), true
}

// ulidTime reads the time in a ULID: its first 10 digits in Crockford's base 32.
func ulidTime(s string) (time.Time, bool) {
	if len(s) != 26 || s[0] > '7' {
		return time.Time{}, false
	}
	var ms int64
	for i := range s {
		d := strings.IndexByte("0123456789ABCDEFGHJKMNPQRSTVWXYZ", s[i])
		if d < 0 {
			return time.Time{}, false
		}
		if i < 10 {
			ms = ms<<5 | int64(d)
		}
	}
	return time.UnixMilli(ms).UTC(), true
}
