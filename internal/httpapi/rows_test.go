package httpapi

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

func TestBatchForms(t *testing.T) {
	a, f := start(t)
	aina := service.ItemInput{Recipient: service.Recipient{Name: "Aina", Email: "aina@example.com"}, Claims: map[string]any{"trainerName": "Academy"}}
	item := `{"recipient":{"name":"Aina","email":"aina@example.com"},"claims":{"trainerName":"Academy"}}`
	for name, c := range map[string]struct{ mediaType, query, body string }{
		"object":           {jsonType, "", `{"type":"t","items":[` + item + `,` + item + `],"name":"n"}`},
		"object, late":     {jsonType, "", ` { "items" : [ ` + item + "\n,\n" + item + ` ] , "name":"n", "type":"t" } `},
		"array":            {jsonType, "?type=t&name=n", "\n[" + item + ", " + item + "]"},
		"lines":            {ndjsonType, "?type=t&name=n", item + "\n\r\n" + item},
		"CSV":              {csvType, "?type=t&name=n", "recipient.name,recipient.email,claims.trainerName\nAina,aina@example.com,Academy\nAina,aina@example.com,Academy\n"},
		"CSV, BOM, quotes": {csvType + "; charset=utf-8", "?type=t&name=n", "\xef\xbb\xbf\"recipient.name\",recipient.email , claims.trainerName,private.x\r\n\"Aina\",\"aina@example.com\",\"Academy\",\r\n\r\nAina,aina@example.com,Academy,\"\"\r\n"},
	} {
		w := ask(a, "POST", "/v1/batches"+c.query, c.body, bearerA("Content-Type", c.mediaType)...)
		if w.Code != 202 || w.Header().Get("Location") != exampleHost+"/v1/batches/"+exampleUUID {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
			continue
		}
		in := f.last.(service.NewBatch)
		if in.Type != "t" || in.Name != "n" || len(f.rows) != 2 || !reflect.DeepEqual(f.rows[0], aina) || !reflect.DeepEqual(f.rows[1], aina) {
			t.Errorf("%s: %+v %+v", name, in, f.rows)
		}
	}
	w := ask(a, "POST", "/v1/batches?type=t&mode=partial&publish=false&outputs=vc,pdf&anchor=true&notify=true", "id,recipient.name,claims.hours,claims.passed,claims.trainerName,validUntil\n7,\"A, B\n\"\"C\"\"\",1.5,true,12,2027-05-10T08:00:00+02:00\n8,D,abc,maybe,,\n", bearerA("Content-Type", csvType)...)
	in := f.last.(service.NewBatch)
	if w.Code != 202 || in.Mode != "partial" || *in.Publish || !*in.Anchor || !in.Notify || fmt.Sprint(in.Outputs) != "[vc pdf]" {
		t.Fatalf("%d %s %+v", w.Code, w.Body, in)
	}
	want := service.ItemInput{ID: "7", Recipient: service.Recipient{Name: "A, B\n\"C\""}, Claims: map[string]any{"hours": 1.5, "passed": true, "trainerName": "12"}, ValidUntil: at("2027-05-10T06:00:00Z")}
	if !reflect.DeepEqual(f.rows[0], want) || !reflect.DeepEqual(f.rows[1].Claims, map[string]any{"hours": "abc", "passed": "maybe"}) {
		t.Errorf("%+v", f.rows)
	}
}

func TestBatchFaults(t *testing.T) {
	a, f := start(t)
	item := `{"recipient":{"name":"Aina"}}`
	for name, c := range map[string]struct {
		mediaType, query, body string
		want                   int
		field                  string
	}{
		"second row, unknown":     {jsonType, "", `{"type":"t","items":[` + item + `,{"recipent":{"name":"` + marker + `"}}]}`, 422, "items[1].recipent"},
		"second row, type":        {ndjsonType, "?type=t", item + "\n" + `{"recipient":{"name":7}}`, 422, "items[1].recipient.name"},
		"CSV time":                {csvType, "?type=t", "recipient.name,validFrom\nA,2026-05-10T08:00:00Z\nB,2026-05-10 " + marker, 422, "items[1].validFrom"},
		"unknown member":          {jsonType, "", `{"typ":"t","items":[]}`, 422, "typ"},
		"items no array":          {jsonType, "", `{"type":"t","items":"` + marker + `"}`, 422, "items"},
		"row a string":            {jsonType, "", `{"type":"t","items":["` + marker + `"]}`, 400, ""},
		"duplicate in a row":      {jsonType, "", `{"type":"t","items":[` + item + `,{"id":"a","id":"b"}]}`, 400, ""},
		"items twice":             {jsonType, "", `{"type":"t","items":[],"items":[]}`, 400, ""},
		"type twice":              {jsonType, "", `{"type":"t","type":"u","items":[]}`, 400, ""},
		"broken off":              {jsonType, "", `{"type":"t","items":[` + item + `,`, 400, ""},
		"trailing":                {jsonType, "", `{"type":"t","items":[]}{}`, 400, ""},
		"array trailing":          {jsonType, "?type=t", `[] []`, 400, ""},
		"deep row":                {jsonType, "", `{"type":"t","items":[{"claims":{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}}]}`, 400, ""},
		"object and query":        {jsonType, "?name=n", `{"type":"t","items":[]}`, 400, ""},
		"empty":                   {jsonType, "", ` `, 400, ""},
		"bad line":                {ndjsonType, "?type=t", item + "\n{" + marker, 422, "items[1]"},
		"no object":               {ndjsonType, "?type=t", item + "\n\n[\"" + marker + "\"]\n", 422, "items[1]"},
		"name twice in a line":    {ndjsonType, "?type=t", item + "\n" + `{"id":"a","id":"b"}`, 422, "items[1]"},
		"a line that is too long": {ndjsonType, "?type=t", strings.Repeat("x", maxRow+10), 400, ""},
		"UTF-16":                  {csvType, "?type=t", "\xff\xfer\x00", 400, ""},
		"carriage returns alone":  {csvType, "?type=t", "recipient.name,id\rAina,1\r", 400, ""},
		"CSV without header":      {csvType, "?type=t", marker + "," + marker + "@example.com\n", 422, "columns[0]"},
		"CSV, column twice":       {csvType, "?type=t", "recipient.name,recipient.name\n", 422, "columns[1]"},
		"CSV, a cell more":        {csvType, "?type=t", "recipient.name\nA," + marker + "\n", 422, "items[0]"},
		"CSV, a cell less":        {csvType, "?type=t", "recipient.name,id\nA,1\nB\n", 422, "items[1]"},
		"CSV, quotes":             {csvType, "?type=t", "recipient.name\n\"" + marker + "\n", 400, ""},
		"CSV, not UTF-8":          {csvType, "?type=t", "recipient.name\n" + marker + "\xff\n", 400, ""},
		"CSV, empty":              {csvType, "?type=t", "", 400, ""},
		"CSV, a huge cell":        {csvType, "?type=t", "recipient.name\n\"" + strings.Repeat("x\n", maxRow) + "\"\n", 400, ""},
		"parameter":               {csvType, "?type=t&dryRun=perhaps", "recipient.name\n", 400, ""},
	} {
		w := ask(a, "POST", "/v1/batches"+c.query, c.body, bearerA("Content-Type", c.mediaType)...)
		p := problemIn(t, w)
		if w.Code != c.want || strings.Contains(w.Body.String(), marker) || c.field != "" && p.Errors[c.field] == nil {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	w := ask(a, "POST", "/v1/batches", `{"type":"t","dryRun":true,"items":[`+item+`,{"x":1}]}`, jsonA()...)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"items[1].x"`) || !strings.Contains(w.Body.String(), `"valid": false`) {
		t.Errorf("dry run: %d %s", w.Code, w.Body)
	}
	w = ask(a, "POST", "/v1/batches", `{"type":"t","dryRun":true,"items":[`+item+`]}`, jsonA()...)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"errors": null`) || len(f.rows) != 1 {
		t.Errorf("dry run: %d %s", w.Code, w.Body)
	}
}

// TestLargeBatch goes through a file, whose rows are those that were sent.
func TestLargeBatch(t *testing.T) {
	dir := t.TempDir()
	a, f := start(t, func(c *Config) { c.TempDir = dir })
	var b strings.Builder
	b.WriteString("id,recipient.name,claims.x\n")
	const n = 60_000
	filler := strings.Repeat("y", 100)
	for i := range n {
		fmt.Fprintf(&b, "id-%d,Name %d,%s\n", i, i, filler)
	}
	if b.Len() < spoolMemory {
		t.Fatal("too small to matter")
	}
	w := ask(a, "POST", "/v1/batches?type=t", b.String(), bearerA("Content-Type", csvType)...)
	if w.Code != 202 || len(f.rows) != n || f.rows[n-1].ID != fmt.Sprint("id-", n-1) || f.rows[77].Claims["x"] != filler {
		t.Errorf("%d, %d rows", w.Code, len(f.rows))
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	a.TempDir = dir + "/none"
	if w = ask(a, "POST", "/v1/batches?type=t", b.String(), bearerA("Content-Type", csvType)...); w.Code != 503 {
		t.Errorf("no room: %d %s", w.Code, w.Body)
	}
}

// TestTables: what programs for tables write is read for what is meant.
func TestTables(t *testing.T) {
	a, f := start(t)
	want := []service.ItemInput{{ID: "1", Recipient: service.Recipient{Name: "A, B; C"}}, {ID: "2", Recipient: service.Recipient{Name: "D"}}}
	for name, body := range map[string]string{
		"comma":             "id,recipient.name\n1,\"A, B; C\"\n2,D\n",
		"semicolon":         "id;recipient.name\r\n1;\"A, B; C\"\r\n2;D\r\n",
		"tab":               "id\trecipient.name\n1\tA, B; C\n2\tD",
		"mark, semicolon":   "\xef\xbb\xbfid;recipient.name\n1;\"A, B; C\"\n2;D\n",
		"empty lines":       "\n\nid,recipient.name\n\n1,\"A, B; C\"\n,\n\r\n2,D\n,\n,\n",
		"empty cells, more": "id,recipient.name\n1,\"A, B; C\"\n,,,\n2,D\n",
		"quoted header":     "\"id\",\"recipient.name\"\n1,\"A, B; C\"\n2,D\n",
	} {
		w := ask(a, "POST", "/v1/batches?type=t", body, bearerA("Content-Type", csvType)...)
		if w.Code != 202 || !reflect.DeepEqual(f.rows, want) {
			t.Errorf("%s: %d, rows %+v", name, w.Code, f.rows)
		}
	}
	for name, body := range map[string]string{
		"lines":       `{"id":"1","recipient":{"name":"A, B; C"}}` + "\n" + `{"id":"2","recipient":{"name":"D"}}` + "\n",
		"mark, blank": "\xef\xbb\xbf" + `{"id":"1","recipient":{"name":"A, B; C"}}` + "\r\n\r\n \n" + `{"id":"2","recipient":{"name":"D"}}`,
	} {
		w := ask(a, "POST", "/v1/batches?type=t", body, bearerA("Content-Type", ndjsonType)...)
		if w.Code != 202 || !reflect.DeepEqual(f.rows, want) {
			t.Errorf("%s: %d, rows %+v", name, w.Code, f.rows)
		}
	}
}
