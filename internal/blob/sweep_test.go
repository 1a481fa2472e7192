package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/memstore"
)

// swept is a storage with a clock that goes on when it is told to.
type swept struct {
	service.SweptBlobs
	pass func(d time.Duration)
	// hook is called before and after each request that the sweep makes.
	hook func()
}

func (s *swept) around() func() {
	if s.hook == nil {
		return func() {}
	}
	s.hook()
	return s.hook
}

func (s *swept) Now(ctx context.Context) (time.Time, error) {
	defer s.around()()
	return s.SweptBlobs.Now(ctx)
}

func (s *swept) List(ctx context.Context, after string, n int) ([]service.BlobFile, string, error) {
	defer s.around()()
	return s.SweptBlobs.List(ctx, after, n)
}

func (s *swept) Aside(ctx context.Context, after string, n int) ([]service.BlobFile, string, error) {
	defer s.around()()
	return s.SweptBlobs.Aside(ctx, after, n)
}

func (s *swept) SetAside(ctx context.Context, digest string, before, now time.Time) (bool, error) {
	defer s.around()()
	return s.SweptBlobs.SetAside(ctx, digest, before, now)
}

func (s *swept) PutBack(ctx context.Context, name string) error {
	defer s.around()()
	return s.SweptBlobs.PutBack(ctx, name)
}

func (s *swept) Drop(ctx context.Context, name string) error {
	defer s.around()()
	return s.SweptBlobs.Drop(ctx, name)
}

// sweptDrivers are all drivers, empty.
var sweptDrivers = map[string]func(t testing.TB) *swept{
	"memory": func(testing.TB) *swept {
		now := testStored
		m := NewMemory(testMost)
		m.Clock = func() time.Time { return now }
		return &swept{SweptBlobs: m, pass: func(d time.Duration) { now = now.Add(d) }}
	},
	"directory": func(t testing.TB) *swept {
		d, path := dir(t)
		s := &swept{SweptBlobs: d, pass: func(by time.Duration) { older(t, path, by) }}
		d.moving = func() { s.around() }
		return s
	},
	"S3": func(t testing.TB) *swept {
		server := s3Server(t)
		server.now = testStored
		b := bucket(t, server.URL, nil)
		s := &swept{SweptBlobs: b, pass: func(d time.Duration) {
			server.mu.Lock()
			defer server.mu.Unlock()
			server.now = server.now.Add(d)
		}}
		b.moving = func() { s.around() }
		return s
	},
}

// older makes every file of a directory so much older.
func older(t testing.TB, path string, by time.Duration) {
	t.Helper()
	for _, f := range files(t, path) {
		info, err := os.Stat(f)
		if err == nil {
			at := info.ModTime().Add(-by)
			err = os.Chtimes(f, at, at)
		}
		if a, ok := parseAside(filepath.Base(f)); ok && err == nil {
			err = os.Rename(f, filepath.Join(filepath.Dir(f), asideName(a.Digest, a.At.Add(-by))))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// register is a service that has nothing but a database and files.
type register struct {
	t     *testing.T
	blobs *swept
	store *memstore.Store
	*service.Service
}

func newRegister(t *testing.T, blobs *swept) *register {
	t.Helper()
	ring, err := service.NewKeyRing(service.GenerateMasterKey())
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return testStored }
	r := &register{t: t, blobs: blobs, store: memstore.New(clock)}
	if r.Service, err = service.New(service.Config{Store: r.store, Blobs: blobs, Sealer: ring, Clock: clock, BaseURL: "https://chancery.example"}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *register) put(text string) string {
	r.t.Helper()
	digest, _, err := r.blobs.Put(r.t.Context(), strings.NewReader(text))
	if err != nil {
		r.t.Fatal(err)
	}
	return digest
}

func (r *register) hold(digest string) {
	r.t.Helper()
	if err := r.store.Update(r.t.Context(), func(tx service.Tx) error {
		return service.HoldBlob(r.t.Context(), tx, service.Scope{Tenant: "t", Environment: service.Live}, testStored, digest, "document/x")
	}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *register) sweep(ours bool, want service.Swept) {
	r.t.Helper()
	if got, err := r.Sweep(r.t.Context(), ours); err != nil || got != want {
		r.t.Errorf("expected %+v, found %+v (%v)", want, got, err)
	}
}

// began is a register that has had its files for more than a day.
func began(t *testing.T, blobs *swept) *register {
	t.Helper()
	r := newRegister(t, blobs)
	r.sweep(false, service.Swept{Halted: "the files have been this database's for less than a day"})
	blobs.pass(25 * time.Hour)
	if _, ok := blobs.SweptBlobs.(*Dir); ok { // its files become older, but not the day later
		r.sweep(true, service.Swept{})
	}
	return r
}

func (r *register) there(digest, text string) bool {
	r.t.Helper()
	f, _, err := r.blobs.Get(r.t.Context(), digest)
	if has, herr := r.blobs.Has(r.t.Context(), digest); herr != nil || has != (err == nil) {
		r.t.Errorf("Has: %v, %v; Get: %v", has, herr, err)
	}
	if errors.Is(err, service.ErrNotFound) {
		return false
	}
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || string(b) != text {
		r.t.Errorf("%q, %v", b, err)
	}
	return true
}

// TestSweepOrphans: a file that nobody knows is gone after two days, and not before it is a
// day old; others stay.
func TestSweepOrphans(t *testing.T) {
	for name, driver := range sweptDrivers {
		t.Run(name, func(t *testing.T) {
			b := driver(t)
			r := began(t, b)
			orphan, held := r.put("orphan"), r.put("held")
			r.hold(held)
			b.pass(23 * time.Hour)
			r.sweep(false, service.Swept{Files: 2})
			b.pass(2 * time.Hour)
			r.sweep(false, service.Swept{Files: 2, Aside: 1})
			young := r.put("young")
			b.pass(23 * time.Hour)
			if !r.there(orphan, "orphan") {
				t.Error("it is gone before its time")
			}
			r.sweep(false, service.Swept{Files: 2})
			b.pass(2 * time.Hour)
			r.sweep(false, service.Swept{Files: 2, Aside: 1, Dropped: 1})
			if r.there(orphan, "orphan") || !r.there(held, "held") || !r.there(young, "young") {
				t.Error("expected the orphan alone to be gone")
			}
			// An erasure finds what was set aside.
			if err := b.Delete(t.Context(), young); err != nil || r.there(young, "young") {
				t.Error("what was set aside is not deleted: ", err)
			}
			if left, _, err := b.Aside(t.Context(), "", 10); len(left) != 0 || err != nil {
				t.Error(left, err)
			}
			r.hold(orphan) // what is known and not there is no matter of the sweep
			r.sweep(false, service.Swept{Files: 1})
		})
	}
}

// TestSweepRaces: a file that nobody has known for long is stored again and referred to
// at every place of a round, between any two requests and within them: from when it is
// referred to, it is there.
func TestSweepRaces(t *testing.T) {
	for name, driver := range sweptDrivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stride := map[string]int{"memory": 1, "S3": 2, "directory": 4}[name] // disks take their time
			for _, days := range []int{1, 2} {                                   // it is set aside in the round, or dropped
				for stored := 0; ; stored++ {
					steps := 0
					for committed := stored; ; committed += stride {
						steps = raceAt(t, driver(t), days, stored, committed)
						if committed >= steps || t.Failed() {
							break
						}
					}
					if stored >= steps || t.Failed() {
						break
					}
				}
			}
		})
	}
}

func raceAt(t *testing.T, b *swept, days, stored, committed int) (steps int) {
	r := began(t, b)
	digest := r.put("again")
	for range days {
		b.pass(25 * time.Hour)
		if days == 2 && steps == 0 {
			r.sweep(false, service.Swept{Files: 1, Aside: 1})
			days, steps = 0, 0
		}
	}
	known := false
	b.hook = func() {
		hook := b.hook
		b.hook = nil // what follows is not the sweep's
		defer func() { b.hook = hook }()
		if steps == stored {
			r.put("again")
		}
		if steps == committed {
			r.hold(digest)
			known = true
		}
		if known && !r.there(digest, "again") {
			t.Errorf("stored at %d, referred to at %d: it is not there at %d", stored, committed, steps)
		}
		steps++
	}
	if _, err := r.Sweep(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	b.hook = nil
	if steps <= stored {
		r.put("again")
	}
	if steps <= committed {
		r.hold(digest)
	}
	for range 4 {
		if !r.there(digest, "again") {
			t.Fatalf("stored at %d, referred to at %d of %d: it is gone", stored, committed, steps)
		}
		b.pass(25 * time.Hour)
		if _, err := r.Sweep(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
	if left, _, err := b.Aside(t.Context(), "", 10); len(left) != 0 || err != nil {
		t.Errorf("stored at %d, referred to at %d: set aside still: %v, %v", stored, committed, left, err)
	}
	return steps
}

// TestSweepDatabases: where two databases use the same files, neither takes any.
func TestSweepDatabases(t *testing.T) {
	const other = "another database uses these files, or this one is a copy of an earlier moment"
	for name, driver := range sweptDrivers {
		t.Run(name, func(t *testing.T) {
			b := driver(t)
			first := began(t, b)
			digest := first.put("of the first")
			b.pass(25 * time.Hour)
			second := newRegister(t, b)
			second.sweep(false, service.Swept{Halted: other})
			first.hold(digest)
			first.sweep(false, service.Swept{Halted: other})
			second.sweep(false, service.Swept{Halted: other})
			// One of them is gone.
			first.sweep(true, service.Swept{Files: 1})
			b.pass(25 * time.Hour)
			first.sweep(false, service.Swept{Files: 1})
			if !first.there(digest, "of the first") {
				t.Error("it is gone")
			}
			// It is not gone.
			second.sweep(false, service.Swept{Halted: other})
			first.sweep(false, service.Swept{Halted: other})
		})
	}
}

// TestSweepMany: where a database knows hardly any of the files, it is the wrong one.
func TestSweepMany(t *testing.T) {
	const many = "too many files belong to nobody"
	b := sweptDrivers["memory"](t)
	r := began(t, b)
	var all []string
	for i := range 2300 {
		all = append(all, r.put(fmt.Sprint(i)))
	}
	b.pass(25 * time.Hour)
	for range 3 {
		if got, err := r.Sweep(t.Context(), false); err != nil || got.Halted != many || got.Aside > 2000 || got.Dropped != 0 {
			t.Errorf("%+v, %v", got, err)
		}
		b.pass(25 * time.Hour)
	}
	for i, digest := range all {
		if !r.there(digest, fmt.Sprint(i)) {
			t.Fatal("it is gone")
		}
	}
	r.hold(all[7])
	if got, err := r.Sweep(t.Context(), true); err != nil || got.Halted != "" || got.Aside+got.Dropped != 2299 {
		t.Errorf("%+v, %v", got, err)
	}
	b.pass(25 * time.Hour)
	if got, err := r.Sweep(t.Context(), false); err != nil || got.Files != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if left, _, err := b.Aside(t.Context(), "", 10); len(left) != 0 || err != nil {
		t.Error(left, err)
	}
}

// TestListings: listings are whole, in order and in pages, and name nothing but files.
func TestListings(t *testing.T) {
	for name, driver := range sweptDrivers {
		t.Run(name, func(t *testing.T) { listings(t, driver(t)); asides(t, driver(t)) })
	}
}

func listings(t *testing.T, b service.SweptBlobs) {
	ctx := t.Context()
	var want, aside []string
	now, err := b.Now(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		digest, _, err := b.Put(ctx, strings.NewReader(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, digest)
		if i%3 == 0 {
			if done, err := b.SetAside(ctx, digest, now.Add(time.Hour), now); !done || err != nil {
				t.Fatal(done, err)
			}
			aside, want = append(aside, digest), want[:len(want)-1]
		}
	}
	if err := errors.Join(b.Ready(ctx), b.SetKeeper(ctx, "somebody")); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(aside)
	for _, n := range []int{1, 3, 7, 20, 1000, 5000} {
		for what, list := range map[string]func(context.Context, string, int) ([]service.BlobFile, string, error){"": b.List, "aside": b.Aside} {
			var got []string
			pages := 0
			for after := ""; ; pages++ {
				some, next, err := list(ctx, after, n)
				if err != nil || len(some) > n || pages > 200 {
					t.Fatalf("%d files, page %d: %v", len(some), pages, err)
				}
				for _, f := range some {
					got = append(got, f.Digest)
					if f.At.Sub(now).Abs() > time.Minute {
						t.Errorf("at %v, now %v", f.At, now)
					}
				}
				if after = next; next == "" {
					break
				}
			}
			if expect := map[string][]string{"": want, "aside": aside}[what]; !slices.Equal(got, expect) {
				t.Errorf("%s in pages of %d: %d, expected %d", what, n, len(got), len(expect))
			}
		}
	}
	if k, err := b.Keeper(ctx); k != "somebody" || err != nil {
		t.Error(k, err)
	}
	if b.SetKeeper(ctx, strings.Repeat("x", 101)) == nil {
		t.Error("a keeper of any length")
	}
	if done, err := b.SetAside(ctx, want[0], now, now); done || err != nil {
		t.Error("a new file was set aside: ", err)
	}
	for _, hostile := range []string{"", "../x", want[0], want[0] + "-", want[0] + "-1", want[0] + "-00000000001", want[0] + "--000000001", want[0] + "-0000000001/..", strings.Repeat("../", 21) + "a-0000000001"} {
		if b.PutBack(ctx, hostile) == nil || b.Drop(ctx, hostile) == nil {
			t.Errorf("%q was taken for a name", hostile)
		}
	}
	if none := aside[0] + "-0000000001"; b.PutBack(ctx, none) != nil || b.Drop(ctx, none) != nil {
		t.Error("what is not there cannot be put back or dropped")
	}
}

// asides sets files aside, reads them there, and puts them back.
func asides(t *testing.T, b service.SweptBlobs) {
	ctx := t.Context()
	now, err := b.Now(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "put back", "stored again", "deleted", "dropped"} {
		digest, _, err := b.Put(ctx, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if done, err := b.SetAside(ctx, digest, now.Add(time.Hour), now); !done || err != nil {
			t.Fatal(text, done, err)
		}
		if again, err := b.SetAside(ctx, digest, now.Add(time.Hour), now); again || err != nil {
			t.Error(text, again, err)
		}
		name := asideName(digest, now)
		switch text {
		case "stored again":
			if _, _, err := b.Put(ctx, strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
			fallthrough
		case "", "put back":
			err = b.PutBack(ctx, name)
		case "deleted":
			err = b.Delete(ctx, digest)
		case "dropped":
			err = b.Drop(ctx, name)
		}
		gone := text == "deleted" || text == "dropped"
		if has, herr := b.Has(ctx, digest); err != nil || herr != nil || has == gone {
			t.Errorf("%q: %v, %v, there %v", text, err, herr, has)
		}
		r, _, err := b.Get(ctx, digest)
		if gone != errors.Is(err, service.ErrNotFound) || !gone && err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if !gone {
			if got, err := io.ReadAll(r); string(got) != text || err != nil {
				t.Errorf("%q: %q, %v", text, got, err)
			}
			r.Close()
		}
	}
}

// TestSweepAtOnce: several processes, and a command beside them, do rounds at once. None
// takes another for a stranger, and what is known stays.
func TestSweepAtOnce(t *testing.T) {
	for name, driver := range sweptDrivers {
		t.Run(name, func(t *testing.T) {
			b := driver(t)
			r := began(t, b)
			var held []string
			for i := range 60 {
				digest := r.put(fmt.Sprint(i))
				if i%2 == 0 {
					r.hold(digest)
					held = append(held, digest)
				}
			}
			for range 3 {
				b.pass(25 * time.Hour)
				var all sync.WaitGroup
				for range 4 {
					all.Go(func() {
						if got, err := r.Sweep(t.Context(), false); err != nil && !errors.Is(err, service.ErrConflict) || got.Halted != "" {
							t.Errorf("%+v, %v", got, err)
						}
					})
				}
				all.Wait()
			}
			r.sweep(false, service.Swept{Files: int64(len(held))})
			for i, digest := range held {
				if !r.there(digest, fmt.Sprint(2*i)) {
					t.Error("it is gone")
				}
			}
		})
	}
}
