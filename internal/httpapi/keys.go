package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery/internal/service"
)

// location is the address of something under a path.
func (a *api) location(path, id string) string { return a.BaseURL + path + "/" + id }

func (a *api) addKeys() {
	a.add(operation{
		Method: http.MethodPost, Path: "/v1/oauth/token", ID: "createToken", Tag: "Access", Public: true,
		Summary:     "Exchange an API key for a token",
		Description: "Client credentials (RFC 6749, 4.4): the key's id and its secret, as form members or by HTTP Basic. Answer and errors are those of RFC 6749, not in the envelope. The token holds an hour and is not refreshed.",
		Consumes:    []string{formType},
		Bodies:      []content{{Type: formType, Schema: tokenSchema(), Example: map[string]any{"grant_type": "client_credentials", "client_id": "k7Q2x9AbCd", "client_secret": "…", "scope": "issue read"}}},
		Out: []reply{{Status: http.StatusOK, Description: "a token", Content: []content{{Type: jsonType, Schema: a.schemaOf(typeOf[service.Token]()),
			Example: service.Token{AccessToken: "eyJ…", TokenType: "Bearer", ExpiresIn: 3600, Scope: "issue read"}}}},
			a.oauthReply(http.StatusBadRequest, "invalid_request", "expected grant_type"), a.oauthReply(http.StatusUnauthorized, "invalid_client", "the id or the secret is wrong, or the key may not be used any more")},
		Run: (*call).token,
	})
	get(a, operation{Path: "/v1/me", ID: "getMe", Tag: "Access", Summary: "Who the caller is",
		Description: "Tenant, environment, scopes and limits of the key or token."}, exampleMe,
		func(c *call) (service.Me, error) { return a.Keys.Me(c.ctx, c.caller) })

	keys := operation{Path: "/v1/api-keys", Tag: "Access", Scope: service.MayKeys}
	o := keys
	o.ID, o.Summary = "createApiKey", "Make an API key"
	o.Description = "`secret` is in this answer and nowhere else. A key cannot grant scopes it lacks, and belongs to the environment of the key that makes it."
	create(a, o, exampleNewKey, withSecret(exampleKey), func(c *call, in service.NewKey) (service.Result[service.APIKey], error) {
		return a.Keys.CreateKey(c.ctx, c.caller, in, c.idempotency())
	}, func(c *call, k service.APIKey) string { return a.location("/v1/api-keys", k.ID) })
	o = keys
	o.ID, o.Summary = "listApiKeys", "List API keys"
	listing(a, o, exampleKey, func(c *call, p service.Page) (service.List[service.APIKey], error) {
		return a.Keys.ListKeys(c.ctx, c.caller, p)
	})
	o = keys
	o.Path, o.ID, o.Summary = "/v1/api-keys/{id}", "getApiKey", "Read an API key, without its secret"
	get(a, o, exampleKey, func(c *call) (service.APIKey, error) { return a.Keys.GetKey(c.ctx, c.caller, c.id("id")) })
	o = keys
	o.Path, o.ID, o.Summary = "/v1/api-keys/{id}", "changeApiKey", "Rename, disable or enable an API key"
	change(a, http.MethodPatch, o, service.KeyChange{Name: ptr("registry server 2"), Enabled: ptr(true)}, exampleKey, func(c *call, in service.KeyChange) (service.APIKey, error) {
		return a.Keys.ChangeKey(c.ctx, c.caller, c.id("id"), in)
	})
	o = keys
	o.Path, o.ID, o.Summary = "/v1/api-keys/{id}", "revokeApiKey", "Revoke an API key"
	o.Description = "For good, and with all tokens got with it: at once, where there are several processes within a second. It stays in the list, with its history."
	remove(a, o, func(c *call) error { return a.Keys.RevokeKey(c.ctx, c.caller, c.id("id")) })
}

// oauthReply describes a failure of the token endpoint: in the words of RFC 6749, or a
// problem where the request is not even a form.
func (a *api) oauthReply(status int, code, description string) reply {
	problem := a.schemaOf(typeOf[Problem]())
	other := Problem{Type: a.BaseURL + "/problems/" + slug(service.CodeBody), Title: http.StatusText(status), Status: status, Detail: description, Message: description, Code: service.CodeBody, RequestID: "0192f0c4-7b1e-7c3a-9d52-6f0e8a1b2c3d"}
	return reply{Status: status, Description: http.StatusText(status), Content: []content{
		{Type: jsonType, Schema: &huma.Schema{AnyOf: []*huma.Schema{a.schemaOf(typeOf[oauthError]()), problem}}, Example: oauthError{code, description}},
		{Type: problemType, Schema: problem, Example: other},
	}}
}

func tokenSchema() *huma.Schema {
	text := func() *huma.Schema { return &huma.Schema{Type: "string"} }
	return &huma.Schema{Type: "object", Required: []string{"grant_type"}, Properties: map[string]*huma.Schema{
		"grant_type": {Type: "string", Enum: []any{"client_credentials"}}, "client_id": text(), "client_secret": text(), "scope": text()}}
}
