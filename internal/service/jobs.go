package service

import (
	"context"
	"time"
)

// Jobs are the core's part of the work that is done later: for WorkConfig.
func (s *Service) Jobs() (map[string]JobHandler, map[string]time.Duration) {
	return map[string]JobHandler{
			JobMail:   s.sendMail,
			JobExpire: s.expired,
			JobRenew:  s.renewLists,
			JobForget: s.forgetAnswers,
			JobTidy:   s.forgetVerifications,
			JobSweep:  s.sweepJob,
		}, map[string]time.Duration{
			JobRenew:  time.Minute, // lists of a clock that was wrong are not believed until then
			JobForget: 10 * time.Minute,
			JobTidy:   time.Hour,
			JobSweep:  sweepLook,
		}
}

// forgetAnswers is the job that deletes answers to Idempotency-Keys that are over.
func (s *Service) forgetAnswers(ctx context.Context, _ Run) error {
	for {
		var n int
		err := s.update(ctx, func(tx Tx) error {
			var err error
			n, err = tx.Forget(ctx, s.now(), 500)
			return err
		})
		if err != nil || n < 500 {
			return err
		}
	}
}

// forgetVerifications is the job that deletes lines of the verification log that are older
// than they are to be kept.
func (s *Service) forgetVerifications(ctx context.Context, _ Run) error {
	for s.c.KeepVerifications > 0 {
		var n int
		err := s.update(ctx, func(tx Tx) (err error) {
			n, err = tx.ForgetVerifications(ctx, s.now().Add(-s.c.KeepVerifications), 500)
			return err
		})
		if err != nil || n < 500 {
			return err
		}
	}
	return nil
}

// Run writes what is collected in memory, until ctx ends and then once more: the
// verification log, and when keys were last used. Every process calls it.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return s.Flush(last)
		case <-s.verlog.full:
		case <-tick.C:
		}
		if err := s.Flush(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "verification log not written", "error", err)
		}
	}
}

// Flush writes now what Run writes from time to time.
func (s *Service) Flush(ctx context.Context) error {
	if err := s.writeLastUsed(ctx); err != nil {
		return err
	}
	return s.writeVerifications(ctx)
}
