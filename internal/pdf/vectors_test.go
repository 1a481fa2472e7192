package pdf

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/chancery-dev/chancery/testvectors"
)

// Files by others: what is refused, why, and how many revisions the rest has.
var others = map[string]struct {
	open, check Code // refused on opening, or on looking at every object
	revisions   int
}{
	"dss-2236_annotation-and-visible-change.pdf":   {revisions: 6},
	"dss-2236_hide.pdf":                            {revisions: 3, check: CodeStream}, // lengths altered by hand
	"dss-2236_replace.pdf":                         {revisions: 2},
	"dss-2554_certified-changes-permitted.pdf":     {revisions: 2},
	"dss-2554_certified-no-change-permitted.pdf":   {revisions: 3},
	"hello_signed_INCSAVE_signed_EDITED.pdf":       {revisions: 4, check: CodeXrefEntry}, // every offset one too small
	"malformed-pades.pdf":                          {open: CodeHeader},
	"pades_infinite_loop.pdf":                      {open: CodeStartxref},
	"pades-bes-no-certificates.pdf":                {revisions: 2},
	"pdf-byterange-overlap.pdf":                    {revisions: 3},
	"pdf-double-signer-info.pdf":                   {revisions: 2},
	"pdf-signed-original.pdf":                      {revisions: 2},
	"minimal-pdf-ua-and-a.pdf":                     {revisions: 1},
	"pades-lta-dss-indirect-arrs-test.pdf":         {revisions: 5},
	"sig-with-ski-sid.pdf":                         {revisions: 3},
	"signed-encrypted-pubkey-with-catalog-ref.pdf": {open: CodeHandler},
	"minimal-two-fields-signed-twice.pdf":          {revisions: 2},
}

func TestFilesByOthers(t *testing.T) {
	files, err := filepath.Glob(testvectors.Shared(t, "pdf") + "/*/*.pdf")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want, listed := others[name]
			if !listed {
				want.revisions = 2 // base and one signed update, as most of them are
			}
			d, err := Open(bytes.NewReader(b), int64(len(b)), Options{})
			if want.open != "" {
				if !errors.Is(err, want.open) {
					t.Fatalf("got %v, want %v", err, want.open)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := len(d.Revisions()); got != want.revisions {
				t.Errorf("%d revisions, want %d", got, want.revisions)
			}
			if want.check != "" {
				if err := d.Check(); !errors.Is(err, want.check) {
					t.Errorf("got %v, want %v", err, want.check)
				}
				return
			}
			if err := everything(b, Options{}); err != nil {
				t.Fatal(err)
			}
			for _, r := range d.Revisions() {
				un, err := r.Unreached(Span{r.Start, r.End})
				if err != nil {
					t.Fatal(err)
				}
				if len(un) > 0 {
					t.Logf("revision %d: %d unreached: %+v", r.Index, len(un), un[:min(3, len(un))])
				}
			}
			updateOther(t, d, b)
		})
	}
}

// updateOther puts an update on a file by others and wants everything else unchanged.
func updateOther(t *testing.T, d *Document, b []byte) {
	t.Helper()
	u, err := d.NewUpdate()
	if err != nil {
		t.Fatal(err)
	}
	cat, err := u.CatalogRef()
	if err != nil {
		t.Fatal(err)
	}
	cd, err := u.Edit(cat)
	if err != nil {
		t.Fatal(err)
	}
	cd.Set("ChanceryTest", u.Add(EncodeText("x")))
	out := finish(t, u)
	if !bytes.HasPrefix(out, b) {
		t.Fatal("input changed")
	}
	if err := everything(out, Options{}); err != nil {
		t.Fatal(err)
	}
	sameObjects(t, d.Latest(), mustOpen(t, out).Latest(), map[uint32]bool{cat.Num: true})
}

// sameObjects wants every object of a in b, at the same place, except the given.
func sameObjects(t testing.TB, a, b *Revision, except map[uint32]bool) {
	t.Helper()
	for e := range a.Objects() {
		la, _ := a.Locate(e.Num)
		lb, ok := b.Locate(e.Num)
		if !ok || !except[e.Num] && la != lb {
			t.Fatalf("object %d moved from %v to %v", e.Num, la, lb)
		}
	}
}
