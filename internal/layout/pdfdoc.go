package layout

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/chancery-dev/chancery/internal/pdf"
)

const producer = "Chancery"

// document writes the whole PDF/A-3b file (ISO 19005-3).
func (w *pdfWriter) document(d *drawing, o Options) ([]byte, error) {
	h := sha256.New()
	var contents []pdf.Ref
	for _, ops := range d.pages {
		w.parents = append(w.parents, nil)
		var c content
		w.ops(&c, ops, true)
		h.Write(c.Bytes())
		contents = append(contents, w.b.Add(w.deflated(pdf.NewDict(), c.Bytes())))
	}
	tree := w.b.Alloc()
	pages, refs, dicts := w.pages(d, contents)
	catalog := pdf.NewDict(pdf.Name("Type"), pdf.Name("Catalog"), pdf.Name("Pages"), pages, pdf.Name("Lang"), text(o.Lang),
		pdf.Name("MarkInfo"), pdf.NewDict(pdf.Name("Marked"), pdf.Bool(true)), pdf.Name("StructTreeRoot"), tree,
		pdf.Name("ViewerPreferences"), pdf.NewDict(pdf.Name("DisplayDocTitle"), pdf.Bool(true)))
	st := structWriter{w: w, pages: refs, tree: tree, annots: pdf.NewArray(), signs: o.words.sign}
	st.write(d)
	if st.annots.Len() > 0 {
		dicts[0].Set("Annots", st.annots)
	}
	if st.field != (pdf.Ref{}) {
		catalog.Set("AcroForm", pdf.NewDict(pdf.Name("Fields"), pdf.NewArray(st.field)))
	}
	for i, pd := range dicts {
		w.b.Set(refs[i], pd)
	}

	profile := w.b.Add(pdf.NewStream(pdf.NewDict(pdf.Name("N"), pdf.Integer(3), pdf.Name("Filter"), pdf.Name("FlateDecode")), packedProfile()))
	catalog.Set("OutputIntents", pdf.NewArray(pdf.NewDict(pdf.Name("Type"), pdf.Name("OutputIntent"), pdf.Name("S"), pdf.Name("GTS_PDFA1"),
		pdf.Name("OutputConditionIdentifier"), text("sRGB IEC61966-2.1"), pdf.Name("Info"), text("sRGB IEC61966-2.1"), pdf.Name("DestOutputProfile"), profile)))
	packet := xmp(o, d.plain)
	catalog.Set("Metadata", w.b.Add(pdf.NewStream(pdf.NewDict(pdf.Name("Type"), pdf.Name("Metadata"), pdf.Name("Subtype"), pdf.Name("XML")), packet)))
	if o.Credential != nil {
		spec := w.attach(o)
		name := text(o.CredentialName)
		catalog.Set("AF", pdf.NewArray(spec))
		catalog.Set("Names", pdf.NewDict(pdf.Name("EmbeddedFiles"), pdf.NewDict(pdf.Name("Names"), pdf.NewArray(name, spec))))
	}
	info := pdf.NewDict(pdf.Name("Title"), text(o.Title), pdf.Name("Producer"), text(producer), pdf.Name("CreationDate"), date(o.Created), pdf.Name("ModDate"), date(o.Created))
	if o.Author != "" {
		info.Set("Author", text(o.Author))
	}
	h.Write(packet)
	h.Write(o.Credential)
	id := pdf.String{Value: h.Sum(nil)[:16], Hex: true}
	trailer := w.b.Trailer()
	trailer.Set("Root", w.b.Add(catalog))
	trailer.Set("Info", w.b.Add(info))
	trailer.Set("ID", pdf.NewArray(id, id))
	var out bytes.Buffer
	if _, err := w.b.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("layout: %w", err)
	}
	return out.Bytes(), nil
}

// pages writes the page tree, and makes the dictionaries of its pages.
func (w *pdfWriter) pages(d *drawing, contents []pdf.Ref) (tree pdf.Ref, refs []pdf.Ref, dicts []*pdf.Dict) {
	tree = w.b.Alloc()
	var resources pdf.Object = pdf.NewDict(pdf.Name("Font"), w.fontDict(), pdf.Name("XObject"), w.xobject, pdf.Name("ExtGState"), w.states)
	if len(contents) > 1 {
		resources = w.b.Add(resources)
	}
	kids := pdf.NewArray()
	for i, c := range contents {
		pd := pdf.NewDict(pdf.Name("Type"), pdf.Name("Page"), pdf.Name("Parent"), tree, pdf.Name("MediaBox"), reals(0, 0, d.width, d.height),
			pdf.Name("Resources"), resources, pdf.Name("Contents"), c, pdf.Name("StructParents"), pdf.Integer(int64(i)), pdf.Name("Tabs"), pdf.Name("S"))
		if w.clear {
			pd.Set("Group", pdf.NewDict(pdf.Name("S"), pdf.Name("Transparency"), pdf.Name("CS"), pdf.Name("DeviceRGB")))
		}
		ref := w.b.Alloc()
		kids.Append(ref)
		refs, dicts = append(refs, ref), append(dicts, pd)
	}
	w.b.Set(tree, pdf.NewDict(pdf.Name("Type"), pdf.Name("Pages"), pdf.Name("Kids"), kids, pdf.Name("Count"), pdf.Integer(int64(len(refs)))))
	return tree, refs, dicts
}

// attach embeds the credential as an associated file (ISO 19005-3, 6.8 and annex E). The
// page is a picture of its data.
func (w *pdfWriter) attach(o Options) pdf.Ref {
	d := pdf.NewDict(pdf.Name("Type"), pdf.Name("EmbeddedFile"), pdf.Name("Subtype"), pdf.Name(o.CredentialMediaType),
		pdf.Name("Params"), pdf.NewDict(pdf.Name("Size"), pdf.Integer(len(o.Credential)), pdf.Name("CreationDate"), date(o.Created), pdf.Name("ModDate"), date(o.Created)))
	file := w.b.Add(w.deflated(d, o.Credential))
	name := text(o.CredentialName)
	return w.b.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("Filespec"), pdf.Name("F"), name, pdf.Name("UF"), name,
		pdf.Name("Desc"), text(o.words.attached), pdf.Name("AFRelationship"), pdf.Name("Data"),
		pdf.Name("EF"), pdf.NewDict(pdf.Name("F"), file, pdf.Name("UF"), file)))
}

// text makes a text string: ASCII as it is, anything else in UTF-16.
func text(s string) pdf.String {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] >= 0x20 && s[i] < 0x7F
	}
	if plain {
		return pdf.String{Value: []byte(s)}
	}
	b := []byte{0xFE, 0xFF}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return pdf.String{Value: b, Hex: true}
}

func date(t time.Time) pdf.String {
	return pdf.String{Value: []byte(t.UTC().Format("D:20060102150405") + "Z")}
}

// xmp writes the metadata packet; it says the same as the information dictionary, and where
// ua is true that the document is PDF/UA-1 (ISO 14289-1, 5), in a property which PDF/A wants
// described (ISO 19005-3, 6.6.2.3).
func xmp(o Options, ua bool) []byte {
	esc := func(s string) string {
		var b strings.Builder
		xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
		return b.String()
	}
	at := o.Created.UTC().Format("2006-01-02T15:04:05Z")
	var b strings.Builder
	b.WriteString("<?xpacket begin=\"\uFEFF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n" + `<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>3</pdfaid:part>
<pdfaid:conformance>B</pdfaid:conformance>
<dc:format>application/pdf</dc:format>
`)
	fmt.Fprintf(&b, "<dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">%s</rdf:li></rdf:Alt></dc:title>\n", esc(o.Title))
	if o.Author != "" {
		fmt.Fprintf(&b, "<dc:creator><rdf:Seq><rdf:li>%s</rdf:li></rdf:Seq></dc:creator>\n", esc(o.Author))
	}
	fmt.Fprintf(&b, "<dc:language><rdf:Bag><rdf:li>%s</rdf:li></rdf:Bag></dc:language>\n", esc(o.Lang))
	fmt.Fprintf(&b, "<xmp:CreateDate>%s</xmp:CreateDate>\n<xmp:ModifyDate>%s</xmp:ModifyDate>\n<pdf:Producer>%s</pdf:Producer>\n", at, at, producer)
	b.WriteString("</rdf:Description>\n")
	if ua {
		b.WriteString(uaIdentification)
	}
	b.WriteString("</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"r\"?>")
	return []byte(b.String())
}

const uaIdentification = `<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<pdfuaid:part>1</pdfuaid:part>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA Universal Accessibility Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Indicates, which part of ISO 14289 standard is followed</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
`
