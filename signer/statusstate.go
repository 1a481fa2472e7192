package signer

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"math/bits"
	"strconv"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// stateMagic begins every stored state; the number is the version of the format.
const stateMagic = "chancery status list 1\n"

// MarshalBinary returns the state of the list, for storage: the line "chancery status
// list 1", a line of JSON with the configuration, the bits of the indices given out, the
// statuses, and the SHA-256 of all that.
func (l *StatusList) MarshalBinary() ([]byte, error) {
	q := strictjson.Quote
	c := l.config
	head := `{"id":` + q(c.ID) + `,"purpose":` + q(c.Purpose) + `,"entries":` + strconv.Itoa(c.Entries) + `,"size":` + strconv.Itoa(c.Size) + `,"messages":[`
	for i, m := range c.Messages {
		if i > 0 {
			head += ","
		}
		head += `{"status":` + q(m.Status) + `,"message":` + q(m.Message) + `}`
	}
	head += "]}\n"
	out := make([]byte, 0, len(stateMagic)+len(head)+len(l.taken)+len(l.values)+sha256.Size)
	out = append(append(append(append(out, stateMagic...), head...), l.taken...), l.values...)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

// ReadStatusList returns the list of a stored state, with its allocation: no index is
// given out twice. random is where further indices come from; nil means
// crypto/rand.Reader. Errors wrap ErrState.
func ReadStatusList(state []byte, random io.Reader) (*StatusList, error) {
	bad := func(detail string) (*StatusList, error) { return nil, fmt.Errorf("%w: %s", ErrState, detail) }
	if len(state) < len(stateMagic)+sha256.Size || !bytes.HasPrefix(state, []byte(stateMagic)) {
		return bad("expected a state of version 1")
	}
	body, sum := state[:len(state)-sha256.Size], state[len(state)-sha256.Size:]
	if want := sha256.Sum256(body); !bytes.Equal(want[:], sum) {
		return bad("the checksum differs")
	}
	head, rest, ok := bytes.Cut(body[len(stateMagic):], []byte{'\n'})
	if !ok {
		return bad("expected a configuration")
	}
	d, err := strictjson.Parse(head, strictjson.Limits{Bytes: 1 << 20})
	if err != nil {
		return bad("expected JSON as configuration")
	}
	if random == nil {
		random = rand.Reader
	}
	c := StatusConfig{ID: d.String(d.Get(0, "id")), Purpose: d.String(d.Get(0, "purpose")), Random: random}
	entries, okEntries := d.Int(d.Get(0, "entries"))
	size, okSize := d.Int(d.Get(0, "size"))
	if !okEntries || !okSize || entries <= 0 || entries > MaxStatusEntries || size <= 0 || size > 8 {
		return bad("expected a number of entries and their size")
	}
	c.Entries, c.Size = int(entries), int(size)
	d.Each(d.Get(0, "messages"), func(n strictjson.Node) bool {
		c.Messages = append(c.Messages, StatusMessage{d.String(d.Get(n, "status")), d.String(d.Get(n, "message"))})
		return true
	})
	l, err := NewStatusList(c)
	if err != nil {
		return bad(err.Error())
	}
	if len(rest) != len(l.taken)+len(l.values) {
		return bad("expected the bits of the list, and nothing more")
	}
	copy(l.taken, rest)
	copy(l.values, rest[len(l.taken):])
	for _, b := range l.taken {
		l.count += bits.OnesCount8(b)
	}
	return l, nil
}
