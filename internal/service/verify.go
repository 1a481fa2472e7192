package service

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/verifying"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
	evidencehandler "github.com/chancery-dev/chancery/verifier/evidence"
)

// maxRounds bounds how often a document is judged again because an issuer was learnt.
const maxRounds = 4

// judged makes a report on what f judges, with the issuers that it names known as they are
// now. An error is a fault on our side.
func (s *Service) judged(ctx context.Context, f func(*trustState) (*verifier.Report, error)) (*verifier.Report, error) {
	for round := 1; ; round++ {
		state := s.trust.state.Load()
		report, err := f(state)
		if err != nil {
			return nil, err
		}
		sealers, err := s.sealers(ctx, report)
		if err != nil {
			return nil, err
		}
		ids := issuersOf(report, sealers, 0)
		lacking := round == 1 && lacksKey(report, 0)
		if lacking { // another process may have added it since
			if wait := s.trust.outdate(ids, report.EvaluatedAt, s.now()); wait > 0 {
				if err := pause(ctx, wait); err != nil {
					return nil, err
				}
				s.trust.outdate(ids, report.EvaluatedAt, s.now().Add(readApart))
			}
		}
		changed, err := s.learn(ctx, ids)
		if err != nil {
			return nil, err
		}
		// Where several wait, the first of them reads for all.
		changed = changed || lacking && s.trust.state.Load() != state
		if !changed || round == maxRounds {
			setOffline(report, s.c.Online == nil, 0)
			return report, nil
		}
	}
}

// pause waits, unless the work is to end.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lacksKey reports whether a key was not among those of its issuer.
func lacksKey(r *verifier.Report, depth int) bool {
	if r == nil || depth > 8 || r.Outcome == verifier.Valid {
		return false
	}
	return hasReason(r, verifier.MethodNotFound) || slices.ContainsFunc(r.Sub, func(sub verifier.SubReport) bool { return lacksKey(sub.Report, depth+1) })
}

func hasReason(r *verifier.Report, reason verifier.Reason) bool {
	return slices.ContainsFunc(r.Checks, func(c verifier.Check) bool { return c.Reason == reason })
}

// issuersOf collects the issuers that a report and those within it speak of.
func issuersOf(r *verifier.Report, to []string, depth int) []string {
	if r == nil || depth > 8 || len(to) > 256 {
		return to
	}
	to = append(to, r.Issuer.ID)
	for _, p := range r.Proofs {
		if p.Controller != r.Issuer.ID {
			to = append(to, p.Controller)
		}
	}
	for _, sub := range r.Sub {
		to = issuersOf(sub.Report, to, depth+1)
	}
	return to
}

// setOffline says whether anything could have been fetched: what the store holds is at
// hand.
func setOffline(r *verifier.Report, offline bool, depth int) {
	if r == nil || depth > 8 {
		return
	}
	r.Offline = offline
	for _, sub := range r.Sub {
		setOffline(sub.Report, offline, depth+1)
	}
}

// judge judges one document by itself.
func (s *Service) judge(ctx context.Context, secured chancery.Secured) (*verifier.Report, error) {
	return s.judged(ctx, func(t *trustState) (*verifier.Report, error) {
		return reportOf(t.verifier.Verify(ctx, secured))
	})
}

func reportOf(verified *verifier.Verified, err error) (*verifier.Report, error) {
	if err == nil {
		return verified.Report(), nil
	}
	var rejected *verifier.Error
	if errors.As(err, &rejected) {
		if rejected.Reason == verifier.Canceled {
			return nil, context.Canceled
		}
		return rejected.Report, nil
	}
	return nil, err
}

// verdict makes a verdict of a report.
func verdict(r *verifier.Report) Verdict {
	return Verdict{Report: r, Lifecycle: State(r.Lifecycle), Subject: r.Subject, Issuer: Named{ID: r.Issuer.ID, Name: r.Issuer.Name}}
}

// VerifyID implements Verifying.
func (s *Service) VerifyID(ctx context.Context, publicID, source string) (Verdict, error) {
	scope, state, err := s.readPublic(ctx, publicID)
	if IsNotFound(err) {
		v := verdict(verifier.NewNotFound(s.now()))
		s.logVerdict(Scope{}, "", "", "id", v, source)
		return v, nil
	}
	if err != nil {
		return Verdict{}, err
	}
	v, err := s.verifyState(ctx, scope, state)
	if err == nil {
		s.logVerdict(scope, state.stored.ID, "", "id", v, source)
	}
	return v, err
}

// verifyState judges the signed bytes of a stored credential anew, and what the register
// says beside them.
func (s *Service) verifyState(ctx context.Context, scope Scope, state *credentialState) (Verdict, error) {
	vc, ok := vcOf(state.artifacts)
	if !ok || vc.Bytes == nil { // erased: nothing is left to judge
		v := verdict(verifier.NewNotFound(s.now()))
		v.Lifecycle, v.Environment = lifecycle(state.stored, s.now()), scope.Environment
		return v, nil
	}
	secured := chancery.Secured{MediaType: chancery.MediaVC, Bytes: vc.Bytes}
	report, err := s.judge(ctx, secured)
	if issued := state.stored.State == StateIssued; err == nil && (report.Outcome == verifier.Valid && !issued || report.Reason == verifier.CredentialRevoked && issued) {
		// Another process has published the list since it was read here.
		s.trust.dropList(s.listURL(state.stored.ListID, purposeRevocation))
		report, err = s.judge(ctx, secured)
	}
	if err != nil {
		return Verdict{}, err
	}
	// The row is not believed: what was signed has to be the credential of this address.
	bound := verifier.Check{ID: verifier.CheckBadgeBinding, Result: verifier.Pass, Required: true, Detail: "the credential is the one of this address"}
	if report.ID != s.credentialURL(state.stored.PublicID) || report.Digest != "sha-256:"+state.stored.Digest {
		bound = verifier.Check{ID: verifier.CheckBadgeBinding, Required: true, Reason: verifier.RelatedResourceMismatch, Detail: "the stored credential is not the one of this address"}
	}
	report.Add(bound)
	s.addAnchor(ctx, scope, state, report, vc.Bytes)
	report.Decide()
	refine(report, state.stored.State)
	v := verdict(report)
	v.Lifecycle, v.Environment = lifecycle(state.stored, s.now()), scope.Environment
	if state.body.Visibility != visiblePublic {
		v.hide()
	} else if report.ID == s.credentialURL(state.stored.PublicID) {
		v.Subject.Name = state.stored.RecipientName
		v.Report.Subject.Name = v.Subject.Name
	}
	return v, nil
}

// hide leaves out who the credential is about.
func (v *Verdict) hide() {
	v.Hidden, v.Subject, v.Report.Subject = true, verifier.Party{Type: v.Subject.Type}, verifier.Party{Type: v.Subject.Type}
}

// refine tells suspended from revoked: the list that the credential names says only that it
// does not hold.
func refine(r *verifier.Report, state State) {
	if state != StateSuspended || r.Lifecycle != verifier.Revoked {
		return
	}
	r.Lifecycle = verifier.Suspended
	for i := range r.Checks {
		if r.Checks[i].Reason == verifier.CredentialRevoked {
			r.Checks[i].Reason = verifier.CredentialSuspended
		}
	}
	for _, sub := range r.Sub { // the one inside a page, or inside evidence
		if sub.Report != nil && sub.Report.ID == r.ID {
			refine(sub.Report, state)
		}
	}
	r.Decide()
}

// addAnchor adds how the anchor is judged. It is required for nothing: a credential holds
// without. Where its evidence proves that it is older than a key's compromise, it is judged
// by that.
func (s *Service) addAnchor(ctx context.Context, scope Scope, state *credentialState, report *verifier.Report, vc []byte) {
	skip := func(detail string) {
		report.Add(verifier.Check{ID: verifier.CheckAnchor, Result: verifier.Skipped, Detail: detail})
	}
	if state.body.StampID == "" || s.c.Stamper == nil {
		skip("not anchored")
		return
	}
	bundle, err := s.c.Stamper.Evidence(ctx, scope, state.body.StampID, vc)
	if err != nil {
		var fault *Error
		if errors.As(err, &fault) && fault.Code == CodeState {
			skip("not yet anchored")
		} else {
			skip("the evidence is not at hand")
		}
		return
	}
	encoded, err := bundle.Encode()
	if err != nil {
		skip("the evidence is not at hand")
		return
	}
	judged, err := s.judged(ctx, func(t *trustState) (*verifier.Report, error) {
		config, err := s.withOwnBatch(ctx, t.config, encoded)
		if err != nil {
			return nil, err
		}
		return verifying.Judge(ctx, config, verifying.Input{File: verifying.Bytes("", encoded)})
	})
	if err != nil {
		skip("the evidence is not at hand")
		return
	}
	for _, id := range []string{verifier.CheckAnchor, verifier.CheckTimestamp} {
		if check, ok := judged.Check(id); ok {
			check.Required = false
			report.Add(check)
		}
	}
	s.proven(ctx, report, bundle, vc)
}

// proven judges a credential again whose key was compromised, by the time that its evidence
// proves.
func (s *Service) proven(ctx context.Context, report *verifier.Report, bundle *evidence.Bundle, vc []byte) {
	report.Decide()
	if report.Reason != verifier.KeyRevoked {
		return
	}
	t := s.trust.state.Load()
	by, err := s.verifierOf(ctx, t, bundle)
	if err != nil {
		return
	}
	at := evidencehandler.ProvenTime(ctx, by, bundle, vc, nil)
	if at.IsZero() {
		return
	}
	again, err := reportOf(t.verifier.VerifyExpecting(ctx, chancery.Secured{MediaType: chancery.MediaVC, Bytes: vc}, verifier.Expect{ExistedAt: at}))
	if err != nil || again.Outcome != verifier.Valid {
		return
	}
	var beside []verifier.Check
	for _, check := range report.Checks {
		switch check.ID {
		case verifier.CheckAnchor, verifier.CheckTimestamp, verifier.CheckBadgeBinding:
			beside = append(beside, check)
		}
	}
	again.Checks = append(again.Checks, beside...)
	again.Offline = report.Offline
	*report = *again
}

// VerifyHash implements Verifying.
func (s *Service) VerifyHash(ctx context.Context, alg string, digest []byte, source string) (Verdict, error) {
	example, err := evidence.SumDigest(alg, nil)
	if err != nil || len(digest) != len(example) {
		var bad Invalid
		bad.Add("hash", "must name a known algorithm, and have its length")
		return Verdict{}, bad.Err()
	}
	scope, id, v, err := s.verifyHash(ctx, alg, digest)
	if err == nil {
		s.logVerdict(scope, id, "", "hash", v, source)
	}
	return v, err
}

func (s *Service) verifyHash(ctx context.Context, alg string, digest []byte) (Scope, string, Verdict, error) {
	if alg == "sha-256" {
		scope, state, err := s.readDigest(ctx, hexOf(digest))
		if err == nil {
			v, err := s.verifyState(ctx, scope, state)
			return scope, state.stored.ID, v, err
		}
		if !IsNotFound(err) {
			return Scope{}, "", Verdict{}, err
		}
	}
	var scope Scope
	var id string
	err := s.view(ctx, func(tx Tx) error {
		found, r, err := tx.Find(ctx, KindStamp, StampLookup(Live, alg, digest))
		if errors.Is(err, ErrNotFound) {
			found, r, err = tx.Find(ctx, KindStamp, StampLookup(Test, alg, digest))
		}
		scope, id = found, r.ID
		return err
	})
	if errors.Is(err, ErrNotFound) || err == nil && s.c.Stamper == nil {
		return Scope{}, "", verdict(verifier.NewNotFound(s.now())), nil
	}
	if err != nil {
		return Scope{}, "", Verdict{}, err
	}
	v, err := s.verifyStamp(ctx, scope, id, digest)
	v.Environment = scope.Environment
	return scope, "", v, err
}

// readDigest finds the credential of which an artefact has a digest. Where that is one of
// an earlier issue, the state is that of then: its signed form is judged, and revoked.
func (s *Service) readDigest(ctx context.Context, digest string) (Scope, *credentialState, error) {
	var scope Scope
	var state *credentialState
	err := s.view(ctx, func(tx Tx) error {
		found, stored, err := tx.DigestCredential(ctx, digest)
		if errors.Is(err, ErrNotFound) {
			return NotFound("credential")
		}
		if err != nil {
			return err
		}
		scope = found
		if state, err = s.readBody(ctx, tx, found, stored); err != nil {
			return err
		}
		if state, err = s.inItsPlace(ctx, tx, found, state, digest); err != nil {
			return err
		}
		stored = state.stored
		all, err := tx.Artifacts(ctx, found, stored.ID, 0)
		if err != nil {
			return err
		}
		// A document that it is bound to belongs to every form, and so to the present one.
		present := slices.ContainsFunc(state.artifacts, func(a StoredArtifact) bool { return a.Digest == digest })
		for _, a := range all {
			if a.Digest == digest && !present {
				state.earlier(all, a.Issue)
			}
		}
		return nil
	})
	return scope, state, err
}

// maxSuccessors bounds how far successors of a credential are followed.
const maxSuccessors = 20

// inItsPlace follows a superseded credential to its successor where that is bound to the
// same document, which then holds by it.
func (s *Service) inItsPlace(ctx context.Context, tx Tx, scope Scope, state *credentialState, digest string) (*credentialState, error) {
	for range maxSuccessors {
		if state.stored.State != StateSuperseded || state.body.DocumentDigest != digest {
			break
		}
		next, err := s.read(ctx, tx, scope, state.body.SupersededBy)
		if IsNotFound(err) || err == nil && next.body.DocumentDigest != digest {
			break
		}
		if err != nil {
			return nil, err
		}
		state = next
	}
	return state, nil
}

// earlier makes the state that of an earlier signed form.
func (state *credentialState) earlier(all []StoredArtifact, issue int) {
	state.artifacts = nil
	for _, a := range all {
		if a.Issue == issue {
			state.artifacts = append(state.artifacts, a)
		}
	}
	if vc, ok := vcOf(state.artifacts); ok {
		state.stored.Digest = vc.Digest
	}
	state.stored.Issue, state.body.StampID = issue, ""
	if state.stored.State == StateSuspended || state.stored.State == StateIssued {
		state.stored.State = StateRevoked
	}
}

// verifyStamp judges the evidence of a stamp by the digest alone.
func (s *Service) verifyStamp(ctx context.Context, scope Scope, id string, digest []byte) (Verdict, error) {
	bundle, err := s.c.Stamper.Evidence(ctx, scope, id, nil)
	if err != nil {
		var fault *Error
		if !errors.As(err, &fault) || fault.Code != CodeState && !IsNotFound(err) {
			return Verdict{}, err
		}
		report := &verifier.Report{EvaluatedAt: s.now(), Offline: s.c.Online == nil}
		report.Add(verifier.Check{ID: verifier.CheckAnchor, Required: true, Reason: verifier.EvidenceAnchorMissing, Detail: "known here, not yet anchored"})
		report.Decide()
		return verdict(report), nil
	}
	encoded, err := bundle.Encode()
	if err != nil {
		return Verdict{}, err
	}
	report, err := s.judged(ctx, func(t *trustState) (*verifier.Report, error) {
		config, err := s.withBatchOf(ctx, t.config, bundle)
		if err != nil {
			return nil, err
		}
		config.Handlers = map[string]verifier.Handler{chancery.MediaEvidence: &evidencehandler.Handler{Digest: digest, Revocation: s.c.SignerRevocation}}
		v, err := verifier.New(config)
		if err != nil {
			return nil, err
		}
		return reportOf(v.Verify(ctx, chancery.Secured{MediaType: chancery.MediaEvidence, Bytes: encoded}))
	})
	if err != nil {
		return Verdict{}, err
	}
	return verdict(report), nil
}

// publicIDOf is the public id within the id of a credential of our own, "" for others.
func (s *Service) publicIDOf(id string) string {
	rest, ok := strings.CutPrefix(id, s.baseURL+"/c/")
	if !ok || rest == "" || len(rest) > 64 || strings.Contains(rest, "/") {
		return ""
	}
	return rest
}
