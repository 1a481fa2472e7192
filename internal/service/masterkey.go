package service

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
)

// WrongMasterKeyError is what a store was sealed under when it is not the key given.
type WrongMasterKeyError struct {
	// Sealed names the key that the store's secrets are sealed under, as KeyRing.KeyID does.
	Sealed string
}

func (e *WrongMasterKeyError) Error() string {
	return "service: the database is sealed under master key " + e.Sealed
}

// CheckMasterKey reports a *WrongMasterKeyError where the store holds secrets that the Sealer
// does not open. A store without any gets the installation's own, sealed with the key
// given, so that from its first start on every store tells its key.
func (s *Service) CheckMasterKey(ctx context.Context) error {
	if err := s.opensStore(ctx); err != nil {
		return err
	}
	_, err := s.installation(ctx)
	if errors.Is(err, ErrSealed) { // another process with another key was first
		return errors.Join(s.opensStore(ctx), err)
	}
	return err
}

// opensStore tries one secret of the store.
func (s *Service) opensStore(ctx context.Context) error {
	return s.view(ctx, func(tx Tx) error {
		_, value, err := Get[storedInstallation](ctx, tx, Scope{}, KindSetting, installationRecord)
		switch {
		case err == nil:
			return s.opens(value.Sealed, installationContext)
		case errors.Is(err, ErrNotFound):
			return s.opensIssuers(ctx, tx)
		}
		return err
	})
}

// opensIssuers tries the first key that is held for an issuer of each scope.
func (s *Service) opensIssuers(ctx context.Context, tx Tx) error {
	scopes, err := tx.Scopes(ctx, KindIssuer)
	if err != nil {
		return err
	}
	for _, scope := range scopes {
		page, err := tx.List(ctx, scope, KindIssuer, nil, Page{Limit: 1})
		if err != nil {
			return err
		}
		for _, r := range page.Items {
			var issuer StoredIssuer
			if err := decode(r.Body, &issuer); err != nil {
				return fmt.Errorf("service: stored issuer: %w", err)
			}
			for _, key := range issuer.Keys {
				if len(key.Sealed) == 0 {
					continue
				}
				if err := s.opens(key.Sealed, keyContext(scope, issuer.ID, key.Method)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *Service) opens(sealed []byte, place string) error {
	_, err := s.c.Sealer.Open(sealed, place)
	if !errors.Is(err, ErrSealed) || len(sealed) < sealHead || sealed[0] != sealVersion {
		return err
	}
	id := hex.EncodeToString(sealed[1 : 1+sealID])
	if own, ok := s.c.Sealer.(interface{ KeyID() string }); ok && own.KeyID() == id {
		return err // the right key: the value was changed
	}
	return &WrongMasterKeyError{Sealed: id}
}
