package proof

import (
	"crypto"
	"fmt"
	"sync"

	"github.com/chancery-dev/chancery/internal/jsonld"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// JSONLDError says what in a document or context JSON-LD refuses, in safe mode, and where:
// a member that no context defines, a context that is not known. errors.As finds it.
type JSONLDError = jsonld.Error

// Resolver answers which known version of a context a URL names, and nil for none.
type Resolver = jsonld.Resolver

// quadsOfDocument converts the document without its proofs, or with the previous ones.
func quadsOfDocument(in *Input, to *rdfc.Dataset) (jsonld.Result, error) {
	doc, root, drop := in.Doc, in.Root, dropProof
	if len(in.Previous) > 0 {
		var err error
		if doc, root, err = in.withPrevious(); err != nil {
			return jsonld.Result{}, err
		}
		drop = nil
	}
	return jsonld.ToQuads(doc, root, jsonld.Options{Contexts: in.Contexts, DropRoot: drop, ByName: true}, to)
}

// quadsOfProof converts the proof configuration: the proof without its value, under
// the context of the document.
func quadsOfProof(in *Input, to *rdfc.Dataset) error {
	context := in.Doc.Get(in.Root, "@context")
	if own := in.Proof.Doc.Get(in.Proof.Node, "@context"); own != strictjson.None {
		// The suites replace it by that of the document (EdDSA Cryptosuites 3.2.5), so
		// that it would not be signed: it may only repeat that one.
		if !equalContext(in.Proof.Doc, own, in.Doc, context, false) {
			return contextError(in, own)
		}
	}
	doc, root, node := in.Doc, in.Root, in.Proof.Node
	if in.Proof.Doc != in.Doc {
		// A configuration that is still to be signed has a text of its own.
		text := []byte(`{"proof":` + in.Proof.Doc.Raw(node))
		if context != strictjson.None {
			text = append(append(text, `,"@context":`...), in.Doc.Raw(context)...)
		}
		var err error
		if doc, err = strictjson.Parse(append(text, '}'), strictjson.Limits{}); err != nil {
			return fmt.Errorf("proof: configuration: %w", err)
		}
		root, node = 0, doc.Get(0, "proof")
	}
	return jsonld.ProofToQuads(doc, root, node, jsonld.Options{Contexts: in.Contexts, DropRoot: dropOfProof, ByName: true}, to)
}

// dropOfProof: the context was compared above and is the document's.
var dropOfProof = []string{"proofValue", "@context"}

var datasets = sync.Pool{New: func() any { return rdfc.NewDataset(128) }}

// hashRDFC is transformation, proof configuration and hashing of the RDFC suites
// (EdDSA Cryptosuites 3.2.3 to 3.2.5, ECDSA Cryptosuites 3.2.3 to 3.2.5).
func hashRDFC(in Input, alg crypto.Hash) (Hashed, error) {
	if err := in.prepare(); err != nil {
		return Hashed{}, err
	}
	set := datasets.Get().(*rdfc.Dataset)
	defer func() {
		set.Reset()
		datasets.Put(set)
	}()
	work := in.Work
	work.Hash = alg
	if err := quadsOfProof(&in, set); err != nil {
		return Hashed{}, err
	}
	size := alg.Size()
	data, err := rdfc.Digest(make([]byte, 0, 2*size), set, work)
	if err != nil {
		return Hashed{}, fmt.Errorf("proof: proof configuration: %w", err)
	}
	set.Reset()
	res, err := quadsOfDocument(&in, set)
	if err != nil {
		return Hashed{}, err
	}
	if data, err = rdfc.Digest(data, set, work); err != nil {
		return Hashed{}, fmt.Errorf("proof: document: %w", err)
	}
	return Hashed{
		HashFunc: alg, ProofConfig: data[:size:size], Document: data[size:], Data: data,
		Contexts: res.Contexts, Inline: res.Inline, form: RDFC, in: in,
	}, nil
}
