package service

import "time"

// NewBatch asks for many credentials of one type.
type NewBatch struct {
	Name    string      `json:"name,omitempty"`
	Type    string      `json:"type"`
	DryRun  bool        `json:"dryRun,omitempty" doc:"only check"`
	Mode    string      `json:"mode,omitempty" doc:"allOrNothing: one bad row refuses all; partial: bad rows fail. Absent: allOrNothing" enum:"allOrNothing,partial"`
	Publish *bool       `json:"publish,omitempty"`
	Outputs []string    `json:"outputs,omitempty"`
	Anchor  *bool       `json:"anchor,omitempty"`
	Notify  bool        `json:"notify,omitempty"`
	Items   []ItemInput `json:"items,omitempty" doc:"rows; as NDJSON or CSV they are the body"`
}

// Counts counts the rows of a batch.
type Counts struct {
	Total  int64 `json:"total"`
	Queued int64 `json:"queued"`
	Issued int64 `json:"issued"`
	Failed int64 `json:"failed"`
}

// Batch is a batch. Done is true when no row is queued.
type Batch struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Environment Environment `json:"environment"`
	Type        TypeRef     `json:"type"`
	State       string      `json:"state" enum:"queued,running,done,halted"`
	Done        bool        `json:"done"`
	Counts      Counts      `json:"counts"`
	Problem     string      `json:"problem,omitempty" doc:"why it is halted"`
	CreatedAt   time.Time   `json:"createdAt"`
	FinishedAt  *time.Time  `json:"finishedAt"`
}

// BatchItem is a row of a batch.
type BatchItem struct {
	Index      int64               `json:"index"`
	ID         string              `json:"id"`
	State      string              `json:"state" enum:"queued,issued,failed"`
	Credential *Named              `json:"credential" doc:"id, and the verification URL as name"`
	Errors     map[string][]string `json:"errors"`
}

// Stamp is a hash that is anchored.
type Stamp struct {
	ID          string            `json:"id"`
	Environment Environment       `json:"environment"`
	Alg         string            `json:"alg"`
	Value       string            `json:"value"`
	State       string            `json:"state" enum:"pending,batched,submitted,anchored,failed"`
	Meta        map[string]string `json:"meta,omitempty"`
	Anchor      *AnchorState      `json:"anchor"`
	CreatedAt   time.Time         `json:"createdAt"`
}

// NewStamp is a hash to be anchored.
type NewStamp struct {
	Alg   string            `json:"alg" enum:"sha-256,sha-384,sha-512,sha3-256,blake2b-256,blake2b-512"`
	Value string            `json:"value" minLength:"24" doc:"hex or base64 of as many bytes as alg has"`
	Salt  string            `json:"salt,omitempty" doc:"hex of 32 bytes; absent: drawn"`
	Meta  map[string]string `json:"meta,omitempty"`
}

// Anchor is a batch of stamps on its chain.
type Anchor struct {
	Number      int64       `json:"number"`
	Environment Environment `json:"environment"`
	State       string      `json:"state" enum:"sealed,submitted,anchored,failed"`
	Size        uint64      `json:"size"`
	Root        string      `json:"root"`
	Digest      string      `json:"digest"`
	SealedAt    time.Time   `json:"sealedAt"`
	Chain       string      `json:"chain,omitempty"`
	Transaction string      `json:"transaction,omitempty"`
	Block       uint64      `json:"block,omitempty"`
	BlockHash   string      `json:"blockHash,omitempty"`
	FinalAt     *time.Time  `json:"finalAt"`
	Timestamped bool        `json:"timestamped"`
	Problem     string      `json:"problem,omitempty"`
}

// Document is an uploaded file.
type Document struct {
	ID          string      `json:"id"`
	Environment Environment `json:"environment"`
	Name        string      `json:"name"`
	MediaType   string      `json:"mediaType"`
	Size        int64       `json:"size"`
	Digest      DigestValue `json:"digest"`
	Signatures  []Signature `json:"signatures"`
	CreatedAt   time.Time   `json:"createdAt"`
}

// NewSignature asks for a signature on a document.
type NewSignature struct {
	Kind   string  `json:"kind" enum:"institutional,thirdParty,remote"`
	Level  string  `json:"level,omitempty" doc:"PAdES level; absent: B-B, or the highest that the installation's authorities allow" enum:"B-B,B-T,B-LT,B-LTA"`
	Issuer string  `json:"issuer,omitempty" doc:"whose certificate, of an institutional one; absent: the only issuer's"`
	Reason string  `json:"reason,omitempty"`
	Signer *Signer `json:"signer,omitempty" doc:"of a third party"`
	// Certificate and Chain begin a remote signature: the answer holds what to sign.
	Certificate string `json:"certificate,omitempty" doc:"PEM chain of a remote signing service's certificate"`
}

// Signer is a person who is asked to sign.
type Signer struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Signature is a signature, wanted or made.
type Signature struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	State  string `json:"state" enum:"invited,prepared,signed,declined,expired,withdrawn"`
	Level  string `json:"level,omitempty"`
	Signer string `json:"signer,omitempty" doc:"name of the signer; of a third party, of whom was invited"`
	// SignedBy and Trusted are of a third party's signature: who was invited is not who the
	// certificate names until somebody has looked.
	SignedBy string     `json:"signedBy,omitempty" doc:"whom the certificate of a third party names"`
	Trusted  *bool      `json:"trusted,omitempty" doc:"whether that certificate led to a root that is trusted here when the file arrived"`
	SignedAt *time.Time `json:"signedAt,omitempty"`
	Expires  *time.Time `json:"expiresAt,omitempty" doc:"of an invitation or preparation"`
	// ToSign and Hash are what a remote service signs.
	ToSign string `json:"toSign,omitempty" doc:"base64 of the bytes to be signed (DER of the signed attributes)"`
	Digest string `json:"digest,omitempty" doc:"base64 of their digest"`
	Hash   string `json:"hash,omitempty" enum:"SHA-256,SHA-384,SHA-512"`
}

// NewWebhook asks for a webhook endpoint.
type NewWebhook struct {
	URL         string   `json:"url"`
	Description string   `json:"description,omitempty"`
	Events      []string `json:"events" minItems:"1" doc:"types of events, or * for all"`
	Algorithm   string   `json:"algorithm,omitempty" doc:"v1: HMAC-SHA256; v1a: Ed25519. Absent: v1" enum:"v1,v1a"`
}

// Webhook is a webhook endpoint. SigningSecret is in the answers that made it.
type Webhook struct {
	ID            string      `json:"id"`
	Environment   Environment `json:"environment"`
	URL           string      `json:"url"`
	Description   string      `json:"description"`
	Events        []string    `json:"events"`
	Active        bool        `json:"active"`
	Algorithm     string      `json:"algorithm"`
	PublicKey     string      `json:"publicKey,omitempty" doc:"whpk_…, of v1a"`
	Problem       string      `json:"problem,omitempty" doc:"why it was switched off"`
	CreatedAt     time.Time   `json:"createdAt"`
	SigningSecret string      `json:"signingSecret,omitempty"`
}

// WebhookChange changes a webhook; nil members stay.
type WebhookChange struct {
	URL         *string   `json:"url,omitempty"`
	Description *string   `json:"description,omitempty"`
	Events      *[]string `json:"events,omitempty"`
	Active      *bool     `json:"active,omitempty"`
}

// Delivery is an event on its way to a webhook.
type Delivery struct {
	ID        string     `json:"id" doc:"the webhook-id"`
	Webhook   string     `json:"webhook"`
	Event     string     `json:"event"`
	State     string     `json:"state" enum:"pending,delivered,failed"`
	CreatedAt time.Time  `json:"createdAt"`
	NextAt    *time.Time `json:"nextAt"`
	Attempts  []Attempt  `json:"attempts"`
}

// Attempt is one try to deliver.
type Attempt struct {
	At        time.Time `json:"at"`
	Status    int       `json:"status" doc:"HTTP status, 0 where there was no answer"`
	LatencyMS int64     `json:"latencyMs"`
	Answer    string    `json:"answer,omitempty" doc:"start of the answer"`
	Problem   string    `json:"problem,omitempty"`
}

// PortfolioItem is a credential in a portfolio.
type PortfolioItem struct {
	Credential string `json:"credential"`
	Visible    bool   `json:"visible"`
}

// PortfolioInput makes or replaces a portfolio.
type PortfolioInput struct {
	Title     string          `json:"title"`
	SubjectID string          `json:"subjectId"`
	Public    bool            `json:"public"`
	Items     []PortfolioItem `json:"items"`
}

// Portfolio is a public selection of a recipient's credentials.
type Portfolio struct {
	Slug        string      `json:"slug"`
	Environment Environment `json:"environment"`
	PortfolioInput
	URL       string    `json:"url"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Verification is a line of the verification log.
type Verification struct {
	At         time.Time `json:"at"`
	Credential string    `json:"credential"`
	Method     string    `json:"method"`
	Outcome    string    `json:"outcome"`
	Reason     string    `json:"reason,omitempty"`
	Source     string    `json:"source"`
}

// AuditLine is a line of the audit log.
type AuditLine struct {
	Seq     int64          `json:"seq"`
	At      time.Time      `json:"at"`
	Actor   string         `json:"actor"`
	Action  string         `json:"action"`
	Subject string         `json:"subject"`
	Source  string         `json:"source,omitempty"`
	Request string         `json:"requestId,omitempty"`
	Detail  map[string]any `json:"detail,omitempty"`
	Hash    string         `json:"hash" doc:"hex: SHA-256 over the line and the hash before"`
}

// Erasure tells what was erased of a person.
type Erasure struct {
	Subject     string    `json:"subject"`
	Credentials int       `json:"credentials"`
	Artifacts   int       `json:"artifacts"`
	At          time.Time `json:"at"`
	// Kept says what may be left of the person, for who has to see to the rest.
	Kept []string `json:"kept,omitempty"`
}

// KeptAfterErasure is what an erasure leaves: what is not to go, and what the register cannot
// know to be about a person.
func KeptAfterErasure() []string {
	return []string{
		"digests, proofs, status entries and ids of the credentials, so that copies in the hands of the person stay valid",
		"ids of credentials and names of batches, where whoever chose them wrote the name of the person into them",
		"documents that no credential is bound to",
		"backups and exports that were made before, and mail that was sent",
	}
}
