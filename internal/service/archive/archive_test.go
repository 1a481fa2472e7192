package archive_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/service/archive"
	"github.com/chancery-dev/chancery/internal/verifying"
)

// TestFiles: what is written is read back, by package zip and by our own reader, for which
// nothing about it is odd.
func TestFiles(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var out bytes.Buffer
		z := archive.New(&out, os.TempDir())
		defer z.Discard()
		n := rapid.IntRange(1, 90).Draw(rt, "files")
		want := map[string][]byte{}
		for i := range n {
			name := fmt.Sprintf("%d/%s.json", i, rapid.StringMatching(`[a-zü~. -]{0,20}`).Draw(rt, "name"))
			f, err := z.Create(name)
			if err != nil {
				rt.Fatal(err)
			}
			for range rapid.IntRange(0, 3).Draw(rt, "writes") {
				part := rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(rt, "part")
				want[name] = append(want[name], part...)
				if n, err := f.Write(part); err != nil || n != len(part) {
					rt.Fatal(n, err)
				}
			}
			want[name] = append(want[name], 'x')
			f.Write([]byte{'x'})
		}
		if err := z.Close(); err != nil {
			rt.Fatal(err)
		}
		r, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			rt.Fatal(err)
		}
		if len(r.File) != n {
			rt.Fatalf("expected %d files, found %d", n, len(r.File))
		}
		for _, f := range r.File {
			body, err := f.Open()
			if err != nil {
				rt.Fatal(err)
			}
			got, err := io.ReadAll(body)
			if err != nil || !bytes.Equal(got, want[f.Name]) {
				rt.Fatalf("%s: %v", f.Name, err)
			}
		}
		ours, err := verifying.OpenZIP(verifying.Bytes("a.zip", out.Bytes()), verifying.Bounds{})
		if err != nil || ours == nil || ours.Odd != "" || len(ours.Files) != n {
			rt.Fatalf("our own reader: %+v, %v", ours, err)
		}
	})
}

// flat counts what is written.
type flat struct{ n int64 }

func (f *flat) Write(b []byte) (int, error) {
	f.n += int64(len(b))
	return len(b), nil
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func fill(t *testing.T, z *archive.Writer, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		f, err := z.Create(fmt.Sprintf("credentials/0196c0f0-1a2b-7c3d-8e4f-%012d/register.json", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMemory: another file takes no memory that stays.
func TestMemory(t *testing.T) {
	z := archive.New(&flat{}, t.TempDir())
	defer z.Discard()
	fill(t, z, 0, 8000)
	before := heap()
	fill(t, z, 8000, 28000)
	if grown := heap() - before; grown > 20000*8 {
		t.Errorf("expected at most 8 bytes a file, found %.1f", float64(grown)/20000)
	}
}

// TestZIP64: more files than the old format can count are read by others too, as far as they
// are here. Nothing of them is left behind.
func TestZIP64(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "many.zip")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const files = 65_600
	spool := t.TempDir()
	z := archive.New(out, spool)
	fill(t, z, 0, files)
	if err := errors.Join(z.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	z.Discard()
	if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
		t.Errorf("found %v, %v", left, err)
	}
	r, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if len(r.File) != files {
		t.Errorf("expected %d files, found %d", files, len(r.File))
	}
	for name, args := range map[string][]string{
		"unzip":   {"-tqq", path},
		"python3": {"-c", "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert len(z.namelist()) == 65600; assert z.testzip() is None", path},
	} {
		if _, err := exec.LookPath(name); err != nil {
			t.Logf("%s is not here", name)
			continue
		}
		if b, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, b[:min(len(b), 500)])
		}
	}
}

// TestNowhere: without a place for temporary files all is in memory, and complete.
func TestNowhere(t *testing.T) {
	s := archive.NewSpool(filepath.Join(t.TempDir(), "missing"))
	defer s.Discard()
	line := strings.Repeat("a", 1000)
	for range 1000 {
		if _, err := s.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	var out flat
	if n, err := s.WriteTo(&out); err != nil || n != 1e6 || out.n != 1e6 || s.Size() != 1e6 {
		t.Errorf("found %d, %d, %v", n, out.n, err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestRefused(t *testing.T) {
	z := archive.New(io.Discard, "")
	for _, name := range []string{"", strings.Repeat("a", 65536)} {
		if _, err := z.Create(name); err == nil {
			t.Errorf("a name of %d bytes is taken", len(name))
		}
	}
	first, err := z.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Create("b"); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Write([]byte("late")); err == nil {
		t.Error("a file that has ended is written")
	}
	z.Discard()
	if _, err := z.Create("c"); err == nil {
		t.Error("an archive that was given up is written")
	}
	if err := z.Close(); err == nil {
		t.Error("an archive that was given up is closed")
	}
	z = archive.New(broken{}, "")
	defer z.Discard()
	fill := func() error {
		for i := range 500 {
			f, err := z.Create(fmt.Sprint(i))
			if err != nil {
				return err
			}
			if _, err := f.Write(bytes.Repeat([]byte{byte(i)}, 500)); err != nil {
				return err
			}
		}
		return z.Close()
	}
	if err := fill(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("found %v", err)
	}
}
