package anchor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// What each command of a program comes to. The directory holds everything between them.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "anchor")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	now := time.Date(2026, 4, 1, 8, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now } // a program takes time.Now
	chain := newFakeChain(clock)             // a program takes anchor/ethereum.New

	store, err := anchor.OpenFileStore(dir)
	if err != nil {
		panic(err)
	}
	defer store.Close()
	batcher, err := anchor.NewBatcher(anchor.BatcherConfig{
		Store: store, Issuer: "did:web:university.example", Method: "did:web:university.example#batches",
		Key: issuerKey, Promise: []string{evidence.PromiseChain(31337)}, Clock: clock,
	})
	if err != nil {
		panic(err)
	}

	// stamp --hash sha-512 FILE: the digest is kept, the document is not.
	subject, err := anchor.Digest(strings.NewReader("the file"), evidence.SubjectStamp, "sha-512")
	if err != nil {
		panic(err)
	}
	items, err := batcher.Add(ctx, anchor.Item{ID: "letter-17", Subject: subject})
	if err != nil {
		panic(err)
	}
	fmt.Println("stamped", items[0].ID)

	// anchor submit: a batch of all that waits, sealed, signed and sent.
	record, err := batcher.Seal(ctx)
	if err != nil && !errors.Is(err, anchor.ErrEmpty) {
		panic(err)
	}
	anchorer, err := anchor.NewAnchorer(anchor.AnchorerConfig{Store: store, Chain: chain, Clock: clock})
	if err != nil {
		panic(err)
	}
	if err := anchorer.Step(ctx); err != nil {
		panic(err)
	}

	// anchor status.
	status, err := anchor.Lookup(ctx, store, "letter-17")
	if err != nil {
		panic(err)
	}
	fmt.Println("batch", status.Batch.Seq, status.Batch.State) // and Problem, Detail

	// anchor wait.
	chain.mine()
	chain.finalize()
	if record, err = anchorer.Wait(ctx, record.Seq, time.Second); err != nil {
		panic(err)
	}
	fmt.Println("batch", record.Seq, record.State, "by", record.RestsOn)

	// prove ITEM -o evidence.cbor: bundle.Encode is the file.
	bundle, err := (&anchor.Prover{Store: store}).Bundle(ctx, "letter-17", nil)
	if err != nil {
		panic(err)
	}
	fmt.Println("evidence of", bundle.Subject.Type, bundle.Subject.DigestAlg, "with", len(bundle.Anchors), "anchor")

	// tree.
	trees, err := anchor.Trees(ctx, store, record)
	if err != nil {
		panic(err)
	}
	fmt.Println("tree", trees[0].Hash(), "of", trees[0].Size())

	// Output:
	// stamped letter-17
	// batch 0 sent
	// batch 0 final by a test
	// evidence of stamp sha-512 with 1 anchor
	// tree sha-256 of 1
}
