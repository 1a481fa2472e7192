package verdict

import (
	"slices"
	"testing"

	"github.com/go-json-experiment/json"
)

func TestFacts(t *testing.T) {
	for _, c := range []struct {
		facts Facts
		text  string
	}{
		{nil, `null`},
		{Facts{}, `{}`},
		{Facts{{"a", "1"}, {"b.2", "\"<é"}}, `{"a":"1","b.2":"\"<é"}`},
	} {
		text, err := json.Marshal(c.facts)
		if err != nil || string(text) != c.text {
			t.Errorf("expected %s, found %s, %v", c.text, text, err)
		}
		back := Facts{{"before", ""}}
		if err := json.Unmarshal([]byte(c.text), &back); err != nil || !slices.Equal(back, c.facts) || (back == nil) != (c.facts == nil) {
			t.Errorf("%s: read %v, %v", c.text, back, err)
		}
	}
	for _, bad := range []string{`[]`, `"a"`, `{"a":1}`, `{"a":null`, `{"a":"b","a":"c"}`, `{"a":{}}`} {
		var f Facts
		if err := json.Unmarshal([]byte(bad), &f); err == nil {
			t.Errorf("%s: read %v", bad, f)
		}
	}
	f := Facts{{"a", "1"}}
	if v, ok := f.Get("a"); v != "1" || !ok {
		t.Errorf("found %q, %v", v, ok)
	}
	if v, ok := f.Get("b"); v != "" || ok {
		t.Errorf("found %q, %v", v, ok)
	}
}
