package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

func queued(i int64) service.Row {
	return service.Row{Index: i, State: "queued", Key: fmt.Sprint("k", i), CredentialID: fmt.Sprint("c", i), PublicID: fmt.Sprint("p", i), Body: []byte(`{"n":1}`)}
}

func testRows(t *testing.T, su Suite) {
	st := su.New(t)
	var all []service.Row
	for i := range int64(20) {
		all = append(all, queued(i))
	}
	all[7].State, all[7].Errors, all[7].Key = "failed", []byte(`{"x":["y"]}`), ""
	all[8].Key = ""
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		check(t, tx.AddRows(ctx, ScopeA, "b", all[:12]))
		check(t, tx.AddRows(ctx, ScopeA, "b", all[12:]))
		check(t, tx.AddRows(ctx, ScopeA, "other", all))
		return tx.AddRows(ctx, ScopeC, "b", all[:1])
	})
	for _, r := range []service.Row{{Index: 3, Key: "new"}, {Index: 33, Key: "k3"}} {
		want(t, try(t, st, func(ctx context.Context, tx service.Tx) error {
			return tx.AddRows(ctx, ScopeA, "b", []service.Row{queued(50), r})
		}), service.ErrExists)
	}
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		counts, err := tx.CountRows(ctx, ScopeA, "b")
		check(t, err)
		equal(t, "counts", counts, service.RowCounts{Total: 20, Queued: 19, Failed: 1})
		rows, err := tx.Rows(ctx, ScopeA, "b", "queued", 6, 3)
		check(t, err)
		if len(rows) != 3 || rows[0].Index != 6 || rows[1].Index != 8 || rows[2].Index != 9 || rows[0].Errors != nil || rows[0].PublicID != "p6" || string(rows[0].Body) != `{"n":1}` {
			t.Fatalf("found %+v", rows)
		}
		rows, err = tx.Rows(ctx, ScopeA, "b", "", 7, 1)
		check(t, err)
		if len(rows) != 1 || rows[0].Index != 7 || string(rows[0].Errors) != `{"x":["y"]}` {
			t.Fatalf("found %+v", rows)
		}
		return tx.SetRows(ctx, ScopeA, "b", []service.Row{{Index: 0, State: "issued", CredentialID: "ignored"}, {Index: 1, State: "failed", Errors: []byte(`{}`), Body: []byte("{}")}})
	})
	want(t, try(t, st, func(ctx context.Context, tx service.Tx) error {
		return tx.SetRows(ctx, ScopeA, "b", []service.Row{{Index: 2, State: "issued"}, {Index: 0, State: "issued"}})
	}), service.ErrConflict)
	want(t, try(t, st, func(ctx context.Context, tx service.Tx) error {
		_ = tx.SetRows(ctx, ScopeA, "b", []service.Row{{Index: 2, State: "issued"}, {Index: 99, State: "issued"}})
		return nil
	}), service.ErrConflict)
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		counts, err := tx.CountRows(ctx, ScopeA, "b")
		check(t, err)
		equal(t, "counts", counts, service.RowCounts{Total: 20, Queued: 17, Issued: 1, Failed: 2})
		rows, err := tx.Rows(ctx, ScopeA, "b", "", 0, 3)
		check(t, err)
		if rows[0].State != "issued" || rows[0].CredentialID != "c0" || len(rows[0].Body) != 0 || rows[2].State != "queued" {
			t.Fatalf("found %+v", rows)
		}
		check(t, tx.DeleteRows(ctx, ScopeA, "b"))
		counts, err = tx.CountRows(ctx, ScopeA, "b")
		check(t, err)
		equal(t, "counts", counts, service.RowCounts{})
		counts, err = tx.CountRows(ctx, ScopeA, "other")
		equal(t, "others", counts.Total, 20)
		check(t, tx.AddRows(ctx, ScopeA, "b", all[:1]))
		return err
	})
}

// testRowRace has many do the same row: one of them does.
func testRowRace(t *testing.T, su Suite) {
	st := su.New(t)
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		return tx.AddRows(ctx, ScopeA, "b", []service.Row{queued(0), queued(1)})
	})
	var done atomic.Int64
	parallel(t, 20, func(int) error {
		err := st.Update(t.Context(), func(tx service.Tx) error {
			return tx.SetRows(t.Context(), ScopeA, "b", []service.Row{{Index: 0, State: "issued"}})
		})
		if err == nil {
			done.Add(1)
		} else if !errors.Is(err, service.ErrConflict) {
			return err
		}
		return nil
	})
	equal(t, "done", done.Load(), 1)
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		counts, err := tx.CountRows(ctx, ScopeA, "b")
		equal(t, "counts", counts, service.RowCounts{Total: 2, Queued: 1, Issued: 1})
		return err
	})
}

func audit(id string) service.AuditEntry {
	return service.AuditEntry{ID: id, At: base, Actor: "key:1", Action: "credential.issue", Subject: "c", Source: "10.0.0.0/24", Request: "r", Detail: []byte(`{"a":1}`)}
}

func testAudit(t *testing.T, su Suite) {
	st := su.New(t)
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		_, err := tx.LastAudit(ctx, ScopeA)
		want(t, err, service.ErrNotFound)
		for i := range 9 {
			e := audit(fmt.Sprint(i))
			e.At = base.Add(time.Duration(-i/2) * time.Second)
			if i == 3 {
				e.Detail = nil
			}
			check(t, tx.AddAudit(ctx, ScopeA, e))
		}
		return tx.AddAudit(ctx, ScopeC, audit("0"))
	})
	want(t, try(t, st, func(ctx context.Context, tx service.Tx) error { return tx.AddAudit(ctx, ScopeA, audit("0")) }), service.ErrExists)
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		scopes, err := tx.UnchainedScopes(ctx)
		check(t, err)
		equal(t, "scopes", fmt.Sprint(scopes), fmt.Sprint([]service.Scope{ScopeA, ScopeC}))
		next, err := tx.Unchained(ctx, ScopeA, 5)
		check(t, err)
		ids := ""
		for i := range next {
			ids += next[i].ID
			next[i].Seq, next[i].Hash = int64(i+1), []byte{0, byte(i), 255}
		}
		equal(t, "order", ids, "86745")
		if next[4].Detail == nil || string(next[0].Detail) != `{"a":1}` {
			t.Fatalf("found %+v", next)
		}
		return tx.ChainAudit(ctx, ScopeA, next)
	})
	for _, e := range [][]service.AuditEntry{
		{{ID: "8", Seq: 20}}, {{ID: "0", Seq: 5}}, {{ID: "none", Seq: 6}}, {{ID: "0", Seq: 6}, {ID: "1", Seq: 6}}, {{ID: "0"}},
	} {
		want(t, try(t, st, func(ctx context.Context, tx service.Tx) error { return tx.ChainAudit(ctx, ScopeA, e) }), service.ErrConflict)
	}
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		last, err := tx.LastAudit(ctx, ScopeA)
		check(t, err)
		if last.Seq != 5 || string(last.Hash) != "\x00\x04\xff" || last.Actor != "key:1" || last.Source != "10.0.0.0/24" || last.Request != "r" || last.Subject != "c" {
			t.Fatalf("found %+v", last)
		}
		var seqs []int64
		for p := (service.Page{Limit: 2, WithTotal: true}); ; {
			l, err := tx.Audit(ctx, ScopeA, p)
			check(t, err)
			equal(t, "total", l.Total, 5)
			for _, e := range l.Items {
				seqs = append(seqs, e.Seq)
			}
			if p.Cursor = l.Next; p.Cursor == "" {
				break
			}
		}
		equal(t, "newest first", fmt.Sprint(seqs), "[5 4 3 2 1]")
		from, err := tx.AuditFrom(ctx, ScopeA, 2, 3)
		check(t, err)
		if len(from) != 3 || from[0].Seq != 2 || from[2].Seq != 4 {
			t.Fatalf("found %+v", from)
		}
		from, err = tx.AuditFrom(ctx, ScopeC, 0, 3)
		check(t, err)
		equal(t, "not chained yet", len(from), 0)
		left, err := tx.Unchained(ctx, ScopeA, 100)
		equal(t, "left", len(left), 4)
		return err
	})
}

// testChainRace has many chain the same entries: each gets one place.
func testChainRace(t *testing.T, su Suite) {
	st := su.New(t)
	const n = 30
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		for i := range n {
			check(t, tx.AddAudit(ctx, ScopeA, audit(fmt.Sprint(i))))
		}
		return nil
	})
	parallel(t, 6, func(int) error {
		for {
			left := 0
			err := st.Update(t.Context(), func(tx service.Tx) error {
				next, err := tx.Unchained(t.Context(), ScopeA, 7)
				if left = len(next); err != nil || left == 0 {
					return err
				}
				last, err := tx.LastAudit(t.Context(), ScopeA)
				if err != nil && !errors.Is(err, service.ErrNotFound) {
					return err
				}
				for i := range next {
					next[i].Seq, next[i].Hash = last.Seq+int64(i)+1, []byte{1}
				}
				return tx.ChainAudit(t.Context(), ScopeA, next)
			})
			switch {
			case err != nil && !errors.Is(err, service.ErrConflict):
				return err
			case err == nil && left == 0:
				return nil
			}
		}
	})
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		all, err := tx.AuditFrom(ctx, ScopeA, 1, 100)
		check(t, err)
		equal(t, "chained", len(all), n)
		for i, e := range all {
			equal(t, "seq", e.Seq, int64(i+1))
		}
		return nil
	})
}

func testVerifications(t *testing.T, su Suite) {
	st := su.New(t)
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		var entries []service.LogEntry
		for i := range 7 {
			entries = append(entries, service.LogEntry{ID: fmt.Sprint(i), At: base.Add(time.Duration(i/2) * time.Second), Subject: "c", Method: "id", Outcome: "valid", Reason: "", Source: "web"})
		}
		return tx.AddVerifications(ctx, ScopeA, entries)
	})
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		ids := ""
		for p := (service.Page{Limit: 3, WithTotal: true}); ; {
			l, err := tx.Verifications(ctx, ScopeA, p)
			check(t, err)
			equal(t, "total", l.Total, 7)
			for _, e := range l.Items {
				ids += e.ID
				if e.Subject != "c" || e.Method != "id" || e.Outcome != "valid" || e.Source != "web" {
					t.Fatalf("found %+v", e)
				}
			}
			if p.Cursor = l.Next; p.Cursor == "" {
				break
			}
		}
		equal(t, "order", ids, "6543210")
		return nil
	})
	// Of documents that nobody here issued, and of another institution.
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		for _, s := range []service.Scope{{}, ScopeB} {
			old := service.LogEntry{ID: "old", At: base, Outcome: "invalid"}
			check(t, tx.AddVerifications(ctx, s, []service.LogEntry{old, {ID: "new", At: base.Add(time.Hour), Outcome: "valid"}}))
		}
		return nil
	})
	// Those of the seconds 0 and 1 are older than two seconds: 0 to 3 and the two, one at a time and then all.
	for _, want := range []int{1, 5, 0} {
		update(t, st, func(ctx context.Context, tx service.Tx) error {
			n, err := tx.ForgetVerifications(ctx, base.Add(2*time.Second), max(1, want))
			check(t, err)
			equal(t, "forgotten", n, want)
			return nil
		})
	}
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		l, err := tx.Verifications(ctx, ScopeA, service.Page{})
		check(t, err)
		equal(t, "left", len(l.Items), 3)
		for _, s := range []service.Scope{{}, ScopeB} {
			l, err := tx.Verifications(ctx, s, service.Page{})
			check(t, err)
			equal(t, "left of others", len(l.Items), 1)
			equal(t, "which", l.Items[0].ID, "new")
		}
		return nil
	})
	// Many at once, of a number that no statement for several divides.
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		var entries []service.LogEntry
		for i := range 137 {
			entries = append(entries, service.LogEntry{ID: fmt.Sprintf("%03d", i), At: base, Subject: fmt.Sprint("s", i), Outcome: "valid"})
		}
		return tx.AddVerifications(ctx, ScopeB, entries)
	})
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		l, err := tx.Verifications(ctx, ScopeB, service.Page{Limit: 200})
		check(t, err)
		equal(t, "of many", len(l.Items), 138)
		for i, e := range l.Items[1:] {
			equal(t, "subject", e.Subject, fmt.Sprint("s", 136-i))
		}
		return nil
	})
}

func testCounters(t *testing.T, su Suite) {
	st := su.New(t)
	parallel(t, 10, func(int) error {
		for range 10 {
			if err := st.Update(t.Context(), func(tx service.Tx) error {
				_, err := tx.Count(t.Context(), ScopeA, "n", 3)
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	})
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		n, err := tx.Count(ctx, ScopeA, "n", -1)
		check(t, err)
		equal(t, "counter", n, 299)
		n, err = tx.Count(ctx, ScopeB, "n", 0)
		equal(t, "of another scope", n, 0)
		return err
	})
}

// testForeign writes in one scope and looks for it in others.
func testForeign(t *testing.T, su Suite) {
	st := su.New(t)
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		check(t, tx.Put(ctx, ScopeA, record("x")))
		check(t, tx.AddCredential(ctx, ScopeA, credential("c")))
		check(t, tx.AddArtifact(ctx, ScopeA, "c", artifact("vc", 1)))
		check(t, tx.AddRows(ctx, ScopeA, "b", []service.Row{queued(0)}))
		check(t, tx.AddAudit(ctx, ScopeA, audit("1")))
		return tx.AddVerifications(ctx, ScopeA, []service.LogEntry{{ID: "v", At: base}})
	})
	for _, s := range []service.Scope{ScopeB, ScopeC, {}, {Tenant: "a"}, {Environment: service.Live}, {Tenant: "A", Environment: service.Live}} {
		update(t, st, func(ctx context.Context, tx service.Tx) error {
			_, err := tx.Get(ctx, s, service.KindIssuer, "x")
			want(t, err, service.ErrNotFound)
			l, err := tx.List(ctx, s, service.KindIssuer, nil, service.Page{WithTotal: true})
			check(t, err)
			equal(t, "records", len(l.Items)+int(l.Total), 0)
			_, err = tx.Credential(ctx, s, "c")
			want(t, err, service.ErrNotFound)
			cl, err := tx.Credentials(ctx, s, service.CredentialQuery{}, service.Page{})
			check(t, err)
			equal(t, "credentials", len(cl.Items), 0)
			cl, err = tx.Credentials(ctx, s, service.CredentialQuery{ClaimKey: "grade", ClaimValue: "A"}, service.Page{})
			check(t, err)
			equal(t, "credentials by claim", len(cl.Items), 0)
			rows, err := tx.Rows(ctx, s, "b", "", 0, 10)
			check(t, err)
			equal(t, "rows", len(rows), 0)
			gone, err := tx.DeleteArtifacts(ctx, s, "c")
			check(t, err)
			equal(t, "artefacts", len(gone), 0)
			check(t, tx.DeleteRows(ctx, s, "b"))
			entries, err := tx.Unchained(ctx, s, 10)
			check(t, err)
			equal(t, "entries", len(entries), 0)
			v, err := tx.Verifications(ctx, s, service.Page{})
			equal(t, "verifications", len(v.Items), 0)
			return err
		})
	}
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		all, err := tx.Artifacts(ctx, ScopeA, "c", 0)
		check(t, err)
		rows, err := tx.Rows(ctx, ScopeA, "b", "", 0, 10)
		equal(t, "what is left", len(all)+len(rows), 2)
		return err
	})
}
