package verifier

import (
	"fmt"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// checkInner judges every credential of a presentation in its own right (VC Data
// Model 2.0, 4.13).
func (c *run) checkInner() {
	inner, err := c.pres.Credentials()
	if err != nil {
		c.fail(CheckInner, InnerInvalid, err.Error())
		return
	}
	if len(inner) == 0 {
		c.skip(CheckInner, "the presentation holds no credential")
		if c.expect.Recipient.Identity != "" {
			c.recipient(false) // there is nothing that says for whom it is
		}
		return
	}
	for _, in := range inner {
		c.judgeInner("credential", in.Pointer, in.Secured, roleInner)
	}
	c.sumInner("credential", true)
}

// checkClr judges every credential of a Comprehensive Learner Record in its own right.
func (c *run) checkClr() {
	if c.kind() != badge.CLR {
		return
	}
	list, err := badge.Inner(c.doc, 0)
	switch {
	case err != nil:
		c.fail(CheckInner, InnerInvalid, err.Error())
		return
	case len(list) > limits.Credentials:
		c.fail(CheckInner, WorkLimit, fmt.Sprintf("expected at most %d credentials, found %d", limits.Credentials, len(list)))
		return
	}
	for _, in := range list {
		c.judgeInner("credential", in.Pointer, in.Secured, roleInner)
	}
	if len(list) > 0 {
		c.sumInner("credential", true)
	}
}

// checkEndorsements judges every endorsement inside a badge, in its own right. What
// others say of the badge does not make it good or bad: the check is not required.
func (c *run) checkEndorsements() {
	switch c.kind() {
	case badge.OB3Achievement, badge.OB3Endorsement, badge.CLR:
	default:
		return
	}
	doc, seen := c.doc, 0
	list, err := badge.Endorsements(doc, 0)
	if err != nil {
		c.r.Add(Check{ID: CheckEndorsement, Reason: InnerInvalid, Detail: clip(err.Error())})
		return
	}
	for _, e := range list {
		if seen++; seen > limits.Credentials || c.stopped() {
			break
		}
		sub := c.judgeInner("endorsement", e.Pointer, e.Secured, roleEndorsement)
		// The endorsement stands in a list, or alone, in a member of what it endorses.
		holder := doc.Parent(e.Node)
		if doc.Kind(holder) == strictjson.Array {
			holder = doc.Parent(holder)
		}
		endorsed := doc.String(doc.Get(holder, "id"))
		if about := sub.Subject.ID; endorsed != "" && about != "" && !sameID(about, endorsed) {
			c.r.find(GradeWarning, "endorsement_subject", e.Pointer, "the endorsement is about something else than what it is attached to")
		}
	}
	if seen > 0 {
		c.sumInner("endorsement", false)
	}
}

// judgeInner judges a document inside this one and keeps its report.
func (c *run) judgeInner(relation, pointer string, s chancery.Secured, as role) *Report {
	in := c.within(s, as)
	if c.pres != nil {
		in.expect.Recipient = c.expect.Recipient // a presentation is for whom its credentials are
	}
	switch {
	case c.depth+1 > maxDepth, c.work.documents <= 0:
		in.fail(CheckDocument, WorkLimit, "documents nested too deep, or too many of them")
		in.r.Decide()
	default:
		c.work.documents--
		in.judge(s)
	}
	c.r.Sub = append(c.r.Sub, SubReport{relation, pointer, in.r})
	for _, d := range in.r.TrustInputs {
		c.r.input(d)
	}
	return in.r
}

// sumInner makes one check of the reports on inner documents: the gravest outcome.
func (c *run) sumInner(relation string, required bool) {
	id := CheckInner
	if !required {
		id = CheckEndorsement
	}
	count, worst, where := 0, Reason(""), ""
	for _, s := range c.r.Sub {
		if s.Relation != relation {
			continue
		}
		count++
		switch {
		case s.Report.Outcome == Invalid && worst != InnerInvalid:
			worst, where = InnerInvalid, s.Pointer+": "+string(s.Report.Reason)
		case s.Report.Outcome == Indeterminate && worst == "":
			worst, where = InnerIndeterminate, s.Pointer+": "+string(s.Report.Reason)
		}
		if s.Report.Outcome != Valid && !required {
			c.r.find(GradeWarning, "endorsement_"+s.Report.Outcome.String(), s.Pointer, s.Report.Reason.Text())
		}
	}
	if worst == "" {
		c.r.Add(Check{ID: id, Result: Pass, Required: required, Detail: fmt.Sprintf("%d valid", count)})
		return
	}
	c.r.Add(Check{ID: id, Required: required, Reason: worst, Detail: where})
}
