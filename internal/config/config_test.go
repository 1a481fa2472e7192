package config

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// files are what Read finds.
var files = map[string]string{"/secrets/mail": "hunter2\n", "/secrets/crlf": "hunter2\r\n", "/secrets/empty": "\n", "/secrets/large": strings.Repeat("x", maxSecret+1), "/secrets/lines": "hunter2\nhunter3\n", "/secrets/utf16": "\xff\xfeh\x00u\x00n\x00", "/secrets/spaces": "  \n", "/secrets/mark": "\ufeff\n", "/secrets/marked": "\ufeffhunter2\r\n\r\n", "/secrets/rpc": "https://node.example/v3/0123456789"}

func read(name string) ([]byte, error) {
	if s, ok := files[name]; ok {
		return []byte(s), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func load(name, text string, environ ...string) (*Config, error) {
	return Load(Source{Name: name, File: []byte(text), Environ: environ, Read: read})
}

// want loads what is good.
func want(t testing.TB, text string, environ ...string) *Config {
	t.Helper()
	c, err := load("x.toml", text, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaultsAreComplete(t *testing.T) {
	c, err := Load(Source{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, Default()) || c.Check() != nil {
		t.Error("loading nothing gives another configuration")
	}
	if c.Listen != "127.0.0.1:8080" || c.Public() != "http://127.0.0.1:8080" || c.Role != "all" || c.Mail.Timeout != time.Minute || !c.Verify.Log || len(c.Environments) != 2 || c.Webhooks.Ports[1] != 8443 || c.Chain.MaxFeeGwei != 100 {
		t.Errorf("%+v", c)
	}
	if Wei(c.Chain.MaxFeeGwei).String() != "100000000000" || Wei(0.5).String() != "500000000" {
		t.Error("fees in wei")
	}
}

// TestExample: the example changes nothing; with every setting uncommented it says the
// defaults again; it has each setting once, with a comment.
func TestExample(t *testing.T) {
	text := Example()
	if c := want(t, text); !reflect.DeepEqual(c, Default()) {
		t.Error("the example is not the defaults")
	}
	setting := regexp.MustCompile(`(?m)^#([A-Za-z0-9]+ = |\[\[)`)
	open := setting.ReplaceAllString(text, "$1")
	tree := parse(Source{Name: "x.toml", File: []byte(open)}, &list{})
	if tree == nil {
		t.Fatalf("the example without # is malformed:\n%s", open)
	}
	c, l := Default(), &list{}
	(&decoder{list: l}).table("", tree, reflect.ValueOf(c).Elem())
	if l.err() != nil {
		t.Error(l.err())
	}
	d := Default()
	if len(c.OIDC) != 1 || len(c.VCALM) != 1 {
		t.Fatal("the tables of lists are not there")
	}
	if c.OIDC[0].Environment != "test" || c.VCALM[0].FailureStatus != 200 {
		t.Errorf("%+v %+v", c.OIDC[0], c.VCALM[0])
	}
	c.OIDC, c.VCALM = nil, nil
	if fmt.Sprintf("%+v", c) != fmt.Sprintf("%+v", d) { // nil and empty lists are alike
		t.Errorf("%+v\n%+v", c, d)
	}
	count := 0
	for _, one := range leaves("", reflect.ValueOf(d).Elem()) {
		count++
		if !isTables(one.field.typ) && one.field.doc == "" {
			t.Errorf("%s has no comment", one.path)
		}
	}
	if n := len(setting.FindAllString(text, -1)); n < count {
		t.Errorf("%d settings in the example, %d in all", n, count)
	}
	for line := range strings.Lines(text) {
		if len(line) > 140 {
			t.Errorf("a long line: %s", line)
		}
	}
}

// TestVariables: no two settings have one variable, not even with _FILE.
func TestVariables(t *testing.T) {
	seen := map[string]string{}
	for _, one := range leaves("", reflect.ValueOf(Default()).Elem()) {
		for _, name := range []string{Variable(one.path), Variable(one.path) + "_FILE"} {
			if other := seen[name]; other != "" {
				t.Errorf("%s is %s and %s", name, other, one.path)
			}
			seen[name] = one.path
		}
	}
	for path, name := range map[string]string{"publicURL": "CHANCERY_PUBLIC_URL", "blobs.s3.secretKey": "CHANCERY_BLOBS_S3_SECRET_KEY", "chain.maxFeeGwei": "CHANCERY_CHAIN_MAX_FEE_GWEI", "mail.fromName": "CHANCERY_MAIL_FROM_NAME", "tsa.url": "CHANCERY_TSA_URL"} {
		if got := Variable(path); got != name {
			t.Errorf("%s: %s", path, got)
		}
	}
}

const full = `
listen = "0.0.0.0:8443"
publicURL = "https://credentials.example.edu"
masterKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
role = "worker"
environments = ["live"]
trustedProxies = ["10.0.0.0/8", "::1"]
[database]
postgres = "postgres://chancery:hunter2@db/chancery"
connections = 8
[blobs]
kind = "s3"
[blobs.s3]
endpoint = "https://s3.example.com"
bucket = "b"
accessKey = "AKID"
secretKeyFile = "/secrets/mail"
[tls]
cert = "cert.pem"
key = "key.pem"
[mail]
kind = "smtp"
from = "office@example.edu"
host = "smtp.example.edu"
user = "u"
password = "file:/secrets/mail"
timeout = "2m"
[chain]
rpc = ["https://a.example/key", "file:/secrets/rpc"]
id = 1
genesis = "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"
keystore = "key.json"
password = "p"
maxFeeGwei = 30
maxTipGwei = 0.5
[tsa]
url = "https://tsa.example/"
roots = "tsa.pem"
[pkcs11]
module = "/usr/lib/softhsm.so"
token = "t"
pin = "1234"
[cors]
origins = ["https://portal.example.edu"]
[[oidc]]
issuer = "https://login.example.edu"
audience = "chancery"
claim = "groups"
value = "registrars"
tenant = "gruenau"
environment = "live"
scopes = ["issue", "read"]
[[vcalm]]
name = "physics"
suite = "ecdsa-rdfc-2019"
keyType = "P-384"
failureStatus = 400
`

func TestFull(t *testing.T) {
	c := want(t, full)
	if c.Mail.Password.Reveal() != "hunter2" || c.Blobs.S3.SecretKey.Reveal() != "hunter2" || c.Chain.RPC[1].Reveal() != "https://node.example/v3/0123456789" || c.Mail.Timeout != 2*time.Minute || c.Chain.MaxTipGwei != 0.5 || c.VCALM[0].FailureStatus != 400 || c.OIDC[0].Tenant != "gruenau" || len(c.OIDC[0].Scopes) != 2 {
		t.Errorf("%+v", c)
	}
	if c.Public() != "https://credentials.example.edu" {
		t.Error(c.Public())
	}
	c.VCALM[0].Seed = NewSecret("x")
	c.Limits.PerKey = -1
	c.Role = "boss"
	var p Problems
	if err := c.Check(); !errors.As(err, &p) || len(p) != 3 {
		t.Errorf("after a change: %v", err)
	}
}

// conformance is how the W3C suites are served: one issuer for each suite and key type.
const conformance = `
listen: 127.0.0.1:8443
profile: conformance
tls: {selfSigned: true}
vcalm:
  - {name: eddsa-rdfc, suite: eddsa-rdfc-2022, seed: a, failureStatus: 400, open: true}
  - {name: ecdsa-rdfc-p384, suite: ecdsa-rdfc-2019, keyType: P-384, seed: b, failureStatus: 400, open: true}
  - {name: jose, suite: vc+jwt, keyType: P-256, seed: c, failureStatus: 400, open: true, noStatus: true}
  - {name: ed25519signature2020, suite: Ed25519Signature2020, seed: d, failureStatus: 400, open: true}
`

func TestConformance(t *testing.T) {
	c, err := load("serve.yaml", conformance)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.VCALM) != 4 || c.VCALM[1].KeyType != "P-384" || c.VCALM[0].KeyType != "Ed25519" || !c.VCALM[2].NoStatus || c.VCALM[3].Seed.Reveal() != "d" || c.Public() != "https://127.0.0.1:8443" {
		t.Errorf("%+v", c)
	}
}

func TestEnviron(t *testing.T) {
	c := want(t, full, "CHANCERY_LISTEN=0.0.0.0:1234", "PATH=/bin", "CHANCERY_MAIL_PASSWORD=other", "CHANCERY_ENVIRONMENTS=test, live", "CHANCERY_WEBHOOKS_PORTS=443", "CHANCERY_VERIFICATION_LOG=false",
		"CHANCERY_CHAIN_RPC=https://a.example, file:/secrets/rpc", "CHANCERY_CHAIN_AGREE=2", "CHANCERY_BLOBS_S3_SECRET_KEY_FILE=/secrets/crlf", "CHANCERY_LOG_LEVEL=warn", "CHANCERY_LOG_LEVEL=debug", "CHANCERY_CORS_ORIGINS=")
	if c.Listen != "0.0.0.0:1234" || c.Mail.Password.Reveal() != "other" || len(c.Environments) != 2 || c.Environments[1] != "live" || len(c.Webhooks.Ports) != 1 || c.Verify.Log || c.Chain.RPC[1].Reveal() != files["/secrets/rpc"] || c.Chain.Agree != 2 || c.Blobs.S3.SecretKey.Reveal() != "hunter2" || c.Log.Level != "debug" || len(c.CORS.Origins) != 0 {
		t.Errorf("%+v", c)
	}
	if _, err := Load(Source{Environ: []string{"CHANCERY_CONFIG=x"}}); err == nil {
		t.Error("an unknown variable was accepted")
	}
	if _, err := Load(Source{Environ: []string{"CHANCERY_CONFIG=x"}, Ignore: []string{"CHANCERY_CONFIG"}}); err != nil {
		t.Error(err)
	}
	over, err := Load(Source{Environ: []string{"CHANCERY_LISTEN=127.0.0.1:1", "CHANCERY_DATA=a"}, Settings: map[string]string{"listen": "127.0.0.1:2"}})
	if err != nil || over.Listen != "127.0.0.1:2" || over.Data != "a" {
		t.Errorf("%+v, %v", over, err)
	}
}

// TestProblems: each mistake is named with its path, and what is meant where that can be
// guessed.
func TestProblems(t *testing.T) {
	for _, c := range []struct{ name, text, path, message string }{
		{"unknown", "lisen = \"x\"", "lisen", "is listen meant?"},
		{"unknown, in a table", "[mail]\nhots = \"x\"", "mail.hots", "is host meant?"},
		{"unknown, deep", "[blobs.s3]\nbuket = \"x\"", "blobs.s3.buket", "is bucket meant?"},
		{"unknown, in a list", "[[vcalm]]\nname = \"x\"\nsuit = \"x\"", "vcalm[0].suit", "is suite meant?"},
		{"unknown table", "[smpt]\nx = 1", "smpt", "is not a setting"},
		{"another case", "publicUrl = \"https://x.example\"", "publicUrl", "is publicURL meant?"},
		{"nothing like it", "zzzzzzzzzz = 1", "zzzzzzzzzz", "is not a setting"},
		{"File of what is no secret", "listenFile = \"/x\"", "listenFile", "is not a setting"},
		{"number for text", "listen = 8080", "listen", "expected a text"},
		{"text for number", "[mail]\nport = \"25\"", "mail.port", "expected a whole number"},
		{"text for boolean", "[verification]\nlog = \"yes\"", "verification.log", "expected true or false"},
		{"number for time", "[mail]\ntimeout = 30", "mail.timeout", "expected a time"},
		{"negative time", "[mail]\ntimeout = \"-1s\"", "mail.timeout", "more than 0"},
		{"endless time", "[mail]\ntimeout = \"9999999h\"", "mail.timeout", "expected a time"},
		{"fraction", "[mail]\nport = 2.5", "mail.port", "expected a whole number"},
		{"date", "listen = 2026-05-10", "listen", "expected a text"},
		{"value for table", "mail = 1", "mail", "expected a table"},
		{"table for list", "[vcalm]\nname = \"x\"", "vcalm", "expected a list"},
		{"value for list", "environments = \"test\"", "environments", "expected a list"},
		{"values for tables", "vcalm = [1]", "vcalm[0]", "expected a table"},
		{"out of range", "[mail]\nport = 70000", "mail.port", "0 to 65535"},
		{"too small", "[database]\nconnections = 1", "database.connections", "2 to 1000"},
		{"negative", "[quota]\nlive = -1", "quota.live", "0 or more"},
		{"negative ID", "[chain]\nid = -1", "chain.id", "0 or more"},
		{"not a number", "[limits]\nperKey = nan", "limits.perKey", "expected a number"},
		{"infinite", "[limits]\nperKey = inf", "limits.perKey", "expected a number"},
		{"one of", "role = \"boss\"", "role", "all, api, worker"},
		{"one of numbers", "[[vcalm]]\nname = \"x\"\nfailureStatus = 500", "vcalm[0].failureStatus", "200, 400"},
		{"one of, in a list", "environments = [\"test\", \"prod\"]", "environments[1]", "test, live"},
		{"control characters", "data = \"a\\nb\"", "data", "one line"},
		{"missing file", "masterKey = \"file:/secrets/none\"", "masterKey", "it is not there"},
		{"empty file", "masterKeyFile = \"/secrets/empty\"", "masterKeyFile", "is empty"},
		{"large file", "masterKeyFile = \"/secrets/large\"", "masterKeyFile", "at most"},
		{"both", "masterKeyFile = \"/secrets/mail\"\nmasterKey = \"x\"", "masterKeyFile", "either"},
		{"file of a number", "masterKeyFile = 1", "masterKeyFile", "name of a file"},
		{"master key", "masterKey = \"short\"", "masterKey", "32 bytes"},
		{"twice", "listen = \"a\"\nlisten = \"b\"", "x.toml", "malformed in line"},
		{"malformed", "listen = ", "x.toml", "malformed in line 1"},
		{"too large", "#" + strings.Repeat("x", maxFile), "x.toml", "at most"},
		{"listen", "listen = \"8080\"", "listen", "an address and a port"},
		{"listen port", "listen = \"127.0.0.1:http\"", "listen", "an address and a port"},
		{"socket nowhere", "listen = \"unix:\"\npublicURL = \"https://x.example\"", "listen", "from the root"},
		{"socket in the working directory", "listen = \"unix:x.sock\"\npublicURL = \"https://x.example\"", "listen", "from the root"},
		{"abstract socket", "listen = \"unix:@x\"\npublicURL = \"https://x.example\"", "listen", "from the root"},
		{"socket that is a directory", "listen = \"unix:/run/x/\"\npublicURL = \"https://x.example\"", "listen", "from the root"},
		{"long socket", "listen = \"unix:/" + strings.Repeat("x", 90) + "\"\npublicURL = \"https://x.example\"", "listen", "at most 90 bytes"},
		{"socket without a public address", "listen = \"unix:/run/x\"", "publicURL", "public address"},
		{"socket with TLS", "listen = \"unix:/run/x\"\npublicURL = \"https://x.example\"\n[tls]\ncert = \"a\"\nkey = \"b\"", "tls", "a proxy, which ends TLS"},
		{"socket with a certificate of its own", "listen = \"unix:/run/x\"\npublicURL = \"https://x.example\"\n[tls]\nselfSigned = true", "tls.selfSigned", "loopback"},
		{"socket and conformance", "listen = \"unix:/run/x\"\npublicURL = \"https://x.example\"\nprofile = \"conformance\"", "profile", "loopback"},
		{"socket mode", "listen = \"unix:/run/x\"\npublicURL = \"https://x.example\"\nsocketMode = \"0460\"", "socketMode", "0660"},
		{"socket mode with bits of programs", "listen = \"unix:/run/x\"\npublicURL = \"https://x.example\"\nsocketMode = \"4660\"", "socketMode", "0660"},
		{"socket mode as a number", "socketMode = 660", "socketMode", "a text"},
		{"socket mode without a socket", "socketMode = \"0600\"", "socketMode", "expected a socket"},
		{"metrics on a socket", "[metrics]\nlisten = \"unix:/run/x\"", "metrics.listen", "an address and a port"},
		{"secret of two lines", "masterKeyFile = \"/secrets/lines\"", "masterKeyFile", "one line"},
		{"secret in UTF-16", "[mail]\nuser = \"u\"\npasswordFile = \"/secrets/utf16\"", "mail.passwordFile", "one line"},
		{"secret of spaces", "[mail]\nuser = \"u\"\npasswordFile = \"/secrets/spaces\"", "mail.passwordFile", "is empty"},
		{"secret that is a byte order mark", "[mail]\nuser = \"u\"\npasswordFile = \"/secrets/mark\"", "mail.passwordFile", "is empty"},
		{"secret with a line feed", "[mail]\nuser = \"u\"\npassword = \"a\\nb\"", "mail.password", "one line"},
		{"open without TLS", "listen = \"0.0.0.0:80\"\npublicURL = \"https://x.example\"", "tls", "loopback"},
		{"all interfaces are not loopback", "listen = \":8080\"\npublicURL = \"https://x.example\"", "tls", "loopback"},
		{"no public address", "listen = \"0.0.0.0:80\"\n[tls]\ncert = \"a\"\nkey = \"b\"", "publicURL", "public address"},
		{"public http", "publicURL = \"http://x.example\"", "publicURL", "https"},
		{"public path", "publicURL = \"https://x.example/\"", "publicURL", "without a path"},
		{"public user", "publicURL = \"https://a:b@x.example\"", "publicURL", "without a user"},
		{"cert alone", "[tls]\ncert = \"a\"", "tls", "both"},
		{"selfSigned in public", "listen = \"0.0.0.0:80\"\npublicURL = \"https://x.example\"\ntls = {selfSigned = true}", "tls.selfSigned", "loopback"},
		{"selfSigned and cert", "[tls]\ncert = \"a\"\nkey = \"b\"\nselfSigned = true", "tls.selfSigned", "either"},
		{"metrics", "[metrics]\nlisten = \"127.0.0.1:8080\"", "metrics.listen", "another"},
		{"no environment", "environments = []", "environments", "expected"},
		{"environment twice", "environments = [\"test\", \"test\"]", "environments[1]", "twice"},
		{"proxies", "trustedProxies = [\"everyone\"]", "trustedProxies[0]", "network"},
		{"any origin", "[cors]\norigins = [\"*\"]", "cors.origins[0]", "expected"},
		{"origin with a path", "[cors]\norigins = [\"https://x.example/\"]", "cors.origins[0]", "origin"},
		{"worker on SQLite", "role = \"worker\"", "role", "database.postgres"},
		{"postgres", "[database]\npostgres = \"mysql://x\"", "database.postgres", "postgres://"},
		{"postgres without a key", "[database]\npostgres = \"postgres://x\"", "masterKey", "share"},
		{"S3 that is not used", "[blobs.s3]\nbucket = \"b\"", "blobs.kind", "expected s3"},
		{"S3 and a directory", "[blobs]\nkind = \"s3\"\ndir = \"/x\"", "blobs.dir", "bucket"},
		{"authority without an address", "[tsa]\nroots = \"/x\"", "tsa.url", "address of the authority"},
		{"S3", "[blobs]\nkind = \"s3\"", "blobs.s3.bucket", "is needed"},
		{"S3 http", "[blobs]\nkind = \"s3\"\n[blobs.s3]\nendpoint = \"http://s3.example\"", "blobs.s3.endpoint", "https"},
		{"S3 path", "[blobs]\nkind = \"s3\"\n[blobs.s3]\nendpoint = \"https://s3.example/b\"", "blobs.s3.endpoint", "without a path"},
		{"mail without a host", "[mail]\nkind = \"smtp\"\nfrom = \"a@b\"", "mail.host", "is needed"},
		{"mail without a sender", "[mail]\nkind = \"files\"", "mail.from", "is needed"},
		{"mail with a name", "[mail]\nfrom = \"A <a@b>\"", "mail.from", "without a name"},
		{"mail in the clear", "[mail]\nkind = \"smtp\"\nfrom = \"a@b\"\nhost = \"h\"\nsecurity = \"none\"", "mail.security", "starttls"},
		{"mail user alone", "[mail]\nuser = \"u\"", "mail.password", "is needed"},
		{"chain without nodes", "[chain]\nid = 1", "chain.rpc", "node"},
		{"chain without all", "[chain]\nrpc = [\"https://a.example\"]", "chain.genesis", "64 digits"},
		{"node without https", "[chain]\nrpc = [\"http://a.example/key\"]", "chain.rpc[0]", "https"},
		{"node in a missing file", "[chain]\nrpc = [\"file:/x\"]", "chain.rpc[0]", "not there"},
		{"agree", "[chain]\nrpc = [\"https://a.example\"]\nagree = 2", "chain.agree", "at most 1"},
		{"tip over fee", "[chain]\nrpc = [\"https://a.example\"]\nmaxTipGwei = 200", "chain.maxTipGwei", "at most"},
		{"tsa without roots", "[tsa]\nurl = \"https://a.example\"", "tsa.roots", "is needed"},
		{"dev tsa in public", "listen = \"0.0.0.0:80\"\npublicURL = \"https://x.example\"\ntrustedProxies = [\"::1\"]\n[tsa]\nurl = \"dev\"", "tsa.url", "others believe"},
		{"pkcs11", "[pkcs11]\nmodule = \"x\"", "pkcs11.pin", "is needed"},
		{"pkcs11 without module", "[pkcs11]\npin = \"x\"", "pkcs11.module", "expected"},
		{"oidc", "[[oidc]]\nissuer = \"http://x.example\"\naudience = \"a\"\ntenant = \"t\"", "oidc[0].issuer", "https"},
		{"oidc environment", "environments = [\"live\"]\n[[oidc]]\nissuer = \"https://x.example\"\naudience = \"a\"\ntenant = \"t\"", "oidc[0].environment", "environments"},
		{"oidc value alone", "[[oidc]]\nissuer = \"https://x.example\"\naudience = \"a\"\ntenant = \"t\"\nvalue = \"v\"", "oidc[0].value", "together"},
		{"oidc without tenant", "[[oidc]]\nissuer = \"https://x.example\"\naudience = \"a\"", "oidc[0].tenant", ""},
		{"oidc path with a hole", "[[oidc]]\nissuer = \"https://x.example\"\naudience = \"a\"\ntenant = \"t\"\nclaim = \"/realm_access//roles\"\nvalue = \"v\"", "oidc[0].claim", "path"},
		{"oidc path that ends open", "[[oidc]]\nissuer = \"https://x.example\"\naudience = \"a\"\ntenant = \"t\"\nclaim = \"/realm_access/\"\nvalue = \"v\"", "oidc[0].claim", "path"},
		{"oidc path with a tilde", "[[oidc]]\nissuer = \"https://x.example\"\naudience = \"a\"\ntenant = \"t\"\nclaim = \"/realm~access/roles\"\nvalue = \"v\"", "oidc[0].claim", "path"},
		{"oidc path with dots", "[[oidc]]\nissuer = \"https://x.example\"\naudience = \"a\"\ntenant = \"t\"\nclaim = \"realm_access.roles\"\nvalue = \"v\"", "oidc[0].claim", "slashes"},
		{"oidc twice", "[[oidc]]\nissuer = \"https://x.example\"\naudience = \"a\"\ntenant = \"t\"\n[[oidc]]\nissuer = \"https://x.example\"\naudience = \"a\"\ntenant = \"t\"", "oidc[1]", "twice"},
		{"instance name", "[[vcalm]]\nname = \"../x\"", "vcalm[0].name", "a-z"},
		{"instance twice", "[[vcalm]]\nname = \"x\"\n[[vcalm]]\nname = \"x\"", "vcalm[1]", "twice"},
		{"suite", "[[vcalm]]\nname = \"x\"\nsuite = \"rot13\"", "vcalm[0].suite", "eddsa"},
		{"suite and key", "[[vcalm]]\nname = \"x\"\nsuite = \"eddsa-jcs-2022\"\nkeyType = \"P-256\"", "vcalm[0].keyType", "Ed25519"},
		{"seed", "[[vcalm]]\nname = \"x\"\nseed = \"s\"", "vcalm[0].seed", "conformance"},
		{"open", "[[vcalm]]\nname = \"x\"\nopen = true", "vcalm[0].open", "conformance"},
		{"seed and file", "profile = \"conformance\"\n[[vcalm]]\nname = \"x\"\nseed = \"s\"\nkeyFile = \"f\"", "vcalm[0].seed", "either"},
		{"conformance in public", "profile = \"conformance\"\nlisten = \"0.0.0.0:80\"\npublicURL = \"https://x.example\"", "profile", "loopback"},
	} {
		_, err := load("x.toml", c.text)
		var problems Problems
		if !errors.As(err, &problems) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		found := false
		for _, p := range problems {
			found = found || p.Path == c.path && strings.Contains(p.Message, c.message)
		}
		if !found {
			t.Errorf("%s: expected %s: … %s …, found\n%v", c.name, c.path, c.message, err)
		}
	}
}

func TestProblemsElsewhere(t *testing.T) {
	for _, c := range []struct {
		name          string
		s             Source
		path, message string
	}{
		{"variable", Source{Environ: []string{"CHANCERY_LISEN=x"}}, "CHANCERY_LISEN", "is CHANCERY_LISTEN meant?"},
		{"variable of a file", Source{Environ: []string{"CHANCERY_MASTERKEY_FILE=x"}}, "CHANCERY_MASTERKEY_FILE", "is CHANCERY_MASTER_KEY_FILE meant?"},
		{"both variables", Source{Environ: []string{"CHANCERY_MASTER_KEY_FILE=/secrets/mail", "CHANCERY_MASTER_KEY=x"}, Read: read}, "CHANCERY_MASTER_KEY_FILE", "either"},
		{"variable's value", Source{Environ: []string{"CHANCERY_MAIL_PORT=x"}}, "CHANCERY_MAIL_PORT", "whole number"},
		{"variable without value", Source{Environ: []string{"CHANCERY_VERIFICATION_LOG"}}, "CHANCERY_VERIFICATION_LOG", "true or false"},
		{"variable of a list of tables", Source{Environ: []string{"CHANCERY_OIDC=x"}}, "CHANCERY_OIDC", "in a file only"},
		{"no reader", Source{Environ: []string{"CHANCERY_MASTER_KEY=file:/x"}}, "CHANCERY_MASTER_KEY", "cannot be read here"},
		{"setting", Source{Settings: map[string]string{"lisen": "x"}}, "lisen", "is not a setting"},
		{"secret as a setting", Source{Settings: map[string]string{"mail.password": "x"}}, "mail.password", "command line"},
		{"secret list as a setting", Source{Settings: map[string]string{"chain.rpc": "x"}}, "chain.rpc", "command line"},
		{"kind of file", Source{Name: "x.json", File: []byte("{}")}, "x.json", ".toml"},
		{"malformed YAML", Source{Name: "x.yml", File: []byte("a: b: c\n")}, "x.yml", "malformed"},
		{"YAML twice", Source{Name: "x.yaml", File: []byte("data: a\ndata: b\n")}, "x.yaml", "malformed in line 2"},
		{"YAML that is a list", Source{Name: "x.yaml", File: []byte("- a\n")}, "x.yaml", "malformed"},
		{"YAML with keys that are no texts", Source{Name: "x.yaml", File: []byte("mail: {1: 2}\n")}, "mail", "table"},
		{"YAML that grows", Source{Name: "x.yaml", File: []byte("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n")}, "x.yaml", "malformed"},
	} {
		_, err := Load(c.s)
		var problems Problems
		if !errors.As(err, &problems) || problems[0].Path != c.path || !strings.Contains(problems[0].Message, c.message) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestAllAtOnce: every mistake of a file is told, not the first alone.
func TestAllAtOnce(t *testing.T) {
	_, err := load("x.toml", "lisen = 1\nrole = \"boss\"\n[mail]\nport = -1\nkind = \"smtp\"\n[blobs]\nkind = \"s3\"\n", "CHANCERY_LOG_LEVEL=loud")
	var p Problems
	if !errors.As(err, &p) || len(p) != 10 {
		t.Errorf("%d: %v", len(p), err)
	}
}

// TestSecretsStayHidden: no way of printing a configuration, nor any error, shows a secret.
func TestSecretsStayHidden(t *testing.T) {
	const secret = "hunter2"
	c := want(t, strings.Replace(full, `pin = "1234"`, `pin = "hunter2"`, 1), "CHANCERY_CHAIN_RPC=https://a.example/hunter2")
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "config", c, "secret", c.PKCS11.PIN)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "config", c, "secret", c.PKCS11.PIN)
	one, err := stdjson.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	two, err := json.Marshal(c.PKCS11)
	if err != nil {
		t.Fatal(err)
	}
	out := logged.String() + string(one) + string(two)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		out += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, *c) + fmt.Sprintf(verb, c.Chain.RPC) + fmt.Sprintf(verb, c.PKCS11.PIN)
	}
	if strings.Contains(out, secret) || strings.Contains(out, fmt.Sprintf("%x", secret)) {
		t.Errorf("a secret is shown: %s", out)
	}
	if !strings.Contains(out, "(set)") || (Secret{}).String() != "" || (Secret{}).Set() || !c.PKCS11.PIN.Set() {
		t.Error("whether it is set is not shown")
	}
	for _, text := range []string{
		"masterKey = \"hunter2\"", "[database]\npostgres = \"hunter2\"", "[chain]\nrpc = [\"http://hunter2\", \"hunter2\", 7]", "masterKey = \"hunter2\n", "[mail]\npassword = hunter2", "role = \"hunter2\"", "[mail]\nport = \"hunter2\"",
		"publicURL = \"https://u:hunter2@x.example\"", "[blobs]\nkind = \"s3\"\n[blobs.s3]\nendpoint = \"https://hunter2:hunter2@x\"",
	} {
		if _, err := load("x.toml", text); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"mail:\n  password: hunter2: x", "masterKey: hunter2\n- hunter2", "role: hunter2", "masterKey: [hunter2]", "hunter2\n"} {
		if _, err := load("x.yaml", text); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestReadIsRealFiles(t *testing.T) {
	path := t.TempDir() + "/secret"
	if err := os.WriteFile(path, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Source{Environ: []string{"CHANCERY_MAIL_PASSWORD_FILE=" + path, "CHANCERY_MAIL_USER=u"}, Read: os.ReadFile})
	if err != nil || c.Mail.Password.Reveal() != "s3cret" {
		t.Errorf("%v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("x.toml", full)
	f.Add("x.toml", Example())
	f.Add("x.yaml", conformance)
	f.Add("x.yaml", "a: &a [*a]")
	f.Fuzz(func(t *testing.T, name, text string) {
		if len(text) > 1<<14 {
			return
		}
		c, err := load(name, text)
		if err == nil && c.Check() != nil {
			t.Fatal("it was loaded and is not good")
		}
	})
}

// TestByteOrderMark: what editors put before a text is no part of it.
func TestByteOrderMark(t *testing.T) {
	for name, text := range map[string]string{"x.toml": "[mail]\nuser = \"u\"\npasswordFile = \"/secrets/marked\"\n", "x.yaml": "mail:\n  user: u\n  password: file:/secrets/marked\n"} {
		c, err := load(name, "\ufeff"+text)
		if err != nil || c.Mail.Password.Reveal() != "hunter2" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSocket: a proxy on the same machine needs neither TLS nor an entry in trustedProxies.
func TestSocket(t *testing.T) {
	c := want(t, "listen = \"unix:/run/chancery/chancery.sock\"\npublicURL = \"https://x.example\"\n[tsa]\nurl = \"dev\"\n")
	if path, ok := c.Socket(); path != "/run/chancery/chancery.sock" || !ok || c.Permissions() != 0o660 || c.Public() != "https://x.example" {
		t.Errorf("%q %v %v", path, ok, c.Permissions())
	}
	c = want(t, "socketMode = \"600\"\npublicURL = \"https://x.example\"", "CHANCERY_LISTEN=unix:/run/x")
	if c.Permissions() != 0o600 {
		t.Errorf("%v", c.Permissions())
	}
	if _, ok := want(t, "").Socket(); ok {
		t.Error("an address is taken for a socket")
	}
}
