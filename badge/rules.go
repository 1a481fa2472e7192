package badge

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

var absoluteForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"{}|\\^` + "`" + `]+$`)

// rules are those that no schema expresses. They look at well-typed values only: what
// is not has its finding already.
func (c *checker) rules(n strictjson.Node, class string) {
	if id, ok := c.doc.Str(c.doc.Get(n, "id")); ok && !absoluteForm.MatchString(id) {
		c.at(c.doc.Get(n, "id"), Error, "id_not_absolute", "expected an absolute URI, which needs no base")
	}
	switch class {
	case "AchievementCredential", "EndorsementCredential", "ClrCredential":
		c.credential(n, class)
	case "AchievementSubject":
		c.identified(n, Error)
		c.period(n, "activityStartDate", "activityEndDate", Warning)
		c.results(n)
	case "ClrSubject":
		c.identified(n, Warning)
		c.clr(n)
	case "Achievement":
		c.achievement(n)
	case "ResultDescription":
		c.resultDescription(n)
	case "IdentityObject":
		c.identityObject(n)
	case "Alignment":
		if url, ok := c.doc.Str(c.doc.Get(n, "targetUrl")); ok && !absoluteForm.MatchString(url) {
			c.at(c.doc.Get(n, "targetUrl"), c.lenient(), "url_not_absolute", "expected an absolute URL")
		}
	}
}

func (c *checker) credential(n strictjson.Node, class string) {
	if c.v1 {
		c.period(n, "issuanceDate", "expirationDate", Error)
	} else {
		c.period(n, "validFrom", "validUntil", Error)
	}
	if issuer, ok := c.doc.Str(c.doc.Get(n, "issuer")); ok && !absoluteForm.MatchString(issuer) {
		c.at(c.doc.Get(n, "issuer"), Error, "id_not_absolute", "expected an absolute URI, which needs no base")
	}
	if class != "EndorsementCredential" || n == c.root {
		return
	}
	if p := c.doc.Get(n, "proof"); p == strictjson.None || c.doc.Kind(p) == strictjson.Array && c.doc.Len(p) == 0 {
		c.at(n, Error, "endorsement_without_proof", "expected an endorsement with a proof of its own")
	}
	holder := c.doc.Parent(n)
	if c.doc.Kind(holder) == strictjson.Array {
		holder = c.doc.Parent(holder)
	}
	endorsed, ok := c.doc.Str(c.doc.Path(n, "credentialSubject", "id"))
	if id, has := c.doc.Str(c.doc.Get(holder, "id")); ok && has && id != endorsed {
		c.at(c.doc.Path(n, "credentialSubject", "id"), Warning, "endorsement_of_another", "expected the endorsement to be about the object that holds it")
	}
}

// identified checks that a subject can be told from others.
func (c *checker) identified(n strictjson.Node, g Grade) {
	ids := c.doc.Get(n, "identifier")
	if c.doc.String(c.doc.Get(n, "id")) == "" && (ids == strictjson.None || c.doc.Kind(ids) == strictjson.Array && c.doc.Len(ids) == 0) {
		c.at(n, g, "subject_not_identified", "expected an id or at least one identifier")
	}
}

func (c *checker) achievement(n strictjson.Node) {
	if cr := c.doc.Get(n, "criteria"); c.doc.Kind(cr) == strictjson.Object && c.doc.Get(cr, "id") < 0 && c.doc.Get(cr, "narrative") < 0 {
		c.at(cr, Warning, "criteria_empty", "expected an id or a narrative in the criteria")
	}
	seen := map[string]bool{}
	unique := func(o strictjson.Node) {
		id, ok := c.doc.Str(c.doc.Get(o, "id"))
		if ok && seen[id] {
			c.at(c.doc.Get(o, "id"), Error, "id_not_unique", "expected result descriptions and rubric levels with ids of their own")
		}
		seen[id] = true
	}
	c.doc.Each(c.doc.Get(n, "resultDescription"), func(rd strictjson.Node) bool {
		unique(rd)
		c.doc.Each(c.doc.Get(rd, "rubricCriterionLevel"), func(l strictjson.Node) bool {
			unique(l)
			return true
		})
		return true
	})
}

// described is a result description with what results are looked up in.
type described struct {
	node    strictjson.Node
	levels  map[string]bool
	allowed map[string]bool // nil where any value is
}

func (c *checker) describe(rd strictjson.Node) described {
	d := described{node: rd, levels: map[string]bool{}}
	c.doc.Each(c.doc.Get(rd, "rubricCriterionLevel"), func(l strictjson.Node) bool {
		if id, ok := c.doc.Str(c.doc.Get(l, "id")); ok {
			d.levels[id] = true
		}
		return true
	})
	if list := c.doc.Get(rd, "allowedValue"); list != strictjson.None {
		d.allowed = map[string]bool{}
		c.doc.Each(list, func(e strictjson.Node) bool {
			if s, ok := c.doc.Str(e); ok {
				d.allowed[s] = true
			}
			return true
		})
	}
	return d
}

// results checks every result of a subject against its description, which must stand
// inside the subject's achievement.
func (c *checker) results(n strictjson.Node) {
	descriptions := map[string]described{}
	c.doc.Each(c.doc.Path(n, "achievement", "resultDescription"), func(rd strictjson.Node) bool {
		if id, ok := c.doc.Str(c.doc.Get(rd, "id")); ok {
			descriptions[id] = c.describe(rd)
		}
		return true
	})
	c.doc.Each(c.doc.Get(n, "result"), func(r strictjson.Node) bool {
		ref := c.doc.Get(r, "resultDescription")
		id, ok := c.doc.Str(ref)
		if !ok {
			if l := c.doc.Get(r, "achievedLevel"); l != strictjson.None {
				c.at(l, Error, "achieved_level_unknown", "expected a result description that holds the achieved level")
			}
			return true
		}
		if d, known := descriptions[id]; known {
			c.result(r, d)
		} else {
			c.at(ref, Error, "result_description_unknown", "expected the id of a result description inside this achievement")
		}
		return true
	})
}

func (c *checker) result(r strictjson.Node, d described) {
	if c.doc.String(c.doc.Get(d.node, "resultType")) == "Status" && c.doc.Get(r, "status") == strictjson.None {
		c.at(r, Error, "result_status_missing", "expected a status, since the result description is of type Status")
	}
	if l := c.doc.Get(r, "achievedLevel"); l != strictjson.None && !d.levels[c.doc.String(l)] {
		c.at(l, c.lenient(), "achieved_level_unknown", "expected the id of a rubric level inside the result description")
	}
	if v := c.doc.Get(r, "value"); c.doc.Kind(v) == strictjson.String && !c.allows(d, c.doc.String(v)) {
		c.at(v, c.lenient(), "result_value_not_allowed", "expected a value that the result description allows")
	}
}

func (c *checker) resultDescription(rd strictjson.Node) {
	d := c.describe(rd)
	if l := c.doc.Get(rd, "requiredLevel"); c.doc.Kind(l) == strictjson.String && !d.levels[c.doc.String(l)] {
		c.at(l, Error, "required_level_unknown", "expected the id of a rubric level inside this result description")
	}
	if v := c.doc.Get(rd, "requiredValue"); c.doc.Kind(v) == strictjson.String && !c.allows(d, c.doc.String(v)) {
		c.at(v, Error, "required_value_not_allowed", "expected a required value that is among the allowed ones")
	}
	if lo, hi := c.bound(rd, "valueMin"), c.bound(rd, "valueMax"); lo != nil && hi != nil && *lo > *hi {
		c.at(c.doc.Get(rd, "valueMin"), Error, "value_range_reversed", "expected a lowest value that is not above the highest")
	}
}

// allows tells whether a result description leaves a value in: it is in allowedValue
// where there is one, and else within the bounds where those and it are numbers.
func (c *checker) allows(d described, value string) bool {
	if d.allowed != nil {
		return d.allowed[value]
	}
	v := number(value)
	if v == nil {
		return true
	}
	lo, hi := c.bound(d.node, "valueMin"), c.bound(d.node, "valueMax")
	return (lo == nil || *v >= *lo) && (hi == nil || *v <= *hi)
}

func (c *checker) bound(rd strictjson.Node, name string) *float64 {
	return number(c.doc.String(c.doc.Get(rd, name)))
}

var decimalForm = regexp.MustCompile(`^[+-]?[0-9]{1,30}(\.[0-9]{1,30})?$`)

// number reads a decimal number; a percent sign behind it is left out.
func number(s string) *float64 {
	s = strings.TrimSuffix(strings.TrimSpace(s), "%")
	if !decimalForm.MatchString(s) {
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil
	}
	return &f
}

// clr checks that associations name achievements of the record, and that what it
// holds are credentials.
func (c *checker) clr(n strictjson.Node) {
	var ids []string
	add := func(a strictjson.Node) bool {
		ids = append(ids, c.doc.String(c.doc.Get(a, "id")))
		return true
	}
	c.doc.Each(c.doc.Get(n, "achievement"), add)
	c.doc.Each(c.doc.Get(n, "verifiableCredential"), func(vc strictjson.Node) bool {
		add(vc)
		if c.doc.Kind(vc) == strictjson.Object && !hasType(c.doc, vc, "VerifiableCredential") && !hasType(c.doc, vc, "EnvelopedVerifiableCredential") {
			c.at(vc, Error, "type_missing", "expected the type VerifiableCredential")
		}
		c.doc.Each(c.doc.Get(vc, "credentialSubject"), func(s strictjson.Node) bool {
			add(s)
			c.doc.Each(c.doc.Get(s, "achievement"), add)
			return true
		})
		return true
	})
	slices.Sort(ids)
	c.doc.Each(c.doc.Get(n, "association"), func(a strictjson.Node) bool {
		for _, end := range []string{"sourceId", "targetId"} {
			if id, ok := c.doc.Str(c.doc.Get(a, end)); ok {
				if _, found := slices.BinarySearch(ids, id); !found {
					c.at(c.doc.Get(a, end), Warning, "association_unknown", "expected the id of an achievement in this record")
				}
			}
		}
		return true
	})
}
