package merkle

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	cbergoon "github.com/cbergoon/merkletree"
	"github.com/transparency-dev/merkle/compact"
	tproof "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"pgregory.net/rapid"
)

func leafData(i int) []byte {
	var b [32]byte
	binary.BigEndian.PutUint64(b[:], uint64(i)*0x9e3779b97f4a7c15)
	return b[:]
}

func build(tb testing.TB, h Hash, n int) *Tree {
	tb.Helper()
	t, err := Build(h, n, leafData)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// TestKnownRoots: the reference tree of RFC 6962's own implementation.
func TestKnownRoots(t *testing.T) {
	inputs := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	roots := []string{
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	for n := 1; n <= len(inputs); n++ {
		tree, err := Build(SHA256, n, func(i int) []byte { b, _ := hex.DecodeString(inputs[i]); return b })
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(tree.Root()); got != roots[n-1] {
			t.Errorf("%d leaves: expected %s, found %s", n, roots[n-1], got)
		}
	}
}

func TestAgreesWithPeers(t *testing.T) {
	rf := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	for n := 1; n <= 130; n++ {
		tree := build(t, SHA256, n)
		r := rf.NewEmptyRange(0)
		for i := range n {
			if err := r.Append(rfc6962.DefaultHasher.HashLeaf(leafData(i)), nil); err != nil {
				t.Fatal(err)
			}
		}
		want, err := r.GetRootHash(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, tree.Root()) {
			t.Fatalf("%d leaves: roots differ from transparency-dev/merkle", n)
		}
		if got := cbergoonRoot(t, n); !bytes.Equal(got, tree.Root()) {
			t.Fatalf("%d leaves: roots differ from cbergoon/merkletree", n)
		}
		for i := range n {
			p, err := tree.Inclusion(i)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Verify(tree.LeafHashAt(i), tree.Root()); err != nil {
				t.Fatalf("leaf %d of %d: %v", i, n, err)
			}
			if err := tproof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), uint64(n), tree.LeafHashAt(i), digests(p.Path), tree.Root()); err != nil {
				t.Fatalf("leaf %d of %d: peer refuses: %v", i, n, err)
			}
		}
		for m := 1; m <= n; m++ {
			path, err := tree.Consistency(m)
			if err != nil {
				t.Fatal(err)
			}
			first := build(t, SHA256, m).Root()
			if err := VerifyConsistency(SHA256, uint64(m), uint64(n), first, tree.Root(), path); err != nil {
				t.Fatalf("%d in %d: %v", m, n, err)
			}
			if err := tproof.VerifyConsistency(rfc6962.DefaultHasher, uint64(m), uint64(n), digests(path), first, tree.Root()); err != nil {
				t.Fatalf("%d in %d: peer refuses: %v", m, n, err)
			}
		}
	}
}

func digests(path []byte) [][]byte {
	out := [][]byte{}
	for ; len(path) > 0; path = path[32:] {
		out = append(out, path[:32])
	}
	return out
}

type content []byte

func (c content) CalculateHash() ([]byte, error)          { return c, nil }
func (c content) Equals(o cbergoon.Content) (bool, error) { return bytes.Equal(c, o.(content)), nil }

func cbergoonRoot(tb testing.TB, n int) []byte {
	list := make([]cbergoon.Content, n)
	for i := range list {
		list[i] = content(leafData(i))
	}
	tree, err := cbergoon.NewTreeWithOptions(list, cbergoon.WithRFC6962())
	if err != nil {
		tb.Fatal(err)
	}
	return tree.MerkleRoot()
}

// TestForgedInclusion: another index, size, path length or digest leads elsewhere or
// is refused, for every hash.
func TestForgedInclusion(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := rapid.SampledFrom([]Hash{SHA256, SHA512, SHA3_256}).Draw(rt, "hash")
		n := rapid.IntRange(1, 300).Draw(rt, "n")
		i := rapid.IntRange(0, n-1).Draw(rt, "i")
		tree, err := Build(h, n, leafData)
		if err != nil {
			rt.Fatal(err)
		}
		p, err := tree.Inclusion(i)
		if err != nil {
			rt.Fatal(err)
		}
		leaf, root := tree.LeafHashAt(i), tree.Root()
		if err := p.Verify(leaf, root); err != nil {
			rt.Fatal(err)
		}
		q := p
		switch rapid.SampledFrom([]string{"index", "size", "cut", "grow", "flip", "leaf", "node as leaf"}).Draw(rt, "forgery") {
		case "index":
			q.Index = uint64(rapid.IntRange(0, n+2).Draw(rt, "index"))
			if q.Index == p.Index {
				return
			}
		case "size":
			// A size that gives the same way to the root cannot be told from the path;
			// the signed batch header holds the size, so only the shape matters here.
			q.Size = uint64(rapid.IntRange(0, 600).Draw(rt, "size"))
			if sameShape(p.Index, p.Size, q.Size) {
				return
			}
		case "cut":
			if len(p.Path) == 0 {
				return
			}
			q.Path = p.Path[:len(p.Path)-h.Size()]
		case "grow":
			q.Path = append(append([]byte(nil), p.Path...), make([]byte, h.Size())...)
		case "flip":
			if len(p.Path) == 0 {
				return
			}
			q.Path = append([]byte(nil), p.Path...)
			q.Path[rapid.IntRange(0, len(q.Path)-1).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		case "leaf":
			leaf[rapid.IntRange(0, len(leaf)-1).Draw(rt, "byte")] ^= 0x80
		case "node as leaf":
			if n < 4 {
				return
			}
			q = Inclusion{Hash: h, Size: uint64((n + 1) / 2), Index: uint64(i / 2), Path: p.Path}
			if len(q.Path) > 0 && i^1 < n {
				q.Path = q.Path[h.Size():]
			}
			leaf = h.LeafHash(tree.node(1, i/2))
		}
		if err := q.Verify(leaf, root); err == nil {
			rt.Fatalf("accepted a forged proof")
		}
	})
}

func sameShape(index, n, m uint64) bool {
	if m <= index || m == 0 {
		return false
	}
	way := func(n uint64) string {
		s := ""
		for i := index; n > 1; i, n = i/2, (n+1)/2 {
			switch {
			case i^1 >= n:
				continue
			case i&1 == 1:
				s += "l"
			default:
				s += "r"
			}
		}
		return s
	}
	return way(n) == way(m)
}

func TestForgedConsistency(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 200).Draw(rt, "n")
		m := rapid.IntRange(1, n-1).Draw(rt, "m")
		tree, _ := Build(SHA256, n, leafData)
		old, _ := Build(SHA256, m, leafData)
		path, err := tree.Consistency(m)
		if err != nil {
			rt.Fatal(err)
		}
		first, second := old.Root(), tree.Root()
		mm, nn := uint64(m), uint64(n)
		switch rapid.IntRange(0, 4).Draw(rt, "forgery") {
		case 0:
			first[3] ^= 1
		case 1:
			second[3] ^= 1
		case 2:
			path = append(path, make([]byte, 32)...)
		case 3:
			path = path[:len(path)-32]
		case 4:
			path[rapid.IntRange(0, len(path)-1).Draw(rt, "byte")] ^= 4
		}
		if err := VerifyConsistency(SHA256, mm, nn, first, second, path); err == nil {
			rt.Fatal("accepted a forged proof")
		}
	})
}

func TestRefuses(t *testing.T) {
	leaf := SHA256.LeafHash(nil)
	for _, tt := range []struct {
		name string
		p    Inclusion
		want error
	}{
		{"no hash", Inclusion{Size: 1}, ErrHash},
		{"no size", Inclusion{Hash: SHA256}, ErrSize},
		{"index = size", Inclusion{Hash: SHA256, Size: 1, Index: 1}, ErrSize},
		{"too large", Inclusion{Hash: SHA256, Size: MaxSize + 1}, ErrSize},
		{"odd path", Inclusion{Hash: SHA256, Size: 2, Path: make([]byte, 31)}, ErrDigest},
		{"path for a tree of one", Inclusion{Hash: SHA256, Size: 1, Path: make([]byte, 32)}, ErrPath},
		{"no path for a tree of two", Inclusion{Hash: SHA256, Size: 2}, ErrPath},
		{"wrong digest length", Inclusion{Hash: SHA512, Size: 1}, ErrDigest},
	} {
		if _, err := tt.p.Root(leaf); !errors.Is(err, tt.want) {
			t.Errorf("%s: expected %v, found %v", tt.name, tt.want, err)
		}
	}
	if _, err := Build(SHA256, 0, leafData); !errors.Is(err, ErrSize) {
		t.Errorf("empty tree: %v", err)
	}
	if _, err := FromLeafHashes(SHA256, make([]byte, 33)); !errors.Is(err, ErrDigest) {
		t.Errorf("odd leaves: %v", err)
	}
	if err := VerifyConsistency(SHA256, 2, 1, leaf, leaf, nil); !errors.Is(err, ErrSize) {
		t.Errorf("shrinking tree: %v", err)
	}
}

func FuzzInclusion(f *testing.F) {
	f.Add(uint64(5), uint64(3), make([]byte, 96))
	f.Fuzz(func(t *testing.T, size, index uint64, path []byte) {
		leaf := SHA256.LeafHash([]byte("leaf"))
		p := Inclusion{Hash: SHA256, Size: size, Index: index, Path: path}
		root, err := p.Root(leaf)
		want, wantErr := tproof.RootFromInclusionProof(rfc6962.DefaultHasher, index, size, leaf, digests(path[:len(path)/32*32]))
		if len(path)%32 != 0 || size > MaxSize {
			if err == nil {
				t.Fatal("accepted what must be refused")
			}
			return
		}
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(root, want) {
			t.Fatalf("peer says %x, %v; ours %x, %v", want, wantErr, root, err)
		}
	})
}

const million = 1_000_000

// floor is the time of the hashing alone: n leaves of 33 bytes, n-1 nodes of 65.
func floor(n int) time.Duration {
	var leaf [33]byte
	var node [65]byte
	start := time.Now()
	for i := range n {
		leaf[1] = byte(i)
		d := sha256.Sum256(leaf[:])
		node[1] = d[0]
	}
	for range n - 1 {
		d := sha256.Sum256(node[:])
		node[2] = d[1]
	}
	return time.Since(start)
}

// BenchmarkTargetBuildMillion: building over a million leaves against hashing alone.
func BenchmarkTargetBuildMillion(b *testing.B) {
	data := make([]byte, 32*million)
	for i := range million {
		copy(data[32*i:], leafData(i))
	}
	var raw, ours time.Duration
	var tree *Tree
	var before, after runtime.MemStats
	for b.Loop() {
		raw += floor(million)
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		var err error
		if tree, err = Build(SHA256, million, func(i int) []byte { return data[32*i : 32*i+32] }); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		runtime.GC()
		runtime.ReadMemStats(&after)
	}
	runtime.KeepAlive(tree)
	b.ReportMetric(float64(ours)/float64(raw), "x_raw")
	b.ReportMetric(1.2, "x_limit")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "live_MB")
	b.ReportMetric(80, "MB_limit")
}

// BenchmarkTargetVerifyMillion: checking all proofs of a million leaves against the
// hashing that they ask for.
func BenchmarkTargetVerifyMillion(b *testing.B) {
	tree := build(b, SHA256, million)
	root := tree.Root()
	proofs := make([]Inclusion, million)
	hashes := 0
	for i := range proofs {
		p, err := tree.Inclusion(i)
		if err != nil {
			b.Fatal(err)
		}
		proofs[i] = p
		hashes += len(p.Path) / 32
	}
	var raw, ours time.Duration
	for b.Loop() {
		var node [65]byte
		start := time.Now()
		for range hashes {
			d := sha256.Sum256(node[:])
			node[2] = d[1]
		}
		raw += time.Since(start)
		start = time.Now()
		for i := range proofs {
			if err := proofs[i].Verify(tree.node(0, i), root); err != nil {
				b.Fatal(err)
			}
		}
		ours += time.Since(start)
	}
	b.ReportMetric(float64(ours)/float64(raw), "x_raw")
	b.ReportMetric(1.15, "x_limit")
}

// BenchmarkPeersBuildMillion puts the peers beside ours, in the same run.
func BenchmarkPeersBuildMillion(b *testing.B) {
	var raw, ours, cberg, transp time.Duration
	for b.Loop() {
		raw += floor(million)
		start := time.Now()
		build(b, SHA256, million)
		ours += time.Since(start)
		start = time.Now()
		cbergoonRoot(b, million)
		cberg += time.Since(start)
		start = time.Now()
		r := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
		for i := range million {
			if err := r.Append(rfc6962.DefaultHasher.HashLeaf(leafData(i)), nil); err != nil {
				b.Fatal(err)
			}
		}
		transp += time.Since(start)
	}
	b.ReportMetric(float64(ours)/float64(raw), "x_raw")
	b.ReportMetric(float64(cberg)/float64(raw), "x_raw_cbergoon")
	b.ReportMetric(float64(transp)/float64(raw), "x_raw_transparency")
}

// BenchmarkBuildTenMillion shows that time and memory stay linear.
func BenchmarkBuildTenMillion(b *testing.B) {
	for _, n := range []int{million, 10 * million} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				build(b, SHA256, n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/leaf")
		})
	}
}
