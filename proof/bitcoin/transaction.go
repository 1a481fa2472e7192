package bitcoin

import (
	"encoding/binary"
	"fmt"
)

// MaxTransaction bounds a transaction; a block cannot hold a larger one.
const MaxTransaction = 4_000_000

// Transaction is what proofs need of a transaction. All of it is bound by ID.
type Transaction struct {
	ID      Hash // without witnesses
	Inputs  []Input
	Outputs []Output
}

// Input names the output that is spent.
type Input struct {
	Previous Hash
	Index    uint32
	Script   []byte
}

// Output is an amount and the script that guards it.
type Output struct {
	Value  uint64 // satoshi
	Script []byte
}

// reader takes bytes off the front, keeping the first error.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// size reads a compact size in its shortest form.
func (r *reader) size() uint64 {
	first := r.take(1)
	if first == nil {
		return 0
	}
	var n, least uint64
	switch first[0] {
	default:
		return uint64(first[0])
	case 0xfd:
		if b := r.take(2); b != nil {
			n, least = uint64(binary.LittleEndian.Uint16(b)), 0xfd
		}
	case 0xfe:
		n, least = uint64(r.u32()), 1<<16
	case 0xff:
		if b := r.take(8); b != nil {
			n, least = binary.LittleEndian.Uint64(b), 1<<32
		}
	}
	if n < least {
		r.bad = true
	}
	return n
}

// ParseTransaction reads exactly one transaction, with or without witnesses (BIP 144).
// One whose stripped form has 64 bytes is refused: its identifier cannot be told from
// an inner node of the tree.
func ParseTransaction(b []byte) (*Transaction, error) {
	malformed := fmt.Errorf("%w: expected one complete transaction", ErrTransaction)
	if len(b) < 10 || len(b) > MaxTransaction {
		return nil, malformed
	}
	witness := b[4] == 0
	start := 4
	if witness {
		if b[5] != 1 {
			return nil, malformed
		}
		start = 6
	}
	r := &reader{b: b[start:]}
	tx := &Transaction{}
	// Every input takes 41 bytes and every output 9, so that counts are bounded by
	// what is there.
	count := r.size()
	if count == 0 || count > uint64(len(r.b))/41 {
		return nil, malformed
	}
	for range count {
		in := Input{}
		if p := r.take(32); p != nil {
			in.Previous = Hash(p)
		}
		in.Index = r.u32()
		in.Script = r.take(r.size())
		r.u32() // sequence
		tx.Inputs = append(tx.Inputs, in)
	}
	outputs := r.size()
	if outputs == 0 || outputs > uint64(len(r.b))/9 {
		return nil, malformed
	}
	for range outputs {
		out := Output{}
		if v := r.take(8); v != nil {
			out.Value = binary.LittleEndian.Uint64(v)
		}
		out.Script = r.take(r.size())
		tx.Outputs = append(tx.Outputs, out)
	}
	end := len(b) - len(r.b)
	if witness {
		some := false
		for range count {
			items := r.size()
			if items > uint64(len(r.b)) {
				return nil, malformed
			}
			some = some || items > 0
			for range items {
				r.take(r.size())
			}
		}
		if !some { // BIP 144: then the form without witnesses is to be used
			return nil, malformed
		}
	}
	lock := r.take(4)
	if r.bad || len(r.b) != 0 {
		return nil, malformed
	}
	stripped := make([]byte, 0, 8+end-start)
	stripped = append(append(append(stripped, b[:4]...), b[start:end]...), lock...)
	if len(stripped) == 64 {
		return nil, fmt.Errorf("%w: expected a stripped size other than 64 bytes", ErrTransaction)
	}
	tx.ID = DoubleSHA256(stripped)
	return tx, nil
}

// OpReturn returns the data of the outputs whose script is OP_RETURN and one push,
// and nothing else. It is empty where there is none.
func (tx *Transaction) OpReturn() [][]byte {
	var found [][]byte
	for _, out := range tx.Outputs {
		s := out.Script
		switch {
		case len(s) < 2 || s[0] != 0x6a:
		case s[1] >= 1 && s[1] <= 75 && len(s) == 2+int(s[1]):
			found = append(found, s[2:])
		case s[1] == 76 && len(s) > 3 && s[2] > 75 && len(s) == 3+int(s[2]):
			found = append(found, s[3:])
		}
	}
	return found
}

// KeyHash returns the hash of the public key that guards an output, for scripts of
// the forms P2PKH and P2WPKH; ok is false for every other.
func (o Output) KeyHash() (h [20]byte, ok bool) {
	s := o.Script
	switch {
	case len(s) == 25 && s[0] == 0x76 && s[1] == 0xa9 && s[2] == 20 && s[23] == 0x88 && s[24] == 0xac:
		return [20]byte(s[3:23]), true
	case len(s) == 22 && s[0] == 0 && s[1] == 20:
		return [20]byte(s[2:]), true
	}
	return h, false
}
