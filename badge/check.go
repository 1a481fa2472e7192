package badge

import (
	"regexp"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Check says what is wrong with the content of an Open Badges 3.0 credential, an
// endorsement or a CLR, unsecured or with embedded proof: required properties, types,
// lists and single values, vocabularies, dates, references between results and their
// descriptions, identifiers of the subject, endorsements without proofs. For a JWT,
// pass the credential of its claims and use CheckJWT beside it.
//
// Any other document gets the one finding "not_a_badge". Check needs no network, no
// clock and no key, and is safe for concurrent use. At most 200 findings are reported.
func Check(doc *strictjson.Doc, profile Profile) []Finding { return CheckAt(doc, 0, profile) }

// CheckAt is Check for the credential at n within a document, such as the vc claim of
// a JWT or a credential inside a CLR. Pointers are those of the whole document.
func CheckAt(doc *strictjson.Doc, n strictjson.Node, profile Profile) []Finding {
	c := &checker{findings: findings{profile: profile}, doc: doc, root: n}
	name := className(KindOf(doc, n))
	if name == "" {
		c.add(Error, "not_a_badge", doc.Pointer(n), "expected a type of Open Badges 3.0 or CLR 2.0")
		return c.list
	}
	c.v1 = firstContext(doc, n) == chancery.ContextV1
	c.object(n, name)
	return c.list
}

func className(k Kind) string {
	switch k {
	case OB3Achievement:
		return "AchievementCredential"
	case OB3Endorsement:
		return "EndorsementCredential"
	case CLR:
		return "ClrCredential"
	}
	return ""
}

// checker walks a document along the table of classes.
type checker struct {
	findings
	doc  *strictjson.Doc
	root strictjson.Node
	v1   bool // data model 1.1
}

func (c *checker) at(n strictjson.Node, g Grade, code, message string) {
	if c.wants(g) { // a pointer costs a walk over the elements before it
		c.add(g, code, c.doc.Pointer(n), message)
	}
}

// object checks the object at n against a class, and everything in it.
func (c *checker) object(n strictjson.Node, name string) {
	if k := c.doc.Kind(n); k != strictjson.Object {
		c.at(n, Error, "wrong_type", "expected an object of class "+name+", found "+k.String())
		return
	}
	cl := classes()[name]
	if isCredentialClass(name) {
		outer := c.v1
		c.v1 = firstContext(c.doc, n) == chancery.ContextV1
		defer func() { c.v1 = outer }()
	}
	known := make([]string, 0, len(cl.properties))
	for _, p := range cl.properties {
		if c.v1 && isCredentialClass(name) {
			p = underV1(p)
		}
		known = append(known, p.name)
		v := c.doc.Get(n, p.name)
		if v == strictjson.None {
			if p.required {
				c.at(n, Error, "property_missing", "expected the property "+p.name+" of "+name)
			}
			continue
		}
		c.property(v, name, p)
	}
	if cl.closed {
		for m := c.doc.First(n); m != strictjson.None; m = c.doc.Next(m) {
			if !slices.Contains(known, c.doc.Name(m)) {
				c.at(m, Error, "property_unknown", "expected only the properties of "+name)
			}
		}
	}
	c.rules(n, name)
}

// property checks one value: whether it is a list where one is defined, and each
// element.
func (c *checker) property(v strictjson.Node, class string, p property) {
	kind := c.doc.Kind(v)
	switch {
	case p.kinds[0] == "context":
		c.contexts(v, class)
		return
	case p.kinds[0] == "types":
		c.types(v, class)
		return
	case !p.list && kind == strictjson.Array:
		c.at(v, Error, "list_for_single_value", "expected a single value for "+p.name+", found a list")
		return
	case p.list && kind != strictjson.Array && !p.single:
		c.at(v, Warning, "single_value_for_list", "expected a list for "+p.name+"; only JSON-LD takes a single value for one")
	case p.list && p.required && kind == strictjson.Array && c.doc.Len(v) == 0:
		c.at(v, Error, "list_empty", "expected at least one value of "+p.name)
	}
	c.doc.Each(v, func(e strictjson.Node) bool {
		c.value(e, class, p)
		return !c.full
	})
}

func (c *checker) value(v strictjson.Node, class string, p property) {
	kind := c.doc.Kind(v)
	want := p.kinds[0]
	if len(p.kinds) > 1 && kind != strictjson.Object {
		want = p.kinds[1]
	}
	if _, isClass := classes()[want]; isClass {
		c.object(v, want)
		return
	}
	vocabulary, isVocab := strings.CutPrefix(want, "vocab:")
	switch {
	case want == "any" && kind == strictjson.Object, want == "bool" && kind == strictjson.Bool, want == "number" && kind == strictjson.Number:
	case want == "text" && kind == strictjson.Object && !isIdentifier(class, p.name) && c.languageMap(v):
		c.at(v, Warning, "language_map", "expected a string for "+p.name+"; only JSON-LD takes a map of languages for one")
	case want == "any", want == "bool", want == "number", kind != strictjson.String:
		c.at(v, Error, "wrong_type", "expected "+kindWords(want)+" for "+p.name+", found "+kind.String())
	case want == "time":
		c.time(v)
	case want == "date":
		c.date(v)
	case want == "jws" && !jwsForm.MatchString(c.doc.String(v)):
		c.at(v, Error, "not_a_jws", "expected a compact JWS")
	case want == "lang" && !langForm.MatchString(c.doc.String(v)):
		c.at(v, Error, "not_a_language", "expected a language tag (BCP 47)")
	case want == "type" && c.doc.String(v) != class:
		c.at(v, Error, "type_wrong", "expected the type "+class)
	case isVocab:
		c.term(v, vocabulary)
	}
}

var (
	jwsForm  = regexp.MustCompile(`^[a-zA-Z0-9_-]+\.[a-zA-Z0-9_-]*\.[a-zA-Z0-9_-]+$`)
	langForm = regexp.MustCompile(`^[a-z]{2,4}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$`)
	mapForm  = regexp.MustCompile(`^[a-z]{2}(-[A-Z]{2})?$`)
	obForm   = regexp.MustCompile(`^https://purl\.imsglobal\.org/spec/ob/v3p0/context(-3\.\d\.\d)*\.json$`)
	clrForm  = regexp.MustCompile(`^https://purl\.imsglobal\.org/spec/clr/v2p0/context(-2\.\d\.\d)*\.json$`)
)

func kindWords(kind string) string {
	switch kind {
	case "any":
		return "an object"
	case "bool":
		return "true or false"
	case "number":
		return "a number"
	}
	return "a string"
}

// isIdentifier tells whether a property is an address or identifier, which no
// language changes.
func isIdentifier(class, name string) bool {
	switch name {
	case "id", "achievedLevel", "resultDescription", "requiredLevel", "targetUrl", "sourceId", "targetId", "url", "issuer", "identityHash", "salt":
		return true
	}
	return class == "Proof" || name == "type"
}

// languageMap tells whether an object maps languages to strings.
func (c *checker) languageMap(n strictjson.Node) bool {
	for m := c.doc.First(n); m != strictjson.None; m = c.doc.Next(m) {
		if !mapForm.MatchString(c.doc.Name(m)) || c.doc.Kind(m) != strictjson.String {
			return false
		}
	}
	return c.doc.Len(n) > 0
}

// types checks that the types of an object hold those of its class. Both schema
// flavours let wrong single types pass.
func (c *checker) types(v strictjson.Node, class string) {
	var found []string
	bad := false
	c.doc.Each(v, func(e strictjson.Node) bool {
		s, ok := c.doc.Str(e)
		bad = bad || !ok
		found = append(found, s)
		return true
	})
	if bad {
		c.at(v, Error, "wrong_type", "expected a string or a list of strings for type")
		return
	}
	for _, group := range typeNames(class) {
		if !slices.ContainsFunc(group, func(t string) bool { return slices.Contains(found, t) }) {
			c.at(v, Error, "type_missing", "expected the type "+strings.Join(group, " or "))
		}
	}
}

func (c *checker) term(v strictjson.Node, vocabulary string) {
	s := c.doc.String(v)
	if slices.Contains(vocabularies[vocabulary], s) {
		return
	}
	if rest, ok := strings.CutPrefix(s, "ext:"); ok && rest != "" && extensible(vocabulary) {
		return
	}
	c.at(v, Error, "not_in_vocabulary", "expected one of the terms of "+vocabulary+", or one that begins with ext:")
}

// contexts checks the base context and those of Open Badges and CLR, in their places.
func (c *checker) contexts(v strictjson.Node, class string) {
	if c.doc.Kind(v) != strictjson.Array || c.doc.Len(v) < 2 {
		c.at(v, Error, "contexts_missing", "expected a list of two contexts at least")
		return
	}
	c.doc.Each(v, func(e strictjson.Node) bool {
		if k := c.doc.Kind(e); k != strictjson.String && k != strictjson.Object {
			c.at(e, Error, "wrong_type", "expected a context as a URL or an object, found "+k.String())
		}
		return true
	})
	first, second := c.doc.Index(v, 0), c.doc.Index(v, 1)
	if s := c.doc.String(first); s != chancery.ContextV2 && s != chancery.ContextV1 {
		c.at(first, Error, "context_first", "expected "+chancery.ContextV2+" or "+chancery.ContextV1)
	}
	form, name := obForm, "Open Badges 3.0"
	if class == "ClrCredential" {
		form, name = clrForm, "CLR 2.0"
		// The achievements of a CLR are those of Open Badges, whose context comes third.
		if third := c.doc.Index(v, 2); third == strictjson.None {
			c.at(v, c.lenient(), "contexts_missing", "expected a list of three contexts at least")
		} else if !obForm.MatchString(c.doc.String(third)) {
			c.at(third, c.lenient(), "context_third", "expected the context of Open Badges 3.0 in the third place")
		}
	}
	if form.MatchString(c.doc.String(second)) {
		return
	}
	elsewhere := false
	c.doc.Each(v, func(e strictjson.Node) bool {
		elsewhere = form.MatchString(c.doc.String(e))
		return !elsewhere
	})
	if elsewhere {
		c.at(second, c.lenient(), "context_second", "expected the context of "+name+" in the second place, found it later")
		return
	}
	c.at(second, Error, "context_second", "expected the context of "+name+" in the second place")
}

func firstContext(doc *strictjson.Doc, n strictjson.Node) string {
	ctx := doc.Get(n, "@context")
	if doc.Kind(ctx) == strictjson.Array {
		ctx = doc.First(ctx)
	}
	return doc.String(ctx)
}
