package httpapi

import (
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"bytes"

	"github.com/chancery-dev/chancery/internal/service"
)

// spoolMemory is how much of a batch's body stays in memory; the rest goes to a file.
const spoolMemory = 4 << 20

// spool is a body that is read more than once.
type spool struct {
	memory []byte
	file   *os.File // nil: all is in memory
}

// spool keeps the body and computes its digest, which an Idempotency-Key needs before the
// first row is looked at.
func (c *call) spool(limit int64) (*spool, error) {
	if c.r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	h := sha256.New()
	body := io.TeeReader(http.MaxBytesReader(c.w, c.r.Body, limit), h)
	s := &spool{}
	memory, err := io.ReadAll(io.LimitReader(body, spoolMemory+1))
	if err != nil {
		return nil, bodyFault(err)
	}
	s.memory = memory
	if len(memory) > spoolMemory {
		if err := s.toFile(c.a.TempDir, body); err != nil {
			s.close()
			return nil, err
		}
	}
	h.Sum(c.digest[:0])
	return s, nil
}

func (s *spool) toFile(dir string, rest io.Reader) error {
	f, err := os.CreateTemp(dir, "chancery-batch-*")
	if err != nil {
		return errors.Join(service.ErrUnavailable, err)
	}
	s.file = f
	if _, err := f.Write(s.memory); err != nil {
		return errors.Join(service.ErrUnavailable, err)
	}
	s.memory = nil
	w := &diskWriter{f: f}
	if _, err := io.Copy(w, rest); err != nil {
		if w.err != nil {
			return errors.Join(service.ErrUnavailable, w.err)
		}
		return bodyFault(err)
	}
	return nil
}

// diskWriter tells a full disk from a client that went away.
type diskWriter struct {
	f   *os.File
	err error
}

func (w *diskWriter) Write(b []byte) (int, error) {
	n, err := w.f.Write(b)
	if err != nil {
		w.err = err
	}
	return n, err
}

// reader reads it from the beginning. Two readers are not used at once.
func (s *spool) reader() (io.Reader, error) {
	if s.file == nil {
		return bytes.NewReader(s.memory), nil
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return s.file, err
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
	}
}

// download answers a file that is made while it is sent. A fault before the first byte is
// a problem as elsewhere; after it the connection is broken off, so that nobody takes a
// part for the whole.
func (c *call) download(mediaType, name string, write func(io.Writer) error) error {
	defer longer(http.NewResponseController(c.w).SetWriteDeadline)()
	w := &lateWriter{c: c, mediaType: mediaType, name: name}
	if err := write(w); err != nil {
		if !w.begun {
			return err
		}
		c.x.err = err
		panic(http.ErrAbortHandler)
	}
	w.begin()
	return nil
}

// lateWriter writes headers with the first byte.
type lateWriter struct {
	c               *call
	mediaType, name string
	begun           bool
}

func (w *lateWriter) begin() {
	if w.begun {
		return
	}
	w.begun = true
	h := w.c.w.Header()
	h["Content-Type"] = []string{w.mediaType}
	h["Content-Disposition"] = []string{`attachment; filename="` + w.name + `"`}
	w.c.w.WriteHeader(http.StatusOK)
}

func (w *lateWriter) Write(b []byte) (int, error) {
	w.begin()
	return w.c.w.Write(b)
}

// longer puts off a deadline of the connection to streamTimeout from now, for bodies that
// take longer than others; the function it returns ends that. The service's clock is not
// that of connections, which is why a timer does it.
func longer(set func(time.Time) error) (stop func()) {
	if set(time.Time{}) != nil { // not a connection that has deadlines
		return func() {}
	}
	t := time.AfterFunc(streamTimeout, func() { _ = set(time.Unix(1, 0)) })
	return func() { t.Stop() }
}
