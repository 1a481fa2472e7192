package verifier

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/jsonld"
	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// checkContexts judges the JSON-LD contexts before anything is hashed. Where a proof
// covers the RDF of the document, canonicalising it is the rest of this check, and
// checkProofs reports it. It answers false where nothing further can be judged.
func (c *run) checkContexts() bool {
	unknown := c.unknownContexts()
	needsRDF := c.needsRDF()
	if len(unknown) > 0 && (needsRDF || c.v.policy.Profile == ProfileStrict) {
		c.fail(CheckContext, UnknownContext, strings.Join(unknown, ", "))
		return !needsRDF
	}
	if len(unknown) > 0 {
		// JCS and JOSE sign the text itself, so that nothing is outside of the
		// signature; only what the members mean is not known.
		c.r.find(GradeWarning, "unknown_context", "/@context", "the meaning of members cannot be checked: "+strings.Join(unknown, ", ")+" is not pinned here")
		c.skip(CheckContext, "unknown context, signature over the text")
		return true
	}
	if detail := c.redefinition(); detail != "" {
		c.fail(CheckContext, ContextRedefinition, detail)
		return false
	}
	if needsRDF {
		return true
	}
	drop := []string{"proof"}
	if c.pres != nil {
		drop = append(drop, "verifiableCredential") // each is judged by itself; in VC 1.1 they may be JWTs
	}
	res, err := jsonld.ToQuads(c.doc, 0, jsonld.Options{Contexts: c.newest(), DropRoot: drop, ByName: true}, rdfc.NewDataset(64))
	if err != nil {
		reason, detail := hashReason(err)
		if c.lenient() && reason == UndefinedTerm {
			c.r.find(GradeWarning, string(reason), "", detail)
			c.skip(CheckContext, detail)
			return true
		}
		c.fail(CheckContext, reason, detail)
		return reason.Outcome() != Invalid
	}
	c.useContexts(res.Contexts)
	c.pass(CheckContext, contextDetail(res.Contexts))
	return true
}

// needsRDF tells whether a proof, or a claim of one, is over the RDF of the document.
func (c *run) needsRDF() bool {
	if c.doc.Get(0, "proof") == strictjson.None {
		return false
	}
	rdf := c.token == nil
	c.doc.Each(c.doc.Get(0, "proof"), func(n strictjson.Node) bool {
		s, ok := proof.SuiteByName(c.doc.String(c.doc.Get(n, "type")), c.doc.String(c.doc.Get(n, "cryptosuite")))
		rdf = !ok || s.Canonicalization() == proof.RDFC
		return !rdf
	})
	return rdf
}

// contextURLs returns every context URL of the document, once, in order.
func (c *run) contextURLs() []string {
	var urls []string
	doc := c.doc
	for n := range strictjson.Node(doc.Size()) {
		if doc.Name(n) != "@context" {
			continue
		}
		doc.Each(n, func(e strictjson.Node) bool {
			if s, ok := doc.Str(e); ok && !slices.Contains(urls, s) {
				urls = append(urls, s)
			}
			return len(urls) < 64
		})
	}
	return urls
}

func (c *run) unknownContexts() []string {
	var unknown []string
	for _, url := range c.contextURLs() {
		if len(c.v.contexts.Versions(url)) == 0 && len(unknown) < 8 {
			unknown = append(unknown, url)
		}
	}
	return unknown
}

func (c *run) newest() proof.Resolver { return proof.Newest(c.v.contexts) }

// maxChoices bounds how many combinations of context versions are tried. The contexts
// of a CLR with Open Badges 3.0.3 have eight.
const maxChoices = 16

// choices yields resolvers for the combinations of versions behind the document's
// context URLs, those with the newest versions first. The first is the one that is
// right for nearly every document; the others are for what was signed before a
// publisher edited a context in place.
func (c *run) choices() []proof.Resolver {
	out := []proof.Resolver{c.newest()}
	type axis struct {
		url      string
		versions []*ldcontext.Version
	}
	var axes []axis
	for _, url := range c.contextURLs() {
		if v := c.v.contexts.Versions(url); len(v) > 1 {
			axes = append(axes, axis{url, v})
		}
	}
	pick := make([]int, len(axes))
	// By the sum of ranks, so that few old versions come before many.
	var walk func(i, left int)
	walk = func(i, left int) {
		if len(out) >= maxChoices {
			return
		}
		if i == len(axes) {
			if left == 0 {
				chosen := make(map[string]*ldcontext.Version, len(axes))
				for k, a := range axes {
					chosen[a.url] = a.versions[pick[k]]
				}
				newest := c.newest()
				out = append(out, func(url string) *ldcontext.Version {
					if v := chosen[url]; v != nil {
						return v
					}
					return newest(url)
				})
			}
			return
		}
		for r := 0; r < len(axes[i].versions) && r <= left; r++ {
			pick[i] = r
			walk(i+1, left-r)
		}
	}
	most := 0
	for _, a := range axes {
		most += len(a.versions) - 1
	}
	for sum := 1; sum <= most && len(out) < maxChoices; sum++ {
		walk(0, sum)
	}
	return out
}

// useContexts reports the contexts that gave the document its meaning.
func (c *run) useContexts(versions []*ldcontext.Version) {
	for _, v := range versions {
		use := ContextUse{URL: v.URL, Version: v.Name, SHA256: v.Published.String(), JCSSHA256: v.JCS.String()}
		if v.Published == (ldcontext.Digest{}) {
			use.SHA256 = use.JCSSHA256
		}
		if !slices.Contains(c.r.Contexts, use) {
			c.r.Contexts = append(c.r.Contexts, use)
		}
	}
}

func contextDetail(versions []*ldcontext.Version) string {
	return fmt.Sprintf("%d contexts, every member defined", len(versions))
}

// hashReason says which Reason an error of canonicalising is.
func hashReason(err error) (Reason, string) {
	var le *jsonld.Error
	if errors.As(err, &le) {
		detail := le.Error()
		switch le.Code {
		case jsonld.UnsupportedThing:
			return UnsupportedJSONLD, detail
		case jsonld.UnknownContext:
			return UnknownContext, detail
		case jsonld.LimitExceeded:
			return WorkLimit, detail
		case jsonld.ProtectedTerm:
			return ContextRedefinition, detail
		case jsonld.InvalidContext, jsonld.InvalidDocument, jsonld.KeywordLike:
			return ModelInvalid, detail
		}
		return UndefinedTerm, detail
	}
	switch {
	case errors.Is(err, rdfc.ErrBudget), errors.Is(err, rdfc.ErrTooLarge):
		return WorkLimit, err.Error()
	case errors.Is(err, proof.ErrSignature):
		return SignatureInvalid, err.Error()
	case errors.Is(err, proof.ErrBaseProof):
		return BaseProof, err.Error()
	case errors.Is(err, proof.ErrContext), errors.Is(err, proof.ErrShape), errors.Is(err, proof.ErrSuite), errors.Is(err, proof.ErrProofValue):
		return ProofMalformed, err.Error()
	case errors.Is(err, proof.ErrPreviousProof):
		return PreviousProofMissing, err.Error()
	case errors.Is(err, proof.ErrKeyType):
		return KeyTypeMismatch, err.Error()
	}
	if reason, detail, ok := jsonFault(err); ok {
		return reason, detail
	}
	return UndefinedTerm, err.Error()
}

// isContextReason tells whether a Reason is about JSON-LD, and so is reported by the
// check of contexts.
func isContextReason(r Reason) bool {
	switch r {
	case UnsupportedJSONLD, UnknownContext, WorkLimit, ContextRedefinition, UndefinedTerm, ModelInvalid:
		return true
	}
	return false
}

// displayed lists the members that are shown to people or decided by, with the path
// of properties that leads to the object they stand in.
var displayed = []struct {
	path  []string
	names []string
}{
	{nil, []string{"id", "type", "issuer", "credentialSubject", "validFrom", "validUntil", "issuanceDate", "expirationDate", "credentialStatus", "credentialSchema", "name", "description", "image", "holder", "verifiableCredential", "proof", "awardedDate", "evidence"}},
	{[]string{"issuer"}, []string{"id", "type", "name", "description", "image", "url", "email"}},
	{[]string{"credentialSubject"}, []string{"id", "type", "name", "achievement", "identifier", "result", "encodedList", "statusPurpose", "endorsementComment", "verifiableCredential"}},
	{[]string{"credentialSubject", "achievement"}, []string{"id", "type", "name", "description", "criteria", "achievementType", "image"}},
	{[]string{"credentialSubject", "identifier"}, []string{"hashed", "identityHash", "identityType", "salt"}},
	{[]string{"credentialSubject", "result"}, []string{"value", "status", "achievedLevel", "resultDescription"}},
	{[]string{"credentialStatus"}, []string{"id", "type", "statusPurpose", "statusListIndex", "statusListCredential", "statusSize", "statusMessage"}},
}

// redefinition tells whether a context that the document carries inline gives a
// displayed member another meaning than the pinned contexts do (VC Data Model 2.0,
// 5.2). Protected terms cannot be changed; in VC 1.1 and in between, many are not
// protected. It answers "" where none does.
func (c *run) redefinition() string {
	doc := c.doc
	var inline []string
	dropped := []string{}
	list := doc.Get(0, "@context")
	doc.Each(list, func(n strictjson.Node) bool {
		if doc.Kind(n) == strictjson.Object {
			inline = append(inline, doc.Raw(n))
		} else {
			dropped = append(dropped, doc.Raw(n))
		}
		return true
	})
	if fault := c.nestedRedefinition(); fault != "" || len(inline) == 0 {
		return fault
	}
	plain, err := strictjson.Parse(doc.Rewrite(0, []strictjson.Member{{Name: "@context", Value: "[" + strings.Join(dropped, ",") + "]"}}, "proof"), strictjson.Limits{})
	if err != nil {
		return "expected contexts that can be read by themselves"
	}
	opt := jsonld.Options{Contexts: c.newest()}
	with, err := jsonld.RootContext(doc, 0, opt)
	if err != nil {
		return "" // canonicalising reports it
	}
	without, err := jsonld.RootContext(plain, 0, opt)
	if err != nil {
		return "expected contexts that can be read without those inside the document"
	}
	c.typesByIRI(with, without)
	for _, d := range displayed {
		nodes, a, b := []strictjson.Node{0}, with, without
		ok := true
		for _, step := range d.path {
			nodes = children(doc, nodes, step)
			var types []string
			if len(nodes) > 0 {
				types = stringList(doc, doc.Get(nodes[0], "type"))
			}
			var errA, errB error
			a, errA = a.Under(step, types...)
			b, errB = b.Under(step, types...)
			ok = ok && errA == nil && errB == nil
		}
		if !ok {
			continue
		}
		for _, name := range d.names {
			if len(children(doc, nodes, name)) == 0 {
				continue
			}
			was, is := b.IRI(name), a.IRI(name)
			switch {
			case was != "" && was != is:
				return fmt.Sprintf("expected %s to keep its meaning under /%s", name, strings.Join(d.path, "/"))
			case was == "" && is != "" && !strings.HasPrefix(name, "@"):
				c.r.find(GradeWarning, "inline_definition", "/"+strings.Join(append(slices.Clone(d.path), name), "/"), "the meaning of this member is defined only inside the document")
				c.undescribe(d.path, name)
			}
		}
	}
	return ""
}

// typesByIRI reports types that only a context inside the document defines by the IRI
// that the name stands for: where RDF is signed, the name is not, and whoever holds
// the document can give the same type another.
func (c *run) typesByIRI(with, without jsonld.Context) {
	if !c.needsRDF() {
		return
	}
	for i, name := range c.r.Types {
		if is := with.IRI(name); is != "" && is != without.IRI(name) {
			c.r.Types[i] = is
			c.r.find(GradeWarning, "inline_definition", "/type", "the meaning of a type is defined only inside the document")
		}
	}
}

// undescribe takes back what the report says of the document by a member whose name
// no signature covers: see typesByIRI.
func (c *run) undescribe(path []string, name string) {
	if !c.needsRDF() {
		return
	}
	r := c.r
	switch strings.Join(path, "/") + "/" + name {
	case "issuer/name":
		if i, ok := c.v.cfg.Trust.issuer(r.Issuer.ID); !ok || i.Name == "" {
			r.Issuer.Name = ""
		}
	case "credentialSubject/name", "credentialSubject/identifier", "credentialSubject/identifier/hashed", "credentialSubject/identifier/identityHash", "credentialSubject/identifier/identityType":
		r.Subject.Name = ""
	case "/name", "credentialSubject/achievement", "credentialSubject/achievement/name":
		r.Subject.Type = ""
	}
}

// nestedRedefinition looks at contexts inside nested objects, which no document of a
// known kind needs: there, a displayed name must not be defined at all.
func (c *run) nestedRedefinition() string {
	doc := c.doc
	var shown map[string][]int
	for n := range strictjson.Node(doc.Size()) {
		if doc.Name(n) != "@context" || doc.Parent(n) == 0 {
			continue
		}
		if shown == nil {
			shown = c.shownAt()
		}
		fault := ""
		doc.Each(n, func(e strictjson.Node) bool {
			for _, d := range displayed {
				for _, name := range d.names {
					if doc.Get(e, name) != strictjson.None && within(doc, doc.Parent(n), shown[name]) {
						fault = fmt.Sprintf("expected no definition of %s at %q", name, doc.Pointer(e))
					}
				}
			}
			return fault == ""
		})
		if fault != "" {
			return fault
		}
	}
	return ""
}

// shownAt lists where the displayed names stand in the text, in order; names that
// contexts define are no members.
func (c *run) shownAt() map[string][]int {
	doc, out, skip := c.doc, map[string][]int{}, 0
	for _, d := range displayed {
		for _, name := range d.names {
			out[name] = nil
		}
	}
	for n := strictjson.Node(1); int(n) < doc.Size(); n++ {
		at := doc.Offset(n)
		if at < skip {
			continue
		}
		name := doc.Name(n)
		if name == "@context" {
			skip = at + len(doc.Raw(n))
		} else if list, ok := out[name]; ok {
			out[name] = append(list, at)
		}
	}
	return out
}

// within tells whether one of some places lies in a value.
func within(doc *strictjson.Doc, n strictjson.Node, places []int) bool {
	from := doc.Offset(n)
	i, _ := slices.BinarySearch(places, from)
	return i < len(places) && places[i] < from+len(doc.Raw(n))
}

// children returns the values of a member of several objects, lists taken apart.
func children(doc *strictjson.Doc, of []strictjson.Node, name string) []strictjson.Node {
	var out []strictjson.Node
	for _, n := range of {
		doc.Each(n, func(o strictjson.Node) bool {
			doc.Each(doc.Get(o, name), func(v strictjson.Node) bool {
				out = append(out, v)
				return len(out) < 10_000
			})
			return true
		})
	}
	return out
}
