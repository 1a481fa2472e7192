package config

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// check lists what is wrong, first with each setting, then with those that belong
// together.
func (c *Config) check(l *list) {
	bounds(l, "", reflect.ValueOf(c).Elem())
	c.checkServing(l)
	c.checkStorage(l)
	c.checkMail(l)
	c.checkChain(l)
	c.checkAuthorities(l)
	c.checkOIDC(l)
	c.checkInstances(l)
}

// bounds judges every setting by its tags.
func bounds(l *list, at string, v reflect.Value) {
	d := decoder{list: l}
	for _, f := range fields(v.Type()) {
		where, value := join(at, f.name), v.Field(f.index)
		switch {
		case isTable(f.typ):
			bounds(l, where, value)
		case isTables(f.typ):
			for i := range value.Len() {
				bounds(l, fmt.Sprintf("%s[%d]", where, i), value.Index(i))
			}
		case f.typ.Kind() == reflect.Slice:
			for i := range value.Len() {
				d.judge(fmt.Sprintf("%s[%d]", where, i), f, value.Index(i))
			}
		default:
			d.judge(where, f, value)
		}
	}
}

func (d *decoder) judge(at string, f field, v reflect.Value) {
	switch {
	case v.Type() == durationType:
		if v.Int() <= 0 {
			d.add(at, "expected a time of more than 0")
		}
	case v.Kind() == reflect.String:
		d.allowed(at, v.String(), f)
	case v.Kind() == reflect.Int, v.Kind() == reflect.Int64:
		if d.bounds(at, float64(v.Int()), f) {
			d.allowed(at, strconv.FormatInt(v.Int(), 10), f)
		}
	case v.Kind() == reflect.Float64:
		d.bounds(at, v.Float(), f)
	}
}

func (c *Config) checkServing(l *list) {
	socket, isSocket := c.Socket()
	local := false
	if isSocket {
		c.checkSocket(l, socket)
	} else if local = checkListen(l, "listen", c.Listen); c.SocketMode != defaultSocketMode {
		l.add("socketMode", "expected a socket in listen, such as unix:/run/chancery/chancery.sock")
	}
	switch {
	case (c.TLS.Cert == "") != (c.TLS.Key == ""):
		l.add("tls", "expected both cert and key, or neither")
	case c.TLS.SelfSigned && c.TLS.Cert != "":
		l.add("tls.selfSigned", "expected either selfSigned, or cert and key")
	case c.TLS.SelfSigned && !local:
		l.add("tls.selfSigned", "expected a loopback address in listen")
	case c.TLS.Cert == "" && !local && !isSocket && len(c.TrustedProxies) == 0:
		l.add("tls", "expected cert and key, trustedProxies, or a loopback address in listen")
	}
	if c.PublicURL == "" {
		if !local {
			l.add("publicURL", "expected the public address, since listen is not a loopback address")
		}
	} else if u := checkURL(l, "publicURL", c.PublicURL); u != nil {
		switch {
		case u.Path != "" || u.RawQuery != "" || u.ForceQuery:
			l.add("publicURL", "expected an address without a path, a query or a slash at the end")
		case u.Scheme == "http" && !isLoopback(u.Hostname()):
			l.add("publicURL", "expected https")
		}
	}
	if c.Metrics.Listen != "" {
		checkListen(l, "metrics.listen", c.Metrics.Listen)
		if c.Metrics.Listen == c.Listen {
			l.add("metrics.listen", "expected another address than listen")
		}
	}
	unique(l, "environments", c.Environments)
	if len(c.Environments) == 0 {
		l.add("environments", "expected test, live or both")
	}
	for i, p := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			if _, err := netip.ParseAddr(p); err != nil {
				l.add(fmt.Sprintf("trustedProxies[%d]", i), "expected an address or a network such as 10.0.0.0/8")
			}
		}
	}
	for i, o := range c.CORS.Origins {
		at := fmt.Sprintf("cors.origins[%d]", i)
		if u := checkURL(l, at, o); u != nil && (u.Path != "" || u.RawQuery != "" || u.ForceQuery) {
			l.add(at, "expected an origin: scheme, host and port")
		}
	}
	if c.Profile == "conformance" && !local {
		l.add("profile", "expected a loopback address in listen: conformance is for test suites")
	}
}

func (c *Config) checkStorage(l *list) {
	dsn := c.Database.Postgres.Reveal()
	if c.Database.Postgres.Set() {
		if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
			l.add("database.postgres", "expected postgres://user:password@host/database")
		}
		if !c.MasterKey.Set() {
			l.add("masterKey", "expected a key, since processes on one PostgreSQL share it")
		}
	} else if c.Role != "all" {
		l.add("role", "expected all, or database.postgres to share the work over")
	}
	if c.MasterKey.Set() {
		if raw, err := base64.StdEncoding.DecodeString(c.MasterKey.Reveal()); err != nil || len(raw) != 32 {
			l.add("masterKey", "expected the base64 of 32 bytes")
		}
	}
	if c.Data == "" {
		l.add("data", "expected a directory")
	}
	s := c.Blobs.S3
	if c.Blobs.Kind != "s3" {
		if s.Endpoint != "" || s.Bucket != "" || s.Prefix != "" || s.AccessKey != "" || s.SecretKey.Set() {
			l.add("blobs.kind", "expected s3, since settings of blobs.s3 are there")
		}
		return
	}
	if c.Blobs.Dir != "" {
		l.add("blobs.dir", "expected none, since files are in a bucket (kind s3)")
	}
	if s.Endpoint == "" {
		l.add("blobs.s3.endpoint", "expected the URL of the server")
	} else if u := checkURL(l, "blobs.s3.endpoint", s.Endpoint); u != nil {
		switch {
		case u.Scheme == "http" && !s.InsecurePlain && !isLoopback(u.Hostname()):
			l.add("blobs.s3.endpoint", "expected https (insecurePlain allows http)")
		case strings.Trim(u.Path, "/") != "":
			l.add("blobs.s3.endpoint", "expected an address without a path: the bucket has its own setting")
		}
	}
	need(l, "blobs.s3.bucket", s.Bucket != "")
	need(l, "blobs.s3.accessKey", s.AccessKey != "")
	need(l, "blobs.s3.secretKey", s.SecretKey.Set())
}

func (c *Config) checkMail(l *list) {
	m := c.Mail
	if m.Kind != "none" {
		need(l, "mail.from", m.From != "")
	}
	for path, address := range map[string]string{"mail.from": m.From, "mail.replyTo": m.ReplyTo} {
		local, host, ok := strings.Cut(address, "@")
		if address != "" && (!ok || local == "" || host == "" || strings.ContainsAny(address, " \t<>,;\"")) {
			l.add(path, "expected an address such as office@example.edu, without a name")
		}
	}
	if m.Kind == "smtp" {
		need(l, "mail.host", m.Host != "")
		if m.Security == "none" && !m.InsecurePlain && m.Host != "" && !isLoopback(m.Host) {
			l.add("mail.security", "expected starttls or tls (insecurePlain allows none)")
		}
	}
	pair(l, "mail", "user", "password", m.User != "", m.Password.Set())
}

var genesis = regexp.MustCompile(`^0x[0-9a-fA-F]{64}$`)

func (c *Config) checkChain(l *list) {
	ch := c.Chain
	if len(ch.RPC) == 0 {
		if ch.ID != 0 || ch.Genesis != "" || ch.Keystore != "" || ch.Beacon != "" || ch.Password.Set() {
			l.add("chain.rpc", "expected the address of a node, since other settings of chain are there")
		}
		return
	}
	for i, r := range ch.RPC {
		checkNode(l, fmt.Sprintf("chain.rpc[%d]", i), r.Reveal(), ch.InsecurePlain)
	}
	if ch.Beacon != "" {
		checkNode(l, "chain.beacon", ch.Beacon, ch.InsecurePlain)
	}
	if ch.ID == 0 {
		l.add("chain.id", "expected the chain's ID")
	}
	if !genesis.MatchString(ch.Genesis) {
		l.add("chain.genesis", "expected 0x and 64 digits of hex")
	}
	need(l, "chain.keystore", ch.Keystore != "")
	need(l, "chain.password", ch.Password.Set())
	if ch.Agree > len(ch.RPC) {
		l.add("chain.agree", "expected at most %d, the number of nodes", len(ch.RPC))
	}
	if ch.MaxFeeGwei <= 0 {
		l.add("chain.maxFeeGwei", "expected more than 0")
	} else if ch.MaxTipGwei > ch.MaxFeeGwei {
		l.add("chain.maxTipGwei", "expected at most maxFeeGwei")
	}
}

func checkNode(l *list, at, address string, allow bool) {
	if u := checkURL(l, at, address); u != nil && u.Scheme == "http" && !allow {
		l.add(at, "expected https (insecurePlain allows http)")
	}
}

func (c *Config) checkAuthorities(l *list) {
	t := c.TSA
	_, isSocket := c.Socket()
	if t.URL != "" && t.URL != "dev" {
		checkURL(l, "tsa.url", t.URL)
		need(l, "tsa.roots", t.Roots != "")
	}
	if t.URL == "" && (t.Roots != "" || t.Policy != "" || t.User != "") {
		l.add("tsa.url", "expected the address of the authority, since other settings of tsa are there")
	}
	if t.URL == "dev" && slices.Contains(c.Environments, "live") && !isLocal(c.Listen) && !isSocket {
		l.add("tsa.url", "expected an authority that others believe, since live credentials are issued")
	}
	pair(l, "tsa", "user", "password", t.User != "", t.Password.Set())
	p := c.PKCS11
	if p.Module == "" {
		if p.Token != "" || p.Serial != "" || p.PIN.Set() {
			l.add("pkcs11.module", "expected the vendor's library, since other settings of pkcs11 are there")
		}
		return
	}
	if p.Token == "" && p.Serial == "" {
		l.add("pkcs11.token", "expected the token's label, or its serial number in serial")
	}
	need(l, "pkcs11.pin", p.PIN.Set())
}

func (c *Config) checkOIDC(l *list) {
	var issuers []string
	for i, o := range c.OIDC {
		at := fmt.Sprintf("oidc[%d]", i)
		if u := checkURL(l, at+".issuer", o.Issuer); u != nil && u.Scheme != "https" && !isLoopback(u.Hostname()) {
			l.add(at+".issuer", "expected https")
		}
		need(l, at+".audience", o.Audience != "")
		need(l, at+".tenant", o.Tenant != "")
		if (o.Claim == "") != (o.Value == "") {
			l.add(at+".value", "expected claim and value together")
		}
		switch {
		case strings.HasPrefix(o.Claim, "/") && !claimPath.MatchString(o.Claim):
			l.add(at+".claim", "expected a path of names such as /realm_access/roles, with ~1 for / and ~0 for ~ in a name")
		case dottedClaim.MatchString(o.Claim): // would never fit
			l.add(at+".claim", "expected a path with slashes, such as /realm_access/roles")
		}
		if !slices.Contains(c.Environments, o.Environment) {
			l.add(at+".environment", "expected one of environments")
		}
		issuers = append(issuers, o.Issuer+" "+o.Audience+" "+o.Claim+" "+o.Value)
	}
	unique(l, "oidc", issuers)
}

var (
	claimPath   = regexp.MustCompile(`^(/([^/~]|~[01])+)+$`)
	dottedClaim = regexp.MustCompile(`^(realm|resource)_access\.`) // as Keycloak itself writes it
)

var instanceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// suiteKeys are the key types of each suite.
var suiteKeys = map[string][]string{
	"":                     {"Ed25519", "P-256", "P-384"},
	"eddsa-rdfc-2022":      {"Ed25519"},
	"eddsa-jcs-2022":       {"Ed25519"},
	"Ed25519Signature2020": {"Ed25519"},
	"ecdsa-rdfc-2019":      {"P-256", "P-384"},
	"ecdsa-jcs-2019":       {"P-256", "P-384"},
	"ecdsa-sd-2023":        {"P-256"},
	"vc+jwt":               {"Ed25519", "P-256", "P-384"},
}

func (c *Config) checkInstances(l *list) {
	var names []string
	for i, in := range c.VCALM {
		at := fmt.Sprintf("vcalm[%d]", i)
		names = append(names, in.Name)
		if !instanceName.MatchString(in.Name) {
			l.add(at+".name", "expected 1 to 64 of a-z, 0-9 and -")
		}
		if types, ok := suiteKeys[in.Suite]; !ok {
			l.add(at+".suite", "expected one of eddsa-rdfc-2022, eddsa-jcs-2022, ecdsa-rdfc-2019, ecdsa-jcs-2019, ecdsa-sd-2023, Ed25519Signature2020, vc+jwt")
		} else if !slices.Contains(types, in.KeyType) {
			l.add(at+".keyType", "expected %s, for %s", strings.Join(types, " or "), in.Suite)
		}
		if c.Profile != "conformance" {
			if in.Seed.Set() {
				l.add(at+".seed", "expected profile conformance")
			}
			if in.Open {
				l.add(at+".open", "expected profile conformance")
			}
		}
		if in.Seed.Set() && in.KeyFile != "" {
			l.add(at+".seed", "expected either seed or keyFile")
		}
		if in.KeyPassword.Set() && in.KeyFile == "" {
			l.add(at+".keyPassword", "expected keyFile")
		}
	}
	unique(l, "vcalm", names)
}

// Socket is the path of the Unix socket in listen, and whether there is one.
func (c *Config) Socket() (string, bool) { return strings.CutPrefix(c.Listen, "unix:") }

// Permissions are those of the socket in listen.
func (c *Config) Permissions() fs.FileMode {
	n, err := strconv.ParseUint(c.SocketMode, 8, 32)
	if err != nil {
		return 0
	}
	return fs.FileMode(n)
}

const defaultSocketMode = "0660"

var socketMode = regexp.MustCompile(`^0?[67][0-7]{2}$`)

// maxSocket leaves room for the longer name that the socket has while it is made: the
// kernel's limit is 107 bytes.
const maxSocket = 90

func (c *Config) checkSocket(l *list, path string) {
	switch {
	case !filepath.IsAbs(path) || filepath.Clean(path) != path || path == "/":
		l.add("listen", "expected unix: and a path from the root, such as unix:/run/chancery/chancery.sock")
	case len(path) > maxSocket:
		l.add("listen", "expected a path of a socket of at most %d bytes", maxSocket)
	}
	if !socketMode.MatchString(c.SocketMode) {
		l.add("socketMode", "expected permissions such as 0660 or 0600, which let the owner read and write")
	}
	if c.TLS.Cert != "" || c.TLS.Key != "" {
		l.add("tls", "expected none: what comes through a socket comes from a proxy, which ends TLS")
	}
}

// checkListen judges host:port, and reports whether it is a loopback address.
func checkListen(l *list, at, address string) bool {
	_, port, err := net.SplitHostPort(address)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || strconv.FormatUint(n, 10) != port {
		l.add(at, "expected an address and a port, such as 127.0.0.1:8080")
	}
	return isLocal(address)
}

func isLocal(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && isLoopback(host)
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// checkURL takes http and https addresses without a user; nil where it is none. What is
// there instead is not repeated: it may hold a secret.
func checkURL(l *list, at, address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || strings.Contains(address, "#") {
		l.add(at, "expected an https address, without a user and a fragment")
		return nil
	}
	return u
}

func need(l *list, at string, there bool) {
	if !there {
		l.add(at, "is needed")
	}
}

func pair(l *list, at, a, b string, hasA, hasB bool) {
	switch {
	case hasA && !hasB:
		l.add(at+"."+b, "is needed, since %s is there", a)
	case hasB && !hasA:
		l.add(at+"."+a, "is needed, since %s is there", b)
	}
}

func unique(l *list, at string, names []string) {
	seen := map[string]bool{}
	for i, n := range names {
		if seen[n] {
			l.add(fmt.Sprintf("%s[%d]", at, i), "is there twice")
		}
		seen[n] = true
	}
}

// Public is publicURL, or what is made from listen.
func (c *Config) Public() string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	scheme := "http"
	if c.TLS.Cert != "" || c.TLS.SelfSigned {
		scheme = "https"
	}
	return scheme + "://" + c.Listen
}

// Wei converts a fee in gwei, to a billionth of it.
func Wei(gwei float64) *big.Int {
	wei, _ := new(big.Float).Mul(big.NewFloat(gwei), big.NewFloat(1e9)).Int(nil)
	return wei
}
