// Package archive writes ZIPs of any number of files in memory that does not grow with them.
//
//	z := archive.New(w, dir)
//	defer z.Discard()
//	f, err := z.Create("vc/1.json") // to be written before the next Create
//	err = z.Close()
//
// A ZIP ends with its directory. What archive/zip keeps for it is several hundred bytes a
// file, which for a million credentials is more than the service has; here it lies in a
// Spool.
//
// Caveats. Names are written as they are: the caller sees to it that they lead nowhere. All
// files are packed, with no time and no permissions. Whoever reads has to know ZIP64 where
// there are 65,535 files or 4 GiB, as every program of the last twenty years does.
package archive

import (
	"bufio"
	"compress/flate"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
)

// Parts of a ZIP (APPNOTE 6.3.10, 4.3).
const (
	localHead     = 0x04034b50
	descriptor    = 0x08074b50
	directoryHead = 0x02014b50
	directoryEnd  = 0x06054b50
	directory64   = 0x06064b50
	locator64     = 0x07064b50

	version20 = 20 // needed to unpack
	version45 = 45 // the same, of ZIP64
	fromUnix  = 3 << 8
	flags     = 1<<3 | 1<<11 // sizes follow the data; names are UTF-8
	deflated  = 8
	most32    = math.MaxUint32
	most16    = math.MaxUint16
)

var (
	errName   = errors.New("archive: expected a name of 1 to 65535 bytes")
	errClosed = errors.New("archive: expected an archive that is still written")
)

// Writer writes a ZIP. It is not for concurrent use.
type Writer struct {
	w         *bufio.Writer
	at        uint64 // bytes written
	directory *Spool
	files     uint64
	now       *file // nil: none is open
	packer    *flate.Writer
	closed    bool
}

// New returns a Writer to w. What is kept of the files is in a temporary file in dir where it
// is much. "": the system's directory for them.
func New(w io.Writer, dir string) *Writer {
	return &Writer{w: bufio.NewWriter(w), directory: NewSpool(dir)}
}

// file is the one that is being written.
type file struct {
	z            *Writer
	name         string
	at           uint64 // of its header
	crc          uint32
	size, packed uint64
	ended        bool
}

// Create begins a file and ends the one before. The Writer that it returns may be used until
// then.
func (z *Writer) Create(name string) (io.Writer, error) {
	if z.closed {
		return nil, errClosed
	}
	if len(name) == 0 || len(name) > most16 {
		return nil, errName
	}
	if err := z.end(); err != nil {
		return nil, err
	}
	f := &file{z: z, name: name, at: z.at}
	b := make([]byte, 0, 30+len(name))
	b = binary.LittleEndian.AppendUint32(b, localHead)
	b = append16(b, version20, flags, deflated, 0, 0)
	b = append(b, make([]byte, 12)...) // checksum and sizes follow the data
	b = append16(b, uint16(len(name)), 0)
	if err := z.put(append(b, name...)); err != nil {
		return nil, err
	}
	if z.packer == nil {
		var err error
		if z.packer, err = flate.NewWriter((*packed)(f), flate.DefaultCompression); err != nil {
			return nil, err
		}
	} else {
		z.packer.Reset((*packed)(f))
	}
	z.now = f
	return f, nil
}

func append16(b []byte, values ...uint16) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return b
}

func append64(b []byte, values ...uint64) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func (z *Writer) put(b []byte) error {
	n, err := z.w.Write(b)
	z.at += uint64(n)
	return err
}

// Write implements io.Writer.
func (f *file) Write(b []byte) (int, error) {
	if f.ended {
		return 0, errClosed
	}
	f.crc = crc32.Update(f.crc, crc32.IEEETable, b)
	f.size += uint64(len(b))
	return f.z.packer.Write(b)
}

// packed is a file where what is packed goes.
type packed file

func (p *packed) Write(b []byte) (int, error) {
	p.packed += uint64(len(b))
	return len(b), p.z.put(b)
}

// end ends the file that is open: its sizes follow, and its line in the directory is kept.
func (z *Writer) end() error {
	f := z.now
	if f == nil {
		return nil
	}
	z.now, f.ended = nil, true
	if err := z.packer.Close(); err != nil {
		return err
	}
	large := f.size >= most32 || f.packed >= most32
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, 128), descriptor)
	b = binary.LittleEndian.AppendUint32(b, f.crc)
	if large {
		b = append64(b, f.packed, f.size)
	} else {
		b = append32(b, f.packed, f.size)
	}
	if err := z.put(b); err != nil {
		return err
	}
	var extra []byte
	version, size, pack, at := uint16(version20), f.size, f.packed, f.at
	if large || at >= most32 {
		version = version45
		extra = append64(append16(extra, 1, 24), size, pack, at)
		size, pack, at = most32, most32, most32
	}
	b = binary.LittleEndian.AppendUint32(b[:0], directoryHead)
	b = append16(b, fromUnix|version, version, flags, deflated, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, f.crc)
	b = append32(b, pack, size)
	b = append16(b, uint16(len(f.name)), uint16(len(extra)), 0, 0, 0)
	b = append32(b, 0o100644<<16, at)
	b = append(append(b, f.name...), extra...)
	z.files++
	_, err := z.directory.Write(b)
	return err
}

func append32(b []byte, values ...uint64) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}

// Close ends the last file and writes the directory. It does not close what is written to.
func (z *Writer) Close() error {
	if z.closed {
		return errClosed
	}
	z.closed = true
	if err := z.end(); err != nil {
		return err
	}
	at, size, files := z.at, uint64(z.directory.Size()), z.files
	if _, err := z.directory.WriteTo(z.w); err != nil {
		return err
	}
	var b []byte
	if files >= most16 || size >= most32 || at >= most32 {
		end := at + size
		b = binary.LittleEndian.AppendUint32(b, directory64)
		b = append64(b, 44) // what is left of this record
		b = append16(b, fromUnix|version45, version45)
		b = append32(b, 0, 0) // of one disk
		b = append64(b, files, files, size, at)
		b = append32(b, locator64, 0)
		b = append64(b, end)
		b = append32(b, 1)
		files, size, at = most16, most32, most32
	}
	b = append32(b, directoryEnd)
	b = append16(b, 0, 0, uint16(files), uint16(files))
	b = append32(b, size, at)
	b = append16(b, 0)
	if _, err := z.w.Write(b); err != nil {
		return err
	}
	return z.w.Flush()
}

// Discard gives up what the Writer holds, also after Close.
func (z *Writer) Discard() {
	z.closed = true
	z.directory.Discard()
}
