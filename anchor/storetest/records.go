package storetest

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/evidence"
)

func testUpdate(t *testing.T, su Suite) {
	s, ctx := su.New(t), t.Context()
	add(t, s, Items("a", 2))
	seal(t, s, 0, 0, 1)
	seal(t, s, 1, 1, 1)
	r, err := s.Record(ctx, 0)
	check(t, err)
	stale, err := s.Record(ctx, 0)
	check(t, err)
	r.State, r.Txs, r.From = anchor.Sent, []anchor.Tx{{Hash: [32]byte{1}, Raw: []byte{2, 3}, Time: base}}, 7
	check(t, s.Update(ctx, r))
	stale.State = anchor.Final
	want(t, s.Update(ctx, stale), anchor.ErrConflict)
	got, err := s.Record(ctx, 0)
	check(t, err)
	if got.State != anchor.Sent || len(got.Txs) != 1 || !bytes.Equal(got.Txs[0].Raw, []byte{2, 3}) || !got.Txs[0].Time.Equal(base) || got.From != 7 || got.Version != r.Version {
		t.Fatalf("found record %+v", got)
	}
	r.State, r.Done, r.Token = anchor.Final, true, []byte("token")
	r.Place = &anchor.Place{Block: evidence.Block{Number: 5, Hash: [32]byte{5}}, TxIndex: 3, Time: base}
	r.Eth = &evidence.Eth{ChainID: 1, GenesisHash: [32]byte{8}, Tx: evidence.NewPart([]byte{1, 2, 3}), Pack: &evidence.Part{SHA256: [32]byte{4}, Bytes: []byte{4}}}
	r.FinalBy = &evidence.Block{Number: 32, Hash: [32]byte{32}}
	check(t, s.Update(ctx, r))
	open, err := s.Open(ctx)
	check(t, err)
	if len(open) != 1 || open[0] != 1 {
		t.Fatalf("expected batch 1 open, found %v", open)
	}
	got, err = s.Record(ctx, 0)
	check(t, err)
	if !got.Done || got.Place == nil || got.Place.Block != r.Place.Block || got.Eth == nil || got.Eth.Pack == nil || got.Eth.Pack.SHA256 != r.Eth.Pack.SHA256 ||
		got.Eth.Tx.SHA256 != r.Eth.Tx.SHA256 || !bytes.Equal(got.Eth.Tx.Bytes, r.Eth.Tx.Bytes) || *got.FinalBy != *r.FinalBy || string(got.Token) != "token" {
		t.Fatalf("found record %+v", got)
	}
}

func testReserve(t *testing.T, su Suite) {
	s, ctx := su.New(t), t.Context()
	add(t, s, Items("a", 5))
	a, b := anchor.Account{ChainID: 1, Address: [20]byte{1}}, anchor.Account{ChainID: 2, Address: [20]byte{1}}
	reserve := func(seq uint64, acc anchor.Account, floor, expected uint64) *anchor.Record {
		t.Helper()
		r, err := s.Record(ctx, seq)
		check(t, err)
		r, err = s.Reserve(ctx, r, acc, floor)
		check(t, err)
		if !r.HasNonce || r.Nonce != expected || r.Account != acc {
			t.Fatalf("expected nonce %d, found %+v", expected, r)
		}
		stored, err := s.Record(ctx, seq)
		check(t, err)
		if stored.Nonce != expected || !stored.HasNonce || stored.Version != r.Version {
			t.Fatalf("stored %+v", stored)
		}
		return r
	}
	for i := range uint64(5) {
		seal(t, s, i, i, 1)
	}
	reserve(0, a, 3, 3)
	reserve(0, a, 9, 3) // keeps it
	reserve(1, a, 0, 4)
	reserve(2, b, 0, 0) // another account
	reserve(3, a, 7, 7)
	// A nonce that was given up is not given out again.
	r, err := s.Record(ctx, 3)
	check(t, err)
	r.Dead, r.HasNonce, r.Nonce = []anchor.Spent{{Nonce: 7}}, false, 0
	check(t, s.Update(ctx, r))
	reserve(4, a, 0, 8)
	stale, err := s.Record(ctx, 3)
	check(t, err)
	reserve(3, a, 0, 9)
	_, err = s.Reserve(ctx, stale, a, 0)
	want(t, err, anchor.ErrConflict)
}

func testReserveRace(t *testing.T, su Suite) {
	s, ctx := su.New(t), t.Context()
	const n = 8
	add(t, s, Items("a", n))
	for i := range uint64(n) {
		seal(t, s, i, i, 1)
	}
	var wg sync.WaitGroup
	for i := range uint64(n) {
		for range 3 {
			wg.Go(func() {
				r, err := s.Record(ctx, i)
				if err == nil && !r.HasNonce {
					_, err = s.Reserve(ctx, r, anchor.Account{ChainID: 1}, 0)
				}
				if err != nil && !errors.Is(err, anchor.ErrConflict) {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	seen := map[uint64]bool{}
	for i := range uint64(n) {
		r, err := s.Record(ctx, i)
		check(t, err)
		if !r.HasNonce || r.Nonce >= n || seen[r.Nonce] {
			t.Fatalf("batch %d has nonce %d: used twice, or others were skipped", i, r.Nonce)
		}
		seen[r.Nonce] = true
	}
}

func testErase(t *testing.T, su Suite) {
	s, ctx := su.New(t), t.Context()
	items := Items("a", 4)
	add(t, s, items[:2])
	add(t, s, items[2:])
	want(t, s.Erase(ctx, items[1].ID), anchor.ErrPending)
	seal(t, s, 0, 0, 3)
	check(t, s.Erase(ctx, items[1].ID))
	check(t, s.Erase(ctx, items[1].ID)) // again
	want(t, s.Erase(ctx, items[3].ID), anchor.ErrPending)
	it, pos, err := s.Item(ctx, items[1].ID)
	check(t, err)
	if !it.Erased() || pos != 1 || it.ID != items[1].ID {
		t.Fatalf("found %+v", it)
	}
	more := Items("b", 1)
	add(t, s, more)
	i := 0
	for it, err := range s.Items(ctx, 0, 5) {
		check(t, err)
		switch i {
		case 1:
			if !it.Erased() {
				t.Fatal("not erased")
			}
		case 4:
			same(t, it, more[0])
		default:
			same(t, it, items[i])
		}
		i++
	}
	if i != 5 {
		t.Fatalf("expected 5 items, found %d", i)
	}
	if su.Reopen != nil {
		s = su.Reopen(t, s)
		if it, _, err := s.Item(ctx, items[1].ID); err != nil || !it.Erased() {
			t.Fatal("the item came back", err)
		}
	}
}
