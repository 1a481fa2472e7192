// Package evidence judges evidence bundles (docs/formats/evidence.md) for package
// verifier: with the keys, chains and timestamping authorities of its trust file, and
// together with the document that the evidence is about.
//
//	v, err := verifier.New(verifier.Config{Trust: trust, Clock: clock,
//		Handlers: map[string]verifier.Handler{chancery.MediaEvidence: &evidence.Handler{Document: file}}})
//	verified, err := v.Verify(ctx, chancery.Secured{Bytes: bundle})
//
// A credential, badge or PDF inside the bundle or given as Document is verified in its own
// right, with the time that the evidence proves: a signature by a key that was rotated
// out or revoked later holds.
//
// Evidence whose subject is a stamp (proof/evidence.SubjectStamp) is about bytes of any
// kind, and says of them only that they existed. If they say by themselves who made them, as a
// credential, a signed PDF or other evidence does, they are judged as well, by the Handlers of the
// Verifier, and the outcome is valid only where both are.
//
// Caveats are those of package proof/evidence. Documents that come with a bundle help
// only where no source is configured, and those of the issuer only where it has signed
// for them. A ZIP that was stamped is not opened, and proofs in the formats of others, and the JSON view
// of evidence, are bytes like any others here; the command and the service judge what is in them.
package evidence

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/proof/beacon"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
)

// Handler is a verifier.Handler for chancery.MediaEvidence. The zero value judges bundles
// that hold their document and parts. It is safe for concurrent use.
type Handler struct {
	// Document is the file that the evidence should be about. Nil: the content of the
	// bundle.
	Document []byte
	// Digest is the digest asked about, under the algorithm of the bundle's subject, by
	// callers who have no document. Nil: a document is needed.
	Digest []byte
	// Parts are detached parts of the bundle; see proof/evidence.ParseParts.
	Parts [][]byte
	// Require names the anchors that must hold, as proof/evidence.Trust.Require does. Nil:
	// those that the batch promises, and all that are there.
	Require []string
	// Known are batches whose digests the caller has from elsewhere. Nil: none.
	Known []evidence.KnownBatch
	// Revocation finds revocation data about certificates of timestamping authorities, beside
	// those that the tokens carry. Nil: those are all.
	Revocation RevocationSource
	// Cache keeps decoded sync committees between calls. Nil: each is decoded anew.
	Cache *beacon.CommitteeCache

	depth int // of stamps around what is judged
}

// RevocationSource finds revocation data, as that of package verifier/pades does: in DER, and not
// verified. Implementations may dial, and give up when ctx ends.
type RevocationSource interface {
	Revocation(ctx context.Context, cert, issuer *x509.Certificate) (ocsp, crls [][]byte, err error)
}

// Examine implements verifier.Handler.
func (h *Handler) Examine(ctx context.Context, v *verifier.Verifier, s chancery.Secured, e verifier.Expect) (*verifier.Report, error) {
	j := &judge{h: h, v: v}
	r, err := j.examine(ctx, s, e)
	if err == nil && j.result != nil && j.result.Outcome != evidence.Invalid && j.b.Subject.Type == evidence.SubjectStamp {
		err = j.stamped(ctx, e)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// ExamineProof is Examine without the verdict on the document of a stamp, which it leaves to the
// caller: to one who knows more of that document than its bytes, such as the files that it was handed over with.
func (h *Handler) ExamineProof(ctx context.Context, v *verifier.Verifier, s chancery.Secured, e verifier.Expect) (*verifier.Report, error) {
	return (&judge{h: h, v: v}).examine(ctx, s, e)
}

func (j *judge) examine(ctx context.Context, s chancery.Secured, e verifier.Expect) (*verifier.Report, error) {
	h, v := j.h, j.v
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &verifier.Report{Model: "Evidence 1"}
	b, err := evidence.Parse(s.Bytes)
	if err != nil {
		reason := verifier.EvidenceMalformed
		switch {
		case errors.Is(err, evidence.ErrUnsupported):
			reason = verifier.EvidenceUnsupported
		case errors.Is(err, evidence.ErrTooLarge):
			reason = verifier.TooLarge
		}
		r.Add(verifier.Check{ID: verifier.CheckDocument, Required: true, Reason: reason, Detail: err.Error()})
		return r, nil
	}
	keys := &keySource{ctx: ctx, v: v}
	trust := h.trust(ctx, v, keys)
	result, _ := b.Verify(evidence.Input{Document: h.Document, Digest: h.Digest, Parts: h.Parts}, trust)
	if err := ctx.Err(); err != nil {
		return nil, err // what was asked for may not have been answered
	}
	j.r, j.b, j.result, j.keys = r, b, result, keys
	j.report()
	if result.Outcome != evidence.Invalid {
		if err := j.document(ctx, e); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// ProvenTime returns the time by which the document of a bundle provably existed under
// the trust of v, zero where nothing proves one: what verifier.Expect.ExistedAt takes.
// document is the file, nil for the bundle's content.
func ProvenTime(ctx context.Context, v *verifier.Verifier, b *evidence.Bundle, document []byte, parts [][]byte) time.Time {
	h := &Handler{}
	result, err := b.Verify(evidence.Input{Document: document, Parts: parts}, h.trust(ctx, v, &keySource{ctx: ctx, v: v}))
	if err != nil {
		return time.Time{}
	}
	return result.Facts.Proven
}

// trust makes evidence trust of the verifier's.
func (h *Handler) trust(ctx context.Context, v *verifier.Verifier, keys evidence.KeySource) *evidence.Trust {
	t := v.Trust()
	out := &evidence.Trust{Now: v.Now(), Keys: keys, Timestamping: t.TSARoots, Require: h.Require, Known: h.Known}
	if h.Revocation != nil {
		out.Revocation = func(cert, issuer *x509.Certificate) ([][]byte, [][]byte) {
			ocsp, crls, err := h.Revocation.Revocation(ctx, cert, issuer)
			if err != nil {
				return nil, nil
			}
			return ocsp, crls
		}
	}
	for _, c := range t.Anchoring.Chains {
		chain := evidence.Chain{ChainID: c.ChainID, GenesisHash: c.GenesisHash, Name: c.Name, Senders: c.Senders}
		for _, p := range t.Anchoring.Checkpoints {
			if p.ChainID == c.ChainID {
				chain.Final = append(chain.Final, evidence.Block{Number: p.Number, Hash: p.Hash})
			}
		}
		chain.Beacon = h.beacon(t, c)
		out.Chains = append(out.Chains, chain)
	}
	return out
}

// beacon makes the trust by which finality packs of a chain are judged, nil for none.
func (h *Handler) beacon(t *verifier.Trust, c verifier.TrustedChain) *beacon.Trust {
	out := &beacon.Trust{TableName: t.Anchoring.CommitteesName, Cache: h.Cache}
	switch {
	case c.Beacon != nil:
		n := &beacon.Network{Name: c.Name, Preset: beacon.MainnetPreset(), ChainID: c.ChainID, GenesisHash: c.GenesisHash,
			GenesisValidatorsRoot: c.Beacon.GenesisValidatorsRoot, KnownUntil: c.Beacon.KnownUntil}
		if c.Beacon.Minimal {
			n.Preset = beacon.MinimalPreset()
		}
		for _, f := range c.Beacon.Forks {
			n.Forks = append(n.Forks, beacon.Fork{Name: f.Name, Epoch: f.Epoch, Version: f.Version})
		}
		out.Network = n
	case c.ChainID == 1:
		out.Network = beacon.Mainnet()
	default:
		return nil
	}
	for _, k := range t.Anchoring.Committees {
		if k.ChainID == c.ChainID {
			if out.Committees == nil {
				out.Committees = make(map[uint64]beacon.Root)
			}
			out.Committees[k.Period] = k.Root
		}
	}
	for _, p := range t.Anchoring.BeaconCheckpoints {
		if p.ChainID == c.ChainID {
			out.Checkpoints = append(out.Checkpoints, p.Root)
		}
	}
	return out
}

// keySource finds keys of batch headers by the verifier's rules.
type keySource struct {
	ctx    context.Context
	v      *verifier.Verifier
	inputs []string
}

// Keys implements evidence.KeySource.
func (k *keySource) Keys(q evidence.KeyQuery) ([]evidence.Key, evidence.Code, string) {
	found, reason, detail := k.v.MethodKeys(k.ctx, q.Issuer, q.Method, q.Claimed, q.Proven)
	var out []evidence.Key
	for _, m := range found {
		one := evidence.Key{Key: m.Key, Binding: string(m.Binding), Name: k.name(q.Issuer)}
		why, about := m.Reason, m.Detail
		switch {
		case why != "":
		case m.Binding == verifier.BindingSelfAsserted:
			why = verifier.IssuerSelfAsserted
		case !m.IsOwner:
			why, about = verifier.IssuerMismatch, "the key is not the issuer's"
		}
		if why != "" {
			one.Code, one.Open, one.Detail = evidence.Code(why), why.Outcome() == verifier.Indeterminate, about
		}
		for _, d := range append([]string{m.Digest}, m.Inputs...) {
			if d != "" && !slices.Contains(k.inputs, d) {
				k.inputs = append(k.inputs, d)
			}
		}
		out = append(out, one)
	}
	if len(out) == 0 {
		return nil, evidence.Code(reason), detail
	}
	return out, "", ""
}

func (k *keySource) name(issuer string) string {
	for _, i := range k.v.Trust().Issuers {
		if i.ID == issuer {
			return i.Name
		}
	}
	return ""
}

// reasonOf is the Reason of a step's code: they have the same names.
func reasonOf(s evidence.Step) verifier.Reason {
	r := verifier.Reason(s.Code)
	if s.Result == evidence.Fail && r.Outcome() != verifier.Invalid {
		return verifier.EvidenceMalformed // a code without a row of its own never passes for less than it is
	}
	return r
}

func number(n uint64) string { return fmt.Sprintf("%d", n) }
