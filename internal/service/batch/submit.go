package batch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
)

// mostBad is how many bad rows are looked for where one is too many.
const mostBad = 1000

// route is that of the idempotency keys of rows, which hold across batches.
const route = "batch row"

// submission is a batch on its way in.
type submission struct {
	*Batches
	c    service.Caller
	in   service.NewBatch
	t    *service.LoadedType
	w    service.Wanted
	id   string
	mode string

	seen    map[[24]byte]struct{} // ids and keys of rows, hashed
	rows    []service.Row         // not written yet
	inputs  []given               // what rows brought, of those that are not looked up yet
	written bool                  // rows were: there is a marker
	total   int64
	bad     int64
	known   int64 // rows that were issued before
	more    bool  // rows after the last were not looked at, since so many are bad
	faults  service.Invalid
}

// given is a row's own id and key, and what it asks for.
type given struct {
	row              int // in rows, -1 where rows are not kept
	index            int64
	id, key, content string
}

// CreateBatch implements service.Batches. An error of next with CodeValidation is about
// the row that it stands for (its Fields are named within the row); any other ends the
// submission.
func (b *Batches) CreateBatch(ctx context.Context, c service.Caller, in service.NewBatch, next func() (service.ItemInput, error), i service.Idempotency) (service.Result[service.Batch], error) {
	var none service.Result[service.Batch]
	if err := c.Need(service.MayIssue); err != nil {
		return none, err
	}
	if out, found, err := service.Replayed[service.Batch](ctx, b.c.Store, b.now(), c.Scope, i, nil); err != nil || found {
		return out, err
	}
	if err := checkBatch(in); err != nil {
		return none, err
	}
	t, err := b.c.Issuing.LoadType(ctx, c, in.Type)
	if service.IsNotFound(err) {
		return none, noType(in.Type)
	}
	if err != nil {
		return none, err
	}
	s := &submission{Batches: b, c: c, in: in, t: t, id: service.NewID(), mode: in.Mode, seen: map[[24]byte]struct{}{}}
	if s.mode == "" {
		s.mode = allOrNothing
	}
	if s.w, err = b.c.Issuing.Want(t, s.wish().of(s.id)); err != nil {
		return none, err
	}
	if err := s.read(ctx, next); err != nil {
		return none, errors.Join(err, s.abandon(ctx))
	}
	if s.total == 0 {
		s.faults.Add("items", "is required")
	}
	if s.total == 0 || s.in.DryRun || s.bad > 0 && s.mode == allOrNothing {
		if err := s.abandon(ctx); err != nil {
			return none, err
		}
		if err := s.faults.Err(); err != nil {
			if s.more {
				s.faults.Fields()["items"] = []string{fmt.Sprintf("has more than these: rows from number %d on were not looked at", s.total)}
			}
			return none, err
		}
		return service.Result[service.Batch]{Value: s.dry()}, nil
	}
	out, err := s.accept(ctx, i)
	if err != nil || out.Replayed {
		return out, errors.Join(err, s.abandon(ctx))
	}
	return out, nil
}

// noType says that what is referred to is not there, in the words of a single issue.
func noType(id string) error {
	var v service.Invalid
	if strings.HasPrefix(id, "starter/") {
		v.Add("type", "is a starter: make a type from it")
	} else {
		v.Add("type", "names no credential type")
	}
	return v.Err()
}

func (s *submission) wish() wish {
	return wish{Publish: s.in.Publish, Outputs: s.in.Outputs, Anchor: s.in.Anchor, Notify: s.in.Notify}
}

// dry tells about a batch that is not made.
func (s *submission) dry() service.Batch {
	return service.Batch{
		Name: s.in.Name, Environment: s.c.Environment, Type: s.t.Ref(), State: "done", Done: true,
		Counts: service.Counts{Total: s.total}, CreatedAt: s.now(),
	}
}

// keeps tells whether rows are written: as long as the batch may still be accepted.
func (s *submission) keeps() bool {
	return !s.in.DryRun && (s.mode == partial || s.bad == 0)
}

// read takes all rows, and writes them but for the last chunk.
func (s *submission) read(ctx context.Context, next func() (service.ItemInput, error)) error {
	for {
		item, err := next()
		if errors.Is(err, io.EOF) {
			return s.lookUp(ctx)
		}
		if s.total == s.config().MaxRows {
			return &service.Error{Code: service.CodeTooLarge, Detail: fmt.Sprintf("a batch has at most %d rows", s.config().MaxRows)}
		}
		fields, ok := rowFault(err)
		if err != nil && !ok {
			return err
		}
		if err := s.take(ctx, item, fields); err != nil {
			return err
		}
		s.total++
		// Who sends that many bad rows learns nothing from more of them.
		if !s.keeps() && s.bad >= mostBad {
			s.more = true
			return s.lookUp(ctx)
		}
		if len(s.rows) < s.config().Chunk && len(s.inputs) < s.config().Chunk {
			continue
		}
		if err := s.lookUp(ctx); err != nil {
			return err
		}
		if len(s.rows) >= s.config().Chunk {
			if err := s.write(ctx); err != nil {
				return err
			}
		}
	}
}

func (s *submission) config() *Config { return &s.Batches.c }

// rowFault reads an error of next that is about one row.
func rowFault(err error) (map[string][]string, bool) {
	var e *service.Error
	if err == nil || !errors.As(err, &e) || e.Code != service.CodeValidation {
		return nil, false
	}
	if len(e.Fields) == 0 {
		return map[string][]string{"": {e.Detail}}, true
	}
	return e.Fields, true
}

// take checks a row.
func (s *submission) take(ctx context.Context, item service.ItemInput, faults map[string][]string) error {
	n := s.total
	var checked *service.Checked
	if faults == nil {
		var err error
		if checked, faults, err = s.config().Issuing.CheckItem(ctx, s.c, s.t, s.w, item); err == nil && len(faults) == 0 {
			faults, err = s.config().Issuing.CheckPage(ctx, s.t, s.w, checked)
		}
		if err != nil {
			return err
		}
		faults = s.checkKeys(item, faults)
	}
	if len(faults) != 0 {
		s.fault(n, faults)
		if s.keeps() {
			row, err := failedRow(n, "", faults)
			if err != nil {
				return err
			}
			s.rows = append(s.rows, row)
		}
		return nil
	}
	g := given{row: -1, index: n, key: item.IdempotencyKey, content: checked.Content()}
	if checked.Given {
		g.id = checked.ID
	}
	if s.keeps() {
		body, err := s.seal(s.c.Scope, s.id, n, item)
		if err != nil {
			return err
		}
		s.rows = append(s.rows, service.Row{Index: n, State: queued, Key: item.IdempotencyKey, CredentialID: checked.ID, PublicID: checked.PublicID, Body: body})
		g.row = len(s.rows) - 1
	}
	if g.id != "" || g.key != "" {
		s.inputs = append(s.inputs, g)
	}
	return nil
}

// checkKeys refuses an id or key that an earlier row of the batch has.
func (s *submission) checkKeys(item service.ItemInput, faults map[string][]string) map[string][]string {
	add := func(field, message string) {
		if faults == nil {
			faults = map[string][]string{}
		}
		faults[field] = append(faults[field], message)
	}
	if k := item.IdempotencyKey; k != "" {
		if len(k) > 255 || strings.ContainsFunc(k, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
			add("idempotencyKey", "must be 1 to 255 printable ASCII characters")
		} else if s.again("key", k) {
			add("idempotencyKey", "is that of an earlier row")
		}
	}
	if item.ID != "" && s.again("id", item.ID) {
		add("id", "is that of an earlier row")
	}
	return faults
}

func (s *submission) again(kind, value string) bool {
	sum := sha256.Sum256([]byte(kind + "\x00" + value))
	h := [24]byte(sum[:24])
	_, there := s.seen[h]
	s.seen[h] = struct{}{}
	return there
}

func (s *submission) fault(n int64, faults map[string][]string) {
	s.bad++
	for _, field := range sortedKeys(faults) {
		for _, message := range faults[field] {
			s.faults.Add(rowPath(n, field), message)
		}
	}
}

// failedRow holds no personal data: what was sent is in the hands of who sent it.
func failedRow(n int64, key string, faults map[string][]string) (service.Row, error) {
	if whole, ok := faults[""]; ok {
		faults = map[string][]string{"row": whole}
	}
	b, err := json.Marshal(faults, json.Deterministic(true))
	return service.Row{Index: n, State: failed, Key: key, Errors: b}, err
}

// marker is the id of the record that says that rows of a batch are being received. While
// there is one, and no batch, the rows are nobody's.
func marker(batch string) string { return "batch.receiving/" + batch }

type receiving struct {
	Rows int64 `json:"rows"`
}

// write stores the rows so far, and with the first of them the marker, and a job that
// removes all of it unless the batch is accepted.
func (s *submission) write(ctx context.Context) error {
	now := s.now()
	err := s.config().Store.Update(ctx, func(tx service.Tx) error {
		r, m, err := service.Get[receiving](ctx, tx, s.c.Scope, service.KindSetting, marker(s.id))
		switch {
		case errors.Is(err, service.ErrNotFound) && !s.written:
			r = service.Record{Kind: service.KindSetting, ID: marker(s.id), Created: now}
			if err := service.EnqueueFor(ctx, tx, JobAbandon, s.c.Scope, s.id, now.Add(patience)); err != nil {
				return err
			}
		case errors.Is(err, service.ErrNotFound):
			return tooSlow()
		case err != nil:
			return err
		}
		r.Updated, m.Rows = now, s.total
		if err := service.Put(ctx, tx, s.c.Scope, r, m); err != nil {
			return err
		}
		return tx.AddRows(ctx, s.c.Scope, s.id, s.rows)
	})
	if err != nil {
		return err
	}
	s.written, s.rows = true, s.rows[:0]
	return nil
}

func tooSlow() error {
	return &service.Error{Code: service.CodeUnavailable, Detail: "the rows came too slowly, and were dropped: send the batch again"}
}

// accept makes the batch, with the rows that are not written yet, and the jobs.
func (s *submission) accept(ctx context.Context, i service.Idempotency) (service.Result[service.Batch], error) {
	var none service.Result[service.Batch]
	now := s.now()
	return service.Once(ctx, s.config().Store, now, s.c.Scope, i, nil, func(tx service.Tx) (service.Result[service.Batch], error) {
		if s.written {
			if err := tx.Delete(ctx, s.c.Scope, service.KindSetting, marker(s.id)); errors.Is(err, service.ErrNotFound) {
				return none, tooSlow()
			} else if err != nil {
				return none, err
			}
		}
		if err := tx.AddRows(ctx, s.c.Scope, s.id, s.rows); err != nil {
			return none, err
		}
		st := stored{Name: s.in.Name, Type: s.t.Ref(), Wish: s.wish(), Actor: s.c.Actor, Total: s.total, Refused: s.bad, Before: s.known}
		left := s.total - s.bad - s.known
		if left == 0 {
			st.Finished = &now
			if err := completed(ctx, tx, s.c, s.id, now, service.RowCounts{Total: s.total, Issued: s.known, Failed: s.bad}); err != nil {
				return none, err
			}
		}
		r := service.Record{Kind: service.KindBatch, ID: s.id, Created: now, Updated: now}
		if err := service.Put(ctx, tx, s.c.Scope, r, st); err != nil {
			return none, err
		}
		detail := map[string]any{"rows": s.total, "refused": s.bad}
		if err := service.WriteAudit(ctx, tx, s.c, now, "batch.create", s.id, detail); err != nil {
			return none, err
		}
		if left > 0 {
			if err := s.enqueue(ctx, tx, s.c.Scope, s.id, s.total); err != nil {
				return none, err
			}
		}
		n, err := tx.CountRows(ctx, s.c.Scope, s.id)
		if err != nil {
			return none, err
		}
		if n.Total != s.total {
			return none, fmt.Errorf("batch: expected %d rows in the store, found %d", s.total, n.Total)
		}
		return service.Result[service.Batch]{Value: view(s.c.Environment, r, st, n), Created: true}, nil
	})
}

// abandon removes what was written of a batch that is not accepted. It does so also where
// the caller has gone.
func (s *submission) abandon(ctx context.Context) error {
	if !s.written {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	_, err := s.drop(ctx, s.c.Scope, s.id, 0)
	return err
}

// drop removes rows that are nobody's, if nothing came for a while, or tells how long to
// wait.
func (b *Batches) drop(ctx context.Context, s service.Scope, id string, idle time.Duration) (wait time.Duration, err error) {
	now := b.now()
	err = b.c.Store.Update(ctx, func(tx service.Tx) error {
		wait = 0
		r, err := tx.Get(ctx, s, service.KindSetting, marker(id))
		if errors.Is(err, service.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if left := r.Updated.Add(idle).Sub(now); idle > 0 && left > 0 {
			wait = left
			return nil
		}
		if err := tx.Delete(ctx, s, service.KindSetting, r.ID); err != nil {
			return err
		}
		return tx.DeleteRows(ctx, s, id)
	})
	return wait, err
}

// seal makes a row's body of what was sent.
func (b *Batches) seal(s service.Scope, batch string, n int64, item service.ItemInput) ([]byte, error) {
	plain, err := json.Marshal(item)
	if err != nil {
		return nil, err
	}
	sealed, err := b.c.Sealer.Seal(plain, place(s, batch, n))
	if err != nil {
		return nil, err
	}
	return json.Marshal(sealedRow{Sealed: sealed})
}

// open is the inverse of seal.
func (b *Batches) open(s service.Scope, batch string, r service.Row) (item service.ItemInput, err error) {
	var sealed sealedRow
	if err := json.Unmarshal(r.Body, &sealed); err != nil {
		return item, err
	}
	plain, err := b.c.Sealer.Open(sealed.Sealed, place(s, batch, r.Index))
	if err != nil {
		return item, err
	}
	return item, json.Unmarshal(plain, &item)
}

type sealedRow struct {
	Sealed []byte `json:"sealed"`
}

func place(s service.Scope, batch string, n int64) string {
	return fmt.Sprintf("row\x00%s\x00%s\x00%s\x00%d", s.Tenant, s.Environment, batch, n)
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
