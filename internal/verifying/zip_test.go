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
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// entry is a file of a ZIP that is made byte by byte.
type entry struct {
	name    string
	content []byte
	store   bool
	edit    func(*made)
}

// made is an entry as it is written; what is not set follows from the content.
type made struct {
	packed        []byte
	between       []byte // before the header
	local, listed header
	descriptor    bool
	bare          bool // a descriptor without its mark
	unlisted      bool
	at            *int // place of the header, as listed; nil: where it is
}

type header struct {
	name         string
	flags, how   uint16
	sum          uint32
	packed, size uint32
	mode         fs.FileMode
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, 9)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// archive writes a ZIP.
func archive(tail string, entries ...entry) []byte {
	var out, directory []byte
	u16, u32 := binary.LittleEndian.AppendUint16, binary.LittleEndian.AppendUint32
	listed := 0
	for _, e := range entries {
		h := header{name: e.name, how: zip.Deflate, sum: crc32.ChecksumIEEE(e.content), size: uint32(len(e.content))}
		m := &made{}
		if e.store {
			m.packed, h.how = e.content, zip.Store
		} else {
			m.packed = deflated(e.content)
		}
		h.packed = uint32(len(m.packed))
		m.local, m.listed = h, h
		if e.edit != nil {
			e.edit(m)
		}
		if m.descriptor {
			m.local.flags |= isStreamed
			m.listed.flags |= isStreamed
			m.local.sum, m.local.packed, m.local.size = 0, 0, 0
		}
		out = append(out, m.between...)
		at := len(out)
		if m.at != nil {
			at = *m.at
		}
		l := m.local
		out = append(out, "PK\x03\x04\x14\x00"...)
		out = u32(u16(u16(out, l.flags), l.how), 0)
		out = u16(u16(u32(u32(u32(out, l.sum), l.packed), l.size), uint16(len(l.name))), 0)
		out = append(append(out, l.name...), m.packed...)
		if m.descriptor {
			if !m.bare {
				out = append(out, "PK\x07\x08"...)
			}
			out = u32(u32(u32(out, m.listed.sum), m.listed.packed), m.listed.size)
		}
		if m.unlisted {
			continue
		}
		listed++
		d := m.listed
		mode := uint32(0o100644)
		if d.mode&fs.ModeSymlink != 0 {
			mode = 0o120777
		}
		directory = append(directory, "PK\x01\x02\x14\x03\x14\x00"...)
		directory = u32(u16(u16(directory, d.flags), d.how), 0)
		directory = u16(u32(u32(u32(directory, d.sum), d.packed), d.size), uint16(len(d.name)))
		directory = append(directory, make([]byte, 8)...)
		directory = u32(u32(directory, mode<<16), uint32(at))
		directory = append(directory, d.name...)
	}
	at := len(out)
	out = append(append(out, directory...), "PK\x05\x06\x00\x00\x00\x00"...)
	out = u16(u16(out, uint16(listed)), uint16(listed))
	out = u16(u32(u32(out, uint32(len(directory))), uint32(at)), uint16(len(tail)))
	return append(out, tail...)
}

func file(name, content string) entry { return entry{name: name, content: []byte(content)} }

func edited(e entry, f func(*made)) entry { e.edit = f; return e }

// TestOpenZIP: what is in a ZIP, what of it cannot be had, and whether every program finds
// the same in it.
func TestOpenZIP(t *testing.T) {
	one, two := file("a.json", "the first file, the first file"), file("b/c.pdf", "the second")
	stored := entry{name: "s", content: []byte("as it is"), store: true}
	zero := 0
	inside := archive("", file("forged.pdf", "a forgery"))
	const odd = "?"
	for name, c := range map[string]struct {
		zip  []byte
		want []string // content, or ! and why it cannot be had
		odd  string   // "": none; odd: any
	}{
		"two files":            {archive("", one, two), []string{string(one.content), "the second"}, ""},
		"stored":               {archive("", stored, one), []string{"as it is", string(one.content)}, ""},
		"an empty file":        {archive("", file("e", "")), []string{""}, ""},
		"a comment":            {archive("made by hand", one), []string{string(one.content)}, ""},
		"names that lead out":  {archive("", file("../../etc/passwd", "x"), file("/abs", "y"), file(`C:\w`, "z")), []string{"x", "y", "z"}, ""},
		"one name twice":       {archive("", one, file("a.json", "another")), []string{string(one.content), "another"}, ""},
		"streamed":             {archive("", edited(one, func(m *made) { m.descriptor = true }), two), []string{string(one.content), "the second"}, ""},
		"streamed, at the end": {archive("", two, edited(one, func(m *made) { m.descriptor = true })), []string{"the second", string(one.content)}, ""},
		"stored, streamed":     {archive("", edited(stored, func(m *made) { m.descriptor = true }), one), []string{"as it is", string(one.content)}, ""},
		"a ZIP inside":         {archive("", entry{name: "x.zip", content: inside}), []string{string(inside)}, ""},
		"a ZIP inside, stored": {archive("", entry{name: "x.zip", content: inside, store: true}), []string{string(inside)}, ""},

		"encrypted":         {archive("", one, edited(two, func(m *made) { m.local.flags, m.listed.flags = 1, 1 })), []string{string(one.content), "!encrypted"}, ""},
		"a link":            {archive("", one, edited(file("l", "../../etc/passwd"), func(m *made) { m.listed.mode = fs.ModeSymlink })), []string{string(one.content), "!no regular file"}, ""},
		"another packing":   {archive("", one, edited(two, func(m *made) { m.local.how, m.listed.how = 12, 12 })), []string{string(one.content), "!packed in a way that is not read here"}, ""},
		"wrong checksum":    {archive("", one, edited(two, func(m *made) { m.listed.sum++ })), []string{string(one.content), "!damaged"}, odd},
		"shorter than said": {archive("", one, edited(two, func(m *made) { m.listed.size++ })), []string{string(one.content), "!damaged"}, odd},
		"longer than said":  {archive("", one, edited(two, func(m *made) { m.listed.size-- })), []string{string(one.content), "!damaged"}, odd},
		"bytes after the packed ones": {archive("", edited(one, func(m *made) {
			m.packed = append(m.packed, "PK\x03\x04 hidden"...)
			m.local.packed, m.listed.packed = uint32(len(m.packed)), uint32(len(m.packed))
		})), []string{"!damaged"}, odd},

		"a file that is not listed":        {archive("", one, edited(file("forged", "x"), func(m *made) { m.unlisted = true }), two), []string{string(one.content), "the second"}, odd},
		"the first is not listed":          {archive("", edited(file("forged", "x"), func(m *made) { m.unlisted = true }), one), []string{string(one.content)}, odd},
		"the last is not listed":           {archive("", one, edited(file("forged", "x"), func(m *made) { m.unlisted = true })), []string{string(one.content)}, odd},
		"bytes between files":              {archive("", one, edited(two, func(m *made) { m.between = []byte("x") })), []string{string(one.content), "the second"}, odd},
		"two of one place":                 {archive("", one, edited(file("a.json", string(one.content)), func(m *made) { m.at = &zero })), []string{string(one.content), string(one.content)}, odd},
		"another name in the header":       {archive("", one, edited(two, func(m *made) { m.local.name = "b/d.pdf" })), []string{string(one.content), "the second"}, odd},
		"another size in the header":       {archive("", edited(stored, func(m *made) { m.local.packed = 2 })), []string{"as it is"}, odd},
		"another packing in the header":    {archive("", edited(one, func(m *made) { m.local.how = zip.Store })), []string{string(one.content)}, odd},
		"streamed, by the header alone":    {archive("", edited(one, func(m *made) { m.local.flags = isStreamed })), []string{string(one.content)}, odd},
		"a stored ZIP that is streamed":    {archive("", edited(entry{name: "x", content: inside, store: true}, func(m *made) { m.descriptor = true })), []string{string(inside)}, odd},
		"stored, streamed, without a mark": {archive("", edited(stored, func(m *made) { m.descriptor, m.bare = true, true }), one), []string{"as it is", string(one.content)}, odd},
		"streamed, without a mark":         {archive("", edited(one, func(m *made) { m.descriptor, m.bare = true, true }), two), []string{string(one.content), "the second"}, ""},
		"another directory behind":         {archive(string(inside), one), []string{"a forgery"}, odd},
	} {
		a, err := OpenZIP(Bytes("x.zip", c.zip), Bounds{})
		if err != nil || a == nil {
			t.Errorf("%s: %v, %v", name, a, err)
			continue
		}
		if got := a.Odd != ""; got != (c.odd != "") {
			t.Errorf("%s: odd: %q", name, a.Odd)
		}
		var got []string
		for i := range a.Files {
			b, err := a.Files[i].Content()
			if err != nil {
				b = []byte("!" + a.Files[i].Unread)
			}
			got = append(got, string(b))
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: expected %q, found %q", name, c.want, got)
		}
	}
	for name, b := range map[string][]byte{"empty": archive(""), "cut": archive("", one)[:60], "only folders": archive("", entry{name: "a/", store: true}), "an end in the comment": archive("PK\x05\x06"+strings.Repeat("\x00", 30), one), "no ZIP": []byte("PK\x03\x04 and no more")} {
		if a, err := OpenZIP(Bytes("", b), Bounds{}); a != nil || err != nil {
			t.Errorf("%s: %v, %v", name, a, err)
		}
	}
}

// TestWriters: ZIPs as others write them are not odd.
func TestWriters(t *testing.T) {
	for name, how := range map[string]uint16{"deflated": zip.Deflate, "stored": zip.Store} {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		for i := range 3 {
			f, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("d/%d", i), Method: how})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(f, "file %d", i)
		}
		if _, err := w.Create("folder/"); err != nil {
			t.Fatal(err)
		}
		w.SetComment("by package zip")
		w.Close()
		a, err := OpenZIP(Bytes("", out.Bytes()), Bounds{})
		if err != nil || len(a.Files) != 3 || a.Odd != "" {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

// TestBounds: a ZIP that unpacks to more than is read is refused before it is unpacked.
func TestBounds(t *testing.T) {
	many := func(n int) (out []entry) {
		for i := range n {
			out = append(out, entry{name: fmt.Sprint(i), content: []byte("x"), store: true})
		}
		return out
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), 10<<20/16)
	mixed := make([]byte, 1<<20)
	for i := range mixed {
		mixed[i] = byte(i * i >> 7)
	}
	var folders []entry
	for i := range 20_000 {
		folders = append(folders, entry{name: fmt.Sprintf("%d/", i), store: true})
	}
	lying := edited(entry{name: "x", content: mixed}, func(m *made) { m.listed.size, m.local.size = 10, 10 })
	for name, c := range map[string]struct {
		zip    []byte
		bounds Bounds
		want   string // "": opened
	}{
		"100 files":       {archive("", many(100)...), Bounds{}, ""},
		"101 files":       {archive("", many(101)...), Bounds{}, "more than 100 files"},
		"thousands":       {archive("", many(60_000)...), Bounds{}, "more than 100 files"},
		"folders":         {archive("", folders...), Bounds{}, "more than 100 files"},
		"more by choice":  {archive("", many(101)...), Bounds{Files: 200}, ""},
		"a large file":    {archive("", entry{name: "x", content: append(large, 'x'), store: true}), Bounds{}, "a file that is too large"},
		"a bomb":          {archive("", entry{name: "x", content: make([]byte, 9<<20)}), Bounds{}, "a file that is packed too well"},
		"too much":        {archive("", entry{name: "x", content: mixed, store: true}, entry{name: "y", content: mixed, store: true}), Bounds{Total: 2<<20 - 1}, "too much"},
		"just enough":     {archive("", entry{name: "x", content: mixed, store: true}, entry{name: "y", content: mixed, store: true}), Bounds{Total: 2 << 20}, ""},
		"size is a lie":   {archive("", lying), Bounds{}, ""},
		"size of one lie": {archive("", edited(file("x", "y"), func(m *made) { m.listed.size = 1 << 31 })), Bounds{}, "a file that is too large"},
	} {
		a, err := OpenZIP(Bytes("", c.zip), c.bounds)
		var beyond *BoundsError
		switch {
		case c.want == "" && (err != nil || a == nil):
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.As(err, &beyond) || beyond.What != c.want || a != nil):
			t.Errorf("%s: expected %q, found %v", name, c.want, err)
		}
		if name == "size is a lie" && a.Files[0].Unread != "damaged" {
			t.Errorf("%s: %+v", name, a.Files[0])
		}
	}
	if _, err := OpenZIP(File{At: strings.NewReader("PK"), Size: 100}, Bounds{}); err == nil || errors.As(err, new(*BoundsError)) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

// streamed reads a ZIP from its beginning, header by header, as programs do that cannot go
// back: what is packed ends where it says so itself, and what is not, at a descriptor. It
// stops at what is no header.
func streamed(b []byte) (out [][]byte, encrypted bool) {
	for len(b) >= 30 && bytes.HasPrefix(b, []byte(localHead)) {
		flags, how := binary.LittleEndian.Uint16(b[6:]), binary.LittleEndian.Uint16(b[8:])
		size := int(binary.LittleEndian.Uint32(b[18:]))
		name := b[30:][:binary.LittleEndian.Uint16(b[26:])]
		b = b[30+len(name)+int(binary.LittleEndian.Uint16(b[28:])):]
		if flags&1 != 0 || how != zip.Store && how != zip.Deflate {
			return out, true
		}
		var content []byte
		switch {
		case how == zip.Deflate:
			rest := bytes.NewReader(b)
			content, _ = io.ReadAll(flate.NewReader(rest))
			b = b[len(b)-rest.Len():]
		case flags&isStreamed != 0:
			n := bytes.Index(b, []byte("PK"))
			if n < 0 {
				return out, false
			}
			content, b = b[:n], b[n:]
		default:
			content, b = b[:size], b[size:]
		}
		if flags&isStreamed != 0 {
			if bytes.HasPrefix(b, []byte("PK\x07\x08")) {
				b = b[4:]
			}
			if b = b[12:]; len(b) >= 8 && !bytes.HasPrefix(b, []byte("PK")) {
				b = b[8:] // 64 bits
			}
		}
		if !bytes.HasSuffix(name, []byte("/")) {
			out = append(out, content)
		}
	}
	return out, false
}

// FuzzOpenZIP: no archive makes more of itself than the bounds allow, and one that is not odd
// has the same files for a program that reads it in another way.
func FuzzOpenZIP(f *testing.F) {
	stored := entry{name: "b", content: []byte("stored"), store: true}
	f.Add(archive("", file("a", "content"), stored))
	f.Add(archive("c", edited(file("a", "content"), func(m *made) { m.descriptor = true }), file("b", "other")))
	f.Add(archive("", edited(stored, func(m *made) { m.descriptor = true }), entry{name: "d/", store: true}))
	f.Add(archive("", entry{name: "x", content: archive("", file("forged.pdf", "a forgery")), store: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := OpenZIP(Bytes("", b), Bounds{Files: 5, Total: 1 << 20})
		if err != nil || a == nil {
			return
		}
		total := int64(0)
		for _, f := range a.Files {
			total += f.Size
		}
		if len(a.Files) > 5 || total > 1<<20 {
			t.Fatalf("%d files of %d bytes", len(a.Files), total)
		}
		if a.Odd != "" {
			return
		}
		other, encrypted := streamed(b)
		if encrypted {
			return
		}
		var want []string
		for i := range a.Files {
			content, err := a.Files[i].Content()
			if err != nil {
				return
			}
			want = append(want, string(content))
		}
		var got []string
		for _, content := range other {
			got = append(got, string(content))
		}
		slices.Sort(want) // the directory may have another order
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Fatalf("expected %q, found %q by headers", want, got)
		}
	})
}
