package badge

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/testvectors"
)

func parse(tb testing.TB, text string) *strictjson.Doc {
	tb.Helper()
	d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		tb.Fatalf("%v\n%.200s", err, text)
	}
	return d
}

// richDraft is a badge with everything that is checked.
func richDraft() Draft {
	return Draft{View: View{
		Kind: OB3Achievement, ID: "urn:uuid:6e1a0c4c-0000-4000-8000-000000000001", Name: "Diploma",
		Issuer:  Party{ID: "https://example.edu/issuer", Name: "Example University", URL: "https://example.edu", Image: "https://example.edu/logo.png"},
		Subject: Party{ID: "did:example:1", Identifiers: []Identifier{{"emailAddress", HashIdentity("a@example.com", "Kosher"), true, "Kosher"}}},
		Achievements: []Achievement{{
			ID: "https://example.edu/a/1", Type: "Diploma", Name: "Studies", Description: "Three years", CriteriaNarrative: "Pass.",
			Language: "en", Credits: 12.5, Tags: []string{"x"},
			Alignments: []Alignment{{Name: "ISCED", URL: "https://example.org/isced/6", Type: "CFItem"}},
			ResultDescriptions: []ResultDescription{
				{ID: "urn:rd:grade", Name: "Grade", Type: "LetterGrade", AllowedValues: []string{"C", "B", "A"}, RequiredValue: "C"},
				{ID: "urn:rd:score", Name: "Score", Type: "Percent", ValueMin: "0", ValueMax: "100"},
				{ID: "urn:rd:status", Name: "Status", Type: "Status"},
				{ID: "urn:rd:rubric", Name: "Rubric", Type: "RubricCriterionLevel", RequiredLevel: "urn:l:1", Levels: []RubricLevel{{ID: "urn:l:1", Name: "Pass"}, {ID: "urn:l:2", Name: "Good"}}},
			},
		}},
		Results: []Result{
			{Description: "urn:rd:grade", Value: "B"},
			{Description: "urn:rd:score", Value: "87.5"},
			{Description: "urn:rd:status", Status: "Completed"},
			{Description: "urn:rd:rubric", AchievedLevel: "urn:l:2"},
		},
		Evidence:  []Evidence{{ID: "https://example.edu/e", Name: "Thesis"}},
		ValidFrom: "2026-01-01T00:00:00Z", ValidUntil: "2036-01-01T00:00:00Z",
	}}
}

func richJSON(tb testing.TB) string {
	tb.Helper()
	b, err := richDraft().JSON()
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// edit sets the value at a JSON pointer; an empty value deletes it.
func edit(tb testing.TB, text, pointer, value string) string {
	tb.Helper()
	var root any
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		tb.Fatal(err)
	}
	var v any
	if value != "" {
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			tb.Fatal(err)
		}
	}
	tokens := strings.Split(pointer[1:], "/")
	at := root
	for i, token := range tokens {
		last := i == len(tokens)-1
		switch o := at.(type) {
		case map[string]any:
			switch {
			case last && value == "":
				if _, ok := o[token]; !ok {
					tb.Fatalf("nothing at %s", pointer)
				}
				delete(o, token)
			case last:
				o[token] = v
			}
			at = o[token]
		case []any:
			n, err := strconv.Atoi(token)
			if err != nil || n >= len(o) {
				tb.Fatalf("nothing at %s", pointer)
			}
			if last {
				o[n] = v
			}
			at = o[n]
		default:
			tb.Fatalf("nothing at %s", pointer)
		}
	}
	out, err := json.Marshal(root)
	if err != nil {
		tb.Fatal(err)
	}
	return string(out)
}

func TestCheck(t *testing.T) {
	const endorsement = `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:e:1","type":["VerifiableCredential","EndorsementCredential"],"name":"E","issuer":"https://example.org/i","validFrom":"2026-01-01T00:00:00Z","credentialSubject":{"id":"SUBJECT","type":"EndorsementSubject"},"proof":{"type":"DataIntegrityProof"}}`
	about := func(id string) string { return "[" + strings.Replace(endorsement, "SUBJECT", id, 1) + "]" }
	base := richJSON(t)
	if got := Check(parse(t, base), Strict); len(got) != 0 {
		t.Fatalf("the base has findings: %v", got)
	}
	const (
		a  = "/credentialSubject/achievement"
		r  = "/credentialSubject/result"
		rd = a + "/resultDescription"
	)
	for _, tt := range []struct {
		pointer, value string
		want           string // grade, code and pointer under strict
		lenient        bool   // a warning under 1edtech
	}{
		{"/@context", `["https://www.w3.org/ns/credentials/v2"]`, "error contexts_missing /@context", false},
		{"/@context", `"https://www.w3.org/ns/credentials/v2"`, "error contexts_missing /@context", false},
		{"/@context/0", `"https://example.org/"`, "error context_first /@context/0", false},
		{"/@context/1", `"https://example.org/"`, "error context_second /@context/1", false},
		{"/@context/1", `"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.jsonx"`, "error context_second /@context/1", false},
		{"/@context", `["https://www.w3.org/ns/credentials/v2","https://example.org/","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"]`, "error context_second /@context/1", true},
		{"/@context", `["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",7]`, "error wrong_type /@context/2", false},
		{"/id", "", "error property_missing ", false},
		{"/id", `"badge-1"`, "error id_not_absolute /id", false},
		{"/id", `{"en":"urn:x:1"}`, "error wrong_type /id", false},
		{"/type", `["OpenBadgeCredential"]`, "error type_missing /type", false},
		{"/name", `7`, "error wrong_type /name", false},
		{"/name", `{"en":"Diploma"}`, "warning language_map /name", false},
		{"/name", `{"english":"Diploma"}`, "error wrong_type /name", false},
		{"/issuer", "", "error property_missing ", false},
		{"/issuer", `"not absolute"`, "error id_not_absolute /issuer", false},
		{"/issuer", `"did:example:9"`, "", false},
		{"/issuer/id", "", "error property_missing /issuer", false},
		{"/issuer/type", `["Person"]`, "error type_missing /issuer/type", false},
		{"/issuer/type", `[7]`, "error wrong_type /issuer/type", false},
		{"/issuer/image", `"https://example.edu/logo.png"`, "error wrong_type /issuer/image", false},
		{"/issuer/image/type", `"Picture"`, "error type_wrong /issuer/image/type", false},
		{"/issuer/image/alt", `"x"`, "error property_unknown /issuer/image/alt", false},
		{"/validFrom", "", "error property_missing ", false},
		{"/validFrom", `"2026-01-01"`, "error not_a_time /validFrom", false},
		{"/validFrom", `"2026-01-01T00:00:00"`, "warning date_without_zone /validFrom", false},
		{"/validFrom", `"2026-01-01T00:00:00.5Z"`, "warning date_fraction /validFrom", false},
		{"/validFrom", `"2016-12-31T23:59:60Z"`, "warning date_leap_second /validFrom", false},
		{"/validFrom", `"2016-12-31T24:00:00Z"`, "warning date_hour_24 /validFrom", false},
		{"/validFrom", `"2016-12-31T24:00:01Z"`, "error not_a_time /validFrom", false},
		{"/validFrom", `"2026-01-01T00:00:00+02:00"`, "", false},
		{"/validFrom", `"2026-02-30T00:00:00Z"`, "error not_a_time /validFrom", false},
		{"/validUntil", `"2025-01-01T00:00:00Z"`, "error period_reversed /validUntil", false},
		{"/credentialStatus", `[{"id":"urn:x:1","type":"1EdTechRevocationList"}]`, "error list_for_single_value /credentialStatus", false},
		{"/credentialStatus", `{"id":"urn:x:1"}`, "error property_missing /credentialStatus", false},
		{"/credentialSchema", `{"id":"urn:x:1","type":"X"}`, "", false},
		{"/credentialSchema", `[{"type":"X"}]`, "error property_missing /credentialSchema/0", false},
		{"/refreshService", `{"type":"X"}`, "error property_missing /refreshService", false},
		{"/termsOfUse", `{"id":"urn:x:1"}`, "error property_missing /termsOfUse", false},
		{"/proof", `{}`, "error property_missing /proof", false},
		{"/evidence/0/type", `["Proof"]`, "error type_missing /evidence/0/type", false},
		{"/evidence", `{"type":"Evidence"}`, "warning single_value_for_list /evidence", false},
		{"/evidence/0/id", `"data:text/plain,hello"`, "", false},
		{"/endorsementJwt", `["eyJ.eyJ.x"]`, "", false},
		{"/endorsementJwt", `["eyJ"]`, "error not_a_jws /endorsementJwt/0", false},
		{"/endorsement", about("urn:uuid:6e1a0c4c-0000-4000-8000-000000000001"), "", false},
		{"/endorsement", about("urn:other:1"), "warning endorsement_of_another /endorsement/0/credentialSubject/id", false},
		{"/endorsement", strings.Replace(about("urn:uuid:6e1a0c4c-0000-4000-8000-000000000001"), `,"proof":{"type":"DataIntegrityProof"}`, "", 1), "error endorsement_without_proof /endorsement/0", false},
		{"/endorsement", strings.Replace(about("urn:uuid:6e1a0c4c-0000-4000-8000-000000000001"), `{"type":"DataIntegrityProof"}`, "[]", 1), "error endorsement_without_proof /endorsement/0", false},
		{a + "/endorsement", about("https://example.edu/a/1"), "", false},
		{"/credentialSubject/type", `["Person"]`, "error type_missing /credentialSubject/type", false},
		{"/credentialSubject/id", "", "", false}, // an identifier is left
		{"/credentialSubject/identifier", "", "", false},
		{"/credentialSubject/identifier/0/identityType", `"email"`, "error not_in_vocabulary /credentialSubject/identifier/0/identityType", false},
		{"/credentialSubject/identifier/0/hashed", `"true"`, "error wrong_type /credentialSubject/identifier/0/hashed", false},
		{"/credentialSubject/identifier/0/identityHash", `"sha256$abc"`, "error identity_hash_form /credentialSubject/identifier/0/identityHash", false},
		{"/credentialSubject/identifier/0/identityHash", `"md5$d41d8cd98f00b204e9800998ecf8427e"`, "warning identity_hash_md5 /credentialSubject/identifier/0/identityHash", false},
		{"/credentialSubject/identifier/0/hashed", `false`, "warning identity_hash_plain /credentialSubject/identifier/0/identityHash", false},
		{a, "", "error property_missing /credentialSubject", false},
		{a, `[]`, "error list_for_single_value /credentialSubject/achievement", false},
		{a + "/name", "", "error property_missing " + a, false},
		{a + "/description", "", "error property_missing " + a, false},
		{a + "/criteria", `{}`, "warning criteria_empty " + a + "/criteria", false},
		{a + "/criteria", `"Pass."`, "error wrong_type " + a + "/criteria", false},
		{a + "/achievementType", `"Program"`, "error not_in_vocabulary " + a + "/achievementType", false},
		{a + "/achievementType", `"ext:Program"`, "", false},
		{a + "/achievementType", `"ext:"`, "error not_in_vocabulary " + a + "/achievementType", false},
		{a + "/achievementType", `"diploma"`, "error not_in_vocabulary " + a + "/achievementType", false},
		{a + "/inLanguage", `"English"`, "error not_a_language " + a + "/inLanguage", false},
		{a + "/creditsAvailable", `"12"`, "error wrong_type " + a + "/creditsAvailable", false},
		{a + "/tag", `"x"`, "warning single_value_for_list " + a + "/tag", false},
		{a + "/alignment/0/targetType", `"Thing"`, "error not_in_vocabulary " + a + "/alignment/0/targetType", false},
		{a + "/alignment/0/targetUrl", "", "error property_missing " + a + "/alignment/0", false},
		{a + "/alignment/0/targetUrl", `"isced/6"`, "error url_not_absolute " + a + "/alignment/0/targetUrl", true},
		{rd + "/0/id", `"urn:rd:score"`, "error id_not_unique " + rd + "/1/id", false},
		{rd + "/3/rubricCriterionLevel/1/id", `"urn:rd:grade"`, "error id_not_unique " + rd + "/3/rubricCriterionLevel/1/id", false},
		{rd + "/0/resultType", `"Grade"`, "error not_in_vocabulary " + rd + "/0/resultType", false},
		{rd + "/0/requiredValue", `"F"`, "error required_value_not_allowed " + rd + "/0/requiredValue", false},
		{rd + "/1/requiredValue", `"101"`, "error required_value_not_allowed " + rd + "/1/requiredValue", false},
		{rd + "/1/requiredValue", `"50"`, "", false},
		{rd + "/1/valueMin", `"101"`, "error value_range_reversed " + rd + "/1/valueMin", false},
		{rd + "/3/requiredLevel", `"urn:l:3"`, "error required_level_unknown " + rd + "/3/requiredLevel", false},
		{r + "/0/resultDescription", `"urn:rd:none"`, "error result_description_unknown " + r + "/0/resultDescription", false},
		{r + "/0/value", `"D"`, "error result_value_not_allowed " + r + "/0/value", true},
		{r + "/1/value", `"101"`, "error result_value_not_allowed " + r + "/1/value", true},
		{r + "/1/value", `"pass"`, "", false},
		{r + "/2/status", "", "error result_status_missing " + r + "/2", false},
		{r + "/2/status", `"Done"`, "error not_in_vocabulary " + r + "/2/status", false},
		{r + "/3/achievedLevel", `"urn:l:3"`, "error achieved_level_unknown " + r + "/3/achievedLevel", true},
		{r + "/3/resultDescription", "", "error achieved_level_unknown " + r + "/3/achievedLevel", false},
		{r + "/0/type", `["Results"]`, "error type_missing " + r + "/0/type", false},
	} {
		t.Run(tt.pointer+" "+tt.value[:min(20, len(tt.value))], func(t *testing.T) {
			doc := parse(t, edit(t, base, tt.pointer, tt.value))
			found := Check(doc, Strict)
			has := func(fs []Finding, want string) bool {
				return slices.ContainsFunc(fs, func(f Finding) bool { return f.Grade.String()+" "+f.Code+" "+f.Pointer == want })
			}
			if tt.want == "" {
				if len(found) > 0 {
					t.Errorf("expected no finding, found %v", found)
				}
				return
			}
			if !has(found, tt.want) {
				t.Errorf("expected %s, found %v", tt.want, found)
			}
			if tt.lenient != has(Check(doc, OneEdTech), strings.Replace(tt.want, "error ", "warning ", 1)) && strings.HasPrefix(tt.want, "error") {
				t.Errorf("under 1edtech: found %v", Check(doc, OneEdTech))
			}
		})
	}
	both := edit(t, edit(t, base, "/credentialSubject/id", ""), "/credentialSubject/identifier", "")
	if got := codes(Check(parse(t, both), Strict)); got != "error subject_not_identified" {
		t.Errorf("found %s", got)
	}
}

func TestCheckV1(t *testing.T) {
	base := edit(t, richJSON(t), "/@context/0", `"https://www.w3.org/2018/credentials/v1"`)
	if got := codes(Check(parse(t, base), Strict)); got != "error property_missing" {
		t.Errorf("expected issuanceDate to be missed, found %s", got)
	}
	v1 := edit(t, base, "/issuanceDate", `"2026-01-01T00:00:00Z"`)
	if got := Check(parse(t, v1), Strict); len(got) > 0 {
		t.Errorf("found %v", got)
	}
	for pointer, want := range map[string]string{"/name": "error property_missing", "/issuanceDate": "error property_missing"} {
		if got := codes(Check(parse(t, edit(t, v1, pointer, "")), Strict)); got != want {
			t.Errorf("%s: found %s", pointer, got)
		}
	}
	late := edit(t, v1, "/expirationDate", `"2025-01-01T00:00:00Z"`)
	if got := codes(Check(parse(t, late), Strict)); got != "error period_reversed" {
		t.Errorf("found %s", got)
	}
}

func TestCheckNotABadge(t *testing.T) {
	for _, text := range []string{`{}`, `[]`, `"x"`, `{"type":"VerifiableCredential"}`, `{"type":7}`, `{"type":"Assertion"}`} {
		if got := codes(Check(parse(t, text), OneEdTech)); got != "error not_a_badge" {
			t.Errorf("%s: found %s", text, got)
		}
	}
}

// TestCheckSamples states what we say about the documents that others published.
func TestCheckSamples(t *testing.T) {
	dir := testvectors.Shared(t, "badges")
	for file, want := range map[string]string{
		"1edtech-validator/ob30/simple-err-credential-subject-identifier-type.json":                     "type_wrong /credentialSubject/identifier/0/type",
		"1edtech-validator/ob30/simple-err-credential-subject-result-type.json":                         "type_missing /credentialSubject/result/1/type",
		"1edtech-validator/ob30/simple-err-credential-subject-achievement-result-description-type.json": "type_missing /credentialSubject/achievement/resultDescription/2/type",
		"1edtech-validator/ob30/simple-err-evidence-type.json":                                          "type_missing /evidence/1/type",
		"1edtech-validator/ob30/simple-err-issuer.json":                                                 "property_missing ",
		"1edtech-validator/ob30/simple-err-issuer-type.json":                                            "type_missing /issuer/type",
		"1edtech-validator/ob30/simple-err-issuer-parentorg-type.json":                                  "type_missing /issuer/parentOrg/type",
		"1edtech-validator/ob30/simple-err-type.json":                                                   "not_a_badge ",
		"1edtech-validator/ob30/simple-eddsa-2022.json":                                                 "",
		"1edtech-validator/ob30/simple-multiple-proofs.json":                                            "",
		"1edtech-validator/ob30/simple-err-expired.json":                                                "",
		"1edtech-validator/ob30/simple-err-proof-value.json":                                            "",
		"1edtech-validator/ob30/simple_v1.json":                                                         "",
		"1edtech-validator/ob30/complete.json":                                                          "",
		"1edtech-validator/ob30/endorsement-valid.json":                                                 "",
		"1edtech-validator/ob30/sd/derivedcredential.json":                                              "",
		"1edtech-validator/clr20/complex.json":                                                          "",
		"1edtech-validator/clr20/simple_v1.json":                                                        "",
		"spec-vectors/ob-signed.json":                                                                   "",
		"spec-vectors/clr-signed.json":                                                                  "",
		"ob3-endorsementJwt-signed-new303.json":                                                         "",
	} {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		doc := parse(t, string(b))
		var faults []string
		for _, f := range Check(doc, OneEdTech) {
			if f.Grade == Error {
				faults = append(faults, f.Code+" "+f.Pointer)
			}
		}
		if want == "" && len(faults) > 0 || want != "" && !slices.Contains(faults, want) {
			t.Errorf("%s: expected %q, found %q", file, want, faults)
		}
	}
}

// FuzzCheck: nothing makes the checks panic, and every pointer leads to a value.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(richJSON(f)))
	f.Add([]byte(clrJSON))
	f.Add([]byte(ob2JSON))
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := strictjson.Parse(b, strictjson.Limits{})
		if err != nil {
			return
		}
		for _, fs := range [][]Finding{Check(doc, Strict), CheckOB2(doc, Strict), CheckJWT(doc, doc, Strict)} {
			for _, f := range fs {
				if p := strings.TrimPrefix(strings.TrimPrefix(f.Pointer, "/header"), "/payload"); doc.Lookup(p) == strictjson.None && doc.Lookup(f.Pointer) == strictjson.None {
					t.Fatalf("pointer %q leads nowhere", f.Pointer)
				}
			}
		}
		Read(doc, 0)
		_, _ = Endorsements(doc, 0)
		_, _ = Inner(doc, 0)
		if _, err := ValidateBadge(doc, 0, JSONLD); err == nil && className(KindOf(doc, 0)) == "" {
			t.Fatal("validated what has no schema")
		}
	})
}

// TestCheckIsLinear: lists of many results, levels and faults cost no more than their
// length.
func TestCheckIsLinear(t *testing.T) {
	levels, results, faults := make([]string, 20_000), make([]string, 20_000), make([]string, 100_000)
	for i := range levels {
		levels[i] = `{"id":"urn:l:` + strconv.Itoa(i) + `","type":"RubricCriterionLevel","name":"x"}`
		results[i] = `{"type":"Result","resultDescription":"urn:rd:rubric","achievedLevel":"urn:l:19999"}`
	}
	for i := range faults {
		faults[i] = "7"
	}
	text := edit(t, richJSON(t), "/credentialSubject/achievement/resultDescription/3/rubricCriterionLevel", "["+strings.Join(levels, ",")+"]")
	text = edit(t, text, "/credentialSubject/result", "["+strings.Join(results, ",")+"]")
	many := edit(t, richJSON(t), "/evidence", "["+strings.Join(faults, ",")+"]")
	many = edit(t, many, "/endorsement", "["+strings.Join(faults, ",")+"]")
	start := time.Now()
	if got := Check(parse(t, text), Strict); len(got) > 0 {
		t.Errorf("found %v", got[:1])
	}
	if got := Check(parse(t, many), Strict); len(got) != maxFindings || got[maxFindings-1].Code != "too_many_findings" || got[maxFindings-1].Grade != Error {
		t.Errorf("found %d findings", len(got))
	}
	if _, err := Endorsements(parse(t, many), 0); !errors.Is(err, ErrTooMany) {
		t.Errorf("found %v", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestThirdContext: the achievements of a CLR have their meaning by the context of Open
// Badges, which CLR 2.0 puts third.
func TestThirdContext(t *testing.T) {
	text := string(testvectors.ReadShared(t, "badges", "spec-vectors", "clr-signed.json"))
	find := func(text string, p Profile) string {
		for _, f := range Check(parse(t, text), p) {
			if f.Code == "context_third" || f.Code == "contexts_missing" {
				return fmt.Sprint(f.Grade, " ", f.Code, " ", f.Pointer)
			}
		}
		return ""
	}
	doc := parse(t, text)
	third := doc.Raw(doc.Index(doc.Get(0, "@context"), 2))
	for _, tt := range []struct{ name, text, strict, lenient string }{
		{"as it is", text, "", ""},
		{"inline", strings.Replace(text, third, `{"a":"https://example.org/a"}`, 1), "error context_third /@context/2", "warning context_third /@context/2"},
		{"another's", strings.Replace(text, third, `"https://www.w3.org/ns/credentials/v2"`, 1), "error context_third /@context/2", "warning context_third /@context/2"},
		{"two alone", string(doc.Rewrite(0, []strictjson.Member{{Name: "@context", Value: `["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"]`}})), "error contexts_missing /@context", "warning contexts_missing /@context"},
	} {
		if got := find(tt.text, Strict); got != tt.strict {
			t.Errorf("%s: expected %q, found %q", tt.name, tt.strict, got)
		}
		if got := find(tt.text, OneEdTech); got != tt.lenient {
			t.Errorf("%s, 1edtech: expected %q, found %q", tt.name, tt.lenient, got)
		}
	}
}
