package hook

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
)

// JobClean removes old deliveries.
const JobClean = "webhook.clean"

// waits are those after each failed attempt: about three days in all. After the last the
// delivery has failed, and can be replayed.
var waits = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
	4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

const (
	lease      = 2 * time.Minute    // how long an attempt is taken to run, at most
	maxWait    = 24 * time.Hour     // of what a Retry-After may ask for
	maxAge     = 7 * 24 * time.Hour // since it was queued or tried last: one that has waited longer has failed, where the endpoint fails
	longest    = 29 * time.Hour     // between two attempts, jitter included
	openAfter  = 10                 // failed attempts in a row, of any delivery, that open the circuit
	openFirst  = 5 * time.Minute
	openLast   = time.Hour
	keptAnswer = 512         // bytes
	aheadBy    = time.Minute // what clocks of several machines may be apart
	// Of the lane's 32 workers, in each process.
	atOnce      = 4  // attempts at one endpoint
	atOnceOfOne = 12 // attempts at all endpoints of one institution
	// Who waits for a turn asks again after that long, about: an endpoint that answers at once
	// is not to wait for as long as one beside it that does not.
	longestTurn = 10 * time.Second
)

// Jobs returns what has to be done in the background, and how often.
func (h *Hooks) Jobs() (map[string]service.JobHandler, map[string]time.Duration) {
	return map[string]service.JobHandler{service.JobDeliver: h.deliver, service.JobDeliverMany: h.deliverMany, JobClean: h.clean},
		map[string]time.Duration{JobClean: 24 * time.Hour}
}

// deliver makes one attempt, if one is due. Two jobs may be about one delivery, after a
// replay or a crash: the attempt is reserved first, so that they do not run side by side.
func (h *Hooks) deliver(ctx context.Context, r service.Run) error {
	var a service.ScopedID
	if err := json.Unmarshal(r.Args, &a); err != nil {
		return &service.GiveUp{Err: err}
	}
	m, turn, wait, err := h.reserve(ctx, a)
	if turn != nil {
		began := h.now()
		defer func() { h.turns.End(h.now().Sub(began), turn...) }()
	}
	if err != nil {
		return err
	}
	if wait > 0 {
		return &service.Later{After: wait}
	}
	if m == nil {
		return nil
	}
	sent, err := h.c.Sender.Send(ctx, *m)
	if err != nil {
		// The attempt did not happen as far as the receiver's part goes: it is neither
		// counted nor held against him.
		if ctx.Err() != nil {
			return err
		}
		if rerr := h.put(ctx, a, func(d *service.StoredDelivery) { d.NextAt = 0 }); rerr != nil {
			return errors.Join(err, rerr)
		}
		return err
	}
	next, err := h.record(ctx, a, sent)
	if err != nil || next <= 0 {
		return err
	}
	return &service.Later{After: next}
}

// bounds are of an attempt at an endpoint. One that failed the last time is asked one thing
// at a time: where it does not answer at all, it would hold the turns of the institution's
// other endpoints.
func bounds(tenant, endpoint string, hook service.StoredWebhook) []service.Bound {
	n := atOnce
	if hook.Failing > 0 {
		n = 1
	}
	return []service.Bound{{Name: "endpoint " + endpoint, AtOnce: n}, {Name: "tenant " + tenant, AtOnce: atOnceOfOne}}
}

// reserve finds out whether an attempt is due and takes it, or tells how long to wait.
// Neither: there is nothing to do. A turn has to be ended.
func (h *Hooks) reserve(ctx context.Context, a service.ScopedID) (m *Message, turn []service.Bound, wait time.Duration, err error) {
	now := h.now()
	err = h.retry(func() error {
		return h.c.Store.Update(ctx, func(tx service.Tx) error {
			m, wait = nil, 0
			rd, d, err := service.Get[service.StoredDelivery](ctx, tx, a.Scope(), service.KindDelivery, a.ID)
			if errors.Is(err, service.ErrNotFound) || err == nil && d.State != "pending" {
				return nil
			}
			if err != nil {
				return err
			}
			rh, hook, err := service.Get[service.StoredWebhook](ctx, tx, a.Scope(), service.KindWebhook, rd.Parent)
			if errors.Is(err, service.ErrNotFound) {
				return tx.Delete(ctx, a.Scope(), service.KindDelivery, a.ID)
			}
			if err != nil {
				return err
			}
			if over(rd, hook, now) {
				d.State, d.NextAt = "failed", 0
				return service.Put(ctx, tx, a.Scope(), rd, d)
			}
			if left := until(d.NextAt, now, longest); left > 0 {
				wait = left
				return nil
			}
			if paused := until(hook.PausedTo, now, openLast); paused > 0 {
				wait = service.Jitter(paused) + time.Second
				return nil
			}
			if turn == nil {
				mine := bounds(a.Tenant, rh.ID, hook)
				if wait = h.turns.Take(now, mine...); wait > 0 {
					return nil
				}
				turn = mine
			}
			if hook.PausedTo != 0 { // this attempt is the trial: others wait for it
				hook.PausedTo = now.Add(lease).Unix()
				if err := service.Put(ctx, tx, a.Scope(), rh, hook); err != nil {
					return err
				}
			}
			secrets, err := h.secrets(a.Scope(), rh.ID, hook, now)
			if err != nil {
				return err
			}
			d.NextAt = now.Add(lease).Unix()
			m = &Message{URL: hook.URL, ID: a.ID, At: now, Body: []byte(d.Body), Secrets: secrets}
			return service.Put(ctx, tx, a.Scope(), rd, d)
		})
	})
	if err != nil {
		return nil, turn, 0, err
	}
	return m, turn, wait, nil
}

// over reports whether a delivery is not tried any more: its endpoint is switched off, or has
// failed for so long. One that lay here for as long, since the process did not run or the
// clock is ahead, is tried.
func over(d service.Record, hook service.StoredWebhook, now time.Time) bool {
	return !hook.Active || hook.Failing > 0 && now.Sub(d.Updated) > maxAge
}

// until is how long a time is away that was written down to be within some bound: one
// further off was written down by a clock that was ahead, and is not waited for. 0 for no
// time and one that has come.
func until(at int64, now time.Time, bound time.Duration) time.Duration {
	left := time.Unix(at, 0).Sub(now)
	if at == 0 || left > bound+aheadBy {
		return 0
	}
	return max(left, 0)
}

func (h *Hooks) secrets(s service.Scope, id string, hook service.StoredWebhook, now time.Time) ([]string, error) {
	sealed := [][]byte{hook.Secret}
	for _, r := range replaced(hook, now) {
		sealed = append(sealed, r.Secret)
	}
	var out []string
	for _, b := range sealed {
		secret, err := h.c.Sealer.Open(b, place(s, id))
		if err != nil {
			return nil, err
		}
		out = append(out, string(secret))
	}
	return out, nil
}

// record stores what became of an attempt, and returns after how long the next one is
// due, 0 where none is.
func (h *Hooks) record(ctx context.Context, a service.ScopedID, sent Sent) (next time.Duration, err error) {
	now := h.now()
	err = h.retry(func() error {
		return h.c.Store.Update(ctx, func(tx service.Tx) error {
			next = 0
			rd, d, err := service.Get[service.StoredDelivery](ctx, tx, a.Scope(), service.KindDelivery, a.ID)
			if errors.Is(err, service.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			next = settle(&d, sent, now)
			rd.Updated = now
			if err := service.Put(ctx, tx, a.Scope(), rd, d); err != nil {
				return err
			}
			return h.count(ctx, tx, a.Scope(), rd.Parent, now, sent)
		})
	})
	return next, err
}

// settle writes down what became of an attempt, and returns after how long the next one is
// due, 0 where none is.
func settle(d *service.StoredDelivery, sent Sent, now time.Time) (next time.Duration) {
	sent.Attempt.Answer = printable(sent.Attempt.Answer)
	sent.Attempt.Problem = printable(sent.Attempt.Problem)
	d.Tries++
	d.Attempts = append(d.Attempts, sent.Attempt)
	if over := len(d.Attempts) - keptAttempts; over > 0 {
		d.Attempts = d.Attempts[over:]
	}
	d.NextAt = 0
	switch {
	case sent.Delivered:
		d.State = "delivered"
	case sent.Gone || d.Tries > len(waits):
		d.State = "failed"
	default:
		next = max(service.Jitter(waits[d.Tries-1]), min(sent.RetryAfter, maxWait))
		d.NextAt = now.Add(next).Unix()
	}
	return next
}

// count keeps the endpoint's count of failures in a row, which opens the circuit: then
// all of its deliveries wait, and after that one is tried.
func (h *Hooks) count(ctx context.Context, tx service.Tx, s service.Scope, id string, now time.Time, attempts ...Sent) error {
	r, hook, err := service.Get[service.StoredWebhook](ctx, tx, s, service.KindWebhook, id)
	if errors.Is(err, service.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	changed := false
	for _, sent := range attempts {
		changed = counted(&hook, sent, now) || changed
	}
	if !changed {
		return nil
	}
	return service.Put(ctx, tx, s, r, hook)
}

func counted(hook *service.StoredWebhook, sent Sent, now time.Time) (changed bool) {
	switch {
	case sent.Gone:
		hook.Active, hook.Problem = false, "the endpoint answered 410: it wants no events any more"
	case sent.Delivered && hook.Failing == 0 && hook.PausedTo == 0:
		return false
	case sent.Delivered:
		hook.Failing, hook.PausedTo = 0, 0
	default:
		hook.Failing++
		if hook.Failing >= openAfter {
			wait := openFirst
			for n := openAfter; n < hook.Failing && wait < openLast; n++ {
				wait *= 2
			}
			hook.PausedTo = now.Add(min(wait, openLast)).Unix()
		}
	}
	return true
}

// put changes a delivery.
func (h *Hooks) put(ctx context.Context, a service.ScopedID, f func(*service.StoredDelivery)) error {
	return h.retry(func() error {
		return h.c.Store.Update(ctx, func(tx service.Tx) error {
			r, d, err := service.Get[service.StoredDelivery](ctx, tx, a.Scope(), service.KindDelivery, a.ID)
			if errors.Is(err, service.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			f(&d)
			return service.Put(ctx, tx, a.Scope(), r, d)
		})
	})
}

// retry repeats what another transaction came in between of.
func (h *Hooks) retry(f func() error) error {
	for attempt := 0; ; attempt++ {
		if err := f(); attempt >= 20 || !errors.Is(err, service.ErrConflict) {
			return err
		}
	}
}

// Deliveries implements service.Webhooks.
func (h *Hooks) Deliveries(ctx context.Context, c service.Caller, webhook string, p service.Page) (service.List[service.Delivery], error) {
	var out service.List[service.Delivery]
	if err := c.Need(service.MayWebhooks); err != nil {
		return out, err
	}
	err := h.c.Store.View(ctx, func(tx service.Tx) error {
		if _, err := tx.Get(ctx, c.Scope, service.KindWebhook, webhook); err != nil {
			return absent(err, "webhook")
		}
		records, err := tx.List(ctx, c.Scope, service.KindDelivery, &webhook, p)
		if err != nil {
			return err
		}
		out = service.List[service.Delivery]{Next: records.Next, Total: records.Total}
		for _, r := range records.Items {
			d, err := decode[service.StoredDelivery](r)
			if err != nil {
				return err
			}
			out.Items = append(out.Items, viewDelivery(r, d))
		}
		return nil
	})
	return out, err
}

// Replay implements service.Webhooks: the same event goes out again, under the same
// webhook-id, beginning with the first wait.
func (h *Hooks) Replay(ctx context.Context, c service.Caller, delivery string) (out service.Delivery, err error) {
	if err := c.Need(service.MayWebhooks); err != nil {
		return out, err
	}
	now := h.now()
	err = h.retry(func() error {
		return h.c.Store.Update(ctx, func(tx service.Tx) error {
			r, d, err := service.Get[service.StoredDelivery](ctx, tx, c.Scope, service.KindDelivery, delivery)
			if err != nil {
				return absent(err, "delivery")
			}
			_, hook, err := load(ctx, tx, c.Scope, r.Parent)
			if err != nil {
				return err
			}
			if !hook.Active {
				return &service.Error{Code: service.CodeState, Detail: "the endpoint is switched off"}
			}
			d.State, d.NextAt, d.Tries = "pending", 0, 0
			r.Updated = now
			if err := service.Put(ctx, tx, c.Scope, r, d); err != nil {
				return err
			}
			out = viewDelivery(r, d)
			if err := service.WriteAudit(ctx, tx, c, now, "webhook.replay", delivery, nil); err != nil {
				return err
			}
			args, err := service.EncodeArgs(service.ScopedID{Tenant: c.Tenant, Environment: c.Environment, ID: delivery})
			if err != nil {
				return err
			}
			// A job that waits for the next attempt has the usual key: this one must not be
			// taken for a repetition of it.
			return tx.Enqueue(ctx, service.Job{Kind: service.JobDeliver, Args: args})
		})
	})
	return out, err
}

// clean removes deliveries that are older than KeepFor. One that is not settled yet, since
// its job was lost or the clock is ahead, is tried.
func (h *Hooks) clean(ctx context.Context, _ service.Run) error {
	before := h.now().Add(-h.c.KeepFor)
	var scopes []service.Scope
	err := h.c.Store.View(ctx, func(tx service.Tx) (err error) {
		scopes, err = tx.Scopes(ctx, service.KindDelivery)
		return err
	})
	if err != nil {
		return err
	}
	for _, s := range scopes {
		for cursor := ""; ; {
			var old, unsettled []string
			var list service.List[service.Record]
			err := h.c.Store.View(ctx, func(tx service.Tx) (err error) {
				list, err = tx.List(ctx, s, service.KindDelivery, nil, service.Page{Limit: service.MaxLimit, Cursor: cursor})
				return err
			})
			if err != nil {
				return err
			}
			for _, r := range list.Items {
				if !r.Created.Before(before) || !r.Updated.Before(before) {
					continue
				}
				d, err := decode[service.StoredDelivery](r)
				if err != nil {
					return err
				}
				if d.State == "pending" {
					unsettled = append(unsettled, r.ID)
				} else {
					old = append(old, r.ID)
				}
			}
			if err := h.remove(ctx, s, old, unsettled); err != nil {
				return err
			}
			if cursor = list.Next; cursor == "" {
				break
			}
		}
	}
	return nil
}

// remove deletes some deliveries, and has others tried.
func (h *Hooks) remove(ctx context.Context, s service.Scope, old, unsettled []string) error {
	if len(old)+len(unsettled) == 0 {
		return nil
	}
	return h.c.Store.Update(ctx, func(tx service.Tx) error {
		for _, id := range unsettled {
			if err := service.EnqueueFor(ctx, tx, service.JobDeliver, s, id, time.Time{}); err != nil {
				return err
			}
		}
		for _, id := range old {
			if err := tx.Delete(ctx, s, service.KindDelivery, id); err != nil && !errors.Is(err, service.ErrNotFound) {
				return err
			}
		}
		return nil
	})
}

func viewDelivery(r service.Record, d service.StoredDelivery) service.Delivery {
	out := service.Delivery{ID: r.ID, Webhook: r.Parent, Event: d.Event, State: d.State, CreatedAt: r.Created.UTC(), Attempts: d.Attempts}
	if out.Attempts == nil {
		out.Attempts = []service.Attempt{}
	}
	if d.State == "pending" && d.NextAt != 0 {
		at := time.Unix(d.NextAt, 0).UTC()
		out.NextAt = &at
	}
	return out
}

// printable makes a receiver's words fit for a log.
func printable(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) > keptAnswer {
		s = s[:keptAnswer]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
