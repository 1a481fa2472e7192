package ldcontext

import (
	"embed"
	"encoding/hex"
	"strings"
	"sync"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

//go:generate go run ./gen -out .

// contexts holds the JCS form of each document: the SHA-256 of a file is the digest
// that sources.tsv and Version.JCS give.
//
//go:embed contexts/*.json
var contexts embed.FS

//go:embed sources.tsv
var sources string

// Default returns the contexts that are compiled in. It is parsed at the first call,
// shared, immutable and safe for concurrent use.
func Default() *Set { return defaultSet() }

var defaultSet = sync.OnceValue(func() *Set {
	set := &Set{byURL: make(map[string][]*Version)}
	docs := make(map[string]*strictjson.Doc)
	for line := range strings.Lines(sources) {
		// A row that cannot be read leaves its context unknown, which verifies nothing;
		// the tests hold every row to be readable.
		v, file, ok := parseRow(strings.TrimSuffix(line, "\n"))
		if !ok {
			continue
		}
		if v.Doc = docs[file]; v.Doc == nil {
			b, err := contexts.ReadFile("contexts/" + file + ".json")
			if err != nil {
				continue
			}
			if v.Doc, err = strictjson.Parse(b, strictjson.Limits{}); err != nil {
				continue
			}
			docs[file] = v.Doc
		}
		set.byURL[v.URL] = append(set.byURL[v.URL], v)
	}
	return set
})

// parseRow reads a line of sources.tsv: URL, version, file, SHA-256 of the JCS form,
// SHA-256 of the published bytes or nothing, source, licence.
func parseRow(line string) (v *Version, file string, ok bool) {
	f := strings.Split(line, "\t")
	if len(f) != 7 || strings.HasPrefix(line, "#") {
		return nil, "", false
	}
	v = &Version{URL: f[0], Name: f[1], Source: f[5], Licence: f[6]}
	if !decodeDigest(&v.JCS, f[3]) || f[4] != "" && !decodeDigest(&v.Published, f[4]) {
		return nil, "", false
	}
	return v, f[2], true
}

func decodeDigest(d *Digest, s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && copy(d[:], b) == len(d) && len(b) == len(d)
}
