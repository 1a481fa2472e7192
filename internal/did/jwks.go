package did

import (
	"errors"
	"fmt"
	"slices"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// KeySet is a JWK Set (RFC 7517 section 5).
type KeySet struct {
	// Keys are those that can be used, in their order.
	Keys []multikey.JWK
	// Skipped says of the others why they cannot; the section asks to go on
	// without them. A private key in the set is among them.
	Skipped []error
}

// ParseJWKS parses a JWK Set. Errors: ErrDocument and *strictjson.Error.
func ParseJWKS(b []byte) (*KeySet, error) {
	doc, err := strictjson.Parse(b, documentLimits)
	if err != nil {
		return nil, fmt.Errorf("did: JWK Set: %w", err)
	}
	p := &parser{doc: doc}
	keys := doc.Get(0, "keys")
	if doc.Kind(0) != strictjson.Object || doc.Kind(keys) != strictjson.Array {
		return nil, p.fail(0, "expected an object with an array \"keys\"")
	}
	set := &KeySet{}
	err = p.each(0, "keys", func(n strictjson.Node) error {
		if doc.Kind(n) != strictjson.Object {
			return p.fail(n, "expected a JWK object")
		}
		k, err := multikey.ParsePublicJWK(doc, n)
		if err != nil {
			set.Skipped = append(set.Skipped, fmt.Errorf("at %q: %w", doc.Pointer(n), err))
			return nil
		}
		set.Keys = append(set.Keys, k)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return set, nil
}

// errAmbiguous is an ErrNoMethod: which key is meant cannot be told.
var errAmbiguous = errors.New("more than one key has this kid")

// Find returns the one key with an identifier (kid) that may verify signatures:
// its use, where given, is sig, and its operations, where given, include verify.
// Errors: ErrNoMethod, also where two keys have the identifier; ErrPurpose.
func (s *KeySet) Find(kid string) (multikey.JWK, error) {
	var found *multikey.JWK
	usable := false
	for i := range s.Keys {
		k := &s.Keys[i]
		if k.ID != kid || kid == "" {
			continue
		}
		if found != nil && !multikey.Equal(found.Key, k.Key) {
			return multikey.JWK{}, fmt.Errorf("%w: %w", ErrNoMethod, errAmbiguous)
		}
		// One key may stand there several times, for several uses.
		if verifies := (k.Use == "" || k.Use == "sig") && (k.Ops == nil || slices.Contains(k.Ops, "verify")); verifies || found == nil {
			found, usable = k, usable || verifies
		}
	}
	switch {
	case found == nil:
		return multikey.JWK{}, ErrNoMethod
	case !usable:
		return multikey.JWK{}, ErrPurpose
	}
	return *found, nil
}
