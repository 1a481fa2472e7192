package jsonld

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cputime"
	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// credential is a VC 2.0 with members added at its end.
func credential(members string) string {
	return `{"@context":["https://www.w3.org/ns/credentials/v2"],"id":"urn:c:1","type":["VerifiableCredential"],` +
		`"issuer":"did:example:i","credentialSubject":{"id":"did:example:s"}` + members + `}`
}

// under puts members under an inline context.
func under(context, members string) string { return `{"@context":` + context + `,` + members + `}` }

const vocab = `{"@vocab":"https://v.example/#"}`

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		code       Code
		pointer    string
	}{
		// T1, T2: what others leave out.
		{"undefined term", credential(`,"favourite":"x"`), UndefinedTerm, "/favourite"},
		{"undefined term, nested", credential(`,"evidence":[{"type":"https://t.example/E","weight":3}]`), UndefinedTerm, "/evidence/0/weight"},
		{"undefined type", `{"@context":"https://www.w3.org/ns/credentials/v2","id":"urn:c:1","type":["VerifiableCredential","Diploma"]}`, UndefinedType, "/type/1"},
		{"type is a keyword", under(vocab, `"@type":"@id","p":1`), UndefinedType, "/@type"},
		{"relative issuer", `{"@context":"https://www.w3.org/ns/credentials/v2","type":"VerifiableCredential","issuer":"university"}`, RelativeIRI, "/issuer"},
		{"relative subject id", credential(`,"evidence":{"id":"subject/1"}`), RelativeIRI, "/evidence/id"},
		{"empty id", under(vocab, `"@id":"","p":1`), RelativeIRI, "/@id"},
		{"fragment id", under(vocab, `"@id":"#a","p":1`), RelativeIRI, "/@id"},
		{"relative id in a list", under(vocab, `"p":{"@list":[{"@id":"x"}]}`), RelativeIRI, "/p/@list/0/@id"},
		{"relative value of @vocab type", under(`{"p":{"@id":"urn:p:p","@type":"@vocab"}}`, `"p":"nothing"`), RelativeIRI, "/p"},
		{"base in the document", under(`{"@base":"https://b.example/","@vocab":"https://v.example/#"}`, `"@id":"a","p":1`), UnsupportedThing, "/@context/@base"},
		{"language tag", under(vocab, `"p":{"@value":"x","@language":"not a tag"}`), InvalidLanguage, "/p/@language"},
		{"language tag, too long", under(vocab, `"p":{"@value":"x","@language":"abcdefghi"}`), InvalidLanguage, "/p/@language"},
		{"language map key", under(`{"p":{"@id":"urn:p:p","@container":"@language"}}`, `"p":{"e n":"x"}`), InvalidLanguage, "/p/e n"},
		{"default language", under(`{"@language":"e_n","@vocab":"https://v.example/#"}`, `"p":"x"`), InvalidLanguage, "/@context/@language"},
		{"blank node predicate", `{"@id":"urn:a:1","_:p":"x"}`, BlankPredicate, "/_:p"},
		{"blank node predicate by term", under(`{"p":"_:p"}`, `"p":"x"`), BlankPredicate, "/p"},
		{"blank node predicate by vocabulary", under(`{"@vocab":"_:v"}`, `"p":"x"`), BlankPredicate, "/p"},
		{"space in id", under(vocab, `"@id":"https://a.example/x y","p":1`), InvalidIRI, "/@id"},
		{"angle bracket in id", under(vocab, `"@id":"https://a.example/>","p":1`), InvalidIRI, "/@id"},
		{"backslash in type", under(vocab, `"@type":"https:\\\\a","p":1`), InvalidIRI, "/@type"},
		{"control in id", under(vocab, `"@id":"urn:a:\u0001","p":1`), InvalidIRI, "/@id"},
		{"no-break space in id", under(vocab, `"@id":"urn:a:\u00a0","p":1`), InvalidIRI, "/@id"},
		{"space through vocabulary", under(vocab, `"two words":1`), InvalidIRI, "/two words"},
		{"backtick in datatype", under(vocab, "\"p\":{\"@value\":\"x\",\"@type\":\"urn:a:`\"}"), InvalidIRI, "/p/@type"},
		{"pipe in datatype of a term", under(`{"p":{"@id":"urn:p:p","@type":"urn:a:|"}}`, `"p":"x"`), InvalidIRI, "/@context/p/@type"},
		{"quote in term", under("{\"p\":\"urn:a:\\\"\"}", `"p":"x"`), InvalidIRI, "/@context/p"},
		{"blank node without label", under(vocab, `"@id":"_:","p":1`), InvalidIRI, "/@id"},
		{"keyword form as member", under(vocab, `"@foo":1`), KeywordLike, "/@foo"},
		{"keyword form as id", under(vocab, `"@id":"@foo","p":1`), KeywordLike, "/@id"},
		{"keyword form as type", under(vocab, `"@type":"@Foo","p":1`), KeywordLike, "/@type"},
		{"keyword form in a context", under(`{"@foo":"urn:a:b","p":"urn:p:p"}`, `"p":1`), KeywordLike, "/@context/@foo"},
		{"keyword form as @id of a term", under(`{"p":{"@id":"@foo"}}`, `"p":1`), KeywordLike, "/@context/p/@id"},
		{"null property", credential(`,"name":null`), NullValue, "/name"},
		{"null in an array", credential(`,"evidence":[null]`), NullValue, "/evidence/0"},
		{"null in a list", under(vocab, `"p":{"@list":["a",null]}`), NullValue, "/p/@list/1"},
		{"null @value", under(vocab, `"p":{"@value":null}`), NullValue, "/p/@value"},
		{"null in a language map", under(`{"p":{"@id":"urn:p:p","@container":"@language"}}`, `"p":{"en":null}`), NullValue, "/p/en"},
		{"term that is null", under(`{"@vocab":"https://v.example/#","p":null}`, `"p":1`), UndefinedTerm, "/p"},
		{"free value", `["x"]`, DroppedValue, "/0"},
		{"free value in @graph", `{"@graph":["x"]}`, DroppedValue, "/@graph/0"},
		{"free value object", `{"@value":"x"}`, DroppedValue, "/@value"},
		{"free list", `{"@list":["x"]}`, DroppedValue, ""},
		{"free set", `{"@set":["x"]}`, DroppedValue, "/@set/0"},
		{"free id", `[{"@id":"urn:a:1"}]`, DroppedValue, "/0"},
		{"free empty object", `{}`, DroppedValue, ""},
		{"only a context", `{"@context":"https://www.w3.org/ns/credentials/v2"}`, DroppedValue, ""},
		{"only a language", under(vocab, `"p":{"@language":"en"}`), DroppedValue, "/p"},
		{"string as a graph", credential(`,"proof":"urn:p:1"`), DroppedValue, "/proof"},
		{"id as a graph", credential(`,"proof":{"id":"urn:p:1"}`), DroppedValue, "/proof"},
		{"index on a node", under(vocab, `"p":{"@id":"urn:a:1","@index":"i"}`), UnsupportedThing, "/p/@index"},
		{"index map", under(`{"p":{"@id":"urn:p:p","@container":"@index"}}`, `"p":{"a":1}`), UnsupportedThing, "/p"},
		{"context within a context, with another member", `{"@context":[{"@context":{"p":"urn:v:p"},"q":"urn:v:q"}],"@id":"urn:a:1","p":"x"}`, InvalidContext, "/@context/0/@context"},
		{"context within a context within one", `{"@context":[{"@context":{"@context":{"p":"urn:v:p"}}}],"@id":"urn:a:1","p":"x"}`, InvalidContext, "/@context/0/@context/@context"},
		{"context within the only context", `{"@context":{"@context":{"p":"urn:v:p"}},"@id":"urn:a:1","p":"x"}`, InvalidContext, "/@context/@context"},
		{"context within a context of a member", `{"@id":"urn:a:1","urn:v:q":{"@context":[{"@context":{"p":"urn:v:p"}}],"p":"x"}}`, InvalidContext, "/urn:v:q/@context/0/@context"},
		{"URL within a context", `{"@context":[{"@context":"https://www.w3.org/ns/credentials/v2"}],"@id":"urn:a:1","p":"x"}`, InvalidContext, "/@context/0/@context"},
		{"direction of no such name", under(vocab, `"p":{"@value":"x","@direction":"up"}`), InvalidDocument, "/p/@direction"},
		{"direction that is null", under(vocab, `"p":{"@value":"x","@direction":null}`), InvalidDocument, "/p/@direction"},
		{"direction of a number", under(vocab, `"p":{"@value":1,"@direction":"rtl"}`), InvalidDocument, "/p/@value"},
		{"direction and type", under(vocab, `"p":{"@value":"x","@direction":"rtl","@type":"urn:t:t"}`), InvalidDocument, "/p"},
		{"direction that is a list", under(vocab, `"p":{"@value":"x","@direction":["rtl"]}`), InvalidDocument, "/p/@direction"},
		{"only a direction", under(vocab, `"p":{"@direction":"rtl"}`), DroppedValue, "/p"},
		{"direction below a further context", under(`[{"@vocab":"urn:v:","@direction":"rtl"},{"q":"urn:q:q"}]`, `"p":"x"`), UnsupportedThing, "/p"},
		{"direction below a type-scoped context", under(`{"@vocab":"urn:v:","@direction":"rtl","T":{"@context":{"q":"urn:q:q"}}}`, `"@type":"T","p":"x"`), UnsupportedThing, "/p"},
		{"direction below the node of a type-scoped context", under(`{"@vocab":"urn:v:","@direction":"rtl","T":{"@context":{"q":"urn:q:q"}}}`, `"@type":"T","p":{"q":"x"}`), UnsupportedThing, "/p/q"},
		{"direction below a property-scoped context", under(`{"@vocab":"urn:v:","@direction":"rtl","p":{"@context":{"q":"urn:q:q"}}}`, `"p":"x"`), UnsupportedThing, "/p"},
		{"direction of a language map below a further context", under(`[{"@direction":"rtl"},{"p":{"@id":"urn:p:p","@container":"@language"}}]`, `"p":{"en":"x"}`), UnsupportedThing, "/p"},
		{"set within a list", under(vocab, `"p":{"@list":["a",{"@set":["b"]}]}`), UnsupportedThing, "/p/@list/1"},
		{"set within a value that is a list", under(`{"p":{"@id":"urn:p:p","@container":"@list"}}`, `"p":["a",{"@set":"b"}]`), UnsupportedThing, "/p/1"},
		{"double that would be rounded", under(vocab, `"p":0.30000000000000004`), InexactNumber, "/p"},
		{"fraction without a point in JavaScript", under(vocab, `"p":0.0000001`), UnsupportedThing, "/p"},
		{"smallest fraction", under(vocab, `"p":-5e-324`), UnsupportedThing, "/p"},
		{"fraction without a point, of another type", under(vocab, `"p":{"@value":2e-9,"@type":"urn:t:t"}`), UnsupportedThing, "/p/@value"},
		{"string as xsd:double", under(vocab, `"p":{"@value":"5","@type":"http://www.w3.org/2001/XMLSchema#double"}`), UnsupportedThing, "/p/@value"},
		{"@base as member", under(vocab, `"@base":"x"`), InvalidDocument, "/@base"},
		{"two aliases of @id", `{"@context":{"i":"@id","p":"urn:p:p"},"i":"urn:a:1","@id":"urn:a:2","p":1}`, InvalidDocument, "/@id"},
		{"number as id", under(vocab, `"@id":5`), InvalidDocument, "/@id"},
		{"null as id", under(vocab, `"@id":null,"p":1`), InvalidDocument, "/@id"},
		{"number as type", under(vocab, `"@type":[5]`), InvalidDocument, "/@type/0"},
		{"object as @value", under(vocab, `"p":{"@value":{}}`), InvalidDocument, "/p/@value"},
		{"language on a number", under(vocab, `"p":{"@value":1,"@language":"en"}`), InvalidDocument, "/p/@value"},
		{"@value and properties", under(vocab, `"p":{"@value":1,"q":2}`), InvalidDocument, "/p/q"},
		{"@list and properties", under(vocab, `"p":{"@list":[1],"q":2}`), InvalidDocument, "/p"},
		{"scalar document", `"x"`, InvalidDocument, ""},
		{"reverse value", under(`{"p":{"@reverse":"urn:p:p"}}`, `"p":"x"`), InvalidDocument, "/p"},

		// T4: panics of json-gold.
		{"@protected is a string", under(`{"@protected":"yes","p":"urn:p:p"}`, `"p":1`), InvalidContext, "/@context/@protected"},
		{"@protected of a term is a number", under(`{"p":{"@id":"urn:p:p","@protected":1}}`, `"p":1`), InvalidContext, "/@context/p/@protected"},
		{"@container is a number", under(`{"p":{"@id":"urn:p:p","@container":1}}`, `"p":1`), InvalidContext, "/@context/p/@container"},
		{"@container of numbers", under(`{"p":{"@id":"urn:p:p","@container":[1]}}`, `"p":1`), InvalidContext, "/@context/p/@container"},
		{"@container is empty", under(`{"p":{"@id":"urn:p:p","@container":[]}}`, `"p":1`), InvalidContext, "/@context/p/@container"},
		{"language-tagged type without language", under(`{"p":{"@id":"urn:p:p","@type":"http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"}}`, `"p":"x"`), InvalidDocument, "/p"},
		{"context in an array in an array", `{"@context":[[{"p":"urn:p:p"}]],"p":1}`, InvalidContext, "/@context/0"},
		{"context is a number", under(`5`, `"p":1`), InvalidContext, "/@context"},
		{"@nest is a number", under(`{"p":{"@id":"urn:p:p","@nest":5}}`, `"p":1`), InvalidContext, "/@context/p/@nest"},

		// T7: the closed table.
		{"unknown context", under(`"https://unknown.example/v1"`, `"p":1`), UnknownContext, "/@context"},
		{"unknown imported context", under(`{"@version":1.1,"@import":"https://unknown.example/v1"}`, `"p":1`), UnknownContext, "/@context/@import"},
		{"unknown scoped context", under(`{"p":{"@id":"urn:p:p","@context":"https://unknown.example/v1"}}`, `"p":1`), UnknownContext, "/@context/p/@context"},
		{"relative context", under(`"v1.jsonld"`, `"p":1`), RelativeIRI, "/@context"},

		// Protection.
		{"redefined keyword alias", `{"@context":["https://www.w3.org/ns/credentials/v2",{"id":"urn:x:id"}],"id":"urn:a:1"}`, ProtectedTerm, "/@context/1/id"},
		{"redefined type", `{"@context":["https://www.w3.org/ns/credentials/v2",{"VerifiableCredential":"urn:x:vc"}],"id":"urn:a:1"}`, ProtectedTerm, "/@context/1/VerifiableCredential"},
		{"nullified context", `{"@context":["https://www.w3.org/ns/credentials/v2",null],"@id":"urn:a:1","urn:p:p":1}`, ProtectedTerm, "/@context/1"},
		{"protected term as reverse property", `{"@context":["https://www.w3.org/ns/credentials/v2",{"name":{"@reverse":"urn:p:p"}}],"id":"urn:a:1"}`, ProtectedTerm, "/@context/1/name"},
		{"protected term redefined within", credential(`,"evidence":{"@context":{"description":"urn:p:p"},"description":"x"}`), ProtectedTerm, "/evidence/@context/description"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := quads(t, tt.text, Options{})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("expected an *Error, found %v", err)
			}
			if e.Code != tt.code || e.Pointer != tt.pointer {
				t.Errorf("expected %s at %q, found %s at %q (%v)", tt.code, tt.pointer, e.Code, e.Pointer, e)
			}
			if errors.Is(err, ErrUnsupported) != (tt.code == UnsupportedThing) {
				t.Error("errors.Is(ErrUnsupported) disagrees with the code")
			}
			if !strings.HasPrefix(err.Error(), "jsonld: ") {
				t.Errorf("found message %q", err)
			}
		})
	}
}

// TestUnknownContextIsNamed: T7, the error names the URL, and nothing is dialled
// because there is nothing to dial with.
func TestUnknownContextIsNamed(t *testing.T) {
	_, err := quads(t, under(`["https://unknown.example/v1"]`, `"p":1`), Options{})
	if err == nil || !strings.Contains(err.Error(), "https://unknown.example/v1") {
		t.Errorf("expected the URL in the error, found %v", err)
	}
	if _, err := quads(t, credential(""), Options{Contexts: func(string) *ldcontext.Version { return nil }}); err == nil {
		t.Error("expected a refusal without contexts")
	}
}

// TestErrorsWithinContexts: a fault in a context by URL names it.
func TestErrorsWithinContexts(t *testing.T) {
	doc, err := strictjson.Parse([]byte(`{"@context":{"p":{"@id":5}}}`), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	v := &ldcontext.Version{URL: "https://bad.example/v1", Doc: doc}
	_, err = quads(t, under(`"https://bad.example/v1"`, `"p":1`), Options{Contexts: func(string) *ldcontext.Version { return v }})
	var e *Error
	if !errors.As(err, &e) || e.Context != v.URL || e.Pointer != "/@context/p/@id" {
		t.Errorf("found %#v", err)
	}
}

// hostile documents must be refused, or read, quickly.
func TestHostile(t *testing.T) {
	deepContext := strings.Repeat(`{"p":{"@id":"urn:p:p","@context":`, 20) + `{}` + strings.Repeat(`}}`, 20)
	many := func(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	v2 := `"https://www.w3.org/ns/credentials/v2"`
	loop := func(url string) *ldcontext.Version { return loops[url] }
	for _, tt := range []struct {
		name, text string
		resolve    Resolver
		fails      bool
	}{
		{"deep contexts", under(deepContext, `"p":1`), nil, false},
		{"many terms", under(`{`+many(1, strings.Join(numbered(30_000, `"t%":"urn:t:%"`), ","))+`}`, `"urn:p:p":1`), nil, true},
		{"many contexts in one array", under(`[`+many(100_000, `{"a":null}`)+`]`, `"urn:p:p":1`), nil, true},
		{"many contexts by URL", under(`[`+many(100_000, v2)+`]`, `"urn:p:p":1`), nil, true},
		{"a context at each node", `[` + many(50_000, `{"@context":`+v2+`,"urn:p:p":1}`) + `]`, nil, true},
		{"an inline context at each node", `[` + many(50_000, `{"@context":{"p":"urn:p:p"},"p":1}`) + `]`, nil, true},
		{"many statements", under(vocab, `"p":[`+many(200_000, `1`)+`]`), nil, true},
		{"many different statements", under(vocab, `"p":[`+strings.Join(numbered(200_000, "%"), ",")+`]`), nil, true},
		{"cyclic terms", under(`{"a":{"@id":"b"},"b":{"@id":"c"},"c":{"@id":"a"}}`, `"a":1`), nil, true},
		{"chain of terms", under(`{`+strings.Join(numbered(3_000, `"t%":{"@id":"t%0"}`), ",")+`}`, `"t1":1`), nil, true},
		{"contexts that name each other", under(`"urn:loop:a"`, `"p":1`), loop, true},
		{"scoped contexts that name each other", under(`"urn:loop:scoped"`, `"urn:p:p":1`), loop, false},
		{"many members", `{` + strings.Join(numbered(300_000, `"m%":1`), ",") + `}`, nil, true},
		{"long unknown name", under(vocab[:1]+`"@vocab":null}`, `"`+strings.Repeat("x", 60_000)+`":1`), nil, true},
		{"large literal", under(vocab, `"p":"`+strings.Repeat("x", 9<<20)+`"`), nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := strictjson.Parse([]byte(tt.text), strictjson.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			resolve := tt.resolve
			if resolve == nil {
				resolve = newest
			}
			ds := rdfc.NewDataset(8)
			start := cputime.Now()
			_, err = ToQuads(d, 0, Options{Contexts: resolve}, ds)
			took := cputime.Since(start)
			if (err != nil) != tt.fails {
				t.Errorf("found error %v", err)
			}
			t.Logf("%v, %d bytes: %v", took, len(tt.text), err)
			if took > 500*time.Millisecond {
				t.Errorf("took %v", took)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

var loops = func() map[string]*ldcontext.Version {
	m := map[string]*ldcontext.Version{}
	for url, text := range map[string]string{
		"urn:loop:a":      `{"@context":["urn:loop:b"]}`,
		"urn:loop:b":      `{"@context":"urn:loop:a"}`,
		"urn:loop:scoped": `{"@context":{"p":{"@id":"urn:p:p","@context":"urn:loop:scoped"},"q":{"@id":"urn:p:q","@context":"urn:loop:scoped"}}}`,
	} {
		d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
		if err != nil {
			panic(err)
		}
		m[url] = &ldcontext.Version{URL: url, Doc: d}
	}
	return m
}()

// numbered repeats a pattern with % replaced by a number.
func numbered(n int, pattern string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strings.ReplaceAll(pattern, "%", itoa(i+1))
	}
	return out
}
