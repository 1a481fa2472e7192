package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// chancery runs a command of the binary and returns what it wrote, both streams together.
func (s *served) chancery(args ...string) (string, error) {
	s.t.Helper()
	binary, err := chanceryBinary()
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second) // one that serves does not end
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), s.env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// issue makes a credential and returns its id and public id.
func (s *served) issue(kind, name string) (id, public string) {
	s.t.Helper()
	made := s.data("POST", "/v1/credentials", map[string]any{
		"type": kind, "recipient": map[string]any{"name": name, "email": "p@example.com"}, "claims": map[string]any{"trainerName": "Academy"},
	}, 201)
	return made["id"].(string), made["publicId"].(string)
}

// verifies checks the verdict by public id.
func (s *served) verifies(public, outcome, reason string) {
	s.t.Helper()
	if v := s.data("GET", "/v1/verify/"+public, nil, 200); v["outcome"] != outcome || reason != "" && v["reason"] != reason {
		s.t.Errorf("%s: expected %s %s, found %v %v", public, outcome, reason, v["outcome"], v["reason"])
	}
}

// TestServeRestored: what docs/deployment.md says of backups. A service is copied while it
// issues, and lost; the copies in an empty directory, with the same master key, verify
// what was issued, seals and files included, and go on issuing.
func TestServeRestored(t *testing.T) {
	dir := t.TempDir()
	key, copied, restored := filepath.Join(dir, "master.key"), filepath.Join(dir, "copy.db"), filepath.Join(dir, "restored")
	if err := os.WriteFile(key, []byte("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"CHANCERY_MASTER_KEY_FILE=" + key}
	old := startServiceWith(t, env, "--data", filepath.Join(dir, "data"))
	kind := old.trainingType("vc", "pdf", "badge")
	id, public := old.issue(kind, "Aina Rahman")
	revokedID, revoked := old.issue(kind, "Revoked Person")
	old.data("POST", "/v1/credentials/"+revokedID+"/revoke", map[string]any{"reason": "test"}, 200)

	// The copy is made while others issue.
	stop, began := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			body := fmt.Sprintf(`{"type":%q,"recipient":{"name":"P%d","email":"p%d@example.com"},"claims":{"trainerName":"T"}}`, kind, i, i)
			if status, answer, _, err := old.try("POST", "/v1/credentials", "application/json", []byte(body)); err != nil || status != 201 {
				t.Errorf("while the copy is made: %d %v %s", status, err, answer)
				return
			}
			if i == 2 {
				close(began)
			}
		}
	})
	<-began
	out, err := old.chancery("backup", "--data", filepath.Join(dir, "data"), "-o", copied)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(out, "the setting masterKey") || !strings.Contains(out, filepath.Join(dir, "data", "blobs")) {
		t.Errorf("the backup does not name what it leaves out: %s", out)
	}
	// Files after the database.
	if err := os.CopyFS(filepath.Join(dir, "blobs"), os.DirFS(filepath.Join(dir, "data", "blobs"))); err != nil {
		t.Fatal(err)
	}
	close(stop)
	wg.Wait()
	old.kill()
	if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}

	if err := os.Mkdir(restored, 0o700); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{copied: "chancery.db", filepath.Join(dir, "blobs"): "blobs"} {
		if err := os.Rename(from, filepath.Join(restored, to)); err != nil {
			t.Fatal(err)
		}
	}
	wrong := *old
	wrong.env = []string{"CHANCERY_MASTER_KEY=IB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgE="}
	if out, err := wrong.chancery("config", "check", "--open", "--data", restored); err == nil || !strings.Contains(out, "masterKey: expected key") {
		t.Errorf("another master key: %v: %s", err, out)
	}
	if out, err := old.chancery("config", "check", "--open", "--data", restored); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := &served{t: t, listen: old.listen, base: old.base, key: old.key, env: old.env, log: &lockedBuffer{}, args: []string{"serve", "--listen", old.listen, "--data", restored}}
	t.Cleanup(s.kill)
	s.start()
	s.verifies(public, "valid", "")
	s.verifies(revoked, "invalid", "revoked")
	s.complete()
	s.data("POST", "/v1/credentials/"+id+"/revoke", map[string]any{"reason": "after all"}, 200)
	s.verifies(public, "invalid", "revoked")
	newID, newPublic := s.issue(kind, "Later Person")
	s.verifies(newPublic, "valid", "")
	_, pdf, _ := s.call("GET", "/v1/credentials/"+newID+"/artifacts/pdf", "", nil, "Accept", "*/*")
	if v := s.upload(pdf); v["outcome"] != "valid" {
		t.Errorf("a PDF sealed after the restore: %v %v", v["outcome"], v["reason"])
	}
	s.stop()
}

// complete checks that every credential has all its files, which verify.
func (s *served) complete() {
	s.t.Helper()
	_, answer, _ := s.call("GET", "/v1/credentials?limit=1000&sort=issuedAt", "", nil)
	var list struct {
		Data []struct{ ID, State string }
	}
	if err := json.Unmarshal(answer, &list); err != nil || len(list.Data) < 4 {
		s.t.Fatalf("%d credentials: %v", len(list.Data), err)
	}
	for i, c := range list.Data {
		for _, name := range []string{"vc", "pdf", "png", "svg"} {
			status, file, _ := s.call("GET", "/v1/credentials/"+c.ID+"/artifacts/"+name, "", nil, "Accept", "*/*")
			if status != 200 {
				s.t.Fatalf("%s of credential %d of %d: %d %s", name, i, len(list.Data), status, file)
			}
			want := map[string]string{"issued": "valid", "revoked": "invalid"}[c.State]
			if i > 5 && i < len(list.Data)-5 { // the last ones are those of the moment of the copy
				continue
			}
			if v := s.upload(file); v["outcome"] != want {
				s.t.Errorf("%s of credential %d, %s: expected %s, found %v %v", name, i, c.State, want, v["outcome"], v["reason"])
			}
		}
	}
}

// TestServeAlone: a second process on a data directory with SQLite is refused, and says who
// has it; commands beside the service go on, and after its end the directory is free.
func TestServeAlone(t *testing.T) {
	dir := t.TempDir()
	s := startService(t, "--data", dir)
	out, err := s.chancery("serve", "--data", dir, "--listen", freePort(t))
	if err == nil || strings.Contains(out, "Serving on") {
		t.Fatalf("a second process serves: %s", out)
	}
	for _, want := range []string{"another chancery serve uses " + dir, fmt.Sprintf("process %d", s.cmd.Process.Pid), "hint: ", "PostgreSQL"} {
		if !strings.Contains(out, want) {
			t.Errorf("expected %q in:\n%s", want, out)
		}
	}
	if out, err := s.chancery("tenants", "create", "Other", "--id", "other", "--data", dir); err != nil {
		t.Errorf("a command beside the service: %v: %s", err, out)
	}
	if status, _, _ := s.call("GET", "/readyz", "", nil); status != 200 {
		t.Errorf("the first process: %d", status)
	}
	// Nor from another directory, of which the database is a link to this one's.
	linked := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "chancery.db"), filepath.Join(linked, "chancery.db")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "master.key"), filepath.Join(linked, "master.key")); err != nil {
		t.Fatal(err)
	}
	if out, err := s.chancery("serve", "--data", linked, "--listen", freePort(t)); err == nil || strings.Contains(out, "Serving on") || !strings.Contains(out, "another chancery serve uses") {
		t.Errorf("a second process serves by way of a link: %s", out)
	}
	s.kill() // a lock that outlived its process would stop every restart
	s.start()
	s.stop()
	s.start()
	s.stop()
}

// places issues credentials and returns their places in status lists.
func (s *served) places(kind string, n int) map[string]string {
	s.t.Helper()
	out := map[string]string{}
	for i := range n {
		id, _ := s.issue(kind, fmt.Sprintf("Person %d", i))
		_, file, _ := s.call("GET", "/v1/credentials/"+id+"/artifacts/vc", "", nil, "Accept", "*/*")
		var doc struct {
			CredentialStatus json.RawMessage `json:"credentialStatus"`
		}
		var entries []struct{ ID string }
		err := json.Unmarshal(file, &doc)
		if err == nil && json.Unmarshal(doc.CredentialStatus, &entries) != nil {
			entries = make([]struct{ ID string }, 1)
			err = json.Unmarshal(doc.CredentialStatus, &entries[0])
		}
		if err != nil || len(entries) == 0 || entries[0].ID == "" {
			s.t.Fatalf("status of %s: %v", file, err)
		}
		for _, e := range entries {
			if out[e.ID] != "" {
				s.t.Fatalf("%s was given out twice", e.ID)
			}
			out[e.ID] = id
		}
	}
	return out
}

// TestRestoredPlaces: a credential that was issued after the copy was made shares its place
// in the status list with none that a restored service issues: revoking one of them would
// revoke the other one.
func TestRestoredPlaces(t *testing.T) {
	const n = 60 // more than the process holds in memory
	dir := t.TempDir()
	env := []string{"CHANCERY_MASTER_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
	data, copied := filepath.Join(dir, "data"), filepath.Join(dir, "copy.db")
	old := startServiceWith(t, env, "--data", data)
	kind := old.trainingType("vc")
	earlier := old.places(kind, 3)
	if out, err := old.chancery("backup", "--data", data, "-o", copied); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// A copy by other means, for 'chancery restored'.
	plain := filepath.Join(dir, "plain")
	old.stop()
	if err := os.CopyFS(plain, os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	old.start()
	lost := old.places(kind, n)
	old.kill()
	if err := os.CopyFS(filepath.Join(dir, "restored", "blobs"), os.DirFS(filepath.Join(data, "blobs"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(copied, filepath.Join(dir, "restored", "chancery.db")); err != nil {
		t.Fatal(err)
	}
	for _, again := range []string{filepath.Join(dir, "restored"), plain} {
		if again == plain {
			if out, err := old.chancery("restored", "--data", again); err != nil || !strings.HasPrefix(out, "1 status lists ended") {
				t.Fatalf("%v: %s", err, out)
			}
			if out, err := old.chancery("restored", "--data", again); err != nil || !strings.HasPrefix(out, "0 ") {
				t.Errorf("once more: %v: %s", err, out)
			}
		}
		s := &served{t: t, listen: old.listen, base: old.base, key: old.key, env: old.env, log: &lockedBuffer{}, args: []string{"serve", "--listen", old.listen, "--data", again}}
		t.Cleanup(s.kill)
		s.start()
		for place := range s.places(kind, n) {
			if lost[place] != "" || earlier[place] != "" {
				t.Fatalf("%s: %s was given out before", again, place)
			}
		}
		for _, id := range earlier { // in the list of before, which is published still
			s.data("POST", "/v1/credentials/"+id+"/revoke", map[string]any{"reason": "test"}, 200)
		}
		s.stop()
	}
}

// TestBackupKilled: a copy that was not finished has no name under which it could be taken
// for one, and nothing is left where the command could still remove it.
func TestBackupKilled(t *testing.T) {
	dir := t.TempDir()
	s := startService(t, "--data", filepath.Join(dir, "data"))
	kind := s.trainingType("vc")
	batch := s.startBatch(kind, 3000)
	for _, done := batch(); !done; _, done = batch() {
		time.Sleep(50 * time.Millisecond)
	}
	binary, err := chanceryBinary()
	if err != nil {
		t.Fatal(err)
	}
	killed := 0
	for i, signal := range []os.Signal{os.Kill, os.Interrupt, os.Kill, os.Interrupt, os.Kill, os.Interrupt} {
		out := filepath.Join(dir, fmt.Sprintf("copy-%d.db", i))
		cmd := exec.Command(binary, "backup", "--data", filepath.Join(dir, "data"), "-o", out)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(time.Millisecond) {
			if left, _ := filepath.Glob(filepath.Join(dir, ".chancery-*")); len(left) > 0 {
				break
			}
		}
		time.Sleep(time.Duration(i) * 3 * time.Millisecond)
		cmd.Process.Signal(signal)
		cmd.Wait()
		if _, err := os.Stat(out); err == nil {
			if check := exec.Command(binary, "backup", "--data", filepath.Join(dir, "data"), "-o", out); check.Run() == nil {
				t.Error("a copy was overwritten")
			}
			continue // it was faster
		}
		killed++
		left, _ := filepath.Glob(filepath.Join(dir, ".chancery-*"))
		if signal == os.Interrupt && len(left) != 0 {
			t.Errorf("left: %v", left)
		}
		for _, name := range left {
			os.Remove(name)
		}
	}
	if killed == 0 {
		t.Skip("every copy was faster than its end")
	}
	s.stop()
}
