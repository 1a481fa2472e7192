// Package beside joins the verdict on a document to that on a proof of its bytes: that a
// digest existed says nothing of a credential that has it, so the two are valid only where both are.
// Package verifier/evidence does so for whoever links the library, internal/verifying for the
// command, the service and the page, with the files that they have beside.
package beside

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/verifier"
)

// RelationDocument is the relation of the report on the document that a proof was handed
// over with, where the proof's own format leaves that document unjudged.
const RelationDocument = "document"

// Join adds the verdict on a document to that on a proof of it. The reason is that of the
// one which decides: the document's own, where the table gives it the same outcome.
func Join(r, own *verifier.Report) {
	c := verifier.Check{ID: verifier.CheckInner, Required: true, Result: verifier.Pass, Detail: "the document by itself: " + own.Outcome.String()}
	if own.Outcome != verifier.Valid {
		c.Reason = verifier.InnerIndeterminate
		if own.Outcome == verifier.Invalid {
			c.Reason = verifier.InnerInvalid
		}
		if own.Reason != "" && own.Reason.Outcome() == own.Outcome {
			c.Reason = own.Reason
		}
	}
	r.Add(c)
	r.Sub = append(r.Sub, verifier.SubReport{Relation: RelationDocument, Report: own})
	if r.Lifecycle == "" {
		r.Lifecycle = own.Lifecycle
	}
	for _, d := range own.TrustInputs {
		if !slices.Contains(r.TrustInputs, d) {
			r.TrustInputs = append(r.TrustInputs, d)
		}
	}
	for _, name := range own.Insecure {
		if !slices.Contains(r.Insecure, name) {
			r.Insecure = append(r.Insecure, name)
		}
	}
	r.Decide()
}

// Speaks tells whether a document says by itself who made it, so that it is judged beside
// a proof of its bytes: a credential, a badge, or a PDF with a signature or a credential
// inside. Any other file, such as a text or a PDF that nobody signed, has nothing in it
// that could be verified, and stands by the proof alone. What cannot be read speaks where
// it has the marks of something signed: a document is not better for being damaged.
func Speaks(document io.ReaderAt, size int64, r *verifier.Report) (bool, error) {
	if len(r.Proofs) != 0 || len(r.Sub) != 0 || r.Outcome == verifier.Valid {
		return true, nil
	}
	switch r.Reason {
	case verifier.UnknownContent, verifier.UnsupportedMediaType, verifier.NotACredential, verifier.NoCredential:
		return false, nil
	case verifier.HostedUnavailable:
		return r.MediaType != badge.MediaURL, nil // a text that is an address
	case verifier.NoSignature, verifier.PDFMalformed, verifier.PDFLocked, verifier.PDFLimit:
		return contains(document, size, "/ByteRange") // one that was taken out again, too; neither compression nor encryption reaches it
	case verifier.ImageMalformed:
		if r.MediaType == chancery.MediaSVG { // or any other XML
			if svg, err := contains(document, size, "<svg"); err != nil || !svg {
				return false, err
			}
		}
		return contains(document, size, "openbadge", "/ob/v3p0", "/clr/v2p0")
	case verifier.MalformedJSON, verifier.TooLarge:
		head := make([]byte, min(size, 4<<10))
		if n, err := document.ReadAt(head, 0); n < len(head) {
			return false, fmt.Errorf("beside: reading a file: %w", err)
		}
		if !bytes.HasPrefix(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n"), []byte("{")) { // an archive, a film
			return false, nil
		}
		return contains(document, size, "credentialSubject", "verifiableCredential")
	}
	return true, nil
}

// contains tells whether one of some short texts is in a file of any size.
func contains(document io.ReaderAt, size int64, texts ...string) (bool, error) {
	const overlap = 64 // more than the longest text
	buf := make([]byte, 256<<10)
	for at := int64(0); at < size; at += int64(len(buf)) - overlap {
		part := buf[:min(int64(len(buf)), size-at)]
		if n, err := document.ReadAt(part, at); n < len(part) {
			return false, fmt.Errorf("beside: reading a file: %w", err)
		}
		for _, text := range texts {
			if bytes.Contains(part, []byte(text)) {
				return true, nil
			}
		}
	}
	return false, nil
}
