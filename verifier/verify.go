package verifier

import (
	"context"

	"github.com/chancery-dev/chancery"
)

// Verified is a document that was found valid. Only a Verifier makes one.
type Verified struct {
	report       *Report
	secured      chancery.Secured
	credential   *chancery.Credential
	presentation *chancery.Presentation
}

// Report returns the report on the document.
func (v *Verified) Report() *Report { return v.report }

// Secured returns the document as it was given.
func (v *Verified) Secured() chancery.Secured { return v.secured }

// Credential returns the credential whose bytes were verified; nil for a
// presentation or an Open Badges 2.0 assertion.
func (v *Verified) Credential() *chancery.Credential { return v.credential }

// Presentation returns the presentation whose bytes were verified, or nil.
func (v *Verified) Presentation() *chancery.Presentation { return v.presentation }

// Verify judges one document. The error is nil when the outcome is valid, and only
// then; otherwise it is an *Error with the Reason and the Report.
func (v *Verifier) Verify(ctx context.Context, s chancery.Secured) (*Verified, error) {
	return v.VerifyExpecting(ctx, s, v.policy.Expect)
}

// VerifyExpecting is Verify with what is expected of this one document, in place of
// Policy.Expect.
func (v *Verifier) VerifyExpecting(ctx context.Context, s chancery.Secured, e Expect) (*Verified, error) {
	r := &Report{EvaluatedAt: v.cfg.Clock(), Profile: v.policy.Profile.String(), MediaType: s.MediaType, Insecure: v.insecure}
	r.Add(Check{ID: CheckDocument, Required: true, Reason: UnsupportedMediaType, Detail: s.MediaType})
	r.Decide()
	return nil, &Error{Reason: r.Reason, Report: r}
}
