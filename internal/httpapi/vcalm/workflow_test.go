package vcalm_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer"
)

const byExample = `{"type":"QueryByExample","credentialQuery":{"reason":"We need it.","example":{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"]}}}`

// asks begins an exchange of the workflow verify and returns its path.
func (w *world) asks(key, variables string) string {
	w.t.Helper()
	a := w.want(201, "POST", "/vc/"+w.issuer+"/workflows/verify/exchanges", `{"variables":{`+variables+`}}`, "key", key)
	return strings.TrimPrefix(a.header.Get("Location"), base)
}

// audited counts the lines of north's audit log with an action.
func (w *world) audited(action string) (n int) {
	w.t.Helper()
	must(0, w.store.View(w.ctx, func(tx service.Tx) error {
		lines, err := tx.Unchained(w.ctx, w.north.Scope, 1000)
		for _, l := range lines {
			if l.Action == action {
				n++
			}
		}
		return err
	}))(w.t)
	return n
}

// TestVerifyWorkflow: a wallet presents what a coordinator asks for; the coordinator alone
// reads what came and how it was judged, while the exchange lasts.
func TestVerifyWorkflow(t *testing.T) {
	w := newWorld(t)
	key, holder := w.key(w.north), newWallet(t, 1)
	vc := w.issue("p256", `"name":"Somebody"`)
	path := w.asks(key, `"verifiablePresentationRequest":{"query":[`+byExample+`],"domain":"chancery.example"},"redirectUrl":"https://shop.example/thanks"`)
	current := shape(t, "request", w.want(200, "GET", path+"/request", ""))
	if a := shape(t, "exchange", w.want(200, "GET", path, "", "key", key)); a.str("state") != "pending" || a.str("step") != "verify" {
		t.Errorf("reading the request changed something: %s", a.text)
	}
	ask := shape(t, "request", w.want(200, "POST", path, `{}`))
	if ask.text != current.text || !strings.Contains(ask.text, byExample) {
		t.Errorf("asks for %s, and for %s", current.text, ask.text)
	}
	challenge := ask.str("verifiablePresentationRequest", "challenge")
	refuse := func(name, text string) {
		t.Helper()
		a := w.want(400, "POST", path, vp(text))
		if strings.Contains(a.text, holder.did) || strings.Contains(a.text, challenge) || strings.Contains(a.text, "Somebody") {
			t.Errorf("%s: echoes %s", name, a.text)
		}
		state := shape(t, "exchange", w.want(200, "GET", path, "", "key", key))
		if state.str("state") != "active" || state.str("lastError", "type") != a.str("type") || strings.Contains(state.text, "Somebody") {
			t.Errorf("%s: %s", name, state.text)
		}
	}
	unsigned := `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"verifiableCredential":[` + vc + `]}`
	refuse("no proof", unsigned)
	refuse("another challenge", w.presents(holder, "other", "chancery.example", holds(vc)))
	refuse("another domain", w.presents(holder, challenge, "attacker.example", holds(vc)))
	refuse("no credential", w.presents(holder, challenge, "chancery.example"))
	refuse("a changed credential", w.presents(holder, challenge, "chancery.example", holds(strings.Replace(vc, "Somebody", "Somebodi", 1))))
	good := w.presents(holder, challenge, "chancery.example", holds(vc))
	refuse("changed", strings.Replace(good, "Somebody", "Somebodi", 1))
	w.want(400, "POST", path, `{"verifiablePresentation":[`+good+`,`+good+`]}`)
	if a := w.want(200, "POST", path, `{"verifiablePresentation":[`+good+`],"referenceId":"urn:uuid:5c7c1a4c-0a2a-4c83-9d6b-0d4f8a4f2d11"}`); a.text != `{"redirectUrl":"https://shop.example/thanks"}` {
		t.Errorf("%s", a.text)
	}
	if a := w.want(200, "GET", path+"/request", ""); a.text != `{"verifiablePresentationRequest":{}}` {
		t.Errorf("after the end: %s", a.text)
	}
	w.want(409, "POST", path, vp(good))
	w.want(401, "GET", path, "")
	w.want(404, "GET", path, "", "key", w.key(w.south))
	w.want(403, "GET", path, "", "key", w.key(w.north, service.MayIssue))
	state := shape(t, "exchange", w.want(200, "GET", path, "", "key", key))
	step := func(members ...string) any {
		return state.at(append([]string{"variables", "results", "verify"}, members...)...)
	}
	if state.str("state") != "complete" || state.at("lastError") != nil || step("did") != holder.did || !strings.Contains(state.text, `"verifiablePresentation":`+good) || step("verifyPresentationResults", "verified") != true {
		t.Errorf("%s", state.text)
	}
	if n := w.audited("vcalm.present"); n != 1 {
		t.Errorf("%d lines in the audit log", n)
	}
	w.pass(16 * time.Minute)
	w.want(404, "GET", path, "", "key", key)
	w.pass(2 * time.Hour)
	jobs, _ := w.plane.Jobs()
	for _, job := range jobs {
		must(0, job(w.ctx, service.Run{}))(t)
	}
	must(0, w.store.View(w.ctx, func(tx service.Tx) error {
		list, err := tx.List(w.ctx, w.north.Scope, "vcalm-presentation", nil, service.Page{Limit: 10})
		if len(list.Items) != 0 {
			t.Error("what was presented is kept")
		}
		return err
	}))(t)
}

// TestPresentedIsSealed: what was presented is about people, and lies nowhere in the clear.
func TestPresentedIsSealed(t *testing.T) {
	w := newWorld(t)
	path := w.asks(w.key(w.north), `"verifiablePresentationRequest":{"query":`+byExample+`},"allowUnprotectedPresentation":true`)
	w.want(200, "POST", path, vp(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"verifiableCredential":[`+w.issue("eddsa", `"name":"Somebody"`)+`]}`))
	must(0, w.store.View(w.ctx, func(tx service.Tx) error {
		for _, k := range []service.Kind{service.KindExchange, "vcalm-presentation"} {
			list, err := tx.List(w.ctx, w.north.Scope, k, nil, service.Page{Limit: 10})
			if err != nil || len(list.Items) != 1 || strings.Contains(string(list.Items[0].Body), "Somebody") {
				t.Errorf("%s: %d records, %v", k, len(list.Items), err)
				continue
			}
			var body struct {
				Sealed []byte `json:"sealed"`
			}
			must(0, json.Unmarshal(list.Items[0].Body, &body))(t)
			if bytes.Contains(body.Sealed, []byte("Somebody")) {
				t.Errorf("%s: in the clear", k)
			}
		}
		return nil
	}))(t)
	if strings.Contains(w.log.String(), "Somebody") {
		t.Error("in the log")
	}
}

// TestUnprotectedPresentation: where the coordinator allows it, a presentation needs no
// proof. The credentials in it do, and it does not count as verified.
func TestUnprotectedPresentation(t *testing.T) {
	w := newWorld(t)
	key, holder := w.key(w.north), newWallet(t, 1)
	vc, jwt := w.issue("p256", `"name":"Somebody"`), w.issue("jwt")
	const head = `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"]`
	with := func(credentials string) string { return head + `,"verifiableCredential":[` + credentials + `]}` }
	variables := `"verifiablePresentationRequest":{"query":` + byExample + `},"allowUnprotectedPresentation":true`
	path := w.asks(key, variables)
	challenge := shape(t, "request", w.want(200, "POST", path, "")).str("verifiablePresentationRequest", "challenge")
	signed := w.presents(holder, challenge, "chancery.example", holds(vc))
	for name, text := range map[string]string{
		"no credentials": head + `}`, "an empty list": with(``), "a changed credential": with(strings.Replace(vc, "Somebody", "Somebodi", 1)), "one of two changed": with(vc + "," + strings.Replace(vc, "Somebody", "Somebodi", 1)),
		"a credential without proof": with(unsigned("did:example:x")), "a proof that is bad": strings.Replace(signed, holder.did+`","`, newWallet(t, 2).did+`","`, 1),
		"a proof that is null": strings.TrimSuffix(with(vc), "}") + `,"proof":null}`, "a proof of another exchange": w.presents(holder, "other", "chancery.example", holds(vc)), "no context": `{"type":["VerifiablePresentation"],"verifiableCredential":[` + vc + `]}`,
		"another type": strings.Replace(with(vc), "VerifiablePresentation", "Presentation", 1), "a credential": vc, "an envelope": jwt, "text in the list": with(`"` + holder.did + `"`), "undefined terms": strings.TrimSuffix(with(vc), "}") + `,"nickname":"x"}`,
	} {
		if a := w.do("POST", path, vp(text)); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	w.want(200, "POST", w.asks(key, variables), vp(strings.TrimSuffix(with(vc), "}")+`,"proof":[]}`)) // is none
	if a := w.want(200, "POST", path, vp(with(vc+","+jwt))); a.text != `{}` {
		t.Errorf("%s", a.text)
	}
	state := shape(t, "exchange", w.want(200, "GET", path, "", "key", key))
	results := answer{text: state.text}.at("variables", "results", "verify", "verifyPresentationResults").(map[string]any)
	credentials := results["results"].(map[string]any)["credentials"].([]any)
	if results["verified"] != false || len(credentials) != 2 || state.at("variables", "results", "verify", "did") != nil {
		t.Errorf("%s", state.text)
	}
	for _, c := range credentials {
		if c.(map[string]any)["verified"] != true {
			t.Errorf("%v", c)
		}
	}
	// With a proof it is as good as ever, and the holder is known.
	path = w.asks(key, variables)
	challenge = w.want(200, "GET", path+"/request", "").str("verifiablePresentationRequest", "challenge")
	w.want(200, "POST", path, vp(w.presents(holder, challenge, "chancery.example", holds(vc))))
	if a := w.want(200, "GET", path, "", "key", key); a.str("variables", "results", "verify", "did") != holder.did || a.at("variables", "results", "verify", "verifyPresentationResults", "verified") != true {
		t.Errorf("%s", a.text)
	}
	// A holder who is only named is not who presents.
	path = w.asks(key, variables)
	w.want(200, "POST", path, vp(strings.TrimSuffix(with(vc), "}")+`,"holder":"`+holder.did+`"}`))
	if a := w.want(200, "GET", path, "", "key", key); a.at("variables", "results", "verify", "did") != nil {
		t.Errorf("%s", a.text)
	}
}

// TestEnvelopedPresentation: a presentation that is a token is judged as one with a proof.
func TestEnvelopedPresentation(t *testing.T) {
	w := newWorld(t)
	key, holder := w.key(w.north), newWallet(t, 1)
	vc := w.issue("p256")
	envelope := func(nonce, audience string) string {
		text := `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"` + holder.did + `"}`
		holds(vc)(nil, &text)
		s := &signer.JOSE{Key: holder.key, Nonce: nonce, Audience: []string{audience}}
		return string(must(signer.Envelop(must(s.SignPresentation(w.ctx, must(chancery.ParsePresentation([]byte(text)))(t)))(t)))(t))
	}
	got := shape(t, "presentation", w.want(200, "POST", "/vc/eddsa/presentations/verify", `{"verifiablePresentation":`+envelope("n", "shop.example")+`,"options":{"challenge":"n","domain":"shop.example"}}`))
	for _, name := range []string{"challenge", "domain", "holder"} {
		if got.at("results", "presentation", name, "verified") != true {
			t.Errorf("%s: %s", name, got.text)
		}
	}
	if got.str("results", "presentation", "holder", "input") != holder.did || len(got.at("results", "credentials").([]any)) != 1 {
		t.Errorf("%s", got.text)
	}
	for _, unprotected := range []string{"false", "true"} {
		path := w.asks(key, `"verifiablePresentationRequest":{"query":`+byExample+`},"allowUnprotectedPresentation":`+unprotected)
		challenge := w.want(200, "GET", path+"/request", "").str("verifiablePresentationRequest", "challenge")
		good := envelope(challenge, "chancery.example")
		token, _, _ := strings.Cut(good[strings.Index(good, "vp+jwt,"):], `"`)
		signature := token[strings.LastIndexByte(token, '.')+1:]
		for name, text := range map[string]string{"another challenge": envelope("other", "chancery.example"), "another domain": envelope(challenge, "attacker.example"), "no signature": strings.Replace(good, signature, "", 1), "a changed one": strings.Replace(good, signature[:8], strings.Repeat("A", 8), 1)} {
			if a := w.do("POST", path, vp(text)); a.status != 400 {
				t.Errorf("%s: %d %s", name, a.status, a.text)
			}
		}
		w.want(200, "POST", path, vp(good))
		if a := w.want(200, "GET", path, "", "key", key); a.str("variables", "results", "verify", "did") != holder.did {
			t.Errorf("%s", a.text)
		}
	}
}

// TestDIDAuthentication: where nothing but the holder is asked for, no credential is needed.
func TestDIDAuthentication(t *testing.T) {
	w := newWorld(t)
	key, holder := w.key(w.north), newWallet(t, 1)
	for query, want := range map[string]int{`{"type":"DIDAuthentication"}`: 200, `[{"type":["DIDAuthentication"]}]`: 200, `[{"type":"DIDAuthentication"},` + byExample + `]`: 400, `[{"type":"DIDAuthentication"},{"type":"QueryByExample","required":false,"credentialQuery":{}}]`: 200} {
		path := w.asks(key, `"verifiablePresentationRequest":{"query":`+query+`}`)
		challenge := w.want(200, "GET", path+"/request", "").str("verifiablePresentationRequest", "challenge")
		w.want(want, "POST", path, vp(w.presents(holder, challenge, "chancery.example", func(d *signer.DataIntegrity, _ *string) {})))
	}
}

// TestVerifyWorkflowRefuses: what an exchange is made with is checked.
func TestVerifyWorkflowRefuses(t *testing.T) {
	w := newWorld(t)
	key, path := w.key(w.north), "/vc/"+w.issuer+"/workflows/verify/exchanges"
	const ask = `"verifiablePresentationRequest":`
	for name, variables := range map[string]string{
		"nothing": ``, "null": ask + `null`, "text": ask + `"Aina Rahman"`, "list": ask + `[]`, "no query": ask + `{}`, "empty": ask + `{"query":[]}`, "query text": ask + `{"query":"Aina Rahman"}`, "query of texts": ask + `{"query":["Aina Rahman"]}`,
		"no type": ask + `{"query":[{}]}`, "type number": ask + `{"query":[{"type":5}]}`, "type empty": ask + `{"query":[{"type":""}]}`, "two types": ask + `{"query":[{"type":["a","b"]}]}`, "query null": ask + `{"query":null}`,
		"many": ask + `{"query":[` + strings.Repeat(byExample+",", 16) + byExample + `]}`, "large": ask + `{"query":{"type":"` + strings.Repeat("x", 64<<10) + `"}}`,
		"a challenge": ask + `{"query":` + byExample + `,"challenge":"mine"}`, "another domain": ask + `{"query":` + byExample + `,"domain":"attacker.example"}`, "domain number": ask + `{"query":` + byExample + `,"domain":5}`, "interact": ask + `{"query":` + byExample + `,"interact":{}}`,
		"a credential": ask + `{"query":` + byExample + `},"credential":"x"`, "a template": ask + `{"query":` + byExample + `},"template":"Aina Rahman"`, "unsigned text": ask + `{"query":` + byExample + `},"allowUnprotectedPresentation":"yes"`,
		"unsigned authentication": ask + `{"query":{"type":"DIDAuthentication"}},"allowUnprotectedPresentation":true`, "redirect number": ask + `{"query":` + byExample + `},"redirectUrl":5`,
		"redirect to a script": ask + `{"query":` + byExample + `},"redirectUrl":"javascript:alert(1)"`, "redirect over http": ask + `{"query":` + byExample + `},"redirectUrl":"http://shop.example/"`, "redirect with a user": ask + `{"query":` + byExample + `},"redirectUrl":"https://a:b@shop.example/"`,
	} {
		a := w.do("POST", path, `{"variables":{`+variables+`}}`, "key", key)
		if a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
			continue
		}
		w.problem(a)
		if strings.Contains(a.text, "Aina") || strings.Contains(a.text, "attacker") {
			t.Errorf("%s: echoes %s", name, a.text)
		}
	}
	good := `{"variables":{` + ask + `{"query":` + byExample + `}}}`
	w.want(401, "POST", path, good)
	w.want(404, "POST", path, good, "key", w.key(w.south))
	w.want(403, "POST", path, good, "key", w.key(w.north, service.MayIssue))
	w.want(400, "POST", path, `{"variables":{`+ask+`{"query":`+byExample+`}},"openId":{}}`, "key", key)
	w.want(201, "POST", path, good, "key", w.key(w.north, service.MayRead))
	if n := w.audited("vcalm.exchange"); n != 1 {
		t.Errorf("%d exchanges were begun", n)
	}
	// An exchange is of its workflow and its instance alone.
	other := strings.TrimPrefix(w.want(201, "POST", path, good, "key", key).header.Get("Location"), base)
	for _, wrong := range []string{strings.Replace(other, "/verify/", "/claim/", 1), strings.Replace(other, w.issuer, "eddsa", 1), strings.Replace(other, "/verify/", "/other/", 1)} {
		w.want(404, "POST", wrong, "")
		w.want(404, "GET", wrong+"/request", "")
		w.want(404, "GET", wrong+"/protocols", "")
		w.want(404, "POST", wrong+"/invite-request/response", `{"url":"https://wallet.example/","purpose":"p","referenceId":"r"}`)
	}
	w.want(413, "POST", other, vp(`{"x":"`+strings.Repeat("x", 1<<20)+`"}`))
	for _, body := range []string{`{"referenceId":5}`, `{"verifiablePresentationRequest":{"query":` + byExample + `}}`, `{"redirectUrl":"https://wallet.example/"}`, `{"verifiablePresentation":[]}`, `{"verifiablePresentation":[5]}`, `{"verifiablePresentation":"x"}`} {
		w.want(400, "POST", other, body)
	}
	if a := w.want(200, "GET", other, "", "key", key); a.str("state") == "complete" {
		t.Errorf("%s", a.text)
	}
}

// TestInteractionPage: who opens an interaction URL with a browser is told that it is for a
// wallet, and no exchange is begun; wallets get the protocols.
func TestInteractionPage(t *testing.T) {
	w := newWorld(t)
	c := w.claimable()
	exchanges := func() (n int) {
		must(0, w.store.View(w.ctx, func(tx service.Tx) error {
			list, err := tx.List(w.ctx, w.north.Scope, service.KindExchange, nil, service.Page{Limit: 100})
			n = len(list.Items)
			return err
		}))(t)
		return n
	}
	open := "/interactions/" + c.PublicID + "?iuv=1"
	for _, accept := range []string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html", "image/png", "text/*;q=0.1", "application/json;q=0"} {
		a := w.want(200, "GET", open, "", "Accept", accept)
		if a.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(a.text, "digital wallet") || !strings.Contains(a.text, `href="`+base+`/c/`+c.PublicID+`"`) || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v %s", accept, a.header, a.text)
		}
	}
	if n := exchanges(); n != 0 {
		t.Errorf("%d exchanges were begun by looking", n)
	}
	for _, accept := range []string{"application/json", "*/*", "application/ld+json, application/json", "application/*", "text/html;q=0.5, application/json"} {
		shape(t, "protocols", w.want(200, "GET", open, "", "Accept", accept))
	}
	url := w.exchange(w.key(w.north), c.ID)
	if a := w.want(200, "GET", "/interactions/"+url[strings.LastIndexByte(url, '/')+1:]+"?iuv=1", "", "Accept", "text/html"); strings.Contains(a.text, "href") {
		t.Errorf("a link to %s", a.text)
	}
	private := w.claimable(func(in *service.NewCredential) { in.Visibility = "private" })
	for _, id := range []string{private.PublicID, c.ID, "none", "%3Cscript%3E"} {
		w.want(404, "GET", "/interactions/"+id+"?iuv=1", "", "Accept", "text/html")
	}
	w.want(400, "GET", "/interactions/"+c.PublicID, "", "Accept", "text/html")
}

// TestAccept: what cannot be answered as asked for is refused before anything is done.
func TestAccept(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"credentials/issue", "status-lists", "challenges"} {
		for _, accept := range []string{"text/html", "application/pdf", "application/json;q=0, text/plain"} {
			a := w.want(406, "POST", "/vc/eddsa/"+path, `{"statusPurpose":"revocation","id":"none"}`, "Accept", accept)
			if a.str("code") != "NOT_ACCEPTABLE" {
				t.Errorf("%s", a.text)
			}
		}
	}
	w.want(404, "GET", "/vc/eddsa/status-lists/none", "")
	for accept, want := range map[string]string{
		"": "application/problem+json", "*/*": "application/problem+json", "application/*": "application/problem+json", "application/json": "application/json", "application/ld+json, application/json": "application/json",
		"application/json, application/problem+json": "application/problem+json", "application/vc": "application/json", "application/problem+json": "application/problem+json",
	} {
		headers := []string{}
		if accept != "" {
			headers = []string{"Accept", accept}
		}
		if a := w.do("POST", "/vc/eddsa/credentials/issue", `{}`, headers...); a.status != 400 || a.header.Get("Content-Type") != want {
			t.Errorf("%q: %d %s", accept, a.status, a.header.Get("Content-Type"))
		}
	}
	w.want(201, "POST", "/vc/eddsa/status-lists", `{"statusPurpose":"revocation","id":"typed"}`)
	for accept, want := range map[string]string{"*/*": "application/json", "application/json": "application/json", "application/vc": "application/vc", "application/vc, application/json": "application/json", "application/vc, */*;q=0.5": "application/vc"} {
		if a := w.want(200, "GET", "/vc/eddsa/status-lists/typed", "", "Accept", accept); a.header.Get("Content-Type") != want || a.header.Get("Vary") == "" {
			t.Errorf("%s: %v", accept, a.header)
		}
	}
}
