package beacon

import (
	"encoding/hex"
	"testing"

	"github.com/chancery-dev/chancery/testvectors"
)

func hexRoot(tb testing.TB, s string) Root {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 {
		tb.Fatalf("bad root %q", s)
	}
	return Root(b)
}

const (
	checkpoint = "5afc212a7924789b2bc86acad3ab3a6ffb1f6e97253ea50bee7f4f51422c9275"
	finalBlock = "bc8499537876e5406c7a65e25f99063f1cd85a17014a3aa5ade38271b1fbf64f"
)


func mainnetSource(tb testing.TB) Source {
	tb.Helper()
	n := Mainnet()
	dir := func(f string) []byte { return testvectors.ReadShared(tb, "anchor", "helios-mainnet-capella", f) }
	boot, err := n.ParseBootstrap(dir("bootstrap.json"))
	if err != nil {
		tb.Fatal(err)
	}
	updates, err := n.ParseUpdates(dir("updates.json"))
	if err != nil {
		tb.Fatal(err)
	}
	final, err := n.ParseFinalityUpdate(dir("finality.json"))
	if err != nil {
		tb.Fatal(err)
	}
	return Source{Finality: final, Bootstrap: boot, Updates: updates}
}

func TestMainnetChain(t *testing.T) {
	s := mainnetSource(t)
	p, err := Mainnet().BuildPack(s)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Verify(p, &Trust{Network: Mainnet(), Checkpoints: []Root{hexRoot(t, checkpoint)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d updates: %+v", len(b), len(p.Updates), got)
	s.Bootstrap = nil
	one, err := Mainnet().BuildPack(s)
	if err != nil {
		t.Fatal(err)
	}
	b, _ = one.Encode()
	t.Logf("%d bytes", len(b))
	if got.BlockHash != hexRoot(t, finalBlock) {
		t.Error("wrong block")
	}
}
