// Package storetest holds the checks that every implementation of anchor.Store passes.
package storetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/proof/merkle"
)

// Suite makes stores. Each function is called several times in a test.
type Suite struct {
	// New returns an empty store.
	New func(t *testing.T) anchor.Store
	// Reopen ends the use of a store as a crash would, and returns one over the same
	// data. Nil: the store is not durable, and what needs this is skipped.
	Reopen func(t *testing.T, s anchor.Store) anchor.Store
}

var base = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// Items returns n items with IDs that begin with prefix.
func Items(prefix string, n int) []anchor.Item {
	out := make([]anchor.Item, n)
	for i := range out {
		id := fmt.Sprintf("%s-%d", prefix, i)
		digest, salt := sha256.Sum256([]byte(id)), sha256.Sum256([]byte("salt "+id))
		out[i] = anchor.Item{
			ID: id, Salt: salt[:], Added: base.Add(time.Duration(i) * time.Second),
			Subject: evidence.Subject{Type: evidence.SubjectStamp, DigestAlg: "sha-256", Digest: digest[:]},
		}
	}
	return out
}

// Record returns a record of a batch, and leaves for it. Its signature verifies under no
// key, which stores do not look at.
func Record(t *testing.T, seq, first, size uint64) (*anchor.Record, [][]byte) {
	t.Helper()
	leaves := bytes.Repeat([]byte{byte(seq), byte(first)}, int(size)*16)
	tree, err := merkle.FromLeafHashes(merkle.SHA256, bytes.Clone(leaves))
	if err != nil {
		t.Fatal(err)
	}
	r := &anchor.Record{Seq: seq, First: first, Size: size, State: anchor.Sealed, SealedAt: base}
	r.Signed = evidence.SignedHeader{
		Header:    evidence.Header{Issuer: "did:web:store.example", Seq: seq, Size: size, Time: base.Truncate(time.Second), Roots: []evidence.Root{{Alg: "sha-256", Root: tree.Root()}}},
		Signature: evidence.Signature{Alg: "Ed25519", Method: "did:web:store.example#1", Value: make([]byte, 64)},
	}
	if seq > 0 {
		r.Signed.Header.Prev = bytes.Repeat([]byte{byte(seq)}, 32)
	}
	if r.Digest, err = r.Signed.Digest(); err != nil {
		t.Fatal(err)
	}
	return r, [][]byte{leaves}
}

// Run runs all checks.
func Run(t *testing.T, su Suite) {
	for _, c := range []struct {
		name string
		f    func(*testing.T, Suite)
	}{
		{"Empty", testEmpty}, {"Add", testAdd}, {"AddTwice", testAddTwice}, {"Seal", testSeal}, {"SealConflict", testSealConflict},
		{"Update", testUpdate}, {"Reserve", testReserve}, {"ReserveRace", testReserveRace}, {"Erase", testErase}, {"Copies", testCopies},
		{"Writers", testWriters}, {"Durable", testDurable}, {"Range", testRange},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(t, su) })
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err, sentinel error) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("expected %v, found %v", sentinel, err)
	}
}

func add(t *testing.T, s anchor.Store, items []anchor.Item) []anchor.Item {
	t.Helper()
	out, err := s.Add(t.Context(), items)
	check(t, err)
	if len(out) != len(items) {
		t.Fatalf("expected %d items, found %d", len(items), len(out))
	}
	return out
}

func seal(t *testing.T, s anchor.Store, seq, first, size uint64) *anchor.Record {
	t.Helper()
	r, leaves := Record(t, seq, first, size)
	check(t, s.Seal(t.Context(), r, leaves))
	return r
}

func same(t *testing.T, got, want anchor.Item) {
	t.Helper()
	if got.ID != want.ID || !got.Added.Equal(want.Added) || !bytes.Equal(got.Salt, want.Salt) ||
		got.Subject.Type != want.Subject.Type || got.Subject.DigestAlg != want.Subject.DigestAlg || !bytes.Equal(got.Subject.Digest, want.Subject.Digest) {
		t.Fatalf("expected item %+v, found %+v", want, got)
	}
}

func testEmpty(t *testing.T, su Suite) {
	s, ctx := su.New(t), t.Context()
	q, err := s.Queue(ctx)
	check(t, err)
	if q != (anchor.Queue{}) {
		t.Fatalf("expected an empty queue, found %+v", q)
	}
	_, _, err = s.Item(ctx, "none")
	want(t, err, anchor.ErrNotFound)
	_, err = s.Record(ctx, 0)
	want(t, err, anchor.ErrNotFound)
	_, err = s.Leaves(ctx, 0)
	want(t, err, anchor.ErrNotFound)
	_, err = s.Holding(ctx, 0)
	want(t, err, anchor.ErrPending)
	want(t, s.Erase(ctx, "none"), anchor.ErrNotFound)
	r, leaves := Record(t, 0, 0, 1)
	want(t, s.Seal(ctx, r, leaves), anchor.ErrConflict)
	want(t, s.Update(ctx, r), anchor.ErrNotFound)
	if open, err := s.Open(ctx); err != nil || len(open) != 0 {
		t.Fatal(open, err)
	}
	if d, err := s.Digests(ctx, 0); err != nil || len(d) != 0 {
		t.Fatal(d, err)
	}
	for _, err := range s.Items(ctx, 0, 1) {
		want(t, err, anchor.ErrNotFound)
	}
}

func testAdd(t *testing.T, su Suite) {
	s, ctx := su.New(t), t.Context()
	items := Items("a", 5)
	for i, it := range add(t, s, items) {
		same(t, it, items[i])
	}
	q, err := s.Queue(ctx)
	check(t, err)
	if q.First != 0 || q.Size != 5 || q.Seq != 0 || !q.Oldest.Equal(items[0].Added) {
		t.Fatalf("found queue %+v", q)
	}
	for i, w := range items {
		it, pos, err := s.Item(ctx, w.ID)
		check(t, err)
		if pos != uint64(i) {
			t.Fatalf("expected position %d, found %d", i, pos)
		}
		same(t, it, w)
	}
}

func testAddTwice(t *testing.T, su Suite) {
	s, ctx := su.New(t), t.Context()
	items := Items("a", 3)
	add(t, s, items[:2])
	again := Items("other", 3)
	again[0].ID, again[1].ID = items[1].ID, items[2].ID // one is there, one is new
	again[2] = again[1]                                 // and comes twice in one call
	again[2].Salt = bytes.Repeat([]byte{9}, 32)
	out := add(t, s, again)
	same(t, out[0], items[1])
	same(t, out[1], again[1])
	same(t, out[2], again[1])
	q, err := s.Queue(ctx)
	check(t, err)
	if q.Size != 3 {
		t.Fatalf("expected 3 items, found %d", q.Size)
	}
}

func testSeal(t *testing.T, su Suite) {
	s, ctx := su.New(t), t.Context()
	items := Items("a", 10)
	add(t, s, items)
	r0 := seal(t, s, 0, 0, 4)
	q, err := s.Queue(ctx)
	check(t, err)
	if q.First != 4 || q.Size != 6 || q.Seq != 1 || !q.Oldest.Equal(items[4].Added) {
		t.Fatalf("found queue %+v", q)
	}
	r1 := seal(t, s, 1, 4, 6)
	if q, err = s.Queue(ctx); err != nil || q.Size != 0 || !q.Oldest.IsZero() || q.First != 10 || q.Seq != 2 {
		t.Fatalf("found queue %+v, %v", q, err)
	}
	for pos, seq := range []uint64{0, 0, 0, 0, 1, 1, 1, 1, 1, 1} {
		got, err := s.Holding(ctx, uint64(pos))
		check(t, err)
		if got != seq {
			t.Fatalf("position %d: expected batch %d, found %d", pos, seq, got)
		}
	}
	_, err = s.Holding(ctx, 10)
	want(t, err, anchor.ErrPending)
	d, err := s.Digests(ctx, 0)
	check(t, err)
	if len(d) != 2 || d[0] != r0.Digest || d[1] != r1.Digest {
		t.Fatal("digests differ")
	}
	if d, err = s.Digests(ctx, 1); err != nil || len(d) != 1 || d[0] != r1.Digest {
		t.Fatal("digests from 1 differ")
	}
	_, leaves := Record(t, 1, 4, 6)
	got, err := s.Leaves(ctx, 1)
	check(t, err)
	if len(got) != 1 || !bytes.Equal(got[0], leaves[0]) {
		t.Fatal("leaves differ")
	}
	rec, err := s.Record(ctx, 1)
	check(t, err)
	if rec.Digest != r1.Digest || rec.First != 4 || rec.Size != 6 || rec.State != anchor.Sealed || rec.Version != r1.Version {
		t.Fatalf("found record %+v", rec)
	}
	// An item that comes back after the queue was empty starts a new age.
	late := Items("late", 1)
	late[0].Added = base.Add(time.Hour)
	add(t, s, late)
	if q, err = s.Queue(ctx); err != nil || !q.Oldest.Equal(late[0].Added) || q.Size != 1 {
		t.Fatalf("found queue %+v, %v", q, err)
	}
}

func testSealConflict(t *testing.T, su Suite) {
	s, ctx := su.New(t), t.Context()
	add(t, s, Items("a", 4))
	seal(t, s, 0, 0, 2)
	for _, c := range []struct{ seq, first, size uint64 }{{0, 0, 2}, {0, 2, 2}, {1, 0, 2}, {1, 1, 2}, {1, 3, 1}, {2, 2, 2}, {1, 2, 3}} {
		r, leaves := Record(t, c.seq, c.first, c.size)
		want(t, s.Seal(ctx, r, leaves), anchor.ErrConflict)
	}
	seal(t, s, 1, 2, 2)
}

// testCopies changes what was given and what was read.
func testCopies(t *testing.T, su Suite) {
	s, ctx := su.New(t), t.Context()
	items := Items("a", 2)
	orig := Items("a", 2)
	out := add(t, s, items)
	for i := range items {
		items[i].Salt[0] ^= 1
		out[i].Subject.Digest[0] ^= 1
	}
	it, _, err := s.Item(ctx, "a-0")
	check(t, err)
	same(t, it, orig[0])
	it.Salt[0] ^= 1
	it, _, err = s.Item(ctx, "a-0")
	check(t, err)
	same(t, it, orig[0])
	r, leaves := Record(t, 0, 0, 2)
	check(t, s.Seal(ctx, r, leaves))
	leaves[0][0] ^= 1
	got, err := s.Leaves(ctx, 0)
	check(t, err)
	if bytes.Equal(got[0], leaves[0]) {
		t.Fatal("the store shares the caller's leaves")
	}
	r1, err := s.Record(ctx, 0)
	check(t, err)
	r1.Signed.Header.Roots[0].Root[0] ^= 1
	r2, err := s.Record(ctx, 0)
	check(t, err)
	if bytes.Equal(r1.Signed.Header.Roots[0].Root, r2.Signed.Header.Roots[0].Root) {
		t.Fatal("records share memory")
	}
}

func testWriters(t *testing.T, su Suite) {
	s, ctx := su.New(t), t.Context()
	var wg sync.WaitGroup
	const writers, each = 8, 20
	for w := range writers {
		wg.Go(func() {
			for _, it := range Items(fmt.Sprint("w", w), each) {
				if _, err := s.Add(ctx, []anchor.Item{it}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[uint64]bool{}
	for w := range writers {
		last := uint64(0)
		for i, it := range Items(fmt.Sprint("w", w), each) {
			got, pos, err := s.Item(ctx, it.ID)
			check(t, err)
			same(t, got, it)
			if seen[pos] || i > 0 && pos <= last {
				t.Fatalf("position %d is used twice or out of order", pos)
			}
			seen[pos], last = true, pos
		}
	}
	if q, err := s.Queue(ctx); err != nil || q.Size != writers*each {
		t.Fatalf("found queue %+v, %v", q, err)
	}
}

func testDurable(t *testing.T, su Suite) {
	if su.Reopen == nil {
		t.Skip("the store is not durable")
	}
	s, ctx := su.New(t), t.Context()
	items := Items("a", 6)
	add(t, s, items)
	seal(t, s, 0, 0, 4)
	s = su.Reopen(t, s)
	r, err := s.Record(ctx, 0)
	check(t, err)
	r, err = s.Reserve(ctx, r, anchor.Account{ChainID: 1}, 5)
	check(t, err)
	s = su.Reopen(t, s)
	r.State = anchor.Sent
	check(t, s.Update(ctx, r))
	s = su.Reopen(t, s)
	got, err := s.Record(ctx, 0)
	check(t, err)
	if got.State != anchor.Sent || got.Nonce != 5 || !got.HasNonce || got.Version != r.Version {
		t.Fatalf("found record %+v", got)
	}
	if q, err := s.Queue(ctx); err != nil || q.First != 4 || q.Size != 2 || q.Seq != 1 || !q.Oldest.Equal(items[4].Added) {
		t.Fatalf("found queue %+v, %v", q, err)
	}
	same(t, add(t, s, items[:1])[0], items[0])
	seal(t, s, 1, 4, 2)
	s = su.Reopen(t, s)
	r1, err := s.Record(ctx, 1)
	check(t, err)
	if r1, err = s.Reserve(ctx, r1, anchor.Account{ChainID: 1}, 0); err != nil || r1.Nonce != 6 {
		t.Fatalf("expected nonce 6, found %+v, %v", r1, err)
	}
}

func testRange(t *testing.T, su Suite) {
	s, ctx := su.New(t), t.Context()
	items := Items("a", 300)
	for i := 0; i < len(items); i += 60 {
		add(t, s, items[i:i+60])
	}
	for _, c := range []struct{ from, n int }{{0, 300}, {59, 2}, {60, 60}, {299, 1}, {100, 0}, {17, 200}} {
		i := c.from
		for it, err := range s.Items(ctx, uint64(c.from), uint64(c.n)) {
			check(t, err)
			same(t, it, items[i])
			i++
		}
		if i != c.from+c.n {
			t.Fatalf("expected %d items from %d, found %d", c.n, c.from, i-c.from)
		}
	}
	n := 0
	for _, err := range s.Items(ctx, 290, 20) {
		if n++; n <= 10 {
			check(t, err)
		} else {
			want(t, err, anchor.ErrNotFound)
		}
	}
	if n != 11 {
		t.Fatalf("expected 10 items and an error, found %d", n)
	}
}
