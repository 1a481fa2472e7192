package evidence

import (
	"crypto"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/proof/merkle"
)

// Header is what an institution says about one batch of documents, and signs.
type Header struct {
	Issuer  string // who signs: a DID or https URL
	Tenant  []byte // TenantSize bytes: a blinded name of whose batch it is; nil: the issuer's own
	Seq     uint64 // place in the issuer's (and tenant's) sequence of batches, from 0
	Size    uint64 // number of documents
	Roots   []Root // of the tree over them; a second one with another hash is allowed
	Time    time.Time
	Prev    []byte   // SignedHeader.Digest of batch Seq-1; nil in batch 0
	Log     []byte   // root of the RFC 9162 tree, SHA-256, whose leaf i is the digest of batch i, for all i < Seq; nil: none is kept
	Promise []string // anchors that the issuer promises: "eip155:<chain id>" or "rfc3161"; in order
	// Material lists the MaterialDigest of documents the issuer stands by, in order.
	Material [][]byte
}

// Root is the root of a tree.
type Root struct {
	Alg  string // a merkle.Hash
	Root []byte
}

// Promise values. Promises about a chain name it as CAIP-2 does.
const (
	PromiseTimestamp = "rfc3161"
	promiseChain     = "eip155:"
)

// PromiseChain is the promise of an anchor on an EVM chain.
func PromiseChain(chainID uint64) string { return fmt.Sprintf("%s%d", promiseChain, chainID) }

// timeLayout is the one form of times: UTC, whole seconds.
const timeLayout = "2006-01-02T15:04:05Z"

func (r *Root) visit(f *fields) {
	f.text("alg", &r.Alg, false)
	h, err := merkle.ParseHash(r.Alg)
	if err != nil {
		if *f.err == nil {
			*f.err = unsupported("%salg: expected sha-256, sha-512 or sha3-256", f.where)
		}
		return
	}
	f.bytes("root", &r.Root, h.Size(), h.Size(), false)
}

func (h *Header) visit(f *fields) {
	version := uint64(Version)
	f.uint("version", &version)
	if version != Version && *f.err == nil {
		*f.err = unsupported("%sversion: expected %d", f.where, Version)
	}
	f.text("issuer", &h.Issuer, false)
	f.bytes("tenant", &h.Tenant, TenantSize, TenantSize, true)
	f.uint("seq", &h.Seq)
	f.uint("size", &h.Size)
	f.list("roots", len(h.Roots), 2, false, func(n int) { h.Roots = make([]Root, n) }, func(i int, v *value) { f.in("roots", v, &h.Roots[i]) })
	text := h.Time.UTC().Format(timeLayout)
	f.text("time", &text, false)
	if !f.write {
		t, err := time.Parse(timeLayout, text)
		if err != nil {
			f.fail("time", "expected a time as in %s", timeLayout)
		}
		h.Time = t
	}
	f.bytes("prev", &h.Prev, 32, 32, true)
	f.bytes("log", &h.Log, 32, 32, true)
	f.texts("promise", &h.Promise, MaxAnchors)
	f.byteStrings("material", &h.Material, MaxParts, 32, 32, true)
	h.check(f)
}

// check holds what goes beyond the form of single members.
func (h *Header) check(f *fields) {
	switch {
	case *f.err != nil:
	case h.Size < 1 || h.Size > merkle.MaxSize:
		f.fail("size", "expected 1 to 2^40")
	case len(h.Roots) < 1 || len(h.Roots) == 2 && h.Roots[0].Alg == h.Roots[1].Alg:
		f.fail("roots", "expected one root, or two of different hashes")
	case h.Time.Year() < 2000 || h.Time.Year() > 9999:
		f.fail("time", "expected a year from 2000 to 9999")
	case (h.Seq == 0) != (h.Prev == nil):
		f.fail("prev", "expected the digest of the batch before, and none in batch 0")
	case h.Seq == 0 && h.Log != nil:
		f.fail("log", "expected none in batch 0")
	}
	for i, p := range h.Promise {
		if p != PromiseTimestamp && !validChainPromise(p) && *f.err == nil {
			*f.err = unsupported("%spromise: expected rfc3161 or eip155: and a chain id", f.where)
		}
		if i > 0 && h.Promise[i-1] >= p {
			f.fail("promise", "expected each once and in order")
		}
	}
	for i := range h.Material {
		if i > 0 && string(h.Material[i-1]) >= string(h.Material[i]) {
			f.fail("material", "expected each once and in order")
		}
	}
}

// listsMaterial tells whether the issuer stands by a piece of material.
func (h *Header) listsMaterial(digest [32]byte) bool {
	return slices.ContainsFunc(h.Material, func(d []byte) bool { return string(d) == string(digest[:]) })
}

func validChainPromise(p string) bool {
	var id uint64
	digits, ok := strings.CutPrefix(p, promiseChain)
	if _, err := fmt.Sscanf(digits, "%d", &id); !ok || err != nil {
		return false
	}
	return id > 0 && id <= maxUint && PromiseChain(id) == p
}

// Encode returns the deterministic CBOR of the header: the bytes that are signed after
// a prefix, see SigningInput. Errors wrap ErrMalformed or ErrUnsupported.
func (h *Header) Encode() ([]byte, error) {
	v, err := write(h)
	if err != nil {
		return nil, err
	}
	return v.appendCBOR(make([]byte, 0, 512)), nil
}

// signingPrefix keeps signatures over headers apart from all others that the same key
// makes: no JWS signing input has a NUL, and none over Data Integrity's 64 bytes is
// long enough to be a header.
const signingPrefix = "chancery batch header v1\x00"

// SigningInput returns the message that is signed: a prefix and the header's encoding.
func (h *Header) SigningInput() ([]byte, error) {
	b, err := h.Encode()
	if err != nil {
		return nil, err
	}
	return append([]byte(signingPrefix), b...), nil
}

// SignedHeader is a batch header with its signature. Its digest is what is anchored.
type SignedHeader struct {
	Header    Header
	Signature Signature
}

// Signature is a signature over a batch header.
type Signature struct {
	Alg    string // "Ed25519", "ES256", "ES384", "ES512" or "PS256", as in JOSE
	Method string // verification method: a DID URL or URL, as the trust file names it
	Value  []byte // Ed25519: 64 bytes; ES…: r ‖ s; PS256: as long as the modulus
}

func (s *Signature) visit(f *fields) {
	f.text("alg", &s.Alg, false)
	if *f.err == nil && !slices.Contains(signatureAlgs, s.Alg) { // before the value, whose length depends on it
		*f.err = unsupported("%salg: expected one of %s", f.where, strings.Join(signatureAlgs, ", "))
	}
	f.text("method", &s.Method, false)
	f.bytes("value", &s.Value, 64, 1024, false)
}

func (s *SignedHeader) visit(f *fields) {
	f.object("batchHeader", &s.Header)
	f.object("signature", &s.Signature)
}

// Statement returns what is anchored: the CBOR array
//
//	["chancery-batch", 1, header, alg, method, signature]
//
// with the header's encoding as a byte string. The signature is part of it, so that a
// time proven for the statement is proven for the signature.
func (s *SignedHeader) Statement() ([]byte, error) {
	b, err := s.Header.Encode()
	if err != nil {
		return nil, err
	}
	return s.statement(b), nil
}

func (s *SignedHeader) statement(header []byte) []byte {
	b := make([]byte, 0, len(header)+len(s.Signature.Method)+len(s.Signature.Value)+48)
	b = appendHead(appendText(appendHead(b, kindArray, 6), "chancery-batch"), kindUint, 1)
	b = appendBytes(b, header)
	return appendBytes(appendText(appendText(b, s.Signature.Alg), s.Signature.Method), s.Signature.Value)
}

// Digest is SHA-256 of Statement: the calldata of the anchoring transaction, the imprint
// of timestamps made with SHA-256, and what the next batch names as Prev.
func (s *SignedHeader) Digest() ([32]byte, error) {
	b, err := s.Statement()
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(b), nil
}

// ReadSignedHeader reads what Encode wrote.
func ReadSignedHeader(b []byte) (*SignedHeader, error) {
	if len(b) > maxPart {
		return nil, ErrTooLarge
	}
	v, err := parseCBOR(b)
	if err != nil {
		return nil, err
	}
	s := &SignedHeader{}
	if err := read(s, &v, false); err != nil {
		return nil, err
	}
	again, err := s.Encode()
	if err != nil {
		return nil, err
	}
	if string(again) != string(b) {
		return nil, malformed("expected the one encoding of the signed header")
	}
	return s, nil
}

// Encode returns the deterministic CBOR of the map {batchHeader, signature}, for those
// who store or publish headers.
func (s *SignedHeader) Encode() ([]byte, error) {
	v, err := write(s)
	if err != nil {
		return nil, err
	}
	return v.appendCBOR(nil), nil
}

// AlgFor returns the signature algorithm of a key, "" for one that is not taken.
func AlgFor(key crypto.PublicKey) string { return algFor(key) }
