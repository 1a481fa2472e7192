// Package vc_test runs this module against Digital Bazaar's libraries and jose.
package vc_test

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/testvectors/interop"
	"github.com/chancery-dev/chancery/verifier"
)

var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// peer is a running peer.mjs.
type peer struct {
	in  io.Writer
	out *bufio.Reader
}

func startPeer(t *testing.T) *peer {
	t.Helper()
	dir := interop.NPM(t, ".", "peer.mjs")
	cmd := exec.Command("node", "peer.mjs")
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		if t.Failed() && complaints.Len() > 0 {
			t.Logf("peer: %s", complaints.String())
		}
	})
	p := &peer{in, bufio.NewReaderSize(out, 1<<20)}
	documents := map[string]json.RawMessage{}
	set := ldcontext.Default()
	for _, url := range set.URLs() {
		documents[url] = json.RawMessage(set.Versions(url)[0].Doc.Text())
	}
	p.ask(t, map[string]any{"op": "contexts", "documents": documents})
	return p
}

type answer struct {
	Failed      string
	Document    json.RawMessage
	Verified    bool
	Error       string
	Text        string
	Payload     string
	Set         bool
	Length      int
	EncodedList string
}

// ask has the peer do something that it must be able to.
func (p *peer) ask(t *testing.T, request map[string]any) answer {
	t.Helper()
	a := p.try(t, request)
	if a.Failed != "" {
		t.Fatalf("peer: %v: %s", request["op"], a.Failed)
	}
	return a
}

// try has the peer do something that it may refuse.
func (p *peer) try(t *testing.T, request map[string]any) answer {
	t.Helper()
	b, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		t.Fatal(err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

type suiteCase struct {
	suite string
	alg   signer.Algorithm
}

var suites = []suiteCase{
	{proof.EdDSARDFC2022, signer.Ed25519}, {proof.EdDSAJCS2022, signer.Ed25519}, {proof.TypeEd25519Signature2020, signer.Ed25519},
	{proof.ECDSARDFC2019, signer.P256}, {proof.ECDSARDFC2019, signer.P384},
	{proof.ECDSAJCS2019, signer.P256}, {proof.ECDSAJCS2019, signer.P384},
}

func newKey(t *testing.T, alg signer.Algorithm) (signer.Key, map[string]string) {
	t.Helper()
	private, err := signer.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signer.NewKey(private)
	if err != nil {
		t.Fatal(err)
	}
	public, err := multikey.Encode(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	secret, err := multikey.EncodeSecret(private)
	if err != nil {
		t.Fatal(err)
	}
	multi := map[string]string{"id": key.Method, "controller": "did:key:" + public, "publicKeyMultibase": public, "secretKeyMultibase": secret}
	if k, ok := private.(ed25519.PrivateKey); ok { // the older form: seed and public key
		multi["privateKeyMultibase"] = multikey.EncodeMultibase58(append([]byte{0x80, 0x26}, k...))
	}
	return key, multi
}

// drafts are unsigned credentials of several kinds.
func drafts(issuer string) map[string]string {
	return map[string]string{
		"VC 2.0": `{"@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/examples/v2"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33","type":["VerifiableCredential","ExampleAlumniCredential"],"name":"Alumni","issuer":"` + issuer + `","validFrom":"2026-01-01T00:00:00Z","credentialSubject":{"id":"did:example:abc","alumniOf":"Grün & Söhne 数学"}}`,
		// Without an inline context: the JCS peers compare contexts by identity of the
		// objects, so that one inline context is never equal to another.
		"VC 1.1": `{"@context":["https://www.w3.org/2018/credentials/v1","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json","https://w3id.org/security/data-integrity/v2"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc34","type":["VerifiableCredential","OpenBadgeCredential"],"name":"Teamwork","issuer":{"id":"` + issuer + `","type":["Profile"],"name":"Example Academy"},"issuanceDate":"2026-01-01T00:00:00Z","credentialSubject":{"id":"did:example:abc","type":["AchievementSubject"],"achievement":{"id":"https://academy.example/achievements/team","type":["Achievement"],"name":"Teamwork","description":"Works well with others.","criteria":{"narrative":"Peer review."}}}}`,
		"Open Badge": `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc35","type":["VerifiableCredential","OpenBadgeCredential"],"name":"Teamwork","issuer":{"id":"` + issuer + `","type":["Profile"],"name":"Example Academy","url":"https://academy.example/"},"validFrom":"2026-01-01T00:00:00Z","awardedDate":"2026-01-01T00:00:00Z",
			"credentialSubject":{"type":["AchievementSubject"],"identifier":[{"type":"IdentityObject","hashed":true,"identityHash":"sha256$b5809d8a92f8858436d7e6b87c12ebc0ae1eac4baecc2c0b913aee2c922ef399","identityType":"emailAddress","salt":"Kosher"}],
			"result":[{"type":["Result"],"resultDescription":"urn:uuid:r1","value":"A"}],
			"achievement":{"id":"https://academy.example/achievements/team","type":["Achievement"],"name":"Teamwork","description":"Works well with others.","achievementType":"Competency","criteria":{"narrative":"Peer review of *three* projects."},"tag":["team","project"],
			"alignment":[{"type":["Alignment"],"targetName":"Collaboration","targetUrl":"https://skills.example/collaboration"}],
			"resultDescription":[{"id":"urn:uuid:r1","type":["ResultDescription"],"name":"Grade","resultType":"LetterGrade","allowedValue":["A","B","C"],"requiredValue":"C"}]}}}`,
	}
}

func newVerifier(t *testing.T, docs ...verifier.PinnedDocument) *verifier.Verifier {
	t.Helper()
	trust := verifier.TrustAny()
	trust.Documents = docs
	v, err := verifier.New(verifier.Config{Trust: trust, Clock: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func outcome(t *testing.T, v *verifier.Verifier, b []byte) (verifier.Outcome, string) {
	t.Helper()
	s, err := chancery.Detect(b)
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(context.Background(), s)
	var bad *verifier.Error
	if errors.As(err, &bad) {
		return bad.Report.Outcome, err.Error()
	}
	return verifier.Valid, ""
}

// tampered changes one value that means something.
func tampered(t *testing.T, b []byte) []byte {
	t.Helper()
	for old, changed := range map[string]string{"Grün & Söhne": "Grun & Sohne", "Example University": "Other University", "Works well with others.": "Works badly with others.", "Grün \\u0026 Söhne": "Grun"} {
		if strings.Contains(string(b), old) {
			return []byte(strings.Replace(string(b), old, changed, 1))
		}
	}
	t.Fatal("nothing to change")
	return nil
}

func TestCredentials(t *testing.T) {
	p := startPeer(t)
	v := newVerifier(t)
	cells := 0
	for _, sc := range suites {
		key, multi := newKey(t, sc.alg)
		for name, draft := range drafts(multi["controller"]) {
			if sc.suite == proof.TypeEd25519Signature2020 {
				// The suite's terms come from a context of its own, which does not go with
				// the data model 2.0's or data-integrity's.
				draft = strings.Replace(draft, "https://w3id.org/security/data-integrity/v2", "https://w3id.org/security/suites/ed25519-2020/v1", 1)
				if name != "VC 1.1" {
					continue
				}
			}
			t.Run(fmt.Sprintf("%s %s %s", sc.suite, sc.alg, name), func(t *testing.T) {
				c, err := chancery.Parse([]byte(draft))
				if err != nil {
					t.Fatal(err)
				}
				s := &signer.DataIntegrity{Key: key, Suite: sc.suite, Created: at.Add(-time.Hour)}
				ours, err := s.Sign(context.Background(), c)
				if err != nil {
					t.Fatal(err)
				}
				request := map[string]any{"op": "verify", "suite": sc.suite, "now": at.Format(time.RFC3339), "document": json.RawMessage(ours.Bytes)}
				if a := p.ask(t, request); !a.Verified {
					t.Errorf("peer refuses ours: %s", a.Error)
				}
				request["document"] = json.RawMessage(tampered(t, ours.Bytes))
				if a := p.ask(t, request); a.Verified {
					t.Error("peer accepts ours, tampered")
				}
				theirs := p.ask(t, map[string]any{"op": "issue", "suite": sc.suite, "key": multi, "created": at.Add(-time.Hour).Format(time.RFC3339), "document": json.RawMessage(draft)}).Document
				if got, why := outcome(t, v, theirs); got != verifier.Valid {
					t.Errorf("we refuse theirs: %s\n%s", why, theirs)
				}
				if got, _ := outcome(t, v, tampered(t, theirs)); got != verifier.Invalid {
					t.Errorf("theirs, tampered: expected invalid, found %v", got)
				}
				cells += 4
			})
		}
	}
	t.Logf("%d checks", cells)
}

func TestPresentations(t *testing.T) {
	p := startPeer(t)
	v := newVerifier(t)
	for _, sc := range []suiteCase{{proof.EdDSARDFC2022, signer.Ed25519}, {proof.ECDSARDFC2019, signer.P256}} {
		t.Run(sc.suite, func(t *testing.T) {
			key, multi := newKey(t, sc.alg)
			c, err := chancery.Parse([]byte(drafts(multi["controller"])["VC 2.0"]))
			if err != nil {
				t.Fatal(err)
			}
			credential, err := (&signer.DataIntegrity{Key: key, Suite: sc.suite, Created: at.Add(-time.Hour)}).Sign(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			text := `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"` + multi["controller"] + `","verifiableCredential":[` + string(credential.Bytes) + `]}`
			presentation, err := chancery.ParsePresentation([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			s := &signer.DataIntegrity{Key: key, Suite: sc.suite, Created: at.Add(-time.Minute), Challenge: "c-17", Domain: []string{"registrar.example"}}
			ours, err := s.SignPresentation(context.Background(), presentation)
			if err != nil {
				t.Fatal(err)
			}
			request := map[string]any{"op": "verifyPresentation", "suite": sc.suite, "now": at.Format(time.RFC3339), "challenge": "c-17", "domain": "registrar.example", "document": json.RawMessage(ours.Bytes)}
			if a := p.ask(t, request); !a.Verified {
				t.Errorf("peer refuses ours: %s", a.Error)
			}
			request["challenge"] = "c-18"
			if a := p.ask(t, request); a.Verified {
				t.Error("peer accepts another challenge")
			}
			theirs := p.ask(t, map[string]any{"op": "present", "suite": sc.suite, "key": multi, "created": at.Add(-time.Minute).Format(time.RFC3339), "challenge": "c-17", "domain": "registrar.example", "document": json.RawMessage(text)}).Document
			_, err = v.VerifyExpecting(context.Background(), chancery.Secured{MediaType: chancery.MediaVP, Bytes: theirs}, verifier.Expect{Challenge: "c-17", Domain: "registrar.example"})
			if err != nil {
				t.Errorf("we refuse theirs: %v", err)
			}
			_, err = v.VerifyExpecting(context.Background(), chancery.Secured{MediaType: chancery.MediaVP, Bytes: theirs}, verifier.Expect{Challenge: "c-18", Domain: "registrar.example"})
			if !errors.Is(err, verifier.ChallengeMismatch) {
				t.Errorf("expected another challenge to be refused, found %v", err)
			}
		})
	}
}

func TestJWT(t *testing.T) {
	p := startPeer(t)
	for alg, jose := range map[signer.Algorithm]proof.Alg{signer.Ed25519: "EdDSA", signer.P256: "ES256", signer.P384: "ES384", signer.RSA2048: "RS256"} {
		t.Run(string(jose), func(t *testing.T) {
			private, err := signer.Generate(alg)
			if err != nil {
				t.Fatal(err)
			}
			key, err := signer.NewKey(private)
			if err != nil {
				t.Fatal(err)
			}
			issuer, _, err := signer.Identifier(private.Public())
			if err != nil {
				t.Fatal(err)
			}
			draft := drafts(issuer)["VC 2.0"]
			c, err := chancery.Parse([]byte(draft))
			if err != nil {
				t.Fatal(err)
			}
			ours, err := (&signer.JOSE{Key: key, Alg: jose}).Sign(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			public, err := multikey.EncodePublicJWK(private.Public())
			if err != nil {
				t.Fatal(err)
			}
			request := map[string]any{"op": "verifyJWS", "text": string(ours.Bytes), "jwk": json.RawMessage(public), "alg": jose}
			if a := p.ask(t, request); !a.Verified || a.Payload != draft {
				t.Errorf("peer refuses ours: %s", a.Error)
			}
			request["text"] = flipped(string(ours.Bytes))
			if a := p.ask(t, request); a.Verified {
				t.Error("peer accepts ours, tampered")
			}
			v := newVerifier(t)
			theirs := p.ask(t, map[string]any{"op": "signJWS", "text": draft, "jwk": privateJWK(t, private), "header": map[string]any{"alg": jose, "typ": "vc+jwt", "cty": "vc", "kid": key.Method}}).Text
			if got, why := outcome(t, v, []byte(theirs)); got != verifier.Valid {
				t.Errorf("we refuse theirs: %s", why)
			}
			if got, _ := outcome(t, v, []byte(flipped(theirs))); got == verifier.Valid {
				t.Error("theirs, tampered: found valid")
			}
		})
	}
}

// flipped changes a character in the middle of a JWS's payload.
func flipped(jws string) string {
	parts := strings.Split(jws, ".")
	b := []byte(parts[1])
	if i := len(b) / 2; b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return parts[0] + "." + string(b) + "." + parts[2]
}

func TestStatusList(t *testing.T) {
	p := startPeer(t)
	list, err := signer.NewStatusList(signer.StatusConfig{ID: "https://academy.example/status/1", Purpose: "revocation"})
	if err != nil {
		t.Fatal(err)
	}
	var given []int
	for range 20 {
		i, err := list.Allocate()
		if err != nil {
			t.Fatal(err)
		}
		given = append(given, i)
	}
	if err := list.Set(given[3], 1); err != nil {
		t.Fatal(err)
	}
	encoded, err := list.EncodedList()
	if err != nil {
		t.Fatal(err)
	}
	for n, i := range given {
		// The peer's decoder takes the list without its multibase prefix, or with it,
		// depending on the release; the value itself is the same.
		a := p.ask(t, map[string]any{"op": "statusOf", "encodedList": encoded, "index": i})
		if a.Set != (n == 3) || a.Length != list.Len() {
			t.Errorf("index %d: peer reads %v of %d", i, a.Set, a.Length)
		}
	}

	// Theirs, signed by us, decides over a credential of ours.
	key, multi := newKey(t, signer.Ed25519)
	theirs := p.ask(t, map[string]any{"op": "makeList", "length": 131072, "set": []int{7}}).EncodedList
	sign := func(text string) string {
		c, err := chancery.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		s, err := (&signer.DataIntegrity{Key: key, Created: at.Add(-time.Hour)}).Sign(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		return string(s.Bytes)
	}
	signed := sign(`{"@context":["https://www.w3.org/ns/credentials/v2"],"id":"https://academy.example/status/2","type":["VerifiableCredential","BitstringStatusListCredential"],"issuer":"` + multi["controller"] + `","validFrom":"2026-01-01T00:00:00Z","credentialSubject":{"id":"https://academy.example/status/2#list","type":"BitstringStatusList","statusPurpose":"revocation","encodedList":"` + theirs + `"}}`)
	v := newVerifier(t, verifier.PinnedDocument{URL: "https://academy.example/status/2", Kind: verifier.KindStatusList, Document: []byte(signed)})
	for index, want := range map[string]verifier.Outcome{"6": verifier.Valid, "7": verifier.Invalid} {
		text := sign(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"` + multi["controller"] + `","validFrom":"2026-01-01T00:00:00Z","credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"` + index + `","statusListCredential":"https://academy.example/status/2"},"credentialSubject":{"id":"did:example:abc"}}`)
		if got, why := outcome(t, v, []byte(text)); got != want {
			t.Errorf("index %s: expected %v, found %v: %s", index, want, got, why)
		}
	}
}

// privateJWK writes a private key as jose reads it.
func privateJWK(t *testing.T, key crypto.Signer) json.RawMessage {
	t.Helper()
	b, err := jwkOf(key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
