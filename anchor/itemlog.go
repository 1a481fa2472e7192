package anchor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// ErrCorrupt: files of a FileStore are not as it wrote them.
var ErrCorrupt = errors.New("anchor: the store's files are damaged")

// itemLog is the part of a FileStore that holds items: files of frames, each named after
// the position of its first item. A frame is what one Add wrote: length and CRC-32C of
// its payload, 4 bytes each, little-endian, and the payload, a CBOR array of items. A
// frame that was not written to its end can only be the last, and is cut off on opening:
// its Add never returned.
type itemLog struct {
	dir  string
	hook func(step string)
	segs []segment
	f    *os.File // the last segment, open to append; nil: none
	bad  error    // a failed write that could not be undone
}

type segment struct {
	first, count uint64
	size         int64
}

const (
	segmentBytes = 4 << 20 // a segment that has reached this is followed by another
	frameHead    = 8
	logSuffix    = ".items"
	maxFrame     = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var itemDecoding = must(cbor.DecOptions{
	DupMapKey: cbor.DupMapKeyEnforcedAPF, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	MaxNestedLevels: 8, MaxArrayElements: 1 << 27, IndefLength: cbor.IndefLengthForbidden,
}.DecMode())

// wireItem is the stored form of an item.
type wireItem struct {
	ID     string `cbor:"1,keyasint"`
	Kind   string `cbor:"2,keyasint,omitempty"`
	Alg    string `cbor:"3,keyasint,omitempty"`
	Digest []byte `cbor:"4,keyasint,omitempty"`
	Salt   []byte `cbor:"5,keyasint,omitempty"`
	Added  int64  `cbor:"6,keyasint"` // nanoseconds since 1970
}

func (l *itemLog) path(s segment) string {
	return filepath.Join(l.dir, fmt.Sprintf("%016d%s", s.first, logSuffix))
}

// open reads all segments and passes each item on.
func (l *itemLog) open(each func(pos uint64, it Item)) error {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	var firsts []uint64
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), logSuffix)
		if !ok {
			continue
		}
		first, err := strconv.ParseUint(name, 10, 64)
		if err != nil {
			return fmt.Errorf("%w: unexpected file %q", ErrCorrupt, e.Name())
		}
		firsts = append(firsts, first)
	}
	slices.Sort(firsts)
	next := uint64(0)
	for i, first := range firsts {
		if first != next {
			return fmt.Errorf("%w: items from %d to %d are missing", ErrCorrupt, next, first)
		}
		s := segment{first: first}
		if err := l.openSegment(&s, i == len(firsts)-1, each); err != nil {
			return err
		}
		l.segs = append(l.segs, s)
		next = first + s.count
	}
	if n := len(l.segs); n > 0 {
		l.f, err = os.OpenFile(l.path(l.segs[n-1]), os.O_WRONLY|os.O_APPEND, 0o600)
	}
	return err
}

func (l *itemLog) openSegment(s *segment, last bool, each func(uint64, Item)) error {
	b, err := os.ReadFile(l.path(*s))
	if err != nil {
		return err
	}
	rest := b
	for len(rest) > 0 {
		items, n, err := readFrame(rest)
		if err != nil {
			if last && torn(rest) {
				return l.cut(s)
			}
			return fmt.Errorf("%w: items after %d: %w", ErrCorrupt, s.first+s.count, err)
		}
		for i, it := range items {
			each(s.first+s.count+uint64(i), it)
		}
		s.count += uint64(len(items))
		s.size += int64(n)
		rest = rest[n:]
	}
	return nil
}

// torn tells whether an unreadable frame is one whose write did not end: nothing follows
// it, or nothing but zeros.
func torn(b []byte) bool {
	if len(b) < frameHead || len(bytes.Trim(b, "\x00")) == 0 {
		return true
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	return n > 0 && frameHead+n >= uint64(len(b))
}

// cut removes what is after the segment's last whole frame.
func (l *itemLog) cut(s *segment) error {
	f, err := os.OpenFile(l.path(*s), os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(s.size), f.Sync(), f.Close())
}

func readFrame(b []byte) (items []Item, n int, err error) {
	if len(b) < frameHead {
		return nil, 0, io.ErrUnexpectedEOF
	}
	size := int(binary.LittleEndian.Uint32(b))
	if size == 0 || size > maxFrame || size > len(b)-frameHead {
		return nil, 0, io.ErrUnexpectedEOF
	}
	payload := b[frameHead : frameHead+size]
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return nil, 0, errors.New("anchor: checksum")
	}
	var wire []wireItem
	if err := itemDecoding.Unmarshal(payload, &wire); err != nil {
		return nil, 0, err
	}
	items = make([]Item, len(wire))
	for i, w := range wire {
		items[i] = w.item()
	}
	return items, frameHead + size, nil
}

func appendFrame(b []byte, items []Item) ([]byte, error) {
	wire := make([]wireItem, len(items))
	for i := range items {
		wire[i] = wireOf(&items[i])
	}
	payload, err := recordEncoding.Marshal(wire)
	if err != nil {
		return nil, err
	}
	if len(payload) > maxFrame {
		return nil, fmt.Errorf("%w: expected at most %d bytes of items at once, found %d", ErrItem, maxFrame, len(payload))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(payload, castagnoli))
	return append(b, payload...), nil
}

// append writes items as one frame, durably.
func (l *itemLog) append(items []Item) error {
	if l.bad != nil {
		return l.bad
	}
	frame, err := appendFrame(nil, items)
	if err != nil {
		return err
	}
	if err := l.roll(); err != nil {
		return err
	}
	s := &l.segs[len(l.segs)-1]
	half := len(frame) / 2
	_, err = l.f.Write(frame[:half])
	l.hook("items: half written")
	if err == nil {
		_, err = l.f.Write(frame[half:])
	}
	l.hook("items: written")
	if err == nil {
		err = l.f.Sync()
	}
	if err != nil {
		// A frame that nobody was promised must not stay.
		if undo := errors.Join(l.f.Truncate(s.size), l.f.Sync()); undo != nil {
			l.bad = fmt.Errorf("anchor: the items file could not be repaired, open the store anew: %w", undo)
		}
		return err
	}
	l.hook("items: synced")
	s.size += int64(len(frame))
	s.count += uint64(len(items))
	return nil
}

// roll opens a new segment where the last is full or there is none.
func (l *itemLog) roll() error {
	next := segment{}
	if n := len(l.segs); n > 0 {
		if l.segs[n-1].size < segmentBytes {
			return nil
		}
		next.first = l.segs[n-1].first + l.segs[n-1].count
	}
	f, err := os.OpenFile(l.path(next), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	l.hook("items: segment made")
	if err := errors.Join(f.Truncate(0), syncDir(l.dir)); err != nil {
		return errors.Join(err, f.Close())
	}
	if l.f != nil {
		err = l.f.Close()
	}
	l.f = f
	l.segs = append(l.segs, next)
	return err
}

// find returns the index of the segment that holds a position.
func (l *itemLog) find(pos uint64) (int, bool) {
	for i := len(l.segs) - 1; i >= 0; i-- {
		if s := l.segs[i]; pos >= s.first {
			return i, pos < s.first+s.count
		}
	}
	return 0, false
}

// read returns the items of a segment.
func (l *itemLog) read(i int) ([]Item, error) { return readSegment(l.path(l.segs[i]), l.segs[i]) }

// readSegment reads what was there when s was looked up: frames that came later are left
// alone.
func readSegment(path string, s segment) ([]Item, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := make([]Item, 0, s.count)
	for uint64(len(out)) < s.count {
		items, n, err := readFrame(b)
		if err != nil {
			return nil, fmt.Errorf("%w: items after %d: %w", ErrCorrupt, s.first+uint64(len(out)), err)
		}
		out = append(out, items...)
		b = b[n:]
	}
	return out, nil
}

// erase rewrites the segment that holds a position, without that item's subject and salt.
func (l *itemLog) erase(pos uint64) error {
	i, ok := l.find(pos)
	if !ok {
		return fmt.Errorf("%w: item %d", ErrNotFound, pos)
	}
	items, err := l.read(i)
	if err != nil {
		return err
	}
	s := l.segs[i]
	old := items[pos-s.first]
	items[pos-s.first] = Item{ID: old.ID, Added: old.Added}
	frame, err := appendFrame(nil, items)
	if err != nil {
		return err
	}
	last := i == len(l.segs)-1
	if err := writeFile(l.path(s), l.hook, frame); err != nil {
		return err
	}
	l.segs[i].size = int64(len(frame))
	if last {
		f, err := os.OpenFile(l.path(s), os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			l.bad = err
			return err
		}
		err = l.f.Close()
		l.f = f
		return err
	}
	return nil
}

func (l *itemLog) close() error {
	if l.f == nil {
		return nil
	}
	return l.f.Close()
}

func wireOf(it *Item) wireItem {
	return wireItem{ID: it.ID, Kind: it.Subject.Type, Alg: it.Subject.DigestAlg, Digest: it.Subject.Digest, Salt: it.Salt, Added: it.Added.UnixNano()}
}

func (w *wireItem) item() Item {
	it := Item{ID: w.ID, Salt: w.Salt, Added: time.Unix(0, w.Added).UTC()}
	it.Subject.Type, it.Subject.DigestAlg, it.Subject.Digest = w.Kind, w.Alg, w.Digest
	return it
}
