package pades

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// pending is a finished update that lacks only the message in /Contents.
type pending struct {
	tail      *pdf.Tail
	contents  pdf.Span // of the hexadecimal token, delimiters included
	byteRange [4]int64
	reserved  int // bytes
}

// signatureDict makes the dictionary all signatures share, with its two holes.
func signatureDict(typ, subFilter pdf.Name, reserve int) (d *pdf.Dict, contents, byteRange *pdf.Hole) {
	contents, byteRange = pdf.NewHexHole(reserve), pdf.NewTextHole(byteRangeWidth)
	d = pdf.NewDict(pdf.Name("Type"), typ, pdf.Name("Filter"), pdf.Name("Adobe.PPKLite"), pdf.Name("SubFilter"), subFilter,
		pdf.Name("ByteRange"), byteRange, pdf.Name("Contents"), contents)
	return d, contents, byteRange
}

// finish writes the update and fills in the byte range.
func finish(up *pdf.Update, contents, byteRange *pdf.Hole, reserve int) (*pending, error) {
	tail, err := up.Prepare()
	if err != nil {
		return nil, wrap(BadInput, err, "writing the update")
	}
	p := &pending{tail: tail, contents: contents.Span(), byteRange: tail.ByteRange(contents.Span()), reserved: reserve}
	r := p.byteRange
	if err := tail.FillText(byteRange.Span(), fmt.Sprintf("[%d %d %d %d]", r[0], r[1], r[2], r[3])); err != nil {
		return nil, wrap(BadInput, err, "writing the byte range")
	}
	return p, nil
}

// fill puts the message into its place.
func (p *pending) fill(message []byte) error {
	if len(message) > p.reserved {
		return fail(TooLarge, "message of %d bytes, %d were reserved", len(message), p.reserved)
	}
	if err := p.tail.FillHex(p.contents, message); err != nil {
		return wrap(TooLarge, err, "")
	}
	return nil
}

// padded is the value of /Contents: the message and the zero bytes after it.
func (p *pending) padded(message []byte) []byte {
	return append(append(make([]byte, 0, p.reserved), message...), make([]byte, p.reserved-len(message))...)
}

// claims are the texts of the signature dictionary.
func (r *Request) check() error {
	for _, t := range []string{r.Reason, r.Location, r.Contact, r.Name} {
		if len(t) > maxText || !utf8.ValidString(t) {
			return fail(BadConfig, "a text of %d bytes, at most %d of UTF-8 are taken", len(t), maxText)
		}
	}
	if r.Certify < 0 || r.Certify > Annotations {
		return fail(BadConfig, "Request.Certify %d is no permission", r.Certify)
	}
	if l := r.Lock; l != nil {
		switch {
		case l.Action != LockAll && l.Action != LockInclude && l.Action != LockExclude:
			return fail(BadConfig, "Request.Lock has an unknown action")
		case (l.Action == LockAll) != (len(l.Fields) == 0):
			return fail(BadConfig, "Request.Lock: All takes no fields, the other actions need some")
		}
	}
	return nil
}

// date writes a time as PDF does (ISO 32000-2, 7.9.4), with its zone.
func date(t time.Time) pdf.String {
	_, offset := t.Zone()
	zone := "Z"
	if offset != 0 {
		sign := '+'
		if offset < 0 {
			sign, offset = '-', -offset
		}
		zone = fmt.Sprintf("%c%02d'%02d'", sign, offset/3600, offset/60%60)
	}
	return pdf.String{Value: []byte(t.Format("D:20060102150405") + zone)}
}

// build makes the update that holds a signature.
func (in *input) build(s *Signer, req *Request, sl *slot, now time.Time, reserve int) (*pending, error) {
	up, err := in.doc.NewUpdate()
	if err != nil {
		return nil, wrap(BadInput, err, "")
	}
	d, contents, byteRange := signatureDict("Sig", "ETSI.CAdES.detached", reserve)
	d.Set("M", date(now))
	name := req.Name
	if name == "" {
		name = strings.ToValidUTF8(s.Chain[0].Subject.CommonName, "?")
	}
	for _, kv := range []struct {
		key  pdf.Name
		text string
	}{{"Name", name}, {"Reason", req.Reason}, {"Location", req.Location}, {"ContactInfo", req.Contact}} {
		if kv.text != "" {
			d.Set(kv.key, pdf.EncodeText(kv.text))
		}
	}
	sig := up.Alloc()
	if err := in.addReferences(up, d, sig, req); err != nil {
		return nil, err
	}
	if err := up.Set(sig, d); err != nil {
		return nil, wrap(BadInput, err, "")
	}
	if len(in.sigs) == 0 {
		if err := in.annotations(up); err != nil {
			return nil, err
		}
	}
	page := 0
	if req.Visible != nil {
		page = req.Visible.Page
	}
	err = in.place(up, sl, sig, page, func(field, widget *pdf.Dict) error {
		if sl.isNew && req.Lock != nil {
			field.Set("Lock", up.Add(lockDict("SigFieldLock", req.Lock)))
		}
		if sl.isNew && sl.visible { // what it is, to those who do not see it
			field.Set("TU", pdf.EncodeText(sl.name+": "+name))
		}
		return in.show(up, widget, s, req, sl, name, now)
	})
	if err != nil {
		return nil, err
	}
	if len(in.sigs) == 0 {
		if err := addExtension(up, 2); err != nil {
			return nil, err
		}
	}
	return finish(up, contents, byteRange, reserve)
}

func lockDict(typ pdf.Name, l *Lock) *pdf.Dict {
	d := pdf.NewDict(pdf.Name("Type"), typ, pdf.Name("Action"), pdf.Name(l.Action))
	if l.Action != LockAll {
		names := pdf.NewArray()
		for _, f := range l.Fields {
			names.Append(pdf.EncodeText(f))
		}
		d.Set("Fields", names)
	}
	return d
}

// addReferences writes DocMDP and FieldMDP (ISO 32000-2, 12.8.2) into the signature, and the certification
// into the catalog's /Perms.
func (in *input) addReferences(up *pdf.Update, sig *pdf.Dict, ref pdf.Ref, req *Request) error {
	refs := pdf.NewArray()
	add := func(method pdf.Name, params *pdf.Dict) *pdf.Dict {
		params.Set("V", pdf.Name("1.2"))
		d := pdf.NewDict(pdf.Name("Type"), pdf.Name("SigRef"), pdf.Name("TransformMethod"), method, pdf.Name("TransformParams"), params)
		refs.Append(d)
		return d
	}
	if req.Certify != 0 {
		add("DocMDP", pdf.NewDict(pdf.Name("Type"), pdf.Name("TransformParams"), pdf.Name("P"), pdf.Integer(req.Certify)))
		cat, err := editCatalog(up)
		if err != nil {
			return err
		}
		if err := setIn(up, cat, "Perms", "DocMDP", ref); err != nil {
			return err
		}
	}
	if req.Lock != nil {
		root, err := up.CatalogRef()
		if err != nil {
			return wrap(BadInput, err, "")
		}
		add("FieldMDP", lockDict("TransformParams", req.Lock)).Set("Data", root)
	}
	if refs.Len() > 0 {
		sig.Set("Reference", refs)
	}
	return nil
}

// setIn sets a key of the dictionary under d's key, where that dictionary lies, making it if there is none.
func setIn(up *pdf.Update, d *pdf.Dict, under, key pdf.Name, value pdf.Object) error {
	old, err := up.DictAt(d, under)
	if err != nil {
		return wrap(BadForm, err, string(under))
	}
	if old == nil {
		d.Set(under, pdf.NewDict(key, value))
		return nil
	}
	if ref, ok := d.Get(under).(pdf.Ref); ok {
		if old, err = up.Edit(ref); err != nil {
			return wrap(BadForm, err, string(under))
		}
	}
	old.Set(key, value)
	return nil
}

// addExtension names the ETSI extensions of ISO 32000-1 in the catalog (EN 319 142-1, 5.6). PDF 2.0 has them built in.
func addExtension(up *pdf.Update, level int64) error {
	v, err := up.Version()
	if err != nil {
		return wrap(BadInput, err, "")
	}
	if v >= "2.0" {
		return nil
	}
	cat, err := up.Catalog()
	if err != nil {
		return wrap(BadInput, err, "")
	}
	ext, err := up.DictAt(cat, "Extensions")
	if err != nil {
		return wrap(BadForm, err, "Extensions")
	}
	if ext != nil && ext.Has("ESIC") {
		return nil
	}
	if cat, err = editCatalog(up); err != nil {
		return err
	}
	return setIn(up, cat, "Extensions", "ESIC", pdf.NewDict(pdf.Name("BaseVersion"), pdf.Name("1.7"), pdf.Name("ExtensionLevel"), pdf.Integer(level)))
}
