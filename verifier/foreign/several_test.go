package foreign_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/proof/blockcerts"
	"github.com/chancery-dev/chancery/proof/opentimestamps"
	"github.com/chancery-dev/chancery/verifier"
)

// TestRefutedBesideOpen: an attestation that does not hold decides nothing beside one whose
// block is not pinned: pinning that might make the proof valid.
func TestRefutedBesideOpen(t *testing.T) {
	s := otsScene(t)
	digest := s.h.Digests["sha-256"]
	for _, c := range []struct {
		heights []uint64
		want    verifier.Reason
	}{
		{[]uint64{0}, verifier.ForeignAnchorRefuted},
		{[]uint64{0, 7}, verifier.ForeignAnchorUnconfirmed},
		{[]uint64{7}, verifier.ForeignAnchorUnconfirmed},
	} {
		root := &opentimestamps.Node{}
		for _, h := range c.heights {
			a, _ := opentimestamps.NewBlockAttestation(opentimestamps.Bitcoin, h)
			root.Branches = append(root.Branches, opentimestamps.Branch{Attestation: a})
		}
		b, err := (&opentimestamps.File{HashOp: opentimestamps.SHA256, Digest: digest, Root: root}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		s.file = b
		r := s.judge(t)
		noted := slices.ContainsFunc(r.Findings, func(f verifier.Finding) bool { return f.Code == "anchor_refuted" })
		if r.Reason != c.want || r.Outcome != c.want.Outcome() || noted != (len(c.heights) == 2) {
			t.Errorf("%v: expected %s\n%s", c.heights, string(c.want), explain(r))
		}
	}
}

// TestChainpointRefutedBesideOpen: the same of the anchors of a Chainpoint proof.
func TestChainpointRefutedBesideOpen(t *testing.T) {
	s := otsScene(t)
	for _, c := range []struct {
		heights []string
		want    verifier.Reason
	}{
		{[]string{"0"}, verifier.ForeignAnchorRefuted},
		{[]string{"0", "7"}, verifier.ForeignAnchorUnconfirmed},
		{[]string{"7"}, verifier.ForeignAnchorUnconfirmed},
	} {
		anchors := make([]string, len(c.heights))
		for i, h := range c.heights {
			anchors[i] = fmt.Sprintf(`{"type":"btc","anchor_id":%q}`, h)
		}
		s.file = fmt.Appendf(nil, `{"@context":"https://w3id.org/chainpoint/v4","type":"Chainpoint","proof_id":"a","hash_received":"b","hash":%q,"branches":[{"ops":[{"op":"sha-256"},{"anchors":[%s]}]}]}`,
			hex.EncodeToString(s.h.Digests["sha-256"]), strings.Join(anchors, ","))
		r := s.judge(t)
		if r.Reason != c.want || r.Outcome != c.want.Outcome() {
			t.Errorf("%v: expected %s\n%s", c.heights, string(c.want), explain(r))
		}
	}
}

// TestBlockcertsRefutedBesideOpen: and of the anchors of a Blockcert, whose transaction may be
// brought later.
func TestBlockcertsRefutedBesideOpen(t *testing.T) {
	const chainID, number = 11155111, 5_000_001
	header, tx, id := ethBlock(t, chainID, number, make([]byte, 32)) // holds another root
	wrong := blockcerts.Anchor{Chain: "eth", Network: "sepolia", TxID: id}
	for name, c := range map[string]struct {
		beside blockcerts.Anchor
		want   verifier.Outcome
	}{
		"alone":           {blockcerts.Anchor{}, verifier.Invalid},
		"Ethereum":        {blockcerts.Anchor{Chain: "eth", Network: "sepolia", TxID: [32]byte{9}}, verifier.Indeterminate},
		"Bitcoin":         {blockcerts.Anchor{Chain: "btc", Network: "mainnet", TxID: [32]byte{9}}, verifier.Indeterminate},
		"on no chain":     {blockcerts.Anchor{Chain: "mocknet", Network: "mocknet"}, verifier.Invalid},
		"the wrong twice": {wrong, verifier.Invalid},
	} {
		s := blockcertsScene(t, blockcerts.TextHex, func(r *blockcerts.Receipt) {
			if r.Anchors = []blockcerts.Anchor{wrong}; c.beside.Chain != "" {
				r.Anchors = append(r.Anchors, c.beside)
			}
		})
		s.h.EthereumTransactions = append(s.h.EthereumTransactions, tx)
		s.trust.Documents = append(s.trust.Documents, pinEth(chainID, number, header))
		r := s.judge(t)
		if check, _ := r.Check(verifier.CheckAnchor); r.Outcome != c.want || c.want == verifier.Invalid && check.Reason != verifier.ForeignAnchorRefuted {
			t.Errorf("%s: expected %s\n%s", name, c.want, explain(r))
		}
	}
}
