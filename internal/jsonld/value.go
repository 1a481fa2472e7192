package jsonld

import (
	"math"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

const (
	xsd        = "http://www.w3.org/2001/XMLSchema#"
	xsdBoolean = xsd + "boolean"
	xsdInteger = xsd + "integer"
	xsdDouble  = xsd + "double"
)

// scalar emits a string, number or boolean as the value of a property (section 5.3.2,
// Value Expansion).
func (r *run) scalar(n strictjson.Node, ac *active, p property, pl *place) error {
	if p.def != nil && p.def.scope.doc != nil {
		inner, err := r.scope(ac, p)
		if err != nil {
			return err
		}
		ac = inner
		p.def = ac.lookup(p.name)
	}
	typ, datatype := typeNone, ""
	if p.def != nil {
		typ, datatype = p.def.typ, p.def.datatype
	}
	v, isString := r.doc.Str(n)
	if isString && (typ == typeID || typ == typeVocab) {
		id, err := r.reference(n, v, ac, typ == typeVocab)
		if err != nil {
			return err
		}
		return r.referenced(n, id, pl)
	}
	switch {
	case typ == typeJSON:
		return r.jsonLiteral(n, pl)
	case typ == typeIRI:
		return r.typed(n, datatype, pl)
	case !isString:
		return r.typed(n, "", pl)
	}
	lang := ac.language
	if p.def != nil && p.def.hasLang {
		lang = p.def.language
	}
	dir, err := r.directionOf(n, ac, p)
	if err != nil {
		return err
	}
	return r.text(n, v, lang, dir, pl)
}

// directionOf is the base direction of a property's strings, "" for none. A default that
// an earlier context than the last one has set is refused: by the specification it holds,
// while jsonld.js 9.0.0 and PyLD 3.3.0 lose it with every context that follows.
func (r *run) directionOf(n strictjson.Node, ac *active, p property) (string, error) {
	switch {
	case p.def != nil && p.def.hasDir:
		return p.def.direction, nil
	case ac.dirOuter:
		return "", r.unsupported(n, "a default base direction below a further context")
	}
	return ac.direction, nil
}

// i18n is the namespace of the datatypes that hold a language and a base direction.
const i18n = "https://www.w3.org/ns/i18n#"

// text emits a string with its language and base direction, each "" for none. RDF has no
// directions: they are kept as datatypes (section 8.4.2, step 12, with the option
// rdfDirection i18n-datatype), as the libraries of others do that sign such documents. The
// option's default would leave them out of what is signed.
func (r *run) text(n strictjson.Node, v, lang, dir string, pl *place) error {
	if dir != "" {
		return r.literal(n, v, i18n+lang+"_"+dir, "", pl)
	}
	return r.literal(n, v, "", lang, pl)
}

// referenced emits a node that is only named.
func (r *run) referenced(n strictjson.Node, id string, pl *place) error {
	if pl.wrap || pl.mode == onTop || pl.mode == onIncluded {
		return r.fail(DroppedValue, n, "a node without properties that hangs on nothing")
	}
	s := r.identifier(id)
	if pl.mapType != "" {
		if err := r.hasType(s, pl.mapType, pl.g, n); err != nil {
			return err
		}
	}
	return r.put(pl, s, n)
}

// literal emits a literal.
func (r *run) literal(n strictjson.Node, lexical, datatype, lang string, pl *place) error {
	if pl.mode == onTop || pl.wrap {
		return r.fail(DroppedValue, n, "a value that hangs on nothing")
	}
	if pl.mode == onIncluded || pl.reverse || pl.mapID != "" || pl.mapType != "" {
		return r.fail(InvalidDocument, n, "expected a node, found a value")
	}
	return r.put(pl, r.out.Literal(lexical, datatype, lang), n)
}

// typed emits a string, number or boolean with a datatype, or with that of its kind
// when the datatype is empty (section 8.4.2, Object to RDF Conversion).
func (r *run) typed(n strictjson.Node, datatype string, pl *place) error {
	var lexical, native string
	if datatype == rdfc.RDFLangString || datatype == rdfDirLangString {
		return r.fail(InvalidDocument, n, "invalid typed value: a language-tagged string without language")
	}
	switch r.doc.Kind(n) {
	case strictjson.String:
		lexical = r.doc.String(n)
		if datatype == xsdDouble && !isCanonicalDouble(lexical) {
			// The specification keeps the string; jsonld.js rewrites it as a number.
			return r.unsupported(n, "a string of type xsd:double that is not in canonical form")
		}
	case strictjson.Bool:
		lexical, native = "false", xsdBoolean
		if b, _ := r.doc.Bool(n); b {
			lexical = "true"
		}
	case strictjson.Number:
		f, ok := r.doc.Float(n)
		if !ok {
			return r.fail(InvalidDocument, n, "expected a number in the range of a double")
		}
		if datatype == xsdDouble || f != math.Trunc(f) || math.Abs(f) >= 1e21 {
			native = xsdDouble
			if lexical, ok = canonicalDouble(f); !ok {
				return r.fail(InexactNumber, n, "expected a number of at most 16 significant digits, which its xsd:double form holds")
			}
			if datatype != xsdDouble && pointless(f) {
				return r.unsupported(n, "a number such as 1e-7 whose type is not said to be xsd:double")
			}
		} else {
			native = xsdInteger
			lexical = canonicalInteger(r.doc.Raw(n), f)
		}
	default:
		return r.fail(InvalidDocument, n, "expected a string, number or boolean")
	}
	if datatype == "" {
		datatype = native
	}
	return r.literal(n, lexical, datatype, "", pl)
}

// canonicalInteger writes a number without fractional part; raw is its JSON text.
func canonicalInteger(raw string, f float64) string {
	if f == 0 {
		return "0"
	}
	for i := 0; i < len(raw); i++ {
		if c := raw[i]; c != '-' && (c < '0' || c > '9') {
			return strconv.FormatFloat(f, 'f', 0, 64)
		}
	}
	return raw // JSON has no leading zeros
}

// canonicalDouble writes a number as JSON-LD does ("%1.15E", without needless zeros);
// ok is false when the 16 digits stand for another number, so that two different
// documents would come out alike.
func canonicalDouble(f float64) (s string, ok bool) {
	if f == 0 {
		f = 0 // without sign, as in RFC 8785
	}
	var buf [32]byte
	b := strconv.AppendFloat(buf[:0], f, 'E', 15, 64)
	if back, err := strconv.ParseFloat(string(b), 64); err != nil || back != f {
		return "", false
	}
	mantissa, exp, _ := strings.Cut(string(b), "E")
	mantissa = strings.TrimRight(mantissa, "0")
	if strings.HasSuffix(mantissa, ".") {
		mantissa += "0"
	}
	e, err := strconv.Atoi(exp)
	if err != nil {
		return "", false
	}
	return mantissa + "E" + strconv.Itoa(e), true
}

// pointless tells whether JavaScript writes a fraction without a point, such as 1e-7: jsonld.js
// 9.0.0 takes those for integers, and all of them for 0.
func pointless(f float64) bool {
	return math.Abs(f) < 1e-6 && f != 0 && !strings.Contains(strconv.FormatFloat(f, 'e', -1, 64), ".")
}

func isCanonicalDouble(s string) bool {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return false
	}
	canon, ok := canonicalDouble(f)
	return ok && canon == s
}

// jsonLiteral emits a value as rdf:JSON in its RFC 8785 form.
func (r *run) jsonLiteral(n strictjson.Node, pl *place) error {
	b, err := r.doc.CanonicalizeNode(n)
	if err != nil {
		return r.fail(InvalidDocument, n, "invalid JSON literal")
	}
	return r.literal(n, string(b), rdfJSON, "", pl)
}

// valueObject emits an object with @value.
func (r *run) valueObject(n strictjson.Node, base int, typeCtx *active, pl *place) error {
	none := strictjson.None
	value, typ, lang, dir := none, none, none, none
	for i := base; i < len(r.members); i++ {
		switch m := &r.members[i]; m.kw {
		case kwValue:
			value = m.node
		case kwType:
			typ = m.node
		case kwLanguage:
			lang = m.node
		case kwDirection:
			if s := r.doc.String(m.node); s != "ltr" && s != "rtl" {
				return r.fail(InvalidDocument, m.node, "invalid base direction")
			}
			dir = m.node
		default:
			return r.fail(InvalidDocument, m.node, "invalid value object")
		}
	}
	if r.doc.Get(n, "@context") != none {
		return r.unsupported(n, "@context in a value object") // jsonld.js reverts type-scoped contexts here
	}
	kind := r.doc.Kind(value)
	if lang != none || dir != none {
		if typ != none {
			return r.fail(InvalidDocument, n, "invalid value object: type and language or direction")
		}
		if kind != strictjson.String {
			return r.fail(InvalidDocument, value, "invalid language-tagged value")
		}
		if lang == none {
			return r.text(n, r.doc.String(value), "", r.doc.String(dir), pl)
		}
		tag, ok := r.doc.Str(lang)
		if !ok {
			return r.fail(InvalidDocument, lang, "invalid language-tagged string")
		}
		if !validLanguage(tag) {
			return r.fail(InvalidLanguage, lang, "expected a language tag")
		}
		return r.text(n, r.doc.String(value), strings.ToLower(tag), r.doc.String(dir), pl)
	}
	if typ == none {
		return r.plainValue(value, "", pl)
	}
	name, ok := r.doc.Str(typ)
	if !ok {
		return r.fail(InvalidDocument, typ, "invalid typed value: expected one type")
	}
	if x, err := typeCtx.expandIRI(name, true); err == nil && x.kw == kwJSON {
		return r.jsonLiteral(value, pl)
	}
	iri, err := r.typeIRI(typ, name, typeCtx)
	if err != nil {
		return err
	}
	if isBlank(iri) {
		return r.fail(InvalidDocument, typ, "invalid typed value: a blank node as datatype")
	}
	return r.plainValue(value, iri, pl)
}

func (r *run) plainValue(value strictjson.Node, datatype string, pl *place) error {
	switch r.doc.Kind(value) {
	case strictjson.Null:
		return r.fail(NullValue, value, "null, which JSON-LD leaves out")
	case strictjson.Array, strictjson.Object:
		return r.fail(InvalidDocument, value, "invalid value object value")
	}
	return r.typed(value, datatype, pl)
}

// equalJSON compares two JSON values by their RFC 8785 form.
func equalJSON(d1 *strictjson.Doc, n1 strictjson.Node, d2 *strictjson.Doc, n2 strictjson.Node) bool {
	if d1.Raw(n1) == d2.Raw(n2) {
		return true
	}
	a, err1 := d1.CanonicalizeNode(n1)
	b, err2 := d2.CanonicalizeNode(n2)
	return err1 == nil && err2 == nil && string(a) == string(b)
}
