package verifier

import (
	"time"

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
	if c.cred != nil {
		// Each version of the data model has names of its own, and the contexts define
		// those of the other as well: all that is said of the period holds.
		for _, m := range []struct {
			name string
			end  bool
			zone bool // VC Data Model 2.0 asks for a zone (xsd:dateTimeStamp), 1.1 does not
		}{{"validFrom", false, true}, {"validUntil", true, true}, {"issuanceDate", false, false}, {"expirationDate", true, false}} {
			n := c.doc.Get(0, m.name)
			if n == strictjson.None {
				continue
			}
			t, code, ok := badge.ReadTime(c.doc.String(n))
			if !ok || code == "date_without_zone" && m.zone && !c.lenient() {
				return from, until, "expected a date and time with zone in " + m.name
			}
			if code != "" && code != "date_fraction" {
				c.r.find(GradeWarning, code, "/"+m.name, "a time in an unusual form")
			}
			switch {
			case m.end && (until.IsZero() || t.Before(until)):
				until = t
			case !m.end && t.After(from):
				from = t
			}
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
