package verifying

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/chancery-dev/chancery/internal/limits"
)

// Bounds of what is read of a ZIP. The zero value is what the service takes.
type Bounds struct {
	// Files are how many may be in it, folders aside. 0: 100.
	Files int
	// Total is the size of all of them in bytes, unpacked. 0: 50 MB.
	Total int64
}

const (
	zipRatio = 100 // unpacked to packed, of one file of more than zipSmall bytes
	zipSmall = 64 << 10
)

// BoundsError says that a ZIP goes beyond the bounds, before it was read.
type BoundsError struct {
	What string // that the ZIP holds, such as "more than 100 files"
}

func (e *BoundsError) Error() string { return "verifying: the ZIP holds " + e.What }

// Archive is what a ZIP holds.
type Archive struct {
	// Files are those of its directory, in its order, folders aside: each is in memory, or
	// Unread. What is a ZIP itself is a file like any other.
	Files []File
	// Odd says why a program that reads the ZIP in another way may find other files in it than
	// these. "": none will.
	Odd string
}

// IsZIP tells by the first bytes whether a file is to be opened as a ZIP.
func IsZIP(f File) bool {
	return begins(f, 0, localHead) || begins(f, 0, "PK\x05\x06")
}

// begins tells whether a mark stands at a place.
func begins(f File, at int64, mark string) bool {
	b := make([]byte, len(mark))
	n, _ := f.At.ReadAt(b, at) // an end of the file after the last byte is no fault
	return n == len(b) && string(b) == mark
}

const (
	localHead     = "PK\x03\x04"
	directoryHead = "PK\x01\x02"
)

// OpenZIP reads the files of a ZIP into memory, within bounds: a *BoundsError where it goes
// beyond them. It returns nil for a ZIP that is empty, or that has no directory which can be
// read: that is judged as a file with nothing in it. Names lead nowhere: nothing is written.
func OpenZIP(f File, b Bounds) (*Archive, error) {
	if b.Files == 0 {
		b.Files = 100
	}
	if b.Total == 0 {
		b.Total = 50 << 20
	}
	// Reading the directory takes memory for each entry, whatever the bounds: they are counted
	// first. Each has this mark; a ZIP inside that is not packed has some, too.
	marks, err := count(f, []byte(directoryHead))
	if err != nil {
		return nil, err
	}
	if marks > 4*b.Files+1000 {
		return nil, &BoundsError{fmt.Sprintf("more than %d files", b.Files)}
	}
	r, err := zip.NewReader(f.At, f.Size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, nil
	}
	var out Archive
	total := int64(0)
	for _, z := range r.File {
		if z.FileInfo().IsDir() {
			continue
		}
		switch {
		case len(out.Files) >= b.Files:
			return nil, &BoundsError{fmt.Sprintf("more than %d files", b.Files)}
		case z.UncompressedSize64 > limits.DocumentBytes:
			return nil, &BoundsError{"a file that is too large"}
		case z.UncompressedSize64 > zipSmall && z.UncompressedSize64 > zipRatio*max(z.CompressedSize64, 1):
			return nil, &BoundsError{"a file that is packed too well"}
		}
		if total += int64(z.UncompressedSize64); total > b.Total { // no file unpacks to more than it says
			return nil, &BoundsError{"too much"}
		}
		content, unread := unpack(z)
		switch unread {
		case "":
			out.Files = append(out.Files, Bytes(z.Name, content))
			continue
		case damagedEntry:
			out.Odd = "a file in it is damaged"
		}
		out.Files = append(out.Files, File{Name: z.Name, At: bytes.NewReader(nil), Unread: unread})
	}
	if len(out.Files) == 0 {
		return nil, nil
	}
	if out.Odd == "" {
		out.Odd = odd(f, r.File)
	}
	return &out, nil
}

const damagedEntry = "damaged"

// unpack reads one file, or says why it cannot be had. What the directory says of its size
// and checksum is held against what is found. Package zip would pass over bytes between the
// end of what is packed and the end of its place, where another program finds files.
func unpack(z *zip.File) (content []byte, unread string) {
	switch {
	case z.Flags&(1|1<<6|1<<13) != 0:
		return nil, "encrypted"
	case !z.Mode().IsRegular():
		return nil, "no regular file" // a link: where it leads is the reader's, not the archive's
	case z.Method != zip.Store && z.Method != zip.Deflate:
		return nil, "packed in a way that is not read here"
	case z.CompressedSize64 > limits.DocumentBytes+zipSmall:
		return nil, damagedEntry
	}
	raw, err := z.OpenRaw()
	if err != nil {
		return nil, damagedEntry
	}
	content, err = io.ReadAll(raw)
	if err != nil || uint64(len(content)) != z.CompressedSize64 {
		return nil, damagedEntry
	}
	if z.Method == zip.Deflate {
		packed := bytes.NewReader(content) // read byte by byte, so that what is left of it is known
		content, err = io.ReadAll(io.LimitReader(flate.NewReader(packed), int64(z.UncompressedSize64)+1))
		if err != nil || packed.Len() != 0 {
			return nil, damagedEntry
		}
	}
	if uint64(len(content)) != z.UncompressedSize64 || crc32.ChecksumIEEE(content) != z.CRC32 {
		return nil, damagedEntry
	}
	return content, ""
}

// Parts of a ZIP (APPNOTE 6.3.10, 4.3).
const (
	localSize   = 30 // of a local header, without name and extra field
	isStreamed  = 1 << 3
	flagsOfData = 1 | isStreamed // that tell how data is read
)

// odd says why the files that a ZIP's directory lists may not be all that another program
// finds in it. Some read the directory, others one file after the other from the beginning:
// they find the same where the files stand one behind the other with nothing between, each
// under a header that says what the directory says, and where there is one directory.
func odd(f File, listed []*zip.File) string {
	type placed struct {
		*zip.File
		data int64
	}
	files := make([]placed, 0, len(listed))
	for _, z := range listed {
		at, err := z.DataOffset()
		if err != nil {
			return "a header in it is damaged"
		}
		files = append(files, placed{z, at})
	}
	slices.SortStableFunc(files, func(a, b placed) int { return int(min(max(a.data-b.data, -1), 1)) })
	ends := []int64{0} // where the next thing may begin
	for _, z := range files {
		if !slices.ContainsFunc(ends, func(at int64) bool { return isHeader(f, at, z.File, z.data) }) {
			return "its files do not follow one another as its directory says"
		}
		end := z.data + int64(z.CompressedSize64)
		ends = []int64{end}
		if z.Flags&isStreamed != 0 { // sizes and checksum follow, with or without a mark, of 32 or 64 bits
			ends = []int64{end + 12, end + 16, end + 20, end + 24}
			if z.Method == zip.Store {
				// The end of what is not packed is told by the mark that follows it alone.
				ends = []int64{end + 16, end + 24}
				through := File{At: io.NewSectionReader(f.At, z.data, int64(z.CompressedSize64)+4), Size: int64(z.CompressedSize64) + 4}
				marks, err := count(through, []byte("PK"))
				if err != nil || marks != 1 || !begins(f, end, "PK\x07\x08") {
					return "where a file in it ends cannot be told"
				}
			}
		}
	}
	for _, at := range ends {
		tail := File{At: io.NewSectionReader(f.At, at, f.Size-at), Size: f.Size - at}
		if !begins(tail, 0, directoryHead) {
			continue
		}
		for mark, want := range map[string]int{directoryHead: len(listed), "PK\x05\x06": 1, localHead: 0, "PK\x06\x07": 0} {
			if n, err := count(tail, []byte(mark)); err != nil || n != want {
				return "it may have more than one directory"
			}
		}
		return ""
	}
	return "its directory does not follow its files"
}

// isHeader tells whether the header at a place is that of a file, and says of its data what
// the directory says.
func isHeader(f File, at int64, z *zip.File, data int64) bool {
	if at < 0 || data-at < localSize || data-at > localSize+2*0xffff {
		return false
	}
	h := make([]byte, data-at)
	if n, _ := f.At.ReadAt(h, at); n < len(h) || !bytes.HasPrefix(h, []byte(localHead)) {
		return false
	}
	u16, u32 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	name := int(u16(h[26:]))
	size := u32(h[18:])
	return localSize+name+int(u16(h[28:])) == len(h) && string(h[localSize:localSize+name]) == z.Name &&
		u16(h[6:])&flagsOfData == z.Flags&flagsOfData && u16(h[8:]) == z.Method &&
		(uint64(size) == z.CompressedSize64 || size == 0 && z.Flags&isStreamed != 0)
}

// count counts a short mark in a file of any size.
func count(f File, mark []byte) (n int, err error) {
	buf := make([]byte, min(f.Size, 256<<10))
	for at := int64(0); at+int64(len(mark)) <= f.Size; at += int64(len(buf) - len(mark) + 1) {
		part := buf[:min(int64(len(buf)), f.Size-at)]
		if k, err := f.At.ReadAt(part, at); k < len(part) {
			return 0, fmt.Errorf("verifying: reading a file: %w", err)
		}
		n += bytes.Count(part, mark)
	}
	return n, nil
}
