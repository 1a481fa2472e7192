package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/keyset"
)

const credentialColumns = `id, public_id, state, version, issue, type_id, issuer_id, subject_id, batch_id, recipient_name, recipient_email, claims,
	created, issued_at, valid_until, list_id, list_index, digest, body`

func scanCredential(r Rows, c *service.StoredCredential) error {
	return scanCredentialAfter(r, c)
}

func scanCredentialAfter(r Rows, c *service.StoredCredential, before ...any) error {
	var claims string
	var issue int64
	err := r.Scan(append(before, &c.ID, &c.PublicID, &c.State, &c.Version, &issue, &c.TypeID, &c.IssuerID, &c.SubjectID, &c.BatchID,
		&c.RecipientName, &c.RecipientEmail, &claims, scanTime{&c.Created}, scanTime{&c.IssuedAt}, scanTime{&c.ValidUntil},
		&c.ListID, &c.Index, &c.Digest, &c.Body)...)
	if err != nil {
		return err
	}
	c.Issue = int(issue)
	if claims == "" {
		return nil
	}
	return json.Unmarshal([]byte(claims), &c.Claims)
}

func scanOwnedCredential(r Rows, o *owned[service.StoredCredential]) error {
	return scanCredentialAfter(r, &o.v, &o.Tenant, &o.Environment)
}

// Credential implements service.CredentialTx.
func (t *Tx) Credential(ctx context.Context, s service.Scope, id string) (service.StoredCredential, error) {
	return row(ctx, t, false, scanCredential, `SELECT `+credentialColumns+` FROM credential WHERE tenant = $1 AND environment = $2 AND id = $3`,
		s.Tenant, string(s.Environment), id)
}

// PublicCredential implements service.CredentialTx.
func (t *Tx) PublicCredential(ctx context.Context, publicID string) (service.Scope, service.StoredCredential, error) {
	o, err := row(ctx, t, false, scanOwnedCredential, `SELECT tenant, environment, `+credentialColumns+` FROM credential WHERE public_id = $1`, publicID)
	return o.Scope, o.v, err
}

// DigestCredential implements service.CredentialTx.
func (t *Tx) DigestCredential(ctx context.Context, digest string) (service.Scope, service.StoredCredential, error) {
	o, err := row(ctx, t, false, scanOwnedCredential, `SELECT c.tenant, c.environment, c.id, c.public_id, c.state, c.version, c.issue, c.type_id, c.issuer_id, c.subject_id,
		c.batch_id, c.recipient_name, c.recipient_email, c.claims, c.created, c.issued_at, c.valid_until, c.list_id, c.list_index, c.digest, c.body
		FROM artifact a JOIN credential c ON c.tenant = a.tenant AND c.environment = a.environment AND c.id = a.credential_id
		WHERE a.digest = $1 ORDER BY c.created, c.id LIMIT 1`, digest)
	return o.Scope, o.v, err
}

func place(c *service.StoredCredential) time.Time {
	if c.IssuedAt.IsZero() {
		return c.Created
	}
	return c.IssuedAt
}

// maxIndexed bounds what goes into an index: PostgreSQL refuses entries of more than a
// third of a page.
const maxIndexed = 256

// indexed shortens a text such that different texts stay different.
func indexed(s string) string {
	if len(s) <= maxIndexed {
		return s
	}
	d := sha256.Sum256([]byte(s))
	return strings.ToValidUTF8(s[:64], "") + "…" + hex.EncodeToString(d[:])
}

// folded is what names are compared by: without case, and shortened.
func folded(name string) string {
	name = strings.ToLower(name)
	if len(name) > maxIndexed {
		name = strings.ToValidUTF8(name[:maxIndexed], "")
	}
	return name
}

func claimsText(m map[string]string) (string, error) {
	if len(m) == 0 {
		return "", nil
	}
	b, err := json.Marshal(m, json.Deterministic(true))
	return string(b), err
}

const addCredential = `INSERT INTO credential (tenant, environment, id, public_id, state, version, issue, type_id, issuer_id, subject_id, batch_id, recipient_name, recipient_email,
	claims, created, issued_at, valid_until, list_id, list_index, digest, body, name_key, email_key, place)
	VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)`

// AddCredential implements service.CredentialTx.
func (t *Tx) AddCredential(ctx context.Context, s service.Scope, list ...service.StoredCredential) error {
	for i := range list {
		c := &list[i]
		claims, err := claimsText(c.Claims)
		if err != nil {
			return err
		}
		err = t.later(ctx, addCredential, s.Tenant, string(s.Environment), c.ID, c.PublicID, string(c.State), int64(c.Issue), c.TypeID, c.IssuerID, c.SubjectID, c.BatchID, c.RecipientName, c.RecipientEmail,
			claims, micro(c.Created), micro(c.IssuedAt), micro(c.ValidUntil), c.ListID, c.Index, c.Digest, string(c.Body),
			folded(c.RecipientName), indexed(c.RecipientEmail), micro(place(c)))
		if err != nil {
			return err
		}
	}
	for i := range list {
		if err := t.addClaims(ctx, s, list[i].ID, list[i].Claims); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) addClaims(ctx context.Context, s service.Scope, id string, claims map[string]string) error {
	for k, v := range claims {
		err := t.later(ctx, `INSERT INTO credential_claim (tenant, environment, claim, value, credential_id) VALUES ($1, $2, $3, $4, $5)`,
			s.Tenant, string(s.Environment), indexed(k), indexed(v), id)
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) dropClaims(ctx context.Context, s service.Scope, id string, claims map[string]string) error {
	for k, v := range claims {
		err := t.later(ctx, `DELETE FROM credential_claim WHERE tenant = $1 AND environment = $2 AND claim = $3 AND value = $4 AND credential_id = $5`,
			s.Tenant, string(s.Environment), indexed(k), indexed(v), id)
		if err != nil {
			return err
		}
	}
	return nil
}

// SetCredential implements service.CredentialTx.
func (t *Tx) SetCredential(ctx context.Context, s service.Scope, c service.StoredCredential) error {
	old, err := t.Credential(ctx, s, c.ID)
	if err != nil {
		return err
	}
	if old.Version != c.Version {
		return service.ErrConflict
	}
	claims, err := claimsText(c.Claims)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, `UPDATE credential SET public_id = $1, state = $2, version = version + 1, issue = $3, type_id = $4, issuer_id = $5, subject_id = $6, batch_id = $7,
		recipient_name = $8, recipient_email = $9, claims = $10, created = $11, issued_at = $12, valid_until = $13, list_id = $14, list_index = $15, digest = $16, body = $17,
		name_key = $18, email_key = $19, place = $20
		WHERE tenant = $21 AND environment = $22 AND id = $23 AND version = $24`,
		c.PublicID, string(c.State), int64(c.Issue), c.TypeID, c.IssuerID, c.SubjectID, c.BatchID,
		c.RecipientName, c.RecipientEmail, claims, micro(c.Created), micro(c.IssuedAt), micro(c.ValidUntil), c.ListID, c.Index, c.Digest, string(c.Body),
		folded(c.RecipientName), indexed(c.RecipientEmail), micro(place(&c)),
		s.Tenant, string(s.Environment), c.ID, c.Version)
	switch {
	case err != nil:
		return err
	case n == 0:
		return service.ErrConflict
	case maps.Equal(old.Claims, c.Claims):
		return nil
	}
	if err := t.dropClaims(ctx, s, c.ID, old.Claims); err != nil {
		return err
	}
	return t.addClaims(ctx, s, c.ID, c.Claims)
}

// DeleteCredential implements service.CredentialTx.
func (t *Tx) DeleteCredential(ctx context.Context, s service.Scope, id string, version int64) error {
	old, err := t.Credential(ctx, s, id)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, `DELETE FROM credential WHERE tenant = $1 AND environment = $2 AND id = $3 AND version = $4`, s.Tenant, string(s.Environment), id, version)
	if err == nil && n == 0 {
		err = service.ErrConflict
	}
	if err != nil {
		return err
	}
	if err := t.dropClaims(ctx, s, id, old.Claims); err != nil {
		return err
	}
	_, err = t.DeleteArtifacts(ctx, s, id)
	return err
}

// Credentials implements service.CredentialTx.
func (t *Tx) Credentials(ctx context.Context, s service.Scope, q service.CredentialQuery, p service.Page) (service.List[service.StoredCredential], error) {
	return list(ctx, t, listing[service.StoredCredential]{
		table: "credential", columns: credentialColumns, at: "place", id: "id", oldest: q.Oldest, scan: scanCredential, name: keyset.Credentials(s, q),
		place: func(c service.StoredCredential) keyset.Place { return keyset.Place{At: micro(place(&c)), ID: c.ID} },
	}, credentialFilter(s, q), p)
}

func credentialFilter(s service.Scope, q service.CredentialQuery) *where {
	var w where
	never := micro(time.Time{})
	w.add(`tenant = ? AND environment = ?`, s.Tenant, string(s.Environment))
	if q.TypeID != "" {
		w.add(`type_id = ?`, q.TypeID)
	}
	switch q.State {
	case "":
	case service.StateExpired:
		w.add(`state = 'issued' AND valid_until <> ? AND valid_until < ?`, never, micro(q.Now))
	case service.StateIssued:
		w.add(`state = 'issued' AND (valid_until = ? OR valid_until >= ?)`, never, micro(q.Now))
	default:
		w.add(`state <> 'issued' AND state = ?`, string(q.State))
	}
	if q.SubjectID != "" {
		w.add(`subject_id <> '' AND subject_id = ?`, q.SubjectID)
	}
	if q.BatchID != "" {
		w.add(`batch_id <> '' AND batch_id = ?`, q.BatchID)
	}
	if q.RecipientEmail != "" {
		w.add(`email_key <> '' AND email_key = ?`, indexed(q.RecipientEmail))
	}
	if q.RecipientName != "" {
		prefix := folded(q.RecipientName)
		w.add(`name_key <> '' AND name_key >= ? AND name_key < ?`, prefix, prefix+"\U0010ffff")
	}
	if q.ClaimKey != "" {
		w.add(`id IN (SELECT credential_id FROM credential_claim WHERE tenant = ? AND environment = ? AND claim = ? AND value = ?)`,
			s.Tenant, string(s.Environment), indexed(q.ClaimKey), indexed(q.ClaimValue))
	}
	if !q.IssuedAfter.IsZero() {
		w.add(`issued_at > ? AND place > ?`, micro(q.IssuedAfter), micro(q.IssuedAfter))
	}
	if !q.IssuedBefore.IsZero() {
		w.add(`issued_at <> ? AND issued_at < ? AND place < ?`, never, micro(q.IssuedBefore), micro(q.IssuedBefore))
	}
	return &w
}

const artifactColumns = `issue, name, media_type, digest, size, content, created`

func scanArtifact(r Rows, a *service.StoredArtifact) error {
	var content *string
	var issue int64
	err := r.Scan(&issue, &a.Name, &a.MediaType, &a.Digest, &a.Size, &content, scanTime{&a.Created})
	a.Issue, a.Bytes = int(issue), fromOptional(content)
	return err
}

// AddArtifact implements service.CredentialTx.
func (t *Tx) AddArtifact(ctx context.Context, s service.Scope, id string, a service.StoredArtifact) error {
	return t.later(ctx, `INSERT INTO artifact (tenant, environment, credential_id, `+artifactColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		s.Tenant, string(s.Environment), id, int64(a.Issue), a.Name, a.MediaType, a.Digest, a.Size, optional(a.Bytes), micro(a.Created))
}

// Artifacts implements service.CredentialTx.
func (t *Tx) Artifacts(ctx context.Context, s service.Scope, id string, issue int) ([]service.StoredArtifact, error) {
	const sql = `SELECT ` + artifactColumns + ` FROM artifact WHERE tenant = $1 AND environment = $2 AND credential_id = $3`
	if issue == 0 {
		return rows(ctx, t, false, scanArtifact, sql+` ORDER BY issue, name`, s.Tenant, string(s.Environment), id)
	}
	return rows(ctx, t, false, scanArtifact, sql+` AND issue = $4 ORDER BY name`, s.Tenant, string(s.Environment), id, int64(issue))
}

// DeleteArtifacts implements service.CredentialTx.
func (t *Tx) DeleteArtifacts(ctx context.Context, s service.Scope, id string) ([]service.StoredArtifact, error) {
	out, err := t.Artifacts(ctx, s, id, 0)
	if err != nil {
		return nil, err
	}
	_, err = t.exec(ctx, `DELETE FROM artifact WHERE tenant = $1 AND environment = $2 AND credential_id = $3`, s.Tenant, string(s.Environment), id)
	return out, err
}
