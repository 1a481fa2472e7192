package document_test

import (
	"bytes"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// TestSignedAlready: what the institution signed stays as it was, whatever its signature
// would allow.
func TestSignedAlready(t *testing.T) {
	f := setUp(t, nil)
	for _, certify := range []pades.Permission{0, pades.FormFilling, pades.Annotations} {
		base := sign(t, f.world.Pades(pades.LevelB, padestest.P256), padestest.Sample{Pages: 2, Form: "indirect"}.Build(t), pades.Request{Field: "Seal", Certify: certify})
		doc, email := f.add(base), string('a'+rune(certify))+"@example.com"
		f.invite(doc.ID, email)
		token, stranger := f.token(email), f.stranger()
		then := func(edit func(u *pdf.Update, page *pdf.Dict)) []byte {
			return signedAnyway(t, stranger, revise(t, base, edit), pades.Request{})
		}
		note := func(u *pdf.Update, page *pdf.Dict) {
			page.Set("Annots", pdf.NewArray(u.Add(dictOf("Type", pdf.Name("Annot"), "Subtype", pdf.Name("Text"), "Rect", rect(500, 800, 520, 820), "Contents", pdf.String{Value: []byte("no")}))))
		}
		field := func(name string, value pdf.Object) func(u *pdf.Update, _ *pdf.Dict) {
			return func(u *pdf.Update, _ *pdf.Dict) {
				fields, err := u.Fields()
				if err != nil {
					t.Fatal(err)
				}
				for i := range fields {
					if fields[i].Name == name {
						d, err := u.Edit(fields[i].Ref)
						if err != nil {
							t.Fatal(err)
						}
						d.Set("V", value)
						return
					}
				}
				t.Fatalf("no field %s among %v", name, fields)
			}
		}
		// acting is a field of its own, made beforehand, that runs a script.
		acting := func(key string) []byte { // "": that does nothing
			b := revise(t, base, func(u *pdf.Update, page *pdf.Dict) {
				script := dictOf("S", pdf.Name("JavaScript"), "JS", pdf.String{Value: []byte("app.alert(1)")})
				var action pdf.Object = script
				if key == "AA" {
					action = dictOf("E", script)
				}
				ref := u.Add(dictOf("FT", pdf.Name("Sig"), "T", pdf.String{Value: []byte("Mine")}, "Type", pdf.Name("Annot"), "Subtype", pdf.Name("Widget"), "F", pdf.Integer(132), "Rect", rect(0, 0, 0, 0)))
				if mine, err := u.Edit(ref); err != nil {
					t.Fatal(err)
				} else if key != "" {
					mine.Set(pdf.Name(key), action)
				}
				annots, err := u.ArrayAt(page, "Annots")
				if err != nil {
					t.Fatal(err)
				}
				if annots == nil {
					annots = pdf.NewArray()
				}
				annots = annots.Clone()
				annots.Append(ref)
				page.Set("Annots", annots)
				form, formRef, err := u.AcroForm()
				if err != nil {
					t.Fatal(err)
				}
				form = form.Clone()
				list := form.Get("Fields").(*pdf.Array).Clone()
				list.Append(ref)
				form.Set("Fields", list)
				if err := u.Set(formRef, form); err != nil {
					t.Fatal(err)
				}
			})
			return sign(t, stranger, b, pades.Request{Field: "Mine"})
		}
		for name, file := range map[string][]byte{
			"a field that acts":       acting("A"),
			"a field that acts later": acting("AA"),
			"a page turned":           then(func(_ *pdf.Update, page *pdf.Dict) { page.Set("Rotate", pdf.Integer(180)) }),
			"a page's text replaced": then(func(u *pdf.Update, page *pdf.Dict) {
				page.Set("Contents", u.Add(pdf.NewStream(pdf.NewDict(), []byte("0 0 9 9 re f"))))
			}),
			"a note added":       then(note),
			"the seal taken out": then(field("Seal", pdf.Null{})),
			"a title changed": then(func(u *pdf.Update, _ *pdf.Dict) {
				u.Trailer().Set("Info", u.Add(dictOf("Title", pdf.String{Value: []byte("Doctorate")})))
			}),
			"a note after the signing": revise(t, sign(t, stranger, base, pades.Request{}), note),
			"a certification":          signedAnyway(t, stranger, base, pades.Request{Certify: pades.NoChanges}),
			"a box over the page":      signedAnyway(t, stranger, base, pades.Request{Visible: &pades.Appearance{Rect: [4]float64{0, 0, 595, 842}}}),
			"bytes after the end":      append(sign(t, stranger, base, pades.Request{}), 'x'),
			"a comment after the end":  append(sign(t, stranger, base, pades.Request{}), "% x\n"...),
			"white space":              append(sign(t, stranger, base, pades.Request{}), "\n\n\n\n"...),
			"signed in the seal":       bytes.Replace(sign(t, stranger, base, pades.Request{}), []byte("(Signature"), []byte("(Seal#####"), 1),
		} {
			if file == nil {
				continue
			}
			_, err := f.docs.Sign(t.Context(), token, service.Upload{Bytes: file})
			if validation(err) == "" {
				t.Errorf("certified %d, %s: expected to be refused, found %v", certify, name, err)
			}
			if !bytes.Equal(f.file(doc.ID), base) {
				t.Fatalf("certified %d, %s: the document was changed", certify, name)
			}
		}
		good := sign(t, stranger, base, pades.Request{})
		if certify == 0 {
			good = acting("")
		}
		got, err := f.docs.Sign(t.Context(), token, service.Upload{Bytes: good})
		if err != nil || got.State != "signed" {
			t.Errorf("certified %d: %+v, %v", certify, got, err)
		}
	}
}

// signedAnyway is nil where the signer refuses.
func signedAnyway(t *testing.T, s *pades.Signer, in []byte, req pades.Request) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := s.Sign(t.Context(), bytes.NewReader(in), int64(len(in)), &out, req); err != nil {
		return nil
	}
	return out.Bytes()
}
