package pades

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crypto/x509"

	"github.com/chancery-dev/chancery/internal/layout"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/testvectors/interop"
	"github.com/chancery-dev/chancery/testvectors/interop/pdfa"
)

// TestRenewed renews files of every kind twice, without their key: validators see B-LTA.
func TestRenewed(t *testing.T) {
	interop.Require(t)
	s := newSuite(t, padestest.RSA2048)
	r := &pades.Renewal{TSA: s.world.TSA, Revocation: s.world, Clock: s.world.Clock, Anchors: []*x509.Certificate{s.world.Root.Certificate, s.world.TSARoot.Certificate}}
	for _, in := range s.world.Inputs(t) {
		if in.Signatures > 0 {
			continue // signed without a timestamp: B-B stays what it is
		}
		s.add(t, padestest.RSA2048, in, pades.LevelT, false, true, 1)
		f := s.files[len(s.files)-1]
		f.level, f.stamps = pades.LevelLTA, 2
		for range 2 {
			b, err := os.ReadFile(f.path)
			check(t, err)
			r.Password = f.password
			var out bytes.Buffer
			_, err = r.Renew(t.Context(), bytes.NewReader(b), int64(len(b)), &out)
			check(t, err)
			check(t, os.WriteFile(f.path, out.Bytes(), 0o600))
		}
	}
	for name, tool := range map[string]func(*testing.T, *suite) int{"qpdf": qpdf, "pdfsig": pdfsig, "openssl": openssl, "pyhanko": pyhanko, "eu-dss": dss} {
		t.Run(name, func(t *testing.T) {
			good := tool(t, s)
			t.Logf("%s: %d of %d renewed files accepted", name, good, len(s.files))
			if good != len(s.files) {
				t.Errorf("%s refuses %d files", name, len(s.files)-good)
			}
		})
	}
}

// TestArchive has veraPDF judge PDF/A-3b files after signing, with text, picture and QR code on the page, and
// those that are PDF/UA-1 whether they still are.
func TestArchive(t *testing.T) {
	interop.Require(t, "java", "mvn")
	s := newSuite(t, padestest.P256)
	inputs := map[string][]byte{"plain": padestest.Archive(t)}
	r, err := layout.New(layout.Config{})
	check(t, err)
	names, sizes := layout.BuiltinNames()
	tm, err := layout.Builtin(names[0], sizes[0])
	check(t, err)
	fields := layout.Fields{Text: map[string]string{"institution": "Universität Grünau", "achievement": "Master of Science", "recipient": "Ada Maria Łovelace",
		"date": "Grünau, 30 June 2026", "signatory1.name": "Prof. Dr. Mária Szőke", "signatory1.title": "President"}}
	o := layout.Options{Credential: []byte(`{"type":["VerifiableCredential"]}`), CredentialMediaType: "application/vc", VerifyURL: "https://verify.example.edu/c/7Q2MXK4D9F3HTB6N",
		ID: "7Q2MXK4D9F3HTB6N", Title: "Diploma", Author: "Universität Grünau", Created: time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC)}
	inputs["diploma"], err = r.Render(context.Background(), tm, fields, o)
	check(t, err)
	for i := range 60 {
		fields.Facts = append(fields.Facts, layout.Fact{Label: fmt.Sprint("Course ", i+1), Value: "1.3"})
	}
	inputs["pages"], err = r.Render(context.Background(), tm, fields, o)
	check(t, err)
	var seal bytes.Buffer
	img := image.NewNRGBA(image.Rect(0, 0, 40, 40))
	img.SetNRGBA(20, 20, color.NRGBA{20, 40, 110, 128})
	check(t, png.Encode(&seal, img))
	files := []string{}
	for name, in := range inputs {
		for level := pades.LevelB; level <= pades.LevelLTA; level++ {
			for look, visible := range map[string]*pades.Appearance{"invisible": nil,
				"visible": {Rect: [4]float64{60, 60, 330, 150}, Image: seal.Bytes(), QR: "https://verify.example/c/7K3M", Lines: []string{"Universität Grünau", "Πανεπιστήμιο", "Университет"}}} {
				var out bytes.Buffer
				_, err := s.world.Pades(level, padestest.P256).Sign(t.Context(), bytes.NewReader(in), int64(len(in)), &out, pades.Request{Visible: visible, Certify: pades.FormFilling})
				check(t, err)
				p := filepath.Join(s.dir, name+"-"+level.String()+"-"+look+".pdf")
				check(t, os.WriteFile(p, out.Bytes(), 0o600))
				files = append(files, p)
			}
		}
	}
	failed, err := pdfa.Validate(t.Context(), t.TempDir(), "3b", files...)
	check(t, err)
	for f, rules := range failed {
		t.Errorf("%s: %s", filepath.Base(f), rules)
	}
	accessible := slices.DeleteFunc(slices.Clone(files), func(f string) bool { return strings.HasPrefix(filepath.Base(f), "plain") })
	barred, err := pdfa.Validate(t.Context(), t.TempDir(), "ua1", accessible...)
	check(t, err)
	for f, rules := range barred {
		t.Errorf("%s is not PDF/UA-1: %s", filepath.Base(f), rules)
	}
	t.Logf("veraPDF: %d of %d signed PDF/A-3b files pass", len(files)-len(failed), len(files))
}
