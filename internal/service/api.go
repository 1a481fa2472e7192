package service

import (
	"context"
	"io"
	"time"

	"github.com/chancery-dev/chancery/verifier"
)

// Keys are API keys and the tokens got with them.
type Keys interface {
	// Authenticate finds the caller of a bearer token: an API key or a JWT of Token. Any
	// fault is CodeKey, or CodeTokenExpired. Environment and tenant come from it alone.
	Authenticate(ctx context.Context, token string) (Caller, error)
	// Token exchanges an API key's id and secret for a token that holds an hour (client
	// credentials, RFC 6749, 4.4), with all of its permissions or fewer.
	Token(ctx context.Context, clientID, secret string, scopes []Permission) (Token, error)
	Me(ctx context.Context, c Caller) (Me, error)
	CreateKey(ctx context.Context, c Caller, in NewKey, i Idempotency) (Result[APIKey], error)
	ListKeys(ctx context.Context, c Caller, p Page) (List[APIKey], error)
	GetKey(ctx context.Context, c Caller, id string) (APIKey, error)
	ChangeKey(ctx context.Context, c Caller, id string, in KeyChange) (APIKey, error)
	// RevokeKey ends a key at once. It stays in the list, disabled, with its history.
	RevokeKey(ctx context.Context, c Caller, id string) error
}

// Issuers are who issues.
type Issuers interface {
	CreateIssuer(ctx context.Context, c Caller, in NewIssuer, i Idempotency) (Result[Issuer], error)
	ListIssuers(ctx context.Context, c Caller, p Page) (List[Issuer], error)
	GetIssuer(ctx context.Context, c Caller, id string) (Issuer, error)
	RotateKey(ctx context.Context, c Caller, id string, in RotateKey, i Idempotency) (Result[Issuer], error)
}

// Types are credential types.
type Types interface {
	CreateType(ctx context.Context, c Caller, in NewType, i Idempotency) (Result[Type], error)
	// ListTypes lists the caller's, then the starters.
	ListTypes(ctx context.Context, c Caller, p Page) (List[Type], error)
	GetType(ctx context.Context, c Caller, id string) (Type, error)
	// ChangeType makes a new version.
	ChangeType(ctx context.Context, c Caller, id string, in NewType) (Type, error)
	InputFields(ctx context.Context, c Caller, id string) (InputFields, error)
	// Validate is the very check of Issue and of batches.
	Validate(ctx context.Context, c Caller, id string, in ItemInput) (Validation, error)
	// Preview draws a page of the type as PNG, with the given or the example's input.
	Preview(ctx context.Context, c Caller, id string, in ItemInput) (File, error)
}

// Credentials are issued and live.
type Credentials interface {
	Issue(ctx context.Context, c Caller, in NewCredential, i Idempotency) (Result[Credential], error)
	ListCredentials(ctx context.Context, c Caller, f CredentialFilter, p Page) (List[Credential], error)
	GetCredential(ctx context.Context, c Caller, id string) (Credential, error)
	ChangeDraft(ctx context.Context, c Caller, id string, in DraftChange) (Credential, error)
	DeleteDraft(ctx context.Context, c Caller, id string) error
	// Artifact returns exact bytes. The name is vc, vc.jwt, pdf, png, svg or evidence.
	Artifact(ctx context.Context, c Caller, id, name string) (File, error)
	Publish(ctx context.Context, c Caller, id string, i Idempotency) (Result[Credential], error)
	// Revoke, Suspend and Reinstate answer when the new status list is published.
	Revoke(ctx context.Context, c Caller, id, reason string, i Idempotency) (Result[Credential], error)
	Suspend(ctx context.Context, c Caller, id, reason string, i Idempotency) (Result[Credential], error)
	Reinstate(ctx context.Context, c Caller, id, reason string, i Idempotency) (Result[Credential], error)
	// SetExpiry changes a draft, or signs an issued credential again; nil: for ever.
	SetExpiry(ctx context.Context, c Caller, id string, until *time.Time, i Idempotency) (Result[Credential], error)
	// Supersede issues a credential in place of another.
	Supersede(ctx context.Context, c Caller, id string, in NewCredential, i Idempotency) (Result[Credential], error)
	// Send mails the recipient (again).
	Send(ctx context.Context, c Caller, id string, i Idempotency) (Result[Credential], error)
}

// Verdict is the answer of every verification, in the one shape of API.md, 7.
type Verdict struct {
	Report *verifier.Report
	// Lifecycle is what the issuer's register says, "" where it is not known here.
	Lifecycle State
	// Subject and Issuer are those of Report, with what the register adds.
	Subject verifier.Party
	Issuer  Named
	// Hidden: the issuer keeps the subject private.
	Hidden bool
	// Environment is that of the credential, "" where it is not known here: what was made in
	// Test is not a real one.
	Environment Environment
}

// Verifying is public: it takes no Caller.
type Verifying interface {
	// VerifyID judges the stored credential with that public id. An unknown one is
	// indeterminate, not_found.
	VerifyID(ctx context.Context, publicID, source string) (Verdict, error)
	// VerifyFiles judges an uploaded file, told by its content; a ZIP by each file in it.
	// Others may be needed by the first, such as the document an evidence file is about.
	VerifyFiles(ctx context.Context, files []Upload, source string) (Verdict, error)
	// VerifyCredential is VerifyFiles for one JSON text that holds a credential with
	// embedded proofs, which is most of what is asked. It answers false where b may be
	// anything else, JSON with faults included: nothing was noted then.
	VerifyCredential(ctx context.Context, b []byte, source string) (Verdict, bool, error)
	// VerifyHash looks a digest up: of an artefact or of a stamp.
	VerifyHash(ctx context.Context, alg string, digest []byte, source string) (Verdict, error)
	Verifications(ctx context.Context, c Caller, p Page) (List[Verification], error)
}

// Upload is a file as it was sent.
type Upload struct {
	Name  string // as the sender calls it; not trusted
	Bytes []byte
}

// Public is what anybody may read.
type Public interface {
	// PublicCredential is what the page of a credential shows.
	PublicCredential(ctx context.Context, publicID string) (PublicView, error)
	// PublicArtifact is a file of it; ErrNotFound also where the issuer hides it.
	PublicArtifact(ctx context.Context, publicID, name string) (File, error)
	PublicPortfolio(ctx context.Context, slug string) (PublicPortfolioView, error)
	// StatusList is a published list by the path after /status/.
	StatusList(ctx context.Context, id string) (File, time.Duration, error)
	// DIDDocument is that of an issuer by the path of its did:web, "" for the
	// installation itself; JWKS its keys.
	DIDDocument(ctx context.Context, path string) (File, error)
	JWKS(ctx context.Context, path string) (File, error)
	// Schema is the JSON Schema of a type's version, as credentials name it.
	Schema(ctx context.Context, id string) (File, error)
}

// PublicView is a credential as anybody may see it.
type PublicView struct {
	PublicID  string
	Type      string // name of the type
	Kind      string
	Verdict   Verdict
	Claims    []PublicClaim // public fields, in the type's order; none where hidden
	IssuedAt  time.Time
	Until     time.Time // zero: for ever
	RevokedAt time.Time
	URL       string // of the page
	Digest    string // hex of SHA-256 of the credential
	Artifacts map[string]Artifact
	Test      bool
	IssuerURL string
	// Image is the name of the artefact to show: png, svg, or "" to show the page's own.
	Image string
	// Picture is the picture of the type's badge, without a credential in it: the last part
	// of /pictures/<digest>.<extension>, the same for all of a type. "": none.
	Picture string
	// Interaction is the URL that wallets open, "" where there is none.
	Interaction  string
	SupersededBy string // public id
	Anchor       *AnchorState
}

// PublicClaim is a claim for people. Type is that of its field.
type PublicClaim struct{ Key, Label, Value, Type string }

// PublicPortfolioView is a portfolio as anybody may see it.
type PublicPortfolioView struct {
	Slug, Title, URL string
	Items            []PublicView
}

// Batches are many credentials at once.
type Batches interface {
	// CreateBatch checks every row before it answers. Rows come from next until it answers
	// io.EOF, so that a million of them are not held. A dry run, and a refused batch,
	// store nothing; errors of rows are in the CodeValidation error, and of a partial
	// batch in its items.
	CreateBatch(ctx context.Context, c Caller, in NewBatch, next func() (ItemInput, error), i Idempotency) (Result[Batch], error)
	ListBatches(ctx context.Context, c Caller, p Page) (List[Batch], error)
	GetBatch(ctx context.Context, c Caller, id string) (Batch, error)
	BatchItems(ctx context.Context, c Caller, id, state string, p Page) (List[BatchItem], error)
	ResumeBatch(ctx context.Context, c Caller, id string) (Batch, error)
	// WriteBatch writes a ZIP of all that was issued and a table of all rows.
	WriteBatch(ctx context.Context, c Caller, id string, w io.Writer) error
}

// Stamps anchor hashes.
type Stamps interface {
	CreateStamps(ctx context.Context, c Caller, in []NewStamp, i Idempotency) (Result[[]Stamp], error)
	GetStamp(ctx context.Context, c Caller, id string) (Stamp, error)
	// StampProof is the evidence, CBOR or its JSON view. Before it is there: CodeState.
	StampProof(ctx context.Context, c Caller, id string, json bool) (File, error)
	GetAnchor(ctx context.Context, c Caller, number int64) (Anchor, error)
}

// Documents are files that are signed.
type Documents interface {
	// CheckDocument says what AddDocument would refuse of a file, and stores nothing: of
	// several files all are taken, or none.
	CheckDocument(f Upload) error
	// AddDocument stores a file; the same content is the same document.
	AddDocument(ctx context.Context, c Caller, f Upload, i Idempotency) (Result[Document], error)
	GetDocument(ctx context.Context, c Caller, id string) (Document, error)
	DocumentFile(ctx context.Context, c Caller, id string) (File, error)
	// DeleteDocument removes one, with its signatures and open invitations, unless a
	// credential is bound to it.
	DeleteDocument(ctx context.Context, c Caller, id string) error
	AddSignature(ctx context.Context, c Caller, id string, in NewSignature, i Idempotency) (Result[Signature], error)
	// CompleteSignature ends a remote signature with the signature value.
	CompleteSignature(ctx context.Context, c Caller, id, signature string, value []byte) (Signature, error)
	// WithdrawSignature ends an invitation or a preparation that is open, at once; one that
	// came to its end is left as it is, and one that was made is a CodeState error.
	WithdrawSignature(ctx context.Context, c Caller, id, signature string) error
	// Invitation is what the holder of a single-use link sees; Sign takes his signed file,
	// which is verified; Decline ends it.
	Invitation(ctx context.Context, token string) (Invited, error)
	Sign(ctx context.Context, token string, f Upload) (Signature, error)
	Decline(ctx context.Context, token, reason string) error
}

// Invited is what an invited signer sees.
type Invited struct {
	Document  Document
	Signature Signature
	Issuer    string
	File      File
}

// Webhooks are told of events.
type Webhooks interface {
	CreateWebhook(ctx context.Context, c Caller, in NewWebhook, i Idempotency) (Result[Webhook], error)
	ListWebhooks(ctx context.Context, c Caller, p Page) (List[Webhook], error)
	GetWebhook(ctx context.Context, c Caller, id string) (Webhook, error)
	ChangeWebhook(ctx context.Context, c Caller, id string, in WebhookChange) (Webhook, error)
	DeleteWebhook(ctx context.Context, c Caller, id string) error
	// RotateSecret answers with a new secret; each replaced one, up to five, signs beside it
	// for a day of its own.
	RotateSecret(ctx context.Context, c Caller, id string, i Idempotency) (Result[Webhook], error)
	Deliveries(ctx context.Context, c Caller, webhook string, p Page) (List[Delivery], error)
	Replay(ctx context.Context, c Caller, delivery string) (Delivery, error)
}

// Portfolios are public selections.
type Portfolios interface {
	GetPortfolio(ctx context.Context, c Caller, slug string) (Portfolio, error)
	PutPortfolio(ctx context.Context, c Caller, slug string, in PortfolioInput) (Portfolio, error)
}

// Registry is about all of a tenant's data.
type Registry interface {
	Audit(ctx context.Context, c Caller, p Page) (List[AuditLine], error)
	// Export writes a ZIP of everything of the caller's tenant and environment:
	// credentials, public keys, status lists, proofs, the audit log, and a trust file with
	// which `chancery verify` judges them without us.
	Export(ctx context.Context, c Caller, w io.Writer) error
	// Erase erases a person: names, addresses, claims and files. Status entries, digests
	// and proofs stay.
	Erase(ctx context.Context, c Caller, subject string) (Erasure, error)
}
