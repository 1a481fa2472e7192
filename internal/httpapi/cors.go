package httpapi

import (
	"net/http"
	"strings"
)

// Scripts of any origin may read the public plane, without credentials; the product and
// W3C planes only those of configured origins. What a wallet in a browser asks of the W3C
// plane without a key, knowing the URL, is public, too; with a key it is not.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsKeyless = "Accept, Content-Type, If-None-Match"
	corsHeaders = "Accept, Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Tenant"
	corsExposed = "ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"
)

// cors sets what a browser asks for, and reports whether the request was a preflight,
// which is then answered.
func (a *api) cors(w http.ResponseWriter, r *http.Request) (done bool) {
	origin := r.Header.Get("Origin")
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	if origin == "" && !preflight {
		return false
	}
	h := w.Header()
	allowed, headers := "", corsHeaders
	if isPublic(r.URL.Path) {
		allowed = "*"
	} else {
		h.Add("Vary", "Origin")
		switch {
		case a.origins[strings.ToLower(origin)]:
			allowed = origin
		case isKeyless(r.URL.Path):
			allowed, headers = "*", corsKeyless
		}
	}
	if allowed != "" {
		h.Set("Access-Control-Allow-Origin", allowed)
		h.Set("Access-Control-Expose-Headers", corsExposed)
	}
	if !preflight {
		return false
	}
	if allowed != "" {
		h.Set("Access-Control-Allow-Methods", corsMethods)
		h.Set("Access-Control-Allow-Headers", headers)
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// isPublic reports whether a path belongs to the public plane.
func isPublic(path string) bool {
	switch {
	case path == "/v1/verify" || strings.HasPrefix(path, "/v1/verify/"):
		return true
	case strings.HasPrefix(path, "/v1/"), path == "/vc", strings.HasPrefix(path, "/vc/"):
		return false
	}
	return true
}

// isKeyless reports whether a path of the W3C plane is for whoever knows it: status lists,
// exchanges and what belongs to them.
func isKeyless(path string) bool {
	parts := strings.Split(strings.TrimPrefix(path, "/vc/"), "/")
	switch {
	case !strings.HasPrefix(path, "/vc/"):
		return false
	case len(parts) == 3:
		return parts[1] == "status-lists"
	}
	return len(parts) >= 5 && parts[1] == "workflows" && parts[3] == "exchanges" && parts[4] != ""
}
