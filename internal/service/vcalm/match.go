package vcalm

import (
	"slices"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/verifier"
)

// maxCompared bounds how many pairs of values are compared for one presentation.
const maxCompared = 1 << 20

// shown is what was presented, after it was judged: the documents that the signatures cover.
type shown struct {
	report      *verifier.Report
	holder      string // as the presentation names it
	credentials []shownCredential
	left        int // pairs that may still be compared
}

type shownCredential struct {
	pointer  string // JSON pointer into the presentation
	doc      *strictjson.Doc
	envelope string // media type, "" where the proof is embedded
	report   *verifier.Report
	// written are the contexts that the credential holds itself, where they are not under
	// the signature: the holder can have put them there, and named claims anew by them.
	written []writtenContext
	ordered bool // lists are under the signature in the order in which they stand
	// Of queries in DCQL: types are the IRIs of its types, and fits which credential
	// queries it answers.
	types []string
	fits  []bool
}

type writtenContext struct {
	text string // in its JCS form
	root bool   // it is the credential's, not that of a part of it
}

// shownIn reads what was judged in a presentation.
func shownIn(secured chancery.Secured, report *verifier.Report) (*shown, error) {
	out := &shown{report: report, left: maxCompared}
	text := secured.Bytes
	if secured.MediaType != chancery.MediaVP {
		claims, err := claimsOf(secured)
		if err != nil {
			return nil, err
		}
		text = claims.Text()
	}
	vp, err := chancery.ParsePresentation(text)
	if err != nil {
		return nil, err
	}
	out.holder = vp.Holder()
	inner, err := vp.Credentials()
	if err != nil {
		return nil, err
	}
	for _, in := range inner {
		for _, sub := range report.Sub {
			if sub.Relation == "credential" && sub.Pointer == in.Pointer {
				c, err := shownCredentialOf(in.Secured, sub.Report)
				if err != nil {
					return nil, err
				}
				c.pointer = in.Pointer
				out.credentials = append(out.credentials, c)
				break
			}
		}
	}
	return out, nil
}

func shownCredentialOf(s chancery.Secured, report *verifier.Report) (c shownCredential, err error) {
	c.report = report
	if s.MediaType == chancery.MediaVC {
		c.ordered = signedAsText(report)
		if c.doc, err = strictjson.Parse(s.Bytes, strictjson.Limits{}); err == nil && !c.ordered {
			c.written, err = writtenIn(c.doc)
		}
		return c, err
	}
	c.ordered = true
	claims, err := claimsOf(s)
	if err != nil {
		return c, err
	}
	c.envelope = mediaName(s.MediaType)
	c.doc, err = strictjson.Parse(claims.Text(), strictjson.Limits{})
	return c, err
}

// signedAsText reports whether the issuer signed the text, and not what it means as RDF.
func signedAsText(r *verifier.Report) bool {
	return slices.ContainsFunc(r.Proofs, func(p verifier.ProofReport) bool {
		return p.Result == verifier.Pass && p.IsIssuer && (p.Suite == proof.EdDSAJCS2022 || p.Suite == proof.ECDSAJCS2019)
	})
}

// writtenIn finds the contexts in a document that are not URLs.
func writtenIn(doc *strictjson.Doc) (out []writtenContext, err error) {
	for n := strictjson.Node(0); int(n) < doc.Size(); n++ {
		if doc.Name(n) != "@context" {
			continue
		}
		root := doc.Parent(n) == 0
		doc.Each(n, func(e strictjson.Node) bool {
			if doc.Kind(e) == strictjson.String {
				return true
			}
			var text []byte
			text, err = doc.CanonicalizeNode(e)
			out = append(out, writtenContext{string(text), root})
			return err == nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func claimsOf(s chancery.Secured) (*proof.Claims, error) {
	jws, err := proof.ParseJWS(s.Bytes)
	if err != nil {
		return nil, err
	}
	kind, err := proof.KindOf(s.MediaType, jws.Typ, jws.Cty)
	if err != nil {
		return nil, err
	}
	return proof.ReadClaims(kind, jws.Payload)
}

// mediaName is a media type without its parameters.
func mediaName(s string) string {
	name, _, _ := strings.Cut(s, ";")
	return strings.ToLower(strings.TrimSpace(name))
}

// meets compares what was presented with what was asked for (VCALM 1.0, 3.4.2 to 3.4.5). It
// returns which queries are met, by their numbers, and where that is not enough a problem.
//
// Queries of one group are all needed, and one group is enough; a query without a group is
// one of its own. DIDAuthentication without a group is needed whatever else is met: it says
// who presents, and is no other way to show a credential.
func (s *shown) meets(queries []query) ([]int, error) {
	met := []int{}
	var first, always string
	groups := map[string]bool{} // whether all that is needed of a group is met
	for i, q := range queries {
		why := s.unmet(q)
		if s.left < 0 {
			return nil, badRequest("verifiablePresentation: there is too much to compare with the queries")
		}
		if why == "" {
			met = append(met, i)
		}
		if q.optional {
			continue
		}
		why = complaint(i, q, why)
		switch {
		case q.kind == queryDIDAuthentication && !q.grouped:
			if always == "" {
				always = why
			}
			continue
		case first == "":
			first = why
		}
		name := "group " + q.group
		if !q.grouped {
			name = "alone " + strconv.Itoa(i)
		}
		so, ok := groups[name]
		groups[name] = (so || !ok) && why == ""
	}
	enough := len(groups) == 0
	for _, all := range groups {
		enough = enough || all
	}
	switch {
	case always != "":
		return nil, badRequest(always)
	case !enough:
		return nil, badRequest(first)
	}
	why := s.uninvited(queries)
	switch {
	case s.left < 0:
		return nil, badRequest("verifiablePresentation: there is too much to compare with the queries")
	case why != "":
		return nil, badRequest("verifiablePresentation: " + why)
	}
	return met, nil
}

// complaint says that a query is not met. It names members of the query, never what was
// presented.
func complaint(i int, q query, why string) string {
	if why == "" {
		return ""
	}
	const most = 300
	s := "verifiablePresentation: query " + strconv.Itoa(i) + " (" + q.kind + ") is not met: " + why
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// unmet says why a query is not met, "" where it is.
func (s *shown) unmet(q query) string {
	switch q.kind {
	case queryDIDAuthentication:
		return s.unauthenticated(q)
	case queryDCQL:
		return s.unmetDCQL(q.dcql)
	}
	for _, e := range q.examples {
		if why := s.unlike(e); why != "" {
			return why
		}
	}
	return ""
}

// unauthenticated compares the holder, and how he made the proof (3.4.3).
func (s *shown) unauthenticated(q query) string {
	method, did := didMethod(s.holder)
	switch {
	case !did:
		return "expected a holder, by a DID"
	case q.methods != nil && !slices.Contains(q.methods, method):
		return "expected a holder by one of the accepted methods"
	case !suited(s.report, q.suites, true):
		return "expected a proof of the holder by one of the accepted cryptosuites"
	}
	return ""
}

func didMethod(id string) (string, bool) {
	rest, ok := strings.CutPrefix(id, "did:")
	method, name, found := strings.Cut(rest, ":")
	return method, ok && found && method != "" && name != ""
}

// suited reports whether one of the owner's proofs that hold is by an accepted cryptosuite.
// nil accepts any, but not the absence of a proof where one is needed.
func suited(r *verifier.Report, suites []string, needed bool) bool {
	if suites == nil && !needed {
		return true
	}
	for _, p := range r.Proofs {
		name := p.Suite
		if name == "" {
			name = p.Type
		}
		if p.Result == verifier.Pass && p.IsIssuer && (suites == nil || p.Type != "JWS" && slices.Contains(suites, name)) {
			return true
		}
	}
	return false
}

// unlike says what no credential has that an example asks for, of the credential that has
// the most.
func (s *shown) unlike(e example) string {
	best, why := -1, "expected a credential"
	for _, c := range s.credentials {
		step, reason := s.compare(e, c)
		if reason == "" {
			return ""
		}
		if step > best {
			best, why = step, reason
		}
	}
	return why
}

// compare says in which step a credential turns out not to be like an example.
func (s *shown) compare(e example, c shownCredential) (step int, why string) {
	if e.node != strictjson.None {
		if len(c.written) > 0 && !sameContexts(e, c.written) {
			return step, "expected a credential whose contexts are URLs, or those of the example"
		}
		for m := e.doc.First(e.node); m != strictjson.None; m = e.doc.Next(m) {
			name := e.doc.Name(m)
			v := c.doc.Get(0, name)
			found := s.has(e.doc, m, c.doc, v)
			if name == "issuer" {
				found = s.issuedBy(e.doc, m, c, v)
			}
			if !found {
				return step, "expected a credential with " + s.place(e.doc, m, c.doc, v) + " as in the example"
			}
			step++
		}
	}
	if e.issuers != nil && !slices.Contains(e.issuers, issuerOf(c)) {
		return step, "expected a credential by one of the accepted issuers"
	}
	step++
	// Envelopes are accepted besides embedded proofs, and cryptosuites are those of embedded
	// proofs: where only these are named, an envelope is none of them.
	switch {
	case c.envelope == "" && !suited(c.report, e.suites, false):
		return step, "expected a credential with a proof by one of the accepted cryptosuites"
	case c.envelope != "" && e.envelopes == nil && e.suites != nil:
		return step, "expected a credential with a proof by one of the accepted cryptosuites, not in an envelope"
	case c.envelope != "" && e.envelopes != nil && !slices.ContainsFunc(e.envelopes, func(m string) bool { return sameEnvelope(mediaName(m), c.envelope) }):
		return step, "expected a credential in one of the accepted envelopes"
	}
	return step, ""
}

// sameContexts reports whether an example has the contexts that a credential holds itself
// (VC Data Integrity 1.0, 2.4.1: names mean what their contexts say).
func sameContexts(e example, written []writtenContext) bool {
	for _, w := range written {
		same := false
		e.doc.Each(e.doc.Get(e.node, "@context"), func(x strictjson.Node) bool {
			text, err := e.doc.CanonicalizeNode(x)
			same = same || err == nil && w.root && string(text) == w.text
			return !same
		})
		if !same {
			return false
		}
	}
	return true
}

// sameEnvelope compares media types. A JWT is one under its general name too, as VCALM's
// examples have it.
func sameEnvelope(accepted, found string) bool {
	if accepted == chancery.MediaJWT || found == chancery.MediaJWT {
		return isJWT(accepted) && isJWT(found)
	}
	return accepted == found
}

func isJWT(media string) bool { return media == chancery.MediaJWT || media == chancery.MediaVCJWT }

// place is the dotted path of what is missing, of names in the example.
func (s *shown) place(e *strictjson.Doc, m strictjson.Node, d *strictjson.Doc, v strictjson.Node) string {
	name := e.Name(m)
	if e.Kind(m) != strictjson.Object || d.Kind(v) != strictjson.Object {
		return name
	}
	for x := e.First(m); x != strictjson.None; x = e.Next(x) {
		if w := d.Get(v, e.Name(x)); !s.has(e, x, d, w) {
			return name + "." + s.place(e, x, d, w)
		}
	}
	return name
}

func issuerOf(c shownCredential) string {
	v := c.doc.Get(0, "issuer")
	if c.doc.Kind(v) == strictjson.Object {
		v = c.doc.Get(v, "id")
	}
	return c.doc.String(v)
}

// issuedBy compares the issuer, which the data model has as a URL, or as an object with it.
func (s *shown) issuedBy(e *strictjson.Doc, m strictjson.Node, c shownCredential, v strictjson.Node) bool {
	switch {
	case e.Kind(m) == strictjson.String:
		return e.String(m) == "" || e.String(m) == issuerOf(c)
	case c.doc.Kind(v) == strictjson.String && e.Kind(m) == strictjson.Object && e.Len(m) == 1:
		id, ok := e.Str(e.Get(m, "id"))
		return ok && (id == "" || id == issuerOf(c))
	}
	return s.has(e, m, c.doc, v)
}

// has reports whether a value is, or is among a list, like an example: all members of an
// object, every item of a list, the same text, number or truth value. An empty text asks
// for any value, and so do an empty object and list.
func (s *shown) has(e *strictjson.Doc, m strictjson.Node, d *strictjson.Doc, v strictjson.Node) bool {
	if s.left--; s.left < 0 || v == strictjson.None {
		return false
	}
	if d.Kind(v) == strictjson.Array && e.Kind(m) != strictjson.Array {
		for w := d.First(v); w != strictjson.None; w = d.Next(w) {
			if s.has(e, m, d, w) {
				return true
			}
		}
		return false
	}
	switch e.Kind(m) {
	case strictjson.Array:
		if e.Len(m) == 0 {
			return s.says(d, v)
		}
		for x := e.First(m); x != strictjson.None; x = e.Next(x) {
			if !s.has(e, x, d, v) {
				return false
			}
		}
		return true
	case strictjson.Object:
		if e.Len(m) == 0 {
			return s.says(d, v)
		}
		if d.Kind(v) != strictjson.Object {
			return false
		}
		for x := e.First(m); x != strictjson.None; x = e.Next(x) {
			if !s.has(e, x, d, d.Get(v, e.Name(x))) {
				return false
			}
		}
		return true
	case strictjson.String:
		want := e.String(m)
		if want == "" {
			return s.says(d, v)
		}
		if d.Kind(v) == strictjson.Object { // a text with its language
			v = d.Get(v, "@value")
		}
		found, ok := d.Str(v)
		return ok && found == want
	case strictjson.Number:
		want, _ := e.Float(m)
		found, ok := d.Float(v)
		return ok && found == want
	case strictjson.Bool:
		want, _ := e.Bool(m)
		found, ok := d.Bool(v)
		return ok && found == want
	}
	return false
}

// says reports whether there is a value. Null, lists of nothing and objects of nothing but
// keywords make no statement: a holder could add them under the signature of an RDFC suite.
func (s *shown) says(d *strictjson.Doc, v strictjson.Node) bool {
	if s.left--; s.left < 0 {
		return false
	}
	switch d.Kind(v) {
	case strictjson.String, strictjson.Number, strictjson.Bool:
		return true
	case strictjson.Array:
		for w := d.First(v); w != strictjson.None; w = d.Next(w) {
			if s.says(d, w) {
				return true
			}
		}
	case strictjson.Object:
		for w := d.First(v); w != strictjson.None; w = d.Next(w) {
			switch name := d.Name(w); {
			case strings.HasPrefix(name, "@") && name != "@value" && name != "@set" && name != "@list" && name != "@id":
			case s.says(d, w):
				return true
			}
		}
	}
	return false
}
