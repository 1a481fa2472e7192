package verifier

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// TrustError says what is wrong with a trust file, and where.
type TrustError struct {
	Pointer string // JSON pointer of the place
	Detail  string
}

func (e *TrustError) Error() string {
	return fmt.Sprintf("verifier: trust file: %s at %q", e.Detail, e.Pointer)
}

// ParseTrust reads a trust file (docs/formats/trust.md): strict JSON of at most 64 MB.
// Unknown members, times without zone, keys that cannot be read and contexts whose
// digest does not fit are refused. Errors are *TrustError or
// *chancery.JSONError.
func ParseTrust(b []byte) (*Trust, error) {
	doc, err := strictjson.Parse(b, strictjson.Limits{Bytes: 64 << 20, Nodes: 4_000_000})
	if err != nil {
		return nil, err
	}
	r := &trustReader{doc: doc}
	t := r.trust()
	if r.err != nil {
		return nil, r.err
	}
	sum := sha256.Sum256(b)
	t.digest = "sha-256:" + hex.EncodeToString(sum[:])
	return t, nil
}

// Kinds of pinned documents.
const (
	KindController = "controller"
	KindJWKS       = "jwks"
	KindStatusList = "statusList"
	KindSchema     = "schema"
	KindBadge      = "badge"

	// KindBitcoinHeader is the header of a block of Bitcoin or Litecoin, 80 bytes in hex
	// as text. Its URL is {network}:{height}, such as bitcoin:358391; the networks are
	// bitcoin, bitcoin-testnet, bitcoin-regtest and litecoin.
	KindBitcoinHeader = "bitcoinHeader"
	// KindEthereumHeader is the RLP of an execution block's header in hex, as text. Its
	// URL is eip155:{chain id}:{number}.
	KindEthereumHeader = "ethereumHeader"
)

var pinnedKinds = []string{KindController, KindJWKS, KindStatusList, KindSchema, KindBadge, KindBitcoinHeader, KindEthereumHeader}

// trustReader reads with the first error kept, so that the format stands in one piece.
type trustReader struct {
	doc *strictjson.Doc
	err error
}

func (r *trustReader) fail(n strictjson.Node, format string, args ...any) {
	if r.err == nil {
		r.err = &TrustError{Pointer: r.doc.Pointer(n), Detail: fmt.Sprintf(format, args...)}
	}
}

// object checks that n is an object with no other members than those allowed.
func (r *trustReader) object(n strictjson.Node, allowed ...string) {
	if r.doc.Kind(n) != strictjson.Object {
		r.fail(n, "expected an object, found %s", r.doc.Kind(n))
		return
	}
	for c := r.doc.First(n); c != strictjson.None; c = r.doc.Next(c) {
		if !slices.Contains(allowed, r.doc.Name(c)) {
			r.fail(c, "expected one of %s, found an unknown member", strings.Join(allowed, ", "))
		}
	}
}

// list calls f for each element of an optional array.
func (r *trustReader) list(n strictjson.Node, f func(strictjson.Node)) {
	switch r.doc.Kind(n) {
	case strictjson.Invalid:
		return
	case strictjson.Array:
	default:
		r.fail(n, "expected a list, found %s", r.doc.Kind(n))
		return
	}
	for c := r.doc.First(n); c != strictjson.None && r.err == nil; c = r.doc.Next(c) {
		f(c)
	}
}

func (r *trustReader) text(parent strictjson.Node, name string, required bool) string {
	n := r.doc.Get(parent, name)
	s, ok := r.doc.Str(n)
	switch {
	case n == strictjson.None && required:
		r.fail(parent, "expected the member %s", name)
	case n != strictjson.None && (!ok || s == ""):
		r.fail(n, "expected a string that is not empty")
	}
	return s
}

func (r *trustReader) flag(parent strictjson.Node, name string) bool {
	n := r.doc.Get(parent, name)
	v, ok := r.doc.Bool(n)
	if n != strictjson.None && !ok {
		r.fail(n, "expected true or false, found %s", r.doc.Kind(n))
	}
	return v
}

func (r *trustReader) time(parent strictjson.Node, name string) time.Time {
	n := r.doc.Get(parent, name)
	if n == strictjson.None {
		return time.Time{}
	}
	t, ok := r.doc.Time(n)
	if !ok || t.IsZero() {
		r.fail(n, "expected a time with zone (RFC 3339)")
	}
	return t
}

func (r *trustReader) uint(parent strictjson.Node, name string) uint64 {
	n := r.doc.Get(parent, name)
	i, ok := r.doc.Int(n)
	if !ok || i < 0 {
		r.fail(max(n, parent), "expected the member %s, an integer of 0 or more", name)
		return 0
	}
	return uint64(i)
}

// bytes reads hex with 0x before it into out, whose length it must have.
func (r *trustReader) bytes(n strictjson.Node, at strictjson.Node, out []byte) {
	s, ok := strings.CutPrefix(r.doc.String(n), "0x")
	b, err := hex.DecodeString(s)
	if !ok || err != nil || len(b) != len(out) {
		r.fail(max(n, at), "expected %d bytes as 0x and hex digits", len(out))
		return
	}
	copy(out, b)
}

func (r *trustReader) trust() *Trust {
	t := &Trust{}
	r.object(0, "version", "any", "issuers", "documents", "contexts", "roots", "tsaRoots", "anchoring")
	if v, ok := r.doc.Int(r.doc.Get(0, "version")); r.err == nil && (!ok || v != 1) {
		r.fail(0, "expected the member version with the value 1")
	}
	t.Any = r.flag(0, "any")
	seen := map[string]bool{}
	r.list(r.doc.Get(0, "issuers"), func(n strictjson.Node) {
		issuer := r.issuer(n)
		if seen[issuer.ID] {
			r.fail(n, "expected each issuer once")
		}
		seen[issuer.ID] = true
		t.Issuers = append(t.Issuers, issuer)
	})
	r.list(r.doc.Get(0, "documents"), func(n strictjson.Node) { t.Documents = append(t.Documents, r.document(n)) })
	r.list(r.doc.Get(0, "contexts"), func(n strictjson.Node) {
		if v := r.context(n); v != nil {
			t.Contexts = append(t.Contexts, v)
		}
	})
	t.Roots = r.certificates(r.doc.Get(0, "roots"))
	t.TSARoots = r.certificates(r.doc.Get(0, "tsaRoots"))
	if n := r.doc.Get(0, "anchoring"); n != strictjson.None {
		t.Anchoring = r.anchoring(n)
	}
	return t
}

func (r *trustReader) issuer(n strictjson.Node) TrustedIssuer {
	r.object(n, "id", "name", "keys", "statusIssuers")
	issuer := TrustedIssuer{ID: r.text(n, "id", true), Name: r.text(n, "name", false)}
	r.list(r.doc.Get(n, "keys"), func(k strictjson.Node) { issuer.Keys = append(issuer.Keys, r.key(k)) })
	r.list(r.doc.Get(n, "statusIssuers"), func(s strictjson.Node) {
		id := r.doc.String(s)
		if id == "" {
			r.fail(s, "expected an identifier")
		}
		issuer.StatusIssuers = append(issuer.StatusIssuers, id)
	})
	return issuer
}

func (r *trustReader) key(n strictjson.Node) TrustedKey {
	r.object(n, "method", "purposes", "from", "until", "history", "revoked", "publicKeyMultibase", "publicKeyJwk")
	k := TrustedKey{
		Method: r.text(n, "method", false), From: r.time(n, "from"), Until: r.time(n, "until"),
		History: r.flag(n, "history"), Revoked: r.time(n, "revoked"),
	}
	r.list(r.doc.Get(n, "purposes"), func(p strictjson.Node) {
		s := r.doc.String(p)
		if !slices.Contains(knownPurposes, s) {
			r.fail(p, "expected one of %s", strings.Join(knownPurposes, ", "))
		}
		k.Purposes = append(k.Purposes, s)
	})
	if !k.Until.IsZero() && !k.Until.After(k.From) {
		r.fail(n, "expected until after from")
	}
	multibase, jwk := r.doc.Get(n, "publicKeyMultibase"), r.doc.Get(n, "publicKeyJwk")
	switch {
	case r.err != nil:
	case (multibase == strictjson.None) == (jwk == strictjson.None):
		r.fail(n, "expected either publicKeyMultibase or publicKeyJwk")
	case multibase != strictjson.None:
		key, err := multikey.Parse(r.doc.String(multibase))
		if err != nil {
			r.fail(multibase, "expected a public Multikey: %v", err)
		}
		k.Key = key
	default:
		key, err := publicJWK(r.doc, jwk)
		if err != nil {
			r.fail(jwk, "expected a public JWK: %v", err)
		}
		k.Key = key
	}
	return k
}

func (r *trustReader) document(n strictjson.Node) PinnedDocument {
	r.object(n, "url", "kind", "document", "text", "sha256", "fetchedAt")
	d := PinnedDocument{URL: r.text(n, "url", true), Kind: r.text(n, "kind", true), FetchedAt: r.time(n, "fetchedAt")}
	if r.err == nil && !slices.Contains(pinnedKinds, d.Kind) {
		r.fail(n, "expected a kind: %s", strings.Join(pinnedKinds, ", "))
	}
	value, text := r.doc.Get(n, "document"), r.doc.Get(n, "text")
	switch {
	case r.err != nil:
	case (value == strictjson.None) == (text == strictjson.None):
		r.fail(n, "expected either document, a JSON value, or text")
	case text != strictjson.None:
		d.Document = []byte(r.text(n, "text", true))
	case r.doc.Kind(value) == strictjson.String:
		r.fail(value, "expected JSON as document, found a text: a text, also one that holds JSON, goes into the member text")
	default:
		d.Document = []byte(r.doc.Raw(value))
	}
	d.digest = digestOf(d.Document)
	if sum := r.doc.Get(n, "sha256"); sum != strictjson.None && "sha-256:"+r.doc.String(sum) != d.digest && r.err == nil {
		r.fail(sum, "expected the SHA-256 of the document, %s", strings.TrimPrefix(d.digest, "sha-256:"))
	}
	return d
}

func (r *trustReader) context(n strictjson.Node) *ldcontext.Version {
	r.object(n, "url", "sha256", "document", "text")
	url := r.text(n, "url", true)
	var pinned ldcontext.Digest
	sum, err := hex.DecodeString(r.text(n, "sha256", true))
	if r.err == nil && (err != nil || len(sum) != len(pinned)) {
		r.fail(n, "expected sha256 as 64 hex digits")
	}
	if r.err != nil {
		return nil
	}
	copy(pinned[:], sum)
	text := r.doc.Raw(r.doc.Get(n, "document"))
	if t := r.doc.Get(n, "text"); t != strictjson.None {
		if text != "" {
			r.fail(n, "expected either document or text")
			return nil
		}
		text = r.text(n, "text", true)
	}
	v, err := ldcontext.NewVersion(url, []byte(text), pinned)
	if err != nil {
		r.fail(n, "%v", err)
		return nil
	}
	return v
}

func (r *trustReader) certificates(n strictjson.Node) []*x509.Certificate {
	var out []*x509.Certificate
	r.list(n, func(c strictjson.Node) {
		block, rest := pem.Decode([]byte(r.doc.String(c)))
		if block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
			r.fail(c, "expected one certificate in PEM form")
			return
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			r.fail(c, "expected a certificate that can be read")
			return
		}
		out = append(out, cert)
	})
	return out
}

func (r *trustReader) anchoring(n strictjson.Node) Anchoring {
	var a Anchoring
	r.object(n, "chains", "checkpoints", "committees", "committeesName", "beaconCheckpoints")
	r.list(r.doc.Get(n, "chains"), func(c strictjson.Node) {
		r.object(c, "chainId", "name", "genesisHash", "senders", "beacon")
		chain := TrustedChain{ChainID: r.uint(c, "chainId"), Name: r.text(c, "name", false)}
		r.bytes(r.doc.Get(c, "genesisHash"), c, chain.GenesisHash[:])
		r.list(r.doc.Get(c, "senders"), func(s strictjson.Node) {
			var address [20]byte
			r.bytes(s, s, address[:])
			chain.Senders = append(chain.Senders, address)
		})
		if b := r.doc.Get(c, "beacon"); b != strictjson.None {
			chain.Beacon = r.beacon(b)
		}
		a.Chains = append(a.Chains, chain)
	})
	r.list(r.doc.Get(n, "checkpoints"), func(c strictjson.Node) {
		r.object(c, "chainId", "number", "hash", "time")
		p := Checkpoint{ChainID: r.uint(c, "chainId"), Number: r.uint(c, "number"), Time: r.time(c, "time")}
		r.bytes(r.doc.Get(c, "hash"), c, p.Hash[:])
		a.Checkpoints = append(a.Checkpoints, p)
	})
	r.list(r.doc.Get(n, "committees"), func(c strictjson.Node) {
		r.object(c, "chainId", "period", "root")
		k := Committee{ChainID: r.uint(c, "chainId"), Period: r.uint(c, "period")}
		r.bytes(r.doc.Get(c, "root"), c, k.Root[:])
		a.Committees = append(a.Committees, k)
	})
	a.CommitteesName = r.text(n, "committeesName", false)
	r.list(r.doc.Get(n, "beaconCheckpoints"), func(c strictjson.Node) {
		r.object(c, "chainId", "root")
		p := BeaconCheckpoint{ChainID: r.uint(c, "chainId")}
		r.bytes(r.doc.Get(c, "root"), c, p.Root[:])
		a.BeaconCheckpoints = append(a.BeaconCheckpoints, p)
	})
	return a
}

func (r *trustReader) beacon(n strictjson.Node) *BeaconNetwork {
	r.object(n, "genesisValidatorsRoot", "preset", "forks", "knownUntil")
	b := &BeaconNetwork{}
	r.bytes(r.doc.Get(n, "genesisValidatorsRoot"), n, b.GenesisValidatorsRoot[:])
	switch preset := r.text(n, "preset", false); preset {
	case "", "mainnet":
	case "minimal":
		b.Minimal = true
	default:
		r.fail(n, "expected the preset mainnet or minimal")
	}
	r.list(r.doc.Get(n, "forks"), func(c strictjson.Node) {
		r.object(c, "name", "epoch", "version")
		f := BeaconFork{Name: r.text(c, "name", true), Epoch: r.uint(c, "epoch")}
		r.bytes(r.doc.Get(c, "version"), c, f.Version[:])
		b.Forks = append(b.Forks, f)
	})
	if r.doc.Get(n, "knownUntil") != strictjson.None {
		b.KnownUntil = r.uint(n, "knownUntil")
	}
	if len(b.Forks) == 0 {
		r.fail(n, "expected the member forks, not empty")
	}
	return b
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha-256:" + hex.EncodeToString(sum[:])
}
