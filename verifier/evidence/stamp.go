package evidence

import (
	"bytes"
	"context"
	"errors"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/beside"
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
)

// maxDepth bounds stamps of stamps, each of which is parsed as a whole.
const maxDepth = 3

// about is the document that the evidence is about, nil where it is not at hand.
func (j *judge) about() []byte {
	if j.h.Document != nil {
		return j.h.Document
	}
	return j.b.Content
}

// stamped judges the document of a stamp by itself, if it says who made it: whoever holds one
// that was revoked would only have to have it stamped. What hangs on the time of its
// signature alone is judged by the time that the evidence proves, if it holds.
func (j *judge) stamped(ctx context.Context, e verifier.Expect) error {
	doc := j.about()
	if doc == nil {
		return nil
	}
	own, err := j.alone(ctx, doc, e)
	if err != nil {
		return err
	}
	proven := j.result.Facts.Proven
	if late := own.Reason == verifier.KeyTimeUnproven || own.Reason == verifier.KeyRevoked; late && j.result.Outcome == evidence.Valid && !proven.IsZero() {
		e.ExistedAt = proven
		if own, err = j.alone(ctx, doc, e); err != nil {
			return err
		}
	}
	says, err := beside.Speaks(bytes.NewReader(doc), int64(len(doc)), own)
	if err == nil && (says || own.Reason == verifier.NotJudged) {
		beside.Join(j.r, own)
	}
	return err
}

// alone is the report on a document by itself. Other evidence is judged without what is known
// of this one.
func (j *judge) alone(ctx context.Context, doc []byte, e verifier.Expect) (*verifier.Report, error) {
	s, err := chancery.Detect(doc)
	if err != nil {
		s = chancery.Secured{Bytes: doc} // the verifier says why
	}
	v := j.v
	switch {
	case s.MediaType == chancery.MediaEvidence && j.h.depth >= maxDepth:
		return notJudged("a stamp of a stamp of a stamp is not opened"), nil
	case s.MediaType == chancery.MediaEvidence:
		v = v.Handing(chancery.MediaEvidence, &Handler{Revocation: j.h.Revocation, Cache: j.h.Cache, depth: j.h.depth + 1})
	case s.MediaType == chancery.MediaPDF && len(doc) > limits.DocumentBytes && bytes.Contains(doc, []byte("/ByteRange")):
		return notJudged("a PDF of more than 10 MB is judged by itself: see verifier/pades.Handler.ExamineFile"), nil
	}
	found, err := v.VerifyExpecting(ctx, s, e)
	var refused *verifier.Error
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil:
		return found.Report(), nil
	case errors.As(err, &refused):
		return refused.Report, nil
	}
	return nil, err
}

func notJudged(detail string) *verifier.Report {
	r := &verifier.Report{}
	r.Add(verifier.Check{ID: verifier.CheckDocument, Required: true, Reason: verifier.NotJudged, Detail: detail})
	r.Decide()
	return r
}
