package verifier_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"
	"unicode/utf8"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/testvectors"
	"github.com/chancery-dev/chancery/verifier"
)

var update = flag.Bool("update", false, "write testvectors/vectors anew")

// vectorFile is the form that testvectors/README.md describes.
type vectorFile struct {
	Name        string             `json:"name"`
	Source      string             `json:"source"`
	At          time.Time          `json:"at"`
	Profile     string             `json:"profile"`
	Insecure    []string           `json:"insecure,omitempty"`
	Expectation *vectorExpectation `json:"expectation,omitempty"`
	Trust       json.RawMessage    `json:"trust"`
	Input       vectorInput        `json:"input"`
	Expect      vectorOutcome      `json:"expect"`
}

type vectorExpectation struct {
	Domain        string `json:"domain,omitempty"`
	Challenge     string `json:"challenge,omitempty"`
	Recipient     string `json:"recipient,omitempty"`
	RecipientType string `json:"recipientType,omitempty"`
}

type vectorInput struct {
	Text   string `json:"text,omitempty"`
	Base64 []byte `json:"base64,omitempty"`
}

type vectorOutcome struct {
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`
}

// maxVectorInput keeps hostile giants out of the files; the tables have them.
const maxVectorInput = 64 << 10

// trustText writes a Trust made in code as a trust file.
func trustText(tb testing.TB, t *verifier.Trust) json.RawMessage {
	tb.Helper()
	m := map[string]any{"version": 1}
	if t.Any {
		m["any"] = true
	}
	instant := func(to map[string]any, name string, at time.Time) {
		if !at.IsZero() {
			to[name] = at.UTC().Format(time.RFC3339)
		}
	}
	text := func(to map[string]any, name, value string) {
		if value != "" {
			to[name] = value
		}
	}
	var issuers, documents, contexts []any
	for _, i := range t.Issuers {
		issuer := map[string]any{"id": i.ID}
		text(issuer, "name", i.Name)
		var keys []any
		for _, k := range i.Keys {
			key := map[string]any{}
			text(key, "method", k.Method)
			if k.Purposes != nil {
				key["purposes"] = k.Purposes
			}
			instant(key, "from", k.From)
			instant(key, "until", k.Until)
			instant(key, "revoked", k.Revoked)
			if k.History {
				key["history"] = true
			}
			if s, err := multikey.Encode(k.Key); err == nil {
				key["publicKeyMultibase"] = s
			} else if jwk, err := multikey.EncodePublicJWK(k.Key); err == nil {
				key["publicKeyJwk"] = json.RawMessage(jwk)
			} else {
				tb.Fatal(err)
			}
			keys = append(keys, key)
		}
		if keys != nil {
			issuer["keys"] = keys
		}
		issuers = append(issuers, issuer)
	}
	for _, d := range t.Documents {
		document := map[string]any{"url": d.URL, "kind": d.Kind, "text": string(d.Document)}
		instant(document, "fetchedAt", d.FetchedAt)
		documents = append(documents, document)
	}
	for _, c := range t.Contexts {
		contexts = append(contexts, map[string]any{"url": c.URL, "sha256": hex.EncodeToString(c.Published[:]), "text": c.Doc.Text()})
	}
	for name, list := range map[string][]any{"issuers": issuers, "documents": documents, "contexts": contexts} {
		if list != nil {
			m[name] = list
		}
	}
	var roots []string
	for _, r := range t.Roots {
		roots = append(roots, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Raw})))
	}
	if roots != nil {
		m["roots"] = roots
	}
	b, err := json.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// insecureSwitches are the switches of a Policy that a vector can name.
func insecureSwitches(p *verifier.Policy) map[string]*bool {
	return map[string]*bool{
		"InsecureAnyProof":          &p.InsecureAnyProof,
		"InsecureNoIssuerBinding":   &p.InsecureNoIssuerBinding,
		"InsecureAcceptStaleStatus": &p.InsecureAcceptStaleStatus,
		"InsecureNoStatus":          &p.InsecureNoStatus,
	}
}

// newVector writes a case as a vector; ok is false where the case needs more than a
// file can hold: a source that fails, a context that ends, a giant.
func newVector(tb testing.TB, name string, s chancery.Secured, trust *verifier.Trust, policy verifier.Policy, want verifier.Reason) (vectorFile, bool) {
	tb.Helper()
	if len(s.Bytes) > maxVectorInput {
		return vectorFile{}, false
	}
	v := vectorFile{Name: name, Source: "chancery", At: now, Profile: policy.Profile.String(), Trust: trustText(tb, trust)}
	for name, on := range insecureSwitches(&policy) {
		if *on {
			v.Insecure = append(v.Insecure, name)
		}
	}
	slices.Sort(v.Insecure)
	if e := policy.Expect; e != (verifier.Expect{}) {
		v.Expectation = &vectorExpectation{e.Domain, e.Challenge, e.Recipient.Identity, e.Recipient.Type}
	}
	if utf8.Valid(s.Bytes) {
		v.Input.Text = string(s.Bytes)
	} else {
		v.Input.Base64 = s.Bytes
	}
	v.Expect = vectorOutcome{verifier.Valid.String(), ""}
	if want != "" {
		v.Expect = vectorOutcome{want.Outcome().String(), string(want)}
	}
	// A document that says what it is by its media type alone is another matter than
	// one told by content; only those that come to the same are vectors.
	return v, v.run(tb) == v.Expect
}

// run judges a vector through the library.
func (v vectorFile) run(tb testing.TB) vectorOutcome {
	tb.Helper()
	trust, err := verifier.ParseTrust(v.Trust)
	if err != nil {
		tb.Fatalf("%s: %v", v.Name, err)
	}
	profile, err := verifier.ParseProfile(v.Profile)
	if err != nil {
		tb.Fatal(err)
	}
	policy := verifier.Policy{Profile: profile}
	for _, name := range v.Insecure {
		*insecureSwitches(&policy)[name] = true
	}
	if e := v.Expectation; e != nil {
		policy.Expect = verifier.Expect{Domain: e.Domain, Challenge: e.Challenge, Recipient: verifier.Recipient{Identity: e.Recipient, Type: e.RecipientType}}
	}
	checker, err := verifier.New(verifier.Config{Trust: trust, Policy: policy, Clock: clockAt(v.At)})
	if err != nil {
		return vectorOutcome{Outcome: err.Error()}
	}
	b := v.Input.Base64
	if b == nil {
		b = []byte(v.Input.Text)
	}
	s, err := chancery.Detect(b)
	if err != nil {
		s = chancery.Secured{Bytes: b}
	}
	_, err = checker.Verify(context.Background(), s)
	var bad *verifier.Error
	if err == nil {
		return vectorOutcome{verifier.Valid.String(), ""}
	}
	if !errors.As(err, &bad) {
		tb.Fatalf("%s: %v", v.Name, err)
	}
	return vectorOutcome{bad.Report.Outcome.String(), string(bad.Reason)}
}

// vectorFiles makes every vector anew, by path.
func vectorFiles(t *testing.T) map[string][]byte {
	t.Helper()
	cryptotest.SetGlobalRandom(t, 1)
	files := map[string][]byte{}
	add := func(area string, v vectorFile) {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		path := "vectors/" + area + "/" + slug(v.Name) + ".json"
		if _, twice := files[path]; twice {
			t.Errorf("%s: two vectors of this name", path)
		}
		files[path] = b.Bytes()
	}
	for _, g := range goldens(t) {
		trust := g.trust
		if trust == nil {
			trust = verifier.TrustAny()
		}
		v, ok := newVector(t, g.name, chancery.Secured{Bytes: []byte(g.text)}, trust, verifier.Policy{Expect: g.expect}, "")
		if !ok {
			t.Errorf("%s: not valid as a vector", g.name)
		}
		add("valid", v)
	}
	for _, c := range allRefusals(t) {
		if c.config != nil || c.ctx != nil {
			continue
		}
		trust := c.trust
		if trust == nil {
			trust = verifier.TrustAny()
		}
		copied := *trust
		copied.Documents = append(slices.Clone(trust.Documents), c.docs...)
		if v, ok := newVector(t, c.name, c.s, &copied, c.policy, c.want); ok {
			add(c.want.Info().Area, v)
		}
	}
	return files
}

// slug makes a file name of a flaw.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '+' || r == '.':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}

// TestVectorFiles: the files are those that the tables of this package give, they get
// the verdict they name, every Reason a file can bring about has one, and negative ones
// outnumber positive ones.
func TestVectorFiles(t *testing.T) {
	want := vectorFiles(t)
	root := filepath.Join("..", "testvectors")
	if *update {
		if err := os.RemoveAll(filepath.Join(root, "vectors")); err != nil {
			t.Fatal(err)
		}
		for path, b := range want {
			path = filepath.Join(root, filepath.FromSlash(path))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	valid, invalid := 0, 0
	reasons := map[string]int{}
	err := fs.WalkDir(testvectors.FS, "vectors", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := testvectors.FS.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Equal(b, want[path]) {
			t.Errorf("%s differs from what the tables give: run with -update", path)
		}
		delete(want, path)
		var v vectorFile
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		if got := v.run(t); got != v.Expect {
			t.Errorf("%s: expected %v, found %v", path, v.Expect, got)
		}
		reasons[v.Expect.Reason]++
		if v.Expect.Reason == "" {
			valid++
		} else {
			invalid++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path := range want {
		t.Errorf("%s is missing: run with -update", path)
	}
	if invalid < 2*valid {
		t.Errorf("expected negative vectors to outnumber positive ones, found %d and %d", invalid, valid)
	}
	for _, row := range verifier.Reasons() {
		if ownAreas[row.Area] && reasons[string(row.Code)] == 0 && !needsMore[row.Code] {
			t.Errorf("%s: no vector", string(row.Code))
		}
	}
	t.Logf("%d vectors: %d valid, %d not, %d reasons", valid+invalid, valid, invalid, len(reasons)-1)
}

// needsMore are the Reasons that a file alone cannot bring about: they need a source
// that fails, a call that is stopped, or a document of many megabytes.
var needsMore = map[verifier.Reason]bool{
	verifier.TooLarge: true, verifier.Canceled: true, verifier.NotFound: true, verifier.KeyUnreachable: true,
}
