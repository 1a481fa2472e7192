package did

import (
	"crypto"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// signing are the purposes of a key that signs.
var signing = bit(Authentication) | bit(AssertionMethod) | bit(CapabilityInvocation) | bit(CapabilityDelegation)

// IsPure reports whether ResolvePure can answer for an identifier.
func IsPure(id string) bool {
	u, err := ParseURL(id)
	return err == nil && (u.DID.Method == "key" || u.DID.Method == "jwk")
}

// ResolvePure returns the document of a did:key or did:jwk, given as a DID or as a
// DID URL with the fragment of its only method: the key itself in did:key, 0 in
// did:jwk. Document.Method then takes either form. Errors: ErrSyntax,
// ErrUnsupported for other methods, ErrNoMethod for another fragment, and the
// errors of internal/multikey.
func ResolvePure(didURL string) (*Document, error) {
	u, err := ParseURL(didURL)
	if err != nil {
		return nil, err
	}
	var m VerificationMethod
	fragment := ""
	switch u.DID.Method {
	case "key":
		key, err := multikey.Parse(u.DID.ID)
		if err != nil {
			return nil, fmt.Errorf("did:key: %w", err)
		}
		fragment = u.DID.ID
		m = VerificationMethod{Type: TypeMultikey, Key: key, purposes: signing}
	case "jwk":
		if m, err = jwkMethod(u.DID.ID); err != nil {
			return nil, fmt.Errorf("did:jwk: %w", err)
		}
		fragment = "0"
	default:
		return nil, fmt.Errorf("%w: expected did:key or did:jwk, found did:%s", ErrUnsupported, u.DID.Method)
	}
	id := u.DID.String()
	m.ID, m.Controller = id+"#"+fragment, id
	switch didURL {
	case id, m.ID:
	default:
		if u.Path != "" || u.Query != "" || !u.HasFragment {
			return nil, fmt.Errorf("%w: expected a DID without path and query", ErrSyntax)
		}
		return nil, fmt.Errorf("%w: expected the fragment that did:%s defines", ErrNoMethod, u.DID.Method)
	}
	return &Document{ID: id, Methods: []VerificationMethod{m}, pure: true}, nil
}

// jwkMethod reads the identifier of a did:jwk: a JWK in base64url.
func jwkMethod(id string) (VerificationMethod, error) {
	text, err := multikey.DecodeBase64URL(id)
	if err != nil {
		return VerificationMethod{}, err
	}
	k, err := multikey.ParsePublicJWKBytes(text)
	if err != nil {
		return VerificationMethod{}, err
	}
	m := VerificationMethod{Type: TypeJSONWebKey2020, Key: k.Key, purposes: signing}
	if k.Use == "enc" {
		m.purposes = bit(KeyAgreement)
	}
	return m, nil
}

// FromKey returns the did:key of a public key, and the DID URL of its method.
// Errors are those of multikey.Encode.
func FromKey(key crypto.PublicKey) (did, method string, err error) {
	k, err := multikey.Encode(key)
	if err != nil {
		return "", "", err
	}
	return "did:key:" + k, "did:key:" + k + "#" + k, nil
}

// FromJWK returns the did:jwk of a public key, and the DID URL of its method.
// Errors are those of multikey.EncodePublicJWK.
func FromJWK(key crypto.PublicKey) (did, method string, err error) {
	k, err := multikey.EncodePublicJWK(key)
	if err != nil {
		return "", "", err
	}
	did = "did:jwk:" + multikey.EncodeBase64URL(k)
	return did, did + "#0", nil
}

// NewDocument returns a document for publication, such as that of a did:web, in
// which each key is a method of its own, named after its thumbprint or Multikey,
// controlled by id and listed for every purpose of a key that signs.
func NewDocument(id string, keys ...crypto.PublicKey) (*Document, error) {
	if !isAbsolute(id) {
		return nil, fmt.Errorf("%w: expected an absolute identifier", ErrSyntax)
	}
	d := &Document{ID: id}
	for _, key := range keys {
		m := VerificationMethod{Type: TypeMultikey, Controller: id, Key: key, purposes: signing}
		name, err := multikey.Encode(key)
		if err != nil { // a key that Multikey has no form for, such as RSA
			m.Type = TypeJSONWebKey
			if name, err = multikey.Thumbprint(key); err != nil {
				return nil, err
			}
		}
		m.ID = id + "#" + name
		if d.find(m.ID) >= 0 {
			return nil, fmt.Errorf("%w: one key given twice", ErrDocument)
		}
		d.Methods = append(d.Methods, m)
	}
	return d, nil
}

// appendJSON appends the method as JSON.
func (m *VerificationMethod) appendJSON(b []byte) ([]byte, error) {
	q := strictjson.Quote
	b = append(b, `{"id":`+q(m.ID)+`,"type":`+q(m.Type)...)
	if m.Controller != "" {
		b = append(b, `,"controller":`+q(m.Controller)...)
	}
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"expires", m.Expires}, {"revoked", m.Revoked}} {
		if !t.at.IsZero() {
			b = append(b, `,"`+t.name+`":"`+t.at.UTC().Format(time.RFC3339Nano)+`"`...)
		}
	}
	switch m.Type {
	case TypeMultikey, TypeEd25519VerificationKey2020:
		k, err := multikey.Encode(m.Key)
		if err != nil {
			return nil, err
		}
		return append(b, `,"publicKeyMultibase":`+q(k)+`}`...), nil
	case TypeJSONWebKey, TypeJSONWebKey2020:
		k, err := multikey.EncodePublicJWK(m.Key)
		if err != nil {
			return nil, err
		}
		return append(append(append(b, `,"publicKeyJwk":`...), k...), '}'), nil
	}
	return nil, fmt.Errorf("%w: cannot write a method of type %s", multikey.ErrUnsupported, m.Type)
}
