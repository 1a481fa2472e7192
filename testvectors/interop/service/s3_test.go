package service_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/chancery-dev/chancery/testvectors/interop/s3"
)

// withS3 runs chancery serve with its files in a bucket of a versitygw.
func withS3(t *testing.T) (*service, *s3.Server) {
	t.Helper()
	store := s3.Start(t, s3.Config{})
	store.Bucket("files")
	data := t.TempDir()
	s := serve(t, freePort(t), []string{
		"CHANCERY_BLOBS_KIND=s3", "CHANCERY_BLOBS_S3_ENDPOINT=" + store.Endpoint, "CHANCERY_BLOBS_S3_REGION=" + s3.Region, "CHANCERY_BLOBS_S3_BUCKET=files",
		"CHANCERY_BLOBS_S3_PREFIX=registry/", "CHANCERY_BLOBS_S3_ACCESS_KEY=" + s3.AccessKey, "CHANCERY_BLOBS_S3_SECRET_KEY=" + s3.SecretKey, "CHANCERY_BLOBS_S3_TIMEOUT=2s",
	}, "--data", data)
	t.Cleanup(func() {
		if left, err := filepath.Glob(filepath.Join(data, "*")); err != nil || slices.ContainsFunc(left, func(f string) bool { return strings.Contains(f, "blobs") || strings.Contains(f, "put-") }) {
			t.Errorf("expected no files beside the bucket, found %q, %v", left, err)
		}
		if strings.Contains(s.log.String(), s3.SecretKey) {
			t.Error("the log tells the secret key")
		}
	})
	s.addKind("badge", "eddsa-rdfc-2022", "Ed25519")
	return s, store
}

// person issues a credential to somebody of that name.
func (s *service) person(id string) object {
	return object{"id": id, "type": "badge", "recipient": object{"name": "Person " + id, "email": id + "@example.com"}, "claims": object{"skill": "Grün & Söhne"}}
}

func (s *service) issueTo(id string) (c struct {
	credential
	Recipient struct{ ID string }
}) {
	s.t.Helper()
	s.data("POST", "/v1/credentials", s.person(id), &c)
	return c
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// within waits for something to become so.
func within(t *testing.T, limit time.Duration, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// outcome is the verdict on a stored credential.
func (s *service) outcome(publicID string) string {
	s.t.Helper()
	return s.verdict(s.ask("GET", "/v1/verify/"+publicID, "", "", nil))
}

// outcomeOf is the verdict on a file.
func (s *service) outcomeOf(name string, content []byte) string {
	s.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		s.t.Fatal(err)
	}
	part.Write(content)
	w.Close()
	return s.verdict(s.ask("POST", "/v1/verify", "", w.FormDataContentType(), form.Bytes()))
}

func (s *service) verdict(status int, answer []byte) string {
	s.t.Helper()
	var out struct {
		Outcome string
		Data    struct{ Outcome string }
	}
	if err := json.Unmarshal(answer, &out); err != nil || status != 200 {
		s.t.Fatalf("verify: %d: %.500s", status, answer)
	}
	return out.Outcome + out.Data.Outcome
}

// files fetches every artefact of a credential, and finds that it is what its digest says.
func (s *service) files(c credential) map[string][]byte {
	s.t.Helper()
	out := map[string][]byte{}
	for name, a := range c.Artifacts {
		out[name] = s.file(a.URL)
		if !strings.Contains(a.Digest, sum(out[name])) {
			s.t.Errorf("%s: expected the digest %s, found %s", name, a.Digest, sum(out[name]))
		}
	}
	return out
}

// export unpacks what a tenant takes along.
func (s *service) export() map[string][]byte {
	s.t.Helper()
	b := s.file("/v1/export")
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			s.t.Fatal(err)
		}
		if out[f.Name], err = io.ReadAll(in); err != nil {
			s.t.Fatal(err)
		}
		in.Close()
	}
	return out
}

// TestS3: a service whose files are in a bucket: they are there and nowhere else, come back
// as they were, are in the export, and are gone with the person.
func TestS3(t *testing.T) {
	t.Parallel()
	s, store := withS3(t)
	before := store.Objects("files")
	first := s.issueTo("CX-1")
	ofFirst := slices.DeleteFunc(store.Objects("files"), func(o string) bool { return slices.Contains(before, o) })
	second := s.issueTo("CX-2")
	if len(first.Artifacts) != 5 || len(ofFirst) == 0 {
		t.Fatalf("expected five files, some of them in the bucket, found %v and %q", first.Artifacts, ofFirst)
	}
	kept, other := s.files(first.credential), s.files(second.credential)
	stored := 0
	for _, key := range store.Objects("files") {
		name, ok := strings.CutPrefix(key, "registry/")
		if name == "ready" {
			continue
		}
		object, err := store.Client.GetObject(t.Context(), "files", key, minio.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(object)
		if err != nil || !ok || sum(b) != name {
			t.Errorf("object %s: %v", key, err)
		}
		for _, f := range kept {
			if bytes.Equal(f, b) {
				stored++
			}
		}
	}
	if stored == 0 {
		t.Error("no file of the credential is in the bucket")
	}
	for _, name := range []string{"vc", "pdf", "png", "svg"} {
		if got := s.outcomeOf("file."+name, kept[name]); got != "valid" {
			t.Errorf("%s: %s", name, got)
		}
		if status, b := s.ask("GET", "/c/"+first.PublicID+"/"+name, "", "", nil); status == 200 && !bytes.Equal(b, kept[name]) {
			t.Errorf("%s: the public copy is another", name)
		}
	}
	if got := s.outcome(first.PublicID); got != "valid" {
		t.Errorf("by its id: %s", got)
	}
	exported := s.export()
	for name, b := range kept {
		if !contains(exported, b) {
			t.Errorf("%s is not in the export of %d files", name, len(exported))
		}
	}
	var erased object
	s.data("DELETE", "/v1/subjects/"+first.Recipient.ID, nil, &erased)
	within(t, 30*time.Second, "what was of the person is gone from the bucket", func() bool {
		left := store.Objects("files")
		return !slices.ContainsFunc(ofFirst, func(o string) bool { return slices.Contains(left, o) })
	})
	onDisk(t, store, kept["pdf"], false)
	onDisk(t, store, other["pdf"], true)
	for name, b := range s.files(second.credential) {
		if !bytes.Equal(b, other[name]) {
			t.Errorf("%s of another person has changed", name)
		}
	}
	for name, a := range first.Artifacts {
		if status, _ := s.ask("GET", a.URL, s.key, "", nil); status == 200 {
			t.Errorf("%s of the erased person is still served", name)
		}
	}
	if exported := s.export(); contains(exported, kept["pdf"]) || !contains(exported, other["pdf"]) {
		t.Error("the export has the page of the erased person, or lacks that of another")
	}
}

func contains(files map[string][]byte, b []byte) bool {
	for _, f := range files {
		if bytes.Equal(f, b) {
			return true
		}
	}
	return false
}

// onDisk looks for a file where the peer keeps its objects.
func onDisk(t *testing.T, store *s3.Server, b []byte, want bool) {
	t.Helper()
	found := false
	err := filepath.WalkDir(store.Dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		found = found || bytes.Equal(text, b)
		return err
	})
	if err != nil || found != want {
		t.Errorf("on the server's disk: %v, expected %v, %v", found, want, err)
	}
}

// refused asks for what needs a file while none can be had: the answer is a problem that
// says so, in time, and nothing of the storage.
func (s *service) refused(method, path string, in any, key string) {
	s.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.HasPrefix(path, "http") {
		path = s.base + path
	}
	r, err := http.NewRequest(method, path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.key)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
	}
	began := time.Now()
	answer, err := s.http.Do(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer answer.Body.Close()
	b, _ := io.ReadAll(answer.Body)
	var problem struct {
		Status              int
		Code, Title, Detail string
	}
	if err := json.Unmarshal(b, &problem); err != nil || answer.StatusCode != 503 || problem.Status != 503 || answer.Header.Get("Retry-After") == "" || answer.Header.Get("Content-Type") != "application/problem+json" {
		s.t.Errorf("%s %s: %d %v %.500s", method, path, answer.StatusCode, answer.Header, b)
	}
	for _, hidden := range []string{s3.AccessKey, s3.SecretKey, "127.0.0.1", "minio", "registry/"} {
		if strings.Contains(string(b), hidden) && !strings.Contains(path, hidden) {
			s.t.Errorf("%s %s tells %s: %s", method, path, hidden, b)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		s.t.Errorf("%s %s took %v", method, path, took)
	}
}

// TestS3Away: the server of the files is killed while the service runs. What needs a file
// is refused and nothing of it kept, the rest goes on, what was begun ends by itself once
// the server is back, and nothing is lost.
func TestS3Away(t *testing.T) {
	t.Parallel()
	s, store := withS3(t)
	first, second := s.issueTo("CX-1"), s.issueTo("CX-2")
	kept := s.files(first.credential)
	pdf := first.Artifacts["pdf"].URL
	store.Kill()

	s.refused("GET", pdf, nil, "")
	s.refused("POST", "/v1/credentials", s.person("CX-3"), "order-3")
	if status, b := s.ask("GET", "/readyz", "", "", nil); status != 503 {
		t.Errorf("readyz: %d %s", status, b)
	}
	if status, _ := s.ask("GET", "/livez", "", "", nil); status != 200 {
		t.Errorf("livez: %d", status)
	}
	if status, b := s.ask("GET", "/v1/credentials/CX-3", s.key, "", nil); status != 404 {
		t.Errorf("of what was refused something is kept: %d %s", status, b)
	}
	if got := s.outcome(first.PublicID); got != "valid" {
		t.Errorf("verifying by id: %s", got)
	}
	if got := s.outcomeOf("page.pdf", kept["pdf"]); got != "valid" {
		t.Errorf("verifying a file: %s", got)
	}
	s.halfExport()
	var batch struct{ ID, State string }
	s.data("POST", "/v1/batches", object{"type": "badge", "items": []object{
		{"id": "CX-4", "recipient": object{"name": "Person CX-4"}, "claims": object{"skill": "A"}}, {"id": "CX-5", "recipient": object{"name": "Person CX-5"}, "claims": object{"skill": "B"}},
	}}, &batch)
	s.refused("DELETE", "/v1/subjects/"+second.Recipient.ID, nil, "")
	time.Sleep(3 * time.Second) // jobs fail meanwhile

	store.Run()
	within(t, 30*time.Second, "ready again", func() bool {
		status, _ := s.ask("GET", "/readyz", "", "", nil)
		return status == 200
	})
	for name, b := range s.files(first.credential) {
		if !bytes.Equal(b, kept[name]) {
			t.Errorf("%s has changed", name)
		}
	}
	third := s.issueTo("CX-3")
	if got := s.outcomeOf("page.pdf", s.file(third.Artifacts["pdf"].URL)); got != "valid" {
		t.Errorf("what was refused and asked for again: %s", got)
	}
	s.data("DELETE", "/v1/subjects/"+second.Recipient.ID, nil, &object{})
	within(t, 3*time.Minute, "the batch ends", func() bool {
		s.data("GET", "/v1/batches/"+batch.ID, nil, &batch)
		return batch.State == "done"
	})
	for _, id := range []string{"CX-4", "CX-5"} {
		var c credential
		s.data("GET", "/v1/credentials/"+id, nil, &c)
		s.files(c)
	}
	within(t, 3*time.Minute, "the erased person's files are gone", func() bool {
		left := strings.Join(store.Objects("files"), " ")
		return !slices.ContainsFunc([]string{"pdf", "png", "svg"}, func(name string) bool {
			digest := second.Artifacts[name].Digest
			return strings.Contains(left, digest[strings.LastIndexByte(digest, ':')+1:])
		})
	})
}

// halfExport: an export that cannot be finished is not one that looks whole.
func (s *service) halfExport() {
	s.t.Helper()
	r, err := http.NewRequest("GET", s.base+"/v1/export", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.key)
	answer, err := s.http.Do(r)
	if err != nil {
		return // broken off
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if answer.StatusCode == 503 || err != nil {
		return
	}
	if _, err := zip.NewReader(bytes.NewReader(b), int64(len(b))); err == nil {
		s.t.Error("expected an export that is broken off, found a whole one: " + fmt.Sprint(len(b)))
	}
}
