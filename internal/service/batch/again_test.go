package batch_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/batch"
	"github.com/chancery-dev/chancery/internal/service/memstore"
)

// school is a core with a type, and batches over it.
type school struct {
	t       *testing.T
	core    *service.Service
	batches *batch.Batches
	c       service.Caller
}

func newSchool(t *testing.T) *school {
	t.Helper()
	clock := func() time.Time { return time.Date(2026, 5, 10, 8, 0, 0, 0, time.UTC) }
	ring, err := service.NewKeyRing(service.GenerateMasterKey())
	check(t, err)
	store := memstore.New(clock)
	s := &school{t: t, c: service.System(service.Scope{Tenant: "north", Environment: service.Test})}
	s.core, err = service.New(service.Config{Store: store, Blobs: noBlobs{}, Sealer: ring, Clock: clock, BaseURL: "https://chancery.example"})
	check(t, err)
	s.batches, err = batch.New(batch.Config{Store: store, Blobs: noBlobs{}, Sealer: ring, Issuing: s.core, Clock: clock})
	check(t, err)
	_, err = s.core.CreateTenant(t.Context(), "north", "North")
	check(t, err)
	_, err = s.core.CreateIssuer(t.Context(), s.c, service.NewIssuer{Name: "North"}, service.Idempotency{})
	check(t, err)
	_, err = s.core.CreateType(t.Context(), s.c, service.NewType{Key: "course", DisplayName: "Course", Fields: []service.Field{{Key: "a", Type: "text"}, {Key: "p", Type: "text", Visibility: "private"}}}, service.Idempotency{})
	check(t, err)
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *school) create(in service.NewBatch, items ...service.ItemInput) (service.Batch, error) {
	n := -1
	in.Type = "course"
	r, err := s.batches.CreateBatch(context.Background(), s.c, in, func() (service.ItemInput, error) {
		if n++; n >= len(items) {
			return service.ItemInput{}, io.EOF
		}
		return items[n], nil
	}, service.Idempotency{})
	return r.Value, err
}

// issue creates a batch and does its work.
func (s *school) issue(in service.NewBatch, items ...service.ItemInput) service.Batch {
	s.t.Helper()
	b, err := s.create(in, items...)
	check(s.t, err)
	if !b.Done {
		check(s.t, s.batches.IssueRows(context.Background(), s.c.Scope, b.ID, 0, int64(len(items))))
	}
	b, err = s.batches.GetBatch(context.Background(), s.c, b.ID)
	check(s.t, err)
	if n := b.Counts; n.Total != int64(len(items)) || n.Total != n.Queued+n.Issued+n.Failed {
		s.t.Errorf("counts that do not add up: %+v", n)
	}
	return b
}

func (s *school) items(b service.Batch) []service.BatchItem {
	s.t.Helper()
	l, err := s.batches.BatchItems(context.Background(), s.c, b.ID, "", service.Page{})
	check(s.t, err)
	return l.Items
}

func (s *school) total() int64 {
	s.t.Helper()
	l, err := s.core.ListCredentials(context.Background(), s.c, service.CredentialFilter{}, service.Page{WithTotal: true})
	check(s.t, err)
	return l.Total
}

func row(name, id, key string, private ...string) service.ItemInput {
	in := service.ItemInput{ID: id, IdempotencyKey: key, Recipient: service.Recipient{Name: name}, Claims: map[string]any{"a": "x"}}
	for _, p := range private {
		in.Private = map[string]any{"p": p}
	}
	return in
}

// TestSameRowsAgain: rows that are sent again, by their id or their key, are the credentials
// that there are: a batch that was cut off, or a table to which lines were added, is sent
// again as it is.
func TestSameRowsAgain(t *testing.T) {
	s := newSchool(t)
	ctx := context.Background()
	rows := []service.ItemInput{row("A", "CX-1", ""), row("B", "", "row-2", "secret"), row("C", "CX-3", "row-3")}
	first := s.issue(service.NewBatch{}, rows...)
	if first.Counts.Issued != 3 || s.total() != 3 {
		t.Fatalf("found %+v", first.Counts)
	}
	before := s.items(first)

	again := s.issue(service.NewBatch{}, rows...)
	if !again.Done || again.State != "done" || again.Counts.Issued != 3 || again.FinishedAt == nil || s.total() != 3 {
		t.Errorf("found %+v, %d credentials", again, s.total())
	}
	for i, item := range s.items(again) {
		if item.State != "issued" || item.ID != before[i].ID || item.Credential == nil || *item.Credential != *before[i].Credential {
			t.Errorf("row %d: found %+v, before %+v", i, item, before[i])
		}
	}
	more, err := s.create(service.NewBatch{}, append(rows, row("D", "CX-4", ""))...)
	check(t, err)
	if more.State != "queued" || more.Done || more.Counts.Queued != 1 || more.Counts.Issued != 3 {
		t.Errorf("found %+v", more)
	}
	check(t, s.batches.IssueRows(ctx, s.c.Scope, more.ID, 0, 4))
	if n := s.total(); n != 4 {
		t.Errorf("expected 4 credentials, found %d", n)
	}
	// A single call with the same content is the same as well, the other way round, too.
	one := service.NewCredential{Type: "course", ItemInput: row("E", "CX-5", "")}
	_, err = s.core.Issue(ctx, s.c, one, service.Idempotency{})
	check(t, err)
	if b := s.issue(service.NewBatch{}, row("E", "CX-5", "")); b.Counts.Issued != 1 || s.total() != 5 {
		t.Errorf("found %+v, %d credentials", b.Counts, s.total())
	}

	for name, in := range map[string]struct {
		row   service.ItemInput
		field string
	}{
		"id, another name":     {row("X", "CX-1", ""), "id"},
		"key, another name":    {row("X", "", "row-2", "secret"), "idempotencyKey"},
		"key, another secret":  {row("B", "", "row-2", "other"), "idempotencyKey"},
		"key, another id":      {row("C", "CX-9", "row-3"), "idempotencyKey"},
		"key, id of another":   {row("C", "CX-1", "row-3"), "idempotencyKey"},
		"id of one, other key": {row("X", "CX-3", "row-9"), "id"},
	} {
		_, err := s.create(service.NewBatch{}, in.row)
		var e *service.Error
		if !errors.As(err, &e) || e.Code != service.CodeValidation || e.Fields["items[0]."+in.field] == nil {
			t.Errorf("%s: found %v", name, err)
		}
	}
	// What is wanted of the rows is part of what they ask for.
	no := false
	if _, err := s.create(service.NewBatch{Publish: &no}, row("A", "CX-1", "")); err == nil {
		t.Error("a draft of what is issued")
	}
}

// TestSameRowsAtOnce: two batches with the same rows, both accepted before either is issued.
func TestSameRowsAtOnce(t *testing.T) {
	s := newSchool(t)
	rows := []service.ItemInput{row("A", "CX-1", ""), row("B", "", "row-2"), row("C", "", "")}
	a, err := s.create(service.NewBatch{}, rows...)
	check(t, err)
	b, err := s.create(service.NewBatch{}, rows...)
	check(t, err)
	for _, id := range []string{a.ID, b.ID} {
		check(t, s.batches.IssueRows(context.Background(), s.c.Scope, id, 0, 3))
	}
	if n := s.total(); n != 4 { // CX-1 and row-2 once, the one without either twice
		t.Errorf("found %d credentials", n)
	}
	items := s.items(b)
	if items[0].State != "issued" || items[0].Credential == nil || items[0].Credential.ID != "CX-1" || items[1].State != "failed" || items[1].Errors["idempotencyKey"] == nil || items[2].State != "issued" {
		t.Errorf("found %+v", items)
	}
}

// TestBatchOfNoType: a reference to what is not there is a fault of the request.
func TestBatchOfNoType(t *testing.T) {
	s := newSchool(t)
	for _, name := range []string{"none", "starter/classic"} {
		_, err := s.batches.CreateBatch(t.Context(), s.c, service.NewBatch{Type: name}, of(1, nil), service.Idempotency{})
		var e *service.Error
		if !errors.As(err, &e) || e.Code != service.CodeValidation || e.Fields["type"] == nil {
			t.Errorf("%s: found %v", name, err)
		}
	}
}

// TestManyBadRows: it is said where the rows that are named are not all that is wrong.
func TestManyBadRows(t *testing.T) {
	s := newSchool(t)
	rows := make([]service.ItemInput, 1500)
	for _, mode := range []service.NewBatch{{}, {DryRun: true}} {
		_, err := s.create(mode, rows...)
		var e *service.Error
		if !errors.As(err, &e) || len(e.Fields) != 1001 || len(e.Fields["items"]) != 1 || !strings.Contains(e.Fields["items"][0], "1000") {
			t.Errorf("found %d fields, %v", len(e.Fields), e.Fields["items"])
		}
	}
	_, err := s.create(service.NewBatch{}, rows[:999]...)
	var e *service.Error
	if !errors.As(err, &e) || len(e.Fields) != 999 || e.Fields["items"] != nil {
		t.Errorf("found %d fields, %v", len(e.Fields), e.Fields["items"])
	}
}

// TestFileNames: the archive can be unpacked anywhere, and no file takes another's place.
func TestFileNames(t *testing.T) {
	s := newSchool(t)
	ids := []string{"CX-1", "cx-1", "Cx-1", "CON", "con.txt", "lpt9.x", ".hidden", "-rf", "a.b", "...", "CONSOLE"}
	var rows []service.ItemInput
	for _, id := range ids {
		rows = append(rows, row("A", id, ""))
	}
	b := s.issue(service.NewBatch{}, rows...)
	var out bytes.Buffer
	check(t, s.batches.WriteBatch(t.Context(), s.c, b.ID, &out))
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	check(t, err)
	seen := map[string]bool{}
	for _, f := range z.File {
		lower := strings.ToLower(f.Name)
		base, _, _ := strings.Cut(strings.TrimPrefix(lower, "vc/"), ".")
		if seen[lower] || base == "" || base == "con" || base == "lpt9" || strings.Contains(f.Name, "..") && !strings.Contains(f.Name, "~...") || strings.Count(f.Name, "/") > 1 {
			t.Errorf("%s", f.Name)
		}
		seen[lower] = true
	}
	if len(z.File) != len(ids)+1 || !seen["vc/cx-1.json"] || !seen["vc/a.b.json"] || !seen["vc/console.json"] {
		t.Errorf("found %d files: %v", len(z.File), seen)
	}
}
