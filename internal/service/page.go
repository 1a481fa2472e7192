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
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/layout"
	"github.com/chancery-dev/chancery/internal/web/words"
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
		return pageFault(err, j.t, out.checked)
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
		return sealFault(err)
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
	if t.version.Layout == nil || t.version.Layout.Template == nil {
		headed(fields.Text, t.Type.Kind, lang)
	}
	fields.Text["institution"], fields.Text["recipient"] = t.issuer.Name, item.input.Recipient.Name
	fields.Text["achievement"], fields.Text["date"] = t.Type.DisplayName, longDate(item.from, lang)
	if a := t.version.Achievement; a != nil && a.Description != "" && fields.Text["description"] == "" {
		fields.Text["description"] = a.Description
	}
	for _, f := range t.version.Fields {
		if value := strings.ReplaceAll(item.texts[f.Key], "\t", " "); value != "" && f.Visibility == visiblePublic {
			fields.Facts = append(fields.Facts, layout.Fact{Label: f.Label, Value: factText(f.Type, value, lang)})
			fields.Text["claims."+f.Key] = value
		}
	}
	if !item.until.IsZero() {
		fields.Facts = append(fields.Facts, layout.Fact{Label: wording(lang).Text("cert.validuntil"), Value: longDate(item.until, lang), Lead: true})
	}
	if !t.template.HasFacts() && (t.version.Layout == nil || t.version.Layout.Template == nil) {
		fields.Text["description"], fields.Facts = inWords(fields.Text["description"], fields.Facts)
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

// wording is what a page says of itself in a language, English where there is no other.
func wording(lang string) words.Language {
	l, _ := words.For(lang)
	return l
}

// headed says what kind of page a shipped design makes, where the type does not say it and
// the language of its texts is one that the designs speak.
func headed(text map[string]string, kind, lang string) {
	l, ok := words.For(lang)
	if !ok || kind == "certificate" {
		return
	}
	if text["heading"] == "" {
		text["heading"] = l.Text("kind." + kind)
	}
	if text["label.awarded"] == "" && kind == "transcript" {
		text["label.awarded"] = layout.Word("label.issued", lang)
	}
}

// factText writes a value for people.
func factText(kind, value, lang string) string {
	switch kind {
	case "date":
		if t, err := time.Parse(time.DateOnly, value); err == nil {
			return longDate(t, lang)
		}
	case "boolean":
		if key, ok := map[string]string{"true": "claim.yes", "false": "claim.no"}[value]; ok && spoken(lang) {
			return wording(lang).Text(key)
		}
	}
	return value
}

// spoken tells whether pages have words in a language.
func spoken(lang string) bool {
	_, ok := words.For(lang)
	return ok
}

// maxInWords is how many characters of facts are still read with pleasure in a description.
const maxInWords = 300

// inWords adds facts to a description, for a first page that has no list of them. It answers
// those that are too many for that, which go on a page of their own.
func inWords(description string, facts []layout.Fact) (string, []layout.Fact) {
	join := func(facts []layout.Fact) string {
		var parts []string
		for _, f := range facts {
			parts = append(parts, f.Label+": "+strings.Join(strings.Fields(f.Value), " "))
		}
		return strings.Join(parts, " · ")
	}
	said := join(facts)
	var list []layout.Fact
	if utf8.RuneCountInString(said) > maxInWords {
		lead := func(f layout.Fact) bool { return f.Lead }
		list = slices.DeleteFunc(slices.Clone(facts), lead)
		said = join(slices.DeleteFunc(slices.Clone(facts), func(f layout.Fact) bool { return !lead(f) }))
	}
	return strings.TrimSpace(description + "\n" + said), list
}

// longDate writes a day for people: in words in the languages that pages speak, in others in
// numbers, which all of them read.
func longDate(t time.Time, lang string) string {
	if spoken(lang) {
		return wording(lang).Date(t)
	}
	return t.Format(time.DateOnly)
}

// widestID takes more room on a page than any public id.
var widestID = strings.Repeat("W", 22)

// CheckPage says, by field, what keeps the page of an item from being made, where one is
// wanted: what Sign would say, without the work. nil: nothing. An error is none of the item.
func (s *Service) CheckPage(ctx context.Context, t *LoadedType, w Wanted, item *Checked) (map[string][]string, error) {
	if item.document != nil || !slices.Contains(w.Outputs, "pdf") {
		return nil, nil
	}
	fields, options := s.page(t, item, widestID)
	err := s.render.Check(ctx, t.template, fields, options)
	if err == nil {
		return nil, nil
	}
	err = pageFault(err, t, item)
	var fault *Error
	if errors.As(err, &fault) && fault.Code == CodeValidation {
		return fault.Fields, nil
	}
	return nil, err
}

// pageFault turns what is wrong with an input into a CodeValidation error that names the
// member. What is wrong with the page of every item is said of the type.
func pageFault(err error, t *LoadedType, item *Checked) error {
	fault := func(field, message string) error {
		return &Error{Code: CodeValidation, Detail: field + " " + message, Fields: map[string][]string{field: {message}}, Err: err}
	}
	var font *layout.MissingFontError
	var fit *layout.FitError
	var field *layout.FieldError
	var option *layout.OptionError
	switch {
	case errors.As(err, &font):
		return fault(t.writes(item, font.Char), "has a character ("+font.Script+") that no font at hand can write")
	case errors.As(err, &fit):
		return fault(t.tooLong(item, fit.Fields), "is too long for the page")
	case errors.As(err, &field):
		key, ok := strings.CutPrefix(field.Field, "claims.")
		var n int
		switch _, scanned := fmt.Sscanf(field.Field, "facts[%d]", &n); {
		case field.Field == "*":
			return fault("type", "has more fields for the page than it can hold")
		case field.Field == "recipient":
			return fault("recipient.name", "has a character that cannot be written on the page")
		case ok && item.texts[key] != "":
			return fault("claims."+key, "has a character that cannot be written on the page")
		case ok:
			return fault("claims."+key, "is needed by the page")
		case scanned == nil:
			return fault(t.factAt(item, n), "has a character that cannot be written on the page")
		}
		return fault("layout.text."+field.Field, "is needed by the page, and is missing or cannot be written on it")
	case errors.As(err, &option):
		return fault("type", "has a page that cannot be made: its "+strings.ToLower(option.Option))
	}
	return err
}

// maxOnPage is how many optional facts the example has that a type is tried with. Templates
// of one's own may have room for few.
const maxOnPage = 15

// tryPage sets the page of a type with an example, so that a page that can never be made is
// refused with its type.
func (s *Service) tryPage(ctx context.Context, scope Scope, v StoredType, issuer StoredIssuer) error {
	t, err := s.load(scope, v, issuer)
	if err != nil {
		return err
	}
	now := s.now()
	item := &Checked{from: now, until: now.AddDate(1, 0, 0), input: ItemInput{Recipient: t.example().Recipient}, texts: map[string]string{}}
	for _, required := range []bool{true, false} {
		for _, f := range t.version.Fields {
			if f.Required != required || f.Visibility != visiblePublic || !required && len(item.texts) >= maxOnPage {
				continue
			}
			if _, text, ok, _ := t.fields[f.Key].value(t.fields[f.Key].example()); ok && text != "" {
				item.texts[f.Key] = text
			} else {
				item.texts[f.Key] = "text" // of a pattern
			}
		}
	}
	faults, err := s.CheckPage(ctx, t, Wanted{Outputs: v.Outputs}, item)
	if err != nil || faults == nil {
		return err
	}
	var bad Invalid
	for member, messages := range faults {
		place := "layout"
		if strings.HasPrefix(member, "layout.") || strings.HasPrefix(member, "achievement.") {
			place = member
		}
		if member == "type" {
			member = "the type"
		}
		for _, message := range messages {
			bad.Add(place, "makes no page: "+member+" "+message)
		}
	}
	return bad.Err()
}

// onPage lists the members that are facts of a page, in order.
func (t *LoadedType) onPage(item *Checked) []string {
	var out []string
	for _, f := range t.version.Fields {
		if f.Visibility == visiblePublic && item.texts[f.Key] != "" {
			out = append(out, f.Key)
		}
	}
	return out
}

func (t *LoadedType) factAt(item *Checked, n int) string {
	if keys := t.onPage(item); n >= 0 && n < len(keys) {
		return "claims." + keys[n]
	}
	return "type"
}

// writes finds the member that holds a character.
func (t *LoadedType) writes(item *Checked, char rune) string {
	if strings.ContainsRune(item.input.Recipient.Name, char) {
		return "recipient.name"
	}
	for _, key := range t.onPage(item) {
		if strings.ContainsRune(item.texts[key], char) {
			return "claims." + key
		}
	}
	return "type" // in its own texts
}

// tooLong finds the member to blame where a text made of fields does not fit: of several,
// the longest.
func (t *LoadedType) tooLong(item *Checked, fields []string) string {
	out, most := "type", 0
	longer := func(member, text string) {
		if n := utf8.RuneCountInString(text); n > most {
			out, most = member, n
		}
	}
	for _, field := range fields {
		key, ok := strings.CutPrefix(field, "claims.")
		switch {
		case ok:
			longer("claims."+key, item.texts[key])
		case field == "recipient":
			longer("recipient.name", item.input.Recipient.Name)
		case field == "facts", field == "description":
			if field == "description" && (t.template.HasFacts() || len(t.onPage(item)) == 0 || !t.inWords(item)) {
				longer(t.described()) // no claim is in it
				continue
			}
			for _, key := range t.onPage(item) {
				longer("claims."+key, item.texts[key])
			}
		}
	}
	return out
}

// inWords tells whether the claims are few enough to be read in a description.
func (t *LoadedType) inWords(item *Checked) bool {
	n := 0
	for _, f := range t.version.Fields {
		if f.Visibility == visiblePublic && item.texts[f.Key] != "" {
			n += utf8.RuneCountInString(f.Label) + utf8.RuneCountInString(item.texts[f.Key])
		}
	}
	return n <= maxInWords
}

// described is the description on the pages of a type, with the member that says it.
func (t *LoadedType) described() (member, text string) {
	if l := t.version.Layout; l != nil && l.Text["description"] != "" {
		return "layout.text.description", l.Text["description"]
	}
	if a := t.version.Achievement; a != nil && a.Description != "" {
		return "achievement.description", a.Description
	}
	return "type", ""
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
