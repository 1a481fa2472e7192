package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/chancery-dev/chancery/internal/limits"
)

// read returns the content of a file, or of standard input for "-", of at most max
// bytes.
func (c *cli) read(name string, max int64) ([]byte, error) {
	in := c.stdin
	if name != "-" {
		f, err := os.Open(name)
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
			return fmt.Errorf("%s: expected a file, found none", pe.Path)
		case errors.Is(err, fs.ErrPermission):
			return fmt.Errorf("%s: permission denied", pe.Path)
		}
		return fmt.Errorf("%s: %v", pe.Path, pe.Err)
	}
	return err
}

// write puts b into a file all at once, or on standard output for "" and "-". A
// failure leaves neither a new nor a half-written file. mode is that of the new file.
func (c *cli) write(name string, b []byte, mode fs.FileMode) error {
	if name == "" || name == "-" {
		if c.outTTY && (!utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0) {
			return hintError{usagef("expected a file for binary output, found a terminal"), "add -o FILE, or redirect standard output"}
		}
		_, err := c.stdout.Write(b)
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".chancery-*")
	if err != nil {
		return fileError(err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err == nil {
		err = tmp.Chmod(mode)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		return fileError(err)
	}
	return nil
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
