package badge

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/cputime"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/testvectors"
)

// sampleDocs returns every JSON document under the shared badges that parses.
func sampleDocs(tb testing.TB) map[string][]byte {
	tb.Helper()
	dir := testvectors.Shared(tb, "badges")
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") || strings.Contains(path, "schemas") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := strictjson.Parse(b, strictjson.Limits{}); err == nil {
			rel, _ := filepath.Rel(dir, path)
			out[filepath.ToSlash(rel)] = b
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// published compiles the schema by 1EdTech that others have passed on.
func published(tb testing.TB, name string) *jsonschema.Schema {
	tb.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(testvectors.ReadShared(tb, "badges", "schemas", name)))
	if err != nil {
		tb.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(closed{})
	if err := c.AddResource("urn:published", v); err != nil {
		tb.Fatal(err)
	}
	s, err := c.Compile("urn:published")
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestSchemaAgreesWithPublished: the same verdict as the published schema, in the
// JSON-LD flavour for the data model 2.0, on every sample and on mutations of them.
func TestSchemaAgreesWithPublished(t *testing.T) {
	oracle := published(t, "ob_v3p0_achievementcredential_schema.json")
	rng := rand.New(rand.NewPCG(1, 2))
	cases, valid := 0, 0
	compare := func(name string, text []byte) {
		doc, err := strictjson.Parse(text, strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		value, _ := Schema(OB3Achievement, chancery.Model2_0, JSONLD)
		ours := cachedSchema(t, value)
		got, err := ours.validate(doc, 0, true)
		if err != nil {
			t.Fatal(err)
		}
		want := oracle.Validate(doc.Any(0))
		cases++
		if want == nil {
			valid++
		}
		if (want == nil) != (len(got) == 0) {
			t.Errorf("%s: published says %v, ours %v\n%.600s", name, want, got, text)
		}
	}
	samples := sampleDocs(t)
	for _, name := range slices.Sorted(maps.Keys(samples)) { // in one order: each change comes from one source of randomness
		text := samples[name]
		doc := parse(t, string(text))
		if KindOf(doc, 0) != OB3Achievement {
			continue
		}
		compare(name, text)
		for range 25 {
			compare(name+" mutated", mutate(rng, text))
		}
	}
	if t.Logf("%d cases, %d of them valid", cases, valid); valid < 100 || cases-valid < 300 {
		t.Error("expected many cases on both sides")
	}
}

var cached *validator

func cachedSchema(t *testing.T, value map[string]any) *validator {
	if cached == nil {
		var err error
		if cached, err = compileSchema(value); err != nil {
			t.Fatal(err)
		}
	}
	return cached
}

// mutate changes one value of a JSON document, or drops, adds or doubles a member.
func mutate(rng *rand.Rand, text []byte) []byte {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return text
	}
	var places []func()
	var walk func(v any)
	replacements := []any{nil, true, 3.5, "x", "ext:a", "Result", []any{}, map[string]any{}, map[string]any{"en": "x"}, []any{"x"}, map[string]any{"type": "Image", "id": "x"}}
	pick := func() any { return replacements[rng.IntN(len(replacements))] }
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				places = append(places, func() { delete(v, k) }, func() { v[k] = pick() }, func() { v[k] = []any{e} }, func() { v[k] = []any{e, e} }, func() { v[k+"x"] = e })
				if a, ok := e.([]any); ok && len(a) > 0 {
					places = append(places, func() { v[k] = a[0] })
				}
				walk(e)
			}
		case []any:
			for i, e := range v {
				places = append(places, func() { v[i] = pick() })
				walk(e)
			}
		}
	}
	walk(v)
	places[rng.IntN(len(places))]()
	out, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return out
}

// TestChecksAgreeWithSchemas: what a schema finds in the canonical flavour, the checks
// find too, at the same place or inside it; what they find beyond is theirs to find.
func TestChecksCoverSchemas(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	n := 0
	samples := sampleDocs(t)
	for _, name := range slices.Sorted(maps.Keys(samples)) { // in one order: each change comes from one source of randomness
		text := samples[name]
		for range 15 {
			doc := parse(t, string(mutate(rng, text)))
			if className(KindOf(doc, 0)) == "" {
				continue
			}
			n++
			found := Check(doc, Strict)
			for _, f := range []Flavour{Canonical, JSONLD} {
				schema, err := ValidateBadge(doc, 0, f)
				if err != nil {
					t.Fatal(err)
				}
				worst, any := Worst(found)
				if len(schema) > 0 && (!any || worst == Note || f == JSONLD && worst != Error) {
					t.Errorf("%s: the schema (%s) finds %v, the checks %v", name, f, schema, found)
				}
			}
		}
	}
	if n < 500 {
		t.Errorf("expected more documents, found %d", n)
	}
}

func TestValidateBadge(t *testing.T) {
	text := string(testvectors.ReadShared(t, "badges", "spec-vectors", "ob-signed.json"))
	for _, f := range []Flavour{Canonical, JSONLD} {
		if got, err := ValidateBadge(parse(t, text), 0, f); err != nil || len(got) > 0 {
			t.Errorf("%s: found %v, %v", f, got, err)
		}
	}
	for _, tt := range []struct{ name, old, new, pointer, code string }{
		{"missing property, reported in the branch of the class", `"criteria"`, `"criterion"`, "/credentialSubject/achievement", "schema_required"},
		{"wrong type of a member", `"validFrom": "2010-01-01T00:00:00Z"`, `"validFrom": 1`, "/validFrom", "schema_type"},
	} {
		changed := strings.Replace(text, tt.old, tt.new, 1)
		if changed == text {
			t.Fatalf("%s: nothing replaced", tt.name)
		}
		got, err := ValidateBadge(parse(t, changed), 0, Canonical)
		if err != nil || len(got) != 1 || got[0].Pointer != tt.pointer || got[0].Code != tt.code {
			t.Errorf("%s: found %v, %v", tt.name, got, err)
		}
	}
	single := strings.Replace(text, `"id": "did:`, `"identifier": {"type":"IdentityObject","hashed":false,"identityHash":"x","identityType":"name"}, "id": "did:`, 1)
	if got, _ := ValidateBadge(parse(t, single), 0, Canonical); single == text || len(got) == 0 {
		t.Errorf("canonical took a single value for a list: %v", got)
	}
	if got, _ := ValidateBadge(parse(t, single), 0, JSONLD); len(got) != 0 {
		t.Errorf("JSON-LD refused a single value for a list: %v", got)
	}
	if got, err := CheckSchema(parse(t, single), 0); err != nil || codes(got) != "warning schema_json_ld_only" {
		t.Errorf("found %v, %v", got, err)
	}
	if got, err := CheckSchema(parse(t, text), 0); err != nil || len(got) > 0 {
		t.Errorf("found %v, %v", got, err)
	}
	if got, err := CheckSchema(parse(t, strings.Replace(text, `"criteria"`, `"criterion"`, 1)), 0); err != nil || codes(got) != "error schema_required" {
		t.Errorf("found %v, %v", got, err)
	}
	for doc, want := range map[string]bool{
		`{"credentialSchema":[{"type":"X"},{"type":"1EdTechJsonSchemaValidator2019"}]}`: true,
		`{"credentialSchema":{"type":"1EdTechJsonSchemaValidator2019"}}`:                true,
		`{"credentialSchema":{"type":"JsonSchema"}}`:                                    false,
		`{"credentialSchema":"1EdTechJsonSchemaValidator2019"}`:                         false,
		`{}`: false,
	} {
		if SchemaBinding(parse(t, doc), 0) != want {
			t.Errorf("%s: expected %v", doc, want)
		}
	}
	if _, err := ValidateBadge(parse(t, `{"type":"VerifiableCredential"}`), 0, Canonical); !errors.Is(err, ErrSchemaUnsupported) {
		t.Errorf("found %v", err)
	}
}

// TestSchemasAreSchemas: every schema we write is valid against its meta-schema and
// survives being written as JSON.
func TestSchemasAreSchemas(t *testing.T) {
	for _, k := range []Kind{OB3Achievement, OB3Endorsement, CLR} {
		for _, m := range []chancery.ModelVersion{chancery.Model1_1, chancery.Model2_0} {
			for _, f := range []Flavour{Canonical, JSONLD} {
				value, ok := Schema(k, m, f)
				if !ok {
					t.Fatal("no schema")
				}
				b, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				back, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := compileSchema(back); err != nil {
					t.Errorf("%s %s %s: %v", k, m, f, err)
				}
			}
		}
	}
	if _, ok := Schema(OB2Assertion, chancery.Model2_0, Canonical); ok {
		t.Error("a schema for Open Badges 2.0")
	}
}

func TestValidateSchema(t *testing.T) {
	const schema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://example.org/s","type":"object","required":["name"],
		"properties":{"name":{"$ref":"#/$defs/short"},"tags":{"type":"array","items":{"$ref":"#word"}}},"$defs":{"short":{"type":"string","maxLength":5},"w":{"$anchor":"word","pattern":"^[a-z]+$"}}}`
	for instance, want := range map[string]string{
		`{"name":"abc","tags":["x"]}`: "",
		`{"name":"abcdef"}`:           "/name schema_maxLength",
		`{}`:                          " schema_required",
		`{"name":"a","tags":["X"]}`:   "/tags/0 schema_pattern",
		`[]`:                          " schema_type",
	} {
		got, err := ValidateSchema([]byte(schema), parse(t, instance), 0)
		if err != nil {
			t.Fatal(err)
		}
		s := ""
		for _, f := range got {
			s += f.Pointer + " " + f.Code
		}
		if s != want {
			t.Errorf("%s: expected %q, found %q", instance, want, s)
		}
	}
	if got, err := ValidateSchema([]byte("false"), parse(t, "{}"), 0); err != nil || len(got) != 1 {
		t.Errorf("found %v, %v", got, err)
	}
}

func TestValidateSchemaRefuses(t *testing.T) {
	bomb := `{"$defs":{"d0":{"type":"string"}`
	for i := 1; i < 40; i++ {
		d := func(n int) string { return `{"$ref":"#/$defs/d` + strconv.Itoa(n) + `"}` }
		bomb += `,"d` + strconv.Itoa(i) + `":{"allOf":[` + d(i-1) + `,` + d(i-1) + `]}`
	}
	bomb += `},"$ref":"#/$defs/d39"}`
	for name, schema := range map[string]string{
		"remote reference":      `{"$ref":"https://example.org/s"}`,
		"file reference":        `{"$ref":"file:///etc/passwd"}`,
		"meta-schema by name":   `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`,
		"unknown reference":     `{"$ref":"#/$defs/x"}`,
		"unknown anchor":        `{"$ref":"#x"}`,
		"recursion":             `{"properties":{"a":{"$ref":"#"}}}`,
		"endless recursion":     `{"$ref":"#"}`,
		"exponential":           bomb,
		"dynamic reference":     `{"$dynamicRef":"#x"}`,
		"other draft":           `{"$schema":"http://json-schema.org/draft-04/schema#"}`,
		"own meta-schema":       `{"$schema":"https://example.org/meta"}`,
		"nested id":             `{"properties":{"a":{"$id":"https://example.org/b"}}}`,
		"look-ahead":            `{"pattern":"(?=a)b"}`,
		"back reference":        `{"pattern":"(a)\\1"}`,
		"huge pattern":          `{"pattern":"` + strings.Repeat("a", 600) + `"}`,
		"exploding pattern":     `{"pattern":"((a{100}){100}){100}"}`,
		"pattern in a name":     `{"patternProperties":{"(?<!a)b":{}}}`,
		"keyword of wrong type": `{"type":5}`,
		"a list":                `[]`,
		"a number":              `1`,

		"many subschemas":         `{"allOf":[` + repeated(19_000, `{}`) + `]}`,
		"long names":              `{"properties":{"` + strings.Repeat("a", 20_000) + `":{"allOf":[` + repeated(1000, `{}`) + `]}}}`,
		"references elsewhere":    `{"x":[` + repeated(3000, `{}`) + `],"allOf":[` + repeated(3000, `{"$ref":"#/x/%d"}`) + `]}`,
		"$defs in draft-07":       `{"$schema":"http://json-schema.org/draft-07/schema#","$defs":[` + repeated(3000, `{}`) + `],"allOf":[` + repeated(3000, `{"$ref":"#/$defs/%d"}`) + `]}`,
		"one large place":         `{"x":{"allOf":[` + repeated(18_000, `{}`) + `]},"$ref":"#/x"}`,
		"many patterns":           `{"allOf":[` + repeated(6000, `{"pattern":"a{1000}"}`) + `]}`,
		"patterns of many ranges": `{"allOf":[` + repeated(500, `{"pattern":"`+strings.Repeat(`\\p{L}\\S`, 50)+`"}`) + `]}`,
		"many patterns of names":  `{"patternProperties":{` + repeated(2000, `"a{500}%d":{}`) + `}}`,
	} {
		start := cputime.Now()
		_, err := ValidateSchema([]byte(schema), parse(t, `{"a":{"a":1},"s":"`+strings.Repeat("a", 1000)+`"}`), 0)
		if !errors.Is(err, ErrSchemaUnsupported) {
			t.Errorf("%s: found %v", name, err)
		}
		if took := cputime.Since(start); took > 200*time.Millisecond {
			t.Errorf("%s: refusal took %v", name, took)
		}
	}
	var je *strictjson.Error
	if _, err := ValidateSchema([]byte(`{"a":1,"a":2}`), parse(t, "{}"), 0); !errors.As(err, &je) {
		t.Errorf("found %v", err)
	}
	many := `{"x":"` + strings.Repeat("a", 1<<20) + `"}`
	heavy := `{"allOf":[` + strings.TrimSuffix(strings.Repeat(`{"pattern":"(a|b){100}c"},`, 100), ",") + `]}`
	if _, err := ValidateSchema([]byte(heavy), parse(t, many), 0); !errors.Is(err, ErrSchemaUnsupported) {
		t.Errorf("heavy patterns: found %v", err)
	}
}

// repeated returns n values, apart by commas; a verb in one is filled with its index.
func repeated(n int, value string) string {
	out := make([]string, n)
	for i := range out {
		out[i] = strings.ReplaceAll(value, "%d", strconv.Itoa(i))
	}
	return strings.Join(out, ",")
}

// TestWorkOfLargeSchemas: schemas as people write them are made ready however large they are,
// and the time that is said beforehand is the time that it takes.
func TestWorkOfLargeSchemas(t *testing.T) {
	for name, schema := range map[string]string{
		"properties": `{"type":"object","properties":{` + repeated(2500, `"m%d":{"type":"string","description":"what this member is for","minLength":1}`) + `}}`,
		"references": `{"type":"object","properties":{` + repeated(2000, `"m%d":{"$ref":"#/$defs/text%d"}`) + `},"$defs":{` + repeated(2000, `"text%d":{"type":"string"}`) + `}}`,
		"anchors":    `{"$schema":"https://json-schema.org/draft/2019-09/schema","properties":{` + repeated(1000, `"m%d":{"$ref":"#a%d"}`) + `},"definitions":{` + repeated(1000, `"text%d":{"$anchor":"a%d"}`) + `}}`,
		"components": `{"properties":{` + repeated(200, `"m%d":{"$ref":"#/components/schemas/s%d"}`) + `},"components":{"schemas":{` + repeated(200, `"s%d":{"type":"string"}`) + `}}}`,
		"root":       `{"type":"object","properties":{"a":{"$ref":"#/properties/b"},"b":{"$ref":"#/properties/m~1~01"},"m/~1":{"$ref":"#/allOf/1/not"},"m1":{"$ref":"#/properties/a"}},"allOf":[{},{"not":{"type":"string"}}]}`,
		"draft-07":   `{"$schema":"http://json-schema.org/draft-07/schema#","properties":{` + repeated(1000, `"m%d":{"$ref":"#/definitions/s%d"}`) + `},"definitions":{` + repeated(1000, `"s%d":{"dependencies":{"a":{"enum":[1,2,3]}}}`) + `}}`,
		"values":     `{"enum":[` + repeated(15_000, `"text %d"`) + `]}`,
	} {
		steps, err := SchemaWork([]byte(schema))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		start := cputime.Now()
		found, err := ValidateSchema([]byte(schema), parse(t, `{"m1":1}`), 0)
		took := cputime.Since(start)
		if err != nil || len(found) == 0 && name != "anchors" && name != "draft-07" {
			t.Errorf("%s: found %v, %v", name, found, err)
		}
		if most := 5 * time.Duration(steps) * 10 * time.Nanosecond; took > most && took > 50*time.Millisecond {
			t.Errorf("%s: took %v, expected at most %v", name, took, most)
		}
	}
}

// TestSchemaFindingsAreBounded: a document with very many faults gives few findings,
// quickly and in little memory.
func TestSchemaFindingsAreBounded(t *testing.T) {
	for _, n := range []int{maxDetailNodes - 100, maxSchemaNodes - 100} {
		doc := parse(t, `{"type":["VerifiableCredential","OpenBadgeCredential"],"endorsement":[`+strings.TrimSuffix(strings.Repeat("{},", n), ",")+`]}`)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		got, err := ValidateBadge(doc, 0, JSONLD)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if err != nil || len(got) == 0 || len(got) > maxSchemaFindings || n > maxDetailNodes && codes(got) != "error schema_invalid" {
			t.Errorf("found %d findings, %v", len(got), err)
		}
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 64 || took > time.Second {
			t.Errorf("%d values: %d MB, %v", n, mb, took)
		}
		if found := Check(doc, Strict); len(found) != maxFindings {
			t.Errorf("found %d findings", len(found))
		}
	}
	big := parse(t, `{"type":"OpenBadgeCredential","x":[`+strings.TrimSuffix(strings.Repeat("1,", maxSchemaNodes), ",")+`]}`)
	if _, err := ValidateBadge(big, 0, Canonical); !errors.Is(err, ErrSchemaUnsupported) {
		t.Errorf("found %v", err)
	}
	// A schema by others that faults every value very often.
	wide := parse(t, "["+strings.TrimSuffix(strings.Repeat("1,", 2000), ",")+"]")
	schema := `{"items":{"allOf":[` + strings.TrimSuffix(strings.Repeat(`{"type":"string"},`, 1000), ",") + `]}}`
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := ValidateSchema([]byte(schema), wide, 0)
	runtime.ReadMemStats(&after)
	if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; err != nil || codes(got) != "error schema_invalid" || mb > 64 {
		t.Errorf("found %v, %v, %d MB", got, err, mb)
	}
}

// TestSchemaOfLargeCLR: what a record holds does not count against its own size, and
// pointers stay those of the whole.
func TestSchemaOfLargeCLR(t *testing.T) {
	inner := richJSON(t)
	list := strings.TrimSuffix(strings.Repeat(inner+",", 400), ",")
	text := `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:x:1","type":["VerifiableCredential","ClrCredential"],"name":"R","issuer":"urn:i:1","validFrom":"2026-01-01T00:00:00Z","credentialSubject":{"id":"urn:s:1","type":"ClrSubject","verifiableCredential":[` + list + `]}}`
	for _, f := range []Flavour{Canonical, JSONLD} {
		if got, err := ValidateBadge(parse(t, text), 0, f); err != nil || len(got) > 0 {
			t.Errorf("%s: found %v, %v", f, got, err)
		}
	}
	wrapped := parse(t, `{"vc":`+strings.Replace(text, list, list+",7", 1)+`,"x":1}`)
	got, err := ValidateBadge(wrapped, wrapped.Get(0, "vc"), Canonical)
	if err != nil || len(got) != 1 || got[0].Pointer != "/vc/credentialSubject/verifiableCredential/400" {
		t.Errorf("found %v, %v", got, err)
	}
}

func TestSpan(t *testing.T) {
	doc := parse(t, `{"a":[1,{"b":2}],"c":{"d":[[]]},"e":3}`)
	for pointer, want := range map[string]int{"": 9, "/a": 4, "/a/1": 2, "/a/1/b": 1, "/c": 3, "/c/d/0": 1, "/e": 1} {
		if got := span(doc, doc.Lookup(pointer)); got != want {
			t.Errorf("%s: expected %d, found %d", pointer, want, got)
		}
	}
}

// FuzzValidateSchema: no schema by others makes the validator panic or run long.
func FuzzValidateSchema(f *testing.F) {
	f.Add([]byte(`{"type":"object","required":["a"],"properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"x":{"anyOf":[{"minLength":2},{"multipleOf":0.5}]}}}`), []byte(`{"a":"x"}`))
	f.Add([]byte(`{"$schema":"http://json-schema.org/draft-07/schema#","items":[{"const":1}],"additionalItems":false,"uniqueItems":true,"format":"date"}`), []byte(`[1,2,2]`))
	f.Add([]byte(`{"patternProperties":{"^a":{"not":{}}},"unevaluatedProperties":false,"dependentSchemas":{"b":{"maxProperties":1}},"if":{},"then":{"contains":{"enum":[null]}}}`), []byte(`{"a":1,"b":[]}`))
	f.Fuzz(func(t *testing.T, schema, instance []byte) {
		doc, err := strictjson.Parse(instance, strictjson.Limits{Bytes: 1 << 16})
		if err != nil {
			return
		}
		start := time.Now()
		found, err := ValidateSchema(schema, doc, 0)
		if err != nil && found != nil || len(found) > maxSchemaFindings {
			t.Fatalf("found %v and %v", found, err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Fatalf("took %v", took)
		}
		for _, f := range found {
			if doc.Lookup(f.Pointer) == strictjson.None {
				t.Fatalf("pointer %q leads nowhere", f.Pointer)
			}
		}
	})
}
