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
	for expires, want := range map[string]verifier.Reason{"1798761600": "", "1767312000": verifier.PeriodOver, "1.5": verifier.ValidityMalformed,
		`"2026-06-01"`: "", `"2026-05-31"`: verifier.PeriodOver, `"2026-06-31"`: verifier.ModelInvalid, `"2026"`: verifier.ModelInvalid} {
		o := newOB2(t, priv, true)
		o.assertion = with(t, strings.Replace(o.assertion, `"2026-01-01T00:00:00Z"`, "1767225600", 1), `"uid":"17"`, `"expires":`+expires)
		if r := judge(t, setup(t, verifier.Policy{}, o.docs("")...), o.jws(t)); r.Reason != want {
			t.Errorf("%s: expected %q, found %s", expires, want, explain(r))
		}
	}
}

// TestDatesOfVersion1: a badge of version 1 may be issued on a date alone, one of 2.0 not;
// what is older than 1.1 is not called wrong.
func TestDatesOfVersion1(t *testing.T) {
	priv := rsaKey(t)
	for issued, want := range map[string][2]verifier.Reason{
		`"2026-01-01"`: {"", verifier.ModelInvalid}, `"2026-06-02"`: {verifier.NotYetValid, verifier.ModelInvalid}, `"2026-1-1"`: {verifier.ModelInvalid, verifier.ModelInvalid},
	} {
		for i, more := range [][]string{{`"uid":"17"`}, nil} {
			o := newOB2(t, priv, true)
			o.assertion = with(t, o.assertion, append(more, `"issuedOn":`+issued)...)
			if r := judge(t, setup(t, verifier.Policy{}, o.docs("")...), o.jws(t)); r.Reason != want[i] {
				t.Errorf("%s: expected %q, found %s", issued, want[i], explain(r))
			}
		}
	}
	const old = `{"uid":"7","recipient":{"type":"email","hashed":false,"identity":"a@example.com"},"badge":"` + ob2Host + `class","issuedOn":1767225600,"verify":{"type":"hosted","url":"` + ob2Host + `assertion"}}`
	v := setup(t, verifier.Policy{}, newOB2(t, priv, false).docs("")...)
	if r := judge(t, v, raw(old)); r.Reason != verifier.UnsupportedMediaType {
		t.Error(explain(r))
	}
	if r := judge(t, v, raw(with(t, old, `"revoked":true`))); r.Outcome != verifier.Invalid {
		t.Error(explain(r))
	}
}
