// Package hook keeps webhook endpoints and delivers events to them: it implements
// service.Webhooks, and its jobs make the attempts.
//
//	hooks, err := hook.New(hook.Config{Store: store, Sealer: sealer, Sender: sender, Clock: time.Now})
//	handlers, every := hooks.Jobs()
//
// Events are queued by service.Emit, in the transaction of what they tell. An event is
// delivered at least once: receivers know a repetition by its webhook-id. An attempt that
// failed is repeated after growing waits over about three days.
//
// Caveats. The package opens no socket: the Sender does, and it is the Sender that refuses
// addresses inside. What is refused here at creation is only what can be seen in the URL.
package hook

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// Message is what is sent in one attempt.
type Message struct {
	URL string
	ID  string // webhook-id, the same on every attempt
	// At is the time of the attempt: webhook-timestamp.
	At   time.Time
	Body []byte
	// Secrets sign the body, the newest first: "whsec_" and base64 of an HMAC key, or
	// "whsk_" and base64 of an Ed25519 seed.
	Secrets []string
}

// Sent is what became of an attempt.
type Sent struct {
	Attempt service.Attempt
	// Delivered: the answer was a 2xx.
	Delivered bool
	// Gone: the answer was 410, and the endpoint wants nothing any more.
	Gone bool
	// RetryAfter is what the answer asked for. 0: nothing.
	RetryAfter time.Duration
}

// Sender makes one attempt. An answer of any status, and none within the time that the
// Sender allows, is a Sent; an error means that the attempt could not be made for a
// reason on our side, such as that ctx has ended.
//
// A Sender with a method CheckURL(address string) error is asked of an address when it is
// given: an error, whose text after the last colon says what was expected, means that it is
// never dialled, as an address on a port that the installation does not dial.
type Sender interface {
	Send(ctx context.Context, m Message) (Sent, error)
}

// Config says what Hooks works with.
type Config struct {
	// Store, Sealer and Sender are required. The Sealer keeps signing secrets.
	Store  service.Store
	Sealer service.Sealer
	Sender Sender
	// Clock tells the time. Required.
	Clock func() time.Time
	// InsecureLoopback takes http and addresses of this machine, for development. False:
	// https to public addresses only.
	InsecureLoopback bool
	// MaxEndpoints bounds the endpoints of a scope. 0: 50.
	MaxEndpoints int
	// KeepFor is how long deliveries are kept. 0: 30 days.
	KeepFor time.Duration
}

// Hooks implements service.Webhooks.
type Hooks struct {
	c     Config
	turns service.Turns // at endpoints, and of institutions
}

var _ service.Webhooks = (*Hooks)(nil)

// Figures of deliveries.
const (
	rotation     = 24 * time.Hour // how long a replaced secret signs beside the new one
	maxReplaced  = 5              // secrets that do so at once
	keptAttempts = 30
	maxURL       = 2048
	maxText      = 500
)

// New checks the configuration.
func New(c Config) (*Hooks, error) {
	if c.Store == nil || c.Sealer == nil || c.Sender == nil || c.Clock == nil {
		return nil, errors.New("hook: expected a store, a sealer, a sender and a clock")
	}
	if c.MaxEndpoints == 0 {
		c.MaxEndpoints = 50
	}
	if c.KeepFor == 0 {
		c.KeepFor = 30 * 24 * time.Hour
	}
	if c.MaxEndpoints < 1 || c.MaxEndpoints > service.MaxLimit || c.KeepFor < 0 {
		return nil, fmt.Errorf("hook: expected 1 to %d endpoints, found %d", service.MaxLimit, c.MaxEndpoints)
	}
	return &Hooks{c: c, turns: service.Turns{Longest: longestTurn}}, nil
}

func (h *Hooks) now() time.Time { return h.c.Clock().UTC().Truncate(time.Microsecond) }

// CreateWebhook implements service.Webhooks.
func (h *Hooks) CreateWebhook(ctx context.Context, c service.Caller, in service.NewWebhook, i service.Idempotency) (service.Result[service.Webhook], error) {
	var none service.Result[service.Webhook]
	if err := c.Need(service.MayWebhooks); err != nil {
		return none, err
	}
	var v service.Invalid
	h.address(&v, in.URL)
	checkDescription(&v, in.Description)
	events := checkEvents(&v, in.Events)
	if in.Algorithm == "" {
		in.Algorithm = "v1"
	}
	if in.Algorithm != "v1" && in.Algorithm != "v1a" {
		v.Add("algorithm", "must be v1 or v1a")
	}
	if err := v.Err(); err != nil {
		return none, err
	}
	now, id := h.now(), service.NewID()
	secret, public := newSecret(in.Algorithm)
	sealed, err := h.c.Sealer.Seal([]byte(secret), place(c.Scope, id))
	if err != nil {
		return none, err
	}
	stored := service.StoredWebhook{
		URL: in.URL, Description: in.Description, Events: events, Active: true,
		Algorithm: in.Algorithm, PublicKey: public, Secret: sealed,
	}
	return service.Once(ctx, h.c.Store, now, c.Scope, i, h.c.Sealer, func(tx service.Tx) (service.Result[service.Webhook], error) {
		// The one beyond the bound is asked for, so that a full page is told from too many.
		there, err := tx.List(ctx, c.Scope, service.KindWebhook, nil, service.Page{Limit: h.c.MaxEndpoints})
		if err != nil {
			return none, err
		}
		if len(there.Items) >= h.c.MaxEndpoints {
			var v service.Invalid
			v.Add("url", fmt.Sprintf("is one endpoint too many: at most %d are kept", h.c.MaxEndpoints))
			return none, v.Err()
		}
		r := service.Record{Kind: service.KindWebhook, ID: id, Created: now, Updated: now}
		if err := service.Put(ctx, tx, c.Scope, r, stored); err != nil {
			return none, err
		}
		if err := service.WriteAudit(ctx, tx, c, now, "webhook.create", id, nil); err != nil {
			return none, err
		}
		out := view(c.Environment, r, stored)
		out.SigningSecret = shown(secret)
		return service.Result[service.Webhook]{Value: out, Created: true}, nil
	})
}

// address refuses what will never be dialled, by its form or by the rules of the Sender.
func (h *Hooks) address(v *service.Invalid, raw string) {
	h.checkURL(v, raw)
	c, ok := h.c.Sender.(interface{ CheckURL(address string) error })
	if !ok || v.Fields()["url"] != nil {
		return
	}
	if err := c.CheckURL(raw); err != nil {
		text := err.Error()
		v.Add("url", "is never dialled:"+text[strings.LastIndexByte(text, ':')+1:])
	}
}

// ListWebhooks implements service.Webhooks.
func (h *Hooks) ListWebhooks(ctx context.Context, c service.Caller, p service.Page) (service.List[service.Webhook], error) {
	var out service.List[service.Webhook]
	if err := c.Need(service.MayWebhooks); err != nil {
		return out, err
	}
	err := h.c.Store.View(ctx, func(tx service.Tx) error {
		records, err := tx.List(ctx, c.Scope, service.KindWebhook, nil, p)
		if err != nil {
			return err
		}
		out = service.List[service.Webhook]{Next: records.Next, Total: records.Total}
		for _, r := range records.Items {
			stored, err := decode[service.StoredWebhook](r)
			if err != nil {
				return err
			}
			out.Items = append(out.Items, view(c.Environment, r, stored))
		}
		return nil
	})
	return out, err
}

// GetWebhook implements service.Webhooks.
func (h *Hooks) GetWebhook(ctx context.Context, c service.Caller, id string) (out service.Webhook, err error) {
	if err := c.Need(service.MayWebhooks); err != nil {
		return out, err
	}
	err = h.c.Store.View(ctx, func(tx service.Tx) error {
		r, stored, err := load(ctx, tx, c.Scope, id)
		out = view(c.Environment, r, stored)
		return err
	})
	return out, err
}

// ChangeWebhook implements service.Webhooks. Switching an endpoint on again forgets why it
// was switched off.
func (h *Hooks) ChangeWebhook(ctx context.Context, c service.Caller, id string, in service.WebhookChange) (out service.Webhook, err error) {
	if err := c.Need(service.MayWebhooks); err != nil {
		return out, err
	}
	var v service.Invalid
	var events []string
	if in.URL != nil {
		h.address(&v, *in.URL)
	}
	if in.Description != nil {
		checkDescription(&v, *in.Description)
	}
	if in.Events != nil {
		events = checkEvents(&v, *in.Events)
	}
	if err := v.Err(); err != nil {
		return out, err
	}
	now := h.now()
	err = h.change(ctx, c.Scope, id, func(tx service.Tx, s *service.StoredWebhook) error {
		if in.URL != nil {
			s.URL = *in.URL
		}
		if in.Description != nil {
			s.Description = *in.Description
		}
		if events != nil {
			s.Events = events
		}
		if in.Active != nil {
			s.Active = *in.Active
		}
		if in.URL != nil || s.Active {
			s.Problem, s.Failing, s.PausedTo = "", 0, 0
		}
		return service.WriteAudit(ctx, tx, c, now, "webhook.change", id, nil)
	}, func(r service.Record, s service.StoredWebhook) { out = view(c.Environment, r, s) })
	return out, err
}

// DeleteWebhook implements service.Webhooks. What was on its way to it is dropped.
func (h *Hooks) DeleteWebhook(ctx context.Context, c service.Caller, id string) error {
	if err := c.Need(service.MayWebhooks); err != nil {
		return err
	}
	return h.c.Store.Update(ctx, func(tx service.Tx) error {
		if err := tx.Delete(ctx, c.Scope, service.KindWebhook, id); err != nil {
			return absent(err, "webhook")
		}
		return service.WriteAudit(ctx, tx, c, h.now(), "webhook.delete", id, nil)
	})
}

// RotateSecret implements service.Webhooks. Every replaced secret signs until its own day is
// over. Where maxReplaced do so, another rotation is refused until the first of them has
// ended: letting that one fall would leave a receiver who holds it, as he may, with messages
// that he cannot verify, and nobody would hear of it.
func (h *Hooks) RotateSecret(ctx context.Context, c service.Caller, id string, i service.Idempotency) (service.Result[service.Webhook], error) {
	var none service.Result[service.Webhook]
	if err := c.Need(service.MayWebhooks); err != nil {
		return none, err
	}
	now := h.now()
	return service.Once(ctx, h.c.Store, now, c.Scope, i, h.c.Sealer, func(tx service.Tx) (service.Result[service.Webhook], error) {
		r, stored, err := load(ctx, tx, c.Scope, id)
		if err != nil {
			return none, err
		}
		secret, public := newSecret(stored.Algorithm)
		sealed, err := h.c.Sealer.Seal([]byte(secret), place(c.Scope, id))
		if err != nil {
			return none, err
		}
		signing := replaced(stored, now)
		if n := len(signing); n >= maxReplaced {
			return none, &service.Error{
				Code: service.CodeState, Detail: fmt.Sprintf("%d replaced secrets still sign beside the present one: another rotation is possible when the first of them has ended", n),
				RetryAfter: time.Unix(signing[n-1].Until, 0).Sub(now),
			}
		}
		stored.Older = signing
		stored.Old, stored.OldUntil = stored.Secret, now.Add(rotation).Unix()
		stored.Secret, stored.PublicKey = sealed, public
		r.Updated = now
		if err := service.Put(ctx, tx, c.Scope, r, stored); err != nil {
			return none, err
		}
		if err := service.WriteAudit(ctx, tx, c, now, "webhook.rotate", id, nil); err != nil {
			return none, err
		}
		out := view(c.Environment, r, stored)
		out.SigningSecret = shown(secret)
		return service.Result[service.Webhook]{Value: out}, nil
	})
}

// replaced are the secrets that sign beside the present one, the newest first. One that would
// do so for much longer than it may was replaced while the clock was ahead: its day is over.
func replaced(s service.StoredWebhook, now time.Time) []service.ReplacedSecret {
	all := append([]service.ReplacedSecret{{Secret: s.Old, Until: s.OldUntil}}, s.Older...)
	return slices.DeleteFunc(all, func(r service.ReplacedSecret) bool { return r.Secret == nil || until(r.Until, now, 2*rotation) == 0 })
}

// change reads, changes and writes an endpoint, again where another did so in between.
func (h *Hooks) change(ctx context.Context, s service.Scope, id string, f func(service.Tx, *service.StoredWebhook) error, done func(service.Record, service.StoredWebhook)) error {
	for attempt := 0; ; attempt++ {
		err := h.c.Store.Update(ctx, func(tx service.Tx) error {
			r, stored, err := load(ctx, tx, s, id)
			if err != nil {
				return err
			}
			if err := f(tx, &stored); err != nil {
				return err
			}
			r.Updated = h.now()
			done(r, stored)
			return service.Put(ctx, tx, s, r, stored)
		})
		if attempt < 10 && errors.Is(err, service.ErrConflict) {
			continue
		}
		return err
	}
}

func load(ctx context.Context, tx service.Tx, s service.Scope, id string) (service.Record, service.StoredWebhook, error) {
	r, stored, err := service.Get[service.StoredWebhook](ctx, tx, s, service.KindWebhook, id)
	return r, stored, absent(err, "webhook")
}

// absent turns the store's word for it into the caller's.
func absent(err error, resource string) error {
	if errors.Is(err, service.ErrNotFound) {
		return service.NotFound(resource)
	}
	return err
}

// place binds a sealed secret to the endpoint.
func place(s service.Scope, id string) string {
	return "webhook\x00" + s.Tenant + "\x00" + string(s.Environment) + "\x00" + id
}

// newSecret draws a secret; that of v1a has a public half.
func newSecret(algorithm string) (secret, public string) {
	if algorithm == "v1a" {
		seed := make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		key := ed25519.NewKeyFromSeed(seed)
		return "whsk_" + base64.StdEncoding.EncodeToString(seed),
			"whpk_" + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	}
	var b [32]byte
	rand.Read(b[:])
	return "whsec_" + base64.StdEncoding.EncodeToString(b[:]), ""
}

// shown is the secret as its owner sees it: a private key stays here.
func shown(secret string) string {
	if strings.HasPrefix(secret, "whsec_") {
		return secret
	}
	return ""
}

func view(e service.Environment, r service.Record, s service.StoredWebhook) service.Webhook {
	return service.Webhook{
		ID: r.ID, Environment: e, URL: s.URL, Description: s.Description, Events: slices.Clone(s.Events),
		Active: s.Active, Algorithm: s.Algorithm, PublicKey: s.PublicKey, Problem: s.Problem, CreatedAt: r.Created.UTC(),
	}
}
