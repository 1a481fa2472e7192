package pades_test

import (
	"bytes"
	"context"
	"slices"
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
	// The keys are new in each process, so a case is a change of a file, not the file.
	w := newWorld(f)
	var files, signed [][]byte
	for _, streams := range []bool{false, true} {
		s := buildSample(f, streams, nil)
		b := w.sign(sign.LevelLTA, s.bytes, sign.Request{Field: "Registrar", Certify: sign.FormFilling, Visible: &sign.Appearance{}})
		plain := w.sign(sign.LevelB, s.bytes, sign.Request{})
		signed = append(signed, b, plain)
		files = append(files, b, plain, s.bytes)
		for _, a := range attacks {
			if a.edit != nil {
				files = append(files, update(f, b, func(u *pdf.Update) { a.edit(f, s, u) }))
			}
		}
	}
	for i := range files {
		f.Add(uint16(i), uint8(0), uint32(i*131), []byte("9"))
		f.Add(uint16(i), uint8(1), uint32(i*257), []byte(" 0 R"))
	}
	f.Add(uint16(0), uint8(3), uint32(0), []byte("1 0 obj\n<<>>\nendobj\n"))
	f.Add(uint16(0), uint8(4), uint32(0), []byte("%PDF-1.7\n"))
	conf := w.config()
	f.Fuzz(func(t *testing.T, which uint16, mode uint8, off uint32, data []byte) {
		b := mutate(files[int(which)%len(files)], mode, int(off), data)
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

// mutate changes a file in one place.
func mutate(b []byte, mode uint8, off int, data []byte) []byte {
	off %= len(b) + 1
	switch mode % 5 {
	case 0:
		b = bytes.Clone(b)
		copy(b[off:], data)
		return b
	case 1:
		return slices.Concat(b[:off], data, b[off:])
	case 2:
		return slices.Concat(b[:off], b[min(len(b), off+len(data)):])
	case 3:
		return slices.Concat(b, data)
	}
	return data
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
