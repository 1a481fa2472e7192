package vcalm

import (
	"errors"
	"testing"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/verifier"
)

// FuzzQueries: whatever is asked for and shown, reading and comparing end without a panic,
// faults are the caller's, and a credential meets the query that has it for an example.
func FuzzQueries(f *testing.F) {
	for _, s := range [][2]string{
		{`{"type":"QueryByExample","credentialQuery":{"example":{"type":"A","credentialSubject":{"name":""}},"acceptedIssuers":[["x"]]}}`, `{"type":["A"],"issuer":"x","credentialSubject":[{"name":"y"},{}]}`},
		{`[{"type":["DIDAuthentication"],"acceptedMethods":[{"method":"key"}],"group":"g"},{"type":"QueryByExample","credentialQuery":[{},{"example":{}}],"required":false}]`, `{"issuer":{"id":"x","name":{"@value":"n","@language":"en"}}}`},
		{`{"type":"DigitalCredentialQueryLanguage","credentials":[{"id":"a","format":"ldp_vc","meta":{"type_values":[["A"]]},"require_cryptographic_holder_binding":false,"claims":[{"id":"c","path":["b",null,0,"@value"],"values":["x",1,true]}],"claim_sets":[["c"]]}],"credential_sets":[{"options":[["a"]]}]}`, `{"type":"A","b":[["x"],{"@value":"x"}]}`},
		{`[]`, `{"a":[[],[null],{"@set":[]},1e3,true,""]}`},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, asked, credential string) {
		var bad *BadRequest
		queries, err := readQueries(Value(asked), "query")
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("%v", err)
		}
		if err == nil && (len(queries) == 0 || len(queries) > MaxQueries) {
			t.Fatalf("%d queries", len(queries))
		}
		doc, fault := strictjson.Parse([]byte(credential), strictjson.Limits{Bytes: maxQuery / 2})
		if fault != nil || doc.Kind(0) != strictjson.Object {
			return
		}
		show := func() *shown {
			c := shownCredential{doc: doc, report: &verifier.Report{}}
			return &shown{report: &verifier.Report{}, holder: "did:key:z", credentials: []shownCredential{c}, left: maxCompared}
		}
		if err == nil {
			if _, err := show().meets(queries); err != nil && !errors.As(err, &bad) {
				t.Fatalf("%v", err)
			}
		}
		own, err := readQueries(Value(`{"type":"QueryByExample","credentialQuery":{"example":`+credential+`}}`), "query")
		if err != nil { // it has null
			return
		}
		s := show()
		if !means(doc, 0) {
			return // something in it says nothing
		}
		if _, err := s.meets(own); err != nil && s.left >= 0 {
			t.Fatalf("%s does not meet itself: %v", credential, err)
		}
	})
}

// means reports whether every value of a document says something, and is of a form that an
// example has too.
func means(d *strictjson.Doc, n strictjson.Node) bool {
	for m := d.First(n); m != strictjson.None; m = d.Next(m) {
		empty := (d.Kind(m) == strictjson.Object || d.Kind(m) == strictjson.Array) && d.Len(m) == 0
		if empty || d.Kind(m) == strictjson.Null || d.Kind(n) == strictjson.Array && d.Kind(m) == strictjson.Array || !means(d, m) {
			return false
		}
	}
	return true
}
