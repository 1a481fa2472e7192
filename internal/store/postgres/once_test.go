package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestOnceBetweenReads: a call finds no stored answer, then a call ends in another process,
// and the first finds what that one made. Where it is the same call, it has the answer of
// that one, and is not refused for it.
func TestOnceBetweenReads(t *testing.T) {
	ctx := t.Context()
	dsn := database(t)
	here, there := open(t, dsn), open(t, dsn)
	scope := service.Scope{Tenant: "north", Environment: service.Test}
	duplicate := &service.Error{Code: service.CodeDuplicate, Detail: "it is there"}
	create := func(st service.Store, name, key string, between func()) (service.Result[string], error) {
		i := service.Idempotency{Route: "POST /things", Key: key, Digest: [32]byte{1}}
		return service.Once(ctx, st, time.Now(), scope, i, nil, func(tx service.Tx) (service.Result[string], error) {
			between()
			_, err := tx.Get(ctx, scope, service.KindSetting, name)
			if err == nil {
				return service.Result[string]{}, duplicate
			}
			if !errors.Is(err, service.ErrNotFound) {
				return service.Result[string]{}, err
			}
			err = tx.Put(ctx, scope, service.Record{Kind: service.KindSetting, ID: name, Body: []byte("{}")})
			return service.Result[string]{Value: "made " + name, Created: true}, err
		})
	}
	for name, key := range map[string]string{"same": "same", "another": "own", "none": ""} {
		out, err := create(here, name, key, func() {
			if _, err := create(there, name, name, func() {}); err != nil {
				t.Error(err)
			}
		})
		switch {
		case name == key && (err != nil || !out.Replayed || !out.Created || out.Value != "made "+name):
			t.Errorf("%s: found %+v, %v", name, out, err)
		case name != key && !errors.Is(err, duplicate):
			t.Errorf("%s: found %+v, %v", name, out, err)
		}
	}
}
