package pades

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// store is a document security store (ISO 32000-2, 12.8.4.3) of a file, and what is in it.
type store struct {
	dict               *pdf.Dict // nil: none
	certs, ocsps, crls held
}

// held is one of its arrays.
type held struct {
	array *pdf.Array // nil: none
	refs  map[[32]byte]pdf.Ref
	data  [][]byte
}

// readStore reads the document security store of the newest revision.
func readStore(doc *pdf.Document) (*store, error) {
	rev := doc.Latest()
	cat, err := rev.Catalog()
	if err != nil {
		return nil, wrap(BadInput, err, "")
	}
	st := &store{}
	if st.dict, err = rev.DictAt(cat, "DSS"); err != nil {
		return nil, wrap(BadForm, err, "document security store")
	}
	if st.dict == nil {
		return st, nil
	}
	left, bytes := maxStoreItems, int64(maxStoreBytes)
	for _, part := range []struct {
		key pdf.Name
		h   *held
	}{{"Certs", &st.certs}, {"OCSPs", &st.ocsps}, {"CRLs", &st.crls}} {
		if err := part.h.read(rev, st.dict, part.key, &left, &bytes); err != nil {
			return nil, err
		}
	}
	return st, nil
}

func (h *held) read(rev *pdf.Revision, dss *pdf.Dict, key pdf.Name, left *int, bytes *int64) error {
	var err error
	if h.array, err = rev.ArrayAt(dss, key); err != nil {
		return wrap(BadForm, err, "document security store")
	}
	if h.array == nil {
		return nil
	}
	h.refs = make(map[[32]byte]pdf.Ref)
	seen := make(map[pdf.Ref]bool)
	for _, o := range h.array.All() {
		if *left--; *left < 0 {
			return fail(BadForm, "document security store of more than %d items", maxStoreItems)
		}
		ref, ok := o.(pdf.Ref)
		if ok && seen[ref] {
			continue
		}
		seen[ref] = true
		if o, err = rev.Resolve(o); err != nil {
			return wrap(BadForm, err, "document security store")
		}
		st, isStream := o.(*pdf.Stream)
		if !isStream || !ok {
			return fail(BadForm, "document security store with an item that is no stream")
		}
		b, err := st.DecodeWithin(maxStoreBytes, bytes)
		if err != nil {
			return wrap(BadForm, err, "document security store")
		}
		h.refs[sha256.Sum256(b)] = ref
		h.data = append(h.data, b)
	}
	return nil
}

// writeStore adds evidence to the store, making it where there is none. Nothing is taken out; what is
// there already is referred to, not written again.
func writeStore(up *pdf.Update, st *store, ev *evidence) error {
	cat, err := up.Catalog()
	if err != nil {
		return wrap(BadInput, err, "")
	}
	var dss *pdf.Dict
	switch ref, isIndirect := cat.Get("DSS").(pdf.Ref); {
	case st.dict == nil:
		if cat, err = editCatalog(up); err != nil {
			return err
		}
		dss = pdf.NewDict(pdf.Name("Type"), pdf.Name("DSS"))
		cat.Set("DSS", up.Add(dss))
	case isIndirect:
		if dss, err = up.Edit(ref); err != nil {
			return wrap(BadForm, err, "document security store")
		}
	default:
		if cat, err = editCatalog(up); err != nil {
			return err
		}
		dss, _ = cat.Get("DSS").(*pdf.Dict)
	}
	certs, err := addItems(up, dss, "Certs", &st.certs, &ev.certs)
	if err != nil {
		return err
	}
	ocsps, err := addItems(up, dss, "OCSPs", &st.ocsps, &ev.ocsp)
	if err != nil {
		return err
	}
	crls, err := addItems(up, dss, "CRLs", &st.crls, &ev.crls)
	if err != nil {
		return err
	}
	for _, v := range ev.vri {
		entry := pdf.NewDict()
		for _, part := range []struct {
			key  pdf.Name
			refs []pdf.Ref
			idx  []int
		}{{"Cert", certs, v.certs}, {"OCSP", ocsps, v.ocsp}, {"CRL", crls, v.crls}} {
			if len(part.idx) == 0 {
				continue
			}
			list := pdf.NewArray()
			for _, i := range part.idx {
				list.Append(part.refs[i])
			}
			entry.Set(part.key, list)
		}
		if err := setIn(up, dss, "VRI", pdf.Name(v.key), up.Add(entry)); err != nil {
			return err
		}
	}
	return nil
}

// addItems appends the elements of a bag that the file lacks and returns a reference for each.
func addItems(up *pdf.Update, dss *pdf.Dict, key pdf.Name, have *held, b *bag) ([]pdf.Ref, error) {
	refs := make([]pdf.Ref, len(b.items))
	for i, der := range b.items {
		if ref, ok := have.refs[sha256.Sum256(der)]; ok {
			refs[i] = ref
			continue
		}
		dict, data := pdf.NewDict(), der
		if z := pdf.Deflate(der); len(z) < len(der)-len(der)/8 {
			dict, data = pdf.NewDict(pdf.Name("Filter"), pdf.Name("FlateDecode")), z
		}
		refs[i] = up.Add(pdf.NewStream(dict, data))
		if err := appendIn(up, dss, key, refs[i]); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

// extension is the update that holds validation data, ready to be written.
func storeUpdate(doc *pdf.Document, ev *evidence) (*pdf.Tail, error) {
	st, err := readStore(doc)
	if err != nil {
		return nil, err
	}
	up, err := doc.NewUpdate()
	if err != nil {
		return nil, wrap(BadInput, err, "")
	}
	if err := writeStore(up, st, ev); err != nil {
		return nil, err
	}
	tail, err := up.Prepare()
	if err != nil {
		return nil, wrap(BadInput, err, "writing validation data")
	}
	return tail, nil
}

// reopen looks at a file as an update leaves it.
func reopen(tail *pdf.Tail, password string) (*pdf.Document, error) {
	doc, err := pdf.Open(tail.ReaderAt(), tail.Size(), pdf.Options{Password: password})
	if err != nil {
		return nil, wrap(BadInput, err, "")
	}
	return doc, nil
}

// extend adds validation data (B-LT) and a document timestamp (B-LTA) after the signature's update.
func (j *job) extend(ctx context.Context, out io.Writer, message []byte) error {
	g := gatherer{source: j.s.Revocation, now: j.s.Clock()}
	if g.now.Before(j.stamp.Time) {
		g.now = j.stamp.Time // the authority's clock is ahead within what is forgiven
	}
	if err := links(j.s.Chain); err != nil {
		return err
	}
	v := vriEntry{key: vriKey(j.padded(message))}
	if err := g.path(ctx, &v, j.s.Chain, j.stamp.Time, true); err != nil {
		return err
	}
	if err := g.path(ctx, &v, j.stamp.Path, j.stamp.Time, true); err != nil {
		return err
	}
	g.ev.vri = append(g.ev.vri, v)
	var archive *archiver
	if j.s.Level >= LevelLTA {
		archive = &archiver{tsa: j.s.archiveTSA(), hash: j.signer.Hash(), password: j.req.Password}
		if err := archive.measure(ctx, &g); err != nil {
			return err
		}
	}
	doc, err := reopen(j.tail, j.req.Password)
	if err != nil {
		return err
	}
	tail, err := storeUpdate(doc, &g.ev)
	if err != nil {
		return err
	}
	if err := write(out, tail.Bytes); err != nil {
		return err
	}
	r := &j.result
	r.Size, r.Certificates, r.OCSPs, r.CRLs = tail.Size(), len(g.ev.certs.items), len(g.ev.ocsp.items), len(g.ev.crls.items)
	if archive == nil {
		return nil
	}
	h, err := fork(j.base)
	if err != nil {
		return err
	}
	for _, b := range [][]byte{j.tail.Bytes, tail.Bytes} {
		if _, err := io.Copy(h, bytes.NewReader(b)); err != nil {
			return wrap(BadInput, err, "")
		}
	}
	made, err := archive.stamp(ctx, tail, h, out)
	if err != nil {
		return err
	}
	r.Size, r.ArchiveField, r.ArchiveTime = made.size, made.field, made.time
	return nil
}
