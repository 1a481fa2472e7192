package serving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/chancery-dev/chancery/internal/config"
	"github.com/chancery-dev/chancery/internal/filelock"
)

// Listen opens what the setting listen names: an address, or a Unix socket with the
// permissions of socketMode. A socket that a process left behind is replaced; one that
// somebody listens on is not, nor any other file.
func Listen(ctx context.Context, c *config.Config) (net.Listener, error) {
	path, socket := c.Socket()
	if !socket {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, &HintError{fmt.Errorf("listen: expected %s to be free, found that another process listens on it", c.Listen), "choose another address: --listen 127.0.0.1:8081, or the setting listen"}
		}
		return l, err
	}
	l, err := listenUnix(path, c.Permissions())
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// socket is a listener that removes its file when it is closed.
type socket struct {
	net.Listener
	path string
	made fs.FileInfo
	lock io.Closer // of who may replace the file
}

func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	lock, err := filelock.Take(path + ".lock")
	if errors.Is(err, filelock.ErrHeld) {
		return nil, &HintError{fmt.Errorf("expected %s to be free, found that another chancery serve listens on it", path), "end the other one first, or choose another path"}
	}
	if err != nil {
		return nil, err
	}
	s := &socket{path: path, lock: lock}
	if err := unused(path); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := s.open(mode); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

// unused refuses a path where there is something else than a socket that nobody listens on.
func unused(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("expected a socket at %s, or nothing, found another kind of file", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		return errors.Join(&HintError{fmt.Errorf("expected %s to be free, found that another process listens on it", path), "end the other one first, or choose another path"}, conn.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("expected a socket that nobody listens on: %w", err)
	}
	return nil
}

// open makes the socket in a directory that nobody else enters, gives it its permissions,
// and then its name: at no moment can others open it, or is it half made.
func (s *socket) open(mode fs.FileMode) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(s.path), ".s")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	name := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	s.Listener = l
	if err = os.Chmod(name, mode); err == nil {
		if s.made, err = os.Lstat(name); err == nil {
			err = os.Rename(name, s.path)
		}
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	return nil
}

// Close removes the file, unless it is another one by now.
func (s *socket) Close() error {
	err := s.Listener.Close()
	if info, statErr := os.Lstat(s.path); statErr == nil && os.SameFile(info, s.made) {
		err = errors.Join(err, os.Remove(s.path))
	}
	return errors.Join(err, s.lock.Close())
}

// socket tries whether a socket can be at the path that is set. That a service listens
// there already is in order: it may be this one.
func (op *opener) socket() error {
	path, socket := op.c.Socket()
	if !socket {
		return nil
	}
	op.try("listen", func(context.Context) error {
		info, err := os.Stat(filepath.Dir(path))
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("expected a directory at %s", filepath.Dir(path))
		}
		if info, err = os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && info.Mode().Type() != fs.ModeSocket {
			err = fmt.Errorf("expected a socket at %s, or nothing, found another kind of file", path)
		}
		return err
	})
	return nil
}
