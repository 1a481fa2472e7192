package anchor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// FileStore is a Store in a directory, for one process at a time. In memory it holds
// about 60 bytes for each item; beyond some ten million items a database is the better
// place. OpenFileStore makes one.
//
//	lock                    held by the process that has the store open
//	items/<position>.items  what Add wrote, see itemLog
//	batches/<seq>.leaves    leaf hashes of a batch
//	batches/<seq>.record    Record.Encode; a batch exists from when this file does
//
// A file under batches is written under another name, synced, and renamed.
type FileStore struct {
	dir  string
	lock *os.File
	hook func(step string) // for tests that stop the process at a step

	mu  sync.Mutex
	x   index
	log itemLog
}

// ErrLocked: another process has the store open.
var ErrLocked = errors.New("anchor: the store is in use by another process")

const (
	recordSuffix = ".record"
	leavesSuffix = ".leaves"
	tempSuffix   = ".tmp"
)

// OpenFileStore opens the store in a directory, which is made where it is missing. What
// a crash left half done is undone. Errors wrap ErrLocked or ErrCorrupt, or are those of
// the file system.
func OpenFileStore(dir string) (*FileStore, error) {
	return openFileStore(dir, func(string) {})
}

func openFileStore(dir string, hook func(string)) (*FileStore, error) {
	for _, d := range []string{dir, filepath.Join(dir, "items"), filepath.Join(dir, "batches")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	s := &FileStore{dir: dir, lock: lock, hook: hook, x: newIndex(), log: itemLog{dir: filepath.Join(dir, "items"), hook: hook}}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// load reads what is there.
func (s *FileStore) load() error {
	if err := errors.Join(removeTemp(s.log.dir), removeTemp(s.batches()), syncDir(s.dir)); err != nil {
		return err
	}
	for seq := uint64(0); ; seq++ {
		r, err := s.readRecord(seq)
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
		if r.Seq != seq || r.First != s.x.end() {
			return fmt.Errorf("%w: batch %d", ErrCorrupt, seq)
		}
		s.x.note(r)
	}
	if err := s.complete(); err != nil {
		return err
	}
	waiting := s.x.end()
	err := s.log.open(func(pos uint64, it Item) {
		s.x.ids[keyOf(it.ID)] = pos
		s.x.count = pos + 1
		if pos == waiting {
			s.x.oldest = it.Added
		}
	})
	if err != nil {
		return err
	}
	if s.x.count < waiting {
		return fmt.Errorf("%w: expected %d items in batches, found %d", ErrCorrupt, waiting, s.x.count)
	}
	return nil
}

// complete finds batches after a missing one.
func (s *FileStore) complete() error {
	entries, err := os.ReadDir(s.batches())
	if err != nil {
		return err
	}
	n := 0
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), recordSuffix) {
			n++
		}
	}
	if n != len(s.x.batches) {
		return fmt.Errorf("%w: expected %d batches in a row, found %d", ErrCorrupt, n, len(s.x.batches))
	}
	return nil
}

// Close gives the store free. It must not be used afterwards.
func (s *FileStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.log.close(), s.lock.Close())
}

func (s *FileStore) batches() string { return filepath.Join(s.dir, "batches") }

func (s *FileStore) file(seq uint64, suffix string) string {
	return filepath.Join(s.batches(), fmt.Sprintf("%010d%s", seq, suffix))
}

func (s *FileStore) readRecord(seq uint64) (*Record, error) {
	b, err := os.ReadFile(s.file(seq, recordSuffix))
	if err != nil {
		return nil, err
	}
	r, err := ParseRecord(b)
	if err != nil {
		return nil, fmt.Errorf("%w: batch %d: %w", ErrCorrupt, seq, err)
	}
	return r, nil
}

// Add implements Store.
func (s *FileStore) Add(ctx context.Context, items []Item) ([]Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.x.ids == nil { // or what is written would land wherever the process is
		return nil, fmt.Errorf("%w: expected a store of OpenFileStore", ErrConfig)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([]Item, len(items))
	fresh := make([]Item, 0, len(items))
	seen := map[idKey]int{}
	for i, it := range items {
		k := keyOf(it.ID)
		if pos, ok := s.x.ids[k]; ok {
			stored, err := s.at(pos)
			if err != nil {
				return nil, err
			}
			out[i] = stored
		} else if j, ok := seen[k]; ok {
			out[i] = copyItem(out[j])
		} else {
			seen[k] = i
			fresh = append(fresh, it)
			out[i] = copyItem(it)
		}
	}
	if len(fresh) == 0 {
		return out, nil
	}
	if err := s.log.append(fresh); err != nil {
		return nil, err
	}
	if s.x.count == s.x.end() {
		s.x.oldest = fresh[0].Added
	}
	for _, it := range fresh {
		s.x.ids[keyOf(it.ID)] = s.x.count
		s.x.count++
	}
	return out, nil
}

func (s *FileStore) at(pos uint64) (Item, error) {
	i, ok := s.log.find(pos)
	if !ok {
		return Item{}, fmt.Errorf("%w: item %d", ErrNotFound, pos)
	}
	items, err := s.log.read(i)
	if err != nil {
		return Item{}, err
	}
	return items[pos-s.log.segs[i].first], nil
}

// Item implements Store.
func (s *FileStore) Item(_ context.Context, id string) (Item, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pos, ok := s.x.ids[keyOf(id)]
	if !ok {
		return Item{}, 0, fmt.Errorf("%w: item %q", ErrNotFound, id)
	}
	it, err := s.at(pos)
	return it, pos, err
}

// Items implements Store.
func (s *FileStore) Items(ctx context.Context, from, n uint64) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for pos, end := from, from+n; pos < end; {
			items, first, err := s.segmentAt(pos)
			if err != nil {
				yield(Item{}, err)
				return
			}
			for _, it := range items[pos-first:] {
				if pos == end {
					return
				}
				pos++
				if !yield(it, nil) {
					return
				}
			}
		}
	}
}

func (s *FileStore) segmentAt(pos uint64) ([]Item, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.log.find(pos)
	if !ok {
		return nil, 0, fmt.Errorf("%w: item %d", ErrNotFound, pos)
	}
	items, err := s.log.read(i)
	return items, s.log.segs[i].first, err
}

// Queue implements Store.
func (s *FileStore) Queue(context.Context) (Queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.x.queue(), nil
}

// Seal implements Store.
func (s *FileStore) Seal(_ context.Context, r *Record, leaves [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.x.canSeal(r, leaves); err != nil {
		return err
	}
	next := r.clone()
	next.Version = 1
	b, err := next.Encode()
	if err != nil {
		return err
	}
	var oldest Item
	if r.First+r.Size < s.x.count {
		if oldest, err = s.at(r.First + r.Size); err != nil {
			return err
		}
	}
	parts := [][]byte{binary.LittleEndian.AppendUint32(nil, uint32(len(leaves)))}
	for _, l := range leaves {
		parts = append(parts, binary.LittleEndian.AppendUint64(nil, uint64(len(l))), l)
	}
	if err := writeFile(s.file(r.Seq, leavesSuffix), s.hook, parts...); err != nil {
		return err
	}
	if err := writeFile(s.file(r.Seq, recordSuffix), s.hook, b); err != nil {
		return err
	}
	r.Version = 1
	s.x.note(r)
	s.x.oldest = oldest.Added
	return nil
}

// Record implements Store.
func (s *FileStore) Record(_ context.Context, seq uint64) (*Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq >= uint64(len(s.x.batches)) {
		return nil, fmt.Errorf("%w: batch %d", ErrNotFound, seq)
	}
	return s.readRecord(seq)
}

// Holding implements Store.
func (s *FileStore) Holding(_ context.Context, position uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.x.holding(position)
}

// Leaves implements Store.
func (s *FileStore) Leaves(_ context.Context, seq uint64) ([][]byte, error) {
	s.mu.Lock()
	known := seq < uint64(len(s.x.batches))
	s.mu.Unlock()
	if !known {
		return nil, fmt.Errorf("%w: batch %d", ErrNotFound, seq)
	}
	b, err := os.ReadFile(s.file(seq, leavesSuffix)) // never changes once the batch exists
	if err != nil {
		return nil, err
	}
	bad := fmt.Errorf("%w: leaves of batch %d", ErrCorrupt, seq)
	if len(b) < 4 {
		return nil, bad
	}
	n := binary.LittleEndian.Uint32(b)
	b = b[4:]
	if n > 2 {
		return nil, bad
	}
	out := make([][]byte, n)
	for i := range out {
		if len(b) < 8 || binary.LittleEndian.Uint64(b) > uint64(len(b)-8) {
			return nil, bad
		}
		end := 8 + int(binary.LittleEndian.Uint64(b))
		out[i], b = b[8:end:end], b[end:]
	}
	if len(b) != 0 {
		return nil, bad
	}
	return out, nil
}

// Digests implements Store.
func (s *FileStore) Digests(_ context.Context, from uint64) ([][32]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.x.digests(from), nil
}

// Open implements Store.
func (s *FileStore) Open(context.Context) ([]uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.x.open(), nil
}

// Update implements Store.
func (s *FileStore) Update(_ context.Context, r *Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(r)
}

func (s *FileStore) put(r *Record) error {
	if err := s.x.current(r); err != nil {
		return err
	}
	next := r.clone()
	next.Version++
	b, err := next.Encode()
	if err != nil {
		return err
	}
	if err := writeFile(s.file(r.Seq, recordSuffix), s.hook, b); err != nil {
		// The rename may have happened: what counts is what is in the file.
		if stored, readErr := s.readRecord(r.Seq); readErr == nil {
			s.x.note(stored)
		}
		return err
	}
	r.Version++
	s.x.note(r)
	return nil
}

// Reserve implements Store.
func (s *FileStore) Reserve(_ context.Context, r *Record, account Account, floor uint64) (*Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.x.reserve(r, account, floor)
	if err := s.put(out); err != nil {
		return nil, err
	}
	return out, nil
}

// Erase implements Store. The file that held the item is replaced; what the file system
// or the device keeps of the old one is beyond the store.
func (s *FileStore) Erase(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	pos, ok := s.x.ids[keyOf(id)]
	if !ok {
		return fmt.Errorf("%w: item %q", ErrNotFound, id)
	}
	if _, err := s.x.holding(pos); err != nil {
		return err
	}
	return s.log.erase(pos)
}

// writeFile puts a file into place so that it is, at any time, the old one or the whole
// new one.
func writeFile(path string, hook func(string), parts ...[]byte) error {
	name := filepath.Base(path)
	name = strings.TrimLeft(name, "0123456789")
	f, err := os.OpenFile(path+tempSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if _, err = f.Write(p); err != nil {
			break
		}
	}
	hook(name + ": written")
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+tempSuffix))
	}
	hook(name + ": synced")
	if err := os.Rename(path+tempSuffix, path); err != nil {
		return err
	}
	hook(name + ": renamed")
	if err := syncDir(filepath.Dir(path)); err != nil {
		return err
	}
	hook(name + ": in place")
	return nil
}

// syncDir has the disk know the names in a directory. Windows has no call for that, and
// refuses the one for files.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func removeTemp(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*"+tempSuffix))
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, n := range names {
		if err := os.Remove(n); err != nil {
			return err
		}
	}
	return nil
}
