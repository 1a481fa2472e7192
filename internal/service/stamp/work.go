package stamp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// The jobs.
const (
	// JobAdd brings the waiting stamps of a scope into its anchor store.
	JobAdd = "stamp.add"
	// JobRun seals batches of a scope and takes them a step further. It queues itself
	// again while there is something to do.
	JobRun = "anchor.run"
	// JobDue queues JobRun when the oldest waiting stamp has waited long enough. It has a
	// name of its own because a job that is queued for later stands for those of its name
	// that are wanted now, and a batch that is full does not wait for its age.
	JobDue = "anchor.due"
	// JobWake finds scopes whose jobs were lost.
	JobWake = "anchor.wake"
)

const (
	addAtOnce      = 500
	announceAtOnce = 200
	runTime        = 2 * time.Minute // of one run: what is not done then is done by the next
)

// Jobs returns what has to be done in the background, and how often.
func (s *Stamps) Jobs() (map[string]service.JobHandler, map[string]time.Duration) {
	if s.configured() != nil {
		return map[string]service.JobHandler{}, map[string]time.Duration{}
	}
	return map[string]service.JobHandler{JobAdd: s.add, JobRun: s.run, JobDue: s.due, JobWake: s.wake},
		map[string]time.Duration{JobWake: 10 * time.Minute}
}

func scopeOf(r service.Run) (service.Scope, error) {
	var a service.ScopedID
	if err := json.Unmarshal(r.Args, &a); err != nil {
		return service.Scope{}, &service.GiveUp{Err: err}
	}
	return a.Scope(), nil
}

// add moves waiting stamps into the anchor store. Adding one again under its id changes
// nothing there, so that a crash between the two stores is harmless.
func (s *Stamps) add(ctx context.Context, r service.Run) error {
	sc, err := scopeOf(r)
	if err != nil {
		return err
	}
	for {
		var waiting []service.Record
		parent := service.StampWaiting
		err := s.c.Store.View(ctx, func(tx service.Tx) error {
			list, err := tx.List(ctx, sc, service.KindStamp, &parent, service.Page{Limit: addAtOnce})
			waiting = list.Items
			return err
		})
		if err != nil {
			return err
		}
		if len(waiting) == 0 {
			break
		}
		if err := s.addSome(ctx, sc, waiting); err != nil {
			return err
		}
	}
	return s.c.Store.Update(ctx, func(tx service.Tx) error {
		return service.EnqueueFor(ctx, tx, JobRun, sc, "", time.Time{})
	})
}

func (s *Stamps) addSome(ctx context.Context, sc service.Scope, waiting []service.Record) error {
	slices.Reverse(waiting) // the oldest first
	items := make([]anchor.Item, len(waiting))
	for n, r := range waiting {
		st, err := unmarshal[service.StoredStamp](r)
		if err != nil {
			return err
		}
		digest, err := hex.DecodeString(st.Value)
		if err != nil {
			return err
		}
		subject, err := anchor.Stamp(st.Type, st.Alg, digest)
		if err != nil {
			return err
		}
		salt, err := saltOf(st)
		if err != nil {
			return err
		}
		items[n] = anchor.Item{ID: r.ID, Subject: subject, Salt: salt, Added: s.now()}
	}
	stored, err := s.c.Store.Anchors(sc).Add(ctx, items)
	if err != nil {
		return err
	}
	if len(stored) != len(items) {
		return fmt.Errorf("stamp: expected %d items from the anchor store, found %d", len(items), len(stored))
	}
	for n := range stored {
		if !stored[n].Erased() && !slices.Equal(stored[n].Subject.Digest, items[n].Subject.Digest) {
			return &service.GiveUp{Err: errors.New("stamp: the anchor store has another digest under a stamp's id")}
		}
	}
	return s.retry(func() error {
		return s.c.Store.Update(ctx, func(tx service.Tx) error {
			for _, w := range waiting {
				r, st, err := service.Get[service.StoredStamp](ctx, tx, sc, service.KindStamp, w.ID)
				if errors.Is(err, service.ErrNotFound) || err == nil && r.Parent != service.StampWaiting {
					continue
				}
				if err != nil {
					return err
				}
				r.Parent, st.Salt, r.Updated = "", "", s.now() // the salt is kept in one place only
				if err := service.Put(ctx, tx, sc, r, st); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// run seals what is due and takes open batches a step further.
func (s *Stamps) run(ctx context.Context, r service.Run) error {
	sc, err := scopeOf(r)
	if err != nil {
		return err
	}
	store := s.c.Store.Anchors(sc)
	stepErr := s.step(ctx, sc, store)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if stepErr != nil {
		s.c.OnError(sc, stepErr)
	}
	announceErr := s.announce(ctx, sc, store)
	again, due, err := s.next(ctx, store)
	if err != nil {
		return errors.Join(err, stepErr, announceErr)
	}
	if again || !due.IsZero() {
		err = s.c.Store.Update(ctx, func(tx service.Tx) error {
			if again {
				if err := service.EnqueueFor(ctx, tx, JobRun, sc, "", s.now().Add(s.c.Every)); err != nil || due.IsZero() {
					return err
				}
			}
			return service.EnqueueFor(ctx, tx, JobDue, sc, "", due)
		})
	}
	return errors.Join(err, announceErr)
}

// due has a scope looked after now.
func (s *Stamps) due(ctx context.Context, r service.Run) error {
	sc, err := scopeOf(r)
	if err != nil {
		return err
	}
	return s.c.Store.Update(ctx, func(tx service.Tx) error {
		return service.EnqueueFor(ctx, tx, JobRun, sc, "", time.Time{})
	})
}

// step is bounded in time: a chain that does not answer must not hold a worker.
func (s *Stamps) step(ctx context.Context, sc service.Scope, store anchor.Store) error {
	ctx, cancel := context.WithTimeout(ctx, runTime)
	defer cancel()
	sealErr := s.sealDue(ctx, sc, store)
	c := anchor.AnchorerConfig{Store: store, Clock: s.c.Clock}
	if s.c.Chain != nil {
		until, _ := ctx.Deadline()
		c.Chain = &patientChain{Chain: s.c.Chain, until: until.Add(chainTime - runTime)}
	}
	if s.c.Timestamper != nil {
		c.Timestamper = &patientTimestamper{Timestamper: s.c.Timestamper}
	}
	a, err := anchor.NewAnchorer(c)
	if err != nil {
		return err
	}
	return errors.Join(sealErr, a.Step(ctx))
}

// sealDue closes batches. The issuer of the first one signs them all: a sequence has one.
func (s *Stamps) sealDue(ctx context.Context, sc service.Scope, store anchor.Store) error {
	q, err := store.Queue(ctx)
	if err != nil || q.Size == 0 {
		return err
	}
	issuer := ""
	if q.Seq > 0 {
		last, err := store.Record(ctx, q.Seq-1)
		if err != nil {
			return err
		}
		issuer = last.Signed.Header.Issuer
	}
	key, issuer, err := s.c.Signers.AnchorKey(ctx, sc, issuer)
	if err != nil {
		return fmt.Errorf("stamp: finding who signs batches: %w", err)
	}
	b, err := anchor.NewBatcher(anchor.BatcherConfig{
		Store: store, Issuer: issuer, Key: key.Signer, Method: key.Method,
		Trees: s.c.Trees, Promise: s.promise(), MaxItems: s.c.MaxItems, MaxAge: s.c.MaxAge, Clock: s.c.Clock,
	})
	if err != nil {
		return err
	}
	_, err = b.SealDue(ctx)
	return err
}

// next tells whether there are open batches, and when what waits has to be sealed; the zero
// time where nothing does.
func (s *Stamps) next(ctx context.Context, store anchor.Store) (again bool, due time.Time, err error) {
	open, err := store.Open(ctx)
	if err != nil {
		return false, due, err
	}
	q, err := store.Queue(ctx)
	if err != nil {
		return false, due, err
	}
	if q.Size != 0 {
		due = q.Oldest.Add(s.c.MaxAge)
		if soonest := s.now().Add(s.c.Every); due.Before(soonest) {
			due = soonest
		}
	}
	return len(open) != 0, due, nil
}

// wake queues JobRun and JobAdd for every scope with stamps: the safety net for jobs that
// were given up.
func (s *Stamps) wake(ctx context.Context, _ service.Run) error {
	var scopes []service.Scope
	err := s.c.Store.View(ctx, func(tx service.Tx) (err error) {
		scopes, err = tx.Scopes(ctx, service.KindStamp)
		return err
	})
	if err != nil {
		return err
	}
	for _, sc := range scopes {
		err := s.c.Store.Update(ctx, func(tx service.Tx) error {
			return service.EnqueueFor(ctx, tx, JobAdd, sc, "", time.Time{}) // JobAdd queues JobRun
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// told is how far events about anchored credentials have come. All batches below Next
// are told of, but for those in Open, which were not done then.
type told struct {
	Next uint64   `json:"next"`
	Open []uint64 `json:"open,omitempty"`
	// Place is the item of Batch from which on nothing was told yet.
	Batch uint64 `json:"batch"`
	Place uint64 `json:"place"`
}

const toldID = "anchor.told"

// announce emits credential.anchored for every credential in batches that are done, each
// once: how far it has come is written in the transaction of the events.
func (s *Stamps) announce(ctx context.Context, sc service.Scope, store anchor.Store) error {
	for {
		r, t, err := s.told(ctx, sc)
		if err != nil {
			return err
		}
		for {
			if _, err := store.Record(ctx, t.Next); errors.Is(err, anchor.ErrNotFound) {
				break
			} else if err != nil {
				return err
			}
			t.Open = append(t.Open, t.Next)
			t.Next++
		}
		candidates := t.Open
		if t.Place > 0 { // begun: it is told to its end first
			candidates = []uint64{t.Batch}
		}
		batch, found, err := firstDone(ctx, store, candidates)
		if err != nil || !found {
			return err
		}
		err = s.announceSome(ctx, sc, store, r, t, batch)
		if errors.Is(err, service.ErrConflict) || errors.Is(err, service.ErrExists) {
			continue // another process was first: see how far it has come
		}
		if err != nil {
			return err
		}
	}
}

func (s *Stamps) told(ctx context.Context, sc service.Scope) (r service.Record, t told, err error) {
	err = s.c.Store.View(ctx, func(tx service.Tx) error {
		r, t, err = service.Get[told](ctx, tx, sc, service.KindSetting, toldID)
		return err
	})
	if errors.Is(err, service.ErrNotFound) {
		return service.Record{Kind: service.KindSetting, ID: toldID, Created: s.now()}, told{}, nil
	}
	return r, t, err
}

func firstDone(ctx context.Context, store anchor.Store, seqs []uint64) (*anchor.Record, bool, error) {
	for _, seq := range seqs {
		r, err := store.Record(ctx, seq)
		if err != nil {
			return nil, false, err
		}
		if r.Done {
			return r, true, nil
		}
	}
	return nil, false, nil
}

// announceSome tells of the next items of a batch, and notes it.
func (s *Stamps) announceSome(ctx context.Context, sc service.Scope, store anchor.Store, r service.Record, t told, batch *anchor.Record) error {
	if t.Batch != batch.Seq {
		t.Batch, t.Place = batch.Seq, 0
	}
	n := min(batch.Size-t.Place, announceAtOnce)
	var ids []string
	for it, err := range store.Items(ctx, batch.First+t.Place, n) {
		if err != nil {
			return err
		}
		ids = append(ids, it.ID)
	}
	t.Place += n
	if t.Place == batch.Size {
		t.Open = slices.DeleteFunc(t.Open, func(seq uint64) bool { return seq == batch.Seq })
		t.Place = 0
	}
	now := s.now()
	r.Updated = now
	return s.c.Store.Update(ctx, func(tx service.Tx) error {
		if err := service.Put(ctx, tx, sc, r, t); err != nil {
			return err
		}
		hooks, err := service.ListHooks(ctx, tx, sc)
		if err != nil || hooks.Count(service.EventAnchored) == 0 {
			return err // nobody listens
		}
		for _, id := range ids {
			_, st, err := service.Get[service.StoredStamp](ctx, tx, sc, service.KindStamp, id)
			if errors.Is(err, service.ErrNotFound) || err == nil && st.Credential == "" {
				continue
			}
			if err != nil {
				return err
			}
			data := map[string]any{"id": st.Credential, "stampId": id, "batch": batch.Seq}
			if err := hooks.Emit(ctx, tx, now, service.EventAnchored, data); err != nil {
				return err
			}
		}
		return hooks.Flush(ctx, tx)
	})
}

// retry repeats what another transaction came in between of.
func (s *Stamps) retry(f func() error) error {
	for attempt := 0; ; attempt++ {
		if err := f(); attempt >= 20 || !errors.Is(err, service.ErrConflict) {
			return err
		}
	}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// saltOf is the caller's salt, or a new one.
func saltOf(st service.StoredStamp) ([]byte, error) {
	if st.Salt != "" {
		return hex.DecodeString(st.Salt)
	}
	salt := make([]byte, evidence.SaltSize)
	rand.Read(salt)
	return salt, nil
}
