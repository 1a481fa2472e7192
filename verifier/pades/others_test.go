package pades_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/testvectors"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// other is the verdict on a file by others. None of their roots is trusted here, so the
// best a file can come to is indeterminate.
type other struct {
	file    string
	reason  verifier.Reason
	changes pades.ChangeLevel // the most after any signature
	// differs says in one line why the verdict is not that of MANIFEST.tsv (what is
	// expected, or what pyHanko says); "" where it agrees.
	differs string
}

var others = []other{
	{"dss/dss-2236_annotation-and-visible-change.pdf", verifier.PDFCertification, pades.ChangesOther, ""},
	{"dss/dss-2236_hide.pdf", verifier.PDFMalformed, 0, ""},
	{"dss/dss-2236_replace.pdf", verifier.PDFShadow, pades.ChangesOther, "pyHanko takes the overlay for form filling; the field showed something else than its value when it was signed"},
	{"dss/dss-2554_certified-changes-permitted.pdf", verifier.SignerUntrusted, 0, ""},
	{"dss/dss-2554_certified-no-change-permitted.pdf", verifier.SignerUntrusted, 0, ""},
	{"dss/hello_signed_INCSAVE_signed_EDITED.pdf", verifier.PDFMalformed, 0, "refused before any signature is looked at: every offset of its cross-reference is one too small, and nothing is repaired"},
	{"dss/malformed-pades.pdf", verifier.PDFMalformed, 0, ""},
	{"dss/pades-bes-no-certificates.pdf", verifier.SignerMissing, 0, ""},
	{"dss/pades_infinite_loop.pdf", verifier.PDFMalformed, 0, ""},
	{"dss/pdf-byterange-overlap.pdf", verifier.PDFGap, pades.ChangesForm, ""},
	{"dss/pdf-double-signer-info.pdf", verifier.CMSMalformed, 0, ""},
	{"dss/pdf-signed-original.pdf", verifier.SignerUntrusted, 0, ""},
	{"pyhanko/certified-with-indirect-refs-in-dir.pdf", verifier.SignerUntrusted, 0, ""},
	{"pyhanko/coverage-anomalies_base.pdf", verifier.CMSMalformed, pades.ChangesForm, ""},
	{"pyhanko/coverage-anomalies_one-byterange.pdf", verifier.PDFByteRange, 0, ""},
	{"pyhanko/coverage-anomalies_signature-gap-too-big.pdf", verifier.PDFGap, 0, ""},
	{"pyhanko/coverage-anomalies_tail-uncovered.pdf", verifier.PDFCoverage, 0, ""},
	{"pyhanko/coverage-anomalies_weird-byterange.pdf", verifier.PDFGap, 0, ""},
	{"pyhanko/ed448-disallowed-hash.pdf", verifier.WeakAlgorithm, 0, "pyHanko verifies Ed448; it is not supported here, and so stays undecided"},
	{"pyhanko/form-update-no-override-appearance-stream-ap-indirect-sneaky.pdf", verifier.SignerUntrusted, pades.ChangesForm, "the appearance dictionary that something else uses too is left as it was, the field merely stops using it: nothing signed looks different"},
	{"pyhanko/form-update-override-appearance-stream-sneaky.pdf", verifier.PDFChanged, pades.ChangesOther, ""},
	{"pyhanko/form-update-override-appearance-stream.pdf", verifier.SignerUntrusted, pades.ChangesForm, ""},
	{"pyhanko/minimal-pdf-ua-and-a.pdf", verifier.NoSignature, 0, ""},
	{"pyhanko/minimal-two-fields-signed-twice.pdf", verifier.SignerUnbound, pades.ChangesForm, "pyHanko does without the signing-certificate attribute that these adbe.pkcs7.detached signatures lack; here they stay undecided unless InsecureNoCertReference is set"},
	{"pyhanko/pades-lta-dss-indirect-arrs-test.pdf", verifier.SignerUntrusted, pades.ChangesLTA, ""},
	{"pyhanko/pades-with-old-style-signing-cert-attr.pdf", verifier.SignerUntrusted, 0, ""},
	{"pyhanko/pdf-sig-with-econtent.pdf", verifier.CMSMalformed, 0, ""},
	{"pyhanko/sig-no-signed-attrs.pdf", verifier.CMSMalformed, 0, "pyHanko accepts a signature without signed attributes; PAdES asks for them, for nothing binds the certificate without"},
	{"pyhanko/sig-with-ski-sid.pdf", verifier.SignerUntrusted, 0, ""},
	{"pyhanko/signed-encrypted-pubkey-with-catalog-ref.pdf", verifier.PDFLocked, 0, ""},
}

// TestFilesByOthers records the verdict on every file, and that each disagreement with
// the table beside them is explained.
func TestFilesByOthers(t *testing.T) {
	dir := testvectors.Shared(t, "pdf")
	manifest := readManifest(t, filepath.Join(dir, "MANIFEST.tsv"))
	conf := pades.Config{Clock: func() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) }}
	agree, explained := 0, 0
	for _, o := range others {
		b, err := os.ReadFile(filepath.Join(dir, o.file))
		if err != nil {
			t.Fatal(err)
		}
		r := validate(t, b, conf)
		if r.Reason != o.reason || r.Changes != o.changes || r.Outcome == verifier.Valid || r.Outcome != o.reason.Outcome() {
			t.Errorf("%s: expected %s, changes %s\n%s", o.file, string(o.reason), o.changes, explain(r))
		}
		if manifest[o.file].agrees(r) {
			agree++
		} else if o.differs == "" {
			t.Errorf("%s: the table beside the file says %+v, found %s %s, changes %s, and nothing explains it", o.file, manifest[o.file], r.Outcome, string(r.Reason), r.Changes)
		}
		if o.differs != "" {
			explained++
		}
		delete(manifest, o.file)
	}
	for file := range manifest {
		t.Errorf("%s: no verdict recorded", file)
	}
	t.Logf("%d files, %d agree, %d differences explained", len(others), agree, explained)
}

// row is what the table beside the files says.
type row struct{ expected, pyhanko string }

// agrees tells whether a result is that of the table: rejected files are invalid,
// others are not, and the classes of change are those pyHanko finds.
func (w row) agrees(r *pades.Result) bool {
	if strings.Contains(w.pyhanko, "NO SIGNATURES") {
		return r.Reason == verifier.NoSignature
	}
	if strings.Contains(w.expected, "REJECT") {
		return r.Outcome == verifier.Invalid
	}
	if strings.Contains(w.pyhanko, "EXC ") {
		return r.Outcome != verifier.Valid
	}
	if r.Outcome == verifier.Invalid || r.Reason != verifier.SignerUntrusted {
		return false
	}
	for _, level := range []pades.ChangeLevel{pades.ChangesForm, pades.ChangesLTA} {
		if strings.Contains(w.pyhanko, "mod="+level.String()) {
			return r.Changes == level
		}
	}
	return r.Changes == pades.ChangesNone
}

func readManifest(t *testing.T, path string) map[string]row {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]row{}
	for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		cols := strings.Split(line, "\t")
		if i == 0 || len(cols) < 5 {
			continue
		}
		out[cols[0]] = row{cols[3], cols[4]}
	}
	return out
}
