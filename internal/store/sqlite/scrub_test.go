package sqlite_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store/sqlite"
)

var _ service.Scrubber = (*sqlite.Store)(nil)

// holds tells which of a store's files hold a text.
func holds(t *testing.T, path, text string) (files []string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			files = append(files, filepath.Base(path+suffix))
		}
	}
	return files
}

const secret = "Aina binti Rahman"

// person writes credentials and records that name a person, with values so long that they
// have pages of their own, between those of others, and deletes them or writes over them.
func person(t *testing.T, s service.Store) {
	t.Helper()
	scope, now := service.Scope{Tenant: "t", Environment: service.Live}, time.Unix(1e9, 0)
	long := strings.Repeat(secret+" ", 1000)
	update := func(f func(tx service.Tx) error) {
		t.Helper()
		if err := s.Update(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		name, text := secret+fmt.Sprint(i), long
		if i%3 == 0 {
			name, text = "Bo Chen", strings.Repeat("another ", 30*i)
		}
		id := fmt.Sprintf("%x", i*2654435761)
		update(func(tx service.Tx) error {
			c := service.StoredCredential{ID: id, PublicID: id, State: service.StateIssued, RecipientName: name, RecipientEmail: strings.ToLower(name), SubjectID: name, Claims: map[string]string{"a": name}, Created: now, Body: []byte(`"` + text + `"`)}
			if err := tx.AddCredential(t.Context(), scope, c); err != nil {
				return err
			}
			if err := tx.AddArtifact(t.Context(), scope, id, service.StoredArtifact{Name: "vc", Issue: 1, Digest: id, Bytes: []byte(text), Created: now}); err != nil {
				return err
			}
			if err := tx.AddRows(t.Context(), scope, "batch", []service.Row{{Index: int64(i), State: "queued", Body: []byte(`"` + text + `"`)}}); err != nil {
				return err
			}
			return tx.Put(t.Context(), scope, service.Record{Kind: service.KindSubject, ID: id, Lookup: name + id, Created: now, Body: []byte(`"` + text + `"`)})
		})
	}
	for i := range 60 {
		if i%3 == 0 {
			continue
		}
		id := fmt.Sprintf("%x", i*2654435761)
		update(func(tx service.Tx) error {
			c, err := tx.Credential(t.Context(), scope, id)
			if err != nil {
				return err
			}
			c.RecipientName, c.RecipientEmail, c.SubjectID, c.Claims, c.Body = "", "", "", nil, []byte("{}")
			if err := tx.SetCredential(t.Context(), scope, c); err != nil {
				return err
			}
			if _, err := tx.DeleteArtifacts(t.Context(), scope, id); err != nil {
				return err
			}
			if err := tx.SetRows(t.Context(), scope, "batch", []service.Row{{Index: int64(i), State: "issued"}}); err != nil {
				return err
			}
			return tx.Delete(t.Context(), scope, service.KindSubject, id)
		})
	}
}

// TestScrub: what was deleted or written over is in none of the files, once it is asked for.
func TestScrub(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := open(t, path)
	person(t, s)
	if files := holds(t, path, secret); len(files) == 0 {
		t.Fatal("expected what was deleted to be in the files until they are scrubbed")
	}
	s.Scrub()
	scrubbed(t, path)
	if files := append(holds(t, path, secret), holds(t, path, strings.ToLower(secret))...); len(files) > 0 {
		t.Errorf("%v hold what was deleted", files)
	}
	if files := holds(t, path, "Bo Chen"); len(files) != 1 {
		t.Errorf("%v hold what was not deleted", files)
	}
}

// viewing begins a View that goes on until end is called.
func viewing(t *testing.T, s service.Store) (end func()) {
	t.Helper()
	view, ended := make(chan error, 1), make(chan struct{})
	go func() {
		view <- s.View(t.Context(), func(tx service.Tx) error {
			_, err := tx.List(t.Context(), service.Scope{}, service.KindTenant, nil, service.Page{})
			view <- err
			<-ended
			return nil
		})
	}()
	if err := <-view; err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		close(ended)
		if err := <-view; err != nil {
			t.Fatal(err)
		}
	}
}

// TestScrubLater: a View that goes on for long is in the way. Nobody waits for it
// meanwhile, and it is done when it has ended.
func TestScrubLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := open(t, path)
	end := viewing(t, s)
	person(t, s)
	s.Scrub()
	var slowest time.Duration
	for i := range 100 {
		before := time.Now()
		if err := s.Update(t.Context(), func(tx service.Tx) error {
			return tx.Put(t.Context(), service.Scope{}, service.Record{Kind: service.KindTenant, ID: fmt.Sprint(i), Body: []byte("{}")})
		}); err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, time.Since(before))
		time.Sleep(5 * time.Millisecond)
	}
	if slowest > 2*time.Second {
		t.Errorf("an Update took %v", slowest)
	}
	if files := holds(t, path, secret); len(files) == 0 {
		t.Error("expected what was deleted to be in the files while a View is in the way")
	}
	end()
	scrubbed(t, path)
	if files := holds(t, path, secret); len(files) > 0 {
		t.Errorf("%v hold what was deleted", files)
	}
}

// TestScrubKilled: a process that was killed has not scrubbed; the next does, unasked.
func TestScrubKilled(t *testing.T) {
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "a.db"), filepath.Join(dir, "copy.db")
	s := open(t, path)
	end := viewing(t, s) // so that the two files are of one moment
	person(t, s)
	for _, suffix := range []string{"", "-wal"} { // as it is on the disk at this moment
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	end()
	open(t, copied)
	scrubbed(t, copied)
	if files := holds(t, copied, secret); len(files) > 0 {
		t.Errorf("%v hold what was deleted", files)
	}
}
