package vcalm

import (
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
)

// JobClean is the job that removes challenges, exchanges and presentations that have ended.
const JobClean = "vcalm.clean"

// Jobs are the jobs of the plane and how often they run.
func (p *Plane) Jobs() (map[string]service.JobHandler, map[string]time.Duration) {
	return map[string]service.JobHandler{JobClean: p.clean}, map[string]time.Duration{JobClean: time.Hour}
}

func (p *Plane) clean(ctx context.Context, _ service.Run) error {
	before := p.c.Clock().Add(-time.Hour)
	return errors.Join(p.cleanKind(ctx, service.KindChallenge, before, service.MaxLimit), p.cleanKind(ctx, service.KindExchange, before, maxExchanges),
		p.cleanKind(ctx, kindPresented, before, maxPresented))
}

// How many exchanges, and presentations, are read at once: they can be large.
const (
	maxExchanges = 100
	maxPresented = 8
)

// cleanKind removes what ended before a time, so many at once.
func (p *Plane) cleanKind(ctx context.Context, k service.Kind, before time.Time, many int) error {
	var scopes []service.Scope
	err := p.c.Store.View(ctx, func(tx service.Tx) (err error) { scopes, err = tx.Scopes(ctx, k); return err })
	if err != nil {
		return err
	}
	for _, s := range scopes {
		page := service.Page{Limit: many}
		for {
			var old []string
			err := p.c.Store.View(ctx, func(tx service.Tx) error {
				old = old[:0]
				list, err := tx.List(ctx, s, k, nil, page)
				for _, r := range list.Items {
					var end struct {
						Until int64 `json:"until"`
					}
					if err := json.Unmarshal(r.Body, &end); err != nil {
						return err
					}
					if time.Unix(end.Until, 0).Before(before) {
						old = append(old, r.ID)
					}
				}
				page.Cursor = list.Next
				return err
			})
			if err != nil {
				return err
			}
			err = p.c.Store.Update(ctx, func(tx service.Tx) error {
				for _, id := range old {
					if err := tx.Delete(ctx, s, k, id); err != nil && !errors.Is(err, service.ErrNotFound) {
						return err
					}
				}
				return nil
			})
			if err != nil || page.Cursor == "" {
				if err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}
