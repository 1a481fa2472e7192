package store

import (
	"context"
	"errors"

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

// Count implements service.LogTx.
func (t *Tx) Count(ctx context.Context, s service.Scope, name string, add int64) (int64, error) {
	return row(ctx, t, true, scanInt, `INSERT INTO counter (tenant, environment, name, n) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, environment, name) DO UPDATE SET n = counter.n + excluded.n RETURNING n`, s.Tenant, string(s.Environment), name, add)
}
