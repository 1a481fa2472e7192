package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// testVerificationPages writes lines as several processes would, late and out of order, and
// reads them by pages of all sizes, before and after the oldest of them were forgotten.
func testVerificationPages(t *testing.T, su Suite) {
	st := su.New(t)
	r := rand.New(rand.NewPCG(1, 2))
	odd := []string{"", "\t", "a\nb", `\`, `\t`, `\n\`, "é✓", "'"}
	var all []service.LogEntry
	for i := range 60 {
		// A burst, a trickle, or lines that waited for long.
		n, spread := 1+r.IntN(3), 50*time.Millisecond
		switch i % 6 {
		case 0:
			n = 150 + r.IntN(150)
		case 1:
			n, spread = 40, 20*time.Second
		}
		begin := base.Add(time.Duration(r.IntN(20_000)) * time.Millisecond)
		var lines []service.LogEntry
		for j := range n {
			// Some at the same microsecond, so that their ids decide.
			at := begin.Add(time.Duration(r.Int64N(int64(spread)))).Truncate(time.Microsecond << (5 * r.IntN(4)))
			lines = append(lines, service.LogEntry{
				ID: fmt.Sprintf("%d-%d", i, j), At: at, Subject: odd[r.IntN(len(odd))], Method: odd[r.IntN(len(odd))],
				Outcome: odd[r.IntN(len(odd))], Reason: odd[r.IntN(len(odd))], Source: odd[r.IntN(len(odd))],
			})
		}
		given := slices.Clone(lines)
		update(t, st, func(ctx context.Context, tx service.Tx) error { return tx.AddVerifications(ctx, ScopeA, lines) })
		if !slices.Equal(given, lines) {
			t.Fatal("the caller's lines were changed")
		}
		all = append(all, lines...)
	}
	newest := func(a, b service.LogEntry) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(b.ID, a.ID)
	}
	read := func(size int) {
		t.Helper()
		slices.SortFunc(all, newest)
		var got []service.LogEntry
		view(t, st, func(ctx context.Context, tx service.Tx) error {
			for p := (service.Page{Limit: size, WithTotal: true}); ; {
				l, err := tx.Verifications(ctx, ScopeA, p)
				check(t, err)
				equal(t, "total", l.Total, int64(len(all)))
				got = append(got, l.Items...)
				if len(l.Items) > size || len(l.Items) == 0 && len(all) > 0 {
					t.Fatalf("a page of %d lines, expected at most %d", len(l.Items), size)
				}
				if p.Cursor = l.Next; p.Cursor == "" {
					return nil
				}
			}
		})
		equal(t, "lines", len(got), len(all))
		for i := range got {
			if got[i] != all[i] {
				t.Fatalf("pages of %d: line %d: expected %+v, found %+v", size, i, all[i], got[i])
			}
		}
	}
	for _, size := range []int{7, 50, 200} {
		read(size)
	}
	for _, at := range []time.Duration{0, 3 * time.Second, 9 * time.Second, 9*time.Second + time.Millisecond, time.Hour} {
		before, left := base.Add(at), []service.LogEntry{}
		for _, e := range all {
			if !e.At.Before(before) {
				left = append(left, e)
			}
		}
		gone := len(all) - len(left)
		for _, n := range []int{1, 30, 500} {
			for gone > 0 {
				var got int
				update(t, st, func(ctx context.Context, tx service.Tx) (err error) {
					got, err = tx.ForgetVerifications(ctx, before, n)
					return err
				})
				equal(t, "forgotten", got, min(n, gone))
				if gone -= got; n < 500 {
					break
				}
			}
		}
		all = left
		read(60)
	}
}
