package service

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// NewID draws an id that sorts by time (UUID version 7, RFC 9562).
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// QuickID draws an id like NewID of a fast generator, for what is named in great numbers:
// requests and lines of logs. Who has seen some can guess others, so it guards nothing.
func QuickID(now time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16|7<<12|rand.Uint64()>>52)
	binary.BigEndian.PutUint64(b[8:], rand.Uint64()>>2|1<<63)
	var s [36]byte
	hex.Encode(s[:8], b[:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:], b[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// Put writes a value as the body of a record: see Records.Put.
func Put[T any](ctx context.Context, tx Tx, s Scope, r Record, value T) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	r.Body = body
	return tx.Put(ctx, s, r)
}

// Get reads a record and its body.
func Get[T any](ctx context.Context, tx Tx, s Scope, k Kind, id string) (Record, T, error) {
	var value T
	r, err := tx.Get(ctx, s, k, id)
	if err != nil {
		return r, value, err
	}
	return r, value, json.Unmarshal(r.Body, &value)
}

// WriteAudit adds a line to the audit log, in the transaction of what it tells.
func WriteAudit(ctx context.Context, tx Tx, c Caller, now time.Time, action, subject string, detail map[string]any) error {
	e := AuditEntry{ID: NewID(), At: now, Actor: c.Actor, Action: action, Subject: subject, Source: c.Source, Request: c.RequestID}
	if len(detail) != 0 {
		var err error
		if e.Detail, err = json.Marshal(detail, json.Deterministic(true)); err != nil {
			return err
		}
	}
	return tx.AddAudit(ctx, c.Scope, e)
}

// The types of events that webhooks are told of (API.md, 8).
const (
	EventIssued     = "credential.issued"
	EventPublished  = "credential.published"
	EventSuspended  = "credential.suspended"
	EventReinstated = "credential.reinstated"
	EventRevoked    = "credential.revoked"
	EventExpired    = "credential.expired"
	EventSent       = "credential.sent"
	EventAnchored   = "credential.anchored"
	EventBatchDone  = "batch.completed"
	EventSigned     = "document.signed"
	EventVerified   = "verification.recorded"
)

// Events returns all types of events, in the order of the documentation.
func Events() []string {
	return []string{EventIssued, EventPublished, EventSuspended, EventReinstated, EventRevoked, EventExpired, EventSent, EventAnchored, EventBatchDone, EventSigned, EventVerified}
}

// StoredWebhook is the body of a KindWebhook record.
type StoredWebhook struct {
	URL         string   `json:"url"`
	Description string   `json:"description,omitempty"`
	Events      []string `json:"events"`
	Active      bool     `json:"active"`
	Algorithm   string   `json:"algorithm"`
	Problem     string   `json:"problem,omitempty"`
	PublicKey   string   `json:"publicKey,omitempty"`
	Secret      []byte   `json:"secret"`             // sealed
	Old         []byte   `json:"old,omitempty"`      // sealed; the secret before, signs too until OldUntil
	OldUntil    int64    `json:"oldUntil,omitempty"` // unix seconds
	// Older are those before Old that still sign too, the newest first.
	Older    []ReplacedSecret `json:"older,omitempty"`
	Failing  int              `json:"failing,omitempty"`  // failed attempts in a row
	PausedTo int64            `json:"pausedTo,omitempty"` // unix seconds; the circuit is open
}

// ReplacedSecret is a secret of a webhook that another has replaced.
type ReplacedSecret struct {
	Secret []byte `json:"secret"` // sealed
	Until  int64  `json:"until"`  // unix seconds; up to then it signs too
}

// StoredDelivery is the body of a KindDelivery record, whose id is the webhook-id and whose
// Parent is the webhook.
type StoredDelivery struct {
	Event    string    `json:"event"`
	Body     string    `json:"body"` // as it is sent, on every attempt
	State    string    `json:"state"`
	NextAt   int64     `json:"nextAt,omitempty"` // unix seconds
	Tries    int       `json:"tries,omitempty"`  // attempts since it was queued or replayed
	Attempts []Attempt `json:"attempts,omitempty"`
}

// JobDeliver is the job that makes one attempt to deliver: Args {"tenant","environment","id"}.
const JobDeliver = "webhook.deliver"

// JobDeliverMany is the job that makes the first attempts of deliveries to one endpoint that
// one transaction queued: Args are a ManyDeliveries. What fails has a JobDeliver of its own
// from then on.
const JobDeliverMany = "webhook.many"

// ManyDeliveries are the Args of JobDeliverMany. The id is the webhook's.
type ManyDeliveries struct {
	ScopedID
	Deliveries []string `json:"deliveries"`
}

// maxTogether is how many deliveries one job is about, at most.
const maxTogether = 100

// ScopedID are the Args of jobs about one thing.
type ScopedID struct {
	Tenant      string      `json:"tenant"`
	Environment Environment `json:"environment"`
	ID          string      `json:"id"`
}

// Scope is whose thing it is.
func (a ScopedID) Scope() Scope { return Scope{Tenant: a.Tenant, Environment: a.Environment} }

// EnqueueFor adds a job about one thing.
func EnqueueFor(ctx context.Context, tx Tx, kind string, s Scope, id string, at time.Time) error {
	args, err := json.Marshal(ScopedID{Tenant: s.Tenant, Environment: s.Environment, ID: id})
	if err != nil {
		return err
	}
	return tx.Enqueue(ctx, Job{Kind: kind, Args: args, Key: s.Tenant + "/" + string(s.Environment) + "/" + id, At: at})
}

// Emit queues an event for every webhook of the scope that listens to it. The body is
// thin: it names what changed, not what it holds.
func Emit(ctx context.Context, tx Tx, s Scope, now time.Time, event string, data map[string]any) error {
	h, err := ListHooks(ctx, tx, s)
	if err != nil {
		return err
	}
	if err := h.Emit(ctx, tx, now, event, data); err != nil {
		return err
	}
	return h.Flush(ctx, tx)
}

// Hooks are the webhooks of a scope as they are in a transaction, for who has several
// events to tell in it. After the last Emit it has to Flush.
type Hooks struct {
	scope Scope
	hooks []hookOf
}

type hookOf struct {
	id string
	StoredWebhook
	queued []string // deliveries that have no job yet
}

// ListHooks reads those that are active.
func ListHooks(ctx context.Context, tx Tx, s Scope) (Hooks, error) {
	list, err := tx.List(ctx, s, KindWebhook, nil, Page{Limit: MaxLimit})
	if err != nil {
		return Hooks{}, err
	}
	return hooksOf(s, list.Items)
}

// hooksOf decodes webhooks, and keeps those that are active.
func hooksOf(s Scope, list []Record) (Hooks, error) {
	out := Hooks{scope: s}
	for _, r := range list {
		hook := hookOf{id: r.ID}
		if err := json.Unmarshal(r.Body, &hook.StoredWebhook); err != nil {
			return out, err
		}
		if hook.Active {
			out.hooks = append(out.hooks, hook)
		}
	}
	return out, nil
}

// Count is how many deliveries there are where each of some events happens once.
func (h Hooks) Count(events ...string) (n int) {
	for _, hook := range h.hooks {
		for _, event := range events {
			if listens(hook.Events, event) {
				n++
			}
		}
	}
	return n
}

// Emit does what the function Emit does, with these webhooks. Who is to deliver is told by
// Flush.
func (h Hooks) Emit(ctx context.Context, tx Tx, now time.Time, event string, data map[string]any) error {
	var body []byte
	for i := range h.hooks {
		hook := &h.hooks[i]
		if !listens(hook.Events, event) {
			continue
		}
		if body == nil {
			var err error
			if body, err = json.Marshal(map[string]any{"type": event, "timestamp": now.UTC().Format(time.RFC3339), "data": data}, json.Deterministic(true)); err != nil {
				return err
			}
		}
		id := "msg_" + PublicID()
		d := StoredDelivery{Event: event, Body: string(body), State: "pending"}
		if err := Put(ctx, tx, h.scope, Record{Kind: KindDelivery, ID: id, Parent: hook.id, Created: now, Updated: now}, d); err != nil {
			return err
		}
		if hook.queued = append(hook.queued, id); len(hook.queued) == maxTogether {
			if err := hook.enqueue(ctx, tx, h.scope); err != nil {
				return err
			}
		}
	}
	return nil
}

// Flush adds the jobs for what Emit has queued: one for an endpoint, for a job of its own for
// each delivery costs several times what the delivery does.
func (h Hooks) Flush(ctx context.Context, tx Tx) error {
	for i := range h.hooks {
		if err := h.hooks[i].enqueue(ctx, tx, h.scope); err != nil {
			return err
		}
	}
	return nil
}

func (h *hookOf) enqueue(ctx context.Context, tx Tx, s Scope) error {
	ids := h.queued
	h.queued = nil
	switch len(ids) {
	case 0:
		return nil
	case 1:
		return EnqueueFor(ctx, tx, JobDeliver, s, ids[0], time.Time{})
	}
	args, err := EncodeArgs(ManyDeliveries{ScopedID: ScopedID{Tenant: s.Tenant, Environment: s.Environment, ID: h.id}, Deliveries: ids})
	if err != nil {
		return err
	}
	return tx.Enqueue(ctx, Job{Kind: JobDeliverMany, Args: args})
}

func listens(events []string, event string) bool {
	for _, e := range events {
		if e == event || e == "*" {
			return true
		}
	}
	return false
}
