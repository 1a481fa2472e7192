// Package proof reads the proofs that credentials carry and does their arithmetic:
// Data Integrity proofs (VC Data Integrity 1.0 and its EdDSA and ECDSA cryptosuites)
// and compact JWS (VC-JOSE-COSE).
//
// To check a Data Integrity proof, read the proofs with Proofs, find the suite of
// each with SuiteByName, the proofs it builds on with Previous, then Hash and Verify.
// For a JWS use ParseJWS and JWS.Verify. Package verifier does all of this in the
// right order; package signer makes proofs with the same suites.
//
// Proofs of ecdsa-sd-2023 come in two forms. The issuer makes a base proof (NewSDBase),
// its holder derives from it what he shows (DeriveSD), and only that is verified like
// other proofs.
//
// This package decides nothing: it holds no private keys, trusts no key it finds in a
// document, reads no clock and opens no socket. A nil error from Verify means that the
// signature fits the key that the caller passed, and no more than that.
package proof

import (
	"errors"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Errors that callers tell apart with errors.Is. Those about a place in a document
// come wrapped in *Error, which holds the JSON pointer.
var (
	// ErrNoProof: there is no proof member, or an empty list.
	ErrNoProof = errors.New("proof: no proof found")
	// ErrShape: a proof does not have the form that VC Data Integrity 2.1 asks for.
	ErrShape = errors.New("proof: malformed proof")
	// ErrTooMany: more proofs than limits.Proofs.
	ErrTooMany = errors.New("proof: too many proofs")
	// ErrPreviousProof: previousProof names no proof of the document, itself, or a
	// circle.
	ErrPreviousProof = errors.New("proof: previous proof not found")
	// ErrContext: the proof's own @context disagrees with the document's.
	ErrContext = errors.New("proof: context of the proof differs from that of the document")
	// ErrSuite: the suite asked for is not that of the proof.
	ErrSuite = errors.New("proof: wrong proof type or cryptosuite")
	// ErrKeyType: the key is of a type, curve or size that the suite or algorithm
	// does not allow.
	ErrKeyType = errors.New("proof: key does not fit the suite or algorithm")
	// ErrProofValue: the signature is not encoded as the suite asks for.
	ErrProofValue = errors.New("proof: malformed signature value")
	// ErrSignature: the signature does not fit document and key.
	ErrSignature = errors.New("proof: signature does not verify")
)

// Error is an error at a place in a document. It wraps one of the sentinels of this
// package.
type Error struct {
	Err     error  // the sentinel
	Pointer string // JSON pointer (RFC 6901) of the place
	Detail  string // what was expected and what was found, without values of the document
	Section string // the specification's section, where one rule decides
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%v: %s at %q", e.Err, e.Detail, e.Pointer)
	if e.Section != "" {
		s += " (" + e.Section + ")"
	}
	return s
}

// Unwrap returns the sentinel.
func (e *Error) Unwrap() error { return e.Err }

// Proof is one Data Integrity proof as it is written (VC Data Integrity 2.1). Nothing
// in it is trusted.
type Proof struct {
	ID                 string // "" where absent
	Type               string // DataIntegrityProof, or a legacy type such as Ed25519Signature2020
	Cryptosuite        string // "" for legacy types
	VerificationMethod string // URL of the verification method; for known suites never ""
	ProofPurpose       string // for known suites never ""
	Challenge          string
	Nonce              string
	ProofValue         string // as written: multibase; "" in a configuration that is still to be signed
	Created, Expires   time.Time
	HasCreated         bool
	HasExpires         bool
	Domain             []string
	PreviousProof      []string
	Pointer            string          // JSON pointer of the proof in its document
	Doc                *strictjson.Doc // the document that holds Node: the secured one, or a proof configuration
	Node               strictjson.Node
}

// Proofs returns the proofs of a document, in order: those of the root's proof member,
// which is an object or a list of them. Proof types and cryptosuites that this package
// does not know are returned like others; SuiteByName tells them apart.
//
// Errors: ErrNoProof where there is none, ErrTooMany, and *Error wrapping ErrShape.
// One malformed proof is an error of the whole document.
func Proofs(d *strictjson.Doc) ([]Proof, error) { return ProofsAt(d, 0) }

// ProofsAt is Proofs for a credential nested in a document, such as one inside a
// presentation: root is its node.
func ProofsAt(d *strictjson.Doc, root strictjson.Node) ([]Proof, error) {
	member := d.Get(root, "proof")
	switch d.Kind(member) {
	case strictjson.Invalid:
		return nil, ErrNoProof
	case strictjson.Object:
		p, err := parseProof(d, member, true)
		if err != nil {
			return nil, err
		}
		return []Proof{p}, nil
	case strictjson.Array:
	default:
		return nil, shapeError(d, member, "expected a proof object or a list of them, found "+d.Kind(member).String())
	}
	n := d.Len(member)
	if n == 0 {
		return nil, ErrNoProof
	}
	if n > limits.Proofs {
		return nil, &Error{Err: ErrTooMany, Pointer: d.Pointer(member), Detail: fmt.Sprintf("expected at most %d, found %d", limits.Proofs, n)}
	}
	out := make([]Proof, 0, n)
	for c := d.First(member); c != strictjson.None; c = d.Next(c) {
		p, err := parseProof(d, c, true)
		if err != nil {
			return nil, err
		}
		for _, q := range out {
			if p.ID != "" && p.ID == q.ID {
				return nil, shapeError(d, c, "expected proofs with different ids, found one twice")
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// ParseConfig reads a proof configuration (VC Data Integrity 4.2, "proof options"): a
// proof that has no proofValue yet. Errors are *chancery.JSONError or *Error.
func ParseConfig(b []byte) (Proof, error) {
	d, err := strictjson.Parse(b, strictjson.Limits{})
	if err != nil {
		return Proof{}, err
	}
	if d.Get(0, "proofValue") != strictjson.None {
		return Proof{}, shapeError(d, 0, "expected a proof configuration without proofValue")
	}
	return parseProof(d, 0, false)
}

const sectionProofs = "VC Data Integrity 2.1"

func shapeError(d *strictjson.Doc, n strictjson.Node, detail string) *Error {
	return &Error{Err: ErrShape, Pointer: d.Pointer(n), Detail: detail, Section: sectionProofs}
}

// parseProof reads one proof. signed says whether it must have its proofValue.
func parseProof(d *strictjson.Doc, n strictjson.Node, signed bool) (Proof, error) {
	p := Proof{Pointer: d.Pointer(n), Doc: d, Node: n}
	if d.Kind(n) != strictjson.Object {
		return p, shapeError(d, n, "expected a proof object, found "+d.Kind(n).String())
	}
	for c := d.First(n); c != strictjson.None; c = d.Next(c) {
		if err := p.member(d, c); err != nil {
			return p, err
		}
	}
	if p.Type == "" {
		return p, shapeError(d, n, "expected a type")
	}
	if p.Type == TypeDataIntegrity && p.Cryptosuite == "" {
		return p, shapeError(d, n, "expected a cryptosuite")
	}
	if _, known := SuiteByName(p.Type, p.Cryptosuite); !known {
		return p, nil
	}
	switch {
	case p.VerificationMethod == "":
		return p, shapeError(d, n, "expected a verificationMethod")
	case p.ProofPurpose == "":
		return p, shapeError(d, n, "expected a proofPurpose")
	case signed && p.ProofValue == "":
		return p, shapeError(d, n, "expected a proofValue")
	case p.Type == TypeEd25519Signature2020 && !p.HasCreated:
		return p, shapeError(d, n, "expected created")
	}
	return p, nil
}

// member reads one member of a proof. Members it does not name have no meaning here,
// but take part in the hash like all others.
func (p *Proof) member(d *strictjson.Doc, n strictjson.Node) error {
	switch d.Name(n) {
	case "id", "@id":
		if p.ID != "" {
			return shapeError(d, n, "expected one id")
		}
		return text(d, n, &p.ID)
	case "type", "@type":
		if p.Type != "" {
			return shapeError(d, n, "expected one type")
		}
		return text(d, n, &p.Type)
	case "cryptosuite":
		return text(d, n, &p.Cryptosuite)
	case "verificationMethod":
		return text(d, n, &p.VerificationMethod)
	case "proofPurpose":
		return text(d, n, &p.ProofPurpose)
	case "challenge":
		return text(d, n, &p.Challenge)
	case "nonce":
		return text(d, n, &p.Nonce)
	case "proofValue":
		return text(d, n, &p.ProofValue)
	case "created":
		p.HasCreated = true
		return instant(d, n, &p.Created)
	case "expires":
		p.HasExpires = true
		return instant(d, n, &p.Expires)
	case "domain":
		return texts(d, n, &p.Domain)
	case "previousProof":
		return texts(d, n, &p.PreviousProof)
	}
	return nil
}

func text(d *strictjson.Doc, n strictjson.Node, to *string) error {
	s, ok := d.Str(n)
	if !ok {
		return shapeError(d, n, "expected a string, found "+d.Kind(n).String())
	}
	if s == "" {
		return shapeError(d, n, "expected a string that is not empty")
	}
	*to = s
	return nil
}

func texts(d *strictjson.Doc, n strictjson.Node, to *[]string) error {
	if d.Kind(n) == strictjson.Array && (d.Len(n) == 0 || d.Len(n) > limits.Proofs) {
		return shapeError(d, n, fmt.Sprintf("expected 1 to %d strings, found %d", limits.Proofs, d.Len(n)))
	}
	var err error
	d.Each(n, func(c strictjson.Node) bool {
		var s string
		if err = text(d, c, &s); err != nil {
			return false
		}
		for _, t := range *to {
			if s == t {
				err = shapeError(d, c, "expected different strings, found one twice")
				return false
			}
		}
		*to = append(*to, s)
		return true
	})
	return err
}

// instant reads a date and time with zone (xsd:dateTimeStamp in its RFC 3339 form).
func instant(d *strictjson.Doc, n strictjson.Node, to *time.Time) error {
	t, ok := d.Time(n)
	if !ok {
		return shapeError(d, n, "expected a date and time with zone (RFC 3339)")
	}
	*to = t
	return nil
}

// Previous returns the proofs among all that p.PreviousProof names, in the order of
// all: what the suite puts back into the document before it hashes (VC Data Integrity
// 4.6). It is empty for a proof that names none. A name that no other proof has is an
// *Error wrapping ErrPreviousProof, and so is a circle, which no signer can make.
func Previous(p Proof, all []Proof) ([]Proof, error) {
	if len(p.PreviousProof) == 0 {
		return nil, nil
	}
	var out []Proof
	for _, q := range all {
		for _, id := range p.PreviousProof {
			if q.ID == id && id != p.ID {
				out = append(out, q)
			}
		}
	}
	if len(out) != len(p.PreviousProof) {
		return nil, previousError(p, fmt.Sprintf("expected %d other proofs with these ids, found %d", len(p.PreviousProof), len(out)))
	}
	if circular(p, all) {
		return nil, previousError(p, "expected a chain, found a circle")
	}
	return out, nil
}

func previousError(p Proof, detail string) *Error {
	return &Error{Err: ErrPreviousProof, Pointer: p.Pointer + "/previousProof", Detail: detail, Section: "VC Data Integrity 4.6"}
}

// circular follows previousProof from p and tells whether it leads back to p.
func circular(p Proof, all []Proof) bool {
	if p.ID == "" {
		return false // nothing can name it
	}
	seen := make(map[string]bool, len(all))
	open := p.PreviousProof
	for len(open) > 0 {
		id := open[0]
		open = open[1:]
		if id == p.ID {
			return true
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		for _, q := range all {
			if q.ID == id {
				open = append(open[:len(open):len(open)], q.PreviousProof...)
			}
		}
	}
	return false
}
