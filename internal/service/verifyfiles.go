package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/verifying"
	"github.com/chancery-dev/chancery/verifier"
)

// maxUploads is how many files may be handed in together.
const maxUploads = 100

// VerifyFiles implements Verifying.
func (s *Service) VerifyFiles(ctx context.Context, files []Upload, source string) (Verdict, error) {
	switch {
	case len(files) == 0:
		return Verdict{}, &Error{Code: CodeBody, Detail: "expected a file"}
	case len(files) > maxUploads:
		return Verdict{}, &Error{Code: CodeTooLarge, Detail: fmt.Sprintf("expected at most %d files", maxUploads)}
	}
	v, about, err := s.verifyUploads(ctx, files)
	if err == nil {
		s.logUpload(about, v, source)
	}
	return v, err
}

// verifyUploads judges files, and names the public id of what the verdict is about.
func (s *Service) verifyUploads(ctx context.Context, files []Upload) (Verdict, string, error) {
	if len(files) == 1 {
		if b := files[0].Bytes; bytes.HasPrefix(b, []byte("PK")) && verifying.IsZIP(verifying.Bytes("", b)) {
			archive, err := verifying.OpenZIP(verifying.Bytes("", b), verifying.Bounds{})
			var beyond *verifying.BoundsError
			if errors.As(err, &beyond) {
				return Verdict{}, "", &Error{Code: CodeTooLarge, Detail: "the ZIP holds " + beyond.What}
			}
			if err != nil {
				return Verdict{}, "", err
			}
			if archive != nil {
				return s.verifyMany(ctx, verifying.NewArchiveSet(archive), "sha-256:"+digestHexOf(b))
			}
		}
		if v, about, ok, err := s.verifyPlain(ctx, files[0].Bytes); ok || err != nil { // by far the most
			return v, about, err
		}
	}
	together := make([]verifying.File, len(files))
	for i, f := range files {
		together[i] = verifying.Bytes(f.Name, f.Bytes)
	}
	return s.verifyMany(ctx, verifying.NewSet(together), "")
}

// verifyMany judges files that were handed over together: each, or a proof with the
// document that it is about. digest is that of the ZIP they were in, "" where they were in
// none.
func (s *Service) verifyMany(ctx context.Context, set *verifying.Set, digest string) (Verdict, string, error) {
	about := &verifier.Report{Digest: digest, EvaluatedAt: s.now(), Profile: verifier.ProfileStrict.String(), Offline: s.c.Online == nil}
	var verdicts []Verdict
	var reports []verifying.Verdict
	var abouts []string
	for _, c := range set.Cases {
		v, public, err := s.verifyCase(ctx, set, c, about)
		if err != nil {
			return Verdict{}, "", err
		}
		if set.LeftOut(c.File, v.Report) {
			continue
		}
		set.Named(c.File, v.Report)
		judged, err := set.Judged(c, v.Report)
		if err != nil {
			return Verdict{}, "", err
		}
		if judged != v.Report {
			v, public = verdict(judged), ""
		}
		verdicts, abouts = append(verdicts, v), append(abouts, public)
		reports = append(reports, verifying.Verdict{Case: c, Report: v.Report})
	}
	if set.Alone(reports) {
		return verdicts[0], abouts[0], nil
	}
	return together(verdicts, set.Together(reports, about)), "", nil
}

// verifyCase judges one file, with the document that it is about.
func (s *Service) verifyCase(ctx context.Context, set *verifying.Set, c verifying.Case, about *verifier.Report) (Verdict, string, error) {
	if f := set.Files[c.File]; f.Unread != "" {
		return verdict(verifying.Unread(f, about)), "", nil
	}
	content, err := whole(set.Files[c.File])
	if err != nil {
		return Verdict{}, "", err
	}
	in := set.Input(c, verifying.Input{Revocation: s.c.SignerRevocation})
	var own *Verdict
	if c.Document >= 0 {
		in.Known = func(ctx context.Context, r *verifier.Report) (*verifier.Report, error) {
			document, err := whole(*in.Document)
			if err != nil {
				return nil, err
			}
			v, _, err := s.finish(ctx, r, chancery.Secured{MediaType: r.MediaType, Bytes: document})
			if err != nil || set.LeftOut(c.Document, v.Report) {
				return nil, err
			}
			set.Named(c.Document, v.Report)
			v.Report.Lifecycle = verifier.Lifecycle(v.Lifecycle)
			own = &v
			return v.Report, nil
		}
	}
	report, err := s.judged(ctx, func(t *trustState) (*verifier.Report, error) {
		config, err := s.withOwnBatch(ctx, t.config, verifying.FileForm(content))
		if err != nil {
			return nil, err
		}
		r, err := verifying.Judge(ctx, config, in)
		if err == nil && r.Reason == verifier.Canceled {
			err = context.Canceled
		}
		return r, err
	})
	if err != nil {
		return Verdict{}, "", err
	}
	v, public, err := s.finish(ctx, report, chancery.Secured{MediaType: report.MediaType, Bytes: content})
	if own != nil && (v.Environment == "" || own.Environment == Test) {
		v.Environment = own.Environment
	}
	return v, public, err
}

// whole is the content of an upload of any size: it is in memory.
func whole(f verifying.File) ([]byte, error) {
	if f.Large() {
		return io.ReadAll(io.NewSectionReader(f.At, 0, f.Size))
	}
	return f.Content()
}

// finish adds what this installation knows of a document: its own PDFs have to be sealed by
// the issuer of the credential inside, its own pictures to be those that the credential
// names, and a document that a credential is bound to is judged by that credential.
func (s *Service) finish(ctx context.Context, report *verifier.Report, secured chancery.Secured) (Verdict, string, error) {
	media := report.MediaType
	if media == "" {
		media = secured.MediaType
	}
	switch media {
	case chancery.MediaPDF:
		// One with a credential inside is judged by that: anybody can bind a credential of
		// his own to a file that is public.
		if !verifying.CarriesCredential(report) {
			if v, about, ok, err := s.boundFile(ctx, report, secured.Bytes); err != nil || ok {
				return v, about, err
			}
		}
		s.checkSeal(report)
	case chancery.MediaPNG, chancery.MediaSVG:
		if err := s.checkPicture(ctx, report, secured); err != nil {
			return Verdict{}, "", err
		}
	}
	about := s.publicIDOf(report.ID)
	if s.trust.state.Load().issuers[report.Issuer.ID] == nil && media != chancery.MediaPDF && media != chancery.MediaEvidence {
		about = ""
	}
	v := verdict(report)
	v.Environment = s.scopeOf(report).Environment
	if about != "" && report.Lifecycle == verifier.Revoked {
		_, state, err := s.readPublic(ctx, about)
		if err != nil && !IsNotFound(err) {
			return Verdict{}, "", err
		}
		// Of an earlier signed form the register's state does not speak.
		if presentForm(state, report) {
			refine(report, state.stored.State)
			environment := v.Environment
			v = verdict(report)
			v.Lifecycle, v.Environment = lifecycle(state.stored, s.now()), environment
		}
	}
	return v, about, nil
}

// scopeOf is that of the issuer here that a report is about, the zero Scope for others.
func (s *Service) scopeOf(r *verifier.Report) Scope {
	if known := s.trust.state.Load().issuers[r.Issuer.ID]; known != nil {
		return known.issuer.Scope
	}
	if r.MediaType == chancery.MediaPDF {
		if known := s.sealedBy(r); known != nil {
			return known.issuer.Scope
		}
	}
	return Scope{}
}

// presentForm reports whether a report is on a file of a credential as it is now, or on one
// with it inside.
func presentForm(state *credentialState, r *verifier.Report) bool {
	if state == nil {
		return false
	}
	for _, a := range state.artifacts {
		digest := "sha-256:" + a.Digest
		if digest == r.Digest || slices.ContainsFunc(r.Sub, func(sub verifier.SubReport) bool { return sub.Report != nil && sub.Report.Digest == digest }) {
			return true
		}
	}
	return false
}

// boundFile judges a file that a credential here is bound to by that credential: its own
// signatures, where there are any, stand beside.
func (s *Service) boundFile(ctx context.Context, own *verifier.Report, b []byte) (Verdict, string, bool, error) {
	digest := digestHexOf(b)
	scope, state, err := s.readDigest(ctx, digest)
	if IsNotFound(err) {
		return Verdict{}, "", false, nil
	}
	if err != nil {
		return Verdict{}, "", false, err
	}
	if state.body.DocumentDigest != digest {
		return Verdict{}, "", false, nil // a page of our own, which is judged by its seal
	}
	v, err := s.verifyState(ctx, scope, state)
	if err != nil {
		return Verdict{}, "", false, err
	}
	vc, _ := vcOf(state.artifacts)
	check := verifier.Check{ID: verifier.CheckPDFIntegrity, Required: true, Result: verifier.Pass, Detail: "the credential names the digest of this file"}
	if named, ok := verifying.NamedDocument(vc.Bytes); !ok || named != digest {
		check = verifier.Check{ID: verifier.CheckPDFIntegrity, Required: true, Reason: verifier.RelatedResourceMismatch, Detail: "the credential does not name this file"}
	}
	v.Report.Add(check)
	v.Report.Sub = append(v.Report.Sub, verifier.SubReport{Relation: "document", Report: own})
	if verifying.Broken(own) {
		v.Report.Add(verifier.Check{ID: verifier.CheckInner, Required: true, Reason: own.Reason, Detail: "a signature in the document does not hold"})
	}
	v.Report.Decide()
	return v, state.stored.PublicID, true, nil
}

// checkSeal holds the seal of a PDF against the credential inside: where one of them is of
// an issuer here, both are.
func (s *Service) checkSeal(r *verifier.Report) {
	issuers := s.trust.state.Load().issuers
	sealedBy := func(k *knownIssuer) bool {
		for _, p := range r.Proofs {
			if p.Result == verifier.Pass && p.IsIssuer && k.seals[p.Key] {
				return true
			}
		}
		return false
	}
	for _, sub := range r.Sub {
		if sub.Relation != "credential" || sub.Report == nil {
			continue
		}
		known := issuers[sub.Report.Issuer.ID]
		foreignSeal := known != nil && !sealedBy(known)
		if known == nil {
			for _, other := range issuers {
				foreignSeal = foreignSeal || sealedBy(other)
			}
		}
		if foreignSeal {
			r.Add(verifier.Check{
				ID: verifier.CheckBadgeBinding, Required: true, Reason: verifier.PDFCredentialForeign,
				Detail: "the page is not sealed by the issuer of the credential inside",
			})
			r.Decide()
		} else if known != nil {
			r.Issuer.ID = sub.Report.Issuer.ID
		}
	}
}

// checkPicture compares a baked picture with the one that its credential names, by baking it
// again: equal inputs give equal bytes. A picture that the credential does not name is not
// the issuer's.
func (s *Service) checkPicture(ctx context.Context, r *verifier.Report, secured chancery.Secured) error {
	if s.trust.state.Load().issuers[r.Issuer.ID] == nil || s.publicIDOf(r.ID) == "" {
		return nil
	}
	baked, err := badge.Unbake(bytes.NewReader(secured.Bytes))
	if err != nil {
		return nil // the report says so
	}
	digest, named := namedPicture(baked.Payload, s.baseURL+"/pictures/", r.MediaType)
	check := verifier.Check{ID: verifier.CheckBadgeBinding, Required: true, Result: verifier.Pass, Detail: "the picture is the one that the credential names"}
	switch {
	case !named:
		check = verifier.Check{ID: verifier.CheckBadgeBinding, Required: true, Reason: verifier.RelatedResourceMismatch, Detail: "the credential names no picture of this kind"}
	default:
		picture, err := s.blob(ctx, digest, maxPicture)
		if IsNotFound(err) {
			check = verifier.Check{ID: verifier.CheckBadgeBinding, Required: true, Reason: verifier.NotFound, Detail: "the picture is not at hand to be compared"}
			break
		}
		if err != nil {
			return err
		}
		var again bytes.Buffer
		if err := badge.Bake(&again, bytes.NewReader(picture), baked.Payload, badge.BakeOptions{}); err != nil || !bytes.Equal(again.Bytes(), secured.Bytes) {
			check = verifier.Check{ID: verifier.CheckBadgeBinding, Required: true, Reason: verifier.RelatedResourceMismatch, Detail: "the picture is not the one that the credential names"}
		}
	}
	r.Add(check)
	r.Decide()
	return nil
}

// namedPicture is the digest of the picture of a kind that a credential names.
func namedPicture(credential chancery.Secured, prefix, media string) (digest string, ok bool) {
	verifying.Resources(credential, func(id, kind, d string) bool {
		if strings.HasPrefix(id, prefix) && kind == media {
			digest, ok = d, true
		}
		return !ok
	})
	return digest, ok
}

// together is the verdict of the report on several documents.
func together(verdicts []Verdict, r *verifier.Report) Verdict {
	out := verdict(r)
	first := true
	for _, v := range verdicts { // that of all that were judged; Test where one of them is
		if v.Report.Reason == verifier.NotJudged {
			continue
		}
		if first || v.Environment == Test || out.Environment != Test && v.Environment == "" {
			out.Environment = v.Environment
		}
		first = false
	}
	return out
}
