package badge

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// View is what a badge says, for display. Nothing in it is verified by reading it.
// Texts that are maps of languages in JSON-LD are read in English where there is one,
// and else in the first language.
type View struct {
	Kind         Kind
	ID           string
	Name         string // of the credential, "" where it has none
	Description  string
	Issuer       Party
	Subject      Party
	Achievements []Achievement // one in an Open Badge, any number in a CLR
	Results      []Result
	Evidence     []Evidence
	Comment      string // of an endorsement
	ValidFrom    string // as written
	ValidUntil   string
	AwardedDate  string
	Image        string // URL or data: URL
	Partial      bool   // a CLR that says it is not complete
	Associations []Association
}

// Party is an issuer or a subject.
type Party struct {
	ID, Name, URL, Email, Image string
	Identifiers                 []Identifier
}

// Identifier is an IdentityObject of a subject.
type Identifier struct {
	Type, Value string
	Hashed      bool
	Salt        string
}

// Achievement is what was achieved.
type Achievement struct {
	ID, Type, Name, Description   string
	CriteriaID, CriteriaNarrative string
	Image, HumanCode, Language    string
	Creator                       Party
	Alignments                    []Alignment
	ResultDescriptions            []ResultDescription
	Tags                          []string
	Credits                       float64 // creditsAvailable, 0 without
}

// Alignment links an achievement to a framework.
type Alignment struct{ Name, URL, Type, Code, Framework, Description string }

// ResultDescription says which results there can be.
type ResultDescription struct {
	ID, Name, Type               string
	AllowedValues                []string
	ValueMin, ValueMax           string
	RequiredValue, RequiredLevel string
	Levels                       []RubricLevel
	Alignments                   []Alignment
}

// RubricLevel is a RubricCriterionLevel.
type RubricLevel struct{ ID, Name, Level, Points, Description string }

// Result is a result that the subject reached. Description is the id of its
// ResultDescription, AchievedLevel that of a RubricLevel.
type Result struct{ Description, Value, Status, AchievedLevel string }

// Association says how two achievements of a CLR stand to each other, by their ids.
type Association struct{ Type, Source, Target string }

// Evidence is what supports the claim.
type Evidence struct{ ID, Name, Description, Narrative, Genre, Audience string }

// Read returns what the badge at n says: the root, or the credential within a JWT. It
// reads what is well-typed and leaves out the rest; Check says what that is.
func Read(doc *strictjson.Doc, n strictjson.Node) View {
	r := reader{doc}
	subject := doc.Get(n, "credentialSubject")
	v := View{
		Kind: KindOf(doc, n), ID: r.str(n, "id"), Name: r.text(n, "name"), Description: r.text(n, "description"),
		Issuer: r.party(doc.Get(n, "issuer")), Subject: r.party(subject),
		ValidFrom: r.str(n, "validFrom"), ValidUntil: r.str(n, "validUntil"), AwardedDate: r.str(n, "awardedDate"),
		Image: r.image(n), Comment: r.text(subject, "endorsementComment"),
	}
	if v.ValidFrom == "" {
		v.ValidFrom = r.str(n, "issuanceDate")
	}
	if v.ValidUntil == "" {
		v.ValidUntil = r.str(n, "expirationDate")
	}
	v.Partial, _ = doc.Bool(doc.Get(n, "partial"))
	r.each(subject, "achievement", func(a strictjson.Node) { v.Achievements = append(v.Achievements, r.achievement(a)) })
	r.each(subject, "result", func(e strictjson.Node) {
		v.Results = append(v.Results, Result{r.str(e, "resultDescription"), r.text(e, "value"), r.str(e, "status"), r.str(e, "achievedLevel")})
	})
	r.each(subject, "association", func(e strictjson.Node) {
		v.Associations = append(v.Associations, Association{r.str(e, "associationType"), r.str(e, "sourceId"), r.str(e, "targetId")})
	})
	r.each(n, "evidence", func(e strictjson.Node) {
		v.Evidence = append(v.Evidence, Evidence{r.str(e, "id"), r.text(e, "name"), r.text(e, "description"), r.text(e, "narrative"), r.text(e, "genre"), r.text(e, "audience")})
	})
	return v
}

type reader struct{ doc *strictjson.Doc }

// each calls f for every object that a property holds, as a list or alone.
func (r reader) each(n strictjson.Node, name string, f func(strictjson.Node)) {
	r.doc.Each(r.doc.Get(n, name), func(e strictjson.Node) bool {
		if r.doc.Kind(e) == strictjson.Object {
			f(e)
		}
		return true
	})
}

func (r reader) str(n strictjson.Node, name string) string { return r.doc.String(r.doc.Get(n, name)) }

func (r reader) text(n strictjson.Node, name string) string {
	v := r.doc.Get(n, name)
	if r.doc.Kind(v) != strictjson.Object {
		return r.doc.String(v)
	}
	if en := r.doc.Get(v, "en"); en != strictjson.None {
		v = en
	} else {
		v = r.doc.First(v)
	}
	return r.doc.String(v)
}

// image returns the address of an image, which is an object or, in many badges, a
// plain string.
func (r reader) image(n strictjson.Node) string {
	v := r.doc.Get(n, "image")
	if r.doc.Kind(v) == strictjson.Object {
		v = r.doc.Get(v, "id")
	}
	return r.doc.String(v)
}

func (r reader) party(n strictjson.Node) Party {
	if id, ok := r.doc.Str(n); ok {
		return Party{ID: id}
	}
	p := Party{ID: r.str(n, "id"), Name: r.text(n, "name"), URL: r.str(n, "url"), Email: r.str(n, "email"), Image: r.image(n)}
	r.each(n, "identifier", func(e strictjson.Node) {
		hashed, _ := r.doc.Bool(r.doc.Get(e, "hashed"))
		p.Identifiers = append(p.Identifiers, Identifier{r.str(e, "identityType"), r.str(e, "identityHash"), hashed, r.str(e, "salt")})
	})
	return p
}

func (r reader) alignments(n strictjson.Node) (out []Alignment) {
	r.each(n, "alignment", func(e strictjson.Node) {
		out = append(out, Alignment{r.text(e, "targetName"), r.str(e, "targetUrl"), r.str(e, "targetType"), r.text(e, "targetCode"), r.text(e, "targetFramework"), r.text(e, "targetDescription")})
	})
	return out
}

func (r reader) achievement(n strictjson.Node) Achievement {
	criteria := r.doc.Get(n, "criteria")
	a := Achievement{
		ID: r.str(n, "id"), Type: r.str(n, "achievementType"), Name: r.text(n, "name"), Description: r.text(n, "description"),
		CriteriaID: r.str(criteria, "id"), CriteriaNarrative: r.text(criteria, "narrative"),
		Image: r.image(n), HumanCode: r.text(n, "humanCode"), Language: r.str(n, "inLanguage"),
		Creator: r.party(r.doc.Get(n, "creator")), Alignments: r.alignments(n), Tags: r.strings(n, "tag"),
	}
	a.Credits, _ = r.doc.Float(r.doc.Get(n, "creditsAvailable"))
	r.each(n, "resultDescription", func(e strictjson.Node) {
		d := ResultDescription{
			ID: r.str(e, "id"), Name: r.text(e, "name"), Type: r.str(e, "resultType"), AllowedValues: r.strings(e, "allowedValue"),
			ValueMin: r.text(e, "valueMin"), ValueMax: r.text(e, "valueMax"), RequiredValue: r.text(e, "requiredValue"),
			RequiredLevel: r.str(e, "requiredLevel"), Alignments: r.alignments(e),
		}
		r.each(e, "rubricCriterionLevel", func(l strictjson.Node) {
			d.Levels = append(d.Levels, RubricLevel{r.str(l, "id"), r.text(l, "name"), r.text(l, "level"), r.text(l, "points"), r.text(l, "description")})
		})
		a.ResultDescriptions = append(a.ResultDescriptions, d)
	})
	return a
}

func (r reader) strings(n strictjson.Node, name string) (out []string) {
	r.doc.Each(r.doc.Get(n, name), func(e strictjson.Node) bool {
		if s, ok := r.doc.Str(e); ok {
			out = append(out, s)
		}
		return true
	})
	return out
}

// Embedded is a credential that a document holds, to be verified in its own right.
type Embedded struct {
	Pointer string
	Node    strictjson.Node // where Pointer leads
	Secured chancery.Secured
}

// ErrTooMany: a document holds more credentials than are verified.
var ErrTooMany = fmt.Errorf("badge: expected at most %d credentials inside of one document", limits.Credentials)

// Endorsements returns the endorsements of the badge at n, wherever in it they are:
// of the credential, the achievement, the issuer and other profiles, as embedded
// credentials or as compact JWS. Those inside of other credentials, such as the
// endorsements of an endorser or those in a record of a CLR, are left to the
// verification of these. More than a thousand are ErrTooMany.
func Endorsements(doc *strictjson.Doc, n strictjson.Node) ([]Embedded, error) {
	w := &endorsementWalk{doc: doc, base: doc.Pointer(n)}
	w.object(n)
	return embedded(doc, w.found)
}

// inside is a value, and where it is: asking for the pointer of each of many would
// count the elements before it each time.
type inside struct {
	node    strictjson.Node
	pointer string
}

// endorsementWalk looks for endorsements and remembers the way it went.
type endorsementWalk struct {
	doc   *strictjson.Doc
	base  string
	way   []step
	found []inside
}

// step is one part of a JSON pointer: a name, or the index of an element.
type step struct {
	name  string
	index int // -1 for a name
}

func (w *endorsementWalk) object(o strictjson.Node) {
	doc := w.doc
	list := doc.Kind(o) == strictjson.Array
	at := len(w.way)
	w.way = append(w.way, step{index: -1})
	for i, m := 0, doc.First(o); m != strictjson.None; i, m = i+1, doc.Next(m) {
		name := doc.Name(m)
		if w.way[at] = (step{name, -1}); list {
			w.way[at].index = i
		}
		switch name {
		case "endorsement", "endorsementJwt":
			w.take(m)
		case "verifiableCredential", "proof", "@context":
		default:
			if k := doc.Kind(m); k == strictjson.Object || k == strictjson.Array {
				w.object(m)
			}
		}
	}
	w.way = w.way[:at]
}

// take notes the endorsements in a member, up to one more than are judged.
func (w *endorsementWalk) take(m strictjson.Node) {
	i := 0
	w.doc.Each(m, func(e strictjson.Node) bool {
		if len(w.found) > limits.Credentials {
			return false
		}
		pointer := w.pointer()
		if e != m {
			pointer += "/" + strconv.Itoa(i)
		}
		w.found = append(w.found, inside{e, pointer})
		i++
		return true
	})
}

func (w *endorsementWalk) pointer() string {
	var b strings.Builder
	b.WriteString(w.base)
	for _, s := range w.way {
		b.WriteByte('/')
		if s.index >= 0 {
			b.WriteString(strconv.Itoa(s.index))
			continue
		}
		b.WriteString(pointerEscape.Replace(s.name))
	}
	return b.String()
}

// pointerEscape writes a name as RFC 6901 does.
var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// Inner returns the credentials of the CLR at n, in order: embedded ones, enveloped
// ones with what their data: URL holds, and compact JWS. More than a thousand are
// ErrTooMany; an enveloped one that cannot be unwrapped is a *chancery.ShapeError.
func Inner(doc *strictjson.Doc, n strictjson.Node) ([]Embedded, error) {
	var found []inside
	doc.Each(doc.Path(n, "credentialSubject", "verifiableCredential"), func(e strictjson.Node) bool {
		found = append(found, inside{e, doc.Pointer(e)})
		return len(found) <= limits.Credentials
	})
	return embedded(doc, found)
}

func embedded(doc *strictjson.Doc, nodes []inside) ([]Embedded, error) {
	if len(nodes) > limits.Credentials {
		return nil, ErrTooMany
	}
	var out []Embedded
	for _, at := range nodes {
		e := at.node
		in := Embedded{at.pointer, e, chancery.Secured{MediaType: chancery.MediaVC, Bytes: []byte(doc.Raw(e))}}
		if jws, ok := doc.Str(e); ok {
			in.Secured = chancery.Secured{MediaType: chancery.MediaJWT, Bytes: []byte(jws)}
		} else if hasType(doc, e, "EnvelopedVerifiableCredential") {
			s, _, err := chancery.Unwrap(withContext(doc, e))
			if err != nil {
				return nil, err
			}
			in.Secured = s
		}
		out = append(out, in)
	}
	return out, nil
}

// withContext gives an enveloped credential, which inside another document needs no
// context of its own, the one it stands under.
func withContext(doc *strictjson.Doc, n strictjson.Node) []byte {
	if doc.Get(n, "@context") != strictjson.None {
		return []byte(doc.Raw(n))
	}
	return doc.Rewrite(n, []strictjson.Member{{Name: "@context", Value: strictjson.Quote(chancery.ContextV2)}})
}
