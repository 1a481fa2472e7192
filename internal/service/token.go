package service

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// tokenLife is how long an access token holds. There is no refresh: ask again.
const tokenLife = time.Hour

// maxToken bounds what is taken for an access token.
const maxToken = 4096

// tokenClaims are the claims of an access token (RFC 9068).
type tokenClaims struct {
	Issuer      string `json:"iss"`
	Audience    string `json:"aud"`
	Subject     string `json:"sub"` // id of the API key: without it the token is dead
	Client      string `json:"client_id"`
	Tenant      string `json:"tenant"`
	Environment string `json:"environment"`
	Scope       string `json:"scope"`
	Issued      int64  `json:"iat"`
	Expires     int64  `json:"exp"`
	ID          string `json:"jti"`
}

// Token implements Keys. clientID is a key's id; secret is the whole key, or its last part.
func (s *Service) Token(ctx context.Context, clientID, secret string, scopes []Permission) (Token, error) {
	if !strings.HasPrefix(secret, "sk_") {
		found, err := s.key(ctx, clientID)
		if err != nil {
			return Token{}, err
		}
		secret = "sk_" + string(found.scope.Environment) + "_" + clientID + "_" + secret
	}
	caller, err := s.authenticateKey(ctx, secret)
	if err != nil {
		return Token{}, err
	}
	if subtle.ConstantTimeCompare([]byte(caller.Actor), []byte("key:"+clientID)) != 1 {
		return Token{}, errKey
	}
	if len(scopes) == 0 {
		scopes = caller.Permissions
	}
	var given []Permission // each once: a token that repeats itself grows beyond what is taken for one
	for _, p := range scopes {
		if err := caller.Need(p); err != nil {
			return Token{}, err
		}
		if !slices.Contains(given, p) {
			given = append(given, p)
		}
	}
	return s.signToken(ctx, caller, clientID, given)
}

func (s *Service) signToken(ctx context.Context, c Caller, keyID string, scopes []Permission) (Token, error) {
	in, err := s.installation(ctx)
	if err != nil {
		return Token{}, err
	}
	now := s.now()
	var id [16]byte
	rand.Read(id[:])
	text := joinScopes(scopes)
	claims, err := json.Marshal(tokenClaims{
		Issuer: s.baseURL, Audience: s.baseURL, Subject: keyID, Client: keyID, Tenant: c.Tenant, Environment: string(c.Environment),
		Scope: text, Issued: now.Unix(), Expires: now.Add(tokenLife).Unix(), ID: base64.RawURLEncoding.EncodeToString(id[:]),
	})
	if err != nil {
		return Token{}, err
	}
	head, err := in.tokenHead()
	if err != nil {
		return Token{}, err
	}
	signed := head + "." + base64.RawURLEncoding.EncodeToString(claims)
	signature := ed25519.Sign(in.key, []byte(signed))
	return Token{
		AccessToken: signed + "." + base64.RawURLEncoding.EncodeToString(signature),
		TokenType:   "Bearer", ExpiresIn: int(tokenLife / time.Second), Scope: text,
	}, nil
}

func joinScopes(scopes []Permission) string {
	texts := make([]string, len(scopes))
	for i, p := range scopes {
		texts[i] = string(p)
	}
	return strings.Join(texts, " ")
}

// tokenHead is the one header that access tokens have. Others are refused without being
// read, so that no algorithm and no key is ever chosen by who sends a token.
func (in *installation) tokenHead() (string, error) {
	kid, err := multikey.Thumbprint(in.key.Public())
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","typ":"at+jwt","kid":` + strictjson.Quote(kid) + `}`)), nil
}

// authenticateToken finds the caller of an access token. It lives no longer than its key.
func (s *Service) authenticateToken(ctx context.Context, text string) (Caller, error) {
	claims, err := s.readToken(ctx, text)
	if err != nil {
		return Caller{}, err
	}
	now := s.now()
	switch {
	case claims.Issuer != s.baseURL, claims.Audience != s.baseURL, claims.Issued > now.Add(time.Minute).Unix():
		return Caller{}, errKey
	case now.Unix() >= claims.Expires:
		return Caller{}, &Error{Code: CodeTokenExpired, Detail: "the access token has expired"}
	}
	k, err := s.key(ctx, claims.Subject)
	if err != nil {
		return Caller{}, err
	}
	if k.scope.Tenant != claims.Tenant || string(k.scope.Environment) != claims.Environment {
		return Caller{}, errKey
	}
	if err := s.usable(k); err != nil {
		return Caller{}, err
	}
	c := Caller{Scope: k.scope, Actor: "key:" + claims.Subject}
	for _, p := range strings.Fields(claims.Scope) {
		if slices.Contains(k.key.Scopes, Permission(p)) {
			c.Permissions = append(c.Permissions, Permission(p))
		}
	}
	s.seen.note(k.scope, claims.Subject, now)
	return c, nil
}

// readToken checks form and signature of a token.
func (s *Service) readToken(ctx context.Context, text string) (tokenClaims, error) {
	var claims tokenClaims
	in, err := s.installation(ctx)
	if err != nil {
		return claims, err
	}
	want, err := in.tokenHead()
	if err != nil {
		return claims, err
	}
	last := strings.LastIndexByte(text, '.')
	if len(text) > maxToken || last < 0 {
		return claims, errKey
	}
	head, body, ok := strings.Cut(text[:last], ".")
	if !ok || head != want {
		return claims, errKey
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(text[last+1:])
	if err != nil || !ed25519.Verify(in.key.Public().(ed25519.PublicKey), []byte(text[:last]), signature) {
		return claims, errKey
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return tokenClaims{}, errKey
	}
	return claims, nil
}

// digestHexOf is the hex of the SHA-256 of some bytes.
func digestHexOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hexOf(sum[:])
}
