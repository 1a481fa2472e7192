package pades_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
)

// rawObject is an indirect object as text.
type rawObject struct {
	num, gen int
	body     string
}

// rawFile writes a file of objects with a cross-reference table.
func rawFile(trailer string, objects ...rawObject) []byte {
	var b, x bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	x.WriteString("xref\n0 1\n0000000000 65535 f \n")
	top := 0
	for _, o := range objects {
		fmt.Fprintf(&x, "%d 1\n%010d %05d n \n", o.num, b.Len(), o.gen)
		fmt.Fprintf(&b, "%d %d obj\n%s\nendobj\n", o.num, o.gen, o.body)
		top = max(top, o.num)
	}
	at := b.Len()
	fmt.Fprintf(&b, "%strailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n", x.String(), top+1, trailer, at)
	return b.Bytes()
}

// odd is a document of one page, some of whose parts are not as usual. Its own objects
// are 1 to 5, further ones begin with 7.
type odd struct {
	name                      string
	catalog, tree, page, rest string // keys that are added; tree replaces those of the page tree
	more                      []string
	numbers                   []int // of more, 7, 8, … where nil
	want                      sign.Reason
}

func (o odd) build() []byte {
	if o.tree == "" {
		o.tree = "/Kids[3 0 R]/Count 1"
	}
	if !strings.Contains(o.page, "/MediaBox") {
		o.page += "/MediaBox[0 0 595 842]"
	}
	content := "BT /F1 24 Tf 72 720 Td (Diploma) Tj ET"
	list := []rawObject{
		{1, 0, "<</Type/Catalog/Pages 2 0 R" + o.catalog + ">>"}, {2, 0, "<</Type/Pages" + o.tree + ">>"},
		{3, 0, "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>" + o.page + ">>"},
		{4, 0, fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content)},
		{5, 0, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"},
	}
	for i, body := range o.more {
		n := 7 + i
		if o.numbers != nil {
			n = o.numbers[i]
		}
		list = append(list, rawObject{n, 0, body})
	}
	return rawFile(o.rest, list...)
}

var odds = []odd{
	{name: "a page twice", tree: "/Kids[3 0 R 3 0 R]/Count 2", want: sign.BadForm},
	{name: "more pages counted than there are", tree: "/Kids[3 0 R]/Count 7", want: sign.BadForm},
	{name: "fewer than none", tree: "/Kids[3 0 R]/Count -1", want: sign.BadForm},
	{name: "a page that is not there", tree: "/Kids[3 0 R 99 0 R]/Count 1", want: sign.BadForm},
	{name: "page tree with a cycle", tree: "/Kids[2 0 R]/Count 1", want: sign.BadForm},
	{name: "no page", tree: "/Kids[]/Count 0", want: sign.BadForm},
	{name: "a direct page", tree: "/Kids[<</Type/Page/Parent 2 0 R>>]/Count 1", want: sign.BadForm},
	{name: "no object number left", more: []string{"<<>>"}, numbers: []int{8388607}, want: sign.BadInput},
	{name: "few object numbers left", more: []string{"<<>>"}, numbers: []int{8388500}},
	{name: "signature without an end", catalog: "/AcroForm<</Fields[7 0 R]/SigFlags 3>>", more: []string{"<</T(S)/FT/Sig/V 8 0 R>>",
		"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/ByteRange[0 1 2 3]/Contents<00>>>"}, want: sign.BadForm},
	{name: "annotations that are the fields", catalog: "/AcroForm<</Fields 7 0 R>>", page: "/Annots 7 0 R", more: []string{"[]"}, want: sign.BadForm},
	{name: "annotations that are the pages", tree: "/Kids 7 0 R/Count 1", page: "/Annots 7 0 R", more: []string{"[3 0 R]"}, want: sign.BadForm},
	{name: "annotations of two pages", tree: "/Kids[3 0 R 8 0 R]/Count 2", page: "/Annots 7 0 R",
		more: []string{"[]", "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Annots 7 0 R>>"}, want: sign.BadForm},
	{name: "a form that is the page", catalog: "/AcroForm 3 0 R", want: sign.BadForm},
	{name: "a form that is the catalog", catalog: "/AcroForm 1 0 R", want: sign.BadForm},
	{name: "a field that is the page", catalog: "/AcroForm<</Fields[3 0 R]>>", page: "/T(x)/FT/Tx", want: sign.BadForm},
	{name: "validation data that are the extensions", catalog: "/DSS 7 0 R/Extensions 7 0 R", more: []string{"<<>>"}, want: sign.BadForm},
	{name: "one list for all validation data", catalog: "/DSS<</Certs 7 0 R/CRLs 7 0 R>>", more: []string{"[]"}, want: sign.BadForm},
	{name: "validation data of another kind", catalog: "/DSS[1]", want: sign.BadForm},
	{name: "an item that is no stream", catalog: "/DSS<</Certs[7 0 R]>>", more: []string{"1"}, want: sign.BadForm},
	{name: "a reference to a reference", page: "/Annots 7 0 R", more: []string{"8 0 R", "[]"}, want: sign.BadForm},
	{name: "a certification by nobody", catalog: "/Perms<</DocMDP 99 0 R>>", want: sign.BadForm},
	{name: "rights of usage", catalog: "/Perms<</UR3 7 0 R>>", more: []string{"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/adbe.pkcs7.detached/ByteRange[0 1 2 3]/Contents<00>>>"}},
	{name: "annotations within the list", page: "/Annots[<</Type/Annot/Subtype/Link/Rect[1 1 9 9]/A<</S/URI/URI(https://example.edu/)>>>> 7 0 R]", more: []string{"<</Type/Annot/Subtype/Text/Rect[1 1 9 9]/Contents(x)>>"}},
	{name: "annotations within a list of its own", page: "/Annots 7 0 R", more: []string{"[8 0 R <</Type/Annot/Subtype/Link/Rect[1 1 9 9]>>]", "<</Type/Annot/Subtype/Text/Rect[1 1 9 9]/Contents(x)>>"}},
	{name: "annotations that are null", page: "/Annots 99 0 R", catalog: "/AcroForm 99 0 R/Extensions 99 0 R/DSS 99 0 R"},
	{name: "an empty form", catalog: "/AcroForm<<>>/Extensions 7 0 R/Perms<<>>", more: []string{"<<>>"}},
	{name: "a form in XFA", catalog: "/AcroForm<</Fields[]/XFA 7 0 R>>", more: []string{"<</Length 4>>\nstream\n<a/>\nendstream"}},
	{name: "the name is taken", catalog: "/AcroForm<</Fields[7 0 R 8 0 R]>>", more: []string{"<</T<FEFF005300690067006E006100740075007200650031>/FT/Tx>>", "<</T(Signature2.x)/FT/Tx>>"}},
	{name: "a page turned the wrong way", page: "/Rotate -450/UserUnit 100"},
	{name: "a page turned by reference", page: "/Rotate 7 0 R", more: []string{"90"}},
	{name: "a huge page", page: "/MediaBox[-99999999999999 0 1234567890123456 595]"},
	{name: "a page of nothing", page: "/MediaBox[0 0 0 0]"},
	{name: "names and strings of all kinds", page: "/A#20B(1)/#28 3/\xe4\xf6 6/P#23(\\))/Q<3>/R[-.5 +3 00001 .0 4. 2147483648 -0]/S(a\\\nb\r\nc\\053\\5(x(y))\\q)"},
	{name: "what looks like a signature", page: "/X(/ByteRange [0 0 0 0]/Contents <00000000>)"},
	{name: "two identifiers that are none", rest: "/ID[()()]"},
	{name: "another version", catalog: "/Version/9.9"},
}

// TestOddInputs: what is signed, and signed again, is valid; what would become broken with
// the next signature is refused with its reason.
func TestOddInputs(t *testing.T) {
	w := newWorld(t)
	for _, o := range odds {
		in := o.build()
		for _, first := range []struct {
			level sign.Level
			req   sign.Request
		}{
			{sign.LevelLTA, sign.Request{Certify: sign.NoChanges}},
			{sign.LevelB, sign.Request{Visible: &sign.Appearance{Rect: [4]float64{10, 10, 110, 110}}}},
		} {
			var out bytes.Buffer
			_, err := w.Pades(first.level, padestest.P256).Sign(context.Background(), bytes.NewReader(in), int64(len(in)), &out, first.req)
			if o.want != "" {
				if !errors.Is(err, o.want) || out.Len() > 0 {
					t.Errorf("%s: expected %s and no output, found %v and %d bytes", o.name, string(o.want), err, out.Len())
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", o.name, err)
				continue
			}
			b := out.Bytes()
			if r := validate(t, b, w.config()); r.Outcome != verifier.Valid {
				t.Errorf("%s at %v: %s", o.name, first.level, explain(r))
			}
			if first.level == sign.LevelB {
				b = w.sign(sign.LevelLTA, b, sign.Request{})
				if r := validate(t, b, w.config()); r.Outcome != verifier.Valid {
					t.Errorf("%s, signed again: %s", o.name, explain(r))
				}
			}
		}
	}
}
