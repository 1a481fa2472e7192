package register

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/service"
)

// erasedMark is the id of the record that says that a person was erased, and how much. It
// holds no personal data.
func erasedMark(subject string) string { return "erased/" + subject }

// Erase implements service.Registry. It may be repeated, also after it was cut off in the
// middle: what is erased is gone, and the rest follows.
func (g *Register) Erase(ctx context.Context, c service.Caller, subject string) (service.Erasure, error) {
	var none service.Erasure
	if err := c.Need(service.MayErase); err != nil {
		return none, err
	}
	person, found, err := g.person(ctx, c.Scope, subject)
	if err != nil {
		return none, err
	}
	mark, err := g.mark(ctx, c.Scope, subject)
	if err != nil {
		return none, err
	}
	if !found && mark == nil {
		if some, err := g.some(ctx, c.Scope, subject, 1); err != nil {
			return none, err
		} else if len(some) == 0 {
			return none, service.NotFound("subject")
		}
	}
	defer service.Scrub(g.c.Store) // also of what was erased before it failed
	// Rows first: what was queued is not issued any more, and what was issued in between is
	// found among the credentials.
	_, err = g.c.Rows.EraseRows(ctx, c.Scope, func(r service.Recipient) bool {
		return r.ID == subject || person.Email != "" && strings.EqualFold(r.Email, person.Email) || person.DID != "" && r.DID == person.DID
	})
	if err != nil {
		return none, err
	}
	if _, err := g.c.Signers.EraseSigner(ctx, c.Scope, person.Email); err != nil {
		return none, err
	}
	out := service.Erasure{Subject: subject, At: g.now()}
	if err := g.sweep(ctx, c.Scope, &out, false); err != nil {
		return none, g.partly(ctx, c, out, err)
	}
	if err := g.erasePortfolios(ctx, c.Scope, subject); err != nil {
		return none, g.partly(ctx, c, out, err)
	}
	if out, err = g.finish(ctx, c, subject, found, mark, out); err != nil {
		return out, err
	}
	// Those that were put while the person was known still.
	return out, g.erasePortfolios(ctx, c.Scope, subject)
}

// partly notes what an erasure that has failed had erased until then: its repetition does
// not find that again. It returns why it has failed.
func (g *Register) partly(ctx context.Context, c service.Caller, out service.Erasure, why error) error {
	if out.Credentials == 0 {
		return why
	}
	// It may have failed because its time was over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := retry(func() error {
		return g.c.Store.Update(ctx, func(tx service.Tx) error { return g.count(ctx, tx, c, out) })
	})
	return errors.Join(why, err)
}

// sweep erases what there is of credentials of a person, and counts it. Where the person is
// gone, it leaves those of somebody who has come to be known under that id since: who issues
// writes both down at once.
func (g *Register) sweep(ctx context.Context, s service.Scope, out *service.Erasure, gone bool) error {
	for {
		some, err := g.some(ctx, s, out.Subject, 50)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, cred := range some {
			done, n, err := g.eraseCredential(ctx, s, cred.ID, out.Subject, gone)
			if errors.Is(err, errKnown) {
				return nil
			}
			if done {
				out.Credentials++
				out.Artifacts += n
			}
			if err != nil {
				return err
			}
		}
	}
}

var errKnown = errors.New("register: the person is known")

// eraseAgain is the job that follows an erasure: what was under way to be issued when the
// last look found nothing would otherwise keep the id of a person who is gone.
func (g *Register) eraseAgain(ctx context.Context, r service.Run) error {
	var a service.ScopedID
	if err := json.Unmarshal(r.Args, &a); err != nil {
		return &service.GiveUp{Err: err}
	}
	out := service.Erasure{Subject: a.ID, At: g.now()}
	err := g.sweep(ctx, a.Scope(), &out, true)
	_, known, perr := g.person(ctx, a.Scope(), a.ID)
	if perr == nil && !known {
		perr = g.erasePortfolios(ctx, a.Scope(), a.ID)
	}
	err = errors.Join(err, perr)
	if out.Credentials == 0 {
		return err
	}
	defer service.Scrub(g.c.Store)
	counted := retry(func() error {
		return g.c.Store.Update(ctx, func(tx service.Tx) error { return g.count(ctx, tx, service.System(a.Scope()), out) })
	})
	return errors.Join(err, counted)
}

func (g *Register) person(ctx context.Context, s service.Scope, id string) (p service.StoredSubject, found bool, err error) {
	err = g.c.Store.View(ctx, func(tx service.Tx) error {
		_, p, err = service.Get[service.StoredSubject](ctx, tx, s, service.KindSubject, id)
		return err
	})
	if errors.Is(err, service.ErrNotFound) {
		return p, false, nil
	}
	return p, err == nil, err
}

func (g *Register) mark(ctx context.Context, s service.Scope, subject string) (*service.Erasure, error) {
	var out service.Erasure
	err := g.c.Store.View(ctx, func(tx service.Tx) (err error) {
		_, out, err = service.Get[service.Erasure](ctx, tx, s, service.KindSetting, erasedMark(subject))
		return err
	})
	if errors.Is(err, service.ErrNotFound) {
		return nil, nil
	}
	return &out, err
}

func (g *Register) some(ctx context.Context, s service.Scope, subject string, n int) (out []service.StoredCredential, err error) {
	if subject == "" {
		return nil, nil // a filter that filters nothing
	}
	err = g.c.Store.View(ctx, func(tx service.Tx) error {
		list, err := tx.Credentials(ctx, s, service.CredentialQuery{SubjectID: subject, Now: g.now()}, service.Page{Limit: n})
		out = list.Items
		return err
	})
	return out, err
}

// eraseCredential forgets what a credential says of whom, and removes its files. It is done
// also where files could not be removed yet.
// gone is for what is only to be done where there is no such person any more: else errKnown.
func (g *Register) eraseCredential(ctx context.Context, s service.Scope, id, subject string, gone bool) (done bool, artifacts int, err error) {
	var files []string
	err = retry(func() error {
		return g.c.Store.Update(ctx, func(tx service.Tx) (err error) {
			if gone {
				if _, err := tx.Get(ctx, s, service.KindSubject, subject); err == nil {
					return errKnown
				} else if !errors.Is(err, service.ErrNotFound) {
					return err
				}
			}
			artifacts, files, err = g.eraseRecord(ctx, tx, s, id)
			return err
		})
	})
	if err != nil {
		return false, 0, err
	}
	for _, digest := range files {
		if err := g.forgetFile(ctx, digest); err != nil {
			return true, artifacts, err // the job does it again
		}
	}
	return true, artifacts, nil
}

// eraseRecord forgets what a credential says of whom. Its ids, state, status entry and
// digest stay, so that whoever holds it can go on having it verified. A draft goes wholly.
// It returns how many artefacts it had, and files that may not be needed any more.
func (g *Register) eraseRecord(ctx context.Context, tx service.Tx, s service.Scope, id string) (artifacts int, files []string, err error) {
	cred, err := tx.Credential(ctx, s, id)
	if errors.Is(err, service.ErrNotFound) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	var body service.StoredBody
	if err := json.Unmarshal(cred.Body, &body); err != nil {
		return 0, nil, err
	}
	gone, err := tx.DeleteArtifacts(ctx, s, id)
	if err != nil {
		return 0, nil, err
	}
	for _, a := range gone {
		if a.Bytes == nil {
			files = append(files, a.Digest)
		}
	}
	if err := g.eraseMails(ctx, tx, s, id); err != nil {
		return 0, nil, err
	}
	if body.Document != "" {
		held, err := g.eraseDocument(ctx, tx, s, body.Document)
		if err != nil {
			return 0, nil, err
		}
		files = append(files, held...)
	}
	if err := g.later(ctx, tx, s, files, body.StampID); err != nil {
		return 0, nil, err
	}
	if cred.State == service.StateDraft {
		return len(gone), files, tx.DeleteCredential(ctx, s, id, cred.Version)
	}
	now := g.now()
	body.Claims, body.Sealed, body.RecipientDID, body.Private, body.Document, body.Erased = nil, nil, "", nil, "", &now
	body.Reason = "" // was written by people, about this person
	if cred.Body, err = json.Marshal(body, json.Deterministic(true)); err != nil {
		return 0, nil, err
	}
	cred.Claims, cred.RecipientName, cred.RecipientEmail, cred.SubjectID = nil, "", "", ""
	return len(gone), files, tx.SetCredential(ctx, s, cred)
}

// later queues what is to be done outside of the transaction, so that it is done also
// where this process ends.
func (g *Register) later(ctx context.Context, tx service.Tx, s service.Scope, files []string, stamp string) error {
	for _, digest := range files {
		args, err := service.EncodeArgs(service.ForgetFile{Digest: digest})
		if err != nil {
			return err
		}
		if err := tx.Enqueue(ctx, service.Job{Kind: JobForget, Args: args, Key: digest, At: g.now().Add(time.Minute)}); err != nil {
			return err
		}
	}
	if stamp == "" {
		return nil
	}
	return service.EnqueueFor(ctx, tx, JobUnlink, s, stamp, time.Time{})
}

func (g *Register) eraseMails(ctx context.Context, tx service.Tx, s service.Scope, credential string) error {
	list, err := tx.List(ctx, s, service.KindMail, &credential, service.Page{Limit: service.MaxLimit})
	if err != nil {
		return err
	}
	for _, r := range list.Items {
		if err := tx.Delete(ctx, s, service.KindMail, r.ID); err != nil {
			return err
		}
	}
	return nil
}

// eraseDocument removes a document with its signatures, and returns files that may not be
// needed any more.
func (g *Register) eraseDocument(ctx context.Context, tx service.Tx, s service.Scope, id string) ([]string, error) {
	_, doc, err := service.Get[service.StoredDocument](ctx, tx, s, service.KindDocument, id)
	if errors.Is(err, service.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	signatures, err := tx.List(ctx, s, service.KindSignature, &id, service.Page{Limit: service.MaxLimit})
	if err != nil {
		return nil, err
	}
	for _, r := range signatures.Items {
		if err := tx.Delete(ctx, s, service.KindSignature, r.ID); err != nil {
			return nil, err
		}
	}
	files := []string{doc.Digest}
	files = append(files, doc.Earlier...)
	if doc.File != doc.Digest {
		files = append(files, doc.File)
	}
	for _, digest := range files {
		if _, err := service.ReleaseBlob(ctx, tx, s, g.now(), digest, "document/"+id); err != nil {
			return nil, err
		}
	}
	return files, tx.Delete(ctx, s, service.KindDocument, id)
}

// forget is the job that removes a file.
func (g *Register) forget(ctx context.Context, r service.Run) error {
	var a service.ForgetFile
	if err := json.Unmarshal(r.Args, &a); err != nil {
		return &service.GiveUp{Err: err}
	}
	return g.forgetFile(ctx, a.Digest)
}

// forgetFile removes a file unless somebody needs it. The same content may belong to
// another credential, or to another institution.
func (g *Register) forgetFile(ctx context.Context, digest string) error {
	last := false
	err := retry(func() error {
		return g.c.Store.Update(ctx, func(tx service.Tx) (err error) {
			last, err = service.ReleaseBlob(ctx, tx, service.Scope{}, g.now(), digest, "nobody")
			return err
		})
	})
	if err != nil || !last {
		return err
	}
	return g.c.Blobs.Delete(ctx, digest)
}

// unlink is the job that erases digest and salt of a stamp, which can be done when its
// batch is sealed: its leaf stays in the tree, and means nothing to anyone any more.
func (g *Register) unlink(ctx context.Context, r service.Run) error {
	var a service.ScopedID
	if err := json.Unmarshal(r.Args, &a); err != nil {
		return &service.GiveUp{Err: err}
	}
	err := g.c.Store.Anchors(a.Scope()).Erase(ctx, a.ID)
	switch {
	case errors.Is(err, anchor.ErrPending):
		return &service.Later{After: 10 * time.Minute}
	case err != nil && !errors.Is(err, anchor.ErrNotFound):
		return err
	}
	defer service.Scrub(g.c.Store)
	waiting := false
	uerr := retry(func() error {
		return g.c.Store.Update(ctx, func(tx service.Tx) error {
			waiting = false
			r, st, err := service.Get[service.StoredStamp](ctx, tx, a.Scope(), service.KindStamp, a.ID)
			if errors.Is(err, service.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			if r.Parent == service.StampWaiting {
				waiting = true
				return nil
			}
			st.Value, st.Salt, st.Meta = "", "", nil
			r.Updated, r.Lookup = g.now(), ""
			return service.Put(ctx, tx, a.Scope(), r, st)
		})
	})
	if uerr == nil && waiting {
		return &service.Later{After: time.Minute} // it is on its way into the anchor store
	}
	return uerr
}

func (g *Register) erasePortfolios(ctx context.Context, s service.Scope, subject string) error {
	for cursor := ""; ; {
		var mine []string
		var list service.List[service.Record]
		err := g.c.Store.View(ctx, func(tx service.Tx) (err error) {
			list, err = tx.List(ctx, s, service.KindPortfolio, nil, service.Page{Limit: service.MaxLimit, Cursor: cursor})
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range list.Items {
			var p service.StoredPortfolio
			if err := json.Unmarshal(r.Body, &p); err != nil {
				return err
			}
			if p.Subject == subject {
				mine = append(mine, r.ID)
			}
		}
		for _, id := range mine {
			err := g.c.Store.Update(ctx, func(tx service.Tx) error { return tx.Delete(ctx, s, service.KindPortfolio, id) })
			if err != nil && !errors.Is(err, service.ErrNotFound) {
				return err
			}
		}
		if cursor = list.Next; cursor == "" {
			return nil
		}
	}
}

// finish forgets the person, last of all: until then a repetition knows whom it is about.
func (g *Register) finish(ctx context.Context, c service.Caller, subject string, found bool, mark *service.Erasure, out service.Erasure) (service.Erasure, error) {
	if mark != nil && !found && out.Credentials == 0 {
		return *mark, nil
	}
	err := retry(func() error {
		return g.c.Store.Update(ctx, func(tx service.Tx) error {
			if err := tx.Delete(ctx, c.Scope, service.KindSubject, subject); err != nil && !errors.Is(err, service.ErrNotFound) {
				return err
			}
			if err := service.EnqueueFor(ctx, tx, JobEraseAgain, c.Scope, subject, out.At.Add(eraseAgainAfter)); err != nil {
				return err
			}
			return g.count(ctx, tx, c, out)
		})
	})
	if errors.Is(err, service.ErrExists) {
		return out, nil // another call has just finished it
	}
	return out, err
}

// eraseAgainAfter is longer than a transaction lasts.
const eraseAgainAfter = 5 * time.Minute

// count adds to what is known of an erasure.
func (g *Register) count(ctx context.Context, tx service.Tx, c service.Caller, out service.Erasure) error {
	r, before, err := service.Get[service.Erasure](ctx, tx, c.Scope, service.KindSetting, erasedMark(out.Subject))
	if errors.Is(err, service.ErrNotFound) {
		r = service.Record{Kind: service.KindSetting, ID: erasedMark(out.Subject), Created: out.At}
	} else if err != nil {
		return err
	}
	sum := out
	sum.Credentials, sum.Artifacts = out.Credentials+before.Credentials, out.Artifacts+before.Artifacts
	r.Updated = out.At
	if err := service.Put(ctx, tx, c.Scope, r, sum); err != nil {
		return err
	}
	detail := map[string]any{"credentials": out.Credentials, "artifacts": out.Artifacts}
	return service.WriteAudit(ctx, tx, c, out.At, "subject.erase", out.Subject, detail)
}
