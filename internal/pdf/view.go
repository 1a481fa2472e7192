package pdf

// view is a document seen at one moment: a revision, or an update being built. It
// gives the helpers both have in common.
type view struct {
	doc  *Document
	get  func(Ref) (Object, error)
	root func() *Dict // the trailer
}

func (r *Revision) trailer() *Dict { return r.Trailer }

// Document returns the document.
func (v *view) Document() *Document { return v.doc }

// Resolve follows o if it is a reference, and what that leads to, until an object
// that is none. Absent (nil) stays nil.
func (v *view) Resolve(o Object) (Object, error) {
	for range maxRefChain {
		ref, ok := o.(Ref)
		if !ok {
			return o, nil
		}
		var err error
		if o, err = v.get(ref); err != nil {
			return nil, err
		}
	}
	return nil, &Error{Code: CodeLoop, Offset: -1, Msg: "references lead only to further references"}
}

// at resolves the value of a key; Null counts as absent.
func (v *view) at(d *Dict, key Name) (Object, error) {
	o, err := v.Resolve(d.Get(key))
	if _, null := o.(Null); null {
		return nil, err
	}
	return o, err
}

func wrongType(d *Dict, key Name, want string) error {
	return errAt(CodeType, d.SpanOf(key).Start, "/%s is no %s", clip([]byte(key)), want)
}

// DictAt returns the dictionary under key, following references; nil if absent or
// null; CodeType if it is another kind of object. A stream is no dictionary here.
func (v *view) DictAt(d *Dict, key Name) (*Dict, error) {
	o, err := v.at(d, key)
	if o == nil || err != nil {
		return nil, err
	}
	if x, ok := o.(*Dict); ok {
		return x, nil
	}
	return nil, wrongType(d, key, "dictionary")
}

// ArrayAt is DictAt for arrays.
func (v *view) ArrayAt(d *Dict, key Name) (*Array, error) {
	o, err := v.at(d, key)
	if o == nil || err != nil {
		return nil, err
	}
	if x, ok := o.(*Array); ok {
		return x, nil
	}
	return nil, wrongType(d, key, "array")
}

// StreamAt is DictAt for streams.
func (v *view) StreamAt(d *Dict, key Name) (*Stream, error) {
	o, err := v.at(d, key)
	if o == nil || err != nil {
		return nil, err
	}
	if x, ok := o.(*Stream); ok {
		return x, nil
	}
	return nil, wrongType(d, key, "stream")
}

// NameAt is DictAt for names; "" if absent.
func (v *view) NameAt(d *Dict, key Name) (Name, error) {
	o, err := v.at(d, key)
	if o == nil || err != nil {
		return "", err
	}
	if x, ok := o.(Name); ok {
		return x, nil
	}
	return "", wrongType(d, key, "name")
}

// StringAt is DictAt for strings; ok is false if absent.
func (v *view) StringAt(d *Dict, key Name) (s String, ok bool, err error) {
	o, err := v.at(d, key)
	if o == nil || err != nil {
		return String{}, false, err
	}
	if s, ok = o.(String); ok {
		return s, true, nil
	}
	return String{}, false, wrongType(d, key, "string")
}

// IntAt is DictAt for integers; 0 if absent.
func (v *view) IntAt(d *Dict, key Name) (int64, error) {
	o, err := v.at(d, key)
	if o == nil || err != nil {
		return 0, err
	}
	if x, ok := o.(Integer); ok {
		return int64(x), nil
	}
	return 0, wrongType(d, key, "integer")
}

// BoolAt is DictAt for booleans; false if absent.
func (v *view) BoolAt(d *Dict, key Name) (bool, error) {
	o, err := v.at(d, key)
	if o == nil || err != nil {
		return false, err
	}
	if x, ok := o.(Bool); ok {
		return bool(x), nil
	}
	return false, wrongType(d, key, "boolean")
}

// NumbersAt returns an array of numbers, such as a rectangle, following references
// of the array and of its items; nil if absent.
func (v *view) NumbersAt(d *Dict, key Name) ([]float64, error) {
	a, err := v.ArrayAt(d, key)
	if a == nil || err != nil {
		return nil, err
	}
	out := make([]float64, a.Len())
	for i, o := range a.All() {
		if o, err = v.Resolve(o); err != nil {
			return nil, err
		}
		switch n := o.(type) {
		case Integer:
			out[i] = float64(n)
		case Real:
			out[i] = float64(n)
		default:
			return nil, wrongType(d, key, "array of numbers")
		}
	}
	return out, nil
}

// CatalogRef returns the reference of the document catalog.
func (v *view) CatalogRef() (Ref, error) {
	ref, ok := v.root().Get("Root").(Ref)
	if !ok {
		return Ref{}, errAt(CodeTrailer, -1, "/Root is no reference")
	}
	return ref, nil
}

// Catalog returns the document catalog.
func (v *view) Catalog() (*Dict, error) {
	ref, err := v.CatalogRef()
	if err != nil {
		return nil, err
	}
	o, err := v.Resolve(ref)
	if err != nil {
		return nil, err
	}
	d, ok := o.(*Dict)
	if !ok {
		return nil, &Error{Code: CodeType, Offset: -1, Object: ref, Msg: "the catalog is no dictionary"}
	}
	if t := d.Get("Type"); t != nil && t != Name("Catalog") {
		return nil, &Error{Code: CodeType, Offset: -1, Object: ref, Msg: "/Root leads to a dictionary of another type than /Catalog"}
	}
	return d, nil
}

// AcroForm returns the interactive form dictionary and its reference (zero if it is
// direct in the catalog); nil if there is none.
func (v *view) AcroForm() (*Dict, Ref, error) {
	cat, err := v.Catalog()
	if err != nil {
		return nil, Ref{}, err
	}
	ref, _ := cat.Get("AcroForm").(Ref)
	d, err := v.DictAt(cat, "AcroForm")
	return d, ref, err
}

// Version returns the version in force: the catalog's /Version if later than the header's.
func (v *view) Version() (string, error) {
	cat, err := v.Catalog()
	if err != nil {
		return "", err
	}
	n, err := v.NameAt(cat, "Version")
	if err != nil {
		return "", err
	}
	return max(v.doc.version, string(n)), nil
}
