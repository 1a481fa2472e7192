package jsonld_test

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/jsonld"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// TestBlankNodesAreNamed: every blank node without identifier is asked for once, with
// the value it stands for, and the statements are those made without asking.
func TestBlankNodesAreNamed(t *testing.T) {
	const text = `{"@context":{"@vocab":"urn:v:","list":{"@container":"@list"},"graph":{"@container":"@graph"}},
"list":["a",{"x":"1"},["b"],{"@value":"c","@language":"en"}],"node":{"x":{"id":"urn:x"}},"named":{"@id":"_:b7","x":"2"},"graph":{"x":"3"},"explicit":{"@list":["d"]}}`
	d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	type asked struct {
		pointer string
		role    jsonld.BlankRole
	}
	seen := map[asked]bool{}
	out := rdfc.NewDataset(32)
	_, err = jsonld.ToQuads(d, 0, jsonld.Options{Blank: func(n strictjson.Node, role jsonld.BlankRole) rdfc.TermID {
		a := asked{d.Pointer(n), role}
		if seen[a] {
			t.Errorf("%v is asked for twice", a)
		}
		seen[a] = true
		return out.NewBlank()
	}}, out)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []asked{{"", jsonld.BlankSubject}, {"/list/0", jsonld.BlankCell}, {"/list/1", jsonld.BlankCell}, {"/list/1", jsonld.BlankSubject}, {"/list/2", jsonld.BlankCell}, {"/list/2/0", jsonld.BlankCell},
		{"/list/3", jsonld.BlankCell}, {"/node", jsonld.BlankSubject}, {"/node/x", jsonld.BlankSubject}, {"/graph", jsonld.BlankSubject}, {"/graph", jsonld.BlankGraph}, {"/explicit/@list/0", jsonld.BlankCell}} {
		if !seen[a] {
			// A value object's list node may hang on the value within it.
			if a.pointer != "/list/3" || !seen[asked{"/list/3/@value", a.role}] {
				t.Errorf("%v is not asked for", a)
			}
		}
		delete(seen, a)
		delete(seen, asked{a.pointer + "/@value", a.role})
	}
	if len(seen) != 0 {
		t.Errorf("asked for %v too", seen)
	}
	plain := rdfc.NewDataset(32)
	if _, err := jsonld.ToQuads(d, 0, jsonld.Options{}, plain); err != nil {
		t.Fatal(err)
	}
	a, err := rdfc.Canonicalize(out, rdfc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := rdfc.Canonicalize(plain, rdfc.Options{})
	if err != nil || string(a.NQuads) != string(b.NQuads) || strings.Count(string(a.NQuads), "\n") < 15 {
		t.Errorf("%v\n%s\n%s", err, a.NQuads, b.NQuads)
	}
}
