package service_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/batch"
	"github.com/chancery-dev/chancery/verifier"
)

// results issues a batch of rows and returns its results.zip.
func (w *world) results(c service.Caller, rows ...service.ItemInput) []byte {
	w.t.Helper()
	batches, err := batch.New(batch.Config{Store: w.store, Blobs: w.blobs, Sealer: w.config.Sealer, Issuing: w.s, Clock: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
	next := func() (service.ItemInput, error) {
		if len(rows) == 0 {
			return service.ItemInput{}, io.EOF
		}
		row := rows[0]
		rows = rows[1:]
		return row, nil
	}
	b := must(batches.CreateBatch(w.ctx, c, service.NewBatch{Type: "safety-training", Mode: "partial"}, next, service.Idempotency{}))(w.t).Value
	ctx, cancel := context.WithTimeout(w.ctx, 15*time.Second)
	defer cancel()
	handlers, every := batches.Jobs()
	done := make(chan error, 1)
	go func() {
		done <- w.store.Work(ctx, service.WorkConfig{Handlers: handlers, Every: every, Wait: func(string, int) time.Duration { return 0 }})
	}()
	for must(batches.GetBatch(w.ctx, c, b.ID))(w.t).FinishedAt == nil {
		if ctx.Err() != nil {
			w.t.Fatal("the batch does not end")
		}
		time.Sleep(2 * time.Millisecond)
	}
	cancel()
	<-done
	var out bytes.Buffer
	if err := batches.WriteBatch(w.ctx, c, b.ID, &out); err != nil {
		w.t.Fatal(err)
	}
	return out.Bytes()
}

// repacked is a ZIP with files changed by name; nil takes one out.
func repacked(t *testing.T, b []byte, change map[string]func([]byte) []byte) []byte {
	t.Helper()
	r := must(zip.NewReader(bytes.NewReader(b), int64(len(b))))(t)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range r.File {
		content := must(io.ReadAll(must(f.Open())(t)))(t)
		if edit := change[f.Name]; edit != nil {
			if content = edit(content); content == nil {
				continue
			}
		}
		if _, err := must(w.Create(f.Name))(t).Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestResultsOfBatch: what is in a batch's results is judged; its table is not, and nothing
// that it says is taken for proven.
func TestResultsOfBatch(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	row := func(id, name string) service.ItemInput {
		in := aina().ItemInput
		in.ID, in.Recipient.Name, in.Recipient.Email = id, name, id+"@example.com"
		return in
	}
	results := w.results(c, row("CX-1", "Aina Rahman"), row("CX-2", "Bo Li"), row("CX-3", ""))
	v := w.verify(results)
	expect(t, "results.zip", v, "indeterminate", "not_judged", "")
	if v.Environment != service.Test || !strings.HasPrefix(v.Report.Digest, "sha-256:") || v.Report.MediaType != "application/zip" {
		t.Errorf("found %q, %q, %q", v.Environment, v.Report.Digest, v.Report.MediaType)
	}
	valid, apart := 0, 0
	for _, sub := range v.Report.Sub {
		switch sub.Report.Outcome.String() + " " + string(sub.Report.Reason) {
		case "valid ":
			valid++
		case "indeterminate not_judged":
			apart++
			if sub.Pointer != "/files/0" || !strings.Contains(sub.Report.Checks[0].Detail, "table of results") {
				t.Errorf("%s: %+v", sub.Pointer, sub.Report.Checks)
			}
		default:
			t.Errorf("%s: %s %s", sub.Pointer, sub.Report.Outcome, string(sub.Report.Reason))
		}
	}
	if apart != 1 || valid < 6 {
		t.Errorf("expected the table apart and the files of two credentials, found %d and %d", apart, valid)
	}
	told := map[string]string{}
	for _, check := range v.Report.Checks {
		for _, fact := range check.Evidence {
			told[fact.Name] = fact.Value
		}
	}
	if len(told) != valid+apart || told["file.1"] != "indeterminate not_judged" || told["file.2"] != "valid" {
		t.Errorf("the verdict tells of %v", told)
	}

	without := func([]byte) []byte { return nil }
	expect(t, "without the table", w.verify(repacked(t, results, map[string]func([]byte) []byte{"results.csv": without})), "valid", "", "*")
	forged := func(b []byte) []byte { return append(b, "3,issued,CX-4,https://chancery.example/c/x,\n"...) }
	expect(t, "a row more", w.verify(repacked(t, results, map[string]func([]byte) []byte{"results.csv": forged})), "indeterminate", "not_judged", "")
	other := func(b []byte) []byte { return bytes.Replace(b, []byte("Bo Li"), []byte("Bo Lu"), 1) }
	expect(t, "another name", w.verify(repacked(t, results, map[string]func([]byte) []byte{"vc/CX-2.json": other})), "invalid", "inner_invalid", "")
	expect(t, "the table alone", w.verify(repacked(t, results, map[string]func([]byte) []byte{
		"vc/CX-1.json": without, "vc/CX-2.json": without, "pdf/CX-1.pdf": without, "pdf/CX-2.pdf": without,
		"png/CX-1.png": without, "png/CX-2.png": without, "svg/CX-1.svg": without, "svg/CX-2.svg": without,
	})), "indeterminate", "not_judged", "")
	expect(t, "a batch of which nothing was issued", w.verify(w.results(c, row("CX-9", ""))), "indeterminate", "not_judged", "")
	must(w.s.Revoke(w.ctx, c, "CX-1", "x", once))(t)
	expect(t, "one was revoked", w.verify(results), "invalid", "inner_invalid", "")
}

// TestHostileZip: a ZIP in which other programs may find other files is never valid, and what
// it holds that cannot be read is not said to be invalid.
func TestHostileZip(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	good := w.file(c, w.issue(c).ID, "vc")
	plain := zipped(t, map[string][]byte{"a.json": good})
	expect(t, "good", w.verify(plain), "valid", "", "*")
	hidden := append(bytes.Clone(plain[:len(plain)-22]), plain[len(plain)-22:]...)
	hidden = append(hidden[:len(hidden)-2], 4, 0, 'P', 'K', 3, 4) // a comment that begins as a file does
	expect(t, "a file in the comment", w.verify(hidden), "indeterminate", "not_judged", "")
	locked := bytes.Clone(plain)
	locked[6] |= 1
	locked[bytes.Index(locked, []byte("PK\x01\x02"))+8] |= 1
	v := w.verify(locked)
	expect(t, "encrypted", v, "indeterminate", "not_judged", "")
	if v.Report.EvaluatedAt.IsZero() || v.Report.Checks[0].Detail != "the file is encrypted" {
		t.Errorf("%+v", v.Report)
	}
	// Nobody learns from the answer what files are called.
	v = w.verify(zipped(t, map[string][]byte{"Aina Rahman, payslip.csv": []byte("salary,1"), "b": good}))
	report := must(v.Report.MarshalJSON())(t)
	if strings.Contains(string(report), "payslip") || strings.Contains(string(report), "salary") {
		t.Errorf("%s", report)
	}
}

// TestZIPBeside: a ZIP beside another file is not opened, and the verdict says what to do.
func TestZIPBeside(t *testing.T) {
	w := newWorld(t)
	c := w.school("academy")
	issued := w.file(c, w.issue(c).ID, "vc")
	archive := w.results(c, service.ItemInput{Recipient: service.Recipient{Name: "Aina Rahman", Email: "aina@example.com"}, Claims: map[string]any{"trainer": "Dr. Weir"}})
	v := w.verify(issued, archive)
	if v.Report == nil || v.Report.Outcome != verifier.Indeterminate || len(v.Report.Sub) != 2 {
		t.Fatalf("found %+v", v.Report)
	}
	told := false
	for _, sub := range v.Report.Sub {
		for _, check := range sub.Report.Checks {
			told = told || check.Reason == verifier.NotJudged && strings.Contains(check.Detail, "hand it over alone")
		}
	}
	if !told {
		t.Error("the verdict does not say that the ZIP was not opened")
	}
}
