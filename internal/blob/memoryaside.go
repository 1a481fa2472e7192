package blob

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

var _ service.SweptBlobs = (*Memory)(nil)

// Now implements service.SweptBlobs.
func (m *Memory) Now(ctx context.Context) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now(), ctx.Err()
}

func (m *Memory) now() time.Time {
	if m.Clock == nil {
		return time.Time{}
	}
	return m.Clock().UTC()
}

// page lists a map in the order of names.
func page(all []service.BlobFile, after string, n int) ([]service.BlobFile, string) {
	all = slices.DeleteFunc(all, func(f service.BlobFile) bool { return f.Name <= after })
	slices.SortFunc(all, func(a, b service.BlobFile) int { return strings.Compare(a.Name, b.Name) })
	if n = listed(n); len(all) <= n {
		return all, ""
	}
	return all[:n], all[n-1].Name
}

// List implements service.SweptBlobs.
func (m *Memory) List(ctx context.Context, after string, n int) ([]service.BlobFile, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []service.BlobFile
	for digest := range m.files {
		all = append(all, service.BlobFile{Name: digest, Digest: digest, At: m.at[digest]})
	}
	out, next := page(all, after, n)
	return out, next, ctx.Err()
}

// Aside implements service.SweptBlobs.
func (m *Memory) Aside(ctx context.Context, after string, n int) ([]service.BlobFile, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []service.BlobFile
	for name := range m.aside {
		if f, ok := parseAside(name); ok {
			all = append(all, f)
		}
	}
	out, next := page(all, after, n)
	return out, next, ctx.Err()
}

// SetAside implements service.SweptBlobs.
func (m *Memory) SetAside(ctx context.Context, digest string, before, now time.Time) (bool, error) {
	if err := first(checkDigest(digest), ctx.Err()); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	content, ok := m.files[digest]
	if !ok || !m.at[digest].Before(before) {
		return false, nil
	}
	m.aside[asideName(digest, now)] = content
	delete(m.files, digest)
	return true, nil
}

// PutBack implements service.SweptBlobs.
func (m *Memory) PutBack(ctx context.Context, name string) error {
	if err := first(checkAside(name), ctx.Err()); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if content, ok := m.aside[name]; ok {
		f, _ := parseAside(name)
		if _, again := m.files[f.Digest]; !again {
			m.files[f.Digest], m.at[f.Digest] = content, m.now()
		}
		delete(m.aside, name)
	}
	return nil
}

// Drop implements service.SweptBlobs.
func (m *Memory) Drop(ctx context.Context, name string) error {
	if err := first(checkAside(name), ctx.Err()); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.aside, name)
	return nil
}

// Keeper implements service.SweptBlobs.
func (m *Memory) Keeper(ctx context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keeper, ctx.Err()
}

// SetKeeper implements service.SweptBlobs.
func (m *Memory) SetKeeper(ctx context.Context, text string) error {
	if err := first(checkKeeper(text), ctx.Err()); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keeper = text
	return nil
}
