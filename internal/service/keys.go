package service

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"time"
)

// An API key is sk_<environment>_<id>_<secret><checksum>: an id of 10 and a secret of 43
// characters of base 62 (256 bits), and 6 of a CRC-32 over all before, by which a scanner,
// or a form, tells a mistyped key from a wrong one. Only the SHA-256 of the secret is
// stored: at 256 random bits there is nothing for a slower hash to slow down.
const (
	keyIDLength     = 10
	keySecretLength = 43
	keySumLength    = 6
	base62          = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// parseKey takes a key apart; it checks form and checksum, nothing else.
func parseKey(text string) (env Environment, id, secret string, ok bool) {
	parts := strings.Split(text, "_")
	if len(parts) != 4 || parts[0] != "sk" || !Environment(parts[1]).Valid() {
		return "", "", "", false
	}
	id, rest := parts[2], parts[3]
	if len(id) != keyIDLength || len(rest) != keySecretLength+keySumLength || strings.Trim(id+rest, base62) != "" {
		return "", "", "", false
	}
	if keySum(text[:len(text)-keySumLength]) != rest[keySecretLength:] {
		return "", "", "", false
	}
	return Environment(parts[1]), id, rest[:keySecretLength], true
}

func keySum(text string) string {
	n := uint64(crc32.ChecksumIEEE([]byte(text)))
	var b [keySumLength]byte
	for i := keySumLength - 1; i >= 0; i-- {
		b[i] = base62[n%62]
		n /= 62
	}
	return string(b[:])
}

// random62 draws n characters of base 62, each with the same probability.
func random62(n int) string {
	out := make([]byte, 0, n)
	var b [64]byte
	for len(out) < n {
		rand.Read(b[:])
		for _, v := range b {
			if v < 248 && len(out) < n { // 4 · 62
				out = append(out, base62[v%62])
			}
		}
	}
	return string(out)
}

// newKey draws a key.
func newKey(env Environment) (text, id string, hash []byte) {
	id = random62(keyIDLength)
	secret := random62(keySecretLength)
	text = "sk_" + string(env) + "_" + id + "_" + secret
	sum := sha256.Sum256([]byte(secret))
	return text + keySum(text), id, sum[:]
}

// CreateKey implements Keys.
func (s *Service) CreateKey(ctx context.Context, c Caller, in NewKey, i Idempotency) (Result[APIKey], error) {
	if err := c.Need(MayKeys); err != nil {
		return Result[APIKey]{}, err
	}
	var bad Invalid
	checkKey(&bad, in, s.now())
	for n, p := range in.Scopes {
		if slices.Contains(Permissions(), p) && !c.May(p) {
			bad.Add(path("scopes", n), "is not among the caller's own")
		}
	}
	if err := bad.Err(); err != nil {
		return Result[APIKey]{}, err
	}
	return Once(ctx, s.c.Store, s.now(), c.Scope, i, s.c.Sealer, func(tx Tx) (Result[APIKey], error) {
		k, err := s.addKey(ctx, tx, c, in)
		return Result[APIKey]{Value: k, Created: true}, err
	})
}

func checkKey(bad *Invalid, in NewKey, now time.Time) {
	checkName(bad, "name", in.Name, true)
	if len(in.Scopes) == 0 {
		bad.Add("scopes", "is required")
	}
	for n, p := range in.Scopes {
		if !slices.Contains(Permissions(), p) {
			bad.Add(path("scopes", n), "is not a scope")
		}
	}
	if in.ExpiresAt != nil && !in.ExpiresAt.After(now) {
		bad.Add("expiresAt", "must be in the future")
	}
}

// addKey writes a key in the caller's scope and answers with its secret.
func (s *Service) addKey(ctx context.Context, tx Tx, c Caller, in NewKey) (APIKey, error) {
	now := s.now()
	text, id, hash := newKey(c.Environment)
	scopes := slices.Clone(in.Scopes)
	slices.Sort(scopes)
	k := StoredKey{Name: in.Name, Scopes: slices.Compact(scopes), Enabled: true, Expires: utc(in.ExpiresAt), Hash: hash, By: c.Actor}
	r := Record{Kind: KindKey, ID: id, Lookup: id, Created: now, Updated: now}
	if err := Put(ctx, tx, c.Scope, r, k); err != nil {
		return APIKey{}, err
	}
	if err := WriteAudit(ctx, tx, c, now, "key.create", id, map[string]any{"scopes": k.Scopes}); err != nil {
		return APIKey{}, err
	}
	out := keyView(c.Scope, r, k)
	out.Secret = text
	return out, nil
}

func keyView(scope Scope, r Record, k StoredKey) APIKey {
	return APIKey{
		ID: r.ID, Name: k.Name, Environment: scope.Environment, Scopes: k.Scopes,
		Enabled: k.Enabled && k.Revoked == nil, ExpiresAt: k.Expires, CreatedAt: r.Created, RevokedAt: k.Revoked,
	}
}

// GetKey implements Keys.
func (s *Service) GetKey(ctx context.Context, c Caller, id string) (APIKey, error) {
	if err := c.Need(MayKeys); err != nil {
		return APIKey{}, err
	}
	var out APIKey
	err := s.view(ctx, func(tx Tx) error {
		r, err := tx.Get(ctx, c.Scope, KindKey, id)
		if errors.Is(err, ErrNotFound) {
			return NotFound("api key")
		}
		if err != nil {
			return err
		}
		out, err = s.viewKey(ctx, tx, c.Scope, r)
		return err
	})
	return out, err
}

// ListKeys implements Keys.
func (s *Service) ListKeys(ctx context.Context, c Caller, p Page) (List[APIKey], error) {
	if err := c.Need(MayKeys); err != nil {
		return List[APIKey]{}, err
	}
	var out List[APIKey]
	err := s.view(ctx, func(tx Tx) error {
		found, err := tx.List(ctx, c.Scope, KindKey, nil, p)
		if err != nil {
			return err
		}
		out = List[APIKey]{Items: make([]APIKey, 0, len(found.Items)), Next: found.Next, Total: found.Total}
		for _, r := range found.Items {
			k, err := s.viewKey(ctx, tx, c.Scope, r)
			if err != nil {
				return err
			}
			out.Items = append(out.Items, k)
		}
		return nil
	})
	return out, err
}

func (s *Service) viewKey(ctx context.Context, tx Tx, scope Scope, r Record) (APIKey, error) {
	var k StoredKey
	if err := decode(r.Body, &k); err != nil {
		return APIKey{}, err
	}
	out := keyView(scope, r, k)
	_, used, err := Get[StoredLastUse](ctx, tx, scope, KindSetting, usedRecord(r.ID))
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return APIKey{}, err
	default:
		out.LastUsedAt = &used.At
	}
	if at, ok := s.seen.last(r.ID); ok && (out.LastUsedAt == nil || at.After(*out.LastUsedAt)) {
		out.LastUsedAt = &at
	}
	return out, nil
}

// ChangeKey implements Keys.
func (s *Service) ChangeKey(ctx context.Context, c Caller, id string, in KeyChange) (APIKey, error) {
	if err := c.Need(MayKeys); err != nil {
		return APIKey{}, err
	}
	var bad Invalid
	if in.Name != nil {
		checkName(&bad, "name", *in.Name, true)
	}
	if err := bad.Err(); err != nil {
		return APIKey{}, err
	}
	return s.changeKey(ctx, c, id, "key.change", func(k *StoredKey) error {
		if k.Revoked != nil {
			return &Error{Code: CodeState, Detail: "the key is revoked"}
		}
		if in.Name != nil {
			k.Name = *in.Name
		}
		if in.Enabled == nil {
			return nil
		}
		if *in.Enabled && !k.Enabled {
			// A key may not hand back to another what it does not have itself.
			for _, p := range k.Scopes {
				if err := c.Need(p); err != nil {
					return err
				}
			}
		}
		k.Enabled = *in.Enabled
		return nil
	})
}

// RevokeKey implements Keys.
func (s *Service) RevokeKey(ctx context.Context, c Caller, id string) error {
	if err := c.Need(MayKeys); err != nil {
		return err
	}
	_, err := s.changeKey(ctx, c, id, "key.revoke", func(k *StoredKey) error {
		if k.Revoked == nil {
			now := s.now()
			k.Revoked = &now
		}
		return nil
	})
	return err
}

func (s *Service) changeKey(ctx context.Context, c Caller, id, action string, change func(*StoredKey) error) (APIKey, error) {
	var out APIKey
	err := s.update(ctx, func(tx Tx) error {
		r, k, err := Get[StoredKey](ctx, tx, c.Scope, KindKey, id)
		if errors.Is(err, ErrNotFound) {
			return NotFound("api key")
		}
		if err != nil {
			return err
		}
		if err := change(&k); err != nil {
			return err
		}
		r.Updated = s.now()
		if err := Put(ctx, tx, c.Scope, r, k); err != nil {
			return err
		}
		if err := WriteAudit(ctx, tx, c, s.now(), action, id, nil); err != nil {
			return err
		}
		out, err = s.viewKey(ctx, tx, c.Scope, r)
		out.Name, out.Enabled, out.RevokedAt = k.Name, k.Enabled && k.Revoked == nil, k.Revoked
		return err
	})
	s.keys.drop(id)
	return out, err
}

// Me implements Keys.
func (s *Service) Me(ctx context.Context, c Caller) (Me, error) {
	out := Me{Tenant: Named{ID: c.Tenant}, Environment: c.Environment, Actor: c.Actor, Scopes: c.Permissions, Limits: s.c.Limits}
	err := s.view(ctx, func(tx Tx) error {
		_, t, err := Get[StoredTenant](ctx, tx, Scope{Tenant: c.Tenant}, KindTenant, c.Tenant)
		if errors.Is(err, ErrNotFound) {
			return NotFound("tenant")
		}
		out.Tenant.Name = t.Name
		return err
	})
	if err == nil && s.c.Quota != nil && c.Environment == Live {
		out.Limits.QuotaLeft, err = s.c.Quota.Left(ctx, c.Scope)
	}
	return out, err
}

// shortID draws a short id for people to read, such as that of an issuer: 60 bits.
func shortID() string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	var b [8]byte
	rand.Read(b[:])
	n := binary.BigEndian.Uint64(b[:])
	var out [12]byte
	for i := range out {
		out[i] = alphabet[n&31]
		n >>= 5
	}
	return string(out[:])
}
