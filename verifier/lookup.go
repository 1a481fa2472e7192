package verifier

import (
	"crypto/rsa"
	"errors"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/did"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// lookUpDID finds a method of a DID: did:key and did:jwk by themselves, others in
// their documents (Controlled Identifiers 1.0, 3.3, Retrieve Verification Method).
func (c *run) lookUpDID(q keyQuery) ([]candidate, Reason, string) {
	base, err := did.DocumentID(q.method)
	if err != nil {
		return nil, MethodMalformed, err.Error()
	}
	if did.IsPure(base) {
		doc, err := did.ResolvePure(q.method)
		if err != nil {
			return nil, methodReason(err), err.Error()
		}
		return c.fromDocument(q, doc, nil, BindingDID)
	}
	found, err := c.controllerDocument(base)
	if err != nil {
		if errors.Is(err, ErrNotHeld) && !strings.HasPrefix(base, "did:web:") {
			return nil, MethodUnsupported, "not in the trust file"
		}
		return nil, sourceReason(err), fetchFault(err)
	}
	doc, err := did.ParseDocumentFor(found.Bytes, base, q.method)
	if err != nil {
		return nil, KeyDocumentMalformed, err.Error()
	}
	return c.fromDocument(q, doc, []string{digestOf(found.Bytes)}, BindingDID)
}

// methodReason says which Reason an error of package did about an identifier is.
func methodReason(err error) Reason {
	switch {
	case errors.Is(err, did.ErrUnsupported), errors.Is(err, multikey.ErrUnsupported):
		return MethodUnsupported
	case errors.Is(err, did.ErrNoMethod):
		return MethodNotFound
	case errors.Is(err, did.ErrPurpose):
		return KeyPurpose
	case errors.Is(err, did.ErrNoController):
		return ControllerMissing
	case errors.Is(err, did.ErrKey), errors.Is(err, did.ErrDocument), errors.Is(err, did.ErrIdentity):
		return KeyDocumentMalformed
	}
	return MethodMalformed
}

// lookUpController finds a method in the controller document at an https URL. Where
// that document cannot be had, a key in the fragment shows at least whether the
// signature is good: such a key is self-asserted.
func (c *run) lookUpController(q keyQuery) ([]candidate, Reason, string) {
	base, fragment := splitFragment(q.method)
	if authority(base) == "" {
		return nil, MethodMalformed, "expected an https URL without user"
	}
	found, err := c.controllerDocument(base)
	if err == nil {
		doc, err := did.ParseDocumentFor(found.Bytes, base, q.method)
		if err != nil {
			return nil, KeyDocumentMalformed, err.Error()
		}
		return c.fromDocument(q, doc, []string{digestOf(found.Bytes)}, BindingController)
	}
	key, keyErr := multikey.Parse(fragment)
	if keyErr != nil {
		return nil, sourceReason(err), fetchFault(err)
	}
	return []candidate{{key: key, digest: keyDigest(key), controller: base, binding: BindingSelfAsserted, detail: "the key is written in the method's own URL"}}, "", ""
}

// fromDocument finds the method in a controller document and judges its link to the
// owner: the document is that of the method's URL, lists the method for the purpose,
// and the method's controller is the owner.
func (c *run) fromDocument(q keyQuery, doc *did.Document, inputs []string, binding Binding) ([]candidate, Reason, string) {
	m, err := doc.Method(q.method, did.Purpose(q.purpose))
	if err != nil && !errors.Is(err, did.ErrNoController) {
		return nil, methodReason(err), err.Error()
	}
	k := candidate{key: m.Key, digest: keyDigest(m.Key), controller: m.Controller, binding: binding, inputs: inputs}
	switch {
	case err != nil:
		k.reason, k.detail = ControllerMissing, "the method names no controller"
	case m.Controller == doc.ID:
		k.isOwner = m.Controller == q.owner
	case m.Controller == q.owner:
		// The method lies elsewhere and says whose it is: the owner's own document has
		// the last word.
		c.confirm(q, &k)
	}
	if k.reason == "" {
		k.reason, k.detail = c.methodTime(m, q)
	}
	return []candidate{k}, "", ""
}

// methodTime judges the expires and revoked members of a method (Controlled
// Identifiers 1.0, 2.2) by the rules of TrustedKey: the time that a proof claims does
// not prove that it is older.
func (c *run) methodTime(m did.VerificationMethod, q keyQuery) (Reason, string) {
	return c.judgeTime(TrustedKey{Purposes: []string{q.purpose}, Until: m.Expires, Revoked: m.Revoked}, q)
}

// confirm looks a method up in the document of the controller that it names.
func (c *run) confirm(q keyQuery, k *candidate) {
	found, err := c.controllerDocument(q.owner)
	if err != nil {
		k.reason, k.detail = sourceReason(err), fetchFault(err)
		return
	}
	k.inputs = append(k.inputs, digestOf(found.Bytes))
	doc, err := did.ParseDocumentFor(found.Bytes, q.owner, q.method)
	switch {
	case err != nil:
		k.reason, k.detail = KeyDocumentMalformed, err.Error()
	case !doc.Refers(q.method, did.Purpose(q.purpose)):
		k.reason, k.detail = KeyPurpose, "the controller's document does not list the method"
	default:
		k.isOwner = true
	}
}

// joseMethod is the verification method that a JWT's header means, "" where it means
// none: an absolute kid, a kid relative to the owner, or the one key of a did:key or
// did:jwk.
func joseMethod(q keyQuery) string {
	switch {
	case strings.HasPrefix(q.kid, "did:"), strings.HasPrefix(q.kid, "https://"):
		if !strings.Contains(q.kid, "#") {
			return soleMethod(q.kid)
		}
		return q.kid
	case strings.HasPrefix(q.kid, "#"):
		return q.owner + q.kid
	case strings.HasPrefix(q.owner, "did:") && q.kid != "" && !strings.HasPrefix(q.owner, "did:key:") && !strings.HasPrefix(q.owner, "did:jwk:"):
		return q.owner + "#" + q.kid
	}
	if m := soleMethod(q.owner); strings.Contains(m, "#") {
		return m
	}
	return ""
}

// soleMethod completes a did:key or did:jwk to its one method.
func soleMethod(s string) string {
	switch {
	case strings.Contains(s, "#"):
	case strings.HasPrefix(s, "did:key:"):
		return s + "#" + strings.TrimPrefix(s, "did:key:")
	case strings.HasPrefix(s, "did:jwk:"):
		return s + "#0"
	}
	return s
}

// lookUpJOSE finds the key of a JWT whose owner is an https URL: in the JWKS of the
// owner's authority (Open Badges 3.0, certification guide), in the controller document
// at kid, or, self-asserted, in the header.
func (c *run) lookUpJOSE(q keyQuery) ([]candidate, Reason, string) {
	var claimed *candidate
	if q.jwk != strictjson.None {
		k, err := multikey.ParsePublicJWK(q.header, q.jwk)
		if err != nil {
			return nil, JOSEMalformed, err.Error()
		}
		claimed = &candidate{key: k.Key, digest: keyDigest(k.Key), binding: BindingSelfAsserted, detail: "the key is in the JWT's own header"}
	}
	reason, detail := KeyUnavailable, "no kid and no key that could be looked up"
	if a := authority(q.owner); a != "" {
		found, r, d := c.inKeySet(q, a, claimed)
		if len(found) > 0 {
			return found, "", ""
		}
		reason, detail = r, d
	}
	if strings.HasPrefix(q.method, "https://") && strings.Contains(q.method, "#") {
		found, r, d := c.lookUpController(q)
		if len(found) > 0 {
			return found, "", ""
		}
		if reason == KeyUnavailable || r.Outcome() == Invalid {
			reason, detail = r, d
		}
	}
	if claimed != nil {
		return []candidate{*claimed}, "", ""
	}
	return nil, reason, detail
}

// inKeySet looks a key up in the JWKS of an authority, by kid or by the key itself.
func (c *run) inKeySet(q keyQuery, host string, claimed *candidate) ([]candidate, Reason, string) {
	doc, err := c.keySet(host)
	if err != nil {
		return nil, sourceReason(err), fetchFault(err)
	}
	set, err := did.ParseJWKS(doc.Bytes)
	if err != nil {
		return nil, KeyDocumentMalformed, err.Error()
	}
	bound := func(jwk multikey.JWK) []candidate {
		k := candidate{key: jwk.Key, digest: keyDigest(jwk.Key), controller: q.owner, binding: BindingJWKS, isOwner: true, inputs: []string{digestOf(doc.Bytes)}}
		// RFC 8725, 3.1: a key is for one algorithm. With RSA alone the key itself leaves a choice.
		if _, ok := jwk.Key.(*rsa.PublicKey); ok && jwk.Alg != "" && jwk.Alg != q.alg {
			k.reason, k.detail = JOSEAlgorithm, "the key set has the key for another algorithm"
		}
		return []candidate{k}
	}
	if claimed == nil {
		k, err := set.Find(q.kid)
		if err != nil {
			return nil, MethodNotFound, "not in the key set of " + host
		}
		return bound(k), "", ""
	}
	for _, k := range set.Keys {
		if (k.Use == "" || k.Use == "sig") && (k.Ops == nil || slices.Contains(k.Ops, "verify")) && multikey.Equal(k.Key, claimed.key) {
			return bound(k), "", ""
		}
	}
	return nil, MethodNotFound, "not in the key set of " + host
}
