package evidence

import (
	"crypto"
	"crypto/x509"
	"time"

	"github.com/chancery-dev/chancery/proof/beacon"
)

// Input is what is given beside the bundle.
type Input struct {
	// Document is the file that the evidence should be about. Nil: the bundle's own
	// content, if it has any.
	Document []byte
	// Digest is the digest that the reader asks about, under the subject's algorithm, for
	// readers who do not have the document. Nil: a document is needed.
	Digest []byte
	// Parts are detached parts, in any order.
	Parts [][]byte
}

// Trust is what the reader knew beforehand. It is only read.
type Trust struct {
	// Now is the time to judge at. Required: nothing is valid at the zero time.
	Now time.Time
	// Keys finds the keys of issuers. Nil: none is known.
	Keys KeySource
	// Chains are those believed. None: no anchor on a chain is.
	Chains []Chain
	// Timestamping are the certificates at which chains of timestamping authorities may
	// end. None: no timestamp is believed.
	Timestamping []*x509.Certificate
	// Revocation finds OCSP responses and CRLs in DER about certificates of timestamping
	// authorities, beside those in the tokens. What it returns is verified before it is used; it
	// returns nothing where there is nothing. It is called at most once for a certificate. Nil:
	// what the tokens bring along, where they bring any, is all.
	Revocation func(cert, issuer *x509.Certificate) (ocsp, crls [][]byte)
	// Require names the anchors that must have passed: PromiseTimestamp, PromiseChain.
	// Nil: those that the batch header promises, and every one that the bundle holds.
	// Empty: any one.
	Require []string
	// Known are batches whose digests the reader has from elsewhere.
	Known []KnownBatch
}

// Chain is an EVM chain.
type Chain struct {
	ChainID     uint64
	GenesisHash [32]byte
	Name        string // shown in reports; "": "eip155:<chain id>"
	// Senders are the addresses whose transactions count. None: none does.
	Senders [][20]byte
	// Final are blocks that the reader knows to be final.
	Final []Block
	// Beacon is the trust by which finality packs are judged. Nil: they are not.
	Beacon *beacon.Trust
}

// Block names a block of a chain.
type Block struct {
	Number uint64
	Hash   [32]byte
}

// KnownBatch is a batch that the reader has seen.
type KnownBatch struct {
	Issuer string
	Tenant []byte
	Seq    uint64
	Digest [32]byte
}

// KeyQuery asks for the key of a batch header's signature.
type KeyQuery struct {
	Issuer  string
	Method  string
	Claimed time.Time // batchHeader.time
	Proven  time.Time // by when the signature provably existed; zero: nothing proves it
	Now     time.Time
}

// Key is an issuer's key.
type Key struct {
	Key     crypto.PublicKey // ed25519.PublicKey, *ecdsa.PublicKey or *rsa.PublicKey
	Name    string           // of the issuer, for people; may be empty
	Binding string           // how the key is tied to the issuer, such as "pinnedKey"
	// Code says why the key does not count although the signature may be good, such as
	// KeyOutside or KeyRevoked. "" where it counts.
	Code   Code
	Open   bool // Code leaves the question open
	Detail string
}

// KeySource finds keys and judges the time of their use. Where there are none, a Code,
// or the zero Code, which means IssuerUnknown, says why: the question is then open.
type KeySource interface {
	Keys(q KeyQuery) (keys []Key, none Code, detail string)
}

// PinnedKeys is a KeySource: keys that the reader knows.
type PinnedKeys []PinnedKey

// PinnedKey is the statement that a key was the issuer's in [From, Until).
type PinnedKey struct {
	Issuer  string
	Method  string // verification method; "": any
	Name    string // of the issuer, for people
	Key     crypto.PublicKey
	From    time.Time // zero: since ever
	Until   time.Time // zero: still in use
	Revoked time.Time // zero: not revoked
}

// Keys implements KeySource.
func (p PinnedKeys) Keys(q KeyQuery) ([]Key, Code, string) {
	var out []Key
	for _, k := range p {
		if k.Issuer != q.Issuer || k.Method != "" && k.Method != q.Method {
			continue
		}
		one := Key{Key: k.Key, Name: k.Name, Binding: "pinnedKey"}
		one.Code, one.Detail = k.judge(q)
		one.Open = one.Code.Open()
		out = append(out, one)
	}
	return out, IssuerUnknown, "no key is pinned for the issuer and the verification method"
}

func (k *PinnedKey) judge(q KeyQuery) (Code, string) {
	before := func(end time.Time) bool { return !q.Proven.IsZero() && q.Proven.Before(end) }
	switch {
	case !k.Revoked.IsZero() && !before(k.Revoked):
		return KeyRevoked, "the key was revoked, and nothing proves that the signature is older"
	case q.Claimed.Before(k.From) || !k.Until.IsZero() && !q.Claimed.Before(k.Until):
		return KeyOutside, "the batch claims a time at which the key was not in use"
	case !k.Until.IsZero() && !q.Now.Before(k.Until) && !before(k.Until):
		return KeyTimeUnproven, "the key is out of use, and nothing proves that the signature is older"
	}
	return "", ""
}
