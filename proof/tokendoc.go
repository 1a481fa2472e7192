package proof

import (
	"time"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Text returns the JSON text of the credential or presentation in a token. Where it is
// the payload, that is the payload as received. Where it is in a vc claim (VC Data
// Model 1.1, 6.3.1), members that only the registered claims hold are added: id from
// jti, issuer from iss, issuanceDate from nbf, expirationDate from exp and the id of a
// single subject from sub; in a vp claim, id and holder. Members that are there stay as
// they are: Disagreements tells whether the claims say something else.
func (c *Claims) Text() []byte {
	d := c.Doc
	if c.Wrapped == "" {
		return []byte(d.Text())
	}
	var set []strictjson.Member
	add := func(name, value string, has bool) {
		if has && d.Get(c.Document, name) == strictjson.None {
			set = append(set, strictjson.Member{Name: name, Value: strictjson.Quote(value)})
		}
	}
	add("id", c.ID, c.ID != "")
	if c.Wrapped == "vp" {
		add("holder", c.Issuer, c.Issuer != "")
		return d.Rewrite(c.Document, set)
	}
	from, until := c.dateMembers()
	add("issuer", c.Issuer, c.Issuer != "")
	add(from, c.NotBefore.Format(time.RFC3339), c.HasNotBefore)
	add(until, c.Expires.Format(time.RFC3339), c.HasExpires)
	subject := d.Get(c.Document, "credentialSubject")
	if c.Subject != "" && d.Kind(subject) == strictjson.Object && d.Get(subject, "id") == strictjson.None {
		text := d.Rewrite(subject, []strictjson.Member{{Name: "id", Value: strictjson.Quote(c.Subject)}})
		set = append(set, strictjson.Member{Name: "credentialSubject", Value: string(text)})
	}
	return d.Rewrite(c.Document, set)
}

// dateMembers returns the names that the document's data model has for nbf and exp.
func (c *Claims) dateMembers() (from, until string) {
	first := c.Doc.Get(c.Document, "@context")
	if c.Doc.Kind(first) == strictjson.Array {
		first = c.Doc.First(first)
	}
	if c.Doc.String(first) == "https://www.w3.org/2018/credentials/v1" {
		return "issuanceDate", "expirationDate"
	}
	return "validFrom", "validUntil"
}

// Disagreements names the registered claims that say something else than the document:
// iss and issuer (or holder), jti and id, sub and the subject's id, nbf and validFrom,
// exp and validUntil. Times are compared in whole seconds. A claim or member that is
// absent disagrees with nothing, except that sub disagrees with several subjects.
func (c *Claims) Disagreements() []string {
	d, doc := c.Doc, c.Document
	var out []string
	differ := func(claim, value string, member strictjson.Node) {
		if d.Kind(member) == strictjson.Object {
			member = d.Get(member, "id")
		}
		if value != "" && member != strictjson.None && d.String(member) != value {
			out = append(out, claim)
		}
	}
	issuer := d.Get(doc, "issuer")
	if issuer == strictjson.None {
		issuer = d.Get(doc, "holder")
	}
	differ("iss", c.Issuer, issuer)
	differ("jti", c.ID, d.Get(doc, "id"))
	subject := d.Get(doc, "credentialSubject")
	if d.Kind(subject) == strictjson.Array {
		if d.Len(subject) > 1 && c.Subject != "" {
			out = append(out, "sub")
			subject = strictjson.None
		} else {
			subject = d.First(subject)
		}
	}
	differ("sub", c.Subject, subject)
	from, until := c.dateMembers()
	at := func(claim string, has bool, t time.Time, member strictjson.Node) {
		if !has || member == strictjson.None {
			return
		}
		if m, ok := d.Time(member); !ok || m.Unix() != t.Unix() {
			out = append(out, claim)
		}
	}
	at("nbf", c.HasNotBefore, c.NotBefore, d.Get(doc, from))
	at("exp", c.HasExpires, c.Expires, d.Get(doc, until))
	return out
}
