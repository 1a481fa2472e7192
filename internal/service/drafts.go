package service

import (
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
)

func isConflict(err error) bool { return errors.Is(err, ErrConflict) }

// ChangeDraft implements Credentials. The result is checked like any input.
func (s *Service) ChangeDraft(ctx context.Context, c Caller, id string, in DraftChange) (Credential, error) {
	if err := c.Need(MayIssue); err != nil {
		return Credential{}, err
	}
	return onceMore(func() (Credential, error) {
		state, err := s.before(ctx, c.Scope, id)
		if err != nil {
			return Credential{}, err
		}
		if state.stored.State != StateDraft {
			return Credential{}, wrongState(lifecycle(state.stored, s.now()), "changed")
		}
		g, err := s.redraft(ctx, c, state, in)
		if err != nil {
			return Credential{}, err
		}
		return s.saveDraft(ctx, c, state, g)
	})
}

// redraft makes the draft anew with what changes.
func (s *Service) redraft(ctx context.Context, c Caller, state *credentialState, in DraftChange) (*Signed, error) {
	old, err := s.inputOf(c.Scope, state)
	if err != nil {
		return nil, err
	}
	b, publish := state.body, false
	wish := Wish{Publish: &publish, Outputs: b.Outputs, Anchor: &b.Anchor, Notify: b.Notify, BatchID: state.stored.BatchID}
	if in.Outputs != nil {
		wish.Outputs = in.Outputs
	}
	if in.Anchor != nil {
		wish.Anchor = in.Anchor
	}
	if in.Notify != nil {
		wish.Notify = *in.Notify
	}
	w, err := s.Want(state.t, wish)
	if err != nil {
		return nil, err
	}
	input := changed(old, state, in)
	item, faults, err := s.CheckItem(ctx, c, state.t, w, input)
	if err == nil && faults == nil {
		faults, err = s.CheckPage(ctx, state.t, w, item)
	}
	if err != nil {
		return nil, err
	}
	if faults != nil {
		bad := Invalid{fields: faults}
		return nil, bad.Err()
	}
	item.ID, item.PublicID = state.stored.ID, state.stored.PublicID
	if in.Recipient == nil { // the same person, by whatever he was named
		item.input.Recipient.ID = state.stored.SubjectID
	}
	if in.ValidUntil == nil {
		item.endless = b.Endless
	}
	signed, err := s.Sign(ctx, c, state.t, w, []*Checked{item})
	if err != nil {
		return nil, err
	}
	return signed[0], nil
}

// changed is the input of a draft with what changes.
func changed(old *Checked, state *credentialState, in DraftChange) ItemInput {
	out := old.input
	out.Claims, out.Private = old.claims, map[string]any{}
	out.ValidFrom, out.ValidUntil = state.body.ValidFrom, after(state.stored.ValidUntil)
	out.Recipient.ID = ""
	for key, value := range old.private {
		out.Private[key] = value
	}
	if in.Recipient != nil {
		out.Recipient = *in.Recipient
	}
	if in.Claims != nil {
		out.Claims = in.Claims
	}
	for key, value := range in.Private {
		out.Private[key] = value
	}
	if in.ValidFrom != nil {
		out.ValidFrom = in.ValidFrom
	}
	if in.ValidUntil != nil {
		out.ValidUntil = in.ValidUntil
	}
	if in.Visibility != nil {
		out.Visibility = *in.Visibility
	}
	return out
}

func (s *Service) saveDraft(ctx context.Context, c Caller, state *credentialState, g *Signed) (Credential, error) {
	var out Credential
	err := s.c.Store.Update(ctx, func(tx Tx) error {
		g.stored.Version, g.stored.Created = state.stored.Version, state.stored.Created
		if err := s.putSubject(ctx, tx, c.Scope, g); err != nil {
			return err
		}
		var err error
		if g.stored.Body, err = json.Marshal(g.body, json.Deterministic(true)); err != nil {
			return err
		}
		if err := tx.SetCredential(ctx, c.Scope, g.stored); err != nil {
			return err
		}
		if err := WriteAudit(ctx, tx, c, g.at, "credential.change", g.ID, nil); err != nil {
			return err
		}
		out, err = s.showIn(ctx, c.Scope, &credentialState{stored: g.stored, body: g.body, t: g.t})
		return err
	})
	return out, err
}

// DeleteDraft implements Credentials. What was issued is revoked instead.
func (s *Service) DeleteDraft(ctx context.Context, c Caller, id string) error {
	if err := c.Need(MayIssue); err != nil {
		return err
	}
	defer Scrub(s.c.Store)
	return s.update(ctx, func(tx Tx) error {
		state, err := s.read(ctx, tx, c.Scope, id)
		if err != nil {
			return err
		}
		if state.stored.State != StateDraft {
			return wrongState(lifecycle(state.stored, s.now()), "deleted")
		}
		err = tx.DeleteCredential(ctx, c.Scope, id, state.stored.Version)
		if errors.Is(err, ErrNotFound) {
			return NotFound("credential") // another call has deleted it since it was read
		}
		if err != nil {
			return err
		}
		return WriteAudit(ctx, tx, c, s.now(), "credential.delete", id, nil)
	})
}

// expired is the job that tells of the end of validity.
func (s *Service) expired(ctx context.Context, r Run) error {
	var args ScopedID
	if err := decode(r.Args, &args); err != nil {
		return &GiveUp{Err: err}
	}
	var wait time.Duration
	err := s.update(ctx, func(tx Tx) error {
		wait = 0
		c, err := tx.Credential(ctx, args.Scope(), args.ID)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		now := s.now()
		switch {
		case c.State != StateIssued && c.State != StateSuspended, c.ValidUntil.IsZero():
			return nil
		case now.Before(c.ValidUntil):
			// It was signed again with a later end, which has a job of its own, or this
			// one came early.
			if c.Issue == 1 {
				wait = c.ValidUntil.Sub(now)
			}
			return nil
		}
		caller := System(args.Scope())
		key := "expired/" + c.ID
		told := Record{Kind: KindSetting, ID: key, Created: now, Updated: now}
		if old, until, err := Get[time.Time](ctx, tx, args.Scope(), KindSetting, key); err == nil {
			if until.Equal(c.ValidUntil) {
				return nil // the second run of this job
			}
			told = old
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		if err := Put(ctx, tx, args.Scope(), told, c.ValidUntil); err != nil {
			return err
		}
		if err := WriteAudit(ctx, tx, caller, now, "credential.expire", c.ID, nil); err != nil {
			return err
		}
		return Emit(ctx, tx, args.Scope(), now, EventExpired, map[string]any{"id": c.ID})
	})
	if err == nil && wait > 0 {
		return &Later{After: wait}
	}
	return err
}
