package blockcerts

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/chancery-dev/chancery/internal/jsonld"
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// The types of proof and suite.
const (
	Type2017      = "MerkleProof2017"
	Type2019      = "MerkleProof2019"
	TypeChained   = "ChainedProof2021"
	TypeIntegrity = "DataIntegrityProof"
	suite2019     = "merkle-proof-2019"
)

// Certificate is a parsed Blockcert. Nothing in it is trusted.
type Certificate struct {
	Version int // 2 or 3
	Issuer  string
	Proofs  []Proof // all of them, in order; those of other kinds have no Receipt

	doc *strictjson.Doc
}

// Proof is one proof of a certificate. Method, Created and Purpose are covered by
// nothing.
type Proof struct {
	Type    string
	Method  string // verificationMethod; of version 2 the creator
	Created string
	Purpose string
	Receipt *Receipt // nil where the proof is no Merkle proof

	previous string // the JSON text of previousProof
	raw      string
}

// Document returns the text as it was parsed.
func (c *Certificate) Document() *strictjson.Doc { return c.doc }

// Is tells whether a document carries a proof that Parse reads.
func Is(doc *strictjson.Doc) bool {
	if hasType(doc, doc.Get(0, "signature"), Type2017) {
		return true
	}
	found := false
	doc.Each(doc.Get(0, "proof"), func(n strictjson.Node) bool {
		found = isMerkle(doc, n)
		return !found
	})
	return found
}

func isMerkle(doc *strictjson.Doc, n strictjson.Node) bool {
	switch {
	case hasType(doc, n, Type2019):
		return true
	case hasType(doc, n, TypeChained):
		return doc.String(doc.Get(n, "chainedProofType")) == Type2019
	}
	return hasType(doc, n, TypeIntegrity) && doc.String(doc.Get(n, "cryptosuite")) == suite2019
}

func hasType(doc *strictjson.Doc, n strictjson.Node, want string) bool {
	found := false
	doc.Each(doc.Get(n, "type"), func(t strictjson.Node) bool {
		found = doc.String(t) == want
		return !found
	})
	return found
}

// Parse reads a certificate. Errors wrap ErrMalformed, ErrUnsupported or ErrNoProof, or
// are *strictjson.Error.
func Parse(b []byte) (*Certificate, error) {
	doc, err := strictjson.Parse(b, strictjson.Limits{})
	if err != nil {
		return nil, err
	}
	return FromDoc(doc)
}

// FromDoc is Parse of a document that is parsed already.
func FromDoc(doc *strictjson.Doc) (*Certificate, error) {
	switch {
	case doc.Kind(0) != strictjson.Object:
		return nil, fmt.Errorf("%w: expected an object", ErrMalformed)
	case !Is(doc):
		return nil, ErrNoProof
	case hasType(doc, doc.Get(0, "signature"), Type2017):
		return version2(doc)
	}
	c := &Certificate{Version: 3, doc: doc, Issuer: doc.String(doc.Get(0, "issuer"))}
	if c.Issuer == "" {
		c.Issuer = doc.String(doc.Path(0, "issuer", "id"))
	}
	var err error
	doc.Each(doc.Get(0, "proof"), func(n strictjson.Node) bool {
		p := Proof{
			Type: firstString(doc, doc.Get(n, "type")), Method: doc.String(doc.Get(n, "verificationMethod")),
			Created: doc.String(doc.Get(n, "created")), Purpose: doc.String(doc.Get(n, "proofPurpose")),
			raw: doc.Raw(n), previous: doc.Raw(doc.Get(n, "previousProof")),
		}
		if isMerkle(doc, n) {
			p.Receipt, err = DecodeProofValue(doc.String(doc.Get(n, "proofValue")))
		}
		if c.Proofs = append(c.Proofs, p); len(c.Proofs) > limits.Proofs {
			err = fmt.Errorf("%w: expected at most %d proofs", ErrMalformed, limits.Proofs)
		}
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func firstString(doc *strictjson.Doc, n strictjson.Node) (s string) {
	doc.Each(n, func(e strictjson.Node) bool {
		s = doc.String(e)
		return false
	})
	return s
}

// version2 reads the signature of a Blockcerts 2 assertion.
func version2(doc *strictjson.Doc) (*Certificate, error) {
	c := &Certificate{Version: 2, doc: doc, Issuer: doc.String(doc.Path(0, "badge", "issuer", "id"))}
	n := doc.Get(0, "signature")
	r := &Receipt{Encoding: JSON}
	bad := func(detail string) (*Certificate, error) { return nil, fmt.Errorf("%w: %s", ErrMalformed, detail) }
	var okRoot, okTarget bool
	r.MerkleRoot, okRoot = digestOf(doc.String(doc.Get(n, "merkleRoot")))
	r.TargetHash, okTarget = digestOf(doc.String(doc.Get(n, "targetHash")))
	if !okRoot || !okTarget {
		return bad("expected merkleRoot and targetHash as 64 hex digits")
	}
	path := doc.Get(n, "proof")
	if doc.Kind(path) != strictjson.Array || doc.Len(path) > MaxPath {
		return bad("expected a list of at most 64 steps as proof")
	}
	for s := doc.First(path); s != strictjson.None; s = doc.Next(s) {
		left, right := doc.Get(s, "left"), doc.Get(s, "right")
		if (left == strictjson.None) == (right == strictjson.None) || doc.Len(s) != 1 {
			return bad("expected steps with either left or right")
		}
		sibling, ok := digestOf(doc.String(max(left, right)))
		if !ok {
			return bad("expected siblings of 64 hex digits")
		}
		r.Path = append(r.Path, Step{Left: right == strictjson.None, Sibling: sibling})
	}
	anchors := doc.Get(n, "anchors")
	if doc.Kind(anchors) != strictjson.Array || doc.Len(anchors) == 0 || doc.Len(anchors) > MaxAnchors {
		return bad("expected 1 to 16 anchors")
	}
	for a := doc.First(anchors); a != strictjson.None; a = doc.Next(a) {
		anchor, err := anchor2017(doc, a)
		if err != nil {
			return nil, err
		}
		r.Anchors = append(r.Anchors, anchor)
	}
	c.Proofs = []Proof{{Type: Type2017, Method: doc.String(doc.Path(0, "verification", "creator")), Receipt: r, raw: doc.Raw(n)}}
	if c.Proofs[0].Method == "" {
		c.Proofs[0].Method = doc.String(doc.Path(0, "verification", "publicKey"))
	}
	return c, nil
}

// chains2017 are the names of chains in version 2.
var chains2017 = map[string][2]string{
	"bitcoinMainnet": {"btc", "mainnet"}, "bitcoinTestnet": {"btc", "testnet"}, "bitcoinRegtest": {"btc", "regtest"},
	"ethereumMainnet": {"eth", "mainnet"}, "ethereumRopsten": {"eth", "ropsten"}, "ethereumRinkeby": {"eth", "rinkeby"},
	"ethereumGoerli": {"eth", "goerli"}, "ethereumSepolia": {"eth", "sepolia"},
	"mockchain": {"mocknet", "mocknet"}, "mocknet": {"mocknet", "mocknet"},
}

func anchor2017(doc *strictjson.Doc, n strictjson.Node) (a Anchor, err error) {
	id, prefixed := strings.CutPrefix(doc.String(doc.Get(n, "sourceId")), "0x")
	name, typ := doc.String(doc.Get(n, "chain")), doc.String(doc.Get(n, "type"))
	switch place, ok := chains2017[name]; {
	case ok:
		a.Chain, a.Network = place[0], place[1]
	case name != "":
		return a, fmt.Errorf("%w: an anchor on a chain that is not known", ErrUnsupported)
	case typ == "BTCOpReturn":
		a.Chain = "btc"
	case typ == "ETHData":
		a.Chain = "eth"
	default:
		return a, fmt.Errorf("%w: an anchor of a type that is not known", ErrUnsupported)
	}
	a.prefixed = prefixed
	var ok bool
	if a.TxID, ok = digestOf(id); !ok && a.Chain != "mocknet" {
		return a, fmt.Errorf("%w: expected a transaction of 64 hex digits as sourceId", ErrMalformed)
	}
	return a, nil
}

// Digest computes what the targetHash of proof i must be: SHA-256 of the canonical
// RDF of the certificate without that proof and those after it. Where the certificate
// has a list of proofs, the earlier ones are part of it. Errors are those of packages
// jsonld and rdfc.
func (c *Certificate) Digest(i int, contexts jsonld.Resolver) ([32]byte, error) {
	if c.doc == nil || i < 0 || i >= len(c.Proofs) {
		return [32]byte{}, ErrNoProof
	}
	doc, drop := c.doc, "proof"
	if c.Version == 2 {
		drop = "signature"
	}
	if list := doc.Get(0, "proof"); c.Version == 3 && doc.Kind(list) == strictjson.Array && i > 0 {
		var earlier []string
		for _, p := range c.Proofs[:i] {
			earlier = append(earlier, p.raw)
		}
		without := strictjson.Member{Name: "proof", Value: "[" + strings.Join(earlier, ",") + "]"}
		rewritten, err := strictjson.Parse(doc.Rewrite(0, []strictjson.Member{without}), strictjson.Limits{})
		if err != nil {
			return [32]byte{}, err
		}
		doc, drop = rewritten, ""
	}
	opt := jsonld.Options{Contexts: contexts, ByName: true} // what is anchored is shown by its names
	if drop != "" {
		opt.DropRoot = []string{drop}
	}
	quads := rdfc.NewDataset(64)
	if _, err := jsonld.ToQuads(doc, 0, opt, quads); err != nil {
		return [32]byte{}, err
	}
	sum, err := rdfc.Digest(make([]byte, 0, sha256.Size), quads, rdfc.Options{})
	if err != nil {
		return [32]byte{}, err
	}
	return [32]byte(sum), nil
}

// ChainHolds tells whether the previousProof of a ChainedProof2021 is the proof right
// before it, and true for proofs of other types. There is no proof i: false.
func (c *Certificate) ChainHolds(i int) bool {
	if i < 0 || i >= len(c.Proofs) {
		return false
	}
	p := c.Proofs[i]
	if p.Type != TypeChained {
		return true
	}
	if i == 0 || p.previous == "" {
		return false
	}
	return canonical(p.previous) != "" && canonical(p.previous) == canonical(c.Proofs[i-1].raw)
}

func canonical(text string) string {
	b, err := strictjson.Canonicalize([]byte(text))
	if err != nil {
		return ""
	}
	return string(b)
}
