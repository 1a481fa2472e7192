package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// age makes all files of a directory a day and an hour older, and those set aside too.
func age(t *testing.T, blobs string) {
	t.Helper()
	for _, f := range blobFiles(t, blobs) {
		info, err := os.Stat(f)
		if err == nil {
			at := info.ModTime().Add(-25 * time.Hour)
			err = os.Chtimes(f, at, at)
		}
		dir, name := filepath.Split(f)
		if digest, seconds, ok := strings.Cut(name, "-"); ok && err == nil {
			var at int64
			fmt.Sscan(seconds, &at)
			err = os.Rename(f, filepath.Join(dir, fmt.Sprintf("%s-%010d", digest, at-25*3600)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// blobFiles are the files in their places and those set aside.
func blobFiles(t *testing.T, blobs string) []string {
	t.Helper()
	places, err := filepath.Glob(filepath.Join(blobs, "[0-9a-f][0-9a-f]", "*", "*"))
	aside, aerr := filepath.Glob(filepath.Join(blobs, "set-aside", "*", "*"))
	if err != nil || aerr != nil {
		t.Fatal(err, aerr)
	}
	return append(places, aside...)
}

func (s *served) sweep(args ...string) (out struct{ Files, Aside, Back, Dropped int }) {
	s.t.Helper()
	text, err := s.chancery(append([]string{"sweep", "--json"}, args...)...)
	if err == nil {
		err = json.Unmarshal([]byte(text), &out)
	}
	if err != nil {
		s.t.Fatalf("%v: %s", err, text)
	}
	return out
}

// TestServeSweep: a service is killed again and again while it issues. What its files name
// that the register does not know is gone after two rounds, and everything else is there.
func TestServeSweep(t *testing.T) {
	const rows = 250
	dir := t.TempDir()
	blobs := filepath.Join(dir, "blobs")
	s := startService(t, "--data", dir)
	kind := s.trainingType("vc", "pdf", "badge")
	batch := s.startBatch(kind, rows)
	for range 3 {
		before := len(blobFiles(t, blobs))
		for began := time.Now(); len(blobFiles(t, blobs)) < before+20 && time.Since(began) < 20*time.Second; {
			time.Sleep(time.Millisecond)
		}
		s.kill() // between storing files and writing down whose they are, as likely as not
		s.start()
	}
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if _, done := batch(); done {
			break
		}
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("the batch does not end\n%s", s.log)
		}
	}
	document := []byte("a document of nobody: " + strings.Repeat("Aina Rahman ", 10))
	orphan := plant(t, blobs, document)
	all := len(blobFiles(t, blobs))
	if all == 3*rows+3 {
		t.Error("no file was left by a process that was killed")
	}
	if got := s.sweep("--data", dir, "--ours"); got.Files != all || got.Aside != 0 {
		t.Errorf("files of today: %+v of %d", got, all)
	}
	age(t, blobs)
	first := s.sweep("--data", dir)
	if first.Files != all || first.Aside == 0 {
		t.Errorf("%+v of %d", first, all)
	}
	s.complete()
	age(t, blobs)
	second := s.sweep("--data", dir)
	if second.Dropped != first.Aside || second.Back != 0 || second.Aside != 0 {
		t.Errorf("%+v, then %+v", first, second)
	}
	if _, err := os.Stat(orphan); !os.IsNotExist(err) {
		t.Error("the file of nobody is there: ", err)
	}
	// Three of each, the two pictures that badges share, and no more.
	if left := len(blobFiles(t, blobs)); left != 3*rows+2 {
		t.Errorf("expected %d files, found %d", 3*rows+2, left)
	}
	s.complete()
	s.stop()
	t.Logf("%d files were left by three processes", first.Aside-1)

	// A copy of the database, restored: it does not take what was made since.
	text, err := s.chancery("sweep", "--data", restoredFrom(t, s, dir, kind))
	if err == nil || !strings.Contains(text, "another database uses these files") || !strings.Contains(text, "--ours") {
		t.Errorf("after a restore: %v: %s", err, text)
	}
}

// plant puts a file among the others, behind the service's back.
func plant(t *testing.T, blobs string, content []byte) string {
	t.Helper()
	digest := fmt.Sprintf("%x", sha256.Sum256(content))
	path := filepath.Join(blobs, digest[:2], digest[2:4], digest)
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// restoredFrom copies the database, has more issued, and puts the copy beside the files.
func restoredFrom(t *testing.T, s *served, dir, kind string) string {
	t.Helper()
	copied, restored := filepath.Join(dir, "copy.db"), filepath.Join(t.TempDir(), "restored")
	s.start()
	if out, err := s.chancery("backup", "--data", dir, "-o", copied); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.issue(kind, "Made Since")
	s.sweep("--data", dir)
	s.stop()
	err := os.CopyFS(filepath.Join(restored, "blobs"), os.DirFS(filepath.Join(dir, "blobs")))
	if err == nil {
		err = os.Rename(copied, filepath.Join(restored, "chancery.db"))
	}
	if err == nil {
		err = os.Link(filepath.Join(dir, "master.key"), filepath.Join(restored, "master.key"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return restored
}
