package service_test

import (
	"context"
	"errors"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

// overtaken is a store in which another call deletes each draft after it was read.
type overtaken struct{ service.Store }

func (o overtaken) Update(ctx context.Context, f func(service.Tx) error) error {
	return o.Store.Update(ctx, func(tx service.Tx) error { return f(overtakenTx{tx}) })
}

type overtakenTx struct{ service.Tx }

func (t overtakenTx) DeleteCredential(ctx context.Context, s service.Scope, id string, version int64) error {
	if err := t.Tx.DeleteCredential(ctx, s, id, version); err != nil {
		return err
	}
	return t.Tx.DeleteCredential(ctx, s, id, version)
}

// TestDeletedTwice: whoever comes second hears that there is no such credential, in the words
// of every other call, also where the first is there in the middle.
func TestDeletedTwice(t *testing.T) {
	w := newWorld(t)
	c := w.school("academy")
	id := w.issue(c, draft).ID
	w.config.Store = overtaken{w.store}
	want := service.NotFound("credential").Code
	var e *service.Error
	if err := w.again().DeleteDraft(w.ctx, c, id); !errors.As(err, &e) || e.Code != want {
		t.Errorf("in the middle: expected %s, found %v", want, err)
	}
	if err := w.s.DeleteDraft(w.ctx, c, id); err != nil {
		t.Fatal(err)
	}
	if err := w.s.DeleteDraft(w.ctx, c, id); !errors.As(err, &e) || e.Code != want {
		t.Errorf("afterwards: expected %s, found %v", want, err)
	}
}
