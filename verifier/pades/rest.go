package pades

import (
	"errors"
	"fmt"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
)

// judgeRest looks at what lies in the file but is reached by no cross-reference.
// Within signed bytes it is reported: the signer vouched for the file. After them a
// reader that repairs files might show it, so objects there make the document invalid;
// bytes that define nothing are a warning.
func (v *validation) judgeRest() error {
	v.removedSignatures()
	signedEnd := int64(0)
	for _, it := range v.items {
		if it.ok && !it.sig.failed() {
			signedEnd = max(signedEnd, it.span.end)
		}
	}
	list, err := v.latest.Unreached(pdf.Span{Start: 0, End: v.doc.Size()})
	if err != nil && !errors.Is(err, pdf.CodeLimit) {
		return err
	}
	within := 0
	for _, u := range list {
		switch {
		case u.Span.Start < signedEnd:
			within++
		case u.Kind == pdf.UnreachedObject || u.Kind == pdf.UnreachedInStream || u.Kind == pdf.UnreachedXref:
			v.check(verifier.CheckPDFIntegrity, verifier.PDFUnreached, fmt.Sprintf("%s at byte %d, after the signed bytes", u.Kind, u.Span.Start))
			return nil
		}
	}
	if within > 0 {
		v.find(verifier.GradeWarning, "pdf_unreached", fmt.Sprintf("%d pieces of content within the signed bytes are reached by no cross-reference", within))
	}
	if n := v.doc.TrailingBytes().Len(); n > 0 {
		v.find(verifier.GradeWarning, "trailing_bytes", fmt.Sprintf("%d bytes follow the end of the document; they define nothing and no signature covers them", n))
	}
	if errors.Is(err, pdf.CodeLimit) {
		v.check(verifier.CheckPDFIntegrity, verifier.PDFLimit, err.Error())
		return nil
	}
	v.check(verifier.CheckPDFIntegrity, "", "nothing follows the signed bytes outside of the revisions")
	return nil
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
		v.nodes -= len(fields)
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
