package pades

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"hash"
	"io"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
)

// Sign reads a PDF file of size bytes from in and writes the signed one to out: the same bytes and one
// or more incremental updates. What can be refused is refused before anything is written; after an
// error, what was written is worthless. Errors are *Error; those of a context are in their chain.
func (s *Signer) Sign(ctx context.Context, in io.ReaderAt, size int64, out io.Writer, req Request) (Result, error) {
	if s.Key == nil && s.Remote == nil {
		return Result{}, fail(BadConfig, "Signer has neither Key nor Remote")
	}
	j, err := s.begin(ctx, in, size, req)
	if err != nil {
		return Result{}, err
	}
	if err := j.copyBase(out); err != nil {
		return Result{}, err
	}
	for try := 0; ; try++ {
		prepared, err := j.prepare()
		if err != nil {
			return Result{}, err
		}
		sig, err := s.signature(ctx, prepared)
		if err != nil {
			return Result{}, err
		}
		message, err := j.embed(ctx, prepared, sig)
		if err != nil {
			return Result{}, err
		}
		if len(message) > j.pending.reserved && try == 0 {
			// The authority's token grew beyond the slack. The base is hashed already, so making the
			// update anew with more room costs one more signature.
			if err := j.reserve(len(message) + tokenSlack); err != nil {
				return Result{}, err
			}
			continue
		}
		return j.complete(ctx, out, message)
	}
}

// job is one file on its way to being signed.
type job struct {
	s      *Signer
	req    Request
	in     *input
	slot   *slot
	signer *cms.Signer
	now    time.Time
	base   hash.Cloner // state after the original bytes
	*pending
	stamp  *Timestamp // over the signature
	result Result
}

// begin does all that needs no byte of output: it looks at the file, chooses the field, checks what
// earlier signatures and the field's author allow and what the key can do, and makes the update.
func (s *Signer) begin(ctx context.Context, r io.ReaderAt, size int64, req Request) (*job, error) {
	if err := ctx.Err(); err != nil {
		return nil, wrap(SigningFailed, err, "")
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	if err := s.checkKey(); err != nil {
		return nil, err
	}
	in, err := openInput(r, size, req.Password)
	if err != nil {
		return nil, err
	}
	j := &job{s: s, req: req, in: in, now: s.Clock()}
	if j.signer, err = s.cmsSigner(); err != nil {
		return nil, err
	}
	if j.slot, err = in.chooseSlot(req.Field, req.MustExist, "Signature"); err != nil {
		return nil, err
	}
	if err := j.obey(); err != nil {
		return nil, err
	}
	if s.Revocation != nil {
		if err := s.checkNotRevoked(ctx, j.now); err != nil {
			return nil, err
		}
	}
	room, err := j.messageSize(ctx)
	if err != nil {
		return nil, err
	}
	return j, j.reserve(room)
}

// obey applies what earlier signatures, the field's lock and its seed values say.
func (j *job) obey() error {
	if j.req.Certify != 0 {
		for _, sig := range j.in.sigs {
			if !sig.stamp {
				return fail(CannotCertify, "the file is signed already")
			}
		}
	}
	if !j.slot.isNew {
		if err := j.obeyField(); err != nil {
			return err
		}
	}
	if v := j.req.Visible; v != nil {
		if err := j.slot.position(v); err != nil {
			return err
		}
	}
	return j.in.permits(j.slot.name, j.slot.isNew, j.slot.visible)
}

// messageSize finds by a dry run how many bytes the CMS message will have.
func (j *job) messageSize(ctx context.Context) (int, error) {
	p, err := j.signer.Prepare(make([]byte, j.signer.Hash().Size()))
	if err != nil {
		return 0, wrap(BadConfig, err, "")
	}
	var tokens []int
	if j.s.Level >= LevelT {
		ts, err := sample(ctx, j.s.TSA, j.signer.Hash())
		if err != nil {
			return 0, err
		}
		tokens = append(tokens, len(ts.Token)+tokenSlack)
	}
	n, err := p.MaxSize(tokens...)
	if err != nil {
		return 0, wrap(TooLarge, err, "")
	}
	return n, nil
}

// reserve makes the update with room for a message of n bytes.
func (j *job) reserve(n int) error {
	if n > maxContents {
		return fail(TooLarge, "message of %d bytes, at most %d are made", n, maxContents)
	}
	p, err := j.in.build(j.s, &j.req, j.slot, j.now, n)
	if err != nil {
		return err
	}
	j.pending = p
	return nil
}

// copyBase streams the original to out and hashes it on the way; out may be nil.
func (j *job) copyBase(out io.Writer) error {
	h, err := cloner(j.signer.Hash())
	if err != nil {
		return err
	}
	var w io.Writer = h
	if out != nil {
		w = io.MultiWriter(out, h)
	}
	if err := j.tail.CopyBase(w); err != nil {
		return wrap(WriteFailed, err, "copying the input")
	}
	j.base = h
	return nil
}

func cloner(h crypto.Hash) (hash.Cloner, error) {
	if !h.Available() {
		return nil, fail(BadConfig, "hash %d is not available", int(h))
	}
	c, ok := h.New().(hash.Cloner)
	if !ok {
		return nil, fail(BadConfig, "hash %s cannot be continued from a state", h)
	}
	return c, nil
}

func fork(h hash.Cloner) (hash.Cloner, error) {
	c, err := h.Clone()
	if err != nil {
		return nil, wrap(BadConfig, err, "")
	}
	return c, nil
}

// prepare hashes what the signature covers and makes the message but for the signature value.
func (j *job) prepare() (*cms.Prepared, error) {
	h, err := fork(j.base)
	if err != nil {
		return nil, err
	}
	if err := j.tail.CopyExcept(h, j.contents); err != nil {
		return nil, wrap(BadInput, err, "")
	}
	p, err := j.signer.Prepare(h.Sum(nil))
	if err != nil {
		return nil, wrap(BadConfig, err, "")
	}
	return p, nil
}

// signature has the key sign. What a key behind an interface returns is verified: a device that signs
// with another key, or wrongly, is found now and not by those who rely on the document.
func (s *Signer) signature(ctx context.Context, p *cms.Prepared) ([]byte, error) {
	sig, err := p.SignWith(ctx, s.signerKey())
	if err != nil {
		return nil, wrap(SigningFailed, err, "")
	}
	if s.Remote == nil {
		switch s.Key.(type) {
		case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
			return sig, nil
		}
	}
	if err := p.Check(sig); err != nil {
		return nil, wrap(SigningFailed, err, "the key returned a signature that does not verify")
	}
	return sig, nil
}

// checkKey compares key and certificate before anything is written.
func (s *Signer) checkKey() error {
	key := s.signerKey()
	if key == nil {
		return nil // two phases
	}
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !pub.Equal(publicKey(s.Chain[0])) {
		return fail(BadConfig, "the key is not that of Chain[0]")
	}
	return nil
}

// embed gets the timestamp and makes the finished message.
func (j *job) embed(ctx context.Context, p *cms.Prepared, sig []byte) ([]byte, error) {
	var unsigned []cms.Attribute
	if j.s.Level >= LevelT {
		h := j.signer.Hash()
		d := h.New()
		d.Write(sig)
		ts, err := stamp(ctx, j.s.TSA, h, d.Sum(nil))
		if err != nil {
			return nil, err
		}
		j.stamp = ts
		unsigned = append(unsigned, cms.TimestampAttribute(ts.Token))
	}
	message, err := p.Embed(sig, unsigned...)
	if err != nil {
		return nil, wrap(SigningFailed, err, "")
	}
	return message, nil
}

// complete writes the signature's update and those of the higher levels.
func (j *job) complete(ctx context.Context, out io.Writer, message []byte) (Result, error) {
	if err := j.fill(message); err != nil {
		return Result{}, err
	}
	j.result = Result{Field: j.slot.name, Level: j.s.Level, Time: j.now, Size: j.tail.Size(), ByteRange: j.byteRange,
		Reserved: j.reserved, Used: len(message)}
	if j.stamp != nil {
		j.result.Timestamp = j.stamp.Time
	}
	if err := write(out, j.tail.Bytes); err != nil {
		return Result{}, err
	}
	if j.s.Level >= LevelLT {
		if err := j.extend(ctx, out, message); err != nil {
			return Result{}, err
		}
	}
	return j.result, nil
}

func write(w io.Writer, b []byte) error {
	if n, err := w.Write(b); err != nil || n < len(b) {
		if err == nil {
			err = io.ErrShortWrite
		}
		return wrap(WriteFailed, err, "")
	}
	return nil
}
