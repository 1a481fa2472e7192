package httpapi

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// TestLoneCredential: where what is cut out of a body is JSON by itself, it is what the
// whole body's only member holds; so that it need not be parsed twice.
func TestLoneCredential(t *testing.T) {
	parts := []string{`{`, `}`, ` `, "\n", `"credential"`, `:`, `{"a":1}`, `{"a":"}"}`, `,`, `"jwt":"x"`, `"credential":{}`, `[`, `]`, `{"credential":`, `{"credential":{"a":[1,{}]}}`, `1`, `"`, `\`, "\xef\xbb\xbf", "\xff"}
	rapid.Check(t, func(t *rapid.T) {
		body := []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 8).Draw(t, "body"), ""))
		b, ok := loneCredential(body)
		if !ok {
			return
		}
		if _, err := strictjson.Parse(b, strictjson.Limits{}); err != nil {
			return
		}
		d, err := strictjson.Parse(body, strictjson.Limits{})
		if err != nil || d.Len(0) != 1 || d.Raw(d.Get(0, "credential")) != string(b) {
			t.Fatalf("%q gave %q: %v", body, b, err)
		}
	})
	for _, body := range []string{`{"credential":{}}`, ` { "credential" : {"a":"}"} } `, `{"credential":{},"jwt":"x"}`} {
		if _, ok := loneCredential([]byte(body)); !ok {
			t.Errorf("%s: not found", body)
		}
	}
	for _, body := range []string{``, `{}`, `{"credential":1}`, `{"jwt":{}}`, `{"credential":{}`, `[{"credential":{}}]`, `{"x":0,"credential":{}}`, `{"credentials":{}}`, `{"credential":{}}]`} {
		if b, ok := loneCredential([]byte(body)); ok && strictJSON(b) {
			t.Errorf("%s: found %s", body, b)
		}
	}
}

func strictJSON(b []byte) bool {
	_, err := strictjson.Parse(b, strictjson.Limits{})
	return err == nil
}

// TestVerifyEitherWay: a body has the same answer whether the service takes the credential
// as it is, or wants it to be looked at first.
func TestVerifyEitherWay(t *testing.T) {
	a, f := start(t)
	for _, c := range []struct {
		body string
		want int
		got  string // what is judged
	}{
		{`{"credential":{"a":1}}`, 200, `{"a":1}`},
		{`{"credential":{"a":"plain:no"}}`, 200, `{"a":"plain:no"}`},
		{` { "credential" : {"a":"plain:no"}  }`, 200, `{"a":"plain:no"}`},
		{`{"credential":{"a":1},"jwt":"x"}`, 422, ""},
		{`{"credential":{"a":1},"credential":{"a":1}}`, 400, ""},
		{`{"credential":{"a":1,"a":2}}`, 400, ""},
		{`{"credential":{"a":1}`, 400, ""},
		{`{"credential":{"a":1}}}`, 400, ""},
		{`{"credential":{"a":1}}{}`, 400, ""},
		{`{"credential":[]}`, 422, ""},
		{`{"credentials":{}}`, 422, ""},
		{``, 400, ""},
	} {
		f.verified = nil
		r := httptest.NewRequest("POST", "/v1/verify", strings.NewReader(c.body))
		r.Header.Set("Content-Type", jsonType)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d, expected %d: %s", c.body, w.Code, c.want, w.Body)
		}
		var got []byte
		for _, u := range f.verified {
			got = append(got, u.Bytes...)
		}
		if !bytes.Equal(got, []byte(c.got)) {
			t.Errorf("%s: %q was judged", c.body, got)
		}
	}
}
