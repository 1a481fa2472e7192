package pades_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/pdf"
	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// FuzzVerify: no panic, bounded time, and a file is valid only if it ends as a signed
// one did: the fuzzer has no key.
func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	var signed [][]byte
	add := func(b []byte) {
		f.Add(b)
		signed = append(signed, b)
	}
	for _, streams := range []bool{false, true} {
		s := buildSample(f, streams, nil)
		b := w.sign(sign.LevelLTA, s.bytes, sign.Request{Field: "Registrar", Certify: sign.FormFilling, Visible: &sign.Appearance{}})
		add(b)
		add(w.sign(sign.LevelB, s.bytes, sign.Request{}))
		for _, a := range attacks {
			if a.edit != nil {
				f.Add(update(f, b, func(u *pdf.Update) { a.edit(f, s, u) }))
			}
		}
		f.Add(update(f, b, func(u *pdf.Update) { fill("Grace", "Grace")(f, s, u) }))
		f.Add(s.bytes)
	}
	if dir := filepath.Join("..", "..", "..", "shared", "vectors", "pdf"); testing.Short() == false {
		files, _ := filepath.Glob(dir + "/*/*.pdf")
		for _, name := range files {
			if b, err := os.ReadFile(name); err == nil && len(b) < 60_000 {
				f.Add(b)
			}
		}
	}
	conf := w.config()
	f.Fuzz(func(t *testing.T, b []byte) {
		start := time.Now()
		r, err := pades.Validate(context.Background(), bytes.NewReader(b), int64(len(b)), conf)
		if took := time.Since(start); took > 20*time.Second {
			t.Fatalf("took %v for %d bytes", took, len(b))
		}
		if err != nil {
			t.Fatalf("an error is for what is no fault of the file, found %v", err)
		}
		if r.Outcome != verifier.Valid {
			if r.Reason == "" {
				t.Fatalf("no reason\n%s", explain(r))
			}
			return
		}
		for _, s := range signed {
			if covers(s, b) {
				return
			}
		}
		t.Fatalf("valid, and holds nothing that was signed\n%s", explain(r))
	})
}

// covers tells whether b begins as a signed file does: the signature's own revision.
func covers(signed, b []byte) bool {
	doc, err := pdf.Open(bytes.NewReader(signed), int64(len(signed)), pdf.Options{})
	if err != nil {
		return false
	}
	for _, rev := range doc.Revisions()[1:] {
		if bytes.HasPrefix(b, signed[:rev.MarkerEnd]) {
			return true
		}
	}
	return false
}
