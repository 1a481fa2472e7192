package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/keyset"
)

const auditColumns = `id, at, actor, action, subject, source, request, detail, seq, hash`

func scanAudit(r Rows, e *service.AuditEntry) error {
	var detail, hash *string
	if err := r.Scan(&e.ID, scanTime{&e.At}, &e.Actor, &e.Action, &e.Subject, &e.Source, &e.Request, &detail, &e.Seq, &hash); err != nil {
		return err
	}
	e.Detail = fromOptional(detail)
	if hash == nil {
		return nil
	}
	var err error
	e.Hash, err = unb64(*hash)
	return err
}

// AddAudit implements service.LogTx.
func (t *Tx) AddAudit(ctx context.Context, s service.Scope, e service.AuditEntry) error {
	return t.later(ctx, `INSERT INTO audit (tenant, environment, id, at, actor, action, subject, source, request, detail, seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)`,
		s.Tenant, string(s.Environment), e.ID, micro(e.At), e.Actor, e.Action, e.Subject, e.Source, e.Request, optional(e.Detail))
}

// Unchained implements service.LogTx.
func (t *Tx) Unchained(ctx context.Context, s service.Scope, n int) ([]service.AuditEntry, error) {
	return rows(ctx, t, false, scanAudit, `SELECT `+auditColumns+` FROM audit WHERE tenant = $1 AND environment = $2 AND seq = 0 ORDER BY at, id LIMIT $3`,
		s.Tenant, string(s.Environment), int64(n))
}

// UnchainedScopes implements service.LogTx.
func (t *Tx) UnchainedScopes(ctx context.Context) ([]service.Scope, error) {
	return rows(ctx, t, false, scanScope, `SELECT DISTINCT tenant, environment FROM audit WHERE seq = 0 ORDER BY tenant, environment`)
}

// ChainAudit implements service.LogTx.
func (t *Tx) ChainAudit(ctx context.Context, s service.Scope, entries []service.AuditEntry) error {
	args := make([][]any, len(entries))
	for i, e := range entries {
		if e.Seq < 1 {
			return service.ErrConflict
		}
		args[i] = []any{e.Seq, b64(e.Hash), s.Tenant, string(s.Environment), e.ID}
	}
	// A taken Seq touches no row, rather than to meet the unique key; of two transactions
	// at once, the key decides. "seq < 1" keeps the planner from the index of those that are
	// not chained, which it would read from one end to the other for each row.
	n, err := t.execMany(ctx, `UPDATE audit SET seq = $1, hash = $2 WHERE tenant = $3 AND environment = $4 AND id = $5 AND seq < 1
		AND NOT EXISTS (SELECT 1 FROM audit o WHERE o.tenant = $3 AND o.environment = $4 AND o.seq = $1 AND o.seq > 0)`, args)
	if err != nil {
		if errors.Is(err, service.ErrExists) {
			t.failed = service.ErrConflict
			return service.ErrConflict
		}
		return err
	}
	for _, n := range n {
		if n == 0 {
			return t.fail(service.ErrConflict)
		}
	}
	return nil
}

// LastAudit implements service.LogTx.
func (t *Tx) LastAudit(ctx context.Context, s service.Scope) (service.AuditEntry, error) {
	return row(ctx, t, false, scanAudit, `SELECT `+auditColumns+` FROM audit WHERE tenant = $1 AND environment = $2 AND seq > 0 ORDER BY seq DESC LIMIT 1`, s.Tenant, string(s.Environment))
}

// Audit implements service.LogTx.
func (t *Tx) Audit(ctx context.Context, s service.Scope, p service.Page) (service.List[service.AuditEntry], error) {
	var w where
	w.add(`tenant = ? AND environment = ? AND seq > 0`, s.Tenant, string(s.Environment))
	return list(ctx, t, listing[service.AuditEntry]{
		table: "audit", columns: auditColumns, at: "seq", scan: scanAudit, name: keyset.Audit(s),
		place: func(e service.AuditEntry) keyset.Place { return keyset.Place{At: e.Seq} },
	}, &w, p)
}

// AuditFrom implements service.LogTx.
func (t *Tx) AuditFrom(ctx context.Context, s service.Scope, from int64, n int) ([]service.AuditEntry, error) {
	return rows(ctx, t, false, scanAudit, `SELECT `+auditColumns+` FROM audit WHERE tenant = $1 AND environment = $2 AND seq > 0 AND seq >= $3 ORDER BY seq LIMIT $4`,
		s.Tenant, string(s.Environment), from, int64(n))
}

const logColumns = `id, at, subject, method, outcome, reason, source`

func scanLog(r Rows, e *service.LogEntry) error {
	return r.Scan(&e.ID, scanTime{&e.At}, &e.Subject, &e.Method, &e.Outcome, &e.Reason, &e.Source)
}

// logRows is how many rows of the verification log one statement adds: most of what a row
// costs is the statement's own beginning and end.
const logRows = 50

// Statements that add one row, and logRows of them.
var addLogRow, addLogRows = addLog(1), addLog(logRows)

func addLog(n int) string {
	var b strings.Builder
	b.WriteString(`INSERT INTO verification (tenant, environment, ` + logColumns + `) VALUES`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		for j := range 9 {
			fmt.Fprintf(&b, "%s$%d", [2]string{" (", ", "}[min(j, 1)], 9*i+j+1)
		}
		b.WriteByte(')')
	}
	return b.String()
}

// AddVerifications implements service.LogTx.
func (t *Tx) AddVerifications(ctx context.Context, s service.Scope, entries []service.LogEntry) error {
	for len(entries) > 0 {
		n, text := 1, addLogRow
		if len(entries) >= logRows {
			n, text = logRows, addLogRows
		}
		args := make([]any, 0, 9*n)
		for _, e := range entries[:n] {
			args = append(args, s.Tenant, string(s.Environment), e.ID, micro(e.At), e.Subject, e.Method, e.Outcome, e.Reason, e.Source)
		}
		if err := t.later(ctx, text, args...); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// Verifications implements service.LogTx.
func (t *Tx) Verifications(ctx context.Context, s service.Scope, p service.Page) (service.List[service.LogEntry], error) {
	var w where
	w.add(`tenant = ? AND environment = ?`, s.Tenant, string(s.Environment))
	return list(ctx, t, listing[service.LogEntry]{
		table: "verification", columns: logColumns, at: "at", id: "id", scan: scanLog, name: keyset.Verifications(s),
		place: func(e service.LogEntry) keyset.Place { return keyset.Place{At: micro(e.At), ID: e.ID} },
	}, &w, p)
}

// ForgetVerifications implements service.LogTx. The rows lie by scope, then by time, so the
// scopes are gone through one by one.
func (t *Tx) ForgetVerifications(ctx context.Context, before time.Time, n int) (int, error) {
	gone := 0
	var at service.Scope // lines of documents that are not ours have this one, so it counts too
	for after := ">="; gone < n; after = ">" {
		scopes, err := rows(ctx, t, true, scanScope, `SELECT tenant, environment FROM verification
			WHERE (tenant, environment) `+after+` ($1, $2) ORDER BY tenant, environment LIMIT 1`, at.Tenant, string(at.Environment))
		if err != nil || len(scopes) == 0 {
			return gone, err
		}
		at = scopes[0]
		count, err := t.exec(ctx, `DELETE FROM verification WHERE (tenant, environment, at, id) IN
			(SELECT tenant, environment, at, id FROM verification WHERE tenant = $1 AND environment = $2 AND at < $3 ORDER BY at, id LIMIT $4)`,
			at.Tenant, string(at.Environment), micro(before), int64(n-gone))
		if err != nil {
			return gone, err
		}
		gone += int(count)
	}
	return gone, nil
}

// Count implements service.LogTx.
func (t *Tx) Count(ctx context.Context, s service.Scope, name string, add int64) (int64, error) {
	return row(ctx, t, true, scanInt, `INSERT INTO counter (tenant, environment, name, n) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, environment, name) DO UPDATE SET n = counter.n + excluded.n RETURNING n`, s.Tenant, string(s.Environment), name, add)
}
