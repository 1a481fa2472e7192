package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Example is a TOML file with every setting, its meaning and its default. All settings are
// comments (#name = value): read as it is, it changes nothing.
func Example() string {
	var b strings.Builder
	b.WriteString("# Configuration of chancery serve. Each setting is shown with its default; take away\n# the # before its name to change it. Variables hold over the file: mail.host is\n# CHANCERY_MAIL_HOST. Secrets may be in files: as \"file:/path\", or with File or _FILE at\n# the end of the name.\n\n")
	exampleTable(&b, "", reflect.TypeFor[Config]())
	return b.String()
}

func exampleTable(b *strings.Builder, at string, t reflect.Type) {
	for _, f := range fields(t) {
		if isTable(f.typ) || isTables(f.typ) {
			continue // after the settings: in TOML a table goes on to the next
		}
		exampleSetting(b, f)
	}
	for _, f := range fields(t) {
		where := join(at, f.name)
		switch {
		case isTable(f.typ):
			fmt.Fprintf(b, "%s[%s]\n\n", comment(f.doc), where)
			exampleTable(b, where, f.typ)
		case isTables(f.typ):
			fmt.Fprintf(b, "%s#[[%s]]\n\n", comment(f.doc), where)
			exampleTable(b, where, f.typ.Elem())
		}
	}
}

func exampleSetting(b *strings.Builder, f field) {
	doc := f.doc
	if f.oneof != nil {
		doc += " One of: " + strings.Join(f.oneof, ", ") + "."
	}
	if f.typ == secretType || f.typ == reflect.SliceOf(secretType) {
		doc += " Secret."
	}
	fmt.Fprintf(b, "%s#%s = %s\n\n", comment(doc), f.name, literal(f.typ, f.def))
}

// literal writes a default in TOML.
func literal(t reflect.Type, def string) string {
	switch {
	case t.Kind() == reflect.Slice:
		var parts []string
		if def != "" {
			parts = strings.Split(def, ",")
		}
		for i := range parts {
			parts[i] = literal(t.Elem(), parts[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case t == secretType || t == durationType || t.Kind() == reflect.String:
		return `"` + def + `"`
	case t.Kind() == reflect.Bool && def == "":
		return "false"
	case def == "":
		return "0"
	case t.Kind() == reflect.Float64 && !strings.Contains(def, "."):
		return def + ".0"
	}
	return def
}

// comment breaks a text into lines.
func comment(s string) string {
	var b strings.Builder
	line := "#"
	for _, word := range strings.Fields(s) {
		if len(line)+1+len(word) > 88 {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}
