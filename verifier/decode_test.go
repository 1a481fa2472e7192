package verifier_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/verifier"
)

// sameRead fails unless a report that is read back is written as it was, and is what it was.
func sameRead(tb testing.TB, r *verifier.Report) {
	tb.Helper()
	text, err := r.MarshalJSON()
	if err != nil {
		tb.Fatal(err)
	}
	back, err := verifier.ParseReport(text)
	if err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	if again, _ := back.MarshalJSON(); !bytes.Equal(again, text) {
		tb.Fatalf("expected %s\nfound %s", text, again)
	}
	if back.Outcome != r.Outcome || back.Reason != r.Reason || len(back.Checks) != len(r.Checks) || len(back.Sub) != len(r.Sub) || len(back.Insecure) != len(r.Insecure) {
		tb.Fatalf("expected %+v\nfound %+v", r, back)
	}
}

// drawReport makes any report that the package could make, and many that it would not.
func drawReport(t *rapid.T, depth int) *verifier.Report {
	text := rapid.OneOf(rapid.Just(""), rapid.String(), rapid.SampledFrom([]string{"a", "b", "a.2", "\u2028\x00\"\\", "\U0001f393"}))
	texts := func(name string) []string { return rapid.SliceOfN(text, 0, 3).Draw(t, name) }
	at := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "absent") {
			return time.Time{}
		}
		zone := time.FixedZone("", 60*rapid.IntRange(-1439, 1439).Draw(t, "zone"))
		first, last := time.Date(0, 1, 1, 0, 0, 0, 0, zone).Unix(), time.Date(9999, 12, 31, 23, 59, 59, 0, zone).Unix()
		return time.Unix(rapid.Int64Range(first, last).Draw(t, "s"), rapid.SampledFrom([]int64{0, 1, 100_000_000, 999_999_999}).Draw(t, "ns")).In(zone)
	})
	binding := rapid.SampledFrom([]verifier.Binding{"", verifier.BindingDID, verifier.BindingController, verifier.BindingJWKS, verifier.BindingPinned, verifier.BindingProfile, verifier.BindingSelfAsserted})
	result := rapid.SampledFrom([]verifier.Result{verifier.Undecided, verifier.Pass, verifier.Fail, verifier.Skipped})
	s := func(name string) string { return text.Draw(t, name) }
	party := func() verifier.Party { return verifier.Party{ID: s("id"), Name: s("name"), Type: s("type")} }
	r := &verifier.Report{
		Lifecycle: rapid.SampledFrom([]verifier.Lifecycle{"", verifier.Issued, verifier.Suspended, verifier.Revoked, verifier.Expired}).Draw(t, "lifecycle"),
		Profile:   s("profile"), MediaType: s("media"), Digest: s("digest"), Model: s("model"), ID: s("id"), Types: texts("types"), Subject: party(), Issuer: party(),
		ValidFrom: at.Draw(t, "from"), ValidUntil: at.Draw(t, "until"), Binding: binding.Draw(t, "binding"),
		EvaluatedAt: at.Draw(t, "at"), Offline: rapid.Bool().Draw(t, "offline"), TrustInputs: texts("inputs"), Insecure: texts("insecure"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "checks") {
		c := verifier.Check{ID: s("id"), Result: result.Draw(t, "result"), Required: rapid.Bool().Draw(t, "required"), Reason: verifier.Reason(s("reason")), Detail: s("detail")}
		for range rapid.IntRange(0, 4).Draw(t, "facts") {
			c.Evidence = append(c.Evidence, verifier.Fact{Name: s("name"), Value: s("value")})
		}
		r.Checks = append(r.Checks, c)
	}
	for range rapid.IntRange(0, 2).Draw(t, "proofs") {
		r.Proofs = append(r.Proofs, verifier.ProofReport{
			Index: rapid.IntRange(0, math.MaxInt32).Draw(t, "index"), Pointer: s("pointer"), Type: s("type"), Suite: s("suite"), Method: s("method"), Purpose: s("purpose"),
			Created: at.Draw(t, "created"), Result: result.Draw(t, "result"), Reason: verifier.Reason(s("reason")), Detail: s("detail"), Controller: s("controller"),
			Binding: binding.Draw(t, "binding"), IsIssuer: rapid.Bool().Draw(t, "issuer"), Key: s("key"), DocumentHash: s("hash"), Previous: texts("previous"),
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "findings") {
		grade := rapid.SampledFrom([]verifier.Grade{verifier.GradeError, verifier.GradeWarning, verifier.GradeNote}).Draw(t, "grade")
		r.Findings = append(r.Findings, verifier.Finding{Grade: grade, Code: s("code"), Pointer: s("pointer"), Message: s("message")})
	}
	for range rapid.IntRange(0, 2).Draw(t, "contexts") {
		r.Contexts = append(r.Contexts, verifier.ContextUse{URL: s("url"), Version: s("version"), SHA256: s("sha"), JCSSHA256: s("jcs")})
	}
	if depth < 3 {
		for range rapid.IntRange(0, 2).Draw(t, "sub") {
			r.Sub = append(r.Sub, verifier.SubReport{Relation: s("relation"), Pointer: s("pointer"), Report: drawReport(t, depth+1)})
		}
	}
	r.Decide()
	return r
}

// TestReportReadBack: what is written of any report reads back as that report.
func TestReportReadBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := drawReport(rt, 0)
		text, _ := r.MarshalJSON()
		back, err := verifier.ParseReport(text)
		if err != nil {
			rt.Fatalf("%v in %s", err, text)
		}
		again, _ := back.MarshalJSON()
		third, err := verifier.ParseReport(again)
		if !bytes.Equal(again, text) || err != nil || !reflect.DeepEqual(third, back) {
			rt.Fatalf("expected %s\nfound %s (%v)", text, again, err)
		}
		if !sameReport(r, back) {
			rt.Fatalf("expected %+v\nfound %+v", r, back)
		}
	})
	sameRead(t, verifier.NewNotFound(now))
	sameRead(t, &verifier.Report{})
}

// sameReport compares all but the names of facts that were there twice, and zones.
func sameReport(a, b *verifier.Report) bool {
	if len(a.Checks) != len(b.Checks) || len(a.Proofs) != len(b.Proofs) || len(a.Sub) != len(b.Sub) {
		return false
	}
	for i := range a.Sub {
		if a.Sub[i].Relation != b.Sub[i].Relation || a.Sub[i].Pointer != b.Sub[i].Pointer || !sameReport(a.Sub[i].Report, b.Sub[i].Report) {
			return false
		}
	}
	plain := func(r *verifier.Report) verifier.Report {
		c := *r
		c.Sub, c.Checks, c.Proofs = nil, append([]verifier.Check{}, r.Checks...), append([]verifier.ProofReport{}, r.Proofs...)
		for i := range c.Checks {
			values := []verifier.Fact{}
			for _, f := range c.Checks[i].Evidence {
				values = append(values, verifier.Fact{Value: f.Value})
			}
			c.Checks[i].Evidence = values
		}
		for i := range c.Proofs {
			c.Proofs[i].Created = c.Proofs[i].Created.UTC()
			c.Proofs[i].Previous = append([]string{}, c.Proofs[i].Previous...)
		}
		for _, list := range []*[]string{&c.Types, &c.TrustInputs, &c.Insecure} {
			*list = append([]string{}, *list...)
		}
		c.Findings, c.Contexts = append([]verifier.Finding{}, c.Findings...), append([]verifier.ContextUse{}, c.Contexts...)
		c.ValidFrom, c.ValidUntil, c.EvaluatedAt = c.ValidFrom.UTC(), c.ValidUntil.UTC(), c.EvaluatedAt.UTC()
		return c
	}
	return reflect.DeepEqual(plain(a), plain(b))
}

const plainReport = `{"outcome":"valid","reason":null,"lifecycle":null,"checks":[{"id":"signature","result":"pass","required":true,"code":null,"detail":null,"evidence":null}],` +
	`"subject":null,"issuer":{"id":"did:example:1"},"binding":null,"evaluatedAt":"2026-06-01T12:00:00Z","offline":true,"trustInputs":[],"insecure":[]}`

// TestParseReportRefuses: a report that says anything else than its reader would see, or
// that contradicts itself, is an error of its own type.
func TestParseReportRefuses(t *testing.T) {
	if _, err := verifier.ParseReport([]byte(plainReport)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, changed string }{
		{"an unknown member", `"offline"`, `"simulated":true,"offline"`},
		{"an unknown member of a check", `"detail":null`, `"waived":true,"detail":null`},
		{"an unknown member of a party", `{"id":"did:example:1"}`, `{"id":"did:example:1","url":"x"}`},
		{"a member missing", `"insecure":[]`, `"profile":"strict"`},
		{"a member of a check missing", `"required":true,`, ``},
		{"a check that failed", `"result":"pass"`, `"result":"fail"`},
		{"a check that is open", `"result":"pass"`, `"result":"indeterminate"`},
		{"a check that was skipped", `"result":"pass"`, `"result":"skipped"`},
		{"no check that is required", `"required":true`, `"required":false`},
		{"an outcome too good", `"outcome":"valid","reason":null,"lifecycle":null,"checks":[{"id":"signature","result":"pass"`, `"outcome":"valid","reason":null,"lifecycle":null,"checks":[{"id":"signature","result":"fail"`},
		{"an outcome too bad", `"valid"`, `"invalid"`},
		{"an outcome of another name", `"valid"`, `"Valid"`},
		{"no outcome", `"valid"`, `null`},
		{"a result of another name", `"pass"`, `"passed"`},
		{"an empty reason", `"reason":null`, `"reason":""`},
		{"a lifecycle of another name", `"lifecycle":null`, `"lifecycle":"fresh"`},
		{"a binding of another name", `"binding":null`, `"binding":"none"`},
		{"empty evidence", `"evidence":null`, `"evidence":{}`},
		{"evidence that is no text", `"evidence":null`, `"evidence":{"a":1}`},
		{"evidence that is a list", `"evidence":null`, `"evidence":["a"]`},
		{"an empty party", `{"id":"did:example:1"}`, `{}`},
		{"an empty id", `{"id":"did:example:1"}`, `{"id":"","name":"x"}`},
		{"a flag that is a text", `"offline":true`, `"offline":"true"`},
		{"a list that is null", `"insecure":[]`, `"insecure":null`},
		{"an empty list that is left out", `"insecure":[]`, `"insecure":[],"sub":[]`},
		{"a text that is a number", `"trustInputs":[]`, `"trustInputs":[1]`},
		{"a time without zone", `12:00:00Z`, `12:00:00`},
		{"a time with an offset", `12:00:00Z`, `12:00:00+00:00`},
		{"a time with zeros", `12:00:00Z`, `12:00:00.50Z`},
		{"a zero time", `"insecure":[]`, `"insecure":[],"validFrom":"0001-01-01T00:00:00Z"`},
		{"a report within that is null", `"insecure":[]`, `"insecure":[],"sub":[{"relation":"x","pointer":"","report":null}]`},
		{"a report within that contradicts itself", `"insecure":[]`, `"insecure":[],"sub":[{"relation":"x","pointer":"","report":` + strings.Replace(plainReport, `"pass"`, `"fail"`, 1) + `}]`},
		{"a grade of another name", `"insecure":[]`, `"insecure":[],"findings":[{"grade":"info","code":"","pointer":"","message":""}]`},
		{"a proof with an index below 0", `"insecure":[]`, `"insecure":[],"proofs":[` + proofJSON(`-1`) + `]`},
		{"a proof with an index of no integer", `"insecure":[]`, `"insecure":[],"proofs":[` + proofJSON(`0.5`) + `]`},
		{"a proof with a huge index", `"insecure":[]`, `"insecure":[],"proofs":[` + proofJSON(`4294967296`) + `]`},
		{"an incomplete context", `"insecure":[]`, `"insecure":[],"contexts":[{"url":"x"}]`},
	} {
		text := strings.Replace(plainReport, c.old, c.changed, 1)
		if text == plainReport {
			t.Fatalf("%s: nothing to change", c.name)
		}
		r, err := verifier.ParseReport([]byte(text))
		var fault *verifier.ReportError
		if r != nil || !errors.As(err, &fault) || !strings.HasPrefix(err.Error(), "verifier: report: expected ") {
			t.Errorf("%s: expected a *ReportError, found %v", c.name, err)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "null": "null", "a list": "[]", "a name twice": strings.Replace(plainReport, `"valid"`, `"invalid","outcome":"valid"`, 1),
		"data at the end": plainReport + "{}", "an escaped name twice": strings.Replace(plainReport, `"reason"`, `"\u006futcome":"invalid","reason"`, 1),
		"deep": strings.Repeat("[", 100_000),
	} {
		var fault *verifier.ReportError
		var syntax *chancery.JSONError
		if r, err := verifier.ParseReport([]byte(text)); r != nil || !errors.As(err, &fault) && !errors.As(err, &syntax) {
			t.Errorf("%s: found %v", name, err)
		}
	}
	var syntax *chancery.JSONError
	if _, err := verifier.ParseReport(make([]byte, 64<<20+1)); !errors.As(err, &syntax) || syntax.Code != strictjson.TooLarge {
		t.Errorf("a report of more than 64 MB: %v", err)
	}
}

func proofJSON(index string) string {
	return `{"index":` + index + `,"pointer":"","type":"","suite":"","verificationMethod":"","result":"pass","code":null,"detail":null,"binding":null,"byIssuer":true}`
}

// TestReportWithin: a report is read as a member of what the service answers, and one that
// is refused changes nothing.
func TestReportWithin(t *testing.T) {
	var answer struct {
		Report verifier.Report `json:"report"`
	}
	if err := json.Unmarshal([]byte(`{"outcome":"valid","report":`+plainReport+`}`), &answer); err != nil || answer.Report.Outcome != verifier.Valid || answer.Report.Issuer.ID != "did:example:1" {
		t.Fatalf("%v %+v", err, answer)
	}
	before := answer.Report
	for _, text := range []string{`null`, `{}`, strings.Replace(plainReport, `"pass"`, `"fail"`, 1)} {
		if err := answer.Report.UnmarshalJSON([]byte(text)); err == nil || !reflect.DeepEqual(answer.Report, before) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestReportNamesOfFacts: no two facts of a check have one name, whatever they are called.
func TestReportNamesOfFacts(t *testing.T) {
	r := &verifier.Report{}
	r.Add(verifier.Check{ID: "x", Evidence: []verifier.Fact{{Name: "a", Value: "1"}, {Name: "a.2", Value: "2"}, {Name: "a", Value: "3"}, {Name: "\xff", Value: "4"}, {Name: "\xfe", Value: "5"}, {Name: "a", Value: "6"}}})
	sameRead(t, r)
}

// TestReportAtTheEndOfTime: a time that is in the year 10000 in UTC is written so that it
// can be read.
func TestReportAtTheEndOfTime(t *testing.T) {
	for _, text := range []string{"9999-12-31T23:59:59-05:00", "0000-01-01T00:00:00+14:00"} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		r := &verifier.Report{ValidUntil: at}
		sameRead(t, r)
		if b, _ := r.MarshalJSON(); !strings.Contains(string(b), text) {
			t.Errorf("expected %s in %s", text, b)
		}
	}
}

// TestReportDocExample: the example on the format's page is one that can be read.
func TestReportDocExample(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "formats", "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	text, _, _ := strings.Cut(rest, "```")
	if _, err := verifier.ParseReport([]byte(text)); err != nil {
		t.Error(err)
	}
}

func FuzzParseReport(f *testing.F) {
	f.Add([]byte(plainReport))
	for _, g := range goldens(f) {
		text, _ := judge(f, setup(f, verifier.Policy{}), vc(g.text)).MarshalJSON()
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := verifier.ParseReport(b)
		if (r == nil) == (err == nil) {
			t.Fatal("both or neither")
		}
		if err != nil {
			return
		}
		again, _ := r.MarshalJSON()
		want, err := strictjson.Canonicalize(b)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := strictjson.Canonicalize(again); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("read %s\nwrote %s", want, got)
		}
	})
}
