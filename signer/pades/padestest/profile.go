package padestest

import "encoding/binary"

// profile writes a small ICC profile (version 2.1, matrix and tone curves) of the sRGB primaries.
func profile() []byte {
	be := binary.BigEndian
	fixed := func(v float64) uint32 { return uint32(int32(v * 65536)) }
	xyz := func(x, y, z float64) []byte {
		b := append([]byte("XYZ "), 0, 0, 0, 0)
		for _, v := range []float64{x, y, z} {
			b = be.AppendUint32(b, fixed(v))
		}
		return b
	}
	text := append(append([]byte("text"), 0, 0, 0, 0), "none\x00"...)
	desc := append([]byte("desc"), 0, 0, 0, 0, 0, 0, 0, 5)
	desc = append(desc, "sRGB\x00"...)
	desc = append(desc, make([]byte, 8+2+1+67)...)
	curve := append([]byte("curv"), 0, 0, 0, 0, 0, 0, 0, 1, 2, 51) // gamma 2.2
	tags := []struct {
		sig  string
		data []byte
	}{{"desc", desc}, {"cprt", text}, {"wtpt", xyz(0.9642, 1, 0.8249)}, {"rXYZ", xyz(0.4360, 0.2225, 0.0139)}, {"gXYZ", xyz(0.3851, 0.7169, 0.0971)},
		{"bXYZ", xyz(0.1431, 0.0606, 0.7141)}, {"rTRC", curve}, {"gTRC", curve}, {"bTRC", curve}}
	table := be.AppendUint32(nil, uint32(len(tags)))
	offset := 128 + 4 + 12*len(tags)
	var data []byte
	for _, t := range tags {
		table = append(table, t.sig...)
		table = be.AppendUint32(table, uint32(offset+len(data)))
		table = be.AppendUint32(table, uint32(len(t.data)))
		data = append(data, t.data...)
		for len(data)%4 != 0 {
			data = append(data, 0)
		}
	}
	head := make([]byte, 128)
	be.PutUint32(head, uint32(offset+len(data)))
	be.PutUint32(head[8:], 0x02100000)
	copy(head[12:], "mntrRGB XYZ ")
	be.PutUint16(head[24:], 2026)
	be.PutUint16(head[26:], 1)
	be.PutUint16(head[28:], 1)
	copy(head[36:], "acsp")
	for i, v := range []float64{0.9642, 1, 0.8249} {
		be.PutUint32(head[68+4*i:], fixed(v))
	}
	return append(append(head, table...), data...)
}
