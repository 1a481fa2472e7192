package blob

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// Memory keeps files in memory: for tests, and services that keep nothing. It is gone with
// the process. NewMemory makes one, which is safe for concurrent use.
type Memory struct {
	// Clock dates files, for listings. Nil: they have no date, and none is ever old. It must
	// not be changed once the Memory is used.
	Clock func() time.Time

	most   int64
	mu     sync.Mutex
	files  map[string][]byte // by digest; contents are never written to
	at     map[string]time.Time
	aside  map[string][]byte // by asideName
	keeper string
}

// NewMemory makes a Memory whose files have at most so many bytes. 0: DefaultMaxBytes.
func NewMemory(maxBytes int64) *Memory {
	if maxBytes <= 0 {
		maxBytes = DefaultMaxBytes
	}
	return &Memory{most: maxBytes, files: map[string][]byte{}, at: map[string]time.Time{}, aside: map[string][]byte{}}
}

// Put implements service.Blobs.
func (m *Memory) Put(ctx context.Context, r io.Reader) (string, int64, error) {
	from := newSource(ctx, r, m.most)
	content, err := io.ReadAll(from)
	if err != nil {
		return "", 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[from.digest()], m.at[from.digest()] = content, m.now()
	return from.digest(), from.size, nil
}

// Get implements service.Blobs.
func (m *Memory) Get(ctx context.Context, digest string) (io.ReadCloser, int64, error) {
	content, ok, err := m.find(ctx, digest)
	if err != nil {
		return nil, 0, err
	}
	if !ok {
		return nil, 0, fmt.Errorf("blob: %w", service.ErrNotFound)
	}
	size := int64(len(content))
	return newChecked(io.NopCloser(bytes.NewReader(content)), digest, size, func(err error) error { return err }), size, nil
}

// Has implements service.Blobs.
func (m *Memory) Has(ctx context.Context, digest string) (bool, error) {
	_, ok, err := m.find(ctx, digest)
	return ok, err
}

func (m *Memory) find(ctx context.Context, digest string) (content []byte, ok bool, err error) {
	if err := checkDigest(digest); err != nil {
		return nil, false, err
	}
	if err := ctx.Err(); err != nil {
		return nil, false, fmt.Errorf("blob: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if content, ok = m.files[digest]; ok {
		return content, true, nil
	}
	for name, set := range m.aside {
		if strings.HasPrefix(name, digest) {
			return set, true, nil
		}
	}
	return nil, false, nil
}

// Delete implements service.Blobs.
func (m *Memory) Delete(ctx context.Context, digest string) error {
	if _, ok, err := m.find(ctx, digest); !ok || err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, digest)
	maps.DeleteFunc(m.aside, func(name string, _ []byte) bool { return strings.HasPrefix(name, digest) })
	return nil
}

// Ready implements service.Blobs.
func (m *Memory) Ready(ctx context.Context) error { return ctx.Err() }

// Files are the contents kept now, by digest. They must not be changed.
func (m *Memory) Files() map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.files)
}

// Spoil changes a stored file behind its digest, as a fault of a disk would.
func (m *Memory) Spoil(digest string, content []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[digest] = bytes.Clone(content)
}
