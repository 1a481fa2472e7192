package verify_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"image"
	"image/color"
	"image/png"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"rsc.io/qr"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/layout"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/signer/pades"
)

const (
	university = "Universität Grünau"
	office     = "Notariat Weiler" // stamps documents of others
)

// fixture is a small institution: what it issued, and the trust file that goes with it.
type fixture struct {
	dir   string
	trust []byte
	files map[string][]byte
}

func (f *fixture) path(name string) string { return filepath.Join(f.dir, name) }

func (f *fixture) write(tb testing.TB, name string, b []byte) {
	tb.Helper()
	f.files[name] = b
	if err := os.WriteFile(f.path(name), b, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// institution makes the fixture once for all tests.
func institution(tb testing.TB) *fixture {
	tb.Helper()
	made.Do(func() {
		dir, err := os.MkdirTemp("", "chancery-verify-")
		if err != nil {
			tb.Fatal(err)
		}
		f := &fixture{dir: dir, files: map[string][]byte{}}
		f.fill(tb)
		theFixture = f
	})
	if theFixture == nil {
		tb.Fatal("the fixture could not be made")
	}
	return theFixture
}

var (
	made       sync.Once
	theFixture *fixture
)

func must[T any](tb testing.TB) func(T, error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func (f *fixture) fill(tb testing.TB) {
	tb.Helper()
	ctx := context.Background()
	now := time.Now().UTC().Truncate(time.Second).Add(-time.Minute)
	private := must[crypto.Signer](tb)(signer.Generate(signer.Ed25519))
	key := must[signer.Key](tb)(signer.NewKey(private))
	did, _, err := signer.Identifier(private.Public())
	if err != nil {
		tb.Fatal(err)
	}
	const listURL = "https://gruenau.example/status/1"
	list := must[*signer.StatusList](tb)(signer.NewStatusList(signer.StatusConfig{ID: listURL, Purpose: "revocation"}))
	sign := &signer.DataIntegrity{Key: key, Created: now}
	secured := must[chancery.Secured](tb)
	index := 0 // in the status list
	issue := func(name string) []byte {
		index = must[int](tb)(list.Allocate())
		entry := must[[]byte](tb)(list.EntryText(index))
		draft := badge.Draft{View: badge.View{
			Kind: badge.OB3Achievement, Name: "Bachelor of Science",
			Issuer:       badge.Party{ID: did, Name: university, URL: "https://gruenau.example/"},
			Subject:      badge.Party{ID: "https://gruenau.example/students/" + name},
			Achievements: []badge.Achievement{{ID: "https://gruenau.example/achievements/bsc", Type: "BachelorDegree", Name: "Bachelor of Science", Description: "A first degree.", CriteriaNarrative: "180 credits."}},
			AwardedDate:  "2026-06-30T10:00:00Z",
		}}
		text := must[[]byte](tb)(draft.JSON())
		doc := must[*strictjson.Doc](tb)(strictjson.Parse(text, strictjson.Limits{}))
		text = doc.Rewrite(0, []strictjson.Member{{Name: "credentialStatus", Value: string(entry)}})
		return secured(sign.Sign(ctx, must[*chancery.Credential](tb)(chancery.FillDraft(text, chancery.Defaults{Issuer: did, ValidFrom: time.Date(2026, 6, 30, 10, 0, 0, 0, time.UTC), Random: rand.Reader})))).Bytes
	}
	valid, revoked := issue("1"), issue("2")
	if err := list.Set(index, 1); err != nil {
		tb.Fatal(err)
	}
	credential := must[*chancery.Credential](tb)(list.Credential(signer.StatusPublication{Issuer: did, ValidFrom: now, ValidUntil: now.AddDate(1, 0, 0)}))
	listBytes := secured(sign.Sign(ctx, credential)).Bytes

	stranger := must[signer.Key](tb)(signer.NewKey(must[crypto.Signer](tb)(signer.Generate(signer.Ed25519))))
	strangerDID, _, err := signer.Identifier(stranger.Signer.Public())
	if err != nil {
		tb.Fatal(err)
	}
	over := `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":{"id":"` + strangerDID + `","name":"` + university + `"},"validFrom":"2020-01-01T00:00:00Z","validUntil":"2021-01-01T00:00:00Z","credentialSubject":{"id":"urn:x:1"}}`
	f.write(tb, "stranger.json", secured((&signer.DataIntegrity{Key: stranger, Created: now}).Sign(ctx, must[*chancery.Credential](tb)(chancery.Parse([]byte(over))))).Bytes)
	f.write(tb, "valid.json", valid)
	f.write(tb, "revoked.json", revoked)
	f.write(tb, "tampered.json", bytes.Replace(valid, []byte("Bachelor of Science"), []byte("Doctor of Philosophy"), 1))
	var picture, baked bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 64, 64))); err != nil {
		tb.Fatal(err)
	}
	if err := badge.Bake(&baked, bytes.NewReader(picture.Bytes()), chancery.Secured{MediaType: chancery.MediaVC, Bytes: valid}, badge.BakeOptions{}); err != nil {
		tb.Fatal(err)
	}
	f.write(tb, "badge.png", baked.Bytes())
	roots, tsaRoot, tsa := f.pdf(tb, now, valid)
	f.write(tb, "thesis.txt", []byte("On the lichens of the northern fells.\n"))
	f.write(tb, "other.txt", []byte("Something else.\n"))
	f.evidence(tb, did, key, tsa, now, "thesis.txt", "evidence.cbor")
	notary := must[signer.Key](tb)(signer.NewKey(must[crypto.Signer](tb)(signer.Generate(signer.Ed25519))))
	notaryDID, _, err := signer.Identifier(notary.Signer.Public())
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range []string{"valid.json", "revoked.json", "tampered.json", "stranger.json", "changed.pdf", "thesis.txt"} {
		f.evidence(tb, notaryDID, notary, tsa, now, name, name+".stamp")
	}
	f.code(tb, "https://elsewhere.example/c/Zk3rW8#abc", "code.png")
	quote := strictjson.Quote
	f.trust = []byte(`{"version":1,"issuers":[{"id":` + quote(did) + `,"name":` + quote(university) + `},{"id":` + quote(notaryDID) + `,"name":` + quote(office) + `}],"documents":[{"url":` + quote(listURL) +
		`,"kind":"statusList","fetchedAt":` + quote(now.Format(time.RFC3339)) + `,"text":` + quote(string(listBytes)) + `}],"roots":[` + quote(pemOf(roots)) + `],"tsaRoots":[` + quote(pemOf(tsaRoot)) + `]}`)
	f.write(tb, "trust.json", f.trust)
}

func pemOf(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

type authority struct{ *testca.Authority }

func (a authority) Revocation(_ context.Context, cert, _ *x509.Certificate) (pades.Revocation, error) {
	response, err := a.OCSP(testca.OCSPConfig{}, cert)
	return pades.Revocation{OCSP: [][]byte{response}}, err
}

// pdf writes a sealed certificate page with the credential inside.
func (f *fixture) pdf(tb testing.TB, now time.Time, credential []byte) (root, tsaRoot *x509.Certificate, tsa *pades.LocalTSA) {
	tb.Helper()
	clock := func() time.Time { return now }
	ca := must[*testca.Authority](tb)(testca.NewRoot(testca.Config{Clock: clock, Subject: pkix.Name{CommonName: "Timestamping root"}}))
	leaf := must[*testca.Leaf](tb)(ca.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Timestamping authority"}}))
	tsa = must[*pades.LocalTSA](tb)(pades.NewLocalTSA(pades.LocalTSAConfig{Key: leaf.Key, Chain: append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...), Clock: clock}))
	key := must[crypto.Signer](tb)(signer.Generate(signer.P256))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Registrar", Organization: []string{university}}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment, UnknownExtKeyUsage: []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 36}},
	}
	root = must[*x509.Certificate](tb)(x509.ParseCertificate(must[[]byte](tb)(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))))
	renderer := must[*layout.Renderer](tb)(layout.New(layout.Config{}))
	page := must[*layout.Template](tb)(layout.Builtin(layout.Diploma, "A4-landscape"))
	box := page.SignatureBoxes()[0].Name
	b := must[[]byte](tb)(renderer.Render(context.Background(), page, layout.Fields{Text: map[string]string{"institution": university, "recipient": "Zoë Ångström", "achievement": "Bachelor of Science", "date": "30 June 2026"}}, layout.Options{
		Credential: credential, CredentialMediaType: chancery.MediaVC, VerifyURL: "https://gruenau.example/c/1", ID: "GRN20260001", Lang: "en", Title: "Diploma", Author: university, Created: now, SignatureField: box,
	}))
	var out bytes.Buffer
	s := &pades.Signer{Key: key, Chain: []*x509.Certificate{root}, Level: pades.LevelLTA, TSA: tsa, Revocation: authority{ca}, Clock: clock}
	if _, err := s.Sign(context.Background(), bytes.NewReader(b), int64(len(b)), &out, pades.Request{Field: box, Certify: pades.NoChanges, Visible: &pades.Appearance{}}); err != nil {
		tb.Fatal(err)
	}
	f.write(tb, "diploma.pdf", out.Bytes())
	changed := bytes.Clone(out.Bytes())
	changed[bytes.Index(changed, []byte("(Registrar)"))+2] = 'a'
	f.write(tb, "changed.pdf", changed)
	return root, ca.Certificate, tsa
}

type tokens struct{ tsa *pades.LocalTSA }

func (t tokens) Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) ([]byte, error) {
	stamp, err := t.tsa.Timestamp(ctx, hash, digest)
	if err != nil {
		return nil, err
	}
	return stamp.Token, nil
}

// evidence writes evidence on a document, with a timestamp.
func (f *fixture) evidence(tb testing.TB, did string, key signer.Key, tsa *pades.LocalTSA, now time.Time, document, name string) {
	tb.Helper()
	ctx := context.Background()
	clock := func() time.Time { return now }
	store := anchor.NewMemStore()
	batcher := must[*anchor.Batcher](tb)(anchor.NewBatcher(anchor.BatcherConfig{Store: store, Issuer: did, Key: key.Signer, Method: key.Method, Promise: []string{evidence.PromiseTimestamp}, Clock: clock}))
	digest := must[[]byte](tb)(evidence.SumDigest("sha-256", f.files[document]))
	if _, err := batcher.Add(ctx, anchor.Item{ID: "it", Subject: must[evidence.Subject](tb)(anchor.Stamp("", "sha-256", digest))}); err != nil {
		tb.Fatal(err)
	}
	must[*anchor.Record](tb)(batcher.Seal(ctx))
	anchorer := must[*anchor.Anchorer](tb)(anchor.NewAnchorer(anchor.AnchorerConfig{Store: store, Timestamper: tokens{tsa}, Clock: clock}))
	if err := anchorer.Step(ctx); err != nil {
		tb.Fatal(err)
	}
	bundle := must[*evidence.Bundle](tb)((&anchor.Prover{Store: store}).Bundle(ctx, "it", nil))
	f.write(tb, name, must[[]byte](tb)(bundle.Encode()))
}

// code writes a picture of a QR code.
func (f *fixture) code(tb testing.TB, text, name string) {
	tb.Helper()
	c := must[*qr.Code](tb)(qr.Encode(text, qr.M))
	const scale = 6
	size := (c.Size + 8) * scale
	img := image.NewGray(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			v := color.Gray{255}
			if c.Black(x/scale-4, y/scale-4) {
				v = color.Gray{}
			}
			img.SetGray(x, y, v)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		tb.Fatal(err)
	}
	f.write(tb, name, b.Bytes())
}
