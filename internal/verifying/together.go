package verifying

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/beside"
	"github.com/chancery-dev/chancery/verifier"
)

// MediaZIP is the media type of reports on files that were handed over together.
const MediaZIP = "application/zip"

const maxName = 500 // bytes of a name that are told

// RelationFile is the relation of the reports on those files; the pointer is /files/ and the
// place in the list.
const RelationFile = "file"

// Set is files that were handed over together, arranged.
type Set struct {
	Files []File
	Cases []Case
	// Archive is where they come from. Nil: they were handed over one beside the other.
	Archive *Archive
	// Names puts the names of files into the report on all, for readers who handed them over
	// themselves. False: they are told by their places, since names may tell of persons.
	Names bool

	bound bindings
}

// NewSet arranges files.
func NewSet(files []File) *Set {
	return &Set{Files: files, Cases: Arrange(files), bound: boundDocuments(files)}
}

// NewArchiveSet arranges the files of a ZIP.
func NewArchiveSet(a *Archive) *Set {
	s := NewSet(a.Files)
	s.Archive = a
	return s
}

// LeftOut tells of a file that a credential beside it names that it is judged by that: it
// need not speak for itself. What it does say is heard where it is wrong.
func (s *Set) LeftOut(file int, r *verifier.Report) bool {
	return len(s.Cases) > 1 && s.bound.taken[file] && !CarriesCredential(r) && !Broken(r)
}

// Broken tells of a report on a document that has signatures, and is invalid.
func Broken(r *verifier.Report) bool { return r.Outcome == verifier.Invalid && len(r.Proofs) != 0 }

// Named adds to the report on a credential whether the document it names is beside it.
func (s *Set) Named(file int, r *verifier.Report) {
	if check, ok := s.bound.checks[file]; ok {
		r.Add(check)
		r.Decide()
	}
}

// CarriesCredential tells of a report on a file whether it has one on a credential inside.
func CarriesCredential(r *verifier.Report) bool {
	return slices.ContainsFunc(r.Sub, func(sub verifier.SubReport) bool { return sub.Relation == "credential" && sub.Report != nil })
}

// Alone tells whether the first of verdicts is that on all of s.
func (s *Set) Alone(verdicts []Verdict) bool {
	return len(verdicts) == 1 && (s.Archive == nil || len(s.Cases) == 1 && s.Archive.Odd == "")
}

// Unread is the report on a file whose content cannot be had. about tells how all is judged.
func Unread(f File, about *verifier.Report) *verifier.Report {
	r := notJudged("the file is "+f.Unread, about)
	r.MediaType, r.Digest = "", "" // those of all
	return r
}

// Input is base with the files of a case.
func (s *Set) Input(c Case, base Input) Input {
	base.File, base.Document, base.nested = s.Files[c.File], nil, s.Archive != nil
	base.Parts = append(slices.Clone(base.Parts), c.PartsOf(s.Files)...)
	if c.Document >= 0 {
		base.Document = &s.Files[c.Document]
	}
	return base
}

// Judged is the report on a case as it counts among others: a file which holds nothing that
// could be judged, such as a table or a text, says nothing against those beside it. Alone it
// is invalid, as what it was handed over for it is not; here nobody has said that it is a
// document.
func (s *Set) Judged(c Case, r *verifier.Report) (*verifier.Report, error) {
	if s.Archive == nil && len(s.Cases) == 1 || r.Outcome != verifier.Invalid {
		return r, nil
	}
	f := s.Files[c.File]
	if said, err := beside.Speaks(f.At, f.Size, r); err != nil || said {
		return r, err
	}
	detail := r.Reason.Text()
	switch {
	case isTable(f):
		detail = "a batch's table of results: what it says is proven by nothing"
	case IsZIP(f):
		detail = "a ZIP beside other files, or in another, is not opened: hand it over alone"
	}
	return notJudged(detail, r), nil
}

func notJudged(detail string, about *verifier.Report) *verifier.Report {
	r := &verifier.Report{MediaType: about.MediaType, Digest: about.Digest, Profile: about.Profile, EvaluatedAt: about.EvaluatedAt, Offline: about.Offline, TrustInputs: about.TrustInputs, Insecure: about.Insecure}
	r.Add(verifier.Check{ID: verifier.CheckDocument, Required: true, Reason: verifier.NotJudged, Detail: detail})
	r.Decide()
	return r
}

// Verdict is the report on one case.
type Verdict struct {
	Case   Case
	Report *verifier.Report
}

// Together is one report on the cases of s: invalid where one is, valid where all are. What
// was not judged keeps it from being valid, though it says nothing against the rest: whoever
// reads "valid" over an archive would take the table in it for proven as well. Each file is
// in the evidence of a check, by its place in the list, with what became of it. about tells
// how all was judged.
func (s *Set) Together(verdicts []Verdict, about *verifier.Report) *verifier.Report {
	r := &verifier.Report{MediaType: MediaZIP, Digest: about.Digest, Profile: about.Profile, EvaluatedAt: about.EvaluatedAt, Offline: about.Offline}
	if s.Archive != nil && s.Archive.Odd != "" {
		r.Add(verifier.Check{ID: verifier.CheckDocument, Required: true, Reason: verifier.NotJudged, Detail: "the archive: " + s.Archive.Odd})
	}
	fates, used := s.fates(verdicts), map[string]bool{}
	for _, v := range verdicts {
		check := verifier.Check{ID: verifier.CheckInner, Required: true, Result: verifier.Pass, Detail: fmt.Sprintf("file %d", v.Case.File+1), Evidence: fates[v.Case.File]}
		switch {
		case v.Report.Outcome == verifier.Invalid:
			check.Reason = verifier.InnerInvalid
		case v.Report.Reason == verifier.NotJudged:
			check.Reason = verifier.NotJudged
			check.Detail += ": " + v.Report.Checks[0].Detail
		case v.Report.Outcome != verifier.Valid:
			check.Reason = verifier.InnerIndeterminate
		}
		r.Add(check)
		r.Sub = append(r.Sub, verifier.SubReport{Relation: RelationFile, Pointer: fmt.Sprintf("/files/%d", v.Case.File), Report: v.Report})
		for _, d := range v.Report.TrustInputs {
			if !used[d] {
				used[d] = true
				r.TrustInputs = append(r.TrustInputs, d)
			}
		}
		for _, name := range v.Report.Insecure {
			if !slices.Contains(r.Insecure, name) {
				r.Insecure = append(r.Insecure, name)
			}
		}
	}
	r.Decide()
	return r
}

// fates says of every file what became of it: of those that have a verdict at that file, of
// the others where they were heard.
func (s *Set) fates(verdicts []Verdict) map[int][]verifier.Fact {
	out := map[int][]verifier.Fact{}
	told := map[int]bool{}
	tell := func(at, file int, what string) {
		if !told[file] {
			told[file] = true
			out[at] = append(out[at], verifier.Fact{Name: fmt.Sprintf("file.%d", file+1), Value: what})
			if s.Names {
				name := s.Files[file].Name
				name = strings.ToValidUTF8(name[:min(len(name), maxName)], "\ufffd")
				out[at] = append(out[at], verifier.Fact{Name: fmt.Sprintf("name.%d", file+1), Value: name})
			}
		}
	}
	for _, v := range verdicts {
		what := v.Report.Outcome.String()
		if v.Report.Reason != "" {
			what += " " + string(v.Report.Reason)
		}
		tell(v.Case.File, v.Case.File, what)
	}
	for _, v := range verdicts {
		if v.Case.Document >= 0 {
			tell(v.Case.File, v.Case.Document, fmt.Sprintf("with file %d", v.Case.File+1))
		}
		for _, p := range v.Case.Parts {
			tell(v.Case.File, p, "parts of evidence")
		}
	}
	for i := range s.Files { // named by a credential
		if len(verdicts) != 0 {
			tell(verdicts[0].Case.File, i, "by the credential that names it")
		}
	}
	return out
}

// JudgeAll judges the files of a set, with what base says of all of them: the report on the
// only one there is, and else one on all, whose Sub holds theirs. Digest is that of the ZIP
// as it was given, where there is one.
func JudgeAll(ctx context.Context, config verifier.Config, s *Set, base Input) (*verifier.Report, error) {
	about, err := howJudged(config)
	if err != nil {
		return nil, err
	}
	if s.Archive != nil {
		sum := sha256.New()
		if _, err := io.Copy(sum, io.NewSectionReader(base.File.At, 0, base.File.Size)); err != nil {
			return nil, fmt.Errorf("verifying: reading a file: %w", err)
		}
		about.Digest = "sha-256:" + hex.EncodeToString(sum.Sum(nil))
	}
	verdicts, err := s.judgeCases(ctx, config, base, about)
	if err != nil {
		return nil, err
	}
	if s.Alone(verdicts) {
		return verdicts[0].Report, nil
	}
	return s.Together(verdicts, about), nil
}

func (s *Set) judgeCases(ctx context.Context, config verifier.Config, base Input, about *verifier.Report) ([]Verdict, error) {
	var verdicts []Verdict
	for _, c := range s.Cases {
		r, err := s.judgeCase(ctx, config, c, base, about)
		if err != nil {
			return nil, err
		}
		if s.LeftOut(c.File, r) {
			continue
		}
		s.Named(c.File, r)
		if r, err = s.Judged(c, r); err != nil {
			return nil, err
		}
		verdicts = append(verdicts, Verdict{c, r})
	}
	return verdicts, nil
}

func (s *Set) judgeCase(ctx context.Context, config verifier.Config, c Case, base Input, about *verifier.Report) (*verifier.Report, error) {
	if f := s.Files[c.File]; f.Unread != "" {
		return Unread(f, about), nil
	}
	in := s.Input(c, base)
	if c.Document >= 0 {
		in.Known = func(_ context.Context, r *verifier.Report) (*verifier.Report, error) {
			if s.LeftOut(c.Document, r) {
				return nil, nil
			}
			s.Named(c.Document, r)
			return r, nil
		}
	}
	return Judge(ctx, config, in)
}

// howJudged is an empty report by a configuration.
func howJudged(config verifier.Config) (*verifier.Report, error) {
	v, err := verifier.New(config)
	if err != nil {
		return nil, err
	}
	return &verifier.Report{Profile: v.Policy().Profile.String(), EvaluatedAt: v.Now(), Offline: config.Keys == nil && config.Status == nil && config.Documents == nil}, nil
}

// bindings are PDFs that credentials handed over with them name.
type bindings struct {
	taken  map[int]bool
	checks map[int]verifier.Check
}

// boundDocuments finds, among files handed over together, credentials that are bound to a
// PDF, and that PDF. Where one PDF is left and one is missing, they were meant for each other,
// and the credential fails; where there are more, nobody has said so.
func boundDocuments(files []File) bindings {
	out := bindings{taken: map[int]bool{}, checks: map[int]verifier.Check{}}
	pdfs := map[string]int{}
	for i := range files {
		if b, err := files[i].Content(); err == nil && bytes.HasPrefix(b, []byte("%PDF-")) {
			sum := sha256.Sum256(b)
			pdfs[hex.EncodeToString(sum[:])] = i
		}
	}
	if len(pdfs) == 0 {
		return out
	}
	missing := map[string][]int{} // credentials, by the digest that they name
	for i := range files {
		b, err := files[i].Content()
		if err != nil {
			continue
		}
		digest, named := NamedDocument(b)
		if !named {
			continue
		}
		if at, ok := pdfs[digest]; ok {
			out.taken[at] = true
			out.checks[i] = verifier.Check{ID: verifier.CheckPDFIntegrity, Required: true, Result: verifier.Pass, Detail: "the document is the one that the credential names"}
			continue
		}
		missing[digest] = append(missing[digest], i)
	}
	if len(missing) == 1 && len(pdfs)-len(out.taken) == 1 {
		for _, credentials := range missing {
			for _, i := range credentials {
				out.checks[i] = verifier.Check{ID: verifier.CheckPDFIntegrity, Required: true, Reason: verifier.RelatedResourceMismatch, Detail: "no document handed over is the one that the credential names"}
			}
		}
	}
	return out
}

// NamedDocument is the digest, SHA-256 in hex, of the PDF that a credential is bound to.
func NamedDocument(credential []byte) (digest string, ok bool) {
	if !bytes.Contains(credential[:min(len(credential), 64)], []byte("{")) && !bytes.HasPrefix(credential, []byte("ey")) {
		return "", false // no text of a credential
	}
	Resources(chancery.Secured{Bytes: credential}, func(_, kind, d string) bool {
		if kind == chancery.MediaPDF {
			digest, ok = d, true
		}
		return !ok
	})
	return digest, ok
}
