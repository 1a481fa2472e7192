package service

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// A credential is an Open Badge 3.0 of the data model 2.0, whatever its kind: terms of
// published contexts alone, which verifiers have embedded. Fields are results with a
// description each; a private field is a result whose value is a salted commitment.

// staticText holds those parts of a type's credentials that are the same in all.
type staticText struct {
	schema      string // address of the type's schema: ids within it begin with it
	head        string // after the id, up to validFrom
	achievement string // up to its resultDescriptions
	pictures    string // relatedResource entries of the badge's pictures
}

// schemaURL is the address of the schema of a version of a type.
func (s *Service) schemaURL(id string, version int) string {
	return s.baseURL + "/schemas/" + versionID(id, version)
}

func (s *Service) writeStatic(t *LoadedType) *staticText {
	q := strictjson.Quote
	out := &staticText{schema: s.schemaURL(t.Type.ID, t.Type.Version)}
	issuer := `{"id":` + q(t.issuer.DID) + `,"type":["Profile"],"name":` + q(t.issuer.Name)
	if t.issuer.URL != "" {
		issuer += `,"url":` + q(t.issuer.URL)
	}
	out.head = `,"type":["VerifiableCredential","OpenBadgeCredential"],"name":` + q(t.Type.DisplayName) + `,"issuer":` + issuer + `}`
	a := t.version.Achievement
	if a == nil {
		a = &Achievement{}
	}
	kind := a.Type
	if kind == "" {
		kind = map[string]string{"diploma": "Diploma", "transcript": "ext:Transcript", "certificate": "Certificate", "badge": "Badge"}[t.Type.Kind]
	}
	description, criteria := a.Description, a.Criteria
	if description == "" {
		description = t.Type.DisplayName
	}
	if criteria == "" {
		criteria = "Awarded by " + t.issuer.Name + " under its own rules."
	}
	// A fragment that no key of a field is: two things with one id could exchange their
	// members without changing what an RDFC suite signs.
	out.achievement = `{"id":` + q(out.schema+"#the-achievement") + `,"type":["Achievement"],"achievementType":` + q(kind) +
		`,"name":` + q(t.Type.DisplayName) + `,"description":` + q(description) + `,"criteria":{"narrative":` + q(criteria) + `}`
	if url := s.pictureOf(t.version); url != "" {
		out.achievement += `,"image":{"id":` + q(url) + `,"type":"Image"}`
	}
	out.pictures = s.pictureResources(t.version)
	for _, f := range t.version.Fields {
		rule := t.fields[f.Key]
		label := f.Label
		if f.Visibility == visiblePrivate {
			label += " (salted SHA-256)"
		}
		id := q(out.schema + "#" + f.Key)
		rule.about = `{"id":` + id + `,"type":["ResultDescription"],"name":` + q(label) + `,"resultType":"Result"}`
		rule.result = `{"type":["Result"],"resultDescription":` + id + `,"value":`
	}
	return out
}

// pictureURL is the address of a badge's picture, by its digest.
func (s *Service) pictureURL(digest, extension string) string {
	return s.baseURL + "/pictures/" + digest + "." + extension
}

func (s *Service) pictureOf(v StoredType) string {
	switch {
	case v.PNG != "":
		return s.pictureURL(v.PNG, "png")
	case v.SVG != "":
		return s.pictureURL(v.SVG, "svg")
	}
	return ""
}

// pictureResources names the pictures by digest, so that a badge baked into another one is
// found out.
func (s *Service) pictureResources(v StoredType) string {
	var list []string
	if v.PNG != "" {
		list = append(list, resource(s.pictureURL(v.PNG, "png"), v.PNG, "image/png"))
	}
	if v.SVG != "" {
		list = append(list, resource(s.pictureURL(v.SVG, "svg"), v.SVG, "image/svg+xml"))
	}
	return strings.Join(list, ",")
}

// resource is an entry of relatedResource (VC Data Model 2.0, 5.3).
func resource(url, digest, media string) string {
	sum, err := hex.DecodeString(digest)
	if err != nil {
		return ""
	}
	q := strictjson.Quote
	return `{"id":` + q(url) + `,"mediaType":` + q(media) + `,"digestSRI":` + q("sha256-"+base64.StdEncoding.EncodeToString(sum)) + `}`
}

// credentialURL is the id of a credential, and the address of its page.
func (s *Service) credentialURL(publicID string) string { return s.baseURL + "/c/" + publicID }

// documentURL names the document that a credential is bound to.
func (s *Service) documentURL(publicID string) string { return s.credentialURL(publicID) + "/pdf" }

// forms are what the text of a credential has to serve.
type forms struct {
	// pictures: it is baked into pictures, which it names.
	pictures bool
	// subject: the subject needs an id, as a JWT of Open Badges does. One that has no DID
	// gets one that means nothing outside of this credential.
	subject bool
}

func formsOf(outputs []string) forms {
	return forms{pictures: slices.Contains(outputs, "badge"), subject: slices.Contains(outputs, "vc.jwt")}
}

// text writes the credential of an item, which still lacks its proof.
func (s *Service) text(t *LoadedType, item *Checked, keys secrets, entries string, made forms) []byte {
	q := strictjson.Quote
	b := make([]byte, 0, 2048+len(t.static.achievement))
	add := func(parts ...string) {
		for _, p := range parts {
			b = append(b, p...)
		}
	}
	add(`{"@context":["`, chancery.ContextV2, `","`, badge.ContextOB3, `"],"id":`, q(s.credentialURL(item.PublicID)), t.static.head)
	add(`,"validFrom":"`, item.from.Format(time.RFC3339), `"`)
	if !item.until.IsZero() {
		add(`,"validUntil":"`, item.until.Format(time.RFC3339), `"`)
	}
	add(`,"credentialSubject":{`)
	switch {
	case item.input.Recipient.DID != "":
		add(`"id":`, q(item.input.Recipient.DID), `,`)
	case made.subject:
		add(`"id":`, q(s.credentialURL(item.PublicID)+"#recipient"), `,`)
	}
	add(`"type":["AchievementSubject"],"identifier":[{"type":"IdentityObject","hashed":false,"identityHash":`, q(item.input.Recipient.Name), `,"identityType":"name"}`)
	if item.input.Recipient.Email != "" {
		hash := badge.HashIdentity(item.input.Recipient.Email, keys.EmailSalt)
		add(`,{"type":"IdentityObject","hashed":true,"identityHash":`, q(hash), `,"identityType":"emailAddress","salt":`, q(keys.EmailSalt), `}`)
	}
	add(`],"achievement":`, t.static.achievement)
	var about, results []string
	for _, f := range t.version.Fields {
		rule := t.fields[f.Key]
		value, ok := item.texts[f.Key]
		if f.Visibility == visiblePrivate {
			var secret privateSecret
			if secret, ok = keys.Private[f.Key]; ok {
				value = badge.HashIdentity(secret.Value, secret.Salt)
			}
		}
		if ok {
			about, results = append(about, rule.about), append(results, rule.result+q(value)+"}")
		}
	}
	if len(about) != 0 {
		add(`,"resultDescription":[`, strings.Join(about, ","), `]},"result":[`, strings.Join(results, ","), `]}`)
	} else {
		add(`}}`)
	}
	if entries != "" {
		add(`,"credentialStatus":`, entries)
	}
	add(s.related(t, item, made.pictures))
	return append(b, '}')
}

// related is the member relatedResource, with what an item is bound to.
func (s *Service) related(t *LoadedType, item *Checked, withBadge bool) string {
	var list []string
	if item.document != nil {
		list = append(list, resource(s.documentURL(item.PublicID), item.document.Digest, item.document.MediaType))
	}
	if withBadge && t.static.pictures != "" {
		list = append(list, t.static.pictures)
	}
	if len(list) == 0 {
		return ""
	}
	return `,"relatedResource":[` + strings.Join(list, ",") + `]`
}

// newSecrets draws the salts of an item.
func newSecrets(item *Checked) secrets {
	var out secrets
	if item.input.Recipient.Email != "" {
		out.EmailSalt = salt()
	}
	for key, value := range item.private {
		if out.Private == nil {
			out.Private = map[string]privateSecret{}
		}
		out.Private[key] = privateSecret{Value: value, Salt: salt()}
	}
	return out
}

// salt draws 128 random bits.
func salt() string {
	var b [16]byte
	rand.Read(b[:])
	return hexOf(b[:])
}

// tryType makes a credential of a type's example and holds it against the rules of Open
// Badges and of the data model, so that every credential of the type passes them.
func (s *Service) tryType(t *LoadedType) error {
	item := &Checked{
		PublicID: PublicID(), from: s.now().Truncate(time.Second), input: ItemInput{Recipient: Recipient{Name: "Aina Rahman", Email: "aina@example.com"}},
		texts: map[string]string{}, private: map[string]string{},
	}
	for _, f := range t.version.Fields {
		if f.Visibility == visiblePrivate {
			item.private[f.Key] = "text"
		} else {
			item.texts[f.Key] = "text"
		}
	}
	text := s.text(t, item, newSecrets(item), s.entryText("0", purposeRevocation, 0), forms{pictures: true})
	c, err := chancery.Parse(text)
	if err != nil {
		return err
	}
	if err := chancery.CheckIssue(c); err != nil {
		return err
	}
	for _, f := range badge.Check(c.Document(), badge.Strict) {
		if f.Grade == badge.Error {
			return errors.New("service: " + f.String())
		}
	}
	return nil
}

// Schema implements Public. id is that of the version of a type.
func (s *Service) Schema(ctx context.Context, id string) (File, error) {
	return s.schemaFile(ctx, id)
}
