package verifier

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"

	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// assertion judges the Open Badges 2.0 assertion in c.doc: signed where jws is given,
// else hosted (Open Badges 2.0, "Assertion Verification"; badges of version 1 have
// the members verify and uid in place of verification and id).
func (c *run) assertion(jws *proof.JWS) {
	doc := c.doc
	c.r.Model, c.r.Types, c.r.ID = "Open Badges 2.0", stringList(doc, doc.Get(0, "type")), assertionID(doc)
	if doc.Get(0, "@context") == strictjson.None && !hasType(doc, 0, "Assertion") && !badge.ReadAssertion(doc, 0).Revoked {
		// It may be as good as its issuer made it: nothing here reads its class and issuer.
		c.fail(CheckModel, UnsupportedMediaType, "an assertion of Open Badges 1.0 or older")
		return
	}
	findings := badge.CheckOB2(doc, c.badgeProfile())
	for _, f := range findings {
		c.r.find(f.Grade, f.Code, f.Pointer, f.Message)
	}
	for _, f := range findings {
		if f.Grade == badge.Error && f.Code != "ob2_revoked" {
			c.fail(CheckModel, ModelInvalid, f.Code+" at "+f.Pointer+": "+f.Message)
			return
		}
	}
	if badge.ReadAssertion(doc, 0).Revoked {
		c.r.Lifecycle = Revoked
		c.fail(CheckStatus, CredentialRevoked, "the assertion says so itself")
	} else if n := doc.Get(0, "revoked"); doc.Kind(n) > strictjson.Bool { // such as "true"
		c.fail(CheckStatus, StatusEntryMalformed, "expected true or false as revoked")
	}
	if c.expect.Domain != "" || c.expect.Challenge != "" {
		c.fail(CheckSignature, DomainMismatch, "an Open Badges 2.0 assertion is for no domain and answers no challenge")
	}
	c.pass(CheckModel, c.r.Model)
	parts, reason, detail := c.badgeParts()
	if reason != "" {
		c.fail(CheckBadge, reason, detail)
		return
	}
	c.pass(CheckBadge, "badge class and issuer profile")
	c.r.Issuer = Party{ID: parts.profileID, Name: textOf(parts.profile, parts.profile.Get(parts.profileNode, "name"))}
	c.r.Subject.Type = textOf(parts.class, parts.class.Get(parts.classNode, "name"))
	if jws != nil {
		c.signedAssertion(jws, parts)
	} else {
		c.hostedAssertion(parts)
	}
	c.checkTrust(parts.profileID)
	c.assertionPeriod()
	c.assertionStatus(parts)
	c.assertionRecipient()
}

// assertionID is the id of an assertion, or the uid of one of version 1.
func assertionID(doc *strictjson.Doc) string {
	if id := doc.String(doc.Get(0, "id")); id != "" {
		return id
	}
	return doc.String(doc.Get(0, "uid"))
}

// badgeParts2 are the documents that an assertion leads to.
type badgeParts2 struct {
	class       *strictjson.Doc
	classNode   strictjson.Node
	profile     *strictjson.Doc
	profileNode strictjson.Node
	profileID   string
	embedded    bool // the profile is the assertion's own word: nothing found at its address says the same
}

// badgeParts finds the badge class and the issuer's profile: inside the assertion, in
// the trust file, or from a source.
func (c *run) badgeParts() (p badgeParts2, reason Reason, detail string) {
	p.class, p.classNode, reason, detail = c.part(c.doc, c.doc.Get(0, "badge"), "badge")
	if reason != "" {
		return p, reason, detail
	}
	if !hasType(p.class, p.classNode, "BadgeClass") && p.class.Get(p.classNode, "type") != strictjson.None {
		return p, BadgePartsMismatch, "expected a BadgeClass as badge"
	}
	p.profile, p.profileNode, reason, detail = c.part(p.class, p.class.Get(p.classNode, "issuer"), "issuer")
	if reason != "" {
		return p, reason, detail
	}
	if p.profileID = p.profile.String(p.profile.Get(p.profileNode, "id")); p.profileID == "" {
		return p, BadgePartsMismatch, "expected an id in the issuer's profile"
	}
	// A profile that stands inside of the assertion or its badge class is what whoever
	// made those says. Which keys the issuer has, and where his badges lie, is told by
	// the profile at its own address.
	if p.class == p.profile {
		p.embedded = true
		if doc, node, bad, _ := c.partAt(p.profileID, "issuer"); bad == "" {
			p.profile, p.profileNode, p.embedded = doc, node, false
		}
	}
	return p, "", ""
}

// part follows one link: an object stands for itself, a URL for the document there,
// whose id must be that URL.
func (c *run) part(doc *strictjson.Doc, n strictjson.Node, name string) (*strictjson.Doc, strictjson.Node, Reason, string) {
	if doc.Kind(n) == strictjson.Object {
		return doc, n, "", ""
	}
	return c.partAt(doc.String(n), name)
}

// partAt gets the document at a URL, whose id must be that URL: for an issuer to the
// letter, since trust goes by it.
func (c *run) partAt(link, name string) (*strictjson.Doc, strictjson.Node, Reason, string) {
	if !isURL(link) {
		return nil, 0, ModelInvalid, "expected a URL or an object as " + name
	}
	found, err := c.otherDocument(link, KindBadge)
	if err != nil {
		return nil, 0, BadgePartsMissing, name + ": " + fetchFault(err)
	}
	c.r.input(digestOf(found.Bytes))
	part, err := strictjson.Parse(found.Bytes, strictjson.Limits{})
	if err != nil || part.Kind(0) != strictjson.Object {
		return nil, 0, BadgePartsMissing, name + ": cannot be read"
	}
	if id := part.Get(0, "id"); id != strictjson.None && part.String(id) != link && (name == "issuer" || !sameID(part.String(id), link)) {
		return nil, 0, BadgePartsMismatch, "expected the id of " + name + " to be its address"
	}
	return part, 0, "", ""
}

// signedAssertion judges the JWS around an assertion: the key that its verification
// names must be one of the issuer's profile, and say that the profile owns it.
func (c *run) signedAssertion(jws *proof.JWS, parts badgeParts2) {
	r := ProofReport{Type: "JWS", Suite: string(jws.Alg)}
	key, method, reason, detail := c.assertionKey(parts)
	r.Method = method
	if reason != "" {
		r = r.refuse(reason, detail)
	} else {
		k := candidate{key: key, digest: keyDigest(key), controller: parts.profileID, binding: BindingProfile, isOwner: true}
		if parts.embedded {
			k.controller, k.binding, k.isOwner, k.detail = "", BindingSelfAsserted, false, "the issuer's profile stands only inside of the badge"
		}
		c.applyPins(keyQuery{owner: parts.profileID, method: method, purpose: purposeAssertion, claimed: c.issuedOn()}, &k)
		r = c.tryCandidates(r, []candidate{k}, "", "", func(crypto.PublicKey) (Reason, string) {
			if err := jws.Verify(key, proof.AlgsOf(key)); err != nil {
				return signatureReason(err), err.Error()
			}
			return "", ""
		})
	}
	c.r.Proofs = append(c.r.Proofs, r)
	c.checkBinding(c.sumUp(), parts.profileID)
}

// assertionKey finds the key that a signed assertion names.
func (c *run) assertionKey(parts badgeParts2) (key any, method string, reason Reason, detail string) {
	doc := c.doc
	said := badge.ReadAssertion(doc, 0)
	if method = said.Creator; method == "" {
		method = said.HostedURL // version 1: where the key lies
	}
	// publicKey is a URL, an object, or a list of either.
	var keyDoc *strictjson.Doc
	var keyNode strictjson.Node
	parts.profile.Each(parts.profile.Get(parts.profileNode, "publicKey"), func(n strictjson.Node) bool {
		id := parts.profile.String(n)
		if parts.profile.Kind(n) == strictjson.Object {
			id = parts.profile.String(parts.profile.Get(n, "id"))
		}
		if id == "" || method != "" && !sameID(id, method) {
			return true
		}
		method = id
		keyDoc, keyNode, reason, detail = c.part(parts.profile, n, "publicKey")
		return false
	})
	switch {
	case reason != "":
		return nil, method, reason, detail
	case keyDoc == nil:
		return nil, method, BadgePartsMismatch, "expected the assertion's key among those of the issuer's profile"
	}
	if owner := keyDoc.Get(keyNode, "owner"); owner != strictjson.None && !sameID(keyDoc.String(owner), parts.profileID) {
		return nil, method, BadgePartsMismatch, "expected the key to be owned by the issuer's profile"
	}
	key, err := pemKey(keyDoc.String(keyDoc.Get(keyNode, "publicKeyPem")))
	if err != nil {
		return nil, method, KeyDocumentMalformed, err.Error()
	}
	return key, method, "", ""
}

func pemKey(text string) (any, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("expected one public key in PEM form as publicKeyPem")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		if key, err = x509.ParsePKCS1PublicKey(block.Bytes); err != nil {
			return nil, errors.New("expected a SubjectPublicKeyInfo in publicKeyPem")
		}
	}
	if len(proof.AlgsOf(key)) == 0 || keyDigest(key) == "" { // such as one under which anybody can sign
		return nil, errors.New("expected an RSA, ECDSA or Ed25519 key of allowed size in publicKeyPem")
	}
	return key, nil
}

// hostedAssertion judges an assertion that is not signed: what counts is the one that
// its issuer's server gives, at an address within the issuer's scope.
func (c *run) hostedAssertion(parts badgeParts2) {
	doc := c.doc
	said := badge.ReadAssertion(doc, 0)
	if !said.Hosted {
		c.fail(CheckHosted, NoProof, "expected verification of type HostedBadge, or a signature")
		return
	}
	address := said.ID
	if address == "" {
		address = said.HostedURL
	}
	if parts.embedded {
		c.fail(CheckHosted, BadgePartsMissing, "the issuer's profile stands only inside of the badge")
		return
	}
	if !badge.ReadScope(parts.profile, parts.profileNode).Allows(address) {
		c.fail(CheckHosted, HostedMismatch, "expected an address within the scope of the issuer's profile")
		return
	}
	found, err := c.otherDocument(address, KindBadge)
	switch {
	case errors.Is(err, ErrGone):
		c.r.Lifecycle = Revoked
		c.fail(CheckStatus, CredentialRevoked, "taken down for good")
		return
	case err != nil:
		c.fail(CheckHosted, HostedUnavailable, fetchFault(err))
		return
	}
	c.r.input(digestOf(found.Bytes))
	live, err := strictjson.Parse(found.Bytes, strictjson.Limits{})
	if err != nil {
		c.fail(CheckHosted, HostedMismatch, "the hosted assertion cannot be read")
		return
	}
	if revoked, _ := live.Bool(live.Get(0, "revoked")); revoked {
		c.r.Lifecycle = Revoked
		c.fail(CheckStatus, CredentialRevoked, "the hosted assertion says so")
		return
	}
	mine, err1 := doc.CanonicalizeNode(0)
	theirs, err2 := live.CanonicalizeNode(0)
	if err1 != nil || err2 != nil || !bytes.Equal(mine, theirs) {
		c.fail(CheckHosted, HostedMismatch, "expected the very assertion that is hosted")
		return
	}
	c.r.Binding = BindingProfile
	c.pass(CheckHosted, address, Fact{"hostedDigest", digestOf(found.Bytes)})
}

// openHosted judges an image that carries nothing but the address of an assertion.
func (c *run) openHosted(address string) {
	found, err := c.otherDocument(address, KindBadge)
	switch {
	case errors.Is(err, ErrGone):
		c.r.Lifecycle = Revoked
		c.fail(CheckStatus, CredentialRevoked, "taken down for good")
		return
	case err != nil:
		c.fail(CheckHosted, HostedUnavailable, fetchFault(err))
		return
	}
	doc, err := strictjson.Parse(found.Bytes, strictjson.Limits{})
	if err != nil || badge.KindOf(doc, 0) != badge.OB2Assertion {
		c.fail(CheckDocument, NotACredential, "")
		return
	}
	c.doc = doc
	c.assertion(nil)
}

// assertionPeriod judges issuedOn and expires.
func (c *run) assertionPeriod() {
	skew := c.v.policy.ClockSkew
	doc := c.doc
	issued, okFrom := c.assertionTime("issuedOn")
	if !okFrom {
		c.fail(CheckValidity, ValidityMalformed, "expected a time as issuedOn")
		return
	}
	c.r.ValidFrom = issued.UTC()
	if issued.After(c.at.Add(skew)) {
		c.fail(CheckValidity, NotYetValid, "from "+stamp(issued))
		return
	}
	if n := doc.Get(0, "expires"); n != strictjson.None {
		until, ok := c.assertionTime("expires")
		if _, err := time.Parse(time.DateOnly, doc.String(n)); err == nil {
			until = until.Add(24*time.Hour - time.Second) // the date after which it ends
		}
		if !ok {
			c.fail(CheckValidity, ValidityMalformed, "expected a time as expires")
			return
		}
		c.r.ValidUntil = until.UTC()
		if c.at.Add(-skew).After(until) {
			c.r.Lifecycle = Expired
			c.fail(CheckValidity, PeriodOver, "until "+stamp(until))
			return
		}
	}
	c.pass(CheckValidity, "")
}

// revocationListOf returns the address of the issuer's revocation list, "" where the
// profile names none. ok is false where it names one in a way that is not read here.
func revocationListOf(parts badgeParts2) (url string, ok bool) {
	doc, n := parts.profile, parts.profile.Get(parts.profileNode, "revocationList")
	if doc.Kind(n) == strictjson.Array && doc.Len(n) == 1 {
		n = doc.First(n)
	}
	if doc.Kind(n) == strictjson.Object {
		n = doc.Get(n, "id")
		return doc.String(n), doc.String(n) != ""
	}
	k := doc.Kind(n)
	return doc.String(n), k == strictjson.String || k <= strictjson.Null
}

// assertionStatus looks the assertion up in the issuer's revocation list.
func (c *run) assertionStatus(parts badgeParts2) {
	list, ok := revocationListOf(parts)
	switch {
	case !ok && !c.v.policy.InsecureNoStatus:
		c.fail(CheckStatus, StatusEntryMalformed, "expected a URL as revocationList of the issuer's profile")
		return
	case ok && list == "":
		c.r.Lifecycle = issuedUnless(c.r.Lifecycle)
		c.skip(CheckStatus, "the issuer keeps no revocation list")
		return
	case c.v.policy.InsecureNoStatus:
		c.skip(CheckStatus, "switched off")
		return
	}
	found, err := c.unsignedList(list)
	if err != nil {
		c.fail(CheckStatus, StatusUnreachable, fetchFault(err))
		return
	}
	doc, err := strictjson.Parse(found.Bytes, strictjson.Limits{})
	if err != nil {
		c.fail(CheckStatus, StatusListMalformed, err.Error())
		return
	}
	digest := digestOf(found.Bytes)
	c.r.input(digest)
	rev, ok := badge.InOB2RevocationList(doc, c.r.ID, c.doc.String(c.doc.Get(0, "uid")))
	if !ok || !hasType(doc, 0, "RevocationList") {
		c.fail(CheckStatus, StatusListType, "expected a RevocationList with revokedAssertions")
		return
	}
	if issuer := doc.Get(0, "issuer"); issuer != strictjson.None && !sameID(doc.String(issuer), parts.profileID) {
		c.fail(CheckStatus, StatusListIssuer, "expected the badge's issuer")
		return
	}
	if rev.Revoked {
		c.r.Lifecycle = Revoked
		c.fail(CheckStatus, CredentialRevoked, "list "+list)
		return
	}
	c.r.Lifecycle = issuedUnless(c.r.Lifecycle)
	c.pass(CheckStatus, "not in the issuer's revocation list", Fact{"list", list}, Fact{"listDigest", digest})
}
