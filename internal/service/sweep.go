package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// JobSweep looks for files that nobody knows of any more.
const JobSweep = "blob.sweep"

const (
	// sweepAge is how old a file is before it can be set aside, and again before it is
	// dropped: far longer than an upload and the transaction that refers to it last, and than
	// two clocks differ.
	sweepAge   = 24 * time.Hour
	sweepEvery = 12 * time.Hour // between rounds
	sweepLook  = 15 * time.Minute
	sweepPause = time.Second
	sweepPage  = 200 // files of one look into the database
	sweepPages = 25  // of one run of the job, which others wait for where it has to end

	// Where more files than a killed process leaves, and than this part of all, belong to nobody,
	// it is rather the database that is wrong: no more are taken until somebody has had a look.
	sweepMany, sweepPart = 2000, 2

	keptTokens = 32
	disputed   = "disputed"
)

// Swept counts what a round of the sweep has done.
type Swept struct {
	Files   int64 `json:"files"`   // that were looked at, in their places
	Aside   int64 `json:"aside"`   // of them, taken from their places: nobody knows them
	Back    int64 `json:"back"`    // put back: somebody knows them after all
	Dropped int64 `json:"dropped"` // removed for good, a day after they were set aside
	// Halted says why it went no further. "": it went to the end.
	Halted string `json:"halted,omitempty"`
}

// sweepState is the body of the record, in the scope of the installation, that says how far
// the sweep has come.
type sweepState struct {
	// Tokens are those that this database has written beside the files, the newest last.
	Tokens []string `json:"tokens,omitempty"`
	// Since is when it wrote the first one that stood, by the clock of the storage.
	Since time.Time `json:"since,omitzero"`
	// Due is when the next round begins; Running says that one has begun.
	Due     time.Time `json:"due,omitzero"`
	Running bool      `json:"running,omitempty"`
	// Placed says that the files set aside have been gone through, and After how far it has come
	// with them, or with the others.
	Placed bool   `json:"placed,omitempty"`
	After  string `json:"after,omitempty"`
	// Sure: somebody has said that the files are those of this database. Many: nobody has, since
	// too many belonged to nobody.
	Sure  bool  `json:"sure,omitempty"`
	Many  bool  `json:"many,omitempty"`
	Count Swept `json:"count"`
}

const sweepRecord = "sweep"

// sweepJob is the job that goes on with a round, or begins one that is due.
func (s *Service) sweepJob(ctx context.Context, _ Run) error {
	blobs, ok := s.c.Blobs.(SweptBlobs)
	if !ok {
		return nil
	}
	_, st, err := s.sweepState(ctx)
	if err != nil {
		return err
	}
	if !st.Running && s.now().Before(st.Due) && st.Due.Sub(s.now()) <= sweepEvery {
		return nil
	}
	done, err := s.sweepSome(ctx, blobs, new(bool), false)
	if errors.Is(err, ErrConflict) {
		return nil // another process, or a command, is at it
	}
	if err == nil && !done {
		return &Later{After: sweepPause}
	}
	return err
}

// Sweep does a round from its beginning: what nobody knows of is set aside, and what has
// been aside for a day is dropped. ours says that the files are those of this database, and
// that all of its data is there: it is demanded after another database was seen to use them,
// such as the one from before a restore.
func (s *Service) Sweep(ctx context.Context, ours bool) (Swept, error) {
	blobs, ok := s.c.Blobs.(SweptBlobs)
	if !ok {
		return Swept{}, errors.New("service: sweep: the storage of files cannot be listed")
	}
	anew := true
	for conflicts := 0; ; {
		done, err := s.sweepSome(ctx, blobs, &anew, ours)
		if errors.Is(err, ErrConflict) && conflicts < 100 { // the job is at it: both go on with one round
			conflicts++
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(conflicts) * time.Millisecond):
			}
			continue
		}
		if err != nil || done {
			_, st, serr := s.sweepState(context.WithoutCancel(ctx))
			return st.Count, errors.Join(err, serr)
		}
	}
}

func (s *Service) sweepState(ctx context.Context) (r Record, st sweepState, err error) {
	err = s.view(ctx, func(tx Tx) error {
		r, st, err = Get[sweepState](ctx, tx, Scope{}, KindSetting, sweepRecord)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		now := s.now()
		return Record{Kind: KindSetting, ID: sweepRecord, Created: now}, sweepState{}, nil
	}
	return r, st, err
}

// saveSweep writes the state, unless another has written it since: ErrConflict.
func (s *Service) saveSweep(ctx context.Context, r *Record, st sweepState) error {
	r.Updated = s.now()
	err := s.c.Store.Update(ctx, func(tx Tx) error { return Put(ctx, tx, Scope{}, *r, st) })
	if errors.Is(err, ErrExists) || errors.Is(err, ErrNotFound) {
		return ErrConflict
	}
	r.Version++
	return err
}

// sweepSome does a piece of a round, its first one where anew says so, which is false once the
// round has begun, and reports whether that was the last one.
func (s *Service) sweepSome(ctx context.Context, blobs SweptBlobs, anew *bool, ours bool) (done bool, err error) {
	now, err := blobs.Now(ctx)
	if err != nil {
		return false, err
	}
	// Before the state: of a token of this database, that was written first.
	keeper, err := blobs.Keeper(ctx)
	if err != nil {
		return false, err
	}
	r, st, err := s.sweepState(ctx)
	if err != nil {
		return false, err
	}
	if *anew || !st.Running {
		st.Running, st.Placed, st.After, st.Sure, st.Count = true, false, "", ours && *anew, Swept{}
		st.Due = s.now().Add(sweepEvery)
		if err := s.beginSweep(ctx, blobs, &r, &st, now, keeper, st.Sure); err != nil {
			return false, err
		}
		*anew = false
	} else if !slices.Contains(st.Tokens, keeper) {
		st.Count.Halted = haltedDisputed
	}
	for range sweepPages {
		if st.Count.Halted != "" || !st.Running {
			break
		}
		if err := s.sweepPage(ctx, blobs, &st, now); err != nil {
			return false, errors.Join(err, s.saveSweep(context.WithoutCancel(ctx), &r, st))
		}
	}
	if st.Count.Halted != "" {
		st.Running = false
	}
	if err := s.saveSweep(ctx, &r, st); err != nil || st.Running {
		return false, err
	}
	s.logSweep(ctx, st.Count)
	return true, nil
}

const (
	haltedDisputed = "another database uses these files, or this one is a copy of an earlier moment"
	haltedNew      = "the files have been this database's for less than a day"
	haltedMany     = "too many files belong to nobody"
)

func (s *Service) logSweep(ctx context.Context, c Swept) {
	switch {
	case c.Halted == haltedNew:
	case c.Halted != "":
		s.log.WarnContext(ctx, "files that belong to nobody are not removed: see 'chancery sweep --help'", "reason", c.Halted, "files", c.Files, "aside", c.Aside)
	case c.Aside != 0 || c.Back != 0 || c.Dropped != 0:
		s.log.InfoContext(ctx, "files that belong to nobody", "files", c.Files, "aside", c.Aside, "back", c.Back, "dropped", c.Dropped)
	}
}

// beginSweep makes sure that no other database counts on these files: two copies of one, of
// which each would take what the other has made since. Each round writes a new token beside
// the files, so that a token that this database did not write is another's.
func (s *Service) beginSweep(ctx context.Context, blobs SweptBlobs, r *Record, st *sweepState, now time.Time, keeper string, ours bool) error {
	switch {
	case ours:
		st.Since, st.Many = now.Add(-sweepAge), false
	case keeper != "" && !slices.Contains(st.Tokens, keeper):
		st.Count.Halted = haltedDisputed
		if keeper == disputed {
			return nil
		}
		// The other one has to stop as well.
		return blobs.SetKeeper(ctx, disputed)
	case keeper == "" || st.Since.IsZero() || now.Before(st.Since):
		st.Since = now
	}
	switch {
	case now.Sub(st.Since) < sweepAge:
		st.Count.Halted = haltedNew
	case st.Many:
		st.Count.Halted = haltedMany
	}
	token := NewID()
	st.Tokens = append(st.Tokens, token)
	st.Tokens = st.Tokens[max(0, len(st.Tokens)-keptTokens):]
	// First here: whichever of them is there when this process ends, it is known.
	if err := s.saveSweep(ctx, r, *st); err != nil {
		return err
	}
	return blobs.SetKeeper(ctx, token)
}

// sweepPage does a page of the listing that the round is at.
func (s *Service) sweepPage(ctx context.Context, blobs SweptBlobs, st *sweepState, now time.Time) error {
	if !st.Placed {
		return s.sweepAside(ctx, blobs, st, now)
	}
	files, next, err := blobs.List(ctx, st.After, sweepPage)
	if err != nil {
		return err
	}
	before := now.Add(-sweepAge)
	old := slices.DeleteFunc(slices.Clone(files), func(f BlobFile) bool { return !f.At.Before(before) })
	free, err := s.unused(ctx, old)
	if err != nil {
		return err
	}
	st.Count.Files += int64(len(files))
	if all := st.Count.Aside + int64(len(free)); !st.Sure && all > sweepMany && all*sweepPart > st.Count.Files {
		st.Count.Halted, st.Many = haltedMany, true // digests are in no order, so these are like the rest
		return nil
	}
	for _, f := range old {
		if !free[f.Digest] {
			continue
		}
		done, err := blobs.SetAside(ctx, f.Digest, before, now)
		if err != nil {
			return err
		}
		if done {
			st.Count.Aside++
		}
	}
	if st.After = next; next == "" {
		st.Running = false
	}
	return nil
}

// sweepAside puts back what somebody has come to know, and drops what nobody did for long.
func (s *Service) sweepAside(ctx context.Context, blobs SweptBlobs, st *sweepState, now time.Time) error {
	files, next, err := blobs.Aside(ctx, st.After, sweepPage)
	if err != nil {
		return err
	}
	free, err := s.unused(ctx, files)
	if err != nil {
		return err
	}
	for _, f := range files {
		switch {
		case !free[f.Digest]:
			err = blobs.PutBack(ctx, f.Name)
			st.Count.Back++
		case f.At.Add(sweepAge).Before(now):
			err = blobs.Drop(ctx, f.Name)
			st.Count.Dropped++
		}
		if err != nil {
			return err
		}
	}
	if st.After = next; next == "" {
		st.Placed = true
	}
	return nil
}

// unused asks which files nobody needs, by digest.
func (s *Service) unused(ctx context.Context, files []BlobFile) (map[string]bool, error) {
	if len(files) == 0 {
		return nil, nil
	}
	out := map[string]bool{}
	err := s.view(ctx, func(tx Tx) error {
		clear(out)
		for _, f := range files {
			free, err := unused(ctx, tx, f.Digest)
			if err != nil {
				return fmt.Errorf("service: sweep: %w", err)
			}
			if free {
				_, err := tx.Get(ctx, Scope{}, KindSetting, blobRecord(f.Digest))
				if free = errors.Is(err, ErrNotFound); !free && err != nil {
					return fmt.Errorf("service: sweep: %w", err)
				}
			}
			out[f.Digest] = free
		}
		return nil
	})
	return out, err
}
