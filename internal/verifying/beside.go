package verifying

import (
	"context"
	"errors"
	"slices"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/beside"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
	evidencehandler "github.com/chancery-dev/chancery/verifier/evidence"
)

// beside judges, after a proof, the document that the proof is about: that a digest
// existed says nothing of a credential that has it. r, the report on the proof, is valid
// afterwards only where both are.
func (in *Input) beside(ctx context.Context, v *verifier.Verifier, r *verifier.Report, config verifier.Config) error {
	if in.File.Large() {
		return nil
	}
	proof, err := in.File.Content()
	if err != nil || !IsProof(proof) {
		return err
	}
	alone, inside := judgedInside(r)
	counts := false
	if !inside {
		if alone, err = in.documentAlone(ctx, v, proof, config); err != nil {
			return err
		}
		if counts, err = beside.Speaks(in.Document.At, in.Document.Size, alone); err != nil {
			return err
		}
		counts = counts || alone.Reason == verifier.NotJudged
	}
	own, before := alone, alone.Outcome
	if in.Known != nil {
		if own, err = in.Known(ctx, alone); err != nil || own == nil {
			return err
		}
	}
	// A document that says nothing may be known all the same: something else vouches for it.
	if counts || inside && own.Outcome != before || !inside && own != alone {
		beside.Join(r, own)
	}
	return nil
}

// contentOf is the content of evidence that judges none, such as that of a stamp: it is
// judged as one that is handed over beside is, or whoever holds a document that was revoked
// would only have to put it inside. Nil: there is none, or the report is on it, too.
func contentOf(r *verifier.Report, proof []byte) *File {
	if _, inside := judgedInside(r); inside || r.MediaType != chancery.MediaEvidence || r.Outcome == verifier.Invalid {
		return nil
	}
	bundle, err := evidence.Parse(proof)
	if err != nil || bundle.Content == nil {
		return nil
	}
	f := Bytes("", bundle.Content)
	return &f
}

// maxDepth bounds proofs of proofs, each of which is parsed as a whole.
const maxDepth = 3

// judgedInside is the report on the document that evidence of a credential, badge or PDF
// holds: it was judged there, by the time that the evidence proves.
func judgedInside(r *verifier.Report) (*verifier.Report, bool) {
	for _, sub := range r.Sub {
		if sub.Pointer == "/content" && sub.Report != nil {
			return sub.Report, true
		}
	}
	return nil, false
}

// documentAlone judges the document by itself. What hangs on the time of its signature
// alone is judged by the time that evidence which holds proves of these bytes.
func (in *Input) documentAlone(ctx context.Context, v *verifier.Verifier, proof []byte, config verifier.Config) (*verifier.Report, error) {
	alone := Input{File: *in.Document, Password: in.Password, Revocation: in.Revocation, nested: in.nested, depth: in.depth + 1}
	if b, err := in.Document.Content(); err == nil && alone.depth > maxDepth && IsProof(b) {
		about, err := howJudged(config)
		if err != nil {
			return nil, err
		}
		return notJudged("a proof of a proof of a proof is not opened", about), nil
	}
	judge := func() (*verifier.Report, error) { return Judge(ctx, config, alone) }
	if IsZIP(*in.Document) {
		judge = func() (*verifier.Report, error) {
			if !config.Policy.Expect.ExistedAt.IsZero() { // by what one proof proves
				return in.archiveAlone(ctx, config, alone)
			}
			// Any number of proofs may be about one archive: it is opened once for all.
			if in.Document.inside == nil {
				r, err := in.archiveAlone(ctx, config, alone)
				if err != nil {
					return nil, err
				}
				in.Document.inside = r
			}
			r := *in.Document.inside
			r.Checks, r.Sub, r.TrustInputs = slices.Clone(r.Checks), slices.Clone(r.Sub), slices.Clone(r.TrustInputs)
			return &r, nil
		}
	}
	r, err := judge()
	if err != nil || !hangsOnTime(r) || in.Document.Large() {
		return r, err
	}
	bundle, err := evidence.Parse(proof)
	if err != nil {
		return r, nil
	}
	b, err := in.Document.Content()
	if err != nil {
		return nil, err
	}
	at := evidencehandler.ProvenTime(ctx, v, bundle, b, in.Parts)
	if at.IsZero() {
		return r, nil
	}
	config.Policy.Expect.ExistedAt = at
	return judge()
}

// hangsOnTime tells whether a verdict, or that on a file of an archive, could be another where
// a time is proven.
func hangsOnTime(r *verifier.Report) bool {
	return r.Reason == verifier.KeyTimeUnproven || r.Reason == verifier.KeyRevoked ||
		slices.ContainsFunc(r.Sub, func(s verifier.SubReport) bool { return s.Relation == RelationFile && hangsOnTime(s.Report) })
}

// archiveAlone judges what is in a ZIP that a proof is about: a stamp makes what was revoked
// no better for being packed first. What says nothing of itself stands by the proof, which
// covers every byte, whatever program reads them. One beyond the bounds is a file like any
// other; one in another ZIP is not opened.
func (in *Input) archiveAlone(ctx context.Context, config verifier.Config, alone Input) (*verifier.Report, error) {
	about, err := howJudged(config)
	if err != nil {
		return nil, err
	}
	if in.nested {
		return notJudged("a ZIP in another is not opened", about), nil
	}
	archive, err := OpenZIP(alone.File, Bounds{})
	var beyond *BoundsError
	if archive == nil && (err == nil || errors.As(err, &beyond)) {
		return Judge(ctx, config, alone)
	}
	if err != nil {
		return nil, err
	}
	archive.Odd = ""
	set := NewArchiveSet(archive)
	verdicts, err := set.judgeCases(ctx, config, alone, about)
	if err != nil {
		return nil, err
	}
	verdicts = slices.DeleteFunc(verdicts, func(v Verdict) bool { return v.Report.Reason == verifier.NotJudged })
	switch {
	case len(verdicts) == 0:
		return Judge(ctx, config, alone)
	case set.Alone(verdicts):
		return verdicts[0].Report, nil
	}
	return set.Together(verdicts, about), nil
}
