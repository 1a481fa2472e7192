// Command gen assembles the embedded context documents and their table.
//
// The JSON comes from npm packages at pinned versions, from tables of terms and IRIs
// in this program, and from edits of one of those. What it writes is the JCS form of
// each document, so that the SHA-256 of a file is the digest that identifies the
// context, and sources.tsv. Run it by go generate; it fetches packages with the npm
// client into the folder of -packages, and needs no network once they are there.
package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

func main() {
	out := flag.String("out", ".", "the folder of package ldcontext")
	packages := flag.String("packages", "", "folder that holds the unpacked npm packages (default: chancery-contexts in the user's cache folder)")
	flag.Parse()
	if err := run(*out, *packages); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out, packages string) error {
	if packages == "" {
		var err error
		if packages, err = defaultPackages(); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if e.npm == "" {
			continue
		}
		if err := fetch(packages, e.npm); err != nil {
			return err
		}
	}
	files, err := assemble(packages)
	if err != nil {
		return err
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(out, filepath.FromSlash(name)), b, 0o644); err != nil {
			return fmt.Errorf("gen: %w", err)
		}
	}
	return nil
}

func defaultPackages() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("gen: %w", err)
	}
	return filepath.Join(cache, "chancery-contexts"), nil
}

// folder is where a package is unpacked.
func folder(packages, npm string) string {
	return filepath.Join(packages, strings.NewReplacer("/", "+").Replace(npm))
}

// fetch unpacks a package, unless it is there already.
func fetch(packages, npm string) error {
	dir := folder(packages, npm)
	if _, err := os.Stat(filepath.Join(dir, "package")); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("gen: %w", err)
	}
	pack := exec.Command("npm", "pack", "--silent", npm)
	pack.Dir, pack.Stderr = dir, os.Stderr
	name, err := pack.Output()
	if err != nil {
		return fmt.Errorf("gen: npm pack %s: %w", npm, err)
	}
	untar := exec.Command("tar", "xzf", strings.TrimSpace(string(name)))
	untar.Dir, untar.Stderr = dir, os.Stderr
	if err := untar.Run(); err != nil {
		return fmt.Errorf("gen: unpacking %s: %w", npm, err)
	}
	return nil
}

// assemble returns every generated file by its path below package ldcontext. The
// error wraps fs.ErrNotExist when a package is not there.
func assemble(packages string) (map[string][]byte, error) {
	docs := make(map[string]map[string]any, len(entries))
	files := make(map[string][]byte, len(entries)+1)
	var table bytes.Buffer
	table.WriteString("#url\tversion\tfile\tjcs_sha256\tpublished_sha256\tsource\tlicence\n")
	for _, e := range entries {
		doc, err := build(packages, e.file, docs)
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(doc)
		if err != nil {
			return nil, fmt.Errorf("gen: %s: %w", e.file, err)
		}
		v := jsontext.Value(b)
		if err := v.Canonicalize(); err != nil {
			return nil, fmt.Errorf("gen: %s: %w", e.file, err)
		}
		files["contexts/"+e.file+".json"] = v
		for _, url := range e.urls {
			fmt.Fprintf(&table, "%s\t%s\t%s\t%x\t%s\t%s\t%s\n", url, e.version, e.file, sha256.Sum256(v), e.published, source(e.file), e.licence)
		}
	}
	files["sources.tsv"] = table.Bytes()
	return files, nil
}

func find(file string) (entry, error) {
	i := slices.IndexFunc(entries, func(e entry) bool { return e.file == file })
	if i < 0 {
		return entry{}, fmt.Errorf("gen: no entry %q", file)
	}
	return entries[i], nil
}

func build(packages, file string, done map[string]map[string]any) (map[string]any, error) {
	if doc, ok := done[file]; ok {
		return doc, nil
	}
	e, err := find(file)
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	switch {
	case e.npm != "":
		doc, err = fromPackage(filepath.Join(folder(packages, e.npm), "package", filepath.FromSlash(e.path)))
	case e.terms != nil:
		doc = e.terms()
	case e.from != "":
		var base map[string]any
		if base, err = build(packages, e.from, done); err == nil {
			doc, err = apply(base, e.edits)
		}
	default:
		err = fmt.Errorf("gen: entry %q has no source", file)
	}
	if err != nil {
		return nil, err
	}
	done[file] = doc
	return doc, nil
}

// What these modules write otherwise than JSON does: member names without quotes, at
// the start of a line or after a brace, and strings in single quotes.
var (
	bareName     = regexp.MustCompile(`(?m)(^\s*|\{\s*)([A-Za-z_]\w*):`)
	singleQuoted = regexp.MustCompile(`'([^'"\\\n]*)'`)
)

// fromPackage reads a JSON file, or a JavaScript module that exports one object
// written nearly as JSON.
func fromPackage(path string) (map[string]any, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("gen: %w", err)
	}
	if strings.HasSuffix(path, ".js") {
		_, body, ok := bytes.Cut(b, []byte("module.exports ="))
		if !ok {
			return nil, fmt.Errorf("gen: %s: expected module.exports", path)
		}
		b = bytes.TrimSuffix(bytes.TrimSpace(body), []byte(";"))
		b = bareName.ReplaceAll(b, []byte(`$1"$2":`))
		b = singleQuoted.ReplaceAll(b, []byte(`"$1"`))
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("gen: %s: %w", path, err)
	}
	return doc, nil
}

// source says where a document came from, in words for the table.
func source(file string) string {
	e, err := find(file)
	switch {
	case err != nil:
		return ""
	case e.npm != "":
		return "npm " + e.npm + " " + e.path
	case e.terms != nil:
		return "table of terms"
	}
	return "table of terms over " + e.from + " (" + source(e.from) + ")"
}
