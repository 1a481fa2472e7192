package vcalm

import (
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Queries of a verifiable presentation request (VCALM 1.0, 3.4), read so that what a holder
// presents can be compared with all that they say: what could not be compared is refused.
const (
	queryDIDAuthentication = "DIDAuthentication"
	queryByExample         = "QueryByExample"
)

// MaxQueries is how many queries a request can have, and how many examples one of them.
const MaxQueries = 16

// Limits of what wallets are asked for.
const (
	maxQuery    = 64 << 10 // bytes
	maxAccepted = 256      // items of a list of what is accepted
)

// query is one of a request. Those with the same group belong together (3.4.5).
type query struct {
	kind     string
	group    string
	grouped  bool
	optional bool // required: false
	// Of DIDAuthentication: nil accepts any.
	methods, suites []string
	// Of QueryByExample: all are needed.
	examples []example
	// Of DigitalCredentialQueryLanguage.
	dcql *dcql
}

// example says what a credential has to be like. Lists that are nil accept any.
type example struct {
	doc                        *strictjson.Doc
	node                       strictjson.Node // None: any credential
	issuers, suites, envelopes []string
}

// reader reads queries, up to the first fault.
type reader struct {
	doc   *strictjson.Doc
	fault error
}

// readQueries reads one query, or a list. at names their place, for faults.
func readQueries(text Value, at string) ([]query, error) {
	doc, err := strictjson.Parse(text, strictjson.Limits{Bytes: maxQuery})
	if err != nil {
		return nil, badRequest(at + ": expected 1 to 16 queries")
	}
	r := &reader{doc: doc}
	var out []query
	doc.Each(0, func(q strictjson.Node) bool {
		place := at
		if doc.Kind(0) == strictjson.Array {
			place += "[" + strconv.Itoa(len(out)) + "]"
		}
		out = append(out, r.query(q, place))
		return r.fault == nil && len(out) <= MaxQueries
	})
	if r.fault == nil && (len(out) == 0 || len(out) > MaxQueries) {
		r.fail(at, "expected 1 to 16 queries")
	}
	return out, r.fault
}

func (r *reader) fail(at, expected string) {
	if r.fault == nil {
		r.fault = badRequest(at + ": " + expected)
	}
}

// members refuses members that are not known: what they ask for could not be compared.
func (r *reader) members(n strictjson.Node, at string, known ...string) {
	for m := r.doc.First(n); m != strictjson.None; m = r.doc.Next(m) {
		found := false
		for _, k := range known {
			found = found || r.doc.Name(m) == k
		}
		if !found {
			r.fail(at, "expected no other members than "+strings.Join(known, ", "))
		}
	}
}

func (r *reader) query(n strictjson.Node, at string) (q query) {
	doc := r.doc
	kind := doc.Get(n, "type")
	if doc.Kind(kind) == strictjson.Array && doc.Len(kind) == 1 { // as VCALM's schema has it, unlike its prose
		kind = doc.Index(kind, 0)
	}
	if q.kind = doc.String(kind); doc.Kind(n) != strictjson.Object || q.kind == "" {
		r.fail(at, "expected objects, each with a type")
		return q
	}
	q.optional = r.optional(n, at)
	if g := doc.Get(n, "group"); g != strictjson.None {
		if q.group, q.grouped = doc.Str(g); !q.grouped {
			r.fail(at+".group", "expected a string")
		}
	}
	switch q.kind {
	case queryDIDAuthentication:
		r.members(n, at, "type", "group", "required", "acceptedMethods", "acceptedCryptosuites")
		q.methods = r.accepted(n, at, "acceptedMethods", "method", false)
		q.suites = r.accepted(n, at, "acceptedCryptosuites", "cryptosuite", true)
	case queryByExample:
		r.members(n, at, "type", "group", "required", "credentialQuery")
		list := doc.Get(n, "credentialQuery")
		count := 0
		doc.Each(list, func(e strictjson.Node) bool { // a list of them is what VCALM's own example of a workflow has
			q.examples = append(q.examples, r.example(e, at+".credentialQuery"))
			count++
			return r.fault == nil && count <= MaxQueries
		})
		if count == 0 || count > MaxQueries {
			r.fail(at+".credentialQuery", "expected an object, or 1 to 16 of them")
		}
	case queryDCQL:
		r.members(n, at, "type", "group", "required", "credentials", "credential_sets")
		q.dcql = r.dcql(n, at)
	default:
		r.fail(at+".type", "expected "+queryByExample+", "+queryDCQL+" or "+queryDIDAuthentication+", which can be compared with what is presented")
	}
	return q
}

// optional reads required, which is true unless it says otherwise.
func (r *reader) optional(n strictjson.Node, at string) bool {
	m := r.doc.Get(n, "required")
	if m == strictjson.None {
		return false
	}
	required, ok := r.doc.Bool(m)
	if !ok {
		r.fail(at+".required", "expected true or false")
	}
	return !required
}

func (r *reader) example(n strictjson.Node, at string) (e example) {
	if r.doc.Kind(n) != strictjson.Object {
		r.fail(at, "expected an object, or 1 to 16 of them")
		return e
	}
	r.members(n, at, "reason", "example", "acceptedIssuers", "acceptedCryptosuites", "acceptedEnvelopes")
	e.doc, e.node = r.doc, r.doc.Get(n, "example")
	if m := r.doc.Get(n, "reason"); m != strictjson.None && r.doc.Kind(m) != strictjson.String {
		r.fail(at+".reason", "expected a string")
	}
	if e.node != strictjson.None && r.doc.Kind(e.node) != strictjson.Object {
		r.fail(at+".example", "expected an object")
	}
	r.noNull(e.node, at+".example")
	e.issuers = r.accepted(n, at, "acceptedIssuers", "id", true)
	e.suites = r.accepted(n, at, "acceptedCryptosuites", "cryptosuite", true)
	e.envelopes = r.accepted(n, at, "acceptedEnvelopes", "mediaType", true)
	return e
}

// noNull refuses null, of which VCALM does not say what it asks for.
func (r *reader) noNull(n strictjson.Node, at string) {
	if r.doc.Kind(n) == strictjson.Null {
		r.fail(at, "expected no null; an empty string asks for any value")
	}
	for m := r.doc.First(n); m != strictjson.None && r.fault == nil; m = r.doc.Next(m) {
		r.noNull(m, at)
	}
}

// accepted reads a list of what is accepted: objects with a member of that name, and with
// no other, which could not be compared; or the values alone. Lists within are as if their
// items stood there (3.4.2, acceptedIssuers).
func (r *reader) accepted(n strictjson.Node, at, name, member string, bare bool) []string {
	list := r.doc.Get(n, name)
	if list == strictjson.None {
		return nil
	}
	expected := "expected a list of 1 to 256 objects with " + member + " and no other member"
	if bare {
		expected += ", or of texts"
	}
	if r.doc.Kind(list) != strictjson.Array {
		r.fail(at+"."+name, expected)
		return nil
	}
	var out []string
	var items func(strictjson.Node)
	items = func(list strictjson.Node) {
		for i := r.doc.First(list); i != strictjson.None; i = r.doc.Next(i) {
			s, text := r.doc.Str(i)
			switch r.doc.Kind(i) {
			case strictjson.Array:
				items(i)
				continue
			case strictjson.Object:
				if r.doc.Len(i) == 1 {
					s = r.doc.String(r.doc.Get(i, member))
				}
			}
			if s == "" || text && !bare || len(out) >= maxAccepted {
				r.fail(at+"."+name, expected)
				return
			}
			out = append(out, s)
		}
	}
	if items(list); len(out) == 0 {
		r.fail(at+"."+name, expected)
	}
	return out
}
