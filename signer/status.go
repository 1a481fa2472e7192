package signer

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Errors of status lists, for errors.Is.
var (
	// ErrListFull: every index is given out. Begin another list.
	ErrListFull = errors.New("signer: status list is full")
	// ErrIndex: an index outside of the list, or one that was never given out.
	ErrIndex = errors.New("signer: status list index")
	// ErrState: a stored state that is damaged or of another version.
	ErrState = errors.New("signer: malformed status list state")
)

// maxStatusBytes is the longest list that our own verifier expands.
const maxStatusBytes = 8 << 20

// Bounds of a status list, in entries (Bitstring Status List 1.0, 6.1: at least 131,072,
// so that one credential is lost in the crowd).
const (
	MinStatusEntries = 131_072
	MaxStatusEntries = 1 << 24
)

// StatusMessage is what one value of a status means (Bitstring Status List 1.0, 2.1).
type StatusMessage struct {
	Status  string // the value in hexadecimal, such as 0x1
	Message string
}

// StatusConfig describes a list. It is kept in the list's state.
type StatusConfig struct {
	// ID is the URL that the list is published under, https. Required.
	ID string

	// Purpose is statusPurpose: revocation, suspension, refresh or message. Required.
	Purpose string

	// Entries is how many credentials the list holds. Zero: MinStatusEntries. A
	// multiple of 8. With Size they make at most 8 MiB, which verifiers expand.
	Entries int

	// Size is statusSize, the bits of each entry, 1 to 8. Zero: 1.
	Size int

	// Messages says what each of the 2^Size values means. Required for Size above 1
	// and for the purpose message; otherwise optional.
	Messages []StatusMessage

	// Random is where indices come from. nil: crypto/rand.Reader. Not kept in the state.
	Random io.Reader
}

// StatusList gives out indices at random, each once, and holds the status of each. It
// is not safe for concurrent use. Its state (MarshalBinary) is to be stored after each
// change and before the change is made known: an index counts as given out only then.
type StatusList struct {
	config StatusConfig
	taken  []byte // one bit for each entry: given out
	values []byte // Size bits for each entry, most significant bit first
	count  int    // how many are given out
}

// NewStatusList begins a list in which nothing is given out and every status is 0.
func NewStatusList(c StatusConfig) (*StatusList, error) {
	if c.Entries == 0 {
		c.Entries = MinStatusEntries
	}
	if c.Size == 0 {
		c.Size = 1
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	switch {
	case !strings.HasPrefix(c.ID, "https://"):
		return nil, fmt.Errorf("%w: expected an https URL as ID of the list", ErrConfig)
	case c.Purpose == "":
		return nil, fmt.Errorf("%w: expected a purpose", ErrConfig)
	case c.Entries < MinStatusEntries || c.Entries > MaxStatusEntries || c.Entries%8 != 0:
		return nil, fmt.Errorf("%w: expected %d to %d entries, a multiple of 8, found %d", ErrConfig, MinStatusEntries, MaxStatusEntries, c.Entries)
	case c.Size < 1 || c.Size > 8:
		return nil, fmt.Errorf("%w: expected 1 to 8 bits for an entry, found %d", ErrConfig, c.Size)
	case c.Entries/8*c.Size > maxStatusBytes:
		return nil, fmt.Errorf("%w: expected entries and bits of at most %d bytes together, found %d", ErrConfig, maxStatusBytes, c.Entries/8*c.Size)
	case len(c.Messages) != 0 && len(c.Messages) != 1<<c.Size, len(c.Messages) == 0 && (c.Size > 1 || c.Purpose == "message"):
		return nil, fmt.Errorf("%w: expected %d messages, found %d", ErrConfig, 1<<c.Size, len(c.Messages))
	}
	for i, m := range c.Messages {
		if v, err := strconv.ParseUint(strings.TrimPrefix(m.Status, "0x"), 16, 64); err != nil || !strings.HasPrefix(m.Status, "0x") || v != uint64(i) || m.Message == "" {
			return nil, fmt.Errorf("%w: expected messages for the values from 0x0 upward, in order", ErrConfig)
		}
	}
	c.Messages = append([]StatusMessage(nil), c.Messages...)
	return &StatusList{config: c, taken: make([]byte, c.Entries/8), values: make([]byte, c.Entries/8*c.Size)}, nil
}

// Len returns how many entries the list has, and Allocated how many are given out.
func (l *StatusList) Len() int { return l.config.Entries }

// Allocated returns how many indices are given out.
func (l *StatusList) Allocated() int { return l.count }

// Allocate gives out an index that was never given out before, each of those left with
// the same probability, so that it tells nothing about when a credential was issued or
// how many are.
func (l *StatusList) Allocate() (int, error) {
	free := l.config.Entries - l.count
	if free <= 0 {
		return 0, ErrListFull
	}
	for range 64 { // at most half full: 64 misses in a row do not happen
		if 2*l.count > l.config.Entries {
			break
		}
		i, err := l.random(l.config.Entries)
		if err != nil {
			return 0, err
		}
		if !l.given(i) {
			l.take(i)
			return i, nil
		}
	}
	k, err := l.random(free)
	if err != nil {
		return 0, err
	}
	i := l.freeIndex(k)
	l.take(i)
	return i, nil
}

// freeIndex returns the k-th index that is not given out.
func (l *StatusList) freeIndex(k int) int {
	for at, b := range l.taken {
		if n := 8 - bits.OnesCount8(b); k >= n {
			k -= n
			continue
		}
		for i := at * 8; ; i++ {
			if l.given(i) {
				continue
			}
			if k == 0 {
				return i
			}
			k--
		}
	}
	return -1 // cannot be: count says that there are more than k
}

// random returns a number below n, each with the same probability.
func (l *StatusList) random(n int) (int, error) {
	limit := uint64(1)<<32 - uint64(1)<<32%uint64(n)
	for {
		var b [4]byte
		if _, err := io.ReadFull(l.config.Random, b[:]); err != nil {
			return 0, fmt.Errorf("signer: status list: reading random bytes: %w", err)
		}
		if v := uint64(binary.BigEndian.Uint32(b[:])); v < limit {
			return int(v % uint64(n)), nil
		}
	}
}

func (l *StatusList) given(i int) bool { return l.taken[i/8]&(0x80>>(i%8)) != 0 }

func (l *StatusList) take(i int) {
	l.taken[i/8] |= 0x80 >> (i % 8)
	l.count++
}

// Set sets the status of an entry that was given out, a number below 2^Size. For
// revocation 1 is revoked; setting back is for the caller to allow or not.
func (l *StatusList) Set(index int, value uint8) error {
	if err := l.check(index); err != nil {
		return err
	}
	size := l.config.Size
	if int(value) >= 1<<size {
		return fmt.Errorf("%w: expected a status below %d, found %d", ErrConfig, 1<<size, value)
	}
	for b := range size {
		at := index*size + b
		mask := byte(0x80 >> (at % 8))
		l.values[at/8] &^= mask
		if value>>(size-1-b)&1 != 0 {
			l.values[at/8] |= mask
		}
	}
	return nil
}

// Get returns the status of an entry that was given out.
func (l *StatusList) Get(index int) (uint8, error) {
	if err := l.check(index); err != nil {
		return 0, err
	}
	var v uint8
	for b := range l.config.Size {
		at := index*l.config.Size + b
		v = v<<1 | l.values[at/8]>>(7-at%8)&1
	}
	return v, nil
}

func (l *StatusList) check(index int) error {
	if index < 0 || index >= l.config.Entries {
		return fmt.Errorf("%w: expected one below %d", ErrIndex, l.config.Entries)
	}
	if !l.given(index) {
		return fmt.Errorf("%w: expected one that was given out", ErrIndex)
	}
	return nil
}

// Entry returns the credentialStatus entry of an index, for Draft.Status. Lists with
// messages need EntryText.
func (l *StatusList) Entry(index int) (chancery.StatusEntry, error) {
	if err := l.check(index); err != nil {
		return chancery.StatusEntry{}, err
	}
	i := strconv.Itoa(index)
	return chancery.StatusEntry{
		ID: l.config.ID + "#" + i, Type: "BitstringStatusListEntry", Purpose: l.config.Purpose,
		ListIndex: i, ListCredential: l.config.ID, Size: l.config.Size,
	}, nil
}

// EntryText returns the credentialStatus entry of an index as JSON, with statusSize and
// statusMessage where the list has them.
func (l *StatusList) EntryText(index int) ([]byte, error) {
	e, err := l.Entry(index)
	if err != nil {
		return nil, err
	}
	q := strictjson.Quote
	b := `{"id":` + q(e.ID) + `,"type":"BitstringStatusListEntry","statusPurpose":` + q(e.Purpose) +
		`,"statusListIndex":` + q(e.ListIndex) + `,"statusListCredential":` + q(e.ListCredential)
	if l.config.Size > 1 {
		b += `,"statusSize":` + strconv.Itoa(l.config.Size)
	}
	for i, m := range l.config.Messages {
		b += map[bool]string{true: `,"statusMessage":[`, false: ","}[i == 0] + `{"status":` + q(m.Status) + `,"message":` + q(m.Message) + `}`
	}
	if len(l.config.Messages) > 0 {
		b += "]"
	}
	return []byte(b + "}"), nil
}

// EncodedList returns the list in its published form: the bits, GZIP (RFC 1952) and
// multibase base64url (Bitstring Status List 1.0, 3.3). The same list gives the same
// text.
func (l *StatusList) EncodedList() (string, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(l.values)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", fmt.Errorf("signer: status list: %w", err)
	}
	return "u" + base64.RawURLEncoding.EncodeToString(out.Bytes()), nil
}

// StatusPublication says how a list is published.
type StatusPublication struct {
	Issuer     string        // a URL; required
	ValidFrom  time.Time     // required
	ValidUntil time.Time     // zero: no end, so that an old copy never goes stale
	TTL        time.Duration // how long readers may keep a copy, in whole milliseconds; zero: not said
}

// Credential returns the list as a BitstringStatusListCredential that is still to be
// signed (Bitstring Status List 1.0, 2.2).
func (l *StatusList) Credential(p StatusPublication) (*chancery.Credential, error) {
	if p.ValidFrom.IsZero() || p.TTL < 0 || p.TTL%time.Millisecond != 0 {
		return nil, fmt.Errorf("%w: expected ValidFrom, and a TTL in milliseconds", ErrConfig)
	}
	list, err := l.EncodedList()
	if err != nil {
		return nil, err
	}
	subject := map[string]any{
		"id": l.config.ID + "#list", "type": "BitstringStatusList", "statusPurpose": l.config.Purpose, "encodedList": list,
	}
	if p.TTL > 0 {
		subject["ttl"] = p.TTL.Milliseconds()
	}
	return chancery.Draft{
		ID: l.config.ID, Types: []string{"BitstringStatusListCredential"}, Issuer: p.Issuer,
		ValidFrom: p.ValidFrom, ValidUntil: p.ValidUntil, Subject: subject,
	}.Build()
}
