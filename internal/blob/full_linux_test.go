package blob

import (
	"bytes"
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestFullDisk: a real file system that is full.
func TestFullDisk(t *testing.T) {
	path := t.TempDir()
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=512k"); err != nil {
		t.Skip("a small file system cannot be mounted here: ", err)
	}
	defer func() {
		if err := syscall.Unmount(path, 0); err != nil {
			t.Error(err)
		}
	}()
	d, err := OpenDir(DirConfig{Path: path, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, _, err := d.Put(ctx, bytes.NewReader(content(300_000))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Put(ctx, bytes.NewReader(content(300_001))); !errors.Is(err, service.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	if left := files(t, path); len(left) != 1 {
		t.Errorf("%v", left)
	}
	if err := d.Delete(ctx, sum(content(300_000))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Put(ctx, bytes.NewReader(content(300_001))); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
