package pades_test

import (
	"bytes"
	"crypto/x509"
	"slices"
	"testing"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/signer/pades"
)

// found is a signature read back from a file.
type found struct {
	field    pdf.Field
	dict     *pdf.Dict
	br       [4]int64
	contents []byte
	signed   *cms.SignedData // nil for a document timestamp
	verified *cms.Verified
	token    *tsp.Token // of a document timestamp
	rev      *pdf.Revision
}

func opened(t testing.TB, file []byte, password string) *pdf.Document {
	t.Helper()
	doc, err := pdf.Open(bytes.NewReader(file), int64(len(file)), pdf.Options{Password: password})
	check(t, err)
	check(t, doc.Check())
	return doc
}

// signatures checks structure and cryptography of every signature of a file, in order of their ends.
func (w *world) signatures(t testing.TB, file []byte, password string) []found {
	t.Helper()
	doc := opened(t, file, password)
	rev := doc.Latest()
	fields, err := rev.Fields()
	check(t, err)
	var out []found
	for _, f := range fields {
		if f.FT != "Sig" || f.V == nil {
			continue
		}
		out = append(out, w.signatureOf(t, doc, f, file))
	}
	slices.SortFunc(out, func(a, b found) int { return int(a.br[1] - b.br[1]) })
	return out
}

func (w *world) signatureOf(t testing.TB, doc *pdf.Document, f pdf.Field, file []byte) found {
	t.Helper()
	rev := doc.Latest()
	o, err := rev.Resolve(f.V)
	check(t, err)
	g := found{field: f, dict: o.(*pdf.Dict)}
	nums, err := rev.NumbersAt(g.dict, "ByteRange")
	check(t, err)
	for i := range g.br {
		g.br[i] = int64(nums[i])
	}
	if span := g.dict.SpanOf("Contents"); g.br[0] != 0 || g.br[1] != span.Start || g.br[2] != span.End {
		t.Fatalf("byte range %v, /Contents is at %v", g.br, span)
	}
	end := g.br[2] + g.br[3]
	if g.rev = doc.RevisionAt(end - 1); g.rev == nil || g.rev.End != end && g.rev.MarkerEnd != end {
		t.Fatalf("byte range ends at %d, which is no end of a revision", end)
	}
	s, ok, err := rev.StringAt(g.dict, "Contents")
	check(t, err)
	if !ok {
		t.Fatal("no /Contents")
	}
	g.contents = s.Value
	covered := append(slices.Clone(file[:g.br[1]]), file[g.br[2]:end]...)
	if !onPage(t, rev, f) {
		t.Fatal("the widget is in no page's /Annots")
	}
	if g.dict.Get("Type") == pdf.Name("DocTimeStamp") {
		g.token, err = tsp.ParseToken(g.contents)
		check(t, err)
		_, err = g.token.Verify(tsp.VerifyConfig{Imprint: algo.Sum(g.token.Info.Hash, covered), At: w.Now, Anchors: []chain.Anchor{{Certificate: w.TSARoot.Certificate}}})
		check(t, err)
		return g
	}
	if g.dict.Get("SubFilter") != pdf.Name("ETSI.CAdES.detached") {
		t.Fatalf("SubFilter %v", g.dict.Get("SubFilter"))
	}
	g.signed, err = cms.Parse(g.contents, cms.ParseConfig{StrictDER: true})
	check(t, err)
	si, err := g.signed.Signer()
	check(t, err)
	h, err := si.Hash()
	check(t, err)
	g.verified, err = g.signed.Verify(cms.VerifyConfig{ContentDigest: algo.Sum(h, covered), At: w.Now})
	check(t, err)
	if _, present, _ := si.SigningTime(); present {
		t.Fatal("signing-time attribute present")
	}
	if g.verified.Reference.Version != 2 {
		t.Fatal("no ESS signing-certificate-v2")
	}
	if !g.dict.Has("M") {
		t.Fatal("no /M")
	}
	for _, tok := range si.Timestamps() {
		ts, err := tsp.ParseToken(tok)
		check(t, err)
		_, err = ts.Verify(tsp.VerifyConfig{Imprint: algo.Sum(ts.Info.Hash, si.Signature), At: w.Now, Anchors: []chain.Anchor{{Certificate: w.TSARoot.Certificate}}})
		check(t, err)
	}
	return g
}

// TestAnnotations: what the pages show as annotations is an object of its own once the document is
// signed (ISO 32000-2, table 31), and stays as it is where somebody signed before.
func TestAnnotations(t *testing.T) {
	w := newWorld(t, p256)
	plain := sample{Pages: 3}.Build(t)
	note := func(text string) *pdf.Dict {
		return pdf.NewDict(pdf.Name("Type"), pdf.Name("Annot"), pdf.Name("Subtype"), pdf.Name("Text"), pdf.Name("Contents"), pdf.EncodeText(text),
			pdf.Name("Rect"), pdf.NewArray(pdf.Integer(9), pdf.Integer(9), pdf.Integer(29), pdf.Integer(29)))
	}
	// annotate gives each page a note within its list, on the second page in a list of its own.
	annotate := func(file []byte, more int) []byte {
		doc := opened(t, file, "")
		up, err := doc.NewUpdate()
		check(t, err)
		check(t, doc.Latest().Pages(func(p *pdf.Page) bool {
			d, err := up.Edit(p.Ref)
			check(t, err)
			list := pdf.NewArray(note("first"), up.Add(note("second")), note("third"))
			for range more {
				list.Append(note("more"))
			}
			if p.Index == 1 {
				d.Set("Annots", up.Add(list))
			} else {
				d.Set("Annots", list)
			}
			return true
		}))
		tail, err := up.Prepare()
		check(t, err)
		var out bytes.Buffer
		_, err = tail.WriteTo(&out)
		check(t, err)
		return out.Bytes()
	}
	count := func(file []byte) (direct int, texts []string) {
		rev := opened(t, file, "").Latest()
		check(t, rev.Pages(func(p *pdf.Page) bool {
			list, err := rev.ArrayAt(p.Dict, "Annots")
			check(t, err)
			for _, o := range list.All() {
				if _, ok := o.(*pdf.Dict); ok {
					direct++
				}
				o, err := rev.Resolve(o)
				check(t, err)
				if s, ok, err := rev.StringAt(o.(*pdf.Dict), "Contents"); err == nil && ok {
					texts = append(texts, pdf.TextString(s))
				}
			}
			return true
		}))
		return direct, texts
	}
	want := slices.Repeat([]string{"first", "second", "third"}, 3)
	in := annotate(plain, 0)
	out, _ := sign(t, w.Pades(pades.LevelLTA, p256), in, pades.Request{})
	if direct, texts := count(out); direct != 0 || !slices.Equal(texts, want) {
		t.Errorf("%d annotations are no objects, texts %q", direct, texts)
	}
	// Somebody signed a document of that kind, and the next signature leaves the other pages alone.
	first, _ := sign(t, w.Pades(pades.LevelB, p256), plain, pades.Request{})
	out, _ = sign(t, w.Pades(pades.LevelB, p256), annotate(first, 0), pades.Request{})
	if direct, texts := count(out); direct != 6 || !slices.Equal(texts, want) {
		t.Errorf("%d annotations are no objects, expected 6, texts %q", direct, texts)
	}
	// Where there are very many, all stay where they are.
	out, _ = sign(t, w.Pades(pades.LevelB, p256), annotate(plain, 2000), pades.Request{})
	if direct, _ := count(out); direct != 6006 {
		t.Errorf("%d annotations are no objects, expected 6006", direct)
	}
}

func onPage(t testing.TB, rev *pdf.Revision, f pdf.Field) bool {
	t.Helper()
	on := false
	check(t, rev.Pages(func(p *pdf.Page) bool {
		a, err := rev.ArrayAt(p.Dict, "Annots")
		check(t, err)
		if a != nil {
			for _, o := range a.All() {
				on = on || o == f.Widgets[0].Ref
			}
		}
		return true
	}))
	return on
}

func (w *world) isSigner(c *x509.Certificate) bool { return c.Equal(w.Signer.Certificate) }
