package service

import (
	"encoding/hex"
	"time"
)

// StoredTenant is the body of a KindTenant record, in the tenant's scope without an
// environment. Its id is that of the tenant.
type StoredTenant struct {
	Name string `json:"name"`
	// NoVerificationLog keeps no verification log of the tenant's credentials.
	NoVerificationLog bool `json:"noVerificationLog,omitempty"`
}

// StoredKey is the body of a KindKey record; its id and its Lookup are the key's id.
type StoredKey struct {
	Name    string       `json:"name"`
	Scopes  []Permission `json:"scopes"`
	Enabled bool         `json:"enabled"`
	Expires *time.Time   `json:"expires,omitempty"`
	Revoked *time.Time   `json:"revoked,omitempty"`
	// Hash is the SHA-256 of the secret.
	Hash []byte `json:"hash"`
	By   string `json:"by,omitempty"` // who made it
}

// StoredLastUse is the body of the KindSetting record "key-used/<id>", written from time
// to time, apart from the key so that using it conflicts with nothing.
type StoredLastUse struct {
	At time.Time `json:"at"`
}

// StoredIssuer is the body of a KindIssuer record, whose Lookup is the DID.
type StoredIssuer struct {
	ID     string            `json:"id"`
	Key    string            `json:"key"`
	Name   string            `json:"name"`
	URL    string            `json:"url,omitempty"`
	Image  string            `json:"image,omitempty"` // data: URL
	DID    string            `json:"did"`
	Keys   []StoredIssuerKey `json:"keys"`  // newest last
	Certs  []StoredCert      `json:"certs"` // newest last
	Method string            `json:"method"`
	// Lists are the ids of its status lists, the newest last.
	Lists    []string `json:"lists,omitempty"`
	Revision int64    `json:"-"` // the record's version
	Scope    Scope    `json:"-"`
}

// StoredIssuerKey is one key of an issuer, which stays when it is retired; its private
// part does not.
type StoredIssuerKey struct {
	Method    string    `json:"method"` // verification method
	Type      string    `json:"type"`
	Multibase string    `json:"multibase"`
	From      time.Time `json:"from"`
	// Until is when it was retired. nil: in use.
	Until *time.Time `json:"until,omitempty"`
	// Compromised is when it was said to be known to others: it is not believed from then
	// on, whatever time a signature claims. nil: it is not.
	Compromised *time.Time `json:"compromised,omitempty"`
	// Sealed is the PKCS#8 form, or Ref names a key of the key provider.
	Sealed []byte `json:"sealed,omitempty"`
	Ref    string `json:"ref,omitempty"`
}

// StoredCert is a key and certificate that PDFs are sealed with.
type StoredCert struct {
	Chain  [][]byte `json:"chain"` // DER, the signer's first
	Sealed []byte   `json:"sealed,omitempty"`
	Ref    string   `json:"ref,omitempty"`
}

// StoredType is the body of a KindVersion record, whose id is that of the type, a slash and
// the number of the version; its Parent is the type. It never changes.
type StoredType struct {
	Type    string `json:"type"` // id of the type
	Version int    `json:"version"`
	NewType
	// Picture is the badge's, drawn or given: digests of PNG and SVG in the Blobs, "" without.
	PNG string `json:"png,omitempty"`
	SVG string `json:"svg,omitempty"`
	At  time.Time
}

// StoredTypeHead is the body of a KindType record: which version is the newest. Its Lookup
// is its key within its scope.
type StoredTypeHead struct {
	Key     string `json:"key"`
	Version int    `json:"version"`
	Active  bool   `json:"active"`
}

// StoredSubject is the body of a KindSubject record: a recipient.
type StoredSubject struct {
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
	DID   string `json:"did,omitempty"`
}

// StoredBody is the body of a StoredCredential: what is not searched by. Erasing a person
// empties Claims, Sealed and RecipientDID and sets Erased.
type StoredBody struct {
	TypeVersion  int            `json:"typeVersion"`
	Outputs      []string       `json:"outputs"`
	Anchor       bool           `json:"anchor,omitempty"`
	Notify       bool           `json:"notify,omitempty"` // wanted
	Content      string         `json:"content"`          // hex of the digest of what was asked for
	RecipientDID string         `json:"recipientDid,omitempty"`
	Claims       map[string]any `json:"claims,omitempty"`
	Private      []string       `json:"private,omitempty"` // names of private fields that were given
	// Sealed holds private values and salts (context SealContext).
	Sealed     []byte     `json:"sealed,omitempty"`
	ValidFrom  *time.Time `json:"validFrom,omitempty"`
	Visibility string     `json:"visibility"`
	Document   string     `json:"document,omitempty"` // id of the bound document
	// DocumentDigest is hex of the SHA-256 of the bound document's file.
	DocumentDigest string     `json:"documentDigest,omitempty"`
	RevokedAt      *time.Time `json:"revokedAt,omitempty"`
	SuspendedAt    *time.Time `json:"suspendedAt,omitempty"`
	ReinstatedAt   *time.Time `json:"reinstatedAt,omitempty"`
	Reason         string     `json:"reason,omitempty"`
	Supersedes     string     `json:"supersedes,omitempty"`
	SupersededBy   string     `json:"supersededBy,omitempty"`
	StampID        string     `json:"stampId,omitempty"`
	MailID         string     `json:"mailId,omitempty"`
	Erased         *time.Time `json:"erased,omitempty"`
	// Endless: a draft that is to hold for ever, whatever its type says.
	Endless bool `json:"endless,omitempty"`
	// Earlier are the places of earlier signed forms, all of which are revoked.
	Earlier []StatusPlace `json:"earlier,omitempty"`
}

// SealContext is the context that StoredBody.Sealed is sealed with.
func SealContext(s Scope, publicID string) string {
	return "credential\x00" + s.Tenant + "\x00" + string(s.Environment) + "\x00" + publicID
}

// secrets is what is sealed in a StoredBody.
type secrets struct {
	EmailSalt string                   `json:"emailSalt,omitempty"`
	Private   map[string]privateSecret `json:"private,omitempty"`
}

// privateSecret opens a commitment: sha256(value ‖ salt), both as UTF-8.
type privateSecret struct {
	Value string `json:"value"`
	Salt  string `json:"salt"`
}

// StoredMail is the body of a KindMail record, whose id is the mail's.
type StoredMail struct {
	MessageID  string     `json:"messageId"`
	Credential string     `json:"credential"`
	State      string     `json:"state"` // queued, sent, failed
	At         *time.Time `json:"at,omitempty"`
	Problem    string     `json:"problem,omitempty"`
}

// Kinds of jobs of the core: see Service.Jobs.
const (
	JobMail   = "mail.send"
	JobExpire = "credential.expire"
	JobRenew  = "status.renew"
	JobForget = "answers.forget"
	JobTidy   = "verifications.forget"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }
