// Package register is about all of an institution's data: it implements
// service.Registry: the audit log with its chain of hashes, the export of everything with
// what is needed to verify it without us, and the erasure of a person.
//
//	register, err := register.New(register.Config{Store: store, Blobs: blobs, Schemas: core, Rows: batches, Signers: documents, Stamper: stamps, BaseURL: …, Clock: time.Now})
//	handlers, every := register.Jobs()
//
// The audit log. A job chains the lines of each scope in the order of their time and id.
// The hash of a line is the SHA-256 of the JSON array (RFC 8785, UTF-8)
//
//	["chancery-audit",1,TENANT,ENVIRONMENT,SEQ,ID,TIME,ACTOR,ACTION,SUBJECT,SOURCE,REQUEST,DETAIL,PREVIOUS]
//
// where SEQ counts from 1, TIME is RFC 3339 in UTC with six decimals, DETAIL is the line's
// object or null, and PREVIOUS is the hash before in hexadecimal, "" for the first. Once a
// day the newest hash is anchored, so that the whole log before it cannot be rewritten.
//
// Caveats. What an erasure does not reach are copies that others hold, backups among them.
// The answers kept for Idempotency-Keys are sealed and are forgotten by themselves within a
// day; until then they are given out without the person.
package register

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// Schemas finds the JSON Schema of a type's version, as credentials name it.
type Schemas interface {
	Schema(ctx context.Context, id string) (service.File, error)
}

// Rows erases queued rows of batches about a person: *batch.Batches does.
type Rows interface {
	EraseRows(ctx context.Context, s service.Scope, match func(service.Recipient) bool) (int, error)
}

// Signers forgets a person who was asked to sign: *document.Documents does.
type Signers interface {
	EraseSigner(ctx context.Context, s service.Scope, email string) (int, error)
}

// Config says what Register works with.
type Config struct {
	// Store, Blobs, Schemas and Rows are required.
	Store   service.Store
	Blobs   service.Blobs
	Schemas Schemas
	Rows    Rows
	// Signers are the people who were asked to sign documents. Required.
	Signers Signers
	// Stamper anchors the head of the audit log, and finds evidence for exports. Nil: there
	// is none.
	Stamper service.Stamper
	// BaseURL is the public address of the installation. Required.
	BaseURL string
	// TSARoots are the certificates at which timestamps end that this installation gets:
	// exports name them as trusted. Nil: none.
	TSARoots []*x509.Certificate
	// Clock tells the time. Required.
	Clock func() time.Time
	// TempDir is where the directory of an export is kept while it is written. "": the
	// system's directory for temporary files.
	TempDir string
}

// Register implements service.Registry.
type Register struct{ c Config }

var _ service.Registry = (*Register)(nil)

// New checks the configuration.
func New(c Config) (*Register, error) {
	switch {
	case c.Store == nil || c.Blobs == nil || c.Schemas == nil || c.Rows == nil || c.Signers == nil || c.Clock == nil:
		return nil, errors.New("register: expected a store, blobs, schemas, rows, signers and a clock")
	case !strings.HasPrefix(c.BaseURL, "https://") && !strings.HasPrefix(c.BaseURL, "http://"):
		return nil, errors.New("register: expected an absolute base URL")
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	return &Register{c: c}, nil
}

func (g *Register) now() time.Time { return g.c.Clock().UTC().Truncate(time.Microsecond) }

// The jobs.
const (
	// JobChain chains new lines of the audit log.
	JobChain = "audit.chain"
	// JobAnchor has the newest hash of each scope's log anchored.
	JobAnchor = "audit.anchor"
	// JobForget removes a file that no one needs any more.
	JobForget = service.JobForgetFile
	// JobUnlink erases the digest and salt of a stamp.
	JobUnlink = "stamp.erase"
	// JobEraseAgain erases what was issued to a person while he was erased.
	JobEraseAgain = "subject.erase"
)

// Jobs returns what has to be done in the background, and how often.
func (g *Register) Jobs() (map[string]service.JobHandler, map[string]time.Duration) {
	handlers := map[string]service.JobHandler{JobChain: g.chain, JobForget: g.forget, JobUnlink: g.unlink, JobEraseAgain: g.eraseAgain}
	every := map[string]time.Duration{JobChain: 5 * time.Second}
	if g.c.Stamper != nil {
		handlers[JobAnchor], every[JobAnchor] = g.anchorHeads, 24*time.Hour
	}
	return handlers, every
}

const chainAtOnce = 500

// chain gives every line that has none its number and hash.
func (g *Register) chain(ctx context.Context, _ service.Run) error {
	var scopes []service.Scope
	err := g.c.Store.View(ctx, func(tx service.Tx) (err error) {
		scopes, err = tx.UnchainedScopes(ctx)
		return err
	})
	if err != nil {
		return err
	}
	for _, s := range scopes {
		for more := true; more; {
			if more, err = g.chainSome(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *Register) chainSome(ctx context.Context, s service.Scope) (more bool, err error) {
	err = retry(func() error {
		return g.c.Store.Update(ctx, func(tx service.Tx) error {
			entries, err := tx.Unchained(ctx, s, chainAtOnce)
			if err != nil || len(entries) == 0 {
				more = false
				return err
			}
			more = len(entries) == chainAtOnce
			last, err := tx.LastAudit(ctx, s)
			if err != nil && !errors.Is(err, service.ErrNotFound) {
				return err
			}
			seq, hash := last.Seq, last.Hash
			for n := range entries {
				seq++
				entries[n].Seq = seq
				if entries[n].Hash, err = HashLine(s, entries[n], hash); err != nil {
					return err
				}
				hash = entries[n].Hash
			}
			return tx.ChainAudit(ctx, s, entries)
		})
	})
	return more, err
}

// Line writes what is hashed of an entry: see the package's comment.
func Line(s service.Scope, e service.AuditEntry, previous []byte) ([]byte, error) {
	detail := jsontext.Value("null")
	if len(e.Detail) != 0 {
		detail = e.Detail
	}
	line, err := json.Marshal([]any{
		"chancery-audit", 1, s.Tenant, string(s.Environment), e.Seq, e.ID, e.At.UTC().Format("2006-01-02T15:04:05.000000Z"),
		e.Actor, e.Action, e.Subject, e.Source, e.Request, detail, hex.EncodeToString(previous),
	})
	if err != nil {
		return nil, err
	}
	v := jsontext.Value(line)
	if err := v.Canonicalize(); err != nil {
		return nil, err
	}
	return v, nil
}

// HashLine is the hash of an entry with its Seq, after the hash before.
func HashLine(s service.Scope, e service.AuditEntry, previous []byte) ([]byte, error) {
	line, err := Line(s, e, previous)
	sum := sha256.Sum256(line)
	return sum[:], err
}

// ErrAudit: the audit log is not as it was chained.
var ErrAudit = errors.New("register: the audit log was changed")

// VerifyAudit checks the chain of a scope's audit log from its beginning, and returns how
// many lines it has and the newest hash. What is wrong is ErrAudit.
func (g *Register) VerifyAudit(ctx context.Context, s service.Scope) (lines int64, head []byte, err error) {
	_, heads, err := g.heads(ctx, s)
	if err != nil {
		return 0, nil, err
	}
	anchored := map[int64]string{}
	for _, h := range heads.Anchored {
		anchored[h.Seq] = h.Hash
	}
	err = g.eachLine(ctx, s, func(e service.AuditEntry) error {
		lines++
		want, err := HashLine(s, e, head)
		if err != nil {
			return err
		}
		if e.Seq != lines || !bytes.Equal(e.Hash, want) {
			return fmt.Errorf("%w at line %d", ErrAudit, lines)
		}
		// That all hashes were made anew, or lines cut off at the end, is told by the
		// anchored heads.
		if hash, ok := anchored[lines]; ok && hash != hex.EncodeToString(want) {
			return fmt.Errorf("%w: line %d was anchored with another hash", ErrAudit, lines)
		}
		head = want
		return nil
	})
	if err != nil {
		return lines, head, err
	}
	for _, h := range heads.Anchored {
		if h.Seq > lines {
			return lines, head, fmt.Errorf("%w: line %d was anchored, and is missing", ErrAudit, h.Seq)
		}
	}
	return lines, head, nil
}

func (g *Register) eachLine(ctx context.Context, s service.Scope, f func(service.AuditEntry) error) error {
	for from := int64(1); ; {
		var some []service.AuditEntry
		err := g.c.Store.View(ctx, func(tx service.Tx) (err error) {
			some, err = tx.AuditFrom(ctx, s, from, chainAtOnce)
			return err
		})
		if err != nil {
			return err
		}
		for _, e := range some {
			if err := f(e); err != nil {
				return err
			}
		}
		if len(some) == 0 {
			return nil
		}
		from = some[len(some)-1].Seq + 1
	}
}

// Audit implements service.Registry: chained lines, the newest first.
func (g *Register) Audit(ctx context.Context, c service.Caller, p service.Page) (service.List[service.AuditLine], error) {
	var out service.List[service.AuditLine]
	if err := c.Need(service.MayAudit); err != nil {
		return out, err
	}
	err := g.c.Store.View(ctx, func(tx service.Tx) error {
		list, err := tx.Audit(ctx, c.Scope, p)
		if err != nil {
			return err
		}
		out = service.List[service.AuditLine]{Next: list.Next, Total: list.Total}
		for _, e := range list.Items {
			line := service.AuditLine{
				Seq: e.Seq, At: e.At.UTC(), Actor: e.Actor, Action: e.Action, Subject: e.Subject, Source: e.Source, Request: e.Request, Hash: hex.EncodeToString(e.Hash),
			}
			if len(e.Detail) != 0 {
				if err := json.Unmarshal(e.Detail, &line.Detail); err != nil {
					return err
				}
			}
			out.Items = append(out.Items, line)
		}
		return nil
	})
	return out, err
}

// anchored are the heads of a scope's log that were anchored.
type anchored struct {
	Anchored []head `json:"anchored"`
}

type head struct {
	Seq   int64     `json:"seq"`
	Hash  string    `json:"hash"`
	Stamp string    `json:"stamp"`
	At    time.Time `json:"at"`
}

const headsID = "audit.heads"

func (g *Register) heads(ctx context.Context, s service.Scope) (r service.Record, a anchored, err error) {
	err = g.c.Store.View(ctx, func(tx service.Tx) error {
		r, a, err = service.Get[anchored](ctx, tx, s, service.KindSetting, headsID)
		return err
	})
	if errors.Is(err, service.ErrNotFound) {
		return service.Record{Kind: service.KindSetting, ID: headsID, Created: g.now()}, anchored{}, nil
	}
	return r, a, err
}

// anchorHeads has the newest hash of each log anchored, where there are new lines since.
// Only scopes with an issuer can anchor: somebody has to sign the batch.
func (g *Register) anchorHeads(ctx context.Context, run service.Run) error {
	if err := g.chain(ctx, run); err != nil {
		return err
	}
	var scopes []service.Scope
	err := g.c.Store.View(ctx, func(tx service.Tx) (err error) {
		scopes, err = tx.Scopes(ctx, service.KindIssuer)
		return err
	})
	if err != nil {
		return err
	}
	for _, s := range scopes {
		if err := g.anchorHead(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (g *Register) anchorHead(ctx context.Context, s service.Scope) error {
	r, a, err := g.heads(ctx, s)
	if err != nil {
		return err
	}
	now := g.now()
	err = g.c.Store.Update(ctx, func(tx service.Tx) error {
		last, err := tx.LastAudit(ctx, s)
		if errors.Is(err, service.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		out := anchored{Anchored: append([]head(nil), a.Anchored...)}
		if n := len(out.Anchored); n > 0 && out.Anchored[n-1].Seq >= last.Seq {
			return nil
		}
		h := head{Seq: last.Seq, Hash: hex.EncodeToString(last.Hash), Stamp: service.NewID(), At: now}
		out.Anchored = append(out.Anchored, h)
		r := r
		r.Updated = now
		if err := service.Put(ctx, tx, s, r, out); err != nil {
			return err
		}
		subject := evidence.Subject{Type: evidence.SubjectStamp, DigestAlg: "sha-256", Digest: last.Hash}
		return g.c.Stamper.Stamp(ctx, tx, s, h.Stamp, "", subject)
	})
	if errors.Is(err, service.ErrConflict) || errors.Is(err, service.ErrExists) {
		return nil // another process has just done it
	}
	return err
}

// retry repeats what another transaction came in between of.
func retry(f func() error) error {
	for attempt := 0; ; attempt++ {
		if err := f(); attempt >= 10 || !errors.Is(err, service.ErrConflict) {
			return err
		}
	}
}
