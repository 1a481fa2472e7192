package verifier

// Reason says in one code why a document is not valid. The set is closed: every
// Reason is in the table below, from which docs/reasons.md is generated. A Reason is
// an error, so errors.Is(err, verifier.StatusUnreachable) tells what happened.
type Reason string

// Error makes a Reason comparable with errors.Is.
func (r Reason) Error() string { return "verifier: " + r.Text() }

// Text is one sentence for people.
func (r Reason) Text() string { return r.Info().Text }

// Outcome is what a required check that ends with this Reason makes of the document.
func (r Reason) Outcome() Outcome { return r.Info().Outcome }

// Info returns the row of the table; that of an unknown code is empty, and its
// Outcome Indeterminate.
func (r Reason) Info() ReasonInfo {
	if i, ok := reasonIndex[r]; ok {
		return reasonTable[i]
	}
	return ReasonInfo{Code: r}
}

// ReasonInfo is a row of the table of Reasons.
type ReasonInfo struct {
	Code    Reason
	Area    string // which part of the decision makes it
	Outcome Outcome
	Text    string // one sentence
	Hint    string // what the reader can do
	Section string // the specification's section, or our own page
}

// Reasons returns the whole table, in order.
func Reasons() []ReasonInfo { return append([]ReasonInfo(nil), reasonTable...) }

// The Reasons.
const (
	UnknownContent       Reason = "unknown_content"
	UnsupportedMediaType Reason = "unsupported_media_type"
	TooLarge             Reason = "too_large"
	MalformedJSON        Reason = "malformed_json"
	ImageMalformed       Reason = "image_malformed"
	NoCredential         Reason = "no_credential"
	NotACredential       Reason = "not_a_credential"
	Canceled             Reason = "canceled"
	NotFound             Reason = "not_found"

	NotJudged Reason = "not_judged"

	ModelInvalid            Reason = "model_invalid"
	UnknownContext          Reason = "unknown_context"
	ContextRedefinition     Reason = "context_redefinition"
	UndefinedTerm           Reason = "undefined_term"
	UnsupportedJSONLD       Reason = "unsupported_jsonld"
	WorkLimit               Reason = "work_limit"
	RelatedResourceMismatch Reason = "related_resource_mismatch"

	NoProof              Reason = "no_proof"
	ProofMalformed       Reason = "proof_malformed"
	BaseProof            Reason = "base_proof"
	ProofTypeUnknown     Reason = "proof_type_unknown"
	SignatureInvalid     Reason = "signature_invalid"
	KeyTypeMismatch      Reason = "key_type_mismatch"
	ProofPurposeMismatch Reason = "proof_purpose_mismatch"
	ProofExpired         Reason = "proof_expired"
	ProofCreatedInFuture Reason = "proof_created_in_future"
	DomainMismatch       Reason = "domain_mismatch"
	ChallengeMismatch    Reason = "challenge_mismatch"
	PreviousProofMissing Reason = "previous_proof_missing"
	PreviousProofCycle   Reason = "previous_proof_cycle"
	JOSEMalformed        Reason = "jose_malformed"
	JOSEAlgorithm        Reason = "jose_algorithm"
	JOSEType             Reason = "jose_type"
	JOSEClaims           Reason = "jose_claims"

	MethodMalformed      Reason = "method_malformed"
	MethodUnsupported    Reason = "method_unsupported"
	KeyUnavailable       Reason = "key_unavailable"
	KeyUnreachable       Reason = "key_unreachable"
	KeyDocumentMalformed Reason = "key_document_malformed"
	MethodNotFound       Reason = "method_not_found"
	KeyPurpose           Reason = "key_purpose"
	KeyOutsideValidity   Reason = "key_outside_validity"
	KeyTimeUnproven      Reason = "key_time_unproven"
	KeyRevoked           Reason = "key_revoked"

	IssuerMismatch     Reason = "issuer_mismatch"
	IssuerSelfAsserted Reason = "issuer_self_asserted"
	ControllerMissing  Reason = "controller_missing"
	IssuerNotTrusted   Reason = "issuer_not_trusted"
	HolderMismatch     Reason = "holder_mismatch"
	RecipientMismatch  Reason = "recipient_mismatch"

	ValidityMalformed Reason = "validity_malformed"
	NotYetValid       Reason = "not_yet_valid"
	PeriodOver        Reason = "expired"

	CredentialRevoked     Reason = "revoked"
	CredentialSuspended   Reason = "suspended"
	StatusEntryMalformed  Reason = "status_entry_malformed"
	StatusTypeUnknown     Reason = "status_type_unknown"
	StatusUnreachable     Reason = "status_unreachable"
	StatusListExpired     Reason = "status_list_expired"
	StatusListNotYetValid Reason = "status_list_not_yet_valid"
	StatusListSignature   Reason = "status_list_signature"
	StatusListIssuer      Reason = "status_list_issuer"
	StatusPurposeMismatch Reason = "status_purpose_mismatch"
	StatusListType        Reason = "status_list_type"
	StatusIndexRange      Reason = "status_index_range"
	StatusListTooShort    Reason = "status_list_too_short"
	StatusSizeMismatch    Reason = "status_size_mismatch"
	StatusListMalformed   Reason = "status_list_malformed"

	SchemaInvalid     Reason = "schema_invalid"
	SchemaUnavailable Reason = "schema_unavailable"
	SchemaUnknown     Reason = "schema_type_unknown"
	BadgeInvalid      Reason = "badge_invalid"

	InnerInvalid       Reason = "inner_invalid"
	InnerIndeterminate Reason = "inner_indeterminate"

	HostedUnavailable  Reason = "hosted_unavailable"
	HostedMismatch     Reason = "hosted_mismatch"
	BadgePartsMissing  Reason = "badge_parts_missing"
	BadgePartsMismatch Reason = "badge_parts_mismatch"

	PDFMalformed          Reason = "pdf_malformed"
	PDFLocked             Reason = "pdf_locked"
	PDFLimit              Reason = "pdf_limit"
	PDFUnreached          Reason = "pdf_unreached"
	NoSignature           Reason = "no_signature"
	PDFSignatureMalformed Reason = "pdf_signature_malformed"
	PDFSignatureKind      Reason = "pdf_signature_kind"
	PDFByteRange          Reason = "pdf_byte_range"
	PDFGap                Reason = "pdf_gap"
	PDFCoverage           Reason = "pdf_coverage"
	CMSMalformed          Reason = "cms_malformed"
	CMSDigest             Reason = "cms_digest"
	CMSSignature          Reason = "cms_signature"
	CMSSigner             Reason = "cms_signer"
	SignerMissing         Reason = "signer_missing"
	SignerUnbound         Reason = "signer_unbound"
	SignerUntrusted       Reason = "signer_untrusted"
	SignerConstraints     Reason = "signer_constraints"
	SignerOutOfBounds     Reason = "signer_out_of_bounds"
	SignerNotYetValid     Reason = "signer_not_yet_valid"
	SignerRevoked         Reason = "signer_revoked"
	SignerRevokedNoPOE    Reason = "signer_revoked_no_poe"
	RevocationUnknown     Reason = "revocation_unknown"
	WeakAlgorithm         Reason = "weak_algorithm"
	TimestampUntrusted    Reason = "timestamp_untrusted"
	TimestampBroken       Reason = "timestamp_broken"
	PDFChanged            Reason = "pdf_changed"
	PDFNotPermitted       Reason = "pdf_not_permitted"
	PDFFieldLocked        Reason = "pdf_field_locked"
	PDFShadow             Reason = "pdf_shadow"
	PDFOverlay            Reason = "pdf_overlay"
	PDFAppearance         Reason = "pdf_appearance"
	PDFCertification      Reason = "pdf_certification"
	PDFCredentialForeign  Reason = "pdf_credential_foreign"
)

// Reasons of evidence bundles; package verifier/evidence makes them.
const (
	EvidenceMalformed         Reason = "evidence_malformed"
	EvidenceUnsupported       Reason = "evidence_unsupported"
	EvidencePartMismatch      Reason = "evidence_part_mismatch"
	EvidencePartMissing       Reason = "evidence_part_missing"
	EvidenceDocumentMismatch  Reason = "evidence_document_mismatch"
	EvidenceDocumentMissing   Reason = "evidence_document_missing"
	EvidenceNotIncluded       Reason = "evidence_not_included"
	EvidenceChainUnknown      Reason = "evidence_chain_unknown"
	EvidenceChainMismatch     Reason = "evidence_chain_mismatch"
	EvidenceTransaction       Reason = "evidence_transaction"
	EvidenceSenderUnknown     Reason = "evidence_sender_unknown"
	EvidenceSender            Reason = "evidence_sender"
	EvidenceLink              Reason = "evidence_link"
	EvidenceFinality          Reason = "evidence_finality"
	EvidenceFinalityUndecided Reason = "evidence_finality_undecided"
	EvidenceCheckpoint        Reason = "evidence_checkpoint"
	EvidenceOTS               Reason = "evidence_ots"
	EvidenceRenewal           Reason = "evidence_renewal"
	EvidenceAnchorMissing     Reason = "evidence_anchor_missing"
	EvidenceTime              Reason = "evidence_time"
	EvidenceSplit             Reason = "evidence_split"
)

// Reasons of proofs in the formats of others; package verifier/foreign makes them,
// beside those of evidence bundles.
const (
	ForeignAnchorUnconfirmed Reason = "foreign_anchor_unconfirmed"
	ForeignAnchorRefuted     Reason = "foreign_anchor_refuted"
	ForeignWeakHash          Reason = "foreign_weak_hash"
)

const (
	sVCDM     = "VC Data Model 2.0, "
	sDI       = "VC Data Integrity 1.0, "
	sJOSE     = "VC-JOSE-COSE, "
	sCID      = "Controlled Identifiers 1.0, "
	sBSL      = "Bitstring Status List 1.0, "
	sOB3      = "Open Badges 3.0, "
	sOB2      = "Open Badges 2.0, "
	sReport   = "docs/formats/trust.md"
	sEvidence = "docs/formats/evidence.md, "
	sPDF      = "docs/formats/pdf-changes.md"
)

// reasonTable is the one place where a Reason gets its meaning. Invalid means that
// the document itself is at fault whoever looks at it; Indeterminate means that a
// verifier with more at hand might decide otherwise.
var reasonTable = []ReasonInfo{
	{UnknownContent, "input", Invalid, "The file holds nothing that can be verified.", "Expected are a credential as JSON or JWT, a PNG or SVG with one baked in, a PDF or an evidence file.", ""},
	{UnsupportedMediaType, "input", Indeterminate, "This verifier has no part that reads files of this kind.", "Use a build or configuration that handles the media type named in the detail.", ""},
	{TooLarge, "input", Invalid, "The document is larger than any that is read.", "The limit is 10 MB.", "internal/limits"},
	{MalformedJSON, "input", Invalid, "The text is not one strict JSON value.", "Duplicate names, invalid UTF-8, data after the end and numbers a double cannot hold are refused; the detail names the place.", "RFC 7493"},
	{ImageMalformed, "input", Invalid, "The image is damaged, or what it carries is not baked as the specification says.", "Ask for the original file; many services rewrite images.", sOB3 + "5.3"},
	{NoCredential, "input", Invalid, "The image holds no credential.", "Images lose it when they are saved again or sent through some phones; ask for the original file.", sOB3 + "5.3"},
	{NotACredential, "input", Invalid, "The document is JSON, but neither a credential, a presentation nor an Open Badges 2.0 assertion.", "", sVCDM + "4.5"},
	{Canceled, "input", Indeterminate, "The verification was stopped before it came to an end.", "Try again with more time.", ""},
	{NotFound, "input", Indeterminate, "No document with this identifier is known here.", "Check the address; unknown is not the same as forged.", ""},

	{NotJudged, "together", Indeterminate, "A file that was handed over with others holds nothing that could be judged.", "Nothing is said of what is in it, whatever the others prove. Hand over the others without it for a verdict on them alone.", ""},

	{ModelInvalid, "model", Invalid, "The document breaks a rule of its data model.", "The detail names the member and the rule.", sVCDM + "4"},
	{UnknownContext, "model", Indeterminate, "The document uses a JSON-LD context that is not pinned here.", "Add the context with its SHA-256 to the trust file.", sVCDM + "4.3"},
	{ContextRedefinition, "model", Invalid, "A context inside the document gives a member that is shown to people another meaning.", "The signature would hold over a text that reads differently; refuse it.", sVCDM + "5.2"},
	{UndefinedTerm, "model", Invalid, "A member, type or identifier is not defined by the contexts, so no signature covers it.", "The detail names the place; the issuer must add the missing context.", sDI + "4.6"},
	{UnsupportedJSONLD, "model", Indeterminate, "The document uses a part of JSON-LD that is not supported here.", "The detail names the feature.", "JSON-LD 1.1"},
	{WorkLimit, "model", Indeterminate, "Canonicalising the document takes more work than is allowed.", "Real documents stay far below the limit; this one was probably made to be slow.", "RDF Canonicalization 1.0, 7.1"},
	{RelatedResourceMismatch, "model", Invalid, "A related resource does not have the digest that the credential gives.", "", sVCDM + "5.3"},

	{NoProof, "proof", Invalid, "The document carries no proof.", "Anyone can have written it.", sVCDM + "4.12"},
	{ProofMalformed, "proof", Invalid, "A proof is not formed as the specification says.", "The detail names the member.", sDI + "2.1"},
	{BaseProof, "proof", Invalid, "The proof is a base proof, which only the holder should have.", "Ask the holder for a document that discloses what is needed (chancery derive).", "ECDSA Cryptosuites 1.0, 3.6.7"},
	{ProofTypeUnknown, "proof", Indeterminate, "A proof is of a kind that is not known here, so it could not be checked.", "", sDI + "4.4"},
	{SignatureInvalid, "proof", Invalid, "The signature does not fit the document.", "The document was changed after signing, or signed with another key.", sDI + "4.4"},
	{KeyTypeMismatch, "proof", Invalid, "The key is not of the kind that the proof's algorithm uses.", "", sDI + "4.4"},
	{ProofPurposeMismatch, "proof", Invalid, "The proof was made for another purpose.", "Credentials need assertionMethod, presentations authentication.", sDI + "2.1"},
	{ProofExpired, "proof", Invalid, "The proof has expired.", "", sDI + "2.1"},
	{ProofCreatedInFuture, "proof", Invalid, "The proof says it was created in the future.", "Check the clock.", sDI + "2.1"},
	{DomainMismatch, "proof", Invalid, "The proof was made for another domain.", "", sDI + "4.4"},
	{ChallengeMismatch, "proof", Invalid, "The proof answers another challenge.", "It may be a replay.", sDI + "4.4"},
	{PreviousProofMissing, "proof", Invalid, "A proof builds on another proof that is not there.", "Someone has taken a proof away.", sDI + "4.5"},
	{PreviousProofCycle, "proof", Invalid, "Proofs build on each other in a circle, or share an identifier.", "", sDI + "2.1.2"},
	{JOSEMalformed, "proof", Invalid, "The JWT is not a compact JWS with a header that can be accepted.", "The detail names the member.", "RFC 7515, 3.1"},
	{JOSEAlgorithm, "proof", Invalid, "The JWT names an algorithm that is refused, or that does not go with the key.", "", "RFC 8725, 3.1"},
	{JOSEType, "proof", Invalid, "The JWT's typ or cty is not that of the document in it.", "", sJOSE + "3.1"},
	{JOSEClaims, "proof", Invalid, "The JWT's claims contradict the credential, or are not allowed beside it.", "The detail names the claim.", sJOSE + "3.1; " + sOB3 + "8.2.4"},

	{MethodMalformed, "key", Invalid, "The verification method is neither a DID URL nor an https URL that can be read.", "", sCID + "2.2"},
	{MethodUnsupported, "key", Indeterminate, "The verification method is of a DID method that is not known here.", "Pin the key in the trust file.", "docs/formats/trust.md"},
	{KeyUnavailable, "key", Indeterminate, "The key has to be looked up, and this verification runs without the network.", "Pin the key or the issuer's document in the trust file, or verify online.", sCID + "3.3"},
	{KeyUnreachable, "key", Indeterminate, "The key's document could not be fetched.", "An outage says nothing about the document; try again later, or pin the document.", sCID + "3.3"},
	{KeyDocumentMalformed, "key", Indeterminate, "The document that should hold the key cannot be read.", "", sCID + "3.3"},
	{MethodNotFound, "key", Invalid, "The issuer's document does not list this key.", "The key may have been taken out after rotation; pin it with the time it was used.", sCID + "3.3"},
	{KeyPurpose, "key", Invalid, "The issuer's document does not allow this key for this purpose.", "", sCID + "2.3"},
	{KeyOutsideValidity, "key", Invalid, "The proof claims a time at which the key was not the issuer's.", "", sReport},
	{KeyTimeUnproven, "key", Indeterminate, "The key is no longer in use, and nothing proves that the proof is older than that.", "Set history in the trust file if the claimed time may be believed, or use an anchored or timestamped document.", sReport},
	{KeyRevoked, "key", Indeterminate, "The key was revoked, and nothing proves that the proof is older than that.", "Whoever has the key can write any date; only an anchor or a timestamp can tell.", sReport},

	{IssuerMismatch, "issuer", Invalid, "The key belongs to someone other than the issuer the document names.", "", sDI + "4.4"},
	{IssuerSelfAsserted, "issuer", Indeterminate, "Only the document itself says that this key is the issuer's.", "Anyone could have made it. Pin the key, or fetch the issuer's document.", sOB3 + "9.2"},
	{ControllerMissing, "issuer", Indeterminate, "The key's document does not say whose the key is.", "", sCID + "2.2"},
	{IssuerNotTrusted, "issuer", Indeterminate, "The issuer is not in the trust file.", "The document may be in order; whether this issuer is who it says is for the reader to decide.", sReport},
	{HolderMismatch, "issuer", Invalid, "The presentation is not signed by the holder it names.", "", sVCDM + "4.13"},
	{RecipientMismatch, "issuer", Invalid, "The credential was given to someone else.", "", sOB3 + "9.6"},

	{ValidityMalformed, "validity", Invalid, "The validity period cannot be read, or ends before it begins.", "", sVCDM + "4.9"},
	{NotYetValid, "validity", Invalid, "The document is not valid yet.", "", sVCDM + "4.9"},
	{PeriodOver, "validity", Invalid, "The document has expired.", "", sVCDM + "4.9"},

	{CredentialRevoked, "status", Invalid, "The issuer has revoked the credential.", "", sVCDM + "4.10"},
	{CredentialSuspended, "status", Invalid, "The issuer has suspended the credential.", "It may be reinstated.", sVCDM + "4.10"},
	{StatusEntryMalformed, "status", Indeterminate, "The credential's status entry lacks what is needed to look it up.", "", sBSL + "2.1"},
	{StatusTypeUnknown, "status", Indeterminate, "The credential's status is of a kind that is not known here.", "", sVCDM + "4.10"},
	{StatusUnreachable, "status", Indeterminate, "The status list could not be had, so it is unknown whether the credential was revoked.", "Verify online, or add the list to the trust file.", sBSL + "3.2"},
	{StatusListExpired, "status", Indeterminate, "The status list is too old.", "Get a newer one.", sBSL + "3.2"},
	{StatusListNotYetValid, "status", Indeterminate, "The status list is not valid yet.", "", sBSL + "3.2"},
	{StatusListSignature, "status", Indeterminate, "The status list does not verify.", "Its own proof failed, so nothing it says counts.", sBSL + "3.2"},
	{StatusListIssuer, "status", Indeterminate, "The status list is not by the credential's issuer.", "", sBSL + "3.2"},
	{StatusPurposeMismatch, "status", Indeterminate, "The status list serves another purpose than the entry says.", "", sBSL + "3.2"},
	{StatusListType, "status", Indeterminate, "What the entry points to is not a status list of its kind.", "", sBSL + "2.2"},
	{StatusIndexRange, "status", Indeterminate, "The entry's index lies outside the status list.", "", sBSL + "3.2"},
	{StatusListTooShort, "status", Indeterminate, "The status list has fewer entries than the least allowed.", "Short lists tell the issuer who is being checked.", sBSL + "3.2"},
	{StatusSizeMismatch, "status", Indeterminate, "The entry's size and messages do not fit the status list.", "", sBSL + "2.1"},
	{StatusListMalformed, "status", Indeterminate, "The status list cannot be decoded, or grows past the limit.", "", sBSL + "3.3"},

	{SchemaInvalid, "schema", Invalid, "The credential does not follow the schema it names.", "The detail names the place.", sVCDM + "4.11"},
	{SchemaUnavailable, "schema", Indeterminate, "The credential names a schema that is not at hand.", "Add the schema to the trust file.", sVCDM + "4.11"},
	{SchemaUnknown, "schema", Indeterminate, "The credential names a schema of a kind that is not known here.", "", sVCDM + "4.11"},
	{BadgeInvalid, "schema", Invalid, "The badge breaks a rule of its specification.", "The findings name each place.", sOB3 + "B"},

	{InnerInvalid, "inner", Invalid, "A credential inside is invalid.", "See its own report.", sVCDM + "4.13"},
	{InnerIndeterminate, "inner", Indeterminate, "A credential inside could not be decided.", "See its own report.", sVCDM + "4.13"},

	{HostedUnavailable, "openBadges2", Indeterminate, "A hosted Open Badges 2.0 assertion is true only as its issuer's server gives it, and it was not fetched.", "Verify online.", sOB2 + "Assertion verification"},
	{HostedMismatch, "openBadges2", Invalid, "The assertion is not the one its issuer hosts.", "", sOB2 + "Assertion verification"},
	{BadgePartsMissing, "openBadges2", Indeterminate, "The badge class, the issuer's profile or its key is not at hand.", "Verify online, or add the documents to the trust file.", sOB2 + "Assertion verification"},
	{BadgePartsMismatch, "openBadges2", Invalid, "Assertion, badge class, issuer profile and key do not belong together.", "", sOB2 + "Assertion verification"},

	{PDFMalformed, "pdf", Invalid, "The file breaks a rule of PDF, so readers may not agree on what it shows.", "The detail names the byte; the file is not repaired. Ask for the original.", "ISO 32000-2, 7.5"},
	{PDFLocked, "pdf", Indeterminate, "The file is encrypted and could not be opened.", "Give the password.", "ISO 32000-2, 7.6"},
	{PDFLimit, "pdf", Indeterminate, "Judging the file takes more work than is allowed.", "Real documents stay far below the limits.", sPDF},
	{PDFUnreached, "pdf", Invalid, "Objects follow the signed bytes that no cross-reference leads to.", "Readers that repair files would show them.", sPDF},
	{NoSignature, "pdf", Invalid, "The PDF carries no signature.", "Anyone can have written it.", sPDF},
	{PDFSignatureMalformed, "pdf", Invalid, "A signature field does not hold a well-formed signature.", "", "ISO 32000-2, 12.8.1"},
	{PDFSignatureKind, "pdf", Indeterminate, "The signature is of a kind that is not supported.", "PAdES needs ETSI.CAdES.detached.", "EN 319 142-1, 5.3"},
	{PDFByteRange, "pdf", Invalid, "The signature's ByteRange is not of the form [0 a b c].", "", "EN 319 142-1, 5.5"},
	{PDFGap, "pdf", Invalid, "The signature leaves out more, or something else, than its own value.", "Unsigned content can hide there.", "EN 319 142-1, 5.5"},
	{PDFCoverage, "pdf", Invalid, "The signature does not end where a revision of the document ends.", "", "EN 319 142-1, 5.5"},
	{CMSMalformed, "pdf", Invalid, "The signature's message breaks a rule of CMS or PAdES.", "The detail names the rule.", "RFC 5652, 5"},
	{CMSDigest, "pdf", Invalid, "The signed bytes were changed after signing.", "", "RFC 5652, 5.6"},
	{CMSSignature, "pdf", Invalid, "The signature value does not verify with the signer's key.", "", "RFC 5652, 5.6"},
	{CMSSigner, "pdf", Invalid, "The signature refers to another certificate than that of its signer.", "", "RFC 5035, 4"},
	{SignerMissing, "pdf", Indeterminate, "The signer's certificate is not at hand, or cannot be told apart.", "", "EN 319 102-1, 5.2.3"},
	{SignerUnbound, "pdf", Indeterminate, "The signature does not say which certificate its signer meant.", "It lacks the signing-certificate attribute that PAdES asks for.", "RFC 5035, 4"},
	{SignerUntrusted, "pdf", Indeterminate, "The signer's certificate does not lead to a root that is trusted.", "Add the root to the trust file if you believe it.", "EN 319 102-1, 5.2.6"},
	{SignerConstraints, "pdf", Indeterminate, "The signer's certificate, or an issuer's, is not for this use.", "The detail names the constraint.", "EN 319 102-1, 5.2.6"},
	{SignerOutOfBounds, "pdf", Indeterminate, "The signer's certificate has expired, and nothing proves that the signature is older.", "Only a timestamp by a trusted authority can tell.", "EN 319 102-1, 5.3"},
	{SignerNotYetValid, "pdf", Invalid, "The signature is older than its signer's certificate.", "", "EN 319 102-1, 5.3"},
	{SignerRevoked, "pdf", Invalid, "The signer's certificate was revoked before the signature was made.", "", "EN 319 102-1, 5.3"},
	{SignerRevokedNoPOE, "pdf", Indeterminate, "A certificate of the signer's chain was revoked, and nothing proves that the signature is older.", "", "EN 319 102-1, 5.3"},
	{RevocationUnknown, "pdf", Indeterminate, "It is unknown whether a certificate of the signer's chain was revoked.", "Verify online, or ask for the file with validation data (B-LT).", "EN 319 102-1, 5.2.5"},
	{WeakAlgorithm, "pdf", Indeterminate, "The signature uses an algorithm or a key that is no longer acceptable, and nothing proves that it is older than that.", "", "EN 319 102-1, 5.2.8"},
	{TimestampUntrusted, "pdf", Indeterminate, "A timestamp could not be confirmed, so the time in it does not count.", "The detail says why: its authority is not trusted, or its status is unknown.", "EN 319 102-1, 5.4"},
	{TimestampBroken, "pdf", Invalid, "A timestamp in the document does not verify.", "Its bytes, or those it covers, were changed.", "RFC 3161, 2.4.2"},
	{PDFChanged, "pdf", Invalid, "The document was changed after signing in a way that no rule allows.", "The findings name each place.", sPDF},
	{PDFNotPermitted, "pdf", Invalid, "The document was changed after signing in a way that its certification forbids.", "", "ISO 32000-2, 12.8.2.2"},
	{PDFFieldLocked, "pdf", Invalid, "A form field that a signature locks was changed afterwards.", "", "ISO 32000-2, 12.8.2.4"},
	{PDFShadow, "pdf", Invalid, "Content that lay hidden in the signed bytes was brought to light afterwards.", "", sPDF},
	{PDFOverlay, "pdf", Invalid, "Something added after signing covers, or uncovers, signed content.", "", sPDF},
	{PDFAppearance, "pdf", Invalid, "A form field filled in after signing shows something else than its value.", "", sPDF},
	{PDFCertification, "pdf", Invalid, "The document's certification contradicts itself.", "", "ISO 32000-2, 12.8.6"},
	{PDFCredentialForeign, "pdf", Invalid, "The credential embedded in the PDF is not covered by its signature.", "", sPDF},

	{EvidenceMalformed, "evidence", Invalid, "The evidence file is not of the form of an evidence bundle.", "The detail names the place.", sEvidence + "2"},
	{EvidenceUnsupported, "evidence", Indeterminate, "The evidence file uses something that this verifier does not know and must not ignore.", "Use a newer verifier.", sEvidence + "2"},
	{EvidencePartMismatch, "evidence", Invalid, "A part of the evidence does not have the digest that it should have.", "", sEvidence + "5, step 2"},
	{EvidencePartMissing, "evidence", Indeterminate, "A part of the evidence lies in another file, which was not given.", "Give the parts file of the batch.", sEvidence + "5, step 2"},
	{EvidenceDocumentMismatch, "evidence", Invalid, "The evidence is about another document.", "The document was changed, or the files were mixed up.", sEvidence + "5, step 3"},
	{EvidenceDocumentMissing, "evidence", Indeterminate, "The evidence holds a digest only, and no document was given to compare it with.", "Give the document.", sEvidence + "5, step 3"},
	{EvidenceNotIncluded, "evidence", Invalid, "The document is not in the batch that was signed.", "", sEvidence + "5, step 4"},
	{EvidenceChainUnknown, "evidence", Indeterminate, "The blockchain is not in the trust file.", "Add it with its genesis hash.", sEvidence + "5, step 6.1"},
	{EvidenceChainMismatch, "evidence", Invalid, "The evidence is from another blockchain with the same number.", "Development chains share numbers.", sEvidence + "5, step 6.1"},
	{EvidenceTransaction, "evidence", Invalid, "The transaction is not in the block, or does not hold the digest of the batch.", "", sEvidence + "5, steps 6.2 and 6.3"},
	{EvidenceSenderUnknown, "evidence", Indeterminate, "The trust file names no sender for the blockchain.", "Add the issuer's address.", sEvidence + "5, step 6.4"},
	{EvidenceSender, "evidence", Invalid, "The transaction was sent by someone whom the trust file does not name.", "", sEvidence + "5, step 6.4"},
	{EvidenceLink, "evidence", Invalid, "The block does not lead to the block that is final.", "", sEvidence + "5, step 6.5"},
	{EvidenceFinality, "evidence", Invalid, "The proof that the block is final does not hold, or is about another block.", "", sEvidence + "5, step 6.6"},
	{EvidenceFinalityUndecided, "evidence", Indeterminate, "It could not be decided whether the block is final.", "The detail names the period, fork or checkpoint that the trust file lacks.", sEvidence + "5, step 6.6"},
	{EvidenceCheckpoint, "evidence", Invalid, "The later batch does not list this one.", "", sEvidence + "5, step 8"},
	{EvidenceOTS, "evidence", Invalid, "The OpenTimestamps proof is about something else.", "", sEvidence + "5, step 9"},
	{EvidenceRenewal, "evidence", Invalid, "A renewal does not cover the evidence before it.", "", sEvidence + "5, step 10"},
	{EvidenceAnchorMissing, "evidence", Indeterminate, "An anchor that the issuer promised, or the reader demands, is not there or did not hold.", "A newer evidence file may have it.", sEvidence + "5, step 11"},
	{EvidenceTime, "evidence", Invalid, "The batch claims a time after the one by which it existed.", "", sEvidence + "5, step 13"},
	{EvidenceSplit, "evidence", Invalid, "The issuer has signed another batch with the same number.", "Someone shows two histories.", sEvidence + "5, step 14"},

	{ForeignAnchorUnconfirmed, "foreign", Indeterminate, "No pinned block confirms the anchor that the proof claims.", "Pin the header of the block that the detail names, and give the transaction where the proof only names it.", sReport},
	{ForeignAnchorRefuted, "foreign", Invalid, "The pinned block, or the transaction, does not hold what the proof says it holds.", "", sReport},
	{ForeignWeakHash, "foreign", Indeterminate, "The proof rests on a hash with which different documents have been given one digest.", "Ask for a proof with SHA-256 or better.", "RFC 6194"},
}

var reasonIndex = func() map[Reason]int {
	m := make(map[Reason]int, len(reasonTable))
	for i, r := range reasonTable {
		m[r.Code] = i
	}
	return m
}()
