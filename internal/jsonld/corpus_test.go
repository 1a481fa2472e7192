package jsonld

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/testvectors"
)

// TestCorpusAgreesWithPeer reads every JSON document with a known @context among the
// vectors by others: what is accepted must come out as json-gold has it.
func TestCorpusAgreesWithPeer(t *testing.T) {
	accepted := 0
	refused := map[string]int{}
	for _, folder := range []string{"badges", "w3c/vc-di-eddsa", "w3c/vc-di-ecdsa", "w3c/vc-di-bbs", "w3c/di-quantum-safe"} {
		root := testvectors.Shared(t, folder)
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".json") {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			d, err := strictjson.Parse(b, strictjson.Limits{})
			if err != nil || d.Get(0, "@context") == strictjson.None {
				return nil
			}
			rel, _ := filepath.Rel(root, path)
			found, err := quads(t, string(b), Options{})
			if err != nil {
				var e *Error
				if !errors.As(err, &e) {
					t.Errorf("%s: %v", rel, err)
					return nil
				}
				refused[string(e.Code)]++
				t.Logf("%s: %v", rel, err)
				return nil
			}
			accepted++
			agree(t, string(b), found)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("accepted %d, refused %v", accepted, refused)
	if accepted < 100 {
		t.Errorf("expected at least 100 documents, found %d", accepted)
	}
}
