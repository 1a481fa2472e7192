// Package chainpoint reads and judges Chainpoint proofs of versions 3 and 4, as JSON
// and as zlib-compressed MessagePack, raw, in base64 or in hex.
//
//	p, err := chainpoint.Parse(file)
//	for _, a := range p.Check(known) { … }
//
// A proof is a tree of operations that lead from a hash to values that anchors speak
// of. Bitcoin anchors name a block by its height, and are compared with the header that
// the caller pins there. Calendar and Ethereum anchors name something that only a
// server could show: they stay undecided. URIs are kept as text and never dialled.
//
// Caveats. The format does not say by which algorithm the hash was made. Identifiers
// and times of receipt are covered by nothing. Texts such as a drand round that are
// hashed in are claims of the calendar.
package chainpoint

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrMalformed: the bytes are no Chainpoint proof.
	ErrMalformed = errors.New("chainpoint: malformed proof")
	// ErrTooLarge: more bytes, branches or operations than are read.
	ErrTooLarge = errors.New("chainpoint: proof too large")
	// ErrUnsupported: a version, operation or anchor that is not known.
	ErrUnsupported = errors.New("chainpoint: unsupported")
)

// Limits on a proof.
const (
	MaxBytes    = 1 << 20 // of the file
	MaxText     = 4 << 20 // of the JSON that the binary form unpacks to
	MaxOps      = 8192
	MaxBranches = 256
	MaxDepth    = 16
	MaxAnchors  = 64
	MaxURIs     = 32
	maxValue    = 64 << 10 // bytes between two hashes: the parts of a raw transaction
)

// Proof is a parsed proof. Nothing in it is trusted.
type Proof struct {
	Version  int    // 3 or 4
	Hash     []byte // of the document, by an algorithm that the format does not name
	ID       string // of the proof; covered by nothing
	Received string // when a server says to have received the hash; covered by nothing
	Branches []Branch
}

// Branch is a row of operations and what grows at its end.
type Branch struct {
	Label    string
	Ops      []Op
	Branches []Branch
}

// Kind is the kind of an operation.
type Kind uint8

// The kinds.
const (
	Left   Kind = iota + 1 // the operand is put before the value
	Right                  // the operand is put behind the value
	Hash                   // the value is hashed
	Anchor                 // anchors speak of the value
)

// Op is an operation.
type Op struct {
	Kind    Kind
	Operand []byte // of Left and Right
	Name    string // of Hash
	Anchors []AnchorRef
}

// AnchorRef is a claim that a value stands somewhere.
type AnchorRef struct {
	Type string   // "cal", "tcal", "btc", "tbtc", "eth", "teth", "etc"
	ID   string   // of btc and tbtc: the height of a block
	URIs []string // never dialled
}

var hashes = map[string]func([]byte) []byte{
	"sha-224":    func(b []byte) []byte { s := sha256.Sum224(b); return s[:] },
	"sha-256":    func(b []byte) []byte { s := sha256.Sum256(b); return s[:] },
	"sha-384":    func(b []byte) []byte { s := sha512.Sum384(b); return s[:] },
	"sha-512":    func(b []byte) []byte { s := sha512.Sum512(b); return s[:] },
	"sha3-224":   func(b []byte) []byte { s := sha3.Sum224(b); return s[:] },
	"sha3-256":   func(b []byte) []byte { s := sha3.Sum256(b); return s[:] },
	"sha3-384":   func(b []byte) []byte { s := sha3.Sum384(b); return s[:] },
	"sha3-512":   func(b []byte) []byte { s := sha3.Sum512(b); return s[:] },
	"sha-256-x2": func(b []byte) []byte { s := sha256.Sum256(b); s = sha256.Sum256(s[:]); return s[:] },
}

var anchorTypes = []string{"cal", "tcal", "btc", "tbtc", "eth", "teth", "etc"}

// contexts are the values of @context, by version.
var contexts = map[string]int{"https://w3id.org/chainpoint/v3": 3, "https://w3id.org/chainpoint/v4": 4}

// members are those of each version, all required.
var members = map[int][]string{
	3: {"@context", "type", "hash", "hash_id_node", "hash_submitted_node_at", "hash_id_core", "hash_submitted_core_at", "branches"},
	4: {"@context", "type", "hash", "proof_id", "hash_received", "branches"},
}

// Is tells whether b looks like a proof: JSON, or what unpacks to it, whose @context is
// one of Chainpoint's, of any version.
func Is(b []byte) bool {
	text, err := unpack(b)
	if err != nil {
		return false
	}
	doc, err := strictjson.Parse(text, strictjson.Limits{Bytes: MaxText})
	return err == nil && IsDoc(doc)
}

// IsDoc is Is for JSON that is parsed already.
func IsDoc(doc *strictjson.Doc) bool {
	return strings.HasPrefix(doc.String(doc.Get(0, "@context")), "https://w3id.org/chainpoint/v")
}

// unpack returns the JSON text of any form.
func unpack(b []byte) ([]byte, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("%w: expected at most %d bytes, found %d", ErrTooLarge, MaxBytes, len(b))
	}
	text := bytes.TrimSpace(b)
	if len(text) > 0 && text[0] == '{' {
		return b, nil
	}
	var err error
	switch { // zlib, in base64 or hex
	case bytes.HasPrefix(text, []byte("eJ")), bytes.HasPrefix(text, []byte("eN")), bytes.HasPrefix(text, []byte("eA")), bytes.HasPrefix(text, []byte("eF")):
		b, err = base64.StdEncoding.Strict().DecodeString(string(text))
	case bytes.HasPrefix(text, []byte("78")):
		b, err = hex.DecodeString(string(text))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: expected base64 or hex", ErrMalformed)
	}
	if len(b) < 2 || b[0] != 0x78 || (uint(b[0])<<8|uint(b[1]))%31 != 0 {
		return nil, fmt.Errorf("%w: expected JSON or zlib data", ErrMalformed)
	}
	in := bytes.NewReader(b)
	z, err := zlib.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("%w: expected zlib data", ErrMalformed)
	}
	packed, err := io.ReadAll(io.LimitReader(z, MaxText+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: expected whole zlib data", ErrMalformed)
	case len(packed) > MaxText:
		return nil, ErrTooLarge
	case in.Len() > 0:
		return nil, fmt.Errorf("%w: expected the end of the file", ErrMalformed)
	}
	out, ok := packToJSON(packed)
	if !ok || len(out) > MaxText {
		return nil, fmt.Errorf("%w: expected one MessagePack value", ErrMalformed)
	}
	return out, nil
}

// Parse reads a proof. Errors wrap ErrMalformed, ErrTooLarge or ErrUnsupported, or are
// *strictjson.Error. The grammar is closed: an operation, anchor or member that is not
// known is refused, since what it would do to the value cannot be known.
func Parse(b []byte) (*Proof, error) {
	text, err := unpack(b)
	if err != nil {
		return nil, err
	}
	doc, err := strictjson.Parse(text, strictjson.Limits{Bytes: MaxText})
	if err != nil {
		return nil, err
	}
	r := &reader{doc: doc}
	p := r.proof()
	if r.err != nil {
		return nil, r.err
	}
	if err := p.run(func(Judged) {}); err != nil {
		return nil, err
	}
	return p, nil
}

type reader struct {
	doc                    *strictjson.Doc
	err                    error
	ops, branches, anchors int
}

func (r *reader) fail(kind error, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", kind, fmt.Sprintf(format, args...))
	}
}

func (r *reader) object(n strictjson.Node, name string, required, optional []string) {
	if r.doc.Kind(n) != strictjson.Object {
		r.fail(ErrMalformed, "expected an object as %s", name)
		return
	}
	for _, m := range required {
		if r.doc.Get(n, m) == strictjson.None {
			r.fail(ErrMalformed, "expected the member %s of %s", m, name)
		}
	}
	for c := r.doc.First(n); c != strictjson.None; c = r.doc.Next(c) {
		if m := r.doc.Name(c); !slices.Contains(required, m) && !slices.Contains(optional, m) {
			r.fail(ErrUnsupported, "%s has a member that is not known", name)
		}
	}
}

// list calls f for each element of an array.
func (r *reader) list(n strictjson.Node, name string, f func(strictjson.Node)) {
	if r.doc.Kind(n) != strictjson.Array {
		r.fail(ErrMalformed, "expected a list as %s", name)
		return
	}
	for c := r.doc.First(n); c != strictjson.None && r.err == nil; c = r.doc.Next(c) {
		f(c)
	}
}

func (r *reader) text(n strictjson.Node, name string, most int) string {
	s, ok := r.doc.Str(n)
	if !ok || s == "" || len(s) > most {
		r.fail(ErrMalformed, "expected a text of 1 to %d bytes as %s", most, name)
	}
	return s
}

func (r *reader) proof() *Proof {
	p := &Proof{Version: contexts[r.doc.String(r.doc.Get(0, "@context"))]}
	if r.doc.Kind(0) != strictjson.Object || p.Version == 0 {
		r.fail(ErrUnsupported, "expected the @context of Chainpoint version 3 or 4")
		return nil
	}
	r.object(0, "the proof", members[p.Version], nil)
	if r.doc.String(r.doc.Get(0, "type")) != "Chainpoint" {
		r.fail(ErrMalformed, "expected the type Chainpoint")
	}
	hash := r.doc.String(r.doc.Get(0, "hash"))
	var err error
	if p.Hash, err = hex.DecodeString(hash); err != nil || len(p.Hash) < 20 || len(p.Hash) > 64 {
		r.fail(ErrMalformed, "expected a hash of 20 to 64 bytes in hex")
	}
	id, received := "proof_id", "hash_received"
	if p.Version == 3 {
		id, received = "hash_id_core", "hash_submitted_core_at"
	}
	p.ID, p.Received = r.text(r.doc.Get(0, id), id, 200), r.text(r.doc.Get(0, received), received, 64)
	if r.err == nil {
		p.Branches = r.branchList(r.doc.Get(0, "branches"), 0)
		if r.anchors == 0 {
			r.fail(ErrMalformed, "expected at least one anchor")
		}
	}
	return p
}

func (r *reader) branchList(n strictjson.Node, depth int) (out []Branch) {
	if depth >= MaxDepth {
		r.fail(ErrTooLarge, "expected at most %d branches on one another", MaxDepth)
		return nil
	}
	r.list(n, "branches", func(n strictjson.Node) {
		if r.branches++; r.branches > MaxBranches {
			r.fail(ErrTooLarge, "expected at most %d branches", MaxBranches)
			return
		}
		r.object(n, "a branch", []string{"ops"}, []string{"label", "branches"})
		b := Branch{}
		if label := r.doc.Get(n, "label"); label != strictjson.None {
			b.Label = r.text(label, "label", 200)
		}
		r.list(r.doc.Get(n, "ops"), "ops", func(n strictjson.Node) { b.Ops = append(b.Ops, r.op(n)) })
		if inner := r.doc.Get(n, "branches"); inner != strictjson.None && r.err == nil {
			b.Branches = r.branchList(inner, depth+1)
		}
		out = append(out, b)
	})
	return out
}

func (r *reader) op(n strictjson.Node) (o Op) {
	if r.ops++; r.ops > MaxOps {
		r.fail(ErrTooLarge, "expected at most %d operations", MaxOps)
		return o
	}
	if r.doc.Kind(n) != strictjson.Object || r.doc.Len(n) != 1 {
		r.fail(ErrMalformed, "expected an operation with one member")
		return o
	}
	v := r.doc.First(n)
	switch name := r.doc.Name(v); name {
	case "l", "r":
		if o.Kind = Left; name == "r" {
			o.Kind = Right
		}
		o.Operand = operand(r.text(v, "an operand", maxValue))
	case "op":
		o.Kind, o.Name = Hash, r.doc.String(v)
		if hashes[o.Name] == nil {
			r.fail(ErrUnsupported, "an operation that is not known")
		}
	case "anchors":
		o.Kind = Anchor
		r.list(v, "anchors", func(n strictjson.Node) { o.Anchors = append(o.Anchors, r.anchor(n)) })
	default:
		r.fail(ErrUnsupported, "an operation that is not known")
	}
	return o
}

// operand is hex where it can be read so, as all implementations do, and else the text
// itself.
func operand(s string) []byte {
	if b, err := hex.DecodeString(s); err == nil {
		return b
	}
	return []byte(s)
}

func (r *reader) anchor(n strictjson.Node) (a AnchorRef) {
	if r.anchors++; r.anchors > MaxAnchors {
		r.fail(ErrTooLarge, "expected at most %d anchors", MaxAnchors)
		return a
	}
	r.object(n, "an anchor", []string{"type", "anchor_id"}, []string{"uris"})
	a.Type, a.ID = r.text(r.doc.Get(n, "type"), "type", 20), r.text(r.doc.Get(n, "anchor_id"), "anchor_id", 512)
	if r.err == nil && !slices.Contains(anchorTypes, a.Type) {
		r.fail(ErrUnsupported, "an anchor of a type that is not known")
	}
	if a.Type == "btc" || a.Type == "tbtc" {
		if h, err := strconv.ParseUint(a.ID, 10, 32); r.err == nil && (err != nil || strconv.FormatUint(h, 10) != a.ID) {
			r.fail(ErrMalformed, "expected the height of a block as anchor_id")
		}
	}
	if uris := r.doc.Get(n, "uris"); uris != strictjson.None {
		r.list(uris, "uris", func(n strictjson.Node) {
			a.URIs = append(a.URIs, r.text(n, "a URI", 2048))
			if len(a.URIs) > MaxURIs {
				r.fail(ErrTooLarge, "expected at most %d URIs", MaxURIs)
			}
		})
	}
	return a
}
