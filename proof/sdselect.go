package proof

import (
	"fmt"
	"strings"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// How much of a value is selected.
const (
	unselected uint8 = iota
	onPath           // the value is on the way to one that is selected
	whole
)

// selection is the part of a document that JSON pointers select (ECDSA Cryptosuites
// 3.4.11 to 3.4.13). The selected document has the members of the original in their
// order; of arrays it has the elements that were selected, without gaps.
type selection struct {
	doc  *strictjson.Doc
	root strictjson.Node
	keep []uint8 // by Node
	text []byte
	from []strictjson.Node // by Node of the selected document: the one of the original
}

// selectPointers selects the values that the pointers name, with identifiers, types and
// contexts of every object on the way. No pointers select nothing: nil.
func selectPointers(doc *strictjson.Doc, root strictjson.Node, pointers []string) (*selection, error) {
	if len(pointers) == 0 {
		return nil, nil
	}
	s := &selection{doc: doc, root: root, keep: make([]uint8, doc.Size())}
	s.pass(root)
	for _, p := range pointers {
		if err := s.add(p); err != nil {
			return nil, err
		}
	}
	s.write(root)
	return s, nil
}

// pointerNames splits a JSON pointer (RFC 6901) into its unescaped names.
func pointerNames(pointer string) ([]string, error) {
	if pointer == "" {
		return nil, nil
	}
	if pointer[0] != '/' {
		return nil, fmt.Errorf("%w: expected / at its begin", ErrPointer)
	}
	names := strings.Split(pointer[1:], "/")
	if len(names) > limits.JSONDepth {
		return nil, fmt.Errorf("%w: expected at most %d names", ErrPointer, limits.JSONDepth)
	}
	for i, name := range names {
		for rest := name; ; {
			at := strings.IndexByte(rest, '~')
			if at < 0 {
				break
			}
			if at+1 == len(rest) || rest[at+1] != '0' && rest[at+1] != '1' {
				return nil, fmt.Errorf("%w: expected 0 or 1 after ~", ErrPointer)
			}
			rest = rest[at+2:]
		}
		names[i] = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
	}
	return names, nil
}

// add selects what one pointer names (selectPaths, ECDSA Cryptosuites 3.4.12).
func (s *selection) add(pointer string) error {
	names, err := pointerNames(pointer)
	if err != nil {
		return err
	}
	n := s.root
	for depth, name := range names {
		s.pass(n)
		in := n
		n = s.child(n, name)
		if s.flattened(in, n) {
			return fmt.Errorf("%w: name %d of pointer %q counts in a list with lists in it, which others read as one list", ErrPointer, depth+1, clipped(pointer))
		}
		// The proof is no part of what is disclosed.
		if n == strictjson.None || depth == 0 && name == "proof" {
			return fmt.Errorf("%w: name %d of pointer %q is not there", ErrPointer, depth+1, clipped(pointer))
		}
	}
	s.all(n)
	return nil
}

// flattened tells whether an element lies in a list behind a list, or is one. By the letter
// of the specification pointers are read in a compacted form of the document (ECDSA
// Cryptosuites 3.4.8), where the elements of the inner list count in the outer one: holders
// would take the pointer for one to something else.
func (s *selection) flattened(in, n strictjson.Node) bool {
	if s.doc.Kind(in) != strictjson.Array || n == strictjson.None {
		return false
	}
	for c := s.doc.First(in); c != strictjson.None && c <= n; c = s.doc.Next(c) {
		if s.doc.Kind(c) == strictjson.Array {
			return true
		}
	}
	return false
}

func clipped(pointer string) string {
	const most = 200
	if len(pointer) > most {
		return pointer[:most] + "…"
	}
	return pointer
}

// child finds a member or element. Indexes are written without leading zeros.
func (s *selection) child(n strictjson.Node, name string) strictjson.Node {
	switch s.doc.Kind(n) {
	case strictjson.Object:
		return s.doc.Get(n, name)
	case strictjson.Array:
		if name == "" || len(name) > 9 || name[0] == '0' && len(name) > 1 {
			return strictjson.None
		}
		i := 0
		for _, c := range []byte(name) {
			if c < '0' || c > '9' {
				return strictjson.None
			}
			i = 10*i + int(c-'0')
		}
		if i < s.doc.Len(n) {
			return s.doc.Index(n, i)
		}
	}
	return strictjson.None
}

// pass puts a value on the way to one that is selected (createInitialSelection, ECDSA
// Cryptosuites 3.4.11): an object is never disclosed without what it is called and of
// which types it is. Unlike there, blank node identifiers stay too, so that a reference
// to them does not lose its target.
func (s *selection) pass(n strictjson.Node) {
	if s.keep[n] != unselected {
		return
	}
	s.keep[n] = onPath
	if s.doc.Kind(n) != strictjson.Object {
		return
	}
	for c := s.doc.First(n); c != strictjson.None; c = s.doc.Next(c) {
		switch s.doc.Name(c) {
		case "@context", "id", "@id", "type", "@type":
			s.all(c)
		}
	}
}

// all selects a value and everything in it, but for the proof of the document.
func (s *selection) all(n strictjson.Node) {
	if s.keep[n] == whole {
		return
	}
	s.keep[n] = whole
	for c := s.doc.First(n); c != strictjson.None; c = s.doc.Next(c) {
		if n != s.root || s.doc.Name(c) != "proof" {
			s.all(c)
		}
	}
}

// write appends the selected part of a value to the text.
func (s *selection) write(n strictjson.Node) {
	s.from = append(s.from, n)
	kind := s.doc.Kind(n)
	if kind != strictjson.Object && kind != strictjson.Array {
		s.text = append(s.text, s.doc.Raw(n)...)
		return
	}
	brackets := "{}"
	if kind == strictjson.Array {
		brackets = "[]"
	}
	s.text = append(s.text, brackets[0])
	for c := s.doc.First(n); c != strictjson.None; c = s.doc.Next(c) {
		if s.keep[c] == unselected {
			continue
		}
		if s.from[len(s.from)-1] != n { // another came before it
			s.text = append(s.text, ',')
		}
		if kind == strictjson.Object {
			s.text = append(append(s.text, strictjson.Quote(s.doc.Name(c))...), ':')
		}
		s.write(c)
	}
	s.text = append(s.text, brackets[1])
}
