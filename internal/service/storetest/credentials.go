package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

func digest(s string) string {
	d := sha256.Sum256([]byte(s))
	return hex.EncodeToString(d[:])
}

func credential(id string) service.StoredCredential {
	return service.StoredCredential{
		ID: id, PublicID: "pub-" + id, State: service.StateIssued, Issue: 1, TypeID: "t1", IssuerID: "i1", SubjectID: "s1",
		RecipientName: "Ada Lovelace", RecipientEmail: "ada@example.org", Claims: map[string]string{"grade": "A", "title": "B.Sc."},
		Created: base, IssuedAt: base, Digest: digest(id), Body: []byte(`{"id":"` + id + `"}`),
	}
}

func stored(c service.StoredCredential, version int64) service.StoredCredential {
	c.Version = version
	return c
}

func artifact(name string, issue int) service.StoredArtifact {
	return service.StoredArtifact{Name: name, Issue: issue, MediaType: "application/vc", Digest: digest(name + fmt.Sprint(issue)), Size: 7, Bytes: []byte(`{"ü":1}`), Created: base}
}

func sameCredential(t *testing.T, got, expected service.StoredCredential) {
	t.Helper()
	g, w := got, expected
	if !maps.Equal(g.Claims, w.Claims) || string(g.Body) != string(w.Body) || !g.Created.Equal(w.Created) || !g.IssuedAt.Equal(w.IssuedAt) || !g.ValidUntil.Equal(w.ValidUntil) {
		t.Fatalf("expected %+v, found %+v", w, g)
	}
	for _, c := range []*service.StoredCredential{&g, &w} {
		c.Claims, c.Body, c.Created, c.IssuedAt, c.ValidUntil = nil, nil, time.Time{}, time.Time{}, time.Time{}
	}
	if fmt.Sprintf("%+v", g) != fmt.Sprintf("%+v", w) {
		t.Fatalf("expected %+v, found %+v", w, g)
	}
	if got.ValidUntil.IsZero() != expected.ValidUntil.IsZero() || got.IssuedAt.IsZero() != expected.IssuedAt.IsZero() {
		t.Fatal("the zero time did not come back")
	}
}

func testCredentials(t *testing.T, su Suite) {
	st := su.New(t)
	c := credential("c")
	c.ValidUntil, c.ListID, c.Index = base.Add(time.Hour), "l", 42
	update(t, st, func(ctx context.Context, tx service.Tx) error { return tx.AddCredential(ctx, ScopeA, c) })
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		got, err := tx.Credential(ctx, ScopeA, "c")
		check(t, err)
		sameCredential(t, got, stored(c, 1))
		s, got, err := tx.PublicCredential(ctx, "pub-c")
		check(t, err)
		equal(t, "scope", s, ScopeA)
		sameCredential(t, got, stored(c, 1))
		for _, no := range []string{"", "c", "pub-C"} {
			_, _, err = tx.PublicCredential(ctx, no)
			want(t, err, service.ErrNotFound)
		}
		_, err = tx.Credential(ctx, ScopeB, "c")
		want(t, err, service.ErrNotFound)
		return nil
	})
	next := stored(c, 1)
	next.State, next.SubjectID, next.RecipientName, next.RecipientEmail, next.Claims, next.Body = service.StateRevoked, "", "", "", nil, []byte(`{}`)
	next.ValidUntil = time.Time{}
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		check(t, tx.SetCredential(ctx, ScopeA, next))
		want(t, tx.SetCredential(ctx, ScopeA, next), service.ErrConflict)
		want(t, tx.SetCredential(ctx, ScopeB, next), service.ErrNotFound)
		want(t, tx.DeleteCredential(ctx, ScopeA, "c", 1), service.ErrConflict)
		want(t, tx.DeleteCredential(ctx, ScopeC, "c", 2), service.ErrNotFound)
		return nil
	})
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		got, err := tx.Credential(ctx, ScopeA, "c")
		check(t, err)
		sameCredential(t, got, stored(next, 2))
		check(t, tx.AddArtifact(ctx, ScopeA, "c", artifact("vc", 1)))
		return tx.DeleteCredential(ctx, ScopeA, "c", 2)
	})
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		_, err := tx.Credential(ctx, ScopeA, "c")
		want(t, err, service.ErrNotFound)
		all, err := tx.Artifacts(ctx, ScopeA, "c", 0)
		check(t, err)
		equal(t, "artefacts", len(all), 0)
		_, _, err = tx.DigestCredential(ctx, digest("vc1"))
		want(t, err, service.ErrNotFound)
		return tx.AddCredential(ctx, ScopeC, c) // its ids are free
	})
}

func testCredentialKeys(t *testing.T, su Suite) {
	st := su.New(t)
	c := credential("c")
	c.ListID, c.Index = "l", 1
	update(t, st, func(ctx context.Context, tx service.Tx) error { return tx.AddCredential(ctx, ScopeA, c) })
	same := credential("d")
	id, public, slot := credential("c"), credential("d"), credential("e")
	id.PublicID, public.PublicID, slot.ListID, slot.Index = "other", "pub-c", "l", 1
	for name, bad := range map[string]struct {
		service.Scope
		c service.StoredCredential
	}{"id": {ScopeA, id}, "public id": {ScopeC, public}, "slot": {ScopeC, slot}} {
		// It may be told at once or at the end, but it is told, and nothing is kept.
		err := try(t, st, func(ctx context.Context, tx service.Tx) error {
			check(t, tx.AddCredential(ctx, ScopeC, credential("beside")))
			tx.AddCredential(ctx, bad.Scope, bad.c) //nolint:errcheck // told at the end too
			return nil
		})
		if !errors.Is(err, service.ErrExists) {
			t.Errorf("%s: expected ErrExists, found %v", name, err)
		}
		view(t, st, func(ctx context.Context, tx service.Tx) error {
			_, err := tx.Credential(ctx, ScopeC, "beside")
			want(t, err, service.ErrNotFound)
			return nil
		})
	}
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		check(t, tx.AddCredential(ctx, ScopeC, id)) // the same id in another scope
		slot.Index = 2
		check(t, tx.AddCredential(ctx, ScopeC, slot))
		return tx.AddCredential(ctx, ScopeA, same)
	})
	several := []service.StoredCredential{credential("n1"), credential("n2"), credential("n3")}
	several[2].PublicID = "pub-c"
	want(t, try(t, st, func(ctx context.Context, tx service.Tx) error {
		tx.AddCredential(ctx, ScopeA, several...) //nolint:errcheck // the transaction has failed none the less
		return nil
	}), service.ErrExists)
	several[2].PublicID, several[1].Claims = "pub-n3", map[string]string{"k": "several"}
	update(t, st, func(ctx context.Context, tx service.Tx) error { return tx.AddCredential(ctx, ScopeA, several...) })
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		for _, c := range several {
			got, err := tx.Credential(ctx, ScopeA, c.ID)
			check(t, err)
			sameCredential(t, got, stored(c, 1))
		}
		found, err := tx.Credentials(ctx, ScopeA, service.CredentialQuery{ClaimKey: "k", ClaimValue: "several", Now: base}, service.Page{})
		check(t, err)
		equal(t, "found by claim", len(found.Items), 1)
		return nil
	})
	same.Version, same.ListID, same.Index = 1, "l", 1
	for range 2 {
		want(t, try(t, st, func(ctx context.Context, tx service.Tx) error {
			err := tx.SetCredential(ctx, ScopeA, same)
			want(t, err, service.ErrExists)
			return nil
		}), service.ErrExists)
	}
}

func testCredentialFilters(t *testing.T, su Suite) {
	st := su.New(t)
	now := base.Add(time.Hour)
	edit := func(id string, f func(*service.StoredCredential)) service.StoredCredential {
		c := credential(id)
		f(&c)
		return c
	}
	all := []service.StoredCredential{
		edit("1", func(c *service.StoredCredential) {}),
		edit("2", func(c *service.StoredCredential) { c.State, c.IssuedAt = service.StateDraft, time.Time{} }),
		edit("3", func(c *service.StoredCredential) { c.ValidUntil = base.Add(time.Minute) }),
		edit("4", func(c *service.StoredCredential) { c.ValidUntil = now }),
		edit("5", func(c *service.StoredCredential) { c.State, c.ValidUntil = service.StateRevoked, base.Add(time.Minute) }),
		edit("6", func(c *service.StoredCredential) { c.TypeID, c.IssuedAt = "t2", base.Add(time.Second) }),
		edit("7", func(c *service.StoredCredential) { c.RecipientName, c.RecipientEmail = "ÄDA Ö", "oe@example.org" }),
		edit("8", func(c *service.StoredCredential) { c.BatchID, c.SubjectID = "b1", "" }),
		edit("9", func(c *service.StoredCredential) { c.Claims = map[string]string{"grade": "B"} }),
	}
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		for _, c := range all {
			check(t, tx.AddCredential(ctx, ScopeA, c))
		}
		return tx.AddCredential(ctx, ScopeB, credential("x"))
	})
	for _, c := range []struct {
		name string
		q    service.CredentialQuery
		ids  string
	}{
		{"all", service.CredentialQuery{}, "123456789"},
		{"type", service.CredentialQuery{TypeID: "t2"}, "6"},
		{"type and state", service.CredentialQuery{TypeID: "t2", State: service.StateDraft}, ""},
		{"draft", service.CredentialQuery{State: service.StateDraft}, "2"},
		{"issued", service.CredentialQuery{State: service.StateIssued, Now: now}, "146789"},
		{"expired", service.CredentialQuery{State: service.StateExpired, Now: now}, "3"},
		{"expired later", service.CredentialQuery{State: service.StateExpired, Now: now.Add(time.Microsecond)}, "34"},
		{"revoked", service.CredentialQuery{State: service.StateRevoked, Now: now}, "5"},
		{"subject", service.CredentialQuery{SubjectID: "s1"}, "12345679"},
		{"batch", service.CredentialQuery{BatchID: "b1"}, "8"},
		{"e-mail", service.CredentialQuery{RecipientEmail: "oe@example.org"}, "7"},
		{"part of an e-mail", service.CredentialQuery{RecipientEmail: "oe@example"}, ""},
		{"name", service.CredentialQuery{RecipientName: "ada LOVE"}, "12345689"},
		{"name with letters beyond ASCII", service.CredentialQuery{RecipientName: "äda ö"}, "7"},
		{"pattern", service.CredentialQuery{RecipientName: "%"}, ""},
		{"middle of a name", service.CredentialQuery{RecipientName: "Lovelace"}, ""},
		{"claim", service.CredentialQuery{ClaimKey: "grade", ClaimValue: "B"}, "9"},
		{"claim and type", service.CredentialQuery{ClaimKey: "grade", ClaimValue: "A", TypeID: "t2"}, "6"},
		{"unknown claim", service.CredentialQuery{ClaimKey: "other", ClaimValue: "A"}, ""},
		{"claim that is absent", service.CredentialQuery{ClaimKey: "other", ClaimValue: ""}, ""},
		{"after", service.CredentialQuery{IssuedAfter: base}, "6"},
		{"before", service.CredentialQuery{IssuedBefore: base.Add(time.Second)}, "1345789"},
	} {
		view(t, st, func(ctx context.Context, tx service.Tx) error {
			l, err := tx.Credentials(ctx, ScopeA, c.q, service.Page{WithTotal: true})
			check(t, err)
			var ids []string
			for _, c := range l.Items {
				ids = append(ids, c.ID)
			}
			slices.Sort(ids)
			equal(t, c.name, strings.Join(ids, ""), c.ids)
			equal(t, c.name+", total", l.Total, int64(len(c.ids)))
			return nil
		})
	}
}

func testCredentialPages(t *testing.T, su Suite) {
	st := su.New(t)
	const n = 17
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		for i := range n {
			c := credential(fmt.Sprintf("c%02d", i))
			c.Created = base.Add(time.Duration(i/4) * time.Second)
			if c.IssuedAt = c.Created; i%5 == 0 {
				c.State, c.IssuedAt = service.StateDraft, time.Time{}
			}
			check(t, tx.AddCredential(ctx, ScopeA, c))
		}
		return nil
	})
	for _, q := range []service.CredentialQuery{{}, {Oldest: true}, {ClaimKey: "grade", ClaimValue: "A"}, {TypeID: "t1", Oldest: true}} {
		view(t, st, func(ctx context.Context, tx service.Tx) error {
			var ids []string
			for p := (service.Page{Limit: 3}); ; {
				l, err := tx.Credentials(ctx, ScopeA, q, p)
				check(t, err)
				for _, c := range l.Items {
					ids = append(ids, c.ID)
				}
				if l.Next == "" {
					break
				}
				p.Cursor = l.Next
			}
			expected := slices.Sorted(slices.Values(ids))
			if !q.Oldest {
				slices.Reverse(expected)
			}
			if len(ids) != n || !slices.Equal(ids, expected) {
				t.Fatalf("%+v: found %v", q, ids)
			}
			return nil
		})
	}
}

// testClaims changes what can be searched by, with values that are long and alike.
func testClaims(t *testing.T, su Suite) {
	st := su.New(t)
	long := strings.Repeat("ä", 5000)
	c := credential("c")
	c.Claims = map[string]string{"a": "1", "b": long + "x", strings.Repeat("k", 1000): "2"}
	update(t, st, func(ctx context.Context, tx service.Tx) error { return tx.AddCredential(ctx, ScopeA, c) })
	find := func(key, value string) (n int) {
		view(t, st, func(ctx context.Context, tx service.Tx) error {
			l, err := tx.Credentials(ctx, ScopeA, service.CredentialQuery{ClaimKey: key, ClaimValue: value}, service.Page{})
			n = len(l.Items)
			return err
		})
		return n
	}
	equal(t, "a", find("a", "1"), 1)
	equal(t, "long", find("b", long+"x"), 1)
	equal(t, "long and other", find("b", long+"y"), 0)
	equal(t, "long key", find(strings.Repeat("k", 1000), "2"), 1)
	c.Version, c.Claims = 1, map[string]string{"a": "2"}
	update(t, st, func(ctx context.Context, tx service.Tx) error { return tx.SetCredential(ctx, ScopeA, c) })
	equal(t, "old", find("a", "1")+find("b", long+"x"), 0)
	equal(t, "new", find("a", "2"), 1)
	update(t, st, func(ctx context.Context, tx service.Tx) error { return tx.DeleteCredential(ctx, ScopeA, "c", 2) })
	c.Claims = nil
	update(t, st, func(ctx context.Context, tx service.Tx) error { return tx.AddCredential(ctx, ScopeA, c) })
	equal(t, "of the deleted one", find("a", "2"), 0)
}

func testArtifacts(t *testing.T, su Suite) {
	st := su.New(t)
	blob := artifact("pdf", 1)
	blob.Bytes = nil
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		check(t, tx.AddCredential(ctx, ScopeA, credential("c")))
		for _, a := range []service.StoredArtifact{artifact("vc", 2), artifact("vc.jwt", 1), artifact("vc", 1), blob} {
			check(t, tx.AddArtifact(ctx, ScopeA, "c", a))
		}
		return nil
	})
	want(t, try(t, st, func(ctx context.Context, tx service.Tx) error {
		check(t, tx.Put(ctx, ScopeA, record("x")))
		return tx.AddArtifact(ctx, ScopeA, "c", artifact("vc", 1))
	}), service.ErrExists)
	absent(t, st, "x")
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		names := func(issue int) (out string) {
			all, err := tx.Artifacts(ctx, ScopeA, "c", issue)
			check(t, err)
			for _, a := range all {
				out += fmt.Sprint(a.Issue, a.Name, " ")
			}
			return out
		}
		equal(t, "all", names(0), "1pdf 1vc 1vc.jwt 2vc ")
		equal(t, "first", names(1), "1pdf 1vc 1vc.jwt ")
		equal(t, "third", names(3), "")
		all, err := tx.Artifacts(ctx, ScopeA, "c", 1)
		check(t, err)
		if a := all[1]; string(a.Bytes) != `{"ü":1}` || a.MediaType != "application/vc" || a.Size != 7 || !a.Created.Equal(base) || a.Digest != digest("vc1") || all[0].Bytes != nil {
			t.Fatalf("found %+v", all)
		}
		foreign, err := tx.Artifacts(ctx, ScopeB, "c", 0)
		check(t, err)
		equal(t, "foreign", len(foreign), 0)
		for _, d := range []string{digest("vc1"), digest("vc2"), digest("pdf1")} {
			s, c, err := tx.DigestCredential(ctx, d)
			check(t, err)
			equal(t, "scope", s, ScopeA)
			equal(t, "credential", c.ID, "c")
		}
		_, _, err = tx.DigestCredential(ctx, digest("none"))
		want(t, err, service.ErrNotFound)
		gone, err := tx.DeleteArtifacts(ctx, ScopeA, "c")
		check(t, err)
		equal(t, "deleted", len(gone), 4)
		equal(t, "left", names(0), "")
		_, _, err = tx.DigestCredential(ctx, digest("vc1"))
		want(t, err, service.ErrNotFound)
		return nil
	})
}

// testSlotRace has many give the same few indices away: each goes to one.
func testSlotRace(t *testing.T, su Suite) {
	st := su.New(t)
	var given atomic.Int64
	parallel(t, 40, func(i int) error {
		c := credential(fmt.Sprintf("c%d", i))
		c.ListID, c.Index = "l", int64(i%10)
		err := st.Update(t.Context(), func(tx service.Tx) error { return tx.AddCredential(t.Context(), ScopeA, c) })
		if err == nil {
			given.Add(1)
		} else if !errors.Is(err, service.ErrExists) {
			return err
		}
		return nil
	})
	equal(t, "given", given.Load(), 10)
}
