package proof

import (
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Newest is the Resolver of the newest versions in a set of contexts; a nil set means
// the embedded ones.
func Newest(set *ldcontext.Set) Resolver {
	if set == nil {
		set = ldcontext.Default()
	}
	return func(url string) *ldcontext.Version {
		if v := set.Versions(url); len(v) > 0 {
			return v[0]
		}
		return nil
	}
}

// Hashed is what a suite made of document and proof configuration: what is signed,
// and each step towards it.
type Hashed struct {
	HashFunc    crypto.Hash          // SHA-256 or SHA-384
	Document    []byte               // digest of the canonical document
	ProofConfig []byte               // digest of the canonical proof configuration
	Data        []byte               // ProofConfig followed by Document: what is signed; of ecdsa-sd-2023 see there
	Contexts    []*ldcontext.Version // the contexts that gave the document its meaning; RDFC suites only
	Inline      bool                 // the document carries contexts of its own as well; RDFC suites only

	form Canonicalization
	in   Input
	sd   *sdStatements // ecdsa-sd-2023 only
}

// Canonical is a canonical form: the text that is hashed and, for RDFC suites, what
// selective disclosure needs: its lines and the identifier map.
type Canonical struct {
	Text []byte
	RDF  *rdfc.Canonical // nil for JCS suites
	Data *rdfc.Dataset   // what RDF was made from; nil for JCS suites
}

// CanonicalDocument makes the canonical form of the document once more, since Hash
// keeps only its digest.
func (h *Hashed) CanonicalDocument() (Canonical, error) {
	if h.form == JCS {
		b, err := jcsDocument(&h.in)
		return Canonical{Text: b}, err
	}
	set := rdfc.NewDataset(128)
	if _, err := quadsOfDocument(&h.in, set); err != nil {
		return Canonical{}, err
	}
	return h.canonical(set)
}

// CanonicalProof makes the canonical form of the proof configuration once more.
func (h *Hashed) CanonicalProof() (Canonical, error) {
	if h.form == JCS {
		b, err := jcsProof(&h.in)
		return Canonical{Text: b}, err
	}
	set := rdfc.NewDataset(16)
	if err := quadsOfProof(&h.in, set); err != nil {
		return Canonical{}, err
	}
	return h.canonical(set)
}

func (h *Hashed) canonical(set *rdfc.Dataset) (Canonical, error) {
	work := h.in.Work
	work.Hash = h.HashFunc
	c, err := rdfc.Canonicalize(set, work)
	if err != nil {
		return Canonical{}, fmt.Errorf("proof: %w", err)
	}
	return Canonical{Text: c.NQuads, RDF: c, Data: set}, nil
}

// prepare checks the input and resolves its zero values.
func (in *Input) prepare() error {
	if in.Contexts == nil {
		in.Contexts = Newest(nil)
	}
	if in.Doc.Kind(in.Root) != strictjson.Object {
		return &Error{Err: ErrShape, Pointer: in.Doc.Pointer(in.Root), Detail: "expected a document object, found " + in.Doc.Kind(in.Root).String()}
	}
	if len(in.Previous) != len(in.Proof.PreviousProof) {
		return previousError(in.Proof, fmt.Sprintf("expected %d previous proofs to be given, found %d", len(in.Proof.PreviousProof), len(in.Previous)))
	}
	return nil
}

// withPrevious returns the document as it was when the proof was made upon others:
// its proof member is the list of those.
func (in *Input) withPrevious() (*strictjson.Doc, strictjson.Node, error) {
	list := []byte{'['}
	for i, p := range in.Previous {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, p.Doc.Raw(p.Node)...)
	}
	list = append(list, ']')
	text := in.Doc.Rewrite(in.Root, []strictjson.Member{{Name: "proof", Value: string(list)}})
	doc, err := strictjson.Parse(text, strictjson.Limits{})
	if err != nil {
		return nil, 0, fmt.Errorf("proof: document with its previous proofs: %w", err)
	}
	return doc, 0, nil
}

var (
	dropProof      = []string{"proof"}
	dropProofValue = []string{"proofValue"}
)

func contextError(in *Input, own strictjson.Node) *Error {
	return &Error{Err: ErrContext, Pointer: in.Proof.Doc.Pointer(own), Detail: "expected the document's @context or none", Section: "EdDSA Cryptosuites 3.3.2"}
}

// equalContext compares two @context values by their canonical text, a single value
// being a list of one. With prefix the second may go on after the first.
func equalContext(da *strictjson.Doc, a strictjson.Node, db *strictjson.Doc, b strictjson.Node, prefix bool) bool {
	if a == strictjson.None || b == strictjson.None {
		return false
	}
	if da.Raw(a) == db.Raw(b) {
		return true
	}
	var la, lb []strictjson.Node
	da.Each(a, func(n strictjson.Node) bool { la = append(la, n); return true })
	db.Each(b, func(n strictjson.Node) bool { lb = append(lb, n); return true })
	if len(la) > len(lb) || len(la) < len(lb) && !prefix {
		return false
	}
	for i := range la {
		ca, errA := da.CanonicalizeNode(la[i])
		cb, errB := db.CanonicalizeNode(lb[i])
		if errA != nil || errB != nil || string(ca) != string(cb) {
			return false
		}
	}
	return true
}

// hashJCS is transformation, proof configuration and hashing of the JCS suites
// (EdDSA Cryptosuites 3.3.2 to 3.3.5, ECDSA Cryptosuites 3.3.2 to 3.3.5).
func hashJCS(in Input, alg crypto.Hash) (Hashed, error) {
	if err := in.prepare(); err != nil {
		return Hashed{}, err
	}
	config, err := jcsProof(&in)
	if err != nil {
		return Hashed{}, err
	}
	size := alg.Size()
	data := appendSum(make([]byte, 0, 2*size), alg, config)
	doc, err := jcsDocument(&in)
	if err != nil {
		return Hashed{}, err
	}
	data = appendSum(data, alg, doc)
	return Hashed{HashFunc: alg, ProofConfig: data[:size:size], Document: data[size:], Data: data, form: JCS, in: in}, nil
}

func appendSum(dst []byte, alg crypto.Hash, b []byte) []byte {
	if alg == crypto.SHA384 {
		s := sha512.Sum384(b)
		return append(dst, s[:]...)
	}
	s := sha256.Sum256(b)
	return append(dst, s[:]...)
}

// jcsProof is the canonical text of the proof without its value.
func jcsProof(in *Input) ([]byte, error) {
	return canonicalText(in.Proof.Doc.Rewrite(in.Proof.Node, nil, dropProofValue...))
}

// jcsDocument is the canonical text of the document without its proofs, or with the
// previous ones.
func jcsDocument(in *Input) ([]byte, error) {
	own := in.Proof.Doc.Get(in.Proof.Node, "@context")
	context := in.Doc.Get(in.Root, "@context")
	var set []strictjson.Member
	if own != strictjson.None {
		// EdDSA Cryptosuites 3.3.2, step 4: the document's contexts begin with the
		// proof's, and those are what was signed.
		if !equalContext(in.Proof.Doc, own, in.Doc, context, in.InsecureContextSuffix) {
			return nil, contextError(in, own)
		}
		set = append(set, strictjson.Member{Name: "@context", Value: in.Proof.Doc.Raw(own)})
	}
	if len(in.Previous) > 0 {
		doc, root, err := in.withPrevious()
		if err != nil {
			return nil, err
		}
		return canonicalText(doc.Rewrite(root, set))
	}
	return canonicalText(in.Doc.Rewrite(in.Root, set, dropProof...))
}

func canonicalText(b []byte) ([]byte, error) {
	b, err := strictjson.Canonicalize(b)
	if err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	return b, nil
}
