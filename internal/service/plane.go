package service

import (
	"context"

	"github.com/chancery-dev/chancery/verifier"
)

// PlaneVerifier judges for the W3C plane, where whom to trust is for the caller to decide:
// any issuer whose key is its own. The conformance profile of the W3C's test suites does
// not even ask whose the key is, and every report says so.
func (s *Service) PlaneVerifier(profile verifier.Profile) (*verifier.Verifier, error) {
	source := sources{s}
	return verifier.New(verifier.Config{
		Trust: verifier.TrustAny(), Policy: verifier.Policy{Profile: profile}, Clock: s.c.Clock, Keys: source, Status: source, Documents: source,
	})
}

// Deliverable returns an issued credential for a wallet: by its id in a scope, or, where
// the scope is zero, by the public id of one that is public. The file's name is the
// credential's id.
func (s *Service) Deliverable(ctx context.Context, scope Scope, id string) (Scope, string, File, error) {
	var state *credentialState
	var err error
	if scope == (Scope{}) {
		if scope, state, err = s.readPublic(ctx, id); err == nil && state.body.Visibility != visiblePublic {
			err = NotFound("credential")
		}
	} else {
		err = s.view(ctx, func(tx Tx) error {
			state, err = s.read(ctx, tx, scope, id)
			return err
		})
	}
	if err != nil {
		return Scope{}, "", File{}, err
	}
	if state.stored.State != StateIssued || state.body.Erased != nil {
		return Scope{}, "", File{}, NotFound("credential")
	}
	f, err := s.artifact(ctx, scope, state, "vc")
	f.Name = state.stored.ID
	return scope, state.stored.IssuerID, f, err
}

// StatusChanged has published lists read again: to be called after the transaction of
// SetStatus, so that the next verification here sees the change.
func (s *Service) StatusChanged() { s.trust.dropLists() }

// CountLive counts credentials against the quota of a scope, in the transaction that issues
// them. Those of test are not counted.
func (s *Service) CountLive(ctx context.Context, tx Tx, scope Scope, n int64) error {
	if s.c.Quota == nil || scope.Environment != Live {
		return nil
	}
	return s.c.Quota.Take(ctx, tx, scope, n)
}
