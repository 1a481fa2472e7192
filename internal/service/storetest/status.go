package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

func statusList(id string, entries int64) service.StoredList {
	return service.StoredList{ID: id, IssuerID: "i", Entries: entries, Sealed: []byte{0, 255, 1, 2}, Created: base}
}

func testLists(t *testing.T, su Suite) {
	st := su.New(t)
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		_, err := tx.OpenList(ctx, ScopeA, "i")
		want(t, err, service.ErrNotFound)
		check(t, tx.AddList(ctx, ScopeA, statusList("l1", 10)))
		want(t, tx.AddList(ctx, ScopeC, statusList("l1", 10)), service.ErrExists)
		newer := statusList("l0", 100)
		newer.Created = base.Add(time.Second)
		check(t, tx.AddList(ctx, ScopeA, newer))
		l, err := tx.OpenList(ctx, ScopeA, "i")
		check(t, err)
		equal(t, "newest", l.ID, "l0")
		_, err = tx.OpenList(ctx, ScopeB, "i")
		want(t, err, service.ErrNotFound)
		s, l, err := tx.StatusList(ctx, "l1")
		check(t, err)
		if s != ScopeA || l.Entries != 10 || l.Next != 0 || l.Version != 1 || string(l.Sealed) != "\x00\xff\x01\x02" || !l.Created.Equal(base) {
			t.Fatalf("found %v %+v", s, l)
		}
		for _, c := range []struct{ n, first, count int64 }{{4, 0, 4}, {0, 4, 0}, {-3, 4, 0}, {5, 4, 5}, {5, 9, 1}, {5, 10, 0}} {
			first, count, err := tx.Take(ctx, ScopeA, "l1", c.n)
			check(t, err)
			if first != c.first || count != c.count {
				t.Fatalf("take %d: expected %d from %d, found %d from %d", c.n, c.count, c.first, count, first)
			}
		}
		_, _, err = tx.Take(ctx, ScopeB, "l1", 1)
		want(t, err, service.ErrNotFound)
		want(t, tx.SetBit(ctx, ScopeC, "l1", "revocation", 1, true), service.ErrNotFound)
		_, err = tx.LockList(ctx, ScopeC, "l1")
		want(t, err, service.ErrNotFound)
		for _, i := range []int64{7, 3, 9, 3} {
			check(t, tx.SetBit(ctx, ScopeA, "l1", "revocation", i, true))
		}
		check(t, tx.SetBit(ctx, ScopeA, "l1", "revocation", 7, false))
		check(t, tx.SetBit(ctx, ScopeA, "l1", "revocation", 8, false))
		check(t, tx.SetBit(ctx, ScopeA, "l1", "suspension", 1, true))
		equal(t, "revoked", fmt.Sprint(bits(t, tx, "revocation")), "[3 9]")
		equal(t, "suspended", fmt.Sprint(bits(t, tx, "suspension")), "[1]")
		for i, err := range tx.Bits(ctx, ScopeC, "l1", "revocation") {
			t.Fatal("foreign bits", i, err)
		}
		l, err = tx.LockList(ctx, ScopeA, "l1")
		check(t, err)
		if l.Next != 10 || l.Version <= 1 {
			t.Fatalf("found %+v", l)
		}
		return nil
	})
}

func bits(t *testing.T, tx service.Tx, purpose string) []int64 {
	t.Helper()
	var out []int64
	for i, err := range tx.Bits(t.Context(), ScopeA, "l1", purpose) {
		check(t, err)
		out = append(out, i)
		// Others can be asked for in between.
		_, _, err = tx.StatusList(t.Context(), "l1")
		check(t, err)
	}
	return out
}

func testTakeRace(t *testing.T, su Suite) {
	st := su.New(t)
	update(t, st, func(ctx context.Context, tx service.Tx) error { return tx.AddList(ctx, ScopeA, statusList("l", 300)) })
	var mu sync.Mutex
	seen := map[int64]bool{}
	parallel(t, 20, func(w int) error {
		for i := range 10 {
			var first, count int64
			err := st.Update(t.Context(), func(tx service.Tx) (err error) {
				if first, count, err = tx.Take(t.Context(), ScopeA, "l", 2); err == nil && (w+i)%4 == 0 {
					err = errRefused // given back: another may have it
				}
				return err
			})
			if errors.Is(err, errRefused) {
				continue
			}
			if err != nil {
				return err
			}
			mu.Lock()
			for j := first; j < first+count; j++ {
				if seen[j] {
					t.Errorf("%d was taken twice", j)
				}
				seen[j] = true
			}
			mu.Unlock()
		}
		return nil
	})
	equal(t, "taken", len(seen), 300)
}

// testBitRace has many set a bit, read all and publish: the last publication holds all.
func testBitRace(t *testing.T, su Suite) {
	st := su.New(t)
	update(t, st, func(ctx context.Context, tx service.Tx) error { return tx.AddList(ctx, ScopeA, statusList("l", 1000)) })
	const n = 60
	parallel(t, n, func(i int) error {
		return st.Update(t.Context(), func(tx service.Tx) error {
			ctx := t.Context()
			if i%2 == 0 {
				if _, err := tx.LockList(ctx, ScopeA, "l"); err != nil {
					return err
				}
			}
			if err := tx.SetBit(ctx, ScopeA, "l", "revocation", int64(i), true); err != nil {
				return err
			}
			var all []int64
			for b, err := range tx.Bits(ctx, ScopeA, "l", "revocation") {
				if err != nil {
					return err
				}
				all = append(all, b)
			}
			if !slices.Contains(all, int64(i)) {
				return fmt.Errorf("bit %d is not among those read after it was set", i)
			}
			return tx.Publish(ctx, ScopeA, "l", "revocation", service.Publication{Bytes: fmt.Appendf(nil, "%d", len(all)), Issued: base, Ends: base.Add(time.Hour)})
		})
	})
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		p, err := tx.Published(ctx, "l", "revocation")
		equal(t, "bits in the last publication", string(p.Bytes), fmt.Sprint(n))
		return err
	})
}

func testPublications(t *testing.T, su Suite) {
	st := su.New(t)
	p := service.Publication{Bytes: []byte(`{"a":"ü"}`), MediaType: "application/vc", Issued: base, Ends: base.Add(time.Hour)}
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		for _, id := range []string{"l1", "l2", "l3"} {
			check(t, tx.AddList(ctx, ScopeA, statusList(id, 10)))
		}
		_, err := tx.Published(ctx, "l1", "revocation")
		want(t, err, service.ErrNotFound)
		want(t, tx.Publish(ctx, ScopeB, "l1", "revocation", p), service.ErrNotFound)
		want(t, tx.Publish(ctx, ScopeA, "none", "revocation", p), service.ErrNotFound)
		check(t, tx.Publish(ctx, ScopeA, "l1", "revocation", p))
		got, err := tx.Published(ctx, "l1", "revocation")
		check(t, err)
		if string(got.Bytes) != string(p.Bytes) || got.MediaType != p.MediaType || !got.Issued.Equal(p.Issued) || !got.Ends.Equal(p.Ends) {
			t.Fatalf("found %+v", got)
		}
		p.Bytes, p.Ends = []byte("2"), base.Add(3*time.Hour)
		check(t, tx.Publish(ctx, ScopeA, "l1", "revocation", p))
		p.Ends = base.Add(2 * time.Hour)
		check(t, tx.Publish(ctx, ScopeA, "l2", "suspension", p))
		p.Ends = base.Add(4 * time.Hour)
		check(t, tx.Publish(ctx, ScopeA, "l3", "revocation", p))
		stale, err := tx.Stale(ctx, base.Add(4*time.Hour), base.Add(5*time.Hour), 10)
		check(t, err)
		equal(t, "stale", fmt.Sprint(stale), fmt.Sprint([]service.StaleList{{Scope: ScopeA, ID: "l2", Purpose: "suspension"}, {Scope: ScopeA, ID: "l1", Purpose: "revocation"}}))
		stale, err = tx.Stale(ctx, base.Add(4*time.Hour), base.Add(5*time.Hour), 1)
		check(t, err)
		equal(t, "stale, one", len(stale), 1)
		stale, err = tx.Stale(ctx, base, base.Add(3*time.Hour), 10)
		equal(t, "ends too late", fmt.Sprint(stale), fmt.Sprint([]service.StaleList{{Scope: ScopeA, ID: "l3", Purpose: "revocation"}}))
		return err
	})
}
