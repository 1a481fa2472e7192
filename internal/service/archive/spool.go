package archive

import (
	"io"
	"os"
)

// spooled is how much of a Spool is in memory, at most.
const spooled = 256 << 10

// Spool keeps what is written to it until it is read once: in memory as long as it is
// little, then in a temporary file that nobody else sees. Where no such file can be made, as
// on a system without a place for them, it stays in memory.
type Spool struct {
	dir  string
	held []byte
	file *os.File
	size int64
	none bool // no file can be made
}

// NewSpool returns an empty one, whose file is in dir. "": the system's directory for them.
func NewSpool(dir string) *Spool { return &Spool{dir: dir} }

// Size is how many bytes were written.
func (s *Spool) Size() int64 { return s.size }

// Write implements io.Writer.
func (s *Spool) Write(b []byte) (int, error) {
	s.held = append(s.held, b...)
	s.size += int64(len(b))
	if len(s.held) < spooled || s.none {
		return len(b), nil
	}
	if s.file == nil {
		f, err := os.CreateTemp(s.dir, "chancery-archive-*")
		if err != nil {
			s.none = true
			return len(b), nil
		}
		s.file = f
		os.Remove(f.Name()) //nolint:errcheck // where it cannot be removed while it is open, Discard does it
	}
	if _, err := s.file.Write(s.held); err != nil {
		return 0, err
	}
	s.held = s.held[:0]
	return len(b), nil
}

// WriteTo implements io.WriterTo: it writes all of it, from the beginning.
func (s *Spool) WriteTo(w io.Writer) (n int64, err error) {
	if s.file != nil {
		if n, err = io.Copy(w, io.NewSectionReader(s.file, 0, s.size-int64(len(s.held)))); err != nil {
			return n, err
		}
	}
	m, err := w.Write(s.held)
	return n + int64(m), err
}

// Discard gives up what is kept.
func (s *Spool) Discard() {
	s.held = nil
	if s.file != nil {
		s.file.Close()           //nolint:errcheck // nobody needs it any more
		os.Remove(s.file.Name()) //nolint:errcheck // it is gone already on most systems
		s.file = nil
	}
}
