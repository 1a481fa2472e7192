package verifier

import (
	"context"
	"errors"
	"strings"
)

// errNoSource: the document is not pinned, and no source could be asked.
var errNoSource = errors.New("verifier: not in the trust file, and no source to ask")

// offline tells whether no source is configured that could dial.
func (v *Verifier) offline() bool {
	return v.cfg.Keys == nil && v.cfg.Status == nil && v.cfg.Documents == nil
}

// pinned returns the copy of a document in the trust file.
func (v *Verifier) pinned(url string, kinds ...string) (Document, bool) {
	for _, k := range kinds {
		if i, ok := v.cfg.Trust.docs[k+" "+url]; ok {
			d := v.cfg.Trust.Documents[i]
			return Document{URL: url, Bytes: d.Document, FetchedAt: d.FetchedAt}, true
		}
	}
	return Document{}, false
}

// controllerDocument finds the document of a DID or an https URL. A pinned copy is
// used before any source is asked.
func (v *Verifier) controllerDocument(ctx context.Context, url string) (Document, error) {
	if d, ok := v.pinned(url, KindController); ok {
		return d, nil
	}
	if v.cfg.Keys == nil {
		return Document{}, errNoSource
	}
	return v.cfg.Keys.Controller(ctx, url)
}

// keySet finds the JWKS of an authority.
func (v *Verifier) keySet(ctx context.Context, authority string) (Document, error) {
	if d, ok := v.pinned("https://"+authority+"/.well-known/jwks.json", KindJWKS); ok {
		return d, nil
	}
	if v.cfg.Keys == nil {
		return Document{}, errNoSource
	}
	return v.cfg.Keys.JWKS(ctx, authority)
}

func (v *Verifier) statusDocument(ctx context.Context, url string) (Document, error) {
	if d, ok := v.pinned(url, KindStatusList); ok {
		return d, nil
	}
	if v.cfg.Status == nil {
		return Document{}, errNoSource
	}
	return v.cfg.Status.StatusList(ctx, url)
}

func (v *Verifier) otherDocument(ctx context.Context, url, kind string) (Document, error) {
	if d, ok := v.pinned(url, kind); ok {
		return d, nil
	}
	if v.cfg.Documents == nil || !strings.HasPrefix(url, "https://") {
		return Document{}, errNoSource
	}
	return v.cfg.Documents.Document(ctx, url)
}
