package verdict

import (
	"fmt"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Facts is what a check used, by name, in the order of the names, each once. In JSON it is
// an object of strings, null where there is nothing.
//
// It is no map, since one is made for most checks of every verdict.
type Facts []Fact

// Fact is one of Facts.
type Fact struct{ Name, Value string }

// Get returns the value of a name, false where there is none.
func (f Facts) Get(name string) (string, bool) {
	for _, fact := range f {
		if fact.Name == name {
			return fact.Value, true
		}
	}
	return "", false
}

func (f Facts) has(name string) bool {
	_, ok := f.Get(name)
	return ok
}

// MarshalJSONTo implements json.MarshalerTo.
func (f Facts) MarshalJSONTo(e *jsontext.Encoder) error {
	if f == nil {
		return e.WriteToken(jsontext.Null)
	}
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, fact := range f {
		if err := e.WriteToken(jsontext.String(fact.Name)); err != nil {
			return err
		}
		if err := e.WriteToken(jsontext.String(fact.Value)); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (f *Facts) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*f = nil
	t, err := d.ReadToken()
	if err != nil || t.Kind() == 'n' {
		return err
	}
	if t.Kind() != '{' {
		return fmt.Errorf("verdict: expected an object of strings, found %s", t.Kind())
	}
	*f = Facts{}
	for d.PeekKind() != '}' {
		var fact Fact
		if err := json.UnmarshalDecode(d, &fact.Name); err != nil {
			return err
		}
		if err := json.UnmarshalDecode(d, &fact.Value); err != nil {
			return err
		}
		*f = append(*f, fact)
	}
	_, err = d.ReadToken()
	return err
}

// Schema implements huma.SchemaProvider.
func (Facts) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "object", AdditionalProperties: &huma.Schema{Type: "string"}, Nullable: true}
}
