package verifier_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/cputime"
	"github.com/chancery-dev/chancery/verifier"
)

// TestHostileBounds: what is only there to hurt is refused within 50 ms and 64 MB, best
// of five runs, since the machine may be busy with something else.
func TestHostileBounds(t *testing.T) {
	const most, memory = 50 * time.Millisecond, 64 << 20
	k := newKey(t, "issuer")
	signed := sign(t, draft(t, k.did), k, proofOf{})
	inside := func(value string) string {
		return strings.Replace(signed, `"credentialSubject":`, `"hostile":`+value+`,"credentialSubject":`, 1)
	}
	clique := parseJSON(t, signed)
	for name, b := range map[string][]byte{
		"10 MB of dots":              bytes.Repeat([]byte{'.'}, 10<<20),
		"10 MB of dots in a JWT":     append([]byte("eyJ"), bytes.Repeat([]byte{'.'}, 10<<20-3)...),
		"10 MB of brackets":          bytes.Repeat([]byte{'['}, 10<<20),
		"5 MB of nesting, closed":    []byte(inside(strings.Repeat("[", 5<<19) + strings.Repeat("]", 5<<19))),
		"nested objects":             []byte(inside(strings.Repeat(`{"a":`, 1<<20) + "1" + strings.Repeat("}", 1<<20))),
		"10 MB of numbers":           []byte(inside("[" + strings.Repeat("0,", 5<<20-5000) + "0]")),
		"10 MB of empty objects":     []byte(inside("[" + strings.Repeat("{},", 3<<20) + "{}]")),
		"clique of 10 blank nodes":   []byte(with(t, cliqueDraft(t, k.did, 10), `"proof":`+clique.Raw(clique.Get(0, "proof")))),
		"clique of 40 blank nodes":   []byte(with(t, cliqueDraft(t, k.did, 40), `"proof":`+clique.Raw(clique.Get(0, "proof")))),
		"PNG that unpacks to 100 MB": pngBomb(t),
	} {
		best, least := time.Hour, uint64(1<<62)
		for range 5 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := cputime.Now()
			r := judge(t, setup(t, verifier.Policy{}), chancery.Secured{Bytes: b})
			best = min(best, cputime.Since(start))
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
			if r.Outcome == verifier.Valid {
				t.Fatalf("%s: found valid", name)
			}
		}
		t.Logf("%-28s %6.1f ms  %5.1f MB", name, float64(best.Microseconds())/1e3, float64(least)/(1<<20))
		if !raceEnabled && best > most {
			t.Errorf("%s: took %v", name, best)
		}
		if least > memory {
			t.Errorf("%s: allocated %d bytes", name, least)
		}
	}
}

// pngBomb is a picture whose compressed text grows a thousandfold.
func pngBomb(t *testing.T) []byte {
	t.Helper()
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := z.Write(bytes.Repeat([]byte{' '}, 100<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	text := append([]byte("openbadgecredential\x00\x01\x00\x00\x00"), packed.Bytes()...)
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	chunk = append(append(chunk, "iTXt"...), text...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	picture := plainPNG(t)
	at := bytes.Index(picture, []byte("IDAT")) - 4
	return append(append(bytes.Clone(picture[:at]), chunk...), picture[at:]...)
}
