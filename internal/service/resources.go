package service

import "time"

// State is where a credential is in its life. Allowed: draft → issued ⇄ suspended,
// issued or suspended → revoked, issued → superseded by another; expired follows from
// the clock.
type State string

// The states.
const (
	StateDraft      State = "draft"
	StateIssued     State = "issued"
	StateSuspended  State = "suspended"
	StateRevoked    State = "revoked"
	StateExpired    State = "expired" // never stored
	StateSuperseded State = "superseded"
)

// Me tells a caller who he is.
type Me struct {
	Tenant      Named        `json:"tenant"`
	Environment Environment  `json:"environment"`
	Actor       string       `json:"actor"`
	Scopes      []Permission `json:"scopes"`
	Limits      Limits       `json:"limits"`
}

// Limits are the figures that hold for a caller.
type Limits struct {
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	Burst             int     `json:"burst"`
	QuotaLeft         *int64  `json:"quotaLeft" doc:"live credentials that may still be issued; null: not limited"`
}

// Named is a reference with a name for people.
type Named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// NewKey asks for an API key.
type NewKey struct {
	Name      string       `json:"name"`
	Scopes    []Permission `json:"scopes" minItems:"1"`
	ExpiresAt *time.Time   `json:"expiresAt,omitempty" doc:"absent: it does not expire"`
}

// APIKey is an API key. Secret is in the answer that made it and nowhere else.
type APIKey struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Environment Environment  `json:"environment"`
	Scopes      []Permission `json:"scopes"`
	Enabled     bool         `json:"enabled"`
	ExpiresAt   *time.Time   `json:"expiresAt"`
	LastUsedAt  *time.Time   `json:"lastUsedAt"`
	CreatedAt   time.Time    `json:"createdAt"`
	RevokedAt   *time.Time   `json:"revokedAt" doc:"revoked for good: not the same as disabled"`
	Secret      string       `json:"secret,omitempty"`
}

// KeyChange changes an API key; nil members stay.
type KeyChange struct {
	Name    *string `json:"name,omitempty"`
	Enabled *bool   `json:"enabled,omitempty"`
}

// Token is an access token (RFC 6749, 5.1).
type Token struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in" doc:"seconds"`
	Scope       string `json:"scope"`
}

// NewIssuer asks for an issuer.
type NewIssuer struct {
	Key     string `json:"key,omitempty" doc:"short name to refer to it by; absent: made from the name"`
	Name    string `json:"name"`
	URL     string `json:"url,omitempty"`
	Image   string `json:"image,omitempty" doc:"data: URL of the arms, PNG or SVG"`
	Method  string `json:"method,omitempty" doc:"did:web, served by this installation, or did:key. Absent: did:web" enum:"did:web,did:key"`
	KeyType string `json:"keyType,omitempty" doc:"absent: Ed25519" enum:"Ed25519,P-256,P-384"`
	KeyRef  string `json:"keyRef,omitempty" doc:"name of a key that the installation's key provider (PKCS#11) holds for the tenant, instead of a new one: the tenant's id, a slash and 1 to 128 of A-Z a-z 0-9 . _ -"`
}

// Issuer is who issues: a DID with keys and their history.
type Issuer struct {
	ID          string      `json:"id"`
	Key         string      `json:"key"`
	Environment Environment `json:"environment"`
	Name        string      `json:"name"`
	URL         string      `json:"url,omitempty"`
	DID         string      `json:"did"`
	Keys        []IssuerKey `json:"keys"`
	Certificate string      `json:"certificate,omitempty" doc:"PEM of the certificate that PDFs are sealed with"`
	CreatedAt   time.Time   `json:"createdAt"`
}

// IssuerKey is one key of an issuer. Old ones stay, with the end of their use.
type IssuerKey struct {
	ID          string     `json:"id" doc:"verification method"`
	Type        string     `json:"type"`
	PublicKey   string     `json:"publicKeyMultibase"`
	ValidFrom   time.Time  `json:"validFrom"`
	ValidUntil  *time.Time `json:"validUntil"`
	Compromised bool       `json:"compromised"`
}

// RotateKey asks for a new key of an issuer.
type RotateKey struct {
	KeyType     string `json:"keyType,omitempty" enum:"Ed25519,P-256,P-384"`
	KeyRef      string `json:"keyRef,omitempty" doc:"name of the new key where the installation's key provider (PKCS#11) holds it, as for a new issuer"`
	Compromised bool   `json:"compromised,omitempty" doc:"the old key is known to others: what it signed is not believed any more"`
	Key         string `json:"key,omitempty" doc:"with compromised: the id of the key that is known to others. One that is not in use any more is no longer believed, and no new one is made. Absent: the one in use"`
}

// Field is an input of a credential type.
type Field struct {
	Key        string   `json:"key"`
	Label      string   `json:"label,omitempty"`
	Type       string   `json:"type" enum:"text,number,boolean,date,email,url,enum"`
	Required   bool     `json:"required" required:"false"`
	Visibility string   `json:"visibility,omitempty" doc:"public: in the credential and on the page; disclosed: in the credential, not on the page; private: a salted commitment at most. Absent: public" enum:"public,disclosed,private"`
	Values     []string `json:"values,omitempty" doc:"of an enum"`
	MaxLength  int      `json:"maxLength,omitempty"`
	Minimum    *float64 `json:"minimum,omitempty"`
	Maximum    *float64 `json:"maximum,omitempty"`
	Pattern    string   `json:"pattern,omitempty" doc:"RE2"`
}

// Validity says how long credentials of a type hold, from validFrom on.
type Validity struct {
	Years  int `json:"years,omitempty"`
	Months int `json:"months,omitempty"`
	Days   int `json:"days,omitempty"`
}

// Layout says how a page of a type looks.
type Layout struct {
	Name     string            `json:"name,omitempty" doc:"diploma or certificate; absent: by kind" enum:"diploma,certificate"`
	Size     string            `json:"size,omitempty" doc:"absent: A4-landscape" enum:"A4-landscape,A4-portrait,Letter-landscape,Letter-portrait"`
	Lang     string            `json:"lang,omitempty" doc:"BCP 47; absent: en"`
	Text     map[string]string `json:"text,omitempty" doc:"fixed texts of the template, by name"`
	Template any               `json:"template,omitempty" doc:"a template of one's own (docs/formats/template.md) instead of Name and Size"`
}

// MailText is what a recipient gets. {{recipient.name}}, {{type}}, {{issuer}}, {{url}} and {{claims.KEY}} are replaced.
type MailText struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// Achievement is what a badge of a type says beside the claims.
type Achievement struct {
	Type        string `json:"type,omitempty" doc:"an achievement type of Open Badges 3.0, such as Certificate"`
	Description string `json:"description,omitempty"`
	Criteria    string `json:"criteria,omitempty"`
	Image       string `json:"image,omitempty" doc:"data: URL of the badge's picture, PNG or SVG; absent: one is drawn"`
}

// NewType asks for a credential type, or changes one: then absent members stay.
type NewType struct {
	Key         string       `json:"key,omitempty"`
	DisplayName string       `json:"displayName,omitempty"`
	Kind        string       `json:"kind,omitempty" enum:"diploma,transcript,certificate,badge"`
	Issuer      string       `json:"issuer,omitempty" doc:"id or key of the issuer; absent: the only one"`
	From        string       `json:"from,omitempty" doc:"a starter type to begin with, such as starter/classic"`
	Fields      []Field      `json:"fields,omitempty"`
	Outputs     []string     `json:"outputs,omitempty" doc:"vc, vc.jwt, pdf, badge; absent: vc"`
	Suite       string       `json:"suite,omitempty" doc:"cryptosuite of the credential; absent: by key, over RDFC-1.0" enum:"eddsa-rdfc-2022,eddsa-jcs-2022,ecdsa-rdfc-2019,ecdsa-jcs-2019"`
	Validity    *Validity    `json:"validity,omitempty" doc:"absent: for ever"`
	Layout      *Layout      `json:"layout,omitempty"`
	Mail        *MailText    `json:"mail,omitempty"`
	Achievement *Achievement `json:"achievement,omitempty"`
	Anchor      *bool        `json:"anchor,omitempty"`
	Active      *bool        `json:"active,omitempty"`
}

// Type is a credential type in one version.
type Type struct {
	ID          string       `json:"id"`
	Key         string       `json:"key"`
	Environment Environment  `json:"environment"`
	Version     int          `json:"version"`
	Starter     bool         `json:"starter" doc:"shipped with the engine; read only"`
	Active      bool         `json:"active"`
	DisplayName string       `json:"displayName"`
	Kind        string       `json:"kind"`
	Issuer      string       `json:"issuer" doc:"id of the issuer"`
	Fields      []Field      `json:"fields"`
	Outputs     []string     `json:"outputs"`
	Suite       string       `json:"suite,omitempty"`
	Validity    *Validity    `json:"validity"`
	Layout      *Layout      `json:"layout,omitempty"`
	Mail        *MailText    `json:"mail,omitempty"`
	Achievement *Achievement `json:"achievement,omitempty"`
	Anchor      bool         `json:"anchor"`
	CreatedAt   time.Time    `json:"createdAt"`
	UpdatedAt   time.Time    `json:"updatedAt"`
}

// InputFields says how to fill in a type.
type InputFields struct {
	Example ItemInput      `json:"example"`
	Fields  []Field        `json:"fields"`
	Schema  map[string]any `json:"schema" doc:"JSON Schema 2020-12 of the example's shape"`
}

// Validation is what is wrong with an input, Errors nil where nothing is.
type Validation struct {
	Valid  bool                `json:"valid"`
	Errors map[string][]string `json:"errors"`
}

// Recipient is who gets a credential.
type Recipient struct {
	ID    string `json:"id,omitempty" doc:"of a recipient known here"`
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
	DID   string `json:"did,omitempty" doc:"the holder's DID: it becomes credentialSubject.id"`
}

// ItemInput is what is said of one credential, alone or as a row of a batch.
type ItemInput struct {
	IdempotencyKey string         `json:"idempotencyKey,omitempty" doc:"in batches only"`
	ID             string         `json:"id,omitempty" doc:"1 to 128 of A-Z a-z 0-9 . _ -; absent: drawn"`
	Recipient      Recipient      `json:"recipient"`
	Claims         map[string]any `json:"claims,omitempty"`
	Private        map[string]any `json:"private,omitempty" doc:"write only: never returned"`
	ValidFrom      *time.Time     `json:"validFrom,omitempty" doc:"absent: now"`
	ValidUntil     *time.Time     `json:"validUntil,omitempty" doc:"absent: by the type"`
	Visibility     string         `json:"visibility,omitempty" doc:"absent: public" enum:"public,private"`
	DocumentID     string         `json:"documentId,omitempty" doc:"an uploaded PDF that is bound instead of rendering one"`
}

// NewCredential asks for one credential.
type NewCredential struct {
	Type string `json:"type" doc:"id or key of the type"`
	ItemInput
	Publish *bool    `json:"publish,omitempty" doc:"false: a draft. Absent: true"`
	Outputs []string `json:"outputs,omitempty" doc:"absent: those of the type"`
	Anchor  *bool    `json:"anchor,omitempty" doc:"absent: as the type says"`
	Notify  bool     `json:"notify,omitempty" doc:"e-mail to the recipient"`
}

// TypeRef names the type of a credential.
type TypeRef struct {
	ID          string `json:"id"`
	Key         string `json:"key"`
	DisplayName string `json:"displayName"`
	Version     int    `json:"version"`
}

// DigestValue is a digest as the API writes it.
type DigestValue struct {
	Alg   string `json:"alg"`
	Value string `json:"value" doc:"hexadecimal"`
}

// Artifact is a file of a credential.
type Artifact struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest,omitempty" doc:"hex of SHA-256; of evidence, which is made when it is asked for, in answers about one credential only"`
	Size      int64  `json:"size,omitempty" doc:"absent where digest is"`
	URL       string `json:"url"`
	ExpiresIn int    `json:"expiresIn,omitempty" doc:"seconds that url is good for; absent: for ever, with a key"`
}

// AnchorState tells how far a credential's or stamp's anchoring has come.
type AnchorState struct {
	State       string `json:"state" enum:"pending,batched,submitted,anchored,failed"`
	StampID     string `json:"stampId"`
	Batch       *int64 `json:"batch,omitempty"`
	Transaction string `json:"transaction,omitempty"`
	Chain       string `json:"chain,omitempty" doc:"CAIP-2, such as eip155:1"`
	Block       uint64 `json:"block,omitempty"`
}

// Notification tells about the e-mail to the recipient.
type Notification struct {
	State   string     `json:"state" enum:"queued,sent,failed"`
	At      *time.Time `json:"at,omitempty"`
	Problem string     `json:"problem,omitempty" doc:"why it failed: it was refused, could not be delivered, or was not to be sent any more"`
}

// Credential is a credential as its issuer sees it.
type Credential struct {
	ID              string              `json:"id"`
	PublicID        string              `json:"publicId"`
	Environment     Environment         `json:"environment"`
	State           State               `json:"state"`
	Version         int                 `json:"version"`
	Type            TypeRef             `json:"type"`
	Issuer          Named               `json:"issuer"`
	Recipient       Recipient           `json:"recipient"`
	Claims          map[string]any      `json:"claims"`
	PrivateFields   []string            `json:"privateFields"`
	CreatedAt       time.Time           `json:"createdAt"`
	IssuedAt        *time.Time          `json:"issuedAt"`
	ValidFrom       *time.Time          `json:"validFrom"`
	ValidUntil      *time.Time          `json:"validUntil"`
	RevokedAt       *time.Time          `json:"revokedAt,omitempty"`
	SuspendedAt     *time.Time          `json:"suspendedAt,omitempty"`
	ReinstatedAt    *time.Time          `json:"reinstatedAt,omitempty"`
	Reason          string              `json:"reason,omitempty"`
	Supersedes      string              `json:"supersedes,omitempty"`
	SupersededBy    string              `json:"supersededBy,omitempty"`
	Visibility      string              `json:"visibility"`
	BatchID         string              `json:"batchId,omitempty"`
	DocumentID      string              `json:"documentId,omitempty"`
	Digest          *DigestValue        `json:"digest"`
	VerificationURL string              `json:"verificationUrl,omitempty"`
	StatusList      string              `json:"statusList,omitempty"`
	Artifacts       map[string]Artifact `json:"artifacts"`
	Anchor          *AnchorState        `json:"anchor"`
	Notify          *Notification       `json:"notify"`
}

// DraftChange changes a draft; absent members stay.
type DraftChange struct {
	Recipient  *Recipient     `json:"recipient,omitempty"`
	Claims     map[string]any `json:"claims,omitempty"`
	Private    map[string]any `json:"private,omitempty"`
	ValidFrom  *time.Time     `json:"validFrom,omitempty"`
	ValidUntil *time.Time     `json:"validUntil,omitempty"`
	Visibility *string        `json:"visibility,omitempty" enum:"public,private"`
	Outputs    []string       `json:"outputs,omitempty"`
	Anchor     *bool          `json:"anchor,omitempty"`
	Notify     *bool          `json:"notify,omitempty"`
}

// CredentialFilter filters a list of credentials.
type CredentialFilter struct {
	Type, RecipientEmail, RecipientName, BatchID string
	State                                        State
	ClaimKey, ClaimValue                         string
	IssuedAfter, IssuedBefore                    time.Time
	Oldest                                       bool
}

// File is a file that is handed out.
type File struct {
	Name      string // to save it under
	MediaType string
	Digest    string // hex of SHA-256: its ETag
	Bytes     []byte
}
