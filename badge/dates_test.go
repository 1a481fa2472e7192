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
		"2026-12-31T24:00:00.000Z":       {next, "date_hour_24"},
		"2028-02-29T24:00:00Z":           {time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC), "date_hour_24"},
		"0000-01-01T00:00:00Z":           {firstInstant, ""},
		"0000-01-01T00:00:00+14:00":      {firstInstant, ""},
		"-0001-12-31T00:00:00Z":          {firstInstant, "date_year"},
		"-0000-12-31T00:00:00Z":          {firstInstant, "date_year"},
		"-12000-12-31T00:00:00.5Z":       {firstInstant, "date_year"},
		"9999-12-31T23:59:59.9Z":         {maxInstant.Add(900 * time.Millisecond), "date_fraction"},
		"9999-12-31T23:59:59-12:00":      {maxInstant, ""},
		"9999-12-31T24:00:00Z":           {maxInstant, "date_hour_24"},
		"10000-01-01T00:00:00":           {maxInstant, "date_without_zone"},
		"10000-01-01T00:00:00Z":          {maxInstant, "date_year"},
		"275760-09-13T00:00:00.000Z":     {maxInstant, "date_year"},
	} {
		if at, code, ok := ReadTime(s); !ok || !at.Equal(want.at) || code != want.code {
			t.Errorf("%s: found %s %q %t", s, at, code, ok)
		}
	}
	for _, s := range []string{"", "2026-12-31T24:00:01Z", "2026-12-31T24:01:00Z", "2026-12-31T24:00:00.5Z", "2026-02-30T24:00:00Z", "2026-12-31T25:00:00Z", "2026-12-31", "2026-12-31 24:00:00Z",
		"2026-12-31T24:00:00.Z", "2026-12-31T24:00:00.0.5Z", "-2026-13-01T00:00:00Z", "02026-01-01T00:00:00Z", "-02026-01-01T00:00:00Z", "+2026-01-01T00:00:00Z",
		"-001-01-01T00:00:00Z", "--001-01-01T00:00:00Z", "1000000000000000000000", "-", "-2026", "20261-02-30T00:00:00Z", "2026a-01-01T00:00:00Z", "-a026-01-01T00:00:00Z"} {
		if at, code, ok := ReadTime(s); ok {
			t.Errorf("%s: read as %s %q", s, at, code)
		}
	}
}
