package postgres_test

import (
	"context"
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

// TestRecordByID: a record is found by its id without a look at others of its kind, also where
// there were few when the server looked at its statistics last, and the connections have their
// plans from then: within seconds, a worker has it look again.
func TestRecordByID(t *testing.T) {
	const n = 3000
	dsn := database(t)
	s, at := open(t, dsn), time.Unix(1e9, 0)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`ALTER TABLE record SET (autovacuum_enabled = false)`)
	add := func(from, to int) {
		t.Helper()
		err := s.Update(t.Context(), func(tx service.Tx) error {
			for i := from; i < to; i++ {
				r := service.Record{Kind: service.KindDelivery, ID: fmt.Sprintf("%06d", i), Created: at, Updated: at, Body: []byte("{}")}
				if err := tx.Put(t.Context(), storetest.ScopeA, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add(0, 5)
	exec(`ANALYZE record`)
	add(5, n)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Work(ctx, service.WorkConfig{Handlers: map[string]service.JobHandler{"none": func(context.Context, service.Run) error { return nil }}})
	}()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var known float64
		if err := conn.QueryRow(t.Context(), `SELECT reltuples FROM pg_class WHERE relname = 'record'`).Scan(&known); err != nil {
			t.Fatal(err)
		}
		if known >= n {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server knows of %v of %d rows", known, n)
		}
	}
	exec(`SELECT pg_stat_reset()`)
	for i := range 300 {
		err := s.View(t.Context(), func(tx service.Tx) error {
			_, err := tx.Get(t.Context(), storetest.ScopeA, service.KindDelivery, fmt.Sprintf("%06d", i*7))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // what was read is counted when connections end
		t.Fatal(err)
	}
	var looks, read int64
	deadline := time.Now().Add(10 * time.Second)
	for looks < 300 && time.Now().Before(deadline) {
		time.Sleep(100 * time.Millisecond)
		if err := conn.QueryRow(t.Context(), `SELECT sum(idx_scan)::bigint, sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'record'`).Scan(&looks, &read); err != nil {
			t.Fatal(err)
		}
	}
	if looks < 300 || read > 10*looks {
		t.Errorf("%d looks read %d entries of indexes", looks, read)
	}
}
