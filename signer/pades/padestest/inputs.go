package padestest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/signer/pades"
)

// Input is a file to sign.
type Input struct {
	Name     string
	Bytes    []byte
	Password string // that opens it
	// Signatures it holds already, by World.
	Signatures int
}

// Inputs returns one file of each kind. Linearized and encrypted ones are made by qpdf; where it is
// not present they are left out, and the test says so.
func (w *World) Inputs(t testing.TB) []Input {
	t.Helper()
	list := []Input{
		{Name: "table", Bytes: Sample{}.Build(t)},
		{Name: "stream", Bytes: Sample{Streams: true, Version: "2.0"}.Build(t)}, // with object streams
		{Name: "hybrid", Bytes: Hybrid()},
		{Name: "form-table", Bytes: Sample{Form: "direct"}.Build(t)},
		{Name: "form-stream", Bytes: Sample{Form: "indirect", Streams: true}.Build(t)},
		{Name: "pdfa", Bytes: Archive(t)},
		{Name: "notes", Bytes: Sample{Notes: true, Pages: 2}.Build(t)},
	}
	signed := w.sign(t, Sample{Form: "indirect", Streams: true}.Build(t))
	list = append(list, Input{Name: "signed", Bytes: signed, Signatures: 1})
	if _, err := exec.LookPath("qpdf"); err != nil {
		t.Log("qpdf not present: no linearized and encrypted inputs")
		return list
	}
	plain := Sample{Pages: 2}.Build(t)
	list = append(list,
		Input{Name: "linearized", Bytes: QPDF(t, plain, "--linearize")},
		Input{Name: "objstm", Bytes: QPDF(t, plain, "--object-streams=generate")},
		Input{Name: "aes128", Bytes: QPDF(t, plain, "--encrypt", "user", "owner", "128", "--use-aes=y", "--"), Password: "user"},
		Input{Name: "aes256", Bytes: QPDF(t, plain, "--encrypt", "user", "owner", "256", "--"), Password: "user"})
	return list
}

func (w *World) sign(t testing.TB, in []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	_, err := w.Pades(pades.LevelB, "").Sign(t.Context(), bytes.NewReader(in), int64(len(in)), &out, pades.Request{})
	check(t, err)
	return out.Bytes()
}

// QPDF rewrites a file with qpdf.
func QPDF(t testing.TB, in []byte, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "in.pdf"), filepath.Join(dir, "out.pdf")
	check(t, os.WriteFile(from, in, 0o600))
	if out, err := exec.Command("qpdf", append(args, from, to)...).CombinedOutput(); err != nil {
		t.Fatalf("qpdf: %v\n%s", err, out)
	}
	b, err := os.ReadFile(to)
	check(t, err)
	return b
}

// Hybrid writes a hybrid-reference file: the information dictionary's text lies in an object stream that
// only the cross-reference stream shows.
func Hybrid() []byte {
	var b bytes.Buffer
	at := map[int]int{}
	obj := func(n int, body string) {
		at[n] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", n, body)
	}
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	content := "0 0 1 rg 72 700 100 50 re f"
	obj(1, "<</Type/Catalog/Pages 2 0 R>>")
	obj(2, "<</Type/Pages/Kids[3 0 R]/Count 1>>")
	obj(3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>/Contents 7 0 R>>")
	obj(7, fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content))
	packed := "4 0 (hidden)"
	obj(5, fmt.Sprintf("<</Type/ObjStm/N 1/First 4/Length %d>>\nstream\n%s\nendstream", len(packed), packed))
	rec := func(kind byte, f2, f3 int) string {
		return string([]byte{kind, byte(f2 >> 8), byte(f2), byte(f3)})
	}
	stm := b.Len()
	data := rec(2, 5, 0) + rec(1, at[5], 0) + rec(1, stm, 0)
	obj(6, fmt.Sprintf("<</Type/XRef/Size 8/W[1 2 1]/Index[4 3]/Length %d>>\nstream\n%s\nendstream", len(data), data))
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 8\n0000000000 65535 f \n")
	for n := 1; n <= 7; n++ {
		if n >= 4 && n <= 6 {
			b.WriteString("0000000000 00000 f \n")
		} else {
			fmt.Fprintf(&b, "%010d 00000 n \n", at[n])
		}
	}
	fmt.Fprintf(&b, "trailer\n<</Root 1 0 R/Size 8/XRefStm %d>>\nstartxref\n%d\n%%%%EOF\n", stm, table)
	return b.Bytes()
}

// xmp says that a file is PDF/A-3b.
const xmp = `<?xpacket begin="` + "\ufeff" + `" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"><pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance></rdf:Description>
</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>`

// Archive builds a PDF/A-3b file without text and with device independent colours only.
func Archive(t testing.TB) []byte {
	t.Helper()
	b := &pdf.Builder{Version: "1.7"}
	typ := pdf.Name("Type")
	pages := b.Alloc()
	lab := pdf.NewArray(pdf.Name("Lab"), pdf.NewDict(pdf.Name("WhitePoint"), pdf.NewArray(pdf.Real(0.9642), pdf.Integer(1), pdf.Real(0.8249))))
	content := b.Add(pdf.NewStream(pdf.NewDict(), []byte("/C cs 40 10 -40 sc 72 700 100 50 re f")))
	intent := b.Add(pdf.NewDict(typ, pdf.Name("OutputIntent"), pdf.Name("S"), pdf.Name("GTS_PDFA1"), pdf.Name("OutputConditionIdentifier"), pdf.EncodeText("sRGB"),
		pdf.Name("DestOutputProfile"), b.Add(pdf.NewStream(pdf.NewDict(pdf.Name("N"), pdf.Integer(3)), profile()))))
	page := b.Add(pdf.NewDict(typ, pdf.Name("Page"), pdf.Name("Parent"), pages, pdf.Name("MediaBox"), pdf.NewArray(pdf.Integer(0), pdf.Integer(0), pdf.Integer(595), pdf.Integer(842)),
		pdf.Name("Contents"), content, pdf.Name("Resources"), pdf.NewDict(pdf.Name("ColorSpace"), pdf.NewDict(pdf.Name("C"), lab))))
	b.Set(pages, pdf.NewDict(typ, pdf.Name("Pages"), pdf.Name("Kids"), pdf.NewArray(page), pdf.Name("Count"), pdf.Integer(1)))
	meta := b.Add(pdf.NewStream(pdf.NewDict(typ, pdf.Name("Metadata"), pdf.Name("Subtype"), pdf.Name("XML")), []byte(xmp)))
	b.Trailer().Set("Root", b.Add(pdf.NewDict(typ, pdf.Name("Catalog"), pdf.Name("Pages"), pages, pdf.Name("Metadata"), meta, pdf.Name("OutputIntents"), pdf.NewArray(intent))))
	id := pdf.String{Value: []byte("fedcba9876543210"), Hex: true}
	b.Trailer().Set("ID", pdf.NewArray(id, id))
	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
