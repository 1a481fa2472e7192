package config

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

var yamlLine = regexp.MustCompile(`\bline (\d+)`)

var (
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
)

// field is a setting of a table.
type field struct {
	name, def, doc string
	oneof          []string
	min, max       *float64
	index          int
	typ            reflect.Type
}

func fields(t reflect.Type) []field {
	out := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		one := field{name: f.Tag.Get("conf"), def: f.Tag.Get("def"), doc: f.Tag.Get("doc"), index: i, typ: f.Type}
		if s := f.Tag.Get("oneof"); s != "" {
			one.oneof = strings.Split(s, ",")
		}
		for tag, into := range map[string]**float64{"min": &one.min, "max": &one.max} {
			if n, err := strconv.ParseFloat(f.Tag.Get(tag), 64); err == nil {
				*into = &n
			}
		}
		out = append(out, one)
	}
	return out
}

// isTable reports whether a type is a table of settings.
func isTable(t reflect.Type) bool { return t.Kind() == reflect.Struct && t != secretType }

// isTables reports whether a type is a list of tables.
func isTables(t reflect.Type) bool { return t.Kind() == reflect.Slice && isTable(t.Elem()) }

// defaults sets every field of a table to its default.
func defaults(v reflect.Value) {
	for _, f := range fields(v.Type()) {
		switch {
		case isTable(f.typ):
			defaults(v.Field(f.index))
		case f.def != "":
			var d decoder
			d.list = &list{}
			d.text("", f.def, f, v.Field(f.index))
		}
	}
}

// decoder sets fields from what was read.
type decoder struct {
	*list
	read func(string) ([]byte, error)
}

// table sets a table from a tree of a file.
func (d *decoder) table(at string, tree map[string]any, v reflect.Value) {
	known := fields(v.Type())
	for name, value := range tree {
		where := join(at, name)
		i := slices.IndexFunc(known, func(f field) bool { return f.name == name })
		if i < 0 {
			if secret, ok := strings.CutSuffix(name, "File"); ok {
				if k := slices.IndexFunc(known, func(f field) bool { return f.name == secret && f.typ == secretType }); k >= 0 {
					if _, both := tree[secret]; both {
						d.add(where, "expected either %s or %s", secret, name)
					} else if file, ok := value.(string); !ok {
						d.add(where, "expected the name of a file")
					} else {
						d.secretFile(where, file, v.Field(known[k].index))
					}
					continue
				}
			}
			d.add(where, "is not a setting%s", nearest(name, known))
			continue
		}
		d.value(where, value, known[i], v.Field(known[i].index))
	}
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// value sets a field from a value of a file.
func (d *decoder) value(at string, value any, f field, v reflect.Value) {
	switch {
	case isTable(f.typ):
		tree, ok := value.(map[string]any)
		if !ok {
			d.add(at, "expected a table of settings")
			return
		}
		d.table(at, tree, v)
	case isTables(f.typ):
		items, ok := elements(value)
		if !ok || len(items) > maxList {
			d.add(at, "expected a list of at most %d tables", maxList)
			return
		}
		out := reflect.MakeSlice(f.typ, len(items), len(items))
		for i, item := range items {
			defaults(out.Index(i))
			tree, ok := item.(map[string]any)
			if !ok {
				d.add(fmt.Sprintf("%s[%d]", at, i), "expected a table of settings")
				continue
			}
			d.table(fmt.Sprintf("%s[%d]", at, i), tree, out.Index(i))
		}
		v.Set(out)
	case f.typ.Kind() == reflect.Slice:
		items, ok := elements(value)
		if !ok || len(items) > maxList {
			d.add(at, "expected a list of at most %d values", maxList)
			return
		}
		out := reflect.MakeSlice(f.typ, len(items), len(items))
		for i, item := range items {
			d.one(fmt.Sprintf("%s[%d]", at, i), item, f, out.Index(i))
		}
		v.Set(out)
	default:
		d.one(at, value, f, v)
	}
}

func elements(value any) ([]any, bool) {
	switch value := value.(type) {
	case []any:
		return value, true
	case []map[string]any:
		out := make([]any, len(value))
		for i := range value {
			out[i] = value[i]
		}
		return out, true
	}
	return nil, false
}

// one sets a field that holds one value. A file has types: a number is not a text.
func (d *decoder) one(at string, value any, f field, v reflect.Value) {
	t := v.Type()
	switch value := value.(type) {
	case string:
		if t == secretType || t == durationType || t.Kind() == reflect.String {
			d.text(at, value, f, v)
			return
		}
	case bool:
		if t.Kind() == reflect.Bool {
			v.SetBool(value)
			return
		}
	case int:
		d.number(at, int64(value), f, v)
		return
	case int64:
		d.number(at, value, f, v)
		return
	case uint64: // beyond int64, in YAML
		if t.Kind() == reflect.Uint64 {
			v.SetUint(value)
			return
		}
	case float64:
		if t.Kind() == reflect.Float64 && d.bounds(at, value, f) {
			v.SetFloat(value)
			return
		}
		if t.Kind() == reflect.Float64 {
			return
		}
	}
	d.add(at, "expected %s", kind(t))
}

// number sets a field from an integer of a file.
func (d *decoder) number(at string, n int64, f field, v reflect.Value) {
	t := v.Type()
	switch {
	case t == durationType || t.Kind() == reflect.String || t.Kind() == reflect.Bool || t == secretType:
		d.add(at, "expected %s", kind(t))
	case t.Kind() == reflect.Uint64 && n < 0:
		d.add(at, "expected 0 or more")
	default:
		d.text(at, strconv.FormatInt(n, 10), f, v)
	}
}

// text sets a field from a text: of a variable, a command line, a default.
func (d *decoder) text(at, s string, f field, v reflect.Value) {
	t := v.Type()
	switch {
	case t == secretType:
		d.secret(at, s, v)
	case t == durationType:
		n, err := time.ParseDuration(s)
		if err != nil || n <= 0 || n > 100*365*24*time.Hour {
			d.add(at, "expected a time such as 30s, 10m or 24h, more than 0")
			return
		}
		v.SetInt(int64(n))
	case t.Kind() == reflect.String:
		if strings.ContainsFunc(s, unicode.IsControl) || len(s) > maxSecret {
			d.add(at, "expected a text on one line")
			return
		}
		if d.allowed(at, s, f) {
			v.SetString(s)
		}
	case t.Kind() == reflect.Bool:
		switch s {
		case "true", "1":
			v.SetBool(true)
		case "false", "0":
			v.SetBool(false)
		default:
			d.add(at, "expected true or false")
		}
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		n, err := strconv.ParseInt(s, 10, t.Bits())
		if err != nil {
			d.add(at, "expected a whole number")
		} else if d.bounds(at, float64(n), f) && d.allowed(at, s, f) {
			v.SetInt(n)
		}
	case t.Kind() == reflect.Uint64:
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			d.add(at, "expected a whole number of 0 or more")
			return
		}
		v.SetUint(n)
	case t.Kind() == reflect.Float64:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			d.add(at, "expected a number")
		} else if d.bounds(at, n, f) {
			v.SetFloat(n)
		}
	case t.Kind() == reflect.Slice && !isTables(t):
		var parts []string
		if s != "" {
			parts = strings.Split(s, ",")
		}
		out := reflect.MakeSlice(t, len(parts), len(parts))
		for i, part := range parts {
			d.text(fmt.Sprintf("%s[%d]", at, i), strings.TrimSpace(part), f, out.Index(i))
		}
		v.Set(out)
	default:
		d.add(at, "can be set in a file only")
	}
}

func (d *decoder) allowed(at, s string, f field) bool {
	if f.oneof == nil || slices.Contains(f.oneof, s) {
		return true
	}
	d.add(at, "expected one of %s", strings.Join(f.oneof, ", "))
	return false
}

func (d *decoder) bounds(at string, n float64, f field) bool {
	low, high := f.min != nil && n < *f.min, f.max != nil && n > *f.max
	switch {
	case math.IsNaN(n) || math.IsInf(n, 0):
		d.add(at, "expected a number")
	case (low || high) && f.min != nil && f.max != nil:
		d.add(at, "expected %s to %s", number(*f.min), number(*f.max))
	case low:
		d.add(at, "expected %s or more", number(*f.min))
	case high:
		d.add(at, "expected at most %s", number(*f.max))
	default:
		return true
	}
	return false
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// secret sets a Secret: itself, or from the file that it names.
func (d *decoder) secret(at, s string, v reflect.Value) {
	if file, ok := strings.CutPrefix(s, "file:"); ok {
		d.secretFile(at, file, v)
		return
	}
	d.setSecret(at, s, v)
}

// setSecret takes one line: a second one is a file of another kind, and would be part of
// the password.
func (d *decoder) setSecret(at, s string, v reflect.Value) {
	if len(s) > maxSecret || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		d.add(at, "expected a text on one line (UTF-8)")
		return
	}
	v.Set(reflect.ValueOf(Secret{s}))
}

// byteOrderMark is what some editors begin a file with.
const byteOrderMark = "\ufeff"

func (d *decoder) secretFile(at, file string, v reflect.Value) {
	if d.read == nil {
		d.add(at, "files cannot be read here")
		return
	}
	b, err := d.read(file)
	switch {
	case err != nil:
		d.add(at, "the file cannot be read: %s", fileProblem(err))
	case len(b) > maxSecret:
		d.add(at, "expected a file of at most %d bytes", maxSecret)
	default:
		text := strings.TrimRight(strings.TrimPrefix(string(b), byteOrderMark), "\r\n")
		if strings.TrimSpace(text) == "" {
			d.add(at, "the file is empty")
			return
		}
		d.setSecret(at, text, v)
	}
}

func kind(t reflect.Type) string {
	switch {
	case t == durationType:
		return "a time such as \"30s\", \"10m\" or \"24h\""
	case t == secretType:
		return "a text, or \"file:\" and the name of a file"
	}
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

// nearest names the setting that is most like a name, if one is.
func nearest(name string, known []field) string {
	best, least := "", len(name)/2+1
	for _, f := range known {
		for _, candidate := range []string{f.name, f.name + "File"} {
			if candidate != f.name && f.typ != secretType {
				continue
			}
			if n := distance(strings.ToLower(name), strings.ToLower(candidate)); n < least {
				best, least = candidate, n
			}
		}
	}
	if best == "" {
		return ""
	}
	return ", is " + best + " meant?"
}

// distance counts insertions, deletions and replacements (Levenshtein) between two names,
// of which only the first 64 bytes matter.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
