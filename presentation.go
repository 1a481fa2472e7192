package chancery

import (
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Presentation is a parsed presentation of which nothing is trusted yet. It keeps
// the bytes it was parsed from, is immutable, and safe for concurrent use.
type Presentation struct {
	doc   *strictjson.Doc
	model ModelVersion
}

// ParsePresentation reads a presentation, secured or not, and checks its shape only.
// Errors are *ShapeError or *JSONError.
func ParsePresentation(b []byte) (*Presentation, error) {
	doc, err := parseDoc(b)
	if err != nil {
		return nil, err
	}
	p := &Presentation{doc: doc}
	if p.model, err = checkHead(doc, "VerifiablePresentation"); err != nil {
		return nil, err
	}
	vc := doc.Get(0, "verifiableCredential")
	if vc != strictjson.None && doc.Kind(vc) != strictjson.Object && doc.Kind(vc) != strictjson.Array && doc.Kind(vc) != strictjson.String {
		return nil, shape(doc, vc, "expected credentials", "VC Data Model 2.0, 4.13")
	}
	if doc.Kind(vc) == strictjson.Array && doc.Len(vc) > limits.Credentials {
		return nil, &ShapeError{Pointer: "/verifiableCredential", Detail: "expected at most 1000 credentials"}
	}
	return p, nil
}

// Document returns the parsed text, for the packages of this module.
func (p *Presentation) Document() *strictjson.Doc { return p.doc }

// Raw returns a copy of exactly the bytes that were parsed.
func (p *Presentation) Raw() []byte { return []byte(p.doc.Text()) }

// Model returns the version of the data model that the first context names.
func (p *Presentation) Model() ModelVersion { return p.model }

// ID returns the presentation's identifier, "" without one.
func (p *Presentation) ID() string { return p.doc.String(p.doc.Get(0, "id")) }

// Holder returns the holder's identifier, "" without one.
func (p *Presentation) Holder() string { return idOf(p.doc, p.doc.Get(0, "holder")) }

// HasProof tells whether there is a proof member that is not an empty list.
func (p *Presentation) HasProof() bool {
	n := p.doc.Get(0, "proof")
	return n != strictjson.None && (p.doc.Kind(n) != strictjson.Array || p.doc.Len(n) > 0)
}

// Inner is one credential of a presentation as it is written: an object, an
// enveloped credential, or, in the data model 1.1, a JWT.
type Inner struct {
	Pointer string
	Secured Secured
}

// Credentials returns the credentials inside, in order. An enveloped credential
// (VC Data Model 2.0, section 4.14) is unwrapped to what its data: URL holds; where
// that cannot be done the error is a *ShapeError.
func (p *Presentation) Credentials() ([]Inner, error) {
	var out []Inner
	var bad error
	p.doc.Each(p.doc.Get(0, "verifiableCredential"), func(n strictjson.Node) bool {
		in := Inner{Pointer: p.doc.Pointer(n)}
		switch {
		case p.doc.Kind(n) == strictjson.String && p.model == Model1_1:
			in.Secured = Secured{MediaJWT, []byte(p.doc.String(n))}
		case p.doc.Kind(n) != strictjson.Object:
			bad = shape(p.doc, n, "expected a credential object", "VC Data Model 2.0, 4.13")
			return false
		case hasType(p.doc, n, "EnvelopedVerifiableCredential"):
			in.Secured, bad = unwrap(p.doc, n, "EnvelopedVerifiableCredential", MediaVCJWT)
			if bad != nil {
				return false
			}
		default:
			in.Secured = Secured{MediaVC, []byte(p.doc.Raw(n))}
		}
		out = append(out, in)
		return true
	})
	return out, bad
}
