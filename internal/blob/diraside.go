package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

var _ service.SweptBlobs = (*Dir)(nil)

// Now implements service.SweptBlobs: when the file system says that a new file was written.
func (d *Dir) Now(ctx context.Context) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, err
	}
	part, err := d.create(filepath.Join(d.path, partDir))
	if err != nil {
		return time.Time{}, unavailable("making a file", reason(err))
	}
	defer os.Remove(part.Name())
	_, err = part.Write([]byte("now"))
	if cerr := part.Close(); err == nil {
		err = cerr
	}
	var info fs.FileInfo
	if err == nil {
		info, err = os.Stat(part.Name())
	}
	if err != nil {
		return time.Time{}, unavailable("writing a file", reason(err))
	}
	return info.ModTime().UTC(), nil
}

// walk looks at names, n at most, of the leaves of a tree of directories with names of two
// hexadecimal digits, in order. It returns the last one, "" at the end.
func walk(ctx context.Context, root string, levels int, after string, n int, leaf func(dir string, e fs.DirEntry) error) (next string, err error) {
	var in func(dir, prefix string, level int) error
	errFull := errors.New("full")
	in = func(dir, prefix string, level int) error {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil
		}
		if err != nil {
			return unavailable("reading the directory", reason(err))
		}
		for _, e := range entries {
			name := e.Name()
			if level < levels {
				prefix := prefix + name
				if len(name) == 2 && strings.Trim(name, "0123456789abcdef") == "" && prefix >= after[:min(len(after), len(prefix))] {
					if err := first(ctx.Err(), in(filepath.Join(dir, name), prefix, level+1)); err != nil {
						return err
					}
				}
				continue
			}
			if name <= after || !strings.HasPrefix(name, prefix) {
				continue
			}
			if n == 0 {
				return errFull
			}
			n--
			next = name
			if err := leaf(dir, e); err != nil {
				return err
			}
		}
		return nil
	}
	if err := in(root, "", 0); errors.Is(err, errFull) {
		return next, nil
	} else if err != nil {
		return "", err
	}
	return "", nil
}

// List implements service.SweptBlobs.
func (d *Dir) List(ctx context.Context, after string, n int) (out []service.BlobFile, next string, err error) {
	next, err = walk(ctx, d.path, 2, after, listed(n), func(_ string, e fs.DirEntry) error {
		if checkDigest(e.Name()) != nil || !e.Type().IsRegular() {
			return nil
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed since
		}
		if err != nil {
			return unavailable("looking for a file", reason(err))
		}
		out = append(out, service.BlobFile{Name: e.Name(), Digest: e.Name(), At: info.ModTime().UTC()})
		return nil
	})
	return out, next, err
}

// Aside implements service.SweptBlobs.
func (d *Dir) Aside(ctx context.Context, after string, n int) (out []service.BlobFile, next string, err error) {
	next, err = walk(ctx, filepath.Join(d.path, asideDir), 1, after, listed(n), func(_ string, e fs.DirEntry) error {
		if f, ok := parseAside(e.Name()); ok && e.Type().IsRegular() {
			out = append(out, f)
		}
		return nil
	})
	return out, next, err
}

// SetAside implements service.SweptBlobs. Who stores the file between the look at its date
// and its renaming finds it set aside: it is found there, and put back.
func (d *Dir) SetAside(ctx context.Context, digest string, before, now time.Time) (bool, error) {
	if err := first(checkDigest(digest), ctx.Err()); err != nil {
		return false, err
	}
	info, err := os.Lstat(d.file(digest))
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || !info.ModTime().Before(before)) {
		return false, nil
	}
	if err != nil {
		return false, unavailable("looking for a file", reason(err))
	}
	to := d.asideFile(asideName(digest, now))
	if err = os.MkdirAll(filepath.Dir(to), 0o700); err == nil {
		err = d.move(d.file(digest), to)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // removed since
	}
	if err != nil {
		return false, unavailable("setting a file aside", reason(err))
	}
	return true, nil
}

func (d *Dir) asideFile(name string) string {
	return filepath.Join(d.path, asideDir, name[:2], name)
}

// move renames, and has the disk know it.
func (d *Dir) move(from, to string) error {
	if d.moving != nil {
		d.moving()
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	dir := filepath.Dir(to)
	return first(syncDir(dir), syncDir(filepath.Dir(dir)), syncDir(d.path), syncDir(filepath.Dir(from)))
}

// asides are the names of a file that was set aside.
func (d *Dir) asides(digest string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(d.path, asideDir, digest[:2]))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, e := range entries {
		if f, ok := parseAside(e.Name()); ok && f.Digest == digest {
			out = append(out, e.Name())
		}
	}
	return out, err
}

// open opens a file in its place, or where it was set aside.
func (d *Dir) open(digest string) (*os.File, error) {
	for again := true; ; again = false {
		f, err := os.Open(d.file(digest))
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		names, aerr := d.asides(digest)
		if aerr != nil {
			return nil, aerr
		}
		for _, name := range names {
			if f, aerr := os.Open(d.asideFile(name)); !errors.Is(aerr, fs.ErrNotExist) {
				return f, aerr
			}
		}
		if !again { // it may have been put back between the two looks
			return nil, err
		}
	}
}

// PutBack implements service.SweptBlobs.
func (d *Dir) PutBack(ctx context.Context, name string) error {
	if err := first(checkAside(name), ctx.Err()); err != nil {
		return err
	}
	f, _ := parseAside(name)
	to := d.file(f.Digest)
	if _, err := os.Lstat(to); err == nil {
		return d.Drop(ctx, name) // it was stored again
	}
	err := os.MkdirAll(filepath.Dir(to), 0o700)
	if err == nil {
		err = d.move(d.asideFile(name), to)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unavailable("placing a file", reason(err))
	}
	return nil
}

// Drop implements service.SweptBlobs.
func (d *Dir) Drop(ctx context.Context, name string) error {
	if err := first(checkAside(name), ctx.Err()); err != nil {
		return err
	}
	if err := removeFile(d.asideFile(name)); err != nil {
		return unavailable("removing a file", reason(err))
	}
	return nil
}

// removeFile removes a file, if there is one, and has the disk know it.
func removeFile(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return err
}

// dropAll removes a file from where it was set aside.
func (d *Dir) dropAll(digest string) error {
	names, err := d.asides(digest)
	for _, name := range names {
		err = first(err, removeFile(d.asideFile(name)))
	}
	return err
}

// Keeper implements service.SweptBlobs.
func (d *Dir) Keeper(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	f, err := os.Open(filepath.Join(d.path, keeperName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(f, maxKeeper+1))
		f.Close()
	}
	if err != nil {
		return "", unavailable("reading a file", reason(err))
	}
	if err := checkKeeper(string(text)); err != nil {
		return "", fmt.Errorf("%w: %s", ErrCorrupt, keeperName)
	}
	return string(text), nil
}

// SetKeeper implements service.SweptBlobs.
func (d *Dir) SetKeeper(ctx context.Context, text string) error {
	if err := first(checkKeeper(text), ctx.Err()); err != nil {
		return err
	}
	part, err := d.create(filepath.Join(d.path, partDir))
	if err != nil {
		return unavailable("making a file", reason(err))
	}
	_, err = part.Write([]byte(text))
	if err == nil {
		err = part.Sync()
	}
	if cerr := part.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(part.Name(), filepath.Join(d.path, keeperName))
	}
	if err == nil {
		err = syncDir(d.path)
	}
	if err != nil {
		_ = os.Remove(part.Name())
		return unavailable("writing a file", reason(err))
	}
	return nil
}
