// Package batch issues many credentials at once: it implements service.Batches.
//
//	batches, err := batch.New(batch.Config{Store: store, Blobs: blobs, Sealer: sealer, Issuing: core, Clock: time.Now})
//	handlers, every := batches.Jobs()
//
// Every row is checked when it is submitted, by the very check of a single issue; what it
// will be called is fixed then. Jobs sign rows a chunk at a time and write the credentials
// and the state of their rows in one transaction, in which a row that is not queued any
// more is refused: a row is issued once, however often its job runs and whenever a process
// ends. What follows an issue (mail, anchor, events, PDF) is that of a single issue,
// because the same functions do it.
//
// Nothing of a batch is seen before all of its rows are stored. What a crash leaves in
// between is removed by a job.
//
// Caveats. Of each id and idempotency key that rows bring, 24 bytes are held while the
// batch is submitted; nothing else grows with the number of rows.
package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
)

// Issuing is the part of the service that makes credentials: *service.Service is one.
type Issuing interface {
	LoadType(ctx context.Context, c service.Caller, ref string) (*service.LoadedType, error)
	LoadVersion(ctx context.Context, c service.Caller, id string, version int) (*service.LoadedType, error)
	Want(t *service.LoadedType, w service.Wish) (service.Wanted, error)
	CheckItem(ctx context.Context, c service.Caller, t *service.LoadedType, w service.Wanted, in service.ItemInput) (*service.Checked, map[string][]string, error)
	CheckPage(ctx context.Context, t *service.LoadedType, w service.Wanted, item *service.Checked) (map[string][]string, error)
	Sign(ctx context.Context, c service.Caller, t *service.LoadedType, w service.Wanted, items []*service.Checked) ([]*service.Signed, error)
	Commit(ctx context.Context, tx service.Tx, c service.Caller, signed []*service.Signed) error
	Discard(ctx context.Context, signed ...*service.Signed)
	BaseURL() string
}

// Config says what Batches works with.
type Config struct {
	// Store, Blobs, Sealer and Issuing are required. The Sealer keeps rows, which hold
	// personal data, until they are issued.
	Store   service.Store
	Blobs   service.Blobs
	Sealer  service.Sealer
	Issuing Issuing
	// Clock tells the time. Required.
	Clock func() time.Time
	// MaxRows bounds a batch. 0: 1,000,000.
	MaxRows int64
	// Chunk is how many rows a job issues in one transaction. 0: 500.
	Chunk int
	// AtOnce is how many jobs of one institution's batches run at once in this process, so
	// that the others' batches go on beside a large one. 0: one less than there are workers for them (service.WorkConfig.Concurrency).
	AtOnce int
	// Faults is the attempt of a chunk at which a fault halts the batch. 0: 6.
	Faults int
	// TempDir is where the directory of an archive of results is kept while it is written.
	// "": the system's directory for temporary files.
	TempDir string
}

// Batches implements service.Batches.
type Batches struct {
	c     Config
	turns service.Turns // of institutions
}

var _ service.Batches = (*Batches)(nil)

// New checks the configuration.
func New(c Config) (*Batches, error) {
	if c.Store == nil || c.Blobs == nil || c.Sealer == nil || c.Issuing == nil || c.Clock == nil {
		return nil, errors.New("batch: expected a store, blobs, a sealer, who issues, and a clock")
	}
	if c.MaxRows == 0 {
		c.MaxRows = 1_000_000
	}
	if c.Chunk == 0 {
		c.Chunk = 500
	}
	if c.Faults == 0 {
		c.Faults = 6
	}
	if c.AtOnce == 0 {
		c.AtOnce = max(1, 2*runtime.GOMAXPROCS(0)-1)
	}
	if c.AtOnce < 1 || c.MaxRows < 1 || c.Chunk < 1 || c.Chunk > 5000 || c.Faults < 1 {
		return nil, errors.New("batch: expected at least one row, chunks of 1 to 5,000 rows and one attempt")
	}
	return &Batches{c: c, turns: service.Turns{Longest: 10 * time.Minute}}, nil
}

func (b *Batches) now() time.Time { return b.c.Clock().UTC().Truncate(time.Microsecond) }

// The modes.
const (
	allOrNothing = "allOrNothing"
	partial      = "partial"
)

// The states of rows.
const (
	queued = "queued"
	issued = "issued"
	failed = "failed"
)

// stored is the body of a KindBatch record.
type stored struct {
	Name  string          `json:"name,omitempty"`
	Type  service.TypeRef `json:"type"`
	Wish  wish            `json:"wish"`
	Actor string          `json:"actor"`
	Total int64           `json:"total"`
	// Refused is how many rows failed when they were submitted.
	Refused int64 `json:"refused,omitempty"`
	// Before is how many rows were issued by an earlier batch or call.
	Before   int64      `json:"before,omitempty"`
	Halted   bool       `json:"halted,omitempty"`
	Problem  string     `json:"problem,omitempty"`
	Finished *time.Time `json:"finished,omitempty"`
}

// wish is what was asked for, for all rows.
type wish struct {
	Publish *bool    `json:"publish,omitempty"`
	Outputs []string `json:"outputs,omitempty"`
	Anchor  *bool    `json:"anchor,omitempty"`
	Notify  bool     `json:"notify,omitempty"`
}

func (w wish) of(batch string) service.Wish {
	return service.Wish{Publish: w.Publish, Outputs: w.Outputs, Anchor: w.Anchor, Notify: w.Notify, BatchID: batch}
}

// view tells about a batch. Its state follows from the rows.
func view(e service.Environment, r service.Record, s stored, n service.RowCounts) service.Batch {
	out := service.Batch{
		ID: r.ID, Name: s.Name, Environment: e, Type: s.Type, Done: n.Queued == 0, CreatedAt: r.Created.UTC(),
		Counts: service.Counts(n),
	}
	switch {
	case n.Queued == 0:
		out.State, out.FinishedAt = "done", s.Finished
	case s.Halted:
		out.State, out.Problem = "halted", s.Problem
	case n.Issued > s.Before || n.Failed > s.Refused:
		out.State = "running"
	default:
		out.State = queued
	}
	return out
}

// ListBatches implements service.Batches.
func (b *Batches) ListBatches(ctx context.Context, c service.Caller, p service.Page) (service.List[service.Batch], error) {
	var out service.List[service.Batch]
	if err := needRead(c); err != nil {
		return out, err
	}
	err := b.c.Store.View(ctx, func(tx service.Tx) error {
		records, err := tx.List(ctx, c.Scope, service.KindBatch, nil, p)
		if err != nil {
			return err
		}
		out = service.List[service.Batch]{Next: records.Next, Total: records.Total}
		for _, r := range records.Items {
			var s stored
			if err := json.Unmarshal(r.Body, &s); err != nil {
				return err
			}
			n, err := tx.CountRows(ctx, c.Scope, r.ID)
			if err != nil {
				return err
			}
			out.Items = append(out.Items, view(c.Environment, r, s, n))
		}
		return nil
	})
	return out, err
}

// GetBatch implements service.Batches.
func (b *Batches) GetBatch(ctx context.Context, c service.Caller, id string) (out service.Batch, err error) {
	if err := needRead(c); err != nil {
		return out, err
	}
	err = b.c.Store.View(ctx, func(tx service.Tx) error {
		out, err = get(ctx, tx, c.Scope, id)
		return err
	})
	return out, err
}

func get(ctx context.Context, tx service.Tx, s service.Scope, id string) (service.Batch, error) {
	r, st, err := load(ctx, tx, s, id)
	if err != nil {
		return service.Batch{}, err
	}
	n, err := tx.CountRows(ctx, s, id)
	return view(s.Environment, r, st, n), err
}

func load(ctx context.Context, tx service.Tx, s service.Scope, id string) (service.Record, stored, error) {
	r, st, err := service.Get[stored](ctx, tx, s, service.KindBatch, id)
	if errors.Is(err, service.ErrNotFound) {
		err = service.NotFound("batch")
	}
	return r, st, err
}

// BatchItems implements service.Batches.
func (b *Batches) BatchItems(ctx context.Context, c service.Caller, id, state string, p service.Page) (service.List[service.BatchItem], error) {
	out := service.List[service.BatchItem]{Total: -1}
	if err := needRead(c); err != nil {
		return out, err
	}
	if state != "" && state != queued && state != issued && state != failed {
		return out, &service.Error{Code: service.CodeParameter, Detail: "state: expected queued, issued or failed"}
	}
	from := int64(0)
	if p.Cursor != "" {
		n, err := strconv.ParseInt(p.Cursor, 10, 64)
		if err != nil || n < 0 || strconv.FormatInt(n, 10) != p.Cursor {
			return out, &service.Error{Code: service.CodeParameter, Detail: "cursor: expected that of an earlier page"}
		}
		from = n
	}
	err := b.c.Store.View(ctx, func(tx service.Tx) error {
		batch, err := get(ctx, tx, c.Scope, id)
		if err != nil {
			return err
		}
		rows, err := tx.Rows(ctx, c.Scope, id, state, from, p.Size()+1)
		if err != nil {
			return err
		}
		if len(rows) > p.Size() {
			rows = rows[:p.Size()]
			out.Next = strconv.FormatInt(rows[len(rows)-1].Index+1, 10)
		}
		for _, r := range rows {
			item, err := b.item(ctx, tx, c.Scope, r)
			if err != nil {
				return err
			}
			out.Items = append(out.Items, item)
		}
		if p.WithTotal {
			out.Total = map[string]int64{"": batch.Counts.Total, queued: batch.Counts.Queued, issued: batch.Counts.Issued, failed: batch.Counts.Failed}[state]
		}
		return nil
	})
	return out, err
}

func (b *Batches) item(ctx context.Context, tx service.Tx, s service.Scope, r service.Row) (service.BatchItem, error) {
	out := service.BatchItem{Index: r.Index, ID: r.CredentialID, State: r.State}
	if r.Errors != nil {
		if err := json.Unmarshal(r.Errors, &out.Errors); err != nil {
			return out, err
		}
	}
	if r.State != issued {
		return out, nil
	}
	cred, err := tx.Credential(ctx, s, r.CredentialID)
	switch {
	case errors.Is(err, service.ErrNotFound):
		return out, nil // a draft that was deleted since
	case err != nil:
		return out, err
	}
	out.Credential = &service.Named{ID: cred.ID, Name: b.url(cred)}
	return out, nil
}

// url is the address of a credential's page, "" where it has none.
func (b *Batches) url(c service.StoredCredential) string {
	if c.State == service.StateDraft {
		return ""
	}
	return b.c.Issuing.BaseURL() + "/c/" + c.PublicID
}

func needRead(c service.Caller) error {
	if c.May(service.MayRead) {
		return nil
	}
	return c.Need(service.MayIssue)
}

func checkBatch(in service.NewBatch) error {
	var v service.Invalid
	if utf8.RuneCountInString(in.Name) > 200 || !utf8.ValidString(in.Name) || strings.ContainsFunc(in.Name, unicode.IsControl) {
		v.Add("name", "must be at most 200 characters on one line")
	}
	if in.Mode != "" && in.Mode != allOrNothing && in.Mode != partial {
		v.Add("mode", "must be allOrNothing or partial")
	}
	if in.Type == "" {
		v.Add("type", "is required")
	}
	return v.Err()
}

func rowPath(n int64, field string) string {
	if field == "" {
		return fmt.Sprintf("items[%d]", n)
	}
	return fmt.Sprintf("items[%d].%s", n, field)
}
