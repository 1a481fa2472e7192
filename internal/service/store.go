package service

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/chancery-dev/chancery/anchor"
)

// Errors of stores, for errors.Is.
var (
	// ErrNotFound: nothing there, in that scope.
	ErrNotFound = errors.New("service: not found")
	// ErrExists: something with that key is there already.
	ErrExists = errors.New("service: exists already")
	// ErrConflict: it was changed in between. Read again.
	ErrConflict = errors.New("service: changed in between")
	// ErrUnavailable: the database or the files cannot be reached, or are full. What was
	// asked for has not happened, or, of an Update whose commit was not answered, may
	// have happened.
	ErrUnavailable = errors.New("service: store is not available")
)

// Store keeps everything but files. Every implementation passes package storetest.
//
// What is guaranteed: an Update happens wholly or not at all, is durable when it returns
// nil, and is isolated: of two Updates of which each reads what the other writes by a
// compared version or a unique key, one fails with ErrConflict or ErrExists or runs
// again. A View sees what was committed before it began. All methods are safe for
// concurrent use, by several processes where the implementation says so.
type Store interface {
	// View runs f on a state that does not change under it. f must not write.
	View(ctx context.Context, f func(Tx) error) error
	// Update runs f and commits where it returns nil; otherwise nothing is written and
	// f's error is returned. f may be run more than once and has no effect but by its Tx.
	// It must not block on anything but the Tx: others wait for it.
	Update(ctx context.Context, f func(Tx) error) error

	// Work runs jobs until ctx ends, then waits for those that run. A process that only
	// serves requests does not call it.
	Work(ctx context.Context, c WorkConfig) error

	// Anchors is the store of a scope's batches of anchored items.
	Anchors(s Scope) anchor.Store

	// Ready reports whether the store can be read and written now.
	Ready(ctx context.Context) error
	Close() error
}

// Scrubber is a Store whose files go on holding what Updates have deleted or written over,
// until the space is needed.
type Scrubber interface {
	// Scrub has that taken out of them, of all Updates that have returned. It waits for
	// nothing and does not fail: it is done in the background, and if the process ends before,
	// when the store is opened next.
	Scrub()
}

// Scrub is called after personal data was erased. A Store that is no Scrubber has nothing
// to do then, or it is the business of who runs its database.
func Scrub(st Store) {
	if s, ok := st.(Scrubber); ok {
		s.Scrub()
	}
}

// Tx is a transaction. It is not safe for concurrent use and is dead when its function
// has returned. Times are kept to the microsecond, in UTC.
type Tx interface {
	Records
	CredentialTx
	StatusTx
	RowTx
	LogTx

	// Recall finds an answer stored under an idempotency key, ErrNotFound where there is
	// none that has not expired at now.
	Recall(ctx context.Context, s Scope, route, key string, now time.Time) (Answer, error)
	// Remember stores one; ErrExists where there is one that has not expired at now.
	Remember(ctx context.Context, s Scope, route, key string, a Answer, now time.Time) error
	// Forget deletes answers that expired before now, at most n, and returns how many.
	Forget(ctx context.Context, now time.Time, n int) (int, error)

	// Enqueue adds a job, which runs after the commit. Of two jobs with the same Kind and
	// Key, of which one is still waiting, the second is not added.
	Enqueue(ctx context.Context, j Job) error
}

// Answer is what a call answered, for calls that repeat it.
type Answer struct {
	Digest  [32]byte // of the request
	Body    []byte   // JSON of the result, sealed where it holds a secret
	Expires time.Time
}

// Record is a small thing that is found by its id: an issuer, a type, a webhook. What is
// in Body is the business of package service.
type Record struct {
	Kind Kind
	ID   string
	// Parent groups records of a kind, such as the versions of a type. "": none.
	Parent string
	// Lookup is unique among all records of Kind in all scopes. "": not found by it.
	Lookup  string
	Created time.Time
	Updated time.Time
	// Version counts changes, from 1. Put compares it.
	Version int64
	Body    []byte // JSON, UTF-8
}

// Kind is the kind of a Record.
type Kind string

// The kinds of records.
const (
	KindTenant    Kind = "tenant"
	KindKey       Kind = "api-key"
	KindIssuer    Kind = "issuer"
	KindIssuerKey Kind = "issuer-key"
	KindType      Kind = "type"
	KindVersion   Kind = "type-version"
	KindSubject   Kind = "subject"
	KindBatch     Kind = "batch"
	KindDocument  Kind = "document"
	KindSignature Kind = "signature"
	KindStamp     Kind = "stamp"
	KindWebhook   Kind = "webhook"
	KindDelivery  Kind = "delivery"
	KindMail      Kind = "mail"
	KindPortfolio Kind = "portfolio"
	KindChallenge Kind = "challenge"
	KindExchange  Kind = "exchange"
	KindExport    Kind = "export"
	KindSetting   Kind = "setting"
)

// Records are kept by scope, kind and id.
type Records interface {
	// Get returns a record, ErrNotFound where there is none.
	Get(ctx context.Context, s Scope, k Kind, id string) (Record, error)
	// Find returns the record of any scope with that Lookup.
	Find(ctx context.Context, k Kind, lookup string) (Scope, Record, error)
	// Put writes a record. Version 0 adds it: ErrExists where its id or Lookup is taken.
	// Otherwise it replaces the record that has that Version: ErrConflict where it has
	// another, ErrNotFound where there is none. Created is kept. The stored Version is
	// one more than r.Version.
	Put(ctx context.Context, s Scope, r Record) error
	// PutNew adds a record with Version 1 unless its id or Lookup is taken: then it does
	// nothing. Of transactions at once, one adds it.
	PutNew(ctx context.Context, s Scope, r Record) error
	// Delete removes a record, ErrNotFound where there is none.
	Delete(ctx context.Context, s Scope, k Kind, id string) error
	// List returns records, newest first (Created, then ID), of one Parent where it is
	// not nil.
	List(ctx context.Context, s Scope, k Kind, parent *string, p Page) (List[Record], error)
	// GetList is Get, and the MaxLimit newest records of another kind in no order, at the
	// price of one: who issues reads the issuer and the webhooks each time.
	GetList(ctx context.Context, s Scope, k Kind, id string, listed Kind) (Record, []Record, error)
	// Scopes yields every scope that holds a record of kind k.
	Scopes(ctx context.Context, k Kind) ([]Scope, error)
}

// StoredCredential is a credential of any state. What lists are filtered by has a
// member; the rest is in Body.
type StoredCredential struct {
	ID       string // unique in its scope
	PublicID string // unique among all
	State    State  // draft, issued, suspended, revoked, superseded
	Version  int64  // counts changes, from 1; compared like that of a Record
	Issue    int    // which signed form of it this is, from 1; 0: a draft

	TypeID    string
	IssuerID  string
	SubjectID string // of the recipient, "" when erased
	BatchID   string // "" where issued alone

	RecipientName  string // "" when erased
	RecipientEmail string // lower case, "" where none or erased

	Claims map[string]string // what can be searched by, values as text

	Created    time.Time
	IssuedAt   time.Time // zero: a draft
	ValidUntil time.Time // zero: for ever

	ListID string // status list, "" where none
	Index  int64  // in it; ListID and Index together are unique

	Digest string // hex of the SHA-256 of the signed credential, "" for drafts
	Body   []byte // JSON
}

// CredentialQuery filters credentials. Zero members filter nothing. All that are set must hold.
type CredentialQuery struct {
	TypeID         string
	State          State // of the clock: StateExpired, and StateIssued without the expired
	SubjectID      string
	BatchID        string
	RecipientEmail string // whole, lower case
	RecipientName  string // beginning, any case
	ClaimKey       string // with ClaimValue: whole
	ClaimValue     string
	IssuedAfter    time.Time
	IssuedBefore   time.Time
	Now            time.Time // for State
	Oldest         bool      // oldest first; otherwise newest first. By IssuedAt, drafts by Created
}

// CredentialTx keeps credentials and their signed forms.
type CredentialTx interface {
	// Credential returns one, ErrNotFound where there is none.
	Credential(ctx context.Context, s Scope, id string) (StoredCredential, error)
	// PublicCredential finds one of any scope by its public id.
	PublicCredential(ctx context.Context, publicID string) (Scope, StoredCredential, error)
	// DigestCredential finds the one of any scope of which an artefact, of any issue,
	// has a digest (hex of SHA-256).
	DigestCredential(ctx context.Context, digest string) (Scope, StoredCredential, error)
	// AddCredential adds some with their Version set to 1. ErrExists where ID, PublicID or
	// ListID and Index are taken: the transaction has failed then, which may be told as
	// late as where it commits.
	AddCredential(ctx context.Context, s Scope, c ...StoredCredential) error
	// SetCredential replaces one, comparing Version.
	SetCredential(ctx context.Context, s Scope, c StoredCredential) error
	// DeleteCredential removes one and its artefacts, comparing Version.
	DeleteCredential(ctx context.Context, s Scope, id string, version int64) error
	// Credentials lists them.
	Credentials(ctx context.Context, s Scope, q CredentialQuery, p Page) (List[StoredCredential], error)

	// AddArtifact adds an artefact of a credential: ErrExists where that name is there
	// for that issue.
	AddArtifact(ctx context.Context, s Scope, id string, a StoredArtifact) error
	// Artifacts returns those of one issue, 0: of all, in the order of issue and name.
	Artifacts(ctx context.Context, s Scope, id string, issue int) ([]StoredArtifact, error)
	// DeleteArtifacts removes all of a credential and returns them (for their blobs).
	DeleteArtifacts(ctx context.Context, s Scope, id string) ([]StoredArtifact, error)
}

// StoredArtifact is a signed form or rendition of a credential.
type StoredArtifact struct {
	Name      string // vc, vc.jwt, pdf, png, svg, evidence
	Issue     int
	MediaType string
	Digest    string // hex of SHA-256
	Size      int64
	// Bytes holds small ones: text, in UTF-8. Others are in the Blobs under Digest and
	// Bytes is nil.
	Bytes   []byte
	Created time.Time
}

// StoredList is a status list: a pair of published lists, for revocation and suspension,
// with the same indices.
type StoredList struct {
	ID       string // unique among all
	IssuerID string
	Entries  int64  // how many indices it has
	Next     int64  // how many are given out
	Sealed   []byte // the secret permutation of indices, sealed
	Version  int64  // counts changes of bits
	Created  time.Time
}

// StatusTx keeps status lists.
type StatusTx interface {
	AddList(ctx context.Context, s Scope, l StoredList) error
	// StatusList finds one of any scope.
	StatusList(ctx context.Context, id string) (Scope, StoredList, error)
	// OpenList returns the newest list of an issuer, ErrNotFound where there is none.
	OpenList(ctx context.Context, s Scope, issuer string) (StoredList, error)
	// Take reserves up to n counts of a list: the first and how many, 0 where it is full.
	// No count is ever returned twice, not even by transactions that run at once.
	Take(ctx context.Context, s Scope, id string, n int64) (first, count int64, err error)
	// SetBit sets or clears a bit, and locks the list until the end of the transaction, so
	// that its other bits, read afterwards, are those that are published with this one.
	SetBit(ctx context.Context, s Scope, id, purpose string, index int64, value bool) error
	// LockList locks without setting, and returns the list as it is then.
	LockList(ctx context.Context, s Scope, id string) (StoredList, error)
	// Bits yields the indices that are set.
	Bits(ctx context.Context, s Scope, id, purpose string) iter.Seq2[int64, error]
	// Publish stores the signed list of a purpose, and Published returns it.
	Publish(ctx context.Context, s Scope, id, purpose string, p Publication) error
	Published(ctx context.Context, id, purpose string) (Publication, error)
	// Stale returns lists of any scope of which a publication ends before a time, or after
	// another, at most n.
	Stale(ctx context.Context, before, after time.Time, n int) ([]StaleList, error)
}

// Publication is a signed status list as it is served.
type Publication struct {
	Bytes     []byte // JSON
	MediaType string
	Issued    time.Time
	Ends      time.Time // when verifiers stop to believe it
}

// StaleList names a publication that has to be renewed.
type StaleList struct {
	Scope
	ID, Purpose string
}

// Row is a row of a batch.
type Row struct {
	Index int64
	// State is queued, issued or failed.
	State string
	// Key is the row's own idempotency key, "" where none: unique in its batch.
	Key string
	// CredentialID and PublicID are fixed when the row is accepted.
	CredentialID string
	PublicID     string
	Body         []byte // JSON of the item; emptied when it is issued
	Errors       []byte // JSON, nil where none
}

// RowCounts counts the rows of a batch.
type RowCounts struct{ Total, Queued, Issued, Failed int64 }

// RowTx keeps rows of batches.
type RowTx interface {
	// AddRows appends rows, ErrExists where an Index or Key is taken.
	AddRows(ctx context.Context, s Scope, batch string, rows []Row) error
	// Rows returns rows of a state ("": any) with Index >= from, in order, at most n.
	Rows(ctx context.Context, s Scope, batch, state string, from int64, n int) ([]Row, error)
	// SetRows changes State, Body and Errors of rows that are still queued; ErrConflict,
	// and nothing is changed, where one of them is not.
	SetRows(ctx context.Context, s Scope, batch string, rows []Row) error
	// CountRows counts them without reading them all each time.
	CountRows(ctx context.Context, s Scope, batch string) (RowCounts, error)
	// DeleteRows removes all rows of a batch.
	DeleteRows(ctx context.Context, s Scope, batch string) error
}

// AuditEntry is one line of the audit log: who, what, when, from where.
type AuditEntry struct {
	ID      string // random; unique
	At      time.Time
	Actor   string
	Action  string // such as "credential.revoke"
	Subject string // the id of what it was done to
	Source  string
	Request string
	Detail  []byte // JSON, without personal data; nil: none
	// Seq and Hash are set when the entry is chained: Seq counts from 1 in its scope, Hash
	// is that of the entry and of the hash before. 0 and nil: not yet.
	Seq  int64
	Hash []byte
}

// LogEntry is one line of the verification log. It tells nothing about who asked.
type LogEntry struct {
	ID      string
	At      time.Time
	Subject string // id of the credential, "" where not known here
	Method  string // id, upload, hash, vcalm
	Outcome string
	Reason  string
	Source  string // coarse: "web", "api"
}

// LogTx keeps the logs.
type LogTx interface {
	AddAudit(ctx context.Context, s Scope, e AuditEntry) error
	// Unchained returns entries without Seq in the order of At and ID, at most n.
	Unchained(ctx context.Context, s Scope, n int) ([]AuditEntry, error)
	// UnchainedScopes returns scopes that have such entries.
	UnchainedScopes(ctx context.Context) ([]Scope, error)
	// ChainAudit sets Seq and Hash of entries. ErrConflict where an entry has them
	// already or a Seq is taken.
	ChainAudit(ctx context.Context, s Scope, entries []AuditEntry) error
	// LastAudit returns the entry with the highest Seq, ErrNotFound where there is none.
	LastAudit(ctx context.Context, s Scope) (AuditEntry, error)
	// Audit lists chained entries, newest first; and AuditFrom those with Seq >= from in order.
	Audit(ctx context.Context, s Scope, p Page) (List[AuditEntry], error)
	AuditFrom(ctx context.Context, s Scope, from int64, n int) ([]AuditEntry, error)

	AddVerifications(ctx context.Context, s Scope, entries []LogEntry) error
	Verifications(ctx context.Context, s Scope, p Page) (List[LogEntry], error)
	// ForgetVerifications deletes lines of all scopes from before t, at most n, and returns
	// how many.
	ForgetVerifications(ctx context.Context, t time.Time, n int) (int, error)

	// Count adds to a counter of the scope (such as live credentials of a month) and
	// returns the new value.
	Count(ctx context.Context, s Scope, name string, add int64) (int64, error)
}
