// Package blob keeps files by the SHA-256 of their content: Dir in a directory, S3 in a
// bucket of a server that speaks S3. Both are service.Blobs, and behave alike.
//
// A file is there wholly or not at all. Its content is checked against its name while it
// is read, at the last byte at the latest, so that neither a fault of a disk nor another
// hand in the bucket goes unseen. What is wrong with the storage, full or away, is
// service.ErrUnavailable; a fault of the reader that is stored is that reader's error.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/chancery-dev/chancery/internal/service"
)

// Errors, for errors.Is.
var (
	// ErrCorrupt: a stored file is not what its name says.
	ErrCorrupt = errors.New("blob: the content is not that of its digest")
	// ErrDigest: expected the SHA-256 of a file in lower-case hex.
	ErrDigest = errors.New("blob: expected 64 digits of lower-case hex")
	// ErrTooLarge: more bytes than the configuration allows.
	ErrTooLarge = errors.New("blob: the file is too large")
)

// DefaultMaxBytes bounds one file where the configuration does not.
const DefaultMaxBytes = 1 << 30

// checkDigest lets nothing else into a path.
func checkDigest(digest string) error {
	if len(digest) != hex.EncodedLen(sha256.Size) {
		return ErrDigest
	}
	for i := range len(digest) {
		if c := digest[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ErrDigest
		}
	}
	return nil
}

// unavailable says that the storage failed at something.
func unavailable(what string, err error) error {
	return fmt.Errorf("blob: %w: %s: %w", service.ErrUnavailable, what, err)
}

// source reads what is to be stored: it counts, hashes, keeps the bound, stops with its
// context, and remembers whether it was the one that failed.
type source struct {
	ctx  context.Context
	r    io.Reader
	left int64
	size int64
	hash hash.Hash
	err  error
}

func newSource(ctx context.Context, r io.Reader, most int64) *source {
	return &source{ctx: ctx, r: r, left: most, hash: sha256.New()}
}

func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if err := s.ctx.Err(); err != nil {
		s.err = fmt.Errorf("blob: %w", err)
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if int64(n) > s.left {
		s.err = fmt.Errorf("%w: expected at most %d bytes", ErrTooLarge, s.size+s.left)
		return 0, s.err
	}
	s.left -= int64(n)
	s.size += int64(n)
	s.hash.Write(p[:n])
	if err != nil && err != io.EOF {
		s.err = fmt.Errorf("blob: reading what is to be stored: %w", err)
		return n, s.err
	}
	return n, err
}

func (s *source) digest() string { return hex.EncodeToString(s.hash.Sum(nil)) }

// checked reads a stored file. The read that returns the last byte fails where the content
// is not that of the digest.
type checked struct {
	io.ReadCloser
	digest string
	left   int64
	hash   hash.Hash
	done   error // what is answered from now on; nil while reading
	fault  func(error) error
}

// newChecked reads size bytes of r; fault names an error of r.
func newChecked(r io.ReadCloser, digest string, size int64, fault func(error) error) *checked {
	return &checked{ReadCloser: r, digest: digest, left: size, hash: sha256.New(), fault: fault}
}

func (c *checked) Read(p []byte) (int, error) {
	if c.done != nil {
		return 0, c.done
	}
	if len(p) == 0 {
		return 0, nil
	}
	if c.left == 0 {
		c.done = c.judge()
		return 0, c.done
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.hash.Write(p[:n])
	c.left -= int64(n)
	switch {
	case c.left == 0:
		if c.done = c.judge(); c.done != io.EOF {
			return n, c.done
		}
		return n, nil
	case err == io.EOF:
		c.done = fmt.Errorf("%w: it ends too early", ErrCorrupt)
		return n, c.done
	case err != nil:
		c.done = c.fault(err)
		return n, c.done
	}
	return n, nil
}

func (c *checked) judge() error {
	if hex.EncodeToString(c.hash.Sum(nil)) != c.digest {
		return ErrCorrupt
	}
	return io.EOF
}
