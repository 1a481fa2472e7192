package cms

import (
	"bytes"
	"crypto"
	"crypto/subtle"
	"math/big"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// CertReference is the ESS reference to the signer's certificate.
type CertReference struct {
	Version int         // 2: signing-certificate-v2 (RFC 5035); 1: signing-certificate (RFC 2634), SHA-1; 0: none
	Hash    crypto.Hash // of the reference
	Value   []byte      // the certificate's hash
	Issuer  []byte      // DER of the issuer's Name, nil when the reference has no issuerSerial
	Serial  *big.Int    // with Issuer
	Count   int         // references in the attribute; only the first one names the signer
}

// Weak reports whether the reference rests on SHA-1, against which finding a second certificate with
// the same hash is still not known to be possible, yet policies no longer accept it.
func (r CertReference) Weak() bool { return r.Version != 0 && r.Hash == crypto.SHA1 }

// CertReference reads the ESS signing-certificate attributes. With both versions present both must
// name one certificate, so the v2 reference is returned and v1 is compared when verifying.
func (si *SignerInfo) CertReference() (CertReference, error) {
	refs, e := si.certReferences()
	if e != nil {
		return CertReference{}, e
	}
	if len(refs) == 0 {
		return CertReference{}, nil
	}
	return refs[0], nil
}

func (si *SignerInfo) certReferences() ([]CertReference, *Error) {
	var refs []CertReference
	for _, a := range []struct {
		typ     OID
		name    string
		version int
	}{
		{OIDSigningCertificateV2, "signing-certificate-v2", 2},
		{OIDSigningCertificate, "signing-certificate", 1},
	} {
		v, e := si.single(a.typ, a.name)
		if e != nil {
			return nil, e
		}
		if v == nil {
			continue
		}
		ref, e := parseCertReference(v, a.version, a.name)
		if e != nil {
			return nil, e
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// parseCertReference reads SigningCertificate or SigningCertificateV2 (RFC 5035, sections 3 and 5.4).
func parseCertReference(v cryptobyte.String, version int, name string) (CertReference, *Error) {
	ref := CertReference{Version: version, Hash: crypto.SHA256}
	if version == 1 {
		ref.Hash = crypto.SHA1
	}
	var seq, certs, policies cryptobyte.String
	var present bool
	if !v.ReadASN1(&seq, asn1.SEQUENCE) || !v.Empty() || !seq.ReadASN1(&certs, asn1.SEQUENCE) ||
		!seq.ReadOptionalASN1(&policies, &present, asn1.SEQUENCE) || !seq.Empty() || certs.Empty() {
		return ref, fail(Malformed, "%s", name)
	}
	for first := true; !certs.Empty(); first = false {
		var id, hash, is cryptobyte.String
		if !certs.ReadASN1(&id, asn1.SEQUENCE) {
			return ref, fail(Malformed, "%s", name)
		}
		if ref.Count++; ref.Count > MaxESSCerts {
			return ref, fail(TooLarge, "%s has more than %d references", name, MaxESSCerts)
		}
		h := ref.Hash
		if version == 2 {
			h = crypto.SHA256
			if id.PeekASN1Tag(asn1.SEQUENCE) {
				alg, ok := algo.ReadIdentifier(&id)
				if !ok {
					return ref, fail(Malformed, "%s hash algorithm", name)
				}
				var err error
				if h, err = algo.ParseDigest(alg); err != nil {
					if !first {
						h = 0
					} else {
						return ref, algorithmError(err)
					}
				}
			}
		}
		if !id.ReadASN1(&hash, asn1.OCTET_STRING) || !id.ReadOptionalASN1(&is, &present, asn1.SEQUENCE) || !id.Empty() {
			return ref, fail(Malformed, "%s", name)
		}
		if !first {
			continue
		}
		if len(hash) != h.Size() {
			return ref, fail(Malformed, "%s hash of %d bytes, expected %d", name, len(hash), h.Size())
		}
		ref.Hash, ref.Value = h, hash
		if present {
			if e := ref.parseIssuerSerial(is, name); e != nil {
				return ref, e
			}
		}
	}
	return ref, nil
}

// parseIssuerSerial reads IssuerSerial: one directoryName and a serial number.
func (r *CertReference) parseIssuerSerial(s cryptobyte.String, name string) *Error {
	var names, dn, raw cryptobyte.String
	r.Serial = new(big.Int)
	if !s.ReadASN1(&names, asn1.SEQUENCE) || !s.ReadASN1Integer(r.Serial) ||
		!names.ReadASN1(&dn, explicit(4)) || !names.Empty() || !dn.ReadASN1Element(&raw, asn1.SEQUENCE) || !dn.Empty() {
		return fail(Malformed, "%s issuerSerial", name)
	}
	// An issuerUID may follow; no certificate carries one.
	if !s.SkipOptionalASN1(asn1.BIT_STRING) || !s.Empty() {
		return fail(Malformed, "%s issuerSerial", name)
	}
	r.Issuer = raw
	return nil
}

// names reports whether the reference's hash is that of the certificate.
func (r CertReference) names(cert []byte) bool {
	return subtle.ConstantTimeCompare(algo.Sum(r.Hash, cert), r.Value) == 1
}

// issuerFits reports whether issuerSerial, where present, is that of the certificate.
func (r CertReference) issuerFits(id certID) bool {
	return r.Serial == nil || r.Serial.Cmp(id.serial) == 0 && bytes.Equal(r.Issuer, id.issuer)
}

// certID is what signer identifiers refer to, read without parsing the whole certificate.
type certID struct {
	issuer []byte
	serial *big.Int
	rest   cryptobyte.String // of the TBSCertificate, after issuer
}

func readCertID(cert []byte) (certID, bool) {
	in := cryptobyte.String(cert)
	var c, tbs, issuer cryptobyte.String
	id := certID{serial: new(big.Int)}
	if !in.ReadASN1(&c, asn1.SEQUENCE) || !in.Empty() || !c.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(explicit(0)) || !tbs.ReadASN1Integer(id.serial) ||
		!tbs.SkipASN1(asn1.SEQUENCE) || !tbs.ReadASN1Element(&issuer, asn1.SEQUENCE) {
		return id, false
	}
	id.issuer, id.rest = issuer, tbs
	return id, true
}

var oidSubjectKeyID = algo.NewOID(2, 5, 29, 14)

// subjectKeyID returns the subject key identifier extension, or nil.
func (id certID) subjectKeyID() []byte {
	s := id.rest
	var exts, list cryptobyte.String
	var present bool
	for range 3 { // validity, subject, subjectPublicKeyInfo
		if !s.SkipASN1(asn1.SEQUENCE) {
			return nil
		}
	}
	if !s.SkipOptionalASN1(primitive(1)) || !s.SkipOptionalASN1(primitive(2)) ||
		!s.ReadOptionalASN1(&exts, &present, explicit(3)) || !present || !exts.ReadASN1(&list, asn1.SEQUENCE) {
		return nil
	}
	for !list.Empty() {
		var ext, value, ski cryptobyte.String
		if !list.ReadASN1(&ext, asn1.SEQUENCE) {
			return nil
		}
		typ, ok := algo.ReadOID(&ext)
		if !ok || !ext.SkipOptionalASN1(asn1.BOOLEAN) || !ext.ReadASN1(&value, asn1.OCTET_STRING) {
			return nil
		}
		if typ == oidSubjectKeyID {
			if !value.ReadASN1(&ski, asn1.OCTET_STRING) || !value.Empty() {
				return nil
			}
			return ski
		}
	}
	return nil
}
