package vcalm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// TestClaimsPath: OpenID4VP 1.0, section 7, with the example of 7.3 and what else 7.1.1 says.
func TestClaimsPath(t *testing.T) {
	const text = `{"name":"Arthur Dent","address":{"street_address":"42 Market Street","locality":"Milliways"},
		"degrees":[{"type":"Bachelor of Science","university":"Betelgeuse"},{"type":"Master of Science"}],"nationalities":["British","Betelgeusian"],
		"mixed":[{"type":"a"},"b"],"lists":[["a","b"],["c"]],"ragged":[["a"],"b"],"none":[],"@context":["x","y"]}`
	doc, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want, unordered string }{
		{`["name"]`, `"Arthur Dent"`, ""}, {`["address"]`, `{"street_address":"42 Market Street","locality":"Milliways"}`, ""}, {`["address","street_address"]`, `"42 Market Street"`, ""},
		{`["degrees",null,"type"]`, `"Bachelor of Science" "Master of Science"`, ""}, {`["nationalities",1]`, `"Betelgeusian"`, "none"}, {`["degrees",0,"type"]`, `"Bachelor of Science"`, "none"},
		{`["degrees",null,"university"]`, `"Betelgeuse"`, ""}, // an element without the key is left out
		{`["nationalities",null]`, `"British" "Betelgeusian"`, ""}, {`["lists",null,null]`, `"a" "b" "c"`, ""}, {`["lists",null,1]`, `"b"`, "none"}, {`["lists",1,0]`, `"c"`, "none"}, {`["@context",1]`, `"y"`, ""},
		{`["other"]`, "", ""}, {`["degrees",null,"other"]`, "", ""}, {`["nationalities",2]`, "", ""}, {`["none",null]`, "", ""}, {`["none",0]`, "", ""},
		// Errors, whatever else is selected.
		{`["name","first"]`, "", ""}, {`["name",null]`, "", ""}, {`["name",0]`, "", ""}, {`["address",null]`, "", ""}, {`["address",0]`, "", ""}, {`["degrees","type"]`, "", ""}, {`[null]`, "", ""}, {`[0]`, "", ""},
		{`["mixed",null,"type"]`, "", ""}, {`["ragged",null,null]`, "", ""}, {`["ragged",null,0]`, "", ""},
	} {
		queries, err := readQueries(Value(`{"type":"DigitalCredentialQueryLanguage","credentials":[{"id":"a","format":"ldp_vc","meta":{},"claims":[{"path":`+c.path+`}]}]}`), "query")
		if err != nil {
			t.Fatalf("%s: %v", c.path, err)
		}
		for _, ordered := range []bool{true, false} {
			s := &shown{left: maxCompared}
			var found []string
			for _, n := range s.selected(queries[0].dcql.credentials[0].claims[0].path, &shownCredential{doc: doc, ordered: ordered}) {
				found = append(found, doc.Raw(n))
			}
			want := c.want
			if !ordered && c.unordered == "none" {
				want = ""
			}
			if got := strings.Join(found, " "); got != want {
				t.Errorf("%s, ordered %v: expected %s, found %s", c.path, ordered, want, got)
			}
		}
	}
}

// TestSeats: each credential gets a credential query of its own wherever that is possible.
func TestSeats(t *testing.T) {
	for _, c := range []struct {
		fits string // for each credential, the queries that it answers
		want bool
	}{
		{"0", true}, {"0 0", false}, {"0 1", true}, {"01 0", true}, {"0 01", true}, {"01 01 01", false}, {"012 01 0", true}, {"01 12 02", true}, {"01 12 02 0123", true}, {"01 12 02 012", false}, {"01 01 23 23", true}, {"012 01 01 3", true}, {"01 01 01 3", false},
	} {
		s, taken, ok := &shown{}, make([]int, 4), true
		for i, fits := range strings.Fields(c.fits) {
			one := shownCredential{fits: make([]bool, 4)}
			for _, q := range fits {
				one.fits[q-'0'] = true
			}
			s.credentials = append(s.credentials, one)
			ok = ok && s.seat(i, taken, make([]bool, 4))
		}
		if ok != c.want {
			t.Errorf("%s: found %v %s", c.fits, ok, fmt.Sprint(taken))
		}
	}
}
