package opentimestamps

import (
	"bytes"
	"time"

	"github.com/chancery-dev/chancery/proof/bitcoin"
	"github.com/chancery-dev/chancery/proof/ethereum"
)

// Blocks are the block headers that the caller pins. The zero value has none, and
// leaves every attestation undecided.
type Blocks struct {
	// Bitcoin holds headers of Bitcoin and Litecoin. Nil: none.
	Bitcoin *bitcoin.Known
	// Ethereum holds headers of the chain that Ethereum attestations mean, which the
	// format does not say, by number. Nil: none.
	Ethereum map[uint64]ethereum.Header
}

// Verdict is what became of an attestation.
type Verdict uint8

// The verdicts. The zero value claims nothing.
const (
	Undecided Verdict = iota // pending, unknown, no header pinned, or nothing binds the file
	Confirmed                // the pinned header holds the value
	Refuted                  // the pinned header holds another value
)

func (v Verdict) String() string { return [...]string{"undecided", "confirmed", "refuted"}[v%3] }

// Judged is an attestation and what became of it.
type Judged struct {
	Found
	Verdict Verdict
	Detail  string    // why, in a few words
	Time    time.Time // of the block, where Confirmed
	Block   string    // hash of the block as people write it, where Confirmed or Refuted
}

// Check judges every attestation against pinned headers. A confirmed attestation says
// that the digest existed when the block was made, up to the about two hours by which
// miners may misdate a block.
func (f *File) Check(b Blocks) []Judged {
	found := f.Attestations()
	out := make([]Judged, 0, len(found))
	for _, a := range found {
		out = append(out, b.judge(a))
	}
	return out
}

func (b Blocks) judge(a Found) Judged {
	j := Judged{Found: a}
	var root []byte
	var at time.Time
	switch a.Kind {
	case Bitcoin, Litecoin:
		network := bitcoin.Mainnet
		if a.Kind == Litecoin {
			network = bitcoin.Litecoin
		}
		h, ok := b.Bitcoin.At(network, a.Height)
		if !ok {
			j.Detail = "no header is pinned for the block"
			return j
		}
		root, at, j.Block = h.MerkleRoot[:], h.Time, h.Hash.String()
	case Ethereum:
		h, ok := b.Ethereum[a.Height]
		if !ok || h.Number != a.Height {
			j.Detail = "no header is pinned for the block"
			return j
		}
		if h.Time > 1<<40 {
			j.Detail = "the block's time is out of range"
			return j
		}
		root, at = h.TransactionsRoot[:], time.Unix(int64(h.Time), 0).UTC()
		j.Block = "0x" + hexOf(h.Hash[:])
	case Pending:
		j.Detail = "only a calendar's promise; it was not asked"
		return j
	default:
		j.Detail = "an attestation of a kind that is not known"
		return j
	}
	switch {
	case !bytes.Equal(a.Value, root):
		j.Verdict, j.Detail = Refuted, "the pinned header holds another root"
	case !a.Bound:
		j.Block, j.Detail = "", "the digest is the root itself; no hash ties a file to it"
	default:
		j.Verdict, j.Time, j.Detail = Confirmed, at, "the pinned header holds the value"
	}
	return j
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 2*len(b))
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return string(out)
}
