package service

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// Commit writes signed items in a transaction, with all that follows from them: anchors,
// mail, audit and events. ErrExists: a credential with one of the ids is there. It is
// ErrConflict where the issuer's key was rotated since Sign: sign anew.
func (s *Service) Commit(ctx context.Context, tx Tx, c Caller, signed []*Signed) error {
	hooks, err := s.beforeCommit(ctx, tx, c, c.Environment == Live, signed)
	if err != nil {
		return err
	}
	if err := s.putSubjects(ctx, tx, c.Scope, signed); err != nil {
		return err
	}
	stored := make([]StoredCredential, len(signed))
	for i, g := range signed {
		if err := s.follow(ctx, tx, c, hooks, g); err != nil {
			return err
		}
		if g.stored.Body, err = json.Marshal(g.body, json.Deterministic(true)); err != nil {
			return err
		}
		stored[i] = g.stored
	}
	if err := hooks.Flush(ctx, tx); err != nil {
		return err
	}
	if err := tx.AddCredential(ctx, c.Scope, stored...); err != nil {
		return err
	}
	for _, g := range signed {
		if err := s.addArtifacts(ctx, tx, c.Scope, g); err != nil {
			return err
		}
		action := "credential.issue"
		if !g.w.Publish {
			action = "credential.draft"
		}
		if err := WriteAudit(ctx, tx, c, g.at, action, g.ID, nil); err != nil {
			return err
		}
	}
	return nil
}

// beforeCommit checks what holds for all: the key that signed is still the issuer's, and
// the quota is not used up. It returns the webhooks, which drafts do not need.
func (s *Service) beforeCommit(ctx context.Context, tx Tx, c Caller, counted bool, signed []*Signed) (Hooks, error) {
	hooks := Hooks{scope: c.Scope}
	published := int64(0)
	checked := map[string]bool{}
	for _, g := range signed {
		if g.Err != nil {
			return hooks, g.Err
		}
		if g.t.Scope != c.Scope {
			return hooks, NotFound("credential type")
		}
		if !g.w.Publish {
			continue
		}
		published++
		if checked[g.stored.IssuerID+" "+g.method] {
			continue
		}
		var r Record
		var err error
		if len(checked) == 0 {
			var list []Record
			if r, list, err = tx.GetList(ctx, c.Scope, KindIssuer, g.stored.IssuerID, KindWebhook); err == nil {
				hooks, err = hooksOf(c.Scope, list)
			}
		} else {
			r, err = tx.Get(ctx, c.Scope, KindIssuer, g.stored.IssuerID)
		}
		if err != nil {
			return hooks, err
		}
		checked[g.stored.IssuerID+" "+g.method] = true
		if err := s.stillSigns(g, r); err != nil {
			return hooks, err
		}
	}
	if s.c.Quota != nil && counted && published > 0 {
		return hooks, s.c.Quota.Take(ctx, tx, c.Scope, published)
	}
	return hooks, nil
}

// stillSigns compares the issuer's record with the one that signed.
func (s *Service) stillSigns(g *Signed, r Record) error {
	s.signers.mu.Lock()
	have := s.signers.issuers[issuerRef{g.t.Scope, r.ID}]
	s.signers.mu.Unlock()
	var i StoredIssuer
	if have != nil && have.issuer.Revision == r.Version {
		i = have.issuer
	} else if err := decode(r.Body, &i); err != nil {
		return err
	}
	if k, err := i.current(); err != nil || k.Method != g.method {
		return errors.Join(errRotated, ErrConflict)
	}
	return nil
}

// putSubjects writes the recipients down who are not known yet: in the order of their ids,
// so that transactions that write the same ones wait for one another in that order.
func (s *Service) putSubjects(ctx context.Context, tx Tx, scope Scope, signed []*Signed) error {
	sorted := slices.SortedFunc(slices.Values(signed), func(a, b *Signed) int { return strings.Compare(a.stored.SubjectID, b.stored.SubjectID) })
	for i, g := range sorted {
		if i > 0 && g.stored.SubjectID == sorted[i-1].stored.SubjectID {
			continue
		}
		if err := s.putSubject(ctx, tx, scope, g); err != nil {
			return err
		}
	}
	return nil
}

// putSubject writes the recipient down where he is not known yet.
func (s *Service) putSubject(ctx context.Context, tx Tx, scope Scope, g *Signed) error {
	r := g.checked.input.Recipient
	body, err := json.Marshal(StoredSubject{Name: r.Name, Email: r.Email, DID: r.DID})
	if err != nil {
		return err
	}
	return tx.PutNew(ctx, scope, Record{Kind: KindSubject, ID: g.stored.SubjectID, Created: g.at, Updated: g.at, Body: body})
}

func (s *Service) addArtifacts(ctx context.Context, tx Tx, scope Scope, g *Signed) error {
	for _, a := range g.artifacts {
		if err := tx.AddArtifact(ctx, scope, g.ID, a); err != nil {
			return err
		}
	}
	return nil
}

// follow does what follows from issuing: the stamp, the mail, the end of validity, the
// events. It fills in the body, which is written afterwards. A draft has none of these.
func (s *Service) follow(ctx context.Context, tx Tx, c Caller, hooks Hooks, g *Signed) error {
	if !g.w.Publish {
		return nil
	}
	if g.w.Anchor {
		if err := s.stamp(ctx, tx, c.Scope, g); err != nil {
			return err
		}
	}
	if g.w.Notify {
		id, err := s.queueMail(ctx, tx, c.Scope, g.ID, g.at)
		if err != nil {
			return err
		}
		g.body.MailID = id
	}
	if until := g.stored.ValidUntil; !until.IsZero() {
		if err := s.queueExpiry(ctx, tx, c.Scope, g.ID, until); err != nil {
			return err
		}
	}
	data := map[string]any{"id": g.ID}
	if err := hooks.Emit(ctx, tx, g.at, EventIssued, data); err != nil {
		return err
	}
	return hooks.Emit(ctx, tx, g.at, EventPublished, data)
}

// stamp has the signed credential anchored.
func (s *Service) stamp(ctx context.Context, tx Tx, scope Scope, g *Signed) error {
	digest, err := evidence.SumDigest("sha-256", g.artifacts[0].Bytes)
	if err != nil {
		return err
	}
	subject, err := anchor.Stamp(evidence.SubjectCredential, "sha-256", digest)
	if err != nil {
		return err
	}
	g.body.StampID = NewID()
	return s.c.Stamper.Stamp(ctx, tx, scope, g.body.StampID, g.ID, subject)
}

// queueExpiry has the end of validity told when it comes.
func (s *Service) queueExpiry(ctx context.Context, tx Tx, scope Scope, id string, until time.Time) error {
	args, err := EncodeArgs(ScopedID{Tenant: scope.Tenant, Environment: scope.Environment, ID: id})
	if err != nil {
		return err
	}
	return tx.Enqueue(ctx, Job{Kind: JobExpire, Args: args, At: until})
}

// vcOf is the signed credential among artefacts of one issue.
func vcOf(artifacts []StoredArtifact) (StoredArtifact, bool) {
	i := slices.IndexFunc(artifacts, func(a StoredArtifact) bool { return a.Name == "vc" })
	if i < 0 {
		return StoredArtifact{}, false
	}
	return artifacts[i], true
}
