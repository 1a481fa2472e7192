package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery"
)

// linkLife is how long a link to an artefact of a private credential is good for.
const linkLife = time.Hour

// lifecycle is the state of a credential at an instant.
func lifecycle(c StoredCredential, now time.Time) State {
	if c.State == StateIssued && !c.ValidUntil.IsZero() && !now.Before(c.ValidUntil) {
		return StateExpired
	}
	return c.State
}

// show makes what an issuer sees of a credential. It reads how far anchoring has come.
func (s *Service) show(ctx context.Context, scope Scope, state *credentialState) (Credential, error) {
	if state.body.StampID != "" && s.c.Stamper != nil {
		var err error
		if state.anchored, err = s.c.Stamper.State(ctx, scope, state.body.StampID); err != nil && !IsNotFound(err) {
			return Credential{}, err
		}
	}
	return s.showIn(ctx, scope, state)
}

// showIn is show within a transaction: it reads nothing but cached versions of types.
func (s *Service) showIn(ctx context.Context, scope Scope, state *credentialState) (Credential, error) {
	t, err := s.typeOf(ctx, scope, state)
	if err != nil {
		return Credential{}, err
	}
	c, b := state.stored, state.body
	out := Credential{
		ID: c.ID, PublicID: c.PublicID, Environment: scope.Environment, State: lifecycle(c, s.now()), Version: max(c.Issue, 1),
		Type: t.Ref(), Issuer: Named{ID: t.issuer.DID, Name: t.issuer.Name},
		Recipient: Recipient{ID: c.SubjectID, Name: c.RecipientName, Email: c.RecipientEmail, DID: b.RecipientDID},
		Claims:    b.Claims, PrivateFields: b.Private, CreatedAt: c.Created, IssuedAt: after(c.IssuedAt), ValidFrom: b.ValidFrom, ValidUntil: after(c.ValidUntil),
		RevokedAt: b.RevokedAt, SuspendedAt: b.SuspendedAt, ReinstatedAt: b.ReinstatedAt, Reason: b.Reason,
		Supersedes: b.Supersedes, SupersededBy: b.SupersededBy, Visibility: b.Visibility, BatchID: c.BatchID, DocumentID: b.Document,
		Artifacts: map[string]Artifact{}, Anchor: state.anchored,
	}
	if out.Claims == nil {
		out.Claims = map[string]any{}
	}
	if out.PrivateFields == nil {
		out.PrivateFields = []string{}
	}
	if b.StampID != "" && out.Anchor == nil {
		out.Anchor = &AnchorState{State: "pending", StampID: b.StampID}
	}
	if state.mail != nil {
		out.Notify = &Notification{State: state.mail.State, At: state.mail.At, Problem: state.mail.Problem}
	}
	if c.Issue == 0 {
		return out, nil
	}
	if c.Digest != "" {
		out.Digest = &DigestValue{Alg: "sha-256", Value: c.Digest}
	}
	out.VerificationURL = s.credentialURL(c.PublicID)
	if c.ListID != "" {
		out.StatusList = s.listURL(c.ListID, purposeRevocation)
	}
	out.Artifacts, err = s.links(ctx, state)
	return out, err
}

// links are the artefacts of a credential with their addresses: /c/<publicId>/<name>, with
// a signature that holds an hour where the credential is not public.
func (s *Service) links(ctx context.Context, state *credentialState) (map[string]Artifact, error) {
	out := map[string]Artifact{}
	add := func(name, media, digest string, size int64) error {
		link, seconds, err := s.link(ctx, state, name)
		out[name] = Artifact{MediaType: media, Digest: digest, Size: size, URL: link, ExpiresIn: seconds}
		return err
	}
	for _, a := range state.artifacts {
		if err := add(a.Name, a.MediaType, a.Digest, a.Size); err != nil {
			return nil, err
		}
	}
	if state.anchored != nil && state.anchored.State == "anchored" && state.body.Erased == nil {
		return out, add("evidence", chancery.MediaEvidence, "", 0)
	}
	return out, nil
}

func (s *Service) link(ctx context.Context, state *credentialState, name string) (string, int, error) {
	plain := s.credentialURL(state.stored.PublicID) + "/" + name
	if state.body.Visibility == visiblePublic {
		return plain, 0, nil
	}
	in, err := s.installation(ctx)
	if err != nil {
		return "", 0, err
	}
	expires := s.now().Add(linkLife).Unix()
	q := url.Values{"expires": {strconv.FormatInt(expires, 10)}, "signature": {in.linkMAC(state.stored.PublicID, name, expires)}}
	return plain + "?" + q.Encode(), int(linkLife / time.Second), nil
}

func (in *installation) linkMAC(publicID, name string, expires int64) string {
	mac := hmac.New(sha256.New, in.links)
	mac.Write([]byte(publicID + "\x00" + name + "\x00" + strconv.FormatInt(expires, 10)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// LinkedArtifact is an artefact by its address: /c/<publicId>/<name>, with the expires and
// signature of a link to one that is not public, "" without. What is not to be had that way
// is not found.
func (s *Service) LinkedArtifact(ctx context.Context, publicID, name, expires, signature string) (File, error) {
	if expires == "" && signature == "" {
		return s.PublicArtifact(ctx, publicID, name)
	}
	in, err := s.installation(ctx)
	if err != nil {
		return File{}, err
	}
	until, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || s.now().Unix() >= until || !hmac.Equal([]byte(signature), []byte(in.linkMAC(publicID, name, until))) {
		return File{}, NotFound("artifact")
	}
	scope, state, err := s.readPublic(ctx, publicID)
	if err != nil {
		return File{}, artifactFault(err)
	}
	return s.artifact(ctx, scope, state, name)
}

func artifactFault(err error) error {
	if IsNotFound(err) {
		return NotFound("artifact")
	}
	return err
}

// readPublic reads an issued credential of any scope by its public id.
func (s *Service) readPublic(ctx context.Context, publicID string) (Scope, *credentialState, error) {
	var scope Scope
	var state *credentialState
	if len(publicID) > 64 {
		return scope, nil, NotFound("credential")
	}
	err := s.view(ctx, func(tx Tx) error {
		found, stored, err := tx.PublicCredential(ctx, publicID)
		if errors.Is(err, ErrNotFound) || err == nil && stored.Issue == 0 {
			return NotFound("credential")
		}
		if err != nil {
			return err
		}
		scope = found
		state, err = s.readBody(ctx, tx, found, stored)
		return err
	})
	return scope, state, err
}

// GetCredential implements Credentials.
func (s *Service) GetCredential(ctx context.Context, c Caller, id string) (Credential, error) {
	if err := c.Need(MayRead); err != nil {
		return Credential{}, err
	}
	return s.get(ctx, c.Scope, id)
}

func (s *Service) get(ctx context.Context, scope Scope, id string) (Credential, error) {
	var state *credentialState
	err := s.view(ctx, func(tx Tx) error {
		var err error
		state, err = s.read(ctx, tx, scope, id)
		return err
	})
	if err != nil {
		return Credential{}, err
	}
	out, err := s.show(ctx, scope, state)
	if a, ok := out.Artifacts["evidence"]; ok && err == nil {
		// It is put together when it is asked for: its digest is told of one credential, not
		// of each in a list.
		f, err := s.evidence(ctx, scope, state)
		if err != nil {
			return out, err
		}
		a.Digest, a.Size = f.Digest, int64(len(f.Bytes))
		out.Artifacts["evidence"] = a
	}
	return out, err
}

// ListCredentials implements Credentials.
func (s *Service) ListCredentials(ctx context.Context, c Caller, f CredentialFilter, p Page) (List[Credential], error) {
	if err := c.Need(MayRead); err != nil {
		return List[Credential]{}, err
	}
	q := CredentialQuery{
		State: f.State, BatchID: f.BatchID, RecipientEmail: strings.ToLower(f.RecipientEmail), RecipientName: f.RecipientName,
		ClaimKey: f.ClaimKey, ClaimValue: f.ClaimValue, IssuedAfter: f.IssuedAfter, IssuedBefore: f.IssuedBefore, Now: s.now(), Oldest: f.Oldest,
	}
	var states []*credentialState
	out := List[Credential]{Items: []Credential{}, Total: -1}
	err := s.view(ctx, func(tx Tx) error {
		states = nil
		if f.Type != "" {
			r, err := findType(ctx, tx, c.Scope, f.Type)
			if IsNotFound(err) {
				if p.WithTotal {
					out.Total = 0
				}
				return nil
			}
			if err != nil {
				return err
			}
			q.TypeID = r.ID
		}
		found, err := tx.Credentials(ctx, c.Scope, q, p)
		if err != nil {
			return err
		}
		out.Next, out.Total = found.Next, found.Total
		for _, stored := range found.Items {
			state, err := s.readBody(ctx, tx, c.Scope, stored)
			if err != nil {
				return err
			}
			states = append(states, state)
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	for _, state := range states {
		shown, err := s.show(ctx, c.Scope, state)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, shown)
	}
	return out, nil
}

// Artifact implements Credentials.
func (s *Service) Artifact(ctx context.Context, c Caller, id, name string) (File, error) {
	if err := c.Need(MayRead); err != nil {
		return File{}, err
	}
	var state *credentialState
	err := s.view(ctx, func(tx Tx) error {
		var err error
		state, err = s.read(ctx, tx, c.Scope, id)
		return err
	})
	if err != nil {
		return File{}, err
	}
	return s.artifact(ctx, c.Scope, state, name)
}

// maxArtifact bounds a file that is handed out in one piece.
const maxArtifact = 64 << 20

// artifact returns a file of a credential. Its bytes are held against its digest.
func (s *Service) artifact(ctx context.Context, scope Scope, state *credentialState, name string) (File, error) {
	if name == "evidence" {
		return s.evidence(ctx, scope, state)
	}
	for _, a := range state.artifacts {
		if a.Name != name {
			continue
		}
		out := File{Name: fileName(state.stored, name), MediaType: a.MediaType, Digest: a.Digest, Bytes: a.Bytes}
		if a.Bytes == nil {
			var err error
			if out.Bytes, err = s.blob(ctx, a.Digest, maxArtifact); err != nil {
				if errors.Is(err, ErrNotFound) { // such as files restored to before the database
					s.log.ErrorContext(ctx, "a file that the register names is not there", "digest", a.Digest, "artifact", name)
				}
				return File{}, artifactFault(err)
			}
		}
		if digestHexOf(out.Bytes) != a.Digest {
			return File{}, errors.New("service: stored artefact: expected another digest")
		}
		return out, nil
	}
	return File{}, NotFound("artifact")
}

func fileName(c StoredCredential, name string) string {
	extension := map[string]string{"vc": ".json", "vc.jwt": ".jwt", "pdf": ".pdf", "png": ".png", "svg": ".svg", "evidence": ".cbor"}[name]
	return c.PublicID + extension
}

// evidence makes the evidence of a credential, which is about the signed credential and
// holds it.
func (s *Service) evidence(ctx context.Context, scope Scope, state *credentialState) (File, error) {
	vc, ok := vcOf(state.artifacts)
	if state.body.StampID == "" || s.c.Stamper == nil || !ok {
		return File{}, NotFound("artifact")
	}
	bundle, err := s.c.Stamper.Evidence(ctx, scope, state.body.StampID, vc.Bytes)
	if err != nil {
		return File{}, err
	}
	b, err := bundle.Encode()
	return File{Name: fileName(state.stored, "evidence"), MediaType: chancery.MediaEvidence, Digest: digestHexOf(b), Bytes: b}, err
}
