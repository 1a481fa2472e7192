package verifying

import (
	"bytes"
	"testing"

	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
)

// within puts a document into the evidence of it.
func (r *registrar) within(kind string, document []byte) []byte {
	r.t.Helper()
	bundle, err := evidence.Parse(r.stamp(kind, document))
	if err != nil {
		r.t.Fatal(err)
	}
	bundle.Content = document
	b, err := bundle.Encode()
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// TestContentOfStamp: a document inside the stamp of it is no better than one beside it, or
// by itself.
func TestContentOfStamp(t *testing.T) {
	r := newRegistrar(t)
	good, _ := r.credential()
	revoked, index := r.credential()
	if err := r.list.Set(index, 1); err != nil {
		t.Fatal(err)
	}
	r.publish()
	tampered := bytes.Replace(good, []byte("did:example:"), []byte("did:sample:"), 1)
	if bytes.Equal(tampered, good) {
		t.Fatal("expected another credential")
	}
	stamp := func(b []byte) []byte { return r.within(evidence.SubjectStamp, b) }
	for name, c := range map[string]struct {
		file   []byte
		want   verifier.Outcome
		reason verifier.Reason
	}{
		"a credential":                          {stamp(good), verifier.Valid, ""},
		"a revoked one":                         {stamp(revoked), verifier.Invalid, verifier.CredentialRevoked},
		"a tampered one":                        {stamp(tampered), verifier.Invalid, verifier.SignatureInvalid},
		"a revoked one in the stamp of another": {stamp(stamp(revoked)), verifier.Invalid, verifier.CredentialRevoked},
		"a revoked one of its own kind":         {stamp(r.within(evidence.SubjectCredential, revoked)), verifier.Invalid, ""},
		"a text":                                {stamp([]byte("a text")), verifier.Valid, ""},
		"a stamp of a text":                     {stamp(stamp([]byte("a text"))), verifier.Valid, ""},
		"stamps without an end":                 {stamp(stamp(stamp(stamp(stamp(stamp(good)))))), verifier.Indeterminate, ""},
	} {
		got, err := Judge(t.Context(), verifier.Config{Trust: r.trust, Clock: r.w.Clock}, Input{File: Bytes("", c.file)})
		if err != nil || got.Outcome != c.want || c.reason != "" && got.Reason != c.reason {
			t.Errorf("%s: expected %v %q, found %v %q, %v", name, c.want, string(c.reason), got.Outcome, string(got.Reason), err)
		}
		if outcome, reason := r.library(c.file, nil); outcome != got.Outcome || reason != got.Reason {
			t.Errorf("%s: the library finds %s %q, the command %s %q", name, outcome, string(reason), got.Outcome, string(got.Reason))
		}
	}
}
