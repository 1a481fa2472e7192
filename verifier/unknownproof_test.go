package verifier_test

import (
	"testing"

	"github.com/chancery-dev/chancery/verifier"
)

// TestUnknownProofBeside: of a proof of an unknown kind nobody knows where it says for whom
// it is. What it does say counts.
func TestUnknownProofBeside(t *testing.T) {
	k := newKey(t, "holder")
	v := setup(t, verifier.Policy{})
	expect := verifier.Expect{Domain: "registrar.example", Challenge: "c-1"}
	text := `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"` + k.did + `"}`
	for _, suite := range []string{"eddsa-jcs-2022", "eddsa-rdfc-2022"} {
		signed := sign(t, text, k, proofOf{suite: suite, purpose: "authentication", members: `,"domain":"registrar.example","challenge":"c-1"`})
		mustValid(t, judgeExpecting(t, v, raw(signed), expect))
		d := parseJSON(t, signed)
		known := d.Raw(d.Get(0, "proof"))
		for other, want := range map[string]verifier.Reason{
			`{"type":"SomeProof"}`:                                                                                      verifier.ProofTypeUnknown,
			`{"type":"SomeProof","domain":"registrar.example"}`:                                                         verifier.ProofTypeUnknown,
			`{"type":"SomeProof","domain":"other.example","challenge":"c-1"}`:                                           verifier.DomainMismatch,
			`{"type":"SomeProof","domain":"registrar.example","challenge":"c-2"}`:                                       verifier.ChallengeMismatch,
			`{"type":"SomeProof","expires":"2020-01-01T00:00:00Z"}`:                                                     verifier.ProofExpired,
			`{"type":"SomeProof","proofPurpose":"assertionMethod"}`:                                                     verifier.ProofPurposeMismatch,
			`{"type":"DataIntegrityProof","cryptosuite":"some-2099","proofPurpose":"authentication","proofValue":"z1"}`: verifier.ProofTypeUnknown,
			`{"type":"DataIntegrityProof","cryptosuite":"` + suite + `","verificationMethod":"` + k.method + `","proofPurpose":"authentication","proofValue":"z1"}`: verifier.DomainMismatch,
		} {
			for _, list := range []string{known + "," + other, other + "," + known} {
				if r := judgeExpecting(t, v, raw(with(t, signed, `"proof":[`+list+`]`)), expect); r.Reason != want {
					t.Errorf("%s beside %s: expected %s, found %s", suite, other, want, explain(r))
				}
			}
		}
	}
}
