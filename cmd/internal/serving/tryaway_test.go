package serving_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/config"
	"github.com/chancery-dev/chancery/internal/mail/smtpsink"
)

// TestTry: what 'chancery config check --open' does names the part that fails and why, in
// bounded time, and tells no secret.
func TestTry(t *testing.T) {
	const secret = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	_, root := authority(t)
	roots := file("roots.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: (&x509.Certificate{Raw: root.Raw}).Raw}))
	account := must[*keystore.Key](t)(func() (*keystore.Key, error) {
		key, err := crypto.GenerateKey()
		return &keystore.Key{Address: crypto.PubkeyToAddress(key.PublicKey), PrivateKey: key}, err
	}())
	wallet := file("account.json", must[[]byte](t)(keystore.EncryptKey(account, secret, 2, 1)))
	server := func(what trouble) string {
		b := newBalky(t, nil)
		b.words = "<p>" + secret + "</p>"
		b.set(always(what))
		return b.URL
	}
	node := newNode(t)
	sink := must[*smtpsink.Sink](t)(smtpsink.Start(smtpsink.Config{User: "school", Password: "another"}))
	t.Cleanup(func() { sink.Close() })
	stuck := newWire(t, "tcp", fmt.Sprintf("%s:%d", sink.Host(), sink.Port()))
	stuck.freeze(true)
	_, frozen := behindWire(t)
	frozen.freeze(true)
	const key = "masterKey = \"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\"\n"
	postgres := func(port int, options string) string {
		return key + fmt.Sprintf("[database]\npostgres = \"postgres://chancery:%s@127.0.0.1:%d/none?connect_timeout=1&sslmode=disable%s\"\n", secret, port, options)
	}
	s3 := func(url string) string {
		return fmt.Sprintf("[blobs]\nkind = \"s3\"\n[blobs.s3]\nendpoint = %q\nbucket = \"files\"\naccessKey = \"a\"\nsecretKey = %q\ntimeout = \"300ms\"\n", url, secret)
	}
	smtp := func(port int, more string) string {
		return fmt.Sprintf("[mail]\nkind = \"smtp\"\nfrom = \"school@example.com\"\nhost = \"127.0.0.1\"\nport = %d\nsecurity = \"none\"\ntimeout = \"300ms\"\nuser = \"school\"\npassword = %q\n%s", port, secret, more)
	}
	tsa := func(url string) string {
		return fmt.Sprintf("[tsa]\nurl = %q\nroots = %q\ntimeout = \"300ms\"\nuser = \"school\"\npassword = %q\n", url, roots, secret)
	}
	chain := func(url string, id int, genesis [32]byte, password string) string {
		return fmt.Sprintf("[chain]\nrpc = [%q]\nid = %d\ngenesis = \"0x%s\"\nkeystore = %q\npassword = %q\ninsecurePlain = true\n", url+"/v3/"+secret, id, hex.EncodeToString(genesis[:]), wallet, password)
	}
	// provider answers with discovery documents and keys, where %[1]s is its own address.
	provider := func(discovery, keys string) string {
		var b *balky
		b = newBalky(t, func(q *http.Request, _ []byte) (int, string, []byte) {
			if q.URL.Path == "/.well-known/openid-configuration" {
				return 200, "application/json", fmt.Appendf(nil, discovery, b.URL)
			}
			return 200, "application/json", []byte(keys)
		})
		return b.URL
	}
	const discovery = `{"issuer":"%[1]s","jwks_uri":"%[1]s/keys"}`
	const oidcKeys = `{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	oidc := func(urls ...string) string {
		text := ""
		for _, url := range urls {
			text += fmt.Sprintf("[[oidc]]\nissuer = %q\naudience = \"chancery\"\ntenant = \"school\"\nscopes = [\"read\"]\n", url)
		}
		return text
	}
	beacon := func(url string) string {
		genesis := "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"
		return chain(node.URL, 1, [32]byte(must[[]byte](t)(hex.DecodeString(genesis))), secret) + fmt.Sprintf("beacon = %q\n", url+"/v3/"+secret)
	}
	// tls makes a certificate for a host, which is valid from and until so long from now.
	tls := func(host string, from, until time.Duration) string {
		private := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until), DNSNames: []string{host}}
		der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, private.Public(), private))
		key := must[[]byte](t)(x509.MarshalPKCS8PrivateKey(private))
		name := fmt.Sprint(host, from)
		return fmt.Sprintf("publicURL = \"https://credentials.example.com\"\n[tls]\ncert = %q\nkey = %q\n",
			file(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), file(name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	}
	for _, test := range []struct{ name, settings, part, cause string }{
		{"nothing", "", "", ""},
		{"database: nobody", postgres(1, ""), "database: ", "refused"},
		{"database: hangs", postgres(frozen.port(), ""), "database: ", "time"},
		{"files: nobody", s3("http://127.0.0.1:1"), "blobs: ", "refused"},
		{"files: 500", s3(server(broken)), "blobs: ", "answers 500"},
		{"files: hangs", s3(server(hang)), "blobs: ", "the endpoint: "},
		{"files: not a bucket", s3(server(garbage)), "blobs: ", ""},
		{"mail: nobody", smtp(1, ""), "mail: ", "no connection at connecting"},
		{"mail: hangs", smtp(stuck.port(), ""), "mail: ", "no answer in time at the greeting"},
		{"mail: password", smtp(sink.Port(), ""), "mail: ", "AUTH"},
		{"mail: no STARTTLS", strings.Replace(smtp(sink.Port(), ""), `security = "none"`, `security = "starttls"`, 1), "mail: ", "STARTTLS"},
		{"mail: no such CA", smtp(sink.Port(), "ca = \"/nowhere.pem\"\n"), "mail: ", "no such file"},
		{"tsa: nobody", tsa("http://127.0.0.1:1/"), "tsa: ", "refused"},
		{"tsa: 500", tsa(server(broken)), "tsa: ", "500"},
		{"tsa: hangs", tsa(server(hang)), "tsa: ", "deadline"},
		{"tsa: nonsense", tsa(server(garbage)), "tsa: ", "not of type application/timestamp-reply"},
		{"tsa: no such roots", strings.Replace(tsa(server(broken)), roots, "/nowhere.pem", 1), "tsa: ", "no such file"},
		{"chain: nobody", chain("http://127.0.0.1:1", 1337, node.genesis, secret), "chain: ", "rpc[0]: no connection"},
		{"chain: 500", chain(server(broken), 1337, node.genesis, secret), "chain: ", "rpc[0]: the node answers with HTTP status 500"},
		{"chain: nonsense", chain(server(garbage), 1337, node.genesis, secret), "chain: ", "rpc[0]: the answer is malformed"},
		{"chain: another", chain(node.URL, 1, node.genesis, secret), "chain: ", "wrong chain ID or genesis block"},
		{"chain: another genesis", chain(node.URL, 1337, [32]byte{1}, secret), "chain: ", "wrong chain ID or genesis block"},
		{"chain: password", chain(node.URL, 1337, node.genesis, "no"+secret), "chain: ", "could not decrypt"},
		{"chain", chain(node.URL, 1337, node.genesis, secret), "", ""},
		{"chain: one of two", strings.Replace(chain(node.URL, 1337, node.genesis, secret), "rpc = [", "agree = 1\nrpc = [\"http://127.0.0.1:1/"+secret+"\", ", 1), "chain: ", "rpc[0]: no connection"},
		{"beacon: nobody", beacon("http://127.0.0.1:1"), "chain: ethereum: beacon node: ", "refused"},
		{"beacon: 500", beacon(server(broken)), "chain: ethereum: beacon node: ", "expected status 200, found 500"},
		{"beacon: nonsense", beacon(server(garbage)), "chain: beacon: ", ""},
		{"tls", tls("credentials.example.com", -time.Hour, time.Hour), "", ""},
		{"tls: ended", tls("credentials.example.com", -2*time.Hour, -time.Hour), "tls: ", "expected a certificate that is valid now"},
		{"tls: not yet", tls("credentials.example.com", time.Hour, 2*time.Hour), "tls: ", "expected a certificate that is valid now"},
		{"tls: of another", tls("www.example.com", -time.Hour, time.Hour), "tls: ", "expected a certificate for the host of publicURL: x509: certificate is valid for www.example.com, not credentials.example.com"},
		{"tls: behind a proxy", "trustedProxies = [\"10.0.0.1\"]\n" + tls("inner.example.com", -time.Hour, time.Hour), "", ""},
		{"tls: nothing there", "[tls]\ncert = \"/nowhere.pem\"\nkey = \"/nowhere.key\"\n", "tls: ", "no such file"},
		{"trust: nothing there", "[verification]\ntrust = \"/nowhere.json\"\n", "verification: ", "no such file"},
		{"trust: nonsense", fmt.Sprintf("[verification]\ntrust = %q\n", file("trust.json", []byte("{\"x\": 1}"))), "verification: ", ""},
		{"fonts: nothing there", "fonts = [\"/nowhere\"]\n", "fonts: ", "no such file"},
		{"pkcs11: not built in, or nothing there", fmt.Sprintf("[pkcs11]\nmodule = \"/nowhere.so\"\ntoken = \"t\"\npin = %q\n", secret), "pkcs11: ", ""},
		{"oidc", oidc(provider(discovery, oidcKeys)), "", ""},
		{"oidc: nobody", oidc("http://127.0.0.1:1"), "oidc: ", "http://127.0.0.1:1: the discovery document cannot be had: dial tcp"},
		{"oidc: 500", oidc(server(broken)), "oidc: ", "the provider answers 500"},
		{"oidc: hangs up", oidc(server(refuse)), "oidc: ", "the discovery document cannot be had: EOF"},
		{"oidc: nonsense", oidc(server(garbage)), "oidc: ", "the discovery document is malformed"},
		{"oidc: another", oidc(provider(`{"issuer":"https://login.example.com","jwks_uri":"%[1]s/keys"}`, oidcKeys)), "oidc: ", "to the letter, found that of \"https://login.example.com\""},
		{"oidc: no keys", oidc(provider(discovery, `{"keys":[]}`)), "oidc: ", "hold none that a token may be signed with"},
		{"oidc: keys elsewhere", oidc(provider(discovery, oidcKeys)) + "jwks = \"http://127.0.0.1:1/\"\n", "oidc: ", "its keys (http://127.0.0.1:1/) cannot be had"},
		{"oidc: one of two", oidc(provider(discovery, oidcKeys), "http://127.0.0.1:1"), "oidc: ", "http://127.0.0.1:1: the discovery document cannot be had"},
		{"several", smtp(1, "") + chain("http://127.0.0.1:1", 1337, node.genesis, secret), "chain: ", "rpc[0]: no connection"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := fmt.Sprintf("data = %q\n", t.TempDir()) + test.settings
			if strings.HasPrefix(test.settings, key) {
				text = key + fmt.Sprintf("data = %q\n", t.TempDir()) + strings.TrimPrefix(test.settings, key)
			}
			conf, err := config.Load(config.Source{Name: "test.toml", File: []byte(text), Read: os.ReadFile})
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			began := time.Now()
			err = func() error {
				in, err := serving.Open(context.Background(), conf, serving.Options{Now: time.Now, Version: "test", Stderr: &log})
				if err != nil {
					return err
				}
				defer in.Close()
				return in.Try(context.Background())
			}()
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("took %v", took)
			}
			switch {
			case test.part == "" && err != nil, test.part != "" && err == nil:
				t.Fatalf("found %v", err)
			case err != nil && (!strings.Contains("\n"+err.Error(), "\n"+test.part) || !strings.Contains(err.Error(), test.cause)):
				t.Errorf("expected %q and %q, found %v", test.part, test.cause, err)
			}
			if strings.Contains(fmt.Sprint(err)+log.String(), secret) {
				t.Errorf("a secret is told: %v %s", err, log.String())
			}
			if test.name == "several" && !strings.Contains(err.Error(), "mail: ") {
				t.Errorf("one of two parts is told: %v", err)
			}
		})
	}
}

// TestTryData: that the data directory cannot be written to is told, though files and
// database may lie elsewhere.
func TestTryData(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	conf, err := config.Load(config.Source{Name: "test.toml", File: fmt.Appendf(nil, "data = %q\n[blobs]\ndir = %q\n", data, t.TempDir())})
	if err != nil {
		t.Fatal(err)
	}
	in := must[*serving.Installation](t)(serving.Open(context.Background(), conf, serving.Options{Now: time.Now, Version: "test", Stderr: io.Discard}))
	defer in.Close()
	if err := in.Try(context.Background()); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(data, "try-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	if err := os.Rename(data, data+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := in.Try(context.Background()); err == nil || !strings.Contains("\n"+err.Error(), "\ndata: ") {
		t.Error(err)
	}
}

// TestProviderAway: commands beside the service, such as a backup, take no tokens and open
// without the OpenID providers; so do processes that only do jobs. The one that serves warns.
func TestProviderAway(t *testing.T) {
	for name, c := range map[string]struct {
		serve, asked bool
		log          string
	}{"a command": {}, "the service": {serve: true, asked: true, log: "OpenID provider cannot be reached"}} {
		asked := false
		b := newBalky(t, nil)
		b.set(func(*http.Request, []byte) trouble { asked = true; return broken })
		text := fmt.Sprintf("data = %q\n[[oidc]]\nissuer = %q\naudience = \"chancery\"\ntenant = \"school\"\n", t.TempDir(), b.URL)
		conf, err := config.Load(config.Source{Name: "test.toml", File: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		in, err := serving.Open(context.Background(), conf, serving.Options{Now: time.Now, Version: "test", Stderr: &log, Serve: c.serve})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		in.Close()
		if asked != c.asked || !strings.Contains(log.String(), c.log) {
			t.Errorf("%s: asked %v, log: %s", name, asked, log.String())
		}
	}
}
