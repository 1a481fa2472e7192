// Package evidence is the evidence bundle: one file that shows, without asking anyone,
// that a document existed at a time, was in a signed batch, and that the batch stands
// in a finalised Ethereum block or under a trusted timestamp.
//
//	b, err := evidence.Parse(file)
//	result, err := b.Verify(evidence.Input{Document: document}, &evidence.Trust{ … })
//
// The second error is nil when the evidence is valid under that trust, and only then.
// Trust is what the caller knew beforehand: keys, chains, sync committees, timestamping
// authorities. Without it nothing is valid, however well a bundle fits itself.
//
// Bundles are deterministic CBOR with a one-to-one JSON view (JSON, FromJSON). The
// format, and the steps by which anyone can check it, are in docs/formats/evidence.md.
// Those who make batches use Header, SignedHeader and Batch.
//
// Caveats. Verify opens no socket and knows no time but Trust.Now. It does not judge
// the document itself, only its digest. Whether a timestamping authority's certificates
// were revoked it sees from what its tokens carry, which whoever hands over a bundle can
// leave out, and from Trust.Revocation. OpenTimestamps proofs are carried, not checked.
package evidence

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof/merkle"
)

// Version is the version of bundles and batch headers that this package reads and
// writes.
const Version = 1

// Bundle is the evidence of one document. Nothing in a parsed bundle is trusted.
type Bundle struct {
	Subject   Subject
	Salt      []byte      // 32 random bytes, for this leaf only
	Tree      TreeProof   // in the tree of Header.Roots[0]
	Second    *TreeProof  // in the tree of Header.Roots[1]; nil: not shown
	Header    Header      // of the batch
	Signature Signature   // over Header
	Anchors   []Anchor    // of the batch
	Renewals  []Renewal   // the oldest first
	Content   []byte      // the document itself; nil: not inside
	Material  []Material  // documents that a verdict on the document may need
	Ignored   []Extension // members that a reader may ignore, whose names begin with "x-"
}

// Subject is the document that the evidence is about, by its digest.
type Subject struct {
	Type      string // one of the Subject… constants
	DigestAlg string // as SumDigest takes it
	Digest    []byte // of the exact bytes of the document
}

// The types of subjects. They are part of the leaf: evidence about a document of one
// type is none about another.
const (
	SubjectCredential   = "credential"   // a W3C credential, embedded proof or JWT
	SubjectPresentation = "presentation" // a W3C presentation
	SubjectBadge        = "badge"        // an image with a credential baked in
	SubjectPDF          = "pdf"
	SubjectStatusList   = "statusList" // a status list credential
	SubjectStamp        = "stamp"      // a bare digest
)

var subjectTypes = []string{SubjectCredential, SubjectPresentation, SubjectBadge, SubjectPDF, SubjectStatusList, SubjectStamp}

// TreeProof is the proof that the leaf is in a tree (RFC 9162, 2.1.3).
type TreeProof struct {
	Alg   string // a merkle.Hash: "sha-256", "sha-512", "sha3-256"
	Size  uint64
	Index uint64
	Path  []byte // digests from the leaf's sibling upwards, one after the other
	Root  []byte
}

// Part is a byte string that a whole batch shares. It is inside the bundle, or lies
// elsewhere and is found by its digest: Attach and Detach turn one into the other.
type Part struct {
	SHA256 [32]byte // of Bytes
	Bytes  []byte   // nil: detached
}

// NewPart returns a part that holds b.
func NewPart(b []byte) Part { return Part{SHA256: sha256.Sum256(b), Bytes: b} }

// Material is a document that helps to judge the subject, such as its issuer's
// controller document at the time.
type Material struct {
	Kind   string   // "controller", "jwks", "statusList", "context", "schema", "badge"
	URL    string   // what the document answers for
	SHA256 [32]byte // of MaterialDigest: kind and URL too
	Bytes  []byte   // nil: detached
}

var materialKinds = []string{"controller", "jwks", "statusList", "context", "schema", "badge"}

// MaterialDigest is the digest that names material, and that Header.Material lists:
// SHA-256 of the CBOR array ["chancery-material", 1, kind, url, bytes].
func MaterialDigest(kind, url string, b []byte) [32]byte {
	e := appendHead(nil, kindArray, 5)
	e = appendHead(appendText(e, "chancery-material"), kindUint, 1)
	return sha256.Sum256(appendBytes(appendText(appendText(e, kind), url), b))
}

// NewMaterial returns material that holds b.
func NewMaterial(kind, url string, b []byte) Material {
	return Material{Kind: kind, URL: url, SHA256: MaterialDigest(kind, url, b), Bytes: b}
}

// Extension is a member that this package does not know and may ignore.
type Extension struct {
	Name  string // begins with "x-"
	Value string
}

// Parse reads a bundle: exactly what Encode writes. Byte strings in the result are
// slices of b, which must not be changed. Errors wrap ErrMalformed, ErrTooLarge or
// ErrUnsupported.
func Parse(b []byte) (*Bundle, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("%w: expected at most %d bytes", ErrTooLarge, MaxBytes)
	}
	if !bytes.HasPrefix(b, selfDescribed) {
		return nil, malformed("expected the tag 55799 of self-described CBOR")
	}
	if bytes.HasPrefix(b, partsPrefix) {
		return nil, malformed("expected a bundle, found a file of detached parts, which are given beside one")
	}
	v, err := parseCBOR(b[len(selfDescribed):])
	if err != nil {
		return nil, err
	}
	out, err := fromValue(&v, false)
	if err != nil {
		return nil, err
	}
	// Whatever the reader overlooked would be a second encoding of the same evidence.
	again, err := out.Encode()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, b) {
		return nil, malformed("expected the one encoding of the bundle")
	}
	return out, nil
}

// FromJSON reads the JSON view of a bundle, in any layout. Errors are as those of
// Parse, or *strictjson.Error.
func FromJSON(b []byte) (*Bundle, error) {
	doc, err := strictjson.Parse(b, strictjson.Limits{Bytes: 2*MaxBytes + 1<<20, Depth: maxDepth + 2, Nodes: maxValues})
	if err != nil {
		return nil, err
	}
	v, err := fromJSON(doc, 0)
	if err != nil {
		return nil, err
	}
	out, err := fromValue(&v, true)
	if err != nil {
		return nil, err
	}
	if _, err := out.Encode(); err != nil {
		return nil, err
	}
	return out, nil
}

func fromValue(v *value, json bool) (*Bundle, error) {
	// The version comes first: nothing is known of other versions' members.
	for i, k := range v.keys {
		if k == "version" && v.list[i].kind == kindUint && v.list[i].n != Version {
			return nil, unsupported("expected version %d, found %d", Version, v.list[i].n)
		}
	}
	out := &Bundle{}
	if err := read(out, v, json); err != nil {
		return nil, err
	}
	return out, nil
}

// Encode returns the one encoding of a bundle: deterministic CBOR (RFC 8949, 4.2.1)
// after the tag 55799.
func (b *Bundle) Encode() ([]byte, error) {
	v, err := write(b)
	if err != nil {
		return nil, err
	}
	out := v.appendCBOR(slices.Grow(bytes.Clone(selfDescribed), b.sizeHint()))
	if len(out) > MaxBytes {
		return nil, ErrTooLarge
	}
	return out, nil
}

// sizeHint is a little more than the encoding of most bundles.
func (b *Bundle) sizeHint() int {
	n := 4096 + len(b.Content)
	for _, p := range b.parts() {
		n += len(p.Bytes)
	}
	return n
}

// JSON returns the JSON view: JCS (RFC 8785), byte strings in lower-case hex. FromJSON
// is its exact inverse.
func (b *Bundle) JSON() ([]byte, error) {
	v, err := write(b)
	if err != nil {
		return nil, err
	}
	return v.appendJSON(nil), nil
}

func (b *Bundle) visit(f *fields) {
	version := uint64(Version)
	f.uint("version", &version)
	if version != Version {
		f.fail("version", "expected %d", Version)
	}
	f.object("subject", &b.Subject)
	f.bytes("salt", &b.Salt, SaltSize, SaltSize, false)
	f.object("tree", &b.Tree)
	if f.has("secondTree", b.Second != nil) {
		if b.Second == nil {
			b.Second = &TreeProof{}
		}
		f.object("secondTree", b.Second)
	}
	f.object("batchHeader", &b.Header)
	f.object("signature", &b.Signature)
	f.list("anchors", len(b.Anchors), MaxAnchors, true, func(n int) { b.Anchors = make([]Anchor, n) },
		func(i int, v *value) {
			f.in("anchors", v, &b.Anchors[i])
			name := b.Anchors[i].names()
			if name != nil && slices.ContainsFunc(b.Anchors[:i], func(a Anchor) bool { n := a.names(); return n != nil && *n == *name }) {
				f.fail("anchors", "expected each anchor once")
			}
		})
	f.list("renewals", len(b.Renewals), MaxRenewal, true, func(n int) { b.Renewals = make([]Renewal, n) },
		func(i int, v *value) { f.in("renewals", v, &b.Renewals[i]) })
	f.bytes("content", &b.Content, 1, MaxContent, true)
	f.list("material", len(b.Material), MaxParts, true, func(n int) { b.Material = make([]Material, n) },
		func(i int, v *value) { f.in("material", v, &b.Material[i]) })
	b.visitIgnored(f)
}

// visitIgnored handles the members that may be ignored. They are texts, so that both
// views hold the same.
func (b *Bundle) visitIgnored(f *fields) {
	if f.write {
		for i := range b.Ignored {
			e := &b.Ignored[i]
			if i > 0 && compareKeys(b.Ignored[i-1].Name, e.Name) >= 0 {
				f.fail(e.Name, "expected extensions once each and in order")
			}
			if !extensionName(e.Name) {
				f.fail("", "expected a name of x- and 1 to 32 small letters, digits and hyphens")
			}
			f.text(e.Name, &e.Value, false)
		}
		return
	}
	for _, name := range f.m.keys {
		if strings.HasPrefix(name, "x-") {
			e := Extension{Name: name}
			f.text(name, &e.Value, false)
			b.Ignored = append(b.Ignored, e)
		}
	}
}

func extensionName(s string) bool {
	name, ok := strings.CutPrefix(s, "x-")
	return ok && len(name) >= 1 && len(name) <= 32 && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
}

func (s *Subject) visit(f *fields) {
	f.text("type", &s.Type, false)
	f.text("digestAlg", &s.DigestAlg, false)
	if *f.err == nil { // before the digest, whose length depends on it
		*f.err = s.known()
	}
	f.bytes("digest", &s.Digest, 1, 64, false)
	if *f.err == nil {
		*f.err = s.check()
	}
}

// known tells whether type and algorithm are ones that are known.
func (s *Subject) known() error {
	switch _, ok := digestSizes[s.DigestAlg]; {
	case !slices.Contains(subjectTypes, s.Type):
		return unsupported("subject.type: expected one of %s", strings.Join(subjectTypes, ", "))
	case !ok:
		return unsupported("subject.digestAlg: expected one of %s", strings.Join(DigestAlgs(), ", "))
	}
	return nil
}

// check tells whether the digest has its algorithm's length, too.
func (s *Subject) check() error {
	if err := s.known(); err != nil {
		return err
	}
	if size := digestSizes[s.DigestAlg]; len(s.Digest) != size {
		return malformed("subject.digest: expected %d bytes, found %d", size, len(s.Digest))
	}
	return nil
}

func (t *TreeProof) visit(f *fields) {
	f.text("alg", &t.Alg, false)
	f.uint("size", &t.Size)
	f.uint("index", &t.Index)
	h, err := merkle.ParseHash(t.Alg)
	if err != nil {
		if *f.err == nil {
			*f.err = unsupported("%salg: expected sha-256, sha-512 or sha3-256", f.where)
		}
		return
	}
	size := h.Size()
	if t.Size < 1 || t.Size > merkle.MaxSize || t.Index >= t.Size {
		f.fail("index", "expected less than the size, which is at least 1")
	}
	if f.write && len(t.Path)%size != 0 {
		f.fail("path", "expected digests of %d bytes", size)
	}
	f.list("path", len(t.Path)/size, MaxPath, false, func(n int) { t.Path = make([]byte, 0, n*size) }, func(i int, v *value) {
		if f.write {
			one := t.Path[i*size : (i+1)*size]
			f.raw("path", v, &one, size, size)
			return
		}
		var one []byte
		f.raw("path", v, &one, size, size)
		t.Path = append(t.Path, one...)
	})
	f.bytes("root", &t.Root, size, size, false)
}

func (p *Part) visit(f *fields) {
	f.hash("sha256", &p.SHA256)
	f.bytes("bytes", &p.Bytes, 1, maxPart, true)
}

func (m *Material) visit(f *fields) {
	f.text("kind", &m.Kind, false)
	f.text("url", &m.URL, false)
	f.hash("sha256", &m.SHA256)
	f.bytes("bytes", &m.Bytes, 1, MaxContent, true)
	if *f.err == nil && !slices.Contains(materialKinds, m.Kind) {
		*f.err = unsupported("material.kind: expected one of %s", strings.Join(materialKinds, ", "))
	}
}
