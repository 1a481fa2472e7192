package evidence

import (
	"crypto/sha256"
	"slices"
	"testing"
)

// TestSize: the evidence of one document among a million, and what its batch shares, on
// a chain as large as mainnet: a committee of 512, blocks of 1, 200 and 400 transactions
// with the batch at any place, and proofs of as many nodes as 300 million accounts and
// 8191 slots ask for (log16: 7 and 3 full branches, and one more). The timestamp is taken
// to be of 5 KB: public authorities send two or three certificates along.
func TestSize(t *testing.T) {
	const (
		limit      = 3500
		partsLimit = 40_000
		tokenSize  = 5_000
	)
	w := theWorld()
	p := plan{n: 1_000_000, index: 417_417, kind: SubjectCredential, tenant: saltOf(1), seq: 88, prev: saltOf(2), log: saltOf(3), promise: []string{PromiseChain(worldChain), PromiseTimestamp}}
	batch := w.batch(t, &p)
	statement, err := batch.Statement()
	if err != nil {
		t.Fatal(err)
	}
	d := sha256.Sum256(statement)
	token := w.tsaAnchor(t)(d, statement)
	whole := 0
	for _, txs := range []int{1, 200, 400} {
		var items, shown, shared []int
		for index := 0; index < txs; index += 41 {
			batch.Anchors = []Anchor{w.ethAnchor(t, ethPlan{txs: txs, index: index, history: true, deep: true})(d, statement), token}
			b, err := batch.Bundle(Item{Index: p.index, Subject: p.subject(t, p.index), Salt: saltOf(p.index)})
			if err != nil {
				t.Fatal(err)
			}
			small, parts := b.Detach()
			enc, err := small.Encode()
			if err != nil {
				t.Fatal(err)
			}
			file, err := EncodeParts(parts)
			if err != nil {
				t.Fatal(err)
			}
			items, shown = append(items, len(enc)), append(shown, len(b.Anchors[0].Eth.Tx.Bytes))
			shared = append(shared, len(file)-len(token.Timestamp.Token.Bytes)+tokenSize)
			if index > 0 {
				continue
			}
			if r, err := small.Verify(Input{Digest: b.Subject.Digest, Parts: parts}, w.trust()); err != nil {
				t.Error(describe(r))
			}
			full, err := b.Encode()
			if err != nil {
				t.Fatal(err)
			}
			whole = len(full)
		}
		t.Logf("%d transactions: item %d bytes (limit %d); parts %d to %d bytes with a token of %d (limit %d), the transaction in its block %d to %d of them; all in one file %d bytes",
			txs, slices.Max(items), limit, slices.Min(shared), slices.Max(shared), tokenSize, partsLimit, slices.Min(shown), slices.Max(shown), whole)
		if slices.Max(items) > limit || slices.Max(shared) > partsLimit {
			t.Errorf("item of %d bytes, parts of %d bytes", slices.Max(items), slices.Max(shared))
		}
	}
	link, err := ParseLink(batch.Anchors[0].Eth.Link.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if n, m := len(link.History.AccountProof), len(link.History.StorageProof); n != 9 || m != 5 {
		t.Errorf("proofs of %d and %d nodes are none of mainnet", n, m)
	}
	t.Logf("token of this test %d bytes, link %d, pack %d", len(token.Timestamp.Token.Bytes), len(batch.Anchors[0].Eth.Link.Bytes), len(batch.Anchors[0].Eth.Pack.Bytes))
}
