package did

import (
	"crypto"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Purpose is a verification relationship (CID section 2.3), which is also what a
// proof calls its purpose.
type Purpose string

// The purposes.
const (
	Authentication       Purpose = "authentication"
	AssertionMethod      Purpose = "assertionMethod"
	KeyAgreement         Purpose = "keyAgreement"
	CapabilityInvocation Purpose = "capabilityInvocation"
	CapabilityDelegation Purpose = "capabilityDelegation"
)

// purposes are all of them. A set of purposes is a bit mask in this order.
var purposes = [...]Purpose{Authentication, AssertionMethod, KeyAgreement, CapabilityInvocation, CapabilityDelegation}

func bit(p Purpose) uint8 {
	for i, q := range purposes {
		if p == q {
			return 1 << i
		}
	}
	return 0
}

// The types of verification methods that are read.
const (
	TypeMultikey                   = "Multikey"
	TypeJSONWebKey                 = "JsonWebKey"
	TypeJSONWebKey2020             = "JsonWebKey2020"
	TypeEd25519VerificationKey2018 = "Ed25519VerificationKey2018"
	TypeEd25519VerificationKey2020 = "Ed25519VerificationKey2020"
)

// VerificationMethod is a key with what its document says about it.
type VerificationMethod struct {
	ID         string // absolute
	Type       string
	Controller string // empty where the document does not say; never guessed
	// Key is an ed25519.PublicKey, *ecdsa.PublicKey, *rsa.PublicKey or
	// multikey.BLS12381G2, or nil where KeyErr says why there is none.
	Key    crypto.PublicKey
	KeyErr error
	// Expires and Revoked are zero where the document does not say.
	Expires, Revoked time.Time

	purposes uint8
	form     string // the canonical JSON, to tell repetition from contradiction
}

// For reports whether the method is listed for a purpose.
func (m *VerificationMethod) For(p Purpose) bool { return m.purposes&bit(p) != 0 }

// Document is a DID document or a controlled identifier document. It is not to be
// changed after parsing, and then safe for concurrent use.
type Document struct {
	ID          string
	Controllers []string // of the document itself; empty where it does not say
	AlsoKnownAs []string
	Methods     []VerificationMethod

	// foreign lists references to methods that other documents hold.
	foreign map[string]uint8
	index   map[string]int // by ID, or nil while there are few methods
	pure    bool           // made of the identifier itself, which then names its only method
}

// fewMethods is how many methods are searched one by one.
const fewMethods = 8

// find returns the index of a method by absolute identifier, or -1.
func (d *Document) find(id string) int {
	if d.index != nil {
		if i, ok := d.index[id]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(d.Methods, func(m VerificationMethod) bool { return m.ID == id })
}

// Method returns the verification method with an absolute identifier, if it is
// listed for the purpose. Errors: ErrNoMethod, also for a method that belongs to
// another document; ErrPurpose; ErrKey; ErrNoController, with which alone the
// method is returned all the same, for a caller whose policy allows it.
// Whether the method is expired or revoked is for the caller to see.
func (d *Document) Method(id string, p Purpose) (VerificationMethod, error) {
	i := d.find(id)
	if i < 0 && d.pure && id == d.ID {
		i = 0
	}
	if i < 0 {
		return VerificationMethod{}, ErrNoMethod
	}
	m := d.Methods[i]
	// CID section 3.3: the document that holds a method is the one that the
	// method's identifier names. Otherwise it would speak for someone else.
	if base, _, _ := strings.Cut(m.ID, "#"); base != d.ID {
		return VerificationMethod{}, fmt.Errorf("%w: it belongs to another document", ErrNoMethod)
	}
	if !m.For(p) {
		return VerificationMethod{}, ErrPurpose
	}
	if m.KeyErr != nil {
		return VerificationMethod{}, fmt.Errorf("%w: %w", ErrKey, m.KeyErr)
	}
	if m.Controller == "" {
		return m, ErrNoController
	}
	return m, nil
}

// Refers reports whether the document lists, for a purpose, a method that it does
// not hold itself.
func (d *Document) Refers(id string, p Purpose) bool { return d.foreign[id]&bit(p) != 0 }

// Encode returns the document as JSON: for a document that is to be published, or
// shown. Only keys that have a form as Multikey or JsonWebKey can be written.
// Errors are those of internal/multikey.
func (d *Document) Encode() ([]byte, error) {
	q := strictjson.Quote
	b := []byte(`{"@context":["https://www.w3.org/ns/did/v1","https://w3id.org/security/multikey/v1","https://w3id.org/security/jwk/v1"],"id":` + q(d.ID))
	b = appendStrings(b, "controller", d.Controllers)
	b = appendStrings(b, "alsoKnownAs", d.AlsoKnownAs)
	b = append(b, `,"verificationMethod":[`...)
	for i := range d.Methods {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = d.Methods[i].appendJSON(b); err != nil {
			return nil, err
		}
	}
	b = append(b, ']')
	for _, p := range purposes {
		var ids []string
		for i := range d.Methods {
			if d.Methods[i].For(p) {
				ids = append(ids, d.Methods[i].ID)
			}
		}
		b = appendStrings(b, string(p), ids)
	}
	return append(b, '}'), nil
}

// appendStrings appends a member that is an array of strings, unless it is empty.
func appendStrings(b []byte, name string, values []string) []byte {
	if len(values) == 0 {
		return b
	}
	b = append(b, `,"`+name+`":[`...)
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, strictjson.Quote(v)...)
	}
	return append(b, ']')
}
