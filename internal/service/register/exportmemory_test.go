package register_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/register"
)

// endless is a store with as many credentials as are asked for, which are made as they are
// read. at is called with how many were read.
type endless struct {
	service.Store
	n  int
	at func(read int)
}

func (e *endless) View(ctx context.Context, f func(service.Tx) error) error {
	return e.Store.View(ctx, func(tx service.Tx) error { return f(endlessTx{tx, e}) })
}

type endlessTx struct {
	service.Tx
	e *endless
}

func (t endlessTx) Credentials(_ context.Context, _ service.Scope, _ service.CredentialQuery, p service.Page) (out service.List[service.StoredCredential], err error) {
	from, _ := strconv.Atoi(p.Cursor)
	t.e.at(from)
	to := min(from+p.Limit, t.e.n)
	for i := from; i < to; i++ {
		out.Items = append(out.Items, service.StoredCredential{
			ID: fmt.Sprintf("0196c0f0-1a2b-7c3d-8e4f-%012d", i), PublicID: fmt.Sprintf("p%d", i), State: service.StateIssued, Issue: 1, TypeID: "t", IssuerID: "i",
			RecipientName: "Person", Created: time.Unix(1, 0), IssuedAt: time.Unix(1, 0), ListID: "list", Index: int64(i), Body: []byte(`{"typeVersion":1}`),
		})
	}
	if to < t.e.n {
		out.Next = strconv.Itoa(to)
	}
	return out, nil
}

func (t endlessTx) Artifacts(context.Context, service.Scope, string, int) ([]service.StoredArtifact, error) {
	return []service.StoredArtifact{{Name: "vc", Issue: 1, Bytes: []byte("{}")}, {Name: "vc.jwt", Issue: 1, Bytes: []byte("ey")}}, nil
}

// TestExportMemory: an export does not keep what it has written. Of a credential a hash of
// its name stays, so that no two get the same.
func TestExportMemory(t *testing.T) {
	h := newHouse(t)
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	const first, last = 4_000, 14_000
	var before, after int64
	store := &endless{Store: h.store, n: last + 50, at: func(read int) {
		switch read {
		case first:
			before = heap()
		case last:
			after = heap()
		}
	}}
	g, err := register.New(register.Config{Store: store, Blobs: h.files, Schemas: h.core, Rows: h.batches, Signers: h.docs, Stamper: h.stamps, BaseURL: base, Clock: h.clock, TempDir: t.TempDir()})
	check(t, err)
	check(t, g.Export(t.Context(), h.caller, io.Discard))
	if before == 0 || after == 0 {
		t.Fatal("not all credentials were read")
	}
	if grown := float64(after-before) / (last - first); grown > 100 {
		t.Errorf("expected at most 100 bytes for a credential with three files, found %.0f", grown)
	} else {
		t.Logf("%.0f bytes a credential", grown)
	}
}
