// Package evidence_test runs the second verifier of evidence bundles, verify.mjs, beside
// ours: on the cases that package proof/evidence makes, and on bits flipped in them.
package evidence_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/proof/beacon"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/testvectors/interop"
)

// A testCase is one of cases.json. Its trust is handed to the other verifier as it is.
type testCase struct {
	Name    string          `json:"name"`
	Bundle  []byte          `json:"bundle"`
	Parts   []byte          `json:"parts"` // the file of detached parts beside it
	Digest  string          `json:"digest"`
	Trust   json.RawMessage `json:"trust"`
	Outcome string          `json:"outcome"`
	Code    string          `json:"code"`
}

type trustFile struct {
	Now  time.Time `json:"now"`
	Keys []struct {
		Issuer, Method, Ed25519 string
		From, Until, Revoked    *time.Time
	} `json:"keys"`
	Chains []struct {
		ChainID     uint64
		GenesisHash string
		Senders     []string
		Final       []struct {
			Number uint64
			Hash   string
		}
		Beacon struct {
			GenesisValidatorsRoot          string
			SlotsPerEpoch, EpochsPerPeriod uint64
			CommitteeSize                  int
			Forks                          []struct {
				Name    string
				Epoch   uint64
				Version string
			}
			Committees map[string]string
		}
	} `json:"chains"`
	Require []string `json:"require"`
	Known   []struct {
		Issuer string
		Seq    uint64
		Digest string
	} `json:"known"`
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func root(tb testing.TB, s string) [32]byte { return [32]byte(unhex(tb, s)) }

func readTrust(tb testing.TB, b []byte) *evidence.Trust {
	tb.Helper()
	var f trustFile
	if err := json.Unmarshal(b, &f); err != nil {
		tb.Fatal(err)
	}
	t := &evidence.Trust{Now: f.Now, Require: f.Require}
	var keys evidence.PinnedKeys
	at := func(t *time.Time) time.Time {
		if t == nil {
			return time.Time{}
		}
		return *t
	}
	for _, k := range f.Keys {
		keys = append(keys, evidence.PinnedKey{Issuer: k.Issuer, Method: k.Method, Key: ed25519.PublicKey(unhex(tb, k.Ed25519)), From: at(k.From), Until: at(k.Until), Revoked: at(k.Revoked)})
	}
	t.Keys = keys
	for _, c := range f.Chains {
		chain := evidence.Chain{ChainID: c.ChainID, GenesisHash: root(tb, c.GenesisHash)}
		for _, s := range c.Senders {
			chain.Senders = append(chain.Senders, [20]byte(unhex(tb, s)))
		}
		for _, b := range c.Final {
			chain.Final = append(chain.Final, evidence.Block{Number: b.Number, Hash: root(tb, b.Hash)})
		}
		n := &beacon.Network{ChainID: 424242, GenesisHash: chain.GenesisHash, GenesisValidatorsRoot: root(tb, c.Beacon.GenesisValidatorsRoot),
			Preset: beacon.Preset{SlotsPerEpoch: c.Beacon.SlotsPerEpoch, EpochsPerPeriod: c.Beacon.EpochsPerPeriod, CommitteeSize: c.Beacon.CommitteeSize}}
		for _, fork := range c.Beacon.Forks {
			n.Forks = append(n.Forks, beacon.Fork{Name: fork.Name, Epoch: fork.Epoch, Version: [4]byte(unhex(tb, fork.Version))})
		}
		chain.Beacon = &beacon.Trust{Network: n, Committees: map[uint64]beacon.Root{}}
		for period, r := range c.Beacon.Committees {
			p, err := strconv.ParseUint(period, 10, 64)
			if err != nil {
				tb.Fatal(err)
			}
			chain.Beacon.Committees[p] = root(tb, r)
		}
		t.Chains = append(t.Chains, chain)
	}
	for _, k := range f.Known {
		t.Known = append(t.Known, evidence.KnownBatch{Issuer: k.Issuer, Seq: k.Seq, Digest: root(tb, k.Digest)})
	}
	return t
}

// ours is this module's verdict on a case.
func ours(tb testing.TB, c *testCase, trust *evidence.Trust) string {
	b, err := evidence.Parse(c.Bundle)
	in := evidence.Input{}
	if err == nil && len(c.Parts) > 0 {
		in.Parts, err = evidence.ParseParts(c.Parts)
	}
	switch {
	case errors.Is(err, evidence.ErrUnsupported):
		return "indeterminate"
	case err != nil:
		return "invalid"
	}
	if c.Digest != "" {
		in.Digest = unhex(tb, c.Digest)
	}
	r, _ := b.Verify(in, trust)
	return r.Outcome.String()
}

func readCases(tb testing.TB) []*testCase {
	tb.Helper()
	text, err := os.ReadFile("cases.json")
	if err != nil {
		tb.Fatal(err)
	}
	var file struct{ Cases []*testCase }
	if err := json.Unmarshal(text, &file); err != nil {
		tb.Fatal(err)
	}
	if len(file.Cases) < 60 {
		tb.Fatalf("found %d cases only", len(file.Cases))
	}
	return file.Cases
}

// TestOurs: the file of cases says what this module says.
func TestOurs(t *testing.T) {
	for _, c := range readCases(t) {
		if got := ours(t, c, readTrust(t, c.Trust)); got != c.Outcome {
			t.Errorf("%s: expected %s, found %s", c.Name, c.Outcome, got)
		}
	}
}

// TestSecondVerifier: the JavaScript verifier comes to the same outcome on every case,
// and to the same code; and to the same outcome on the valid cases with bits flipped.
func TestSecondVerifier(t *testing.T) {
	dir := interop.NPM(t, ".", "verify.mjs")
	if source, err := os.ReadFile("verify.mjs"); err != nil || bytes.Count(source, []byte("\n")) > 300 {
		t.Errorf("expected at most 300 lines: %v", err)
	}
	cases := readCases(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range slices.Clone(cases) {
		if c.Outcome != "valid" {
			continue
		}
		trust := readTrust(t, c.Trust)
		for range 250 {
			bit := rng.IntN(len(c.Bundle) * 8)
			flipped := *c
			flipped.Bundle = bytes.Clone(c.Bundle)
			flipped.Bundle[bit/8] ^= 1 << (bit % 8)
			flipped.Name, flipped.Code = c.Name+", bit "+strconv.Itoa(bit)+" flipped", "any"
			if flipped.Outcome = ours(t, &flipped, trust); flipped.Outcome == "valid" {
				t.Errorf("%s: we accept it", flipped.Name)
			}
			cases = append(cases, &flipped)
			if len(c.Parts) == 0 {
				continue
			}
			beside := *c
			bit = rng.IntN(len(c.Parts) * 8)
			beside.Parts = bytes.Clone(c.Parts)
			beside.Parts[bit/8] ^= 1 << (bit % 8)
			beside.Name, beside.Code = c.Name+", bit "+strconv.Itoa(bit)+" of the parts flipped", "any"
			if beside.Outcome = ours(t, &beside, trust); beside.Outcome == "valid" {
				t.Errorf("%s: we accept it", beside.Name)
			}
			cases = append(cases, &beside)
		}
	}
	type entry struct {
		Name   string          `json:"name"`
		Bundle string          `json:"bundle"`
		Parts  string          `json:"parts"`
		Digest string          `json:"digest"`
		Trust  json.RawMessage `json:"trust"`
	}
	var file struct {
		Cases []entry `json:"cases"`
	}
	for _, c := range cases {
		file.Cases = append(file.Cases, entry{c.Name, base64.StdEncoding.EncodeToString(c.Bundle), base64.StdEncoding.EncodeToString(c.Parts), c.Digest, c.Trust})
	}
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cases.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "verify.mjs", path)
	cmd.Dir = dir
	var fault strings.Builder
	cmd.Stderr = &fault
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, fault.String())
	}
	var theirs []struct{ Name, Outcome, Code string }
	if err := json.Unmarshal(out, &theirs); err != nil || len(theirs) != len(cases) {
		t.Fatalf("%d answers to %d cases: %v", len(theirs), len(cases), err)
	}
	differ := 0
	for i, c := range cases {
		got := theirs[i]
		if (got.Outcome == "valid") != (c.Outcome == "valid") || c.Code != "any" && (got.Outcome != c.Outcome || got.Code != c.Code) {
			t.Errorf("%s: expected %s %s, found %s %s", c.Name, c.Outcome, c.Code, got.Outcome, got.Code)
		} else if got.Outcome != c.Outcome {
			differ++
			t.Logf("%s: we say %s, they say %s %s", c.Name, c.Outcome, got.Outcome, got.Code)
		}
	}
	t.Logf("%d cases, %d of them flips that one calls invalid and the other undecided", len(cases), differ)
}
