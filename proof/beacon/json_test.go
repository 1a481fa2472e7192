package beacon

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// TestJSONRefused leaves out or spoils each member of real answers in turn.
func TestJSONRefused(t *testing.T) {
	n := Mainnet()
	parsers := map[string]func([]byte) error{
		"bootstrap.json": func(b []byte) error { _, err := n.ParseBootstrap(b); return err },
		"finality.json":  func(b []byte) error { _, err := n.ParseFinalityUpdate(b); return err },
		"updates.json":   func(b []byte) error { _, err := n.ParseUpdates(b); return err },
	}
	for name, parse := range parsers {
		var doc any
		if err := json.Unmarshal(mainnetFile(t, name), &doc); err != nil {
			t.Fatal(err)
		}
		if a, ok := doc.([]any); ok {
			doc = a[:1]
		}
		count := 0
		try := func(what string) {
			b, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			count++
			if err := parse(b); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnknownFork) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		spoil(doc, "", try)
		if count < 60 {
			t.Errorf("%s: only %d cases", name, count)
		}
		whole := mainnetFile(t, name)
		for _, bad := range [][]byte{nil, []byte("{}"), []byte("[1]"), []byte(`"x"`), whole[:len(whole)-2], append(bytes.Clone(whole), '1')} {
			if err := parse(bad); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: %.20q: %v", name, bad, err)
			}
		}
	}
	if _, err := n.ParseBootstrap(bytes.Replace(mainnetFile(t, "bootstrap.json"), []byte("capella"), []byte("gloas"), 1)); !errors.Is(err, ErrUnknownFork) {
		t.Error(err)
	}
	altair, err := n.ParseBootstrap(bytes.Replace(mainnetFile(t, "bootstrap.json"), []byte("capella"), []byte("altair"), 1))
	if err != nil || altair.Header.Execution != nil {
		t.Errorf("headers before Capella have no execution part: %v", err)
	}
	if _, err := new(Network).ParseUpdates([]byte("[]")); !errors.Is(err, ErrNoTrust) {
		t.Error(err)
	}
}

// spoil changes every member of objects, and the first element of arrays, to other
// things, calling try each time.
func spoil(v any, path string, try func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, old := range v {
			at := path + "/" + k
			bad := []any{nil, 1, "", "0x", "-1", "0x" + strings.Repeat("0", 600), []any{}, map[string]any{}}
			if s, ok := old.(string); ok {
				bad = append(bad, s+"00000000000000000000", " "+s, "0"+s, s+"g")
			}
			for _, b := range bad {
				if k == "extra_data" && b == "0x" {
					continue // may be empty
				}
				if s, ok := b.(string); ok && (k == "extra_data" || k == "base_fee_per_gas") && strings.HasSuffix(s, "0000") && len(s) < 66 {
					continue // longer, and still in range
				}
				v[k] = b
				try(at)
			}
			delete(v, k)
			try(at + " missing")
			v[k] = old
			spoil(old, at, try)
		}
	case []any:
		if len(v) == 0 {
			return
		}
		old := v[0]
		if _, ok := old.(string); ok {
			for _, b := range []any{nil, "0x", "x", old.(string) + "00"} {
				v[0] = b
				try(path + "/0")
			}
		}
		v[0] = old
		spoil(old, path+"/0", try)
	}
}
