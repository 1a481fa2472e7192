package badge

import (
	"testing"
	"time"
)

// TestReadTime: the forms in which times are written, and what is no time.
func TestReadTime(t *testing.T) {
	next := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for s, want := range map[string]struct {
		at   time.Time
		code string
	}{
		"2027-01-01T00:00:00Z":           {next, ""},
		"2026-12-31T24:00:00Z":           {next, "date_hour_24"},
		"2026-12-31T24:00:00-01:00":      {next.Add(time.Hour), "date_hour_24"},
		"2026-12-31T24:00:00":            {next, "date_without_zone"},
		"2026-12-31T23:59:60Z":           {next.Add(-time.Second), "date_leap_second"},
		"2027-01-01T00:00:00.000000001Z": {next.Add(1), "date_fraction"},
		"0001-01-01T00:00:00Z":           {time.Time{}, ""},
	} {
		if at, code, ok := ReadTime(s); !ok || !at.Equal(want.at) || code != want.code {
			t.Errorf("%s: found %s %q %t", s, at, code, ok)
		}
	}
	for _, s := range []string{"", "2026-12-31T24:00:01Z", "2026-12-31T24:01:00Z", "2026-12-31T24:00:00.5Z", "2026-02-30T24:00:00Z", "2026-12-31T25:00:00Z", "2026-12-31", "2026-12-31 24:00:00Z"} {
		if at, code, ok := ReadTime(s); ok {
			t.Errorf("%s: read as %s %q", s, at, code)
		}
	}
}
