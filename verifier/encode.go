package verifier

import (
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// MarshalJSON writes the report as docs/formats/report.md describes: members in a
// fixed order, absent values as null where API clients look for them and left out
// elsewhere, times in UTC. The same report gives the same bytes.
func (r *Report) MarshalJSON() ([]byte, error) { return r.appendJSON(nil), nil }

func (r *Report) appendJSON(b []byte) []byte {
	if r == nil {
		return append(b, "null"...)
	}
	w := jsonWriter{b: b}
	w.open('{')
	w.str("outcome", r.Outcome.String())
	w.strOrNull("reason", string(r.Reason))
	w.strOrNull("lifecycle", string(r.Lifecycle))
	w.name("checks")
	w.open('[')
	for _, c := range r.Checks {
		w.check(c)
	}
	w.close(']')
	w.party("subject", r.Subject)
	w.party("issuer", r.Issuer)
	w.time("validFrom", r.ValidFrom)
	w.time("validUntil", r.ValidUntil)
	w.strIf("id", r.ID)
	w.strings("types", r.Types)
	w.strIf("model", r.Model)
	w.strIf("mediaType", r.MediaType)
	w.strIf("digest", r.Digest)
	w.strOrNull("binding", string(r.Binding))
	w.proofs(r.Proofs)
	w.findings(r.Findings)
	if len(r.Contexts) > 0 {
		w.name("contexts")
		w.open('[')
		for _, c := range r.Contexts {
			w.open('{')
			w.str("url", c.URL)
			w.str("version", c.Version)
			w.str("sha256", c.SHA256)
			w.str("jcsSha256", c.JCSSHA256)
			w.close('}')
		}
		w.close(']')
	}
	if len(r.Sub) > 0 {
		w.name("sub")
		w.open('[')
		for _, s := range r.Sub {
			w.open('{')
			w.str("relation", s.Relation)
			w.str("pointer", s.Pointer)
			w.name("report")
			w.sep()
			w.b = s.Report.appendJSON(w.b)
			w.more = true
			w.close('}')
		}
		w.close(']')
	}
	w.strIf("profile", r.Profile)
	w.name("evaluatedAt")
	w.value(strictjson.Quote(timeText(r.EvaluatedAt)))
	w.bool("offline", r.Offline)
	w.list("trustInputs", r.TrustInputs)
	w.list("insecure", r.Insecure)
	w.close('}')
	return w.b
}

func (w *jsonWriter) check(c Check) {
	w.open('{')
	w.str("id", c.ID)
	w.str("result", c.Result.String())
	w.bool("required", c.Required)
	w.strOrNull("code", string(c.Reason))
	w.strOrNull("detail", c.Detail)
	w.name("evidence")
	if len(c.Evidence) == 0 {
		w.value("null")
	} else {
		w.open('{')
		seen := map[string]int{}
		for _, f := range c.Evidence {
			w.str(uniqueName(seen, f.Name), f.Value)
		}
		w.close('}')
	}
	w.close('}')
}

func (w *jsonWriter) party(name string, p Party) {
	w.name(name)
	if p == (Party{}) {
		w.value("null")
		return
	}
	w.open('{')
	w.strIf("id", p.ID)
	w.strIf("name", p.Name)
	w.strIf("type", p.Type)
	w.close('}')
}

func (w *jsonWriter) proofs(proofs []ProofReport) {
	if len(proofs) == 0 {
		return
	}
	w.name("proofs")
	w.open('[')
	for _, p := range proofs {
		w.open('{')
		w.name("index")
		w.value(strconv.Itoa(p.Index))
		w.str("pointer", p.Pointer)
		w.str("type", p.Type)
		w.str("suite", p.Suite)
		w.str("verificationMethod", p.Method)
		w.strIf("proofPurpose", p.Purpose)
		w.time("created", p.Created)
		w.str("result", p.Result.String())
		w.strOrNull("code", string(p.Reason))
		w.strOrNull("detail", p.Detail)
		w.strIf("controller", p.Controller)
		w.strOrNull("binding", string(p.Binding))
		w.bool("byIssuer", p.IsIssuer)
		w.strIf("key", p.Key)
		w.strIf("documentHash", p.DocumentHash)
		w.strings("previousProof", p.Previous)
		w.close('}')
	}
	w.close(']')
}

func (w *jsonWriter) findings(findings []Finding) {
	if len(findings) == 0 {
		return
	}
	w.name("findings")
	w.open('[')
	for _, f := range findings {
		w.open('{')
		w.str("grade", f.Grade.String())
		w.str("code", f.Code)
		w.str("pointer", f.Pointer)
		w.str("message", f.Message)
		w.close('}')
	}
	w.close(']')
}

// jsonWriter appends JSON text. It cannot write a value that is not well-formed as
// long as open and close are paired.
type jsonWriter struct {
	b    []byte
	more bool // a value precedes in this container
	held bool // a name was written and waits for its value
}

func (w *jsonWriter) sep() {
	if w.more && !w.held {
		w.b = append(w.b, ',')
	}
	w.held = false
}

func (w *jsonWriter) open(c byte) {
	w.sep()
	w.b = append(w.b, c)
	w.more = false
}

func (w *jsonWriter) close(c byte) {
	w.b = append(w.b, c)
	w.more = true
}

func (w *jsonWriter) name(s string) {
	w.sep()
	w.b = append(w.b, strictjson.Quote(s)...)
	w.b = append(w.b, ':')
	w.held = true
}

func (w *jsonWriter) value(text string) {
	w.sep()
	w.b = append(w.b, text...)
	w.more = true
}

func (w *jsonWriter) str(name, s string) {
	w.name(name)
	w.value(strictjson.Quote(s))
}

func (w *jsonWriter) strIf(name, s string) {
	if s != "" {
		w.str(name, s)
	}
}

func (w *jsonWriter) strOrNull(name, s string) {
	w.name(name)
	if s == "" {
		w.value("null")
		return
	}
	w.value(strictjson.Quote(s))
}

func (w *jsonWriter) bool(name string, v bool) {
	w.name(name)
	w.value(strconv.FormatBool(v))
}

func (w *jsonWriter) time(name string, t time.Time) {
	if !t.IsZero() {
		w.str(name, timeText(t))
	}
}

// timeText is a time in UTC, as RFC 3339 has it. One at the end of the year 9999 that is in
// 10000 there keeps the zone that it came with, and so does one before the year 0.
func timeText(t time.Time) string {
	if u := t.UTC(); u.Year() >= 0 && u.Year() <= 9999 {
		t = u
	}
	return t.Format(time.RFC3339Nano)
}

// uniqueName is a name that no fact had before: the second a is a.2, or the next that is free.
func uniqueName(seen map[string]int, name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD") // before it is compared: writing makes one name of two
	unique := name
	for seen[unique] > 0 {
		seen[name]++
		unique = name + "." + strconv.Itoa(seen[name])
	}
	seen[unique] = 1
	return unique
}

func (w *jsonWriter) list(name string, values []string) {
	w.name(name)
	w.open('[')
	for _, s := range values {
		w.value(strictjson.Quote(s))
	}
	w.close(']')
}

func (w *jsonWriter) strings(name string, values []string) {
	if len(values) > 0 {
		w.list(name, values)
	}
}
