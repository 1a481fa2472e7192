package jsonld

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/gowebpki/jcs"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// lines are the quads of the given lines, in canonical form.
func lines(t testing.TB, s ...string) string {
	t.Helper()
	ds, err := rdfc.ParseNQuads([]byte(strings.Join(s, "\n")+"\n"), rdfc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return canonical(t, ds)
}

func TestQuads(t *testing.T) {
	const xs = "http://www.w3.org/2001/XMLSchema#"
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"graph container below a null context", `{"@context":"https://www.w3.org/ns/credentials/v2","type":"VerifiablePresentation",
			"verifiableCredential":[{"@context":"https://www.w3.org/ns/credentials/v2","id":"urn:c:1","type":"VerifiableCredential","name":"n"}]}`, []string{
			`_:p <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://www.w3.org/2018/credentials#VerifiablePresentation> .`,
			`_:p <https://www.w3.org/2018/credentials#verifiableCredential> _:g .`,
			`<urn:c:1> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://www.w3.org/2018/credentials#VerifiableCredential> _:g .`,
			`<urn:c:1> <https://schema.org/name> "n" _:g .`}},
		{"language tags in lower case", `{"@id":"urn:a:1","urn:p:p":{"@value":"x","@language":"EN-gb"}}`, []string{`<urn:a:1> <urn:p:p> "x"@en-gb .`}},
		{"directions, as i18n datatypes", `{"@context":{"@vocab":"urn:v:","@language":"EN","@direction":"ltr","n":{"@direction":null},"r":{"@direction":"rtl","@language":null},"m":{"@container":"@language"}},"@id":"urn:a:1",
			"p":[{"@value":"x","@direction":"rtl"},{"@value":"x","@language":"AR-eg","@direction":"rtl"},"d"],"n":"x","r":"x","m":{"he":"x","@none":"y"},"i":1}`, []string{
			`<urn:a:1> <urn:v:p> "x"^^<https://www.w3.org/ns/i18n#_rtl> .`, `<urn:a:1> <urn:v:p> "x"^^<https://www.w3.org/ns/i18n#ar-eg_rtl> .`, `<urn:a:1> <urn:v:p> "d"^^<https://www.w3.org/ns/i18n#en_ltr> .`, `<urn:a:1> <urn:v:n> "x"@en .`, `<urn:a:1> <urn:v:r> "x"^^<https://www.w3.org/ns/i18n#_rtl> .`,
			`<urn:a:1> <urn:v:m> "x"^^<https://www.w3.org/ns/i18n#he_ltr> .`, `<urn:a:1> <urn:v:m> "y"^^<https://www.w3.org/ns/i18n#_ltr> .`, `<urn:a:1> <urn:v:i> "1"^^<` + xs + `integer> .`}},
		{"a direction that the last context sets, or a term", `{"@context":["https://www.w3.org/ns/credentials/v2",{"@direction":"rtl"},{"t":{"@id":"urn:p:t","@direction":"ltr"},"@direction":"rtl"}],"@id":"urn:a:1","urn:p:p":"x","t":"y"}`, []string{
			`<urn:a:1> <urn:p:p> "x"^^<https://www.w3.org/ns/i18n#_rtl> .`, `<urn:a:1> <urn:p:t> "y"^^<https://www.w3.org/ns/i18n#_ltr> .`}},
		{"small fractions", `{"@context":{"d":{"@id":"urn:p:d","@type":"` + xs + `double"}},"@id":"urn:a:1","urn:p:p":[0.000001,1.5e-7],"d":1e-7}`, []string{
			`<urn:a:1> <urn:p:p> "1.0E-6"^^<` + xs + `double> .`, `<urn:a:1> <urn:p:p> "1.5E-7"^^<` + xs + `double> .`, `<urn:a:1> <urn:p:d> "1.0E-7"^^<` + xs + `double> .`}},
		{"a context within a context", `{"@context":[{"@context":{"p":"urn:v:p"}}],"@id":"urn:a:1","p":"x"}`, []string{`<urn:a:1> <urn:v:p> "x" .`}},
		{"integers", `{"@id":"urn:a:1","urn:p:p":[0,-0,5,-3,1e3,2.0,9007199254740991]}`, []string{
			`<urn:a:1> <urn:p:p> "0"^^<` + xs + `integer> .`, `<urn:a:1> <urn:p:p> "5"^^<` + xs + `integer> .`, `<urn:a:1> <urn:p:p> "-3"^^<` + xs + `integer> .`,
			`<urn:a:1> <urn:p:p> "1000"^^<` + xs + `integer> .`, `<urn:a:1> <urn:p:p> "2"^^<` + xs + `integer> .`, `<urn:a:1> <urn:p:p> "9007199254740991"^^<` + xs + `integer> .`}},
		{"doubles", `{"@id":"urn:a:1","urn:p:p":[1.5,-0.1,1.1e-7,12345678.9,5.5e-300,1e21,6.02214076e23]}`, []string{
			`<urn:a:1> <urn:p:p> "1.0E21"^^<` + xs + `double> .`, `<urn:a:1> <urn:p:p> "6.02214076E23"^^<` + xs + `double> .`,
			`<urn:a:1> <urn:p:p> "1.5E0"^^<` + xs + `double> .`, `<urn:a:1> <urn:p:p> "-1.0E-1"^^<` + xs + `double> .`, `<urn:a:1> <urn:p:p> "1.1E-7"^^<` + xs + `double> .`,
			`<urn:a:1> <urn:p:p> "1.23456789E7"^^<` + xs + `double> .`, `<urn:a:1> <urn:p:p> "5.5E-300"^^<` + xs + `double> .`}},
		{"typed numbers", `{"@context":{"d":{"@id":"urn:p:d","@type":"` + xs + `double"},"f":{"@id":"urn:p:f","@type":"` + xs + `float"}},"@id":"urn:a:1","d":[10,-0],"f":[10,0.5],"urn:p:b":true}`, []string{
			`<urn:a:1> <urn:p:d> "1.0E1"^^<` + xs + `double> .`, `<urn:a:1> <urn:p:d> "0.0E0"^^<` + xs + `double> .`, `<urn:a:1> <urn:p:f> "10"^^<` + xs + `float> .`,
			`<urn:a:1> <urn:p:f> "5.0E-1"^^<` + xs + `float> .`, `<urn:a:1> <urn:p:b> "true"^^<` + xs + `boolean> .`}},
		{"blank node labels", `{"@id":"_:x","urn:p:p":{"@id":"_:y","urn:p:q":{"@id":"_:x"}}}`, []string{`_:a <urn:p:p> _:b .`, `_:b <urn:p:q> _:a .`}},
		{"empty array", `{"@id":"urn:a:1","urn:p:p":[],"urn:p:q":1}`, []string{`<urn:a:1> <urn:p:q> "1"^^<` + xs + `integer> .`}},
		{"array of documents", `[{"@id":"urn:a:1","urn:p:p":"x"},{"@id":"urn:a:2","urn:p:p":"y"}]`, []string{`<urn:a:1> <urn:p:p> "x" .`, `<urn:a:2> <urn:p:p> "y" .`}},
		{"escaped names", `{"\u0040id":"urn:a:1","urn:p:\u0070":"x"}`, []string{`<urn:a:1> <urn:p:p> "x" .`}},
		{"base null", `{"@context":{"@base":null},"@id":"urn:a:1","urn:p:p":"x"}`, []string{`<urn:a:1> <urn:p:p> "x" .`}},
		{"a protected term without effect", `{"@context":["https://www.w3.org/ns/credentials/v2",{"issuer":"urn:x:issuer"}],"id":"urn:c:1","type":"VerifiableCredential","issuer":"urn:i:1"}`, []string{
			`<urn:c:1> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://www.w3.org/2018/credentials#VerifiableCredential> .`,
			`<urn:c:1> <https://www.w3.org/2018/credentials#issuer> <urn:i:1> .`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := quads(t, tt.text, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if want := lines(t, tt.want...); want != found {
				t.Errorf("expected\n%sfound\n%s", want, found)
			}
		})
	}
}

// TestJSONLiterals: T3, every kind of JSON value keeps its RFC 8785 form.
func TestJSONLiterals(t *testing.T) {
	values := []string{`null`, `true`, `false`, `"s"`, `""`, `"\u20ac\n"`, `0`, `-0`, `1`, `1.5`, `1e-7`, `1e20`, `[]`, `[1]`, `[2]`, `[null]`, `{}`,
		`{"b":1,"a":[{"z":null,"y":"<"}]}`, `{"@id":"x","@value":null}`}
	seen := map[string]string{}
	for _, v := range values {
		if v == `1e20` { // outside of I-JSON
			continue
		}
		want, err := jcs.Transform([]byte("[" + v + "]"))
		if err != nil {
			t.Fatal(err)
		}
		lexical := string(want[1 : len(want)-1])
		for _, text := range []string{
			`{"@context":{"j":{"@id":"urn:p:j","@type":"@json"}},"@id":"urn:a:1","j":` + v + `}`,
			`{"@id":"urn:a:1","urn:p:j":{"@type":"@json","@value":` + v + `}}`,
		} {
			d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			ds := rdfc.NewDataset(4)
			if _, err := ToQuads(d, 0, Options{}, ds); err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if o := ds.Term(ds.Quads()[0].O); len(ds.Quads()) != 1 || o.Value != lexical || o.Datatype != rdfJSON {
				t.Errorf("%s: expected %s, found %s", text, lexical, o.Value)
			}
		}
		if other, dup := seen[lexical]; dup && v != `-0` {
			t.Errorf("%s and %s come out alike", v, other)
		}
		seen[lexical] = v
	}
}

func TestProofToQuads(t *testing.T) {
	d, err := strictjson.Parse([]byte(readBadge(t)), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	proof := d.Get(0, "proof")
	ds := rdfc.NewDataset(8)
	if err := ProofToQuads(d, 0, proof, Options{Contexts: newest, DropRoot: []string{"proofValue"}}, ds); err != nil {
		t.Fatal(err)
	}
	found := canonical(t, ds)
	// The same as a document of its own.
	alone := string(d.Rewrite(proof, []strictjson.Member{{Name: "@context", Value: d.Raw(d.Get(0, "@context"))}}, "proofValue"))
	want, err := quads(t, alone, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want != found {
		t.Errorf("expected\n%sfound\n%s", want, found)
	}
	agree(t, alone, found)

	for _, n := range []strictjson.Node{strictjson.None, d.Get(0, "type"), d.Get(0, "id")} {
		var e *Error
		if err := ProofToQuads(d, 0, n, Options{Contexts: newest}, rdfc.NewDataset(8)); !errors.As(err, &e) || e.Code != InvalidDocument {
			t.Errorf("expected a refusal of what is no object, found %v", err)
		}
		if err := ProofToQuads(d, n, proof, Options{Contexts: newest}, rdfc.NewDataset(8)); err == nil {
			t.Error("expected a refusal of a proof without context")
		}
	}
	array, err := strictjson.Parse([]byte(`[{"@id":"urn:a:1","urn:p:p":1}]`), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ToQuads(array, 0, Options{DropRoot: []string{"proof"}}, rdfc.NewDataset(8)); err == nil {
		t.Error("expected a refusal to drop members of an array")
	}

	// With the context of the document repeated, and with another one.
	for _, tt := range []struct {
		context string
		drop    []string
		fails   bool
	}{
		{`["https://www.w3.org/ns/credentials/v2"]`, []string{"proofValue"}, false},
		{`"https://www.w3.org/ns/credentials/v2"`, []string{"proofValue"}, true},
		{`{"@vocab":"https://evil.example/#"}`, []string{"proofValue"}, true},
		{`{"@vocab":"https://evil.example/#"}`, []string{"proofValue", "@context"}, false},
	} {
		text := `{"@context":["https://www.w3.org/ns/credentials/v2"],"proof":{"@context":` + tt.context + `,"type":"DataIntegrityProof","cryptosuite":"x","proofValue":"z"}}`
		d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		ds := rdfc.NewDataset(8)
		err = ProofToQuads(d, 0, d.Get(0, "proof"), Options{Contexts: newest, DropRoot: tt.drop}, ds)
		if (err != nil) != tt.fails {
			t.Errorf("%s without %v: found error %v", tt.context, tt.drop, err)
		}
		if err == nil && len(ds.Quads()) != 2 {
			t.Errorf("expected 2 quads, found %d", len(ds.Quads()))
		}
	}
}

func TestResultAndContext(t *testing.T) {
	text := `{"@context":["https://www.w3.org/ns/credentials/v2",{"issuer":"urn:x:other","extra":"urn:x:extra"}],"type":["VerifiableCredential"],"issuer":"did:example:i","extra":1}`
	d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ds := rdfc.NewDataset(8)
	res, err := ToQuads(d, 0, Options{Contexts: newest}, ds)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Contexts) != 1 || res.Contexts[0] != newest("https://www.w3.org/ns/credentials/v2") || !res.Inline {
		t.Errorf("found %v, inline %v", res.Contexts, res.Inline)
	}
	again, err := RootContext(d, 0, Options{Contexts: newest})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Context{res.Root, again} {
		for name, want := range map[string]string{
			"issuer": "https://www.w3.org/2018/credentials#issuer", "VerifiableCredential": "https://www.w3.org/2018/credentials#VerifiableCredential",
			"type": "@type", "extra": "urn:x:extra", "nothing": "", "proof": "https://w3id.org/security#proof", "urn:x:y": "urn:x:y", "@id": "@id",
		} {
			if got := c.IRI(name); got != want {
				t.Errorf("%s: expected %q, found %q", name, want, got)
			}
		}
	}
	if p, _ := res.Root.Term("proof"); !p.Graph || p.Type != "@id" {
		t.Errorf("found %+v", p)
	}
	proof, err := res.Root.Under("proof", "DataIntegrityProof")
	if err != nil || proof.IRI("cryptosuite") != "https://w3id.org/security#cryptosuite" || proof.IRI("issuer") != "urn:x:other" {
		t.Errorf("found %q, %q, %v", proof.IRI("cryptosuite"), proof.IRI("issuer"), err)
	}
	if _, ok := (Context{}).Term("id"); ok {
		t.Error("the zero Context defines a term")
	}
	badge, err := strictjson.Parse([]byte(readBadge(t)), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	root, err := RootContext(badge, 0, Options{Contexts: newest})
	if err != nil {
		t.Fatal(err)
	}
	result, err := root.Under("credentialSubject", "AchievementSubject")
	if err != nil || result.IRI("achievement") != "https://purl.imsglobal.org/spec/vc/ob/vocab.html#achievement" {
		t.Errorf("found %q, %v", result.IRI("achievement"), err)
	}
}

// TestMutateEveryLeaf: a change of any scalar or name in a signed document changes the
// canonical form, or is refused.
func TestMutateEveryLeaf(t *testing.T) {
	text := readBadge(t)
	opt := Options{DropRoot: []string{"proof"}}
	original, err := quads(t, text, opt)
	if err != nil {
		t.Fatal(err)
	}
	d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	changed, refused := 0, 0
	try := func(n strictjson.Node, what, mutated string) {
		found, err := quads(t, mutated, opt)
		switch {
		case err != nil:
			refused++
		case found == original:
			t.Errorf("%s at %s goes unnoticed", what, d.Pointer(n))
		default:
			changed++
		}
	}
	proof := d.Get(0, "proof")
	for n := strictjson.Node(1); int(n) < d.Size() && n < proof; n++ {
		start := d.Offset(n)
		end := start + len(d.Raw(n))
		replace := func(what, by string) { try(n, what, text[:start]+by+text[end:]) }
		switch d.Kind(n) {
		case strictjson.String:
			replace("another string", strictjson.Quote(d.String(n)+"x"))
			replace("a number", "17")
			replace("null", "null")
		case strictjson.Number: // 36 and "36" are one literal where the term has a datatype
			replace("another number", d.Raw(n)+"1")
			replace("a boolean", "true")
		case strictjson.Bool:
			replace("the opposite", "false")
			replace("a number", "1")
		}
		if name := d.Name(n); name != "" && name != "@context" {
			at := strings.LastIndex(text[:start], `"`+name+`"`)
			try(n, "another name", text[:at+1]+"x"+text[at+1:])
		}
	}
	t.Logf("%d changed, %d refused", changed, refused)
}

// TestSameMeaning: order, aliases and blank node labels do not matter.
func TestSameMeaning(t *testing.T) {
	text := readBadge(t)
	want, err := quads(t, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	for seed := range 40 {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		var b strings.Builder
		shuffle(&b, r, tree, "")
		found, err := quads(t, b.String(), Options{})
		if err != nil {
			t.Fatalf("%v in %s", err, b.String())
		}
		if found != want {
			t.Fatalf("another meaning of\n%s\n%s", b.String(), diff(want, found))
		}
	}
}

// shuffle writes a document with members and sets in another order, keyword aliases
// and single values exchanged, and some nodes labelled.
func shuffle(b *strings.Builder, r *rand.Rand, x any, name string) {
	switch x := x.(type) {
	case map[string]any:
		names := make([]string, 0, len(x))
		for k := range x {
			names = append(names, k)
		}
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		b.WriteByte('{')
		if x["id"] == nil && x["@context"] == nil && r.IntN(2) == 0 {
			fmt.Fprintf(b, `"@id":"_:n%d",`, b.Len())
		}
		for i, k := range names {
			if i > 0 {
				b.WriteByte(',')
			}
			alias := k
			if (k == "id" || k == "type") && r.IntN(2) == 0 {
				alias = "@" + k
			}
			b.WriteString(strictjson.Quote(alias) + ":")
			if _, single := x[k].(string); single && r.IntN(3) == 0 && k != "id" {
				b.WriteByte('[')
				shuffle(b, r, x[k], k)
				b.WriteByte(']')
			} else {
				shuffle(b, r, x[k], k)
			}
		}
		b.WriteByte('}')
	case []any:
		if name != "allowedValue" && name != "@context" {
			x = append([]any(nil), x...)
			r.Shuffle(len(x), func(i, j int) { x[i], x[j] = x[j], x[i] })
		}
		b.WriteByte('[')
		for i, e := range x {
			if i > 0 {
				b.WriteByte(',')
			}
			shuffle(b, r, e, "")
		}
		b.WriteByte(']')
	default:
		text, err := json.Marshal(x)
		if err != nil {
			panic(err)
		}
		b.Write(text)
	}
}

// TestConcurrent: contexts are compiled once for all, whoever comes first.
func TestConcurrent(t *testing.T) {
	text := readBadge(t)
	want, err := quads(t, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	forest.mu.Lock()
	forest.root.Store(&active{shared: true})
	forest.mu.Unlock()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if found, err := quads(t, text, Options{}); err != nil || found != want {
					t.Errorf("found another answer, error %v", err)
				}
			}
		})
	}
	wg.Wait()
}

// TestCacheIsBounded: documents that combine contexts in ever new ways do not grow the
// cache without end, and the answers stay the same.
func TestCacheIsBounded(t *testing.T) {
	text := readBadge(t)
	want, err := quads(t, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]*ldcontext.Version{}
	for i := range 8 {
		url := fmt.Sprintf("urn:v:%d", i)
		d, err := strictjson.Parse([]byte(fmt.Sprintf(`{"@context":{"t%d":"urn:t:%d"}}`, i, i)), strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		versions[url] = &ldcontext.Version{URL: url, Doc: d}
	}
	resolve := func(url string) *ldcontext.Version { return versions[url] }
	most := 0
	for seed := range 1_500 {
		order := rand.New(rand.NewPCG(uint64(seed), 5)).Perm(8)
		urls := make([]string, len(order))
		for i, v := range order {
			urls[i] = fmt.Sprintf(`"urn:v:%d"`, v)
		}
		if _, err := quads(t, `{"@context":[`+strings.Join(urls, ",")+`],"@id":"urn:a:1","t1":1}`, Options{Contexts: resolve}); err != nil {
			t.Fatal(err)
		}
		forest.mu.Lock()
		most = max(most, forest.count)
		forest.mu.Unlock()
	}
	if most > maxShared || most < maxShared-8 { // a document adds up to 8 between two looks
		t.Errorf("expected the cache to fill up to %d contexts, found %d", maxShared, most)
	}
	forest.mu.Lock()
	count := forest.count
	forest.mu.Unlock()
	if count > maxShared {
		t.Errorf("expected at most %d cached contexts, found %d", maxShared, count)
	}
	if found, err := quads(t, text, Options{}); err != nil || found != want {
		t.Errorf("found another answer, error %v", err)
	}
}

// FuzzToQuads feeds arbitrary JSON: errors must be typed, and what is accepted must
// have a canonical form.
func FuzzToQuads(f *testing.F) {
	f.Add(readBadge(f))
	f.Add(credential(`,"proof":{"type":"DataIntegrityProof","cryptosuite":"x"}`))
	f.Add(`{"@context":{"@version":1.1,"p":{"@id":"urn:p:p","@container":["@graph","@id"],"@context":{"@propagate":false,"q":{"@reverse":"p"}}},"@vocab":"urn:v:"},"@graph":[{"p":{"urn:a:1":{"q":{"@nest":{"x":{"@list":[[1]]}}}}}}]}`)
	f.Add(`{"@context":[null,{"i":"@id","@protected":true}],"i":"_:a","@included":[{"i":"_:b","@type":"urn:t:t"}],"@reverse":{"urn:p:p":{"i":"_:c"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
		if err != nil {
			return
		}
		ds := rdfc.NewDataset(8)
		if _, err := ToQuads(d, 0, Options{Contexts: newest}, ds); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("expected an *Error, found %v", err)
			}
			if e.Context == "" && d.Lookup(e.Pointer) == strictjson.None {
				t.Fatalf("pointer %q leads nowhere", e.Pointer)
			}
			return
		}
		if _, err := rdfc.Canonicalize(ds, rdfc.Options{}); err != nil && !errors.Is(err, rdfc.ErrBudget) && !errors.Is(err, rdfc.ErrTooLarge) {
			t.Fatalf("what is accepted has no canonical form: %v", err)
		}
		if err := ProofToQuads(d, 0, d.Get(0, "proof"), Options{Contexts: newest}, rdfc.NewDataset(8)); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("expected an *Error, found %v", err)
			}
		}
	})
}
