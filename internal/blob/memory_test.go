package blob

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

var _ service.Blobs = (*Memory)(nil)

func TestMemory(t *testing.T) {
	m := NewMemory(testMost)
	conformance(t, m, func(_ *testing.T, digest string, to []byte) { m.Spoil(digest, to) })
}

func TestMemoryFiles(t *testing.T) {
	m := NewMemory(0)
	digest, _, err := m.Put(t.Context(), strings.NewReader("content"))
	if err != nil {
		t.Fatal(err)
	}
	files := m.Files()
	if len(files) != 1 || string(files[digest]) != "content" {
		t.Errorf("found %q", files)
	}
	delete(files, digest)
	if ok, err := m.Has(t.Context(), digest); !ok || err != nil {
		t.Error("what Files returns is not a copy", err)
	}
}
