// Package opentimestamps reads OpenTimestamps proofs (.ots files): chains of
// operations that lead from the digest of a file to values in block headers.
//
//	f, err := opentimestamps.Parse(b)
//	for _, a := range f.Attestations() { … }              // what it claims
//	r := f.Check(opentimestamps.Blocks{Bitcoin: known})   // what of it holds
//
// A proof says that a file existed when a block was made, and nothing else: not who
// stamped it. It holds no block headers; those that the caller pins decide. Claims of
// blocks that are not pinned stay undecided. Calendars named in pending attestations
// are never asked.
//
// Caveats. An attestation is a height: on Bitcoin and Litecoin the value is compared
// with the Merkle root of the header pinned there, on Ethereum with the transactions
// root. File digests and steps with SHA-1 are reported as weak: whoever can make two files
// with one digest can show either.
package opentimestamps

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // part of the format; reported as weak
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/ripemd160" //lint:ignore SA1019 part of the format; reported as weak

	"github.com/chancery-dev/chancery/proof/ethereum"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrMalformed: the bytes are no OpenTimestamps proof.
	ErrMalformed = errors.New("opentimestamps: malformed proof")
	// ErrTooLarge: more bytes, depth or steps than are read.
	ErrTooLarge = errors.New("opentimestamps: proof too large")
	// ErrUnsupported: a version, file digest or operation that is not known.
	ErrUnsupported = errors.New("opentimestamps: unsupported")
)

// Limits. Those on values are of the format, those on depth and size of its reference
// implementation or ours.
const (
	MaxBytes   = 1 << 20
	MaxResult  = 4096 // of an operation, and of its argument
	MaxPayload = 8192 // of an attestation
	MaxURI     = 1000
	MaxDepth   = 256  // operations one after the other
	MaxSteps   = 8192 // operations in all
)

// Magic is how every proof begins.
const Magic = "\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94"

const version = 1

// Op is the tag of an operation.
type Op byte

// The operations.
const (
	SHA1      Op = 0x02
	RIPEMD160 Op = 0x03
	SHA256    Op = 0x08
	Keccak256 Op = 0x67
	Append    Op = 0xf0
	Prepend   Op = 0xf1
	Reverse   Op = 0xf2
	Hexlify   Op = 0xf3
)

var opNames = map[Op]string{SHA1: "sha1", RIPEMD160: "ripemd160", SHA256: "sha256", Keccak256: "keccak256", Append: "append", Prepend: "prepend", Reverse: "reverse", Hexlify: "hexlify"}

func (o Op) String() string {
	if s, ok := opNames[o]; ok {
		return s
	}
	return fmt.Sprintf("operation %02x", byte(o))
}

// Weak tells whether different inputs with one result have been made.
func (o Op) Weak() bool { return o == SHA1 }

// Short tells whether making them would take about 2^80 steps: too many today, fewer
// than is asked of new designs. Bitcoin's addresses bring such steps into old proofs.
func (o Op) Short() bool { return o == RIPEMD160 }

// digestSize is the length of a hash operation's result, 0 for other operations.
func (o Op) digestSize() int {
	switch o {
	case SHA1, RIPEMD160:
		return 20
	case SHA256, Keccak256:
		return 32
	}
	return 0
}

// apply runs an operation. The result is new.
func (o Op) apply(arg, m []byte) ([]byte, error) {
	if len(m) > MaxResult {
		return nil, ErrTooLarge
	}
	switch o {
	case SHA1:
		sum := sha1.Sum(m) //nolint:gosec // part of the format
		return sum[:], nil
	case RIPEMD160:
		h := ripemd160.New() //nolint:gosec // part of the format
		h.Write(m)
		return h.Sum(nil), nil
	case SHA256:
		sum := sha256.Sum256(m)
		return sum[:], nil
	case Keccak256:
		sum := ethereum.Keccak256(m)
		return sum[:], nil
	}
	var out []byte
	switch o {
	case Append:
		out = slices.Concat(m, arg)
	case Prepend:
		out = slices.Concat(arg, m)
	case Reverse:
		out = slices.Clone(m)
		slices.Reverse(out)
	case Hexlify:
		out = hex.AppendEncode(nil, m)
	default:
		return nil, fmt.Errorf("%w: %s", ErrUnsupported, o)
	}
	if len(out) == 0 || len(out) > MaxResult {
		return nil, fmt.Errorf("%w: expected a result of 1 to %d bytes", ErrMalformed, MaxResult)
	}
	return out, nil
}

// File is a proof about one file. Nothing in it is trusted.
type File struct {
	HashOp Op     // how the file was digested
	Digest []byte // of the file
	Root   *Node
}

// Node is a place that operations lead to. It has at least one branch, in the order of
// the file.
type Node struct{ Branches []Branch }

// Branch is an attestation, or an operation and what follows it.
type Branch struct {
	Attestation *Attestation // nil: an operation
	Op          Op
	Arg         []byte // of Append and Prepend
	Next        *Node
}

// Kind says what an attestation rests on.
type Kind uint8

// The kinds of attestations. The zero value is one that is not known.
const (
	Unknown  Kind = iota
	Pending       // a calendar has promised more; nothing is attested yet
	Bitcoin       // the value is the Merkle root of a block
	Litecoin      // likewise
	Ethereum      // the value is the transactions root of a block
)

var kindNames = [...]string{"unknown", "pending", "bitcoin", "litecoin", "ethereum"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[Unknown]
}

// Attestation is a claim about the value at its place.
type Attestation struct {
	Kind    Kind
	Tag     [8]byte
	Payload []byte // as in the file
	Height  uint64 // of the block: Bitcoin, Litecoin, Ethereum
	URI     string // of the calendar: Pending. Never dialled
}

var kinds = map[[8]byte]Kind{
	{0x05, 0x88, 0x96, 0x0d, 0x73, 0xd7, 0x19, 0x01}: Bitcoin,
	{0x06, 0x86, 0x9a, 0x0d, 0x73, 0xd7, 0x1b, 0x45}: Litecoin,
	{0x30, 0xfe, 0x80, 0x87, 0xb5, 0xc7, 0xea, 0xd7}: Ethereum,
	{0x83, 0xdf, 0xe3, 0x0d, 0x2e, 0xf9, 0x0c, 0x8e}: Pending,
}

// Is tells whether b begins like a proof.
func Is(b []byte) bool { return bytes.HasPrefix(b, []byte(Magic)) }

// Found is an attestation with the value it speaks of.
type Found struct {
	Attestation
	Value []byte // what the operations lead to
	Steps int    // operations on the way
	Weak  bool   // the file's digest or a step is of a hash that is broken (Op.Weak)
	Short bool   // likewise with Op.Short
	Bound bool   // at least one hash stands between the file's digest and the value
}

// Attestations returns every attestation of the proof with its value, in the order of
// the file. It does not fail on a File that Parse returned; on one made by hand it
// leaves out what Parse would refuse.
func (f *File) Attestations() []Found {
	var out []Found
	steps := 0
	var walk func(n *Node, at Found)
	walk = func(n *Node, at Found) {
		if n == nil || at.Steps > MaxDepth {
			return
		}
		for _, b := range n.Branches {
			if b.Attestation != nil {
				found := at
				found.Attestation = *b.Attestation
				out = append(out, found)
				continue
			}
			if steps++; steps > MaxSteps {
				return
			}
			value, err := b.Op.apply(b.Arg, at.Value)
			if err != nil {
				continue
			}
			walk(b.Next, Found{Value: value, Steps: at.Steps + 1, Weak: at.Weak || b.Op.Weak(), Short: at.Short || b.Op.Short(), Bound: at.Bound || b.Op.digestSize() > 0})
		}
	}
	walk(f.Root, Found{Value: f.Digest, Weak: f.HashOp.Weak(), Short: f.HashOp.Short()})
	return out
}
