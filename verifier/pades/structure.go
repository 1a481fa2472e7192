package pades

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
)

// item is a signature field's value while it is judged.
type item struct {
	sig   Signature
	field *pdf.Field
	ref   pdf.Ref
	dict  *pdf.Dict
	rev   *pdf.Revision // that it ends, nil where it ends none
	span  span
	ok    bool // the byte range is right

	contents []byte
	message  *cms.SignedData
	token    *tsp.Token // of a document timestamp
	verified *cms.Verified

	proven time.Time // of a document timestamp that counts
	counts bool
}

// collect finds the signatures: the values of signature fields of the newest
// revision's form, and nothing else. Objects that look like signatures but belong to
// no field are not signatures of this document.
func (v *validation) collect() error {
	fields, err := v.latest.Fields()
	if err != nil {
		return err
	}
	seen := map[pdf.Ref]bool{}
	for i := range fields {
		f := &fields[i]
		if f.FT != "Sig" || !f.Terminal || f.V == nil {
			continue
		}
		value, err := v.latest.Resolve(f.V)
		if err != nil {
			return err
		}
		if _, null := value.(pdf.Null); null && !v.everSigned(f.V) {
			continue
		}
		if len(v.items) == maxSignatures {
			return &limitError{fmt.Sprintf("more than %d signatures", maxSignatures)}
		}
		it := &item{field: f}
		it.sig.Field = f.Name
		v.items = append(v.items, it)
		v.structure(it, value, seen)
		if v.nodes < 0 {
			return &limitError{"the signatures have too many fields to look through"}
		}
	}
	slices.SortStableFunc(v.items, func(a, b *item) int {
		return cmp.Or(cmp.Compare(a.order(), b.order()), cmp.Compare(a.span.end, b.span.end))
	})
	for i, it := range v.items {
		it.sig.Index = i
	}
	return nil
}

// everSigned tells whether a reference that leads nowhere led somewhere before.
func (v *validation) everSigned(o pdf.Object) bool {
	ref, ok := o.(pdf.Ref)
	if !ok {
		return false
	}
	_, _, known := v.latest.Entry(ref.Num)
	return known
}

// order sorts signatures by the revision they cover; those that cover none come last.
func (it *item) order() int {
	if it.rev == nil {
		return 1 << 30
	}
	return it.rev.Index
}

// structure checks everything about a signature that needs no cryptography
// (ISO 32000-2, 12.8.1; EN 319 142-1, 5.5).
func (v *validation) structure(it *item, value pdf.Object, seen map[pdf.Ref]bool) {
	bad := func(reason verifier.Reason, format string, args ...any) {
		it.sig.fail(verifier.CheckPDFIntegrity, FormatFailure, reason, fmt.Sprintf(format, args...))
	}
	it.sig.Coverage = CoverageUnclear
	dict, ok := value.(*pdf.Dict)
	if !ok {
		bad(verifier.PDFSignatureMalformed, "the value of a signature field is no dictionary")
		return
	}
	it.dict = dict
	v.describe(it)
	// 1. An object of its own, outside of object streams: or its bytes are not those that
	// the gap leaves out.
	ref, ok := it.field.V.(pdf.Ref)
	if !ok {
		bad(verifier.PDFSignatureMalformed, "the signature dictionary is no indirect object")
		return
	}
	if seen[ref] {
		bad(verifier.PDFSignatureMalformed, "two fields share one signature dictionary")
		return
	}
	seen[ref], it.ref = true, ref
	loc, ok := v.latest.Locate(ref.Num)
	if !ok || loc.Kind != pdf.EntryInFile {
		bad(verifier.PDFSignatureMalformed, "the signature dictionary lies in an object stream")
		return
	}
	// 2. A kind that is known.
	if !v.kind(it, bad) {
		return
	}
	// 3. /Contents: a hexadecimal string of this very dictionary.
	contents, ok := dict.Get("Contents").(pdf.String)
	gap := dict.SpanOf("Contents")
	if !ok || !contents.Hex || !gap.Valid() {
		bad(verifier.PDFSignatureMalformed, "/Contents is no direct hexadecimal string")
		return
	}
	it.contents = contents.Value
	// 4. /ByteRange: [0 a b c].
	if !v.byteRange(it, bad) {
		return
	}
	// 5. The gap: exactly that token.
	if it.span.gapStart != gap.Start || it.span.gapEnd != gap.End {
		bad(verifier.PDFGap, "bytes %d to %d are left out, /Contents lies at %d to %d", it.span.gapStart, it.span.gapEnd, gap.Start, gap.End)
		return
	}
	it.sig.Coverage = CoverageContiguous
	// 6. The end: that of the revision which holds the dictionary.
	rev := v.doc.RevisionAt(loc.Offset)
	if rev == nil || it.span.end != rev.End && it.span.end != rev.MarkerEnd {
		bad(verifier.PDFCoverage, "the signature ends at byte %d, where its revision does not end", it.span.end)
		return
	}
	if err := v.heldThen(it, rev, loc); err != "" {
		bad(verifier.PDFSignatureMalformed, "%s", err)
		return
	}
	it.rev, it.ok = rev, true
	it.sig.Revision, it.sig.Coverage = rev.Index, CoverageRevision
	if rev == v.latest && v.doc.TrailingBytes().Len() == 0 {
		it.sig.Coverage = CoverageFile
	}
	it.sig.pass(verifier.CheckPDFIntegrity, fmt.Sprintf("covers revision %d up to byte %d except its own value", rev.Index, it.span.end))
}

// byteRange reads the four numbers.
func (v *validation) byteRange(it *item, bad func(verifier.Reason, string, ...any)) bool {
	nums, err := v.integers(it.dict.Get("ByteRange"))
	if err != nil || len(nums) != 4 {
		bad(verifier.PDFByteRange, "/ByteRange is no array of four integers")
		return false
	}
	copy(it.sig.ByteRange[:], nums)
	start, a, b, c := nums[0], nums[1], nums[2], nums[3]
	size := v.doc.Size()
	if start != 0 || a <= 0 || b <= a || c <= 0 || b > size || c > size-b {
		bad(verifier.PDFByteRange, "expected [0 a b c] within %d bytes, found %v", size, nums)
		return false
	}
	it.span = span{a, b, b + c}
	return true
}

// integers reads an array of integers as of the newest revision.
func (v *validation) integers(o pdf.Object) ([]int64, error) {
	o, err := v.latest.Resolve(o)
	if err != nil {
		return nil, err
	}
	arr, ok := o.(*pdf.Array)
	if !ok || arr.Len() > 16 {
		return nil, errNotIntegers
	}
	out := make([]int64, 0, 4)
	for _, e := range arr.All() {
		if e, err = v.latest.Resolve(e); err != nil {
			return nil, err
		}
		n, ok := e.(pdf.Integer)
		if !ok {
			return nil, errNotIntegers
		}
		out = append(out, int64(n))
	}
	return out, nil
}

// heldThen checks that the field of the same name held this dictionary already in the
// revision that was signed: a field or reference that came later could show a
// signature where none was.
func (v *validation) heldThen(it *item, rev *pdf.Revision, loc pdf.Location) string {
	if then, ok := rev.Locate(it.ref.Num); !ok || then != loc {
		return "the signature dictionary is not that of the revision it signs"
	}
	if rev == v.latest {
		return ""
	}
	fields, err := rev.Fields()
	if err != nil {
		return "the form of the signed revision cannot be read: " + err.Error()
	}
	v.nodes -= fieldCost * len(fields)
	for i := range fields {
		if fields[i].Name == it.field.Name && fields[i].V == pdf.Object(it.ref) && fields[i].FT == "Sig" {
			return ""
		}
	}
	return "the field did not hold this signature in the revision that it signs"
}

// kind reads /Type, /Filter and /SubFilter.
func (v *validation) kind(it *item, bad func(verifier.Reason, string, ...any)) bool {
	typ, err1 := v.latest.NameAt(it.dict, "Type")
	sub, err2 := v.latest.NameAt(it.dict, "SubFilter")
	if err1 != nil || err2 != nil || typ != "" && typ != "Sig" && typ != "DocTimeStamp" {
		bad(verifier.PDFSignatureMalformed, "/Type or /SubFilter is not that of a signature")
		return false
	}
	it.sig.SubFilter = string(sub)
	switch sub {
	case "ETSI.RFC3161":
		it.sig.Timestamp = true
	case "ETSI.CAdES.detached", "adbe.pkcs7.detached":
		if typ == "DocTimeStamp" {
			bad(verifier.PDFSignatureMalformed, "/Type and /SubFilter contradict each other")
			return false
		}
	case "":
		bad(verifier.PDFSignatureMalformed, "no /SubFilter")
		return false
	default:
		it.sig.fail(verifier.CheckSignature, Generic, verifier.PDFSignatureKind, "SubFilter "+clipName(string(sub)))
		return false
	}
	return true
}

// clipName bounds what is repeated of a name.
func clipName(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

// describe takes over what the signature says of itself.
func (v *validation) describe(it *item) {
	text := func(key pdf.Name) string {
		if s, ok, err := v.latest.StringAt(it.dict, key); ok && err == nil {
			return clip(pdf.TextString(s))
		}
		return ""
	}
	it.sig.SignerName, it.sig.Place, it.sig.Purpose = text("Name"), text("Location"), text("Reason")
	m := text("M")
	it.sig.Claimed, _ = parseDate(m)
	it.sig.claimedSince = it.sig.Claimed
	if !strings.ContainsAny(m, "Z+-") && !it.sig.Claimed.IsZero() {
		it.sig.claimedSince = it.sig.Claimed.Add(-farthestZone)
	}
}

// farthestZone is how far local time may be ahead of UTC: what a date without a zone means
// is not known (ISO 32000-2, 7.9.4).
const farthestZone = 14 * time.Hour

// parseDate reads a date (ISO 32000-2, 7.9.4): D:YYYYMMDDHHmmSSOHH'mm.
func parseDate(s string) (time.Time, bool) {
	if len(s) > 2 && s[:2] == "D:" {
		s = s[2:]
	}
	digits := 0
	for digits < len(s) && digits < 14 && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	if digits < 4 || digits%2 != 0 {
		return time.Time{}, false
	}
	full := s[:digits] + "00000101000000"[min(digits, 14):]
	zone := time.UTC
	if rest := s[digits:]; len(rest) >= 3 && (rest[0] == '+' || rest[0] == '-') {
		var hours, minutes int
		if _, err := fmt.Sscanf(rest[1:3], "%02d", &hours); err != nil {
			return time.Time{}, false
		}
		if len(rest) >= 6 && rest[3] == '\'' {
			if _, err := fmt.Sscanf(rest[4:6], "%02d", &minutes); err != nil {
				return time.Time{}, false
			}
		}
		offset := hours*3600 + minutes*60
		if rest[0] == '-' {
			offset = -offset
		}
		zone = time.FixedZone("", offset)
	}
	t, err := time.ParseInLocation("20060102150405", full, zone)
	return t.UTC(), err == nil
}
