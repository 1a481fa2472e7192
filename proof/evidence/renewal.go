package evidence

import (
	"bytes"
	"crypto"
	"fmt"
	"time"
)

// tokenState says up to when a token is proven to exist by what covers it.
type tokenState struct {
	anchor int
	at     time.Time
}

// tokenTime is the time at which the token of an anchor is judged.
func (v *run) tokenTime(anchor int) time.Time {
	at := v.t.Now
	for _, s := range v.tokens {
		if (s.anchor == anchor || s.anchor < 0) && s.at.Before(at) {
			at = s.at
		}
	}
	return at
}

// checkRenewals is step 10. Renewals are judged from the last to the first, each at the
// time of the one that covers it.
func (v *run) checkRenewals() {
	at := v.t.Now
	required := v.needs(Anchor{Type: AnchorTimestamp}) // renewals are for timestamps, and timestamps themselves
	steps := make([]Step, len(v.b.Renewals))
	for i := len(v.b.Renewals) - 1; i >= 0; i-- {
		r := &v.b.Renewals[i]
		s := Step{Number: "10", Name: "renewal", Anchor: i, Required: required}
		message, want, code, detail := v.renewed(i, r)
		made := stamped{}
		if code == "" {
			made, code, detail = v.checkToken(&r.Token, message, at, want)
		}
		if code == "" && made.at.After(at) && i < len(v.b.Renewals)-1 { // the last is held against the clock only
			code, detail = RenewalWrong, "expected renewals in order of time"
		}
		if code != "" {
			s.Code, s.Detail = code, detail
			if !code.Open() {
				s.Result = Fail
			}
			steps[i] = s
			// What an unproven renewal covers is not proven to exist earlier than now.
			for k := range i {
				steps[k] = Step{Number: "10", Name: "renewal", Anchor: k, Required: required, Code: code, Detail: "covered by a renewal that was not proven"}
			}
			v.r.Steps = append(v.r.Steps, steps...)
			return
		}
		s.Result, s.Detail = Pass, r.Type+" renewed by "+stamp(made.at)+"; "+made.status
		steps[i] = s
		v.existed(Existence{Time: made.at, Source: "renewal", RestsOn: byAuthority, Anchor: i, Authority: made.status})
		at = made.at
		switch {
		case r.Type == RenewBundle:
			v.tokens = append(v.tokens, tokenState{-1, made.at})
		case i == 0:
			v.tokens = append(v.tokens, tokenState{int(r.Anchor), made.at})
		}
	}
	v.r.Steps = append(v.r.Steps, steps...)
}

// renewed returns what the token of a renewal has to be over.
func (v *run) renewed(i int, r *Renewal) (message []byte, want crypto.Hash, code Code, detail string) {
	if r.Type == RenewBundle {
		document := v.in.Document
		if document == nil {
			document = v.b.Content
		}
		if document == nil {
			return nil, 0, DocumentMissing, "a renewal of the whole bundle is over the document, too: expected it"
		}
		if !bytes.Equal(imprintOf(renewalHashes[r.Alg], document), r.Digest) {
			return nil, 0, RenewalWrong, "the renewal is about another document"
		}
		before := *v.b
		before.Renewals = v.b.Renewals[:i]
		message, err := before.renewalStatement(r.Alg, r.Digest)
		if err != nil {
			return nil, 0, PartMissing, err.Error()
		}
		return message, renewalHashes[r.Alg], "", ""
	}
	var old *Part
	switch {
	case i > 0 && r.Anchor != 0:
		return nil, 0, RenewalWrong, "expected the anchor to be named in the first renewal only"
	case i > 0:
		old = &v.b.Renewals[i-1].Token
	case r.Anchor >= uint64(len(v.b.Anchors)) || v.b.Anchors[r.Anchor].Timestamp == nil:
		return nil, 0, RenewalWrong, fmt.Sprintf("anchor %d is no timestamp", r.Anchor)
	default:
		old = &v.b.Anchors[r.Anchor].Timestamp.Token
	}
	if old.Bytes == nil {
		return nil, 0, PartMissing, fmt.Sprintf("expected the part with SHA-256 %x", old.SHA256)
	}
	return old.Bytes, 0, "", ""
}
