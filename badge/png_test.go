package badge

import (
	"bytes"
	"compress/zlib"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/cputime"
)

func testPNG(tb testing.TB) []byte {
	tb.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 9, 7))
	for i := range m.Pix {
		m.Pix[i] = byte(i * 7)
	}
	m.Set(0, 0, color.NRGBA{1, 2, 3, 4})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// withChunk puts a chunk behind the header, or at another offset.
func withChunk(b []byte, at int, typ, data string) []byte {
	out := append([]byte{}, b[:at]...)
	out = appendChunk(out, typ, []byte(data))
	return append(out, b[at:]...)
}

const afterIHDR = 8 + 25

func deflate(s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}

func itxt(keyword, text string) string { return keyword + "\x00\x00\x00\x00\x00" + text }

func TestUnbakePNG(t *testing.T) {
	plain := testPNG(t)
	beforeIEND := len(plain) - 12
	for _, tt := range []struct {
		name     string
		image    []byte
		payload  string
		kind     Kind
		findings string
	}{
		{"JSON", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", ob3JSON)), ob3JSON, OB3Achievement, ""},
		{"JWS", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", jwsOf(ob3JSON))), jwsOf(ob3JSON), OB3Achievement, ""},
		{"JWS with vc claim", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", jwsOf(`{"vc":`+ob3JSON+`}`))), jwsOf(`{"vc":` + ob3JSON + `}`), OB3Achievement, ""},
		{"CLR", withChunk(plain, afterIHDR, "iTXt", itxt("clrcredential", clrJSON)), clrJSON, CLR, ""},
		{"Open Badges 2.0", withChunk(plain, afterIHDR, "iTXt", itxt("openbadges", ob2JSON)), ob2JSON, OB2Assertion, ""},
		{"Open Badges 1.0 URL", withChunk(plain, afterIHDR, "tEXt", "openbadges\x00https://example.org/a.json"), "https://example.org/a.json", OB2URL, "note png_legacy_chunk"},
		{"behind the image data", withChunk(plain, beforeIEND, "iTXt", itxt("openbadgecredential", ob3JSON)), ob3JSON, OB3Achievement, ""},
		{"with language and translated keyword", withChunk(plain, afterIHDR, "iTXt", "openbadgecredential\x00\x00\x00en\x00Badge\x00"+ob3JSON), ob3JSON, OB3Achievement, ""},
		{"compressed", withChunk(plain, afterIHDR, "iTXt", "openbadgecredential\x00\x01\x00\x00\x00"+deflate(ob3JSON)), ob3JSON, OB3Achievement, "warning png_compressed"},
		{"zTXt", withChunk(plain, afterIHDR, "zTXt", "openbadges\x00\x00"+deflate(ob2JSON)), ob2JSON, OB2Assertion, "warning png_compressed, note png_legacy_chunk"},
		{"wrong keyword", withChunk(plain, afterIHDR, "iTXt", itxt("openbadges", ob3JSON)), ob3JSON, OB3Achievement, "note payload_wrong_place"},
		{"keyword in capitals", withChunk(plain, afterIHDR, "iTXt", itxt("OpenBadgeCredential", ob3JSON)), ob3JSON, OB3Achievement, "warning png_keyword_case"},
		{"CLR under the badge keyword", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", clrJSON)), clrJSON, CLR, "note payload_wrong_place"},
		{"JWS with newline", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", jwsOf(ob3JSON)+"\r\n")), jwsOf(ob3JSON), OB3Achievement, "note payload_white_space"},
		{"byte-order mark", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", "\ufeff"+ob3JSON)), ob3JSON, OB3Achievement, "warning payload_byte_order_mark"},
		{"OB 2.0 beside OB 3.0", withChunk(withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", ob3JSON)), afterIHDR, "iTXt", itxt("openbadges", ob2JSON)), ob3JSON, OB3Achievement, "warning other_badge"},
		{"other text chunks", withChunk(withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", ob3JSON)), afterIHDR, "tEXt", "Comment\x00caf\xe9"), ob3JSON, OB3Achievement, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Unbake(bytes.NewReader(tt.image))
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Payload.Bytes) != tt.payload || got.Kind != tt.kind {
				t.Errorf("found kind %q, payload %q", got.Kind, got.Payload.Bytes)
			}
			if codes(got.Findings) != tt.findings {
				t.Errorf("expected findings %q, found %q", tt.findings, codes(got.Findings))
			}
		})
	}
}

func TestUnbakePNGRefuses(t *testing.T) {
	plain := testPNG(t)
	end := len(plain)
	baked := withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", ob3JSON))
	flip := func(b []byte, at int) []byte {
		out := bytes.Clone(b)
		out[at] ^= 1
		return out
	}
	header := func(w, h string) []byte {
		out := append([]byte{}, plain[:8]...)
		out = appendChunk(out, "IHDR", []byte(w+h+"\x08\x06\x00\x00\x00"))
		return append(out, plain[afterIHDR:]...)
	}
	bomb := deflate(strings.Repeat("\x00", 200<<20))
	for _, tt := range []struct {
		name  string
		image []byte
		code  string
	}{
		{"no badge", plain, "no_badge"},
		{"bad checksum of the badge", flip(baked, afterIHDR+40), "png_bad_checksum"},
		{"bad checksum elsewhere", flip(baked, len(baked)-1), "png_bad_checksum"},
		{"bad checksum of the header", flip(baked, 18), "png_bad_checksum"},
		{"doubled", withChunk(baked, afterIHDR, "iTXt", itxt("openbadgecredential", ob3JSON)), "duplicate_badge"},
		{"doubled, by tEXt", withChunk(baked, afterIHDR, "tEXt", "openbadgecredential\x00"+ob2JSON), "duplicate_badge"},
		{"doubled, in capitals", withChunk(baked, afterIHDR, "iTXt", itxt("OPENBADGECREDENTIAL", ob3JSON)), "duplicate_badge"},
		{"doubled Open Badges 2.0", withChunk(withChunk(baked, afterIHDR, "iTXt", itxt("openbadges", ob2JSON)), afterIHDR, "tEXt", "openbadges\x00https://example.org"), "duplicate_badge"},
		{"misspelt keyword", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgescredential", ob3JSON)), "no_badge"},
		{"keyword with a space", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential ", ob3JSON)), "no_badge"},
		{"badge behind IEND", withChunk(plain, end, "iTXt", itxt("openbadgecredential", ob3JSON)), "png_data_after_end"},
		{"bytes behind IEND", append(bytes.Clone(baked), 0), "png_data_after_end"},
		{"cut in the badge", baked[:afterIHDR+30], "png_truncated"},
		{"cut before IEND", baked[:len(baked)-12], "png_truncated"},
		{"only the signature", plain[:8], "png_truncated"},
		{"badge before IHDR", withChunk(plain, 8, "iTXt", itxt("openbadgecredential", ob3JSON)), "png_chunk_order"},
		{"second IHDR", withChunk(plain, afterIHDR, "IHDR", string(plain[16:29])), "png_chunk_order"},
		{"second IEND", withChunk(plain, end, "IEND", ""), "png_data_after_end"},
		{"IEND with content", append(append([]byte{}, plain[:end-12]...), appendChunk(nil, "IEND", []byte("x"))...), "png_chunk_order"},
		{"split image data", withChunk(withChunk(plain, end-12, "IDAT", ""), end-12, "iTXt", itxt("x", "y")), "png_chunk_order"},
		{"palette behind the data", withChunk(plain, end-12, "PLTE", "abc"), "png_chunk_order"},
		{"no image data", append(append([]byte{}, plain[:afterIHDR]...), plain[end-12:]...), "png_chunk_order"},
		{"unknown critical chunk", withChunk(plain, afterIHDR, "BADG", ob3JSON), "png_unknown_critical"},
		{"chunk type with a digit", withChunk(plain, afterIHDR, "iTX1", ob3JSON), "png_chunk_type"},
		{"width 0", header("\x00\x00\x00\x00", "\x00\x00\x00\x01"), "png_dimensions"},
		{"huge width", header("\x7f\xff\xff\xff", "\x00\x00\x00\x01"), "png_dimensions"},
		{"huge area", header("\x00\x00\x7f\xff", "\x00\x00\x7f\xff"), "png_dimensions"},
		{"length beyond the file", append(append([]byte{}, plain[:afterIHDR]...), "\xff\xff\xff\xffiTXt\x00\x00\x00\x00"...), "png_truncated"},
		{"Latin-1 in tEXt", withChunk(plain, afterIHDR, "tEXt", "openbadges\x00{\"name\":\"caf\xe9\"}"), "png_latin1"},
		{"UTF-8 in tEXt", withChunk(plain, afterIHDR, "tEXt", "openbadges\x00{\"name\":\"café\"}"), "png_latin1"},
		{"Latin-1 in iTXt", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", "{\"name\":\"caf\xe9\"}")), "payload_not_utf8"},
		{"unknown compression flag", withChunk(plain, afterIHDR, "iTXt", "openbadgecredential\x00\x02\x00\x00\x00"+ob3JSON), "png_text_chunk"},
		{"unknown compression method", withChunk(plain, afterIHDR, "iTXt", "openbadgecredential\x00\x00\x01\x00\x00"+ob3JSON), "png_text_chunk"},
		{"no separators", withChunk(plain, afterIHDR, "iTXt", "openbadgecredential\x00\x00\x00"+ob3JSON), "png_text_chunk"},
		{"cut chunk", withChunk(plain, afterIHDR, "iTXt", "openbadgecredential\x00"), "png_text_chunk"},
		{"empty text", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", "")), "payload_empty"},
		{"white space only", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", " \n")), "payload_empty"},
		{"some other text", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", "hello")), "payload_unknown"},
		{"javascript URL", withChunk(plain, afterIHDR, "iTXt", itxt("openbadges", "javascript:alert(1)")), "payload_unknown"},
		{"duplicate names", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", `{"a":1,"a":2}`)), "json_duplicate_name"},
		{"trailing data", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", ob3JSON+"{}")), "json_trailing_data"},
		{"NUL behind the JSON", withChunk(plain, afterIHDR, "iTXt", itxt("openbadgecredential", ob3JSON+"\x00")), "json_trailing_data"},
		{"not zlib", withChunk(plain, afterIHDR, "iTXt", "openbadgecredential\x00\x01\x00\x00\x00"+ob3JSON), "png_inflate"},
		{"cut zlib", withChunk(plain, afterIHDR, "iTXt", "openbadgecredential\x00\x01\x00\x00\x00"+deflate(ob3JSON)[:30]), "png_inflate"},
		{"data behind zlib", withChunk(plain, afterIHDR, "iTXt", "openbadgecredential\x00\x01\x00\x00\x00"+deflate(ob3JSON)+"x"), "png_inflate"},
		{"bomb", withChunk(plain, afterIHDR, "iTXt", "openbadgecredential\x00\x01\x00\x00\x00"+bomb), "png_inflate_too_large"},
		{"many chunks", func() []byte {
			return append(append(append([]byte{}, plain[:afterIHDR]...), bytes.Repeat(appendChunk(nil, "abCd", nil), maxChunks+1)...), plain[afterIHDR:]...)
		}(), "png_too_many_chunks"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := cputime.Now()
			got, err := Unbake(bytes.NewReader(tt.image))
			if took := cputime.Since(start); took > 500*time.Millisecond {
				t.Errorf("refusal took %v", took)
			}
			if got != nil {
				t.Error("expected no result beside the error")
			}
			wantRefusal(t, err, tt.code)
		})
	}
}

// TestBakePNGKeepsTheImage: every other chunk keeps its bytes and the pixels are the same.
func TestBakePNGKeepsTheImage(t *testing.T) {
	plain := testPNG(t)
	plain = withChunk(plain, len(plain)-12, "tEXt", "Comment\x00hello")
	for _, payload := range []string{ob3JSON, jwsOf(ob3JSON), clrJSON} {
		baked := roundTrip(t, plain, payload)
		got, err := pngChunks(baked)
		if err != nil {
			t.Fatal(err)
		}
		want, err := pngChunks(plain)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want)+1 || got[1].typ != "iTXt" {
			t.Fatalf("expected one chunk more, found %d", len(got))
		}
		got = append(got[:1], got[2:]...)
		for i := range want {
			if !bytes.Equal(got[i].raw, want[i].raw) {
				t.Errorf("chunk %s changed", want[i].typ)
			}
		}
		a, err := png.Decode(bytes.NewReader(plain))
		if err != nil {
			t.Fatal(err)
		}
		b, err := png.Decode(bytes.NewReader(baked))
		if err != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("pixels changed (%v)", err)
		}
	}
}

func TestBakePNGOverwritesEveryVersion(t *testing.T) {
	image := withChunk(testPNG(t), afterIHDR, "iTXt", itxt("openbadges", ob2JSON))
	image = withChunk(image, afterIHDR, "tEXt", "OpenBadges\x00https://example.org")
	image = withChunk(image, afterIHDR, "iTXt", itxt("clrcredential", clrJSON))
	var dst bytes.Buffer
	if err := Bake(&dst, bytes.NewReader(image), secured(ob3JSON), BakeOptions{Overwrite: true}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(dst.Bytes(), roundTrip(t, testPNG(t), ob3JSON)) {
		t.Error("expected only the new badge")
	}
	wantRefusal(t, Bake(&dst, bytes.NewReader(append(image, 0)), secured(ob3JSON), BakeOptions{Overwrite: true}), "png_data_after_end")
}

func TestPNGRoundTripAnyJSON(t *testing.T) {
	plain := testPNG(t)
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.String().Draw(rt, "name")
		payload := `{"type":["OpenBadgeCredential"],"proof":{},"name":` + quote(name) + `}`
		var dst bytes.Buffer
		if err := Bake(&dst, bytes.NewReader(plain), secured(payload), BakeOptions{}); err != nil {
			rt.Fatal(err)
		}
		got, err := Unbake(&dst)
		if err != nil || string(got.Payload.Bytes) != payload {
			rt.Fatalf("found %v, %v", got, err)
		}
	})
}

// TestPNGTools lets independent readers see what was baked.
func TestPNGTools(t *testing.T) {
	file := filepath.Join(t.TempDir(), "badge.png")
	if err := os.WriteFile(file, roundTrip(t, testPNG(t), ob3JSON), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("pngcheck", func(t *testing.T) {
		out := tool(t, "pngcheck", "-q", file)
		if strings.Contains(out, "ERROR") || strings.Contains(out, "warning") {
			t.Error(out)
		}
	})
	t.Run("exiftool", func(t *testing.T) {
		if out := tool(t, "exiftool", "-b", "-Openbadgecredential", file); strings.TrimSpace(out) != ob3JSON {
			t.Errorf("found %s", out)
		}
	})
}

// tool runs a program by others, and skips the test where it is not installed.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func FuzzUnbakePNG(f *testing.F) {
	plain := testPNG(f)
	for _, data := range []string{itxt("openbadgecredential", ob3JSON), itxt("openbadges", jwsOf(ob3JSON)), "openbadges\x00\x01\x00\x00\x00" + deflate(ob2JSON)} {
		f.Add([]byte("iTXt"), []byte(data))
	}
	f.Add([]byte("tEXt"), []byte("openbadges\x00https://example.org"))
	f.Add([]byte("raw!"), plain)
	f.Fuzz(func(t *testing.T, typ, data []byte) {
		image := data
		if string(typ) != "raw!" {
			if len(typ) != 4 {
				return
			}
			image = withChunk(plain, afterIHDR, string(typ), string(data))
		}
		got, err := Unbake(bytes.NewReader(image))
		if (got == nil) == (err == nil) {
			t.Fatalf("found %v and %v", got, err)
		}
		if err != nil {
			return
		}
		var dst bytes.Buffer
		if err := Bake(&dst, bytes.NewReader(image), got.Payload, BakeOptions{Overwrite: true}); err != nil {
			return // not every badge that is read may be written
		}
		again, err := Unbake(&dst)
		if err != nil || !bytes.Equal(again.Payload.Bytes, got.Payload.Bytes) {
			t.Fatalf("the badge changed: %v", err)
		}
	})
}
