package pades

import (
	"fmt"
	"strings"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
)

// rules are what a signature says about changes after it (ISO 32000-2, 12.8.2).
type rules struct {
	docMDP int // of a certification, 0 without
	lockP  int // of the field's lock, 0 without
	locks  []lock
}

// lock names fields.
type lock struct {
	action pdf.Name
	fields []string
}

// readPermissions reads the rules of every signature as of the revision that it
// signed, and checks the certification: the first signature, once, and the one that
// the catalog names.
func (v *validation) readPermissions() error {
	var certification *item
	v.rules = make(map[*item]rules, len(v.items))
	for n, it := range v.items {
		if !it.ok {
			continue
		}
		r, err := v.readRules(it)
		if err != nil {
			return err
		}
		v.rules[it] = r
		if r.docMDP == 0 {
			continue
		}
		it.sig.Permission = r.docMDP
		if certification != nil || v.signedBefore(n) {
			v.check(verifier.CheckPDFIntegrity, verifier.PDFCertification, it.sig.Field+": a certification has to be the first signature")
			continue
		}
		certification, v.res.Certified = it, r.docMDP
	}
	return v.checkPerms(certification)
}

// signedBefore tells whether a signature, not a timestamp, is older than item n.
func (v *validation) signedBefore(n int) bool {
	for _, it := range v.items[:n] {
		if !it.sig.Timestamp && it.ok {
			return true
		}
	}
	return false
}

// checkPerms compares /Perms of the catalog with the certification.
func (v *validation) checkPerms(certification *item) error {
	cat, err := v.latest.Catalog()
	if err != nil {
		return err
	}
	perms, err := v.latest.DictAt(cat, "Perms")
	if err != nil {
		return err
	}
	var named pdf.Object
	if perms != nil {
		named = perms.Get("DocMDP")
	}
	switch {
	case named == nil && certification != nil:
		v.find(verifier.GradeWarning, "pdf_perms_missing", certification.sig.Field+": the catalog's /Perms does not name the certification, so some readers do not enforce it")
	case named != nil && (certification == nil || named != pdf.Object(certification.ref)):
		v.check(verifier.CheckPDFIntegrity, verifier.PDFCertification, "the catalog's /Perms names another signature than the one that certifies")
	}
	return nil
}

func (v *validation) readRules(it *item) (rules, error) {
	var out rules
	refs, err := it.rev.ArrayAt(it.dict, "Reference")
	if err != nil {
		return out, err
	}
	if refs != nil {
		for _, o := range refs.All() {
			if err := v.readReference(it, o, &out); err != nil {
				return out, err
			}
		}
	}
	// The field's own lock holds from the moment it is signed (ISO 32000-2, 12.7.5.5).
	l, err := it.rev.DictAt(it.field.Dict, "Lock")
	if err != nil || l == nil {
		return out, err
	}
	p, err := it.rev.IntAt(l, "P")
	if err != nil {
		return out, err
	}
	if p >= 1 && p <= 3 {
		out.lockP = int(p)
	}
	return out, out.addLock(it.rev, l)
}

func (v *validation) readReference(it *item, o pdf.Object, out *rules) error {
	o, err := it.rev.Resolve(o)
	if err != nil {
		return err
	}
	ref, ok := o.(*pdf.Dict)
	if !ok {
		return nil
	}
	method, err := it.rev.NameAt(ref, "TransformMethod")
	if err != nil {
		return err
	}
	params, err := it.rev.DictAt(ref, "TransformParams")
	if err != nil {
		return err
	}
	if params == nil {
		params = pdf.NewDict()
	}
	switch method {
	case "DocMDP":
		p, err := it.rev.IntAt(params, "P")
		if err != nil {
			return err
		}
		if p < 1 || p > 3 {
			p = 2 // the default, and what readers take an unknown value for
		}
		if out.docMDP == 0 || int(p) < out.docMDP { // of several the strictest
			out.docMDP = int(p)
		}
	case "FieldMDP":
		return out.addLock(it.rev, params)
	default:
		v.find(verifier.GradeWarning, "pdf_transform", fmt.Sprintf("%s: transform %s is not applied", it.sig.Field, clipName(string(method))))
	}
	return nil
}

func (r *rules) addLock(rev *pdf.Revision, d *pdf.Dict) error {
	action, err := rev.NameAt(d, "Action")
	if err != nil || action == "" {
		return err
	}
	l := lock{action: action}
	names, err := rev.ArrayAt(d, "Fields")
	if err != nil {
		return err
	}
	if names != nil {
		for _, o := range names.All() {
			if o, err = rev.Resolve(o); err != nil {
				return err
			}
			if s, ok := o.(pdf.String); ok {
				l.fields = append(l.fields, pdf.TextString(s))
			}
		}
	}
	r.locks = append(r.locks, l)
	return nil
}

// covers tells whether the lock means a field. An action that is not known locks all.
func (l lock) covers(name string) bool {
	named := false
	for _, f := range l.fields {
		named = named || name == f || strings.HasPrefix(name, f+".")
	}
	switch l.action {
	case "Include":
		return named
	case "Exclude":
		return !named
	}
	return true
}

// locks tells whether a signature locks a field that existed when it was made.
func (v *validation) locks(it *item, name string) bool {
	for _, l := range v.rules[it].locks {
		if l.covers(name) && v.fieldExisted(it, name) {
			return true
		}
	}
	return false
}

func (v *validation) fieldExisted(it *item, name string) bool {
	if v.fieldNames == nil {
		v.fieldNames = map[int]map[string]bool{}
	}
	names, ok := v.fieldNames[it.rev.Index]
	if !ok {
		names = map[string]bool{}
		fields, err := it.rev.Fields()
		if err != nil {
			return true
		}
		for i := range fields {
			names[fields[i].Name] = true
		}
		v.fieldNames[it.rev.Index] = names
	}
	return names[name]
}

// certifiedAt returns the permission of a certification in force at a revision.
func (v *validation) certifiedAt(rev int) int {
	for _, it := range v.items {
		if it.ok && it.rev.Index <= rev && it.sig.Permission > 0 {
			return it.sig.Permission
		}
	}
	return 0
}

// allowed returns how far changes after a signature may go. Without certification that
// is filling in forms.
func (v *validation) allowed(it *item) ChangeLevel {
	level := ChangesForm
	if p := v.certifiedAt(it.rev.Index); p > 0 {
		level = permitted(p)
	}
	if p := v.rules[it].lockP; p > 0 {
		level = min(level, permitted(p))
	}
	return level
}

// permitted maps the values of DocMDP (ISO 32000-2, table 257). Validation data and
// document timestamps are allowed under each (12.8.5.3).
func permitted(p int) ChangeLevel {
	switch p {
	case 1:
		return ChangesLTA
	case 3:
		return ChangesAnnotations
	}
	return ChangesForm
}
