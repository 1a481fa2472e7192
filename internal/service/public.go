package service

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/multikey"
)

// PublicCredential implements Public.
func (s *Service) PublicCredential(ctx context.Context, publicID string) (PublicView, error) {
	scope, state, err := s.readPublic(ctx, publicID)
	if err != nil {
		return PublicView{}, err
	}
	v, err := s.verifyState(ctx, scope, state)
	if err != nil {
		return PublicView{}, err
	}
	s.logVerdict(scope, state.stored.ID, "", "id", v, "web")
	return s.publicView(ctx, scope, state, v)
}

func (s *Service) publicView(ctx context.Context, scope Scope, state *credentialState, v Verdict) (PublicView, error) {
	t, err := s.typeOf(ctx, scope, state)
	if err != nil {
		return PublicView{}, err
	}
	c, b := state.stored, state.body
	out := PublicView{
		PublicID: c.PublicID, Type: t.Type.DisplayName, Kind: t.Type.Kind, Verdict: v, IssuedAt: c.IssuedAt, Until: c.ValidUntil,
		URL: s.credentialURL(c.PublicID), Digest: c.Digest, Artifacts: map[string]Artifact{}, Test: scope.Environment == Test, IssuerURL: t.issuer.URL,
	}
	out.Verdict.Issuer = Named{ID: t.issuer.DID, Name: t.issuer.Name}
	if b.RevokedAt != nil {
		out.RevokedAt = *b.RevokedAt
	}
	if b.SupersededBy != "" {
		if out.SupersededBy, err = s.publicIDBy(ctx, scope, b.SupersededBy); err != nil {
			return out, err
		}
	}
	if b.StampID != "" && s.c.Stamper != nil {
		if state.anchored, err = s.c.Stamper.State(ctx, scope, b.StampID); err != nil && !IsNotFound(err) {
			return out, err
		}
		out.Anchor = state.anchored
	}
	if b.Visibility != visiblePublic || b.Erased != nil {
		return out, nil
	}
	for _, f := range t.version.Fields {
		if value := c.Claims[f.Key]; value != "" && f.Visibility == visiblePublic {
			out.Claims = append(out.Claims, PublicClaim{Key: f.Key, Label: f.Label, Value: value, Type: f.Type})
		}
	}
	out.Artifacts, err = s.links(ctx, state)
	for _, name := range []string{"svg", "png"} {
		if _, ok := out.Artifacts[name]; ok {
			out.Image = name
		}
	}
	switch {
	case out.Image == "":
	case t.version.PNG != "":
		out.Picture = t.version.PNG + ".png"
	case t.version.SVG != "":
		out.Picture = t.version.SVG + ".svg"
	}
	return out, err
}

// publicIDBy is the public id of a credential that anybody may be led to, "" of others.
func (s *Service) publicIDBy(ctx context.Context, scope Scope, id string) (string, error) {
	var out string
	err := s.view(ctx, func(tx Tx) error {
		out = ""
		c, err := tx.Credential(ctx, scope, id)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		var body StoredBody
		if err := decode(c.Body, &body); err != nil {
			return err
		}
		if body.Visibility == visiblePublic && c.Issue > 0 {
			out = c.PublicID
		}
		return nil
	})
	return out, err
}

// PublicArtifact implements Public.
func (s *Service) PublicArtifact(ctx context.Context, publicID, name string) (File, error) {
	scope, state, err := s.readPublic(ctx, publicID)
	if err != nil {
		return File{}, artifactFault(err)
	}
	if state.body.Visibility != visiblePublic {
		return File{}, NotFound("artifact")
	}
	return s.artifact(ctx, scope, state, name)
}

// PublicPortfolio implements Public. Items that are hidden, not public, or not there any
// more are left out; revoked ones show as revoked.
func (s *Service) PublicPortfolio(ctx context.Context, slug string) (PublicPortfolioView, error) {
	var scope Scope
	var p StoredPortfolio
	var states []*credentialState
	err := s.view(ctx, func(tx Tx) error {
		found, r, err := tx.Find(ctx, KindPortfolio, slug)
		if errors.Is(err, ErrNotFound) {
			return NotFound("portfolio")
		}
		if err != nil {
			return err
		}
		scope, p, states = found, StoredPortfolio{}, nil
		if err := decode(r.Body, &p); err != nil {
			return err
		}
		if !p.Public {
			return NotFound("portfolio")
		}
		for _, item := range p.Items {
			if !item.Visible {
				continue
			}
			state, err := s.read(ctx, tx, scope, item.Credential)
			if IsNotFound(err) || err == nil && (state.stored.Issue == 0 || state.body.Visibility != visiblePublic || state.stored.SubjectID != p.Subject) {
				continue
			}
			if err != nil {
				return err
			}
			states = append(states, state)
		}
		return nil
	})
	if err != nil {
		return PublicPortfolioView{}, err
	}
	out := PublicPortfolioView{Slug: slug, Title: p.Title, URL: s.baseURL + "/p/" + slug}
	for _, state := range states {
		v, err := s.verifyState(ctx, scope, state)
		if err != nil {
			return out, err
		}
		view, err := s.publicView(ctx, scope, state, v)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, view)
	}
	return out, nil
}

// StatusList implements Public.
func (s *Service) StatusList(ctx context.Context, id string) (File, time.Duration, error) {
	f, age, err := s.StatusListAt(ctx, "status/"+id)
	f.Name = id + ".json"
	return f, age, err
}

// StatusListAt is a published list by the path of its address, without a slash at its
// beginning.
func (s *Service) StatusListAt(ctx context.Context, path string) (File, time.Duration, error) {
	p, err := s.published(ctx, path)
	if err != nil {
		return File{}, 0, err
	}
	return File{MediaType: p.MediaType, Digest: digestHexOf(p.Bytes), Bytes: p.Bytes}, min(listTTL, max(0, p.Ends.Sub(s.now()))) / 5, nil
}

// DIDDocument implements Public. path is i/<id>, or <id> alone.
func (s *Service) DIDDocument(ctx context.Context, path string) (File, error) {
	id := strings.TrimPrefix(path, "i/")
	if strings.ContainsAny(id, "/:#?") || len(id) > 64 {
		return File{}, NotFound("did document")
	}
	b, err := s.publishedDocument(ctx, s.webDID(id))
	if err != nil {
		return File{}, err
	}
	return File{Name: "did.json", MediaType: "application/did+json", Digest: digestHexOf(b), Bytes: b}, nil
}

// JWKS implements Public: the keys of an issuer, or of the installation, with which access
// tokens are signed.
func (s *Service) JWKS(ctx context.Context, path string) (File, error) {
	doc, err := s.DIDDocument(ctx, path)
	if err != nil {
		return File{}, err
	}
	var read struct {
		Methods []struct {
			ID        string `json:"id"`
			Multibase string `json:"publicKeyMultibase"`
		} `json:"verificationMethod"`
	}
	if err := json.Unmarshal(doc.Bytes, &read); err != nil {
		return File{}, err
	}
	keys := []jsontext.Value{}
	for _, m := range read.Methods {
		key, err := multikey.Parse(m.Multibase)
		if err != nil {
			return File{}, err
		}
		jwk, err := multikey.EncodePublicJWK(key)
		if err != nil {
			return File{}, err
		}
		thumbprint, err := multikey.Thumbprint(key)
		if err != nil {
			return File{}, err
		}
		kid := m.ID
		if path == "" {
			kid = thumbprint // as access tokens name it
		}
		keys = append(keys, append(jwk[:len(jwk)-1:len(jwk)-1], `,"kid":`+strconv.Quote(kid)+`,"use":"sig"}`...))
	}
	b, err := json.Marshal(map[string]any{"keys": keys}, json.Deterministic(true))
	return File{Name: "jwks.json", MediaType: "application/jwk-set+json", Digest: digestHexOf(b), Bytes: b}, err
}

// schemaFile is the JSON Schema of a version of a type, of any scope.
func (s *Service) schemaFile(ctx context.Context, id string) (File, error) {
	at := strings.LastIndexByte(id, '.')
	if at < 0 || len(id) > 128 {
		return File{}, NotFound("schema")
	}
	typeID := id[:at]
	version, err := strconv.Atoi(id[at+1:])
	if err != nil || versionID(typeID, version) != id {
		return File{}, NotFound("schema")
	}
	scope, err := s.scopeOfType(ctx, typeID)
	if err != nil {
		return File{}, err
	}
	t, err := s.LoadVersion(ctx, Caller{Scope: scope}, typeID, version)
	if err != nil {
		if IsNotFound(err) {
			err = NotFound("schema")
		}
		return File{}, err
	}
	b, err := json.Marshal(t.schema(s.schemaURL(typeID, version)), json.Deterministic(true))
	return File{Name: id + ".json", MediaType: "application/schema+json", Digest: digestHexOf(b), Bytes: b}, err
}

func (s *Service) scopeOfType(ctx context.Context, typeID string) (Scope, error) {
	var scope Scope
	err := s.view(ctx, func(tx Tx) error {
		found, _, err := tx.Find(ctx, KindVersion, typeID)
		if errors.Is(err, ErrNotFound) {
			return NotFound("schema")
		}
		scope = found
		return err
	})
	return scope, err
}
