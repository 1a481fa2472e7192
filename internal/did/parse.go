package did

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Limits on documents. The largest seen hold some dozens of keys.
const (
	maxDocument = 1 << 20 // bytes
	maxMethods  = 1000
)

var documentLimits = strictjson.Limits{Bytes: maxDocument, Depth: 32, Nodes: 50_000}

// ParseDocument parses a DID document or a controlled identifier document. want is
// the identifier it was looked up under; a document with another id is
// ErrIdentity. Empty means that none was looked up, as with a pinned file.
//
// A verification method of an unknown type or with a bad key does not spoil the
// others: it is there with its KeyErr. Errors: ErrDocument, ErrIdentity, and
// *strictjson.Error.
func ParseDocument(b []byte, want string) (*Document, error) {
	return ParseDocumentFor(b, want, "")
}

// ParseDocumentFor is ParseDocument for a caller who asks for one method alone, by its
// absolute identifier: the keys of all others are left unread, their KeyErr says so. A
// thousand keys in compressed form take a tenth of a second.
func ParseDocumentFor(b []byte, want, method string) (*Document, error) {
	doc, err := strictjson.Parse(b, documentLimits)
	if err != nil {
		return nil, fmt.Errorf("did: document: %w", err)
	}
	return readDocument(doc, 0, want, method)
}

// errNotRead is the KeyErr of a key that was not asked for.
var errNotRead = errors.New("did: key not read, since another method was asked for")

// ReadDocument is ParseDocument of the object at n within a larger document, such
// as a trust file or an evidence bundle.
func ReadDocument(doc *strictjson.Doc, n strictjson.Node, want string) (*Document, error) {
	return readDocument(doc, n, want, "")
}

func readDocument(doc *strictjson.Doc, n strictjson.Node, want, only string) (*Document, error) {
	p := &parser{doc: doc, d: &Document{}, only: only}
	if doc.Kind(n) != strictjson.Object {
		return nil, p.fail(n, "expected an object")
	}
	id, err := p.str(n, "id", true)
	if err != nil {
		return nil, err
	}
	if !isAbsolute(id) || strings.Contains(id, "#") {
		return nil, p.fail(doc.Get(n, "id"), "expected an absolute identifier without fragment")
	}
	if want != "" && id != want {
		return nil, ErrIdentity
	}
	p.d.ID = id
	if p.d.Controllers, err = p.strs(n, "controller"); err != nil {
		return nil, err
	}
	if p.d.AlsoKnownAs, err = p.strs(n, "alsoKnownAs"); err != nil {
		return nil, err
	}
	if err := p.each(n, "verificationMethod", func(c strictjson.Node) error {
		_, err := p.method(c)
		return err
	}); err != nil {
		return nil, err
	}
	for _, purpose := range purposes {
		if err := p.relationship(n, purpose); err != nil {
			return nil, err
		}
	}
	p.settle()
	return p.d, nil
}

// parser holds what is being read.
type parser struct {
	doc  *strictjson.Doc
	d    *Document
	refs []reference
	only string // the method whose key is read, "" for all
}

// reference is a relationship's entry that names a method.
type reference struct {
	id   string
	mask uint8
}

// fail names the place of a fault, never its value.
func (p *parser) fail(n strictjson.Node, format string, args ...any) error {
	return fmt.Errorf("%w: at %q: %s", ErrDocument, p.doc.Pointer(n), fmt.Sprintf(format, args...))
}

// str returns a member that is a string.
func (p *parser) str(n strictjson.Node, name string, required bool) (string, error) {
	c := p.doc.Get(n, name)
	if c == strictjson.None {
		if required {
			return "", p.fail(n, "no member %s", name)
		}
		return "", nil
	}
	s, ok := p.doc.Str(c)
	if !ok || s == "" {
		return "", p.fail(c, "expected a string that is not empty")
	}
	return s, nil
}

// strs returns a member that is a string or an array of strings.
func (p *parser) strs(n strictjson.Node, name string) ([]string, error) {
	var out []string
	err := p.each(n, name, func(c strictjson.Node) error {
		s, ok := p.doc.Str(c)
		if !ok || s == "" {
			return p.fail(c, "expected a string that is not empty")
		}
		out = append(out, s)
		return nil
	})
	return out, err
}

// each visits the elements of a member, or the member itself where it is no array.
func (p *parser) each(n strictjson.Node, name string, visit func(strictjson.Node) error) error {
	c := p.doc.Get(n, name)
	if c == strictjson.None {
		return nil
	}
	var err error
	count := 0
	p.doc.Each(c, func(e strictjson.Node) bool {
		if count++; count > maxMethods {
			err = p.fail(c, "expected at most %d entries", maxMethods)
		} else {
			err = visit(e)
		}
		return err == nil
	})
	return err
}

// relationship reads the methods of a purpose: references, or methods embedded
// here and for this purpose only.
func (p *parser) relationship(n strictjson.Node, purpose Purpose) error {
	return p.each(n, string(purpose), func(c strictjson.Node) error {
		if s, ok := p.doc.Str(c); ok {
			id, err := p.resolve(c, s)
			if err != nil {
				return err
			}
			p.refs = append(p.refs, reference{id, bit(purpose)})
			return nil
		}
		i, err := p.method(c)
		if err != nil {
			return err
		}
		p.d.Methods[i].purposes |= bit(purpose)
		return nil
	})
}

// settle gives every method the purposes under which it is referred to.
func (p *parser) settle() {
	for i := range p.d.Methods {
		p.d.Methods[i].form = "" // has served
	}
	for _, r := range p.refs {
		if i := p.d.find(r.id); i >= 0 {
			p.d.Methods[i].purposes |= r.mask
			continue
		}
		if p.d.foreign == nil {
			p.d.foreign = map[string]uint8{}
		}
		p.d.foreign[r.id] |= r.mask
	}
}

// resolve makes an identifier absolute. Besides absolute ones, only "#fragment" is
// understood: other relative forms resolve differently in DID and in https
// documents.
func (p *parser) resolve(n strictjson.Node, id string) (string, error) {
	if len(id) > 1 && id[0] == '#' && validPercent(id[1:], queryChar) && len(id)+len(p.d.ID) <= maxIdentifier {
		return p.d.ID + id, nil
	}
	if !isAbsolute(id) {
		return "", p.fail(n, "expected an absolute identifier or one that begins with #")
	}
	return id, nil
}

// isAbsolute reports whether s is a DID URL or another absolute URI.
func isAbsolute(s string) bool {
	if strings.HasPrefix(s, "did:") {
		_, err := ParseURL(s)
		return err == nil
	}
	if strings.HasPrefix(s, "https:") {
		return checkHTTPS(s) == nil
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || len(s) > maxIdentifier || scheme == "" || rest == "" || scheme[0]|0x20 < 'a' || scheme[0]|0x20 > 'z' ||
		!all(strings.NewReplacer("+", "", "-", "", ".", "").Replace(scheme), alnumChar) {
		return false
	}
	before, fragment, _ := strings.Cut(rest, "#")
	return validPercent(before, queryChar) && validPercent(fragment, queryChar)
}

// method reads a verification method and returns its index. One that is given
// twice in the same words, as some write it, is one method; in different words
// the document contradicts itself.
func (p *parser) method(n strictjson.Node) (int, error) {
	if p.doc.Kind(n) != strictjson.Object {
		return 0, p.fail(n, "expected a verification method")
	}
	id, err := p.str(n, "id", true)
	if err != nil {
		return 0, err
	}
	m := VerificationMethod{}
	if m.ID, err = p.resolve(p.doc.Get(n, "id"), id); err != nil {
		return 0, err
	}
	if m.Type, err = p.str(n, "type", true); err != nil {
		return 0, err
	}
	if m.Controller, err = p.str(n, "controller", false); err != nil {
		return 0, err
	}
	if m.Controller != "" && !isAbsolute(m.Controller) {
		return 0, p.fail(p.doc.Get(n, "controller"), "expected an absolute identifier")
	}
	if m.Expires, err = p.time(n, "expires"); err != nil {
		return 0, err
	}
	if m.Revoked, err = p.time(n, "revoked"); err != nil {
		return 0, err
	}
	form, err := p.doc.CanonicalizeNode(n)
	if err != nil {
		return 0, p.fail(n, "verification method has no canonical form")
	}
	m.form = string(form)
	if i := p.d.find(m.ID); i >= 0 {
		if p.d.Methods[i].form != m.form {
			return 0, p.fail(n, "another verification method has this id")
		}
		return i, nil
	}
	if len(p.d.Methods) == maxMethods {
		return 0, p.fail(n, "expected at most %d verification methods", maxMethods)
	}
	if m.KeyErr = errNotRead; p.only == "" || p.only == m.ID {
		m.Key, m.KeyErr = readKey(p.doc, n, m.Type)
	}
	p.d.Methods = append(p.d.Methods, m)
	i := len(p.d.Methods) - 1
	switch {
	case p.d.index != nil:
		p.d.index[m.ID] = i
	case i == fewMethods:
		p.d.index = make(map[string]int, 2*fewMethods)
		for j := range p.d.Methods {
			p.d.index[p.d.Methods[j].ID] = j
		}
	}
	return i, nil
}

// time reads an optional instant.
func (p *parser) time(n strictjson.Node, name string) (time.Time, error) {
	c := p.doc.Get(n, name)
	if c == strictjson.None {
		return time.Time{}, nil
	}
	t, ok := p.doc.Time(c)
	if !ok || t.IsZero() {
		return time.Time{}, p.fail(c, "expected an instant such as 2026-01-31T12:00:00Z")
	}
	return t, nil
}

// keyMembers are the members that can hold a public key; secretMembers those that
// would publish the private one.
var (
	keyMembers    = []string{"publicKeyMultibase", "publicKeyJwk", "publicKeyBase58", "publicKeyHex", "publicKeyPem"}
	secretMembers = []string{"secretKeyMultibase", "secretKeyJwk", "privateKeyMultibase", "privateKeyJwk",
		"privateKeyBase58", "privateKeyHex", "privateKeyPem"}
)

// readKey reads the key of a verification method. A method has one key in one
// form: with two, it would depend on the reader which of them counts.
func readKey(doc *strictjson.Doc, n strictjson.Node, typ string) (crypto.PublicKey, error) {
	for _, name := range secretMembers {
		if doc.Get(n, name) != strictjson.None {
			return nil, fmt.Errorf("%w: verification method has member %s", multikey.ErrPrivate, name)
		}
	}
	want := ""
	switch typ {
	case TypeMultikey, TypeEd25519VerificationKey2020:
		want = "publicKeyMultibase"
	case TypeJSONWebKey, TypeJSONWebKey2020:
		want = "publicKeyJwk"
	case TypeEd25519VerificationKey2018:
		want = "publicKeyBase58"
	default:
		return nil, fmt.Errorf("%w: verification method of unknown type", multikey.ErrUnsupported)
	}
	for _, name := range keyMembers {
		if (doc.Get(n, name) != strictjson.None) != (name == want) {
			return nil, fmt.Errorf("%w: expected %s alone in a method of type %s", multikey.ErrInvalidKey, want, typ)
		}
	}
	value := doc.Get(n, want)
	if want == "publicKeyJwk" {
		k, err := multikey.ParsePublicJWK(doc, value)
		if err != nil {
			return nil, err
		}
		return k.Key, nil
	}
	s, ok := doc.Str(value)
	if !ok {
		return nil, fmt.Errorf("%w: expected %s to be a string", multikey.ErrInvalidKey, want)
	}
	if typ == TypeEd25519VerificationKey2018 {
		raw, err := multikey.DecodeBase58(s)
		if err != nil {
			return nil, err
		}
		k, err := multikey.ParseEd25519(raw)
		if err != nil {
			return nil, err
		}
		return k, nil
	}
	k, err := multikey.Parse(s)
	if err != nil {
		return nil, err
	}
	if _, isEd := k.(ed25519.PublicKey); typ == TypeEd25519VerificationKey2020 && !isEd {
		return nil, fmt.Errorf("%w: expected an Ed25519 key in a method of type %s", multikey.ErrInvalidKey, typ)
	}
	return k, nil
}
