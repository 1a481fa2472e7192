package badge

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// TestEndorsementPlaces: the pointers that are put together on the way are those that
// the document gives.
func TestEndorsementPlaces(t *testing.T) {
	doc, err := strictjson.Parse([]byte(`{"a/b~c":[1,[2,{"endorsement":{"x":1}}]],"endorsement":[{},{"y":[]}],"issuer":{"endorsementJwt":"e.e.e","proof":{"endorsement":{}}},"endorsementJwt":[]}`), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := Endorsements(doc, 0)
	if err != nil || len(list) != 4 {
		t.Fatalf("expected four endorsements, found %d, %v", len(list), err)
	}
	for _, e := range list {
		if e.Pointer != doc.Pointer(e.Node) || doc.Lookup(e.Pointer) != e.Node {
			t.Errorf("expected %q, found %q", doc.Pointer(e.Node), e.Pointer)
		}
	}
	inner := doc.Get(0, "issuer")
	if list, err = Endorsements(doc, inner); err != nil || len(list) != 1 || list[0].Pointer != "/issuer/endorsementJwt" {
		t.Errorf("expected the pointer from the root of the document, found %v, %v", list, err)
	}
}
