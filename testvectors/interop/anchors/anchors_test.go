// Package anchors_test runs package blockcerts against the MerkleProof2019 codec of
// @vaultie/lds-merkle-proof-2019.
package anchors_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/proof/blockcerts"
	"github.com/chancery-dev/chancery/testvectors/interop"
)

// plain is the JSON form of a proofValue.
type plain struct {
	MerkleRoot string              `json:"merkleRoot"`
	TargetHash string              `json:"targetHash"`
	Anchors    []string            `json:"anchors"`
	Path       []map[string]string `json:"path"`
}

type question struct {
	Op    string `json:"op"`
	Value any    `json:"value"`
}

// ask puts questions to the peer, all in one run.
func ask(t *testing.T, questions []question) []json.RawMessage {
	t.Helper()
	dir := interop.NPM(t, ".", "peer.mjs")
	var in bytes.Buffer
	for _, q := range questions {
		b, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(b, '\n'))
	}
	cmd := exec.Command("node", "peer.mjs")
	cmd.Dir, cmd.Stdin = dir, &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []json.RawMessage
	for line := range strings.Lines(string(out)) {
		var a struct {
			OK     bool            `json:"ok"`
			Result json.RawMessage `json:"result"`
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil || !a.OK {
			t.Fatalf("the peer says %s", line)
		}
		answers = append(answers, a.Result)
	}
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(answers), len(questions))
	}
	return answers
}

// receipt makes a random receipt, and its JSON form.
func receipt(t *testing.T, rng *rand.Rand) (*blockcerts.Receipt, plain) {
	t.Helper()
	digest := func() (d [32]byte) {
		for i := range d {
			d[i] = byte(rng.Uint32())
		}
		return d
	}
	r := &blockcerts.Receipt{TargetHash: digest()}
	// The peer's decoder wants a path.
	p := plain{TargetHash: hex.EncodeToString(r.TargetHash[:]), Path: []map[string]string{}}
	for range 1 + rng.IntN(20) {
		s := blockcerts.Step{Left: rng.IntN(2) == 0, Sibling: digest()}
		side := "right"
		if s.Left {
			side = "left"
		}
		r.Path = append(r.Path, s)
		p.Path = append(p.Path, map[string]string{side: hex.EncodeToString(s.Sibling[:])})
	}
	r.MerkleRoot = r.Root()
	p.MerkleRoot = hex.EncodeToString(r.MerkleRoot[:])
	places := []string{"btc:mainnet", "btc:testnet", "eth:mainnet", "eth:ropsten", "eth:rinkeby", "eth:goerli", "eth:sepolia", "mtc:mainnet", "mtc:mumbai"}
	id := digest()
	// Without 0x: with it the peer writes no transaction at all.
	text := "blink:" + places[rng.IntN(len(places))] + ":" + hex.EncodeToString(id[:])
	a, err := blockcerts.ParseAnchor(text)
	if err != nil {
		t.Fatal(err)
	}
	r.Anchors, p.Anchors = []blockcerts.Anchor{a}, []string{text}
	return r, p
}

// TestMerkleProof2019: what we write the peer reads alike, in both encodings, and what
// it writes we read, and write again byte for byte.
func TestMerkleProof2019(t *testing.T) {
	rng := rand.New(rand.NewPCG(20, 19))
	var questions []question
	var receipts []*blockcerts.Receipt
	var plains []plain
	for range 100 {
		r, p := receipt(t, rng)
		for _, e := range []blockcerts.Encoding{blockcerts.TextHex, blockcerts.Binary} {
			value, err := r.ProofValue(e)
			if err != nil {
				t.Fatal(err)
			}
			questions = append(questions, question{"decode", value})
		}
		questions = append(questions, question{"encode", p})
		receipts, plains = append(receipts, r), append(plains, p)
	}
	answers := ask(t, questions)
	for i, r := range receipts {
		for _, answer := range answers[3*i : 3*i+2] {
			var got plain
			if err := json.Unmarshal(answer, &got); err != nil || !reflect.DeepEqual(got, plains[i]) {
				t.Errorf("expected %+v, the peer reads %s", plains[i], answer)
			}
		}
		var value string
		if err := json.Unmarshal(answers[3*i+2], &value); err != nil {
			t.Fatal(err)
		}
		got, err := blockcerts.DecodeProofValue(value)
		if err != nil || !got.Equal(r) || got.Encoding != blockcerts.Binary {
			t.Errorf("the peer writes %s, which is read as %+v, %v", value, got, err)
			continue
		}
		if again, err := got.ProofValue(blockcerts.Binary); err != nil || again != value {
			t.Errorf("expected %s again, found %s, %v", value, again, err)
		}
	}
}
