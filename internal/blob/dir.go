package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// DirConfig says where files are kept.
type DirConfig struct {
	// Path of the directory, which is made where it is not there. Required.
	Path string
	// MaxBytes bounds one file. 0: DefaultMaxBytes.
	MaxBytes int64
	// Clock tells which unfinished files are old. Required.
	Clock func() time.Time
}

// Dir keeps files in a directory: ab/cd/abcd…, and set-aside/ab/abcd…. It is safe for concurrent use, by several
// processes too. Files are for their owner alone.
type Dir struct {
	path   string
	most   int64
	create func(dir string) (partFile, error)
	moving func() // for tests: before a file is set aside or put back
}

// partFile is a file that is being written.
type partFile interface {
	io.Writer
	Sync() error
	Close() error
	Name() string
}

var _ service.Blobs = (*Dir)(nil)

const (
	partDir = "part" // where files are written until they are whole
	partAge = time.Hour
)

// OpenDir makes the directory where needed, and removes what processes that died an hour
// ago or earlier left unfinished.
func OpenDir(c DirConfig) (*Dir, error) {
	if c.Path == "" || c.Clock == nil {
		return nil, errors.New("blob: expected a path and a clock")
	}
	if c.MaxBytes < 0 {
		return nil, errors.New("blob: expected a bound of 0 or more bytes")
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	d := &Dir{path: c.Path, most: c.MaxBytes, create: func(dir string) (partFile, error) { return os.CreateTemp(dir, "put-") }}
	parts := filepath.Join(c.Path, partDir)
	if err := os.MkdirAll(parts, 0o700); err != nil {
		return nil, unavailable("making the directory", reason(err))
	}
	entries, err := os.ReadDir(parts)
	if err != nil {
		return nil, unavailable("reading the directory", reason(err))
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // its writer has finished
		}
		if err == nil && strings.HasPrefix(e.Name(), "put-") && info.Mode().IsRegular() && c.Clock().Sub(info.ModTime()) > partAge {
			err = os.Remove(filepath.Join(parts, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, unavailable("removing what is unfinished", reason(err))
		}
	}
	return d, nil
}

// reason is an error of the file system without the path.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", pe.Op, pe.Err)
	}
	var le *os.LinkError
	if errors.As(err, &le) {
		return fmt.Errorf("%s: %w", le.Op, le.Err)
	}
	return err
}

func (d *Dir) file(digest string) string {
	return filepath.Join(d.path, digest[:2], digest[2:4], digest)
}

// Put implements service.Blobs. A file that is there already is replaced by the same
// content, which heals one that a disk has spoilt.
func (d *Dir) Put(ctx context.Context, r io.Reader) (digest string, size int64, err error) {
	part, err := d.create(filepath.Join(d.path, partDir))
	if err != nil {
		return "", 0, unavailable("making a file", reason(err))
	}
	whole := false
	defer func() {
		if !whole {
			_ = os.Remove(part.Name())
		}
	}()
	src := newSource(ctx, r, d.most)
	_, err = io.CopyBuffer(struct{ io.Writer }{part}, src, make([]byte, 64<<10))
	if err == nil {
		err = part.Sync()
	}
	if cerr := part.Close(); err == nil {
		err = cerr
	}
	switch {
	case src.err != nil:
		return "", 0, src.err
	case err != nil:
		return "", 0, unavailable("writing a file", reason(err))
	}
	digest = src.digest()
	if err := d.place(part.Name(), digest); err != nil {
		return "", 0, unavailable("placing a file", reason(err))
	}
	whole = true
	return digest, src.size, nil
}

// place gives a whole file its name, and has the disk know it.
func (d *Dir) place(part, digest string) error {
	final := d.file(digest)
	inner := filepath.Dir(final)
	outer := filepath.Dir(inner)
	if err := os.MkdirAll(inner, 0o700); err != nil {
		return err
	}
	if err := os.Rename(part, final); err != nil {
		return err
	}
	for _, dir := range []string{inner, outer, d.path} {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// syncDir has the disk know the names in a directory. Windows has no call for that, and
// refuses the one for files.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Get implements service.Blobs.
func (d *Dir) Get(ctx context.Context, digest string) (io.ReadCloser, int64, error) {
	if err := first(checkDigest(digest), ctx.Err()); err != nil {
		return nil, 0, err
	}
	f, err := d.open(digest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("blob: %w", service.ErrNotFound)
	}
	if err != nil {
		return nil, 0, unavailable("opening a file", reason(err))
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("expected a regular file")
	}
	if err != nil {
		f.Close()
		return nil, 0, unavailable("opening a file", reason(err))
	}
	return newChecked(f, digest, info.Size(), func(err error) error { return unavailable("reading a file", reason(err)) }), info.Size(), nil
}

// Has implements service.Blobs.
func (d *Dir) Has(ctx context.Context, digest string) (bool, error) {
	if err := first(checkDigest(digest), ctx.Err()); err != nil {
		return false, err
	}
	_, err := os.Stat(d.file(digest))
	if errors.Is(err, fs.ErrNotExist) {
		var f *os.File
		if f, err = d.open(digest); err == nil { // set aside
			f.Close()
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, unavailable("looking for a file", reason(err))
	}
	return true, nil
}

// Delete implements service.Blobs.
func (d *Dir) Delete(ctx context.Context, digest string) error {
	if err := first(checkDigest(digest), ctx.Err()); err != nil {
		return err
	}
	// Twice where files are set aside: it may be put back, or be set aside, meanwhile.
	if err := first(d.dropAll(digest), removeFile(d.file(digest)), d.dropAll(digest)); err != nil {
		return unavailable("removing a file", reason(err))
	}
	return nil
}

// Ready implements service.Blobs: it writes a small file, reads it and removes it.
func (d *Dir) Ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	part, err := d.create(filepath.Join(d.path, partDir))
	if err != nil {
		return unavailable("making a file", reason(err))
	}
	defer os.Remove(part.Name())
	_, err = part.Write([]byte("ready"))
	if cerr := part.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		_, err = os.ReadFile(part.Name())
	}
	if err != nil {
		return unavailable("writing a file", reason(err))
	}
	return nil
}

// first is the first error of several.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
