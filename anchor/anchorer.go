package anchor

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/tsp"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// AnchorerConfig says where batches are anchored.
type AnchorerConfig struct {
	// Store is required.
	Store Store
	// Chain anchors batches by transactions. Nil: they are only timestamped.
	Chain Chain
	// Timestamper timestamps batches. Nil: they are only on the chain.
	Timestamper Timestamper
	// Clock tells the time. Required.
	Clock func() time.Time
	// ReplaceAfter is how long a transaction waits before it is replaced by one that pays
	// more. 0: three minutes.
	ReplaceAfter time.Duration
	// FillGaps lets a transaction without calldata be sent with a nonce that nobody uses
	// and on which batches have waited for ReplaceAfter. False: such gaps are reported
	// only. Do not set it where other software uses the account.
	FillGaps bool
	// OnChange is called after each stored change of a batch. Nil: nobody is told.
	OnChange func(*Record)
}

// Anchorer takes sealed batches to the chain and to the timestamping authority. It holds
// no state: several may work on one Store, also in several processes, and each Step may
// be the last one.
type Anchorer struct{ c AnchorerConfig }

// NewAnchorer checks the configuration. Errors wrap ErrConfig.
func NewAnchorer(c AnchorerConfig) (*Anchorer, error) {
	if c.ReplaceAfter == 0 {
		c.ReplaceAfter = 3 * time.Minute
	}
	switch {
	case c.Store == nil || c.Clock == nil:
		return nil, fmt.Errorf("%w: expected a store and a clock", ErrConfig)
	case c.Chain == nil && c.Timestamper == nil:
		return nil, fmt.Errorf("%w: expected a chain, a timestamper or both", ErrConfig)
	case c.ReplaceAfter < 0:
		return nil, fmt.Errorf("%w: expected a positive time to replacement", ErrConfig)
	}
	return &Anchorer{c: c}, nil
}

// Run calls Step until the context ends, whose error it returns. Errors of Step are
// passed to report, and tried again.
func (a *Anchorer) Run(ctx context.Context, every time.Duration, report func(error)) error {
	if every <= 0 {
		return fmt.Errorf("%w: expected a positive time between steps", ErrConfig)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := a.Step(ctx); err != nil && ctx.Err() == nil && report != nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Wait steps until a batch is done, and returns its record.
func (a *Anchorer) Wait(ctx context.Context, seq uint64, every time.Duration) (*Record, error) {
	switch {
	case every <= 0:
		return nil, fmt.Errorf("%w: expected a positive time between steps", ErrConfig)
	case a.c.Store == nil:
		return nil, errNoStore
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		stepErr := a.Step(ctx)
		r, err := a.c.Store.Record(ctx, seq)
		if err != nil {
			return nil, err
		}
		if r.Done {
			return r, nil
		}
		select {
		case <-ctx.Done():
			return r, errors.Join(ctx.Err(), stepErr)
		case <-tick.C:
		}
	}
}

// Step brings every batch that is not done as far as it goes now. What keeps one of them
// from going on is in its Record.Problem and in the error; the others go on.
func (a *Anchorer) Step(ctx context.Context) error {
	if a.c.Store == nil {
		return errNoStore
	}
	open, err := a.c.Store.Open(ctx)
	if err != nil {
		return err
	}
	var errs []error
	held := map[uint64]bool{} // nonces on which batches work
	for _, seq := range open {
		r, err := a.c.Store.Record(ctx, seq)
		if err != nil {
			return err
		}
		if r.HasNonce && r.State != Final {
			held[r.Nonce] = true
		}
		for _, f := range r.Fillers {
			held[f.Nonce] = true
		}
	}
	for _, seq := range open {
		if ctx.Err() != nil {
			return errors.Join(append(errs, ctx.Err())...)
		}
		err := a.advance(ctx, seq, held)
		if errors.Is(err, ErrConflict) {
			continue // another process has just advanced it
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("batch %d: %w", seq, err))
		}
	}
	return errors.Join(errs...)
}

// advance takes one batch through as many states as it can.
func (a *Anchorer) advance(ctx context.Context, seq uint64, held map[uint64]bool) error {
	r, err := a.c.Store.Record(ctx, seq)
	if err != nil || r.Done {
		return err
	}
	j := &job{Anchorer: a, r: r, held: held}
	tsErr := j.timestamp(ctx)
	if errors.Is(tsErr, ErrConflict) {
		return tsErr
	}
	if a.c.Chain != nil {
		if err := j.chain(ctx); err != nil {
			if errors.Is(err, ErrConflict) || ctx.Err() != nil {
				return err
			}
			return errors.Join(tsErr, j.problem(ctx, err))
		}
	}
	done := (a.c.Chain == nil || j.r.State == Final) && (a.c.Timestamper == nil || j.r.Token != nil)
	if owed, p := j.r.owed(); done && p != "" {
		// To verifiers, evidence without it would be indeterminate for ever.
		return j.problem(ctx, &stall{p, fmt.Errorf("anchor: the batch promises an anchor %s, and nothing is configured that gives it", owed)})
	}
	if done {
		j.r.Done = true
		j.solved()
		return j.save(ctx)
	}
	return tsErr
}

// job is one batch on its way.
type job struct {
	*Anchorer
	r    *Record
	held map[uint64]bool
}

// save stores the record. Nothing is done on the strength of a change before it is.
func (j *job) save(ctx context.Context) error {
	if err := j.c.Store.Update(ctx, j.r); err != nil {
		return err
	}
	if j.c.OnChange != nil {
		j.c.OnChange(j.r.clone())
	}
	return nil
}

// stall is an error with the Problem that it is.
type stall struct {
	problem Problem
	err     error
}

func (s *stall) Error() string { return s.err.Error() }
func (s *stall) Unwrap() error { return s.err }

// problem stores why the batch does not go on, once.
func (j *job) problem(ctx context.Context, err error) error {
	p := ProblemUnreachable
	var s *stall
	switch {
	case errors.As(err, &s):
		p = s.problem
	case errors.Is(err, ErrWrongChain):
		p = ProblemLost
	case errors.Is(err, ErrFees):
		p = ProblemFees
	case errors.Is(err, ErrFunds):
		p = ProblemFunds
	case errors.Is(err, ErrUnderpriced):
		p = ProblemUnderpriced
	case errors.Is(err, ErrRejected):
		p = ProblemRejected
	}
	if j.r.Problem == p {
		return err
	}
	j.r.Problem, j.r.Detail = p, err.Error()
	return errors.Join(err, j.save(ctx))
}

func (j *job) solved() { j.r.Problem, j.r.Detail = "", "" }

// timestamp gets the token, whatever the chain does.
func (j *job) timestamp(ctx context.Context) error {
	if j.c.Timestamper == nil || j.r.Token != nil {
		return nil
	}
	token, err := j.c.Timestamper.Timestamp(ctx, crypto.SHA256, j.r.Digest[:])
	if err == nil {
		err = checkToken(token, j.r.Digest[:])
	}
	if err != nil {
		if ctx.Err() == nil && j.r.TSProblem == "" {
			j.r.TSProblem = err.Error()
			if err := j.save(ctx); err != nil {
				return err
			}
		}
		return fmt.Errorf("anchor: timestamp: %w", err)
	}
	j.r.Token, j.r.TSProblem = token, ""
	return j.save(ctx)
}

// checkToken refuses a token over something else, whatever the Timestamper did.
func checkToken(token, digest []byte) error {
	t, err := tsp.ParseToken(token)
	switch {
	case err != nil:
		return err
	case !bytes.Equal(t.DER(), token):
		return errors.New("anchor: expected a token in DER and nothing after it")
	case t.Info.Hash != crypto.SHA256 || !bytes.Equal(t.Info.Imprint, digest):
		return errors.New("anchor: the token is over something else")
	}
	return nil
}

// chain goes from state to state.
func (j *job) chain(ctx context.Context) error {
	if j.r.HasNonce && j.r.Account != j.c.Chain.Account() {
		return fmt.Errorf("%w: expected %s", ErrWrongChain, j.r.Account)
	}
	if want := j.r.chains(); len(want) > 0 && !slices.Contains(want, evidence.PromiseChain(j.c.Chain.Account().ChainID)) {
		return fmt.Errorf("%w: the batch promises %s", ErrWrongChain, strings.Join(want, ", "))
	}
	if j.r.State == Sealed {
		if err := j.prepare(ctx); err != nil {
			return err
		}
	}
	if j.r.State == Sent || j.r.State == Mined {
		return j.follow(ctx)
	}
	return nil
}

// prepare reserves a nonce and stores the signed transaction. Until it has returned
// nothing is broadcast; once it has, no other transaction is made for the batch unless
// it outbids this one under the same nonce.
func (j *job) prepare(ctx context.Context) error {
	if !j.r.HasNonce {
		floor, err := j.c.Chain.NextNonce(ctx)
		if err != nil {
			return err
		}
		r, err := j.c.Store.Reserve(ctx, j.r, j.c.Chain.Account(), floor)
		if err != nil {
			return err
		}
		j.r = r
		j.held[r.Nonce] = true
	}
	tx, height, err := j.c.Chain.Sign(ctx, SignRequest{Digest: j.r.Digest, Nonce: j.r.Nonce})
	if err != nil {
		return err
	}
	tx.Time = j.c.Clock().UTC()
	j.r.Txs, j.r.From, j.r.State = []Tx{tx}, height, Sent
	if err := j.save(ctx); err != nil {
		return err
	}
	return nil
}

// follow looks for the batch's transactions in the chain, and does what is needed.
func (j *job) follow(ctx context.Context) error {
	s, err := j.c.Chain.Find(ctx, Query{Nonce: j.r.Nonce, Txs: j.r.Txs, From: j.r.From, At: j.r.Place})
	if err != nil {
		return err
	}
	if s.Place != nil {
		return j.mined(ctx, s)
	}
	if j.r.State == Mined {
		// The block is gone: back to sent, and the same bytes go out again.
		j.r.State, j.r.Place = Sent, nil
		if err := j.save(ctx); err != nil {
			return err
		}
	}
	switch {
	case s.TakenFinal:
		return j.renumber(ctx)
	case s.Taken:
		return &stall{ProblemNonceTaken, fmt.Errorf("%w: another transaction of the account has nonce %d", ErrNonceUsed, j.r.Nonce)}
	case s.Next > j.r.Nonce:
		return &stall{ProblemUnreachable, fmt.Errorf("anchor: nonce %d is used, by a transaction that the nodes do not show", j.r.Nonce)}
	}
	return j.send(ctx, s.Next)
}

// mined handles a transaction that is in the chain.
func (j *job) mined(ctx context.Context, s Sighting) error {
	moved := j.r.Place == nil || *j.r.Place != *s.Place
	if j.r.State != Mined || moved {
		j.r.State, j.r.Place = Mined, s.Place
		j.solved()
		if err := j.save(ctx); err != nil {
			return err
		}
	}
	if !s.Final {
		return nil
	}
	if s.Place.Tx >= uint64(len(j.r.Txs)) {
		return &stall{ProblemProof, errors.New("anchor: the chain answered with a transaction that is not the batch's")}
	}
	proof, err := j.c.Chain.Prove(ctx, *s.Place, j.r.Txs[s.Place.Tx])
	switch {
	case errors.Is(err, ErrPending) || errors.Is(err, ErrReorganised):
		return nil // the next Step asks again
	case err != nil:
		return &stall{ProblemProof, err}
	}
	j.r.State, j.r.Eth, j.r.FinalBy, j.r.RestsOn = Final, proof.Eth, &proof.Final, proof.RestsOn
	j.r.FinalAt = j.c.Clock().UTC()
	j.solved()
	return j.save(ctx)
}

// renumber gives up a nonce that a final transaction of somebody else has: none of the
// batch's transactions can be mined any more, so that signing one anew is safe.
func (j *job) renumber(ctx context.Context) error {
	for _, tx := range j.r.Txs {
		j.r.Dead = append(j.r.Dead, Spent{Nonce: j.r.Nonce, Tx: tx})
	}
	j.r.Txs, j.r.Place, j.r.HasNonce, j.r.Nonce, j.r.State = nil, nil, false, 0, Sealed
	j.r.Fillers = nil
	j.r.Problem, j.r.Detail = ProblemNonceTaken, "a transaction made elsewhere has the batch's nonce for good; a new one is signed"
	if err := j.save(ctx); err != nil {
		return err
	}
	if err := j.prepare(ctx); err != nil {
		return err
	}
	return j.send(ctx, j.r.Nonce)
}

// send broadcasts the batch's last transaction, or one that outbids it.
func (j *job) send(ctx context.Context, next uint64) error {
	last := j.r.Txs[len(j.r.Txs)-1]
	waited := j.waited(last)
	gap := next < j.r.Nonce && !j.held[next]
	if waited && next == j.r.Nonce {
		if err := j.replace(ctx, last); err != nil {
			// What is stored still goes out: fees may fall.
			return errors.Join(err, ignoreUsed(j.c.Chain.Broadcast(ctx, last.Raw)))
		}
		last = j.r.Txs[len(j.r.Txs)-1]
	}
	if err := ignoreUsed(j.c.Chain.Broadcast(ctx, last.Raw)); err != nil {
		return err
	}
	if gap || len(j.r.Fillers) > 0 {
		return j.gap(ctx, next, waited)
	}
	return j.clear(ctx)
}

// waited tells whether a transaction has waited for as long as one does before it is outbid.
// One that was made by a clock far ahead has, too: it would wait until that time.
func (j *job) waited(tx Tx) bool {
	d := j.c.Clock().Sub(tx.Time)
	return d >= j.c.ReplaceAfter || d <= -j.c.ReplaceAfter
}

// clear withdraws a problem that is over.
func (j *job) clear(ctx context.Context) error {
	if j.r.Problem == "" {
		return nil
	}
	j.solved()
	return j.save(ctx)
}

// ignoreUsed: that a nonce is used is for the next Find to look into.
func ignoreUsed(err error) error {
	if errors.Is(err, ErrNonceUsed) {
		return nil
	}
	return err
}

func (j *job) replace(ctx context.Context, last Tx) error {
	if len(j.r.Txs) >= maxReplacements {
		return &stall{ProblemFees, fmt.Errorf("%w: replaced %d times", ErrFees, len(j.r.Txs)-1)}
	}
	tx, _, err := j.c.Chain.Sign(ctx, SignRequest{Digest: j.r.Digest, Nonce: j.r.Nonce, Replace: last.Raw})
	if err != nil {
		return err
	}
	tx.Time = j.c.Clock().UTC()
	j.r.Txs = append(j.r.Txs, tx)
	return j.save(ctx)
}

// maxReplacements bounds the transactions of a batch: at 10 % each, fees have grown more
// than four hundred times by then.
const maxReplacements = 64

// maxFillers bounds the gaps that are filled for one batch.
const maxFillers = 16

// gap reports a nonce that nobody uses, and fills it where that is allowed.
func (j *job) gap(ctx context.Context, next uint64, waited bool) error {
	report := &stall{ProblemNonceGap, fmt.Errorf("anchor: the account's next nonce is %d, the batch has %d, and no batch has those between", next, j.r.Nonce)}
	last := map[uint64]Tx{} // of several for one nonce the last pays most
	for _, f := range j.r.Fillers {
		last[f.Nonce] = f.Tx
	}
	var failed error
	open, filling := last[next]
	if filling && j.c.FillGaps && j.waited(open) {
		if open, failed = j.fill(ctx, next, open.Raw); failed == nil {
			last[next] = open
		}
	}
	for _, nonce := range slices.Sorted(maps.Keys(last)) {
		if nonce < next {
			continue
		}
		if err := ignoreUsed(j.c.Chain.Broadcast(ctx, last[nonce].Raw)); err != nil {
			return errors.Join(failed, err)
		}
	}
	if failed != nil || filling || next >= j.r.Nonce || j.held[next] {
		return failed
	}
	// Others may use the account too, such as batches in other stores: what the nodes hold of
	// theirs is no gap.
	if waiting, err := j.c.Chain.NextNonce(ctx); err != nil {
		return err
	} else if waiting > j.r.Nonce {
		return j.clear(ctx)
	}
	if !j.c.FillGaps || !waited || len(last) >= maxFillers {
		return report
	}
	tx, err := j.fill(ctx, next, nil)
	if err != nil {
		return err
	}
	return ignoreUsed(j.c.Chain.Broadcast(ctx, tx.Raw))
}

// fill signs and stores a transaction without calldata that uses a nonce, or outbids one that
// does: fees may have grown since, and what stands behind it waits.
func (j *job) fill(ctx context.Context, nonce uint64, outbid []byte) (Tx, error) {
	n := 0
	for _, f := range j.r.Fillers {
		if f.Nonce == nonce {
			n++
		}
	}
	if n >= maxReplacements {
		return Tx{}, &stall{ProblemFees, fmt.Errorf("%w: the transaction with nonce %d was replaced %d times", ErrFees, nonce, n-1)}
	}
	tx, _, err := j.c.Chain.Sign(ctx, SignRequest{Nonce: nonce, Filler: true, Replace: outbid})
	if err != nil {
		return Tx{}, err
	}
	tx.Time = j.c.Clock().UTC()
	j.r.Fillers = append(j.r.Fillers, Spent{Nonce: nonce, Tx: tx})
	j.held[nonce] = true
	return tx, j.save(ctx)
}
