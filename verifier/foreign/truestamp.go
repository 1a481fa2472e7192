package foreign

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/proof/truestamp"
	"github.com/chancery-dev/chancery/verifier"
)

// truestampAlgs are the names that Truestamp gives to algorithms.
var truestampAlgs = map[string]string{"md5": "md5", "sha1": "sha-1", "sha224": "sha-224", "sha256": "sha-256", "sha384": "sha-384", "sha512": "sha-512",
	"sha3_224": "sha3-224", "sha3_256": "sha3-256", "sha3_384": "sha3-384", "sha3_512": "sha3-512", "blake2s": "blake2s", "blake2b": "blake2b"}

// truestamp judges a Truestamp bundle: the document, the hashes within, the commitments,
// and whether the key is one that the trust file gives to an issuer.
func (j *judge) truestamp(b []byte) {
	j.r.Model = "Truestamp 1"
	bundle, err := truestamp.Parse(b)
	if err != nil {
		j.refuse(err)
		return
	}
	j.pass(verifier.CheckDocument, "a Truestamp bundle about a "+bundle.Type.String())
	j.r.ID = bundle.Block.ID
	if bundle.Subject != nil {
		j.r.ID = bundle.Subject.ID
	}
	j.truestampSubject(bundle)
	result := bundle.Check(truestamp.Trust{Bitcoin: j.pin.bitcoin})
	if len(result.Problems) > 0 {
		j.fail(CheckInclusion, verifier.EvidenceNotIncluded, strings.Join(result.Problems, "; "))
	} else {
		j.pass(CheckInclusion, "subject and block lead to the roots that are signed")
	}
	var claims []claim
	for _, c := range result.Commitments {
		what := fmt.Sprintf("%s commitment", c.Type)
		if c.BlockHash != "" {
			what += " in block " + c.BlockHash
		}
		claims = append(claims, claim{verdict: verdict(c.Verdict), detail: c.Detail, what: what, network: c.Chain, block: c.BlockHash, height: c.Height, time: c.Time})
	}
	// A commitment that contradicts itself or its block spoils the bundle, since the
	// service signs for all of them.
	for _, c := range claims {
		if c.verdict == refuted {
			j.fail(verifier.CheckAnchor, verifier.ForeignAnchorRefuted, c.what+": "+c.detail)
		}
	}
	j.anchors(claims)
	j.truestampKey(bundle, result)
	j.unbound(result.Unbound...)
	j.unbound("what the metadata hashes stand for")
}

func (j *judge) truestampSubject(b *truestamp.Bundle) {
	given := j.h.Document != nil || len(j.h.Digests) > 0
	switch {
	case b.Subject != nil && b.Type == truestamp.Item && b.Subject.HashType != "":
		alg := truestampAlgs[b.Subject.HashType]
		if alg == "" || alg == "md5" {
			j.fail(CheckSubject, verifier.ForeignWeakHash, "the claims give the document's digest by an algorithm that is weak or not known")
			return
		}
		j.subject(b.Subject.Hash, alg)
	case given:
		j.fail(CheckSubject, verifier.EvidenceDocumentMismatch, "the bundle is about no document, but about a "+b.Type.String()+" whose data it holds")
	default:
		j.pass(CheckSubject, "the bundle holds what it is about")
	}
}

// truestampKey judges the signature. A bundle carries its own key, so that a signature
// that fits says nothing until the whole key is pinned. A confirmed commitment proves
// when the block was made, not when the bundle was signed: it does not save a key that
// was revoked.
func (j *judge) truestampKey(b *truestamp.Bundle, result *truestamp.Result) {
	if !result.Signature {
		j.fail(verifier.CheckSignature, verifier.SignatureInvalid, "the signature does not fit the bundle's own key")
		return
	}
	reason, detail := verifier.IssuerSelfAsserted, "the key in the bundle is not pinned; its id "+result.KeyID+" of 4 bytes does not identify it"
	for _, issuer := range j.v.Trust().Issuers {
		if !hasKey(issuer, b.PublicKey) {
			continue
		}
		keys, _, _ := j.v.MethodKeys(j.ctx, issuer.ID, result.KeyID, b.Time, time.Time{})
		for _, k := range keys {
			if key, ok := k.Key.(ed25519.PublicKey); !ok || !key.Equal(b.PublicKey) || !k.IsOwner {
				continue
			}
			if k.Reason != "" {
				reason, detail = k.Reason, k.Detail
				continue
			}
			j.r.Issuer = verifier.Party{ID: issuer.ID, Name: issuer.Name}
			j.r.Binding = k.Binding
			j.pass(verifier.CheckSignature, "signed by a pinned key", verifier.Fact{Name: "key", Value: hex.EncodeToString(b.PublicKey)},
				verifier.Fact{Name: "signerSaysMadeAt", Value: b.Time.Format(time.RFC3339Nano)}, verifier.Fact{Name: "restsOn", Value: "the key in the trust file"})
			name := issuer.Name
			if name == "" {
				name = issuer.ID
			}
			j.pass(verifier.CheckIssuerTrust, name)
			return
		}
	}
	j.fail(verifier.CheckSignature, reason, detail)
}

func hasKey(issuer verifier.TrustedIssuer, key ed25519.PublicKey) bool {
	for _, k := range issuer.Keys {
		if have, ok := k.Key.(ed25519.PublicKey); ok && have.Equal(key) {
			return true
		}
	}
	return false
}
