// Package truestamp reads and judges Truestamp v1 proof bundles, as JSON or CBOR.
//
//	b, err := truestamp.Parse(file)
//	r := b.Check(truestamp.Trust{Keys: keys, Bitcoin: known})
//
// A bundle carries the public key that signed it, and so proves nothing by itself:
// only a key that the caller pins counts. The 4-byte key ids do not identify a key.
// What the signature does not cover (of every commitment the transaction, the ledger
// or height, the network and the time) is listed in Result.Unbound and is kept out of
// what is called confirmed. A Bitcoin commitment is confirmed by a pinned header, and
// by nothing else; a Stellar commitment cannot be confirmed offline.
package truestamp

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof/internal/cbor"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrMalformed: the bytes are no Truestamp bundle.
	ErrMalformed = errors.New("truestamp: malformed bundle")
	// ErrUnsupported: a version, type or member that is not known.
	ErrUnsupported = errors.New("truestamp: unsupported")
)

// Limits on a bundle.
const (
	MaxBytes       = 4 << 20
	MaxCommitments = 64
	MaxDepth       = 64 // of a path
)

// Type is what a bundle is about, or what chain a commitment is on.
type Type uint16

// The types.
const (
	Block            Type = 10
	Beacon           Type = 11
	Item             Type = 20
	EntropyNIST      Type = 30
	EntropyStellar   Type = 31
	EntropyBitcoin   Type = 32
	StellarCommit    Type = 40
	BitcoinCommit    Type = 41
	bundleVersion         = 1
	selfDescribedLen      = 3
)

var typeNames = map[Type]string{Block: "block", Beacon: "beacon", Item: "item", EntropyNIST: "entropy_nist", EntropyStellar: "entropy_stellar", EntropyBitcoin: "entropy_bitcoin", StellarCommit: "stellar", BitcoinCommit: "bitcoin"}

func (t Type) String() string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return "type " + strconv.Itoa(int(t))
}

// Bundle is a parsed bundle. Nothing in it is trusted.
type Bundle struct {
	Type        Type
	Time        time.Time // when the bundle was made, as it says; milliseconds are signed
	PublicKey   ed25519.PublicKey
	Signature   []byte
	Subject     *Subject // nil for a block or beacon
	Block       BlockData
	Path        Path // from the subject to the block's Merkle root
	Commitments []Commitment
}

// Subject is an item or an observation.
type Subject struct {
	ID           string // ULID of an item, UUID of an observation
	Claims       []byte // RFC 8785 form of the data
	Hash         []byte // of an item's document, as claimed; nil without
	HashType     string // its algorithm as Truestamp names it, such as sha256
	MetadataHash [32]byte
	KeyID        [4]byte
}

// BlockData is Truestamp's own block, which is not one of a blockchain.
type BlockData struct {
	ID                                 string // UUID
	Previous, MerkleRoot, MetadataHash [32]byte
	KeyID                              [4]byte
}

// Commitment is a claim that an epoch's root is on a blockchain.
type Commitment struct {
	Type    Type
	Root    [32]byte // the memo or OP_RETURN data
	Path    Path     // from the block's hash to Root
	Network string
	Tx      [32]byte // in the order in which people write it

	// Of Stellar only. Nothing binds them.
	Ledger int64
	Time   string

	// Of Bitcoin.
	RawTx, TxOutProof []byte
	BlockMerkleRoot   [32]byte // in the order in which people write it
	Height            int64
}

// Path is a Merkle path. The format does not say how large the tree is.
type Path struct {
	Depth int
	right []byte // bit i: sibling i stands on the right
	nodes []byte
}

// Is tells whether b looks like a bundle: JSON or CBOR of an object with the members
// v, t, pk, sig, b and cx.
func Is(b []byte) bool {
	if len(b) > MaxBytes {
		return false
	}
	text, err := toJSON(b)
	if err != nil {
		return false
	}
	doc, err := strictjson.Parse(text, strictjson.Limits{Bytes: 2 * MaxBytes})
	if err != nil {
		return false
	}
	for _, name := range []string{"v", "t", "pk", "sig", "b", "cx"} {
		if doc.Get(0, name) == strictjson.None {
			return false
		}
	}
	return true
}

// Parse reads a bundle. Errors wrap ErrMalformed, ErrUnsupported or are
// *strictjson.Error. Members that are not known are refused: nothing would cover them.
func Parse(b []byte) (*Bundle, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("%w: expected at most %d bytes", ErrMalformed, MaxBytes)
	}
	text, err := toJSON(b)
	if err != nil {
		return nil, err
	}
	doc, err := strictjson.Parse(text, strictjson.Limits{Bytes: 2 * MaxBytes})
	if err != nil {
		return nil, err
	}
	r := &reader{doc: doc}
	out := r.bundle()
	if r.err != nil {
		return nil, r.err
	}
	return out, nil
}

// toJSON turns the CBOR form into the JSON form, so that both are read by one reader.
func toJSON(b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, []byte{0xd9, 0xd9, 0xf7}) {
		return b, nil
	}
	v, err := cbor.Parse(b[selfDescribedLen:])
	if err != nil || v.Kind != cbor.Map {
		return nil, fmt.Errorf("%w: expected a map in CBOR", ErrMalformed)
	}
	out, ok := appendJSON(nil, &v, nil)
	if !ok {
		return nil, fmt.Errorf("%w: expected values that JSON has", ErrMalformed)
	}
	return out, nil
}

// appendJSON writes a value. Byte strings become the text that the JSON form holds at
// their place: base64 for key and signature, base64url for paths, else hex.
func appendJSON(out []byte, v *cbor.Value, path []string) ([]byte, bool) {
	ok := true
	switch v.Kind {
	case cbor.Int:
		return strconv.AppendInt(out, v.Int, 10), true
	case cbor.Float:
		s := strconv.FormatFloat(v.Float, 'g', -1, 64)
		return append(out, s...), !strings.ContainsAny(s, "IN")
	case cbor.Bool:
		return strconv.AppendBool(out, v.Bool), true
	case cbor.Null:
		return append(out, "null"...), true
	case cbor.Text:
		return append(out, strictjson.Quote(string(v.Bytes))...), true
	case cbor.Bytes:
		text := hex.EncodeToString(v.Bytes)
		switch name := strings.Join(path, "/"); name {
		case "pk", "sig":
			text = base64.StdEncoding.EncodeToString(v.Bytes)
		case "ip", "cx/ep":
			text = base64.RawURLEncoding.EncodeToString(v.Bytes)
		}
		return append(out, strictjson.Quote(text)...), true
	case cbor.Array:
		out = append(out, '[')
		for i := range v.List {
			if i > 0 {
				out = append(out, ',')
			}
			if out, ok = appendJSON(out, &v.List[i], path); !ok {
				return nil, false
			}
		}
		return append(out, ']'), true
	}
	out = append(out, '{')
	for i := range v.List {
		if v.Keys[i].Kind != cbor.Text {
			return nil, false
		}
		if i > 0 {
			out = append(out, ',')
		}
		name := string(v.Keys[i].Bytes)
		out = append(append(out, strictjson.Quote(name)...), ':')
		if out, ok = appendJSON(out, &v.List[i], append(slices.Clone(path), name)); !ok {
			return nil, false
		}
	}
	return append(out, '}'), true
}

// reader reads with the first error kept.
type reader struct {
	doc *strictjson.Doc
	err error
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
			r.fail(ErrUnsupported, "a member of %s that version %d does not have", name, bundleVersion)
		}
	}
}

func (r *reader) text(n strictjson.Node, name string) string {
	s, ok := r.doc.Str(n)
	if !ok || s == "" || len(s) > 200 {
		r.fail(ErrMalformed, "expected a short text as %s", name)
	}
	return s
}

func (r *reader) int(n strictjson.Node, name string) int64 {
	i, ok := r.doc.Int(n)
	if !ok || i < 0 {
		r.fail(ErrMalformed, "expected an integer of 0 or more as %s", name)
	}
	return i
}

// hex reads lower-case hex, the one form in which bundles are written.
func (r *reader) hex(n strictjson.Node, name string, out []byte) {
	s := r.doc.String(n)
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(out) || s != strings.ToLower(s) {
		r.fail(ErrMalformed, "expected %d bytes in lower-case hex as %s", len(out), name)
		return
	}
	copy(out, b)
}

func (r *reader) long(n strictjson.Node, name string) []byte {
	s := r.doc.String(n)
	b, err := hex.DecodeString(s)
	if err != nil || len(b) == 0 || s != strings.ToLower(s) {
		r.fail(ErrMalformed, "expected lower-case hex as %s", name)
	}
	return b
}

func (r *reader) base64(n strictjson.Node, name string, size int) []byte {
	b, err := base64.StdEncoding.Strict().DecodeString(r.doc.String(n))
	if err != nil || len(b) != size {
		r.fail(ErrMalformed, "expected %d bytes in base64 as %s", size, name)
	}
	return b
}

// path reads a compact Merkle path: depth, direction bits from the least significant
// upwards, siblings. Bits beyond the depth must be zero.
func (r *reader) path(n strictjson.Node, name string) Path {
	b, err := base64.RawURLEncoding.Strict().DecodeString(r.doc.String(n))
	if err != nil || len(b) == 0 || b[0] > MaxDepth {
		r.fail(ErrMalformed, "expected a path of at most %d steps in base64url as %s", MaxDepth, name)
		return Path{}
	}
	depth := int(b[0])
	bits := (depth + 7) / 8
	if len(b) != 1+bits+32*depth {
		r.fail(ErrMalformed, "expected a path of the length its depth says as %s", name)
		return Path{}
	}
	p := Path{Depth: depth, right: b[1 : 1+bits], nodes: b[1+bits:]}
	if depth%8 != 0 && p.right[bits-1]>>(depth%8) != 0 {
		r.fail(ErrMalformed, "expected no directions beyond the depth in %s", name)
	}
	return p
}

func (r *reader) bundle() *Bundle {
	if r.doc.Kind(0) != strictjson.Object {
		r.fail(ErrMalformed, "expected an object")
		return nil
	}
	if v, ok := r.doc.Int(r.doc.Get(0, "v")); !ok || v != bundleVersion {
		r.fail(ErrUnsupported, "expected version %d", bundleVersion)
		return nil
	}
	t, ok := r.doc.Int(r.doc.Get(0, "t"))
	if _, known := typeNames[Type(t)]; !ok || t < 0 || t >= int64(StellarCommit) || !known {
		r.fail(ErrUnsupported, "expected a known type of subject")
		return nil
	}
	out := &Bundle{Type: Type(t)}
	required := []string{"v", "t", "ts", "pk", "sig", "b", "cx"}
	if out.Type != Block && out.Type != Beacon {
		required = append(required, "s", "ip")
	}
	r.object(0, "the bundle", required, nil)
	if r.err != nil {
		return nil
	}
	at, ok := r.doc.Time(r.doc.Get(0, "ts"))
	if !ok || at.Year() < 1970 {
		r.fail(ErrMalformed, "expected a time as ts")
	}
	out.Time = at.UTC().Truncate(time.Millisecond)
	key, err := multikey.ParseEd25519(r.base64(r.doc.Get(0, "pk"), "pk", ed25519.PublicKeySize))
	if err != nil {
		r.fail(ErrMalformed, "expected an Ed25519 public key as pk")
	}
	out.PublicKey = key
	out.Signature = r.base64(r.doc.Get(0, "sig"), "sig", ed25519.SignatureSize)
	out.Block = r.block(r.doc.Get(0, "b"))
	if s := r.doc.Get(0, "s"); s != strictjson.None {
		out.Subject = r.subject(s, out.Type)
		out.Path = r.path(r.doc.Get(0, "ip"), "ip")
	}
	cx := r.doc.Get(0, "cx")
	if n := r.doc.Len(cx); r.doc.Kind(cx) != strictjson.Array || n == 0 || n > MaxCommitments {
		r.fail(ErrMalformed, "expected 1 to %d commitments", MaxCommitments)
		return nil
	}
	for c := r.doc.First(cx); c != strictjson.None && r.err == nil; c = r.doc.Next(c) {
		out.Commitments = append(out.Commitments, r.commitment(c))
	}
	return out
}

func (r *reader) block(n strictjson.Node) (b BlockData) {
	r.object(n, "b", []string{"id", "ph", "mr", "mh", "kid"}, nil)
	b.ID = r.text(r.doc.Get(n, "id"), "b.id")
	r.hex(r.doc.Get(n, "ph"), "b.ph", b.Previous[:])
	r.hex(r.doc.Get(n, "mr"), "b.mr", b.MerkleRoot[:])
	r.hex(r.doc.Get(n, "mh"), "b.mh", b.MetadataHash[:])
	r.hex(r.doc.Get(n, "kid"), "b.kid", b.KeyID[:])
	return b
}

func (r *reader) subject(n strictjson.Node, t Type) *Subject {
	r.object(n, "s", []string{"id", "d", "mh", "kid"}, nil)
	s := &Subject{ID: r.text(r.doc.Get(n, "id"), "s.id")}
	r.hex(r.doc.Get(n, "mh"), "s.mh", s.MetadataHash[:])
	r.hex(r.doc.Get(n, "kid"), "s.kid", s.KeyID[:])
	d := r.doc.Get(n, "d")
	if r.doc.Kind(d) != strictjson.Object {
		r.fail(ErrMalformed, "expected an object as s.d")
		return s
	}
	claims, err := r.doc.CanonicalizeNode(d)
	if err != nil && r.err == nil {
		r.err = err
	}
	s.Claims = claims
	if h := r.doc.String(r.doc.Get(d, "hash")); t == Item && h != "" {
		s.HashType = r.doc.String(r.doc.Get(d, "hash_type"))
		if s.HashType == "" {
			s.HashType = "sha256"
		}
		if s.Hash, err = hex.DecodeString(h); err != nil {
			s.Hash = nil
		}
	}
	return s
}

func (r *reader) commitment(n strictjson.Node) (c Commitment) {
	t, ok := r.doc.Int(r.doc.Get(n, "t"))
	c.Type = Type(t)
	get := func(name string) strictjson.Node { return r.doc.Get(n, name) }
	switch {
	case ok && c.Type == StellarCommit:
		r.object(n, "a commitment", []string{"t", "net", "ep", "tx", "memo"}, []string{"l", "ts"})
		r.hex(get("memo"), "memo", c.Root[:])
		if get("l") != strictjson.None {
			c.Ledger = r.int(get("l"), "l")
		}
		if get("ts") != strictjson.None {
			c.Time = r.text(get("ts"), "ts")
		}
	case ok && c.Type == BitcoinCommit:
		r.object(n, "a commitment", []string{"t", "net", "ep", "tx", "op", "rtx", "txp", "bmr"}, []string{"h", "ts"})
		r.hex(get("op"), "op", c.Root[:])
		r.hex(get("bmr"), "bmr", c.BlockMerkleRoot[:])
		c.RawTx, c.TxOutProof = r.long(get("rtx"), "rtx"), r.long(get("txp"), "txp")
		if get("h") != strictjson.None {
			c.Height = r.int(get("h"), "h")
		}
		if get("ts") != strictjson.None {
			c.Time = r.text(get("ts"), "ts")
		}
	default:
		r.fail(ErrUnsupported, "a commitment of a type that is not known")
		return c
	}
	if r.err != nil {
		return c
	}
	c.Network = r.text(get("net"), "net")
	r.hex(get("tx"), "tx", c.Tx[:])
	c.Path = r.path(get("ep"), "ep")
	return c
}
