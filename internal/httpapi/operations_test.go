package httpapi

import (
	stdjson "encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// plainAny turns the numbers of the schema package's decoder into ours.
func plainAny(v any) any {
	switch v := v.(type) {
	case stdjson.Number:
		f, _ := v.Float64()
		return f
	case map[string]any:
		for k := range v {
			v[k] = plainAny(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plainAny(v[i])
		}
	}
	return v
}

// call sends the example of an operation with a key.
func (c *contract) call(t testing.TB, a *api, o op, key string, values map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	var headers []string
	if key != "" {
		headers = append(headers, "Authorization", "Bearer "+key)
	}
	body := ""
	for _, mt := range sortedKeys(o.bodies()) {
		var ct string
		body, ct = o.example(t, mt)
		headers = append(headers, "Content-Type", ct)
		break
	}
	return ask(a, o.method, o.fill(values), body, headers...)
}

var good = map[string]string{"token": "good", "name": "vc", "code": "validation-error"}

// TestEveryOperationAnswersAsDocumented calls each with its own example.
func TestEveryOperationAnswersAsDocumented(t *testing.T) {
	a, _ := start(t)
	c := contractOf(t, a)
	for _, o := range c.operations() {
		key := keyA
		if o.public() {
			key = ""
		}
		w := c.call(t, a, o, key, good)
		if o.id() == "createToken" { // the example has no secret
			c.checkOAuth(t, w)
			continue
		}
		c.check(t, o, w)
		if w.Code >= 300 {
			t.Errorf("%s: %d %s", o.name(), w.Code, w.Body)
		}
		if w.Code == 201 || w.Code == 202 && o.id() != "replayDelivery" {
			if !strings.HasPrefix(w.Header().Get("Location"), exampleHost+"/v1/") {
				t.Errorf("%s: Location %q", o.name(), w.Header().Get("Location"))
			}
		}
	}
}

func (c *contract) checkOAuth(t testing.TB, w *httptest.ResponseRecorder) {
	t.Helper()
	var e oauthError
	if err := json.Unmarshal(w.Body.Bytes(), &e, json.RejectUnknownMembers(true)); err != nil || e.Error == "" {
		t.Errorf("token: %d %s", w.Code, w.Body)
	}
}

// TestForeignTenant: whatever is another tenant's is 404 for every operation on an object;
// operations on the caller's own collections answer nothing of others.
func TestForeignTenant(t *testing.T) {
	a, _ := start(t)
	c := contractOf(t, a)
	objects := 0
	for _, o := range c.operations() {
		if o.public() {
			continue
		}
		w := c.call(t, a, o, keyB, good)
		c.check(t, o, w)
		if strings.Contains(o.path, "{") {
			objects++
			if w.Code != 404 {
				t.Errorf("%s with a foreign key: %d %s", o.name(), w.Code, w.Body)
			}
			continue
		}
		if strings.Contains(w.Body.String(), exampleID) && o.method == "GET" {
			t.Errorf("%s shows a foreign object", o.name())
		}
	}
	if objects < 35 {
		t.Errorf("only %d operations on objects were called", objects)
	}
}

// TestWithoutKey: every operation that is not public is 401 without a key and with a bad
// one, and 403 with a key that lacks the scope.
func TestWithoutKey(t *testing.T) {
	a, _ := start(t)
	c := contractOf(t, a)
	for _, o := range c.operations() {
		if o.public() {
			continue
		}
		for _, key := range []string{"", "sk_test_unknown"} {
			w := c.call(t, a, o, key, good)
			c.check(t, o, w)
			if w.Code != 401 || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s: %d, %q", o.name(), w.Code, w.Header().Get("WWW-Authenticate"))
			}
		}
		w := c.call(t, a, o, keyNone, good)
		if want := 403; o.id() != "getMe" && w.Code != want {
			t.Errorf("%s without its scope: %d %s", o.name(), w.Code, w.Body)
		}
	}
}
