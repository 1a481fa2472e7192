package verifier

import (
	"time"

	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// checkValidity judges the validity period (VC Data Model 2.0, 4.9; 1.1, 4.6 and
// 4.8) and that of a JWT around the document (RFC 7519, 4.1.4 and 4.1.5).
func (c *run) checkValidity() {
	from, until, ends, fault := c.period()
	if fault != "" {
		c.fail(CheckValidity, ValidityMalformed, fault)
		return
	}
	if c.cred != nil { // what holds, in whatever form and place it is written
		c.r.ValidFrom = from.UTC()
		if ends {
			c.r.ValidUntil = until.UTC()
		}
	}
	skew := c.v.policy.ClockSkew
	switch {
	case from.After(c.at.Add(skew)):
		c.fail(CheckValidity, NotYetValid, "from "+stamp(from))
	case ends && c.at.Add(-skew).After(until):
		c.r.Lifecycle = Expired
		c.fail(CheckValidity, PeriodOver, "until "+stamp(until))
	default:
		detail := "no end"
		if ends {
			detail = "until " + stamp(until)
		}
		c.pass(CheckValidity, detail)
	}
}

// period returns the narrowest period that document and JWT leave: a zero from means open,
// and until counts where it ends. A zero until is a time like others: it is what programs
// write that were given none.
func (c *run) period() (from, until time.Time, ends bool, fault string) {
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
				return from, until, ends, "expected a date and time with zone in " + m.name
			}
			if code != "" && code != "date_fraction" {
				c.r.find(GradeWarning, code, "/"+m.name, "a time in an unusual form")
			}
			switch {
			case m.end && (!ends || t.Before(until)):
				until, ends = t, true
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
		if cl.HasExpires && (!ends || cl.Expires.Before(until)) {
			until, ends = cl.Expires, true
		}
	}
	if !from.IsZero() && ends && until.Before(from) {
		return from, until, ends, "expected the end of validity after its beginning"
	}
	return from, until, ends, ""
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
