package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/did"
	"github.com/chancery-dev/chancery/internal/layout"
)

// Want says what is to be made of items of a type. Errors are CodeValidation, or CodeState
// for a type that is switched off.
func (s *Service) Want(t *LoadedType, w Wish) (Wanted, error) {
	var bad Invalid
	out := Wanted{Publish: w.Publish == nil || *w.Publish, Anchor: t.Type.Anchor, Notify: w.Notify, BatchID: w.BatchID}
	out.Outputs = t.Type.Outputs
	if w.Outputs != nil {
		out.Outputs = checkOutputs(&bad, w.Outputs)
	}
	if slices.Contains(out.Outputs, "badge") && t.version.PNG == "" && t.version.SVG == "" {
		bad.Add("outputs", "the type makes no badge")
	}
	if w.Anchor != nil {
		out.Anchor = *w.Anchor
	}
	if out.Anchor && s.c.Stamper == nil {
		bad.Add("anchor", "this installation does not anchor")
	}
	if w.Notify && s.c.Mailer == nil {
		bad.Add("notify", "this installation sends no mail")
	}
	if err := bad.Err(); err != nil {
		return out, err
	}
	if !t.Type.Active {
		return out, switchedOff()
	}
	return out, nil
}

func switchedOff() error {
	return &Error{Code: CodeState, Detail: "the credential type is switched off"}
}

// CheckItem checks an input against its type: the one check of issue, batch and validate.
// faults are messages by field, nil where nothing is wrong; an error is none of the input.
func (s *Service) CheckItem(ctx context.Context, c Caller, t *LoadedType, w Wanted, in ItemInput) (*Checked, map[string][]string, error) {
	var bad Invalid
	item := &Checked{ID: in.ID, Given: in.ID != "", input: in, issue: 1, claims: map[string]any{}, texts: map[string]string{}, private: map[string]string{}}
	item.input.IdempotencyKey = ""
	switch {
	case !item.Given:
	case !idPattern.MatchString(in.ID):
		bad.Add("id", "must be 1 to 128 of A-Z a-z 0-9 . _ -")
	case in.ID == "." || in.ID == "..":
		// Clients and proxies take them out of paths (RFC 3986, 5.2.4): nobody could read or
		// revoke what has such an id.
		bad.Add("id", "must not be . or ..")
	}
	if !item.Given {
		item.ID = NewID()
	}
	item.PublicID = PublicID()
	s.checkRecipient(&bad, item, w)
	item.checkValues(&bad, t)
	item.checkTimes(&bad, t, s.now())
	switch in.Visibility {
	case "":
		item.input.Visibility = visiblePublic
	case visiblePublic, visiblePrivate:
	default:
		bad.Add("visibility", "must be public or private")
	}
	if in.DocumentID != "" && slices.Contains(w.Outputs, "pdf") && !slices.Contains(t.Type.Outputs, "pdf") {
		bad.Add("documentId", "cannot be given together with a page that is rendered")
	}
	if err := s.checkReferences(ctx, c, &bad, item); err != nil {
		return nil, nil, err
	}
	if faults := bad.Fields(); faults != nil {
		return nil, faults, nil
	}
	return item, nil, s.setContent(ctx, c, t, w, item)
}

func (s *Service) checkRecipient(bad *Invalid, item *Checked, w Wanted) {
	r := &item.input.Recipient
	if checkName(bad, "recipient.name", r.Name, true); r.Name != "" && invisible(r.Name) {
		bad.Add("recipient.name", "must not be blank")
	}
	if r.Email != "" {
		if !checkEmail(r.Email) {
			bad.Add("recipient.email", "must be an e-mail address")
		}
		r.Email = strings.ToLower(r.Email)
	} else if w.Notify {
		bad.Add("recipient.email", "is required to notify")
	}
	if r.DID != "" {
		if _, err := did.Parse(r.DID); err != nil || len(r.DID) > 2048 {
			bad.Add("recipient.did", "must be a DID")
		}
	}
}

// checkValues checks claims and private values against the fields of the type.
func (item *Checked) checkValues(bad *Invalid, t *LoadedType) {
	for _, f := range t.version.Fields {
		rule := t.fields[f.Key]
		from, prefix := item.input.Claims, "claims."
		if f.Visibility == visiblePrivate {
			from, prefix = item.input.Private, "private."
		}
		kept, text, ok, message := rule.value(from[f.Key])
		switch {
		case message != "":
			bad.Add(prefix+f.Key, message)
		case !ok && f.Required:
			bad.Add(prefix+f.Key, "is required")
		case !ok:
		case f.Visibility == visiblePrivate:
			item.private[f.Key] = text
		default:
			item.claims[f.Key], item.texts[f.Key] = kept, text
		}
	}
	item.refuseOthers(bad, t, "claims.", item.input.Claims, false)
	item.refuseOthers(bad, t, "private.", item.input.Private, true)
}

// refuseOthers says which members are no fields, or belong in the other map. Names are
// the caller's own: those that cannot be field names are not repeated.
func (item *Checked) refuseOthers(bad *Invalid, t *LoadedType, prefix string, values map[string]any, private bool) {
	for key := range values {
		rule, ok := t.fields[key]
		switch {
		case !ok && !fieldPattern.MatchString(key):
			bad.Add(strings.TrimSuffix(prefix, "."), "has a member that is not a field of the type")
		case !ok:
			bad.Add(prefix+key, "is not a field of the type")
		case private != (rule.Visibility == visiblePrivate):
			bad.Add(prefix+key, map[bool]string{true: "belongs in claims", false: "belongs in private"}[private])
		}
	}
}

// checkTimes fixes the period, in whole seconds.
func (item *Checked) checkTimes(bad *Invalid, t *LoadedType, now time.Time) {
	item.from = now.Truncate(time.Second)
	if item.input.ValidFrom != nil {
		item.from = item.input.ValidFrom.UTC().Truncate(time.Second)
		checkYear(bad, "validFrom", item.from)
	}
	switch v := t.version.Validity; {
	case item.input.ValidUntil != nil:
		item.until = item.input.ValidUntil.UTC().Truncate(time.Second)
		checkYear(bad, "validUntil", item.until)
	case v != nil && !item.endless:
		item.until = item.from.AddDate(v.Years, v.Months, v.Days)
	}
	if !item.until.IsZero() && !item.until.After(item.from) {
		bad.Add("validUntil", "must be after validFrom")
	}
}

func checkYear(bad *Invalid, field string, t time.Time) {
	if t.Year() < 1 || t.Year() > 9900 {
		bad.Add(field, "must be in the years 1 to 9900")
	}
}

// boundDocument is an uploaded file that a credential is about.
type boundDocument struct {
	ID, Digest, MediaType string // digest in hex
	Size                  int64
}

// checkReferences finds what an input refers to. What belongs to others is not found.
func (s *Service) checkReferences(ctx context.Context, c Caller, bad *Invalid, item *Checked) error {
	document, subject := item.input.DocumentID, item.input.Recipient.ID
	if document == "" && subject == "" {
		return nil
	}
	return s.view(ctx, func(tx Tx) error {
		if document != "" {
			_, d, err := Get[StoredDocument](ctx, tx, c.Scope, KindDocument, document)
			switch {
			case errors.Is(err, ErrNotFound):
				bad.Add("documentId", "names no document")
			case err != nil:
				return err
			case d.MediaType != "application/pdf":
				bad.Add("documentId", "must be a PDF file")
			default:
				item.document = &boundDocument{ID: document, Digest: d.File, MediaType: d.MediaType, Size: d.FileSize}
			}
		}
		if subject == "" {
			return nil
		}
		_, err := tx.Get(ctx, c.Scope, KindSubject, subject)
		if errors.Is(err, ErrNotFound) {
			bad.Add("recipient.id", "names no recipient")
			return nil
		}
		return err
	})
}

// setContent digests what was asked for, by which a repetition under a natural key is
// told from another request. The digest is keyed: it would else tell private values to
// who guesses them.
func (s *Service) setContent(ctx context.Context, c Caller, t *LoadedType, w Wanted, item *Checked) error {
	in, err := s.installation(ctx)
	if err != nil {
		return err
	}
	w.BatchID = ""
	text, err := json.Marshal(struct {
		Type string
		Want Wanted
		Item ItemInput
	}{t.Type.ID, w, item.input}, json.Deterministic(true))
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, in.persons)
	mac.Write([]byte("content\x00" + c.Tenant + "\x00" + string(c.Environment) + "\x00"))
	mac.Write(text)
	item.content = hexOf(mac.Sum(nil))
	return nil
}

// InputFields implements Types.
func (s *Service) InputFields(ctx context.Context, c Caller, id string) (InputFields, error) {
	if err := c.Need(MayRead); err != nil {
		return InputFields{}, err
	}
	t, err := s.look(ctx, c, id)
	if err != nil {
		return InputFields{}, err
	}
	return InputFields{Example: t.example(), Fields: t.Type.Fields, Schema: t.schema("")}, nil
}

// example is an input that the type takes: of patterns, those that can be fulfilled without
// trying.
func (t *LoadedType) example() ItemInput {
	out := ItemInput{Recipient: Recipient{Name: "Aina Rahman", Email: "aina@example.com"}, Claims: map[string]any{}, Private: map[string]any{}}
	for _, f := range t.version.Fields {
		to := out.Claims
		if f.Visibility == visiblePrivate {
			to = out.Private
		}
		to[f.Key] = t.fields[f.Key].example()
	}
	return out
}

// schema is the JSON Schema of an input of the type.
func (t *LoadedType) schema(id string) map[string]any {
	part := func(private bool) map[string]any {
		properties, required := map[string]any{}, []string{}
		for _, f := range t.version.Fields {
			if private != (f.Visibility == visiblePrivate) {
				continue
			}
			properties[f.Key] = t.fields[f.Key].schema()
			if f.Required {
				required = append(required, f.Key)
			}
		}
		return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
	}
	text := func(format string) map[string]any {
		out := map[string]any{"type": "string"}
		if format != "" {
			out["format"] = format
		}
		return out
	}
	required := []string{"recipient"}
	claims, private := part(false), part(true)
	if len(claims["required"].([]string)) != 0 {
		required = append(required, "claims")
	}
	if len(private["required"].([]string)) != 0 {
		required = append(required, "private")
	}
	out := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": t.Type.DisplayName, "type": "object",
		"required": required, "additionalProperties": false,
		"properties": map[string]any{
			"id": map[string]any{"type": "string", "pattern": idPattern.String(), "not": map[string]any{"enum": []string{".", ".."}}},
			"recipient": map[string]any{
				"type": "object", "required": []string{"name"}, "additionalProperties": false,
				"properties": map[string]any{
					"id": text(""), "name": map[string]any{"type": "string", "minLength": 1, "maxLength": maxName}, "email": text("email"), "did": text("uri"),
				},
			},
			"claims": claims, "private": private, "idempotencyKey": text(""), "documentId": text(""),
			"validFrom": text("date-time"), "validUntil": text("date-time"),
			"visibility": map[string]any{"enum": []string{visiblePublic, visiblePrivate}},
		},
	}
	if id != "" {
		out["$id"] = id
	}
	return out
}

// Validate implements Types.
func (s *Service) Validate(ctx context.Context, c Caller, id string, in ItemInput) (Validation, error) {
	if err := c.Need(MayRead); err != nil {
		return Validation{}, err
	}
	t, err := s.look(ctx, c, id)
	if err != nil {
		return Validation{}, err
	}
	w := Wanted{Publish: true, Outputs: t.Type.Outputs}
	item, faults, err := s.CheckItem(ctx, c, t, w, in)
	if err == nil && faults == nil {
		faults, err = s.CheckPage(ctx, t, w, item)
	}
	return Validation{Valid: err == nil && faults == nil, Errors: faults}, err
}

// Preview implements Types. What the input leaves out is that of the example.
func (s *Service) Preview(ctx context.Context, c Caller, id string, in ItemInput) (File, error) {
	if err := c.Need(MayRead); err != nil {
		return File{}, err
	}
	t, err := s.look(ctx, c, id)
	if err != nil {
		return File{}, err
	}
	example := t.example()
	if in.Recipient.Name == "" {
		in.Recipient.Name = example.Recipient.Name
	}
	if in.Claims == nil {
		in.Claims = example.Claims
	}
	in.DocumentID, in.Recipient.ID, in.Private = "", "", nil
	var bad Invalid
	item := &Checked{input: in, claims: map[string]any{}, texts: map[string]string{}, private: map[string]string{}}
	s.checkRecipient(&bad, item, Wanted{})
	for key := range in.Claims { // what is required may be absent in a preview
		if rule, ok := t.fields[key]; ok {
			if _, text, ok, message := rule.value(in.Claims[key]); message != "" {
				bad.Add("claims."+key, message)
			} else if ok {
				item.texts[key] = text
			}
		}
	}
	item.refuseOthers(&bad, t, "claims.", in.Claims, false)
	item.checkTimes(&bad, t, s.now())
	if err := bad.Err(); err != nil {
		return File{}, err
	}
	fields, options := s.page(t, item, strings.Repeat("0", 22))
	options.TestWatermark = true
	picture, err := s.draw(ctx, t, fields, options)
	if err != nil {
		return File{}, pageFault(err, t, item)
	}
	return File{Name: "preview.png", MediaType: "image/png", Digest: digestHexOf(picture), Bytes: picture}, nil
}

const (
	previewDPI    = 100
	previewPixels = 4 << 20 // of larger pages fewer dots an inch are drawn
	previewTime   = 10 * time.Second
)

// previews are drawn one or few at a time, so that those of one institution leave the
// others' requests processors and memory: a template may ask for much.
var previews = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))

// draw draws a page when its turn comes.
func (s *Service) draw(ctx context.Context, t *LoadedType, fields layout.Fields, options layout.Options) ([]byte, error) {
	select {
	case previews <- struct{}{}:
		defer func() { <-previews }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, previewTime)
	defer cancel()
	width, height := t.template.Size()
	dpi := min(previewDPI, math.Floor(25.4*math.Sqrt(previewPixels/(width*height))))
	return s.render.Preview(ctx, t.template, fields, options, layout.PreviewOptions{DPI: dpi})
}
