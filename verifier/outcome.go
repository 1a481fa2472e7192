package verifier

// Outcome is the verdict on a document.
type Outcome uint8

// The outcomes. The zero value is the one that claims nothing.
const (
	Indeterminate Outcome = iota
	Valid
	Invalid
)

func (o Outcome) String() string {
	switch o {
	case Valid:
		return "valid"
	case Invalid:
		return "invalid"
	}
	return "indeterminate"
}

// Result is what one check came to.
type Result uint8

// The results of a check. The zero value claims nothing.
const (
	Undecided Result = iota
	Pass
	Fail
	Skipped
)

func (r Result) String() string {
	switch r {
	case Pass:
		return "pass"
	case Fail:
		return "fail"
	case Skipped:
		return "skipped"
	}
	return "indeterminate"
}

// Lifecycle is what is known of a document's life, "" where nothing is.
type Lifecycle string

// The states of a life that a verifier can see.
const (
	Issued    Lifecycle = "issued"
	Suspended Lifecycle = "suspended"
	Revoked   Lifecycle = "revoked"
	Expired   Lifecycle = "expired"
)

// Binding says how the key of a proof is tied to the issuer that the document names.
type Binding string

// The bindings, from those that anyone can check to the one that proves nothing.
const (
	// BindingDID: the issuer is a DID, and its document lists the key.
	BindingDID Binding = "did"
	// BindingController: the issuer is an https URL, and the controller document
	// found there lists the key.
	BindingController Binding = "controllerDocument"
	// BindingJWKS: the key is in the JWKS of the issuer's authority.
	BindingJWKS Binding = "jwks"
	// BindingPinned: the trust file says that the key is the issuer's.
	BindingPinned Binding = "pinnedKey"
	// BindingProfile: the issuer's Open Badges 2.0 Profile names the key.
	BindingProfile Binding = "profile"
	// BindingSelfAsserted: only the document itself ties key and issuer. Anyone can
	// write such a document in anyone's name; it is never valid.
	BindingSelfAsserted Binding = "selfAsserted"
	// BindingNone: no link was found, or none was looked for.
	BindingNone Binding = ""
)
