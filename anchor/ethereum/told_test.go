package ethereum_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/anchor/ethereum"
)

// TestTold: what a failing node is said to have done holds neither its URL, in which a key
// may be, nor whatever it answered.
func TestTold(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		switch strings.Split(r.URL.Path, "/")[1] {
		case "status":
			w.WriteHeader(429)
			fmt.Fprintf(w, "project %s not found, too many requests %s", secret, strings.Repeat("x", 100_000))
		case "missing":
			w.WriteHeader(404)
			fmt.Fprint(w, "not found")
		case "page":
			fmt.Fprintf(w, "<html>%s</html>", secret)
		case "error":
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"daily limit of %s\n is used up%s"}}`, secret, strings.Repeat(" x", 100_000))
		case "half":
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"res`)
		case "hang":
			<-r.Context().Done()
		default:
			abort(w, r)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	for name, test := range map[string]struct{ url, want string }{
		"status":  {server.URL + "/status/", "HTTP status 429"},
		"missing": {server.URL + "/missing/", "HTTP status 404"},
		"page":    {server.URL + "/page/", "the answer is malformed"},
		"error":   {server.URL + "/error/", "the node answers -32005: daily limit of … is used up"},
		"half":    {server.URL + "/half/", "the connection broke off"},
		"abort":   {server.URL + "/abort/", "the connection broke off"},
		"hang":    {server.URL + "/hang/", "no answer in time"},
		"refused": {"http://127.0.0.1:1/", "no connection"},
		"nowhere": {"http://" + secret + ".invalid/", "leads nowhere"},
		"tls":     {strings.Replace(server.URL, "http:", "https:", 1) + "/", "no connection"},
	} {
		rpc, err := ethereum.Dial(test.url+secret, &http.Client{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := ethereum.New(ethereum.Config{ChainID: 1, Genesis: [32]byte{1}, Key: testKey(t, 1), Clock: time.Now, Timeout: 500 * time.Millisecond, Endpoints: []ethereum.Endpoint{{Name: "rpc[0]", RPC: rpc}}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.NextNonce(t.Context())
		switch {
		case err == nil:
			t.Errorf("%s: no error", name)
		case strings.Contains(err.Error(), secret), len(err.Error()) > 400:
			t.Errorf("%s: found %.500s", name, err)
		case !strings.Contains(err.Error(), test.want), !strings.Contains(err.Error(), "rpc[0]"):
			t.Errorf("%s: expected %q, found %v", name, test.want, err)
		}
	}
}
