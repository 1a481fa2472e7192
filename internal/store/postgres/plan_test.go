package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/storetest"
)

// TestChainByKey: rows of the audit log are chained by their key. The index of those that
// are not chained yet would be found too, and read from one end to the other for each.
func TestChainByKey(t *testing.T) {
	const n = 300
	dsn := database(t)
	s, at := open(t, dsn), time.Unix(1e9, 0)
	entries := make([]service.AuditEntry, n)
	err := s.Update(t.Context(), func(tx service.Tx) error {
		for i := range entries {
			entries[i] = service.AuditEntry{ID: fmt.Sprintf("%04d", i), At: at, Action: "a"}
			if err := tx.AddAudit(t.Context(), storetest.ScopeA, entries[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(tx service.Tx) error {
		for i := range entries {
			entries[i].Seq, entries[i].Hash = int64(i+1), []byte{1}
		}
		return tx.ChainAudit(t.Context(), storetest.ScopeA, entries)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // what was read is counted when connections end
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	scans := func(index string) (count int64) {
		if err := conn.QueryRow(t.Context(), `SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = $1`, index).Scan(&count); err != nil {
			t.Fatal(err)
		}
		return count
	}
	deadline := time.Now().Add(10 * time.Second)
	for scans("audit_pkey") < n && scans("audit_unchained") < n {
		if time.Now().After(deadline) {
			t.Fatalf("expected %d rows to be found by an index, found %d", n, scans("audit_pkey"))
		}
		time.Sleep(50 * time.Millisecond)
	}
	if found := scans("audit_unchained"); found > 10 {
		t.Errorf("the index of what is not chained was read %d times", found)
	}
}
