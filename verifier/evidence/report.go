package evidence

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
)

// judge turns the result on one bundle into a report.
type judge struct {
	h      *Handler
	v      *verifier.Verifier
	r      *verifier.Report
	b      *evidence.Bundle
	result *evidence.Result
	keys   *keySource
}

// groups says which check a step belongs to.
var groups = map[string]string{
	"trust": verifier.CheckDocument, "decode": verifier.CheckDocument, "parts": verifier.CheckDocument, "subject": verifier.CheckDocument,
	"signature": verifier.CheckSignature, "timestamp": verifier.CheckTimestamp, "renewal": verifier.CheckTimestamp,
}

// report adds the checks of the evidence itself, in the order of verifier's constants.
func (j *judge) report() {
	r, h := j.r, &j.b.Header
	r.Types, r.ID = []string{j.b.Subject.Type}, j.b.Subject.DigestAlg+":"+hex.EncodeToString(j.b.Subject.Digest)
	r.Issuer = verifier.Party{ID: h.Issuer, Name: j.keys.name(h.Issuer)}
	r.TrustInputs = append(r.TrustInputs, j.keys.inputs...)
	for _, id := range []string{verifier.CheckDocument, verifier.CheckSignature, verifier.CheckIssuerBinding, verifier.CheckIssuerTrust, verifier.CheckAnchor, verifier.CheckTimestamp} {
		switch id {
		case verifier.CheckIssuerBinding:
			if s := j.result.Facts.Signed; s != nil {
				r.Binding = verifier.Binding(s.Binding)
				r.Add(verifier.Check{ID: id, Result: verifier.Pass, Required: true, Detail: s.Binding})
			}
		case verifier.CheckIssuerTrust:
			j.issuerTrust()
		default:
			j.group(id)
		}
	}
	for _, e := range j.b.Ignored {
		r.Findings = append(r.Findings, verifier.Finding{Grade: verifier.GradeNote, Code: "evidence_extension", Pointer: "/" + e.Name, Message: "a member that proves nothing and was not read"})
	}
}

func (j *judge) issuerTrust() {
	t, id := j.v.Trust(), j.b.Header.Issuer
	c := verifier.Check{ID: verifier.CheckIssuerTrust, Required: true, Detail: id}
	switch {
	case slices.ContainsFunc(t.Issuers, func(i verifier.TrustedIssuer) bool { return i.ID == id }):
		c.Result = verifier.Pass
	case t.Any:
		c.Result, c.Detail = verifier.Pass, "any issuer is trusted"
	default:
		c.Reason = verifier.IssuerNotTrusted
	}
	j.r.Add(c)
}

// group makes one check of the steps that belong to it: the gravest decides.
func (j *judge) group(id string) {
	c := verifier.Check{ID: id, Result: verifier.Pass, Evidence: j.facts(id)}
	var details []string
	seen, failed, open, loose := false, false, false, false
	for _, s := range j.result.Steps {
		group, ok := groups[s.Name]
		if !ok {
			group = verifier.CheckAnchor
		}
		if group != id {
			continue
		}
		seen = true
		c.Required = c.Required || s.Required
		switch {
		case s.Result == evidence.Fail && !failed:
			failed, c.Required = true, true
			c.Reason, details = reasonOf(s), []string{"step " + s.Number + ": " + s.Detail}
		case failed || s.Result == evidence.Pass && (open || loose):
		case s.Result == evidence.Undecided && s.Required && !open:
			open = true
			c.Reason, details = reasonOf(s), []string{"step " + s.Number + ": " + s.Detail}
		case s.Result == evidence.Undecided && !s.Required && !open:
			loose = true
			details = append(details, "step "+s.Number+", not required: "+s.Detail)
		case s.Result == evidence.Skipped && !open:
			details = append(details, s.Name+": "+s.Detail)
		}
	}
	switch {
	case !seen && id == verifier.CheckTimestamp:
		c.Result, c.Detail = verifier.Skipped, "the evidence holds no timestamp"
	case !seen:
		c.Result, c.Required, c.Detail = verifier.Skipped, true, "an earlier step failed"
	case c.Reason != "":
		c.Result = verifier.Undecided
	case loose && len(c.Evidence) == 0:
		c.Result, c.Required = verifier.Undecided, false
	}
	if len(details) > 0 {
		c.Detail = strings.Join(details, "; ")
	}
	j.r.Add(c)
}

// facts are those that the passed steps of a check establish, each with its source.
func (j *judge) facts(id string) []verifier.Fact {
	var out []verifier.Fact
	add := func(name, value string) { out = append(out, verifier.Fact{Name: name, Value: value}) }
	f := &j.result.Facts
	switch id {
	case verifier.CheckSignature:
		if s := f.Signed; s != nil {
			add("signedBy", s.Issuer)
			add("method", s.Method)
			add("algorithm", s.Alg)
			add("claimedTime", instant(s.Claimed))
		}
	case verifier.CheckAnchor:
		if j.result.Outcome != evidence.Invalid {
			add("batchDigest", "0x"+hex.EncodeToString(j.result.Digest[:]))
		}
		if i := f.Included; i != nil {
			add("included", fmt.Sprintf("index %d of %d, batch %d", i.Index, i.Size, i.Seq))
			add("trees", strings.Join(i.Trees, ", "))
		}
		for _, c := range f.OnChain {
			add("chain", fmt.Sprintf("%s, chain id %d", c.Network, c.ChainID))
			add("genesis", "0x"+hex.EncodeToString(c.GenesisHash[:]))
			add("block", fmt.Sprintf("%d, 0x%x", c.BlockNumber, c.BlockHash))
			add("transaction", fmt.Sprintf("0x%x, index %d", c.TxHash, c.TxIndex))
			add("sender", fmt.Sprintf("0x%x", c.Sender))
			add("final", c.Trust)
			if c.Final != nil {
				add("signers", fmt.Sprintf("%d of %d", c.Final.Signers, c.Final.CommitteeSize))
				add("trustRoot", c.Final.Trust)
			}
		}
		for _, l := range f.Listed {
			add("listedBy", "batch "+number(l.Seq))
		}
		for _, e := range f.Existed {
			if e.Source == "block" {
				add("existedBefore", instant(e.Time)+", by "+e.RestsOn)
			}
		}
	case verifier.CheckTimestamp:
		for _, e := range f.Existed {
			if e.Source != "block" {
				add("existedBefore", instant(e.Time)+", by "+e.RestsOn+" ("+e.Source+")")
				add("revocation", e.Authority)
			}
		}
	}
	return out
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// document judges the document that the evidence is about.
func (j *judge) document(ctx context.Context, e verifier.Expect) error {
	doc := j.about()
	kind := j.b.Subject.Type
	if doc == nil || kind == evidence.SubjectStamp {
		j.expectNothing(e)
		return nil
	}
	s, err := chancery.Detect(doc)
	if err != nil || !fits(kind, s.MediaType) {
		j.r.Add(verifier.Check{ID: verifier.CheckInner, Required: true, Reason: verifier.EvidenceDocumentMismatch, Detail: "the document is not a " + kind})
		return nil
	}
	e.ExistedAt = j.result.Facts.Proven
	if j.result.Facts.Included == nil || j.result.Facts.Signed == nil {
		e.ExistedAt = time.Time{}
	}
	inner := j.v.Beside(j.material())
	var report *verifier.Report
	found, err := inner.VerifyExpecting(ctx, s, e)
	var refused *verifier.Error
	switch {
	case err == nil:
		report = found.Report()
	case errors.As(err, &refused):
		report = refused.Report
	default:
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	j.inner(kind, report)
	return nil
}

// inner takes over what the document's own report says of it.
func (j *judge) inner(kind string, in *verifier.Report) {
	r := j.r
	r.Sub = append(r.Sub, verifier.SubReport{Relation: kind, Pointer: "/content", Report: in})
	r.ID, r.Types, r.Subject, r.ValidFrom, r.ValidUntil, r.Lifecycle = in.ID, in.Types, in.Subject, in.ValidFrom, in.ValidUntil, in.Lifecycle
	if in.Issuer.ID != "" {
		r.Issuer = in.Issuer
	}
	r.Contexts = append(r.Contexts, in.Contexts...)
	for _, d := range in.TrustInputs {
		if !slices.Contains(r.TrustInputs, d) {
			r.TrustInputs = append(r.TrustInputs, d)
		}
	}
	for _, name := range in.Insecure {
		if !slices.Contains(r.Insecure, name) {
			r.Insecure = append(r.Insecure, name)
		}
	}
	c := verifier.Check{ID: verifier.CheckInner, Required: true, Detail: kind + ": " + in.Outcome.String()}
	switch in.Outcome {
	case verifier.Valid:
		c.Result = verifier.Pass
	case verifier.Invalid:
		c.Reason, c.Detail = verifier.InnerInvalid, kind+": "+string(in.Reason)
	default:
		c.Reason, c.Detail = verifier.InnerIndeterminate, kind+": "+string(in.Reason)
	}
	r.Add(c)
}

// expectNothing lets expectations fail that there is no document to compare with.
func (j *judge) expectNothing(e verifier.Expect) {
	reason := verifier.Reason("")
	switch {
	case e.Domain != "":
		reason = verifier.DomainMismatch
	case e.Challenge != "":
		reason = verifier.ChallengeMismatch
	case e.Recipient.Identity != "":
		reason = verifier.RecipientMismatch
	default:
		return
	}
	j.r.Add(verifier.Check{ID: verifier.CheckInner, Required: true, Reason: reason, Detail: "the evidence is about a digest alone"})
}

// fits tells whether a document of a media type can be a subject of a type.
func fits(kind, mediaType string) bool {
	switch kind {
	case evidence.SubjectCredential, evidence.SubjectStatusList:
		return mediaType == chancery.MediaVC || mediaType == chancery.MediaJWT || mediaType == chancery.MediaJSON
	case evidence.SubjectPresentation:
		return mediaType == chancery.MediaVP || mediaType == chancery.MediaJWT
	case evidence.SubjectBadge:
		return mediaType == chancery.MediaPNG || mediaType == chancery.MediaSVG
	case evidence.SubjectPDF:
		return mediaType == chancery.MediaPDF
	}
	return false
}

// material returns the documents of the bundle that may be used. Status lists prove
// themselves, or are not believed by the verifier. Others count where the issuer, who must
// be trusted, signed for them in the batch header; documents that hold keys, and those of
// badges, where they are the issuer's own.
func (j *judge) material() []verifier.PinnedDocument {
	var out []verifier.PinnedDocument
	trusted, _ := j.r.Check(verifier.CheckIssuerTrust)
	signed := j.result.Facts.Signed != nil && trusted.Result == verifier.Pass
	for _, m := range j.b.Attach(j.h.Parts).Material {
		listed := signed && slices.ContainsFunc(j.b.Header.Material, func(d []byte) bool { return string(d) == string(m.SHA256[:]) })
		issuer := j.b.Header.Issuer
		switch {
		case m.Bytes == nil:
			continue
		case m.Kind == verifier.KindStatusList:
		case !listed:
			continue
		case m.Kind == verifier.KindController && m.URL != issuer:
			continue
		case m.Kind == verifier.KindBadge && (host(issuer) == "" || host(m.URL) != host(issuer)):
			continue
		case m.Kind == verifier.KindJWKS && (host(issuer) == "" || m.URL != "https://"+host(issuer)+"/.well-known/jwks.json"):
			continue
		case m.Kind == "context":
			continue // contexts are known by their digests, or from the trust file
		}
		out = append(out, verifier.PinnedDocument{URL: m.URL, Kind: m.Kind, Document: m.Bytes})
	}
	return out
}

// host is the authority of an https URL, "" for others.
func host(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.User != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}
