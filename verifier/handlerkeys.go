package verifier

import (
	"context"
	"crypto"
	"maps"
	"slices"
	"time"

	"github.com/chancery-dev/chancery"
)

// MethodKey is a key that a verification method may mean, and whose it is.
type MethodKey struct {
	Key     crypto.PublicKey
	Digest  string // "sha-256:" and hex, of the key's SubjectPublicKeyInfo
	Binding Binding
	IsOwner bool   // the key is the owner's
	Reason  Reason // why the key does not count although a signature may be good; "" where it counts
	Detail  string
	Inputs  []string // digests of the documents that say so
}

// MethodKeys finds, for a Handler, the keys of a verification method that its owner uses
// to assert something, by the rules for the proofs of credentials: pinned keys first,
// then the owner's document. claimed is when the signature says it was made, proven when
// it provably existed; zero for unknown. A Reason and detail come without keys.
func (v *Verifier) MethodKeys(ctx context.Context, owner, method string, claimed, proven time.Time) ([]MethodKey, Reason, string) {
	if !v.made() {
		return nil, IssuerNotTrusted, ErrNoTrust.Error()
	}
	c := v.newRun(ctx, chancery.Secured{}, v.cfg.Clock())
	c.expect.ExistedAt = proven
	c.work = newWork()
	found, reason, detail := c.keys(keyQuery{owner: owner, method: method, purpose: purposeAssertion, claimed: claimed})
	var out []MethodKey
	for _, k := range found {
		out = append(out, MethodKey{Key: k.key, Digest: k.digest, Binding: k.binding, IsOwner: k.isOwner, Reason: k.reason, Detail: k.detail, Inputs: k.inputs})
	}
	return out, reason, detail
}

// Handing returns, for a Handler, a Verifier that hands documents of a media type to h instead:
// a document within its own may be of the same type, and has to be judged apart from it.
func (v *Verifier) Handing(media string, h Handler) *Verifier {
	if !v.made() {
		return v
	}
	out := *v
	out.cfg.Handlers = maps.Clone(v.cfg.Handlers)
	if out.cfg.Handlers == nil {
		out.cfg.Handlers = map[string]Handler{}
	}
	out.cfg.Handlers[media] = h
	return &out
}

// Beside returns, for a Handler, a Verifier that finds further documents where the trust
// file has none and no source is configured, such as those that came with evidence. Where
// there are sources they are newer, and v itself is returned.
func (v *Verifier) Beside(docs []PinnedDocument) *Verifier {
	if len(docs) == 0 || !v.made() || !v.offline() {
		return v
	}
	out := *v
	out.beside = slices.Clone(docs)
	return &out
}
