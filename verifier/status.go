package verifier

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// statusResult is what one status entry came to.
type statusResult struct {
	reason   Reason // "" where nothing speaks against the credential
	detail   string
	evidence []Fact
}

// checkStatus judges every status entry of the credential (VC Data Model 2.0, 4.10).
// An entry that cannot be read is never taken for "not revoked".
func (c *run) checkStatus() {
	entries := c.cred.Status()
	if name := c.statusBeside(); name != "" && !c.v.policy.InsecureNoStatus {
		c.fail(CheckStatus, StatusTypeUnknown, "the claim "+name+" of the JWT")
		if len(entries) == 0 {
			return
		}
	}
	if c.doc.Get(0, "credentialStatus") == strictjson.None {
		c.skip(CheckStatus, "the credential names no status")
		c.r.Lifecycle = issuedUnless(c.r.Lifecycle)
		return
	}
	if c.v.policy.InsecureNoStatus {
		c.skip(CheckStatus, "switched off")
		return
	}
	if len(entries) == 0 || len(entries) > limits.StatusEntries {
		c.fail(CheckStatus, StatusEntryMalformed, fmt.Sprintf("expected 1 to %d entries, found %d", limits.StatusEntries, len(entries)))
		return
	}
	var results []statusResult
	for _, e := range entries {
		if c.stopped() {
			return
		}
		results = append(results, c.statusOf(e))
	}
	c.reportStatus(results)
}

// statusBeside names a claim about revocation that stands beside the credential in a JWT,
// "" where there is none: such as that of Token Status Lists (IETF), which are not read
// here.
func (c *run) statusBeside() string {
	if c.token == nil || c.token.claims.Wrapped == "" {
		return ""
	}
	for _, name := range []string{"status", "credentialStatus"} {
		if c.token.claims.Doc.Get(0, name) != strictjson.None {
			return name
		}
	}
	return ""
}

// reportStatus adds one check for each entry that did not pass, the gravest first,
// so that the reason of the report is revoked rather than unreachable.
func (c *run) reportStatus(results []statusResult) {
	var bad []statusResult
	var evidence []Fact
	for _, r := range results {
		evidence = append(evidence, r.evidence...)
		if r.reason == "" {
			continue
		}
		if r.reason.Outcome() == Invalid {
			bad = append([]statusResult{r}, bad...)
		} else {
			bad = append(bad, r)
		}
	}
	for _, r := range bad {
		switch r.reason {
		case CredentialRevoked:
			c.r.Lifecycle = Revoked
		case CredentialSuspended:
			if c.r.Lifecycle != Revoked {
				c.r.Lifecycle = Suspended
			}
		}
	}
	for _, r := range bad {
		c.r.Add(Check{ID: CheckStatus, Required: true, Reason: r.reason, Detail: clip(r.detail), Evidence: r.evidence})
	}
	if len(bad) == 0 {
		c.r.Lifecycle = issuedUnless(c.r.Lifecycle)
		c.pass(CheckStatus, fmt.Sprintf("%d entries, none set", len(results)), evidence...)
	}
}

func issuedUnless(known Lifecycle) Lifecycle {
	if known == "" {
		return Issued
	}
	return known
}

// statusOf judges one entry by its type.
func (c *run) statusOf(e chancery.StatusEntry) statusResult {
	switch e.Type {
	case "BitstringStatusListEntry", "StatusList2021Entry":
		return c.bitstring(e)
	case "1EdTechRevocationList":
		return c.revocationList(e)
	}
	return statusResult{reason: StatusTypeUnknown, detail: "at " + e.Pointer}
}

// listKind is what differs between the two bitstring formats.
type listKind struct {
	credentialType string
	subjectTypes   []string
	multibase      bool
}

var listKinds = map[string]listKind{
	"BitstringStatusListEntry": {"BitstringStatusListCredential", []string{"BitstringStatusList"}, true},
	"StatusList2021Entry":      {"StatusList2021Credential", []string{"StatusList2021"}, false},
}

// bitstring judges one entry of a bitstring status list (Bitstring Status List 1.0,
// 3.2, whose steps follow; StatusList2021 is its predecessor).
func (c *run) bitstring(e chancery.StatusEntry) statusResult {
	no := func(r Reason, format string, args ...any) statusResult {
		return statusResult{reason: r, detail: e.Pointer + ": " + fmt.Sprintf(format, args...)}
	}
	index, err := strconv.ParseUint(e.ListIndex, 10, 53)
	switch {
	case err != nil || strconv.FormatUint(index, 10) != e.ListIndex:
		return no(StatusEntryMalformed, "expected statusListIndex as a decimal number of 0 or more")
	case !isURL(e.ListCredential):
		return no(StatusEntryMalformed, "expected a URL as statusListCredential")
	case e.Purpose == "":
		return no(StatusEntryMalformed, "expected a statusPurpose")
	case e.Size < 1:
		return no(StatusSizeMismatch, "expected statusSize between 1 and 64")
	}
	messages, fault := c.statusMessages(e)
	if fault != "" {
		return no(StatusSizeMismatch, "%s", fault)
	}
	// Step 2: dereference. Step 3: verify the list's own proof, with the same engine.
	list, bad := c.statusList(e)
	if bad != nil {
		return *bad
	}
	// Step 4: purpose.
	if !list.hasPurpose(e.Purpose) {
		return no(StatusPurposeMismatch, "expected a list for %s", e.Purpose)
	}
	if list.size != 0 && list.size != e.Size {
		return no(StatusSizeMismatch, "expected statusSize %d as the list says, found %d", list.size, e.Size)
	}
	// Steps 5 to 9: expand, and look the value up.
	entries := uint64(len(list.bits)) * 8 / uint64(e.Size)
	if entries < minEntries {
		return no(StatusListTooShort, "expected at least %d entries, found %d", minEntries, entries)
	}
	if index >= entries {
		return no(StatusIndexRange, "index %d, list of %d", index, entries)
	}
	value := list.value(index, e.Size)
	out := statusResult{evidence: []Fact{{"list", e.ListCredential}, {"listDigest", list.digest}, {"purpose", e.Purpose}, {"value", "0x" + strconv.FormatUint(value, 16)}}}
	if !list.fetched.IsZero() {
		out.evidence = append(out.evidence, Fact{"listReadAt", stamp(list.fetched)})
	}
	return c.meaning(e, value, messages, out)
}

// meaning says what a value in a list does to the credential (section 2.1).
func (c *run) meaning(e chancery.StatusEntry, value uint64, messages map[uint64]string, out statusResult) statusResult {
	switch e.Purpose {
	case "revocation":
		if value != 0 {
			out.reason, out.detail = CredentialRevoked, "list "+e.ListCredential
		}
	case "suspension":
		if value != 0 {
			out.reason, out.detail = CredentialSuspended, "list "+e.ListCredential
		}
	case "refresh":
		if value != 0 {
			c.r.find(GradeNote, "refresh_available", e.Pointer, "the issuer has a newer version of this credential")
		}
	case "message":
		text, ok := messages[value]
		if !ok {
			out.reason, out.detail = StatusSizeMismatch, e.Pointer+": no message for the value in the list"
			return out
		}
		c.r.find(GradeNote, "status_message", e.Pointer, "status "+"0x"+strconv.FormatUint(value, 16)+": "+clip(text))
	default:
		if value != 0 {
			out.reason, out.detail = StatusTypeUnknown, e.Pointer+": a status is set whose purpose is not known here"
		}
	}
	return out
}

// statusMessages reads the messages of an entry: one for each value that its size
// allows (section 2.1). Needed where the size is more than one, and for messages.
func (c *run) statusMessages(e chancery.StatusEntry) (map[uint64]string, string) {
	doc := c.doc
	n := doc.Get(doc.Lookup(e.Pointer), "statusMessage")
	if n == strictjson.None {
		if e.Size > 1 || e.Purpose == "message" {
			return nil, "expected statusMessage, one for each value"
		}
		return nil, ""
	}
	out := map[uint64]string{}
	fault := ""
	doc.Each(n, func(m strictjson.Node) bool {
		hex, ok := strings.CutPrefix(doc.String(doc.Get(m, "status")), "0x")
		value, err := strconv.ParseUint(hex, 16, 64)
		text, isText := doc.Str(doc.Get(m, "message"))
		if _, twice := out[value]; !ok || err != nil || !isText || twice || e.Size < 64 && value>>uint(e.Size) != 0 {
			fault = "expected messages with a status as 0x and hex digits within the size, each once"
			return false
		}
		out[value] = text
		return len(out) <= 1<<16
	})
	if fault == "" && e.Size <= 16 && len(out) != 1<<uint(e.Size) {
		fault = fmt.Sprintf("expected %d messages, found %d", 1<<uint(e.Size), len(out))
	}
	return out, fault
}

// statusList gets and verifies the list that an entry points to.
func (c *run) statusList(e chancery.StatusEntry) (*bitList, *statusResult) {
	no := func(r Reason, detail string) *statusResult {
		return &statusResult{reason: r, detail: e.Pointer + ": " + detail}
	}
	held, err := c.heldList(e)
	if err != nil {
		return nil, no(StatusUnreachable, fetchFault(err))
	}
	in, kind := held.in, listKinds[e.Type]
	c.r.input(held.digest)
	if in.cred == nil {
		return nil, no(StatusListType, "expected a credential of type "+kind.credentialType)
	}
	subject := in.doc.Get(0, "credentialSubject")
	if in.doc.Kind(subject) == strictjson.Array && in.doc.Len(subject) == 1 {
		subject = in.doc.First(subject)
	}
	if !in.cred.HasType(kind.credentialType) || !hasType(in.doc, subject, kind.subjectTypes[0]) {
		return nil, no(StatusListType, "expected "+kind.credentialType+" with a subject of type "+kind.subjectTypes[0])
	}
	for _, d := range in.r.TrustInputs {
		c.r.input(d)
	}
	if bad := c.listVerdict(in, held.doc, subject, e.ListCredential); bad != nil {
		c.r.Sub = append(c.r.Sub, SubReport{"statusList", e.Pointer, in.r})
		bad.detail = e.Pointer + ": " + bad.detail
		return nil, bad
	}
	list, err := c.expanded(held, e, subject)
	switch {
	case errors.Is(err, ErrUnreachable):
		return nil, no(StatusUnreachable, fetchFault(err))
	case err != nil:
		return nil, no(StatusListMalformed, err.Error())
	}
	return list, nil
}

// listVerdict turns the report on a status list into the reason for which it does
// not count: proof first, since nothing else is to be believed without it.
func (c *run) listVerdict(in *run, doc Document, subject strictjson.Node, url string) *statusResult {
	stale := false
	for _, check := range in.r.Checks {
		if !check.Required || check.Result == Pass {
			continue
		}
		switch check.ID {
		case CheckIssuerBinding, CheckSignature, CheckContext, CheckModel, CheckDocument:
			return &statusResult{reason: StatusListSignature, detail: string(check.Reason) + ": " + check.Detail}
		}
	}
	if signed, ok := in.r.Check(CheckSignature); !ok || signed.Result != Pass {
		return &statusResult{reason: StatusListSignature, detail: "its proof was not judged"}
	}
	// Another list by the same issuer would be as well signed as the one that was asked
	// for (section 2.2: the id, where there is one, is the list's address).
	// One that came with the credential lay at no address: its id alone says which it is.
	if id := in.cred.ID(); id != "" && !sameID(id, url) || id == "" && doc.brought {
		return &statusResult{reason: StatusListType, detail: "expected the list whose id is its address"}
	}
	if !c.keepsStatus(in.cred.Issuer()) {
		return &statusResult{reason: StatusListIssuer, detail: "expected the credential's issuer"}
	}
	if check, ok := in.r.Check(CheckValidity); ok && check.Result != Pass {
		switch check.Reason {
		case NotYetValid:
			return &statusResult{reason: StatusListNotYetValid, detail: check.Detail}
		case PeriodOver:
			stale = true
		default:
			return &statusResult{reason: StatusListMalformed, detail: check.Detail}
		}
	}
	// ttl, in milliseconds (section 2.2): a copy older than that is to be renewed.
	ttl, ok := readTTL(in.doc, in.doc.Get(subject, "ttl"))
	if !ok {
		return &statusResult{reason: StatusListMalformed, detail: "expected ttl as a number of milliseconds"}
	}
	if !doc.FetchedAt.IsZero() && ttl < 9e12 { // a longer one is no time.Duration
		stale = stale || c.at.After(doc.FetchedAt.Add(time.Duration(ttl)*time.Millisecond))
	}
	why := "the list's period or its ttl is over"
	// A copy that came with the credential may be as old as its holder likes. The list itself
	// has to say that it still counts.
	if _, _, ends, _ := in.period(); doc.brought && !ends {
		stale, why = true, "the list came with the credential, and does not say until when it counts"
	}
	switch {
	case stale && c.v.policy.InsecureAcceptStaleStatus:
		c.r.find(GradeWarning, "stale_status", "/credentialStatus", "a status list was believed although it is too old")
	case stale:
		return &statusResult{reason: StatusListExpired, detail: why}
	}
	return nil
}

// readTTL reads for how many milliseconds a copy of a list counts. In RDF a list of one
// number says the same as the number; text is what some write.
func readTTL(doc *strictjson.Doc, n strictjson.Node) (ttl float64, ok bool) {
	if doc.Kind(n) == strictjson.Array && doc.Len(n) == 1 {
		n = doc.First(n)
	}
	switch doc.Kind(n) {
	case strictjson.Invalid:
		return math.Inf(1), true
	case strictjson.String:
		whole, err := strconv.ParseUint(doc.String(n), 10, 53)
		return float64(whole), err == nil
	}
	ttl, ok = doc.Float(n)
	return ttl, ok && ttl >= 0
}

// keepsStatus tells whether an issuer of status lists may speak for the credential's
// issuer: he is the same, or the trust file names him.
func (c *run) keepsStatus(list string) bool {
	if list == c.cred.Issuer() {
		return true
	}
	known, _ := c.v.cfg.Trust.issuer(c.cred.Issuer())
	return slices.Contains(known.StatusIssuers, list)
}

// fetchFault says why a document could not be had, without repeating addresses.
func fetchFault(err error) string {
	switch {
	case errors.Is(err, ErrGone):
		return "taken down for good"
	case errors.Is(err, ErrNotHeld):
		return "not in the trust file, and no network"
	}
	return clip(err.Error())
}
