package verifying

import (
	"slices"

	"github.com/chancery-dev/chancery/proof/chainpoint"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/proof/opentimestamps"
	"github.com/chancery-dev/chancery/proof/truestamp"
	"github.com/chancery-dev/chancery/verifier/foreign"
)

// Case is one verdict to be made of files that were handed over together, by their
// places in the list.
type Case struct {
	File     int
	Document int   // what File is about, -1 for none
	Parts    []int // files with detached parts of evidence; the same for all cases
	// Lost: File is a proof of a document that is not inside, and which of the other files
	// that is could not be told.
	Lost bool
}

// Arrange makes cases of files that were handed over together, told by content and never by
// their order. Files with detached parts go with every bundle. A proof goes with the
// document that has the digest it names. Where none has, and the proof does not hold what
// it is about, it goes with the only document that is left, if all such proofs name one
// digest: so a document that was changed is told from one that is missing. What would have
// to be guessed is left apart, and Lost: a proof beside a document that is not its own would
// be invalid, and nobody has said that they belong together.
// A document that went with a proof has no case of its own: it need not be signed itself,
// and Judge hears it beside the proof where it is.
// Parts without anything else are judged as what they are, which is no evidence.
func Arrange(files []File) []Case {
	var proofs, documents, parts, unread []int
	for i := range files {
		if files[i].Unread != "" {
			unread = append(unread, i)
			continue
		}
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
	about, lost := pair(files, proofs, documents)
	for _, p := range proofs {
		c := Case{File: p, Document: -1, Parts: parts, Lost: lost[p]}
		if d, ok := about[p]; ok {
			c.Document, taken[d] = d, true
		}
		out = append(out, c)
	}
	for _, d := range append(documents, unread...) {
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

// pair finds the documents that proofs are about. lost are detached proofs beside documents
// of which any could be the one.
func pair(files []File, proofs, documents []int) (about map[int]int, lost map[int]bool) {
	about, lost = map[int]int{}, map[int]bool{}
	places := digests{}
	matched := map[int]bool{}
	var left []int
	named := map[string]bool{} // by those that are left
	for _, p := range proofs {
		s := subjectOf(files[p])
		if d, ok := places.find(files, documents, s); ok {
			about[p], matched[d] = d, true
		} else if !s.inside {
			left = append(left, p)
			named[string(s.digest)] = true
		}
	}
	free := slices.DeleteFunc(slices.Clone(documents), func(d int) bool { return matched[d] || isTable(files[d]) })
	for _, p := range left {
		switch {
		case len(free) == 1 && len(named) == 1:
			about[p] = free[0]
		case len(free) != 0:
			lost[p] = true
		}
	}
	return about, lost
}

// subject is what a proof says that it is about.
type subject struct {
	algs   []string // any of these may have made the digest
	digest []byte   // nil: damaged, or about no document
	inside bool     // the proof holds what it is about
}

func subjectOf(f File) subject {
	b, err := f.Content()
	if err != nil {
		return subject{}
	}
	s, err := Detect(FileForm(b))
	if err != nil {
		return subject{}
	}
	switch s.MediaType {
	case foreign.MediaOpenTimestamps:
		if p, err := opentimestamps.Parse(s.Bytes); err == nil {
			return ofSize(p.Digest)
		}
	case foreign.MediaChainpoint:
		if p, err := chainpoint.Parse(s.Bytes); err == nil {
			return ofSize(p.Hash)
		}
	case foreign.MediaTruestamp:
		if p, err := truestamp.Parse(s.Bytes); err == nil {
			if p.Subject == nil || p.Subject.HashType == "" {
				return subject{inside: true}
			}
			return ofSize(p.Subject.Hash)
		}
	default:
		if p, err := evidence.Parse(s.Bytes); err == nil {
			return subject{algs: []string{p.Subject.DigestAlg}, digest: p.Subject.Digest, inside: p.Content != nil}
		}
	}
	return subject{}
}

// ofSize are the algorithms in use, for formats that do not say which, by the length of a
// digest. One that they do not find is paired as far as there is no choice.
func ofSize(digest []byte) subject {
	return subject{digest: digest, algs: map[int][]string{32: {"sha-256", "sha3-256"}, 48: {"sha-384"}, 64: {"sha-512"}}[len(digest)]}
}

// digests are the places of documents by algorithm and digest, made as they are asked for:
// each document is hashed once by each algorithm, however many proofs there are.
type digests map[string]map[string]int

func (m digests) find(files []File, documents []int, s subject) (int, bool) {
	for _, alg := range s.algs {
		places := m[alg]
		if places == nil {
			places = map[string]int{}
			for _, d := range documents {
				digest, err := DigestOf(files[d], alg)
				if _, there := places[string(digest)]; err == nil && !there {
					places[string(digest)] = d
				}
			}
			m[alg] = places
		}
		if d, ok := places[string(s.digest)]; ok {
			return d, true
		}
	}
	return 0, false
}

// tableHead is how a batch's table of results begins.
const tableHead = "index,state,id,url,errors\n"

// isTable tells a batch's table of results by how it begins. No verdict hangs on it, since
// anybody can write one: it gives words, and no proof is taken to be about one.
func isTable(f File) bool { return begins(f, 0, tableHead) }
