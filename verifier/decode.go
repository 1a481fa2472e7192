package verifier

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// ReportError says what is wrong with a report that was read, and where.
type ReportError struct {
	Pointer string // JSON pointer of the place
	Detail  string // never holds values of the report
}

func (e *ReportError) Error() string {
	return fmt.Sprintf("verifier: report: %s at %q", e.Detail, e.Pointer)
}

// maxReport bounds a report that is read: that on a ZIP of 10,000 files has some 30 MB.
const (
	maxReport      = 64 << 20
	maxReportNodes = 4_000_000
)

// ParseReport reads a report as MarshalJSON writes it (docs/formats/report.md), with any
// white space and its members in any order: strict JSON of at most 64 MB. Writing the result
// gives the same members and values again, so what the format does not know is refused, and so
// is an outcome that is not the one which the checks decide. Codes of Reasons are kept as they
// are: a later version may have more. Errors are *ReportError or *chancery.JSONError.
//
// A report is not signed. What was read is the word of whoever handed it over; who doubts it
// verifies the document with what TrustInputs names.
func ParseReport(b []byte) (*Report, error) {
	doc, err := strictjson.Parse(b, strictjson.Limits{Bytes: maxReport, Nodes: maxReportNodes})
	if err != nil {
		return nil, err
	}
	rd := &reportReader{doc: doc}
	r := rd.report(0)
	if rd.err != nil {
		return nil, rd.err
	}
	return r, nil
}

// UnmarshalJSON reads a report by the rules of ParseReport, so that it can be a member of
// another structure. r stays as it was where there is an error.
func (r *Report) UnmarshalJSON(b []byte) error {
	read, err := ParseReport(b)
	if err != nil {
		return err
	}
	*r = *read
	return nil
}

// reportReader reads with the first error kept. It takes no value in another form than
// jsonWriter gives it.
type reportReader struct {
	doc *strictjson.Doc
	err error
}

func (r *reportReader) fail(n strictjson.Node, format string, args ...any) {
	if r.err == nil {
		r.err = &ReportError{Pointer: r.doc.Pointer(n), Detail: fmt.Sprintf(format, args...)}
	}
}

// object checks that n is an object with all the members required, and beside them no others
// than those that may be left out.
func (r *reportReader) object(n strictjson.Node, required, optional []string) {
	if r.doc.Kind(n) != strictjson.Object {
		r.fail(n, "expected an object, found %s", r.doc.Kind(n))
		return
	}
	found := 0
	for c := r.doc.First(n); c != strictjson.None; c = r.doc.Next(c) {
		switch name := r.doc.Name(c); {
		case slices.Contains(required, name):
			found++
		case !slices.Contains(optional, name):
			r.fail(c, "expected one of %s, found an unknown member", strings.Join(slices.Concat(required, optional), ", "))
			return
		}
	}
	if found == len(required) { // names are unique
		return
	}
	for _, name := range required {
		if r.doc.Get(n, name) == strictjson.None {
			r.fail(n, "expected the member %s", name)
			return
		}
	}
}

// list calls f for each element of an array. One that may be left out is not empty.
func (r *reportReader) list(n strictjson.Node, optional bool, f func(strictjson.Node)) {
	if n == strictjson.None && optional || r.err != nil {
		return
	}
	if r.doc.Kind(n) != strictjson.Array {
		r.fail(n, "expected a list, found %s", r.doc.Kind(n))
		return
	}
	if optional && r.doc.First(n) == strictjson.None {
		r.fail(n, "expected no list where there is nothing to list")
	}
	for c := r.doc.First(n); c != strictjson.None && r.err == nil; c = r.doc.Next(c) {
		f(c)
	}
}

func (r *reportReader) texts(n strictjson.Node, optional bool) (out []string) {
	r.list(n, optional, func(e strictjson.Node) { out = append(out, r.text(e)) })
	return out
}

// text reads a string, which may be empty.
func (r *reportReader) text(n strictjson.Node) string {
	s, ok := r.doc.Str(n)
	if !ok && r.err == nil {
		r.fail(n, "expected a string, found %s", r.doc.Kind(n))
	}
	return s
}

// textIf reads a string that is left out where it is empty.
func (r *reportReader) textIf(parent strictjson.Node, name string) string {
	n := r.doc.Get(parent, name)
	if n == strictjson.None {
		return ""
	}
	s := r.text(n)
	if s == "" {
		r.fail(n, "expected a string that is not empty, or no such member")
	}
	return s
}

// textOrNull reads a string in whose place null stands where it is empty.
func (r *reportReader) textOrNull(n strictjson.Node) string {
	if r.doc.Kind(n) == strictjson.Null {
		return ""
	}
	s := r.text(n)
	if s == "" {
		r.fail(n, "expected a string that is not empty, or null")
	}
	return s
}

func (r *reportReader) bool(n strictjson.Node) bool {
	v, ok := r.doc.Bool(n)
	if !ok && r.err == nil {
		r.fail(n, "expected true or false, found %s", r.doc.Kind(n))
	}
	return v
}

func (r *reportReader) time(n strictjson.Node) time.Time {
	s := r.text(n)
	t, ok := strictjson.ParseTime(s)
	if (!ok || timeText(t) != s) && r.err == nil {
		r.fail(n, "expected a time in UTC (RFC 3339), without zeros at the end of a fraction")
	}
	return t
}

func (r *reportReader) timeIf(parent strictjson.Node, name string) time.Time {
	n := r.doc.Get(parent, name)
	if n == strictjson.None {
		return time.Time{}
	}
	t := r.time(n)
	if t.IsZero() {
		r.fail(n, "expected a time, or no such member")
	}
	return t
}

// word reads one of a closed set of words.
func word[T fmt.Stringer](r *reportReader, n strictjson.Node, of ...T) T {
	s, names := r.text(n), make([]string, len(of))
	for i, v := range of {
		if names[i] = v.String(); names[i] == s {
			return v
		}
	}
	r.fail(n, "expected one of %s", strings.Join(names, ", "))
	return of[0]
}

// wordOrNull reads one of a closed set of words, or null.
func wordOrNull[T ~string](r *reportReader, n strictjson.Node, of ...T) T {
	s := T(r.textOrNull(n))
	if s != "" && !slices.Contains(of, s) {
		r.fail(n, "expected one of %q, or null", of)
	}
	return s
}

var (
	reportRequired = []string{"outcome", "reason", "lifecycle", "checks", "subject", "issuer", "binding", "evaluatedAt", "offline", "trustInputs", "insecure"}
	reportOptional = []string{"validFrom", "validUntil", "id", "types", "model", "mediaType", "digest", "proofs", "findings", "contexts", "sub", "profile"}
	checkRequired  = []string{"id", "result", "required", "code", "detail", "evidence"}
	partyOptional  = []string{"id", "name", "type"}
	proofRequired  = []string{"index", "pointer", "type", "suite", "verificationMethod", "result", "code", "detail", "binding", "byIssuer"}
	proofOptional  = []string{"proofPurpose", "created", "controller", "key", "documentHash", "previousProof"}
	findingMembers = []string{"grade", "code", "pointer", "message"}
	contextMembers = []string{"url", "version", "sha256", "jcsSha256"}
	subMembers     = []string{"relation", "pointer", "report"}
)

// report reads the report at n. JSON nests no deeper than strictjson allows.
func (r *reportReader) report(n strictjson.Node) *Report {
	get := func(name string) strictjson.Node { return r.doc.Get(n, name) }
	r.object(n, reportRequired, reportOptional)
	if r.err != nil {
		return nil
	}
	out := &Report{
		Outcome:    word(r, get("outcome"), Indeterminate, Valid, Invalid),
		Reason:     Reason(r.textOrNull(get("reason"))),
		Lifecycle:  wordOrNull(r, get("lifecycle"), Issued, Suspended, Revoked, Expired),
		Subject:    r.party(get("subject")),
		Issuer:     r.party(get("issuer")),
		ValidFrom:  r.timeIf(n, "validFrom"),
		ValidUntil: r.timeIf(n, "validUntil"),
		ID:         r.textIf(n, "id"),
		Types:      r.texts(get("types"), true),
		Model:      r.textIf(n, "model"),
		MediaType:  r.textIf(n, "mediaType"),
		Digest:     r.textIf(n, "digest"),
		Binding:    r.binding(get("binding")),
		Profile:    r.textIf(n, "profile"),

		EvaluatedAt: r.time(get("evaluatedAt")),
		Offline:     r.bool(get("offline")),
		TrustInputs: r.texts(get("trustInputs"), false),
		Insecure:    r.texts(get("insecure"), false),
	}
	r.list(get("checks"), false, func(e strictjson.Node) { out.Checks = append(out.Checks, r.check(e)) })
	r.list(get("proofs"), true, func(e strictjson.Node) { out.Proofs = append(out.Proofs, r.proof(e)) })
	r.list(get("findings"), true, func(e strictjson.Node) {
		r.object(e, findingMembers, nil)
		out.Findings = append(out.Findings, Finding{
			Grade: word(r, r.doc.Get(e, "grade"), GradeError, GradeWarning, GradeNote), Code: r.text(r.doc.Get(e, "code")),
			Pointer: r.text(r.doc.Get(e, "pointer")), Message: r.text(r.doc.Get(e, "message")),
		})
	})
	r.list(get("contexts"), true, func(e strictjson.Node) {
		r.object(e, contextMembers, nil)
		out.Contexts = append(out.Contexts, ContextUse{
			URL: r.text(r.doc.Get(e, "url")), Version: r.text(r.doc.Get(e, "version")),
			SHA256: r.text(r.doc.Get(e, "sha256")), JCSSHA256: r.text(r.doc.Get(e, "jcsSha256")),
		})
	})
	r.list(get("sub"), true, func(e strictjson.Node) {
		r.object(e, subMembers, nil)
		out.Sub = append(out.Sub, SubReport{
			Relation: r.text(r.doc.Get(e, "relation")), Pointer: r.text(r.doc.Get(e, "pointer")), Report: r.report(r.doc.Get(e, "report")),
		})
	})
	if decided := (Report{Checks: out.Checks}); r.err == nil {
		if decided.Decide(); decided.Outcome != out.Outcome {
			r.fail(get("outcome"), "expected the outcome %s, which the checks decide", decided.Outcome)
		}
	}
	return out
}

func (r *reportReader) party(n strictjson.Node) (p Party) {
	if r.doc.Kind(n) == strictjson.Null {
		return p
	}
	r.object(n, nil, partyOptional)
	p = Party{ID: r.textIf(n, "id"), Name: r.textIf(n, "name"), Type: r.textIf(n, "type")}
	if p == (Party{}) {
		r.fail(n, "expected null where nothing is said")
	}
	return p
}

func (r *reportReader) binding(n strictjson.Node) Binding {
	return wordOrNull(r, n, BindingDID, BindingController, BindingJWKS, BindingPinned, BindingProfile, BindingSelfAsserted)
}

func (r *reportReader) result(n strictjson.Node) Result {
	return word(r, n, Undecided, Pass, Fail, Skipped)
}

func (r *reportReader) check(n strictjson.Node) Check {
	get := func(name string) strictjson.Node { return r.doc.Get(n, name) }
	r.object(n, checkRequired, nil)
	c := Check{
		ID: r.text(get("id")), Result: r.result(get("result")), Required: r.bool(get("required")),
		Reason: Reason(r.textOrNull(get("code"))), Detail: r.textOrNull(get("detail")),
	}
	evidence := get("evidence")
	switch r.doc.Kind(evidence) {
	case strictjson.Null:
	case strictjson.Object:
		for f := r.doc.First(evidence); f != strictjson.None && r.err == nil; f = r.doc.Next(f) {
			c.Evidence = append(c.Evidence, Fact{Name: r.doc.Name(f), Value: r.text(f)})
		}
		if c.Evidence == nil {
			r.fail(evidence, "expected null where there is no evidence")
		}
	default:
		r.fail(evidence, "expected an object of strings, or null, found %s", r.doc.Kind(evidence))
	}
	return c
}

func (r *reportReader) proof(n strictjson.Node) ProofReport {
	get := func(name string) strictjson.Node { return r.doc.Get(n, name) }
	r.object(n, proofRequired, proofOptional)
	index, ok := r.doc.Int(get("index"))
	if !ok || index < 0 || index > 1<<31-1 { // an int of 32 bits, in the browser
		r.fail(max(n, get("index")), "expected an integer of 0 or more")
	}
	return ProofReport{
		Index: int(index), Pointer: r.text(get("pointer")), Type: r.text(get("type")), Suite: r.text(get("suite")), Method: r.text(get("verificationMethod")),
		Purpose: r.textIf(n, "proofPurpose"), Created: r.timeIf(n, "created"), Result: r.result(get("result")), Reason: Reason(r.textOrNull(get("code"))),
		Detail: r.textOrNull(get("detail")), Controller: r.textIf(n, "controller"), Binding: r.binding(get("binding")), IsIssuer: r.bool(get("byIssuer")),
		Key: r.textIf(n, "key"), DocumentHash: r.textIf(n, "documentHash"), Previous: r.texts(get("previousProof"), true),
	}
}
