package pades

import (
	"fmt"

	"github.com/chancery-dev/chancery/verifier"
)

// knownRevision is the index of the revision that ends where Config.Known does, -1 where
// nothing is known. Bytes between two revisions belong to neither.
func (v *validation) knownRevision() int {
	if v.c.Known <= 0 {
		return -1
	}
	found := -1
	for _, rev := range v.doc.Revisions() {
		if rev.MarkerEnd <= v.c.Known {
			found = rev.Index
		}
	}
	if found < 0 {
		v.check(verifier.CheckPDFIntegrity, verifier.PDFChanged, fmt.Sprintf("no revision ends by byte %d, up to which the file is known", v.c.Known))
	}
	return found
}

// judgeSince judges what follows the known bytes: at most forms filled in and signatures.
func (v *validation) judgeSince(known int, steps map[int]*step) {
	level := ChangesNone
	var worst *Change
	for i := known; ; i++ {
		s, ok := steps[i]
		if !ok {
			break
		}
		level = max(level, s.level)
		for n := range s.changes {
			c := &s.changes[n]
			if len(v.res.Since) < maxChanges {
				v.res.Since = append(v.res.Since, *c)
			}
			if (c.Reason != "" || c.Level > ChangesForm) && (worst == nil || worst.Reason == "" && c.Reason != "") {
				worst = c
			}
		}
	}
	switch {
	case worst != nil && worst.Reason != "":
		v.check(verifier.CheckPDFIntegrity, worst.Reason, fmt.Sprintf("after the known bytes, revision %d: %s", worst.Revision, worst.Detail))
	case worst != nil:
		v.check(verifier.CheckPDFIntegrity, verifier.PDFChanged, fmt.Sprintf("after the known bytes, revision %d: %s", worst.Revision, worst.Detail))
	default:
		v.check(verifier.CheckPDFIntegrity, "", fmt.Sprintf("after the known bytes: %s", level))
	}
}
