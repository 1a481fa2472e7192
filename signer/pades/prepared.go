package pades

import (
	"bytes"
	"context"
	"crypto"
	"io"
	"math/big"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/pdf"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Prepared is a file that lacks only the signature value. ToSign goes to whoever holds the key; Embed
// takes what comes back. Between the two it may be stored: it is a few kilobytes and holds no secret.
type Prepared struct {
	// Password opens an encrypted input again for the levels B-LT and B-LTA. It is not stored.
	Password string

	field    string
	now      time.Time
	level    Level
	base     []byte // digest of the original
	hash     crypto.Hash
	pending  *pending
	prepared *cms.Prepared
}

// Prepare is the first phase of signing where the key is elsewhere: it reads the file, and needs
// no Key. The input must be at hand again, unchanged, for Embed.
func (s *Signer) Prepare(ctx context.Context, in io.ReaderAt, size int64, req Request) (*Prepared, error) {
	j, err := s.begin(ctx, in, size, req)
	if err != nil {
		return nil, err
	}
	if s.Level >= LevelT {
		// There is no second attempt once the digest is out, so more room is left for the token.
		if err := j.reserve(j.reserved + 3*tokenSlack); err != nil {
			return nil, err
		}
	}
	if err := j.copyBase(nil); err != nil {
		return nil, err
	}
	p, err := j.prepare()
	if err != nil {
		return nil, err
	}
	return &Prepared{Password: req.Password, field: j.slot.name, now: j.now, level: s.Level, base: j.base.Sum(nil), hash: j.signer.Hash(),
		pending: j.pending, prepared: p}, nil
}

// ToSign returns the digest to sign, or for Ed25519 the message.
func (p *Prepared) ToSign() []byte { return p.prepared.ToSign() }

// Message returns the bytes ToSign is the digest of: the signed attributes in DER, for keys that hash by themselves.
func (p *Prepared) Message() []byte { return p.prepared.Message() }

// Options returns the options to sign ToSign with; see RemoteKey.
func (p *Prepared) Options() crypto.SignerOpts { return p.prepared.Options() }

// Check verifies a signature value with the key of the certificate the file was prepared for. One of
// ECDSA is in DER, or r and s of fixed size (IEEE P1363), as some services give it.
func (p *Prepared) Check(signature []byte) error {
	_, err := p.value(signature)
	return err
}

// value verifies a signature value and returns it as CMS has it.
func (p *Prepared) value(signature []byte) ([]byte, error) {
	err := p.prepared.Check(signature)
	if err == nil {
		return signature, nil
	}
	if der := fromFixedSize(signature); der != nil && p.prepared.Check(der) == nil {
		return der, nil
	}
	return nil, wrap(BadSignature, err, "")
}

// fromFixedSize turns r and s of P-256, P-384 or P-521 into DER (RFC 3279 2.2.3); nil: it has another
// length.
func fromFixedSize(signature []byte) []byte {
	size := len(signature) / 2
	if len(signature)%2 != 0 || size != 32 && size != 48 && size != 66 {
		return nil
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(signature[:size]))
		b.AddASN1BigInt(new(big.Int).SetBytes(signature[size:]))
	})
	der, err := b.Bytes()
	if err != nil {
		return nil
	}
	return der
}

// SignBatch has a key sign many prepared files, in one call where it is a BatchKey.
func SignBatch(ctx context.Context, key RemoteKey, files []*Prepared) ([][]byte, error) {
	list := make([]*cms.Prepared, len(files))
	for i, f := range files {
		if f == nil {
			return nil, fail(BadConfig, "expected prepared files")
		}
		list[i] = f.prepared
	}
	sigs, err := cms.SignBatch(ctx, key, list)
	if err != nil {
		return nil, wrap(SigningFailed, err, "")
	}
	return sigs, nil
}

// Embed is the second phase: it verifies the signature value, gets timestamp and validation data as
// the level asks, and writes the finished file. Key and Remote are not needed; the other fields of the Signer must be as for
// Prepare. in is the file given to Prepare.
func (s *Signer) Embed(ctx context.Context, in io.ReaderAt, out io.Writer, p *Prepared, signature []byte) (Result, error) {
	if err := s.check(); err != nil {
		return Result{}, err
	}
	if in == nil {
		return Result{}, fail(BadConfig, "no input")
	}
	if p == nil {
		return Result{}, fail(BadConfig, "no prepared file")
	}
	if p.level != s.Level {
		return Result{}, fail(BadConfig, "prepared for level %s, the Signer has %s", p.level, s.Level)
	}
	signature, err := p.value(signature)
	if err != nil {
		return Result{}, err
	}
	signer, err := s.cmsSigner()
	if err != nil {
		return Result{}, err
	}
	if signer.Hash() != p.hash {
		return Result{}, fail(BadConfig, "prepared with another hash than the Signer's")
	}
	// A copy, so that the same Prepared can be embedded again after a failure.
	tail := pdf.ResumeTail(in, p.pending.tail.BaseSize, bytes.Clone(p.pending.tail.Bytes))
	pend := *p.pending
	pend.tail = tail
	j := &job{s: s, req: Request{Password: p.Password}, slot: &slot{name: p.field}, signer: signer, now: p.now, pending: &pend}
	message, err := j.embed(ctx, p.prepared, signature)
	if err != nil {
		return Result{}, err
	}
	if err := j.copyBase(out); err != nil {
		return Result{}, err
	}
	if !bytes.Equal(j.base.Sum(nil), p.base) {
		return Result{}, fail(InputChanged, "the input is not the file the signature was prepared for")
	}
	return j.complete(ctx, out, message)
}

const preparedVersion = 1

// MarshalBinary encodes the state in DER, for storage the caller trusts: who can change it can have
// another document signed.
func (p *Prepared) MarshalBinary() ([]byte, error) {
	msg, err := p.prepared.MarshalBinary()
	if err != nil {
		return nil, wrap(BadState, err, "")
	}
	stamp, err := p.now.MarshalBinary()
	if err != nil {
		return nil, wrap(BadState, err, "")
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, n := range []int64{preparedVersion, int64(p.level), int64(p.hash), p.pending.tail.BaseSize, p.pending.contents.Start, p.pending.contents.End} {
			b.AddASN1Int64(n)
		}
		for _, part := range [][]byte{[]byte(p.field), stamp, p.base, p.pending.tail.Bytes, msg} {
			b.AddASN1OctetString(part)
		}
	})
	out, err := b.Bytes()
	if err != nil {
		return nil, wrap(BadState, err, "")
	}
	return out, nil
}

// UnmarshalPrepared reads what MarshalBinary wrote.
func UnmarshalPrepared(data []byte) (*Prepared, error) {
	bad := fail(BadState, "malformed state of a prepared signature")
	in := cryptobyte.String(data)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() {
		return nil, bad
	}
	var n [6]int64
	for i := range n {
		if !seq.ReadASN1Integer(&n[i]) {
			return nil, bad
		}
	}
	if n[0] != preparedVersion {
		return nil, fail(BadState, "state of version %d, expected %d", n[0], preparedVersion)
	}
	var part [5][]byte
	for i := range part {
		if !seq.ReadASN1Bytes(&part[i], asn1.OCTET_STRING) {
			return nil, bad
		}
	}
	p := &Prepared{level: Level(n[1]), hash: crypto.Hash(n[2]), field: string(part[0]), base: part[2]}
	gap, size := pdf.Span{Start: n[4], End: n[5]}, n[3]+int64(len(part[3]))
	if !seq.Empty() || p.level < LevelB || p.level > LevelLTA || n[2] <= 0 || n[2] > 32 || !p.hash.Available() || len(p.base) != p.hash.Size() ||
		n[3] <= 0 || n[3] > 1<<50 || gap.Start < n[3] || gap.End > size || gap.Len() < 2 || gap.Len()%2 != 0 || gap.Len() > 2*maxContents+2 {
		return nil, bad
	}
	if err := p.now.UnmarshalBinary(part[1]); err != nil {
		return nil, bad
	}
	var err error
	if p.prepared, err = cms.UnmarshalPrepared(part[4]); err != nil {
		return nil, wrap(BadState, err, "")
	}
	tail := pdf.ResumeTail(nil, n[3], part[3])
	if token := part[3][gap.Start-n[3] : gap.End-n[3]]; token[0] != '<' || token[len(token)-1] != '>' {
		return nil, bad
	}
	p.pending = &pending{tail: tail, contents: gap, byteRange: tail.ByteRange(gap), reserved: int(gap.Len()-2) / 2}
	return p, nil
}
