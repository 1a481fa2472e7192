package pades

import (
	"errors"
	"fmt"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
)

// judgeRest looks at what lies in the file but is reached by no cross-reference.
// Within signed bytes it is reported: the signer vouched for the file. After them it makes
// the document invalid: what may follow a signature is incremental updates
// (ISO 32000-2, 7.5.6 and 12.8.1) and white space. A reader that repairs files might show
// objects that lie there, and other bytes may be a second file in waiting, of a kind that
// is read from its end.
func (v *validation) judgeRest() error {
	v.removedSignatures()
	signedEnd := v.signedEnd()
	list, err := v.latest.Unreached(pdf.Span{Start: 0, End: v.doc.Size()})
	if err != nil && !errors.Is(err, pdf.CodeLimit) {
		return err
	}
	within, after := 0, int64(-1)
	for _, u := range list {
		switch {
		case u.Span.Start < signedEnd:
			within++
		case u.Kind == pdf.UnreachedObject || u.Kind == pdf.UnreachedInStream || u.Kind == pdf.UnreachedXref:
			v.check(verifier.CheckPDFIntegrity, verifier.PDFUnreached, fmt.Sprintf("%s at byte %d, after the signed bytes", u.Kind, u.Span.Start))
			return nil
		case after < 0:
			after = u.Span.Start
		}
	}
	if within > 0 {
		v.find(verifier.GradeWarning, "pdf_unreached", fmt.Sprintf("%d pieces of content within the signed bytes are reached by no cross-reference", within))
	}
	trailing, failed := v.doc.TrailingContent() // comments too
	if failed != nil {
		return failed
	}
	n := v.doc.TrailingBytes().Len()
	switch {
	case trailing >= 0:
		v.check(verifier.CheckPDFIntegrity, verifier.PDFChanged, fmt.Sprintf("%d bytes that are no incremental update follow the end of the document, from byte %d on", n, trailing))
		return nil
	case after >= 0:
		v.check(verifier.CheckPDFIntegrity, verifier.PDFChanged, fmt.Sprintf("bytes that belong to no object follow the signed bytes, from byte %d on", after))
		return nil
	case n > 0:
		v.find(verifier.GradeNote, "trailing_bytes", fmt.Sprintf("%d bytes of white space follow the end of the document", n))
	}
	if errors.Is(err, pdf.CodeLimit) {
		v.check(verifier.CheckPDFIntegrity, verifier.PDFLimit, err.Error())
		return nil
	}
	v.check(verifier.CheckPDFIntegrity, "", "nothing follows the signed bytes outside of the revisions")
	return nil
}

// signedEnd is where the bytes end that a signature vouches for. A document timestamp that
// does not count vouches for nothing: anybody can make one.
func (v *validation) signedEnd() int64 {
	end := int64(0)
	for _, it := range v.items {
		if it.ok && !it.sig.failed() && (!it.sig.Timestamp || it.counts) {
			end = max(end, it.span.end)
		}
	}
	return end
}

// removedSignatures reports signatures of earlier revisions that the newest no longer
// has. Where another signature is older, the difference analysis refuses it as well.
func (v *validation) removedSignatures() {
	have := map[pdf.Ref]bool{}
	for _, it := range v.items {
		have[it.ref] = true
	}
	for _, rev := range v.doc.Revisions() {
		if rev == v.latest || v.nodes < 0 {
			continue
		}
		fields, err := rev.Fields()
		if err != nil {
			continue // that form is judged by the difference analysis where it matters
		}
		v.nodes -= fieldCost * len(fields)
		for i := range fields {
			f := &fields[i]
			ref, ok := f.V.(pdf.Ref)
			if !ok || f.FT != "Sig" || have[ref] {
				continue
			}
			if o, err := rev.Get(ref); err == nil {
				if d, ok := o.(*pdf.Dict); ok && d.Has("ByteRange") {
					have[ref] = true
					v.find(verifier.GradeWarning, "signature_removed", fmt.Sprintf("revision %d had a signature in field %s that is no longer there", rev.Index, f.Name))
				}
			}
		}
	}
}
