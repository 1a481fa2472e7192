package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// A Go program carries, for each function, its name and the line of each instruction.
// They serve stack traces only, and make a twentieth of the compressed verifier. thin
// writes zeros over them in the compiled program: its size stays, but zeros cost nothing
// once it is compressed. Names of the runtime's own functions stay, since it asks for
// them; what it needs to find stack frames and pointers is not touched. A function whose
// tables are gone reads as "?", which the runtime provides for (funcline1, funcName in
// runtime/symtab.go).

// pclnMagic begins the table, with a quantum of 1 and pointers of 8 bytes.
var pclnMagic = []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}

var errLayout = errors.New("thin: the program is not laid out as Go 1.26 does: look at thin.go")

// image is the program's memory as its data segments fill it, and where in the file each
// byte stands.
type image struct {
	file   []byte
	memory []byte
	at     []int32 // place in file, 0 for bytes that no segment fills
}

// thin changes wasm in place.
func thin(wasm []byte) error {
	m, err := newImage(wasm)
	if err != nil {
		return err
	}
	table := bytes.Index(m.memory, pclnMagic)
	if table < 0 || bytes.Contains(m.memory[table+1:], pclnMagic) {
		return fmt.Errorf("%w: expected one table of functions", errLayout)
	}
	var head [8]int
	for i := range head {
		head[i] = int(binary.LittleEndian.Uint64(m.memory[table+8+8*i:]))
	}
	count, names, units, files, tables, functions := head[0], head[3], head[4], head[5], head[6], head[7]
	if names != 72 || !(names < units && units <= files && files < tables && tables < functions) || table+functions+8*count > len(m.memory) {
		return fmt.Errorf("%w: header %v", errLayout, head)
	}
	needed, spare := map[int]bool{}, map[int]bool{}
	for i := range count {
		f := table + functions + m.u32(table+functions+8*i+4)
		if f+44 > len(m.memory) {
			return fmt.Errorf("%w: function %d", errLayout, i)
		}
		needed[m.u32(f+16)] = true // pcsp
		for k := range m.u32(f + 28) {
			needed[m.u32(f+44+4*k)] = true // pcdata
		}
		spare[m.u32(f+20)], spare[m.u32(f+24)] = true, true // pcfile, pcln
		m.zero(f+20, f+28)
		m.zero(f+32, f+40) // cuOffset, startLine
		name := table + names + m.u32(f+4)
		end := name + bytes.IndexByte(m.memory[name:], 0)
		if bytes.HasPrefix(m.memory[name:end], []byte("runtime.")) {
			continue
		}
		m.zero(f+4, f+8)
	}
	for i := names; i < units; { // names that nothing points at
		end := i + bytes.IndexByte(m.memory[table+i:], 0)
		if !bytes.HasPrefix(m.memory[table+i:], []byte("runtime.")) {
			m.zero(table+i, table+end)
		}
		i = end + 1
	}
	m.zero(table+units, table+tables)
	for off := range spare {
		if off == 0 || needed[off] {
			continue
		}
		end, err := m.tableEnd(table+tables+off, table+functions)
		if err != nil {
			return err
		}
		m.zero(table+tables+off, end)
	}
	return nil
}

func (m *image) u32(at int) int { return int(binary.LittleEndian.Uint32(m.memory[at:])) }

// zero clears bytes in the file; the image keeps them, since tables are shared.
func (m *image) zero(from, to int) {
	for i := from; i < to; i++ {
		if p := m.at[i]; p != 0 {
			m.file[p] = 0
		}
	}
}

// tableEnd finds where a table of pairs (value, instructions) ends: at a value of 0 that
// is not the first.
func (m *image) tableEnd(at, limit int) (int, error) {
	for first := true; ; first = false {
		if at >= limit {
			return 0, fmt.Errorf("%w: a table without end", errLayout)
		}
		if m.memory[at] == 0 && !first {
			return at + 1, nil
		}
		for range 2 {
			for at < limit && m.memory[at]&0x80 != 0 {
				at++
			}
			at++
		}
	}
}

// newImage reads the data section of a WebAssembly program (WebAssembly Core 2.0, 5.5.14).
func newImage(wasm []byte) (*image, error) {
	m := &image{file: wasm}
	for at := 8; at < len(wasm); {
		id := wasm[at]
		size, next := leb(wasm, at+1)
		if id != 11 {
			at = next + size
			continue
		}
		count, p := leb(wasm, next)
		for range count {
			if wasm[p] != 0 || wasm[p+1] != 0x41 { // active, i32.const
				return nil, fmt.Errorf("%w: a data segment", errLayout)
			}
			offset, q := leb(wasm, p+2)
			length, data := leb(wasm, q+1)
			if wasm[q] != 0x0b || offset < 0 || offset+length > 1<<28 || data+length > len(wasm) {
				return nil, fmt.Errorf("%w: a data segment", errLayout)
			}
			if need := offset + length; need > len(m.memory) {
				m.memory = append(m.memory, make([]byte, need-len(m.memory))...)
				m.at = append(m.at, make([]int32, need-len(m.at))...)
			}
			copy(m.memory[offset:], wasm[data:data+length])
			for i := range length {
				m.at[offset+i] = int32(data + i)
			}
			p = data + length
		}
		return m, nil
	}
	return nil, fmt.Errorf("%w: no data", errLayout)
}

// leb reads a number in LEB128, taken as one without a sign: places are below 2^31.
func leb(b []byte, at int) (value, next int) {
	for shift := 0; ; shift += 7 {
		c := b[at]
		at++
		value |= int(c&0x7f) << shift
		if c&0x80 == 0 {
			return value, at
		}
	}
}
