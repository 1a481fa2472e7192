package fuzz

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/testvectors"
	"github.com/chancery-dev/chancery/verifier"
)

// now is when everything here takes place, as in the vectors.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const mostTime = time.Second

// inTime runs f and fails when it takes more than a second. A machine that is busy
// gets two more chances: an input that is slow is slow each time.
func inTime(t *testing.T, f func()) {
	t.Helper()
	var took time.Duration
	for range 3 {
		start := time.Now()
		f()
		if took = time.Since(start); took < mostTime {
			return
		}
	}
	t.Fatalf("took %v", took)
}

// vector is what is needed of the files that testvectors/README.md describes.
type vector struct {
	Name  string          `json:"name"`
	Trust json.RawMessage `json:"trust"`
	Input struct {
		Text   string `json:"text"`
		Base64 []byte `json:"base64"`
	} `json:"input"`
	Expect struct {
		Outcome string `json:"outcome"`
	} `json:"expect"`
}

func (v vector) bytes() []byte {
	if v.Input.Base64 != nil {
		return v.Input.Base64
	}
	return []byte(v.Input.Text)
}

// vectors reads every vector once.
var vectors = sync.OnceValues(func() ([]vector, error) {
	var out []vector
	err := fs.WalkDir(testvectors.FS, "vectors", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := testvectors.FS.ReadFile(path)
		if err != nil {
			return err
		}
		var v vector
		if err := json.Unmarshal(b, &v); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, v)
		return nil
	})
	return out, err
})

func allVectors(tb testing.TB) []vector {
	tb.Helper()
	list, err := vectors()
	if err != nil || len(list) < 100 {
		tb.Fatalf("%d vectors: %v", len(list), err)
	}
	return list
}

// addVectors adds the input of every vector that is text, or every one.
func addVectors(f *testing.F, images bool) {
	for _, v := range allVectors(f) {
		if v.Input.Base64 == nil || images {
			f.Add(v.bytes())
		}
	}
}

// issued makes documents that the vectors do not have, from one fixed key.
func issued() (id string, out [][]byte, err error) {
	seed := sha256.Sum256([]byte("fuzz"))
	private := ed25519.NewKeyFromSeed(seed[:])
	key, err := signer.NewKey(private)
	if err != nil {
		return "", nil, err
	}
	if id, _, err = signer.Identifier(private.Public()); err != nil {
		return "", nil, err
	}
	ctx := context.Background()
	embed := func(suite string) *signer.DataIntegrity {
		return &signer.DataIntegrity{Key: key, Suite: suite, Created: now.AddDate(0, -1, 0)}
	}
	c, err := chancery.Parse([]byte(`{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc35","type":["VerifiableCredential","OpenBadgeCredential"],"name":"Welding","issuer":{"id":"` + id + `","type":["Profile"],"name":"Example Academy"},"validFrom":"2026-01-01T00:00:00Z","credentialSubject":{"id":"did:example:subject","type":["AchievementSubject"],"achievement":{"id":"https://example.com/achievements/welding","type":["Achievement"],"name":"Welding","description":"Welds.","criteria":{"narrative":"Welds seen."},"resultDescription":[{"id":"urn:uuid:0c1","type":["ResultDescription"],"name":"Grade","resultType":"LetterGrade","allowedValue":["A","B","C"]}]},"result":[{"type":["Result"],"resultDescription":"urn:uuid:0c1","value":"B"}]}}`))
	if err != nil {
		return "", nil, err
	}
	var plain chancery.Secured
	for _, suite := range []string{proof.EdDSAJCS2022, proof.EdDSARDFC2022} {
		if plain, err = embed(suite).Sign(ctx, c); err != nil {
			return "", nil, err
		}
		out = append(out, plain.Bytes)
	}
	token, err := (&signer.JOSE{Key: key}).Sign(ctx, c)
	if err != nil {
		return "", nil, err
	}
	out = append(out, token.Bytes)
	for _, s := range []chancery.Secured{plain, token} {
		for _, img := range [][]byte{pixel(), []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>`)} {
			var b bytes.Buffer
			if err := badge.Bake(&b, bytes.NewReader(img), s, badge.BakeOptions{}); err != nil {
				return "", nil, err
			}
			out = append(out, b.Bytes())
		}
	}
	inner := string(plain.Bytes)
	p, err := chancery.ParsePresentation([]byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc36","type":["VerifiablePresentation"],"holder":"` + id + `","verifiableCredential":[` + inner + `]}`))
	if err != nil {
		return "", nil, err
	}
	for _, suite := range []string{proof.EdDSAJCS2022, proof.EdDSARDFC2022} {
		s, err := embed(suite).SignPresentation(ctx, p)
		if err != nil {
			return "", nil, err
		}
		out = append(out, s.Bytes)
	}
	s, err := (&signer.JOSE{Key: key}).SignPresentation(ctx, p)
	return id, append(out, s.Bytes), err
}

func pixel() []byte {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	img.Set(1, 1, color.NRGBA{R: 200, A: 255})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil // then Bake refuses it
	}
	return b.Bytes()
}

// court is a pair of verifiers that trust the issuers of the seeds and nobody else,
// and what they find valid.
type court struct {
	strict, lenient *verifier.Verifier
	texts           [][]byte // documents that are valid
	meanings, lax   *meanings
}

var theCourt = sync.OnceValues(openCourt)

func courtOf(tb testing.TB) *court {
	tb.Helper()
	c, err := theCourt()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func openCourt() (*court, error) {
	list, err := vectors()
	if err != nil {
		return nil, err
	}
	id, made, err := issued()
	if err != nil {
		return nil, err
	}
	trust := &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: id}}}
	named := map[string]bool{id: true}
	for _, v := range list {
		if v.Expect.Outcome != verifier.Valid.String() {
			continue
		}
		own, err := verifier.ParseTrust(v.Trust)
		if err != nil {
			return nil, err
		}
		trust.Documents = append(trust.Documents, own.Documents...)
		ok, err := verify(own, verifier.ProfileStrict, v.bytes())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
		if c := ok.Credential(); c != nil && !named[c.Issuer()] {
			named[c.Issuer()] = true
			trust.Issuers = append(trust.Issuers, verifier.TrustedIssuer{ID: c.Issuer()})
		}
		made = append(made, v.bytes())
	}
	c := &court{meanings: newMeanings(false), lax: newMeanings(true)}
	if c.strict, err = newVerifier(trust, verifier.ProfileStrict); err != nil {
		return nil, err
	}
	if c.lenient, err = newVerifier(trust, verifier.Profile1EdTech); err != nil {
		return nil, err
	}
	for _, b := range made {
		ok, err := c.strict.Verify(context.Background(), chancery.Secured{Bytes: b})
		if err != nil {
			return nil, fmt.Errorf("expected a valid seed, found %w: %s", err, b)
		}
		c.texts = append(c.texts, b)
		c.meanings.add(ok)
		c.lax.add(ok)
	}
	// Seeds that other vectors give may be valid under this trust, with documents of
	// their own that the trusted issuers did sign.
	for _, v := range list {
		s := chancery.Secured{Bytes: v.bytes()}
		if ok, err := c.strict.Verify(context.Background(), s); err == nil {
			c.meanings.add(ok)
		}
		if ok, err := c.lenient.Verify(context.Background(), s); err == nil {
			c.lax.add(ok)
		}
	}
	return c, nil
}

func newVerifier(trust *verifier.Trust, p verifier.Profile) (*verifier.Verifier, error) {
	return verifier.New(verifier.Config{Trust: trust, Policy: verifier.Policy{Profile: p}, Clock: func() time.Time { return now }})
}

func verify(trust *verifier.Trust, p verifier.Profile, b []byte) (*verifier.Verified, error) {
	v, err := newVerifier(trust, p)
	if err != nil {
		return nil, err
	}
	return v.Verify(context.Background(), chancery.Secured{Bytes: b})
}

// judge verifies a document by both verifiers: in time, with a report that can be
// written, and valid only where it means what a seed means.
func (c *court) judge(t *testing.T, s chancery.Secured) {
	t.Helper()
	for _, one := range []struct {
		v *verifier.Verifier
		m *meanings
	}{{c.strict, c.meanings}, {c.lenient, c.lax}} {
		var ok *verifier.Verified
		var err error
		inTime(t, func() { ok, err = one.v.Verify(context.Background(), s) })
		report := (*verifier.Report)(nil)
		var bad *verifier.Error
		switch {
		case err == nil && ok != nil:
			report = ok.Report()
			if !one.m.has(ok) {
				t.Fatalf("%v: valid, and means something else than every seed:\n%s", one.v.Policy().Profile, s.Bytes)
			}
		case ok == nil && errors.As(err, &bad):
			report = bad.Report
		default:
			t.Fatalf("expected a document or an *Error, found both or neither: %v", err)
		}
		if (report.Outcome == verifier.Valid) != (err == nil) {
			t.Fatalf("outcome %v with error %v", report.Outcome, err)
		}
		if j, err := report.MarshalJSON(); err != nil || !json.Valid(j) {
			t.Fatalf("report: %v", err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("message of several lines: %q", err.Error())
		}
	}
}
