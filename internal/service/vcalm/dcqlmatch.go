package vcalm

import (
	"slices"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/internal/jsonld"
	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/verifier"
)

// DCQLMatch says which of the credentials presented answer the credential queries of a
// query in DCQL.
type DCQLMatch struct {
	// Query is its number among the queries, counted from 0.
	Query int `json:"query"`
	// Credentials are JSON pointers into the presentation, by the id of the credential
	// query.
	Credentials map[string][]string `json:"credentials"`
}

// unmetDCQL says why a query in DCQL is not met (OpenID4VP 1.0, 6.4), "" where it is.
func (s *shown) unmetDCQL(q *dcql) string {
	missing := make([]string, len(q.credentials))
	first := ""
	for i := range q.credentials {
		if missing[i] = s.without(&q.credentials[i]); first == "" {
			first = missing[i]
		}
	}
	if len(q.sets) == 0 {
		return first
	}
	for _, set := range q.sets {
		why := ""
		met := slices.ContainsFunc(set.options, func(all []int) bool {
			i := slices.IndexFunc(all, func(c int) bool { return missing[c] != "" })
			if i >= 0 && why == "" {
				why = missing[all[i]]
			}
			return i < 0
		})
		if !met && !set.optional {
			return why
		}
	}
	return ""
}

// without says what no credential has that a credential query asks for, of the credential
// that has the most.
func (s *shown) without(q *credentialQuery) string {
	best, why := -1, "expected one"
	for i := range s.credentials {
		step, reason := s.answers(q, &s.credentials[i])
		if reason == "" {
			return ""
		}
		if step > best {
			best, why = step, reason
		}
	}
	return "credential " + q.id + ": " + why
}

// answers says in which step a credential turns out not to answer a credential query.
func (s *shown) answers(q *credentialQuery, c *shownCredential) (step int, why string) {
	if (q.format == formatLDP) != (c.envelope == "") { // envelopes other than JWTs do not verify
		return 0, "expected one in the format " + q.format
	}
	if len(c.written) > 0 {
		return 1, "expected one whose contexts are URLs"
	}
	if q.types != nil && !s.isA(q.types, c) {
		return 2, "expected one of the types in type_values"
	}
	if q.bound && !s.boundTo(c) {
		return 3, "expected one whose subject is the holder, who made the proof of the presentation"
	}
	lacking := make([]string, len(q.claims))
	for i := range q.claims {
		lacking[i] = s.lacks(&q.claims[i], c)
	}
	if len(q.sets) == 0 {
		if i := slices.IndexFunc(lacking, func(s string) bool { return s != "" }); i >= 0 {
			return 4 + i, lacking[i]
		}
		return 0, ""
	}
	for _, set := range q.sets {
		if s.left -= len(set); !slices.ContainsFunc(set, func(i int) bool { return lacking[i] != "" }) {
			return 0, ""
		}
	}
	return 4, "expected the claims of one of the claim_sets"
}

// isA compares the types of a credential as IRIs (OpenID4VP 1.0, B.1.1).
func (s *shown) isA(alternatives [][]string, c *shownCredential) bool {
	if c.types == nil {
		c.types = expandedTypes(c.doc, c.report)
	}
	return slices.ContainsFunc(alternatives, func(all []string) bool {
		s.left -= len(all)
		return !slices.ContainsFunc(all, func(t string) bool { return !slices.Contains(c.types, t) })
	})
}

// expandedTypes are the types of a credential by the contexts that it was verified with. A
// type that they do not define remains as it is; without the contexts nobody could say.
func expandedTypes(doc *strictjson.Doc, r *verifier.Report) []string {
	out := []string{}
	// Types are read before the contexts that types themselves bring (JSON-LD 1.1 API, 5.1.2).
	plain, err := strictjson.Parse([]byte(`{"@context":`+doc.Raw(doc.Get(0, "@context"))+`}`), strictjson.Limits{})
	if err != nil {
		return out
	}
	used := map[string]string{}
	for _, u := range r.Contexts {
		used[u.URL] = u.JCSSHA256
	}
	meaning, err := jsonld.RootContext(plain, 0, jsonld.Options{Contexts: func(url string) *ldcontext.Version {
		for _, v := range ldcontext.Default().Versions(url) {
			if v.JCS.String() == used[url] {
				return v
			}
		}
		return nil
	}})
	if err != nil {
		return out
	}
	doc.Each(doc.Get(0, "type"), func(n strictjson.Node) bool {
		name := doc.String(n)
		if iri := meaning.IRI(name); iri != "" {
			name = iri
		}
		out = append(out, name)
		return true
	})
	return out
}

// boundTo reports whether a subject of the credential is who made a proof of the
// presentation that holds.
func (s *shown) boundTo(c *shownCredential) bool {
	found := false
	c.doc.Each(c.doc.Get(0, "credentialSubject"), func(subject strictjson.Node) bool {
		id := c.doc.String(c.doc.Get(subject, "id"))
		found = id != "" && slices.ContainsFunc(s.report.Proofs, func(p verifier.ProofReport) bool {
			return p.Result == verifier.Pass && (p.Controller == id || p.IsIssuer && s.holder == id)
		})
		return !found
	})
	return found
}

// lacks says that a credential does not have a claim, "" where it does.
func (s *shown) lacks(q *claimQuery, c *shownCredential) string {
	found := s.selected(q.path, c)
	if q.values == nil {
		if slices.ContainsFunc(found, func(n strictjson.Node) bool { return s.says(c.doc, n) }) {
			return ""
		}
		return "expected the claim " + pathText(q.path)
	}
	for _, n := range found {
		for _, v := range q.values {
			if s.left--; s.left < 0 {
				return "expected less to compare"
			}
			if sameValue(q.doc, v, c.doc, n) {
				return ""
			}
		}
	}
	return "expected the claim " + pathText(q.path) + " with one of the values"
}

// selected are the values that a claims path pointer selects (OpenID4VP 1.0, 7.1.1), none
// where processing it is an error.
func (s *shown) selected(path []step, c *shownCredential) []strictjson.Node {
	doc, from := c.doc, []strictjson.Node{0}
	for _, p := range path {
		var to []strictjson.Node
		for _, n := range from {
			if s.left -= 1 + doc.Len(n); s.left < 0 {
				return nil
			}
			one := strictjson.None
			switch kind := doc.Kind(n); {
			case p.index == byName && kind != strictjson.Object, p.index != byName && kind != strictjson.Array:
				return nil
			case p.index == byName:
				one = doc.Get(n, p.name)
			case p.index == allElements:
				for e := doc.First(n); e != strictjson.None; e = doc.Next(e) {
					to = append(to, e)
				}
			case doc.Len(n) == 1 || c.ordered || doc.Name(n) == "@context":
				one = doc.Index(n, p.index)
			default:
				// Under the signature of an RDFC suite a list is a set: whoever presents it
				// decides what comes first.
				return nil
			}
			if one != strictjson.None {
				to = append(to, one)
			}
		}
		from = to
	}
	return from
}

// sameValue compares a value with one that is asked for, by type and value.
func sameValue(e *strictjson.Doc, want strictjson.Node, d *strictjson.Doc, found strictjson.Node) bool {
	if e.Kind(want) != d.Kind(found) {
		return false
	}
	switch e.Kind(want) {
	case strictjson.String:
		return e.String(want) == d.String(found)
	case strictjson.Number:
		a, _ := e.Float(want)
		b, _ := d.Float(found)
		return a == b
	case strictjson.Bool:
		a, _ := e.Bool(want)
		b, _ := d.Bool(found)
		return a == b
	}
	return false
}

// pathText is a claims path pointer as it is written in JSON, but for its quotes.
func pathText(path []step) string {
	var b strings.Builder
	for i, p := range path {
		if i > 0 {
			b.WriteByte('.')
		}
		switch p.index {
		case byName:
			b.WriteString(p.name)
		case allElements:
			b.WriteString("null")
		default:
			b.WriteString(strconv.Itoa(p.index))
		}
	}
	return b.String()
}

// uninvited says of a presentation that answers a query in DCQL what is wrong with the
// credentials in it: each has to be asked for (6.4.2), and without multiple a credential
// query takes one (6.1). What answers a query by example is not counted.
func (s *shown) uninvited(queries []query) string {
	var seats []*credentialQuery
	for i := range queries {
		if queries[i].dcql != nil {
			for j := range queries[i].dcql.credentials {
				seats = append(seats, &queries[i].dcql.credentials[j])
			}
		}
	}
	if len(seats) == 0 {
		return ""
	}
	taken := make([]int, len(seats)) // by which credential, counted from 1
	for i := range s.credentials {
		c := &s.credentials[i]
		asked, free := false, s.exemplary(queries, c)
		fits := make([]bool, len(seats))
		for j := 0; j < len(seats) && !free; j++ {
			if _, why := s.answers(seats[j], c); why == "" {
				asked, fits[j], free = true, true, seats[j].multiple
			}
		}
		c.fits = fits
		switch {
		case free:
		case !asked:
			return "expected no other credentials than those that are asked for"
		case !s.seat(i, taken, make([]bool, len(seats))):
			return "expected one credential for a credential query without multiple"
		}
	}
	return ""
}

// seat gives a credential a credential query of its own, moving others where that helps.
func (s *shown) seat(i int, taken []int, tried []bool) bool {
	for j, fits := range s.credentials[i].fits {
		if !fits || tried[j] {
			continue
		}
		tried[j] = true
		if taken[j] == 0 || s.seat(taken[j]-1, taken, tried) {
			taken[j] = i + 1
			return true
		}
	}
	return false
}

// exemplary reports whether a credential is like an example of a query.
func (s *shown) exemplary(queries []query, c *shownCredential) bool {
	for _, q := range queries {
		for _, e := range q.examples {
			if _, why := s.compare(e, *c); why == "" {
				return true
			}
		}
	}
	return false
}

// matches lists what answers the queries in DCQL that are met.
func (s *shown) matches(queries []query, met []int) (out []DCQLMatch) {
	for _, i := range met {
		if queries[i].dcql == nil {
			continue
		}
		m := DCQLMatch{Query: i, Credentials: map[string][]string{}}
		for j := range queries[i].dcql.credentials {
			q := &queries[i].dcql.credentials[j]
			for k := range s.credentials {
				if _, why := s.answers(q, &s.credentials[k]); why == "" {
					m.Credentials[q.id] = append(m.Credentials[q.id], s.credentials[k].pointer)
				}
			}
		}
		out = append(out, m)
	}
	return out
}
