package verifier_test

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/verifier"
)

// TestRevocationListForms: a list of revoked badges that the issuer's profile names in
// another form than a URL is looked at, or leaves the badge undecided; it is never taken
// for no list at all.
func TestRevocationListForms(t *testing.T) {
	priv := rsaKey(t)
	url := `"` + ob2Host + `revoked"`
	for list, want := range map[string]verifier.Reason{
		url: verifier.CredentialRevoked, `[` + url + `]`: verifier.CredentialRevoked, `{"id":` + url + `}`: verifier.CredentialRevoked,
		`[` + url + `,` + url + `]`: verifier.StatusEntryMalformed, `{"revokedAssertions":["` + ob2Host + `assertion"]}`: verifier.StatusEntryMalformed,
		`7`: verifier.StatusEntryMalformed, `true`: verifier.StatusEntryMalformed, `[]`: verifier.StatusEntryMalformed,
		`null`: "", `""`: "",
	} {
		o := newOB2(t, priv, true)
		o.profile = with(t, o.profile, `"revocationList":`+list)
		docs := o.docs(`"` + ob2Host + `assertion"`)
		if r := judge(t, setup(t, verifier.Policy{}, docs...), o.jws(t)); r.Reason != want {
			t.Errorf("%s: expected %q, found %s", list, want, explain(r))
		}
		r := judge(t, setup(t, verifier.Policy{InsecureNoStatus: true}, docs...), o.jws(t))
		mustValid(t, r)
	}
}

// TestRevokedForms: an assertion that says in another way than true that it is revoked.
func TestRevokedForms(t *testing.T) {
	priv := rsaKey(t)
	for said, want := range map[string]verifier.Reason{
		`true`: verifier.CredentialRevoked, `"true"`: verifier.StatusEntryMalformed, `[true]`: verifier.StatusEntryMalformed,
		`{"@value":true}`: verifier.StatusEntryMalformed, `1`: verifier.StatusEntryMalformed, `false`: "", `null`: "",
	} {
		o := newOB2(t, priv, false)
		o.assertion = with(t, o.assertion, `"revoked":`+said)
		if r := judge(t, setup(t, verifier.Policy{}, o.docs("")...), raw(o.assertion)); r.Reason != want {
			t.Errorf("%s: expected %q, found %s", said, want, explain(r))
		}
	}
}

// TestNumericTimes: badges of version 1 write times as seconds since 1970, also that of
// their end.
func TestNumericTimes(t *testing.T) {
	priv := rsaKey(t)
	for expires, want := range map[string]verifier.Reason{"1798761600": "", "1767312000": verifier.PeriodOver, "1.5": verifier.ValidityMalformed} {
		o := newOB2(t, priv, true)
		o.assertion = with(t, strings.Replace(o.assertion, `"2026-01-01T00:00:00Z"`, "1767225600", 1), `"uid":"17"`, `"expires":`+expires)
		if r := judge(t, setup(t, verifier.Policy{}, o.docs("")...), o.jws(t)); r.Reason != want {
			t.Errorf("%s: expected %q, found %s", expires, want, explain(r))
		}
	}
}
