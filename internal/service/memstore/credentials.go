package memstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/keyset"
)

func copyCredential(c service.StoredCredential) service.StoredCredential {
	c.Claims, c.Body = maps.Clone(c.Claims), slices.Clone(c.Body)
	c.Created, c.IssuedAt, c.ValidUntil = micro(c.Created), micro(c.IssuedAt), micro(c.ValidUntil)
	return c
}

func copyArtifact(a service.StoredArtifact) service.StoredArtifact {
	a.Bytes, a.Created = slices.Clone(a.Bytes), micro(a.Created)
	return a
}

// Credential implements service.CredentialTx.
func (t *tx) Credential(ctx context.Context, s service.Scope, id string) (service.StoredCredential, error) {
	if err := t.reading(ctx); err != nil {
		return service.StoredCredential{}, err
	}
	c, ok := t.d.credentials[s][id]
	if !ok {
		return service.StoredCredential{}, service.ErrNotFound
	}
	return copyCredential(c), nil
}

// PublicCredential implements service.CredentialTx.
func (t *tx) PublicCredential(ctx context.Context, publicID string) (service.Scope, service.StoredCredential, error) {
	at, ok := t.d.publicIDs[publicID]
	if !ok {
		return service.Scope{}, service.StoredCredential{}, service.ErrNotFound
	}
	c, err := t.Credential(ctx, at.Scope, at.id)
	return at.Scope, c, err
}

// DigestCredential implements service.CredentialTx.
func (t *tx) DigestCredential(ctx context.Context, digest string) (service.Scope, service.StoredCredential, error) {
	all := t.d.digests[digest]
	if len(all) == 0 {
		return service.Scope{}, service.StoredCredential{}, service.ErrNotFound
	}
	c, err := t.Credential(ctx, all[0].Scope, all[0].id)
	return all[0].Scope, c, err
}

// AddCredential implements service.CredentialTx.
func (t *tx) AddCredential(ctx context.Context, s service.Scope, list ...service.StoredCredential) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	for _, c := range list {
		m := inner(t.d.credentials, s)
		_, id := m[c.ID]
		_, public := t.d.publicIDs[c.PublicID]
		_, taken := t.d.slots[slot{c.ListID, c.Index}]
		if id || public || taken && c.ListID != "" {
			return t.poison(service.ErrExists)
		}
		c.Version = 1
		t.putCredential(s, c)
	}
	return nil
}

func (t *tx) putCredential(s service.Scope, c service.StoredCredential) {
	at := scopeID{s, c.ID}
	set(t, t.d.publicIDs, c.PublicID, at)
	if c.ListID != "" {
		set(t, t.d.slots, slot{c.ListID, c.Index}, at)
	}
	set(t, inner(t.d.credentials, s), c.ID, copyCredential(c))
}

func (t *tx) dropCredential(s service.Scope, c service.StoredCredential) {
	remove(t, t.d.publicIDs, c.PublicID)
	if c.ListID != "" {
		remove(t, t.d.slots, slot{c.ListID, c.Index})
	}
	remove(t, t.d.credentials[s], c.ID)
}

// SetCredential implements service.CredentialTx.
func (t *tx) SetCredential(ctx context.Context, s service.Scope, c service.StoredCredential) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	old, ok := t.d.credentials[s][c.ID]
	switch {
	case !ok:
		return service.ErrNotFound
	case old.Version != c.Version:
		return service.ErrConflict
	}
	at := scopeID{s, c.ID}
	if p, ok := t.d.publicIDs[c.PublicID]; ok && p != at {
		return t.poison(service.ErrExists)
	}
	if p, ok := t.d.slots[slot{c.ListID, c.Index}]; c.ListID != "" && ok && p != at {
		return t.poison(service.ErrExists)
	}
	c.Version++
	t.dropCredential(s, old)
	t.putCredential(s, c)
	return nil
}

// DeleteCredential implements service.CredentialTx.
func (t *tx) DeleteCredential(ctx context.Context, s service.Scope, id string, version int64) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	old, ok := t.d.credentials[s][id]
	switch {
	case !ok:
		return service.ErrNotFound
	case old.Version != version:
		return service.ErrConflict
	}
	t.dropCredential(s, old)
	_, err := t.DeleteArtifacts(ctx, s, id)
	return err
}

func sorted(c service.StoredCredential) keyset.Place {
	if c.IssuedAt.IsZero() {
		return place(c.Created, c.ID)
	}
	return place(c.IssuedAt, c.ID)
}

func matches(c service.StoredCredential, q service.CredentialQuery) bool {
	state := c.State
	if state == service.StateIssued && !c.ValidUntil.IsZero() && q.Now.After(c.ValidUntil) {
		state = service.StateExpired
	}
	return (q.TypeID == "" || c.TypeID == q.TypeID) &&
		(q.State == "" || state == q.State) &&
		(q.SubjectID == "" || c.SubjectID == q.SubjectID) &&
		(q.BatchID == "" || c.BatchID == q.BatchID) &&
		(q.RecipientEmail == "" || c.RecipientEmail == q.RecipientEmail) &&
		(q.RecipientName == "" || strings.HasPrefix(strings.ToLower(c.RecipientName), strings.ToLower(q.RecipientName))) &&
		(q.ClaimKey == "" || hasClaim(c.Claims, q.ClaimKey, q.ClaimValue)) &&
		(q.IssuedAfter.IsZero() || !c.IssuedAt.IsZero() && c.IssuedAt.After(micro(q.IssuedAfter))) &&
		(q.IssuedBefore.IsZero() || !c.IssuedAt.IsZero() && c.IssuedAt.Before(micro(q.IssuedBefore)))
}

func hasClaim(m map[string]string, key, value string) bool {
	v, ok := m[key]
	return ok && v == value
}

// Credentials implements service.CredentialTx.
func (t *tx) Credentials(ctx context.Context, s service.Scope, q service.CredentialQuery, p service.Page) (service.List[service.StoredCredential], error) {
	if err := t.reading(ctx); err != nil {
		return service.List[service.StoredCredential]{}, err
	}
	var all []service.StoredCredential
	for _, c := range t.d.credentials[s] {
		if matches(c, q) {
			all = append(all, c)
		}
	}
	out, err := page(all, sorted, q.Oldest, p, keyset.Credentials(s, q)...)
	for i := range out.Items {
		out.Items[i] = copyCredential(out.Items[i])
	}
	return out, err
}

// AddArtifact implements service.CredentialTx.
func (t *tx) AddArtifact(ctx context.Context, s service.Scope, id string, a service.StoredArtifact) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	at := scopeID{s, id}
	all := t.d.artifacts[at]
	i, found := slices.BinarySearchFunc(all, a, func(x, y service.StoredArtifact) int {
		return cmp.Or(cmp.Compare(x.Issue, y.Issue), cmp.Compare(x.Name, y.Name))
	})
	if found {
		return t.poison(service.ErrExists)
	}
	set(t, t.d.artifacts, at, slices.Insert(slices.Clone(all), i, copyArtifact(a)))
	set(t, t.d.digests, a.Digest, append(slices.Clone(t.d.digests[a.Digest]), at))
	return nil
}

// Artifacts implements service.CredentialTx.
func (t *tx) Artifacts(ctx context.Context, s service.Scope, id string, issue int) ([]service.StoredArtifact, error) {
	if err := t.reading(ctx); err != nil {
		return nil, err
	}
	var out []service.StoredArtifact
	for _, a := range t.d.artifacts[scopeID{s, id}] {
		if issue == 0 || a.Issue == issue {
			out = append(out, copyArtifact(a))
		}
	}
	return out, nil
}

// DeleteArtifacts implements service.CredentialTx.
func (t *tx) DeleteArtifacts(ctx context.Context, s service.Scope, id string) ([]service.StoredArtifact, error) {
	if err := t.writing(ctx); err != nil {
		return nil, err
	}
	out, err := t.Artifacts(ctx, s, id, 0)
	at := scopeID{s, id}
	for _, a := range out {
		rest := slices.DeleteFunc(slices.Clone(t.d.digests[a.Digest]), func(o scopeID) bool { return o == at })
		if len(rest) == 0 {
			remove(t, t.d.digests, a.Digest)
		} else {
			set(t, t.d.digests, a.Digest, rest)
		}
	}
	remove(t, t.d.artifacts, at)
	return out, err
}
