package serving_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestFaultsAreToldOnce: a row with ten thousand members that are no fields is told so once,
// not ten thousand times, by every operation that checks it.
func TestFaultsAreToldOnce(t *testing.T) {
	f := newFort(t)
	var row strings.Builder
	row.WriteString(`{"recipient":{"name":"Aina"},"claims":{`)
	for i := range 10_000 {
		fmt.Fprintf(&row, `"-%d":1,`, i)
	}
	row.WriteString(`"-":1},"private":{"-":1}}`)
	rows := []byte(strings.Repeat(row.String()+"\n", 20))
	for _, path := range []string{"/v1/batches?type=training&dryRun=true", "/v1/batches?type=training", "/v1/batches?type=training&mode=partial"} {
		a := f.call("north/test", "POST", path, rows, "Content-Type", "application/x-ndjson")
		if len(a.body) > 10_000 || a.status >= 500 {
			t.Errorf("%s: %d, %d bytes", path, a.status, len(a.body))
		}
		if a.status == 202 {
			a = f.ok("north/test", "GET", "/v1/batches/"+a.text("id")+"/items", nil)
			if n := bytes.Count(a.body, []byte("is not a field")); n != 40 || len(a.body) > 20_000 {
				t.Errorf("the rows: %d messages, %d bytes", n, len(a.body))
			}
		}
	}
	a := f.call("north/test", "POST", "/v1/credential-types/training/validate", []byte(row.String()))
	if a.status != 200 || bytes.Count(a.body, []byte("is not a field")) != 2 {
		t.Errorf("validate: %d, %d bytes", a.status, len(a.body))
	}
}
