package register_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/register"
)

// busy is a store beside which another process does something before each Update.
type busy struct {
	service.Store
	other func()
}

func (b *busy) Update(ctx context.Context, f func(service.Tx) error) error {
	b.other()
	return b.Store.Update(ctx, f)
}

// TestErasePortfolioMeanwhile: a portfolio has the person's name in its title and address.
// One that is put while the person is erased goes with him, also where its transaction ends
// after the erasure.
func TestErasePortfolioMeanwhile(t *testing.T) {
	h := newHouse(t)
	h.courseOf(h.issuer("did:web").ID)
	subject := h.issue("CX-1", "Aina Rahman", "aina@example.com").Recipient.ID
	put := 0
	store := &busy{Store: h.store, other: func() {
		_, err := h.shelves.PutPortfolio(t.Context(), h.caller, fmt.Sprintf("aina-rahman-%d", put), service.PortfolioInput{Title: "Aina Rahman", SubjectID: subject, Public: true, Items: []service.PortfolioItem{}})
		if err == nil {
			put++
		}
	}}
	reg, err := register.New(register.Config{Store: store, Blobs: h.files, Schemas: h.core, Rows: h.batches, Signers: h.docs, BaseURL: base, Clock: h.clock})
	check(t, err)
	_, err = reg.Erase(t.Context(), h.caller, subject)
	check(t, err)
	none := func(when string) {
		t.Helper()
		check(t, h.store.View(t.Context(), func(tx service.Tx) error {
			list, err := tx.List(t.Context(), h.caller.Scope, service.KindPortfolio, nil, service.Page{Limit: 100})
			if len(list.Items) != 0 {
				t.Errorf("%s: %d of %d portfolios are left", when, len(list.Items), put)
			}
			return err
		}))
	}
	if put < 2 {
		t.Fatalf("only %d were put", put)
	}
	none("after the erasure")
	check(t, h.store.Update(t.Context(), func(tx service.Tx) error {
		return service.Put(t.Context(), tx, h.caller.Scope, service.Record{Kind: service.KindPortfolio, ID: "late", Lookup: "late", Created: h.clock(), Updated: h.clock()}, service.StoredPortfolio{Title: "Aina Rahman", Subject: subject})
	}))
	h.pass(6 * time.Minute)
	h.run(500 * time.Millisecond)
	none("after the job")
}
