package badge

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/limits"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// pngKeywords are those of the text chunks that hold badges.
var pngKeywords = map[string]family{
	"openbadgecredential": famOB3,
	"clrcredential":       famCLR,
	"openbadges":          famOB2,
}

func keywordOf(f family) string {
	for k, v := range pngKeywords {
		if v == f {
			return k
		}
	}
	return ""
}

// chunk is one chunk of a PNG: raw spans length, type, data and checksum.
type chunk struct {
	offset int64
	typ    string
	data   []byte
	raw    []byte
}

// pngChunks takes a PNG apart (PNG, third edition, section 5) and refuses what
// decoders read differently: wrong checksums, chunks out of order, anything after IEND.
func pngChunks(b []byte) ([]chunk, error) {
	if !bytes.HasPrefix(b, []byte(pngSignature)) {
		return nil, ErrNotImage
	}
	var chunks []chunk
	order := pngOrder{}
	for at := len(pngSignature); ; {
		if order.ended {
			if at != len(b) {
				return nil, imageError("png_data_after_end", int64(at), "expected the end of the file after the chunk IEND, found more")
			}
			return chunks, nil
		}
		if len(b)-at < 12 {
			return nil, imageError("png_truncated", int64(at), "expected a chunk, found the end of the file")
		}
		n := binary.BigEndian.Uint32(b[at:])
		if n > uint32(len(b)-at-12) {
			return nil, imageError("png_truncated", int64(at), "expected a chunk as long as it says, found the end of the file")
		}
		end := at + 12 + int(n)
		c := chunk{offset: int64(at), typ: string(b[at+4 : at+8]), data: b[at+8 : end-4], raw: b[at:end]}
		if crc32.ChecksumIEEE(b[at+4:end-4]) != binary.BigEndian.Uint32(b[end-4:]) {
			return nil, imageError("png_bad_checksum", c.offset, "expected the checksum of the chunk to fit its content")
		}
		if err := order.next(c); err != nil {
			return nil, err
		}
		if len(chunks) >= maxChunks {
			return nil, imageError("png_too_many_chunks", c.offset, fmt.Sprintf("expected at most %d chunks", maxChunks))
		}
		chunks = append(chunks, c)
		at = end
	}
}

// pngOrder is the state of reading the chunks in order.
type pngOrder struct{ started, palette, data, dataEnded, ended bool }

func (o *pngOrder) next(c chunk) error {
	for _, x := range []byte(c.typ) {
		if x|0x20 < 'a' || x|0x20 > 'z' {
			return imageError("png_chunk_type", c.offset, "expected four letters as chunk type")
		}
	}
	bad := func(detail string) error { return imageError("png_chunk_order", c.offset, detail) }
	if (c.typ == "IHDR") == o.started {
		return bad("expected the chunk IHDR first, and once")
	}
	if c.typ != "IDAT" && o.data {
		o.dataEnded = true
	}
	switch c.typ {
	case "IHDR":
		o.started = true
		return checkHeader(c)
	case "PLTE":
		if o.palette || o.data {
			return bad("expected the chunk PLTE at most once, before the image data")
		}
		o.palette = true
	case "IDAT":
		if o.dataEnded {
			return bad("expected the image data in consecutive chunks")
		}
		o.data = true
	case "IEND":
		if !o.data || len(c.data) != 0 {
			return bad("expected an empty chunk IEND after the image data")
		}
		o.ended = true
	default:
		if c.typ[0]&0x20 == 0 {
			return imageError("png_unknown_critical", c.offset, "expected no critical chunk that decoders do not know")
		}
	}
	return nil
}

func checkHeader(c chunk) error {
	if len(c.data) != 13 {
		return imageError("png_header", c.offset, fmt.Sprintf("expected 13 bytes in the chunk IHDR, found %d", len(c.data)))
	}
	w, h := binary.BigEndian.Uint32(c.data), binary.BigEndian.Uint32(c.data[4:])
	if w == 0 || h == 0 || w > maxPixelSide || h > maxPixelSide || uint64(w)*uint64(h) > maxPixels {
		return imageError("png_dimensions", c.offset, fmt.Sprintf("expected at most %d pixels and %d a side, found %d by %d", maxPixels, maxPixelSide, w, h))
	}
	return nil
}

// pngBadges finds the badges in the text chunks of a PNG.
func pngBadges(b []byte, fs *findings) ([]place, error) {
	chunks, err := pngChunks(b)
	if err != nil {
		return nil, err
	}
	var found []place
	seen := map[family]bool{}
	for _, c := range chunks {
		fam, keyword := badgeChunk(c)
		if fam == "" {
			continue
		}
		if seen[fam] { // before anything is inflated a second time
			return nil, duplicateBadge(fam, c.offset)
		}
		seen[fam] = true
		if keyword != strings.ToLower(keyword) {
			fs.add(Warning, "png_keyword_case", "", "the keyword of the text chunk is not written in small letters")
		}
		text, err := chunkText(c, fs)
		if err != nil {
			return nil, err
		}
		found = append(found, place{fam, c.typ + " " + strings.ToLower(keyword), text, c.offset})
	}
	return found, nil
}

// badgeChunk tells whether a chunk holds a badge, by its keyword alone.
func badgeChunk(c chunk) (family, string) {
	if c.typ != "iTXt" && c.typ != "tEXt" && c.typ != "zTXt" {
		return "", ""
	}
	keyword, _, ok := bytes.Cut(c.data, []byte{0})
	if !ok || len(keyword) > 79 {
		return "", ""
	}
	return pngKeywords[strings.ToLower(string(keyword))], string(keyword)
}

// chunkText returns the text of a text chunk as UTF-8.
func chunkText(c chunk, fs *findings) ([]byte, error) {
	_, rest, _ := bytes.Cut(c.data, []byte{0})
	bad := imageError("png_text_chunk", c.offset, "expected a well-formed text chunk (PNG, section 11.3.3)")
	compressed := false
	switch c.typ {
	case "iTXt":
		if len(rest) < 2 || rest[0] > 1 || rest[1] != 0 {
			return nil, bad
		}
		compressed = rest[0] == 1
		_, text, ok := bytes.Cut(rest[2:], []byte{0}) // language tag
		if ok {
			_, text, ok = bytes.Cut(text, []byte{0}) // translated keyword
		}
		if !ok {
			return nil, bad
		}
		rest = text
	case "zTXt":
		if len(rest) < 1 || rest[0] != 0 {
			return nil, bad
		}
		compressed, rest = true, rest[1:]
	}
	if compressed {
		fs.add(Warning, "png_compressed", "", "the badge is compressed, which Open Badges forbids")
		var err error
		if rest, err = inflate(rest, c.offset); err != nil {
			return nil, err
		}
	}
	if c.typ != "iTXt" {
		if i := bytes.IndexFunc(rest, func(r rune) bool { return r >= 0x80 }); i >= 0 {
			return nil, imageError("png_latin1", c.offset, "expected a badge in an iTXt chunk, which is UTF-8; a "+c.typ+" chunk is Latin-1, and cannot hold these characters safely")
		}
		fs.add(Note, "png_legacy_chunk", "", "the badge lies in a chunk "+c.typ+", as in Open Badges 1")
	}
	if rest == nil {
		rest = []byte{}
	}
	return rest, nil
}

// inflate undoes zlib compression (RFC 1950) up to the size of a document.
func inflate(b []byte, offset int64) ([]byte, error) {
	bad := imageError("png_inflate", offset, "expected a well-formed zlib stream in the text chunk, and nothing after it")
	in := bytes.NewReader(b)
	z, err := zlib.NewReader(in)
	if err != nil {
		return nil, bad
	}
	out, err := io.ReadAll(io.LimitReader(z, limits.DocumentBytes+1))
	switch {
	case err != nil:
		return nil, bad
	case len(out) > limits.DocumentBytes:
		return nil, imageError("png_inflate_too_large", offset, fmt.Sprintf("expected a badge of at most %d bytes when inflated", limits.DocumentBytes))
	case in.Len() != 0:
		return nil, bad
	}
	return out, nil
}

// bakePNG puts the badge into an iTXt chunk right behind the header: uncompressed,
// with empty language tag and translated keyword.
func bakePNG(b []byte, fam family, s chancery.Secured, opt BakeOptions) ([]byte, error) {
	chunks, err := pngChunks(b)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(b)+len(s.Bytes)+64)
	out = append(out, pngSignature...)
	for i, c := range chunks {
		if held, _ := badgeChunk(c); held != "" {
			if !opt.Overwrite {
				return nil, ErrAlreadyBaked
			}
			continue
		}
		out = append(out, c.raw...)
		if i == 0 {
			out = appendChunk(out, "iTXt", append([]byte(keywordOf(fam)+"\x00\x00\x00\x00\x00"), s.Bytes...))
		}
	}
	if len(out) > maxImageBytes {
		return nil, imageError("image_too_large", 0, fmt.Sprintf("expected image and badge to stay within %d bytes", maxImageBytes))
	}
	return out, nil
}

func appendChunk(out []byte, typ string, data []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	start := len(out)
	out = append(append(out, typ...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[start:]))
}
