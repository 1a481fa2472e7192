// Package verifying judges files of every kind that Chancery reads: it puts the
// verifier and its handlers together, in the one way that the command, the service and
// the verifier in the browser share, so that they give the same report.
//
//	report, err := verifying.Judge(ctx, config, verifying.Input{File: verifying.Bytes("diploma.pdf", b)})
//
// Arrange tells, of several files handed over together, which is about which. OpenZIP opens
// archives, whose files JudgeAll judges together.
//
// Caveats. Nothing is dialled unless config names sources that do. It builds for
// GOOS=js GOARCH=wasm and never links net/http.
package verifying

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
	evidencehandler "github.com/chancery-dev/chancery/verifier/evidence"
	"github.com/chancery-dev/chancery/verifier/foreign"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// File is what is handed over: its content, read as it is needed.
type File struct {
	Name string // for people; decides nothing
	At   io.ReaderAt
	Size int64 // in bytes
	// Unread says why the content cannot be had, as of a file in a ZIP that is encrypted: such
	// a file is never judged, and At is not asked. "": it can.
	Unread string

	held   []byte           // what was read, of a file that is small enough
	inside *verifier.Report // on what is in a ZIP, once it was judged beside a proof
}

// Bytes returns a File that is held in memory.
func Bytes(name string, b []byte) File {
	f := File{Name: name, At: bytes.NewReader(b), Size: int64(len(b))}
	if int64(len(b)) <= limits.DocumentBytes {
		f.held = b
		if b == nil {
			f.held = []byte{}
		}
	}
	return f
}

// Large tells whether the file is too large to be held as a document: a PDF, or the
// document that evidence is about, is then read as it is needed.
func (f *File) Large() bool { return f.Size > limits.DocumentBytes }

// Content reads the whole file, once. A file that is Large is an error.
func (f *File) Content() ([]byte, error) {
	switch {
	case f.held != nil:
		return f.held, nil
	case f.Unread != "":
		return nil, fmt.Errorf("verifying: a file that is %s", f.Unread)
	}
	if f.Large() {
		return nil, fmt.Errorf("verifying: expected at most %d bytes, found %d", limits.DocumentBytes, f.Size)
	}
	b := make([]byte, f.Size)
	if n, err := f.At.ReadAt(b, 0); n < len(b) {
		return nil, fmt.Errorf("verifying: reading a file: %w", err)
	}
	f.held = b
	return b, nil
}

// Input is one thing to judge.
type Input struct {
	// File is judged. Required.
	File File
	// Document is what File is about, where File is evidence or another detached proof.
	// Nil: the proof's own content.
	Document *File
	// Parts are detached parts of evidence bundles. Nil: none.
	Parts [][]byte
	// Password opens encrypted PDFs. "": the empty password.
	Password string
	// Revocation answers for certificates of PDF signers and of timestamping authorities. Nil:
	// what the file holds.
	Revocation pades.RevocationSource
	// Known adds what the caller knows of Document by itself to the report on it, before
	// that is joined to the report on File, and answers nil where it should be left out. Of a
	// Document that does not say who made it, only another report counts than the one it is
	// given. Nil: nothing is known.
	Known func(context.Context, *verifier.Report) (*verifier.Report, error)

	nested bool // File is of a ZIP: those in it are not opened
	depth  int  // of proofs around File
}

// Detect tells by content what a file is, the formats of others included: those come
// first, because they look like ours from outside.
func Detect(b []byte) (chancery.Secured, error) {
	if s, ok := foreign.Detect(b); ok {
		return s, nil
	}
	return chancery.Detect(b)
}

// IsProof tells whether a file is about another file: an evidence bundle, or a detached
// proof in the format of others.
func IsProof(b []byte) bool {
	s, err := Detect(FileForm(b))
	if err != nil {
		return false
	}
	switch s.MediaType {
	case chancery.MediaEvidence, foreign.MediaOpenTimestamps, foreign.MediaChainpoint, foreign.MediaTruestamp:
		return true
	}
	return false
}

// Judge returns the report on one file. With a Document beside a proof, that document is
// judged by itself as well, if it says who made it, and the report is valid only where
// both are; its Sub then holds the report on the document. config.Handlers is replaced. An
// error is a fault in reading or in the configuration, or that of a context that ended;
// never the file's. The JSON view of evidence is judged as the file that it shows.
func Judge(ctx context.Context, config verifier.Config, in Input) (*verifier.Report, error) {
	given, err := in.fileForm()
	if err != nil {
		return nil, err
	}
	pdf := pades.Handler{Config: pades.Config{Password: in.Password, Revocation: in.Revocation}}
	proof := &evidencehandler.Handler{Parts: in.Parts, Revocation: in.Revocation}
	others := &foreign.Handler{}
	if in.Document != nil {
		if err := in.companion(proof, others); err != nil {
			return nil, err
		}
	}
	config.Handlers = others.All()
	config.Handlers[chancery.MediaEvidence] = proofAlone{proof}
	config.Handlers[chancery.MediaPDF] = pdf
	v, err := verifier.New(config)
	if err != nil {
		return nil, err
	}
	if in.File.Large() {
		return judgeLarge(ctx, v, pdf, in.File)
	}
	b, err := in.File.Content()
	if err != nil {
		return nil, err
	}
	secured, err := Detect(b)
	if err != nil {
		secured = chancery.Secured{Bytes: b} // the verifier says why
	}
	r, err := report(v.Verify(ctx, secured))
	if err == nil && in.Document == nil {
		in.Document = contentOf(r, b)
	}
	if err == nil && in.Document != nil {
		err = in.beside(ctx, v, r, config)
	}
	if err != nil {
		return nil, err
	}
	given(r)
	return r, nil
}

// proofAlone leaves the document of a stamp to beside, which knows the files around it.
type proofAlone struct{ h *evidencehandler.Handler }

func (p proofAlone) Examine(ctx context.Context, v *verifier.Verifier, s chancery.Secured, e verifier.Expect) (*verifier.Report, error) {
	return p.h.ExamineProof(ctx, v, s, e)
}

func report(verified *verifier.Verified, err error) (*verifier.Report, error) {
	if err == nil {
		return verified.Report(), nil
	}
	var rejected *verifier.Error
	if errors.As(err, &rejected) {
		return rejected.Report, nil
	}
	return nil, err
}

// companion hands the document to the handlers: its bytes, or its digest where it is
// too large to be held.
func (in *Input) companion(proof *evidencehandler.Handler, others *foreign.Handler) error {
	if !in.Document.Large() {
		b, err := in.Document.Content()
		proof.Document, others.Document = b, b
		return err
	}
	if in.File.Large() {
		return nil // not evidence: that is smaller
	}
	b, err := in.File.Content()
	if err != nil {
		return err
	}
	bundle, err := evidence.Parse(b)
	if err != nil {
		return nil // the handler says what is wrong with the bundle
	}
	proof.Digest, err = DigestOf(*in.Document, bundle.Subject.DigestAlg)
	return err
}

// DigestOf hashes a file of any size with an algorithm of proof/evidence.DigestAlgs.
func DigestOf(f File, alg string) ([]byte, error) {
	s, err := anchor.Digest(io.NewSectionReader(f.At, 0, f.Size), evidence.SubjectStamp, alg)
	return s.Digest, err
}

// judgeLarge judges a PDF of any size without holding it.
func judgeLarge(ctx context.Context, v *verifier.Verifier, h pades.Handler, f File) (*verifier.Report, error) {
	head := make([]byte, limits.DocumentBytes+1)
	if n, err := f.At.ReadAt(head, 0); n < len(head) {
		return nil, fmt.Errorf("verifying: reading a file: %w", err)
	}
	if !bytes.HasPrefix(head, []byte("%PDF-")) { // the verifier says that it is too large
		return report(v.Verify(ctx, chancery.Secured{Bytes: head}))
	}
	return h.ExamineFile(ctx, v, f.At, f.Size)
}
