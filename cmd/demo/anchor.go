package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient/simulated"
	gethlog "github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/node"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/anchor/ethereum"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/signer/pades"
)

const chainID = 1337 // of the simulated chain

// anchored is what an auditor has to know of the chain.
type anchored struct {
	genesis [32]byte
	sender  [20]byte
	final   evidence.Block
}

// localTokens takes tokens from the demo's own authority.
type localTokens struct{ tsa *pades.LocalTSA }

func (l localTokens) Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) ([]byte, error) {
	stamp, err := l.tsa.Timestamp(ctx, hash, digest)
	if err != nil {
		return nil, err
	}
	return stamp.Token, nil
}

// anchor puts all diplomas into one batch, anchors it with one transaction on a chain of
// the demo's own, and hands out evidence for each.
func (t *tour) anchor() error {
	chain, backend, known, err := t.startChain(func() time.Time { return t.now })
	if err != nil {
		return err
	}
	defer backend.Close()
	t.anchored = known
	store := anchor.NewMemStore()
	clock := func() time.Time { return t.now }
	batcher, err := anchor.NewBatcher(anchor.BatcherConfig{
		Store: store, Issuer: t.institution.did, Key: t.institution.key.Signer, Method: t.institution.key.Method,
		Promise: []string{evidence.PromiseChain(chainID), evidence.PromiseTimestamp}, Clock: clock,
	})
	if err != nil {
		return err
	}
	var items []anchor.Item
	for i, s := range t.students {
		for _, doc := range []struct {
			id, kind string
			b        []byte
		}{{fmt.Sprintf("credential-%d", i+1), evidence.SubjectCredential, s.badge.Bytes}, {fmt.Sprintf("pdf-%d", i+1), evidence.SubjectPDF, s.pdf}} {
			digest, err := evidence.SumDigest("sha-256", doc.b)
			if err != nil {
				return err
			}
			subject, err := anchor.Stamp(doc.kind, "sha-256", digest)
			if err != nil {
				return err
			}
			items = append(items, anchor.Item{ID: doc.id, Subject: subject})
		}
	}
	if _, err := batcher.Add(t.ctx, items...); err != nil {
		return err
	}
	record, err := batcher.Seal(t.ctx)
	if err != nil {
		return err
	}
	if record, err = t.finalize(store, chain, backend, record.Seq); err != nil {
		return err
	}
	t.anchored.final = *record.FinalBy
	return t.handOut(store)
}

// startChain runs go-ethereum's simulated node with an account that can pay.
func (t *tour) startChain(clock func() time.Time) (*ethereum.Chain, *simulated.Backend, anchored, error) {
	gethlog.SetDefault(gethlog.NewLogger(gethlog.DiscardHandler()))
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, nil, anchored{}, err
	}
	key, err := ethereum.SoftKey(secret)
	if err != nil {
		return nil, nil, anchored{}, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // for a free port: the node does not say which it took
	if err != nil {
		return nil, nil, anchored{}, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	funds := types.GenesisAlloc{common.Address(key.Address()): {Balance: new(big.Int).Exp(big.NewInt(10), big.NewInt(20), nil)}}
	backend := simulated.NewBackend(funds, func(nc *node.Config, ec *ethconfig.Config) {
		rules := *ec.Genesis.Config // without the rules of a fork that is not out yet
		rules.BogotaTime = nil
		ec.Genesis.Config = &rules
		nc.HTTPHost, nc.HTTPPort, nc.HTTPModules = "127.0.0.1", port, []string{"eth"}
	})
	rpc, err := ethereum.Dial(fmt.Sprintf("http://127.0.0.1:%d", port), &http.Client{Timeout: 10 * time.Second})
	if err != nil {
		return nil, nil, anchored{}, errors.Join(err, backend.Close())
	}
	_, genesis, err := ethereum.Identify(t.ctx, rpc)
	if err != nil {
		return nil, nil, anchored{}, errors.Join(err, backend.Close())
	}
	chain, err := ethereum.New(ethereum.Config{
		ChainID: chainID, Genesis: genesis, Key: key, Clock: clock,
		Endpoints: []ethereum.Endpoint{{Name: "demo", RPC: rpc}},
	})
	if err != nil {
		return nil, nil, anchored{}, errors.Join(err, backend.Close())
	}
	return chain, backend, anchored{genesis: genesis, sender: key.Address()}, nil
}

// finalize makes blocks until the batch is in a final one.
func (t *tour) finalize(store anchor.Store, chain anchor.Chain, backend *simulated.Backend, seq uint64) (*anchor.Record, error) {
	anchorer, err := anchor.NewAnchorer(anchor.AnchorerConfig{Store: store, Chain: chain, Timestamper: localTokens{t.seal.tsa}, Clock: func() time.Time { return t.now }})
	if err != nil {
		return nil, err
	}
	for range 100 {
		if err := anchorer.Step(t.ctx); err != nil {
			return nil, err
		}
		record, err := store.Record(t.ctx, seq)
		if err != nil {
			return nil, err
		}
		if record.Done && record.FinalBy != nil {
			return record, nil
		}
		backend.Commit()
	}
	return nil, errors.New("the batch did not become final")
}

// handOut writes the evidence of each item: credentials inside, PDFs beside.
func (t *tour) handOut(store anchor.Store) error {
	prover := &anchor.Prover{Store: store}
	for i, s := range t.students {
		for _, e := range []struct {
			id, file string
			content  []byte
		}{{fmt.Sprintf("credential-%d", i+1), fmt.Sprintf("evidence-%d.cbor", i+1), s.badge.Bytes}, {fmt.Sprintf("pdf-%d", i+1), fmt.Sprintf("evidence-pdf-%d.cbor", i+1), nil}} {
			bundle, err := prover.Bundle(t.ctx, e.id, e.content)
			if err != nil {
				return err
			}
			b, err := bundle.Encode()
			if err != nil {
				return err
			}
			if err := t.write(e.file, b); err != nil {
				return err
			}
			switch {
			case e.content != nil:
				t.expect(e.file, "valid", "")
			default:
				t.expectWith(e.file, fmt.Sprintf("diploma-%d.pdf", i+1), "valid", "")
			}
		}
	}
	t.expectWith("evidence-pdf-1.cbor", "diploma-2.pdf", "invalid", "")
	return nil
}
