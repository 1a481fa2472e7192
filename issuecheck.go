package chancery

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// ShapeErrors is every fault found in one document, in the order of the rules.
type ShapeErrors []*ShapeError

func (e ShapeErrors) Error() string {
	lines := make([]string, len(e))
	for i, f := range e {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the faults.
func (e ShapeErrors) Unwrap() []error {
	out := make([]error, len(e))
	for i, f := range e {
		out[i] = f
	}
	return out
}

const (
	sectionIDs      = "VC Data Model 2.0, 4.4"
	sectionTypes    = "VC Data Model 2.0, 4.5"
	sectionNames    = "VC Data Model 2.0, 4.6"
	sectionIssuer   = "VC Data Model 2.0, 4.7"
	sectionSubject  = "VC Data Model 2.0, 4.8"
	sectionValidity = "VC Data Model 2.0, 4.9"
	sectionStatus   = "VC Data Model 2.0, 4.10"
	sectionSchema   = "VC Data Model 2.0, 4.11"
	sectionDigest   = "VC Data Model 2.0, 5.3"
	sectionRefresh  = "VC Data Model 2.0, 5.4"
	sectionTerms    = "VC Data Model 2.0, 5.5"
	sectionEvidence = "VC Data Model 2.0, 5.6"
	sectionBitarray = "Bitstring Status List 1.0, 2.1"
	sectionV1Dates  = "VC Data Model 1.1, 4.6"
)

// CheckIssue applies the rules of the data model that a credential must meet before it
// is signed, beyond those of Parse: identifiers that are URLs, types on every entry
// that needs one, dates with zone and in order, language values, status entries,
// related resources with distinct identifiers and digests that are well formed and,
// for the contexts known here, right. The error is of type ShapeErrors and holds every
// fault. Terms that no context defines are found by package signer.
func CheckIssue(c *Credential) error {
	if c == nil {
		c = &Credential{} // there is nothing in it that the rules ask for
	}
	k := &checker{doc: c.doc, model: c.model}
	k.head()
	k.issuer()
	k.subjects()
	k.dates()
	k.status()
	k.typed("credentialSchema", sectionSchema, true)
	k.typed("refreshService", sectionRefresh, c.model == Model1_1)
	k.typed("termsOfUse", sectionTerms, false)
	k.typed("evidence", sectionEvidence, false)
	k.related()
	if len(k.faults) == 0 {
		return nil
	}
	return k.faults
}

type checker struct {
	doc    *strictjson.Doc
	model  ModelVersion
	faults ShapeErrors
}

const maxFaults = 100 // a document with more is not worth listing further

func (k *checker) fault(n strictjson.Node, section, detail string) {
	k.faultIn(n, "", section, detail)
}

// faultIn is a fault of what is, or should be, at a pointer from n. Where no more are listed
// the pointer is not made: that takes time for every item before n.
func (k *checker) faultIn(n strictjson.Node, pointer, section, detail string) {
	if len(k.faults) < maxFaults {
		k.faults = append(k.faults, &ShapeError{Pointer: k.doc.Pointer(n) + pointer, Detail: detail, Section: section})
	}
}

func (k *checker) get(name string) strictjson.Node { return k.doc.Get(0, name) }

func (k *checker) head() {
	k.doc.Each(k.get("@context"), func(n strictjson.Node) bool {
		switch k.doc.Kind(n) {
		case strictjson.Object:
		case strictjson.String:
			if !isURL(k.doc.String(n)) {
				k.fault(n, "VC Data Model 2.0, 4.3", "expected the URL of a context")
			}
		default:
			k.fault(n, "VC Data Model 2.0, 4.3", "expected a URL or an object, found "+k.doc.Kind(n).String())
		}
		return true
	})
	k.url(0, "id", false, sectionIDs)
	k.types(0, sectionTypes)
	k.words(0, "name")
	k.words(0, "description")
}

// url checks the identifier of an object.
func (k *checker) url(n strictjson.Node, name string, required bool, section string) {
	id := k.doc.Get(n, name)
	if id == strictjson.None {
		if required {
			k.faultIn(n, "/"+name, section, "expected a URL")
		}
		return
	}
	s, ok := k.doc.Str(id)
	if !ok {
		k.fault(id, section, "expected one URL, found "+k.doc.Kind(id).String())
	} else if !isURL(s) {
		k.fault(id, section, "expected a URL")
	}
}

// types checks the type member of an object, which must be there.
func (k *checker) types(n strictjson.Node, section string) {
	t := k.doc.Get(n, "type")
	if t == strictjson.None || k.doc.Kind(t) == strictjson.Array && k.doc.Len(t) == 0 {
		k.faultIn(n, "/type", section, "expected a type")
		return
	}
	seen := map[string]bool{}
	k.doc.Each(t, func(e strictjson.Node) bool {
		s, ok := k.doc.Str(e)
		switch {
		case !ok || s == "":
			k.fault(e, section, "expected the name of a type, found "+k.doc.Kind(e).String())
		case seen[s]:
			k.fault(e, section, "expected each type once")
		}
		seen[s] = true
		return len(seen) < 1000
	})
}

func (k *checker) issuer() {
	issuer := k.get("issuer")
	if k.doc.Kind(issuer) == strictjson.Object {
		k.url(issuer, "id", true, sectionIssuer)
		k.words(issuer, "name")
		k.words(issuer, "description")
		return
	}
	k.url(0, "issuer", true, sectionIssuer)
}

func (k *checker) subjects() {
	k.doc.Each(k.get("credentialSubject"), func(n strictjson.Node) bool {
		if k.doc.Len(n) == 0 {
			k.fault(n, sectionSubject, "expected a subject with claims, found an empty object")
		}
		k.url(n, "id", false, sectionSubject)
		return true
	})
}

// words checks a text: a string, a language value, or a list of these.
func (k *checker) words(n strictjson.Node, name string) {
	member := k.doc.Get(n, name)
	if member == strictjson.None {
		return
	}
	if k.model == Model1_1 {
		return // terms of whatever context defines them
	}
	k.doc.Each(member, func(v strictjson.Node) bool {
		switch k.doc.Kind(v) {
		case strictjson.String:
		case strictjson.Object:
			k.languageValue(v)
		default:
			k.fault(v, sectionNames, "expected text or a language value, found "+k.doc.Kind(v).String())
		}
		return true
	})
}

// languageValue checks an object with @value, @language and @direction (VC Data Model
// 2.0, 11.1).
func (k *checker) languageValue(n strictjson.Node) {
	const section = "VC Data Model 2.0, 11.1"
	if _, ok := k.doc.Str(k.doc.Get(n, "@value")); !ok {
		k.fault(n, section, "expected @value with text")
	}
	for c := k.doc.First(n); c != strictjson.None; c = k.doc.Next(c) {
		s, ok := k.doc.Str(c)
		switch k.doc.Name(c) {
		case "@value":
		case "@language":
			if !ok || !isLanguage(s) {
				k.fault(c, section, "expected a language tag (BCP 47)")
			}
		case "@direction":
			if !ok || s != "ltr" && s != "rtl" {
				k.fault(c, section, "expected ltr or rtl")
			}
		default:
			k.fault(c, section, "expected @value, @language and @direction only")
		}
	}
}

// isLanguage tells whether s has the shape of a BCP 47 tag.
func isLanguage(s string) bool {
	for i, part := range strings.Split(s, "-") {
		if len(part) == 0 || len(part) > 8 {
			return false
		}
		for _, c := range []byte(part) {
			letter := c|0x20 >= 'a' && c|0x20 <= 'z'
			if !letter && (i == 0 || c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}

// dates checks the validity period.
func (k *checker) dates() {
	names := [2]string{"validFrom", "validUntil"}
	section := sectionValidity
	if k.model == Model1_1 {
		names, section = [2]string{"issuanceDate", "expirationDate"}, sectionV1Dates
		if k.get("issuanceDate") == strictjson.None {
			k.faultIn(0, "/issuanceDate", section, "expected a date and time")
		}
		k.date("validFrom", sectionValidity)
		k.date("validUntil", sectionValidity)
	}
	from, okFrom := k.date(names[0], section)
	until, okUntil := k.date(names[1], section)
	if okFrom && okUntil && until.Before(from) {
		k.fault(k.get(names[1]), section, "expected an instant that is not before "+names[0])
	}
}

func (k *checker) date(name, section string) (t time.Time, ok bool) {
	n := k.get(name)
	if n == strictjson.None {
		return t, false
	}
	if t, ok = k.doc.Time(n); !ok {
		k.fault(n, section, "expected a date and time with zone (RFC 3339)")
		return t, false
	}
	return t, true
}

// typed checks a member whose values are objects, each with a type.
func (k *checker) typed(name, section string, needID bool) {
	k.each(name, section, func(n strictjson.Node) {
		k.types(n, section)
		k.url(n, "id", needID, section)
	})
}

// each calls f for every object of a member and refuses other values.
func (k *checker) each(name, section string, f func(strictjson.Node)) {
	k.doc.Each(k.get(name), func(n strictjson.Node) bool {
		if k.doc.Kind(n) != strictjson.Object {
			k.fault(n, section, "expected an object, found "+k.doc.Kind(n).String())
		} else {
			f(n)
		}
		return len(k.faults) < maxFaults
	})
}

func (k *checker) status() {
	if n := k.get("credentialStatus"); k.doc.Kind(n) == strictjson.Array && k.doc.Len(n) > limits.StatusEntries {
		k.fault(n, sectionStatus, fmt.Sprintf("expected at most %d entries, found %d", limits.StatusEntries, k.doc.Len(n)))
		return
	}
	k.typed("credentialStatus", sectionStatus, k.model == Model1_1)
	k.doc.Each(k.get("credentialStatus"), func(n strictjson.Node) bool {
		if hasType(k.doc, n, "BitstringStatusListEntry") || hasType(k.doc, n, "StatusList2021Entry") {
			k.bitEntry(n)
		}
		return len(k.faults) < maxFaults
	})
}

// bitEntry checks an entry of a bitstring list.
func (k *checker) bitEntry(n strictjson.Node) {
	d := k.doc
	if d.String(d.Get(n, "statusPurpose")) == "" {
		k.faultIn(n, "/statusPurpose", sectionBitarray, "expected a purpose")
	}
	index := d.Get(n, "statusListIndex")
	if i, err := strconv.ParseInt(d.String(index), 10, 64); err != nil || strconv.FormatInt(i, 10) != d.String(index) || i < 0 {
		k.faultIn(n, "/statusListIndex", sectionBitarray, "expected a decimal number as a string")
	}
	k.url(n, "statusListCredential", true, sectionBitarray)
	size := int64(1)
	if s := d.Get(n, "statusSize"); s != strictjson.None {
		var ok bool
		if size, ok = d.Int(s); !ok || size < 1 || size > 64 {
			k.fault(s, sectionBitarray, "expected a number of bits from 1 to 64")
			return
		}
	}
	messages := d.Get(n, "statusMessage")
	switch {
	case messages == strictjson.None && size > 1:
		k.faultIn(n, "/statusMessage", sectionBitarray, "expected a message for each value of more than one bit")
	case messages == strictjson.None:
	case d.Kind(messages) != strictjson.Array || size > 16 || d.Len(messages) != 1<<size:
		k.fault(messages, sectionBitarray, "expected as many messages as the entry has values")
	default:
		d.Each(messages, func(m strictjson.Node) bool {
			if d.String(d.Get(m, "status")) == "" || d.String(d.Get(m, "message")) == "" {
				k.fault(m, sectionBitarray, "expected status and message")
			}
			return len(k.faults) < maxFaults
		})
	}
}

// isURL tells whether s is an absolute URL or URI: a scheme, a colon and more, without
// white space and the characters that URLs exclude (RFC 3986, 3.1; RFC 3987, 2.2).
func isURL(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || scheme == "" || rest == "" {
		return false
	}
	for i, c := range []byte(scheme) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(c))) {
			return false
		}
	}
	return !strings.ContainsFunc(rest, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune("<>\"{}|\\^`", r) || r == 0xfffd
	})
}
