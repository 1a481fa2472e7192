package document

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
)

// The jobs.
const (
	// JobInvite mails an invitation.
	JobInvite = "document.invite"
	// JobExpire ends an invitation or preparation that was not used.
	JobExpire = "document.expire"
)

// Jobs returns what has to be done in the background, and how often.
func (d *Documents) Jobs() (map[string]service.JobHandler, map[string]time.Duration) {
	return map[string]service.JobHandler{JobInvite: d.mail, JobExpire: d.expire, JobForget: d.forget}, map[string]time.Duration{}
}

// newToken draws the secret of a link, 256 random bits, and by what it is found.
func newToken() (token, lookup string) {
	var b [32]byte
	rand.Read(b[:])
	token = base64.RawURLEncoding.EncodeToString(b[:])
	return token, lookupOf(token)
}

func lookupOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// invite asks a third party to sign. People sign in the order in which they were asked:
// each is mailed when those before have signed, declined or let their time pass.
func (d *Documents) invite(ctx context.Context, c service.Caller, id string, in service.NewSignature, i service.Idempotency) (service.Result[service.Signature], error) {
	var none service.Result[service.Signature]
	if d.c.Mailer == nil {
		return none, &service.Error{Code: service.CodeUnavailable, Detail: "this installation sends no mail, so that nobody can be invited"}
	}
	issuer := "Chancery"
	if sg, err := d.c.Signing.PDFSigner(ctx, c.Scope, in.Issuer, ""); err == nil {
		issuer = sg.Chain[0].Subject.CommonName
	} else if in.Issuer != "" || ctx.Err() != nil {
		return none, err
	}
	sigID := service.NewID()
	token, lookup := newToken()
	sealed, err := d.c.Sealer.Seal([]byte(token), place(c.Scope, sigID, "token"))
	if err != nil {
		return none, err
	}
	for attempt := 0; ; attempt++ {
		var doc service.StoredDocument
		err := d.c.Store.View(ctx, func(tx service.Tx) (err error) {
			_, doc, err = load(ctx, tx, c.Scope, id)
			return err
		})
		if err != nil {
			return none, err
		}
		if err := d.signable(ctx, doc); err != nil {
			return none, err
		}
		now := d.now()
		st := storedSignature{
			By: thirdParty, State: invited, Signer: in.Signer.Name, Email: in.Signer.Email, Reason: in.Reason, Issuer: issuer,
			Token: sealed, MessageID: d.messageID(),
		}
		out, err := service.Once(ctx, d.c.Store, now, c.Scope, i, d.c.Sealer, func(tx service.Tx) (service.Result[service.Signature], error) {
			if err := d.alone(ctx, tx, c.Scope, id); err != nil {
				return none, err
			}
			if _, is, err := load(ctx, tx, c.Scope, id); err != nil || is.File != doc.File {
				return none, cmp.Or(err, errChanged)
			}
			r := service.Record{Kind: service.KindSignature, ID: sigID, Parent: id, Lookup: lookup, Created: now, Updated: now}
			if err := d.addRecord(ctx, tx, c.Scope, r, st); err != nil {
				return none, err
			}
			if err := service.WriteAudit(ctx, tx, c, now, "document.invite", id, map[string]any{"signature": sigID}); err != nil {
				return none, err
			}
			if err := d.nextTurn(ctx, tx, c.Scope, id, now); err != nil {
				return none, err
			}
			return service.Result[service.Signature]{Value: d.viewSignature(held{r, st}), Created: true}, nil
		})
		if attempt < 5 && errors.Is(err, errChanged) {
			continue
		}
		return out, changed(err)
	}
}

// nextTurn has the next person mailed, unless one has a link now.
func (d *Documents) nextTurn(ctx context.Context, tx service.Tx, s service.Scope, document string, now time.Time) error {
	list, err := signatures(ctx, tx, s, document)
	if err != nil {
		return err
	}
	asked := func(h held) bool { return h.By == thirdParty && h.State == invited }
	if slices.ContainsFunc(list, func(h held) bool { return asked(h) && h.Expires != nil }) {
		return nil // has a link, and need not be the first: of those invited at once any may be written first
	}
	for _, h := range list {
		if !asked(h) {
			continue
		}
		until := now.Add(d.c.InviteFor)
		h.Expires, h.Updated = &until, now
		if err := service.Put(ctx, tx, s, h.Record, h.storedSignature); err != nil {
			return err
		}
		if err := service.EnqueueFor(ctx, tx, JobExpire, s, h.ID, until); err != nil {
			return err
		}
		return service.EnqueueFor(ctx, tx, JobInvite, s, h.ID, time.Time{})
	}
	return nil
}

// mail sends the link. The token is forgotten when the mail is on its way.
func (d *Documents) mail(ctx context.Context, r service.Run) error {
	var a service.ScopedID
	if err := json.Unmarshal(r.Args, &a); err != nil {
		return &service.GiveUp{Err: err}
	}
	if d.c.Mailer == nil {
		return &service.GiveUp{Err: errors.New("document: no mailer is configured")}
	}
	var h held
	var doc service.StoredDocument
	err := d.c.Store.View(ctx, func(tx service.Tx) (err error) {
		if h.Record, h.storedSignature, err = service.Get[storedSignature](ctx, tx, a.Scope(), service.KindSignature, a.ID); err != nil {
			return err
		}
		_, doc, err = load(ctx, tx, a.Scope(), h.Parent)
		return err
	})
	if service.IsNotFound(err) || err == nil && (h.State != invited || h.Mailed || h.Token == nil) {
		return nil
	}
	if err != nil {
		return err
	}
	token, err := d.c.Sealer.Open(h.Token, place(a.Scope(), a.ID, "token"))
	if err != nil {
		return err
	}
	err = d.c.Mailer.Send(ctx, d.letter(a.Environment, h, doc, string(token)))
	refused := errors.Is(err, service.ErrMailRefused)
	if err != nil && !refused {
		return err
	}
	uerr := d.change(ctx, a.Scope(), a.ID, func(tx service.Tx, h *held) error {
		h.Token, h.Mailed = nil, true
		if !refused || h.State != invited {
			return nil
		}
		// Nobody has the link: the next one is asked.
		h.State, h.Lookup, h.Expires = expired, "", nil
		return nil
	})
	if uerr != nil {
		return uerr
	}
	if refused {
		return &service.GiveUp{Err: err}
	}
	return nil
}

func (d *Documents) letter(e service.Environment, h held, doc service.StoredDocument, token string) service.Mail {
	letter := service.Letter{Lang: "en", Title: "Please sign", From: h.Issuer, Link: d.c.BaseURL + "/sign/" + token}
	mark := ""
	if e == service.Test {
		mark, letter.Test = "[TEST] ", "TEST: this invitation was made for testing. What is signed is not a real document."
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Dear %s,\n\n%s asks you to sign the document %q.\n\n", h.Signer, h.Issuer, doc.Name)
	fmt.Fprintf(&b, "Read it, and hand in the signed file, at\n\n%s\n\n", letter.Link)
	if h.Expires != nil {
		fmt.Fprintf(&b, "The link is for you alone, and good for one signature until %s.\n\n", h.Expires.UTC().Format("2 January 2006, 15:04 UTC"))
	}
	fmt.Fprintf(&b, "SHA-256 of the document as it was uploaded:\n%s", doc.Digest)
	letter.Body = b.String()
	letter.Foot = fmt.Sprintf("Sent by %s through %s. If you did not expect it, ask them in another way before you open the link.", h.Issuer, service.SiteName(d.c.BaseURL))
	return service.Mail{
		MessageID: h.MessageID, To: h.Email, ToName: h.Signer,
		Subject: mark + "Please sign: " + doc.Name, Text: letter.Text(), HTML: letter.HTML(),
	}
}

// change reads, changes and writes a signature, and gives the turn to the next where it
// is not open any more.
func (d *Documents) change(ctx context.Context, s service.Scope, id string, f func(service.Tx, *held) error) error {
	return retry(func() error {
		return d.c.Store.Update(ctx, func(tx service.Tx) (err error) {
			var h held
			if h.Record, h.storedSignature, err = service.Get[storedSignature](ctx, tx, s, service.KindSignature, id); err != nil {
				return err
			}
			if err := d.alone(ctx, tx, s, h.Parent); err != nil {
				return err
			}
			if err := f(tx, &h); err != nil {
				return err
			}
			now := d.now()
			h.Updated = now
			if err := service.Put(ctx, tx, s, h.Record, h.storedSignature); err != nil {
				return err
			}
			if h.State == invited || h.By != thirdParty {
				return nil
			}
			return d.nextTurn(ctx, tx, s, h.Parent, now)
		})
	})
}

// expire ends an invitation or preparation whose time is over, and forgets what was kept
// for it.
func (d *Documents) expire(ctx context.Context, r service.Run) error {
	var a service.ScopedID
	if err := json.Unmarshal(r.Args, &a); err != nil {
		return &service.GiveUp{Err: err}
	}
	err := d.change(ctx, a.Scope(), a.ID, func(_ service.Tx, h *held) error {
		if h.State != invited && h.State != prepared || h.Expires == nil {
			return nil
		}
		if left := h.Expires.Sub(d.now()); left > 0 {
			return &service.Later{After: left}
		}
		h.State, h.Lookup, h.Token = expired, "", nil
		h.Prepared, h.Chain, h.ToSign, h.Digest = nil, nil, "", ""
		return nil
	})
	if errors.Is(err, service.ErrNotFound) {
		return nil
	}
	return err
}

// open finds the signature that a link is for. Whatever is wrong with the link, the answer
// is the same.
func (d *Documents) open(ctx context.Context, token string) (s service.Scope, h held, doc service.StoredDocument, err error) {
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(token); err != nil || len(raw) != 32 {
		return s, h, doc, service.NotFound("invitation")
	}
	err = d.c.Store.View(ctx, func(tx service.Tx) (err error) {
		if s, h.Record, err = tx.Find(ctx, service.KindSignature, lookupOf(token)); err != nil {
			return err
		}
		if err = json.Unmarshal(h.Body, &h.storedSignature); err != nil {
			return err
		}
		_, doc, err = load(ctx, tx, s, h.Parent)
		return err
	})
	switch {
	case errors.Is(err, service.ErrNotFound):
		err = service.NotFound("invitation")
	case err == nil && (h.State != invited || h.Expires == nil || !d.now().Before(*h.Expires)):
		err = service.NotFound("invitation")
	}
	return s, h, doc, err
}

// Invitation implements service.Documents.
func (d *Documents) Invitation(ctx context.Context, token string) (service.Invited, error) {
	s, h, doc, err := d.open(ctx, token)
	if err != nil {
		return service.Invited{}, err
	}
	f, err := d.file(ctx, doc)
	if err != nil {
		return service.Invited{}, err
	}
	// Of others' signatures the signer sees what the file shows, not who else was asked.
	return service.Invited{
		Document: service.Document{
			ID: h.Parent, Environment: s.Environment, Name: doc.Name, MediaType: doc.MediaType, Size: doc.FileSize,
			Digest: service.DigestValue{Alg: "sha-256", Value: doc.File}, Signatures: []service.Signature{},
		},
		Signature: d.viewSignature(h), Issuer: h.Issuer, File: f,
	}, nil
}

// Sign implements service.Documents. The file must begin with all bytes of the one that
// was handed out; what follows may be a signature and nothing else.
func (d *Documents) Sign(ctx context.Context, token string, f service.Upload) (service.Signature, error) {
	var none service.Signature
	s, h, doc, err := d.open(ctx, token)
	if err != nil {
		return none, err
	}
	if err := d.checkSize(f); err != nil {
		return none, err
	}
	base, err := d.read(ctx, doc.File)
	if err != nil {
		return none, err
	}
	if bytes.Equal(f.Bytes, base) {
		return none, refused("is the document as it was handed out: no signature was added")
	}
	if !bytes.HasPrefix(f.Bytes, base) {
		return none, refused("does not begin with the document as it was handed out: it was changed, or saved anew instead of with the signature added. If somebody else has signed since, fetch the newest file")
	}
	found, err := d.examine(ctx, base, f.Bytes)
	if err != nil {
		return none, err
	}
	if err := d.leavesRoom(ctx, s, h, f.Bytes); err != nil {
		return none, err
	}
	h.Level, h.Trusted, h.Certificate, h.Holder = found.level, found.trusted, found.certificate, found.holder
	c := service.Caller{Scope: s, Actor: "signer:" + h.ID}
	out, err := d.finish(ctx, c, doc.File, f.Bytes, h)
	if service.IsNotFound(err) { // deleted meanwhile
		err = service.NotFound("invitation")
	}
	return out, changed(err)
}

func refused(why string) error {
	var v service.Invalid
	v.Add("file", why)
	return v.Err()
}

// Decline implements service.Documents. The reason is for the institution.
func (d *Documents) Decline(ctx context.Context, token, reason string) error {
	s, h, _, err := d.open(ctx, token)
	if err != nil {
		return err
	}
	if !utf8.ValidString(reason) || utf8.RuneCountInString(reason) > 500 {
		var v service.Invalid
		v.Add("reason", "must be at most 500 characters")
		return v.Err()
	}
	return d.change(ctx, s, h.ID, func(tx service.Tx, h *held) error {
		if h.State != invited {
			return service.NotFound("invitation")
		}
		h.State, h.Lookup, h.Token, h.Expires, h.Reason = declined, "", nil, nil, reason
		c := service.Caller{Scope: s, Actor: "signer:" + h.ID}
		return service.WriteAudit(ctx, tx, c, d.now(), "document.decline", h.Parent, map[string]any{"signature": h.ID})
	})
}

// messageID draws a Message-ID of this installation.
func (d *Documents) messageID() string {
	return service.MessageID(d.c.BaseURL, service.NewID())
}
