package postgres_test

import (
	"errors"
	"testing"

	"github.com/chancery-dev/chancery/internal/store/postgres"
)

// TestAgree: processes that work on a database at the same time agree, on that database;
// those that come one after the other need not.
func TestAgree(t *testing.T) {
	dsn := database(t)
	first, second, third, elsewhere := open(t, dsn), open(t, dsn), open(t, dsn), open(t, database(t))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(err error, others int) {
		t.Helper()
		var e *postgres.DisagreementError
		if !errors.As(err, &e) || e.Others != others {
			t.Errorf("expected %d that do not agree, found %v", others, err)
		}
	}
	must(first.Agree(t.Context(), "a"))
	must(second.Agree(t.Context(), "a"))
	must(elsewhere.Agree(t.Context(), "b"))
	refused(third.Agree(t.Context(), "b"), 2)
	must(first.Close())
	refused(third.Agree(t.Context(), "b"), 1)
	must(second.Close())
	must(third.Agree(t.Context(), "b"))
	fourth := open(t, dsn)
	refused(fourth.Agree(t.Context(), "a"), 1)
	must(fourth.Agree(t.Context(), "b")) // what was refused holds nobody up
	must(third.Close())
	must(fourth.Close())
	must(open(t, dsn).Agree(t.Context(), "a"))
}
