package service_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/testvectors/interop"
)

// secure starts a service on TLS, as the DID method web asks for.
func secure(t *testing.T, env ...string) *service {
	return serve(t, freePort(t), append(env, "CHANCERY_TLS_SELF_SIGNED=true"), "--data", t.TempDir())
}

// kinds are types for each suite, on issuers of their own.
var kinds = []struct{ suite, keyType string }{
	{"eddsa-rdfc-2022", "Ed25519"}, {"eddsa-jcs-2022", "Ed25519"},
	{"ecdsa-rdfc-2019", "P-256"}, {"ecdsa-rdfc-2019", "P-384"}, {"ecdsa-jcs-2019", "P-256"}, {"ecdsa-jcs-2019", "P-384"},
}

func (s *service) addKind(key, suite, keyType string) (issuer string) {
	s.t.Helper()
	var made struct{ ID, DID string }
	s.data("POST", "/v1/issuers", object{"key": key, "name": "Academy " + key, "keyType": keyType}, &made)
	s.data("POST", "/v1/credential-types", object{
		"key": key, "from": "starter/badge", "displayName": "Teamwork für alle", "issuer": key, "suite": suite, "outputs": []string{"vc", "vc.jwt", "pdf", "badge"},
	}, &object{})
	return made.ID
}

// TestCredentials: what is issued over HTTP, Digital Bazaar's libraries and jose accept, with
// the keys and lists that the service publishes; they refuse a changed copy, and all of it
// once it is revoked.
func TestCredentials(t *testing.T) {
	interop.Require(t, "node", "npm")
	s := secure(t)
	p := startPeer(t, s)
	for _, k := range kinds {
		name := strings.ToLower(k.suite + "-" + k.keyType)
		s.addKind(name, k.suite, k.keyType)
		c := s.issue(name, "CX-"+name)
		document := s.file(c.Artifacts["vc"].URL)
		verify := func(b []byte) answer {
			return p.ask(t, object{"op": "verify", "document": json.RawMessage(b), "suite": k.suite})
		}
		a := verify(document)
		if !a.Verified {
			t.Errorf("%s: refused: %s", name, a.Error)
			continue
		}
		if !slices.Contains(a.Loaded, c.StatusList) || !slices.ContainsFunc(a.Loaded, func(u string) bool { return strings.HasPrefix(u, c.Issuer.ID) }) {
			t.Errorf("%s: expected that the peer reads %s and %s, found %q", name, c.Issuer.ID, c.StatusList, a.Loaded)
		}
		changed := []byte(strings.Replace(string(document), "Teamwork", "Leadership", 1))
		if a := verify(changed); a.Verified {
			t.Errorf("%s: a changed copy is accepted", name)
		}
		jwt := string(s.file(c.Artifacts["vc.jwt"].URL))
		if a := p.ask(t, object{"op": "verifyJWT", "text": jwt, "didDocument": c.Issuer.ID}); !a.Verified || !strings.Contains(string(a.Document), "Teamwork") {
			t.Errorf("%s: the JWT is refused: %s %s", name, a.Error, a.Document)
		}
		dot := strings.IndexByte(jwt, '.') + 10
		if a := p.ask(t, object{"op": "verifyJWT", "text": jwt[:dot] + flipped(jwt[dot]) + jwt[dot+1:], "didDocument": c.Issuer.ID}); a.Verified {
			t.Errorf("%s: a changed JWT is accepted", name)
		}
		s.data("POST", "/v1/credentials/"+c.ID+"/revoke", object{"reason": "issued by mistake"}, &object{})
		if a := verify(document); a.Verified {
			t.Errorf("%s: accepted though it is revoked", name)
		}
	}
}

func flipped(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// TestBadgesAndPages: the baked badge as openbadgeslib sees it, the signed certificate as
// pyHanko does, the codes on it and on the page as zbarimg reads them.
func TestBadgesAndPages(t *testing.T) {
	interop.Require(t, "python3")
	bin := interop.Python(t, ".")
	s := secure(t)
	s.addKind("badge", "eddsa-rdfc-2022", "Ed25519")
	c := s.issue("badge", "CX-1")
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	python := func(into any, args ...string) {
		t.Helper()
		out, err := run(t, nil, filepath.Join(bin, "python"), append([]string{"peers.py"}, args...)...)
		if err != nil {
			t.Fatalf("peers.py %v: %v\n%s", args, err, out)
		}
		if err := json.Unmarshal([]byte(out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]), into); err != nil {
			t.Fatalf("peers.py: %v\n%s", err, out)
		}
	}
	didURL := s.base + "/i/" + c.Issuer.ID[strings.LastIndexByte(c.Issuer.ID, ':')+1:] + "/did.json"
	document := string(s.file(c.Artifacts["vc"].URL))
	badge := func(name string, b []byte) (verified bool, found, why string) {
		var out struct {
			Verified          bool
			Name, Text, Error string
		}
		// The library asks for localhost, as the DID does.
		python(&out, "badge", write(name, b), c.Issuer.ID, strings.Replace(didURL, "127.0.0.1", "localhost", 1)+"="+write("did.json", s.file(didURL)), c.StatusList+"="+write("list.json", s.file(c.StatusList)))
		if out.Verified && out.Name != "Teamwork für alle" {
			t.Errorf("%s: found the name %q", name, out.Name)
		}
		return out.Verified, out.Text, out.Error
	}
	images := map[string][]byte{"png": s.file(c.Artifacts["png"].URL), "svg": s.file(c.Artifacts["svg"].URL)}
	for kind, b := range images {
		verified, text, why := badge("badge."+kind, b)
		if !verified || text != document {
			t.Errorf("%s: expected the credential, verified; found %v (%s), the same text: %v", kind, verified, why, text == document)
		}
	}
	if verified, _, _ := badge("changed.svg", []byte(strings.ReplaceAll(string(images["svg"]), "Teamwork", "Leadership"))); verified {
		t.Error("a changed badge is accepted")
	}

	var issuers []struct{ ID, DID, Certificate string }
	s.data("GET", "/v1/issuers", nil, &issuers)
	var roots []string
	for _, i := range issuers {
		if i.DID == c.Issuer.ID {
			roots = append(roots, write("issuer.pem", []byte(i.Certificate)))
		}
	}
	var judged struct {
		Pages      int
		Signatures []struct {
			Field, Coverage, Summary        string
			Intact, Valid, Trusted, Stamped bool
		}
	}
	page := s.file(c.Artifacts["pdf"].URL)
	pdf := write("certificate.pdf", page)
	python(&judged, append([]string{"pdf", pdf}, roots...)...)
	if judged.Pages < 1 || len(judged.Signatures) == 0 {
		t.Fatalf("pyHanko: expected a signed page, found %+v", judged)
	}
	for _, sig := range judged.Signatures {
		if !sig.Intact || !sig.Valid || !sig.Trusted || !strings.HasPrefix(sig.Coverage, "ENTIRE") {
			t.Errorf("pyHanko: %+v", sig)
		}
	}
	t.Logf("pyHanko: %+v", judged.Signatures)
	changed := slices.Clone(page)
	changed[len(changed)/3] ^= 1
	python(&judged, append([]string{"pdf", write("changed.pdf", changed)}, roots...)...)
	if len(judged.Signatures) != 0 && judged.Signatures[0].Intact {
		t.Error("pyHanko: a changed page is intact")
	}
	s.data("POST", "/v1/credentials/"+c.ID+"/revoke", object{"reason": "issued by mistake"}, &object{})
	for kind, b := range images {
		if verified, _, why := badge("badge."+kind, b); verified || !strings.Contains(why, "'revocation' is set") {
			t.Errorf("%s: revoked, and found verified: %v (%s)", kind, verified, why)
		}
	}
	t.Run("codes", func(t *testing.T) { codes(t, s, c, dir, pdf) })
}

// codes reads the QR codes of the certificate and of the page.
func codes(t *testing.T, s *service, c credential, dir, pdf string) {
	interop.Require(t, "zbarimg", "pdftoppm", "chromium")
	if out, err := run(t, nil, "pdftoppm", "-r", "150", "-png", pdf, filepath.Join(dir, "certificate")); err != nil {
		t.Fatalf("pdftoppm: %v\n%s", err, out)
	}
	shot := filepath.Join(dir, "page.png")
	if out, err := run(t, nil, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--ignore-certificate-errors", "--user-data-dir="+filepath.Join(dir, "chromium"), "--hide-scrollbars", "--window-size=1000,3000", "--screenshot="+shot, c.VerificationURL); err != nil {
		t.Fatalf("chromium: %v\n%s", err, out)
	}
	images, err := filepath.Glob(filepath.Join(dir, "certificate*.png"))
	if err != nil || len(images) == 0 {
		t.Fatalf("pdftoppm made no picture: %v", err)
	}
	// On the page the address carries the digest of what is shown.
	onPage := c.VerificationURL + "#" + c.Digest.Value
	for want, files := range map[string][]string{c.VerificationURL: images, onPage: {shot}} {
		out, err := run(t, nil, "zbarimg", append([]string{"--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"}, files...)...)
		if err != nil || !slices.Contains(strings.Fields(out), want) {
			t.Errorf("expected the code %s, found %q (%v)", want, out, err)
		}
	}
}

// TestWallet: a wallet on Digital Bazaar's libraries goes from the interaction URL to the
// credential, by a presentation that it signs with a key of its own.
func TestWallet(t *testing.T) {
	interop.Require(t, "node", "npm")
	s := secure(t)
	p := startPeer(t, s)
	issuer := s.addKind("badge", "eddsa-rdfc-2022", "Ed25519")
	c := s.issue("badge", "CX-1")
	document := s.file(c.Artifacts["vc"].URL)
	begin := func() string {
		a := p.ask(t, object{"op": "exchange", "issuer": issuer, "key": s.key, "credentialId": c.ID})
		if a.Error != "" {
			t.Fatal(a.Error)
		}
		return a.Text
	}
	for name, interaction := range map[string]string{"the page's": s.base + "/interactions/" + c.PublicID + "?iuv=1", "the coordinator's": begin()} {
		a := p.ask(t, object{"op": "wallet", "interaction": interaction})
		var got, want any
		if err := json.Unmarshal(document, &want); err != nil {
			t.Fatal(err)
		}
		if a.Status != 200 || json.Unmarshal(a.Document, &got) != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s exchange: %d %s %s", name, a.Status, a.Error, a.Document)
		}
		if a.Again/100 != 4 {
			t.Errorf("%s exchange: the same presentation again: %d", name, a.Again)
		}
		if v := p.ask(t, object{"op": "verify", "document": a.Document, "suite": "eddsa-rdfc-2022"}); !v.Verified {
			t.Errorf("%s exchange: the wallet refuses what it got: %s", name, v.Error)
		}
		if name == "the coordinator's" {
			exchange := strings.TrimSuffix(interaction[strings.LastIndexByte(interaction, '/')+1:], "?iuv=1")
			if state := p.ask(t, object{"op": "state", "issuer": issuer, "key": s.key, "exchange": exchange}); state.Text != "complete" || state.Holder != a.Holder {
				t.Errorf("expected complete, by %s; found %s, by %s", a.Holder, state.Text, state.Holder)
			}
		}
	}
	for _, tamper := range []string{"challenge", "domain", "holder"} {
		if a := p.ask(t, object{"op": "wallet", "interaction": begin(), "tamper": tamper}); a.Status != 400 || len(a.Document) != 0 {
			t.Errorf("another %s: expected 400, found %d %s", tamper, a.Status, a.Document)
		}
	}

	a := p.ask(t, object{"op": "coordinate", "issuer": issuer, "key": s.key, "credential": object{
		"@context": []string{"https://www.w3.org/ns/credentials/v2"}, "type": []string{"VerifiableCredential"}, "issuer": c.Issuer.ID, "credentialSubject": object{"id": "did:example:zoe"},
	}})
	if a.Status != 201 || !a.Verified {
		t.Errorf("the plane: %d, verified: %v", a.Status, a.Verified)
	}
	if v := p.ask(t, object{"op": "verify", "document": a.Document, "suite": "eddsa-rdfc-2022"}); !v.Verified {
		t.Errorf("what the plane issued is refused: %s", v.Error)
	}
}

// TestWebhooks: the reference library of Standard Webhooks verifies what is delivered, with
// the secret and, after rotations, with every one that was replaced a moment ago.
func TestWebhooks(t *testing.T) {
	interop.Require(t, "node", "npm")
	port := freePort(t)
	s := secure(t, fmt.Sprintf("CHANCERY_WEBHOOKS_PORTS=%d", port), "CHANCERY_WEBHOOKS_INSECURE_LOOPBACK=true")
	p := startPeer(t, s)
	p.ask(t, object{"op": "receiver", "port": port, "path": "/refuses-first"})
	s.addKind("badge", "eddsa-rdfc-2022", "Ed25519")
	var made struct{ ID, SigningSecret string }
	add := func(path string) string {
		s.data("POST", "/v1/webhooks", object{"url": fmt.Sprintf("http://127.0.0.1:%d%s", port, path), "events": []string{"credential.issued", "credential.revoked"}}, &made)
		return made.SigningSecret
	}
	const stranger = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
	first := add("/hook")
	hook := made.ID
	retried := add("/refuses-first")
	wait := func(path string, n int, secrets ...string) []delivery {
		t.Helper()
		for until := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
			a := p.ask(t, object{"op": "received", "path": path, "secrets": secrets})
			if len(a.Deliveries) >= n {
				return a.Deliveries
			}
			if time.Now().After(until) {
				t.Fatalf("%s: expected %d deliveries, found %+v\n%s", path, n, a.Deliveries, s.log)
			}
		}
	}
	s.issue("badge", "CX-1")
	d := wait("/hook", 1, first, stranger)[0]
	if d.Type != "credential.issued" || d.Credential != "CX-1" || d.Retry || !slices.Equal(d.Accepted, []bool{true, false}) || slices.Contains(d.Forged, true) {
		t.Errorf("issued: %+v", d)
	}
	again := wait("/refuses-first", 2, retried, first)
	if again[0].ID != again[1].ID || !again[1].Retry || !slices.Equal(again[1].Accepted, []bool{true, false}) {
		t.Errorf("a delivery and its retry: %+v", again)
	}
	rotated := func() string {
		s.data("POST", "/v1/webhooks/"+hook+"/rotate-secret", nil, &made)
		return made.SigningSecret
	}
	second, third := rotated(), rotated()
	if second == first || second == third || second == "" || third == "" {
		t.Fatal("rotation gives no new secret")
	}
	s.data("POST", "/v1/credentials/CX-1/revoke", object{"reason": "issued by mistake"}, &object{})
	d = wait("/hook", 2, first, second, third, stranger)[1]
	if d.Type != "credential.revoked" || !slices.Equal(d.Accepted, []bool{true, true, true, false}) || slices.Contains(d.Forged, true) {
		t.Errorf("revoked, after two rotations: %+v", d)
	}
}

// TestOpenID: tokens of an OpenID Provider are taken by the rules of the configuration.
func TestOpenID(t *testing.T) {
	interop.Require(t, "node", "npm")
	p := startPeer(t, nil)
	provider := p.ask(t, object{"op": "provider"}).Text
	data := t.TempDir()
	conf := filepath.Join(data, "chancery.toml")
	rule := func(value, tenant, scopes string) string {
		return fmt.Sprintf("[[oidc]]\nissuer = %q\naudience = \"urn:chancery:service\"\nclaim = \"groups\"\nvalue = %q\ntenant = %q\nscopes = [%s]\n", provider, value, tenant, scopes)
	}
	text := fmt.Sprintf("data = %q\n", filepath.Join(data, "data")) + rule("registrars", "gruenau", `"types", "issue", "read"`)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	binary, err := command()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, nil, binary, "tenants", "create", "Universität Grünau", "--id", "gruenau", "--config", conf); err != nil {
		t.Fatalf("tenants create: %v\n%s", err, out)
	}
	s := serve(t, freePort(t), nil, "--config", conf)
	token := func(client, resource string) string {
		return p.ask(t, object{"op": "token", "issuer": provider, "client": client, "resource": resource}).Text
	}
	good := token("registrar", "urn:chancery:service")
	s.key = good
	var me struct {
		Tenant      struct{ ID string }
		Environment string
		Scopes      []string
	}
	s.data("GET", "/v1/me", nil, &me)
	slices.Sort(me.Scopes)
	if me.Tenant.ID != "gruenau" || me.Environment != "test" || !slices.Equal(me.Scopes, []string{"issue", "read", "types"}) {
		t.Errorf("found %+v", me)
	}
	if status, b := s.ask("POST", "/v1/webhooks", good, "application/json", []byte(`{"url":"https://client.example.com/hook","events":["*"]}`)); status != 403 {
		t.Errorf("a scope that the rule does not give: expected 403, found %d: %s", status, b)
	}
	if status, b := s.ask("GET", "/v1/credentials", good, "", nil); status != 200 {
		t.Errorf("a scope that the rule gives: expected 200, found %d: %s", status, b)
	}
	short := token("registrar", "urn:chancery:service:short")
	dot := strings.LastIndexByte(good, '.') + 10
	for name, refused := range map[string]string{
		"another audience":      token("registrar", "urn:another:service"),
		"a group without rule":  token("librarian", "urn:chancery:service"),
		"a changed signature":   good[:dot] + flipped(good[dot]) + good[dot+1:],
		"an audience like ours": short,
	} {
		if status, b := s.ask("GET", "/v1/me", refused, "", nil); status != 401 {
			t.Errorf("%s: expected 401, found %d: %s", name, status, b)
		}
	}
}
