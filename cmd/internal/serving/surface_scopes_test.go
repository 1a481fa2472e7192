package serving_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/httpapi"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// surfaceOp is an operation of the published document.
type surfaceOp struct {
	method, path, id string
	public           bool
	scopes           []service.Permission
	kind             string // media type of the body; "": none
	body             []byte
}

var needsScope = regexp.MustCompile("[Nn]eeds the scope `([a-z]+)`")

// surface reads the document: what is added to it is tested without being named here.
func (f *fort) surface() (out []surfaceOp) {
	f.t.Helper()
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string                `json:"operationId"`
			Description string                `json:"description"`
			Security    []map[string][]string `json:"security"`
			RequestBody struct {
				Content map[string]struct {
					Example any `json:"example"`
				} `json:"content"`
			} `json:"requestBody"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(f.ok("", "GET", "/openapi.json", nil).body, &doc); err != nil {
		f.t.Fatal(err)
	}
	for path, item := range doc.Paths {
		for method, entry := range item {
			op := surfaceOp{method: strings.ToUpper(method), path: path, id: entry.OperationID, public: len(entry.Security) == 0 || len(entry.Security[0]) == 0}
			for _, m := range needsScope.FindAllStringSubmatch(entry.Description, -1) {
				op.scopes = append(op.scopes, service.Permission(m[1]))
			}
			if c, ok := entry.RequestBody.Content["application/json"]; ok {
				op.kind = "application/json"
				op.body, _ = json.Marshal(c.Example)
			} else if _, ok := entry.RequestBody.Content["multipart/form-data"]; ok {
				var b bytes.Buffer
				w := multipart.NewWriter(&b)
				part, _ := w.CreateFormFile("files[]", "a.pdf")
				part.Write(padestest.Sample{Pages: 1}.Build(f.t))
				w.Close()
				op.kind, op.body = w.FormDataContentType(), b.Bytes()
			}
			out = append(out, op)
		}
	}
	slices.SortFunc(out, func(a, b surfaceOp) int { return strings.Compare(a.id, b.id) })
	if len(out) < 60 {
		f.t.Fatalf("only %d operations in the document", len(out))
	}
	return out
}

// things are ids of what one institution has, by what stands before them in paths.
func (f *fort) things(who string) map[string]string {
	f.t.Helper()
	c := f.ok(who, "POST", "/v1/credentials", aina(nil))
	webhook := f.ok(who, "POST", "/v1/webhooks", map[string]any{"url": "https://hooks.example.com/", "events": []string{"*"}})
	f.ok(who, "POST", "/v1/credentials", aina(nil)) // so that there is a delivery
	var deliveries struct{ Data []struct{ ID string } }
	json.Unmarshal(f.ok(who, "GET", "/v1/webhooks/"+webhook.text("id")+"/deliveries", nil).body, &deliveries)
	document := f.upload(who, "/v1/documents", padestest.Sample{Pages: 1}.Build(f.t))
	at := document.header.Get("Location")
	batch := f.ok(who, "POST", "/v1/batches", map[string]any{"type": "training", "items": []any{map[string]any{"recipient": map[string]any{"name": "Row"}}}})
	slug := "p-" + strings.ReplaceAll(who, "/", "-")
	subject := c.text("recipient", "id")
	f.ok(who, "PUT", "/v1/portfolios/"+slug, map[string]any{"title": "P", "subjectId": subject, "public": true, "items": []any{}})
	spare := f.ok(who, "POST", "/v1/api-keys", map[string]any{"name": "spare", "scopes": []string{"read"}})
	issuer := f.ok(who, "GET", "/v1/issuers/academy", nil).text("id")
	exchange := f.ok(who, "POST", "/vc/"+issuer+"/workflows/verify/exchanges", map[string]any{"variables": map[string]any{"verifiablePresentationRequest": map[string]any{"query": map[string]any{"type": "DIDAuthentication"}}}}).header.Get("Location")
	return map[string]string{
		"credentials": c.text("id"), "subjects": subject, "webhooks": webhook.text("id"), "deliveries": deliveries.Data[0].ID, "documents": at[strings.LastIndex(at, "/")+1:],
		"batches": batch.text("id"), "portfolios": slug, "api-keys": spare.text("id"), "issuers": issuer, "vc": issuer, "workflows": "verify", "exchanges": exchange[strings.LastIndex(exchange, "/")+1:],
		"credential-types": f.ok(who, "GET", "/v1/credential-types/training", nil).text("id"), "artifacts": "vc", "anchors": "0",
	}
}

var placeInPath = regexp.MustCompile(`([a-z-]+)/\{[A-Za-z]+\}`)

// send calls an operation on the things of an institution, with the example of its body.
func (f *fort) send(o surfaceOp, things map[string]string, who string, headers ...string) answer {
	f.t.Helper()
	path := placeInPath.ReplaceAllStringFunc(o.path, func(s string) string {
		before, _, _ := strings.Cut(s, "/")
		id := things[before]
		if id == "" {
			id = "none"
		}
		return before + "/" + id
	})
	var body any
	if o.kind != "" {
		body = o.body
		headers = append(headers, "Content-Type", o.kind)
	}
	return f.call(who, o.method, path, body, headers...)
}

func newSurface(t *testing.T) *fort {
	t.Helper()
	return newFort(t, func(p *serving.Parts) {
		p.KeyRate, p.AddressRate = httpapi.Rate{PerSecond: 1e6, Burst: 1e6}, httpapi.Rate{PerSecond: 1e6, Burst: 1e6}
	})
}

// key makes a key of a scope of the fort's.
func (f *fort) key(who string, expires *time.Time, scopes ...service.Permission) service.APIKey {
	f.t.Helper()
	tenant, env, _ := strings.Cut(who, "/")
	k, err := f.s.Core.CreateFirstKey(context.Background(), service.Scope{Tenant: tenant, Environment: service.Environment(env)}, service.NewKey{Name: "k", Scopes: scopes, ExpiresAt: expires})
	if err != nil {
		f.t.Fatal(err)
	}
	return k
}

func (f *fort) token(k service.APIKey, scope string) string {
	f.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {k.ID}, "client_secret": {k.Secret}}
	if scope != "" {
		form.Set("scope", scope)
	}
	a := f.call("", "POST", "/v1/oauth/token", []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(a.body, &token); token.AccessToken == "" {
		f.t.Fatalf("no token: %d %s", a.status, a.body)
	}
	return token.AccessToken
}

func (a answer) code() string {
	var p struct {
		Code string `json:"code"`
	}
	json.Unmarshal(a.body, &p)
	return p.Code
}

// TestScopeMatrix calls every operation of the document with each scope alone, as a key and
// as a token, and with all scopes but those that it needs. Only what the document says opens
// an operation.
func TestScopeMatrix(t *testing.T) {
	f := newSurface(t)
	ops := f.surface()
	things := f.things("north/live")
	single, but := map[service.Permission][]string{}, map[service.Permission]string{}
	for _, p := range service.Permissions() {
		k := f.key("north/live", nil, p)
		all := f.key("north/live", nil, service.Permissions()...)
		rest := slices.DeleteFunc(service.Permissions(), func(q service.Permission) bool { return q == p })
		single[p] = []string{k.Secret, f.token(k, ""), f.token(all, string(p))}
		but[p] = f.key("north/live", nil, rest...).Secret
	}
	refused := func(a answer) bool { return a.status == 403 && a.code() == "INSUFFICIENT_SCOPE" }
	for _, o := range ops {
		if o.public {
			continue
		}
		if len(o.scopes) == 0 && o.id != "getMe" {
			t.Errorf("%s: the document names no scope", o.id)
		}
		for _, p := range o.scopes {
			if a := f.send(o, things, but[p]); !refused(a) {
				t.Errorf("%s with all scopes but %s: %d %s", o.id, p, a.status, a.body)
			}
		}
		for p, keys := range single {
			for n, key := range keys {
				enough := !slices.ContainsFunc(o.scopes, func(q service.Permission) bool { return q != p })
				if enough && o.method != "GET" && n > 0 {
					continue // once is enough of what changes something
				}
				if a := f.send(o, things, key); refused(a) == enough || a.status == 401 || a.status >= 500 && a.code() != "UNAVAILABLE" {
					t.Errorf("%s with %s alone (%d): %d %s", o.id, p, n, a.status, a.body)
				}
			}
		}
	}
}

// TestBadCallers calls every operation of the document with keys and tokens that do not count
// any more, or never did, and with those of others. Nothing is told, and nothing is changed.
func TestBadCallers(t *testing.T) {
	f := newSurface(t)
	ops := f.surface()
	things := f.things("north/live")
	soon := time.Now().Add(1500 * time.Millisecond)
	expiring, revoked, off := f.key("north/live", &soon, service.Permissions()...), f.key("north/live", nil, service.Permissions()...), f.key("north/live", nil, service.Permissions()...)
	bad := map[string]string{
		"expired": expiring.Secret, "token of expired": f.token(expiring, ""), "revoked": revoked.Secret, "token of revoked": f.token(revoked, ""),
		"switched off": off.Secret, "token of switched off": f.token(off, ""), "called a test key": strings.Replace(f.keys["north/live"], "_live_", "_test_", 1),
	}
	for _, token := range bad { // they are remembered as good ones
		f.call(token, "GET", "/v1/me", nil)
	}
	f.ok("north/live", "DELETE", "/v1/api-keys/"+revoked.ID, nil)
	f.ok("north/live", "PATCH", "/v1/api-keys/"+off.ID, map[string]any{"enabled": false})
	time.Sleep(time.Until(soon.Add(50 * time.Millisecond)))
	own := []string{"api-keys", "batches", "credentials", "webhooks", "documents", "deliveries", "subjects"}
	for _, o := range ops {
		if o.public {
			continue
		}
		for name, token := range bad {
			if a := f.send(o, things, token); a.status != 401 || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s with a key that is %s: %d %s", o.id, name, a.status, a.body)
			}
		}
		for _, who := range []string{"south/live", "north/test", "south/test"} {
			a := f.send(o, things, who)
			if strings.Contains(o.path, "{") && !slices.Contains([]int{404, 409, 422}, a.status) {
				t.Errorf("%s by %s: %d %s", o.id, who, a.status, a.body)
			}
			for _, kind := range own {
				if id := things[kind]; bytes.Contains(a.body, []byte(id)) && !bytes.Contains(a.body, []byte(`"instance"`)) {
					t.Errorf("%s by %s tells of %s", o.id, who, kind)
				}
			}
		}
	}
	// All is as it was.
	for kind, id := range things {
		if slices.Contains([]string{"artifacts", "anchors", "deliveries", "subjects", "vc", "workflows", "exchanges"}, kind) {
			continue
		}
		a := f.ok("north/live", "GET", "/v1/"+kind+"/"+id, nil)
		if kind == "credentials" && (a.text("state") != "issued" || a.text("recipient", "name") != "Aina Rahman") || kind == "api-keys" && fmt.Sprint(a.data["enabled"]) != "true" {
			t.Errorf("%s was changed: %s", kind, a.body)
		}
	}
}
