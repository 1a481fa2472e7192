// Package strictjson reads JSON that will be signed, hashed or believed.
//
// Parse accepts exactly one I-JSON value (RFC 7493): no duplicate names, no byte
// order mark, no invalid UTF-8, no lone surrogates, no trailing data, and no number
// whose value a double cannot hold as it is written. It builds an index over the
// received bytes, so that what is read later is what was received, and every node
// knows its JSON pointer.
//
// It is the only way untrusted JSON enters this module.
package strictjson

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/limits"
)

// Kind tells the JSON types apart.
type Kind uint8

// The kinds of values. Invalid is the kind of None.
const (
	Invalid Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

var kindNames = [...]string{"nothing", "null", "boolean", "number", "string", "array", "object"}

func (k Kind) String() string { return kindNames[k] }

// Node names a value within its Doc. The root is node 0.
type Node int32

// None is what look-ups answer when there is nothing: every accessor accepts it.
const None Node = -1

// Limits bounds what Parse reads. A zero field means the default of package limits.
type Limits struct {
	Bytes int // bytes of text
	Depth int // nesting of arrays and objects
	Nodes int // values
}

type node struct {
	start, end int32
	name       int32 // offset of the opening quote of the member name, -1 without
	nameLen    uint16
	kind       Kind
	flags      uint8
	parent     Node
	next       Node
	count      int32
}

const (
	valueEscaped = 1 << iota
	nameEscaped
	isTrue
)

// Doc is a parsed document. It is immutable and safe for concurrent use.
type Doc struct {
	text  string
	nodes []node
}

type scanner struct {
	buf bytes.Buffer
	dec jsontext.Decoder
}

var scanners = sync.Pool{New: func() any { return new(scanner) }}

// Parse indexes b, which must hold exactly one JSON value within the limits.
// The errors are of type *Error.
func Parse(b []byte, lim Limits) (*Doc, error) {
	maxBytes, maxDepth, maxNodes := lim.resolve()
	if len(b) > maxBytes {
		return nil, &Error{Code: TooLarge, Offset: int64(maxBytes), Detail: "expected at most " + strconv.Itoa(maxBytes) + " bytes, found " + strconv.Itoa(len(b))}
	}
	if at := tooMany(b, maxNodes); at >= 0 {
		return nil, &Error{Code: TooMany, Offset: int64(at), Detail: "expected at most " + strconv.Itoa(maxNodes) + " values"}
	}
	s := scanners.Get().(*scanner)
	defer func() {
		s.buf = bytes.Buffer{}
		s.dec.Reset(&s.buf) // the pool must not keep the caller's text alive
		scanners.Put(s)
	}()
	s.buf = *bytes.NewBuffer(b)
	s.dec.Reset(&s.buf)

	d := &Doc{text: string(b), nodes: make([]node, 0, min(len(b)/12+8, 4096))}
	parent, last := None, None // the open container, and its latest child
	nameAt, nameLen, nameFlag := int32(-1), uint16(0), uint8(0)
	depth := 0
	for {
		kind := s.dec.PeekKind()
		var n node
		switch kind {
		case '}', ']':
			if _, err := s.dec.ReadToken(); err != nil {
				return nil, syntaxError(err)
			}
			open := &d.nodes[parent]
			open.end = int32(s.dec.InputOffset())
			last, parent = parent, open.parent
			depth--
		case '{', '[':
			if _, err := s.dec.ReadToken(); err != nil {
				return nil, syntaxError(err)
			}
			if depth++; depth > maxDepth {
				return nil, &Error{Code: TooDeep, Pointer: string(s.dec.StackPointer()), Offset: s.dec.InputOffset(), Detail: "expected at most " + strconv.Itoa(maxDepth) + " levels"}
			}
			n.kind = Object
			if kind == '[' {
				n.kind = Array
			}
			n.start = int32(s.dec.InputOffset()) - 1
		default:
			raw, err := s.dec.ReadValue()
			if err != nil {
				return nil, syntaxError(err)
			}
			n.end = int32(s.dec.InputOffset())
			n.start = n.end - int32(len(raw))
			if kind == '"' && parent >= 0 && d.nodes[parent].kind == Object && nameAt < 0 {
				if len(raw) > limits.JSONNameBytes {
					return nil, &Error{Code: TooLarge, Pointer: string(s.dec.StackPointer().Parent()), Offset: int64(n.start), Detail: "member name too long"}
				}
				nameAt, nameLen, nameFlag = n.start, uint16(len(raw)), 0
				if bytes.IndexByte(raw, '\\') >= 0 {
					nameFlag = nameEscaped
				}
				continue
			}
			if e := n.scalar(kind, raw); e != nil {
				e.Pointer, e.Offset = string(s.dec.StackPointer()), int64(n.start)
				return nil, e
			}
		}
		if kind != '}' && kind != ']' {
			if len(d.nodes) >= maxNodes {
				return nil, &Error{Code: TooMany, Offset: int64(n.start), Detail: "expected at most " + strconv.Itoa(maxNodes) + " values"}
			}
			n.name, n.nameLen = nameAt, nameLen
			n.flags |= nameFlag
			nameAt, nameFlag = -1, 0
			n.parent, n.next = parent, None
			id := Node(len(d.nodes))
			d.nodes = append(d.nodes, n)
			if last >= 0 {
				d.nodes[last].next = id
			}
			if parent >= 0 {
				d.nodes[parent].count++
			}
			last = id
			if n.kind == Object || n.kind == Array {
				parent, last = id, None
				continue
			}
		}
		if parent < 0 {
			break
		}
	}
	if _, err := s.dec.ReadToken(); err != io.EOF {
		return nil, &Error{Code: TrailingData, Offset: s.dec.InputOffset(), Detail: "expected the end of the document after its one value"}
	}
	return d, nil
}

// tooMany finds, before anything is allocated, the place at which a text has more values
// than allowed, and answers -1 where it does not. A value begins the text, or follows a
// comma or the opening bracket of a container that is not empty; what stands in strings
// is not counted. For a text that is not JSON the answer means nothing: the parser will
// refuse it.
func tooMany(b []byte, most int) int {
	if len(b)/2 < most || bytes.Count(b, []byte{','})+bytes.Count(b, []byte{'['})+bytes.Count(b, []byte{'{'}) < most {
		return -1
	}
	values := 1
	opened := false // the last thing seen was an opening bracket
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case ' ', '\t', '\r', '\n':
			continue
		case ']', '}':
			opened = false
			continue
		case ',':
			values++
		}
		if opened {
			values++
		}
		opened = b[i] == '[' || b[i] == '{'
		if b[i] == '"' {
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		}
		if values > most {
			return min(i, len(b)-1)
		}
	}
	return -1
}

func (l Limits) resolve() (size, depth, nodes int) {
	size, depth, nodes = l.Bytes, l.Depth, l.Nodes
	if size <= 0 {
		size = limits.DocumentBytes
	}
	if depth <= 0 {
		depth = limits.JSONDepth
	}
	if nodes <= 0 {
		nodes = limits.JSONNodes
	}
	return size, depth, nodes
}

func (n *node) scalar(kind jsontext.Kind, raw []byte) *Error {
	switch kind {
	case '"':
		n.kind = String
		if bytes.IndexByte(raw, '\\') >= 0 {
			n.flags |= valueEscaped
		}
	case '0':
		n.kind = Number
		return checkNumber(raw)
	case 't', 'f':
		n.kind = Bool
		if kind == 't' {
			n.flags |= isTrue
		}
	default:
		n.kind = Null
	}
	return nil
}

// maxSafe is the largest integer below which every integer is a double of its own
// (RFC 7493, section 2.2). From minLarge on canonical forms have exponents (RFC 8785,
// section 3.2.2.3; JSON-LD 1.1 API, section 8.4.2), and nobody takes them for integers.
const (
	maxSafe  = 1<<53 - 1
	minLarge = 1e21
)

// checkNumber refuses what a double would silently turn into another number: the
// canonical forms (RFC 8785, JSON-LD) go through doubles, so two different texts
// would hash alike.
func checkNumber(raw []byte) *Error {
	if len(raw) <= 15 && !bytes.ContainsAny(raw, ".eE") {
		return nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return &Error{Code: NumberRange, Detail: "expected a number within the range of a double"}
	}
	if abs := math.Abs(f); abs > maxSafe && abs < minLarge {
		return &Error{Code: NumberRange, Detail: "expected an integer within ±(2^53-1)"}
	}
	shortest := strconv.AppendFloat(nil, f, 'e', -1, 64)
	if !sameDecimal(raw, shortest) {
		return &Error{Code: NumberRange, Detail: "expected a number that a double holds as written"}
	}
	return nil
}

// sameDecimal compares two JSON numbers by their decimal value.
func sameDecimal(a, b []byte) bool {
	da, ea := decimal(a)
	db, eb := decimal(b)
	return da == db && (ea == eb || da == "")
}

// decimal splits a number into its significant digits, sign included and without
// zeros at either end, and the power of ten of the last one. Zero has no digits.
func decimal(raw []byte) (digits string, exp int) {
	s := string(raw)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(s[i+1:])
		if err != nil {
			return "overflow", 0
		}
		s, exp = s[:i], e
	}
	if i := strings.IndexByte(s, '.'); i >= 0 {
		exp -= len(s) - i - 1
		s = s[:i] + s[i+1:]
	}
	s = strings.TrimLeft(s, "0")
	trimmed := strings.TrimRight(s, "0")
	exp += len(s) - len(trimmed)
	if trimmed == "" {
		return "", 0
	}
	return sign + trimmed, exp
}

func syntaxError(err error) *Error {
	e := &Error{Code: Syntax, Detail: "expected one well-formed JSON value"}
	var se *jsontext.SyntacticError
	if errors.As(err, &se) {
		e.Offset, e.Pointer = se.ByteOffset, string(se.JSONPointer)
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		e.Code, e.Detail = DuplicateName, "expected unique member names"
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		e.Code, e.Detail = Syntax, "expected one JSON value, found the end of the text"
	case se != nil && se.Err != nil && strings.Contains(se.Err.Error(), "UTF-8"):
		e.Code, e.Detail = InvalidUTF8, "expected valid UTF-8"
	case se != nil && se.Err != nil && strings.Contains(se.Err.Error(), "surrogate"):
		e.Code, e.Detail = LoneSurrogate, "expected surrogates in pairs"
	}
	return e
}
