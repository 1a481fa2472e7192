package pdf

import (
	"bytes"
	"compress/lzw"
	"encoding/ascii85"
	"encoding/hex"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"
)

func decode(filter Object, parms Object, data []byte) ([]byte, error) {
	d := NewDict(Name("Filter"), filter)
	if parms != nil {
		d.Set("DecodeParms", parms)
	}
	return NewStream(d, data).Decode(1 << 20)
}

// encodeLZW writes PDF's variant bit by bit, codes growing one entry early or not.
func encodeLZW(data []byte, early bool) []byte {
	var out bytes.Buffer
	var bits uint64
	var nbits uint
	width := uint(9)
	put := func(code int) {
		bits = bits<<width | uint64(code)
		nbits += width
		for nbits >= 8 {
			nbits -= 8
			out.WriteByte(byte(bits >> nbits))
		}
	}
	e := 0
	if early {
		e = 1
	}
	put(256)
	table, next := map[string]int{}, 258
	code := func(s string) int {
		if len(s) == 1 {
			return int(s[0])
		}
		return table[s]
	}
	cur := ""
	for _, c := range data {
		s := cur + string([]byte{c})
		if _, ok := table[s]; ok || len(s) == 1 {
			cur = s
			continue
		}
		put(code(cur))
		table[s] = next
		next++
		// The decoder is one entry behind.
		switch next - 1 + e {
		case 512, 1024, 2048:
			width++
		}
		if next == 4094 {
			put(256)
			table, next, width = map[string]int{}, 258, 9
		}
		cur = string([]byte{c})
	}
	if cur != "" {
		put(code(cur))
		if next++; next-1+e == 512 || next-1+e == 1024 || next-1+e == 2048 {
			width++
		}
	}
	put(257)
	if nbits > 0 {
		out.WriteByte(byte(bits << (8 - nbits)))
	}
	return out.Bytes()
}

func TestFiltersRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 0, 3000), rapid.SliceOfN(rapid.SampledFrom([]byte{'a', 'b'}), 0, 9000)).Draw(t, "data")
		var a85 bytes.Buffer
		w := ascii85.NewEncoder(&a85)
		w.Write(data)
		w.Close()
		var run bytes.Buffer
		for i := 0; i < len(data); i += 128 {
			part := data[i:min(i+128, len(data))]
			run.WriteByte(byte(len(part) - 1))
			run.Write(part)
		}
		run.WriteByte(128)
		early0 := NewDict(Name("EarlyChange"), Integer(0))
		for _, c := range []struct {
			name  string
			f, p  Object
			input []byte
		}{
			{"flate", Name("FlateDecode"), nil, Deflate(data)},
			{"hex", Name("ASCIIHexDecode"), nil, append([]byte(hex.EncodeToString(data)), '>')},
			{"85", Name("ASCII85Decode"), nil, append(a85.Bytes(), "~>"...)},
			{"run", Name("RunLengthDecode"), nil, run.Bytes()},
			{"lzw early", Name("LZWDecode"), nil, encodeLZW(data, true)},
			{"lzw late", Name("LZWDecode"), early0, encodeLZW(data, false)},
			{"two", NewArray(Name("ASCIIHexDecode"), Name("LZWDecode")), NewArray(Null{}, early0),
				append([]byte(hex.EncodeToString(encodeLZW(data, false))), '>')},
		} {
			got, err := decode(c.f, c.p, c.input)
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%s: %d bytes of %d, %v", c.name, len(got), len(data), err)
			}
		}
	})
}

// The example of ISO 32000-2, 7.4.4.2.
func TestLZWExample(t *testing.T) {
	got, err := decode(Name("LZWDecode"), nil, []byte{0x80, 0x0B, 0x60, 0x50, 0x22, 0x0C, 0x0C, 0x85, 0x01})
	if want := []byte{45, 45, 45, 45, 45, 65, 45, 45, 45, 66}; err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	// Another implementation's stream, 8-bit literals with codes that grow late.
	var b bytes.Buffer
	w := lzw.NewWriter(&b, lzw.MSB, 8)
	data := bytes.Repeat([]byte("abcabcabcd"), 300)
	w.Write(data)
	w.Close()
	if got, err := decode(Name("LZWDecode"), NewDict(Name("EarlyChange"), Integer(0)), b.Bytes()); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestPredictors(t *testing.T) {
	png := func(columns int) *Dict {
		return NewDict(Name("Predictor"), Integer(15), Name("Columns"), Integer(columns))
	}
	rows := []byte{0, 1, 2, 3, 1, 1, 1, 1, 2, 1, 1, 1, 3, 2, 2, 2, 4, 1, 1, 1}
	want := []byte{1, 2, 3, 1, 2, 3, 2, 3, 4, 3, 5, 6, 4, 6, 7}
	got, err := decode(Name("FlateDecode"), png(3), Deflate(rows))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("PNG rows: %v, %v", got, err)
	}
	tiff := NewDict(Name("Predictor"), Integer(2), Name("Columns"), Integer(3))
	if got, err := decode(Name("FlateDecode"), tiff, Deflate([]byte{1, 1, 1, 5, 1, 1})); err != nil || !bytes.Equal(got, []byte{1, 2, 3, 5, 6, 7}) {
		t.Errorf("TIFF rows: %v, %v", got, err)
	}
	tiff.Set("BitsPerComponent", Integer(16))
	if got, err := decode(Name("FlateDecode"), tiff, Deflate([]byte{0, 255, 0, 1, 1, 0})); err != nil || !bytes.Equal(got, []byte{0, 255, 1, 0, 2, 0}) {
		t.Errorf("TIFF 16-bit rows: %v, %v", got, err)
	}
}

func TestFiltersRefused(t *testing.T) {
	flate := Deflate(bytes.Repeat([]byte("x"), 1000))
	bomb := Deflate(make([]byte, 8<<20))
	many := NewArray()
	for range 20 {
		many.Append(Name("ASCIIHexDecode"))
	}
	p := func(kv ...Object) Object { return NewDict(kv...) }
	tests := []struct {
		name  string
		f, p  Object
		input []byte
		code  Code
	}{
		{"bomb", Name("FlateDecode"), nil, bomb, CodeLimit},
		{"bomb in a bomb", NewArray(Name("FlateDecode"), Name("FlateDecode")), nil, Deflate(bomb), CodeLimit},
		{"flate cut", Name("FlateDecode"), nil, flate[:len(flate)-8], CodeFilter},
		{"flate empty", Name("FlateDecode"), nil, nil, CodeFilter},
		{"flate header", Name("FlateDecode"), nil, []byte("xxxxxx"), CodeFilter},
		{"flate data", Name("FlateDecode"), nil, []byte{0x78, 0x9c, 0xff, 0xff}, CodeFilter},
		{"hex letter", Name("ASCIIHexDecode"), nil, []byte("0g>"), CodeFilter},
		{"hex not closed", Name("ASCIIHexDecode"), nil, []byte("00"), CodeFilter},
		{"85 letter", Name("ASCII85Decode"), nil, []byte("a{~>"), CodeFilter},
		{"85 too large", Name("ASCII85Decode"), nil, []byte("uuuuu~>"), CodeFilter},
		{"85 one letter", Name("ASCII85Decode"), nil, []byte("!~>"), CodeFilter},
		{"85 not closed", Name("ASCII85Decode"), nil, []byte("!!"), CodeFilter},
		{"run not closed", Name("RunLengthDecode"), nil, []byte{5, 1, 2}, CodeFilter},
		{"LZW forward code", Name("LZWDecode"), nil, []byte{0x80, 0x0B, 0xff, 0xff}, CodeFilter},
		{"LZW first code", Name("LZWDecode"), nil, []byte{0x80, 0x7f, 0xff}, CodeFilter},
		{"LZW not closed", Name("LZWDecode"), nil, []byte{0x80}, CodeFilter},
		{"image", Name("DCTDecode"), nil, nil, CodeFilterKind},
		{"unknown", Name("Nonsense"), nil, nil, CodeFilterKind},
		{"filter no name", Integer(1), nil, nil, CodeFilter},
		{"filter array of numbers", NewArray(Integer(1)), nil, nil, CodeFilter},
		{"too many", many, nil, nil, CodeLimit},
		{"parameters no dictionary", Name("FlateDecode"), Integer(1), flate, CodeFilter},
		{"predictor no integer", Name("FlateDecode"), p(Name("Predictor"), Name("x")), flate, CodeFilter},
		{"predictor unknown", Name("FlateDecode"), p(Name("Predictor"), Integer(5)), flate, CodeFilterKind},
		{"columns", Name("FlateDecode"), p(Name("Predictor"), Integer(12), Name("Columns"), Integer(1<<40)), flate, CodeFilter},
		{"columns negative", Name("FlateDecode"), p(Name("Predictor"), Integer(12), Name("Columns"), Integer(-1)), flate, CodeFilter},
		{"bits", Name("FlateDecode"), p(Name("Predictor"), Integer(12), Name("BitsPerComponent"), Integer(7)), flate, CodeFilter},
		{"row cut", Name("FlateDecode"), p(Name("Predictor"), Integer(12), Name("Columns"), Integer(3)), Deflate([]byte{0, 1, 2, 3, 0}), CodeFilter},
		{"row filter", Name("FlateDecode"), p(Name("Predictor"), Integer(12), Name("Columns"), Integer(3)), Deflate([]byte{9, 1, 2, 3}), CodeFilter},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := decode(tt.f, tt.p, tt.input); !errors.Is(err, tt.code) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

func TestStreamExactlyAtLimit(t *testing.T) {
	s := NewStream(NewDict(Name("Filter"), Name("FlateDecode")), Deflate(make([]byte, 1000)))
	if b, err := s.Decode(1000); err != nil || len(b) != 1000 {
		t.Errorf("%d, %v", len(b), err)
	}
	if b, err := s.Decode(999); !errors.Is(err, CodeLimit) {
		t.Errorf("%d, %v", len(b), err)
	}
	r, err := s.Open(10)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r); n != 10 || !errors.Is(err, CodeLimit) {
		t.Errorf("%d, %v", n, err)
	}
}
