package vcalm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/signer"
)

const examplesV2 = `["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/examples/v2"]`

// alumni is a credential of an instance, of a type and a context that queries name.
func (w *world) alumni(instance, subject string) string {
	w.t.Helper()
	draft := `{"@context":` + examplesV2 + `,"type":["VerifiableCredential","AlumniCredential"],"issuer":{"id":"` + w.dids[instance] + `","name":"North"},"credentialSubject":` + subject + `}`
	return w.want(201, "POST", "/vc/"+instance+"/credentials/issue", `{"credential":`+draft+`}`).raw(w.t, "verifiableCredential")
}

// asked presents credentials in a new exchange with queries, and returns the answer and
// what the coordinator then sees.
func (w *world) asked(key, queries string, present func(challenge string) string) (answer, answer) {
	w.t.Helper()
	path := w.asks(key, `"verifiablePresentationRequest":{"query":`+queries+`}`)
	challenge := w.want(200, "GET", path+"/request", "").str("verifiablePresentationRequest", "challenge")
	a := w.do("POST", path, vp(present(challenge)))
	return a, shape(w.t, "exchange", w.want(200, "GET", path, "", "key", key))
}

// like is a query by example with one of its members.
func like(member string) string {
	return `{"type":"QueryByExample","credentialQuery":{` + member + `}}`
}

// TestQueries: an exchange is complete only when what is presented is what was asked for;
// otherwise a problem says which query is not met, and not what was presented.
func TestQueries(t *testing.T) {
	w := newWorld(t)
	key, holder := w.key(w.north), newWallet(t, 1)
	north := w.alumni("eddsa", `{"id":"`+holder.did+`","name":"Aina","degree":{"type":"BachelorDegree","name":["Arts","Sciences"]},"age":21,"honours":true}`)
	two := w.alumni("p256", `[{"id":"did:example:a","spouse":"did:example:b"},{"id":"did:example:c","age":44}]`)
	jwt := w.alumni("jwt", `{"id":"`+holder.did+`","name":"Token"}`)
	sd := w.alumni("p256-sd", `{"id":"`+holder.did+`","name":"Hidden","age":30}`)
	derive := func(pointer string) string {
		return w.want(201, "POST", "/vc/p256-sd/credentials/derive", `{"verifiableCredential":`+sd+`,"options":{"selectivePointers":["`+pointer+`"]}}`).raw(t, "verifiableCredential")
	}
	named, aged := derive("/credentialSubject/name"), derive("/credentialSubject/age")
	example := func(members string) string { return like(`"example":{` + members + `}`) }
	subject := func(members string) string { return example(`"credentialSubject":{` + members + `}`) }
	for _, c := range []struct {
		query       string
		credentials []string
		unmet       string // of the example, "" where it is met
	}{
		{like(``), []string{north}, ""}, {like(`"reason":"Why"`), []string{jwt}, ""}, {like(``), nil, "expected a credential"},
		{example(`"@context":` + examplesV2 + `,"type":"AlumniCredential"`), []string{north}, ""},
		{example(`"type":["AlumniCredential","VerifiableCredential"]`), []string{north}, ""},
		{example(`"type":["AlumniCredential"]`), []string{jwt}, ""},
		{example(`"type":"StudentCredential"`), []string{north, jwt}, "with type"},
		{example(`"type":"alumnicredential"`), []string{north}, "with type"},
		{example(`"type":["AlumniCredential","StudentCredential"]`), []string{north}, "with type"},
		{example(`"@context":["https://www.w3.org/2018/credentials/v1"]`), []string{north}, "with @context"},
		{example(`"@context":"https://www.w3.org/ns/credentials/v2"`), []string{north}, ""},
		{example(`"issuer":"` + w.dids["eddsa"] + `"`), []string{north}, ""},
		{example(`"issuer":{"id":"` + w.dids["eddsa"] + `"}`), []string{north}, ""},
		{example(`"issuer":{"id":"` + w.dids["eddsa"] + `","name":"North"}`), []string{north}, ""},
		{example(`"issuer":{"id":"` + w.dids["eddsa"] + `","name":"South"}`), []string{north}, "with issuer.name"},
		{example(`"issuer":"` + w.dids["p256"] + `"`), []string{north}, "with issuer"},
		{example(`"issuer":""`), []string{north}, ""},
		{subject(`"name":""`), []string{north}, ""}, {subject(`"name":"Aina"`), []string{north}, ""}, {subject(`"name":"aina"`), []string{north}, "with credentialSubject.name"},
		{subject(`"name":"Aina","age":21,"honours":true`), []string{north}, ""}, {subject(`"age":21.0`), []string{north}, ""},
		{subject(`"age":22`), []string{north}, "with credentialSubject.age"}, {subject(`"age":"21"`), []string{north}, "with credentialSubject.age"},
		{subject(`"honours":false`), []string{north}, "with credentialSubject.honours"}, {subject(`"honours":"true"`), []string{north}, "with credentialSubject.honours"},
		{subject(`"degree":{"type":"BachelorDegree","name":"Arts"}`), []string{north}, ""}, {subject(`"degree":{"name":["Sciences","Arts"]}`), []string{north}, ""},
		{subject(`"degree":{"name":["Arts","Law"]}`), []string{north}, "with credentialSubject.degree.name"}, {subject(`"degree":"BachelorDegree"`), []string{north}, "with credentialSubject.degree"},
		{subject(`"degree":{}`), []string{north}, ""}, {subject(`"degree":[]`), []string{north}, ""}, {subject(`"degree":""`), []string{north}, ""},
		{subject(`"name":{"first":""}`), []string{north}, "with credentialSubject.name"},
		{subject(`"spouse":""`), []string{north}, "with credentialSubject.spouse"},
		{subject(`"spouse":""`), []string{two}, ""},
		{subject(`"age":44`), []string{north, two}, ""},
		{subject(`"spouse":"","age":44`), []string{two}, "with credentialSubject"}, // of two subjects
		{subject(`"age":21,"spouse":""`), []string{north, two}, "with credentialSubject"},
		{example(`"credentialSubject":[{"spouse":""},{"age":44}]`), []string{two}, ""},
		{example(`"credentialSubject":[{"spouse":""},{"age":45}]`), []string{two}, "with credentialSubject"},
		{example(`"credentialSchema":{"id":"urn:foo:1234"}`), []string{north}, "with credentialSchema"},
		{example(`"credentialStatus":""`), []string{north}, ""},
		// What was not disclosed is not there.
		{subject(`"name":""`), []string{named}, ""}, {subject(`"age":""`), []string{named}, "with credentialSubject.age"}, {subject(`"age":30`), []string{aged}, ""},
		{like(`"acceptedIssuers":["` + w.dids["eddsa"] + `"]`), []string{north}, ""},
		{like(`"acceptedIssuers":[{"id":"` + w.dids["p256"] + `"},["` + w.dids["eddsa"] + `"]]`), []string{north}, ""},
		{like(`"acceptedIssuers":[{"id":"` + w.dids["p256"] + `"}]`), []string{north, jwt}, "by one of the accepted issuers"},
		{like(`"acceptedIssuers":[{"id":"` + w.dids["jwt"] + `"}]`), []string{north, jwt}, ""},
		{like(`"example":{"type":"AlumniCredential"},"acceptedIssuers":["did:web:other.example"]`), []string{north}, "by one of the accepted issuers"},
		{like(`"acceptedCryptosuites":[{"cryptosuite":"eddsa-rdfc-2022"}]`), []string{north}, ""}, {like(`"acceptedCryptosuites":["ecdsa-sd-2023","eddsa-rdfc-2022"]`), []string{named}, ""},
		{like(`"acceptedCryptosuites":["eddsa-jcs-2022"]`), []string{north, two}, "proof by one of the accepted cryptosuites"},
		{like(`"acceptedCryptosuites":["Ed25519","EdDSA","JWS"]`), []string{jwt}, "not in an envelope"},
		{like(`"acceptedCryptosuites":["eddsa-rdfc-2022"]`), []string{jwt}, "not in an envelope"},
		{like(`"acceptedCryptosuites":["eddsa-jcs-2022"],"acceptedEnvelopes":["application/jwt"]`), []string{jwt}, ""},
		{like(`"acceptedEnvelopes":[{"mediaType":"application/vc+jwt"}]`), []string{jwt}, ""}, {like(`"acceptedEnvelopes":["Application/VC+JWT; x=y"]`), []string{jwt}, ""},
		{like(`"acceptedEnvelopes":["application/vc+sd-jwt","application/vc+cose"]`), []string{jwt}, "in one of the accepted envelopes"},
		{like(`"acceptedEnvelopes":["application/vc+sd-jwt"]`), []string{north}, ""}, // they are accepted besides
		// One credential has all of it, or it does not count.
		{like(`"example":{"credentialSubject":{"name":"Token"}},"acceptedIssuers":["` + w.dids["eddsa"] + `"]`), []string{north, jwt}, "expected a credential"},
	} {
		present := func(challenge string) string {
			return w.presents(holder, challenge, "chancery.example", holds(c.credentials...))
		}
		a, state := w.asked(key, c.query, present)
		if c.unmet == "" {
			if a.status != 200 || state.str("state") != "complete" || fmt.Sprint(state.at("variables", "results", "verify", "satisfiedQueries")) != "[0]" {
				t.Errorf("%s: %d %s", c.query, a.status, a.text)
			}
			continue
		}
		if a.status != 400 || state.str("state") != "active" || state.str("lastError", "detail") != a.str("detail") || !strings.HasPrefix(a.str("detail"), "verifiablePresentation: query 0 (QueryByExample) is not met: ") || !strings.Contains(a.str("detail"), c.unmet) {
			t.Errorf("%s: %d, expected %s: %s %s", c.query, a.status, c.unmet, a.text, state.str("state"))
			continue
		}
		w.problem(a)
		if strings.Contains(a.text, "Aina") || strings.Contains(a.text, "did:") {
			t.Errorf("%s: says what was presented: %s", c.query, a.text)
		}
	}
}

// TestQueriesUnderNoSignature: what a holder can add under the signature of an RDFC suite,
// because it makes no statement, is no claim.
func TestQueriesUnderNoSignature(t *testing.T) {
	w := newWorld(t)
	key := w.key(w.north)
	vc := w.alumni("eddsa", `{"id":"did:example:a","name":"Aina"}`)
	added := 0
	for _, empty := range []string{`null`, `[]`, `[null]`, `[[]]`, `{"@value":null}`, `{"@set":[]}`, `{"@set":[null]}`, `{"@language":"en"}`, `{}`, `[{}]`, `""`} {
		for _, where := range []string{`"name":"Aina"`, `"credentialSubject":{`} {
			more := `"name":"Aina","description":` + empty
			if strings.HasPrefix(where, `"cred`) {
				more = `"description":` + empty + `,` + where
			}
			text := strings.Replace(vc, where, more, 1)
			if text == vc {
				t.Fatalf("%s is not there: %s", where, vc)
			}
			if w.do("POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+text+`}`).at("verified") == true {
				added++
			}
			query := like(`"example":{"description":""}`)
			if !strings.HasPrefix(where, `"cred`) {
				query = like(`"example":{"credentialSubject":{"description":""}}`)
			}
			for _, q := range []string{query, strings.Replace(query, `"description":""`, `"description":[]`, 1), strings.Replace(query, `"description":""`, `"description":{}`, 1)} {
				path := w.asks(key, `"verifiablePresentationRequest":{"query":`+q+`},"allowUnprotectedPresentation":true`)
				a := w.do("POST", path, vp(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"verifiableCredential":[`+text+`]}`))
				if a.status != 400 {
					t.Errorf("%s: %s counts: %d %s", q, more, a.status, a.text)
				}
			}
		}
	}
	if added == 0 {
		t.Error("nothing can be added under a signature: this test shows nothing")
	}
}

// TestQueriesOfHolder: who presents, and by what proof, where that is asked for.
func TestQueriesOfHolder(t *testing.T) {
	w := newWorld(t)
	key, holder := w.key(w.north), newWallet(t, 1)
	did := func(members string) string { return `{"type":"DIDAuthentication"` + members + `}` }
	signed := func(change ...func(*signer.DataIntegrity, *string)) func(string) string {
		return func(c string) string { return w.presents(holder, c, "chancery.example", change...) }
	}
	nobody := func(_ *signer.DataIntegrity, s *string) {
		*s = strings.Replace(*s, `,"holder":"`+holder.did+`"`, "", 1)
	}
	token := func(c string) string {
		text := `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"` + holder.did + `"}`
		s := &signer.JOSE{Key: holder.key, Nonce: c, Audience: []string{"chancery.example"}}
		return string(must(signer.Envelop(must(s.SignPresentation(w.ctx, must(chancery.ParsePresentation([]byte(text)))(t)))(t)))(t))
	}
	for _, c := range []struct {
		query   string
		present func(string) string
		unmet   string
	}{
		{did(``), signed(), ""}, {did(`,"acceptedMethods":[{"method":"key"}]`), signed(), ""}, {did(`,"acceptedMethods":[{"method":"web"},{"method":"key"}]`), signed(), ""},
		{did(`,"acceptedMethods":[{"method":"web"}]`), signed(), "one of the accepted methods"}, {did(`,"acceptedMethods":[{"method":"ke"},{"method":"key:z"}]`), signed(), "one of the accepted methods"},
		{did(`,"acceptedCryptosuites":[{"cryptosuite":"eddsa-rdfc-2022"}]`), signed(), ""}, {did(`,"acceptedCryptosuites":["eddsa-jcs-2022"]`), signed(jcs), ""},
		{did(`,"acceptedCryptosuites":[{"cryptosuite":"ecdsa-rdfc-2019"}]`), signed(), "one of the accepted cryptosuites"}, {did(`,"acceptedCryptosuites":[{"cryptosuite":"eddsa-rdfc-2022"}]`), signed(jcs), "one of the accepted cryptosuites"},
		{did(``), signed(nobody), "expected a holder"}, {did(`,"acceptedMethods":[{"method":"key"}]`), signed(nobody), "expected a holder"},
		{did(``), token, ""}, {did(`,"acceptedMethods":[{"method":"key"}]`), token, ""}, {did(`,"acceptedCryptosuites":[{"cryptosuite":"eddsa-rdfc-2022"}]`), token, "one of the accepted cryptosuites"}, {did(`,"acceptedCryptosuites":["EdDSA","Ed25519"]`), token, "one of the accepted cryptosuites"},
		{did(`,"required":false,"acceptedMethods":[{"method":"web"}]`), signed(), ""},
		{`[` + did(``) + `,` + did(`,"required":false,"acceptedCryptosuites":[{"cryptosuite":"bbs-2023"}]`) + `]`, signed(), ""},
	} {
		a, state := w.asked(key, c.query, c.present)
		if c.unmet == "" && (a.status != 200 || state.str("state") != "complete") {
			t.Errorf("%s: %d %s", c.query, a.status, a.text)
		}
		if c.unmet != "" && (a.status != 400 || state.str("state") != "active" || !strings.Contains(a.str("detail"), "query 0 (DIDAuthentication) is not met: ") || !strings.Contains(a.str("detail"), c.unmet)) {
			t.Errorf("%s: %d, expected %s: %s", c.query, a.status, c.unmet, a.text)
		}
	}
	// Who claims a credential is asked the same way: what does not answer brings nothing.
	for name, present := range map[string]func(string) string{"no holder": signed(nobody), "a token": token} {
		path := strings.TrimPrefix(w.exchange(key, w.claimable().ID), base)
		challenge := w.want(200, "POST", path, "").str("verifiablePresentationRequest", "challenge")
		if a := w.want(400, "POST", path, vp(present(challenge))); !strings.Contains(a.text, "query 0 (DIDAuthentication) is not met") {
			t.Errorf("%s: %s", name, a.text)
		}
		w.want(200, "POST", path, vp(w.presents(holder, challenge, "chancery.example", jcs)))
	}
}

// TestQueryGroups: all of a group, one of the groups; and who presents, besides.
func TestQueryGroups(t *testing.T) {
	w := newWorld(t)
	key, holder := w.key(w.north), newWallet(t, 1)
	a, b := w.alumni("eddsa", `{"id":"did:example:a","name":"A"}`), w.alumni("eddsa", `{"id":"did:example:b","name":"B"}`)
	q := func(name, more string) string {
		return `{"type":"QueryByExample","credentialQuery":{"example":{"credentialSubject":{"name":"` + name + `"}}}` + more + `}`
	}
	const web, anybody = `{"type":"DIDAuthentication","acceptedMethods":[{"method":"web"}]`, `{"type":"DIDAuthentication"}`
	for _, c := range []struct {
		query       string
		credentials []string
		met, unmet  string
	}{
		{q("A", "") + "," + q("B", ""), []string{b}, "[1]", ""}, // without a group: either
		{q("A", "") + "," + q("B", ""), []string{a, b}, "[0 1]", ""},
		{q("A", "") + "," + q("C", ""), []string{b}, "", "query 0"},
		{q("A", `,"group":"g"`) + "," + q("B", `,"group":"g"`), []string{a, b}, "[0 1]", ""},
		{q("A", `,"group":"g"`) + "," + q("B", `,"group":"g"`), []string{a}, "", "query 1"},
		{q("A", `,"group":"g"`) + "," + q("B", `,"group":"g"`), []string{b}, "", "query 0"},
		{q("A", `,"group":"g"`) + "," + q("B", `,"group":"h"`), []string{b}, "[1]", ""},
		{q("A", `,"group":"g"`) + "," + q("B", `,"group":"h"`) + "," + q("C", `,"group":"h"`), []string{b}, "", "query 0"},
		{q("A", `,"group":"g"`) + "," + q("C", `,"group":"h"`) + "," + q("B", `,"group":"h"`), []string{a}, "[0]", ""},
		{q("A", `,"group":""`) + "," + q("B", `,"group":""`), []string{b}, "", "query 0"}, // a group without a name is one
		{q("A", `,"group":"1"`) + "," + q("B", ""), []string{b}, "[1]", ""},
		{anybody + "," + q("A", ""), []string{a}, "[0 1]", ""},
		{anybody + "," + q("A", ""), []string{b}, "", "query 1"},
		{anybody + "," + q("A", ""), nil, "", "query 1"},
		{web + `},` + q("A", ""), []string{a}, "", "query 0 (DIDAuthentication)"},
		{q("A", "") + "," + web + "}", []string{a}, "", "query 1 (DIDAuthentication)"},
		{web + `,"group":"g"},` + q("A", `,"group":"g"`) + "," + q("B", `,"group":"h"`), []string{b}, "[2]", ""},
		{web + `,"group":"g"},` + q("A", `,"group":"g"`) + "," + q("B", `,"group":"h"`), []string{a}, "", "query 0"},
		{q("A", "") + "," + q("B", `,"required":false`), []string{a}, "[0]", ""},
		{q("A", "") + "," + q("B", `,"required":false`), []string{b}, "", "query 0"},
		{q("A", `,"required":false`) + "," + anybody, nil, "[1]", ""},
		// A list of examples is all of them, as in VCALM's example of a workflow.
		{`{"type":"QueryByExample","credentialQuery":[{"example":{"credentialSubject":{"name":"A"}}},{"example":{"credentialSubject":{"name":"B"}}}]}`, []string{a, b}, "[0]", ""},
		{`{"type":"QueryByExample","credentialQuery":[{"example":{"credentialSubject":{"name":"A"}}},{"example":{"credentialSubject":{"name":"B"}}}]}`, []string{a}, "", "query 0"},
	} {
		got, state := w.asked(key, "["+c.query+"]", func(challenge string) string {
			return w.presents(holder, challenge, "chancery.example", holds(c.credentials...))
		})
		met := fmt.Sprint(state.at("variables", "results", "verify", "satisfiedQueries"))
		if c.unmet == "" && (got.status != 200 || met != c.met) {
			t.Errorf("%s: %d, expected %s, found %s: %s", c.query, got.status, c.met, met, got.text)
		}
		if c.unmet != "" && (got.status != 400 || !strings.Contains(got.str("detail"), c.unmet)) {
			t.Errorf("%s: %d, expected %s: %s", c.query, got.status, c.unmet, got.text)
		}
	}
}

// TestQueriesRefused: what could not be compared with a presentation is not asked for.
func TestQueriesRefused(t *testing.T) {
	w := newWorld(t)
	key, path := w.key(w.north), "/vc/"+w.issuer+"/workflows/verify/exchanges"
	for _, query := range []string{
		`{"type":"AuthorizationCapabilityQuery","capabilityQuery":[]}`, `{"type":"querybyexample","credentialQuery":{}}`, `[` + byExample + `,{"type":"Other"}]`,
		`{"type":"QueryByExample"}`, `{"type":"QueryByExample","credentialQuery":null}`, `{"type":"QueryByExample","credentialQuery":[]}`, `{"type":"QueryByExample","credentialQuery":"Aina"}`, `{"type":"QueryByExample","credentialQuery":[[{}]]}`,
		`{"type":"QueryByExample","credentialQuery":{},"group":5}`, `{"type":"QueryByExample","credentialQuery":{},"group":null}`, `{"type":"QueryByExample","credentialQuery":{},"required":"Aina"}`, `{"type":"QueryByExample","credentialQuery":{},"Aina":1}`,
		`{"type":"QueryByExample","credentialQuery":{},"acceptedMethods":[{"method":"key"}]}`, `{"type":"DIDAuthentication","credentialQuery":{}}`,
		like(`"Aina":1`), like(`"trustedIssuer":[{"issuer":"did:example:x"}]`), like(`"required":false`), like(`"reason":5`), like(`"example":[]`), like(`"example":"Aina"`), like(`"example":null`), like(`"example":{"credentialSubject":{"Aina":null}}`), like(`"example":{"type":["a",null]}`),
		like(`"acceptedIssuers":"did:example:x"`), like(`"acceptedIssuers":[]`), like(`"acceptedIssuers":[[]]`), like(`"acceptedIssuers":[5]`), like(`"acceptedIssuers":[""]`), like(`"acceptedIssuers":[{}]`), like(`"acceptedIssuers":[{"id":5}]`), like(`"acceptedIssuers":[{"id":"did:example:x","name":"Aina"}]`),
		like(`"acceptedIssuers":["did:example:y",{"recognizedIn":{"id":"https://list.example/","type":"RecognizedEntityCredential"}}]`), like(`"acceptedIssuers":null`), like(`"acceptedIssuers":[` + strings.Repeat(`"did:example:y",`, 256) + `"did:example:x"]`),
		like(`"acceptedCryptosuites":[{"cryptosuite":"x","mandatory":"Aina"}]`), like(`"acceptedCryptosuites":["x",null]`), like(`"acceptedEnvelopes":[{"type":"x"}]`), like(`"acceptedEnvelopes":{}`),
		`{"type":"DIDAuthentication","acceptedMethods":["key"]}`, `{"type":"DIDAuthentication","acceptedMethods":[{"method":"key","Aina":1}]}`, `{"type":"DIDAuthentication","acceptedMethods":[]}`, `{"type":"DIDAuthentication","acceptedCryptosuites":"x"}`,
		`{"type":"QueryByExample","credentialQuery":[` + strings.Repeat(`{},`, 16) + `{}]}`,
	} {
		a := w.do("POST", path, `{"variables":{"verifiablePresentationRequest":{"query":`+query+`}}}`, "key", key)
		if a.status != 400 || strings.Contains(a.text, "Aina") || !strings.Contains(a.str("detail"), "variables.verifiablePresentationRequest.query") {
			t.Errorf("%s: %d %s", query, a.status, a.text)
		}
	}
	for _, query := range []string{like(`"acceptedIssuers":[` + strings.Repeat(`"did:example:y",`, 255) + `"did:example:x"]`), `{"type":["QueryByExample"],"credentialQuery":[{},{}],"group":"g","required":true}`} {
		w.want(201, "POST", path, `{"variables":{"verifiablePresentationRequest":{"query":`+query+`}}}`, "key", key)
	}
}

// TestQueriesAreBounded: comparing takes a bounded time, whatever is asked for and shown.
func TestQueriesAreBounded(t *testing.T) {
	w := newWorld(t)
	key, holder := w.key(w.north), newWallet(t, 1)
	vc := w.alumni("eddsa-jcs", `[`+strings.Join(slices.Repeat([]string{`{"name":"x"}`}, 3000), ",")+`,{"name":"last"}]`)
	query := like(`"example":{"credentialSubject":[` + strings.Join(slices.Repeat([]string{`{"name":"y"}`}, 4000), ",") + `]}`)
	list := "[" + query + strings.Repeat(`,`+like(`"example":{"credentialSubject":[`+strings.Repeat(`"",`, 1000)+`{"name":"x"},{"name":"y"}]}`), 3) + "]"
	for _, q := range []string{query, list} {
		a, _ := w.asked(key, q, func(c string) string { return w.presents(holder, c, "chancery.example", holds(vc), jcs) })
		if a.status != 400 {
			t.Errorf("%d %.300s", a.status, a.text)
		}
	}
	many := like(`"example":{"credentialSubject":[` + strings.Repeat(`{"name":"last"},`, 1500) + `{"name":"last"}]}`)
	a, _ := w.asked(key, many, func(c string) string { return w.presents(holder, c, "chancery.example", holds(vc), jcs) })
	if a.status != 400 || !strings.Contains(a.str("detail"), "too much to compare") {
		t.Errorf("%d %.300s", a.status, a.text)
	}
}

// TestQueriesOfRenamedClaims: what a credential signed by its RDF says can be written under
// names of the holder's own, by a context of his: such names do not count.
func TestQueriesOfRenamedClaims(t *testing.T) {
	w := newWorld(t)
	key, holder := w.key(w.north), newWallet(t, 1)
	const own = `{"clearance":"https://www.w3.org/ns/credentials/examples#nickname"}`
	vc := w.alumni("eddsa", `{"id":"did:example:a","nickname":"high"}`)
	renamed := strings.Replace(vc, `"nickname"`, `"clearance"`, 1)
	subject := func(at string) string {
		return strings.Replace(renamed, `"credentialSubject":{`, `"credentialSubject":{"@context":`+at+`,`, 1)
	}
	root := strings.Replace(renamed, `credentials/examples/v2"]`, `credentials/examples/v2",`+own+`]`, 1)
	const asks = `"credentialSubject":{"clearance":"high"}`
	for _, c := range []struct {
		name, credential, example string
		want                      int
	}{
		{"at the root", root, asks, 400}, {"of the subject", subject(own), asks, 400}, {"in a list", subject(`["https://www.w3.org/ns/credentials/v2",` + own + `]`), asks, 400},
		{"with the contexts of the example", root, `"@context":` + examplesV2 + `,` + asks, 400},
		{"with another context than that of the example", root, `"@context":["https://www.w3.org/ns/credentials/v2",{"clearance":"https://gov.example/clearance"}],` + asks, 400},
		{"of the subject, as the example has it at the root", subject(own), `"@context":["https://www.w3.org/ns/credentials/v2",` + own + `],` + asks, 400},
		{"as the example has it", root, `"@context":["https://www.w3.org/ns/credentials/v2",` + own + `],` + asks, 200}, // who asks knows what it means
		{"as it was issued", vc, `"credentialSubject":{"nickname":"high"}`, 200},
	} {
		if a := w.do("POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+c.credential+`}`); a.at("verified") != true {
			t.Errorf("%s: does not verify, which shows nothing: %s", c.name, a.text)
		}
		a, state := w.asked(key, like(`"example":{`+c.example+`}`), func(challenge string) string {
			return w.presents(holder, challenge, "chancery.example", holds(c.credential))
		})
		if a.status != c.want || (state.str("state") == "complete") != (c.want == 200) {
			t.Errorf("%s: %d %s", c.name, a.status, a.text)
		}
	}
	// Where the text is signed, a context in it is the issuer's.
	draft := `{"@context":["https://www.w3.org/ns/credentials/v2",` + own + `],"type":["VerifiableCredential"],"issuer":"%s","credentialSubject":{"id":"did:example:a","clearance":"high"}}`
	for instance, want := range map[string]int{"eddsa": 400, "eddsa-jcs": 200, "p256-jcs": 200, "jwt": 200, "p256": 400} {
		vc := w.want(201, "POST", "/vc/"+instance+"/credentials/issue", `{"credential":`+fmt.Sprintf(draft, w.dids[instance])+`}`).raw(t, "verifiableCredential")
		a, _ := w.asked(key, like(`"example":{`+asks+`}`), func(challenge string) string {
			return w.presents(holder, challenge, "chancery.example", holds(vc))
		})
		if a.status != want {
			t.Errorf("%s: %d %s", instance, a.status, a.text)
		}
	}
	// Without an example names do not matter.
	a, _ := w.asked(key, like(`"acceptedIssuers":["`+w.dids["eddsa"]+`"]`), func(challenge string) string {
		return w.presents(holder, challenge, "chancery.example", holds(root))
	})
	if a.status != 200 {
		t.Errorf("%d %s", a.status, a.text)
	}
}
