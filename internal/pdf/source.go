package pdf

import (
	"errors"
	"io"
)

const (
	blockSize = 16 << 10
	maxBlocks = 32 // 512 KiB of file held at most
)

// source gives windows onto the file through a small cache of blocks, so that
// memory does not depend on the size of the file.
type source struct {
	r      io.ReaderAt
	size   int64
	blocks map[int64]*block
	clock  uint64
	last   *block
}

type block struct {
	no   int64
	data []byte
	used uint64
}

func newSource(r io.ReaderAt, size int64) *source {
	return &source{r: r, size: size, blocks: make(map[int64]*block)}
}

// window returns some bytes of the file beginning at off; none at the end of the file.
// They are valid until the next call.
func (s *source) window(off int64) ([]byte, error) {
	if off < 0 || off >= s.size {
		return nil, nil
	}
	no := off / blockSize
	if s.last != nil && s.last.no == no {
		return s.last.data[off-no*blockSize:], nil
	}
	b := s.blocks[no]
	if b == nil {
		var err error
		if b, err = s.load(no); err != nil {
			return nil, err
		}
	}
	s.clock++
	b.used = s.clock
	s.last = b
	return b.data[off-no*blockSize:], nil
}

func (s *source) load(no int64) (*block, error) {
	var buf []byte
	if len(s.blocks) >= maxBlocks {
		var oldest *block
		for _, b := range s.blocks {
			if oldest == nil || b.used < oldest.used {
				oldest = b
			}
		}
		delete(s.blocks, oldest.no)
		buf = oldest.data[:cap(oldest.data)]
	}
	n := min(blockSize, s.size-no*blockSize)
	if int64(len(buf)) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if err := s.readFull(buf, no*blockSize); err != nil {
		return nil, err
	}
	b := &block{no: no, data: buf}
	s.blocks[no] = b
	return b, nil
}

// readFull fills p from off, past the cache.
func (s *source) readFull(p []byte, off int64) error {
	n, err := s.r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &Error{Code: CodeIO, Offset: off, Msg: "reading the file failed", Err: err}
}
