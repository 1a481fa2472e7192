// Package pdf reads PDF files strictly and adds incremental updates to them. The
// PAdES signer, the verifier and the certificate page stand on it.
//
// Open a file with Open, look at it through a Revision (Document.Latest, or any of
// Document.Revisions), and change it through an Update:
//
//	doc, err := pdf.Open(f, size, pdf.Options{})
//	rev := doc.Latest()
//	cat, err := rev.Catalog()
//	…
//	up, err := doc.NewUpdate()
//	sig := up.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("Sig"), pdf.Name("Contents"), hole))
//	tail, err := up.Prepare()         // the new bytes, holes at known offsets
//	err = tail.CopyBase(io.MultiWriter(out, hash))
//
// # What strict means
//
// Nothing is repaired or guessed, because a reader that repairs judges another
// document than the one it was given. Where the standard is broken, or where readers
// that follow it may come to different objects, the answer is an *Error with a Code
// and the byte offset. Open checks the header, every cross-reference section and the
// order of the revisions; an object is checked when it is asked for; Document.Check
// checks all of them. Being odd is no reason to refuse: hybrid and linearized files,
// wide offsets and gaps are read.
//
// # Revisions
//
// A Revision is the document as it was after one writer was done. It has its own
// cross-reference entries and byte range, and Revision.Get resolves references as of
// then. Objects of older revisions stay visible through older revisions only.
//
// # Caveats
//
// The file stays where it is: a Document reads windows of it through a small cache, so
// memory does not grow with the file, but with the number of objects (24 bytes
// each and revision). Objects returned by a Document are shared: Clone before editing.
// A Document is not safe for concurrent use. Images are not decoded. Passwords of
// revision 6 are taken as UTF-8 without SASLprep. Public-key security handlers are not supported.
package pdf
