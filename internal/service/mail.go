package service

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// queueMail queues the mail to a credential's recipient, with its Message-ID.
func (s *Service) queueMail(ctx context.Context, tx Tx, scope Scope, credential string, now time.Time) (string, error) {
	id := NewID()
	r := Record{Kind: KindMail, ID: id, Parent: credential, Created: now, Updated: now}
	m := StoredMail{MessageID: MessageID(s.baseURL, id), Credential: credential, State: "queued"}
	if err := Put(ctx, tx, scope, r, m); err != nil {
		return "", err
	}
	return id, EnqueueFor(ctx, tx, JobMail, scope, id, time.Time{})
}

var plainHost = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,126}$`)

// MessageID is that of a mail which an installation sends, at its host where that can stand
// in one: an IPv6 address cannot.
func MessageID(baseURL, id string) string {
	host := "localhost"
	if u, err := url.Parse(baseURL); err == nil && plainHost.MatchString(u.Hostname()) {
		host = u.Hostname()
	}
	return "<" + id + "@" + host + ">"
}

// Send implements Credentials.
func (s *Service) Send(ctx context.Context, c Caller, id string, i Idempotency) (Result[Credential], error) {
	var none Result[Credential]
	if err := c.Need(MayIssue); err != nil {
		return none, err
	}
	before, err := s.before(ctx, c.Scope, id)
	if err != nil {
		return none, err
	}
	return onceMore(func() (Result[Credential], error) {
		return Once(ctx, s.c.Store, s.now(), c.Scope, i, s.c.Sealer, func(tx Tx) (Result[Credential], error) {
			state, err := s.read(ctx, tx, c.Scope, id)
			if err != nil {
				return none, err
			}
			state.t, state.anchored = before.t, before.anchored
			if now := lifecycle(state.stored, s.now()); now != StateIssued {
				return none, wrongState(now, "sent")
			}
			var bad Invalid
			if s.c.Mailer == nil {
				bad.Add("notify", "this installation sends no mail")
			} else if state.stored.RecipientEmail == "" {
				bad.Add("recipient.email", "is not known")
			}
			if err := bad.Err(); err != nil {
				return none, err
			}
			if state.body.MailID, err = s.queueMail(ctx, tx, c.Scope, id, s.now()); err != nil {
				return none, err
			}
			state.mail = &StoredMail{State: "queued"}
			if err := s.save(ctx, tx, c.Scope, state); err != nil {
				return none, err
			}
			if err := WriteAudit(ctx, tx, c, s.now(), "credential.send", id, nil); err != nil {
				return none, err
			}
			shown, err := s.showIn(ctx, c.Scope, state)
			return Result[Credential]{Value: shown, Created: true}, err
		})
	})
}

// sendMail is the job that sends one mail. A mail may be sent twice where a process ends
// between sending and writing it down: its Message-ID is the same.
func (s *Service) sendMail(ctx context.Context, r Run) error {
	var args ScopedID
	if err := decode(r.Args, &args); err != nil {
		return &GiveUp{Err: err}
	}
	scope := args.Scope()
	// One worker of the lane is left to the others, however much mail one institution has.
	turn, began := Bound{Name: args.Tenant, AtOnce: LaneWidth(Lane(JobMail), 0) - 1}, s.now()
	if wait := s.mailing.Take(began, turn); wait > 0 {
		return &Later{After: wait}
	}
	defer func() { s.mailing.End(s.now().Sub(began), turn) }()
	var mail StoredMail
	var state *credentialState
	err := s.view(ctx, func(tx Tx) error {
		var err error
		if _, mail, err = Get[StoredMail](ctx, tx, scope, KindMail, args.ID); err != nil {
			return err
		}
		state, err = s.read(ctx, tx, scope, mail.Credential)
		return err
	})
	switch {
	case errors.Is(err, ErrNotFound), err == nil && mail.State != "queued":
		return nil
	case err != nil:
		return err
	}
	if state.stored.RecipientEmail == "" || lifecycle(state.stored, s.now()) != StateIssued {
		return s.mailed(ctx, scope, args.ID, "failed", "not in force any more, or erased")
	}
	if s.c.Mailer == nil {
		return s.mailed(ctx, scope, args.ID, "failed", "no mailer")
	}
	t, err := s.typeOf(ctx, scope, state)
	if err != nil {
		return err
	}
	err = s.c.Mailer.Send(ctx, s.mail(t, state, mail))
	switch {
	case err == nil:
		return s.mailed(ctx, scope, args.ID, "sent", "")
	case errors.Is(err, ErrMailRefused), r.Attempts > 0 && r.Attempt >= r.Attempts:
		problem := "could not be delivered"
		if errors.Is(err, ErrMailRefused) {
			problem = "refused"
		}
		if err := s.mailed(ctx, scope, args.ID, "failed", problem); err != nil {
			return err
		}
		return &GiveUp{Err: err}
	}
	return err
}

// mailed writes down what became of a mail.
func (s *Service) mailed(ctx context.Context, scope Scope, id, state, problem string) error {
	return s.update(ctx, func(tx Tx) error {
		r, m, err := Get[StoredMail](ctx, tx, scope, KindMail, id)
		if errors.Is(err, ErrNotFound) || err == nil && m.State != "queued" {
			return nil
		}
		if err != nil {
			return err
		}
		now := s.now()
		m.State, m.At, m.Problem, r.Updated = state, &now, problem, now
		if err := Put(ctx, tx, scope, r, m); err != nil || state != "sent" {
			return err
		}
		return Emit(ctx, tx, scope, now, EventSent, map[string]any{"id": m.Credential})
	})
}

// defaultMail is the text of types that bring none.
var defaultMail = MailText{
	Subject: "{{type}} from {{issuer}}",
	Text: `Dear {{recipient.name}},

{{issuer}} has issued to you: {{type}}.

You find it here, to look at, to download and to show to others:
{{url}}
`,
}

// mailPlaceholders are what texts may name beside {{claims.KEY}}.
var mailPlaceholders = []string{"{{recipient.name}}", "{{type}}", "{{issuer}}", "{{url}}"}

// mail writes the mail about a credential, as text and as HTML that says the same.
func (s *Service) mail(t *LoadedType, state *credentialState, m StoredMail) Mail {
	text := defaultMail
	if own := t.version.Mail; own != nil {
		if own.Subject != "" {
			text.Subject = own.Subject
		}
		if own.Text != "" {
			text.Text = own.Text
		}
	}
	c := state.stored
	link := s.credentialURL(c.PublicID)
	var pairs []string
	for i, value := range []string{c.RecipientName, t.Type.DisplayName, t.issuer.Name, link} {
		pairs = append(pairs, mailPlaceholders[i], value)
	}
	for _, f := range t.version.Fields {
		if f.Visibility != visiblePrivate {
			pairs = append(pairs, "{{claims."+f.Key+"}}", c.Claims[f.Key])
		}
	}
	fill := strings.NewReplacer(pairs...)
	body := strings.TrimSpace(fill.Replace(text.Text))
	if !strings.Contains(body, link) {
		body += "\n\n" + link
	}
	letter := Letter{Title: t.Type.DisplayName, From: t.issuer.Name, Body: body, Link: link}
	switch l := t.version.Layout; {
	case text.Text == defaultMail.Text:
		letter.Lang = "en"
	case l != nil:
		letter.Lang = l.Lang
	}
	mark := ""
	if t.Scope.Environment == Test {
		letter.Test, mark = "TEST: this document was made for testing and is not a real one.", "[TEST] "
	}
	site := SiteName(s.baseURL)
	letter.Foot = fmt.Sprintf("Sent by %s through %s. To check it without a link, go to %s yourself and enter the number %s, or check the files with Chancery, without any network.", t.issuer.Name, site, site, c.PublicID)
	return Mail{
		MessageID: m.MessageID, To: c.RecipientEmail, ToName: c.RecipientName,
		Subject: mark + oneLine(fill.Replace(text.Subject)), Text: letter.Text(), HTML: letter.HTML(),
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// SiteName is the address of a site as people write it down: its host, and its path where
// it has one.
func SiteName(baseURL string) string {
	if u, err := url.Parse(baseURL); err == nil && u.Host != "" {
		return u.Host + strings.TrimRight(u.Path, "/")
	}
	return baseURL
}

// Letter is what a mail says: the same as text and as HTML.
type Letter struct {
	Lang  string // BCP 47. "": not known
	Title string // of the HTML
	From  string // who writes; at the top of the HTML
	Test  string // that it is a test. "": it is none
	Body  string // paragraphs, with an empty line between them
	Link  string // an address in Body, which HTML makes a link. "": none
	Foot  string // who sent it, and how to check that without the link
}

// Text is the letter as plain text.
func (l Letter) Text() string {
	out := l.Body + "\n\n-- \n" + l.Foot + "\n"
	if l.Test != "" {
		out = l.Test + "\n\n" + out
	}
	return out
}

// letterStyle is for readers whose screen is dark; those that drop it show the light one.
const letterStyle = `<style>@media (prefers-color-scheme:dark){body{background:#14213D!important;color:#FBFAF6!important}a,.test{color:#F2B8AE!important}}</style>`

// HTML says the same as the text, in the house style: no pictures, nothing fetched.
func (l Letter) HTML() string {
	var b strings.Builder
	e := html.EscapeString
	b.WriteString(`<!doctype html><html`)
	if l.Lang != "" {
		b.WriteString(` lang="` + e(l.Lang) + `"`)
	}
	b.WriteString(`><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>` + e(l.Title) + `</title>` + letterStyle + `</head>` +
		`<body style="margin:0;background:#FBFAF6;color:#14213D;font:16px/1.5 Georgia,serif"><div style="max-width:36em;margin:0 auto;padding:24px;overflow-wrap:anywhere">` +
		`<p dir="auto" style="margin:0 0 16px;padding:0 0 12px;border-bottom:1px solid #C9C3B5;font-variant:small-caps">` + e(l.From) + `</p>`)
	if l.Test != "" {
		b.WriteString(`<p class="test" style="color:#8A1C1C;font-weight:bold">` + e(l.Test) + `</p>`)
	}
	for part := range strings.SplitSeq(l.Body, "\n\n") {
		text := e(strings.TrimSpace(part))
		if l.Link != "" {
			text = strings.ReplaceAll(text, e(l.Link), `<a dir="ltr" href="`+e(l.Link)+`" style="color:#8A1C1C">`+e(l.Link)+`</a>`)
		}
		b.WriteString(`<p dir="auto">` + strings.ReplaceAll(text, "\n", "<br>") + `</p>`)
	}
	b.WriteString(`<p dir="auto" style="margin:24px 0 0;padding:12px 0 0;border-top:1px solid #C9C3B5;font:13px/1.5 sans-serif">` + e(l.Foot) + `</p></div></body></html>`)
	return b.String()
}
