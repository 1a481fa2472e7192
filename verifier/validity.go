package verifier

import (
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// checkValidity judges the validity period (VC Data Model 2.0, 4.9; 1.1, 4.6 and
// 4.8) and that of a JWT around the document (RFC 7519, 4.1.4 and 4.1.5).
func (c *run) checkValidity() {
	from, until, fault := c.period()
	if fault != "" {
		c.fail(CheckValidity, ValidityMalformed, fault)
		return
	}
	skew := c.v.policy.ClockSkew
	switch {
	case !from.IsZero() && from.After(c.at.Add(skew)):
		c.fail(CheckValidity, NotYetValid, "from "+stamp(from))
	case !until.IsZero() && c.at.Add(-skew).After(until):
		c.r.Lifecycle = Expired
		c.fail(CheckValidity, PeriodOver, "until "+stamp(until))
	default:
		detail := "no end"
		if !until.IsZero() {
			detail = "until " + stamp(until)
		}
		c.pass(CheckValidity, detail)
	}
}

// period returns the narrowest period that document and JWT leave; zero means open.
func (c *run) period() (from, until time.Time, fault string) {
	names := [2]string{"validFrom", "validUntil"}
	if c.cred != nil {
		if c.cred.Model() == chancery.Model1_1 {
			names = [2]string{"issuanceDate", "expirationDate"}
		}
		for i, to := range []*time.Time{&from, &until} {
			n := c.doc.Get(0, names[i])
			if n == strictjson.None {
				continue
			}
			t, code, ok := badge.ReadTime(c.doc.String(n))
			// VC Data Model 2.0 asks for a zone (xsd:dateTimeStamp), 1.1 does not.
			if !ok || code == "date_without_zone" && names[0] == "validFrom" && !c.lenient() {
				return from, until, "expected a date and time with zone in " + names[i]
			}
			if code != "" && code != "date_fraction" {
				c.r.find(GradeWarning, code, "/"+names[i], "a time in an unusual form")
			}
			*to = t
		}
	}
	if c.token != nil {
		cl := c.token.claims
		if cl.HasNotBefore && cl.NotBefore.After(from) {
			from = cl.NotBefore
		}
		if cl.HasExpires && (until.IsZero() || cl.Expires.Before(until)) {
			until = cl.Expires
		}
	}
	if !from.IsZero() && !until.IsZero() && until.Before(from) {
		return from, until, "expected the end of validity after its beginning"
	}
	return from, until, ""
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
