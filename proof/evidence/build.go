package evidence

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/chancery-dev/chancery/proof/merkle"
)

// Batch is a sealed batch, from which the bundle of each of its documents is made.
type Batch struct {
	SignedHeader
	// Trees are those of Header.Roots, in the same order: all of them or the first.
	Trees []*merkle.Tree
	// Anchors that the batch has so far.
	Anchors []Anchor
	// Material goes into every bundle. Nil: none does.
	Material []Material
}

// Item is a document of a batch.
type Item struct {
	Index   int
	Subject Subject
	Salt    []byte
	Content []byte // the document, to be put inside; nil: it is not
}

// Bundle makes the bundle of one item. It shares memory with the batch. An item that is
// not the one at its index is refused with ErrBuild.
func (b *Batch) Bundle(it Item) (*Bundle, error) {
	if len(b.Trees) < 1 || len(b.Trees) > len(b.Header.Roots) {
		return nil, fmt.Errorf("%w: expected a tree for the header's first root, or for each", ErrBuild)
	}
	out := &Bundle{
		Subject: it.Subject, Salt: it.Salt, Header: b.Header, Signature: b.Signature,
		Anchors: b.Anchors, Material: b.Material, Content: it.Content,
	}
	if it.Content != nil && !it.Subject.matches(it.Content) {
		return nil, fmt.Errorf("%w: the content does not have the subject's digest", ErrBuild)
	}
	for i, t := range b.Trees {
		p, err := treeProof(t, b.Header, i, it)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			out.Tree = p
		} else {
			out.Second = &p
		}
	}
	return out, nil
}

func treeProof(t *merkle.Tree, h Header, i int, it Item) (TreeProof, error) {
	root := t.Root()
	if t.Hash().String() != h.Roots[i].Alg || uint64(t.Size()) != h.Size || !bytes.Equal(root, h.Roots[i].Root) {
		return TreeProof{}, fmt.Errorf("%w: the header speaks of another tree", ErrBuild)
	}
	p, err := t.Inclusion(it.Index)
	if err != nil {
		return TreeProof{}, err
	}
	leaf, err := LeafData(t.Hash(), it.Subject, it.Salt, h.Tenant)
	if err != nil {
		return TreeProof{}, err
	}
	if !bytes.Equal(t.Hash().LeafHash(leaf), t.LeafHashAt(it.Index)) {
		return TreeProof{}, fmt.Errorf("%w: another document is at index %d", ErrBuild, it.Index)
	}
	return TreeProof{Alg: t.Hash().String(), Size: p.Size, Index: p.Index, Path: p.Path, Root: root}, nil
}

// LogRoot returns the root of the log over the digests of earlier batches, in order:
// Header.Log of the batch after them. It is nil for none.
func LogRoot(digests [][32]byte) ([]byte, error) {
	if len(digests) == 0 {
		return nil, nil
	}
	t, err := LogTree(digests)
	if err != nil {
		return nil, err
	}
	return t.Root(), nil
}

// LogTree returns the tree of the log over digests of batches: its inclusion proofs
// are the paths of Checkpoint, its consistency proofs are for VerifyLog.
func LogTree(digests [][32]byte) (*merkle.Tree, error) {
	return merkle.Build(merkle.SHA256, len(digests), func(i int) []byte { return digests[i][:] })
}

// VerifyNext checks that next is the batch after prev: of the same issuer and tenant,
// with the next number, naming prev's digest, and not dated before it. It does not look
// at signatures.
func VerifyNext(prev, next *SignedHeader) error {
	if prev == nil || next == nil {
		return malformed("expected two batches")
	}
	digest, err := prev.Digest()
	switch {
	case err != nil:
		return err
	case prev.Header.Issuer != next.Header.Issuer || !bytes.Equal(prev.Header.Tenant, next.Header.Tenant):
		return malformed("expected batches of the same issuer and tenant")
	case next.Header.Seq != prev.Header.Seq+1:
		return malformed("expected batch %d, found %d", prev.Header.Seq+1, next.Header.Seq)
	case !bytes.Equal(next.Header.Prev, digest[:]):
		return malformed("expected the digest of batch %d, found another", prev.Header.Seq)
	case next.Header.Time.Before(prev.Header.Time):
		return malformed("expected a time that is not before that of batch %d", prev.Header.Seq)
	}
	return nil
}

// VerifyLog checks that the log of a later batch continues that of an earlier one, so
// that no batch was taken out or changed: path is the consistency proof of RFC 9162
// (2.1.4) between the two logs. It does not look at signatures.
func VerifyLog(earlier, later *Header, path []byte) error {
	switch {
	case earlier == nil || later == nil:
		return malformed("expected two batches")
	case earlier.Issuer != later.Issuer || !bytes.Equal(earlier.Tenant, later.Tenant):
		return malformed("expected batches of the same issuer and tenant")
	case earlier.Log == nil || later.Log == nil:
		return malformed("expected batches that have a log")
	}
	return merkle.VerifyConsistency(merkle.SHA256, earlier.Seq, later.Seq, earlier.Log, later.Log, path)
}

// RenewalStatement returns what the token of the next RenewBundle renewal is to be
// over: the CBOR array
//
//	["chancery-renewal", 1, alg, digest, h(bundle)]
//
// where h is alg, digest that of the document under it, and bundle the encoding of the
// bundle so far with every part attached, and without content, ignored members, and
// material that the batch header does not list.
func (b *Bundle) RenewalStatement(alg string, document []byte) (statement, digest []byte, err error) {
	h, ok := renewalHashes[alg]
	if !ok {
		return nil, nil, unsupported("expected SHA-2 or SHA-3 of 256, 384 or 512 bits")
	}
	if !b.Subject.matches(document) {
		return nil, nil, fmt.Errorf("%w: the document does not have the subject's digest", ErrBuild)
	}
	digest = imprintOf(h, document)
	statement, err = b.renewalStatement(alg, digest)
	return statement, digest, err
}

func (b *Bundle) renewalStatement(alg string, digest []byte) ([]byte, error) {
	whole := *b
	whole.Content, whole.Ignored, whole.Material = nil, nil, nil
	for _, p := range whole.parts() {
		if p.Bytes == nil || sha256.Sum256(p.Bytes) != p.SHA256 {
			return nil, fmt.Errorf("%w: expected every part attached", ErrBuild)
		}
	}
	for _, m := range b.Material {
		if !b.Header.listsMaterial(m.SHA256) {
			continue
		}
		if m.Bytes == nil {
			return nil, fmt.Errorf("%w: expected the material that the header lists attached", ErrBuild)
		}
		whole.Material = append(whole.Material, m)
	}
	enc, err := whole.Encode()
	if err != nil {
		return nil, err
	}
	sum := imprintOf(renewalHashes[alg], enc)
	s := appendHead(appendText(appendHead(nil, kindArray, 5), "chancery-renewal"), kindUint, 1)
	return appendBytes(appendBytes(appendText(s, alg), digest), sum), nil
}
