package vcalm_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/httpapi"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer"
)

// claimable is a credential of the tenant north that a wallet can get.
func (w *world) claimable(change ...func(*service.NewCredential)) service.Credential {
	w.t.Helper()
	if !w.typed {
		w.typed = true
		must(w.core.CreateType(w.ctx, w.north, service.NewType{Key: "safety", DisplayName: "Safety", Kind: "certificate", Outputs: []string{"vc"}}, service.Idempotency{}))(w.t)
	}
	in := service.NewCredential{Type: "safety", ItemInput: service.ItemInput{Recipient: service.Recipient{Name: "Aina Rahman"}}}
	for _, f := range change {
		f(&in)
	}
	return must(w.core.Issue(w.ctx, w.north, in, service.Idempotency{}))(w.t).Value
}

// exchange begins an exchange and returns its URL.
func (w *world) exchange(key, credential string) string {
	w.t.Helper()
	a := w.want(201, "POST", "/vc/"+w.issuer+"/workflows/claim/exchanges", `{"variables":{"credential":"`+credential+`"}}`, "key", key)
	if !strings.HasSuffix(a.header.Get("Location"), a.str("id")) {
		w.t.Errorf("Location %s, id %s", a.header.Get("Location"), a.str("id"))
	}
	return a.header.Get("Location")
}

func vp(text string) string { return `{"verifiablePresentation":` + text + `}` }

// TestExchange: empty POST, request, presentation, credential; then the exchange is over.
func TestExchange(t *testing.T) {
	w := newWorld(t)
	key, c, holder := w.key(w.north), w.claimable(), newWallet(t, 1)
	url := w.exchange(key, c.ID)
	path := strings.TrimPrefix(url, base)
	state := func(want string, sequence float64) answer {
		t.Helper()
		a := shape(t, "exchange", w.want(200, "GET", path, "", "key", key))
		if a.str("state") != want || a.at("sequence") != sequence {
			t.Errorf("expected %s: %s", want, a.text)
		}
		return a
	}
	state("pending", 0)
	ask := shape(t, "request", w.want(200, "POST", path, `{}`))
	state("active", 1)
	if again := w.want(200, "POST", path, ""); again.text != ask.text {
		t.Errorf("asked again: %s", again.text)
	}
	challenge, domain := ask.str("verifiablePresentationRequest", "challenge"), ask.str("verifiablePresentationRequest", "domain")
	good := w.presents(holder, challenge, domain)
	got := shape(t, "delivery", w.want(200, "POST", path, vp(good)))
	credentials := got.at("verifiablePresentation", "verifiableCredential").([]any)
	if len(credentials) != 1 || !strings.Contains(got.text, string(must(w.core.Artifact(w.ctx, w.north, c.ID, "vc"))(t).Bytes)) {
		t.Errorf("not the credential, byte for byte: %s", got.text)
	}
	if a := state("complete", 2); a.str("variables", "results", "claim", "did") != holder.did {
		t.Errorf("holder: %s", a.text)
	}
	w.want(409, "POST", path, vp(good)) // replayed
	w.want(409, "POST", path, "")
	w.want(201, "POST", "/vc/"+w.issuer+"/status-lists", `{"statusPurpose":"suspension"}`, "key", key)
	// The audit log says what was made and handed out, not to whom.
	var found []string
	must(0, w.store.View(w.ctx, func(tx service.Tx) error {
		lines, err := tx.Unchained(w.ctx, w.north.Scope, 1000)
		for _, l := range lines {
			if strings.HasPrefix(l.Action, "vcalm.") {
				actor, _, _ := strings.Cut(l.Actor, ":")
				found = append(found, l.Action+" "+strings.ReplaceAll(l.Subject, w.issuer, "issuer")+" "+actor+" "+string(l.Detail))
			}
		}
		return err
	}))(t)
	if want := []string{"vcalm.exchange " + c.ID + " key ", "vcalm.deliver " + c.ID + " wallet ", `vcalm.list issuer key {"purpose":"suspension"}`}; !slices.Equal(found, want) {
		t.Errorf("found %q, expected %q", found, want)
	}
}

// TestExchangeRefuses: a presentation for another exchange, domain or holder, changed, or
// none at all brings nothing, and the exchange stays open.
func TestExchangeRefuses(t *testing.T) {
	w := newWorld(t)
	key, holder, thief := w.key(w.north), newWallet(t, 1), newWallet(t, 2)
	c := w.claimable()
	path := strings.TrimPrefix(w.exchange(key, c.ID), base)
	other := strings.TrimPrefix(w.exchange(key, c.ID), base)
	challenge := func(path string) string {
		return w.want(200, "POST", path, "").str("verifiablePresentationRequest", "challenge")
	}
	mine, theirs := challenge(path), challenge(other)
	if mine == theirs {
		t.Fatal("two exchanges with one challenge")
	}
	good := w.presents(holder, mine, "chancery.example")
	for name, body := range map[string]string{
		"another exchange's challenge": vp(w.presents(holder, theirs, "chancery.example")),
		"no challenge":                 vp(w.presents(holder, "", "chancery.example")),
		"another domain":               vp(w.presents(holder, mine, "attacker.example")),
		"no domain":                    vp(w.presents(holder, mine, "")),
		"another holder":               vp(w.presents(thief, mine, "chancery.example", func(_ *signer.DataIntegrity, s *string) { *s = strings.Replace(*s, thief.did, holder.did, 1) })),
		"another purpose":              vp(w.presents(holder, mine, "chancery.example", func(d *signer.DataIntegrity, _ *string) { d.Purpose = "assertionMethod" })),
		"changed":                      vp(strings.Replace(good, holder.did, thief.did, 1)),
		"no proof":                     vp(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"` + holder.did + `"}`),
		"no object":                    `{"verifiablePresentation":5}`,
		"a credential":                 vp(w.issue("eddsa")),
		"null":                         `{"verifiablePresentation":null}`,
		"a request":                    `{"verifiablePresentationRequest":{}}`,
	} {
		if a := w.do("POST", path, body); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		} else if strings.Contains(a.text, mine) || strings.Contains(a.text, holder.did) {
			t.Errorf("%s: echoes %s", name, a.text)
		}
	}
	w.want(404, "POST", strings.Replace(path, "/vc/"+w.issuer, "/vc/eddsa", 1), vp(good)) // at another instance
	shape(t, "delivery", w.want(200, "POST", path, vp(good)))
	w.pass(16 * time.Minute)
	w.want(404, "POST", other, vp(w.presents(holder, theirs, "chancery.example"))) // too late
	w.want(404, "GET", other, "", "key", key)
}

// TestExchangeOnce: of many presentations at once, one gets the credential.
func TestExchangeOnce(t *testing.T) {
	w := newWorld(t)
	path := strings.TrimPrefix(w.exchange(w.key(w.north), w.claimable().ID), base)
	ask := w.want(200, "POST", path, "")
	body := vp(w.presents(newWallet(t, 1), ask.str("verifiablePresentationRequest", "challenge"), "chancery.example"))
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for range 16 {
		wg.Go(func() {
			a := w.do("POST", path, body)
			mu.Lock()
			got[a.status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if got[200] != 1 || got[409] != 15 {
		t.Errorf("expected one 200 and fifteen 409, found %v", got)
	}
}

// TestVCALM_T3_T10_InteractionOrigin: interaction URLs lead to the configured address, whatever the request's
// Host says, and to nowhere else.
func TestVCALM_T3_T10_InteractionOrigin(t *testing.T) {
	w := newWorld(t)
	key, c := w.key(w.north), w.claimable()
	url := w.exchange(key, c.ID)
	id := url[strings.LastIndexByte(url, '/')+1:]
	for _, host := range []string{"chancery.example", "attacker.example", "127.0.0.1:1"} {
		for _, path := range []string{"/interactions/" + id + "?iuv=1", "/vc/" + w.issuer + "/workflows/claim/exchanges/" + id + "/protocols", "/interactions/" + c.PublicID + "?iuv=1"} {
			a := shape(t, "protocols", w.want(200, "GET", path, "", "Host", host, "X-Forwarded-Host", host, "Forwarded", "host="+host))
			if !strings.HasPrefix(a.str("protocols", "vcapi"), base+"/vc/"+w.issuer+"/workflows/claim/exchanges/") {
				t.Errorf("%s %s: %s", host, path, a.text)
			}
		}
		a := w.want(200, "POST", strings.TrimPrefix(url, base), "", "Host", host)
		if strings.Contains(a.text, "attacker") || a.str("verifiablePresentationRequest", "domain") != "chancery.example" {
			t.Errorf("%s: %s", host, a.text)
		}
	}
	for _, query := range []string{"", "?iuv=2", "?iuv", "?x=1"} {
		w.want(400, "GET", "/interactions/"+id+query, "")
	}
}

// TestInteractionOfPublicCredential: the URL of a public credential begins an exchange; that
// of a private one, or of one that was revoked, does not.
func TestInteractionOfPublicCredential(t *testing.T) {
	w := newWorld(t)
	c := w.claimable()
	a := w.want(200, "GET", "/interactions/"+c.PublicID+"?iuv=1", "")
	path := strings.TrimPrefix(a.str("protocols", "vcapi"), base)
	ask := w.want(200, "POST", path, "")
	got := w.want(200, "POST", path, vp(w.presents(newWallet(t, 1), ask.str("verifiablePresentationRequest", "challenge"), "chancery.example")))
	if !strings.Contains(got.text, "Aina Rahman") && !strings.Contains(got.text, c.PublicID) {
		t.Errorf("%s", got.text)
	}
	private := w.claimable(func(in *service.NewCredential) { in.Visibility = "private" })
	w.want(404, "GET", "/interactions/"+private.PublicID+"?iuv=1", "")
	w.want(404, "GET", "/interactions/"+c.ID+"?iuv=1", "")
	must(w.core.Revoke(w.ctx, w.north, c.ID, "error", service.Idempotency{}))(t)
	w.want(404, "GET", "/interactions/"+c.PublicID+"?iuv=1", "")
	late := strings.TrimPrefix(w.exchange(w.key(w.north), private.ID), base)
	ask = w.want(200, "POST", late, "")
	must(w.core.Revoke(w.ctx, w.north, private.ID, "error", service.Idempotency{}))(t)
	w.want(404, "POST", late, vp(w.presents(newWallet(t, 1), ask.str("verifiablePresentationRequest", "challenge"), "chancery.example")))
}

// TestInvited: a wallet's answer to an invitation is kept for the coordinator, not followed.
func TestInvited(t *testing.T) {
	w := newWorld(t)
	key := w.key(w.north)
	url := w.exchange(key, w.claimable().ID)
	path := strings.TrimPrefix(url, base)
	invite := strings.TrimPrefix(w.want(200, "GET", path+"/protocols", "").str("protocols", "inviteRequest"), base)
	for name, body := range map[string]string{
		"empty": "", "no url": `{"purpose":"p","referenceId":"r"}`, "no purpose": `{"url":"https://wallet.example/","referenceId":"r"}`, "no reference": `{"url":"https://wallet.example/","purpose":"p"}`,
		"http": `{"url":"http://wallet.example/","purpose":"p","referenceId":"r"}`, "script": `{"url":"javascript:alert(1)","purpose":"p","referenceId":"r"}`, "user": `{"url":"https://a:b@wallet.example/","purpose":"p","referenceId":"r"}`,
		"relative": `{"url":"/x","purpose":"p","referenceId":"r"}`, "number": `{"url":5,"purpose":"p","referenceId":"r"}`, "purpose number": `{"url":"https://wallet.example/","purpose":5,"referenceId":"r"}`,
		"more": `{"url":"https://wallet.example/","purpose":"p","referenceId":"r","x":1}`,
	} {
		if a := w.do("POST", invite, body); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	w.want(200, "POST", invite, `{"url":"https://wallet.example/go","purpose":"p","referenceId":"r"}`)
	if a := w.want(200, "GET", path, "", "key", key); a.str("variables", "results", "claim", "inviteRequest", "inviteResponse", "url") != "https://wallet.example/go" {
		t.Errorf("%s", a.text)
	}
	w.want(404, "POST", strings.Replace(invite, w.issuer, "eddsa", 1), `{"url":"https://wallet.example/go","purpose":"p","referenceId":"r"}`)
}

// TestExpires: the coordinator says how long an exchange waits, within a day.
func TestExpires(t *testing.T) {
	w := newWorld(t)
	key, path := w.key(w.north), "/vc/"+w.issuer+"/workflows/claim/exchanges"
	ask := func(want int, expires string) answer {
		return w.want(want, "POST", path, `{"variables":{"credential":"`+w.claimable().ID+`"},"expires":`+expires+`}`, "key", key)
	}
	for _, bad := range []string{`"2026-05-10T07:59:59Z"`, `"2026-05-10T08:00:00Z"`, `"2026-05-11T08:00:01Z"`, `"2026-05-10T09:00:00"`, `"tomorrow"`, `""`, `5`, `null`} {
		ask(400, bad)
	}
	first := strings.TrimPrefix(ask(201, `"2026-05-10T08:01:00Z"`).header.Get("Location"), base)
	last := strings.TrimPrefix(ask(201, `"2026-05-11T10:00:00+02:00"`).header.Get("Location"), base)
	if got := w.want(200, "GET", last, "", "key", key).str("expires"); got != "2026-05-11T08:00:00Z" {
		t.Errorf("found %s", got)
	}
	w.want(200, "POST", first, `{"referenceId":"urn:uuid:5c7c1a4c-0a2a-4c83-9d6b-0d4f8a4f2d11"}`)
	w.pass(61 * time.Second)
	w.want(404, "POST", first, "{}")
	w.pass(20 * time.Hour)
	w.want(200, "POST", last, "{}")
}

// TestRepeated: a call that is repeated with its Idempotency-Key has one effect, and gets the
// same answer, byte for byte.
func TestRepeated(t *testing.T) {
	w := newWorld(t)
	key, c := w.key(w.north), w.claimable()
	did := must(w.core.GetIssuer(w.ctx, w.north, w.issuer))(t).DID
	for _, tt := range []struct{ path, body, other string }{
		{"/credentials/issue", `{"credential":` + unsigned(did, `"id":"urn:uuid:once"`) + `,"options":{"credentialId":"once"}}`, `{"credential":` + unsigned(did, `"id":"urn:uuid:two"`) + `}`},
		{"/workflows/claim/exchanges", `{"variables":{"credential":"` + c.ID + `"}}`, `{"variables":{"credential":"` + c.ID + `"},"expires":"2026-05-10T09:00:00Z"}`},
		{"/status-lists", `{"statusPurpose":"revocation"}`, `{"statusPurpose":"suspension"}`},
		{"/status-lists", `{"statusPurpose":"suspension","id":"once"}`, `{"statusPurpose":"suspension","id":"other"}`},
	} {
		path, body := "/vc/"+w.issuer+tt.path, tt.body
		w.pass(25 * time.Hour) // the key is free again
		audit := func() (n int) {
			must(0, w.store.View(w.ctx, func(tx service.Tx) error {
				lines, err := tx.Unchained(w.ctx, w.north.Scope, 1000)
				n = len(lines)
				return err
			}))(t)
			return n
		}
		first := w.want(201, "POST", path, body, "key", key, "Idempotency-Key", "k")
		before := audit()
		var wait sync.WaitGroup
		for range 5 {
			wait.Go(func() {
				again := w.do("POST", path, body, "key", key, "Idempotency-Key", "k")
				if again.status != 201 || again.text != first.text || again.header.Get("Location") != first.header.Get("Location") || again.header.Get("Idempotency-Replayed") != "true" {
					t.Errorf("%s: %v %s, expected %s", path, again.header, again.text, first.text)
				}
			})
		}
		wait.Wait()
		if audit() != before || first.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%s: done again", path)
		}
		w.want(422, "POST", path, tt.other, "key", key, "Idempotency-Key", "k")
		w.want(400, "POST", path, body, "key", key, "Idempotency-Key", "a b")
		w.want(400, "POST", path, body, "key", key, "Idempotency-Key", "a", "Idempotency-Key", "b")
		w.pass(25 * time.Hour)
		if other := w.do("POST", path, body, "key", key, "Idempotency-Key", "k"); other.text == first.text {
			t.Errorf("%s: kept for longer than a day", path)
		}
	}
	// The answers of nobody in particular are not kept for others.
	open := `{"credential":` + unsigned(w.dids["eddsa"]) + `}`
	a := w.want(201, "POST", "/vc/eddsa/credentials/issue", open, "Idempotency-Key", "k")
	if b := w.want(201, "POST", "/vc/eddsa/credentials/issue", open, "Idempotency-Key", "k"); a.text == b.text {
		t.Error("an answer of an open instance was kept")
	}
}

// provider stands for an OpenID Provider whose one token is good.
type provider struct{ caller service.Caller }

func (provider) Handles(token string) bool { return strings.HasPrefix(token, "oidc") }
func (p provider) Authenticate(_ context.Context, token string) (service.Caller, error) {
	if token != "oidc-good" {
		return service.Caller{}, &service.Error{Code: service.CodeKey, Detail: "the token is not accepted"}
	}
	return p.caller, nil
}

// TestOIDC: tokens of a configured provider are as good here as on the product plane.
func TestOIDC(t *testing.T) {
	p := &provider{}
	w := newWorld(t, func(c *httpapi.Config) { c.OIDC = p })
	p.caller = w.north
	w.want(200, "POST", "/vc/"+w.issuer+"/challenges", "", "key", "oidc-good")
	w.want(401, "POST", "/vc/"+w.issuer+"/challenges", "", "key", "oidc-bad")
}

// TestVCALM_T4_UnguessableExchanges: ids have 256 random bits; a wrong one is not there.
func TestVCALM_T4_UnguessableExchanges(t *testing.T) {
	w := newWorld(t)
	key, c := w.key(w.north), w.claimable()
	seen := map[string]bool{}
	for range 20 {
		url := w.exchange(key, c.ID)
		id := url[strings.LastIndexByte(url, '/')+1:]
		if len(id) != 65 || seen[id[:17]] {
			t.Fatalf("id %s", id)
		}
		seen[id[:17]] = true
		flipped := id[:64] + string("0123456789abcdef"[(strings.IndexByte("0123456789abcdef", id[64])+1)%16])
		for _, guess := range []string{flipped, id[:64], id + "0", strings.ToUpper(id), c.ID, c.PublicID, "%2e%2e"} {
			w.want(404, "POST", "/vc/"+w.issuer+"/workflows/claim/exchanges/"+guess, "")
		}
	}
}

// TestVCALM_T20_ExchangeState: only the coordinator, with a key of the tenant, reads an exchange, and finds
// neither the challenge nor the credential there.
func TestVCALM_T20_ExchangeState(t *testing.T) {
	w := newWorld(t)
	key, c := w.key(w.north), w.claimable()
	path := strings.TrimPrefix(w.exchange(key, c.ID), base)
	challenge := w.want(200, "POST", path, "").str("verifiablePresentationRequest", "challenge")
	a := shape(t, "exchange", w.want(200, "GET", path, "", "key", key))
	for _, secret := range []string{challenge, c.ID, "Aina"} {
		if strings.Contains(a.text, secret) {
			t.Errorf("holds %s: %s", secret, a.text)
		}
	}
	w.want(401, "GET", path, "")
	w.want(404, "GET", path, "", "key", w.key(w.south))
	w.want(403, "GET", path, "", "key", w.key(w.north, service.MayIssue))
	second := must(w.core.CreateIssuer(w.ctx, w.north, service.NewIssuer{Name: "Second"}, service.Idempotency{}))(t).Value
	w.want(404, "GET", strings.Replace(path, w.issuer, second.ID, 1), "", "key", key)
	// Problems name no path that opens something.
	if a := w.want(404, "POST", path[:len(path)-1], ""); strings.Contains(a.text, path[len(path)-20:len(path)-1]) {
		t.Errorf("a problem with a capability: %s", a.text)
	}
}

// TestVCALM_T1_T21_Polling: requests from one address without a key are bounded on every
// path of the plane, by the rate of the public plane.
func TestVCALM_T1_T21_Polling(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config) { c.AddressRate = httpapi.Rate{PerSecond: 1, Burst: 5} })
	for i := range 5 {
		a := w.do("POST", "/vc/none/workflows/claim/exchanges/z", "")
		if a.status != 404 || a.header.Get("RateLimit") == "" {
			t.Fatalf("request %d: %d %v", i, a.status, a.header)
		}
	}
	for _, path := range []string{"/vc/none/workflows/claim/exchanges/z", "/interactions/z?iuv=1", "/vc/eddsa/challenges", "/vc/eddsa/nothing", "/vc"} {
		method := "POST"
		if path == "/vc" || strings.HasPrefix(path, "/int") {
			method = "GET"
		}
		a := w.want(429, method, path, "")
		if a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
	w.pass(3 * time.Second)
	w.want(404, "POST", "/vc/none/workflows/claim/exchanges/z", "")
}

// TestListing: anyone sees the instances of the configuration, a caller those of his institution too.
func TestListing(t *testing.T) {
	w := newWorld(t)
	names := func(headers ...string) (out []string) {
		for _, i := range w.want(200, "GET", "/vc", "", headers...).at("issuers").([]any) {
			m := i.(map[string]any)
			out = append(out, m["name"].(string))
			if m["url"] != base+"/vc/"+m["name"].(string) || m["did"] == "" || m["keyType"] == "" || m["suite"] == "" {
				t.Errorf("found %v", m)
			}
		}
		return out
	}
	open := names()
	if len(open) != len(own) || slices.Contains(open, w.issuer) {
		t.Errorf("found %v", open)
	}
	if got := names("key", w.key(w.north)); len(got) != len(open)+1 || !slices.Contains(got, w.issuer) {
		t.Errorf("found %v", got)
	}
	if got := names("key", w.key(w.south)); len(got) != len(open) {
		t.Errorf("another's: %v", got)
	}
	w.want(401, "GET", "/vc", "", "key", "sk_test_x")
	w.want(403, "GET", "/vc", "", "key", w.key(w.north, service.MayIssue))
}

// TestRates: requests with a key are counted by it, wherever they come from, and those with
// bad keys by their address, as on the product plane; others at one address go on.
func TestRates(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config) {
		c.KeyRate, c.AddressRate = httpapi.Rate{PerSecond: 1, Burst: 3}, httpapi.Rate{PerSecond: 1, Burst: 4}
	})
	path, first, second := "/vc/"+w.issuer+"/challenges", w.key(w.north), w.key(w.north)
	for range 3 {
		if a := w.want(200, "POST", path, "", "key", first); !strings.HasPrefix(a.header.Get("RateLimit"), `"key"`) {
			t.Fatalf("%v", a.header)
		}
	}
	if a := w.want(429, "POST", path, "", "key", first); a.header.Get("Retry-After") == "" {
		t.Errorf("%v", a.header)
	}
	w.want(200, "POST", path, "", "key", second)
	w.want(404, "GET", "/interactions/z?iuv=1", "")
	for range 4 {
		w.want(401, "POST", path, "", "key", first+"0")
	}
	w.want(429, "POST", path, "", "key", first+"0")
	w.pass(5 * time.Second)
	w.want(200, "POST", path, "", "key", second)
}

// TestCORS: scripts of configured origins alone may call the plane with a key. What wallets
// in browsers ask without one is for all: interactions, exchanges, status lists.
func TestCORS(t *testing.T) {
	w := newWorld(t)
	exchange := "/vc/" + w.issuer + "/workflows/claim/exchanges/z"
	for _, tt := range []struct{ path, origin, want string }{
		{"/vc", "https://portal.example", "https://portal.example"}, {"/vc", "https://attacker.example", ""},
		{"/vc/eddsa/status-lists/none", "https://wallet.example", "*"}, {"/interactions/none?iuv=1", "https://wallet.example", "*"},
		{exchange, "https://wallet.example", "*"}, {exchange + "/protocols", "https://wallet.example", "*"}, {exchange + "/invite-request/response", "https://wallet.example", "*"},
		{exchange, "https://portal.example", "https://portal.example"}, {strings.TrimSuffix(exchange, "/z"), "https://attacker.example", ""}, {strings.TrimSuffix(exchange, "z"), "https://attacker.example", ""},
		{"/vc/eddsa/status-lists", "https://attacker.example", ""}, {"/vc/eddsa/credentials/issue", "https://attacker.example", ""}, {"/vc/eddsa/challenges", "https://attacker.example", ""},
	} {
		a := w.do("GET", tt.path, "", "Origin", tt.origin)
		if got := a.header.Get("Access-Control-Allow-Origin"); got != tt.want {
			t.Errorf("%s from %s: %q", tt.path, tt.origin, got)
		}
		if a := w.do("OPTIONS", tt.path, "", "Origin", tt.origin, "Access-Control-Request-Method", "POST"); a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != tt.want {
			t.Errorf("preflight of %s from %s: %d %v", tt.path, tt.origin, a.status, a.header)
		} else if strings.HasPrefix(tt.path, "/vc") && strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") != (tt.want == tt.origin) {
			t.Errorf("%s from %s: a key may be sent, or not: %v", tt.path, tt.origin, a.header)
		}
	}
}

// TestVCALM_T26_T27_Workflow: the workflows are fixed, and the one variable of claim is checked.
func TestVCALM_T26_T27_Workflow(t *testing.T) {
	w := newWorld(t)
	key, c := w.key(w.north), w.claimable()
	path := "/vc/" + w.issuer + "/workflows/"
	for _, workflow := range []string{"other", "Claim", "claim%2F", "urn:claim"} {
		w.want(404, "POST", path+workflow+"/exchanges", `{"variables":{"credential":"`+c.ID+`"}}`, "key", key)
		w.want(404, "POST", path+workflow+"/exchanges/z1", "")
	}
	south := must(w.core.CreateIssuer(w.ctx, w.south, service.NewIssuer{Name: "South"}, service.Idempotency{}))(t).Value
	w.want(404, "POST", path+"claim/exchanges", `{"variables":{"credential":"`+c.ID+`"}}`, "key", w.key(w.south))
	w.want(422, "POST", "/vc/"+south.ID+"/workflows/claim/exchanges", `{"variables":{"credential":"`+c.ID+`"}}`, "key", w.key(w.south))
	second := must(w.core.CreateIssuer(w.ctx, w.north, service.NewIssuer{Name: "Second"}, service.Idempotency{}))(t).Value
	w.want(422, "POST", "/vc/"+second.ID+"/workflows/claim/exchanges", `{"variables":{"credential":"`+c.ID+`"}}`, "key", key)
	draft := w.claimable(func(in *service.NewCredential) { no := false; in.Publish = &no })
	for _, bad := range []string{draft.ID, "", "../" + c.ID, c.PublicID, strings.Repeat("x", 4000), "'; DROP TABLE"} {
		w.want(422, "POST", path+"claim/exchanges", fmt.Sprintf(`{"variables":{"credential":%q}}`, bad), "key", key)
	}
	w.want(400, "POST", path+"claim/exchanges", `{"variables":{"credential":"`+c.ID+`","issuer":"did:example:x"}}`, "key", key)
	w.want(422, "POST", "/vc/eddsa/workflows/claim/exchanges", `{"variables":{"credential":"`+c.ID+`"}}`) // an open instance of another tenant
}
