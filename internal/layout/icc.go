package layout

import (
	"encoding/binary"
	"math"
	"sync"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// sRGBProfile builds a display profile of sRGB (IEC 61966-2-1) in the form of ICC.1:2001
// (version 2.4): three primaries, adapted to D50, and the tone curve as a table.
func sRGBProfile() []byte {
	be := binary.BigEndian
	s15 := func(v float64) []byte { return be.AppendUint32(nil, uint32(int32(math.Round(v*65536)))) }
	xyz := func(x, y, z float64) []byte {
		out := append([]byte("XYZ \x00\x00\x00\x00"), s15(x)...)
		return append(append(out, s15(y)...), s15(z)...)
	}
	const name = "sRGB IEC61966-2.1"
	desc := append([]byte("desc\x00\x00\x00\x00"), be.AppendUint32(nil, uint32(len(name)+1))...)
	desc = append(append(desc, name...), 0)
	desc = append(desc, make([]byte, 4+4+2+1+67)...) // no Unicode, no ScriptCode
	text := append([]byte("text\x00\x00\x00\x00"), "No copyright, use freely\x00"...)
	const points = 1024
	curve := append([]byte("curv\x00\x00\x00\x00"), be.AppendUint32(nil, points)...)
	for i := range points {
		v := float64(i) / (points - 1)
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		curve = be.AppendUint16(curve, uint16(math.Round(v*65535)))
	}
	tags := []struct {
		names string // four letters each, sharing the data
		data  []byte
	}{
		{"desc", desc},
		{"cprt", text},
		{"wtpt", xyz(0.95045, 1, 1.08905)},
		{"rXYZ", xyz(0.43607, 0.22249, 0.01392)},
		{"gXYZ", xyz(0.38515, 0.71687, 0.09708)},
		{"bXYZ", xyz(0.14307, 0.06061, 0.7141)},
		{"rTRCgTRCbTRC", curve},
	}
	const count = 9
	table := be.AppendUint32(nil, count)
	var body []byte
	for _, t := range tags {
		at := 128 + 4 + 12*count + len(body)
		for n := 0; n < len(t.names); n += 4 {
			table = append(table, t.names[n:n+4]...)
			table = be.AppendUint32(table, uint32(at))
			table = be.AppendUint32(table, uint32(len(t.data)))
		}
		body = append(body, t.data...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	head := make([]byte, 128)
	be.PutUint32(head, uint32(128+len(table)+len(body)))
	be.PutUint32(head[8:], 0x02400000)
	copy(head[12:], "mntrRGB XYZ ")
	for i, v := range []uint16{2026, 1, 1, 0, 0, 0} {
		be.PutUint16(head[24+2*i:], v)
	}
	copy(head[36:], "acsp")
	copy(head[68:], append(append(s15(0.9642), s15(1)...), s15(0.8249)...)) // D50
	return append(append(head, table...), body...)
}

// packedProfile is the profile compressed, the same for all documents.
var packedProfile = sync.OnceValue(func() []byte { return pdf.Deflate(sRGBProfile()) })
