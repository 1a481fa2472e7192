package vcalm

import (
	"slices"
	"strconv"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Queries in the Digital Credentials Query Language (OpenID for Verifiable Presentations
// 1.0, 6 and 7). VCALM names their type and leaves open how they stand in a request: here
// the members of DCQL are members of the query, as in other implementations of VCALM.
const queryDCQL = "DigitalCredentialQueryLanguage"

// The formats that can be presented in a verifiable presentation of the W3C and are
// verified here.
const (
	formatLDP = "ldp_vc"      // with embedded proofs
	formatJWT = "jwt_vc_json" // enveloped in a JWT
)

// dcql is a query in DCQL: its credential queries, and which of them are needed.
type dcql struct {
	credentials []credentialQuery
	sets        []credentialSet // empty: all are needed
}

// credentialQuery asks for credentials (6.1).
type credentialQuery struct {
	id       string
	format   string
	multiple bool
	bound    bool // to the holder, who shows it by his proof
	// types are the alternatives of meta.type_values, nil for any: IRIs that are all needed.
	types  [][]string
	claims []claimQuery
	sets   [][]int // alternatives of claims; empty: all are needed
}

// claimQuery asks for a claim (6.3).
type claimQuery struct {
	id   string
	path []step
	// values are those accepted, nil for any, and doc is where they stand.
	values []strictjson.Node
	doc    *strictjson.Doc
}

// step is one component of a claims path pointer (7): a name, an index, or all elements.
type step struct {
	name  string
	index int // allElements, or byName
}

const (
	byName      = -1
	allElements = -2
)

// credentialSet says which credential queries are an alternative to each other (6.2).
type credentialSet struct {
	optional bool
	options  [][]int
}

// dcql reads the members of a query that are DCQL's.
func (r *reader) dcql(n strictjson.Node, at string) *dcql {
	q := &dcql{}
	known := map[string]int{}
	r.list(r.doc.Get(n, "credentials"), at+".credentials", MaxQueries, func(c strictjson.Node, at string) {
		one := r.credentialQuery(c, at)
		r.once(known, one.id, at+".id")
		q.credentials = append(q.credentials, one)
	})
	list := r.doc.Get(n, "credential_sets")
	if list == strictjson.None {
		return q
	}
	needed := false
	r.list(list, at+".credential_sets", MaxQueries, func(s strictjson.Node, at string) {
		r.object(s, at, "options", "required")
		set := credentialSet{optional: r.optional(s, at)}
		r.list(r.doc.Get(s, "options"), at+".options", maxAccepted, func(o strictjson.Node, at string) {
			set.options = append(set.options, r.references(o, at, known))
		})
		needed = needed || !set.optional
		q.sets = append(q.sets, set)
	})
	if !needed { // any presentation would answer such a query, also an empty one
		r.fail(at+".credential_sets", "expected one that is required")
	}
	return q
}

func (r *reader) credentialQuery(n strictjson.Node, at string) (q credentialQuery) {
	doc := r.doc
	if doc.Get(n, "trusted_authorities") != strictjson.None {
		// aki and etsi_tl speak of certificates, openid_federation of what would be fetched
		r.fail(at+".trusted_authorities", "expected to be absent: what these credentials hold cannot be compared with it; ask for the claim issuer")
	}
	r.object(n, at, "id", "format", "multiple", "meta", "require_cryptographic_holder_binding", "claims", "claim_sets")
	if q.id = doc.String(doc.Get(n, "id")); !isIdentifier(q.id) {
		r.fail(at+".id", "expected letters, digits, _ and -")
	}
	if q.format = doc.String(doc.Get(n, "format")); q.format != formatLDP && q.format != formatJWT {
		r.fail(at+".format", "expected "+formatLDP+" or "+formatJWT+", which are verified here")
	}
	q.multiple = r.flag(n, "multiple", at, false)
	q.bound = r.flag(n, "require_cryptographic_holder_binding", at, true)
	meta := doc.Get(n, "meta")
	r.object(meta, at+".meta", "type_values")
	if types := doc.Get(meta, "type_values"); types != strictjson.None {
		r.list(types, at+".meta.type_values", maxAccepted, func(alternative strictjson.Node, at string) {
			var all []string
			r.list(alternative, at, maxAccepted, func(t strictjson.Node, at string) {
				if doc.String(t) == "" {
					r.fail(at, "expected the IRI of a type")
				}
				all = append(all, doc.String(t))
			})
			q.types = append(q.types, all)
		})
	}
	r.claims(n, at, &q)
	return q
}

// claims reads claims and claim_sets (6.1, 6.3).
func (r *reader) claims(n strictjson.Node, at string, q *credentialQuery) {
	list, sets := r.doc.Get(n, "claims"), r.doc.Get(n, "claim_sets")
	if list == strictjson.None {
		if sets != strictjson.None {
			r.fail(at+".claim_sets", "expected claims beside them")
		}
		return
	}
	known := map[string]int{}
	r.list(list, at+".claims", maxAccepted, func(c strictjson.Node, at string) {
		one := r.claimQuery(c, at)
		if one.id != "" {
			r.once(known, one.id, at+".id")
		} else if sets != strictjson.None {
			r.fail(at+".id", "expected letters, digits, _ and -, since there are claim_sets")
		}
		for _, other := range q.claims {
			if slices.Equal(other.path, one.path) {
				r.fail(at+".path", "expected another claim than those before")
			}
		}
		q.claims = append(q.claims, one)
		if one.id != "" {
			known[one.id] = len(q.claims) - 1
		}
	})
	if sets == strictjson.None {
		return
	}
	r.list(sets, at+".claim_sets", maxAccepted, func(s strictjson.Node, at string) {
		q.sets = append(q.sets, r.references(s, at, known))
	})
}

func (r *reader) claimQuery(n strictjson.Node, at string) (c claimQuery) {
	doc := r.doc
	c.doc = doc
	r.object(n, at, "id", "path", "values")
	if id := doc.Get(n, "id"); id != strictjson.None {
		if c.id = doc.String(id); !isIdentifier(c.id) {
			r.fail(at+".id", "expected letters, digits, _ and -")
		}
	}
	r.list(doc.Get(n, "path"), at+".path", maxAccepted, func(p strictjson.Node, at string) {
		s := step{index: byName}
		switch doc.Kind(p) {
		case strictjson.String:
			// Of keywords only @value, of a text with its language, is a claim, and the
			// contexts are what they are.
			s.name = doc.String(p)
			if s.name == "" || s.name[0] == '@' && s.name != "@value" && (s.name != "@context" || len(c.path) > 0) {
				r.fail(at, "expected the name of a claim")
			}
		case strictjson.Null:
			s.index = allElements
		default:
			i, ok := doc.Int(p)
			if !ok || i < 0 || i > 1<<20 {
				r.fail(at, "expected a string, null or an integer from 0 to 1048576")
			}
			s.index = int(i)
		}
		c.path = append(c.path, s)
	})
	if list := doc.Get(n, "values"); list != strictjson.None {
		r.list(list, at+".values", maxAccepted, func(v strictjson.Node, at string) {
			_, integer := doc.Int(v)
			if k := doc.Kind(v); k != strictjson.String && k != strictjson.Bool && !integer {
				r.fail(at, "expected a string, an integer, true or false")
			}
			c.values = append(c.values, v)
		})
	}
	return c
}

// references reads a list of identifiers, and returns what they stand for.
func (r *reader) references(n strictjson.Node, at string, known map[string]int) (out []int) {
	r.list(n, at, maxAccepted, func(x strictjson.Node, at string) {
		i, ok := known[r.doc.String(x)]
		if !ok || slices.Contains(out, i) {
			r.fail(at, "expected an id that is there, once")
		}
		out = append(out, i)
	})
	return out
}

// once numbers identifiers, and refuses those that are there already.
func (r *reader) once(known map[string]int, id, at string) {
	if _, ok := known[id]; ok {
		r.fail(at, "expected another id than those before")
	}
	known[id] = len(known)
}

// object expects an object with no other members.
func (r *reader) object(n strictjson.Node, at string, known ...string) {
	if r.doc.Kind(n) != strictjson.Object {
		r.fail(at, "expected an object")
	}
	r.members(n, at, known...)
}

// list expects a list of 1 to most items, and reads them up to the first fault.
func (r *reader) list(n strictjson.Node, at string, most int, read func(strictjson.Node, string)) {
	if r.doc.Kind(n) != strictjson.Array || r.doc.Len(n) == 0 || r.doc.Len(n) > most {
		r.fail(at, "expected a list of 1 to "+strconv.Itoa(most)+" items")
		return
	}
	i := 0
	for e := r.doc.First(n); e != strictjson.None && r.fault == nil; e = r.doc.Next(e) {
		read(e, at+"["+strconv.Itoa(i)+"]")
		i++
	}
}

func (r *reader) flag(n strictjson.Node, name, at string, absent bool) bool {
	m := r.doc.Get(n, name)
	if m == strictjson.None {
		return absent
	}
	v, ok := r.doc.Bool(m)
	if !ok {
		r.fail(at+"."+name, "expected true or false")
	}
	return v
}

// isIdentifier reports whether s can be the id of a credential or claims query.
func isIdentifier(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '_' && c != '-' {
			return false
		}
	}
	return s != ""
}
