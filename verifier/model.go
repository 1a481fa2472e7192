package verifier

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// describeCredential fills in what the credential says of itself.
func (c *run) describeCredential() {
	r, doc := c.r, c.doc
	r.ID, r.Types = c.cred.ID(), c.cred.Types()
	r.Model = "VC " + c.cred.Model().String()
	r.Issuer.ID = c.cred.Issuer()
	r.Issuer.Name = textOf(doc, doc.Path(0, "issuer", "name"))
	if i, ok := c.v.cfg.Trust.issuer(r.Issuer.ID); ok && i.Name != "" {
		r.Issuer.Name = i.Name // the auditor's word counts for more than the document's
	}
	subject := doc.Get(0, "credentialSubject")
	if doc.Kind(subject) == strictjson.Array {
		if doc.Len(subject) > 1 {
			r.find(GradeWarning, "several_subjects", "/credentialSubject", "the credential is about several subjects, of whom the report describes the first")
		}
		subject = doc.First(subject)
	}
	r.Subject.ID = doc.String(doc.Get(subject, "id"))
	r.Subject.Name = textOf(doc, doc.Get(subject, "name"))
	if r.Subject.Name == "" {
		r.Subject.Name = identifiedName(doc, subject)
	}
	r.Subject.Type = textOf(doc, doc.Path(subject, "achievement", "name"))
	if r.Subject.Type == "" {
		r.Subject.Type = textOf(doc, doc.Get(0, "name"))
	}
	if t, ok := c.cred.ValidFrom(); ok {
		r.ValidFrom = t.UTC()
	}
	if t, ok := c.cred.ValidUntil(); ok {
		r.ValidUntil = t.UTC()
	}
}

// identifiedName is the name that a badge gives its holder in the clear (Open Badges 3.0,
// IdentityObject); "" where it gives none, or several, whose order no signature covers.
func identifiedName(doc *strictjson.Doc, subject strictjson.Node) string {
	var names []string
	doc.Each(doc.Get(subject, "identifier"), func(n strictjson.Node) bool {
		if hashed, ok := doc.Bool(doc.Get(n, "hashed")); ok && !hashed && doc.String(doc.Get(n, "identityType")) == "name" {
			names = append(names, doc.String(doc.Get(n, "identityHash")))
		}
		return len(names) < 2
	})
	if len(names) != 1 {
		return ""
	}
	return names[0]
}

// textOf returns a string, or the first @value of a language value (VC Data Model
// 2.0, 11.1).
func textOf(doc *strictjson.Doc, n strictjson.Node) string {
	if doc.Kind(n) == strictjson.Array {
		n = doc.First(n)
	}
	if doc.Kind(n) == strictjson.Object {
		n = doc.Get(n, "@value")
	}
	return doc.String(n)
}

// typed lists the members whose entries must have a type (VC Data Model 2.0, 4.5 and
// the section of each), and whether they must have an id.
var typed = []struct {
	name    string
	needsID bool
	section string
}{
	{"credentialStatus", false, "4.10"},
	{"credentialSchema", true, "4.11"},
	{"proof", false, "4.12"},
	{"refreshService", false, "5.4"},
	{"termsOfUse", false, "5.5"},
	{"evidence", false, "5.6"},
}

// checkModel judges the shape of a credential (VC Data Model 2.0 and 1.1, section 4).
// It answers false where nothing further can be judged.
func (c *run) checkModel() bool {
	if detail := c.modelFault(); detail != "" {
		c.fail(CheckModel, ModelInvalid, detail)
		return false
	}
	c.pass(CheckModel, c.r.Model)
	return true
}

func (c *run) modelFault() string {
	doc := c.doc
	if f := headFault(doc, 0); f != "" {
		return f
	}
	issuer := doc.Get(0, "issuer")
	if doc.Kind(issuer) == strictjson.Object {
		issuer = doc.Get(issuer, "id")
	}
	if !isURL(doc.String(issuer)) {
		return "expected a URL as issuer (4.7)"
	}
	for _, t := range typed {
		if f := entryFault(doc, t.name, t.needsID); f != "" {
			return f + " (" + t.section + ")"
		}
	}
	fault := ""
	doc.Each(doc.Get(0, "credentialSubject"), func(s strictjson.Node) bool {
		if doc.Len(s) == 0 {
			fault = fmt.Sprintf("expected claims at %q (4.8)", doc.Pointer(s))
		} else if id := doc.Get(s, "id"); id != strictjson.None && !isURL(doc.String(id)) {
			fault = fmt.Sprintf("expected a URL at %q (4.4)", doc.Pointer(id))
		}
		return fault == ""
	})
	if fault != "" {
		return fault
	}
	if c.cred.Model() == chancery.Model1_1 && doc.Get(0, "issuanceDate") == strictjson.None {
		return "expected issuanceDate (VC Data Model 1.1, 4.6)"
	}
	if c.cred.Model() == chancery.Model2_0 {
		return languageFault(doc)
	}
	return ""
}

// headFault judges what credentials and presentations share: @context, id and type.
func headFault(doc *strictjson.Doc, root strictjson.Node) string {
	ctx := doc.Get(root, "@context")
	if doc.Kind(ctx) != strictjson.Array && doc.Kind(ctx) != strictjson.String {
		return "expected @context to be a list (4.3)"
	}
	fault := ""
	doc.Each(ctx, func(n strictjson.Node) bool {
		switch doc.Kind(n) {
		case strictjson.Object:
		case strictjson.String:
			if !isURL(doc.String(n)) {
				fault = fmt.Sprintf("expected a URL at %q (4.3)", doc.Pointer(n))
			}
		default:
			fault = fmt.Sprintf("expected a URL or an object at %q (4.3)", doc.Pointer(n))
		}
		return fault == ""
	})
	if fault != "" {
		return fault
	}
	if id := doc.Get(root, "id"); id != strictjson.None && !isURL(doc.String(id)) {
		return "expected a URL as id (4.4)"
	}
	doc.Each(doc.Get(root, "type"), func(n strictjson.Node) bool {
		if s := doc.String(n); s == "" {
			fault = fmt.Sprintf("expected a type at %q (4.5)", doc.Pointer(n))
		}
		return fault == ""
	})
	return fault
}

// entryFault judges the entries of a member that must have types.
func entryFault(doc *strictjson.Doc, name string, needsID bool) string {
	fault, seen := "", 0
	doc.Each(doc.Get(0, name), func(n strictjson.Node) bool {
		seen++
		typeOK := false
		doc.Each(doc.Get(n, "type"), func(t strictjson.Node) bool {
			typeOK = doc.String(t) != ""
			return typeOK
		})
		id := doc.Get(n, "id")
		switch {
		case doc.Kind(n) != strictjson.Object:
			fault = fmt.Sprintf("expected an object at %q", doc.Pointer(n))
		case !typeOK:
			fault = fmt.Sprintf("expected a type at %q", doc.Pointer(n))
		case needsID && id == strictjson.None:
			fault = fmt.Sprintf("expected an id at %q", doc.Pointer(n))
		case id != strictjson.None && !isURL(doc.String(id)):
			fault = fmt.Sprintf("expected a URL at %q", doc.Pointer(id))
		}
		return fault == ""
	})
	return fault
}

// languageFault judges name and description: text, or language values (VC Data Model
// 2.0, 4.6 and 11.1).
func languageFault(doc *strictjson.Doc) string {
	for _, holder := range []strictjson.Node{0, doc.Get(0, "issuer")} {
		for _, name := range []string{"name", "description"} {
			fault := ""
			doc.Each(doc.Get(holder, name), func(n strictjson.Node) bool {
				switch doc.Kind(n) {
				case strictjson.String:
				case strictjson.Object:
					if doc.Kind(doc.Get(n, "@value")) != strictjson.String {
						fault = "expected text, or an object with @value"
					}
				default:
					fault = "expected text, or an object with @value"
				}
				if fault != "" {
					fault += fmt.Sprintf(" at %q (11.1)", doc.Pointer(n))
				}
				return fault == ""
			})
			if fault != "" {
				return fault
			}
		}
	}
	return ""
}

func (c *run) checkPresentationModel() bool {
	doc := c.doc
	fault := headFault(doc, 0)
	holder := doc.Get(0, "holder")
	if fault == "" && holder != strictjson.None && !isURL(c.pres.Holder()) {
		fault = "expected a URL as holder (4.13)"
	}
	for _, name := range []string{"proof", "termsOfUse"} {
		if fault == "" {
			fault = entryFault(doc, name, false)
		}
	}
	if fault != "" {
		c.fail(CheckModel, ModelInvalid, fault)
		return false
	}
	c.pass(CheckModel, c.r.Model)
	return true
}

// isURL tells whether s is an absolute URL by the URL Standard, as the data model
// asks for: a scheme, something after it, no white space.
func isURL(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || scheme == "" || rest == "" || strings.ContainsAny(s, " \t\r\n<>\"{}|\\^`") {
		return false
	}
	for i, r := range scheme {
		switch {
		case r|0x20 >= 'a' && r|0x20 <= 'z' && r < 0x80:
		case i > 0 && (r >= '0' && r <= '9' || r == '+' || r == '-' || r == '.'):
		default:
			return false
		}
	}
	if scheme == "https" || scheme == "http" {
		u, err := url.Parse(s)
		return err == nil && u.Host != ""
	}
	return true
}

// reportExtensions says what the credential offers that this verifier does not act on.
func (c *run) reportExtensions() {
	for _, e := range []struct{ name, code, text string }{
		{"refreshService", "refresh_service", "the issuer offers a way to refresh this credential; it was not used"},
		{"termsOfUse", "terms_of_use", "the issuer attaches terms of use; they were not judged"},
		{"evidence", "evidence", "the issuer attaches evidence; it was not judged"},
		{"confidenceMethod", "confidence_method", "the credential names a confidence method; it was not used"},
		{"renderMethod", "render_method", "the credential names a rendering; it was not used"},
	} {
		if n := c.doc.Get(0, e.name); n != strictjson.None {
			c.r.find(GradeNote, e.code, c.doc.Pointer(n), e.text)
		}
	}
}

// kind tells what sort of badge the document is, if any.
func (c *run) kind() badge.Kind { return badge.KindOf(c.doc, 0) }
