package badge

import (
	"fmt"
	"strconv"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Contexts that drafts are written under.
const (
	ContextOB3 = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
	ContextCLR = "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"
)

// Draft is a badge to be issued, under the data model 2.0.
type Draft struct {
	View // Kind chooses Open Badge, endorsement or CLR

	// Credentials are what a CLR holds: credentials with their proofs as JSON, or
	// compact JWS, which are enveloped. Required for a CLR, and empty for others.
	Credentials []chancery.Secured
	// Endorsements are put into the credential, with their proofs.
	Endorsements []chancery.Secured
}

// DraftError says why a draft is not one that may be issued.
type DraftError struct{ Findings []Finding }

func (e *DraftError) Error() string {
	for _, f := range e.Findings {
		if f.Grade == Error {
			return fmt.Sprintf("badge: draft: %s at %q (%d findings)", f.Message, f.Pointer, len(e.Findings))
		}
	}
	return "badge: draft: expected no findings"
}

// JSON writes the draft: the same bytes for the same draft. It has no proof; id, issuer
// and validFrom may be empty and are then left out, to be filled in when it is issued.
// Every other Error that Check has to say about it is a *DraftError.
func (d Draft) JSON() ([]byte, error) {
	o := &object{}
	switch d.Kind {
	case OB3Achievement:
		d.head(o, "OpenBadgeCredential", ContextOB3)
		o.raw("credentialSubject", d.subject())
	case OB3Endorsement:
		d.head(o, "EndorsementCredential", ContextOB3)
		s := &object{}
		s.str("id", d.Subject.ID).typ("EndorsementSubject").str("endorsementComment", d.Comment)
		o.raw("credentialSubject", s.json())
	case CLR:
		d.head(o, "ClrCredential", ContextCLR, ContextOB3)
		s, err := d.record()
		if err != nil {
			return nil, err
		}
		o.raw("credentialSubject", s)
	default:
		return nil, fmt.Errorf("badge: draft: expected an achievement, an endorsement or a CLR, found kind %q", d.Kind)
	}
	o.list("evidence", each(d.Evidence, func(e Evidence) string {
		x := &object{}
		return x.str("id", e.ID).typ("Evidence").str("name", e.Name).str("description", e.Description).
			str("narrative", e.Narrative).str("genre", e.Genre).str("audience", e.Audience).json()
	}))
	if err := d.endorsements(o); err != nil {
		return nil, err
	}
	return checkDraft([]byte(o.json()))
}

// checkDraft checks what was written with values in the places that are still open.
func checkDraft(text []byte) ([]byte, error) {
	doc, err := strictjson.Parse(text, strictjson.Limits{})
	if err != nil {
		return nil, err
	}
	var open []strictjson.Member
	for _, m := range []strictjson.Member{{Name: "id", Value: `"urn:x:y"`}, {Name: "issuer", Value: `"urn:x:y"`}, {Name: "validFrom", Value: `"2000-01-01T00:00:00Z"`}} {
		if doc.Get(0, m.Name) == strictjson.None {
			open = append(open, m)
		}
	}
	full, err := strictjson.Parse(doc.Rewrite(0, open), strictjson.Limits{})
	if err != nil {
		return nil, err
	}
	found := Check(full, Strict)
	if g, ok := Worst(found); ok && g == Error {
		return nil, &DraftError{found}
	}
	return text, nil
}

func (d Draft) head(o *object, typ string, contexts ...string) {
	o.list("@context", quoted(append([]string{chancery.ContextV2}, contexts...)))
	o.str("id", d.ID)
	o.list("type", quoted([]string{"VerifiableCredential", typ}))
	o.str("name", d.Name).str("description", d.Description).image(d.Image)
	if d.Issuer.Name+d.Issuer.URL+d.Issuer.Email+d.Issuer.Image != "" {
		o.raw("issuer", profileJSON(d.Issuer))
	} else {
		o.str("issuer", d.Issuer.ID)
	}
	o.str("awardedDate", d.AwardedDate).str("validFrom", d.ValidFrom).str("validUntil", d.ValidUntil)
	if d.Kind == CLR && d.Partial {
		o.raw("partial", "true")
	}
}

func profileJSON(p Party) string {
	x := &object{}
	return x.str("id", p.ID).typ("Profile").str("name", p.Name).str("url", p.URL).str("email", p.Email).image(p.Image).json()
}

func (d Draft) party(typ string) *object {
	s := &object{}
	s.str("id", d.Subject.ID).typ(typ)
	return s.list("identifier", each(d.Subject.Identifiers, func(i Identifier) string {
		x := &object{}
		x.str("type", "IdentityObject").raw("hashed", strconv.FormatBool(i.Hashed))
		return x.str("identityHash", i.Value).str("identityType", i.Type).str("salt", i.Salt).json()
	}))
}

func (d Draft) subject() string {
	s := d.party("AchievementSubject")
	switch written := each(d.Achievements, achievementJSON); len(written) {
	case 0:
	case 1:
		s.raw("achievement", written[0])
	default: // the check refuses it: a badge is about one achievement
		s.list("achievement", written)
	}
	return s.list("result", each(d.Results, func(r Result) string {
		x := &object{}
		return x.typ("Result").str("resultDescription", r.Description).str("achievedLevel", r.AchievedLevel).
			str("status", r.Status).str("value", r.Value).json()
	})).json()
}

func (d Draft) record() (string, error) {
	s := d.party("ClrSubject")
	s.list("achievement", each(d.Achievements, achievementJSON))
	var inner []string
	for i, c := range d.Credentials {
		if isJWS(c) {
			if _, err := jwsPayload(c.Bytes); err != nil {
				return "", fmt.Errorf("badge: draft: credential %d: %w", i, err)
			}
			x := &object{}
			x.str("@context", chancery.ContextV2).str("id", "data:application/vc+jwt,"+string(c.Bytes))
			inner = append(inner, x.str("type", "EnvelopedVerifiableCredential").json())
			continue
		}
		if _, err := chancery.Parse(c.Bytes); err != nil {
			return "", fmt.Errorf("badge: draft: credential %d: %w", i, err)
		}
		inner = append(inner, string(c.Bytes))
	}
	s.list("verifiableCredential", inner)
	return s.list("association", each(d.Associations, func(a Association) string {
		x := &object{}
		return x.str("type", "Association").str("associationType", a.Type).str("sourceId", a.Source).str("targetId", a.Target).json()
	})).json(), nil
}

func (d Draft) endorsements(o *object) error {
	var embedded, jws []string
	for i, e := range d.Endorsements {
		if isJWS(e) {
			jws = append(jws, strictjson.Quote(string(e.Bytes)))
			continue
		}
		if _, err := strictjson.Parse(e.Bytes, strictjson.Limits{}); err != nil {
			return fmt.Errorf("badge: draft: endorsement %d: %w", i, err)
		}
		embedded = append(embedded, string(e.Bytes))
	}
	o.list("endorsement", embedded).list("endorsementJwt", jws)
	return nil
}

func alignmentsJSON(list []Alignment) []string {
	return each(list, func(a Alignment) string {
		x := &object{}
		return x.typ("Alignment").str("targetName", a.Name).str("targetUrl", a.URL).str("targetType", a.Type).
			str("targetCode", a.Code).str("targetFramework", a.Framework).str("targetDescription", a.Description).json()
	})
}

func achievementJSON(a Achievement) string {
	criteria := &object{}
	criteria.str("id", a.CriteriaID).str("narrative", a.CriteriaNarrative)
	x := &object{}
	x.str("id", a.ID).typ("Achievement").str("achievementType", a.Type).str("name", a.Name).
		str("description", a.Description).raw("criteria", criteria.json()).image(a.Image).
		str("humanCode", a.HumanCode).str("inLanguage", a.Language)
	if a.Creator.ID != "" {
		x.raw("creator", profileJSON(a.Creator))
	}
	if a.Credits != 0 {
		x.raw("creditsAvailable", strconv.FormatFloat(a.Credits, 'f', -1, 64))
	}
	x.list("alignment", alignmentsJSON(a.Alignments)).list("tag", quoted(a.Tags))
	return x.list("resultDescription", each(a.ResultDescriptions, func(d ResultDescription) string {
		y := &object{}
		y.str("id", d.ID).typ("ResultDescription").str("name", d.Name).str("resultType", d.Type).
			list("allowedValue", quoted(d.AllowedValues)).str("valueMin", d.ValueMin).str("valueMax", d.ValueMax).
			str("requiredValue", d.RequiredValue).str("requiredLevel", d.RequiredLevel).list("alignment", alignmentsJSON(d.Alignments))
		return y.list("rubricCriterionLevel", each(d.Levels, func(l RubricLevel) string {
			z := &object{}
			return z.str("id", l.ID).typ("RubricCriterionLevel").str("name", l.Name).str("level", l.Level).
				str("points", l.Points).str("description", l.Description).json()
		})).json()
	})).json()
}

// object writes a JSON object, members in the order in which they are added. Empty
// values are left out.
type object struct{ text []byte }

func (o *object) raw(name, value string) *object {
	if len(o.text) > 0 {
		o.text = append(o.text, ',')
	}
	o.text = append(append(append(o.text, strictjson.Quote(name)...), ':'), value...)
	return o
}

func (o *object) str(name, value string) *object {
	if value == "" {
		return o
	}
	return o.raw(name, strictjson.Quote(value))
}

func (o *object) typ(name string) *object { return o.list("type", quoted([]string{name})) }

func (o *object) list(name string, values []string) *object {
	if len(values) == 0 {
		return o
	}
	text := []byte{'['}
	for i, v := range values {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, v...)
	}
	return o.raw(name, string(append(text, ']')))
}

func (o *object) image(id string) *object {
	if id == "" {
		return o
	}
	x := &object{}
	return o.raw("image", x.str("id", id).str("type", "Image").json())
}

func (o *object) json() string { return "{" + string(o.text) + "}" }

func quoted(list []string) []string { return each(list, strictjson.Quote) }

func each[T any](list []T, f func(T) string) []string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = f(e)
	}
	return out
}
