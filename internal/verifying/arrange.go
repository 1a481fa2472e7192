package verifying

import (
	"bytes"

	"github.com/chancery-dev/chancery/proof/evidence"
)

// Case is one verdict to be made of files that were handed over together, by their
// places in the list.
type Case struct {
	File     int
	Document int   // what File is about, -1 for none
	Parts    []int // files with detached parts of evidence; the same for all cases
}

// Arrange makes cases of files that were handed over together, told by content. Files
// with detached parts go with every bundle. A bundle goes with the document that has the
// digest it names; where none has and it holds no content, with the only document there
// is, so that a document that was changed is told from one that is missing. The same
// holds of detached proofs in the formats of others, which are about the only document.
// A document that went with a proof has no case of its own: it need not be signed itself,
// and Judge hears it beside the proof where it is.
// Parts without anything else are judged as what they are, which is no evidence.
func Arrange(files []File) []Case {
	var proofs, documents, parts []int
	for i := range files {
		switch b, err := files[i].Content(); {
		case err != nil: // large: a document
			documents = append(documents, i)
		case isParts(b):
			parts = append(parts, i)
		case IsProof(b):
			proofs = append(proofs, i)
		default:
			documents = append(documents, i)
		}
	}
	if len(proofs)+len(documents) == 0 {
		documents, parts = parts, nil
	}
	var out []Case
	taken := map[int]bool{}
	for _, p := range proofs {
		c := Case{File: p, Document: about(files, p, documents), Parts: parts}
		if c.Document >= 0 {
			taken[c.Document] = true
		}
		out = append(out, c)
	}
	for _, d := range documents {
		if !taken[d] {
			out = append(out, Case{File: d, Document: -1, Parts: parts})
		}
	}
	return out
}

// PartsOf reads the detached parts of a case. A file that is damaged adds none: the bundle
// then lacks what it held.
func (c Case) PartsOf(files []File) [][]byte {
	var out [][]byte
	for _, i := range c.Parts {
		if b, err := files[i].Content(); err == nil {
			if parts, err := evidence.ParseParts(b); err == nil {
				out = append(out, parts...)
			}
		}
	}
	return out
}

func isParts(b []byte) bool {
	_, err := evidence.ParseParts(b)
	return err == nil
}

// about finds the document that a proof is about, -1 for none.
func about(files []File, proof int, documents []int) int {
	b, err := files[proof].Content()
	if err != nil {
		return -1
	}
	bundle, err := evidence.Parse(FileForm(b))
	if err != nil { // damaged, or in the format of others
		if len(documents) == 1 {
			return documents[0]
		}
		return -1
	}
	for _, d := range documents {
		if digest, err := DigestOf(files[d], bundle.Subject.DigestAlg); err == nil && bytes.Equal(digest, bundle.Subject.Digest) {
			return d
		}
	}
	if bundle.Content == nil && len(documents) == 1 {
		return documents[0]
	}
	return -1
}
