package config

import (
	"errors"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

const prefix = "CHANCERY_"

// leaf is a setting with its path.
type leaf struct {
	path  string
	field field
	value reflect.Value
}

// leaves are all settings that are not in lists of tables.
func leaves(at string, v reflect.Value) (out []leaf) {
	for _, f := range fields(v.Type()) {
		where := join(at, f.name)
		if isTable(f.typ) {
			out = append(out, leaves(where, v.Field(f.index))...)
			continue
		}
		out = append(out, leaf{where, f, v.Field(f.index)})
	}
	return out
}

// Variable is the name of the variable of a setting: mail.fromName is
// CHANCERY_MAIL_FROM_NAME.
func Variable(path string) string {
	var b strings.Builder
	b.WriteString(prefix)
	runes := []rune(path)
	for i, r := range runes {
		switch {
		case r == '.':
			b.WriteByte('_')
			continue
		case i > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1])):
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// environ sets what variables say.
func (d *decoder) environ(s Source, c *Config) {
	all := leaves("", reflect.ValueOf(c).Elem())
	set := map[string]string{}
	for _, pair := range s.Environ {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, prefix) && !slices.Contains(s.Ignore, name) {
			set[name] = value // the last one holds, as for programs in general
		}
	}
	known := map[string]leaf{}
	for _, one := range all {
		known[Variable(one.path)] = one
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if one, ok := known[name]; ok {
			d.text(name, set[name], one.field, one.value)
			continue
		}
		base, isFile := strings.CutSuffix(name, "_FILE")
		if one, ok := known[base]; ok && isFile && one.field.typ == secretType {
			if _, both := set[base]; both {
				d.add(name, "expected either %s or %s", base, name)
			} else {
				d.secretFile(name, set[name], one.value)
			}
			continue
		}
		var names []field
		for v, one := range known {
			names = append(names, field{name: v})
			if one.field.typ == secretType {
				names = append(names, field{name: v + "_FILE"})
			}
		}
		slices.SortFunc(names, func(a, b field) int { return strings.Compare(a.name, b.name) })
		d.add(name, "is not a setting%s", nearest(name, names))
	}
}

// settings sets what the command line says.
func (d *decoder) settings(set map[string]string, c *Config) {
	all := leaves("", reflect.ValueOf(c).Elem())
	for _, path := range slices.Sorted(maps.Keys(set)) {
		i := slices.IndexFunc(all, func(l leaf) bool { return l.path == path })
		switch {
		case i < 0:
			d.add(path, "is not a setting")
		case all[i].field.typ == secretType || all[i].field.typ == reflect.SliceOf(secretType):
			d.add(path, "a secret cannot be given on the command line, where others see it")
		default:
			d.text(path, set[path], all[i].field, all[i].value)
		}
	}
}

// fileProblem is an error of the file system without the path.
func fileProblem(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it is not there"
	case errors.Is(err, fs.ErrPermission):
		return "it may not be read"
	}
	return "reading fails"
}
