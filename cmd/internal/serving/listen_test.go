//go:build unix

package serving

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/config"
)

func socketConfig(path string) *config.Config {
	c := config.Default()
	c.Listen = "unix:" + path
	return c
}

// answers reports whether somebody listens on a socket.
func answers(path string) bool {
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// TestListenSocket: a socket has its permissions from the first moment, is there while the
// process listens, and leaves nothing but its lock.
func TestListenSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.sock")
	for _, mode := range []string{"0660", "600", "0666"} {
		c := socketConfig(path)
		c.SocketMode = mode
		l, err := Listen(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil || info.Mode() != fs.ModeSocket|c.Permissions() || c.Permissions() == 0 {
			t.Errorf("mode %s: %v %v", mode, info, err)
		}
		if !answers(path) {
			t.Error("nobody listens")
		}
		if _, err := Listen(t.Context(), c); !strings.Contains(err.Error(), "another chancery serve") || !errors.As(err, new(*HintError)) || !answers(path) {
			t.Errorf("a second one: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 || left[0] != path+".lock" {
			t.Errorf("left: %v", left)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	}
}

// TestListenReplaces: the socket of a process that was killed is replaced. One on which
// another program listens stays, and so does every other kind of file.
func TestListenReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.sock")
	other, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	other.SetUnlinkOnClose(false)
	if _, err := Listen(t.Context(), socketConfig(path)); err == nil || !strings.Contains(err.Error(), "another process") || !answers(path) {
		t.Errorf("beside another program: %v", err)
	}
	other.Close() // its file stays, as after kill -9
	if _, err := os.Lstat(path); err != nil || answers(path) {
		t.Fatal("no stale socket")
	}
	l, err := Listen(t.Context(), socketConfig(path))
	if err != nil || !answers(path) {
		t.Fatalf("in the place of a stale one: %v", err)
	}
	// Somebody has put another file there meanwhile: it is not ours to remove.
	if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte("theirs"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "theirs" {
		t.Error("a file of somebody else was removed")
	}

	target := filepath.Join(dir, "target")
	for name, make := range map[string]func(string) error{
		"file":      func(p string) error { return os.WriteFile(p, []byte("x"), 0o600) },
		"directory": func(p string) error { return os.Mkdir(p, 0o700) },
		"symlink": func(p string) error {
			return errors.Join(os.WriteFile(target, []byte("x"), 0o600), os.Symlink(target, p))
		},
		"dangling": func(p string) error { return os.Symlink(filepath.Join(dir, "nowhere"), p) },
	} {
		p := filepath.Join(dir, name)
		if err := make(p); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(t.Context(), socketConfig(p)); err == nil || !strings.Contains(err.Error(), "another kind of file") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(p); err != nil {
			t.Errorf("%s was removed", name)
		}
	}
	if _, err := Listen(t.Context(), socketConfig(filepath.Join(dir, "none", "s"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no directory: %v", err)
	}
	// The longest path that the configuration allows.
	long := filepath.Join(dir, strings.Repeat("x", max(1, 90-len(dir)-1)))
	if len(long) == 90 {
		if l, err := Listen(t.Context(), socketConfig(long)); err != nil {
			t.Errorf("a path of 90 bytes: %v", err)
		} else {
			l.Close()
		}
	}
}
