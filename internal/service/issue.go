package service

import (
	"context"
	"errors"
	"slices"

	"github.com/go-json-experiment/json"
)

// Issue implements Credentials.
func (s *Service) Issue(ctx context.Context, c Caller, in NewCredential, i Idempotency) (Result[Credential], error) {
	if err := c.Need(MayIssue); err != nil {
		return Result[Credential]{}, err
	}
	if out, found, err := Replayed[Credential](ctx, s.c.Store, s.now(), c.Scope, i, s.c.Sealer); err != nil || found {
		return out, err
	}
	return s.issueItem(ctx, c, in, i, nil)
}

// also is what is to be done in the transaction of an issue.
type also func(ctx context.Context, tx Tx, g *Signed) error

// issueItem checks, signs and commits one item.
func (s *Service) issueItem(ctx context.Context, c Caller, in NewCredential, i Idempotency, more also) (Result[Credential], error) {
	var none Result[Credential]
	t, w, item, err := s.prepare(ctx, c, in)
	if err != nil {
		return none, err
	}
	if found, out, err := s.sameAgain(ctx, c, t, item, i); err != nil || found {
		return out, err
	}
	for attempt := 0; ; attempt++ {
		signed, err := s.Sign(ctx, c, t, w, []*Checked{item})
		if err != nil {
			return none, err
		}
		if signed[0].Err != nil {
			return none, signed[0].Err
		}
		out, err := s.commitOne(ctx, c, i, signed[0], more)
		if err != nil || out.Replayed {
			s.Discard(ctx, signed[0])
		}
		switch {
		case errors.Is(err, errRotated) && attempt < 3:
			s.forgetIssuer(t.issuer)
			continue
		case errors.Is(err, ErrExists) && item.Given:
			// Another call has taken the id in between.
			if found, out, err := s.sameAgain(ctx, c, t, item, i); err != nil || found {
				return out, err
			}
		}
		return out, err
	}
}

// prepare loads the type and checks the input. What a body refers to and is not there is a
// fault of the body.
func (s *Service) prepare(ctx context.Context, c Caller, in NewCredential) (*LoadedType, Wanted, *Checked, error) {
	var bad Invalid
	if in.Type == "" {
		bad.Add("type", "is required")
		return nil, Wanted{}, nil, bad.Err()
	}
	t, err := s.LoadType(ctx, c, in.Type)
	if IsNotFound(err) {
		bad.Add("type", "names no credential type")
		if _, ok := starter(in.Type); ok {
			bad = Invalid{}
			bad.Add("type", "is a starter: make a type from it")
		}
		return nil, Wanted{}, nil, bad.Err()
	}
	if err != nil {
		return nil, Wanted{}, nil, err
	}
	w, err := s.Want(t, Wish{Publish: in.Publish, Outputs: in.Outputs, Anchor: in.Anchor, Notify: in.Notify})
	if err != nil {
		return nil, w, nil, err
	}
	item, faults, err := s.CheckItem(ctx, c, t, w, in.ItemInput)
	if err == nil && faults == nil && !w.Publish {
		faults, err = s.CheckPage(ctx, t, w, item) // what is published has its page made at once
	}
	if err != nil {
		return nil, w, nil, err
	}
	if faults != nil {
		bad.fields = faults
		return nil, w, nil, bad.Err()
	}
	return t, w, item, nil
}

// sameAgain is sameID, but that what the very call had made in between, under its
// Idempotency-Key, is its stored answer.
func (s *Service) sameAgain(ctx context.Context, c Caller, t *LoadedType, item *Checked, i Idempotency) (bool, Result[Credential], error) {
	found, out, err := s.sameID(ctx, c, t, item)
	if err == nil && !found {
		return false, out, nil
	}
	if again, replayed, fault := Replayed[Credential](ctx, s.c.Store, s.now(), c.Scope, i, s.c.Sealer); fault != nil || replayed {
		return replayed, again, fault
	}
	return found, out, err
}

// sameID looks for a credential under an id of the caller's own: the same content is the
// same credential, another is a duplicate.
func (s *Service) sameID(ctx context.Context, c Caller, t *LoadedType, item *Checked) (bool, Result[Credential], error) {
	var out Result[Credential]
	if !item.Given {
		return false, out, nil
	}
	var state *credentialState
	err := s.view(ctx, func(tx Tx) error {
		var err error
		state, err = s.read(ctx, tx, c.Scope, item.ID)
		return err
	})
	switch {
	case IsNotFound(err):
		return false, out, nil
	case err != nil:
		return false, out, err
	case state.body.Content != item.content || state.stored.TypeID != t.Type.ID:
		return false, out, &Error{Code: CodeDuplicate, Detail: "a credential with that id and other content exists"}
	}
	out.Value, err = s.show(ctx, c.Scope, state)
	return true, out, err
}

// commitOne commits one item under an idempotency key.
func (s *Service) commitOne(ctx context.Context, c Caller, i Idempotency, g *Signed, more also) (Result[Credential], error) {
	body := g.body
	return Once(ctx, s.c.Store, g.at, c.Scope, i, s.c.Sealer, func(tx Tx) (Result[Credential], error) {
		g.body = body // of an earlier run
		if more != nil {
			if err := more(ctx, tx, g); err != nil {
				return Result[Credential]{}, err
			}
		}
		if err := s.Commit(ctx, tx, c, []*Signed{g}); err != nil {
			return Result[Credential]{}, err
		}
		state := &credentialState{stored: g.stored, body: g.body, artifacts: g.artifacts, t: g.t}
		state.stored.Version = 1
		if g.body.MailID != "" {
			state.mail = &StoredMail{State: "queued"}
		}
		out, err := s.showIn(ctx, c.Scope, state)
		return Result[Credential]{Value: out, Created: true}, err
	})
}

// credentialState is a credential as it is stored, with what belongs to it.
type credentialState struct {
	stored    StoredCredential
	body      StoredBody
	artifacts []StoredArtifact // of the present issue
	t         *LoadedType
	mail      *StoredMail
	anchored  *AnchorState
}

// read reads a credential of a scope.
func (s *Service) read(ctx context.Context, tx Tx, scope Scope, id string) (*credentialState, error) {
	stored, err := tx.Credential(ctx, scope, id)
	if errors.Is(err, ErrNotFound) {
		return nil, NotFound("credential")
	}
	if err != nil {
		return nil, err
	}
	return s.readBody(ctx, tx, scope, stored)
}

func (s *Service) readBody(ctx context.Context, tx Tx, scope Scope, stored StoredCredential) (*credentialState, error) {
	out := &credentialState{stored: stored}
	err := json.Unmarshal(stored.Body, &out.body)
	if err != nil {
		return nil, err
	}
	if stored.Issue > 0 {
		if out.artifacts, err = tx.Artifacts(ctx, scope, stored.ID, stored.Issue); err != nil {
			return nil, err
		}
	}
	if out.body.MailID != "" {
		_, mail, err := Get[StoredMail](ctx, tx, scope, KindMail, out.body.MailID)
		if err == nil {
			out.mail = &mail
		} else if !errors.Is(err, ErrNotFound) {
			return nil, err
		}
	}
	return out, nil
}

// typeOf loads the version of the type that a credential was made with.
func (s *Service) typeOf(ctx context.Context, scope Scope, state *credentialState) (*LoadedType, error) {
	if state.t != nil {
		return state.t, nil
	}
	t, err := s.LoadVersion(ctx, Caller{Scope: scope}, state.stored.TypeID, state.body.TypeVersion)
	state.t = t
	return t, err
}

// inputOf is the item that a stored credential came from, so that it can be signed (again).
func (s *Service) inputOf(scope Scope, state *credentialState) (*Checked, error) {
	b := state.body
	if b.Erased != nil {
		return nil, &Error{Code: CodeState, Detail: "the recipient's data were erased"}
	}
	item := &Checked{
		ID: state.stored.ID, PublicID: state.stored.PublicID, Given: true, claims: b.Claims, texts: state.stored.Claims, private: map[string]string{},
		until: state.stored.ValidUntil, content: b.Content, issue: state.stored.Issue + 1, keys: &secrets{},
		input: ItemInput{
			ID:        state.stored.ID,
			Recipient: Recipient{ID: state.stored.SubjectID, Name: state.stored.RecipientName, Email: state.stored.RecipientEmail, DID: b.RecipientDID},
			Claims:    b.Claims, Visibility: b.Visibility, DocumentID: b.Document,
		},
	}
	if b.ValidFrom != nil {
		item.from = *b.ValidFrom
	}
	if len(b.Sealed) != 0 {
		plain, err := s.c.Sealer.Open(b.Sealed, SealContext(scope, state.stored.PublicID))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(plain, item.keys); err != nil {
			return nil, err
		}
		for key, secret := range item.keys.Private {
			item.private[key] = secret.Value
		}
	}
	if b.DocumentDigest != "" {
		item.document = &boundDocument{ID: b.Document, Digest: b.DocumentDigest, MediaType: "application/pdf"}
		if i := slices.IndexFunc(state.artifacts, func(a StoredArtifact) bool { return a.Name == "pdf" }); i >= 0 {
			item.document.Size = state.artifacts[i].Size
		}
	}
	return item, nil
}
