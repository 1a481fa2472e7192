package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/chancery-dev/chancery/internal/service"
)

// GetToken exchanges an API key's id and secret for a token that holds an hour. Put its
// AccessToken into Token.
func (c *Client) GetToken(ctx context.Context, clientID, secret string, scopes ...service.Permission) (service.Token, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret}}
	if len(scopes) > 0 {
		names := make([]string, len(scopes))
		for i, s := range scopes {
			names[i] = string(s)
		}
		form.Set("scope", strings.Join(names, " "))
	}
	anonymous := *c
	anonymous.Token = ""
	t, _, err := bare[service.Token](ctx, &anonymous, http.MethodPost, at("oauth", "token"), nil, &body{"application/x-www-form-urlencoded", strings.NewReader(form.Encode())}, "")
	return t, err
}

// Me tells who the caller is.
func (c *Client) Me(ctx context.Context) (service.Me, error) {
	return get[service.Me](ctx, c, at("me"))
}

// CreateKey makes an API key; its Secret is not shown again.
func (c *Client) CreateKey(ctx context.Context, in service.NewKey, k Key) (service.APIKey, error) {
	return sendJSON[service.APIKey](ctx, c, http.MethodPost, at("api-keys"), in, k)
}

// ListKeys lists API keys.
func (c *Client) ListKeys(ctx context.Context, p service.Page) (service.List[service.APIKey], error) {
	return list[service.APIKey](ctx, c, at("api-keys"), nil, p)
}

// GetKey reads an API key, without its secret.
func (c *Client) GetKey(ctx context.Context, id string) (service.APIKey, error) {
	return get[service.APIKey](ctx, c, at("api-keys", id))
}

// ChangeKey renames, disables or enables an API key.
func (c *Client) ChangeKey(ctx context.Context, id string, in service.KeyChange) (service.APIKey, error) {
	return sendJSON[service.APIKey](ctx, c, http.MethodPatch, at("api-keys", id), in, "")
}

// RevokeKey ends an API key.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	return c.none(ctx, http.MethodDelete, at("api-keys", id), nil)
}

// CreateIssuer registers an issuer.
func (c *Client) CreateIssuer(ctx context.Context, in service.NewIssuer, k Key) (service.Issuer, error) {
	return sendJSON[service.Issuer](ctx, c, http.MethodPost, at("issuers"), in, k)
}

// ListIssuers lists issuers.
func (c *Client) ListIssuers(ctx context.Context, p service.Page) (service.List[service.Issuer], error) {
	return list[service.Issuer](ctx, c, at("issuers"), nil, p)
}

// GetIssuer reads an issuer.
func (c *Client) GetIssuer(ctx context.Context, id string) (service.Issuer, error) {
	return get[service.Issuer](ctx, c, at("issuers", id))
}

// RotateKey gives an issuer a new key.
func (c *Client) RotateKey(ctx context.Context, id string, in service.RotateKey, k Key) (service.Issuer, error) {
	return sendJSON[service.Issuer](ctx, c, http.MethodPost, at("issuers", id, "keys"), in, k)
}

// CreateType makes a credential type.
func (c *Client) CreateType(ctx context.Context, in service.NewType, k Key) (service.Type, error) {
	return sendJSON[service.Type](ctx, c, http.MethodPost, at("credential-types"), in, k)
}

// ListTypes lists credential types, then the starters.
func (c *Client) ListTypes(ctx context.Context, p service.Page) (service.List[service.Type], error) {
	return list[service.Type](ctx, c, at("credential-types"), nil, p)
}

// GetType reads a credential type by id or key.
func (c *Client) GetType(ctx context.Context, id string) (service.Type, error) {
	return get[service.Type](ctx, c, at("credential-types", id))
}

// ChangeType makes a new version of a credential type.
func (c *Client) ChangeType(ctx context.Context, id string, in service.NewType) (service.Type, error) {
	return sendJSON[service.Type](ctx, c, http.MethodPatch, at("credential-types", id), in, "")
}

// InputFields tells what to fill in.
func (c *Client) InputFields(ctx context.Context, id string) (service.InputFields, error) {
	return get[service.InputFields](ctx, c, at("credential-types", id, "input-fields"))
}

// Validate checks an input and issues nothing.
func (c *Client) Validate(ctx context.Context, id string, in service.ItemInput) (service.Validation, error) {
	return sendJSON[service.Validation](ctx, c, http.MethodPost, at("credential-types", id, "validate"), in, "")
}

// Preview draws a page as PNG; nil: with the example's input.
func (c *Client) Preview(ctx context.Context, id string, in *service.ItemInput) (service.File, error) {
	var b *body
	if in != nil {
		var err error
		if b, err = jsonBody(in); err != nil {
			return service.File{}, err
		}
	}
	res, err := c.send(ctx, http.MethodPost, at("credential-types", id, "preview"), nil, b, "", "image/png")
	if err != nil {
		return service.File{}, err
	}
	png, err := c.read(res)
	return service.File{MediaType: res.Header.Get("Content-Type"), Bytes: png}, err
}
