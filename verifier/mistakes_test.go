package verifier_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/verifier"
)

// TestNothingToVerify: what is no document is told by what it is.
func TestNothingToVerify(t *testing.T) {
	v := setup(t, verifier.Policy{})
	k := newKey(t, "issuer")
	good := sign(t, draft(t, k.did), k, proofOf{})
	for name, c := range map[string]struct {
		text, detail string
		want         verifier.Reason
	}{
		"nothing":                {"", "the file is empty", verifier.UnknownContent},
		"white space":            {" \r\n", "the file is empty", verifier.UnknownContent},
		"UTF-16, little end":     {"\xff\xfe{\x00}\x00", "expected UTF-8, found UTF-16", verifier.UnknownContent},
		"UTF-16, big end":        {"\xfe\xff\x00{\x00}", "expected UTF-8, found UTF-16", verifier.UnknownContent},
		"a key":                  {"-----BEGIN AGE ENCRYPTED FILE-----\n", "found PEM: a key or a certificate", verifier.UnknownContent},
		"an archive":             {"PK\x03\x04", "found a ZIP archive: hand over the files in it", verifier.UnknownContent},
		"a text":                 {"hello", "", verifier.UnknownContent},
		"with a byte order mark": {"\ufeff" + good, "expected UTF-8 without a byte order mark", verifier.MalformedJSON},
	} {
		r := judge(t, v, raw(c.text))
		check, ok := r.Check(verifier.CheckDocument)
		if r.Reason != c.want || !ok || check.Detail != c.detail {
			t.Errorf("%s: expected %s, %q\n%s", name, string(c.want), c.detail, explain(r))
		}
	}
	mustValid(t, judge(t, v, raw(good)))
}

// TestTrustDocumentAsText: a document that is written as a text where JSON belongs would
// never be found to be what it is.
func TestTrustDocumentAsText(t *testing.T) {
	const start = `{"version": 1, "any": true, "documents": [{"kind": "statusList", "url": "https://academy.example/status/1", `
	_, err := verifier.ParseTrust([]byte(start + `"document": "{\"a\": 1}"}]}`))
	var fault *verifier.TrustError
	if !errors.As(err, &fault) || fault.Pointer != "/documents/0/document" || !strings.Contains(fault.Detail, "member text") {
		t.Errorf("expected a fault at the document, found %v", err)
	}
	for _, member := range []string{`"document": {"a": 1}`, `"text": "{\"a\": 1}"`, `"text": "eyJ"`} {
		if _, err := verifier.ParseTrust([]byte(start + member + `}]}`)); err != nil {
			t.Errorf("%s: %v", member, err)
		}
	}
	var json *chancery.JSONError
	if _, err := verifier.ParseTrust([]byte(`{"version": 1,}`)); !errors.As(err, &json) {
		t.Errorf("expected a *chancery.JSONError, found %v", err)
	}
}
