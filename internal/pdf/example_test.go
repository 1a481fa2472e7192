package pdf_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"log"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// A document is built, a dictionary with a place for a signature is added as an
// update, the covered bytes are hashed, and the place is filled.
func Example() {
	b := &pdf.Builder{}
	pages := b.Alloc()
	page := b.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("Page"), pdf.Name("Parent"), pages))
	b.Set(pages, pdf.NewDict(pdf.Name("Type"), pdf.Name("Pages"), pdf.Name("Kids"), pdf.NewArray(page), pdf.Name("Count"), pdf.Integer(1)))
	b.Trailer().Set("Root", b.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("Catalog"), pdf.Name("Pages"), pages)))
	var in bytes.Buffer
	if _, err := b.WriteTo(&in); err != nil {
		log.Fatal(err)
	}

	doc, err := pdf.Open(bytes.NewReader(in.Bytes()), int64(in.Len()), pdf.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := doc.Check(); err != nil { // every object, not only those used below
		log.Fatal(err)
	}
	up, err := doc.NewUpdate()
	if err != nil {
		log.Fatal(err)
	}
	contents, byteRange := pdf.NewHexHole(32), pdf.NewTextHole(40)
	sig := up.Add(pdf.NewDict(pdf.Name("Contents"), contents, pdf.Name("ByteRange"), byteRange))
	root, err := up.CatalogRef()
	if err != nil {
		log.Fatal(err)
	}
	catalog, err := up.Edit(root)
	if err != nil {
		log.Fatal(err)
	}
	catalog.Set("Example", sig)
	tail, err := up.Prepare()
	if err != nil {
		log.Fatal(err)
	}
	r := tail.ByteRange(contents.Span())
	if err := tail.FillText(byteRange.Span(), fmt.Sprintf("[%d %d %d %d]", r[0], r[1], r[2], r[3])); err != nil {
		log.Fatal(err)
	}
	var out bytes.Buffer
	hash := sha256.New()
	if err := tail.CopyBase(io.MultiWriter(&out, hash)); err != nil { // one pass over the input
		log.Fatal(err)
	}
	if err := tail.CopyExcept(hash, contents.Span()); err != nil {
		log.Fatal(err)
	}
	if err := tail.FillHex(contents.Span(), hash.Sum(nil)); err != nil {
		log.Fatal(err)
	}
	out.Write(tail.Bytes)

	doc, err = pdf.Open(bytes.NewReader(out.Bytes()), int64(out.Len()), pdf.Options{})
	if err != nil {
		log.Fatal(err)
	}
	o, err := doc.Latest().Get(sig)
	if err != nil {
		log.Fatal(err)
	}
	gap := o.(*pdf.Dict).SpanOf("Contents")
	fmt.Println(len(doc.Revisions()), "revisions; gap as written:", gap == contents.Span(), "ends at the end:", r[2]+r[3] == doc.Latest().End)
	// Output: 2 revisions; gap as written: true ends at the end: true
}
