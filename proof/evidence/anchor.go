package evidence

import "crypto"

// Anchor ties the digest of a batch to something outside: one of the types below.
type Anchor struct {
	Type       string // one of the Anchor… constants
	Eth        *Eth
	Timestamp  *Timestamp
	OTS        *OTS
	Checkpoint *Checkpoint
}

// The types of anchors.
const (
	AnchorEth        = "eth"
	AnchorTimestamp  = "rfc3161"
	AnchorOTS        = "ots"
	AnchorCheckpoint = "checkpoint"
)

// Eth is a transaction whose calldata is the digest of the batch.
type Eth struct {
	ChainID     uint64
	GenesisHash [32]byte
	// Tx shows the transaction in its block: the encoding of a TxProof.
	Tx Part
	// Link leads from that block to the final one: the encoding of a Link. Nil: the block
	// itself is the final one.
	Link *Part
	// Pack is a beacon.Pack about the final block. Nil: the final block must be one that
	// the verifier knows.
	Pack *Part
}

// Timestamp is an RFC 3161 token over the statement of the batch.
type Timestamp struct{ Token Part }

// OTS is an OpenTimestamps file over the digest of the batch (SHA-256). It is carried
// along for tools that check it, and proves nothing here.
type OTS struct{ Proof Part }

// Checkpoint is a later batch header whose log holds this batch.
type Checkpoint struct {
	Header SignedHeader
	Path   []byte // inclusion of this batch's digest, as leaf data, at index Seq of a tree of Header.Seq leaves
}

// TxProof shows that a transaction is in a block.
type TxProof struct {
	Index  uint64   // of the transaction in the block
	Nodes  [][]byte // trie nodes from the transactions root to the transaction
	Header []byte   // RLP of the block's header
}

// Link leads from a block to a final one. Exactly one member is set.
type Link struct {
	// Headers are the RLP of the following blocks, the last of which is final.
	Headers [][]byte
	// History reads the block's hash from the state of a final block.
	History *History
}

// History is a proof from the history contract (EIP-2935).
type History struct {
	Header       []byte // RLP of the final block's header
	AccountProof [][]byte
	StorageProof [][]byte
}

// Renewal is a timestamp that keeps older evidence alive (RFC 4998).
type Renewal struct {
	Type  string // RenewTimestamp or RenewBundle
	Token Part
	// Anchor is which of the bundle's anchors the token of a first RenewTimestamp
	// renews; zero and without meaning otherwise.
	Anchor uint64
	// Alg and Digest are set for RenewBundle: one of "sha-256", "sha-384", "sha-512",
	// "sha3-256", "sha3-384" and "sha3-512", and the digest of the document under it.
	Alg    string
	Digest []byte
}

// renewalHashes are the hashes of imprints in timestamps.
var renewalHashes = map[string]crypto.Hash{
	"sha-256": crypto.SHA256, "sha-384": crypto.SHA384, "sha-512": crypto.SHA512,
	"sha3-256": crypto.SHA3_256, "sha3-384": crypto.SHA3_384, "sha3-512": crypto.SHA3_512,
}

// The types of renewals.
const (
	// RenewTimestamp: the token is over the one before, before that one's authority or
	// algorithm ends (RFC 4998, 5.2, time-stamp renewal).
	RenewTimestamp = "timestamp"
	// RenewBundle: the token is over the document and all evidence so far, with a hash
	// that is still good (RFC 4998, 5.2, hash-tree renewal).
	RenewBundle = "bundle"
)

func (a *Anchor) visit(f *fields) {
	f.text("type", &a.Type, false)
	if f.write && !a.single() {
		f.fail("type", "expected exactly the anchor that the type names")
		return
	}
	switch a.Type {
	case AnchorEth:
		if a.Eth == nil {
			a.Eth = &Eth{}
		}
		a.Eth.visit(f)
	case AnchorTimestamp:
		if a.Timestamp == nil {
			a.Timestamp = &Timestamp{}
		}
		f.object("token", &a.Timestamp.Token)
	case AnchorOTS:
		if a.OTS == nil {
			a.OTS = &OTS{}
		}
		f.object("proof", &a.OTS.Proof)
	case AnchorCheckpoint:
		if a.Checkpoint == nil {
			a.Checkpoint = &Checkpoint{}
		}
		a.Checkpoint.visit(f)
	default:
		if *f.err == nil {
			*f.err = unsupported("anchors: expected a type that is known")
		}
	}
}

// names returns the digest of the part that tells one anchor from another, nil for a
// checkpoint.
func (a *Anchor) names() *[32]byte {
	switch {
	case a.Eth != nil:
		return &a.Eth.Tx.SHA256
	case a.Timestamp != nil:
		return &a.Timestamp.Token.SHA256
	case a.OTS != nil:
		return &a.OTS.Proof.SHA256
	}
	return nil
}

// single tells whether the anchor is the one that its type names.
func (a *Anchor) single() bool {
	return (a.Eth != nil) == (a.Type == AnchorEth) && (a.Timestamp != nil) == (a.Type == AnchorTimestamp) &&
		(a.OTS != nil) == (a.Type == AnchorOTS) && (a.Checkpoint != nil) == (a.Type == AnchorCheckpoint)
}

func (e *Eth) visit(f *fields) {
	f.uint("chainId", &e.ChainID)
	f.hash("genesisHash", &e.GenesisHash)
	f.object("tx", &e.Tx)
	if f.has("link", e.Link != nil) {
		if e.Link == nil {
			e.Link = &Part{}
		}
		f.object("link", e.Link)
	}
	if f.has("pack", e.Pack != nil) {
		if e.Pack == nil {
			e.Pack = &Part{}
		}
		f.object("pack", e.Pack)
	}
}

func (c *Checkpoint) visit(f *fields) {
	c.Header.visit(f)
	const size = 32
	if f.write && len(c.Path)%size != 0 {
		f.fail("path", "expected digests of %d bytes", size)
	}
	f.list("path", len(c.Path)/size, MaxPath, false, func(n int) { c.Path = make([]byte, 0, n*size) }, func(i int, v *value) {
		var one []byte
		if f.write {
			one = c.Path[i*size : (i+1)*size]
		}
		f.raw("path", v, &one, size, size)
		if !f.write {
			c.Path = append(c.Path, one...)
		}
	})
}

func (p *TxProof) visit(f *fields) {
	f.uint("index", &p.Index)
	f.byteStrings("nodes", &p.Nodes, maxTrieNodes, 1, maxTrieNode, false)
	f.bytes("header", &p.Header, 1, maxEthHeader, false)
}

func (l *Link) visit(f *fields) {
	f.byteStrings("headers", &l.Headers, MaxHeaders, 1, maxEthHeader, true)
	if f.has("history", l.History != nil) {
		if l.History == nil {
			l.History = &History{}
		}
		f.object("history", l.History)
	}
	if (len(l.Headers) > 0) == (l.History != nil) {
		f.fail("link", "expected either headers or history")
	}
}

func (h *History) visit(f *fields) {
	f.bytes("header", &h.Header, 1, maxEthHeader, false)
	f.byteStrings("accountProof", &h.AccountProof, maxTrieNodes, 1, maxTrieNode, false)
	f.byteStrings("storageProof", &h.StorageProof, maxTrieNodes, 1, maxTrieNode, false)
}

// Encode returns the deterministic CBOR of the proof: the bytes of Eth.Tx.
func (p *TxProof) Encode() ([]byte, error) { return encodePart(p) }

// ParseTxProof reads exactly what Encode writes. Byte strings in the result are slices of
// b. Errors are as those of Parse.
func ParseTxProof(b []byte) (*TxProof, error) {
	p := &TxProof{}
	if err := parsePart(p, b); err != nil {
		return nil, err
	}
	return p, nil
}

// Encode returns the deterministic CBOR of the link: the bytes of Eth.Link.
func (l *Link) Encode() ([]byte, error) { return encodePart(l) }

// ParseLink reads exactly what Encode writes. Byte strings in the result are slices of b.
// Errors are as those of Parse.
func ParseLink(b []byte) (*Link, error) {
	l := &Link{}
	if err := parsePart(l, b); err != nil {
		return nil, err
	}
	return l, nil
}

func (r *Renewal) visit(f *fields) {
	f.text("type", &r.Type, false)
	f.object("token", &r.Token)
	switch r.Type {
	case RenewTimestamp:
		f.uint("anchor", &r.Anchor)
	case RenewBundle:
		f.text("alg", &r.Alg, false)
		h, ok := renewalHashes[r.Alg]
		if !ok && *f.err == nil { // before the digest, whose length depends on it
			*f.err = unsupported("renewals.alg: expected SHA-2 or SHA-3 of 256, 384 or 512 bits")
		}
		f.bytes("digest", &r.Digest, 32, 64, false)
		if ok && len(r.Digest) != h.Size() {
			f.fail("digest", "expected %d bytes", h.Size())
		}
	default:
		if *f.err == nil {
			*f.err = unsupported("renewals: expected a type that is known")
		}
	}
}
