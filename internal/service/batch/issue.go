package batch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
)

// The jobs.
const (
	// JobChunk issues a range of rows.
	JobChunk = "batch.chunk"
	// JobAbandon removes rows of a batch whose submission never ended.
	JobAbandon = "batch.abandon"
)

// patience is how long a submission may be without a new chunk of rows.
const patience = 30 * time.Minute

// chunk are the Args of JobChunk: rows From to To, To not among them.
type chunk struct {
	service.ScopedID
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Jobs returns what has to be done in the background, and how often.
func (b *Batches) Jobs() (map[string]service.JobHandler, map[string]time.Duration) {
	return map[string]service.JobHandler{JobChunk: b.chunk, JobAbandon: b.abandoned}, map[string]time.Duration{}
}

// enqueue adds a job for each range of rows, so that several workers share a batch.
func (b *Batches) enqueue(ctx context.Context, tx service.Tx, s service.Scope, id string, total int64) error {
	for from := int64(0); from < total; from += int64(b.c.Chunk) {
		args, err := service.EncodeArgs(chunk{
			ScopedID: service.ScopedID{Tenant: s.Tenant, Environment: s.Environment, ID: id},
			From:     from, To: min(total, from+int64(b.c.Chunk)),
		})
		if err != nil {
			return err
		}
		key := fmt.Sprintf("%s/%s/%s/%d", s.Tenant, s.Environment, id, from)
		if err := tx.Enqueue(ctx, service.Job{Kind: JobChunk, Args: args, Key: key}); err != nil {
			return err
		}
	}
	return nil
}

// chunk issues the rows of a range that are still queued. A fault is tried again; the
// batch is halted when it stays.
func (b *Batches) chunk(ctx context.Context, r service.Run) error {
	var a chunk
	if err := json.Unmarshal(r.Args, &a); err != nil {
		return &service.GiveUp{Err: err}
	}
	turn, began := service.Bound{Name: a.Tenant, AtOnce: b.c.AtOnce}, b.now()
	if wait := b.turns.Take(began, turn); wait > 0 {
		return &service.Later{After: wait}
	}
	defer func() { b.turns.End(b.now().Sub(began), turn) }()
	err := b.IssueRows(ctx, a.Scope(), a.ID, a.From, a.To)
	var e *service.Error
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case errors.Is(err, errHalted), service.IsNotFound(err) && !b.exists(ctx, a.Scope(), a.ID):
		return nil
	case errors.As(err, &e) && e.Code != service.CodeUnavailable && e.Code != service.CodeInternal:
		// No other attempt will end otherwise: the quota is used up, the type is gone.
		return b.halt(ctx, a, e.Detail, err)
	case r.Attempt >= b.c.Faults || r.Attempt >= r.Attempts:
		return b.halt(ctx, a, "a fault of the service that stayed: see its logs, and resume the batch", err)
	}
	return err
}

var errHalted = errors.New("batch: halted")

func (b *Batches) exists(ctx context.Context, s service.Scope, id string) bool {
	err := b.c.Store.View(ctx, func(tx service.Tx) error {
		_, err := tx.Get(ctx, s, service.KindBatch, id)
		return err
	})
	return !errors.Is(err, service.ErrNotFound)
}

// halt stops a batch until somebody resumes it. Its other jobs end when they see it.
func (b *Batches) halt(ctx context.Context, a chunk, problem string, cause error) error {
	err := b.change(ctx, a.Scope(), a.ID, func(tx service.Tx, st *stored) error {
		st.Halted, st.Problem = true, problem
		c := service.System(a.Scope())
		return service.WriteAudit(ctx, tx, c, b.now(), "batch.halt", a.ID, nil)
	})
	if err != nil {
		return errors.Join(err, cause)
	}
	return &service.GiveUp{Err: cause}
}

func (b *Batches) change(ctx context.Context, s service.Scope, id string, f func(service.Tx, *stored) error) error {
	return b.retry(func() error {
		return b.c.Store.Update(ctx, func(tx service.Tx) error {
			r, st, err := load(ctx, tx, s, id)
			if err != nil {
				return err
			}
			if err := f(tx, &st); err != nil {
				return err
			}
			r.Updated = b.now()
			return service.Put(ctx, tx, s, r, st)
		})
	})
}

func (b *Batches) retry(f func() error) error {
	for attempt := 0; ; attempt++ {
		if err := f(); attempt >= 10 || !errors.Is(err, service.ErrConflict) {
			return err
		}
	}
}

// IssueRows issues the rows from (included) to (not included) of a batch that are queued,
// and ends the batch where none is left. It is what a job does: it may run any number of
// times, at once and in several processes, and be ended at any point.
func (b *Batches) IssueRows(ctx context.Context, s service.Scope, id string, from, to int64) error {
	w, err := b.begin(ctx, s, id)
	if err != nil {
		return err
	}
	for lost := 0; lost < 20; {
		rows, err := b.queuedRows(ctx, s, id, from, to)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return b.finish(ctx, s, id)
		}
		err = w.issue(ctx, rows)
		// Another run of the job, or another batch, was first with one of the rows: read
		// again what is left.
		if errors.Is(err, service.ErrConflict) || errors.Is(err, service.ErrExists) {
			lost++
			continue
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("batch: others were first with rows of the chunk each time: %w", service.ErrConflict)
}

// maxDeliveries is how many of events one transaction queues, about: whoever else writes has
// to wait for it.
const maxDeliveries = 1000

// atOnce is how many rows are issued in one transaction, with some deliveries for each.
func (b *Batches) atOnce(deliveries int) int {
	if deliveries == 0 {
		return b.c.Chunk
	}
	return min(b.c.Chunk, max(1, maxDeliveries/deliveries))
}

// queuedRows returns some of what is left of a range; errHalted where the batch is halted.
func (b *Batches) queuedRows(ctx context.Context, s service.Scope, id string, from, to int64) (rows []service.Row, err error) {
	err = b.c.Store.View(ctx, func(tx service.Tx) error {
		_, st, err := load(ctx, tx, s, id)
		if err != nil {
			return err
		}
		if st.Halted {
			return errHalted
		}
		hooks, err := service.ListHooks(ctx, tx, s)
		if err != nil {
			return err
		}
		rows, err = tx.Rows(ctx, s, id, queued, from, b.atOnce(hooks.Count(service.EventIssued, service.EventPublished)))
		return err
	})
	for n, r := range rows {
		if r.Index >= to {
			return rows[:n], err
		}
	}
	return rows, err
}

// work is what the rows of a batch are issued with.
type work struct {
	*Batches
	caller service.Caller
	id     string
	t      *service.LoadedType
	w      service.Wanted
}

func (b *Batches) begin(ctx context.Context, s service.Scope, id string) (*work, error) {
	var st stored
	err := b.c.Store.View(ctx, func(tx service.Tx) (err error) {
		_, st, err = load(ctx, tx, s, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if st.Halted {
		return nil, errHalted
	}
	w := &work{Batches: b, caller: service.System(s), id: id}
	w.caller.Actor = st.Actor // in the audit log: who sent the batch
	if w.t, err = b.c.Issuing.LoadVersion(ctx, w.caller, st.Type.ID, st.Type.Version); err != nil {
		return nil, err
	}
	w.w, err = b.c.Issuing.Want(w.t, st.Wish.of(id))
	return w, err
}

// outcome is what becomes of one row.
type outcome struct {
	row     service.Row
	content string
	given   bool            // the row brought its id
	signed  *service.Signed // nil where faults are
	faults  map[string][]string
}

func (o *outcome) givenID() string {
	if o.given {
		return o.row.CredentialID
	}
	return ""
}

// issue signs rows and commits them with their states, wholly or not at all.
func (w *work) issue(ctx context.Context, rows []service.Row) error {
	out, err := w.sign(ctx, rows)
	if err != nil {
		return err
	}
	// Ids and keys are rarely taken: whether one is, is asked where the commit says so.
	err = w.commit(ctx, out, false)
	if err == nil {
		return nil
	}
	if errors.Is(err, service.ErrExists) {
		err = w.commit(ctx, out, true)
	}
	signed := make([]*service.Signed, len(out))
	for n, o := range out {
		signed[n] = o.signed
	}
	w.Batches.c.Issuing.Discard(ctx, signed...) // those that were committed stay
	return err
}

// commit writes outcomes. Where check is false, an id or a key that is taken is ErrExists.
func (w *work) commit(ctx context.Context, out []outcome, check bool) error {
	now := w.now()
	return w.Batches.c.Store.Update(ctx, func(tx service.Tx) error {
		var commit []*service.Signed
		states := make([]service.Row, len(out))
		for n := range out {
			o := out[n] // f may run again: out stays as it is
			var err error
			if o.faults == nil && check {
				before, err := taken(ctx, tx, w.caller.Scope, w.t.ID(), given{id: o.givenID(), key: o.row.Key, content: o.content}, now)
				if err != nil {
					return err
				}
				switch o.faults = before.faults; before.id {
				case "":
				case o.row.CredentialID: // another batch, or a call, made it in between
					states[n] = service.Row{Index: o.row.Index, State: issued}
					continue
				default: // the row shows its own id by now
					o.faults = map[string][]string{"idempotencyKey": {"was used in another batch meanwhile"}}
				}
			}
			if o.faults != nil {
				if states[n], err = failedRow(o.row.Index, o.row.Key, o.faults); err != nil {
					return err
				}
				continue
			}
			states[n] = service.Row{Index: o.row.Index, State: issued}
			commit = append(commit, o.signed)
			if o.row.Key != "" {
				if err := w.remember(ctx, tx, o, now); err != nil {
					return err
				}
			}
		}
		// First, so that whoever comes second does no more.
		if err := tx.SetRows(ctx, w.caller.Scope, w.id, states); err != nil {
			return err
		}
		if len(commit) == 0 {
			return nil
		}
		return w.Batches.c.Issuing.Commit(ctx, tx, w.caller, commit)
	})
}

// remember keeps the row's key from being used for anything else, as an answer of one call
// does.
func (w *work) remember(ctx context.Context, tx service.Tx, o outcome, now time.Time) error {
	body, err := json.Marshal(remembered{Credential: o.row.CredentialID, Content: o.content})
	if err != nil {
		return err
	}
	return tx.Remember(ctx, w.caller.Scope, route, o.row.Key, service.Answer{Body: body, Expires: now.Add(service.AnswersKept)}, now)
}

// sign does the work for rows, outside of any transaction.
func (w *work) sign(ctx context.Context, rows []service.Row) (out []outcome, err error) {
	issuing := w.Batches.c.Issuing
	out = make([]outcome, len(rows))
	var items []*service.Checked
	var places []int
	for n, r := range rows {
		out[n].row = r
		item, err := w.open(w.caller.Scope, w.id, r)
		if err != nil {
			return nil, err
		}
		checked, faults, err := issuing.CheckItem(ctx, w.caller, w.t, w.w, item)
		if err != nil {
			return nil, err
		}
		if len(faults) != 0 { // such as a document that was erased since
			out[n].faults = faults
			continue
		}
		out[n].content, out[n].given = checked.Content(), checked.Given
		checked.ID, checked.PublicID = r.CredentialID, r.PublicID
		items, places = append(items, checked), append(places, n)
	}
	if len(items) == 0 {
		return out, ctx.Err()
	}
	signed, err := issuing.Sign(ctx, w.caller, w.t, w.w, items)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			issuing.Discard(ctx, signed...)
		}
	}()
	if len(signed) != len(items) {
		return nil, fmt.Errorf("batch: expected %d signed items, found %d", len(items), len(signed))
	}
	for k, s := range signed {
		o := &out[places[k]]
		if s.ID != o.row.CredentialID || s.PublicID != o.row.PublicID {
			return nil, errors.New("batch: an item was signed under another id than that of its row")
		}
		if s.Err == nil {
			o.signed = s
			continue
		}
		faults, ok := rowFault(s.Err)
		if !ok {
			return nil, s.Err
		}
		o.faults = faults
	}
	return out, ctx.Err()
}

// finish ends a batch of which no row is queued, once. It looks after the commit of the
// rows: of two chunks that commit at once neither sees the other's.
func (b *Batches) finish(ctx context.Context, s service.Scope, id string) error {
	return b.retry(func() error {
		return b.c.Store.Update(ctx, func(tx service.Tx) error {
			n, err := tx.CountRows(ctx, s, id)
			if err != nil || n.Queued != 0 {
				return err
			}
			r, st, err := load(ctx, tx, s, id)
			if err != nil || st.Finished != nil {
				return err
			}
			now := b.now()
			st.Finished, st.Halted, st.Problem, r.Updated = &now, false, "", now
			if err := service.Put(ctx, tx, s, r, st); err != nil {
				return err
			}
			return completed(ctx, tx, service.System(s), id, now, n)
		})
	})
}

// completed tells that a batch has ended.
func completed(ctx context.Context, tx service.Tx, c service.Caller, id string, now time.Time, n service.RowCounts) error {
	data := map[string]any{"id": id, "issued": n.Issued, "failed": n.Failed}
	if err := service.Emit(ctx, tx, c.Scope, now, service.EventBatchDone, data); err != nil {
		return err
	}
	return service.WriteAudit(ctx, tx, c, now, "batch.complete", id, map[string]any{"issued": n.Issued, "failed": n.Failed})
}

// ResumeBatch implements service.Batches. Of a batch that runs, it adds the jobs that it
// may have lost.
func (b *Batches) ResumeBatch(ctx context.Context, c service.Caller, id string) (out service.Batch, err error) {
	if err := c.Need(service.MayIssue); err != nil {
		return out, err
	}
	err = b.change(ctx, c.Scope, id, func(tx service.Tx, st *stored) error {
		n, err := tx.CountRows(ctx, c.Scope, id)
		if err != nil {
			return err
		}
		if n.Queued == 0 {
			return &service.Error{Code: service.CodeState, Detail: "the batch is done"}
		}
		st.Halted, st.Problem = false, ""
		if err := b.enqueue(ctx, tx, c.Scope, id, st.Total); err != nil {
			return err
		}
		return service.WriteAudit(ctx, tx, c, b.now(), "batch.resume", id, nil)
	})
	if err != nil {
		return out, err
	}
	return b.GetBatch(ctx, c, id)
}

// abandoned removes rows that a process left behind when it ended in a submission.
func (b *Batches) abandoned(ctx context.Context, r service.Run) error {
	var a service.ScopedID
	if err := json.Unmarshal(r.Args, &a); err != nil {
		return &service.GiveUp{Err: err}
	}
	wait, err := b.drop(ctx, a.Scope(), a.ID, patience)
	if err != nil || wait <= 0 {
		return err
	}
	return &service.Later{After: wait}
}

// EraseRows fails the queued rows of a scope's batches that are about a person, and
// forgets what they say: match tells which. It returns how many there were.
func (b *Batches) EraseRows(ctx context.Context, s service.Scope, match func(service.Recipient) bool) (int, error) {
	erased := 0
	for cursor := ""; ; {
		var list service.List[service.Record]
		err := b.c.Store.View(ctx, func(tx service.Tx) (err error) {
			list, err = tx.List(ctx, s, service.KindBatch, nil, service.Page{Limit: service.MaxLimit, Cursor: cursor})
			return err
		})
		if err != nil {
			return erased, err
		}
		for _, r := range list.Items {
			n, err := b.eraseIn(ctx, s, r.ID, match)
			erased += n
			if err != nil {
				return erased, err
			}
		}
		if cursor = list.Next; cursor == "" {
			return erased, nil
		}
	}
}

func (b *Batches) eraseIn(ctx context.Context, s service.Scope, id string, match func(service.Recipient) bool) (erased int, err error) {
	for from := int64(0); ; {
		var rows []service.Row
		err := b.c.Store.View(ctx, func(tx service.Tx) (err error) {
			rows, err = tx.Rows(ctx, s, id, queued, from, b.c.Chunk)
			return err
		})
		if err != nil {
			return erased, err
		}
		if len(rows) == 0 {
			if erased > 0 {
				return erased, b.finish(ctx, s, id)
			}
			return 0, nil
		}
		var out []service.Row
		for _, r := range rows {
			item, err := b.open(s, id, r)
			if err != nil {
				return erased, err
			}
			if match(item.Recipient) {
				row, err := failedRow(r.Index, r.Key, map[string][]string{"recipient": {"was erased"}})
				if err != nil {
					return erased, err
				}
				out = append(out, row)
			}
		}
		if len(out) != 0 {
			err := b.c.Store.Update(ctx, func(tx service.Tx) error { return tx.SetRows(ctx, s, id, out) })
			if errors.Is(err, service.ErrConflict) {
				continue // one of them was issued in between: look again
			}
			if err != nil {
				return erased, err
			}
			erased += len(out)
		}
		from = rows[len(rows)-1].Index + 1
	}
}
