package jsonld

import "strings"

// keyword is a JSON-LD keyword; 0 is none.
type keyword uint8

const (
	noKeyword keyword = iota
	kwBase
	kwContainer
	kwContext
	kwDirection
	kwGraph
	kwID
	kwImport
	kwIncluded
	kwIndex
	kwJSON
	kwLanguage
	kwList
	kwNest
	kwNone
	kwPrefix
	kwPropagate
	kwProtected
	kwReverse
	kwSet
	kwType
	kwValue
	kwVersion
	kwVocab
)

var keywords = map[string]keyword{
	"@base": kwBase, "@container": kwContainer, "@context": kwContext, "@direction": kwDirection,
	"@graph": kwGraph, "@id": kwID, "@import": kwImport, "@included": kwIncluded, "@index": kwIndex,
	"@json": kwJSON, "@language": kwLanguage, "@list": kwList, "@nest": kwNest, "@none": kwNone,
	"@prefix": kwPrefix, "@propagate": kwPropagate, "@protected": kwProtected, "@reverse": kwReverse,
	"@set": kwSet, "@type": kwType, "@value": kwValue, "@version": kwVersion, "@vocab": kwVocab,
}

func isKeyword(s string) keyword {
	if len(s) < 3 || s[0] != '@' {
		return noKeyword
	}
	return keywords[s]
}

// keywordLike tells whether s has the form of a keyword: "@" and one or more letters.
func keywordLike(s string) bool {
	if len(s) < 2 || s[0] != '@' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// iriByte marks the characters that may stand in an IRI: all but controls, space and
// <>"{}|\^` (RFC 3987; the IRIREF production of N-Quads).
var iriByte = func() (t [256]bool) {
	for c := 0x21; c < 256; c++ {
		t[c] = c != 0x7f && !strings.ContainsRune("<>\"{}|\\^`", rune(c))
	}
	return t
}()

// validIRI tells whether no character of s is excluded from IRIs. The C1 controls and
// the other code points that RFC 3987 leaves out are refused too.
func validIRI(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x80 {
			if !iriByte[c] {
				return false
			}
		} else if !ucschars(s[i:]) {
			return false
		} else {
			break
		}
	}
	return true
}

// ucschars checks the rest of an IRI from its first character outside of ASCII.
func ucschars(s string) bool {
	for _, c := range s {
		switch {
		case c < 0x80:
			if !iriByte[c] {
				return false
			}
		case c < 0xa0, c >= 0xfdd0 && c <= 0xfdef, c >= 0xfff0 && c <= 0xffff, c&0xfffe == 0xfffe:
			return false
		case c == 0x1680, c >= 0x2000 && c <= 0x200a, c == 0x2028, c == 0x2029, c == 0x202f, c == 0x205f, c == 0x3000, c == 0xa0, c == 0xfeff:
			return false // white space, which other processors refuse in IRIs
		}
	}
	return true
}

// scheme returns the length of the scheme of s with its colon, and 0 when s does not
// begin with one.
func scheme(s string) int {
	if s == "" || s[0]|0x20 < 'a' || s[0]|0x20 > 'z' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == ':':
			return i + 1
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == '+', c == '-', c == '.':
		default:
			return 0
		}
	}
	return 0
}

func isBlank(s string) bool { return len(s) > 1 && s[0] == '_' && s[1] == ':' }

// validBlank tells whether s, which is a blank node identifier, has a label that could
// stand in N-Quads, or nearly so.
func validBlank(s string) bool { return len(s) > 2 && validIRI(s[2:]) }

// validLanguage tells whether s has the form of a language tag (BCP 47), as far as
// JSON-LD processors check it.
func validLanguage(s string) bool {
	part, first := 0, true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9' && !first:
			if part++; part > 8 {
				return false
			}
		case c == '-' && part > 0:
			part, first = 0, false
		default:
			return false
		}
	}
	return part > 0
}

// expanded is what IRI expansion yields: a keyword, an IRI or relative reference, or
// nothing at all (a term defined as null).
type expanded struct {
	iri  string
	kw   keyword
	null bool
}

// absolute tells whether the result is an IRI with scheme, or a blank node identifier.
func (x expanded) absolute() bool {
	return x.kw == 0 && !x.null && (isBlank(x.iri) || scheme(x.iri) > 0)
}

// definer makes the definition of a term before it is needed, while a local context
// is being read (parameter "local context" of IRI expansion).
type definer interface {
	need(term string) error
}

// expandIRI is IRI expansion (JSON-LD 1.1 API, section 5.2.2) with a null base.
func (a *active) expandIRI(value string, vocab bool) (expanded, error) {
	return expandIRI(a, value, vocab, nil)
}

var errKeywordLike = &Error{Code: KeywordLike, Detail: "expected a keyword or a term, found the form of a keyword"}

func expandIRI(a *active, value string, vocab bool, local definer) (expanded, error) {
	if len(value) > 0 && value[0] == '@' {
		if kw := isKeyword(value); kw != 0 {
			return expanded{iri: value, kw: kw}, nil
		}
		if keywordLike(value) {
			return expanded{}, errKeywordLike
		}
	}
	if local != nil {
		if err := local.need(value); err != nil {
			return expanded{}, err
		}
	}
	if t := a.lookup(value); t != nil {
		if t.kw != 0 || vocab {
			return expanded{iri: t.iri, kw: t.kw, null: t.null}, nil
		}
	}
	return expandCompact(a, value, vocab, local)
}

// expandCompact is IRI expansion from step 6 on: as if no term were called value.
func expandCompact(a *active, value string, vocab bool, local definer) (expanded, error) {
	if i := strings.IndexByte(value, ':'); i > 0 {
		prefix, suffix := value[:i], value[i+1:]
		if prefix == "_" || strings.HasPrefix(suffix, "//") {
			return expanded{iri: value}, nil
		}
		if local != nil {
			if err := local.need(prefix); err != nil {
				return expanded{}, err
			}
		}
		if t := a.lookup(prefix); t != nil && t.prefix && !t.null {
			return expanded{iri: t.iri + suffix}, nil
		}
		if scheme(value) > 0 {
			return expanded{iri: value}, nil
		}
	}
	if vocab && a.hasVocab {
		return expanded{iri: a.vocab + value}, nil
	}
	return expanded{iri: value}, nil
}
