package pades

import (
	"crypto"
	"crypto/subtle"
	"errors"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
	"github.com/chancery-dev/chancery/verifier"
)

// hashAll parses every signature's message and verifies it over the bytes it covers.
func (v *validation) hashAll() error {
	byHash := map[crypto.Hash][]*item{}
	var order []crypto.Hash
	for _, it := range v.items {
		if !it.ok {
			continue
		}
		h, ok := v.parse(it)
		if !ok {
			continue
		}
		if byHash[h] == nil {
			order = append(order, h)
		}
		byHash[h] = append(byHash[h], it)
	}
	for _, h := range order {
		spans := make([]span, len(byHash[h]))
		for i, it := range byHash[h] {
			spans[i] = it.span
		}
		sums, err := digests(v.ctx, v.doc.ReaderAt(), v.doc.Size(), h, spans)
		if err != nil {
			return err
		}
		for i, it := range byHash[h] {
			if it.sig.Timestamp {
				v.verifyStamp(it, sums[i])
			} else {
				v.verifyMessage(it, sums[i])
			}
		}
	}
	return nil
}

// parse reads the message in /Contents and says what hash it uses. One that cannot be
// read is an invalid signature.
func (v *validation) parse(it *item) (crypto.Hash, bool) {
	if it.sig.Timestamp {
		tok, err := tsp.ParseToken(it.contents)
		if errors.Is(err, tsp.Unsupported) {
			it.sig.fail(verifier.CheckTimestamp, CryptoConstraintsFailure, verifier.TimestampUntrusted, err.Error())
			v.find(verifier.GradeWarning, "timestamp_ignored", it.sig.Field+": the document timestamp does not count: "+err.Error())
			return 0, false
		}
		if err != nil {
			it.sig.fail(verifier.CheckTimestamp, FormatFailure, verifier.TimestampBroken, err.Error())
			return 0, false
		}
		it.token, it.message = tok, tok.Signed
		return tok.Info.Hash, true
	}
	sd, err := cms.Parse(it.contents, cms.ParseConfig{})
	if err == nil {
		var si *cms.SignerInfo
		if si, err = sd.Signer(); err == nil {
			var h crypto.Hash
			if h, err = si.Hash(); err == nil {
				it.message = sd
				return h, true
			}
		}
	}
	sub, reason := cmsReason(err)
	it.sig.fail(verifier.CheckSignature, sub, reason, err.Error())
	return 0, false
}

// verifyMessage checks the CMS signature (RFC 5652, 5.6): detached, one signer, digest,
// the certificate by identifier and ESS reference, signature value. Algorithms are
// judged later, at the time that is proven.
func (v *validation) verifyMessage(it *item, digest []byte) {
	pades := it.sig.SubFilter == "ETSI.CAdES.detached"
	var extra [][]byte
	if len(it.message.Certificates) == 0 {
		extra = v.store.rawCerts()
	}
	ok, err := it.message.Verify(cms.VerifyConfig{
		ContentDigest: digest, Extra: extra, InsecureSkipPolicy: true,
		InsecureNoCertReference: v.c.InsecureNoCertReference,
	})
	if err != nil {
		sub, reason := cmsReason(err)
		it.sig.fail(verifier.CheckSignature, sub, reason, err.Error())
		return
	}
	it.verified = ok
	it.sig.Certificate, it.sig.Algorithm = ok.Certificate, ok.Scheme.String()
	it.sig.pass(verifier.CheckSignature, "the signed bytes are unchanged, the signature value is right", verifier.Fact{Name: "algorithm", Value: ok.Scheme.String()})
	it.sig.Level = "PKCS7-B"
	if pades {
		it.sig.Level = "PAdES-BASELINE-B"
		_, signingTime, _ := ok.Signer.SigningTime()
		if ok.Reference.Version == 0 || signingTime || it.sig.Claimed.IsZero() {
			it.sig.Level = ""
			v.find(verifier.GradeNote, "pdf_not_baseline", it.sig.Field+": lacks the signing-certificate attribute or /M, or has a signing-time attribute, so it is at no baseline level")
		}
	} else {
		v.find(verifier.GradeNote, "pdf_not_pades", it.sig.Field+": SubFilter "+it.sig.SubFilter+" is not PAdES")
	}
	for _, n := range ok.Notes {
		v.find(verifier.GradeNote, "cms_note", it.sig.Field+": "+n)
	}
}

// verifyStamp checks what of a document timestamp needs no trust: it is over the bytes
// it covers, and its signature value is right.
func (v *validation) verifyStamp(it *item, digest []byte) {
	if subtle.ConstantTimeCompare(digest, it.token.Info.Imprint) != 1 {
		it.sig.fail(verifier.CheckTimestamp, HashFailure, verifier.TimestampBroken, "the bytes that the timestamp covers were changed")
		it.token = nil
		return
	}
	if sub, err := v.tokenSound(it.token); err != nil {
		it.sig.fail(verifier.CheckTimestamp, sub, verifier.TimestampBroken, err.Error())
		it.token = nil
		return
	}
	it.sig.pass(verifier.CheckSignature, "the timestamp is over the bytes that it covers")
}

// tokenSound verifies a token's own signature. What only trust or time can decide is
// no fault here.
func (v *validation) tokenSound(tok *tsp.Token) (SubIndication, error) {
	_, err := tok.Signed.Verify(cms.VerifyConfig{ContentType: cms.OIDTSTInfo, InsecureSkipPolicy: true, Extra: v.store.rawCerts()})
	if err == nil {
		return "", nil
	}
	if sub, reason := cmsReason(err); reason.Outcome() == verifier.Invalid {
		return sub, err
	}
	return "", nil
}

// cmsReason tells what an error of package cms means (EN 319 102-1, 5.1.3).
func cmsReason(err error) (SubIndication, verifier.Reason) {
	is := func(r cms.Reason) bool { return errors.Is(err, r) }
	switch {
	case is(cms.DigestMismatch):
		return HashFailure, verifier.CMSDigest
	case is(cms.SignatureInvalid):
		return SigCryptoFailure, verifier.CMSSignature
	case is(cms.UnsupportedAlgorithm), is(cms.WeakAlgorithm):
		return CryptoConstraintsFailure, verifier.WeakAlgorithm
	case is(cms.NoSigningCertificate), is(cms.AmbiguousCertificate):
		return NoSigningCertificate, verifier.SignerMissing
	case is(cms.NoCertificateReference):
		return SigConstraintsFailure, verifier.SignerUnbound
	case is(cms.SigningCertificateMismatch):
		return SigConstraintsFailure, verifier.CMSSigner
	}
	return FormatFailure, verifier.CMSMalformed
}
