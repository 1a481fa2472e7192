package vcalm_test

import (
	"fmt"
	"strings"
	"testing"
)

// The types of the credentials of alumni, as IRIs.
const (
	typeVC     = "https://www.w3.org/2018/credentials#VerifiableCredential"
	typeAlumni = "https://www.w3.org/ns/credentials/examples#AlumniCredential"
)

// dcql is a query of credential queries, and more of its members.
func dcql(credentials string, more ...string) string {
	return `{"type":"DigitalCredentialQueryLanguage","credentials":[` + credentials + `]` + strings.Join(more, "") + `}`
}

// wanted is a credential query for any credential, with more of its members.
func wanted(id, format, more string) string {
	return `{"id":"` + id + `","format":"` + format + `","meta":{}` + more + `}`
}

const unbound = `,"require_cryptographic_holder_binding":false`

// TestDCQL: an exchange with a query of OpenID4VP 1.0, section 6, is complete only when
// what is presented is what was asked for.
func TestDCQL(t *testing.T) {
	w := newWorld(t)
	key, holder, other := w.key(w.north), newWallet(t, 1), newWallet(t, 2)
	const about = `"name":"Arthur","age":42,"human":true,"address":{"street":"42 Market Street","code":"12345"},"degrees":[{"type":"Bachelor","by":"Betelgeuse"},{"type":"Master","by":"Betelgeuse"}],"nations":["British","Betelgeusian"],"one":["only"],"nothing":"" `
	subject := func(id string) string { return `{"id":"` + id + `",` + about + `}` }
	ldp, text, jwt := w.alumni("eddsa", subject(holder.did)), w.alumni("eddsa-jcs", subject(holder.did)), w.alumni("jwt", subject(holder.did))
	foreign, nobody := w.alumni("eddsa", subject(other.did)), w.alumni("eddsa", `{"name":"Arthur"}`)
	several := w.alumni("eddsa", `[{"id":"`+other.did+`","name":"Ford"},{"id":"`+holder.did+`","name":"Arthur"}]`)
	sd := w.alumni("p256-sd", subject(holder.did))
	derived := w.want(201, "POST", "/vc/p256-sd/credentials/derive", `{"verifiableCredential":`+sd+`,"options":{"selectivePointers":["/credentialSubject/name"]}}`).raw(t, "verifiableCredential")
	q := func(members string) string { return dcql(wanted("a", "ldp_vc", members)) }
	claim := func(path string, values ...string) string {
		one := `{"path":["credentialSubject",` + path + `]`
		if len(values) > 0 {
			one += `,"values":[` + strings.Join(values, ",") + `]`
		}
		return one + `}`
	}
	claims := func(c ...string) string { return q(`,"claims":[` + strings.Join(c, ",") + `]`) }
	types := func(t string) string { return dcql(`{"id":"a","format":"ldp_vc","meta":{"type_values":` + t + `}}`) }
	for _, c := range []struct {
		query       string
		credentials []string
		unmet       string // "" where it is met
	}{
		{q(""), []string{ldp}, ""}, {q(""), []string{text}, ""}, {q(""), nil, "expected one"}, {q(""), []string{derived}, ""},
		// Formats.
		{q(""), []string{jwt}, "in the format ldp_vc"}, {dcql(wanted("a", "jwt_vc_json", "")), []string{ldp}, "in the format jwt_vc_json"}, {dcql(wanted("a", "jwt_vc_json", "")), []string{jwt}, ""},
		// Types, as IRIs (B.1.1).
		{types(`[["` + typeAlumni + `"]]`), []string{ldp}, ""}, {types(`[["` + typeVC + `","` + typeAlumni + `"]]`), []string{ldp}, ""}, {types(`[["urn:x"],["` + typeVC + `"]]`), []string{text}, ""},
		{types(`[["urn:x"]]`), []string{ldp}, "type_values"}, {types(`[["` + typeAlumni + `","urn:x"]]`), []string{ldp}, "type_values"}, {types(`[["AlumniCredential"]]`), []string{ldp}, "type_values"}, {types(`[["VerifiableCredential"]]`), []string{ldp}, "type_values"},
		{dcql(`{"id":"a","format":"jwt_vc_json","meta":{"type_values":[["` + typeAlumni + `"]]}}`), []string{jwt}, ""}, {dcql(`{"id":"a","format":"jwt_vc_json","meta":{"type_values":[["AlumniCredential"]]}}`), []string{jwt}, "type_values"},
		// Claims path pointers (7).
		{claims(claim(`"name"`)), []string{ldp}, ""}, {claims(claim(`"address"`)), []string{ldp}, ""}, {claims(claim(`"address","street"`)), []string{ldp}, ""}, {claims(claim(`"degrees",null,"type"`)), []string{ldp}, ""},
		{claims(claim(`"surname"`)), []string{ldp}, "claim credentialSubject.surname"}, {claims(claim(`"name","first"`)), []string{ldp}, "claim credentialSubject.name.first"}, {claims(claim(`null,"name"`)), []string{ldp}, "claim credentialSubject.null.name"},
		{claims(claim(`"degrees","type"`)), []string{ldp}, "claim"}, {claims(claim(`"address",null`)), []string{ldp}, "claim"}, {claims(claim(`"address",0`)), []string{ldp}, "claim"}, {claims(claim(`"degrees",null,"year"`)), []string{ldp}, "claim"},
		{claims(claim(`"nations",1`)), []string{text}, ""}, {claims(claim(`"nations",2`)), []string{text}, "claim credentialSubject.nations.2"}, {claims(claim(`"degrees",1,"type"`, `"Master"`)), []string{text}, ""}, {claims(claim(`"degrees",0,"type"`, `"Master"`)), []string{text}, "with one of the values"},
		{dcql(wanted("a", "jwt_vc_json", `,"claims":[`+claim(`"degrees",1,"type"`, `"Master"`)+`]`)), []string{jwt}, ""}, {dcql(wanted("a", "jwt_vc_json", `,"claims":[{"path":["vc","credentialSubject","name"]}]`)), []string{jwt}, "claim vc"},
		{claims(`{"path":["type",null],"values":["AlumniCredential"]}`), []string{ldp}, ""}, {claims(`{"path":["type"],"values":["AlumniCredential"]}`), []string{ldp}, "with one of the values"}, {claims(`{"path":["@context",1],"values":["https://www.w3.org/ns/credentials/examples/v2"]}`), []string{ldp}, ""},
		{claims(`{"path":["issuer","id"],"values":["` + w.dids["eddsa"] + `"]}`), []string{ldp}, ""}, {claims(`{"path":["issuer","id"],"values":["` + w.dids["eddsa"] + `"]}`), []string{text}, "claim issuer.id"},
		{claims(claim(`"age"`)), []string{derived}, "claim credentialSubject.age"}, {claims(claim(`"name"`, `"Arthur"`)), []string{derived}, ""},
		// What comes first in a set is for the holder to say.
		{claims(claim(`"nations",0`, `"British"`)), []string{ldp}, "claim"}, {claims(claim(`"nations",0`)), []string{ldp}, "claim"}, {claims(claim(`"nations",null`, `"Betelgeusian"`)), []string{ldp}, ""}, {claims(claim(`"degrees",0,"type"`)), []string{ldp}, "claim"}, {claims(claim(`"degrees",1,"type"`, `"Master"`)), []string{ldp}, "claim"},
		// Values, by type and value.
		{claims(claim(`"name"`, `"Arthur"`)), []string{ldp}, ""}, {claims(claim(`"name"`, `"Ford"`, `"Arthur"`)), []string{ldp}, ""}, {claims(claim(`"name"`, `"arthur"`)), []string{ldp}, "with one of the values"}, {claims(claim(`"name"`, `42`, `true`, `0`, `false`)), []string{ldp}, "with one of the values"}, {claims(claim(`"age"`, `""`, `false`)), []string{ldp}, "with one of the values"},
		{claims(claim(`"age"`, `42`)), []string{ldp}, ""}, {claims(claim(`"age"`, `"42"`)), []string{ldp}, "with one of the values"}, {claims(claim(`"age"`, `43`, `true`)), []string{ldp}, "with one of the values"}, {claims(claim(`"human"`, `true`)), []string{ldp}, ""}, {claims(claim(`"human"`, `false`, `1`, `"true"`)), []string{ldp}, "with one of the values"},
		{claims(claim(`"address"`, `"42 Market Street"`)), []string{ldp}, "with one of the values"}, {claims(claim(`"nations"`, `"British"`)), []string{ldp}, "with one of the values"},
		{claims(claim(`"name"`), claim(`"age"`, `42`)), []string{ldp}, ""}, {claims(claim(`"name"`), claim(`"age"`, `41`)), []string{ldp}, "credentialSubject.age"},
		// Claim sets (6.4.1).
		{q(`,"claims":[{"id":"n","path":["credentialSubject","name"]},{"id":"s","path":["credentialSubject","surname"]}],"claim_sets":[["s"],["n"]]`), []string{ldp}, ""},
		{q(`,"claims":[{"id":"n","path":["credentialSubject","name"]},{"id":"s","path":["credentialSubject","surname"]}],"claim_sets":[["n","s"],["s"]]`), []string{ldp}, "one of the claim_sets"},
		// The holder (B.1: a Verifiable Presentation with cryptographic holder binding).
		{q(""), []string{foreign}, "whose subject is the holder"}, {q(""), []string{nobody}, "whose subject is the holder"}, {q(unbound), []string{foreign}, ""}, {q(unbound), []string{nobody}, ""}, {q(""), []string{several}, ""}, {q(`,"require_cryptographic_holder_binding":true`), []string{foreign}, "whose subject"},
		// One credential has all of it; each is asked for, and one for each query without multiple (6.1, 6.4.2).
		{claims(claim(`"name"`)), []string{foreign, jwt}, "credential a: expected"}, {q(""), []string{ldp, foreign}, "no other credentials"}, {q(""), []string{ldp, jwt}, "no other credentials"}, {q(""), []string{ldp, text}, "one credential for a credential query"}, {q(`,"multiple":true`), []string{ldp, text, several}, ""}, {q(`,"multiple":false`), []string{ldp, text}, "without multiple"},
		{dcql(wanted("a", "ldp_vc", "") + "," + wanted("b", "jwt_vc_json", "")), []string{ldp, jwt}, ""}, {dcql(wanted("a", "ldp_vc", "") + "," + wanted("b", "jwt_vc_json", "")), []string{ldp}, "credential b: "}, {dcql(wanted("a", "ldp_vc", "") + "," + wanted("b", "jwt_vc_json", "")), []string{jwt}, "credential a: "},
		{dcql(wanted("a", "ldp_vc", "") + "," + wanted("b", "ldp_vc", `,"claims":[`+claim(`"name"`)+`]`)), []string{ldp}, ""}, // one for both
		{dcql(wanted("a", "ldp_vc", "") + "," + wanted("b", "ldp_vc", `,"claims":[`+claim(`"age"`)+`]`)), []string{ldp, several}, ""}, {dcql(wanted("a", "ldp_vc", "") + "," + wanted("b", "ldp_vc", `,"claims":[`+claim(`"age"`)+`]`)), []string{several, ldp, text}, "without multiple"},
		// Credential sets (6.2, 6.4.2).
		{dcql(wanted("a", "ldp_vc", "")+","+wanted("b", "jwt_vc_json", ""), `,"credential_sets":[{"options":[["a"],["b"]]}]`), []string{jwt}, ""}, {dcql(wanted("a", "ldp_vc", "")+","+wanted("b", "jwt_vc_json", ""), `,"credential_sets":[{"options":[["a","b"]]}]`), []string{jwt}, "credential a: "},
		{dcql(wanted("a", "ldp_vc", "")+","+wanted("b", "jwt_vc_json", ""), `,"credential_sets":[{"options":[["b"]]},{"options":[["a"]],"required":false}]`), []string{jwt}, ""}, {dcql(wanted("a", "ldp_vc", "")+","+wanted("b", "jwt_vc_json", ""), `,"credential_sets":[{"options":[["b"]]},{"options":[["a"]],"required":false}]`), []string{ldp}, "credential b: "},
		{dcql(wanted("a", "ldp_vc", "")+","+wanted("b", "jwt_vc_json", ""), `,"credential_sets":[{"options":[["b"]]},{"options":[["a"]],"required":true}]`), []string{jwt}, "credential a: "},
	} {
		a, state := w.asked(key, c.query, func(challenge string) string {
			return w.presents(holder, challenge, "chancery.example", holds(c.credentials...))
		})
		if c.unmet == "" {
			if a.status != 200 || state.str("state") != "complete" || fmt.Sprint(state.at("variables", "results", "verify", "satisfiedQueries")) != "[0]" {
				t.Errorf("%s: %d %s", c.query, a.status, a.text)
			}
			continue
		}
		if a.status != 400 || state.str("state") != "active" || !strings.HasPrefix(a.str("detail"), "verifiablePresentation: ") || !strings.Contains(a.str("detail"), c.unmet) || strings.Contains(a.text, "Betelgeuse") || strings.Contains(a.text, "did:") {
			t.Errorf("%s: %d, expected %s: %s %s", c.query, a.status, c.unmet, a.text, state.str("state"))
		}
		w.problem(a)
	}
}

// TestDCQLAnswers: the coordinator learns which credentials answer what; groups and other
// queries count as they do otherwise; without a proof of the holder only unbound ones do.
func TestDCQLAnswers(t *testing.T) {
	w := newWorld(t)
	key, holder := w.key(w.north), newWallet(t, 1)
	subject := `{"id":"` + holder.did + `","name":"A"}`
	ldp, jwt := w.alumni("eddsa", subject), w.alumni("jwt", subject)
	a, b := wanted("a", "ldp_vc", ""), wanted("b", "jwt_vc_json", "")
	const web = `{"type":"DIDAuthentication","acceptedMethods":[{"method":"web"}]}`
	grouped := func(g, query string) string {
		return strings.Replace(query, `{"type"`, `{"group":"`+g+`","type"`, 1)
	}
	example := like(`"example":{"credentialSubject":{"name":"A"}},"acceptedEnvelopes":["application/jwt"],"acceptedCryptosuites":["none"]`) // the token
	for _, c := range []struct {
		query       string
		credentials []string
		met, unmet  string
	}{
		{dcql(a + "," + b), []string{jwt, ldp}, `[0] [map[credentials:map[a:[/verifiableCredential/1] b:[/verifiableCredential/0]] query:0]]`, ""},
		{dcql(wanted("a", "ldp_vc", `,"multiple":true`)), []string{ldp, ldp}, `[0] [map[credentials:map[a:[/verifiableCredential/0 /verifiableCredential/1]] query:0]]`, ""},
		{dcql(a) + "," + dcql(b), []string{jwt}, `[1] [map[credentials:map[b:[/verifiableCredential/0]] query:1]]`, ""},
		{grouped("g", dcql(a)) + "," + grouped("g", dcql(b)), []string{jwt}, "", "query 0 (DigitalCredentialQueryLanguage)"},
		{grouped("g", dcql(a)) + "," + grouped("g", example), []string{jwt, ldp}, `[0 1] [map[credentials:map[a:[/verifiableCredential/1]] query:0]]`, ""},
		{grouped("g", dcql(a)) + "," + grouped("g", example), []string{ldp}, "", "query 1 (QueryByExample)"},
		{dcql(a) + "," + example, []string{jwt}, `[1] <nil>`, ""},
		{dcql(a) + `,{"type":"DIDAuthentication"}`, []string{ldp}, `[0 1] [map[credentials:map[a:[/verifiableCredential/0]] query:0]]`, ""},
		{dcql(a) + "," + web, []string{ldp}, "", "query 1 (DIDAuthentication)"},
		{strings.Replace(dcql(b), `{"type"`, `{"required":false,"type"`, 1) + "," + dcql(a), []string{ldp}, `[1] [map[credentials:map[a:[/verifiableCredential/0]] query:1]]`, ""},
	} {
		got, state := w.asked(key, "["+c.query+"]", func(challenge string) string {
			return w.presents(holder, challenge, "chancery.example", holds(c.credentials...))
		})
		met := fmt.Sprint(state.at("variables", "results", "verify", "satisfiedQueries"), state.at("variables", "results", "verify", "dcqlMatches"))
		if c.unmet == "" && (got.status != 200 || met != c.met) {
			t.Errorf("%s: %d, expected %s, found %s: %s", c.query, got.status, c.met, met, got.text)
		}
		if c.unmet != "" && (got.status != 400 || !strings.Contains(got.str("detail"), c.unmet)) {
			t.Errorf("%s: %d, expected %s: %s", c.query, got.status, c.unmet, got.text)
		}
	}
	bare := func(credential string) string {
		return vp(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"` + holder.did + `","verifiableCredential":[` + credential + `]}`)
	}
	path := w.asks(key, `"allowUnprotectedPresentation":true,"verifiablePresentationRequest":{"query":`+dcql(wanted("a", "ldp_vc", unbound))+`}`)
	w.want(400, "POST", path, bare(jwt))
	w.want(200, "POST", path, bare(ldp))
	made := "/vc/" + w.issuer + "/workflows/verify/exchanges"
	if a := w.do("POST", made, `{"variables":{"allowUnprotectedPresentation":true,"verifiablePresentationRequest":{"query":`+dcql(wanted("b", "ldp_vc", unbound)+","+a)+`}}}`, "key", key); a.status != 400 || !strings.Contains(a.text, "require_cryptographic_holder_binding") {
		t.Errorf("%d %s", a.status, a.text)
	}
}

// TestDCQLUnderNoSignature: what a holder can add or rename under the signature of an RDFC
// suite is no claim.
func TestDCQLUnderNoSignature(t *testing.T) {
	w := newWorld(t)
	key, holder := w.key(w.north), newWallet(t, 1)
	vc := w.alumni("eddsa", `{"id":"`+holder.did+`","nickname":"high","degrees":["first","second"]}`)
	change := func(from, to string) string {
		out := strings.Replace(vc, from, to, 1)
		if out == vc {
			t.Fatalf("%s is not there", from)
		}
		return out
	}
	const own = `{"clearance":"https://www.w3.org/ns/credentials/examples#nickname"}`
	renamed := strings.Replace(change(`"nickname"`, `"clearance"`), `credentials/examples/v2"]`, `credentials/examples/v2",`+own+`]`, 1)
	for name, c := range map[string]struct{ credential, claim string }{
		"renamed":      {renamed, `{"path":["credentialSubject","clearance"]}`},
		"renamed, any": {renamed, ""},
		"empty list":   {change(`"nickname"`, `"clearance":[],"nickname"`), `{"path":["credentialSubject","clearance"]}`},
		"other order":  {change(`"first","second"`, `"second","first"`), `{"path":["credentialSubject","degrees",0],"values":["second"]}`},
		"nested":       {change(`["first","second"]`, `[["second"],"first"]`), `{"path":["credentialSubject","degrees",0,0],"values":["second"]}`},
	} {
		if a := w.do("POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+c.credential+`}`); a.at("verified") != true {
			t.Errorf("%s: does not verify, which shows nothing: %s", name, a.text)
		}
		more := ""
		if c.claim != "" {
			more = `,"claims":[` + c.claim + `]`
		}
		a, state := w.asked(key, dcql(wanted("a", "ldp_vc", more)), func(challenge string) string {
			return w.presents(holder, challenge, "chancery.example", holds(c.credential))
		})
		if a.status != 400 || state.str("state") != "active" {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
}

// TestDCQLRefused: what could not be compared, or breaks a rule of section 6, is not asked
// for.
func TestDCQLRefused(t *testing.T) {
	w := newWorld(t)
	key, path := w.key(w.north), "/vc/"+w.issuer+"/workflows/verify/exchanges"
	q := func(members string) string { return dcql(wanted("a", "ldp_vc", members)) }
	meta := func(m string) string { return dcql(`{"id":"a","format":"ldp_vc","meta":` + m + `}`) }
	claims := func(c string) string { return q(`,"claims":[` + c + `]`) }
	sets := func(s string) string { return dcql(wanted("a", "ldp_vc", ""), `,"credential_sets":`+s) }
	deep := strings.Repeat(`"x",`, 256) + `"x"`
	for query, at := range map[string]string{
		`{"type":"DigitalCredentialQueryLanguage"}`: "credentials", dcql(""): "credentials", `{"type":"DigitalCredentialQueryLanguage","credentials":{}}`: "credentials", `{"type":"DigitalCredentialQueryLanguage","dcql_query":{}}`: "no other members",
		dcql(`"a"`): "credentials[0]", dcql(`null`): "credentials[0]", dcql(`{}`): "credentials[0].id", dcql(strings.Repeat(wanted("a", "ldp_vc", "")+",", 16) + wanted("a", "ldp_vc", "")): "1 to 16",
		dcql(wanted("", "ldp_vc", "")): ".id", dcql(wanted("a b", "ldp_vc", "")): ".id", dcql(wanted("ä", "ldp_vc", "")): ".id", dcql(wanted("a", "ldp_vc", "") + "," + wanted("a", "jwt_vc_json", "")): "credentials[1].id",
		dcql(wanted("a", "dc+sd-jwt", "")): "format", dcql(wanted("a", "mso_mdoc", "")): "format", dcql(wanted("a", "", "")): "format", dcql(`{"id":"a","meta":{}}`): "format",
		dcql(`{"id":"a","format":"ldp_vc"}`): "meta", meta(`[]`): "meta", meta(`null`): "meta", meta(`{"vct_values":["x"]}`): "meta", meta(`{"type_values":[]}`): "type_values", meta(`{"type_values":["x"]}`): "type_values[0]", meta(`{"type_values":[[]]}`): "type_values[0]", meta(`{"type_values":[[""]]}`): "type_values[0][0]", meta(`{"type_values":[["x"],[5]]}`): "type_values[1][0]",
		q(`,"trusted_authorities":[{"type":"aki","values":["s9tIpPmhxdiuNkHMEWNpYim8S8Y"]}]`): "trusted_authorities", q(`,"trusted_authorities":[]`): "trusted_authorities", q(`,"multiple":"true"`): "multiple", q(`,"require_cryptographic_holder_binding":0`): "require_cryptographic_holder_binding", q(`,"Aina":1`): "no other members",
		claims(""): "claims", claims(`"x"`): "claims[0]", claims(`{}`): "claims[0].path", claims(`{"path":[]}`): "path", claims(`{"path":"name"}`): "path", claims(`{"path":[-1]}`): "path[0]", claims(`{"path":[1.5]}`): "path[0]", claims(`{"path":[true]}`): "path[0]", claims(`{"path":[["x"]]}`): "path[0]", claims(`{"path":[""]}`): "path[0]", claims(`{"path":["x","@id"]}`): "path[1]", claims(`{"path":["x","@context"]}`): "path[1]", claims(`{"path":[9007199254740991]}`): "path[0]", claims(`{"path":[` + deep + `]}`): "path",
		claims(`{"path":["x"]},{"path":["y"]},{"path":["x"]}`): "claims[2].path", claims(`{"path":["x"],"values":[]}`): "values", claims(`{"path":["x"],"values":"y"}`): "values", claims(`{"path":["x"],"values":[1.5]}`): "values[0]", claims(`{"path":["x"],"values":["y",null]}`): "values[1]", claims(`{"path":["x"],"values":[{}]}`): "values[0]", claims(`{"path":["x"],"intent_to_retain":true}`): "claims[0]",
		claims(`{"id":"","path":["x"]}`): "claims[0].id", claims(`{"id":"n","path":["x"]},{"id":"n","path":["y"]}`): "claims[1].id", q(`,"claim_sets":[["n"]]`): "claim_sets", q(`,"claims":[{"path":["x"]}],"claim_sets":[["n"]]`): "claims[0].id",
		q(`,"claims":[{"id":"n","path":["x"]}],"claim_sets":[["m"]]`): "claim_sets[0][0]", q(`,"claims":[{"id":"n","path":["x"]}],"claim_sets":[["n","n"]]`): "claim_sets[0][1]", q(`,"claims":[{"id":"n","path":["x"]}],"claim_sets":[[]]`): "claim_sets[0]", q(`,"claims":[{"id":"n","path":["x"]}],"claim_sets":[]`): "claim_sets", q(`,"claims":[{"id":"n","path":["x"]}],"claim_sets":["n"]`): "claim_sets[0]",
		sets(`[]`): "credential_sets", sets(`[{}]`): "options", sets(`[{"options":[]}]`): "options", sets(`[{"options":[[]]}]`): "options[0]", sets(`[{"options":["a"]}]`): "options[0]", sets(`[{"options":[["b"]]}]`): "options[0][0]", sets(`[{"options":[["a"]],"required":"x"}]`): "required", sets(`[{"options":[["a"]],"required":false}]`): "one that is required", sets(`[{"options":[["a"]],"purpose":"x"}]`): "no other members",
	} {
		a := w.do("POST", path, `{"variables":{"verifiablePresentationRequest":{"query":`+query+`}}}`, "key", key)
		if a.status != 400 || strings.Contains(a.text, "Aina") || !strings.Contains(a.str("detail"), "variables.verifiablePresentationRequest.query") || !strings.Contains(a.str("detail"), at) {
			t.Errorf("%s: %d, expected %s: %s", query, a.status, at, a.text)
		}
	}
}

// TestDCQLIsBounded: comparing takes a bounded time, whatever is asked for and shown.
func TestDCQLIsBounded(t *testing.T) {
	w := newWorld(t)
	key, holder := w.key(w.north), newWallet(t, 1)
	members := strings.Builder{}
	for i := range 5000 {
		fmt.Fprintf(&members, `,"m%d":"x"`, i)
	}
	vc := w.alumni("eddsa-jcs", `{"id":"`+holder.did+`"`+members.String()+`}`)
	list := strings.Builder{}
	for i := range 250 {
		fmt.Fprintf(&list, `,{"path":["credentialSubject","n%d"]}`, i)
	}
	query := dcql(wanted("a", "ldp_vc", `,"claims":[`+list.String()[1:]+`]`))
	a, _ := w.asked(key, query, func(c string) string { return w.presents(holder, c, "chancery.example", holds(vc), jcs) })
	if a.status != 400 || !strings.Contains(a.str("detail"), "too much to compare") {
		t.Errorf("%d %.300s", a.status, a.text)
	}
}
