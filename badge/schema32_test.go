package badge

import (
	"errors"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// The steps of a large document are more than an int of 32 bits holds.
func TestWorkIsNotCut(t *testing.T) {
	s := UserSchema{size: 1 << 16}
	doc, err := strictjson.Parse([]byte("["+strings.Repeat("0,", 1<<16-2)+"0]"), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Work(doc, 0); got <= maxUserSchemaWork {
		t.Errorf("%d nodes: found the work %d", doc.Size(), got)
	}
}

// The work of patterns is more than an int of 32 bits holds long before document and schema
// are at their limits: there it must not come round to something small.
func TestPatternWorkIsNotCut(t *testing.T) {
	// 2^16 bytes and about 2^16 instructions: their product is a little above 2^32.
	text := `{"x":"` + strings.Repeat("a", 1<<16) + `"}`
	for n := 60; n < 80; n++ { // where the small remainder is depends on the compiler of patterns
		schema := `{"allOf":[` + strings.TrimSuffix(strings.Repeat(`{"pattern":"a{900}"},`, n), ",") + `]}`
		if _, err := ValidateSchema([]byte(schema), parse(t, text), 0); !errors.Is(err, ErrSchemaUnsupported) {
			t.Fatalf("%d patterns: found %v", n, err)
		}
	}
}
