package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
)

// artifactTypes are the media types of artefacts; the service decides which one it is.
var artifactTypes = []string{chancery.MediaVC, chancery.MediaJWT, chancery.MediaPDF, chancery.MediaPNG, chancery.MediaSVG, chancery.MediaEvidence, cborType}

// artifact is a file of a credential, evidence under the name that the caller knows.
func (c *call) artifact(f service.File) service.File {
	if header := c.r.Header["Accept"]; f.MediaType == chancery.MediaEvidence && !accepts(header, f.MediaType) && accepts(header, cborType) {
		f.MediaType = cborType
	}
	return f
}

func (a *api) credentialAt(c *call, v service.Credential) string {
	return a.location("/v1/credentials", url.PathEscape(v.ID))
}

func (a *api) addCredentials() {
	credentials := operation{Path: "/v1/credentials", Tag: "Credentials", Scope: service.MayRead}
	one := credentials
	one.Path += "/{id}"

	o := credentials
	o.ID, o.Scope, o.Summary, o.MaxBody = "issueCredential", service.MayIssue, "Issue a credential", a.MaxBody
	o.Description = "Signs and renders what is asked for before it answers. Only `type` and `recipient.name` are always required. `id` is yours to choose: the same id with the same content is the existing credential (200), with other content 409. `publish: false` makes a draft. `private` is never returned."
	create(a, o, exampleNewCredential, exampleCredential, func(c *call, in service.NewCredential) (service.Result[service.Credential], error) {
		r, err := a.Credentials.Issue(c.ctx, c.caller, in, c.idempotency())
		return filledResult(r), err
	}, a.credentialAt)

	o = credentials
	o.ID, o.Summary, o.Dynamic = "listCredentials", "List credentials", "claim."
	o.Params = credentialFilters()
	listing(a, o, exampleCredential, func(c *call, p service.Page) (service.List[service.Credential], error) {
		f, err := c.credentialFilter()
		if err != nil {
			return service.List[service.Credential]{}, err
		}
		l, err := a.Credentials.ListCredentials(c.ctx, c.caller, f, p)
		for i := range l.Items {
			l.Items[i] = filled(l.Items[i])
		}
		return l, err
	})

	o = one
	o.ID, o.Summary = "getCredential", "Read a credential"
	get(a, o, exampleCredential, func(c *call) (service.Credential, error) {
		v, err := a.Credentials.GetCredential(c.ctx, c.caller, c.id("id"))
		return filled(v), err
	})
	o = one
	o.ID, o.Scope, o.Summary, o.MaxBody = "changeDraft", service.MayIssue, "Change a draft", a.MaxBody
	o.Description = "Drafts only; absent members stay."
	change(a, http.MethodPatch, o, service.DraftChange{Claims: map[string]any{"trainerName": "Academy"}}, exampleCredential, func(c *call, in service.DraftChange) (service.Credential, error) {
		v, err := a.Credentials.ChangeDraft(c.ctx, c.caller, c.id("id"), in)
		return filled(v), err
	})
	o = one
	o.ID, o.Scope, o.Summary = "deleteDraft", service.MayIssue, "Delete a draft"
	o.Description = "Drafts only: what was issued is revoked, not deleted."
	remove(a, o, func(c *call) error { return a.Credentials.DeleteDraft(c.ctx, c.caller, c.id("id")) })

	o = one
	o.Path, o.ID, o.Summary = one.Path+"/artifacts/{name}", "getArtifact", "Read a file of a credential"
	o.Description = "`name` is vc, vc.jwt, pdf, png, svg or evidence. Exact bytes in their own media type."
	bytesOf(a, o, artifactTypes, func(c *call) (service.File, []string, error) {
		f, err := a.Credentials.Artifact(c.ctx, c.caller, c.id("id"), c.id("name"))
		return c.artifact(f), revalidate, err
	})
}

// filled has no null where an empty object or list is meant.
func filled(v service.Credential) service.Credential {
	if v.Claims == nil {
		v.Claims = map[string]any{}
	}
	if v.Artifacts == nil {
		v.Artifacts = map[string]service.Artifact{}
	}
	return v
}

func filledResult(r service.Result[service.Credential]) service.Result[service.Credential] {
	r.Value = filled(r.Value)
	return r
}

var states = []string{string(service.StateDraft), string(service.StateIssued), string(service.StateSuspended), string(service.StateRevoked), string(service.StateExpired), string(service.StateSuperseded)}

func (c *call) credentialFilter() (service.CredentialFilter, error) {
	f := service.CredentialFilter{Type: c.query.Get("type"), RecipientEmail: c.query.Get("recipientEmail"), RecipientName: c.query.Get("recipientName"), BatchID: c.query.Get("batchId")}
	state, err := c.oneOf("state", states...)
	if err != nil {
		return f, err
	}
	f.State = service.State(state)
	if f.IssuedAfter, err = c.time("issuedAfter"); err != nil {
		return f, err
	}
	if f.IssuedBefore, err = c.time("issuedBefore"); err != nil {
		return f, err
	}
	sort, err := c.oneOf("sort", "issuedAt", "-issuedAt")
	if err != nil {
		return f, err
	}
	f.Oldest = sort == "issuedAt"
	for name := range c.query {
		if key, ok := strings.CutPrefix(name, "claim."); ok {
			if f.ClaimKey != "" {
				return f, badParameter("expected one claim.… at most")
			}
			f.ClaimKey, f.ClaimValue = key, c.query.Get(name)
		}
	}
	return f, nil
}
