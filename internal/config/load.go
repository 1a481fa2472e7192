package config

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/parsers/yaml"
)

// Bounds on what is read.
const (
	maxFile   = 1 << 20
	maxSecret = 64 << 10
	maxList   = 1000
)

// Source is where a configuration comes from. The zero Source gives the defaults.
type Source struct {
	// Name is the name of the file: it ends in .toml, .yaml or .yml.
	Name string
	// File is its text. Nil: no file.
	File []byte
	// Environ are environment variables, NAME=value. Those that do not begin with
	// CHANCERY_ are passed over.
	Environ []string
	// Ignore are variables that begin with CHANCERY_ but mean something else to the caller.
	Ignore []string
	// Settings are from the command line, by path, such as "listen" or "log.level". A
	// secret is refused here: command lines are seen by others.
	Settings map[string]string
	// Read reads the files that secrets are in. Nil: such files cannot be read.
	Read func(name string) ([]byte, error)
}

// Problem is something that is wrong with a setting.
type Problem struct {
	// Path is the setting's, such as "mail.host" or "vcalm[2].suite", or the name of a variable.
	Path string
	// Message says what was expected.
	Message string
}

// Problems is all that is wrong.
type Problems []Problem

func (p Problems) Error() string {
	var b strings.Builder
	b.WriteString("config: ")
	for i, one := range p {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(one.Path + ": " + one.Message)
	}
	return b.String()
}

// list collects problems.
type list struct{ problems Problems }

func (l *list) add(path, format string, args ...any) {
	if len(l.problems) < 1000 {
		l.problems = append(l.problems, Problem{path, fmt.Sprintf(format, args...)})
	}
}

func (l *list) err() error {
	if len(l.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return l.problems
}

// Default is the configuration where nothing is set.
func Default() *Config {
	var c Config
	defaults(reflect.ValueOf(&c).Elem())
	return &c
}

// Load reads a configuration and checks it. The error is a Problems.
func Load(s Source) (*Config, error) {
	c := Default()
	l := &list{}
	d := decoder{list: l, read: s.Read}
	if s.File != nil {
		if tree := parse(s, l); tree != nil {
			d.table("", tree, reflect.ValueOf(c).Elem())
		}
	}
	d.environ(s, c)
	d.settings(s.Settings, c)
	// What could not be read is at its default, of which nothing more is to be said; the
	// rest is judged together with it.
	c.check(l)
	l.problems = firstOf(l.problems)
	return c, l.err()
}

// firstOf leaves the first problem of each path.
func firstOf(in Problems) (out Problems) {
	seen := map[string]bool{}
	for _, p := range in {
		if !seen[p.Path] {
			seen[p.Path] = true
			out = append(out, p)
		}
	}
	return out
}

// Check lists all that is wrong with a configuration that was changed after Load. The
// error is a Problems.
func (c *Config) Check() error {
	l := &list{}
	c.check(l)
	return l.err()
}

func parse(s Source, l *list) map[string]any {
	name := s.Name
	if name == "" {
		name = "configuration"
	}
	if len(s.File) > maxFile {
		l.add(name, "expected at most %d bytes", maxFile)
		return nil
	}
	text := bytes.TrimPrefix(s.File, []byte(byteOrderMark))
	var tree map[string]any
	var err error
	switch strings.ToLower(path.Ext(strings.ReplaceAll(s.Name, `\`, "/"))) {
	case ".toml":
		tree, err = toml.Parser().Unmarshal(text)
	case ".yaml", ".yml":
		tree, err = yaml.Parser().Unmarshal(text)
	default:
		l.add(name, "expected a name that ends in .toml, .yaml or .yml")
		return nil
	}
	if err != nil {
		l.add(name, "%s", place(err))
		return nil
	}
	if tree == nil {
		tree = map[string]any{}
	}
	return tree
}

// place tells where a file is malformed, and nothing of what stands there: it may be a
// secret.
func place(err error) string {
	var at interface{ Position() (row, column int) }
	if errors.As(err, &at) {
		row, column := at.Position()
		return fmt.Sprintf("malformed in line %d, column %d", row, column)
	}
	if line := yamlLine.FindStringSubmatch(err.Error()); line != nil {
		return "malformed in line " + line[1]
	}
	return "malformed"
}
