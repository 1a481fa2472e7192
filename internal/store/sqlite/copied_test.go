package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store/sqlite"
)

// TestCopySaysSo: the audit log of each scope in a copy ends with when it was made, so that
// it is seen in a restored register what was lost; that of the original goes on as it was.
func TestCopySaysSo(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 5, 10, 8, 0, 0, 0, time.UTC)
	lines := func(name string, do func(*sqlite.Store)) (found []service.AuditEntry) {
		t.Helper()
		st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, name), Now: func() time.Time { return at }})
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		do(st)
		for _, s := range []service.Scope{{Tenant: "a", Environment: service.Live}, {Tenant: "b", Environment: service.Test}} {
			if err := st.View(t.Context(), func(tx service.Tx) error {
				some, err := tx.Unchained(t.Context(), s, 10)
				found = append(found, some...)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		return found
	}
	there := lines("a.db", func(st *sqlite.Store) {
		err := st.Update(t.Context(), func(tx service.Tx) error {
			for _, s := range []service.Scope{{Tenant: "a", Environment: service.Live}, {Tenant: "b", Environment: service.Test}} {
				for _, id := range []string{"1", "2"} {
					if err := tx.Put(t.Context(), s, service.Record{Kind: service.KindIssuer, ID: id, Body: []byte("{}")}); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err == nil {
			err = st.Backup(t.Context(), filepath.Join(dir, "copy.db"))
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if len(there) != 0 {
		t.Errorf("the original says %+v", there)
	}
	copied := lines("copy.db", func(*sqlite.Store) {})
	if len(copied) != 2 || copied[0].Action != service.ActionCopied || copied[0].Subject != "a" || copied[1].Subject != "b" || !copied[0].At.Equal(at) {
		t.Errorf("expected a line for each scope, found %+v", copied)
	}
}
