package signer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/signer"
)

// stream is a source of reproducible numbers.
func stream(seed byte) io.Reader {
	return rand.NewChaCha8([32]byte{seed})
}

func list(tb testing.TB, change func(*signer.StatusConfig)) *signer.StatusList {
	tb.Helper()
	c := signer.StatusConfig{ID: "https://status.example/1", Purpose: "revocation", Random: stream(1)}
	if change != nil {
		change(&c)
	}
	l, err := signer.NewStatusList(c)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func inflate(tb testing.TB, encoded string) []byte {
	tb.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(encoded, "u"))
	if err != nil || encoded[0] != 'u' {
		tb.Fatalf("%q: %v", encoded[:1], err)
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		tb.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// Every index is given out exactly once, over restarts and until the list is full.
func TestAllocateEveryIndexOnce(t *testing.T) {
	l := list(t, nil)
	seen := make([]bool, l.Len())
	ascending, last := 0, -1
	for n := range l.Len() {
		if n%30011 == 0 || n == l.Len()-1 { // restart
			state, err := l.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if l, err = signer.ReadStatusList(state, stream(byte(n))); err != nil {
				t.Fatal(err)
			}
			if l.Allocated() != n {
				t.Fatalf("%d given out after a restart, want %d", l.Allocated(), n)
			}
		}
		i, err := l.Allocate()
		if err != nil {
			t.Fatal(err)
		}
		if seen[i] {
			t.Fatalf("%d given out twice", i)
		}
		seen[i] = true
		if i > last {
			ascending++
		}
		last = i
		if n == 20_000 && (ascending < 9_000 || ascending > 11_000) {
			t.Errorf("%d of 20000 steps go up: not at random", ascending)
		}
	}
	if _, err := l.Allocate(); !errors.Is(err, signer.ErrListFull) {
		t.Errorf("a full list: %v", err)
	}
}

func TestStatusBits(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(1, 8).Draw(rt, "size")
		var messages []signer.StatusMessage
		if size > 1 {
			for i := range 1 << size {
				messages = append(messages, signer.StatusMessage{Status: "0x" + hex(i), Message: "m"})
			}
		}
		l := list(t, func(c *signer.StatusConfig) { c.Size, c.Messages = size, messages })
		want := map[int]uint8{}
		for range rapid.IntRange(1, 40).Draw(rt, "changes") {
			i, err := l.Allocate()
			if err != nil {
				rt.Fatal(err)
			}
			v := uint8(rapid.IntRange(0, 1<<size-1).Draw(rt, "value"))
			if err := l.Set(i, v); err != nil {
				rt.Fatal(err)
			}
			want[i] = v
		}
		text, err := l.EncodedList()
		if err != nil {
			rt.Fatal(err)
		}
		// An independent reading: bit 0 is the most significant bit of the first byte.
		published := inflate(t, text)
		if len(published) != l.Len()*size/8 {
			rt.Fatalf("%d bytes", len(published))
		}
		set := 0
		for i, v := range want {
			var got uint8
			for b := range size {
				at := i*size + b
				got = got*2 + published[at/8]>>(7-at%8)%2
			}
			if again, err := l.Get(i); got != v || again != v || err != nil {
				rt.Fatalf("entry %d: published %d, read %d, want %d (%v)", i, got, again, v, err)
			}
			for ; v > 0; v &= v - 1 {
				set++
			}
		}
		for _, b := range published {
			for ; b > 0; b &= b - 1 {
				set--
			}
		}
		if set != 0 {
			rt.Fatalf("%d bits too many or too few", -set)
		}
	})
}

func hex(i int) string {
	const digits = "0123456789abcdef"
	if i < 16 {
		return digits[i : i+1]
	}
	return hex(i/16) + digits[i%16:i%16+1]
}

func TestStatusCredential(t *testing.T) {
	l := list(t, func(c *signer.StatusConfig) { c.Purpose = "suspension" })
	i, err := l.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	p := signer.StatusPublication{Issuer: "did:example:issuer", ValidFrom: at, ValidUntil: at.Add(time.Hour), TTL: 5 * time.Minute}
	before, err := l.Credential(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Set(i, 1); err != nil {
		t.Fatal(err)
	}
	after, err := l.Credential(p)
	if err != nil {
		t.Fatal(err)
	}
	again, err := l.Credential(p)
	if err != nil || string(again.Raw()) != string(after.Raw()) {
		t.Error("the same list gives another text")
	}
	d := after.Document()
	for path, want := range map[string]string{"id": "https://status.example/1#list", "type": "BitstringStatusList", "statusPurpose": "suspension"} {
		if got := d.String(d.Path(0, "credentialSubject", path)); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
	if ttl, _ := d.Int(d.Path(0, "credentialSubject", "ttl")); ttl != 300_000 || after.ID() != "https://status.example/1" || !after.HasType("BitstringStatusListCredential") {
		t.Errorf("got %s", after.Raw())
	}
	one := inflate(t, d.String(d.Path(0, "credentialSubject", "encodedList")))
	if one[i/8] != 0x80>>(i%8) || string(before.Raw()) == string(after.Raw()) {
		t.Error("the change is not published")
	}
	k := key(t, signer.Ed25519)
	out, err := (&signer.DataIntegrity{Key: k, Created: at}).Sign(context.Background(), after)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(out.Bytes, k); err != nil {
		t.Error(err)
	}
	for name, p := range map[string]signer.StatusPublication{
		"no date": {Issuer: "did:example:issuer"}, "no issuer": {ValidFrom: at}, "ttl": {Issuer: "did:example:issuer", ValidFrom: at, TTL: time.Microsecond},
		"ends early": {Issuer: "did:example:issuer", ValidFrom: at, ValidUntil: at.Add(-time.Second)},
	} {
		if _, err := l.Credential(p); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// Entries of each kind of list can be issued.
func TestStatusEntries(t *testing.T) {
	k := key(t, signer.Ed25519)
	messages := []signer.StatusMessage{{"0x0", "valid"}, {"0x1", "paused"}, {"0x2", "under review"}, {"0x3", "withdrawn"}}
	for name, l := range map[string]*signer.StatusList{
		"revocation": list(t, nil),
		"messages":   list(t, func(c *signer.StatusConfig) { c.Purpose, c.Size, c.Messages = "message", 2, messages }),
		"one bit":    list(t, func(c *signer.StatusConfig) { c.Purpose, c.Messages = "message", messages[:2] }),
	} {
		i, err := l.Allocate()
		if err != nil {
			t.Fatal(err)
		}
		text, err := l.EntryText(i)
		if err != nil {
			t.Fatal(err)
		}
		c := credential(t, strings.Replace(alumni, `"issuer"`, `"credentialStatus":`+string(text)+`,"issuer"`, 1))
		if _, err := (&signer.DataIntegrity{Key: k}).Sign(context.Background(), c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		entry, err := l.Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		got := c.Status()[0]
		got.Pointer = ""
		if got != entry {
			t.Errorf("%s: read back as %+v, want %+v", name, got, entry)
		}
	}
}

func TestStatusRefuses(t *testing.T) {
	for name, change := range map[string]func(*signer.StatusConfig){
		"no id":      func(c *signer.StatusConfig) { c.ID = "" },
		"http":       func(c *signer.StatusConfig) { c.ID = "http://status.example/1" },
		"no purpose": func(c *signer.StatusConfig) { c.Purpose = "" },
		"small":      func(c *signer.StatusConfig) { c.Entries = 131_064 },
		"large":      func(c *signer.StatusConfig) { c.Entries = 1 << 25 },
		"odd":        func(c *signer.StatusConfig) { c.Entries = 131_073 },
		"negative":   func(c *signer.StatusConfig) { c.Entries = -8 },
		"size":       func(c *signer.StatusConfig) { c.Size = 9 },
		"long": func(c *signer.StatusConfig) {
			c.Entries, c.Size = signer.MaxStatusEntries, 8
			for i := range 256 {
				c.Messages = append(c.Messages, signer.StatusMessage{Status: fmt.Sprintf("0x%x", i), Message: "m"})
			}
		},
		"no messages": func(c *signer.StatusConfig) { c.Size = 2 },
		"message":     func(c *signer.StatusConfig) { c.Purpose = "message" },
		"few":         func(c *signer.StatusConfig) { c.Messages = []signer.StatusMessage{{"0x0", "a"}} },
		"order":       func(c *signer.StatusConfig) { c.Messages = []signer.StatusMessage{{"0x1", "a"}, {"0x0", "b"}} },
		"empty":       func(c *signer.StatusConfig) { c.Messages = []signer.StatusMessage{{"0x0", "a"}, {"0x1", ""}} },
	} {
		c := signer.StatusConfig{ID: "https://status.example/1", Purpose: "revocation"}
		change(&c)
		if _, err := signer.NewStatusList(c); !errors.Is(err, signer.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := list(t, nil)
	i, err := l.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"negative": l.Set(-1, 1), "outside": l.Set(l.Len(), 1), "not given out": l.Set((i+1)%l.Len(), 1),
	} {
		if !errors.Is(err, signer.ErrIndex) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := l.Set(i, 2); !errors.Is(err, signer.ErrConfig) {
		t.Errorf("value: %v", err)
	}
	if _, err := l.Entry((i + 1) % l.Len()); !errors.Is(err, signer.ErrIndex) {
		t.Errorf("entry: %v", err)
	}
	state, err := l.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(state); at += 1 + at/7 {
		bad := bytes.Clone(state)
		bad[at] ^= 0x10
		if _, err := signer.ReadStatusList(bad, nil); !errors.Is(err, signer.ErrState) {
			t.Errorf("byte %d changed: %v", at, err)
		}
	}
	for _, n := range []int{0, 1, 30, len(state) / 2, len(state) - 1} {
		if _, err := signer.ReadStatusList(state[:n], nil); !errors.Is(err, signer.ErrState) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	dry := list(t, func(c *signer.StatusConfig) { c.Random = strings.NewReader("abc") })
	if _, err := dry.Allocate(); err == nil || dry.Allocated() != 0 {
		t.Errorf("without randomness: %v", err)
	}
}
