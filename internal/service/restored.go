package service

import (
	"context"
	"errors"
	"fmt"
)

// What the audit log says of copies: that the register goes on from one, made when the line
// was written, and that it was said to have been restored.
const (
	ActionCopied   = "register.copy"
	ActionRestored = "register.restore"
)

// Restored has every issuer begin a new status list with its next credential, and returns
// how many lists were ended. It is for a store that was restored to an earlier moment: the
// places that were given out since are not known to be taken, and whoever got one of them
// twice would revoke somebody else's credential with his own. The audit log of each scope
// says so: what it said since is lost, and where its head was anchored since, that head is
// not in it any more. To do it twice does no harm.
func (s *Service) Restored(ctx context.Context) (ended int, err error) {
	var scopes []Scope
	if err := s.view(ctx, func(tx Tx) (err error) {
		scopes, err = tx.Scopes(ctx, KindIssuer)
		return err
	}); err != nil {
		return 0, err
	}
	for _, scope := range scopes {
		before := ended
		for cursor := ""; ; {
			var page List[Record]
			n := 0
			if err := s.update(ctx, func(tx Tx) error {
				var err error
				if page, err = tx.List(ctx, scope, KindIssuer, nil, Page{Limit: 100, Cursor: cursor}); err != nil {
					return err
				}
				n, err = endLists(ctx, tx, scope, page.Items)
				return err
			}); err != nil {
				return ended, err
			}
			ended += n
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		caller := System(scope)
		caller.Actor = "cli"
		if err := s.update(ctx, func(tx Tx) error {
			return WriteAudit(ctx, tx, caller, s.now(), ActionRestored, scope.Tenant, map[string]any{"lists": ended - before})
		}); err != nil {
			return ended, err
		}
	}
	return ended, nil
}

// endLists takes all that is left of the newest lists of some issuers.
func endLists(ctx context.Context, tx Tx, scope Scope, issuers []Record) (ended int, err error) {
	for _, r := range issuers {
		list, err := tx.OpenList(ctx, scope, r.ID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("service: restored: %w", err)
		}
		_, n, err := tx.Take(ctx, scope, list.ID, list.Entries)
		if err != nil {
			return 0, fmt.Errorf("service: restored: %w", err)
		}
		if n > 0 {
			ended++
		}
	}
	return ended, nil
}
