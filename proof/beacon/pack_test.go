package beacon

import (
	"bytes"
	"errors"
	"flag"
	"reflect"
	"testing"
)

var exhaustive = flag.Bool("exhaustive", false, "flip every bit of every pack: minutes")

// TestPackFlips flips every bit of a forged pack, every third of a chain, and of the
// mainnet pack every second outside its committee and a sample inside: nothing may be
// accepted. With -exhaustive it leaves none out.
func TestPackFlips(t *testing.T) {
	f := theForge()
	encode := func(p *Pack) []byte {
		b, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one := f.pack(t, plan{start: 5, present: 30})
	chain := f.pack(t, plan{start: 3, updates: 1, checkpoint: true})
	mainnet, mainnetTrust := mainnetPack(t)
	cases := []struct {
		name  string
		b     []byte
		trust *Trust
		step  int // bits
		skip  func(at int) bool
	}{
		{"one period", encode(one), f.trust(5), 1, nil},
		{"chain", encode(chain), &Trust{Network: f.n, Checkpoints: []Root{chain.Checkpoint.Header.Root()}}, 3, nil},
		{"mainnet", mainnet, mainnetTrust, 2, func(at int) bool { return at >= 51 && at < 51+24624 && at%89 != 0 }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.trust.Cache = new(CommitteeCache)
			if p, err := ParsePack(c.b); err != nil {
				t.Fatal(err)
			} else if _, err := Verify(p, c.trust); err != nil {
				t.Fatal(err)
			}
			if *exhaustive {
				c.step, c.skip = 1, nil
			}
			reasons := make(map[Reason]int)
			for bit := 0; bit < 8*len(c.b); bit += c.step {
				if c.skip != nil && c.skip(bit/8) {
					continue
				}
				c.b[bit/8] ^= 1 << (bit % 8)
				p, err := ParsePack(c.b)
				if err == nil {
					_, err = Verify(p, c.trust)
				}
				var r Reason
				if !errors.As(err, &r) {
					t.Errorf("bit %d of byte %d flipped: %v", bit%8, bit/8, err)
				}
				reasons[r]++
				c.b[bit/8] ^= 1 << (bit % 8)
			}
			t.Logf("%d bytes: %v", len(c.b), reasons)
		})
	}
}

// TestPackForm: one encoding only, and what the format cannot hold is not written.
func TestPackForm(t *testing.T) {
	f := theForge()
	p := f.pack(t, plan{start: 2, updates: 3, checkpoint: true})
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	q, err := ParsePack(b)
	if err != nil || !reflect.DeepEqual(p, q) {
		t.Fatal("a pack does not survive its encoding", err)
	}
	for i := range b {
		if _, err := ParsePack(b[:i]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if _, err := ParsePack(append(bytes.Clone(b), 0)); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	if _, err := ParsePack(make([]byte, MaxPackBytes+1)); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	for at, want := range map[int]Reason{0: ErrMalformed, 3: ErrUnknownVersion, 41: ErrMalformed, 50: ErrMalformed} {
		bad := bytes.Clone(b)
		bad[at] ^= 0x40
		if _, err := ParsePack(bad); !errors.Is(err, want) {
			t.Errorf("byte %d: %v", at, err)
		}
	}
	// An execution header cut short or grown, with a length that says so.
	exec := p.Finality.Finalized.Execution.appendSSZ(nil)
	at := bytes.Index(b, exec)
	for _, n := range []int{0, 10, 439, 567, 583, 584, len(exec) - 1, len(exec) + 28} {
		bad := append(bytes.Clone(b[:at-2]), byte(n), byte(n>>8))
		bad = append(bad, append(bytes.Clone(exec), make([]byte, 64)...)[:n]...)
		bad = append(bad, b[at+len(exec):]...)
		q, err := ParsePack(bad)
		if err == nil { // other extra data, and SSZ all the same
			_, err = Verify(q, &Trust{Network: f.n, Checkpoints: []Root{p.Checkpoint.Header.Root()}})
		}
		if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrExecutionBranch) {
			t.Errorf("execution header of %d bytes: %v", n, err)
		}
	}
	for name, change := range map[string]func(p *Pack){
		"extra data": func(p *Pack) { p.Finality.Finalized.Execution.ExtraData = make([]byte, 33) },
		"branch":     func(p *Pack) { p.Checkpoint.Branch = make([]Root, 17) },
		"committee":  func(p *Pack) { p.Committee.Pubkeys = nil },
		"next":       func(p *Pack) { p.Updates[1].NextCommittee.Pubkeys = p.Committee.Pubkeys[1:] },
		"bits":       func(p *Pack) { p.Updates[2].Aggregate.Bits = nil },
		"updates":    func(p *Pack) { p.Updates = make([]PeriodUpdate, maxUpdates+1) },
	} {
		p := clonePack(t, p)
		change(p)
		if _, err := p.Encode(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.Finality.Finalized.Execution = nil
	if _, err := p.Encode(); !errors.Is(err, ErrNoExecution) {
		t.Error(err)
	}
}

// TestBuildNormalizes: nodes serve a Capella block that a Deneb header finalizes in
// Deneb's form, and any signature slot that fits; packs hold one form of each.
func TestBuildNormalizes(t *testing.T) {
	f := theForge()
	p := f.pack(t, plan{start: 4, attested: 266, finalized: 250})
	fi := &p.Finality
	e := *fi.Finalized.Execution
	if e.Blobs {
		t.Fatal("expected a Capella block")
	}
	e.Blobs = true
	served := &FinalityUpdate{
		Attested: LightClientHeader{Beacon: fi.Attested}, FinalityBranch: fi.FinalityBranch, Aggregate: fi.Aggregate, SignatureSlot: 270,
		Finalized: LightClientHeader{Beacon: fi.Finalized.Beacon, Execution: &e, ExecutionBranch: fi.Finalized.ExecutionBranch},
	}
	got, err := f.n.BuildPack(Source{Finality: served, Committee: p.Committee})
	if err != nil || !reflect.DeepEqual(got, p) {
		t.Fatalf("built %+v, %v", got, err)
	}
	e.BlobGasUsed = 1
	if _, err := f.n.BuildPack(Source{Finality: served, Committee: p.Committee}); !errors.Is(err, ErrExecutionBranch) {
		t.Error(err)
	}
}

// FuzzPack: reading never panics, what is read encodes to the same bytes, and nothing
// but the seed verifies.
func FuzzPack(f *testing.F) {
	fo := theForge()
	trust := fo.trust(5)
	trust.Cache = new(CommitteeCache)
	seeds := []*Pack{fo.pack(f, plan{start: 5}), fo.pack(f, plan{start: 3, updates: 1, checkpoint: true}), fo.pack(f, plan{start: 3})}
	trust.Checkpoints = []Root{seeds[1].Checkpoint.Header.Root()}
	var good [][]byte
	for _, p := range seeds {
		b, err := p.Encode()
		if err != nil {
			f.Fatal(err)
		}
		good = append(good, b)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePack(b)
		if err != nil {
			return
		}
		if out, err := p.Encode(); err != nil || !bytes.Equal(out, b) {
			t.Fatalf("encodes differently: %v", err)
		}
		if _, err := Verify(p, trust); err == nil && !bytes.Equal(b, good[0]) && !bytes.Equal(b, good[1]) {
			t.Fatal("a changed pack verifies")
		}
	})
}

// FuzzUpdate: SSZ decoding never panics, and what is read encodes to the same bytes.
func FuzzUpdate(f *testing.F) {
	n := forgeNetwork()
	fo := theForge()
	fi := fo.pack(f, plan{start: 5}).Finality
	u := &FinalityUpdate{Attested: LightClientHeader{Beacon: fi.Attested, Execution: &ExecutionHeader{Blobs: true}, ExecutionBranch: make([]Root, 4)},
		Finalized: fi.Finalized, FinalityBranch: fi.FinalityBranch, Aggregate: fi.Aggregate, SignatureSlot: 9}
	f.Add(uint8(4), u.AppendSSZ(nil))
	f.Fuzz(func(t *testing.T, k uint8, b []byte) {
		fork := knownForks[int(k)%len(knownForks)].name
		if u, err := n.DecodeFinalityUpdate(fork, b); err == nil && !bytes.Equal(u.AppendSSZ(nil), b) {
			t.Fatal("finality update encodes differently")
		}
		if u, err := n.DecodeUpdate(fork, b); err == nil && !bytes.Equal(u.AppendSSZ(nil), b) {
			t.Fatal("update encodes differently")
		}
		if u, err := n.DecodeBootstrap(fork, b); err == nil && !bytes.Equal(u.AppendSSZ(nil), b) {
			t.Fatal("bootstrap encodes differently")
		}
	})
}
