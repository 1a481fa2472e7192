package hook

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/netguard"
	"github.com/chancery-dev/chancery/internal/service"
)

// checkURL refuses what can be seen to lead elsewhere than to a public https server. What
// a name resolves to is for the Sender to look at, on every attempt.
func (h *Hooks) checkURL(v *service.Invalid, raw string) {
	if raw == "" {
		v.Add("url", "is required")
		return
	}
	u, err := url.Parse(raw)
	if err != nil || len(raw) > maxURL || u.Host == "" || u.Opaque != "" || strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' }) {
		v.Add("url", "must be an absolute https URL of at most 2048 ASCII characters")
		return
	}
	if u.User != nil || u.Fragment != "" || strings.HasSuffix(raw, "#") {
		v.Add("url", "must have neither a user nor a fragment")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			v.Add("url", "must have a port between 1 and 65535")
		}
	} else if strings.HasSuffix(u.Host, ":") {
		v.Add("url", "must not end its host with a colon")
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if h.c.InsecureLoopback && loopback(host) && (u.Scheme == "http" || u.Scheme == "https") {
		return
	}
	if u.Scheme != "https" {
		v.Add("url", "must begin with https://")
	}
	if !publicHost(host) {
		v.Add("url", "must name a public host")
	}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// publicHost refuses names that only mean something inside a network, and addresses that
// are not public, in whatever form.
func publicHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return netguard.Public(ip)
	}
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	switch last {
	case "localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa", "invalid", "test", "onion":
		return false
	}
	if len(labels) < 2 || slices.Contains(labels, "") || len(host) > 253 {
		return false
	}
	for _, l := range labels {
		if len(l) > 63 || strings.ContainsFunc(l, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return false
		}
	}
	// Browsers and C libraries read a name whose last label is a number as an address.
	if last[0] >= '0' && last[0] <= '9' {
		return false
	}
	return true
}

func checkDescription(v *service.Invalid, s string) {
	if utf8.RuneCountInString(s) > maxText || !utf8.ValidString(s) || strings.ContainsFunc(s, hidden) {
		v.Add("description", "must be at most 500 characters on one line")
	}
}

// hidden tells characters that end lines, or make others be read in another order.
func hidden(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || unicode.In(r, unicode.Zl, unicode.Zp)
}

// checkEvents returns the events once each, in the order of the documentation.
func checkEvents(v *service.Invalid, events []string) []string {
	if len(events) == 0 {
		v.Add("events", "is required")
		return nil
	}
	if slices.Contains(events, "*") {
		if len(events) != 1 {
			v.Add("events", "must be * alone, or types of events")
		}
		return []string{"*"}
	}
	known := service.Events()
	if len(events) > 4*len(known) {
		v.Add("events", "has too many entries")
		return nil
	}
	for i, e := range events {
		if !slices.Contains(known, e) {
			v.Add("events["+strconv.Itoa(i)+"]", "must be a type of event, or *")
		}
	}
	var out []string
	for _, e := range known {
		if slices.Contains(events, e) {
			out = append(out, e)
		}
	}
	return out
}

func decode[T any](r service.Record) (T, error) {
	var v T
	return v, json.Unmarshal(r.Body, &v)
}
