package pdf

import (
	"errors"
	"io"
)

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
