package service

import (
	"context"
	"sync"
	"time"
)

// JobForgetFile removes a file that nobody needs; its Args are a ForgetFile.
const JobForgetFile = "blob.forget"

// ForgetFile names a file by its digest.
type ForgetFile struct {
	Digest string `json:"digest"`
}

const (
	// discardAfter is longer than a transaction lasts: of one whose answer was lost it is
	// known by then whether the file is somebody's.
	discardAfter = 5 * time.Minute
	discardAgain = 10 * time.Second // between attempts, where the database is away
	maxDiscarded = 10_000
)

// discarded are files that were made and came to belong to nobody. Signing stores them
// before the transaction that makes them somebody's; where that is refused, they name a
// person whom the register does not know, so that no erasure would find them.
// Those of a process that was killed before it could say so, Sweep finds.
type discarded struct {
	mu      sync.Mutex
	digests []string
	next    time.Time // of another attempt, after one has failed
}

func (d *discarded) add(digests []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.digests = append(d.digests, digests[:min(len(digests), maxDiscarded-len(d.digests))]...)
}

// take returns all, where an attempt is due.
func (d *discarded) take(now time.Time) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.digests) == 0 || now.Before(d.next) {
		return nil
	}
	out := d.digests
	d.digests, d.next = nil, now.Add(discardAgain)
	return out
}

func (d *discarded) done() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = time.Time{}
}

// Discard has the files of signed items removed in a while, but those that belong to
// somebody then: of items whose commit has failed, or may have.
func (s *Service) Discard(ctx context.Context, signed ...*Signed) {
	var digests []string
	for _, g := range signed {
		if g == nil {
			continue
		}
		for _, a := range g.artifacts {
			if a.Bytes == nil {
				digests = append(digests, a.Digest)
			}
		}
	}
	if len(digests) == 0 {
		return
	}
	s.discarded.add(digests)
	s.discardQueued(ctx)
}

// discardQueued queues what Discard was given. Where the database is away it is kept, and
// queued when something is signed again.
func (s *Service) discardQueued(ctx context.Context) {
	for {
		now := s.now()
		digests := s.discarded.take(now)
		if len(digests) == 0 {
			return
		}
		if err := s.queueDiscarded(ctx, digests, now.Add(discardAfter)); err != nil {
			s.discarded.add(digests)
			s.log.WarnContext(ctx, "files that belong to nobody are not removed yet", "files", len(digests), "error", err)
			return
		}
		s.discarded.done()
	}
}

func (s *Service) queueDiscarded(ctx context.Context, digests []string, at time.Time) error {
	// The call may have failed because its caller is gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardAgain)
	defer cancel()
	return s.update(ctx, func(tx Tx) error {
		for _, digest := range digests {
			args, err := EncodeArgs(ForgetFile{Digest: digest})
			if err == nil {
				err = tx.Enqueue(ctx, Job{Kind: JobForgetFile, Args: args, Key: digest, At: at})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
