package pades_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/signer/pades"
)

// FuzzSign signs damaged files: each is refused with a reason, or comes out with the input as its
// beginning and every signature made here sound, in a file that still opens.
func FuzzSign(f *testing.F) {
	w := newWorld(f, p256)
	for _, in := range w.Inputs(f) {
		f.Add(in.Bytes, in.Password, "", byte(0))
		f.Add(in.Bytes, in.Password, "Registrar", byte(7))
	}
	var once sync.Mutex // the world's clock and serial numbers are shared
	f.Fuzz(func(t *testing.T, in []byte, password, field string, how byte) {
		if len(in) > 1<<17 {
			t.Skip("longer than the 128 kB that this target signs")
		}
		once.Lock()
		defer once.Unlock()
		level := pades.LevelB + pades.Level(how&3)
		req := pades.Request{Password: password, Field: field, Certify: pades.Permission(how >> 2 & 3)}
		if how&16 != 0 {
			req.Visible = &pades.Appearance{Rect: box, QR: "x"}
			if field != "" {
				req.Visible.Rect = [4]float64{}
			}
		}
		if how&32 != 0 {
			req.Lock = &pades.Lock{Action: pades.LockAll}
		}
		var out bytes.Buffer
		r, err := w.Pades(level, p256).Sign(t.Context(), bytes.NewReader(in), int64(len(in)), &out, req)
		if err != nil {
			var e *pades.Error
			if !errors.As(err, &e) {
				t.Fatalf("error of type %T: %v", err, err)
			}
			return
		}
		file := out.Bytes()
		if !bytes.HasPrefix(file, in) || r.Size != int64(len(file)) {
			t.Fatal("the input is not a prefix, or the size is wrong")
		}
		doc, err := pdf.Open(bytes.NewReader(file), int64(len(file)), pdf.Options{Password: password})
		check(t, err)
		check(t, doc.Check())
		fields, err := doc.Latest().Fields()
		check(t, err)
		made := map[string]bool{r.Field: true}
		if r.ArchiveField != "" {
			made[r.ArchiveField] = true
		}
		for _, fd := range fields {
			if made[fd.Name] {
				w.signatureOf(t, doc, fd, file)
				delete(made, fd.Name)
			}
		}
		if len(made) > 0 {
			t.Fatalf("the fields signed are not in the form: %v", made)
		}
	})
}

// FuzzPrepared reads stored state.
func FuzzPrepared(f *testing.F) {
	w := newWorld(f, p256)
	in := sample{}.Build(f)
	p, err := w.Pades(pades.LevelB, p256).Prepare(f.Context(), bytes.NewReader(in), int64(len(in)), pades.Request{})
	check(f, err)
	state, err := p.MarshalBinary()
	check(f, err)
	f.Add(state)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := pades.UnmarshalPrepared(b)
		if err != nil {
			return
		}
		again, err := p.MarshalBinary()
		check(t, err)
		if _, err := pades.UnmarshalPrepared(again); err != nil {
			t.Fatal(err)
		}
		_ = p.ToSign()
	})
}
