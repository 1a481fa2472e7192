package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/internal/limits"
)

// read returns the content of a file, or of standard input for "-", of at most max
// bytes.
func (c *cli) read(name string, max int64) ([]byte, error) {
	in := c.stdin
	if name != "-" {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) && strings.Contains(name, "://") {
			return nil, hintError{fileError(err), "files are read here, not addresses: fetch it first"}
		}
		if err != nil {
			return nil, fileError(err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, max+1))
	if err != nil {
		return nil, fileError(err)
	}
	if int64(len(b)) > max {
		return nil, invalidError{fmt.Errorf("%s: expected at most %d bytes", name, max)}
	}
	return b, nil
}

// readDocument reads a credential, image or JSON document.
func (c *cli) readDocument(name string) ([]byte, error) { return c.read(name, limits.DocumentBytes) }

// fileError drops Go's "open x:" prefix for the common cases.
func fileError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return missingError{pe.Path}
		case errors.Is(err, fs.ErrPermission):
			return fmt.Errorf("%s: permission denied", pe.Path)
		case errors.Is(err, syscall.EISDIR):
			return fmt.Errorf("%s: expected a file, found a directory", pe.Path)
		}
		return fmt.Errorf("%s: %v", pe.Path, pe.Err)
	}
	return err
}

// missingError is about a file that is not there.
type missingError struct{ name string }

func (e missingError) Error() string { return e.name + ": expected a file, found none" }
func (e missingError) Unwrap() error { return fs.ErrNotExist }

// outputFlag adds -o and --force to a command. A file that is there already is refused
// before anything is read, signed or allocated.
func (c *cli) outputFlag(cmd *cobra.Command, out *string, usage string) {
	cmd.Flags().StringVarP(out, "output", "o", "", usage)
	cmd.Flags().BoolVar(&c.force, "force", false, "replace the file of --output where it is there")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if *out == "" || *out == "-" {
			return nil
		}
		_, err := c.target(*out)
		return err
	}
}

// target is the file that an output goes into: links are followed. It is an error where
// that is a directory, is in none, or would be replaced without --force. "" stands for what
// is no file on a disk, such as a device or a pipe, which is written into.
func (c *cli) target(name string) (string, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(name); err == nil {
			return "", fmt.Errorf("%s: expected a file, found a link that leads nowhere", name)
		}
		dir, err := os.Stat(filepath.Dir(name))
		if err != nil || !dir.IsDir() {
			return "", fmt.Errorf("%s: expected a directory %s, found none", name, filepath.Dir(name))
		}
		return name, nil
	case err != nil:
		return "", fileError(err)
	case info.IsDir():
		return "", fmt.Errorf("%s: expected the name of a file, found a directory", name)
	case !info.Mode().IsRegular() || c.isStdout(info):
		return "", nil
	case !c.force:
		return "", hintError{usagef("%s: expected a file that is not there yet", name), "add --force to replace it"}
	}
	name, err = filepath.EvalSymlinks(name)
	if err != nil {
		return "", fileError(err)
	}
	return name, nil
}

// isStdout reports whether a file is where standard output goes, as /dev/stdout is.
func (c *cli) isStdout(info fs.FileInfo) bool {
	if c.outFile == nil {
		return false
	}
	out, err := c.outFile.Stat()
	return err == nil && os.SameFile(info, out)
}

// write puts b into a file all at once, or on standard output for "" and "-". A
// failure leaves neither a new nor a half-written file. mode is that of the new file,
// without what the umask takes away.
func (c *cli) write(name string, b []byte, mode fs.FileMode) error {
	if name == "" || name == "-" {
		if c.outTTY && (!utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0) {
			return hintError{usagef("expected a file for binary output, found a terminal"), "add -o FILE, or redirect standard output"}
		}
		_, err := c.stdout.Write(b)
		return err
	}
	return c.create(name, mode, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// replace is write for files that are written again and again.
func (c *cli) replace(name string, b []byte, mode fs.FileMode) error {
	again := *c
	again.force = true
	return again.write(name, b, mode)
}

// create has fill write a file, which has its name only when all of it is on the disk.
func (c *cli) create(name string, mode fs.FileMode, fill func(io.Writer) error) error {
	to, err := c.target(name)
	if err != nil {
		return err
	}
	if to == "" {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return fileError(err)
		}
		return errors.Join(fill(f), f.Close())
	}
	tmp := filepath.Join(filepath.Dir(to), ".chancery-"+rand.Text())
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return named(name, err)
	}
	c.interrupted.begun(tmp)
	defer c.interrupted.ended(tmp)
	if err := fill(f); err != nil {
		f.Close()
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, to)
	}
	return named(name, err)
}

// named is an error of the file system that speaks of a file by the name that the user
// gave it.
func named(name string, err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		err = pe.Err
	case errors.As(err, &le):
		err = le.Err
	}
	if errors.Is(err, fs.ErrPermission) {
		err = errors.New("permission denied")
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// mustBeNew refuses to overwrite a file that may hold a key.
func mustBeNew(name string) error {
	if _, err := os.Lstat(name); err == nil {
		return hintError{usagef("%s exists", name), "keys are never overwritten; choose another directory"}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fileError(err)
	}
	return nil
}
