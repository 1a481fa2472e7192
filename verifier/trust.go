package verifier

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/ldcontext"
)

// Trust says whom a verifier believes and what it knows without asking anyone.
// docs/formats/trust.md describes the file it is read from. It is immutable and safe
// for concurrent use.
type Trust struct {
	// Any accepts every issuer whose key is its own. Every report says so.
	Any bool
	// Issuers are those believed.
	Issuers []TrustedIssuer
	// Documents are pinned copies: DID and controller documents, key sets, status
	// lists, schemas, Open Badges 2.0 parts.
	Documents []PinnedDocument
	// Contexts are JSON-LD contexts beside the embedded ones.
	Contexts []*ldcontext.Version
	// Roots and TSARoots are certificates at which chains of PDF signatures and
	// timestamps may end.
	Roots, TSARoots []*x509.Certificate
	// Anchoring is what blockchain evidence is judged by.
	Anchoring Anchoring

	digest  string // of the file
	issuers map[string]int
	docs    map[string]int
	revoked map[string]time.Time // by digest of the key, the earliest time
}

// TrustedIssuer is an issuer and what is known of it.
type TrustedIssuer struct {
	ID   string // as credentials name it: a DID or a URL
	Name string // for people; shown instead of what the credential says
	Keys []TrustedKey
	// StatusIssuers are others who keep status lists for this issuer: by the rules, a
	// list by anyone but the credential's issuer does not count.
	StatusIssuers []string
}

// TrustedKey is the auditor's statement that a key was the issuer's in [From, Until).
//
// A proof's created, and a credential's validFrom, are claims of whoever holds the
// key: they cannot prove that a signature is older than the key's retirement. So:
//   - before From, or claimed at or after Until: the key was not the issuer's
//     (KeyOutsideValidity);
//   - the clock stands before Until: the key is in use, accepted;
//   - the clock stands at or after Until, the claimed time lies in [From, Until):
//     accepted only with History, which says that the retired key was kept safe, so
//     that claimed times may be believed; without it KeyTimeUnproven;
//   - Revoked is set: whoever stole the key writes any date, so KeyRevoked, unless a
//     proven time (timestamp, anchor) before it is at hand. It holds for the key wherever
//     it turns up: for other purposes, in other entries, as that of other issuers.
//
// Where the proof does not say when it was made, the time from which the document counts
// is taken for it. That one may lie anywhere: outside [From, Until) it is KeyTimeUnproven.
type TrustedKey struct {
	Method   string    // the verification method's URL, or a bare key id (kid); "" for any
	Purposes []string  // proof purposes it serves; empty: assertionMethod only
	From     time.Time // zero: since ever
	Until    time.Time // zero: still in use
	History  bool
	Revoked  time.Time // zero: not revoked
	Key      any       // crypto.PublicKey: ed25519.PublicKey, *ecdsa.PublicKey, *rsa.PublicKey

	digest string
}

// PinnedDocument is a copy of what lay, or lies, at a URL.
type PinnedDocument struct {
	URL       string
	Kind      string // one of the Kind… constants
	Document  []byte
	FetchedAt time.Time // when these bytes were current; zero where not known

	digest string
}

// Anchoring is what evidence on a blockchain is judged by.
type Anchoring struct {
	Chains            []TrustedChain
	Checkpoints       []Checkpoint
	Committees        []Committee
	CommitteesName    string // how reports name Committees, such as "table 14 of release 1.2"
	BeaconCheckpoints []BeaconCheckpoint
}

// TrustedChain is a blockchain, and who may anchor on it.
type TrustedChain struct {
	ChainID     uint64
	Name        string // for people; may be empty
	GenesisHash [32]byte
	Senders     [][20]byte     // addresses whose transactions count; empty: none does
	Beacon      *BeaconNetwork // of its beacon chain; nil: mainnet's for chain 1, none for others
}

// BeaconNetwork says which beacon chain finalises a blockchain.
type BeaconNetwork struct {
	GenesisValidatorsRoot [32]byte
	Minimal               bool // the preset of small test networks, not that of mainnet
	Forks                 []BeaconFork
	KnownUntil            uint64 // first epoch of which the forks say nothing; 0: none
}

// BeaconFork is a fork of a beacon chain.
type BeaconFork struct {
	Name    string
	Epoch   uint64
	Version [4]byte
}

// BeaconCheckpoint is a beacon block root that the auditor trusts.
type BeaconCheckpoint struct {
	ChainID uint64 // of the execution chain
	Root    [32]byte
}

// Checkpoint is a block that the auditor knows to be final.
type Checkpoint struct {
	ChainID uint64
	Number  uint64
	Hash    [32]byte
	Time    time.Time // of the block; zero where not known
}

// Committee is a sync committee of the beacon chain that the auditor knows.
type Committee struct {
	ChainID uint64
	Period  uint64
	Root    [32]byte // hash tree root of the committee
}

// TrustAny returns a Trust that accepts every issuer whose key is its own.
func TrustAny() *Trust { return &Trust{Any: true} }

// prepare returns a copy with its tables made, for a Trust that was made in code or
// read from a file alike. Errors name a document that is there twice or a key of a
// type that is not taken.
func (t *Trust) prepare() (*Trust, error) {
	out := *t
	out.Issuers = slices.Clone(t.Issuers)
	out.Documents = slices.Clone(t.Documents)
	out.issuers = make(map[string]int, len(out.Issuers))
	out.docs = make(map[string]int, len(out.Documents))
	out.revoked = map[string]time.Time{}
	for i := range out.Issuers {
		issuer := &out.Issuers[i]
		if _, twice := out.issuers[issuer.ID]; twice || issuer.ID == "" {
			return nil, fmt.Errorf("verifier: trust: expected each issuer once and with an id, found %q", issuer.ID)
		}
		out.issuers[issuer.ID] = i
		issuer.Keys = slices.Clone(issuer.Keys)
		for k := range issuer.Keys {
			if issuer.Keys[k].digest = keyDigest(issuer.Keys[k].Key); issuer.Keys[k].digest == "" {
				return nil, fmt.Errorf("verifier: trust: expected an Ed25519, P-256, P-384, P-521 or RSA key for issuer %q, found %T", issuer.ID, issuer.Keys[k].Key)
			}
			out.revoke(issuer.Keys[k])
		}
	}
	for i := range out.Documents {
		d := &out.Documents[i]
		d.digest = digestOf(d.Document)
		if _, twice := out.docs[d.Kind+" "+d.URL]; twice {
			return nil, fmt.Errorf("verifier: trust: expected each document once, found two of kind %s at %q", d.Kind, d.URL)
		}
		out.docs[d.Kind+" "+d.URL] = i
	}
	return &out, nil
}

// revoke notes a key that is revoked.
func (t *Trust) revoke(k TrustedKey) {
	if at, ok := t.revoked[k.digest]; !k.Revoked.IsZero() && (!ok || k.Revoked.Before(at)) {
		t.revoked[k.digest] = k.Revoked
	}
}

// issuer finds what is known of an issuer.
func (t *Trust) issuer(id string) (TrustedIssuer, bool) {
	i, ok := t.issuers[id]
	if !ok {
		return TrustedIssuer{}, false
	}
	return t.Issuers[i], true
}

func (t *Trust) empty() bool {
	pinsBlock := func(d PinnedDocument) bool { return d.Kind == KindBitcoinHeader || d.Kind == KindEthereumHeader }
	return !t.Any && len(t.Issuers) == 0 && len(t.Roots) == 0 && len(t.Anchoring.Chains) == 0 && !slices.ContainsFunc(t.Documents, pinsBlock)
}

// Digest returns "sha-256:" and the hex digest of the trust file, "" for one made in
// code.
func (t *Trust) Digest() string { return t.digest }
