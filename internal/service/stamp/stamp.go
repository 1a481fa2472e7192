// Package stamp anchors hashes: it implements service.Stamps, for hashes that callers
// bring, and service.Stamper, for credentials.
//
//	stamps, err := stamp.New(stamp.Config{Store: store, Signers: core, Chain: chain, Timestamper: tsa, Clock: time.Now})
//	handlers, every := stamps.Jobs()
//
// Each scope has one sequence of batches (package anchor), signed by a key of its issuer.
// A stamp is written in the transaction of what it belongs to; jobs bring it into a
// batch, seal the batch when it is full or old enough, and take it to the chain and to
// the timestamping authority. All processes of an installation may run these jobs at
// once.
//
// Caveats. A stamp is anchored when its batch is final on the chain and timestamped, as
// far as each is configured: before, there is no evidence. The anchor store holds digests
// and salts in clear until they are erased.
package stamp

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/proof/merkle"
	"github.com/chancery-dev/chancery/signer"
)

// Signers finds who signs the headers of a scope's batches: *service.Service does.
type Signers interface {
	// AnchorKey returns the present key of an issuer of the scope by its DID, and the DID;
	// "": of the issuer that is to sign from now on. An error of service.IsNotFound means
	// that the scope has none.
	AnchorKey(ctx context.Context, s service.Scope, did string) (key signer.Key, issuer string, err error)
}

// Config says where hashes are anchored.
type Config struct {
	// Store and Signers are required.
	Store   service.Store
	Signers Signers
	// Chain anchors batches by transactions. Nil: they are only timestamped.
	Chain anchor.Chain
	// Timestamper timestamps batches. Nil: they are only on the chain. Without both,
	// stamps are refused.
	Timestamper anchor.Timestamper
	// Clock tells the time. Required.
	Clock func() time.Time
	// MaxItems and MaxAge close batches. 0: 1,000,000 and an hour.
	MaxItems int
	MaxAge   time.Duration
	// Trees are the hashes of the batches' trees, one or two. Nil: SHA-256 alone.
	Trees []merkle.Hash
	// Every is how often an open batch is looked after. 0: 15 seconds.
	Every time.Duration
	// OnError is told what keeps batches from going on. Nil: nobody is.
	OnError func(s service.Scope, err error)
}

// Stamps implements service.Stamps and service.Stamper.
type Stamps struct {
	c Config

	mu      sync.Mutex
	provers map[service.Scope]*anchor.Prover // they keep the trees of the batch asked for last
}

var (
	_ service.Stamps  = (*Stamps)(nil)
	_ service.Stamper = (*Stamps)(nil)
)

const (
	maxHashes  = 1000 // in one call
	maxMeta    = 16
	maxMetaKey = 64
	maxMetaVal = 512
	maxProvers = 8
)

// New checks the configuration.
func New(c Config) (*Stamps, error) {
	switch {
	case c.Store == nil || c.Signers == nil || c.Clock == nil:
		return nil, errors.New("stamp: expected a store, signers and a clock")
	case c.MaxItems < 0 || c.MaxItems > anchor.MaxBatch || c.MaxAge < 0 || c.Every < 0 || len(c.Trees) > 2:
		return nil, errors.New("stamp: expected a size, ages and at most two trees that are not negative")
	}
	if c.MaxAge == 0 {
		c.MaxAge = time.Hour
	}
	if c.Every == 0 {
		c.Every = 15 * time.Second
	}
	if c.OnError == nil {
		c.OnError = func(service.Scope, error) {}
	}
	return &Stamps{c: c, provers: map[service.Scope]*anchor.Prover{}}, nil
}

func (s *Stamps) now() time.Time { return s.c.Clock().UTC().Truncate(time.Microsecond) }

// configured refuses stamps that nothing would ever anchor.
func (s *Stamps) configured() error {
	if s.c.Chain == nil && s.c.Timestamper == nil {
		return &service.Error{Code: service.CodeUnavailable, Detail: "this installation has neither a blockchain nor a timestamping authority to anchor with"}
	}
	return nil
}

// promise is what batch headers say that they will be anchored by.
func (s *Stamps) promise() []string {
	var out []string
	if s.c.Chain != nil {
		out = append(out, evidence.PromiseChain(s.c.Chain.Account().ChainID))
	}
	if s.c.Timestamper != nil {
		out = append(out, evidence.PromiseTimestamp)
	}
	return out
}

// CreateStamps implements service.Stamps.
func (s *Stamps) CreateStamps(ctx context.Context, c service.Caller, in []service.NewStamp, i service.Idempotency) (service.Result[[]service.Stamp], error) {
	var none service.Result[[]service.Stamp]
	if err := c.Need(service.MayStamps); err != nil {
		return none, err
	}
	if err := s.configured(); err != nil {
		return none, err
	}
	stored, digests, err := check(in)
	if err != nil {
		return none, err
	}
	if _, _, err := s.c.Signers.AnchorKey(ctx, c.Scope, ""); service.IsNotFound(err) {
		return none, &service.Error{Code: service.CodeState, Detail: "batches are signed by an issuer, and there is none yet: make one first"}
	} else if err != nil {
		return none, err
	}
	now := s.now()
	ids := make([]string, len(stored))
	for n := range ids {
		ids[n] = service.NewID()
	}
	add := func(tx service.Tx) (service.Result[[]service.Stamp], error) {
		out := make([]service.Stamp, len(stored))
		taken := map[string]bool{}
		for n, st := range stored {
			r := service.Record{Kind: service.KindStamp, ID: ids[n], Parent: service.StampWaiting, Created: now, Updated: now}
			lookup := service.StampLookup(c.Environment, st.Alg, digests[n])
			if _, _, err := tx.Find(ctx, service.KindStamp, lookup); errors.Is(err, service.ErrNotFound) && !taken[lookup] {
				r.Lookup = lookup
			} else if err != nil && !errors.Is(err, service.ErrNotFound) {
				return none, err
			}
			taken[lookup] = true
			if err := service.Put(ctx, tx, c.Scope, r, st); err != nil {
				return none, err
			}
			out[n] = view(c.Environment, r, st, pending(r.ID))
		}
		if err := service.EnqueueFor(ctx, tx, JobAdd, c.Scope, "", time.Time{}); err != nil {
			return none, err
		}
		if err := service.WriteAudit(ctx, tx, c, now, "stamp.create", ids[0], map[string]any{"hashes": len(stored)}); err != nil {
			return none, err
		}
		return service.Result[[]service.Stamp]{Value: out, Created: true}, nil
	}
	for attempt := 0; ; attempt++ {
		out, err := service.Once(ctx, s.c.Store, now, c.Scope, i, nil, add)
		// Two calls with one hash at once: the other one has the Lookup now.
		if attempt < 5 && (errors.Is(err, service.ErrExists) || errors.Is(err, service.ErrConflict)) {
			continue
		}
		return out, err
	}
}

// GetStamp implements service.Stamps.
func (s *Stamps) GetStamp(ctx context.Context, c service.Caller, id string) (service.Stamp, error) {
	r, st, err := s.load(ctx, c, id)
	if err != nil {
		return service.Stamp{}, err
	}
	state, err := s.state(ctx, c.Scope, id)
	if err != nil {
		return service.Stamp{}, err
	}
	return view(c.Environment, r, st, state), nil
}

// StampProof implements service.Stamps.
func (s *Stamps) StampProof(ctx context.Context, c service.Caller, id string, asJSON bool) (service.File, error) {
	if _, _, err := s.load(ctx, c, id); err != nil {
		return service.File{}, err
	}
	bundle, err := s.Evidence(ctx, c.Scope, id, nil)
	if err != nil {
		return service.File{}, err
	}
	f := service.File{Name: id + ".cbor", MediaType: "application/cbor"}
	encode := bundle.Encode
	if asJSON {
		f.Name, f.MediaType, encode = id+".json", "application/json", bundle.JSON
	}
	if f.Bytes, err = encode(); err != nil {
		return service.File{}, err
	}
	f.Digest = digestOf(f.Bytes)
	return f, nil
}

// GetAnchor implements service.Stamps.
func (s *Stamps) GetAnchor(ctx context.Context, c service.Caller, number int64) (service.Anchor, error) {
	if err := needAny(c); err != nil {
		return service.Anchor{}, err
	}
	if number < 0 {
		return service.Anchor{}, service.NotFound("anchor")
	}
	r, err := s.c.Store.Anchors(c.Scope).Record(ctx, uint64(number))
	if errors.Is(err, anchor.ErrNotFound) {
		return service.Anchor{}, service.NotFound("anchor")
	}
	if err != nil {
		return service.Anchor{}, err
	}
	root := r.Signed.Header.Roots[0]
	out := service.Anchor{
		Number: number, Environment: c.Environment, State: s.stateOf(r), Size: r.Size,
		Root: hex.EncodeToString(root.Root), Digest: hex.EncodeToString(r.Digest[:]), SealedAt: r.SealedAt.UTC(),
		Timestamped: r.Token != nil, Problem: string(r.Problem),
	}
	if out.State == "batched" {
		out.State = "sealed"
	}
	if out.Problem == "" && r.TSProblem != "" && r.Token == nil {
		out.Problem = string(anchor.ProblemTimestamp)
	}
	if r.HasNonce {
		out.Chain = chainName(r.Account.ChainID)
	}
	out.Transaction = transaction(r)
	if r.Place != nil {
		out.Block, out.BlockHash = r.Place.Block.Number, "0x"+hex.EncodeToString(r.Place.Block.Hash[:])
	}
	if !r.FinalAt.IsZero() {
		at := r.FinalAt.UTC()
		out.FinalAt = &at
	}
	return out, nil
}

// Stamp implements service.Stamper. The subject's type is that of the document: a
// credential, a PDF.
func (s *Stamps) Stamp(ctx context.Context, tx service.Tx, sc service.Scope, id, credential string, subject evidence.Subject) error {
	if err := s.configured(); err != nil {
		return err
	}
	if _, err := anchor.Stamp(subject.Type, subject.DigestAlg, subject.Digest); err != nil {
		return err
	}
	now := s.now()
	st := service.StoredStamp{Type: subject.Type, Alg: subject.DigestAlg, Value: hex.EncodeToString(subject.Digest), Credential: credential}
	r := service.Record{Kind: service.KindStamp, ID: id, Parent: service.StampWaiting, Created: now, Updated: now}
	if err := service.Put(ctx, tx, sc, r, st); err != nil {
		return err
	}
	return service.EnqueueFor(ctx, tx, JobAdd, sc, "", time.Time{})
}

// State implements service.Stamper.
func (s *Stamps) State(ctx context.Context, sc service.Scope, id string) (*service.AnchorState, error) {
	err := s.c.Store.View(ctx, func(tx service.Tx) error {
		_, err := tx.Get(ctx, sc, service.KindStamp, id)
		return err
	})
	if errors.Is(err, service.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	st, err := s.state(ctx, sc, id)
	return &st, err
}

// Evidence implements service.Stamper.
func (s *Stamps) Evidence(ctx context.Context, sc service.Scope, id string, content []byte) (*evidence.Bundle, error) {
	st, err := anchor.Lookup(ctx, s.c.Store.Anchors(sc), id)
	switch {
	case errors.Is(err, anchor.ErrNotFound):
		// Known to the caller, so it waits to be added; or it never was, which he finds
		// out by asking for the stamp.
		return nil, s.notYet()
	case err != nil:
		return nil, err
	case st.Item.Erased():
		return nil, &service.Error{Code: service.CodeState, Detail: "the digest was erased: nothing can be proven of it any more"}
	case st.Batch == nil || !st.Batch.Done:
		return nil, s.notYet()
	}
	bundle, err := s.prover(sc).Bundle(ctx, id, content)
	if errors.Is(err, anchor.ErrPending) {
		return nil, s.notYet()
	}
	return bundle, err
}

func (s *Stamps) notYet() error {
	return &service.Error{Code: service.CodeState, Detail: "not anchored yet", RetryAfter: max(s.c.Every, time.Second)}
}

func (s *Stamps) prover(sc service.Scope) *anchor.Prover {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.provers[sc]
	if p == nil {
		if len(s.provers) >= maxProvers {
			clear(s.provers)
		}
		p = &anchor.Prover{Store: s.c.Store.Anchors(sc)}
		s.provers[sc] = p
	}
	return p
}

func (s *Stamps) load(ctx context.Context, c service.Caller, id string) (r service.Record, st service.StoredStamp, err error) {
	if err := needAny(c); err != nil {
		return r, st, err
	}
	err = s.c.Store.View(ctx, func(tx service.Tx) error {
		r, st, err = service.Get[service.StoredStamp](ctx, tx, c.Scope, service.KindStamp, id)
		return err
	})
	if errors.Is(err, service.ErrNotFound) {
		err = service.NotFound("stamp")
	}
	return r, st, err
}

// needAny lets those read who may stamp, and those who may read.
func needAny(c service.Caller) error {
	if c.May(service.MayRead) {
		return nil
	}
	return c.Need(service.MayStamps)
}

// state finds how far a stamp that is there has come.
func (s *Stamps) state(ctx context.Context, sc service.Scope, id string) (service.AnchorState, error) {
	out := pending(id)
	st, err := anchor.Lookup(ctx, s.c.Store.Anchors(sc), id)
	if errors.Is(err, anchor.ErrNotFound) || err == nil && st.Batch == nil {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	r := st.Batch
	seq := int64(r.Seq)
	out.State, out.Batch, out.Transaction = s.stateOf(r), &seq, transaction(r)
	if r.HasNonce {
		out.Chain = chainName(r.Account.ChainID)
	}
	if r.Place != nil {
		out.Block = r.Place.Block.Number
	}
	return out, nil
}

// stateOf names the state of a batch. Sending is not proof: only what is done is anchored.
func (s *Stamps) stateOf(r *anchor.Record) string {
	switch {
	case r.Done:
		return "anchored"
	case r.Problem == anchor.ProblemRejected || r.Problem == anchor.ProblemLost:
		return "failed"
	case r.State == anchor.Sealed:
		return "batched"
	}
	return "submitted"
}

func pending(id string) service.AnchorState {
	return service.AnchorState{State: "pending", StampID: id}
}

func chainName(id uint64) string { return fmt.Sprintf("eip155:%d", id) }

// transaction is the one in the chain, or else the one that was sent last.
func transaction(r *anchor.Record) string {
	switch {
	case r.Place != nil && r.Place.Tx < uint64(len(r.Txs)):
		return "0x" + hex.EncodeToString(r.Txs[r.Place.Tx].Hash[:])
	case len(r.Txs) != 0:
		return "0x" + hex.EncodeToString(r.Txs[len(r.Txs)-1].Hash[:])
	}
	return ""
}

func view(e service.Environment, r service.Record, st service.StoredStamp, state service.AnchorState) service.Stamp {
	out := service.Stamp{ID: r.ID, Environment: e, Alg: st.Alg, Value: st.Value, State: state.State, Meta: st.Meta, CreatedAt: r.Created.UTC()}
	if state.State != "pending" {
		out.Anchor = &state
	}
	return out
}

// check reads the hashes of a call.
func check(in []service.NewStamp) ([]service.StoredStamp, [][]byte, error) {
	var v service.Invalid
	if len(in) == 0 || len(in) > maxHashes {
		v.Add("hashes", fmt.Sprintf("must be 1 to %d", maxHashes))
		return nil, nil, v.Err()
	}
	out, digests := make([]service.StoredStamp, len(in)), make([][]byte, len(in))
	for n, h := range in {
		path := fmt.Sprintf("hashes[%d].", n)
		if hash, err := anchor.NewHash(h.Alg); err != nil {
			v.Add(path+"alg", "must be one of "+strings.Join(evidence.DigestAlgs(), ", "))
		} else if digests[n] = decode(h.Value, hash.Size()); digests[n] == nil {
			v.Add(path+"value", fmt.Sprintf("must be %d bytes as hex or base64", hash.Size()))
		}
		if h.Salt != "" {
			if salt, err := hex.DecodeString(h.Salt); err != nil || len(salt) != evidence.SaltSize {
				v.Add(path+"salt", fmt.Sprintf("must be %d bytes as hex", evidence.SaltSize))
			}
		}
		checkMeta(&v, path+"meta", h.Meta)
		out[n] = service.StoredStamp{Type: evidence.SubjectStamp, Alg: h.Alg, Value: hex.EncodeToString(digests[n]), Salt: strings.ToLower(h.Salt), Meta: h.Meta}
	}
	return out, digests, v.Err()
}

// decode reads a digest of a size; nil: it is not one. The length tells hex from base64.
func decode(text string, size int) []byte {
	if len(text) == 2*size {
		if b, err := hex.DecodeString(text); err == nil {
			return b
		}
		return nil
	}
	text = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
	if strings.ContainsAny(text, "\r\n") || len(text) != base64.RawStdEncoding.EncodedLen(size) {
		return nil
	}
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil
	}
	return b
}

func checkMeta(v *service.Invalid, path string, meta map[string]string) {
	if len(meta) > maxMeta {
		v.Add(path, fmt.Sprintf("must have at most %d members", maxMeta))
		return
	}
	keys := make([]string, 0, len(meta))
	for k := range meta {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if k == "" || len(k) > maxMetaKey || !plain(k) {
			v.Add(path, fmt.Sprintf("must have names of 1 to %d characters", maxMetaKey))
		}
		if len(meta[k]) > maxMetaVal || !plain(meta[k]) {
			v.Add(path, fmt.Sprintf("must have texts of at most %d characters on one line", maxMetaVal))
		}
	}
}

func plain(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) }

func unmarshal[T any](r service.Record) (T, error) {
	var v T
	return v, json.Unmarshal(r.Body, &v)
}
