// Package anchor puts digests into signed batches, has each batch anchored by one
// transaction and one RFC 3161 timestamp, and hands out evidence for each item.
//
//	batcher, err := anchor.NewBatcher(anchor.BatcherConfig{Store: store, Issuer: …, Key: …, Clock: time.Now})
//	items, err := batcher.Add(ctx, anchor.Item{Subject: subject})   // durable when it returns
//	record, err := batcher.Seal(ctx)                                // or batcher.Run, by size and age
//	anchorer, err := anchor.NewAnchorer(anchor.AnchorerConfig{Store: store, Chain: chain, Clock: time.Now})
//	err = anchorer.Step(ctx)                                        // again and again, or anchorer.Run
//	bundle, err := (&anchor.Prover{Store: store}).Bundle(ctx, items[0].ID, nil)
//
// A batch goes through the states sealed, sent, mined and final; a reorganisation of the
// chain takes it from mined back to sent. What is about to be broadcast is stored
// before, so that a crash at any point ends in one transaction: the next Step
// rebroadcasts the same bytes. The timestamp waits for none of this.
//
// Caveats. Items and salts are in the Store in clear: who can read it can tell what
// was anchored. The package opens no socket; a Chain does, see anchor/ethereum. What it
// hands out is for a verifier to judge: package proof/evidence.
package anchor
