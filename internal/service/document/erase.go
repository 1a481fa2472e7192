package document

import (
	"context"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
)

// EraseSigner forgets a person in the signatures of a scope's documents: name and address,
// and what he wrote in declining. An invitation that is open ends. It returns how many
// there were. What a signed file says stays, since it is what was signed.
func (d *Documents) EraseSigner(ctx context.Context, s service.Scope, email string) (int, error) {
	erased := 0
	if email == "" {
		return 0, nil
	}
	for cursor := ""; ; {
		var list service.List[service.Record]
		var mine []string
		err := d.c.Store.View(ctx, func(tx service.Tx) (err error) {
			list, err = tx.List(ctx, s, service.KindSignature, nil, service.Page{Limit: service.MaxLimit, Cursor: cursor})
			return err
		})
		if err != nil {
			return erased, err
		}
		for _, r := range list.Items {
			var h storedSignature
			if err := json.Unmarshal(r.Body, &h); err != nil {
				return erased, err
			}
			if strings.EqualFold(h.Email, email) {
				mine = append(mine, r.ID)
			}
		}
		for _, id := range mine {
			err := d.change(ctx, s, id, func(_ service.Tx, h *held) error {
				h.Signer, h.Email, h.Holder = "", "", ""
				switch h.State {
				case invited:
					h.State, h.Lookup, h.Token, h.Expires = expired, "", nil, nil
				case declined:
					h.Reason = ""
				}
				return nil
			})
			if errors.Is(err, service.ErrNotFound) {
				continue // with its document
			}
			if err != nil {
				return erased, err
			}
			erased++
		}
		if cursor = list.Next; cursor == "" {
			return erased, nil
		}
	}
}
