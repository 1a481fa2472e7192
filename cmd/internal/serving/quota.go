package serving

import (
	"context"
	"strconv"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// monthly is a service.Quota: so many live credentials of a tenant in a calendar month
// (UTC). Test credentials are never counted.
type monthly struct {
	live  int64
	now   func() time.Time
	store service.Store // set when the service is assembled, for Left
}

func (m *monthly) counter() string { return "quota/" + m.now().UTC().Format("2006-01") }

// Take implements service.Quota.
func (m *monthly) Take(ctx context.Context, tx service.Tx, s service.Scope, n int64) error {
	if s.Environment != service.Live {
		return nil
	}
	used, err := tx.Count(ctx, s, m.counter(), n)
	if err != nil {
		return err
	}
	if used > m.live {
		return &service.Error{Code: service.CodeQuota, Detail: "the quota of " + strconv.FormatInt(m.live, 10) + " live credentials this month is used up"}
	}
	return nil
}

// Left implements service.Quota.
func (m *monthly) Left(ctx context.Context, s service.Scope) (*int64, error) {
	if s.Environment != service.Live || m.store == nil {
		return nil, nil
	}
	var used int64
	err := m.store.Update(ctx, func(tx service.Tx) error {
		var err error
		used, err = tx.Count(ctx, s, m.counter(), 0)
		return err
	})
	left := max(0, m.live-used)
	return &left, err
}
