package service

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// transition is a change of a credential's state. It reports whether anything changed.
type transition struct {
	action, event string
	apply         func(ctx context.Context, tx Tx, state *credentialState, now time.Time) (bool, error)
}

// change does a transition and answers with the credential as it then is. The new status
// list is published in the same transaction: nothing is revoked in the database alone.
func (s *Service) change(ctx context.Context, c Caller, id string, i Idempotency, tr transition) (Result[Credential], error) {
	var none Result[Credential]
	if err := c.Need(MayStatus); err != nil {
		return none, err
	}
	before, err := s.before(ctx, c.Scope, id)
	if err != nil {
		return none, err
	}
	out, err := onceMore(func() (Result[Credential], error) {
		return Once(ctx, s.c.Store, s.now(), c.Scope, i, s.c.Sealer, func(tx Tx) (Result[Credential], error) {
			state, err := s.read(ctx, tx, c.Scope, id)
			if err != nil {
				return none, err
			}
			state.t, state.anchored = before.t, before.anchored
			now := s.now()
			changed, err := tr.apply(ctx, tx, state, now)
			if err != nil {
				return none, err
			}
			if changed {
				if err := s.save(ctx, tx, c.Scope, state); err != nil {
					return none, err
				}
				if err := WriteAudit(ctx, tx, c, now, tr.action, id, nil); err != nil {
					return none, err
				}
				if err := Emit(ctx, tx, c.Scope, now, tr.event, map[string]any{"id": id}); err != nil {
					return none, err
				}
			}
			shown, err := s.showIn(ctx, c.Scope, state)
			return Result[Credential]{Value: shown, Created: changed}, err
		})
	})
	s.trust.dropLists()
	if !c.May(MayRead) && !c.May(MayIssue) {
		out.Value = withoutPerson(out.Value)
	}
	return out, err
}

// withoutPerson leaves out whom a credential is about and what leads to it: for callers who
// may change its status and not read it.
func withoutPerson(c Credential) Credential {
	c.Recipient, c.Claims, c.PrivateFields, c.Artifacts = Recipient{ID: c.Recipient.ID}, map[string]any{}, []string{}, map[string]Artifact{}
	return c
}

// before reads a credential and loads its type ahead of a transaction, which must not
// begin another one.
func (s *Service) before(ctx context.Context, scope Scope, id string) (*credentialState, error) {
	var state *credentialState
	err := s.view(ctx, func(tx Tx) error {
		var err error
		state, err = s.read(ctx, tx, scope, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if _, err = s.typeOf(ctx, scope, state); err != nil {
		return nil, err
	}
	if _, err = s.installation(ctx); err != nil { // for links
		return nil, err
	}
	if state.body.StampID != "" && s.c.Stamper != nil {
		if state.anchored, err = s.c.Stamper.State(ctx, scope, state.body.StampID); err != nil && !IsNotFound(err) {
			return nil, err
		}
	}
	return state, nil
}

// onceMore repeats what met another change.
func onceMore[T any](f func() (T, error)) (T, error) {
	for attempt := 0; ; attempt++ {
		out, err := f()
		if attempt < 4 && isConflict(err) {
			continue
		}
		return out, err
	}
}

// save writes a changed credential.
func (s *Service) save(ctx context.Context, tx Tx, scope Scope, state *credentialState) error {
	var err error
	if state.stored.Body, err = json.Marshal(state.body, json.Deterministic(true)); err != nil {
		return err
	}
	return tx.SetCredential(ctx, scope, state.stored)
}

func wrongState(state State, verb string) error {
	return &Error{Code: CodeState, Detail: fmt.Sprintf("a credential that is %s cannot be %s", state, verb)}
}

func checkReason(reason string) error {
	var bad Invalid
	if checkText(&bad, "reason", reason); len(reason) > 1000 {
		bad.Add("reason", "must have at most 1000 bytes")
	}
	return bad.Err()
}

// kept is what is kept of a reason: nothing where the person was erased, whom it may name.
func (c *credentialState) kept(reason string) string {
	if c.body.Erased != nil {
		return ""
	}
	return reason
}

func placeOf(c StoredCredential) StatusPlace { return StatusPlace{List: c.ListID, Index: c.Index} }

// Revoke implements Credentials.
func (s *Service) Revoke(ctx context.Context, c Caller, id, reason string, i Idempotency) (Result[Credential], error) {
	if err := checkReason(reason); err != nil {
		return Result[Credential]{}, err
	}
	return s.change(ctx, c, id, i, transition{"credential.revoke", EventRevoked, func(ctx context.Context, tx Tx, state *credentialState, now time.Time) (bool, error) {
		reason := state.kept(reason)
		switch state.stored.State {
		case StateIssued, StateSuspended:
		case StateRevoked:
			if state.body.Reason != reason {
				return false, &Error{Code: CodeRevoked, Detail: "the credential is revoked for another reason"}
			}
			return false, nil
		default:
			return false, wrongState(state.stored.State, "revoked")
		}
		state.stored.State, state.body.Reason, state.body.RevokedAt = StateRevoked, reason, &now
		return true, s.setStatus(ctx, tx, c.Scope, placeOf(state.stored), true, purposeRevocation)
	}})
}

// Suspend implements Credentials.
func (s *Service) Suspend(ctx context.Context, c Caller, id, reason string, i Idempotency) (Result[Credential], error) {
	if err := checkReason(reason); err != nil {
		return Result[Credential]{}, err
	}
	return s.change(ctx, c, id, i, transition{"credential.suspend", EventSuspended, func(ctx context.Context, tx Tx, state *credentialState, now time.Time) (bool, error) {
		reason := state.kept(reason)
		if state.stored.State == StateSuspended && state.body.Reason == reason {
			return false, nil
		}
		if now := lifecycle(state.stored, now); now != StateIssued {
			return false, wrongState(now, "suspended")
		}
		state.stored.State, state.body.Reason, state.body.SuspendedAt, state.body.ReinstatedAt = StateSuspended, reason, &now, nil
		return true, s.setStatus(ctx, tx, c.Scope, placeOf(state.stored), true, purposeSuspension, purposeRevocation)
	}})
}

// Reinstate implements Credentials.
func (s *Service) Reinstate(ctx context.Context, c Caller, id, reason string, i Idempotency) (Result[Credential], error) {
	if err := checkReason(reason); err != nil {
		return Result[Credential]{}, err
	}
	return s.change(ctx, c, id, i, transition{"credential.reinstate", EventReinstated, func(ctx context.Context, tx Tx, state *credentialState, now time.Time) (bool, error) {
		reason := state.kept(reason)
		if state.stored.State == StateIssued && state.body.ReinstatedAt != nil && state.body.Reason == reason {
			return false, nil
		}
		if state.stored.State != StateSuspended {
			return false, wrongState(lifecycle(state.stored, now), "reinstated")
		}
		state.stored.State, state.body.Reason, state.body.ReinstatedAt = StateIssued, reason, &now
		return true, s.setStatus(ctx, tx, c.Scope, placeOf(state.stored), false, purposeSuspension, purposeRevocation)
	}})
}

// Publish implements Credentials.
func (s *Service) Publish(ctx context.Context, c Caller, id string, i Idempotency) (Result[Credential], error) {
	var none Result[Credential]
	if err := c.Need(MayIssue); err != nil {
		return none, err
	}
	if out, found, err := Replayed[Credential](ctx, s.c.Store, s.now(), c.Scope, i, s.c.Sealer); err != nil || found {
		return out, err
	}
	return onceMore(func() (Result[Credential], error) {
		state, err := s.before(ctx, c.Scope, id)
		if err != nil {
			return none, err
		}
		if state.stored.State != StateDraft {
			return orReplayed[Credential](ctx, s.c.Store, s.now(), c.Scope, i, s.c.Sealer, wrongState(lifecycle(state.stored, s.now()), "published"))
		}
		// The draft keeps its version of the type; whether the type is on is asked of today's.
		if today, err := s.LoadType(ctx, c, state.stored.TypeID); err != nil {
			return none, err
		} else if !today.Type.Active {
			return none, switchedOff()
		}
		item, w, err := s.draftItem(c.Scope, state)
		if err != nil {
			return none, err
		}
		return s.signOver(ctx, c, i, state, item, w, "credential.publish")
	})
}

// draftItem is the item of a draft that is published now.
func (s *Service) draftItem(scope Scope, state *credentialState) (*Checked, Wanted, error) {
	t, b := state.t, state.body
	item, err := s.inputOf(scope, state)
	if err != nil {
		return nil, Wanted{}, err
	}
	item.input.ValidFrom, item.input.ValidUntil, item.endless = b.ValidFrom, after(state.stored.ValidUntil), b.Endless
	var bad Invalid
	item.checkTimes(&bad, t, s.now())
	if err := bad.Err(); err != nil {
		return nil, Wanted{}, err
	}
	publish := true
	w, err := s.Want(t, Wish{Publish: &publish, Outputs: b.Outputs, Anchor: &b.Anchor, Notify: b.Notify, BatchID: state.stored.BatchID})
	return item, w, err
}

// signOver signs a stored credential and commits it in place: a draft that is published,
// or an issued one that is signed again, whose earlier place is then revoked.
func (s *Service) signOver(ctx context.Context, c Caller, i Idempotency, state *credentialState, item *Checked, w Wanted, action string) (Result[Credential], error) {
	var none Result[Credential]
	signed, err := s.Sign(ctx, c, state.t, w, []*Checked{item})
	if err != nil {
		return none, err
	}
	g := signed[0]
	if g.Err != nil {
		return none, g.Err
	}
	first, made := state.stored.Issue == 0, g.body
	out, err := Once(ctx, s.c.Store, g.at, c.Scope, i, s.c.Sealer, func(tx Tx) (Result[Credential], error) {
		g.body = made
		if err := s.commitOver(ctx, tx, c, state, g, first); err != nil {
			return none, err
		}
		if err := WriteAudit(ctx, tx, c, g.at, action, g.ID, map[string]any{"version": g.stored.Issue}); err != nil {
			return none, err
		}
		shown, err := s.showIn(ctx, c.Scope, &credentialState{stored: g.stored, body: g.body, artifacts: g.artifacts, t: g.t, mail: state.mail})
		return Result[Credential]{Value: shown, Created: true}, err
	})
	s.trust.dropLists()
	if err != nil || out.Replayed {
		s.Discard(ctx, g)
	}
	if isConflict(err) {
		s.forgetIssuer(state.t.issuer)
	}
	return out, err
}

func (s *Service) commitOver(ctx context.Context, tx Tx, c Caller, state *credentialState, g *Signed, first bool) error {
	// Signing again is not counted.
	hooks, err := s.beforeCommit(ctx, tx, c, first && c.Environment == Live, []*Signed{g})
	if err != nil {
		return err
	}
	old := state.stored
	g.stored.Version, g.stored.Created, g.stored.SubjectID = old.Version, old.Created, old.SubjectID
	if first {
		if err := s.putSubject(ctx, tx, c.Scope, g); err != nil {
			return err
		}
	} else {
		g.stored.IssuedAt = old.IssuedAt
		g.body.ReinstatedAt, g.body.Reason, g.body.SuspendedAt, g.body.Supersedes = state.body.ReinstatedAt, state.body.Reason, state.body.SuspendedAt, state.body.Supersedes
		g.body.MailID = state.body.MailID
		g.body.Earlier = append(slices.Clone(state.body.Earlier), placeOf(old))
		if err := s.setStatus(ctx, tx, c.Scope, placeOf(old), true, purposeRevocation); err != nil {
			return err
		}
	}
	mail := g.body.MailID
	if err := s.follow(ctx, tx, c, hooks, g); err != nil {
		return err
	}
	if err := hooks.Flush(ctx, tx); err != nil {
		return err
	}
	if g.body.MailID == "" {
		g.body.MailID = mail
	}
	if first && g.body.MailID != "" {
		state.mail = &StoredMail{State: "queued"}
	}
	if g.stored.Body, err = json.Marshal(g.body, json.Deterministic(true)); err != nil {
		return err
	}
	if err := tx.SetCredential(ctx, c.Scope, g.stored); err != nil {
		return err
	}
	return s.addArtifacts(ctx, tx, c.Scope, g)
}

// SetExpiry implements Credentials.
func (s *Service) SetExpiry(ctx context.Context, c Caller, id string, until *time.Time, i Idempotency) (Result[Credential], error) {
	var none Result[Credential]
	if err := c.Need(MayIssue); err != nil {
		return none, err
	}
	if out, found, err := Replayed[Credential](ctx, s.c.Store, s.now(), c.Scope, i, s.c.Sealer); err != nil || found {
		return out, err
	}
	return onceMore(func() (Result[Credential], error) {
		state, err := s.before(ctx, c.Scope, id)
		if err != nil {
			return none, err
		}
		if state.stored.State == StateDraft {
			return s.draftExpiry(ctx, c, i, id, state, until)
		}
		// What people have of the version before is revoked, and the credential may end here.
		if err := c.Need(MayStatus); err != nil {
			return none, err
		}
		if now := lifecycle(state.stored, s.now()); now != StateIssued && now != StateExpired {
			return none, wrongState(now, "given another expiry")
		}
		item, err := s.inputOf(c.Scope, state)
		if err != nil {
			return none, err
		}
		item.input.ValidFrom, item.input.ValidUntil = state.body.ValidFrom, until
		if err := item.setUntil(until); err != nil {
			return none, err
		}
		if item.until.Equal(state.stored.ValidUntil) {
			shown, err := s.showIn(ctx, c.Scope, state)
			return Result[Credential]{Value: shown}, err
		}
		b := state.body
		w := Wanted{Publish: true, Outputs: b.Outputs, Anchor: b.Anchor && s.c.Stamper != nil, BatchID: state.stored.BatchID}
		out, err := s.signOver(ctx, c, i, state, item, w, "credential.expiry")
		out.Created = false
		return out, err
	})
}

// setUntil sets the end of validity, nil: for ever, whatever the type says.
func (item *Checked) setUntil(until *time.Time) error {
	var bad Invalid
	item.until = time.Time{}
	if until != nil {
		item.until = until.UTC().Truncate(time.Second)
		if checkYear(&bad, "validUntil", item.until); !item.until.After(item.from) {
			bad.Add("validUntil", "must be after validFrom")
		}
	}
	return bad.Err()
}

func (s *Service) draftExpiry(ctx context.Context, c Caller, i Idempotency, id string, before *credentialState, until *time.Time) (Result[Credential], error) {
	var none Result[Credential]
	item := &Checked{}
	if b := before.body.ValidFrom; b != nil {
		item.from = *b
	}
	if err := item.setUntil(until); err != nil {
		return none, err
	}
	return Once(ctx, s.c.Store, s.now(), c.Scope, i, s.c.Sealer, func(tx Tx) (Result[Credential], error) {
		state, err := s.read(ctx, tx, c.Scope, id)
		if err != nil {
			return none, err
		}
		if state.stored.State != StateDraft {
			return none, ErrConflict
		}
		state.t, state.stored.ValidUntil, state.body.Endless = before.t, item.until, until == nil
		if err := s.save(ctx, tx, c.Scope, state); err != nil {
			return none, err
		}
		if err := WriteAudit(ctx, tx, c, s.now(), "credential.expiry", id, nil); err != nil {
			return none, err
		}
		shown, err := s.showIn(ctx, c.Scope, state)
		return Result[Credential]{Value: shown}, err
	})
}

// Supersede implements Credentials.
func (s *Service) Supersede(ctx context.Context, c Caller, id string, in NewCredential, i Idempotency) (Result[Credential], error) {
	var none Result[Credential]
	if err := c.Need(MayIssue); err != nil {
		return none, err
	}
	if err := c.Need(MayStatus); err != nil {
		return none, err
	}
	if out, found, err := Replayed[Credential](ctx, s.c.Store, s.now(), c.Scope, i, s.c.Sealer); err != nil || found {
		return out, err
	}
	before, err := s.before(ctx, c.Scope, id)
	if err != nil {
		return none, err
	}
	if in.Type == "" {
		in.Type = before.stored.TypeID
	}
	if in.Publish != nil && !*in.Publish {
		var bad Invalid
		bad.Add("publish", "must not be false: what supersedes is issued at once")
		return none, bad.Err()
	}
	if in.ID == id {
		var bad Invalid
		bad.Add("id", "must be another than that of the superseded credential")
		return none, bad.Err()
	}
	replace := func(ctx context.Context, tx Tx, g *Signed) error {
		old, err := s.read(ctx, tx, c.Scope, id)
		if err != nil {
			return err
		}
		if old.stored.State != StateIssued && old.stored.State != StateSuspended {
			return wrongState(old.stored.State, "superseded")
		}
		g.body.Supersedes = id
		old.stored.State, old.body.SupersededBy = StateSuperseded, g.ID
		if err := s.setStatus(ctx, tx, c.Scope, placeOf(old.stored), true, purposeRevocation); err != nil {
			return err
		}
		if err := s.save(ctx, tx, c.Scope, old); err != nil {
			return err
		}
		if err := WriteAudit(ctx, tx, c, g.at, "credential.supersede", id, map[string]any{"by": g.ID}); err != nil {
			return err
		}
		return Emit(ctx, tx, c.Scope, g.at, EventRevoked, map[string]any{"id": id, "supersededBy": g.ID})
	}
	out, err := onceMore(func() (Result[Credential], error) { return s.issueItem(ctx, c, in, i, replace) })
	s.trust.dropLists()
	if err == nil && out.Value.Supersedes != id {
		// The id is that of a credential with this content, which supersedes nothing or
		// another one: the old one is as it was.
		return none, &Error{Code: CodeDuplicate, Detail: "a credential with that id exists, and does not supersede this one"}
	}
	return out, err
}
