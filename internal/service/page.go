package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/layout"
	"github.com/chancery-dev/chancery/signer/pades"
)

// render makes the page and the badges of a signed item, and stores their files.
func (j *signing) render(ctx context.Context, out *Signed) error {
	vc := chancery.Secured{MediaType: chancery.MediaVC, Bytes: out.artifacts[0].Bytes}
	switch d := out.checked.document; {
	case d != nil:
		out.artifacts = append(out.artifacts, StoredArtifact{
			Name: "pdf", Issue: out.checked.issue, MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, Created: j.at,
		})
	case slices.Contains(j.w.Outputs, "pdf"):
		if err := j.page(ctx, out, vc); err != nil {
			return err
		}
	}
	if slices.Contains(j.w.Outputs, "badge") {
		return j.bake(ctx, out, vc)
	}
	return nil
}

// keep stores a file and adds it as an artefact.
func (j *signing) keep(ctx context.Context, out *Signed, name, media string, b []byte) error {
	out.add(name, media, b, false)
	digest, _, err := j.s.c.Blobs.Put(ctx, bytes.NewReader(b))
	if err == nil && digest != out.artifacts[len(out.artifacts)-1].Digest {
		err = fmt.Errorf("service: stored file: expected another digest")
	}
	return err
}

// page makes the certificate page with the credential inside, sealed by the institution.
func (j *signing) page(ctx context.Context, out *Signed, vc chancery.Secured) error {
	fields, options := j.s.page(j.t, out.checked, out.PublicID)
	options.Credential, options.CredentialMediaType = vc.Bytes, vc.MediaType
	options.Created = j.at
	page, err := j.s.render.Render(ctx, j.t.template, fields, options)
	if err != nil {
		return pageFault(err)
	}
	seal, err := j.s.sealWith(ctx, j.issuer, j.s.sealLevel())
	if err != nil {
		return err
	}
	seal.Clock = func() time.Time { return j.at }
	request := pades.Request{Certify: pades.NoChanges}
	if options.SignatureField != "" {
		request.Field, request.Visible = options.SignatureField, &pades.Appearance{}
	}
	var sealed bytes.Buffer
	if _, err := seal.Sign(ctx, bytes.NewReader(page), int64(len(page)), &sealed, request); err != nil {
		return err
	}
	return j.keep(ctx, out, "pdf", chancery.MediaPDF, sealed.Bytes())
}

// sealLevel is the highest level that the installation's authorities allow.
func (s *Service) sealLevel() pades.Level {
	switch {
	case s.c.TSA == nil:
		return pades.LevelB
	case s.c.Revocation == nil:
		return pades.LevelT
	}
	return pades.LevelLTA
}

func (s *Service) sealWith(ctx context.Context, i *cachedIssuer, level pades.Level) (*pades.Signer, error) {
	key, chain, err := i.sealer(ctx, s)
	if err != nil {
		return nil, err
	}
	out := &pades.Signer{Key: key, Chain: chain, Level: level, Clock: s.c.Clock}
	if level > pades.LevelB {
		out.TSA = s.c.TSA
	}
	if level > pades.LevelT {
		out.Revocation = s.c.Revocation
	}
	return out, nil
}

// page is what a page of a type says of an item.
func (s *Service) page(t *LoadedType, item *Checked, publicID string) (layout.Fields, layout.Options) {
	lang := "en"
	fields := layout.Fields{Text: map[string]string{}, Images: map[string]layout.Image{}}
	if l := t.version.Layout; l != nil {
		maps.Copy(fields.Text, l.Text)
		if l.Lang != "" {
			lang = l.Lang
		}
	}
	fields.Text["institution"], fields.Text["recipient"] = t.issuer.Name, item.input.Recipient.Name
	fields.Text["achievement"], fields.Text["date"] = t.Type.DisplayName, longDate(item.from, lang)
	if a := t.version.Achievement; a != nil && a.Description != "" && fields.Text["description"] == "" {
		fields.Text["description"] = a.Description
	}
	for _, f := range t.version.Fields {
		if value := item.texts[f.Key]; value != "" && f.Visibility == visiblePublic {
			fields.Facts = append(fields.Facts, layout.Fact{Label: f.Label, Value: value})
			fields.Text["claims."+f.Key] = value
		}
	}
	if !item.until.IsZero() {
		fields.Facts = append(fields.Facts, layout.Fact{Label: "Valid until", Value: longDate(item.until, lang)})
	}
	if t.issuer.Image != "" {
		if _, b, err := dataURL(t.issuer.Image); err == nil {
			fields.Images["arms"] = layout.Image{Data: b}
		}
	}
	options := layout.Options{
		VerifyURL: s.credentialURL(publicID), ID: publicID, Lang: lang, Title: t.Type.DisplayName, Author: t.issuer.Name,
		Created: s.now(), TestWatermark: t.Scope.Environment == Test,
	}
	if boxes := t.template.SignatureBoxes(); len(boxes) != 0 {
		options.SignatureField = boxes[0].Name
	}
	return fields, options
}

// longDate writes a day for people: in English in words, in other languages in numbers,
// which all of them read.
func longDate(t time.Time, lang string) string {
	if lang == "en" || strings.HasPrefix(lang, "en-") {
		return t.Format("2 January 2006")
	}
	return t.Format(time.DateOnly)
}

// pageFault turns what is wrong with an input into a CodeValidation error.
func pageFault(err error) error {
	fault := func(field, message string) error {
		return &Error{Code: CodeValidation, Detail: field + " " + message, Fields: map[string][]string{field: {message}}, Err: err}
	}
	var font *layout.MissingFontError
	var fit *layout.FitError
	var field *layout.FieldError
	switch {
	case errors.As(err, &font):
		return fault("recipient.name", "or a claim is in a script ("+font.Script+") that no font at hand can write")
	case errors.As(err, &fit):
		return fault("recipient.name", "or a claim is too long for the page")
	case errors.As(err, &field):
		if key, ok := strings.CutPrefix(field.Field, "claims."); ok {
			return fault("claims."+key, "is needed by the page, and cannot be written on it")
		}
		return fault("layout.text."+field.Field, "is needed by the page, and is missing or cannot be written on it")
	}
	return err
}

// bake puts the credential into the badge's pictures.
func (j *signing) bake(ctx context.Context, out *Signed, vc chancery.Secured) error {
	for _, p := range []struct{ digest, name, media string }{{j.t.version.PNG, "png", chancery.MediaPNG}, {j.t.version.SVG, "svg", chancery.MediaSVG}} {
		if p.digest == "" {
			continue
		}
		picture, err := j.s.blob(ctx, p.digest, maxPicture)
		if err != nil {
			return err
		}
		var baked bytes.Buffer
		if err := badge.Bake(&baked, bytes.NewReader(picture), vc, badge.BakeOptions{}); err != nil {
			return err
		}
		if err := j.keep(ctx, out, p.name, p.media, baked.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// pageTemplate is the template that pages of a type are made with.
func pageTemplate(in NewType) (*layout.Template, error) {
	l := in.Layout
	if l == nil {
		l = &Layout{}
	}
	if l.Template != nil {
		b, err := json.Marshal(l.Template, json.Deterministic(true))
		if err != nil {
			return nil, err
		}
		return layout.Parse(b)
	}
	name := l.Name
	if name == "" {
		name = layout.Certificate
		if in.Kind == "diploma" {
			name = layout.Diploma
		}
	}
	return layout.Builtin(name, layoutSizes[l.Size])
}
