package pades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"io"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/revocation"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
)

// Renewal extends signed files: it adds validation data for every signature and timestamp in the file
// that lacks some, fresh ones for what no document timestamp covers yet and for the newest
// document timestamp, and then a document timestamp over all of it. No signing key is needed, and the file may be by anyone.
// A Renewal is not changed by its methods.
type Renewal struct {
	// TSA gives the document timestamp; required.
	TSA Timestamper
	// Revocation gives revocation data; required. If it is an IssuerSource too, it is asked for
	// certificates the file lacks.
	Revocation RevocationSource
	// Clock gives the time of the renewal; required.
	Clock func() time.Time
	// Anchors are the certificates paths of signers and authorities end at. Empty: they end at a
	// self-signed certificate, whosever it is; whether it is trusted is the verifier's question.
	Anchors []*x509.Certificate
	// Intermediates are further certificates for paths.
	Intermediates []*x509.Certificate
	// Hash of the document timestamp; 0 means SHA-256.
	Hash crypto.Hash
	// Password opens an encrypted file. Empty: the empty password.
	Password string
}

// RenewResult tells what was added.
type RenewResult struct {
	Field string    // name of the document timestamp's field
	Time  time.Time // of the document timestamp
	Size  int64     // of the output in bytes
	// Signatures and Timestamps count what was in the file.
	Signatures, Timestamps int
	// Certificates, OCSPs and CRLs count what was used, newly fetched or there already.
	Certificates, OCSPs, CRLs int
}

// Renew reads a signed PDF file from in and writes it to out with two updates added. After an error, what was
// written is worthless. Errors are *Error.
func (r *Renewal) Renew(ctx context.Context, in io.ReaderAt, size int64, out io.Writer) (RenewResult, error) {
	if r.TSA == nil || r.Revocation == nil || r.Clock == nil {
		return RenewResult{}, fail(BadConfig, "Renewal needs TSA, Revocation and Clock")
	}
	hash := r.Hash
	if hash == 0 {
		hash = crypto.SHA256
	}
	file, err := openInput(in, size, r.Password)
	if err != nil {
		return RenewResult{}, err
	}
	if len(file.sigs) == 0 {
		return RenewResult{}, fail(NothingToRenew, "the file has no signature")
	}
	st, err := readStore(file.doc)
	if err != nil {
		return RenewResult{}, err
	}
	w := &renewing{Renewal: r, g: gatherer{source: r.Revocation, now: r.Clock(), hadOCSP: st.ocsps.data, hadCRLs: st.crls.data}}
	w.g.finder.anchors = r.Anchors
	w.g.finder.candidates = append(parseCertificates(st.certs.data), r.Intermediates...)
	w.g.finder.issuers, _ = r.Revocation.(IssuerSource)
	for i := range file.sigs {
		if err := w.read(&file.sigs[i]); err != nil {
			return RenewResult{}, err
		}
	}
	if err := w.gather(ctx); err != nil {
		return RenewResult{}, err
	}
	archive := &archiver{tsa: r.TSA, hash: hash, password: r.Password}
	if err := archive.measure(ctx, &w.g); err != nil {
		return RenewResult{}, err
	}
	tail, err := storeUpdate(file.doc, &w.g.ev)
	if err != nil {
		return RenewResult{}, err
	}
	h, err := cloner(hash)
	if err != nil {
		return RenewResult{}, err
	}
	to := io.MultiWriter(out, h)
	if err := tail.CopyBase(to); err != nil {
		return RenewResult{}, wrap(WriteFailed, err, "copying the input")
	}
	if err := write(to, tail.Bytes); err != nil {
		return RenewResult{}, err
	}
	made, err := archive.stamp(ctx, tail, h, out)
	if err != nil {
		return RenewResult{}, err
	}
	res := RenewResult{Field: made.field, Time: made.time, Size: made.size,
		Certificates: len(w.g.ev.certs.items), OCSPs: len(w.g.ev.ocsp.items), CRLs: len(w.g.ev.crls.items)}
	for _, s := range file.sigs {
		if s.stamp {
			res.Timestamps++
		} else {
			res.Signatures++
		}
	}
	return res, nil
}

func parseCertificates(list [][]byte) []*x509.Certificate {
	var out []*x509.Certificate
	for _, der := range list {
		if c, err := x509.ParseCertificate(der); err == nil { // what nobody can read, nothing depends on
			out = append(out, c)
		}
	}
	return out
}

// renewing is one file being renewed.
type renewing struct {
	*Renewal
	g     gatherer
	items []renewed
}

// renewed is a signature or document timestamp of the file.
type renewed struct {
	key    string // of its VRI entry
	stamp  bool
	time   time.Time           // document timestamp: its own; zero else
	certs  []*x509.Certificate // the signer's, and those of the authorities of timestamps over its value
	stamps []time.Time         // times of these timestamps
}

// read finds whose certificates matter for a signature.
func (w *renewing) read(s *existing) error {
	item := renewed{key: vriKey(s.contents), stamp: s.stamp}
	sd, err := cms.Parse(s.contents, cms.ParseConfig{})
	if err != nil {
		return wrap(BadInput, err, "a signature in the file")
	}
	if s.stamp {
		tok, err := tsp.ParseToken(s.contents)
		if err != nil {
			return wrap(BadInput, err, "a document timestamp in the file")
		}
		item.time = tok.Info.GenTime
	}
	si, err := sd.Signer()
	if err != nil {
		return wrap(BadInput, err, "a signature in the file")
	}
	if err := w.certificateOf(&item, sd, si); err != nil {
		return err
	}
	for _, der := range si.Timestamps() {
		tok, err := tsp.ParseToken(der)
		if err != nil {
			return wrap(BadInput, err, "a signature timestamp in the file")
		}
		tsi, err := tok.Signed.Signer()
		if err != nil {
			return wrap(BadInput, err, "a signature timestamp in the file")
		}
		if err := w.certificateOf(&item, tok.Signed, tsi); err != nil {
			return err
		}
		item.stamps = append(item.stamps, tok.Info.GenTime)
	}
	w.items = append(w.items, item)
	// Data inside the messages (RFC 5940) count as data in the file.
	w.g.hadOCSP = append(w.g.hadOCSP, sd.OCSP...)
	w.g.hadCRLs = append(w.g.hadCRLs, sd.CRLs...)
	return nil
}

// certificateOf finds the certificate a SignerInfo names, by identifier and, where there is one, by ESS
// reference; the message's other certificates become candidates for paths.
func (w *renewing) certificateOf(item *renewed, sd *cms.SignedData, si *cms.SignerInfo) error {
	inside := sd.Candidates()
	w.g.finder.candidates = append(w.g.finder.candidates, inside...)
	ref, err := si.CertReference()
	if err != nil {
		ref = cms.CertReference{}
	}
	for _, list := range [][]*x509.Certificate{inside, w.g.finder.candidates, w.Anchors} {
		for _, c := range list {
			byName := si.Serial != nil && bytes.Equal(si.Issuer, c.RawIssuer) && si.Serial.Cmp(c.SerialNumber) == 0
			byKey := si.SubjectID != nil && bytes.Equal(si.SubjectID, c.SubjectKeyId)
			if (byName || byKey) && (ref.Version == 0 || bytes.Equal(algo.Sum(ref.Hash, c.Raw), ref.Value)) {
				item.certs = append(item.certs, c)
				return nil
			}
		}
	}
	return fail(BadChain, "the certificate a signature in the file names is not in the file")
}

// gather collects data, newest signature first: what is fetched for the newest serves older ones too.
func (w *renewing) gather(ctx context.Context) error {
	last := -1 // the newest document timestamp
	for i := range w.items {
		if w.items[i].stamp {
			last = i
		}
	}
	for i := len(w.items) - 1; i >= 0; i-- {
		item := &w.items[i]
		covered := w.coveredAt(i)
		v := vriEntry{key: item.key}
		for n, cert := range item.certs {
			at := covered
			if n == 0 && len(item.stamps) > 0 {
				at = item.stamps[0]
			}
			path, err := w.g.finder.path(ctx, cert)
			if err != nil {
				return err
			}
			w.g.known = w.knownTimes(i)
			if err := w.g.path(ctx, &v, path, at, i >= last); err != nil {
				return err
			}
		}
		w.g.ev.vri = append(w.g.ev.vri, v)
	}
	return nil
}

// coveredAt is the time of the first document timestamp after a signature, or now.
func (w *renewing) coveredAt(i int) time.Time {
	for _, later := range w.items[i+1:] {
		if later.stamp {
			return later.time
		}
	}
	return w.g.now
}

// knownTimes are the times at which data in the file may be proven to have existed.
func (w *renewing) knownTimes(i int) []time.Time {
	var out []time.Time
	for _, later := range w.items[i+1:] {
		if later.stamp {
			out = append(out, later.time)
		}
	}
	return out
}

// inFile looks for an answer among the data in the file, judged at every time it may be proven to have existed.
func (g *gatherer) inFile(q revocation.Query) (revocation.Answer, bool) {
	if len(g.hadOCSP)+len(g.hadCRLs) == 0 {
		return revocation.Answer{}, false
	}
	if g.hadStore == nil {
		store, err := revocation.NewStore(g.hadOCSP, g.hadCRLs)
		if err != nil {
			return revocation.Answer{}, false // too much of it: ask anew
		}
		g.hadStore = store
	}
	for _, known := range append([]time.Time{q.Known}, g.known...) {
		q.Known = known
		if ans := g.hadStore.Check(q); ans.Status == revocation.Good {
			return ans, true
		}
	}
	return revocation.Answer{}, false
}
