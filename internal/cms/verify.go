package cms

import (
	"bytes"
	"crypto"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// VerifyConfig says what a signature is to be checked against. Its zero value refuses: a content and a
// time are needed.
type VerifyConfig struct {
	// ContentDigest is the digest of the detached content under the signer's digest algorithm
	// (SignerInfo.Hash). Nil means the content must be inside the message.
	ContentDigest []byte
	// ContentType is the eContentType demanded. Empty means id-data.
	ContentType OID
	// At is the time algorithms are judged at: a time the signature provably existed, or now.
	// Required unless InsecureSkipPolicy is set.
	At time.Time
	// Policy is the table of acceptable algorithms. Nil means algo.DefaultPolicy.
	Policy *algo.Policy
	// Extra are further certificates (DER) the signer may be among, for messages that carry none:
	// from a PDF's document security store, for example. They are candidates and not trusted.
	Extra [][]byte

	// InsecureSkipPolicy leaves algorithms unjudged; the caller must pass Verified.Uses to a policy.
	InsecureSkipPolicy bool
	// InsecureNoCertReference accepts signatures without an ESS signing-certificate attribute, as
	// plain CMS and Adobe's adbe.pkcs7.detached are. Such a signature does not say which certificate
	// its signer meant.
	InsecureNoCertReference bool
	// InsecureNoSignedAttributes accepts signatures directly over the content.
	InsecureNoSignedAttributes bool
}

// Verified is a signature whose digest, certificate reference and signature value are right. Whether
// its certificate is trusted, and since when, is not known yet.
type Verified struct {
	Signer      *SignerInfo
	Certificate *x509.Certificate // the one the signer identifier and ESS name
	PublicKey   crypto.PublicKey
	Scheme      algo.Scheme
	Hash        crypto.Hash // digest of the content
	Reference   CertReference
	Uses        []algo.Use // what a policy must judge
	// Notes are oddities that are not errors, for the report.
	Notes []string
}

// Verify checks the message's only signature. Err is nil only when every check of RFC 5652 section 5.6
// and RFC 5035 passed and the policy accepts the algorithms. Errors are *Error.
func (sd *SignedData) Verify(c VerifyConfig) (*Verified, error) {
	si, err := sd.Signer()
	if err != nil {
		return nil, err
	}
	v := &Verified{Signer: si}
	if e := v.check(sd, c); e != nil {
		return nil, e
	}
	if !c.InsecureSkipPolicy {
		p := c.Policy
		if p == nil {
			p = algo.DefaultPolicy()
		}
		if err := p.Check(c.At, v.Uses...); err != nil {
			return nil, &Error{Reason: WeakAlgorithm, Err: err}
		}
	}
	return v, nil
}

func (v *Verified) check(sd *SignedData, c VerifyConfig) *Error {
	si := v.Signer
	// 1. Content: of the type demanded, inside or outside as demanded, hashed with the signer's algorithm.
	want := c.ContentType
	if want == "" {
		want = OIDData
	}
	if sd.ContentType != want {
		return fail(ContentTypeMismatch, "eContentType %s, expected %s", sd.ContentType, want)
	}
	hash, err := algo.ParseDigest(si.Digest)
	if err != nil {
		return algorithmError(err)
	}
	v.Hash = hash
	digest, e := contentDigest(sd, c, hash)
	if e != nil {
		return e
	}
	// 2. Algorithms: known, with right parameters, not contradicting each other.
	if v.Scheme, err = algo.ParseSignature(si.Scheme, hash); err != nil {
		return algorithmError(err)
	}
	// 3. Signed attributes: present, naming the content type and the content's digest.
	signed := si.SignedAttrsDER
	if signed == nil {
		if e := v.checkBare(sd, c); e != nil {
			return e
		}
	} else if e := checkSignedAttributes(si, sd.ContentType, digest); e != nil {
		return e
	}
	// 4. The signer's certificate: by identifier, confirmed by the ESS reference.
	if e := v.chooseCertificate(sd, c); e != nil {
		return e
	}
	// 5. The signature value.
	if v.PublicKey, err = algo.PublicKey(v.Certificate); err != nil {
		return algorithmError(err)
	}
	if err := algo.Permits(v.Certificate, v.Scheme); err != nil {
		return algorithmError(err)
	}
	if signed == nil {
		err = verifyBare(v.Scheme, v.PublicKey, digest, si.Signature)
	} else {
		err = v.Scheme.Verify(v.PublicKey, signed, si.Signature)
		if errors.Is(err, algo.ErrSignature) && !si.SignedAttrsSort {
			// What is signed is the DER encoding, however the message encodes the set (RFC 5652, section 5.4).
			err = v.Scheme.Verify(v.PublicKey, inOrder(signed), si.Signature)
		}
	}
	switch {
	case errors.Is(err, algo.ErrKey):
		return &Error{Reason: AlgorithmMismatch, Err: err}
	case errors.Is(err, algo.ErrUnsupported):
		return &Error{Reason: UnsupportedAlgorithm, Err: err}
	case err != nil:
		return &Error{Reason: SignatureInvalid, Err: err}
	}
	v.Uses = append(v.Uses, algo.SignatureUse("signature", v.Scheme, v.PublicKey), algo.Use{Role: "message digest", Hash: hash})
	v.note(sd)
	return nil
}

// inOrder encodes a SET OF with its elements in the order DER wants (X.690, section 11.6).
func inOrder(set []byte) []byte {
	in := cryptobyte.String(set)
	var body, e cryptobyte.String
	var list [][]byte
	for in.ReadASN1(&body, asn1.SET); body.ReadASN1Element(&e, asn1.SEQUENCE); {
		list = append(list, e)
	}
	slices.SortFunc(list, bytes.Compare)
	head := len(set) - len(bytes.Join(list, nil))
	return append(bytes.Clone(set[:head]), bytes.Join(list, nil)...)
}

func contentDigest(sd *SignedData, c VerifyConfig, hash crypto.Hash) ([]byte, *Error) {
	if c.ContentDigest == nil {
		if sd.Detached {
			return nil, fail(ContentAbsent, "the message is detached and no content digest was given")
		}
		return algo.Sum(hash, sd.Content), nil
	}
	if !sd.Detached {
		return nil, fail(ContentPresent, "%d bytes of content inside, expected a detached signature", len(sd.Content))
	}
	if len(c.ContentDigest) != hash.Size() {
		return nil, fail(DigestMismatch, "content digest of %d bytes given, the signer uses %v", len(c.ContentDigest), hash)
	}
	return c.ContentDigest, nil
}

// checkBare decides about a signature without signed attributes.
func (v *Verified) checkBare(sd *SignedData, c VerifyConfig) *Error {
	if !c.InsecureNoSignedAttributes {
		return fail(NoSignedAttributes, "expected signed attributes with content-type, message-digest and signing-certificate-v2")
	}
	if sd.ContentType != OIDData {
		return fail(NoSignedAttributes, "content type %s needs signed attributes (RFC 5652, section 5.3)", sd.ContentType)
	}
	// Bytes that are themselves a SET OF Attribute could be another message's signed attributes,
	// whose signature would verify here over them.
	if !sd.Detached && len(sd.Content) > 0 && sd.Content[0] == byte(asn1.SET) {
		return fail(NoSignedAttributes, "the content could be taken for signed attributes")
	}
	v.Notes = append(v.Notes, "signature without signed attributes")
	return nil
}

// verifyBare checks a signature over the content, of which only the digest is at hand.
func verifyBare(s algo.Scheme, pub crypto.PublicKey, digest, sig []byte) error {
	if s.Hash == 0 {
		return algo.ErrUnsupported
	}
	return s.VerifyDigest(pub, digest, sig)
}

// checkSignedAttributes applies RFC 5652, section 11.1 and 11.2, and RFC 6211 where used.
func checkSignedAttributes(si *SignerInfo, contentType OID, digest []byte) *Error {
	ct, e := si.single(OIDContentType, "content-type")
	if e != nil {
		return e
	}
	if ct == nil {
		return fail(MissingAttribute, "content-type")
	}
	typ, ok := algo.ReadOID(&ct)
	if !ok || !ct.Empty() {
		return fail(Malformed, "content-type attribute")
	}
	if typ != contentType {
		return fail(ContentTypeMismatch, "content-type attribute %s, eContentType %s", typ, contentType)
	}
	md, e := si.single(OIDMessageDigest, "message-digest")
	if e != nil {
		return e
	}
	if md == nil {
		return fail(MissingAttribute, "message-digest")
	}
	var value cryptobyte.String
	if !md.ReadASN1(&value, asn1.OCTET_STRING) || !md.Empty() {
		return fail(Malformed, "message-digest attribute")
	}
	if subtle.ConstantTimeCompare(value, digest) != 1 {
		return fail(DigestMismatch, "message-digest is not the content's")
	}
	ap, e := si.single(OIDAlgorithmProtection, "cms-algorithm-protection")
	if e != nil || ap == nil {
		return e
	}
	return checkAlgorithmProtection(ap, si)
}

// checkAlgorithmProtection compares the protected identifiers with those used (RFC 6211, section 2).
func checkAlgorithmProtection(v cryptobyte.String, si *SignerInfo) *Error {
	var seq cryptobyte.String
	if !v.ReadASN1(&seq, asn1.SEQUENCE) || !v.Empty() {
		return fail(Malformed, "cms-algorithm-protection")
	}
	digest, ok := algo.ReadIdentifier(&seq)
	if !ok || !seq.PeekASN1Tag(explicit(1)) {
		return fail(Malformed, "cms-algorithm-protection must protect a signature algorithm")
	}
	scheme, ok := algo.ReadIdentifierTagged(&seq, explicit(1))
	if !ok || !seq.Empty() {
		return fail(Malformed, "cms-algorithm-protection")
	}
	if !sameIdentifier(digest, si.Digest) || !sameIdentifier(scheme, si.Scheme) {
		return fail(AlgorithmMismatch, "cms-algorithm-protection names other algorithms than the signer information")
	}
	return nil
}

// sameIdentifier compares identifiers, taking NULL parameters for absent ones.
func sameIdentifier(a, b algo.Identifier) bool {
	null := func(p []byte) []byte {
		if bytes.Equal(p, []byte{5, 0}) {
			return nil
		}
		return p
	}
	return a.OID == b.OID && bytes.Equal(null(a.Params), null(b.Params))
}

// chooseCertificate selects the certificate the signer identifier names among those in the message and
// those given, then compares it with the ESS references.
func (v *Verified) chooseCertificate(sd *SignedData, c VerifyConfig) *Error {
	refs, e := v.Signer.certReferences()
	if e != nil {
		return e
	}
	if len(refs) == 0 && !c.InsecureNoCertReference {
		return fail(NoCertificateReference, "expected a signing-certificate-v2 attribute")
	}
	var named, chosen []byte
	ambiguous := false
	for _, raw := range append(sd.Certificates[:len(sd.Certificates):len(sd.Certificates)], c.Extra...) {
		id, ok := readCertID(raw)
		if !ok || !v.Signer.identifies(id) || bytes.Equal(raw, named) || bytes.Equal(raw, chosen) {
			continue
		}
		if named == nil {
			named = raw
		}
		fits := true
		for _, r := range refs {
			fits = fits && r.names(raw) && r.issuerFits(id)
		}
		if fits {
			ambiguous = ambiguous || chosen != nil
			chosen = raw
		}
	}
	switch {
	case named == nil:
		return fail(NoSigningCertificate, "no certificate with the signer's identifier among %d", len(sd.Certificates)+len(c.Extra))
	case chosen == nil:
		return fail(SigningCertificateMismatch, "the ESS reference is not to the certificate the signer identifier names")
	case ambiguous:
		return fail(AmbiguousCertificate, "several certificates with the signer's identifier and no ESS reference to tell them apart")
	}
	cert, err := x509.ParseCertificate(chosen)
	if err != nil {
		return &Error{Reason: NoSigningCertificate, Detail: "the signer's certificate cannot be read", Err: err}
	}
	v.Certificate = cert
	if len(refs) > 0 {
		v.Reference = refs[0]
	} else {
		v.Notes = append(v.Notes, "no signing-certificate attribute: the certificate is not bound by the signature")
	}
	return nil
}

// identifies reports whether the signer identifier is that of a certificate.
func (si *SignerInfo) identifies(id certID) bool {
	if si.SubjectID != nil {
		return bytes.Equal(si.SubjectID, id.subjectKeyID())
	}
	return si.Serial.Cmp(id.serial) == 0 && bytes.Equal(si.Issuer, id.issuer)
}

func (v *Verified) note(sd *SignedData) {
	if sd.BER {
		v.Notes = append(v.Notes, "the message was BER, not DER")
	}
	if v.Signer.SignedAttrsDER != nil && !v.Signer.SignedAttrsSort {
		v.Notes = append(v.Notes, "signed attributes are not in DER order")
	}
	if v.Reference.Weak() {
		v.Notes = append(v.Notes, "the signing-certificate reference rests on SHA-1")
	}
	if _, present, _ := v.Signer.SigningTime(); present {
		v.Notes = append(v.Notes, "signing-time attribute present")
	}
}
