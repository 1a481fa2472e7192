package pades

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/revocation"
	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
)

// validation is the work on one file.
type validation struct {
	ctx    context.Context
	c      Config
	now    time.Time
	eku    []algo.OID
	doc    *pdf.Document
	latest *pdf.Revision
	items  []*item
	store  *store
	res    *Result
	nodes  int // left to look at
	// Bytes left to decode: of content, and of validation data.
	contentLeft, storeLeft int64

	rules      map[*item]rules
	fieldNames map[int]map[string]bool // by revision
	marks      map[pdf.Ref]*marks      // by page
	fetched    map[string]*revocation.Store
}

var errNotIntegers = errors.New("pades: expected an array of integers")

// limitError says that judging the file takes more than is allowed.
type limitError struct{ what string }

func (e *limitError) Error() string { return "pades: over a limit: " + e.what }

// Validate judges a PDF file of size bytes. The verdict is in the Result: an error
// means that the file could not be read or that judging was given up (ctx), or that
// the configuration cannot be used. r must not change meanwhile. Validate may be called
// by several goroutines at once with one Config.
func Validate(ctx context.Context, r io.ReaderAt, size int64, c Config) (*Result, error) {
	v, err := prepare(ctx, c)
	if err != nil {
		return nil, err
	}
	err = v.judge(r, size)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		if err = v.refuse(err); err != nil {
			return nil, err
		}
	}
	v.decide()
	return v.res, nil
}

func prepare(ctx context.Context, c Config) (*validation, error) {
	if c.Clock == nil {
		return nil, ErrNoClock
	}
	v := &validation{ctx: ctx, c: c, now: c.Clock().UTC(), nodes: maxNodes, contentLeft: maxContents, storeLeft: maxStoreWork}
	for _, a := range append(c.Roots[:len(c.Roots):len(c.Roots)], c.TSARoots...) {
		if a.Certificate == nil {
			return nil, fmt.Errorf("%w: an anchor without certificate", ErrConfig)
		}
	}
	for _, s := range c.SigningEKU {
		o, ok := algo.ParseOID(s)
		if !ok {
			return nil, fmt.Errorf("%w: expected a dotted object identifier in SigningEKU, found %q", ErrConfig, s)
		}
		v.eku = append(v.eku, o)
	}
	v.res = &Result{EvaluatedAt: v.now, Insecure: c.insecure()}
	return v, nil
}

// judge follows the order of EN 319 102-1, with the checks of the document around it.
func (v *validation) judge(r io.ReaderAt, size int64) error {
	// 1. The file as a whole: every object of every revision is what its cross-reference
	// says, none is there twice, none shares bytes with another (ISO 32000-2, 7.5).
	doc, err := pdf.Open(r, size, pdf.Options{Password: v.c.Password, Limits: readerLimits()})
	if err != nil {
		return err
	}
	v.doc, v.latest = doc, doc.Latest()
	v.res.Revisions, v.res.Encrypted = len(doc.Revisions()), doc.Encrypted()
	if err := doc.Check(); err != nil {
		return err
	}
	v.check(verifier.CheckDocument, "", fmt.Sprintf("PDF %s, %d revisions", doc.HeaderVersion(), v.res.Revisions))
	// 2. The signatures: fields of the form, with their byte ranges.
	if err := v.collect(); err != nil {
		return err
	}
	if !v.signed() {
		return nil
	}
	// 3. Validation data of the file, as candidates.
	if err := v.readStore(); err != nil {
		return err
	}
	// 4. Format checking, and cryptographic verification of each by itself
	// (EN 319 102-1, 5.2.2 and 5.2.7).
	if err := v.hashAll(); err != nil {
		return err
	}
	// 5. Times: document timestamps from the outermost inwards (5.6.2), then signatures
	// with the timestamps they carry (5.4, 5.5), each at the time proven for it.
	if err := v.judgeTimes(); err != nil {
		return err
	}
	// 6. What was done to the document after each signature.
	if err := v.judgeChanges(); err != nil {
		return err
	}
	if v.contentLeft <= 0 {
		v.check(verifier.CheckPDFIntegrity, verifier.PDFLimit, "more page content and appearances than are read")
	}
	// 7. What lies in the file and belongs to no revision.
	if err := v.judgeRest(); err != nil {
		return err
	}
	// 8. Files embedded in the signed document.
	return v.attachments()
}

// check adds a check on the document.
func (v *validation) check(id string, reason verifier.Reason, detail string) {
	v.res.Checks = append(v.res.Checks, checkOf(id, true, reason, detail))
}

// spend counts work that is not reading objects. Where there is too much, the document
// stays undecided.
func (v *validation) spend(n int) bool {
	if v.nodes < 0 {
		return false
	}
	if v.nodes -= n; v.nodes < 0 {
		v.check(verifier.CheckPDFIntegrity, verifier.PDFLimit, "too much to compare")
		return false
	}
	return true
}

// find adds a finding.
func (v *validation) find(g verifier.Grade, code, message string) {
	if len(v.res.Findings) < 4*maxNoted {
		v.res.Findings = append(v.res.Findings, verifier.Finding{Grade: g, Code: code, Message: clip(message)})
	}
}

// signed looks whether there is any signature by a signer.
func (v *validation) signed() bool {
	for _, it := range v.items {
		if !it.sig.Timestamp {
			return true
		}
	}
	detail := "no signature field of the form holds a signature"
	if len(v.items) > 0 {
		detail = "there are only document timestamps, which name no signer"
	}
	v.check(verifier.CheckSignature, verifier.NoSignature, detail)
	return false
}

// refuse turns what stopped the judging into a check, or gives it back where it is no
// fault of the file.
func (v *validation) refuse(err error) error {
	if v.ctx.Err() != nil {
		return fmt.Errorf("pades: judging was given up: %w", v.ctx.Err())
	}
	var limit *limitError
	var pe *pdf.Error
	switch {
	case errors.As(err, &limit):
		v.check(verifier.CheckDocument, verifier.PDFLimit, limit.what)
	case errors.Is(err, errTooMuch):
		v.check(verifier.CheckDocument, verifier.PDFLimit, err.Error())
	case !errors.As(err, &pe):
		return err
	case pe.Code == pdf.CodeIO:
		return err
	case pe.Code == pdf.CodeNoPassword, pe.Code == pdf.CodePassword, pe.Code == pdf.CodeHandler:
		v.check(verifier.CheckDocument, verifier.PDFLocked, pe.Error())
	case pe.Code == pdf.CodeLimit:
		v.check(verifier.CheckDocument, verifier.PDFLimit, pe.Error())
	default:
		v.check(verifier.CheckDocument, verifier.PDFMalformed, pe.Error())
	}
	return nil
}

// decide makes the verdict on the document: invalid if anything required failed,
// indeterminate if anything required is open, valid if there is a signature and
// everything passed.
func (v *validation) decide() {
	all := v.res.Checks
	signatures := 0
	for _, it := range v.items {
		s := it.sig
		if s.Indication == "" {
			s.Indication, s.SubIndication = Indeterminate, Generic // judging stopped before it
		}
		v.res.Signatures = append(v.res.Signatures, s)
		v.res.Changes = max(v.res.Changes, s.Changes)
		v.res.Coverage = s.Coverage
		switch {
		case !s.Timestamp:
			signatures++
			all = append(all, checkOf(verifier.CheckSignature, true, s.Reason, s.Field))
			if s.Indication != TotalPassed && s.Reason == "" {
				all = append(all, verifier.Check{ID: verifier.CheckSignature, Required: true})
			}
		case s.Indication == TotalFailed: // a timestamp that is merely not trusted is ignored
			all = append(all, checkOf(verifier.CheckTimestamp, true, s.Reason, s.Field))
		}
	}
	r := verifier.Report{Checks: all}
	r.Decide()
	v.res.Outcome, v.res.Reason = r.Outcome, r.Reason
	if v.res.Outcome == verifier.Valid && signatures == 0 {
		v.res.Outcome, v.res.Reason = verifier.Invalid, verifier.NoSignature
	}
}

// certs is a set of certificates without repetition.
type certs struct {
	list []*x509.Certificate
	seen map[string]bool
}

func (c *certs) add(list ...*x509.Certificate) {
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	for _, x := range list {
		if x != nil && !c.seen[string(x.Raw)] {
			c.seen[string(x.Raw)] = true
			c.list = append(c.list, x)
		}
	}
}
