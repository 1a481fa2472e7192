package pades

import (
	"crypto/sha256"
	"crypto/x509"
	"slices"

	"github.com/chancery-dev/chancery/internal/cms/revocation"
	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
)

// store is the validation data of a file: candidates all, from its document security
// store (EN 319 142-1, 5.4.2) and from the signatures themselves. Of each piece it is
// known in which revision it lies, and so which timestamps prove that it existed.
type store struct {
	certs certs
	raw   [][]byte
	revs  []storeRevision // by revision
	items int
	bytes int64
	seen  map[[32]byte]bool
	read  map[int64]bool // streams, by where their bytes lie
	full  bool
}

type storeRevision struct {
	rev       int
	ocsp, crl [][]byte
	data      *revocation.Store
}

func (s *store) rawCerts() [][]byte {
	if s == nil {
		return nil
	}
	return s.raw
}

const (
	dataCert = iota
	dataOCSP
	dataCRL
)

// add takes a piece of data, unless it is there already or the store is full.
func (s *store) add(kind, rev int, der []byte) {
	sum := sha256.Sum256(der)
	if s.seen[sum] {
		return
	}
	if s.items++; s.items > maxStoreItems || s.bytes+int64(len(der)) > maxStoreBytes {
		s.full = true
		return
	}
	s.seen[sum], s.bytes = true, s.bytes+int64(len(der))
	if kind == dataCert {
		if x, err := x509.ParseCertificate(der); err == nil && len(s.certs.list) < maxCandidates {
			s.certs.add(x)
			s.raw = append(s.raw, der)
		}
		return
	}
	i, ok := slices.BinarySearchFunc(s.revs, rev, func(r storeRevision, n int) int { return r.rev - n })
	if !ok {
		s.revs = slices.Insert(s.revs, i, storeRevision{rev: rev})
	}
	if kind == dataOCSP {
		s.revs[i].ocsp = append(s.revs[i].ocsp, der)
	} else {
		s.revs[i].crl = append(s.revs[i].crl, der)
	}
}

// maxCandidates leaves room for those of a message beside those of the store.
const maxCandidates = 384

// readStore reads /DSS of the newest revision. What cannot be read is left out and
// reported: nothing depends on data that nobody can read.
func (v *validation) readStore() error {
	v.store = &store{seen: map[[32]byte]bool{}, read: map[int64]bool{}}
	cat, err := v.latest.Catalog()
	if err != nil {
		return err
	}
	dss, err := v.latest.DictAt(cat, "DSS")
	if err != nil {
		v.find(verifier.GradeWarning, "dss_malformed", err.Error())
	} else if dss != nil {
		v.readLists(dss, "Certs", "OCSPs", "CRLs")
		if vri, err := v.latest.DictAt(dss, "VRI"); err == nil && vri != nil {
			for key := range vri.All() {
				if entry, err := v.latest.DictAt(vri, key); err == nil && entry != nil {
					v.readLists(entry, "Cert", "OCSP", "CRL")
				}
				if v.store.full {
					break
				}
			}
		}
	}
	return v.ctx.Err()
}

func (v *validation) readLists(d *pdf.Dict, names ...pdf.Name) {
	for kind, name := range names {
		list, err := v.latest.ArrayAt(d, name)
		if err != nil {
			v.find(verifier.GradeWarning, "dss_malformed", err.Error())
			continue
		}
		if list == nil {
			continue
		}
		for _, o := range list.All() {
			if v.store.full || v.ctx.Err() != nil {
				return
			}
			if der, rev, err := v.readData(o); err != nil {
				v.find(verifier.GradeWarning, "dss_malformed", err.Error())
			} else if der != nil {
				v.store.add(kind, rev, der)
			}
		}
	}
}

// readData reads a stream of the store, and tells in which revision it lies. Lists name
// the same streams again: nil for those that were read.
func (v *validation) readData(o pdf.Object) ([]byte, int, error) {
	st, err := v.latest.Resolve(o)
	if err != nil {
		return nil, 0, err
	}
	stream, ok := st.(*pdf.Stream)
	if !ok {
		return nil, 0, nil
	}
	at := stream.RawSpan().Start
	if v.store.read[at] {
		return nil, 0, nil
	}
	v.store.read[at] = true
	rev := v.latest.Index
	if r := v.doc.RevisionAt(at); r != nil {
		rev = r.Index
	}
	der, err := stream.DecodeWithin(maxStoreBytes-v.store.bytes, &v.storeLeft)
	if v.storeLeft <= 0 {
		v.store.full = true
	}
	return der, rev, err
}

// finish adds what the signatures carry themselves and parses the revocation data.
func (v *validation) finishStore() error {
	for _, it := range v.items {
		if it.message == nil || it.rev == nil {
			continue
		}
		// No signature covers what its own message carries: for proofs of when it existed
		// it lies in the revision after, which only later timestamps cover.
		after := it.rev.Index + 1
		for _, der := range it.message.OCSP {
			v.store.add(dataOCSP, after, der)
		}
		for _, der := range it.message.CRLs {
			v.store.add(dataCRL, after, der)
		}
	}
	for i := range v.store.revs {
		r := &v.store.revs[i]
		data, err := revocation.NewStore(r.ocsp, r.crl)
		if err != nil {
			return &limitError{err.Error()}
		}
		r.data = data
	}
	if v.store.full {
		v.find(verifier.GradeWarning, "dss_full", "the file has more validation data than is looked at")
	}
	return nil
}
