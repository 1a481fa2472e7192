package chainpoint

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/chancery-dev/chancery/proof/bitcoin"
)

// Verdict is what became of an anchor.
type Verdict uint8

// The verdicts. The zero value claims nothing.
const (
	Undecided Verdict = iota // no header pinned, or not of a kind that can be checked offline
	Confirmed                // the pinned header holds the value
	Refuted                  // the pinned header holds another value
)

func (v Verdict) String() string { return [...]string{"undecided", "confirmed", "refuted"}[v%3] }

// Judged is an anchor and what became of it.
type Judged struct {
	AnchorRef
	Label   string // of its branch
	Value   []byte // what the operations lead to
	Bound   bool   // at least one hash stands between the document's hash and the value
	Verdict Verdict
	Detail  string
	// Of an anchor that names a block, which a pinned header could show to hold:
	Network string
	Height  uint64
	// Of a confirmed anchor:
	Block string    // hash of the block as people write it
	Time  time.Time // of the block
}

// Check runs the operations and judges every anchor, in the order of the file. known
// may be nil. A confirmed anchor says that the hash existed when the block was made, up
// to the about two hours by which miners may misdate one.
func (p *Proof) Check(known *bitcoin.Known) []Judged {
	var out []Judged
	if p.run(func(j Judged) { out = append(out, judge(j, known)) }) != nil {
		return nil // a Proof made by hand that Parse would refuse
	}
	return out
}

// maxWork bounds the bytes that all operations together put side by side.
const maxWork = 32 << 20

// run visits every anchor with its value.
func (p *Proof) run(visit func(Judged)) error {
	work := 0
	var walk func(branches []Branch, value []byte, bound bool, depth int) error
	walk = func(branches []Branch, value []byte, bound bool, depth int) error {
		if depth > MaxDepth {
			return ErrTooLarge
		}
		for _, b := range branches {
			at, atBound := value, bound
			for _, o := range b.Ops {
				if o.Kind == Anchor {
					for _, a := range o.Anchors {
						visit(Judged{AnchorRef: a, Label: b.Label, Value: at, Bound: atBound})
					}
					continue
				}
				if work += len(at) + len(o.Operand); work > maxWork || len(at)+len(o.Operand) > maxValue {
					return fmt.Errorf("%w: expected values of at most %d bytes and %d in all", ErrTooLarge, maxValue, maxWork)
				}
				var ok bool
				if at, ok = o.apply(at); !ok {
					return ErrUnsupported
				}
				atBound = atBound || o.Kind == Hash
			}
			if err := walk(b.Branches, at, atBound, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return walk(p.Branches, p.Hash, false, 0)
}

func (o Op) apply(value []byte) ([]byte, bool) {
	switch o.Kind {
	case Left:
		return slices.Concat(o.Operand, value), true
	case Right:
		return slices.Concat(value, o.Operand), true
	case Hash:
		if f := hashes[o.Name]; f != nil {
			return f(value), true
		}
	}
	return nil, false
}

func judge(j Judged, known *bitcoin.Known) Judged {
	var network bitcoin.Network
	switch j.Type {
	case "btc":
		network = bitcoin.Mainnet
	case "tbtc":
		network = bitcoin.Testnet
	case "cal", "tcal":
		j.Detail = "a calendar's entry, which only its server could show; it was not asked"
		return j
	default:
		j.Detail = "an anchor that cannot be checked from the proof"
		return j
	}
	height, err := strconv.ParseUint(j.ID, 10, 32)
	j.Network, j.Height = network.String(), height
	header, ok := known.At(network, height)
	switch {
	case err != nil || !ok:
		j.Detail = "no header is pinned for the block"
	case !bytes.Equal(j.Value, header.MerkleRoot[:]):
		j.Verdict, j.Detail = Refuted, "the pinned header holds another root"
	case !j.Bound:
		j.Detail = "the hash is the root itself; nothing ties a document to it"
	default:
		j.Verdict, j.Detail = Confirmed, "the pinned header holds the value"
		j.Block, j.Time = header.Hash.String(), header.Time
	}
	return j
}
