package pades

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/verifier"
)

// Handler judges PDF files for a verifier.Verifier: put it into verifier.Config.Handlers
// under chancery.MediaPDF. Roots, TSARoots and the time come from the Verifier; the other
// fields of Config apply, and its own anchors are added.
type Handler struct {
	Config Config
}

var _ verifier.Handler = Handler{}

// Examine implements verifier.Handler.
func (h Handler) Examine(ctx context.Context, v *verifier.Verifier, s chancery.Secured, e verifier.Expect) (*verifier.Report, error) {
	return h.examine(ctx, v, e, bytes.NewReader(s.Bytes), int64(len(s.Bytes)))
}

// ExamineFile judges a file that is too large to be held in memory, or for
// verifier.Verify, and returns the whole report, decided; its Digest is left empty. An
// error means I/O, the context or the configuration, never the file.
func (h Handler) ExamineFile(ctx context.Context, v *verifier.Verifier, in io.ReaderAt, size int64) (*verifier.Report, error) {
	r, err := h.examine(ctx, v, v.Policy().Expect, in, size)
	if err != nil {
		return nil, err
	}
	r.EvaluatedAt, r.Profile, r.MediaType = v.Now(), v.Policy().Profile.String(), chancery.MediaPDF
	r.Offline = h.Config.Revocation == nil
	if d := v.Trust().Digest(); d != "" {
		r.TrustInputs = append(r.TrustInputs, d)
	}
	if v.Policy().InsecureNoStatus && !slices.Contains(r.Insecure, "InsecureNoStatus") {
		r.Insecure = append(r.Insecure, "InsecureNoStatus")
	}
	r.Decide()
	return r, nil
}

func (h Handler) examine(ctx context.Context, v *verifier.Verifier, e verifier.Expect, in io.ReaderAt, size int64) (*verifier.Report, error) {
	c := h.Config
	c.Clock = v.Now
	c.Roots = withAnchors(c.Roots, v.Trust().Roots)
	c.TSARoots = withAnchors(c.TSARoots, v.Trust().TSARoots)
	c.InsecureNoRevocation = c.InsecureNoRevocation || v.Policy().InsecureNoStatus
	res, err := Validate(ctx, in, size, c)
	if err != nil {
		return nil, err
	}
	r := res.Report()
	// What proves the whole proves its parts, and a document is for whom its credential is.
	inner, forThem := verifier.Expect{Recipient: e.Recipient, ExistedAt: e.ExistedAt}, false
	for i := range res.Attachments {
		a := &res.Attachments[i]
		counts, err := examineAttachment(ctx, v, inner, r, a, i)
		if err != nil {
			return nil, err
		}
		if a.Report != nil && counts {
			recipient, _ := a.Report.Check(verifier.CheckRecipient)
			forThem = forThem || recipient.Result == verifier.Pass
		}
	}
	expected(r, e, forThem)
	return r, nil
}

// expected lets fail what a signed PDF holds nothing to compare with.
func expected(r *verifier.Report, e verifier.Expect, forThem bool) {
	fail := func(id string, reason verifier.Reason, detail string) {
		r.Add(verifier.Check{ID: id, Required: true, Reason: reason, Detail: detail})
	}
	if e.Domain != "" {
		fail(verifier.CheckSignature, verifier.DomainMismatch, "signatures of PDFs name no domain")
	}
	if e.Challenge != "" {
		fail(verifier.CheckSignature, verifier.ChallengeMismatch, "signatures of PDFs hold no challenge")
	}
	if e.Recipient.Identity != "" && !forThem {
		fail(verifier.CheckRecipient, verifier.RecipientMismatch, "no credential in the document is for the recipient")
	}
}

func withAnchors(have []Anchor, more []*x509.Certificate) []Anchor {
	out := have[:len(have):len(have)]
	for _, x := range more {
		out = append(out, Anchor{Certificate: x})
	}
	return out
}

// Report maps the result to a verifier's report, without the embedded credentials. Its
// outcome is the Result's.
func (r *Result) Report() *verifier.Report {
	out := &verifier.Report{EvaluatedAt: r.EvaluatedAt, MediaType: chancery.MediaPDF, Model: "PDF", Findings: r.Findings, Insecure: r.Insecure}
	for _, c := range r.Checks {
		out.Add(c)
	}
	for i := range r.Signatures {
		s := &r.Signatures[i]
		s.report(out)
		if s.Indication == TotalPassed && !s.Timestamp && out.Issuer.Name == "" {
			out.Issuer.Name = holderName(s.Certificate)
			out.ValidFrom, out.ValidUntil = s.Certificate.NotBefore.UTC(), s.Certificate.NotAfter.UTC()
		}
	}
	out.Decide()
	return out
}

// report adds a signature's checks and its place among the proofs. A document timestamp
// that is merely not trusted is ignored, so none of its checks is required; one that is
// broken counts.
func (s *Signature) report(out *verifier.Report) {
	required := !s.Timestamp || s.Indication == TotalFailed
	for _, c := range s.Checks {
		c.Required = c.Required && required
		c.Evidence = append([]verifier.Fact{{Name: "field", Value: s.Field}}, c.Evidence...)
		out.Add(c)
	}
	if required && len(s.Checks) == 0 {
		out.Add(verifier.Check{ID: verifier.CheckSignature, Required: true, Detail: s.Field + ": not judged"})
	}
	p := verifier.ProofReport{
		Index: s.Index, Pointer: s.Field, Type: s.SubFilter, Suite: s.Algorithm, Purpose: s.Level, Created: s.Claimed,
		Reason: s.Reason, Detail: string(s.Indication),
	}
	if s.SubIndication != "" {
		p.Detail += "/" + string(s.SubIndication)
	}
	p.Detail += fmt.Sprintf(", %s, changes %s", s.Coverage, s.Changes)
	switch s.Indication {
	case TotalPassed:
		p.Result = verifier.Pass
	case TotalFailed:
		p.Result = verifier.Fail
	}
	if s.Certificate != nil {
		sum := sha256.Sum256(s.Certificate.RawSubjectPublicKeyInfo)
		p.Key, p.Controller = "sha-256:"+hex.EncodeToString(sum[:]), holderName(s.Certificate)
		p.IsIssuer = !s.Timestamp
		if !slices.Contains(out.TrustInputs, p.Key) {
			out.TrustInputs = append(out.TrustInputs, p.Key)
		}
	}
	out.Proofs = append(out.Proofs, p)
}

// holderName is what a certificate calls its holder: the organisation, else the common name.
func holderName(c *x509.Certificate) string {
	if len(c.Subject.Organization) > 0 && c.Subject.Organization[0] != "" {
		return clip(c.Subject.Organization[0])
	}
	return clip(c.Subject.CommonName)
}

// examineAttachment judges an embedded credential, and adds the verdict: a credential
// that is invalid, or that no signature covers, makes the document invalid. One that
// cannot be decided makes the document undecided where its issuer is trusted: a page must
// not be valid when the credential that it shows may have been revoked. One by somebody
// who is not trusted is an attachment, and is reported. counts tells whether the document's
// outcome hangs on the credential.
func examineAttachment(ctx context.Context, v *verifier.Verifier, e verifier.Expect, r *verifier.Report, a *Attachment, n int) (counts bool, err error) {
	verified, err := v.VerifyExpecting(ctx, chancery.Secured{MediaType: a.MediaType, Bytes: a.Bytes}, e)
	var sub *verifier.Error
	ok := errors.As(err, &sub)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	c := verifier.Check{ID: verifier.CheckInner, Detail: "embedded credential " + a.Name, Evidence: []verifier.Fact{
		{Name: "digest", Value: a.Digest}, {Name: "relationship", Value: a.Relationship},
		{Name: "associated", Value: fmt.Sprint(a.Associated)}, {Name: "signed", Value: fmt.Sprint(a.Signed)},
	}}
	switch {
	case err == nil:
		a.Report, c.Result = verified.Report(), verifier.Pass
	case !ok:
		return false, err
	case notACredential(sub.Reason):
		return false, nil // some other file in JSON
	default:
		a.Report = sub.Report
		c.Reason = verifier.InnerIndeterminate
		trust, _ := sub.Report.Check(verifier.CheckIssuerTrust)
		c.Required = trust.Result == verifier.Pass
		if sub.Report.Outcome == verifier.Invalid {
			c.Reason, c.Required = verifier.InnerInvalid, true
		}
		c.Detail += ": " + string(sub.Reason)
	}
	r.Sub = append(r.Sub, verifier.SubReport{Relation: "credential", Pointer: fmt.Sprintf("/attachments/%d", n), Report: a.Report})
	r.Add(c)
	binding := verifier.Check{ID: verifier.CheckBadgeBinding, Required: a.Reason != "", Reason: a.Reason, Result: verifier.Pass,
		Detail: "the embedded credential lies within the signed bytes"}
	if a.Reason != "" {
		binding.Detail = "the embedded credential is not covered by a signature that stands"
	}
	r.Add(binding)
	if len(r.Types) == 0 {
		r.ID, r.Types, r.Subject, r.Lifecycle = a.Report.ID, a.Report.Types, a.Report.Subject, a.Report.Lifecycle
		r.ValidFrom, r.ValidUntil = a.Report.ValidFrom, a.Report.ValidUntil // the page's, not the seal's
	}
	for _, d := range a.Report.TrustInputs {
		if !slices.Contains(r.TrustInputs, d) {
			r.TrustInputs = append(r.TrustInputs, d)
		}
	}
	return c.Required || c.Result == verifier.Pass, nil
}

// notACredential tells the reasons for which a file is no credential at all.
func notACredential(r verifier.Reason) bool {
	switch r {
	case verifier.UnknownContent, verifier.NotACredential, verifier.MalformedJSON, verifier.UnsupportedMediaType:
		return true
	}
	return false
}
