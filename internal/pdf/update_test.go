package pdf

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
)

// addSignature adds a signature field with holes, as a signer would.
func addSignature(t testing.TB, u *Update, name string, reserve int) (contents, byteRange *Hole) {
	t.Helper()
	contents, byteRange = NewHexHole(reserve), NewTextHole(60)
	sig := u.Add(NewDict(Name("Type"), Name("Sig"), Name("Filter"), Name("Adobe.PPKLite"), Name("SubFilter"), Name("ETSI.CAdES.detached"),
		Name("M"), EncodeText("D:20260101000000Z"), Name("Contents"), contents, Name("ByteRange"), byteRange))
	var page Ref
	if err := u.Pages(func(p *Page) bool { page = p.Ref; return false }); err != nil {
		t.Fatal(err)
	}
	field := u.Add(NewDict(Name("FT"), Name("Sig"), Name("T"), EncodeText(name), Name("V"), sig, Name("Type"), Name("Annot"),
		Name("Subtype"), Name("Widget"), Name("Rect"), NewArray(Integer(0), Integer(0), Integer(0), Integer(0)), Name("P"), page, Name("F"), Integer(132)))
	pd, err := u.Edit(page)
	if err != nil {
		t.Fatal(err)
	}
	annots, err := u.ArrayAt(pd, "Annots")
	if err != nil {
		t.Fatal(err)
	}
	all := NewArray()
	if annots != nil {
		all = annots.Clone()
	}
	all.Append(field)
	pd.Set("Annots", all)
	_, ref, err := u.AcroForm()
	if err != nil {
		t.Fatal(err)
	}
	form, err := u.Edit(ref)
	if err != nil {
		t.Fatal(err)
	}
	fields, err := u.ArrayAt(form, "Fields")
	if err != nil {
		t.Fatal(err)
	}
	fields.Append(field)
	form.Set("SigFlags", Integer(3))
	return contents, byteRange
}

func TestUpdateWithSignatureHoles(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			file := sample(t, k, 2)
			for round := range 3 {
				before := file
				u, err := mustOpen(t, before).NewUpdate()
				if err != nil {
					t.Fatal(err)
				}
				c, br := addSignature(t, u, fmt.Sprintf("Sig%d", round), 100)
				tail, err := u.Prepare()
				if err != nil {
					t.Fatal(err)
				}
				r := tail.ByteRange(c.Span())
				if err := tail.FillText(br.Span(), fmt.Sprintf("[%d %d %d %d]", r[0], r[1], r[2], r[3])); err != nil {
					t.Fatal(err)
				}
				h := sha256.New()
				var out bytes.Buffer
				if err := tail.CopyBase(io.MultiWriter(&out, h)); err != nil {
					t.Fatal(err)
				}
				if err := tail.CopyExcept(h, c.Span()); err != nil {
					t.Fatal(err)
				}
				sum := h.Sum(nil)
				if err := tail.FillHex(c.Span(), sum); err != nil {
					t.Fatal(err)
				}
				out.Write(tail.Bytes)
				file = out.Bytes()
				checkSigned(t, before, file, round, sum)
			}
			external(t, file)
		})
	}
}

// checkSigned reads back what a signer wrote, by the reader's spans alone.
func checkSigned(t *testing.T, before, file []byte, round int, sum []byte) {
	t.Helper()
	if !bytes.HasPrefix(file, before) {
		t.Fatal("the bytes of the input changed")
	}
	d := mustOpen(t, file)
	if got := len(d.Revisions()); got != round+2 {
		t.Fatalf("%d revisions", got)
	}
	rev := d.Latest()
	if was := d.Revisions()[round]; rev.Kind != was.Kind || rev.Start != was.End {
		t.Errorf("revision kind %v after %v, start %d after end %d", rev.Kind, was.Kind, rev.Start, was.End)
	}
	fields, err := rev.Fields()
	if err != nil {
		t.Fatal(err)
	}
	f := fields[len(fields)-1]
	sig, err := rev.Object(f.V.(Ref))
	if err != nil {
		t.Fatal(err)
	}
	sd := sig.Value.(*Dict)
	span := sd.SpanOf("Contents")
	br, err := rev.NumbersAt(sd, "ByteRange")
	if err != nil || len(br) != 4 {
		t.Fatal(br, err)
	}
	if int64(br[1]) != span.Start || int64(br[2]) != span.End || int64(br[2]+br[3]) != rev.End || rev.End != int64(len(file)) {
		t.Errorf("range %v, contents %v, end %d of %d", br, span, rev.End, len(file))
	}
	h := sha256.New()
	h.Write(file[:span.Start])
	h.Write(file[span.End:])
	got := sd.Get("Contents").(String).Value
	if !bytes.Equal(h.Sum(nil), sum) || !bytes.Equal(got[:32], sum) || len(got) != 100 {
		t.Error("the hash over the ranges is not the one the writer computed")
	}
	if s := sd.SpanOf("ByteRange"); file[s.Start] != '[' || file[s.End-1] != ']' {
		t.Errorf("span of ByteRange is %q", file[s.Start:s.End])
	}
}
