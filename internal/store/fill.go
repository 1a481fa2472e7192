package store

import (
	"context"
	"fmt"

	"github.com/chancery-dev/chancery/internal/service"
)

// Fill adds n credentials, with their artefacts, in the engine itself: for measurements of
// large stores. Credential i has the id "fill-i" and the public id "public-fill-i".
func Fill(ctx context.Context, r Runner, s service.Scope, n int64) error {
	const part = 50000
	for from := int64(0); from < n; from += part {
		err := r.RunUpdate(ctx, func(t *Tx) error {
			args := []any{s.Tenant, string(s.Environment), from, min(from+part, n)}
			for _, sql := range []string{
				`INSERT INTO credential (tenant, environment, id, public_id, state, version, issue, type_id, issuer_id, subject_id, batch_id, recipient_name, recipient_email,
					name_key, email_key, claims, created, issued_at, valid_until, place, list_id, list_index, digest, body)
				SELECT $1, $2, 'fill-' || i, 'public-fill-' || i, 'issued', 1, 1, 'type', 'issuer', '', '', 'Ada ' || i, '', 'ada ' || i, '', '', i, i, -62135596800000000, i,
					'list', i, 'digest-' || i, '{"claims":{"grade":"A"},"outputs":["vc"],"text":"some body of the usual size, of which there is a little more than this"}'
				FROM (WITH RECURSIVE c(i) AS (SELECT $3 + 0 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < $4) SELECT i FROM c) AS numbers`,
				`INSERT INTO artifact (tenant, environment, credential_id, issue, name, media_type, digest, size, content, created)
				SELECT $1, $2, 'fill-' || i, 1, 'vc', 'application/vc', 'digest-' || i, 300, '{"a signed credential":"of which only the beginning is here, since what is measured is the finding"}', i
				FROM (WITH RECURSIVE c(i) AS (SELECT $3 + 0 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < $4) SELECT i FROM c) AS numbers`,
			} {
				if _, err := t.exec(ctx, sql, args...); err != nil {
					return fmt.Errorf("store: filling: %w", err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
