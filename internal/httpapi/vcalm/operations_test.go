package vcalm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/proof"
)

const all = `,"options":{"returnResults":true,"returnProblemDetails":true,"returnCredential":true}`

// TestEverySuite: what each instance issues, each of them verifies, and no changed one.
func TestEverySuite(t *testing.T) {
	w := newWorld(t)
	list := shape(t, "listing", w.want(200, "GET", "/vc", ""))
	if n := strings.Count(list.text, `"did"`); n != len(own) {
		t.Errorf("%d instances listed, expected %d", n, len(own))
	}
	for _, o := range own {
		if o.closed {
			continue
		}
		a := shape(t, "issue", w.want(201, "POST", "/vc/"+o.name+"/credentials/issue", `{"credential":`+unsigned(w.dids[o.name], `"id":"urn:uuid:`+o.name+`"`, `"name":"Somebody"`)+`,"options":{"mandatoryPointers":[]}}`))
		vc := a.raw(t, "verifiableCredential")
		if o.suite == proof.ECDSASD2023 {
			w.want(400, "POST", "/vc/"+o.name+"/credentials/verify", `{"verifiableCredential":`+vc+`}`)
			a = shape(t, "issue", w.want(201, "POST", "/vc/"+o.name+"/credentials/derive", `{"verifiableCredential":`+vc+`,"options":{"selectivePointers":["/credentialSubject","/name"]}}`))
			vc = a.raw(t, "verifiableCredential")
		}
		enveloped := strings.HasPrefix(o.name, "jwt")
		if (a.str("verifiableCredential", "type") == "EnvelopedVerifiableCredential") != enveloped {
			t.Errorf("%s: %s", o.name, vc)
		}
		for _, v := range own {
			if v.closed {
				continue
			}
			got := shape(t, "credential", w.want(200, "POST", "/vc/"+v.name+"/credentials/verify", `{"verifiableCredential":`+vc+all+`}`))
			if got.at("verified") != true || got.raw(t, "credential") != vc || len(got.at("problemDetails").([]any)) != 0 {
				t.Errorf("%s by %s: %s", o.name, v.name, got.text)
			}
		}
		changed := strings.Replace(vc, "Somebody", "Somebodi", 1)
		if enveloped {
			changed = strings.Replace(vc, "jwt,e", "jwt,f", 1)
		}
		got := w.do("POST", "/vc/"+o.name+"/credentials/verify", `{"verifiableCredential":`+changed+all+`}`)
		if got.status != max(200, o.failure) || got.at("verified") != false || len(got.at("problemDetails").([]any)) == 0 {
			t.Errorf("%s changed: %d %s", o.name, got.status, got.text)
		}
		shape(t, "credential", got)
	}
}

// TestModel11: the first data model is issued with the contexts that its proof needs.
func TestModel11(t *testing.T) {
	w := newWorld(t)
	for _, o := range []string{"eddsa", "ed2020", "p256", "p384-jcs"} {
		text := `{"@context":["https://www.w3.org/2018/credentials/v1"],"type":["VerifiableCredential"],"issuer":"` + w.dids[o] + `","issuanceDate":"2024-01-01T00:00:00Z","credentialSubject":{"id":"did:example:holder"}}`
		vc := w.want(201, "POST", "/vc/"+o+"/credentials/issue", `{"credential":`+text+`}`).raw(t, "verifiableCredential")
		if strings.Contains(vc, "credentialStatus") {
			t.Errorf("%s: a status in the first data model: %s", o, vc)
		}
		got := shape(t, "credential", w.want(200, "POST", "/vc/"+o+"/credentials/verify", `{"verifiableCredential":`+vc+all+`}`))
		if got.at("verified") != true || got.at("results", "validFrom", "verified") != true {
			t.Errorf("%s: %s", o, got.text)
		}
	}
}

// TestOnlyWhatWasAsked: an answer holds nothing that was not asked for.
func TestOnlyWhatWasAsked(t *testing.T) {
	w := newWorld(t)
	vc := w.issue("eddsa", `"validFrom":"2026-01-01T00:00:00Z"`, `"validUntil":"2027-01-01T00:00:00Z"`)
	for options, members := range map[string][]string{
		``: {}, `,"options":{}`: {}, `,"options":{"checks":["proof"],"domain":"d","challenge":"c"}`: {},
		`,"options":{"returnResults":true}`: {"results"}, `,"options":{"returnProblemDetails":true}`: {"problemDetails"},
		`,"options":{"returnCredential":true}`: {"credential"}, `,"options":{"returnCredential":false,"returnResults":false}`: {},
		all: {"results", "problemDetails", "credential"},
	} {
		got := shape(t, "credential", w.want(200, "POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+vc+options+`}`))
		if n := len(got.at().(map[string]any)); n != len(members)+1 {
			t.Errorf("%s: %s", options, got.text)
		}
		for _, m := range members {
			got.raw(t, m)
		}
	}
	got := w.want(200, "POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+vc+all+`}`)
	for _, path := range [][]string{{"validFrom", "verified"}, {"validUntil", "verified"}} {
		if got.at(append([]string{"results"}, path...)...) != true {
			t.Errorf("%v in %s", path, got.text)
		}
	}
	if n := len(got.at("results", "proof").([]any)) + len(got.at("results", "credentialStatus").([]any)); n != 2 {
		t.Errorf("%s", got.text)
	}
}

// TestWarnings: validity and status do not decide verified; they are told.
func TestWarnings(t *testing.T) {
	w := newWorld(t)
	old := w.issue("eddsa", `"validUntil":"2026-05-09T00:00:00Z"`)
	early := w.issue("eddsa", `"validFrom":"2026-06-01T00:00:00Z"`)
	for vc, member := range map[string]string{old: "validUntil", early: "validFrom"} {
		got := shape(t, "credential", w.want(200, "POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+vc+all+`}`))
		if got.at("verified") != true || got.at("results", member, "verified") != false || !strings.Contains(got.text, "RANGE_ERROR") {
			t.Errorf("%s: %s", member, got.text)
		}
	}
}

func bigBody() string { return `{"credential":"` + strings.Repeat("x", 10<<20) + `"}` }

// refusals are requests that are answered with a 4xx, by path and body.
func (w *world) refusals() []struct {
	name, path, body string
	want             int
} {
	did := w.dids["eddsa"]
	good := unsigned(did)
	deep := strings.Repeat("[", 2000) + strings.Repeat("]", 2000)
	type r = struct {
		name, path, body string
		want             int
	}
	list := []r{}
	add := func(want int, path string, bodies map[string]string) {
		for name, body := range bodies {
			list = append(list, r{name, "/vc/eddsa/" + path, body, want})
		}
	}
	add(400, "credentials/issue", map[string]string{
		"empty": "", "no object": `[]`, "null": `null`, "cut": `{"credential":`, "no credential": `{}`, "credential null": `{"credential":null}`, "credential text": `{"credential":"x"}`,
		"credential list": `{"credential":[]}`, "twice": `{"credential":` + good + `,"credential":` + good + `}`, "twice within": `{"credential":{"a":1,"a":2}}`,
		"trailing": `{"credential":` + good + `}{}`, "BOM": "\uFEFF" + `{"credential":` + good + `}`, "not UTF-8": "{\"credential\":\"\xff\"}", "deep": `{"credential":` + deep + `}`,
		"unknown member": `{"credential":` + good + `,"more":1}`, "options text": `{"credential":` + good + `,"options":"x"}`, "options null": `{"credential":` + good + `,"options":null}`,
		"unknown option": `{"credential":` + good + `,"options":{"personal":"Aina Rahman"}}`, "id number": `{"credential":` + good + `,"options":{"credentialId":5}}`,
		"long id":  `{"credential":` + good + `,"options":{"credentialId":"` + strings.Repeat("i", 600) + `"}}`,
		"pointers": `{"credential":` + good + `,"options":{"mandatoryPointers":"/issuer"}}`, "number too large": `{"credential":{"a":1e999}}`,
		"foreign issuer": `{"credential":` + unsigned("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK") + `}`,
		"no issuer":      `{"credential":{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"credentialSubject":{"id":"did:example:a"}}}`,
		"issuer object":  `{"credential":` + strings.Replace(good, `"`+did+`"`, `{"id":"did:example:x"}`, 1) + `}`, "issuer number": `{"credential":` + strings.Replace(good, `"`+did+`"`, `5`, 1) + `}`,
		"has a proof":    `{"credential":` + unsigned(did, `"proof":{"type":"DataIntegrityProof"}`) + `}`,
		"undefined term": `{"credential":` + unsigned(did, `"nickname":"Aina Rahman"`) + `}`, "no subject": `{"credential":{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"` + did + `"}}`,
		"unknown context": `{"credential":` + strings.Replace(good, `credentials/v2"`, `credentials/v2","https://attacker.example/c"`, 1) + `}`,
	})
	list = append(list, r{"large", "/vc/eddsa/credentials/issue", bigBody(), 413}, r{"large", "/vc/eddsa/credentials/verify", bigBody(), 413}, r{"large", "/vc/eddsa/challenges", bigBody(), 413})
	add(400, "credentials/verify", map[string]string{
		"empty": "", "nothing": `{}`, "null": `{"verifiableCredential":null}`, "text": `{"verifiableCredential":"Aina Rahman"}`, "list": `{"verifiableCredential":[]}`, "number": `{"verifiableCredential":5}`,
		"unknown option": `{"verifiableCredential":{},"options":{"returnEverything":true}}`, "presentation's option": `{"verifiableCredential":{},"options":{"returnPresentation":true}}`,
		"option text": `{"verifiableCredential":{},"options":{"returnResults":"yes"}}`, "challenge number": `{"verifiableCredential":{},"options":{"challenge":5}}`,
		"options list": `{"verifiableCredential":{},"options":[]}`, "unknown member": `{"verifiableCredential":{},"more":1}`, "twice": `{"verifiableCredential":{},"verifiableCredential":{}}`,
		"envelope that is none": `{"verifiableCredential":{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"https://example.com/"}}`,
	})
	add(400, "presentations/verify", map[string]string{
		"empty": "", "nothing": `{}`, "null": `{"verifiablePresentation":null}`, "text": `{"verifiablePresentation":"x"}`, "unknown option": `{"verifiablePresentation":{},"options":{"returnCredential":true}}`,
		"domain list": `{"verifiablePresentation":{},"options":{"domain":["a"]}}`, "long challenge": `{"verifiablePresentation":{},"options":{"challenge":"` + strings.Repeat("c", 5000) + `"}}`,
	})
	add(400, "credentials/derive", map[string]string{
		"empty": "", "nothing": `{}`, "null": `{"verifiableCredential":null}`, "text": `{"verifiableCredential":"Aina Rahman"}`, "no proof": `{"verifiableCredential":` + good + `}`, "an unknown option": `{"verifiableCredential":` + good + `,"options":{"selectivePointers":[],"personal":"Aina Rahman"}}`,
		"options list": `{"verifiableCredential":` + good + `,"options":[]}`, "pointers text": `{"verifiableCredential":` + good + `,"options":{"selectivePointers":"/issuer"}}`, "pointers numbers": `{"verifiableCredential":` + good + `,"options":{"selectivePointers":[1]}}`,
		"long pointer": `{"verifiableCredential":` + good + `,"options":{"selectivePointers":["/` + strings.Repeat("p", 5000) + `"]}}`, "unknown member": `{"verifiableCredential":` + good + `,"more":1}`,
		"pointers at the top": `{"verifiableCredential":` + good + `,"selectivePointers":["/issuer"]}`, "many pointers": `{"verifiableCredential":` + good + `,"options":{"selectivePointers":[` + strings.Repeat(`"/issuer",`, 600) + `"/issuer"]}}`,
		"another suite": `{"verifiableCredential":` + w.issue("eddsa") + `}`, "an envelope": `{"verifiableCredential":` + w.issue("jwt") + `}`,
	})
	entry := `"credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation"}`
	add(400, "credentials/status", map[string]string{
		"empty": "", "no id": `{` + entry + `,"status":true}`, "id number": `{"credentialId":5,` + entry + `,"status":true}`, "no status": `{"credentialId":"a",` + entry + `}`,
		"status text": `{"credentialId":"a",` + entry + `,"status":"true"}`, "no entry": `{"credentialId":"a","status":true}`, "entry text": `{"credentialId":"a","credentialStatus":"x","status":true}`,
		"entry with more": `{"credentialId":"a","credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation","x":1},"status":true}`,
		"another type":    `{"credentialId":"a","credentialStatus":{"type":"StatusList2021Entry","statusPurpose":"revocation"},"status":true}`,
		"another purpose": `{"credentialId":"a","credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"message"},"status":true}`,
		"index number":    `{"credentialId":"a","credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":5},"status":true}`,
		"allocator":       `{"credentialId":"a",` + entry + `,"status":true,"indexAllocator":5}`,
	})
	add(404, "credentials/status", map[string]string{"unknown": `{"credentialId":"urn:uuid:none",` + entry + `,"status":true}`})
	add(400, "status-lists", map[string]string{"empty": "", "purpose number": `{"statusPurpose":5}`, "another purpose": `{"statusPurpose":"message"}`, "own id": `{"statusPurpose":"revocation","id":"https://attacker.example/list"}`,
		"unknown option": `{"statusPurpose":"revocation","options":{"length":8}}`, "options text": `{"statusPurpose":"revocation","options":"x"}`})
	add(400, "challenges", map[string]string{"a member": `{"a":1}`, "list": `[]`})
	add(404, "workflows/other/exchanges", map[string]string{"unknown workflow": `{"variables":{"credential":"x"}}`})
	add(400, "workflows/claim/exchanges", map[string]string{"empty": "", "no variables": `{}`, "variables text": `{"variables":"x"}`, "more variables": `{"variables":{"credential":"x","template":"y"}}`, "credential number": `{"variables":{"credential":5}}`})
	add(422, "workflows/claim/exchanges", map[string]string{"unknown credential": `{"variables":{"credential":"none"}}`})
	add(404, "workflows/claim/exchanges/zabc", map[string]string{"unknown exchange": ``, "with a presentation": `{"verifiablePresentation":{}}`})
	return list
}

// TestRefusals: every malformed request is a 4xx in the form of a problem, which repeats
// nothing of what was sent.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	for _, r := range w.refusals() {
		a := w.do("POST", r.path, r.body)
		if a.status != r.want {
			t.Errorf("%s %s: %d, expected %d: %s", r.path, r.name, a.status, r.want, a.text)
			continue
		}
		w.problem(a)
		for _, secret := range []string{"Aina", "personal", "nickname\":", "xxxxxxxx", "attacker.example/list"} {
			if strings.Contains(a.text, secret) {
				t.Errorf("%s %s: echoes %s: %s", r.path, r.name, secret, a.text)
			}
		}
		if strings.Contains(r.name, "unknown option") != strings.Contains(a.text, "/TR/vcalm#UNKNOWN_OPTION_PROVIDED") && r.name != "presentation's option" {
			t.Errorf("%s %s: %s", r.path, r.name, a.text)
		}
	}
	w.want(415, "POST", "/vc/eddsa/credentials/issue", `{"credential":{}}`, "Content-Type", "text/plain")
	w.want(415, "POST", "/vc/eddsa/credentials/verify", `verifiableCredential=x`, "Content-Type", "application/x-www-form-urlencoded")
	for _, path := range []string{"/vc/eddsa/credentials/issue", "/vc/eddsa/challenges", "/vc/eddsa/status-lists"} {
		if a := w.want(405, "GET", path, ""); a.header.Get("Allow") != "POST" {
			t.Errorf("%s: Allow %q", path, a.header.Get("Allow"))
		}
	}
	for _, path := range []string{"/vc/", "/vc/eddsa", "/vc/eddsa/credentials", "/interactions/", "/interactions/none?iuv=1", "/vc/eddsa/status-lists/none"} {
		w.want(404, "GET", path, "")
	}
	w.want(400, "GET", "/interactions/none", "")
	if n, _, err := count(w); err != nil || n != 0 {
		t.Errorf("%d records after refused requests, %v", n, err)
	}
}

// count counts what the plane stores.
func count(w *world) (n int, text string, err error) {
	err = w.store.View(w.ctx, func(tx service.Tx) error {
		for _, k := range []service.Kind{service.KindChallenge, service.KindExchange, "vcalm-credential"} {
			scopes, err := tx.Scopes(w.ctx, k)
			if err != nil {
				return err
			}
			for _, s := range scopes {
				list, err := tx.List(w.ctx, s, k, nil, service.Page{Limit: service.MaxLimit})
				if err != nil {
					return err
				}
				n += len(list.Items)
				for _, r := range list.Items {
					text += fmt.Sprintf("%s %s\n", r.ID, r.Body)
				}
			}
		}
		return nil
	})
	return n, text, err
}

// FuzzOperations: no request makes a 5xx, and every answer is JSON.
func FuzzOperations(f *testing.F) {
	paths := []string{"credentials/issue", "credentials/verify", "credentials/derive", "presentations/verify", "credentials/status", "status-lists", "challenges", "workflows/claim/exchanges", "workflows/claim/exchanges/z1", "workflows/claim/exchanges/z1/invite-request/response", "workflows/verify/exchanges"}
	for i := range paths {
		f.Add(i, `{"credential":{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"did:key:z6Mk","credentialSubject":{}},"options":{}}`)
		f.Add(i, `{"verifiableCredential":{"proof":[{"type":"DataIntegrityProof","previousProof":"x"}]},"options":{"returnResults":true,"returnProblemDetails":true}}`)
		f.Add(i, `{"verifiablePresentation":{"type":["VerifiablePresentation"],"verifiableCredential":[{}]},"options":{"challenge":"c"}}`)
		f.Add(i, `{"credentialId":"a","credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation"},"status":true}`)
		f.Add(i, `{"url":"https://a.example/","purpose":"p","referenceId":"r"}`)
		f.Add(i, `{"variables":{"verifiablePresentationRequest":{"query":[{"type":"QueryByExample"}]},"allowUnprotectedPresentation":true},"expires":"2026-05-10T08:10:00Z"}`)
		f.Add(i, `{"statusPurpose":"revocation","id":"a"}`)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, i int, body string) {
		w.t = t
		a := w.do("POST", "/vc/eddsa/"+paths[uint(i)%uint(len(paths))], body)
		if a.status >= 500 || a.at() == nil && a.text != "" {
			t.Errorf("%d %s", a.status, a.text)
		}
	})
}

// TestProblemTypes: problems have the types that the specifications give them (VC Data Model
// 2.0, 7.2; VC Data Integrity 1.0, 4.7; VCALM 1.0, 3.8).
func TestProblemTypes(t *testing.T) {
	w := newWorld(t)
	good, holder := w.issue("eddsa"), newWallet(t, 1)
	verify := func(what, text, options string) answer {
		kind := map[string]string{"credentials": "verifiableCredential", "presentations": "verifiablePresentation"}[what]
		return w.do("POST", "/vc/eddsa/"+what+"/verify", `{"`+kind+`":`+text+`,"options":{"returnProblemDetails":true`+options+`}}`)
	}
	for want, a := range map[string]answer{
		"https://www.w3.org/TR/vc-data-model#RANGE_ERROR":                  verify("credentials", w.issue("eddsa", `"validUntil":"2026-01-01T00:00:00Z"`), ""),
		"https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR":        w.do("POST", "/vc/eddsa/credentials/issue", `{"credential":`+unsigned("did:example:x")+`}`),
		"https://www.w3.org/TR/vc-data-model#PARSING_ERROR":                verify("credentials", `{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:application/vc+cose,x"}`, ""),
		"https://www.w3.org/TR/vc-data-model#CRYPTOGRAPHIC_SECURITY_ERROR": verify("credentials", unsigned("did:example:x"), ""),
		"https://w3id.org/security#PROOF_VERIFICATION_ERROR":               verify("credentials", strings.Replace(good, "did:example:holder", "did:example:other", 1), ""),
		"https://w3id.org/security#INVALID_CHALLENGE_ERROR":                verify("presentations", w.presents(holder, "c", ""), `,"challenge":"d"`),
		"https://w3id.org/security#INVALID_DOMAIN_ERROR":                   verify("presentations", w.presents(holder, "c", "a.example"), `,"domain":"b.example"`),
		"https://www.w3.org/TR/vcalm#UNKNOWN_OPTION_PROVIDED":              verify("credentials", good, `,"returnEverything":true`),
	} {
		found := a.str("type")
		if list, _ := a.at("problemDetails").([]any); len(list) > 0 {
			found, _ = list[0].(map[string]any)["type"].(string)
		}
		if found != want {
			t.Errorf("expected %s, found %s: %.300s", want, found, a.text)
		}
	}
}
