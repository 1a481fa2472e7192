package httpapi

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestValidateIsAlwaysAnswered: an input of a wrong shape is a finding like others, in the
// words of issuing; a body that is no input at all is none.
func TestValidateIsAlwaysAnswered(t *testing.T) {
	if testing.Short() {
		t.Skip("issues")
	}
	r := startReal(t)
	r.do(t, r.keyA, "POST", "/v1/issuers", nil, `{"key":"academy","name":"Academy"}`, 201)
	r.do(t, r.keyA, "POST", "/v1/credential-types", nil, `{"key":"safety","displayName":"Safety","fields":[{"key":"n","type":"number"}]}`, 201)
	one := map[string]string{"id": "safety"}
	for _, in := range []string{
		`{"recipient":{"name":"A","nick":"B"}}`, `{"recipient":"A"}`, `{"recipient":[]}`, `{"recipient":{"name":5}}`, `{"recipient":{"name":"A"},"more":1}`,
		`{"recipient":{"name":"A"},"validFrom":"yesterday"}`, `{"recipient":{"name":"A"},"claims":[]}`, `{"recipient":{"name":"A"},"claims":{"n":"x"}}`, `{}`,
	} {
		w := r.do(t, r.keyA, "POST", "/v1/credential-types/{id}/validate", one, in, 200)
		var found struct {
			Data service.Validation `json:"data"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &found); err != nil {
			t.Fatal(err)
		}
		issue := r.do(t, r.keyA, "POST", "/v1/credentials", nil, strings.Replace(strings.Replace(in, "{", `{"type":"safety",`, 1), ",}", "}", 1), 422)
		if found.Data.Valid || len(found.Data.Errors) == 0 || !strings.Contains(issue.Body.String(), sortedKeys(found.Data.Errors)[0]) {
			t.Errorf("%s: %s, issue %s", in, w.Body, issue.Body)
		}
	}
	r.do(t, r.keyA, "POST", "/v1/credential-types/{id}/validate", one, `{"recipient":`, 400)
	r.do(t, r.keyA, "POST", "/v1/credential-types/{id}/validate", map[string]string{"id": "none"}, `{"more":1}`, 404)
	r.do(t, r.keyB, "POST", "/v1/credential-types/{id}/validate", one, `{"more":1}`, 404)
}
