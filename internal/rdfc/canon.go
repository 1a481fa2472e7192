package rdfc

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrBudget: telling blank nodes apart would take more work than allowed,
	// as it does in graphs built to be expensive ("poison graphs").
	ErrBudget = errors.New("rdfc: work budget exhausted")
	// ErrTooLarge: the dataset has more quads, blank nodes or bytes than allowed.
	ErrTooLarge = errors.New("rdfc: dataset too large")
	// ErrTerm: a term has no N-Quads form or stands where its kind may not.
	ErrTerm = errors.New("rdfc: invalid term")
	// ErrHash: the hash asked for is neither SHA-256 nor SHA-384.
	ErrHash = errors.New("rdfc: unsupported hash")
)

// Default limits. They hold for any credential seen so far with two orders of
// magnitude to spare, and bound the time and the memory a hostile one can take.
const (
	DefaultMaxQuads      = 100_000
	DefaultMaxBlankNodes = 50_000
	DefaultMaxBytes      = 32 << 20
	// DefaultMaxWork passes every computable graph of the rdf-canon test suite
	// and refuses its 10-clique.
	DefaultMaxWork = 20_000
)

// Options bound and choose the canonicalisation. The zero Options are ready to use.
type Options struct {
	// Hash is crypto.SHA256 or crypto.SHA384. Zero means SHA-256.
	Hash crypto.Hash
	// MaxQuads limits the quads as added, duplicates included. Zero means
	// DefaultMaxQuads.
	MaxQuads int
	// MaxBlankNodes limits the blank nodes that occur in quads. Zero means
	// DefaultMaxBlankNodes.
	MaxBlankNodes int
	// MaxBytes limits the size of the canonical form. Zero means DefaultMaxBytes.
	MaxBytes int
	// MaxWork limits the steps of Hash N-Degree Quads: one for each call, each
	// related blank node hashed and each element of a permutation tried, and
	// more where an unusually long text has to be hashed or copied. Zero means
	// DefaultMaxWork.
	MaxWork int
}

// withDefaults resolves the zero values and checks the hash.
func (o Options) withDefaults() (Options, error) {
	switch o.Hash {
	case 0:
		o.Hash = crypto.SHA256
	case crypto.SHA256, crypto.SHA384:
	default:
		return o, fmt.Errorf("%w: expected SHA-256 or SHA-384, found %v", ErrHash, o.Hash)
	}
	for _, f := range []struct {
		v *int
		d int
	}{
		{&o.MaxQuads, DefaultMaxQuads}, {&o.MaxBlankNodes, DefaultMaxBlankNodes},
		{&o.MaxBytes, DefaultMaxBytes}, {&o.MaxWork, DefaultMaxWork},
	} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	return o, nil
}

// Canonical is the canonical form of a dataset. It shares no memory with it, and
// is safe for concurrent reading.
type Canonical struct {
	// NQuads is the canonical N-Quads document: distinct lines in code point
	// order, each ending in a line feed.
	NQuads []byte

	hash   crypto.Hash
	ends   []uint32 // ends[i] is the offset just after line i
	quads  []Quad   // quads[i] is the quad of line i in the dataset's terms
	issued []int32  // by TermID: n of c14nN, or -1
	blanks int
}

// Canonicalize runs RDFC-1.0 (rdf-canon section 4.4.3) on d. The dataset is not
// changed. Errors: ErrTerm, ErrTooLarge, ErrBudget, ErrHash.
func Canonicalize(d *Dataset, opt Options) (*Canonical, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	s := scratchPool.Get().(*scratch)
	defer s.release()
	if err := s.run(d, opt); err != nil {
		return nil, err
	}
	c := &Canonical{
		NQuads: make([]byte, 0, s.size),
		hash:   opt.Hash,
		ends:   make([]uint32, 0, len(s.quads)),
		quads:  make([]Quad, 0, len(s.quads)),
		issued: make([]int32, len(s.terms)),
		blanks: len(s.canon),
	}
	c.NQuads = s.emit(c.NQuads, c)
	for t := range s.terms {
		c.issued[t] = -1
		if b := s.terms[t].blank; b >= 0 {
			c.issued[t] = s.blanks[b].issued
		}
	}
	return c, nil
}

// Digest appends the hash (Options.Hash) of the canonical form of d to dst,
// without keeping the canonical form. It equals Canonicalize followed by
// Canonical.Digest and allocates less. Errors are those of Canonicalize, and dst
// is then returned as it was.
func Digest(dst []byte, d *Dataset, opt Options) ([]byte, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return dst, err
	}
	s := scratchPool.Get().(*scratch)
	defer s.release()
	if err := s.run(d, opt); err != nil {
		return dst, err
	}
	s.out = s.emit(s.out[:0], nil)
	return appendSum(dst, opt.Hash, s.out), nil
}

// appendSum appends the hash of b to dst.
func appendSum(dst []byte, h crypto.Hash, b []byte) []byte {
	if h == crypto.SHA384 {
		sum := sha512.Sum384(b)
		return append(dst, sum[:]...)
	}
	sum := sha256.Sum256(b)
	return append(dst, sum[:]...)
}

// Digest appends the hash of NQuads to dst, made with the hash that the
// canonicalisation used.
func (c *Canonical) Digest(dst []byte) []byte { return appendSum(dst, c.hash, c.NQuads) }

// Len returns the number of lines.
func (c *Canonical) Len() int { return len(c.ends) }

// Line returns line i with its line feed: a part of NQuads.
func (c *Canonical) Line(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = c.ends[i-1]
	}
	return c.NQuads[start:c.ends[i]:c.ends[i]]
}

// AppendLine appends line i with other labels for its blank nodes: label returns that
// of c14nN without "_:" (label replacement of selective disclosure, VC-DI-ECDSA 3.4.1).
func (c *Canonical) AppendLine(dst []byte, i int, label func(n int) string) []byte {
	line, q := c.Line(i), c.quads[i]
	rename := func(id TermID, text []byte) []byte {
		n, ok := c.Index(id)
		if !ok {
			return append(dst, text...)
		}
		return append(append(dst, "_:"...), label(n)...)
	}
	// A subject and a predicate hold no space; nor does a graph, which comes last.
	s := bytes.IndexByte(line, ' ')
	dst = rename(q.S, line[:s])
	p := s + 1 + bytes.IndexByte(line[s+1:], ' ')
	dst = append(dst, line[s:p+1]...)
	rest := line[p+1 : len(line)-len(" .\n")]
	graph := len(rest)
	if q.G != 0 {
		graph = bytes.LastIndexByte(rest, ' ')
	}
	dst = rename(q.O, rest[:graph])
	if q.G != 0 {
		dst = append(dst, ' ')
		dst = rename(q.G, rest[graph+1:])
	}
	return append(dst, " .\n"...)
}

// Quad returns the quad of line i in terms of the dataset canonicalised, so that
// the blank nodes of a line can be told: those of S, O and G for which Index
// reports true.
func (c *Canonical) Quad(i int) Quad { return c.quads[i] }

// Blanks returns how many identifiers were issued: c14n0 to c14n(Blanks-1).
func (c *Canonical) Blanks() int { return c.blanks }

// Index returns the n of the canonical identifier c14nN of a blank node of the
// dataset, and false for any other term, or a blank node that is in no quad.
func (c *Canonical) Index(id TermID) (int, bool) {
	if int(id) >= len(c.issued) || c.issued[id] < 0 {
		return 0, false
	}
	return int(c.issued[id]), true
}

// Identifier returns the canonical identifier of a blank node without "_:", such
// as c14n0, or "" where Index would report false.
func (c *Canonical) Identifier(id TermID) string {
	n, ok := c.Index(id)
	if !ok {
		return ""
	}
	return string(appendUint([]byte("c14n"), uint32(n)))
}

// IssuedIdentifiers returns the issued identifiers map: from the labels that
// blank nodes have in d, which must be the dataset canonicalised, to canonical
// identifiers, both without "_:". Blank nodes without a label are left out; they
// are found with Index.
func (c *Canonical) IssuedIdentifiers(d *Dataset) map[string]string {
	m := make(map[string]string, c.blanks)
	for id := range c.issued {
		if t := d.terms[id]; c.issued[id] >= 0 && t.Value != "" {
			m[t.Value] = c.Identifier(TermID(id))
		}
	}
	return m
}
