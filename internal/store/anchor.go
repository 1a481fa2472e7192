package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/service"
)

// Runner runs transactions on tables that are not part of service.Tx.
type Runner interface {
	RunUpdate(ctx context.Context, f func(*Tx) error) error
	RunView(ctx context.Context, f func(*Tx) error) error
}

// Anchors is an anchor.Store of a scope. Nonces are those of all scopes in the database.
func Anchors(r Runner, s service.Scope) anchor.Store {
	return &anchors{r: r, tenant: s.Tenant, environment: string(s.Environment)}
}

type anchors struct {
	r                   Runner
	tenant, environment string
}

func (a *anchors) args(more ...any) []any { return append([]any{a.tenant, a.environment}, more...) }

// number is a position or batch number as a column; what no column holds is not there.
func number(n uint64) int64 {
	if n > math.MaxInt64 {
		return -1
	}
	return int64(n)
}

type placedItem struct {
	anchor.Item
	place int64
}

const itemColumns = `place, id, type, alg, digest, salt, added_nanoseconds`

func scanItem(r Rows, it *placedItem) error {
	var digest, salt *string
	var added int64
	if err := r.Scan(&it.place, &it.ID, &it.Subject.Type, &it.Subject.DigestAlg, &digest, &salt, &added); err != nil {
		return err
	}
	it.Added = time.Unix(0, added).UTC()
	var err error
	if digest != nil {
		it.Subject.Digest, err = unb64(*digest)
	}
	if salt != nil && err == nil {
		it.Salt, err = unb64(*salt)
	}
	return err
}

// absent says what is not there in the words of package anchor.
func absent(err error, format string, args ...any) error {
	if errors.Is(err, service.ErrNotFound) {
		return fmt.Errorf("%w: %s", anchor.ErrNotFound, fmt.Sprintf(format, args...))
	}
	return err
}

func (a *anchors) item(ctx context.Context, t *Tx, id string) (placedItem, error) {
	it, err := row(ctx, t, false, scanItem, `SELECT `+itemColumns+` FROM anchor_item WHERE tenant = $1 AND environment = $2 AND id = $3`, a.args(id)...)
	return it, absent(err, "item %q", id)
}

// lock makes others of the scope wait, and returns how many items there are.
func (a *anchors) lock(ctx context.Context, t *Tx) (int64, error) {
	return row(ctx, t, true, scanInt, `INSERT INTO anchor_sequence (tenant, environment, items) VALUES ($1, $2, 0)
		ON CONFLICT (tenant, environment) DO UPDATE SET items = anchor_sequence.items RETURNING items`, a.args()...)
}

// Add implements anchor.Store.
func (a *anchors) Add(ctx context.Context, items []anchor.Item) ([]anchor.Item, error) {
	var out []anchor.Item
	err := a.r.RunUpdate(ctx, func(t *Tx) error {
		out = make([]anchor.Item, 0, len(items))
		count, err := a.lock(ctx, t)
		if err != nil {
			return err
		}
		added := map[string]int{}
		var args [][]any
		for _, it := range items {
			if i, ok := added[it.ID]; ok {
				out = append(out, copyItem(out[i]))
				continue
			}
			old, err := a.item(ctx, t, it.ID)
			switch {
			case err == nil:
				it = old.Item
			case errors.Is(err, anchor.ErrNotFound):
				args = append(args, a.args(count, it.ID, it.Subject.Type, it.Subject.DigestAlg, b64(it.Subject.Digest), b64(it.Salt), it.Added.UnixNano()))
				count++
			default:
				return err
			}
			added[it.ID] = len(out)
			out = append(out, copyItem(it))
		}
		if _, err := t.execMany(ctx, `INSERT INTO anchor_item (tenant, environment, `+itemColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, args); err != nil {
			return err
		}
		return t.later(ctx, `UPDATE anchor_sequence SET items = $3 WHERE tenant = $1 AND environment = $2`, a.args(count)...)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func copyItem(it anchor.Item) anchor.Item {
	it.Salt, it.Subject.Digest = append([]byte(nil), it.Salt...), append([]byte(nil), it.Subject.Digest...)
	return it
}

// Item implements anchor.Store.
func (a *anchors) Item(ctx context.Context, id string) (out anchor.Item, pos uint64, err error) {
	err = a.r.RunView(ctx, func(t *Tx) error {
		it, err := a.item(ctx, t, id)
		out, pos = it.Item, uint64(it.place)
		return err
	})
	return out, pos, err
}

// Items implements anchor.Store. They are read in parts, so that memory stays bounded and
// no transaction is open while one is looked at.
func (a *anchors) Items(ctx context.Context, from, n uint64) iter.Seq2[anchor.Item, error] {
	const part = 1000
	return func(yield func(anchor.Item, error) bool) {
		for n > 0 {
			var items []placedItem
			err := a.r.RunView(ctx, func(t *Tx) (err error) {
				items, err = rows(ctx, t, false, scanItem, `SELECT `+itemColumns+` FROM anchor_item WHERE tenant = $1 AND environment = $2 AND place >= $3 ORDER BY place LIMIT $4`,
					a.args(number(from), int64(min(n, part)))...)
				return err
			})
			for i, it := range items {
				if err == nil && uint64(it.place) != from+uint64(i) {
					items = items[:i]
					break
				}
			}
			if err == nil && (len(items) == 0 || from > math.MaxInt64) {
				err = fmt.Errorf("%w: item %d", anchor.ErrNotFound, from)
			}
			if err != nil {
				yield(anchor.Item{}, err)
				return
			}
			for _, it := range items {
				if !yield(it.Item, nil) {
					return
				}
			}
			from, n = from+uint64(len(items)), n-uint64(len(items))
		}
	}
}

type batchEnd struct{ seq, end int64 }

func scanBatchEnd(r Rows, b *batchEnd) error { return r.Scan(&b.seq, &b.end) }

// next returns the number of the next batch and where it begins.
func (a *anchors) next(ctx context.Context, t *Tx) (seq, first int64, err error) {
	b, err := row(ctx, t, false, scanBatchEnd, `SELECT seq, first + size FROM anchor_batch WHERE tenant = $1 AND environment = $2 ORDER BY seq DESC LIMIT 1`, a.args()...)
	if errors.Is(err, service.ErrNotFound) {
		return 0, 0, nil
	}
	return b.seq + 1, b.end, err
}

// Queue implements anchor.Store.
func (a *anchors) Queue(ctx context.Context) (anchor.Queue, error) {
	var q anchor.Queue
	err := a.r.RunView(ctx, func(t *Tx) error {
		seq, first, err := a.next(ctx, t)
		if err != nil {
			return err
		}
		count, err := row(ctx, t, false, scanInt, `SELECT items FROM anchor_sequence WHERE tenant = $1 AND environment = $2`, a.args()...)
		if err != nil && !errors.Is(err, service.ErrNotFound) {
			return err
		}
		q = anchor.Queue{First: uint64(first), Size: uint64(max(count-first, 0)), Seq: uint64(seq)}
		if q.Size == 0 {
			return nil
		}
		it, err := row(ctx, t, false, scanItem, `SELECT `+itemColumns+` FROM anchor_item WHERE tenant = $1 AND environment = $2 AND place = $3`, a.args(first)...)
		q.Oldest = it.Added
		return err
	})
	return q, err
}

// Seal implements anchor.Store.
func (a *anchors) Seal(ctx context.Context, r *anchor.Record, leaves [][]byte) error {
	if len(leaves) == 0 || len(leaves) != len(r.Signed.Header.Roots) {
		return fmt.Errorf("store: expected the leaves of %d trees, found %d", len(r.Signed.Header.Roots), len(leaves))
	}
	err := a.r.RunUpdate(ctx, func(t *Tx) error {
		count, err := a.lock(ctx, t)
		if err != nil {
			return err
		}
		seq, first, err := a.next(ctx, t)
		if err != nil {
			return err
		}
		if number(r.Seq) != seq || number(r.First) != first || r.Size == 0 || r.Size > uint64(count-first) {
			return fmt.Errorf("%w: batch %d of %d items from %d is not the next", anchor.ErrConflict, r.Seq, r.Size, r.First)
		}
		c := *r
		c.Version = 1
		b, err := c.Encode()
		if err != nil {
			return err
		}
		err = t.later(ctx, `INSERT INTO anchor_batch (tenant, environment, seq, first, size, digest, done, version, content) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8)`,
			a.args(seq, first, int64(r.Size), b64(r.Digest[:]), flag(r.Done), b64(b))...)
		if err != nil {
			return err
		}
		for i, l := range leaves {
			if err := t.later(ctx, `INSERT INTO anchor_leaves (tenant, environment, seq, tree, content) VALUES ($1, $2, $3, $4, $5)`, a.args(seq, int64(i), b64(l))...); err != nil {
				return err
			}
		}
		return spend(ctx, t, r)
	})
	if err == nil {
		r.Version = 1
	}
	return err
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// spend notes the nonces that a record holds or held.
func spend(ctx context.Context, t *Tx, r *anchor.Record) error {
	var nonces []uint64
	if r.HasNonce {
		nonces = append(nonces, r.Nonce)
	}
	for _, d := range r.Dead {
		nonces = append(nonces, d.Nonce)
	}
	for _, n := range nonces {
		if n >= math.MaxInt64 {
			return fmt.Errorf("store: nonce %d is out of range", n)
		}
		err := t.later(ctx, `INSERT INTO anchor_nonce (account, next) VALUES ($1, $2) ON CONFLICT (account) DO UPDATE SET next = excluded.next WHERE anchor_nonce.next < excluded.next`,
			accountKey(r.Account), int64(n)+1)
		if err != nil {
			return err
		}
	}
	return nil
}

func accountKey(a anchor.Account) string {
	return fmt.Sprintf("%d:%x:%x", a.ChainID, a.Genesis, a.Address)
}

// Record implements anchor.Store.
func (a *anchors) Record(ctx context.Context, seq uint64) (r *anchor.Record, err error) {
	err = a.r.RunView(ctx, func(t *Tx) error {
		content, err := row(ctx, t, false, scanText, `SELECT content FROM anchor_batch WHERE tenant = $1 AND environment = $2 AND seq = $3`, a.args(number(seq))...)
		if err != nil {
			return absent(err, "batch %d", seq)
		}
		b, err := unb64(content)
		if err != nil {
			return err
		}
		r, err = anchor.ParseRecord(b)
		return err
	})
	return r, err
}

func scanText(r Rows, s *string) error { return r.Scan(s) }

// Holding implements anchor.Store.
func (a *anchors) Holding(ctx context.Context, position uint64) (seq uint64, err error) {
	err = a.r.RunView(ctx, func(t *Tx) error {
		b, err := row(ctx, t, false, scanBatchEnd, `SELECT seq, first + size FROM anchor_batch WHERE tenant = $1 AND environment = $2 AND first <= $3 ORDER BY first DESC LIMIT 1`,
			a.args(number(position))...)
		switch {
		case errors.Is(err, service.ErrNotFound), err == nil && number(position) >= b.end:
			return anchor.ErrPending
		}
		seq = uint64(b.seq)
		return err
	})
	return seq, err
}

// Leaves implements anchor.Store.
func (a *anchors) Leaves(ctx context.Context, seq uint64) (out [][]byte, err error) {
	err = a.r.RunView(ctx, func(t *Tx) error {
		out = nil
		all, err := rows(ctx, t, false, scanText, `SELECT content FROM anchor_leaves WHERE tenant = $1 AND environment = $2 AND seq = $3 ORDER BY tree`, a.args(number(seq))...)
		if err == nil && len(all) == 0 {
			err = fmt.Errorf("%w: batch %d", anchor.ErrNotFound, seq)
		}
		for _, s := range all {
			b, err := unb64(s)
			if err != nil {
				return err
			}
			out = append(out, b)
		}
		return err
	})
	return out, err
}

// Digests implements anchor.Store.
func (a *anchors) Digests(ctx context.Context, from uint64) (out [][32]byte, err error) {
	err = a.r.RunView(ctx, func(t *Tx) error {
		out = nil
		if from > math.MaxInt64 {
			return nil
		}
		all, err := rows(ctx, t, false, scanText, `SELECT digest FROM anchor_batch WHERE tenant = $1 AND environment = $2 AND seq >= $3 ORDER BY seq`, a.args(int64(from))...)
		for _, s := range all {
			b, err := unb64(s)
			if err != nil || len(b) != 32 {
				return fmt.Errorf("store: expected a digest of 32 bytes, found %d", len(b))
			}
			out = append(out, [32]byte(b))
		}
		return err
	})
	return out, err
}

// Open implements anchor.Store.
func (a *anchors) Open(ctx context.Context) (out []uint64, err error) {
	err = a.r.RunView(ctx, func(t *Tx) error {
		out = nil
		all, err := rows(ctx, t, false, scanInt, `SELECT seq FROM anchor_batch WHERE tenant = $1 AND environment = $2 AND done = 0 ORDER BY seq`, a.args()...)
		for _, n := range all {
			out = append(out, uint64(n))
		}
		return err
	})
	return out, err
}

// put replaces the record of which r is the next form, with its Version not yet counted.
func (a *anchors) put(ctx context.Context, t *Tx, r *anchor.Record) error {
	c := *r
	c.Version++
	b, err := c.Encode()
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, `UPDATE anchor_batch SET done = $1, version = version + 1, content = $2
		WHERE tenant = $3 AND environment = $4 AND seq = $5 AND version = $6 AND digest = $7`,
		flag(r.Done), b64(b), a.tenant, a.environment, number(r.Seq), number(r.Version), b64(r.Digest[:]))
	if err != nil {
		return err
	}
	if n == 0 {
		_, err := row(ctx, t, false, scanInt, `SELECT seq FROM anchor_batch WHERE tenant = $1 AND environment = $2 AND seq = $3`, a.args(number(r.Seq))...)
		if err != nil {
			return absent(err, "batch %d", r.Seq)
		}
		return fmt.Errorf("%w: batch %d was changed meanwhile", anchor.ErrConflict, r.Seq)
	}
	return spend(ctx, t, r)
}

// Update implements anchor.Store.
func (a *anchors) Update(ctx context.Context, r *anchor.Record) error {
	err := a.r.RunUpdate(ctx, func(t *Tx) error { return a.put(ctx, t, r) })
	if err == nil {
		r.Version++
	}
	return err
}

// Reserve implements anchor.Store.
func (a *anchors) Reserve(ctx context.Context, r *anchor.Record, account anchor.Account, floor uint64) (*anchor.Record, error) {
	var out anchor.Record
	err := a.r.RunUpdate(ctx, func(t *Tx) error {
		out = *r
		if !out.HasNonce {
			if floor >= math.MaxInt64 {
				return fmt.Errorf("store: nonce %d is out of range", floor)
			}
			next, err := row(ctx, t, true, scanInt, `INSERT INTO anchor_nonce (account, next) VALUES ($1, $2)
				ON CONFLICT (account) DO UPDATE SET next = CASE WHEN anchor_nonce.next < excluded.next THEN excluded.next ELSE anchor_nonce.next + 1 END RETURNING next`,
				accountKey(account), int64(floor)+1)
			if err != nil {
				return err
			}
			out.Account, out.HasNonce, out.Nonce = account, true, uint64(next-1)
		}
		return a.put(ctx, t, &out)
	})
	if err != nil {
		return nil, err
	}
	out.Version++
	return &out, nil
}

// Erase implements anchor.Store.
func (a *anchors) Erase(ctx context.Context, id string) error {
	return a.r.RunUpdate(ctx, func(t *Tx) error {
		if _, err := a.lock(ctx, t); err != nil {
			return err
		}
		it, err := a.item(ctx, t, id)
		if err != nil {
			return err
		}
		_, end, err := a.next(ctx, t)
		if err != nil {
			return err
		}
		if it.place >= end {
			return anchor.ErrPending
		}
		return t.later(ctx, `UPDATE anchor_item SET type = '', alg = '', digest = NULL, salt = NULL WHERE tenant = $1 AND environment = $2 AND place = $3`, a.args(it.place)...)
	})
}
