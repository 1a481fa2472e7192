package signer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/did"
	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// ErrNoBaseProof: the document has no base proof of which a part could be disclosed.
var ErrNoBaseProof = errors.New("signer: document has no base proof for selective disclosure")

// decisive are the members that decide whether a credential holds. A holder who could
// leave them out would make a revoked or expired credential valid, or show one in another
// picture, or beside another document, than the one it is bound to.
var decisive = []string{"type", "issuer", "validFrom", "validUntil", "credentialStatus", "relatedResource", "issuanceDate", "expirationDate"}

// mandatory returns the pointers of a base proof, each once.
func (s *DataIntegrity) mandatory(d *strictjson.Doc) []string {
	var out []string
	add := func(p string) {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	if !s.InsecureOnlyMandatoryPointers {
		for _, name := range decisive {
			if d.Get(0, name) != strictjson.None {
				add("/" + name)
			}
		}
	}
	for _, p := range s.MandatoryPointers {
		add(p)
	}
	return out
}

// baseProofValue makes a base proof (ECDSA Cryptosuites 3.6.1 to 3.6.5). The key that is
// scoped to it and the HMAC key are new, and the former is forgotten.
func (s *DataIntegrity) baseProofValue(in proof.Input) (string, error) {
	hmacKey := make([]byte, 32)
	rand.Read(hmacKey) // never fails
	base, err := proof.NewSDBase(in, hmacKey, s.mandatory(in.Doc))
	if err != nil {
		return "", err
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSigning, err)
	}
	scoped := Key{Signer: private}
	signatures := make([][]byte, len(base.NonMandatory))
	for i, line := range base.NonMandatory {
		if signatures[i], err = scoped.sign(line, crypto.SHA256); err != nil {
			return "", err
		}
	}
	data, err := base.SignData(&private.PublicKey)
	if err != nil {
		return "", err
	}
	sig, err := s.Key.sign(data, crypto.SHA256)
	if err != nil {
		return "", err
	}
	return base.ProofValue(sig, &private.PublicKey, signatures)
}

// Disclosure is what the holder of a credential with a base proof (proof.ECDSASD2023)
// shows of it. It needs no private key. The zero value shows what the issuer made
// mandatory, and no more.
type Disclosure struct {
	// Pointers are the JSON pointers (RFC 6901) to what is shown beside what is
	// mandatory, such as /credentialSubject/achievement/name. An object on the way is
	// shown with its id and type. nil: none.
	Pointers []string

	// IssuerKey must have made the base proof. nil: the key that the proof's own
	// verification method holds (did:key, did:jwk), and for other methods the signature
	// over what is mandatory is left to whoever verifies; those of the other statements
	// shown are checked all the same.
	IssuerKey crypto.PublicKey

	// Contexts are the known JSON-LD contexts (chancery.Contexts). nil: the embedded ones.
	Contexts *chancery.ContextSet
}

// Derive returns the credential with what is shown, under a proof derived from its one
// base proof (ECDSA Cryptosuites 3.6.6). Whoever holds the base proof can derive from it:
// it must not be shown to verifiers. Proofs of other suites are left out, since they
// cover the whole document.
//
// Derived proofs of one credential can be linked with each other, by the public key in
// them: what this suite keeps is what is left out, not who shows it.
//
// Errors: ErrNoBaseProof; proof.ErrPointer where a pointer names nothing, or a part of an
// ordered list or literal; proof.ErrSignature where document and proof do not belong
// together; those of chancery.Parse where too little is left for a credential; those of
// package proof and of JSON-LD.
func (s *Disclosure) Derive(ctx context.Context, secured chancery.Secured) (chancery.Secured, error) {
	if err := ctx.Err(); err != nil {
		return chancery.Secured{}, err
	}
	if secured.MediaType != chancery.MediaVC {
		return chancery.Secured{}, fmt.Errorf("%w: expected %s, found %s", ErrConfig, chancery.MediaVC, secured.MediaType)
	}
	d, err := strictjson.Parse(secured.Bytes, strictjson.Limits{})
	if err != nil {
		return chancery.Secured{}, err
	}
	all, err := proof.Proofs(d)
	if err != nil {
		return chancery.Secured{}, err
	}
	all = slices.DeleteFunc(all, func(p proof.Proof) bool {
		return p.Type != proof.TypeDataIntegrity || p.Cryptosuite != proof.ECDSASD2023
	})
	if len(all) != 1 {
		return chancery.Secured{}, fmt.Errorf("%w: expected one proof of %s, found %d", ErrNoBaseProof, proof.ECDSASD2023, len(all))
	}
	key, err := s.issuerKey(all[0].VerificationMethod)
	if err != nil {
		return chancery.Secured{}, err
	}
	text, err := s.derive(proof.Input{Doc: d, Proof: all[0], Key: key})
	if err != nil {
		return chancery.Secured{}, err
	}
	if _, err := chancery.Parse(text); err != nil {
		return chancery.Secured{}, fmt.Errorf("signer: what is left is no credential: %w", err)
	}
	return chancery.Secured{MediaType: secured.MediaType, Bytes: text}, nil
}

// derive derives under the newest versions of the contexts, and where document and proof
// do not fit under those, under older ones: some contexts were edited in place.
func (s *Disclosure) derive(in proof.Input) ([]byte, error) {
	set := s.Contexts
	if set == nil {
		set = ldcontext.Default()
	}
	const most = 8 // no context has more versions
	depth := 1
	in.Doc.Each(in.Doc.Get(0, "@context"), func(n strictjson.Node) bool {
		depth = min(most, max(depth, len(set.Versions(in.Doc.String(n)))))
		return true
	})
	var first error
	for age := range depth {
		in.Contexts = func(url string) *ldcontext.Version {
			if v := set.Versions(url); len(v) > 0 {
				return v[min(age, len(v)-1)]
			}
			return nil
		}
		text, err := proof.DeriveSD(in, s.Pointers)
		if err == nil {
			return text, nil
		}
		if first == nil {
			first = err
		}
		if !errors.Is(err, proof.ErrSignature) {
			break
		}
	}
	return nil, first
}

// issuerKey returns the key that must have made the base proof, nil where it is not at
// hand.
func (s *Disclosure) issuerKey(method string) (crypto.PublicKey, error) {
	if s.IssuerKey != nil || !did.IsPure(method) {
		return s.IssuerKey, nil
	}
	doc, err := did.ResolvePure(method)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	m, err := doc.Method(method, did.AssertionMethod)
	if err == nil {
		err = m.KeyErr
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return m.Key, nil
}
