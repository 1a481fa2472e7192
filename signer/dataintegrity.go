package signer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// Contexts that the proofs of documents of the data model 1.1 need.
const (
	contextDataIntegrity    = "https://w3id.org/security/data-integrity/v2"
	contextDataIntegrityV1  = "https://w3id.org/security/data-integrity/v1"
	contextEd25519Signature = "https://w3id.org/security/suites/ed25519-2020/v1"
	purposeAssertion        = "assertionMethod"
	purposeAuthentication   = "authentication"
)

// DataIntegrity secures documents with embedded proofs (VC Data Integrity 1.0). A value
// may be used for many documents, and by several goroutines as long as its Signer may.
type DataIntegrity struct {
	// Key signs. Required.
	Key Key

	// Suite is the name of the cryptosuite, such as proof.EdDSARDFC2022, or the proof
	// type proof.TypeEd25519Signature2020. Empty: the RDFC suite of the key's type.
	Suite string

	// Clock gives created. nil: Created is used.
	Clock func() time.Time

	// Created is the proof's created where Clock is nil. Zero: the proof has none,
	// which Ed25519Signature2020 does not allow.
	Created time.Time

	// Expires is the proof's expires, after created. Zero: none.
	Expires time.Time

	// Purpose is proofPurpose. Empty: assertionMethod for credentials, which take no
	// other, and authentication for presentations.
	Purpose string

	Domain    []string // domain; nil: none
	Challenge string   // challenge; empty: none
	Nonce     string   // nonce; empty: none

	// ID is the id of the proof, a URL; later proofs of a chain name it. Empty: none.
	ID string

	// PreviousProof names the proofs this one builds on, by their ids. nil: none.
	PreviousProof []string

	// MandatoryPointers are the JSON pointers (RFC 6901) to what every disclosure of a
	// credential secured with proof.ECDSASD2023 must contain, such as
	// /credentialSubject/achievement; one that names nothing is an error. nil: none but
	// those that decide about the credential, which are always added where they are
	// there: /type, /issuer, /validFrom, /validUntil, /credentialStatus, /relatedResource,
	// and of the data model 1.1 /issuanceDate and /expirationDate. Other suites take none.
	MandatoryPointers []string

	// InsecureOnlyMandatoryPointers leaves MandatoryPointers as they are. Then a holder
	// can leave out the end of validity and the status of a credential, and verifiers
	// find it valid for ever. The zero value adds what decides.
	InsecureOnlyMandatoryPointers bool

	// Contexts are the known JSON-LD contexts (chancery.Contexts). nil: the embedded ones.
	Contexts *chancery.ContextSet
}

// Sign secures a credential that has no proof. The credential's bytes are kept; the
// proof is added at the end. To one of the data model 1.1 (and to any, for
// Ed25519Signature2020) the context that defines the proof is added where it is
// missing.
//
// Errors: ErrConfig; ErrKey, where the issuer is a did:key or did:jwk of another key, and
// with proof.ErrKeyType where the suite asks for another key;
// ErrSecured; ErrSigning; chancery.ShapeErrors; those of package proof, among them
// *proof.JSONLDError with a pointer to the place; that of ctx.
func (s *DataIntegrity) Sign(ctx context.Context, c *chancery.Credential) (chancery.Secured, error) {
	if c == nil || c.Document() == nil {
		return chancery.Secured{}, errNothing
	}
	if c.HasProof() {
		return chancery.Secured{}, ErrSecured
	}
	if err := chancery.CheckIssue(c); err != nil {
		return chancery.Secured{}, err
	}
	if err := s.Key.signsFor(c.Issuer()); err != nil {
		return chancery.Secured{}, err
	}
	return s.secure(ctx, c.Document(), purposeAssertion, chancery.MediaVC, true)
}

// SignPresentation secures a presentation that has no proof, as Sign does.
func (s *DataIntegrity) SignPresentation(ctx context.Context, p *chancery.Presentation) (chancery.Secured, error) {
	if p == nil || p.Document() == nil {
		return chancery.Secured{}, errNothing
	}
	if p.HasProof() {
		return chancery.Secured{}, ErrSecured
	}
	return s.secure(ctx, p.Document(), purposeAuthentication, chancery.MediaVP, true)
}

// Add secures a document once more: the new proof stands beside those that are there
// (a proof set), or builds on those that PreviousProof names (a chain). Nothing else in
// the document changes, so the other proofs stay as good as they are.
func (s *DataIntegrity) Add(ctx context.Context, secured chancery.Secured) (chancery.Secured, error) {
	d, err := strictjson.Parse(secured.Bytes, strictjson.Limits{})
	if err != nil {
		return chancery.Secured{}, err
	}
	if _, err := proof.Proofs(d); err != nil {
		return chancery.Secured{}, err
	}
	switch secured.MediaType {
	case chancery.MediaVC:
		c, err := chancery.Parse(secured.Bytes)
		if err != nil {
			return chancery.Secured{}, err
		}
		if err := chancery.CheckIssue(c); err != nil {
			return chancery.Secured{}, err
		}
		return s.secure(ctx, d, purposeAssertion, secured.MediaType, false)
	case chancery.MediaVP:
		if _, err := chancery.ParsePresentation(secured.Bytes); err != nil {
			return chancery.Secured{}, err
		}
		return s.secure(ctx, d, purposeAuthentication, secured.MediaType, false)
	}
	return chancery.Secured{}, fmt.Errorf("%w: expected %s or %s, found %q", ErrConfig, chancery.MediaVC, chancery.MediaVP, secured.MediaType)
}

// secure does VC Data Integrity 4.3 (Add Proof) and 4.5 (Add Proof Set/Chain).
func (s *DataIntegrity) secure(ctx context.Context, d *strictjson.Doc, purpose, media string, mayAddContext bool) (chancery.Secured, error) {
	if err := ctx.Err(); err != nil {
		return chancery.Secured{}, err
	}
	suite, err := s.suite()
	if err != nil {
		return chancery.Secured{}, err
	}
	if suite.Name() == proof.ECDSASD2023 && media != chancery.MediaVC {
		return chancery.Secured{}, fmt.Errorf("%w: expected a credential for %s", ErrConfig, proof.ECDSASD2023)
	}
	if mayAddContext {
		if d, err = withContext(d, suite); err != nil {
			return chancery.Secured{}, err
		}
	}
	if suite.Canonicalization() != proof.RDFC {
		if err := safe(d, s.Contexts); err != nil {
			return chancery.Secured{}, err
		}
	}
	created := s.Created
	if s.Clock != nil {
		created = s.Clock()
	}
	if err := s.checkProof(purpose, created); err != nil {
		return chancery.Secured{}, err
	}
	text := s.config(d, suite, purpose, created)
	config, err := proof.ParseConfig(text)
	if err != nil {
		return chancery.Secured{}, err
	}
	others, err := proof.Proofs(d)
	if err != nil && !errors.Is(err, proof.ErrNoProof) {
		return chancery.Secured{}, err
	}
	if slices.ContainsFunc(others, func(p proof.Proof) bool { return p.ID != "" && p.ID == config.ID }) {
		return chancery.Secured{}, fmt.Errorf("%w: expected an ID that no other proof has", ErrConfig)
	}
	previous, err := proof.Previous(config, others)
	if err != nil {
		return chancery.Secured{}, err
	}
	in := proof.Input{Doc: d, Proof: config, Previous: previous, Key: s.Key.Signer.Public(), Contexts: proof.Newest(s.Contexts)}
	value, err := s.proofValue(suite, in)
	if err != nil {
		return chancery.Secured{}, err
	}
	signed := string(text[:len(text)-1]) + `,"proofValue":` + strictjson.Quote(value) + `}`
	return chancery.Secured{MediaType: media, Bytes: insertProof(d, signed)}, nil
}

// proofValue hashes and signs a document with its proof configuration.
func (s *DataIntegrity) proofValue(suite proof.Suite, in proof.Input) (string, error) {
	if suite.Name() == proof.ECDSASD2023 {
		return s.baseProofValue(in)
	}
	h, err := suite.Hash(in)
	if err != nil {
		return "", err
	}
	var opts crypto.SignerOpts = crypto.Hash(0)
	if _, ok := in.Key.(*ecdsa.PublicKey); ok {
		opts = h.HashFunc
	}
	sig, err := s.Key.sign(h.Data, opts)
	if err != nil {
		return "", err
	}
	return suite.ProofValue(in.Key, sig)
}

// suite checks the configuration and returns its suite.
func (s *DataIntegrity) suite() (proof.Suite, error) {
	if err := s.Key.check(); err != nil {
		return nil, err
	}
	name := s.Suite
	if name == "" {
		name = proof.EdDSARDFC2022
		if _, ok := s.Key.Signer.Public().(*ecdsa.PublicKey); ok {
			name = proof.ECDSARDFC2019
		}
	}
	suite, ok := proof.SuiteByName(proof.TypeDataIntegrity, name)
	if name == proof.TypeEd25519Signature2020 {
		suite, ok = proof.SuiteByName(name, "")
	}
	if !ok || strings.HasPrefix(name, "eddsa-") && name != proof.EdDSARDFC2022 && name != proof.EdDSAJCS2022 {
		return nil, fmt.Errorf("%w: expected a cryptosuite for new proofs", ErrConfig)
	}
	if len(s.MandatoryPointers) > 0 && name != proof.ECDSASD2023 {
		return nil, fmt.Errorf("%w: expected MandatoryPointers with %s only: all else is disclosed as a whole", ErrConfig, proof.ECDSASD2023)
	}
	if err := suite.KeyAllowed(s.Key.Signer.Public()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return suite, nil
}

// config writes the proof configuration.
func (s *DataIntegrity) config(d *strictjson.Doc, suite proof.Suite, purpose string, created time.Time) []byte {
	if s.Purpose != "" {
		purpose = s.Purpose
	}
	b := make([]byte, 0, 512)
	add := func(name, text string) {
		b = append(append(append(append(b, ','), strictjson.Quote(name)...), ':'), text...)
	}
	quoted := func(name, value string) {
		if value != "" {
			add(name, strictjson.Quote(value))
		}
	}
	instant := func(name string, t time.Time) {
		if !t.IsZero() {
			quoted(name, t.UTC().Format(time.RFC3339))
		}
	}
	list := func(name string, values []string) {
		if len(values) == 1 {
			quoted(name, values[0])
		} else if len(values) > 1 {
			add(name, "["+strings.Join(quoteAll(values), ",")+"]")
		}
	}
	quoted("id", s.ID)
	quoted("type", suite.ProofType())
	if suite.ProofType() == proof.TypeDataIntegrity {
		quoted("cryptosuite", suite.Name())
	}
	instant("created", created)
	instant("expires", s.Expires)
	quoted("verificationMethod", s.Key.Method)
	quoted("proofPurpose", purpose)
	list("domain", s.Domain)
	quoted("challenge", s.Challenge)
	quoted("nonce", s.Nonce)
	list("previousProof", s.PreviousProof)
	if c := d.Get(0, "@context"); suite.Canonicalization() == proof.JCS && c != strictjson.None {
		add("@context", d.Raw(c)) // EdDSA Cryptosuites 3.3.1, step 2
	}
	b[0] = '{'
	return append(b, '}')
}

func quoteAll(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strictjson.Quote(v)
	}
	return out
}

// withContext adds the context that defines the proof, where it is missing.
func withContext(d *strictjson.Doc, suite proof.Suite) (*strictjson.Doc, error) {
	context := d.Get(0, "@context")
	var urls []string
	d.Each(context, func(n strictjson.Node) bool {
		urls = append(urls, d.String(n))
		return true
	})
	needed := ""
	switch {
	case suite.ProofType() == proof.TypeEd25519Signature2020:
		needed = contextEd25519Signature
	case len(urls) > 0 && urls[0] == chancery.ContextV1 && !slices.Contains(urls, contextDataIntegrityV1):
		needed = contextDataIntegrity
	}
	if needed == "" || slices.Contains(urls, needed) {
		return d, nil
	}
	old := d.Raw(context)
	if d.Kind(context) == strictjson.Array {
		end := d.Index(context, d.Len(context)-1)
		at := d.Offset(end) + len(d.Raw(end)) - d.Offset(context)
		old = old[:at] + "," + strictjson.Quote(needed) + old[at:]
	} else {
		old = "[" + old + "," + strictjson.Quote(needed) + "]"
	}
	at := d.Offset(context)
	text := d.Text()[:at] + old + d.Text()[at+len(d.Raw(context)):]
	return strictjson.Parse([]byte(text), strictjson.Limits{})
}

// insertProof adds a proof to the text of a document: as its proof, or behind those
// that are there. All other bytes stay.
func insertProof(d *strictjson.Doc, signed string) []byte {
	text := d.Text()
	member := d.Get(0, "proof")
	at, end, value := 0, 0, signed
	switch {
	case member == strictjson.None:
		var last strictjson.Node
		for c := d.First(0); c != strictjson.None; c = d.Next(c) {
			last = c
		}
		at = d.Offset(last) + len(d.Raw(last))
		end, value = at, `,"proof":`+signed
	case d.Kind(member) == strictjson.Array && d.Len(member) > 0:
		last := d.Index(member, d.Len(member)-1)
		at = d.Offset(last) + len(d.Raw(last))
		end, value = at, ","+signed
	case d.Kind(member) == strictjson.Array: // an empty list
		at = d.Offset(member)
		end = at + len(d.Raw(member))
	default:
		at = d.Offset(member)
		end = at + len(d.Raw(member))
		value = "[" + d.Raw(member) + "," + signed + "]"
	}
	out := make([]byte, 0, len(text)+len(value))
	return append(append(append(out, text[:at]...), value...), text[end:]...)
}
