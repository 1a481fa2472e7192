package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

func testGetList(t *testing.T, su Suite) {
	st := su.New(t)
	put(t, st, record("i"))
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		for n, s := range []service.Scope{ScopeA, ScopeA, ScopeB} {
			hook := record(fmt.Sprint("hook", n))
			hook.Kind, hook.Lookup = service.KindWebhook, ""
			check(t, tx.Put(ctx, s, hook))
		}
		return nil
	})
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		r, list, err := tx.GetList(ctx, ScopeA, service.KindIssuer, "i", service.KindWebhook)
		check(t, err)
		one, err := tx.Get(ctx, ScopeA, service.KindIssuer, "i")
		check(t, err)
		equal(t, "the one", fmt.Sprintf("%+v", r), fmt.Sprintf("%+v", one))
		var ids []string
		for _, r := range list {
			equal(t, "kind", r.Kind, service.KindWebhook)
			ids = append(ids, r.ID)
		}
		slices.Sort(ids)
		equal(t, "the others", strings.Join(ids, " "), "hook0 hook1")
		r, list, err = tx.GetList(ctx, ScopeA, service.KindWebhook, "hook1", service.KindIssuer)
		check(t, err)
		equal(t, "the other way", r.ID+" "+list[0].ID, "hook1 i")
		_, _, err = tx.GetList(ctx, ScopeA, service.KindIssuer, "hook0", service.KindWebhook)
		want(t, err, service.ErrNotFound)
		_, _, err = tx.GetList(ctx, ScopeB, service.KindIssuer, "i", service.KindWebhook)
		want(t, err, service.ErrNotFound)
		_, list, err = tx.GetList(ctx, ScopeA, service.KindIssuer, "i", service.KindMail)
		check(t, err)
		equal(t, "of none", len(list), 0)
		return nil
	})
}

func testRecords(t *testing.T, su Suite) {
	st := su.New(t)
	r := record("x")
	r.Parent = "p"
	put(t, st, r)
	want(t, try(t, st, func(ctx context.Context, tx service.Tx) error { return tx.Put(ctx, ScopeA, r) }), service.ErrExists)
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		got, err := tx.Get(ctx, ScopeA, service.KindIssuer, "x")
		check(t, err)
		if got.Version != 1 || got.Parent != "p" || !got.Created.Equal(base) || got.Created.Location() != time.UTC || string(got.Body) != string(r.Body) {
			t.Fatalf("found %+v", got)
		}
		got.Created, got.Updated, got.Body = base.Add(time.Hour), base.Add(time.Minute+999*time.Nanosecond), []byte(`{"new":true}`)
		return tx.Put(ctx, ScopeA, got)
	})
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		got, err := tx.Get(ctx, ScopeA, service.KindIssuer, "x")
		check(t, err)
		if got.Version != 2 || !got.Created.Equal(base) || !got.Updated.Equal(base.Add(time.Minute)) || string(got.Body) != `{"new":true}` {
			t.Fatalf("found %+v", got)
		}
		got.Body[0] = 'x' // a copy
		got.Version = 1
		want(t, tx.Put(ctx, ScopeA, got), service.ErrConflict)
		got.Version = 3
		want(t, tx.Put(ctx, ScopeA, got), service.ErrConflict)
		got.ID = "none"
		want(t, tx.Put(ctx, ScopeA, got), service.ErrNotFound)
		want(t, tx.Delete(ctx, ScopeA, service.KindIssuer, "none"), service.ErrNotFound)
		want(t, tx.Delete(ctx, ScopeB, service.KindIssuer, "x"), service.ErrNotFound)
		_, err = tx.Get(ctx, ScopeA, service.KindType, "x")
		want(t, err, service.ErrNotFound)
		other := got
		other.ID, other.Version, other.Body = "x", 0, []byte(`{"other":true}`)
		check(t, tx.PutNew(ctx, ScopeA, other)) // it is there: nothing happens
		other.ID = "put-new"
		other.Lookup = ""
		check(t, tx.PutNew(ctx, ScopeA, other))
		check(t, tx.PutNew(ctx, ScopeA, other))
		return nil // what failed has changed nothing, and the rest goes on
	})
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		got, err := tx.Get(ctx, ScopeA, service.KindIssuer, "x")
		check(t, err)
		equal(t, "body", string(got.Body), `{"new":true}`)
		got, err = tx.Get(ctx, ScopeA, service.KindIssuer, "put-new")
		check(t, err)
		equal(t, "body", string(got.Body), `{"other":true}`)
		equal(t, "version", got.Version, int64(1))
		return tx.Delete(ctx, ScopeA, service.KindIssuer, "put-new")
	})
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		got, err := tx.Get(ctx, ScopeA, service.KindIssuer, "x")
		check(t, err)
		equal(t, "body", string(got.Body), `{"new":true}`)
		scopes, err := tx.Scopes(ctx, service.KindIssuer)
		check(t, err)
		if len(scopes) != 1 || scopes[0] != ScopeA {
			t.Fatalf("found %v", scopes)
		}
		check(t, tx.Delete(ctx, ScopeA, service.KindIssuer, "x"))
		scopes, err = tx.Scopes(ctx, service.KindIssuer)
		equal(t, "scopes", len(scopes), 0)
		return err
	})
	put(t, st, r) // the id is free again
}

func testRecordPages(t *testing.T, su Suite) {
	st := su.New(t)
	const n = 23
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		for i := range n {
			r := record(fmt.Sprintf("r%02d", i))
			r.Created = base.Add(time.Duration(i/3) * time.Microsecond) // several at once
			if i%2 == 0 {
				r.Parent = "even"
			}
			check(t, tx.Put(ctx, ScopeA, r))
		}
		return tx.Put(ctx, ScopeB, record("foreign"))
	})
	even, none := "even", ""
	for _, c := range []struct {
		parent *string
		total  int
	}{{nil, n}, {&even, 12}, {&none, 11}} {
		for _, limit := range []int{1, 5, 12, n, 1000} {
			view(t, st, func(ctx context.Context, tx service.Tx) error {
				var ids []string
				for p := (service.Page{Limit: limit, WithTotal: true}); ; {
					l, err := tx.List(ctx, ScopeA, service.KindIssuer, c.parent, p)
					check(t, err)
					equal(t, "total", l.Total, int64(c.total))
					if len(l.Items) > limit {
						t.Fatalf("expected at most %d, found %d", limit, len(l.Items))
					}
					for _, r := range l.Items {
						ids = append(ids, r.ID)
					}
					if l.Next == "" {
						break
					}
					p.Cursor = l.Next
				}
				if len(ids) != c.total {
					t.Fatalf("expected %d, found %v", c.total, ids)
				}
				for i := 1; i < len(ids); i++ {
					if ids[i] >= ids[i-1] {
						t.Fatalf("out of order: %v", ids)
					}
				}
				l, err := tx.List(ctx, ScopeA, service.KindIssuer, c.parent, service.Page{})
				equal(t, "total that was not asked for", l.Total, -1)
				return err
			})
		}
	}
}

func testBadCursors(t *testing.T, su Suite) {
	st := su.New(t)
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		for _, id := range []string{"a", "b", "c"} {
			check(t, tx.Put(ctx, ScopeA, record(id)))
			check(t, tx.AddCredential(ctx, ScopeA, credential(id)))
		}
		return nil
	})
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		l, err := tx.List(ctx, ScopeA, service.KindIssuer, nil, service.Page{Limit: 1})
		check(t, err)
		cl, err := tx.Credentials(ctx, ScopeA, service.CredentialQuery{Oldest: true}, service.Page{Limit: 1})
		check(t, err)
		parent := "p"
		for _, f := range []func() error{
			func() error {
				_, err := tx.List(ctx, ScopeB, service.KindIssuer, nil, service.Page{Cursor: l.Next})
				return err
			},
			func() error {
				_, err := tx.List(ctx, ScopeA, service.KindType, nil, service.Page{Cursor: l.Next})
				return err
			},
			func() error {
				_, err := tx.List(ctx, ScopeA, service.KindIssuer, &parent, service.Page{Cursor: l.Next})
				return err
			},
			func() error {
				_, err := tx.Credentials(ctx, ScopeA, service.CredentialQuery{}, service.Page{Cursor: l.Next})
				return err
			},
			func() error {
				_, err := tx.Credentials(ctx, ScopeA, service.CredentialQuery{}, service.Page{Cursor: cl.Next})
				return err
			},
			func() error { _, err := tx.Audit(ctx, ScopeA, service.Page{Cursor: l.Next}); return err },
			func() error { _, err := tx.Verifications(ctx, ScopeA, service.Page{Cursor: "AAAA"}); return err },
		} {
			wantCode(t, f(), service.CodeParameter)
		}
		for _, bad := range []string{"x", "!", l.Next + "=", l.Next[:4], strings.Repeat("A", 10000), "\x00", "ä", "' OR 1=1 --"} {
			_, err := tx.List(ctx, ScopeA, service.KindIssuer, nil, service.Page{Cursor: bad})
			wantCode(t, err, service.CodeParameter)
		}
		return nil
	})
}

func wantCode(t *testing.T, err error, code service.Code) {
	t.Helper()
	var e *service.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("expected %s, found %v", code, err)
	}
}

func testText(t *testing.T, su Suite) {
	st := su.New(t)
	for _, id := range []string{"O'Brien", `"; DROP TABLE record; --`, "$1", "%_\\", "ÄÖ語🙂", strings.Repeat("long", 200), " "} {
		r := record("x")
		r.ID, r.Lookup, r.Body = id, "l"+id, []byte(`"`+strings.Repeat("ü", 5000)+`"`)
		put(t, st, r)
		view(t, st, func(ctx context.Context, tx service.Tx) error {
			_, got, err := tx.Find(ctx, service.KindIssuer, "l"+id)
			check(t, err)
			equal(t, "id", got.ID, id)
			equal(t, "body", string(got.Body), string(r.Body))
			return nil
		})
	}
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		for _, id := range []string{"a\x00b", "\xff", "x\xc3"} { // what nobody can have stored
			_, err := tx.Get(ctx, ScopeA, service.KindIssuer, id)
			want(t, err, service.ErrNotFound)
			_, _, err = tx.PublicCredential(ctx, id)
			want(t, err, service.ErrNotFound)
		}
		return nil
	})
}

func testLookup(t *testing.T, su Suite) {
	st := su.New(t)
	r := record("x")
	r.Lookup = "name"
	put(t, st, r)
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		s, got, err := tx.Find(ctx, service.KindIssuer, "name")
		check(t, err)
		equal(t, "scope", s, ScopeA)
		equal(t, "id", got.ID, "x")
		for _, no := range []string{"", "Name", "nam", "name "} {
			_, _, err = tx.Find(ctx, service.KindIssuer, no)
			want(t, err, service.ErrNotFound)
		}
		_, _, err = tx.Find(ctx, service.KindType, "name")
		want(t, err, service.ErrNotFound)
		return nil
	})
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		other := record("y")
		other.Lookup = "name"
		want(t, tx.Put(ctx, ScopeC, other), service.ErrExists) // in any scope
		other.Kind = service.KindType
		check(t, tx.Put(ctx, ScopeC, other)) // of another kind
		check(t, tx.Put(ctx, ScopeC, record("without")))
		check(t, tx.Put(ctx, ScopeC, record("without too")))
		check(t, tx.Delete(ctx, ScopeA, service.KindIssuer, "x"))
		other.Kind = service.KindIssuer
		return tx.Put(ctx, ScopeC, other) // it is free now
	})
}

func testLookupChange(t *testing.T, su Suite) {
	st := su.New(t)
	a, b := record("a"), record("b")
	a.Lookup, b.Lookup = "one", "two"
	put(t, st, a)
	put(t, st, b)
	a.Version, a.Lookup = 1, "two"
	want(t, try(t, st, func(ctx context.Context, tx service.Tx) error { return tx.Put(ctx, ScopeA, a) }), service.ErrExists)
	// Also where the function does not mind: nothing is committed.
	want(t, try(t, st, func(ctx context.Context, tx service.Tx) error {
		_ = tx.Put(ctx, ScopeA, a)
		return nil
	}), service.ErrExists)
	a.Lookup = "three"
	put(t, st, a)
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		_, _, err := tx.Find(ctx, service.KindIssuer, "one")
		want(t, err, service.ErrNotFound)
		_, got, err := tx.Find(ctx, service.KindIssuer, "three")
		equal(t, "id", got.ID, "a")
		return err
	})
}

// testRecordRace has many change one record by compared versions: none is lost.
func testRecordRace(t *testing.T, su Suite) {
	st := su.New(t)
	put(t, st, record("x"))
	const writers, each = 8, 10
	parallel(t, writers, func(int) error {
		for done := 0; done < each; {
			var r service.Record
			err := st.View(t.Context(), func(tx service.Tx) (err error) {
				r, err = tx.Get(t.Context(), ScopeA, service.KindIssuer, "x")
				return err
			})
			if err != nil {
				return err
			}
			r.Body = append(r.Body[:len(r.Body):len(r.Body)], '.')
			err = st.Update(t.Context(), func(tx service.Tx) error { return tx.Put(t.Context(), ScopeA, r) })
			switch {
			case err == nil:
				done++
			case !errors.Is(err, service.ErrConflict):
				return err
			}
		}
		return nil
	})
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		r, err := tx.Get(ctx, ScopeA, service.KindIssuer, "x")
		check(t, err)
		equal(t, "changes", len(r.Body), len(record("x").Body)+writers*each)
		equal(t, "version", r.Version, 1+writers*each)
		return nil
	})
}

func testAnswers(t *testing.T, su Suite) {
	st := su.New(t)
	a := service.Answer{Digest: [32]byte{1, 2, 255}, Body: []byte(`{"a":"ä"}`), Expires: base.Add(time.Hour)}
	b := service.Answer{Digest: [32]byte{9}, Body: []byte(`{}`), Expires: base.Add(2 * time.Hour)}
	update(t, st, func(ctx context.Context, tx service.Tx) error { return tx.Remember(ctx, ScopeA, "r", "k", a, base) })
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		got, err := tx.Recall(ctx, ScopeA, "r", "k", base)
		check(t, err)
		if got.Digest != a.Digest || string(got.Body) != string(a.Body) || !got.Expires.Equal(a.Expires) {
			t.Fatalf("found %+v", got)
		}
		for _, c := range []struct {
			s          service.Scope
			route, key string
			now        time.Time
		}{{ScopeB, "r", "k", base}, {ScopeC, "r", "k", base}, {ScopeA, "r2", "k", base}, {ScopeA, "r", "K", base}, {ScopeA, "r", "k", a.Expires}} {
			_, err := tx.Recall(ctx, c.s, c.route, c.key, c.now)
			want(t, err, service.ErrNotFound)
		}
		want(t, tx.Remember(ctx, ScopeA, "r", "k", b, base), service.ErrExists)
		check(t, tx.Remember(ctx, ScopeA, "r", "k", b, a.Expires)) // the old one has expired
		got, err = tx.Recall(ctx, ScopeA, "r", "k", a.Expires)
		check(t, err)
		equal(t, "digest", got.Digest, b.Digest)
		for i := range 5 {
			check(t, tx.Remember(ctx, ScopeC, "r", fmt.Sprint(i), a, base))
		}
		n, err := tx.Forget(ctx, a.Expires, 3)
		check(t, err)
		equal(t, "forgotten", n, 3)
		n, err = tx.Forget(ctx, a.Expires, 30)
		check(t, err)
		equal(t, "forgotten", n, 2)
		_, err = tx.Recall(ctx, ScopeA, "r", "k", a.Expires)
		return err
	})
}

// testOnceRace makes the same call a hundred times at once.
func testOnceRace(t *testing.T, su Suite) {
	st := su.New(t)
	key := service.Idempotency{Key: "key", Route: "POST /v1/x", Digest: [32]byte{1}}
	var replayed, made atomic.Int64
	parallel(t, 100, func(i int) error {
		out, err := service.Once(t.Context(), st, base, ScopeA, key, nil, func(tx service.Tx) (service.Result[string], error) {
			id := fmt.Sprintf("by-%d", i)
			if err := tx.Put(t.Context(), ScopeA, record(id)); err != nil {
				return service.Result[string]{}, err
			}
			_, err := tx.Count(t.Context(), ScopeA, "effects", 1)
			return service.Result[string]{Value: id, Created: true}, err
		})
		if err != nil {
			return err
		}
		if out.Replayed {
			replayed.Add(1)
		} else {
			made.Add(1)
		}
		if found, err := has(t.Context(), st, out.Value); err != nil || !found {
			return fmt.Errorf("%q is not there: %w", out.Value, err)
		}
		return nil
	})
	equal(t, "calls that had an effect", made.Load(), 1)
	equal(t, "replayed", replayed.Load(), 99)
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		n, err := tx.Count(ctx, ScopeA, "effects", 0)
		equal(t, "effects", n, 1)
		return err
	})
	key.Digest = [32]byte{2}
	_, err := service.Once(t.Context(), st, base, ScopeA, key, nil, func(service.Tx) (service.Result[string], error) {
		t.Error("another request under the key has an effect")
		return service.Result[string]{}, nil
	})
	wantCode(t, err, service.CodeMismatch)
}
