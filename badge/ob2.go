package badge

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Assertion is an Open Badges 2.0 assertion, or one of 1.x, as it is read. Nothing in
// it is verified.
type Assertion struct {
	ID, UID   string
	Badge     string          // URL of the BadgeClass; "" when it is embedded
	BadgeNode strictjson.Node // the embedded BadgeClass, strictjson.None without
	Recipient strictjson.Node // for MatchIdentity
	IssuedOn  string          // as written
	Expires   string
	Hosted    bool   // verification is by fetching the id again
	Signed    bool   // verification is by signature
	Creator   string // of the verification: URL of the key that signed
	HostedURL string // 1.x: verify.url
	Revoked   bool
	Reason    string // revocationReason
	Image     string
	Narrative string
	Verify    strictjson.Node
}

// ReadAssertion reads the assertion at n.
func ReadAssertion(doc *strictjson.Doc, n strictjson.Node) Assertion {
	r := reader{doc}
	a := Assertion{
		ID: r.str(n, "id"), UID: r.str(n, "uid"), Recipient: doc.Get(n, "recipient"), BadgeNode: strictjson.None,
		IssuedOn: r.str(n, "issuedOn"), Expires: r.str(n, "expires"), Reason: r.text(n, "revocationReason"),
		Image: r.image(n), Narrative: r.text(n, "narrative"), Verify: doc.Get(n, "verification"),
	}
	a.Revoked, _ = doc.Bool(doc.Get(n, "revoked"))
	if b := doc.Get(n, "badge"); doc.Kind(b) == strictjson.Object {
		a.BadgeNode = b
	} else {
		a.Badge = doc.String(b)
	}
	if a.Verify == strictjson.None {
		a.Verify = doc.Get(n, "verify")
	}
	doc.Each(doc.Get(a.Verify, "type"), func(t strictjson.Node) bool {
		a.Hosted = a.Hosted || slices.Contains([]string{"hosted", "HostedBadge"}, doc.String(t))
		a.Signed = a.Signed || slices.Contains([]string{"signed", "SignedBadge"}, doc.String(t))
		return true
	})
	a.Creator, a.HostedURL = r.str(a.Verify, "creator"), r.str(a.Verify, "url")
	return a
}

// CheckOB2 says what is wrong with the content of an Open Badges 2.0 Assertion,
// BadgeClass or Profile, as far as the document alone tells. A JWS is checked by its
// payload.
func CheckOB2(doc *strictjson.Doc, profile Profile) []Finding {
	c := &ob2Check{checker{findings: findings{profile: profile}, doc: doc}}
	kind := KindOf(doc, 0)
	if !isOB2(doc, 0) && doc.Kind(doc.Get(0, "@context")) != strictjson.Object && kind != Unknown {
		c.at(0, Error, "ob2_context", "expected the context https://w3id.org/openbadges/v2")
	}
	switch kind {
	case OB2Assertion:
		c.assertion()
	case OB2BadgeClass:
		c.badgeClass(0)
	case OB2Profile:
		c.require(0, "id", "type", "name", "url", "email")
	default:
		c.at(0, Error, "not_a_badge", "expected an Assertion, BadgeClass or Profile of Open Badges 2.0")
	}
	return c.list
}

type ob2Check struct{ checker }

func (c *ob2Check) require(n strictjson.Node, names ...string) {
	for _, name := range names {
		if c.doc.Get(n, name) == strictjson.None {
			c.at(n, Error, "property_missing", "expected the property "+name)
		}
	}
}

func (c *ob2Check) assertion() {
	c.require(0, "id", "type", "recipient", "badge", "issuedOn")
	a := ReadAssertion(c.doc, 0)
	if !hasType(c.doc, 0, "Assertion") && c.doc.Get(0, "type") != strictjson.None {
		c.at(c.doc.Get(0, "type"), Error, "type_missing", "expected the type Assertion")
	}
	switch {
	case a.Verify == strictjson.None:
		c.at(0, Error, "property_missing", "expected the property verification")
	case a.Hosted == a.Signed:
		c.at(a.Verify, Error, "ob2_verification", "expected a verification that is either hosted or signed")
	}
	if a.ID != "" && !absoluteForm.MatchString(a.ID) {
		c.at(c.doc.Get(0, "id"), Error, "id_not_absolute", "expected an absolute URI")
	}
	for _, name := range []string{"issuedOn", "expires"} {
		if v := c.doc.Get(0, name); c.doc.Kind(v) == strictjson.String {
			if _, err := time.Parse(time.DateOnly, c.doc.String(v)); err != nil || a.UID == "" { // 1.x: a date alone
				c.time(v)
			}
		} else if v != strictjson.None && !(c.doc.Kind(v) == strictjson.Number && a.UID != "") { // 1.x: seconds since 1970
			c.at(v, Error, "wrong_type", "expected a time")
		}
	}
	c.period(0, "issuedOn", "expires", Error)
	c.recipient(a.Recipient)
	if a.BadgeNode != strictjson.None {
		c.badgeClass(a.BadgeNode)
	} else if c.doc.Get(0, "badge") != strictjson.None && !isWebURL(a.Badge) && !absoluteForm.MatchString(a.Badge) {
		c.at(c.doc.Get(0, "badge"), Error, "wrong_type", "expected the URL of a BadgeClass, or one embedded")
	}
	if a.Revoked {
		c.at(c.doc.Get(0, "revoked"), Error, "ob2_revoked", "the assertion says itself that it is revoked")
	}
}

func (c *ob2Check) recipient(n strictjson.Node) {
	if n == strictjson.None {
		return
	}
	if c.doc.Kind(n) != strictjson.Object {
		c.at(n, Error, "wrong_type", "expected an IdentityObject as recipient")
		return
	}
	c.require(n, "type", "hashed", "identity")
	value, ok := c.doc.Str(c.doc.Get(n, "identity"))
	hashed, isBool := c.doc.Bool(c.doc.Get(n, "hashed"))
	if !isBool && c.doc.Get(n, "hashed") != strictjson.None {
		c.at(c.doc.Get(n, "hashed"), Error, "wrong_type", "expected true or false")
	}
	algorithm, _, isHash := hashForm(value)
	switch {
	case ok && hashed && !isHash:
		c.at(c.doc.Get(n, "identity"), Error, "identity_hash_form", "expected sha256$ or md5$ and the digest in hexadecimal")
	case ok && hashed && algorithm == "md5":
		c.at(c.doc.Get(n, "identity"), Warning, "identity_hash_md5", "expected SHA-256; MD5 is broken")
	}
}

func (c *ob2Check) badgeClass(n strictjson.Node) {
	c.require(n, "id", "type", "name", "description", "image", "criteria", "issuer")
	if !hasType(c.doc, n, "BadgeClass") && c.doc.Get(n, "type") != strictjson.None {
		c.at(c.doc.Get(n, "type"), Error, "type_missing", "expected the type BadgeClass")
	}
}

// Scope is where an issuer of Open Badges 2.0 says that its hosted assertions lie
// (Open Badges 2.0, VerificationObject).
type Scope struct {
	StartsWith     []string // prefixes of URLs
	AllowedOrigins []string // hosts, with port where it is not the usual one
}

// ReadScope reads the verification of the Profile at n. Without one, the scope is the
// Profile's own origin.
func ReadScope(doc *strictjson.Doc, n strictjson.Node) Scope {
	r := reader{doc}
	v := doc.Get(n, "verification")
	s := Scope{StartsWith: r.strings(v, "startsWith"), AllowedOrigins: r.strings(v, "allowedOrigins")}
	if doc.Get(v, "startsWith") == strictjson.None && doc.Get(v, "allowedOrigins") == strictjson.None {
		if u, err := url.Parse(r.str(n, "id")); err == nil && u.Host != "" {
			s.AllowedOrigins = []string{u.Host}
		}
	}
	return s
}

// Allows tells whether a hosted assertion may lie at a URL. Both conditions hold where
// both are given; an empty scope allows nothing. URLs that carry user information, or
// that are written so that a prefix means another place, are not allowed.
func (s Scope) Allows(assertion string) bool {
	u, err := url.Parse(assertion)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") || len(s.StartsWith)+len(s.AllowedOrigins) == 0 {
		return false
	}
	if climbs(u.EscapedPath()) || strings.ContainsRune(assertion, '\\') {
		return false
	}
	if len(s.AllowedOrigins) > 0 && !slices.ContainsFunc(s.AllowedOrigins, func(o string) bool {
		_, host, found := strings.Cut(o, "://")
		if !found {
			host = o
		}
		return strings.EqualFold(strings.TrimSuffix(host, "/"), u.Host)
	}) {
		return false
	}
	return len(s.StartsWith) == 0 || slices.ContainsFunc(s.StartsWith, func(prefix string) bool { return startsWith(assertion, u, prefix) })
}

// climbs tells whether a path holds a segment "." or "..", also as servers read it: they decode
// %2e and %2f before they look for a file, some of them twice, and leave out what follows ";".
func climbs(path string) bool {
	const rounds = 4
	for range rounds {
		for segment := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
			if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
				return true
			}
		}
		decoded, err := url.PathUnescape(path)
		if err != nil || decoded == path {
			return false
		}
		path = decoded
	}
	return true // escaped so many times that somebody means to hide it
}

// startsWith compares at a prefix that is a URL itself, with scheme and host complete:
// "https://issuer" would else allow "https://issuer.example.net".
func startsWith(assertion string, u *url.URL, prefix string) bool {
	p, err := url.Parse(prefix)
	return err == nil && p.Scheme == u.Scheme && strings.EqualFold(p.Host, u.Host) && strings.HasPrefix(assertion, prefix)
}

// SameOrigin tells whether two URLs have scheme, host and port in common: the default
// rule between Assertion, BadgeClass and Profile.
func SameOrigin(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && ua.Host != "" && ua.Scheme == ub.Scheme && strings.EqualFold(ua.Host, ub.Host)
}

// OwnsKey tells whether the Profile at n names a key as its own, by the id that an
// assertion gives as creator. publicKey may be a URL, an object with an id, or a list.
func OwnsKey(doc *strictjson.Doc, n strictjson.Node, creator string) bool {
	found := false
	doc.Each(doc.Get(n, "publicKey"), func(k strictjson.Node) bool {
		id := doc.String(k)
		if doc.Kind(k) == strictjson.Object {
			id = doc.String(doc.Get(k, "id"))
		}
		found = id != "" && id == creator
		return !found
	})
	return found
}

// Revocation says whether and why something is revoked.
type Revocation struct {
	Revoked bool
	Reason  string // as the list gives it, "" without
}

// InOB2RevocationList looks an assertion up in an Open Badges 2.0 RevocationList, by id, and
// by uid where it has one (1.x). ok is false for a document that is no such list: then nothing is known.
func InOB2RevocationList(list *strictjson.Doc, id, uid string) (rev Revocation, ok bool) {
	entries := list.Get(0, "revokedAssertions")
	if list.Kind(0) != strictjson.Object || (list.Kind(entries) != strictjson.Array && list.Kind(entries) != strictjson.Object && list.Kind(entries) != strictjson.String) {
		return Revocation{}, false
	}
	if id == "" && uid == "" {
		return Revocation{}, false // one that has no name cannot be looked up
	}
	r, ok := reader{list}, true
	list.Each(entries, func(e strictjson.Node) bool {
		eid, euid := list.String(e), ""
		if list.Kind(e) == strictjson.Object {
			eid, euid = r.str(e, "id"), r.str(e, "uid")
		}
		if eid == "" && euid == "" {
			ok = false // a list that cannot be read whole may hold what it seems not to
		}
		if id != "" && sameName(eid, id) || uid != "" && (euid == uid || eid == uid) {
			rev = Revocation{true, r.text(e, "revocationReason")}
		}
		return !rev.Revoked
	})
	return rev, ok || rev.Revoked
}

// sameName compares identifiers as Same does.
func sameName(a, b string) bool { return a == b || normalID(a) == normalID(b) }

// RevocationList is a 1EdTechRevocationList (Open Badges 3.0) that was read, to look
// credentials up in it.
type RevocationList struct {
	reasons map[string]string // by the normal form of the id
	whole   bool              // every entry could be read
}

// ReadRevocationList reads a list; ok is false for a document that is none.
func ReadRevocationList(list *strictjson.Doc) (l *RevocationList, ok bool) {
	entries := list.Get(0, "revokedCredential")
	if k := list.Kind(entries); k != strictjson.Array && k != strictjson.Object {
		return nil, false
	}
	r := reader{list}
	l = &RevocationList{reasons: map[string]string{}, whole: true}
	list.Each(entries, func(e strictjson.Node) bool {
		id, isString := list.Str(list.Get(e, "id"))
		revoked, isBool := list.Bool(list.Get(e, "revoked"))
		switch {
		case !isString || list.Get(e, "revoked") != strictjson.None && !isBool:
			l.whole = false // a list that cannot be read whole may hold what it seems not to
		case revoked || !isBool: // revoked is true where it is left out
			l.reasons[normalID(id)] = r.text(e, "revocationReason")
		}
		return true
	})
	return l, true
}

// Find looks a credential up by its id. ok is false where the list does not tell.
func (l *RevocationList) Find(id string) (rev Revocation, ok bool) {
	if id == "" {
		return Revocation{}, false
	}
	rev.Reason, rev.Revoked = l.reasons[normalID(id)]
	return rev, l.whole || rev.Revoked
}

// InRevocationList looks one credential up in a 1EdTechRevocationList, by id. ok is
// false for a document that is no such list: then nothing is known.
func InRevocationList(list *strictjson.Doc, id string) (rev Revocation, ok bool) {
	l, ok := ReadRevocationList(list)
	if !ok {
		return Revocation{}, false
	}
	return l.Find(id)
}
