package fuzz

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/piprate/json-gold/ld"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/verifier"
)

// meanings remembers what documents mean, and tells whether another means the same.
//
// Where a signature covers the text or its JCS form, that is the same JSON value. Where
// it covers RDF, it is the same value up to what RDF does not have: the order and the
// repetition of members of a set, a set of one, id for @id, type for @type, and an
// object that is nothing but an identifier. Contexts are not signed, only what they
// make of the document: where they differ, json-gold is asked whether that is the same.
// Proofs are compared apart: every one must be a proof of a document with the same
// meaning, since taking one from a set leaves a good document. Where any good proof
// suffices, one must be.
type meanings struct {
	any    bool
	exact  map[string]bool
	bodies map[string]*known
}

// known is what seeds with one body have.
type known struct {
	proofs   map[string]bool
	contexts map[string]bool
	text     string // of one of them
}

func newMeanings(anyProof bool) *meanings {
	return &meanings{any: anyProof, exact: map[string]bool{}, bodies: map[string]*known{}}
}

// parts returns the document that was verified, its proofs among it.
func parts(ok *verifier.Verified) (d *strictjson.Doc, proofs []strictjson.Node, err error) {
	switch {
	case ok.Credential() != nil:
		d = ok.Credential().Document()
	case ok.Presentation() != nil:
		d = ok.Presentation().Document()
	default:
		if d, err = strictjson.Parse(ok.Secured().Bytes, strictjson.Limits{}); err != nil {
			return nil, nil, err
		}
	}
	p := d.Get(0, "proof")
	if p == strictjson.None {
		return d, nil, nil
	}
	if d.Kind(p) != strictjson.Array {
		return d, []strictjson.Node{p}, nil
	}
	d.Each(p, func(n strictjson.Node) bool { proofs = append(proofs, n); return true })
	return d, proofs, nil
}

// body is the key of a document without its proofs, as a suite sees it.
func body(d *strictjson.Doc, suite string) string {
	if strings.Contains(suite, "-jcs-") {
		// These suites sign the proof's copy of the contexts, to which the document's have
		// to be equal, where one alone is a list of one (EdDSA Cryptosuites 3.3.2, step 4).
		var set []strictjson.Member
		if c := d.Get(0, "@context"); d.Kind(c) == strictjson.String {
			set = []strictjson.Member{{Name: "@context", Value: "[" + d.Raw(c) + "]"}}
		}
		b, err := strictjson.Canonicalize(d.Rewrite(0, set, "proof"))
		if err != nil {
			return "?" // which no document that parsed comes to
		}
		return "jcs " + string(b)
	}
	return "rdf " + meaning(d, 0, "proof")
}

func (m *meanings) add(ok *verifier.Verified) {
	d, proofs, err := parts(ok)
	if err != nil {
		m.exact[string(ok.Secured().Bytes)] = true
		return
	}
	if len(proofs) == 0 {
		m.exact[exact(d)] = true
	}
	for _, p := range proofs {
		key := body(d, d.String(d.Get(p, "cryptosuite")))
		k := m.bodies[key]
		if k == nil {
			k = &known{proofs: map[string]bool{}, contexts: map[string]bool{}, text: d.Text()}
			m.bodies[key] = k
		}
		k.proofs[meaning(d, p)] = true
		k.contexts[contextsOf(d)] = true
	}
}

func (m *meanings) has(ok *verifier.Verified) bool {
	d, proofs, err := parts(ok)
	if err != nil {
		return m.exact[string(ok.Secured().Bytes)]
	}
	if len(proofs) == 0 {
		return m.exact[exact(d)]
	}
	good := 0
	for _, p := range proofs {
		k := m.bodies[body(d, d.String(d.Get(p, "cryptosuite")))]
		if k != nil && k.proofs[meaning(d, p)] && (k.contexts[contextsOf(d)] || sameReading(d.Text(), k.text)) {
			good++
		}
	}
	return good == len(proofs) || m.any && good > 0
}

// contextsOf is every @context of a document, wherever it is.
func contextsOf(d *strictjson.Doc) string {
	var out strings.Builder
	for n := range strictjson.Node(d.Size()) {
		if d.Name(n) == "@context" {
			b, err := d.CanonicalizeNode(n)
			if err != nil {
				return "?"
			}
			out.WriteString(d.Pointer(n) + " " + string(b) + "\n")
		}
	}
	return out.String()
}

// sameReading asks json-gold whether two documents are the same quads. It knows the
// embedded contexts alone, the newest versions; documents without their proofs.
func sameReading(a, b string) bool {
	x, err := reading(a)
	if err != nil {
		return false
	}
	y, err := reading(b)
	return err == nil && x == y
}

func reading(text string) (string, error) {
	d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		return "", err
	}
	if d, err = strictjson.Parse(d.Rewrite(0, nil, "proof"), strictjson.Limits{}); err != nil {
		return "", err
	}
	document := d.Any(0)
	numbered(document)
	opt := ld.NewJsonLdOptions("")
	opt.DocumentLoader, opt.Format, opt.Algorithm = embedded{}, "application/n-quads", ld.AlgorithmURDNA2015
	out, err := ld.NewJsonLdProcessor().Normalize(document, opt)
	if err != nil {
		return "", err
	}
	return out.(string), nil
}

// numbered gives each mention of a context in a list a fragment of its own: json-gold
// takes one that is named twice for one that includes itself.
func numbered(value any) {
	switch value := value.(type) {
	case []any:
		for _, e := range value {
			numbered(e)
		}
	case map[string]any:
		for name, e := range value {
			list, ok := e.([]any)
			if name != "@context" || !ok {
				numbered(e)
				continue
			}
			for i := range list {
				if url, ok := list[i].(string); ok {
					list[i] = fmt.Sprintf("%s#%d", url, i)
				}
			}
		}
	}
}

// embedded loads the embedded contexts, whatever the fragment.
type embedded struct{}

func (embedded) LoadDocument(url string) (*ld.RemoteDocument, error) {
	name, _, _ := strings.Cut(url, "#")
	all := ldcontext.Default().Versions(name)
	if len(all) == 0 {
		return nil, fmt.Errorf("unknown context %s", url)
	}
	return &ld.RemoteDocument{DocumentURL: url, Document: all[0].Doc.Any(0)}, nil
}

func exact(d *strictjson.Doc) string {
	b, err := d.CanonicalizeNode(0)
	if err != nil {
		return "?"
	}
	return string(b)
}

// ordered are the members whose arrays have an order.
var ordered = map[string]bool{"@list": true, "allowedValue": true}

// meaning writes a value so that equal meaning gives equal text.
func meaning(d *strictjson.Doc, n strictjson.Node, drop ...string) string {
	switch d.Kind(n) {
	case strictjson.Object:
		var members []string
		for c := d.First(n); c != strictjson.None; c = d.Next(c) {
			name := d.Name(c)
			if name == "@context" || slices.Contains(drop, name) {
				continue
			}
			value := meaning(d, c)
			switch name {
			case "@id", "@type":
				name = name[1:]
			}
			if ordered[name] {
				b, err := d.CanonicalizeNode(c)
				if err != nil {
					b = []byte(d.Raw(c))
				}
				value = string(b)
			}
			if name == "id" && d.Len(n) == 1 {
				return value
			}
			members = append(members, strictjson.Quote(name)+":"+value)
		}
		slices.Sort(members)
		return "{" + strings.Join(members, ",") + "}"
	case strictjson.Array:
		var values []string
		d.Each(n, func(c strictjson.Node) bool { values = append(values, meaning(d, c)); return true })
		slices.Sort(values)
		if values = slices.Compact(values); len(values) == 1 {
			return values[0]
		}
		return "[" + strings.Join(values, ",") + "]"
	}
	b, err := d.CanonicalizeNode(n)
	if err != nil {
		return d.Raw(n)
	}
	return string(b)
}

func TestMeaning(t *testing.T) {
	same := func(a, b string) bool {
		x, err := strictjson.Parse([]byte(a), strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		y, err := strictjson.Parse([]byte(b), strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return meaning(x, 0) == meaning(y, 0)
	}
	for _, p := range [][2]string{
		{`{"a":1,"b":["x","y"]}`, `{ "b":["y","x","x"], "a":1.0 }`}, {`{"type":["A"]}`, `{"@type":"A"}`}, {`{"issuer":{"id":"a:b"}}`, `{"issuer":"a:b"}`},
	} {
		if !same(p[0], p[1]) {
			t.Errorf("%s and %s: expected the same meaning", p[0], p[1])
		}
	}
	for _, p := range [][2]string{
		{`{"a":1}`, `{"a":"1"}`}, {`{"allowedValue":["A","B"]}`, `{"allowedValue":["B","A"]}`},
		{`{"a":1}`, `{"a":1,"b":null}`}, {`{"a":["x","y"]}`, `{"a":["x"]}`}, {`{"a":"x"}`, `{"A":"x"}`},
	} {
		if same(p[0], p[1]) {
			t.Errorf("%s and %s: expected another meaning", p[0], p[1])
		}
	}
	const one, two = `"https://www.w3.org/ns/credentials/v2"`, `"https://www.w3.org/ns/credentials/examples/v2"`
	vc := func(contexts string) string {
		return `{"@context":[` + contexts + `],"type":["VerifiableCredential"],"surprise":"x"}`
	}
	if !sameReading(vc(one+","+two), vc(one+","+two+","+one)) || sameReading(vc(one+","+two), vc(one)) || sameReading(vc(one+","+two), vc(one+`,{"surprise":"https://example.org/s"}`)) {
		t.Error("expected json-gold to tell contexts apart by what they make of a document")
	}
}
