package badge

import (
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// ReadTime reads a point in time the way badges write it. ok is false for what is no
// time at all. code is "" for RFC 3339 with zone and whole seconds, and otherwise what
// is unusual: "date_without_zone" (read as UTC), "date_fraction", "date_leap_second"
// (read as the second before), "date_hour_24" (the end of a day, which XML Schema writes so
// too), "date_small_letters", "date_without_seconds", "date_year" (XML Schema has years
// before 0 and after 9999, which RFC 3339 cannot write: read as its first or last second).
func ReadTime(s string) (t time.Time, code string, ok bool) {
	year := 4
	if strings.HasPrefix(s, "-") {
		year++
	}
	for year < len(s) && s[year] >= '0' && s[year] <= '9' && s[0] != '0' && !strings.HasPrefix(s, "-0") {
		year++
	}
	if year == 4 {
		t, code, ok = readTime(s)
		return within(t), code, ok
	}
	// A leap year, so that every date can stand in it.
	if _, code, ok = readTime("2000" + s[min(year, len(s)):]); !ok || !digits(strings.TrimPrefix(s[:year], "-")) {
		return time.Time{}, "", false
	}
	if code != "date_without_zone" {
		code = "date_year"
	}
	if s[0] == '-' {
		return firstInstant, code, true
	}
	return maxInstant, code, true
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// firstInstant and maxInstant are the first and last that RFC 3339 can write.
var (
	firstInstant = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	maxInstant   = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// within keeps a time where it can be written also in UTC: its zone may lead out.
func within(t time.Time) time.Time {
	switch {
	case t.Before(firstInstant):
		return firstInstant
	case t.After(maxInstant.Add(time.Second - 1)):
		return maxInstant
	}
	return t
}

func readTime(s string) (t time.Time, code string, ok bool) {
	if upper := strings.ToUpper(s); upper != s {
		s, code = upper, "date_small_letters"
	}
	if len(s) >= 19 && s[10:19] == "T24:00:00" {
		zone := s[19:]
		if rest, fraction := strings.CutPrefix(zone, "."); fraction && strings.TrimLeft(rest, "0") != rest {
			zone = strings.TrimLeft(rest, "0")
		}
		t, other, ok := readTime(s[:11] + "00:00:00" + zone)
		if code = "date_hour_24"; other != "" {
			code = other
		}
		return t.Add(24 * time.Hour), code, ok && !strings.HasPrefix(zone, ".")
	}
	if len(s) >= 19 && s[17:19] == "60" && s[16] == ':' {
		s, code = s[:17]+"59"+s[19:], "date_leap_second"
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil && !strings.ContainsRune(s, ',') {
		if len(s) > 19 && s[19] == '.' {
			code = "date_fraction"
		}
		return t, code, true
	}
	for layout, code := range map[string]string{"2006-01-02T15:04:05": "date_without_zone", "2006-01-02T15:04Z07:00": "date_without_seconds"} {
		if t, err := time.Parse(layout, s); err == nil && !strings.ContainsRune(s, ',') {
			return t, code, true
		}
	}
	return time.Time{}, "", false
}

func (c *checker) time(v strictjson.Node) {
	switch _, code, ok := ReadTime(c.doc.String(v)); {
	case !ok:
		c.at(v, Error, "not_a_time", "expected a time in the form of RFC 3339, with zone")
	case code != "":
		c.at(v, Warning, code, "expected a time in the form of RFC 3339, with zone and in whole seconds")
	}
}

func (c *checker) date(v strictjson.Node) {
	if _, err := time.Parse(time.DateOnly, c.doc.String(v)); err != nil {
		c.at(v, Error, "not_a_date", "expected a date in the form of RFC 3339")
	}
}

// period checks that the one time does not lie behind the other.
func (c *checker) period(n strictjson.Node, from, until string, g Grade) {
	a, _, okA := ReadTime(c.doc.String(c.doc.Get(n, from)))
	b, _, okB := ReadTime(c.doc.String(c.doc.Get(n, until)))
	if okA && okB && b.Before(a) {
		c.at(c.doc.Get(n, until), g, "period_reversed", "expected a time that is not before "+from)
	}
}
