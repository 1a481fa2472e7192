package pdf

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
)

// inflater keeps one deflate decoder for reuse: making one costs 40 KiB.
type inflater struct{ free io.ReadCloser }

// decoder returns the reader of one decoding step.
func (s *Stream) decoder(r io.Reader, f filter) (io.Reader, error) {
	switch f.name {
	case "FlateDecode":
		z, err := newFlate(byteReader(r), s.doc)
		if err != nil {
			return nil, asError(err, s)
		}
		return s.predictor(z, f.parms)
	case "LZWDecode":
		early, err := s.parm(f.parms, "EarlyChange", 1)
		if err != nil {
			return nil, err
		}
		return s.predictor(newLZW(byteReader(r), early != 0), f.parms)
	case "ASCIIHexDecode":
		return byteSource(hexDecoder(byteReader(r))), nil
	case "ASCII85Decode":
		return byteSource(ascii85Decoder(byteReader(r))), nil
	case "RunLengthDecode":
		return byteSource(runLengthDecoder(byteReader(r))), nil
	}
	return nil, errAt(CodeFilterKind, s.Dict.SpanOf("Filter").Start, "filter %q is not decoded here", clip([]byte(f.name)))
}

// parm returns an integer decoding parameter.
func (s *Stream) parm(parms *Dict, key Name, def int64) (int64, error) {
	o := parms.Get(key)
	if ref, ok := o.(Ref); ok && s.rev != nil {
		var err error
		if o, err = s.rev.Resolve(ref); err != nil {
			return 0, err
		}
	}
	switch v := o.(type) {
	case nil, Null:
		return def, nil
	case Integer:
		return int64(v), nil
	}
	return 0, errAt(CodeFilter, s.Dict.span.Start, "/DecodeParms /%s is no integer", key)
}

type readerByte interface {
	io.Reader
	io.ByteReader
}

func byteReader(r io.Reader) readerByte {
	if b, ok := r.(readerByte); ok {
		return b
	}
	return bufio.NewReader(r)
}

// byteSource is a decoder that yields one byte at a time.
type byteSource func() (byte, error)

func (f byteSource) Read(p []byte) (int, error) {
	for i := range p {
		b, err := f()
		if err != nil {
			return i, err
		}
		p[i] = b
	}
	return len(p), nil
}

// flateReader is a zlib stream (RFC 1950) whose checksum is left unread: writers in
// the field cut it off, and it protects nothing here.
type flateReader struct {
	z   io.ReadCloser
	doc *Document
	eof bool
}

func newFlate(r readerByte, doc *Document) (io.Reader, error) {
	cmf, err := r.ReadByte()
	if err != nil {
		return nil, noEOF(err)
	}
	flg, err := r.ReadByte()
	if err != nil {
		return nil, noEOF(err)
	}
	if cmf&15 != 8 || cmf>>4 > 7 || (uint(cmf)<<8|uint(flg))%31 != 0 || flg&32 != 0 {
		return nil, errors.New("zlib header expected")
	}
	f := &flateReader{doc: doc}
	if doc != nil && doc.inflater.free != nil {
		f.z, doc.inflater.free = doc.inflater.free, nil
		if err := f.z.(flate.Resetter).Reset(r, nil); err != nil {
			return nil, err
		}
	} else {
		f.z = flate.NewReader(r)
	}
	return f, nil
}

func (f *flateReader) Read(p []byte) (int, error) {
	if f.eof {
		return 0, io.EOF
	}
	n, err := f.z.Read(p)
	if err == io.EOF {
		f.eof = true
		if f.doc != nil {
			f.doc.inflater.free, f.z = f.z, nil
		}
	}
	return n, err
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func hexDecoder(r io.ByteReader) byteSource {
	done := false
	digit := func() (int, error) {
		for {
			c, err := r.ReadByte()
			switch {
			case err != nil:
				return 0, noEOF(err)
			case c == '>':
				return -1, nil
			case isSpace(int(c)):
				continue
			}
			if h := unhex(int(c)); h >= 0 {
				return h, nil
			}
			return 0, errors.New("character that is no hexadecimal digit")
		}
	}
	return func() (byte, error) {
		if done {
			return 0, io.EOF
		}
		h, err := digit()
		if err != nil {
			return 0, err
		}
		if h < 0 {
			done = true
			return 0, io.EOF
		}
		g, err := digit()
		if g < 0 {
			done, g = true, 0
		}
		return byte(h<<4 | g), err
	}
}

func ascii85Decoder(r io.ByteReader) byteSource {
	var out []byte
	done := false
	group := func() error {
		var v uint64
		n := 0
		for n < 5 {
			c, err := r.ReadByte()
			switch {
			case err != nil:
				return noEOF(err)
			case isSpace(int(c)):
				continue
			case c == 'z' && n == 0:
				out = append(out, 0, 0, 0, 0)
				return nil
			case c == '~':
				if c, err = r.ReadByte(); err != nil || c != '>' {
					return errors.New("~ not followed by >")
				}
				done = true
			case c < '!' || c > 'u':
				return errors.New("character outside base 85")
			default:
				v = v*85 + uint64(c-'!')
				n++
				continue
			}
			break
		}
		if n == 0 {
			return nil
		}
		if n == 1 {
			return errors.New("base 85 group of one character")
		}
		for range 5 - n {
			v = v*85 + 84
		}
		if v > 0xffffffff {
			return errors.New("base 85 group out of range")
		}
		out = append(out, binary.BigEndian.AppendUint32(nil, uint32(v))[:n-1]...)
		return nil
	}
	return func() (byte, error) {
		for len(out) == 0 {
			if done {
				return 0, io.EOF
			}
			if err := group(); err != nil {
				return 0, err
			}
		}
		b := out[0]
		if out = out[1:]; len(out) == 0 {
			out = nil
		}
		return b, nil
	}
}

func runLengthDecoder(r io.ByteReader) byteSource {
	literal, repeat := 0, 0
	var value byte
	return func() (byte, error) {
		for literal == 0 && repeat == 0 {
			n, err := r.ReadByte()
			if err != nil {
				return 0, noEOF(err)
			}
			switch {
			case n == 128:
				return 0, io.EOF
			case n < 128:
				literal = int(n) + 1
			default:
				repeat = 257 - int(n)
				if value, err = r.ReadByte(); err != nil {
					return 0, noEOF(err)
				}
			}
		}
		if repeat > 0 {
			repeat--
			return value, nil
		}
		literal--
		b, err := r.ReadByte()
		return b, noEOF(err)
	}
}

// Deflate returns data compressed for /Filter /FlateDecode (zlib).
func Deflate(data []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write(data) // a bytes.Buffer does not fail
	w.Close()
	return b.Bytes()
}
