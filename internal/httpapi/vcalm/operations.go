package vcalm

import (
	"crypto/sha256"
	"net/http"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/vcalm"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Limits of what callers send.
const (
	maxText     = 4096 // bytes of a text
	maxPointers = 512  // of a list of JSON pointers
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
	if !ok || len(s) > maxText {
		return "", wrongType(path, "a string of at most 4,096 bytes")
	}
	return s, nil
}

// meant reads an optional string that is not empty where it is there: a caller whose variable
// was never set must not be taken for one who left it out.
func meant(doc *strictjson.Doc, n strictjson.Node, name, path string) (string, error) {
	s, err := text(doc, n, name, path)
	if err == nil && s == "" && doc.Get(n, name) != strictjson.None {
		err = wrongType(path, "a string that is not empty, or none")
	}
	return s, err
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
		if o.CredentialID, err = meant(doc, options, "credentialId", "options.credentialId"); err != nil {
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
	expected := wrongType("options."+name, "a list of at most 512 JSON pointers")
	if doc.Kind(m) != strictjson.Array || doc.Len(m) > maxPointers {
		return nil, expected
	}
	out := make([]string, 0, doc.Len(m))
	for n := doc.First(m); n != strictjson.None; n = doc.Next(n) {
		s, ok := doc.Str(n)
		if !ok || len(s) > maxText {
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
	if o.Challenge, err = meant(doc, n, "challenge", "options.challenge"); err != nil {
		return o, err
	}
	o.Domain, err = meant(doc, n, "domain", "options.domain")
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
	} else if doc != nil && doc.Get(0, "presentation") != strictjson.None {
		return wrongType("presentation", "to be absent beside verifiablePresentation")
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
	c.w.Header().Add("Vary", "Accept")
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
