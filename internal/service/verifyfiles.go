package service

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/verifying"
	"github.com/chancery-dev/chancery/verifier"
)

// Bounds of a ZIP that is handed in for verification.
const (
	maxZipFiles = 100
	maxZipTotal = 50 << 20 // bytes unpacked
	maxZipRatio = 100      // unpacked to packed, of one file of more than zipSmall bytes
	zipSmall    = 64 << 10
	maxUploads  = maxZipFiles
)

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
		b := files[0].Bytes
		if bytes.HasPrefix(b, []byte("PK\x03\x04")) || bytes.HasPrefix(b, []byte("PK\x05\x06")) {
			inside, err := unzip(b)
			if err != nil {
				return Verdict{}, "", err
			}
			if len(inside) != 0 {
				return s.verifyMany(ctx, inside, true)
			}
		}
		if v, about, ok, err := s.verifyPlain(ctx, b); ok || err != nil { // by far the most
			return v, about, err
		}
	}
	return s.verifyMany(ctx, files, false)
}

// unzip reads the files of a ZIP within bounds; none where it is damaged or empty, so that it
// is judged as a file with nothing in it. A ZIP in it is such a file too.
func unzip(b []byte) ([]Upload, error) {
	tooLarge := func(what string) error { return &Error{Code: CodeTooLarge, Detail: "the ZIP holds " + what} }
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, nil
	}
	var out []Upload
	total := int64(0)
	for _, f := range r.File {
		if f.FileInfo().IsDir() {
			continue
		}
		switch {
		case len(out) >= maxZipFiles:
			return nil, tooLarge(fmt.Sprintf("more than %d files", maxZipFiles))
		case f.UncompressedSize64 > limits.DocumentBytes:
			return nil, tooLarge("a file that is too large")
		case f.UncompressedSize64 > zipSmall && f.UncompressedSize64 > maxZipRatio*max(f.CompressedSize64, 1):
			return nil, tooLarge("a file that is packed too well")
		}
		content, err := readZipped(f)
		if err != nil {
			return nil, nil
		}
		if total += int64(len(content)); total > maxZipTotal {
			return nil, tooLarge("too much")
		}
		out = append(out, Upload{Name: f.Name, Bytes: content})
	}
	return out, nil
}

// readZipped reads one file. What the directory says of its size is not believed.
func readZipped(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, limits.DocumentBytes+1))
	if err == nil && (len(b) > limits.DocumentBytes || uint64(len(b)) != f.UncompressedSize64) {
		err = fmt.Errorf("service: zip: a file of another size than is said")
	}
	return b, err
}

// verifyMany judges files that were handed over together: each, or a proof with the
// document that it is about.
func (s *Service) verifyMany(ctx context.Context, uploads []Upload, zipped bool) (Verdict, string, error) {
	files := make([]verifying.File, len(uploads))
	for i, u := range uploads {
		files[i] = verifying.Bytes(u.Name, u.Bytes)
	}
	cases := verifying.Arrange(files)
	bound := boundDocuments(uploads)
	m := &many{files: files, uploads: uploads, bound: bound, several: len(cases) > 1}
	var verdicts []Verdict
	var abouts []string
	for _, c := range cases {
		v, about, err := s.verifyCase(ctx, m, c)
		if err != nil {
			return Verdict{}, "", err
		}
		if m.leftOut(c.File, v.Report) {
			continue
		}
		m.named(c.File, v.Report)
		verdicts, abouts = append(verdicts, v), append(abouts, about)
	}
	if len(verdicts) == 1 && (!zipped || len(cases) == 1) {
		return verdicts[0], abouts[0], nil
	}
	return s.together(verdicts), "", nil
}

// many are files that were handed over together.
type many struct {
	files   []verifying.File
	uploads []Upload
	bound   bindings
	several bool // they are more than one case
}

// leftOut tells of a file that a credential beside it names that it is judged by that: it
// need not speak for itself.
func (m *many) leftOut(file int, r *verifier.Report) bool {
	return m.several && m.bound.taken[file] && !carriesCredential(r)
}

// named adds to the report on a credential whether the document it names is beside it.
func (m *many) named(file int, r *verifier.Report) {
	if check, ok := m.bound.checks[file]; ok {
		r.Add(check)
		r.Decide()
	}
}

func carriesCredential(r *verifier.Report) bool {
	return slices.ContainsFunc(r.Sub, func(sub verifier.SubReport) bool { return sub.Relation == "credential" && sub.Report != nil })
}

// verifyCase judges one file, with the document that it is about.
func (s *Service) verifyCase(ctx context.Context, m *many, c verifying.Case) (Verdict, string, error) {
	in := verifying.Input{File: m.files[c.File], Parts: c.PartsOf(m.files), Revocation: s.c.SignerRevocation}
	var own *Verdict
	if c.Document >= 0 {
		in.Document = &m.files[c.Document]
		in.Known = func(ctx context.Context, r *verifier.Report) (*verifier.Report, error) {
			v, _, err := s.finish(ctx, r, chancery.Secured{MediaType: r.MediaType, Bytes: m.uploads[c.Document].Bytes})
			if err != nil || m.leftOut(c.Document, v.Report) {
				return nil, err
			}
			m.named(c.Document, v.Report)
			v.Report.Lifecycle = verifier.Lifecycle(v.Lifecycle)
			own = &v
			return v.Report, nil
		}
	}
	report, err := s.judged(ctx, func(t *trustState) (*verifier.Report, error) {
		config, err := s.withOwnBatch(ctx, t.config, verifying.FileForm(m.uploads[c.File].Bytes))
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
	v, about, err := s.finish(ctx, report, chancery.Secured{MediaType: report.MediaType, Bytes: m.uploads[c.File].Bytes})
	if own != nil && (v.Environment == "" || own.Environment == Test) {
		v.Environment = own.Environment
	}
	return v, about, err
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
		if !carriesCredential(report) {
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
	if named, ok := namedDocument(vc.Bytes); !ok || named != digest {
		check = verifier.Check{ID: verifier.CheckPDFIntegrity, Required: true, Reason: verifier.RelatedResourceMismatch, Detail: "the credential does not name this file"}
	}
	v.Report.Add(check)
	v.Report.Sub = append(v.Report.Sub, verifier.SubReport{Relation: "document", Report: own})
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

// namedDocument is the digest of the document that a credential is bound to.
func namedDocument(credential []byte) (digest string, ok bool) {
	verifying.Resources(chancery.Secured{Bytes: credential}, func(_, kind, d string) bool {
		if kind == chancery.MediaPDF {
			digest, ok = d, true
		}
		return !ok
	})
	return digest, ok
}

// bindings are files that credentials handed over with them name.
type bindings struct {
	taken  map[int]bool
	checks map[int]verifier.Check
}

// boundDocuments finds, among files handed over together, credentials that are bound to a
// PDF, and that PDF. Where PDFs are there and none is the one, the credential fails.
func boundDocuments(files []Upload) bindings {
	out := bindings{taken: map[int]bool{}, checks: map[int]verifier.Check{}}
	pdfs := map[string]int{}
	for i, f := range files {
		if bytes.HasPrefix(f.Bytes, []byte("%PDF-")) {
			pdfs[digestHexOf(f.Bytes)] = i
		}
	}
	if len(pdfs) == 0 {
		return out
	}
	for i, f := range files {
		if !plainCredential(f.Bytes) {
			continue
		}
		digest, named := namedDocument(f.Bytes)
		if !named {
			continue
		}
		if at, ok := pdfs[digest]; ok {
			out.taken[at] = true
			out.checks[i] = verifier.Check{ID: verifier.CheckPDFIntegrity, Required: true, Result: verifier.Pass, Detail: "the document is the one that the credential names"}
			continue
		}
		out.checks[i] = verifier.Check{ID: verifier.CheckPDFIntegrity, Required: true, Reason: verifier.RelatedResourceMismatch, Detail: "no document handed over is the one that the credential names"}
	}
	return out
}

// together is one verdict on several documents: valid where all are.
func (s *Service) together(verdicts []Verdict) Verdict {
	r := &verifier.Report{EvaluatedAt: s.now(), MediaType: "application/zip", Profile: verifier.ProfileStrict.String(), Offline: s.c.Online == nil}
	seen := map[string]bool{}
	for i, v := range verdicts {
		check := verifier.Check{ID: verifier.CheckInner, Required: true, Result: verifier.Pass, Detail: fmt.Sprintf("file %d", i+1)}
		switch v.Report.Outcome {
		case verifier.Invalid:
			check.Reason = verifier.InnerInvalid
		case verifier.Indeterminate:
			check.Reason = verifier.InnerIndeterminate
		}
		r.Add(check)
		r.Sub = append(r.Sub, verifier.SubReport{Relation: "file", Pointer: fmt.Sprintf("/files/%d", i), Report: v.Report})
		for _, d := range v.Report.TrustInputs {
			if !seen[d] {
				seen[d] = true
				r.TrustInputs = append(r.TrustInputs, d)
			}
		}
	}
	r.Decide()
	out := verdict(r)
	for i, v := range verdicts { // that of all; Test where one of them is
		if i == 0 || v.Environment == Test || out.Environment != Test && v.Environment == "" {
			out.Environment = v.Environment
		}
	}
	return out
}
