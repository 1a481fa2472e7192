package service

import (
	"context"
	"crypto"
	"errors"
	"slices"
	"time"
)

// RotateKey implements Issuers. The old key's private part is destroyed; its public part
// stays in the DID document, so that what it signed stays verifiable, unless it is said to
// be compromised: then it is removed, and nothing signed with it is believed any more but
// what provably existed before.
func (s *Service) RotateKey(ctx context.Context, c Caller, id string, in RotateKey, i Idempotency) (Result[Issuer], error) {
	if err := c.Need(MayKeys); err != nil {
		return Result[Issuer]{}, err
	}
	if in.Compromised { // all that the key signed ends, as by revoking each
		if err := c.Need(MayStatus); err != nil {
			return Result[Issuer]{}, err
		}
	}
	var bad Invalid
	checkKeyType(&bad, in.KeyType)
	if in.KeyRef != "" {
		s.checkKeyRef(&bad, c.Scope, in.KeyRef)
	}
	if in.Key != "" && !in.Compromised {
		bad.Add("key", "is for keys that are compromised")
	}
	if err := bad.Err(); err != nil {
		return Result[Issuer]{}, err
	}
	if out, found, err := Replayed[Issuer](ctx, s.c.Store, s.now(), c.Scope, i, nil); err != nil || found {
		return out, err
	}
	key, private, err := s.newIssuerKey(ctx, in.KeyType, in.KeyRef)
	if err != nil {
		return Result[Issuer]{}, err
	}
	var rotated StoredIssuer
	out, err := persist(ctx, s.c.Store, s.now(), c.Scope, i, func(tx Tx) (Result[Issuer], error) {
		r, old, err := findIssuer(ctx, tx, c.Scope, id)
		if err != nil {
			return Result[Issuer]{}, err
		}
		if in.Key != "" {
			retired, err := retiredKey(old, in.Key)
			if err != nil {
				return Result[Issuer]{}, err
			}
			if retired >= 0 {
				rotated, err = s.distrust(ctx, tx, c, r, old, retired)
				return Result[Issuer]{Value: issuerView(c.Scope, r, rotated)}, err
			}
		}
		if err := checkSuccessor(old, in, key); err != nil {
			return Result[Issuer]{}, err
		}
		if rotated, err = s.rotate(c.Scope, old, key, private, in.Compromised); err != nil {
			return Result[Issuer]{}, err
		}
		r.Updated = s.now()
		if err := noteHeld(ctx, tx, old.DID, key, r.Updated); err != nil {
			return Result[Issuer]{}, err
		}
		if err := Put(ctx, tx, c.Scope, r, rotated); err != nil {
			return Result[Issuer]{}, err
		}
		r.Version++
		rotated.Revision = r.Version
		detail := map[string]any{"compromised": in.Compromised, "key": rotated.Keys[len(rotated.Keys)-1].Method}
		if err := WriteAudit(ctx, tx, c, s.now(), "issuer.rotate", old.ID, detail); err != nil {
			return Result[Issuer]{}, err
		}
		return Result[Issuer]{Value: issuerView(c.Scope, r, rotated), Created: true}, s.resignLists(ctx, tx, rotated)
	})
	if err == nil && !out.Replayed {
		s.forgetIssuer(rotated)
	}
	return out, err
}

// persist is Once for what has to come about however much else is done with an issuer at that
// moment: its record is changed by those who issue, too, where a status list is full.
func persist[T any](ctx context.Context, st Store, now time.Time, c Scope, i Idempotency, f func(Tx) (Result[T], error)) (out Result[T], err error) {
	const attempts = 10
	for range attempts {
		if out, err = Once(ctx, st, now, c, i, nil, f); !errors.Is(err, ErrConflict) {
			break
		}
	}
	return out, err
}

// retiredKey finds a key that is not in use any more by its id; -1: it is the one in use.
func retiredKey(i StoredIssuer, id string) (int, error) {
	n := slices.IndexFunc(i.Keys, func(k StoredIssuerKey) bool { return k.Method == id })
	switch {
	case n < 0:
		var bad Invalid
		bad.Add("key", "names no key of the issuer")
		return n, bad.Err()
	case i.Keys[n].Until == nil:
		return -1, nil
	}
	return n, nil
}

// distrust has a key that is not in use any more not be believed from now on.
func (s *Service) distrust(ctx context.Context, tx Tx, c Caller, r Record, old StoredIssuer, n int) (StoredIssuer, error) {
	out := old
	out.Keys = slices.Clone(old.Keys)
	if out.Keys[n].Compromised != nil {
		return out, nil
	}
	now := s.now()
	out.Keys[n].Compromised = &now
	r.Updated = now
	if err := Put(ctx, tx, c.Scope, r, out); err != nil {
		return out, err
	}
	out.Revision = r.Version + 1
	if err := WriteAudit(ctx, tx, c, now, "issuer.distrust", old.ID, map[string]any{"key": out.Keys[n].Method}); err != nil {
		return out, err
	}
	return out, s.resignLists(ctx, tx, out) // one may stand as the key has signed it
}

func (s *Service) rotate(scope Scope, old StoredIssuer, key StoredIssuerKey, private crypto.Signer, compromised bool) (StoredIssuer, error) {
	if old.Method == "did:key" {
		return old, &Error{Code: CodeState, Detail: "a did:key is its key: it cannot have another"}
	}
	var err error
	if key.Method, err = methodOf(old.DID, private.Public()); err != nil {
		return old, err
	}
	if err := s.sealKey(scope, old.ID, &key, private); err != nil {
		return old, err
	}
	out := old
	out.Keys = append([]StoredIssuerKey{}, old.Keys...)
	now := s.now()
	for n := range out.Keys {
		k := &out.Keys[n]
		if k.Until == nil {
			k.Until = &now
			if compromised {
				k.Compromised = &now
			}
		}
		k.Sealed, k.Ref = nil, ""
	}
	out.Keys = append(out.Keys, key)
	return out, nil
}
