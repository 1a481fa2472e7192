package vcalm

import (
	"bytes"
	"crypto/sha256"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/vcalm"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

func missing(member string) error {
	return &service.Error{Code: service.CodeBody, Detail: member + ": is required"}
}

func wrongType(member, expected string) error {
	return &service.Error{Code: service.CodeBody, Detail: member + ": expected " + expected}
}

// text reads an optional string.
func text(doc *strictjson.Doc, n strictjson.Node, name, path string) (string, error) {
	m := doc.Get(n, name)
	if m == strictjson.None {
		return "", nil
	}
	s, ok := doc.Str(m)
	if !ok || len(s) > 4096 {
		return "", wrongType(path, "a string of at most 4,096 bytes")
	}
	return s, nil
}

// listing tells the instances of the configuration, and the caller's own: their DID, suite and key type.
func (h *handler) listing(r *http.Request, c *call) error {
	list, err := h.c.Plane.Listings(r.Context(), c.caller)
	if err != nil {
		return err
	}
	return c.answerValue(http.StatusOK, map[string]any{"issuers": list})
}

func (h *handler) issue(r *http.Request, c *call) error {
	doc, err := body(r, "credential", "options")
	if err != nil {
		return err
	}
	if doc == nil || doc.Kind(doc.Get(0, "credential")) != strictjson.Object {
		return wrongType("credential", "an object")
	}
	options := doc.Get(0, "options")
	var o vcalm.IssueOptions
	if options != strictjson.None {
		if doc.Kind(options) != strictjson.Object {
			return wrongType("options", "an object")
		}
		if err := known(doc, options, "options", []string{"credentialId", "mandatoryPointers"}); err != nil {
			return err
		}
		if o.CredentialID, err = text(doc, options, "credentialId", "options.credentialId"); err != nil {
			return err
		}
		if o.MandatoryPointers, err = pointers(doc, options, "mandatoryPointers"); err != nil {
			return err
		}
	}
	if o.Idempotency, err = c.idempotency(r, doc); err != nil {
		return err
	}
	signed, err := h.c.Plane.Issue(r.Context(), c.instance, c.caller, vcalm.Value(doc.Raw(doc.Get(0, "credential"))), o)
	if err != nil {
		return err
	}
	c.replayed(signed.Replayed)
	return c.created(signed.Value)
}

// idempotency is what a repeated call is known by. Who is nobody in particular has no keys
// of his own, and theirs are not looked at.
func (c *call) idempotency(r *http.Request, doc *strictjson.Doc) (service.Idempotency, error) {
	values, ok := r.Header["Idempotency-Key"]
	if !ok || c.caller == nil {
		return service.Idempotency{}, nil
	}
	if len(values) != 1 || values[0] == "" {
		return service.Idempotency{}, &service.Error{Code: service.CodeParameter, Detail: "Idempotency-Key: expected 1 to 255 printable ASCII characters"}
	}
	sum := sha256.New()
	sum.Write([]byte(r.URL.EscapedPath()))
	sum.Write([]byte{0})
	sum.Write([]byte(doc.Raw(0)))
	i := service.Idempotency{Key: values[0], Route: r.Pattern}
	sum.Sum(i.Digest[:0])
	return i, i.Check()
}

func (c *call) replayed(was bool) {
	if was {
		c.w.Header().Set("Idempotency-Replayed", "true")
	}
}

// created answers with a credential that was made.
func (c *call) created(credential vcalm.Value) error {
	out := make([]byte, 0, len(credential)+32)
	out = append(append(append(out, `{"verifiableCredential":`...), credential...), '}')
	return c.answer(http.StatusCreated, out)
}

// pointers reads an optional list of JSON pointers.
func pointers(doc *strictjson.Doc, options strictjson.Node, name string) ([]string, error) {
	m := doc.Get(options, name)
	if m == strictjson.None {
		return nil, nil
	}
	const most = 512
	expected := wrongType("options."+name, "a list of at most 512 JSON pointers")
	if doc.Kind(m) != strictjson.Array || doc.Len(m) > most {
		return nil, expected
	}
	out := make([]string, 0, doc.Len(m))
	for n := doc.First(m); n != strictjson.None; n = doc.Next(n) {
		s, ok := doc.Str(n)
		if !ok || len(s) > 4096 {
			return nil, expected
		}
		out = append(out, s)
	}
	return out, nil
}

// derive discloses a part of a credential, for its holder.
func (h *handler) derive(r *http.Request, c *call) error {
	doc, err := body(r, "verifiableCredential", "options")
	if err != nil {
		return err
	}
	if doc == nil || doc.Get(0, "verifiableCredential") == strictjson.None {
		return missing("verifiableCredential")
	}
	options := doc.Get(0, "options")
	var selected []string
	if options != strictjson.None {
		if doc.Kind(options) != strictjson.Object {
			return wrongType("options", "an object")
		}
		if err := known(doc, options, "options", []string{"selectivePointers"}); err != nil {
			return err
		}
		if selected, err = pointers(doc, options, "selectivePointers"); err != nil {
			return err
		}
	}
	shown, err := h.c.Plane.Derive(r.Context(), c.instance, c.caller, vcalm.Value(doc.Raw(doc.Get(0, "verifiableCredential"))), selected)
	if err != nil {
		return err
	}
	return c.created(shown)
}

// options reads the options of a verification. checks, domain and challenge are sent by
// the test suites to credentials/verify as well; they change nothing there.
func options(doc *strictjson.Doc, o vcalm.Options, allowed ...string) (vcalm.Options, error) {
	n := doc.Get(0, "options")
	if n == strictjson.None {
		return o, nil
	}
	if doc.Kind(n) != strictjson.Object {
		return o, wrongType("options", "an object")
	}
	if err := known(doc, n, "options", append(allowed, "checks", "domain", "challenge", "returnResults", "returnProblemDetails")); err != nil {
		return o, err
	}
	for name, to := range map[string]*bool{"returnResults": &o.Results, "returnProblemDetails": &o.Problems, "returnCredential": &o.Document, "returnPresentation": &o.Document} {
		if m := doc.Get(n, name); m != strictjson.None {
			v, ok := doc.Bool(m)
			if !ok {
				return o, wrongType("options."+name, "true or false")
			}
			*to = v
		}
	}
	var err error
	if o.Challenge, err = text(doc, n, "challenge", "options.challenge"); err != nil {
		return o, err
	}
	o.Domain, err = text(doc, n, "domain", "options.domain")
	return o, err
}

func (h *handler) verifyCredential(r *http.Request, c *call) error {
	doc, err := body(r, "verifiableCredential", "options")
	if err != nil {
		return err
	}
	if doc == nil || doc.Get(0, "verifiableCredential") == strictjson.None {
		return missing("verifiableCredential")
	}
	o, err := options(doc, vcalm.Options{}, "returnCredential")
	if err != nil {
		return err
	}
	result, err := h.c.Plane.VerifyCredential(r.Context(), c.instance, c.caller, vcalm.Value(doc.Raw(doc.Get(0, "verifiableCredential"))), o)
	if err != nil {
		return err
	}
	return c.answerValue(statusOf(c.instance, result), result)
}

func (h *handler) verifyPresentation(r *http.Request, c *call) error {
	doc, err := body(r, "verifiablePresentation", "presentation", "options")
	if err != nil {
		return err
	}
	member := "verifiablePresentation"
	if doc != nil && doc.Get(0, member) == strictjson.None {
		member = "presentation" // without proof: it is judged, and found to have none
	}
	if doc == nil || doc.Get(0, member) == strictjson.None {
		return missing("verifiablePresentation")
	}
	// VCALM has no option by which a client could ask for the results of a presentation:
	// they are there, unless they are declined.
	o, err := options(doc, vcalm.Options{Results: true, Problems: true}, "returnPresentation")
	if err != nil {
		return err
	}
	result, err := h.c.Plane.VerifyPresentation(r.Context(), c.instance, c.caller, vcalm.Value(doc.Raw(doc.Get(0, member))), o)
	if err != nil {
		return err
	}
	return c.answerValue(statusOf(c.instance, result), result)
}

// statusOf is 200 for what was judged, whatever the result, unless the instance answers
// failures with 400, as the test suites of the W3C ask for.
func statusOf(in *vcalm.Instance, r vcalm.Result) int {
	if !r.Verified && in.FailureStatus == http.StatusBadRequest {
		return http.StatusBadRequest
	}
	return http.StatusOK
}

func (h *handler) status(r *http.Request, c *call) error {
	doc, err := body(r, "credentialId", "credentialStatus", "status", "indexAllocator")
	if err != nil {
		return err
	}
	if doc == nil {
		return missing("credentialId")
	}
	id, err := text(doc, 0, "credentialId", "credentialId")
	if err != nil {
		return err
	}
	entry := doc.Get(0, "credentialStatus")
	value, ok := doc.Bool(doc.Get(0, "status"))
	switch {
	case id == "":
		return missing("credentialId")
	case doc.Kind(entry) != strictjson.Object:
		return wrongType("credentialStatus", "an object")
	case !ok:
		return wrongType("status", "true or false")
	}
	if err := known(doc, entry, "credentialStatus", []string{"id", "type", "statusPurpose", "statusListIndex", "statusListCredential"}); err != nil {
		return err
	}
	var e vcalm.StatusEntry
	var unused string
	for name, to := range map[string]*string{"id": &unused, "type": &e.Type, "statusPurpose": &e.Purpose, "statusListIndex": &e.Index, "statusListCredential": &e.List} {
		if *to, err = text(doc, entry, name, "credentialStatus."+name); err != nil {
			return err
		}
	}
	if _, err := text(doc, 0, "indexAllocator", "indexAllocator"); err != nil {
		return err
	}
	if err := h.c.Plane.SetStatus(r.Context(), c.instance, c.caller, id, e, value); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (h *handler) challenge(r *http.Request, c *call) error {
	if _, err := body(r); err != nil {
		return err
	}
	id, err := h.c.Plane.Challenge(r.Context(), c.instance, c.caller)
	if err != nil {
		return err
	}
	return c.answerValue(http.StatusOK, map[string]string{"challenge": id})
}

func (h *handler) addStatusList(r *http.Request, c *call) error {
	doc, err := body(r, "statusPurpose", "id", "options")
	if err != nil {
		return err
	}
	if doc == nil {
		return missing("statusPurpose")
	}
	var n vcalm.NewList
	if n.Purpose, err = text(doc, 0, "statusPurpose", "statusPurpose"); err != nil {
		return err
	}
	if n.ID, err = text(doc, 0, "id", "id"); err != nil {
		return err
	}
	if n.ID == "" && doc.Get(0, "id") != strictjson.None {
		return wrongType("id", "a URL")
	}
	if o := doc.Get(0, "options"); o != strictjson.None {
		if doc.Kind(o) != strictjson.Object {
			return wrongType("options", "an object")
		}
		if err := known(doc, o, "options", nil); err != nil {
			return err
		}
	}
	if n.Idempotency, err = c.idempotency(r, doc); err != nil {
		return err
	}
	made, err := h.c.Plane.AddStatusList(r.Context(), c.instance, c.caller, n)
	if err != nil {
		return err
	}
	c.replayed(made.Replayed)
	c.w.Header().Set("Location", made.Value.ID)
	return c.answerValue(http.StatusCreated, made.Value)
}

func (h *handler) statusList(r *http.Request, c *call) error {
	f, err := h.c.Plane.StatusList(r.Context(), r.PathValue("issuer"), r.PathValue("id"))
	if err != nil {
		return err
	}
	etag := `"` + f.Digest + `"`
	c.w.Header().Set("ETag", etag)
	c.w.Header().Set("Vary", "Accept")
	c.w.Header().Set("Cache-Control", "public, max-age=60")
	if match := r.Header.Get("If-None-Match"); match == etag {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	media := "application/json" // by which VCALM has it, unless the list's own is asked for
	if quality(r, f.MediaType) > quality(r, media) {
		media = f.MediaType
	}
	return c.answerAs(media, http.StatusOK, f.Bytes)
}

func (h *handler) createExchange(r *http.Request, c *call) error {
	doc, err := body(r, "variables", "expires")
	if err != nil {
		return err
	}
	if doc == nil || doc.Kind(doc.Get(0, "variables")) != strictjson.Object {
		return wrongType("variables", "an object")
	}
	n := vcalm.NewExchange{Workflow: r.PathValue("workflow")}
	if err := exchangeVariables(doc, doc.Get(0, "variables"), &n); err != nil {
		return err
	}
	if m := doc.Get(0, "expires"); m != strictjson.None {
		end, _ := doc.Str(m)
		if n.Expires, err = time.Parse(time.RFC3339, end); err != nil {
			return wrongType("expires", "a time (RFC 3339)")
		}
	}
	if n.Idempotency, err = c.idempotency(r, doc); err != nil {
		return err
	}
	made, err := h.c.Plane.CreateExchange(r.Context(), c.instance, c.caller, n)
	if err != nil {
		return err
	}
	c.replayed(made.Replayed)
	c.w.Header().Set("Location", made.Value)
	return c.answerValue(http.StatusCreated, map[string]string{"id": made.Value[strings.LastIndexByte(made.Value, '/')+1:]})
}

// exchangeVariables reads what an exchange of a workflow is made with.
func exchangeVariables(doc *strictjson.Doc, variables strictjson.Node, n *vcalm.NewExchange) (err error) {
	if n.Workflow != vcalm.WorkflowVerify {
		if err := known(doc, variables, "variables", []string{"credential"}); err != nil {
			return err
		}
		n.Credential, err = text(doc, variables, "credential", "variables.credential")
		return err
	}
	const request, unsigned, redirect = "verifiablePresentationRequest", "allowUnprotectedPresentation", "redirectUrl"
	if err := known(doc, variables, "variables", []string{request, unsigned, redirect}); err != nil {
		return err
	}
	if m := doc.Get(variables, request); m != strictjson.None {
		n.Request = vcalm.Value(doc.Raw(m))
	}
	if m := doc.Get(variables, unsigned); m != strictjson.None {
		var ok bool
		if n.Unsigned, ok = doc.Bool(m); !ok {
			return wrongType("variables."+unsigned, "true or false")
		}
	}
	n.Redirect, err = text(doc, variables, redirect, "variables."+redirect)
	return err
}

func (h *handler) exchange(r *http.Request, c *call) error {
	state, err := h.c.Plane.Exchange(r.Context(), c.instance, c.caller, address(r))
	if err != nil {
		return err
	}
	return c.answerValue(http.StatusOK, state)
}

func (h *handler) participate(r *http.Request, c *call) error {
	// referenceId is for people who look for a fault: it changes nothing.
	doc, err := body(r, "verifiablePresentation", "referenceId")
	if err != nil {
		return err
	}
	var presentation vcalm.Value
	if doc != nil {
		if _, err := text(doc, 0, "referenceId", "referenceId"); err != nil {
			return err
		}
		n := doc.Get(0, "verifiablePresentation")
		if doc.Kind(n) == strictjson.Array { // VCALM allows several; an exchange here asks for one
			if doc.Len(n) != 1 {
				return wrongType("verifiablePresentation", "one presentation")
			}
			n = doc.Index(n, 0)
		}
		if n != strictjson.None {
			presentation = vcalm.Value(doc.Raw(n))
		}
	}
	out, err := h.c.Plane.Participate(r.Context(), address(r), presentation)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, out)
}

// address is which exchange a path names.
func address(r *http.Request) vcalm.Address {
	return vcalm.Address{Instance: r.PathValue("issuer"), Workflow: r.PathValue("workflow"), ID: r.PathValue("id")}
}

func (h *handler) protocols(r *http.Request, c *call) error {
	out, err := h.c.Plane.Protocols(r.Context(), address(r))
	if err != nil {
		return err
	}
	return c.answerValue(http.StatusOK, out)
}

func (h *handler) request(r *http.Request, c *call) error {
	out, err := h.c.Plane.CurrentRequest(r.Context(), address(r))
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, out)
}

func (h *handler) interaction(r *http.Request, c *call) error {
	if r.URL.Query().Get("iuv") != "1" {
		return &service.Error{Code: service.CodeParameter, Detail: "iuv: expected 1"}
	}
	c.w.Header().Set("Vary", "Accept")
	if wantsPage(r) {
		page, err := h.c.Plane.InteractionPage(r.Context(), r.PathValue("id"))
		if err != nil {
			return err
		}
		return c.page(page)
	}
	out, err := h.c.Plane.Interaction(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.answerValue(http.StatusOK, out)
}

// interactionPage tells people what to do with an interaction URL (VCALM 1.0, 3.7.4).
var interactionPage = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>For a digital wallet</title></head>
<body>
<h1>This address is for a digital wallet</h1>
<p>Open it with a wallet for verifiable credentials that understands interaction URLs (VCALM 1.0, protocol <code>vcapi</code>):
scan the QR code that brought you here with the wallet, or paste the address of this page into it.</p>
{{with .Credential}}<p>To see the credential itself, open <a href="{{.}}">its page</a>.</p>
{{end}}</body>
</html>
`))

func (c *call) page(p vcalm.InteractionPage) error {
	var b bytes.Buffer
	if err := interactionPage.Execute(&b, p); err != nil {
		return err
	}
	c.w.Header().Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	c.w.Header().Set("Referrer-Policy", "no-referrer")
	return c.answerAs("text/html; charset=utf-8", http.StatusOK, b.Bytes())
}

func (h *handler) invited(r *http.Request, c *call) error {
	doc, err := body(r, "url", "purpose", "referenceId")
	if err != nil {
		return err
	}
	var in vcalm.InviteResponse
	for _, m := range []struct {
		name string
		to   *string
	}{{"url", &in.URL}, {"purpose", &in.Purpose}, {"referenceId", &in.Reference}} {
		if doc == nil || doc.Get(0, m.name) == strictjson.None {
			return missing(m.name)
		}
		if *m.to, err = text(doc, 0, m.name, m.name); err != nil {
			return err
		}
	}
	if err := h.c.Plane.Invited(r.Context(), address(r), in); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}
