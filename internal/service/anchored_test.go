package service_test

import (
	"testing"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// TestOwnBatch: only the very batch that was signed here is known, not another header of
// the issuer's under the same number, nor one by an issuer from elsewhere.
func TestOwnBatch(t *testing.T) {
	w := newWorld(t)
	c := w.school("acme")
	key, did, err := w.s.AnchorKey(w.ctx, c.Scope, "")
	if err != nil {
		t.Fatal(err)
	}
	batcher := must(anchor.NewBatcher(anchor.BatcherConfig{Store: w.store.Anchors(c.Scope), Issuer: did, Key: key.Signer, Method: key.Method, Clock: w.clock}))(t)
	digest := must(evidence.SumDigest("sha-256", []byte("a document")))(t)
	subject := must(anchor.Stamp(anchor.Kinds()[0], "sha-256", digest))(t)
	must(batcher.Add(w.ctx, anchor.Item{ID: "one", Subject: subject}))(t)
	record := must(batcher.Seal(w.ctx))(t)

	ours := evidence.Bundle{Header: record.Signed.Header, Signature: record.Signed.Signature}
	otherHeader, otherNumber, stranger := ours, ours, ours
	otherHeader.Header.Size++
	otherNumber.Header.Seq++
	stranger.Header.Issuer = "did:web:elsewhere.example"
	for name, b := range map[string]*evidence.Bundle{"ours": &ours, "another header": &otherHeader, "another number": &otherNumber, "a stranger": &stranger} {
		found := must(w.s.OwnBatch(w.ctx, b))(t)
		if (found != nil) != (name == "ours") {
			t.Errorf("%s: found %v", name, found)
		}
	}
}
