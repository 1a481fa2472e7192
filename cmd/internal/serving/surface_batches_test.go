package serving_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
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

// TestNumbersOfTables: a number of a table, or one that is sent as text, is the one that was
// written, or none.
func TestNumbersOfTables(t *testing.T) {
	f := newFort(t)
	f.ok("north/test", "POST", "/v1/credential-types", map[string]any{"key": "graded", "displayName": "G", "outputs": []string{"vc"}, "fields": []any{map[string]any{"key": "n", "type": "number"}}})
	good := map[string]float64{"1": 1, "-1": -1, "+5": 5, "007": 7, "-007.50": -7.5, ".5": 0.5, "5.": 5, "1e3": 1000, "1E+03": 1000, "0.1": 0.1, "0.10": 0.1, "3.3333333333": 3.3333333333, "-0": 0, "999999999999999": 999999999999999}
	bad := []string{"99999999999999.99", "0.12345678901234567890", "9007199254740993", "1e400", "1e-400", "0x10", "1_000", "NaN", "inf", "1,5", " 5", "5 ", "+", ".", "-", "+-5", "--5", "e5", "1e", "1e5.5", "\u0661"}
	validate := func(v string) answer {
		return f.ok("north/test", "POST", "/v1/credential-types/graded/validate", map[string]any{"recipient": map[string]any{"name": "A"}, "claims": map[string]any{"n": v}})
	}
	dry := func(v string) answer {
		return f.ok("north/test", "POST", "/v1/batches?type=graded&dryRun=true", []byte("recipient.name,claims.n\nA,\""+v+"\"\n"), "Content-Type", "text/csv")
	}
	for v := range good {
		for name, a := range map[string]answer{"a table": dry(v), "text": validate(v)} {
			if a.data["valid"] != true {
				t.Errorf("%q in %s: %s", v, name, a.body)
			}
		}
	}
	for _, v := range bad {
		for name, a := range map[string]answer{"a table": dry(v), "text": validate(v)} {
			if a.data["valid"] != false {
				t.Errorf("%q in %s is taken", v, name)
			}
		}
	}
	start(t, f.s)
	for v, want := range good {
		a := f.ok("north/test", "POST", "/v1/batches?type=graded", []byte("recipient.name,claims.n\nA,"+v+"\n"), "Content-Type", "text/csv")
		until(t, v, 20*time.Second, func() bool {
			return f.ok("north/test", "GET", "/v1/batches/"+a.text("id"), nil).text("state") == "done"
		})
		var list struct {
			Data []struct{ Claims map[string]any }
		}
		json.Unmarshal(f.ok("north/test", "GET", "/v1/credentials?batchId="+a.text("id"), nil).body, &list)
		if len(list.Data) != 1 || list.Data[0].Claims["n"] != want {
			t.Errorf("%q became %v", v, list.Data)
		}
	}
}

// TestTableOfResults: whatever rows held, the table of a batch's results has no formula in
// it, for programs that part cells at commas, at semicolons and at tabs.
func TestTableOfResults(t *testing.T) {
	f := newFort(t)
	rows := []byte(`{"recipient":{"name":"A"},"=1+1":1}
{"recipient":{"name":"A"},"a;=1+1":1,"b\t=1+1":2,"\r\n@SUM(1)":3}
{"recipient":{"name":"A"},"a\",\"=1+1":1,"-1+1":2}
{"recipient":{"name":""},";":1}
{"id":"-1","recipient":{"name":"A"},"+1":1}
`)
	a := f.ok("north/test", "POST", "/v1/batches?type=training&mode=partial", rows, "Content-Type", "application/x-ndjson")
	table := unzipped(t, f.ok("north/test", "GET", "/v1/batches/"+a.text("id")+"/results", nil).body)["results.csv"]
	for _, comma := range ",;\t" {
		r := csv.NewReader(bytes.NewReader(table))
		r.Comma, r.LazyQuotes, r.FieldsPerRecord = comma, true, -1
		lines := 0
		for ; ; lines++ {
			record, err := r.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, cell := range record {
				if c := strings.TrimLeft(cell, " \"'"); c == cell && c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) || comma != ',' && len(record) > 1 {
					t.Errorf("with %q: a cell is %q of %q", comma, cell, record)
				}
			}
		}
		if lines != 6 {
			t.Errorf("with %q: %d lines", comma, lines)
		}
	}
}

// TestLargeBatchYields: a large batch of one institution does not hold up the small one of
// another that comes after it.
func TestLargeBatchYields(t *testing.T) {
	f := newFort(t)
	const rows = 6000 // a dozen jobs
	large := f.ok("north/test", "POST", "/v1/batches?type=training", []byte("recipient.name\n"+strings.Repeat("A\n", rows)), "Content-Type", "text/csv").text("id")
	small := f.ok("south/test", "POST", "/v1/batches?type=training", []byte("recipient.name\nA\n"), "Content-Type", "text/csv").text("id")
	start(t, f.s)
	state := func(who, id string) (string, float64) {
		a := f.ok(who, "GET", "/v1/batches/"+id, nil)
		counts, _ := a.data["counts"].(map[string]any)
		issued, _ := counts["issued"].(float64)
		return a.text("state"), issued
	}
	until(t, "the small batch", 30*time.Second, func() bool { s, _ := state("south/test", small); return s == "done" })
	if _, issued := state("north/test", large); issued > rows/2 {
		t.Errorf("the small batch waited for %v rows of the large one", issued)
	}
	until(t, "the large batch", 60*time.Second, func() bool { s, issued := state("north/test", large); return s == "done" && issued == rows })
}
