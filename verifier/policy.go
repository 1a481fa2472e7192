package verifier

import (
	"fmt"
	"slices"
	"time"
)

// Profile is a named set of rules. The zero value is the strict one.
type Profile uint8

// The profiles.
const (
	// ProfileStrict: every rule of the specifications, and issuer binding.
	ProfileStrict Profile = iota
	// Profile1EdTech: badges are read as 1EdTech's own validator reads them. Any one
	// good proof by the issuer suffices, rules that published samples break are
	// warnings, and a term of the extensions context that no context of the document
	// defines is read although it is unsigned. Each of these is reported. Issuer
	// binding stays on.
	Profile1EdTech
	// ProfileConformance: for the test suites of the W3C, whose own documents carry
	// issuers that do not own the key. Issuer binding is off, and every report says so.
	ProfileConformance
)

var profileNames = [...]string{"strict", "1edtech", "conformance"}

func (p Profile) String() string {
	if int(p) < len(profileNames) {
		return profileNames[p]
	}
	return "unknown"
}

// ParseProfile finds a profile by its name; "" is strict.
func ParseProfile(name string) (Profile, error) {
	if name == "" {
		return ProfileStrict, nil
	}
	if i := slices.Index(profileNames[:], name); i >= 0 {
		return Profile(i), nil
	}
	return 0, fmt.Errorf("verifier: expected a profile strict, 1edtech or conformance, found %q", name)
}

// Policy is what the caller demands. The zero value is the strictest.
type Policy struct {
	// Profile is the set of rules. Zero is ProfileStrict.
	Profile Profile

	// Expect is what every document is expected to carry; VerifyExpecting gives it
	// for one document. Zero expects nothing in particular.
	Expect Expect

	// ClockSkew is how far a proof's created and a document's validFrom may lie in
	// the future, and its end in the past. Zero allows nothing. At most an hour.
	ClockSkew time.Duration

	// InsecureAnyProof accepts a document when one of its proofs verifies and is the
	// issuer's, whatever becomes of the others. Zero demands that all verify.
	// Profile1EdTech sets it.
	InsecureAnyProof bool

	// InsecureNoIssuerBinding accepts any key for any issuer. Zero demands that the
	// key be the issuer's. ProfileConformance sets it.
	InsecureNoIssuerBinding bool

	// InsecureAcceptStaleStatus believes a status list past its validUntil or ttl, and
	// says so. Zero makes such a status indeterminate.
	InsecureAcceptStaleStatus bool

	// InsecureNoStatus leaves revocation and suspension unchecked. Zero checks every
	// entry.
	InsecureNoStatus bool
}

// Expect is what a caller expects of one document.
type Expect struct {
	// Domain and Challenge are what the proof of a presentation, or of a credential,
	// must hold. "" expects none: a proof that names one is then noted.
	Domain, Challenge string

	// Recipient is who the credential should be for. The zero value asks for nobody.
	Recipient Recipient

	// ExistedAt is an instant at which these very bytes are proven to have existed, by
	// a timestamp or an anchor that the caller has checked. Zero: none is proven, and
	// the times in the document are claims.
	ExistedAt time.Time
}

// Recipient is a person by an identifier in plain text, such as an e-mail address,
// compared with the subject's identifier and identity hashes (Open Badges 3.0, 9.6).
// It never appears in a report.
type Recipient struct {
	Identity string
	Type     string // identityType, such as emailAddress; "" tries every one
}

// effective returns the policy with what its profile sets, and the switches in force
// by name.
func (p Policy) effective() (Policy, []string) {
	var names []string
	add := func(on *bool, byProfile bool, name string) {
		switch {
		case *on:
			names = append(names, name)
		case byProfile:
			*on = true
			names = append(names, name+" (profile "+p.Profile.String()+")")
		}
	}
	add(&p.InsecureAnyProof, p.Profile == Profile1EdTech, "InsecureAnyProof")
	add(&p.InsecureNoIssuerBinding, p.Profile == ProfileConformance, "InsecureNoIssuerBinding")
	add(&p.InsecureAcceptStaleStatus, false, "InsecureAcceptStaleStatus")
	add(&p.InsecureNoStatus, false, "InsecureNoStatus")
	return p, names
}
