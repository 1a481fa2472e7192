package badge

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/testvectors"
)

// generator writes documents along a published schema, so that every class and property that it
// has occurs, in every alternative.
type generator struct {
	rng  *rand.Rand
	defs map[string]any
}

func (g *generator) pick(list []any) any { return list[g.rng.IntN(len(list))] }

func (g *generator) value(s map[string]any, name string, depth int) any {
	if ref, ok := s["$ref"].(string); ok {
		return g.value(g.defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any), name, depth+1)
	}
	for _, k := range []string{"oneOf", "anyOf"} {
		if list, ok := s[k].([]any); ok {
			return g.value(g.pick(list).(map[string]any), name, depth)
		}
	}
	if all, ok := s["allOf"].([]any); ok { // lists that have to hold several types
		var out []any
		for _, one := range all {
			out = append(out, g.pick(one.(map[string]any)["contains"].(map[string]any)["enum"].([]any)))
		}
		return out
	}
	if enum, ok := s["enum"].([]any); ok {
		return g.pick(enum)
	}
	switch s["type"] {
	case "string":
		return g.text(s, name)
	case "boolean":
		return g.rng.IntN(2) == 0
	case "number", "integer":
		return g.pick([]any{0, 1, 2.5, -3})
	case "array":
		return g.list(s, name, depth)
	case "object":
		return g.object(s, depth)
	}
	return g.pick([]any{"https://example.org/context", map[string]any{"en": "x"}})
}

func (g *generator) text(s map[string]any, name string) any {
	switch pattern, _ := s["pattern"].(string); {
	case strings.Contains(pattern, "ob"):
		return "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
	case strings.Contains(pattern, "ext:"):
		return "ext:a1"
	case strings.Contains(pattern, "\\."):
		return "a.b.c"
	case pattern != "":
		return "en"
	case s["format"] == "date-time":
		return "2026-01-01T00:00:00Z"
	case s["format"] == "date":
		return "1999-12-31"
	case name == "id" || strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "Url"):
		return g.pick([]any{"urn:x:1", "urn:x:2", "urn:x:3"})
	}
	return g.pick([]any{"x", "two words", "ü"})
}

func (g *generator) list(s map[string]any, name string, depth int) any {
	out := []any{}
	if contains, ok := s["contains"].(map[string]any); ok {
		return append(out, g.pick(contains["enum"].([]any)))
	}
	switch items := s["items"].(type) {
	case []any:
		for _, one := range items {
			out = append(out, g.value(one.(map[string]any), name, depth+1))
		}
	case map[string]any:
		for range 1 + g.rng.IntN(2) {
			out = append(out, g.value(items, name, depth+1))
		}
	}
	return out
}

func (g *generator) object(s map[string]any, depth int) any {
	out := map[string]any{}
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		// Objects hold each other: the deeper, the fewer.
		if slices.Contains(required, any(name)) || depth < 3 || depth < 10 && g.rng.IntN(depth) == 0 {
			out[name] = g.value(properties[name].(map[string]any), name, depth+1)
		}
	}
	if more, ok := s["additionalProperties"].(map[string]any); ok && len(out) == 0 {
		out["en"] = g.value(more, "", depth+1)
	}
	return out
}

// TestGenerated: on documents made along the published schema, with every class and property, and
// on changes of them, our schema says what that one says, and what a schema finds the checks find.
func TestGenerated(t *testing.T) {
	const name = "ob_v3p0_achievementcredential_schema.json"
	var schema map[string]any
	if err := json.Unmarshal(testvectors.ReadShared(t, "badges", "schemas", name), &schema); err != nil {
		t.Fatal(err)
	}
	oracle := published(t, name)
	g := &generator{rand.New(rand.NewPCG(5, 6)), schema["$defs"].(map[string]any)}
	value, _ := Schema(OB3Achievement, chancery.Model2_0, JSONLD)
	ours := cachedSchema(t, value)
	cases, valid := 0, 0
	compare := func(text []byte) {
		doc, err := strictjson.Parse(text, strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := ours.validate(doc, 0, false)
		if err != nil {
			t.Fatal(err)
		}
		want := oracle.Validate(doc.Any(0))
		if cases++; want == nil {
			valid++
		}
		if (want == nil) != (len(got) == 0) {
			t.Errorf("published says %v, ours %v\n%.600s", want, got, text)
		}
		if worst, any := Worst(Check(doc, Strict)); len(got) > 0 && KindOf(doc, 0) == OB3Achievement && (!any || worst != Error) {
			t.Errorf("the checks do not find what the schema finds: %v\n%.600s", want, text)
		}
	}
	for range 60 {
		out := g.value(schema, "", 0).(map[string]any)
		out["type"] = []any{"VerifiableCredential", "OpenBadgeCredential"}
		out["@context"] = []any{chancery.ContextV2, "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"}
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		compare(text)
		for range 10 {
			compare(mutate(g.rng, text))
		}
	}
	if t.Logf("%d cases, %d of them valid", cases, valid); valid < 100 || cases-valid < 200 {
		t.Error("expected many cases on both sides")
	}
}
