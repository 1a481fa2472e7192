package hook

import (
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
)

const (
	stint    = 5 * time.Second        // after which a job lets others have its worker
	quick    = 250 * time.Millisecond // a group of attempts that took less is followed by a larger one
	maxGroup = 32                     // attempts that are reserved, and written down, together
)

// many is a job that makes first attempts at one endpoint.
type many struct {
	*Hooks
	service.ManyDeliveries
	left   []string // deliveries that it has not looked at, or has given back
	turn   []service.Bound
	leased time.Duration // up to when another job has one of them, at most
}

// deliverMany makes the first attempts at an endpoint, one after the other, at those of some
// deliveries that are due. They are reserved and written down by the group: for a receiver
// that answers at once that costs more than the attempts. Nothing that another job has reserved is touched:
// several may run at once, and each again.
func (h *Hooks) deliverMany(ctx context.Context, r service.Run) error {
	m := many{Hooks: h}
	if err := json.Unmarshal(r.Args, &m.ManyDeliveries); err != nil {
		return &service.GiveUp{Err: err}
	}
	m.left = m.ManyDeliveries.Deliveries
	began := h.now()
	defer func() {
		if m.turn != nil {
			h.turns.End(h.now().Sub(began), m.turn...)
		}
	}()
	for n := 1; ; {
		group, wait, err := m.reserve(ctx, n)
		switch {
		case err != nil:
			return err
		case wait > 0:
			return &service.Later{After: wait}
		case len(group) == 0 && m.leased > 0:
			return &service.Later{After: m.leased}
		case len(group) == 0:
			return nil
		}
		at := h.now()
		if err := m.send(ctx, group); err != nil {
			return err
		}
		now := h.now()
		if n = max(n/2, 1); now.Sub(at) < quick {
			n = min(4*n, maxGroup)
		}
		if len(m.left) > 0 && now.Sub(began) > stint {
			return &service.Later{}
		}
	}
}

// reserve takes the next n attempts that are due, at most, or tells how long to wait.
func (m *many) reserve(ctx context.Context, n int) (group []Message, wait time.Duration, err error) {
	now, s := m.now(), m.Scope()
	var left []string
	var leased time.Duration
	err = m.retry(func() error {
		return m.c.Store.Update(ctx, func(tx service.Tx) error {
			group, wait, left, leased = nil, 0, m.left, m.leased
			rh, hook, err := service.Get[service.StoredWebhook](ctx, tx, s, service.KindWebhook, m.ID)
			gone := errors.Is(err, service.ErrNotFound)
			if err != nil && !gone {
				return err
			}
			var secrets []string
			for ; len(left) > 0 && len(group) < n; left = left[1:] {
				rd, d, err := service.Get[service.StoredDelivery](ctx, tx, s, service.KindDelivery, left[0])
				if errors.Is(err, service.ErrNotFound) || err == nil && (d.State != "pending" || rd.Parent != m.ID) {
					continue
				}
				if err != nil {
					return err
				}
				rest := until(d.NextAt, now, lease)
				switch {
				case gone:
					if err := tx.Delete(ctx, s, service.KindDelivery, rd.ID); err != nil {
						return err
					}
					continue
				case over(rd, hook, now):
					d.State, d.NextAt = "failed", 0
					if err := service.Put(ctx, tx, s, rd, d); err != nil {
						return err
					}
					continue
				case d.Tries > 0: // it has a job of its own
					continue
				case rest > 0: // another job makes the attempt, or one that was killed did
					leased = max(leased, rest)
					continue
				}
				if len(group) == 0 {
					if wait, err = m.may(ctx, tx, now, rh, &hook); wait > 0 || err != nil {
						return err
					}
					if secrets, err = m.secrets(s, rh.ID, hook, now); err != nil {
						return err
					}
					if hook.PausedTo != 0 {
						n = 1 // the trial
					}
				}
				d.NextAt = now.Add(lease).Unix()
				group = append(group, Message{URL: hook.URL, ID: rd.ID, Body: []byte(d.Body), Secrets: secrets})
				if err := service.Put(ctx, tx, s, rd, d); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err == nil {
		m.left, m.leased = left, leased
	}
	return group, wait, err
}

// may tells how long the endpoint is to be left alone, and takes a turn where it is not. The
// first attempt after a pause is the trial, for which others wait.
func (m *many) may(ctx context.Context, tx service.Tx, now time.Time, rh service.Record, hook *service.StoredWebhook) (wait time.Duration, err error) {
	if paused := until(hook.PausedTo, now, openLast); paused > 0 {
		return service.Jitter(paused) + time.Second, nil
	}
	if m.turn == nil {
		mine := bounds(m.Tenant, rh.ID, *hook)
		if wait := m.turns.Take(now, mine...); wait > 0 {
			return wait, nil
		}
		m.turn = mine
	}
	if hook.PausedTo == 0 {
		return 0, nil
	}
	hook.PausedTo = now.Add(lease).Unix()
	return 0, service.Put(ctx, tx, m.Scope(), rh, *hook)
}

// send makes the attempts of a group, up to one that fails or takes long: what is left is
// given back, as the next group may have to wait.
func (m *many) send(ctx context.Context, group []Message) error {
	began := m.now()
	var sent []Sent
	var err error
	for _, msg := range group {
		var s Sent
		msg.At = m.now()
		if s, err = m.c.Sender.Send(ctx, msg); err != nil {
			break // ours: it did not happen as far as the receiver's part goes
		}
		sent = append(sent, s)
		if !s.Delivered || m.now().Sub(began) > quick {
			break
		}
	}
	// What was received is not sent again because this process ends.
	return errors.Join(err, m.record(context.WithoutCancel(ctx), group, sent))
}

// record writes down what became of a group.
func (m *many) record(ctx context.Context, group []Message, sent []Sent) error {
	now, s := m.now(), m.Scope()
	err := m.retry(func() error {
		return m.c.Store.Update(ctx, func(tx service.Tx) error {
			for i, msg := range group {
				rd, d, err := service.Get[service.StoredDelivery](ctx, tx, s, service.KindDelivery, msg.ID)
				if errors.Is(err, service.ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if d.NextAt = 0; i < len(sent) {
					rd.Updated = now
					if next := settle(&d, sent[i], now); next > 0 {
						if err := service.EnqueueFor(ctx, tx, service.JobDeliver, s, msg.ID, now.Add(next)); err != nil {
							return err
						}
					}
				}
				if err := service.Put(ctx, tx, s, rd, d); err != nil {
					return err
				}
			}
			return m.count(ctx, tx, s, m.ID, now, sent...)
		})
	})
	if err != nil {
		return err
	}
	var back []string
	for _, msg := range group[len(sent):] {
		back = append(back, msg.ID)
	}
	m.left = append(back, m.left...)
	return nil
}
