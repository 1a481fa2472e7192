package serving_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/store/sqlite"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// written are the forms that a text may have in a file.
func written(text string) (forms [][]byte) {
	for _, s := range []string{text, strings.ToLower(text), strings.ToUpper(text)} {
		forms = append(forms, []byte(s), []byte(hex.EncodeToString([]byte(s))))
		for shift := range 3 { // base64 of it with something before: what is not touched by what is around
			b := base64.StdEncoding.EncodeToString([]byte("???"[:shift] + s))
			whole := (shift + len(s)) / 3 * 4
			forms = append(forms, []byte(b[(shift+2)/3*4:whole]))
		}
	}
	return forms
}

// holders tells which files below a directory hold a text.
func holders(t *testing.T, dir, text string) (out []string) {
	t.Helper()
	forms := written(text)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, f := range forms {
			if bytes.Contains(b, f) {
				out = append(out, filepath.Base(path)+" as "+string(f))
				break
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func filesBelow(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestErasedFromDisk has a person in everything that speaks of people, and looks for him in
// the bytes of the data directory after he was erased.
func TestErasedFromDisk(t *testing.T) {
	dir := t.TempDir()
	blobs := filepath.Join(dir, "blobs")
	if err := os.Mkdir(blobs, 0o700); err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "chancery.db"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	files, err := blob.OpenDir(blob.DirConfig{Path: blobs, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	post := &letters{}
	f := newFort(t, func(p *serving.Parts) {
		p.Store, p.Blobs, p.Mailer, p.InsecureLoopback = store, files, post, true
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	const who = "north/live"
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })) // so that deliveries wait
	t.Cleanup(refusing.Close)
	f.ok(who, "POST", "/v1/webhooks", map[string]any{"url": refusing.URL, "events": []string{"*"}})
	files0 := filesBelow(t, blobs)

	secrets := []string{"Zebulon Quixworth", "zq-7781@example.com", "Tutor Vexley", "Brimfold"}
	one := func(more map[string]any) map[string]any {
		out := map[string]any{
			"type": "training", "recipient": map[string]any{"name": "Zebulon Quixworth", "email": "zq-7781@example.com"}, "outputs": []string{"vc", "vc.jwt", "pdf"},
			"claims": map[string]any{"trainer": "Tutor Vexley"}, "private": map[string]any{"number": "900101-14-7781"},
		}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	first := f.ok(who, "POST", "/v1/credentials", one(map[string]any{"notify": true}), "Idempotency-Key", "a")
	subject := first.text("recipient", "id")
	f.ok(who, "POST", "/v1/credentials", one(map[string]any{"publish": false}))
	second := f.ok(who, "POST", "/v1/credentials", one(nil))
	other := f.ok(who, "POST", "/v1/credentials", aina(nil))
	batch := f.ok(who, "POST", "/v1/batches", map[string]any{"type": "training", "items": []any{map[string]any{
		"recipient": map[string]any{"name": "Zebulon Quixworth", "email": "ZQ-7781@example.com"}, "claims": map[string]any{"trainer": "Tutor Vexley"}}}})
	document := padestest.Sample{Pages: 1}.Build(t)
	agreement := f.upload(who, "/v1/documents", document)
	if agreement.status != 201 {
		t.Fatalf("the document: %d %s", agreement.status, agreement.body)
	}
	signatures := agreement.header.Get("Location") + "/signatures"
	signatures = signatures[strings.Index(signatures, "/v1/"):]
	f.ok(who, "POST", signatures, map[string]any{"kind": "thirdParty", "signer": map[string]any{"name": "Zebulon Quixworth", "email": "zq-7781@example.com"}}, "Idempotency-Key", "b")
	f.ok(who, "PUT", "/v1/portfolios/one", map[string]any{"title": "Zebulon Quixworth", "subjectId": subject, "public": true, "items": []any{map[string]any{"credential": first.text("id"), "visible": true}}})
	f.ok(who, "POST", "/v1/credentials/"+second.text("id")+"/revoke", map[string]any{"reason": "Brimfold was cheated"}, "Idempotency-Key", "c")
	f.ok("", "GET", "/v1/verify/"+first.text("publicId"), nil)
	f.ok(who, "GET", "/v1/credentials?recipientName=Zebulon", nil)
	post.to(t, "zq-7781@example.com")
	eventually(t, "the batch", func() error {
		if a := f.ok(who, "GET", "/v1/batches/"+batch.text("id"), nil); a.text("state") != "done" {
			return fmt.Errorf("%s", a.body)
		}
		return nil
	})
	if in := holders(t, dir, "900101-14-7781"); len(in) > 0 {
		t.Errorf("a private claim is in the clear in %v", in)
	}
	for _, secret := range secrets {
		if len(holders(t, dir, secret)) == 0 {
			t.Errorf("%s is nowhere, so that it proves nothing that it is not there afterwards", secret)
		}
	}

	f.ok(who, "DELETE", "/v1/subjects/"+subject, nil)
	eventually(t, "the erasure", func() error {
		for _, secret := range secrets {
			if in := holders(t, dir, secret); len(in) > 0 {
				return fmt.Errorf("%s is in %v", secret, in)
			}
		}
		return nil
	})
	// One for the other's credential at most, and the agreement.
	if n := filesBelow(t, blobs); n > files0+2 {
		t.Errorf("%d files, where there were %d before the person", n, files0)
	}
	for _, kept := range []string{"Aina Rahman", other.text("id"), first.text("id")} {
		if len(holders(t, dir, kept)) == 0 {
			t.Errorf("%s is gone too", kept)
		}
	}
	f.ok(who, "POST", "/v1/credentials", aina(nil)) // others go on
}

// eventually has something come true within a while.
func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}
