// Package badge knows Open Badges 3.0, Comprehensive Learner Records 2.0 and, to
// read, Open Badges 2.0: the types, the rules that no signature and no schema
// expresses, and how badges travel inside images.
//
// Unbake takes a badge out of a PNG or SVG, Bake puts one in; Check says what is
// wrong with a badge's content. None of them looks at a signature, a clock or the
// network: package verifier decides, with the findings of this package as one part.
//
// What 1EdTech's rules ask and what its own published samples do differ. Findings
// are therefore graded under a Profile, and never hidden.
package badge

import (
	"fmt"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Grade says how much a finding weighs. The zero value is Error, so that a grade
// that was forgotten never makes a fault small.
type Grade uint8

// The grades. An Error means that the document breaks a binding rule; a Warning, that
// it breaks one that others are known not to enforce; a Note, that something is
// unusual but within the rules.
const (
	Error Grade = iota
	Warning
	Note
)

func (g Grade) String() string {
	if int(g) < len(gradeNames) {
		return gradeNames[g]
	}
	return "error"
}

var gradeNames = [...]string{"error", "warning", "note"}

// MarshalText writes the name of the grade.
func (g Grade) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// Profile chooses how findings are graded.
type Profile string

// The profiles. Strict holds a badge to the published rules; OneEdTech reads what
// 1EdTech's own validator and samples let pass as warnings. Every other value,
// the empty one included, is graded as Strict.
const (
	Strict    Profile = "strict"
	OneEdTech Profile = "1edtech"
)

// Finding is one thing that a check has to say.
type Finding struct {
	Grade   Grade  `json:"grade"`
	Code    string `json:"code"`    // short and stable, such as "achievement_name_missing"
	Pointer string `json:"pointer"` // JSON pointer (RFC 6901) of the place, "" for the whole document or image
	Message string `json:"message"` // expected and found, without values of the document
}

func (f Finding) String() string {
	return fmt.Sprintf("%s %s at %q: %s", f.Grade, f.Code, f.Pointer, f.Message)
}

// Worst returns the gravest grade among findings; ok is false without any.
func Worst(findings []Finding) (g Grade, ok bool) {
	g = Note
	for _, f := range findings {
		g, ok = min(g, f.Grade), true
	}
	return g, ok
}

// maxFindings bounds the findings of one check: a document with more faults is no
// better understood by their list.
const maxFindings = 200

// findings collects them under one profile.
type findings struct {
	profile  Profile
	list     []Finding
	full     bool
	hasError bool
}

// wants tells whether a finding of a grade would still be kept: the first Error always
// is.
func (fs *findings) wants(g Grade) bool { return !fs.full || g == Error && !fs.hasError }

func (fs *findings) add(g Grade, code, pointer, message string) {
	if !fs.wants(g) {
		return
	}
	fs.hasError = fs.hasError || g == Error
	if len(fs.list) < maxFindings {
		fs.list = append(fs.list, Finding{g, code, pointer, message})
		return
	}
	fs.full = true
	last := &fs.list[maxFindings-1]
	*last = Finding{min(g, last.Grade), "too_many_findings", "", fmt.Sprintf("more than %d findings; the rest is left out", maxFindings)}
}

// lenient is the grade of a rule that 1EdTech's samples break.
func (fs *findings) lenient() Grade {
	if fs.profile == OneEdTech {
		return Warning
	}
	return Error
}

// Kind says what a document is, as far as this package cares.
type Kind string

// The kinds. Unknown is JSON or a JWS that holds none of the others.
const (
	Unknown        Kind = ""
	OB3Achievement Kind = "ob3-achievement" // AchievementCredential, OpenBadgeCredential
	OB3Endorsement Kind = "ob3-endorsement" // EndorsementCredential
	CLR            Kind = "clr"             // ClrCredential
	Credential     Kind = "credential"      // another W3C credential
	Presentation   Kind = "presentation"
	OB2Assertion   Kind = "ob2-assertion"
	OB2BadgeClass  Kind = "ob2-badgeclass"
	OB2Profile     Kind = "ob2-profile"
	OB2URL         Kind = "ob2-url" // where a hosted assertion lies
)

// KindOf tells what the object at n is by its type and context. It answers by the
// first rule that fits and checks nothing else.
func KindOf(doc *strictjson.Doc, n strictjson.Node) Kind {
	has := func(t string) bool { return hasType(doc, n, t) }
	switch {
	case doc.Kind(n) != strictjson.Object:
		return Unknown
	case has("ClrCredential"):
		return CLR
	case has("OpenBadgeCredential"), has("AchievementCredential"):
		return OB3Achievement
	case has("EndorsementCredential"):
		return OB3Endorsement
	case has("VerifiablePresentation"):
		return Presentation
	case has("VerifiableCredential"):
		return Credential
	case has("Assertion"):
		return OB2Assertion
	case has("BadgeClass"):
		return OB2BadgeClass
	case has("Issuer"), isOB2(doc, n) && has("Profile"):
		return OB2Profile
	case doc.Get(n, "recipient") >= 0 && doc.Get(n, "badge") >= 0 && (doc.Get(n, "verify") >= 0 || doc.Get(n, "verification") >= 0):
		return OB2Assertion // 1.x assertions have no type
	}
	return Unknown
}

// isOB2 tells whether a document stands under a context of Open Badges 1 or 2.
func isOB2(doc *strictjson.Doc, n strictjson.Node) bool {
	found := false
	doc.Each(doc.Get(n, "@context"), func(c strictjson.Node) bool {
		url := doc.String(c)
		found = strings.HasPrefix(url, "https://w3id.org/openbadges/v") || url == "https://openbadgespec.org/v2/context.json"
		return !found
	})
	return found
}

// hasType tells whether the type of an object names t, as it is written.
func hasType(doc *strictjson.Doc, n strictjson.Node, t string) bool {
	found := false
	doc.Each(doc.Get(n, "type"), func(e strictjson.Node) bool {
		s, ok := doc.Str(e)
		found = ok && s == t
		return !found
	})
	return found
}
