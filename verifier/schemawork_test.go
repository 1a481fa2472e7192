package verifier_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/verifier"
)

// TestSchemaWork: a schema that many credentials name is made ready once, and of ever new
// ones only so many.
func TestSchemaWork(t *testing.T) {
	k := newKey(t, "issuer")
	schema := func(n int) string {
		return `{"type":"object","allOf":[` + strings.TrimSuffix(strings.Repeat(`{"properties":{"credentialSubject":{"type":"object"}}},`, n), ",") + `]}`
	}
	names := func(urls ...int) string {
		var list []string
		for _, u := range urls {
			list = append(list, fmt.Sprintf(`{"id":"https://x.example/%d","type":"JsonSchema"}`, u))
		}
		return `"credentialSchema":[` + strings.Join(list, ",") + `]`
	}
	var same, others []string
	var docs []verifier.PinnedDocument
	for i := range 12 {
		size := 2500
		if i == 0 {
			size = 1000
		}
		docs = append(docs, pin(verifier.KindSchema, fmt.Sprintf("https://x.example/%d", i), schema(size)))
		others = append(others, sign(t, draft(t, k.did, names(i)), k, proofOf{suite: "eddsa-jcs-2022"}))
	}
	for range 40 {
		same = append(same, sign(t, draft(t, k.did, names(0, 0, 0, 0, 0, 0, 0, 0)), k, proofOf{suite: "eddsa-jcs-2022"}))
	}
	v := setup(t, verifier.Policy{}, docs...)
	start := time.Now()
	mustValid(t, judge(t, v, raw(presentationOf(t, k, same))))
	if took := time.Since(start); took > time.Minute { // the machine may be busy; it was more than a minute of a processor
		t.Error(took)
	}
	r := judge(t, v, raw(presentationOf(t, k, others)))
	if first, last := r.Sub[0].Report, r.Sub[11].Report; first.Outcome != verifier.Valid || last.Reason != verifier.SchemaUnavailable {
		t.Error(explain(first), explain(last))
	}
}
