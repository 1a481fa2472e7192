package signer

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chancery-dev/chancery/internal/did"
	"github.com/chancery-dev/chancery/internal/multikey"
)

// checkMethod refuses a name that is not this key's: a did:key or did:jwk is a key.
func (k Key) checkMethod() error {
	if !utf8.ValidString(k.Method) {
		return fmt.Errorf("%w: expected the URL of the verification method, found no UTF-8", ErrConfig)
	}
	if !did.IsPure(k.Method) {
		return nil
	}
	// The usual names are told by their text, without reading the key in them.
	if id, method, err := did.FromKey(k.Signer.Public()); err == nil && (k.Method == method || k.Method == id) {
		return nil
	}
	return k.is(k.Method, "method")
}

// is refuses a did:key or did:jwk of another key.
func (k Key) is(id, what string) error {
	doc, err := did.ResolvePure(id)
	if err != nil {
		return fmt.Errorf("%w: expected a %s that is the key: %w", ErrKey, what, err)
	}
	if len(doc.Methods) != 1 || !multikey.Equal(doc.Methods[0].Key, k.Signer.Public()) {
		return fmt.Errorf("%w: expected a %s that is the key, found another key", ErrKey, what)
	}
	return nil
}

// signsFor refuses a key that cannot be the issuer's: one who is a did:key or did:jwk has that
// key alone. Which keys others have is not known here.
func (k Key) signsFor(issuer string) error {
	if k.Signer == nil || !did.IsPure(issuer) {
		return nil
	}
	if name, _, _ := strings.Cut(k.Method, "#"); name == issuer {
		return nil // checkMethod compares the keys
	}
	return k.is(issuer, "did:key or did:jwk of the issuer")
}

// checkProof refuses values with which nobody takes a proof, or takes it for another one.
func (s *DataIntegrity) checkProof(purpose string, created time.Time) error {
	// VC Data Model 2.0, 4.12; a presentation is made for either.
	if s.Purpose == purposeAuthentication && purpose == purposeAssertion {
		return fmt.Errorf("%w: expected the purpose %s for a credential", ErrConfig, purposeAssertion)
	}
	if s.Purpose == "keyAgreement" || s.Purpose == "capabilityInvocation" || s.Purpose == "capabilityDelegation" {
		return fmt.Errorf("%w: expected the purpose %s or %s", ErrConfig, purposeAssertion, purposeAuthentication)
	}
	if !s.Expires.IsZero() && !created.IsZero() && !s.Expires.After(created) {
		return fmt.Errorf("%w: expected Expires after created", ErrConfig)
	}
	for _, list := range [][]string{{s.Challenge, s.Nonce, s.ID, s.Purpose}, s.Domain, s.PreviousProof} {
		if err := checkUTF8(list); err != nil {
			return err
		}
	}
	return nil
}

// checkUTF8: what is no UTF-8 would be written as something else.
func checkUTF8(list []string) error {
	for _, text := range list {
		if !utf8.ValidString(text) {
			return fmt.Errorf("%w: expected UTF-8", ErrConfig)
		}
	}
	return nil
}
