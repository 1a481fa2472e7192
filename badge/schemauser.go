package badge

import (
	"fmt"
	"math"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Bounds on schemas by others. Evaluation costs at most the product of the schema's
// subschemas, references written out, and of the instance's values.
const (
	maxUserSchemaBytes  = 256 << 10
	maxUserSchemaSize   = 20_000
	maxUserSchemaWork   = 5_000_000
	maxUserDetailWork   = 300_000 // up to which faults are told: the validator keeps each
	maxUserPatternBytes = 512
	maxUserPatternWork  = 50_000_000 // instructions of the patterns times bytes of the instance
)

// drafts are the schema languages that are evaluated.
var drafts = []string{
	"https://json-schema.org/draft/2020-12/schema",
	"https://json-schema.org/draft/2019-09/schema",
	"http://json-schema.org/draft-07/schema",
}

// ValidateSchema validates the value at n by a schema that a credential brings along
// (VC JSON Schema, type JsonSchema): JSON Schema 2020-12, 2019-09 or draft-07, without
// references to other documents, without recursion, and within bounds. Nothing is
// fetched. Without findings the instance is valid. An error that wraps
// ErrSchemaUnsupported, or a *chancery.JSONError of the schema, means that it could not
// be validated: the outcome is indeterminate.
func ValidateSchema(schema []byte, doc *strictjson.Doc, n strictjson.Node) ([]Finding, error) {
	s, err := ReadSchema(schema)
	if err != nil {
		return nil, err
	}
	return s.Validate(doc, n)
}

// UserSchema is a schema that a credential brings along, made ready to validate by.
type UserSchema struct {
	compiled *validator
	size     int // values, references written out
	patterns int // instructions of the patterns, as often as they may be asked
}

// ReadSchema reads a schema for several instances: making one ready costs much more than
// validating by it. Errors are those of ValidateSchema.
func ReadSchema(schema []byte) (*UserSchema, error) {
	s, size, err := measure(schema)
	if err != nil {
		return nil, err
	}
	value := s.doc.Any(0)
	if m, ok := value.(map[string]any); ok {
		delete(m, "$id") // there is one document, whatever it calls itself
	}
	c, err := compileSchema(value)
	if err != nil {
		return nil, fmt.Errorf("%w: not a valid schema", ErrSchemaUnsupported)
	}
	return &UserSchema{c, size, s.patterns * (size/s.doc.Size() + 1)}, nil
}

// SchemaWork returns how many steps, of some 10 ns each, ReadSchema takes for a schema. It
// takes a tenth of that itself at most. Errors are those of ReadSchema; the steps are then
// those that it took to find out.
func SchemaWork(schema []byte) (int, error) {
	s, _, err := measure(schema)
	switch {
	case s == nil:
		return 0, err
	case err != nil:
		return 20*s.patterns + s.runes, err
	}
	return s.ready, nil
}

// measure reads a schema and answers the count of its values, references written out.
func measure(schema []byte) (*userSchema, int, error) {
	sd, err := strictjson.Parse(schema, strictjson.Limits{Bytes: maxUserSchemaBytes})
	if err != nil {
		return nil, 0, err
	}
	s := &userSchema{doc: sd, sizes: map[strictjson.Node]int{}, targets: map[strictjson.Node]int{}, kids: map[strictjson.Node]map[string]strictjson.Node{}}
	size, err := s.check()
	if err != nil {
		return s, 0, fmt.Errorf("%w: %w", ErrSchemaUnsupported, err)
	}
	return s, size, nil
}

// Work is how many steps validating the value at n takes at most, or the largest int.
func (s *UserSchema) Work(doc *strictjson.Doc, n strictjson.Node) int {
	return int(min(int64(s.size)*int64(span(doc, n)), math.MaxInt))
}

// Validate validates the value at n, as ValidateSchema does.
func (s *UserSchema) Validate(doc *strictjson.Doc, n strictjson.Node) ([]Finding, error) {
	if s.compiled == nil || doc.Kind(n) == strictjson.Invalid {
		return nil, fmt.Errorf("%w: expected a schema of ReadSchema, and a value", ErrSchemaUnsupported)
	}
	if s.Work(doc, n) > maxUserSchemaWork {
		return nil, fmt.Errorf("%w: expected a smaller schema or a smaller document", ErrSchemaUnsupported)
	}
	if int64(s.patterns)*int64(len(doc.Raw(n))) > maxUserPatternWork {
		return nil, fmt.Errorf("%w: expected simpler patterns or a smaller document", ErrSchemaUnsupported)
	}
	return s.compiled.validate(doc, n, s.Work(doc, n) <= maxUserDetailWork)
}

// userSchema measures a schema by others before it is compiled.
type userSchema struct {
	doc      *strictjson.Doc
	sizes    map[strictjson.Node]int                        // of a subschema with its references written out; -1 while being measured
	targets  map[strictjson.Node]int                        // what references lead to, and the length of a reference
	kids     map[strictjson.Node]map[string]strictjson.Node // of values that references lead through
	anchors  map[string]strictjson.Node                     // what is called so; nil until it is needed
	patterns int                                            // instructions of all patterns
	runes    int                                            // ranges of characters in them
	ready    int                                            // steps to make it ready
}

func (s *userSchema) check() (int, error) {
	if s.doc.Kind(0) != strictjson.Object && s.doc.Kind(0) != strictjson.Bool {
		return 0, fmt.Errorf("expected an object as schema")
	}
	if v := s.doc.Get(0, "$schema"); v != strictjson.None && !slices.Contains(drafts, strings.TrimSuffix(s.doc.String(v), "#")) {
		return 0, fmt.Errorf("expected JSON Schema 2020-12, 2019-09 or draft-07")
	}
	size, err := s.size(0)
	if err != nil {
		return 0, err
	}
	if s.ready = s.steps(); s.ready > maxUserSchemaReady {
		return 0, fmt.Errorf("expected a schema that takes less to be made ready")
	}
	return size, nil
}

// size counts the values of a subschema, references written out. Every value counts,
// whether it is a subschema or not: that bounds the count from above.
func (s *userSchema) size(n strictjson.Node) (int, error) {
	if known, ok := s.sizes[n]; ok {
		if known < 0 {
			return 0, fmt.Errorf("expected a schema without recursion at %q", shorten(s.doc.Pointer(n)))
		}
		return known, nil
	}
	s.sizes[n] = -1
	total := 1
	add := func(m strictjson.Node) error {
		k, err := s.size(m)
		if total += k; err == nil && total > maxUserSchemaSize {
			err = fmt.Errorf("expected a schema of at most %d values with references written out", maxUserSchemaSize)
		}
		return err
	}
	for m := s.doc.First(n); m != strictjson.None; m = s.doc.Next(m) {
		if err := s.keyword(n, m); err != nil {
			return 0, err
		}
		if s.doc.Kind(n) == strictjson.Object && s.doc.Name(m) == "$ref" && s.doc.Kind(m) == strictjson.String {
			target, err := s.target(s.doc.String(m))
			if err != nil {
				return 0, err
			}
			s.targets[target] = len(s.doc.Raw(m))
			if err := add(target); err != nil {
				return 0, err
			}
			continue
		}
		if err := add(m); err != nil {
			return 0, err
		}
	}
	s.sizes[n] = total
	return total, nil
}

// keyword refuses what leads elsewhere, or costs more than it says.
func (s *userSchema) keyword(n, m strictjson.Node) error {
	if s.doc.Kind(n) != strictjson.Object {
		return nil
	}
	str, isString := s.doc.Str(m)
	switch name := s.doc.Name(m); {
	case name == "$dynamicRef" || name == "$recursiveRef":
		return fmt.Errorf("expected no %s", name)
	case (name == "$id" || name == "$schema") && n != 0 && isString:
		return fmt.Errorf("expected %s at the root only", name)
	case name == "pattern" && isString:
		return s.pattern(str)
	case name == "patternProperties":
		for p := s.doc.First(m); p != strictjson.None; p = s.doc.Next(p) {
			if err := s.pattern(s.doc.Name(p)); err != nil {
				return err
			}
		}
	}
	return nil
}

// pattern counts what an automaton for it would hold.
func (s *userSchema) pattern(p string) error {
	if len(p) > maxUserPatternBytes {
		return fmt.Errorf("expected patterns of at most %d bytes", maxUserPatternBytes)
	}
	text, err := ecmaPattern(p)
	if err != nil {
		return err
	}
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return fmt.Errorf("expected patterns without look-around and back references")
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return fmt.Errorf("expected patterns that compile")
	}
	for i := range prog.Inst {
		s.runes += len(prog.Inst[i].Rune)
	}
	if s.patterns += len(prog.Inst); s.patterns > maxUserPatterns || s.runes > maxUserRunes {
		return fmt.Errorf("expected fewer or simpler patterns")
	}
	return nil
}

// target follows a reference within the document: a JSON pointer or an anchor.
func (s *userSchema) target(ref string) (strictjson.Node, error) {
	fragment, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return 0, fmt.Errorf("expected references within the schema only")
	}
	if fragment == "" || fragment[0] == '/' {
		if t, ok := s.lookup(fragment); ok && !strings.ContainsRune(fragment, '%') {
			return t, nil
		}
		return 0, fmt.Errorf("expected references to what is in the schema")
	}
	if s.anchors == nil {
		s.anchors = map[string]strictjson.Node{}
		for n := range strictjson.Node(s.doc.Size()) {
			if name, ok := s.doc.Str(n); ok && s.doc.Name(n) == "$anchor" {
				if _, before := s.anchors[name]; !before {
					s.anchors[name] = s.doc.Parent(n)
				}
			}
		}
	}
	if t, ok := s.anchors[fragment]; ok {
		return t, nil
	}
	return 0, fmt.Errorf("expected references to what is in the schema")
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// lookup follows a JSON pointer. Unlike Doc.Lookup it does not walk over what lies before a
// value each time: a schema may refer to each of thousands of values.
func (s *userSchema) lookup(pointer string) (n strictjson.Node, ok bool) {
	for ok = true; pointer != ""; {
		token, rest, more := strings.Cut(pointer[1:], "/")
		kids := s.kids[n]
		if kids == nil {
			kids = make(map[string]strictjson.Node, s.doc.Len(n))
			i := 0
			for c := s.doc.First(n); c != strictjson.None; c = s.doc.Next(c) {
				name := s.doc.Name(c)
				if s.doc.Kind(n) == strictjson.Array {
					name = strconv.Itoa(i)
				}
				kids[name] = c
				i++
			}
			s.kids[n] = kids
		}
		if n, ok = kids[unescape.Replace(token)]; !ok {
			return 0, false
		}
		if pointer = ""; more {
			pointer = "/" + rest
		}
	}
	return n, true
}
