package pdf

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/zlib"
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
		b := [4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
		out = append(out, b[:n-1]...)
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

// lzwReader decodes LZWDecode (ISO 32000-2, 7.4.4).
type lzwReader struct {
	r      io.ByteReader
	bits   uint32
	nbits  uint
	early  int
	width  uint
	next   int // next code to be defined
	prev   int // -1 after a clear code
	prefix [4096]uint16
	suffix [4096]byte
	length [4096]uint16
	out    []byte
	buf    [4097]byte
	done   bool
}

func newLZW(r io.ByteReader, early bool) *lzwReader {
	l := &lzwReader{r: r, width: 9, next: 258, prev: -1}
	if early {
		l.early = 1
	}
	for i := range 256 {
		l.suffix[i], l.length[i] = byte(i), 1
	}
	return l
}

func (l *lzwReader) Read(p []byte) (int, error) {
	for len(l.out) == 0 {
		if l.done {
			return 0, io.EOF
		}
		if err := l.step(); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.out)
	l.out = l.out[n:]
	return n, nil
}

func (l *lzwReader) code() (int, error) {
	for l.nbits < l.width {
		c, err := l.r.ReadByte()
		if err != nil {
			return 0, noEOF(err)
		}
		l.bits = l.bits<<8 | uint32(c)
		l.nbits += 8
	}
	l.nbits -= l.width
	return int(l.bits >> l.nbits & (1<<l.width - 1)), nil
}

func (l *lzwReader) step() error {
	code, err := l.code()
	if err != nil {
		return err
	}
	switch {
	case code == 256:
		l.width, l.next, l.prev = 9, 258, -1
		return nil
	case code == 257:
		l.done = true
		return nil
	case l.prev < 0:
		if code > 255 {
			return errors.New("LZW code before any literal")
		}
		l.buf[0] = byte(code)
		l.out, l.prev = l.buf[:1], code
		return nil
	case code > l.next:
		return errors.New("LZW code not yet defined")
	}
	l.emit(code)
	if l.next < 4096 {
		l.prefix[l.next], l.suffix[l.next] = uint16(l.prev), l.out[0]
		l.length[l.next] = l.length[l.prev] + 1
		l.next++
		if l.next+l.early >= 1<<l.width && l.width < 12 {
			l.width++
		}
	}
	l.prev = code
	return nil
}

// emit writes the string of a code; the code about to be defined is the previous
// string and its own first byte.
func (l *lzwReader) emit(code int) {
	n := 0
	if code == l.next {
		n = int(l.length[l.prev])
		l.expand(l.prev, n)
		l.buf[n] = l.buf[0]
		n++
	} else {
		n = int(l.length[code])
		l.expand(code, n)
	}
	l.out = l.buf[:n]
}

func (l *lzwReader) expand(code, n int) {
	for i := n - 1; i >= 0; i-- {
		l.buf[i] = l.suffix[code]
		code = int(l.prefix[code])
	}
}

// predictor undoes /Predictor (ISO 32000-2, 7.4.4.4).
func (s *Stream) predictor(r io.Reader, parms *Dict) (io.Reader, error) {
	var v [4]int64
	for i, p := range []struct {
		key Name
		def int64
	}{{"Predictor", 1}, {"Colors", 1}, {"BitsPerComponent", 8}, {"Columns", 1}} {
		var err error
		if v[i], err = s.parm(parms, p.key, p.def); err != nil {
			return nil, err
		}
	}
	kind, colors, bits, columns := v[0], v[1], v[2], v[3]
	if kind == 1 {
		return r, nil
	}
	if colors < 1 || colors > 64 || columns < 1 || columns > 1<<20 || bits < 1 || bits > 16 || bits&(bits-1) != 0 {
		return nil, errAt(CodeFilter, s.Dict.span.Start, "predictor parameters out of range")
	}
	p := &predictor{r: r, png: kind >= 10, bpp: int(max(1, colors*bits/8)), colors: int(colors), bits: int(bits)}
	row := int((colors*bits*columns + 7) / 8)
	switch {
	case kind >= 10 && kind <= 15:
		p.row, p.prior = make([]byte, row+1), make([]byte, row)
	case kind == 2 && (bits == 8 || bits == 16):
		p.row = make([]byte, row)
	default:
		return nil, errAt(CodeFilterKind, s.Dict.span.Start, "predictor %d with %d bits is not decoded here", kind, bits)
	}
	return p, nil
}

type predictor struct {
	r          io.Reader
	png        bool
	bpp        int
	colors     int
	bits       int
	row, prior []byte
	out        []byte
}

func (p *predictor) Read(b []byte) (int, error) {
	for len(p.out) == 0 {
		n, err := io.ReadFull(p.r, p.row)
		if err == io.ErrUnexpectedEOF && n > 0 {
			return 0, errors.New("last row of a predictor cut short")
		}
		if err != nil {
			return 0, err
		}
		if !p.png {
			p.tiff()
			p.out = p.row
			continue
		}
		if err := pngRow(p.row[0], p.row[1:], p.prior, p.bpp); err != nil {
			return 0, err
		}
		copy(p.prior, p.row[1:])
		p.out = p.prior
	}
	n := copy(b, p.out)
	p.out = p.out[n:]
	return n, nil
}

func (p *predictor) tiff() {
	if p.bits == 8 {
		for i := p.colors; i < len(p.row); i++ {
			p.row[i] += p.row[i-p.colors]
		}
		return
	}
	for i := 2 * p.colors; i+1 < len(p.row); i += 2 {
		j := i - 2*p.colors
		v := uint16(p.row[i])<<8 + uint16(p.row[i+1]) + uint16(p.row[j])<<8 + uint16(p.row[j+1])
		p.row[i], p.row[i+1] = byte(v>>8), byte(v)
	}
}

func pngRow(kind byte, cur, prior []byte, bpp int) error {
	switch kind {
	case 0:
	case 1:
		for i := bpp; i < len(cur); i++ {
			cur[i] += cur[i-bpp]
		}
	case 2:
		for i := range cur {
			cur[i] += prior[i]
		}
	case 3:
		for i := range cur {
			left := 0
			if i >= bpp {
				left = int(cur[i-bpp])
			}
			cur[i] += byte((left + int(prior[i])) / 2)
		}
	case 4:
		for i := range cur {
			var a, c int
			if i >= bpp {
				a, c = int(cur[i-bpp]), int(prior[i-bpp])
			}
			cur[i] += paeth(a, int(prior[i]), c)
		}
	default:
		return errors.New("unknown PNG row filter")
	}
	return nil
}

func paeth(a, b, c int) byte {
	p := a + b - c
	pa, pb, pc := abs(p-a), abs(p-b), abs(p-c)
	switch {
	case pa <= pb && pa <= pc:
		return byte(a)
	case pb <= pc:
		return byte(b)
	}
	return byte(c)
}

func abs(v int) int { return max(v, -v) }

// Deflate returns data compressed for /Filter /FlateDecode (zlib).
func Deflate(data []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write(data) // a bytes.Buffer does not fail
	w.Close()
	return b.Bytes()
}
