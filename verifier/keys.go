package verifier

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// keyQuery asks for the key that a proof names.
type keyQuery struct {
	owner   string // issuer or holder: whose the key should be; "" where the document names none
	method  string // verification method URL, "" for a JWT without one
	purpose string
	claimed time.Time // when the proof claims to have been made; zero: nothing says
	derived bool      // claimed is when the document counts from: the proof does not say

	// A JWT's header.
	jose   bool
	alg    string
	kid    string
	header *strictjson.Doc
	jwk    strictjson.Node
}

// candidate is a key that may have made a proof, and whose it is.
type candidate struct {
	key        crypto.PublicKey
	digest     string
	controller string
	binding    Binding
	isOwner    bool
	reason     Reason // why the key does not count although the signature may be good
	detail     string
	inputs     []string // digests of the documents that say so
	anyMethod  bool     // pinned, but not for the very method that the proof names
}

// keys finds the keys that a proof may mean. The trust file's word comes first: what
// it says of a key holds even where a document found elsewhere says otherwise.
//
// A Reason beside keys says why the method itself could not be looked up: the keys are
// those that the trust file gives for any method, and when none of them fits, the
// method might still have meant another one.
func (c *run) keys(q keyQuery) ([]candidate, Reason, string) {
	pins := c.pinnedKeys(q)
	if slices.ContainsFunc(pins, func(k candidate) bool { return !k.anyMethod }) {
		return pins, "", ""
	}
	found, reason, detail := c.lookUp(q)
	for i := range found {
		c.applyPins(q, &found[i])
	}
	return append(pins, found...), reason, detail
}

// pinnedKeys returns the owner's keys in the trust file that the proof may mean.
func (c *run) pinnedKeys(q keyQuery) []candidate {
	issuer, ok := c.v.cfg.Trust.issuer(q.owner)
	if !ok {
		return nil
	}
	var out []candidate
	for _, k := range issuer.Keys {
		name := k.Method
		if name != "" && name != q.method && name != q.kid && !(q.method != "" && strings.HasSuffix(q.method, "#"+name)) {
			continue
		}
		one := candidate{key: k.Key, digest: k.digest, controller: issuer.ID, binding: BindingPinned, isOwner: true}
		one.reason, one.detail = c.judgeTime(k, q)
		// A bare name may as well be that of a method of somebody else, such as a witness.
		base, _ := splitFragment(q.method)
		one.anyMethod = name == "" || name != q.method && name != q.kid && base != q.owner
		out = append(out, one)
	}
	// A key that counts is tried before one that does not: the same key may be listed
	// for two periods.
	slices.SortStableFunc(out, func(a, b candidate) int { return order(a.reason) - order(b.reason) })
	return out
}

func order(r Reason) int {
	switch {
	case r == "":
		return 0
	case r.Outcome() == Indeterminate:
		return 1
	}
	return 2
}

// judgeTime tells whether a pinned key counts for a proof; TrustedKey says by what
// rules.
func (c *run) judgeTime(k TrustedKey, q keyQuery) (Reason, string) {
	purposes := k.Purposes
	if len(purposes) == 0 {
		purposes = []string{purposeAssertion}
	}
	if !slices.Contains(purposes, q.purpose) {
		return KeyPurpose, "pinned for " + strings.Join(purposes, ", ")
	}
	proven := c.expect.ExistedAt
	before := func(end time.Time) bool { return !proven.IsZero() && proven.Before(end) }
	if reason, detail := c.judgeRevoked(k); reason != "" {
		return reason, detail
	}
	claimed := q.claimed
	if !claimed.IsZero() && (claimed.Before(k.From) || !k.Until.IsZero() && !claimed.Before(k.Until)) {
		if q.derived { // a credential may count from long before, or after, it was signed
			return KeyTimeUnproven, "the proof does not say when it was made, the document counts from " + stamp(claimed) + ", key used " + interval(k)
		}
		return KeyOutsideValidity, "claimed " + stamp(claimed) + ", key used " + interval(k)
	}
	if c.at.Before(k.From) || before(k.From) {
		return KeyOutsideValidity, "key used " + interval(k)
	}
	if k.Until.IsZero() || c.at.Before(k.Until) || before(k.Until) {
		return "", ""
	}
	if k.History && !claimed.IsZero() {
		return "", "the key was in use " + interval(k) + "; the time of signing is claimed, not proven"
	}
	return KeyTimeUnproven, "key used " + interval(k)
}

// judgeRevoked tells whether a key was revoked, here or in what the trust file says of the
// same key elsewhere: a stolen key is stolen for every purpose and under every name.
func (c *run) judgeRevoked(k TrustedKey) (Reason, string) {
	at := k.Revoked
	if other, ok := c.v.cfg.Trust.revoked[k.digest]; ok && (at.IsZero() || other.Before(at)) {
		at = other
	}
	if proven := c.expect.ExistedAt; at.IsZero() || !proven.IsZero() && proven.Before(at) {
		return "", ""
	}
	return KeyRevoked, "revoked " + stamp(at)
}

func interval(k TrustedKey) string {
	from, until := "", "now"
	if !k.From.IsZero() {
		from = "from " + stamp(k.From) + " "
	}
	if !k.Until.IsZero() {
		until = stamp(k.Until)
	}
	return from + "until " + until
}

// applyPins holds what the trust file says of a key against the same key found
// elsewhere: under another method it is retired or revoked all the same. Where the file
// names it for other purposes alone, it allows nothing more by that, and its times hold.
func (c *run) applyPins(q keyQuery, k *candidate) {
	if k.digest == "" {
		return
	}
	if reason, detail := c.judgeRevoked(TrustedKey{digest: k.digest}); reason != "" {
		k.reason, k.detail = reason, detail
		return
	}
	issuer, _ := c.v.cfg.Trust.issuer(q.owner)
	best, bestDetail, seen, allowed := Reason(""), "", false, false
	for _, pin := range issuer.Keys {
		if pin.digest != k.digest {
			continue
		}
		reason, detail := c.judgeTime(pin, q)
		fits := reason != KeyPurpose
		if !fits {
			pin.Purposes = []string{q.purpose}
			reason, detail = c.judgeTime(pin, q)
		}
		if !seen || fits && !allowed || fits == allowed && order(reason) < order(best) {
			best, bestDetail, seen, allowed = reason, detail, true, fits
		}
	}
	switch {
	case best != "":
		k.reason, k.detail = best, bestDetail
	case allowed && k.binding == BindingSelfAsserted:
		k.binding, k.isOwner, k.controller, k.reason, k.detail = BindingPinned, true, issuer.ID, "", bestDetail
	}
}

// lookUp finds the key that a method or a JWT's header names.
func (c *run) lookUp(q keyQuery) ([]candidate, Reason, string) {
	switch {
	case q.jose && !strings.HasPrefix(q.method, "did:"):
		return c.lookUpJOSE(q)
	case strings.HasPrefix(q.method, "did:"):
		return c.lookUpDID(q)
	case strings.HasPrefix(q.method, "https://"):
		return c.lookUpController(q)
	}
	return nil, MethodMalformed, "expected a DID URL or an https URL as verificationMethod"
}

// sourceReason says which Reason a failed look-up is.
func sourceReason(err error) Reason {
	switch {
	case errors.Is(err, ErrNotHeld):
		return KeyUnavailable
	case errors.Is(err, ErrUnsupported):
		return MethodUnsupported
	}
	return KeyUnreachable
}

// documentTime is when the document claims to have come into being.
func (c *run) documentTime() time.Time {
	if c.token != nil && c.token.claims.HasNotBefore {
		return c.token.claims.NotBefore
	}
	if c.cred != nil {
		if t, ok := c.cred.ValidFrom(); ok {
			return t
		}
	}
	return time.Time{}
}

// keyDigest returns "sha-256:" and the hex digest of a key's SubjectPublicKeyInfo
// (RFC 5280, 4.1.2.7), "" for a key that is not taken.
func keyDigest(key crypto.PublicKey) string {
	if _, err := multikey.EncodePublicJWK(key); err != nil {
		return ""
	}
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(spki)
	return "sha-256:" + hex.EncodeToString(sum[:])
}

// publicJWK reads a JWK that the trust file holds.
func publicJWK(doc *strictjson.Doc, n strictjson.Node) (crypto.PublicKey, error) {
	k, err := multikey.ParsePublicJWK(doc, n)
	return k.Key, err
}

// sameID compares identifiers as Open Badges 3.0 does (10): after trimming and
// percent-decoding.
func sameID(a, b string) bool {
	if a == b {
		return true
	}
	plain := func(s string) string {
		s = strings.TrimSpace(s)
		if u, err := url.PathUnescape(s); err == nil {
			return u
		}
		return s
	}
	return plain(a) == plain(b)
}

// authority returns host and port of an https URL, "" for any other.
func authority(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.User != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

// splitFragment divides a URL at "#".
func splitFragment(s string) (base, fragment string) {
	base, fragment, _ = strings.Cut(s, "#")
	return base, fragment
}
