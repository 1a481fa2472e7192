package pades

import (
	"io"
	"strings"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// existing is a signature the input holds already.
type existing struct {
	field    string
	dict     *pdf.Dict
	ref      pdf.Ref // of the dictionary, zero if direct
	stamp    bool    // document timestamp
	contents []byte  // as in the file, padding included
	byteEnd  int64   // b+c of its byte range
	certify  bool
}

// input is an opened document with what its earlier signatures say about changes.
type input struct {
	doc    *pdf.Document
	fields []pdf.Field
	sigs   []existing // by end of their byte range, oldest first
	// certified is the permission of a certification signature, 0 if there is none.
	certified Permission
	locks     []Lock
	// lockP is the strictest permission a signed field's lock leaves (ISO 32000-2, table 236); 0: none says.
	lockP Permission
}

// openInput opens and checks a file: every object of every revision is looked at, because a signature
// over a file that readers understand differently is worse than none.
func openInput(r io.ReaderAt, size int64, password string) (*input, error) {
	if r == nil || size <= 0 {
		return nil, fail(BadConfig, "no input")
	}
	doc, err := pdf.Open(r, size, pdf.Options{Password: password})
	if err != nil {
		return nil, wrap(BadInput, err, "")
	}
	if err := doc.Check(); err != nil {
		return nil, wrap(BadInput, err, "")
	}
	if _, err := doc.NewUpdate(); err != nil { // bytes that belong to nothing follow: perhaps a revision cut short
		return nil, wrap(BadInput, err, "")
	}
	in := &input{doc: doc}
	if err := in.inspect(); err != nil {
		return nil, err
	}
	return in, in.sound()
}

// inspect reads the form and the signatures in it.
func (in *input) inspect() error {
	rev := in.doc.Latest()
	form, _, err := rev.AcroForm()
	if err != nil {
		return wrap(BadForm, err, "")
	}
	if form != nil {
		if in.fields, err = rev.Fields(); err != nil {
			return wrap(BadForm, err, "")
		}
	}
	names := make(map[string]bool, len(in.fields))
	for i := range in.fields {
		f := &in.fields[i]
		if names[f.Name] && f.FT == "Sig" {
			return fail(BadForm, "two form fields of one name, one of them a signature field")
		}
		names[f.Name] = true
		if f.FT == "Sig" && f.Terminal && f.V != nil {
			if err := in.addExisting(f); err != nil {
				return err
			}
		}
	}
	if len(in.sigs) > maxSignatures {
		return fail(BadForm, "%d signatures, at most %d are handled", len(in.sigs), maxSignatures)
	}
	in.sortSigs()
	return in.inspectPerms()
}

func (in *input) sortSigs() {
	for i := 1; i < len(in.sigs); i++ { // insertion: they are nearly always in order
		for j := i; j > 0 && in.sigs[j].byteEnd < in.sigs[j-1].byteEnd; j-- {
			in.sigs[j], in.sigs[j-1] = in.sigs[j-1], in.sigs[j]
		}
	}
}

func (in *input) addExisting(f *pdf.Field) error {
	rev := in.doc.Latest()
	o, err := rev.Resolve(f.V)
	if err != nil {
		return wrap(BadForm, err, "value of a signature field")
	}
	if _, null := o.(pdf.Null); null || o == nil {
		return nil
	}
	d, ok := o.(*pdf.Dict)
	if !ok {
		return fail(BadForm, "the value of a signature field is no dictionary")
	}
	s := existing{field: f.Name, dict: d}
	s.ref, _ = f.V.(pdf.Ref)
	typ, err := rev.NameAt(d, "Type")
	if err != nil {
		return wrap(BadForm, err, "type of a signature")
	}
	sub, err := rev.NameAt(d, "SubFilter")
	if err != nil {
		return wrap(BadForm, err, "SubFilter of a signature")
	}
	s.stamp = typ == "DocTimeStamp" || sub == "ETSI.RFC3161"
	br, err := rev.NumbersAt(d, "ByteRange")
	if err != nil {
		return wrap(BadForm, err, "byte range of a signature")
	}
	c, ok, err := rev.StringAt(d, "Contents")
	if err != nil {
		return wrap(BadForm, err, "contents of a signature")
	}
	unfinished := fail(BadForm, "the file holds a signature that is not finished or not well formed")
	size := float64(in.doc.Size())
	if !ok || len(br) != 4 || br[0] != 0 || br[1] <= 0 || br[2] <= br[1] || br[3] < 0 || br[2]+br[3] > size {
		return unfinished
	}
	s.contents, s.byteEnd = c.Value, int64(br[2])+int64(br[3])
	// It leaves out its own value and ends where a revision does: whatever else is signed
	// after it, verifiers would call the whole broken.
	gap, end := d.SpanOf("Contents"), in.doc.RevisionAt(s.byteEnd-1)
	if gap.Start != int64(br[1]) || gap.End != int64(br[2]) || end == nil || s.byteEnd != end.End && s.byteEnd != end.MarkerEnd {
		return unfinished
	}
	before := in.certified
	in.certified = 0
	if err := in.inspectReferences(f, d); err != nil {
		return err
	}
	s.certify = in.certified != 0
	in.restrict(&in.certified, int64(before), before != 0)
	in.sigs = append(in.sigs, s)
	return nil
}

// inspectReferences reads DocMDP and FieldMDP of a signature (ISO 32000-2, 12.8.2) and the lock of its field.
func (in *input) inspectReferences(f *pdf.Field, d *pdf.Dict) error {
	rev := in.doc.Latest()
	refs, err := rev.ArrayAt(d, "Reference")
	if err != nil {
		return wrap(BadForm, err, "references of a signature")
	}
	if refs != nil {
		for _, o := range refs.All() {
			if o, err = rev.Resolve(o); err != nil {
				return wrap(BadForm, err, "reference of a signature")
			}
			if sr, ok := o.(*pdf.Dict); ok {
				if err := in.inspectTransform(sr); err != nil {
					return err
				}
			}
		}
	}
	lock, err := rev.DictAt(f.Dict, "Lock")
	if err != nil {
		return wrap(BadForm, err, "lock of a signature field")
	}
	if lock == nil {
		return nil
	}
	p, err := rev.IntAt(lock, "P")
	if err != nil {
		return wrap(BadForm, err, "lock of a signature field")
	}
	in.restrict(&in.lockP, p, lock.Has("P"))
	return in.addLock(lock)
}

func (in *input) restrict(to *Permission, p int64, present bool) {
	if present && p >= 1 && p <= 3 && (*to == 0 || Permission(p) < *to) {
		*to = Permission(p)
	}
}

func (in *input) inspectTransform(sr *pdf.Dict) error {
	rev := in.doc.Latest()
	method, err := rev.NameAt(sr, "TransformMethod")
	if err != nil {
		return wrap(BadForm, err, "transform of a signature")
	}
	params, err := rev.DictAt(sr, "TransformParams")
	if err != nil {
		return wrap(BadForm, err, "transform of a signature")
	}
	if params == nil {
		params = pdf.NewDict()
	}
	switch method {
	case "DocMDP":
		p, err := rev.IntAt(params, "P")
		if err != nil {
			return wrap(BadForm, err, "permission of a certification")
		}
		if p < 1 || p > 3 {
			p = 2 // the default, and what readers take an unknown value for
		}
		in.restrict(&in.certified, p, true)
	case "FieldMDP":
		return in.addLock(params)
	}
	return nil
}

func (in *input) addLock(d *pdf.Dict) error {
	l, err := readLock(in.doc.Latest(), d)
	if err == nil && l != nil {
		in.locks = append(in.locks, *l)
	}
	return err
}

// lookup is what Revision and Update share.
type lookup interface {
	ArrayAt(*pdf.Dict, pdf.Name) (*pdf.Array, error)
	NameAt(*pdf.Dict, pdf.Name) (pdf.Name, error)
	Resolve(pdf.Object) (pdf.Object, error)
}

// readLock reads a lock dictionary or the parameters of FieldMDP, which have the same keys.
func readLock(v lookup, d *pdf.Dict) (*Lock, error) {
	action, err := v.NameAt(d, "Action")
	if err != nil {
		return nil, wrap(BadForm, err, "field lock")
	}
	l := &Lock{Action: LockAction(action)}
	switch l.Action {
	case LockAll:
		return l, nil
	case LockInclude, LockExclude:
	default:
		return nil, fail(BadForm, "a field lock whose action is none of All, Include, Exclude")
	}
	names, err := v.ArrayAt(d, "Fields")
	if err != nil {
		return nil, wrap(BadForm, err, "field lock")
	}
	if names == nil {
		return l, nil
	}
	for _, o := range names.All() {
		o, err := v.Resolve(o)
		if err != nil {
			return nil, wrap(BadForm, err, "field lock")
		}
		s, ok := o.(pdf.String)
		if !ok {
			return nil, fail(BadForm, "a field lock names a field by something other than a string")
		}
		l.Fields = append(l.Fields, pdf.TextString(s))
	}
	return l, nil
}

// inspectPerms wants the certification that the catalog names to be one of the document's signatures.
func (in *input) inspectPerms() error {
	rev := in.doc.Latest()
	cat, err := rev.Catalog()
	if err != nil {
		return wrap(BadInput, err, "")
	}
	perms, err := rev.DictAt(cat, "Perms")
	if err != nil {
		return wrap(BadForm, err, "permissions of the catalog")
	}
	if perms == nil || !perms.Has("DocMDP") {
		return nil
	}
	named, isRef := perms.Get("DocMDP").(pdf.Ref)
	for i := range in.sigs {
		if isRef && in.sigs[i].ref == named && in.sigs[i].certify {
			return nil
		}
	}
	return fail(BadForm, "the catalog names a certification, and no signature of the document is one")
}

// covers reports whether the lock means a field.
func (l *Lock) covers(name string) bool {
	if l.Action == LockAll {
		return true
	}
	named := false
	for _, f := range l.Fields {
		named = named || name == f || strings.HasPrefix(name, f+".")
	}
	return named == (l.Action == LockInclude)
}

// permits checks that earlier signatures let a signature be put into a field.
func (in *input) permits(name string, newField, visible bool) error {
	switch p := in.certified; {
	case p == NoChanges:
		return fail(NotPermitted, "the document is certified with no changes allowed, which excludes further signatures")
	case p != 0 && newField && visible:
		return fail(NotPermitted, "the document is certified: a visible signature needs a field that was there before")
	}
	if in.lockP == NoChanges {
		return fail(NotPermitted, "the lock of an earlier signature allows no changes, which excludes further signatures")
	}
	for i := range in.locks {
		if in.locks[i].covers(name) {
			return fail(NotPermitted, "an earlier signature locked the signature field")
		}
	}
	return nil
}
