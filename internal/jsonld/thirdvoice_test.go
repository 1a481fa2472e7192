package jsonld

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// The corpus holds lines of a SHA-256 and a document, apart by a tab: what jsonld.js
// 9.0.0 in safe mode makes of the document in RDFC-1.0 form (see testdata/jsonldjs.mjs),
// or "refused".
var (
	corpusFile     = flag.String("corpus", "testdata/jsonldjs.tsv.gz", "results of testdata/jsonldjs.mjs to compare with")
	documents      = flag.Int("documents", 1000, "how many documents to write")
	writeDocuments = flag.String("write-documents", "", "write generated documents to this file, one a line, for testdata/jsonldjs.mjs")
)

// TestThirdVoice compares with stored results of jsonld.js.
func TestThirdVoice(t *testing.T) {
	if *writeDocuments != "" {
		writeCorpus(t, *writeDocuments)
		return
	}
	f, err := os.Open(*corpusFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	scan := bufio.NewScanner(z)
	scan.Buffer(nil, 1<<20)
	equal, ours, theirs := 0, 0, 0
	for scan.Scan() {
		digest, text, _ := strings.Cut(scan.Text(), "\t")
		found, err := quads(t, text, Options{})
		sum := sha256.Sum256([]byte(found))
		switch {
		case err != nil:
			ours++
		case digest == "refused":
			theirs++
		case digest != hex.EncodeToString(sum[:]):
			t.Errorf("jsonld.js disagrees about\n%s\n%s", text, found)
		default:
			equal++
		}
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d equal, %d refused here, %d refused by jsonld.js only", equal, ours, theirs)
	if equal < 500 {
		t.Errorf("expected at least 500 equal results, found %d", equal)
	}
}

func writeCorpus(t *testing.T, path string) {
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for seed, n := 0, 0; n < *documents; seed++ {
		r := rand.New(rand.NewPCG(uint64(seed), 11))
		g := &generator{dice: r.IntN, inline: seed%3 == 0}
		text := g.document()
		if len(text) > 2500 {
			continue
		}
		if _, err := quads(t, text, Options{}); err != nil {
			continue
		}
		if _, err := f.WriteString(text + "\n"); err != nil {
			t.Fatal(err)
		}
		n++
	}
}
