package httpapi

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// TestTokenHeaders: a client authenticates once, or not at all.
func TestTokenHeaders(t *testing.T) {
	a, _ := start(t)
	good := "Basic azdRMng5QWJDZDpzM2NyZXQ="
	for _, c := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"once", []string{good}, 200}, {"in other letters", []string{"bAsIc azdRMng5QWJDZDpzM2NyZXQ="}, 200},
		{"twice", []string{good, good}, 400}, {"another beside it", []string{good, "Basic AAAA"}, 400}, {"another before it", []string{"Bearer x", good}, 400},
		{"empty", []string{""}, 401}, {"empty beside it", []string{good, ""}, 400}, {"Bearer", []string{"Bearer azdRMng5QWJDZDpzM2NyZXQ="}, 401}, {"no colon", []string{"Basic azdR"}, 401},
		{"bad escapes", []string{"Basic JXp6OiV6eg=="}, 400}, // %zz:%zz
	} {
		r := httptest.NewRequest("POST", "/v1/oauth/token", strings.NewReader("grant_type=client_credentials"))
		r.Header.Set("Content-Type", formType)
		r.Header["Authorization"] = c.headers
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		var e oauthError
		if code := map[int]string{400: "invalid_request", 401: "invalid_client"}[w.Code]; code != "" { // RFC 6749, 5.2
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Error != code || w.Code == 401 && !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s: %v %s", c.name, w.Header(), w.Body)
			}
		}
		if w.Code != c.status {
			t.Errorf("%s: expected %d, found %d %s", c.name, c.status, w.Code, w.Body)
		}
	}
	for _, query := range []string{"?client_secret=s3cret", "?client_id=k7Q2x9AbCd&client_secret=s3cret&grant_type=client_credentials", "?access_token=x"} {
		if w := ask(a, "POST", "/v1/oauth/token"+query, "grant_type=client_credentials&client_id=k7Q2x9AbCd&client_secret=s3cret", "Content-Type", formType); w.Code != 400 || strings.Contains(w.Body.String(), "s3cret") {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}
