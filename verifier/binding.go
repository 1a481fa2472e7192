package verifier

import (
	"fmt"
)

// bindingOrder ranks bindings, the strongest first.
var bindingOrder = []Binding{BindingPinned, BindingDID, BindingController, BindingJWKS, BindingProfile, BindingSelfAsserted, BindingNone}

// checkBinding is the one place where a key is tied to the issuer (VC Data Integrity
// 1.0, 4.4; Controlled Identifiers 1.0, 3.3; Open Badges 3.0, 9.2). good are the
// proofs that verified: at least one must be the issuer's own. In a set or a chain the
// others may be by notaries or witnesses.
func (c *run) checkBinding(good []*ProofReport, issuer string) {
	c.bind(CheckIssuerBinding, good, issuer)
}

func (c *run) bind(id string, good []*ProofReport, owner string) {
	if c.v.policy.InsecureNoIssuerBinding {
		c.skip(id, "switched off")
		return
	}
	if len(good) == 0 {
		c.r.Add(Check{ID: id, Required: true, Detail: "no proof verified"})
		return
	}
	var best *ProofReport
	asserted := false
	for _, want := range bindingOrder {
		for _, p := range good {
			asserted = asserted || p.Binding == BindingSelfAsserted
			if best == nil && p.IsIssuer && p.Binding == want {
				best = p
			}
		}
	}
	switch {
	case best != nil:
		c.r.Binding = best.Binding
		c.pass(id, fmt.Sprintf("%s: %s", best.Binding, best.Method), Fact{"binding", string(best.Binding)}, Fact{"key", best.Key})
	case asserted:
		c.r.Binding = BindingSelfAsserted
		c.fail(id, IssuerSelfAsserted, good[0].Detail)
	default:
		reason := IssuerMismatch
		if id == CheckHolder {
			reason = HolderMismatch
		}
		c.fail(id, reason, fmt.Sprintf("controller %s", good[0].Controller))
	}
}

// checkTrust judges whether the issuer is one whom the trust file names.
func (c *run) checkTrust(issuer string) {
	t := c.v.cfg.Trust
	known, ok := t.issuer(issuer)
	switch {
	case ok:
		detail := known.ID
		if known.Name != "" {
			detail = known.Name
		}
		c.pass(CheckIssuerTrust, detail)
	case t.Any:
		c.pass(CheckIssuerTrust, "any issuer is trusted")
		c.r.find(GradeWarning, "any_issuer", "/issuer", "the issuer is not in a list of trusted ones: any issuer was accepted")
	default:
		c.fail(CheckIssuerTrust, IssuerNotTrusted, issuer)
	}
}

// checkHolder judges whether the presentation is by the holder it names (VC Data
// Model 2.0, 4.13). One that names none is by whoever has the key.
func (c *run) checkHolder(good []*ProofReport) {
	holder := c.pres.Holder()
	if holder == "" {
		if len(good) > 0 {
			c.r.Issuer.ID = good[0].Controller
		}
		c.skip(CheckHolder, "the presentation names no holder")
		return
	}
	c.bind(CheckHolder, good, holder)
}
