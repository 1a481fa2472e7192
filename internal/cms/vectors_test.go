package cms_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
	"github.com/chancery-dev/chancery/testvectors"
)

var (
	byteRange = regexp.MustCompile(`/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]`)
	wantedCMS = map[string]string{ // file → outcome of its first signature; "" is valid
		"pyhanko/sig-with-ski-sid.pdf":                       "",
		"pyhanko/pades-with-old-style-signing-cert-attr.pdf": "",
		"pyhanko/sig-no-signed-attrs.pdf":                    string(cms.NoSignedAttributes),
		"pyhanko/pdf-sig-with-econtent.pdf":                  string(cms.ContentPresent),
		"pyhanko/ed448-disallowed-hash.pdf":                  string(cms.UnsupportedAlgorithm),
		"pyhanko/minimal-two-fields-signed-twice.pdf":        string(cms.NoCertificateReference),
		"pyhanko/certified-with-indirect-refs-in-dir.pdf":    "",
		"dss/pdf-double-signer-info.pdf":                     string(cms.SignerCount),
		"dss/pades-bes-no-certificates.pdf":                  string(cms.NoSigningCertificate),
		"dss/pdf-signed-original.pdf":                        "",
		"dss/dss-2236_replace.pdf":                           string(cms.NoCertificateReference),
		"dss/dss-2554_certified-changes-permitted.pdf":       "",
		"dss/dss-2554_certified-no-change-permitted.pdf":     "",
		"pyhanko/pades-lta-dss-indirect-arrs-test.pdf":       "",
	}
)

// Signatures cut out of PDF files by others. Files are read in a crude way, good enough for known files.
func TestPDFSamples(t *testing.T) {
	root := testvectors.Shared(t, "pdf")
	for name, want := range wantedCMS {
		t.Run(filepath.Base(name), func(t *testing.T) {
			pdf, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
			if err != nil {
				t.Skipf("conformance data by others not present: %s", name)
			}
			m := byteRange.FindSubmatch(pdf)
			if m == nil {
				t.Fatal("no ByteRange")
			}
			var r [4]int
			for i := range r {
				r[i], _ = strconv.Atoi(string(m[i+1]))
			}
			gap := bytes.Trim(bytes.TrimSpace(pdf[r[0]+r[1]:r[2]]), "<>")
			sig := make([]byte, len(gap)/2)
			if _, err := hex.Decode(sig, gap); err != nil {
				t.Fatal(err)
			}
			got := ""
			v, err := verifySample(sig, append(bytes.Clone(pdf[r[0]:r[0]+r[1]]), pdf[r[2]:r[2]+r[3]]...))
			var e *cms.Error
			if errors.As(err, &e) {
				got = string(e.Reason)
			} else if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Fatalf("got %q (%v), want %q", got, err, want)
			}
			if err == nil {
				t.Logf("%v; notes %v; %d timestamps", v.Scheme, v.Notes, len(v.Signer.Timestamps()))
				checkTimestamps(t, v)
			}
		})
	}
}

func verifySample(sig, signed []byte) (*cms.Verified, error) {
	sd, err := cms.Parse(sig, cms.ParseConfig{})
	if err != nil {
		return nil, err
	}
	si, err := sd.Signer()
	if err != nil {
		return nil, err
	}
	h, err := si.Hash()
	if err != nil {
		return nil, err
	}
	return sd.Verify(cms.VerifyConfig{ContentDigest: algo.Sum(h, signed), At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
}

// checkTimestamps checks all about a signature's tokens that needs no anchors.
func checkTimestamps(t *testing.T, v *cms.Verified) {
	t.Helper()
	for _, b := range v.Signer.Timestamps() {
		tok, err := tsp.ParseToken(b)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(tok.Info.Imprint, algo.Sum(tok.Info.Hash, v.Signer.Signature)) {
			t.Fatal("the token is not over the signature value")
		}
		ts, err := tok.Signed.Verify(cms.VerifyConfig{ContentType: cms.OIDTSTInfo, InsecureSkipPolicy: true})
		if err != nil {
			t.Fatal(err)
		}
		// One of the samples has a token that was signed with SHA-1 four months too late.
		weak := algo.DefaultPolicy().Check(tok.Info.GenTime, ts.Uses...)
		if (weak != nil) != (tok.Info.GenTime.Year() == 2012) {
			t.Fatalf("policy at %v: %v", tok.Info.GenTime, weak)
		}
		t.Logf("timestamp %v, policy %v, %v", tok.Info.GenTime, tok.Info.Policy, weak)
	}
}
