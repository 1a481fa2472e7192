package pades

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
)

// span is what one signature covers: from 0 to gap.Start, and from gap.End to end.
type span struct{ gapStart, gapEnd, end int64 }

// errTooMuch says that hashing what the signatures cover takes too long.
var errTooMuch = errors.New("pades: the signatures cover the file too often")

// digests hashes what each span covers with one algorithm. All spans begin at the
// first byte, so the file is read once up to the last gap, and once more what follows
// each gap: for incremental updates that is little.
func digests(ctx context.Context, r io.ReaderAt, size int64, alg crypto.Hash, spans []span) ([][]byte, error) {
	order := make([]int, len(spans))
	work := int64(0)
	for i, s := range spans {
		order[i] = i
		work += s.end - s.gapEnd
	}
	if work > hashFactor*size+hashSlack {
		return nil, errTooMuch
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(spans[a].gapStart, spans[b].gapStart) })
	h := &hasher{ctx: ctx, r: r, buf: make([]byte, 64<<10)}
	out := make([][]byte, len(spans))
	main, pos := alg.New(), int64(0)
	for n, i := range order {
		s := spans[i]
		if err := h.feed(main, pos, s.gapStart); err != nil {
			return nil, err
		}
		pos = s.gapStart
		tail := main
		if n+1 < len(order) {
			c, ok := main.(hash.Cloner)
			if !ok {
				return nil, fmt.Errorf("pades: %v cannot be continued", alg)
			}
			copied, err := c.Clone()
			if err != nil {
				return nil, fmt.Errorf("pades: %v cannot be continued: %w", alg, err)
			}
			tail = copied
		}
		if err := h.feed(tail, s.gapEnd, s.end); err != nil {
			return nil, err
		}
		out[i] = tail.Sum(nil)
	}
	return out, nil
}

type hasher struct {
	ctx context.Context
	r   io.ReaderAt
	buf []byte
}

func (h *hasher) feed(to hash.Hash, from, end int64) error {
	for from < end {
		if err := h.ctx.Err(); err != nil {
			return err
		}
		n := min(int64(len(h.buf)), end-from)
		got, err := h.r.ReadAt(h.buf[:n], from)
		if int64(got) < n {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("pades: reading the file: %w", err)
		}
		to.Write(h.buf[:n])
		from += n
	}
	return nil
}
